package answer

import (
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
)

// A short ban in a few districts does not stand before the long one of the whole
// country in which it lies. The bans are of ZZ: invented.
func TestTheBanOfTheWholeCountryIsSaidFirst(t *testing.T) {
	day := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	one := func(scope ban.Scope, area, from, to string) ban.Ban {
		r := ban.Report{Origin: ban.Origin{Dataset: ban.Record, ID: from}, CC: "ZZ", Targets: []string{"x"}, Method: ban.Block, Scope: scope, Area: area, Start: day(from), End: day(to), Status: ban.Ended, Known: day(to)}
		return ban.Reconcile([]ban.Report{r})[0]
	}
	a := Of(Question{CC: "ZZ", Target: "x", Now: day("2026-01-01")}, Evidence{Bans: []ban.Ban{
		one(ban.National, "", "2024-02-17", "2025-05-07"), one(ban.Regional, "two districts", "2024-07-13", "2024-07-18"), one(ban.National, "", "2021-04-16", "2021-04-17"),
	}})
	if len(a.Reported) != 3 || a.Reported[0].End.Year() != 2025 || a.Reported[2].Scope != ban.Regional {
		t.Errorf("the reports are in the order %+v", a.Reported)
	}
	if !strings.Contains(a.Sentence, "from 17 February 2024 to 7 May 2025, 445 days") {
		t.Error(a.Sentence)
	}
	if h := a.Headline(); h != "It was blocked until 7 May 2025, as sources report" {
		t.Error(h)
	}
}

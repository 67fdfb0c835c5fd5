package answer

import (
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
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

// Who asks of a time of which nobody speaks is told what was last reported
// before it. The bans are of ZZ: invented.
func TestWhatWasReportedBefore(t *testing.T) {
	day := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	one := func(scope ban.Scope, from, to string, status ban.Status) ban.Ban {
		r := ban.Report{Origin: ban.Origin{Dataset: ban.KeepItOn, ID: from}, CC: "ZZ", Targets: []string{"x"}, Method: ban.Block, Scope: scope, Start: day(from), Status: status, Known: day(to)}
		if status == ban.Ended {
			r.End = day(to)
		}
		return ban.Reconcile([]ban.Report{r})[0]
	}
	bans := []ban.Ban{
		one(ban.National, "2009-06-02", "2015-07-08", ban.Ongoing), one(ban.National, "2018-04-16", "2018-04-16", ban.Ended),
		one(ban.National, "2019-01-01", "2019-02-01", ban.Ended), one(ban.Regional, "2020-01-01", "2020-01-05", ban.Ended),
	}
	for _, tt := range []struct{ at, want string }{
		{"2009-01-01", ""},
		{"2017-01-01", " Before that time a ban is reported since 2 June 2009. It was last reported on 8 July 2015, which is too long before to speak of that time."},
		{"2018-12-01", " Before that time a ban of one day is reported, 16 April 2018."},
		{"2026-01-01", " Before that time a ban is reported from 1 January 2019 to 1 February 2019."},
	} {
		if got := past(bans, &casefile.AccessClaim{Target: "x", CC: "ZZ"}, day(tt.at)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.at, got, tt.want)
		}
	}
}

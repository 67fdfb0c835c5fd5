package inquiry

import (
	"errors"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

// desk is one without an archive, on a day that the test may move.
func desk(t *testing.T) (*Desk, *time.Time) {
	t.Helper()
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	return &Desk{Targets: reg, Records: rec, Now: func() time.Time { return now }}, &now
}

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t.AddDate(0, 0, 1)
}

// The record answers where nothing was measured, and as of a day it knows no
// more than was published.
func TestRecordAnswers(t *testing.T) {
	d, _ := desk(t)
	for _, c := range []struct {
		name  string
		ask   Ask
		state verdict.State
		basis answer.Basis
		until bool
	}{
		{"before", Ask{At: day("2024-02-01")}, verdict.Insufficient, answer.Nothing, false},
		{"in the ban", Ask{At: day("2024-03-14")}, verdict.Blocked, answer.Reported, true},
		{"as known in the ban", Ask{Known: day("2024-03-14")}, verdict.LikelyBlocked, answer.Reported, false}, // the last report of it was of 19 February
		{"after", Ask{At: day("2025-06-01")}, verdict.Insufficient, answer.Nothing, false},
		{"now", Ask{}, verdict.Insufficient, answer.Nothing, false},
	} {
		c.ask.CC, c.ask.Target = "PK", "x"
		a, err := d.Answer(t.Context(), c.ask)
		if err != nil {
			t.Fatal(err)
		}
		if a.State != c.state || a.Basis != c.basis || (a.Until != nil) != c.until {
			t.Errorf("%s: %s by %s until %v: %s", c.name, a.State, a.Basis, a.Until, a.Sentence)
		}
	}
}

// Imported lists are read again after a while, and a change in them changes
// the answer that was kept.
func TestListsAreReadAgain(t *testing.T) {
	d, now := desk(t)
	var lists []ban.Report
	var fail error
	d.Lists = func() ([]ban.Report, error) { return lists, fail }
	ask := Ask{CC: "ZZ", Target: "x"}
	state := func() verdict.State {
		t.Helper()
		a, err := d.Answer(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		return a.State
	}
	if s := state(); s != verdict.Insufficient {
		t.Errorf("without lists: %s", s)
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lists = []ban.Report{{Origin: ban.Origin{Dataset: ban.KeepItOn, File: "made up"}, CC: "ZZ", Targets: []string{"x"}, Method: ban.Block, Scope: ban.National, Start: start, Status: ban.Ongoing, Known: start.AddDate(0, 0, 5)}}
	if s := state(); s != verdict.Insufficient {
		t.Errorf("before the lists are read again: %s", s)
	}
	*now = now.Add(2 * listsLast)
	if s := state(); s != verdict.LikelyBlocked {
		t.Errorf("after: %s", s)
	}
	*now, fail = now.Add(2*listsLast), errors.New("disk gone")
	if _, err := d.Answer(t.Context(), ask); err == nil {
		t.Error("lists that cannot be read are no error")
	}
}

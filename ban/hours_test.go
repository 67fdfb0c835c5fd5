package ban

import (
	"testing"
	"time"

	"github.com/bandish/bandish/event"
)

func moment(s string) *time.Time {
	t, err := time.Parse("2006-01-02T15", s)
	if err != nil {
		panic(err)
	}
	return &t
}

// Hours of two bans that overlap count once; what is an interval gives a least
// and a most; each year has its own; what lasts ends with what is known.
func TestHours(t *testing.T) {
	between := func(a, b string) event.Interval { return event.Interval{Earliest: moment(a), Latest: moment(b)} }
	end := between("2023-01-01T06", "2023-01-01T10")
	second := between("2022-12-31T23", "2023-01-01T01")
	events := []event.Event{
		{ID: "one", CC: "ZZ", Target: "x", Kind: event.Block, Onset: between("2022-12-31T20", "2022-12-31T22"), End: &end},
		{ID: "two", CC: "ZZ", Target: "x", Kind: event.Block, Onset: between("2022-12-31T21", "2022-12-31T22"), End: &second},
		{ID: "open", CC: "ZZ", Target: "y", Kind: event.Throttling, Onset: between("2023-03-01T00", "2023-03-01T02")},
		{ID: "hours", CC: "ZZ", Target: "z", Kind: event.Block, Onset: between("2023-05-01T00", "2023-05-01T00"), End: &event.Interval{Earliest: moment("2023-05-03T00"), Latest: moment("2023-05-03T00")}, Schedule: &event.Schedule{From: 8 * 60, To: 11 * 60, Days: "every day", Zone: "UTC"}},
		{ID: "none", CC: "ZZ", Target: "x", Kind: event.Block, Artefact: "a broken release", Onset: between("2022-01-01T00", "2022-01-01T00")},
	}
	reported := []Ban{
		{CC: "ZZ", Target: "x", Scope: National, Start: *moment("2022-12-30T00"), End: *moment("2023-01-02T00"), Status: Ended, Known: *moment("2023-01-02T00")},
		{CC: "ZZ", Target: "x", Scope: Regional, Start: *moment("2020-01-01T00"), End: *moment("2021-01-01T00"), Status: Ended},
		{CC: "ZZ", Target: "w", Scope: National, Start: *moment("2023-06-01T00"), Status: Ongoing, Known: *moment("2023-06-03T00")},
	}
	last := func(cc, target string) time.Time { return *moment("2023-03-02T00") }
	got := Hours(events, reported, last, *moment("2023-06-10T00"))
	want := []Year{
		{Target: "w", CC: "ZZ", Year: 2023, ReportedBans: 1, ReportedAtLeast: 48, ReportedAtMost: 72, Open: true},
		{Target: "x", CC: "ZZ", Year: 2022, MeasuredBans: 2, MeasuredAtLeast: 2, MeasuredAtMost: 4, ReportedBans: 1, ReportedAtLeast: 48, ReportedAtMost: 48},
		{Target: "x", CC: "ZZ", Year: 2023, MeasuredBans: 2, MeasuredAtLeast: 6, MeasuredAtMost: 10, ReportedBans: 1, ReportedAtLeast: 24, ReportedAtMost: 48},
		{Target: "y", CC: "ZZ", Year: 2023, MeasuredBans: 1, MeasuredAtLeast: 22, MeasuredAtMost: 101 * 24, Open: true},
		{Target: "z", CC: "ZZ", Year: 2023, MeasuredBans: 1, MeasuredAtLeast: 6, MeasuredAtMost: 6},
	}
	if len(got) != len(want) {
		t.Fatalf("%d years, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("year %d is\n%+v, want\n%+v", i, got[i], want[i])
		}
	}
}

package ban

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Length is how long a ban lasted, counted as of a day.
type Length struct {
	Days    int  `json:"days"`     // from the first day to the last; 0 within one day
	AtLeast bool `json:"at_least"` // no report says when it ended, or that it held longer
	Ongoing bool `json:"ongoing"`  // it held on the day
}

// LengthAt is the ban's length as of a day; false when it had not begun.
func (b *Ban) LengthAt(asOf time.Time) (Length, bool) {
	return lengthAt(b.Start, b.End, b.Known, b.Status, day(asOf))
}

// LengthAt is the length by one report alone.
func (r *Report) LengthAt(asOf time.Time) (Length, bool) {
	return lengthAt(r.Start, r.End, r.Known, r.Status, day(asOf))
}

func lengthAt(start, end, known time.Time, status Status, asOf time.Time) (Length, bool) {
	switch {
	case asOf.Before(start):
		return Length{}, false
	case status == Ended && end.After(asOf), status == Ongoing && !known.Before(asOf):
		return Length{Days: days(start, asOf), Ongoing: true}, true
	case status == Ended:
		return Length{Days: days(start, end)}, true
	}
	return Length{Days: days(start, later(start, earlier(known, asOf))), AtLeast: true}, true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Ranked is a ban in its place by length.
type Ranked struct {
	Rank   int    `json:"rank"` // from 1; equal lengths share a rank
	Length Length `json:"length"`
	// Measured is the length by the archive's own events, where there are
	// any; Shortest and Longest are the bounds of all reports, in days.
	Measured *Length `json:"measured"`
	Shortest int     `json:"shortest_days"`
	Longest  int     `json:"longest_days"`
	Ban      `json:"ban"`
}

// Rank orders bans by length as of a day, the longest first; those that had
// not begun are left out.
func Rank(bans []Ban, asOf time.Time) []Ranked {
	var ranked []Ranked
	for _, b := range bans {
		l, begun := b.LengthAt(asOf)
		if !begun {
			continue
		}
		r := Ranked{Length: l, Shortest: l.Days, Longest: l.Days, Ban: b}
		for i := range b.Reports {
			rl, ok := b.Reports[i].LengthAt(asOf)
			if !ok {
				continue
			}
			if b.Reports[i].Origin.Dataset == Measured && r.Measured == nil {
				r.Measured = &rl
			}
			if !rl.AtLeast { // a bound that says nothing of the end shortens nothing
				r.Shortest = min(r.Shortest, rl.Days)
			}
			r.Longest = max(r.Longest, rl.Days)
		}
		ranked = append(ranked, r)
	}
	slices.SortStableFunc(ranked, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Length.Days, a.Length.Days), strings.Compare(a.ID, b.ID))
	})
	for i := range ranked {
		ranked[i].Rank = i + 1
		if i > 0 && ranked[i-1].Length.Days == ranked[i].Length.Days {
			ranked[i].Rank = ranked[i-1].Rank
		}
	}
	return ranked
}

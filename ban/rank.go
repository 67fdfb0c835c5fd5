package ban

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Length is how long a ban lasted, counted as of a day.
type Length struct {
	// Days from the first day to the last; 0 within one day. Where the start
	// or the end is a span, it is the least that it can have been.
	Days    int  `json:"days"`
	AtMost  int  `json:"at_most,omitempty"` // the most, where that is more and the end is known
	AtLeast bool `json:"at_least"`          // no report says when it ended, or that it held longer
	Ongoing bool `json:"ongoing"`           // it held on the day
}

// Most is the longest that it can have been by what is known of its end.
func (l Length) Most() int { return max(l.Days, l.AtMost) }

// LengthAt is the ban's length as of a day; false when it had not begun.
func (b *Ban) LengthAt(asOf time.Time) (Length, bool) {
	return span{b.Start, b.StartBy, b.End, b.EndFrom, b.Known, b.Status}.lengthAt(Day(asOf))
}

// LengthAt is the length by one report alone.
func (r *Report) LengthAt(asOf time.Time) (Length, bool) {
	return span{r.Start, r.StartBy, r.End, r.EndFrom, r.Known, r.Status}.lengthAt(Day(asOf))
}

// span is the time of a ban: startBy and endFrom are zero where start and end
// are one day each.
type span struct {
	start, startBy, end, endFrom, known time.Time
	status                              Status
}

func (s span) lengthAt(asOf time.Time) (Length, bool) {
	switch {
	case asOf.Before(s.start):
		return Length{}, false
	case s.status == Ended && s.end.After(asOf), s.status == Ongoing && !s.known.Before(asOf):
		return s.length(asOf, asOf, Length{Ongoing: true}), true
	case s.status == Ended:
		least := s.end
		if !s.endFrom.IsZero() {
			least = s.endFrom
		}
		return s.length(least, s.end, Length{}), true
	}
	held := later(s.start, earlier(s.known, asOf))
	return s.length(held, held, Length{AtLeast: true}), true
}

// length counts to a last day that is one of a span.
func (s span) length(from, to time.Time, l Length) Length {
	l.Days = max(0, days(later(s.start, s.startBy), from))
	if most := days(s.start, to); most > l.Days && !l.AtLeast {
		l.AtMost = most
	}
	return l
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
		r := Ranked{Length: l, Shortest: l.Days, Longest: l.Most(), Ban: b}
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
			r.Longest = max(r.Longest, rl.Most())
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

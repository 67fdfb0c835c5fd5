package ban

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
)

// Length is how long a ban lasted, counted as of a day.
type Length struct {
	// Days from the first day to the last; 0 within one day. Where the start
	// or the end is a span, it is the least that it can have been.
	Days    int  `json:"days"`
	AtMost  int  `json:"at_most,omitempty"` // the most, where that is more and the end is known
	AtLeast bool `json:"at_least"`          // no report says when it began, or when it ended, or that it held longer
	Ongoing bool `json:"ongoing"`           // it held on the day
}

// Most is the longest that it can have been by what is known of its end.
func (l Length) Most() int { return max(l.Days, l.AtMost) }

// LengthAt is the ban's length as of a day; false when it had not begun.
func (b *Ban) LengthAt(asOf time.Time) (Length, bool) { return b.dates().lengthAt(Day(asOf)) }

// LengthAt is the length by one report alone.
func (r *Report) LengthAt(asOf time.Time) (Length, bool) { return r.dates().lengthAt(Day(asOf)) }

// Began is when the ban began, exact to the day: Latest is exclusive, and Earliest
// nil where it may have begun before.
func (b *Ban) Began() event.Interval { return b.dates().began() }

// Began is when the ban began by one report.
func (r *Report) Began() event.Interval { return r.dates().began() }

// Until is when the ban ended, exact to the day: an interval where that was
// measured, and else the last day that is reported; nil where nothing says so.
func (b *Ban) Until() *event.Interval { return b.dates().until() }

// Until is when the ban ended by one report.
func (r *Report) Until() *event.Interval { return r.dates().until() }

// Seen is the last day on which the ban was measured to hold, where its dates are
// measured and no end was; zero otherwise.
func (b *Ban) Seen() time.Time {
	if b.Status != Ended {
		for i := range b.Reports {
			if r := &b.Reports[i]; r.Origin == b.Basis && r.Origin.Dataset == Measured {
				return r.Known
			}
		}
	}
	return time.Time{}
}

func (b *Ban) dates() span {
	return span{b.Start, b.StartBy, b.End, b.EndFrom, b.Known, b.StartOpen, b.Basis.Dataset == Measured, b.Status}
}

func (r *Report) dates() span {
	return span{r.Start, r.StartBy, r.End, r.EndFrom, r.Known, r.StartOpen, r.Origin.Dataset == Measured, r.Status}
}

// span is the time of a ban: startBy and endFrom are zero where start and end
// are one day each.
type span struct {
	start, startBy, end, endFrom, known time.Time
	startOpen, measured                 bool
	status                              Status
}

func (s span) began() event.Interval {
	first, after := s.start, later(s.start, s.startBy).AddDate(0, 0, 1)
	if s.startOpen {
		return event.Interval{Latest: &after}
	}
	return event.Interval{Earliest: &first, Latest: &after}
}

func (s span) until() *event.Interval {
	if s.status != Ended {
		return nil
	}
	first, after := s.end, s.end.AddDate(0, 0, 1)
	if s.measured && !s.endFrom.IsZero() {
		first = s.endFrom
	}
	return &event.Interval{Earliest: &first, Latest: &after}
}

func (s span) lengthAt(asOf time.Time) (Length, bool) {
	surely := cmp.Or(s.endFrom, s.end)
	switch {
	case asOf.Before(s.start):
		return Length{}, false
	case s.status == Ended && surely.After(asOf), s.status == Ongoing && !s.known.Before(asOf):
		return s.length(asOf, asOf, Length{Ongoing: true}), true
	case s.status == Ended:
		return s.length(surely, earlier(s.end, asOf), Length{}), true
	}
	held := later(s.start, earlier(s.known, asOf))
	return s.length(held, held, Length{AtLeast: true}), true
}

// length counts to a last day that is one of a span.
func (s span) length(from, to time.Time, l Length) Length {
	l.Days = max(0, days(later(s.start, s.startBy), from))
	l.AtLeast = l.AtLeast || s.startOpen
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

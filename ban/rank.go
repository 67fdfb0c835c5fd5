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
	// Days counts from the first day to the last; 0 within one day. Where the start
	// or the end is a span, it is the shortest possible length.
	Days    int  `json:"days"`
	AtMost  int  `json:"at_most,omitempty"` // the longest possible length in days, where that is more than Days and the end is known
	AtLeast bool `json:"at_least"`          // the ban may be longer: no report says when it began or ended, or one says that it held longer
	Ongoing bool `json:"ongoing"`           // it held on the day
}

// Most returns the longest possible length in days, by what is known of the end.
func (l Length) Most() int { return max(l.Days, l.AtMost) }

// LengthAt returns the ban's length as of a day; false when it had not begun.
func (b *Ban) LengthAt(asOf time.Time) (Length, bool) { return b.dates().lengthAt(Day(asOf)) }

// LengthAt returns the length by this report alone, as of a day; false when the ban
// had not begun.
func (r *Report) LengthAt(asOf time.Time) (Length, bool) { return r.dates().lengthAt(Day(asOf)) }

// Began returns when the ban began, exact to the day. Latest is exclusive; Earliest
// is nil where it may have begun before.
func (b *Ban) Began() event.Interval { return b.dates().began() }

// Began returns when the ban began by this report alone.
func (r *Report) Began() event.Interval { return r.dates().began() }

// Until returns when the ban ended, exact to the day: an interval where the end was
// measured, else the last reported day. It is nil where nothing says that it ended.
func (b *Ban) Until() *event.Interval { return b.dates().until() }

// Until returns when the ban ended by this report alone.
func (r *Report) Until() *event.Interval { return r.dates().until() }

// Seen returns the last day on which a ban with measured dates was measured to
// hold, where no end was measured; else the zero time.
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

// span is the time of a ban. startBy is zero where the start is one day, endFrom
// where the end is one.
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

// length fills in the length to a last day that is somewhere from from to to.
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

// Ranked is a ban with its rank by length.
type Ranked struct {
	Rank   int    `json:"rank"` // from 1; equal lengths share a rank
	Length Length `json:"length"`
	// Measured is the length by the archive's own events, nil where there are none.
	// Shortest and Longest are the bounds over all reports, in days.
	Measured *Length `json:"measured"`
	Shortest int     `json:"shortest_days"`
	Longest  int     `json:"longest_days"`
	Ban      `json:"ban"`
}

// Rank orders bans by length as of a day, the longest first. Bans that had not
// begun are left out.
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
			if !rl.AtLeast { // a report without an end gives no shortest length
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

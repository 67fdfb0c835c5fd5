package ban

import (
	"cmp"
	"slices"
	"time"

	"github.com/bandish/bandish/event"
)

// Year says how many whole hours a target was banned in a country in one year of
// UTC. Measured and reported hours are shown side by side and never added.
type Year struct {
	Target string `json:"target"`
	CC     string `json:"probe_cc"`
	Year   int    `json:"year"`

	// Measured hours are hours of dated bans on at least one network. AtLeast counts
	// from the latest moment of the onset to the earliest moment of the end; AtMost
	// counts from the earliest to the latest. An hour in several bans counts once. Of
	// a ban with a daily schedule only the scheduled hours count.
	MeasuredBans    int `json:"measured_bans"`
	MeasuredAtLeast int `json:"measured_hours_at_least"`
	MeasuredAtMost  int `json:"measured_hours_at_most"`

	// Reported hours are hours of reported bans of the whole country. Days are
	// counted as Length counts them: AtLeast counts from the first day to the last,
	// AtMost includes both.
	ReportedBans    int `json:"reported_bans"`
	ReportedAtLeast int `json:"reported_hours_at_least"`
	ReportedAtMost  int `json:"reported_hours_at_most"`

	// Open is true where nothing says when a ban that counts here ended. Such a
	// measured ban counts to the last measurement for AtLeast and to asOf for AtMost.
	// Such a reported ban counts to the last day on which it was said to hold, for
	// both.
	Open bool `json:"open_ended"`
}

// stretch is the time in which a ban surely held, inside the time in which it may
// have held.
type stretch struct {
	sure, wide [2]time.Time
	open       bool
	holds      func(time.Time) bool // nil: at all hours
}

// Hours counts the hours of dated and of reported bans up to asOf, for each target,
// country and year. reported are reconciled bans without measured ones. last
// returns the end of the last day on which a target was measured in a country.
func Hours(events []event.Event, reported []Ban, last func(cc, target string) time.Time, asOf time.Time) []Year {
	type place struct{ cc, target string }
	measured, said := map[place][]stretch{}, map[place][]stretch{}
	for i := range events {
		e := &events[i]
		if e.Artefact != "" {
			continue
		}
		parts := e.Parts
		if len(parts) == 0 || e.Kind == event.Shutdown {
			parts = []event.Part{{Target: e.Target, Onset: e.Onset, End: e.End}}
		}
		for _, p := range parts {
			at := place{e.CC, p.Target}
			if e.Kind == event.Shutdown {
				at.target = Internet
			}
			if s, ok := measuredStretch(p.Onset, p.End, last(e.CC, p.Target), asOf); ok {
				if e.Schedule != nil {
					s.holds = e.Schedule.Hours()
				}
				measured[at] = append(measured[at], s)
			}
		}
	}
	for i := range reported {
		b := &reported[i]
		if b.Scope == National && b.Target != Unnamed && !b.Start.After(asOf) {
			at := place{b.CC, b.Target}
			said[at] = append(said[at], b.stretch(asOf))
		}
	}
	years := map[Year]*Year{}
	of := func(at place, year int) *Year {
		key := Year{Target: at.target, CC: at.cc, Year: year}
		if years[key] == nil {
			years[key] = &key
		}
		return years[key]
	}
	for at, list := range measured {
		sum(list, func(year, bans, least, most int, open bool) {
			y := of(at, year)
			y.MeasuredBans, y.MeasuredAtLeast, y.MeasuredAtMost, y.Open = bans, least, most, y.Open || open
		})
	}
	for at, list := range said {
		sum(list, func(year, bans, least, most int, open bool) {
			y := of(at, year)
			y.ReportedBans, y.ReportedAtLeast, y.ReportedAtMost, y.Open = bans, least, most, y.Open || open
		})
	}
	out := make([]Year, 0, len(years))
	for _, y := range years {
		out = append(out, *y)
	}
	slices.SortFunc(out, func(a, b Year) int {
		return cmp.Or(cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Year, b.Year))
	})
	return out
}

func measuredStretch(onset event.Interval, end *event.Interval, last, asOf time.Time) (stretch, bool) {
	if onset.Latest == nil || onset.Latest.After(asOf) {
		return stretch{}, false
	}
	s := stretch{sure: [2]time.Time{*onset.Latest, earlier(last, asOf)}, wide: [2]time.Time{*onset.Latest, asOf}, open: end == nil}
	if onset.Earliest != nil {
		s.wide[0] = *onset.Earliest
	}
	if end == nil {
		return s, true
	}
	if end.Earliest != nil {
		s.sure[1] = earlier(*end.Earliest, asOf)
	}
	if end.Latest != nil {
		s.wide[1] = earlier(*end.Latest, asOf)
		s.sure[1] = earlier(s.sure[1], s.wide[1])
	}
	return s, true
}

func (b *Ban) stretch(asOf time.Time) stretch {
	first, final, to := later(b.Start, b.StartBy), b.End, b.End
	if !b.EndFrom.IsZero() {
		final = b.EndFrom
	}
	open := b.Status != Ended || b.End.IsZero()
	if open {
		final, to = b.Known, b.Known
	}
	limit := Day(asOf).AddDate(0, 0, 1)
	return stretch{
		sure: [2]time.Time{first, earlier(later(first, final), limit)},
		wide: [2]time.Time{b.Start, earlier(later(b.Start, to).AddDate(0, 0, 1), limit)}, open: open,
	}
}

// sum counts the hours of stretches in each year; hours that several share count
// once.
func sum(list []stretch, give func(year, bans, least, most int, open bool)) {
	type hours struct {
		bans, least, most int
		open              bool
	}
	years := map[int]*hours{}
	at := func(t time.Time) *hours {
		y := t.UTC().Year()
		if years[y] == nil {
			years[y] = new(hours)
		}
		return years[y]
	}
	slices.SortFunc(list, func(a, b stretch) int { return a.wide[0].Compare(b.wide[0]) })
	sure, wide := map[int64]bool{}, map[int64]bool{} // hours, by their Unix time
	for _, s := range list {
		for y := s.wide[0].UTC().Year(); ; y++ {
			begin := time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
			if y > s.wide[0].UTC().Year() && !begin.Before(s.wide[1]) {
				break
			}
			h := at(begin)
			h.bans++
			h.open = h.open || s.open
		}
		for t := s.wide[0].UTC().Truncate(time.Hour); t.Before(s.wide[1]); t = t.Add(time.Hour) {
			if s.holds != nil && !s.holds(t) {
				continue
			}
			u := t.Unix()
			if !wide[u] {
				wide[u] = true
				at(t).most++
			}
			if !sure[u] && !t.Before(s.sure[0]) && !t.Add(time.Hour).After(s.sure[1]) {
				sure[u] = true
				at(t).least++
			}
		}
	}
	for y, h := range years {
		give(y, h.bans, h.least, h.most, h.open)
	}
}

package ban

import (
	"strings"
	"time"

	"github.com/bandish/bandish/event"
)

// FromEvents returns the bans that the archive's measurements show: one report for
// each target of an event. A measured onset and end are intervals, so the report
// has Start to StartBy and EndFrom to End. last returns the end (exclusive) of the
// last day on which a target was measured in a country. A ban without a measured
// end is known to hold until that day, but not longer than asOf. Artefacts, and
// events that had not surely begun at the end of asOf, are left out.
func FromEvents(events []event.Event, last func(cc, target string) time.Time, asOf time.Time) []Report {
	var reports []Report
	for i := range events {
		e := &events[i]
		if e.Artefact != "" {
			continue
		}
		base := Report{
			Origin: Origin{Dataset: Measured, File: "archive", ID: e.ID}, CC: e.CC, Method: Block, Scope: National,
			Title: e.Scope, Networks: strings.Join(e.Networks, ", "),
		}
		switch e.Kind {
		case event.Throttling:
			base.Method = Throttle
		case event.Shutdown:
			base.Targets = []string{Internet}
		}
		parts := e.Parts
		if len(parts) == 0 || e.Kind == event.Shutdown {
			parts = []event.Part{{Target: e.Target, Networks: e.Networks, Onset: e.Onset, End: e.End}}
		}
		for _, p := range parts {
			r := base
			if e.Kind != event.Shutdown {
				r.Targets, r.Networks = []string{p.Target}, strings.Join(p.Networks, ", ")
			}
			if r.between(p.Onset, p.End, earlier(last(e.CC, p.Target), Day(asOf).AddDate(0, 0, 1))) {
				reports = append(reports, r)
			}
		}
	}
	return reports
}

// Between returns the length of a ban with a measured onset and end, as of a day;
// false when it had not surely begun. last is as for FromEvents.
func Between(onset event.Interval, end *event.Interval, last, asOf time.Time) (Length, bool) {
	var r Report
	if !r.between(onset, end, earlier(last, Day(asOf).AddDate(0, 0, 1))) {
		return Length{}, false
	}
	return r.LengthAt(asOf)
}

// between sets the report's days from a measured onset and end; false when nothing
// shows that the ban had begun by the moment until, which is the end of a day.
func (r *Report) between(onset event.Interval, end *event.Interval, until time.Time) bool {
	if onset.Latest == nil || onset.Latest.After(until) {
		return false
	}
	first := onset.Latest.Add(-time.Second)
	if r.StartOpen = onset.Earliest == nil; !r.StartOpen {
		first = *onset.Earliest
	}
	r.Start, r.StartBy = daysOf(first, *onset.Latest)
	begun := later(r.Start, r.StartBy)
	r.Status, r.Known = Ongoing, later(begun, lastDay(until))
	if end == nil || end.Earliest == nil && end.Latest == nil {
		return true
	}
	from, to := end.Earliest, end.Latest
	if from == nil {
		from = to
	}
	if to == nil {
		to = from
	}
	r.EndFrom, r.End = daysOf(*from, *to)
	if r.End.IsZero() { // one day
		r.EndFrom, r.End = time.Time{}, r.EndFrom
	}
	r.Status, r.Known = Ended, r.End
	return true
}

// daysOf returns the first and the last day of an interval; last is zero where both
// are one day.
func daysOf(from, to time.Time) (first, last time.Time) {
	first, last = Day(from.UTC()), lastDay(to)
	if !last.After(first) {
		last = time.Time{}
	}
	return first, last
}

// lastDay returns the last day before a moment.
func lastDay(t time.Time) time.Time { return Day(t.UTC().Add(-time.Second)) }

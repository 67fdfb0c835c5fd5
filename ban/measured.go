package ban

import (
	"strings"
	"time"

	"github.com/bandish/bandish/event"
)

// FromEvents gives the bans that the archive's measurements show, one for
// each target of an event. A measured onset and end are intervals; what
// counts is the time between them, in which the ban certainly held. asOf is
// the day for which bans that last are counted. Events that turned out to be
// artefacts, and those without a latest onset, are left out.
func FromEvents(events []event.Event, asOf time.Time) []Report {
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
			if r.between(p.Onset, p.End, asOf) {
				reports = append(reports, r)
			}
		}
	}
	return reports
}

// between sets the days between a measured onset and end; false when nothing
// shows that it had begun by the day.
func (r *Report) between(onset event.Interval, end *event.Interval, asOf time.Time) bool {
	if onset.Latest == nil || onset.Latest.After(asOf.AddDate(0, 0, 1)) {
		return false
	}
	r.Start = Day(onset.Latest.UTC())
	r.Status, r.Known = Ongoing, later(r.Start, Day(asOf))
	if end != nil && (end.Earliest != nil || end.Latest != nil) {
		last := end.Earliest
		if last == nil {
			last = end.Latest
		}
		r.Status, r.End = Ended, later(r.Start, Day(last.UTC()))
		r.Known = r.End
	}
	return true
}

package ban

import (
	"slices"
	"time"

	"github.com/bandish/bandish/casefile"
)

// FromRecord returns the bans of the record as reports, as they were known on asOf:
// each case with a start, and each short ban that no case describes.
func FromRecord(records *casefile.Records, asOf time.Time) []Report {
	var reports []Report
	cases := make(map[string]bool)
	for _, c := range records.Cases {
		if c.Withdrawn != nil || c.Start == nil {
			continue
		}
		r := Report{
			Origin: Origin{Dataset: Record, File: "records/" + c.ID, ID: c.ID}, CC: c.Jurisdiction, Targets: c.Targets,
			Method: Block, Scope: National, Title: c.Title, Case: c.ID,
		}
		var end casefile.Date
		if c.End != nil {
			end = c.End.Date
		}
		r.tell(records, c)
		if r.span(c.Start.Date, end, c.Zone(), lastHeld(c, asOf)) {
			cases[c.ID] = true
			reports = append(reports, r)
		}
	}
	for _, b := range records.Shared.Bans {
		if cases[b.Case] {
			continue
		}
		r := Report{
			Origin: Origin{Dataset: Record, File: "records/shared", ID: b.ID}, CC: b.CC, Targets: b.Targets, Other: b.Other,
			Method: Block, Scope: National, OrderedBy: b.By, Case: b.Case,
		}
		if b.Method == "throttling" {
			r.Method = Throttle
		}
		if r.span(b.Start, b.End, time.UTC, time.Time{}) {
			reports = append(reports, r)
		}
	}
	return reports
}

// lastHeld returns the last day, not after asOf, on which somebody saw the
// platforms of an ongoing case restricted; zero for a case that is not ongoing.
func lastHeld(c *casefile.Case, asOf time.Time) time.Time {
	var held time.Time
	if c.Status != "ongoing" {
		return held
	}
	for _, s := range c.Sightings {
		closed := s.Access != casefile.Accessible && s.Access != casefile.Restored
		if s.Withdrawn != nil || !closed || !slices.ContainsFunc(s.Targets, func(id string) bool { return slices.Contains(c.Targets, id) }) {
			continue
		}
		day, ok := s.Date.LastDay(c.Zone())
		if !ok || day.After(asOf) {
			day, ok = s.Date.FirstDay(c.Zone())
		}
		if ok && !day.After(asOf) {
			held = later(held, day)
		}
	}
	return held
}

// span sets the report's days from EDTF dates: the earliest day of the start, the
// latest of the end, and which side is open. An open end, "2024-08-31/..", says
// that the ban still held on that day. held says the same for a ban without an end.
// It returns false where there is no start.
func (r *Report) span(start, end casefile.Date, zone *time.Location, held time.Time) bool {
	first, ok := start.FirstDay(zone)
	if !ok {
		return false
	}
	last, _ := start.LastDay(zone)
	if last.After(first) {
		r.StartBy = last
	}
	r.Start, r.Estimated = first, start.Approximate() || last.Sub(first) > 3*24*time.Hour
	r.Status, r.Known = Unknown, first
	if open, ok := end.FirstDay(zone); ok && end.Open() {
		r.Status, r.Known = Ongoing, later(first, open)
	} else if e, ok := end.LastDay(zone); ok && !e.Before(first) {
		r.Status, r.End, r.Known = Ended, e, e
		if f, ok := end.FirstDay(zone); ok && f.Before(e) {
			r.EndFrom = later(first, f)
		}
	} else if held.After(first) {
		r.Status, r.Known = Ongoing, held
	}
	return true
}

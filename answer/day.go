package answer

import (
	"time"

	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Day is one day of a timeline.
type Day struct {
	Date         string        `json:"date"`
	State        verdict.State `json:"state"` // insufficient where the day has no vote
	Blocked      uint32        `json:"blocked"`
	OK           uint32        `json:"ok"`
	Down         uint32        `json:"down"`
	Inconclusive uint32        `json:"inconclusive"`
	Measurements uint32        `json:"measurements"`
	Reports      uint32        `json:"reports"`
	Event        string        `json:"event,omitempty"`           // id of a dated ban that surely holds all day
	UID          string        `json:"measurement_uid,omitempty"` // one measurement to look at
}

// Timeline returns the days from since on: of all asked networks together, and of
// each network that has some. A day within a dated ban is never ok; where its
// measurements were ok it is impaired.
func Timeline(q Question, ev Evidence, since time.Time) (all []Day, byASN map[uint32][]Day) {
	v := newView(q, ev)
	byASN = map[uint32][]Day{}
	var cells []series.Cell
	for _, asn := range v.asns() {
		if !v.asked(asn) {
			continue
		}
		var own []series.Cell
		for _, c := range v.cells[asn] {
			if since.IsZero() || c.End() > since.Unix() {
				own = append(own, c)
			}
		}
		if len(own) > 0 {
			byASN[asn] = v.days(own, asn, true)
		}
		cells = append(cells, own...)
	}
	return v.days(cells, 0, false), byASN
}

// days returns the days of one network or, where alone is false, of all networks
// together.
func (v *view) days(cells []series.Cell, asn uint32, alone bool) []Day {
	var out []Day
	for _, c := range series.Days(cells) {
		start := time.Unix(c.Start, 0).UTC()
		d := Day{Date: start.Format(time.DateOnly), State: c.DayState(), Blocked: c.Blocked + c.Likely, OK: c.OK, Down: c.Down,
			Inconclusive: c.Impaired + c.Insufficient, Measurements: c.Measurements, Reports: c.Reports, UID: c.LastBadUID}
		if d.UID == "" || d.State == verdict.OK {
			d.UID = c.LastOKUID
		}
		inside, may := false, false
		for i := range v.spans {
			s := &v.spans[i]
			if alone && s.asn != asn || !v.asked(s.asn) {
				continue
			}
			if s.covers(start, start.Add(series.Day)) {
				inside, d.Event = true, s.event.ID
			}
			may = may || s.may(start, start.Add(series.Day))
		}
		switch {
		case d.Measurements == 0:
		case inside && alone && d.State == verdict.Impaired:
			d.State = verdict.LikelyBlocked
		case inside && d.State == verdict.OK:
			d.State = verdict.Impaired // the ban paused, or it holds on other networks
			if d.UID = c.LastBadUID; d.UID == "" {
				d.UID = c.LastOKUID
			}
		case !may && d.State.Accuses():
			d.State = verdict.Impaired
		}
		out = append(out, d)
	}
	return out
}

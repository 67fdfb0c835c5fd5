package event

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bandish/bandish/country/zone"
	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// This file finds bans that hold only at certain hours, for examinations or at
// night. Over a whole day they fail too few measurements for the chain to find
// them. So the votes of every two weeks are added up by hour of the day. Where the
// bad votes are in some hours, the votes of these hours are searched as a series of
// their own.

// bound moves the dates of an event into the schedule's hours: it can begin and end
// only there.
func (h *hours) bound(e *Event) {
	const step = 900 // in seconds: zones differ by quarters of an hour
	latest := e.Onset.Latest.Unix()
	for range 7 * 86400 / step {
		if h.holds(latest) {
			break
		}
		latest += step - latest%step
	}
	e.Onset.Latest = instant(latest)
	if e.End == nil || e.End.Earliest == nil {
		return
	}
	earliest := e.End.Earliest.Unix()
	for range 7 * 86400 / step {
		if h.holds(earliest - 1) {
			break
		}
		earliest -= (earliest-1)%step + 1
	}
	e.End.Earliest = instant(max(earliest, e.Onset.Latest.Unix()))
}

// folded holds the votes of two weeks by day of the week and hour of the day, by
// the country's clock.
type folded struct {
	past    Clock // at which minute of the country's hour cells begin; 30 in India
	bad, ok [7][24]float64
	badOn   [7][24]int // number of cells of other days that were bad
}

// scheduled returns the bans of certain hours in the cells of one target, outside
// the events that were found before.
func (d *finder) scheduled(cells []series.Cell, found []Event) []Event {
	where := zone.Location(cells[0].CC)
	blocks, usual := fold(cells, where)
	type candidate struct {
		hours
		at    int64
		score float64
	}
	var best []candidate
	for at, f := range blocks {
		if slices.ContainsFunc(found, func(e Event) bool { return e.primary.from < at+set.Schedule.Block && e.primary.to > at }) {
			continue
		}
		if s, score := f.best(usual); score >= set.Schedule.Enter {
			s.Zone = where.String()
			best = append(best, candidate{hours{s, where}, at, score})
		}
	}
	slices.SortFunc(best, func(a, b candidate) int {
		if a.score != b.score {
			return int(math.Copysign(1, b.score-a.score))
		}
		return int(a.at/86400 - b.at/86400)
	})
	var out []Event
	for _, c := range best {
		if !slices.ContainsFunc(out, func(e Event) bool { return e.primary.from < c.at+set.Schedule.Block && e.primary.to > c.at }) {
			out = append(out, d.onSchedule(cells, &c.hours, c.at, append(slices.Clone(found), out...))...)
		}
	}
	return out
}

// fold adds up the votes of every two weeks. Keys are the beginnings of the blocks
// of two weeks; the second result is the usual share of bad votes.
func fold(cells []series.Cell, where *time.Location) (map[int64]*folded, float64) {
	blocks, step := map[int64]*folded{}, set.Schedule.Block/2
	var bad, all float64
	for i := range cells {
		c := &cells[i]
		b, o := float64(c.VoteBlocked+c.VoteImpaired)/series.Vote, float64(c.VoteOK)/series.Vote
		bad, all = bad+b, all+b+o
		if c.Span > 3600 || b+o == 0 {
			continue
		}
		local := time.Unix(c.Start, 0).In(where)
		day, hour := local.Weekday(), local.Hour()
		for at := c.Start - c.Start%step; at > c.Start-set.Schedule.Block && at >= 0; at -= step {
			f := blocks[at]
			if f == nil {
				f = &folded{past: Clock(local.Minute())}
				blocks[at] = f
			}
			f.bad[day][hour] += b
			f.ok[day][hour] += o
			if b > o {
				f.badOn[day][hour]++
			}
		}
	}
	return blocks, math.Min(math.Max(bad/math.Max(all, 1), set.Chain.MinBaseline), set.Date.FirmSoft)
}

// best returns the schedule that stands out most, and by how many nats.
func (f *folded) best(usual float64) (Schedule, float64) {
	forBad, forOK := math.Log(set.Schedule.Rate/usual), math.Log((1-set.Schedule.Rate)/(1-usual))
	var best Schedule
	top := 0.0
	for _, w := range week {
		var bad, ok [24]float64
		var days [24]int
		for d := range 7 {
			if day := time.Weekday(d); day == w.without[0] || day == w.without[1] {
				continue
			}
			for h := range 24 {
				bad[h] += f.bad[d][h]
				ok[h] += f.ok[d][h]
				days[h] += f.badOn[d][h]
			}
		}
		for from := range 24 {
			var b, o float64
			n := 0
			for k := range set.Schedule.Longest {
				h := (from + k) % 24
				b, o, n = b+bad[h], o+ok[h], n+days[h]
				score := b*forBad + o*forOK
				if k+1 >= set.Schedule.Shortest && n >= set.Schedule.Days && score > top+1e-9 {
					top, best = score, Schedule{f.past + Clock(from*60), (f.past + Clock(h+1)*60) % (24 * 60), w.name, ""}
				}
			}
		}
	}
	return best, top
}

// onSchedule returns the events around a block that the votes of the schedule's
// hours show and the votes of other hours do not.
func (d *finder) onSchedule(cells []series.Cell, s *hours, at int64, found []Event) []Event {
	within := slices.DeleteFunc(slices.Clone(cells), func(c series.Cell) bool { return !s.holds(c.Start) || c.Span > 3600 })
	odd := len(d.odd)
	var out []Event
	for _, e := range d.target(within) {
		if e.primary.from >= at+set.Schedule.Block || e.primary.to <= at || slices.ContainsFunc(found, e.sharesTime) {
			continue
		}
		var in, outside artefact.Tally
		badDays := map[int64]bool{}
		for i := range cells {
			c := &cells[i]
			if c.End() <= e.primary.from || c.Start > e.primary.to || len(e.Networks) > 0 && !slices.Contains(e.Networks, network.Name(c.ASN)) {
				continue
			}
			t := &outside
			if s.holds(c.Start) {
				if t = &in; c.VoteBlocked+c.VoteImpaired > c.VoteOK {
					badDays[s.day(c.Start)] = true
				}
			}
			t.Bad += float64(c.VoteBlocked+c.VoteImpaired) / series.Vote
			t.OK += float64(c.VoteOK) / series.Vote
		}
		if in.Share() < set.Schedule.Share || outside.Share() > set.Defect.Spared || outside.Bad+outside.OK < set.Defect.SparedVotes || len(badDays) < set.Schedule.Days {
			continue
		}
		e.Schedule = &s.Schedule
		s.bound(&e)
		e.Reasons = append(e.Reasons, fmt.Sprintf("it holds %s: %.0f %% of the votes failed then, %.0f %% at other times", &s.Schedule, 100*in.Share(), 100*outside.Share()))
		out = append(out, e)
	}
	d.odd = d.odd[:odd]
	return out
}

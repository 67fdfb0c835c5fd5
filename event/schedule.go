package event

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/bandish/bandish/series"
)

// This file finds bans that hold at certain hours only, as of examinations or
// of nights: over a day they fail too few measurements for the chain. Two weeks
// after two weeks are folded to a day; where the bad votes lie in some hours,
// the votes of these hours are looked at as a series of their own.

const (
	scheduleBlock  = 14 * 86400
	scheduleStep   = 7 * 86400
	scheduleEnter  = 25.0 // nats by which the hours of a block must stand out
	scheduleShare  = 0.6  // of the votes in these hours that are bad
	scheduleRate   = 0.8  // by which they are looked for
	scheduleDays   = 4    // on which they are bad
	shortestWindow = 2    // hours
	longestWindow  = 12
)

// Schedule is when a ban holds: from one hour of the day until another, UTC, on
// some days of the week.
type Schedule struct {
	From int    `json:"from_hour"` // 0 to 23, UTC
	To   int    `json:"to_hour"`   // the first hour after; before From where it passes midnight
	Days string `json:"days"`      // "every day", "Monday to Friday", "Sunday to Thursday"
}

func (s *Schedule) String() string {
	return fmt.Sprintf("between %02d:00 and %02d:00 UTC, %s", s.From, s.To, s.Days)
}

// week are the days on which schedules hold.
var week = []struct {
	name    string
	without [2]time.Weekday
}{
	{"every day", [2]time.Weekday{-1, -1}},
	{"Monday to Friday", [2]time.Weekday{time.Saturday, time.Sunday}},
	{"Sunday to Thursday", [2]time.Weekday{time.Friday, time.Saturday}},
}

// holds reports whether a schedule holds at a moment.
func (s *Schedule) holds(at int64) bool {
	hour := int(((at % 86400) + 86400) % 86400 / 3600)
	if s.From < s.To && (hour < s.From || hour >= s.To) || s.From > s.To && hour < s.From && hour >= s.To {
		return false
	}
	if s.From > s.To && hour < s.To { // of the evening before
		at -= 86400
	}
	return on(s.Days, at)
}

// bound keeps the dates of an event within the schedule's hours: it can neither
// begin nor end outside them.
func (s *Schedule) bound(e *Event) {
	latest := e.Onset.Latest.Unix()
	for range 7 * 24 {
		if s.holds(latest) {
			break
		}
		latest += 3600 - latest%3600
	}
	e.Onset.Latest = instant(latest)
	if e.End == nil || e.End.Earliest == nil {
		return
	}
	earliest := e.End.Earliest.Unix()
	for range 7 * 24 {
		if s.holds(earliest - 1) {
			break
		}
		earliest -= (earliest-1)%3600 + 1
	}
	e.End.Earliest = instant(max(earliest, e.Onset.Latest.Unix()))
}

// on reports whether a moment's day is among those named.
func on(days string, at int64) bool {
	day := weekday(at)
	i := slices.IndexFunc(week, func(w struct {
		name    string
		without [2]time.Weekday
	}) bool {
		return w.name == days
	})
	return day != week[i].without[0] && day != week[i].without[1]
}

func weekday(at int64) time.Weekday {
	return time.Weekday((floorDay(at)/86400 + 4) % 7) // the first of January 1970 was a Thursday
}

// folded are the votes of two weeks by day of the week and hour of the day.
type folded struct {
	bad, ok [7][24]float64
	badOn   [7][24]int // how many cells of other days were bad
}

// scheduled finds the bans of certain hours in the cells of one target, outside
// the events that were found.
func (d *Detector) scheduled(cells []series.Cell, found []Event) []Event {
	blocks, usual := fold(cells)
	type candidate struct {
		Schedule
		at    int64
		score float64
	}
	var best []candidate
	for at, f := range blocks {
		if slices.ContainsFunc(found, func(e Event) bool { return e.primary.from < at+scheduleBlock && e.primary.to > at }) {
			continue
		}
		if s, score := f.best(usual); score >= scheduleEnter {
			best = append(best, candidate{s, at, score})
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
		if !slices.ContainsFunc(out, func(e Event) bool { return e.primary.from < c.at+scheduleBlock && e.primary.to > c.at }) {
			out = append(out, d.onSchedule(cells, &c.Schedule, c.at, append(slices.Clone(found), out...))...)
		}
	}
	return out
}

// fold puts the votes of every two weeks together, by the begin of these.
func fold(cells []series.Cell) (map[int64]*folded, float64) {
	blocks := map[int64]*folded{}
	var bad, all float64
	for i := range cells {
		c := &cells[i]
		b, o := float64(c.VoteBlocked+c.VoteImpaired)/series.Vote, float64(c.VoteOK)/series.Vote
		bad, all = bad+b, all+b+o
		if c.Span > 3600 || b+o == 0 {
			continue
		}
		day, hour := weekday(c.Start), c.Start%86400/3600
		for at := c.Start - c.Start%scheduleStep; at > c.Start-scheduleBlock && at >= 0; at -= scheduleStep {
			f := blocks[at]
			if f == nil {
				f = &folded{}
				blocks[at] = f
			}
			f.bad[day][hour] += b
			f.ok[day][hour] += o
			if b > o {
				f.badOn[day][hour]++
			}
		}
	}
	return blocks, math.Min(math.Max(bad/math.Max(all, 1), minBaseline), firmSoft)
}

// best is the schedule that stands out most, and by how many nats.
func (f *folded) best(usual float64) (Schedule, float64) {
	forBad, forOK := math.Log(scheduleRate/usual), math.Log((1-scheduleRate)/(1-usual))
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
			for k := range longestWindow {
				h := (from + k) % 24
				b, o, n = b+bad[h], o+ok[h], n+days[h]
				score := b*forBad + o*forOK
				if k+1 >= shortestWindow && n >= scheduleDays && score > top+1e-9 {
					top, best = score, Schedule{from, (h + 1) % 24, w.name}
				}
			}
		}
	}
	return best, top
}

// onSchedule are the events that the votes of the schedule's hours show around
// a block, and that those of other hours do not.
func (d *Detector) onSchedule(cells []series.Cell, s *Schedule, at int64, found []Event) []Event {
	within := slices.DeleteFunc(slices.Clone(cells), func(c series.Cell) bool { return !s.holds(c.Start) || c.Span > 3600 })
	odd := len(d.odd)
	var out []Event
	for _, e := range d.target(within) {
		if e.primary.from >= at+scheduleBlock || e.primary.to <= at || slices.ContainsFunc(found, e.sharesTime) {
			continue
		}
		var in, outside tally
		badDays := map[int64]bool{}
		for i := range cells {
			c := &cells[i]
			if c.End() <= e.primary.from || c.Start > e.primary.to || len(e.Networks) > 0 && !slices.Contains(e.Networks, networkName(c.ASN)) {
				continue
			}
			t := &outside
			if s.holds(c.Start) {
				if t = &in; c.VoteBlocked+c.VoteImpaired > c.VoteOK {
					badDays[floorDay(c.Start-int64(s.From)*3600)] = true
				}
			}
			t.bad += float64(c.VoteBlocked+c.VoteImpaired) / series.Vote
			t.ok += float64(c.VoteOK) / series.Vote
		}
		if in.share() < scheduleShare || outside.share() > spared || outside.bad+outside.ok < sparedVotes || len(badDays) < scheduleDays {
			continue
		}
		e.Schedule = s
		s.bound(&e)
		e.Reasons = append(e.Reasons, fmt.Sprintf("it holds %s: %.0f %% of the votes were bad then, %.0f %% at other times", s, 100*in.share(), 100*outside.share()))
		out = append(out, e)
	}
	d.odd = d.odd[:odd]
	return out
}

// HoldsAt reports whether a moment is one of the schedule's hours.
func (s *Schedule) HoldsAt(t time.Time) bool { return s.holds(t.Unix()) }

package series

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/bandish/bandish/verdict"
)

// The evidence floor. With less than this nothing is concluded.
const (
	floorMeasurements = 3
	floorReports      = 2
	floorVotes        = floorReports * Vote
)

// Regime returns the sum of the last days that agree with each other, and the start
// of the first of them in Unix seconds, which is not before limit. days must be in
// the order of Days. It takes the fewest last days that reach the evidence floor,
// and then the earlier days that agree with them. So a change three days ago is not
// outvoted by the days before it.
func Regime(days []Cell, limit int64) (from int64, sum Cell) {
	from = limit
	for i := len(days) - 1; i >= 0 && days[i].Start >= limit; i-- {
		d := days[i]
		if s := sum.Conclude(); s != verdict.Insufficient && d.votes() > 0 && !d.continues(s, days[:i]) {
			return from, sum
		}
		sum.plus(&d)
		from = d.Start
	}
	return from, sum
}

// continues reports whether a day agrees with later days of state s. A day that
// disagrees counts as agreeing where the day before it has state s again.
func (c *Cell) continues(s verdict.State, before []Cell) bool {
	like := func(d *Cell) bool {
		t := d.DayState()
		return t == s || t.Accuses() && s.Accuses()
	}
	return like(c) || len(before) > 0 && before[len(before)-1].votes() > 0 && like(&before[len(before)-1])
}

// Sum adds cells up into one cell; its key fields are empty.
func Sum(cells []Cell) Cell {
	var sum Cell
	for i := range cells {
		sum.plus(&cells[i])
	}
	return sum
}

// plus adds the numbers of another cell to c.
func (c *Cell) plus(o *Cell) {
	c.Measurements += o.Measurements
	c.OK += o.OK
	c.Blocked += o.Blocked
	c.Likely += o.Likely
	c.Impaired += o.Impaired
	c.Down += o.Down
	c.Insufficient += o.Insufficient
	c.Aside += o.Aside
	c.Informing += o.Informing
	c.InformingBad += o.InformingBad
	c.hear(o)
	c.VoteBlocked += o.VoteBlocked
	c.VoteImpaired += o.VoteImpaired
	c.VoteOK += o.VoteOK
	c.VoteDown += o.VoteDown
}

// hear adds another cell's reports. Where both cells name their voices, a report in
// both counts once.
func (c *Cell) hear(o *Cell) {
	if c.Reports > 0 && len(c.Voices) == 0 || o.Reports > 0 && len(o.Voices) == 0 {
		c.Reports += o.Reports // some cell names no voices
		c.Voices = nil
		return
	}
	whole := int(c.Reports) == len(c.Voices) && int(o.Reports) == len(o.Voices)
	merged := make([]Voice, 0, len(c.Voices)+len(o.Voices))
	merged = append(append(merged, c.Voices...), o.Voices...)
	slices.SortStableFunc(merged, func(a, b Voice) int { return cmp.Compare(a.Report, b.Report) })
	c.Voices = merged[:0]
	for _, v := range merged {
		if n := len(c.Voices); n > 0 && c.Voices[n-1].Report == v.Report {
			c.Voices[n-1].Bad += v.Bad
			c.Voices[n-1].OK += v.OK
			continue
		}
		c.Voices = append(c.Voices, v)
	}
	if n := uint32(len(c.Voices)); whole {
		c.Reports = n
	} else { // some cell names only a part of its reports
		c.Reports = max(c.Reports, o.Reports, n)
	}
}

// capped returns the cell with at most one vote for each side (bad, ok) of each
// named report, however many days and networks the report is on.
func (c *Cell) capped() Cell {
	d := *c
	var bad, ok uint32
	for _, v := range c.Voices {
		bad += v.Bad - min(v.Bad, Vote)
		ok += v.OK - min(v.OK, Vote)
	}
	d.VoteOK -= min(ok, d.VoteOK)
	if all := d.VoteBlocked + d.VoteImpaired; all > 0 {
		part := uint32(uint64(bad) * uint64(d.VoteBlocked) / uint64(all))
		d.VoteBlocked -= min(part, d.VoteBlocked)
		d.VoteImpaired -= min(bad-part, d.VoteImpaired)
	}
	return d
}

func (c *Cell) votes() uint32 { return c.VoteBlocked + c.VoteImpaired + c.VoteOK + c.VoteDown }

// Conclude returns the state that a cell's votes show. Below the evidence floor it
// is insufficient, and Missing says what is missing. Blocked needs more than half
// of all votes; ok needs two thirds, so that a target that fails every second time
// is impaired and not ok.
func (sum *Cell) Conclude() verdict.State {
	capped := sum.capped()
	c := &capped
	all := c.votes()
	reports := c.Reports
	if reports == 0 { // published counts name no reports
		reports = c.Measurements
	}
	if all < floorVotes || reports < floorReports || c.Measurements-c.Insufficient < floorMeasurements {
		return verdict.Insufficient
	}
	switch {
	case 2*c.VoteBlocked > all:
		if c.Blocked > 0 && 2*c.Blocked >= c.Likely {
			return verdict.Blocked
		}
		return verdict.LikelyBlocked
	case 3*c.VoteOK >= 2*all:
		return verdict.OK
	case 2*c.VoteDown > all:
		return verdict.Down
	}
	return verdict.Impaired
}

// Missing says in words what a cell lacks of the evidence floor.
func (sum *Cell) Missing() string {
	capped := sum.capped()
	measurements, votes := sum.Measurements-sum.Insufficient, min(capped.votes(), sum.Reports*Vote)
	m, r := max(0, floorMeasurements-int(measurements)), max(0, (floorVotes-int(votes)+Vote-1)/Vote)
	more := func(n int, noun string) string {
		if n > 1 {
			noun += "s"
		}
		return fmt.Sprintf("%d more %s", n, noun)
	}
	var what string
	switch {
	case m > 0 && r > 0:
		what = more(m, "measurement") + " from " + more(r, "report")
	case m > 0:
		what = more(m, "measurement")
	default:
		what = more(max(r, 1), "report")
	}
	return "at least " + what + " must come"
}

// Mechanisms returns the mechanisms that the cells' bad measurements name, those
// with the most votes first.
func Mechanisms(cells []Cell) []string {
	votes := map[string]uint32{}
	for _, c := range cells {
		for _, t := range c.Tallies {
			if t.Kind == Mechanism {
				votes[t.Name] += t.Bad
			}
		}
	}
	return slices.SortedFunc(maps.Keys(votes), func(a, b string) int {
		return cmp.Or(cmp.Compare(votes[b], votes[a]), cmp.Compare(a, b))
	})
}

// maxEvidence is how many measurements Evidence names at most.
const maxEvidence = 5

// Evidence returns uids of measurements to look at, the latest first: for state ok
// those that were ok, for other states those that were bad.
func Evidence(cells []Cell, s verdict.State) []string {
	cells = slices.Clone(cells)
	slices.SortFunc(cells, func(a, b Cell) int { return cmp.Or(cmp.Compare(b.Start, a.Start), cmp.Compare(a.ASN, b.ASN)) })
	var out []string
	for _, c := range cells {
		uids := []string{c.LastBadUID, c.FirstBadUID}
		if s == verdict.OK {
			uids = []string{c.LastOKUID, c.FirstOKUID}
		}
		for _, u := range uids {
			if u != "" && !slices.Contains(out, u) && len(out) < maxEvidence {
				out = append(out, u)
			}
		}
	}
	return out
}

// DayState returns the state of more than half of the votes, however few there are.
// It is for drawings of days, not for conclusions.
func (c *Cell) DayState() verdict.State {
	all := c.votes()
	switch {
	case all == 0:
		return verdict.Insufficient
	case 2*c.VoteBlocked > all && c.Blocked >= c.Likely:
		return verdict.Blocked
	case 2*c.VoteBlocked > all:
		return verdict.LikelyBlocked
	case 2*c.VoteOK > all:
		return verdict.OK
	case 2*c.VoteDown > all:
		return verdict.Down
	}
	return verdict.Impaired
}

// Days sums cells of several networks by their start, and returns one cell for each
// start, in order.
func Days(cells []Cell) []Cell {
	days := map[int64]*Cell{}
	for i := range cells {
		c := &cells[i]
		d := days[c.Start]
		if d == nil {
			d = &Cell{Target: c.Target, CC: c.CC, Start: c.Start, Span: c.Span}
			days[c.Start] = d
		}
		d.plus(c)
		if c.FirstBad > 0 {
			first(&d.FirstBad, &d.FirstBadUID, c.FirstBad, c.FirstBadUID)
			last(&d.LastBad, &d.LastBadUID, c.LastBad, c.LastBadUID)
		}
		if c.FirstOK > 0 {
			first(&d.FirstOK, &d.FirstOKUID, c.FirstOK, c.FirstOKUID)
			last(&d.LastOK, &d.LastOKUID, c.LastOK, c.LastOKUID)
		}
	}
	var out []Cell
	for _, start := range slices.Sorted(maps.Keys(days)) {
		out = append(out, *days[start])
	}
	return out
}

package series

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bandish/bandish/verdict"
)

// The evidence floor: below it nothing is concluded.
const (
	floorMeasurements = 3
	floorReports      = 2
	floorVotes        = floorReports * Vote
)

// Window is how far back from the last day a standing looks at the most.
const Window = 7 * Day

// Standing is the answer of daily cells to "is it blocked?".
type Standing struct {
	State   verdict.State `json:"state"`
	Partial bool          `json:"partial,omitempty"` // blocked on some networks and not on others
	AsOf    time.Time     `json:"as_of,omitzero"`    // end of the last day looked at
	From    time.Time     `json:"from,omitzero"`     // start of the first; at most Window before

	// Since bounds when the state began: after Earliest, when the opposite was
	// last seen, and not after Latest, when the state was first seen.
	// Earliest is zero where nothing else was ever seen.
	Since Bounds `json:"since,omitzero"`

	// What was counted between From and AsOf.
	Blocked      uint32 `json:"blocked"` // blocked and likely_blocked
	OK           uint32 `json:"ok"`
	Down         uint32 `json:"down"`
	Inconclusive uint32 `json:"inconclusive"` // impaired and insufficient
	Aside        uint32 `json:"aside"`        // not voting: a wrong clock, a defect of the instrument
	Measurements uint32 `json:"measurements"` // the four without those aside
	Reports      uint32 `json:"reports"`

	Mechanisms []string `json:"mechanisms,omitempty"` // most votes first
	Missing    string   `json:"missing,omitempty"`    // what the evidence floor lacks
	Evidence   []string `json:"evidence,omitempty"`   // measurement_uids: latest first
}

// LastDay is the last day looked at.
func (s *Standing) LastDay() time.Time { return s.AsOf.Add(-time.Second) }

// Bounds is an interval that holds a moment.
type Bounds struct {
	Earliest time.Time `json:"earliest,omitzero"`
	Latest   time.Time `json:"latest,omitzero"`
}

// NetworkStanding is the standing on one network.
type NetworkStanding struct {
	ASN uint32 `json:"probe_asn"`
	Standing
}

// Stand concludes from the whole-measurement daily cells of one target in one
// country, up to the end of the day of asOf, or of the last cell where asOf is
// zero: each network by itself, and all together.
func Stand(cells []Cell, asOf time.Time) (Standing, []NetworkStanding) {
	cells = slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool {
		return c.Layer != Whole || !asOf.IsZero() && c.Start >= asOf.Unix()
	})
	var last int64
	for _, c := range cells {
		if c.Measurements > 0 {
			last = max(last, c.End())
		}
	}
	if last == 0 { // never measured: there is no day to speak of
		return Standing{State: verdict.Insufficient, Missing: missing(0, 0)}, nil
	}
	if asOf.IsZero() {
		asOf = time.Unix(last, 0).UTC()
	}
	byASN := map[uint32][]Cell{}
	for _, c := range cells {
		byASN[c.ASN] = append(byASN[c.ASN], c)
	}
	var networks []NetworkStanding
	for _, asn := range slices.Sorted(maps.Keys(byASN)) {
		networks = append(networks, NetworkStanding{asn, stand(byASN[asn], asOf)})
	}
	return together(cells, networks, asOf), networks
}

// headlineReports is how many reports from blocked networks make a country's
// headline where most networks are not blocked: a network that nobody else
// knows, with two reports, does not.
const headlineReports = 5

// together is the standing of the country: that of the networks that have
// enough evidence of their own, or, where none has, of all their cells.
func together(cells []Cell, networks []NetworkStanding, asOf time.Time) Standing {
	all := stand(cells, asOf)
	votes := map[verdict.State]int{}
	enough, heard := 0, uint32(0)
	var since Bounds
	for _, n := range networks {
		if n.State == verdict.Insufficient {
			continue
		}
		enough++
		votes[n.State]++
		if isBlocked(n.State) {
			heard += n.Reports
		}
		if isBlocked(n.State) && (since.Latest.IsZero() || n.Since.Latest.Before(since.Latest)) {
			since = n.Since
		}
	}
	if enough == 0 {
		return all
	}
	all.sum(networks)
	blocked := votes[verdict.Blocked] + votes[verdict.LikelyBlocked]
	all.Partial = blocked > 0 && blocked < enough
	switch {
	case 2*blocked > enough || heard >= headlineReports:
		all.State = verdict.LikelyBlocked
		if votes[verdict.Blocked] > 0 {
			all.State = verdict.Blocked
		}
		all.Since = since
	default:
		best := verdict.Impaired
		for _, s := range []verdict.State{verdict.OK, verdict.Down, verdict.Impaired} {
			if votes[s] > votes[best] {
				best = s
			}
		}
		all.State = best
	}
	all.Missing = ""
	return all
}

// sum makes the counts those of the networks, each in its own last days.
func (s *Standing) sum(networks []NetworkStanding) {
	t := Standing{State: s.State, AsOf: s.AsOf, From: s.AsOf, Since: s.Since, Mechanisms: s.Mechanisms, Evidence: s.Evidence}
	for _, n := range networks {
		t.Blocked += n.Blocked
		t.OK += n.OK
		t.Down += n.Down
		t.Inconclusive += n.Inconclusive
		t.Aside += n.Aside
		t.Measurements += n.Measurements
		t.Reports += n.Reports
		if n.From.Before(t.From) {
			t.From = n.From
		}
	}
	*s = t
}

func isBlocked(s verdict.State) bool { return s == verdict.Blocked || s == verdict.LikelyBlocked }

// stand concludes from cells that are taken as one series. It looks at the
// fewest last days that reach the evidence floor, and at the days before them,
// up to Window, that agree: a ban three days old is not outvoted by the days
// before it.
func stand(cells []Cell, asOf time.Time) Standing {
	s := Standing{AsOf: asOf, From: asOf.Add(-Window)}
	from, sum := regime(Days(cells), s.From.Unix())
	s.State = sum.state()
	if s.State == verdict.Insufficient {
		capped := sum.capped()
		s.Missing = missing(sum.Measurements-sum.Insufficient, min(capped.votes(), sum.Reports*Vote))
	} else {
		s.From = time.Unix(from, 0).UTC()
	}
	var recent []Cell
	for _, c := range cells {
		if c.Start >= from {
			recent = append(recent, c)
		}
	}
	s.Blocked, s.OK, s.Down = sum.Blocked+sum.Likely, sum.OK, sum.Down
	s.Inconclusive = sum.Impaired + sum.Insufficient
	s.Aside, s.Measurements, s.Reports = sum.Aside, sum.Measurements, sum.Reports
	if isBlocked(s.State) || s.State == verdict.Impaired {
		s.Mechanisms = mechanisms(recent)
	}
	s.Evidence = evidence(recent, s.State)
	s.Since = sinceOf(cells, s.State)
	return s
}

// regime finds the last days that say one thing: the start of the first of
// them, not before limit, and their sum.
func regime(days []Cell, limit int64) (from int64, sum Cell) {
	from = limit
	for i := len(days) - 1; i >= 0 && days[i].Start >= limit; i-- {
		d := days[i]
		if s := sum.state(); s != verdict.Insufficient && d.votes() > 0 && !d.continues(s, days[:i]) {
			return from, sum
		}
		sum.plus(&d)
		from = d.Start
	}
	return from, sum
}

// continues reports whether a day belongs with later ones of state s. A day
// that says otherwise does when the day before it says s again.
func (c *Cell) continues(s verdict.State, before []Cell) bool {
	like := func(d *Cell) bool {
		t := d.DayState()
		return t == s || isBlocked(t) && isBlocked(s)
	}
	return like(c) || len(before) > 0 && before[len(before)-1].votes() > 0 && like(&before[len(before)-1])
}

// plus adds the numbers of another cell.
func (c *Cell) plus(o *Cell) {
	c.Measurements += o.Measurements
	c.OK += o.OK
	c.Blocked += o.Blocked
	c.Likely += o.Likely
	c.Impaired += o.Impaired
	c.Down += o.Down
	c.Insufficient += o.Insufficient
	c.Aside += o.Aside
	c.hear(o)
	c.VoteBlocked += o.VoteBlocked
	c.VoteImpaired += o.VoteImpaired
	c.VoteOK += o.VoteOK
	c.VoteDown += o.VoteDown
}

// hear adds another cell's reports: one that is heard in both counts once,
// where the cells name their voices.
func (c *Cell) hear(o *Cell) {
	if c.Reports > 0 && len(c.Voices) == 0 || o.Reports > 0 && len(o.Voices) == 0 {
		c.Reports += o.Reports // cells that name nobody
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
	} else { // cells name some of their reports only
		c.Reports = max(c.Reports, o.Reports, n)
	}
}

// capped is the cell with no report's votes for either side above one,
// however many days and networks it was heard on.
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

// state is what a cell's votes conclude. Blocking is concluded from more than
// half of all votes; ok needs two thirds, so that a target that fails every
// second time is impaired and not ok.
func (sum *Cell) state() verdict.State {
	capped := sum.capped()
	c := &capped
	all := c.votes()
	if all < floorVotes || c.Reports < floorReports || c.Measurements-c.Insufficient < floorMeasurements {
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

func missing(measurements, votes uint32) string {
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
	return fmt.Sprintf("at least %s must come within %d days", what, Window/Day)
}

func mechanisms(cells []Cell) []string {
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

// maxEvidence bounds the measurements that a standing names.
const maxEvidence = 5

func evidence(cells []Cell, s verdict.State) []string {
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

// sinceOf walks the days back from the last while they agree with the state.
// One contrary day between days that agree is a lull and does not end the
// walk.
func sinceOf(cells []Cell, s verdict.State) Bounds {
	if s != verdict.OK && !isBlocked(s) {
		return Bounds{}
	}
	days := slices.DeleteFunc(Days(cells), func(c Cell) bool { return c.VoteBlocked+c.VoteImpaired+c.VoteOK == 0 })
	first := -1
	for i := len(days) - 1; i >= 0; i-- {
		if days[i].agrees(s) {
			first = i
			continue
		}
		if i == 0 || !days[i-1].agrees(s) {
			break
		}
	}
	if first < 0 {
		return Bounds{}
	}
	d := &days[first]
	seen, other := d.FirstBad, d.LastOK
	if s == verdict.OK {
		seen, other = d.FirstOK, d.LastBad
	}
	if seen == 0 {
		seen = d.Start
	}
	if other == 0 || other > seen { // the day itself does not bound it
		other = 0
		for i := first - 1; i >= 0 && other == 0; i-- {
			other = days[i].LastOK
			if s == verdict.OK {
				other = days[i].LastBad
			}
		}
	}
	b := Bounds{Latest: time.Unix(seen, 0).UTC()}
	if other > 0 {
		b.Earliest = time.Unix(other, 0).UTC()
	}
	return b
}

// agrees reports whether a day's votes are for s; days without votes for
// either side are not asked.
func (c *Cell) agrees(s verdict.State) bool {
	if s == verdict.OK {
		return c.VoteOK > c.VoteBlocked+c.VoteImpaired
	}
	return c.VoteBlocked+c.VoteImpaired > c.VoteOK
}

// DayState is what one day of one or all networks looks like: what more than
// half of its votes say, however few. It is for drawing; Stand concludes.
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

// Days sums the cells of several networks by day, in order.
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

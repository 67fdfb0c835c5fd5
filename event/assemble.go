package event

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/dating"
	"github.com/bandish/bandish/series"
)

// This file makes an event of a cluster: its dates, counts, phases, evidence.

// banned is the part of one network in an event.
type banned struct {
	net   int
	spans []stretch // in time, apart
	// firm is where the event begins and ends on the network whatever the best
	// path says.
	firm     struct{ first, last int }
	restored bool // what it says after its last bad vote speaks for access
}

// score is that of all its stretches.
func (b *banned) score() float64 {
	sum := 0.0
	for _, s := range b.spans {
		sum += s.score
	}
	return sum
}

func (b *banned) first() *stretch { return &b.spans[0] }
func (b *banned) last() *stretch  { return &b.spans[len(b.spans)-1] }

// perNetwork sorts the cluster's stretches by network and unites those that
// overlap.
func (c *cluster) perNetwork() []banned {
	spans := slices.Clone(c.spans)
	slices.SortFunc(spans, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.net, b.net), cmp.Compare(a.first, b.first), cmp.Compare(b.end, a.end))
	})
	var out []banned
	for _, s := range spans {
		if n := len(out); n == 0 || out[n-1].net != s.net {
			out = append(out, banned{net: s.net, spans: []stretch{s}})
			continue
		}
		l := out[len(out)-1].last()
		if s.first > l.end {
			out[len(out)-1].spans = append(out[len(out)-1].spans, s)
			continue
		}
		if s.end > l.end {
			l.end, l.to, l.open = s.end, s.to, s.open
		}
		l.score = max(l.score, s.score)
	}
	return out
}

// window is what of a network dates an event's onset, or its end: the
// observations from a to b, of which those from first to last, both bad, lie
// within the event.
type window struct{ a, first, last, b int }

// around finds the window of a network: up to datingBefore observations on its
// open side, none beyond the limit, and all within the event; and whether the
// network's first (last) bad vote is near enough to the event's.
func (h *history) around(p *banned, c *cluster, end bool, limit int64, means []string) (window, bool) {
	t := &h.nets[p.net]
	w := window{first: -1}
	for k := p.firm.first; k <= p.firm.last; k++ {
		if o := &t.Obs[k]; o.Bad() > 0 && !h.otherMeans(o, means) {
			if w.first < 0 {
				w.first = k
			}
			w.last = k
		}
	}
	if w.first < 0 {
		return w, false
	}
	w.a, w.b = w.first, w.last+1
	if end {
		for n := 0; w.b < len(t.Obs) && n < set.Date.Before && t.Obs[w.b].To < limit; w.b++ {
			n++
		}
		return w, t.Obs[w.last].To >= c.to-set.Date.Laggard
	}
	for n := 0; w.a > 0 && n < set.Date.Before && t.Obs[w.a-1].From > limit; w.a-- {
		n++
	}
	return w, t.Obs[w.first].From <= c.from+set.Date.Laggard
}

// witness looks at the beginning of an event on a network, or at its end with
// time turned round. Bad votes by other means than the event's say nothing. Nor
// do, where the network is alone, ok votes between its first and last bad vote
// within the event: what is measured in its midst must not move its dates.
// Since votes weigh on later ones of their day, the observations are made anew
// without them.
func (h *history) witness(p *banned, c *cluster, end, alone bool, limit int64, means []string) (dating.Witness, bool) {
	t := &h.nets[p.net]
	in, near := h.around(p, c, end, limit, means)
	if in.first < 0 {
		return dating.Witness{}, false
	}
	o := chain.Observe(h.withoutOK(t, in, means, alone), t.Obs[in.a].Cell, int32(p.net))
	first, to := t.Obs[in.first].From, int64(math.MaxInt64)
	if end {
		o, first, to = chain.Turn(o), -t.Obs[in.last].To, chain.FloorDay(c.to)+86400+set.Date.UsualApart
	}
	b := t.Usual(chain.FloorDay(c.from)-set.Date.UsualApart, to)
	networks := 1
	if t.ASN == 0 {
		networks = set.Date.Mingled
	}
	return dating.Witness{Networks: networks, Votes: votesOf(o[:deciding(o, first)]), Open: dating.Share{Bad: b.Bad, Hard: b.Hard},
		Banned: dating.Share{Bad: b.Bad + (1-b.Bad)*c.strength, Hard: c.hard}}, near
}

// withoutOK are the cells of a window without the ok votes between its first
// and last bad vote and the bad votes by other means.
func (h *history) withoutOK(t *network, in window, means []string, alone bool) []series.Cell {
	offset := t.Obs[in.a].Cell
	cells := slices.Clone(h.cells[offset : t.Obs[in.b-1].Cell+1])
	for k := in.a; k < in.b; k++ {
		o := &t.Obs[k]
		cell := &cells[o.Cell-offset]
		if o.Bad() > 0 && h.otherMeans(o, means) {
			cell.VoteBlocked, cell.VoteImpaired = 0, 0
		}
		if alone && o.OK > 0 && o.From > t.Obs[in.first].From && o.To < t.Obs[in.last].To {
			cell.VoteOK = 0
			if cell.FirstBad != 0 {
				cell.FirstOK, cell.LastOK = 0, 0
			}
		}
	}
	return cells
}

// deciding is how many observations, in the order of time or of time turned
// round, reach to the bad votes that date a network's change; first is the
// first of these.
func deciding(o []chain.Obs, first int64) int {
	bad := 0.0
	for i := range o {
		if o[i].From < first {
			continue
		}
		if bad += o[i].Bad(); bad >= set.Date.Votes {
			return i + 1
		}
	}
	return len(o)
}

// otherMeans reports whether the cell names mechanisms, and none of these.
func (h *history) otherMeans(o *chain.Obs, means []string) bool {
	named := false
	for _, t := range h.cells[o.Cell].Tallies {
		if t.Kind == series.Mechanism {
			if slices.Contains(means, t.Name) {
				return false
			}
			named = true
		}
	}
	return named && len(means) > 0
}

// leaveLate takes out the networks that say little and begin a day after those
// that say most have ended: what fails there then is not of the event. It
// reports whether it took out any.
func (h *history) leaveLate(c *cluster, parts []banned) bool {
	most, over := 0.0, int64(math.MinInt64)
	for i := range parts {
		most = math.Max(most, parts[i].score())
	}
	for i := range parts {
		if p := &parts[i]; p.score() >= math.Min(most, h.need) {
			over = max(over, h.nets[p.net].Obs[p.firm.last].To)
		}
	}
	n := len(c.spans)
	for i := range parts {
		if p := &parts[i]; p.score() < math.Min(most, h.need) && h.nets[p.net].Obs[p.firm.first].From > over+86400 {
			c.spans = slices.DeleteFunc(c.spans, func(s stretch) bool { return s.net == p.net })
		}
	}
	return len(c.spans) < n
}

// trim leaves what lies between two moments of a cluster's stretches.
func (c *cluster) trim(h *history, from, to int64) {
	var spans []stretch
	for _, s := range c.spans {
		t := &h.nets[s.net]
		first, end := s.first, s.end
		for first < end && t.Obs[first].From < from {
			first++
		}
		for end > first && t.Obs[end-1].To > to {
			end--
		}
		if first == s.first && end == s.end {
			spans = append(spans, s)
			continue
		}
		score := s.score
		for _, s := range t.between(s, first, end) {
			s.score = score
			spans = append(spans, s)
		}
	}
	if len(spans) > 0 {
		c.spans, c.from, c.to = spans, math.MaxInt64, math.MinInt64
		for _, s := range spans {
			c.from, c.to = min(c.from, s.from), max(c.to, s.to)
		}
	}
}

// means are the mechanisms of the cluster's stretches.
func (h *history) means(c *cluster) []string {
	weight := map[string]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		for _, t := range cell.Tallies {
			if t.Kind == series.Mechanism {
				weight[t.Name] += float64(t.Bad)
			}
		}
	})
	return top(weight)
}

// firm is a cluster from the first to the last bad vote of what would be
// interfered with if the interference were strong and the network like any
// other: how strong the best path takes it to be, and how often it takes the
// network to fail, depend on the ok votes in its midst, and with it where the
// path begins.
func (h *history) firm(c *cluster, parts []banned) *cluster {
	out := *c
	out.strength = h.strength(parts)
	out.hard = set.Chain.Hard[0]
	var hard, soft float64
	for i := range parts {
		for _, s := range parts[i].spans {
			for _, o := range h.nets[s.net].Obs[s.first:s.end] {
				hard, soft = hard+o.Hard, soft+o.Soft
			}
		}
	}
	if soft > hard {
		out.hard = set.Chain.Hard[1]
	}
	out.from, out.to = math.MaxInt64, math.MinInt64
	for i := range parts {
		t := &h.nets[parts[i].net]
		f, l := parts[i].first(), parts[i].last()
		at := turningPoint(t.Obs, f.first, f.end, f.firmWeights(out.strength))
		parts[i].firm.first = at
		out.from = min(out.from, t.Obs[at].From)
		turned, n := chain.Turn(t.Obs), len(t.Obs)
		at = turningPoint(turned, n-l.end, n-l.first, l.firmWeights(out.strength))
		parts[i].firm.last = n - 1 - at
		out.to = max(out.to, -turned[at].From)
	}
	return &out
}

// strength is the share of the votes that an event is taken to turn bad. It is
// not asked of the votes, or ok votes in its midst would bear on its dates: on
// a network it is most of them, and fewer where the source does not say which
// networks the votes are of.
func (h *history) strength(parts []banned) float64 {
	if slices.ContainsFunc(parts, func(b banned) bool { return h.nets[b.net].ASN == 0 }) {
		return set.Date.Part
	}
	return set.Date.Full
}

func (s *stretch) firmWeights(strength float64) chain.Weights {
	sort, b := 0, chain.Baseline{Bad: set.Date.FirmBad, Hard: set.Chain.PriorHard / (set.Chain.PriorHard + set.Chain.PriorSoft)}
	if s.soft > 0.5 {
		sort, b.Bad = 1, set.Date.FirmSoft
	}
	return b.WeightsAt(b.Bad+(1-b.Bad)*strength, set.Chain.Hard[sort])
}

// turningPoint is where the sum of what the observations from first to end
// say for interference, never below nothing, begins to rise to enough; else
// where it begins to rise highest. An ok vote more moves it later only.
func turningPoint(o []chain.Obs, first, end int, w chain.Weights) int {
	for first > 0 && o[first-1].OK == 0 && o[first].From-o[first-1].To <= set.Date.FirmBefore {
		first--
	}
	sum, most, start, at := 0.0, 0.0, first, first
	for i := first; i < end && most < set.Date.FirmEnough; i++ {
		if sum == 0 {
			start = i
		}
		sum = math.Max(sum+w.Of(&o[i]), 0)
		if sum > most {
			most, at = sum, start
		}
	}
	return at
}

// event makes the event of a cluster that stands between two others; prev and
// next are where those end and begin.
func (h *history) event(c *cluster, prev, next, now int64) Event {
	parts := c.perNetwork()
	e := Event{Kind: Block, Target: h.target, Targets: []string{h.target}, CC: h.cells[0].CC, Networks: []string{}, Detector: Version,
		primary: anchor{c.from, c.to}, always: c.always, mainly: h.mainly(c)}
	means, firm := h.means(c), h.firm(c, parts)
	if h.leaveLate(c, parts) {
		parts = c.perNetwork()
		means, firm = h.means(c), h.firm(c, parts)
	}
	c.trim(h, firm.from, firm.to)
	parts = c.perNetwork()
	h.firm(c, parts)
	e.primary = anchor{c.from, c.to}
	var ws []dating.Witness
	for i := range parts {
		if w, ok := h.witness(&parts[i], firm, false, len(parts) == 1, prev, means); ok && h.dates(parts, firm, i) {
			ws = append(ws, w)
		}
		if asn := h.nets[parts[i].net].ASN; asn != 0 {
			e.Networks = append(e.Networks, networkName(asn))
		}
	}
	lo, hi, bounded := set.Date.Model.Change(ws)
	if from, to, grew := h.grew(parts, firm, prev); grew {
		lo, hi, bounded = from, to, true
		e.Reasons = append(e.Reasons, "its failures became more over days on all of its networks together, so that it is dated as a ban that grows")
	}
	e.Onset.Latest = instant(hi)
	if bounded {
		e.Onset.Earliest = instant(lo)
	} else {
		e.Onset.Latest = instant(c.from)
	}
	h.conclude(&e, c, firm, parts, means, next, now)
	h.describe(&e, c, parts)
	for i := range parts {
		if h.nets[parts[i].net].ASN != 0 {
			e.ByNetwork = append(e.ByNetwork, h.onNetwork(&parts[i], c, firm, prev, next, means))
		}
	}
	return e
}

// dates reports whether a network bears on the event's dates: one whose bad
// votes are too few for an event does not where another's are enough. Ok votes
// are not asked, or a network would begin to date an event when votes in the
// midst of it say that another network is not always blocked.
func (h *history) dates(parts []banned, c *cluster, i int) bool {
	return h.loud(&parts[i], c) >= h.need || !slices.ContainsFunc(parts, func(p banned) bool { return h.loud(&p, c) >= h.need })
}

// loud is what a network's bad votes within an event say for it.
func (h *history) loud(p *banned, c *cluster) float64 {
	t := &h.nets[p.net]
	b := t.Usual(chain.FloorDay(c.from)-set.Date.UsualApart, chain.FloorDay(c.to)+86400+set.Date.UsualApart)
	w := b.WeightsAt(b.Bad+(1-b.Bad)*c.strength, c.hard)
	sum := 0.0
	for _, s := range p.spans {
		for _, o := range t.Obs[s.first:s.end] {
			sum += o.Hard*w.Hard + o.Soft*w.Soft
		}
	}
	return sum
}

// onNetwork is what one network showed of an event.
func (h *history) onNetwork(p *banned, c, firm *cluster, prev, next int64, means []string) OnNetwork {
	t := &h.nets[p.net]
	n := OnNetwork{Network: networkName(t.ASN), Onset: Interval{Latest: instant(t.Obs[p.firm.first].From)}}
	if w, _ := h.witness(p, firm, false, true, prev, means); len(w.Votes) > 0 {
		n.Before.Usual = math.Round(w.Open.Bad*1000) / 1000
		if lo, hi, bounded := set.Date.Model.Change([]dating.Witness{w}); bounded {
			n.Onset = Interval{instant(lo), instant(hi)}
		}
	}
	if w, _ := h.witness(p, firm, true, true, next, means); p.restored && len(w.Votes) > 0 {
		if lo, hi, bounded := ends().Change([]dating.Witness{w}); bounded {
			n.End = &Interval{instant(-hi), instant(-lo)}
		}
	}
	reports := map[uint32]bool{}
	i, _ := slices.BinarySearchFunc(h.cells, t.ASN, func(c series.Cell, a uint32) int { return cmp.Compare(c.ASN, a) })
	for ; i < len(h.cells) && h.cells[i].ASN == t.ASN; i++ {
		cell := &h.cells[i]
		switch {
		case cell.End() <= c.from:
			n.Before.OK += int(cell.OK)
			n.Before.Bad += int(cell.Bad())
		case cell.Start <= c.to:
			n.Counts.count(cell)
			for _, v := range cell.Voices {
				reports[v.Report] = true
			}
		}
	}
	n.Counts.Reports = len(reports)
	return n
}

// count adds the measurements of a cell.
func (c *Counts) count(cell *series.Cell) {
	c.Blocked += int(cell.Blocked + cell.Likely)
	c.OK += int(cell.OK)
	c.Down += int(cell.Down)
	c.Inconclusive += int(cell.Impaired + cell.Insufficient)
	c.Measurements += int(cell.Measurements)
}

// conclude finds the end and the state.
func (h *history) conclude(e *Event, c, firm *cluster, parts []banned, means []string, next, now int64) {
	end := h.pooled.Obs[len(h.pooled.Obs)-1].To
	lastBad, lastRestored := int64(math.MinInt64), int64(math.MinInt64)
	var ws []dating.Witness
	var doubtful []stretch // networks of which nothing shows that they are restored
	for i := range parts {
		s := parts[i].last()
		lastBad = max(lastBad, s.to)
		if parts[i].restored = h.restored(s, next, len(parts)); parts[i].restored {
			lastRestored = max(lastRestored, h.nets[s.net].Obs[s.end].From)
		} else {
			doubtful = append(doubtful, *s)
		}
		if w, ok := h.witness(&parts[i], firm, true, len(parts) == 1, next, means); ok && h.dates(parts, firm, i) {
			ws = append(ws, w)
		}
	}
	e.State = Ongoing
	if max(now, end)-lastBad > staleAfter(c, h.badVotes(c)) {
		e.State = Fading
	}
	if lastRestored == math.MinInt64 {
		return
	}
	if !h.confirmed(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "what came after the last blocked measurements was ok, but nearly all of it in one report, which cannot end an event alone")
		return
	}
	var still []string
	for _, s := range doubtful {
		if s.to > lastRestored {
			still = append(still, networkName(h.nets[s.net].ASN))
		}
	}
	if len(still) > 0 {
		e.State = Fading
		e.Reasons = append(e.Reasons, "partly restored; still blocked on "+strings.Join(still, ", "))
		return
	}
	if h.resolverSwitched(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "the ok measurements after the last blocked ones came through other resolvers, so they do not show an end")
		return
	}
	if h.reckonedOtherwise(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "the ok measurements after the last blocked ones were judged by another ruleset, so they do not show an end")
		return
	}
	if len(ws) == 0 { // its last bad votes are all by other means than the event's
		e.State = Ended
		e.End = &Interval{Earliest: instant(min(lastBad, lastRestored)), Latest: instant(max(lastBad, lastRestored))}
		return
	}
	lo, hi, bounded := ends().Change(ws)
	if lo, hi = -hi, -lo; bounded {
		e.State = Ended
		e.End = &Interval{Earliest: instant(lo), Latest: instant(hi)}
	}
}

// restored reports whether what a network says after a stretch speaks for
// access more than a few false ok votes would; of many networks, one or
// another will show some.
func (h *history) restored(s *stretch, next int64, networks int) bool {
	t := &h.nets[s.net]
	need := set.Course.Restored + math.Log(float64(networks))
	w := t.accessWeights(s)
	sum := 0.0
	for k := s.end; k < len(t.Obs) && t.Obs[k].To < next; k++ {
		if sum += w.Of(&t.Obs[k]); sum < -need {
			return true
		}
	}
	return false
}

// confirmed reports that the ok votes after the event say so without the
// loudest of those reports, too, where the source names them: one submitter
// cannot end an event.
func (h *history) confirmed(parts []banned, next int64) bool {
	oks := map[uint32]float64{}
	named := false
	for i := range parts {
		s := parts[i].last()
		t := &h.nets[s.net]
		w := t.accessWeights(s)
		for k := s.end; k < len(t.Obs) && t.Obs[k].To < next; k++ {
			for _, v := range h.cells[t.Obs[k].Cell].Voices {
				named = true
				oks[v.Report] -= float64(v.OK) / series.Vote * w.OK
			}
		}
	}
	all, most := 0.0, 0.0
	for _, r := range slices.Sorted(maps.Keys(oks)) {
		all, most = all+oks[r], math.Max(most, oks[r])
	}
	return !named || all-most >= set.Course.Restored
}

// accessWeights are those of the votes after a stretch, for telling whether it
// is over.
func (t *network) accessWeights(s *stretch) chain.Weights {
	return t.Base.WeightsAt(math.Min(math.Max(s.rate, t.Base.Bad+set.Course.AccessRise), set.Course.AccessMost), t.Base.Hard)
}

// staleAfter is how long silence may last before an event fades: two weeks, or
// ten times the usual pause between bad votes.
func staleAfter(c *cluster, bad float64) int64 {
	return max(set.Course.Stale, set.Course.StaleTimes*int64(float64(c.to-c.from)/math.Max(bad, 1)))
}

// describe fills in what can be counted.
func (h *history) describe(e *Event, c *cluster, parts []banned) {
	mech := map[string]float64{}
	reports := map[uint32]bool{}
	truncated := false
	listed := 0
	e.Counts, listed = Counts{}, 0
	h.within(c, parts, func(cell *series.Cell) {
		e.Counts.count(cell)
		listed += int(cell.Reports)
		truncated = truncated || int(cell.Reports) > len(cell.Voices)
		for _, v := range cell.Voices {
			reports[v.Report] = true
		}
		for _, t := range cell.Tallies {
			if t.Kind == series.Mechanism {
				mech[t.Name] += float64(t.Bad)
			}
		}
	})
	e.Counts.Reports = len(reports)
	if truncated {
		e.Counts.Reports = listed
	}
	e.Mechanisms = top(mech)
	if len(e.Mechanisms) > 0 && strings.Contains(e.Mechanisms[0], "throttl") {
		e.Kind = Throttling
	}
	e.Phases = h.phases(e, c, parts)
	e.Evidence = h.evidence(parts)
	e.Confidence = confidence(c, parts)
	e.Scope = scope(e)
	e.Reasons = append(h.reasons(e, c, parts), e.Reasons...)
}

// within calls f with the cells of the event's networks from the first to the
// last bad vote.
func (h *history) within(c *cluster, parts []banned, f func(*series.Cell)) {
	for _, p := range parts {
		asn := h.nets[p.net].ASN
		i, _ := slices.BinarySearchFunc(h.cells, asn, func(c series.Cell, a uint32) int { return cmp.Compare(c.ASN, a) })
		for ; i < len(h.cells) && h.cells[i].ASN == asn; i++ {
			if cell := &h.cells[i]; cell.End() > c.from && cell.Start <= c.to {
				f(cell)
			}
		}
	}
}

// top are the names that hold a tenth of the weight or more, the heaviest first.
func top(weight map[string]float64) []string {
	names := []string{}
	total := 0.0
	for n, w := range weight {
		names = append(names, n)
		total = max(total, w)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
	return slices.DeleteFunc(names, func(n string) bool { return weight[n] < set.Course.TopShare*total })
}

// confidence grows with the evidence that is left when the loudest report and
// a false alarm's worth are taken off.
func confidence(c *cluster, parts []banned) float64 {
	x := 1 - math.Exp(-(c.joint-c.loudest-set.Course.SureOffset)/set.Course.SureScale)
	if len(parts) == 1 {
		x *= set.Course.SureOne
	}
	if c.weak {
		x *= set.Course.SureWeak
	}
	if c.always {
		x *= set.Course.SureAlways
	}
	return math.Round(math.Min(math.Max(x, 0.05), 0.99)*100) / 100
}

func (h *history) reasons(e *Event, c *cluster, parts []banned) []string {
	var base, rate, votes float64
	for _, p := range parts {
		for _, s := range p.spans {
			n := float64(s.end - s.first)
			base += h.nets[s.net].Base.Bad * n
			rate += s.rate * n
			votes += n
		}
	}
	out := []string{fmt.Sprintf("%d of %d conclusive measurements were bad, against a usual share of %.0f %%",
		e.Counts.Blocked+e.Counts.Inconclusive, e.Counts.Blocked+e.Counts.Inconclusive+e.Counts.OK, 100*base/votes)}
	switch {
	case c.always:
		out = append(out, "the measurements say that something is wrong, not what, and there is no time without it to compare with: the event rests on how nearly all of them fail, on all networks")
	case c.weak:
		out = append(out, "the measurements say that something is wrong, not what: the event rests on their contrast with the time before or after")
	}
	switch {
	case e.Onset.Earliest == nil:
		out = append(out, "it began before the data, or before the networks were measured")
	case len(e.Networks) == 0:
		out = append(out, "the source names no networks: on some of them it may be older, and show only since more measurements came from there")
	}
	return out
}

func scope(e *Event) string {
	what := e.Target
	if n := len(e.Targets); n > 1 {
		what = strings.Join(e.Targets[:n-1], ", ") + " and " + e.Targets[n-1]
	}
	if len(e.Of) > 0 {
		what += " (" + strings.Join(e.Of, ", ") + ")"
	}
	switch n := len(e.Networks); n {
	case 0:
		return what
	case 1:
		return what + " on " + e.Networks[0]
	default:
		return fmt.Sprintf("%s on %d networks", what, n)
	}
}

// evidence are the measurements that frame the event on each network: the last
// ok before, the first and the last bad, the first ok after.
func (h *history) evidence(parts []banned) []string {
	type item struct {
		at  int64
		uid string
	}
	var items []item
	add := func(at int64, uid string) {
		if uid != "" {
			items = append(items, item{at, uid})
		}
	}
	for i := range parts {
		f, l := parts[i].first(), parts[i].last()
		o := h.nets[f.net].Obs
		if c := &h.cells[o[f.first].Cell]; c.LastOK != 0 && c.LastOK < c.FirstBad {
			add(c.LastOK, c.LastOKUID)
		} else if f.first > 0 {
			b := &h.cells[o[f.first-1].Cell]
			add(b.LastOK, b.LastOKUID)
		}
		for k, n := f.first, 0; k < f.end && n < 3; k++ {
			if o[k].Bad() > 0 {
				b := &h.cells[o[k].Cell]
				add(b.FirstBad, b.FirstBadUID)
				n++
			}
		}
		b := &h.cells[o[l.end-1].Cell]
		add(b.LastBad, b.LastBadUID)
		if l.end < len(o) {
			a := &h.cells[o[l.end].Cell]
			add(a.FirstOK, a.FirstOKUID)
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.uid, b.uid)) })
	items = slices.Compact(items)
	out := []string{}
	for i, it := range items {
		if len(items) <= set.Course.Evidence || i < set.Course.Evidence/2 || i >= len(items)-set.Course.Evidence/2 {
			out = append(out, it.uid)
		}
	}
	return out
}

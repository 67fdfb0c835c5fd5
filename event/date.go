package event

import (
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/dating"
	"github.com/bandish/bandish/series"
)

// This file dates a change: it computes the posterior of the moment, from what
// several networks saw around it. See docs/DETECTION.md, "The date".

// ends returns the model of ends. It is the model of onsets with time reversed, but
// leaves less probability beyond the interval. The first of many networks to obey
// an order is close to the others; the last of many to be restored is not.
func ends() *dating.Model {
	m := set.Date.Model
	m.Before = set.Date.EndBefore
	return &m
}

// grew returns the interval in which an event began that grew on all of its
// networks together, and whether it did grow. It is false for a single network,
// where ok votes in the middle of the ban would change its date.
func (h *history) grew(parts []banned, firm *cluster, prev int64) (lo, hi int64, is bool) {
	if len(parts) < 2 {
		return 0, 0, false
	}
	var ws []dating.Witness
	for i := range parts {
		t := &h.nets[parts[i].net]
		b := t.Usual(chain.FloorDay(firm.from)-int64(set.Date.Growth.Before), math.MaxInt64)
		in := slices.DeleteFunc(slices.Clone(t.Obs), func(o chain.Obs) bool { return o.From <= prev || o.From > firm.to })
		ws = append(ws, dating.Witness{Votes: votesOf(in), Open: dating.Share{Bad: b.Bad, Hard: b.Hard}, Banned: dating.Share{Hard: firm.hard}})
	}
	lo, hi, is = set.Date.Growth.Began(ws, firm.from)
	return lo, hi, is && lo >= h.pooled.Obs[0].From
}

// votesOf turns observations into votes of the dating model.
func votesOf(o []chain.Obs) []dating.Vote {
	out := make([]dating.Vote, len(o))
	for i := range o {
		out[i] = dating.Vote{From: o[i].From, To: o[i].To, Hard: o[i].Hard, Soft: o[i].Soft, OK: o[i].OK}
	}
	return out
}

// window holds the indexes of a network's observations that date an event's onset
// or end. The window is from a until before b. The observations from first to last
// are inside the event, and both of these are bad.
type window struct{ a, first, last, b int }

// around returns the window of a network: all observations inside the event, and up
// to Date.Before observations outside on the side that is dated, but none beyond
// limit. The second result says whether the network's first (or, for an end, last)
// bad vote is near enough to the event's.
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

// witness returns what a network saw of the onset of an event, or, with end, of its
// end with time reversed; the second result is that of around. Bad votes by other
// mechanisms than means do not count. Where alone is set, ok votes between the
// network's first and last bad vote do not count either: measurements in the middle
// of a ban must not move its dates. The observations are computed again without
// these votes, because votes change the weight of later votes of the same day.
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

// withoutOK returns the cells of a window without the bad votes by other mechanisms
// and, where alone is set, without the ok votes between its first and last bad
// vote.
func (h *history) withoutOK(t *track, in window, means []string, alone bool) []series.Cell {
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

// deciding returns how many observations are needed to reach the bad votes that
// date a network's change. first is the time of the first of these votes. Time may
// be reversed.
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

// otherMeans reports whether the observation's cell names mechanisms, but none of
// means.
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

// firm returns the cluster from its first to its last bad vote, under the
// assumption that the interference is strong and the network usual. The best path
// is not used for this: how strong it takes the interference to be, and how often
// it takes the network to fail, depend on the ok votes in the middle of the ban,
// and these would then change where it begins.
func (h *history) firm(c *cluster, parts []banned) *cluster {
	out := *c
	out.strength = h.strength(parts)
	var hard, soft float64
	for i := range parts {
		for _, s := range parts[i].spans {
			for _, o := range h.nets[s.net].Obs[s.first:s.end] {
				hard, soft = hard+o.Hard, soft+o.Soft
			}
		}
	}
	mixed := false
	if out.hard, mixed = sortOf(hard, soft); mixed {
		out.strength = set.Chain.Strengths[1]
	}
	out.from, out.to = math.MaxInt64, math.MinInt64
	for i := range parts {
		t := &h.nets[parts[i].net]
		f, l := parts[i].first(), parts[i].last()
		at := turningPoint(t.Obs, f.first, f.end, f.firmWeights(out.strength, mixed))
		parts[i].firm.first = at
		out.from = min(out.from, t.Obs[at].From)
		turned, n := chain.Turn(t.Obs), len(t.Obs)
		at = turningPoint(turned, n-l.end, n-l.first, l.firmWeights(out.strength, mixed))
		parts[i].firm.last = n - 1 - at
		out.to = max(out.to, -turned[at].From)
	}
	return &out
}

// sortOf returns the share of blocked among bad votes that best explains the
// numbers of blocked (hard) and impaired (soft) votes. It is one of three: that of
// a ban which verdicts recognise; that of a ban of which they say only that
// something is wrong; or the middle, with mixed set, for a ban that shows itself in
// both ways, as throttling does.
func sortOf(hard, soft float64) (share float64, mixed bool) {
	halfway := (set.Chain.Hard[0] + set.Chain.Hard[1]) / 2
	says := func(p float64) float64 { return hard*math.Log(p) + soft*math.Log1p(-p) }
	share = set.Chain.Hard[0]
	if soft > hard {
		share = set.Chain.Hard[1]
	}
	if says(halfway) > says(share) {
		return halfway, true
	}
	return share, false
}

// strength returns the share of votes that an event is assumed to turn bad. It does
// not depend on ok votes, because those in the middle of the ban would then change
// its dates. It is smaller where the source does not say which networks the votes
// are from.
func (h *history) strength(parts []banned) float64 {
	if slices.ContainsFunc(parts, func(b banned) bool { return h.nets[b.net].ASN == 0 }) {
		return set.Chain.Strengths[1]
	}
	return set.Date.Full
}

// firmWeights returns the weights of votes for finding where a strong ban begins.
// Where mixed is set, neither blocked nor impaired votes speak against the ban,
// whichever is more frequent on the network.
func (s *stretch) firmWeights(strength float64, mixed bool) chain.Weights {
	usual, hard := set.Date.FirmBad, set.Chain.Hard[0]
	switch {
	case mixed:
		hard = (set.Chain.Hard[0] + set.Chain.Hard[1]) / 2
	case s.soft > 0.5:
		usual, hard = set.Date.FirmSoft, set.Chain.Hard[1]
	}
	b := chain.Baseline{Bad: usual, Hard: set.Chain.PriorHard / (set.Chain.PriorHard + set.Chain.PriorSoft)}
	return b.WeightsAt(usual+(1-usual)*strength, hard)
}

// turningPoint returns the observation from which the sum of weights, never below
// zero, begins to rise to Date.FirmEnough; where it never does, from which it
// begins its highest rise. One more ok vote can only make it later.
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

// choose decides which networks count for the event's dates. Where one network's
// bad votes are enough for an event, networks with too few do not count. Of very
// many networks only those with the strongest bad votes count. Ok votes play no
// part: otherwise votes in the middle of a ban could bring in a network that dates
// it differently.
func (h *history) choose(parts []banned, c *cluster) {
	says := make([]float64, len(parts))
	for i := range parts {
		says[i] = h.loud(&parts[i], c)
	}
	sorted := slices.Sorted(slices.Values(says))
	least := 0.0
	if sorted[len(sorted)-1] >= h.need {
		least = h.need
	}
	if n := len(sorted) - set.Date.Networks; n > 0 {
		least = max(least, sorted[n])
	}
	for i := range parts {
		parts[i].dates = says[i] >= least
	}
}

// loud returns how strongly a network's bad votes within an event speak for it, in
// nats.
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

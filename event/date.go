package event

import (
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/dating"
	"github.com/bandish/bandish/series"
)

// This file dates a change: the posterior of its moment, given what several
// networks saw around it. See docs/DETECTION.md, "The date".

// ends is the model of ends: that of onsets with time turned round. The last of
// many to be restored stands apart from the others, where the first of many to
// obey stands among them, so less is left beyond it.
func ends() *dating.Model {
	m := set.Date.Model
	m.Before = set.Date.EndBefore
	return &m
}

// grew is the interval in which an event began that grew on all of its networks
// together, and whether it did. Of one network it is not asked: ok votes in its
// midst would bear on its date.
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

// votesOf are observations as the dating model takes them.
func votesOf(o []chain.Obs) []dating.Vote {
	out := make([]dating.Vote, len(o))
	for i := range o {
		out[i] = dating.Vote{From: o[i].From, To: o[i].To, Hard: o[i].Hard, Soft: o[i].Soft, OK: o[i].OK}
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

// firm is a cluster from the first to the last bad vote of what would be
// interfered with if the interference were strong and the network like any
// other: how strong the best path takes it to be, and how often it takes the
// network to fail, depend on the ok votes in its midst, and with it where the
// path begins.
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
		out.strength = set.Date.Part
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

// sortOf is the share of blocked among bad votes that explains best how they fall:
// that of a ban which the verdicts know, that of one of which they only say that
// something is wrong, or halfway, of a ban that shows itself now so and now so,
// as throttling does.
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

// strength is the share of the votes that an event is taken to turn bad. The ok
// votes are not asked, or those in its midst would bear on its dates: on a
// network it is most of them, and fewer where the source does not say which
// networks the votes are of, or where the bad ones are of both sorts, as those
// of throttling are.
func (h *history) strength(parts []banned) float64 {
	if slices.ContainsFunc(parts, func(b banned) bool { return h.nets[b.net].ASN == 0 }) {
		return set.Date.Part
	}
	return set.Date.Full
}

// firmWeights are what votes say where a strong ban begins. Where the bad votes
// of the event are of both sorts, neither sort speaks against it, whichever of
// them is the more frequent on the network.
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

// choose says which networks bear on the event's dates. One whose bad votes are
// too few for an event does not where another's are enough. Ok votes are not
// asked, or a network would begin to date an event when votes in the midst of it
// say that another network is not always blocked. Of very many networks those of
// which the bad votes say most bear on them.
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

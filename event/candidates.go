package event

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
)

// This file groups the interfered stretches of a country's networks into clusters.

// clusters groups stretches into clusters. Strong stretches are the core; weaker
// stretches of other networks join a cluster that they overlap.
func (h *history) clusters() []cluster {
	all := h.pooled.Obs
	h.need = chain.Threshold(h.pooled.Votes(), float64(all[len(all)-1].To-all[0].From))
	need := h.need
	var core, weak []stretch
	for i := range h.nets {
		for _, s := range h.own(i) {
			switch {
			case s.score >= need:
				core = append(core, s)
			case s.score >= set.Candidate.BriefScore || h.nets[i].badDays(s) > 1:
				weak = append(weak, s)
			}
		}
	}
	if len(h.nets) > 1 {
		for _, s := range h.pooled.stretches(-1, need) {
			core = append(core, h.localise(s)...)
		}
	}
	cs := join(core)
	for _, s := range weak {
		for i := range cs {
			if c := &cs[i]; s.shares(c) && h.speaks(&s, c.from, c.to) {
				c.spans = append(c.spans, s)
				c.from, c.to = min(c.from, s.from), max(c.to, s.to)
				break
			}
		}
	}
	return mergeNear(cs)
}

// shares reports whether a stretch and a cluster have at least half of the shorter
// one's time in common. A stretch that only touches the end of a ban does not
// belong to it.
func (s *stretch) shares(c *cluster) bool {
	common := min(s.to, c.to) - max(s.from, c.from)
	return common >= 0 && 2*common >= min(s.to-s.from, c.to-c.from)
}

// speaks reports whether a stretch says more than chance would show somewhere among
// the network's votes between two moments. Among many votes, two false ones are
// sometimes next to each other.
func (h *history) speaks(s *stretch, from, to int64) bool {
	votes := 0.0
	for _, o := range h.nets[s.net].Obs {
		if o.To >= from && o.From <= to {
			votes += o.Bad() + o.OK
		}
	}
	return s.score >= chain.ByChance(votes, set.Candidate.NamedWrongly)
}

// own returns the stretches of network i. Where other networks carry a stretch of
// the pooled track that overlaps one of these, the parts outside it that are not
// strong in themselves are cut off. Otherwise, where few people measure, a false
// vote a month before a ban, or another ban a month before, would seem to be part
// of it.
func (h *history) own(i int) []stretch {
	t := &h.nets[i]
	out := t.stretches(i, set.Candidate.WeakScore)
	if len(h.nets) == 1 {
		return out
	}
	var cut []stretch
	for _, s := range out {
		cut = append(cut, h.cut(t, s)...)
	}
	return cut
}

func (h *history) cut(t *track, s stretch) []stretch {
	var common [][2]int64
	for _, r := range h.pooled.Runs {
		if a, b := h.pooled.Obs[r.First].From, h.pooled.Obs[r.Last].To; a <= s.to && b >= s.from && h.carried(s.net, a, b) {
			common = append(common, [2]int64{a, b})
		}
	}
	if len(common) == 0 {
		return []stretch{s}
	}
	in := func(o *chain.Obs) bool {
		return slices.ContainsFunc(common, func(c [2]int64) bool { return o.To >= c[0] && o.From <= c[1] })
	}
	w := t.Base.Weights(chain.Strengths)
	if s.soft > 0.5 {
		w = t.Base.Weights(2 * chain.Strengths)
	}
	var out []stretch
	from := -1 // where the stretch begins that is being assembled; -1: none
	for k := s.first; k < s.end; {
		end := k
		for end < s.end && in(&t.Obs[end]) == in(&t.Obs[k]) {
			end++
		}
		if in(&t.Obs[k]) || best(t.Obs[k:end], w) >= set.Candidate.BriefScore {
			if from < 0 {
				from = k
			}
		} else if from >= 0 {
			out = append(out, t.between(s, from, k)...)
			from = -1
		}
		k = end
	}
	if from >= 0 {
		out = append(out, t.between(s, from, s.end)...)
	}
	return out
}

// carried reports whether networks other than one show interference between two
// moments.
func (h *history) carried(but int, from, to int64) bool {
	for i := range h.nets {
		if i == but {
			continue
		}
		var bad, ok float64
		for _, o := range h.nets[i].Obs {
			if o.To >= from && o.From <= to {
				bad, ok = bad+o.Bad(), ok+o.OK
			}
		}
		if bad >= set.Chain.MinBadVotes && bad > ok {
			return true
		}
	}
	return false
}

// best returns the largest sum of weights of consecutive observations.
func best(o []chain.Obs, w chain.Weights) float64 {
	sum, top := 0.0, 0.0
	for i := range o {
		sum = math.Max(sum+w.Of(&o[i]), 0)
		top = math.Max(top, sum)
	}
	return top
}

// localise returns the stretches of the networks that carry a stretch of the pooled
// track: networks with a stretch of their own in it, and networks whose votes in it
// speak for interference.
func (h *history) localise(s stretch) []stretch {
	var own, out []stretch
	total := 0.0
	for i := range h.nets {
		mine := slices.DeleteFunc(h.own(i), func(o stretch) bool { return o.from > s.to || o.to < s.from })
		for _, o := range mine {
			total += o.score
		}
		own = append(own, mine...)
		if len(mine) > 0 {
			continue
		}
		if o, ok := h.inside(i, s); ok {
			total += o.score
			out = append(out, o)
		}
	}
	if slices.ContainsFunc(own, func(o stretch) bool { return o.score >= h.need }) {
		// One network is enough for an event; the others belong to it only by what they
		// say themselves.
		return slices.DeleteFunc(append(own, out...), func(o stretch) bool { return o.score < h.need && !h.speaks(&o, s.from, s.to) })
	}
	if len(own)+len(out) < 2 || total < set.Chain.MinimalScore {
		return nil
	}
	if sure := slices.DeleteFunc(slices.Clone(out), func(s stretch) bool { return s.score < set.Candidate.ListedScore }); len(own)+len(sure) >= 2 {
		return append(own, sure...)
	}
	return append(own, out...)
}

// inside returns what network i says within a stretch of the pooled track, from its
// first to its last bad vote.
func (h *history) inside(i int, s stretch) (stretch, bool) {
	t := &h.nets[i]
	first := slices.IndexFunc(t.Obs, func(o chain.Obs) bool { return o.To >= s.from && o.Bad() > o.OK })
	if first < 0 || t.Obs[first].From > s.to {
		return stretch{}, false
	}
	end := first
	for k := first; k < len(t.Obs) && t.Obs[k].From <= s.to; k++ {
		if t.Obs[k].Bad() > t.Obs[k].OK {
			end = k + 1
		}
	}
	var v chain.Sums
	v.Add(t.Obs[first:end], nil)
	bad := v.Hard + v.Soft
	rate, best := bad/(bad+v.OK), math.Inf(-1)
	for st := 1; st < chain.States; st++ {
		w := t.Base.Weights(st)
		best = math.Max(best, v.Hard*w.Hard+v.Soft*w.Soft+v.OK*w.OK)
	}
	return stretch{net: i, from: t.Obs[first].From, to: t.Obs[end-1].To, first: first, end: end,
		score: best, soft: v.Soft / bad, rate: rate, open: end == len(t.Obs)}, best > set.Candidate.InsideScore && rate >= t.Base.Bad+set.Candidate.MinRise
}

// join makes clusters of stretches that overlap or that only a pause separates.
func join(spans []stretch) []cluster {
	slices.SortFunc(spans, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.net, b.net))
	})
	var cs []cluster
	for _, s := range spans {
		if n := len(cs); n > 0 && s.from <= cs[n-1].to {
			cs[n-1].spans = append(cs[n-1].spans, s)
			cs[n-1].to = max(cs[n-1].to, s.to)
			continue
		}
		cs = append(cs, cluster{from: s.from, to: s.to, spans: []stretch{s}})
	}
	return mergeNear(cs)
}

// mergeNear merges neighbouring clusters until only real gaps separate them.
func mergeNear(cs []cluster) []cluster {
	for merged := true; merged; {
		merged = false
		for i := 0; i+1 < len(cs); i++ {
			a, b := &cs[i], cs[i+1]
			if b.from-a.to <= pause(a.to-a.from, b.to-b.from) {
				a.spans = append(a.spans, b.spans...)
				a.to = max(a.to, b.to)
				cs = slices.Delete(cs, i+1, i+2)
				merged = true
			}
		}
	}
	return cs
}

// pause returns the longest time, in seconds, between two bad votes that does not
// end a ban. before and after are the lengths of what is on either side of it. It
// is the largest of three: three days; a day more than half of before and after
// together, but at most eight days; a twentieth of them, but at most two weeks
// (parameters Candidate.Lull…).
func pause(before, after int64) int64 {
	around := before + after
	return max(set.Candidate.LullShort*86400, min(set.Candidate.LullHalf*86400, around/2+86400), min(set.Candidate.LullLong*86400, around/20))
}

// sharpened narrows the clusters whose rise is small to the part that stands out. A
// ban may be inside a longer time that is a little worse than usual.
func (h *history) sharpened(cs []cluster) []cluster {
	for i := range cs {
		if _, why := h.judge(cs[i]); why != smallRise {
			continue
		}
		var spans []stretch
		for _, s := range cs[i].spans {
			t := &h.nets[s.net]
			sort := 0
			if s.soft > 0.5 {
				sort = 1
			}
			first, end := loudest(t.Obs[s.first:s.end], t.Base.WeightsAt(t.Base.Bad+(1-t.Base.Bad)*set.Candidate.PickedRate, set.Chain.Hard[sort]))
			spans = append(spans, t.between(s, s.first+first, s.first+end)...)
		}
		spans = slices.DeleteFunc(spans, func(s stretch) bool {
			return s.score < set.Candidate.WeakScore || s.rate < h.nets[s.net].Base.Bad+set.Candidate.PickedRise || s.to-s.from < set.Candidate.BriefDays*86400
		})
		if strongest := slices.MaxFunc(append(spans, stretch{}), func(a, b stretch) int { return cmp.Compare(a.score, b.score) }); strongest.score >= h.need {
			core := strongest
			spans = slices.DeleteFunc(spans, func(s stretch) bool { return s.from > core.to || s.to < core.from })
			cs[i] = join(spans)[0]
		}
	}
	return cs
}

// loudest returns the run of consecutive observations with the largest sum of
// weights; end is exclusive.
func loudest(o []chain.Obs, w chain.Weights) (first, end int) {
	sum, top, from := 0.0, 0.0, 0
	for i := range o {
		if sum <= 0 {
			sum, from = 0, i
		}
		if sum += w.Of(&o[i]); sum > top {
			top, first, end = sum, from, i+1
		}
	}
	return first, end
}

package event

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// phases returns the course of an event: its times of blocking and lulls, networks
// that joined later or were restored sooner, and changes of mechanism.
func (h *history) phases(e *Event, c *cluster, parts []banned) []Phase {
	out := h.courses(parts)
	for i := range parts {
		if len(parts) > 1 {
			out = append(out, h.spread(e, &parts[i])...)
		}
	}
	out = append(out, h.mechanisms(c, parts)...)
	out = e.clip(out)
	slices.SortStableFunc(out, func(a, b Phase) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Note, b.Note))
	})
	return out
}

// clip limits the phases to the event's dates: nothing is blocked before it can
// have begun, or after it must have ended.
func (e *Event) clip(phases []Phase) []Phase {
	out := []Phase{}
	for _, p := range phases {
		if e.Onset.Earliest != nil && p.From.Before(*e.Onset.Earliest) {
			p.From = *e.Onset.Earliest
		}
		if e.End != nil && e.End.Latest != nil && (p.Kind == PhaseBlocked || p.Kind == PhaseLull) && (p.To == nil || p.To.After(*e.End.Latest)) {
			p.To = e.End.Latest
		}
		late := e.End != nil && e.End.Latest != nil && p.From.After(*e.End.Latest)
		if !late && (p.To == nil || !p.To.Before(p.From)) {
			out = append(out, p)
		}
	}
	return out
}

// courses returns the times of blocking on any network, and the lulls between and
// within them. Where nobody measured between two times of blocking, there is no
// phase.
func (h *history) courses(parts []banned) []Phase {
	var all []stretch
	for i := range parts {
		all = append(all, parts[i].spans...)
	}
	slices.SortFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.net, b.net))
	})
	lulls := h.lulls(all)
	unnamed := slices.ContainsFunc(parts, func(b banned) bool { return h.nets[b.net].ASN == 0 })
	var out []Phase
	for i := 0; i < len(all); {
		to, j := all[i].to, i
		for ; j < len(all) && all[j].from <= to; j++ {
			to = max(to, all[j].to)
		}
		if i > 0 {
			if l, ok := h.between(parts, out[len(out)-1].To.Unix(), all[i].from); ok {
				out = append(out, lull(l.from, l.to, unnamed))
			}
		}
		from := all[i].from
		for len(lulls) > 0 && lulls[0].from < to {
			l := lulls[0]
			lulls = lulls[1:]
			said, access := h.between(parts, l.from, l.to)
			if l.from > from && l.to < to && access {
				out = append(out, h.course(all[i:j], from, l.from), lull(said.from, said.to, unnamed))
				from = l.to
			}
		}
		out = append(out, h.course(all[i:j], from, to))
		if j == len(all) && slices.ContainsFunc(all[i:j], func(s stretch) bool { return s.open }) {
			out[len(out)-1].To, out[len(out)-1].Note = nil, "to the end of the data"
		}
		i = j
	}
	return out
}

// between returns the lull that ok votes of the event's networks show between two
// bad votes, if they speak for access. It reaches from one bad vote to the other,
// but at most a day (Course.LullReach) from an ok vote. The votes must speak for
// access against the event as it is and also against the weakest ban, and pay the
// cost of a change for both: votes that fail more often than usual are no access.
func (h *history) between(parts []banned, from, to int64) (stretch, bool) {
	score, weakest, first, last := 0.0, 0.0, int64(math.MaxInt64), int64(math.MinInt64)
	for i := range parts {
		t := &h.nets[parts[i].net]
		w := t.accessWeights(parts[i].first())
		weak := t.Base.WeightsAt(t.Base.Bad+(1-t.Base.Bad)*slices.Min(set.Chain.Strengths[:]), t.Base.Hard)
		k, _ := slices.BinarySearchFunc(t.Obs, from+1, func(o chain.Obs, at int64) int { return cmp.Compare(o.From, at) })
		for ; k < len(t.Obs) && t.Obs[k].From < to; k++ {
			o := &t.Obs[k]
			weakest += weak.Of(o)
			if score += w.Of(o); o.OK > 0 {
				first, last = min(first, o.From), max(last, o.To)
			}
		}
	}
	return stretch{from: max(from, first-set.Course.LullReach), to: min(to, last+set.Course.LullReach)}, score <= -set.Chain.SwitchCost && weakest < 0
}

// lull makes the phase. With unnamed, the source names no networks, so that more
// measurements may have come from networks that do not block.
func lull(from, to int64, unnamed bool) Phase {
	note := "access between two stretches of blocking"
	if unnamed {
		note = "fewer measurements failed: access between two stretches of blocking, or more measurements from networks that do not block (the source names none)"
	}
	return Phase{Kind: PhaseLull, From: *instant(from), To: instant(to), Note: note}
}

func (h *history) course(spans []stretch, from, to int64) Phase {
	nets := map[uint32]bool{}
	for _, s := range spans {
		if s.from <= to && s.to >= from {
			nets[h.nets[s.net].ASN] = true
		}
	}
	return Phase{Kind: PhaseBlocked, From: *instant(from), To: instant(to), Networks: names(nets), Note: "from the first to the last failure"}
}

// lulls finds where, within stretches, the votes of all their networks together
// speak for access. It uses two states, interfered and open, and a small cost for
// each change. A lull reaches from the last bad vote before it to the first after
// it.
func (h *history) lulls(spans []stretch) []stretch {
	type vote struct {
		from, to int64
		score    float64 // for interference
		bad      float64
		net      int32
	}
	var vs []vote
	for _, s := range spans {
		t := &h.nets[s.net]
		hard := set.Chain.Hard[0]
		if s.soft > 0.5 {
			hard = set.Chain.Hard[1]
		}
		w := t.Base.WeightsAt(math.Min(math.Max(s.rate, t.Base.Bad+set.Course.AccessRise), set.Course.AccessMost), hard)
		for i := s.first; i < s.end; i++ {
			o := &t.Obs[i]
			vs = append(vs, vote{o.From, o.To, w.Of(o), o.Bad(), o.Net})
		}
	}
	slices.SortFunc(vs, func(a, b vote) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.net, b.net), cmp.Compare(a.score, b.score))
	})
	var out []stretch
	for i := 0; i < len(vs); {
		sum, best, end := 0.0, 0.0, i
		for k := i; k < len(vs) && sum <= set.Chain.SwitchCost; k++ {
			if sum += vs[k].score; sum < best {
				best, end = sum, k+1
			}
			if sum-best > set.Chain.SwitchCost {
				break
			}
		}
		if best > -2*set.Chain.SwitchCost {
			i++
			continue
		}
		from, to := vs[i].from, vs[end-1].to
		for k := i - 1; k >= 0; k-- {
			if vs[k].bad > 0 {
				from = vs[k].to
				break
			}
		}
		for k := end; k < len(vs); k++ {
			if vs[k].bad > 0 {
				to = vs[k].from
				break
			}
		}
		out = append(out, stretch{from: from, to: to})
		i = end
	}
	return out
}

// spread returns phases for a network that joined more than a day after the onset,
// or was restored more than a day before the end.
func (h *history) spread(e *Event, b *banned) []Phase {
	var out []Phase
	if h.nets[b.net].ASN == 0 {
		return nil
	}
	net := []string{network.Name(h.nets[b.net].ASN)}
	if f := b.first(); f.first > 0 && f.from > e.Onset.Latest.Unix()+86400 {
		if lastOK := h.nets[b.net].Obs[f.first-1]; lastOK.To > e.Onset.Latest.Unix() {
			out = append(out, Phase{Kind: PhaseSpread, From: *instant(f.from), Networks: net, Note: net[0] + " joined later"})
		}
	}
	l := b.last()
	over := e.End != nil && e.End.Earliest != nil && l.to < e.End.Earliest.Unix()-86400
	if o := h.nets[b.net].Obs; l.end < len(o) && (over && o[l.end].From < e.End.Earliest.Unix() || e.State == Fading && b.restored) {
		out = append(out, Phase{Kind: PhaseRestored, From: *instant(o[l.end].From), Networks: net, Note: net[0] + " was restored"})
	}
	return out
}

// mechanisms finds for every mechanism the moment that best separates the time
// without it from the time with it.
func (h *history) mechanisms(c *cluster, parts []banned) []Phase {
	type point struct {
		at    int64
		total float64
		by    map[string]float64
	}
	var ps []point
	all := map[string]float64{}
	h.within(c, parts, func(cell *series.Cell) {
		bad := float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
		if bad == 0 {
			return
		}
		p := point{at: max(cell.FirstBad, cell.Start), total: bad, by: map[string]float64{}}
		for _, t := range cell.Tallies {
			if t.Kind == series.Mechanism {
				p.by[t.Name] += float64(t.Bad) / series.Vote
				all[t.Name] += float64(t.Bad) / series.Vote
			}
		}
		ps = append(ps, p)
	})
	slices.SortStableFunc(ps, func(a, b point) int { return cmp.Compare(a.at, b.at) })
	var out []Phase
	for _, m := range top(all) {
		var sumB, sumT float64
		for _, p := range ps {
			sumB, sumT = sumB+p.by[m], sumT+p.total
		}
		best, at := set.Course.MeansGain, -1
		var b, t float64
		var before, after float64
		for i := range ps[:max(len(ps)-1, 0)] {
			b, t = b+ps[i].by[m], t+ps[i].total
			pb, pa := b/t, (sumB-b)/(sumT-t)
			if gain := ll(b, t) + ll(sumB-b, sumT-t) - ll(sumB, sumT); gain > best && math.Abs(pb-pa) > set.Course.MeansChange {
				best, at, before, after = gain, i+1, pb, pa
			}
		}
		if at > 0 {
			out = append(out, Phase{Kind: PhaseMechanism, From: *instant(ps[at].at), Mechanisms: []string{m},
				Note: fmt.Sprintf("%s: in %.0f %% of the failures before, in %.0f %% after", m, 100*before, 100*after)})
		}
	}
	return out
}

// ll returns the largest log-likelihood of k of n, in nats.
func ll(k, n float64) float64 {
	if n <= 0 || k <= 0 || k >= n {
		return 0
	}
	return k*math.Log(k/n) + (n-k)*math.Log((n-k)/n)
}

func names(asns map[uint32]bool) []string {
	list := make([]uint32, 0, len(asns))
	for a := range asns {
		if a != 0 {
			list = append(list, a)
		}
	}
	slices.Sort(list)
	var out []string
	for _, a := range list {
		out = append(out, network.Name(a))
	}
	return out
}

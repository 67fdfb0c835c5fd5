package event

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/series"
)

// phases tells the course of an event: its stretches and lulls, the networks
// that joined later or were restored sooner, and changes of the means.
func (h *history) phases(e *Event, c *cluster, parts []banned) []Phase {
	out := h.courses(parts)
	for i := range parts {
		out = append(out, h.spread(e, &parts[i])...)
	}
	out = append(out, h.mechanisms(c, parts)...)
	slices.SortStableFunc(out, func(a, b Phase) int {
		return cmp.Or(a.From.Compare(b.From), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Note, b.Note))
	})
	return out
}

// courses are the stretches of blocking, on whatever network, and the lulls.
func (h *history) courses(parts []banned) []Phase {
	var all []stretch
	for i := range parts {
		all = append(all, parts[i].spans...)
	}
	slices.SortFunc(all, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.net, b.net))
	})
	var out []Phase
	for i := 0; i < len(all); {
		from, to, open := all[i].from, all[i].to, false
		nets := map[uint32]bool{}
		j := i
		for ; j < len(all) && all[j].from <= to; j++ {
			to = max(to, all[j].to)
			open = open || all[j].open
			nets[h.nets[all[j].net].asn] = true
		}
		if n := len(out); n > 0 {
			prev := *out[n-1].To
			out = append(out, Phase{Kind: PhaseLull, From: prev, To: instant(from), Note: "access between two stretches of blocking"})
		}
		p := Phase{Kind: PhaseBlocked, From: *instant(from), To: instant(to), Networks: names(nets), Note: "from the first to the last bad measurement"}
		out = append(out, p)
		if open && j == len(all) {
			out[len(out)-1].To = nil
			out[len(out)-1].Note = "to the end of the data"
		}
		i = j
	}
	return out
}

// spread says that a network joined a day or more after the onset, or was
// restored a day or more before the end.
func (h *history) spread(e *Event, b *banned) []Phase {
	var out []Phase
	net := []string{networkName(h.nets[b.net].asn)}
	if f := b.first(); f.first > 0 && f.from > e.Onset.Latest.Unix()+86400 {
		if lastOK := h.nets[b.net].obs[f.first-1]; lastOK.to > e.Onset.Latest.Unix() {
			out = append(out, Phase{Kind: PhaseSpread, From: *instant(f.from), Networks: net, Note: net[0] + " joined later"})
		}
	}
	l := b.last()
	over := e.End != nil && e.End.Earliest != nil && l.to < e.End.Earliest.Unix()-86400
	if over || e.End == nil && !l.open {
		if o := h.nets[b.net].obs; l.end < len(o) && (e.End == nil || o[l.end].from < e.End.Earliest.Unix()) {
			out = append(out, Phase{Kind: PhaseRestored, From: *instant(o[l.end].from), Networks: net, Note: net[0] + " was restored"})
		}
	}
	return out
}

// mechanisms finds, for every means, the moment that best divides the time
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
		best, at := 8.0, -1
		var b, t float64
		var before, after float64
		for i := range ps[:max(len(ps)-1, 0)] {
			b, t = b+ps[i].by[m], t+ps[i].total
			pb, pa := b/t, (sumB-b)/(sumT-t)
			if gain := ll(b, t) + ll(sumB-b, sumT-t) - ll(sumB, sumT); gain > best && math.Abs(pb-pa) > 0.5 {
				best, at, before, after = gain, i+1, pb, pa
			}
		}
		if at > 0 {
			out = append(out, Phase{Kind: PhaseMechanism, From: *instant(ps[at].at), Mechanisms: []string{m},
				Note: fmt.Sprintf("%s: in %.0f %% of the bad measurements before, in %.0f %% after", m, 100*before, 100*after)})
		}
	}
	return out
}

// ll is the greatest log-likelihood of k of n.
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
		out = append(out, networkName(a))
	}
	return out
}

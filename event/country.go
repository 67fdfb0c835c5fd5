package event

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/series"
)

// This file puts the interfered stretches of the networks of a country
// together into events.

// stretch is a run of a network in time.
type stretch struct {
	net        int // -1: all together
	from, to   int64
	first, end int // observations, end exclusive
	score      float64
	soft, rate float64
	open       bool
}

// cluster is an event to be.
type cluster struct {
	from, to int64
	spans    []stretch
	joint    float64 // score of all stretches
	loudest  float64 // of it, what the loudest report gives
	weak     bool    // the verdicts only say that something is wrong
	always   bool    // and there is no other time to compare with
	strength float64 // share of the votes it is taken to turn bad, for dating
	hard     float64 // and of these, the share that is blocked
}

// stretches are the runs that score enough, from their first to their last bad
// vote.
func (t *network) stretches(net int, atLeast float64) []stretch {
	var out []stretch
	for _, r := range t.Runs {
		if r.Score < atLeast {
			continue
		}
		for r.First < r.Last && t.Obs[r.First].Bad() == 0 {
			r.First++
		}
		for r.Last > r.First && t.Obs[r.Last].Bad() == 0 {
			r.Last--
		}
		out = append(out, stretch{net: net, from: t.Obs[r.First].From, to: t.Obs[r.Last].To, first: r.First, end: r.Last + 1,
			score: r.Score, soft: r.Soft, rate: r.Rate, open: r.Last+1 == len(t.Obs)})
	}
	return out
}

// clusters groups the stretches into events to be: strong ones are the core,
// weaker ones of other networks join where they overlap it.
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
			if c := &cs[i]; s.shares(c) {
				c.spans = append(c.spans, s)
				c.from, c.to = min(c.from, s.from), max(c.to, s.to)
				break
			}
		}
	}
	return mergeNear(cs)
}

// shares reports whether a stretch and a cluster have half of the shorter one's
// time in common: what only touches the end of a ban is not of it.
func (s *stretch) shares(c *cluster) bool {
	common := min(s.to, c.to) - max(s.from, c.from)
	return common >= 0 && 2*common >= min(s.to-s.from, c.to-c.from)
}

// own are the stretches of one network. Where other networks carry stretches
// of all together that overlap one, what stands apart from these and is not
// strong in itself is cut off: where few measure, a false vote a month before,
// or two bans a month apart, would else seem to be one ban.
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

func (h *history) cut(t *network, s stretch) []stretch {
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
	from := -1 // where the stretch that is being put together begins
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

// between is the part of a stretch from its first to its last bad vote there.
func (t *network) between(s stretch, first, end int) []stretch {
	for first < end && t.Obs[first].Bad() == 0 {
		first++
	}
	for end > first && t.Obs[end-1].Bad() == 0 {
		end--
	}
	if first == end {
		return nil
	}
	var v chain.Sums
	v.Add(t.Obs[first:end], nil)
	bad := v.Hard + v.Soft
	whole := s.end - s.first
	s.first, s.end, s.from, s.to, s.open = first, end, t.Obs[first].From, t.Obs[end-1].To, end == len(t.Obs)
	s.rate, s.soft = bad/(bad+v.OK), v.Soft/bad
	if end-first < whole {
		s.score = math.Inf(-1)
		for st := 1; st < chain.States; st++ {
			s.score = math.Max(s.score, sumOf(t.Obs[first:end], t.Base.Weights(st)))
		}
		if s.score <= 0 {
			return nil
		}
	}
	return []stretch{s}
}

// carried reports whether networks other than one speak for interference
// between two moments.
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

// best is the largest sum of consecutive observations.
func best(o []chain.Obs, w chain.Weights) float64 {
	sum, top := 0.0, 0.0
	for i := range o {
		sum = math.Max(sum+w.Of(&o[i]), 0)
		top = math.Max(top, sum)
	}
	return top
}

func sumOf(o []chain.Obs, w chain.Weights) float64 {
	sum := 0.0
	for i := range o {
		sum += w.Of(&o[i])
	}
	return sum
}

// onTimer reports whether the bad votes of the days of a cluster are as many
// each day while the ok ones come and go: people, and their probes, do so by
// chance, and the number of what they find has a variance like its mean.
func (h *history) onTimer(c *cluster) bool {
	bad, ok := map[int64]float64{}, map[int64]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		bad[chain.FloorDay(cell.Start)] += float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
		ok[chain.FloorDay(cell.Start)] += float64(cell.VoteOK) / series.Vote
	})
	return len(bad) >= set.Candidate.TimerDays && scatter(bad) < set.Candidate.TimerSpread && scatter(ok) > 1
}

// scatter is the variance of the days by their mean: one of what comes by
// chance.
func scatter(byDay map[int64]float64) float64 {
	n, sum, spread := float64(len(byDay)), 0.0, 0.0
	days := slices.Sorted(maps.Keys(byDay))
	for _, d := range days {
		sum += byDay[d]
	}
	for _, d := range days {
		spread += (byDay[d] - sum/n) * (byDay[d] - sum/n)
	}
	return spread / math.Max(sum*(n-1)/n, 1e-9)
}

// badDays counts the days with bad votes.
func (t *network) badDays(s stretch) int {
	n, last := 0, int64(math.MinInt64)
	for _, o := range t.Obs[s.first:s.end] {
		if d := chain.FloorDay(o.From); o.Bad() > 0 && d != last {
			n, last = n+1, d
		}
	}
	return n
}

// localise finds the networks that carry a stretch of all together: those with
// a stretch of their own within it, and those whose votes within it speak for
// interference.
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
	if len(own)+len(out) < 2 || total < set.Chain.MinimalScore {
		return nil
	}
	if sure := slices.DeleteFunc(slices.Clone(out), func(s stretch) bool { return s.score < set.Candidate.ListedScore }); len(own)+len(sure) >= 2 {
		return append(own, sure...)
	}
	return append(own, out...)
}

// inside is what one network says within a stretch of all together, from its
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

// join clusters stretches that overlap or that only a lull divides.
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

// mergeNear merges neighbouring clusters until only real gaps divide them.
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

// pause is the longest time from one bad vote to the next that does not end a
// ban: three days; a day more than half of what lies around it, at most eight
// days; a twentieth of that, at most two weeks.
func pause(before, after int64) int64 {
	around := before + after
	return max(set.Candidate.LullShort*86400, min(set.Candidate.LullHalf*86400, around/2+86400), min(set.Candidate.LullLong*86400, around/20))
}

// sharpened narrows the clusters whose rise is small to what stands out in them:
// a ban may lie within a longer time that is a little worse than usual.
func (h *history) sharpened(cs []cluster) []cluster {
	for i := range cs {
		if h.reject(&cs[i]) != smallRise {
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

// loudest are the consecutive observations with the largest sum.
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

// smallRise is why a stretch is rejected that is hardly worse than usual.
const smallRise = "the rise is small"

// reject says why a cluster is not an event, "" when it is one.
func (h *history) reject(c *cluster) string {
	c.joint, c.always = 0, false
	nets := map[int]float64{}
	var bad, soft, rise, votes, usual float64
	for _, p := range c.perNetwork() {
		t := &h.nets[p.net]
		for _, s := range p.spans {
			nets[s.net] += s.score
			c.joint += s.score
			var v chain.Sums
			v.Add(t.Obs[s.first:s.end], nil)
			bad += v.Hard + v.Soft
			soft += v.Soft
			rise += (s.rate - t.Base.Bad) * (v.Hard + v.Soft)
			votes += v.Hard + v.Soft + v.OK
			usual += t.Base.Bad * (v.Hard + v.Soft + v.OK)
		}
	}
	rise /= math.Max(bad, 1e-9)
	plain := (bad - usual) / math.Max(votes, 1e-9) // of all votes, where rise is that of a bad one's network
	unsure := soft / math.Max(bad, 1e-9)
	weak := unsure > set.Candidate.SoftShare
	clear := set.Candidate.MinRiseSoft
	if c.to-c.from < set.Candidate.BriefDays*86400 {
		clear = set.Candidate.MinRiseBrief
	}
	reports, days, loudest, who := h.voices(c)
	c.weak, c.loudest = weak, loudest
	switch {
	case rise < set.Candidate.MinRise || plain < set.Candidate.MinRise+(clear-set.Candidate.MinRise)*math.Min(unsure/set.Candidate.SoftShare, 1):
		return smallRise
	case len(h.nets) > 1 && strongest(nets) < h.need && h.overall(c) < clear*unsure:
		return "networks picked from a country in which little rose"
	case reports >= 0 && reports < set.Candidate.MinReports:
		return "fewer than three reports"
	case reports < 0 && len(nets) == 1 && days > 0 && h.badVotes(c)/float64(days) < set.Candidate.MinPerDay:
		return "one reporter a day could have caused it"
	case reports < 0 && len(nets) == 1 && h.onTimer(c):
		return "as many bad measurements each day: one probe on a timer"
	case len(nets) == 1 && len(h.nets) > 1 && c.joint < set.Chain.MinimalScore+set.Candidate.AloneScore:
		return "one network, and little of it"
	case alone(nets) && len(h.nets) > 1 && rise < set.Candidate.MixedRise && h.mixed(c):
		return "one network, half of whose measurements work: a broken probe would look so"
	case (reports < 0 || alone(nets)) && days <= set.Candidate.FloodDays && h.flooded(c):
		return "a flood of measurements on one network, which one submitter could have made"
	case c.joint-loudest < set.Candidate.MinLeft || loudest > 0 && h.without(c, who) < set.Candidate.MinLeft:
		return "one report decides"
	case weak && alone(nets) && h.nets[c.spans[0].net].ASN != 0 && !(rise >= set.Candidate.AloneRise && bad >= set.Candidate.AloneVotes && days >= set.Candidate.AloneDays):
		return "one network, and nothing shows interference"
	case h.overall(c) < set.Candidate.WeakOverall && c.joint < h.need*(1+(set.Candidate.WeakTimes-1)*math.Min(math.Max(unsure-set.Candidate.Surely, 0)/(set.Candidate.SoftShare-set.Candidate.Surely), 1)):
		return "little of it, and nothing shows interference"
	case weak:
		before, after := h.contrast(c)
		if before >= set.Candidate.MinContrast || after >= set.Candidate.MinContrast && !alone(nets) {
			return ""
		}
		if c.always = before+after < set.Candidate.MinContrast && h.everywhere(nets); !c.always {
			return "nothing to compare with"
		}
	}
	return ""
}

// alone reports whether one network says nearly all: what the others add would
// not be enough for them to join an event.
func alone(scores map[int]float64) bool {
	var all, most float64
	for _, net := range slices.Sorted(maps.Keys(scores)) {
		all, most = all+scores[net], math.Max(most, scores[net])
	}
	return all-most < set.Candidate.WeakScore
}

func strongest(scores map[int]float64) float64 {
	most := 0.0
	for _, s := range scores {
		most = math.Max(most, s)
	}
	return most
}

// overall is the rise on all networks together while a cluster lasts. Those of
// the cluster are picked for what they show, and so may show it by chance.
func (h *history) overall(c *cluster) float64 {
	var bad, ok float64
	for i := range h.pooled.Obs {
		if o := &h.pooled.Obs[i]; o.To >= c.from && o.From <= c.to {
			bad, ok = bad+o.Bad(), ok+o.OK
		}
	}
	usual := h.pooled.Base.Bad
	return (bad+set.Candidate.OverallVotes*usual)/(bad+ok+set.Candidate.OverallVotes) - usual
}

// everywhere reports whether a cluster that was never otherwise shows itself on
// several networks, and with next to no exception.
func (h *history) everywhere(scores map[int]float64) bool {
	n := 0
	for net, s := range scores {
		if s >= set.Candidate.WeakScore && h.nets[net].ASN != 0 {
			n++
		}
	}
	var all chain.Sums
	for i := range h.nets {
		all.Add(h.nets[i].Obs, nil)
	}
	bad := all.Hard + all.Soft
	return n >= set.Candidate.AlwaysNets && bad >= set.Candidate.AloneVotes && bad >= set.Candidate.AlwaysRate*(bad+all.OK)
}

// mixed reports whether the ok and the bad votes of a cluster on one network
// came through the same resolvers: else a ban by the network's own resolver
// explains that others get through.
func (h *history) mixed(c *cluster) bool {
	bad, ok := map[string]float64{}, map[string]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		for _, t := range cell.Tallies {
			if t.Kind == series.Resolver {
				bad[t.Name] += float64(t.Bad)
				ok[t.Name] += float64(t.OK)
			}
		}
	})
	var pure, all float64
	for _, n := range sortedKeys(bad) {
		all += bad[n] + ok[n]
		if bad[n] >= set.Candidate.PureTimes*ok[n] || ok[n] >= set.Candidate.PureTimes*bad[n] {
			pure += bad[n] + ok[n]
		}
	}
	return pure < set.Candidate.PureShare*all || all == 0
}

// mainly is the network that gives three quarters of a cluster's score, or 0.
func (h *history) mainly(c *cluster) uint32 {
	var all, most float64
	main := -1
	for _, p := range c.perNetwork() {
		sum := 0.0
		for _, s := range p.spans {
			sum += s.score
		}
		if all += sum; sum > most {
			most, main = sum, p.net
		}
	}
	if main < 0 || most < set.Candidate.MainShare*all {
		return 0
	}
	return h.nets[main].ASN
}

// cellsOf calls f with every cell of the cluster's stretches, once.
func (h *history) cellsOf(c *cluster, f func(cell *series.Cell, o *chain.Obs)) {
	seen := map[int32]bool{}
	for _, s := range c.spans {
		t := &h.nets[s.net]
		for k := s.first; k < s.end; k++ {
			o := &t.Obs[k]
			if !seen[o.Cell] {
				seen[o.Cell] = true
				f(&h.cells[o.Cell], o)
			}
		}
	}
}

// voices counts the distinct reports with bad votes, -1 where the source names
// none; the days with bad votes; and the score that the loudest report gives,
// and which that is.
func (h *history) voices(c *cluster) (reports, days int, loudest float64, who uint32) {
	byReport := map[uint32]float64{}
	onDay := map[int64]bool{}
	named := false
	h.cellsOf(c, func(cell *series.Cell, o *chain.Obs) {
		if cell.Bad() > 0 {
			onDay[chain.FloorDay(cell.Start)] = true
		}
		w := h.perBadVote(cell, o)
		for _, v := range cell.Voices {
			named = true
			if v.Bad > 0 {
				byReport[v.Report] += float64(v.Bad) / series.Vote * w
			}
		}
	})
	if !named {
		return -1, len(onDay), 0, 0
	}
	for _, r := range slices.Sorted(maps.Keys(byReport)) {
		if byReport[r] > loudest {
			loudest, who = byReport[r], r
		}
	}
	return len(byReport), len(onDay), loudest, who
}

// without is the score of a cluster's stretches when one report is taken out.
// The ok votes of the others, which the report may have outweighed, count.
func (h *history) without(c *cluster, report uint32) float64 {
	total := 0.0
	for _, p := range c.perNetwork() {
		t := &h.nets[p.net]
		for i := range p.spans {
			s := &p.spans[i]
			lo := t.Obs[s.first].Cell
			cells := slices.Clone(h.cells[lo : t.Obs[s.end-1].Cell+1])
			for k := range cells {
				takeOut(&cells[k], report)
			}
			o := chain.Observe(cells, lo, int32(p.net))
			most := 0.0
			for st := 1; st < chain.States; st++ {
				most = math.Max(most, sumOf(o, t.Base.Weights(st)))
			}
			total += most
		}
	}
	return total
}

// loudReport is the report that has several times the votes of any other on a
// target, if there is one. A report is one run of a probe, which measures a
// target once; one that goes on for days on several networks at once must not
// outweigh the others.
func loudReport(cells []series.Cell) (who uint32, is bool) {
	var heard []series.Voice
	for i := range cells {
		heard = append(heard, cells[i].Voices...)
	}
	slices.SortFunc(heard, func(a, b series.Voice) int { return cmp.Compare(a.Report, b.Report) })
	var most, second uint64
	for i := 0; i < len(heard); {
		votes, j := uint64(0), i
		for ; j < len(heard) && heard[j].Report == heard[i].Report; j++ {
			votes += uint64(heard[j].Bad) + uint64(heard[j].OK)
		}
		if votes > most {
			most, second, who = votes, most, heard[i].Report
		} else if votes > second {
			second = votes
		}
		i = j
	}
	return who, most >= set.Candidate.LoudVotes*series.Vote && most >= set.Candidate.LoudTimes*second
}

// takeOut takes a report's votes out of a cell.
func takeOut(c *series.Cell, report uint32) {
	for _, v := range c.Voices {
		if v.Report != report {
			continue
		}
		bad := min(v.Bad, c.VoteBlocked+c.VoteImpaired)
		soft := uint32(uint64(bad) * uint64(c.VoteImpaired) / uint64(max(c.VoteBlocked+c.VoteImpaired, 1)))
		c.VoteImpaired -= soft
		c.VoteBlocked -= min(bad-soft, c.VoteBlocked)
		c.VoteOK -= min(v.OK, c.VoteOK)
		if c.VoteOK == 0 {
			c.FirstOK, c.LastOK = 0, 0
		}
		if c.VoteBlocked+c.VoteImpaired == 0 {
			c.FirstBad, c.LastBad = 0, 0
		}
	}
}

// perBadVote is what a bad vote of a cell says for interference at the most.
func (h *history) perBadVote(cell *series.Cell, o *chain.Obs) float64 {
	hard, soft := float64(cell.VoteBlocked), float64(cell.VoteImpaired)
	if hard+soft == 0 {
		return 0
	}
	most := 0.0
	for _, state := range [...]int{chain.Strengths, chain.Sorts * chain.Strengths} {
		w := h.nets[o.Net].Base.Weights(state)
		most = math.Max(most, (hard*w.Hard+soft*w.Soft)/(hard+soft))
	}
	return most
}

// flooded reports whether the cluster's day has several times the votes of a
// usual day on its networks.
func (h *history) flooded(c *cluster) bool {
	on := map[uint32]bool{}
	for _, s := range c.spans {
		on[h.nets[s.net].ASN] = true
	}
	byDay := map[int64]float64{}
	for i := range h.cells {
		if v := &h.cells[i]; on[v.ASN] {
			byDay[chain.FloorDay(v.Start)] += float64(v.VoteBlocked + v.VoteImpaired + v.VoteOK)
		}
	}
	usual := slices.Sorted(maps.Values(byDay))
	then := 0.0
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) { then = max(then, byDay[chain.FloorDay(cell.Start)]) })
	return then > set.Candidate.FloodTimes*max(usual[len(usual)/2], series.Vote)
}

func (h *history) badVotes(c *cluster) float64 {
	n := 0.0
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		n += float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
	})
	return n
}

// contrast counts the ok votes of the cluster's networks before and after it.
func (h *history) contrast(c *cluster) (before, after float64) {
	nets := map[int]bool{}
	for _, s := range c.spans {
		if nets[s.net] {
			continue
		}
		nets[s.net] = true
		for _, o := range h.nets[s.net].Obs {
			switch {
			case o.To <= c.from:
				before += o.OK
			case o.From >= c.to:
				after += o.OK
			}
		}
	}
	return before, after
}

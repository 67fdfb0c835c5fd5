package event

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/bandish/bandish/series"
)

// This file puts the interfered stretches of the networks of a country
// together into events.

const (
	weakScore   = 6.0  // a network's stretch that may join an event
	briefScore  = 10.0 // the same, where all lies within a day
	listedScore = 4.0  // of a network in a stretch of all together, to be named where others have as much
	aloneScore  = 6.0  // what one network alone must add, where others are measured
	minRise     = 0.25
	pickedRise  = 0.7 // of what is picked out of a longer time that is a little worse than usual
	// Of votes that only say that something is wrong; addresses that rotate and
	// the like make smaller ones, or such that last some days.
	minRiseSoft  = 0.35
	minRiseBrief = 0.45
	briefDays    = 14
	softShare    = 0.7 // above it, the verdicts only said that something is wrong
	// Where the country as a whole rises less than the first, the second times
	// the score must come together of such votes, and less down to the share
	// surely of them: addresses that rotate reach once the score by chance,
	// bans and outages far more. A few votes in a window that was picked for
	// them say little of the country, so its usual share weighs as much as
	// overallVotes.
	weakOverall  = 0.6
	weakTimes    = 2.0
	surely       = 0.4
	overallVotes = 3.0
	minReports   = 3
	floodTimes   = 3.0 // times the votes of a usual day
	minPerDay    = 1.5 // bad votes a bad day, where the source names neither network nor report
	timerDays    = 7
	timerSpread  = 0.25 // the variance of the daily bad votes by their mean, below which a timer made them
	minLeft      = 8.0  // score that must be left without any one report
	loudVotes    = 6    // votes of a report on one target
	loudTimes    = 3    // times the next one's, that are not counted at all
	muchForOne   = 9.0  // score of one report, above which the event must be found without it
	minContrast  = 8.0  // ok votes around an event that rests on impaired
	alwaysRate   = 0.9  // where there are none: the share of bad votes that speaks for itself
	alwaysNets   = 3    // on so many networks
	// Of one network among several, so small a rise means that half of what
	// it says is ok: a broken probe beside a sound one looks so.
	mixedRise = 0.6
	mainShare = 0.75 // of the score, that makes an event mainly one network's
	stale     = 14 * 86400

	// What one network alone must show when the verdicts only say that
	// something is wrong.
	aloneRise  = 0.6
	aloneVotes = 12.0
	aloneDays  = 5
)

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
func (t *track) stretches(net int, atLeast float64) []stretch {
	var out []stretch
	for _, r := range t.runs {
		if r.score < atLeast {
			continue
		}
		for r.first < r.last && t.obs[r.first].bad() == 0 {
			r.first++
		}
		for r.last > r.first && t.obs[r.last].bad() == 0 {
			r.last--
		}
		out = append(out, stretch{net: net, from: t.obs[r.first].from, to: t.obs[r.last].to, first: r.first, end: r.last + 1,
			score: r.score, soft: r.soft, rate: r.rate, open: r.last+1 == len(t.obs)})
	}
	return out
}

func (t *track) votes() float64 {
	var s sums
	s.add(t.obs, nil)
	return s.hard + s.soft + s.ok
}

// clusters groups the stretches into events to be: strong ones are the core,
// weaker ones of other networks join where they overlap it.
func (h *history) clusters() []cluster {
	all := h.pooled.obs
	h.need = threshold(h.pooled.votes(), float64(all[len(all)-1].to-all[0].from))
	need := h.need
	var core, weak []stretch
	for i := range h.nets {
		for _, s := range h.own(i) {
			switch {
			case s.score >= need:
				core = append(core, s)
			case s.score >= briefScore || h.nets[i].badDays(s) > 1:
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
	out := t.stretches(i, weakScore)
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
	for _, r := range h.pooled.runs {
		if a, b := h.pooled.obs[r.first].from, h.pooled.obs[r.last].to; a <= s.to && b >= s.from && h.carried(s.net, a, b) {
			common = append(common, [2]int64{a, b})
		}
	}
	if len(common) == 0 {
		return []stretch{s}
	}
	in := func(o *obs) bool {
		return slices.ContainsFunc(common, func(c [2]int64) bool { return o.to >= c[0] && o.from <= c[1] })
	}
	w := t.base.weights(strengths)
	if s.soft > 0.5 {
		w = t.base.weights(2 * strengths)
	}
	var out []stretch
	from := -1 // where the stretch that is being put together begins
	for k := s.first; k < s.end; {
		end := k
		for end < s.end && in(&t.obs[end]) == in(&t.obs[k]) {
			end++
		}
		if in(&t.obs[k]) || best(t.obs[k:end], w) >= briefScore {
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
func (t *track) between(s stretch, first, end int) []stretch {
	for first < end && t.obs[first].bad() == 0 {
		first++
	}
	for end > first && t.obs[end-1].bad() == 0 {
		end--
	}
	if first == end {
		return nil
	}
	var v sums
	v.add(t.obs[first:end], nil)
	bad := v.hard + v.soft
	whole := s.end - s.first
	s.first, s.end, s.from, s.to, s.open = first, end, t.obs[first].from, t.obs[end-1].to, end == len(t.obs)
	s.rate, s.soft = bad/(bad+v.ok), v.soft/bad
	if end-first < whole {
		s.score = math.Inf(-1)
		for st := 1; st < states; st++ {
			s.score = math.Max(s.score, sumOf(t.obs[first:end], t.base.weights(st)))
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
		for _, o := range h.nets[i].obs {
			if o.to >= from && o.from <= to {
				bad, ok = bad+o.bad(), ok+o.ok
			}
		}
		if bad >= minBadVotes && bad > ok {
			return true
		}
	}
	return false
}

// best is the largest sum of consecutive observations.
func best(o []obs, w weights) float64 {
	sum, top := 0.0, 0.0
	for i := range o {
		sum = math.Max(sum+w.of(&o[i]), 0)
		top = math.Max(top, sum)
	}
	return top
}

func sumOf(o []obs, w weights) float64 {
	sum := 0.0
	for i := range o {
		sum += w.of(&o[i])
	}
	return sum
}

// onTimer reports whether the bad votes of the days of a cluster are as many
// each day while the ok ones come and go: people, and their probes, do so by
// chance, and the number of what they find has a variance like its mean.
func (h *history) onTimer(c *cluster) bool {
	bad, ok := map[int64]float64{}, map[int64]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *obs) {
		bad[floorDay(cell.Start)] += float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
		ok[floorDay(cell.Start)] += float64(cell.VoteOK) / series.Vote
	})
	return len(bad) >= timerDays && scatter(bad) < timerSpread && scatter(ok) > 1
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
func (t *track) badDays(s stretch) int {
	n, last := 0, int64(math.MinInt64)
	for _, o := range t.obs[s.first:s.end] {
		if d := floorDay(o.from); o.bad() > 0 && d != last {
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
	if len(own)+len(out) < 2 || total < minimalScore {
		return nil
	}
	if sure := slices.DeleteFunc(slices.Clone(out), func(s stretch) bool { return s.score < listedScore }); len(own)+len(sure) >= 2 {
		return append(own, sure...)
	}
	return append(own, out...)
}

// inside is what one network says within a stretch of all together, from its
// first to its last bad vote.
func (h *history) inside(i int, s stretch) (stretch, bool) {
	t := &h.nets[i]
	first := slices.IndexFunc(t.obs, func(o obs) bool { return o.to >= s.from && o.bad() > o.ok })
	if first < 0 || t.obs[first].from > s.to {
		return stretch{}, false
	}
	end := first
	for k := first; k < len(t.obs) && t.obs[k].from <= s.to; k++ {
		if t.obs[k].bad() > t.obs[k].ok {
			end = k + 1
		}
	}
	var v sums
	v.add(t.obs[first:end], nil)
	bad := v.hard + v.soft
	rate, best := bad/(bad+v.ok), math.Inf(-1)
	for st := 1; st < states; st++ {
		w := t.base.weights(st)
		best = math.Max(best, v.hard*w.hard+v.soft*w.soft+v.ok*w.ok)
	}
	return stretch{net: i, from: t.obs[first].from, to: t.obs[end-1].to, first: first, end: end,
		score: best, soft: v.soft / bad, rate: rate, open: end == len(t.obs)}, best > 1 && rate >= t.base.bad+minRise
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
	return max(3*86400, min(8*86400, around/2+86400), min(14*86400, around/20))
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
			first, end := loudest(t.obs[s.first:s.end], t.base.weightsAt(t.base.bad+(1-t.base.bad)*datingPart, hardShare[sort]))
			spans = append(spans, t.between(s, s.first+first, s.first+end)...)
		}
		spans = slices.DeleteFunc(spans, func(s stretch) bool {
			return s.score < weakScore || s.rate < h.nets[s.net].base.bad+pickedRise || s.to-s.from < briefDays*86400
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
func loudest(o []obs, w weights) (first, end int) {
	sum, top, from := 0.0, 0.0, 0
	for i := range o {
		if sum <= 0 {
			sum, from = 0, i
		}
		if sum += w.of(&o[i]); sum > top {
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
			var v sums
			v.add(t.obs[s.first:s.end], nil)
			bad += v.hard + v.soft
			soft += v.soft
			rise += (s.rate - t.base.bad) * (v.hard + v.soft)
			votes += v.hard + v.soft + v.ok
			usual += t.base.bad * (v.hard + v.soft + v.ok)
		}
	}
	rise /= math.Max(bad, 1e-9)
	plain := (bad - usual) / math.Max(votes, 1e-9) // of all votes, where rise is that of a bad one's network
	unsure := soft / math.Max(bad, 1e-9)
	weak := unsure > softShare
	clear := minRiseSoft
	if c.to-c.from < briefDays*86400 {
		clear = minRiseBrief
	}
	reports, days, loudest, who := h.voices(c)
	c.weak, c.loudest = weak, loudest
	switch {
	case rise < minRise || plain < minRise+(clear-minRise)*math.Min(unsure/softShare, 1):
		return smallRise
	case len(h.nets) > 1 && strongest(nets) < h.need && h.overall(c) < clear*unsure:
		return "networks picked from a country in which little rose"
	case reports >= 0 && reports < minReports:
		return "fewer than three reports"
	case reports < 0 && len(nets) == 1 && days > 0 && h.badVotes(c)/float64(days) < minPerDay:
		return "one reporter a day could have caused it"
	case reports < 0 && len(nets) == 1 && h.onTimer(c):
		return "as many bad measurements each day: one probe on a timer"
	case len(nets) == 1 && len(h.nets) > 1 && c.joint < minimalScore+aloneScore:
		return "one network, and little of it"
	case alone(nets) && len(h.nets) > 1 && rise < mixedRise && h.mixed(c):
		return "one network, half of whose measurements work: a broken probe would look so"
	case (reports < 0 || alone(nets)) && days <= 2 && h.flooded(c):
		return "a flood of measurements on one network, which one submitter could have made"
	case c.joint-loudest < minLeft || loudest > 0 && h.without(c, who) < minLeft:
		return "one report decides"
	case weak && alone(nets) && h.nets[c.spans[0].net].asn != 0 && !(rise >= aloneRise && bad >= aloneVotes && days >= aloneDays):
		return "one network, and nothing shows interference"
	case h.overall(c) < weakOverall && c.joint < h.need*(1+(weakTimes-1)*math.Min(math.Max(unsure-surely, 0)/(softShare-surely), 1)):
		return "little of it, and nothing shows interference"
	case weak:
		before, after := h.contrast(c)
		if before >= minContrast || after >= minContrast && !alone(nets) {
			return ""
		}
		if c.always = before+after < minContrast && h.everywhere(nets); !c.always {
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
	return all-most < weakScore
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
	for i := range h.pooled.obs {
		if o := &h.pooled.obs[i]; o.to >= c.from && o.from <= c.to {
			bad, ok = bad+o.bad(), ok+o.ok
		}
	}
	usual := h.pooled.base.bad
	return (bad+overallVotes*usual)/(bad+ok+overallVotes) - usual
}

// everywhere reports whether a cluster that was never otherwise shows itself on
// several networks, and with next to no exception.
func (h *history) everywhere(scores map[int]float64) bool {
	n := 0
	for net, s := range scores {
		if s >= weakScore && h.nets[net].asn != 0 {
			n++
		}
	}
	var all sums
	for i := range h.nets {
		all.add(h.nets[i].obs, nil)
	}
	bad := all.hard + all.soft
	return n >= alwaysNets && bad >= aloneVotes && bad >= alwaysRate*(bad+all.ok)
}

// mixed reports whether the ok and the bad votes of a cluster on one network
// came through the same resolvers: else a ban by the network's own resolver
// explains that others get through.
func (h *history) mixed(c *cluster) bool {
	bad, ok := map[string]float64{}, map[string]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *obs) {
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
		if bad[n] >= 4*ok[n] || ok[n] >= 4*bad[n] {
			pure += bad[n] + ok[n]
		}
	}
	return pure < 0.8*all || all == 0
}

// mainly is the network that gives three quarters of a cluster's score, or "".
func (h *history) mainly(c *cluster) string {
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
	if main < 0 || h.nets[main].asn == 0 || most < mainShare*all {
		return ""
	}
	return networkName(h.nets[main].asn)
}

// cellsOf calls f with every cell of the cluster's stretches, once.
func (h *history) cellsOf(c *cluster, f func(cell *series.Cell, o *obs)) {
	seen := map[int32]bool{}
	for _, s := range c.spans {
		t := &h.nets[s.net]
		for k := s.first; k < s.end; k++ {
			o := &t.obs[k]
			if !seen[o.cell] {
				seen[o.cell] = true
				f(&h.cells[o.cell], o)
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
	h.cellsOf(c, func(cell *series.Cell, o *obs) {
		if cell.Bad() > 0 {
			onDay[floorDay(cell.Start)] = true
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
			lo := t.obs[s.first].cell
			cells := slices.Clone(h.cells[lo : t.obs[s.end-1].cell+1])
			for k := range cells {
				takeOut(&cells[k], report)
			}
			o := observe(cells, lo, int32(p.net))
			most := 0.0
			for st := 1; st < states; st++ {
				most = math.Max(most, sumOf(o, t.base.weights(st)))
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
	return who, most >= loudVotes*series.Vote && most >= loudTimes*second
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
func (h *history) perBadVote(cell *series.Cell, o *obs) float64 {
	hard, soft := float64(cell.VoteBlocked), float64(cell.VoteImpaired)
	if hard+soft == 0 {
		return 0
	}
	most := 0.0
	for _, state := range [...]int{strengths, sorts * strengths} {
		w := h.nets[o.net].base.weights(state)
		most = math.Max(most, (hard*w.hard+soft*w.soft)/(hard+soft))
	}
	return most
}

// flooded reports whether the cluster's day has several times the votes of a
// usual day on its networks.
func (h *history) flooded(c *cluster) bool {
	on := map[uint32]bool{}
	for _, s := range c.spans {
		on[h.nets[s.net].asn] = true
	}
	byDay := map[int64]float64{}
	for i := range h.cells {
		if v := &h.cells[i]; on[v.ASN] {
			byDay[floorDay(v.Start)] += float64(v.VoteBlocked + v.VoteImpaired + v.VoteOK)
		}
	}
	usual := slices.Sorted(maps.Values(byDay))
	then := 0.0
	h.cellsOf(c, func(cell *series.Cell, _ *obs) { then = max(then, byDay[floorDay(cell.Start)]) })
	return then > floodTimes*max(usual[len(usual)/2], series.Vote)
}

func (h *history) badVotes(c *cluster) float64 {
	n := 0.0
	h.cellsOf(c, func(cell *series.Cell, _ *obs) {
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
		for _, o := range h.nets[s.net].obs {
			switch {
			case o.to <= c.from:
				before += o.ok
			case o.from >= c.to:
				after += o.ok
			}
		}
	}
	return before, after
}

// networkName writes an ASN.
func networkName(asn uint32) string { return fmt.Sprintf("AS%d", asn) }

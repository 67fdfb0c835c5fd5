package event

import (
	"maps"
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/series"
)

// This file says which clusters are not events, and why.

// smallRise is the reason for a cluster that is hardly worse than usual.
const smallRise = "the rise is small"

// shape compares a cluster with the usual shares of its networks.
type shape struct {
	nets     map[int]float64 // score by index of network
	bad      float64         // bad votes
	rise     float64         // rise of the bad share on the network of a bad vote, averaged over bad votes
	plain    float64         // the same averaged over all votes
	unsure   float64         // share of the bad votes that are soft
	clear    float64         // the rise that soft votes must show
	reports  int             // reports with bad votes; -1 where the source names none
	days     int             // days with bad votes
	who      uint32          // the loudest report
	loudest  float64         // the part of the score that it gives
	together float64         // the score of the cluster
}

// shape adds up what a cluster says.
func (h *history) shape(c *cluster) shape {
	s := shape{nets: map[int]float64{}, clear: set.Candidate.MinRiseSoft}
	var soft, votes, usual float64
	for _, p := range c.perNetwork() {
		t := &h.nets[p.net]
		for _, x := range p.spans {
			s.nets[x.net] += x.score
			s.together += x.score
			var v chain.Sums
			v.Add(t.Obs[x.first:x.end], nil)
			s.bad += v.Hard + v.Soft
			soft += v.Soft
			s.rise += (x.rate - t.Base.Bad) * (v.Hard + v.Soft)
			votes += v.Hard + v.Soft + v.OK
			usual += t.Base.Bad * (v.Hard + v.Soft + v.OK)
		}
	}
	s.rise /= math.Max(s.bad, 1e-9)
	s.plain = (s.bad - usual) / math.Max(votes, 1e-9)
	s.unsure = soft / math.Max(s.bad, 1e-9)
	if c.to-c.from < set.Candidate.BriefDays*86400 {
		s.clear = set.Candidate.MinRiseBrief
	}
	s.reports, s.days, s.loudest, s.who = h.voices(c)
	return s
}

// judge sets what a cluster says as a whole, and returns the reason why it is not
// an event, "" when it is one.
func (h *history) judge(c cluster) (cluster, string) {
	s := h.shape(&c)
	c.joint, c.loudest, c.weak, c.always = s.together, s.loudest, s.unsure > set.Candidate.SoftShare, false
	if why := h.reject(&c, &s); why != "" || !c.weak {
		return c, why
	}
	before, after := h.contrast(&c)
	if before >= set.Candidate.MinContrast || after >= set.Candidate.MinContrast && !alone(s.nets) {
		return c, ""
	}
	if c.always = before+after < set.Candidate.MinContrast && h.everywhere(s.nets); !c.always {
		return c, "nothing to compare with"
	}
	return c, ""
}

// reject returns the reason why a cluster of a shape is not an event, apart from
// what is compared with other times; "" for none.
func (h *history) reject(c *cluster, s *shape) string {
	p := &set.Candidate
	one, several := len(s.nets) == 1, len(h.nets) > 1
	switch {
	case s.rise < p.MinRise || s.plain < p.MinRise+(s.clear-p.MinRise)*math.Min(s.unsure/p.SoftShare, 1):
		return smallRise
	case several && strongest(s.nets) < h.need && h.overall(c) < s.clear*s.unsure:
		return "networks picked from a country in which little rose"
	case s.reports >= 0 && s.reports < p.MinReports:
		return "fewer than three reports"
	case s.reports < 0 && one && s.days > 0 && h.badVotes(c)/float64(s.days) < p.MinPerDay:
		return "one reporter a day could have caused it"
	case s.reports < 0 && one && h.onTimer(c):
		return "as many bad measurements each day: one probe on a timer"
	case one && several && c.joint < set.Chain.MinimalScore+p.AloneScore:
		return "one network, and little of it"
	case alone(s.nets) && several && s.rise < p.ClearRise && h.mixed(c):
		return "one network, half of whose measurements work: a broken probe would look so"
	case (s.reports < 0 || alone(s.nets)) && s.days <= p.FloodDays && h.flooded(c):
		return "a flood of measurements on one network, which one submitter could have made"
	case c.joint-s.loudest < p.MinLeft || s.loudest > 0 && h.without(c, s.who) < p.MinLeft:
		return "one report decides"
	case c.weak && alone(s.nets) && h.nets[c.spans[0].net].ASN != 0 && !(s.rise >= p.ClearRise && s.bad >= p.AloneVotes && s.days >= p.AloneDays):
		return "one network, and nothing shows interference"
	case h.overall(c) < p.ClearRise && c.joint < h.need*(1+(p.WeakTimes-1)*math.Min(math.Max(s.unsure-p.Surely, 0)/(p.SoftShare-p.Surely), 1)):
		return "little of it, and nothing shows interference"
	}
	return ""
}

// alone reports whether one network says nearly everything: what the others add
// would not be enough to join an event.
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

// overall returns the rise on all networks together while a cluster lasts. The
// cluster's own networks were chosen for what they show, and may show it by chance.
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

// everywhere reports whether a cluster that was never otherwise is on several
// networks with hardly an exception.
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

// mixed reports whether ok and bad votes of a cluster on one network came through
// the same resolvers. Where they did not, a ban by the network's own resolver
// explains the ok votes.
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

// voices returns the number of reports with bad votes (-1 where the source names
// none), the number of days with bad votes, and the report with the largest share
// of the score, with that share.
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

// without returns the score of a cluster's stretches without one report. Ok votes
// of other reports, which this report may have outweighed, then count.
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

// takeOut removes a report's votes from a cell.
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

// perBadVote returns the most that a bad vote of a cell can say for interference,
// in nats.
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

// flooded reports whether the cluster's day has several times the votes of a usual
// day on its networks.
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

// contrast returns the ok votes of the cluster's networks before and after it.
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

// onTimer reports whether the bad votes of the cluster's days are equally many each
// day while the ok votes vary. People and their probes vary by chance: the number
// of what they find has a variance about equal to its mean.
func (h *history) onTimer(c *cluster) bool {
	bad, ok := map[int64]float64{}, map[int64]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		bad[chain.FloorDay(cell.Start)] += float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
		ok[chain.FloorDay(cell.Start)] += float64(cell.VoteOK) / series.Vote
	})
	return len(bad) >= set.Candidate.TimerDays && scatter(bad) < set.Candidate.TimerSpread && scatter(ok) > 1
}

// scatter returns the variance of the days' votes divided by their mean; it is
// about 1 for what comes by chance.
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

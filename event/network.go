package event

import (
	"math"
	"slices"

	"github.com/bandish/bandish/series"
)

// This file turns the cells of one target in one country into observations,
// and finds the interfered stretches of each network and of all together.

const (
	// overdispersion is how much the votes of one network on one day repeat
	// each other: n votes weigh n/(1+(n-1)·overdispersion) together. Counts without
	// reports repeat each other more.
	overdispersion     = 0.05
	overdispersionBare = 0.10
	// mingled is how much less that is where reports are named and networks are
	// not: the chance, roughly, that two votes are of the same network.
	mingled = 0.25

	priorVotes   = 30.0 // weight of the prior baseline, in votes
	priorHard    = 0.03 // blocked votes where nobody blocks
	priorSoft    = 0.07 // impaired votes where nobody blocks
	rounds       = 3    // of estimating the baseline
	halfway      = 0.1  // by which the series as a whole must be worse, to look for a baseline between
	minBadVotes  = 2.0
	falseAlarms  = 1e-3 // wanted at most, a series and year
	minimalScore = 13.0
)

// history is what is known of one target in one country.
type history struct {
	target string
	cells  []series.Cell // of whole measurements, by network and time
	nets   []track
	pooled track
	need   float64 // score that a stretch must reach
}

// track is one network's history, or that of all together.
type track struct {
	asn  uint32
	obs  []obs
	base baseline
	runs []run
}

// newHistory prepares the cells of one target in one country, in the order of
// series.Compare.
func newHistory(cells []series.Cell) *history {
	h := &history{target: cells[0].Target, cells: cells}
	for i := 0; i < len(cells); {
		j := i
		for j < len(cells) && cells[j].ASN == cells[i].ASN {
			j++
		}
		t := track{asn: cells[i].ASN, obs: observe(cells[i:j], int32(i), int32(len(h.nets)))}
		if len(t.obs) > 0 {
			h.nets = append(h.nets, t)
		}
		i = j
	}
	return h
}

// observe makes the observations of one network. Votes of one day repeat each
// other, so each weighs less than the one before it; in this order, because a
// vote must not change the weight of those before it, or measuring more during
// a ban could move its onset.
func observe(cells []series.Cell, offset, net int32) []obs {
	out := make([]obs, 0, len(cells))
	today, heard := int64(math.MinInt64), 0.0
	for i := range cells {
		c := &cells[i]
		if d := floorDay(c.Start); d != today {
			today, heard = d, 0
		}
		votes := float64(c.VoteBlocked+c.VoteImpaired+c.VoteOK) / series.Vote
		if votes == 0 {
			continue
		}
		rho := overdispersion
		switch {
		case c.FirstBad == 0 && c.FirstOK == 0:
			rho = overdispersionBare
		case c.ASN == 0:
			rho *= mingled
		}
		weight := (effective(heard+votes, rho) - effective(heard, rho)) / votes
		heard += votes
		out = split(out, c, weight/series.Vote, offset+int32(i), net)
	}
	slices.SortFunc(out, byTime)
	return out
}

// effective is how many independent votes n votes are worth.
func effective(n, rho float64) float64 {
	if n <= 1 {
		return n
	}
	return n / (1 + (n-1)*rho)
}

// split appends the observations of a cell: one for its bad and one for its ok
// votes where the one sort came before the other, else one for both.
func split(out []obs, c *series.Cell, scale float64, cell, net int32) []obs {
	o := obs{from: c.Start, to: c.End(), hard: float64(c.VoteBlocked) * scale, soft: float64(c.VoteImpaired) * scale,
		ok: float64(c.VoteOK) * scale, net: net, cell: cell}
	if o.hard+o.soft+o.ok == 0 {
		return out
	}
	if c.FirstBad == 0 && c.FirstOK == 0 {
		return append(out, o)
	}
	good, bad := o, o
	good.hard, good.soft, bad.ok = 0, 0, 0
	good.from, good.to, bad.from, bad.to = c.FirstOK, c.LastOK, c.FirstBad, c.LastBad
	switch {
	case c.FirstBad == 0:
		return append(out, good)
	case c.FirstOK == 0:
		return append(out, bad)
	case c.LastOK < c.FirstBad || c.LastBad < c.FirstOK:
		return append(out, good, bad)
	}
	o.from, o.to = min(c.FirstBad, c.FirstOK), max(c.LastBad, c.LastOK)
	return append(out, o)
}

// segment finds the runs of every network and of all together. It reports
// whether there is anything to look at.
func (h *history) segment(scratch []uint64) []uint64 {
	var all sums
	for i := range h.nets {
		all.add(h.nets[i].obs, nil)
	}
	if all.hard+all.soft < minBadVotes {
		return scratch
	}
	h.pooled = h.pool()
	scratch = h.pooled.fit(scratch, baseline{bad: priorHard + priorSoft, hard: priorHard / (priorHard + priorSoft)})
	for i := range h.nets {
		t := &h.nets[i]
		var own sums
		own.add(t.obs, nil)
		if len(h.nets) == 1 {
			t.base, t.runs = h.pooled.base, h.pooled.runs
		} else if own.hard+own.soft >= minBadVotes {
			scratch = t.fit(scratch, h.pooled.base)
		} else {
			t.base = h.pooled.base
		}
	}
	return scratch
}

// pool is the history of all networks together.
func (h *history) pool() track {
	if len(h.nets) == 1 {
		return track{asn: h.nets[0].asn, obs: h.nets[0].obs}
	}
	n := 0
	for i := range h.nets {
		n += len(h.nets[i].obs)
	}
	p := track{obs: make([]obs, 0, n)}
	for i := range h.nets {
		p.obs = append(p.obs, h.nets[i].obs...)
	}
	slices.SortFunc(p.obs, byTime)
	return p
}

// sums are votes added up.
type sums struct{ hard, soft, ok float64 }

// add adds the votes of observations outside the runs.
func (s *sums) add(o []obs, runs []run) {
	for i := range o {
		for len(runs) > 0 && runs[0].last < i {
			runs = runs[1:]
		}
		if len(runs) > 0 && runs[0].first <= i {
			continue
		}
		s.hard, s.soft, s.ok = s.hard+o[i].hard, s.soft+o[i].soft, s.ok+o[i].ok
	}
}

// fit estimates the baseline and the runs in turn: from the prior; from the
// series as a whole, since a series that always was half bad is not blocked; and
// from halfway between, since a ban may lie within a longer time that is a little
// worse than usual, of which the first would call all blocked. It keeps what
// explains the series best.
func (t *track) fit(scratch []uint64, prior baseline) []uint64 {
	var whole sums
	whole.add(t.obs, nil)
	all := whole.baseline(prior)
	starts := []baseline{prior, all}
	if all.bad > prior.bad+halfway {
		starts = append(starts, baseline{bad: (prior.bad + all.bad) / 2, hard: (prior.hard + all.hard) / 2})
	}
	bestLL := math.Inf(-1)
	for k, b := range starts {
		if k == 1 && math.Abs(b.bad-prior.bad) < 0.03 {
			break
		}
		var runs []run
		for range rounds {
			runs, _, scratch = viterbi(t.obs, b, scratch)
			var s sums
			s.add(t.obs, runs)
			b = s.baseline(prior)
		}
		var ll float64
		runs, ll, scratch = viterbi(t.obs, b, scratch)
		ll += whole.loglik(b)
		if ll > bestLL+1e-9 {
			bestLL, t.base, t.runs = ll, b, runs
		}
	}
	return scratch
}

// baseline is the posterior mean under the prior, kept within bounds.
func (s *sums) baseline(prior baseline) baseline {
	bad := s.hard + s.soft
	b := baseline{
		bad:  (bad + priorVotes*prior.bad) / (bad + s.ok + priorVotes),
		hard: (s.hard + 3*prior.hard) / (bad + 3),
	}
	b.bad = math.Min(math.Max(b.bad, minBaseline), maxBaseline)
	b.hard = math.Min(math.Max(b.hard, 0.1), 0.8)
	return b
}

// loglik is that of the votes under an open series.
func (s *sums) loglik(b baseline) float64 {
	return s.hard*math.Log(b.bad*b.hard) + s.soft*math.Log(b.bad*(1-b.hard)) + s.ok*math.Log(1-b.bad)
}

// threshold is the score that a run must reach so that, by Ville's inequality,
// a series where nobody blocks gives fewer than falseAlarms a year.
func threshold(votes, seconds float64) float64 {
	perYear := votes / math.Max(seconds/(365*day), 1.0/12)
	return math.Max(minimalScore, math.Log(math.Max(perYear, 1)*(states-1)/falseAlarms)-2)
}

func floorDay(t int64) int64 {
	return t - ((t%86400)+86400)%86400
}

package chain

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/series"
)

// This file turns the cells of one target on one network into observations, and
// fits the chain to those of one network or of all together.

// Track is the history of one network, or of all together.
type Track struct {
	ASN  uint32
	Obs  []Obs
	Base Baseline
	Runs []Run
}

// Observe makes observations from the cells of one network, in order of time. Votes
// of one day repeat each other, so each counts less than the one before it. A vote
// must not change the weight of earlier votes: otherwise more measurements during a
// ban could move its onset. offset is the index of the first cell and net that of
// the network, as Obs holds them.
func Observe(cells []series.Cell, offset, net int32) []Obs {
	out := make([]Obs, 0, len(cells))
	today, heard := int64(math.MinInt64), 0.0
	for i := range cells {
		c := &cells[i]
		if d := FloorDay(c.Start); d != today {
			today, heard = d, 0
		}
		votes := float64(c.VoteBlocked+c.VoteImpaired+c.VoteOK) / series.Vote
		if votes == 0 {
			continue
		}
		rho := tally.Repeat
		switch {
		case c.FirstBad == 0 && c.FirstOK == 0:
			rho = tally.RepeatBare
		case c.ASN == 0:
			rho *= tally.Mingled
		}
		weight := (effective(heard+votes, rho) - effective(heard, rho)) / votes
		heard += votes
		out = split(out, c, weight/series.Vote, offset+int32(i), net)
	}
	slices.SortFunc(out, ByTime)
	return out
}

// effective returns how many independent votes n votes with the correlation rho are
// worth.
func effective(n, rho float64) float64 {
	if n <= 1 {
		return n
	}
	return n / (1 + (n-1)*rho)
}

// split appends the observations of a cell: one for its bad votes and one for its
// ok votes where all of one sort came before the other, else one for both.
func split(out []Obs, c *series.Cell, scale float64, cell, net int32) []Obs {
	o := Obs{From: c.Start, To: c.End(), Hard: float64(c.VoteBlocked) * scale, Soft: float64(c.VoteImpaired) * scale,
		OK: float64(c.VoteOK) * scale, Net: net, Cell: cell}
	if o.Hard+o.Soft+o.OK == 0 {
		return out
	}
	if c.FirstBad == 0 && c.FirstOK == 0 {
		return append(out, o)
	}
	good, bad := o, o
	good.Hard, good.Soft, bad.OK = 0, 0, 0
	good.From, good.To, bad.From, bad.To = c.FirstOK, c.LastOK, c.FirstBad, c.LastBad
	switch {
	case c.FirstBad == 0:
		return append(out, good)
	case c.FirstOK == 0:
		return append(out, bad)
	case c.LastOK < c.FirstBad || c.LastBad < c.FirstOK:
		return append(out, good, bad)
	}
	o.From, o.To = min(c.FirstBad, c.FirstOK), max(c.LastBad, c.LastOK)
	return append(out, o)
}

// Sums holds votes added up.
type Sums struct{ Hard, Soft, OK float64 }

// Add adds the votes of the observations that are not in runs.
func (s *Sums) Add(o []Obs, runs []Run) {
	for i := range o {
		for len(runs) > 0 && runs[0].Last < i {
			runs = runs[1:]
		}
		if len(runs) > 0 && runs[0].First <= i {
			continue
		}
		s.Hard, s.Soft, s.OK = s.Hard+o[i].Hard, s.Soft+o[i].Soft, s.OK+o[i].OK
	}
}

// Fit sets the track's baseline and runs. It estimates them in turn, from several
// starts: from prior; from the whole series, because a series that was always half
// bad is not blocked; and from the middle of both, because a ban may be inside a
// longer time that is a little worse than usual. It keeps the result that explains
// the series best. It returns scratch space for the next call.
func (t *Track) Fit(scratch []uint64, prior Baseline) []uint64 {
	var whole Sums
	whole.Add(t.Obs, nil)
	all := whole.baseline(prior)
	starts := []Baseline{prior, all}
	if all.Bad > prior.Bad+set.Halfway {
		starts = append(starts, Baseline{Bad: (prior.Bad + all.Bad) / 2, Hard: (prior.Hard + all.Hard) / 2})
	}
	bestLL := math.Inf(-1)
	for k, b := range starts {
		if k == 1 && math.Abs(b.Bad-prior.Bad) < set.SameStart {
			break
		}
		var runs []Run
		for range set.Rounds {
			runs, _, scratch = viterbi(t.Obs, b, scratch)
			var s Sums
			s.Add(t.Obs, runs)
			b = s.baseline(prior)
		}
		var ll float64
		runs, ll, scratch = viterbi(t.Obs, b, scratch)
		ll += whole.loglik(b)
		if ll > bestLL+1e-9 {
			bestLL, t.Base, t.Runs = ll, b, runs
		}
	}
	return scratch
}

// baseline returns the posterior mean under the prior, kept within bounds.
func (s *Sums) baseline(prior Baseline) Baseline {
	bad := s.Hard + s.Soft
	b := Baseline{
		Bad:  (bad + set.PriorVotes*prior.Bad) / (bad + s.OK + set.PriorVotes),
		Hard: (s.Hard + set.PriorKind*prior.Hard) / (bad + set.PriorKind),
	}
	b.Bad = math.Min(math.Max(b.Bad, set.MinBaseline), set.MaxBaseline)
	b.Hard = math.Min(math.Max(b.Hard, set.MinHard), set.MaxHard)
	return b
}

// loglik returns the log-likelihood of the votes if the series is open.
func (s *Sums) loglik(b Baseline) float64 {
	return s.Hard*math.Log(b.Bad*b.Hard) + s.Soft*math.Log(b.Bad*(1-b.Hard)) + s.OK*math.Log(1-b.Bad)
}

// Threshold returns the score that a run must reach, so that a series that nobody
// blocks gives fewer than FalseAlarms runs a year. votes is the number of effective
// votes in the time seconds.
func Threshold(votes, seconds float64) float64 {
	perYear := votes / math.Max(seconds/(365*Day), 1.0/12)
	return math.Max(set.MinimalScore, ByChance(perYear, set.FalseAlarms))
}

// ByChance returns a score that a run among so many votes reaches with a
// probability below p where nobody blocks (Ville's inequality).
func ByChance(votes, p float64) float64 {
	return math.Log(math.Max(votes, 1)*float64(States-1)/p) - set.Overshoot
}

// FloorDay returns the beginning of the UTC day of a moment; both are Unix seconds.
func FloorDay(t int64) int64 {
	return t - ((t%86400)+86400)%86400
}

// ByTime compares observations by time, then by network and cell.
func ByTime(a, b Obs) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Net, b.Net), cmp.Compare(a.Cell, b.Cell))
}

// Turn returns the observations with time reversed, so that an end becomes an
// onset.
func Turn(o []Obs) []Obs {
	out := slices.Clone(o)
	slices.Reverse(out)
	for i := range out {
		out[i].From, out[i].To = -out[i].To, -out[i].From
	}
	return out
}

// Usual returns the baseline of the votes before from and after to.
func (t *Track) Usual(from, to int64) Baseline {
	var v Sums
	for i := range t.Obs {
		if o := &t.Obs[i]; o.To < from || o.From > to {
			v.Hard, v.Soft, v.OK = v.Hard+o.Hard, v.Soft+o.Soft, v.OK+o.OK
		}
	}
	return v.baseline(Baseline{Bad: set.PriorHard + set.PriorSoft, Hard: set.PriorHard / (set.PriorHard + set.PriorSoft)})
}

// Votes returns the number of effective votes of the track.
func (t *Track) Votes() float64 {
	var s Sums
	s.Add(t.Obs, nil)
	return s.Hard + s.Soft + s.OK
}

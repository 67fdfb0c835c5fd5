// Package chain finds where a series of votes is interfered with. The votes are
// those of one network, or of all networks of a country. The model is a hidden
// Markov chain in continuous time. Its states are "open" and several of a ban:
// three strengths, each with two kinds of evidence. Package event gives it cells
// and reads the runs. See docs/DETECTION.md, "The chain". The package does no I/O
// and reads no clock.
package chain

import (
	"math"

	"github.com/bandish/bandish/event/parameter"
)

// Day is the length of a day in seconds.
const Day = 86400.0

// The numbers of states. State 0 is "open"; the others are those of a ban, one for
// each strength and each kind of evidence (hard: blocked, soft: impaired).
const (
	Strengths = len(parameter.Chain{}.Strengths)
	Sorts     = len(parameter.Chain{}.Hard)
	States    = 1 + Strengths*Sorts
)

// set holds the parameters of the chain, tally those of adding up votes.
var (
	set   = &parameter.Standard.Chain
	tally = &parameter.Standard.Votes
)

// Obs is what one network said in one time, in effective votes.
type Obs struct {
	From, To       int64 // Unix seconds; the votes are from between them
	Hard, Soft, OK float64
	Net            int32 // index of the network
	Cell           int32 // index of the cell
}

// Bad returns its bad votes.
func (o *Obs) Bad() float64 { return o.Hard + o.Soft }

// Baseline says how often a series is bad when nobody interferes.
type Baseline struct {
	Bad  float64 // share of bad votes, from 0 to 1
	Hard float64 // share of blocked votes among the bad, from 0 to 1
}

// Weights are the log-likelihood ratios, in nats, of one vote of each sort under a
// state compared with open. For the open state they are zero.
type Weights struct{ Hard, Soft, OK float64 }

// Of returns what an observation says for a state, in nats.
func (w *Weights) Of(o *Obs) float64 { return o.Hard*w.Hard + o.Soft*w.Soft + o.OK*w.OK }

func (b Baseline) rate(s int) float64 {
	if s == 0 {
		return b.Bad
	}
	return b.Bad + (1-b.Bad)*set.Strengths[(s-1)%Strengths]
}

// Weights returns the weights of a state, from 0 (open) to States-1.
func (b Baseline) Weights(s int) Weights {
	if s == 0 {
		return Weights{}
	}
	return b.WeightsAt(b.rate(s), set.Hard[(s-1)/Strengths])
}

// WeightsAt returns the weights of a ban under which a share r of the votes is bad,
// and a share h of the bad ones blocked.
func (b Baseline) WeightsAt(r, h float64) Weights {
	bad := math.Log(r / b.Bad)
	return Weights{
		Hard: bad + math.Log(h/b.Hard),
		Soft: bad + math.Log((1-h)/(1-b.Hard)),
		OK:   math.Log((1 - r) / (1 - b.Bad)),
	}
}

// Run is a series of observations in which the best path is interfered with.
type Run struct {
	First, Last int     // indexes of observations, both inclusive
	Score       float64 // log-likelihood ratio compared with open, less the cost of changes of state
	Soft        float64 // share of the bad votes that are not blocked
	Rate        float64 // share of bad votes
}

// viterbi finds the best path. It returns its interfered runs in order of time, and
// the log-likelihood of the path compared with one that is always open, with
// priors. back is scratch space, returned for the next call.
func viterbi(o []Obs, b Baseline, back []uint64) (runs []Run, total float64, scratch []uint64) {
	var w [States]Weights
	for s := range w {
		w[s] = b.Weights(s)
	}
	if cap(back) < len(o) {
		back = make([]uint64, len(o)+len(o)/4)
	}
	back = back[:len(o)]
	onsetRate, endRate := 1/(set.OnsetDays*Day), 1/(set.EndDays*Day) // per second
	var v, next [States]float64
	for s := 1; s < States; s++ {
		v[s] = -math.Log(float64(Strengths*Sorts)) - set.Begun // the ban began before the data
	}
	for i := range o {
		enter, leave := math.Inf(-1), math.Inf(-1)
		if i > 0 {
			gap := math.Max(float64(o[i].From-o[i-1].To), set.LeastGap)
			enter = math.Log(math.Min(onsetRate*gap, set.EnterMost) / float64(Strengths*Sorts))
			leave = math.Log(-math.Expm1(-endRate * gap))
		}
		best := 1
		for s := 2; s < States; s++ {
			if v[s] > v[best] {
				best = s
			}
		}
		var from uint64
		next[0] = v[0]
		if x := v[best] + leave; x > next[0] {
			next[0] = x
			from |= uint64(best)
		}
		for s := 1; s < States; s++ {
			x, p := v[s], s
			if y := v[best] - set.SwitchCost; y > x && i > 0 {
				x, p = y, best
			}
			if y := v[0] + enter; y > x {
				x, p = y, 0
			}
			next[s] = x + w[s].Of(&o[i])
			from |= uint64(p) << (4 * s)
		}
		back[i] = from
		v = next
	}
	s := 0
	for k := 1; k < States; k++ {
		if v[k] > v[s] {
			s = k
		}
	}
	return trace(o, w[:], back, s), v[s], back
}

// trace follows the best path back from its last state.
func trace(o []Obs, w []Weights, back []uint64, s int) []Run {
	var runs []Run
	var cur *Run
	var hard, soft, ok float64
	finish := func() {
		if cur == nil {
			return
		}
		if bad := hard + soft; bad > 0 {
			cur.Soft, cur.Rate = soft/bad, bad/(bad+ok)
		}
		runs = append(runs, *cur)
		cur, hard, soft, ok = nil, 0, 0, 0
	}
	for i := len(o) - 1; i >= 0; i-- {
		prev := int(back[i] >> (4 * s) & 15)
		if s == 0 {
			finish()
		} else {
			if cur == nil {
				cur = &Run{Last: i}
			}
			cur.First = i
			cur.Score += w[s].Of(&o[i])
			hard, soft, ok = hard+o[i].Hard, soft+o[i].Soft, ok+o[i].OK
			if prev != s && prev != 0 {
				cur.Score -= set.SwitchCost
			}
		}
		s = prev
	}
	finish()
	for i, j := 0, len(runs)-1; i < j; i, j = i+1, j-1 {
		runs[i], runs[j] = runs[j], runs[i]
	}
	return runs
}

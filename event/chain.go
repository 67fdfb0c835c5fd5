package event

import "math"

// This file holds the hidden Markov chain in continuous time whose states are
// "open" and "interfered with", the latter at three strengths and with two
// sorts of evidence. See docs/DETECTION.md, "The chain".

const (
	day  = 86400.0
	hour = 3600.0

	onsetRate   = 1 / (1000 * day) // bans of one target on one network, per second
	endRate     = 1 / (30 * day)
	switchCost  = 4.0 // nats for a change of strength within a ban
	strengths   = 3
	sorts       = 2
	states      = 1 + strengths*sorts
	minBaseline = 0.02
	maxBaseline = 0.7
)

// strength is the share of the votes, of those that would be ok, which the
// interference turns bad.
var strength = [strengths]float64{0.3, 0.6, 0.93}

// hardShare is the share of blocked among the bad votes of a ban: high where
// the verdicts know the interference for what it is, low where they can only
// say that something is wrong.
var hardShare = [sorts]float64{0.9, 0.15}

// obs is what one network said at one time: effective votes.
type obs struct {
	from, to       int64 // Unix seconds; the votes lie between
	hard, soft, ok float64
	net            int32 // index of the network
	cell           int32 // index of the cell
}

func (o *obs) bad() float64 { return o.hard + o.soft }

// baseline is how often a series is bad when nobody interferes.
type baseline struct {
	bad  float64 // share of bad votes
	hard float64 // share of blocked among the bad
}

// weights are the log-likelihood ratios of one vote of each sort under a state
// against open. Those of the open state are zero.
type weights struct{ hard, soft, ok float64 }

func (w *weights) of(o *obs) float64 { return o.hard*w.hard + o.soft*w.soft + o.ok*w.ok }

func (b baseline) rate(s int) float64 {
	if s == 0 {
		return b.bad
	}
	return b.bad + (1-b.bad)*strength[(s-1)%strengths]
}

func (b baseline) weights(s int) weights {
	if s == 0 {
		return weights{}
	}
	return b.weightsAt(b.rate(s), hardShare[(s-1)/strengths])
}

// weightsAt are those of a ban with the bad share r of which h is blocked.
func (b baseline) weightsAt(r, h float64) weights {
	bad := math.Log(r / b.bad)
	return weights{
		hard: bad + math.Log(h/b.hard),
		soft: bad + math.Log((1-h)/(1-b.hard)),
		ok:   math.Log((1 - r) / (1 - b.bad)),
	}
}

// run is a stretch of observations that the best path calls interfered with.
type run struct {
	first, last int     // observations
	score       float64 // log-likelihood ratio against open, the cost of switches taken off
	soft        float64 // share of the bad votes that are not blocked
	rate        float64 // share of bad votes
}

// viterbi finds the best path and returns the interfered stretches in time
// order, and the log-likelihood of the path against one that is open
// throughout, priors included. back is scratch space.
func viterbi(o []obs, b baseline, back []uint64) (runs []run, total float64, scratch []uint64) {
	var w [states]weights
	for s := range w {
		w[s] = b.weights(s)
	}
	if cap(back) < len(o) {
		back = make([]uint64, len(o)+len(o)/4)
	}
	back = back[:len(o)]
	var v, next [states]float64
	for s := 1; s < states; s++ {
		v[s] = -math.Log(strengths*sorts) - 1 // begun before the data
	}
	for i := range o {
		enter, leave := math.Inf(-1), math.Inf(-1)
		if i > 0 {
			gap := math.Max(float64(o[i].from-o[i-1].to), hour/2)
			enter = math.Log(math.Min(onsetRate*gap, 0.1) / (strengths * sorts))
			leave = math.Log(-math.Expm1(-endRate * gap))
		}
		best := 1
		for s := 2; s < states; s++ {
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
		for s := 1; s < states; s++ {
			x, p := v[s], s
			if y := v[best] - switchCost; y > x && i > 0 {
				x, p = y, best
			}
			if y := v[0] + enter; y > x {
				x, p = y, 0
			}
			next[s] = x + w[s].of(&o[i])
			from |= uint64(p) << (4 * s)
		}
		back[i] = from
		v = next
	}
	s := 0
	for k := 1; k < states; k++ {
		if v[k] > v[s] {
			s = k
		}
	}
	return trace(o, w[:], back, s), v[s], back
}

// trace walks the best path back from its last state.
func trace(o []obs, w []weights, back []uint64, s int) []run {
	var runs []run
	var cur *run
	var hard, soft, ok float64
	finish := func() {
		if cur == nil {
			return
		}
		if bad := hard + soft; bad > 0 {
			cur.soft, cur.rate = soft/bad, bad/(bad+ok)
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
				cur = &run{last: i}
			}
			cur.first = i
			cur.score += w[s].of(&o[i])
			hard, soft, ok = hard+o[i].hard, soft+o[i].soft, ok+o[i].ok
			if prev != s && prev != 0 {
				cur.score -= switchCost
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

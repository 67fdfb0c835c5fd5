// Package dating finds when a ban began: the posterior of the moment, from what
// several networks saw around it (Witness). An end is dated as an onset with time
// reversed. Package event calls it. docs/DETECTION.md describes the model in "The
// date". The package does no I/O and reads no clock.
package dating

import (
	"math"
	"slices"
)

// Vote is what a network said between two moments (Unix seconds), in effective
// votes: Hard for blocked, Soft for impaired, OK for ok.
type Vote struct {
	From, To       int64
	Hard, Soft, OK float64
}

// Witness is what one network saw around a change from open to banned, in order of
// time.
type Witness struct {
	Votes  []Vote
	Open   Share // before the change
	Banned Share // after it

	// Networks is how many networks the votes are mixed from, where that is more than
	// one.
	Networks int
}

// Share says how votes are divided: Bad is the share of bad votes, Hard the share
// of hard votes among the bad, both from 0 to 1.
type Share struct{ Bad, Hard float64 }

// Lag is one of the times after which networks follow an order. It is exponential
// with the mean Scale in seconds; 0 means at once. Prior is the share of orders for
// which it holds.
type Lag struct {
	Scale, Prior float64
	// Stray is the share of the networks that follow by themselves, each after an
	// exponential time with the mean StrayScale of the model.
	Stray float64
}

// Model says how orders are obeyed. One network is the first. The others are asked
// some time later, and each follows after a time of its own. The scales of both
// times are unknown; each pair of them is a way of obeying.
type Model struct {
	Ahead  []Lag // by which the first network is ahead of the order to the others
	Behind []Lag // by which each of the others follows that order
	// StrayScale is the mean time, in seconds, after which networks follow that
	// follow by themselves.
	StrayScale float64
	// Before and After are the probabilities that the interval leaves out on its two
	// sides, under the way of obeying that explains the votes best. Under a way that
	// is k times less likely, k times as much is left out. With more than Few
	// networks After is smaller in proportion, because among many networks one is
	// likelier to seem ahead by chance.
	Before, After, Few float64
	// Reach is how long before its first vote a ban may have begun, in seconds.
	Reach float64
	// Parts is the number of parts into which a vote is cut, because the change may
	// be in the middle of it.
	Parts int
}

// piece is a span of time with the log-likelihood of a change in it.
type piece struct{ a, b, l float64 }

// pieces returns the likelihoods of a change, from Reach before the first vote to
// the last vote. That there was a change is assumed.
func (m *Model) pieces(w *Witness) []piece {
	n := len(w.Votes)
	after := make([]float64, n+1) // what the votes from here on say if they are after the change
	for i := n - 1; i >= 0; i-- {
		after[i] = after[i+1] + w.part(&w.Votes[i], 0)
	}
	out := make([]piece, 0, 2*n+2)
	at := float64(w.Votes[0].From) - m.Reach
	for i := range w.Votes {
		v := &w.Votes[i]
		from, to := math.Max(float64(v.From), at), float64(v.To)
		if from > at {
			out = append(out, piece{at, from, after[i]})
			at = from
		}
		if to > at {
			for k := range m.Parts {
				share := float64(k) / float64(m.Parts)
				end := float64(k+1) / float64(m.Parts)
				out = append(out, piece{at + (to-at)*share, at + (to-at)*end, after[i+1] + w.part(v, (share+end)/2)})
			}
			at = to
		}
	}
	return out
}

// part returns the log-likelihood of a vote in which the change is, when the share
// before of it is before the change.
func (w *Witness) part(v *Vote, before float64) float64 {
	mixed := func(open, banned float64) float64 { return math.Log((before*open + (1-before)*banned) / open) }
	a, b := w.Open, w.Banned
	return v.Hard*mixed(a.Bad*a.Hard, b.Bad*b.Hard) + v.Soft*mixed(a.Bad*(1-a.Hard), b.Bad*(1-b.Hard)) + v.OK*mixed(1-a.Bad, 1-b.Bad)
}

// Change returns the interval, in Unix seconds, of the moment at which the first of
// the networks changed. bounded is false where the votes do not bound it from
// below, and without votes.
func (m *Model) Change(ws []Witness) (lo, hi int64, bounded bool) {
	ws = slices.DeleteFunc(slices.Clone(ws), func(w Witness) bool { return len(w.Votes) == 0 })
	if len(ws) == 0 {
		return 0, 0, false
	}
	all := make([][]piece, len(ws))
	var at []float64
	begin := math.Inf(1)
	for i := range ws {
		all[i] = m.pieces(&ws[i])
		begin = math.Min(begin, all[i][0].b)
		for _, p := range all[i] {
			at = append(at, p.a, p.b)
		}
	}
	slices.Sort(at)
	g := newGrid(slices.Compact(at))
	likelihoods := make([][]float64, len(all))
	for i, ps := range all {
		likelihoods[i] = g.likelihood(ps)
	}
	networks := 0
	for i := range ws {
		networks += max(ws[i].Networks, 1)
	}
	l, h := m.hull(g.ways(likelihoods, m), networks)
	return int64(math.Floor(l)), int64(math.Ceil(h)), l >= begin
}

// hull returns the interval over all ways of obeying; the likelier a way is, the
// more of its density is inside.
func (m *Model) hull(ways []*density, networks int) (lo, hi float64) {
	after := m.After * math.Min(1, m.Few/float64(networks))
	top := math.Inf(-1)
	for _, d := range ways {
		top = math.Max(top, d.log)
	}
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, d := range ways {
		odds := math.Exp(top - d.log)
		if left := m.Before * odds; left < 0.5 {
			lo = math.Min(lo, d.quantile(left))
		}
		if left := after * odds; left < 0.5 {
			hi = math.Max(hi, d.quantile(1-left))
		}
	}
	return lo, hi
}

// grid divides time into cells, such that no vote is inside a cell. A density has a
// value at both ends of each cell, because what votes say jumps from one cell to
// the next.
type grid struct{ at []float64 }

// newGrid makes two cells between each two moments, because following bends a
// density.
func newGrid(at []float64) *grid {
	g := &grid{at: make([]float64, 0, 4*len(at))}
	for i := range len(at) - 1 {
		a, b := at[i], at[i+1]
		g.at = append(g.at, a, (a+b)/2, (a+b)/2, b)
	}
	return g
}

// density is a density over a grid; its logarithm is linear within a cell. log is
// the logarithm of its whole mass.
type density struct {
	*grid
	value []float64
	mass  []float64 // of each cell
	sum   float64
	log   float64
}

// ways returns the densities of the change of the first network, one for each way
// of obeying.
func (g *grid) ways(likelihoods [][]float64, m *Model) []*density {
	if len(likelihoods) == 1 { // there is nobody to follow
		value := make([]float64, len(g.at))
		for k := range value {
			value[k] = likelihoods[0][k/2]
		}
		return []*density{g.density(value, 0)}
	}
	ahead := make([][]float64, len(m.Ahead))
	for i, a := range m.Ahead {
		ahead[i] = g.decay(a.Scale)
	}
	var out []*density
	for _, f := range m.Behind {
		out = append(out, g.following(likelihoods, f, ahead, m)...)
	}
	return out
}

// tiny keeps logarithms finite: what is less likely is impossible.
const tiny = 1e-100

// likelihood returns what one network's pieces say of each cell; the largest value
// is 1.
func (g *grid) likelihood(ps []piece) []float64 {
	top := math.Inf(-1)
	for _, p := range ps {
		top = math.Max(top, p.l)
	}
	out := make([]float64, len(g.at)/2)
	k := 0
	for i := range out {
		a := g.at[2*i]
		for k < len(ps)-1 && ps[k].b <= a {
			k++
		}
		out[i] = tiny
		if a >= ps[k].a && a < ps[k].b {
			out[i] = math.Max(math.Exp(ps[k].l-top), tiny)
		}
	}
	return out
}

// decay returns what is left of an exponential after each cell, and nothing for the
// scale 0.
func (g *grid) decay(scale float64) []float64 {
	out := make([]float64, len(g.at)/2)
	if scale == 0 {
		return out
	}
	for i := range out {
		out[i] = math.Exp(-(g.at[2*i+1] - g.at[2*i]) / scale)
	}
	return out
}

// following returns the density of the first network's change, where the others
// follow their order with one lag: one density for each time by which the first is
// ahead.
func (g *grid) following(likelihoods [][]float64, f Lag, ahead [][]float64, m *Model) []*density {
	crowd := make([]float64, len(g.at)) // log-likelihood of all others, if they are asked at a moment
	least := make([]float64, len(g.at)) // the same for the network that follows worst
	own := make([][]float64, len(likelihoods))
	for n, l := range likelihoods {
		own[n] = g.asked(l, f, m)
		for k, x := range own[n] {
			crowd[k] += x
			least[k] = math.Min(least[k], x)
		}
	}
	top := math.Inf(-1)
	for k := range crowd {
		top = math.Max(top, crowd[k]-least[k])
	}
	sums := make([][]float64, len(ahead))
	for i := range sums {
		sums[i] = make([]float64, len(g.at))
	}
	others := make([]float64, len(g.at))
	means := make([]float64, len(g.at)/2)
	for n, l := range likelihoods {
		for k := range others {
			if x := crowd[k] - own[n][k] - top; x > -200 {
				others[k] = math.Exp(x)
			} else {
				others[k] = 0
			}
		}
		for i := range means {
			means[i] = 0
			if others[2*i] > 0 || others[2*i+1] > 0 {
				means[i] = mean(others[2*i], others[2*i+1])
			}
		}
		for i, left := range ahead {
			addFirst(sums[i], l, others, means, left, m.Ahead[i].Scale == 0)
		}
	}
	out := make([]*density, len(ahead))
	for i, a := range m.Ahead {
		out[i] = g.density(sums[i], top+math.Log(f.Prior*a.Prior))
	}
	return out
}

// asked returns the log-likelihood of one network that is asked at a moment and
// follows with a lag.
func (g *grid) asked(l []float64, f Lag, m *Model) []float64 {
	out := make([]float64, len(g.at))
	near, far := g.decay(f.Scale), g.decay(m.StrayScale)
	soon, late := tiny, tiny // the likelihood of following after the end of the cell
	for i := len(l) - 1; i >= 0; i-- {
		end := soon
		if f.Scale == 0 {
			end = l[i]
		}
		out[2*i+1] = math.Log((1-f.Stray)*end + f.Stray*late)
		soon, late = math.Max(l[i]*(1-near[i])+near[i]*soon, tiny), math.Max(l[i]*(1-far[i])+far[i]*late, tiny)
		out[2*i] = math.Log((1-f.Stray)*soon + f.Stray*late)
	}
	return out
}

// addFirst adds the density of the change of one network that is ahead of the
// others. others is the likelihood of the others by the moment of their order, at
// the ends of the cells, and means is its mean in each cell. left is the decay of
// the time between the two.
func addFirst(sum, first, others, means, left []float64, together bool) {
	if together {
		for k, x := range others {
			sum[k] += x * first[k/2]
		}
		return
	}
	later := 0.0 // the likelihood of an order after the end of the cell
	for i := len(first) - 1; i >= 0; i-- {
		sum[2*i+1] += first[i] * later
		later = means[i]*(1-left[i]) + left[i]*later
		sum[2*i] += first[i] * later
	}
}

// density makes a density of its values; log is the logarithm of their unit.
func (g *grid) density(value []float64, log float64) *density {
	d := &density{grid: g, value: value, mass: make([]float64, len(value)/2)}
	for i := range d.mass {
		d.mass[i] = (g.at[2*i+1] - g.at[2*i]) * mean(value[2*i], value[2*i+1])
		d.sum += d.mass[i]
	}
	d.log = log + math.Log(d.sum)
	return d
}

// mean returns the mean of a curve from a to b whose logarithm is a line.
func mean(a, b float64) float64 {
	a, b = math.Max(a, tiny), math.Max(b, tiny)
	if math.Abs(b-a) <= 1e-4*(a+b) {
		return (a + b) / 2
	}
	return (b - a) / math.Log(b/a)
}

// quantile returns the moment before which a share of the mass is.
func (d *density) quantile(share float64) float64 {
	want := share * d.sum
	for i, m := range d.mass {
		if want <= m && m > 0 {
			from, to := d.at[2*i], d.at[2*i+1]
			a, b, x := math.Max(d.value[2*i], tiny), math.Max(d.value[2*i+1], tiny), want/m
			if math.Abs(b-a) > 1e-4*(a+b) { // the inverse of an exponential
				x = math.Log1p(x*(b/a-1)) / math.Log(b/a)
			}
			return from + (to-from)*math.Min(x, 1)
		}
		want -= m
	}
	return d.at[len(d.at)-1]
}

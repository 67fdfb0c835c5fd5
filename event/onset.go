package event

import (
	"cmp"
	"math"
	"slices"
)

// This file dates a change: the posterior of its moment, given what several
// networks saw around it. See docs/DETECTION.md, "The date".

const (
	// Networks follow an order after a time that is exponential, six hours on
	// average, longer where there are more than six of them: all together they
	// must not outweigh what those say that were first.
	followTime = 6 * hour
	followers  = 6
	credible   = 0.988     // the mass that an interval holds; with it 95 % hold the truth (docs/DETECTION.md)
	reach      = 365 * day // how long before the first measurement a ban may have begun
	quarters   = 4         // parts into which a cell is cut that the change may fall into
)

// witness is what one network saw around a change from open to interfered,
// in time order. (For an end, time is turned round.)
type witness struct {
	obs []obs
	b   float64 // share of bad votes when open
	r   float64 // and under interference
}

// piece is a stretch of time and the log-likelihood of a change within it.
type piece struct {
	a, b float64
	l    float64
}

// pieces are the likelihoods of a change, from reach before the first
// measurement to the last: that it took place is given.
func (w *witness) pieces() []piece {
	n := len(w.obs)
	suffix := make([]float64, n+1)
	for i := n - 1; i >= 0; i-- {
		suffix[i] = suffix[i+1] + w.part(&w.obs[i], 0)
	}
	out := make([]piece, 0, 2*n+2)
	at := float64(w.obs[0].from) - reach
	for i := range w.obs {
		o := &w.obs[i]
		from, to := math.Max(float64(o.from), at), float64(o.to)
		if from > at {
			out = append(out, piece{at, from, suffix[i]})
			at = from
		}
		if to > at {
			for k := range quarters {
				f := (float64(k) + 0.5) / quarters
				a, b := at+(to-at)*float64(k)/quarters, at+(to-at)*float64(k+1)/quarters
				out = append(out, piece{a, b, suffix[i+1] + w.part(o, f)})
			}
			at = to
		}
	}
	return out
}

// part is the log-likelihood of an observation through which the change falls,
// when a share f of it lies before the change.
func (w *witness) part(o *obs, f float64) float64 {
	r := f*w.b + (1-f)*w.r
	return o.bad()*math.Log(r/w.b) + o.ok*math.Log((1-r)/(1-w.b))
}

// posterior returns the interval that holds the change with the credible mass,
// and whether the data bound it from below. Of several networks, the change is
// that of the first. The density of the time by which a network follows is
// log-concave, and no other will do: if some networks could be far behind the
// others, or all surely together, then an ok vote that shows one to be behind
// would let the others be earlier.
func posterior(ws []witness) (lo, hi int64, bounded bool) {
	ws = slices.DeleteFunc(ws, func(w witness) bool { return len(w.obs) == 0 })
	if len(ws) == 0 {
		return 0, 0, false
	}
	all := make([][]piece, len(ws))
	var grid []float64
	begin := math.Inf(1)
	for i := range ws {
		all[i] = ws[i].pieces()
		begin = math.Min(begin, all[i][0].b)
		for _, p := range all[i] {
			grid = append(grid, p.a, p.b)
		}
	}
	slices.Sort(grid)
	grid = slices.Compact(grid)
	mass := make([]float64, len(grid)-1) // log-likelihood when all follow
	lead := make([]float64, len(grid)-1) // sum over the networks of being the first instead
	rate := 1 / (followTime * math.Max(1, float64(len(ws))/followers))
	for _, ps := range all {
		addWitness(grid, ps, rate, mass, lead)
	}
	top := math.Inf(-1)
	for i := range mass {
		mass[i] += math.Log(lead[i])
		top = math.Max(top, mass[i])
	}
	total := 0.0
	for i := range mass {
		mass[i] = math.Exp(mass[i]-top) * (grid[i+1] - grid[i])
		total += mass[i]
	}
	l, h := quantile(grid, mass, total*(1-credible)/2), quantile(grid, mass, total*(1+credible)/2)
	return int64(math.Floor(l)), int64(math.Ceil(h)), l >= begin
}

// addWitness adds over the grid one network's log-likelihood of following at
// the rate, and the likelihood ratio of being the first to that.
func addWitness(grid []float64, ps []piece, rate float64, later, lead []float64) {
	top := math.Inf(-1)
	for _, p := range ps {
		top = math.Max(top, p.l)
	}
	end := ps[len(ps)-1].b
	tail, k := 0.0, len(ps)-1 // tail: the lagged likelihood beyond the piece
	for i := len(grid) - 2; i >= 0; i-- {
		a, b := grid[i], grid[i+1]
		for k > 0 && ps[k].a >= b {
			k--
		}
		l := 1e-300
		if a < end {
			l = math.Max(math.Exp(ps[k].l-top), l)
		}
		half := math.Exp(-rate * (b - a) / 2)
		mid := math.Max(l*(1-half)+half*tail, 1e-300)
		tail = l*(1-half*half) + half*half*tail
		later[i] += math.Log(mid)
		lead[i] += l / mid
	}
}

func logSum(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	return a + math.Log1p(math.Exp(b-a))
}

func quantile(grid, mass []float64, want float64) float64 {
	for i, m := range mass {
		if want <= m && m > 0 {
			return grid[i] + (grid[i+1]-grid[i])*want/m
		}
		want -= m
	}
	return grid[len(grid)-1]
}

// turn reverses time, so that an end becomes an onset.
func turn(o []obs) []obs {
	out := slices.Clone(o)
	slices.Reverse(out)
	for i := range out {
		out[i].from, out[i].to = -out[i].to, -out[i].from
	}
	return out
}

func byTime(a, b obs) int {
	return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.net, b.net), cmp.Compare(a.cell, b.cell))
}

package dating

import (
	"cmp"
	"math"
	"slices"
)

// Growth is the model of a ban that grows on all of its networks together: the
// share of votes that it makes bad rises in a straight line. It is compared with
// the model in which each network changes at once.
type Growth struct {
	Step          float64   // seconds; time is divided into steps
	Before, After float64   // seconds before and after the first sure votes that are looked at
	Over          []float64 // seconds in which the ban may reach its full strength, each equally likely
	Strengths     []float64 // strengths that a ban may reach, each equally likely
	From          []float64 // shares of its strength at which it may begin, each equally likely
	Within        []float64 // seconds in which all networks change, where each changes at once; each equally likely
	Enough        float64   // nats by which growth must explain the votes better
	Most          int       // number of networks that are looked at, those with the most votes; 0: all
	Tail          float64   // probability that the interval leaves out on each side, as in Model
}

// far is how many nats worse a way may be and still be tried.
const far = 10

// bins holds the votes of a witness by steps of time.
type bins []Vote

// Began returns the interval, in Unix seconds, of the moment at which a ban began
// to grow, and whether it grew. at is where its votes are first sure of the ban.
func (g *Growth) Began(ws []Witness, at int64) (lo, hi int64, grew bool) {
	begin := float64(at) - g.Before
	ws = g.most(ws, begin)
	all := make([]bins, len(ws))
	for i := range ws {
		all[i] = g.bin(ws[i].Votes, begin)
	}
	starts := int(g.Before / g.Step)
	sure := g.atOnce(ws, all) + g.Enough
	ways := make([][]float64, len(g.From)) // by the share at which it begins: log-likelihoods by step
	masses := make([]float64, len(g.From))
	total, top := math.Inf(-1), math.Inf(-1)
	for i, from := range g.From {
		ways[i] = g.byStart(ws, all, from, starts)
		masses[i] = math.Inf(-1)
		for _, x := range ways[i] {
			masses[i] = logSum(masses[i], x)
		}
		total, top = logSum(total, masses[i]), math.Max(top, masses[i])
		if total < sure-far {
			return 0, 0, false
		}
	}
	if total-math.Log(float64(len(g.From))) < sure {
		return 0, 0, false
	}
	first, last := starts, -1
	for i, way := range ways {
		left := g.Tail * math.Exp(top-masses[i])
		sum := 0.0
		for k, x := range way {
			before := sum
			sum += math.Exp(x - masses[i])
			if sum > left && left < 0.5 {
				first = min(first, k)
			}
			if before < 1-left && left < 0.5 {
				last = max(last, k)
			}
		}
	}
	return int64(begin + float64(first)*g.Step), int64(begin + float64(last+1)*g.Step), true
}

// most returns the witnesses with the most votes in the time that is looked at, in
// their order. More would cost more time.
func (g *Growth) most(ws []Witness, begin float64) []Witness {
	if g.Most == 0 || len(ws) <= g.Most {
		return ws
	}
	votes := func(w *Witness) float64 {
		sum := 0.0
		for _, v := range g.bin(w.Votes, begin) {
			sum += v.Hard + v.Soft + v.OK
		}
		return sum
	}
	said := make([]float64, len(ws))
	for i := range ws {
		said[i] = votes(&ws[i])
	}
	ranks := make([]int, len(ws))
	for i := range ranks {
		ranks[i] = i
	}
	slices.SortStableFunc(ranks, func(a, b int) int { return cmp.Compare(said[b], said[a]) })
	ranks = ranks[:g.Most]
	slices.Sort(ranks)
	out := make([]Witness, g.Most)
	for i, k := range ranks {
		out[i] = ws[k]
	}
	return out
}

// byStart returns the log-likelihoods of the votes by the step in which a ban
// begins that grows from a share of its strength, averaged over speeds and
// strengths.
func (g *Growth) byStart(ws []Witness, all []bins, from float64, starts int) []float64 {
	out := make([]float64, starts)
	for k := range out {
		out[k] = math.Inf(-1)
	}
	prior := -math.Log(float64(starts * len(g.Over) * len(g.Strengths)))
	for _, over := range g.Over {
		for _, strength := range g.Strengths {
			for k, x := range g.growing(ws, all, line{over, strength, from}, starts) {
				out[k] = logSum(out[k], x+prior)
			}
		}
	}
	return out
}

// bin adds up votes by steps of time after begin.
func (g *Growth) bin(votes []Vote, begin float64) bins {
	out := make(bins, int((g.Before+g.After)/g.Step))
	for _, v := range votes {
		k := int(math.Floor((float64(v.From+v.To)/2 - begin) / g.Step))
		if k >= 0 && k < len(out) {
			out[k].Hard += v.Hard
			out[k].Soft += v.Soft
			out[k].OK += v.OK
		}
	}
	return out
}

// line says how a ban grows: over how many seconds, to what strength, and from what
// share of it.
type line struct{ over, strength, from float64 }

// growing returns the log-likelihood of the votes of all networks, by the step in
// which a ban begins that grows along a line.
func (g *Growth) growing(ws []Witness, all []bins, l line, starts int) []float64 {
	out := make([]float64, starts)
	for i, votes := range all {
		w := &ws[i]
		says := make([]Vote, len(votes)) // what one vote says, by steps since the beginning
		for k := range says {
			says[k] = w.says(l.strength * math.Min(1, l.from+(1-l.from)*(float64(k)+0.5)*g.Step/l.over))
		}
		var spoken []int // the steps with votes; most have none
		for k := range votes {
			if votes[k] != (Vote{}) {
				spoken = append(spoken, k)
			}
		}
		for start := range out {
			for len(spoken) > 0 && spoken[0] < start {
				spoken = spoken[1:]
			}
			for _, k := range spoken {
				out[start] += says[k-start].of(&votes[k])
			}
		}
	}
	return out
}

// atOnce returns the log-likelihood of the votes if each network changes at once:
// all of them within a step, a day or days of each other, or each when it likes;
// all with one strength, with a lull or without, or each with its own strength.
func (g *Growth) atOnce(ws []Witness, all []bins) float64 {
	kinds := len(g.Strengths) + 1
	sum := math.Inf(-1)
	byNetwork := make([][][]float64, len(ws))
	for i := range ws {
		byNetwork[i] = g.sharp(&ws[i], all[i])
	}
	for kind := range kinds {
		lull := 0.0
		if kind < len(g.Strengths) {
			lull = g.lull(ws, all, g.Strengths[kind])
		}
		for _, within := range g.Within {
			sum = logSum(sum, lull+together(byNetwork, kind, max(1, int(within/g.Step))))
		}
	}
	return sum - math.Log(float64(kinds*len(g.Within)))
}

// lull returns how much better a pause explains the votes, for a ban of one
// strength that all networks obey in one step; averaged over the times of the
// pause.
func (g *Growth) lull(ws []Witness, all []bins, strength float64) float64 {
	never := math.Inf(-1)
	open, once, paused, again := 0.0, never, never, never
	steps := float64(len(all[0]))
	banned := make([]float64, len(all[0]))
	for i, votes := range all {
		says := ws[i].says(strength)
		for k := range votes {
			banned[k] += says.of(&votes[k])
		}
	}
	for _, banned := range banned {
		again = logSum(again, paused) + banned
		paused = logSum(paused, once)
		once = logSum(once, open) + banned
	}
	return math.Max(0, again-math.Log(steps*steps/6)-once)
}

// together returns the log-likelihood of the votes if all networks change within
// width steps. Each step, and each beginning, is equally likely.
func together(byNetwork [][][]float64, kind, width int) float64 {
	steps := len(byNetwork[0][kind])
	width = min(width, steps)
	sum := math.Inf(-1)
	for k := range steps - width + 1 {
		all := 0.0
		for i := range byNetwork {
			one := math.Inf(-1)
			for _, x := range byNetwork[i][kind][k : k+width] {
				one = logSum(one, x)
			}
			all += one - math.Log(float64(width))
		}
		sum = logSum(sum, all)
	}
	return sum - math.Log(float64(steps-width+1))
}

// sharp returns the log-likelihoods of one network's votes by the step in which it
// changes at once: one list for each strength, and one averaged over them. Half of
// the step of the change is before it.
func (g *Growth) sharp(w *Witness, votes bins) [][]float64 {
	average := make([]float64, len(votes))
	for k := range average {
		average[k] = math.Inf(-1)
	}
	var out [][]float64
	for _, strength := range g.Strengths {
		full, half := w.says(strength), w.says(strength/2)
		one, after := make([]float64, len(votes)), 0.0
		for k := len(votes) - 1; k >= 0; k-- {
			one[k] = after + half.of(&votes[k])
			average[k] = logSum(average[k], one[k]-math.Log(float64(len(g.Strengths))))
			after += full.of(&votes[k])
		}
		out = append(out, one)
	}
	return append(out, average)
}

// says returns what one vote of each sort says for a ban that makes the share
// strength of the votes bad, compared with no ban.
func (w *Witness) says(strength float64) Vote {
	o, b := w.Open, Share{w.Open.Bad + (1-w.Open.Bad)*strength, w.Banned.Hard}
	hard := o.Bad*o.Hard + (b.Bad-o.Bad)*b.Hard // what fails without the ban fails as it always does
	return Vote{Hard: math.Log(hard / (o.Bad * o.Hard)), Soft: math.Log((b.Bad - hard) / (o.Bad * (1 - o.Hard))), OK: math.Log((1 - b.Bad) / (1 - o.Bad))}
}

func (v *Vote) of(n *Vote) float64 { return v.Hard*n.Hard + v.Soft*n.Soft + v.OK*n.OK }

func logSum(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

package dating

import (
	"cmp"
	"math"
	"slices"
)

// Growth is the model of a ban that grows on all of its networks together: the
// share of votes that it turns bad rises in a straight line. It is
// held against the model in which each network changes at once.
type Growth struct {
	Step          float64   // seconds; time is looked at in steps
	Before, After float64   // seconds around the first sure votes that are looked at
	Over          []float64 // seconds in which it may reach its full strength, each as likely
	Strengths     []float64 // that bans may reach, each as likely
	From          []float64 // shares of its strength at which it may begin, each as likely
	Within        []float64 // seconds in which all networks change that change at once, each as likely
	Enough        float64   // nats by which growth must explain the votes better
	Most          int       // networks that are looked at, those with the most votes; 0: all
	Tail          float64   // probability that the interval leaves on either side, as Model's
}

// far is by how many nats a way may be off for the next one to be asked.
const far = 10

// bins are the votes of a witness by steps of time.
type bins []Vote

// Began returns the interval that holds the moment at which a ban began to
// grow, and whether it grew. at is where its votes are first sure of it.
func (g *Growth) Began(ws []Witness, at int64) (lo, hi int64, grew bool) {
	begin := float64(at) - g.Before
	ws = g.most(ws, begin)
	all := make([]bins, len(ws))
	for i := range ws {
		all[i] = g.bin(ws[i].Votes, begin)
	}
	starts := int(g.Before / g.Step)
	sure := g.atOnce(ws, all) + g.Enough
	ways := make([][]float64, len(g.From)) // by the share at which it begins: log-likelihoods of the steps
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

// most are the witnesses with the most votes in the time that is looked at, in
// their order: the cost rises with their number.
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

// byStart are the log-likelihoods of the votes by the step in which a ban
// begins that grows from a share of its strength, speeds and strengths averaged.
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

// bin adds the votes up by steps from a moment on.
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

// line is how a ban grows: over what time to what strength, and from what share
// of it.
type line struct{ over, strength, from float64 }

// growing is the log-likelihood of the votes of all networks, by the step in
// which a ban begins that grows along a line.
func (g *Growth) growing(ws []Witness, all []bins, l line, starts int) []float64 {
	out := make([]float64, starts)
	for i, votes := range all {
		w := &ws[i]
		says := make([]Vote, len(votes)) // what one vote says, by steps since the begin
		for k := range says {
			says[k] = w.says(l.strength * math.Min(1, l.from+(1-l.from)*(float64(k)+0.5)*g.Step/l.over))
		}
		var spoken []int // the steps that have votes: most have none
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

// atOnce is the log-likelihood of the votes when each network changes at once:
// all of them within a step, a day or days of each other, or when they please;
// all with one strength, with a lull in it or without, or each with its own.
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

// lull is how much better the votes are explained when the ban of a strength
// that all networks obey in one step makes a pause, their times averaged.
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

// together is the log-likelihood of the votes when all networks change within
// some steps, each of these as likely, as is when they begin.
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

// sharp are the log-likelihoods of one network's votes by the step in which it
// changes at once: by each strength, and averaged over these. Of that step, half
// is before.
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

// says is what one vote of each sort says for a ban that turns a share of the
// votes bad, against none.
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

package event

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/series"
)

// This file holds clusters: interfered stretches of several networks that belong
// together and may become an event.

// stretch is a time in which one network, or all together, looks interfered with.
type stretch struct {
	net        int // index of the network; -1: all together
	from, to   int64
	first, end int // indexes of observations; end is exclusive
	score      float64
	soft, rate float64
	open       bool
}

// cluster is a group of stretches that may become an event.
type cluster struct {
	from, to int64
	spans    []stretch
	joint    float64 // score of all stretches together
	loudest  float64 // the part of joint that the loudest report gives
	weak     bool    // the verdicts say only that something is wrong (impaired)
	always   bool    // weak, and there is no other time to compare with
	strength float64 // share of the votes that it is assumed to turn bad; for dating
	hard     float64 // share of blocked among these bad votes
}

// banned is the part of one network in a cluster.
type banned struct {
	net   int
	spans []stretch // in order of time; they do not overlap
	// firm holds the observations at which the event begins and ends on the network,
	// by firm, not by the best path.
	firm     struct{ first, last int }
	restored bool // what it says after its last bad vote speaks for access
	dates    bool // its votes count for the event's dates
}

// score returns the sum of the scores of its stretches.
func (b *banned) score() float64 {
	sum := 0.0
	for _, s := range b.spans {
		sum += s.score
	}
	return sum
}

func (b *banned) first() *stretch { return &b.spans[0] }

func (b *banned) last() *stretch { return &b.spans[len(b.spans)-1] }

// perNetwork groups the cluster's stretches by network and unites those that
// overlap.
func (c *cluster) perNetwork() []banned {
	spans := slices.Clone(c.spans)
	slices.SortFunc(spans, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.net, b.net), cmp.Compare(a.first, b.first), cmp.Compare(b.end, a.end))
	})
	var out []banned
	for _, s := range spans {
		if n := len(out); n == 0 || out[n-1].net != s.net {
			out = append(out, banned{net: s.net, spans: []stretch{s}})
			continue
		}
		l := out[len(out)-1].last()
		if s.first > l.end {
			out[len(out)-1].spans = append(out[len(out)-1].spans, s)
			continue
		}
		if s.end > l.end {
			l.end, l.to, l.open = s.end, s.to, s.open
		}
		l.score = max(l.score, s.score)
	}
	return out
}

// stretches returns the runs of a track that score at least atLeast, each from its
// first to its last bad vote.
func (t *track) stretches(net int, atLeast float64) []stretch {
	var out []stretch
	for _, r := range t.Runs {
		if r.Score < atLeast {
			continue
		}
		for r.First < r.Last && t.Obs[r.First].Bad() == 0 {
			r.First++
		}
		for r.Last > r.First && t.Obs[r.Last].Bad() == 0 {
			r.Last--
		}
		out = append(out, stretch{net: net, from: t.Obs[r.First].From, to: t.Obs[r.Last].To, first: r.First, end: r.Last + 1,
			score: r.Score, soft: r.Soft, rate: r.Rate, open: r.Last+1 == len(t.Obs)})
	}
	return out
}

// between returns the part of a stretch from the first to the last bad vote between
// two observations; none without a bad vote.
func (t *track) between(s stretch, first, end int) []stretch {
	for first < end && t.Obs[first].Bad() == 0 {
		first++
	}
	for end > first && t.Obs[end-1].Bad() == 0 {
		end--
	}
	if first == end {
		return nil
	}
	var v chain.Sums
	v.Add(t.Obs[first:end], nil)
	bad := v.Hard + v.Soft
	whole := s.end - s.first
	s.first, s.end, s.from, s.to, s.open = first, end, t.Obs[first].From, t.Obs[end-1].To, end == len(t.Obs)
	s.rate, s.soft = bad/(bad+v.OK), v.Soft/bad
	if end-first < whole {
		s.score = math.Inf(-1)
		for st := 1; st < chain.States; st++ {
			s.score = math.Max(s.score, sumOf(t.Obs[first:end], t.Base.Weights(st)))
		}
		if s.score <= 0 {
			return nil
		}
	}
	return []stretch{s}
}

// badDays counts the days with bad votes.
func (t *track) badDays(s stretch) int {
	n, last := 0, int64(math.MinInt64)
	for _, o := range t.Obs[s.first:s.end] {
		if d := chain.FloorDay(o.From); o.Bad() > 0 && d != last {
			n, last = n+1, d
		}
	}
	return n
}

// cellsOf calls f once with every cell of the cluster's stretches.
func (h *history) cellsOf(c *cluster, f func(cell *series.Cell, o *chain.Obs)) {
	seen := map[int32]bool{}
	for _, s := range c.spans {
		t := &h.nets[s.net]
		for k := s.first; k < s.end; k++ {
			o := &t.Obs[k]
			if !seen[o.Cell] {
				seen[o.Cell] = true
				f(&h.cells[o.Cell], o)
			}
		}
	}
}

func (h *history) badVotes(c *cluster) float64 {
	n := 0.0
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		n += float64(cell.VoteBlocked+cell.VoteImpaired) / series.Vote
	})
	return n
}

// mainly returns the network that gives three quarters of a cluster's score, or 0.
func (h *history) mainly(c *cluster) uint32 {
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
	if main < 0 || most < set.Candidate.MainShare*all {
		return 0
	}
	return h.nets[main].ASN
}

func sumOf(o []chain.Obs, w chain.Weights) float64 {
	sum := 0.0
	for i := range o {
		sum += w.Of(&o[i])
	}
	return sum
}

// trim removes from a cluster's stretches what is before from or after to.
func (c *cluster) trim(h *history, from, to int64) {
	var spans []stretch
	for _, s := range c.spans {
		t := &h.nets[s.net]
		first, end := s.first, s.end
		for first < end && t.Obs[first].From < from {
			first++
		}
		for end > first && t.Obs[end-1].To > to {
			end--
		}
		if first == s.first && end == s.end {
			spans = append(spans, s)
			continue
		}
		score := s.score
		for _, s := range t.between(s, first, end) {
			s.score = score
			spans = append(spans, s)
		}
	}
	if len(spans) > 0 {
		c.spans, c.from, c.to = spans, math.MaxInt64, math.MinInt64
		for _, s := range spans {
			c.from, c.to = min(c.from, s.from), max(c.to, s.to)
		}
	}
}

// accessWeights returns the weights by which the votes after a stretch say whether
// it is over.
func (t *track) accessWeights(s *stretch) chain.Weights {
	return t.Base.WeightsAt(math.Min(math.Max(s.rate, t.Base.Bad+set.Course.AccessRise), set.Course.AccessMost), t.Base.Hard)
}

// means returns the mechanisms of the cluster's stretches.
func (h *history) means(c *cluster) []string {
	weight := map[string]float64{}
	h.cellsOf(c, func(cell *series.Cell, _ *chain.Obs) {
		for _, t := range cell.Tallies {
			if t.Kind == series.Mechanism {
				weight[t.Name] += float64(t.Bad)
			}
		}
	})
	return top(weight)
}

// within calls f with the cells of the event's networks from the cluster's first to
// its last bad vote.
func (h *history) within(c *cluster, parts []banned, f func(*series.Cell)) {
	for _, p := range parts {
		asn := h.nets[p.net].ASN
		i, _ := slices.BinarySearchFunc(h.cells, asn, func(c series.Cell, a uint32) int { return cmp.Compare(c.ASN, a) })
		for ; i < len(h.cells) && h.cells[i].ASN == asn; i++ {
			if cell := &h.cells[i]; cell.End() > c.from && cell.Start <= c.to {
				f(cell)
			}
		}
	}
}

// top returns the names with at least a tenth of the weight, the heaviest first.
func top(weight map[string]float64) []string {
	names := []string{}
	total := 0.0
	for n, w := range weight {
		names = append(names, n)
		total = max(total, w)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(weight[b], weight[a]), cmp.Compare(a, b)) })
	return slices.DeleteFunc(names, func(n string) bool { return weight[n] < set.Course.TopShare*total })
}

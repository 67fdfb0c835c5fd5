package dating

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var growth = Growth{
	Step: 6 * 3600, Before: 21 * day, After: 14 * day,
	Over:      []float64{2 * day, 2.7 * day, 3.6 * day, 4.9 * day, 6.6 * day, 8.9 * day, 12 * day, 16 * day, 20 * day},
	Strengths: []float64{0.3, 0.6, 0.93}, From: []float64{0, 0.1, 0.25},
	Within: []float64{6 * 3600, day, 4 * day, 35 * day},
	Enough: 6, Tail: 0.015,
}

// seen are the votes of a network over 40 days, six a day, of which a share is
// bad that depends on the time.
func seen(rng *rand.Rand, bad func(at float64) float64) Witness {
	w := Witness{Open: Share{0.06, 0.3}, Banned: Share{Hard: 0.9}}
	for range 240 {
		v := Vote{From: rng.Int64N(40 * day), OK: 1}
		v.To = v.From
		share := bad(float64(v.From))
		if fails := rng.Float64() < share; fails || rng.Float64() < w.Open.Bad {
			if hard := map[bool]float64{true: w.Banned.Hard, false: w.Open.Hard}[fails]; rng.Float64() < hard {
				v.Hard, v.OK = 1, 0
			} else {
				v.Soft, v.OK = 1, 0
			}
		}
		w.Votes = append(w.Votes, v)
	}
	slices.SortFunc(w.Votes, func(a, b Vote) int { return cmp.Compare(a.From, b.From) })
	return w
}

// A ban that grows is known from one that each network obeys at once: all of
// them in one moment, within days, in part, or in whole.
func TestGrowth(t *testing.T) {
	const began = 20 * day
	in, grew, wrong := 0, 0, 0
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 11))
		over := (3 + 9*rng.Float64()) * day
		var growing, sharp []Witness
		strength, spread := 0.4+0.55*rng.Float64(), []float64{0, 0, 0.5 * day, 2 * day}[seed%4]
		for range 4 {
			growing = append(growing, seen(rng, func(at float64) float64 { return 0.95 * math.Min(math.Max(0, (at-began)/over), 1) }))
			lag := spread * rng.ExpFloat64()
			sharp = append(sharp, seen(rng, func(at float64) float64 {
				if at < began+lag {
					return 0
				}
				return strength
			}))
		}
		if lo, hi, is := growth.Began(growing, began+int64(over)/3); is {
			grew++
			if lo <= began && hi >= began {
				in++
			}
		}
		if _, _, is := growth.Began(sharp, began+day/2); is {
			wrong++
		}
	}
	if grew < 95 || float64(in) < 0.93*float64(grew) || wrong > 0 {
		t.Errorf("of 100 that grow %d are known and %d of these held; of 100 that do not %d are taken for growing", grew, in, wrong)
	}
}

// Without votes nothing grows.
func TestGrowthOfNothing(t *testing.T) {
	if _, _, is := growth.Began([]Witness{{Open: Share{0.1, 0.3}, Banned: Share{Hard: 0.9}}}, 0); is {
		t.Error("grew")
	}
}

// Of many networks those with the most votes are looked at, and no more: what is
// found is what they alone show.
func TestGrowthIsBounded(t *testing.T) {
	g := Growth{Step: 10, Before: 100, After: 100, Most: 2}
	of := func(n float64) Witness { return Witness{Votes: []Vote{{From: 50, To: 60, OK: n}}} }
	ws := []Witness{of(1), of(3), of(0.5), of(2), {Votes: []Vote{{From: 5000, To: 5001, OK: 9}}}}
	got := g.most(ws, 0)
	if len(got) != 2 || got[0].Votes[0].OK != 3 || got[1].Votes[0].OK != 2 {
		t.Errorf("looked at %+v", got)
	}
	if g.Most = 5; len(g.most(ws, 0)) != 5 {
		t.Error("as many as may be are not all looked at")
	}
}

package event

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// An ok vote more, at any time, moves neither end of the interval of one
// network's change earlier. (Of several, TestPropertyOKInside asks it.)
func TestOKMovesPosteriorLaterOnly(t *testing.T) {
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := witness{b: 0.02 + 0.3*rng.Float64()}
		w.r = w.b + (1-w.b)*datingFull
		turns := rng.Int64N(20 * day) // then it is blocked
		for range 3 + rng.IntN(20) {
			at := rng.Int64N(20 * day)
			o := obs{from: at, to: at, ok: 1}
			if rng.Float64() < 0.05 || at > turns {
				o.hard, o.ok = 1, 0
			}
			w.obs = append(w.obs, o)
		}
		slices.SortFunc(w.obs, byTime)
		lo, hi, _ := posterior([]witness{w})
		first, last := w.obs[0].from, w.obs[len(w.obs)-1].to
		at := first + rng.Int64N(last-first)
		w.obs = append(slices.Clone(w.obs), obs{from: at, to: at, ok: rng.Float64()})
		slices.SortFunc(w.obs, byTime)
		again, later, _ := posterior([]witness{w})
		if again < lo || later < hi {
			t.Errorf("seed %d: with an ok vote at %d the interval is %d to %d, was %d to %d", seed, at, again, later, lo, hi)
		}
	}
}

package dating

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

const day = 86400

var model = Model{
	Ahead: []Lag{{Scale: 0, Prior: 0.4}, {Scale: 7200, Prior: 0.2}, {Scale: day, Prior: 0.2}, {Scale: 4 * day, Prior: 0.2}},
	Behind: []Lag{{Scale: 0, Stray: 0.15, Prior: 0.25}, {Scale: 0, Stray: 0.85, Prior: 0.15}, {Scale: 900, Stray: 0.15, Prior: 0.2},
		{Scale: 3 * 3600, Stray: 0.15, Prior: 0.2}, {Scale: 1.5 * day, Stray: 0.15, Prior: 0.2}},
	StrayScale: 3 * day,
	Before:     0.04, After: 0.03, Few: 4, Reach: 365 * day, Parts: 4,
}

// An ok vote more, at any time, moves neither end of the interval of one
// network's change earlier.
func TestOKMovesOneNetworkLaterOnly(t *testing.T) {
	byTime := func(a, b Vote) int { return cmp.Compare(a.From, b.From) }
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		w := Witness{Open: Share{0.02 + 0.3*rng.Float64(), 0.3}}
		w.Banned = Share{w.Open.Bad + (1-w.Open.Bad)*0.9, 0.9}
		turns := rng.Int64N(20 * day) // then it is banned
		for range 3 + rng.IntN(20) {
			at := rng.Int64N(20 * day)
			v := Vote{From: at, To: at, OK: 1}
			if rng.Float64() < 0.05 || at > turns {
				v.Hard, v.OK = 1, 0
			}
			w.Votes = append(w.Votes, v)
		}
		slices.SortFunc(w.Votes, byTime)
		lo, hi, _ := model.Change([]Witness{w})
		first, last := w.Votes[0].From, w.Votes[len(w.Votes)-1].From
		at := first + rng.Int64N(last-first)
		w.Votes = append(slices.Clone(w.Votes), Vote{From: at, To: at, OK: rng.Float64()})
		slices.SortFunc(w.Votes, byTime)
		again, later, _ := model.Change([]Witness{w})
		if again < lo || later < hi {
			t.Errorf("seed %d: with an ok vote at %d the interval is %d to %d, was %d to %d", seed, at, again, later, lo, hi)
		}
	}
}

// Networks that were all ok until noon and all banned from 12:12 on date the
// change between, however many they are.
func TestManyAtOnce(t *testing.T) {
	for _, n := range []int64{2, 12, 20, 60} {
		var ws []Witness
		for i := range n {
			w := Witness{Open: Share{0.05, 0.3}, Banned: Share{0.9, 0.9}}
			for k := range int64(40) {
				v := Vote{From: k*4*3600 + i*4*3600/n, OK: 1}
				v.To = v.From
				if k >= 20 {
					v.Hard, v.OK = 1, 0
				}
				w.Votes = append(w.Votes, v)
			}
			ws = append(ws, w)
		}
		lo, hi, bounded := model.Change(ws)
		last, first := int64(19*4*3600+(n-1)*4*3600/n), int64(20*4*3600)
		if !bounded || lo > first || hi < last {
			t.Errorf("%d networks: %d to %d, the truth lies between %d and %d", n, lo, hi, last, first)
		}
	}
}

// Nobody measured for days: the interval is nearly all of them.
func TestGapIsWide(t *testing.T) {
	w := Witness{Open: Share{0.05, 0.3}, Banned: Share{0.9, 0.9}}
	for k := range int64(40) {
		v := Vote{From: k * 3600, To: k * 3600, OK: 1}
		if k >= 20 {
			v = Vote{From: k*3600 + 5*day, To: k*3600 + 5*day, Hard: 1}
		}
		w.Votes = append(w.Votes, v)
	}
	lo, hi, _ := model.Change([]Witness{w})
	if float64(hi-lo) < 0.9*5*day {
		t.Errorf("%d s wide in a gap of %d s", hi-lo, 5*day)
	}
}

func TestNoVotes(t *testing.T) {
	if _, _, bounded := model.Change([]Witness{{}}); bounded {
		t.Error("bounded by nothing")
	}
}

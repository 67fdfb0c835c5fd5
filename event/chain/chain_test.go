package chain_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/parameter"
	"github.com/bandish/bandish/series"
)

// votes are one vote every so many hours: o is ok, b blocked, i impaired.
func votes(hours int64, text string) []chain.Obs {
	var out []chain.Obs
	at := int64(0)
	for _, r := range text {
		o := chain.Obs{From: at, To: at}
		switch r {
		case 'o':
			o.OK = 1
		case 'b':
			o.Hard = 1
		case 'i':
			o.Soft = 1
		}
		out = append(out, o)
		at += hours * 3600
	}
	return out
}

// told are the interfered stretches of votes, and the usual share.
func told(o []chain.Obs) string {
	t := chain.Track{Obs: o}
	p := parameter.Standard.Chain
	t.Fit(nil, chain.Baseline{Bad: p.PriorHard + p.PriorSoft, Hard: p.PriorHard / (p.PriorHard + p.PriorSoft)})
	out := ""
	for _, r := range t.Runs {
		out += fmt.Sprintf("%d-%d ", r.First, r.Last)
	}
	return out + fmt.Sprintf("usually %.2f, of it blocked %.2f", t.Base.Bad, t.Base.Hard)
}

// Each number of the chain decides one of these.
func TestTrack(t *testing.T) {
	quiet := strings.Repeat("ooooooooobooooooooi", 10) // a tenth is bad
	ban := strings.Repeat("b", 20)
	for _, c := range []struct {
		name, votes, want string
		moved             map[string]float64 // what comes out otherwise
	}{
		{"nobody interferes", quiet, "usually 0.10, of it blocked 0.47", map[string]float64{"PriorHard": 0.09, "PriorSoft": 0.21, "PriorKind": 300, "PriorVotes": 1}},
		{"a ban", quiet + ban + quiet, "189-209 usually 0.10, of it blocked 0.50", map[string]float64{"SwitchCost": 1e-6}},
		{"a ban that spares a third", quiet + strings.Repeat("bbo", 20) + quiet, "189-248 usually 0.10, of it blocked 0.50", nil},
		{"a ban without a sign of why", quiet + strings.Repeat("i", 20) + quiet, "189-209 usually 0.10, of it blocked 0.50", nil},
		{"four bad votes", quiet + "bbbb" + quiet, "usually 0.11, of it blocked 0.53", map[string]float64{"OnsetDays": 10, "EndDays": 0.3, "LeastGap": 180000}},
		{"a pause of two votes", quiet + ban + "oo" + ban + quiet, "189-231 usually 0.10, of it blocked 0.50", map[string]float64{"LeastGap": 1e9}},
		{"a pause of twelve votes", quiet + ban + strings.Repeat("o", 12) + ban + quiet, "189-241 usually 0.10, of it blocked 0.50", map[string]float64{"EndDays": 0.3, "OnsetDays": 10, "SwitchCost": 12}},
		{"always half bad, without a sign of why", strings.Repeat("oi", 100), "usually 0.45, of it blocked 0.10", map[string]float64{"MinHard": 0.3, "MaxBaseline": 0.2}},
		{"always blocked", strings.Repeat("b", 100), "0-99 usually 0.10, of it blocked 0.30", map[string]float64{"Begun": 100}},
		{"always half blocked", strings.Repeat("ob", 100), "0-199 usually 0.10, of it blocked 0.30", map[string]float64{"MaxHard": 1, "Begun": 100}},
		{"never bad", strings.Repeat("o", 400), "usually 0.02, of it blocked 0.30", map[string]float64{"MinBaseline": 0.001}},
	} {
		if got := told(votes(4, c.votes)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for name, value := range c.moved {
			restore, err := parameter.Standard.Set("Chain."+name, value)
			if err != nil {
				t.Fatal(err)
			}
			if got := told(votes(4, c.votes)); got == c.want {
				t.Errorf("%s: with %s = %v still %q", c.name, name, value, got)
			}
			restore()
		}
	}
}

// A state's votes speak for it in the order in which they should, and those of
// the open state say nothing.
func TestWeights(t *testing.T) {
	b := chain.Baseline{Bad: 0.1, Hard: 0.3}
	if w := b.Weights(0); w != (chain.Weights{}) {
		t.Errorf("open: %+v", w)
	}
	last := 0.0
	for s := 1; s < chain.States; s++ {
		w := b.Weights(s)
		if w.OK >= 0 || math.Max(w.Hard, w.Soft) <= 0 {
			t.Errorf("state %d: %+v", s, w)
		}
		if hard := s <= chain.Strengths; hard != (w.Hard > w.Soft) {
			t.Errorf("state %d: %+v", s, w)
		}
		if s%chain.Strengths != 1 && w.OK >= last {
			t.Errorf("state %d is stronger, and an ok vote speaks no more against it: %v after %v", s, w.OK, last)
		}
		last = w.OK
	}
}

// The threshold grows with the votes of a year, by what Ville's bound asks for,
// and is never below its floor.
func TestThreshold(t *testing.T) {
	const year = 365 * chain.Day
	if got := chain.Threshold(10, year); got != parameter.Standard.Chain.MinimalScore {
		t.Errorf("of ten votes: %v", got)
	}
	a, b := chain.Threshold(1e4, year), chain.Threshold(1e5, year)
	if math.Abs(b-a-math.Log(10)) > 1e-9 {
		t.Errorf("ten times the votes: %v and %v", a, b)
	}
	if got := chain.Threshold(2e4, 2*year); math.Abs(got-a) > 1e-9 {
		t.Errorf("as many a year: %v and %v", a, got)
	}
	// Without the overshoot, so many series of so many votes raise one false alarm.
	const perYear = 1e4
	alarms := perYear * float64(chain.States-1) * math.Exp(-(a + parameter.Standard.Chain.Overshoot))
	if math.Abs(alarms-parameter.Standard.Chain.FalseAlarms) > 1e-9 {
		t.Errorf("%v false alarms a series and year", alarms)
	}
}

// A later vote of a day weighs less, and changes no earlier one's weight.
func TestObserve(t *testing.T) {
	cell := func(hour, ok uint32) series.Cell {
		at := int64(hour) * 3600
		return series.Cell{ASN: 64512, Start: at, Span: 3600, VoteOK: ok * series.Vote, FirstOK: at + 1, LastOK: at + 2}
	}
	few := chain.Observe([]series.Cell{cell(1, 1), cell(2, 1)}, 0, 0)
	more := chain.Observe([]series.Cell{cell(1, 1), cell(2, 1), cell(3, 8), cell(25, 1), cell(26, 0)}, 0, 0)
	if len(few) != 2 || len(more) != 4 || !slices.Equal(few, more[:2]) {
		t.Fatalf("%+v and %+v", few, more)
	}
	if few[1].OK >= few[0].OK || more[2].OK/8 >= few[1].OK || more[3].OK != more[0].OK {
		t.Errorf("%+v", more)
	}
	if back := chain.Turn(chain.Turn(more)); !slices.Equal(back, more) {
		t.Errorf("turned twice: %+v, was %+v", back, more)
	}
}

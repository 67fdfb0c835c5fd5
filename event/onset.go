package event

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/event/dating"
)

// This file dates a change: the posterior of its moment, given what several
// networks saw around it. See docs/DETECTION.md, "The date".

// onsets is how orders are obeyed: the dating model and its priors. What the
// interval leaves on its sides was fitted on the scenarios (docs/DETECTION.md).
var onsets = dating.Model{
	Ahead: []dating.Lag{{Scale: 0, Prior: 0.45}, {Scale: 2 * hour, Prior: 0.25}, {Scale: day, Prior: 0.2}, {Scale: 4 * day, Prior: 0.1}},
	Behind: []dating.Lag{{Scale: 0, Stray: 0.15, Prior: 0.2}, {Scale: 0, Stray: 0.85, Prior: 0.35}, {Scale: 900, Stray: 0.15, Prior: 0.15},
		{Scale: 3 * hour, Stray: 0.15, Prior: 0.15}, {Scale: 1.5 * day, Stray: 0.15, Prior: 0.15}},
	StrayScale: 3 * day,
	Before:     0.04, After: 0.03, Few: 4,
	Reach: 365 * day,
	Parts: 4,
}

// ends is the same with time turned round. The last of many to be restored
// stands apart from the others, where the first of many to obey stands among
// them, so less is left beyond it.
var ends = func() dating.Model {
	m := onsets
	m.Before = 0.025
	return m
}()

// growth is how bans grow that are not in force at once.
var growth = dating.Growth{
	Step: 6 * hour, Before: 21 * day, After: 14 * day,
	Over:      []float64{2 * day, 2.7 * day, 3.6 * day, 4.9 * day, 6.6 * day, 8.9 * day, 12 * day, 16 * day, 20 * day},
	Strengths: []float64{0.3, 0.6, 0.93},
	From:      []float64{0, 0.1, 0.25},
	Within:    []float64{6 * hour, day, 4 * day, 35 * day},
	Enough:    6,
	Tail:      0.015,
}

// grew is the interval in which an event began that grew on all of its networks
// together, and whether it did. Of one network it is not asked: ok votes in its
// midst would bear on its date.
func (h *history) grew(parts []banned, firm *cluster, prev int64) (lo, hi int64, is bool) {
	if len(parts) < 2 {
		return 0, 0, false
	}
	var ws []dating.Witness
	for i := range parts {
		t := &h.nets[parts[i].net]
		b := t.usual(floorDay(firm.from)-int64(growth.Before), math.MaxInt64)
		in := slices.DeleteFunc(slices.Clone(t.obs), func(o obs) bool { return o.from <= prev || o.from > firm.to })
		ws = append(ws, dating.Witness{Votes: votesOf(in), Open: dating.Share{Bad: b.bad, Hard: b.hard}, Banned: dating.Share{Hard: firm.hard}})
	}
	lo, hi, is = growth.Began(ws, firm.from)
	return lo, hi, is && lo >= h.pooled.obs[0].from
}

// votesOf are observations as the dating model takes them.
func votesOf(o []obs) []dating.Vote {
	out := make([]dating.Vote, len(o))
	for i := range o {
		out[i] = dating.Vote{From: o[i].from, To: o[i].to, Hard: o[i].hard, Soft: o[i].soft, OK: o[i].ok}
	}
	return out
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

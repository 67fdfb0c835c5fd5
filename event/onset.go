package event

import (
	"cmp"
	"slices"

	"github.com/bandish/bandish/event/dating"
)

// This file dates a change: the posterior of its moment, given what several
// networks saw around it. See docs/DETECTION.md, "The date".

// orders is how orders are obeyed: the dating model and its priors.
var orders = dating.Model{
	Ahead: []dating.Lag{{Scale: 0, Prior: 0.45}, {Scale: 2 * hour, Prior: 0.25}, {Scale: day, Prior: 0.2}, {Scale: 4 * day, Prior: 0.1}},
	Behind: []dating.Lag{{Scale: 0, Stray: 0.15, Prior: 0.2}, {Scale: 0, Stray: 0.85, Prior: 0.35}, {Scale: 900, Stray: 0.15, Prior: 0.15},
		{Scale: 3 * hour, Stray: 0.15, Prior: 0.15}, {Scale: 1.5 * day, Stray: 0.15, Prior: 0.15}},
	StrayScale: 3 * day,
	Tail:       0.025, Few: 4, Plausible: 0.05,
	Reach: 365 * day,
	Parts: 4,
}

// posterior is the interval of a change, and whether the data bound it from
// below.
func posterior(ws []dating.Witness) (lo, hi int64, bounded bool) { return orders.Change(ws) }

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

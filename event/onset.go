package event

import (
	"math"
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/event/dating"
)

// This file dates a change: the posterior of its moment, given what several
// networks saw around it. See docs/DETECTION.md, "The date".

// ends is the model of ends: that of onsets with time turned round. The last of
// many to be restored stands apart from the others, where the first of many to
// obey stands among them, so less is left beyond it.
func ends() *dating.Model {
	m := set.Date.Model
	m.Before = set.Date.EndBefore
	return &m
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
		b := t.Usual(chain.FloorDay(firm.from)-int64(set.Date.Growth.Before), math.MaxInt64)
		in := slices.DeleteFunc(slices.Clone(t.Obs), func(o chain.Obs) bool { return o.From <= prev || o.From > firm.to })
		ws = append(ws, dating.Witness{Votes: votesOf(in), Open: dating.Share{Bad: b.Bad, Hard: b.Hard}, Banned: dating.Share{Hard: firm.hard}})
	}
	lo, hi, is = set.Date.Growth.Began(ws, firm.from)
	return lo, hi, is && lo >= h.pooled.Obs[0].From
}

// votesOf are observations as the dating model takes them.
func votesOf(o []chain.Obs) []dating.Vote {
	out := make([]dating.Vote, len(o))
	for i := range o {
		out[i] = dating.Vote{From: o[i].From, To: o[i].To, Hard: o[i].Hard, Soft: o[i].Soft, OK: o[i].OK}
	}
	return out
}

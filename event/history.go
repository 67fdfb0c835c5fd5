package event

import (
	"slices"

	"github.com/bandish/bandish/event/chain"
	"github.com/bandish/bandish/series"
)

// This file holds what is known of one target in one country: a track for each
// network, and one for all of them together (pooled).

// history is what is known of one target in one country.
type history struct {
	target string
	cells  []series.Cell // of whole measurements, sorted by network and time
	nets   []track
	pooled track
	need   float64 // the score that a stretch must have to be an event alone
}

// newHistory prepares the cells of one target in one country; cells must be in the
// order of series.Compare and not empty.
func newHistory(cells []series.Cell) *history {
	h := &history{target: cells[0].Target, cells: cells}
	for i := 0; i < len(cells); {
		j := i
		for j < len(cells) && cells[j].ASN == cells[i].ASN {
			j++
		}
		t := track{chain.Track{ASN: cells[i].ASN, Obs: chain.Observe(cells[i:j], int32(i), int32(len(h.nets)))}}
		if len(t.Obs) > 0 {
			h.nets = append(h.nets, t)
		}
		i = j
	}
	return h
}

// segment finds the runs of every network and of all together. With too few bad votes it
// leaves h.pooled empty. It returns scratch space for the next call.
func (h *history) segment(scratch []uint64) []uint64 {
	var all chain.Sums
	for i := range h.nets {
		all.Add(h.nets[i].Obs, nil)
	}
	if all.Hard+all.Soft < set.Chain.MinBadVotes {
		return scratch
	}
	h.pooled = h.pool()
	scratch = h.pooled.Fit(scratch, chain.Baseline{Bad: set.Chain.PriorHard + set.Chain.PriorSoft, Hard: set.Chain.PriorHard / (set.Chain.PriorHard + set.Chain.PriorSoft)})
	for i := range h.nets {
		t := &h.nets[i]
		var own chain.Sums
		own.Add(t.Obs, nil)
		if len(h.nets) == 1 {
			t.Base, t.Runs = h.pooled.Base, h.pooled.Runs
		} else if own.Hard+own.Soft >= set.Chain.MinBadVotes {
			scratch = t.Fit(scratch, h.pooled.Base)
		} else {
			t.Base = h.pooled.Base
		}
	}
	return scratch
}

// pool returns the track of all networks together.
func (h *history) pool() track {
	if len(h.nets) == 1 {
		return track{chain.Track{ASN: h.nets[0].ASN, Obs: h.nets[0].Obs}}
	}
	n := 0
	for i := range h.nets {
		n += len(h.nets[i].Obs)
	}
	p := track{chain.Track{Obs: make([]chain.Obs, 0, n)}}
	for i := range h.nets {
		p.Obs = append(p.Obs, h.nets[i].Obs...)
	}
	slices.SortFunc(p.Obs, chain.ByTime)
	return p
}

// track is the history of one network, or of all together.
type track struct{ chain.Track }

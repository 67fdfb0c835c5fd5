package event

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/dating"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// This file says whether a ban is over, and since when.

// conclude sets the event's end and state.
func (h *history) conclude(e *Event, c, firm *cluster, parts []banned, means []string, next, now int64) {
	end := h.pooled.Obs[len(h.pooled.Obs)-1].To
	lastBad, lastRestored := int64(math.MinInt64), int64(math.MinInt64)
	var ws []dating.Witness
	var doubtful []stretch // networks that nothing shows to be restored
	for i := range parts {
		s := parts[i].last()
		lastBad = max(lastBad, s.to)
		if parts[i].restored = h.restored(s, next, len(parts)); parts[i].restored {
			lastRestored = max(lastRestored, h.nets[s.net].Obs[s.end].From)
		} else {
			doubtful = append(doubtful, *s)
		}
		if w, ok := h.witness(&parts[i], firm, true, len(parts) == 1, next, means); ok && parts[i].dates {
			ws = append(ws, w)
		}
	}
	e.State = Ongoing
	if max(now, end)-lastBad > staleAfter(c, h.badVotes(c)) {
		e.State = Fading
	}
	if lastRestored == math.MinInt64 {
		return
	}
	if !h.confirmed(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "what came after the last blocked measurements was ok, but nearly all of it in one report, which cannot end an event alone")
		return
	}
	var still []string
	for _, s := range doubtful {
		if s.to > lastRestored {
			still = append(still, network.Name(h.nets[s.net].ASN))
		}
	}
	if len(still) > 0 {
		e.State = Fading
		e.Reasons = append(e.Reasons, "partly restored; still blocked on "+strings.Join(still, ", "))
		return
	}
	if h.resolverSwitched(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "the ok measurements after the last blocked ones came through other resolvers, so they do not show an end")
		return
	}
	if h.reckonedOtherwise(parts, next) {
		e.State = Fading
		e.Reasons = append(e.Reasons, "the ok measurements after the last blocked ones were judged by another ruleset, so they do not show an end")
		return
	}
	if len(ws) == 0 { // its last bad votes are all by other mechanisms than the event's
		e.State = Ended
		e.End = &Interval{Earliest: instant(min(lastBad, lastRestored)), Latest: instant(max(lastBad, lastRestored))}
		return
	}
	lo, hi, bounded := ends().Change(ws)
	if lo, hi = -hi, -lo; bounded {
		e.State = Ended
		e.End = &Interval{Earliest: instant(lo), Latest: instant(hi)}
	}
}

// restored reports whether what a network says after a stretch speaks for access
// more strongly than a few false ok votes would. Among many networks some show a
// few, so the threshold grows with their number.
func (h *history) restored(s *stretch, next int64, networks int) bool {
	t := &h.nets[s.net]
	need := set.Course.Restored + math.Log(float64(networks))
	w := t.accessWeights(s)
	sum := 0.0
	for k := s.end; k < len(t.Obs) && t.Obs[k].To < next; k++ {
		if sum += w.Of(&t.Obs[k]); sum < -need {
			return true
		}
	}
	return false
}

// confirmed reports whether the ok votes after the event are enough even without
// the loudest of their reports, where the source names reports. One submitter
// cannot end an event.
func (h *history) confirmed(parts []banned, next int64) bool {
	oks := map[uint32]float64{}
	named := false
	for i := range parts {
		s := parts[i].last()
		t := &h.nets[s.net]
		w := t.accessWeights(s)
		for k := s.end; k < len(t.Obs) && t.Obs[k].To < next; k++ {
			for _, v := range h.cells[t.Obs[k].Cell].Voices {
				named = true
				oks[v.Report] -= float64(v.OK) / series.Vote * w.OK
			}
		}
	}
	all, most := 0.0, 0.0
	for _, r := range slices.Sorted(maps.Keys(oks)) {
		all, most = all+oks[r], math.Max(most, oks[r])
	}
	return !named || all-most >= set.Course.Restored
}

// staleAfter returns how long silence may last, in seconds, before an event fades:
// the longer of two weeks and ten times the usual pause between bad votes.
func staleAfter(c *cluster, bad float64) int64 {
	return max(set.Course.Stale, set.Course.StaleTimes*int64(float64(c.to-c.from)/math.Max(bad, 1)))
}

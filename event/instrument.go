package event

import (
	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/series"
)

// This file asks whether a change may come from the instrument: whether it follows
// a label (a software version, a ruleset, a resolver) and not the time.

// labels adds up votes by network and by label of a kind, on the networks of the
// event: those just before the onset but after the event before, and those just
// after it.
func (h *history) labels(kind series.Kind, parts []banned, prev int64) map[artefact.Label]*artefact.Ratio {
	out := map[artefact.Label]*artefact.Ratio{}
	begin := parts[0].first().from
	for i := range parts {
		begin = min(begin, parts[i].first().from)
	}
	for i := range parts {
		s := parts[i].first()
		if s.from > begin+set.Label.JoinedLater {
			continue
		}
		o := h.nets[s.net].Obs
		seen := map[int32]bool{}
		for k := max(0, s.first-set.Label.Before); k < min(s.first+set.Label.Within, s.end); k++ {
			if seen[o[k].Cell] || o[k].From <= prev {
				continue
			}
			seen[o[k].Cell] = true
			for _, t := range h.cells[o[k].Cell].Tallies {
				if t.Kind != kind {
					continue
				}
				id := artefact.Label{Net: s.net, Name: t.Name}
				r := out[id]
				if r == nil {
					r = &artefact.Ratio{}
					out[id] = r
				}
				bad, ok := float64(t.Bad)/series.Vote, float64(t.OK)/series.Vote
				if k < s.first {
					r.BeforeBad, r.BeforeOK = r.BeforeBad+bad, r.BeforeOK+ok
				} else {
					r.AfterBad, r.AfterOK = r.AfterBad+bad, r.AfterOK+ok
				}
			}
		}
	}
	return out
}

// instrument says why the onset may come from the instrument, or returns "".
func (h *history) instrument(c *cluster, mechanisms []string, prev int64) string {
	parts := c.perNetwork()
	kinds := []series.Kind{series.Software, series.Ruleset}
	if artefact.DNSOnly(mechanisms) {
		kinds = append(kinds, series.Resolver)
	}
	for _, k := range kinds {
		by := h.labels(k, parts, prev)
		if len(by) == 1 && h.nets[parts[0].net].ASN == 0 {
			continue // all votes have one label; what never changed explains no change
		}
		if why := artefact.Follows(k, by); why != "" {
			return why
		}
	}
	return ""
}

// reckonedOtherwise reports whether an event seems to end only because later
// measurements were judged by another ruleset, or counted by somebody else.
func (h *history) reckonedOtherwise(parts []banned, next int64) bool {
	during, after := map[string]float64{}, map[string]float64{}
	for i := range parts {
		s := parts[i].last()
		o := h.nets[s.net].Obs
		for k := s.first; k < len(o) && k < s.end+set.Label.Before && o[k].To < next; k++ {
			for _, t := range h.cells[o[k].Cell].Tallies {
				switch {
				case t.Kind != series.Ruleset:
				case k < s.end:
					during[t.Name] += float64(t.Bad)
				default:
					after[t.Name] += float64(t.OK)
				}
			}
		}
	}
	var all, shared float64
	for _, n := range sortedKeys(after) {
		all += after[n]
		if during[n] > 0 {
			shared += after[n]
		}
	}
	return len(during) > 0 && all > 0 && shared < set.Label.Shared*all
}

// resolverSwitched reports whether a ban by DNS seems to end only because later
// measurements used other resolvers than the blocked ones.
func (h *history) resolverSwitched(parts []banned, next int64) bool {
	bad, ok := map[string]float64{}, map[string]float64{}
	mech := map[string]float64{}
	for i := range parts {
		s := parts[i].last()
		o := h.nets[s.net].Obs
		for k := s.first; k < len(o) && k < s.end+set.Label.Before && o[k].To < next; k++ {
			for _, t := range h.cells[o[k].Cell].Tallies {
				switch {
				case k < s.end && t.Kind == series.Mechanism:
					mech[t.Name] += float64(t.Bad)
				case k < s.end && t.Kind == series.Resolver:
					bad[t.Name] += float64(t.Bad)
				case k >= s.end && t.Kind == series.Resolver:
					ok[t.Name] += float64(t.OK)
				}
			}
		}
	}
	if !artefact.DNSOnly(top(mech)) || len(bad) == 0 || len(ok) == 0 {
		return false
	}
	var all, shared float64
	for _, n := range sortedKeys(ok) {
		all += ok[n]
		if bad[n] > 0 {
			shared += ok[n]
		}
	}
	return shared < set.Label.Shared*all
}

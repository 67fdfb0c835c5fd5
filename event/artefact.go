package event

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/series"
)

// This file asks whether a change may come from the instrument: whether it
// follows a label (a software version, a ruleset, a resolver) and not the time.

const (
	labelOverlap = 1.5       // votes of labels seen on both sides, to compare within
	labelRise    = 0.15      // a rise within labels below it is none
	joinedLater  = 7 * 86400 // networks that join so late say nothing of the onset
	labelPure    = 0.9       // share of the leading label for a switch
)

// ratio is the votes of one label on both sides of a change.
type ratio struct{ beforeBad, beforeOK, afterBad, afterOK float64 }

func (r *ratio) before() float64 { return r.beforeBad + r.beforeOK }
func (r *ratio) after() float64  { return r.afterBad + r.afterOK }

// label is a name on a network.
type label struct {
	net  int
	name string
}

// labels adds up, by network and label of a kind, the votes just before the
// onset and just after it on the networks of the event.
func (h *history) labels(kind series.Kind, parts []banned) map[label]*ratio {
	out := map[label]*ratio{}
	begin := parts[0].first().from
	for i := range parts {
		begin = min(begin, parts[i].first().from)
	}
	for i := range parts {
		s := parts[i].first()
		if s.from > begin+joinedLater {
			continue
		}
		o := h.nets[s.net].obs
		seen := map[int32]bool{}
		for k := max(0, s.first-beforeVotes); k < min(s.first+withinVotes, s.end); k++ {
			if seen[o[k].cell] {
				continue
			}
			seen[o[k].cell] = true
			for _, t := range h.cells[o[k].cell].Tallies {
				if t.Kind != kind {
					continue
				}
				id := label{s.net, t.Name}
				r := out[id]
				if r == nil {
					r = &ratio{}
					out[id] = r
				}
				bad, ok := float64(t.Bad)/series.Vote, float64(t.OK)/series.Vote
				if k < s.first {
					r.beforeBad, r.beforeOK = r.beforeBad+bad, r.beforeOK+ok
				} else {
					r.afterBad, r.afterOK = r.afterBad+bad, r.afterOK+ok
				}
			}
		}
	}
	return out
}

// follows says that the onset follows a label of the kind, or "".
func follows(kind series.Kind, by map[label]*ratio) string {
	ids := slices.SortedFunc(maps.Keys(by), func(a, b label) int {
		return cmp.Or(cmp.Compare(a.net, b.net), strings.Compare(a.name, b.name))
	})
	var sum ratio
	var overlap, rise float64
	names := map[string]bool{}
	leadBefore, leadAfter := map[int]float64{}, map[int]float64{} // votes of each network's leading label
	for _, id := range ids {
		r := by[id]
		names[id.name] = true
		sum.beforeBad, sum.beforeOK = sum.beforeBad+r.beforeBad, sum.beforeOK+r.beforeOK
		sum.afterBad, sum.afterOK = sum.afterBad+r.afterBad, sum.afterOK+r.afterOK
		leadBefore[id.net], leadAfter[id.net] = math.Max(leadBefore[id.net], r.before()), math.Max(leadAfter[id.net], r.after())
		if w := r.before() * r.after() / math.Max(r.before()+r.after(), 1e-9); w > 0 {
			overlap += w
			rise += w * (r.afterBad/r.after() - r.beforeBad/r.before())
		}
	}
	if sum.before() < 4 || sum.after() < 3 || len(names) < 2 { // what never changed explains no change
		return ""
	}
	switch {
	case overlap >= labelOverlap && rise/overlap < labelRise:
		return fmt.Sprintf("follows the %s: where it stayed the same, nothing changed", kind)
	case overlap < 0.5 && total(leadBefore) >= labelPure*sum.before() && total(leadAfter) >= labelPure*sum.after():
		return fmt.Sprintf("coincides with a change of %s", kind)
	}
	return ""
}

func total(m map[int]float64) float64 {
	sum := 0.0
	for _, k := range slices.Sorted(maps.Keys(m)) {
		sum += m[k]
	}
	return sum
}

// instrument says why the onset may come from the instrument, or "".
func (h *history) instrument(c *cluster, mechanisms []string) string {
	parts := c.perNetwork()
	kinds := []series.Kind{series.Software, series.Ruleset}
	if dnsOnly(mechanisms) {
		kinds = append(kinds, series.Resolver)
	}
	for _, k := range kinds {
		if why := follows(k, h.labels(k, parts)); why != "" {
			return why
		}
	}
	return ""
}

func dnsOnly(mechanisms []string) bool {
	for _, m := range mechanisms {
		if !strings.HasPrefix(m, "dns") {
			return false
		}
	}
	return len(mechanisms) > 0
}

// reckonedOtherwise reports whether an event seems to end only because what
// came later was judged by another ruleset, or counted by somebody else.
func (h *history) reckonedOtherwise(parts []banned, next int64) bool {
	during, after := map[string]float64{}, map[string]float64{}
	for i := range parts {
		s := parts[i].last()
		o := h.nets[s.net].obs
		for k := s.first; k < len(o) && k < s.end+beforeVotes && o[k].to < next; k++ {
			for _, t := range h.cells[o[k].cell].Tallies {
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
	return len(during) > 0 && all > 0 && shared < 0.1*all
}

// resolverSwitched reports whether a ban by DNS seems to end only because the
// later measurements came through other resolvers than the blocked ones.
func (h *history) resolverSwitched(parts []banned, next int64) bool {
	bad, ok := map[string]float64{}, map[string]float64{}
	mech := map[string]float64{}
	for i := range parts {
		s := parts[i].last()
		o := h.nets[s.net].obs
		for k := s.first; k < len(o) && k < s.end+beforeVotes && o[k].to < next; k++ {
			for _, t := range h.cells[o[k].cell].Tallies {
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
	if !dnsOnly(top(mech)) || len(bad) == 0 || len(ok) == 0 {
		return false
	}
	var all, shared float64
	for _, n := range sortedKeys(ok) {
		all += ok[n]
		if bad[n] > 0 {
			shared += ok[n]
		}
	}
	return shared < 0.1*all
}

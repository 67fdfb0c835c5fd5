package event

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// This file looks at the hosts and tests of one target. Where they agree they are
// counted together. Where only some fail, the event is of these and names them.
// What one part shows and the others hide is found here.

// partsOf returns the cells of each part of a target, by the part's name.
func partsOf(cells []series.Cell, target string) map[string][]series.Cell {
	out := map[string][]series.Cell{}
	votes := map[string]float64{}
	for i := range cells {
		if c := &cells[i]; c.Target == target {
			name := strings.TrimPrefix(c.Layer, series.PartPrefix)
			out[name] = append(out[name], *c)
			votes[name] += float64(c.VoteBlocked+c.VoteImpaired+c.VoteOK) / series.Vote
		}
	}
	names := sortedKeys(out)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(votes[b], votes[a]) })
	for i, n := range names {
		if i >= set.Parts.Most || votes[n] < set.Parts.Votes {
			delete(out, n)
		}
	}
	if len(out) < 2 {
		return nil
	}
	return out
}

// split narrows events of a target to the parts that show them, and adds events of
// single parts.
func (d *finder) split(events []Event, parts map[string][]series.Cell) []Event {
	if len(parts) == 0 {
		return events
	}
	var own []Event // events of each part alone
	for _, name := range sortedKeys(parts) {
		own = append(own, d.ofParts([]string{name}, parts, nil)...)
	}
	var out []Event
	for _, e := range events {
		struck, selective := struckBy(&e, parts)
		groups := together(own, &e, struck)
		switch {
		case len(groups) > 1, len(groups) == 1 && e.Onset.known() && !meet(groups[0].Onset, e.Onset):
			for _, g := range groups {
				out = append(out, d.ofParts(g.Of, parts, &g)...)
			}
		case selective:
			some := d.ofParts(struck, parts, &e)
			if len(some) == 0 {
				e.tell(struck)
				some = []Event{e}
			}
			out = append(out, some...)
		default:
			out = append(out, e)
		}
	}
	for _, e := range own { // events that the other parts hide
		if struck, selective := struckBy(&e, parts); selective && !slices.ContainsFunc(out, e.sharesTime) {
			out = append(out, d.ofParts(struck, parts, &e)...)
		}
	}
	return out
}

// together groups the events of single parts that share time with e and begin
// together. Each group names its parts.
func together(own []Event, e *Event, struck []string) []Event {
	var groups []Event
	for _, o := range own {
		if !o.sharesTime(*e) || !slices.Contains(struck, o.Of[0]) || !o.Onset.known() {
			continue
		}
		i := slices.IndexFunc(groups, func(g Event) bool { return meet(g.Onset, o.Onset) && g.sharesTime(o) })
		if i < 0 {
			groups = append(groups, o)
			continue
		}
		g := &groups[i]
		g.Of = append(slices.Clone(g.Of), o.Of...)
		slices.Sort(g.Of)
		g.Of = slices.Compact(g.Of)
		g.Onset = shared([]Interval{g.Onset, o.Onset})
		g.primary.from, g.primary.to = min(g.primary.from, o.primary.from), max(g.primary.to, o.primary.to)
	}
	return groups
}

func (e *Event) sharesTime(o Event) bool {
	return o.primary.from <= e.primary.to && e.primary.from <= o.primary.to
}

// struckBy returns the parts that fail during an event on its networks, and whether
// other parts work in that time.
func struckBy(e *Event, parts map[string][]series.Cell) (names []string, is bool) {
	during := map[string]*artefact.Tally{}
	for name, cells := range parts {
		t := &artefact.Tally{}
		for i := range cells {
			c := &cells[i]
			if c.End() > e.primary.from && c.Start <= e.primary.to && (len(e.Networks) == 0 || slices.Contains(e.Networks, network.Name(c.ASN))) {
				t.Bad += float64(c.VoteBlocked+c.VoteImpaired) / series.Vote
				t.OK += float64(c.VoteOK) / series.Vote
			}
		}
		during[name] = t
		if t.Bad+t.OK > 0 && t.Share() > set.Defect.Spared {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, t := range during {
		is = is || t.Bad+t.OK >= set.Defect.SparedVotes && t.Share() <= set.Defect.Spared
	}
	return names, is && len(names) > 0
}

// ofParts returns the events that some parts show together; where e is given, only
// those that share time with it.
func (d *finder) ofParts(names []string, parts map[string][]series.Cell, e *Event) []Event {
	var cells []series.Cell
	for _, n := range names {
		cells = append(cells, parts[n]...)
	}
	if len(cells) == 0 {
		return nil
	}
	slices.SortStableFunc(cells, func(a, b series.Cell) int {
		return cmp.Or(cmp.Compare(a.ASN, b.ASN), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Span, b.Span), strings.Compare(a.Layer, b.Layer))
	})
	odd := len(d.odd)
	out := d.target(cells)
	d.odd = d.odd[:odd] // artefacts of the whole target are reported once
	out = slices.DeleteFunc(out, func(o Event) bool {
		return e != nil && !e.sharesTime(o)
	})
	for i := range out {
		out[i].tell(names)
	}
	return out
}

// tell writes into the event which parts of its target it is of.
func (e *Event) tell(parts []string) {
	e.Of = parts
	e.Scope = scope(e)
	e.Reasons = append(e.Reasons, "of the target's hosts and tests, "+strings.Join(parts, ", ")+" alone; the others worked, or changed at another time")
}

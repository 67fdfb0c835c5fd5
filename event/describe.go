package event

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/series"
)

// This file fills in what can be counted in an event: measurements, confidence,
// reasons, evidence.

// count adds the measurements of a cell to c.
func (c *Counts) count(cell *series.Cell) {
	c.Blocked += int(cell.Blocked + cell.Likely)
	c.OK += int(cell.OK)
	c.Down += int(cell.Down)
	c.Inconclusive += int(cell.Impaired + cell.Insufficient)
	c.Measurements += int(cell.Measurements)
}

// describe fills in what can be counted.
func (h *history) describe(e *Event, c *cluster, parts []banned) {
	mech := map[string]float64{}
	reports := map[uint32]bool{}
	truncated := false
	listed := 0
	e.Counts, listed = Counts{}, 0
	h.within(c, parts, func(cell *series.Cell) {
		e.Counts.count(cell)
		listed += int(cell.Reports)
		truncated = truncated || int(cell.Reports) > len(cell.Voices)
		for _, v := range cell.Voices {
			reports[v.Report] = true
		}
		for _, t := range cell.Tallies {
			if t.Kind == series.Mechanism {
				mech[t.Name] += float64(t.Bad)
			}
		}
	})
	e.Counts.Reports = len(reports)
	if truncated {
		e.Counts.Reports = listed
	}
	e.Mechanisms = top(mech)
	if len(e.Mechanisms) > 0 && strings.Contains(e.Mechanisms[0], "throttl") {
		e.Kind = Throttling
	}
	e.Phases = h.phases(e, c, parts)
	e.Evidence = h.evidence(parts)
	e.Confidence = confidence(c, parts)
	e.Scope = scope(e)
	e.Reasons = append(h.reasons(e, c, parts), e.Reasons...)
}

// confidence returns a number from 0 to 1. It grows with the evidence that remains
// without the loudest report and without what a false alarm could show.
func confidence(c *cluster, parts []banned) float64 {
	x := 1 - math.Exp(-(c.joint-c.loudest-set.Course.SureOffset)/set.Course.SureScale)
	if len(parts) == 1 {
		x *= set.Course.SureOne
	}
	if c.weak {
		x *= set.Course.SureWeak
	}
	if c.always {
		x *= set.Course.SureAlways
	}
	return math.Round(math.Min(math.Max(x, 0.05), 0.99)*100) / 100
}

func (h *history) reasons(e *Event, c *cluster, parts []banned) []string {
	var base, rate, votes float64
	for _, p := range parts {
		for _, s := range p.spans {
			n := float64(s.end - s.first)
			base += h.nets[s.net].Base.Bad * n
			rate += s.rate * n
			votes += n
		}
	}
	out := []string{fmt.Sprintf("%d of %d measurements were blocked or unclear, those left out that were down for the control too; usually %.0f %% are",
		e.Counts.Blocked+e.Counts.Inconclusive, e.Counts.Blocked+e.Counts.Inconclusive+e.Counts.OK, 100*base/votes)}
	switch {
	case c.always:
		out = append(out, "the measurements say that something is wrong, not what, and there is no time without it to compare with: the event rests on how nearly all of them fail, on all networks")
	case c.weak:
		out = append(out, "the measurements say that something is wrong, not what: the event rests on their contrast with the time before or after")
	}
	switch {
	case e.Onset.Earliest == nil:
		out = append(out, "it began before the data, or before the networks were measured")
	case len(e.Networks) == 0:
		out = append(out, "the source names no networks: on some of them it may be older, and show only since more measurements came from there")
	}
	return out
}

func scope(e *Event) string {
	what := e.Target
	if n := len(e.Targets); n > 1 {
		what = strings.Join(e.Targets[:n-1], ", ") + " and " + e.Targets[n-1]
	}
	if len(e.Of) > 0 {
		what += " (" + strings.Join(e.Of, ", ") + ")"
	}
	switch n := len(e.Networks); n {
	case 0:
		return what
	case 1:
		return what + " on " + e.Networks[0]
	default:
		return fmt.Sprintf("%s on %d networks", what, n)
	}
}

// evidence returns uids of the measurements around the event's edges on each
// network: the last ok one before, the first and the last bad one, the first ok one
// after.
func (h *history) evidence(parts []banned) []string {
	type item struct {
		at  int64
		uid string
	}
	var items []item
	add := func(at int64, uid string) {
		if uid != "" {
			items = append(items, item{at, uid})
		}
	}
	for i := range parts {
		f, l := parts[i].first(), parts[i].last()
		o := h.nets[f.net].Obs
		if c := &h.cells[o[f.first].Cell]; c.LastOK != 0 && c.LastOK < c.FirstBad {
			add(c.LastOK, c.LastOKUID)
		} else if f.first > 0 {
			b := &h.cells[o[f.first-1].Cell]
			add(b.LastOK, b.LastOKUID)
		}
		for k, n := f.first, 0; k < f.end && n < 3; k++ {
			if o[k].Bad() > 0 {
				b := &h.cells[o[k].Cell]
				add(b.FirstBad, b.FirstBadUID)
				n++
			}
		}
		b := &h.cells[o[l.end-1].Cell]
		add(b.LastBad, b.LastBadUID)
		if l.end < len(o) {
			a := &h.cells[o[l.end].Cell]
			add(a.FirstOK, a.FirstOKUID)
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.uid, b.uid)) })
	items = slices.Compact(items)
	out := []string{}
	for i, it := range items {
		if len(items) <= set.Course.Evidence || i < set.Course.Evidence/2 || i >= len(items)-set.Course.Evidence/2 {
			out = append(out, it.uid)
		}
	}
	return out
}

package event

import (
	"cmp"
	"math"
	"slices"

	"github.com/bandish/bandish/event/dating"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// This file makes an event from a cluster: its dates, counts, phases and evidence.

// leaveLate removes from a cluster the networks that say little and begin more than
// a day after the networks that say most have ended: what fails there then does not
// belong to the event. It reports whether it removed any.
func (h *history) leaveLate(c *cluster, parts []banned) bool {
	most, over := 0.0, int64(math.MinInt64)
	for i := range parts {
		most = math.Max(most, parts[i].score())
	}
	for i := range parts {
		if p := &parts[i]; p.score() >= math.Min(most, h.need) {
			over = max(over, h.nets[p.net].Obs[p.firm.last].To)
		}
	}
	n := len(c.spans)
	for i := range parts {
		if p := &parts[i]; p.score() < math.Min(most, h.need) && h.nets[p.net].Obs[p.firm.first].From > over+86400 {
			c.spans = slices.DeleteFunc(c.spans, func(s stretch) bool { return s.net == p.net })
		}
	}
	return len(c.spans) < n
}

// event makes the event of a cluster. prev is when the event before it ended and
// next is when the event after it begins, in Unix seconds. now is the end of the
// window.
func (h *history) event(c *cluster, prev, next, now int64) Event {
	parts := c.perNetwork()
	e := Event{Kind: Block, Target: h.target, Targets: []string{h.target}, CC: h.cells[0].CC, Networks: []string{}, Detector: Version,
		primary: anchor{c.from, c.to}, always: c.always, mainly: h.mainly(c)}
	means, firm := h.means(c), h.firm(c, parts)
	if h.leaveLate(c, parts) {
		parts = c.perNetwork()
		means, firm = h.means(c), h.firm(c, parts)
	}
	c.trim(h, firm.from, firm.to)
	parts = c.perNetwork()
	h.firm(c, parts)
	h.choose(parts, firm)
	e.primary = anchor{c.from, c.to}
	var ws []dating.Witness
	for i := range parts {
		if w, ok := h.witness(&parts[i], firm, false, len(parts) == 1, prev, means); ok && parts[i].dates {
			ws = append(ws, w)
		}
		if asn := h.nets[parts[i].net].ASN; asn != 0 {
			e.Networks = append(e.Networks, network.Name(asn))
		}
	}
	lo, hi, bounded := set.Date.Model.Change(ws)
	if from, to, grew := h.grew(parts, firm, prev); grew {
		lo, hi, bounded = from, to, true
		e.Reasons = append(e.Reasons, "its failures became more over days on all of its networks together, so that it is dated as a ban that grows")
	}
	e.Onset.Latest = instant(hi)
	if bounded {
		e.Onset.Earliest = instant(lo)
	} else {
		e.Onset.Latest = instant(c.from)
	}
	h.conclude(&e, c, firm, parts, means, next, now)
	h.describe(&e, c, parts)
	for i := range parts {
		if h.nets[parts[i].net].ASN != 0 {
			e.ByNetwork = append(e.ByNetwork, h.onNetwork(&parts[i], c, firm, prev, next, means))
		}
	}
	return e
}

// onNetwork says what one network showed of an event.
func (h *history) onNetwork(p *banned, c, firm *cluster, prev, next int64, means []string) OnNetwork {
	t := &h.nets[p.net]
	n := OnNetwork{Network: network.Name(t.ASN), Onset: Interval{Latest: instant(t.Obs[p.firm.first].From)}}
	if w, _ := h.witness(p, firm, false, true, prev, means); len(w.Votes) > 0 {
		n.Before.Usual = math.Round(w.Open.Bad*1000) / 1000
		if lo, hi, bounded := set.Date.Model.Change([]dating.Witness{w}); bounded {
			n.Onset = Interval{instant(lo), instant(hi)}
		}
	}
	if w, _ := h.witness(p, firm, true, true, next, means); p.restored && len(w.Votes) > 0 {
		if lo, hi, bounded := ends().Change([]dating.Witness{w}); bounded {
			n.End = &Interval{instant(-hi), instant(-lo)}
		}
	}
	reports := map[uint32]bool{}
	i, _ := slices.BinarySearchFunc(h.cells, t.ASN, func(c series.Cell, a uint32) int { return cmp.Compare(c.ASN, a) })
	for ; i < len(h.cells) && h.cells[i].ASN == t.ASN; i++ {
		cell := &h.cells[i]
		switch {
		case cell.End() <= c.from:
			n.Before.OK += int(cell.OK)
			n.Before.Bad += int(cell.Bad())
		case cell.Start <= c.to:
			n.Counts.count(cell)
			for _, v := range cell.Voices {
				reports[v.Report] = true
			}
		}
	}
	n.Counts.Reports = len(reports)
	return n
}

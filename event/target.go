package event

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/bandish/bandish/series"
)

// This file finds the events of one target in one country.

// finder finds the events of targets and collects artefacts.
type finder struct {
	now     int64   // the end of the window in Unix seconds
	odd     []Event // artefacts
	scratch []uint64
}

// strengthen counts impaired votes as blocked where a public name got an address
// that no public server can have. One such answer may come from a router at home,
// so without a control the rules say impaired. From many reports it is as clear as
// a block.
func strengthen(cells []series.Cell) {
	for i := range cells {
		c := &cells[i]
		if c.VoteImpaired == 0 {
			continue
		}
		var bogon uint64
		for _, t := range c.Tallies {
			if t.Kind == series.Mechanism && strings.HasSuffix(t.Name, ".bogon") {
				bogon += uint64(t.Bad)
			}
		}
		bad := uint64(c.VoteBlocked) + uint64(c.VoteImpaired)
		more := uint32(uint64(c.VoteImpaired) * min(bogon, bad) / bad)
		c.VoteBlocked, c.VoteImpaired = c.VoteBlocked+more, c.VoteImpaired-more
	}
}

// target returns the events of one target in one country.
func (d *finder) target(cells []series.Cell) []Event {
	if who, ok := loudReport(cells); ok {
		cells = slices.Clone(cells)
		for i := range cells {
			takeOut(&cells[i], who)
		}
	}
	h := newHistory(cells)
	if len(h.nets) == 0 {
		return nil
	}
	d.scratch = h.segment(d.scratch)
	if len(h.pooled.Obs) == 0 {
		return nil
	}
	var cs []cluster
	for _, c := range h.sharpened(h.clusters()) {
		if c, why := h.judge(c); why == "" && !d.oneVoice(h, &c) {
			cs = append(cs, c)
		}
	}
	slices.SortFunc(cs, func(a, b cluster) int { return cmp.Compare(a.from, b.from) })
	var out []Event
	for i := range cs {
		prev, next := int64(math.MinInt64), int64(math.MaxInt64)
		if i > 0 {
			prev = cs[i-1].to
		}
		if i+1 < len(cs) {
			next = cs[i+1].from
		}
		e := h.event(&cs[i], prev, next, d.now)
		if why := h.instrument(&cs[i], e.Mechanisms, prev); why != "" {
			e.Artefact = why
			d.odd = append(d.odd, e)
			continue
		}
		out = append(out, e)
	}
	if len(out) > 0 {
		sum := HashCells(cells)
		for i := range out {
			out[i].InputHash = sum
		}
	}
	return out
}

// oneVoice reports whether a cluster would not be found without its loudest report,
// where that report says much more than a report does that measures a target once.
func (d *finder) oneVoice(h *history, c *cluster) bool {
	_, _, loudest, who := h.voices(c)
	if loudest < set.Candidate.MuchForOne {
		return false
	}
	cells := slices.Clone(h.cells)
	for i := range cells {
		takeOut(&cells[i], who)
	}
	rest := newHistory(cells)
	if len(rest.nets) == 0 {
		return true
	}
	d.scratch = rest.segment(d.scratch)
	return len(rest.pooled.Obs) == 0 || !slices.ContainsFunc(rest.clusters(), func(o cluster) bool {
		_, why := rest.judge(o)
		return o.from <= c.to && o.to >= c.from && why == ""
	})
}

// loudReport returns the report that has several times the votes of any other
// report on a target; false for none. A report is one run of a probe and measures a
// target once. A report that goes on for days on several networks at once must not
// outweigh the others.
func loudReport(cells []series.Cell) (who uint32, is bool) {
	var heard []series.Voice
	for i := range cells {
		heard = append(heard, cells[i].Voices...)
	}
	slices.SortFunc(heard, func(a, b series.Voice) int { return cmp.Compare(a.Report, b.Report) })
	var most, second uint64
	for i := 0; i < len(heard); {
		votes, j := uint64(0), i
		for ; j < len(heard) && heard[j].Report == heard[i].Report; j++ {
			votes += uint64(heard[j].Bad) + uint64(heard[j].OK)
		}
		if votes > most {
			most, second, who = votes, most, heard[i].Report
		} else if votes > second {
			second = votes
		}
		i = j
	}
	return who, most >= set.Candidate.LoudVotes*series.Vote && most >= set.Candidate.LoudTimes*second
}

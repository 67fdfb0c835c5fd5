package event

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/event/artefact"
	"github.com/bandish/bandish/event/darkness"
	"github.com/bandish/bandish/series"
)

// Result is what was found: the events, sorted by country and onset, and the
// changes that looked like events but are the instrument's.
type Result struct {
	Events    []Event
	Artefacts []Event
}

// Detector takes the cells of one country after the other, so that memory
// holds one country's cells at a time.
type Detector struct {
	now     int64
	found   []Event
	odd     []Event // artefacts
	watched map[string]map[string]*presence
	dark    []darkness.Presence
	scratch []uint64
}

// NewDetector makes a detector. now is the end of the window, for saying that
// an event fades; the zero time leaves that to each series' own last cell.
func NewDetector(now time.Time) *Detector {
	d := &Detector{now: math.MinInt64, watched: map[string]map[string]*presence{}}
	if !now.IsZero() {
		d.now = now.Unix()
	}
	return d
}

// Detect finds the events in cells.
func Detect(cells []series.Cell, now time.Time) Result {
	d := NewDetector(now)
	cells = slices.Clone(cells)
	series.Sort(cells)
	for c := range byKey(cells, func(c *series.Cell) string { return c.CC }) {
		d.Country(c)
	}
	return d.Finish()
}

// byKey cuts sorted cells into the stretches with one key.
func byKey(cells []series.Cell, key func(*series.Cell) string) iter.Seq[[]series.Cell] {
	return func(yield func([]series.Cell) bool) {
		for i := 0; i < len(cells); {
			j := i + 1
			for j < len(cells) && key(&cells[j]) == key(&cells[i]) {
				j++
			}
			if !yield(cells[i:j]) {
				return
			}
			i = j
		}
	}
}

// latest is the last moment that a cell may begin: the year 2200.
const latest = 7258118400

// Country takes all cells of one country, sorted (series.Sort). Cells of a
// layer, and those of impossible times, are left out. The cells may be changed.
func (d *Detector) Country(cells []series.Cell) {
	var parts []series.Cell
	cells = slices.DeleteFunc(series.DropSingleParts(cells), func(c series.Cell) bool {
		if strings.HasPrefix(c.Layer, series.PartPrefix) {
			parts = append(parts, c)
		}
		return c.Layer != series.Whole || c.Start < 0 || c.Start > latest || c.Span <= 0 || c.Span > 7*86400
	})
	if len(cells) == 0 {
		return
	}
	strengthen(cells)
	strengthen(parts)
	failures, silenced := artefact.Defects(cells)
	artefact.Mute(parts, silenced)
	if k, is := darkness.Of(cells); is {
		d.dark = append(d.dark, k)
	}
	var events []Event
	for target := range byKey(cells, func(c *series.Cell) string { return c.Target }) {
		d.see(target)
		of := d.split(d.target(target), partsOf(parts, target[0].Target))
		events = append(events, append(of, d.scheduled(target, of)...)...)
	}
	events, odd := soundNetworks(cells, failures, events)
	d.odd = append(d.odd, odd...)
	d.found = append(d.found, group(events)...)
}

// strengthen counts as blocked what was impaired because a public name got an
// address that no public server can have. One such answer may come from a
// router at home, so the rules say impaired where there is no control; of many
// reports it is as plain as a block.
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

// target finds the events of one target in one country.
func (d *Detector) target(cells []series.Cell) []Event {
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
	cs := slices.DeleteFunc(h.sharpened(h.clusters()), func(c cluster) bool { return h.reject(&c) != "" || d.oneVoice(h, &c) })
	slices.SortFunc(cs, func(a, b cluster) int { return cmp.Compare(a.from, b.from) })
	var out []Event
	for i := range cs {
		h.reject(&cs[i])
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

// oneVoice reports whether a cluster is not found without the loudest of its
// reports, where that one says much more than reports do that measure a target
// once.
func (d *Detector) oneVoice(h *history, c *cluster) bool {
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
		return o.from <= c.to && o.to >= c.from && rest.reject(&o) == ""
	})
}

// Finish compares the countries and returns what was found. More countries may
// be given after it, and Finish called again.
func (d *Detector) Finish() Result {
	kept, odd := d.world()
	kept = append(kept, shutdowns(d.dark, d.now)...)
	odd = append(odd, d.odd...)
	number(kept)
	number(odd)
	sortEvents(kept)
	sortEvents(odd)
	for i := range kept {
		kept[i].Flaws = Check(&kept[i])
	}
	return Result{Events: kept, Artefacts: odd}
}

func sortEvents(es []Event) {
	slices.SortFunc(es, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), cmp.Compare(a.primary.from, b.primary.from), strings.Compare(a.ID, b.ID))
	})
}

// number gives ids: country, first target, quarter of the year in which the
// first bad measurement lies and, of a second ban in the same quarter, which it
// is. The moment itself is not in it, so that sharper dates leave the id alone,
// and a ban that is found in another quarter leaves it alone, too.
func number(es []Event) {
	slices.SortFunc(es, func(a, b Event) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), strings.Compare(a.Target, b.Target),
			cmp.Compare(a.primary.from, b.primary.from), cmp.Compare(a.primary.to, b.primary.to))
	})
	n := map[string]int{}
	for i := range es {
		e := &es[i]
		name := e.Target
		if e.Kind == Shutdown {
			name = "shutdown"
			if len(e.Networks) == 1 {
				name += "-" + strings.ToLower(e.Networks[0])
			}
		}
		from := time.Unix(e.primary.from, 0).UTC()
		e.ID = fmt.Sprintf("%s-%s-%dq%d", strings.ToLower(e.CC), name, from.Year(), (from.Month()+2)/3)
		if e.Artefact != "" {
			e.ID = "artefact-" + e.ID
		}
		stem := e.ID
		if n[stem]++; n[stem] > 1 {
			e.ID = fmt.Sprintf("%s-%d", stem, n[stem])
		}
	}
}

// HashCells is the SHA-256 over what the model reads of the cells, in hex.
func HashCells(cells []series.Cell) string {
	s := sha256.New()
	buf := make([]byte, 0, 256)
	for i := range cells {
		buf = appendCell(buf[:0], &cells[i])
		s.Write(buf)
	}
	return sum(s)
}

func sum(s hash.Hash) string { return hex.EncodeToString(s.Sum(nil)) }

func appendCell(b []byte, c *series.Cell) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	num := func(n ...int64) {
		for _, v := range n {
			b = binary.AppendVarint(b, v)
		}
	}
	text(c.CC)
	text(c.Target)
	text(c.Layer)
	num(int64(c.ASN), c.Start, c.Span, int64(c.Measurements), int64(c.OK), int64(c.Blocked), int64(c.Likely), int64(c.Impaired),
		int64(c.Down), int64(c.Insufficient), int64(c.Aside), int64(c.Reports), int64(c.VoteBlocked), int64(c.VoteImpaired),
		int64(c.VoteOK), int64(c.VoteDown), c.FirstBad, c.LastBad, c.FirstOK, c.LastOK)
	text(c.FirstBadUID)
	text(c.LastBadUID)
	text(c.FirstOKUID)
	text(c.LastOKUID)
	for _, v := range c.Voices {
		num(int64(v.Report), int64(v.Bad), int64(v.OK))
	}
	for _, t := range c.Tallies {
		text(string(t.Kind))
		text(t.Name)
		num(int64(t.Bad), int64(t.OK))
	}
	return b
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

package series

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// Build counts rows into cells of the given span (Hour or Day), in the order of
// Compare.
func Build(rows iter.Seq[verdict.Row], span time.Duration) []Cell {
	b := NewBuilder(span)
	for r := range rows {
		b.Add(&r)
	}
	return b.Cells()
}

// Builder makes cells from rows that are added one by one. Its memory grows with
// the number of rows, so it should get one country at a time.
type Builder struct {
	span   int64
	layers bool
	parts  bool
	seen   map[string]struct{}
	groups map[groupKey]*group
	names  map[string]string // one copy of each text that repeats
}

// groupKey is the key of one cell.
type groupKey struct {
	cc, target string
	asn        uint32
	layer      string
	start      int64
}

// group collects the measurements of one cell.
type group struct {
	cell  Cell
	marks []mark
}

// mark holds what the count of votes needs to know of one measurement.
type mark struct {
	report                      string
	out                         outcome
	mechanisms, rules           []string
	software, resolver, ruleset string
}

type outcome uint8

const (
	outOK outcome = iota
	outBlocked
	outImpaired
	outDown
	outNone
)

// NewBuilder returns a builder of cells for whole measurements, of the given span.
func NewBuilder(span time.Duration) *Builder {
	return &Builder{
		span:   int64(span / time.Second),
		seen:   map[string]struct{}{},
		groups: map[groupKey]*group{},
		names:  map[string]string{},
	}
}

// WithLayers makes b also count each layer, in cells of its own, and returns b.
func (b *Builder) WithLayers() *Builder {
	b.layers = true
	return b
}

// WithParts makes b also count each host and test of a target, in cells of its own,
// and returns b.
func (b *Builder) WithParts() *Builder {
	b.parts = true
	return b
}

// Add counts one row and reports whether it was new. A measurement that was added
// before is not counted again.
func (b *Builder) Add(r *verdict.Row) bool {
	id := identity(r)
	if _, ok := b.seen[id]; ok {
		return false
	}
	b.seen[id] = struct{}{}
	b.whole(r, Whole)
	if b.parts {
		if p := PartOf(r.Domain, r.TestName); p != "" {
			b.whole(r, b.name(PartPrefix+p))
		}
	}
	if b.layers && r.Votes() {
		for _, l := range layersOf(r) {
			if l.layer.Outcome != "" {
				b.layer(r, l.name, l.layer)
			}
		}
	}
	return true
}

// identity returns a key that is the same for rows of the same measurement: the
// row's place in the archive, else the uid and the day, else all fields that tell
// measurements apart. The day is part of it because a stranger can reuse a uid
// under another date, and must not replace the first measurement that way.
func identity(r *verdict.Row) string {
	if r.Raw != "" { // the archive's places are unique, whatever uid a document has
		return r.Raw + "\x00" + strconv.FormatUint(uint64(r.Line), 36)
	}
	if r.UID != "" {
		return r.UID + "\x00" + strconv.FormatInt(floor(r.Time.Unix(), int64(Day/time.Second)), 36)
	}
	return fmt.Sprint("\x00", r.ReportID, "\x00", r.Time.Unix(), "\x00", r.CC, "\x00", r.ASN, "\x00", r.ResolverASN,
		"\x00", r.TestName, "\x00", r.Input, "\x00", r.Target, "\x00", r.Domain, "\x00", r.State, "\x00", r.Raw, "\x00", r.Line)
}

func (b *Builder) group(r *verdict.Row, layer string) *group {
	start := floor(r.Time.Unix(), b.span)
	k := groupKey{b.name(r.CC), b.name(r.Target), r.ASN, layer, start}
	g := b.groups[k]
	if g == nil {
		g = &group{cell: Cell{Target: k.target, CC: k.cc, ASN: k.asn, Layer: layer, Start: start, Span: b.span}}
		b.groups[k] = g
	}
	return g
}

// PartOf returns the name of the part of a target that a measurement is of: its
// host without "www.", or its test where it has no host.
func PartOf(domain, test string) string {
	return cmp.Or(strings.TrimPrefix(domain, "www."), test)
}

// DropSingleParts removes, for each target and country with only one part, the
// cells of that part. It may write to cells.
func DropSingleParts(cells []Cell) []Cell {
	type place struct{ cc, target string }
	parts := map[place]map[string]bool{}
	for i := range cells {
		if c := &cells[i]; strings.HasPrefix(c.Layer, PartPrefix) {
			k := place{c.CC, c.Target}
			if parts[k] == nil {
				parts[k] = map[string]bool{}
			}
			parts[k][c.Layer] = true
		}
	}
	return slices.DeleteFunc(cells, func(c Cell) bool {
		return strings.HasPrefix(c.Layer, PartPrefix) && len(parts[place{c.CC, c.Target}]) < 2
	})
}

// whole counts a measurement in the cell of a layer whose counts are states.
func (b *Builder) whole(r *verdict.Row, layer string) {
	g := b.group(r, layer)
	c := &g.cell
	if !r.Votes() {
		c.Aside++
		if r.Informs() {
			c.Informing++
			if r.State.Accuses() || r.State == verdict.Impaired {
				c.InformingBad++
			}
		}
		return
	}
	out := outNone
	switch r.State {
	case verdict.OK:
		c.OK++
		out = outOK
	case verdict.Blocked:
		c.Blocked++
		out = outBlocked
	case verdict.LikelyBlocked:
		c.Likely++
		out = outBlocked
	case verdict.Impaired:
		c.Impaired++
		out = outImpaired
	case verdict.Down:
		c.Down++
		out = outDown
	default:
		c.Insufficient++
	}
	c.Measurements++
	c.stamp(r, out)
	m := mark{report: b.name(r.Reporter()), out: out, software: b.name(r.Software), ruleset: b.name(rulesetName(r))}
	if r.ResolverASN != 0 {
		m.resolver = b.name(network.Name(r.ResolverASN))
	}
	if out == outBlocked || out == outImpaired {
		m.mechanisms, m.rules = b.mechanisms(r), b.ruleNames(r.Rules)
	}
	g.marks = append(g.marks, m)
}

func (b *Builder) layer(r *verdict.Row, name string, l verdict.Layer) {
	g := b.group(r, name)
	c := &g.cell
	out := outNone
	switch l.Outcome {
	case verdict.OutcomeOK:
		c.OK++
		out = outOK
	case verdict.OutcomeBlocked:
		c.Blocked++
		out = outBlocked
	case verdict.OutcomeDown:
		c.Down++
		out = outDown
	default:
		c.Impaired++
		out = outImpaired
	}
	c.Measurements++
	c.stamp(r, out)
	m := mark{report: b.name(r.Reporter()), out: out}
	if l.Rule != "" && out != outOK {
		m.rules = []string{b.name(l.Rule)}
	}
	g.marks = append(g.marks, m)
}

// stamp notes when the first and the last measurements of each sort began. Where
// two began at once, the uid decides, so that the order of rows does not matter.
func (c *Cell) stamp(r *verdict.Row, out outcome) {
	t := r.Time.Unix()
	switch out {
	case outOK:
		first(&c.FirstOK, &c.FirstOKUID, t, r.UID)
		last(&c.LastOK, &c.LastOKUID, t, r.UID)
	case outBlocked, outImpaired:
		first(&c.FirstBad, &c.FirstBadUID, t, r.UID)
		last(&c.LastBad, &c.LastBadUID, t, r.UID)
	}
}

func first(at *int64, uid *string, t int64, u string) {
	if *at == 0 || t < *at || t == *at && u < *uid {
		*at, *uid = t, u
	}
}

func last(at *int64, uid *string, t int64, u string) {
	if *at == 0 || t > *at || t == *at && u > *uid {
		*at, *uid = t, u
	}
}

// mechanisms returns the row's own mechanisms. Where it has none, it returns the
// names of the layers that are blocked, else of those that are unknown.
func (b *Builder) mechanisms(r *verdict.Row) []string {
	names := slices.Clone(r.Mechanisms)
	for _, want := range []verdict.Outcome{verdict.OutcomeBlocked, verdict.OutcomeUnknown} {
		if len(names) > 0 {
			break
		}
		for _, l := range layersOf(r) {
			if l.layer.Outcome == want {
				names = append(names, l.name)
			}
		}
	}
	return b.ruleNames(names)
}

func (b *Builder) ruleNames(names []string) []string {
	out := make([]string, 0, len(names))
	for _, n := range names {
		out = append(out, b.name(n))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *Builder) name(s string) string {
	if n, ok := b.names[s]; ok {
		return n
	}
	s = strings.Clone(s)
	b.names[s] = s
	return s
}

func rulesetName(r *verdict.Row) string {
	if r.Fingerprints == "" {
		return r.Ruleset
	}
	return r.Ruleset + " " + r.Fingerprints
}

type namedLayer struct {
	name  string
	layer verdict.Layer
}

func layersOf(r *verdict.Row) [6]namedLayer {
	return [6]namedLayer{
		{"dns", r.DNS}, {"tcp", r.TCP}, {"tls", r.TLS}, {"http", r.HTTP}, {"quic", r.QUIC}, {"app", r.App},
	}
}

// reportDay is the key of one vote: what one report says in one day of one target
// on one network.
type reportDay struct {
	cc, target string
	asn        uint32
	layer      string
	day        int64
	report     string
}

// Cells returns the cells of all rows that were added so far, in the order of
// Compare.
func (b *Builder) Cells() []Cell {
	size := map[reportDay]uint64{}
	for k, g := range b.groups {
		for _, m := range g.marks {
			size[k.of(m.report)]++
		}
	}
	cells := make([]Cell, 0, len(b.groups))
	for k, g := range b.groups {
		cells = append(cells, k.count(g, size))
	}
	Sort(cells)
	return cells
}

func (k groupKey) of(report string) reportDay {
	return reportDay{k.cc, k.target, k.asn, k.layer, floor(k.start, 86400), report}
}

// count shares out the votes. A report's one vote of a day is split evenly over its
// measurements and summed by outcome before it is rounded down. So a report that
// repeats itself has the same weight.
func (k groupKey) count(g *group, size map[reportDay]uint64) Cell {
	c := g.cell
	type voice struct {
		outs    [5]uint64
		tallies map[Tally]uint64 // the key's Bad or OK is 1 and says which side it is
	}
	voices := map[string]*voice{}
	for _, m := range g.marks {
		v := voices[m.report]
		if v == nil {
			v = &voice{tallies: map[Tally]uint64{}}
			voices[m.report] = v
		}
		v.outs[m.out]++
		for _, t := range m.tallies() {
			v.tallies[t]++
		}
	}
	sums := map[Tally]Tally{}
	for report, v := range voices {
		n := size[k.of(report)]
		c.VoteOK += uint32(v.outs[outOK] * Vote / n)
		c.VoteBlocked += uint32(v.outs[outBlocked] * Vote / n)
		c.VoteImpaired += uint32(v.outs[outImpaired] * Vote / n)
		c.VoteDown += uint32(v.outs[outDown] * Vote / n)
		if bad, ok := (v.outs[outBlocked]+v.outs[outImpaired])*Vote/n, v.outs[outOK]*Vote/n; bad+ok > 0 {
			c.Voices = append(c.Voices, Voice{Report: hash(report), Bad: uint32(bad), OK: uint32(ok)})
		}
		for t, times := range v.tallies {
			key := Tally{Kind: t.Kind, Name: t.Name}
			s := sums[key]
			w := uint32(times * Vote / n)
			s.Kind, s.Name, s.Bad, s.OK = t.Kind, t.Name, s.Bad+t.Bad*w, s.OK+t.OK*w
			sums[key] = s
		}
	}
	c.Reports = uint32(len(voices))
	slices.SortFunc(c.Voices, func(a, b Voice) int {
		return cmp.Or(cmp.Compare(a.Report, b.Report), cmp.Compare(a.Bad, b.Bad), cmp.Compare(a.OK, b.OK))
	})
	if len(c.Voices) > MaxVoices {
		c.Voices = slices.Clone(c.Voices[:MaxVoices])
	}
	for _, s := range sums {
		c.Tallies = append(c.Tallies, s)
	}
	slices.SortFunc(c.Tallies, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return c
}

// tallies returns the kinds and names that the measurement counts for; Bad or OK is
// 1 and says for which side.
func (m *mark) tallies() []Tally {
	bad, ok := uint32(0), uint32(0)
	switch m.out {
	case outBlocked, outImpaired:
		bad = 1
	case outOK:
		ok = 1
	default:
		return nil
	}
	var out []Tally
	add := func(k Kind, name string) {
		if name != "" {
			out = append(out, Tally{Kind: k, Name: name, Bad: bad, OK: ok})
		}
	}
	for _, n := range m.mechanisms {
		add(Mechanism, n)
	}
	for _, n := range m.rules {
		add(Rule, n)
	}
	add(Software, m.software)
	add(Resolver, m.resolver)
	add(Ruleset, m.ruleset)
	return out
}

func hash(s string) uint32 {
	h := fnv.New32a()
	io.WriteString(h, s)
	return h.Sum32()
}

func floor(t, span int64) int64 {
	r := t % span
	if r < 0 {
		r += span
	}
	return t - r
}

package pipeline

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// maxIndexed bounds the keys held in memory, at some 50 bytes each.
const maxIndexed = 4_000_000

// dayIndex knows which measurements the archive holds, a day (or for counts a
// month) at a time, read from the segments when first asked for. The zero
// value is ready.
type dayIndex struct {
	mu    sync.Mutex      // held through a commit; guards what follows
	seeds [2]maphash.Seed // ours alone: nobody can prepare two names that collide
	ready bool
	days  map[string]*indexedDay
	total int
	clock int
	turn  int // clock at the start of the present commit
}

type indexedDay struct {
	held   map[key]version
	more   map[key][]version // of names that several documents claim: the others
	loaded map[string]bool
	used   int
}

// version is one of the documents under a name.
type version struct {
	content    uint64 // its hash; of an old one that of its header
	provenance uint8
	old        bool // an older program did not note its content
}

func versionOf(r *verdict.Row) version {
	v := version{r.Content, uint8(r.Provenance()), r.Content == 0}
	if v.old {
		v.content = derivation.HeaderHash(r)
	}
	return v
}

// is reports whether a version is that of a row.
func (v version) is(r *verdict.Row) bool {
	if v.old {
		return v.content == derivation.HeaderHash(r)
	}
	return v.content == r.Content
}

// holds reports whether the archive has a measurement already. What somebody
// handed in does not stand for what is imported, be it the same: it may have
// been doubted for its sender's sake.
func (d *indexedDay) holds(k key, r *verdict.Row) bool {
	had := func(v version) bool {
		return v.is(r) && (v.provenance != uint8(submitted) || r.Provenance() <= submitted)
	}
	first, ok := d.held[k]
	return ok && (had(first) || slices.ContainsFunc(d.more[k], had))
}

// submitted is the rank of what was handed in at our own collector.
var submitted = (&verdict.Row{Channel: verdict.Submitted}).Provenance()

// maxVersions bounds the documents under one name.
const maxVersions = 100

// hold notes a document, and reports whether the name was claimed before by one
// that came otherwise.
func (d *indexedDay) hold(k key, v version) (contested bool) {
	first, ok := d.held[k]
	if !ok {
		d.held[k] = v
		return false
	}
	if first == v || slices.Contains(d.more[k], v) {
		return false // it is known: a segment is read again where it was merged
	}
	if d.more == nil {
		d.more = map[key][]version{}
	}
	contested = first.provenance != v.provenance || slices.ContainsFunc(d.more[k], func(o version) bool { return o.provenance != v.provenance })
	d.more[k] = append(d.more[k], v)
	return contested
}

// key is a name in 16 bytes.
type key [2]uint64

func (x *dayIndex) keyOf(name string) key {
	return key{maphash.String(x.seeds[0], name), maphash.String(x.seeds[1], name)}
}

func (x *dayIndex) substanceOfCount(c *derivation.PublishedCount) uint64 {
	var h maphash.Hash
	h.SetSeed(x.seeds[0])
	maphash.WriteComparable(&h, [5]uint32{c.Anomaly, c.Confirmed, c.Failure, c.OK, c.Measurements})
	return h.Sum64()
}

// day returns the index of one period, brought up to the manifest. Only the
// writer whose turn it is calls it.
func (x *dayIndex) day(a *archive.Archive, m *archive.Manifest, kind, period string) (*indexedDay, error) {
	if !x.ready {
		x.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
		x.days = map[string]*indexedDay{}
		x.ready = true
	}
	name := kind + " " + period
	d := x.days[name]
	if d == nil {
		x.shrink()
		d = &indexedDay{held: map[key]version{}, loaded: map[string]bool{}}
		x.days[name] = d
	}
	x.clock++
	d.used = x.clock
	ruleset := m.Ruleset
	if kind == archive.Counts || kind == archive.Signals {
		ruleset = ""
	}
	before := len(d.held)
	for _, s := range m.Select(kind, ruleset) {
		if s.Period != period || d.loaded[s.SHA256] {
			continue
		}
		if err := x.load(a, s, d); err != nil {
			return nil, err
		}
		d.loaded[s.SHA256] = true
	}
	x.total += len(d.held) - before
	return d, nil
}

func (x *dayIndex) load(a *archive.Archive, s archive.Segment, d *indexedDay) error {
	if s.Kind == archive.Signals {
		return archive.ReadSegment(a, s, func(rows []signal.Series) error {
			for i := range rows {
				d.held[x.keyOf(rows[i].Document)] = version{}
			}
			return nil
		})
	}
	if s.Kind == archive.Counts {
		return archive.ReadSegment(a, s, func(rows []derivation.PublishedCount) error {
			for i := range rows {
				d.held[x.keyOf(rows[i].Name())] = version{content: x.substanceOfCount(&rows[i])}
			}
			return nil
		})
	}
	return archive.ReadSegment(a, s, func(rows []indexRow) error {
		for i := range rows {
			r := rows[i].verdict()
			d.hold(x.keyOf(r.UID), versionOf(&r))
		}
		return nil
	})
}

// loaded notes that the segments of the days touched in this turn hold nothing
// that the index does not know: the writer has just written them.
func (x *dayIndex) loaded(m *archive.Manifest) {
	for _, s := range m.Segments {
		current := s.Kind == archive.Counts || s.Kind == archive.Signals || s.Kind == archive.Verdicts && s.Ruleset == m.Ruleset
		if d := x.days[s.Kind+" "+s.Period]; d != nil && current && d.used > x.turn {
			d.loaded[s.SHA256] = true
		}
	}
}

// merged notes that a segment holds what others hold, so that it is not read
// again where they were.
func (x *dayIndex) merged(inputs []archive.Segment, out archive.Segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.days[out.Kind+" "+out.Period]
	if d != nil && !slices.ContainsFunc(inputs, func(s archive.Segment) bool { return !d.loaded[s.SHA256] }) {
		d.loaded[out.SHA256] = true
	}
}

// forget drops everything, to be read again from the archive.
func (x *dayIndex) forget() {
	x.ready, x.days, x.total = false, nil, 0
}

// shrink forgets the days used longest ago until there is room.
func (x *dayIndex) shrink() {
	for x.total > maxIndexed && len(x.days) > 1 {
		oldest := ""
		for name, d := range x.days {
			if oldest == "" || d.used < x.days[oldest].used {
				oldest = name
			}
		}
		x.total -= len(x.days[oldest].held)
		delete(x.days, oldest)
	}
}

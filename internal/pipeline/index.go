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

// maxIndexed is how many keys memory holds, at about 50 bytes each.
const maxIndexed = 4_000_000

// dayIndex knows which measurements the archive holds. It covers a day (for counts and
// signals a month) at a time, and reads that from the segments when it is first asked. The
// zero value is ready.
type dayIndex struct {
	mu    sync.Mutex      // held during a whole commit; guards what follows
	seeds [2]maphash.Seed // secret, so that nobody can prepare two names with one key
	ready bool
	days  map[string]*indexedDay
	total int
	clock int
	turn  int // clock when the present commit began
	// What the present commit has added. It is taken back if the commit is lost.
	added  []addedName
	marked []markedSegment
}

// addedName is a document that a commit has noted under a name.
type addedName struct {
	day  *indexedDay
	key  key
	more bool // it is not the first under its name
}

// markedSegment is a segment that a commit has noted as read.
type markedSegment struct {
	day *indexedDay
	sha string
}

// begin begins a commit.
func (x *dayIndex) begin() {
	x.turn, x.added, x.marked = x.clock, nil, nil
}

// note notes what the present commit added for an item. held and more are how many names
// the day had, and how many further documents the name had, before it.
func (x *dayIndex) note(day *indexedDay, k key, held, more int) {
	switch {
	case len(day.held) > held:
		x.added = append(x.added, addedName{day, k, false})
	case len(day.more[k]) > more:
		x.added = append(x.added, addedName{day, k, true})
	}
}

// takeBack undoes the changes of a commit that was lost.
func (x *dayIndex) takeBack() {
	for _, a := range slices.Backward(x.added) {
		if a.more {
			a.day.more[a.key] = a.day.more[a.key][:len(a.day.more[a.key])-1]
			continue
		}
		delete(a.day.held, a.key)
		x.total--
	}
	for _, m := range x.marked {
		delete(m.day.loaded, m.sha)
	}
	x.added, x.marked = nil, nil
}

type indexedDay struct {
	held   map[key]version
	more   map[key][]version // the further documents of names that several documents claim
	loaded map[string]bool
	used   int
}

// version is one of the documents under a name.
type version struct {
	content    uint64 // hash of the document; of an old one, of its header
	provenance uint8
	old        bool // an older program wrote it, without the hash of its content
}

func versionOf(r *verdict.Row) version {
	v := version{r.Content, uint8(r.Provenance()), r.Content == 0}
	if v.old {
		v.content = derivation.HeaderHash(r)
	}
	return v
}

// is reports whether a row belongs to a version.
func (v version) is(r *verdict.Row) bool {
	if v.old {
		return v.content == derivation.HeaderHash(r)
	}
	return v.content == r.Content
}

// holds reports whether the archive has a measurement already. A copy that somebody handed
// in does not count against one from a better source, even if it is the same: it may be
// doubted because of its sender.
func (d *indexedDay) holds(k key, r *verdict.Row) bool {
	had := func(v version) bool {
		return v.is(r) && (v.provenance != uint8(submitted) || r.Provenance() <= submitted)
	}
	first, ok := d.held[k]
	return ok && (had(first) || slices.ContainsFunc(d.more[k], had))
}

// submitted is the rank of documents that were handed in at our own collector.
var submitted = (&verdict.Row{Channel: verdict.Submitted}).Provenance()

// maxVersions is how many further documents one name may have.
const maxVersions = 100

// hold notes a document. contested is true if a document from another kind of source has
// claimed the name before.
func (d *indexedDay) hold(k key, v version) (contested bool) {
	first, ok := d.held[k]
	if !ok {
		d.held[k] = v
		return false
	}
	if first == v || slices.Contains(d.more[k], v) {
		return false // it is known: merged segments are read again
	}
	if d.more == nil {
		d.more = map[key][]version{}
	}
	contested = first.provenance != v.provenance || slices.ContainsFunc(d.more[k], func(o version) bool { return o.provenance != v.provenance })
	d.more[k] = append(d.more[k], v)
	return contested
}

// key is the hash of a name in 16 bytes.
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

// day returns the index of one period, brought up to date with the manifest. Only the
// writer who has the turn may call it.
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

// loaded notes that the index knows everything in the segments of the days used by this
// commit: the writer has just written them.
func (x *dayIndex) loaded(m *archive.Manifest) {
	for _, s := range m.Segments {
		current := s.Kind == archive.Counts || s.Kind == archive.Signals || s.Kind == archive.Verdicts && s.Ruleset == m.Ruleset
		if d := x.days[s.Kind+" "+s.Period]; d != nil && current && d.used > x.turn && !d.loaded[s.SHA256] {
			d.loaded[s.SHA256] = true
			x.marked = append(x.marked, markedSegment{d, s.SHA256})
		}
	}
}

// merged notes that a new segment holds what its inputs held. If the index knew those, it
// need not read the new one.
func (x *dayIndex) merged(inputs []archive.Segment, out archive.Segment) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.days[out.Kind+" "+out.Period]
	if d != nil && !slices.ContainsFunc(inputs, func(s archive.Segment) bool { return !d.loaded[s.SHA256] }) {
		d.loaded[out.SHA256] = true
	}
}

// forget drops everything. It will be read again from the archive.
func (x *dayIndex) forget() {
	x.ready, x.days, x.total, x.added, x.marked = false, nil, 0, nil, nil
}

// shrink forgets the days that were not used for the longest time, until there is room.
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

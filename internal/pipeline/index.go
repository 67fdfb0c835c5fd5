package pipeline

import (
	"hash/maphash"
	"sync"

	"github.com/bandish/bandish/internal/archive"
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
	held   map[key]uint64 // name → substance
	loaded map[string]bool
	used   int
}

// key is a name in 16 bytes.
type key [2]uint64

func (x *dayIndex) keyOf(name string) key {
	return key{maphash.String(x.seeds[0], name), maphash.String(x.seeds[1], name)}
}

// substance tells two measurements that claim one uid apart.
func (x *dayIndex) substance(r *verdict.Row) uint64 {
	var h maphash.Hash
	h.SetSeed(x.seeds[0])
	for _, s := range []string{r.ReportID, r.CC, r.TestName, r.Input} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	maphash.WriteComparable(&h, r.ASN)
	maphash.WriteComparable(&h, r.Time.UnixMicro())
	return h.Sum64()
}

func (x *dayIndex) substanceOfCount(c *Count) uint64 {
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
		d = &indexedDay{held: map[key]uint64{}, loaded: map[string]bool{}}
		x.days[name] = d
	}
	x.clock++
	d.used = x.clock
	ruleset := m.Ruleset
	if kind == archive.Counts {
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
	if s.Kind == archive.Counts {
		return archive.ReadSegment(a, s, func(rows []Count) error {
			for i := range rows {
				d.held[x.keyOf(rows[i].name())] = x.substanceOfCount(&rows[i])
			}
			return nil
		})
	}
	return archive.ReadSegment(a, s, func(rows []indexRow) error {
		for i := range rows {
			r := rows[i].verdict()
			d.held[x.keyOf(r.UID)] = x.substance(&r)
		}
		return nil
	})
}

// loaded notes that the segments of the days touched in this turn hold nothing
// that the index does not know: the writer has just written them.
func (x *dayIndex) loaded(m *archive.Manifest) {
	for _, s := range m.Segments {
		current := s.Kind == archive.Counts || s.Kind == archive.Verdicts && s.Ruleset == m.Ruleset
		if d := x.days[s.Kind+" "+s.Period]; d != nil && current && d.used > x.turn {
			d.loaded[s.SHA256] = true
		}
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

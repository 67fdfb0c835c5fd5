package store

import (
	"cmp"
	"container/list"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// readVerdicts keeps the verdicts of the segments that were used last. So lists of the
// newest measurements read each segment once: a commit adds a small segment, and only that
// must be read. Segments never change, so a kept verdict is never stale. Its results are
// shared: callers must not change them. The zero value is ready.
type readVerdicts struct {
	mu    sync.Mutex               // guards what follows
	kept  map[string]*list.Element // by their keys
	order *list.List               // of *heldVerdicts; the one asked for last stands first
	bytes int
	stray map[string]bool // whether a segment holds rows of other days than its own, by path
}

// heldVerdicts are the rows of one segment, or those on one target in it. once sets the
// fields after it.
type heldVerdicts struct {
	key   string // path of the segment; with country and target for a part of one
	bytes int    // what it takes of maxVerdictBytes; 0 until the rows are read

	once   sync.Once
	err    error
	rows   heldRows
	sorted bool     // sorted by derivation.CompareVerdicts, as everything that this program wrote
	newest []uint32 // the numbers of the rows, the newest first
	size   int      // of all that in bytes, an estimate
}

// maxVerdictBytes is how many bytes are kept. A segment with more than maxHeldRows rows is
// not kept; its rows are looked up in the file or by SQL. For one target, no segment with
// more than maxWhole rows is read whole: else a year of days would push out everything
// else.
const (
	maxVerdictBytes = 64 << 20
	maxHeldRows     = 40_000
	maxWhole        = 200
)

// of returns the verdicts of a segment, nil if it has more than maxHeldRows.
func (r *readVerdicts) of(a *archive.Archive, g archive.Segment) (*heldVerdicts, error) {
	if g.Rows > maxHeldRows {
		return nil, nil
	}
	h := r.place(g.Path())
	h.once.Do(func() {
		h.err = errUnread // it stays if reading panics
		h.err = h.read(a, g)
		r.settle(h)
		if h.err == nil {
			r.mu.Lock()
			r.stray[h.key] = h.strays(g.Period)
			r.mu.Unlock()
		}
	})
	return h, h.err
}

// errUnread is the error of callers who waited for a segment whose reading panicked.
var errUnread = &archive.DamagedError{Reason: "reading it panicked"}

// on looks up, and keeps, the verdicts on one target in one country in a segment.
func (r *readVerdicts) on(s *Store, g archive.Segment, cc, target string) ([]verdict.Row, error) {
	h := r.place(g.Path() + "\x00" + cc + "\x00" + target)
	h.once.Do(func() {
		h.err = errUnread // it stays if reading panics
		var rows []verdict.Row
		rows, h.err = lookup[verdict.Row](s, g, archive.Key{Column: "probe_cc", Value: cc}, archive.Key{Column: "target", Value: target})
		w := newWords()
		for i := range rows {
			h.rows.add(w, &rows[i])
		}
		h.size = w.bytes + 1<<10
		r.settle(h)
	})
	return h.rows.between(0, len(h.rows.own)), h.err
}

// place returns the entry of a key, a new one if there is none.
func (r *readVerdicts) place(key string) *heldVerdicts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept, r.order, r.stray = map[string]*list.Element{}, list.New(), map[string]bool{}
	}
	if e := r.kept[key]; e != nil {
		r.order.MoveToFront(e)
		return e.Value.(*heldVerdicts)
	}
	h := &heldVerdicts{key: key}
	r.kept[key] = r.order.PushFront(h)
	return h
}

// have returns a segment that was read, nil if it was not.
func (r *readVerdicts) have(path string) *heldVerdicts {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.kept[path]
	if e == nil || e.Value.(*heldVerdicts).bytes == 0 {
		return nil
	}
	r.order.MoveToFront(e)
	return e.Value.(*heldVerdicts)
}

// settle adds what was read to the bytes in use, and drops what nobody asked for the
// longest time. A segment that could not be read is forgotten, so that the next caller
// tries again.
func (r *readVerdicts) settle(h *heldVerdicts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.kept[h.key]
	if e == nil || e.Value != h {
		return // it is no longer listed
	}
	if h.err != nil {
		r.drop(e)
		return
	}
	h.bytes = h.size
	r.bytes += h.bytes
	for r.bytes > maxVerdictBytes && r.order.Len() > 1 {
		r.drop(r.order.Back())
	}
}

// drop drops an entry. The caller holds mu.
func (r *readVerdicts) drop(e *list.Element) {
	h := r.order.Remove(e).(*heldVerdicts)
	delete(r.kept, h.key)
	r.bytes -= h.bytes
}

// keep drops the segments that are no longer listed.
func (r *readVerdicts) keep(listed map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.kept {
		if path, _, _ := strings.Cut(key, "\x00"); !listed[path] {
			r.drop(e)
		}
	}
	for path := range r.stray {
		if !listed[path] {
			delete(r.stray, path)
		}
	}
}

// strays reports whether a segment holds rows of other days than its own. A measurement
// whose clock was wrong stands in the day on which it was received.
func (s *Store) strays(g archive.Segment) (bool, error) {
	r := &s.verdicts
	r.mu.Lock()
	is, known := r.stray[g.Path()]
	r.mu.Unlock()
	if known {
		return is, nil
	}
	h, err := r.of(s.a, g)
	if err != nil {
		return false, err
	}
	if h != nil {
		return h.strays(g.Period), nil
	}
	var first, last int64
	err = s.open.use(s.a, g, func(f *archive.SegmentFile) (err error) {
		first, last, err = f.Bounds("measurement_start_time")
		return err
	})
	if err != nil {
		return false, err
	}
	d := dayOf(g.Period)
	is = !d.holds(time.UnixMicro(first)) || !d.holds(time.UnixMicro(last))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stray == nil {
		r.stray = map[string]bool{}
	}
	r.stray[g.Path()] = is
	return is, nil
}

func (h *heldVerdicts) strays(day string) bool {
	n, d := len(h.newest), dayOf(day)
	return n > 0 && (!d.holds(h.rows.own[h.newest[0]].Time) || !d.holds(h.rows.own[h.newest[n-1]].Time))
}

// read reads the rows and sorts their numbers.
func (h *heldVerdicts) read(a *archive.Archive, g archive.Segment) error {
	h.rows.own = make([]heldRow, 0, g.Rows)
	h.sorted = true
	w := newWords()
	var last, row verdict.Row
	err := archive.ReadSegment(a, g, func(rows []verdict.Row) error {
		for i := range rows {
			n := h.rows.add(w, &rows[i])
			h.rows.put(n, &row)
			h.sorted = h.sorted && (n == 0 || derivation.CompareVerdicts(&last, &row) <= 0)
			last, row = row, last
		}
		return nil
	})
	if err != nil {
		h.rows = heldRows{}
		return err
	}
	h.newest = make([]uint32, len(h.rows.own))
	for i := range h.newest {
		h.newest[i] = uint32(i)
	}
	h.size = w.bytes + 4*len(h.newest) + 1<<10
	slices.SortFunc(h.newest, func(a, b uint32) int {
		return h.rows.own[a].listed.compare(h.rows.own[b].listed)
	})
	return nil
}

// on returns the rows on one target in one country, in the order of the segment.
func (h *heldVerdicts) on(cc, target string) []verdict.Row {
	at := func(i int) int {
		of := &h.rows.shapes[h.rows.own[i].shape]
		return cmp.Or(cmp.Compare(of.CC, cc), cmp.Compare(of.Target, target))
	}
	if !h.sorted {
		var out []verdict.Row
		for i := range h.rows.own {
			if at(i) == 0 {
				out = append(out, h.rows.between(i, i+1)...)
			}
		}
		return out
	}
	from := sort.Search(len(h.rows.own), func(i int) bool { return at(i) >= 0 })
	n := sort.Search(len(h.rows.own)-from, func(i int) bool { return at(from+i) > 0 })
	return h.rows.between(from, from+n)
}

// verdictsOn returns the verdicts on one target in one country in a segment. They may be
// shared: callers must not change them. A small segment is read whole and kept. Of a
// larger one, if it is not kept already, only these rows are looked up by its index, which
// costs less, and kept.
func (s *Store) verdictsOn(g archive.Segment, cc, target string) ([]verdict.Row, error) {
	if h := s.verdicts.have(g.Path()); h != nil {
		return h.on(cc, target), nil
	}
	if g.Rows > maxWhole {
		return s.verdicts.on(s, g, cc, target)
	}
	h, err := s.verdicts.of(s.a, g)
	if err != nil {
		return nil, err
	}
	return h.on(cc, target), nil
}

// utcDay is a day (UTC), [begin, end).
type utcDay struct{ begin, end time.Time }

// dayOf returns the day of a period; an empty day if it is not a day.
func dayOf(period string) utcDay {
	t, err := time.Parse(time.DateOnly, period)
	if err != nil {
		return utcDay{}
	}
	return utcDay{t, t.AddDate(0, 0, 1)}
}

func (d utcDay) holds(t time.Time) bool { return !t.Before(d.begin) && t.Before(d.end) }

// dayVerdicts lists the segments with the verdicts of one day.
type dayVerdicts struct {
	utcDay
	period   string
	rows     int64
	segments []archive.Segment
}

// days returns the days that have verdicts, the newest first.
func days(m *archive.Manifest) []dayVerdicts {
	var out []dayVerdicts
	for _, g := range m.Select(archive.Verdicts, m.Ruleset) { // in the order of their periods
		if n := len(out); n == 0 || out[n-1].period != g.Period {
			out = append(out, dayVerdicts{utcDay: dayOf(g.Period), period: g.Period})
		}
		d := &out[len(out)-1]
		d.rows += g.Rows
		d.segments = append(d.segments, g)
	}
	slices.Reverse(out)
	return out
}

// calendar keeps the days of one generation.
type calendar struct {
	mu         sync.Mutex // guards what follows
	generation uint64
	of         []dayVerdicts
}

// days returns the days of a manifest. They are shared: callers must not change them.
func (c *calendar) days(m *archive.Manifest) []dayVerdicts {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || c.generation != m.Generation {
		c.generation, c.of = m.Generation, days(m)
	}
	return c.of
}

// maxRecent is how many rows are looked through for the newest of a selection. Rows
// further back are asked for in SQL.
const maxRecent = 60_000

// recent returns the newest verdicts of a selection, as measurements does. ok is false if
// it would have to look through too many rows.
func (s *Store) recent(all []dayVerdicts, f *Selection, offset, limit int) (out []verdict.Row, ok bool, err error) {
	l := lookingBack{s: s, f: f, want: offset + limit, left: maxRecent}
	if err := l.astray(all); err != nil {
		return nil, false, err
	}
	for i := range all {
		if d := &all[i]; !f.Since.IsZero() && !d.end.After(f.Since) || l.enough(d.end) {
			break
		} else if err := l.add(d); err != nil {
			return nil, false, err
		}
	}
	if l.left < 0 {
		return nil, false, nil
	}
	slices.SortFunc(l.found, newestFirst)
	for _, v := range l.found[min(offset, len(l.found)):min(l.want, len(l.found))] {
		out = append(out, *v)
	}
	return out, true, nil
}

// lookingBack is a search for the newest verdicts of a selection.
type lookingBack struct {
	s     *Store
	f     *Selection
	want  int
	left  int64 // how many rows may still be looked through; below 0 the search gives up
	stray []*verdict.Row
	found []*verdict.Row // all found, stray ones included
}

// astray finds the rows that stand in another day than their own.
func (l *lookingBack) astray(all []dayVerdicts) error {
	for i := range all {
		d := &all[i]
		for _, g := range d.segments {
			is, err := l.s.strays(g)
			if err == nil && is {
				err = l.take(g, func(t time.Time) bool { return !d.holds(t) })
			}
			if err != nil {
				return err
			}
		}
	}
	l.stray = slices.Clone(l.found)
	return nil
}

// add finds the rows of a day that stand in that day.
func (l *lookingBack) add(d *dayVerdicts) error {
	if !l.f.Until.IsZero() && !d.begin.Before(l.f.Until) {
		return nil
	}
	for _, g := range d.segments {
		if err := l.take(g, d.holds); err != nil {
			return err
		}
	}
	return nil
}

// enough reports whether the search can stop: it has found all that is wanted, and
// everything older than since comes later in the list. It also stops when left is used up.
func (l *lookingBack) enough(since time.Time) bool {
	n := len(l.found) - len(l.stray)
	for _, v := range l.stray {
		if !v.Time.Before(since) {
			n++
		}
	}
	return n >= l.want || l.left < 0
}

// take adds the newest rows of a segment whose time at admits.
func (l *lookingBack) take(g archive.Segment, at func(time.Time) bool) error {
	if l.left -= g.Rows; l.left < 0 {
		return nil
	}
	h, err := l.s.verdicts.of(l.s.a, g)
	if err != nil {
		return err
	}
	if h == nil {
		l.left = -1
		return nil
	}
	n := 0
	var v verdict.Row
	for _, i := range h.newest {
		if n == l.want {
			break
		}
		if !at(h.rows.own[i].Time) {
			continue
		}
		if h.rows.put(int(i), &v); l.f.admits(&v) {
			one := v
			l.found = append(l.found, &one)
			n++
		}
	}
	return nil
}

// admits reports whether a verdict is in the selection. where says the same in SQL.
func (f *Selection) admits(v *verdict.Row) bool {
	in := func(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }
	is := func(want, s string) bool { return want == "" || want == s }
	if !in(f.CCs, v.CC) || !in(f.Tests, v.TestName) || !in(f.Domains, v.Domain) || len(f.ASNs) > 0 && !slices.Contains(f.ASNs, v.ASN) ||
		!is(f.Input, v.Input) || !is(f.ReportID, v.ReportID) || !is(f.UID, v.UID) ||
		!f.Since.IsZero() && v.Time.UnixMicro() < f.Since.UnixMicro() || !f.Until.IsZero() && v.Time.UnixMicro() >= f.Until.UnixMicro() {
		return false
	}
	if len(f.Versions) > 0 {
		version := ""
		if parts := strings.Split(v.Software, "/"); len(parts) > 1 {
			version = parts[1]
		}
		if !slices.Contains(f.Versions, version) {
			return false
		}
	}
	if f.Confirmed == nil && f.Anomaly == nil && f.Failure == nil {
		return true
	}
	confirmed, anomaly, failure := Judged(v)
	agrees := func(want *bool, is bool) bool { return want == nil || *want == is }
	return agrees(f.Confirmed, confirmed) && agrees(f.Anomaly, anomaly) && agrees(f.Failure, failure)
}

package store

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"

	"github.com/sourcegraph/conc"
)

// maxOpen is how many segments a store holds open for lookups.
const maxOpen = 512

// openFiles keeps segments open between lookups, since reading the index of a file costs
// more than the rows. Segments never change, so an open file is never stale.
type openFiles struct {
	mu    sync.Mutex
	files map[string]*heldFile
	clock int64
}

type heldFile struct {
	f    *archive.SegmentFile
	uses int   // how many lookups use it now
	last int64 // value of openFiles.clock when it was asked for last
	gone bool  // it must be closed when its last use ends
}

// use calls fn with a segment that stays open until fn returns.
func (o *openFiles) use(a *archive.Archive, g archive.Segment, fn func(*archive.SegmentFile) error) error {
	h, err := o.take(a, g)
	if err != nil {
		return err
	}
	defer o.release(h)
	return fn(h.f)
}

func (o *openFiles) take(a *archive.Archive, g archive.Segment) (*heldFile, error) {
	if h := o.held(g.Path()); h != nil {
		return h, nil
	}
	f, err := a.OpenSegment(g) // without the lock: it hashes the file the first time
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.files == nil {
		o.files = map[string]*heldFile{}
	}
	o.drop(g.Path()) // another lookup may have opened it meanwhile
	o.clock++
	h := &heldFile{f: f, uses: 1, last: o.clock}
	o.files[g.Path()] = h
	o.evict()
	return h, nil
}

// held returns a file that is open, nil if there is none or somebody has written to it
// since it was opened.
func (o *openFiles) held(path string) *heldFile {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.files[path]
	if h == nil {
		return nil
	}
	if !h.f.Unchanged() {
		o.drop(path)
		return nil
	}
	o.clock++
	h.uses++
	h.last = o.clock
	return h
}

// drop lets a file be closed when its last use ends. The caller holds mu.
func (o *openFiles) drop(path string) {
	h := o.files[path]
	if h == nil {
		return
	}
	if h.gone = true; h.uses == 0 {
		h.f.Close()
	}
	delete(o.files, path)
}

// evict drops the file that nobody asked for the longest time, if there are too many.
func (o *openFiles) evict() {
	if len(o.files) <= maxOpen {
		return
	}
	oldest := ""
	for path, h := range o.files {
		if h.uses == 0 && (oldest == "" || h.last < o.files[oldest].last) {
			oldest = path
		}
	}
	if oldest != "" {
		o.files[oldest].f.Close()
		delete(o.files, oldest)
	}
}

func (o *openFiles) release(h *heldFile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h.uses--
	if h.gone && h.uses == 0 {
		h.f.Close()
	}
}

// keep drops the files of segments that are no longer listed, so that the disk gets back
// the space that compaction freed.
func (o *openFiles) keep(listed map[string]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for path := range o.files {
		if !listed[path] {
			o.drop(path)
		}
	}
}

func (o *openFiles) close() { o.keep(nil) }

// lookup returns the rows of a segment in which the keys hold.
func lookup[T any](s *Store, g archive.Segment, keys ...archive.Key) (rows []T, err error) {
	err = s.open.use(s.a, g, func(f *archive.SegmentFile) (err error) {
		rows, err = archive.Lookup[T](f, keys...)
		return err
	})
	return rows, err
}

// lookupCells returns the daily cells of whole measurements of one country and target. SQL
// gives the same (a test compares them), but it uncompresses whole columns for some
// hundred rows.
func (s *Store) lookupCells(m *archive.Manifest, f Filter, read cellReader) ([]series.Cell, error) {
	parts, small, err := s.smallCells(m)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		parts[i] = onTarget(parts[i], f.CC, f.Target)
	}
	if !small {
		segments := m.Select(archive.Cells, m.Ruleset)
		if parts, err = s.cellsIn(segments, f, read); err != nil {
			return nil, err
		}
	}
	f.Since = f.Since.UTC().Truncate(series.Day) // daily cells: the whole first day counts
	return f.merged(parts), nil
}

// lookupHours returns the hourly cells of whole measurements of one country and target.
func (s *Store) lookupHours(m *archive.Manifest, f Filter) ([]series.Cell, error) {
	segments := slices.DeleteFunc(m.Select(archive.Hours, m.Ruleset), func(g archive.Segment) bool { return g.Countries[f.CC] == "" })
	parts, err := s.cellsIn(segments, f, s.read.of)
	if err != nil {
		return nil, err
	}
	return f.merged(parts), nil
}

// merged returns, in order, the cells that are of whole measurements and within the
// filter.
func (f *Filter) merged(parts [][]series.Cell) []series.Cell {
	var cells []series.Cell
	for _, part := range parts {
		for i := range part {
			if c := &part[i]; c.Layer == series.Whole && f.admits(c) {
				cells = append(cells, *c)
			}
		}
	}
	if len(parts) > 1 {
		slices.SortStableFunc(cells, series.Compare)
	}
	return cells
}

// cellReader is readCells.of or readCells.alone.
type cellReader func(s *Store, g archive.Segment, cc, target string) ([]series.Cell, error)

// cellsIn reads the cells of one country and target from each segment whose period is
// within the filter.
func (s *Store) cellsIn(segments []archive.Segment, f Filter, read cellReader) ([][]series.Cell, error) {
	segments = slices.DeleteFunc(segments, func(g archive.Segment) bool { return f.apart(g.Period) })
	parts := make([][]series.Cell, len(segments))
	errs := make([]error, len(segments))
	var wg conc.WaitGroup // a panic in one becomes a panic of Wait, which the caller survives
	turn := make(chan struct{}, 4)
	for i, g := range segments {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			parts[i], errs[i] = read(s, g, f.CC, f.Target)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return parts, nil
}

// apart reports whether a period, "2024-02" or "2024", lies outside the filter's time.
func (f *Filter) apart(period string) bool {
	month := func(t time.Time) string { return t.UTC().Format("2006-01")[:min(len(period), len("2006-01"))] }
	return !f.Since.IsZero() && period < month(f.Since) || !f.Until.IsZero() && period > month(f.Until)
}

// admits reports whether a cell is on the filter's networks and begins in its time. It
// does not look at country and target.
func (f *Filter) admits(c *series.Cell) bool {
	return (len(f.ASNs) == 0 || slices.Contains(f.ASNs, c.ASN)) &&
		(f.Since.IsZero() || c.Start >= f.Since.Unix()) &&
		(f.Until.IsZero() || c.Start < f.Until.Unix())
}

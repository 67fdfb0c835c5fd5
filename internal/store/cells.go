package store

import (
	"cmp"
	"container/list"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
)

// readCells keeps cells that were read from segments, daily and hourly ones, so that the
// pages of one country read them once. Segments never change, so a kept cell is never
// stale. Its results are shared: callers must not change them. The zero value is ready.
type readCells struct {
	reading sync.Mutex // held while a whole segment is being read

	mu    sync.Mutex // guards what follows
	kept  map[cellsKey]*list.Element
	order *list.List // of *keptCells; the one asked for last stands first
	cells int
}

// cellsKey names the cells that were read from a segment: those of a target in a country.
// An empty target means all targets, an empty country all countries.
type cellsKey struct{ path, cc, target string }

type keptCells struct {
	key   cellsKey
	cells []series.Cell // in the order of series.Compare
}

// How many cells are kept; a cell takes about 600 bytes. If a country has more than
// maxOfCountry cells in a segment, they are looked up target by target. If all segments of
// daily cells together have at most maxSmall cells, all of them are kept. Questions over
// all cells are then answered from memory instead of SQL.
const (
	maxCells     = 150_000
	maxOfCountry = 8_000
	maxSmall     = 60_000
)

// of returns the cells of one target in a country in a segment, in their order. It reads,
// and keeps, those of the country's other targets too, unless there are many.
func (r *readCells) of(s *Store, g archive.Segment, cc, target string) ([]series.Cell, error) {
	if cells, ok := r.have(g, cc); ok {
		return onTarget(cells, cc, target), nil
	}
	var cells []series.Cell
	few := false
	err := s.open.use(s.a, g, func(f *archive.SegmentFile) (err error) {
		if cells, few, err = archive.LookupFew[series.Cell](f, maxOfCountry, archive.Key{Column: "probe_cc", Value: cc}); err != nil || few {
			return err
		}
		cells, err = archive.Lookup[series.Cell](f, archive.Key{Column: "probe_cc", Value: cc}, archive.Key{Column: "target", Value: target})
		return err
	})
	if err != nil {
		return nil, err
	}
	tidy(cells)
	if few {
		r.put(cellsKey{g.Path(), cc, ""}, cells)
	}
	return onTarget(cells, cc, target), nil
}

// alone is of without reading the country's other targets. It is for callers that compare
// countries.
func (r *readCells) alone(s *Store, g archive.Segment, cc, target string) ([]series.Cell, error) {
	if cells, ok := r.have(g, cc); ok {
		return onTarget(cells, cc, target), nil
	}
	k := cellsKey{g.Path(), cc, target}
	if cells, ok := r.get(k); ok {
		return cells, nil
	}
	cells, err := lookup[series.Cell](s, g, archive.Key{Column: "probe_cc", Value: cc}, archive.Key{Column: "target", Value: target})
	if err != nil {
		return nil, err
	}
	tidy(cells)
	r.put(k, cells)
	return cells, nil
}

// country returns the cells of a country in a segment, in their order.
func (r *readCells) country(s *Store, g archive.Segment, cc string) ([]series.Cell, error) {
	if cells, ok := r.have(g, cc); ok {
		return cells, nil
	}
	cells, err := lookup[series.Cell](s, g, archive.Key{Column: "probe_cc", Value: cc})
	if err != nil {
		return nil, err
	}
	tidy(cells)
	r.put(cellsKey{g.Path(), cc, ""}, cells)
	return cells, nil
}

// have returns the cells of a country in a segment if they are kept.
func (r *readCells) have(g archive.Segment, cc string) ([]series.Cell, bool) {
	if cells, ok := r.get(cellsKey{g.Path(), "", ""}); ok {
		return ofCountry(cells, cc), true
	}
	return r.get(cellsKey{g.Path(), cc, ""})
}

// whole returns all cells of a segment, in their order.
func (r *readCells) whole(s *Store, g archive.Segment) ([]series.Cell, error) {
	k := cellsKey{g.Path(), "", ""}
	if cells, ok := r.get(k); ok {
		return cells, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if cells, ok := r.get(k); ok { // another caller has just read it
		return cells, nil
	}
	var cells []series.Cell
	err := s.open.use(s.a, g, func(f *archive.SegmentFile) (err error) {
		cells, err = archive.Lookup[series.Cell](f)
		return err
	})
	if err != nil {
		return nil, err
	}
	tidy(cells)
	r.put(k, cells)
	return cells, nil
}

// ofCountry returns the cells of one country out of sorted cells.
func ofCountry(cells []series.Cell, cc string) []series.Cell {
	from := sort.Search(len(cells), func(i int) bool { return cells[i].CC >= cc })
	n := sort.Search(len(cells)-from, func(i int) bool { return cells[from+i].CC > cc })
	return cells[from : from+n : from+n]
}

// onTarget returns the cells of one target in a country out of sorted cells.
func onTarget(cells []series.Cell, cc, target string) []series.Cell {
	at := func(c series.Cell, p Pair) int {
		return cmp.Or(cmp.Compare(c.CC, p.CC), cmp.Compare(c.Target, p.Target))
	}
	from, _ := slices.BinarySearchFunc(cells, Pair{cc, target}, at)
	n := sort.Search(len(cells)-from, func(i int) bool { return cells[from+i].CC != cc || cells[from+i].Target != target })
	return cells[from : from+n : from+n]
}

// smallCells returns all daily cells of an archive, by segment. ok is false if they are
// more than maxSmall.
func (s *Store) smallCells(m *archive.Manifest) (parts [][]series.Cell, ok bool, err error) {
	segments, rows := m.Select(archive.Cells, m.Ruleset), int64(0)
	for _, g := range segments {
		if rows += g.Rows; rows > maxSmall {
			return nil, false, nil
		}
	}
	for _, g := range segments {
		cells, err := s.read.whole(s, g)
		if err != nil {
			return nil, false, err
		}
		parts = append(parts, cells)
	}
	return parts, true, nil
}

// tidy sets the empty lists that the reader makes to nil, and sorts the cells if their
// writer did not.
func tidy(cells []series.Cell) {
	for i := range cells {
		c := &cells[i]
		if len(c.Voices) == 0 {
			c.Voices = nil
		}
		if len(c.Tallies) == 0 {
			c.Tallies = nil
		}
		c.Voices, c.Tallies = slices.Clip(c.Voices), slices.Clip(c.Tallies) // whoever appends gets a copy
	}
	if !slices.IsSortedFunc(cells, series.Compare) {
		series.Sort(cells)
	}
}

func (r *readCells) get(k cellsKey) ([]series.Cell, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.kept[k]
	if e == nil {
		return nil, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*keptCells).cells, true
}

func (r *readCells) put(k cellsKey, cells []series.Cell) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		r.kept, r.order = map[cellsKey]*list.Element{}, list.New()
	}
	if r.kept[k] != nil {
		return
	}
	r.kept[k] = r.order.PushFront(&keptCells{k, cells})
	r.cells += len(cells) + 1
	for r.cells > maxCells {
		r.drop(r.order.Back())
	}
}

// drop drops an entry. The caller holds mu.
func (r *readCells) drop(e *list.Element) {
	old := r.order.Remove(e).(*keptCells)
	delete(r.kept, old.key)
	r.cells -= len(old.cells) + 1
}

// keep drops the cells of segments that are no longer listed.
func (r *readCells) keep(listed map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.kept {
		if !listed[key.path] {
			r.drop(e)
		}
	}
}

// eachSmall calls do with each daily cell of the archive. ok is false if it has more than
// maxSmall.
func (s *Store) eachSmall(ctx context.Context, do func(*series.Cell)) (ok bool, err error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return false, err
	}
	parts, ok, err := s.smallCells(m)
	for _, cells := range parts {
		for i := range cells {
			do(&cells[i])
		}
	}
	return ok, err
}

// places sums up cells by country and target, as the SQL of Places does.
type places map[Pair]*Place

func (p places) add(c *series.Cell) {
	k := Pair{c.CC, c.Target}
	if p[k] == nil {
		p[k] = &Place{CC: c.CC, Target: c.Target}
	}
	p[k].Measurements += int64(c.Measurements)
	if at := time.Unix(c.Start, 0).UTC(); p[k].Last.IsZero() || at.After(p[k].Last) {
		p[k].Last = at
	}
}

// sorted returns at most limit places, the most measured first.
func (p places) sorted(limit int) []Place {
	var out []Place
	for _, one := range p {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Measurements, a.Measurements), cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target))
	})
	return out[:min(limit, len(out))]
}

// recentSmall is recentCells for an archive with few cells.
func recentSmall(parts [][]series.Cell, cc string, at time.Time) []series.Cell {
	window := int64(answer.Window / time.Second)
	last := map[string]int64{}
	each := func(do func(*series.Cell)) {
		for _, cells := range parts {
			cells = ofCountry(cells, cc)
			for i := range cells {
				do(&cells[i])
			}
		}
	}
	each(func(c *series.Cell) {
		if c.Measurements > 0 {
			last[c.Target] = max(last[c.Target], c.Start)
		}
	})
	var out []series.Cell
	each(func(c *series.Cell) {
		in := c.Start >= at.Unix()-window && c.Start < at.Unix()
		if at.IsZero() {
			newest, measured := last[c.Target]
			in = measured && c.Start > newest-window
		}
		if in {
			out = append(out, *c)
		}
	})
	series.Sort(out)
	return out
}

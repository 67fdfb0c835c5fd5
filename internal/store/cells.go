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

// readCells keeps the cells that were read from segments, daily and hourly ones, so
// that the pages of one country read it once. Segments never change, so none grows
// stale. What it gives is shared and must not be changed. The zero value is ready.
type readCells struct {
	reading sync.Mutex // held while a segment is read whole

	mu    sync.Mutex // guards what follows
	kept  map[cellsKey]*list.Element
	order *list.List // of *keptCells, the one that was asked for last first
	cells int
}

// cellsKey names cells in a segment: those of a target in a country, of the country
// where target is empty, or all where both are.
type cellsKey struct{ path, cc, target string }

type keptCells struct {
	key   cellsKey
	cells []series.Cell // in the order of series.Compare
}

// The bounds of what is kept, in cells of some 600 bytes. A country that has more in
// one segment than maxOfCountry is looked up target by target. Where all segments
// of daily cells together have no more than maxSmall, they are kept whole, and what
// goes over all of them is asked of memory and not in SQL.
const (
	maxCells     = 150_000
	maxOfCountry = 8_000
	maxSmall     = 60_000
)

// of gives the cells of one target in a country in a segment, in their order.
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

// alone is of for whoever compares countries: the country's other targets, which nobody
// asked for, are not read with it.
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

// country gives the cells of a country in a segment, in their order.
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

// have gives the cells of a country in a segment, or of all in it, that are kept.
func (r *readCells) have(g archive.Segment, cc string) ([]series.Cell, bool) {
	if cells, ok := r.get(cellsKey{g.Path(), "", ""}); ok {
		return ofCountry(cells, cc), true
	}
	return r.get(cellsKey{g.Path(), cc, ""})
}

// whole gives all cells of a segment, in their order.
func (r *readCells) whole(s *Store, g archive.Segment) ([]series.Cell, error) {
	k := cellsKey{g.Path(), "", ""}
	if cells, ok := r.get(k); ok {
		return cells, nil
	}
	r.reading.Lock()
	defer r.reading.Unlock()
	if cells, ok := r.get(k); ok { // of many who ask one reads
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

// ofCountry are the cells of one country, of some that are in order.
func ofCountry(cells []series.Cell, cc string) []series.Cell {
	from := sort.Search(len(cells), func(i int) bool { return cells[i].CC >= cc })
	n := sort.Search(len(cells)-from, func(i int) bool { return cells[from+i].CC > cc })
	return cells[from : from+n : from+n]
}

// onTarget are the cells of one target in a country, of some that are in order.
func onTarget(cells []series.Cell, cc, target string) []series.Cell {
	at := func(c series.Cell, p Pair) int {
		return cmp.Or(cmp.Compare(c.CC, p.CC), cmp.Compare(c.Target, p.Target))
	}
	from, _ := slices.BinarySearchFunc(cells, Pair{cc, target}, at)
	n := sort.Search(len(cells)-from, func(i int) bool { return cells[from+i].CC != cc || cells[from+i].Target != target })
	return cells[from : from+n : from+n]
}

// smallCells are all daily cells of an archive, by segment, where there are few;
// else ok is false.
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

// tidy takes out the empty lists that the reader makes, and puts the cells in order
// where whoever wrote them did not.
func tidy(cells []series.Cell) {
	for i := range cells {
		c := &cells[i]
		if len(c.Voices) == 0 {
			c.Voices = nil
		}
		if len(c.Tallies) == 0 {
			c.Tallies = nil
		}
		c.Voices, c.Tallies = slices.Clip(c.Voices), slices.Clip(c.Tallies) // who appends gets a copy
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

// drop lets go of what is kept of a segment. The caller holds mu.
func (r *readCells) drop(e *list.Element) {
	old := r.order.Remove(e).(*keptCells)
	delete(r.kept, old.key)
	r.cells -= len(old.cells) + 1
}

// keep lets go of the segments that are no longer listed: with each commit the newest
// cells come in another segment.
func (r *readCells) keep(listed map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range r.kept {
		if !listed[key.path] {
			r.drop(e)
		}
	}
}

// eachSmall gives each daily cell of an archive that has few of them, as smallCells
// says.
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

// places sums up what is measured by country and target, as SQL does.
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

// sorted are at most limit of the places, most measured first.
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

// recentSmall is recentCells over all cells of an archive that has few.
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

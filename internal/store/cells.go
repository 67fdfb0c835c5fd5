package store

import (
	"container/list"
	"slices"
	"sync"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
)

// readCells keeps the cells of countries that were read from segments, so that
// the pages of one country read it once. Segments never change, so none grows
// stale. What it gives is shared and must not be changed. The zero value is
// ready.
type readCells struct {
	mu    sync.Mutex // guards what follows
	kept  map[cellsKey]*list.Element
	order *list.List // of *countryCells, the one that was asked for last first
	cells int
}

type cellsKey struct{ path, cc string }

type countryCells struct {
	key   cellsKey
	cells []series.Cell
}

// The bounds of what is kept, in cells of some 600 bytes. A country that has
// more in one segment than maxOfCountry is looked up target by target.
const (
	maxCells     = 150_000
	maxOfCountry = 8_000
)

// of gives the cells of a country, or of one target in it, in a segment.
func (r *readCells) of(s *Store, g archive.Segment, cc, target string) ([]series.Cell, error) {
	k := cellsKey{g.Path(), cc}
	cells, ok := r.get(k)
	if !ok {
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
			r.put(k, cells)
		}
	}
	out := []series.Cell{}
	for i := range cells {
		if cells[i].Target == target {
			out = append(out, cells[i])
		}
	}
	return out, nil
}

// tidy takes out the empty lists that the reader makes.
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
}

func (r *readCells) get(k cellsKey) ([]series.Cell, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.kept[k]
	if e == nil {
		return nil, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*countryCells).cells, true
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
	r.kept[k] = r.order.PushFront(&countryCells{k, cells})
	r.cells += len(cells) + 1
	for r.cells > maxCells {
		old := r.order.Remove(r.order.Back()).(*countryCells)
		delete(r.kept, old.key)
		r.cells -= len(old.cells) + 1
	}
}

package archive

import (
	"container/heap"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// rowGroup is how many rows a row group has: enough to compress well, and few enough that
// a query for one country and target reads little. DuckDB reads cells faster in fewer,
// larger groups: looking at the bounds of a group costs it more than the rows.
func rowGroup(kind string) int64 {
	if kind == Cells {
		return 40_000
	}
	return 20_000
}

// pageBytes is the uncompressed size of a page. A reader of few rows uncompresses only the
// pages that hold them.
const pageBytes = 16 << 10

// packing compresses the pages. One codec reuses its encoders for all segments.
var packing = &zstd.Codec{Level: zstd.SpeedFastest}

// AddSegment writes rows as one segment and lists it. The rows must be in their order.
// Without rows it does nothing.
func AddSegment[T any](u *Update, s Segment, rows []T) (Segment, error) {
	return addSegment(u, s, func(yield func([]T) error) error { return yield(rows) })
}

// AddOrdered is AddSegment for rows in any order; it sorts the pointers by compare. Rows
// are large, so moving them would cost more than comparing them.
func AddOrdered[T any](u *Update, s Segment, rows []*T, compare func(a, b *T) int) (Segment, error) {
	slices.SortFunc(rows, compare)
	chunk := make([]T, 0, min(512, len(rows)))
	return addSegment(u, s, func(yield func([]T) error) error {
		for part := range slices.Chunk(rows, 512) {
			chunk = chunk[:0]
			for _, r := range part {
				chunk = append(chunk, *r)
			}
			if err := yield(chunk); err != nil {
				return err
			}
		}
		return nil
	})
}

func addSegment[T any](u *Update, s Segment, produce func(yield func([]T) error) error) (Segment, error) {
	f, err := u.a.newBlob(s.Kind)
	if err != nil {
		return s, fmt.Errorf("write segment: %w", err)
	}
	defer f.discard()
	w := parquet.NewGenericWriter[T](f,
		parquet.KeyValueMetadata(segmentKey, s.self()),
		parquet.Compression(packing),
		parquet.CreatedBy("bandish", "1", ""),
		parquet.PageBufferSize(pageBytes),
		parquet.MaxRowsPerRowGroup(rowGroup(s.Kind)))
	s.Rows = 0
	err = produce(func(rows []T) error {
		s.Rows += int64(len(rows))
		_, err := w.Write(rows)
		return err
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return s, fmt.Errorf("write segment of %s %s: %w", s.Kind, s.Period, err)
	}
	if s.Rows == 0 {
		return s, nil
	}
	s.SHA256, s.Bytes = f.sum(), f.n
	if err := u.commit(f, s.Path()); err != nil {
		return s, fmt.Errorf("write segment %s: %w", s.Path(), err)
	}
	u.Manifest.Segments = append(u.Manifest.Segments, s)
	return s, nil
}

// ReadSegment calls fn with the rows of a segment, in order and in chunks. A chunk is
// valid until fn returns.
func ReadSegment[T any](a *Archive, s Segment, fn func([]T) error) error {
	return ReadSegmentFrom(a, s, 0, fn)
}

// ReadSegmentFrom is ReadSegment from a row on; the first row is 0.
func ReadSegmentFrom[T any](a *Archive, s Segment, row int64, fn func([]T) error) error {
	f, err := a.Open(s.Path())
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	defer f.Close()
	c, err := newCursor[T](s.Path(), f)
	if err != nil {
		return fmt.Errorf("read segment: %w", err)
	}
	defer c.r.Close()
	if row > 0 {
		if err := guard(s.Path(), func() error { return c.r.SeekToRow(row) }); err != nil {
			return fmt.Errorf("read segment %s from row %d: %w", s.Path(), row, err)
		}
		c.left -= row
	}
	for {
		rows, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read segment %s: %w", s.Path(), err)
		}
		if err := fn(rows); err != nil {
			return err
		}
	}
}

// cursor reads a segment in chunks.
type cursor[T any] struct {
	path string
	r    *parquet.GenericReader[T]
	left int64 // how many rows are left
	buf  []T
}

func newCursor[T any](path string, f io.ReaderAt) (*cursor[T], error) {
	c := &cursor[T]{path: path}
	return c, guard(path, func() error {
		c.r = parquet.NewGenericReader[T](f)
		c.left = c.r.NumRows()
		c.buf = make([]T, max(0, min(512, c.left)))
		return nil
	})
}

// next returns the next rows. It never asks for more than there are: for each row after
// the last one the reader would look for another page of every column.
func (c *cursor[T]) next() (rows []T, err error) {
	rows = c.buf[:max(0, min(int64(len(c.buf)), c.left))]
	if len(rows) == 0 {
		return nil, io.EOF
	}
	clear(rows) // the reader appends to slices that it finds
	n := 0
	err = guard(c.path, func() (err error) {
		n, err = c.r.Read(rows)
		return err
	})
	if n > 0 {
		c.left -= int64(n)
		return rows[:n], nil
	}
	if err == nil {
		err = io.EOF
	}
	return nil, err
}

// Rewrite replaces a segment with one that has the same rows in the same order; change may
// change each row.
func Rewrite[T any](u *Update, s Segment, change func(*T)) (Segment, error) {
	u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(o Segment) bool { return o.Path() == s.Path() && o.Ruleset == s.Ruleset })
	return addSegment(u, s, func(yield func([]T) error) error {
		return ReadSegment(u.a, s, func(rows []T) error {
			for i := range rows {
				change(&rows[i])
			}
			return yield(rows)
		})
	})
}

// mergeFanIn is how many files one merge holds open at most.
const mergeFanIn = 64

// Merge replaces segments of one kind, period and ruleset with one that holds all their
// rows. Each old segment must be in the order of compare, and so is the new one. Of rows
// that compare as equal and for which same returns true, one is kept. It returns the new
// segment; the old ones are no longer listed.
func Merge[T any](u *Update, old []Segment, compare func(a, b *T) int, same func(a, b *T) bool) (Segment, error) {
	for len(old) > mergeFanIn {
		head, err := mergeOnce(u, old[:mergeFanIn], compare, same)
		if err != nil {
			return head, err
		}
		old = append(old[mergeFanIn:len(old):len(old)], head)
	}
	return mergeOnce(u, old, compare, same)
}

func mergeOnce[T any](u *Update, old []Segment, compare func(a, b *T) int, same func(a, b *T) bool) (Segment, error) {
	m := &merger[T]{compare: compare}
	defer m.close()
	for _, s := range old {
		f, err := u.a.Open(s.Path())
		if err != nil {
			return Segment{}, fmt.Errorf("merge segments: %w", err)
		}
		if err := m.add(s.Path(), f); err != nil {
			return Segment{}, fmt.Errorf("merge segment %s: %w", s.Path(), err)
		}
	}
	heap.Init(m)
	drop := make(map[string]bool, len(old))
	for _, s := range old {
		drop[s.Path()] = true
	}
	kept := u.Manifest.Segments[:0:0]
	for _, s := range u.Manifest.Segments {
		if !drop[s.Path()] || s.Ruleset != old[0].Ruleset {
			kept = append(kept, s)
		}
	}
	u.Manifest.Segments = kept
	s := Segment{Kind: old[0].Kind, Period: old[0].Period, Ruleset: old[0].Ruleset}
	return addSegment(u, s, func(yield func([]T) error) error { return m.run(yield, same) })
}

type mergeInput[T any] struct {
	f    io.Closer
	c    *cursor[T]
	rows []T
}

type merger[T any] struct {
	in      []*mergeInput[T]
	all     []*mergeInput[T]
	compare func(a, b *T) int
}

func (m *merger[T]) add(path string, f *os.File) error {
	c, err := newCursor[T](path, f)
	if err != nil {
		f.Close()
		return err
	}
	in := &mergeInput[T]{f: f, c: c}
	m.all = append(m.all, in)
	rows, err := in.c.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	in.rows = rows
	m.in = append(m.in, in)
	return nil
}

func (m *merger[T]) close() {
	for _, in := range m.all {
		in.c.r.Close()
		in.f.Close()
	}
}

func (m *merger[T]) Len() int           { return len(m.in) }
func (m *merger[T]) Less(i, j int) bool { return m.compare(&m.in[i].rows[0], &m.in[j].rows[0]) < 0 }
func (m *merger[T]) Swap(i, j int)      { m.in[i], m.in[j] = m.in[j], m.in[i] }
func (m *merger[T]) Push(x any)         { m.in = append(m.in, x.(*mergeInput[T])) }
func (m *merger[T]) Pop() any {
	last := m.in[len(m.in)-1]
	m.in = m.in[:len(m.in)-1]
	return last
}

func (m *merger[T]) run(yield func([]T) error, same func(a, b *T) bool) error {
	out := make([]T, 0, 512)
	var last T
	started := false
	for len(m.in) > 0 {
		in := m.in[0]
		row := in.rows[0]
		if !started || same == nil || !same(&last, &row) {
			out = append(out, row)
			last, started = row, true
		}
		in.rows = in.rows[1:]
		if len(in.rows) == 0 {
			if len(out) > 0 { // its strings may belong to the cursor
				if err := yield(out); err != nil {
					return err
				}
				out = out[:0]
			}
			rows, err := in.c.next()
			if errors.Is(err, io.EOF) {
				heap.Pop(m)
				continue
			}
			if err != nil {
				return err
			}
			in.rows = rows
		}
		heap.Fix(m, 0)
		if len(out) == cap(out) {
			if err := yield(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	return yield(out)
}

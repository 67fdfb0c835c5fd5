package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/parquet-go/parquet-go"
)

// SegmentFile is an open segment, for those who look up a few of its rows. Many goroutines
// may read it.
type SegmentFile struct {
	path    string
	f       *os.File
	parquet *parquet.File
	id      identity
	of      func(fs.FileInfo) identity
}

// OpenSegment opens a segment and reads its indexes. The caller must Close it.
func (a *Archive) OpenSegment(s Segment) (*SegmentFile, error) {
	f, err := a.Open(s.Path())
	if err != nil {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	var pf *parquet.File
	err = guard(s.Path(), func() (err error) {
		pf, err = parquet.OpenFile(f, s.Bytes)
		return err
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read segment %s: %w", s.Path(), err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read segment %s: %w", s.Path(), err)
	}
	return &SegmentFile{path: s.Path(), f: f, parquet: pf, id: a.identityOf(st), of: a.identityOf}, nil
}

// Unchanged reports whether nobody has written to the file since it was opened.
func (f *SegmentFile) Unchanged() bool {
	st, err := f.f.Stat()
	return err == nil && f.of(st) == f.id
}

// Bounds returns the smallest and the greatest value of a column of integers, from the
// segment's index.
func (f *SegmentFile) Bounds(column string) (least, most int64, err error) {
	leaf, ok := f.parquet.Schema().Lookup(column)
	if !ok {
		return 0, 0, fmt.Errorf("read segment %s: it has no column %s", f.path, column)
	}
	first := true
	for _, g := range f.parquet.RowGroups() {
		err := guard(f.path, func() error {
			bounds, err := g.ColumnChunks()[leaf.ColumnIndex].ColumnIndex()
			if err != nil {
				return err
			}
			for i := range bounds.NumPages() {
				low, high := bounds.MinValue(i).Int64(), bounds.MaxValue(i).Int64()
				if first {
					least, most, first = low, high, false
				}
				least, most = min(least, low), max(most, high)
			}
			return nil
		})
		if err != nil {
			return 0, 0, fmt.Errorf("read segment %s: %w", f.path, err)
		}
	}
	return least, most, nil
}

// Close releases the file.
func (f *SegmentFile) Close() error { return f.f.Close() }

// Key asks for the rows in which a text column has a value.
type Key struct{ Column, Value string }

// span is a run of rows of a row group, [from, to).
type span struct{ from, to int64 }

// Lookup returns the rows in which every key's column has its value, in order. It unpacks
// only the pages whose bounds in the index admit the value. So it is quick for columns by
// which the segment is sorted; of other columns it reads everything.
func Lookup[T any](f *SegmentFile, keys ...Key) ([]T, error) {
	var out []T
	for _, g := range f.parquet.RowGroups() {
		err := guard(f.path, func() error {
			spans, err := f.spans(g, keys)
			if err == nil && len(spans) > 0 {
				out, err = readSpans(out, g, spans)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read segment %s: %w", f.path, err)
		}
	}
	return out, nil
}

// LookupFew is Lookup if there are at most `most` such rows. Else it returns none, and few
// is false.
func LookupFew[T any](f *SegmentFile, most int64, keys ...Key) (rows []T, few bool, err error) {
	groups, n := f.parquet.RowGroups(), int64(0)
	spans := make([][]span, len(groups))
	for i, g := range groups {
		err := guard(f.path, func() (err error) {
			spans[i], err = f.spans(g, keys)
			return err
		})
		if err != nil {
			return nil, false, fmt.Errorf("read segment %s: %w", f.path, err)
		}
		for _, s := range spans[i] {
			n += s.to - s.from
		}
	}
	if n > most {
		return nil, false, nil
	}
	for i, g := range groups {
		if len(spans[i]) == 0 {
			continue
		}
		err := guard(f.path, func() (err error) {
			rows, err = readSpans(rows, g, spans[i])
			return err
		})
		if err != nil {
			return nil, false, fmt.Errorf("read segment %s: %w", f.path, err)
		}
	}
	return rows, true, nil
}

// spans returns where in a row group the keys hold.
func (f *SegmentFile) spans(g parquet.RowGroup, keys []Key) ([]span, error) {
	spans := []span{{0, g.NumRows()}}
	chunks := make([]parquet.ColumnChunk, len(keys))
	for i, k := range keys {
		leaf, ok := f.parquet.Schema().Lookup(k.Column)
		if !ok {
			return nil, fmt.Errorf("it has no column %s", k.Column)
		}
		chunks[i] = g.ColumnChunks()[leaf.ColumnIndex]
		var err error
		if spans, err = byBounds(chunks[i], []byte(k.Value), g.NumRows(), spans); err != nil {
			return nil, err
		}
	}
	for i, k := range keys {
		var err error
		if spans, err = byValues(chunks[i], []byte(k.Value), spans); err != nil {
			return nil, err
		}
	}
	return spans, nil
}

// byBounds keeps of spans the parts in pages whose bounds admit a value.
func byBounds(chunk parquet.ColumnChunk, want []byte, rows int64, spans []span) ([]span, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	bounds, err := chunk.ColumnIndex()
	if err != nil {
		return nil, err
	}
	places, err := chunk.OffsetIndex()
	if err != nil {
		return nil, err
	}
	var pages []span
	for i := range places.NumPages() {
		if bytes.Compare(want, bounds.MinValue(i).ByteArray()) < 0 || bytes.Compare(want, bounds.MaxValue(i).ByteArray()) > 0 {
			continue
		}
		p := span{places.FirstRowIndex(i), rows}
		if i+1 < places.NumPages() {
			p.to = places.FirstRowIndex(i + 1)
		}
		pages = appendSpan(pages, p)
	}
	return intersect(spans, pages), nil
}

// appendSpan adds a run that begins at or after the end of the last one.
func appendSpan(spans []span, s span) []span {
	if n := len(spans); n > 0 && spans[n-1].to == s.from {
		spans[n-1].to = s.to
		return spans
	}
	return append(spans, s)
}

func intersect(a, b []span) []span {
	var out []span
	for len(a) > 0 && len(b) > 0 {
		if s := (span{max(a[0].from, b[0].from), min(a[0].to, b[0].to)}); s.from < s.to {
			out = append(out, s)
		}
		if a[0].to < b[0].to {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return out
}

// byValues keeps of spans the rows that have the wanted value.
func byValues(chunk parquet.ColumnChunk, want []byte, spans []span) ([]span, error) {
	if len(spans) == 0 {
		return nil, nil
	}
	pages := chunk.Pages()
	defer pages.Close()
	var out []span
	buf := make([]parquet.Value, 512)
	for _, s := range spans {
		if err := pages.SeekToRow(s.from); err != nil {
			return nil, err
		}
		for row := s.from; row < s.to; {
			p, err := pages.ReadPage()
			if err != nil {
				return nil, fmt.Errorf("row %d: %w", row, err)
			}
			out, err = pageSpans(out, p, want, row, s.to, buf)
			row += p.NumRows()
			parquet.Release(p)
			if err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// pageSpans adds the rows of a page that have the wanted value. The page begins at row.
func pageSpans(out []span, p parquet.Page, want []byte, row, to int64, buf []parquet.Value) ([]span, error) {
	for v := p.Values(); row < to; {
		n, err := v.ReadValues(buf)
		for _, x := range buf[:n] {
			if row < to && bytes.Equal(x.ByteArray(), want) {
				out = appendSpan(out, span{row, row + 1})
			}
			row++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readSpans appends the rows of spans to out.
func readSpans[T any](out []T, g parquet.RowGroup, spans []span) ([]T, error) {
	r := parquet.NewGenericRowGroupReader[T](g)
	defer r.Close()
	for _, s := range spans {
		if err := r.SeekToRow(s.from); err != nil {
			return nil, err
		}
		rows := make([]T, s.to-s.from)
		for n := 0; n < len(rows); {
			m, err := r.Read(rows[n:])
			if n += m; n < len(rows) && err != nil {
				return nil, fmt.Errorf("row %d: %w", s.from+int64(n), err)
			}
		}
		out = append(out, rows...)
	}
	return out, nil
}

package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// spill keeps rows until all of them were read, grouped by measurement. A few are kept
// packed in memory; more go to a temporary file without a name. All rows of one
// measurement lie in the same bucket, and one bucket at a time is unpacked.
type spill struct {
	buckets [64]bucket
	file    *os.File
	end     int64 // size of the file
	enc     *zstd.Encoder
	columns []string // of the row before, sorted
	row     []byte   // scratch space
}

// bucket holds the rows of some measurements, in the order in which they came.
type bucket struct {
	frames []frame // in the file, compressed
	fresh  []byte  // not yet in the file
}

type frame struct{ at, size int64 }

// most is how many bytes of a bucket stay in memory.
const most = 256 << 10

// source says where a row stood.
type source struct {
	file int // the number of the file
	line int64
}

// kept is one kept row.
type kept struct {
	source
	packed string // its columns and values
}

// add keeps a row of a measurement.
func (s *spill) add(uid string, from source, values map[string]string) error {
	h := fnv.New32a()
	io.WriteString(h, uid)
	b := &s.buckets[h.Sum32()%uint32(len(s.buckets))]
	s.pack(values)
	b.fresh = appendText(b.fresh, uid)
	b.fresh = binary.AppendUvarint(b.fresh, uint64(from.file))
	b.fresh = binary.AppendUvarint(b.fresh, uint64(from.line))
	b.fresh = append(binary.AppendUvarint(b.fresh, uint64(len(s.row))), s.row...)
	if len(b.fresh) < most {
		return nil
	}
	return s.write(b)
}

// write moves the fresh rows of a bucket to the file.
func (s *spill) write(b *bucket) (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "bandish-rows-*"); err != nil {
			return fmt.Errorf("a temporary file for rows: %w", err)
		}
		os.Remove(s.file.Name()) //nolint:errcheck // where an open file cannot be removed, close does it
		if s.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1)); err != nil {
			return err
		}
	}
	packed := s.enc.EncodeAll(b.fresh, nil)
	if _, err := s.file.WriteAt(packed, s.end); err != nil {
		return fmt.Errorf("a temporary file for rows: %w", err)
	}
	b.frames = append(b.frames, frame{s.end, int64(len(packed))})
	s.end += int64(len(packed))
	b.fresh = b.fresh[:0]
	return nil
}

// each calls fn with the rows of every measurement, and then forgets them.
func (s *spill) each(fn func(uid string, rows []kept)) error {
	defer s.close()
	for i := range s.buckets {
		text, err := s.read(&s.buckets[i])
		if err != nil {
			return fmt.Errorf("a temporary file of rows: %w", err)
		}
		s.buckets[i] = bucket{}
		var order []string
		rows := map[string][]kept{}
		for len(text) > 0 {
			var uid, row string
			var file, line uint64
			uid, text = cutText(text)
			file, text = cutNumber(text)
			line, text = cutNumber(text)
			row, text = cutText(text)
			if _, ok := rows[uid]; !ok {
				order = append(order, uid)
			}
			rows[uid] = append(rows[uid], kept{source{int(file), int64(line)}, row})
		}
		for _, uid := range order {
			fn(uid, rows[uid])
		}
	}
	return nil
}

// read returns everything in a bucket.
func (s *spill) read(b *bucket) ([]byte, error) {
	if len(b.frames) == 0 {
		return b.fresh, nil
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	var out []byte
	for _, f := range b.frames {
		packed := make([]byte, f.size)
		if _, err := s.file.ReadAt(packed, f.at); err != nil {
			return nil, err
		}
		if out, err = dec.DecodeAll(packed, out); err != nil {
			return nil, err
		}
	}
	return append(out, b.fresh...), nil
}

func (s *spill) close() {
	if s.file == nil {
		return
	}
	s.file.Close()
	if err := os.Remove(s.file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return // the system cleans it up some day
	}
	s.file = nil
}

// pack writes those columns of a row that have a value, in a fixed order: equal rows give
// equal bytes.
func (s *spill) pack(values map[string]string) {
	known := func(column string) bool { _, ok := values[column]; return ok }
	if len(s.columns) != len(values) || slices.ContainsFunc(s.columns, func(c string) bool { return !known(c) }) {
		s.columns = slices.Sorted(maps.Keys(values))
	}
	s.row = s.row[:0]
	for _, k := range s.columns {
		if values[k] != "" {
			s.row = appendText(appendText(s.row, k), values[k])
		}
	}
}

// values undoes pack.
func (k kept) values() map[string]string {
	out := map[string]string{}
	for text := []byte(k.packed); len(text) > 0; {
		var column, value string
		column, text = cutText(text)
		value, text = cutText(text)
		out[column] = value
	}
	return out
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutNumber(b []byte) (uint64, []byte) {
	n, size := binary.Uvarint(b)
	return n, b[size:]
}

func cutText(b []byte) (string, []byte) {
	n, b := cutNumber(b)
	return string(b[:n]), b[n:]
}

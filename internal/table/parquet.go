package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"
)

// The limits of a Parquet file. The library trusts the lengths that a file claims: a list
// of 2^31 elements in a footer of 21 bytes ends the process. So all lengths are checked
// here first.
const (
	maxFooter   = 64 << 20 // bytes
	maxElements = 4 << 20  // of all lists of a footer
	maxHeader   = 16 << 20 // bytes of a page header with its statistics
	maxAtOnce   = 1 << 30  // bytes that the pages of a row group need, which are read side by side
	maxGroups   = 1 << 16  // row groups
)

// maxRows is how many rows are read of a Parquet file of size bytes. Nulls and repetitions
// take no room, so a few bytes can claim any number of rows.
func maxRows(size int64) int64 { return max(1<<20, 8*size) }

// errTooManyRows is the error of a file with more than maxRows.
var errTooManyRows = errors.New("more rows than a Parquet file of this size can tell apart: a decompression bomb")

// rowBytes estimates the length of a row as text.
func rowBytes(row parquet.Row) int {
	n := 0
	for _, v := range row {
		switch v.Kind() {
		case parquet.ByteArray, parquet.FixedLenByteArray:
			n += len(v.ByteArray()) + 3
		default:
			n += 3
		}
	}
	return n
}

// openParquet opens a Parquet file of a stranger. It can still panic on malformed files,
// also while rows are being read.
func openParquet(r io.ReaderAt, size int64) (*parquet.File, error) {
	if err := CheckParquet(r, size); err != nil {
		return nil, err
	}
	var end [4]byte
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return nil, err
	}
	footer := make([]byte, binary.LittleEndian.Uint32(end[:])) // at most maxFooter
	if _, err := r.ReadAt(footer, size-8-int64(len(footer))); err != nil {
		return nil, err
	}
	if err := checkFooter(footer); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("not a Parquet file: %w", err)
	}
	return f, checkPages(r, size, f)
}

// CheckParquet looks at the end of a file. It returns an error if the end shows that the
// file is not Parquet, or not complete.
func CheckParquet(r io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return errors.New("not a Parquet file: it is too short")
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil {
		return errors.New("not a Parquet file: its end cannot be read")
	}
	if string(end[4:]) != "PAR1" {
		return errors.New("not a Parquet file: it begins as one but does not end as one; was it cut off?")
	}
	footer := int64(binary.LittleEndian.Uint32(end[:]))
	if footer > size-12 {
		return fmt.Errorf("not a Parquet file: it claims a footer of %d bytes and has %d bytes itself", footer, size)
	}
	if footer > maxFooter {
		return fmt.Errorf("a Parquet file with a footer of %d bytes, the limit is %d: split it", footer, maxFooter)
	}
	return nil
}

func checkFooter(footer []byte) error {
	c := compact{b: footer}
	if err := c.structure(nil, 0, 0); err != nil {
		return fmt.Errorf("not a Parquet file: its footer: %w", err)
	}
	return nil
}

// checkPages returns an error if reading the pages would take too much, by what their
// headers claim.
func checkPages(r io.ReaderAt, size int64, f *parquet.File) error {
	groups := f.Metadata().RowGroups
	if len(groups) > maxGroups {
		return fmt.Errorf("a Parquet file of %d row groups, the limit is %d", len(groups), maxGroups)
	}
	columns := f.Schema().Columns()
	for g := range groups {
		if len(groups[g].Columns) != len(columns) {
			return fmt.Errorf("not a Parquet file: row group %d has %d columns of %d", g, len(groups[g].Columns), len(columns))
		}
		atOnce := int64(0)
		for i := range groups[g].Columns {
			m := &groups[g].Columns[i].MetaData
			start := m.DataPageOffset
			if m.DictionaryPageOffset != 0 {
				start = m.DictionaryPageOffset
			}
			leaf, ok := f.Schema().Lookup(columns[i]...)
			if !ok || start < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size || start > size-m.TotalCompressedSize {
				return fmt.Errorf("not a Parquet file: column %d of row group %d lies outside the file", i, g)
			}
			need, err := chunkNeeds(io.NewSectionReader(r, start, m.TotalCompressedSize), leaf.MaxRepetitionLevel > 0)
			if err != nil {
				return fmt.Errorf("not a Parquet file: column %d of row group %d: %w", i, g, err)
			}
			atOnce += need
		}
		if atOnce > maxAtOnce {
			return fmt.Errorf("a Parquet file whose row group %d needs %d MiB at once, the limit is %d: write it with smaller pages", g, atOnce>>20, maxAtOnce>>20)
		}
	}
	return nil
}

// pageHeader is what a page claims.
type pageHeader struct{ kind, unpacked, packed, values int64 }

const dictionaryPage = 2 // value of kind

// chunkNeeds estimates how many bytes reading one column of a row group takes. That is its
// largest page and its dictionary; if the column repeats, it is all its values, since they
// may belong to one row.
func chunkNeeds(r *io.SectionReader, repeats bool) (int64, error) {
	var largest, dictionary, values int64
	for at := int64(0); at < r.Size(); {
		h, length, err := readPageHeader(r, at)
		if err != nil {
			return 0, err
		}
		if h.packed < 0 || h.unpacked < 0 || h.values < 0 || h.packed > r.Size()-at-length {
			return 0, fmt.Errorf("a page at %d claims %d bytes", at, h.packed)
		}
		need := h.packed + h.unpacked + 16*h.values // levels, lengths, indexes
		if h.kind == dictionaryPage {
			dictionary += need
		} else {
			largest = max(largest, need)
			values += h.values
		}
		at += length + h.packed
	}
	if repeats {
		largest += 24 * values
	}
	return largest + dictionary, nil
}

// readPageHeader reads a page header and its length in bytes.
func readPageHeader(r *io.SectionReader, at int64) (h pageHeader, length int64, err error) {
	for _, room := range []int64{1 << 10, maxHeader} {
		buf := make([]byte, min(room, r.Size()-at))
		if _, err := r.ReadAt(buf, at); err != nil && !errors.Is(err, io.EOF) {
			return h, 0, err
		}
		c := compact{b: buf}
		h = pageHeader{}
		err = c.structure(func(parent, field int, v int64) {
			switch {
			case parent == 0 && field == 1:
				h.kind = v
			case parent == 0 && field == 2:
				h.unpacked = v
			case parent == 0 && field == 3:
				h.packed = v
			case field == 1 && (parent == 5 || parent == 7 || parent == 8): // data page, dictionary, data page v2
				h.values = max(h.values, v)
			}
		}, 0, 0)
		if !errors.Is(err, errShort) {
			return h, int64(c.at), err
		}
	}
	return h, 0, err
}

// compact walks through Thrift's compact protocol, in which Parquet writes its headers
// (thrift-compact-protocol.md). It allocates nothing for what they claim.
type compact struct {
	b        []byte
	at       int
	elements int
}

var (
	errShort     = errors.New("it claims more than there is")
	errMalformed = errors.New("it is malformed")
)

// maxStructures is how deep structures may be nested. Parquet's own need less than ten.
const maxStructures = 32

// structure walks through one structure. visit is called with its integers and those of
// the structures within it, and with the field that holds them; parent 0 is the outermost
// structure.
func (c *compact) structure(visit func(parent, field int, v int64), parent, depth int) error {
	if depth > maxStructures {
		return errMalformed
	}
	field := 0
	for {
		head, err := c.next()
		if err != nil || head == 0 {
			return err
		}
		kind := int(head & 15)
		if delta := int(head >> 4); delta != 0 {
			field += delta
		} else {
			v, err := c.integer()
			if err != nil {
				return err
			}
			field = int(int16(v))
		}
		if err := c.value(visit, kind, parent, field, depth); err != nil {
			return err
		}
	}
}

// value walks through the value of a field. A boolean field has none.
func (c *compact) value(visit func(parent, field int, v int64), kind, parent, field, depth int) error {
	switch kind {
	case 1, 2: // true, false
		return nil
	case 4, 5, 6: // i16, i32, i64
		v, err := c.integer()
		if visit != nil && depth <= 1 {
			visit(parent, field, v)
		}
		return err
	case 12:
		if depth == 0 {
			parent = field
		}
		return c.structure(visit, parent, depth+1)
	}
	return c.element(kind, depth)
}

// element walks through one element of a list.
func (c *compact) element(kind, depth int) error {
	switch kind {
	case 1, 2, 3: // boolean, byte
		return c.skip(1)
	case 4, 5, 6:
		_, err := c.integer()
		return err
	case 7: // double
		return c.skip(8)
	case 8: // binary
		n, err := c.unsigned()
		if err != nil {
			return err
		}
		return c.skip(n)
	case 9, 10: // list, set
		head, err := c.next()
		if err != nil {
			return err
		}
		n := uint64(head >> 4)
		if n == 15 {
			if n, err = c.unsigned(); err != nil {
				return err
			}
		}
		return c.list(n, depth, int(head&15))
	case 11: // map
		n, err := c.unsigned()
		if err != nil || n == 0 {
			return err
		}
		kinds, err := c.next()
		if err != nil {
			return err
		}
		return c.list(n, depth, int(kinds>>4), int(kinds&15))
	case 12:
		return c.structure(nil, 0, depth+1)
	}
	return errMalformed
}

// list walks n times through elements of these kinds. Each element takes at least one
// byte.
func (c *compact) list(n uint64, depth int, kinds ...int) error {
	if n > uint64(len(c.b)-c.at) {
		return errShort
	}
	if c.elements += int(n); c.elements > maxElements || depth > maxStructures {
		return errMalformed
	}
	for range n {
		for _, k := range kinds {
			if err := c.element(k, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *compact) next() (byte, error) {
	if c.at >= len(c.b) {
		return 0, errShort
	}
	c.at++
	return c.b[c.at-1], nil
}

func (c *compact) skip(n uint64) error {
	if n > uint64(len(c.b)-c.at) {
		return errShort
	}
	c.at += int(n)
	return nil
}

func (c *compact) unsigned() (uint64, error) {
	v, n := binary.Uvarint(c.b[c.at:])
	switch {
	case n == 0:
		return 0, errShort
	case n < 0:
		return 0, errMalformed
	}
	c.at += n
	return v, nil
}

// integer reads a zigzag integer.
func (c *compact) integer() (int64, error) {
	v, err := c.unsigned()
	return int64(v>>1) ^ -int64(v&1), err
}

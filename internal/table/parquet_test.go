package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// withFooter is a file of nothing but a footer.
func withFooter(footer ...byte) []byte {
	b := append([]byte("PAR1"), footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), "PAR1"...)
}

// zigzag spells an integer of Thrift's compact protocol.
func zigzag(v int64) []byte { return binary.AppendUvarint(nil, uint64(v<<1)^uint64(v>>63)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Lengths that a footer claims are not believed: each of these would take more
// memory than there is, or the stack.
func TestParquetFooterIsNotBelieved(t *testing.T) {
	huge := binary.AppendUvarint(nil, math.MaxInt32)
	deep := bytes.Repeat([]byte{0x1c}, 1000) // a structure in a structure …
	wide := append([]byte{0x19, 0xfc}, binary.AppendUvarint(nil, maxElements+1)...)
	for name, footer := range map[string][]byte{
		"a schema of 2^31 elements":  join([]byte{0x15, 2, 0x19, 0xfc}, huge),
		"a name of 2^31 bytes":       join([]byte{0x15, 2, 0x19, 0x1c, 0x48}, huge),
		"a map of 2^31":              join([]byte{0x1b}, huge, []byte{0x88}),
		"more elements than allowed": join(wide, make([]byte, maxElements+2)),
		"structures without end":     deep,
		"lists without end":          bytes.Repeat([]byte{0x19}, 1000),
		"an unknown type":            {0x1d},
		"an endless integer":         join([]byte{0x15}, bytes.Repeat([]byte{0xff}, 11)),
	} {
		_, err := openParquet(bytes.NewReader(withFooter(footer...)), int64(len(footer)+12))
		if err == nil || !strings.HasPrefix(err.Error(), "not a Parquet file: its footer: ") {
			t.Errorf("%s: %v", name, err)
		}
		err = ReadParquet(bytes.NewReader(withFooter(footer...)), MaxParquet, func([]string) error { return nil }, func(ParquetRow) error { return nil })
		if !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: read gives %v", name, err)
		}
	}
}

// What reading takes is known from the pages' headers.
func TestPagesAreMeasured(t *testing.T) {
	page := func(kind, unpacked, packed, values int64, in byte, body int) []byte {
		h := join([]byte{0x15}, zigzag(kind), []byte{0x15}, zigzag(unpacked), []byte{0x15}, zigzag(packed))
		h = join(h, []byte{(in-3)<<4 | 12, 0x15}, zigzag(values), []byte{0, 0}) // field in of a structure
		return append(h, make([]byte, body)...)
	}
	data := func(unpacked, packed, values int64, body int) []byte {
		return page(0, unpacked, packed, values, 5, body)
	}
	for _, c := range []struct {
		name    string
		in      []byte
		repeats bool
		want    int64 // -1: an error
	}{
		{"none", nil, false, 0},
		{"the largest of two", join(data(100, 10, 5, 10), data(30, 3, 1, 3)), false, 100 + 10 + 16*5},
		{"with a dictionary", join(page(2, 50, 5, 2, 7, 5), data(100, 10, 5, 10)), false, 50 + 5 + 32 + 100 + 10 + 80},
		{"of the second version", page(3, 100, 10, 5, 8, 10), false, 100 + 10 + 80},
		{"lists", join(data(100, 10, 5, 10), data(30, 3, 1, 3)), true, 100 + 10 + 16*5 + 24*6},
		{"a bomb", data(math.MaxInt32, 3, 1, 3), false, math.MaxInt32 + 3 + 16},
		{"values from nothing", data(1, 1, math.MaxInt32, 1), false, 2 + 16*math.MaxInt32},
		{"longer than the chunk", data(1, 100, 1, 3), false, -1},
		{"negative", data(1, -1, 1, 3), false, -1},
		{"cut in a header", data(100, 0, 5, 0)[:4], false, -1},
	} {
		got, err := chunkNeeds(io.NewSectionReader(bytes.NewReader(c.in), 0, int64(len(c.in))), c.repeats)
		if c.want >= 0 && (err != nil || got != c.want) || c.want < 0 && err == nil {
			t.Errorf("%s: %d, %v; want %d", c.name, got, err, c.want)
		}
	}
}

type parquetRow struct {
	UID   string   `parquet:"measurement_uid"`
	CC    string   `parquet:"probe_cc,dict"`
	Start int64    `parquet:"measurement_start_time,timestamp(millisecond)"`
	DNS   *string  `parquet:"dns_failure,optional,snappy"`
	SAN   []string `parquet:"tls_san,list"`
}

func parquetFile(t testing.TB, options ...parquet.WriterOption) []byte {
	t.Helper()
	failure := "dns_nxdomain_error"
	var b bytes.Buffer
	rows := []parquetRow{{"u", "ZZ", 1706745600000, &failure, []string{"a", "b"}}, {"v", "ZZ", 1706745601500, nil, nil}}
	if err := parquet.Write(&b, rows, options...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A row group that would take too much at once is refused with its figures.
func TestParquetBombIsRefused(t *testing.T) {
	good := parquetFile(t, parquet.Compression(&parquet.Uncompressed))
	f, err := openParquet(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	at := f.Metadata().RowGroups[0].Columns[0].MetaData.DataPageOffset
	// the first page is rewritten to claim ever so many values, in its room
	h, length, err := readPageHeader(io.NewSectionReader(bytes.NewReader(good), at, int64(len(good))-at), 0)
	if err != nil || h.values != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	claim := join([]byte{0x15}, zigzag(h.kind), []byte{0x15}, zigzag(math.MaxInt32), []byte{0x15}, zigzag(h.packed), []byte{0x2c, 0x15}, zigzag(math.MaxInt32))
	fill := int(length) - len(claim) - 2
	if fill < 3 {
		t.Fatalf("a header of %d bytes is too short for this test", length)
	}
	claim = join(claim, []byte{0}, []byte{0x38, byte(fill - 2)}, make([]byte, fill-2), []byte{0}) // an unknown binary field
	bad := bytes.Clone(good)
	copy(bad[at:], claim[:length])
	if _, err := openParquet(bytes.NewReader(bad), int64(len(bad))); err == nil || !strings.Contains(err.Error(), "MiB at once, the limit is 1024") {
		t.Errorf("%v", err)
	}
}

func FuzzParquet(f *testing.F) {
	for _, o := range [][]parquet.WriterOption{{}, {parquet.Compression(&parquet.Zstd)}, {parquet.Compression(&parquet.Gzip), parquet.DataPageVersion(1)}, {parquet.DataPageVersion(2), parquet.Compression(&parquet.Uncompressed)}} {
		f.Add(parquetFile(f, o...))
	}
	f.Add(withFooter(0x15, 2, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 7))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows := 0
		columns := 0
		ReadParquet(bytes.NewReader(data), MaxParquet, func(names []string) error {
			columns = len(names)
			return nil
		}, func(r ParquetRow) error {
			if r.Err == nil && len(r.Fields) != columns || r.Err != nil && r.Fields != nil {
				t.Errorf("neither the fields nor an error, or both: %+v", r)
			}
			if rows++; rows > 1<<16 { // nulls take no room: a few bytes can hold many rows
				return io.EOF
			}
			return nil
		})
	})
}

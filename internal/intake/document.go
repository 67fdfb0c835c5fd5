// Package intake reads what the world sends: measurement documents and table
// rows from files, folders, tars, the web and buckets. It decompresses, cuts
// into documents, and says of each where it lay. It promises that every line
// of every source comes out once, as a document or as a Bad one with a
// reason; it does not judge what documents mean.
package intake

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/table"
	gojson "github.com/goccy/go-json"
)

// The kinds of document.
const (
	Measurement = "measurement" // Data is a JSON object
	WebRow      = "web"         // Data is a JSON object of column and text: one row of OONI's obs_web
	CountsRow   = "aggregation" // the same, one row of OONI's aggregation API
	Signals     = "signals"     // Data is a JSON object: an answer of IODA's API
)

// MaxDocument bounds one document; a longer line is set aside. A row of CSV
// is bounded by table.MaxRow, a Parquet file by table.MaxParquet.
const MaxDocument = table.MaxDocument

// maxNested is how many tars may lie one in the other.
const maxNested = 4

// Document is one line, one JSON document of a file of several lines, or one
// row of a table.
type Document struct {
	Source string // the file, with " › " and the member inside a tar
	Line   int64  // from 1; for a document of several lines its first
	Offset int64  // in the decompressed source
	Kind   string
	Data   []byte   // never written to again; it may lie in a larger piece of memory beside others
	UID    string   // from the name of a postcan
	Lacks  []string // of a row of counts: the columns that say of what, and that its table has not

	Uploaded time.Time // when a collector got it, where known
	Bad      string    // why it cannot be read; Data is then what was there, of a line over MaxDocument its first 4 KiB
}

// ErrUnreadable is wrapped by errors about a source of which nothing could
// be read.
var ErrUnreadable = table.ErrUnreadable

// Read cuts one source into documents and calls fn with each, in order. It
// returns an error when the source cannot be read on; documents before that
// have been given out.
func Read(r io.Reader, name string, fn func(Document) error) error {
	u := &unpacking{Unpacking: table.Unpacking{Floor: table.BombFloor}, members: maxMembers}
	return u.read(u.In(r), name, 0, fn)
}

// read reads a source, or a member of a tar in it.
func (u *unpacking) read(r io.Reader, name string, depth int, fn func(Document) error) error {
	br, closer, err := u.Plain(r)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	defer closer()
	head, err := br.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	c := &cutter{name: name, emit: fn}
	switch {
	case isTar(head) && depth == maxNested:
		return fmt.Errorf("%s: %w: a tar in a tar, more than %d deep", name, ErrUnreadable, maxNested)
	case isTar(head):
		return u.tar(br, name, depth, fn)
	case bytes.HasPrefix(head, []byte("PAR1")):
		return c.parquet(br)
	}
	switch first := firstByte(head); {
	case first == 0 && len(head) < 512:
		return fmt.Errorf("%s: %w: it is empty", name, ErrUnreadable)
	case first == '[':
		skipped := 0
		if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
			skipped, _ = br.Discard(3)
		}
		return c.documents(br, 1, int64(skipped))
	case first == '{':
		return c.lines(br)
	case looksLikeCSV(head):
		return c.csv(br)
	}
	return fmt.Errorf("%s: %w: it is neither JSON, JSONL, CSV, Parquet nor a tar of these (it begins with %.20q)", name, ErrUnreadable, head)
}

// unpacking is what a source and all in it may unpack to.
type unpacking struct {
	table.Unpacking
	members int // of a tar
}

func isTar(head []byte) bool {
	return len(head) >= 262 && bytes.Equal(head[257:262], []byte("ustar"))
}

func firstByte(head []byte) byte {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return 0
	}
	return head[0]
}

func looksLikeCSV(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.Count(line, []byte(",")) >= 2 && bytes.IndexByte(line, 0) < 0
}

// postcan is the name of a measurement inside OONI's tars:
// 2024021023_PK_webconnectivity.n0.0.tar.gz holds
// 20240210230001.123456_PK_webconnectivity_0123456789abcdef.post.
var postcan = regexp.MustCompile(`^(\d{14}\.\d{6}_[A-Z]{2}_[a-z]+_[0-9a-f]{16})\.post$`)

// The bounds of a tar. Its members are never written to files, so their names
// can only mislead who reads them.
const (
	maxMembers = 1 << 20
	maxMember  = 1 << 10 // bytes of a name
)

// tar reads the members one by one. One that cannot be read, or not to its
// end, does not spoil the tar.
func (u *unpacking) tar(r io.Reader, name string, depth int, fn func(Document) error) error {
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		if n == u.members {
			return fmt.Errorf("%s: a tar of more than %d members: the rest was not read", name, u.members)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read tar: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		uid := ""
		if m := postcan.FindStringSubmatch(path.Base(h.Name)); m != nil {
			uid = m[1]
		}
		member := name + " › " + shorten(h.Name)
		var refused error // by fn
		err = u.read(t, member, depth+1, func(d Document) error {
			if uid != "" && d.Kind == Measurement && d.Bad == "" {
				d = unwrapPost(d, uid)
			}
			refused = fn(d)
			return refused
		})
		if err != nil && refused == nil {
			refused = fn(Document{Source: member, Line: 1, Kind: Measurement, Bad: err.Error()})
		}
		if refused != nil {
			return refused
		}
	}
}

func shorten(name string) string {
	if len(name) <= maxMember {
		return name
	}
	return strings.ToValidUTF8(name[:maxMember], "") + "…"
}

// unwrapPost takes the measurement out of the envelope that a probe posted.
func unwrapPost(d Document, uid string) Document {
	d.UID = uid
	var envelope struct {
		Format  string          `json:"format"`
		Content json.RawMessage `json:"content"`
	}
	if gojson.Unmarshal(d.Data, &envelope) == nil && envelope.Format == "json" && len(envelope.Content) > 0 {
		d.Data = envelope.Content
	}
	return d
}

// cutter cuts one plain stream.
type cutter struct {
	name string
	emit func(Document) error
}

// lines reads JSONL. A source whose first line is not a whole JSON value is
// read as documents of several lines.
func (c *cutter) lines(r io.Reader) error {
	lines := newLineReader(r, MaxDocument)
	var offset, line int64
	first := true // no line but blank ones was read
	for {
		data, tooLong, err := lines.line()
		if len(data) == 0 && errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			if line == 0 && len(data) == 0 {
				return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
			}
			if len(data) > 0 {
				if e := c.bad(line+1, offset, data, "the source ends in the middle of the line: "+err.Error()); e != nil {
					return e
				}
			}
			return fmt.Errorf("%s: line %d: %w", c.name, line+1, err)
		}
		line++
		start := offset
		offset += int64(len(data)) + tooLong
		trimmed := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
		begins := first && len(trimmed) > 0
		first = first && !begins
		switch {
		case len(trimmed) == 0:
		case tooLong > 0:
			err = c.bad(line, start, data, fmt.Sprintf("the line has %d bytes, the limit is %d", int64(len(data))+tooLong, MaxDocument))
		case begins && !json.Valid(trimmed) && incomplete(trimmed):
			if text := bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")); len(text) < len(data) {
				data, start = text, start+3
			}
			return c.documents(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(data), lines.rest()), 1<<16), line, start)
		default:
			err = c.object(line, start, trimmed)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
}

// incomplete tells the first line of a document of several lines ("{", or an
// object that has not ended) from a line that is simply wrong.
func incomplete(line []byte) bool {
	var v json.RawMessage
	err := json.NewDecoder(bytes.NewReader(line)).Decode(&v)
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// documents reads JSON objects that spread over lines or are the elements of
// arrays, one after another.
func (c *cutter) documents(r *bufio.Reader, line, offset int64) error {
	values := table.NewValues(r, MaxDocument, line, offset)
	for {
		v, err := values.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", c.name, v.Line, err)
		}
		var compact bytes.Buffer
		if v.Bad == "" {
			if err := json.Compact(&compact, v.Data); err != nil {
				v.Bad = "not JSON: " + err.Error()
			}
		}
		if v.Bad != "" {
			err = c.bad(v.Line, v.Offset, v.Data, v.Bad)
		} else {
			err = c.object(v.Line, v.Offset, compact.Bytes())
		}
		if err != nil {
			return err
		}
	}
}

// object gives out a JSON object.
func (c *cutter) object(line, offset int64, data []byte) error {
	d := Document{Source: c.name, Line: line, Offset: offset, Kind: Measurement, Data: data}
	if areSignals(data) {
		d.Kind, d.Lacks = Signals, []string{"probe_cc"} // of a network IODA does not say the country
	}
	return c.emit(d)
}

// areSignals tells an answer of IODA's API, which says so at its beginning, from a
// measurement.
func areSignals(data []byte) bool {
	return bytes.Contains(data[:min(len(data), 4096)], []byte(`"entityType"`)) && !bytes.Contains(data, []byte(`"test_keys"`))
}

func (c *cutter) bad(line, offset int64, data []byte, why string) error {
	return c.emit(Document{Source: c.name, Line: line, Offset: offset, Kind: Measurement, Data: bytes.Clone(data), Bad: why})
}

// TableKind says what a table with these columns is; "" for neither.
func TableKind(columns []string) string {
	has := map[string]bool{}
	for _, c := range columns {
		has[strings.TrimSpace(c)] = true
	}
	switch {
	case has["measurement_count"] && (has["ok_count"] || has["anomaly_count"]):
		return CountsRow
	case has["measurement_uid"] && has["measurement_start_time"] && (has["dns_failure"] || has["tcp_failure"] || has["tls_failure"] || has["http_failure"]):
		return WebRow
	}
	return ""
}

// lacking are the columns that a table of counts has not: OONI's API leaves out
// those of the question that was asked.
func lacking(kind string, columns []string) (out []string) {
	if kind != CountsRow {
		return nil
	}
	for _, c := range []string{"probe_cc", "test_name", "domain", "input"} {
		if !slices.Contains(columns, c) {
			out = append(out, c)
		}
	}
	return out
}

var errTable = errors.New("the table's columns are neither those of OONI's aggregation API (measurement_start_day, …, anomaly_count, confirmed_count, failure_count, ok_count, measurement_count) nor of obs_web (measurement_uid, measurement_start_time, …, dns_failure, tcp_failure, tls_failure, http_failure)")

// parquet reads a table in Parquet.
func (c *cutter) parquet(r io.Reader) error {
	var columns, lacks []string
	kind := ""
	head := func(named []string) error {
		columns, kind = named, TableKind(named)
		lacks = lacking(kind, named)
		if kind == "" {
			return fmt.Errorf("%w: %w", ErrUnreadable, errTable)
		}
		return nil
	}
	var refused error // by emit
	err := table.ReadParquet(r, table.MaxParquet, head, func(row table.ParquetRow) error {
		d := Document{Source: c.name, Line: row.Number, Kind: kind, Lacks: lacks}
		if row.Err != nil {
			d.Bad = row.Err.Error()
		} else {
			d.Data = rowJSON(columns, row.Fields)
		}
		refused = c.emit(d)
		return refused
	})
	if err != nil && refused == nil {
		err = fmt.Errorf("%s: %w", c.name, err)
	}
	return err
}

// csv reads a table with a header row.
func (c *cutter) csv(r *bufio.Reader) error {
	t, err := table.NewCSV(r, ',')
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	kind := TableKind(t.Columns)
	if kind == "" {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, errTable)
	}
	lacks := lacking(kind, t.Columns)
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		d := Document{Source: c.name, Line: row.Line, Offset: row.Offset, Kind: kind, Lacks: lacks}
		if row.Err != nil {
			d.Bad, d.Data = row.Err.Error(), bytes.Clone(row.Raw)
		} else {
			d.Data = rowJSON(t.Columns, row.Fields)
		}
		if err := c.emit(d); err != nil {
			return err
		}
	}
}

// rowJSON spells a row as a JSON object in the order of its columns, without
// the empty fields.
func rowJSON(columns, record []string) []byte {
	buf := []byte{'{'}
	for i, v := range record {
		if v == "" {
			continue
		}
		if len(buf) > 1 {
			buf = append(buf, ',')
		}
		buf = appendString(buf, columns[i])
		buf = append(buf, ':')
		buf = appendString(buf, v)
	}
	return append(buf, '}')
}

func appendString(buf []byte, s string) []byte {
	b, _ := json.Marshal(strings.ToValidUTF8(s, "\uFFFD")) // a string always encodes
	return append(buf, b...)
}

// uploadHour is when a bucket's object reached the collector, by its key:
// raw/20240217/17/PK/… or jsonl/…/PK/20240217/00/….
var uploadHour = regexp.MustCompile(`(?:^|/)raw/(\d{8})/(\d{2})/[A-Z]{2}/|(?:^|/)jsonl/[a-z_]+/[A-Z]{2}/(\d{8})/`)

// Uploaded tells from a source's name when its documents were uploaded, by
// OONI's bucket layout; zero when the name does not say.
func Uploaded(source string) time.Time {
	m := uploadHour.FindStringSubmatch(source)
	if m == nil {
		return time.Time{}
	}
	t, err := time.Parse("2006010215", m[1]+m[2])
	if m[3] != "" {
		t, err = time.Parse("20060102", m[3])
	}
	if err != nil {
		return time.Time{}
	}
	return t
}

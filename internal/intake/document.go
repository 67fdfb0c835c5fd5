// Package intake reads what the world sends: measurement documents and table rows from
// files, folders, tars, the web and buckets. It uncompresses them, splits them into
// documents (Read) or rows of text (ReadRows), and says of each where it stood. Every line
// of every source comes out once, as a document or as a Bad one with the reason. What
// documents mean is for others to judge.
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

// The kinds of documents.
const (
	Measurement = "measurement" // Data is a JSON object
	WebRow      = "web"         // Data is a JSON object that maps columns to text: one row of OONI's obs_web
	CountsRow   = "aggregation" // the same, one row of OONI's aggregation API
	Signals     = "signals"     // Data is a JSON object: an answer of IODA's API
)

// MaxDocument is the greatest size of one document in bytes. A longer line is set aside.
// table.MaxRow limits rows of CSV, table.MaxParquet limits Parquet files.
const MaxDocument = 32 << 20

// maxNested is how deep tars may lie within each other.
const maxNested = 4

// Document is one line, one JSON document of several lines, or one row of a table.
type Document struct {
	Source string // the file; for a member of a tar, with " › " and the member's name
	Line   int64  // from 1; of a document of several lines, the first
	Offset int64  // in the uncompressed source, in bytes
	Kind   string
	Data   []byte   // never written to again; may be part of a larger piece of memory
	UID    string   // from the name of a postcan; else ""
	Lacks  []string // of a row of counts: columns that its table lacks, and that say what was counted

	Uploaded time.Time // when a collector received it; zero if not known
	Bad      string    // why it cannot be read; Data is then the text, of a line over MaxDocument the first 4 KiB
}

// ErrUnreadable is wrapped by the error for a source of which nothing could be read.
var ErrUnreadable = table.ErrUnreadable

// Read splits one source into documents, and calls fn with each, in order. It returns the
// first error of fn, or an error if the source cannot be read to its end; fn has then got
// all documents before that.
func Read(r io.Reader, name string, fn func(Document) error) error {
	u := &unpacking{floor: bombFloor}
	c := &cutter{name: name, members: maxMembers, emit: func(r *record) error { return fn(r.document()) }}
	return c.read(u, u.weighed(r), 0)
}

// record is one JSON object, one row of a table, or text that is neither.
type record struct {
	source       string
	line, offset int64
	uid          string // from the name of a postcan; else ""
	data         []byte // the object; of a bad record the text
	bad          string // why it cannot be read
	table        *header
	fields       []string // of a row, by the table's columns; valid until the next row
}

// header describes a table by its first row.
type header struct {
	columns []string
	names   []string // the columns in lower case
	kind    string   // "": no kind that is imported
	lacks   []string // see Document
}

// document turns the record into what an import wants.
func (r *record) document() Document {
	d := Document{Source: r.source, Line: r.line, Offset: r.offset, Kind: Measurement, Data: r.data, Bad: r.bad}
	switch {
	case r.table != nil:
		d.Kind, d.Lacks = r.table.kind, r.table.lacks
		if r.bad == "" {
			d.Data = rowJSON(r.table.columns, r.fields)
		}
	case r.bad != "":
	case r.uid != "":
		d.Data, d.UID = unwrapPost(r.data), r.uid
	case areSignals(r.data):
		d.Kind, d.Lacks = Signals, []string{"probe_cc"} // IODA does not say the country of a network
	}
	return d
}

// cutter splits a source.
type cutter struct {
	name    string
	uid     string // of the present postcan
	members int    // how many members of tars may still come
	rows    bool   // ReadRows: rows of all tables are wanted, and those in a list within an object
	emit    func(*record) error
}

// read reads a source, or a member of a tar within it.
func (c *cutter) read(u *unpacking, r io.Reader, depth int) error {
	br, closer, err := u.plain(r)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	defer closer()
	head, err := br.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	switch {
	case isTar(head) && depth == maxNested:
		return fmt.Errorf("%s: %w: a tar in a tar, more than %d deep", c.name, ErrUnreadable, maxNested)
	case isTar(head):
		return c.tar(u, br, depth)
	case bytes.HasPrefix(head, []byte("PAR1")):
		return c.parquet(br)
	}
	switch first := firstByte(head); {
	case first == 0 && len(head) < 512 && bytes.IndexByte(head, 0) < 0:
		return fmt.Errorf("%s: %w: it is empty", c.name, ErrUnreadable)
	case first == '[':
		skipped := 0
		if bytes.HasPrefix(head, []byte(mark)) {
			skipped, _ = br.Discard(len(mark))
		}
		return c.documents(br, 1, int64(skipped))
	case first == '{':
		return c.lines(br)
	}
	least := 2 // prose has commas too
	if c.rows {
		least = 1
	}
	if comma := separator(head, least); comma != 0 {
		return c.csv(br, comma)
	}
	return fmt.Errorf("%s: %w: it is neither JSON, JSONL, CSV, Parquet nor a tar of these (it begins with %.20q)", c.name, ErrUnreadable, head)
}

// mark is the byte order mark, which may stand before text in UTF-8.
const mark = "\xef\xbb\xbf"

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

// separator returns what stands most often between the fields of a table's first row; 0 if
// head is not text, or if nothing stands there at least `least` times.
func separator(head []byte, least int) (most rune) {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(head, 0) >= 0 {
		return 0
	}
	for _, r := range ",;\t" {
		if n := bytes.Count(line, []byte{byte(r)}); n >= least {
			most, least = r, n+1
		}
	}
	return most
}

// postcan matches the name of a measurement within OONI's tars:
// 2024021023_PK_webconnectivity.n0.0.tar.gz contains
// 20240210230001.123456_PK_webconnectivity_0123456789abcdef.post.
var postcan = regexp.MustCompile(`^(\d{14}\.\d{6}_[A-Z]{2}_[a-z]+_[0-9a-f]{16})\.post$`)

// The limits of a tar. Its members are never written to files, so their names can mislead
// only readers.
const (
	maxMembers = 1 << 20
	maxMember  = 1 << 10 // bytes of a member's name
)

// tar reads the members one after the other. A member that cannot be read to its end does
// not spoil the rest.
func (c *cutter) tar(u *unpacking, r io.Reader, depth int) error {
	t := tar.NewReader(r)
	for n := 0; ; n++ {
		if n == c.members {
			return fmt.Errorf("%s: a tar of more than %d members: the rest was not read", c.name, c.members)
		}
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read tar: %w", c.name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		var refused error // the error of emit
		member := *c
		member.name, member.uid = c.name+" › "+shorten(h.Name), ""
		member.emit = func(r *record) error {
			refused = c.emit(r)
			return refused
		}
		if m := postcan.FindStringSubmatch(path.Base(h.Name)); m != nil {
			member.uid = m[1]
		}
		err = member.read(u, t, depth+1)
		if err != nil && refused == nil {
			refused = c.emit(&record{source: member.name, line: 1, bad: err.Error()})
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

// unwrapPost takes the measurement out of the envelope in which a probe posted it.
func unwrapPost(data []byte) []byte {
	var envelope struct {
		Format  string          `json:"format"`
		Content json.RawMessage `json:"content"`
	}
	if gojson.Unmarshal(data, &envelope) == nil && envelope.Format == "json" && len(envelope.Content) > 0 {
		return envelope.Content
	}
	return data
}

// lines reads lines of JSON. If the first line is not a whole JSON value, or is an object
// that holds rows, the source is read as documents of several lines.
func (c *cutter) lines(r io.Reader) error {
	lines := table.NewLines(r, MaxDocument)
	var offset, line int64
	first := true // only blank lines were read so far
	for {
		data, tooLong, err := lines.Next()
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
		trimmed := bytes.TrimSpace(bytes.TrimPrefix(data, []byte(mark)))
		begins := first && len(trimmed) > 0
		first = first && !begins
		switch {
		case len(trimmed) == 0:
		case tooLong > 0:
			err = c.bad(line, start, data, fmt.Sprintf("the line has %d bytes, the limit is %d", int64(len(data))+tooLong, MaxDocument))
		case begins && (!json.Valid(trimmed) && incomplete(trimmed) || c.rows && holdsRows(trimmed)):
			if text := bytes.TrimPrefix(data, []byte(mark)); len(text) < len(data) {
				data, start = text, start+int64(len(mark))
			}
			return c.documents(bufio.NewReaderSize(io.MultiReader(bytes.NewReader(data), lines.Rest()), 1<<16), line, start)
		default:
			err = c.object(line, start, trimmed)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
}

// incomplete reports whether a line is the first of a document of several lines ("{", or
// an object that has not ended). Other lines that are not JSON are simply wrong.
func incomplete(line []byte) bool {
	var v json.RawMessage
	err := json.NewDecoder(bytes.NewReader(line)).Decode(&v)
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// documents reads JSON objects that take several lines, or that are elements of arrays,
// one after the other.
func (c *cutter) documents(r *bufio.Reader, line, offset int64) error {
	values := newValues(r, MaxDocument, line, offset)
	values.lists = c.rows
	for {
		v, err := values.next()
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

// object emits a JSON object.
func (c *cutter) object(line, offset int64, data []byte) error {
	return c.emit(&record{source: c.name, line: line, offset: offset, uid: c.uid, data: data})
}

func (c *cutter) bad(line, offset int64, data []byte, why string) error {
	return c.emit(&record{source: c.name, line: line, offset: offset, data: bytes.Clone(data), bad: why})
}

// areSignals reports whether data is an answer of IODA's API, which shows at its
// beginning, and not a measurement.
func areSignals(data []byte) bool {
	return bytes.Contains(data[:min(len(data), 4096)], []byte(`"entityType"`)) && !bytes.Contains(data, []byte(`"test_keys"`))
}

// TableKind returns the kind of document in a table with these columns, "" for none that
// is imported.
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

// lacking returns the columns that a table of counts does not have: OONI's API leaves out
// those that were fixed in the question.
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
	var t *header
	var refused error // the error of emit
	err := table.ReadParquet(r, table.MaxParquet, func(columns []string) (err error) {
		t, err = c.header(columns)
		return err
	}, func(row table.ParquetRow) error {
		rec := record{source: c.name, line: row.Number, table: t, fields: row.Fields}
		if row.Err != nil {
			rec.bad = row.Err.Error()
		}
		refused = c.emit(&rec)
		return refused
	})
	if err != nil && refused == nil {
		err = fmt.Errorf("%s: %w", c.name, err)
	}
	return err
}

// header finds out what kind of table has these columns.
func (c *cutter) header(columns []string) (*header, error) {
	kind := TableKind(columns)
	if kind == "" && !c.rows {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, errTable)
	}
	t := &header{columns: columns, kind: kind, lacks: lacking(kind, columns)}
	for _, name := range columns {
		t.names = append(t.names, strings.ToLower(name))
	}
	return t, nil
}

// csv reads a table with a header row.
func (c *cutter) csv(r *bufio.Reader, comma rune) error {
	t, err := table.NewCSV(r, comma)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	head, err := c.header(t.Columns)
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	for {
		row, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		rec := record{source: c.name, line: row.Line, offset: row.Offset, table: head, fields: row.Fields}
		if row.Err != nil {
			rec.bad, rec.data = row.Err.Error(), bytes.Clone(row.Raw)
		}
		if err := c.emit(&rec); err != nil {
			return err
		}
	}
}

// rowJSON writes a row as a JSON object, in the order of its columns and without empty
// fields.
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
	b, _ := json.Marshal(strings.ToValidUTF8(s, "\uFFFD")) // a string always marshals
	return append(buf, b...)
}

// uploadHour finds in the key of a bucket's object when it reached the collector:
// raw/20240217/17/PK/… or jsonl/…/PK/20240217/00/….
var uploadHour = regexp.MustCompile(`(?:^|/)raw/(\d{8})/(\d{2})/[A-Z]{2}/|(?:^|/)jsonl/[a-z_]+/[A-Z]{2}/(\d{8})/`)

// Uploaded returns when the documents of a source were uploaded, from its name in the
// layout of OONI's bucket; zero if the name does not say.
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

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
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	gojson "github.com/goccy/go-json"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The kinds of document.
const (
	Measurement = "measurement" // Data is a JSON object
	WebRow      = "web"         // Data is a JSON object of column and text: one row of OONI's obs_web
	CountsRow   = "aggregation" // the same, one row of OONI's aggregation API
)

// MaxDocument bounds one document; a longer line is set aside.
const MaxDocument = 32 << 20

// Document is one line, one JSON document of a file of several lines, or one
// row of a table.
type Document struct {
	Source string // the file, with " › " and the member inside a tar
	Line   int64  // from 1; for a document of several lines its first
	Offset int64  // in the decompressed source
	Kind   string
	Data   []byte // owned by the receiver
	UID    string // from the name of a postcan

	Uploaded time.Time // when a collector got it, where known
	Bad      string    // why it cannot be read; Data is then what was there, of a line over MaxDocument its first 4 KiB
}

// ErrUnreadable is wrapped by errors about a source of which nothing could
// be read.
var ErrUnreadable = errors.New("unreadable")

// Read cuts one source into documents and calls fn with each, in order. It
// returns an error when the source cannot be read on; documents before that
// have been given out.
func Read(r io.Reader, name string, fn func(Document) error) error {
	plain, closer, err := decompress(r)
	if err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	defer closer()
	br := bufio.NewReaderSize(plain, 1<<18)
	head, err := br.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return fmt.Errorf("%s: %w: %w", name, ErrUnreadable, err)
	}
	c := &cutter{name: name, emit: fn}
	switch {
	case isTar(head):
		return readTar(br, name, fn)
	case bytes.HasPrefix(head, []byte("PAR1")):
		return c.parquet(br)
	}
	switch first := firstByte(head); {
	case first == 0 && len(head) < 512:
		return fmt.Errorf("%s: %w: it is empty", name, ErrUnreadable)
	case first == '[':
		return c.array(br)
	case first == '{':
		return c.lines(br)
	case looksLikeCSV(head):
		return c.csv(br)
	}
	return fmt.Errorf("%s: %w: it is neither JSON, JSONL, CSV, Parquet nor a tar of these (it begins with %.20q)", name, ErrUnreadable, head)
}

// decompress undoes gzip and zstd, also one around the other, by their magic
// numbers and not by the name.
func decompress(r io.Reader) (io.Reader, func(), error) {
	var closers []func()
	closeAll := func() {
		for _, c := range closers {
			c()
		}
	}
	for range 3 {
		br := bufio.NewReaderSize(r, 1<<16)
		head, _ := br.Peek(4)
		switch {
		case len(head) >= 2 && head[0] == 0x1f && head[1] == 0x8b:
			z, err := gzip.NewReader(br)
			if err != nil {
				closeAll()
				return nil, nil, err
			}
			closers = append(closers, func() { z.Close() })
			r = z
		case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
			z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
			if err != nil {
				closeAll()
				return nil, nil, err
			}
			closers = append(closers, z.Close)
			r = z
		default:
			return br, closeAll, nil
		}
	}
	return r, closeAll, nil
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

func readTar(r io.Reader, name string, fn func(Document) error) error {
	t := tar.NewReader(r)
	for {
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
		member := name + " › " + h.Name
		err = Read(t, member, func(d Document) error {
			if uid != "" && d.Kind == Measurement && d.Bad == "" {
				d = unwrapPost(d, uid)
			}
			return fn(d)
		})
		if errors.Is(err, ErrUnreadable) { // one member does not spoil the tar
			err = fn(Document{Source: member, Line: 1, Kind: Measurement, Bad: err.Error()})
		}
		if err != nil {
			return err
		}
	}
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
func (c *cutter) lines(r *bufio.Reader) error {
	var offset, line int64
	for {
		data, tooLong, err := readLine(r)
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
		switch {
		case len(trimmed) == 0:
		case tooLong > 0:
			err = c.bad(line, start, data, fmt.Sprintf("the line has %d bytes, the limit is %d", int64(len(data))+tooLong, MaxDocument))
		case line == 1 && !json.Valid(trimmed) && incomplete(trimmed):
			return c.documents(r, data)
		default:
			err = c.emit(Document{Source: c.name, Line: line, Offset: start, Kind: Measurement, Data: trimmed})
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

// readLine returns the next line with its end, in memory of its own. Of a line
// over MaxDocument it returns the first 4 KiB and how many bytes it left out.
func readLine(r *bufio.Reader) (data []byte, dropped int64, err error) {
	var parts [][]byte // of a line longer than the reader's buffer
	size := 0
	for {
		part, err := r.ReadSlice('\n')
		size += len(part)
		if size <= MaxDocument {
			parts = append(parts, bytes.Clone(part))
		} else if len(parts) > 1 {
			parts = parts[:1]
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if size > MaxDocument {
			data = parts[0][:min(len(parts[0]), 4096)]
			return data, int64(size - len(data)), err
		}
		if len(parts) == 1 {
			return parts[0], 0, err
		}
		return bytes.Join(parts, nil), 0, err
	}
}

// documents reads JSON values that spread over lines, one after another. The
// first line has been read already.
func (c *cutter) documents(r *bufio.Reader, first []byte) error {
	s := &scanner{r: bufio.NewReaderSize(io.MultiReader(bytes.NewReader(first), r), 1<<16), line: 1}
	for {
		doc, line, offset, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return c.bad(line, offset, doc, "not JSON: "+err.Error()+"; the rest of the source was not read")
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, doc); err != nil {
			if err := c.bad(line, offset, doc, "not JSON: "+err.Error()); err != nil {
				return err
			}
			continue
		}
		if err := c.emit(Document{Source: c.name, Line: line, Offset: offset, Kind: Measurement, Data: compact.Bytes()}); err != nil {
			return err
		}
	}
}

// array reads one JSON array of objects.
func (c *cutter) array(r *bufio.Reader) error {
	dec := json.NewDecoder(io.LimitReader(r, 1<<30))
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	for n := int64(1); dec.More(); n++ {
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return c.bad(n, dec.InputOffset(), nil, "not JSON: "+err.Error()+"; the rest of the source was not read")
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, v); err != nil {
			return err
		}
		if err := c.emit(Document{Source: c.name, Line: n, Offset: dec.InputOffset() - int64(len(v)), Kind: Measurement, Data: compact.Bytes()}); err != nil {
			return err
		}
	}
	return nil
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

var errTable = errors.New("the table's columns are neither those of OONI's aggregation API (measurement_start_day, …, anomaly_count, confirmed_count, failure_count, ok_count, measurement_count) nor of obs_web (measurement_uid, measurement_start_time, …, dns_failure, tcp_failure, tls_failure, http_failure)")

// csv reads a table with a header row.
func (c *cutter) csv(r io.Reader) error {
	t := csv.NewReader(r)
	t.ReuseRecord = true
	t.FieldsPerRecord = -1
	header, err := t.Read()
	if err != nil {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, err)
	}
	columns := make([]string, len(header))
	for i, h := range header {
		columns[i] = strings.Clone(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
	}
	kind := TableKind(columns)
	if kind == "" {
		return fmt.Errorf("%s: %w: %w", c.name, ErrUnreadable, errTable)
	}
	for {
		offset := t.InputOffset()
		record, err := t.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, _ := position(t, record)
		d := Document{Source: c.name, Line: line, Offset: offset, Kind: kind}
		var pe *csv.ParseError
		switch {
		case errors.As(err, &pe):
			d.Line, d.Bad = int64(pe.StartLine), "not CSV: "+pe.Err.Error()
		case err != nil:
			return fmt.Errorf("%s: line %d: %w", c.name, line, err)
		case len(record) != len(columns):
			d.Bad = fmt.Sprintf("the row has %d fields, the header %d", len(record), len(columns))
			d.Data, _ = json.Marshal(record)
		default:
			d.Data = rowJSON(columns, record)
		}
		if err := c.emit(d); err != nil {
			return err
		}
	}
}

func position(t *csv.Reader, record []string) (line, column int64) {
	if len(record) == 0 {
		return 0, 0
	}
	l, col := t.FieldPos(0)
	return int64(l), int64(col)
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

// scanner finds the ends of JSON objects by their braces, so that one broken
// document does not hide the next.
type scanner struct {
	r      *bufio.Reader
	line   int64
	offset int64
}

func (s *scanner) next() (doc []byte, line, offset int64, err error) {
	depth, inString, escaped := 0, false, false
	for {
		b, err := s.r.ReadByte()
		if errors.Is(err, io.EOF) && len(doc) > 0 {
			return doc, line, offset, io.ErrUnexpectedEOF
		}
		if err != nil {
			return doc, line, offset, err
		}
		if len(doc) == 0 {
			line, offset = s.line, s.offset
		}
		s.offset++
		if b == '\n' {
			s.line++
		}
		if len(doc) == 0 && (b == ' ' || b == '\t' || b == '\r' || b == '\n') {
			continue
		}
		if len(doc) >= MaxDocument {
			return doc, line, offset, fmt.Errorf("the document is longer than %d bytes", MaxDocument)
		}
		doc = append(doc, b)
		switch {
		case inString && escaped:
			escaped = false
		case inString && b == '\\':
			escaped = true
		case b == '"':
			inString = !inString
		case inString:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
		if depth == 0 && !inString && (b == '}' || b == ']') {
			return doc, line, offset, nil
		}
		if depth == 0 && !inString && b == '\n' {
			return doc, line, offset, errors.New("text between the documents")
		}
	}
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

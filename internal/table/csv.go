// Package table reads the rows of tables in CSV, Parquet and Excel's XLSX as text, each
// with the place where it stands. A row that cannot be read comes out with the reason, and
// reading goes on.
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The limits of a table in CSV. A row beyond them is set aside.
const (
	MaxRow     = 1 << 20 // bytes of a row, or of the header
	maxJoined  = 100     // lines of one row whose quoted fields contain line ends
	maxColumns = 10_000
)

// ErrUnreadable is wrapped by the error for a table of which nothing can be read.
var ErrUnreadable = errors.New("unreadable")

// CSV splits a table with a header into rows. A row that is not CSV does not hide the next
// ones: reading goes on at the line after the one where it began.
type CSV struct {
	Columns []string // of the header, without spaces around them; nil after NewRows

	lines  *Lines
	comma  byte
	line   int64 // how many lines were read
	offset int64
	ahead  []csvLine // lines that were read but not yet returned
	err    error     // of the stream, after the lines in ahead

	t      *csv.Reader // parses one row at a time from source
	source bytes.Reader
}

// CSVRow is one row.
type CSVRow struct {
	Line, Offset int64
	Fields       []string // as many as Columns if that is set; valid until the next call of Next
	Raw          []byte   // text of a row with Err, without its line end; of a long one the first 4 KiB
	Err          error    // why it cannot be read; Fields is then nil
}

type csvLine struct {
	number, offset int64
	text           []byte // with its line end
	dropped        int64  // bytes of a line beyond MaxRow
	broken         error  // the stream ended within the line
}

var errOpenQuote = fmt.Errorf("not CSV: a quote opens a field that does not end within %d lines or %d bytes", maxJoined, MaxRow)

// NewRows reads a table that may have no header. Every row comes out, with any number of
// fields.
func NewRows(r *bufio.Reader, comma rune) *CSV {
	c := &CSV{lines: NewLines(r, MaxRow), comma: byte(comma)}
	if bom, _ := r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		n, _ := r.Discard(3) // they were peeked at, so it cannot fail
		c.offset = int64(n)
	}
	c.renew()
	return c
}

// NewCSV reads the header of a table. The error says why it is not a header.
func NewCSV(r *bufio.Reader, comma rune) (*CSV, error) {
	c := NewRows(r, comma)
	header, err := c.Next()
	if err != nil {
		return nil, err
	}
	if header.Err != nil {
		return nil, fmt.Errorf("the header, line %d: %w", header.Line, header.Err)
	}
	if len(header.Fields) > maxColumns {
		return nil, fmt.Errorf("the header names %d columns, the limit is %d", len(header.Fields), maxColumns)
	}
	columns := make([]string, len(header.Fields))
	for i, f := range header.Fields {
		columns[i] = strings.Clone(strings.TrimSpace(f))
	}
	c.Columns = columns
	return c, nil
}

func (c *CSV) renew() {
	c.t = csv.NewReader(&c.source)
	c.t.Comma = rune(c.comma)
	c.t.ReuseRecord = true
	c.t.FieldsPerRecord = -1
}

// Next returns the next row. The error is io.EOF after the last row; another error means
// that the stream broke.
func (c *CSV) Next() (CSVRow, error) {
	first, err := c.take(0)
	for err == nil && first.dropped == 0 && first.broken == nil && len(bytes.TrimRight(first.text, "\r\n")) == 0 {
		c.ahead = c.ahead[1:]
		first, err = c.take(0)
	}
	if err != nil {
		return CSVRow{}, err
	}
	row := CSVRow{Line: first.number, Offset: first.offset}
	lines := 1
	row.Fields, lines, row.Err = c.row()
	if row.Err != nil {
		row.Fields, lines = nil, 1
		row.Raw = bytes.TrimRight(first.text, "\r\n")
	}
	if c.ahead = c.ahead[lines:]; len(c.ahead) == 0 {
		c.ahead = nil
	}
	return row, nil
}

// row parses the row that begins with the first line in ahead, and returns of how many
// lines it consists.
func (c *CSV) row() (fields []string, lines int, err error) {
	var text []byte
	var scan quotes
	for {
		line, err := c.take(lines)
		switch {
		case err != nil || lines == maxJoined || len(text)+len(line.text) > MaxRow && lines > 0:
			return nil, 1, errOpenQuote
		case line.broken != nil:
			return nil, 1, fmt.Errorf("the source ends in the middle of the line: %w", line.broken)
		case line.dropped > 0 && lines > 0:
			return nil, 1, errOpenQuote
		case line.dropped > 0:
			return nil, 1, fmt.Errorf("the row has %d bytes, the limit is %d", int64(len(line.text))+line.dropped, MaxRow)
		}
		lines++
		if lines == 1 {
			text = line.text
		} else {
			text = append(text[:len(text):len(text)], line.text...)
		}
		if !scan.line(line.text, c.comma) {
			break
		}
	}
	if want := len(c.Columns); want > 0 && !scan.wrong && scan.fields != want {
		return nil, 1, fmt.Errorf("the row has %d fields, the header %d", scan.fields, want)
	}
	return c.parse(text, lines)
}

func (c *CSV) parse(text []byte, lines int) ([]string, int, error) {
	c.source.Reset(text)
	before := c.t.InputOffset()
	fields, err := c.t.Read()
	whole := c.t.InputOffset()-before == int64(len(text))
	if err != nil || !whole {
		c.renew() // drops what the parser holds of this row
	}
	var pe *csv.ParseError
	switch {
	case errors.As(err, &pe):
		return nil, 1, fmt.Errorf("not CSV: %w", pe.Err)
	case err != nil:
		return nil, 1, errors.New("not CSV: no row")
	case !whole:
		return nil, 1, fmt.Errorf("not CSV: %w", csv.ErrQuote)
	case len(c.Columns) > 0 && len(fields) != len(c.Columns):
		return nil, 1, fmt.Errorf("the row has %d fields, the header %d", len(fields), len(c.Columns))
	}
	return fields, lines, nil
}

// take returns line i of ahead; it reads on if necessary.
func (c *CSV) take(i int) (csvLine, error) {
	for len(c.ahead) <= i {
		if c.err != nil {
			return csvLine{}, c.err
		}
		text, dropped, err := c.lines.Next()
		if err != nil {
			c.err = err
			if len(text) == 0 {
				return csvLine{}, err
			}
		}
		c.line++
		l := csvLine{number: c.line, offset: c.offset, text: text, dropped: dropped}
		if err != nil && !errors.Is(err, io.EOF) {
			l.broken = err
		}
		c.offset += int64(len(text)) + dropped
		c.ahead = append(c.ahead, l)
	}
	return c.ahead[i], nil
}

// quotes follows the quoted fields of a row from line to line.
type quotes struct {
	open   bool
	wrong  bool // there was a quote where none may be
	fields int
}

// line reports whether a quoted field is still open at the end of a line.
func (q *quotes) line(b []byte, comma byte) bool {
	if !q.open {
		q.fields = 1
	}
	for i, start := 0, !q.open; i < len(b); start = false {
		switch {
		case start && b[i] == '"':
			q.open = true
			i++
		case q.open:
			k := bytes.IndexByte(b[i:], '"')
			if k < 0 {
				return true
			}
			i += k + 1
			if i < len(b) && b[i] == '"' {
				i++
				continue
			}
			q.open = false
			if i < len(b) && b[i] != comma && b[i] != '\n' && b[i] != '\r' {
				q.wrong = true
				return false
			}
		default:
			k := bytes.IndexByte(b[i:], comma)
			if k < 0 {
				return false
			}
			q.fields++
			i += k + 1
			if i < len(b) && b[i] == '"' {
				q.open = true
				i++
			}
		}
	}
	return q.open
}

package table

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// The limits of a spreadsheet, uncompressed.
const (
	maxWorkbook = 256 << 20 // bytes of all parts that are read, together
	maxPart     = 128 << 20 // bytes of one part
	maxSheets   = 1000
)

// Workbook is a spreadsheet file in Office Open XML (ECMA-376 part 1, 18: SpreadsheetML).
// Only the values of cells are read. A formula has the value that it had when the file was
// saved.
type Workbook struct {
	Sheets []Sheet

	files   map[string]*zip.File // by name without a leading slash
	left    int64                // bytes that may still be read, from maxWorkbook
	strings []string             // strings to which cells refer by number
}

// Sheet is one sheet of a workbook.
type Sheet struct {
	Name string

	book *Workbook
	part string // name of its file
}

// SheetRow is a row that has cells.
type SheetRow struct {
	Number int      // from 1
	Cells  []string // as stored: numbers, and days too, in digits; booleans as TRUE and FALSE; valid until the next row
}

// OpenXLSX opens a workbook. The rows of its sheets are read later.
func OpenXLSX(data []byte) (*Workbook, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("not a spreadsheet (XLSX): %w", err)
	}
	w := &Workbook{files: make(map[string]*zip.File), left: maxWorkbook}
	for _, f := range archive.File {
		w.files[strings.TrimPrefix(f.Name, "/")] = f
	}
	if err := w.contents(); err != nil {
		return nil, fmt.Errorf("not a spreadsheet (XLSX): %w", err)
	}
	return w, nil
}

type relations struct {
	List []struct {
		ID     string `xml:"Id,attr"`
		Type   string `xml:"Type,attr"`
		Target string `xml:"Target,attr"`
	} `xml:"Relationship"`
}

func (w *Workbook) contents() error {
	main, _, err := w.related("", "_rels/.rels")
	if err != nil {
		return err
	}
	at := main["officeDocument"]
	if at == "" {
		return errors.New("its parts name no workbook")
	}
	var book struct {
		Properties struct {
			From1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name string     `xml:"name,attr"`
			Refs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := w.decode(at, &book); err != nil {
		return err
	}
	if is := book.Properties.From1904; is == "1" || is == "true" {
		return errors.New("its days count from 1904: save it with days that count from 1900")
	}
	if len(book.Sheets) > maxSheets {
		return fmt.Errorf("%d sheets, the limit is %d", len(book.Sheets), maxSheets)
	}
	kinds, ids, err := w.related(path.Dir(at), path.Join(path.Dir(at), "_rels", path.Base(at)+".rels"))
	if err != nil {
		return err
	}
	for _, s := range book.Sheets {
		sheet := Sheet{Name: s.Name, book: w}
		for _, a := range s.Refs {
			if a.Name.Local == "id" {
				sheet.part = ids[a.Value]
			}
		}
		w.Sheets = append(w.Sheets, sheet)
	}
	if part := kinds["sharedStrings"]; part != "" {
		return w.shared(part)
	}
	return nil
}

// related returns the parts to which a part in a folder refers, by kind and by id.
func (w *Workbook) related(folder, name string) (kinds, ids map[string]string, err error) {
	var list relations
	if err := w.decode(name, &list); err != nil {
		return nil, nil, err
	}
	kinds, ids = make(map[string]string), make(map[string]string)
	for _, r := range list.List {
		part := strings.TrimPrefix(r.Target, "/")
		if part == r.Target {
			part = path.Join(folder, part)
		}
		kinds[path.Base(r.Type)], ids[r.ID] = part, part
	}
	return kinds, ids, nil
}

// open opens a part for reading, within the limits.
func (w *Workbook) open(name string) (io.ReadCloser, error) {
	f := w.files[name]
	if f == nil {
		return nil, fmt.Errorf("the part %q is missing", name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("open the part %q: %w", name, err)
	}
	return &part{ReadCloser: r, book: w, left: maxPart}, nil
}

func (w *Workbook) decode(name string, into any) error {
	r, err := w.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := xml.NewDecoder(r).Decode(into); err != nil {
		return fmt.Errorf("read the part %q: %w", name, err)
	}
	return nil
}

// part is a file of a workbook that is being uncompressed.
type part struct {
	io.ReadCloser
	book *Workbook
	left int64
}

var errUnpacks = fmt.Errorf("it unpacks to more than %d MiB, or a part of it to more than %d MiB", maxWorkbook>>20, maxPart>>20)

func (p *part) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.left -= int64(n)
	p.book.left -= int64(n)
	if p.left < 0 || p.book.left < 0 {
		return 0, errUnpacks
	}
	return n, err
}

// shared reads the strings that cells refer to by number.
func (w *Workbook) shared(name string) error {
	r, err := w.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	d := xml.NewDecoder(r)
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the part %q: %w", name, err)
		}
		if start, ok := t.(xml.StartElement); ok && start.Name.Local == "si" {
			s, err := text(d)
			if err != nil {
				return fmt.Errorf("read the part %q: %w", name, err)
			}
			w.strings = append(w.strings, s)
		}
	}
}

// text reads the text of the element that was just opened: its <t> elements in all its
// runs, without phonetic hints.
func text(d *xml.Decoder) (string, error) {
	var b strings.Builder
	within := 0
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return "", unexpected(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local == "rPh" {
				if err := d.Skip(); err != nil {
					return "", err
				}
				continue
			}
			if depth++; t.Name.Local == "t" {
				within = depth
			}
		case xml.EndElement:
			if depth == within {
				within = 0
			}
			depth--
		case xml.CharData:
			if within > 0 {
				b.Write(t)
			}
		}
	}
	return unescape(b.String()), nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

var escaped = regexp.MustCompile(`(_x[0-9A-Fa-f]{4}_)+`)

// unescape decodes the escapes for what XML cannot hold: _x000D_ is a carriage return
// (ECMA-376 part 1, 22.9.2.19).
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(run string) string {
		var units []uint16
		for ; run != ""; run = run[7:] {
			u, _ := strconv.ParseUint(run[2:6], 16, 16) // matched as four hex digits
			units = append(units, uint16(u))
		}
		return string(utf16.Decode(units))
	})
}

// Rows yields the rows of a sheet that have cells. If a row cannot be read, it comes with
// an error, and is the last.
func (s Sheet) Rows() iter.Seq2[SheetRow, error] {
	return func(yield func(SheetRow, error) bool) {
		var row SheetRow
		r, err := s.book.open(s.part)
		if err != nil {
			yield(row, err)
			return
		}
		defer r.Close()
		d := xml.NewDecoder(r)
		for {
			t, err := d.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			if start, ok := t.(xml.StartElement); err == nil && (!ok || start.Name.Local != "row") {
				continue
			} else if err == nil {
				err = s.book.row(d, start, &row)
			} else {
				row.Number++ // the row that could not be read
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// row reads the row that was just opened. If rows or cells do not say their place, they
// come after the one before.
func (w *Workbook) row(d *xml.Decoder, start xml.StartElement, row *SheetRow) error {
	row.Number++
	row.Cells = row.Cells[:0]
	if at := attribute(start, "r"); at != "" {
		n, err := strconv.Atoi(at)
		if err != nil || n < row.Number {
			return fmt.Errorf("a row numbered %q after row %d", at, row.Number-1)
		}
		row.Number = n
	}
	for {
		t, err := d.Token()
		if err != nil {
			return unexpected(err)
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if t.Name.Local != "c" {
				if err := d.Skip(); err != nil {
					return err
				}
				continue
			}
			at, err := columnOf(attribute(t, "r"), len(row.Cells))
			if err != nil {
				return err
			}
			for len(row.Cells) < at {
				row.Cells = append(row.Cells, "")
			}
			value, err := w.cell(d, attribute(t, "t"))
			if err != nil {
				return fmt.Errorf("cell %d: %w", at+1, err)
			}
			row.Cells = append(row.Cells, value)
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// columnOf returns the column, from 0, in a place like "AB12".
func columnOf(place string, next int) (int, error) {
	if place == "" {
		return next, nil
	}
	n := 0
	for _, c := range []byte(strings.TrimRight(place, "0123456789")) {
		if c < 'A' || c > 'Z' || n > maxColumns {
			return 0, fmt.Errorf("%q is no place of a cell, or one past column %d", place, maxColumns)
		}
		n = 26*n + int(c-'A') + 1
	}
	if n-1 < next || n > maxColumns {
		return 0, fmt.Errorf("a cell at %q, after %d cells of the row", place, next)
	}
	return n - 1, nil
}

// cell reads the value of the cell that was just opened. kind is its type (18.18.11).
func (w *Workbook) cell(d *xml.Decoder, kind string) (string, error) {
	value, inline := "", ""
	for {
		t, err := d.Token()
		if err != nil {
			return "", unexpected(err)
		}
		switch t := t.(type) {
		case xml.EndElement:
			return w.valueOf(kind, value, inline)
		case xml.StartElement:
			switch t.Name.Local {
			case "v":
				err = d.DecodeElement(&value, &t)
			case "is":
				inline, err = text(d)
			default:
				err = d.Skip()
			}
			if err != nil {
				return "", unexpected(err)
			}
		}
	}
}

func (w *Workbook) valueOf(kind, value, inline string) (string, error) {
	switch kind {
	case "inlineStr":
		return inline, nil
	case "s":
		if value == "" {
			return "", nil
		}
		i, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || i < 0 || i >= len(w.strings) {
			return "", fmt.Errorf("string %q of %d", value, len(w.strings))
		}
		return w.strings[i], nil
	case "b":
		switch value {
		case "1":
			return "TRUE", nil
		case "0":
			return "FALSE", nil
		}
	case "str":
		return unescape(value), nil
	}
	return value, nil
}

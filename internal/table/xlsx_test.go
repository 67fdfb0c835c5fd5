package table

import (
	"archive/zip"
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const officeKind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

// xlsxParts are the parts of a workbook with one sheet, "Bans".
func xlsxParts(rows string) map[string]string {
	return map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="a" Type="` + officeKind + `officeDocument" Target="/xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="` + officeKind + `"><workbookPr/><sheets><sheet name="Bans" sheetId="7" r:id="b"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="b" Type="` + officeKind + `worksheet" Target="worksheets/one.xml"/><Relationship Id="c" Type="` + officeKind + `sharedStrings" Target="strings.xml"/></Relationships>`,
		"xl/strings.xml":             `<sst><si><t>plain</t></si><si><r><t>two </t></r><r><rPr><b/></rPr><t>runs</t></r><rPh><t>how it sounds</t></rPh></si><si><t>a_x000D_b _x005F_</t></si></sst>`,
		"xl/worksheets/one.xml":      `<worksheet><cols><col/></cols><sheetData>` + rows + `</sheetData><mergeCells/></worksheet>`,
	}
}

func zipped(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name}) // stored: the fuzzer is ten times as fast
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sheetRows reads the only sheet: rows by number, and the error at their end.
func sheetRows(t *testing.T, rows string) (map[int][]string, error) {
	t.Helper()
	w, err := OpenXLSX(zipped(t, xlsxParts(rows)))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Sheets) != 1 || w.Sheets[0].Name != "Bans" {
		t.Fatalf("sheets %+v", w.Sheets)
	}
	got := map[int][]string{}
	for row, err := range w.Sheets[0].Rows() {
		if err != nil {
			return got, fmt.Errorf("row %d: %w", row.Number, err)
		}
		got[row.Number] = append([]string(nil), row.Cells...)
	}
	return got, nil
}

func TestXLSXCells(t *testing.T) {
	got, err := sheetRows(t, `<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="s"><v>1</v></c><c t="s"><v>2</v></c></row>`+
		`<row r="5" spans="1:4"><c t="b"><v>1</v></c><c t="b"><v>0</v></c><c s="4"><v>43525.5</v></c><c t="str"><f>1+1</f><v>two</v></c><c t="e"><v>#REF!</v></c></row>`+
		`<row><c t="inlineStr"><is><r><t>in </t></r><r><t>line</t></r></is></c><c r="AB6"><v>-1E-3</v></c></row><row r="9"/>`)
	if err != nil {
		t.Fatal(err)
	}
	last := append([]string{"in line"}, make([]string, 26)...)
	want := map[int][]string{
		2: {"plain", "", "two runs", "a\rb _"},
		5: {"TRUE", "FALSE", "43525.5", "two", "#REF!"},
		6: append(last, "-1E-3"), 9: nil,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestXLSXBadRows: what came before a row that cannot be read is kept, and
// the error says where it was.
func TestXLSXBadRows(t *testing.T) {
	const good = `<row r="3"><c><v>1</v></c></row>`
	for bad, want := range map[string]string{
		`<row r="3"><c><v>1</v></c></row>`:                 `row 4: a row numbered "3" after row 3`,
		`<row r="x"/>`:                                     `row 4: a row numbered "x"`,
		`<row><c t="s"><v>3</v></c></row>`:                 `row 4: cell 1: string "3" of 3`,
		`<row><c t="s"><v>-1</v></c></row>`:                `row 4: cell 1: string "-1" of 3`,
		`<row><c r="B4"><v>1</v></c><c r="A4"/></row>`:     `row 4: a cell at "A4", after 2 cells`,
		`<row><c r="ZZZZ1"><v>1</v></c></row>`:             `row 4: "ZZZZ1" is no place of a cell, or one past column 10000`,
		`<row><c r="ZZZZZZZZZZZZZZZZ1"><v>1</v></c></row>`: `row 4: "ZZZZZZZZZZZZZZZZ1" is no place of a cell`,
		`<row><c r="é1"><v>1</v></c></row>`:                `row 4: "é1" is no place`,
		`<row><c><v>1</v></row>`:                           `row 4: `,
		`<row`:                                             `row 4: `,
	} {
		got, err := sheetRows(t, good+bad)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", bad, err, want)
		}
		if !reflect.DeepEqual(got, map[int][]string{3: {"1"}}) {
			t.Errorf("%s: the rows before are %v", bad, got)
		}
	}
}

func TestXLSXNone(t *testing.T) {
	tests := []struct{ part, content, want string }{
		{"_rels/.rels", "", `the part "_rels/.rels" is missing`},
		{"_rels/.rels", "<Relationships/>", "its parts name no workbook"},
		{"xl/workbook.xml", "", `the part "xl/workbook.xml" is missing`},
		{"xl/workbook.xml", "<workbook><sheets>", `read the part "xl/workbook.xml": XML syntax error`},
		{"xl/workbook.xml", `<workbook><workbookPr date1904="1"/></workbook>`, "count from 1904"},
		{"xl/workbook.xml", "<workbook><sheets>" + strings.Repeat("<sheet/>", maxSheets+1) + "</sheets></workbook>", "1001 sheets, the limit is 1000"},
		{"xl/_rels/workbook.xml.rels", "", "is missing"},
		{"xl/strings.xml", "", `the part "xl/strings.xml" is missing`},
		{"xl/strings.xml", "<sst><si><t>cut", `read the part "xl/strings.xml": `},
	}
	for _, tt := range tests {
		parts := xlsxParts("")
		if parts[tt.part] = tt.content; tt.content == "" {
			delete(parts, tt.part)
		}
		if _, err := OpenXLSX(zipped(t, parts)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s = %.40q: %v, want %q", tt.part, tt.content, err, tt.want)
		}
	}
	if _, err := OpenXLSX([]byte("no zip")); err == nil || !strings.Contains(err.Error(), "not a spreadsheet") {
		t.Errorf("no zip: %v", err)
	}
	// A sheet without a part of its own is told when it is read.
	parts := xlsxParts("")
	delete(parts, "xl/worksheets/one.xml")
	w, err := OpenXLSX(zipped(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range w.Sheets[0].Rows() {
		if err == nil {
			t.Error("a missing part has rows")
		}
	}
}

// TestXLSXBomb: what unpacks to more than the bounds is read no further.
func TestXLSXBomb(t *testing.T) {
	w, err := OpenXLSX(zipped(t, xlsxParts("<row><c><v>1</v></c></row>"+strings.Repeat(" ", 1<<20))))
	if err != nil {
		t.Fatal(err)
	}
	for left, want := range map[int64]string{1 << 10: "it unpacks to more than 256 MiB", 4 << 20: ""} {
		w.left = left
		var last error
		for _, err := range w.Sheets[0].Rows() {
			last = err
		}
		if want == "" && last != nil || want != "" && (last == nil || !strings.Contains(last.Error(), want)) {
			t.Errorf("%d bytes left: %v, want %q", left, last, want)
		}
	}
}

func FuzzXLSX(f *testing.F) {
	f.Add(`<row r="2"><c r="A2" t="s"><v>0</v></c><c r="C2" t="inlineStr"><is><t>x_x000D_</t></is></c></row>`, `<sst><si><t>a</t></si></sst>`)
	f.Add(`<row><c t="b"><v>1</v></c></row>`, `<sst/>`)
	f.Fuzz(func(t *testing.T, rows, shared string) {
		parts := xlsxParts(rows)
		parts["xl/strings.xml"] = shared
		w, err := OpenXLSX(zipped(t, parts))
		if err != nil {
			return
		}
		before := 0
		for row, err := range w.Sheets[0].Rows() {
			if row.Number <= before && err == nil || len(row.Cells) > maxColumns {
				t.Fatalf("row %d of %d cells after row %d", row.Number, len(row.Cells), before)
			}
			before = row.Number
		}
	})
}

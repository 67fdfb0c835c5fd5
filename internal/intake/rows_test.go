package intake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/bandish/bandish/internal/table"
)

func readRows(t *testing.T, text string) ([]Row, error) {
	t.Helper()
	var rows []Row
	err := ReadRows(strings.NewReader(text), "in", func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

type cells = map[string]string

func TestForms(t *testing.T) {
	want := []cells{{"a": "1", "b": "x, y"}, {"a": "2", "b": "z"}}
	for name, text := range map[string]string{
		"csv":        "a,b,c\n1,\"x, y\",\n2,z,\n",
		"semicolon":  "a;b;c\n1;x, y;\n2;z;\n",
		"tab":        "A\tb\tc\n1\tx, y\t\n2\tz\t\n",
		"bom":        "\xef\xbb\xbfa,b,c\r\n1,\"x, y\",\r\n2,z,\r\n",
		"jsonl":      `{"a":1,"b":"x, y","c":null}` + "\n\n" + `{"a":"2","b":"z"}`,
		"array":      `[{"a":1,"b":"x, y","c":null},{"a":2,"b":"z"}]`,
		"wrapped":    `{"metadata":{"count":2},"results":[{"a":1,"b":"x, y"},{"a":2,"b":"z"}]}`,
		"aggregated": "{\n \"result\": [\n {\"a\":1,\"b\":\"x, y\"},\n {\"a\":2,\"b\":\"z\"}]\n}",
	} {
		rows, err := readRows(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []cells
		for _, r := range rows {
			got = append(got, r.Values)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestNested(t *testing.T) {
	rows, err := readRows(t, `[{"dns":{"outcome":"ok","rule":"D1"},"mechanisms":["a","b"],"deep":{"x":{"y":{"z":1}}}}]`)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if want := (cells{"dns.outcome": "ok", "dns.rule": "D1", "mechanisms": "['a','b']"}); !reflect.DeepEqual(rows[0].Values, want) {
		t.Errorf("got %v", rows[0].Values)
	}
}

func TestCompressed(t *testing.T) {
	var g, z bytes.Buffer
	gw := gzip.NewWriter(&g)
	gw.Write([]byte("a,b\n1,2\n"))
	gw.Close()
	zw, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	zw.Write(g.Bytes())
	zw.Close()
	for name, text := range map[string]string{"gzip": g.String(), "gzip in zstd": z.String()} {
		rows, err := readRows(t, text)
		if err != nil || len(rows) != 1 || rows[0].Values["b"] != "2" {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
	}
}

func TestParquetRows(t *testing.T) {
	type layer struct {
		Outcome string `parquet:"outcome"`
	}
	type row struct {
		Time       time.Time `parquet:"measurement_start_time,timestamp(microsecond)"`
		ASN        uint32    `parquet:"probe_asn"`
		State      string    `parquet:"State"`
		DNS        layer     `parquet:"dns"`
		Mechanisms []string  `parquet:"mechanisms,list"`
		Note       *string   `parquet:"note,optional"`
	}
	var b bytes.Buffer
	at := time.Date(2024, 2, 17, 1, 2, 3, 0, time.UTC)
	if err := parquet.Write(&b, []row{{at, 64512, "blocked", layer{"blocked"}, []string{"dns.nxdomain", "tls.reset"}, nil}}); err != nil {
		t.Fatal(err)
	}
	rows, err := readRows(t, b.String())
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	want := cells{"measurement_start_time": "2024-02-17T01:02:03Z", "probe_asn": "64512", "state": "blocked", "dns.outcome": "blocked", "mechanisms": "['dns.nxdomain','tls.reset']"}
	if !reflect.DeepEqual(rows[0].Values, want) {
		t.Errorf("got  %v\nwant %v", rows[0].Values, want)
	}
	for cut := 1; cut < b.Len(); cut += 7 { // a file that breaks off must not end the program
		if _, err := readRows(t, b.String()[:cut]); err == nil && cut > 4 {
			t.Errorf("cut at %d: no error", cut)
		}
	}
}

func TestBadRowsAreToldAndSkipped(t *testing.T) {
	rows, err := readRows(t, "a,b\n1,2\n3\n5,6\n")
	if err != nil || len(rows) != 3 || rows[1].Err == nil || rows[1].Line != 3 || rows[2].Values["a"] != "5" {
		t.Errorf("csv: %+v, %v", rows, err)
	}
	rows, err = readRows(t, "{\"a\":1}\nnot json\n[1]\n{\"a\":2}\n")
	if err != nil || len(rows) != 4 || rows[1].Err == nil || rows[1].Line != 2 || rows[2].Err == nil || rows[3].Values["a"] != "2" {
		t.Errorf("jsonl: %+v, %v", rows, err)
	}
	rows, err = readRows(t, `[{"a":1},7,{"a":2},{"a":`)
	if err != nil || len(rows) != 4 || rows[1].Err == nil || rows[2].Values["a"] != "2" || rows[3].Err == nil {
		t.Errorf("array: %+v, %v", rows, err)
	}
}

func TestUnreadableRows(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "binary": "\x00\x01\x02\x03\x04", "parquet": "PAR1 and nothing", "gzip": "\x1f\x8b\x08\x00garbage", "prose": "hello",
	} {
		if _, err := readRows(t, text); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadRows(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", `[{"a":1}]`, `{"a":1}` + "\n", "PAR1", "\x1f\x8b\x08", `{"results":[{}]}`, "a\tb\n\"1\t2\n", "\x28\xb5\x2f\xfd", `{"a":{"b":[1,null,{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ReadRows(bytes.NewReader(data), "in", func(r Row) error {
			if (r.Values == nil) == (r.Err == nil) {
				t.Errorf("neither values nor an error, or both: %+v", r)
			}
			return nil
		})
	})
}

// A row that is no CSV, or whose quote never closes, does not take the rows
// after it with it.
func TestStrayQuoteCostsOneRowOfText(t *testing.T) {
	for name, stray := range map[string]string{"opens": `"u3,1`, "within": `u"3,1`, "after": `"u"3,1`, "last field": `u3,"1`} {
		for _, next := range []string{"", "\"x, y\",7\n", "\"two\nlines\",7\n"} {
			var b strings.Builder
			b.WriteString("a,b\n")
			want := 49
			for i := range 50 {
				if i == 3 {
					b.WriteString(stray + "\n" + next)
					if next != "" {
						want++
					}
					continue
				}
				fmt.Fprintf(&b, "u%d,1\n", i)
			}
			rows, err := readRows(t, b.String())
			good, bad := 0, 0
			for _, r := range rows {
				if r.Err != nil {
					bad++
				} else {
					good++
				}
			}
			if err != nil || good != want || bad != 1 || rows[3].Line != 5 {
				t.Errorf("%s, then %q: %d good and %d bad rows, %v; want %d and 1", name, next, good, bad, err, want)
			}
		}
	}
}

// Nothing is longer in memory than the limits, whatever the quotes say.
func TestLongRows(t *testing.T) {
	for name, c := range map[string]struct {
		text      string
		good, bad int
	}{
		"row":      {"a,b\n1,2\n" + strings.Repeat("x", table.MaxRow) + ",2\n3,4\n", 2, 1},
		"open row": {"a,b\n1,2\n\"" + strings.Repeat("x", 2*table.MaxRow) + ",2\n3,4\n", 2, 1},
		"lines":    {"a,b\n1,2\n\"" + strings.Repeat("x,1\n", 3*100), 300, 1},
		"document": {"{\n\"a\":\"" + strings.Repeat("x", MaxDocument+1) + "\"\n}", 0, 1},
		"element":  {`[{"a":1},{"a":"` + strings.Repeat("x", MaxDocument) + `"},{"a":3}]`, 2, 1},
	} {
		rows, err := readRows(t, c.text)
		bad := 0
		for _, r := range rows {
			if r.Err != nil {
				bad++
			}
		}
		if err != nil || len(rows)-bad != c.good || bad != c.bad {
			t.Errorf("%s: %d good and %d bad, %v; want %d and %d", name, len(rows)-bad, bad, err, c.good, c.bad)
		}
	}
	for name, text := range map[string]string{
		"header":        "a," + strings.Repeat("x", 2*table.MaxRow) + "\n1,2\n",
		"quoted header": "a,\"" + strings.Repeat("x\n", table.MaxRow) + "\n1,2\n",
		"columns":       strings.Repeat("a,", 10_001) + "\n1,2\n",
	} {
		if _, err := readRows(t, text); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What stands between and after objects is told.
func TestTextAmongObjectsIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		text      string
		good, bad int
	}{
		"after an array":      {`[{"a":1}] trailing {"a":2}`, 1, 1},
		"array after array":   {"[{\"a\":1}]\n[{\"a\":2}]\n", 2, 0},
		"NaN in an array":     {`[{"a":1},NaN,{"a":NaN},{"a":2}]`, 2, 2},
		"array not closed":    {`[{"a":1},{"a":2}`, 2, 1},
		"after a wrapper":     {"{\"results\":[{\"a\":1}]}\nnoise\n{\"a\":2}\n", 2, 1},
		"after a long one":    {"{\n\"results\":[{\"a\":1},\n7,{\"a\":2}]}\nnoise\n{\"a\":2}\n", 3, 2},
		"objects over lines":  {"{\n\"a\":1\n}\n{\n\"a\":2\n}\n", 2, 0},
		"after an object":     {"{\"a\":1} junk\n{\"a\":2}\n", 1, 1},
		"first line cut":      {"{\"a\":1,\n{\"a\":2}\n{\"a\":3}\n", 2, 1},
		"first line wrong":    {"{\"a\":nan}\n{\"a\":2}\n", 1, 1},
		"data is an object":   {"{\n\"data\":{\"x\":1,\"y\":null}\n}", 1, 0},
		"two lists":           {`{"data":[{"a":1}],"n":{"data":[3]},"result" : [{"a":2}],"s":"\"data\":["} {"a":3}`, 3, 0},
		"wrapper not closed":  {`{"results":[{"a":1}],"x":`, 1, 1},
		"no list of an outer": {`{"a":{"data":[1]},"b":"\"data\":["}`, 1, 0},
		"broken in a wrapper": {"{\n\"results\":[{\"a\":1},\n{\"a\":nan}]}", 1, 1},
	} {
		rows, err := readRows(t, c.text)
		bad := 0
		for _, r := range rows {
			if r.Err != nil {
				bad++
			}
		}
		if err != nil || len(rows)-bad != c.good || bad != c.bad {
			t.Errorf("%s: %+v, %v; want %d and %d bad", name, rows, err, c.good, c.bad)
		}
	}
}

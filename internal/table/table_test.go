package table

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
)

func read(t *testing.T, text string) ([]Row, error) {
	t.Helper()
	var rows []Row
	err := Read(strings.NewReader(text), func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	return rows, err
}

type values = map[string]string

func TestForms(t *testing.T) {
	want := []values{{"a": "1", "b": "x, y"}, {"a": "2", "b": "z"}}
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
		rows, err := read(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []values
		for _, r := range rows {
			got = append(got, r.Values)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestNested(t *testing.T) {
	rows, err := read(t, `[{"dns":{"outcome":"ok","rule":"D1"},"mechanisms":["a","b"],"deep":{"x":{"y":{"z":1}}}}]`)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	if want := (values{"dns.outcome": "ok", "dns.rule": "D1", "mechanisms": "a|b"}); !reflect.DeepEqual(rows[0].Values, want) {
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
		rows, err := read(t, text)
		if err != nil || len(rows) != 1 || rows[0].Values["b"] != "2" {
			t.Errorf("%s: %v, %v", name, rows, err)
		}
	}
}

func TestParquet(t *testing.T) {
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
	rows, err := read(t, b.String())
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	want := values{"measurement_start_time": fmt.Sprintf("@%d", at.Unix()), "probe_asn": "64512", "state": "blocked", "dns.outcome": "blocked", "mechanisms": "dns.nxdomain|tls.reset"}
	if !reflect.DeepEqual(rows[0].Values, want) {
		t.Errorf("got  %v\nwant %v", rows[0].Values, want)
	}
	for cut := 1; cut < b.Len(); cut += 7 { // a file that breaks off must not end the program
		if _, err := read(t, b.String()[:cut]); err == nil && cut > 4 {
			t.Errorf("cut at %d: no error", cut)
		}
	}
}

func TestBadRowsAreToldAndSkipped(t *testing.T) {
	rows, err := read(t, "a,b\n1,2\n3\n5,6\n")
	if err != nil || len(rows) != 3 || rows[1].Err == nil || rows[1].Line != 3 || rows[2].Values["a"] != "5" {
		t.Errorf("csv: %+v, %v", rows, err)
	}
	rows, err = read(t, "{\"a\":1}\nnot json\n[1]\n{\"a\":2}\n")
	if err != nil || len(rows) != 4 || rows[1].Err == nil || rows[1].Line != 2 || rows[2].Err == nil || rows[3].Values["a"] != "2" {
		t.Errorf("jsonl: %+v, %v", rows, err)
	}
	rows, err = read(t, `[{"a":1},7,{"a":2},{"a":`)
	if err != nil || len(rows) != 4 || rows[1].Err == nil || rows[2].Values["a"] != "2" || rows[3].Err == nil {
		t.Errorf("array: %+v, %v", rows, err)
	}
}

func TestUnreadable(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "binary": "\x00\x01\x02\x03\x04", "parquet": "PAR1 and nothing", "gzip": "\x1f\x8b\x08\x00garbage", "prose": "hello", "half": `[{"a"`,
	} {
		if _, err := read(t, text); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", `[{"a":1}]`, `{"a":1}` + "\n", "PAR1", "\x1f\x8b\x08", `{"results":[{}]}`, "a\tb\n\"1\t2\n", "\x28\xb5\x2f\xfd", `{"a":{"b":[1,null,{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Read(bytes.NewReader(data), func(r Row) error {
			if (r.Values == nil) == (r.Err == nil) {
				t.Errorf("neither values nor an error, or both: %+v", r)
			}
			return nil
		})
	})
}

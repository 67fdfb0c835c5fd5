package intake

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
)

func read(t *testing.T, data []byte) ([]Document, error) {
	t.Helper()
	var out []Document
	err := Read(bytes.NewReader(data), "in", func(d Document) error { out = append(out, d); return nil })
	return out, err
}

func gz(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Write(b)
	w.Close()
	return buf.Bytes()
}

func TestReadShapes(t *testing.T) {
	enc, _ := zstd.NewWriter(nil)
	lines := []byte("{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":")
	for _, c := range []struct {
		name string
		in   []byte
		want string // line:offset:kind:data or !reason, joined by |
	}{
		{"lines", []byte("{\"a\":1}\n{\"b\":2}\n"), `1:0:measurement:{"a":1}|2:8:measurement:{"b":2}`},
		{"blank lines and a cut end", lines, `1:0:measurement:{"a":1}|3:9:measurement:{"b":2}|4:18:measurement:{"c":`},
		{"gzip", gz(lines), `1:0:measurement:{"a":1}|3:9:measurement:{"b":2}|4:18:measurement:{"c":`},
		{"zstd", enc.EncodeAll(lines, nil), `1:0:measurement:{"a":1}|3:9:measurement:{"b":2}|4:18:measurement:{"c":`},
		{"gzip in zstd", enc.EncodeAll(gz([]byte(`{"a":1}`)), nil), `1:0:measurement:{"a":1}`},
		{"byte order mark", []byte("\xef\xbb\xbf{\"a\":1}\n"), `1:0:measurement:{"a":1}`},
		{"pretty printed", []byte("{\n \"a\": {\"x\": \"}\"}\n}\n{\n\"b\":2}\n"), `1:0:measurement:{"a":{"x":"}"}}|4:21:measurement:{"b":2}`},
		{"array", []byte("[{\"a\": 1},\n{\"b\":2}]"), `1:1:measurement:{"a":1}|2:11:measurement:{"b":2}`},
		{"a wrong line among right ones", []byte("{\"a\":1}\nnonsense\n{\"b\":2}\n"), `1:0:measurement:{"a":1}|2:8:measurement:nonsense|3:17:measurement:{"b":2}`},
		{"counts", []byte("measurement_start_day,probe_asn,ok_count,measurement_count\n2024-01-01,64512,3,4\n2024-01-02,64512,\"5\"\n"), `2:59:aggregation:{"measurement_start_day":"2024-01-01","probe_asn":"64512","ok_count":"3","measurement_count":"4"}|3:80:!the row has 3 fields, the header 4`},
		{"obs_web", []byte("measurement_uid,measurement_start_time,dns_failure\nu,2024-01-01 00:00:00,\n"), `2:51:web:{"measurement_uid":"u","measurement_start_time":"2024-01-01 00:00:00"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			docs, err := read(t, c.in)
			if err != nil {
				t.Fatal(err)
			}
			var parts []string
			for _, d := range docs {
				s := fmt.Sprintf("%d:%d:", d.Line, d.Offset)
				if d.Bad != "" {
					s += "!" + d.Bad
				} else {
					s += d.Kind + ":" + string(d.Data)
				}
				parts = append(parts, s)
			}
			if got := strings.Join(parts, "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	for name, in := range map[string][]byte{
		"empty":           {},
		"prose":           []byte("hello world, this is no data"),
		"wrong table":     []byte("a,b,c\n1,2,3\n"),
		"binary":          bytes.Repeat([]byte{0, 1, 2, 3}, 100),
		"broken gzip":     append([]byte{0x1f, 0x8b}, "garbage"...),
		"broken parquet":  []byte("PAR1 and then nothing that makes sense PAR1"),
		"truncated start": gz([]byte(`{"a":1}`))[:12],
	} {
		if docs, err := read(t, in); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%s: %v, %v; want unreadable", name, docs, err)
		}
	}
}

// What comes before the damage is given out, the damage is an error, and what
// was begun is set aside.
func TestTruncatedGzip(t *testing.T) {
	var b bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&b, "{\"n\":%d,\"pad\":\"%x\"}\n", i, i*i*i)
	}
	whole := gz(b.Bytes())
	docs, err := read(t, whole[:len(whole)/2])
	if err == nil || errors.Is(err, ErrUnreadable) {
		t.Fatalf("err is %v: want one that says where reading stopped", err)
	}
	bad := 0
	for _, d := range docs {
		if d.Bad != "" {
			bad++
		}
	}
	if len(docs) < 1000 || bad > 1 {
		t.Errorf("%d documents came out, %d bad", len(docs), bad)
	}
}

func TestLongLineIsSetAside(t *testing.T) {
	long := append([]byte(`{"a":"`), bytes.Repeat([]byte("x"), MaxDocument)...)
	in := append([]byte("{\"a\":1}\n"), append(long, "\"}\n{\"b\":2}\n"...)...)
	docs, err := read(t, in)
	if err != nil || len(docs) != 3 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	if docs[1].Bad == "" || len(docs[1].Data) != 4096 || docs[2].Bad != "" || docs[2].Line != 3 || docs[2].Offset != int64(len(in)-8) {
		t.Errorf("the long line came out as %q (%d bytes), the next at line %d offset %d", docs[1].Bad, len(docs[1].Data), docs[2].Line, docs[2].Offset)
	}
}

func TestPostcans(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, body := range map[string]string{
		"a/20240210230001.123456_ZZ_webconnectivity_0123456789abcdef.post": `{"format":"json","content":{"test_name":"web_connectivity"}}`,
	} {
		w.WriteHeader(&tar.Header{Name: name, Size: int64(len(body)), Mode: 0o644, Typeflag: tar.TypeReg})
		w.Write([]byte(body))
	}
	junk := "not a measurement"
	w.WriteHeader(&tar.Header{Name: "b", Size: int64(len(junk)), Mode: 0o644, Typeflag: tar.TypeReg})
	w.Write([]byte(junk))
	w.Close()
	docs, err := read(t, gz(b.Bytes()))
	if err != nil || len(docs) != 2 {
		t.Fatalf("%v, %v", docs, err)
	}
	if d := docs[0]; d.UID != "20240210230001.123456_ZZ_webconnectivity_0123456789abcdef" || string(d.Data) != `{"test_name":"web_connectivity"}` || !strings.Contains(d.Source, "in › a/") {
		t.Errorf("the postcan came out as %+v", d)
	}
	if docs[1].Bad == "" {
		t.Error("the junk member was not set aside")
	}
}

func TestParquetTable(t *testing.T) {
	type row struct {
		UID   string   `parquet:"measurement_uid"`
		Start int64    `parquet:"measurement_start_time,timestamp(millisecond)"`
		DNS   *string  `parquet:"dns_failure,optional"`
		TCP   bool     `parquet:"tcp_success"`
		SAN   []string `parquet:"tls_end_entity_certificate_san_list,list"`
	}
	p := filepath.Join(t.TempDir(), "t.parquet")
	f := "dns_nxdomain_error"
	if err := parquet.WriteFile(p, []row{{"u", 1706745600000, &f, true, []string{"a", "b"}}, {"v", 1706745601500, nil, false, nil}}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	docs, err := read(t, b)
	if err != nil || len(docs) != 2 {
		t.Fatalf("%v, %v", docs, err)
	}
	want := `{"measurement_uid":"u","measurement_start_time":"2024-02-01T00:00:00Z","dns_failure":"dns_nxdomain_error","tcp_success":"true","tls_end_entity_certificate_san_list":"['a','b']"}`
	if string(docs[0].Data) != want || docs[0].Kind != WebRow {
		t.Errorf("got  %s\nwant %s", docs[0].Data, want)
	}
}

// FuzzRead holds that nothing a stranger sends makes reading panic, and that
// documents have places that grow.
func FuzzRead(f *testing.F) {
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\n"))
	f.Add([]byte("{\n\"a\":[1,2,\"}\"]}\n{"))
	f.Add([]byte("[{},{}]"))
	f.Add(gz([]byte("{\"a\":1}\n")))
	f.Add([]byte("measurement_uid,measurement_start_time,dns_failure\nu,2024-01-01 00:00:00,\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<16 {
			return
		}
		last := int64(-1)
		Read(bytes.NewReader(in), "in", func(d Document) error {
			if !strings.Contains(d.Source, "›") && d.Offset < last {
				t.Fatalf("offset %d after %d", d.Offset, last)
			}
			last = d.Offset
			return nil
		})
	})
}

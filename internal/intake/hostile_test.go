package intake

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/table"
)

// told spells documents as data or !data of the bad ones, joined by |.
func told(docs []Document) string {
	var parts []string
	for _, d := range docs {
		s := string(d.Data)
		if d.Bad != "" {
			s = "!" + s
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "|")
}

const countsHeader = "measurement_start_day,probe_asn,ok_count,measurement_count\n"

func TestStrayQuoteCostsOneRow(t *testing.T) {
	var b strings.Builder
	b.WriteString(countsHeader)
	for i := range 50 {
		if i == 3 {
			b.WriteString("\"2024-01-01,64512,3,4\n")
			continue
		}
		fmt.Fprintf(&b, "2024-01-01,%d,3,4\n", 64512+i)
	}
	docs, err := read(t, []byte(b.String()))
	if err != nil || len(docs) != 50 {
		t.Fatalf("%d rows came out, %v; want 50", len(docs), err)
	}
	for i, d := range docs {
		if (d.Bad != "") != (i == 3) || d.Line != int64(i+2) || !strings.HasPrefix(b.String()[d.Offset:], strings.TrimPrefix(string(d.Data[:1]), "{")) {
			t.Errorf("row %d: line %d, offset %d, bad %q", i, d.Line, d.Offset, d.Bad)
		}
	}
	if got := string(docs[3].Data); got != `"2024-01-01,64512,3,4` {
		t.Errorf("the text of the bad row is %q", got)
	}
}

func TestNothingIsDroppedUnseen(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text after an array", `[{"a":1}] trailing {"b":2}`, `{"a":1}|!trailing {"b":2}`},
		{"text after an array, then a document", "[{\"a\":1}] trailing\n{\"b\":2}\n", `{"a":1}|!trailing|{"b":2}`},
		{"an array after another", "[{\"a\":1}]\n[{\"b\":2}]\n", `{"a":1}|{"b":2}`},
		{"NaN in an array", `[{"a":1},NaN,{"b":2}]`, `{"a":1}|!NaN|{"b":2}`},
		{"NaN in an element", `[{"a":1},{"n":NaN},{"b":2}]`, `{"a":1}|!{"n":NaN}|{"b":2}`},
		{"elements that are no objects", `[1,"x,y",[2,{}],{"b":2},null]`, `!1|!"x,y"|![2,{}]|{"b":2}|!null`},
		{"an array that does not end", `[{"a":1},{"b":2}`, `{"a":1}|{"b":2}|!`},
		{"an array cut in an element", `[{"a":1},{"b":`, `{"a":1}|!{"b":`},
		{"a broken element over lines", "[\n  {\n    \"a\": \"x\n  },\n  {\n    \"b\": 2\n  }\n]\n", "!{\n    \"a\": \"x\n  },\n  |{\"b\":2}"},
		{"a broken last element", "[\n  {\n    \"a\": \"x\n  }\n]\n{\"b\":2}\n", "!{\n    \"a\": \"x\n  }\n|{\"b\":2}"},
		{"noise between documents over lines", "{\n\"a\": 1\n}\noops {\n{\n\"b\": 2\n}\n[info] done\n{\"c\":\n3}\n", `{"a":1}|!oops {|{"b":2}|![info] done|{"c":3}`},
		{"a document that is cut off", "{\n \"a\": {\n{\n \"b\": 2\n}\n", "!{\n \"a\": {\n|{\"b\":2}"},
		{"a first line that is cut off", "{\"a\":\"x\n{\"b\":2}\n{\"c\":3}\n", "!{\"a\":\"x\n|{\"b\":2}|{\"c\":3}"},
		{"a brace too many", "{\n\"a\": 1\n}\n}\n{\n\"b\": 2\n}\n", `{"a":1}|!}|{"b":2}`},
		{"a byte order mark and lines", "\xef\xbb\xbf\n{\n\"a\": 1\n}\n", `{"a":1}`},
		{"a byte order mark and an array", "\xef\xbb\xbf[{\"a\": 1}]", `{"a":1}`},
	} {
		docs, err := read(t, []byte(c.in))
		if got := told(docs); err != nil || got != c.want {
			t.Errorf("%s:\ngot  %q, %v\nwant %q", c.name, got, err, c.want)
		}
	}
}

func tarOf(t *testing.T, members ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: members[i], Size: int64(len(members[i+1])), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, members[i+1])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBrokenMemberDoesNotEndTheTar(t *testing.T) {
	var long bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&long, "{\"n\":%d,\"pad\":\"%x\"}\n", i, i*i*i)
	}
	whole := gz(long.Bytes())
	in := tarOf(t, "cut.jsonl.gz", string(whole[:len(whole)/2]), "after.json", `{"after":1}`)
	docs, err := read(t, in)
	if err != nil || len(docs) < 1000 {
		t.Fatalf("%d documents, %v", len(docs), err)
	}
	if last := docs[len(docs)-1]; string(last.Data) != `{"after":1}` || last.Bad != "" {
		t.Errorf("the last document is %+v", last)
	}
	if told := docs[len(docs)-2]; told.Bad == "" || !strings.HasSuffix(told.Source, "cut.jsonl.gz") {
		t.Errorf("the broken member is told as %+v", told)
	}
	// the callback's own error ends all, also one that wraps ErrUnreadable
	for _, stop := range []error{errors.New("stop"), fmt.Errorf("%w: mine", ErrUnreadable)} {
		calls := 0
		err = Read(bytes.NewReader(in), "in", func(Document) error { calls++; return stop })
		if !errors.Is(err, stop) || calls != 1 {
			t.Errorf("after %d calls: %v; want %v", calls, err, stop)
		}
	}
	if _, err := read(t, in[:len(in)/2]); err == nil {
		t.Error("a tar that is cut off is no error")
	}
}

func TestTarsInTarsEnd(t *testing.T) {
	in := []byte(`{"a":1}`)
	for range maxNested + 3 {
		in = tarOf(t, "x", string(in))
	}
	docs, err := read(t, in)
	if err != nil || len(docs) != 1 || docs[0].Bad == "" {
		t.Errorf("%v, %v", docs, err)
	}
}

// endless is a source that goes on with the same byte.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// What is far beyond the limits is set aside and takes no memory to speak of.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MiB five times over")
	}
	const size = 3 * MaxDocument
	long := func(b byte) io.Reader { return io.LimitReader(endless(b), size) }
	for _, c := range []struct {
		name      string
		in        io.Reader
		want      string // of what is good
		bad       int
		unreadble bool
	}{
		{"element", io.MultiReader(strings.NewReader(`[{"a":"`), long('A'), strings.NewReader(`"},{"b":2}]`)), `{"b":2}`, 1, false},
		{"brackets", io.MultiReader(strings.NewReader("{\n\"a\":"), long('['), strings.NewReader("\n{\"b\":2}")), `{"b":2}`, 1, false},
		{"noise", io.MultiReader(strings.NewReader("{\n\"a\":1}"), long('x'), strings.NewReader("\n{\"b\":2}")), `{"a":1}|{"b":2}`, 1, false},
		{"open quote", io.MultiReader(strings.NewReader(countsHeader+"\""), long('x'), strings.NewReader("\n2024-01-01,64512,3,4\n")), `{"measurement_start_day":"2024-01-01","probe_asn":"64512","ok_count":"3","measurement_count":"4"}`, 1, false},
		{"header", io.MultiReader(strings.NewReader("a,b,c,\""), long('x')), "", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			var good []Document
			bad := 0
			err := Read(c.in, "in", func(d Document) error {
				if d.Bad == "" {
					good = append(good, d)
				} else if bad++; len(d.Data) > 4096 {
					t.Errorf("%d bytes are kept", len(d.Data))
				}
				return nil
			})
			runtime.ReadMemStats(&after)
			if told(good) != c.want || bad != c.bad || errors.Is(err, ErrUnreadable) != c.unreadble || err != nil && !c.unreadble {
				t.Errorf("%s, %d bad, %v", told(good), bad, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 8*MaxDocument { // growing doubles
				t.Errorf("%d MiB were allocated", used>>20)
			}
		})
	}
}

func TestParquetCopyIsBoundedAndNameless(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	in := bufio.NewReader(io.MultiReader(strings.NewReader("PAR1"), io.LimitReader(endless('x'), 1<<20)))
	seen := false
	look := readerFunc(func(p []byte) (int, error) {
		n, err := in.Read(p)
		entries, e := os.ReadDir(dir)
		if e != nil || len(entries) > 0 && runtime.GOOS == "linux" {
			t.Fatalf("a copy has a name: %v, %v", entries, e)
		}
		seen = true
		return n, err
	})
	err := table.ReadParquet(look, 1<<10, func([]string) error { return nil }, func(table.ParquetRow) error { return nil })
	if !seen || !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "more than 1024 bytes") {
		t.Errorf("err is %v", err)
	}
	for name, text := range map[string]string{
		"short":  "PAR1PAR",
		"prose":  "PAR1 and then nothing that makes sense",
		"footer": "PAR1 and then nothing\xff\xff\xff\xffPAR1",
		"inside": "PAR1 and then nothing\x04\x00\x00\x00PAR1",
	} {
		_, err := read(t, []byte(text))
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), "not a Parquet file: ") || strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "readat") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// FuzzNothingIsLost holds that every letter of a source of lines, documents or
// arrays lies in one of the documents that come out.
func FuzzNothingIsLost(f *testing.F) {
	for _, s := range []string{"{\n\"a\":1}\nx\n{\"b\":2}", `[{"a":1},NaN,[1],{"b":"]"}] x {"c":1}`, "[\n {\n \"a\": \"x\n },\n {}\n]", "{}\n{\"a\n", countsHeader + "\"a,b\nc\",d,\"e\"\n\nf,g,h,i\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 1<<14 {
			return
		}
		letters := func(s string) (n int) {
			for _, b := range []byte(s) {
				if b > ' ' && b < 0x7f && !strings.ContainsRune(`,[]"\`, rune(b)) {
					n++
				}
			}
			return n
		}
		got, last, tables := 0, int64(-1), false
		err := Read(strings.NewReader(in), "in", func(d Document) error {
			if d.Offset < last || d.Line < 1 {
				t.Fatalf("offset %d after %d, line %d", d.Offset, last, d.Line)
			}
			last, tables = d.Offset, tables || d.Kind != Measurement
			got += letters(string(d.Data))
			return nil
		})
		if err == nil && !tables && firstByte([]byte(in)) != 0 && (in[0] == '{' || in[0] == '[') && got != letters(in) {
			t.Errorf("%d letters came in and %d out", letters(in), got)
		}
	})
}

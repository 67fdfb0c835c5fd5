package history

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/bench"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// registry knows one platform, which changed its name.
type registry struct{}

func (registry) Of(host, test string, _ time.Time) string {
	switch {
	case host == "x.com" || host == "twitter.com":
		return "x"
	case test == "whatsapp":
		return "whatsapp"
	}
	return ""
}

func collect(t *testing.T, opt Options, text string) ([]series.Cell, Summary, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if opt.Registry == nil {
		opt.Registry = registry{}
	}
	c := NewCollector(opt)
	r, err := c.ReadFile(name)
	return c.Cells(), r, err
}

func TestVerdictRows(t *testing.T) {
	cells, r, err := collect(t, Options{Span: series.Day}, `measurement_uid,measurement_start_time,probe_cc,probe_asn,input,domain,dns,tls,state,mechanisms,report_id
u1,2024-02-17 01:00:00,zz,AS64512,https://twitter.com/,,ok,blocked,,,r1
u2,2024-02-17T02:00:00Z,ZZ,64512,,x.com,,,likely_blocked,"['dns.nxdomain', 'tls.reset']",r2
u3,2024-02-17T03:00:00+01:00,ZZ,64512.0,,x.com,down,,,,r3
u4,2024-02-17 04:00:00,ZZ,64512,,x.com,,,ok,,r4
`)
	if err != nil || r.Kind != "verdicts" || r.Rows != 4 || r.Bad != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	cells = slices.DeleteFunc(cells, func(c series.Cell) bool { return c.Layer != series.Whole })
	if len(cells) != 1 || cells[0].Target != "x" || cells[0].Blocked != 1 || cells[0].Likely != 1 || cells[0].Down != 1 || cells[0].OK != 1 {
		t.Fatalf("%+v", cells)
	}
	var mechanisms []string
	for _, x := range cells[0].Tallies {
		if x.Kind == series.Mechanism {
			mechanisms = append(mechanisms, x.Name)
		}
	}
	if want := []string{"dns.nxdomain", "tls", "tls.reset"}; !reflect.DeepEqual(mechanisms, want) {
		t.Errorf("mechanisms %v", mechanisms)
	}
}

// The words of other programs for none, and their times and truth values.
func TestOtherSpellings(t *testing.T) {
	cells, r, err := collect(t, Options{Span: series.Day}, `Measurement_Start_Time,probe_cc,probe_asn,domain,dns,tcp,state,mechanisms,report_id,resolver_asn
2024-03-01 10:00:00+00:00,ZZ,AS64512,x.com,ok,None,OK,None,r1,None
2024-03-01T10:00:00.123456,ZZ,64512,x.com,nan,,blocked,['tls.reset'],r2,nan
2024-03-01T10:00:00+0000,ZZ,64512,x.com,null,\N,None,NULL,r3,
1709287200,ZZ,64512.0,x.com,unknown,ok,,[],r4,AS64512
2024-03-01 10:00:00 UTC,zz,AS64512,x.com,Blocked,ok,,NaN,r5,
`)
	if err != nil || r.Bad != 0 || len(cells) != 1 {
		t.Fatalf("%+v, %+v, %v", cells, r, err)
	}
	if c := cells[0]; c.OK != 1 || c.Blocked != 2 || c.Impaired != 1 || c.Insufficient != 1 {
		t.Errorf("%+v", c)
	}
	cells, _, err = collect(t, Options{Span: series.Day}, `measurement_start_time,probe_cc,probe_asn,input,anomaly,confirmed,failure
2024-03-01T10:00:00Z,ZZ,AS64512,https://x.com/,True,False,False
2024-03-01T11:00:00Z,ZZ,AS64512,https://x.com/,t,f,f
2024-03-01T12:00:00Z,ZZ,AS64512,https://x.com/,1.0,0.0,0
2024-03-01T13:00:00Z,ZZ,AS64512,https://x.com/,Y,N,N
2024-03-01T14:00:00Z,ZZ,AS64512,https://x.com/,None,None,FALSE
`)
	if err != nil || len(cells) != 1 || cells[0].Impaired != 4 || cells[0].OK != 1 {
		t.Errorf("%+v, %v", cells, err)
	}
}

func TestStateFromLayers(t *testing.T) {
	for layers, want := range map[string]verdict.State{
		"ok,blocked": verdict.Blocked, "down,unknown": verdict.Down, "unknown,ok": verdict.Impaired, "ok,": verdict.OK, ",": verdict.Insufficient,
	} {
		a, b, _ := strings.Cut(layers, ",")
		r := verdict.Row{DNS: verdict.Layer{Outcome: verdict.Outcome(a)}, TLS: verdict.Layer{Outcome: verdict.Outcome(b)}}
		if got, err := stateOf("", &r); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", layers, got, err, want)
		}
	}
}

func TestCounts(t *testing.T) {
	text := `anomaly_count,confirmed_count,failure_count,measurement_count,measurement_start_day,ok_count,probe_cc,test_name
3,1,2,16,2024-02-17,10,ZZ,whatsapp
3,1,2,16,2024-02-17,10,ZZ,whatsapp
1,0,0,2,2024-02-18,1,ZZ,whatsapp
`
	cells, r, err := collect(t, Options{}, text)
	if err != nil || r.Kind != "counts" || len(cells) != 2 {
		t.Fatalf("%+v, %+v, %v", cells, r, err)
	}
	c := cells[0]
	if c.Target != "whatsapp" || c.Span != 86400 || c.OK != 10 || c.Impaired != 3 || c.Blocked != 1 || c.Insufficient != 2 || c.VoteImpaired != 3000 {
		t.Errorf("a row given twice must count once: %+v", c)
	}
}

// Counts that cannot be are left out with their reason, and make nothing.
func TestImpossibleCounts(t *testing.T) {
	head := "measurement_start_day,probe_cc,domain,ok_count,anomaly_count,confirmed_count,failure_count,measurement_count\n"
	good := "2024-02-16,ZZ,x.com,10,3.0,1,,16\n"
	for row, why := range map[string]string{
		"2024-02-17,ZZ,x.com,0,0,99999999999,0,3\n":                  `confirmed_count: "99999999999" is more than`,
		"2024-02-17,ZZ,x.com,0,0,4,0,3\n":                            "the counts add up to 4, but measurement_count is 3",
		"2024-02-17,ZZ,x.com,0,1.9,0,0,3\n":                          `anomaly_count: "1.9" is no whole number`,
		"2024-02-17,ZZ,x.com,0,-1,0,0,3\n":                           `anomaly_count: "-1" is no count`,
		"2024-02-17,ZZ,x.com,NaN,0,0,0,3\n":                          `ok_count: "NaN" is no count`,
		"2024-02-17,ZZ,x.com,2147483648,0,0,0,\n":                    `ok_count: "2147483648" is more than`,
		"2024-02-17,ZZ,x.com,2147483647,2147483647,3,0,\n":           "measurements of one target, network and day",
		"2024-02-16,ZZ,x.com,4294967,0,0,0,\n":                       "4294981 measurements of one target, network and day",
		"2024-02-17,ZZ,x.com,0,2147483647,2147483647,2147483647,3\n": "the counts add up to 6442450941",
	} {
		cells, r, err := collect(t, Options{}, head+good+row)
		if err != nil || r.Rows != 1 || r.Bad != 1 || !strings.Contains(r.Problems[0].Reason, why) {
			t.Errorf("%s%+v, %v; want %q", row, r, err, why)
		}
		if len(cells) != 1 || cells[0].Measurements != 14 || cells[0].Impaired != 3 {
			t.Errorf("%s%+v", row, cells)
		}
	}
}

func TestColumnMapping(t *testing.T) {
	cells, _, err := collect(t, Options{Columns: map[string]string{
		"measurement_start_day": "date", "ok_count": "ok", "anomaly_count": "dns+http", "failure_count": "error", "probe_cc": "=ZZ", "target": "=all"}},
		",ok,dns,http,error,date\n0,46,10,2,3,2021-01-02\n")
	if err != nil || len(cells) != 1 {
		t.Fatal(cells, err)
	}
	if c := cells[0]; c.CC != "ZZ" || c.Target != "all" || c.OK != 46 || c.Impaired != 12 || c.Insufficient != 3 {
		t.Errorf("%+v", c)
	}
}

// A part of a sum that is no count is not passed over.
func TestColumnSumOfNoCounts(t *testing.T) {
	_, r, err := collect(t, Options{Columns: map[string]string{"measurement_start_day": "date", "ok_count": "ok", "anomaly_count": "dns+http"}},
		"ok,dns,http,date\n46,many,2,2021-01-02\n46,0.5,0.5,2021-01-03\n46,1,,2021-01-04\n")
	if err != nil || r.Rows != 1 || r.Bad != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestMeasurementList(t *testing.T) {
	cells, r, err := collect(t, Options{Span: series.Day}, `{"results":[
 {"anomaly":true,"confirmed":false,"failure":false,"input":"https://www.site.example/","measurement_start_time":"2024-02-17T01:00:00Z","probe_cc":"ZZ","probe_asn":"AS64512","test_name":"web_connectivity"},
 {"anomaly":true,"confirmed":true,"failure":false,"input":"https://www.site.example/","measurement_start_time":"2024-02-17T02:00:00Z","probe_cc":"ZZ","probe_asn":"AS64512","test_name":"web_connectivity"},
 {"anomaly":null,"confirmed":null,"scores":"","input":"https://www.site.example/","measurement_start_time":"2024-02-17 03:00:00","probe_cc":"ZZ","probe_asn":"AS64512","test_name":"web_connectivity"}]}`)
	if err != nil || r.Kind != "measurements" || len(cells) != 1 {
		t.Fatal(cells, r, err)
	}
	if c := cells[0]; c.Target != "site.example" || c.Impaired != 1 || c.Blocked != 1 || c.OK != 1 {
		t.Errorf("%+v", c)
	}
}

func TestObservationsAreJudgedTogether(t *testing.T) {
	judge := func(rows []map[string]string) (verdict.Row, error) {
		if rows[0]["measurement_uid"] == "bad" {
			return verdict.Row{}, errors.New("makes no sense")
		}
		at, _ := ParseTime(rows[0]["measurement_start_time"])
		s := verdict.OK
		for _, r := range rows {
			if r["tcp_failure"] != "" {
				s = verdict.Impaired
			}
		}
		return verdict.Row{Time: at, State: s}, nil
	}
	text := `measurement_uid,measurement_start_time,probe_cc,probe_asn,hostname,tcp_failure,report_id
u1,2024-02-17 01:00:00,ZZ,64512,x.com,,r1
bad,2024-02-17 01:00:00,ZZ,64512,x.com,,r1
u1,2024-02-17 01:00:00,ZZ,64512,x.com,connection_refused,r1
,2024-02-17 01:00:00,ZZ,64512,x.com,,r1
`
	cells, r, err := collect(t, Options{Judge: judge, Span: series.Day}, text)
	if err != nil || len(cells) != 1 || cells[0].Impaired != 1 || cells[0].Measurements != 1 {
		t.Fatalf("%+v, %+v, %v", cells, r, err)
	}
	if r.Bad != 1 || r.Rows != 3 || r.Problems[0].Line != 5 {
		t.Errorf("%+v", r)
	}
	if _, _, err := collect(t, Options{}, text); err == nil {
		t.Error("without a judge there must be an error")
	}
}

// The rows of one measurement may come in two files, and one row in both. What
// cannot be judged is named with its file and line. Rows that are more than
// memory is meant for wait in a temporary file.
func TestObservationsOfTwoFiles(t *testing.T) {
	judge := func(rows []map[string]string) (verdict.Row, error) {
		at, err := ParseTime(rows[0]["measurement_start_time"])
		s := verdict.OK
		for _, r := range rows {
			if r["tcp_failure"] != "" {
				s = verdict.Impaired
			}
		}
		if len(rows) != 2 {
			s = verdict.Insufficient
		}
		return verdict.Row{Time: at, State: s}, err
	}
	const head = "measurement_uid,measurement_start_time,probe_cc,probe_asn,hostname,tcp_failure,report_id,notes\n"
	for _, many := range []int{3, 40000} {
		var one, two strings.Builder
		one.WriteString(head)
		two.WriteString(head)
		notes := strings.Repeat("so it was ", 40)
		for i := range many {
			fmt.Fprintf(&one, "u%d,2024-02-17 01:00:00,ZZ,64512,x.com,,r1,%s\n", i, notes)
			fmt.Fprintf(&two, "u%d,2024-02-17 01:00:00,ZZ,64512,x.com,,r1,%s\n", i, notes)
			fmt.Fprintf(&two, "u%d,2024-02-17 01:00:00,ZZ,64512,x.com,refused,r1,%s\n", i, notes)
		}
		two.WriteString("odd,never,ZZ,64512,x.com,,r1,\n")
		c := NewCollector(Options{Registry: registry{}, Judge: judge, Span: series.Day})
		for _, text := range []string{one.String(), two.String()} {
			if _, err := c.Read(strings.NewReader(text)); err != nil {
				t.Fatal(err)
			}
		}
		if spilled := c.waiting.file != nil; spilled != (many > 1000) {
			t.Errorf("%d measurements: in a file %v", many, spilled)
		}
		r, err := c.Judged()
		if err != nil || r.Rows != int64(3*many) || r.Bad != 1 || r.Problems[0].Line != int64(2*many+2) {
			t.Errorf("%+v, %v", r, err)
		}
		if cells := c.Cells(); len(cells) != 1 || cells[0].Impaired != uint32(many) {
			t.Errorf("%d measurements: %+v", many, cells)
		}
	}
}

// Whatever is in a file, reading it ends, and what comes of it can be detected
// in.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		"measurement_uid,measurement_start_time,probe_cc,probe_asn,domain,state\nu,2024-02-17,ZZ,1,x.com,ok\n",
		"measurement_start_day,ok_count,anomaly_count,probe_cc,probe_asn\n2024-02-17,1e9,3,ZZ,AS1\n2024-02-18T05:00:00Z,1,3,ZZ,\n",
		`[{"measurement_start_time":"2200-01-01","anomaly":true,"input":"http://[::1"}]`,
		"measurement_uid,measurement_start_time,tcp_failure\nu,2024-02-17,x\nu,2024-02-17,\n",
		`{"measurement_start_time":"@-99999999999","dns":{"outcome":"blocked"},"probe_asn":4294967295}`,
	} {
		f.Add([]byte(s))
	}
	judge := func([]map[string]string) (verdict.Row, error) {
		return verdict.Row{State: verdict.Impaired, Time: time.Unix(0, 0)}, nil
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := NewCollector(Options{Registry: registry{}, Judge: judge})
		r, err := c.Read(bytes.NewReader(data))
		if err == nil && r.Rows == 0 {
			t.Error("nothing read, and no error")
		}
		cells := c.Cells()
		for i := range cells {
			if c := &cells[i]; c.OK+c.Blocked+c.Likely+c.Impaired+c.Down+c.Insufficient != c.Measurements {
				t.Errorf("counts do not add up: %+v", c)
			}
		}
		event.Detect(cells, time.Time{})
	})
}

func TestBadRows(t *testing.T) {
	head := "measurement_uid,measurement_start_time,probe_cc,probe_asn,domain,state\n"
	good := "u0,2024-02-17 01:00:00,ZZ,64512,x.com,ok\n"
	for row, want := range map[string]string{
		"u,yesterday,ZZ,64512,x.com,ok":            "time",
		"u,,ZZ,64512,x.com,ok":                     "time",
		"u,1024-02-17 01:00:00,ZZ,64512,x.com,ok":  "year",
		"u,2024-02-17 01:00:00,Z1,64512,x.com,ok":  "country",
		"u,2024-02-17 01:00:00,ZZ,many,x.com,ok":   "AS number",
		"u,2024-02-17 01:00:00,ZZ,-1,x.com,ok":     "AS number",
		"u,2024-02-17 01:00:00,ZZ,64512,x.com,hmm": "state",
		"u,2024-02-17 01:00:00,ZZ":                 "fields",
	} {
		cells, r, err := collect(t, Options{}, head+good+row+"\n")
		if err != nil || len(cells) != 1 || r.Bad != 1 || r.Problems[0].Line != 3 || !strings.Contains(r.Problems[0].Reason, want) {
			t.Errorf("%s: %+v, %v", row, r, err)
		}
	}
	if _, _, err := collect(t, Options{}, head+"u,never,ZZ,1,x.com,ok\n"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("nothing readable: %v", err)
	}
	if _, _, err := collect(t, Options{}, "a,b\n1,2\n"); err == nil || !strings.Contains(err.Error(), "--map") {
		t.Errorf("unknown columns: %v", err)
	}
	for _, c := range []string{"-1", "NaN", "many"} {
		if _, err := measurement.ColumnCount(c); err == nil {
			t.Errorf("count %q was accepted", c)
		}
	}
}

// What was read before a file breaks off stands, and a tar is read member by member.
func TestBrokenFilesAndTars(t *testing.T) {
	const head = "measurement_uid,measurement_start_time,probe_cc,probe_asn,domain,state,report_id\n"
	var rows strings.Builder
	rows.WriteString(head)
	for i := range 5000 {
		fmt.Fprintf(&rows, "u%d,2024-02-17 01:%02d:00,ZZ,64512,x.com,ok,r%x\n", i, i%60, i*i)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	io.WriteString(z, rows.String())
	z.Close()
	_, r, err := collect(t, Options{}, packed.String()[:packed.Len()/2])
	if err != nil || r.Rows < 1000 || r.Bad > 2 || !strings.Contains(r.Problems[r.Bad-1].Reason, "unexpected EOF; the rest was not read") {
		t.Errorf("half a file: %+v, %v", r, err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range [][2]string{{"a.csv", head + "u,2024-02-17,ZZ,64512,x.com,ok,r\n"}, {"b.csv", head + "u,2024-02-18,ZZ,64512,x.com,odd,r\n"}, {"c", "\x00"}} {
		w.WriteHeader(&tar.Header{Name: m[0], Size: int64(len(m[1])), Mode: 0o644, Typeflag: tar.TypeReg})
		io.WriteString(w, m[1])
	}
	w.Close()
	cells, r, err := collect(t, Options{}, b.String())
	if err != nil || len(cells) != 1 || r.Rows != 1 || r.Bad != 2 || !strings.Contains(r.Problems[0].Reason, "› b.csv: state is") || !strings.Contains(r.Problems[1].Reason, "› c: unreadable: it is neither") {
		t.Errorf("a tar: %+v, %+v, %v", cells, r, err)
	}
	for text, want := range map[string]string{
		`[{"a"`: `line 1: the source ends in the middle of a document: "{\"a\""`,
		"":      "input: unreadable: it is empty",
		"hello": "input: unreadable: it is neither JSON, JSONL, CSV, Parquet nor a tar of these (it begins with \"hello\")",
		"[]":    "it has no rows",
	} {
		if _, _, err := collect(t, Options{}, text); err == nil || !strings.HasPrefix(err.Error(), "read ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
	}
}

// A story of the benchmark that was written to a file holds the same events as
// the story itself, so that versions can be compared by files.
func TestStoriesAsFiles(t *testing.T) {
	for _, name := range []string{"at once, 3 networks", "one of two hosts, 4 networks", "counts only"} {
		i := slices.IndexFunc(bench.Scenarios, func(s bench.Scenario) bool { return s.Name == name })
		story := bench.Scenarios[i].Tell(1)
		want, err := bench.Detector(story)
		if err != nil || len(want) == 0 {
			t.Fatalf("%s: %d events, %v", name, len(want), err)
		}
		var text strings.Builder
		if err := story.WriteCSV(&text); err != nil {
			t.Fatal(err)
		}
		cells, r, err := collect(t, Options{}, text.String())
		if err != nil || r.Bad != 0 {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
		got := event.Detect(cells, time.Time{}).Events
		for _, es := range [][]event.Event{got, want} {
			for k := range es {
				es[k].InputHash = "" // of the counts of parts, which only a file has
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: from the file\n%+v\nwant\n%+v", name, got, want)
		}
	}
}

package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

func open(t *testing.T) *Pipeline {
	t.Helper()
	p, err := newPipeline(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p.Now = func() time.Time { return time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC) }
	return p
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func bring(t *testing.T, p *Pipeline, want Want, paths ...string) Summary {
	t.Helper()
	var src []intake.Source
	for _, path := range paths {
		s, err := intake.List(t.Context(), path, intake.Filter{}, intake.Buckets{})
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, s...)
	}
	sum, err := p.Import(t.Context(), src, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := sum.Added + sum.Duplicates + sum.Filtered + sum.Quarantined; got != sum.Read {
		t.Errorf("of %d lines read %d are accounted for: %+v", sum.Read, got, sum)
	}
	return sum
}

func TestImportTwiceAddsNothing(t *testing.T) {
	t.Parallel()
	p := open(t)
	path := corpusOf(t, 500, 5)
	if s := bring(t, p, Want{}, path); s.Added != 500 {
		t.Fatalf("first import: %+v", s)
	}
	before, _ := p.Archive.Manifest()
	if s := bring(t, p, Want{}, path); s.Added != 0 || s.Skipped != 1 || s.Read != 0 {
		t.Errorf("the same file again: %+v; want it skipped", s)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := write(t, "other-name.jsonl", b)
	if s := bring(t, p, Want{}, copied); s.Added != 0 || s.Duplicates != 500 {
		t.Errorf("the same lines in another file: %+v; want 500 duplicates", s)
	}
	after, _ := p.Archive.Manifest()
	if after.Generation != before.Generation {
		t.Errorf("generation %d became %d although nothing was added", before.Generation, after.Generation)
	}
	again, err := newPipeline(p.Archive.Dir()) // a process that has no memory of it
	if err != nil {
		t.Fatal(err)
	}
	if s := bring(t, again, Want{}, write(t, "third.jsonl", b)); s.Added != 0 || s.Duplicates != 500 {
		t.Errorf("another process: %+v", s)
	}
}

// The derived files do not depend on how the raw input was split, merged or
// derived before: what a rebuild makes is the same bytes.
func TestRebuildIsByteIdentical(t *testing.T) {
	t.Parallel()
	days, documents, parts := 5, 120, 4
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		days, documents, parts = 28, 600, 6
	}
	p := open(t)
	var lines [][]byte
	for i := range documents {
		lines = append(lines, append(zz(fmt.Sprint("corpus-", i/4), i/days*28+i%days), '\n'))
	}
	for i := range parts {
		part := lines[i*documents/parts : (i+1)*documents/parts]
		bring(t, p, Want{}, write(t, fmt.Sprint(i, ".jsonl"), bytes.Join(part, nil)))
	}
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	imported := segments(t, p)
	first, err := p.Rebuild(t.Context(), nil)
	if err != nil || first.Documents != int64(documents) || first.Failed != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if got := segments(t, p); !slices.Equal(got, imported) {
		t.Errorf("a rebuild gives\n%s\nthe import gave\n%s", strings.Join(got, "\n"), strings.Join(imported, "\n"))
	}
	second, err := p.Rebuild(t.Context(), nil)
	if err != nil || fmt.Sprint(second.Segments) != fmt.Sprint(first.Segments) {
		t.Errorf("a second rebuild differs from the first: %v", err)
	}
	if want := days*2 + 1; len(imported) < want {
		t.Fatalf("only %d segments, want %d: the test compares too little", len(imported), want)
	}
}

// counted are the cells of what was added.
func counted(t *testing.T, p *Pipeline) []series.Cell {
	t.Helper()
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var all []series.Cell
	for _, g := range m.Select(archive.Cells, m.Ruleset) {
		err := archive.ReadSegment(p.Archive, g, func(part []series.Cell) error {
			all = append(all, part...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// rebuildsAlike merges and counts, and tells where a rebuild, by one process or in parts,
// gives other segments than those that it returns.
func rebuildsAlike(t *testing.T, p *Pipeline) []string {
	t.Helper()
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := segments(t, p)
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if after := segments(t, p); !slices.Equal(before, after) {
		t.Errorf("rebuilt %v, imported %v", after, before)
	}
	inParts(t, p.Archive.Dir(), "rebuild", 3)
	if after := segments(t, p); !slices.Equal(before, after) {
		t.Errorf("rebuilt in parts %v, imported %v", after, before)
	}
	return before
}

func segments(t *testing.T, p *Pipeline) []string {
	t.Helper()
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range m.Segments {
		out = append(out, s.Path())
	}
	return out
}

// Re-scoring from the observations alone gives the verdicts that the import
// gave.
func TestRescoreGivesTheSameVerdicts(t *testing.T) {
	t.Parallel()
	p := open(t)
	bring(t, p, Want{}, corpusOf(t, 150, 6))
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := segments(t, p)
	out, err := p.Rescore(t.Context())
	if err != nil || out.Verdicts != 150 {
		t.Fatalf("%+v, %v", out, err)
	}
	if after := segments(t, p); !slices.Equal(before, after) {
		t.Errorf("after re-scoring the segments are\n%v\nwere\n%v", after, before)
	}
}

// A defect that is known later takes measurements out when history is judged
// again, without raw.
func TestRescoreUnderLaterDefects(t *testing.T) {
	t.Parallel()
	p := open(t)
	bring(t, p, Want{}, corpusOf(t, 150, 6))
	later, err := defect.New([]defect.Window{{ID: "corpus", Test: "web_connectivity", Since: time.Unix(0, 0), Source: "a test"}})
	if err != nil {
		t.Fatal(err)
	}
	p.Defects = later
	if out, err := p.Rescore(t.Context()); err != nil || out.Verdicts != 150 {
		t.Fatalf("%+v, %v", out, err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	web, out := 0, 0
	for _, s := range m.Select(archive.Verdicts, verdict.Ruleset) {
		if err := p.eachVerdict(s, func(r *verdict.Row) {
			if r.TestName == "web_connectivity" {
				web++
			}
			if r.Invalid == "known_defect" && r.State == verdict.Insufficient {
				out++
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if web == 0 || out != web {
		t.Errorf("%d of %d measurements of the test are out", out, web)
	}
}

// A source with more broken lines than the quarantine takes is set aside all
// the same: the rest is counted, and the count stands in the file.
func TestQuarantineIsBounded(t *testing.T) {
	var q quarantine
	q.limit = 4 << 10
	p := open(t)
	if err := q.open(p.Archive.Disk(), t.TempDir(), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	const lines = 1000
	for i := range lines {
		source := "a.jsonl"
		if i%10 == 9 {
			source = "b.jsonl"
		}
		r := &reject{doc: intake.Document{Source: source, Line: int64(i + 1), Data: []byte(strings.Repeat("x", 100))}, reason: "it is not JSON"}
		if err := q.add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(q.f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > 5<<10 {
		t.Errorf("%d bytes, the limit is %d", len(text), q.limit)
	}
	all, past := strings.Split(strings.TrimSpace(string(text)), "\n"), 0
	for _, line := range all {
		var l Quarantined
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscanf(l.Reason, "%d documents set aside from here on", &n); err == nil {
			past += n
			if l.Data != "" || l.Line == 0 || !strings.Contains(l.Reason, "the first: it is not JSON") {
				t.Errorf("the line of the rest is %+v", l)
			}
		} else {
			past++
		}
	}
	if past != lines {
		t.Errorf("%d of %d documents are accounted for", past, lines)
	}
}

// Rows of one measurement without end neither pile up nor are compared each
// with each.
func TestOneMeasurementOfAWholeTable(t *testing.T) {
	p := open(t)
	im := &importer{p: p, added: p.Now(), batch: newBatch(archive.KindWeb)}
	w := newWriter(t.Context(), im)
	const rows = 20_000
	for i := range rows {
		d := intake.Document{Source: "t.csv", Line: int64(i + 2), Kind: intake.WebRow, Data: fmt.Appendf(nil,
			`{"measurement_uid":"u","report_id":"r","probe_cc":"ZZ","probe_asn":"64512","measurement_start_time":"2024-02-17 00:00:00","test_name":"web_connectivity","input":"https://x.com/","hostname":"x.com","ip":"192.0.2.%d","port":"%d","tcp_success":"true"}`, i%200, i)}
		it, bad := p.judge(&d, im.added)
		if bad != nil {
			t.Fatal(bad.reason)
		}
		im.web = append(im.web, it)
	}
	start := time.Now()
	if err := im.endTable(w, false); err != nil {
		t.Fatal(err)
	}
	if len(im.web) != 0 {
		t.Errorf("%d rows go on waiting for the end of their measurement", len(im.web))
	}
	if n := len(im.batch.items); n != 1 || len(im.batch.items[0].entries) != maxRowsOfOne {
		t.Errorf("%d measurements", n)
	}
	if im.sum.Quarantined != rows-maxRowsOfOne {
		t.Errorf("%d rows set aside, want %d", im.sum.Quarantined, rows-maxRowsOfOne)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("joining took %v", d)
	}
	if err := errors.Join(w.close(), im.quarantine.close()); err != nil {
		t.Fatal(err)
	}
}

func TestQuarantine(t *testing.T) {
	t.Parallel()
	p := open(t)
	good := string(zz("r", 1))
	in := good + "\n" +
		`{"probe_ip":"192.0.2.77","test_name":"web_connectivity","test_keys":{}}` + "\n" +
		"not json from 192.0.2.77\n" +
		`{"probe_ip":"192.0.2.78","measurement_start_time":"2024-02-17 10:00:00","test_name":"x"` + "\n" +
		strings.Replace(good, `"report_id":"r"`, `"report_id":"other","measurement_uid":"taken"`, 1) + "\n" +
		strings.Replace(good, `"report_id":"r"`, `"report_id":"forged","measurement_uid":"taken"`, 1) + "\n" +
		strings.Replace(good, "web_connectivity", "no_such_test", 1) + "\n"
	s := bring(t, p, Want{}, write(t, "in.jsonl", []byte(in)))
	if s.Read != 7 || s.Added != 4 || s.Quarantined != 3 || s.Unknown != 1 {
		t.Fatalf("%+v", s)
	}
	b, err := os.ReadFile(s.QuarantineFile)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, want := range []string{`"line":2,`, `"line":3,`, `"line":4,`, "measurement_start_time", "in.jsonl"} {
		if !strings.Contains(text, want) {
			t.Errorf("the quarantine does not say %q:\n%s", want, text)
		}
	}
	if strings.Count(text, "\n") != 3 {
		t.Errorf("the quarantine has %d lines, want 3", strings.Count(text, "\n"))
	}
	for _, ip := range []string{"192.0.2.78"} {
		if strings.Contains(text, ip) {
			t.Errorf("the client address %s stands in the quarantine", ip)
		}
	}
}

// No client address reaches any file of the archive.
func TestNoClientAddressIsStored(t *testing.T) {
	t.Parallel()
	p := open(t)
	doc := strings.Replace(string(zz("r", 1)), `"probe_ip":"127.0.0.1"`, `"probe_ip":"203.0.113.99"`, 1)
	doc = strings.Replace(doc, `"requests":[]`, `"requests":[{"failure":null,"request":{"url":"http://x.com/","method":"GET","headers":{"X":"203.0.113.99"}},"response":{"code":200,"body":"you are 203.0.113.99","headers":{"X-Client":"203.0.113.99"}}}]`, 1)
	if s := bring(t, p, Want{}, write(t, "in.jsonl", []byte(doc+"\n"))); s.Added != 1 {
		t.Fatalf("%+v", s)
	}
	m, _ := p.Archive.Manifest()
	err := p.Archive.ReadRaw(m.Batches()[0], func(_ uint32, e *archive.Entry) error {
		if bytes.Contains(e.Document, []byte("203.0.113.99")) || !bytes.Contains(e.Document, []byte("you are 127.0.0.1")) {
			t.Errorf("raw: %s", e.Document)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	filepath.WalkDir(p.Archive.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("203.0.113.99")) {
			t.Errorf("the address stands in %s", path)
		}
		return err
	})
	if files < 4 {
		t.Errorf("only %d files were looked into", files)
	}
}

func TestClockMarks(t *testing.T) {
	t.Parallel()
	received := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		start, uploaded, report string
		want                    string
	}{
		{"2024-02-17T00:00:00Z", "", "", "[]"},
		{"2024-03-01T20:00:00Z", "", "", "[]"},
		{"2024-03-03T00:00:00Z", "", "", "[clock_future]"},
		{"2011-12-31T00:00:00Z", "", "", "[clock_before_2012]"},
		{"2024-02-17T00:00:00Z", "2024-02-20T00:00:00Z", "", "[]"},
		{"2024-02-17T00:00:00Z", "2024-02-10T00:00:00Z", "", "[clock_far_from_upload]"},
		{"2023-01-17T00:00:00Z", "2024-02-10T00:00:00Z", "", "[clock_far_from_upload]"},
		{"2023-01-17T00:00:00Z", "", "20240210T000000Z_webconnectivity_ZZ_1_n1_x", "[clock_far_from_upload]"},
		{"2024-02-09T00:00:00Z", "", "20240210T000000Z_webconnectivity_ZZ_1_n1_x", "[]"},
	} {
		var up time.Time
		if c.uploaded != "" {
			up = at(c.uploaded)
		}
		if got := fmt.Sprint(derivation.ClockMarks(at(c.start), up, c.report, received)); got != c.want {
			t.Errorf("%s uploaded %s report %s: %s, want %s", c.start, c.uploaded, c.report, got, c.want)
		}
	}
}

// A measurement with a wrong clock is kept and does not vote.
func TestMarkedDoesNotVote(t *testing.T) {
	t.Parallel()
	p := open(t)
	doc := strings.Replace(string(zz("r", 1)), "2024-02-02 01:00:00", "2031-01-01 00:00:00", 1)
	s := bring(t, p, Want{}, write(t, "in.jsonl", []byte(doc+"\n")))
	if s.Added != 1 || s.Marked != 1 {
		t.Fatalf("%+v", s)
	}
	for _, c := range counted(t, p) {
		if c.Measurements != 0 || c.Aside != 1 {
			t.Errorf("cell %+v counts it", c)
		}
	}
}

// A version of software that fails everywhere, where others succeed on the
// same networks, does not vote; its measurements are kept.
func TestSoftwareDefectsDoNotVote(t *testing.T) {
	t.Parallel()
	p := open(t)
	var in bytes.Buffer
	works := strings.NewReplacer(`"failure":"connection_reset"`, `"failure":null`, `"requests":[]`, `"requests":[{"network":"tcp","address":"104.244.42.1:443","failure":null,"request":{"url":"https://x.com/","method":"GET"},"response":{"code":200,"body":"0123456789","headers":{}}}]`)
	n := 0
	for _, place := range []string{`"probe_asn":"AS64512","probe_cc":"ZZ"`, `"probe_asn":"AS64513","probe_cc":"QM"`, `"probe_asn":"AS64514","probe_cc":"QN"`} {
		for range 6 { // codes that ISO leaves to users, and private networks
			bad := strings.Replace(string(zz(fmt.Sprint("bad", n), n)), `"probe_asn":"AS64512","probe_cc":"ZZ"`, place, 1)
			good := works.Replace(strings.Replace(strings.Replace(bad, `"software_version":"0"`, `"software_version":"1"`, 1), `"bad`, `"good`, 1))
			fmt.Fprintf(&in, "%s\n%s\n", bad, good)
			n++
		}
	}
	if s := bring(t, p, Want{}, write(t, "in.jsonl", in.Bytes())); s.Added != int64(2*n) {
		t.Fatalf("%+v", s)
	}
	var ok, blocked, aside uint32
	for _, c := range counted(t, p) {
		ok, blocked, aside = ok+c.OK, blocked+c.Blocked+c.Likely, aside+c.Aside
	}
	if ok != uint32(n) || blocked != 0 || aside != uint32(n) {
		t.Errorf("%d ok, %d blocked, %d aside; want %d, 0, %d", ok, blocked, aside, n, n)
	}
}

// A run on a network that lets through only what is approved does not count as
// a hundred single blocks; one that meets the same blocks and finds innocent
// sites well does.
func TestAllowListsDoNotVote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		innocentsFail  bool
		blocked, aside int
	}{{"an allow-list", true, 0, 20 + len(verdict.Innocents())}, {"a block list", false, 20, 0}} {
		p := open(t)
		var in bytes.Buffer
		n := 0
		add := func(host string, works bool) {
			doc := strings.ReplaceAll(string(zz("run", n)), "x.com", host)
			if works {
				doc = strings.NewReplacer(`"failure":"connection_reset"`, `"failure":null`, `"requests":[]`, `"requests":[{"network":"tcp","address":"104.244.42.1:443","failure":null,"request":{"url":"https://`+host+`/","method":"GET"},"response":{"code":200,"body":"0123456789","headers":{}}}]`).Replace(doc)
			}
			fmt.Fprintln(&in, doc)
			n++
		}
		for i := range 23 {
			add(fmt.Sprintf("site%d.example", i), i < 3)
		}
		for _, i := range verdict.Innocents() {
			add(i.Site, !c.innocentsFail)
		}
		if s := bring(t, p, Want{}, write(t, "in.jsonl", in.Bytes())); s.Added != int64(n) {
			t.Fatalf("%s: %+v", c.name, s)
		}
		var ok, blocked, aside uint32
		for _, c := range counted(t, p) {
			ok, blocked, aside = ok+c.OK, blocked+c.Blocked+c.Likely, aside+c.Aside
		}
		if int(blocked) != c.blocked || int(aside) != c.aside || int(ok) != n-c.blocked-c.aside {
			t.Errorf("%s: %d ok, %d blocked, %d aside; want %d blocked, %d aside", c.name, ok, blocked, aside, c.blocked, c.aside)
		}
	}
}

// A cancelled import keeps what it committed, and a second one goes on.
func TestImportGoesOnAfterCancel(t *testing.T) {
	t.Parallel()
	p := open(t)
	path := corpusOf(t, 3000, 6)
	src, err := intake.List(t.Context(), path, intake.Filter{}, intake.Buckets{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = p.Import(ctx, src, Want{}, func(Progress) { cancel() })
	if err == nil {
		t.Fatal("a cancelled import says nothing")
	}
	s := bring(t, p, Want{}, path)
	if s.Added+s.Duplicates != 3000 || s.Skipped != 0 {
		t.Errorf("after the cancelled import: %+v", s)
	}
	m, _ := p.Archive.Manifest()
	docs := 0
	for _, b := range m.Batches() {
		docs += b.Documents
	}
	if docs != 3000 {
		t.Errorf("the archive has %d documents, want 3000", docs)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	path := corpus(t, 56)
	for _, c := range []struct {
		want  Want
		added int64
	}{
		{Want{Filter: intake.Filter{CC: "ZZ"}}, 56},
		{Want{Filter: intake.Filter{CC: "YY"}}, 0},
		{Want{Target: "x"}, 56},
		{Want{Target: "x.com"}, 56},
		{Want{Target: "facebook"}, 0},
		{Want{Filter: intake.Filter{Test: "whatsapp"}}, 0},
		{Want{Filter: intake.Filter{Since: time.Date(2024, 2, 27, 0, 0, 0, 0, time.UTC)}}, 4},
		{Want{Filter: intake.Filter{Until: time.Date(2024, 2, 2, 0, 0, 0, 0, time.UTC)}}, 2},
	} {
		if s := bring(t, open(t), c.want, path); s.Added != c.added {
			t.Errorf("%+v: added %d of %d, want %d", c.want, s.Added, s.Read, c.added)
		}
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	p := open(t)
	r, err := p.Submit(t.Context(), zz("r", 3), Sender{})
	if err != nil || !r.New || len(r.SHA256) != 64 {
		t.Fatalf("%+v, %v", r, err)
	}
	again, err := p.Submit(t.Context(), zz("r", 3), Sender{})
	if err != nil || again.New || again.UID != r.UID {
		t.Errorf("the same again: %+v, %v", again, err)
	}
	if _, err := p.Submit(t.Context(), []byte(`{"test_name":"x"}`), Sender{}); err == nil {
		t.Error("a document without test_keys was taken")
	}
	m, _ := p.Archive.Manifest()
	e, err := p.Archive.ReadRawLine(r.Batch, 0)
	if err != nil || len(m.Batches()) != 1 || e.UID != r.UID || e.Uploaded.IsZero() {
		t.Errorf("the archive holds %+v, %v", e, err)
	}
}

// Submissions that come together share a commit, and each gets its own answer.
func TestSubmitTogether(t *testing.T) {
	t.Parallel()
	p := open(t)
	const n = 60
	receipts := make([]Receipt, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			doc := zz(fmt.Sprint("r", i/2), i/2%3) // each document twice, of three days
			if i == 7 {
				doc = []byte("{}")
			}
			receipts[i], errs[i] = p.Submit(t.Context(), doc, Sender{})
		})
	}
	wg.Wait()
	fresh := 0
	for i := range n {
		if (errs[i] != nil) != (i == 7) {
			t.Errorf("submission %d: %v", i, errs[i])
		}
		if receipts[i].New {
			fresh++
		}
	}
	m, _ := p.Archive.Manifest()
	docs := 0
	for _, b := range m.Batches() {
		docs += b.Documents
	}
	if fresh != n/2 || docs != n/2 || len(m.Batches()) >= n/2 {
		t.Errorf("%d new, %d documents in %d batches; want %d in fewer batches", fresh, docs, len(m.Batches()), n/2)
	}
}

// When the archive cannot be written the submitter is told so, and the next
// submission is taken.
func TestSubmitFailsHonestly(t *testing.T) {
	t.Parallel()
	p := open(t)
	if _, err := p.Submit(t.Context(), zz("r", 1), Sender{}); err != nil {
		t.Fatal(err)
	}
	raw := filepath.Join(p.Archive.Dir(), "raw")
	if err := os.Rename(raw, raw+".gone"); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Submit(t.Context(), zz("r", 2), Sender{}); err == nil {
		t.Fatalf("acknowledged %+v without a place to write", r)
	}
	if err := os.Rename(raw+".gone", raw); err != nil {
		t.Fatal(err)
	}
	r, err := p.Submit(t.Context(), zz("r", 2), Sender{})
	if err != nil || !r.New {
		t.Errorf("after the disk is back: %+v, %v", r, err)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	p := open(t)
	web := "measurement_uid,report_id,probe_cc,probe_asn,measurement_start_time,test_name,input,hostname,ip,port,tcp_success,tcp_failure,tls_failure,dns_failure,http_failure\n" +
		"u1,r1,ZZ,64512,2024-02-17 10:00:00,web_connectivity,https://x.com/,x.com,104.244.42.1,443,true,,connection_reset,,\n" +
		"u1,r1,ZZ,64512,2024-02-17 10:00:00,web_connectivity,https://x.com/,x.com,104.244.42.65,443,true,,,,\n" +
		"u2,r1,ZZ,64512,2024-02-17 11:00:00,web_connectivity,https://x.com/,x.com,104.244.42.1,443,true,,,,\n" +
		"u2,r1,ZZ,64512,yesterday,web_connectivity,https://x.com/,x.com,104.244.42.1,443,true,,,,\n"
	counts := "measurement_start_day,probe_cc,probe_asn,domain,test_name,anomaly_count,confirmed_count,failure_count,ok_count,measurement_count\n" +
		"2024-02-17,ZZ,AS64512,x.com,web_connectivity,3,0,1,6,10\n" +
		"2024-02-18,ZZ,AS64512,x.com,web_connectivity,x,0,1,6,10\n"
	w, c := write(t, "web.csv", []byte(web)), write(t, "counts.csv", []byte(counts))
	if s := bring(t, p, Want{}, w, c); s.Added != 4 || s.Quarantined != 2 {
		t.Fatalf("%+v", s)
	}
	if s := bring(t, p, Want{}, write(t, "web2.csv", []byte(web)), write(t, "c2.csv", []byte(counts))); s.Added != 0 || s.Duplicates != 4 {
		t.Fatalf("again: %+v", s)
	}
	before := rebuildsAlike(t, p)
	m, _ := p.Archive.Manifest()
	rows := int64(0)
	for _, g := range m.Select(archive.Verdicts, verdict.Ruleset) {
		rows += g.Rows
	}
	if rows != 2 || len(m.Select(archive.Counts, "")) != 1 {
		t.Errorf("%d verdicts, want one for each of the two measurements; segments %v", rows, before)
	}
}

// OONI's API leaves out the columns that it was asked by; the import is told.
func TestCountsOfOneQuestion(t *testing.T) {
	t.Parallel()
	const table = "anomaly_count,confirmed_count,failure_count,measurement_count,measurement_start_day,ok_count,probe_asn\n3,0,1,10,2024-02-17,6,64512\n"
	p := open(t)
	path := write(t, "api.csv", []byte(table))
	if s := bring(t, p, Want{}, path); s.Quarantined != 1 || s.Added != 0 {
		t.Errorf("without a country: %+v", s)
	}
	if s := bring(t, p, Want{Filter: intake.Filter{CC: "ZZ"}}, path); s.Quarantined != 1 || s.Added != 0 {
		t.Errorf("without a target: %+v", s)
	}
	for _, target := range []string{"x", "facebook"} {
		if s := bring(t, p, Want{Filter: intake.Filter{CC: "ZZ"}, Target: target}, path); s.Added != 1 {
			t.Errorf("%s: %+v", target, s)
		}
	}
	if s := bring(t, p, Want{Filter: intake.Filter{CC: "ZZ"}, Target: "x"}, write(t, "again.csv", []byte(table))); s.Duplicates != 1 {
		t.Errorf("again: %+v", s)
	}
	rebuildsAlike(t, p)
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range m.Select(archive.Counts, "") {
		err := archive.ReadSegment(p.Archive, g, func(rows []derivation.PublishedCount) error {
			for _, c := range rows {
				got = append(got, fmt.Sprint(c.CC, c.Target, c.Measurements))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[ZZfacebook10 ZZx10]" {
		t.Errorf("the counts are %v", got)
	}
}

// Every file of the real and simulated data that is shared imports, or is set
// aside with a reason.
func TestSharedData(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(shared, "ooni")); err != nil {
		t.Skipf("the shared data is not in %s: set BANDISH_SHARED", shared)
	}
	p := open(t)
	p.Now = time.Now
	var files int
	for _, dir := range []string{"scenarios", "scenarios-full", "real"} {
		entries, err := os.ReadDir(filepath.Join(shared, "ooni", dir))
		if err != nil || len(entries) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, e := range entries {
			files++
			s := bring(t, p, Want{}, filepath.Join(shared, "ooni", dir, e.Name()))
			if s.Read == 0 && s.Unreadable == 0 {
				t.Errorf("%s: nothing was read and nothing said: %+v", e.Name(), s)
			}
			if (s.Quarantined > 0 || s.Unreadable > 0) && s.QuarantineFile == "" {
				t.Errorf("%s: set aside without a file that says why", e.Name())
			}
			if s.Quarantined > 0 || s.Unreadable > 0 {
				t.Logf("%s: %d quarantined, %v", e.Name(), s.Quarantined, s.Errors)
			}
		}
	}
	damaged, _, n, err := p.Archive.Check(context.Background())
	if err != nil || len(damaged) > 0 || n < files/2 {
		t.Errorf("%d files, damaged %v, %v", n, damaged, err)
	}
}

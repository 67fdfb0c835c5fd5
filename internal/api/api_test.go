package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

func archiveHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func body(t testing.TB, resp *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// many is how many rows the lists of the paging tests have.
func many() int {
	if os.Getenv("BANDISH_LONG") == "" {
		return 3_000
	}
	return 100_000
}

// pages reads a list page by page and calls between after each page.
func pages[T any](t *testing.T, w *world, path string, between func(n int)) []T {
	t.Helper()
	var out []T
	for n := 0; ; n++ {
		resp := w.get(t, path)
		b := body(t, resp)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
		}
		var p Page[T]
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p.Results...)
		if p.NextCursor == nil {
			if resp.Header.Get("Link") != "" {
				t.Error("the last page names a next one")
			}
			return out
		}
		link := resp.Header.Get("Link")
		if !strings.HasPrefix(link, "</api/v1/") || !strings.HasSuffix(link, `>; rel="next"`) {
			t.Fatalf("Link is %q", link)
		}
		path = strings.TrimSuffix(link[1:], `>; rel="next"`)
		between(n)
	}
}

// A list pages through all its rows without loss or repetition while others add
// rows, before and behind the place, merge segments and count anew.
func TestPagesWhileAnImportRuns(t *testing.T) {
	const days = 20
	w := newWorld(t, days, many()/days)
	page := many() / 10
	for _, path := range []string{
		fmt.Sprint("/api/v1/verdicts?limit=", page), fmt.Sprint("/api/v1/verdicts?country=ZZ&target=x&limit=", page), fmt.Sprint("/api/v1/observations?limit=", page-1),
		fmt.Sprint("/api/v1/verdicts?state=blocked&network=AS64513&limit=", many()/128), "/api/v1/cells?limit=7", "/api/v1/segments?limit=3",
	} {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Del("limit")
		q.Set("format", "ndjson")
		var whole []json.RawMessage
		for line := range bytes.Lines(body(t, w.get(t, u.Path+"?"+q.Encode()))) {
			whole = append(whole, bytes.TrimSpace(slices.Clone(line)))
		}
		got := pages[json.RawMessage](t, w, path, func(n int) {
			if n > 1 {
				return
			}
			w.addDay(t, n, 1_000_000, 1_000_010) // before the place and behind it
			w.addDay(t, days+n, 0, 10)
			w.merge(t, n)
			w.count(t)
		})
		if len(whole) == 0 || len(got) != len(whole) {
			t.Fatalf("%s: the pages have %d rows, the whole list %d", path, len(got), len(whole))
		}
		for i := range got {
			if !bytes.Equal(got[i], whole[i]) {
				t.Fatalf("%s: row %d is\n%s, want\n%s", path, i, got[i], whole[i])
			}
		}
	}
}

// merge puts the segments of a day together, as compaction does.
func (w *world) merge(t *testing.T, d int) {
	t.Helper()
	day := first.AddDate(0, 0, d).Format(time.DateOnly)
	err := w.archive.Update(t.Context(), func(u *archive.Update) error {
		var old []archive.Segment
		for _, g := range u.Manifest.Select(archive.Verdicts, verdict.Ruleset) {
			if g.Period == day {
				old = append(old, g)
			}
		}
		_, err := archive.Merge(u, old, func(a, b *verdict.Row) int { return a.Time.Compare(b.Time) }, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A list that is made in memory is paged through as it was when it was begun,
// whatever it is made of later.
func TestPagesOfAMadeList(t *testing.T) {
	w := newWorld(t, 1, 10)
	const n = 100_000
	made := 0
	make := func(context.Context) (rows[int], error) {
		list := make([]int, n)
		for i := range list {
			list[i] = i + made*7 // each time another list
		}
		made++
		return rows[int]{list: list}, nil
	}
	u := url.URL{Path: "/list"}
	var got []int
	p := &Paging{}
	for round := 0; ; round++ {
		r, err := open(t.Context(), w.Server, u, p, make)
		if err != nil {
			t.Fatal(err)
		}
		page, err := r.take(t.Context(), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.Results...)
		if page.NextCursor == nil {
			break
		}
		p.Cursor = *page.NextCursor
		w.addDay(t, 2+round, 0, 1) // a new generation
	}
	if len(got) != n {
		t.Fatalf("%d rows, want %d", len(got), n)
	}
	for i := range got {
		if got[i] != got[0]+i {
			t.Fatalf("row %d is %d", i, got[i])
		}
	}
}

// A cursor of a list that is no longer kept, or of another question, is refused
// with what to do.
func TestStaleCursors(t *testing.T) {
	w := newWorld(t, 2, 200)
	var p Page[verdict.Row]
	if err := json.Unmarshal(body(t, w.get(t, "/api/v1/verdicts?limit=10")), &p); err != nil {
		t.Fatal(err)
	}
	w.addDay(t, 5, 0, 1)
	w.pins = pins{} // as after a start
	for path, want := range map[string]int{
		"/api/v1/verdicts?limit=10&cursor=" + *p.NextCursor:            http.StatusGone,
		"/api/v1/verdicts?limit=10&country=ZZ&cursor=" + *p.NextCursor: http.StatusUnprocessableEntity,
		"/api/v1/cells?cursor=" + *p.NextCursor:                        http.StatusUnprocessableEntity,
		"/api/v1/cells?cursor=nonsense":                                http.StatusUnprocessableEntity,
	} {
		resp := w.get(t, path)
		var problem struct {
			Status int
			Title  string
			Detail string
		}
		if err := json.Unmarshal(body(t, resp), &problem); err != nil || resp.StatusCode != want || problem.Status != want || !strings.Contains(problem.Detail, "cursor") || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d, %+v, %v", path, resp.StatusCode, problem, err)
		}
	}
}

// All formats of a list have the same rows, and Parquet has the archive's own
// columns.
func TestFormats(t *testing.T) {
	w := newWorld(t, 20, 400)
	const query = "/api/v1/verdicts?country=ZZ&since=2024-01-16&until=2024-01-17"
	listed := pages[verdict.Row](t, w, query+"&limit=300", func(int) {})
	if len(listed) != 800 {
		t.Fatalf("%d rows", len(listed))
	}
	table, err := csv.NewReader(w.get(t, query, "Accept", "text/csv").Body).ReadAll()
	if err != nil || len(table) != len(listed)+1 {
		t.Fatalf("CSV has %d rows, %v", len(table), err)
	}
	column := func(name string) int { return slices.Index(table[0], name) }
	for i, v := range listed {
		row := table[i+1]
		if row[column("measurement_uid")] != v.UID || row[column("state")] != string(v.State) || row[column("tls.outcome")] != string(v.TLS.Outcome) || row[column("software")] != "'=cmd()/1" || row[column("rules")] != "dns_vouched tcp_connected" {
			t.Fatalf("row %d of the CSV is %q, of the list %+v", i, row, v)
		}
	}
	file := body(t, w.get(t, query+"&format=parquet"))
	packed, err := parquet.Read[verdict.Row](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(packed) != len(listed) {
		t.Fatalf("Parquet has %d rows, %v", len(packed), err)
	}
	for i := range packed {
		a, _ := json.Marshal(packed[i])
		if b, _ := json.Marshal(listed[i]); !bytes.Equal(a, b) {
			t.Fatalf("row %d of Parquet is\n%s\nof the list\n%s", i, a, b)
		}
	}
	events := pages[event.Event](t, w, "/api/v1/events", func(int) {})
	file = body(t, w.get(t, "/api/v1/events?format=parquet"))
	rows, err := parquet.Read[event.Row](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(events) != 1 || len(rows) != len(events) {
		t.Fatalf("%d events, Parquet has %d, %v", len(events), len(rows), err)
	}
	if e, err := rows[0].Event(); err != nil || !reflect.DeepEqual(e.Onset, events[0].Onset) {
		t.Errorf("Parquet has the event %+v, the list %+v (%v)", e, events[0], err)
	}
	if resp := w.get(t, "/api/v1/bans?format=parquet"); resp.StatusCode != http.StatusNotAcceptable {
		t.Errorf("bans as Parquet: %d", resp.StatusCode)
	}
}

// A client that has an answer is told so, until the archive changes.
func TestConditionalRequests(t *testing.T) {
	w := newWorld(t, 2, 50)
	const path = "/api/v1/answer?country=ZZ&target=x"
	tag := w.get(t, path).Header.Get("ETag")
	if tag == "" || w.get(t, path+"&at=2024-01-01").Header.Get("ETag") == tag {
		t.Fatalf("ETag %q", tag)
	}
	if resp := w.get(t, path, "If-None-Match", `"other", `+tag); resp.StatusCode != http.StatusNotModified || len(body(t, resp)) > 0 {
		t.Errorf("with its ETag: %d", resp.StatusCode)
	}
	if resp := w.get(t, "/api/v1/answer?country=ZZ", "If-None-Match", tag); resp.StatusCode != http.StatusUnprocessableEntity || resp.Header.Get("ETag") != "" {
		t.Errorf("a failure: %d, ETag %q", resp.StatusCode, resp.Header.Get("ETag"))
	}
	w.addDay(t, 5, 0, 1)
	if resp := w.get(t, path, "If-None-Match", tag); resp.StatusCode != http.StatusOK || resp.Header.Get("ETag") == tag {
		t.Errorf("after a change: %d", resp.StatusCode)
	}
	resp := w.get(t, "/api/v1/verdicts", "Accept-Encoding", "gzip")
	z, err := gzip.NewReader(resp.Body)
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("encoding %q, %v", resp.Header.Get("Content-Encoding"), err)
	}
	if b, err := io.ReadAll(z); err != nil || !json.Valid(b) {
		t.Errorf("packed answer: %v", err)
	}
	if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("CORS: %q", got)
	}
}

// A client is told how many requests it has left, and to wait when it has none;
// no address is kept.
func TestLimit(t *testing.T) {
	w := newWorld(t, 1, 1)
	w.Limit = 3
	for i, want := range []int{200, 200, 200, 429} {
		resp := w.get(t, "/api/v1/rules")
		left := fmt.Sprintf(`"minute";r=%d;t=`, max(0, 2-i))
		if resp.StatusCode != want || !strings.HasPrefix(resp.Header.Get("RateLimit"), left) || resp.Header.Get("RateLimit-Policy") != `"minute";q=3;w=60` || (resp.Header.Get("Retry-After") != "") != (want == 429) {
			t.Errorf("request %d: %d, %v", i, resp.StatusCode, resp.Header)
		}
	}
	for id := range w.limiter.seen {
		if strings.Contains(string(id[:]), "127") {
			t.Errorf("an address is kept: %q", id)
		}
	}
}

// A file is read by ranges, as DuckDB and pandas read Parquet over the web: the
// rows are those of the list, and no more of the file was asked for than it has.
func TestFilesByRange(t *testing.T) {
	w := newWorld(t, 20, 2000)
	var pack dataPackage
	if err := json.Unmarshal(body(t, w.get(t, "/api/v1/datapackage.json")), &pack); err != nil {
		t.Fatal(err)
	}
	total, names := 0, []string{}
	for _, r := range pack.Resources {
		names = append(names, r.Name)
		if len(r.Path) != len(r.Hashes) || len(r.Schema.Fields) < 10 {
			t.Errorf("%s: %d paths, %d hashes, %d fields", r.Name, len(r.Path), len(r.Hashes), len(r.Schema.Fields))
		}
		if r.Name != "verdicts" {
			continue
		}
		for _, path := range r.Path {
			remote := &overHTTP{t: t, w: w, path: "/api/v1/" + path}
			f, err := parquet.OpenFile(remote, remote.size())
			if err != nil {
				t.Fatal(err)
			}
			total += int(f.NumRows())
			rd := parquet.NewGenericReader[verdict.Row](f)
			one := make([]verdict.Row, 1)
			if n, err := rd.Read(one); n != 1 || one[0].CC != "ZZ" || one[0].Target != "x" {
				t.Fatalf("first row of %s: %d, %v, %+v", path, n, err, one)
			}
			rd.Close()
			if remote.ranges == 0 {
				t.Errorf("%s was not read by ranges", path)
			}
		}
	}
	if total != 40_000 || !slices.Contains(names, "cells") || !slices.Contains(names, "events") {
		t.Errorf("%d rows, tables %v", total, names)
	}
	sums := string(body(t, w.get(t, "/api/v1/SHA256SUMS")))
	for line := range strings.Lines(sums) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		resp := w.get(t, "/api/v1/"+path)
		if got := archiveHash(body(t, resp)); got != sum || resp.Header.Get("ETag") != `"`+sum+`"` {
			t.Errorf("%s is %s, want %s", path, got, sum)
		}
	}
	for path, want := range map[string]int{
		"/api/v1/segments/verdicts/2024-01-01/..%2f..%2fmanifest.json": 404, "/api/v1/segments/findings/ZZ/x.parquet": 404, "/api/v1/segments/raw/ab/x.parquet": 404,
	} {
		if resp := w.get(t, path); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// overHTTP reads a file of the server by ranges.
type overHTTP struct {
	t      *testing.T
	w      *world
	path   string
	ranges int
}

func (o *overHTTP) size() int64 {
	return o.w.get(o.t, o.path).ContentLength
}

func (o *overHTTP) ReadAt(p []byte, off int64) (int, error) {
	resp := o.w.get(o.t, o.path, "Range", fmt.Sprintf("bytes=%d-%d", off, off+int64(len(p))-1))
	if resp.StatusCode != http.StatusPartialContent {
		return 0, fmt.Errorf("answered %d", resp.StatusCode)
	}
	o.ranges++
	return io.ReadFull(resp.Body, p)
}

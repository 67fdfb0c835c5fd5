package web

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

// now is when the tests' pages are shown.
var now = time.Date(2024, 2, 20, 12, 0, 0, 0, time.UTC)

type server struct {
	*testing.T
	p   *pipeline.Pipeline
	url string
	n   int // submissions so far

	site *Site
}

// made is a folder for what tests make once; indexes, within it, holds the index of
// the record, which all tests search.
var (
	made, indexes string
	indexing      sync.Mutex
)

func TestMain(m *testing.M) {
	frugal.Tests()
	var err error
	if made, err = os.MkdirTemp("", "bandish-web"); err != nil {
		panic(err)
	}
	indexes = filepath.Join(made, "indexes")
	code := m.Run()
	os.RemoveAll(made)
	os.Exit(code)
}

func serve(t *testing.T) *server { return serveAt(t, now) }

// serveAt serves an empty archive, as it is shown at a moment.
func serveAt(t *testing.T, at time.Time) *server {
	t.Helper()
	return serveIn(t, t.TempDir(), at)
}

// registry is read once, as it is the same for all.
var registry = sync.OnceValues(func() (*target.Registry, error) { return target.Load(targets.FS) })

// serveIn serves the archive of a folder, as it is shown at a moment.
func serveIn(t *testing.T, dir string, at time.Time) *server {
	t.Helper()
	a, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	reg, err := registry()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	clock := func() time.Time { return at }
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	indexing.Lock() // who comes first builds it
	index, err := search.Open(t.Context(), indexes, search.RecordDocuments(rec))
	indexing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	site := &Site{Desk: &inquiry.Desk{Store: st, Targets: reg, Records: rec, Now: clock}, Search: index, Inbox: inbox.Open(a.Dir(), clock), Store: st, Targets: reg, Records: rec, Now: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	srv := httptest.NewServer(site.Handler())
	t.Cleanup(srv.Close)
	return &server{T: t, site: site, p: &pipeline.Pipeline{Archive: a, Targets: reg, Now: clock}, url: srv.URL}
}

// get returns the status and the text of a page.
func (s *server) get(path string) (int, string) {
	s.Helper()
	resp, err := http.Get(s.url + path)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// submit archives one example measurement of country ZZ on a private network.
func (s *server) submit(day int, asn int, host string, reset bool) string {
	s.Helper()
	failure := "null"
	requests := fmt.Sprintf(`[{"network":"tcp","address":"104.244.42.1:443","failure":null,"request":{"url":"https://%s/","method":"GET"},"response":{"code":200,"body":"0123456789","headers":{}}}]`, host)
	if reset {
		failure, requests = `"connection_reset"`, "[]"
	}
	doc := fmt.Sprintf(`{"input":"https://%[1]s/","measurement_start_time":"2024-02-%02[2]d %02[3]d:00:00","probe_asn":"AS%[4]d","probe_cc":"ZZ","probe_ip":"127.0.0.1","report_id":"r-%[2]d-%[3]d-%[4]d","software_name":"example","software_version":"0","test_name":"web_connectivity","test_version":"0.5.28","test_start_time":"2024-02-17 00:00:00","test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"%[1]s","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"%[1]s","failure":%[5]s,"no_tls_verify":false,"peer_certificates":null,"t":0.1}],"requests":%[6]s,"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{"status":true,"failure":null}},"tls_handshake":{"104.244.42.1:443":{"server_name":"%[1]s","status":true,"failure":null}},"http_request":{"body_length":10,"failure":null,"title":"","headers":{},"status_code":200}},"control_failure":null}}`,
		host, day, s.hour(), asn, failure, requests)
	r, err := s.p.SubmitAt(s.Context(), []byte(doc), s.p.Now())
	if err != nil {
		s.Fatal(err)
	}
	return r.UID
}

func (s *server) hour() int { s.n++; return s.n % 24 }

func (s *server) count() {
	s.Helper()
	if _, err := s.p.Count(s.Context()); err != nil {
		s.Fatal(err)
	}
}

func TestEmptySiteSaysSo(t *testing.T) {
	s := serve(t)
	code, page := s.get("/")
	if code != 200 || !strings.Contains(page, "holds no measurements yet") || !strings.Contains(page, "bandish import ooni --cc PK --target x") {
		t.Errorf("the start page of an empty archive: %d\n%s", code, page)
	}
	code, page = s.get("/cc/PK/x")
	if code != 200 || !strings.Contains(page, "As of 20 February 2024, X is blocked in Pakistan since 17 February 2024, 3 days by then, as sources report (the case record). They report its end on 7 May 2025. This archive holds no measurements of X in Pakistan.") || !strings.Contains(page, `href="/cases/pk-2024-x"`) {
		t.Errorf("an answer without data: %d\n%s", code, page)
	}
	if strings.Contains(page, `class="state s-ok"`) || strings.Contains(page, `<rect x=`) && strings.Contains(page, `class="s-ok`) {
		t.Error("no data is drawn as ok")
	}
	if code, page = s.get("/cc/PK"); code != 200 || !strings.Contains(page, `href="/cc/PK/x"`) {
		t.Errorf("a country without data: %d\n%s", code, page)
	}
}

func TestAnswerPageAndJSONAgree(t *testing.T) {
	s := serve(t)
	var uid string
	for day := 10; day <= 19; day++ {
		for _, asn := range []int{64512, 64513} {
			for range 2 {
				uid = s.submit(day, asn, "x.com", day >= 17 && asn == 64512)
			}
		}
	}
	s.submit(19, 64514, "x.com", true) // one alone concludes nothing
	s.count()
	_, text := s.get("/cc/ZZ/x?format=json")
	var a answer.Answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	if a.State != "likely_blocked" || !a.Partial || a.Counts.Failed != 6 || a.Others == nil || a.Others.OK != 14 || !a.Example || a.Basis != answer.Measured {
		t.Fatalf("the answer is %s with %+v", a.Sentence, a)
	}
	for _, n := range a.Networks {
		if n.ASN == 64512 && (n.Since == nil || n.Since.Latest.Day() != 17 || n.Since.Earliest != nil && n.Since.Earliest.Day() > 16) {
			t.Errorf("AS64512 since %+v", n.Since)
		}
	}
	code, page := s.get("/cc/ZZ/x")
	if code != 200 || !strings.Contains(page, a.Sentence) {
		t.Errorf("the page does not say the JSON's sentence %q", a.Sentence)
	}
	for _, want := range []string{"likely blocked on some networks", "AS64512", "the encrypted connection is reset (<code>tls.reset</code>)", "made in a lab", "<svg", "1 network with too little data", "1 measurement</a> from 1 report: 1 blocked", "<caption", `data-label="Evidence"`, `aria-label="AS64512, day by day"`, "10 February 2024: works; 0 blocked, 4 ok"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if _, page := s.get("/cc/ZZ"); !strings.Contains(page, `href="/cc/ZZ/x"`) || !strings.Contains(page, "likely blocked") {
		t.Error("the country's page does not have X as likely blocked")
	}
	if _, page := s.get("/"); !strings.Contains(page, `href="/cc/ZZ/x"`) {
		t.Error("the start page does not link to it")
	}
	code, page = s.get("/m/" + uid)
	if code != 200 || !strings.Contains(page, "What the probe saw, and what the control saw") || !strings.Contains(page, "104.244.42.1:443") {
		t.Errorf("the evidence page: %d\n%s", code, page)
	}
	if code, raw := s.get("/m/" + uid + "?raw=1"); code != 200 || !json.Valid([]byte(raw)) || !strings.Contains(raw, "x.com") {
		t.Errorf("the raw document: %d %s", code, raw)
	}
}

// A day without measurements is hatched between days that have some.
func TestDaysWithoutDataAreNotDrawnAsOK(t *testing.T) {
	s := serve(t)
	s.submit(10, 64512, "x.com", false)
	s.submit(15, 64512, "x.com", false)
	s.count()
	_, page := s.get("/cc/ZZ/x")
	if n := len(regexp.MustCompile(`<rect[^>]*class="s-`).FindAllString(page, -1)); n != 4 { // two days, for all networks and for one
		t.Errorf("%d days are drawn, want 2 in each of 2 rows", n)
	}
	if !strings.Contains(page, `fill="url(#nodata)"`) {
		t.Error("days without data are not hatched")
	}
}

func TestWrongAddresses(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]int{
		"/cc/QQ": 404, "/cc/QQ/x": 404, "/platforms/no%20such%20thing": 404, "/static/nothing": 404, "/static/..%2ftemplate%2fhome.html": 404, "/cc/PAK/x": 404, "/m/nothing": 404, "/m/%ff": 404, "/m/a%2Fb": 404, "/nowhere": 404, "/cc/PK/x?since=yesterday": 400,
		"/cc/PK/x?since=2024-02-02&until=2024-02-01": 400, "/rules": 200, "/style.css": 200, "/cc/PK/no%20such%20thing": 404,
		"/cc/PK/x?since=2024-02-02&until=2024-02-02": 200,
	} {
		if code, page := s.get(path); code != want {
			t.Errorf("%s: %d, want %d\n%s", path, code, want, page)
		}
	}
	if code, text := s.get("/m/nothing?format=json"); code != 404 || !strings.Contains(text, `"error"`) {
		t.Errorf("JSON of a wrong address: %d %s", code, text)
	}
}

// What strangers submit cannot write into the page.
func TestHostileNames(t *testing.T) {
	s := serve(t)
	doc := `{"input":"https://<script>alert(1)</script>/\"><svg onload=x>","measurement_start_time":"2024-02-17 10:00:00","measurement_uid":"<b>uid","probe_asn":"AS64512","probe_cc":"ZZ","report_id":"<i>","test_name":"<script>","software_name":"</title>","test_keys":{}}`
	r, err := s.p.SubmitAt(t.Context(), []byte(doc), s.p.Now())
	if err != nil {
		t.Fatal(err)
	}
	s.count()
	for _, path := range []string{"/", "/cc/ZZ", "/m/" + strings.ReplaceAll(r.UID, "<", "%3C")} {
		_, page := s.get(path)
		for _, bad := range []string{"<script>alert", "<svg onload", "<b>uid", "<i>"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s has %q unescaped", path, bad)
			}
		}
	}
	resp, err := http.Get(s.url + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("there is no content security policy")
	}
}

func TestCasePages(t *testing.T) {
	s := serve(t)
	if code, page := s.get("/cases"); code != 200 || !strings.Contains(page, `href="/cases/pk-2024-x"`) {
		t.Errorf("the list of cases: %d", code)
	}
	code, page := s.get("/cases/pk-2024-x")
	for _, want := range []string{"The clock", "What happened, day by day", "Said, and measured", "445", "until further orders", "Grounds: ", "Legal basis: ", `Carries out: <a href="/cases/pk-2024-x/act/`, "Who says so: ", "court orders it restored", "Courts", "Open questions"} {
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("the case's page: %d, does not say %q", code, want)
		}
	}
	code, early := s.get("/cases/pk-2024-x?as-of=2024-03-14")
	if code != 200 || !strings.Contains(early, "This is what was known at the end of") || !strings.Contains(early, `value="2024-03-14"`) || strings.Contains(early, "2025-05-07") || len(early) >= len(page) {
		t.Errorf("the case as of 14 March 2024 (%d, %d bytes) knows of 2025", code, len(early))
	}
	if code, _ := s.get("/cases/none"); code != 404 {
		t.Errorf("a case that does not exist: %d", code)
	}
}

func TestCheckAnswersFromTheArchive(t *testing.T) {
	s := serve(t)
	for _, asn := range []int{64512, 64513} {
		for range 4 {
			s.submit(18, asn, "x.com", true)
		}
	}
	s.count()
	code, text := s.get("/check?target=x&cc=ZZ&at=2024-02-18&claim=accessible&format=json")
	var a casefile.Answer
	if err := json.Unmarshal([]byte(text), &a); err != nil || code != 200 {
		t.Fatalf("%d %v %s", code, err, text)
	}
	if a.Verdict != "contradicted" || a.AnsweredFrom != "measurements" || a.Measured == nil || a.Measured.Blocked != 8 {
		t.Errorf("the answer is %+v", a)
	}
	if _, page := s.get("/check?target=x&cc=ZZ&at=2024-02-18&claim=accessible"); !strings.Contains(page, "contradicted") || !strings.Contains(page, a.Reason) {
		t.Error("the page does not say what the JSON says")
	}
	_, text = s.get("/check?target=x&cc=ZZ&at=2024-02-10&claim=accessible&format=json")
	if err := json.Unmarshal([]byte(text), &a); err != nil || a.Verdict != "untested" {
		t.Errorf("a day that nobody measured: %s", text)
	}
	for _, bad := range []string{"/check?target=x&cc=XX1&at=2024-02-18&claim=accessible", "/check?target=x&cc=ZZ&at=soon&claim=accessible", "/check?target=x&cc=ZZ&at=2024-02-18&claim=fine"} {
		code, page := s.get(bad)
		if code != 400 {
			t.Errorf("%s: %d, want 400", bad, code)
		}
		if q, _ := url.ParseQuery(strings.TrimPrefix(bad, "/check?")); !strings.Contains(page, `value="`+q.Get("at")+`"`) || !strings.Contains(page, `value="`+q.Get("cc")+`" selected`) {
			t.Errorf("%s: the form lost what was written", bad)
		}
	}
}

// every replaces all texts of a document but those that decide how it is read.
func every(v any, text string) any {
	switch v := v.(type) {
	case string:
		return text
	case []any:
		for i := range v {
			v[i] = every(v[i], text)
		}
	case map[string]any:
		for k := range v {
			switch k {
			case "measurement_start_time", "test_start_time", "test_name", "probe_cc", "probe_asn", "probe_ip", "query_type", "answer_type":
			case "input", "url", "hostname", "server_name":
				v[k] = "https://" + text + "/"
			default:
				v[k] = every(v[k], text)
			}
		}
	}
	return v
}

// No field of a measurement can do anything in a page: there is no script, no
// handler, no style and no address but ones of the web in it.
func TestNoFieldIsLive(t *testing.T) {
	s := serve(t)
	const doc = `{"input":"","measurement_start_time":"2024-02-17 10:00:00","probe_asn":"AS64512","probe_cc":"ZZ","report_id":"","measurement_uid":"","software_name":"","software_version":"","resolver_ip":"","annotations":{"platform":""},"test_name":"web_connectivity","test_keys":{"queries":[{"engine":"","failure":"","hostname":"","query_type":"A","resolver_address":"","answers":[{"answer_type":"A","ipv4":""},{"answer_type":"CNAME","hostname":""}]}],"tcp_connect":[{"ip":"","port":443,"status":{"failure":"","success":false}}],"tls_handshakes":[{"address":"","server_name":"","failure":"","peer_certificates":[{"format":"base64","data":""}]}],"requests":[{"failure":"","network":"tcp","address":"","request":{"url":"","method":""},"response":{"code":302,"body":"","headers":{"Location":"","Server":""},"headers_list":[["Location",""]]}}],"control":{"dns":{"failure":"","addrs":[""]},"http_request":{"failure":"","title":"","status_code":200,"headers":{"Server":""}}},"control_failure":""}}`
	for i, text := range []string{
		`"><script>alert(1)</script>`, `' onmouseover='alert(1)' x='`, `javascript:alert(1)//`, `</title></style></svg><svg/onload=alert(1)>`,
		`<img src=x onerror=alert(1)>`, "data:text/html,<script>alert(1)</script>", `{{.}}<!--`, "]]></a><a href=javascript:alert(1)>",
	} {
		var v any
		if err := json.Unmarshal([]byte(doc), &v); err != nil {
			t.Fatal(err)
		}
		v = every(v, text)
		v.(map[string]any)["measurement_uid"] = fmt.Sprint(i, text)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.p.SubmitAt(t.Context(), b, s.p.Now())
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		s.count()
		for _, path := range []string{"/", "/cc/ZZ", "/cc/ZZ/" + url.PathEscape(text), "/cc/ZZ/" + url.PathEscape(text) + "/measurements", "/cc/ZZ/" + url.PathEscape(text) + "/days", "/platforms", "/platforms/" + url.PathEscape(text), "/networks/AS64512", "/events", "/bans", "/blocked", "/is?cc=ZZ&target=" + url.QueryEscape(text), "/cc/ZZ/x/measurements?state=" + url.QueryEscape(text) + "&asn=1", "/cc/ZZ/x?at=" + url.QueryEscape(text), "/m/" + url.PathEscape(r.UID), "/search?q=" + url.QueryEscape(text), "/check?cc=ZZ&target=" + url.QueryEscape(text) + "&at=" + url.QueryEscape(text)} {
			code, page := s.get(path)
			if strings.HasPrefix(path, "/m/") && code != 200 || code >= 500 {
				t.Errorf("%s: %d", path, code)
			}
			inert(t, path, page)
		}
	}
}

// isData reports whether a script element holds data that nothing runs: JSON
// for search engines.
func isData(n *html.Node) bool {
	return n.Data == "script" && len(n.Attr) == 1 && n.Attr[0].Val == "application/ld+json" && n.FirstChild != nil && json.Valid([]byte(n.FirstChild.Data))
}

func inert(t *testing.T, path, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Data {
		case "script", "iframe", "object", "embed", "img", "base", "style":
			if n.Type == html.ElementNode && !isData(n) {
				t.Errorf("%s has an element %s", path, n.Data)
			}
		}
		for _, a := range n.Attr {
			link := a.Key == "href" || a.Key == "src" || a.Key == "action"
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || link && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "?") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "https://") && !strings.HasPrefix(a.Val, "http://") {
				t.Errorf("%s has %s=%q", path, a.Key, a.Val)
			}
		}
	}
}

// A reader who has a page already is told so, and HEAD is answered as GET is.
func TestPagesAreAskedForAgain(t *testing.T) {
	s := serve(t)
	ask := func(method, path, etag string) *http.Response {
		t.Helper()
		req, err := http.NewRequest(method, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "identity") // of what is compressed the length is not known before
		if etag != "" {
			req.Header.Set("If-None-Match", etag)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for _, path := range []string{"/", "/rules", "/cases", "/style.css", "/cc/PK/x", "/cc/PK/x?format=json"} {
		first := ask("GET", path, "")
		etag := first.Header.Get("ETag")
		if first.StatusCode != 200 || len(etag) != 26 || first.Header.Get("Cache-Control") == "" {
			t.Errorf("%s: %d, ETag %q, %v", path, first.StatusCode, etag, first.Header)
		}
		if again := ask("GET", path, etag); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", path, again.StatusCode)
		}
		if head := ask("HEAD", path, ""); head.StatusCode != 200 || head.ContentLength != first.ContentLength || head.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d, %d bytes, GET has %d", path, head.StatusCode, head.ContentLength, first.ContentLength)
		}
	}
	before := ask("GET", "/cc/ZZ", "").Header.Get("ETag")
	s.submit(17, 64512, "x.com", true)
	s.count()
	if after := ask("GET", "/cc/ZZ", before); after.StatusCode != 200 {
		t.Errorf("after a measurement the page is still %d", after.StatusCode)
	}
	if missing := ask("GET", "/nowhere", ""); missing.Header.Get("ETag") != "" || missing.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("an error has the headers %v", missing.Header)
	}
}

func TestPublicNames(t *testing.T) {
	for source, want := range map[string]string{
		"/home/someone/secret/a.jsonl":                             "a.jsonl",
		"/home/someone/a.tar.gz › b/c.post":                        "c.post",
		"s3://ooni-data-eu-fra/raw/20240217/x.jsonl.gz":            "s3://ooni-data-eu-fra/raw/20240217/x.jsonl.gz",
		"https://me:pass@example.org/a.gz?X-Amz-Signature=s › b.x": "https://example.org/a.gz › b.x",
	} {
		if got := inquiry.PublicName(source); got != want {
			t.Errorf("%s is shown as %s, want %s", source, got, want)
		}
	}
}

func TestSearchPage(t *testing.T) {
	s := serve(t)
	code, page := s.get("/search?q=further+orders")
	if code != 200 || !strings.Contains(page, `href="/cases/pk-2024-x/act/moi-letter"`) {
		t.Errorf("the search for further orders: %d\n%s", code, page)
	}
	for query, want := range map[string]string{
		"Interior Ministry writes": "/cases/pk-2024-x/act/moi-letter", "Telecommunication Authority kind:actor": "/actors/pk-pta", "Prevention of Electronic Crimes kind:law": "/laws/",
		"kind:docket": "/cases/pk-2024-x/docket/", "kind:source nukta": "/sources/",
	} {
		if _, page := s.get("/search?q=" + url.QueryEscape(query)); !strings.Contains(page, `href="`+want) {
			t.Errorf("no hit of %q leads to %s", query, want)
		}
	}
	if _, page := s.get("/search?q=X&page=2"); !strings.Contains(page, "21 to 40 of") || !strings.Contains(page, "page=3") {
		t.Error("the second page of hits is not there")
	}
	code, page = s.get("/search?q=%2B")
	if code != 400 || !strings.Contains(page, `value="&#43;"`) {
		t.Errorf("words that cannot be searched: %d, and the form keeps them not", code)
	}
	if code, text := s.get("/search?q=further+orders&format=json"); code != 200 || !json.Valid([]byte(text)) || !strings.Contains(text, "moi-letter") {
		t.Errorf("as JSON: %d %s", code, text)
	}
	if code, page := s.get("/search?q=%3Cscript%3Ealert(1)"); strings.Contains(page, "<script>") || code >= 500 {
		t.Errorf("a hostile query: %d", code)
	}
	if code, _ := s.get("/search"); code != 200 {
		t.Errorf("the empty search: %d", code)
	}
}

// One page has one address: others lead to it, with the question that was asked.
func TestAddressesLeadToTheProperOne(t *testing.T) {
	s := serve(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]string{
		"/cc/pk": "/cc/PK", "/cc/PK/": "/cc/PK", "/cc/pk/x": "/cc/PK/x", "/cc/PK/twitter?at=2024-03-01": "/cc/PK/x?at=2024-03-01", "/platforms/Twitter": "/platforms/x",
		"/cases/": "/cases", "/cc/PK/x/": "/cc/PK/x", "/%2Fexample.org/": "/%2Fexample.org",
	} {
		resp, err := client.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusMovedPermanently || got != want {
			t.Errorf("%s leads to %q with %d, want %q", path, got, resp.StatusCode, want)
		}
	}
	for _, path := range []string{"/", "/cc/PK", "/cases"} {
		resp, err := client.Post(s.url+path, "text/plain", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(resp.Header.Get("Allow"), "GET") {
			t.Errorf("POST %s: %d, Allow %q", path, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

// Pages are compressed for who takes it, and the first visit is small, in whatever
// language and whichever page is the first.
func TestFirstVisitIsSmall(t *testing.T) {
	s := serve(t)
	size := func(path string) int {
		t.Helper()
		req, err := http.NewRequest("GET", s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "zstd, gzip")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Fatal(path, resp.StatusCode, err)
		}
		if e := resp.Header.Get("Content-Encoding"); e == "" && !strings.HasSuffix(path, ".woff2") {
			t.Errorf("%s is not compressed", path)
		}
		return len(b)
	}
	rest := size("/style.css") + size("/static/sans.woff2") + size("/static/naskh-urdu.woff2")
	// The whole story of Pakistan has nearly a hundred entries, and is no first page.
	for _, path := range []string{"/", "/cc/PK/x", "/cc/PK", "/platforms/x", "/cases", "/cases/pk-2024-x/act/moi-letter", "/check", "/bans/pk-x-2024-02-17", "/safety", "/ur", "/ur/cases/pk-2024-x/act/moi-letter", "/ur/methods", "/ur/cc/PK/x", "/ur/cases/pk-2024-x"} {
		sum := rest + size(path)
		if t.Logf("%s: a first visit is %d bytes", path, sum); sum > 60_000 {
			t.Errorf("%s: a first visit is %d bytes, want at most 60,000", path, sum)
		}
	}
}

// A compressed page is asked for again as any other, and caches are told what its
// form depends on.
func TestCompressedPagesAreAskedForAgain(t *testing.T) {
	s := serve(t)
	for _, path := range []string{"/cc/PK/x", "/ur/cc/PK/x", "/style.css", "/cases/pk-2024-x?format=json"} {
		for _, coding := range []string{"gzip", "zstd"} {
			ask := func(etag string) *http.Response {
				req, err := http.NewRequest("GET", s.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Accept-Encoding", coding)
				req.Header.Set("If-None-Match", etag)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				return resp
			}
			first := ask("")
			if got := first.Header.Get("Content-Encoding"); got != coding || !strings.Contains(strings.Join(first.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s as %s: it comes as %q, Vary %v", path, coding, got, first.Header.Values("Vary"))
			}
			if again := ask(first.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s as %s again: %d", path, coding, again.StatusCode)
			}
		}
	}
}

// A form whose question cannot be answered comes back as it was filled in, with
// what is wrong with it.
func TestFormsKeepWhatWasWritten(t *testing.T) {
	s := serve(t)
	for path, wants := range map[string][]string{
		"/check?target=x&cc=PK&at=last+week&claim=accessible":    {`value="last week"`, `<option value="PK" selected>`, `role="alert"`},
		"/check?target=my.site&cc=XQ&at=2024-03-13&claim=nope":   {`<option value="my.site" selected>`, `<option value="XQ" selected>`, `value="2024-03-13"`, `role="alert"`},
		"/search?q=" + strings.Repeat("z", 501):                  {strings.Repeat("z", 501), `role="alert"`},
		"/ur/check?target=x&cc=PK&at=last+week&claim=accessible": {`value="last week"`, `<option value="PK" selected>`, `role="alert"`},
	} {
		code, page := s.get(path)
		if code != 400 {
			t.Errorf("%.60s: %d", path, code)
		}
		for _, w := range wants {
			if !strings.Contains(page, w) {
				t.Errorf("%.60s does not hold %.60s", path, w)
			}
		}
	}
}

// Every count opens what it counts: the list behind a count has as many
// measurements as the count says, whatever it is narrowed to.
func TestListsHoldWhatCountsSay(t *testing.T) {
	s := serve(t)
	for day := 10; day <= 19; day++ {
		for _, asn := range []int{64512, 64513} {
			for range 4 {
				s.submit(day, asn, "x.com", day >= 17 && asn == 64512)
			}
		}
	}
	s.count()
	rows := func(query string) int {
		t.Helper()
		code, text := s.get("/cc/ZZ/x/measurements?format=json&" + query)
		var list []map[string]any
		if err := json.Unmarshal([]byte(text), &list); err != nil || code != 200 {
			t.Fatalf("%s: %d %v", query, code, err)
		}
		return len(list)
	}
	for query, want := range map[string]int{
		"": 50, "skip=50": 30, "skip=80": 0, "asn=64512": 40, "asn=AS64513&day=2024-02-18": 4, "day=2024-02-18": 8, "since=2024-02-17&until=2024-02-18": 16,
		"state=failed": 12, "state=blocked&asn=64512&since=2024-02-18": 8, "state=blocked&asn=64513": 0, "state=ok&day=2024-02-17": 4, "day=2023-01-01": 0,
	} {
		if got := rows(query); got != want {
			t.Errorf("?%s lists %d measurements, want %d", query, got, want)
		}
	}
	_, text := s.get("/cc/ZZ/x?format=json")
	var a answer.Answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	for _, n := range a.Networks {
		q := fmt.Sprintf("asn=%d&since=%s&until=%s", n.ASN, n.Counts.From.Format(time.DateOnly), n.Counts.LastDay().Format(time.DateOnly))
		if got := rows(q); got != int(n.Counts.Measurements) {
			t.Errorf("AS%d counts %d measurements, its list %s has %d", n.ASN, n.Counts.Measurements, q, got)
		}
	}
	_, text = s.get("/cc/ZZ/x/days?format=csv")
	if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != 11 || !strings.HasPrefix(lines[8], "2024-02-17,") {
		t.Errorf("the days as CSV:\n%s", text)
	}
	for _, bad := range []string{"asn=x", "day=soon", "state=gone", "skip=-1", "skip=9999999999999999999", "since=soon"} {
		if code, _ := s.get("/cc/ZZ/x/measurements?" + bad); code != 400 {
			t.Errorf("?%s: %d, want 400", bad, code)
		}
	}
}

// Search engines are invited, but not into a demonstration, and every page of
// the site map is there.
func TestSiteMap(t *testing.T) {
	s := serve(t)
	for range 4 {
		s.submit(17, 64512, "x.com", true)
	}
	s.count()
	code, text := s.get("/sitemap.xml")
	if code != 200 {
		t.Fatal(code, text)
	}
	locs := regexp.MustCompile(`<loc>https://[^/]+([^<]*)</loc>`).FindAllStringSubmatch(text, -1)
	if len(locs) < 30 || !strings.Contains(text, "/cc/ZZ/x</loc>") || !strings.Contains(text, "/cases/pk-2024-x</loc>") || !strings.Contains(text, "/ur/cc/ZZ/x</loc>") || strings.Contains(text, "/ur/sources") {
		t.Errorf("the site map is\n%s", text)
	}
	for i, l := range locs {
		if i%5 != 0 && os.Getenv("BANDISH_LONG") == "" {
			continue
		}
		if code, _ := s.get(l[1]); code != 200 {
			t.Errorf("%s of the site map: %d", l[1], code)
		}
	}
	if _, text := s.get("/robots.txt"); strings.Contains(text, "Disallow: /\n") || !strings.Contains(text, "Sitemap: https://") {
		t.Errorf("robots.txt is\n%s", text)
	}
	demo := serve(t)
	demo.site.Demo = true
	if _, text := demo.get("/robots.txt"); !strings.Contains(text, "Disallow: /\n") {
		t.Errorf("robots.txt of a demonstration is\n%s", text)
	}
}

// What an address does not take is refused with Allow, and every error is a page
// that speaks to the reader, in the language of the address.
func TestErrorsSpeakToReaders(t *testing.T) {
	s := serve(t)
	for _, c := range []struct {
		method, at  string
		status      int
		allow, says string
	}{
		{"POST", "/cc/PK/x", 405, "GET, HEAD", "This page can only be read"},
		{"DELETE", "/", 405, "GET, HEAD", "ask with GET"},
		{"PUT", "/contribute", 405, "GET, HEAD, POST", "This page can only be read"},
		{"POST", "/none", 405, "GET, HEAD", "This page can only be read"},
		{"POST", "/ur/cases", 405, "GET, HEAD", "یہ صفحہ صرف پڑھا جا سکتا ہے"},
		{"GET", "/none", 404, "", "There is nothing here"},
		{"GET", "/ur/none", 404, "", "یہ صفحہ موجود نہیں"},
		{"GET", "/cc/PK/x?at=never", 400, "", "want a day as 2024-02-17"},
		{"GET", "/ur/cc/PK/x?at=never", 400, "", "2024-03-13"},
	} {
		r, err := http.NewRequest(c.method, s.url+c.at, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || resp.Header.Get("Allow") != c.allow || !strings.Contains(string(b), c.says) || !strings.Contains(string(b), "<h1>") || resp.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: %d, Allow %q\n%s", c.method, c.at, resp.StatusCode, resp.Header.Get("Allow"), b)
		}
	}
}

package web

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
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
}

func serve(t *testing.T) *server {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(a, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	clock := func() time.Time { return now }
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	index, err := search.Open(t.Context(), filepath.Join(a.Dir(), "search"), search.RecordDocuments(rec))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { index.Close() })
	site := &Site{Search: index, Store: st, Targets: reg, Records: rec, Now: clock, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	srv := httptest.NewServer(site.Handler())
	t.Cleanup(srv.Close)
	return &server{T: t, p: &pipeline.Pipeline{Archive: a, Targets: reg, Now: clock}, url: srv.URL}
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
	r, err := s.p.Submit(s.Context(), []byte(doc), pipeline.Sender{})
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
	if code != 200 || !strings.Contains(page, "Nobody has measured X in Pakistan") {
		t.Errorf("an answer without data: %d\n%s", code, page)
	}
	if strings.Contains(page, `class="state s-ok"`) || strings.Contains(page, "<svg") {
		t.Error("no data is drawn as ok")
	}
	if code, page = s.get("/cc/PK"); code != 200 || !strings.Contains(page, "Nobody has measured anything in Pakistan") {
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
	var a store.Answer
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	if a.Standing.State != "likely_blocked" || !a.Standing.Partial || a.Standing.Measurements != 21 || !a.Example {
		t.Fatalf("the answer is %s with %+v", a.Sentence, a.Standing)
	}
	for _, n := range a.Networks {
		if n.ASN == 64512 && (n.Since.Latest.Day() != 17 || n.Since.Earliest.Day() != 16) {
			t.Errorf("AS64512 since %+v", n.Since)
		}
	}
	code, page := s.get("/cc/ZZ/x")
	if code != 200 || !strings.Contains(page, a.Sentence) {
		t.Errorf("the page does not say the JSON's sentence %q", a.Sentence)
	}
	for _, want := range []string{"likely blocked on some networks", "AS64512", "tls.reset", "made in a lab", "<svg", "AS64514 (1 measurements from 1 reports"} {
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
		"/cc/pk": 404, "/cc/PAK/x": 404, "/m/nothing": 404, "/m/%ff": 404, "/m/a%2Fb": 404, "/nowhere": 404, "/cc/PK/x?since=yesterday": 400,
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
	r, err := s.p.Submit(t.Context(), []byte(doc), pipeline.Sender{})
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
	for _, want := range []string{"The clock", "Chronology", "Said, and measured", "445", "until further orders"} {
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("the case's page: %d, does not say %q", code, want)
		}
	}
	code, early := s.get("/cases/pk-2024-x?as-of=2024-03-14")
	if code != 200 || !strings.Contains(early, "As it was known at the end of 2024-03-14") || strings.Contains(early, "2025-05-07") || len(early) >= len(page) {
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
		if code, _ := s.get(bad); code != 400 {
			t.Errorf("%s: %d, want 400", bad, code)
		}
	}
}

func TestSearchPage(t *testing.T) {
	s := serve(t)
	code, page := s.get("/search?q=further+orders")
	if code != 200 || !strings.Contains(page, `href="/cases/pk-2024-x"`) {
		t.Errorf("the search for further orders: %d\n%s", code, page)
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

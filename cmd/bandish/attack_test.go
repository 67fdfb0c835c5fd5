package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/verdict"
)

// seen is a measurement of a page that works, or that is reset by its name, in
// country ZZ: an example, nothing real.
type seen struct {
	host    string
	asn     int
	at      time.Time
	report  string // may be empty
	who     string // the resolver's network and the software tell probes apart
	blocked bool
}

func (s seen) json() []byte {
	reset, control := "null", `"status":true,"failure":null`
	page := `[{"failure":null,"request":{"url":"https://` + s.host + `/","method":"GET","headers":{}},"response":{"code":200,"headers":{},"body":"<title>hello</title>","body_is_truncated":false}}]`
	if s.blocked {
		reset, page = `"connection_reset"`, "[]"
	}
	report := ""
	if s.report != "" {
		report = fmt.Sprintf(`"report_id":%q,`, s.report)
	}
	return fmt.Appendf(nil, `{"annotations":{"platform":"linux"},"input":"https://%[1]s/","measurement_start_time":%[2]q,"probe_asn":"AS%[3]d","probe_cc":"ZZ",%[4]s"resolver_asn":"AS%[3]d","software_name":"example","software_version":%[5]q,"test_keys":{"queries":[{"engine":"system","failure":null,"hostname":"%[1]s","query_type":"A","answers":[{"answer_type":"A","ipv4":"104.244.42.1"}]}],"tcp_connect":[{"ip":"104.244.42.1","port":443,"status":{"failure":null,"success":true}}],"tls_handshakes":[{"address":"104.244.42.1:443","server_name":"%[1]s","failure":%[6]s,"no_tls_verify":false,"peer_certificates":null,"t":0.1}],"requests":%[7]s,"control":{"dns":{"failure":null,"addrs":["104.244.42.1"]},"tcp_connect":{"104.244.42.1:443":{%[8]s}},"tls_handshake":{"104.244.42.1:443":{"server_name":"%[1]s",%[8]s}},"http_request":{"body_length":19,"failure":null,"title":"hello","headers":{},"status_code":200}},"control_failure":null},"test_name":"web_connectivity","test_runtime":1,"test_start_time":%[2]q,"test_version":"0.5.28"}`,
		s.host, s.at.Format(time.DateTime), s.asn, report, s.who, reset, page, control)
}

// stances are the answer, the answer to a claim of the last day and the events
// about target x in ZZ.
func stances(t *testing.T, p *pipeline.Pipeline, last time.Time) (a *inquiry.Answered, claim casefile.Verdict, events []event.Event) {
	t.Helper()
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(p.Archive, "")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	desk := &inquiry.Desk{Store: st, Records: new(casefile.Records), Targets: p.Targets, Now: func() time.Time { return last }}
	a, err = desk.Answer(t.Context(), inquiry.Ask{CC: "ZZ", Target: "x"})
	if err != nil {
		t.Fatal(err)
	}
	at, err := casefile.ParseDate(last.Format(time.DateOnly))
	if err != nil {
		t.Fatal(err)
	}
	said, err := desk.Check(t.Context(), casefile.AccessClaim{Target: "x", CC: "ZZ", At: at, Says: casefile.Accessible})
	if err != nil {
		t.Fatal(err)
	}
	found, err := desk.Events(t.Context(), store.Filter{CC: "ZZ"}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	events = slices.DeleteFunc(slices.Clone(found.Events), func(e event.Event) bool { return e.Kind == event.Shutdown })
	return a, said.Verdict, events
}

// importing takes documents in from a file.
func importing(t *testing.T, p *pipeline.Pipeline, docs [][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "measurements.jsonl")
	if err := os.WriteFile(path, bytes.Join(docs, []byte("\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	sources, err := intake.List(t.Context(), path, intake.Filter{}, intake.Buckets{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Import(t.Context(), sources, pipeline.Want{}, nil); err != nil || got.Added != int64(len(docs)) {
		t.Fatalf("imported %+v, %v; want %d", got, err, len(docs))
	}
}

// honest is what thirty probes in ten networks measure in seventeen days: each
// finds x and youtube reachable once a day.
func honest() [][]byte {
	var docs [][]byte
	for day := 1; day <= 17; day++ {
		for i := range 30 {
			at := time.Date(2024, 2, day, (7*i)%24, i, 0, 0, time.UTC)
			report := fmt.Sprintf("%s_webconnectivity_ZZ_%d_n1_honest%010d", at.Add(-time.Minute).Format("20060102T150405Z"), 64512+i%10, 100*day+i)
			for _, host := range []string{"x.com", "www.youtube.com"} {
				docs = append(docs, seen{host: host, asn: 64512 + i%10, at: at, report: report, who: fmt.Sprint(i)}.json())
			}
		}
	}
	return docs
}

// TestWhatItTakes holds the table of docs/decisions/0007 to what happens: so
// many addresses, each of a /24 of its own, claim to be in so many networks
// and say on so many days that x is blocked, where thirty honest probes in ten
// networks find it reachable.
func TestWhatItTakes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/decisions/0007-one-submitter-one-voice.md")
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("some seconds a row")
	}
	base := t.TempDir()
	p, err := openPipeline(base)
	if err != nil {
		t.Fatal(err)
	}
	p.Now = func() time.Time { return time.Date(2024, 2, 18, 0, 0, 0, 0, time.UTC) }
	importing(t, p, honest())
	if a, claim, events := stances(t, p, day17); a.State != verdict.OK || claim != casefile.Supported || len(events) > 0 {
		t.Fatalf("without an attack: %s; the claim %s; %d events", a.Sentence, claim, len(events))
	}
	rows := 0
	for _, addresses := range []int{3, 10, 50} {
		for _, networks := range []int{1, 3, 10} {
			for _, days := range []int{1, 3} {
				if networks > addresses {
					continue
				}
				rows++
				t.Run(fmt.Sprintf("%d in %d, %d days", addresses, networks, days), func(t *testing.T) {
					t.Parallel()
					dir := t.TempDir()
					if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
						t.Fatal(err)
					}
					p, err := openPipeline(dir)
					if err != nil {
						t.Fatal(err)
					}
					attack(t, p, addresses, networks, days)
					a, claim, events := stances(t, p, day17)
					blocked, event := 0, "none"
					for _, n := range a.Networks {
						if n.State == verdict.Blocked || n.State == verdict.LikelyBlocked {
							blocked++
						}
					}
					if len(events) > 0 {
						event = fmt.Sprint("on ", len(events[0].Networks))
					}
					want := fmt.Sprintf("| %d | %d | %d | %s | %d | %s | %s |\n", addresses, networks, days, a.State, blocked, claim, event)
					if !bytes.Contains(text, []byte(want)) {
						t.Errorf("the table lacks this row:\n%s%s", want, a.Sentence)
					}
				})
			}
		}
	}
	if n := bytes.Count(text, []byte("\n| 3 | ")) + bytes.Count(text, []byte("\n| 10 | ")) + bytes.Count(text, []byte("\n| 50 | ")); n != rows {
		t.Errorf("the table has %d rows, want %d", n, rows)
	}
}

var day17 = time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)

// attack submits, on the last days, six forged measurements from each address
// a day, each without a report.
func attack(t *testing.T, p *pipeline.Pipeline, addresses, networks, days int) {
	t.Helper()
	for d := range days {
		now := day17.AddDate(0, 0, d+1-days).Add(20 * time.Hour)
		p.Now = func() time.Time { return now }
		c, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1"}, "")
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(c.Handler())
		var all sync.WaitGroup
		for i := range addresses {
			all.Go(func() {
				for n := range 6 {
					doc := seen{host: "x.com", asn: 64512 + i%networks, at: now.Add(-time.Duration(60*n+i) * time.Minute), who: fmt.Sprint(i, n), blocked: true}.json()
					if err := submitFrom(srv.URL, fmt.Sprintf("104.244.%d.7", i), doc); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		srv.Close()
	}
}

// submitFrom sends a document as OONI's probe does since July 2026.
func submitFrom(base, client string, doc []byte) error {
	req, err := http.NewRequest("POST", base+"/api/v1/submit_measurement", strings.NewReader(fmt.Sprintf(`{"format":"json","content":%q}`, doc)))
	if err != nil {
		return err
	}
	req.Header.Set("X-Forwarded-For", client)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s from %s", resp.Status, client)
	}
	return nil
}

// Six probes in six networks without report ids are six reports, and enough to
// conclude; six measurements of one client network are one.
func TestProbesWithoutReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		client  func(i int) string
		reports uint32
		state   verdict.State
	}{
		{"six probes", func(i int) string { return fmt.Sprintf("104.244.%d.7", i) }, 6, verdict.LikelyBlocked},
		{"one probe", func(i int) string { return "104.244.1.7" }, 1, verdict.Insufficient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := openPipeline(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			collector, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1"}, "")
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(collector.Handler())
			defer srv.Close()
			now := time.Now().UTC()
			for i := range 6 {
				if err := submitFrom(srv.URL, c.client(i), seen{host: "x.com", asn: 64512 + i, at: now.Add(-time.Duration(i) * time.Second), who: "1", blocked: true}.json()); err != nil {
					t.Fatal(err)
				}
			}
			if a, _, _ := stances(t, p, now); a.State != c.state || a.Counts.Reports != c.reports {
				t.Errorf("%s of %d reports, want %s of %d: %s", a.State, a.Counts.Reports, c.state, c.reports, a.Sentence)
			}
		})
	}
}

// What is imported has no connection to look at: twelve measurements of one
// probe, each in a report that OONI's server made for it or in none, are one
// report; those of six probes in six networks are six.
func TestImportPresumesSenders(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 8, 3, 4, 0, 0, 0, time.UTC)
	made := func(i int) string {
		return fmt.Sprintf("%s_webconnectivity_ZZ_64512_n1_made%012d", at.Add(time.Duration(i)*time.Hour+20*time.Second).Format("20060102T150405Z"), i)
	}
	none := func(int) string { return "" }
	for _, c := range []struct {
		name    string
		n       int
		asn     func(i int) int
		report  func(i int) string
		reports uint32
		state   verdict.State
	}{
		{"one probe, a report each", 12, func(int) int { return 64512 }, made, 1, verdict.Insufficient},
		{"one probe, without reports", 12, func(int) int { return 64512 }, none, 1, verdict.Insufficient},
		{"six probes, a report each", 6, func(i int) int { return 64512 + i }, made, 6, verdict.LikelyBlocked},
		{"six probes, without reports", 6, func(i int) int { return 64512 + i }, none, 6, verdict.LikelyBlocked},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := openPipeline(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			p.Now = func() time.Time { return at.AddDate(0, 0, 1) }
			var docs [][]byte
			for i := range c.n {
				docs = append(docs, seen{host: "x.com", asn: c.asn(i), at: at.Add(time.Duration(i) * time.Hour), report: c.report(i), who: "1", blocked: true}.json())
			}
			importing(t, p, docs)
			if a, _, _ := stances(t, p, at); a.State != c.state || a.Counts.Reports != c.reports {
				t.Errorf("%s of %d reports, want %s of %d: %s", a.State, a.Counts.Reports, c.state, c.reports, a.Sentence)
			}
		})
	}
}

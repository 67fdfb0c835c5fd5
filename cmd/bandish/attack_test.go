package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
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
// finds youtube reachable once a day, and x until it is banned everywhere in the
// morning of a day; 0 is never.
func honest(banned int) [][]byte {
	var docs [][]byte
	for day := 1; day <= 17; day++ {
		for i := range 30 {
			at := time.Date(2024, 2, day, (7*i)%24, i, 0, 0, time.UTC)
			report := fmt.Sprintf("%s_webconnectivity_ZZ_%d_n1_honest%010d", at.Add(-time.Minute).Format("20060102T150405Z"), 64512+i%10, 100*day+i)
			for _, host := range []string{"x.com", "www.youtube.com"} {
				docs = append(docs, seen{host: host, asn: 64512 + i%10, at: at, report: report, who: fmt.Sprint(i), blocked: host == "x.com" && banned > 0 && day >= banned}.json())
			}
		}
	}
	return docs
}

// attack is an attempt to move what the archive says: so many addresses, each of
// a /24 of its own, say the opposite of what honest probes see.
type attack struct {
	banned  int    // the day since which x is banned (honest)
	claimed string // the networks that they claim to be in: "1", "3", "10" of the honest ones, or "1 invented"
	sent    string // "now", "for 3 days", "12 days back"
	known   string // where serve --places finds the addresses: "no table", "elsewhere", "there"

	addresses int
}

func (a attack) networks() int {
	n := 1
	fmt.Sscan(a.claimed, &n)
	return n
}

// asn is the network that an address claims.
func (a attack) asn(i int) int {
	if a.claimed == "1 invented" {
		return 64999
	}
	return 64512 + i%a.networks()
}

// locate is the database of networks.
func (a attack) locate() func(netip.Addr) collect.Place {
	switch a.known {
	case "elsewhere":
		return func(netip.Addr) collect.Place { return collect.Place{CC: "ZZ", ASN: 65001} }
	case "there":
		return func(from netip.Addr) collect.Place {
			return collect.Place{CC: "ZZ", ASN: uint32(a.asn(int(from.As4()[2])))}
		}
	}
	return nil
}

// run submits: six measurements from each address a day, each in a report of
// its own; those of twelve days back, one a day, in one report an address.
func (a attack) run(t *testing.T, p *pipeline.Pipeline) {
	t.Helper()
	days := map[string]int{"for 3 days": 3}[a.sent]
	for d := range max(days, 1) {
		now := day17.AddDate(0, 0, d+1-max(days, 1)).Add(20 * time.Hour)
		p.Now = func() time.Time { return now }
		c, err := newCollector(p, collect.Config{BaseURL: "http://127.0.0.1", Locate: a.locate(), Proxies: thisMachine}, "")
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewServer(c.Handler())
		var all sync.WaitGroup
		for i := range a.addresses {
			all.Go(func() {
				for _, s := range a.says(i, now) {
					if err := submitFrom(srv.URL, fmt.Sprintf("104.244.%d.7", i), s.json()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		srv.Close()
	}
}

// says is what one address sends in one sitting.
func (a attack) says(i int, now time.Time) []seen {
	one := seen{host: "x.com", asn: a.asn(i), who: fmt.Sprint(i), blocked: a.banned == 0}
	var out []seen
	if a.sent == "12 days back" {
		one.report = fmt.Sprintf("%s_webconnectivity_ZZ_%d_n1_forged%010d", now.Format("20060102T150405Z"), one.asn, i)
		for n := range 12 {
			one.at = now.Add(-time.Duration(24*(n+2))*time.Hour - time.Duration(i)*time.Minute)
			out = append(out, one)
		}
		return out
	}
	for n := range 6 {
		one.at, one.who = now.Add(-time.Duration(60*n+i)*time.Minute), fmt.Sprint(i, n)
		out = append(out, one)
	}
	return out
}

// outcome is what the archive says after an attack, as columns of the table.
func outcome(t *testing.T, p *pipeline.Pipeline) string {
	t.Helper()
	a, claim, events := stances(t, p, day17)
	blocked, event := 0, "none"
	for _, n := range a.Networks {
		if n.State.Accuses() {
			blocked++
		}
	}
	for i, e := range events {
		one := fmt.Sprintf("on %d since %s", len(e.Networks), answer.When(e.Onset))
		if e.End != nil {
			one += ", ended " + answer.When(*e.End)
		}
		if event = one; i > 0 {
			event = fmt.Sprintf("%d events", i+1)
		}
	}
	return fmt.Sprintf("%s | %d | %s | %s", a.State, blocked, claim, event)
}

var (
	day17       = time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	thisMachine = collect.Proxies{netip.MustParsePrefix("127.0.0.0/8")}
)

// attacks are the rows of the table of docs/decisions/0007. What nobody vouches
// for is tried with the most addresses only.
func attacks(banned int) []attack {
	var out []attack
	for _, claimed := range []string{"1", "3", "10", "1 invented"} {
		for _, n := range []int{1, 3, 5, 8, 10, 50} {
			out = append(out, attack{banned, claimed, "now", "there", n})
		}
	}
	for _, claimed := range []string{"3", "10", "1 invented"} {
		out = append(out, attack{banned, claimed, "for 3 days", "there", 50}, attack{banned, claimed, "12 days back", "there", 50})
	}
	for _, claimed := range []string{"10", "1 invented"} {
		for _, known := range []string{"no table", "elsewhere"} {
			out = append(out, attack{banned, claimed, "now", known, 50}, attack{banned, claimed, "12 days back", known, 50})
		}
	}
	return out
}

// TestWhatItTakes holds the tables of docs/decisions/0007 to what happens: all
// rows with BANDISH_LONG=1, else a fourteenth of them. Rows that differ in the number
// of addresses only, and come to the same, are one.
func TestWhatItTakes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a second a row")
	}
	text, err := os.ReadFile("../../docs/decisions/0007-one-submitter-one-voice.md")
	if err != nil {
		t.Fatal(err)
	}
	long := os.Getenv("BANDISH_LONG") != ""
	for nth, world := range []struct {
		banned int
		before string
	}{
		{0, "ok | 0 | supported | none"},
		{8, "likely_blocked | 10 | contradicted | on 10 since between 7 and 8 February 2024"},
	} {
		t.Run(fmt.Sprint("banned ", world.banned), func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			p, err := openPipeline(base)
			if err != nil {
				t.Fatal(err)
			}
			p.Now = func() time.Time { return day17.AddDate(0, 0, 1) }
			importing(t, p, honest(world.banned))
			if got := outcome(t, p); got != world.before {
				t.Errorf("without an attack: %s, want %s", got, world.before)
			}
			rows := attacks(world.banned)
			got := make([]string, len(rows))
			said := tableIn(t, string(text), nth, rows)
			t.Run("attacks", func(t *testing.T) {
				for i, a := range rows {
					if !long && (i+7*nth)%14 != 0 { // each world has other rows
						continue
					}
					t.Run(fmt.Sprintf("%+v", a), func(t *testing.T) {
						t.Parallel()
						dir := t.TempDir()
						if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
							t.Fatal(err)
						}
						p, err := openPipeline(dir)
						if err != nil {
							t.Fatal(err)
						}
						a.run(t, p)
						got[i] = outcome(t, p)
						if got[i] != said[i] {
							t.Errorf("it comes to %s; docs/decisions/0007 says %s", got[i], said[i])
						}
						if a.known != "there" || a.sent == "12 days back" {
							if got[i] != world.before {
								t.Errorf("what nobody vouches for moves it to %s", got[i])
							}
						}
					})
				}
			})
			if table := tableOf(rows, got); long && !strings.Contains(string(text), table) {
				t.Errorf("docs/decisions/0007 lacks this table:\n%s", table)
			}
		})
	}
}

const attackHead = "| networks claimed | sent | addresses are | how many | `status` | networks blocked | the claim | event |\n|---|---|---|---|---|---|---|---|\n"

// tableIn reads the outcome of each attack in the nth table of a text.
func tableIn(t *testing.T, text string, nth int, rows []attack) []string {
	t.Helper()
	parts := strings.Split(text, attackHead)
	if len(parts) <= nth+1 {
		t.Fatalf("docs/decisions/0007 has %d tables of attacks", len(parts)-1)
	}
	table, _, _ := strings.Cut(parts[nth+1], "\n\n")
	said := make([]string, len(rows))
	for line := range strings.Lines(table) {
		cells := strings.SplitN(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "| "), " |"), " | ", 5)
		if len(cells) < 5 {
			continue
		}
		var least, most int
		if n, _ := fmt.Sscanf(cells[3], "%d to %d", &least, &most); n == 1 {
			most = least
		}
		for i, a := range rows {
			if a.claimed == cells[0] && a.sent == cells[1] && a.known == cells[2] && least <= a.addresses && a.addresses <= most {
				said[i] = cells[4]
			}
		}
	}
	return said
}

// tableOf writes attacks and their outcomes.
func tableOf(rows []attack, got []string) string {
	var b strings.Builder
	b.WriteString(attackHead)
	for i := 0; i < len(rows); i++ {
		a, many := rows[i], fmt.Sprint(rows[i].addresses)
		for i+1 < len(rows) && got[i+1] == got[i] {
			next := rows[i+1]
			next.addresses = a.addresses
			if next != a {
				break
			}
			i++
		}
		if last := fmt.Sprint(rows[i].addresses); last != many {
			many += " to " + last
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", a.claimed, a.sent, a.known, many, got[i])
	}
	return b.String()
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
// conclude; six measurements of one client network are one, and those of
// networks that nobody knows inform and are none.
func TestProbesWithoutReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		client  func(i int) string
		known   bool
		reports uint32
		informs uint32
		state   verdict.State
	}{
		{"six probes", func(i int) string { return fmt.Sprintf("104.244.%d.7", i) }, true, 6, 0, verdict.LikelyBlocked},
		{"one probe", func(i int) string { return "104.244.0.7" }, true, 1, 0, verdict.Insufficient},
		{"six strangers", func(i int) string { return fmt.Sprintf("104.244.%d.7", i) }, false, 0, 6, verdict.Insufficient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := openPipeline(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cfg := collect.Config{BaseURL: "http://127.0.0.1", Proxies: thisMachine}
			if c.known {
				cfg.Locate = func(a netip.Addr) collect.Place { return collect.Place{CC: "ZZ", ASN: 64512 + uint32(a.As4()[2])} }
			}
			collector, err := newCollector(p, cfg, "")
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(collector.Handler())
			defer srv.Close()
			now := time.Now().UTC()
			for i := range 6 {
				client := c.client(i)
				asn := 64512 + int(netip.MustParseAddr(client).As4()[2])
				if err := submitFrom(srv.URL, client, seen{host: "x.com", asn: asn, at: now.Add(-time.Duration(i) * time.Second), who: "1", blocked: true}.json()); err != nil {
					t.Fatal(err)
				}
			}
			a, _, _ := stances(t, p, now)
			var informs answer.Informs
			if a.Informs != nil {
				informs = *a.Informs
			}
			if a.State != c.state || a.Counts.Reports != c.reports || informs != (answer.Informs{Measurements: c.informs, Failed: c.informs}) {
				t.Errorf("%s of %d reports, %+v inform; want %s of %d, %d inform: %s", a.State, a.Counts.Reports, informs, c.state, c.reports, c.informs, a.Sentence)
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

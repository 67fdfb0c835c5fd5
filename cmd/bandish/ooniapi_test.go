package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/ooniapi"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/records"
)

const (
	aReport = "20240201T000000Z_webconnectivity_ZZ_64512_n1_AAAAAAAAAAAAAAAA"
	anInput = "https://x.com/"
)

// aServer serves the collector and OONI's read API over an archive in which x
// is ok, and then reset, in two networks of ZZ: nothing real.
func aServer(t *testing.T) (base, uid string) {
	t.Helper()
	p, err := openPipeline(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2024, 2, 20, 0, 0, 0, 0, time.UTC)
	p.Now = func() time.Time { return now }
	var docs [][]byte
	for d := range 14 {
		for i := range 8 {
			s := seen{host: "x.com", asn: 64512 + i%2, at: time.Date(2024, 2, 1+d, 3*i, 0, 0, 0, time.UTC), report: aReport, who: "1", blocked: d >= 8}
			if d+i > 0 {
				s.report = fmt.Sprintf("%s_webconnectivity_ZZ_64512_n1_B%015d", s.at.Format("20060102T150405Z"), 10*d+i)
			}
			docs = append(docs, s.json())
		}
	}
	importing(t, p, docs)
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(p.Archive, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	rec, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	collector, err := newCollector(p, collect.Config{BaseURL: "http://bandish.example"}, "")
	if err != nil {
		t.Fatal(err)
	}
	api := &ooniapi.Server{Store: st, Targets: p.Targets, Records: rec, BaseURL: "http://bandish.example", Now: p.Now, Log: slog.New(slog.DiscardHandler)}
	srv := httptest.NewServer(answers(http.NotFoundHandler(), collector, api))
	t.Cleanup(srv.Close)
	var list struct {
		Results []struct {
			UID string `json:"measurement_uid"`
		} `json:"results"`
	}
	if status := ask(t, "GET", srv.URL+"/api/v1/measurements?limit=1", &list); status != 200 || len(list.Results) != 1 {
		t.Fatalf("%d %+v", status, list)
	}
	return srv.URL, list.Results[0].UID
}

// ask makes a request and reads the answer, which must be JSON.
func ask(t *testing.T, method, url string, out any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		t.Errorf("%s %s: %s", method, url, resp.Header.Get("Content-Type"))
	}
	if err := json.Unmarshal(raw, out); err != nil {
		t.Errorf("%s %s: %v: %.300s", method, url, err, raw)
	}
	return resp.StatusCode
}

// readFields are the fields that the callers of the read API read, by path;
// "*" is every element or member, of which there must be one.
var readFields = map[string][]string{
	"/api/v1/measurements": {"metadata/next_url", "metadata/count", "results/*/measurement_uid", "results/*/report_id", "results/*/input", "results/*/probe_cc", "results/*/probe_asn", "results/*/test_name",
		"results/*/measurement_start_time", "results/*/anomaly", "results/*/confirmed", "results/*/failure", "results/*/scores", "results/*/measurement_url", "results/*/verification_status"},
	"/api/v1/measurement_meta": {"confirmed", "anomaly", "failure", "test_name", "measurement_start_time", "test_start_time", "probe_cc", "probe_asn", "raw_measurement", "measurement_uid", "report_id", "scores", "input",
		"verification_status", "category_code"},
	"/api/v1/raw_measurement":          {"test_keys", "test_name", "measurement_start_time"},
	"/api/v1/measurement/":             {"test_keys", "report_id", "measurement_start_time"},
	"/api/v1/aggregation":              {"v", "dimension_count", "db_stats/row_count", "result/*/anomaly_count", "result/*/confirmed_count", "result/*/failure_count", "result/*/ok_count", "result/*/measurement_count", "result/*/measurement_start_day"},
	"/api/v1/aggregation/analysis":     {"dimension_count", "results/*/count", "results/*/measurement_start_day", "results/*/loni/blocked_max", "results/*/loni/blocked_max_outcome", "results/*/loni/dns_blocked", "results/*/loni/tls_ok"},
	"/api/v1/aggregation/observations": {"results/*/observation_count", "results/*/failure"},
	"/api/v1/incidents/search":         {"incidents/*/id", "incidents/*/slug", "incidents/*/title", "incidents/*/short_description", "incidents/*/start_time", "incidents/*/end_time", "incidents/*/reported_by", "incidents/*/published", "incidents/*/CCs", "incidents/*/ASNs", "incidents/*/domains", "incidents/*/themes", "incidents/*/tags", "incidents/*/test_names", "incidents/*/links"},
	"/api/v1/incidents/show/":          {"incident/id", "incident/title", "incident/text", "incident/start_time", "incident/end_time", "incident/CCs", "incident/ASNs", "incident/domains", "incident/test_names", "incident/tags", "incident/themes", "incident/links"},
	"/api/_/countries":                 {"countries/*/alpha_2", "countries/*/count", "countries/*/name"},
	"/api/_/country_overview":          {"first_bucket_date", "measurement_count", "network_count"},
	"/api/_/global_overview":           {"network_count", "country_count", "measurement_count"},
	"/api/_/global_overview_by_month":  {"networks_by_month/*/date", "networks_by_month/*/value", "countries_by_month/*/value", "measurements_by_month/*/value"},
	"/api/_/domains":                   {"results/*/domain_name", "results/*/category_code", "results/*/measurement_count"},
	"/api/_/domain_metadata":           {"category_code", "canonical_domain"},
	"/api/_/networks":                  {"results/*/probe_asn", "results/*/cnt", "results/*/org_name"},
	"/api/_/asnmeta":                   {"org_name"},
	"/api/_/measurement_feedback/":     {"summary"},
	"/api/v1/test-list/urls":           {"metadata/count", "results/*/url", "results/*/category_code", "results/*/country_code"},
	"/api/v1/test-helpers":             {"web-connectivity/*/address", "web-connectivity/*/type"},
	"/api/v1/collectors":               {"*/address", "*/type"},
	"/bouncer/net-tests":               {"net-tests"},
	"/api/v1/check-in":                 {"conf/features", "conf/test_helpers", "probe_cc", "probe_asn", "tests/web_connectivity/urls", "utc_time", "v"},
	"/api/v1/check-report-id":          {"found", "v"},
	"/api/v1/test-list/tor-targets":    {"*/address", "*/protocol"},
}

// notServed are the calls for which an error in JSON is the right answer: what
// is another's to give (credentials, secrets, links), and what asks for more
// than the empty request here.
var notServed = []string{"/api/_/account_metadata", "/api/v2/oonirun/links/", "/api/v1/manifest", "/api/v1/sign_credential", "/api/v1/register", "/api/v1/test-list/psiphon-config", "/api/v2/ooniprobe/vpn-config/",
	"/api/v1/analysis", "/api/v1/observations", "/api/v1/detector/changepoints", "/api/v1/torsf_stats", "/api/v1/files", "/api/v1/geolookup"}

// TestReadEndpoints asks for all that OONI's Explorer, notebooks and tools ask
// for.
func TestReadEndpoints(t *testing.T) {
	t.Parallel()
	shared := sharedDir()
	f, err := os.Open(filepath.Join(shared, "ooni", "clients", "read-endpoints.tsv"))
	if err != nil {
		t.Skipf("the endpoints are not here: %v", err)
	}
	defer f.Close()
	base, uid := aServer(t)
	lines := bufio.NewScanner(f)
	served, others := 0, 0
	for lines.Scan() {
		c := strings.Split(lines.Text(), "\t")
		if len(c) != 3 || c[0] == "method" {
			continue
		}
		path := c[1]
		for _, r := range [][2]string{{"20261126200809.000000_PK_webconnectivity_e2e77574b1034da2", uid}, {"20261126T201838Z_webconnectivity_PK_17557_n1_AAAAAAAAAAAAAAAA", aReport}, {"PK", "ZZ"}, {"17557", "64512"}, {"2026-11-20", "2024-02-01"}, {"2026-11-27", "2024-02-15"}} {
			path = strings.ReplaceAll(path, r[0], r[1])
		}
		name, _, _ := strings.Cut(path, "?")
		if !slices.Contains([]string{"/api/v1/incidents/search"}, name) && readFields[name] == nil && strings.Count(name, "/") > 3 {
			name = name[:strings.LastIndex(name, "/")+1]
		}
		var answer any
		status := ask(t, c[0], base+path, &answer)
		fields, ok := readFields[name]
		switch {
		case ok && status != 200:
			t.Errorf("%s %s: %d %v", c[0], path, status, answer)
		case ok:
			served++
			for _, field := range fields {
				if !holds(answer, strings.Split(field, "/")) {
					t.Errorf("%s %s: no %s in %.500v", c[0], path, field, answer)
				}
			}
		case !slices.ContainsFunc(notServed, func(p string) bool { return strings.HasPrefix(path, p) }):
			t.Errorf("nothing is known of %s %s", c[0], path)
		case status/100 != 4 || !holds(answer, []string{"error"}):
			t.Errorf("%s %s: %d %v, want an error", c[0], path, status, answer)
		default:
			others++
		}
	}
	if served < 25 || lines.Err() != nil {
		t.Errorf("%d served, %d not, %v", served, others, lines.Err())
	}
}

// holds reports whether a JSON value has a member at a path.
func holds(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	var of []any
	switch v := v.(type) {
	case map[string]any:
		if path[0] != "*" {
			w, ok := v[path[0]]
			return ok && holds(w, path[1:])
		}
		for _, w := range v {
			of = append(of, w)
		}
	case []any:
		if path[0] == "*" {
			of = v
		}
	}
	return len(of) > 0 && !slices.ContainsFunc(of, func(w any) bool { return !holds(w, path[1:]) })
}

// The read API says of a measurement what the verdict says, in OONI's words,
// and counts the same.
func TestReadAPISaysTheSame(t *testing.T) {
	t.Parallel()
	base, _ := aServer(t)
	type counts struct {
		Anomaly, Confirmed, Failure, OK, Measurements int64
		Day, ASN                                      any
	}
	read := func(query string) (out []counts) {
		var a struct {
			N      int             `json:"dimension_count"`
			Result json.RawMessage `json:"result"`
		}
		if status := ask(t, "GET", base+"/api/v1/aggregation?since=2024-02-01&until=2024-02-15&"+query, &a); status != 200 {
			t.Fatalf("%s: %d", query, status)
		}
		if a.N == 0 {
			a.Result = json.RawMessage("[" + string(a.Result) + "]")
		}
		var rows []map[string]any
		if err := json.Unmarshal(a.Result, &rows); err != nil {
			t.Fatal(err)
		}
		n := func(r map[string]any, name string) int64 { f, _ := r[name].(float64); return int64(f) }
		for _, r := range rows {
			out = append(out, counts{n(r, "anomaly_count"), n(r, "confirmed_count"), n(r, "failure_count"), n(r, "ok_count"), n(r, "measurement_count"), r["measurement_start_day"], r["probe_asn"]})
		}
		return out
	}
	// Eight days of eight that are ok, then six of eight that are reset.
	if got := read("probe_cc=ZZ"); len(got) != 1 || got[0] != (counts{Anomaly: 48, OK: 64, Measurements: 112}) {
		t.Errorf("no axis: %+v", got)
	}
	days := read("axis_x=measurement_start_day&time_grain=day")
	if len(days) != 14 || days[0].OK != 8 || days[0].Day != "2024-02-01" || days[13].Anomaly != 8 || days[13].Day != "2024-02-14" {
		t.Errorf("by day: %+v", days)
	}
	both := read("axis_x=measurement_start_day&axis_y=probe_asn&time_grain=day&domain=x.com&test_name=web_connectivity&probe_asn=AS64512,AS64513")
	if len(both) != 28 || both[0].OK != 4 || both[0].ASN != 64512.0 || both[27].Anomaly != 4 || both[27].ASN != 64513.0 {
		t.Errorf("by day and network: %+v", both)
	}
	resp, err := http.Get(base + "/api/v1/aggregation?since=2024-02-01&until=2024-02-15&axis_x=probe_asn&format=CSV")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	table, err := csv.NewReader(resp.Body).ReadAll()
	want := [][]string{{"anomaly_count", "confirmed_count", "failure_count", "measurement_count", "ok_count", "probe_asn"}, {"24", "0", "0", "56", "32", "64512"}, {"24", "0", "0", "56", "32", "64513"}}
	if err != nil || fmt.Sprint(table) != fmt.Sprint(want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV: %v, %v", table, err)
	}
	var list struct {
		Meta struct {
			Next  *string `json:"next_url"`
			Count int     `json:"count"`
		} `json:"metadata"`
		Results []struct {
			Anomaly, Confirmed, Failure bool
			Input                       string
			ASN                         string `json:"probe_asn"`
			Start                       string `json:"measurement_start_time"`
		} `json:"results"`
	}
	if ask(t, "GET", base+"/api/v1/measurements?probe_cc=ZZ&anomaly=true&order=asc&limit=5&offset=45", &list); len(list.Results) != 3 || list.Meta.Next != nil || list.Meta.Count != 48 || !list.Results[0].Anomaly || list.Results[0].Confirmed || list.Results[2].Start != "2024-02-14T21:00:00Z" || list.Results[2].Input != anInput || list.Results[2].ASN != "AS64513" {
		t.Errorf("the last anomalies: %+v", list)
	}
	if ask(t, "GET", base+"/api/v1/measurements?probe_cc=ZZ&limit=5", &list); len(list.Results) != 5 || list.Meta.Next == nil || !strings.Contains(*list.Meta.Next, "offset=5") {
		t.Errorf("a page: %+v", list)
	}
	var found struct {
		Incidents []struct {
			ID, Title string
			CCs       []string
			Domains   []string
		} `json:"incidents"`
	}
	if ask(t, "GET", base+"/api/v1/incidents/search?country_code=ZZ", &found); len(found.Incidents) != 1 || !slices.Contains(found.Incidents[0].Domains, "x.com") {
		t.Fatalf("the event: %+v", found)
	}
	var shown map[string]any
	if status := ask(t, "GET", base+"/api/v1/incidents/show/"+found.Incidents[0].ID, &shown); status != 200 || !holds(shown, []string{"incident", "text"}) {
		t.Errorf("%d %v", status, shown)
	}
	for path, status := range map[string]int{
		"/api/v1/measurements?probe_asn=x": 400, "/api/v1/measurements?anomaly=maybe": 400, "/api/v1/measurements?since=yesterday": 400, "/api/v1/measurements?limit=-1": 400, "/api/v1/measurements?category_code=NEWS": 400,
		"/api/v1/aggregation?axis_x=color": 400, "/api/v1/aggregation?axis_x=domain&axis_y=domain": 400, "/api/v1/aggregation?time_grain=minute&axis_x=domain": 400, "/api/v1/aggregation?format=xml": 400,
		"/api/v1/measurement_meta": 400, "/api/v1/raw_measurement": 400, "/api/v1/measurement/none": 404, "/api/v1/incidents/show/none": 404, "/api/_/country_overview": 400, "/api/_/asnmeta?asn=x": 400, "/api/_/domain_metadata": 400,
		"/api/v1/measurements?input=%ff": 400, "/api/v1/aggregation?domain=%ff": 400, "/api/v1/measurement/%ff": 400,
	} {
		var e map[string]any
		if got := ask(t, "GET", base+path, &e); got != status || e["error"] == nil {
			t.Errorf("%s: %d %v, want %d", path, got, e, status)
		}
	}
	var none map[string]any
	if ask(t, "GET", base+"/api/v1/measurement_meta?measurement_uid=none&full=true", &none); none["raw_measurement"] != "" {
		t.Errorf("a measurement that is not there: %v", none)
	}
}

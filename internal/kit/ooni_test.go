package kit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/trial"
)

// ooniLike is a collector that does as OONI's backend does (ooni/backend,
// routers/reports.py): it wants the fields of the report's template, a report
// id of six parts that agrees with the document, and it says yes to documents
// without a country or a network and drops them.
type ooniLike struct {
	mu   sync.Mutex
	kept []map[string]any
	n    int
}

func (o *ooniLike) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Method != http.MethodPost {
		http.Error(w, `{"error":"Incorrect format"}`, 400)
		return
	}
	if r.URL.Path == "/report" {
		for _, key := range []string{"data_format_version", "format", "probe_asn", "probe_cc", "software_name", "software_version", "test_name", "test_start_time", "test_version"} {
			if _, ok := in[key].(string); !ok {
				http.Error(w, "missing "+key, http.StatusUnprocessableEntity)
				return
			}
		}
		o.n++
		fmt.Fprintf(w, `{"backend_version":"1.3.5","report_id":"20240217T000000Z_%s_%s_%s_n1_%016d","supported_formats":["yaml","json"]}`,
			strings.ReplaceAll(in["test_name"].(string), "_", ""), in["probe_cc"], strings.TrimPrefix(in["probe_asn"].(string), "AS"), o.n)
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/report/"), "_")
	content, ok := in["content"].(map[string]any)
	if len(parts) != 6 || !ok || in["format"] != "json" {
		http.Error(w, `{"error":"Incorrect format"}`, 400)
		return
	}
	if parts[3] == "0" || parts[2] == "ZZ" {
		fmt.Fprint(w, `{}`)
		return
	}
	if content["probe_cc"] != parts[2] || content["probe_asn"] != "AS"+parts[3] || strings.ReplaceAll(fmt.Sprint(content["test_name"]), "_", "") != parts[1] ||
		content["report_id"] != strings.Join(parts, "_") {
		http.Error(w, `{"error":"Inconsistent measurement"}`, 400)
		return
	}
	o.kept = append(o.kept, content)
	fmt.Fprintf(w, `{"measurement_uid":"20240217000000.000000_%s_%s_%016d"}`, parts[2], parts[1], len(o.kept))
}

func (o *ooniLike) collector(t *testing.T) collector {
	t.Helper()
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	return collector{site: &probe.ControlSite{URL: server.URL}, wire: probe.Wire{Network: probe.Kernel{}, Now: time.Now}, now: time.Now}
}

// measured is a document of our probe, from the lab, as if of another place.
func measured(t *testing.T, cc, asn string) []byte {
	t.Helper()
	f, _ := field(t)
	p := at(t, f, "ok-https")
	p.run(Probe, "--yes", "--json", "-", "--cc", cc, "--asn", asn, "banned.test")
	if p.out.Len() == 0 {
		t.Fatal(&p.err)
	}
	return p.out.Bytes()
}

// TestSubmitToOONI: what our probe writes is what OONI's collector takes, and
// an answer without a receipt acknowledges nothing.
func TestSubmitToOONI(t *testing.T) {
	t.Parallel()
	server := new(ooniLike)
	c := server.collector(t)
	s := spool{filepath.Join(t.TempDir(), "probe")}
	at := time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	// XA and XB are no countries (ISO 3166-1: for users).
	for i, doc := range [][]byte{measured(t, "XA", "AS64512"), measured(t, "ZZ", "AS64512"), measured(t, "XB", "AS64513")} {
		if err := s.add(doc, at.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	n, err := s.submit(t.Context(), c)
	if err != nil || n != 2 || len(server.kept) != 2 || server.kept[0]["probe_cc"] != "XA" || server.kept[1]["probe_cc"] != "XB" {
		t.Fatalf("took %d (%v), kept %d", n, err, len(server.kept))
	}
	why, err := os.ReadFile(filepath.Join(s.dir, "refused", "20240217T000001.000000000Z.json.reason"))
	if err != nil || !strings.Contains(string(why), "--cc") {
		t.Errorf("reason %q %v", why, err)
	}
	receipts, err := os.ReadFile(filepath.Join(s.dir, "receipts.jsonl"))
	if err != nil || strings.Count(string(receipts), "measurement_uid") != 2 {
		t.Errorf("receipts %s %v", receipts, err)
	}
}

// TestWrongAddressLosesNothing: a server that is no collector, or cannot say
// what became of a document, leaves the queue as it is.
func TestWrongAddressLosesNothing(t *testing.T) {
	t.Parallel()
	doc := measured(t, "XA", "AS64512")
	for name, h := range map[string]http.HandlerFunc{
		"no collector": http.NotFound,
		"forbidden":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) },
		"no receipt": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/report" {
				new(ooniLike).ServeHTTP(w, r)
				return
			}
			fmt.Fprint(w, `{}`)
		},
	} {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		c := collector{site: &probe.ControlSite{URL: server.URL}, wire: probe.Wire{Network: probe.Kernel{}, Now: time.Now}, now: time.Now}
		s := spool{filepath.Join(t.TempDir(), "probe")}
		if err := s.add(doc, time.Now()); err != nil {
			t.Fatal(err)
		}
		n, err := s.submit(t.Context(), c)
		names, listErr := s.pending()
		if err == nil || n != 0 || listErr != nil || len(names) != 1 {
			t.Errorf("%s: took %d, error %v, pending %v", name, n, err, names)
		}
	}
}

// TestCollectorsHelper: the helper is the one that the collector names.
func TestCollectorsHelper(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ collector, helper, want, object string }{
		{"", "", defaultHelper, defaultObject},
		{"ooni", "", defaultHelper, defaultObject},
		{"https://api.dev.ooni.org", "", defaultHelper, defaultObject},
		{"https://bandish.example/", "", "https://bandish.example/api/v1/test-helper", "https://bandish.example/api/v1/object?bytes=%d"},
		{"https://notooni.org", "", "https://notooni.org/api/v1/test-helper", "https://notooni.org/api/v1/object?bytes=%d"},
		{"ooni", "https://other.example/", "https://other.example/", defaultObject},
	} {
		o := options{collector: c.collector, helper: c.helper}
		cfg := probe.Config{}
		if err := o.setServers(nil, &cfg); err != nil {
			t.Fatal(err)
		}
		if cfg.Control.URL != c.want || cfg.Throttle.Object != c.object || o.collector == "ooni" {
			t.Errorf("%+v: control %s, object %s, collector %s", c, cfg.Control.URL, cfg.Throttle.Object, o.collector)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"v":1,"probe_cc":"XA","probe_asn":"AS64512","probe_network_name":"N","conf":{"test_helpers":{"web-connectivity":[{"address":"https://d.example","type":"cloudfront","front":"x"},{"address":"http://clear.example/","type":"https"},{"address":"https://th.example/","type":"https"}]}}}`)
	}))
	t.Cleanup(server.Close)
	o := options{collector: server.URL}
	cfg := probe.Config{Wire: probe.Wire{Network: probe.Kernel{}, Now: time.Now}, Place: probe.Place{CC: "ZZ"}}
	if err := o.setServers(nil, &cfg); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	o.checkIn(t.Context(), &Env{Stderr: &said}, &cfg)
	if said.Len() > 0 {
		t.Errorf("it says %q", &said)
	}
	if cfg.Control.URL != "https://th.example/" || cfg.Place != (probe.Place{CC: "XA", ASN: 64512, Network: "N"}) {
		t.Errorf("control %s, place %+v", cfg.Control.URL, cfg.Place)
	}
}

// A helper in clear text is not used on the collector's word, and the user is
// told so; one that the user names is used.
func TestHelperInClearTextIsNamed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"v":1,"probe_cc":"XA","probe_asn":"AS64512","conf":{"test_helpers":{"web-connectivity":[{"address":"http://clear.example/","type":"https"}]}}}`)
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct{ helper, control, said string }{
		{"", server.URL + "/api/v1/test-helper", "http://clear.example/\", which is not https: " + server.URL + "/api/v1/test-helper is used. To use it, say --helper http://clear.example/"},
		{"http://clear.example/", "http://clear.example/", ""},
		{"none", "", ""},
	} {
		var said strings.Builder
		o := options{collector: server.URL, helper: c.helper}
		cfg := probe.Config{Wire: probe.Wire{Network: probe.Kernel{}, Now: time.Now}, Place: probe.Place{CC: "ZZ"}}
		if err := o.setServers(nil, &cfg); err != nil {
			t.Fatal(err)
		}
		o.checkIn(t.Context(), &Env{Stderr: &said}, &cfg)
		control := ""
		if cfg.Control != nil {
			control = cfg.Control.URL
		}
		if control != c.control || c.said == "" && said.Len() > 0 || !strings.Contains(said.String(), c.said) {
			t.Errorf("helper %q: control %q; it says %q", c.helper, control, &said)
		}
	}
}

// TestConsentIsForOneCollector: a yes to one server is none to another.
func TestConsentIsForOneCollector(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	env := &Env{Stderr: &out, Now: time.Now}
	o := options{data: t.TempDir(), collector: "https://one.example"}
	env.Stdin = strings.NewReader("yes\nyes\n")
	if submit, err := o.consented(env); !submit || err != nil {
		t.Fatal(submit, err)
	}
	env.Stdin = strings.NewReader("")
	if submit, err := o.consented(env); !submit || err != nil {
		t.Errorf("asked again: %v %v", submit, err)
	}
	for _, other := range []string{"https://two.example", ""} {
		o.collector = other
		if submit, err := o.consented(env); submit || err != nil {
			t.Errorf("%q: %v %v", other, submit, err)
		}
	}
	if !strings.Contains(out.String(), "Submit results to https://two.example?") {
		t.Errorf("asked: %s", &out)
	}
}

// TestCollectorOfTheEnvironment: a public server's default needs no flag.
func TestCollectorOfTheEnvironment(t *testing.T) {
	t.Parallel()
	f, shelf := field(t)
	p := at(t, f, "ok-https")
	p.env.Getenv = func(name string) string {
		if name == CollectorVariable {
			return "https://" + lab.HelperName
		}
		return ""
	}
	err := Probe(t.Context(), &p.env, []string{"--data", p.data, "--resolvers", p.resolver, "--innocent", lab.InnocentName, "--object", "none", "--cc", "ZZ", "--asn", "AS64512", "--yes", "banned.test"})
	if err != nil || !strings.Contains(p.out.String(), "loads the page: 200") || len(shelf.docs(t)) != 0 {
		t.Errorf("%v, %d documents\n%s", err, len(shelf.docs(t)), &p.out)
	}
}

// TestResolverNetwork: with a database of networks, that of the resolver is
// recorded.
func TestResolverNetwork(t *testing.T) {
	t.Parallel()
	l, err := lab.New(append(lab.Sites(), lab.Site{Name: probe.WhoAmI})...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := trial.NewField(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	p := at(t, f, "ok-https")
	seen := l.Addrs(probe.WhoAmI)[0].String()
	geo := filepath.Join(t.TempDir(), "networks.csv")
	if err := os.WriteFile(geo, []byte(seen+","+seen+",64520,ZZ,Resolver Network\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := p.run(Probe, "--yes", "--geo", geo, "--json", "-", "banned.test"); code != 0 || !strings.Contains(p.out.String(), `"resolver_asn":"AS64520"`) ||
		!strings.Contains(p.out.String(), `"resolver_network_name":"Resolver Network"`) || strings.Contains(p.out.String(), seen) {
		t.Errorf("code %d\n%s%s", code, &p.out, &p.err)
	}
}

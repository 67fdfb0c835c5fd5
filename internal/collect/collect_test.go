package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/measurement"
)

func TestMain(m *testing.M) {
	// Most of a test is waiting. What -parallel says comes after and decides.
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// lines is a log that can be read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *lines) all() string                 { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }
func (l *lines) contain(s string) bool       { return strings.Contains(l.all(), s) }
func (l *lines) logger() *slog.Logger        { return slog.New(slog.NewTextHandler(l, nil)) }

// dir is an archive in a directory: a file for each document, synced before
// the receipt is given.
type dir struct {
	path  string
	after func() error // fails after the document is kept
	deny  func() error // fails before
}

func newDir(t *testing.T) *dir { return &dir{path: t.TempDir()} }

func (d *dir) Submit(_ context.Context, doc []byte, _ Sender) (Receipt, error) {
	if d.deny != nil {
		if err := d.deny(); err != nil {
			return Receipt{}, err
		}
	}
	if _, err := measurement.Decode(doc); err != nil {
		return Receipt{}, fmt.Errorf("submit: %w", err)
	}
	sum := sha256.Sum256(doc)
	name := hex.EncodeToString(sum[:])
	f, err := os.Create(filepath.Join(d.path, name))
	if err != nil {
		return Receipt{}, err
	}
	defer f.Close()
	if _, err := f.Write(doc); err != nil {
		return Receipt{}, err
	}
	if err := f.Sync(); err != nil {
		return Receipt{}, err
	}
	if d.after != nil {
		if err := d.after(); err != nil {
			return Receipt{}, err
		}
	}
	return Receipt{UID: "20240217000000.000000_ZZ_webconnectivity_" + name[:16], SHA256: name}, nil
}

func (d *dir) docs(t *testing.T) (out []string) {
	t.Helper()
	files, err := os.ReadDir(d.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(d.path, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return out
}

// start serves a collector on a real socket.
func start(t *testing.T, cfg Config) string {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return srv.URL
}

// post sends a document and returns the status and the answer.
func post(t *testing.T, url, body string, headers ...string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s answers %q", url, raw)
	}
	return resp.StatusCode, out
}

// doc names its report, so that it is kept byte for byte.
const doc = `{"report_id":"20240217T000000Z_webconnectivity_ZZ_64512_n1_ABCDEFGHIJKLMNOP","test_name":"web_connectivity","measurement_start_time":"2024-02-17 00:00:00","probe_cc":"ZZ","probe_asn":"AS64512","probe_ip":"127.0.0.1","input":"https://example.org/","test_keys":{"queries":[]}}`

// The life of a report, as OONI's probes go through it.
func TestReport(t *testing.T) {
	archive := newDir(t)
	base := start(t, Config{Archive: archive})
	status, opened := post(t, base+"/report", `{"data_format_version":"0.2.0","format":"json","probe_asn":"AS64512","probe_cc":"zz","software_name":"ooniprobe","software_version":"3.0.0","test_name":"web_connectivity","test_start_time":"2024-02-17 00:00:00","test_version":"0.5.28"}`)
	id, _ := opened["report_id"].(string)
	if status != 200 || !strings.Contains(id, "_webconnectivity_ZZ_64512_n1_") || fmt.Sprint(opened["supported_formats"]) != "[json]" {
		t.Fatalf("open: %d %v", status, opened)
	}
	status, receipt := post(t, base+"/report/"+id, `{"format":"json","content":`+doc+`}`)
	sum := sha256.Sum256([]byte(doc))
	if status != 200 || receipt["sha256"] != hex.EncodeToString(sum[:]) || receipt["measurement_uid"] == "" {
		t.Fatalf("update: %d %v", status, receipt)
	}
	if got := archive.docs(t); len(got) != 1 || got[0] != doc {
		t.Errorf("kept %q, want the bytes that were sent", got)
	}
	if status, _ := post(t, base+"/report/"+id+"/close", ""); status != 200 {
		t.Errorf("close: %d", status)
	}
	if status, again := post(t, base+"/api/v1/measurement", doc); status != 200 || again["measurement_uid"] != receipt["measurement_uid"] {
		t.Errorf("the same bytes again: %d %v", status, again)
	}
}

func TestBadSubmissionsSayWhy(t *testing.T) {
	archive := newDir(t)
	base := start(t, Config{Archive: archive, MaxBody: 4 << 10})
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(bytes.Repeat([]byte(" "), 1<<20))
	z.Close()
	id := "20240217T000000Z_webconnectivity_ZZ_64512_n1_ABCDEFGHIJKLMNOP"
	for _, c := range []struct {
		name, path, body string
		headers          []string
		status           int
		reason           string
	}{
		{"not JSON", "/api/v1/measurement", `{"test_name":`, nil, 400, "not_json"},
		{"a list", "/api/v1/measurement", `[1]`, nil, 400, "not_object"},
		{"no test", "/api/v1/measurement", `{"measurement_start_time":"2024-02-17 00:00:00"}`, nil, 400, "missing_test_name"},
		{"no start", "/api/v1/measurement", `{"test_name":"x"}`, nil, 400, "missing_measurement_start_time"},
		{"too large", "/api/v1/measurement", strings.Repeat(" ", 5<<10), nil, 413, "too_large"},
		{"too large unpacked", "/api/v1/measurement", packed.String(), []string{"Content-Encoding", "gzip"}, 413, "too_large"},
		{"not gzip", "/api/v1/measurement", doc, []string{"Content-Encoding", "gzip"}, 400, "not_gzip"},
		{"other packing", "/api/v1/measurement", doc, []string{"Content-Encoding", "br"}, 415, "encoding"},
		{"no such report", "/report/nonsense", `{}`, nil, 400, "report_id"},
		{"a path in the report", "/report/..%2f..%2fetc", `{}`, nil, 400, "report_id"},
		{"yaml", "/report/" + id, `{"format":"yaml","content":"x"}`, nil, 400, "format"},
		{"no content", "/report/" + id, `{"format":"json"}`, nil, 400, "format"},
		{"yaml report", "/report", `{"format":"yaml"}`, nil, 400, "format"},
		{"no helper", "/api/v1/test-helper", `{}`, nil, 404, "no_helper"},
	} {
		status, answer := post(t, base+c.path, c.body, c.headers...)
		if status != c.status || answer["reason"] != c.reason || answer["error"] == "" {
			t.Errorf("%s: %d %v, want %d %s", c.name, status, answer, c.status, c.reason)
		}
	}
	if got := archive.docs(t); len(got) > 0 {
		t.Errorf("kept %q", got)
	}
}

// An acknowledgement means durable. Where the archive fails there is none: not
// when nothing was kept, nor when the document was kept and the archive could
// not say so. Sending the same bytes again then ends in one document.
func TestAcknowledgedOnlyWhenDurable(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(d *dir, fail func() error)
		kept int
	}{
		{"not persisted", func(d *dir, fail func() error) { d.deny = fail }, 0},
		{"persisted but reported as failed", func(d *dir, fail func() error) { d.after = fail }, 1},
	} {
		archive := newDir(t)
		broken := true
		c.set(archive, func() error {
			if broken {
				return errors.New("disk at /secret/place is full")
			}
			return nil
		})
		base := start(t, Config{Archive: archive})
		status, answer := post(t, base+"/api/v1/measurement", doc)
		if status != 503 || answer["measurement_uid"] != nil || strings.Contains(fmt.Sprint(answer), "secret") {
			t.Errorf("%s: %d %v", c.name, status, answer)
		}
		if n := len(archive.docs(t)); n != c.kept {
			t.Errorf("%s: %d documents kept, want %d", c.name, n, c.kept)
		}
		broken = false
		if status, answer := post(t, base+"/api/v1/measurement", doc); status != 200 || answer["measurement_uid"] == nil {
			t.Errorf("%s, again: %d %v", c.name, status, answer)
		}
		if got := archive.docs(t); len(got) != 1 || got[0] != doc {
			t.Errorf("%s: %d documents after both", c.name, len(got))
		}
	}
}

// Whatever a probe says of its address, and wherever a server told it, the
// archive never sees it.
func TestClientAddressIsRemoved(t *testing.T) {
	archive := newDir(t)
	client := "9.9.9.200"
	var log lines
	base := start(t, Config{Archive: archive, Log: log.logger(), Proxies: thisMachine})
	told := strings.Replace(doc, `"127.0.0.1"`, `"8.7.6.5"`, 1)
	told = strings.Replace(told, `{"queries":[]}`, `{"queries":[],"requests":[{"response":{"body":"you are 9.9.9.200, or 8.7.6.5"}}]}`, 1)
	if status, answer := post(t, base+"/api/v1/measurement", told, "X-Forwarded-For", client); status != 200 {
		t.Fatal(status, answer)
	}
	kept := archive.docs(t)[0]
	for _, secret := range []string{"9.9.9.200", "8.7.6.5"} {
		if strings.Contains(kept, secret) || log.contain(secret) {
			t.Errorf("%s is kept: %s", secret, kept)
		}
	}
	if _, err := measurement.Decode([]byte(kept)); err != nil {
		t.Error(err)
	}
}

func TestCheckIn(t *testing.T) {
	helper := NewHelper(&Guard{}, probe.Wire{Now: time.Now}, 1)
	base := start(t, Config{Archive: newDir(t), BaseURL: "https://bandish.example", Helper: helper,
		URLs: func(cc string, categories []string) []TestURL {
			return []TestURL{{URL: "https://example.org/", Category: "NEWS", CC: cc}}
		},
		Locate: func(netip.Addr) Place { return Place{CC: "ZZ", ASN: 64513, Network: "Test"} },
	})
	status, got := post(t, base+"/api/v1/check-in", `{"charging":true,"on_wifi":true,"platform":"linux","probe_asn":"AS0","probe_cc":"ZZ","run_type":"manual","software_name":"ooniprobe-cli","software_version":"3.0.0","web_connectivity":{"category_codes":["NEWS"]}}`)
	if status != 200 || got["probe_asn"] != "AS64513" || got["v"] != 1.0 {
		t.Fatalf("%d %v", status, got)
	}
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var shape struct {
		Conf struct {
			TestHelpers map[string][]service `json:"test_helpers"`
		} `json:"conf"`
		Tests struct {
			Web struct {
				ReportID string    `json:"report_id"`
				URLs     []TestURL `json:"urls"`
			} `json:"web_connectivity"`
		} `json:"tests"`
		UTC time.Time `json:"utc_time"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		t.Fatal(err)
	}
	if shape.Conf.TestHelpers["web-connectivity"][0].Address != "https://bandish.example/api/v1/test-helper" ||
		len(shape.Tests.Web.URLs) != 1 || !reportIDForm.MatchString(shape.Tests.Web.ReportID) || shape.UTC.IsZero() {
		t.Errorf("%s", raw)
	}
}

func TestRateIsPerNetwork(t *testing.T) {
	now := time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	l := NewLimiter(1, 2, func() time.Time { return now })
	ask := func(s string) bool { ok, _ := l.Allow(netip.MustParseAddr(s)); return ok }
	got := []bool{ask("9.9.9.1"), ask("9.9.9.2"), ask("9.9.9.3"), ask("9.9.8.1"), ask("2606:4700:1::1"), ask("2606:4700:1:2::1"), ask("2606:4700:1:3::1")}
	if want := []bool{true, true, false, true, true, true, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	now = now.Add(time.Second)
	if !ask("9.9.9.3") || ask("9.9.9.3") {
		t.Error("one second gives one token")
	}
	for i := range maxBuckets + 100 {
		l.Allow(netip.AddrFrom4([4]byte{byte(i >> 16), byte(i >> 8), byte(i), 1}))
	}
	if len(l.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(l.buckets))
	}
	for id := range l.buckets {
		if len(id) != 16 {
			t.Fatal("a bucket is known by a hash")
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	base := start(t, Config{Archive: newDir(t), Submissions: NewLimiter(0.01, 2, time.Now)})
	for i, want := range []int{200, 200, 429} {
		if status, answer := post(t, base+"/api/v1/measurement", doc); status != want {
			t.Errorf("request %d: %d %v", i, status, answer)
		}
	}
}

// loop is a network whose public addresses lead to loopback.
type loop struct {
	t      *testing.T
	hosts  map[string][]string
	lookup func(string) []string
	mu     sync.Mutex
	routes map[string]string
}

func newLoop(t *testing.T) *loop {
	return &loop{t: t, hosts: map[string][]string{}, routes: map[string]string{}}
}

func (l *loop) serve(address string, h http.Handler) {
	srv := httptest.NewServer(h)
	l.t.Cleanup(srv.Close)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.routes[address] = strings.TrimPrefix(srv.URL, "http://")
}

func (l *loop) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	to, ok := l.routes[address]
	l.mu.Unlock()
	if !ok {
		return nil, errors.New("connection refused")
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to)
}

func (l *loop) ListenUDP(string, *net.UDPAddr) (net.PacketConn, error) {
	return nil, errors.New("network is unreachable")
}

func (l *loop) LookupHost(_ context.Context, name string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lookup != nil {
		return l.lookup(name), nil
	}
	if a := l.hosts[name]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func TestHelperMeasures(t *testing.T) {
	l := newLoop(t)
	l.hosts["open.example.org"] = []string{"8.8.8.8"}
	l.serve("8.8.8.8:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Secret") != "" {
			t.Error("a header was passed on that is not a browser's")
		}
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/home", http.StatusMovedPermanently)
			return
		}
		w.Header().Set("X-Test", "1")
		fmt.Fprint(w, "<html><TITLE>A &amp; B</title>"+strings.Repeat("x", 1<<20))
	}))
	helper := NewHelper(&Guard{Network: l}, probe.Wire{Now: time.Now}, 4)
	helper.ASN = func(netip.Addr) uint32 { return 64512 }
	base := start(t, Config{Archive: newDir(t), Helper: helper})
	status, got := post(t, base+"/api/v1/test-helper", `{"http_request":"http://open.example.org/","http_request_headers":{"Accept":["*/*"],"X-Secret":["1"]},"tcp_connect":["8.8.8.8:80","8.8.4.4:80"],"x_quic_enabled":true}`)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var c measurement.Control
	if err := json.Unmarshal(raw, &c); err != nil || status != 200 {
		t.Fatal(status, err, string(raw))
	}
	switch {
	case c.HTTPRequest.StatusCode != 200 || c.HTTPRequest.Title != "A &amp; B" || c.HTTPRequest.BodyLength < 1<<20 || c.HTTPRequest.Failure != "":
		t.Errorf("page: %+v", c.HTTPRequest)
	case !c.TCPConnect["8.8.8.8:80"].Status || c.TCPConnect["8.8.4.4:80"].Failure != "connection_refused_error":
		t.Errorf("connects: %+v", c.TCPConnect)
	case c.IPInfo["8.8.8.8"].Flags != measurement.ResolvedByControl|measurement.ResolvedByProbe || c.IPInfo["8.8.4.4"].ASN != 64512:
		t.Errorf("addresses: %+v", c.IPInfo)
	case len(c.DNS.Addrs) != 1:
		t.Errorf("dns: %+v", c.DNS)
	}
	for _, key := range []string{"tcp_connect", "quic_handshake", "http_request", "http3_request", "dns", "ip_info"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s in the answer", key)
		}
	}
	if _, got := post(t, base+"/api/v1/test-helper", `{"http_request":"http://gone.example.org/"}`); got["dns"].(map[string]any)["failure"] != "dns_name_error" {
		t.Errorf("NXDOMAIN: %v", got)
	}
	if status, got := post(t, base+"/api/v1/test-helper", `{"http_request":"http://127.0.0.1/"}`); status != 400 || got["reason"] != "refused" {
		t.Errorf("refusal: %d %v", status, got)
	}
}

func TestObject(t *testing.T) {
	base := start(t, Config{Archive: newDir(t)})
	for query, want := range map[string]int{"?bytes=70000": 200, "?bytes=2097153": 400, "?bytes=-1": 400, "": 400} {
		resp, err := http.Get(base + "/api/v1/object" + query)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != want || want == 200 && n != 70000 {
			t.Errorf("%s: %d, %d bytes, %v", query, resp.StatusCode, n, err)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

var loadFor = flag.Duration("load", 2*time.Second, "how long TestHelperUnderLoad asks")

// 200 clients ask at once, without a pause. The helper serves 64 at a time.
func TestHelperUnderLoad(t *testing.T) {
	l := newLoop(t)
	l.hosts["open.example.org"] = []string{"8.8.8.8"}
	body := strings.Repeat("x", 20<<10)
	l.serve("8.8.8.8:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, body) }))
	helper := NewHelper(&Guard{Network: l}, probe.Wire{Now: time.Now}, 64)
	base := start(t, Config{Archive: newDir(t), Helper: helper, Requests: NewLimiter(1e9, 1e9, time.Now)})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 200}}
	defer client.CloseIdleConnections()

	ctx, cancel := context.WithTimeout(t.Context(), *loadFor)
	defer cancel()
	var mu sync.Mutex
	var took []time.Duration
	codes := map[int]int{}
	var all sync.WaitGroup
	var peak uint64
	all.Go(func() {
		for ctx.Err() == nil {
			var s runtime.MemStats
			runtime.ReadMemStats(&s)
			peak = max(peak, s.HeapInuse)
			time.Sleep(200 * time.Millisecond)
		}
	})
	for range 200 {
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				resp, err := client.Post(base+"/api/v1/test-helper", "application/json", strings.NewReader(`{"http_request":"http://open.example.org/","tcp_connect":["8.8.8.8:80"]}`))
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				mu.Lock()
				took = append(took, time.Since(began))
				codes[resp.StatusCode]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	if len(took) == 0 || codes[200] == 0 {
		t.Fatalf("answers: %v", codes)
	}
	for code := range codes {
		if code != 200 && code != 503 {
			t.Errorf("answers: %v", codes)
		}
	}
	t.Logf("%d answers %v in %v, p50 %v, p99 %v, peak heap %d MiB", len(took), codes, *loadFor,
		took[len(took)/2].Round(time.Millisecond), took[len(took)*99/100].Round(time.Millisecond), peak>>20)
	if peak > 512<<20 {
		t.Errorf("peak heap %d MiB", peak>>20)
	}
}

// A run of OONI's probe asks about 86 URLs one after the other, and so do two
// neighbours behind the same address.
func TestThreeProbesBehindOneAddressAreServed(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	base := start(t, Config{Archive: newDir(t), Proxies: thisMachine, Helper: NewHelper(&Guard{Network: l}, probe.Wire{Now: time.Now}, 8)})
	for i := range 3 * 86 {
		path := []string{"/api/v1/test-helper", "/"}[i%2]
		if status, answer := post(t, base+path, `{"http_request":"http://gone.example.org/","tcp_connect":[]}`, "X-Forwarded-For", "104.244.42.7"); status != 200 {
			t.Fatalf("request %d: %d %v", i, status, answer)
		}
	}
}

// What is not served is answered in JSON, whatever the method.
func TestWhatIsNotServedIsSaidInJSON(t *testing.T) {
	base := start(t, Config{Archive: newDir(t)})
	for _, c := range []string{"GET /api/v1/manifest", "GET /api/v1/test-list/psiphon-config", "GET /api/v2/ooniprobe/vpn-config/riseupvpn", "DELETE /api/v1/measurement", "GET /report", "PUT /report/x/y", "GET /bouncer/net-tests"} {
		method, path, _ := strings.Cut(c, " ")
		if code := call(t, method, base+path, nil, nil); code != 404 {
			t.Errorf("%s: %d", c, code)
		}
	}
}

// brokenNetwork is one over which a defect shows, in a goroutine of the helper.
type brokenNetwork struct{ probe.Kernel }

func (brokenNetwork) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	panic("a defect at " + address)
}

// A panic in a goroutine of the helper is the end of one request, and not of the
// server.
func TestHelperOutlivesAPanic(t *testing.T) {
	h := NewHelper(&Guard{Network: brokenNetwork{}, Unsafe: true}, probe.Wire{Now: time.Now}, 1)
	c, err := New(Config{Archive: newDir(t), Helper: h, BaseURL: "http://127.0.0.1", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said lines
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l, c.Handler(), server.Log(&said), nil) }()
	for range 3 { // the one slot is given back
		resp, err := http.Post("http://"+l.Addr().String()+"/api/v1/test-helper", "application/json", strings.NewReader(`{"http_request":"http://198.51.100.1/","tcp_connect":["198.51.100.1:80"]}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("the answer is %s", resp.Status)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !said.contain("a handler panicked") || !said.contain("a defect at") || said.contain("198.51.100") || said.contain("127.0.0.1") {
		t.Errorf("the log says %s", said.all())
	}
}

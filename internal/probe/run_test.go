package probe

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

var quietLog = log.New(io.Discard, "", 0)

func TestMain(m *testing.M) {
	// Most of a test is waiting. What -parallel says comes after and decides.
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func serving(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "<title>%s</title>%s", r.Host, body)
	})
}

// TestNoHeaders: a response without any writes an empty object, not null.
func TestNoHeaders(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["bare.example"] = []string{"198.51.100.10"}
	l.plain("198.51.100.10:80", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello")
	}))
	m := measure(t, l.config(), "http://bare.example/") // which checks the formats
	if r := m.TestKeys.Requests[0].Response; r.Code != 200 || len(r.HeadersList) != 0 || r.Headers == nil {
		t.Errorf("response %+v", r)
	}
}

// helperAt serves a fixed control.
func (l *loop) helperAt(address string, c measurement.Control) *ControlSite {
	l.plain(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(c)
	}))
	return &ControlSite{URL: "http://" + address + "/"}
}

func goodControl(addrs ...string) measurement.Control {
	c := measurement.Control{
		TCPConnect: map[string]measurement.ControlTCP{}, TLSHandshake: map[string]measurement.ControlTLS{},
		QUICHandshake: map[string]measurement.ControlTLS{}, IPInfo: map[string]measurement.IPInfo{},
		HTTPRequest: measurement.ControlHTTP{StatusCode: 200, BodyLength: 30, Headers: measurement.HeaderMap{}},
	}
	for _, a := range addrs {
		c.DNS.Addrs = append(c.DNS.Addrs, a)
		c.TCPConnect[a+":443"] = measurement.ControlTCP{Status: true}
		c.TLSHandshake[a+":443"] = measurement.ControlTLS{Status: true, ServerName: "blocked.example"}
	}
	return c
}

func measure(t *testing.T, cfg Config, input string) *measurement.Measurement {
	t.Helper()
	m, err := Run(t.Context(), cfg, input)
	if err != nil {
		t.Fatal(err)
	}
	checkFormats(t, m)
	return m
}

// tagged returns the handshakes with a tag.
func tagged(list []measurement.TLSHandshake, tag string) (out []measurement.TLSHandshake) {
	for _, h := range list {
		if slices.Contains(h.Tags, tag) {
			out = append(out, h)
		}
	}
	return out
}

// own leaves out what is not the target's own.
func own(list []measurement.TLSHandshake) (out []measurement.TLSHandshake) {
	for _, h := range list {
		if !slices.Contains(h.Tags, "contrast") && !slices.Contains(h.Tags, "resolver") {
			out = append(out, h)
		}
	}
	return out
}

func TestReachable(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["open.example"] = []string{"198.51.100.10", "198.51.100.11"}
	for _, a := range l.hosts["open.example"] {
		l.web(a+":443", serving("hello"), nil, "open.example")
	}
	l.resolver("198.51.100.53:53", answer("198.51.100.10"))
	cfg := l.config()
	cfg.Resolvers.UDP = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.53:53")}
	cfg.Control = l.helperAt("198.51.100.90:80", goodControl("198.51.100.10", "198.51.100.12"))
	m := measure(t, cfg, "open.example")

	k := m.TestKeys
	if len(k.Requests) != 1 || k.Requests[0].Failure != "" || !strings.Contains(string(k.Requests[0].Response.Body), "hello") {
		t.Fatalf("requests: %+v", k.Requests)
	}
	if n := len(own(k.TLSHandshakes)); n != 2 {
		t.Errorf("%d own handshakes, want one for each of two addresses", n)
	}
	if len(tagged(k.TLSHandshakes, "tls12")) != 1 || len(tagged(k.TLSHandshakes, "sni_contrast")) != 0 {
		t.Errorf("an open network saw contrasts: %+v", k.TLSHandshakes)
	}
	// The address that only the control got is tried too, and refused.
	i := slices.IndexFunc(k.TCPConnect, func(c measurement.TCPConnect) bool { return c.IP == "198.51.100.12" })
	if i < 0 || !slices.Contains(k.TCPConnect[i].Tags, "control_addr") || k.TCPConnect[i].Status.Failure != failRefused {
		t.Errorf("control's address: %+v", k.TCPConnect)
	}
	if m.ProbeASN != 64512 || m.SoftwareName != "bandish" || k.Control == nil || k.ControlFailure != "" {
		t.Errorf("document: %+v", m)
	}
}

// The censor resets on one name wherever it goes: at the target's address and
// at the innocent server.
func TestNameResets(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	censor := func(name string, c net.Conn) bool {
		if name == "blocked.example" {
			reset(c)
			return true
		}
		return false
	}
	l.hosts["blocked.example"] = []string{"198.51.100.20"}
	l.hosts["innocent.example"] = []string{"198.51.100.30"}
	l.web("198.51.100.20:443", serving("x"), censor, "blocked.example")
	l.web("198.51.100.30:443", serving("y"), censor, "innocent.example")
	cfg := l.config()
	cfg.Innocents = []Innocent{{Name: "innocent.example"}}
	cfg.Control = l.helperAt("198.51.100.90:80", goodControl("198.51.100.20"))
	k := measure(t, cfg, "https://blocked.example/").TestKeys

	for _, want := range []struct{ tag, failure string }{
		{"tcptls_experiment", failReset}, {"sni_contrast", ""}, {"no_sni", ""}, {"innocent_baseline", ""},
		{"innocent_server", failReset}, {"tls12", failReset}, {"tls13", failReset}, {"repeat", failReset},
	} {
		got := tagged(k.TLSHandshakes, want.tag)
		if len(got) != 1 || string(got[0].Failure) != want.failure {
			t.Errorf("%s: want one with failure %q, got %+v", want.tag, want.failure, got)
		}
	}
	if len(own(k.TLSHandshakes)) != 1 {
		t.Errorf("own handshakes: %+v", own(k.TLSHandshakes))
	}
}

func TestDropIsTimeoutAndPortContrast(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["blocked.example"] = []string{"198.51.100.20"}
	l.route("198.51.100.20:443", "")
	l.plain("198.51.100.20:80", serving("x"))
	cfg := l.config()
	cfg.Control = l.helperAt("198.51.100.90:80", goodControl("198.51.100.20"))
	k := measure(t, cfg, "https://blocked.example/").TestKeys
	if k.TCPConnect[len(k.TCPConnect)-1].IP == "" || len(k.Requests) != 0 {
		t.Fatalf("%+v", k)
	}
	found := map[string]string{}
	for _, c := range k.TCPConnect {
		found[fmt.Sprint(c.Port)] = string(c.Status.Failure)
	}
	if found["443"] != failTimeout || found["80"] != "" {
		t.Errorf("connects: %v", found)
	}
}

func TestSecondAnswersAreKept(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["blocked.example"] = []string{"10.10.34.35"}
	l.resolver("198.51.100.53:53", answer("10.10.34.35", "198.51.100.20"))
	cfg := l.config()
	cfg.Resolvers.UDP = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.53:53")}
	k := measure(t, cfg, "https://blocked.example/").TestKeys
	i := slices.IndexFunc(k.DuplicateResponses, func(q measurement.Query) bool { return q.QueryType == "A" })
	if i < 0 || k.DuplicateResponses[i].Answers[0].IPv4 != "198.51.100.20" {
		t.Fatalf("second answers: %+v", k.DuplicateResponses)
	}
	var first measurement.Query
	for _, q := range k.Queries {
		if q.Engine == "udp" && q.QueryType == "A" {
			first = q
		}
	}
	if first.Answers[0].IPv4 != "10.10.34.35" || first.TransactionID != k.DuplicateResponses[i].TransactionID {
		t.Errorf("first answer: %+v", first)
	}
}

func TestNamelessDNSFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rcode int
		want  string
	}{{dns.RcodeNameError, failNXDOMAIN}, {dns.RcodeServerFailure, failServfail}, {dns.RcodeRefused, failDNSRefused}, {dns.RcodeSuccess, failNoAnswer}} {
		l := newLoop(t)
		l.resolver("198.51.100.53:53", func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetRcode(q, c.rcode)
			w.WriteMsg(m)
		})
		cfg := l.config()
		cfg.Resolvers.UDP = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.53:53")}
		k := measure(t, cfg, "https://nowhere.example/").TestKeys
		for _, q := range k.Queries {
			want := c.want
			if q.Engine != "udp" {
				want = failNXDOMAIN
			}
			if string(q.Failure) != want {
				t.Errorf("rcode %d, %s: failure %q, want %q", c.rcode, q.Engine, q.Failure, want)
			}
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["a.example"], l.hosts["b.example"] = []string{"198.51.100.20"}, []string{"198.51.100.21"}
	l.plain("198.51.100.20:80", http.RedirectHandler("https://b.example/there", http.StatusMovedPermanently))
	l.web("198.51.100.21:443", serving("arrived"), nil, "b.example")
	k := measure(t, l.config(), "http://a.example/").TestKeys
	if len(k.Requests) != 2 || k.Requests[0].Request.URL != "https://b.example/there" || k.Requests[1].Response.Code != 301 {
		t.Fatalf("want the last request first: %+v", k.Requests)
	}
	if !slices.Contains(k.Requests[0].Tags, "depth=1") || !slices.Contains(k.Requests[1].Tags, "depth=0") {
		t.Errorf("tags: %v %v", k.Requests[0].Tags, k.Requests[1].Tags)
	}

	l.plain("198.51.100.20:80", http.RedirectHandler("/", http.StatusFound))
	k = measure(t, l.config(), "http://a.example/").TestKeys
	if len(k.Requests) != 11 || k.Requests[0].Failure != failRedirects {
		t.Errorf("a loop: %d requests, the last %q", len(k.Requests), k.Requests[0].Failure)
	}
	l.plain("198.51.100.20:80", http.RedirectHandler("http://", http.StatusFound))
	k = measure(t, l.config(), "http://a.example/").TestKeys
	if len(k.Requests) != 1 || k.Requests[0].Failure != failRedirectHost {
		t.Errorf("a broken redirect: %+v", k.Requests)
	}
}

func TestHTTP3(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["open.example"] = []string{"198.51.100.10"}
	l.web("198.51.100.10:443", serving("tcp"), nil, "open.example")
	tcp := l.routes[netip.MustParseAddrPort("198.51.100.10:443")]
	l.http3("198.51.100.10:443", serving("udp"), "open.example")
	udp := l.routes[netip.MustParseAddrPort("198.51.100.10:443")]
	split := &splitLoop{loop: l, tcp: map[string]string{"198.51.100.10:443": tcp}}
	cfg := l.config()
	cfg.Network = split
	k := measure(t, cfg, "https://open.example/").TestKeys
	_ = udp
	if len(k.QUIC) != 1 || k.QUIC[0].Failure != "" || k.QUIC[0].NegotiatedProtocol != "h3" {
		t.Fatalf("quic: %+v", k.QUIC)
	}
	if len(k.Requests) != 2 || k.Requests[0].Network != "tcp" || k.Requests[1].Network != "udp" || !strings.Contains(string(k.Requests[1].Response.Body), "udp") {
		t.Errorf("requests: %+v", k.Requests)
	}
}

// splitLoop has other routes for TCP than for UDP.
type splitLoop struct {
	*loop
	tcp map[string]string
}

func (s *splitLoop) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if to, ok := s.tcp[address]; ok {
		var d net.Dialer
		return d.DialContext(ctx, network, to)
	}
	return s.loop.DialContext(ctx, network, address)
}

// Nothing that the end of the time allowed cuts off may look like a failure of
// the network.
func TestMaxTimeIsNoTimeout(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["slow.example"] = []string{"198.51.100.20"}
	l.route("198.51.100.20:443", "")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	m, err := Run(ctx, l.config(), "https://slow.example/")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.TestKeys.TCPConnect) != 0 {
		t.Errorf("recorded what we ended ourselves: %+v", m.TestKeys.TCPConnect)
	}
}

func TestScrubsTheClient(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["a.example"] = []string{"198.51.100.20"}
	l.plain("198.51.100.20:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Client", "203.0.113.77")
		fmt.Fprint(w, "your address is 203.0.113.77 or 2001:db8::77, served by 198.51.100.20, see http://10.10.34.35:80/ v1.2")
	}))
	m := measure(t, l.config(), "http://a.example/")
	doc, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"203.0.113.77", "2001:db8::77"} {
		if strings.Contains(string(doc), secret) {
			t.Errorf("the measurement tells %s", secret)
		}
	}
	body := string(m.TestKeys.Requests[0].Response.Body)
	for _, keep := range []string{"198.51.100.20", "10.10.34.35:80", "v1.2"} {
		if !strings.Contains(body, keep) {
			t.Errorf("the body lost %s: %s", keep, body)
		}
	}
}

func TestThrottleIsBounded(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["big.example"], l.hosts["object.example"] = []string{"198.51.100.20"}, []string{"198.51.100.40"}
	big := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	l.web("198.51.100.20:443", serving(big), nil, "big.example")
	l.web("198.51.100.40:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("bytes") == "" {
			t.Error("no size asked for")
		}
		io.WriteString(w, big)
	}), nil, "object.example")
	cfg := l.config()
	cfg.Throttle = Throttle{Object: "https://object.example/?bytes=%d", Bytes: 1 << 30, Rounds: 2}
	k := measure(t, cfg, "https://big.example/").TestKeys
	got := map[string]int64{}
	for _, x := range k.Requests {
		for _, tag := range []string{"throttle_target", "throttle_control"} {
			if slices.Contains(x.Tags, tag) {
				got[tag]++
			}
		}
	}
	if got["throttle_target"] != 2 || got["throttle_control"] != 2 {
		t.Fatalf("transfers: %v", got)
	}
	read := map[int64]int64{}
	for _, e := range k.NetworkEvents {
		if slices.Contains(e.Tags, "throttle") && e.Operation == "read" {
			read[e.TransactionID] += e.NumBytes
		}
	}
	for tx, n := range read {
		if n > MaxTransfer+1<<18 || n < 1<<18 {
			t.Errorf("transaction %d read %d bytes", tx, n)
		}
	}
	if n := len(k.NetworkEvents); n > 2000 {
		t.Errorf("%d network events", n)
	}
}

// Where the target is slow and the control object is not, the object is loaded
// under both names: three times each, the target's unverified.
func TestThrottleAsksWhetherItIsTheName(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["slow.example"], l.hosts["object.example"] = []string{"198.51.100.20"}, []string{"198.51.100.40"}
	l.web("198.51.100.20:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range 20 {
			io.WriteString(w, strings.Repeat("slow", 1024))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}), nil, "slow.example")
	l.web("198.51.100.40:443", serving(strings.Repeat("0123456789abcdef", 1<<14)), nil, "object.example")
	cfg := l.config()
	cfg.Throttle = Throttle{Object: "https://object.example/?bytes=%d", Bytes: 256 << 10, Rounds: 1}
	k := measure(t, cfg, "https://slow.example/").TestKeys
	got := map[string]int{}
	for _, h := range k.TLSHandshakes {
		for _, tag := range []string{"throttle_target", "throttle_again", "throttle_name"} {
			if slices.Contains(h.Tags, tag) {
				got[tag+" "+h.ServerName+" "+h.Address+" "+fmt.Sprint(h.NoTLSVerify)+" "+string(h.Failure)]++
			}
		}
	}
	want := map[string]int{"throttle_target slow.example 198.51.100.20:443 false ": 1,
		"throttle_again object.example 198.51.100.40:443 false ": 3, "throttle_name slow.example 198.51.100.40:443 true ": 3}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// losing is a network that loses the first connections to an address and the
// first questions to the system's resolver.
type losing struct {
	*loop
	mu             sync.Mutex
	dials, lookups int
}

func (n *losing) lose(count *int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	*count--
	return *count >= 0
}

func (n *losing) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if n.lose(&n.dials) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return n.loop.DialContext(ctx, network, address)
}

func (n *losing) LookupHost(ctx context.Context, name string) ([]string, error) {
	if n.lose(&n.lookups) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return n.loop.LookupHost(ctx, name)
}

// What is lost once is asked for again; what stays lost is a finding.
func TestLostPacketsAreAskedForAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dials, lookups int
		lookup, page   string // how they end
		tags           []string
	}{
		{1, 1, "", "", []string{"lost", "fetch_body=true"}},
		{4, 3, "", "", []string{"lost", "fetch_body=true"}}, // the first and three of the four after it
		{5, 0, "", failTimeout, []string{"tcptls_experiment", "repeat"}},
		{0, 4, failTimeout, "", nil},
	} {
		l := newLoop(t)
		l.hosts["far.example"] = []string{"198.51.100.20"}
		l.plain("198.51.100.20:80", serving("hello"))
		cfg := l.config()
		cfg.Network = &losing{loop: l, dials: c.dials, lookups: c.lookups}
		cfg.Timeouts.TCP, cfg.Timeouts.DNS = 300*time.Millisecond, 300*time.Millisecond // the second time TCP has insistTime
		cfg.Passive = true
		k := measure(t, cfg, "http://far.example/").TestKeys
		if len(k.Queries) != 1 || string(k.Queries[0].Failure) != c.lookup {
			t.Errorf("%+v: lookups %+v", c, k.Queries)
		}
		if c.lookup != "" {
			continue
		}
		if loaded := len(k.Requests) == 1 && k.Requests[0].Failure == ""; loaded != (c.page == "") {
			t.Errorf("%+v: requests %+v", c, k.Requests)
		}
		if len(k.TCPConnect) != len(c.tags) {
			t.Fatalf("%+v: connections %+v", c, k.TCPConnect)
		}
		for i, tag := range c.tags {
			if !slices.Contains(k.TCPConnect[i].Tags, tag) || i > 0 && k.TCPConnect[i].TransactionID == k.TCPConnect[0].TransactionID {
				t.Errorf("%+v: connection %d %+v", c, i, k.TCPConnect[i])
			}
		}
	}
}

// A lookup and a handshake that ran into their timeouts are tried again after
// the contrasts, the handshake four times at once.
func TestTimeoutsAreTriedAgain(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["held.example"] = []string{"198.51.100.20"}
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	l.web("198.51.100.20:443", serving("x"), func(string, net.Conn) bool { <-release; return true }, "held.example")
	cfg := l.config()
	cfg.Timeouts.TLS = 200 * time.Millisecond
	k := measure(t, cfg, "https://held.example/").TestKeys
	if again := tagged(k.TLSHandshakes, "repeat"); len(again) != insist || again[0].Failure != failTimeout {
		t.Errorf("handshakes again: %+v", again)
	}
	cfg.Network = &losing{loop: l, lookups: systemTries}
	cfg.Timeouts.DNS = 200 * time.Millisecond
	k = measure(t, cfg, "https://held.example/").TestKeys
	if len(k.Queries) != 2 || k.Queries[0].Failure != failTimeout || k.Queries[1].Failure != "" || !slices.Contains(k.Queries[1].Tags, "repeat") {
		t.Errorf("lookups: %+v", k.Queries)
	}
}

func TestPassiveDoesWhatABrowserDoes(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["blocked.example"], l.hosts["innocent.example"] = []string{"198.51.100.20"}, []string{"198.51.100.30"}
	l.web("198.51.100.20:443", serving("x"), func(_ string, c net.Conn) bool { reset(c); return true }, "blocked.example")
	cfg := l.config()
	cfg.Passive = true
	cfg.Innocents = []Innocent{{Name: "innocent.example"}}
	cfg.Resolvers.UDP = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.53:53")}
	k := measure(t, cfg, "https://blocked.example/").TestKeys
	if len(k.Queries) != 1 || len(k.TLSHandshakes) != 1 || len(k.QUIC) != 0 {
		t.Errorf("passive did more: %+v", k)
	}
}

// A resolver that denies the control's name does not take the control away
// where another can be asked over HTTPS.
func TestControlBehindALyingResolver(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["open.example"] = []string{"198.51.100.10"}
	l.web("198.51.100.10:443", serving("hello"), nil, "open.example")
	l.web("198.51.100.90:443", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(goodControl("198.51.100.10"))
	}), nil, "helper.example")
	l.doh("198.51.100.53:443", "dns.example", func(q dns.Question) dns.RR {
		if q.Qtype != dns.TypeA {
			return nil
		}
		rr, err := dns.NewRR(q.Name + " 60 IN A 198.51.100.90")
		if err != nil {
			t.Error(err)
		}
		return rr
	})
	cfg := l.config()
	cfg.Control = &ControlSite{URL: "https://helper.example/"}
	if k := measure(t, cfg, "open.example").TestKeys; k.ControlFailure != failNXDOMAIN || k.Control != nil {
		t.Errorf("without help: %q", k.ControlFailure)
	}
	cfg.Control.Resolvers = []SecureResolver{{Name: "dns.example", Addr: netip.MustParseAddrPort("198.51.100.53:443"), URL: "https://dns.example/dns-query"}}
	cfg.Resolvers.DoH = cfg.Control.Resolvers
	k := measure(t, cfg, "open.example").TestKeys
	if k.ControlFailure != "" || k.Control == nil {
		t.Errorf("with help: %q", k.ControlFailure)
	}
	// No two connections share a transaction.
	seen := map[int64]bool{}
	for _, c := range k.TCPConnect {
		if seen[c.TransactionID] {
			t.Errorf("transaction %d has two connections: %+v", c.TransactionID, k.TCPConnect)
		}
		seen[c.TransactionID] = true
	}
}

package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Most of a test is waiting. What -parallel says comes after and decides.
	if err := flag.Set("test.parallel", "24"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// network is what the tests' visitor needs of a client; the kernel's client
// satisfies it too.
type network interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error)
	LookupHost(ctx context.Context, name string) ([]string, error)
}

// visit loads a page as a plain browser would and says in a few words how far
// it came: "dns: …", "tcp: …", "tls: …", "http: …" or "200 title".
func visit(n network, roots *x509.CertPool, url string, timeout time.Duration) string {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	scheme, host, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(host, "/")
	addrs, err := n.LookupHost(ctx, host)
	if err != nil {
		return "dns: " + word(err)
	}
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	conn, err := n.DialContext(ctx, "tcp", net.JoinHostPort(addrs[0], port))
	if err != nil {
		return "tcp: " + word(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	conn.SetDeadline(deadline)
	if scheme == "https" {
		t := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: roots})
		if err := t.HandshakeContext(ctx); err != nil {
			return "tls: " + word(err)
		}
		conn = t
	}
	tr := &http.Transport{DisableKeepAlives: true, DisableCompression: true,
		DialContext:    func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
	req, _ := http.NewRequestWithContext(ctx, "GET", scheme+"://"+host+"/"+path, nil)
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return "http: " + word(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Sprintf("http: body %s", word(err))
	}
	title := ""
	if _, t, ok := strings.Cut(string(body), "<title>"); ok {
		title, _, _ = strings.Cut(t, "</title>")
	}
	return strings.TrimSpace(fmt.Sprint(resp.StatusCode, " ", title))
}

// word is the failure in OONI's short form, as far as the tests need it.
func word(err error) string {
	var cert *tls.CertificateVerificationError
	var name *net.DNSError
	var ne net.Error
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "nxdomain"
	case errors.As(err, &name) && !name.IsTimeout:
		return name.Err
	case errors.As(err, &cert):
		return "certificate"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "eof"
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return err.Error()
}

// patience is how long to wait for what should come: it comes in the end,
// however busy the machine is.
const patience = 30 * time.Second

// visitFor visits until what is wanted comes. Silence has no end, so a wanted
// timeout gets a second; one at an earlier step says that the machine was busy,
// and the visit is made again with more time.
func visitFor(want string, n network, roots *x509.CertPool, url string) string {
	if !strings.HasSuffix(want, "timeout") {
		return visit(n, roots, url, patience)
	}
	got := ""
	for limit := time.Second; limit < patience; limit *= 3 {
		got = visit(n, roots, url, limit)
		if got == want || !strings.HasSuffix(got, "timeout") {
			break
		}
	}
	return got
}

func start(t *testing.T, sites ...Site) *Lab {
	t.Helper()
	l, err := New(sites...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func connect(t *testing.T, l *Lab, line Line) *Client {
	t.Helper()
	c, err := l.Client(line)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var bogon = netip.MustParseAddr("10.10.34.34")

// TestBehaviours: each behaviour of the censor does to a client what it should,
// and leaves an innocent site alone.
func TestBehaviours(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l := start(t, Site{Name: x, Box: CertSelfSigned})
	named := func(ports ...uint16) When { return When{Names: []string{x}, Ports: ports} }
	tests := []struct {
		name string
		rule Rule
		http string // what a visit by HTTP says
		tls  string // and by HTTPS
	}{
		{"nothing", Rule{When: When{Names: []string{"other.test"}}, Do: Drop{}}, "200 x.test: the ordinary page", "200 x.test: the ordinary page"},
		{"nxdomain", Rule{When: named(53), Do: Forge{RCode: dns.RcodeNameError}}, "dns: nxdomain", "dns: nxdomain"},
		{"refused", Rule{When: named(53), Do: Forge{RCode: dns.RcodeRefused}}, "dns: server misbehaving", "dns: server misbehaving"},
		{"dns drop", Rule{When: named(53), Do: Drop{}}, "dns: timeout", "dns: timeout"},
		{"bogon", Rule{When: named(53), Do: Forge{Addrs: []netip.Addr{bogon}}}, "tcp: timeout", "tcp: timeout"},
		{"injection", Rule{When: named(53), Do: Forge{Addrs: []netip.Addr{bogon}, Race: true}}, "tcp: timeout", "tcp: timeout"},
		{"to block page", Rule{When: named(53), Do: Forge{Addrs: []netip.Addr{blockPageAddr}}}, "200 Access denied", "tls: certificate"},
		{"syn drop", Rule{When: When{Sites: []string{x}, Transport: "tcp"}, Do: Drop{}}, "tcp: timeout", "tcp: timeout"},
		{"syn reset", Rule{When: When{Sites: []string{x}}, Do: Reset{}}, "tcp: refused", "tcp: refused"},
		{"icmp", Rule{When: When{Sites: []string{x}, Ports: []uint16{443}}, Do: Unreachable{}}, "200 x.test: the ordinary page", "tcp: unreachable"},
		{"sni reset", Rule{When: named(443), Do: Reset{}}, "200 x.test: the ordinary page", "tls: reset"},
		{"sni drop", Rule{When: named(443), Do: Drop{}}, "200 x.test: the ordinary page", "tls: timeout"},
		{"sni close", Rule{When: named(443), Do: Close{}}, "200 x.test: the ordinary page", "tls: eof"},
		{"mitm", Rule{When: When{Sites: []string{x}, Ports: []uint16{443}}, Do: Divert{BoxOf: x}}, "200 x.test: the ordinary page", "tls: certificate"},
		{"host page", Rule{When: named(80), Do: Answer{"HTTP/1.1 403 Forbidden\r\nContent-Length: 32\r\n\r\n<html><title>No</title></html>\r\n"}}, "403 No", "200 x.test: the ordinary page"},
		{"host reset", Rule{When: named(80), Do: Reset{}}, "http: reset", "200 x.test: the ordinary page"},
		{"host drop", Rule{When: named(80), Do: Drop{}}, "http: timeout", "200 x.test: the ordinary page"},
		{"darkness", Rule{Do: Drop{}}, "dns: timeout", "dns: timeout"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, l, Line{Rules: []Rule{tt.rule}})
			if got := visitFor(tt.http, c, l.RootCAs(), "http://"+x+"/"); got != tt.http {
				t.Errorf("http: got %q, want %q", got, tt.http)
			}
			if got := visitFor(tt.tls, c, l.RootCAs(), "https://"+x+"/"); got != tt.tls {
				t.Errorf("https: got %q, want %q", got, tt.tls)
			}
			if tt.name == "darkness" {
				return
			}
			if got := visit(c, l.RootCAs(), "https://"+InnocentName+"/", patience); got != "200 innocent.test: the ordinary page" {
				t.Errorf("innocent: got %q", got)
			}
			if tt.name != "nothing" && c.Censor.Struck()[0] == 0 {
				// A machine so busy that a visit said nothing in its time.
				for _, scheme := range []string{"http", "https"} {
					visit(c, l.RootCAs(), scheme+"://"+x+"/", patience/3)
				}
			}
			if struck := c.Censor.Struck()[0]; (struck == 0) != (tt.name == "nothing") {
				t.Errorf("the rule struck %d flows", struck)
			}
		})
	}
}

// TestIPv6: forged packets are right in IPv6 too.
func TestIPv6(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l := start(t, Site{Name: x, V6: V6Only})
	for _, tt := range []struct {
		rules []Rule
		want  string
	}{
		{nil, "200 x.test: the ordinary page"},
		{[]Rule{{When: When{Sites: []string{x}}, Do: Reset{}}}, "tcp: refused"},
		{[]Rule{{When: When{Sites: []string{x}}, Do: Unreachable{}}}, "tcp: unreachable"},
		{[]Rule{{When: When{Names: []string{x}, Ports: []uint16{443}}, Do: Reset{}}}, "tls: reset"},
	} {
		c := connect(t, l, Line{Rules: tt.rules, IPv6: true})
		if got := visitFor(tt.want, c, l.RootCAs(), "https://"+x+"/"); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.rules, got, tt.want)
		}
	}
	c := connect(t, l, Line{})
	if got := visit(c, l.RootCAs(), "https://"+x+"/", patience); got != "tcp: unreachable" {
		t.Errorf("a client without IPv6: got %q", got)
	}
}

// TestRace: an injected answer comes first and the true one second, every time.
func TestRace(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l := start(t, Site{Name: x})
	c := connect(t, l, Line{Rules: []Rule{{When: When{Names: []string{x}}, Do: Forge{Addrs: []netip.Addr{bogon}, Race: true}}}})
	for range 50 {
		conn, err := c.DialContext(t.Context(), "udp", publicResolver.String()+":53")
		if err != nil {
			t.Fatal(err)
		}
		d := &dns.Conn{Conn: conn}
		d.SetDeadline(time.Now().Add(30 * time.Second))
		if err := d.WriteMsg(new(dns.Msg).SetQuestion(x+".", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		for _, want := range []netip.Addr{bogon, l.Addrs(x)[0]} {
			m, err := d.ReadMsg()
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != want.String() {
				t.Fatalf("got %v, want %s", m.Answer, want)
			}
		}
		conn.Close()
	}
}

// TestSlow: throttling holds a flow to its rate and leaves others alone.
func TestSlow(t *testing.T) {
	t.Parallel()
	const x, size = "x.test", 200_000
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) }
	l := start(t, Site{Name: x, Page: page}, Site{Name: "y.test", Page: page})
	when := When{Names: []string{x}, Ports: []uint16{443}}
	for _, tt := range []struct {
		name  string
		do    Action
		delay time.Duration
		least time.Duration // that the page takes; how long it may is left to chance
	}{
		{"rate", Slow{Rate: 100_000, Burst: 10_000}, 0, 1800 * time.Millisecond},
		// Without loss it takes seven round trips of slow start: 0.3 s.
		{"loss", Lose{Probability: 0.25, After: 10_000}, 20 * time.Millisecond, 600 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, l, Line{Rules: []Rule{{When: when, Do: tt.do}}, Seed: 1, Delay: tt.delay})
			if got := visit(c, l.RootCAs(), "https://"+x+"/", tt.least); !strings.HasSuffix(got, "timeout") {
				t.Errorf("%s within %v", got, tt.least)
			}
			if got := visit(c, l.RootCAs(), "https://y.test/", patience); got != "200" {
				t.Errorf("the other name: %s", got)
			}
			if _, loses := tt.do.(Lose); loses {
				return // it comes in the end, which may be far
			}
			if got := visit(c, l.RootCAs(), "https://"+x+"/", patience); got != "200" {
				t.Errorf("in the end: %s", got)
			}
			if struck := c.Censor.Struck()[0]; struck != 1 && struck != 2 { // a slow machine may not come so far in the first visit
				t.Errorf("the rule struck %d flows of three, want the two under its name", struck)
			}
		})
	}
}

// TestResidual: after a hit, the same address and port stay closed to the
// client for the time given, and to nobody else.
func TestResidual(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l := start(t, Site{Name: x})
	rules := []Rule{{When: When{Names: []string{x}, Ports: []uint16{443}}, Do: Reset{}, Residual: time.Minute}}
	c := connect(t, l, Line{Rules: rules})
	var later atomic.Int64
	c.Censor.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	other := connect(t, l, Line{})
	hello := func(n network, name string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		conn, err := n.DialContext(ctx, "tcp", netip.AddrPortFrom(l.Addrs(x)[0], 443).String())
		if err != nil {
			return word(err)
		}
		defer conn.Close()
		if err := tls.Client(conn, &tls.Config{ServerName: name, InsecureSkipVerify: true}).HandshakeContext(ctx); err != nil {
			return word(err)
		}
		return "ok"
	}
	for i, step := range []struct {
		n          network
		name, want string
	}{
		{c, "free.test", "ok"}, {c, x, "reset"}, {c, "free.test", "reset"}, {other, "free.test", "ok"},
	} {
		if got := hello(step.n, step.name); got != step.want {
			t.Fatalf("step %d: got %q, want %q", i, got, step.want)
		}
	}
	later.Store(int64(time.Hour))
	if got := hello(c, "free.test"); got != "ok" {
		t.Errorf("after the time: got %q", got)
	}
}

// TestQUIC: HTTP/3 works, and not where UDP 443 is dropped.
func TestQUIC(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l := start(t, Site{Name: x, QUIC: true})
	for _, tt := range []struct {
		rules []Rule
		want  string
	}{
		{nil, "200 ok"},
		{[]Rule{{When: When{Sites: []string{x}, Transport: "udp", Ports: []uint16{443}}, Do: Drop{}}}, "timeout"},
	} {
		c := connect(t, l, Line{Rules: tt.rules})
		if got := visitQUIC(t, c, l, x, quicPatience(tt.want)); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		if got := visitQUIC(t, c, l, InnocentName, patience); got != "200 ok" {
			t.Errorf("innocent: got %q", got)
		}
	}
}

func quicPatience(want string) time.Duration {
	if want == "timeout" {
		return time.Second // nothing is to be waited for: the first packet is lost
	}
	return patience
}

func visitQUIC(t *testing.T, c *Client, l *Lab, name string, timeout time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	pc, err := c.ListenUDP("udp", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	tr := &quic.Transport{Conn: pc}
	defer tr.Close()
	h3 := &http3.Transport{
		TLSClientConfig: &tls.Config{RootCAs: l.RootCAs()},
		Dial: func(ctx context.Context, _ string, tc *tls.Config, qc *quic.Config) (*quic.Conn, error) {
			return tr.Dial(ctx, net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Addrs(name)[0], 443)), tc, qc)
		},
	}
	defer h3.Close()
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+name+"/", nil)
	resp, err := h3.RoundTrip(req)
	if err != nil {
		return word(err)
	}
	resp.Body.Close()
	return fmt.Sprint(resp.StatusCode, " ok")
}

package dial

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/bandish/bandish/address"
)

// Every row of the table is refused, at its first and its last address, also
// where an IPv6 address carries it.
func TestPolicyRefusesEveryBlock(t *testing.T) {
	var p Policy
	for _, b := range address.Blocks {
		if b.Carries > 0 {
			continue
		}
		first := b.Prefix.Addr()
		for _, a := range []netip.Addr{first, last(b.Prefix)} {
			forms := []netip.Addr{a}
			if a.Is4() {
				v4 := a.As4()
				mapped := netip.AddrFrom16(a.As16())
				nat64 := netip.MustParseAddr("64:ff9b::").As16()
				copy(nat64[12:], v4[:])
				sixToFour := netip.MustParseAddr("2002::1").As16()
				copy(sixToFour[2:], v4[:])
				forms = append(forms, mapped, netip.AddrFrom16(nat64), netip.AddrFrom16(sixToFour))
			}
			for _, f := range forms {
				if err := p.Check(f); !errors.As(err, new(*RefusedError)) {
					t.Errorf("%s of %s: %v", f, b.Prefix, err)
				}
			}
		}
	}
	for _, public := range []string{"8.8.8.8", "104.244.42.1", "2606:4700::1111", "64:ff9b::808:808"} {
		if err := p.Check(netip.MustParseAddr(public)); err != nil {
			t.Error(err)
		}
	}
}

func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// This machine's addresses are read again as they change.
func TestOwnAddressesChange(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	own, broken := []netip.Addr{netip.MustParseAddr("9.9.9.1")}, error(nil)
	p := Policy{Own: Own{Now: func() time.Time { return now }, List: func() ([]netip.Addr, error) { return own, broken }}}
	refuses := func(text string) bool { return p.Check(netip.MustParseAddr(text)) != nil }
	if !refuses("9.9.9.1") || !refuses("::ffff:9.9.9.1") || !refuses("64:ff9b::909:901") || refuses("9.9.9.2") {
		t.Error("the first address")
	}
	own, now = []netip.Addr{netip.MustParseAddr("9.9.9.2"), netip.MustParseAddr("2606:4700::9")}, now.Add(fresh)
	if refuses("9.9.9.1") || !refuses("9.9.9.2") || !refuses("2606:4700::9") {
		t.Error("the address has changed and is not seen")
	}
	broken, now = errors.New("no list"), now.Add(time.Hour)
	if !refuses("9.9.9.2") {
		t.Error("where the addresses cannot be read, the last ones hold")
	}
	list, err := Interfaces()
	if err != nil || len(list) == 0 {
		t.Errorf("the addresses of this machine: %v, %v", list, err)
	}
}

// Names that lead to this network are refused when they are dialled, whatever the
// name is, unless that is asked for; an address that is written out is meant.
func TestNamesThatLeadInside(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; io.WriteString(w, "here") }))
	defer srv.Close()
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	resolver := resolverOf(t, map[string]string{"inside.example.": "127.0.0.1", "mapped.example.": "::ffff:127.0.0.1", "six.example.": "::1", "cloud.example.": "169.254.169.254", "wire.example.": "168.63.129.16"})
	get := func(raw string, private bool) error {
		p := ForURL(raw, private)
		tr, d := p.Transport(), p.Dialer()
		d.Resolver, d.Timeout = resolver, time.Second
		tr.DialContext = d.DialContext
		tr.DisableKeepAlives = true
		resp, err := (&http.Client{Transport: tr, Timeout: 5 * time.Second}).Get(raw)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	for _, host := range []string{"inside.example", "INSIDE.example", "mapped.example", "six.example", "cloud.example", "wire.example"} {
		if err := get("http://"+host+":"+port+"/", false); !errors.As(err, new(*RefusedError)) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked > 0 {
		t.Errorf("the server inside was asked %d times", asked)
	}
	for _, u := range []string{"http://127.0.0.1:" + port, "http://localhost:" + port} {
		if err := get(u, false); err != nil {
			t.Errorf("%s is written out: %v", u, err)
		}
	}
	if err := get("http://inside.example:"+port, true); err != nil || asked != 3 {
		t.Errorf("it is asked for: %v, asked %d times", err, asked)
	}
}

// resolverOf asks a name server on this machine that knows some names.
func resolverOf(t *testing.T, names map[string]string) *net.Resolver {
	t.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &dns.Server{PacketConn: socket, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		at, known := names[strings.ToLower(q.Question[0].Name)]
		if !known {
			m.Rcode = dns.RcodeNameError
		} else if v6 := strings.Contains(at, ":"); v6 == (q.Question[0].Qtype == dns.TypeAAAA) {
			kind := map[bool]string{false: "A", true: "AAAA"}[v6]
			if rr, err := dns.NewRR(q.Question[0].Name + " 60 IN " + kind + " " + at); err == nil {
				m.Answer = append(m.Answer, rr)
			}
		}
		w.WriteMsg(m)
	})}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", socket.LocalAddr().String())
	}}
}

// A proxy may stand inside; what it is asked for may not, where that is an
// address.
func TestThroughAProxy(t *testing.T) {
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.String()) }))
	defer proxy.Close()
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for raw, ok := range map[string]bool{"http://news.example/": true, "http://8.8.8.8/": true, "http://[64:ff9b::a9fe:a9fe]/": false, "http://169.254.169.254/": false} {
		p := Policy{}
		tr := p.through(func(*http.Request) (*url.URL, error) { return u, nil })
		resp, err := (&http.Client{Transport: tr}).Get(raw)
		if err == nil {
			resp.Body.Close()
		}
		if (err == nil) != ok {
			t.Errorf("%s: %v", raw, err)
		}
		tr.CloseIdleConnections()
	}
	if len(asked) != 2 {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

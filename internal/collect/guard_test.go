package collect

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/dial"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
)

// watchful is a network that must not be reached: it counts every attempt.
type watchful struct {
	t     *testing.T
	hosts map[string][]string
}

func (w *watchful) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	w.t.Errorf("the guard let through %s", address)
	return nil, errors.New("no")
}

func (w *watchful) ListenUDP(string, *net.UDPAddr) (net.PacketConn, error) {
	return &watchfulSocket{t: w.t}, nil
}

func (w *watchful) LookupHost(_ context.Context, name string) ([]string, error) {
	if a, ok := w.hosts[name]; ok {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

type watchfulSocket struct {
	net.PacketConn
	t *testing.T
}

func (s *watchfulSocket) WriteTo(_ []byte, to net.Addr) (int, error) {
	s.t.Errorf("the guard let a datagram through to %s", to)
	return 0, errors.New("no")
}
func (s *watchfulSocket) ReadFrom([]byte) (int, net.Addr, error) { return 0, nil, net.ErrClosed }
func (s *watchfulSocket) Close() error                           { return nil }
func (s *watchfulSocket) LocalAddr() net.Addr                    { return &net.UDPAddr{} }
func (s *watchfulSocket) SetDeadline(time.Time) error            { return nil }
func (s *watchfulSocket) SetReadDeadline(time.Time) error        { return nil }
func (s *watchfulSocket) SetWriteDeadline(time.Time) error       { return nil }

// tricks are URLs that must never make the helper reach anything. Each has
// been somebody's way around such a guard.
var tricks = []string{
	// Addresses, plainly.
	"http://127.0.0.1/", "http://127.1.2.3/", "http://0.0.0.0/", "http://0.1.2.3/", "http://10.0.0.1/", "http://172.16.0.1/",
	"http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/", "http://100.100.100.200/latest/meta-data/",
	"http://169.254.169.254/latest/meta-data/", "http://169.254.170.2/v2/credentials", "http://168.63.129.16/machine",
	"http://192.0.0.192/opc/v2/", "http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://198.18.0.1/",
	"http://192.88.99.1/", "http://224.0.0.1/", "http://239.255.255.250:80/", "http://240.0.0.1/", "http://255.255.255.255/",
	// In other notations.
	"http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.1/",
	"http://127.0.1/", "http://0/", "http://127.0.0.1./", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/",
	"http://8.8.8.8%2f@127.0.0.1/",
	// IPv6 and what it carries.
	"http://[::1]/", "http://[::]/", "http://[::127.0.0.1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
	"http://[::ffff:8.8.8.8]/", "http://[0:0:0:0:0:ffff:a9fe:a9fe]/", "http://[::ffff:0:169.254.169.254]/", "http://[64:ff9b::7f00:1]/",
	"http://[64:ff9b:1::a9fe:a9fe]/", "http://[2002:7f00:1::]/", "http://[2002:a9fe:a9fe::1]/", "http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
	"http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fec0::1]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/latest/meta-data/",
	"http://[fd20:ce::254]/", "http://[ff02::1]/", "http://[100::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[2001:20::1]/",
	"http://[2a00:1450:4001:82a:0:5efe:7f00:1]/", "http://[5f00::1]/",
	// Names.
	"http://localhost/", "http://LOCALHOST./", "http://foo.localhost/", "http://metadata/", "http://metadata.google.internal/",
	"http://printer.local/", "http://router.lan/", "http://nas.home.arpa/", "http://1.0.0.127.in-addr.arpa/",
	"http://duskgytldkxiuqc6.onion/", "http://db.corp/", "http://kubernetes.default.svc.cluster.local/",
	// Names that resolve where they should not.
	"http://rebind.example.org/", "https://rebind6.example.org/", "http://mapped.example.org/", "http://mixed.example.org/",
	"http://cgnat.example.org/", "http://multicast.example.org/",
	// Schemes, ports, users.
	"file:///etc/passwd", "gopher://8.8.8.8/", "ftp://8.8.8.8/", "dict://8.8.8.8:11211/", "ldap://8.8.8.8/", "jar:http://8.8.8.8!/",
	"http://8.8.8.8:22/", "http://8.8.8.8:25/", "http://8.8.8.8:6379/", "http://8.8.8.8:0/", "http://8.8.8.8:65616/", "https://8.8.8.8:11211/",
	"http://8.8.8.8@127.0.0.1/", "http://user:pass@10.0.0.1/", "http://①②⑦.⓪.⓪.①:8000/", "http://ｌocalhost/", "http://foo.ｌocal/", "http:///", "http://", "//8.8.8.8/", "http:8.8.8.8", "", "\x00http://8.8.8.8/",
	"http://8.8.8.8:80:22/", "http://[8.8.8.8]/", "http://8.8.8.8\\@127.0.0.1/", "http://127.0.0.1\t.example.org/",
	// The server's own public address.
	"http://9.9.9.77/", "http://[64:ff9b::909:94d]/",
}

var trickNames = map[string][]string{
	"rebind.example.org": {"127.0.0.1"}, "rebind6.example.org": {"::1", "fe80::1%eth0"}, "mapped.example.org": {"::ffff:10.0.0.1"},
	"mixed.example.org": {"169.254.169.254", "192.168.0.1"}, "cgnat.example.org": {"100.64.1.1"}, "multicast.example.org": {"224.0.0.251", "ff02::fb"},
}

func TestTricks(t *testing.T) {
	if len(tricks) < 60 {
		t.Fatalf("%d tricks, want 60 at least", len(tricks))
	}
	w := &watchful{t: t, hosts: trickNames}
	guard := &Guard{Network: w, Own: dial.Own{List: func() ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr("9.9.9.77")}, nil }}}
	h := NewHelper(guard, probe.Wire{Now: time.Now}, 4)
	for _, trick := range tricks {
		out, err := h.Measure(t.Context(), &measurement.ControlRequest{HTTPRequest: trick, QUICEnabled: true,
			TCPConnect: []string{"127.0.0.1:80", "[::1]:443", "169.254.169.254:80", "[::ffff:127.0.0.1]:80", "8.8.8.8", "localhost:80", "10.0.0.1:443"}})
		var refused *RefusedError
		switch {
		case errors.As(err, &refused):
		case err != nil:
			t.Errorf("%q: %v", trick, err)
		case out.HTTPRequest.Failure == "" || len(out.TCPConnect) > 0 || len(out.QUICHandshake) > 0:
			t.Errorf("%q was measured: %+v", trick, out)
		}
	}
	t.Logf("%d tricks refused", len(tricks))
}

// A redirect is judged like the first URL, and a name whose address changes
// after it was judged is judged again when it is dialled.
func TestRedirectAndRebinding(t *testing.T) {
	l := newLoop(t)
	var reached int
	l.serve("198.51.100.9:80", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached++ }))
	for _, to := range []string{"http://198.51.100.9/", "http://secret.example.org/", "http://[::ffff:198.51.100.9]/", "file:///etc/passwd", "http://8.8.8.8:22/", "http://0x7f.1/"} {
		l.serve("8.8.8.8:80", http.RedirectHandler(to, http.StatusFound))
		l.hosts["open.example.org"] = []string{"8.8.8.8"}
		l.hosts["secret.example.org"] = []string{"198.51.100.9"}
		h := NewHelper(&Guard{Network: l}, probe.Wire{Now: time.Now}, 4)
		out, err := h.Measure(t.Context(), &measurement.ControlRequest{HTTPRequest: "http://open.example.org/"})
		if err != nil {
			t.Fatal(err)
		}
		if out.HTTPRequest.Failure == "" || out.HTTPRequest.StatusCode != -1 {
			t.Errorf("redirect to %s: %+v", to, out.HTTPRequest)
		}
	}
	// Each lookup gives another address, the public one first.
	turn := 0
	l.lookup = func(string) []string {
		turn++
		if turn == 1 {
			return []string{"8.8.8.8"}
		}
		return []string{"198.51.100.9"}
	}
	l.serve("8.8.8.8:80", http.RedirectHandler("http://open.example.org/again", http.StatusFound))
	h := NewHelper(&Guard{Network: l}, probe.Wire{Now: time.Now}, 4)
	out, err := h.Measure(t.Context(), &measurement.ControlRequest{HTTPRequest: "http://open.example.org/"})
	if err != nil || out.HTTPRequest.Failure == "" {
		t.Errorf("rebinding: %+v, %v", out, err)
	}
	if reached > 0 {
		t.Errorf("a forbidden server was reached %d times", reached)
	}
}

// The lab's way around is the only one, and it is loud.
func TestUnsafeIsLoud(t *testing.T) {
	g := &Guard{Unsafe: true}
	if err := g.Check(netip.MustParseAddrPort("127.0.0.1:22")); err != nil {
		t.Error(err)
	}
	var log lines
	h := NewHelper(g, probe.Wire{Now: time.Now}, 1)
	if _, err := New(Config{Archive: newDir(t), Now: time.Now, Helper: h, Log: log.logger()}); err != nil {
		t.Fatal(err)
	}
	if !log.contain("PRIVATE ADDRESSES") {
		t.Errorf("the log says %q", log.all())
	}
}

package probe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go/http3"
)

// loop is a network in which public addresses lead to real sockets on
// loopback. An address without a route refuses; a route to "" is silent.
type loop struct {
	t      *testing.T
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	pool   *x509.CertPool
	mu     sync.Mutex
	hosts  map[string][]string // what the system's resolver says
	failed map[string]error    // or how it fails
	routes map[netip.AddrPort]string
	back   map[string]netip.AddrPort // of UDP
	dialed map[string]int
}

func newLoop(t *testing.T) *loop {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{t: t, ca: ca, key: key, pool: x509.NewCertPool(), hosts: map[string][]string{}, failed: map[string]error{},
		routes: map[netip.AddrPort]string{}, back: map[string]netip.AddrPort{}, dialed: map[string]int{}}
	l.pool.AddCert(ca)
	return l
}

// certificate is one for the names, under the test's authority.
func (l *loop) certificate(names ...string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		l.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, l.ca, &key.PublicKey, l.key)
	if err != nil {
		l.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (l *loop) route(address, to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ap := netip.MustParseAddrPort(address)
	l.routes[ap] = to
	l.back[to] = ap
}

func (l *loop) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	to, ok := l.routes[ap]
	l.dialed[address]++
	l.mu.Unlock()
	switch {
	case !ok:
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	case to == "":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var d net.Dialer
	return d.DialContext(ctx, network, to)
}

func (l *loop) ListenUDP(network string, _ *net.UDPAddr) (net.PacketConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &loopSocket{UDPConn: c, l: l}, nil
}

func (l *loop) LookupHost(_ context.Context, name string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.failed[name]; err != nil {
		return nil, err
	}
	if a := l.hosts[name]; a != nil {
		return a, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// loopSocket translates the addresses of datagrams. It hides the methods by
// which quic-go would reach around it.
type loopSocket struct {
	*net.UDPConn
	l *loop
}

func (s *loopSocket) SyscallConn() (syscall.RawConn, error) { return nil, errors.New("no") }

func (s *loopSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	s.l.mu.Lock()
	real := s.l.routes[to.(*net.UDPAddr).AddrPort()]
	s.l.mu.Unlock()
	if real == "" {
		return len(b), nil // lost
	}
	addr, err := net.ResolveUDPAddr("udp", real)
	if err != nil {
		return 0, err
	}
	return s.UDPConn.WriteTo(b, addr)
}

func (s *loopSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.UDPConn.ReadFrom(b)
	if err != nil {
		return n, from, err
	}
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	if ap, ok := s.l.back[from.String()]; ok {
		return n, net.UDPAddrFromAddrPort(ap), nil
	}
	return n, from, nil
}

// web starts an HTTPS server for the names at a public address. A name that
// censor takes is treated on its ClientHello.
func (l *loop) web(address string, h http.Handler, censor func(name string, conn net.Conn) bool, names ...string) {
	l.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	cert := l.certificate(names...)
	c := &tls.Config{NextProtos: []string{"h2", "http/1.1"}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if censor != nil && censor(hello.ServerName, hello.Conn) {
			return nil, errors.New("censored")
		}
		return nil, nil
	}, Certificates: []tls.Certificate{cert}}
	l.serve(address, tls.NewListener(ln, c), ln.Addr().String(), h)
}

// plain starts an HTTP server.
func (l *loop) plain(address string, h http.Handler) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	l.serve(address, ln, ln.Addr().String(), h)
}

func (l *loop) serve(address string, ln net.Listener, real string, h http.Handler) {
	srv := &http.Server{Handler: h, ErrorLog: quietLog}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(ln) }()
	l.t.Cleanup(func() { srv.Close(); <-done })
	l.route(address, real)
}

// http3 starts an HTTP/3 server.
func (l *loop) http3(address string, h http.Handler, names ...string) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		l.t.Fatal(err)
	}
	srv := &http3.Server{Handler: h, TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{l.certificate(names...)}})}
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(c) }()
	l.t.Cleanup(func() { srv.Close(); c.Close(); <-done })
	l.mu.Lock()
	defer l.mu.Unlock()
	ap := netip.MustParseAddrPort(address)
	l.routes[netip.AddrPortFrom(ap.Addr(), ap.Port())] = c.LocalAddr().String()
	l.back[c.LocalAddr().String()] = ap
}

// resolver starts a DNS server over UDP.
func (l *loop) resolver(address string, h dns.HandlerFunc) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	started := make(chan struct{})
	srv := &dns.Server{PacketConn: c, Handler: h, NotifyStartedFunc: func() { close(started) }}
	done := make(chan struct{})
	go func() { defer close(done); srv.ActivateAndServe() }()
	<-started
	l.t.Cleanup(func() { srv.Shutdown(); <-done })
	l.route(address, c.LocalAddr().String())
}

// doh starts a resolver over HTTPS that answers with one record, or none.
func (l *loop) doh(address, name string, answer func(dns.Question) dns.RR) {
	l.web(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		q, m := new(dns.Msg), new(dns.Msg)
		if err != nil || q.Unpack(raw) != nil {
			l.t.Error("a broken query")
			return
		}
		m.SetReply(q)
		if rr := answer(q.Question[0]); rr != nil {
			m.Answer = append(m.Answer, rr)
		}
		out, err := m.Pack()
		if err != nil {
			l.t.Error(err)
		}
		w.Header().Set("Content-Type", "application/dns-message")
		w.Write(out)
	}), nil, name)
}

// reset ends a connection with RST.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
		t.Close()
	}
}

// answer makes a DNS handler that gives an address for A queries.
func answer(addrs ...string) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		for _, a := range addrs {
			m := new(dns.Msg)
			m.SetReply(q)
			if q.Question[0].Qtype == dns.TypeA {
				rr, err := dns.NewRR(q.Question[0].Name + " 60 IN A " + a)
				if err != nil {
					panic(err)
				}
				m.Answer = append(m.Answer, rr)
			}
			w.WriteMsg(m)
		}
	}
}

// config is a probe on the loop, with short timeouts.
func (l *loop) config() Config {
	return Config{
		Wire: Wire{Network: l, Now: time.Now, Roots: l.pool, Timeouts: Timeouts{
			DNS: 2 * time.Second, TCP: 1500 * time.Millisecond, TLS: 1500 * time.Millisecond, QUIC: time.Second,
			HTTP: 3 * time.Second, Late: 200 * time.Millisecond,
		}},
		Version: "0.0.0-test", Place: Place{CC: "ZZ", ASN: 64512, Network: "Test Network"},
	}
}

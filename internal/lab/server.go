package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go/http3"
)

// ground is a host on which servers run: one inside the process, or a namespace of the
// kernel.
type ground interface {
	dialer
	listenTCP(netip.AddrPort) (net.Listener, error)
	listenUDP(netip.AddrPort) (net.PacketConn, error)
}

// servers are all servers of one lab.
type servers struct {
	ground ground
	ca     *authority
	zone   *zone
	http   *http.Server // for every ordinary port; it finds the site by the local address
	pages  map[netip.AddrPort]http.Handler

	wg     sync.WaitGroup
	cancel context.CancelFunc
	ctx    context.Context

	mu      sync.Mutex // guards closers
	closers map[io.Closer]bool
}

func newServers(g ground, ca *authority, z *zone) *servers {
	s := &servers{ground: g, ca: ca, zone: z, pages: map[netip.AddrPort]http.Handler{}, closers: map[io.Closer]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.dispatch),
		ErrorLog:          log.New(io.Discard, "", 0), // failed handshakes are the purpose of the lab
		ReadHeaderTimeout: 30 * time.Second,
	}
	return s
}

// dispatch finds the site by the address and port at which it is asked.
func (s *servers) dispatch(w http.ResponseWriter, r *http.Request) {
	local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	at, err := netip.ParseAddrPort(local.String())
	if err != nil || s.pages[at] == nil {
		http.NotFound(w, r)
		return
	}
	s.pages[at].ServeHTTP(w, r)
}

// site starts the servers of a site at those of its addresses that belong to a host.
func (s *servers) site(site *Site, addrs []netip.Addr) error {
	for _, a := range addrs {
		for _, port := range []uint16{80, 443} {
			if site.refuses(port) {
				continue
			}
			if err := s.port(site, netip.AddrPortFrom(a, port)); err != nil {
				return err
			}
		}
		if site.QUIC {
			if err := s.quic(site, netip.AddrPortFrom(a, 443)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (site *Site) refuses(port uint16) bool {
	return site.Reach == ReachRefused || site.Reach == ReachNo80 && port == 80 || site.Reach == ReachNo443 && port == 443
}

// page returns the handler of a site on a port. A site that speaks HTTP/3 announces it.
func (site *Site) page(port uint16) http.Handler {
	page := site.pageOf(port)
	if !site.QUIC {
		return page
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Alt-Svc", `h3=":443"; ma=86400`)
		page.ServeHTTP(w, r)
	})
}

func (site *Site) pageOf(port uint16) http.Handler {
	switch {
	case port == 80 && site.PagePlain != nil:
		return site.PagePlain
	case site.Page != nil:
		return site.Page
	}
	return ordinaryPage(site.Name)
}

// port starts one port of a site.
func (s *servers) port(site *Site, at netip.AddrPort) error {
	l, err := s.ground.listenTCP(at)
	if err != nil {
		return err
	}
	s.pages[at] = site.page(at.Port())
	secure := at.Port() == 443 && site.TLS != TLSPlain
	var config *tls.Config
	if secure {
		cert, err := s.ca.leaf(site.Name, site.Cert)
		if err != nil {
			return err
		}
		config = &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"h2", "http/1.1"}}
		site.TLS.configure(config, site.Name)
	}
	if odd := site.oddConn(secure); odd != nil {
		if site.Raw != nil && config != nil {
			config.NextProtos = nil
		}
		s.accept(l, func(c net.Conn) {
			if config != nil && site.Raw != nil {
				t := tls.Server(c, config)
				defer t.Close() // says goodbye, which closing c would not
				c = t
			}
			odd(c)
		})
		return nil
	}
	if secure {
		l = tls.NewListener(l, config)
	}
	s.wg.Go(func() { _ = s.http.Serve(l) }) // ends with ErrServerClosed
	s.track(l)
	return nil
}

// oddConn returns how a site treats a connection that no HTTP server must see; nil for an
// ordinary site.
func (site *Site) oddConn(secure bool) func(net.Conn) {
	switch {
	case site.Reach == ReachReset:
		return closeUnread
	case site.Reach == ReachHang, secure && site.TLS == TLSHang:
		return func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	case secure && site.TLS == TLSCloses:
		return func(c net.Conn) { _, _ = c.Read(make([]byte, 16<<10)) }
	}
	return site.Raw
}

// closeUnread leaves data unread, so that closing sends a reset.
func closeUnread(c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

// accept calls handle with every connection, and closes it afterwards. handle may take its
// time.
func (s *servers) accept(l net.Listener, handle func(net.Conn)) {
	s.track(l)
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if !s.track(c) {
				c.Close()
				return
			}
			s.wg.Go(func() {
				defer s.untrack(c)
				defer c.Close()
				handle(c)
			})
		}
	})
}

func (s *servers) quic(site *Site, at netip.AddrPort) error {
	c, err := s.ground.listenUDP(at)
	if err != nil {
		return err
	}
	cert, err := s.ca.leaf(site.Name, site.Cert)
	if err != nil {
		return err
	}
	server := &http3.Server{
		Handler:   site.page(443),
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{*cert}}),
	}
	s.track(c)
	s.track(server)
	s.wg.Go(func() { _ = server.Serve(c) })
	return nil
}

// resolver starts a resolver over UDP, TCP, TLS and HTTPS.
func (s *servers) resolver(name string, a netip.Addr) error {
	udp, err := s.ground.listenUDP(netip.AddrPortFrom(a, 53))
	if err != nil {
		return err
	}
	tcp, err := s.ground.listenTCP(netip.AddrPortFrom(a, 53))
	if err != nil {
		return err
	}
	dot, err := s.ground.listenTCP(netip.AddrPortFrom(a, 853))
	if err != nil {
		return err
	}
	cert, err := s.ca.leaf(name, CertValid)
	if err != nil {
		return err
	}
	dot = tls.NewListener(dot, &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"dot"}})
	for _, d := range []*dns.Server{{PacketConn: udp}, {Listener: tcp}, {Listener: dot}} {
		d.Handler = s.zone
		s.dns(d)
	}
	doh := &Site{Name: name, Page: s.zone.ServeHTTP}
	return s.site(doh, []netip.Addr{a})
}

func (s *servers) dns(d *dns.Server) {
	started := make(chan struct{})
	d.NotifyStartedFunc = func() { close(started) }
	s.wg.Go(func() { _ = d.ActivateAndServe() })
	<-started // shutting down a server that has not started fails
	s.track(&closerFunc{d.Shutdown})
}

// liar starts a resolver over UDP that answers every name with a private address.
func (s *servers) liar(a netip.Addr) error {
	udp, err := s.ground.listenUDP(netip.AddrPortFrom(a, 53))
	if err != nil {
		return err
	}
	lie := Forge{Addrs: []netip.Addr{netip.MustParseAddr("10.10.34.34")}}
	s.dns(&dns.Server{PacketConn: udp, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		if len(q.Question) == 1 {
			_ = w.WriteMsg(forgedAnswer(q, lie)) // the client may be gone
		}
	})})
	return nil
}

// box starts the middlebox beside a site.
func (s *servers) box(site *Site, at, behind netip.AddrPort) error {
	l, err := s.ground.listenTCP(at)
	if err != nil {
		return err
	}
	cert, err := s.ca.leaf(site.Name, site.Box)
	if err != nil {
		return err
	}
	s.accept(l, func(c net.Conn) { s.relay(c, site.Name, cert, behind) })
	return nil
}

// relay passes a connection through to the site behind the box. If the client asks for the
// forged name, the box ends the client's TLS, and makes its own TLS connection to the
// site.
func (s *servers) relay(c net.Conn, forged string, cert *tls.Certificate, behind netip.AddrPort) {
	stream, name := readHello(c)
	far, err := s.ground.dial(s.ctx, "tcp", behind)
	if err != nil {
		return
	}
	if !s.track(far) {
		far.Close()
		return
	}
	defer s.untrack(far)
	defer far.Close()
	var near net.Conn = &replayConn{Conn: c, before: bytes.NewReader(stream)}
	if name == forged {
		near = tls.Server(near, &tls.Config{Certificates: []tls.Certificate{*cert}})
		// The box does not check the certificate: it is the attacker of this story.
		far = tls.Client(far, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	}
	s.wg.Go(func() {
		_, _ = io.Copy(far, near)
		far.Close()
	})
	_, _ = io.Copy(near, far)
}

// readHello reads until the client's server name is known, or cannot come any more.
func readHello(c net.Conn) (stream []byte, name string) {
	buf := make([]byte, 4096)
	for len(stream) < maxStream {
		n, err := c.Read(buf)
		stream = append(stream, buf[:n]...)
		if err != nil {
			return stream, ""
		}
		if name, err := helloName(stream); !errors.Is(err, errMore) {
			return stream, name
		}
	}
	return stream, ""
}

// replayConn is a connection of which some bytes were already read.
type replayConn struct {
	net.Conn
	before *bytes.Reader
}

func (c *replayConn) Read(b []byte) (int, error) {
	if c.before.Len() > 0 {
		return c.before.Read(b)
	}
	return c.Conn.Read(b)
}

// closerFunc makes a function an io.Closer that can be the key of a map.
type closerFunc struct{ shut func() error }

func (f *closerFunc) Close() error { return f.shut() }

// track remembers what close must close. It returns false if closing has begun.
func (s *servers) track(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closers == nil {
		return false
	}
	s.closers[c] = true
	return true
}

func (s *servers) untrack(c io.Closer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.closers, c)
}

// close ends all servers and connections, and waits for them.
func (s *servers) close() {
	s.cancel()
	s.mu.Lock()
	closers := s.closers
	s.closers = nil
	s.mu.Unlock()
	for c := range closers {
		_ = c.Close()
	}
	_ = s.http.Close()
	s.wg.Wait()
}

// ordinaryPage serves the page of a site without oddities. It is the same for everybody,
// and so long that a block page differs from it in every way.
func ordinaryPage(name string) http.HandlerFunc {
	var b strings.Builder
	fmt.Fprintf(&b, "<!doctype html>\n<html lang=en><head><title>%s: the ordinary page</title></head><body>\n", name)
	for i := range 24 {
		fmt.Fprintf(&b, "<p>Paragraph %d of the ordinary page of %s, a site of the Bandish lab.</p>\n", i+1, name)
	}
	b.WriteString("</body></html>\n")
	body := b.String()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Server", "lab")
		_, _ = io.WriteString(w, body)
	}
}

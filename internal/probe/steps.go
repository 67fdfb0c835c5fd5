package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Wire is the network, with everything else that the steps need. The test helper takes the
// same steps over its own network.
type Wire struct {
	Network  Network
	Now      func() time.Time
	Roots    *x509.CertPool // nil: those of the system
	Timeouts Timeouts

	// Watch is called for every read and write on a connection. It may be nil.
	Watch func(Event)
}

// Timeouts limit the steps. A zero field means the default.
type Timeouts struct {
	DNS  time.Duration // one query
	TCP  time.Duration // connect
	TLS  time.Duration // handshake
	QUIC time.Duration // handshake; short, since most servers that do not speak it never answer
	HTTP time.Duration // request to the end of the body
	Late time.Duration // how long a DNS query waits for second answers
}

// DefaultTimeouts are long enough for a slow line.
var DefaultTimeouts = Timeouts{
	DNS: 4 * time.Second, TCP: 8 * time.Second, TLS: 8 * time.Second, QUIC: 3 * time.Second,
	HTTP: 12 * time.Second, Late: 1500 * time.Millisecond,
}

func (t Timeouts) filled() Timeouts {
	for _, f := range []struct{ have, or *time.Duration }{
		{&t.DNS, &DefaultTimeouts.DNS}, {&t.TCP, &DefaultTimeouts.TCP}, {&t.TLS, &DefaultTimeouts.TLS},
		{&t.QUIC, &DefaultTimeouts.QUIC},
		{&t.HTTP, &DefaultTimeouts.HTTP}, {&t.Late, &DefaultTimeouts.Late},
	} {
		if *f.have <= 0 {
			*f.have = *f.or
		}
	}
	return t
}

// Span is when a step began and ended.
type Span struct{ Start, End time.Time }

// Event is one read or write on a connection.
type Event struct {
	Span
	Conn  int64 // the transaction that the connection belongs to
	Op    string
	Proto string // tcp, udp
	Addr  string
	Bytes int
	Err   error
}

// Dial is the result of a TCP connect. Conn is nil if Err is not.
type Dial struct {
	Span
	Addr netip.AddrPort
	Conn net.Conn
	Err  error
}

// Connect opens a TCP connection.
func (w *Wire) Connect(ctx context.Context, tx int64, addr netip.AddrPort) Dial {
	inner, cancel := context.WithTimeout(ctx, w.Timeouts.filled().TCP)
	defer cancel()
	d := Dial{Addr: addr, Span: Span{Start: w.Now()}}
	d.Conn, d.Err = w.Network.DialContext(inner, "tcp", addr.String())
	d.End = w.Now()
	if d.Err = ended(ctx, inner, d.Err); d.Err != nil {
		d.Conn = nil
		return d
	}
	if w.Watch != nil {
		d.Conn = &watchedConn{Conn: d.Conn, w: w, tx: tx}
	}
	return d
}

// Closer is a connection in clear text or over TLS. Its Close closes the connection below
// without a TLS goodbye, which a censored path may hold up.
type Closer struct {
	net.Conn          // what we speak over
	raw      net.Conn // what carries it
}

// Close closes the connection below.
func (c *Closer) Close() error { return c.raw.Close() }

// Hello says how to make a TLS or QUIC handshake.
type Hello struct {
	Name     string // server name; "": send none
	NoVerify bool   // for contrasts, where any certificate will do
	Max12    bool   // at most TLS 1.2
	Min13    bool   // at least TLS 1.3
	ALPN     []string
	ECH      []byte // an ECHConfigList
}

// Handshake is the result of a TLS or QUIC handshake.
type Handshake struct {
	Span
	Addr     netip.AddrPort
	Network  string // tcp, udp
	Hello    Hello
	Version  string // "TLSv1.3"; "" if it failed
	Cipher   string
	Protocol string // negotiated by ALPN
	ECH      bool   // the server accepted ECH
	Certs    [][]byte
	Err      error
}

func (w *Wire) tlsConfig(h Hello) *tls.Config {
	c := &tls.Config{
		ServerName:         h.Name,
		InsecureSkipVerify: h.NoVerify, // only for contrasts, and recorded as no_tls_verify
		RootCAs:            w.Roots,
		Time:               w.Now,
		NextProtos:         h.ALPN,
		MinVersion:         tls.VersionTLS10, // an old server is not a censor
	}
	if h.Max12 {
		c.MaxVersion = tls.VersionTLS12
	}
	if h.Min13 || len(h.ECH) > 0 {
		c.MinVersion = tls.VersionTLS13
	}
	c.EncryptedClientHelloConfigList = h.ECH
	return c
}

// TLS makes a TLS handshake over a connection. The caller must close the connection.
func (w *Wire) TLS(ctx context.Context, conn net.Conn, addr netip.AddrPort, h Hello) (*tls.Conn, Handshake) {
	inner, cancel := context.WithTimeout(ctx, w.Timeouts.filled().TLS)
	defer cancel()
	out := Handshake{Addr: addr, Network: "tcp", Hello: h, Span: Span{Start: w.Now()}}
	tc := tls.Client(conn, w.tlsConfig(h))
	out.Err = ended(ctx, inner, tc.HandshakeContext(inner))
	out.End = w.Now()
	out.take(tc.ConnectionState())
	return tc, out
}

// take copies the state. Of a failed handshake it only has the certificates that could not
// be verified.
func (h *Handshake) take(s tls.ConnectionState) {
	var bad *tls.CertificateVerificationError
	certs := s.PeerCertificates
	if errors.As(h.Err, &bad) {
		certs = bad.UnverifiedCertificates
	}
	for _, c := range certs {
		h.Certs = append(h.Certs, c.Raw)
	}
	if h.Err != nil {
		return
	}
	h.Version = tlsVersion(s.Version)
	h.Cipher = tls.CipherSuiteName(s.CipherSuite)
	h.Protocol = s.NegotiatedProtocol
	h.ECH = s.ECHAccepted
}

// tlsVersion writes a version as OONI's df-006 does.
func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return fmt.Sprintf("TLS_VERSION_UNKNOWN_%d", v)
}

// udpFor returns the network, "udp4" or "udp6", of sockets that can reach an address.
func udpFor(addr netip.AddrPort) string {
	if addr.Addr().Unmap().Is4() {
		return "udp4"
	}
	return "udp6"
}

// QUICConn is an established QUIC connection with its socket.
type QUICConn struct {
	Conn      *quic.Conn
	transport *quic.Transport
	socket    net.PacketConn
}

// Close closes the connection and its socket.
func (q *QUICConn) Close() error {
	if q.Conn != nil {
		q.Conn.CloseWithError(0, "")
	}
	q.transport.Close()
	return q.socket.Close()
}

// QUIC makes a QUIC handshake. The connection is nil if it failed.
func (w *Wire) QUIC(ctx context.Context, tx int64, addr netip.AddrPort, h Hello) (*QUICConn, Handshake) {
	limit := w.Timeouts.filled().QUIC
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out := Handshake{Addr: addr, Network: "udp", Hello: h, Span: Span{Start: w.Now()}}
	socket, err := w.Network.ListenUDP(udpFor(addr), nil)
	if err != nil {
		out.Err, out.End = err, w.Now()
		return nil, out
	}
	socket = &watchedSocket{PacketConn: socket, w: w, tx: tx}
	q := &QUICConn{socket: socket, transport: &quic.Transport{Conn: socket}}
	h.ECH = nil
	c := w.tlsConfig(h)
	c.MinVersion = tls.VersionTLS13
	q.Conn, out.Err = q.transport.Dial(inner, net.UDPAddrFromAddrPort(addr), c, &quic.Config{
		HandshakeIdleTimeout: limit, MaxIdleTimeout: w.Timeouts.filled().HTTP,
	})
	out.End = w.Now()
	out.Err = ended(ctx, inner, out.Err)
	if out.Err != nil {
		out.take(tls.ConnectionState{})
		q.Conn = nil
		q.Close()
		return nil, out
	}
	out.take(q.Conn.ConnectionState().TLS)
	return q, out
}

// Exchange is one HTTP request and its response. Response is nil if there was none. If the
// body broke off, Body has its beginning, and Err is set.
type Exchange struct {
	Span
	Addr      netip.AddrPort
	Network   string // tcp, udp
	Protocol  string // ALPN, empty in clear text
	URL       *url.URL
	Sent      http.Header
	Response  *http.Response // its body is consumed
	Body      []byte
	Length    int64 // bytes of the body that were read
	Truncated bool
	Err       error
}

// Ask is an HTTP request to make.
type Ask struct {
	Method  string // "" means GET
	URL     *url.URL
	Headers http.Header
	Keep    int64 // how many bytes of the body to keep
	Read    int64 // how many bytes of the body to read at most; at least Keep
	Body    io.Reader
}

// HTTP sends a request over an established connection, plain or a *tls.Conn. It follows no
// redirect.
func (w *Wire) HTTP(ctx context.Context, conn net.Conn, addr netip.AddrPort, ask Ask) Exchange {
	if c, ok := conn.(*Closer); ok {
		conn = c.Conn
	}
	once := make(chan net.Conn, 1)
	once <- conn
	dial := func(context.Context, string, string) (net.Conn, error) {
		select {
		case c := <-once:
			return c, nil
		default:
			return nil, errors.New("the connection was closed by the server")
		}
	}
	t := &http.Transport{
		DialContext: dial, DialTLSContext: dial,
		DisableCompression: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 1 << 18,
	}
	defer t.CloseIdleConnections()
	x := Exchange{Addr: addr, Network: "tcp"}
	if tc, ok := conn.(*tls.Conn); ok {
		x.Protocol = tc.ConnectionState().NegotiatedProtocol
		if x.Protocol == "" {
			x.Protocol = "http/1.1"
		}
	}
	w.exchange(ctx, t, ask, &x)
	return x
}

// HTTP3 sends a request over an established QUIC connection.
func (w *Wire) HTTP3(ctx context.Context, q *QUICConn, addr netip.AddrPort, ask Ask) Exchange {
	t := &http3.Transport{DisableCompression: true, MaxResponseHeaderBytes: 1 << 18}
	defer t.Close()
	x := Exchange{Addr: addr, Network: "udp", Protocol: "h3"}
	w.exchange(ctx, t.NewClientConn(q.Conn), ask, &x)
	return x
}

func (w *Wire) exchange(ctx context.Context, rt http.RoundTripper, ask Ask, x *Exchange) {
	inner, cancel := context.WithTimeout(ctx, w.Timeouts.filled().HTTP)
	defer cancel()
	method := ask.Method
	if method == "" {
		method = http.MethodGet
	}
	x.URL, x.Sent, x.Start = ask.URL, ask.Headers, w.Now()
	req, err := http.NewRequestWithContext(inner, method, ask.URL.String(), ask.Body)
	if err != nil {
		x.Err, x.End = err, w.Now()
		return
	}
	req.Header = ask.Headers.Clone()
	x.Response, x.Err = rt.RoundTrip(req)
	if x.Err == nil {
		x.Body, x.Length, x.Truncated, x.Err = readBody(x.Response.Body, ask.Keep, ask.Read)
		x.Response.Body.Close()
	}
	x.Err = ended(ctx, inner, x.Err)
	x.End = w.Now()
}

// readBody keeps the first `keep` bytes of a body, and counts the rest up to limit.
func readBody(r io.Reader, keep, limit int64) (body []byte, n int64, truncated bool, err error) {
	limit = max(limit, keep)
	body, err = io.ReadAll(io.LimitReader(r, keep))
	n = int64(len(body))
	if err != nil || n < keep {
		return body, n, false, err
	}
	rest, err := io.Copy(io.Discard, io.LimitReader(r, limit-keep+1))
	n += rest
	if n > limit {
		n = limit
	}
	return body, n, rest > 0, err
}

// watchedConn reports every read and write to Watch.
type watchedConn struct {
	net.Conn
	w  *Wire
	tx int64
}

func (c *watchedConn) Read(b []byte) (int, error)  { return c.do("read", b, c.Conn.Read) }
func (c *watchedConn) Write(b []byte) (int, error) { return c.do("write", b, c.Conn.Write) }

func (c *watchedConn) do(op string, b []byte, f func([]byte) (int, error)) (int, error) {
	start := c.w.Now()
	n, err := f(b)
	c.w.Watch(Event{Span: Span{start, c.w.Now()}, Conn: c.tx, Op: op, Proto: "tcp",
		Addr: c.RemoteAddr().String(), Bytes: n, Err: err})
	return n, err
}

// watchedSocket reports every datagram to Watch. It offers quic-go only the methods of
// PacketConn, so that no datagram goes unreported.
type watchedSocket struct {
	net.PacketConn
	w  *Wire
	tx int64
}

// SetReadBuffer does nothing. A handshake and a page fit into any buffer, and quic-go
// would print a warning about a buffer that it cannot enlarge.
func (s *watchedSocket) SetReadBuffer(int) error { return nil }

// SetWriteBuffer does nothing, like SetReadBuffer.
func (s *watchedSocket) SetWriteBuffer(int) error { return nil }

func (s *watchedSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	start := s.w.Now()
	n, from, err := s.PacketConn.ReadFrom(b)
	s.tell("read_from", start, n, from, err)
	return n, from, err
}

func (s *watchedSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	start := s.w.Now()
	n, err := s.PacketConn.WriteTo(b, to)
	s.tell("write_to", start, n, to, err)
	return n, err
}

func (s *watchedSocket) tell(op string, start time.Time, n int, addr net.Addr, err error) {
	if s.w.Watch == nil {
		return
	}
	e := Event{Span: Span{start, s.w.Now()}, Conn: s.tx, Op: op, Proto: "udp", Bytes: n, Err: err}
	if addr != nil {
		e.Addr = addr.String()
	}
	s.w.Watch(e)
}

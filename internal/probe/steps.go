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

// Wire is the network together with what the steps need of their
// surroundings. The test helper takes the same steps over its own network.
type Wire struct {
	Network  Network
	Now      func() time.Time
	Roots    *x509.CertPool // nil: the system's
	Timeouts Timeouts

	// Watch, when set, is told of every read and write of a connection.
	Watch func(Event)
}

// Timeouts bound the steps. The zero value of a field takes the default.
type Timeouts struct {
	DNS  time.Duration // one query
	TCP  time.Duration // connect
	TLS  time.Duration // handshake
	QUIC time.Duration // handshake; short, as most servers that do not speak it are silent
	HTTP time.Duration // request to the end of the body
	Late time.Duration // how long a DNS query waits for second answers
}

// DefaultTimeouts suit a slow line.
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

// Event is a read or a write on a connection.
type Event struct {
	Span
	Conn  int64 // the transaction that owns the connection
	Op    string
	Proto string // tcp, udp
	Addr  string
	Bytes int
	Err   error
}

// Dial is the outcome of a TCP connect. Conn is nil where Err is not.
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

// Closer is a connection in clear text or over TLS. Closing it closes the
// connection below without waiting to say goodbye over TLS, which a censored
// path may hold up.
type Closer struct {
	net.Conn          // what is spoken over
	raw      net.Conn // what carries it
}

// Close closes the connection below.
func (c *Closer) Close() error { return c.raw.Close() }

// Hello says how to shake hands.
type Hello struct {
	Name     string // server name; empty sends none
	NoVerify bool   // a contrast: whose certificate comes back does not matter
	Max12    bool   // TLS 1.2 and no more
	Min13    bool   // TLS 1.3 and no less
	ALPN     []string
	ECH      []byte // an ECHConfigList
}

// Handshake is the outcome of a TLS or QUIC handshake.
type Handshake struct {
	Span
	Addr     netip.AddrPort
	Network  string // tcp, udp
	Hello    Hello
	Version  string // "TLSv1.3"; empty when it failed
	Cipher   string
	Protocol string // negotiated by ALPN
	ECH      bool   // accepted
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

// TLS shakes hands over a connection, which stays the caller's to close.
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

// take copies what the state says; for a failed handshake only the
// certificates that could not be verified.
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

// tlsVersion writes a version as df-006 does.
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

// udpFor is the network of the sockets that can reach an address.
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

// QUIC shakes hands over UDP. The connection is nil where the handshake
// failed.
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

// Exchange is one HTTP request and what came back. Response is nil where
// nothing did; a body that broke off stands in Body with Err set.
type Exchange struct {
	Span
	Addr      netip.AddrPort
	Network   string // tcp, udp
	Protocol  string // ALPN, empty in clear text
	URL       *url.URL
	Sent      http.Header
	Response  *http.Response // its body is consumed
	Body      []byte
	Length    int64 // of the body as far as it was read
	Truncated bool
	Err       error
}

// Ask says what to ask for.
type Ask struct {
	Method  string // GET when empty
	URL     *url.URL
	Headers http.Header
	Keep    int64 // bytes of the body to keep
	Read    int64 // bytes of the body to read at most; at least Keep
	Body    io.Reader
}

// HTTP sends a request over a connection that is already established: a
// *tls.Conn or a plain one. It follows no redirect.
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

// readBody keeps the first bytes of a body and counts the rest up to a limit.
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

// watchedConn tells of every read and write.
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

// watchedSocket tells of every datagram. It shows quic-go only what every
// PacketConn has, so that no datagram passes it by.
type watchedSocket struct {
	net.PacketConn
	w  *Wire
	tx int64
}

// SetReadBuffer does nothing: a handshake and a page fit any buffer, and
// quic-go would warn on standard error of one that it cannot enlarge.
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

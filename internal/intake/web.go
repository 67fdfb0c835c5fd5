package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"
)

// stall is how long a server may say nothing.
const stall = 2 * time.Minute

const maxRedirects = 5

// openWeb gets what is at an address. The body's length is not bounded: what
// is read of it is.
func openWeb(ctx context.Context, u string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	resp, err := webClient().Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("get %s: the server answers %s", u, resp.Status)
	}
	return resp.Body, nil
}

// webClient makes the client of one source. A server on the internet cannot
// send it on to this machine or network: what is there would end up in the
// archive's quarantine, or do as it is asked. Whoever names an address inside
// may be sent on inside.
func webClient() *http.Client {
	g := &redirects{}
	dialer := &net.Dialer{Timeout: 30 * time.Second, ControlContext: g.dial}
	return &http.Client{
		CheckRedirect: g.check,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext,
			TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: stall, IdleConnTimeout: time.Second,
			DisableCompression: true, // undone here, where its size is looked at
			ForceAttemptHTTP2:  true,
		},
	}
}

// redirects knows whether a client was sent on, and whether it began inside.
type redirects struct {
	mu     sync.Mutex // guards what follows
	sentOn bool
	inside bool
}

func (g *redirects) check(req *http.Request, via []*http.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sentOn = true
	if len(via) > maxRedirects {
		return fmt.Errorf("sent on more than %d times", maxRedirects)
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return fmt.Errorf("sent on to %s, which is not the web", req.URL)
	}
	return nil
}

func (g *redirects) dial(_ context.Context, _, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	in := inside(ap.Addr())
	if in && g.sentOn && !g.inside {
		return fmt.Errorf("sent on to %s, an address of this network: refused", ap.Addr())
	}
	g.inside = g.inside || in
	return nil
}

// insideToo are addresses of this network that netip does not call so.
var insideToo = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network (RFC 791)
	netip.MustParsePrefix("100.64.0.0/10"),    // of carriers and clouds (RFC 6598)
	netip.MustParsePrefix("168.63.129.16/32"), // metadata of a cloud
	netip.MustParsePrefix("64:ff9b:1::/48"),   // translated within a network (RFC 8215)
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056
)

// inside reports whether an address is of this machine or network. One that
// carries an IPv4 address is judged by that.
func inside(a netip.Addr) bool {
	a = a.Unmap()
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return inside(netip.AddrFrom4([4]byte(b[12:])))
	case sixToFour.Contains(a):
		return inside(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() ||
		slices.ContainsFunc(insideToo, func(p netip.Prefix) bool { return p.Contains(a) })
}

// unstalled opens a source and ends it when nothing comes for a while.
func unstalled(ctx context.Context, after time.Duration, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := fmt.Errorf("nothing came for %v", after)
	s := &unstalledReader{after: after, timer: time.AfterFunc(after, func() { cancel(stop) }), cancel: cancel, ctx: ctx}
	r, err := open(ctx)
	s.timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, s.why(err)
	}
	s.r = r
	return s, nil
}

type unstalledReader struct {
	r      io.ReadCloser
	after  time.Duration
	timer  *time.Timer
	ctx    context.Context // of this one read, from open to close
	cancel context.CancelCauseFunc
}

func (s *unstalledReader) Read(p []byte) (int, error) {
	s.timer.Reset(s.after) // between reads it is we who take our time
	n, err := s.r.Read(p)
	s.timer.Stop()
	return n, s.why(err)
}

// why names the stall where that ended the reading.
func (s *unstalledReader) why(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if cause := context.Cause(s.ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

func (s *unstalledReader) Close() error {
	s.timer.Stop()
	defer s.cancel(nil)
	return s.r.Close()
}

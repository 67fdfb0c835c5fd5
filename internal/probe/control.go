package probe

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/miekg/dns"
)

// ControlSite is a web server that the probe talks to about the measurement: a test helper
// of web_connectivity, or a collector. The steps of this talk are not part of the
// measurement.
type ControlSite struct {
	URL   string
	Addrs []netip.Addr // its addresses; empty: look up its name

	// Resolvers are asked for its name if the system's resolver does not lead to it, as in
	// a country that blocks the site.
	Resolvers []SecureResolver
}

// maxControl is the greatest size of an answer in bytes. maxControlTime is how long the
// measurement waits for its control.
const (
	maxControl     = 4 << 20
	maxControlTime = 25 * time.Second
)

// Post sends in as JSON to a path below the site's URL, and reads the JSON answer into
// out. out may be nil. The error is a *StatusError for any status but 2xx.
func (s *ControlSite) Post(ctx context.Context, w *Wire, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("post to %s: %w", s.URL, err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		return fmt.Errorf("post to %s: %w", s.URL, err)
	}
	if path != "" {
		u = u.JoinPath(path)
	}
	x, err := s.round(ctx, w, u, body)
	if err != nil {
		return fmt.Errorf("post to %s: %w", u, err)
	}
	if x.Response.StatusCode/100 != 2 {
		return &StatusError{URL: u.String(), Status: x.Response.StatusCode, Body: string(x.Body[:min(len(x.Body), 200)])}
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(x.Body, out); err != nil {
		return fmt.Errorf("read answer of %s: %w", u, err)
	}
	return nil
}

// StatusError is an answer with a status other than 2xx.
type StatusError struct {
	URL    string
	Status int
	Body   string // its first 200 bytes
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered %d: %s", e.URL, e.Status, e.Body)
}

// round tries the site's addresses one after the other until one answers.
func (s *ControlSite) round(ctx context.Context, w *Wire, u *url.URL, body []byte) (Exchange, error) {
	quiet := *w // the talk with the control is not part of the evidence
	quiet.Watch = nil
	quiet.Timeouts.HTTP = max(w.Timeouts.filled().HTTP, 20*time.Second)
	tried := map[netip.Addr]bool{}
	last := error(nil)
	for _, resolve := range s.ways(u.Hostname()) {
		addrs, err := resolve(ctx, &quiet)
		last = cmp.Or(last, err)
		for _, a := range addrs[:min(len(addrs), 3)] {
			if tried[a] {
				continue
			}
			tried[a] = true
			x, err := quiet.Fetch(ctx, netip.AddrPortFrom(a, portOf(u)), Ask{Method: http.MethodPost, URL: u, Keep: maxControl,
				Body: bytes.NewReader(body), Headers: http.Header{"Content-Type": {"application/json"}, "User-Agent": {SoftwareName}}})
			if err == nil {
				return x, nil
			}
			last = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return Exchange{}, last
}

// way is one way to find the site's addresses.
type way func(context.Context, *Wire) ([]netip.Addr, error)

// ways returns the ways to try, in order.
func (s *ControlSite) ways(host string) []way {
	if len(s.Addrs) > 0 {
		return []way{func(context.Context, *Wire) ([]netip.Addr, error) { return s.Addrs, nil }}
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []way{func(context.Context, *Wire) ([]netip.Addr, error) { return []netip.Addr{a}, nil }}
	}
	out := []way{func(ctx context.Context, w *Wire) ([]netip.Addr, error) {
		l := w.System(ctx, host)
		return l.Addrs, l.Err
	}}
	for _, r := range s.Resolvers {
		out = append(out, func(ctx context.Context, w *Wire) ([]netip.Addr, error) { return w.safely(ctx, r, host) })
	}
	return out
}

// safely asks a resolver over HTTPS for IPv4 addresses.
func (w *Wire) safely(ctx context.Context, r SecureResolver, host string) ([]netip.Addr, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	d := w.Connect(ctx, 0, r.Addr)
	if d.Err != nil {
		return nil, d.Err
	}
	defer d.Conn.Close()
	tc, h := w.TLS(ctx, d.Conn, r.Addr, Hello{Name: r.Name, ALPN: []string{"http/1.1"}})
	if h.Err != nil {
		return nil, h.Err
	}
	l := w.DoH(ctx, &Closer{Conn: tc, raw: d.Conn}, r.Addr, u, host, dns.TypeA)
	return l.Addrs, l.Err
}

// Fetch connects, makes a TLS handshake if the URL is https, and sends the request.
func (w *Wire) Fetch(ctx context.Context, addr netip.AddrPort, ask Ask) (Exchange, error) {
	d := w.Connect(ctx, 0, addr)
	if d.Err != nil {
		return Exchange{}, d.Err
	}
	defer d.Conn.Close()
	conn := d.Conn
	if ask.URL.Scheme == "https" {
		tc, h := w.TLS(ctx, conn, addr, Hello{Name: ask.URL.Hostname(), ALPN: []string{"h2", "http/1.1"}})
		if h.Err != nil {
			return Exchange{}, h.Err
		}
		conn = tc
	}
	x := w.HTTP(ctx, conn, addr, ask)
	return x, x.Err
}

// askControl asks the test helper about the input and the addresses that were found. It
// records the answer, or how asking failed. It returns nil if there is no answer.
func (r *run) askControl(ctx context.Context, addrs []netip.Addr) *measurement.Control {
	if r.cfg.Control == nil {
		return nil
	}
	req := &measurement.ControlRequest{
		HTTPRequest: r.url.String(), HTTPRequestHeaders: browserHeaders(), QUICEnabled: true, TCPConnect: []string{},
	}
	for _, a := range addrs {
		for _, port := range controlPorts(r.url) {
			req.TCPConnect = append(req.TCPConnect, netip.AddrPortFrom(a, port).String())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, maxControlTime)
	defer cancel()
	start := r.cfg.Now()
	answer := new(measurement.Control)
	err := r.cfg.Control.Post(ctx, &r.cfg.Wire, "", req, answer)
	failure := Failure(err)
	var status *StatusError
	if errors.As(err, &status) {
		failure = "http_request_failed"
	}
	if failure == failInterrupted {
		failure = failTimeout // the control did not answer in time
	}
	r.rec.mu.Lock()
	r.rec.keys.ControlRequest = req
	if err != nil {
		r.rec.keys.ControlFailure = measurement.Failure(failure)
		answer = nil
	}
	r.rec.keys.Control = answer
	if answer != nil {
		for _, a := range controlAddrs(answer) {
			r.rec.know(a)
		}
	}
	r.rec.mu.Unlock()
	r.note(Note{Step: "control", What: r.cfg.Control.URL, Failure: failure, Took: r.cfg.Now().Sub(start), Detail: controlDetail(answer)})
	return answer
}

// controlPorts returns the ports that OONI's probe asks about. For a URL without a port
// these are 443 and 80, so that the control can tell whether an address belongs to the
// name.
func controlPorts(u *url.URL) []uint16 {
	if u.Port() != "" {
		return []uint16{portOf(u)}
	}
	return []uint16{443, 80}
}

func controlDetail(c *measurement.Control) string {
	switch {
	case c == nil:
		return ""
	case c.HTTPRequest.Failure != "":
		return "cannot load the page either: " + string(c.HTTPRequest.Failure)
	}
	return fmt.Sprintf("loads the page: %d", c.HTTPRequest.StatusCode)
}

// browserHeaders returns headers that a common browser sends.
func browserHeaders() http.Header {
	return http.Header{
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Accept-Language": {"en-US,en;q=0.9"},
		"User-Agent":      {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
	}
}

package collect

import (
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/measurement"
)

// Helper is the test helper of web_connectivity: it looks at the same input
// from here, so that a probe has a control.
type Helper struct {
	Guard *Guard
	Wire  probe.Wire // over the guard; NewHelper sets it

	// ASN tells an address's network, 0 where it is unknown; may be nil.
	ASN func(netip.Addr) uint32

	slots chan struct{} // one for each request being served
	wait  time.Duration // for a slot
}

// The limits of one request to the helper.
const (
	maxEndpoints  = 24       // to connect to
	maxAsked      = 16       // of them, named by the client
	maxPage       = 16 << 20 // bytes of a page that are counted
	keepPage      = 1 << 18  // and of which the title is sought
	maxHelperTime = 25 * time.Second
)

// NewHelper makes a helper that serves so many requests at a time; further
// ones wait for a moment and are then turned away.
func NewHelper(guard *Guard, wire probe.Wire, concurrent int) *Helper {
	if guard.Own == nil && !guard.Unsafe {
		guard.Own = localAddrs()
	}
	wire.Network = guard
	wire.Timeouts = probe.Timeouts{
		DNS: 4 * time.Second, TCP: 6 * time.Second, TLS: 6 * time.Second, QUIC: 4 * time.Second, HTTP: 12 * time.Second,
	}
	return &Helper{Guard: guard, Wire: wire, slots: make(chan struct{}, concurrent), wait: 5 * time.Second}
}

// ErrBusy is a helper with no slot left.
var ErrBusy = errors.New("the test helper is busy; ask again in a few seconds")

// Measure answers one request. The error is a *RefusedError, ErrBusy, or the
// context's.
func (h *Helper) Measure(ctx context.Context, req *measurement.ControlRequest) (*measurement.Control, error) {
	u, err := h.Guard.CheckURL(req.HTTPRequest)
	if err != nil {
		return nil, err
	}
	if err := h.enter(ctx); err != nil {
		return nil, err
	}
	defer func() { <-h.slots }()
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, maxHelperTime)
	defer cancel()

	out := &measurement.Control{
		TCPConnect: map[string]measurement.ControlTCP{}, TLSHandshake: map[string]measurement.ControlTLS{},
		QUICHandshake: map[string]measurement.ControlTLS{}, IPInfo: map[string]measurement.IPInfo{},
	}
	found := h.lookup(ctx, u.Hostname(), &out.DNS)
	t := &task{h: h, url: u, out: out}
	var all sync.WaitGroup
	for _, e := range h.endpoints(u, found, req.TCPConnect) {
		all.Go(func() { t.endpoint(ctx, e) })
	}
	if req.QUICEnabled && u.Scheme == "https" {
		for _, a := range found[:min(len(found), 4)] {
			all.Go(func() { t.quic(ctx, a) })
		}
	}
	all.Go(func() { t.page(ctx, req.HTTPRequestHeaders, found) })
	all.Wait()
	t.ipInfo(found, req.TCPConnect)
	return out, outer.Err()
}

// enter takes a slot.
func (h *Helper) enter(ctx context.Context) error {
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lookup resolves the name. NXDOMAIN has the word that OONI's probes expect of
// a helper.
func (h *Helper) lookup(ctx context.Context, host string, out *measurement.ControlDNS) []netip.Addr {
	out.Addrs = []string{}
	if a, err := netip.ParseAddr(host); err == nil {
		out.Addrs = append(out.Addrs, a.String())
		return []netip.Addr{a}
	}
	l := h.Wire.System(ctx, host)
	out.Failure = measurement.Failure(probe.Failure(l.Err))
	if out.Failure == "dns_nxdomain_error" {
		out.Failure = "dns_name_error"
	}
	for _, a := range l.Addrs {
		out.Addrs = append(out.Addrs, a.String())
	}
	return l.Addrs
}

// endpoints are what is connected to: what we resolved and what the probe did,
// at the ports of the web, without those that the guard refuses.
func (h *Helper) endpoints(u *url.URL, found []netip.Addr, asked []string) []netip.AddrPort {
	seen := map[netip.AddrPort]bool{}
	var out []netip.AddrPort
	add := func(e netip.AddrPort) {
		if !seen[e] && len(out) < maxEndpoints && h.Guard.Check(e) == nil {
			seen[e] = true
			out = append(out, e)
		}
	}
	for _, s := range asked[:min(len(asked), maxAsked)] {
		if e, err := netip.ParseAddrPort(s); err == nil {
			add(e)
		}
	}
	ports := []uint16{443, 80}
	if u.Port() != "" {
		port, _ := portOf(u)
		ports = []uint16{port}
	}
	for _, a := range found {
		for _, p := range ports {
			add(netip.AddrPortFrom(a, p))
		}
	}
	return out
}

// task is one request being served.
type task struct {
	h   *Helper
	url *url.URL

	mu  sync.Mutex // guards out's maps
	out *measurement.Control
}

// endpoint connects, and shakes hands where the port is one of TLS.
func (t *task) endpoint(ctx context.Context, e netip.AddrPort) {
	d := t.h.Wire.Connect(ctx, 0, e)
	t.mu.Lock()
	t.out.TCPConnect[e.String()] = measurement.ControlTCP{Status: d.Err == nil, Failure: measurement.Failure(probe.Failure(d.Err))}
	t.mu.Unlock()
	if d.Err != nil {
		return
	}
	defer d.Conn.Close()
	ownPort, _ := portOf(t.url)
	if e.Port() != 443 && (t.url.Scheme != "https" || e.Port() != ownPort) {
		return
	}
	_, s := t.h.Wire.TLS(ctx, d.Conn, e, probe.Hello{Name: t.url.Hostname(), ALPN: []string{"h2", "http/1.1"}})
	t.mu.Lock()
	t.out.TLSHandshake[e.String()] = controlTLS(s)
	t.mu.Unlock()
}

func controlTLS(s probe.Handshake) measurement.ControlTLS {
	return measurement.ControlTLS{ServerName: s.Hello.Name, Status: s.Err == nil, Failure: measurement.Failure(probe.Failure(s.Err))}
}

func (t *task) quic(ctx context.Context, a netip.Addr) {
	port, _ := portOf(t.url)
	e := netip.AddrPortFrom(a, port)
	if t.h.Guard.Check(e) != nil {
		return
	}
	q, s := t.h.Wire.QUIC(ctx, 0, e, probe.Hello{Name: t.url.Hostname(), ALPN: []string{"h3"}})
	if q != nil {
		q.Close()
	}
	t.mu.Lock()
	t.out.QUICHandshake[e.String()] = controlTLS(s)
	t.mu.Unlock()
}

// page loads the page as the probe does, redirects included, each of them
// checked like the first.
func (t *task) page(ctx context.Context, asked map[string][]string, found []netip.Addr) {
	out := &t.out.HTTPRequest
	*out = measurement.ControlHTTP{BodyLength: -1, StatusCode: -1, Headers: measurement.HeaderMap{}}
	jar, err := cookiejar.New(nil)
	if err != nil {
		out.Failure = "unknown_error"
		return
	}
	u, addrs := t.url, found
	for hop := 0; ; hop++ {
		headers := forwarded(asked)
		for _, c := range jar.Cookies(u) {
			headers.Add("Cookie", c.String())
		}
		x, err := t.fetch(ctx, u, addrs, headers)
		if err != nil {
			out.Failure = pageFailure(err)
			return
		}
		jar.SetCookies(u, x.Response.Cookies())
		t.offer(out, x.Response.Header.Get("Alt-Svc"), u)
		next, err := probe.Redirect(x, hop)
		if err != nil {
			out.Failure = pageFailure(err)
			return
		}
		if next == nil {
			fill(out, x)
			return
		}
		if err := t.h.Guard.checkURL(next); err != nil {
			out.Failure = pageFailure(err)
			return
		}
		u = next
		var dns measurement.ControlDNS
		addrs = t.h.lookup(ctx, u.Hostname(), &dns)
		if dns.Failure != "" {
			out.Failure = dns.Failure
			return
		}
	}
}

// pageFailure words a failure; what the guard refuses is our own doing and has
// its own word.
func pageFailure(err error) measurement.Failure {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return "unknown_failure: not on the public internet"
	}
	if errors.Is(err, context.Canceled) {
		return "generic_timeout_error" // maxHelperTime is over
	}
	return measurement.Failure(probe.Failure(err))
}

// fetch tries the addresses in turn until one connects.
func (t *task) fetch(ctx context.Context, u *url.URL, addrs []netip.Addr, headers http.Header) (probe.Exchange, error) {
	port, err := portOf(u)
	if err != nil {
		return probe.Exchange{}, err
	}
	last := error(&RefusedError{u.Redacted(), "no address"})
	for _, a := range addrs[:min(len(addrs), 3)] {
		x, err := t.h.Wire.Fetch(ctx, netip.AddrPortFrom(a, port), probe.Ask{URL: u, Headers: headers, Keep: keepPage, Read: maxPage})
		if err == nil {
			return x, nil
		}
		last = err
	}
	return probe.Exchange{}, last
}

// forwarded keeps of the probe's headers those that say how a browser asks;
// no others are sent in its name.
func forwarded(asked map[string][]string) http.Header {
	out := http.Header{}
	for _, name := range []string{"Accept", "Accept-Language", "User-Agent"} {
		for k, values := range asked {
			if http.CanonicalHeaderKey(k) == name && len(values) > 0 && len(values[0]) < 512 {
				out.Set(name, values[0])
			}
		}
	}
	return out
}

func (t *task) offer(out *measurement.ControlHTTP, altSvc string, u *url.URL) {
	if out.DiscoveredH3Endpoint == "" && strings.Contains(altSvc, "h3=") {
		port, _ := portOf(u)
		out.DiscoveredH3Endpoint = fmt.Sprintf("%s:%d", u.Hostname(), port)
	}
}

var title = regexp.MustCompile(`(?is)<title[^>]*>(.{0,1000}?)</title>`)

func fill(out *measurement.ControlHTTP, x probe.Exchange) {
	out.StatusCode = int64(x.Response.StatusCode)
	out.BodyLength = x.Length
	if m := title.FindSubmatch(x.Body); m != nil {
		out.Title = measurement.Text(strings.TrimSpace(html.UnescapeString(string(m[1]))))
	}
	for name, values := range x.Response.Header {
		out.Headers = append(out.Headers, measurement.Header{Name: name, Value: measurement.Text(values[0])})
	}
	sort.Slice(out.Headers, func(i, j int) bool { return out.Headers[i].Name < out.Headers[j].Name })
}

// ipInfo says of every address who resolved it, whose it is, and whether it
// serves the name.
func (t *task) ipInfo(found []netip.Addr, asked []string) {
	flags := map[netip.Addr]int64{}
	for _, a := range found {
		flags[a] |= measurement.ResolvedByControl
	}
	for _, s := range asked[:min(len(asked), maxAsked)] {
		if e, err := netip.ParseAddrPort(s); err == nil {
			flags[e.Addr()] |= measurement.ResolvedByProbe
		}
	}
	for endpoint, s := range t.out.TLSHandshake {
		if e, err := netip.ParseAddrPort(endpoint); err == nil && s.Status {
			flags[e.Addr()] |= measurement.ValidForDomain
		}
	}
	for a, f := range flags {
		if Reserved(a) != "" {
			f |= measurement.IsBogon
		}
		info := measurement.IPInfo{Flags: f}
		if t.h.ASN != nil {
			info.ASN = int64(t.h.ASN(a))
		}
		t.out.IPInfo[a.String()] = info
	}
}

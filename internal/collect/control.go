package collect

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/bandish/bandish/address"
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
	maxAddrs      = 64       // to connect to, at one port or two
	maxPage       = 16 << 20 // bytes of a page that are counted
	keepPage      = 1 << 18  // and of which the title is sought
	maxHelperTime = 25 * time.Second
)

// NewHelper makes a helper that serves so many requests at a time; further
// ones wait for a moment and are then turned away.
func NewHelper(guard *Guard, wire probe.Wire, concurrent int) *Helper {
	wire.Network = guard
	wire.Timeouts = probe.Timeouts{
		DNS: 4 * time.Second, TCP: 6 * time.Second, TLS: 6 * time.Second, QUIC: 4 * time.Second, HTTP: 12 * time.Second,
	}
	return &Helper{Guard: guard, Wire: wire, slots: make(chan struct{}, concurrent), wait: 5 * time.Second}
}

// ErrBusy is a helper with no slot left.
var ErrBusy = errors.New("the test helper is busy; ask again in a few seconds")

// Measure answers one request as OONI's helper does, field by field. The error
// is a *RefusedError, ErrBusy, or the context's.
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
		DNS: measurement.ControlDNS{Addrs: []string{}},
	}
	found, failed := h.lookup(ctx, u.Hostname())
	out.DNS.Failure = dnsFailure(failed)
	literal, notAName := netip.ParseAddr(u.Hostname())
	if notAName == nil { // a URL's own address was looked up by nobody
		found = []netip.Addr{literal}
	} else {
		for _, a := range found {
			out.DNS.Addrs = append(out.DNS.Addrs, a.String())
		}
	}
	t := &task{h: h, url: u, out: out}
	t.ipInfo(out.DNS.Addrs, req.TCPConnect)
	endpoints := t.endpoints()
	var all conc.WaitGroup // Wait panics as one of them did, and the request alone fails
	for _, e := range endpoints {
		all.Go(func() { t.endpoint(ctx, e) })
	}
	all.Go(func() { t.page(ctx, req.HTTPRequestHeaders, found, failed) })
	all.Wait()
	if req.QUICEnabled && out.HTTPRequest.DiscoveredH3Endpoint != "" {
		for _, e := range endpoints[:min(len(endpoints), maxQUIC)] {
			all.Go(func() { t.quic(ctx, e) })
		}
		all.Wait()
	}
	return out, outer.Err()
}

// maxQUIC bounds the handshakes over QUIC of one request.
const maxQUIC = 8

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

// lookup resolves a name; of an address there is nothing to look up.
func (h *Helper) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if host == "" {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, nil
	}
	l := h.Wire.System(ctx, host)
	return l.Addrs, l.Err
}

// The words that OONI's helper has for failures of its own: those of the
// helper before it, which probes have been told to expect.
const (
	failUnknown = measurement.Failure("unknown_error")
	failTimeout = measurement.Failure("generic_timeout_error")
)

func dnsFailure(err error) measurement.Failure {
	switch f := lookupFailure(err); f {
	case "", "dns_no_answer": // an empty answer is none
		return ""
	case "dns_nxdomain_error":
		return "dns_name_error"
	case "dns_refused_error", "dns_server_misbehaving", "dns_temporary_failure", "dns_non_recoverable_failure":
		return "dns_server_failure"
	default:
		return failUnknown
	}
}

// lookupFailure is the failure of a lookup by the operating system, whose words
// hide that a resolver answered SERVFAIL.
func lookupFailure(err error) string {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return string(failUnknown)
	}
	f := probe.Failure(err)
	var e *net.DNSError
	if f == "dns_server_misbehaving" && errors.As(err, &e) && e.IsTemporary {
		return "dns_servfail_error"
	}
	return f
}

func tcpFailure(err error) measurement.Failure {
	switch f := measurement.Failure(probe.Failure(err)); f {
	case "", failTimeout:
		return f
	case "connection_refused":
		return "connection_refused_error"
	default:
		return "connect_error"
	}
}

// pageFailure words why the page was not loaded.
func pageFailure(err error) measurement.Failure {
	var refused *RefusedError
	switch f := measurement.Failure(probe.Failure(err)); {
	case errors.As(err, &refused):
		return failUnknown
	case errors.Is(err, context.Canceled), f == failTimeout: // canceled: maxHelperTime is over
		return failTimeout
	case f == "connection_refused":
		return "connection_refused_error"
	default:
		return failUnknown
	}
}

// pageLookupFailure words why the page's name was not found.
func pageLookupFailure(err error) measurement.Failure {
	switch lookupFailure(err) {
	case string(failTimeout), "dns_nxdomain_error", "dns_no_answer", "dns_refused_error", "dns_server_misbehaving", "dns_temporary_failure", "dns_non_recoverable_failure":
		return "dns_lookup_error"
	default:
		return failUnknown
	}
}

// task is one request being served.
type task struct {
	h   *Helper
	url *url.URL

	mu  sync.Mutex // guards out's maps
	out *measurement.Control
}

// endpoints are what is connected to: the addresses that the probe or we found,
// at the port of the URL, or where it names none at 443, and 80 too for http: a
// handshake tells whether an address serves the name. The guard refuses some.
func (t *task) endpoints() []netip.AddrPort {
	var ports []uint16
	switch {
	case t.url.Port() != "":
		port, err := portOf(t.url)
		if err != nil {
			return nil
		}
		ports = []uint16{port}
	case t.url.Scheme == "https":
		ports = []uint16{443}
	case t.url.Scheme == "http":
		ports = []uint16{80, 443}
	}
	var out []netip.AddrPort
	for _, s := range slices.Sorted(maps.Keys(t.out.IPInfo)) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			continue
		}
		for _, p := range ports {
			if e := netip.AddrPortFrom(a, p); t.h.Guard.Check(e) == nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// endpoint connects, and shakes hands at the port of TLS.
func (t *task) endpoint(ctx context.Context, e netip.AddrPort) {
	d := t.h.Wire.Connect(ctx, 0, e)
	t.mu.Lock()
	t.out.TCPConnect[e.String()] = measurement.ControlTCP{Status: d.Err == nil, Failure: tcpFailure(d.Err)}
	t.mu.Unlock()
	if d.Err != nil {
		return
	}
	defer d.Conn.Close()
	if e.Port() != 443 {
		return
	}
	_, s := t.h.Wire.TLS(ctx, d.Conn, e, probe.Hello{Name: t.url.Hostname(), ALPN: []string{"h2", "http/1.1"}})
	t.mu.Lock()
	defer t.mu.Unlock()
	t.out.TLSHandshake[e.String()] = controlTLS(s)
	if info, ok := t.out.IPInfo[e.Addr().String()]; ok && s.Err == nil {
		info.Flags |= measurement.ValidForDomain
		t.out.IPInfo[e.Addr().String()] = info
	}
}

func controlTLS(s probe.Handshake) measurement.ControlTLS {
	return measurement.ControlTLS{ServerName: s.Hello.Name, Status: s.Err == nil, Failure: measurement.Failure(probe.Failure(s.Err))}
}

func (t *task) quic(ctx context.Context, e netip.AddrPort) {
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
func (t *task) page(ctx context.Context, asked map[string][]string, found []netip.Addr, failed error) {
	out := &t.out.HTTPRequest
	*out = measurement.ControlHTTP{BodyLength: -1, StatusCode: -1, Headers: measurement.HeaderMap{}}
	switch {
	case t.url.Scheme != "http" && t.url.Scheme != "https" || t.url.Hostname() == "":
		out.Failure = failUnknown
		return
	case failed != nil:
		out.Failure = pageLookupFailure(failed)
		return
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		out.Failure = failUnknown
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
			out.Failure, out.DiscoveredH3Endpoint = pageFailure(err), ""
			return
		}
		jar.SetCookies(u, x.Response.Cookies())
		if hop == 0 {
			out.DiscoveredH3Endpoint = offered(x.Response.Header.Get("Alt-Svc"), u)
		}
		next, err := probe.Redirect(x, hop)
		if err != nil {
			out.Failure, out.DiscoveredH3Endpoint = pageFailure(err), ""
			return
		}
		if next == nil {
			fill(out, x)
			return
		}
		if err := t.h.Guard.checkURL(next); err != nil {
			out.Failure, out.DiscoveredH3Endpoint = pageFailure(err), ""
			return
		}
		u = next
		if a, err := netip.ParseAddr(u.Hostname()); err == nil {
			addrs = []netip.Addr{a}
		} else if addrs, err = t.h.lookup(ctx, u.Hostname()); err != nil {
			out.Failure, out.DiscoveredH3Endpoint = pageLookupFailure(err), ""
			return
		}
	}
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

// offered reads from an Alt-Svc header (RFC 7838) where HTTP/3 is offered, as
// host:port; "" where it is not.
func offered(altSvc string, u *url.URL) string {
	for _, service := range strings.Split(altSvc, ",") {
		where, _, _ := strings.Cut(service, ";")
		protocol, authority, _ := strings.Cut(strings.TrimSpace(where), "=")
		host, port, err := net.SplitHostPort(strings.Trim(authority, `"`))
		if protocol != "h3" || err != nil {
			continue
		}
		if host == "" {
			host = u.Hostname()
		}
		return net.JoinHostPort(host, port)
	}
	return ""
}

// title is what OONI's helper and its probes take for a title.
var title = regexp.MustCompile(`(?i)<title>([^<]{1,512})</title>`)

func fill(out *measurement.ControlHTTP, x probe.Exchange) {
	out.StatusCode = int64(x.Response.StatusCode)
	out.BodyLength = x.Length
	if m := title.FindSubmatch(x.Body); m != nil {
		out.Title = readable(string(m[1]))
	}
	for name, values := range x.Response.Header {
		out.Headers = append(out.Headers, measurement.Header{Name: name, Value: readable(values[0])})
	}
	sort.Slice(out.Headers, func(i, j int) bool { return out.Headers[i].Name < out.Headers[j].Name })
}

// readable puts U+FFFD in the place of each byte that is not of UTF-8: OONI's
// probes read strings and no wrapped bytes here.
func readable(s string) measurement.Text { return measurement.Text([]rune(s)) }

// ipInfo says of every address who found it and whose it is.
func (t *task) ipInfo(found, asked []string) {
	flags := map[netip.Addr]int64{}
	add := func(a netip.Addr, flag int64) {
		if _, known := flags[a]; known || len(flags) < maxAddrs {
			flags[a] |= flag
		}
	}
	for _, s := range found {
		if a, err := netip.ParseAddr(s); err == nil {
			add(a, measurement.ResolvedByControl)
		}
	}
	for _, s := range asked {
		if e, err := netip.ParseAddrPort(s); err == nil {
			add(e.Addr(), measurement.ResolvedByProbe)
		}
	}
	for a, f := range flags {
		if address.Reserved(a) != "" {
			f |= measurement.IsBogon
		}
		info := measurement.IPInfo{Flags: f}
		if t.h.ASN != nil {
			info.ASN = int64(t.h.ASN(a))
		}
		t.out.IPInfo[a.String()] = info
	}
}

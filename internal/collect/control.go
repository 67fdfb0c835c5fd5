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

// Helper is the test helper of web_connectivity. It measures the same input from this
// server, so that a probe has a control.
type Helper struct {
	Guard *Guard
	Wire  probe.Wire // over the guard; NewHelper sets it

	// ASN returns the network of an address, 0 if not known. It may be nil.
	ASN func(netip.Addr) uint32

	slots chan struct{} // one is taken for each request that is being served
	wait  time.Duration // how long a request waits for a slot
}

// The limits for one request to the helper.
const (
	maxAddrs      = 64       // addresses to connect to, each at one or two ports
	maxPage       = 16 << 20 // bytes of a page that are read
	keepPage      = 1 << 18  // bytes of a page in which the title is looked for
	maxHelperTime = 25 * time.Second
)

// NewHelper makes a helper that serves `concurrent` requests at one time. Further requests
// wait five seconds and then get ErrBusy.
func NewHelper(guard *Guard, wire probe.Wire, concurrent int) *Helper {
	wire.Network = guard
	wire.Timeouts = probe.Timeouts{
		DNS: 4 * time.Second, TCP: 6 * time.Second, TLS: 6 * time.Second, QUIC: 4 * time.Second, HTTP: 12 * time.Second,
	}
	return &Helper{Guard: guard, Wire: wire, slots: make(chan struct{}, concurrent), wait: 5 * time.Second}
}

// ErrBusy means that all slots are taken.
var ErrBusy = errors.New("the test helper is busy; ask again in a few seconds")

// Measure answers one request, with the same fields as OONI's helper. The error is a
// *RefusedError, ErrBusy, or the context's.
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
	if notAName == nil { // the host of the URL is an address: nobody looked it up
		found = []netip.Addr{literal}
	} else {
		for _, a := range found {
			out.DNS.Addrs = append(out.DNS.Addrs, a.String())
		}
	}
	t := &task{h: h, url: u, out: out}
	t.ipInfo(out.DNS.Addrs, req.TCPConnect)
	endpoints := t.endpoints()
	var all conc.WaitGroup // Wait panics if one of them did, and only this request fails
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

// maxQUIC is how many QUIC handshakes one request makes.
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

// lookup resolves a name. For an address it returns nothing.
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

// OONI's helper's words for its own failures. They come from the helper before it, and
// probes expect them.
const (
	failUnknown = measurement.Failure("unknown_error")
	failTimeout = measurement.Failure("generic_timeout_error")
)

func dnsFailure(err error) measurement.Failure {
	switch f := lookupFailure(err); f {
	case "", "dns_no_answer": // an empty answer is not a failure
		return ""
	case "dns_nxdomain_error":
		return "dns_name_error"
	case "dns_refused_error", "dns_server_misbehaving", "dns_temporary_failure", "dns_non_recoverable_failure":
		return "dns_server_failure"
	default:
		return failUnknown
	}
}

// lookupFailure names the failure of a lookup by the operating system. It tells SERVFAIL
// apart, which the system's words hide.
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

// pageFailure names the reason why the page was not loaded.
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

// pageLookupFailure names the reason why the name of the page was not found.
func pageLookupFailure(err error) measurement.Failure {
	switch lookupFailure(err) {
	case string(failTimeout), "dns_nxdomain_error", "dns_no_answer", "dns_refused_error", "dns_server_misbehaving", "dns_temporary_failure", "dns_non_recoverable_failure":
		return "dns_lookup_error"
	default:
		return failUnknown
	}
}

// task is one request that is being served.
type task struct {
	h   *Helper
	url *url.URL

	mu  sync.Mutex // guards the maps of out
	out *measurement.Control
}

// endpoints returns what to connect to: all addresses that the probe or this helper found,
// unless the guard refuses them. The port is that of the URL. If the URL has none, it is
// 443, and for http both 80 and 443: the TLS handshake shows whether an address serves the
// name.
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

// endpoint connects, and at port 443 makes a TLS handshake.
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

// page loads the page as the probe does. It follows redirects, and checks each like the
// first URL.
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

// fetch tries the addresses one after the other until one connects.
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

// forwarded keeps the probe's headers that say how a browser asks. No other header of the
// probe is sent.
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

// offered returns the host:port at which an Alt-Svc header (RFC 7838) offers HTTP/3, "" if
// it does not.
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

// title finds what OONI's helper and probes take for the title.
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

// readable replaces each byte that is not UTF-8 with U+FFFD. OONI's probes expect plain
// strings here.
func readable(s string) measurement.Text { return measurement.Text([]rune(s)) }

// ipInfo says for every address who found it, and whose it is.
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

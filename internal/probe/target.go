package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/miekg/dns"
)

// maxBody is how many bytes of a page are kept, as in OONI's probe.
const maxBody = 1 << 19

// maxRedirects is how many redirects are followed, as in OONI's probe.
const maxRedirects = 10

// tagClassic marks the steps that a browser would take, as in OONI's engine: the lookup by
// the system's functions, and the connections to load the page.
const tagClassic = "classic"

func depthTag(depth int) string { return fmt.Sprintf("depth=%d", depth) }

// resolve asks all resolvers at one time. As soon as the quick ones have answered it
// returns the addresses to try: those of the system's resolver, which a browser would use,
// and those that only others gave. DoH, DoT and second answers go on in the background.
func (r *run) resolve(ctx context.Context) (browser, others []netip.Addr) {
	host := r.url.Hostname()
	if a, err := netip.ParseAddr(host); err == nil {
		return r.fresh([]netip.Addr{a}), nil
	}
	var quick sync.WaitGroup
	var system Lookup
	answers := make([][]netip.Addr, 2*len(r.cfg.Resolvers.UDP))
	quick.Go(func() {
		system = r.cfg.System(ctx, host)
		system.Tx = r.rec.next(tagClassic, depthTag(0))
		r.lookupDone(system, "system resolver")
	})
	if !r.cfg.Passive {
		for i, server := range r.cfg.Resolvers.UDP {
			quick.Go(func() { answers[2*i] = r.askUDP(ctx, server, host, dns.TypeA) })
			quick.Go(func() { answers[2*i+1] = r.askUDP(ctx, server, host, dns.TypeAAAA) })
		}
		for _, s := range r.cfg.Resolvers.DoH {
			r.offering.Add(1)
			r.background.Go(func() {
				defer r.offering.Done()
				r.askDoH(ctx, s, host)
			})
		}
		for _, s := range r.cfg.Resolvers.DoT {
			r.background.Go(func() { r.askDoT(ctx, s, host) })
		}
	}
	quick.Wait()
	if !r.cfg.Passive && doubtful(system, slices.Concat(answers...)) {
		r.askStub(ctx, host)
	}
	r.unanswered = Failure(system.Err) == failTimeout
	browser = r.fresh(system.Addrs)
	others = r.fresh(slices.Concat(answers...))
	return browser, others
}

// doubtful reports whether the system's resolver should be asked for more. That is so if
// it failed, since the system's functions give no reason, or if no other resolver gave any
// of its addresses. It is not so if nothing answered.
func doubtful(system Lookup, others []netip.Addr) bool {
	switch Failure(system.Err) {
	case failTimeout, failInterrupted:
		return false
	case "":
		return !slices.ContainsFunc(system.Addrs, func(a netip.Addr) bool { return slices.Contains(others, a) })
	}
	return true
}

// stubName stands for the address of the system's resolver, which may be a router in
// somebody's home. It only says whether that is on the local network.
func stubName(a netip.Addr) string {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return "local"
	}
	return "system"
}

// askStub asks the system's own resolver directly. That shows what the system's functions
// hide: the response code, and the extended errors (RFC 8914) with which a resolver says
// that it withholds a name.
func (r *run) askStub(ctx context.Context, host string) {
	stub, ok := r.cfg.Network.(StubNetwork)
	if !ok {
		return
	}
	servers := stub.SystemResolvers()
	if len(servers) == 0 {
		return
	}
	tx := r.rec.next(depthTag(0), "system_resolver")
	ours := func(l Lookup) Lookup {
		l.Tx, l.Server = tx, stubName(servers[0].Addr().Unmap())
		return l
	}
	l, end := r.cfg.UDP(ctx, servers[0], host, dns.TypeA, func(more Lookup) { r.rec.lookup(ours(more), true) })
	r.background.Go(func() { <-end })
	r.lookupDone(ours(l), "system resolver, asked directly,")
}

func (r *run) lookupDone(l Lookup, who string) {
	r.rec.lookup(l, false)
	r.note(Note{Step: "dns", What: who + " on " + l.Name + " " + l.Type, Failure: Failure(l.Err), Detail: joinAddrs(l.Addrs), Took: l.End.Sub(l.Start)})
}

func joinAddrs(addrs []netip.Addr) string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}

// askUDP asks once, and waits for second answers in the background.
func (r *run) askUDP(ctx context.Context, server netip.AddrPort, host string, qtype uint16) []netip.Addr {
	tx := r.rec.next(depthTag(0))
	l, done := r.cfg.UDP(ctx, server, host, qtype, func(more Lookup) {
		more.Tx = tx
		r.rec.lookup(more, true)
		r.note(Note{Step: "dns", What: "a second answer from " + server.String() + " on " + host, Detail: joinAddrs(more.Addrs), Contrast: true})
	})
	r.background.Go(func() { <-done })
	l.Tx = tx
	r.lookupDone(l, server.String())
	return l.Addrs
}

// secure opens a connection to a resolver. Its steps have the resolver's tags. If it
// failed, the connection is nil and the error says why.
func (r *run) secure(ctx context.Context, tx int64, s SecureResolver, alpn ...string) (*Closer, error) {
	d := r.cfg.Connect(ctx, tx, s.Addr)
	r.rec.dial(d, tx)
	if d.Err != nil {
		return nil, d.Err
	}
	tc, h := r.cfg.TLS(ctx, d.Conn, s.Addr, Hello{Name: s.Name, ALPN: alpn})
	r.rec.handshake(h, tx)
	if h.Err != nil {
		d.Conn.Close()
		return nil, h.Err
	}
	return &Closer{Conn: tc, raw: d.Conn}, nil
}

// failed makes the lookup of a resolver that could not be reached.
func (r *run) failed(engine, server, host, qtype string, tx int64, err error) Lookup {
	now := r.cfg.Now()
	return Lookup{Engine: engine, Server: server, Name: host, Type: qtype, Err: err, Span: Span{now, now}, Tx: tx}
}

func (r *run) askDoH(ctx context.Context, s SecureResolver, host string) {
	tx := r.rec.next(depthTag(0), "resolver")
	ask := r.rec.next(depthTag(0))
	conn, err := r.secure(ctx, tx, s, "http/1.1")
	if err != nil {
		r.lookupDone(r.failed("doh", s.URL, host, "A", ask, err), s.URL)
		return
	}
	defer conn.Close()
	u, err := url.Parse(s.URL)
	if err != nil {
		return
	}
	for i, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS} {
		if i > 0 {
			// One request per connection: HTTP/1.1 over our own connections.
			conn.Close()
			tx = r.rec.next(depthTag(0), "resolver")
			if conn, err = r.secure(ctx, tx, s, "http/1.1"); err != nil {
				r.lookupDone(r.failed("doh", s.URL, host, dns.TypeToString[qtype], ask, err), s.URL)
				return
			}
		}
		l := r.cfg.DoH(ctx, conn, s.Addr, u, host, qtype)
		l.Tx = ask
		r.lookupDone(l, s.URL)
		r.offers(l)
	}
}

// offers notes what an HTTPS record offers.
func (r *run) offers(l Lookup) {
	ech, h3 := l.ECHConfig()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(ech) > 0 {
		r.ech = ech
	}
	r.h3 = r.h3 || h3
}

func (r *run) askDoT(ctx context.Context, s SecureResolver, host string) {
	tx := r.rec.next(depthTag(0), "resolver")
	ask := r.rec.next(depthTag(0))
	conn, err := r.secure(ctx, tx, s)
	if err != nil {
		r.lookupDone(r.failed("dot", s.Addr.String(), host, "A", ask, err), s.Addr.String())
		return
	}
	defer conn.Close()
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		l := r.cfg.DoT(ctx, conn, s.Addr.String(), host, qtype)
		l.Tx = ask
		r.lookupDone(l, "DoT "+s.Addr.String())
		if l.Err != nil && l.Msg == nil {
			return
		}
	}
}

// visit tries every address of a URL's host at one time. The first one whose connection is
// ready loads the page; the others close. If the page redirects, visit goes on to the next
// URL.
func (r *run) visit(ctx context.Context, u *url.URL, depth int, addrs []netip.Addr, tags ...string) {
	var loading atomic.Bool
	var all sync.WaitGroup
	for _, a := range addrs {
		all.Go(func() {
			r.endpoint(ctx, u, depth, netip.AddrPortFrom(a, portOf(u)), &loading, append([]string{"fetch_body=true"}, tags...)...)
		})
	}
	all.Wait()
}

// visitMore tries addresses that a browser would not use. It loads no page from them:
// visit does, or its failure is the finding.
func (r *run) visitMore(ctx context.Context, addrs []netip.Addr, tags ...string) {
	var all sync.WaitGroup
	for _, a := range addrs {
		all.Go(func() {
			r.endpoint(ctx, r.url, 0, netip.AddrPortFrom(a, portOf(r.url)), nil, append([]string{"fetch_body=false"}, tags...)...)
		})
	}
	all.Wait()
}

// endpoint takes the steps at one address. loading is nil if no page is to be loaded.
func (r *run) endpoint(ctx context.Context, u *url.URL, depth int, addr netip.AddrPort, loading *atomic.Bool, tags ...string) {
	tags = append([]string{"tcptls_experiment", depthTag(depth)}, tags...)
	tx := r.rec.next(tags...)
	end := endpoint{addr: addr}
	defer func() {
		if depth == 0 {
			r.mu.Lock()
			r.ends = append(r.ends, end)
			r.mu.Unlock()
		}
	}()
	end.dial = r.connect(ctx, tx, addr, "")
	if Failure(end.dial.Err) == failTimeout {
		end.dial, tx = r.connectAgain(ctx, tx, addr, depth, tags)
	}
	if end.dial.Err != nil {
		return
	}
	conn := &Closer{Conn: end.dial.Conn, raw: end.dial.Conn}
	defer conn.Close()
	if u.Scheme == "https" {
		tc, h := r.cfg.TLS(ctx, conn.raw, addr, Hello{Name: u.Hostname(), ALPN: webALPN})
		r.tlsDone(h, tx, "")
		end.tls = &h
		if h.Err != nil {
			return
		}
		conn.Conn = tc
	}
	if loading == nil || !loading.CompareAndSwap(false, true) {
		return
	}
	r.load(ctx, u, depth, tx, conn, addr)
}

func (r *run) connect(ctx context.Context, tx int64, addr netip.AddrPort, contrast string) Dial {
	d := r.cfg.Connect(ctx, tx, addr)
	r.rec.dial(d, tx)
	r.note(Note{Step: "tcp", What: addr.String(), Failure: Failure(d.Err), Took: d.End.Sub(d.Start), Contrast: contrast != "", Detail: contrast})
	return d
}

// insist is how many connections are tried at one time after a timeout.
const insist = 4

// insistTime is the shortest timeout of such a try: a lost SYN is sent again after a
// second.
const insistTime = 1500 * time.Millisecond

// connectAgain tries a connection again after a timeout: several at one time, each for
// half as long. On a line that loses every tenth packet each way, one such timeout in a
// thousand connections is chance; so many at once are not. If one of them succeeds, it
// counts as the target's own connection, in a transaction of its own.
func (r *run) connectAgain(ctx context.Context, lost int64, addr netip.AddrPort, depth int, tags []string) (Dial, int64) {
	tx := r.rec.next(tags...)
	w := r.cfg.Wire
	w.Timeouts.TCP = max(w.Timeouts.filled().TCP/2, insistTime)
	enough, stop := context.WithCancel(ctx)
	defer stop()
	dials := make(chan Dial, insist)
	for range insist {
		go func() { dials <- w.Connect(enough, tx, addr) }()
	}
	best := <-dials
	for range insist - 1 {
		if best.Err == nil {
			stop()
		}
		switch d := <-dials; {
		case d.Err != nil:
		case best.Err != nil:
			best = d
		default:
			d.Conn.Close()
		}
	}
	if best.Err == nil {
		r.rec.retag(lost, depthTag(depth), measurement.TagContrast, "lost")
	} else {
		r.rec.retag(tx, depthTag(depth), measurement.TagContrast, "repeat")
	}
	r.rec.dial(best, tx)
	r.note(Note{Step: "tcp", What: addr.String() + " once more", Failure: Failure(best.Err), Took: best.End.Sub(best.Start)})
	return best, tx
}

func (r *run) tlsDone(h Handshake, tx int64, contrast string) {
	r.rec.handshake(h, tx)
	step, name := "tls", h.Hello.Name
	if h.Network == "udp" {
		step = "quic"
	}
	if name == "" {
		name = "no name"
	}
	detail := h.Version
	if contrast != "" {
		detail = contrast
	}
	r.note(Note{Step: step, What: name + " at " + h.Addr.String(), Failure: Failure(h.Err), Took: h.End.Sub(h.Start), Contrast: contrast != "", Detail: detail})
}

// load asks for the page, and follows a redirect.
func (r *run) load(ctx context.Context, u *url.URL, depth int, tx int64, conn *Closer, addr netip.AddrPort) {
	x := r.cfg.HTTP(ctx, conn, addr, Ask{URL: u, Headers: r.withCookies(u, browserHeaders()), Keep: maxBody})
	conn.Close()
	next, failure := Redirect(x, depth)
	if failure != nil {
		x.Err = failure
	}
	if x.Response != nil {
		r.jar.SetCookies(u, x.Response.Cookies())
	}
	r.rec.exchange(x, tx, false)
	n := Note{Step: "http", What: u.String(), Failure: Failure(x.Err), Took: x.End.Sub(x.Start)}
	if x.Response != nil {
		n.Detail = fmt.Sprintf("%d, %d bytes", x.Response.StatusCode, x.Length)
	}
	r.note(n)
	r.mu.Lock()
	r.page = &x
	r.mu.Unlock()
	if next == nil {
		return
	}
	addrs := r.resolveNext(ctx, next, depth+1)
	if len(addrs) > 0 {
		r.visit(ctx, next, depth+1, addrs, tagClassic)
	}
}

// resolveNext asks the system's resolver for the host of a redirect.
func (r *run) resolveNext(ctx context.Context, u *url.URL, depth int) []netip.Addr {
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return []netip.Addr{a}
	}
	l := r.cfg.System(ctx, u.Hostname())
	l.Tx = r.rec.next(tagClassic, depthTag(depth))
	r.lookupDone(l, "system resolver")
	return l.Addrs[:min(len(l.Addrs), maxV4)]
}

// redirectError is the failure string of a redirect that cannot be followed.
type redirectError string

func (e redirectError) Error() string { return string(e) }

// Redirect returns the URL that a response redirects to, nil if it does not. The error
// means that the redirect cannot be followed.
func Redirect(x Exchange, depth int) (*url.URL, error) {
	if x.Err != nil || x.Response == nil {
		return nil, nil
	}
	switch x.Response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	where := x.Response.Header.Get("Location")
	if where == "" {
		return nil, nil
	}
	next, err := x.URL.Parse(where)
	if err != nil || next.Scheme != "http" && next.Scheme != "https" || next.Hostname() == "" {
		return nil, redirectError(failRedirectHost)
	}
	if depth >= maxRedirects {
		return nil, redirectError(failRedirects)
	}
	next.Fragment = ""
	return next, nil
}

// quic tries HTTP/3 at the first addresses.
func (r *run) quic(ctx context.Context, addrs []netip.Addr) {
	var all sync.WaitGroup
	for _, a := range addrs[:min(len(addrs), 2)] {
		all.Go(func() {
			addr := netip.AddrPortFrom(a, portOf(r.url))
			tx := r.rec.next(depthTag(0), "http3")
			q, h := r.cfg.QUIC(ctx, tx, addr, Hello{Name: r.url.Hostname(), ALPN: []string{"h3"}})
			r.tlsDone(h, tx, "")
			r.mu.Lock()
			r.quicEnds = append(r.quicEnds, h)
			r.mu.Unlock()
			if q == nil {
				return
			}
			defer q.Close()
			x := r.cfg.HTTP3(ctx, q, addr, Ask{URL: r.url, Headers: browserHeaders(), Keep: maxBody})
			r.rec.exchange(x, tx, true)
			r.note(Note{Step: "http", What: r.url.String() + " over HTTP/3", Failure: Failure(x.Err), Took: x.End.Sub(x.Start)})
		})
	}
	all.Wait()
}

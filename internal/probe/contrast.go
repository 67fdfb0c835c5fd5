package probe

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/miekg/dns"
)

// webALPN is what a browser offers over TCP.
var webALPN = []string{"h2", "http/1.1"}

// findings sums up the target's own connections, as far as they decide which contrasts to
// make.
type findings struct {
	ends    []endpoint
	badTLS  []endpoint // connected, but the TLS handshake failed
	badTCP  []endpoint
	good    []endpoint
	badQUIC []Handshake
	page    *Exchange
	trouble bool
}

func (r *run) findings(ctl *measurement.Control) findings {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := findings{ends: r.ends, page: r.page}
	for _, e := range r.ends {
		switch {
		case e.dial.Err != nil:
			f.badTCP = append(f.badTCP, e)
		case e.tlsFailed():
			f.badTLS = append(f.badTLS, e)
		default:
			f.good = append(f.good, e)
		}
	}
	for _, h := range r.quicEnds {
		c, asked := controlQUIC(ctl, h.Addr.String())
		if h.Err != nil && (r.h3 || asked && c.Status && c.Failure == "") {
			f.badQUIC = append(f.badQUIC, h)
		}
	}
	f.trouble = len(f.good) == 0 || len(f.badTLS) > 0 || f.page == nil || f.page.Err != nil || unlike(f.page, ctl)
	return f
}

func controlQUIC(c *measurement.Control, addr string) (measurement.ControlTLS, bool) {
	if c == nil {
		return measurement.ControlTLS{}, false
	}
	q, ok := c.QUICHandshake[addr]
	return q, ok
}

// unlike reports whether a page in clear text differs so much from the control's, in
// status or size, that contrasts are worth making. It decides what is measured, not what
// that means.
func unlike(p *Exchange, c *measurement.Control) bool {
	if p == nil || c == nil || p.Response == nil || p.URL.Scheme != "http" || c.HTTPRequest.Failure != "" {
		return false
	}
	return int64(p.Response.StatusCode) != c.HTTPRequest.StatusCode ||
		p.Length < c.HTTPRequest.BodyLength/2 || c.HTTPRequest.BodyLength < p.Length/2
}

// contrasts repeats steps with one thing changed each time, and only what is in question.
// If all went well, the network sees only one or two handshakes more.
func (r *run) contrasts(ctx context.Context, ctl *measurement.Control) {
	f := r.findings(ctl)
	host := r.url.Hostname()
	var all sync.WaitGroup
	if r.url.Scheme == "https" {
		r.echContrast(ctx, f, host)
		if !f.trouble {
			e := f.good[0]
			all.Go(func() { r.vary(ctx, e.addr, Hello{Name: host, ALPN: webALPN, Max12: true}, "tls12") })
		}
	}
	if len(f.badQUIC) > 0 {
		all.Go(func() { r.quicContrasts(ctx, f.badQUIC[0].Addr, host) })
	}
	if !f.trouble {
		all.Wait()
		return
	}
	innocents := r.innocents(ctx)
	all.Go(func() { r.noServer(ctx, innocents, host) })
	if r.unanswered {
		all.Go(func() { r.askAgain(ctx, host) })
	}
	for _, e := range f.badTCP[:min(len(f.badTCP), 1)] {
		all.Go(func() { r.otherPort(ctx, e.addr) })
	}
	if r.url.Scheme == "https" {
		r.nameContrasts(ctx, &all, f, innocents, host)
	} else {
		r.hostContrasts(ctx, &all, f, innocents)
	}
	all.Wait()
	// Last, since it may start a block of some minutes again.
	if r.url.Scheme == "https" && len(f.badTLS) > 0 {
		r.repeat(ctx, &all, f.badTLS[0], host)
	}
}

// askAgain asks the system's resolver once more the question that it did not answer.
func (r *run) askAgain(ctx context.Context, host string) {
	l := r.cfg.System(ctx, host)
	l.Tx = r.rec.next(depthTag(0), measurement.TagContrast, "repeat")
	r.rec.lookup(l, false)
	r.note(Note{Step: "dns", What: "system resolver on " + host + " once more", Failure: Failure(l.Err), Detail: joinAddrs(l.Addrs), Contrast: true, Took: l.End.Sub(l.Start)})
}

// repeat makes the same TLS handshake once more. If it ended in a timeout, lost packets
// may be the reason, so it makes several at one time.
func (r *run) repeat(ctx context.Context, all *sync.WaitGroup, e endpoint, host string) {
	times := 1
	if Failure(e.tls.Err) == failTimeout {
		times = insist
	}
	for range times {
		all.Go(func() { r.vary(ctx, e.addr, Hello{Name: host, ALPN: webALPN}, "repeat") })
	}
	all.Wait()
}

// vary makes a TLS handshake with one thing changed.
func (r *run) vary(ctx context.Context, addr netip.AddrPort, h Hello, what ...string) {
	tx := r.rec.next(append([]string{depthTag(0), "contrast"}, what...)...)
	d := r.connect(ctx, tx, addr, what[0])
	if d.Err != nil {
		return
	}
	defer d.Conn.Close()
	_, out := r.cfg.TLS(ctx, d.Conn, addr, h)
	r.tlsDone(out, tx, what[0])
}

// echContrast tries Encrypted Client Hello in the background, if the zone offers it. Only
// the slower resolvers know that.
func (r *run) echContrast(ctx context.Context, f findings, host string) {
	ends := slices.Concat(f.good, f.badTLS)
	if len(ends) == 0 {
		return
	}
	r.background.Go(func() {
		r.offering.Wait()
		r.mu.Lock()
		ech := r.ech
		r.mu.Unlock()
		if len(ech) > 0 {
			r.vary(ctx, ends[0].addr, Hello{Name: host, ALPN: webALPN, ECH: ech}, "ech")
		}
	})
}

// nameContrasts finds out whether the name makes the difference. It asks for other names
// at the target's address, and for the target's name at another address. At the other
// address the harmless name comes first, since a censor may block an address for a while
// after it saw the target's name.
func (r *run) nameContrasts(ctx context.Context, all *sync.WaitGroup, f findings, innocents []innocent, host string) {
	for _, e := range f.badTLS[:min(len(f.badTLS), 2)] {
		all.Go(func() {
			if len(innocents) > 0 {
				r.vary(ctx, e.addr, Hello{Name: innocents[0].name, NoVerify: true, ALPN: webALPN}, "sni_contrast")
			}
			r.vary(ctx, e.addr, Hello{NoVerify: true, ALPN: webALPN}, "no_sni")
		})
	}
	for _, e := range f.badTLS[:min(len(f.badTLS), 1)] {
		all.Go(func() {
			r.vary(ctx, e.addr, Hello{Name: host, ALPN: webALPN, Max12: true}, "tls12")
			r.vary(ctx, e.addr, Hello{Name: host, ALPN: webALPN, Min13: true}, "tls13")
		})
	}
	if len(innocents) == 0 {
		return
	}
	all.Go(func() {
		addr := netip.AddrPortFrom(innocents[0].addr, 443)
		r.vary(ctx, addr, Hello{Name: innocents[0].name, NoVerify: true, ALPN: webALPN}, "innocent_baseline")
		r.vary(ctx, addr, Hello{Name: host, NoVerify: true, ALPN: webALPN}, "innocent_server")
	})
}

// hostContrasts is nameContrasts in clear text, with the name in the Host header.
func (r *run) hostContrasts(ctx context.Context, all *sync.WaitGroup, f findings, innocents []innocent) {
	if len(innocents) == 0 {
		return
	}
	other := innocents[0]
	for _, e := range f.good[:min(len(f.good), 1)] {
		u := *r.url
		u.Host, u.Path, u.RawQuery = other.name, "/", ""
		all.Go(func() { r.fetchContrast(ctx, e.addr, &u, "host_contrast") })
	}
	all.Go(func() {
		addr := netip.AddrPortFrom(other.addr, 80)
		r.fetchContrast(ctx, addr, &url.URL{Scheme: "http", Host: other.name, Path: "/"}, "innocent_baseline")
		r.fetchContrast(ctx, addr, r.url, "innocent_host")
	})
}

// fetchContrast loads a page other than the target's.
func (r *run) fetchContrast(ctx context.Context, addr netip.AddrPort, u *url.URL, what string) {
	tx := r.rec.next(depthTag(0), "contrast", what)
	d := r.connect(ctx, tx, addr, what)
	if d.Err != nil {
		return
	}
	defer d.Conn.Close()
	x := r.cfg.HTTP(ctx, d.Conn, addr, Ask{URL: u, Headers: browserHeaders(), Keep: maxBody / 4})
	r.rec.exchange(x, tx, true)
	r.note(Note{Step: "http", What: u.String() + " at " + addr.String(), Failure: Failure(x.Err), Contrast: true, Detail: what, Took: x.End.Sub(x.Start)})
}

// otherPort finds out whether the address or the port makes the difference.
func (r *run) otherPort(ctx context.Context, addr netip.AddrPort) {
	port := uint16(80)
	if addr.Port() == 80 {
		port = 443
	}
	tx := r.rec.next(depthTag(0), "contrast", "port_contrast")
	d := r.connect(ctx, tx, netip.AddrPortFrom(addr.Addr(), port), "port_contrast")
	if d.Err == nil {
		d.Conn.Close()
	}
}

func (r *run) quicContrasts(ctx context.Context, addr netip.AddrPort, host string) {
	innocents := r.innocents(ctx)
	if len(innocents) == 0 {
		return
	}
	vary := func(addr netip.AddrPort, name string, what ...string) {
		tx := r.rec.next(append([]string{depthTag(0), "contrast"}, what...)...)
		q, h := r.cfg.QUIC(ctx, tx, addr, Hello{Name: name, NoVerify: true, ALPN: []string{"h3"}})
		r.tlsDone(h, tx, what[0])
		if q != nil {
			q.Close()
		}
	}
	vary(addr, innocents[0].name, "quic_contrast")
	there := netip.AddrPortFrom(innocents[0].addr, 443)
	vary(there, innocents[0].name, "innocent_baseline")
	vary(there, host, "innocent_server")
}

// innocent is a server that nobody blocks, with its address.
type innocent struct {
	name string
	addr netip.Addr
}

// innocents looks up the addresses of the innocent servers, once. The lookups also tell a
// resolver that lies about one name from one that is dead.
func (r *run) innocents(ctx context.Context) []innocent {
	r.innocentsOnce.Do(func() {
		for _, i := range r.cfg.Innocents {
			addrs := i.Addrs
			l := r.cfg.System(ctx, i.Name)
			l.Tx = r.rec.next(depthTag(0), "contrast", "dns_contrast")
			r.rec.lookup(l, false)
			r.note(Note{Step: "dns", What: "system resolver on " + i.Name, Failure: Failure(l.Err), Detail: "dns_contrast", Contrast: true, Took: l.End.Sub(l.Start)})
			if len(addrs) == 0 {
				addrs = l.Addrs
			}
			slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return family(a) - family(b) })
			if len(addrs) > 0 && !strings.EqualFold(i.Name, r.url.Hostname()) {
				r.found = append(r.found, innocent{i.Name, addrs[0]})
			}
			if len(r.found) > 0 {
				return
			}
		}
	})
	return r.found
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

// noServer asks an address where no resolver runs. If there is an answer, something on the
// path wrote it.
func (r *run) noServer(ctx context.Context, innocents []innocent, host string) {
	if len(innocents) == 0 {
		return
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return
	}
	tx := r.rec.next(depthTag(0), "contrast", "dns_no_server")
	quick := r.cfg.Wire
	quick.Timeouts.DNS = quick.Timeouts.filled().Late
	server := netip.AddrPortFrom(innocents[0].addr, 53)
	l, done := quick.UDP(ctx, server, host, dns.TypeA, func(more Lookup) {
		more.Tx = tx
		r.rec.lookup(more, true)
	})
	r.background.Go(func() { <-done })
	l.Tx = tx
	r.rec.lookup(l, false)
	r.note(Note{Step: "dns", What: server.String() + " (no resolver) on " + host, Failure: Failure(l.Err), Detail: "dns_no_server " + joinAddrs(l.Addrs), Contrast: true})
}

// throttle times transfers of limited size: the target's page and a control object, in
// turn. Their network events show how fast they were.
func (r *run) throttle(ctx context.Context) {
	t := r.cfg.Throttle
	r.mu.Lock()
	p := r.page
	r.mu.Unlock()
	if t.Object == "" || p == nil || !p.worthTiming() {
		return
	}
	limit := time.Duration(0)
	if p.Response == nil { // not even the beginning of a page came: there is nothing to time, but is it so for the control object too?
		if Failure(p.Err) != failTimeout {
			return
		}
		t.Rounds, limit = 1, namedTime
	}
	size := min(max(p.Length, 64<<10), t.Bytes, MaxTransfer)
	object, err := url.Parse(strings.ReplaceAll(t.Object, "%d", itoa(size)))
	if err != nil {
		return
	}
	there := r.resolveControl(ctx, object)
	if !there.IsValid() {
		return
	}
	var target, reference []float64
	for range max(t.Rounds, 1) {
		target = append(target, r.transfer(ctx, shipment{at: p.Addr, url: p.URL, size: size, tag: "throttle_target", limit: limit}))
		reference = append(reference, r.transfer(ctx, shipment{at: there, url: object, size: size, tag: "throttle_control"}))
		if ctx.Err() != nil {
			return
		}
	}
	if most := slices.Max(target); most < unslowed && 2*most < slices.Min(reference) {
		r.nameThrottle(ctx, p.URL, there)
	}
}

// The transfers under the target's name. Each is large enough for lost packets to slow it,
// and is stopped after namedTime: by then it has shown its rate. A target that is faster
// than unslowed, in bytes a second, needs none.
const (
	namedRounds = 3
	namedBytes  = 256 << 10
	namedTime   = 4 * time.Second
	unslowed    = 400_000
)

// nameThrottle finds out whether the name makes the difference. It loads the control
// object from one server in turn: under its own name and under the target's. So it does
// not matter whether a server is slow or far away.
func (r *run) nameThrottle(ctx context.Context, target *url.URL, there netip.AddrPort) {
	object, err := url.Parse(strings.ReplaceAll(r.cfg.Throttle.Object, "%d", itoa(namedBytes)))
	if err != nil {
		return
	}
	under := *object
	if target.Scheme == "http" { // in clear text the name goes into the Host header
		there = netip.AddrPortFrom(there.Addr(), 80)
		own := *object
		own.Scheme = "http"
		under = own
		under.Host = target.Hostname()
		object = &own
	}
	for range namedRounds {
		r.transfer(ctx, shipment{at: there, url: object, size: namedBytes, tag: "throttle_control", more: "throttle_again", limit: namedTime})
		r.transfer(ctx, shipment{at: there, url: &under, size: namedBytes, tag: "throttle_name", name: target.Hostname(), limit: namedTime})
		if ctx.Err() != nil {
			return
		}
	}
}

// worthTiming reports whether a transfer can show a rate. A small page that came at once
// shows only how far away the server is.
func (x *Exchange) worthTiming() bool {
	return x.Err != nil || x.Length >= 16<<10 || x.End.Sub(x.Start) > 2*time.Second
}

// resolveControl returns an address of the control object, invalid if there is none.
func (r *run) resolveControl(ctx context.Context, u *url.URL) netip.AddrPort {
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return netip.AddrPortFrom(a, portOf(u))
	}
	l := r.cfg.System(ctx, u.Hostname())
	l.Tx = r.rec.next(depthTag(0), "contrast", "throttle", "throttle_control")
	r.rec.lookup(l, false)
	if len(l.Addrs) == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(l.Addrs[0], portOf(u))
}

// shipment is one transfer of limited size.
type shipment struct {
	at   netip.AddrPort
	url  *url.URL
	size int64
	tag  string
	more string // one more tag
	name string // server name to send if it is not the URL's; the certificate is then not checked

	limit time.Duration // greatest time for the exchange; 0: as long as for a page
}

// transfer makes one transfer, and returns its rate in bytes a second, 0 if it failed.
func (r *run) transfer(ctx context.Context, s shipment) float64 {
	tags := []string{depthTag(0), "contrast", "throttle", s.tag}
	if s.more != "" {
		tags = append(tags, s.more)
	}
	tx := r.rec.next(tags...)
	d := r.cfg.Connect(ctx, tx, s.at)
	r.rec.dial(d, tx)
	if d.Err != nil {
		return 0
	}
	conn := &Closer{Conn: d.Conn, raw: d.Conn}
	defer conn.Close()
	if s.url.Scheme == "https" {
		hello := Hello{Name: s.url.Hostname(), ALPN: []string{"http/1.1"}}
		if s.name != "" {
			hello.Name, hello.NoVerify = s.name, true
		}
		tc, h := r.cfg.TLS(ctx, d.Conn, s.at, hello)
		r.rec.handshake(h, tx)
		if h.Err != nil {
			return 0
		}
		conn.Conn = tc
	}
	headers := browserHeaders()
	if s.tag == "throttle_target" {
		headers = r.withCookies(s.url, headers)
	}
	w := r.cfg.Wire
	if page := w.Timeouts.filled().HTTP; s.limit > 0 && s.limit < page {
		w.Timeouts.HTTP = s.limit
	}
	x := w.HTTP(ctx, conn, s.at, Ask{URL: s.url, Headers: headers, Read: s.size})
	r.rec.exchange(x, tx, true)
	r.note(Note{Step: "throttle", What: s.url.String(), Failure: Failure(x.Err), Contrast: true, Detail: rate(x), Took: x.End.Sub(x.Start)})
	if seconds := x.End.Sub(x.Start).Seconds(); seconds > 0 {
		return float64(x.Length) / seconds
	}
	return 0
}

func (r *run) withCookies(u *url.URL, h http.Header) http.Header {
	for _, c := range r.jar.Cookies(u) {
		h.Add("Cookie", c.String())
	}
	return h
}

// rate writes the rate of a transfer for a person.
func rate(x Exchange) string {
	seconds := x.End.Sub(x.Start).Seconds()
	if seconds <= 0 || x.Length == 0 {
		return itoa(x.Length) + " bytes"
	}
	return itoa(x.Length) + " bytes at " + itoa(int64(float64(x.Length)/seconds/1000)) + " kB/s"
}

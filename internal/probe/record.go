package probe

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/address"
	"github.com/bandish/bandish/measurement"
	"github.com/miekg/dns"
)

// record collects the steps of one measurement as they end. Any goroutine may call its
// methods.
type record struct {
	start time.Time
	own   []netip.Addr // this machine's addresses, which are scrubbed
	asn   func(netip.Addr) Place

	mu     sync.Mutex
	tx     int64
	tags   map[int64][]string // by transaction
	pages  []measurement.Transaction
	others []measurement.Transaction // contrasts, HTTP/3
	events map[int64][]Event
	keys   measurement.TestKeys
	known  map[netip.Addr]bool // addresses that the measurement is about
}

func newRecord(start time.Time, cfg Config) *record {
	return &record{start: start, own: cfg.Own, asn: cfg.ASN, tags: map[int64][]string{}, events: map[int64][]Event{}, known: map[netip.Addr]bool{}}
}

// next begins a transaction and returns its number; its steps carry the tags.
func (r *record) next(tags ...string) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tx++
	r.tags[r.tx] = tags
	return r.tx
}

// retag replaces the tags of a transaction, also for steps that are recorded already.
func (r *record) retag(tx int64, tags ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tags[tx] = tags
}

// since returns a time as the formats have it: seconds since the start.
func (r *record) since(t time.Time) float64 { return t.Sub(r.start).Seconds() }

// unfinished reports whether we ended a step ourselves. Such a step says nothing about the
// network and is not recorded.
func unfinished(err error) bool { return Failure(err) == failInterrupted }

func (r *record) know(a netip.Addr) { r.known[a.Unmap()] = true }

// lookup records a query. late is true for a second answer to the same query.
func (r *record) lookup(l Lookup, late bool) {
	if unfinished(l.Err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range l.Addrs {
		r.know(a)
	}
	q := measurement.Query{
		Engine: l.Engine, Failure: measurement.Failure(Failure(l.Err)), Hostname: l.Name, QueryType: l.Type,
		ResolverAddress: l.Server, T0: r.since(l.Start), T: r.since(l.End), TransactionID: l.Tx, Answers: r.answers(l),
	}
	if l.Raw != nil {
		q.RawResponse = base64.StdEncoding.EncodeToString(l.Raw)
	}
	if l.Msg != nil {
		q.Rcode = int64(l.Msg.Rcode)
	}
	if late {
		r.keys.DuplicateResponses = append(r.keys.DuplicateResponses, q)
		return
	}
	r.keys.Queries = append(r.keys.Queries, q)
}

// answers returns the answers of a lookup, with the networks of the addresses if they are
// known.
func (r *record) answers(l Lookup) []measurement.Answer {
	out := dnsAnswers(l)
	if r.asn == nil {
		return out
	}
	for i := range out {
		if a, err := netip.ParseAddr(cmp.Or(out[i].IPv4, out[i].IPv6)); err == nil {
			p := r.asn(a)
			out[i].ASN, out[i].ASOrgName = int64(p.ASN), p.Network
		}
	}
	return out
}

func dnsAnswers(l Lookup) []measurement.Answer {
	answers := []measurement.Answer{}
	if l.Msg == nil {
		for _, a := range l.Addrs {
			answers = append(answers, addrAnswer(a))
		}
		return answers
	}
	for _, rr := range l.Msg.Answer {
		ttl := rr.Header().Ttl
		var one measurement.Answer
		switch rr := rr.(type) {
		case *dns.A:
			a, _ := netip.AddrFromSlice(rr.A.To4())
			one = addrAnswer(a)
		case *dns.AAAA:
			a, _ := netip.AddrFromSlice(rr.AAAA.To16())
			one = addrAnswer(a)
		case *dns.CNAME:
			one = measurement.Answer{AnswerType: "CNAME", Hostname: strings.TrimSuffix(rr.Target, ".")}
		default:
			continue
		}
		one.TTL = &ttl
		answers = append(answers, one)
	}
	return answers
}

func addrAnswer(a netip.Addr) measurement.Answer {
	if a.Unmap().Is4() {
		return measurement.Answer{AnswerType: "A", IPv4: a.Unmap().String()}
	}
	return measurement.Answer{AnswerType: "AAAA", IPv6: a.String()}
}

func (r *record) dial(d Dial, tx int64) {
	if unfinished(d.Err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.know(d.Addr.Addr())
	failure := measurement.Failure(Failure(d.Err))
	r.keys.TCPConnect = append(r.keys.TCPConnect, measurement.TCPConnect{
		IP: d.Addr.Addr().String(), Port: int64(d.Addr.Port()),
		Status: measurement.TCPStatus{Failure: failure, Success: d.Err == nil},
		T0:     r.since(d.Start), T: r.since(d.End), TransactionID: tx,
	})
	r.mark("connect", d.Addr.String(), "tcp", d.Start, d.End, failure, tx)
}

// mark records an event that is not a read or a write. The caller holds mu.
func (r *record) mark(op, addr, proto string, start, end time.Time, failure measurement.Failure, tx int64) {
	r.keys.NetworkEvents = append(r.keys.NetworkEvents, measurement.NetworkEvent{
		Address: addr, Failure: failure, Operation: op, Proto: proto, T0: r.since(start), T: r.since(end), TransactionID: tx,
	})
}

func (r *record) handshake(h Handshake, tx int64) {
	if unfinished(h.Err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.know(h.Addr.Addr())
	out := measurement.TLSHandshake{
		Network: h.Network, Address: h.Addr.String(), CipherSuite: h.Cipher, Failure: measurement.Failure(Failure(h.Err)),
		NegotiatedProtocol: h.Protocol, NoTLSVerify: h.Hello.NoVerify, PeerCertificates: []measurement.Binary{},
		ServerName: h.Hello.Name, TLSVersion: h.Version, T0: r.since(h.Start), T: r.since(h.End), TransactionID: tx,
	}
	for _, der := range h.Certs {
		out.PeerCertificates = append(out.PeerCertificates, measurement.NewBinary(der))
	}
	if len(h.Hello.ECH) > 0 {
		out.ECHConfig = base64.StdEncoding.EncodeToString(h.Hello.ECH)
	}
	if h.Network == "udp" {
		r.keys.QUIC = append(r.keys.QUIC, out)
		r.mark("quic_handshake_start", h.Addr.String(), "udp", h.Start, h.Start, "", tx)
		r.mark("quic_handshake_done", h.Addr.String(), "udp", h.End, h.End, out.Failure, tx)
		return
	}
	r.keys.TLSHandshakes = append(r.keys.TLSHandshakes, out)
	r.mark("tls_handshake_start", h.Addr.String(), "tcp", h.Start, h.Start, "", tx)
	r.mark("tls_handshake_done", h.Addr.String(), "tcp", h.End, h.End, out.Failure, tx)
}

// exchange records a request. Contrasts and HTTP/3 come after the page loads: readers take
// the first entry for the final page.
func (r *record) exchange(x Exchange, tx int64, auxiliary bool) {
	if unfinished(x.Err) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sent := x.Sent.Clone()
	if sent == nil {
		sent = http.Header{}
	}
	if sent.Get("Host") == "" {
		sent.Set("Host", x.URL.Host)
	}
	out := measurement.Transaction{
		Network: x.Network, Address: x.Addr.String(), ALPN: x.Protocol, Failure: measurement.Failure(Failure(x.Err)),
		Request: measurement.HTTPRequest{
			Method: "GET", URL: r.scrub(x.URL.String()), Transport: x.Network,
			HeadersList: r.headers(sent), Headers: measurement.HeaderMap(firstOfEach(r.headers(sent))),
		},
		Response: measurement.HTTPResponse{HeadersList: measurement.HeaderList{}, Headers: measurement.HeaderMap{}},
		T0:       r.since(x.Start), T: r.since(x.End), TransactionID: tx,
	}
	if x.Response != nil {
		list := r.headers(x.Response.Header)
		out.Response = measurement.HTTPResponse{
			Code: int64(x.Response.StatusCode), HeadersList: list, Headers: measurement.HeaderMap(firstOfEach(list)),
			Body: measurement.Text(r.scrub(string(x.Body))), BodyIsTruncated: x.Truncated,
		}
	}
	if auxiliary {
		r.others = append(r.others, out)
	} else {
		r.pages = append(r.pages, out)
	}
	proto := x.Network
	r.mark("http_transaction_start", x.Addr.String(), proto, x.Start, x.Start, "", tx)
	r.mark("http_transaction_done", x.Addr.String(), proto, x.End, x.End, out.Failure, tx)
}

func (r *record) headers(h http.Header) measurement.HeaderList {
	list := measurement.HeaderList{}
	for name, values := range h {
		for _, v := range values {
			list = append(list, measurement.Header{Name: name, Value: measurement.Text(r.scrub(v))})
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// firstOfEach keeps the first value of each name, as OONI's df-001 demands for the map of
// headers.
func firstOfEach(list measurement.HeaderList) []measurement.Header {
	out := []measurement.Header{} // an empty list is {}, not null
	for _, h := range list {
		if len(out) == 0 || out[len(out)-1].Name != h.Name {
			out = append(out, h)
		}
	}
	return out
}

// scrub replaces the addresses in a text that may be this client's: its own, and every
// public one that the measurement did not meet, since a server may tell the client its
// address. Private addresses stay: block pages refer to them. The caller holds mu.
func (r *record) scrub(s string) string {
	return address.Replace(s, func(a netip.Addr) bool {
		own := slices.ContainsFunc(r.own, func(o netip.Addr) bool { return o.Unmap().WithZone("") == a })
		return !r.known[a] && (own || a.IsGlobalUnicast() && !a.IsPrivate())
	})
}

// event records a read or a write. After the first 16, events of one kind that follow each
// other within joinGap are joined, so that a transfer of megabytes stays readable. Longer
// pauses stay visible.
func (r *record) event(e Event) {
	const joinGap, apart = 50 * time.Millisecond, 16
	if e.Bytes == 0 && (e.Err == nil || Failure(e.Err) == failClosed) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.events[e.Conn]
	if n := len(list); n >= apart {
		last := &list[n-1]
		if last.Op == e.Op && last.Err == nil && e.Err == nil && e.End.Sub(last.Start) < joinGap && last.Addr == e.Addr {
			last.Bytes += e.Bytes
			last.End = e.End
			return
		}
	}
	r.events[e.Conn] = append(list, e)
}

// finish returns the test keys. Every list is ordered by time, except requests, which has
// the last first.
func (r *record) finish() measurement.TestKeys {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.keys
	for tx, list := range r.events {
		for _, e := range list {
			if unfinished(e.Err) {
				continue
			}
			k.NetworkEvents = append(k.NetworkEvents, measurement.NetworkEvent{
				Address: e.Addr, Failure: measurement.Failure(Failure(e.Err)), NumBytes: int64(e.Bytes), Operation: e.Op,
				Proto: e.Proto, T0: r.since(e.Start), T: r.since(e.End), TransactionID: tx,
			})
		}
	}
	slices.Reverse(r.pages)
	k.Requests = append(r.pages, r.others...)
	r.sortAndTag(&k)
	return k
}

func (r *record) sortAndTag(k *measurement.TestKeys) {
	tags := func(tx int64) []string {
		if t := r.tags[tx]; t != nil {
			return t
		}
		return []string{}
	}
	for _, list := range []*[]measurement.Query{&k.Queries, &k.DuplicateResponses} {
		sort.SliceStable(*list, func(i, j int) bool { return (*list)[i].T < (*list)[j].T })
		for i := range *list {
			(*list)[i].Tags = tags((*list)[i].TransactionID)
		}
	}
	for _, list := range []*[]measurement.TLSHandshake{&k.TLSHandshakes, &k.QUIC} {
		sort.SliceStable(*list, func(i, j int) bool { return (*list)[i].T < (*list)[j].T })
		for i := range *list {
			(*list)[i].Tags = tags((*list)[i].TransactionID)
		}
	}
	sort.SliceStable(k.TCPConnect, func(i, j int) bool { return k.TCPConnect[i].T < k.TCPConnect[j].T })
	for i := range k.TCPConnect {
		k.TCPConnect[i].Tags = tags(k.TCPConnect[i].TransactionID)
	}
	sort.SliceStable(k.NetworkEvents, func(i, j int) bool { return k.NetworkEvents[i].T < k.NetworkEvents[j].T })
	for i := range k.NetworkEvents {
		k.NetworkEvents[i].Tags = tags(k.NetworkEvents[i].TransactionID)
	}
	for i := range k.Requests {
		k.Requests[i].Tags = tags(k.Requests[i].TransactionID)
	}
	k.Queries, k.TCPConnect = orEmpty(k.Queries), orEmpty(k.TCPConnect)
	k.TLSHandshakes, k.Requests = orEmpty(k.TLSHandshakes), orEmpty(k.Requests)
	k.NetworkEvents = orEmpty(k.NetworkEvents)
}

// orEmpty makes JSON write [] for nil.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

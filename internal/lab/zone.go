package lab

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// record is what the lab's name servers know of a name.
type record struct {
	addrs  []netip.Addr
	lookup Lookup
}

// zone answers for every name of the lab; all honest resolvers give its answers.
type zone struct {
	records map[string]record

	mu    sync.Mutex
	turns map[string]int // by name, for rotation
}

func newZone() *zone { return &zone{records: map[string]record{}, turns: map[string]int{}} }

// ServeDNS answers one question.
func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	if answer := z.answer(q, w.RemoteAddr()); answer != nil {
		_ = w.WriteMsg(answer) // the client may be gone
	}
}

// answer returns the answer to a question, nil if the name's servers keep silent.
func (z *zone) answer(q *dns.Msg, from net.Addr) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	if len(q.Question) != 1 || q.Question[0].Qclass != dns.ClassINET {
		return m.SetRcode(q, dns.RcodeRefused)
	}
	name := strings.ToLower(strings.TrimSuffix(q.Question[0].Name, "."))
	r, known := z.records[name]
	if !known {
		return m.SetRcode(q, dns.RcodeNameError)
	}
	switch r.lookup {
	case LookupNXDOMAIN:
		return m.SetRcode(q, dns.RcodeNameError)
	case LookupServfail:
		return m.SetRcode(q, dns.RcodeServerFailure)
	case LookupRefused:
		return m.SetRcode(q, dns.RcodeRefused)
	case LookupSilent:
		return nil
	case LookupSlow:
		time.Sleep(slowness)
	}
	question := q.Question[0]
	if r.lookup == LookupCNAME {
		for _, label := range []string{"edge-", "pool-"} {
			alias := label + q.Question[0].Name
			m.Answer = append(m.Answer, &dns.CNAME{
				Hdr:    dns.RR_Header{Name: question.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: 60},
				Target: alias,
			})
			question.Name = alias
		}
	}
	for _, a := range z.choose(name, r, from) {
		if rr := addressRecord(question, a, 60); rr != nil {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

// choose picks the addresses for this answer.
func (z *zone) choose(name string, r record, from net.Addr) []netip.Addr {
	switch r.lookup {
	case LookupEmpty:
		return nil
	case LookupRotate:
		z.mu.Lock()
		turn := z.turns[name]
		z.turns[name]++
		z.mu.Unlock()
		n := len(r.addrs)
		return []netip.Addr{r.addrs[2*turn%n], r.addrs[(2*turn+1)%n]}
	case LookupSplit:
		host, _, _ := net.SplitHostPort(from.String())
		var sum int
		for _, b := range []byte(host) {
			sum += int(b)
		}
		return r.addrs[sum%len(r.addrs):][:1]
	case LookupLoopback:
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	case LookupPrivate:
		return []netip.Addr{netip.MustParseAddr("10.0.0.7")}
	}
	return r.addrs
}

// ServeHTTP answers DNS over HTTPS (RFC 8484).
func (z *zone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const media = "application/dns-message"
	var wire []byte
	var err error
	if r.Method == http.MethodPost {
		wire, err = io.ReadAll(io.LimitReader(r.Body, dns.MaxMsgSize))
	} else {
		wire, err = base64.RawURLEncoding.DecodeString(r.URL.Query().Get("dns"))
	}
	q := new(dns.Msg)
	if err != nil || q.Unpack(wire) != nil {
		http.Error(w, "not a DNS query", http.StatusBadRequest)
		return
	}
	from, _ := net.ResolveTCPAddr("tcp", r.RemoteAddr) // always an address
	answer := z.answer(q, from)
	if answer == nil {
		<-r.Context().Done()
		return
	}
	out, err := answer.Pack()
	if err != nil {
		http.Error(w, "cannot answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", media)
	_, _ = w.Write(out)
}

// dialer opens connections. The hosts of the lab and the namespaces implement it.
type dialer interface {
	dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error)
}

// lookupHost asks a resolver over UDP as a system's stub resolver does: for both families,
// twice, with the errors of package net.
func lookupHost(ctx context.Context, d dialer, resolver netip.Addr, name string) ([]string, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []string{a.String()}, nil
	}
	type result struct {
		addrs []string
		err   error
	}
	results := make(chan result, 2)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		go func() {
			addrs, err := stubQuery(ctx, d, resolver, name, qtype)
			results <- result{addrs, err}
		}()
	}
	var addrs []string
	var failed error
	for range 2 {
		r := <-results
		addrs = append(addrs, r.addrs...)
		if r.err != nil {
			failed = r.err
		}
	}
	switch {
	case len(addrs) > 0:
		return addrs, nil
	case failed != nil:
		return nil, failed
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, Server: resolver.String(), IsNotFound: true}
}

// stubTimeout is how long the stub resolver waits for an answer before it asks again.
const stubTimeout = 5 * time.Second

func stubQuery(ctx context.Context, d dialer, resolver netip.Addr, name string, qtype uint16) ([]string, error) {
	fail := &net.DNSError{Name: name, Server: resolver.String()}
	conn, err := d.dial(ctx, "udp", netip.AddrPortFrom(resolver, 53))
	if err != nil {
		fail.Err = err.Error()
		return nil, fail
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	c := &dns.Conn{Conn: conn}
	for range 2 {
		conn.SetDeadline(time.Now().Add(stubTimeout))
		if err = ctx.Err(); err == nil {
			err = c.WriteMsg(q)
		}
		for err == nil {
			var m *dns.Msg
			if m, err = c.ReadMsg(); err == nil && m.Id == q.Id {
				return stubAnswer(m, fail)
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	fail.Err, fail.IsTimeout, fail.IsTemporary = "i/o timeout", true, true
	if ne, ok := err.(net.Error); ok && !ne.Timeout() {
		fail.Err, fail.IsTimeout = err.Error(), false
	}
	return nil, fail
}

// stubAnswer reads an answer as package net does.
func stubAnswer(m *dns.Msg, fail *net.DNSError) ([]string, error) {
	switch m.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		fail.Err, fail.IsNotFound = "no such host", true
		return nil, fail
	default: // SERVFAIL, REFUSED
		fail.Err, fail.IsTemporary = "server misbehaving", true
		return nil, fail
	}
	var addrs []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			addrs = append(addrs, rr.A.String())
		case *dns.AAAA:
			addrs = append(addrs, rr.AAAA.String())
		}
	}
	return addrs, nil
}

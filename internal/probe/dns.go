package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Lookup is one DNS query and its result.
type Lookup struct {
	Span
	Tx     int64
	Engine string // getaddrinfo, golang_net_resolver, udp, tcp, dot, doh
	Server string // "9.9.9.9:53", "https://dns.google/dns-query"; "" for the system's resolver
	Name   string // without the dot at the end
	Type   string // A, AAAA, HTTPS, ANY
	Msg    *dns.Msg
	Raw    []byte
	Addrs  []netip.Addr // of A and AAAA records, or the system's answer
	Err    error
}

// systemTries is how often the system's resolver is asked before a lookup counts as
// unanswered. Each try takes half of Timeouts.DNS. On a line that loses every tenth packet
// each way, one question in five gets no answer.
const systemTries = 4

// System asks the system's resolver. If no answer comes it asks again, as stub resolvers
// do. The Lookup covers all tries.
func (w *Wire) System(ctx context.Context, name string) Lookup {
	l := Lookup{Engine: systemEngine, Name: name, Type: "ANY", Span: Span{Start: w.Now()}}
	var addrs []string
	for range systemTries {
		addrs, l.Err = w.lookUp(ctx, name)
		if Failure(l.Err) != failTimeout || ctx.Err() != nil {
			break
		}
	}
	l.End = w.Now()
	for _, s := range addrs {
		if a, err := netip.ParseAddr(s); err == nil {
			l.Addrs = append(l.Addrs, a.Unmap())
		}
	}
	if l.Err == nil && len(l.Addrs) == 0 {
		l.Err = errNoAnswer
	}
	return l
}

func (w *Wire) lookUp(ctx context.Context, name string) ([]string, error) {
	inner, cancel := context.WithTimeout(ctx, w.Timeouts.filled().DNS/2)
	defer cancel()
	addrs, err := w.Network.LookupHost(inner, name)
	return addrs, ended(ctx, inner, err)
}

// ended replaces the error of a step that its own deadline, or the end of the caller's
// context, has ended. Libraries report a closed connection instead.
func ended(outer, inner context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case outer.Err() != nil:
		return context.Canceled
	case errors.Is(inner.Err(), context.DeadlineExceeded):
		return context.DeadlineExceeded
	}
	return err
}

// question makes a query as stub resolvers send it.
func question(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.SetEdns0(1232, false)
	return q
}

// UDP asks a resolver over UDP and returns the first answer. It then waits for further
// answers to the same query, until Timeouts.Late after the first, and calls more with
// each, from another goroutine. The channel is closed when no more can come.
func (w *Wire) UDP(ctx context.Context, server netip.AddrPort, name string, qtype uint16, more func(Lookup)) (Lookup, <-chan struct{}) {
	done := make(chan struct{})
	l := Lookup{Engine: "udp", Server: server.String(), Name: name, Type: dns.TypeToString[qtype], Span: Span{Start: w.Now()}}
	q := question(name, qtype)
	socket, err := w.ask(server, q)
	if err != nil {
		l.Err, l.End = err, w.Now()
		close(done)
		return l, done
	}
	t := w.Timeouts.filled()
	stop := context.AfterFunc(ctx, func() { socket.SetReadDeadline(time.Unix(1, 0)) })
	first := w.answer(ctx, socket, server, q, t.DNS, l)
	go func() {
		defer close(done)
		defer socket.Close()
		defer stop()
		until := time.Now().Add(t.Late)
		for first.Err == nil || first.Msg != nil {
			left := time.Until(until)
			if left <= 0 || ctx.Err() != nil {
				return
			}
			next := w.answer(ctx, socket, server, q, left, l)
			if next.Msg == nil {
				return
			}
			more(next)
		}
	}()
	return first, done
}

// ask opens a socket and sends the query.
func (w *Wire) ask(server netip.AddrPort, q *dns.Msg) (net.PacketConn, error) {
	wire, err := q.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack query for %s: %w", q.Question[0].Name, err)
	}
	socket, err := w.Network.ListenUDP(udpFor(server), nil)
	if err != nil {
		return nil, err
	}
	if _, err := socket.WriteTo(wire, net.UDPAddrFromAddrPort(server)); err != nil {
		socket.Close()
		return nil, err
	}
	return socket, nil
}

// answer waits for the next datagram that answers the query.
func (w *Wire) answer(ctx context.Context, socket net.PacketConn, server netip.AddrPort, q *dns.Msg, wait time.Duration, l Lookup) Lookup {
	buf := make([]byte, 4096)
	deadline := time.Now().Add(wait)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	socket.SetReadDeadline(deadline)
	for {
		if ctx.Err() != nil {
			l.Err, l.End = context.Canceled, w.Now()
			return l
		}
		n, from, err := socket.ReadFrom(buf)
		if err != nil {
			l.Err, l.End = err, w.Now()
			if ctx.Err() != nil {
				l.Err = context.Canceled
			}
			return l
		}
		msg := new(dns.Msg)
		if msg.Unpack(buf[:n]) != nil || !answers(msg, q) || !sameEndpoint(from, server) {
			continue
		}
		l.End = w.Now()
		l.Raw = bytes.Clone(buf[:n])
		l.take(msg)
		return l
	}
}

func sameEndpoint(from net.Addr, server netip.AddrPort) bool {
	u, ok := from.(*net.UDPAddr)
	return ok && u.AddrPort().Addr().Unmap() == server.Addr().Unmap() && u.AddrPort().Port() == server.Port()
}

// answers reports whether a message belongs to the query.
func answers(m, q *dns.Msg) bool {
	return m.Response && m.Id == q.Id && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.Question[0].Qtype && strings.EqualFold(m.Question[0].Name, q.Question[0].Name)
}

// take reads the addresses and the result from a message.
func (l *Lookup) take(m *dns.Msg) {
	l.Msg = m
	l.Err = rcodeError(m.Rcode)
	found := false
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			if a, ok := netip.AddrFromSlice(rr.A.To4()); ok {
				l.Addrs, found = append(l.Addrs, a), true
			}
		case *dns.AAAA:
			if a, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok {
				l.Addrs, found = append(l.Addrs, a), true
			}
		case *dns.HTTPS:
			found = true
		}
	}
	if l.Err == nil && !found {
		l.Err = errNoAnswer
	}
}

// DoT asks over TLS. conn is an established connection; the caller must close it.
func (w *Wire) DoT(ctx context.Context, conn net.Conn, server, name string, qtype uint16) Lookup {
	l := Lookup{Engine: "dot", Server: server, Name: name, Type: dns.TypeToString[qtype], Span: Span{Start: w.Now()}}
	inner, cancel := context.WithTimeout(ctx, w.Timeouts.filled().DNS)
	defer cancel()
	stop := context.AfterFunc(inner, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	q := question(name, qtype)
	raw, err := exchangeStream(conn, q)
	l.End = w.Now()
	if l.Err = ended(ctx, inner, err); l.Err != nil {
		return l
	}
	l.read(raw, q)
	return l
}

// exchangeStream sends a query with its length before it (RFC 1035 4.2.2), and reads the
// answer.
func exchangeStream(conn net.Conn, q *dns.Msg) ([]byte, error) {
	wire, err := q.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack query for %s: %w", q.Question[0].Name, err)
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err = io.ReadFull(conn, raw)
	return raw, err
}

// DoH asks over HTTPS (RFC 8484). conn is an established connection.
func (w *Wire) DoH(ctx context.Context, conn net.Conn, addr netip.AddrPort, server *url.URL, name string, qtype uint16) Lookup {
	l := Lookup{Engine: "doh", Server: server.String(), Name: name, Type: dns.TypeToString[qtype], Span: Span{Start: w.Now()}}
	q := question(name, qtype)
	q.Id = 0 // for caches, RFC 8484 4.1
	wire, err := q.Pack()
	if err != nil {
		l.Err, l.End = err, w.Now()
		return l
	}
	x := w.HTTP(ctx, conn, addr, Ask{Method: http.MethodPost, URL: server, Body: bytes.NewReader(wire), Keep: 1 << 16,
		Headers: http.Header{"Content-Type": {"application/dns-message"}, "Accept": {"application/dns-message"}}})
	l.End = w.Now()
	switch {
	case x.Err != nil:
		l.Err = x.Err
	case x.Response.StatusCode != http.StatusOK:
		l.Err = errRcode
	default:
		l.read(x.Body, q)
	}
	return l
}

func (l *Lookup) read(raw []byte, q *dns.Msg) {
	msg := new(dns.Msg)
	if err := msg.Unpack(raw); err != nil || !answers(msg, q) {
		l.Err = errRcode
		return
	}
	l.Raw = raw
	l.take(msg)
}

// ECHConfig returns the ECHConfigList that an HTTPS record offers, and whether it offers
// HTTP/3.
func (l *Lookup) ECHConfig() (ech []byte, h3 bool) {
	if l.Msg == nil {
		return nil, false
	}
	for _, rr := range l.Msg.Answer {
		r, ok := rr.(*dns.HTTPS)
		if !ok {
			continue
		}
		for _, kv := range r.Value {
			switch kv := kv.(type) {
			case *dns.SVCBECHConfig:
				ech = kv.ECH
			case *dns.SVCBAlpn:
				for _, p := range kv.Alpn {
					h3 = h3 || p == "h3"
				}
			}
		}
	}
	return ech, h3
}

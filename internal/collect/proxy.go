package collect

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies that hand requests on to this server
// and say for whom. What anybody else says of a request's sender is not read:
// every header can be written by the sender.
type Proxies []netip.Prefix

// ParseProxies reads networks or addresses that are separated by commas.
func ParseProxies(list string) (Proxies, error) {
	var out Proxies
	for s := range strings.SplitSeq(list, ",") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, fmt.Errorf("%q is no network and no address (write 10.1.2.0/24, or ::1)", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (p Proxies) contain(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) })
}

// Client is the address that a request came from: the connection's or, where
// that is of a proxy, the last that the proxies name which is of none of them.
// Where they name none, name something that is no address, or name two different
// ones in two headers (one of them is then the client's own word), it is the
// connection's. All that comes over loopback from no proxy is one client:
// onion services and tunnels bring strangers there, who must not choose who
// they are.
func (p Proxies) Client(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	peer := ap.Addr().Unmap().WithZone("")
	from := peer
	if peer.IsLoopback() {
		from = loopback
	}
	if !p.contain(peer) {
		return from
	}
	var said netip.Addr
	for _, hops := range [][]string{forwardedFor(r.Header), forwardedElements(r.Header), r.Header.Values("X-Real-IP")} {
		if len(hops) == 0 {
			continue
		}
		a := p.lastStranger(hops)
		if !a.IsValid() || said.IsValid() && said != a {
			return from
		}
		said = a
	}
	if !said.IsValid() || said.IsLoopback() {
		return from
	}
	return said
}

// loopback stands for all loopback addresses.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// lastStranger is the last hop that is no proxy of ours, where all after it
// are addresses.
func (p Proxies) lastStranger(hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		a := hopAddr(hop)
		if !a.IsValid() || !p.contain(a) {
			return a
		}
	}
	return netip.Addr{}
}

// hopAddr reads an address as proxies write them: with or without a port, in
// brackets, in quotes. It is invalid where it is none.
func hopAddr(s string) netip.Addr {
	s = strings.Trim(strings.TrimSpace(s), `"`)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

func forwardedFor(h http.Header) []string { return commaList(h.Values("X-Forwarded-For")) }

// forwardedElements are the clients of the Forwarded header (RFC 7239), ""
// for an element that names none.
func forwardedElements(h http.Header) []string {
	var out []string
	for _, element := range commaList(h.Values("Forwarded")) {
		client := ""
		for pair := range strings.SplitSeq(element, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(name, "for") {
				client = value
			}
		}
		out = append(out, client)
	}
	return out
}

// commaList is what a header that may be repeated holds, in its order.
func commaList(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

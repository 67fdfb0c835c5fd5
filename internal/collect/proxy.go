package collect

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of the proxies that hand requests on to this server and say for
// whom. Headers of anybody else are not read, since every sender can write any header.
type Proxies []netip.Prefix

// ParseProxies reads networks or addresses, separated by commas.
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

// Client returns the address that a request came from. Usually that is the connection's.
// If the connection comes from a proxy, it is the last address in the proxies' headers
// that is not a proxy itself. It stays the connection's if the headers name no address,
// name something that is not an address, or if two headers name two addresses (one of them
// is then the client's own word). All requests over loopback that no proxy hands on count
// as one client: onion services and tunnels bring strangers there, who must not choose who
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

// lastStranger returns the last hop that is not one of our proxies; invalid if a hop after
// it is not an address.
func (p Proxies) lastStranger(hops []string) netip.Addr {
	for _, hop := range slices.Backward(hops) {
		a := hopAddr(hop)
		if !a.IsValid() || !p.contain(a) {
			return a
		}
	}
	return netip.Addr{}
}

// hopAddr reads an address as proxies write it: with or without port, brackets, quotes. It
// is invalid if there is none.
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

// forwardedElements returns the clients in the Forwarded header (RFC 7239), "" for an
// element without one.
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

// commaList returns the elements of a header that may be repeated, in order.
func commaList(values []string) []string {
	var out []string
	for _, v := range values {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

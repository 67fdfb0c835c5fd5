package collect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/bandish/bandish/address"
	"github.com/bandish/bandish/internal/dial"
	"github.com/bandish/bandish/internal/probe"
)

// Guard is a network that reaches only the public internet. It works below name
// resolution: it judges each address when it is dialled or sent to. So no redirect gets
// past it, nor a name whose address changes between a check and its use.
type Guard struct {
	Network probe.Network
	Own     dial.Own // the addresses of this server

	// Unsafe allows every address and port. Only the lab sets it, and the log says so.
	Unsafe bool
}

// RefusedError is the error for an address or URL that the test helper must not reach.
type RefusedError struct{ What, Why string }

func (e *RefusedError) Error() string { return fmt.Sprintf("refuse %s: %s", e.What, e.Why) }

// badPorts are ports of other protocols, whose servers could take a request for a command.
// They are those of the Fetch standard ("port blocking"), which browsers refuse too, and
// those of two databases that read line by line.
var badPorts = []uint16{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
	117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587,
	601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669,
	6679, 6697, 10080, 11211,
}

// Check returns a *RefusedError if an endpoint must not be reached.
func (g *Guard) Check(ap netip.AddrPort) error {
	if g.Unsafe {
		return nil
	}
	if ap.Addr().Is4In6() { // nobody writes a public address in this form
		return &RefusedError{ap.Addr().String(), "IPv4 inside IPv6 (RFC 4291)"}
	}
	if why := address.Reserved(ap.Addr()); why != "" {
		return &RefusedError{ap.Addr().String(), why}
	}
	if g.Own.Holds(ap.Addr()) {
		return &RefusedError{ap.Addr().String(), "this server's own address"}
	}
	if slices.Contains(badPorts, ap.Port()) {
		return &RefusedError{ap.String(), "the port is one of another protocol"}
	}
	return nil
}

// DialContext dials an endpoint that Check allows. endpoint must be ip:port.
func (g *Guard) DialContext(ctx context.Context, network, endpoint string) (net.Conn, error) {
	ap, err := netip.ParseAddrPort(endpoint)
	if err != nil {
		return nil, &RefusedError{endpoint, "not an address and a port"}
	}
	if err := g.Check(ap); err != nil {
		return nil, err
	}
	return g.Network.DialContext(ctx, network, ap.String())
}

// ListenUDP opens a socket that sends only to endpoints that Check allows.
func (g *Guard) ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error) {
	socket, err := g.Network.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	return &guardedSocket{PacketConn: socket, guard: g}, nil
}

// LookupHost resolves public names only. The addresses that it returns are judged when
// they are dialled.
func (g *Guard) LookupHost(ctx context.Context, name string) ([]string, error) {
	if why := g.privateName(name); why != "" {
		return nil, &RefusedError{name, why}
	}
	return g.Network.LookupHost(ctx, name)
}

// guardedSocket hides all ways of sending except WriteTo.
type guardedSocket struct {
	net.PacketConn
	guard *Guard
}

func (s *guardedSocket) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, &RefusedError{to.String(), "not a UDP address"}
	}
	ap := u.AddrPort()
	if len(u.IP) == net.IPv6len && u.IP.To4() != nil {
		// net.IP keeps IPv4 in sixteen bytes. That is not a mapped address that somebody
		// asked for.
		ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	if err := s.guard.Check(ap); err != nil {
		return 0, err
	}
	return s.PacketConn.WriteTo(b, to)
}

// privateNames are the endings of names that only mean something within a network (RFC
// 6761, 6762, 7686, 8375, and the reservation of .internal).
var privateNames = []string{
	"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain",
	"home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "test", "invalid", "alt",
}

// privateName returns the reason why a name is not looked up, "" if it may be.
func (g *Guard) privateName(name string) string {
	if g.Unsafe {
		return ""
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case name == "":
		return "no name"
	case !strings.Contains(name, "."):
		return "a name without a dot belongs to a local network"
	case endsInNumber(name):
		return "a number is not a name (WHATWG URL 3.5)"
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`%/\?#@:[]<>^|"`, r) }):
		return "not a host name"
	}
	for _, p := range privateNames {
		if strings.HasSuffix(name, "."+p) {
			return "the name is private to a network"
		}
	}
	return ""
}

// endsInNumber reports whether some resolvers would read a host as an address in another
// notation: 2130706433, 0x7f.1, 0177.0.0.1.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	digits := strings.Trim(last, "0123456789") == ""
	hex := strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
	return digits || hex
}

// CheckURL reads a URL and returns an error if it must not be measured, as far as this can
// be said before its name is resolved. A Unicode host becomes ASCII. A URL of another
// scheme or without a host is not an error: nothing is fetched from it.
func (g *Guard) CheckURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, &RefusedError{fmt.Sprintf("%q", raw), "not a URL"}
	}
	return u, g.checkURL(u)
}

func (g *Guard) checkURL(u *url.URL) error {
	refuse := func(why string) error { return &RefusedError{u.Redacted(), why} }
	if u.Hostname() == "" {
		return nil
	}
	if err := inASCII(u); err != nil {
		return refuse(err.Error())
	}
	port, err := portOf(u)
	if err != nil {
		return refuse(err.Error())
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		if why := g.privateName(u.Hostname()); why != "" {
			return refuse(why)
		}
		if !g.Unsafe && slices.Contains(badPorts, port) {
			return refuse("the port is one of another protocol")
		}
		return nil
	}
	return g.Check(netip.AddrPortFrom(a, port))
}

// inASCII replaces the host of a URL by the form in which it is looked up (UTS 46).
func inASCII(u *url.URL) error {
	host := u.Hostname()
	if !strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return nil
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return errors.New("not a host name")
	}
	if u.Port() != "" {
		ascii = net.JoinHostPort(ascii, u.Port())
	}
	u.Host = ascii
	return nil
}

func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() != "":
		var n uint16
		if _, err := fmt.Sscanf(u.Port(), "%d", &n); err != nil || fmt.Sprint(n) != u.Port() {
			return 0, fmt.Errorf("port %q is not a number", u.Port())
		}
		return n, nil
	case u.Scheme == "http":
		return 80, nil
	}
	return 443, nil
}

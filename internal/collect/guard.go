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

// Guard is a network that reaches only the public internet. It stands below
// name resolution: every address is judged when it is dialled or sent to, so
// that neither a redirect nor a name that changes its address between a check
// and its use gets past it.
type Guard struct {
	Network probe.Network
	Own     dial.Own // this server's own addresses

	// Unsafe lets every address and port through. Only the lab sets it; who
	// does says so in the log.
	Unsafe bool
}

// RefusedError is an address or URL that the test helper does not reach.
type RefusedError struct{ What, Why string }

func (e *RefusedError) Error() string { return fmt.Sprintf("refuse %s: %s", e.What, e.Why) }

// badPorts are the ports of other protocols whose servers could take a request
// for a command of their own: those of the Fetch standard ("port blocking"),
// which no browser asks either, and those of two stores that read line by line.
var badPorts = []uint16{
	0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115,
	117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587,
	601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669,
	6679, 6697, 10080, 11211,
}

// Check says whether an endpoint may be reached; the error is a *RefusedError.
func (g *Guard) Check(ap netip.AddrPort) error {
	if g.Unsafe {
		return nil
	}
	if ap.Addr().Is4In6() { // nobody writes a public address so
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

// DialContext dials what Check allows. The address must be ip:port.
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

// ListenUDP opens a socket that sends only where Check allows.
func (g *Guard) ListenUDP(network string, addr *net.UDPAddr) (net.PacketConn, error) {
	socket, err := g.Network.ListenUDP(network, addr)
	if err != nil {
		return nil, err
	}
	return &guardedSocket{PacketConn: socket, guard: g}, nil
}

// LookupHost resolves public names only; what comes back is judged when it is
// dialled.
func (g *Guard) LookupHost(ctx context.Context, name string) ([]string, error) {
	if why := g.privateName(name); why != "" {
		return nil, &RefusedError{name, why}
	}
	return g.Network.LookupHost(ctx, name)
}

// guardedSocket hides all ways of sending but WriteTo.
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
		// net.IP keeps IPv4 in sixteen bytes: that is not a mapped address
		// that somebody asked for.
		ap = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	if err := s.guard.Check(ap); err != nil {
		return 0, err
	}
	return s.PacketConn.WriteTo(b, to)
}

// privateNames are the endings of names that mean something only inside a
// network (RFC 6761, 6762, 7686, 8375, and the reservation of .internal).
var privateNames = []string{
	"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "localdomain",
	"home.arpa", "in-addr.arpa", "ip6.arpa", "onion", "test", "invalid", "alt",
}

// privateName says why a name is not looked up.
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

// endsInNumber reports a host that some resolvers read as an address in
// another notation: 2130706433, 0x7f.1, 0177.0.0.1.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return false
	}
	digits := strings.Trim(last, "0123456789") == ""
	hex := strings.HasPrefix(last, "0x") && strings.Trim(last[2:], "0123456789abcdef") == ""
	return digits || hex
}

// CheckURL reads a URL and says whether it may be measured, as far as can be
// said before its name is resolved. A host in Unicode is given in ASCII. A URL
// that nothing is fetched of, of another scheme or without a host, is no error.
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

// inASCII writes a URL's host as it is looked up (UTS 46).
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

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

	"github.com/bandish/bandish/internal/probe"
	"golang.org/x/net/idna"
)

// Guard is a network that reaches only the public internet. It stands below
// name resolution: every address is judged when it is dialled or sent to, so
// that neither a redirect nor a name that changes its address between a check
// and its use gets past it.
type Guard struct {
	Network probe.Network
	Own     []netip.Addr // this server's own addresses; NewHelper finds them where none are given

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

// forbidden are the networks that are not the public internet, from the IANA
// special-purpose registries (RFC 6890 and its updates), and the public
// addresses under which clouds serve their secrets. IPv6 is the other way
// round: only 2000::/3 is in use, so all else is forbidden.
var forbidden = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network (RFC 791)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carriers (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback (RFC 1122)"},
	{netip.MustParsePrefix("168.63.129.16/32"), "metadata of a cloud"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local and metadata (RFC 3927)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.31.196.0/24"), "AS112 (RFC 7535)"},
	{netip.MustParsePrefix("192.52.193.0/24"), "AMT (RFC 7450)"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relays (RFC 7526)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.175.48.0/24"), "AS112 (RFC 7534)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks (RFC 2544)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast (RFC 5771)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved and broadcast (RFC 1112)"},

	{netip.MustParsePrefix("2001::/23"), "protocol assignments, Teredo among them (RFC 2928, 4380)"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation (RFC 3849)"},
	{netip.MustParsePrefix("2002::/16"), "6to4, which carries IPv4 addresses (RFC 3056)"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "AS112 (RFC 7534)"},
	{netip.MustParsePrefix("3fff::/20"), "documentation (RFC 9637)"},
}

var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// localAddrs are the addresses of this machine's interfaces.
func localAddrs() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil // private ones are refused in any case
	}
	var out []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// Reserved says why an address is not on the public internet, "" where it is.
func Reserved(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "not an address"
	case a.Zone() != "":
		return "scoped to a link"
	case a.Is4In6():
		return "IPv4 inside IPv6 (RFC 4291)"
	case a.Is6() && !globalUnicast6.Contains(a):
		return "outside the global unicast of IPv6 (RFC 4291)"
	case a.Is6() && isatap(a):
		return "ISATAP, which carries an IPv4 address (RFC 5214)"
	}
	for _, f := range forbidden {
		if f.prefix.Contains(a) {
			return f.why
		}
	}
	return ""
}

// isatap reports an interface identifier that embeds an IPv4 address.
func isatap(a netip.Addr) bool {
	b := a.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// Check says whether an endpoint may be reached; the error is a *RefusedError.
func (g *Guard) Check(ap netip.AddrPort) error {
	if g.Unsafe {
		return nil
	}
	if why := Reserved(ap.Addr()); why != "" {
		return &RefusedError{ap.Addr().String(), why}
	}
	if slices.ContainsFunc(g.Own, func(o netip.Addr) bool { return o.Unmap() == ap.Addr() }) {
		return &RefusedError{ap.Addr().String(), "this server's own address"}
	}
	if slices.Contains(badPorts, ap.Port()) {
		return &RefusedError{ap.String(), "the port is one of another protocol"}
	}
	return nil
}

// DialContext dials what Check allows. The address must be ip:port.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &RefusedError{address, "not an address and a port"}
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

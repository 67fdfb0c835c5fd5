// Package address says what an IP address is used for: whether it belongs to the
// public internet, whether it carries another address, and how to find addresses in
// text. It holds the only table of reserved ranges. Three users rest on it:
// internal/dial (what may be fetched), the test helper (what may be measured) and
// package verdict (what a resolver cannot rightly answer). The package does no I/O.
package address

import (
	"net/netip"
	"slices"
)

// Block is a range of addresses that are not ordinary addresses of the public
// internet.
type Block struct {
	Prefix netip.Prefix
	Why    string // what it is for, and the source that says so

	// Bogon is true where no public service answers from the range. A resolver that
	// gives such an address for a public name gives a wrong answer.
	Bogon bool

	// Example is true where no public service answers from the range either, but
	// measurements made for examples and tests say that one did.
	Example bool

	// Carries is the place of an IPv4 address inside an address of the range, in
	// bytes from the left; 0 means that there is none. Such an address is judged by
	// the IPv4 address that it carries.
	Carries int
}

func block(prefix, why string) Block {
	return Block{Prefix: netip.MustParsePrefix(prefix), Why: why}
}

func bogon(prefix, why string) Block {
	b := block(prefix, why)
	b.Bogon = true
	return b
}

func example(prefix, why string) Block {
	b := block(prefix, why)
	b.Example = true
	return b
}

func carries(b Block, at int) Block {
	b.Carries = at
	return b
}

// NAT64 is the prefix for translated IPv4 addresses that every network may use (RFC
// 6052).
var NAT64 = netip.MustParsePrefix("64:ff9b::/96")

// Blocks lists the ranges of IANA's registries of special-purpose addresses (RFC
// 6890 and its updates), and the public addresses at which clouds serve their
// metadata. Where two ranges hold an address, the narrower one counts. Of IPv6 only
// 2000::/3 is in use: Lookup reserves all other IPv6 addresses, also where no row
// names them.
var Blocks = []Block{
	bogon("0.0.0.0/8", "this network (RFC 791)"),
	bogon("10.0.0.0/8", "private (RFC 1918)"),
	bogon("100.64.0.0/10", "shared by carriers, and metadata of a cloud (RFC 6598)"),
	bogon("127.0.0.0/8", "loopback (RFC 1122)"),
	block("168.63.129.16/32", "metadata of a cloud (Azure's wire server)"),
	bogon("169.254.0.0/16", "link-local, and metadata of clouds (RFC 3927)"),
	bogon("172.16.0.0/12", "private (RFC 1918)"),
	bogon("192.0.0.0/24", "protocol assignments, and metadata of a cloud (RFC 6890)"),
	example("192.0.2.0/24", "documentation (RFC 5737)"),
	block("192.31.196.0/24", "AS112 (RFC 7535)"),
	block("192.52.193.0/24", "AMT (RFC 7450)"),
	bogon("192.88.99.0/24", "6to4 relays, withdrawn (RFC 7526)"),
	bogon("192.168.0.0/16", "private (RFC 1918)"),
	block("192.175.48.0/24", "AS112 (RFC 7534)"),
	bogon("198.18.0.0/15", "benchmarks (RFC 2544)"),
	example("198.51.100.0/24", "documentation (RFC 5737)"),
	example("203.0.113.0/24", "documentation (RFC 5737)"),
	bogon("224.0.0.0/4", "multicast (RFC 5771)"),
	bogon("240.0.0.0/4", "reserved, and broadcast (RFC 1112, RFC 919)"),

	bogon("::/128", "unspecified (RFC 4291)"),
	bogon("::1/128", "loopback (RFC 4291)"),
	carries(bogon("::ffff:0:0/96", "IPv4 inside IPv6 (RFC 4291)"), 12),
	carries(block(NAT64.String(), "IPv4 by translation (RFC 6052)"), 12),
	block("64:ff9b:1::/48", "IPv4 by translation within a network, which alone knows where the IPv4 address stands (RFC 8215)"),
	bogon("100::/64", "discarded (RFC 6666)"),
	block("2001::/23", "protocol assignments (RFC 2928)"),
	bogon("2001::/32", "Teredo, which carries an IPv4 address (RFC 4380)"),
	bogon("2001:2::/48", "benchmarks (RFC 5180)"),
	bogon("2001:10::/28", "ORCHID (RFC 4843)"),
	bogon("2001:20::/28", "ORCHIDv2 (RFC 7343)"),
	example("2001:db8::/32", "documentation (RFC 3849)"),
	carries(bogon("2002::/16", "6to4, which carries an IPv4 address (RFC 3056)"), 2),
	block("2620:4f:8000::/48", "AS112 (RFC 7534)"),
	bogon("3fff::/20", "documentation (RFC 9637)"),
	bogon("fc00::/7", "unique local (RFC 4193)"),
	bogon("fd00:ec2::254/128", "metadata of a cloud (Amazon's instance metadata)"),
	bogon("fe80::/10", "link-local (RFC 4291)"),
	bogon("fec0::/10", "site-local, withdrawn (RFC 3879)"),
	bogon("ff00::/8", "multicast (RFC 4291)"),
}

// outside is the block of every IPv6 address that no row holds and that is not in
// global6.
var (
	global6 = netip.MustParsePrefix("2000::/3")
	outside = bogon("::/0", "outside the global unicast of IPv6 (RFC 4291)")
)

// index lists the rows of Blocks by family (0: IPv4, 1: IPv6) and by the first byte
// of their addresses, the narrowest row first.
var index = func() (by [2][256][]*Block) {
	for i := range Blocks {
		b := &Blocks[i]
		family := 0
		if b.Prefix.Addr().Is6() {
			family = 1
		}
		first := b.Prefix.Addr().AsSlice()[0]
		for n := range 1 << max(0, 8-b.Prefix.Bits()) {
			at := &by[family][int(first)+n]
			*at = append(*at, b)
			slices.SortStableFunc(*at, func(x, y *Block) int { return y.Prefix.Bits() - x.Prefix.Bits() })
		}
	}
	return by
}()

// Lookup returns the narrowest block that holds an address, and false where none
// does: for a public address, and for the zero Addr.
func Lookup(a netip.Addr) (*Block, bool) {
	family, first := 0, byte(0)
	if a.Is6() {
		b := a.WithZone("").As16()
		a, family, first = a.WithZone(""), 1, b[0]
	} else if a.Is4() {
		b := a.As4()
		first = b[0]
	} else {
		return nil, false
	}
	for _, b := range index[family][first] {
		if b.Prefix.Contains(a) {
			return b, true
		}
	}
	if a.Is6() && !global6.Contains(a) {
		return &outside, true
	}
	return nil, false
}

// Carried returns the IPv4 address that an address carries in a public way (mapped,
// NAT64, 6to4); an address that carries none is returned as it is.
func Carried(a netip.Addr) netip.Addr {
	if b, ok := Lookup(a); ok && b.Carries > 0 {
		bytes := a.As16()
		return netip.AddrFrom4([4]byte(bytes[b.Carries:]))
	}
	return a
}

// Reserved returns the reason why an address is not one of the public internet, and
// "" where it is one. An address that carries an IPv4 address is judged by that
// one.
func Reserved(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "not an address"
	case a.Zone() != "":
		return "scoped to a link"
	case a.Is6() && isatap(a):
		return "ISATAP, which carries an IPv4 address (RFC 5214)"
	}
	b, ok := Lookup(a)
	switch {
	case !ok:
		return ""
	case b.Carries > 0:
		if why := Reserved(Carried(a)); why != "" {
			return why + " within " + b.Why
		}
		return ""
	}
	return b.Why
}

// ClientNetwork returns the prefix that counts as one client: a /24 of IPv4 or a
// /48 of IPv6, because whoever has one address of it may have all. For the zero
// Addr it returns the zero Prefix.
func ClientNetwork(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits) // it fails for the zero Addr only
	return p
}

// isatap reports whether the interface identifier of a carries an IPv4 address (RFC
// 5214).
func isatap(a netip.Addr) bool {
	b := a.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

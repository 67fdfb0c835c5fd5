// Package address knows what IP addresses are for: which are of the public
// internet, which carry another address, and how addresses stand in text. It is
// the only place that knows: what may be fetched (internal/dial), what the test
// helper measures, and what a resolver cannot rightly answer (verdict) rest on
// the one table.
package address

import (
	"net/netip"
	"slices"
)

// Block is a range of addresses that are not simply of the public internet.
type Block struct {
	Prefix netip.Prefix
	Why    string // what it is for, and the source that says so

	// Bogon: no public service answers from it, so that a resolver that gives
	// such an address for a public name gives a wrong one.
	Bogon bool

	// Example: no public service answers from it either, but measurements that
	// are made for examples and tests say that one did.
	Example bool

	// Carries is where an IPv4 address stands in it, in bytes from the left; 0:
	// nowhere. Such an address is judged by the one that it carries.
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

// NAT64 is the prefix of IPv4 by translation that every network may use (RFC 6052).
var NAT64 = netip.MustParsePrefix("64:ff9b::/96")

// Blocks are the ranges of IANA's registries of special-purpose addresses (RFC
// 6890 and its updates), and the public addresses under which clouds serve their
// secrets. Where two hold an address, the narrower one speaks. Of IPv6 only
// 2000::/3 is in use: what lies outside is reserved without a row.
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

// outside is what holds of IPv6 where no row does.
var (
	global6 = netip.MustParsePrefix("2000::/3")
	outside = bogon("::/0", "outside the global unicast of IPv6 (RFC 4291)")
)

// index has Blocks by the first byte of their addresses, of IPv4 and of IPv6, the
// narrowest first.
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

// Lookup finds the block that speaks of an address.
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

// Carried is the IPv4 address that an address stands for: the one that it
// carries by one of the public ways, or itself.
func Carried(a netip.Addr) netip.Addr {
	if b, ok := Lookup(a); ok && b.Carries > 0 {
		bytes := a.As16()
		return netip.AddrFrom4([4]byte(bytes[b.Carries:]))
	}
	return a
}

// Reserved says why an address is not of the public internet, "" where it is. An
// address that carries another is judged by that one.
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

// ClientNetwork is the block of addresses that counts as one client, since whoever
// has one of them may have all: a /24, or a /48 of IPv6. That of no address is none.
func ClientNetwork(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, _ := a.Prefix(bits) // it fails of no address only
	return p
}

// isatap reports an interface identifier that embeds an IPv4 address.
func isatap(a netip.Addr) bool {
	b := a.As16()
	return (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

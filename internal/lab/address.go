package lab

import (
	"encoding/binary"
	"net/netip"
)

// The lab's addresses. Servers have addresses in blocks that IANA's special-purpose
// registry (RFC 6890) marks as globally reachable, and in which nobody has a site: the
// AS112 name servers (RFC 7535, RFC 7534) and automatic multicast tunnelling (RFC 7450).
// So no rule takes a true answer for a bogon, as it would with documentation ranges, and
// no measurement of the lab names a real party's address. Clients have addresses in the
// shared space of carriers (RFC 6598). Nothing is ever sent outside the process or the
// namespaces.
var (
	siteBlocks = []netip.Prefix{
		netip.MustParsePrefix("192.31.196.0/24"),
		netip.MustParsePrefix("192.52.193.0/24"),
	}
	siteBlock6   = netip.MustParsePrefix("2001:4:112::/48")
	clientBlock  = netip.MustParsePrefix("100.64.0.0/10")
	clientBlock6 = netip.MustParsePrefix("2620:4f:8000::/48")

	// The network of the client's provider.
	gatewayAddr   = netip.MustParseAddr("192.175.48.1")
	gatewayAddr6  = netip.MustParseAddr("2620:4f:8000::1")
	ispResolver   = netip.MustParseAddr("192.175.48.53")
	liarAddr      = netip.MustParseAddr("192.175.48.66")
	blockPageAddr = netip.MustParseAddr("192.52.193.250")

	// Outside of that network.
	publicResolver  = netip.MustParseAddr("192.175.48.153")
	publicResolver2 = netip.MustParseAddr("192.175.48.154")
	helperAddr      = netip.MustParseAddr("192.175.48.200") // the address on which the helper listens
	vantageAddr     = netip.MustParseAddr("192.175.48.201") // the address from which the helper measures
	vantageAddr6    = netip.MustParseAddr("2620:4f:8000::201")

	// sinkAddr belongs to nobody. A censor may give it for a name.
	sinkAddr = netip.MustParseAddr("192.52.193.249")

	// darkAddr6 belongs to no host: packets to it are lost.
	darkAddr6 = netip.MustParseAddr("2001:4:112:ffff::250")
)

// routerAddr is the provider's router, in the address family of a client.
func routerAddr(of netip.Addr) netip.Addr {
	if of.Is4() {
		return gatewayAddr
	}
	return gatewayAddr6
}

// siteAddr is the n-th IPv4 address for servers of sites.
func siteAddr(n int) netip.Addr {
	block := siteBlocks[n/usable%len(siteBlocks)].Addr().As4()
	block[3] = byte(1 + n%usable)
	return netip.AddrFrom4(block)
}

// usable is how many addresses of a block sites have. The addresses that a censor gives
// come after them, in a block that holds only sites: databases of real networks put the two
// AS112 blocks, that of sites and that of the provider, into one network. They would take
// an address in one for a true answer in place of an address in the other.
const usable = 240

// siteAddr6 is the n-th IPv6 address for servers of sites.
func siteAddr6(n int) netip.Addr { return nth6(siteBlock6, n) }

// clientAddr and clientAddr6 are the addresses of the n-th client.
func clientAddr(n int) netip.Addr {
	a := clientBlock.Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])+uint32(n%(1<<22-2))+1)
	return netip.AddrFrom4(a)
}

func clientAddr6(n int) netip.Addr { return nth6(clientBlock6, 0x10000+n) }

func nth6(block netip.Prefix, n int) netip.Addr {
	a := block.Addr().As16()
	binary.BigEndian.PutUint64(a[8:], uint64(n)+1)
	return netip.AddrFrom16(a)
}

// The lab's networks; their numbers are private ASNs (RFC 6996).
const (
	ClientASN  = 64512 // the provider
	hostingASN = 64600 // the first of several: each run of 16 sites has one
	publicASN  = 64599 // resolvers and the helper
)

// ASNOf returns the network of an address of the lab, 0 if it has none.
func ASNOf(a netip.Addr) uint32 {
	switch a {
	case blockPageAddr:
		return ClientASN
	case sinkAddr:
		return 0
	}
	for i, block := range append(siteBlocks, siteBlock6) {
		if block.Contains(a) {
			b := a.AsSlice()
			return hostingASN + uint32(16*i) + uint32(b[len(b)-1])/16
		}
	}
	switch {
	case clientBlock.Contains(a), a == ispResolver, a == liarAddr, a == gatewayAddr:
		return ClientASN
	case a == publicResolver, a == publicResolver2, a == helperAddr, a == vantageAddr:
		return publicASN
	}
	return 0
}

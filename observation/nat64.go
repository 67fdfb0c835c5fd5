package observation

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bandish/bandish/address"
)

// arpa is a name whose only AAAA records are made by a network's own translation
// (RFC 7050). arpaAddrs are its IPv4 addresses.
const arpa = "ipv4only.arpa"

var arpaAddrs = []netip.Addr{netip.MustParseAddr("192.0.0.170"), netip.MustParseAddr("192.0.0.171")}

// translated writes on rows with an IPv6 address the IPv4 address that it stands
// for, where the network reaches IPv4 by translation (NAT64). A network's own
// prefix shows in two ways: an IPv4 address of the same name, from the control or
// another resolver, is in the place that RFC 6052 has for it; or the addresses of
// ipv4only.arpa are.
func translated(rows []Row, controlAddrs []string, controlName string) {
	var prefixes []netip.Prefix
	for i := range rows {
		r := &rows[i]
		if r.IPv4 != "" || !strings.Contains(r.IP, ":") {
			continue
		}
		addr, err := netip.ParseAddr(r.IP)
		if err != nil || !addr.Is6() {
			continue
		}
		if address.NAT64.Contains(addr) {
			r.IPv4 = address.Carried(addr).String()
			continue
		}
		known := arpaAddrs
		if r.Name != arpa {
			known = addrsOf(rows, r.Name)
			if r.Name == controlName {
				known = appendV4(known, controlAddrs...)
			}
		}
		for _, bits := range prefixLengths {
			if v4 := embedded(addr, bits); slices.Contains(known, v4) {
				r.IPv4 = v4.String()
				p, _ := addr.Prefix(bits)
				prefixes = append(prefixes, p)
				break
			}
		}
	}
	for i := range rows { // a prefix that another name showed
		r := &rows[i]
		if r.IPv4 != "" || len(prefixes) == 0 || !strings.Contains(r.IP, ":") {
			continue
		}
		addr, err := netip.ParseAddr(r.IP)
		if err != nil {
			continue
		}
		for _, p := range prefixes {
			if p.Contains(addr) {
				r.IPv4 = embedded(addr, p.Bits()).String()
				break
			}
		}
	}
}

// addrsOf returns the IPv4 addresses of a name.
func addrsOf(rows []Row, name string) []netip.Addr {
	var all []netip.Addr
	for i := range rows {
		if rows[i].Name == name {
			all = appendV4(all, rows[i].IP)
			all = appendV4(all, rows[i].DNSLate...)
		}
	}
	return all
}

func appendV4(all []netip.Addr, texts ...string) []netip.Addr {
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() {
			all = append(all, a)
		}
	}
	return all
}

// prefixLengths are the lengths of RFC 6052, section 2.2, in bits.
var prefixLengths = []int{96, 64, 56, 48, 40, 32}

// embedded returns the IPv4 address in an IPv6 address, after a prefix of so many
// bits. Bits 64 to 71 are skipped.
func embedded(a netip.Addr, bits int) netip.Addr {
	b := a.As16()
	var v4 [4]byte
	at := bits / 8
	for i := range v4 {
		if at == 8 {
			at++
		}
		v4[i] = b[at]
		at++
	}
	return netip.AddrFrom4(v4)
}

package address

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// neighbours says of each block's neighbours, below and above, whether they are
// of the public internet. "" is none.
var neighbours = map[string][2]string{ // "public" or a part of the reason
	"0.0.0.0/8":         {"", "public"},
	"10.0.0.0/8":        {"public", "public"},
	"100.64.0.0/10":     {"public", "public"},
	"127.0.0.0/8":       {"public", "public"},
	"168.63.129.16/32":  {"public", "public"},
	"169.254.0.0/16":    {"public", "public"},
	"172.16.0.0/12":     {"public", "public"},
	"192.0.0.0/24":      {"public", "public"},
	"192.0.2.0/24":      {"public", "public"},
	"192.31.196.0/24":   {"public", "public"},
	"192.52.193.0/24":   {"public", "public"},
	"192.88.99.0/24":    {"public", "public"},
	"192.168.0.0/16":    {"public", "public"},
	"192.175.48.0/24":   {"public", "public"},
	"198.18.0.0/15":     {"public", "public"},
	"198.51.100.0/24":   {"public", "public"},
	"203.0.113.0/24":    {"public", "public"},
	"224.0.0.0/4":       {"public", "reserved"},
	"240.0.0.0/4":       {"multicast", ""},
	"::/128":            {"", "loopback"},
	"::1/128":           {"unspecified", "outside"},
	"::ffff:0.0.0.0/96": {"outside", "outside"},
	"64:ff9b::/96":      {"outside", "outside"},
	"64:ff9b:1::/48":    {"outside", "outside"},
	"100::/64":          {"outside", "outside"},
	"2001::/23":         {"public", "public"},
	"2001::/32":         {"public", "protocol"},
	"2001:2::/48":       {"protocol", "protocol"},
	"2001:10::/28":      {"protocol", "ORCHIDv2"},
	"2001:20::/28":      {"ORCHID ", "protocol"},
	"2001:db8::/32":     {"public", "public"},
	"2002::/16":         {"public", "public"},
	"2620:4f:8000::/48": {"public", "public"},
	"3fff::/20":         {"public", "public"},
	"fc00::/7":          {"outside", "outside"},
	"fd00:ec2::254/128": {"unique local", "unique local"},
	"fe80::/10":         {"outside", "site-local"},
	"fec0::/10":         {"link-local", "multicast"},
	"ff00::/8":          {"site-local", ""},
}

// Each row holds its first and its last address and not the ones beside them.
func TestBlocks(t *testing.T) {
	if len(neighbours) != len(Blocks) {
		t.Errorf("%d rows and %d tests of them", len(Blocks), len(neighbours))
	}
	seen := map[netip.Prefix]bool{}
	for _, b := range Blocks {
		if b.Prefix != b.Prefix.Masked() || seen[b.Prefix] {
			t.Errorf("%s is not written by its first address, or stands there twice", b.Prefix)
		}
		seen[b.Prefix] = true
		if !strings.Contains(b.Why, "(") || b.Bogon && b.Example {
			t.Errorf("%s: %q names no source, or it is two things", b.Prefix, b.Why)
		}
		first, end := b.Prefix.Addr(), last(b.Prefix)
		for _, a := range []netip.Addr{first, end} {
			got, ok := Lookup(a)
			if narrower := ok && got.Prefix.Bits() > b.Prefix.Bits(); !ok || got.Why != b.Why && !narrower {
				t.Errorf("%s of %s: the table says %q", a, b.Prefix, got.Why)
			}
			if b.Carries == 0 && Reserved(a) == "" {
				t.Errorf("%s of %s is public", a, b.Prefix)
			}
		}
		for i, a := range []netip.Addr{first.Prev(), end.Next()} {
			want := neighbours[b.Prefix.String()][i]
			if a.IsValid() == (want == "") {
				t.Errorf("%s: its neighbour %s has no test", b.Prefix, a)
				continue
			}
			got := Reserved(a)
			if want == "public" && got != "" || want != "public" && !strings.Contains(got, want) {
				t.Errorf("%s beside %s is %q, want %q", a, b.Prefix, got, want)
			}
		}
	}
}

// What carries an IPv4 address is judged by it.
func TestReserved(t *testing.T) {
	for text, want := range map[string]string{
		"8.8.8.8": "", "1.1.1.1": "", "2001:4860:4860::8888": "", "2606:4700::1111": "", "2001:200::1": "",
		"::ffff:8.8.8.8": "", "::ffff:10.1.2.3": "private", "::ffff:169.254.169.254": "link-local",
		"64:ff9b::808:808": "", "64:ff9b::a00:1": "private", "64:ff9b::7f00:1": "loopback", "64:ff9b::a83f:8110": "metadata",
		"64:ff9b:1::808:808": "within a network", "64:ff9b:1::a9fe:a9fe": "within a network",
		"2002:808:808::1": "", "2002:7f00:1::1": "loopback", "2002:a9fe:a9fe::1": "link-local", "2002:c000:204::": "documentation",
		"2001:0:4136:e378:8000:63bf:80ff:fffe": "Teredo", "2001::1": "Teredo",
		"fe80::1%eth0": "link", "2001:4860::1%eth0": "link", "5f00::1": "outside", "::127.0.0.1": "outside", "::ffff:0:169.254.169.254": "outside",
		"2a00:1450:4001:82a:0:5efe:7f00:1": "ISATAP", "fd00:ec2::254": "cloud", "fd20:ce::254": "unique local", "192.0.0.192": "metadata", "100.100.100.200": "metadata",
	} {
		if got := Reserved(netip.MustParseAddr(text)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
	if Reserved(netip.Addr{}) == "" {
		t.Error("no address is a public one")
	}
}

func TestCarried(t *testing.T) {
	for text, want := range map[string]string{
		"::ffff:8.8.8.8": "8.8.8.8", "64:ff9b::808:404": "8.8.4.4", "2002:808:404::1": "8.8.4.4", "8.8.8.8": "8.8.8.8", "2606:4700::1111": "2606:4700::1111",
	} {
		if got := Carried(netip.MustParseAddr(text)); got.String() != want {
			t.Errorf("%s carries %s, want %s", text, got, want)
		}
	}
}

func FuzzReserved(f *testing.F) {
	for _, b := range Blocks {
		f.Add(b.Prefix.Addr().AsSlice())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		if Reserved(a) != "" {
			return
		}
		c := Carried(a)
		if !c.IsGlobalUnicast() || c.IsPrivate() || slices.ContainsFunc(Blocks, func(b Block) bool { return b.Prefix.Contains(c) && b.Carries == 0 }) {
			t.Errorf("%s is public and carries %s", a, c)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	addrs := []netip.Addr{netip.MustParseAddr("104.244.42.1"), netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("2606:4700::1111")}
	for i := range b.N {
		Lookup(addrs[i%len(addrs)])
	}
}

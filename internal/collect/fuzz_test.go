package collect

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/address"
)

// No URL that the guard takes names a forbidden address or port.
func FuzzCheckURL(f *testing.F) {
	for _, s := range tricks {
		f.Add(s)
	}
	f.Add("https://example.org/")
	g := &Guard{}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := g.CheckURL(s)
		if err != nil {
			return
		}
		if u.Hostname() == "" {
			return // nothing is looked up or reached
		}
		if port, err := portOf(u); err != nil || slices.Contains(badPorts, port) {
			t.Errorf("%q is taken", s)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && address.Reserved(a) != "" {
			t.Errorf("%q is taken, but %s", s, address.Reserved(a))
		}
		if h := strings.ToLower(u.Hostname()); h == "localhost" || strings.HasSuffix(h, ".localhost") || !strings.ContainsAny(h, ".:") {
			t.Errorf("%q is taken", s)
		}
	})
}

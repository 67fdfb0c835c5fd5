package collect

import (
	"net/netip"
	"strings"
	"testing"
)

// No URL that the guard takes names a forbidden address or port.
func FuzzCheckURL(f *testing.F) {
	for _, s := range tricks {
		f.Add(s)
	}
	f.Add("https://example.org/")
	g := &Guard{Ports: DefaultPorts}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := g.CheckURL(s)
		if err != nil {
			return
		}
		port, err := portOf(u)
		if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || port != 80 && port != 443 && port != 8080 && port != 8443 {
			t.Errorf("%q is taken", s)
		}
		if a, err := netip.ParseAddr(u.Hostname()); err == nil && Reserved(a) != "" {
			t.Errorf("%q is taken, but %s", s, Reserved(a))
		}
		if h := strings.ToLower(u.Hostname()); h == "localhost" || strings.HasSuffix(h, ".localhost") || !strings.ContainsAny(h, ".:") {
			t.Errorf("%q is taken", s)
		}
	})
}

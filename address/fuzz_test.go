package address

import (
	"net/netip"
	"strings"
	"testing"
)

// No address is left in what is scrubbed.
func FuzzScrub(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "x 1.2.3.4:80 y", "2001:db8::1", "[2001:db8::1]:443", "v1.2.3 12:30:45", "::ffff:1.2.3.4", "1.2.3.4.5", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := Scrub(s)
		for _, word := range strings.FieldsFunc(out, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.", r) }) {
			if _, err := netip.ParseAddr(word); err == nil && len(word) > 2 {
				t.Errorf("%q → %q keeps %s", s, out, word)
			}
		}
	})
}

package probe

import (
	"net/netip"
	"regexp"
)

// An address in running text; candidates are parsed before they are replaced,
// so that times and versions stay.
var addressLike = regexp.MustCompile(`[0-9A-Fa-f:.]*[0-9A-Fa-f][:.][0-9A-Fa-f:.]*[0-9A-Fa-f:]`)

// Scrub replaces every IP address in s by "[scrubbed]".
func Scrub(s string) string {
	return addressLike.ReplaceAllStringFunc(s, func(part string) string {
		if _, err := netip.ParseAddr(part); err == nil {
			return "[scrubbed]"
		}
		if _, err := netip.ParseAddrPort(part); err == nil {
			return "[scrubbed]"
		}
		return part
	})
}

// ScrubAddr replaces the given addresses, and only those, in s.
func ScrubAddr(s string, own ...netip.Addr) string {
	if len(own) == 0 {
		return s
	}
	return addressLike.ReplaceAllStringFunc(s, func(part string) string {
		a, err := netip.ParseAddr(part)
		if err != nil {
			ap, err := netip.ParseAddrPort(part)
			if err != nil {
				return part
			}
			a = ap.Addr()
		}
		for _, o := range own {
			if a.Unmap() == o.Unmap() {
				return "[scrubbed]"
			}
		}
		return part
	})
}

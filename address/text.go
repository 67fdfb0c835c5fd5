package address

import (
	"net/netip"
	"regexp"
)

// addressLike matches runs of the characters that addresses are made of. Parsing
// decides whether a run is an address, so that times and versions stay.
var addressLike = regexp.MustCompile(`[0-9A-Fa-f:.]{3,}`)

// Scrub replaces every IP address in s by "[scrubbed]", for errors and logs.
func Scrub(s string) string {
	return Replace(s, func(netip.Addr) bool { return true })
}

// Replace replaces by "[scrubbed]" each IP address in s for which drop returns
// true, together with its port where one follows.
func Replace(s string, drop func(netip.Addr) bool) string {
	return addressLike.ReplaceAllStringFunc(s, func(run string) string {
		// A full stop or a colon before or after may belong to the text.
		for lead := range 2 {
			for trail := range 3 {
				if lead+trail+2 > len(run) || !punctuation(run[:lead]) || !punctuation(run[len(run)-trail:]) {
					continue
				}
				a, ok := addressOf(run[lead : len(run)-trail])
				if ok && drop(a) {
					return run[:lead] + "[scrubbed]" + run[len(run)-trail:]
				}
				if ok {
					return run
				}
			}
		}
		return run
	})
}

func punctuation(s string) bool {
	for i := range len(s) {
		if s[i] != ':' && s[i] != '.' {
			return false
		}
	}
	return true
}

func addressOf(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap(), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), true
	}
	return netip.Addr{}, false
}

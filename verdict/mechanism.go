package verdict

import (
	"maps"
	"slices"
	"strings"
)

// whole maps mechanisms to words, where words for the whole are better than words
// for the parts.
var whole = map[string]string{
	"dns":                     "the name lookup fails",
	"dns.nxdomain":            "the name lookup answers that the name does not exist",
	"dns.no_answer":           "the name lookup gives no address",
	"dns.injection":           "the name lookup gives a false address",
	"dns.injection.blockpage": "the name lookup gives the address of a block page",
	"dns.injection.bogon":     "the name lookup gives an address that cannot be right",
	"dns.injection.other":     "the name lookup gives a false address",
	"http.blockpage":          "a block page comes in the place of the page",
	"http.redirect":           "visitors are sent to a block page",
	"http.throttle":           "the page is slowed down",
	"tls.throttle":            "connections are slowed down when the site's name is seen",
	"tls.mitm":                "somebody on the way answers with a certificate of their own",
	"tls.mitm.ca_signed":      "somebody on the way answers with a certificate that an authority signed",
	"tls.mitm.self_signed":    "somebody on the way answers with a certificate that nobody vouches for",
	"server_side":             "the server itself fails, for the control too",
	"ip.unreachable":          "the address cannot be reached",
}

// steps and endings are words for the parts of all other mechanisms.
var steps = map[string]string{
	"dns": "the name lookup", "tcp": "the connection", "tls": "the encrypted connection", "http": "the request for the page", "quic": "the QUIC connection", "app": "the app's connection",
}

var endings = map[string]string{
	"reset": "is reset", "refused": "is refused", "timeout": "times out", "eof": "is closed early", "unreachable": "finds no way to the address", "throttle": "is slowed down", "error": "fails",
}

// MechanismTerms returns all terms for which a language needs words to say every
// mechanism: whole mechanisms, first parts (steps) and last parts (endings).
func MechanismTerms() (wholes, firsts, lasts []string) {
	return slices.Sorted(maps.Keys(whole)), slices.Sorted(maps.Keys(steps)), slices.Sorted(maps.Keys(endings))
}

// MechanismWords says in English how access was taken away: "tls.reset.sni" is "the
// encrypted connection is reset when the site's name is seen". It is "" for a
// mechanism without words.
func MechanismWords(mechanism string) string {
	if w, ok := whole[mechanism]; ok {
		return w
	}
	if stem, ok := strings.CutSuffix(mechanism, ".sni"); ok {
		if w := MechanismWords(stem); w != "" {
			return w + " when the site's name is seen"
		}
		return ""
	}
	step, ending, two := strings.Cut(mechanism, ".")
	subject, ok := steps[step]
	if !ok {
		return ""
	}
	if !two {
		return subject + " fails"
	}
	if verb, ok := endings[ending]; ok {
		return subject + " " + verb
	}
	return subject + " fails"
}

package verdict

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
)

// The layers of a measurement. LayerApp is for the endpoints of a messenger or a
// circumvention tool together; LayerInstrument is for the probe.
const (
	LayerDNS        = "dns"
	LayerTCP        = "tcp"
	LayerTLS        = "tls"
	LayerHTTP       = "http"
	LayerQUIC       = "quic"
	LayerApp        = "app"
	LayerInstrument = "instrument"
)

// Rule is one thing that can be concluded. Rules are tried in order (see
// view.open). Of the rules of a layer that fire, the first decides the layer.
type Rule struct {
	ID       string // never used again with another meaning
	Layer    string
	Sentence string // for readers
	Basis    string // why the rule may be believed

	// Determinate is true where no other explanation is known. Other rules only
	// suggest.
	Determinate bool
	Outcome     Outcome
	// State is the state for which the rule argues, "" for none.
	State State
	// Mechanism is the dotted path that the rule supports. ".*" at its end stands for
	// the kind of failure: "tcp.*" becomes tcp.reset.
	Mechanism string
	// Invalid says why the measurement says nothing about the network, "" otherwise.
	Invalid string

	row   func(*scene, *view) bool // asked for every row with a step of the layer
	whole func(*scene) bool        // or asked once for the measurement

	layer int // index of Layer in layerNames
}

const (
	done     = observation.Done
	timedOut = observation.Result("generic_timeout_error")

	contrast = "the control, elsewhere, did at the same time what failed here (OONI ts-017)"
	artefact = "the answer itself shows interference"
)

// Rules returns the rule set in order. The caller may change the slice.
func Rules() []Rule { return slices.Clone(rules) }

var rules = indexed(slices.Concat(instrumentRules, dnsRules, tcpRules, tlsRules, quicRules, httpRules, appRules))

func indexed(all []Rule) []Rule {
	for i := range all {
		all[i].layer = slices.Index(layerNames[:], all[i].Layer)
	}
	return all
}

var dnsRules = []Rule{
	{
		ID: "dns_blockpage_address", Layer: LayerDNS, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "dns.injection.blockpage", Basis: "fingerprint of the country: " + artefact,
		Sentence: "The resolver answered with the address, or the name, of a known block page of this country.",
		row: func(s *scene, v *view) bool {
			return (asked(v) || v.IP == "" && v.dns.Failed() && (v.system || v.udp)) && !v.vouched && s.settles(v, true)
		},
	},
	{
		ID: "dns_says_censored", Layer: LayerDNS, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "dns.policy", Basis: "RFC 8914, extended error 16: what the resolver says of its own answer",
		Sentence: "The probe's own resolver says that it withholds the name because others made it.",
		row: func(s *scene, v *view) bool {
			return v.dns.Tried() && !v.vouched && s.resolve == 0 && said(v, observation.ExtendedCensored)
		},
	},
	{
		ID: "dns_says_blocked", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.policy", Basis: "RFC 8914, extended error 15: what the resolver says of its own answer; filters that households run say so too, and are left out where their address shows it",
		Sentence: "The probe's own resolver, which is not one of the local network, says that it withholds the name by a list of its operator.",
		row: func(s *scene, v *view) bool {
			return v.dns.Tried() && !v.vouched && s.resolve == 0 && said(v, observation.ExtendedBlocked)
		},
	},
	{
		ID: "dns_bogon", Layer: LayerDNS, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; " + contrast,
		Sentence: "The resolver answered with an address that no public server can have; the control got a public one.",
		row: func(s *scene, v *view) bool {
			return bogonContrast(s, v) && v.system && !s.nearby(v) && (s.resolve == 0 && !hostLocal(v) || v.udp) && !s.sixthOddity(v)
		},
	},
	{
		ID: "dns_bogon_local", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; " + contrast + "; hosts files, routers and home filters also answer so",
		Sentence: "The resolver answered with the probe's own, the zero or a home network's address, or it alone with a private one; the control got a public one.",
		row: func(s *scene, v *view) bool {
			return bogonContrast(s, v) && v.system && s.resolve == 0 && (s.nearby(v) || hostLocal(v) && !v.udp) && !s.sixthOddity(v)
		},
	},
	{
		ID: "dns_ghost_confirmed", Layer: LayerDNS, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "dns.injection.other", Basis: artefact,
		Sentence: "The name does not exist, as the control and a second resolver of the probe say, yet the probe got an address for it.",
		row: func(s *scene, v *view) bool {
			return ghost(s, v) && s.other(func(w *view) bool { return w.Name == v.Name && w.dns == "dns_nxdomain_error" })
		},
	},
	{
		ID: "dns_ghost", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast,
		Sentence: "The name does not exist for the control, yet the probe got an address for it.",
		row:      func(s *scene, v *view) bool { return ghost(s, v) && !ledElsewhere(s, v) },
	},
	{
		ID: "dns_ghost_search_page", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Basis:    "providers send mistyped names to search pages",
		Sentence: "The name does not exist for the control; the probe got an address that sends the visitor to another site.",
		row:      func(s *scene, v *view) bool { return ghost(s, v) && ledElsewhere(s, v) },
	},
	{
		ID: "dns_known_address", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.blockpage", Basis: "fingerprint without its country; " + contrast,
		Sentence: "The address is one that censors elsewhere are known to answer with, and the control did not get it.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && !v.bogon && slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool { return dnsMatch(m) && censors(m) })
		},
	},
	{
		ID: "dns_wrong_server", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast,
		Sentence: "The address is one that the control never got, and the server there cannot prove the name, to the probe or to the control.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && !v.bogon && (s.fetched || s.nameProven(v.Name)) && !s.served(v) && s.other(func(w *view) bool {
				return w.IP == v.IP && w.Name == v.Name && (wrongCertificate(w) || certificateFailure(w.ControlTLS))
			})
		},
	},
	{
		ID: "dns_wrong_neighbour", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast + "; whoever rents servers of the same provider has addresses of the same network",
		Sentence: "The address is of the network that the control's are of, but the control never got it, and the server there cannot prove the name to the control, which loaded the page, or names itself as another one.",
		row: func(s *scene, v *view) bool {
			return asked(v) && v.kin && !v.vouched && !v.bogon && s.resolve == 0 && !s.pageOK && s.controlProves(v.Name) && s.other(func(w *view) bool {
				return w.IP == v.IP && w.Name == v.Name && certificateFailure(w.tls) && (certificateFailure(w.ControlTLS) || w.ControlTLS == "" && otherHost(w))
			})
		},
	},
	{
		ID: "dns_lesser_server", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast,
		Sentence: "The address is one that the control never got, and what listens there does not speak TLS, not even to the control, as the genuine server does.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && !v.bogon && !s.served(v) && s.other(func(w *view) bool {
				return w.IP == v.IP && w.Name == v.Name && w.Port == 443 && (w.tcp.Failed() && w.ControlTCP.Failed() || w.tls.Failed() && w.ControlTLS.Failed())
			}) && s.other(func(w *view) bool {
				return w.Name == v.Name && w.Port == 443 && (w.ControlTLS == done || proven(w))
			})
		},
	},
	{
		ID: "dns_leads_nowhere", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast + "; whether the address or the way to it is wrong is not told apart",
		Sentence: "The address is one that the control never got; the control can connect to it and loaded the page, and the probe gets nothing from it.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && !v.bogon && v.Hop == 0 && (s.fetched || s.controlProves(v.Name)) && !s.pageOK && !s.died && s.familyWorks(v) && !s.systemGave(v) && s.leadsNowhere(v)
		},
	},
	{
		ID: "dns_product_address", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Basis:    "list of the addresses of filters that households, schools and companies choose",
		Sentence: "The address is a filter's that users or networks choose for themselves.",
		row:      func(s *scene, v *view) bool { return asked(v) && !v.vouched && s.product(v) && !ignored(v) },
	},
	{
		ID: "dns_dead_address", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.other", Basis: contrast,
		Sentence: "The address is one that the control never got and that serves nobody, not even the control.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && !v.bogon && (s.fetched || s.nameProven(v.Name)) && !v.v6 && s.dead(v) && !s.served(v) &&
				(v.TCP == "connection_refused" || v.IPASN != s.first.ASN || s.resolvedElsewhere(v))
		},
	},
	{
		ID: "dns_foreign_page", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.blockpage", Basis: contrast,
		Sentence: "The address is one that the control never got, and the page there is another than the control's.",
		row: func(s *scene, v *view) bool {
			return s.misled(v) && s.other(func(w *view) bool {
				return w.IP == v.IP && w.Name == v.Name && w.page && w.clear && w.like == unlike && !s.excused(w)
			})
		},
	},
	{
		ID: "dns_nxdomain", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.nxdomain", Basis: contrast,
		Sentence: "The resolver says that the name does not exist; the control found it.",
		row:      func(s *scene, v *view) bool { return lookupContrast(s, v) && v.dns == "dns_nxdomain_error" },
	},
	{
		ID: "dns_refused", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.refused", Basis: contrast,
		Sentence: "The resolver refuses to answer for the name; the control resolved it.",
		row:      func(s *scene, v *view) bool { return lookupContrast(s, v) && v.dns == "dns_refused_error" },
	},
	{
		ID: "dns_refused_again", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.refused", Basis: contrast + "; the system's functions give no reason, a second resolver asked in the clear does",
		Sentence: "The lookup failed without a reason, and a second resolver refuses to answer for the name; the control resolved it.",
		row: func(s *scene, v *view) bool {
			return lookupContrast(s, v) && nameless(v.dns) && s.other(func(w *view) bool {
				return w.Name == v.Name && w.udp && asksAddress(w) && w.dns == "dns_refused_error"
			})
		},
	},
	{
		ID: "dns_timeout", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.timeout", Basis: contrast,
		Sentence: "The resolver does not answer for the name; the control resolved it.",
		row: func(s *scene, v *view) bool {
			return lookupContrast(s, v) && v.dns == timedOut && !v.Worked("repeat", "dns") && !s.sixthDropped(v)
		},
	},
	{
		ID: "dns_no_data", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns", Basis: contrast + "; Android says no more than that there was no data",
		Sentence: "The resolver has no address for the name; the control found one.",
		row: func(s *scene, v *view) bool {
			return lookupContrast(s, v) && (v.dns == "android_dns_cache_no_data" || v.dns == "dns_no_answer" && v.DNSType != "") && controlHasV4(v)
		},
	},
	{
		ID: "dns_redirect_lookup", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.*", Basis: contrast + "; the control followed the same redirects",
		Sentence: "A host that the page redirects to does not resolve; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return v.Hop > 0 && v.IP == "" && v.system && s.fetched && s.resolve == 0 && s.redirectHeld(v) &&
				(v.dns == "dns_nxdomain_error" || v.dns == "dns_refused_error" || v.dns == timedOut)
		},
	},
	{
		ID: "dns_redirect_bogon", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; " + contrast + "; the control followed the same redirects",
		Sentence: "The resolver answered for a host that the page redirects to with an address that no public server can have; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return v.Hop > 0 && asked(v) && v.system && v.bogon && v.ControlDNS == "" && s.fetched && !s.pageOK && s.resolve == 0 && s.redirectHeld(v)
		},
	},
	{
		ID: "dns_redirect_down", Layer: LayerDNS, Outcome: OutcomeDown, State: Down,
		Basis:    contrast + "; the control followed the same redirects",
		Sentence: "A host that the page redirects to does not resolve; the control did not get the page either.",
		row: func(s *scene, v *view) bool {
			return v.Hop > 0 && v.IP == "" && v.system && v.dns.Failed() && s.control && s.first.ControlHTTP.Failed() && s.redirectHeld(v)
		},
	},
	{
		ID: "dns_address_down", Layer: LayerDNS, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The name resolves to an address that no public server can have, for the control too.",
		row:      func(s *scene, v *view) bool { return v.bogon && slices.Contains(v.ControlAddrs, v.IP) },
	},
	{
		ID: "dns_down", Layer: LayerDNS, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The name does not resolve, for the control neither.",
		row: func(s *scene, v *view) bool {
			return s.control && !s.fetched && v.IP == "" && v.dns.Failed() && v.ControlDNS.Failed() && v.system && !s.nameProven(v.Name)
		},
	},
	{
		ID: "dns_nxdomain_proven", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.nxdomain", Basis: "a certificate proves the name at an address from another resolver",
		Sentence: "The resolver says that the name does not exist; a server that another resolver led to proved it.",
		row: func(s *scene, v *view) bool {
			return v.IP == "" && v.system && v.dns == "dns_nxdomain_error" && v.ControlDNS != done && asksAddress(v) && s.resolve == 0 &&
				s.nameProven(v.Name) && !s.systemFound(v)
		},
	},
	{
		ID: "dns_bogon_proven", Layer: LayerDNS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890; a certificate proves the name at an address from another resolver",
		Sentence: "The resolver answered with an address that no public server can have; a server that another resolver led to proved the name.",
		row: func(s *scene, v *view) bool {
			return asked(v) && v.system && v.bogon && !v.vouched && v.ControlDNS != done && s.resolve == 0 && s.nameProven(v.Name) && !s.systemFound(v)
		},
	},
	{
		ID: "dns_filtering_resolver", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Basis:    "list of public resolvers that filter on request; RFC 8914, extended error 17, filtered as the client has asked, or 15, blocked, from a resolver of the local network",
		Sentence: "The name is withheld, but by a filtering resolver that the user may have chosen.",
		row: func(s *scene, v *view) bool {
			failed := v.IP == "" && v.dns.Failed() && v.system && v.ControlDNS == done
			return s.resolve == 'f' && (failed || bogonContrast(s, v) && v.system)
		},
	},
	{
		ID: "dns_prohibited", Layer: LayerDNS, Determinate: true, Outcome: OutcomeUnknown, State: Impaired,
		Basis:    "RFC 8914, extended error 18: what the resolver says of its own answer",
		Sentence: "The probe's own resolver says that it does not serve this client: that it has no answer says nothing of the name.",
		row: func(s *scene, v *view) bool {
			return v.IP == "" && v.dns.Failed() && v.system && s.resolve == 'p'
		},
	},
	{
		ID: "dns_bogon_unvouched", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.injection.bogon", Basis: "RFC 6890",
		Sentence: "One of the resolvers answered with an address that no public server can have.",
		row: func(s *scene, v *view) bool {
			return asked(v) && v.bogon && !v.vouched && s.comparable() && v.ControlDNS != done && !ignored(v)
		},
	},
	{
		ID: "dns_second_resolver_bogon", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.injection.bogon", Basis: "the second resolver, or something on the way to it",
		Sentence: "Only a second resolver answered with an address that no public server can have.",
		row:      func(s *scene, v *view) bool { return bogonContrast(s, v) && !v.system },
	},
	{
		ID: "dns_failed_oddly", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.*", Basis: "servers fail so for many reasons",
		Sentence: "The lookup failed in a way that says little; the control resolved the name.",
		row:      func(s *scene, v *view) bool { return s.control && v.IP == "" && v.system && v.dns.Failed() },
	},
	{
		ID: "dns_failed_uncontrolled", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns.*", Basis: "the test has no control, or the table does not keep it",
		Sentence: "The lookup failed, and nothing tells why.",
		row: func(s *scene, v *view) bool {
			return s.comparable() && v.IP == "" && v.system && v.dns.Failed() && !ignored(v)
		},
	},
	{
		ID: "dns_found_elsewhere", Layer: LayerDNS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "dns", Basis: "those who use the network's resolver do not get the page",
		Sentence: "The page came only from an address that another resolver gave; what the probe's own gave led nowhere.",
		row: func(s *scene, v *view) bool {
			nowhere := v.IP == "" && v.dns.Failed() && asksAddress(v) || v.IP != "" && v.dns == done && !v.vouched && (v.tcp.Failed() || v.tls.Failed())
			return s.web && s.pageOK && v.Hop == 0 && v.system && nowhere && !s.systemFound(v)
		},
	},
	{
		ID: "dns_other_says_blocked", Layer: LayerDNS, Determinate: true, Outcome: OutcomeUnknown,
		Mechanism: "dns.policy.elsewhere", Basis: "RFC 8914, extended errors 15 to 17: what the resolver says of its own answer",
		Sentence: "A resolver that is not the probe's own says that it withholds the name: that says nothing of this network.",
		row: func(_ *scene, v *view) bool {
			return !v.vouched && saidElsewhere(v, observation.ExtendedBlocked, observation.ExtendedCensored, observation.ExtendedFiltered)
		},
	},
	{
		ID: "dns_vouched", Layer: LayerDNS, Determinate: true, Outcome: OutcomeOK,
		Basis:    "the control got it, or a certificate proves the name on it",
		Sentence: "The resolver gave a genuine address.",
		row:      func(s *scene, v *view) bool { return asked(v) && v.vouched },
	},
	{
		ID: "dns_kin", Layer: LayerDNS, Outcome: OutcomeOK,
		Basis:    "services answer with addresses near the visitor",
		Sentence: "The resolver gave an address of the same network as the control's.",
		row:      func(s *scene, v *view) bool { return asked(v) && v.kin },
	},
	{
		ID: "dns_open", Layer: LayerDNS, Outcome: OutcomeUnknown,
		Basis:    "nothing vouches for the address and nothing speaks against it",
		Sentence: "The resolver gave an address that could not be checked.",
		row:      func(s *scene, v *view) bool { return asked(v) && !v.vouched },
	},
	{
		ID: "dns_failed", Layer: LayerDNS, Outcome: OutcomeUnknown,
		Basis:    "without a control, a failure has many explanations",
		Sentence: "The lookup failed, and nothing tells why.",
		row:      func(s *scene, v *view) bool { return v.IP == "" && v.dns.Failed() },
	},
}

// nameProven reports whether a server proved the name with its certificate.
func (s *scene) nameProven(name string) bool {
	return s.other(func(w *view) bool { return w.Name == name && w.IP != "" && !w.bogon && proven(w) })
}

// systemFound reports whether the probe's own resolver gave an address of the name
// that may be right: it is vouched for, or the probe connected to it.
func (s *scene) systemFound(v *view) bool {
	return s.other(func(w *view) bool {
		return w.Name == v.Name && w.system && w.dns == done && (w.vouched || w.kin || !w.bogon && w.tcp == done && !w.tls.Failed())
	})
}

// asked reports whether the address came from the probe's own resolver or from one
// that was asked without encryption. Answers of an encrypted resolver cannot be
// forged on the path.
func asked(v *view) bool { return v.dns == done && !v.Literal && (v.system || v.udp) }

// systemGave reports whether the probe's own resolver also gave another address of
// the name that is vouched for.
func (s *scene) systemGave(v *view) bool {
	return s.other(func(w *view) bool {
		return w.Name == v.Name && w.IP != v.IP && w.system && w.dns == done && !w.bogon && (w.vouched || w.kin)
	})
}

// sixthOddity reports whether an IPv6 address that no server can have came beside a
// good IPv4 address. Some networks invent such addresses for hosts without IPv6.
func (s *scene) sixthOddity(v *view) bool { return v.v6 && s.systemGave(v) }

// served reports whether the page came from the address as the control got it, or
// over a connection that proves the name.
func (s *scene) served(v *view) bool {
	return s.other(func(w *view) bool {
		return w.IP == v.IP && w.Name == v.Name && (w.page && w.http == done && w.like == alike || proven(w))
	})
}

// controlProves reports whether a handshake of the control for the name completed,
// or its page came over HTTPS.
func (s *scene) controlProves(name string) bool {
	return s.fetched && strings.HasPrefix(s.first.Input, "https://") || s.other(func(w *view) bool { return w.Name == name && w.ControlTLS == done })
}

// leadsNowhere reports whether the probe tried the address that a lookup gave, and
// every step failed there that the control could do. Where the control did not try
// the step, the control's page must have come.
func (s *scene) leadsNowhere(v *view) bool {
	failed := false
	for i := range s.views {
		w := &s.views[i]
		if w.IP != v.IP || w.Name != v.Name || s.idle(w) {
			continue
		}
		switch {
		case tcpFailed(w):
			if w.ControlTCP != done {
				return false
			}
			failed = true
		case w.tls == done && w.Verified(), w.http == done:
			return false
		case cutOff(w.tls), cutOff(w.http) && w.http != timedOut: // a page that is late may be far away
			failed = true
		}
	}
	return failed
}

// sixthDropped reports whether only lookups of IPv6 addresses time out, as behind
// routers that drop them. The system's functions wait for both families.
func (s *scene) sixthDropped(v *view) bool {
	return s.other(func(w *view) bool { return w.Name == v.Name && w.udp && w.dns == done && !w.v6 }) &&
		s.other(func(w *view) bool { return w.Name == v.Name && w.udp && w.dns == timedOut && w.DNSType == "AAAA" })
}

// misled reports whether the probe's own resolver gave an address that nothing
// vouches for. A resolver that was asked without encryption counts where the
// probe's own gave no genuine address either.
func (s *scene) misled(v *view) bool {
	return asked(v) && v.foreign && s.resolve == 0 && !s.product(v) && (v.system || !s.pageOK && !s.other(func(w *view) bool {
		return w.Name == v.Name && w.system && w.dns == done && (w.vouched || w.kin)
	}))
}

// said reports whether the probe's own resolver gave one of some extended errors
// with its answer. saidElsewhere reports whether another resolver did.
func said(v *view, codes ...uint16) bool          { return saidBy(v, true, codes) }
func saidElsewhere(v *view, codes ...uint16) bool { return saidBy(v, false, codes) }

func saidBy(v *view, own bool, codes []uint16) bool {
	return slices.ContainsFunc(v.DNSExtended, func(text string) bool {
		e, ok := observation.ParseExtendedError(text)
		return ok && slices.Contains(codes, e.Code) && ownResolver(e.Engine) == own
	})
}

// ownResolver reports whether an engine is the resolver that the system uses: asked
// through the system's functions, or directly, or at an address that only the
// network's own resolver can have.
func ownResolver(engine string) bool {
	switch kind, _, _ := strings.Cut(engine, " "); kind {
	case "udp", "tcp", "dot", "doh":
		return stub(engine) || localResolver(engine)
	}
	return true
}

// stub reports whether an engine is the system's own resolver, asked directly by
// our probe.
func stub(engine string) bool { return engine == "udp system" || engine == "udp local" }

// localResolver reports whether an engine is a resolver of the local network, at
// home or in a company: our probe says so, or its address shows it.
func localResolver(engine string) bool {
	_, at, _ := strings.Cut(engine, " ")
	if at == "" || at[0] != '[' && (at[0] < '0' || at[0] > '9') { // most are URLs, for which ParseAddrPort would only make an error
		return engine == "udp local"
	}
	addr, err := netip.ParseAddrPort(at)
	return err == nil && isBogon(addr.Addr())
}

func dnsMatch(m fingerprint.Match) bool { return m.Location == "dns" && m.Scope != "fp" }

// censors reports whether a fingerprint shows blocking by a state or a provider.
// Products that anybody may use, and vague words, do not count.
func censors(m fingerprint.Match) bool { return m.Scope == "nat" || m.Scope == "isp" }

// product reports whether the address is one with which a filtering product answers
// that households, schools and companies choose.
func (s *scene) product(v *view) bool {
	found := false
	for _, m := range v.matches {
		switch {
		case !dnsMatch(m):
		case censors(m):
			return false
		default:
			found = found || m.Scope != "vbw" && s.local(m)
		}
	}
	return found
}

// local reports whether a fingerprint is of the probe's country, or of no
// particular country.
func (s *scene) local(m fingerprint.Match) bool {
	return len(m.Countries) == 0 || m.Expected(s.first.CC) || m.Expected("ZZ")
}

// settles reports whether a fingerprint of the probe's country matched: the address
// with dns, else the response.
func (s *scene) settles(v *view, dns bool) bool {
	return slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool {
		return dnsMatch(m) == dns && (m.Scope == "nat" || m.Scope == "isp") && m.Expected(s.first.CC)
	})
}

// other reports whether a condition holds for any row of the measurement.
func (s *scene) other(holds func(*view) bool) bool {
	for i := range s.views {
		if holds(&s.views[i]) {
			return true
		}
	}
	return false
}

func bogonContrast(s *scene, v *view) bool {
	return asked(v) && v.bogon && !v.vouched && v.ControlDNS == done && s.control && controlHasPublic(v)
}

func controlHasPublic(v *view) bool {
	return slices.ContainsFunc(v.ControlAddrs, func(a string) bool { return !bogonText(a) })
}

func controlHasV4(v *view) bool {
	return slices.ContainsFunc(v.ControlAddrs, func(a string) bool { return strings.Contains(a, ".") && !bogonText(a) })
}

func hostLocal(v *view) bool { return v.addr.IsLoopback() || v.addr.IsUnspecified() }

// homeLocal reports whether an address is one that home routers give out.
func homeLocal(v *view) bool { return homes.Contains(v.addr) || v.addr.IsLinkLocalUnicast() }

// nearby reports whether an address may be that of a filter near the visitor: one
// that home routers give out; or a private one that only the probe's own resolver
// gives, while another one that was asked without encryption gives a genuine
// address.
func (s *scene) nearby(v *view) bool {
	return homeLocal(v) || v.addr.IsPrivate() && !v.udp && s.other(func(w *view) bool {
		return w.Name == v.Name && w.udp && w.dns == done && (w.vouched || w.kin)
	})
}

// ghost reports whether the probe got an address for a name that does not exist for
// the control.
func ghost(s *scene, v *view) bool {
	return asked(v) && !v.vouched && v.ControlDNS == "dns_nxdomain_error" && s.resolve == 0
}

// ledElsewhere reports whether the server at the address sends the visitor to
// another site, as search pages of providers do.
func ledElsewhere(s *scene, v *view) bool {
	return s.other(func(w *view) bool {
		return w.Name == v.Name && w.Status >= 300 && w.Status < 400 && w.Location != "" &&
			site(observation.HostOf(w.Location)) != site(v.Name) && len(w.matches) == 0
	})
}

// lookupContrast reports whether the probe's resolver failed to find addresses of
// the input's name that the control found, while the probe was not offline.
func lookupContrast(s *scene, v *view) bool {
	if !s.control || v.IP != "" || !v.system || !v.dns.Failed() || !asksAddress(v) || s.resolve != 0 {
		return false
	}
	found := v.ControlDNS == done && len(v.ControlAddrs) > 0 && controlHasPublic(v) || v.ControlDNS.Failed() && s.fetched && v.Hop == 0
	return found && !s.stranded() &&
		!s.other(func(w *view) bool { return w.Name == v.Name && w.dns == done && w.system })
}

// nameless reports whether a failure of the system's functions can stand for any
// answer other than an address or NXDOMAIN: a refusal, a broken server, no answer.
func nameless(f observation.Result) bool {
	switch f {
	case "dns_server_misbehaving", "dns_temporary_failure", "dns_non_recoverable_failure", "dns_lookup_error", "dns_servfail_error",
		"android_dns_cache_no_data", "unknown_error":
		return true
	}
	return strings.HasPrefix(string(f), "unknown_failure")
}

// asksAddress reports whether every host on the web has an answer to the lookup.
// Many hosts have no AAAA, HTTPS, CNAME or NS record, and servers without them fail
// in all ways. "" is for a table that does not keep the type.
func asksAddress(v *view) bool { return v.DNSType == "A" || v.DNSType == "ANY" || v.DNSType == "" }

// stranded reports whether the probe seems to have been offline: every resolver
// except its own failed because there was no route, and nothing else worked.
func (s *scene) stranded() bool {
	found := false
	for i := range s.views {
		v := &s.views[i]
		if v.dns == done && !v.Literal || v.tcp == done || v.tls == done || v.quic == done || v.http == done {
			return false
		}
		if (v.udp || v.doh) && v.dns.Failed() {
			if !routeless(v.dns) {
				return false
			}
			found = true
		}
	}
	return found
}

func routeless(f observation.Result) bool {
	return f == "network_unreachable" || f == "host_unreachable" || f == "network_down"
}

func wrongCertificate(v *view) bool {
	bad := v.Cert == observation.CertWrongName || v.Cert == observation.CertSelfSigned
	return certificateFailure(v.tls) && v.Cert != observation.CertValid || v.tls == done && bad && v.NoVerify
}

// dead reports whether neither the probe nor the control could connect to the
// address, on any port.
func (s *scene) dead(v *view) bool {
	tried := false
	for i := range s.views {
		w := &s.views[i]
		if w.IP != v.IP {
			continue
		}
		if w.TCP == done || w.ControlTCP == done {
			return false
		}
		tried = tried || w.TCP.Failed() && w.ControlTCP.Failed()
	}
	return tried
}

// resolvedElsewhere reports whether another resolver of the probe gave a genuine
// address.
func (s *scene) resolvedElsewhere(v *view) bool {
	return s.other(func(w *view) bool { return w.Name == v.Name && w.vouched && !w.system && w.dns == done })
}

// redirectHeld reports whether, as far as can be known, the server itself wrote the
// redirect to a host: over a verified connection, or in clear text from an address
// that is vouched for.
func (s *scene) redirectHeld(v *view) bool {
	return s.other(func(w *view) bool {
		return w.Hop+1 == v.Hop && w.Status >= 300 && w.Status < 400 && (!w.clear || s.genuine(w)) && !s.blockpage(w)
	})
}

// genuine reports whether a step was with an address that is vouched for. Where the
// address of an exchange was not kept, every address of the name must be vouched
// for.
func (s *scene) genuine(v *view) bool {
	if v.IP != "" || v.Literal {
		return v.vouched || v.kin || v.Literal && !v.bogon
	}
	found := false
	for i := range s.views {
		w := &s.views[i]
		if w.Name != v.Name || w.IP == "" {
			continue
		}
		if !w.vouched && !w.kin && (w.foreign || w.bogon) {
			return false
		}
		found = found || w.vouched || w.kin
	}
	return found
}

var tcpRules = []Rule{
	{
		ID: "tcp_contrast", Layer: LayerTCP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tcp.*", Basis: contrast,
		Sentence: "The address is genuine and the control connects to it; the probe cannot.",
		row: func(s *scene, v *view) bool {
			return tcpFailed(v) && v.ControlTCP == done && (v.vouched || v.kin || v.Literal) && !s.reached(v, tcpStep) && s.familyWorks(v) && !s.otherPort(v) && !s.byChance(v, v.tcp)
		},
	},
	{
		ID: "tcp_redirect", Layer: LayerTCP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tcp.*", Basis: contrast + "; the control followed the same redirects",
		Sentence: "The probe cannot connect to a host that the page redirects to; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return tcpFailed(v) && v.Hop > 0 && v.ControlTCP == "" && s.fetched && !v.bogon && !v.foreign &&
				s.redirectHeld(v) && !s.reached(v, tcpStep) && s.familyWorks(v)
		},
	},
	{
		ID: "tcp_down", Layer: LayerTCP, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The control cannot connect either.",
		row: func(s *scene, v *view) bool {
			return v.tcp.Failed() && v.ControlTCP.Failed() && !v.v6 && !v.foreign && !v.bogon && (v.vouched || v.kin || !s.fetched || v.Literal) && !s.reached(v, tcpStep) && !s.idle(v)
		},
	},
	{
		ID: "tcp_redirect_down", Layer: LayerTCP, Outcome: OutcomeDown, State: Down,
		Basis:    contrast + "; the control followed the same redirects",
		Sentence: "The probe cannot connect to a host that the page redirects to; the control did not get the page either.",
		row: func(s *scene, v *view) bool {
			return v.tcp.Failed() && v.Hop > 0 && v.ControlTCP == "" && s.control && s.first.ControlHTTP.Failed() && !v.v6 && !v.foreign && !v.bogon && s.redirectHeld(v)
		},
	},
	{
		ID: "tcp_ipv6", Layer: LayerTCP, Outcome: OutcomeUnknown,
		Basis:    "many probes have no working IPv6",
		Sentence: "No IPv6 connection of the measurement worked: that says nothing of the target.",
		row:      func(s *scene, v *view) bool { return v.tcp.Failed() && v.v6 && !s.familyWorks(v) },
	},
	{
		ID: "tcp_partial", Layer: LayerTCP, Outcome: OutcomeUnknown,
		Basis:    "one server of several may be out of order",
		Sentence: "One address failed while another of the same name works.",
		row:      func(s *scene, v *view) bool { return v.tcp.Failed() && s.reached(v, tcpStep) },
	},
	{
		ID: "tcp_other_port", Layer: LayerTCP, Outcome: OutcomeUnknown,
		Basis:    "the page came, over a connection that verifies or as the control has it, or the control cannot connect to the port either",
		Sentence: "The probe cannot connect to a port that the page does not need.",
		row: func(s *scene, v *view) bool {
			return v.tcp.Failed() && (s.otherPort(v) || s.idle(v) && v.ControlTCP.Failed())
		},
	},
	{
		ID: "tcp_unvouched", Layer: LayerTCP, Outcome: OutcomeUnknown,
		Basis:    "a result against a wrong address says nothing of the target",
		Sentence: "The connection failed, to an address that nothing vouches for.",
		row:      func(s *scene, v *view) bool { return v.tcp.Failed() && (v.foreign || v.bogon) },
	},
	{
		ID: "tcp_failed", Layer: LayerTCP, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "tcp.*", Basis: "the control has no view of the same endpoint",
		Sentence: "The probe cannot connect, and nothing tells why.",
		row:      func(s *scene, v *view) bool { return v.tcp.Failed() && s.comparable() && !s.spare(v) },
	},
	{
		ID: "tcp_failed_alone", Layer: LayerTCP, Outcome: OutcomeUnknown,
		Basis:    "without a control, a failure has many explanations",
		Sentence: "The probe cannot connect, and there is no control to compare with.",
		row:      func(s *scene, v *view) bool { return v.tcp.Failed() },
	},
	{
		ID: "tcp_connected", Layer: LayerTCP, Determinate: true, Outcome: OutcomeOK,
		Basis:    "the handshake completed",
		Sentence: "The probe connects.",
		row:      func(s *scene, v *view) bool { return v.tcp == done && !v.bogon },
	},
}

// otherPort reports whether the page came, and the row is of a port that the page
// did not need.
func (s *scene) otherPort(v *view) bool { return s.pageOK && s.idle(v) }

// idle reports whether a row is of the input's host at another port than the
// input's. Probes try both ports of the web.
func (s *scene) idle(v *view) bool {
	if !s.web || v.Hop > 0 || v.HTTP.Tried() || v.TLS.Tried() {
		return false
	}
	wanted := observation.PortOf(s.first.Input)
	return v.Port != 0 && wanted != 0 && v.Port != wanted
}

func tcpFailed(v *view) bool {
	switch v.tcp {
	case timedOut, "connection_refused", "connection_reset", "host_unreachable":
		return true
	}
	return false
}

// familyWorks reports whether a failure can mean something: over IPv6 only if some
// IPv6 connection worked.
func (s *scene) familyWorks(v *view) bool { return !v.v6 || s.anyV6 }

// comparable reports whether an unexplained failure may count: the control
// answered, or the test never has one.
func (s *scene) comparable() bool { return s.control || !s.web || s.unrecorded() }

// unrecorded reports whether the rows are from a table that does not keep the
// control's view.
func (s *scene) unrecorded() bool { return s.first.ControlState == observation.Unrecorded }

type step func(*view) observation.Result

func tcpStep(v *view) observation.Result { return v.tcp }
func tlsStep(v *view) observation.Result { return v.tls }

// reached reports whether a step works at another address of the same name and port
// that is as good.
func (s *scene) reached(v *view, of step) bool {
	for i := range s.views {
		w := &s.views[i]
		if w.Name == v.Name && w.Port == v.Port && w.Transport == v.Transport && w.Hop == v.Hop &&
			w.IP != v.IP && of(w) == done && !w.foreign && !w.bogon && (w.TLS != done || w.Verified()) {
			return true
		}
	}
	return false
}

var tlsRules = []Rule{
	{
		ID: "tls_mitm", Layer: LayerTLS, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "tls.mitm.*", Basis: artefact + "; the stored chain, checked by us, does not prove the name, and the control's handshake with the same address does",
		Sentence: "Somebody answered in the server's place with a certificate of his own.",
		row: func(s *scene, v *view) bool {
			return forged(v) && v.ControlTLS == done && !s.reached(v, tlsStep)
		},
	},
	{
		ID: "tls_mitm_claimed", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.mitm", Basis: contrast + "; the chain was not stored, but another handshake of the probe verified: nothing at its own end answers for all",
		Sentence: "The certificate does not prove the name; the control's handshake with the same address does.",
		row: func(s *scene, v *view) bool {
			return s.other(verifiedElsewhere) && certificateFailure(v.tls) && v.tls != "ssl_invalid_certificate" && v.Cert == "" && v.ControlTLS == done && !s.reached(v, tlsStep)
		},
	},
	{
		ID: "tls_mitm_page", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.mitm.*", Basis: artefact + "; old controls make no handshakes of their own, and not all checked the certificate of the page they loaded",
		Sentence: "A server that names itself as another one answered with a certificate of its own at a genuine address; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return forged(v) && v.Cert == observation.CertSelfSigned && otherHost(v) && v.Hop == 0 && s.named(v) && v.ControlTLS == "" && s.fetched &&
				s.first.ControlStatus/100 == 2 && s.genuine(v) && strings.HasPrefix(s.first.Input, "https://") && !s.reached(v, tlsStep)
		},
	},
	{
		ID: "tls_mitm_authority", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.mitm", Basis: contrast + "; the authority is stored and not the server's certificate, and another handshake of the probe verified",
		Sentence: "An authority that nobody knows vouched for the server; the control's handshake with the same address verifies.",
		row: func(s *scene, v *view) bool {
			return v.tls == "ssl_unknown_authority" && v.Cert == observation.CertOtherAuthority && v.ControlTLS == done && s.other(verifiedElsewhere) && !s.reached(v, tlsStep)
		},
	},
	{
		ID: "tls_contrast", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.*", Basis: contrast,
		Sentence: "The handshake is cut off; the control's with the same address completes.",
		row: func(s *scene, v *view) bool {
			recorded := v.TLS.Tried() || s.fetched // where the handshake was not recorded, the exchange may have been cut off after it
			return cutOff(v.tls) && v.ControlTLS == done && recorded && !s.passed(v) && !s.reached(v, tlsStep) && s.familyWorks(v)
		},
	},
	{
		ID: "tls_contrast_page", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.*", Basis: contrast + "; old controls make no handshakes of their own",
		Sentence: "The handshake is cut off at a genuine address; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return cutOff(v.tls) && !s.passed(v) && v.Hop == 0 && s.named(v) && v.ControlTLS == "" && s.fetched && s.genuine(v) && s.connected(v) &&
				strings.HasPrefix(s.first.Input, "https://") && !s.reached(v, tlsStep) && s.familyWorks(v)
		},
	},
	{
		ID: "tls_redirect", Layer: LayerTLS, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.*", Basis: contrast + "; the control followed the same redirects",
		Sentence: "The handshake with a host that the page redirects to is cut off; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return cutOff(v.tls) && v.Hop > 0 && s.named(v) && v.ControlTLS == "" && s.fetched && !v.bogon && !v.foreign &&
				s.redirectHeld(v) && !s.reached(v, tlsStep) && s.familyWorks(v)
		},
	},
	{
		ID: "tls_name_contrast", Layer: LayerTLS, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.*", Basis: "the same address, at the same time, with another name",
		Sentence: "The handshake is cut off with this name and completes with another one at the same address.",
		row: func(s *scene, v *view) bool {
			return cutOff(v.tls) && !s.passed(v) && v.ServerName != "" && s.named(v) && !v.ControlTLS.Failed() && s.otherName(v) &&
				!(v.tls == timedOut && v.Worked("innocent_server", "tls")) // the name passed there
		},
	},
	{
		ID: "tls_throttle_name", Layer: LayerTLS, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "tls.throttle", Basis: "the same server, in turn, with and without the name, three times; thresholds fitted on our lab",
		Sentence: "Transfers are slow from the target and from an innocent server under the target's name, and fast from that server under its own.",
		row:      func(s *scene, v *view) bool { return v.tls == done && slowedByName(v) },
	},
	{
		ID: "tls_down", Layer: LayerTLS, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The control's handshake fails too.",
		row: func(s *scene, v *view) bool {
			return v.tls.Failed() && v.ControlTLS.Failed() && !v.foreign && !v.bogon && (v.vouched || v.kin && !(certificateFailure(v.tls) && s.controlProves(v.Name)) || !s.fetched || v.Literal || v.ControlDNS == "")
		},
	},
	{
		ID: "tls_partial", Layer: LayerTLS, Outcome: OutcomeUnknown,
		Basis:    "one server of several may be out of order",
		Sentence: "The handshake failed with one address while another of the same name works.",
		row:      func(s *scene, v *view) bool { return v.tls.Failed() && s.reached(v, tlsStep) },
	},
	{
		ID: "tls_unvouched", Layer: LayerTLS, Outcome: OutcomeUnknown,
		Basis:    "a result against a wrong address says nothing of the target",
		Sentence: "The handshake failed, with an address that nothing vouches for.",
		row:      func(s *scene, v *view) bool { return v.tls.Failed() && (v.foreign || v.bogon) },
	},
	{
		ID: "tls_failed", Layer: LayerTLS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "tls.*", Basis: "the control has no view of the same handshake, or the failure says little",
		Sentence: "The handshake failed, and nothing tells why.",
		row:      func(s *scene, v *view) bool { return v.tls.Failed() && s.comparable() && !s.spare(v) },
	},
	{
		ID: "tls_failed_alone", Layer: LayerTLS, Outcome: OutcomeUnknown,
		Basis:    "without a control, a failure has many explanations",
		Sentence: "The handshake failed, and there is no control to compare with.",
		row:      func(s *scene, v *view) bool { return v.tls.Failed() },
	},
	{
		ID: "tls_slow", Layer: LayerTLS, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "tls.throttle", Basis: "a handshake is two or three round trips; fitted on our lab",
		Sentence: "The handshake took far longer than the distance to the server explains.",
		row:      slowHandshake,
	},
	{
		ID: "tls_verified", Layer: LayerTLS, Determinate: true, Outcome: OutcomeOK,
		Basis:    "certificates, checked by the probe and again by us",
		Sentence: "The server proved its name.",
		row:      func(s *scene, v *view) bool { return v.tls == done && v.Verified() },
	},
	{
		ID: "tls_unverified", Layer: LayerTLS, Outcome: OutcomeUnknown,
		Basis:    "who is at the other end is not known",
		Sentence: "The handshake completed, but the server did not prove its name.",
		row:      func(s *scene, v *view) bool { return v.tls == done },
	},
}

// otherHost reports whether a certificate names another host than the one that was
// asked for. Names with which servers come preconfigured do not count.
func otherHost(v *view) bool {
	for part := range strings.SplitSeq(v.CertSubject, ",") {
		name, ok := strings.CutPrefix(part, "CN=")
		if ok && strings.Contains(name, ".") && !strings.HasPrefix(name, "localhost") {
			return site(strings.TrimPrefix(strings.ToLower(name), "*.")) != site(v.Name)
		}
	}
	return false
}

// passed reports whether a handshake that timed out may be due to lost packets:
// another handshake of our probe with the same name completed, or an innocent
// server could not be reached in time either. A reset is never due to lost packets.
func (s *scene) passed(v *view) bool {
	return v.tls == timedOut && (badLine(v) || s.other(func(w *view) bool { return w.Name == v.Name && w.Worked("repeat", "tls") }))
}

// connected reports whether a handshake can have been tried: the probe connected to
// the address. Where a probe that records no handshakes did not keep the address,
// the probe must have connected to some address of the name, and no connection may
// have failed in the same way.
func (s *scene) connected(v *view) bool {
	if v.IP != "" {
		return v.TCP == done
	}
	found := false
	for i := range s.views {
		w := &s.views[i]
		if w.Name != v.Name || w.Port != v.Port || w.IP == "" {
			continue
		}
		if w.TCP == v.tls || w.TLS.Tried() { // then the connection may have failed and not the handshake
			return false
		}
		found = found || w.TCP == done
	}
	return found
}

// named reports whether the name that was sent in a handshake is the one that the
// measurement is about. A handshake with another name says nothing about it.
func (s *scene) named(v *view) bool {
	if v.ServerName == "" || v.Literal {
		return true
	}
	if host := observation.HostOf(s.first.Input); s.web && v.Hop == 0 && host != "" {
		return v.ServerName == host
	}
	return v.ServerName == v.Name
}

// forged reports whether the stored chain is not the server's: it fails our own
// check, and the probe refused it or did not check it.
func forged(v *view) bool {
	switch v.Cert {
	case observation.CertSelfSigned, observation.CertWrongName:
	case observation.CertUnknownAuthority:
		if v.tls != "ssl_unknown_authority" {
			return false
		}
	default:
		return false
	}
	return certificateFailure(v.tls) || v.tls == done && v.NoVerify
}

// verifiedElsewhere reports whether the row has a handshake that verified, for a
// page or with an encrypted resolver.
func verifiedElsewhere(v *view) bool {
	return v.tls == done && v.TLS == done && v.Verified() || v.doh && v.dns == done
}

// otherName reports whether a handshake with the same endpoint completed with
// another name, or with an encrypted one.
func (s *scene) otherName(v *view) bool {
	for i := range s.views {
		w := &s.views[i]
		if w.IP == v.IP && w.Port == v.Port && w.IP != "" && w.TLS == done && w.ServerName != v.ServerName {
			return true
		}
	}
	return s.nameTriggers(v)
}

// nameTriggers reports whether contrasts of our probe leave only the name as the
// cause: at the same address a server answers with another name or with none; or
// this name fails in the same way at a server that answers with its own name.
func (s *scene) nameTriggers(v *view) bool {
	answered := func(r observation.Result) bool { return r == done || r == "ssl_failed_handshake" }
	return answered(v.Contrast("sni_contrast", "tls")) || answered(v.Contrast("no_sni", "tls")) ||
		answered(v.Contrast("innocent_baseline", "tls")) && v.Contrast("innocent_server", "tls") == v.tls
}

// quicName reports whether QUIC works with the same endpoint and another name.
func (s *scene) quicName(v *view) bool {
	return !v.ControlQUIC.Failed() && (v.Contrast("quic_contrast", "quic") == done || v.ServerName != "" && s.other(func(w *view) bool {
		return w.IP == v.IP && w.Port == v.Port && w.IP != "" && w.QUIC == done && w.ServerName != "" && w.ServerName != v.ServerName
	}))
}

var quicRules = []Rule{
	{
		ID: "quic_contrast", Layer: LayerQUIC, Outcome: OutcomeBlocked,
		Mechanism: "quic.*", Basis: contrast + "; home and company firewalls drop UDP too",
		Sentence: "QUIC is cut off; the control's with the same address completes.",
		row: func(s *scene, v *view) bool {
			return v.quic.Failed() && s.familyWorks(v) && (s.quicName(v) || v.ControlQUIC == done &&
				(s.other(func(w *view) bool { return w.quic == done && w.Name != v.Name }) || v.Contrast("innocent_baseline", "quic") == done))
		},
	},
	{
		ID: "quic_name_contrast", Layer: LayerQUIC, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "quic.*", Basis: "the same address, at the same time, with another name; a page that also comes over TCP is not judged by QUIC",
		Sentence: "In a test of QUIC itself, the handshake is cut off with this name and completes with another one at the same address.",
		row:      func(s *scene, v *view) bool { return !s.web && v.quic.Failed() && cutOff(v.quic) && s.quicName(v) },
	},
	{
		ID: "quic_down", Layer: LayerQUIC, Outcome: OutcomeDown,
		Basis:    contrast,
		Sentence: "The control's QUIC handshake fails too.",
		row:      func(s *scene, v *view) bool { return v.quic.Failed() && v.ControlQUIC.Failed() },
	},
	{
		ID: "quic_failed", Layer: LayerQUIC, Outcome: OutcomeUnknown,
		Basis:    "many networks drop UDP without regard to the target",
		Sentence: "QUIC failed, and nothing tells whether for this target only.",
		row:      func(s *scene, v *view) bool { return v.quic.Failed() },
	},
	{
		ID: "quic_verified", Layer: LayerQUIC, Determinate: true, Outcome: OutcomeOK,
		Basis:    "certificates, checked by the probe and again by us",
		Sentence: "The server proved its name over QUIC.",
		row:      func(s *scene, v *view) bool { return v.quic == done && v.Verified() },
	},
}

var httpRules = []Rule{
	{
		ID: "http_blockpage", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "http.blockpage", Basis: "fingerprint of the country: " + artefact,
		Sentence: "A known block page of this country came in the place of the page.",
		row:      func(s *scene, v *view) bool { return v.clear && s.settles(v, false) && !redirecting(v) },
	},
	{
		ID: "http_blockpage_redirect", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeBlocked, State: Blocked,
		Mechanism: "http.redirect", Basis: "fingerprint of the country: " + artefact,
		Sentence: "The visitor was sent to a known block page of this country.",
		row:      func(s *scene, v *view) bool { return v.clear && s.settles(v, false) && redirecting(v) },
	},
	{
		ID: "http_known_page", Layer: LayerHTTP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.blockpage", Basis: "fingerprint without its country; " + contrast,
		Sentence: "The page carries the words of a state's or a provider's block page, and is another than the control's.",
		row: func(s *scene, v *view) bool {
			return v.clear && s.fetched && v.page && (v.like == unlike || v.like == uncertain) && !s.excused(v) &&
				slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool { return !dnsMatch(m) && (censors(m) || m.Scope == "injb") })
		},
	},
	{
		ID: "http_other_page", Layer: LayerHTTP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.blockpage", Basis: contrast,
		Sentence: "In clear text came another page than the control's: by title, by length and by headers.",
		row: func(s *scene, v *view) bool {
			return v.page && v.clear && v.http == done && v.like == unlike && s.fetched &&
				s.first.ControlStatus/100 == 2 && !s.suppressed(v) && !s.excused(v) && !s.ledAway(v) && !s.walkedOn(v)
		},
	},
	{
		ID: "http_led_away", Layer: LayerHTTP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.redirect", Basis: contrast,
		Sentence: "In clear text the visitor was sent to another site, with another page than the control's.",
		row: func(s *scene, v *view) bool {
			return v.page && v.clear && v.http == done && v.like == unlike && s.fetched &&
				s.first.ControlStatus/100 == 2 && !s.suppressed(v) && !s.excused(v) && s.ledAway(v)
		},
	},
	{
		ID: "http_starved", Layer: LayerHTTP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.throttle", Basis: contrast + "; threshold fitted on our lab",
		Sentence: "The page trickled in until the probe gave up, at a pace that the distance does not explain; the control loaded it.",
		row: func(s *scene, v *view) bool {
			return s.fetched && !s.pageOK && v.page && v.http == timedOut && starved(s, v) && !cleared(v) && (v.vouched || v.kin || v.Hop > 0)
		},
	},
	{
		ID: "http_throttle_name", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.throttle", Basis: "the same server, in turn, with and without the name, three times; thresholds fitted on our lab",
		Sentence: "In clear text, transfers are slow from the target and from an innocent server under the target's name, and fast from that server under its own.",
		row:      func(s *scene, v *view) bool { return v.tls == "" && v.http.Tried() && slowedByName(v) },
	},
	{
		ID: "http_contrast", Layer: LayerHTTP, Outcome: OutcomeBlocked, State: LikelyBlocked,
		Mechanism: "http.*", Basis: contrast,
		Sentence: "The exchange with a genuine address is cut off; the control loaded the page.",
		row: func(s *scene, v *view) bool {
			return s.fetched && !s.pageOK && v.page && cutOff(v.http) && (v.http != timedOut || !farAway(s, v) && !cleared(v)) && s.familyWorks(v) &&
				(v.vouched || v.kin || v.Literal && !v.bogon || v.IP == "" && !v.Literal && !s.anyForeign(v) && (v.Hop == 0 || s.redirectHeld(v)) ||
					v.Hop > 0 && !v.foreign && !v.bogon && s.redirectHeld(v))
		},
	},
	{
		ID: "http_down", Layer: LayerHTTP, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The control did not get the page either.",
		row: func(s *scene, v *view) bool {
			return s.control && s.first.ControlHTTP.Failed() && !s.pageOK && (v.http.Failed() || v.tls.Failed() && v.ControlTLS == "")
		},
	},
	{
		ID: "http_error_both", Layer: LayerHTTP, Outcome: OutcomeDown, State: Down,
		Basis:    contrast,
		Sentence: "The server reports an error of its own, to the control too.",
		row: func(s *scene, v *view) bool {
			return v.page && v.http == done && s.fetched && v.Status/100 == 5 && s.first.ControlStatus/100 == 5
		},
	},
	{
		ID: "http_slow", Layer: LayerHTTP, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "http.throttle", Basis: "one slow load; threshold fitted on our lab",
		Sentence: "The page came, at a pace that the distance does not explain.",
		row: func(s *scene, v *view) bool {
			return v.page && v.http == done && starved(s, v) && v.ReadSeconds >= 5
		},
	},
	{
		ID: "http_pace", Layer: LayerHTTP, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "http.throttle", Basis: "transfers taken in turn from the target and from a reference; fitted on our lab",
		Sentence: "Transfers from the target are far slower than those from elsewhere in the same minute, and the distance does not explain it.",
		row:      paced,
	},
	{
		ID: "http_page_verified", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeOK, State: OK,
		Basis:    "nothing on the path can write into a connection that verifies",
		Sentence: "The page came from a server that proved its name.",
		row:      func(s *scene, v *view) bool { return s.delivered(v) && !s.differs(v) },
	},
	{
		ID: "http_server_side", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeOK, State: OK,
		Mechanism: "server_side", Basis: "nothing on the path can write into a connection that verifies",
		Sentence: "The server, having proved its name, gave this visitor another answer than the control's: that is its own doing.",
		row:      func(s *scene, v *view) bool { return s.delivered(v) && s.differs(v) },
	},
	{
		ID: "http_server_broken", Layer: LayerHTTP, Determinate: true, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "server_side", Basis: "nothing on the path can write into a connection that verifies",
		Sentence: "The server, having proved its name, sent the visitor to where nobody can follow: that is its own doing.",
		row: func(s *scene, v *view) bool {
			return v.page && !v.clear && redirecting(v) && v.http == "http_invalid_redirect_location_host" && !s.pageOK && s.comparable() && !s.first.ControlHTTP.Failed()
		},
	},
	{
		ID: "http_page_alike", Layer: LayerHTTP, Outcome: OutcomeOK, State: OK,
		Basis:    "the control's page is the same by status and by title, length or headers (ts-017)",
		Sentence: "The page is the control's.",
		row: func(s *scene, v *view) bool {
			return v.page && v.clear && v.http == done && v.like == alike && s.fetched && !s.blockpage(v)
		},
	},
	{
		ID: "http_page_uncertain", Layer: LayerHTTP, Outcome: OutcomeUnknown, State: Impaired,
		Basis:    "in clear text nobody can say who wrote it",
		Sentence: "The page differs from the control's, but not by every measure, or is an error page.",
		row: func(s *scene, v *view) bool {
			return v.page && v.http == done && s.fetched && !s.pageOK && v.Status > 0
		},
	},
	{
		ID: "http_failed", Layer: LayerHTTP, Outcome: OutcomeUnknown, State: Impaired,
		Mechanism: "http.*", Basis: "the failure has more than one explanation",
		Sentence: "The exchange failed, and nothing tells why.",
		row: func(s *scene, v *view) bool {
			return v.http.Failed() && !s.pageOK && s.comparable() && !s.spare(v)
		},
	},
	{
		ID: "http_alone", Layer: LayerHTTP, Outcome: OutcomeUnknown,
		Basis:    "without a control, a page in clear text vouches for nothing",
		Sentence: "There is nothing to compare the exchange with.",
		row:      func(s *scene, v *view) bool { return v.http.Tried() },
	},
}

// walkedOn reports whether the same site sent the visitor on to the page, as sites
// do to one in the visitor's language. Somebody who forges answers for a host would
// answer the first request.
func (s *scene) walkedOn(page *view) bool {
	return page.Hop > 0 && s.other(func(w *view) bool {
		return w.Hop < page.Hop && sameOwner(w.Name, page.Name) && w.HTTP == done && redirecting(w) && len(w.matches) == 0
	})
}

func redirecting(v *view) bool { return v.Status >= 300 && v.Status < 400 }

// excused reports whether a page shows that neither a state nor a provider made it:
// it is the filter of a household, a school or a company, the page on which a
// visitor logs in to a network, or the server's own refusal.
func (s *scene) excused(v *view) bool {
	found := false
	for _, m := range v.matches {
		switch m.Scope {
		case "inst", "prov", "portal":
			found = found || s.local(m)
		case "nat", "isp", "injb":
			if m.Location != "dns" {
				return false
			}
		}
	}
	return found || s.product(v)
}

// suppressed reports whether a known false positive matched the page, or the page
// is from a service that refuses or tests visitors for a site.
func (s *scene) suppressed(v *view) bool {
	if slices.ContainsFunc(v.Fingerprints, func(f string) bool { return fingerprint.ParseMatch(f).Scope == "fp" }) {
		return true
	}
	if slices.ContainsFunc(v.Headers, func(h string) bool { return guardHeaders[h] }) {
		return true
	}
	server := strings.ToLower(v.Server)
	return slices.ContainsFunc(guardServers, func(g string) bool { return strings.HasPrefix(server, g) })
}

var guardHeaders = map[string]bool{
	"cf-ray": true, "x-sucuri-id": true, "x-iinfo": true, "x-amz-cf-id": true, "x-akamai-request-id": true,
	"x-ddos-protection": true, "x-datadome": true, "x-served-by": true, "x-azure-ref": true,
}

var guardServers = []string{"cloudflare", "akamaighost", "ddos-guard", "sucuri", "cloudfront", "bunnycdn", "qrator", "imperva", "datadome"}

// delivered reports whether the last page came over a connection that verifies.
func (s *scene) delivered(v *view) bool {
	return v.page && v.http == done && !v.clear && (v.Status > 0 || s.unrecorded()) && s.pageOK
}

// differs reports whether the server gave the probe another kind of answer than it
// gave the control.
func (s *scene) differs(v *view) bool {
	return s.fetched && v.like != alike && (v.Status/100 != s.first.ControlStatus/100 || v.like == unlike)
}

// anyForeign reports whether a lookup of the name gave an address that the control
// does not vouch for. A failure whose address was not kept may then be at that
// address.
func (s *scene) anyForeign(v *view) bool {
	return s.other(func(w *view) bool { return w.Name == v.Name && (w.foreign || w.bogon) })
}

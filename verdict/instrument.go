package verdict

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
)

var instrumentRules = []Rule{
	{
		ID: "instrument_trust_store", Layer: LayerInstrument, Determinate: true, Invalid: "trust_store",
		Basis:    "our own check of the stored chain at the measurement's time; where only the topmost authority is stored (crypto/x509, UnknownAuthorityError), of that",
		Sentence: "The probe refused a certificate that is good, or that a known authority stands behind: its list of authorities is out of date.",
		row: func(s *scene, v *view) bool {
			if v.Cert == observation.CertOtherAuthority { // Go names the authority where it is out of date
				return v.TLS == "ssl_invalid_certificate" && v.ControlTLS == done
			}
			return (v.TLS == "ssl_unknown_authority" || v.TLS == "ssl_invalid_certificate") &&
				(v.Cert == observation.CertValid || v.Cert == observation.CertRealAuthority && !v.ControlTLS.Failed())
		},
	},
	{
		ID: "instrument_clock", Layer: LayerInstrument, Determinate: true, Invalid: "clock",
		Basis:    "certificates that the control accepts, against the probe's clock",
		Sentence: "By the probe's clock the server's certificate is not valid, and the control accepts it: the clock is wrong.",
		row: func(s *scene, v *view) bool {
			return v.TLS == "ssl_invalid_certificate" && v.ControlTLS == done &&
				(v.Cert == observation.CertNotYetValid || v.Cert == observation.CertExpired)
		},
	},
	{
		ID: "instrument_clock_report", Layer: LayerInstrument, Determinate: true, Invalid: "clock",
		Basis:    "the report's id, which the collector gives out with its own time",
		Sentence: "The measurement is dated a week and more after the report that it was sent in: the clock is wrong.",
		whole: func(s *scene) bool {
			given, ok := reportTime(s.first.ReportID)
			away := s.first.Time.Sub(given)
			return ok && away > 7*24*time.Hour // an earlier measurement was uploaded late
		},
	},
	{
		ID: "instrument_interception", Layer: LayerInstrument, Determinate: true, Invalid: "local_interception",
		Basis:    "names of products that issue certificates on the visitor's own machine or in his company",
		Sentence: "A program on the probe's own machine, or its company's filter, answers in the place of every server.",
		row: func(s *scene, v *view) bool {
			if v.Cert == observation.CertWrongName { // whoever inspects traffic writes a certificate for the right name
				return false
			}
			return v.Cert != "" && v.Cert != observation.CertValid && v.TLS.Tried() && !v.ControlTLS.Failed() && (localIssuer(v.CertIssuer) || localIssuer(v.CertSubject))
		},
	},
	{
		ID: "instrument_own_machine", Layer: LayerInstrument, Determinate: true, Invalid: "local_interception",
		Basis:    "RFC 1122: addresses of the probe's own machine",
		Sentence: "A program on the probe's own machine answered in the place of the server: a filter that the user has.",
		row: func(s *scene, v *view) bool {
			return v.TCP == done && hostLocal(v) && !v.Literal && !v.vouched && !s.blockpage(v)
		},
	},
	{
		ID: "instrument_interception_all", Layer: LayerInstrument, Invalid: "local_interception",
		Basis:    "resolvers over HTTPS have nothing in common with the target",
		Sentence: "Something answers in the place of servers that have nothing to do with the target, too.",
		row: func(s *scene, v *view) bool {
			return certificateFailure(v.dns) && s.other(func(w *view) bool { return certificateFailure(w.tls) })
		},
	},
	{
		ID: "instrument_portal", Layer: LayerInstrument, Determinate: true, Invalid: "captive_portal",
		Basis:    "RFC 1918: addresses of the local network",
		Sentence: "Something in the probe's own local network sent the visitor to a page of its own.",
		row: func(s *scene, v *view) bool {
			return v.clear && redirecting(v) && !s.settles(v, false) && localNetwork(observation.HostOf(v.Location))
		},
	},
	{
		ID: "instrument_login_page", Layer: LayerInstrument, Invalid: "captive_portal",
		Basis:    "RFC 6585, status 511; what login pages of networks carry (fingerprints of scope portal: WISPr, the visitor's hardware address in a link), and call themselves",
		Sentence: "The network sent the visitor to the page on which he logs in to it.",
		row: func(s *scene, v *view) bool {
			if !v.clear || s.pageOK || s.settles(v, false) || v.page && v.like == alike {
				return false
			}
			return v.Status == 511 || s.leadsToLogin(v) || slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool { return m.Scope == "portal" })
		},
	},
	{
		ID: "instrument_login_certificate", Layer: LayerInstrument, Invalid: "captive_portal",
		Basis:    "what the login pages of networks call themselves",
		Sentence: "The server of a network's login page answered in the place of the one that was asked for.",
		row: func(s *scene, v *view) bool {
			return v.TLS == "ssl_invalid_hostname" && v.Cert != observation.CertValid && portalName(v.CertSubject)
		},
	},
	{
		ID: "instrument_no_network", Layer: LayerInstrument, Determinate: true, Invalid: "no_network",
		Basis:    "nothing at all could be reached",
		Sentence: "The probe had no network.",
		whole: func(s *scene) bool {
			down := 0
			for i := range s.views {
				v := &s.views[i]
				if v.DNS == done && !v.Literal && v.IP != "" || v.TCP == done || s.control {
					return false
				}
				if v.TCP == "network_unreachable" || v.TCP == "network_down" || v.DNS == "network_down" || v.DNS == "network_unreachable" {
					down++
				}
			}
			return down > 0
		},
	},
	{
		ID: "instrument_known_defect", Layer: LayerInstrument, Determinate: true, Invalid: "known_defect",
		Basis:    "table of the versions of tests that failed everywhere, each with its source (docs/formats/verdict.md)",
		Sentence: "The test in this version fails everywhere: the service changed, or the release was broken.",
		whole:    func(s *scene) bool { return len(s.first.Defects) > 0 },
	},
	{
		ID: "instrument_vpn", Layer: LayerInstrument, Determinate: true, Invalid: "vpn",
		Basis:    "the annotation of the network type",
		Sentence: "The probe went through a VPN: what it saw is not of the network it was in.",
		whole:    func(s *scene) bool { return strings.EqualFold(s.first.NetworkType, "vpn") },
	},
	{
		ID: "instrument_no_configuration", Layer: LayerInstrument, Determinate: true, Invalid: "no_configuration",
		Basis:    "OONI's probe-cli: psiphon asks the collector for its configuration first, and fails at the top level where there is none",
		Sentence: "The collector gave the test no configuration, so it never began: that says nothing of the network.",
		whole: func(s *scene) bool {
			refused := false
			for i := range s.views {
				v := &s.views[i]
				if v.dns.Tried() || v.tcp.Tried() || v.tls.Tried() || v.http.Tried() || v.quic.Tried() {
					return false // the test began
				}
				f := strings.TrimPrefix(string(v.Tunnel), "unknown_failure: ")
				refused = refused || v.TunnelKind != "" && (f == "httpx: request failed" || f == "psiphon configuration is not available")
			}
			return refused
		},
	},
	{
		ID: "instrument_hosting", Layer: LayerInstrument, Invalid: "data_centre",
		Basis:    "list of networks that rent out servers",
		Sentence: "The probe was in a data centre: what it saw is not what visitors see.",
		whole:    func(s *scene) bool { return hosting[s.first.ASN] },
	},
}

// spoils reports whether a defect makes the steps themselves untrue, so that no
// state can be given. The other defects leave them true, of another network.
func spoils(invalid string) bool { return invalid != "vpn" && invalid != "data_centre" }

// localIssuer reports whether the issuer of a certificate is a product that
// inspects traffic at the visitor's end, or is named like one.
func localIssuer(issuer string) bool {
	for i := range len(issuer) {
		for _, w := range localIssuers[issuer[i]] {
			if strings.HasPrefix(issuer[i:], w) {
				return true
			}
		}
	}
	return false
}

// localIssuers are the words of localIssuer, by their first byte.
var localIssuers = func() (by [256][]string) {
	for _, w := range []string{
		"Kaspersky", "avast!", "Avast Web", "AVG Web", "ESET SSL Filter", "Bitdefender", "BitDefender", "Dr.Web",
		"AdGuard Personal", "Sophos", "FortiGate", "Fortinet", "Zscaler", "WatchGuard", "SonicWall", "Netskope",
		"Cisco Umbrella", "Check Point", "McAfee Web Gateway", "Norton Web", "NortonLifeLock", "Untangle", "mitmproxy", "Charles Proxy", "Fiddler",
		"Gateway", "Web Filter", "WebFilter", "Content Filter", "Inspection", "Proxy", "SSL Decryption", "Firewall", "University", "School", "Antivirus", "Anti-Virus", "Endpoint Security", "Securly", "Lightspeed", "Smoothwall", "GoGuardian", "ContentKeeper", "iboss", "Barracuda", "Palo Alto", "Blue Coat", "Forcepoint", "Websense", "pfSense", "OPNsense", "MikroTik", "Cloudflare for Teams", "Gateway CA - Cloudflare",
	} {
		by[w[0]] = append(by[w[0]], w)
	}
	return by
}()

// leadsToLogin reports whether the visitor was sent to another site that is named
// like the login page of a network, or was shown a page with such a title.
func (s *scene) leadsToLogin(v *view) bool {
	if redirecting(v) {
		host := observation.HostOf(v.Location)
		return portalName(host) && site(host) != site(v.Name)
	}
	if !v.page || v.like != unlike {
		return false
	}
	title := strings.ToLower(v.Title)
	return slices.ContainsFunc([]string{"wifi", "wi-fi", "hotspot", "captive portal", "guest network", "guest access", "guest internet"},
		func(w string) bool { return strings.Contains(title, w) })
}

// portalName reports whether a host, or the subject of a certificate, is named like
// a login page and not like something that blocks.
func portalName(name string) bool {
	name = strings.ToLower(name)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
	}
	return has("captive", "portal", "hotspot", "wifi", "wi-fi", "guest", "login", "signin", "network-auth") && !has("block", "restrict", "warn", "notice", "notif", "ban", "deny", "denied", "filter", "prohib", "forbid", "internet-positif", "internetpositif")
}

// localNetwork reports whether a host is an address that routers at home and in
// offices give out. 10.0.0.0/8 does not count, because providers use it, too.
func localNetwork(host string) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return a.IsLinkLocalUnicast() || homes.Contains(a) || offices.Contains(a)
}

var (
	homes   = netip.MustParsePrefix("192.168.0.0/16")
	offices = netip.MustParsePrefix("172.16.0.0/12")
)

// hosting lists networks that rent out servers. A probe there is not a visitor.
var hosting = map[uint32]bool{
	9009:   true, // M247
	14061:  true, // DigitalOcean
	16276:  true, // OVH
	16509:  true, // Amazon
	14618:  true, // Amazon
	8075:   true, // Microsoft
	396982: true, // Google Cloud
	20473:  true, // Vultr
	24940:  true, // Hetzner
	63949:  true, // Linode
	51167:  true, // Contabo
	60068:  true, // Datacamp
	212238: true, // Datacamp
	60781:  true, // Leaseweb
	31898:  true, // Oracle
	45102:  true, // Alibaba
}

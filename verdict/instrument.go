package verdict

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/observation"
)

var instrumentRules = []Rule{
	{
		ID: "instrument_trust_store", Layer: LayerInstrument, Determinate: true, Invalid: "trust_store",
		Basis:    "our own check of the stored chain at the measurement's time",
		Sentence: "The probe refused a certificate that is good: its list of authorities is out of date.",
		row: func(s *scene, v *view) bool {
			return (v.TLS == "ssl_unknown_authority" || v.TLS == "ssl_invalid_certificate") && v.Cert == observation.CertValid
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
			return ok && away > 7*24*time.Hour // earlier ones were uploaded late
		},
	},
	{
		ID: "instrument_interception", Layer: LayerInstrument, Determinate: true, Invalid: "local_interception",
		Basis:    "names of products that issue certificates on the visitor's own machine or in his company",
		Sentence: "A program on the probe's own machine, or its company's filter, answers in the place of every server.",
		row: func(s *scene, v *view) bool {
			return v.Cert != "" && v.Cert != observation.CertValid && v.TLS.Tried() && localIssuer(v.CertIssuer)
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
		ID: "instrument_outdated_test", Layer: LayerInstrument, Determinate: true, Invalid: "outdated_test",
		Basis:    "github.com/ooni/backend pull request 771: Signal changed its certificates in November 2023",
		Sentence: "The test is too old for the service as it is now: it fails everywhere.",
		whole: func(s *scene) bool {
			return s.first.TestName == "signal" && olderThan(s.first.TestVersion, 0, 2, 4) && !s.first.Time.Before(signalChanged)
		},
	},
	{
		ID: "instrument_vpn", Layer: LayerInstrument, Determinate: true, Invalid: "vpn",
		Basis:    "the annotation of the network type",
		Sentence: "The probe went through a VPN: what it saw is not of the network it was in.",
		whole:    func(s *scene) bool { return strings.EqualFold(s.first.NetworkType, "vpn") },
	},
	{
		ID: "instrument_hosting", Layer: LayerInstrument, Invalid: "data_centre",
		Basis:    "list of networks that rent out servers",
		Sentence: "The probe was in a data centre: what it saw is not what visitors see.",
		whole:    func(s *scene) bool { return hosting[s.first.ASN] },
	},
}

var signalChanged = time.Date(2023, 11, 7, 0, 0, 0, 0, time.UTC)

// olderThan compares a version "0.2.3" by its numbers; what is no version is
// not older.
func olderThan(version string, want ...int) bool {
	parts := strings.Split(version, ".")
	for i, w := range want {
		if i >= len(parts) {
			return w > 0
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil || n > w {
			return false
		}
		if n < w {
			return true
		}
	}
	return false
}

// spoils reports whether a defect makes the steps themselves untrue, so that
// no state can be told. The others are true of another network.
func spoils(invalid string) bool { return invalid != "vpn" && invalid != "data_centre" }

// localIssuer reports whether a certificate's issuer is a product that
// inspects traffic at the visitor's end.
func localIssuer(issuer string) bool {
	for _, product := range []string{
		"Kaspersky", "avast!", "Avast Web", "AVG Web", "ESET SSL Filter", "Bitdefender", "BitDefender", "Dr.Web",
		"AdGuard Personal", "Sophos", "FortiGate", "Fortinet", "Zscaler", "WatchGuard", "SonicWall", "Netskope",
		"Cisco Umbrella", "Check Point", "McAfee Web Gateway", "Norton Web", "NortonLifeLock", "Untangle", "mitmproxy", "Charles Proxy", "Fiddler",
	} {
		if strings.Contains(issuer, product) {
			return true
		}
	}
	return false
}

// localNetwork reports whether a host is an address that home and office
// routers give out. Providers use 10.0.0.0/8 too, so it is not one of them.
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

// hosting are networks that rent out servers: a probe there is no visitor.
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

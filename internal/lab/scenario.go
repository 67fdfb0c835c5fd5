package lab

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Scenario is one state of the network, with the truth about it.
type Scenario struct {
	Name  string
	About string // one sentence
	Input string // the URL to measure
	Rules []Rule // of the censor on the client's line
	Delay time.Duration
	IPv6  bool // whether the client has IPv6
	Truth Truth
}

// The sites that scenarios measure. All of them treat everybody alike: what happens to
// them is the censor's doing.
const (
	banned      = "banned.test"
	bannedBig   = "big.banned.test"  // a page of 256 kB
	bannedLong  = "long.banned.test" // one of 1 MB
	bannedMid   = "mid.banned.test"  // one of 96 kB
	bannedQUIC  = "quic.banned.test" // HTTP/3 as well
	bannedPair  = "pair.banned.test" // has two addresses
	bannedBox   = "box.banned.test"  // behind a middlebox whose certificate is of an unknown authority
	downName    = "gone.test"
	downTCP     = "closed.test"
	downSilent  = "silent.test"
	downExpired = "expired.test"
	downFail    = "servfail.test"
)

// Sites returns the sites that the scenarios need.
func Sites() []Site {
	return []Site{
		{Name: banned, Box: CertSelfSigned},
		{Name: bannedBig, Page: bigPage(256 << 10)},
		{Name: bannedLong, Page: bigPage(1 << 20)},
		{Name: bannedMid, Page: bigPage(96 << 10)},
		{Name: bannedQUIC, QUIC: true},
		{Name: bannedPair, Addrs: 2},
		{Name: bannedBox, Box: CertUnknownCA},
		{Name: downName, Lookup: LookupNXDOMAIN},
		{Name: downTCP, Reach: ReachRefused},
		{Name: downSilent, Reach: ReachSilent},
		{Name: downExpired, Cert: CertExpired},
		{Name: downFail, Lookup: LookupServfail},
	}
}

// bigPage serves a page of size bytes.
func bigPage(size int) http.HandlerFunc {
	line := "<p>One line of a long page of the Bandish lab, like the one before it.</p>\n"
	body := []byte("<!doctype html><html><head><title>A long page</title></head><body>\n" + strings.Repeat(line, size/len(line)) + "</body></html>\n")
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body) // the client may have had enough
	}
}

// blocked is the truth of something that is certainly blocked.
func blocked(layer, mechanism string) Truth {
	return Truth{State: "blocked", Layer: layer, Mechanism: mechanism}
}

// Scenarios returns the lab's scenarios.
func Scenarios() []Scenario {
	const (
		https     = "https://" + banned + "/"
		httpPlain = "http://" + banned + "/"
	)
	var (
		bogonAddr = netip.MustParseAddr("10.10.34.34")

		named = When{Names: []string{banned}}
		query = When{Names: []string{banned}, Ports: []uint16{53}}
		hello = When{Names: []string{banned}, Ports: []uint16{443}}
		plain = When{Names: []string{banned}, Ports: []uint16{80}}

		liesOf   = When{Names: []string{banned}, Ports: []uint16{53}, Addrs: []netip.Prefix{netip.PrefixFrom(ispResolver, 32)}}
		address  = When{Sites: []string{banned, bannedPair, bannedQUIC}, Transport: "tcp"}
		port443  = When{Sites: []string{banned, bannedPair, bannedQUIC}, Transport: "tcp", Ports: []uint16{443}}
		udp443   = When{Sites: []string{banned, bannedPair, bannedQUIC}, Transport: "udp", Ports: []uint16{443}}
		anyQUIC  = When{Transport: "udp", Ports: []uint16{443}}
		safeDNS  = When{Addrs: []netip.Prefix{netip.PrefixFrom(publicResolver, 32), netip.PrefixFrom(publicResolver2, 32)}, Transport: "tcp"}
		beyond   = When{}
		byName   = Truth{State: "blocked", Layer: "tls", Mechanism: "tls.throttle", Also: "http.throttle|http.timeout"}
		nxdomain = Forge{RCode: dns.RcodeNameError}
		bogus    = Forge{Addrs: []netip.Addr{bogonAddr}}
		race     = Forge{Addrs: []netip.Addr{bogonAddr}, Race: true}
		stray    = Forge{Addrs: []netip.Addr{sinkAddr}, Race: true}
		toBlock  = Forge{Addrs: []netip.Addr{blockPageAddr}}

		blockResponse = Answer{"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: " +
			fmt.Sprint(len(blockPageHTML)) + "\r\n\r\n" + blockPageHTML}
		redirectResponse = Answer{"HTTP/1.1 302 Found\r\nLocation: http://" + BlockPageName + "/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}
	)
	return []Scenario{
		{Name: "ok-https", About: "nothing is censored", Input: https, Truth: Truth{State: "ok"}},
		{Name: "ok-http", About: "nothing is censored, in clear text", Input: httpPlain, Truth: Truth{State: "ok"}},
		{Name: "ok-quic", About: "a site with HTTP/3, nothing is censored", Input: "https://quic.banned.test/", Truth: Truth{State: "ok"}},
		{Name: "ok-pair", About: "a site with two addresses, nothing is censored", Input: "https://pair.banned.test/", Truth: Truth{State: "ok"}},
		{Name: "ok-big", About: "a long page, nothing is censored", Input: "https://big.banned.test/", Truth: Truth{State: "ok"}},
		{Name: "ok-far", About: "a line with a delay of 60 ms, nothing is censored", Input: https, Delay: 30 * time.Millisecond, Truth: Truth{State: "ok"}},
		{Name: "ok-other", About: "the censor minds another name only", Input: "https://innocent.test/",
			Rules: []Rule{{When: named, Do: Reset{}}}, Truth: Truth{State: "ok"}},

		{Name: "down-nxdomain", About: "the name does not exist for anybody", Input: "https://gone.test/", Truth: Truth{State: "down", Layer: "dns"}},
		{Name: "down-servfail", About: "the name's servers are broken", Input: "https://servfail.test/", Truth: Truth{State: "down", Layer: "dns"}},
		{Name: "down-refused", About: "the server accepts nobody", Input: "https://closed.test/", Truth: Truth{State: "down", Layer: "tcp"}},
		{Name: "down-silent", About: "the server answers nobody", Input: "https://silent.test/", Truth: Truth{State: "down", Layer: "tcp"}},
		{Name: "down-expired", About: "the certificate has expired for everybody", Input: "https://expired.test/", Truth: Truth{State: "down", Layer: "tls"}},

		{Name: "dns-nxdomain", About: "the provider's resolver denies that the name exists", Input: https,
			Rules: []Rule{{When: liesOf, Do: nxdomain}}, Truth: blocked("dns", "dns.nxdomain")},
		{Name: "dns-nxdomain-injected", About: "NXDOMAIN is injected into every query on the path", Input: https,
			Rules: []Rule{{When: query, Do: Forge{RCode: dns.RcodeNameError, Race: true}}}, Truth: blocked("dns", "dns.nxdomain|dns.injection")},
		// A stub resolver does not tell a refusal from a failure. The probe must ask the
		// provider's resolver itself.
		{Name: "dns-refused", About: "the provider's resolver refuses the name", Input: https,
			Rules: []Rule{{When: liesOf, Do: Forge{RCode: dns.RcodeRefused}}}, Truth: blocked("dns", "dns.refused")},
		{Name: "dns-refused-everywhere", About: "every query for the name is refused on the path", Input: https,
			Rules: []Rule{{When: query, Do: Forge{RCode: dns.RcodeRefused}}}, Truth: blocked("dns", "dns.refused")},
		{Name: "dns-drop", About: "the provider's resolver does not answer for the name", Input: https,
			Rules: []Rule{{When: liesOf, Do: Drop{}}}, Truth: blocked("dns", "dns.timeout")},
		{Name: "dns-drop-everywhere", About: "every query for the name is lost on the path", Input: https,
			Rules: []Rule{{When: query, Do: Drop{}}}, Truth: blocked("dns", "dns.timeout")},
		{Name: "dns-bogon", About: "the provider's resolver answers with a private address", Input: https,
			Rules: []Rule{{When: liesOf, Do: bogus}}, Truth: blocked("dns", "dns.injection.bogon")},
		{Name: "dns-bogon-http", About: "the same, in clear text", Input: httpPlain,
			Rules: []Rule{{When: liesOf, Do: bogus}}, Truth: blocked("dns", "dns.injection.bogon")},
		{Name: "dns-says-so", About: "the provider's resolver denies that the name exists and says that it censors it", Input: https,
			Rules: []Rule{{When: liesOf, Do: Forge{RCode: dns.RcodeNameError, Says: dns.ExtendedErrorCodeCensored}}}, Truth: blocked("dns", "dns.policy|dns.nxdomain")},
		{Name: "dns-says-so-address", About: "the provider's resolver answers with an address of nobody's and says that it blocks the name", Input: https,
			Rules: []Rule{{When: liesOf, Do: Forge{Addrs: []netip.Addr{sinkAddr}, Says: dns.ExtendedErrorCodeBlocked}}}, Truth: blocked("dns", "dns.policy|dns.injection")},
		{Name: "dns-filters-as-asked", About: "the resolver says that it withholds the name as its client has asked", Input: https,
			Rules: []Rule{{When: liesOf, Do: Forge{RCode: dns.RcodeNameError, Says: dns.ExtendedErrorCodeFiltered}}}, Truth: Truth{State: "impaired|ok"}},
		{Name: "dns-race", About: "a private address is injected and the true answer comes second", Input: https,
			Rules: []Rule{{When: query, Do: race}}, Truth: blocked("dns", "dns.injection.bogon")},
		{Name: "dns-stray", About: "the address of some other host is injected and the true answer comes second", Input: https,
			Rules: []Rule{{When: query, Do: stray}}, Truth: blocked("dns", "dns.injection")},
		{Name: "dns-blockpage", About: "the provider's resolver answers with the address of a block page", Input: httpPlain,
			Rules: []Rule{{When: liesOf, Do: toBlock}}, Truth: blocked("dns|http", "dns.injection|http.blockpage")},
		{Name: "dns-blockpage-https", About: "the same for an HTTPS page: the certificate is of the block page", Input: https,
			Rules: []Rule{{When: liesOf, Do: toBlock}}, Truth: blocked("dns", "dns.injection")},
		{Name: "dns-ghost", About: "an address is injected for a name that does not exist", Input: "https://gone.test/",
			Rules: []Rule{{When: When{Names: []string{downName}, Ports: []uint16{53}}, Do: race}}, Truth: blocked("dns", "dns.injection")},
		{Name: "dns-and-doh", About: "the resolver lies, and resolvers over TLS cannot be reached", Input: https,
			Rules: []Rule{{When: query, Do: bogus}, {When: safeDNS, Do: Drop{}}}, Truth: blocked("dns", "dns.injection.bogon")},

		{Name: "tcp-drop", About: "SYNs to the site's addresses are lost", Input: https,
			Rules: []Rule{{When: address, Do: Drop{}}}, Truth: blocked("tcp", "tcp.timeout")},
		{Name: "tcp-drop-http", About: "the same, in clear text", Input: httpPlain,
			Rules: []Rule{{When: address, Do: Drop{}}}, Truth: blocked("tcp", "tcp.timeout")},
		{Name: "tcp-drop-pair", About: "SYNs to both addresses of the site are lost", Input: "https://pair.banned.test/",
			Rules: []Rule{{When: address, Do: Drop{}}}, Truth: blocked("tcp", "tcp.timeout")},
		{Name: "tcp-drop-443", About: "SYNs to port 443 of the site are lost", Input: https,
			Rules: []Rule{{When: port443, Do: Drop{}}}, Truth: blocked("tcp", "tcp.timeout")},
		{Name: "tcp-reset", About: "SYNs to the site's addresses are reset", Input: https,
			Rules: []Rule{{When: address, Do: Reset{}}}, Truth: blocked("tcp", "tcp.refused")},
		{Name: "tcp-unreachable", About: "a router says that the site's addresses cannot be reached", Input: https,
			Rules: []Rule{{When: address, Do: Unreachable{}}}, Truth: blocked("tcp", "ip.unreachable")},

		{Name: "tls-reset", About: "the connection is reset after the server name", Input: https,
			Rules: []Rule{{When: hello, Do: Reset{}}}, Truth: blocked("tls", "tls.reset.sni")},
		{Name: "tls-reset-pair", About: "the same at both addresses of a site", Input: "https://pair.banned.test/",
			Rules: []Rule{{When: hello, Do: Reset{}}}, Truth: blocked("tls", "tls.reset.sni")},
		{Name: "tls-drop", About: "all is lost after the server name", Input: https,
			Rules: []Rule{{When: hello, Do: Drop{}}}, Truth: blocked("tls", "tls.timeout.sni")},
		{Name: "tls-close", About: "the connection is closed after the server name", Input: https,
			Rules: []Rule{{When: hello, Do: Close{}}}, Truth: blocked("tls", "tls.eof.sni")},
		{Name: "tls-reset-residual", About: "reset after the server name, and the address stays closed for two seconds", Input: https,
			Rules: []Rule{{When: hello, Do: Reset{}, Residual: 2 * time.Second}}, Truth: blocked("tls", "tls.reset")},
		{Name: "tls-drop-residual", About: "dropped after the server name, and the address stays closed for two seconds", Input: https,
			Rules: []Rule{{When: hello, Do: Drop{}, Residual: 2 * time.Second}}, Truth: blocked("tls|tcp", "tls.timeout")},
		{Name: "tls-mitm", About: "a middlebox shows a certificate that it signed itself", Input: https,
			Rules: []Rule{{When: port443, Do: Divert{BoxOf: banned}}}, Truth: blocked("tls", "tls.mitm.self_signed")},
		{Name: "tls-mitm-ca", About: "a middlebox shows a certificate of an authority that nobody trusts", Input: "https://box.banned.test/",
			Rules: []Rule{{When: When{Sites: []string{bannedBox}, Ports: []uint16{443}}, Do: Divert{BoxOf: bannedBox}}}, Truth: blocked("tls", "tls.mitm.ca_signed")},

		{Name: "http-blockpage", About: "a block page answers in the server's name after the Host", Input: httpPlain,
			Rules: []Rule{{When: plain, Do: blockResponse}}, Truth: blocked("http", "http.blockpage")},
		{Name: "http-redirect", About: "a redirect to a block page answers in the server's name", Input: httpPlain,
			Rules: []Rule{{When: plain, Do: redirectResponse}}, Truth: blocked("http", "http.redirect")},
		{Name: "http-reset", About: "the connection is reset after the Host", Input: httpPlain,
			Rules: []Rule{{When: plain, Do: Reset{}}}, Truth: blocked("http", "http.reset")},
		{Name: "http-drop", About: "all is lost after the Host", Input: httpPlain,
			Rules: []Rule{{When: plain, Do: Drop{}}}, Truth: blocked("http", "http.timeout")},
		{Name: "http-close", About: "the connection is closed after the Host", Input: httpPlain,
			Rules: []Rule{{When: plain, Do: Close{}}}, Truth: blocked("http", "http.eof")},

		// A page of 256 kB takes more than six seconds at 40 kB/s on any machine, and the
		// probe gives up before. A page of 96 kB comes.
		{Name: "throttle-rate", About: "what comes under the server name is held to 40 kB/s", Input: "https://big.banned.test/",
			Rules: []Rule{{When: hello, Do: Slow{Rate: 40_000, Burst: 16 << 10}}}, Truth: byName},
		{Name: "throttle-host", About: "what comes under the Host is held to 40 kB/s", Input: "http://big.banned.test/",
			Rules: []Rule{{When: plain, Do: Slow{Rate: 40_000, Burst: 16 << 10}}}, Truth: Truth{State: "blocked", Layer: "http", Mechanism: "http.throttle", Also: "http.timeout"}},
		{Name: "throttle-pace", About: "what comes under the server name is held to 40 kB/s, and the page comes in the end", Input: "https://mid.banned.test/",
			Rules: []Rule{{When: hello, Do: Slow{Rate: 40_000, Burst: 16 << 10}}},
			Truth: byName},
		// Loss costs more over a distance: without one, TCP repairs it at once. With three
		// in ten packets lost, TCP carries about 2.2 segments a round trip (Mathis and
		// others, 1997): 40 kB/s here, and 26 s for the page of 1 MB. The loss begins
		// after the handshake, so that the handshake never fails. If one packet is lost
		// several times in a row, the page seems to stop.
		{Name: "throttle-loss", About: "three in ten packets under the server name are lost, 80 ms away", Input: "https://long.banned.test/",
			Rules: []Rule{{When: hello, Do: Lose{Probability: 0.3, After: 16 << 10}}}, Delay: 40 * time.Millisecond,
			Truth: Truth{State: "blocked", Layer: "http", Mechanism: "http.throttle|http.timeout", Also: "tls.throttle"}},
		{Name: "http-freeze", About: "after 16 kB under the server name nothing more comes", Input: "https://big.banned.test/",
			Rules: []Rule{{When: hello, Do: Drop{After: 16 << 10}}}, Truth: blocked("http", "http.timeout")},

		// The page still comes over TCP. So the state is ok, and the layer says what is
		// wrong.
		{Name: "quic-drop", About: "UDP to port 443 of the site is lost", Input: "https://quic.banned.test/",
			Rules: []Rule{{When: udp443, Do: Drop{}}}, Truth: Truth{State: "ok", Layer: "quic", Mechanism: "quic.timeout"}},
		// This network loses all QUIC, as some home firewalls do. That is not about the
		// target.
		{Name: "quic-drop-everywhere", About: "all UDP to port 443 is lost", Input: "https://quic.banned.test/",
			Rules: []Rule{{When: anyQUIC, Do: Drop{}}}, Truth: Truth{State: "ok", Layer: "quic"}},

		{Name: "dns-and-tls", About: "an address is injected, and the server name is reset at the true one", Input: https,
			Rules: []Rule{{When: query, Do: race}, {When: hello, Do: Reset{}}}, Truth: blocked("dns|tls", "dns.injection.bogon|tls.reset")},
		{Name: "everything", About: "name, address, server name and Host are all blocked", Input: https,
			Rules: []Rule{{When: query, Do: nxdomain}, {When: address, Do: Drop{}}, {When: hello, Do: Reset{}}, {When: plain, Do: blockResponse}},
			Truth: blocked("dns|tcp", "dns.nxdomain|tcp.timeout")},
		// Nobody blocks: every tenth packet is lost, each way, whatever it carries.
		{Name: "lossy-line", About: "a tenth of all packets are lost, whatever they carry", Input: "https://mid.banned.test/",
			Rules: []Rule{{When: beyond, Do: Lose{Probability: 0.1}}}, Truth: Truth{State: "not-blocked"}},
		{Name: "lossy-line-http", About: "the same, in clear text", Input: httpPlain,
			Rules: []Rule{{When: beyond, Do: Lose{Probability: 0.1}}}, Truth: Truth{State: "not-blocked"}},
		{Name: "darkness", About: "nothing at all passes", Input: https,
			Rules: []Rule{{When: beyond, Do: Drop{}}}, Truth: Truth{State: "insufficient|impaired"}},
	}
}

// FindScenario finds a scenario by its name, among Scenarios and the awkward ones.
func FindScenario(name string) (Scenario, bool) {
	for _, s := range Scenarios() {
		if s.Name == name {
			return s, true
		}
	}
	for _, a := range Awkward() {
		if a.Scenario.Name == name {
			return a.Scenario, true
		}
	}
	return Scenario{}, false
}

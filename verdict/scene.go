package verdict

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/bandish/bandish/address"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
)

// scene is one measurement, with what its rows say about each other. Rules look at
// nothing else.
type scene struct {
	views     []view
	first     *observation.Row
	web       bool // the test has a control
	control   bool // the control answered
	pageOK    bool // the page came, and either nothing on the path can have written it or it is the control's
	lastHop   uint8
	fetched   bool  // the control loaded the page
	anyOK     bool  // some connection of the measurement worked
	anyV6     bool  // some IPv6 connection worked
	died      bool  // nothing was heard except from the network's resolver: the probe's line may be down
	tunnelled bool  // a circumvention tool was tried
	mostWork  bool  // most of the tool's servers work
	app       *app  // the parts of a messenger; nil for other tests
	asked     uint8 // layers with a step in some row, one bit each
	resolve   byte  // resolver: 0 the network's, or not known; 'f' one that filters on request; 'p' one that does not serve this client
}

// view is one row with its steps as rules need them. Old probes write a failure of
// any step as one of the exchange; steps moves it to the step that must have
// failed.
type view struct {
	*observation.Row
	addr    netip.Addr
	v6      bool
	bogon   bool // private, loopback, or otherwise not of the public internet
	vouched bool // genuine: the control got it, or a handshake for the name verified there
	kin     bool // on a network that also has addresses that the control got
	foreign bool // the control has addresses, and this one is neither among them nor on their networks
	system  bool // the probe's own resolver gave it, or failed
	udp     bool
	doh     bool
	dns     observation.Result
	tcp     observation.Result
	tls     observation.Result
	quic    observation.Result
	http    observation.Result
	clear   bool                // the exchange was not over a verified connection
	page    bool                // it is the last of the redirects
	like    likeness            // the page compared with the control's
	quoted  bool                // the page is the control's, whatever words are on it
	matches []fingerprint.Match // empty where a known false positive matched, too
	decided uint8               // layers in which a rule has fired on this row, one bit each
	asked   uint8               // layers of which the row has a step, one bit each
}

// likeness says how a page compares with the control's.
type likeness uint8

const (
	incomparable likeness = iota
	alike
	unlike    // another page, by every measure
	uncertain // not alike, but not unlike by every measure
)

// newScene reads the rows. Their order does not matter.
func newScene(rows []observation.Row) *scene {
	s := &scene{views: make([]view, len(rows)), first: &rows[0]}
	for i := range rows {
		r := &rows[i]
		v := &s.views[i]
		v.Row = r
		if less(r, s.first) {
			s.first = r
		}
		v.steps()
		v.note()
		s.asked |= v.asked
		v.address()
		s.tunnelled = s.tunnelled || r.Tunnel.Tried()
		s.lastHop = max(s.lastHop, r.Hop)
		s.anyOK = s.anyOK || v.tcp == observation.Done || v.http == observation.Done || v.tls == observation.Done
		s.anyV6 = s.anyV6 || v.v6 && (v.tcp == observation.Done || v.quic == observation.Done)
	}
	s.died = s.silentAround()
	if s.web = s.first.TestName == "web_connectivity"; s.web {
		s.asked &^= 1 << indexApp
	}
	s.control = s.first.ControlState == observation.Done
	s.fetched = s.control && s.first.ControlHTTP == observation.Done
	s.resolve = s.resolver()
	for i := range s.views {
		s.relate(&s.views[i])
	}
	for i := range s.views {
		s.judgePage(&s.views[i])
	}
	if isApp(s.first.TestName) {
		s.app = s.appOf()
	}
	if s.tunnelled {
		worked, tried := s.tunnelCount()
		s.mostWork = 2*worked >= tried
	}
	return s
}

// resolver returns what kind of resolver the probe has (scene.resolve): by its
// network, or by its own words.
func (s *scene) resolver() byte {
	switch {
	case filtering[s.first.ResolverASN], s.other(filters):
		return 'f'
	case s.other(func(v *view) bool { return said(v, observation.ExtendedProhibited) }):
		return 'p'
	}
	return 0
}

// filters reports whether a resolver's own words are those of a filter that its
// user has chosen: its client asked for it; or, at a resolver of the local network,
// its operator did, as Pi-hole says of the lists of a household.
func filters(v *view) bool {
	return slices.ContainsFunc(v.DNSExtended, func(text string) bool {
		e, ok := observation.ParseExtendedError(text)
		return ok && (e.Code == observation.ExtendedFiltered && ownResolver(e.Engine) || e.Code == observation.ExtendedBlocked && localResolver(e.Engine))
	})
}

// less orders the rows of a measurement by Seq, which no two rows share.
func less(x, y *observation.Row) bool { return x.Seq < y.Seq }

// steps moves each failure to the step that must have failed.
func (v *view) steps() {
	v.dns, v.tcp, v.tls, v.quic, v.http = v.DNS, v.TCP, v.TLS, v.QUIC, v.HTTP
	for _, e := range v.DNSEngines {
		switch {
		case ownResolver(e):
			v.system = true
		case strings.HasPrefix(e, "udp"), strings.HasPrefix(e, "tcp"):
			v.udp = true
		default:
			v.doh = true
		}
	}
	if v.dns == "dns_no_answer" && !asksAddress(v) {
		v.dns = "" // most hosts have no such records
	}
	v.clear = v.HTTP.Tried() && !v.Verified()
	if !v.HTTP.Failed() || v.Status > 0 || v.TLS.Tried() || v.QUIC.Tried() {
		return
	}
	https := strings.HasPrefix(v.URL, "https://")
	switch f := v.HTTP; {
	case strings.HasPrefix(string(f), "dns_") || f == "android_dns_cache_no_data":
		if v.dns == "" {
			v.dns, v.system = f, true
		}
		v.http = ""
	case v.TCP == "" && unconnected(f):
		v.tcp, v.http = f, ""
	case https && (cutOff(f) || certificateFailure(f) || strings.HasPrefix(string(f), "ssl_")):
		v.tls, v.http = f, ""
	}
}

func unconnected(f observation.Result) bool {
	return f == "connection_refused" || f == "host_unreachable" || f == "network_unreachable"
}

func cutOff(f observation.Result) bool {
	return f == "connection_reset" || f == "generic_timeout_error" || f == "eof_error"
}

func certificateFailure(f observation.Result) bool {
	return f == "ssl_unknown_authority" || f == "ssl_invalid_hostname" || f == "ssl_invalid_certificate"
}

func (v *view) address() {
	text := v.IP
	if text == "" && v.Literal {
		text = v.Name
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return
	}
	v.addr, v.v6 = addr, addr.Is6()
	v.bogon = isBogon(v.reached())
}

// reached returns the address to which packets go in the end: behind NAT64, the
// IPv4 address.
func (v *view) reached() netip.Addr {
	if v.IPv4 != "" {
		if v4, err := netip.ParseAddr(v.IPv4); err == nil {
			return v4
		}
	}
	if address.NAT64.Contains(v.addr) {
		return address.Carried(v.addr)
	}
	return v.addr
}

// documentation reports whether an address is of a block for examples. No public
// service answers from these, but measurements made for examples and tests say so.
// Such an address is a bogon where the control got no such address.
func documentation(a netip.Addr) bool {
	b, ok := address.Lookup(a)
	return ok && b.Example
}

func documentationText(a string) bool {
	addr, err := netip.ParseAddr(a)
	return err == nil && documentation(addr)
}

func isBogon(a netip.Addr) bool {
	b, ok := address.Lookup(a)
	return ok && b.Bogon
}

// relate sets what the rest of the measurement says of a row's address.
func (s *scene) relate(v *view) {
	if v.IP == "" {
		return
	}
	through := "" // the IPv4 address behind a NAT64
	if to := v.reached(); to != v.addr {
		through = to.String()
	}
	if slices.Contains(v.ControlAddrs, v.IP) || through != "" && slices.Contains(v.ControlAddrs, through) || v.ControlTLS == observation.Done || v.ControlQUIC == observation.Done {
		v.vouched = true
	}
	for i := range s.views {
		w := &s.views[i]
		if v.vouched {
			break
		}
		if (w.IP == v.IP || through != "" && w.IP == through) && w.Name == v.Name {
			v.vouched = w.ControlTLS == observation.Done || proven(w)
		}
	}
	if documentation(v.addr) && len(v.ControlAddrs) > 0 && !slices.ContainsFunc(v.ControlAddrs, documentationText) {
		v.bogon = true
	}
	v.kin = v.IPASN != 0 && slices.Contains(v.ControlASNs, v.IPASN)
	v.foreign = !v.vouched && !v.kin && !v.Literal && v.ControlDNS == observation.Done && len(v.ControlAddrs) > 0
}

// proven reports whether a handshake with the name itself verified.
func proven(v *view) bool {
	step := v.TLS
	if v.Transport == "quic" {
		step = v.QUIC
	}
	return step == observation.Done && v.Verified() && (v.ServerName == "" || v.ServerName == v.Name)
}

// judgePage reads the fingerprints, and compares the last page of the redirects
// with the control's page.
func (s *scene) judgePage(v *view) {
	for _, f := range v.Fingerprints {
		v.matches = append(v.matches, fingerprint.ParseMatch(f))
	}
	if slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool { return m.Scope == "fp" }) {
		v.matches = nil
	}
	v.page = v.http.Tried() && v.Hop == s.lastHop
	if !v.page || v.http != observation.Done {
		return
	}
	v.like = s.likeness(v)
	if v.quoted = v.like == alike && samePage(v); v.quoted {
		v.matches = slices.DeleteFunc(v.matches, func(m fingerprint.Match) bool { return m.Location != "dns" })
	}
	if v.Status/100 == 5 && v.ControlStatus/100 == 5 {
		return // the same error is not a page
	}
	switch {
	case v.Status == 0 && !s.unrecorded() || v.like == unlike && s.ledAway(v):
	case !v.clear:
		s.pageOK = s.pageOK || !s.ledAway(v) || v.like == alike || !s.fetched
	case s.fetched && v.like == alike && !s.blockpage(v):
		s.pageOK = true
	}
}

// ledAway reports whether a redirect in clear text from another site led to the
// page. Then nobody knows who wrote the redirect.
func (s *scene) ledAway(page *view) bool {
	if page.Hop == 0 {
		return false
	}
	input := observation.HostOf(s.first.Input)
	if sameOwner(page.Name, input) {
		return false
	}
	for i := range s.views {
		w := &s.views[i]
		if w.Hop < page.Hop && w.HTTP.Tried() && w.clear && w.Status >= 300 && w.Status < 400 && site(w.Name) == site(input) {
			return true
		}
	}
	return false
}

// sameOwner reports whether two hosts are of one site, or of one site under the
// domains of several countries, which send visitors to each other.
func sameOwner(a, b string) bool {
	x, y := site(a), site(b)
	if x == y {
		return true
	}
	x, _, _ = strings.Cut(x, ".")
	y, _, _ = strings.Cut(y, ".")
	return x == y && len(x) > 3
}

// site returns the part of a name that one owner registers.
func site(name string) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return s
	}
	return name
}

// blockpage reports whether a fingerprint that counts matched the response.
func (s *scene) blockpage(v *view) bool {
	return slices.ContainsFunc(v.matches, func(m fingerprint.Match) bool { return m.Location != "dns" })
}

// compare compares a page with the control's by status, title, length and the names
// of uncommon headers, as Web Connectivity's specification does (ts-017). Where
// these disagree it returns uncertain.
func compare(v *view) likeness {
	if v.ControlHTTP != observation.Done || v.ControlStatus == 0 {
		return incomparable
	}
	if v.Status != v.ControlStatus {
		if v.Status/100 == v.ControlStatus/100 && sameTitle(v.Title, v.ControlTitle) {
			return alike
		}
		return uncertain
	}
	length := sameLength(v)
	header := sharedUncommon(v.Headers, v.ControlHeaders)
	title := v.Title != "" && v.ControlTitle != "" && sameTitle(v.Title, v.ControlTitle)
	switch {
	case title || length == alike || header:
		return alike
	case length == unlike && v.Status/100 == 2 && (v.Title != "" || v.foreign):
		return unlike
	}
	return uncertain
}

// likeness compares a page with the control's and considers who wrote it. A server
// of the same kind at a genuine address may write a page for each visitor, or test
// for robots first. A short page that only shows another site is nobody's front
// page.
func (s *scene) likeness(v *view) likeness {
	like := compare(v)
	switch {
	case like == uncertain && s.elsewhereLed(v) && v.Status == v.ControlStatus && sameLength(v) == unlike:
		return unlike
	case like == unlike && (controlRefused(v) || !s.elsewhereLed(v) && s.genuine(v) && sameServer(v)):
		return uncertain
	}
	return like
}

// controlRefused reports whether the control's page, by its title, is a refusal or
// a test for robots, whatever its status. Then it cannot be compared with.
func controlRefused(v *view) bool {
	title := strings.ToLower(v.ControlTitle)
	return slices.ContainsFunc([]string{
		"just a moment", "one moment, please", "attention required", "access denied", "access restricted", "access to this page has been denied", "forbidden", "captcha", "robot", "are you human",
		"security check", "checking your browser", "ddos", "not available in your", "unavailable in your", "pardon our interruption", "request unsuccessful", "request rejected",
	}, func(words string) bool { return strings.Contains(title, words) })
}

// elsewhereLed reports whether a short page without a title shows another site, or
// sends the visitor there.
func (s *scene) elsewhereLed(v *view) bool {
	return v.LeadsTo != "" && v.Title == "" && site(v.LeadsTo) != site(v.Name) && site(v.LeadsTo) != site(observation.HostOf(s.first.Input))
}

// samePage reports whether a page is like the control's by its title and length or,
// where the control's title is not known, by nearly the same length. Then its words
// are the site's own.
func samePage(v *view) bool {
	switch {
	case v.Status/100 != 2:
		return false
	case v.ControlTitle == "":
		a, b := v.BodyBytes, v.ControlBodyBytes
		return min(a, b) >= 512 && 100*min(a, b) >= 98*max(a, b)
	}
	return v.Title == v.ControlTitle && (sameLength(v) != unlike || sameServer(v))
}

// sameServer reports whether two answers have the same Server header, and at least
// four in five headers in common.
func sameServer(v *view) bool {
	if v.Server == "" || v.Server != v.ControlServer || len(v.Headers) < 2 {
		return false
	}
	shared := 0
	for _, h := range v.Headers {
		if _, ok := slices.BinarySearch(v.ControlHeaders, h); ok {
			shared++
		}
	}
	return 5*shared >= 4*max(len(v.Headers), len(v.ControlHeaders))
}

// sameLength compares lengths: they are alike where one is at least 0.7 of the
// other, as in OONI's comparison.
func sameLength(v *view) likeness {
	a, b := v.BodyBytes, v.ControlBodyBytes
	switch {
	case b < 0, b == 0 && a > 0:
		return incomparable
	case v.BodyTruncated:
		return alike // the page went on: nothing shows that its length would differ
	case 10*min(a, b) >= 7*max(a, b):
		return alike
	}
	return unlike
}

// sameTitle reports whether titles are equal, or share a word of at least five
// letters.
func sameTitle(a, b string) bool {
	if a == b {
		return true
	}
	words := strings.Fields(strings.ToLower(b))
	for w := range strings.FieldsSeq(strings.ToLower(a)) {
		if len([]rune(w)) >= 5 && slices.Contains(words, w) {
			return true
		}
	}
	return false
}

// sharedUncommon reports whether two sorted lists have a header in common that few
// servers send.
func sharedUncommon(a, b []string) bool {
	for _, h := range a {
		if !commonHeaders[h] {
			if _, ok := slices.BinarySearch(b, h); ok {
				return true
			}
		}
	}
	return false
}

var commonHeaders = func() map[string]bool {
	common := map[string]bool{}
	for h := range strings.FieldsSeq(`date content-type server cache-control vary set-cookie location
		expires x-powered-by content-encoding last-modified accept-ranges pragma x-frame-options etag
		x-content-type-options age via p3p x-xss-protection content-language cf-ray strict-transport-security
		link x-varnish content-length connection transfer-encoding keep-alive alt-svc referrer-policy
		content-security-policy x-cache nel report-to permissions-policy cf-cache-status expect-ct`) {
		common[h] = true
	}
	return common
}()

// silentAround reports whether the probe heard nothing except its own resolver,
// which may have answered from memory: every connection timed out, and so did a
// lookup that was sent to somebody else without encryption.
func (s *scene) silentAround() bool {
	other, cut := false, false
	for i := range s.views {
		v := &s.views[i]
		for _, r := range [...]observation.Result{v.tcp, v.tls, v.quic, v.http} {
			if r.Tried() && r != timedOut && !routeless(r) {
				return false
			}
			cut = cut || r == timedOut
		}
		if !v.dns.Tried() || !v.udp && !v.doh {
			continue
		}
		if v.dns != timedOut && !routeless(v.dns) {
			return false
		}
		other = other || v.udp && v.dns == timedOut
	}
	return other && cut
}

func bogonText(a string) bool {
	addr, err := netip.ParseAddr(a)
	return err != nil || isBogon(addr)
}

// filtering lists networks of resolvers that filter for those who choose them. What
// these withhold is not the doing of the measured network.
var filtering = map[uint32]bool{
	42:     true, // PCH, hosts Quad9
	1288:   true, // PCH
	19281:  true, // Quad9
	36692:  true, // Cisco OpenDNS
	34939:  true, // NextDNS
	212772: true, // AdGuard
	205157: true, // CleanBrowsing
}

// open reports whether rules of the layer may still fire on the row. Every rule
// that finds blocking fires. Of the other rules of a layer only the first fires on
// a row, and none where blocking was found. All rules about the instrument fire.
func (v *view) open(layer int) bool {
	return layer == indexInstrument || v.decided&(1<<layer) == 0
}

func (v *view) close(layer int) { v.decided |= 1 << layer }

// concerns reports whether the row has a step that a layer's rules look at. The
// rules of pages also look at the handshake.
func (v *view) concerns(layer int) bool { return v.asked&(1<<layer) != 0 }

func (v *view) note() {
	v.asked = 1<<indexApp | 1<<indexInstrument
	for layer, tried := range [...]bool{
		indexDNS: v.dns.Tried(), indexTCP: v.tcp.Tried(), indexTLS: v.tls.Tried(),
		indexHTTP: v.http.Tried() || v.tls.Tried() || v.HTTP.Tried(), indexQUIC: v.quic.Tried(),
	} {
		if tried {
			v.asked |= 1 << layer
		}
	}
}

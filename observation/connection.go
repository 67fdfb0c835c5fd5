package observation

import (
	"cmp"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
)

// connection builds the rows of one set of archival lists. With chain, the requests
// are redirects and the last is first; otherwise each request is separate.
//
// Steps with the same transaction are one row. Where the probe writes no
// transactions, steps with the same endpoint are one row, and an HTTP exchange
// belongs to the endpoint that fits its URL, if only one does.
func (b *builder) connection(c measurement.Connection, chain bool) []Row {
	a := &assembly{builder: b, chain: chain, hosts: map[string]string{}}
	a.rows = make([]Row, 0, min(len(c.TCPConnect)+len(c.Requests), 16))
	a.lookups(c.Queries)
	for i := range c.TCPConnect {
		a.tcp(&c.TCPConnect[i])
	}
	for _, h := range inOrder(c.TLSHandshakes, compareHandshakes) {
		a.tls(h, h.Network == "udp" || h.Network == "quic")
	}
	for _, h := range inOrder(c.QUIC, compareHandshakes) {
		a.tls(h, true)
	}
	place := places(c.Requests)
	for _, t := range inOrder(c.Requests, compareExchanges) {
		a.http(t, place[t])
	}
	a.events(c.NetworkEvents)
	a.nameEndpoints()
	a.joinLookups()
	return a.rows
}

// inOrder returns the items of a list in an order that does not depend on the order
// of the list.
func inOrder[T any](list []T, compare func(x, y *T) int) []*T {
	sorted := make([]*T, len(list))
	for i := range list {
		sorted[i] = &list[i]
	}
	slices.SortStableFunc(sorted, compare)
	return sorted
}

func compareHandshakes(x, y *measurement.TLSHandshake) int {
	return cmp.Or(
		cmp.Compare(x.TransactionID, y.TransactionID), cmp.Compare(x.Address, y.Address),
		cmp.Compare(x.ServerName, y.ServerName), cmp.Compare(x.Failure, y.Failure), cmp.Compare(x.T, y.T),
	)
}

func compareExchanges(x, y *measurement.Transaction) int {
	return cmp.Or(
		cmp.Compare(x.TransactionID, y.TransactionID), cmp.Compare(x.Request.URL, y.Request.URL),
		cmp.Compare(x.Failure, y.Failure), cmp.Compare(x.Response.Code, y.Response.Code), cmp.Compare(x.T, y.T),
		cmp.Compare(len(x.Response.Body), len(y.Response.Body)),
	)
}

// places numbers the requests of a chain of redirects from 0. Where the Location
// headers link all requests into one chain, that is the order. Otherwise it is the
// reverse of the list, which has the last request first.
func places(requests []measurement.Transaction) map[*measurement.Transaction]int {
	place := make(map[*measurement.Transaction]int, len(requests))
	for i := range requests {
		place[&requests[i]] = len(requests) - 1 - i
	}
	if len(requests) < 2 {
		return place
	}
	next := make(map[string]*measurement.Transaction, len(requests))
	led := map[*measurement.Transaction]bool{}
	for i := range requests {
		next[requests[i].Request.URL] = &requests[i]
	}
	follow := func(t *measurement.Transaction) *measurement.Transaction {
		base, err := url.Parse(t.Request.URL)
		if err != nil {
			return nil
		}
		location := t.Response.Get("location")
		if location == "" {
			return nil
		}
		to, err := base.Parse(location)
		if err != nil {
			return nil
		}
		return next[to.String()]
	}
	for i := range requests {
		if to := follow(&requests[i]); to != nil {
			led[to] = true
		}
	}
	var start *measurement.Transaction
	for i := range requests {
		if !led[&requests[i]] {
			if start != nil {
				return place // two beginnings: no chain
			}
			start = &requests[i]
		}
	}
	chained := make(map[*measurement.Transaction]int, len(requests))
	for t, n := start, 0; t != nil && n < len(requests); t, n = follow(t), n+1 {
		chained[t] = n
	}
	if len(chained) != len(requests) {
		return place
	}
	return chained
}

// assembly holds the state of connection.
type assembly struct {
	*builder
	chain   bool
	rows    []Row
	txns    []int64 // by row; 0: not known
	answers []answer
	failed  []Row             // lookups that gave no address
	hosts   map[string]string // by address: the alphabetically first name that resolved to it
}

// answer is one address to which a name resolved.
type answer struct {
	name, ip string
	hop      uint8
	asn      uint32
	engines  []string
	cnames   []string
	said     []string // extended errors (RFC 8914)
	kind     string
	seconds  float64
	used     bool
}

func (a *assembly) lookups(queries []measurement.Query) {
	for i := range queries {
		q := &queries[i]
		name := a.keep(CanonicalName(q.Hostname))
		hop, _ := depth(q.Tags)
		engine := a.engine(q)
		cnames, said := a.cnames(q, name), a.extendedErrors(q, engine)
		gave := 0
		for j := range q.Answers {
			r := &q.Answers[j]
			ip := canonicalIP(cmp.Or(r.IPv4, r.IPv6))
			if ip == "" {
				continue
			}
			gave++
			a.answer(name, a.keep(ip), hop, uint32(max(r.ASN, 0)), engine, cnames, said, q)
		}
		if gave == 0 {
			failure := q.Failure
			if failure == "" {
				if len(a.m.Defects) > 0 {
					continue // the answers may be what could not be read
				}
				failure = "dns_no_answer"
			}
			a.failedLookup(name, hop, engine, a.result(failure), cnames, said, q)
		}
	}
	a.failed = slices.DeleteFunc(a.failed, func(r Row) bool {
		return r.DNS == "dns_no_answer" && slices.ContainsFunc(a.answers, func(x answer) bool {
			return x.name == r.Name && slices.Contains(x.engines, r.DNSEngines[0])
		})
	})
	a.failed = mergeLookups(a.failed)
	sort.Slice(a.answers, func(i, j int) bool {
		x, y := &a.answers[i], &a.answers[j]
		return x.name < y.name || x.name == y.name && x.ip < y.ip
	})
}

// cnames returns the names through which a lookup was led.
func (a *assembly) cnames(q *measurement.Query, name string) []string {
	var names []string
	for i := range q.Answers {
		if r := &q.Answers[i]; r.Hostname != "" && r.AnswerType == "CNAME" {
			if to := CanonicalName(r.Hostname); to != name {
				names = append(names, a.keep(to))
			}
		}
	}
	return names
}

func (a *assembly) answer(name, ip string, hop uint8, asn uint32, engine string, cnames, said []string, q *measurement.Query) {
	if least, ok := a.hosts[ip]; !ok || name < least {
		a.hosts[ip] = name
	}
	for i := range a.answers {
		x := &a.answers[i]
		if x.name == name && x.ip == ip && x.hop == hop {
			x.engines = append(x.engines, engine)
			x.cnames, x.said = append(x.cnames, cnames...), append(x.said, said...)
			x.asn = max(x.asn, asn)
			x.kind = max(x.kind, a.keep(q.QueryType))
			x.seconds = max(x.seconds, seconds(q.T0, q.T))
			return
		}
	}
	a.answers = append(a.answers, answer{
		name: name, ip: ip, hop: hop, asn: asn, engines: []string{engine}, cnames: slices.Clone(cnames), said: slices.Clone(said),
		kind: a.keep(q.QueryType), seconds: seconds(q.T0, q.T),
	})
}

func (a *assembly) failedLookup(name string, hop uint8, engine string, res Result, cnames, said []string, q *measurement.Query) {
	r := a.base
	r.Name, r.Hop, r.DNS, r.DNSEngines = name, hop, res, []string{engine}
	r.DNSType, r.DNSSeconds = a.keep(q.QueryType), seconds(q.T0, q.T)
	r.CNAMEs, r.DNSExtended = slices.Clone(cnames), slices.Clone(said)
	r.Literal = isAddr(name)
	a.failed = append(a.failed, r)
}

// forAddress reports whether every host on the web has an answer to this type of
// query.
func forAddress(kind string) bool { return kind == "A" || kind == "ANY" || kind == "" }

// mergeLookups makes one row of the lookups of a name that failed in the same way,
// and another of the lookups for records that a host need not have.
func mergeLookups(rows []Row) []Row {
	var merged []Row
next:
	for _, r := range rows {
		for i := range merged {
			m := &merged[i]
			if m.Name == r.Name && m.Hop == r.Hop && m.DNS == r.DNS && forAddress(m.DNSType) == forAddress(r.DNSType) {
				m.DNSEngines = append(m.DNSEngines, r.DNSEngines...)
				m.CNAMEs, m.DNSExtended = append(m.CNAMEs, r.CNAMEs...), append(m.DNSExtended, r.DNSExtended...)
				m.DNSType = min(m.DNSType, r.DNSType)
				m.DNSSeconds = max(m.DNSSeconds, r.DNSSeconds)
				continue next
			}
		}
		merged = append(merged, r)
	}
	for i := range merged {
		merged[i].DNSEngines = sortedSet(merged[i].DNSEngines)
		merged[i].CNAMEs, merged[i].DNSExtended = sortedSet(merged[i].CNAMEs), sortedSet(merged[i].DNSExtended)
	}
	return merged
}

// row returns the row of a transaction or, where there is none, of an endpoint.
func (a *assembly) row(txn int64, ip string, port uint16, transport string, hop uint8) *Row {
	for i := range a.rows {
		r := &a.rows[i]
		if txn != 0 && a.txns[i] == txn {
			return r
		}
		if txn == 0 && a.txns[i] == 0 && r.IP == ip && r.Port == port && r.Transport == transport && r.Hop == hop && r.URL == "" {
			return r
		}
	}
	r := a.base
	r.IP, r.Port, r.Transport, r.Hop = ip, port, transport, hop
	a.rows, a.txns = append(a.rows, r), append(a.txns, txn)
	return &a.rows[len(a.rows)-1]
}

// better reports whether new replaces old as the result of the same step. A success
// counts before a failure, and among failures the alphabetically first, so that the
// order of steps does not matter.
func better(old, new Result) bool {
	if !old.Tried() || old == Done {
		return !old.Tried()
	}
	return new == Done || new < old
}

func (a *assembly) tcp(c *measurement.TCPConnect) {
	hop, _ := depth(c.Tags)
	ip := canonicalIP(c.IP)
	if ip == "" {
		return
	}
	r := a.row(c.TransactionID, a.keep(ip), port(c.Port), "tcp", hop)
	if res := a.result(c.Status.Failure); better(r.TCP, res) {
		r.TCP, r.TCPSeconds = res, seconds(c.T0, c.T)
	}
}

func port(n int64) uint16 {
	if n < 0 || n > 1<<16-1 {
		return 0
	}
	return uint16(n)
}

func (a *assembly) tls(h *measurement.TLSHandshake, quic bool) {
	hop, _ := depth(h.Tags)
	host, p := splitEndpoint(h.Address)
	transport := "tcp"
	if quic {
		transport = "quic"
	}
	ip := canonicalIP(host)
	if ip == "" && h.TransactionID == 0 {
		return // the tor test of 2020 writes handshakes without an address
	}
	r := a.row(h.TransactionID, a.keep(ip), p, transport, hop)
	sni := a.keep(CanonicalName(h.ServerName))
	if r.ServerName != "" && sni != "" && r.ServerName != sni && h.TransactionID == 0 {
		// The same endpoint with another name is another observation.
		other := *r
		other.TLS, other.QUIC, other.HTTP, other.ServerName, other.URL = "", "", "", sni, ""
		a.rows, a.txns = append(a.rows, other), append(a.txns, -1)
		r = &a.rows[len(a.rows)-1]
	}
	res := a.result(h.Failure)
	step, took := &r.TLS, &r.TLSSeconds
	if quic {
		step, took = &r.QUIC, &r.QUICSeconds
	}
	if !better(*step, res) {
		return
	}
	*step, *took = res, seconds(h.T0, h.T)
	r.ServerName, r.NoVerify = sni, h.NoTLSVerify
	if res == Done || h.TLSVersion != "" {
		r.TLSVersion = a.keep(h.TLSVersion)
	}
	if len(h.PeerCertificates) > 0 {
		v := a.o.Verifier
		c := v.check(h.PeerCertificates, sni, a.base.Time, res.Failed())
		r.Cert, r.CertSHA256, r.CertSubject, r.CertIssuer, r.TrustStore = c.state, c.sha256, c.subject, c.issuer, v.ID()
	}
}

func (a *assembly) http(t *measurement.Transaction, place int) {
	to := placeOf(t.Request.URL)
	if to.name == "" {
		to = placeOf(requestHost(t))
	}
	transport := "tcp"
	if t.Network == "udp" || t.Network == "quic" || t.ALPN == "h3" {
		transport = "quic"
	}
	hop, tagged := depth(t.Tags)
	if !tagged && a.chain {
		hop = uint8(min(place, 255))
	}
	r := a.exchange(t, to, transport, hop)
	if r.Name == "" {
		r.Name = a.keep(to.name)
	}
	r.URL = a.keep(t.Request.URL)
	if r.TCP.Failed() || r.TLS.Failed() || r.QUIC.Failed() {
		return // the exchange did not take place
	}
	a.response(r, t, to.scheme)
}

// exchange returns the row to which an HTTP exchange belongs.
func (a *assembly) exchange(t *measurement.Transaction, to place, transport string, hop uint8) *Row {
	if t.TransactionID != 0 {
		ip := ""
		if host, p := splitEndpoint(t.Address); t.Address != "" {
			ip = a.keep(canonicalIP(host))
			to.port = p
		}
		r := a.row(t.TransactionID, ip, to.port, transport, hop)
		if r.IP == "" {
			r.IP = ip
		}
		return r
	}
	only := -1
	for i := range a.rows {
		r := &a.rows[i]
		if r.Port != to.port || r.Transport != transport || r.URL != "" || !a.serves(r, to.name) {
			continue
		}
		if only >= 0 {
			only = -2
			break
		}
		only = i
	}
	if only >= 0 && a.rows[only].Hop == hop {
		return &a.rows[only]
	}
	r := a.base
	r.Port, r.Transport, r.Hop = to.port, transport, hop
	if only >= 0 {
		r.IP = a.rows[only].IP
	}
	a.rows, a.txns = append(a.rows, r), append(a.txns, 0)
	return &a.rows[len(a.rows)-1]
}

// serves reports whether a row's endpoint may belong to a name.
func (a *assembly) serves(r *Row, name string) bool {
	if r.ServerName != "" {
		return r.ServerName == name
	}
	if isAddr(name) {
		return r.IP == name
	}
	return slices.ContainsFunc(a.answers, func(x answer) bool { return x.name == name && x.ip == r.IP })
}

func requestHost(t *measurement.Transaction) string {
	for _, h := range t.Request.HeadersList {
		if strings.EqualFold(h.Name, "host") {
			return string(h.Value)
		}
	}
	for _, h := range t.Request.Headers {
		if strings.EqualFold(h.Name, "host") {
			return string(h.Value)
		}
	}
	return ""
}

func (a *assembly) response(r *Row, t *measurement.Transaction, scheme string) {
	res := &t.Response
	r.HTTP, r.HTTPSeconds = a.result(t.Failure), seconds(t.T0, t.T)
	r.Status = uint16(max(min(res.Code, 999), 0))
	r.BodyBytes, r.BodyTruncated = int64(len(res.Body)), res.BodyIsTruncated
	r.Location, r.Server = a.keep(cut(res.Get("location"), 2048)), a.keep(cut(res.Get("server"), 256))
	body := cut(string(res.Body), MaxBody)
	r.Title = a.keep(titleOf(body))
	for _, h := range res.AllHeaders() {
		r.Headers = append(r.Headers, strings.ToLower(a.keep(h.Name)))
	}
	r.Headers = sortedSet(r.Headers)
	if scheme == "https" && r.TLS == "" && uncheckedTLS(r.Software) {
		r.NoVerify = true
	}
	if r.Status == 0 && body == "" || r.Verified() {
		return
	}
	a.match(r, res, body)
}

// match keeps a response that may have been written on the path, and looks for
// fingerprints in it.
func (a *assembly) match(r *Row, res *measurement.HTTPResponse, body string) {
	for _, h := range res.AllHeaders() {
		if len(r.HeaderLines) == maxHeaderLines {
			break
		}
		r.HeaderLines = append(r.HeaderLines, a.keep(strings.ToLower(h.Name)+": "+cut(string(h.Value), 2048)))
	}
	r.HeaderLines = sortedSet(r.HeaderLines)
	if body != "" {
		r.BodySHA256 = hashOf(body)
		r.LeadsTo = a.keep(leadsTo(body, r.Name))
		if a.bodies == nil {
			a.bodies = map[string]string{}
		}
		if _, ok := a.bodies[r.BodySHA256]; !ok {
			a.bodies[r.BodySHA256] = strings.Clone(body)
		}
	}
	r.Fingerprints = MatchRow(r, body, a.o.Fingerprints)
}

const maxHeaderLines = 64

// MatchRow returns the fingerprints of a set that match a row and its body, for
// judging history again with a later snapshot.
func MatchRow(r *Row, body string, set *fingerprint.Set) []string {
	found := matchDNS(r, set)
	for _, line := range r.HeaderLines {
		name, value, _ := strings.Cut(line, ": ")
		found = append(found, set.MatchHeader(name, value)...)
	}
	if body != "" {
		found = append(found, set.MatchBody(body)...)
	}
	return sortedSet(found)
}

// Rematch sets the fingerprints of an archived row again, for another snapshot.
// body returns the text of a body by its SHA-256; where it returns false, the
// earlier matches of the body stay.
func Rematch(r *Row, body func(sha256 string) (string, bool), set *fingerprint.Set) {
	if r.FingerprintSet == set.ID() {
		return
	}
	text, found := "", r.BodySHA256 == ""
	if !found {
		text, found = body(r.BodySHA256)
	}
	matches := MatchRow(r, text, set)
	if !found {
		for _, old := range r.Fingerprints {
			if fingerprint.ParseMatch(old).Location == "body" {
				matches = append(matches, old)
			}
		}
		matches = sortedSet(matches)
	}
	r.Fingerprints, r.FingerprintSet = matches, set.ID()
}

// uncheckedTLS reports whether software made HTTPS requests without checking
// certificates, as ooniprobe in Python did (versions 1 and 2).
func uncheckedTLS(software string) bool {
	return strings.HasPrefix(software, "ooniprobe/1.") || strings.HasPrefix(software, "ooniprobe/2.")
}

func cut(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// titleOf returns the content of the first title element, at most 500 bytes.
func titleOf(body string) string {
	i := indexFold(body, "<title")
	if i < 0 {
		return ""
	}
	rest := body[i:]
	open := strings.IndexByte(rest, '>')
	if open < 0 {
		return ""
	}
	rest = rest[open+1:]
	if end := indexFold(rest, "</title"); end >= 0 {
		rest = rest[:end]
	} else if len(rest) > 500 {
		return ""
	}
	return strings.ToValidUTF8(cut(strings.TrimSpace(rest), 500), "")
}

// indexFold returns the place of an HTML tag, given in lower case, in any case; -1
// where there is none.
func indexFold(text, tag string) int {
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '<')
		if i < 0 || from+i+len(tag) > len(text) {
			return -1
		}
		from += i
		if strings.EqualFold(text[from:from+len(tag)], tag) {
			return from
		}
		from++
	}
}

// events adds to the rows what the network events say of slowness.
func (a *assembly) events(events []measurement.NetworkEvent) {
	if len(events) == 0 {
		return
	}
	for i := range a.rows {
		r := &a.rows[i]
		txn := a.txns[i]
		if txn <= 0 && (len(a.rows) != 1 || !oneConnection(events)) {
			continue // nobody knows whose events these are
		}
		var reads []float64
		first := -1.0
		for j := range events {
			e := &events[j]
			if txn > 0 && e.TransactionID != txn {
				continue
			}
			switch e.Operation {
			case "read", "read_from":
				if e.NumBytes > 0 {
					r.ReadBytes += e.NumBytes
					r.ReadCount++
					reads = append(reads, e.T)
				}
				first = least(first, e.T0, e.T)
			case "write", "write_to":
				r.WroteBytes += e.NumBytes
				first = least(first, e.T0, e.T)
			}
		}
		sort.Float64s(reads)
		for j := 1; j < len(reads); j++ {
			r.MaxGap = max(r.MaxGap, reads[j]-reads[j-1])
		}
		if n := len(reads); n > 0 && first >= 0 {
			r.ReadSeconds = max(reads[n-1]-first, 0)
		}
	}
}

func least(known, t0, t float64) float64 {
	if t0 > 0 {
		t = t0
	}
	if known < 0 || t < known {
		return t
	}
	return known
}

func oneConnection(events []measurement.NetworkEvent) bool {
	n := 0
	for i := range events {
		if events[i].Operation == "connect" {
			n++
		}
	}
	return n == 1
}

// nameEndpoints names the endpoints that have no name yet.
func (a *assembly) nameEndpoints() {
	for i := range a.rows {
		r := &a.rows[i]
		if r.Name == "" {
			r.Name = a.nameOf(r)
		}
		r.Literal = isAddr(r.Name)
	}
}

func (a *assembly) nameOf(r *Row) string {
	host := ""
	if a.chain && r.Hop == 0 {
		host = HostOf(a.base.Input)
		if host != "" && (len(a.answers) == 0 || slices.ContainsFunc(a.answers, func(x answer) bool { return x.name == host && x.ip == r.IP })) {
			return a.keep(host)
		}
	}
	for i := range a.answers { // sorted, so that this is the alphabetically first name
		if x := &a.answers[i]; x.ip == r.IP && x.hop == r.Hop {
			return x.name
		}
	}
	if name, ok := a.hosts[r.IP]; ok {
		return name
	}
	if r.ServerName != "" {
		return r.ServerName
	}
	if host != "" {
		return a.keep(host)
	}
	return r.IP
}

// joinLookups adds to endpoints the lookups that gave their address, and adds rows
// for lookups whose addresses nobody tried.
func (a *assembly) joinLookups() {
	for i := range a.answers {
		a.answers[i].engines = sortedSet(a.answers[i].engines)
		a.answers[i].cnames, a.answers[i].said = sortedSet(a.answers[i].cnames), sortedSet(a.answers[i].said)
	}
	for i := range a.rows {
		r := &a.rows[i]
		for j := range a.answers {
			x := &a.answers[j]
			if x.name != r.Name || x.ip != r.IP {
				continue
			}
			x.used = true
			r.DNS = Done
			r.DNSEngines, r.CNAMEs, r.DNSExtended = x.engines, x.cnames, x.said
			r.DNSType, r.DNSSeconds, r.IPASN = x.kind, x.seconds, max(r.IPASN, x.asn)
		}
		a.matchAnswer(r)
	}
	for _, x := range a.answers {
		if x.used {
			continue
		}
		r := a.base
		r.Name, r.IP, r.Hop, r.IPASN = x.name, x.ip, x.hop, x.asn
		r.DNS, r.DNSEngines, r.CNAMEs, r.DNSExtended = Done, x.engines, x.cnames, x.said
		r.DNSType, r.DNSSeconds = x.kind, x.seconds
		a.matchAnswer(&r)
		a.rows = append(a.rows, r)
	}
	for i := range a.failed {
		a.matchAnswer(&a.failed[i])
	}
	a.rows = append(a.rows, a.failed...)
}

// matchAnswer adds to the fingerprints of the response those of the lookup's
// answer.
func (a *assembly) matchAnswer(r *Row) {
	if found := matchDNS(r, a.o.Fingerprints); len(found) > 0 {
		r.Fingerprints = sortedSet(append(r.Fingerprints, found...))
	}
}

// matchDNS returns the fingerprints that match a row's address and the names that
// led to it.
func matchDNS(r *Row, set *fingerprint.Set) []string {
	found := slices.Clone(set.MatchDNS(r.IP))
	for _, name := range r.CNAMEs {
		found = append(found, set.MatchName(name)...)
	}
	return found
}

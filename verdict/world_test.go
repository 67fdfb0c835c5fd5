package verdict_test

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A world is a small internet with a probe in it, from which measurements with
// a known truth are written. It knows hosts, servers and what a network does
// to the probe; it knows nothing of rules. Names end in .example and .test,
// addresses are those of RFC 5737 and RFC 3849, networks are private ones.
type world struct {
	rng   *rand.Rand
	shape string // "0.4" or "0.5"
	input string
	start time.Time

	spelled   string // the input as the measurement has it, where otherwise
	extraPort int    // that the control tries too

	names   map[string][]string // name to addresses, for everybody
	near    map[string][]string // what the probe's resolvers answer in earnest, where a service answers by place
	servers map[string]*server  // by address
	asn     map[string]int      // of addresses

	// What the network does to the probe.
	lies     map[string]lie    // name: the answer of the probe's resolver
	lieToUDP bool              // and of those asked in clear text
	tcpCut   map[string]string // "address:port", "address" or "name": failure
	tlsCut   map[string]string // server name: failure
	httpCut  map[string]string // host: failure of exchanges in clear text
	slow     map[string]bool   // host: starved
	replace  map[string]page   // host: page written on the path, in clear text
	turned   map[string]page   // host or URL: what the servers themselves give the probe alone
	udpLies  map[string]lie    // name: the answer of the resolver asked in clear text alone
	forge    map[string]*chain // server name: another's certificate
	noV6     bool
	doh      string // failure of the encrypted resolver
	udp      string // failure of the resolver asked in clear text
	distance float64

	// What is the matter with the control.
	controlDown string // failure
	noControl   bool
	controlHTTP string // failure of its page
}

type lie struct {
	addrs   []string
	failure string
}

type server struct {
	ports map[int]bool
	proof map[string]*chain // by server name; "" for any
	pages map[string]page   // by URL, or by host
	cut   string            // failure of every exchange
}

type page struct {
	status   int
	title    string
	size     int
	headers  map[string]string
	location string
	failure  string
}

// chain is a certificate chain and what a client says of it.
type chain struct {
	der     [][]byte
	failure string
}

const (
	probeASN = 64512
	siteASN  = 64600
	edgeASN  = 64601
	ispASN   = 64512
)

func newWorld(seed uint64, shape, scheme string) *world {
	rng := rand.New(rand.NewPCG(seed, 7))
	host := pick(rng, "news", "video", "forum", "mail") + strconv.Itoa(rng.IntN(90)+10) + "." + pick(rng, "example", "test")
	w := &world{
		rng: rng, shape: shape, input: scheme + "://www." + host + "/",
		start: time.Date(2024, 2, 1+rng.IntN(27), rng.IntN(24), rng.IntN(60), 0, 0, time.UTC),
		names: map[string][]string{}, near: map[string][]string{}, servers: map[string]*server{}, asn: map[string]int{},
		lies: map[string]lie{}, tcpCut: map[string]string{}, tlsCut: map[string]string{}, httpCut: map[string]string{},
		slow: map[string]bool{}, replace: map[string]page{}, turned: map[string]page{}, udpLies: map[string]lie{}, forge: map[string]*chain{}, distance: 0.02 + 0.1*rng.Float64(),
	}
	w.site(w.host(), 1+rng.IntN(3))
	return w
}

func (w *world) extraPorts() []int {
	if w.extraPort == 0 {
		return nil
	}
	return []int{w.extraPort}
}

func pick(rng *rand.Rand, of ...string) string { return of[rng.IntN(len(of))] }

func (w *world) host() string {
	u, _ := url.Parse(w.input)
	return u.Hostname()
}

// address gives out an address of a documentation block.
func (w *world) address(block string, asn int) string {
	for {
		a := block + strconv.Itoa(1+w.rng.IntN(250))
		if _, taken := w.asn[a]; !taken {
			w.asn[a] = asn
			return a
		}
	}
}

// site makes a name with servers that answer for it.
func (w *world) site(name string, servers int) {
	p := page{status: 200, title: "Title of " + name + " today", size: 1000 + w.rng.IntN(2000),
		headers: map[string]string{"Content-Type": "text/html", "Date": "Thu, 01 Feb 2024 10:00:00 GMT", "X-Site-Node": "n1"}}
	good := goodChain(name, w.start)
	for range servers {
		a := w.address("198.51.100.", siteASN)
		w.names[name] = append(w.names[name], a)
		w.servers[a] = &server{ports: map[int]bool{80: true, 443: true},
			proof: map[string]*chain{name: good}, pages: map[string]page{name: p}}
	}
}

func (w *world) pageOf(name string) page { return w.servers[w.names[name][0]].pages[name] }

func (w *world) setPage(name string, p page) {
	for _, a := range w.names[name] {
		w.servers[a].pages[name] = p
	}
}

// edge adds servers near the probe that the control never sees.
func (w *world) edge(name string, asn int) {
	a := w.address("203.0.113.", asn)
	w.near[name] = []string{a}
	w.servers[a] = &server{ports: map[int]bool{80: true, 443: true},
		proof: map[string]*chain{name: goodChain(name, w.start)}, pages: map[string]page{name: w.pageOf(name)}}
}

// notice adds the server of a block page and returns its address.
func (w *world) notice() string {
	a := w.address("192.0.2.", ispASN)
	w.servers[a] = &server{ports: map[int]bool{80: true}, proof: map[string]*chain{"": strangerChain("notice.test", w.start)},
		pages: map[string]page{"": notice}}
	return a
}

var notice = page{status: 200, title: "Access denied", size: 300, headers: map[string]string{"Content-Type": "text/html"}}

// document writes the measurement.
func (w *world) document() map[string]any {
	p := &visit{world: w, probe: true, touched: map[string]bool{}}
	p.follow(w.input)
	keys := map[string]any{
		"agent": "redirect", "client_resolver": "", "retries": nil, "socksproxy": nil,
		"queries": p.queries, "tcp_connect": p.tcp, "tls_handshakes": p.tls, "requests": p.requests,
		"network_events": p.events, "control_failure": nil,
	}
	if w.controlDown != "" {
		keys["control_failure"] = w.controlDown
		keys["control"] = map[string]any{"dns": map[string]any{"failure": nil, "addrs": nil}, "tcp_connect": map[string]any{}, "http_request": map[string]any{"failure": nil}}
	} else if !w.noControl {
		keys["control"] = w.control(p)
	}
	version := "0.4.3"
	if w.shape == "0.5" {
		version = "0.5.28"
	}
	return map[string]any{
		"annotations": map[string]any{"platform": "linux", "network_type": "wifi"}, "data_format_version": "0.2.0",
		"input": cmp.Or(w.spelled, w.input), "measurement_start_time": w.start.Format("2006-01-02 15:04:05"),
		"test_start_time": w.start.Format("2006-01-02 15:04:05"), "probe_asn": "AS" + strconv.Itoa(probeASN), "probe_cc": "ZZ",
		"probe_ip": "127.0.0.1", "resolver_asn": "AS" + strconv.Itoa(probeASN), "software_name": "ooniprobe", "software_version": "3.20.0",
		"test_name": "web_connectivity", "test_version": version, "test_runtime": 2.5, "test_keys": keys,
	}
}

// visit is a walk from a URL to the last of its redirects, by the probe or by
// the control.
type visit struct {
	*world
	probe    bool
	queries  []any
	tcp      []any
	tls      []any
	requests []any
	events   []any
	found    []string // addresses of the input's name
	touched  map[string]bool
	txn      int
	last     page
	t        float64
}

func (v *visit) follow(raw string) {
	for hop := 0; ; hop++ {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		next, ok := v.visit(u, hop)
		if !ok || next == "" {
			return
		}
		if hop == 10 {
			v.last = page{failure: "unknown_failure: stopped after too many redirects"}
			v.mend(func(r map[string]any) { r["failure"] = v.last.failure })
			return
		}
		to, err := u.Parse(next)
		if err != nil || to.Host == "" {
			v.last = page{failure: "http_invalid_redirect_location_host"}
			v.mend(func(r map[string]any) { r["failure"] = v.last.failure })
			return
		}
		raw = to.String()
	}
}

// mend changes the last request, which the list has first.
func (v *visit) mend(change func(map[string]any)) {
	if len(v.requests) > 0 {
		change(v.requests[0].(map[string]any))
	}
}

func (v *visit) tags(hop int) any {
	if v.shape == "0.5" {
		return []string{"depth=" + strconv.Itoa(hop)}
	}
	return nil
}

// visit loads one URL; next is where it redirects to.
func (v *visit) visit(u *url.URL, hop int) (next string, ok bool) {
	name := u.Hostname()
	port := 80
	if u.Scheme == "https" {
		port = 443
	}
	if p, err := strconv.Atoi(u.Port()); err == nil {
		port = p
	}
	addrs, failure := v.resolve(name, hop)
	if hop == 0 {
		v.found = addrs
	}
	if failure != "" && v.shape == "0.4" || len(addrs) == 0 {
		v.last = page{failure: failure}
		if v.shape == "0.4" {
			v.exchange(u, hop, "", page{failure: failure})
		}
		return "", false
	}
	var outcome page
	fetched := false
	for _, a := range addrs {
		outcome, fetched = v.connect(u, name, a, port, hop, fetched, outcome)
	}
	if !fetched && v.shape == "0.4" {
		v.exchange(u, hop, "", outcome)
	}
	v.last = outcome
	return outcome.location, fetched && outcome.failure == ""
}

// connect tries one endpoint of a page, as far as it goes.
func (v *visit) connect(u *url.URL, name, addr string, port, hop int, fetched bool, outcome page) (page, bool) {
	v.txn++
	if v.shape == "0.4" && hop > 0 { // it keeps nothing of later hosts but the exchange
		return v.blind(u, name, addr, port, hop, fetched, outcome)
	}
	if f := v.dial(addr, name, port, hop); f != "" {
		return keepOutcome(fetched, outcome, page{failure: f}), fetched
	}
	if u.Scheme == "https" {
		if f := v.shake(addr, name, port, hop); f != "" {
			return keepOutcome(fetched, outcome, page{failure: f}), fetched
		}
	}
	if !fetched {
		outcome = v.load(u, name, addr)
		v.exchange(u, hop, net.JoinHostPort(addr, strconv.Itoa(port)), outcome)
		fetched = true
	}
	if u.Scheme == "http" && v.shape == "0.5" && port == 80 { // it tries the port of https too
		v.txn++
		if v.dial(addr, name, 443, hop) == "" {
			v.shake(addr, name, 443, hop)
		}
	}
	return outcome, fetched
}

func keepOutcome(fetched bool, old, failed page) page {
	if fetched {
		return old
	}
	return failed
}

func (v *visit) blind(u *url.URL, name, addr string, port, hop int, fetched bool, outcome page) (page, bool) {
	if fetched {
		return outcome, true
	}
	tcp, tls := v.tcp, v.tls
	f := v.dial(addr, name, port, hop)
	if f == "" && u.Scheme == "https" {
		f = v.shake(addr, name, port, hop)
	}
	v.tcp, v.tls = tcp, tls
	if f != "" {
		return page{failure: f}, false
	}
	outcome = v.load(u, name, addr)
	v.exchange(u, hop, "", outcome)
	return outcome, true
}

// resolve asks the resolvers of the shape; the addresses are all that any gave.
func (v *visit) resolve(name string, hop int) ([]string, string) {
	if net.ParseIP(name) != nil {
		return []string{name}, ""
	}
	engines := [][2]string{{"getaddrinfo", ""}, {"udp", "192.0.2.53:53"}, {"doh", "https://dns.example/dns-query"}}
	if v.shape == "0.4" {
		engines = [][2]string{{"system", ""}}
	}
	if !v.probe {
		engines = engines[:1]
	}
	var all []string
	first := ""
	for i, e := range engines {
		if hop > 0 && e[0] == "doh" {
			continue
		}
		addrs, failure := v.answer(name, e[0])
		if i == 0 {
			first = failure
		}
		if v.probe && (v.shape == "0.5" || hop == 0) {
			v.ask(name, e[0], e[1], addrs, failure, hop)
		}
		for _, a := range addrs {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all, first
}

func (v *visit) answer(name, engine string) ([]string, string) {
	if v.probe {
		l, lied := v.lies[name]
		if u, lies := v.udpLies[name]; lies && engine == "udp" {
			return u.addrs, u.failure
		}
		switch {
		case engine == "doh" && v.doh != "":
			return nil, v.doh
		case engine == "udp" && v.udp != "":
			return nil, v.udp
		case lied && (engine == "system" || engine == "getaddrinfo" || engine == "udp" && v.lieToUDP):
			return l.addrs, l.failure
		}
		if near, ok := v.near[name]; ok && engine != "doh" {
			return near, ""
		}
	}
	if addrs, ok := v.names[name]; ok && len(addrs) > 0 {
		return addrs, ""
	}
	return nil, "dns_nxdomain_error"
}

func (v *visit) ask(name, engine, resolver string, addrs []string, failure string, hop int) {
	var answers []any
	for _, a := range addrs {
		kind, key := "A", "ipv4"
		if strings.Contains(a, ":") {
			kind, key = "AAAA", "ipv6"
		}
		r := map[string]any{"answer_type": kind, key: a, "ttl": nil}
		if asn := v.asn[a]; asn != 0 {
			r["asn"] = asn
		}
		answers = append(answers, r)
	}
	q := map[string]any{
		"answers": answers, "engine": engine, "failure": null(failure), "hostname": name, "query_type": "A",
		"resolver_hostname": nil, "resolver_port": nil, "resolver_address": resolver, "t": v.tick(0.01), "tags": v.tags(hop),
	}
	if v.shape == "0.5" {
		q["transaction_id"] = 10000 + len(v.queries)
	}
	v.queries = append(v.queries, q)
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (v *visit) tick(d float64) float64 {
	v.t += d
	return float64(int(v.t*1e6)) / 1e6
}

// dial connects and says how it failed.
func (v *visit) dial(addr, name string, port, hop int) string {
	s := v.servers[addr]
	failure := ""
	switch {
	case s == nil && strings.HasPrefix(addr, "127."):
		failure = "connection_refused"
	case s == nil:
		failure = "generic_timeout_error"
	case !s.ports[port]:
		failure = "connection_refused"
	}
	if v.probe {
		at := net.JoinHostPort(addr, strconv.Itoa(port))
		for _, key := range []string{at, addr, name} {
			if f, cut := v.tcpCut[key]; cut {
				failure = f
			}
		}
		if v.noV6 && strings.Contains(addr, ":") {
			failure = "network_unreachable"
		}
	}
	t0 := v.tick(0.001)
	c := map[string]any{"ip": addr, "port": port, "status": map[string]any{"failure": null(failure), "success": failure == ""},
		"t0": t0, "t": v.tick(v.distance), "tags": v.tags(hop)}
	if v.shape == "0.5" {
		c["transaction_id"] = v.txn
	}
	v.tcp = append(v.tcp, c)
	return failure
}

// shake makes the handshake and says how it failed.
func (v *visit) shake(addr, name string, port, hop int) string {
	proof := v.servers[addr].proof[name]
	if proof == nil {
		proof = v.servers[addr].proof[""]
	}
	if proof == nil {
		proof = strangerChain("other.example", v.start)
	}
	failure := proof.failure
	if v.probe {
		if f, forged := v.forge[name]; forged {
			proof, failure = f, f.failure
		}
		if f, cut := v.tlsCut[name]; cut {
			proof, failure = &chain{}, f
		}
	}
	var certs []any
	for _, der := range proof.der {
		certs = append(certs, wrapped(der))
	}
	t0 := v.tick(0.001)
	h := map[string]any{
		"network": "tcp", "address": net.JoinHostPort(addr, strconv.Itoa(port)), "cipher_suite": "TLS_AES_128_GCM_SHA256", "failure": null(failure),
		"negotiated_protocol": "http/1.1", "no_tls_verify": false, "peer_certificates": certs, "server_name": name,
		"t0": t0, "t": v.tick(2 * v.distance), "tags": v.tags(hop), "tls_version": "TLSv1.3",
	}
	if v.shape == "0.5" {
		h["transaction_id"] = v.txn
	} else {
		h["network"] = ""
	}
	v.tls = append(v.tls, h)
	return failure
}

// load fetches a page from a server.
func (v *visit) load(u *url.URL, name, addr string) page {
	s := v.servers[addr]
	if s.cut != "" {
		return page{failure: s.cut}
	}
	p, ok := s.pages[u.String()]
	if !ok {
		p, ok = s.pages[name]
	}
	if !ok {
		p, ok = s.pages[""]
	}
	if !ok {
		p = page{status: 404, title: "Not found", size: 100}
	}
	if !v.probe {
		return p
	}
	if t, own := v.turned[u.String()]; own {
		p = t
	} else if t, own := v.turned[name]; own {
		p = t
	}
	if v.slow[name] {
		v.starve()
		p.failure, p.size, p.location = "generic_timeout_error", 0, ""
		return p
	}
	if u.Scheme == "http" {
		if f, cut := v.httpCut[name]; cut {
			return page{failure: f}
		}
		if r, written := v.replace[name]; written {
			return r
		}
	}
	return p
}

// starve writes the events of a page that trickles in.
func (v *visit) starve() {
	for range 40 {
		v.events = append(v.events, map[string]any{
			"failure": nil, "operation": "read", "num_bytes": 1400, "proto": "tcp", "t": v.tick(0.25), "tags": nil, "transaction_id": v.txn,
		})
	}
}

func (v *visit) exchange(u *url.URL, hop int, endpoint string, p page) {
	headers := map[string]any{}
	var list []any
	for _, k := range sortedNames(p.headers) {
		headers[k] = p.headers[k]
		list = append(list, []any{k, p.headers[k]})
	}
	if p.location != "" {
		headers["Location"] = p.location
		list = append(list, []any{"Location", p.location})
	}
	x := map[string]any{
		"failure": null(p.failure),
		"request": map[string]any{"body": "", "body_is_truncated": false, "headers": map[string]any{"Host": u.Host},
			"headers_list": []any{[]any{"Host", u.Host}}, "method": "GET", "tor": map[string]any{"exit_ip": nil, "exit_name": nil, "is_tor": false}, "url": u.String()},
		"response": map[string]any{"body": p.body(), "body_is_truncated": false, "code": p.status, "headers": headers, "headers_list": list},
		"t0":       v.tick(0.001), "t": v.tick(2 * v.distance), "tags": v.tags(hop),
	}
	if v.shape == "0.5" {
		x["transaction_id"], x["address"], x["network"] = v.txn, endpoint, "tcp"
	}
	v.requests = slices.Insert(v.requests, 0, any(x))
}

func sortedNames(m map[string]string) []string {
	var names []string
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// body is text of the page's size.
func (p page) body() string {
	if p.size == 0 {
		return ""
	}
	head := "<html><head><title>" + p.title + "</title></head><body>"
	return head + strings.Repeat("x", max(0, p.size-len(head)))
}

// control is what the test helper answers to the probe.
func (w *world) control(p *visit) map[string]any {
	c := &visit{world: w, touched: map[string]bool{}}
	c.follow(w.input)
	name := w.host()
	tcp, tls, info := map[string]any{}, map[string]any{}, map[string]any{}
	var addrs []string
	dnsFailure := any(nil)
	if net.ParseIP(name) == nil {
		addrs = w.names[name]
		if len(addrs) == 0 {
			dnsFailure = "dns_nxdomain_error"
		}
	}
	for _, a := range append(slices.Clone(addrs), p.found...) {
		flags := 0
		if slices.Contains(p.found, a) {
			flags |= 1
		}
		if slices.Contains(addrs, a) {
			flags |= 2
		}
		info[a] = map[string]any{"asn": w.asn[a], "flags": flags}
		for _, port := range append([]int{80, 443}, w.extraPorts()...) {
			t := &visit{world: w}
			at := net.JoinHostPort(a, strconv.Itoa(port))
			f := t.dial(a, name, port, 0)
			tcp[at] = map[string]any{"status": f == "", "failure": null(f)}
			if f == "" && port != 80 {
				f = t.shake(a, name, port, 0)
				tls[at] = map[string]any{"server_name": name, "status": f == "", "failure": null(f)}
			}
		}
	}
	http := map[string]any{"body_length": c.last.size, "discovered_h3_endpoint": "", "failure": null(c.last.failure), "title": c.last.title,
		"headers": c.last.headers, "status_code": c.last.status}
	if w.controlHTTP != "" {
		c.last.failure = w.controlHTTP
	}
	if c.last.failure != "" {
		http = map[string]any{"body_length": -1, "discovered_h3_endpoint": "", "failure": c.last.failure, "title": "", "headers": map[string]any{}, "status_code": -1}
	}
	return map[string]any{"dns": map[string]any{"failure": dnsFailure, "addrs": addrs}, "tcp_connect": tcp, "tls_handshake": tls,
		"quic_handshake": map[string]any{}, "http_request": http, "http3_request": nil, "ip_info": info}
}

// The certificates are made from fixed keys, so that the corpus can be made
// again byte for byte.
func key(of string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("bandish corpus " + of))
	return ed25519.NewKeyFromSeed(seed[:])
}

func certificate(subject, issuer string, names []string, from, to time.Time, ca bool) []byte {
	template := func(name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: name, Organization: []string{name}},
			NotBefore: from, NotAfter: to, IsCA: name == issuer, BasicConstraintsValid: true}
	}
	leaf := template(subject)
	leaf.DNSNames, leaf.IsCA = names, ca
	der, err := x509.CreateCertificate(nil, leaf, template(issuer), key(subject).Public(), key(issuer))
	if err != nil {
		panic(err)
	}
	return der
}

func chainOf(subject, issuer string, names []string, from, to time.Time, failure string) *chain {
	return &chain{failure: failure, der: [][]byte{certificate(subject, issuer, names, from, to, false)}}
}

func goodChain(name string, at time.Time) *chain {
	return chainOf(name, "Example Authority", []string{name}, at.AddDate(0, -1, 0), at.AddDate(0, 2, 0), "")
}

func expiredChain(name string, at time.Time) *chain {
	return chainOf(name, "Example Authority", []string{name}, at.AddDate(0, -6, 0), at.AddDate(0, -1, 0), "ssl_invalid_certificate")
}

func strangerChain(name string, at time.Time) *chain {
	return chainOf(name, "Example Authority", []string{name}, at.AddDate(0, -1, 0), at.AddDate(0, 2, 0), "ssl_invalid_hostname")
}

func forgedChain(name, issuer string, at time.Time) *chain {
	return chainOf(name, issuer, []string{name}, at.AddDate(0, -1, 0), at.AddDate(0, 2, 0), "ssl_unknown_authority")
}

func selfSigned(name string, at time.Time) *chain {
	return &chain{failure: "ssl_unknown_authority", der: [][]byte{certificate(name, name, []string{name}, at.AddDate(0, -1, 0), at.AddDate(0, 2, 0), true)}}
}

func encode(doc map[string]any) []byte {
	b, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprint("encode a measurement of the corpus: ", err))
	}
	return b
}

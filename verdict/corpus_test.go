package verdict_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

var update = flag.Bool("update", false, "write the corpus and the golden files anew")

// condition is a state of the world with its truth.
type condition struct {
	name  string
	truth scenario
	https bool // the input is https; otherwise http
	both  bool // both are made
	only  string
	make  func(*world)
	edit  func(doc map[string]any) // what the world cannot express
}

func blocked(layer, mechanism string) scenario { return scenario{"blocked", layer, mechanism} }

func truth(s string) scenario { return scenario{truth: s} }

// conditions are the worlds of the corpus. The truth of each follows from what
// was done to the world, not from what any rule says.
var conditions = []condition{
	{name: "works", truth: truth("ok"), both: true},
	{name: "edge_other_network", truth: truth("ok|impaired"), make: func(w *world) { w.edge(w.host(), edgeASN) }},
	{name: "edge_other_network_https", truth: truth("ok"), https: true, make: func(w *world) { w.edge(w.host(), edgeASN) }},
	{name: "edge_in_provider_https", truth: truth("ok"), https: true, make: func(w *world) { w.edge(w.host(), ispASN) }},
	{name: "edge_same_network", truth: truth("ok"), both: true, make: func(w *world) { w.edge(w.host(), siteASN) }},
	{name: "no_ipv6", truth: truth("ok"), both: true, make: func(w *world) { sixth(w); w.noV6 = true }},
	{name: "ipv6_works", truth: truth("ok"), both: true, make: sixth},
	{name: "captcha_https", truth: truth("not-blocked"), https: true, make: func(w *world) { refuse(w, 503) }},
	{name: "geoblock_https", truth: truth("not-blocked"), https: true, make: func(w *world) { refuse(w, 451) }},
	{name: "forbidden_https", truth: truth("not-blocked"), https: true, make: func(w *world) { refuse(w, 403) }},
	{name: "captcha_http", truth: truth("not-blocked"), make: func(w *world) { refuse(w, 503) }},
	{name: "forbidden_http", truth: truth("not-blocked"), make: func(w *world) { refuse(w, 403) }},
	{name: "local_page_https", truth: truth("ok"), https: true, make: func(w *world) {
		w.edge(w.host(), edgeASN)
		w.servers[w.near[w.host()][0]].pages[w.host()] = page{status: 200, title: "Willkommen", size: 500, headers: map[string]string{"Content-Type": "text/html"}}
	}},
	{name: "local_page_http", truth: truth("not-blocked"), make: func(w *world) {
		w.edge(w.host(), edgeASN)
		p := w.pageOf(w.host())
		p.title, p.size = "Willkommen", p.size/4
		w.servers[w.near[w.host()][0]].pages[w.host()] = p
	}},
	{name: "redirect_to_https", truth: truth("ok"), make: func(w *world) {
		h := w.host()
		for _, a := range w.names[h] {
			w.servers[a].pages["http://"+h+"/"] = page{status: 301, location: "https://" + h + "/"}
		}
	}},
	{name: "redirect_other_site", truth: truth("ok"), both: true, make: func(w *world) { redirect(w, "https") }},
	{name: "redirect_other_site_http", truth: truth("ok"), both: true, make: func(w *world) { redirect(w, "http") }},
	{name: "doh_blocked", truth: truth("ok"), both: true, only: "0.5", make: func(w *world) { w.doh = "connection_reset" }},
	{name: "udp_blocked", truth: truth("ok"), both: true, only: "0.5", make: func(w *world) { w.udp = "generic_timeout_error" }},
	{name: "udp_filters", truth: truth("not-blocked"), both: true, only: "0.5", make: func(w *world) { w.udp = "dns_nxdomain_error" }},
	{name: "one_server_dead", truth: truth("ok"), both: true, make: func(w *world) {
		dead := w.address("198.51.100.", siteASN)
		w.names[w.host()] = append([]string{dead}, w.names[w.host()]...)
	}},
	{name: "one_server_unreached", truth: truth("ok|impaired"), both: true, make: func(w *world) {
		a := w.address("198.51.100.", siteASN)
		w.servers[a] = w.servers[w.names[w.host()][0]]
		w.names[w.host()] = append(w.names[w.host()], a)
		w.tcpCut[a] = "generic_timeout_error"
	}},
	{name: "far_away", truth: truth("ok"), both: true, make: func(w *world) { w.distance = 1.2 }},
	{name: "control_fails_https", truth: truth("ok"), https: true, make: func(w *world) { w.controlDown = "generic_timeout_error" }},
	{name: "control_absent_https", truth: truth("ok"), https: true, make: func(w *world) { w.noControl = true }},
	{name: "control_fails_http", truth: truth("not-blocked"), make: func(w *world) { w.controlDown = "generic_timeout_error" }},
	{name: "control_page_fails_https", truth: truth("ok"), https: true, make: func(w *world) { w.controlHTTP = "unknown_error" }},
	{name: "control_page_fails_http", truth: truth("not-blocked"), make: func(w *world) { w.controlHTTP = "connection_reset" }},
	{name: "address_literal", truth: truth("ok"), make: func(w *world) {
		a := w.names[w.host()][0]
		w.servers[a].pages[""] = w.pageOf(w.host())
		w.input = "http://" + a + "/"
	}},
	{name: "empty_page", truth: truth("ok"), both: true, make: func(w *world) {
		w.setPage(w.host(), page{status: 200, headers: map[string]string{"Content-Type": "text/plain"}})
	}},
	{name: "forbidden_for_all", truth: truth("ok"), both: true, make: func(w *world) {
		p := w.pageOf(w.host())
		p.status = 403
		w.setPage(w.host(), p)
	}},
	{name: "vpn", truth: truth("not-blocked"), both: true, edit: func(doc map[string]any) { doc["annotations"].(map[string]any)["network_type"] = "vpn" }},

	{name: "name_gone", truth: truth("down"), both: true, make: func(w *world) { w.names[w.host()] = nil }},
	{name: "servers_gone", truth: truth("down"), both: true, make: func(w *world) {
		for _, a := range w.names[w.host()] {
			delete(w.servers, a)
		}
	}},
	{name: "servers_refuse", truth: truth("down"), both: true, make: func(w *world) {
		for _, a := range w.names[w.host()] {
			w.servers[a].ports = nil
		}
	}},
	{name: "expired", truth: truth("down"), https: true, make: func(w *world) { proof(w, expiredChain(w.host(), w.start)) }},
	{name: "untrusted", truth: truth("down"), https: true, make: func(w *world) { proof(w, selfSigned(w.host(), w.start)) }},
	{name: "wrong_name", truth: truth("down"), https: true, make: func(w *world) { proof(w, strangerChain("other.example", w.start)) }},
	{name: "server_resets", truth: truth("down"), both: true, make: func(w *world) {
		for _, a := range w.names[w.host()] {
			w.servers[a].cut = "connection_reset"
		}
	}},
	{name: "error_for_all", truth: truth("down"), both: true, make: func(w *world) {
		w.setPage(w.host(), page{status: 502, title: "Bad gateway", size: 150})
	}},
	{name: "localhost_for_all", truth: truth("down"), both: true, make: func(w *world) { w.names[w.host()] = []string{"127.0.0.1"} }},
	{name: "endless_redirects", truth: truth("down"), make: func(w *world) {
		w.setPage(w.host(), page{status: 302, location: "/again"})
	}},

	{name: "dns_nxdomain", truth: blocked("dns", "dns.nxdomain"), both: true, make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_nxdomain_error"} }},
	{name: "dns_nxdomain_udp_too", truth: blocked("dns", "dns.nxdomain"), both: true, only: "0.5", make: func(w *world) {
		w.lies[w.host()], w.lieToUDP = lie{failure: "dns_nxdomain_error"}, true
	}},
	{name: "dns_refused", truth: blocked("dns", "dns.refused"), both: true, make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_refused_error"} }},
	{name: "dns_timeout", truth: blocked("dns", "dns.timeout"), both: true, make: func(w *world) { w.lies[w.host()] = lie{failure: "generic_timeout_error"} }},
	{name: "dns_no_data", truth: blocked("dns", "dns"), both: true, make: func(w *world) { w.lies[w.host()] = lie{failure: "android_dns_cache_no_data"} }},
	{name: "dns_private", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"10.66.7.8"}} }},
	{name: "dns_shared", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"100.64.3.2"}} }},
	{name: "dns_loopback", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"127.0.0.1"}} }},
	{name: "dns_zero", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"0.0.0.0"}} }},
	{name: "dns_notice", truth: blocked("dns|http", ""), make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{w.notice()}} }},
	{name: "dns_notice_https", truth: blocked("dns", "dns.injection"), https: true, make: func(w *world) {
		a := w.notice()
		w.servers[a].ports[443] = true
		w.lies[w.host()] = lie{addrs: []string{a}}
	}},
	{name: "dns_notice_https_closed", truth: blocked("dns", "dns.injection"), https: true, make: func(w *world) {
		a := w.notice()
		w.servers[a].ports = map[int]bool{}
		w.lies[w.host()] = lie{addrs: []string{a}}
	}},
	{name: "dns_to_other_site", truth: blocked("dns", "dns.injection"), https: true, make: func(w *world) {
		w.site("www.other.example", 1)
		a := w.names["www.other.example"][0]
		w.asn[a] = edgeASN
		w.lies[w.host()], w.tcpCut[a] = lie{addrs: []string{a}}, "generic_timeout_error"
	}},
	{name: "dns_ghost", truth: blocked("dns", "dns.injection"), make: func(w *world) {
		w.names[w.host()] = nil
		w.lies[w.host()] = lie{addrs: []string{w.notice()}}
	}},
	{name: "dns_of_redirect", truth: blocked("dns", "dns.nxdomain"), https: true, make: func(w *world) {
		w.lies[redirect(w, "https")] = lie{failure: "dns_nxdomain_error"}
		w.lieToUDP = true
	}},
	{name: "tcp_timeout", truth: blocked("tcp", "tcp.timeout"), both: true, make: func(w *world) { w.tcpCut[w.host()] = "generic_timeout_error" }},
	{name: "tcp_refused", truth: blocked("tcp", "tcp.refused"), both: true, make: func(w *world) { w.tcpCut[w.host()] = "connection_refused" }},
	{name: "tcp_reset", truth: blocked("tcp", "tcp.reset"), both: true, make: func(w *world) { w.tcpCut[w.host()] = "connection_reset" }},
	{name: "ip_unreachable", truth: blocked("tcp", "ip.unreachable"), both: true, make: func(w *world) { w.tcpCut[w.host()] = "host_unreachable" }},
	{name: "tcp_edge_same_network", truth: blocked("tcp", "tcp.timeout"), https: true, make: func(w *world) {
		w.edge(w.host(), siteASN)
		w.tcpCut[w.host()] = "generic_timeout_error"
	}},
	{name: "tcp_of_redirect", truth: blocked("tcp", "tcp"), https: true, make: func(w *world) { w.tcpCut[redirect(w, "https")] = "connection_refused" }},
	{name: "tls_reset", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" }},
	{name: "tls_timeout", truth: blocked("tls", "tls.timeout"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "generic_timeout_error" }},
	{name: "tls_eof", truth: blocked("tls", "tls"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "eof_error" }},
	{name: "tls_reset_edge", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) {
		w.edge(w.host(), edgeASN)
		w.tlsCut[w.host()] = "connection_reset"
	}},
	{name: "tls_self_signed", truth: blocked("tls", "tls.mitm.self_signed"), https: true, make: func(w *world) { w.forge[w.host()] = selfSigned(w.host(), w.start) }},
	{name: "tls_ca_signed", truth: blocked("tls", "tls.mitm.ca_signed"), https: true, make: func(w *world) { w.forge[w.host()] = forgedChain(w.host(), "National Authority", w.start) }},
	{name: "tls_mitm_stripped_old", truth: truth("impaired"), https: true, only: "0.4", make: func(w *world) { w.forge[w.host()] = &chain{failure: "ssl_unknown_authority"} }},
	{name: "interception_of_all", truth: truth("not-blocked"), https: true, only: "0.5", make: func(w *world) {
		w.forge[w.host()], w.doh = forgedChain(w.host(), "Company Gateway", w.start), "ssl_unknown_authority"
	}},
	{name: "tls_mitm_stripped", truth: blocked("tls", "tls.mitm"), https: true, only: "0.5", make: func(w *world) { w.forge[w.host()] = &chain{failure: "ssl_unknown_authority"} }},
	{name: "tls_of_redirect", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) { w.tlsCut[redirect(w, "https")] = "connection_reset" }},
	{name: "http_reset", truth: blocked("http", "http.reset"), make: func(w *world) { w.httpCut[w.host()] = "connection_reset" }},
	{name: "http_timeout", truth: blocked("http", "http.timeout"), make: func(w *world) { w.httpCut[w.host()] = "generic_timeout_error" }},
	{name: "http_eof", truth: blocked("http", "http"), make: func(w *world) { w.httpCut[w.host()] = "eof_error" }},
	{name: "http_notice", truth: blocked("http", "http.blockpage"), make: func(w *world) { w.replace[w.host()] = notice }},
	{name: "http_led_to_notice", truth: blocked("http", "http.redirect"), make: func(w *world) {
		w.names["blocked.test"] = []string{w.notice()}
		w.replace[w.host()] = page{status: 302, location: "http://blocked.test/"}
	}},
	{name: "http_of_redirect", truth: blocked("http", "http.reset"), https: true, make: func(w *world) { w.httpCut[redirect(w, "http")] = "connection_reset" }},
	{name: "throttled", truth: blocked("http", "http.throttle"), both: true, only: "0.5", make: func(w *world) { w.slow[w.host()] = true }},
	{name: "throttled_no_events", truth: blocked("http", "http"), both: true, only: "0.5", make: func(w *world) { w.slow[w.host()] = true },
		edit: func(doc map[string]any) { doc["test_keys"].(map[string]any)["network_events"] = nil }},

	{name: "dns_nxdomain_no_control", truth: truth("insufficient|impaired"), both: true, make: func(w *world) {
		w.lies[w.host()], w.controlDown = lie{failure: "dns_nxdomain_error"}, "generic_timeout_error"
		w.doh = "generic_timeout_error"
		w.lieToUDP = true
	}},
	{name: "tcp_timeout_no_control", truth: truth("insufficient|impaired"), both: true, make: func(w *world) {
		w.tcpCut[w.host()], w.controlDown = "generic_timeout_error", "connection_reset"
	}},
	{name: "tls_reset_no_control", truth: truth("insufficient|impaired"), https: true, make: func(w *world) {
		w.tlsCut[w.host()], w.controlDown = "connection_reset", "connection_reset"
	}},
	{name: "http_reset_no_control", truth: truth("insufficient|impaired"), make: func(w *world) {
		w.httpCut[w.host()], w.controlDown = "connection_reset", "connection_reset"
	}},
	{name: "dns_servfail", truth: truth("impaired"), both: true, only: "0.4", make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_server_misbehaving"} }},
	{name: "handshake_alert", truth: truth("impaired"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "ssl_failed_handshake" }},
	{name: "broken_redirect_http", truth: truth("not-blocked"), make: func(w *world) { w.replace[w.host()] = page{status: 302, location: "http://"} }},
	{name: "broken_redirect_all", truth: truth("not-blocked"), both: true, make: func(w *world) { w.setPage(w.host(), page{status: 302, location: "http://"}) }},
	{name: "captive_portal", truth: truth("not-blocked"), make: func(w *world) {
		w.replace[w.host()] = page{status: 307, location: "http://192.168.22.1/login"}
	}},
	{name: "antivirus", truth: truth("not-blocked"), https: true, make: func(w *world) {
		w.forge[w.host()] = forgedChain(w.host(), "Kaspersky Anti-Virus Personal Root Certificate", w.start)
	}},
	{name: "clock_behind", truth: truth("not-blocked"), https: true, make: func(w *world) {
		w.forge[w.host()] = chainOf(w.host(), "Example Authority", []string{w.host()}, w.start.AddDate(0, 1, 0), w.start.AddDate(0, 3, 0), "ssl_invalid_certificate")
	}},
	{name: "resolver_of_choice", truth: truth("not-blocked"), both: true, only: "0.4", make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_nxdomain_error"} },
		edit: func(doc map[string]any) { doc["resolver_asn"] = "AS19281" }},
}

// sixth adds an IPv6 address that works for those who have IPv6.
func sixth(w *world) {
	h := w.host()
	a := "2001:db8::" + fmt.Sprintf("%x", 1+w.rng.IntN(0xfff0))
	w.asn[a] = siteASN
	w.servers[a] = w.servers[w.names[h][0]]
	w.names[h] = append(w.names[h], a)
}

// refuse: the server answers visitors of the probe's country otherwise.
func refuse(w *world, status int) {
	a := w.names[w.host()]
	w.near[w.host()] = nil
	for range a {
		w.edge(w.host(), siteASN)
	}
	for _, n := range w.near[w.host()] {
		w.servers[n].pages[w.host()] = page{status: status, title: "Sorry", size: 700, headers: map[string]string{"Content-Type": "text/html", "Server": "cloudflare", "Cf-Ray": "1"}}
	}
}

func proof(w *world, c *chain) {
	for _, a := range w.names[w.host()] {
		w.servers[a].proof[w.host()] = c
	}
}

// redirect sends visitors to another site, and returns its name.
func redirect(w *world, scheme string) string {
	other := "www.second" + fmt.Sprint(w.rng.IntN(90)+10) + ".example"
	w.site(other, 1)
	w.setPage(w.host(), page{status: 302, location: scheme + "://" + other + "/"})
	return other
}

// specimen is one measurement of the corpus.
type specimen struct {
	id    string
	truth scenario
	line  []byte
}

// grow makes the corpus: each condition in both shapes, with its schemes, a
// few times with other names, numbers of addresses and missing parts.
// Of the further conditions it keeps one each, by turns whole and thinned.
func grow() []specimen {
	all := append(growWorlds(conditions, 0, 0, 2), growApps()...)
	for i := range more {
		all = append(all, growWorlds(more[i:i+1], len(conditions)+i, i%2, i%2+1)...)
	}
	return all
}

func growWorlds(of []condition, first, from, until int) []specimen {
	var all []specimen
	for n, c := range of {
		n += first
		for _, shape := range []string{"0.4", "0.5"} {
			if c.only != "" && c.only != shape {
				continue
			}
			for _, scheme := range []string{"http", "https"} {
				if !c.both && c.https != (scheme == "https") {
					continue
				}
				for turn := from; turn < until; turn++ {
					seed := uint64(n)<<16 | uint64(turn)<<4 | uint64(len(scheme))
					w := newWorld(seed, shape, scheme)
					if c.make != nil {
						c.make(w)
					}
					doc := w.document()
					if c.edit != nil {
						c.edit(doc)
					}
					id := strings.Join([]string{c.name, shape, scheme, fmt.Sprint(turn)}, "-")
					doc["measurement_uid"] = id
					thin(doc, w, turn)
					all = append(all, specimen{id, c.truth, encode(doc)})
				}
			}
		}
	}
	return all
}

// thin takes away parts that probes of some time did not write, and shuffles
// lists whose order means nothing.
func thin(doc map[string]any, w *world, turn int) {
	if turn == 0 {
		return
	}
	keys := doc["test_keys"].(map[string]any)
	for _, list := range []string{"queries", "tcp_connect", "tls_handshakes"} {
		if l, ok := keys[list].([]any); ok {
			w.rng.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
		}
	}
	delete(doc, "resolver_ip")
	delete(doc, "test_start_time")
	if c, ok := keys["control"].(map[string]any); ok && w.rng.IntN(2) == 0 {
		delete(c, "quic_handshake")
		delete(c, "http3_request")
	}
	for _, r := range listOf(keys, "requests") {
		response := r["response"].(map[string]any)
		if w.rng.IntN(2) == 0 {
			delete(response, "headers_list")
		} else {
			delete(response, "headers")
		}
	}
}

func listOf(keys map[string]any, name string) []map[string]any {
	list, _ := keys[name].([]any)
	var all []map[string]any
	for _, x := range list {
		all = append(all, x.(map[string]any))
	}
	return all
}

// corpusFile lists the corpus: of each measurement its truth and the hash of its
// document.
const corpusFile = "testdata/corpus.csv"

// grown is the corpus, made once.
var grown = sync.OnceValue(grow)

// readCorpus gives the corpus, which must be the one that the repository lists.
func readCorpus(t testing.TB) []specimen {
	t.Helper()
	f, err := os.Open(corpusFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	all := grown()
	if len(all) != len(rows)-1 {
		t.Fatalf("%d measurements are listed, the worlds give %d; run with -update", len(rows)-1, len(all))
	}
	for i, s := range all {
		if !slices.Equal(rows[i+1], s.row()) {
			t.Fatalf("%v is listed, the worlds give %v; run with -update, read the difference, and see the document with BANDISH_CORPUS=FILE", rows[i+1], s.row())
		}
	}
	return all
}

// row is how the list has a specimen.
func (s specimen) row() []string {
	sum := sha256.Sum256(s.line)
	return []string{s.id, s.truth.truth, s.truth.layer, s.truth.mechanism, hex.EncodeToString(sum[:8])}
}

// BANDISH_CORPUS names a file to write the documents to, a line each.
func TestCorpusIsWhatTheWorldsGive(t *testing.T) {
	all := grown()
	if name := os.Getenv("BANDISH_CORPUS"); name != "" {
		var lines bytes.Buffer
		for _, s := range all {
			lines.Write(append(s.line, '\n'))
		}
		if err := os.WriteFile(name, lines.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if *update {
		var list bytes.Buffer
		c := csv.NewWriter(&list)
		c.Write([]string{"measurement_uid", "truth", "layer", "mechanism", "sha256_begins"})
		for _, s := range all {
			c.Write(s.row())
		}
		c.Flush()
		if err := os.WriteFile(corpusFile, list.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if kept := readCorpus(t); len(kept) < 300 {
		t.Errorf("%d measurements, want 300 and more", len(kept))
	}
}

func observe(t testing.TB, line []byte) []observation.Row {
	m, err := measurement.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Defects) > 0 {
		t.Fatalf("defects %v", m.Defects)
	}
	o := observation.Observe(m, observation.Options{Verifier: verifier})
	if !o.Known {
		t.Fatalf("test %s is not known", m.TestName)
	}
	return o.Rows
}

// classOf is the class of a verdict or of a truth, for precision and recall.
func classOf(state string) string {
	switch {
	case strings.Contains(state, "blocked") && state != "not-blocked":
		return "blocked"
	case state == "down", state == "ok":
		return state
	}
	return "open"
}

// The verdict on every measurement of the corpus fits its truth, and nothing
// whose truth is ok or down is accused.
func TestCorpus(t *testing.T) {
	right, given, true_ := map[string]int{}, map[string]int{}, map[string]int{}
	accused := 0
	for _, s := range readCorpus(t) {
		v := verdict.Judge(observe(t, s.line))
		if fault := s.truth.fits(v); fault != "" {
			t.Errorf("%s: %s; rules %v, invalid %q", s.id, fault, v.Rules, v.Invalid)
		}
		if !strings.HasPrefix(s.truth.truth, "blocked") && (v.State == verdict.Blocked || v.State == verdict.LikelyBlocked) {
			accused++
		}
		if strings.Contains(s.truth.truth, "|") || s.truth.truth == "not-blocked" {
			continue // more than one state is right
		}
		want, got := classOf(s.truth.truth), classOf(string(v.State))
		true_[want]++
		given[got]++
		if want == got {
			right[want]++
		}
	}
	if accused > 0 {
		t.Errorf("%d measurements without blocking are accused", accused)
	}
	for _, class := range []string{"ok", "down", "blocked", "open"} {
		if true_[class] == 0 {
			t.Errorf("no measurement of class %s", class)
			continue
		}
		t.Logf("%-8s n=%3d precision %.3f recall %.3f", class, true_[class],
			float64(right[class])/float64(max(given[class], 1)), float64(right[class])/float64(true_[class]))
	}
}

// The same conditions in worlds that are not kept: the rules do not know the
// corpus by heart.
func TestOtherWorlds(t *testing.T) {
	turns := 2
	if os.Getenv("BANDISH_LONG") != "" {
		turns = 6
	}
	for _, s := range append(growWorlds(conditions, 0, 2, 2+turns), growWorlds(more, len(conditions), 2, 2+turns)...) {
		v := verdict.Judge(observe(t, s.line))
		if fault := s.truth.fits(v); fault != "" {
			t.Errorf("%s: %s; rules %v, invalid %q", s.id, fault, v.Rules, v.Invalid)
		}
	}
}

// Every state is reached by the corpus, and every rule but those named speaks.
func TestCorpusCoversTheRules(t *testing.T) {
	fired := map[string]int{}
	for _, s := range readCorpus(t) {
		for _, id := range verdict.Judge(observe(t, s.line)).Rules {
			fired[id]++
		}
	}
	var counts strings.Builder
	for _, r := range verdict.Rules() {
		fmt.Fprintf(&counts, "%s %d\n", r.ID, fired[r.ID])
	}
	golden(t, "testdata/fired.txt", []byte(counts.String()))
}

func golden(t *testing.T, path string, got []byte) {
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; run with -update and read the difference:\n%s", path, got)
	}
}

package verdict_test

import (
	"encoding/base64"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// more are conditions of the kinds that a suite of cases for the test has and
// that real uploads show: redirects cut off in every way, names outside ASCII,
// long and binary bodies, answers of every form, controls that saw half.
var more = []condition{
	{name: "busy_http", truth: truth("not-blocked"), make: func(w *world) {
		w.turned[w.host()] = page{status: 503, title: "One moment", size: 500, headers: map[string]string{"Content-Type": "text/html", "X-Site-Node": "n1"}}
	}},
	{name: "busy_https", truth: truth("ok"), https: true, make: func(w *world) {
		w.turned[w.host()] = page{status: 503, title: "One moment", size: 500, headers: map[string]string{"Content-Type": "text/html"}}
	}},
	{name: "too_many_requests", truth: truth("not-blocked"), both: true, make: func(w *world) {
		w.turned[w.host()] = page{status: 429, title: "Slow down", size: 90}
	}},
	{name: "legal_reasons_http", truth: truth("not-blocked"), make: func(w *world) {
		w.turned[w.host()] = page{status: 451, title: "Not available", size: 200}
	}},
	{name: "redirect_broken_https", truth: truth("not-blocked"), https: true, make: func(w *world) {
		w.turned[w.host()] = page{status: 302, location: "http://"}
	}},
	{name: "redirect_to_nothing", truth: truth("not-blocked"), both: true, make: func(w *world) {
		w.turned[w.host()] = page{status: 302}
	}},
	{name: "endless_redirects_https", truth: truth("down"), https: true, make: func(w *world) {
		w.setPage(w.host(), page{status: 302, location: "/again"})
	}},
	{name: "redirect_name_gone", truth: truth("down"), both: true, make: func(w *world) {
		w.names[redirect(w, "https")] = nil
	}},
	{name: "redirect_server_gone", truth: truth("down"), both: true, make: func(w *world) {
		other := redirect(w, "https")
		delete(w.servers, w.names[other][0])
	}},
	{name: "redirect_chain", truth: truth("ok"), both: true, make: func(w *world) { second(w, "https"); third(w) }},
	{name: "language_redirect", truth: truth("ok"), https: true, make: func(w *world) {
		h := w.host()
		w.turned["https://"+h+"/"] = page{status: 302, location: "/de/"}
		w.turned["https://"+h+"/de/"] = page{status: 200, title: "Nachrichten", size: 900}
	}},
	{name: "language_redirect_http", truth: truth("not-blocked"), make: func(w *world) {
		h := w.host()
		w.turned["http://"+h+"/"] = page{status: 302, location: "/de/"}
		w.turned["http://"+h+"/de/"] = page{status: 200, title: "Nachrichten", size: 300}
	}},
	{name: "ghost_https", truth: blocked("dns", "dns.injection"), https: true, make: func(w *world) {
		w.names[w.host()] = nil
		w.lies[w.host()] = lie{addrs: []string{w.notice()}}
	}},
	{name: "ghost_udp_too", truth: blocked("dns", "dns.injection"), both: true, only: "0.5", make: func(w *world) {
		w.names[w.host()] = nil
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{w.notice()}}, true
	}},
	{name: "name_without_addresses", truth: truth("down"), both: true, make: func(w *world) {
		w.names[w.host()] = nil
		w.lies[w.host()], w.lieToUDP, w.doh = lie{failure: "dns_no_answer"}, true, "dns_no_answer"
	}, edit: func(doc map[string]any) {
		controlOf(doc)["dns"].(map[string]any)["failure"] = "dns_no_answer"
	}},
	{name: "tls_reset_wrong_address", truth: blocked("dns|tls", ""), https: true, make: func(w *world) {
		a := w.notice()
		w.servers[a].ports[443] = true
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{a}}, true
		w.tlsCut[w.host()] = "connection_reset"
	}},
	{name: "tls_timeout_wrong_address", truth: blocked("dns|tls", ""), https: true, make: func(w *world) {
		a := w.notice()
		w.servers[a].ports[443] = true
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{a}}, true
		w.tlsCut[w.host()] = "generic_timeout_error"
	}},
	{name: "refused_at_wrong_address", truth: blocked("dns", "dns.injection"), make: func(w *world) {
		a := w.notice()
		w.servers[a].ports = nil
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{a}}, true
	}},
	{name: "cut_at_wrong_address", truth: blocked("dns|tcp", ""), https: true, make: func(w *world) {
		a := w.notice()
		w.servers[a].ports[443] = true
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{a}}, true
		w.tcpCut[a] = "connection_refused"
	}},
	{name: "loopback_udp_too", truth: blocked("dns", "dns.injection.bogon"), both: true, only: "0.5", make: func(w *world) {
		w.lies[w.host()], w.lieToUDP = lie{addrs: []string{"127.0.0.1"}}, true
	}},
	{name: "nxdomain_doh_too", truth: blocked("dns", "dns.nxdomain"), both: true, only: "0.5", make: func(w *world) {
		w.lies[w.host()], w.lieToUDP, w.doh = lie{failure: "dns_nxdomain_error"}, true, "connection_reset"
	}},
	{name: "refused_udp_too", truth: blocked("dns", "dns.refused"), both: true, only: "0.5", make: func(w *world) {
		w.lies[w.host()], w.lieToUDP = lie{failure: "dns_refused_error"}, true
	}},
	{name: "timeout_udp_too", truth: blocked("dns", "dns.timeout"), both: true, only: "0.5", make: func(w *world) {
		w.lies[w.host()], w.lieToUDP = lie{failure: "generic_timeout_error"}, true
	}},
	{name: "refused_by_name", truth: truth("impaired|likely_blocked|blocked"), both: true, only: "0.4", make: func(w *world) {
		w.lies[w.host()] = lie{failure: "dns_lookup_error"}
	}},
	{name: "udp_refuses", truth: truth("not-blocked"), both: true, only: "0.5", make: func(w *world) { w.udp = "dns_refused_error" }},
	{name: "udp_servfail", truth: truth("not-blocked"), both: true, only: "0.5", make: func(w *world) { w.udp = "dns_servfail_error" }},
	{name: "doh_forged", truth: truth("ok"), both: true, only: "0.5", make: func(w *world) { w.doh = "ssl_invalid_hostname" }},
	{name: "doh_off", truth: truth("ok"), both: true, only: "0.5", make: func(w *world) { w.doh = "generic_timeout_error" }},
	{name: "doh_off_cut", truth: blocked("tls", "tls.reset"), https: true, only: "0.5", make: func(w *world) {
		w.doh, w.tlsCut[w.host()] = "generic_timeout_error", "connection_reset"
	}},

	{name: "idn", truth: truth("ok"), both: true, make: func(w *world) { abroad(w, "www.новости.example") }},
	{name: "idn_upper", truth: truth("ok"), both: true, make: func(w *world) { abroad(w, "www.Новости.example") }},
	{name: "idn_nxdomain", truth: blocked("dns", "dns.nxdomain"), both: true, make: func(w *world) {
		abroad(w, "www.новости.example")
		w.lies[w.host()] = lie{failure: "dns_nxdomain_error"}
	}},
	{name: "idn_reset", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) {
		abroad(w, "www.новости.example")
		w.tlsCut[w.host()] = "connection_reset"
	}},
	{name: "final_dot", truth: truth("ok"), both: true, make: func(w *world) { w.spelled = strings.Replace(w.input, w.host(), w.host()+".", 1) }},
	{name: "upper_case", truth: truth("ok"), both: true, make: func(w *world) { w.spelled = strings.Replace(w.input, w.host(), strings.ToUpper(w.host()), 1) }},
	{name: "other_port", truth: truth("ok"), both: true, make: func(w *world) { portOf(w) }},
	{name: "other_port_cut", truth: blocked("tcp", "tcp.timeout"), both: true, make: func(w *world) {
		portOf(w)
		w.tcpCut[w.host()] = "generic_timeout_error"
	}},
	{name: "path_and_query", truth: truth("ok"), both: true, make: func(w *world) { w.input += "a/b.html?q=1&r=%20x#top" }},
	{name: "address_literal_cut", truth: blocked("tcp", "tcp.timeout"), make: func(w *world) {
		a := w.names[w.host()][0]
		w.servers[a].pages[""] = w.pageOf(w.host())
		w.input, w.tcpCut[a] = "http://"+a+"/", "generic_timeout_error"
	}},
	{name: "address_literal_v6", truth: truth("ok"), make: func(w *world) {
		sixth(w)
		a := w.names[w.host()][len(w.names[w.host()])-1]
		w.servers[a].pages[""] = w.pageOf(w.host())
		w.input = "http://[" + a + "]/"
	}},

	{name: "v6_only", truth: truth("ok"), both: true, make: func(w *world) { onlySixth(w) }},
	{name: "v6_only_broken", truth: truth("not-blocked"), both: true, make: func(w *world) { onlySixth(w); w.noV6 = true }},
	{name: "v6_only_cut", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) {
		onlySixth(w)
		w.tlsCut[w.host()] = "connection_reset"
	}},
	{name: "v6_bogon", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"fd00::5"}} }},
	{name: "v6_loopback", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{"::1"}} }},
	{name: "v6_cut_v4_works", truth: truth("ok|impaired"), both: true, make: func(w *world) {
		sixth(w)
		a := w.names[w.host()]
		w.tcpCut[a[len(a)-1]] = "generic_timeout_error"
	}},

	{name: "long_page", truth: truth("ok"), both: true, make: func(w *world) { long(w) }, edit: truncate},
	{name: "long_page_replaced", truth: blocked("http", "http.blockpage"), make: func(w *world) {
		long(w)
		w.replace[w.host()] = notice
	}},
	{name: "binary_page", truth: truth("ok"), both: true, edit: func(doc map[string]any) {
		for _, r := range listOf(doc["test_keys"].(map[string]any), "requests") {
			response := r["response"].(map[string]any)
			body := append([]byte{0xff, 0xfe, 0}, response["body"].(string)...)
			response["body"] = map[string]any{"format": "base64", "data": base64.StdEncoding.EncodeToString(body)}
		}
	}},
	{name: "no_body", truth: truth("ok|impaired"), both: true, edit: func(doc map[string]any) {
		for _, r := range listOf(doc["test_keys"].(map[string]any), "requests") {
			r["response"].(map[string]any)["body"] = nil
		}
	}},
	{name: "longer_page", truth: truth("ok"), both: true, make: func(w *world) {
		p := w.pageOf(w.host())
		p.size *= 6
		w.turned[w.host()] = p
	}},
	{name: "other_words", truth: truth("ok|impaired"), both: true, make: func(w *world) {
		p := w.pageOf(w.host())
		p.title = "Heute"
		w.turned[w.host()] = p
	}},

	{name: "control_half", truth: truth("ok"), both: true, edit: func(doc map[string]any) {
		c := controlOf(doc)
		c["tcp_connect"], c["tls_handshake"] = map[string]any{}, map[string]any{}
	}},
	{name: "control_no_dns_https", truth: truth("ok"), https: true, edit: func(doc map[string]any) { controlNoDNS(doc) }},
	{name: "control_no_dns_http", truth: truth("not-blocked"), edit: func(doc map[string]any) { controlNoDNS(doc) }},
	{name: "control_one_address", truth: truth("ok"), both: true, make: func(w *world) { w.site2() }, edit: func(doc map[string]any) { controlFirstAddress(doc) }},
	{name: "control_one_address_cut", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) {
		w.site2()
		w.tlsCut[w.host()] = "connection_reset"
	}, edit: func(doc map[string]any) { controlFirstAddress(doc) }},
	{name: "control_empty", truth: truth("not-blocked"), both: true, edit: func(doc map[string]any) {
		doc["test_keys"].(map[string]any)["control"] = map[string]any{}
	}},
	{name: "control_empty_cut", truth: truth("insufficient|impaired"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" },
		edit: func(doc map[string]any) { doc["test_keys"].(map[string]any)["control"] = map[string]any{} }},
	{name: "control_old", truth: truth("ok"), both: true, only: "0.4", edit: controlOld},
	{name: "control_old_nxdomain", truth: blocked("dns", "dns.nxdomain"), both: true, only: "0.4",
		make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_nxdomain_error"} }, edit: controlOld},
	{name: "control_old_reset", truth: blocked("tls", "tls.reset"), https: true, only: "0.4",
		make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" }, edit: controlOld},
	{name: "control_old_down", truth: truth("down"), both: true, only: "0.4", make: func(w *world) { w.names[w.host()] = nil }, edit: controlOld},
	{name: "no_handshakes", truth: truth("ok"), https: true, edit: noHandshakes},
	{name: "no_handshakes_reset", truth: blocked("tls", "tls.reset"), https: true, only: "0.4",
		make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" }, edit: noHandshakes},
	{name: "elsewhere", truth: truth("ok"), both: true, edit: moved},
	{name: "elsewhere_cut", truth: blocked("tls", "tls.reset"), https: true, make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" }, edit: moved},
	{name: "dressed", truth: truth("ok"), both: true, only: "0.5", edit: dress},
	{name: "dressed_nxdomain", truth: blocked("dns", "dns.nxdomain"), both: true, only: "0.5",
		make: func(w *world) { w.lies[w.host()], w.lieToUDP = lie{failure: "dns_nxdomain_error"}, true }, edit: dress},
	{name: "dressed_bogon", truth: blocked("dns", "dns.injection.bogon"), both: true, only: "0.5",
		make: func(w *world) { w.lies[w.host()], w.lieToUDP = lie{addrs: []string{"10.10.34.35"}}, true }, edit: dress},
	{name: "dressed_reset", truth: blocked("tls", "tls.reset"), https: true, only: "0.5",
		make: func(w *world) { w.tlsCut[w.host()] = "connection_reset" }, edit: dress},
	{name: "dressed_name_gone", truth: truth("down"), both: true, only: "0.5", make: func(w *world) { w.names[w.host()] = nil }, edit: dress},

	{name: "notice_only_by_udp", truth: truth("not-blocked"), both: true, only: "0.5", make: func(w *world) {
		w.udpLies[w.host()] = lie{addrs: []string{w.notice()}}
	}},
	{name: "notice_and_genuine", truth: blocked("dns", "dns.injection.bogon"), both: true, make: func(w *world) {
		w.lies[w.host()] = lie{addrs: append([]string{"10.9.8.7"}, w.names[w.host()]...)}
	}},
	{name: "half_the_servers_down", truth: truth("ok"), both: true, make: func(w *world) {
		w.site2()
		delete(w.servers, w.names[w.host()][0])
	}},
	{name: "port_443_closed", truth: truth("ok"), make: func(w *world) {
		for _, a := range w.names[w.host()] {
			w.servers[a].ports = map[int]bool{80: true}
		}
	}},
	{name: "wrong_name_http", truth: truth("ok"), make: func(w *world) { proof(w, strangerChain("other.example", w.start)) }},
	{name: "mitm_expired", truth: truth("down"), https: true, make: func(w *world) {
		proof(w, expiredChain(w.host(), w.start))
		w.doh = "generic_timeout_error"
	}},
	{name: "far_and_slow", truth: truth("not-blocked"), both: true, make: func(w *world) { w.distance, w.slow[w.host()] = 1.5, true }},
	{name: "tls_of_all", truth: truth("down"), https: true, make: func(w *world) {
		proof(w, &chain{failure: "connection_reset"})
	}},
}

// alone are networks that lie while the control is missing, or saw half: what
// another resolver led to proves the name.
func init() {
	for _, lied := range []struct {
		name, mechanism string
		lie             lie
	}{
		{"nxdomain", "dns.nxdomain", lie{failure: "dns_nxdomain_error"}},
		{"bogon", "dns.injection.bogon", lie{addrs: []string{"10.20.30.40"}}},
	} {
		make := func(w *world) { w.lies[w.host()], w.lieToUDP = lied.lie, true }
		more = append(more,
			condition{name: lied.name + "_proven_alone", truth: blocked("dns", lied.mechanism), https: true, only: "0.5",
				make: func(w *world) { make(w); w.controlDown = "connection_reset" }},
			condition{name: lied.name + "_proven_no_control_dns", truth: blocked("dns", lied.mechanism), https: true, only: "0.5", make: make, edit: controlNoDNS},
		)
	}
	more = append(more,
		condition{name: "nxdomain_no_control_dns", truth: blocked("dns", "dns.nxdomain"), both: true, only: "0.4",
			make: func(w *world) { w.lies[w.host()] = lie{failure: "dns_nxdomain_error"} }, edit: controlNoDNS},
		condition{name: "servfail_proven_alone", truth: truth("impaired"), https: true, only: "0.5", make: func(w *world) {
			w.lies[w.host()], w.lieToUDP, w.controlDown = lie{failure: "dns_server_misbehaving"}, true, "connection_reset"
		}},
		condition{name: "notice_proven_alone", truth: truth("impaired"), https: true, only: "0.5", make: func(w *world) {
			w.lies[w.host()], w.lieToUDP, w.controlDown = lie{addrs: []string{w.notice()}}, true, "connection_reset"
		}},
		condition{name: "notice_no_control_page", truth: blocked("dns", "dns.injection"), https: true, only: "0.5", make: func(w *world) {
			w.lies[w.host()], w.lieToUDP, w.controlHTTP = lie{addrs: []string{w.notice()}}, true, "generic_timeout_error"
		}},
	)
}

func init() {
	bogons := []string{"10.0.0.1", "172.16.5.4", "172.31.255.254", "192.168.1.1", "169.254.1.1", "100.127.0.9", "198.18.0.1", "198.19.255.1", "240.0.0.1",
		"255.255.255.255", "224.0.0.1", "0.1.2.3", "192.0.0.8", "fe80::1", "fc00::1", "ff02::1", "100::1", "::", "::ffff:10.1.2.3", "64:ff9b::a01:203"}
	for _, b := range bogons {
		more = append(more, condition{name: "bogon_" + strings.NewReplacer(":", "_", ".", "_").Replace(b), truth: blocked("dns", "dns.injection.bogon"), https: true,
			make: func(w *world) { w.lies[w.host()] = lie{addrs: []string{b}} }})
	}
	for _, scheme := range []string{"http", "https"} {
		for _, f := range []string{"connection_reset", "eof_error", "generic_timeout_error"} {
			layer := "tls"
			if scheme == "http" {
				layer = "http|tls"
			}
			more = append(more, condition{name: "then_" + f + "_" + scheme, truth: blocked(layer, ""), both: true, make: func(w *world) {
				other := redirect(w, scheme)
				w.tlsCut[other], w.httpCut[other] = f, f
			}})
		}
		for _, f := range []string{"connection_refused", "generic_timeout_error", "connection_reset", "host_unreachable"} {
			more = append(more, condition{name: "then_" + f + "_connecting_" + scheme, truth: blocked("tcp|http|tls", ""), both: true, make: func(w *world) {
				w.tcpCut[redirect(w, scheme)] = f
			}})
		}
		for _, f := range []string{"dns_nxdomain_error", "dns_refused_error", "generic_timeout_error"} {
			more = append(more, condition{name: "then_" + f + "_resolving_" + scheme, truth: blocked("dns", "dns"), both: true, only: "0.5", make: func(w *world) {
				w.lies[redirect(w, scheme)], w.lieToUDP = lie{failure: f}, true
			}})
		}
		more = append(more, condition{name: "then_bogon_" + scheme, truth: blocked("dns", "dns.injection.bogon"), both: true, only: "0.5", make: func(w *world) {
			w.lies[redirect(w, scheme)], w.lieToUDP = lie{addrs: []string{"10.10.34.36"}}, true
		}})
	}
}

// second sends visitors to another site, third from there to one more.
func second(w *world, scheme string) { redirect(w, scheme) }

func third(w *world) {
	other := ""
	for name := range w.names {
		if strings.HasPrefix(name, "www.second") {
			other = name
		}
	}
	w.site("www.third.example", 2)
	w.setPage(other, page{status: 301, location: "https://www.third.example/x"})
}

// abroad gives the site a name outside ASCII; the measurement's URL has it as
// people write it.
func abroad(w *world, name string) {
	old := w.host()
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil {
		panic(err)
	}
	w.names[ascii] = w.names[old]
	p := w.pageOf(old)
	for _, a := range w.names[ascii] {
		w.servers[a].proof = map[string]*chain{ascii: goodChain(ascii, w.start)}
		w.servers[a].pages = map[string]page{ascii: p}
	}
	w.spelled = strings.Replace(w.input, old, name, 1)
	w.input = strings.Replace(w.input, old, ascii, 1)
}

// portOf moves the site to another port.
func portOf(w *world) {
	w.input = strings.Replace(w.input, w.host(), w.host()+":8443", 1)
	for _, a := range w.names[w.host()] {
		w.servers[a].ports[8443] = true
	}
	w.extraPort = 8443
}

func onlySixth(w *world) {
	sixth(w)
	a := w.names[w.host()]
	w.names[w.host()] = a[len(a)-1:]
}

// site2 gives the site one more server.
func (w *world) site2() {
	a := w.address("198.51.100.", siteASN)
	w.servers[a] = &server{ports: map[int]bool{80: true, 443: true}, proof: w.servers[w.names[w.host()][0]].proof, pages: w.servers[w.names[w.host()][0]].pages}
	w.names[w.host()] = append(w.names[w.host()], a)
}

func long(w *world) {
	p := w.pageOf(w.host())
	p.size, p.title = 20_000, ""
	p.headers = map[string]string{"Content-Type": "application/octet-stream"}
	w.setPage(w.host(), p)
}

// truncate keeps the beginning of the probe's bodies only.
func truncate(doc map[string]any) {
	for _, r := range listOf(doc["test_keys"].(map[string]any), "requests") {
		response := r["response"].(map[string]any)
		if body := response["body"].(string); len(body) > 4000 {
			response["body"], response["body_is_truncated"] = body[:4000], true
		}
	}
}

func controlOf(doc map[string]any) map[string]any {
	return doc["test_keys"].(map[string]any)["control"].(map[string]any)
}

func controlNoDNS(doc map[string]any) {
	c := controlOf(doc)
	c["dns"] = map[string]any{"failure": "dns_server_failure", "addrs": nil}
	c["ip_info"] = map[string]any{}
}

func controlFirstAddress(doc map[string]any) {
	d := controlOf(doc)["dns"].(map[string]any)
	d["addrs"] = d["addrs"].([]string)[:1]
}

// controlOld takes away what helpers before 2022 did not write.
func controlOld(doc map[string]any) {
	c := controlOf(doc)
	for _, k := range []string{"tls_handshake", "quic_handshake", "http3_request", "ip_info"} {
		delete(c, k)
	}
	delete(c["http_request"].(map[string]any), "discovered_h3_endpoint")
	doc["test_version"], doc["software_version"] = "0.0.1", "2.3.0"
	for _, q := range listOf(doc["test_keys"].(map[string]any), "queries") {
		for _, a := range listOf(q, "answers") {
			delete(a, "asn")
		}
	}
}

func noHandshakes(doc map[string]any) { doc["test_keys"].(map[string]any)["tls_handshakes"] = nil }

// moved is the same from another network.
func moved(doc map[string]any) {
	doc["probe_asn"], doc["resolver_asn"] = "AS64777", "AS64778"
	doc["annotations"] = map[string]any{"platform": "android", "network_type": "mobile"}
	doc["software_name"] = "ooniprobe-android"
}

// dress writes the lookups as version 0.5 does: the system's as ANY, the
// others as A and AAAA, with aliases in the answers and no AAAA to be had.
func dress(doc map[string]any) {
	keys := doc["test_keys"].(map[string]any)
	var all []any
	for _, q := range listOf(keys, "queries") {
		if q["engine"] == "getaddrinfo" {
			q["query_type"] = "ANY"
		} else {
			aaaa := map[string]any{}
			for k, v := range q {
				aaaa[k] = v
			}
			aaaa["query_type"], aaaa["answers"], aaaa["transaction_id"] = "AAAA", nil, q["transaction_id"].(int)+5000
			if q["failure"] == nil {
				aaaa["failure"] = "dns_no_answer"
			}
			all = append(all, aaaa)
		}
		if q["failure"] == nil {
			name := q["hostname"].(string)
			q["answers"] = slices.Insert(q["answers"].([]any), 0,
				any(map[string]any{"answer_type": "CNAME", "hostname": "edge." + name, "ttl": 60}))
		}
		q["raw_response"] = "AAAA"
		all = append(all, q)
	}
	all = append(all, map[string]any{"answers": nil, "engine": "doh", "failure": "dns_no_answer", "hostname": "www.unused.example", "query_type": "HTTPS",
		"resolver_address": "https://dns.example/dns-query", "t": 0.2, "tags": []string{"depth=0"}, "transaction_id": 77777})
	keys["queries"] = all
}

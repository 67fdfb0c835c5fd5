package verdict_test

import (
	"strings"
	"testing"

	"github.com/bandish/bandish/verdict"
)

// The shapes are measurements as OONI's probes of several years write them,
// each written out by hand, with the truth that a person would see in it. They
// come from no world and hold what worlds do not think of.

type keys = map[string]any

// page05 is a measurement of version 0.5 of an https page in which all is well.
func page05(edits ...func(doc, k keys)) keys {
	return shape("0.5.28", "https://www.a.example/", edits...)
}

// page04 is one of version 0.4, without transactions and without the control's
// handshakes.
func page04(edits ...func(doc, k keys)) keys {
	return shape("0.4.2", "https://www.a.example/", edits...)
}

// plain05 and plain04 are the same of a page in clear text.
func plain05(edits ...func(doc, k keys)) keys {
	return shape("0.5.28", "http://www.a.example/", edits...)
}
func plain04(edits ...func(doc, k keys)) keys {
	return shape("0.4.2", "http://www.a.example/", edits...)
}

const (
	homeAddr  = "198.51.100.10"
	otherAddr = "198.51.100.11"
	theirs    = "203.0.113.99" // an address that the control never got
	pageBody  = "<html><head><title>Morning news of the town</title></head><body>"
)

var longText = strings.Repeat("One line of the page. ", 200)

func shape(version, url string, edits ...func(doc, k keys)) keys {
	k := keys{"queries": []any{}, "tcp_connect": []any{}, "tls_handshakes": []any{}, "requests": []any{}, "network_events": []any{},
		"control_failure": nil, "control": keys{
			"dns":          keys{"failure": nil, "addrs": []any{homeAddr}},
			"tcp_connect":  keys{homeAddr + ":80": keys{"status": true, "failure": nil}, homeAddr + ":443": keys{"status": true, "failure": nil}},
			"http_request": keys{"failure": nil, "status_code": 200, "body_length": len(pageBody) + len(longText), "title": "Morning news of the town", "headers": keys{"X-Town": "1"}},
		}}
	doc := keys{"test_name": "web_connectivity", "test_version": version, "software_name": "ooniprobe-android", "software_version": "3.8.8",
		"measurement_start_time": "2024-02-17 10:00:00", "probe_cc": "ZZ", "probe_asn": "AS64512", "resolver_asn": "AS64512",
		"input": url, "annotations": keys{"platform": "android", "network_type": "mobile"}, "test_keys": k}
	looked(k, "system", "www.a.example", "", homeAddr)
	if version == "0.5.28" {
		control(k)["tls_handshake"] = keys{homeAddr + ":443": keys{"server_name": "www.a.example", "status": true, "failure": nil}}
	}
	port := 443
	if strings.HasPrefix(url, "http:") {
		port = 80
	}
	dialed(k, homeAddr, port, "")
	if port == 443 {
		shook(k, homeAddr, "www.a.example", "")
	}
	got(k, url, "", 200, pageBody+longText)
	if version == "0.5.28" {
		for _, list := range []string{"tcp_connect", "tls_handshakes", "requests"} {
			for _, x := range listOf(k, list) {
				x["transaction_id"], x["tags"] = 1, []any{"depth=0", "tcptls_experiment"}
			}
		}
		listOf(k, "requests")[0]["address"] = homeAddr + ":" + map[int]string{80: "80", 443: "443"}[port]
	}
	for _, e := range edits {
		e(doc, k)
	}
	return doc
}

func control(k keys) keys     { return k["control"].(keys) }
func controlPage(k keys) keys { return control(k)["http_request"].(keys) }

func fail(f string) any {
	if f == "" {
		return nil
	}
	return f
}

func put(k keys, list string, x keys) keys {
	l, _ := k[list].([]any)
	k[list] = append(l, x)
	return x
}

func looked(k keys, engine, host, failure string, addrs ...string) keys {
	var answers []any
	for _, a := range addrs {
		if strings.Contains(a, ":") {
			answers = append(answers, keys{"answer_type": "AAAA", "ipv6": a, "ttl": nil})
		} else {
			answers = append(answers, keys{"answer_type": "A", "ipv4": a, "ttl": nil})
		}
	}
	return put(k, "queries", keys{"engine": engine, "hostname": host, "query_type": "A", "failure": fail(failure), "answers": answers,
		"resolver_address": "", "t": 0.1, "tags": nil})
}

func dialed(k keys, ip string, port int, failure string) keys {
	return put(k, "tcp_connect", keys{"ip": ip, "port": port, "status": keys{"failure": fail(failure), "success": failure == "", "blocked": failure != ""}, "t": 0.2, "tags": nil})
}

func shook(k keys, ip, name, failure string) keys {
	return put(k, "tls_handshakes", keys{"address": ip + ":443", "server_name": name, "failure": fail(failure), "no_tls_verify": false,
		"peer_certificates": nil, "tls_version": "TLSv1.3", "t": 0.4, "tags": nil, "network": "tcp"})
}

func got(k keys, url, failure string, status int, body string) keys {
	return put(k, "requests", keys{"failure": fail(failure), "request": keys{"url": url, "method": "GET", "headers": keys{}},
		"response": keys{"code": status, "body": body, "body_is_truncated": false, "headers": keys{"X-Town": "1", "Content-Type": "text/html"}}, "t": 0.9, "tags": nil})
}

// The edits that several shapes share.

func emptied(lists ...string) func(doc, k keys) {
	return func(_, k keys) {
		for _, l := range lists {
			k[l] = nil
		}
	}
}

// answered: the probe's resolver gave this in the place of the address.
func answered(failure string, addrs ...string) func(doc, k keys) {
	return func(doc, k keys) {
		emptied("queries", "tcp_connect", "tls_handshakes", "requests")(doc, k)
		looked(k, "system", "www.a.example", failure, addrs...)
	}
}

// ended: the steps end at this one.
func ended(step, failure string) func(doc, k keys) {
	return func(doc, k keys) {
		r := listOf(k, "requests")
		switch step {
		case "tcp":
			listOf(k, "tcp_connect")[0]["status"] = keys{"failure": failure, "success": false}
			k["tls_handshakes"] = nil
			if doc["test_version"] == "0.5.28" {
				k["requests"] = nil
				return
			}
		case "tls":
			listOf(k, "tls_handshakes")[0]["failure"] = failure
			if doc["test_version"] == "0.5.28" {
				k["requests"] = nil
				return
			}
		}
		r[0]["failure"] = failure
		r[0]["response"] = keys{"code": 0, "body": "", "headers": keys{}}
	}
}

func setKey(path string, value any) func(doc, k keys) {
	return func(_, k keys) {
		at, parts := k, strings.Split(path, "/")
		for _, p := range parts[:len(parts)-1] {
			at = at[p].(keys)
		}
		at[parts[len(parts)-1]] = value
	}
}

func uncontrolled(failure string) func(doc, k keys) {
	return func(_, k keys) {
		delete(k, "control")
		k["control_failure"] = fail(failure)
	}
}

func response(edit func(r, response keys)) func(doc, k keys) {
	return func(_, k keys) {
		r := listOf(k, "requests")[0]
		edit(r, r["response"].(keys))
	}
}

// app is a measurement of a test without input.
func app(test, version string, k keys) keys {
	return keys{"test_name": test, "test_version": version, "software_name": "ooniprobe-android", "software_version": "3.8.8",
		"measurement_start_time": "2024-02-17 10:00:00", "probe_cc": "ZZ", "probe_asn": "AS64512", "resolver_asn": "AS64512",
		"input": nil, "annotations": keys{"platform": "android"}, "test_keys": k}
}

// riseup is what the provider's API and its gateways came to.
func riseup(api string, gateways ...string) keys {
	k := hosts(api, nil, "riseup.net", "api.black.riseup.net")
	for i, f := range gateways {
		dialed(k, "192.0.2."+string(rune('1'+i)), 443, f)
	}
	k["api_failures"], k["ca_cert_status"] = nil, true
	return k
}

var shapes = []struct {
	name  string
	doc   keys
	truth scenario
}{
	// The control fails in parts, or is written otherwise.
	{"control's lookup alone failed", page05(setKey("control/dns", keys{"failure": "dns_server_failure", "addrs": []any{}})), truth("ok")},
	{"the same in clear text", plain05(setKey("control/dns", keys{"failure": "dns_server_failure", "addrs": nil})), truth("ok")},
	{"control without lists", page05(setKey("control", keys{"http_request": keys{"failure": nil, "status_code": 200, "body_length": 3000, "title": "", "headers": nil}, "tcp_connect": nil, "dns": keys{"failure": nil, "addrs": nil}})), truth("ok")},
	{"control is null", page05(setKey("control", nil)), truth("ok")},
	{"control is null and the handshake was reset", page05(setKey("control", nil), ended("tls", "connection_reset")), truth("impaired|insufficient")},
	{"no test helper was found", page05(uncontrolled("unknown_failure: httpapi: all endpoints failed: [ connection_reset]"), ended("tls", "connection_reset")), truth("impaired|insufficient")},
	{"control's page failed, its handshake did not, ours was reset", page05(ended("tls", "connection_reset"),
		setKey("control/http_request", keys{"failure": "unknown_error", "status_code": -1, "body_length": -1, "title": "", "headers": keys{}})), blocked("tls", "tls.reset")},
	{"control was shown a test for robots", page05(func(_, k keys) { controlPage(k)["status_code"], controlPage(k)["title"] = 403, "Just a moment..." }), truth("ok")},
	{"the same in clear text", plain05(func(_, k keys) {
		controlPage(k)["status_code"], controlPage(k)["title"], controlPage(k)["body_length"] = 403, "Just a moment...", 900
	}), truth("not-blocked")},
	{"control's server had an error, ours came", page05(func(_, k keys) { controlPage(k)["status_code"] = 502 }), truth("ok")},
	{"control timed out on the page and the address, we were reset", page05(ended("tls", "connection_reset"),
		setKey("control/http_request", keys{"failure": "generic_timeout_error", "status_code": -1, "body_length": -1}),
		setKey("control/tcp_connect", keys{homeAddr + ":443": keys{"status": false, "failure": "generic_timeout_error"}}),
		setKey("control/tls_handshake", keys{})), truth("not-blocked")},
	{"control's statuses are null", page05(setKey("control/tcp_connect", keys{homeAddr + ":443": keys{"status": nil, "failure": nil}})), truth("ok")},
	{"control's statuses are null and we time out", page05(ended("tcp", "generic_timeout_error"), setKey("control/tcp_connect", keys{homeAddr + ":443": keys{"status": nil, "failure": nil}}), setKey("control/tls_handshake", nil)), truth("not-blocked")},

	// Lookups.
	{"Android's cache has no data", page04(answered("android_dns_cache_no_data")), blocked("dns", "dns")},
	{"Android's cache has no data, for the control neither", page04(answered("android_dns_cache_no_data"), setKey("control/dns", keys{"failure": "dns_name_error", "addrs": []any{}}),
		setKey("control/http_request", keys{"failure": "dns_lookup_error", "status_code": -1, "body_length": -1}), setKey("control/tcp_connect", keys{})), truth("down")},
	{"no data, and the control got IPv6 alone", page05(answered("dns_no_answer"), setKey("control/dns", keys{"failure": nil, "addrs": []any{"2001:db8::1"}}),
		setKey("control/tcp_connect", keys{}), setKey("control/tls_handshake", keys{})), truth("not-blocked")},
	{"IPv6 alone, without IPv6", page05(answered("", "2001:db8::1"), func(_, k keys) { dialed(k, "2001:db8::1", 443, "network_unreachable") },
		setKey("control/dns", keys{"failure": nil, "addrs": []any{"2001:db8::1"}}), setKey("control/tcp_connect", keys{"[2001:db8::1]:443": keys{"status": true, "failure": nil}}),
		setKey("control/tls_handshake", keys{"[2001:db8::1]:443": keys{"server_name": "www.a.example", "status": true, "failure": nil}})), truth("not-blocked")},
	{"a lookup that failed strangely", page05(answered("unknown_failure: lookup www.a.example: getaddrinfow: This is usually a temporary error")), truth("impaired")},
	{"an aborted lookup", page05(answered("interrupted")), truth("not-blocked")},
	{"a filter of the home answers with its own address", page05(answered("", "192.168.1.1"), func(_, k keys) { dialed(k, "192.168.1.1", 443, "connection_refused") }), blocked("dns", "dns.injection.bogon")},
	{"the zero address in both families", page05(answered("", "0.0.0.0", "::"), func(_, k keys) {
		dialed(k, "0.0.0.0", 443, "connection_refused")
		dialed(k, "::", 443, "connection_refused")
	}), blocked("dns", "dns.injection.bogon")},
	{"loopback for everybody", page05(answered("", "127.0.0.1"), func(_, k keys) { dialed(k, "127.0.0.1", 443, "connection_refused") },
		setKey("control/dns", keys{"failure": nil, "addrs": []any{"127.0.0.1"}}), setKey("control/tcp_connect", keys{"127.0.0.1:443": keys{"status": false, "failure": "connection_refused"}}),
		setKey("control/tls_handshake", keys{}), setKey("control/http_request", keys{"failure": "connection_refused", "status_code": -1, "body_length": -1})), truth("down")},
	{"an alias alone, no address", page05(answered(""), func(_, k keys) {
		listOf(k, "queries")[0]["answers"] = []any{keys{"answer_type": "CNAME", "hostname": "edge.cdn.example", "ttl": nil}}
	}), truth("impaired|blocked")},
	{"the network of the address, by number and name", page04(func(_, k keys) {
		a := listOf(k, "queries")[0]["answers"].([]any)[0].(keys)
		a["asn"], a["as_org_name"] = 64600, "Example Hosting"
	}), truth("ok")},
	{"no lists of steps at all", page04(emptied("queries", "tcp_connect", "tls_handshakes", "network_events")), truth("ok")},
	{"no lists of steps, and a reset", plain04(emptied("queries", "tcp_connect", "tls_handshakes"), ended("http", "connection_reset")), blocked("http", "http.reset")},

	// Connections.
	{"a firewall on the phone", page05(ended("tcp", "unknown_failure: dial tcp 198.51.100.10:443: connect: operation not permitted")), truth("impaired")},
	{"no address to send from", page05(ended("tcp", "address_not_available")), truth("impaired")},
	{"aborted by the system", page05(ended("tcp", "connection_aborted")), truth("impaired")},
	{"interrupted", page05(ended("tcp", "interrupted")), truth("impaired|insufficient")},
	{"two addresses, one refuses", page05(func(_, k keys) {
		looked(k, "udp", "www.a.example", "", otherAddr)
		dialed(k, otherAddr, 443, "connection_refused")["transaction_id"] = 2
		control(k)["dns"] = keys{"failure": nil, "addrs": []any{homeAddr, otherAddr}}
		control(k)["tcp_connect"].(keys)[otherAddr+":443"] = keys{"status": true, "failure": nil}
	}), truth("ok|impaired")},
	{"an edge that is dead for the control too, which has another", page05(answered("", theirs), func(_, k keys) {
		looked(k, "doh", "www.a.example", "", homeAddr)
		dialed(k, theirs, 443, "connection_refused")["transaction_id"] = 2
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": false, "failure": "connection_refused"}
		control(k)["ip_info"] = keys{theirs: keys{"asn": 64601, "flags": 1}, homeAddr: keys{"asn": 64601, "flags": 10}}
	}), truth("not-blocked")},
	{"all addresses time out", page05(func(_, k keys) {
		looked(k, "system", "www.a.example", "", otherAddr)
		dialed(k, otherAddr, 443, "generic_timeout_error")["transaction_id"] = 2
		control(k)["dns"] = keys{"failure": nil, "addrs": []any{homeAddr, otherAddr}}
		control(k)["tcp_connect"].(keys)[otherAddr+":443"] = keys{"status": true, "failure": nil}
	}, ended("tcp", "generic_timeout_error")), blocked("tcp", "tcp.timeout")},
	{"port 80 alone is refused, the page is https", page05(func(_, k keys) { dialed(k, homeAddr, 80, "connection_refused")["transaction_id"] = 7 }), truth("ok|impaired")},

	// Handshakes.
	{"clear text in the place of a handshake", page05(ended("tls", "unknown_failure: tls: first record does not look like a TLS handshake")), truth("not-ok")},
	{"an answer in clear text to https", page04(ended("tls", "unknown_failure: http: server gave HTTP response to HTTPS client")), truth("not-ok")},
	{"an alert", page05(ended("tls", "unknown_failure: remote error: tls: unrecognized name")), truth("impaired")},
	{"the certificate has expired, by the control too", page05(ended("tls", "ssl_invalid_certificate"), setKey("control/tls_handshake",
		keys{homeAddr + ":443": keys{"server_name": "www.a.example", "status": false, "failure": "ssl_invalid_certificate"}}),
		setKey("control/http_request", keys{"failure": "ssl_invalid_certificate", "status_code": -1, "body_length": -1})), truth("down")},
	{"an unknown authority without its chain, old", page04(ended("tls", "ssl_unknown_authority")), truth("impaired")},
	{"cut off with one name, over another address's handshake", page05(ended("tls", "eof_error")), blocked("tls", "tls")},

	// Pages.
	{"the page goes on to another host over https", plain05(func(doc, k keys) {
		response(func(r, res keys) {
			res["code"], res["body"], res["headers"] = 301, "", keys{"Location": "https://www.b.example/"}
		})(doc, k)
		looked(k, "system", "www.b.example", "", otherAddr)
		dialed(k, otherAddr, 443, "")["transaction_id"] = 2
		shook(k, otherAddr, "www.b.example", "")["transaction_id"] = 2
		r := got(k, "https://www.b.example/", "", 200, pageBody+longText)
		r["transaction_id"], r["address"] = 2, otherAddr+":443"
		k["requests"] = []any{k["requests"].([]any)[1], k["requests"].([]any)[0]}
	}), truth("ok")},
	{"sent to https by the browser's own list", page05(func(doc, k keys) { doc["input"] = "http://www.a.example/" }), truth("ok")},
	{"a body cut off by the probe", plain05(func(doc, k keys) {
		response(func(r, res keys) { res["body_is_truncated"] = true })(doc, k)
		controlPage(k)["body_length"], controlPage(k)["title"], controlPage(k)["headers"] = 9_000_000, "", keys{}
	}), truth("ok")},
	{"an empty page where the control's is long", plain05(response(func(r, res keys) { res["body"], res["headers"] = "", keys{} })), truth("not-ok|not-blocked")},
	{"the page, gone by its own word", plain05(response(func(r, res keys) { res["code"] = 410 }), func(_, k keys) { controlPage(k)["status_code"] = 410 }), truth("ok")},
	{"the page, not found for both", page05(response(func(r, res keys) { res["code"] = 404 }), func(_, k keys) { controlPage(k)["status_code"] = 404 }), truth("ok")},
	{"a server that asks for a password of both", plain04(response(func(r, res keys) { res["code"] = 401 }), func(_, k keys) { controlPage(k)["status_code"] = 401 }), truth("ok")},
	{"too many requests, over https", page05(response(func(r, res keys) { res["code"], res["body"] = 429, "slow down" })), truth("ok")},
	{"a page in another language of the same length", plain05(response(func(r, res keys) {
		res["body"] = strings.Replace(pageBody, "Morning news of the town", "Morgennachrichten", 1) + longText
	})), truth("ok")},
	{"the request timed out, the page over HTTP/3 came", page05(ended("tls", "generic_timeout_error"), func(_, k keys) {
		k["quic_handshakes"] = []any{keys{"network": "udp", "address": homeAddr + ":443", "server_name": "www.a.example", "failure": nil, "t": 0.5, "transaction_id": 9, "tags": []any{"depth=0"}}}
		r := got(k, "https://www.a.example/", "", 200, pageBody+longText)
		r["network"], r["alpn"], r["address"], r["transaction_id"] = "udp", "h3", homeAddr+":443", 9
	}), blocked("tls", "tls.timeout")},
	{"HTTP/3 alone failed", page05(func(_, k keys) {
		k["quic_handshakes"] = []any{keys{"network": "udp", "address": homeAddr + ":443", "server_name": "www.a.example", "failure": "generic_timeout_error", "t": 9.5, "transaction_id": 9, "tags": nil}}
	}), truth("ok")},
	{"nothing but a response that lost its connection", plain04(ended("http", "response_never_received")), blocked("http", "http")},
	{"a failure that nobody knows", plain05(ended("http", "unknown_failure: malformed HTTP response \"\\x15\\x03\\x01\"")), truth("impaired")},
	{"our own proxy", plain05(ended("http", "unknown_failure: proxyconnect tcp: EOF")), truth("impaired")},

	// What the probe's resolver gave leads elsewhere.
	{"led to a block page, over https", page05(answered("", theirs), func(_, k keys) {
		dialed(k, theirs, 443, "")["transaction_id"] = 2
		shook(k, theirs, "www.a.example", "ssl_invalid_hostname")["transaction_id"] = 2
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": true, "failure": nil}
		control(k)["tls_handshake"].(keys)[theirs+":443"] = keys{"server_name": "www.a.example", "status": false, "failure": "ssl_invalid_hostname"}
	}), blocked("dns", "dns.injection")},
	{"led to a block page, in clear text, old", plain04(answered("", theirs), func(_, k keys) {
		dialed(k, theirs, 80, "")
		got(k, "http://www.a.example/", "", 200, "<title>Not available</title>By order")["response"].(keys)["headers"] = keys{"Content-Type": "text/html"}
	}), blocked("dns|http", "")},
	{"led to a server near the probe that proves the name", page05(answered("", theirs), func(_, k keys) {
		dialed(k, theirs, 443, "")["transaction_id"] = 2
		shook(k, theirs, "www.a.example", "")["transaction_id"] = 2
		r := got(k, "https://www.a.example/", "", 200, pageBody+longText)
		r["transaction_id"], r["address"] = 2, theirs+":443"
	}), truth("ok")},
	{"led to a server that does so and asks who one is", page05(answered("", theirs), func(_, k keys) {
		dialed(k, theirs, 443, "")["transaction_id"] = 2
		shook(k, theirs, "www.a.example", "")["transaction_id"] = 2
		r := got(k, "https://www.a.example/", "", 503, "<title>Just a moment</title>")
		r["transaction_id"], r["address"] = 2, theirs+":443"
	}), truth("not-blocked")},
	{"led to nobody, and cut off there", page05(answered("", theirs), func(_, k keys) {
		dialed(k, theirs, 443, "generic_timeout_error")["transaction_id"] = 2
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": false, "failure": "generic_timeout_error"}
		control(k)["ip_info"] = keys{theirs: keys{"asn": 64999, "flags": 1}, homeAddr: keys{"asn": 64601, "flags": 10}}
	}), blocked("dns", "dns.injection")},

	// The site is broken for everybody.
	{"no addresses, for the control neither", page05(answered("dns_no_answer"), setKey("control/dns", keys{"failure": nil, "addrs": []any{}}), setKey("control/tcp_connect", keys{}),
		setKey("control/tls_handshake", keys{}), setKey("control/http_request", keys{"failure": "unknown_error", "status_code": -1, "body_length": -1})), truth("down")},
	{"the same, old", page04(answered("dns_no_answer"), setKey("control/dns", keys{"failure": "dns_no_answer", "addrs": []any{}}), setKey("control/tcp_connect", keys{}),
		setKey("control/http_request", keys{"failure": "dns_lookup_error", "status_code": -1, "body_length": -1})), truth("down")},
	{"the name does not exist, in the control's old words", page04(answered("dns_nxdomain_error"), setKey("control/dns", keys{"failure": "dns_name_error", "addrs": []any{}}), setKey("control/tcp_connect", keys{}),
		setKey("control/http_request", keys{"failure": "dns_lookup_error", "status_code": -1, "body_length": -1})), truth("down")},
	{"another's certificate, for the control too, old", page04(ended("tls", "ssl_invalid_hostname"),
		setKey("control/http_request", keys{"failure": "ssl_error", "status_code": -1, "body_length": -1})), truth("down")},
	{"connections refused, in the control's old words", page04(ended("tcp", "connection_refused"), setKey("control/tcp_connect", keys{homeAddr + ":443": keys{"status": false, "failure": "connection_refused_error"}}),
		setKey("control/http_request", keys{"failure": "connection_refused_error", "status_code": -1, "body_length": -1})), truth("down")},
	{"a redirect without a host, over https", page05(response(func(r, res keys) {
		r["failure"] = "http_invalid_redirect_location_host"
		res["code"], res["headers"] = 302, keys{"Location": "http://"}
	}), setKey("control/http_request", keys{"failure": "unknown_error", "status_code": -1, "body_length": -1})), truth("not-blocked")},

	// Messengers as they were written before 2021.
	{"whatsapp: its page alone as a request, reset", app("whatsapp", "0.8.0", func() keys {
		k := whatsapp("", "", "")
		k["tls_handshakes"] = nil
		put(k, "requests", request("https://web.whatsapp.com/", "connection_reset", 0))
		put(k, "requests", request("https://v.whatsapp.net/v2/register", "", 200))
		return k
	}()), blocked("", "reset|tls.reset|http.reset")},
	{"whatsapp: all works, as requests", app("whatsapp", "0.8.0", func() keys {
		k := whatsapp("", "", "")
		k["tls_handshakes"] = nil
		put(k, "requests", request("https://web.whatsapp.com/", "", 200))
		put(k, "requests", request("https://v.whatsapp.net/v2/register", "", 400))
		return k
	}()), truth("ok")},
	{"telegram: its page as requests, both schemes reset", app("telegram", "0.1.1", func() keys {
		k := telegram("", "")
		k["tls_handshakes"], k["queries"] = nil, nil
		k["tcp_connect"] = k["tcp_connect"].([]any)[:12]
		put(k, "requests", request("https://web.telegram.org/", "connection_reset", 0))
		put(k, "requests", request("http://web.telegram.org/", "connection_reset", 0))
		return k
	}()), blocked("", "tls.reset|http.reset|tcp.reset")},
	{"whatsapp: most endpoints time out, some do not", app("whatsapp", "0.11.1", func() keys {
		k := whatsapp("generic_timeout_error", "", "")
		for i := range 3 {
			listOf(k, "tcp_connect")[i]["status"] = keys{"failure": nil, "success": true}
		}
		return k
	}()), truth("impaired")},
	{"signal: answered with the provider's address, refused there", app("signal", "0.2.5", func() keys {
		k := keys{}
		for _, n := range []string{"chat.signal.org", "storage.signal.org", "cdn.signal.org"} {
			looked(k, "system", n, "", theirs)
		}
		dialed(k, theirs, 443, "connection_refused")
		return k
	}()), truth("impaired|blocked")},
	{"signal: names withheld", app("signal", "0.2.5", func() keys {
		k := keys{}
		for _, n := range []string{"chat.signal.org", "storage.signal.org", "cdn.signal.org"} {
			looked(k, "system", n, "dns_nxdomain_error")
		}
		return k
	}()), truth("impaired|blocked")},

	// Messengers.
	{"whatsapp: two of sixteen endpoints", app("whatsapp", "0.9.0", func() keys {
		k := whatsapp("", "", "")
		for i := range 2 {
			listOf(k, "tcp_connect")[i]["status"] = keys{"failure": "generic_timeout_error", "success": false}
		}
		return k
	}()), truth("ok")},
	{"whatsapp: the registration alone times out", app("whatsapp", "0.11.1", whatsapp("", "", "generic_timeout_error")), truth("impaired")},
	{"whatsapp: its page alone times out", app("whatsapp", "0.11.1", whatsapp("", "generic_timeout_error", "")), truth("impaired")},
	{"telegram: no connection, the page works", app("telegram", "0.2.0", telegram("generic_timeout_error", "")), blocked("", "tcp.timeout")},
	{"telegram: one address in twelve", app("telegram", "0.2.0", func() keys {
		k := telegram("", "")
		listOf(k, "tcp_connect")[3]["status"] = keys{"failure": "generic_timeout_error", "success": false}
		return k
	}()), truth("ok")},
	{"telegram: the name of its page is withheld", app("telegram", "0.3.1", func() keys {
		k := telegram("", "")
		k["queries"], k["tls_handshakes"] = nil, nil
		k["tcp_connect"] = k["tcp_connect"].([]any)[:12]
		looked(k, "system", "web.telegram.org", "dns_nxdomain_error")
		return k
	}()), truth("impaired")},
	{"signal: an authority of its own, refused without the chain", app("signal", "0.2.5", hosts("ssl_unknown_authority", nil, "chat.signal.org")), truth("impaired")},
	{"signal: too old a test", app("signal", "0.2.3", hosts("ssl_unknown_authority", nil, "chat.signal.org", "cdn.signal.org")), truth("insufficient")},
	{"signal: one of four is reset", app("signal", "0.2.5", func() keys {
		k := hosts("", nil, "chat.signal.org", "storage.signal.org", "cdn.signal.org", "cdn2.signal.org")
		listOf(k, "tls_handshakes")[2]["failure"] = "connection_reset"
		return k
	}()), blocked("", "tls.reset")},
	{"facebook messenger: names answered with loopback", app("facebook_messenger", "0.2.0", func() keys {
		k := keys{}
		for _, n := range []string{"b-api.facebook.com", "b-graph.facebook.com", "edge-mqtt.facebook.com"} {
			looked(k, "system", n, "", "127.0.0.1")
		}
		return k
	}()), blocked("", "dns.injection.bogon")},
	{"facebook messenger: as written since 2021, with no lists", app("facebook_messenger", "0.2.0", keys{"facebook_b_api_dns_consistent": true, "facebook_dns_blocking": false, "facebook_tcp_blocking": false}), truth("insufficient")},

	// Circumvention.
	{"tor: a third of the bridges is down", app("tor", "0.4.0", func() keys {
		k := tor("", "")
		for i := range 2 {
			k["targets"].(keys)["bridge"+string(rune('0'+i))].(keys)["failure"] = "generic_timeout_error"
		}
		return k
	}()), truth("ok")},
	{"tor: some bridges are down, as ever", app("tor", "0.4.0", func() keys {
		k := tor("", "")
		for _, b := range []string{"bridge0", "198.51.100.73:9001"} {
			x := k["targets"].(keys)[b].(keys)
			x["failure"] = "generic_timeout_error"
			listOf(x, "tcp_connect")[0]["status"] = keys{"failure": "generic_timeout_error", "success": false}
		}
		return k
	}()), truth("ok")},
	{"tor: a bridge's handshake fails, an authority resets", app("tor", "0.4.0", func() keys {
		k := tor("", "")
		x := k["targets"].(keys)["198.51.100.73:9001"].(keys)
		x["failure"] = "connection_reset"
		put(x, "tls_handshakes", handshake("198.51.100.73:9001", "", "connection_reset", nil))
		return k
	}()), truth("ok")},
	{"openvpn: one of three endpoints is down", app("openvpn", "0.1.6", func() keys {
		k := openvpn("")
		listOf(k, "openvpn_handshake")[0]["failure"] = "generic_timeout_error"
		listOf(k, "tcp_connect")[0]["status"] = keys{"failure": "generic_timeout_error", "success": false}
		return k
	}()), truth("ok")},
	{"riseupvpn: works, a gateway is down", app("riseupvpn", "0.3.0", riseup("", "", "", "generic_timeout_error")), truth("ok")},
	{"riseupvpn: gateways refuse", app("riseupvpn", "0.3.0", riseup("", "connection_refused", "connection_refused", "connection_refused")), truth("impaired")},
	{"riseupvpn: its list of gateways is reset", app("riseupvpn", "0.3.0", riseup("connection_reset")), truth("impaired")},
	{"tor: bridges refuse, authorities work", app("tor", "0.4.0", tor("", "connection_refused")), truth("ok|impaired")},
	{"psiphon: it got no configuration", app("psiphon", "0.6.0", keys{"failure": "psiphon configuration is not available", "bootstrap_time": 0, "max_runtime": 0}), truth("insufficient")},
	{"torsf: a timeout at ten percent", app("torsf", "0.5.0", keys{"failure": "generic_timeout_error", "success": false, "tor_progress": 10, "tor_progress_tag": "conn_done"}), truth("impaired")},
	{"vanilla tor: without a word of success", app("vanilla_tor", "0.3.0", keys{"failure": "tor: reached timeout", "success": false}), truth("impaired")},
	{"ech: refused by the server itself", app("echcheck", "0.1.2", keys{"control": handshake("192.0.2.80:443", "public.example", "", nil),
		"target": handshake("192.0.2.80:443", "public.example", "ssl_failed_handshake", nil)}), truth("not-blocked")},
	{"ech: nothing at that address answers", app("echcheck", "0.1.2", keys{"control": handshake("192.0.2.80:443", "public.example", "connection_reset", nil),
		"target": handshake("192.0.2.80:443", "public.example", "connection_reset", nil)}), truth("not-blocked")},
	{"openvpn: one of three endpoints answers", app("openvpn", "0.1.6", func() keys {
		k := openvpn("generic_timeout_error")
		listOf(k, "openvpn_handshake")[0]["failure"] = nil
		return k
	}()), truth("impaired")},
	{"dnscheck: the resolver's name is withheld", app("dnscheck", "0.9.2", keys{"bootstrap_failure": "dns_nxdomain_error", "bootstrap": keys{
		"queries": []any{keys{"engine": "system", "hostname": "dns.example", "query_type": "A", "failure": "dns_nxdomain_error", "answers": nil, "t": 0.1}}}, "lookups": keys{}}), truth("impaired")},
}

func TestShapes(t *testing.T) {
	for _, s := range shapes {
		v, read := judgeLoose(t, encode(s.doc))
		if !read {
			t.Errorf("%s: not read", s.name)
			continue
		}
		fault := ""
		for _, want := range strings.Split(s.truth.truth, "|") {
			one := s.truth
			one.truth = want
			fault = one.fits(v)
			if fault == "" {
				break
			}
		}
		accused := v.State == verdict.Blocked || v.State == verdict.LikelyBlocked
		if fault != "" || accused && !strings.Contains(s.truth.truth, "blocked") {
			t.Errorf("%s: %s by %v, mechanisms %v, invalid %q: want %s (%s)", s.name, v.State, v.Rules, v.Mechanisms, v.Invalid, s.truth.truth, fault)
		}
	}
}

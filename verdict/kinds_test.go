package verdict_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The kinds are those of the faults that reported cases showed. Each has
// measurements that differ in what is of no consequence (names, order,
// versions, the layer that fails first), and innocent twins: measurements that
// look much the same and are right the other way.
var kinds = []struct {
	kind  string
	cases []kindCase
}{
	{"JSON false stands for no failure", []kindCase{
		{"telegram, all works", app("telegram", "0.0.4", saidFalse(telegram("", ""))), "ok"},
		{"whatsapp, all works", app("whatsapp", "0.6.1", saidFalse(whatsapp("", "", ""))), "ok"},
		{"messenger, all works", app("facebook_messenger", "0.0.2", saidFalse(messenger(""))), "ok"},
		{"a page, in the form of ooniprobe 2", page04(func(_, k keys) { saidFalse(k) }), "ok"},
		{"twin: true stands for a failure of every endpoint", app("telegram", "0.0.4", func() keys {
			k := saidFalse(telegram("", ""))
			for i, c := range listOf(k, "tcp_connect") {
				if i < 12 {
					c["status"] = keys{"failure": true, "success": false}
				}
			}
			return k
		}()), "likely_blocked|impaired"},
		{"twin: some fail by name, others work and say false", app("whatsapp", "0.6.1", func() keys {
			k := saidFalse(whatsapp("", "", ""))
			for _, h := range listOf(k, "tls_handshakes") {
				h["failure"] = "connection_reset"
			}
			return k
		}()), "likely_blocked"},
	}},
	{"the authority is stored in the place of the server's certificate", []kindCase{
		{"a root of today, signed by an older one", page05(refusedBy(crossSigned(0))), "insufficient"},
		{"another, named before the connection to another address", page05(refusedBy(crossSigned(7)), func(_, k keys) {
			dialed(k, otherAddr, 443, "generic_timeout_error")["transaction_id"] = 4
		}), "insufficient"},
		{"a root itself, which the server sent too", page05(refusedBy(root(3))), "insufficient"},
		{"the same, old control", page04(refusedBy(root(5))), "insufficient"},
		{"an authority that nobody knows, nothing else verified", page05(refusedBy(authority("Some Authority"))), "impaired"},
		{"an authority above the server's that is out of date", page05(func(doc, k keys) {
			refusedBy(authority("An old authority"))(doc, k)
			listOf(k, "tls_handshakes")[0]["failure"] = "ssl_invalid_certificate"
		}), "insufficient"},
		{"signal's own authority, in a test that should know it", app("signal", "0.2.5", func() keys {
			k := hosts("ssl_unknown_authority", nil, "chat.signal.org", "cdn.signal.org")
			for _, h := range listOf(k, "tls_handshakes") {
				h["peer_certificates"] = []any{wrapped(authority("Signal Messenger"))}
			}
			return k
		}()), "impaired"},
		{"twin: the control refuses it too", page05(refusedBy(root(2)), setKey("control/tls_handshake",
			keys{homeAddr + ":443": keys{"server_name": "www.a.example", "status": false, "failure": "ssl_unknown_authority"}}), pageMissed("ssl_unknown_authority")), "down"},
		{"twin: an authority that nobody knows, and an encrypted resolver that verified", page05(refusedBy(authority("National Security Root")), func(_, k keys) {
			looked(k, "doh", "www.a.example", "", homeAddr)["resolver_address"] = "https://dns.example/"
		}), "likely_blocked"},
		{"twin: the server's own certificate, signed by itself", page05(refusedBy(selfSigned("notice.isp.example", when2024).der[0])), "blocked"},
		{"twin: the server's certificate, by an authority that nobody knows", page05(refusedBy(forgedChain("www.a.example", "National Authority", when2024).der[0])), "blocked"},
	}},
	{"the page is the control's, and quotes words of a block page", []kindCase{
		{"a lawyer's page, old", plain04(quoting("trustpositif.kominfo.go.id"), inCountry("ID")), "ok"},
		{"the same, new", plain05(quoting("trustpositif.kominfo.go.id"), inCountry("ID")), "ok"},
		{"a news page on the filter's frame", plain05(quoting(`<iframe src="http://10.10.34.34`), inCountry("IR")), "ok"},
		{"the same without its country", plain04(quoting(`<iframe src="http://10.10.34.36`)), "ok"},
		{"a control that keeps no title, as before 2018", plain04(quoting("trustpositif.kominfo.go.id"), inCountry("ID"), func(_, k keys) {
			delete(controlPage(k), "title")
			controlPage(k)["body_length"] = len(listOf(k, "requests")[0]["response"].(keys)["body"].(string)) - 20
		}), "ok"},
		{"a page without a title, of the control's length", plain05(func(doc, k keys) {
			r := listOf(k, "requests")[0]["response"].(keys)
			r["body"] = "var regulator = 'acest site a fost restrictionat';" + longText
			r["headers"] = keys{"Content-Type": "text/javascript"}
			controlPage(k)["title"], controlPage(k)["body_length"] = "", len(r["body"].(string))
		}, inCountry("RO")), "ok"},
		{"twin: the block page itself", plain05(replaced(`<title>Internet Positif</title><a href="http://trustpositif.kominfo.go.id/">`), inCountry("ID")), "blocked"},
		{"twin: the block page, with status 403 and the title of errors", plain04(func(doc, k keys) {
			replaced(`<title>403 Forbidden</title><iframe src="http://10.10.34.34:80">`)(doc, k)
			listOf(k, "requests")[0]["response"].(keys)["code"] = 403
			controlPage(k)["status_code"], controlPage(k)["title"] = 403, "403 Forbidden"
		}, inCountry("IR")), "blocked"},
	}},
	{"a port that the page does not need is idle", []kindCase{
		{"443 refused for both, the control's page failed", plain05(idle443("connection_refused"), pageMissed("generic_timeout_error")), "ok|insufficient|impaired"},
		{"443 times out for both, the control's page failed", plain05(idle443("generic_timeout_error"), pageMissed("unknown_error")), "ok|insufficient|impaired"},
		{"443 refused for both, a known block page came", plain05(idle443("connection_refused"), pageMissed("unknown_error"), replaced("<title>AGCOM Stop Page</title>"), inCountry("IT")), "blocked"},
		{"443 refused for both, another page by every measure", plain05(idle443("connection_refused"), replaced("<title>Denied by order</title>")), "likely_blocked"},
		{"443 refused for both, the page was reset", plain05(idle443("connection_refused"), ended("http", "connection_reset")), "likely_blocked"},
		{"twin: 443 refused for both, and the page is there", page05(ended("tcp", "connection_refused"), controlAt(homeAddr, "connection_refused"), pageMissed("connection_refused")), "down"},
		{"twin: 80 refused for both, and the page is there", plain05(ended("tcp", "connection_refused"), setKey("control/tcp_connect", keys{homeAddr + ":80": keys{"status": false, "failure": "connection_refused"}}), pageMissed("connection_refused")), "down"},
	}},
	{"a block page in the site's own cloud", []kindCase{
		{"another's certificate", page05(nextDoor("ssl_invalid_hostname")), "likely_blocked"},
		{"one that nobody vouches for", page05(nextDoor("ssl_unknown_authority")), "likely_blocked"},
		{"another's certificate, and two resolvers say so", page05(nextDoor("ssl_invalid_hostname"), func(_, k keys) {
			looked(k, "udp", "www.a.example", "", theirs)["resolver_address"] = "192.0.2.53:53"
		}), "likely_blocked"},
		{"another's certificate, which names a notice, old control", page04(answered("", theirs), sameCloud, func(_, k keys) {
			dialed(k, theirs, 443, "")
			shook(k, theirs, "www.a.example", "ssl_invalid_hostname")["peer_certificates"] = []any{wrapped(selfSigned("notice.isp.example", when2024).der[0])}
			got(k, "https://www.a.example/", "ssl_invalid_hostname", 0, "")
		}), "likely_blocked"},
		{"in clear text", plain05(func(doc, k keys) {
			answered("", theirs)(doc, k)
			sameCloud(doc, k)
			dialed(k, theirs, 80, "")["transaction_id"] = 2
			r := got(k, "http://www.a.example/", "", 200, "<title>Prohibited</title>")
			r["transaction_id"], r["address"], r["response"].(keys)["headers"] = 2, theirs+":80", keys{"Server": "nginx"}
		}), "likely_blocked"},
		{"twin: an edge of it that nobody can connect to", page05(nextDoor(""), func(_, k keys) {
			k["tls_handshakes"], k["requests"] = nil, nil
			listOf(k, "tcp_connect")[0]["status"] = keys{"failure": "connection_refused", "success": false}
			control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": false, "failure": "connection_refused"}
			control(k)["tls_handshake"].(keys)[theirs+":443"] = nil
		}), "down|impaired"},
		{"twin: the site's certificate is another's for all", page05(ended("tls", "ssl_invalid_hostname"), pageMissed("ssl_invalid_hostname"), setKey("control/tls_handshake",
			keys{homeAddr + ":443": keys{"server_name": "www.a.example", "status": false, "failure": "ssl_invalid_hostname"}})), "down"},
	}},
	{"versions of tests that fail everywhere", []kindCase{
		{"signal, its new root", dated("2023-01-10", app("signal", "0.2.1", hosts("ssl_unknown_authority", nil, "chat.signal.org", "cdn.signal.org"))), "insufficient"},
		{"signal, its new root, cut off too", dated("2022-10-20", app("signal", "0.1.0", hosts("connection_reset", nil, "textsecure-service.whispersystems.org", "cdn.signal.org", "storage.signal.org"))), "insufficient"},
		{"signal, its directory gone, by the engine", dated("2023-05-20", engine("3.16.7", app("signal", "0.2.2", hosts("dns_nxdomain_error", nil, "api.directory.signal.org")))), "insufficient"},
		{"signal, hosts that do not answer all", dated("2023-11-25", app("signal", "0.2.4", hosts("generic_timeout_error", nil, "svr2.signal.org"))), "insufficient"},
		{"snowflake on Android", dated("2023-08-20", software("ooniprobe-android", "3.8.3", app("torsf", "0.4.0", keys{"failure": "generic_timeout_error", "success": false}))), "insufficient"},
		{"snowflake, its front gone", dated("2023-09-25", software("ooniprobe-cli", "3.18.1", app("torsf", "0.4.0", keys{"failure": "generic_timeout_error", "success": false}))), "insufficient"},
		{"twin: signal before the change", dated("2022-10-18", app("signal", "0.2.0", hosts("connection_reset", nil, "chat.signal.org", "cdn.signal.org", "storage.signal.org"))), "likely_blocked"},
		{"twin: signal after the fix", dated("2022-11-18", engine("3.16.5", app("signal", "0.2.2", hosts("", nil, "chat.signal.org", "cdn.signal.org")))), "ok"},
		{"twin: snowflake on Android, the release before", dated("2023-06-20", software("ooniprobe-android", "3.8.2", app("torsf", "0.4.0", keys{"failure": "generic_timeout_error", "success": false}))), "impaired"},
	}},
	{"pages that differ for honest reasons", []kindCase{
		{"in another language, from the same server", plain05(served("Server: nginx", "Vary: Accept-Language"), replacedBody("<title>Nouvelles du matin</title>"+longText[:900])), "ok|impaired"},
		{"made anew for each visit, old", plain04(served("Server: Apache/2.4.6 (CentOS)", "Date: x", "Set-Cookie: y"), replacedBody("<title>Picture 4711</title>")), "ok|impaired"},
		{"sent on to the site's host for the country", plain04(ledTo("http://de.a.example/", "<title>Willkommen</title>")), "ok|impaired"},
		{"sent on to the site of the same name in another country", plain05(func(doc, k keys) {
			doc["input"] = "http://www.daily.example/"
			listOf(k, "requests")[0]["request"].(keys)["url"] = doc["input"]
			listOf(k, "queries")[0]["hostname"] = "www.daily.example"
			ledTo("http://www.daily.test/", "<title>Willkommen</title>")(doc, k)
		}), "ok|impaired"},
		{"a test for robots, with status 200", plain04(replaced("<title>One moment, please...</title>Please wait while your request is being verified...")), "ok|impaired"},
		{"another, without a title", plain05(replaced(`<script src="/_Incapsula_Resource?SWJIYLWA=1"></script>`)), "ok|impaired"},
		{"a hotel's login page, by its link", plain04(ledTo("http://login.wifi-service.example/?client_mac=02:00:00:00:00:01", "<title>Welcome</title>")), "insufficient|impaired"},
		{"an airport's login page, by what it says to programs", plain05(replaced("<title>Sign in</title><!-- <WISPAccessGatewayParam> -->")), "insufficient|impaired"},
		{"a login page by its status", plain05(func(doc, k keys) {
			replaced("<title>Log in</title>")(doc, k)
			listOf(k, "requests")[0]["response"].(keys)["code"] = 511
		}), "insufficient|impaired"},
		{"a company's gateway that says so", plain05(replaced("<title>Web Page Blocked</title>You have tried to access a web page which is in violation of your internet usage policy.")), "insufficient|impaired"},
		{"a school's filter that says so", plain04(replaced("<title>Smoothwall - denied</title>blocked by your school administrator")), "insufficient|impaired"},
		{"a network's page by the name of its host", plain05(ledTo("http://welcome.airport-hotspot.example/start", "<title>Welcome aboard</title>")), "insufficient|impaired"},
		{"a network's page by its title", plain04(replaced("<title>Free WiFi of the town</title>Accept the terms.")), "insufficient|impaired"},
		{"the control alone was refused, with status 200", plain05(replacedBody("<title>Home</title>"+strings.Repeat(longText, 5)), setKey("control/http_request/title", "Access restricted")), "ok|impaired"},
		{"the server's own refusal by place", plain04(replaced("<title>Sorry</title>This service is not available in your country.")), "ok|impaired"},
		{"the server's own refusal by its law", plain05(replaced("<title>Unavailable</title>Due to U.S. sanctions we cannot serve you.")), "ok|impaired"},
		{"twin: the site itself sends visitors on to where they log in", plain05(func(doc, k keys) {
			r := listOf(k, "requests")[0]["response"].(keys)
			r["code"], r["body"], r["headers"] = 302, "", keys{"Location": "https://login.portal.example/"}
			looked(k, "system", "login.portal.example", "", otherAddr)
			dialed(k, otherAddr, 443, "")["transaction_id"] = 2
			shook(k, otherAddr, "login.portal.example", "")["transaction_id"] = 2
			n := got(k, "https://login.portal.example/", "", 200, pageBody+longText)
			n["transaction_id"], n["address"] = 2, otherAddr+":443"
			l := k["requests"].([]any)
			l[0], l[1] = l[1], l[0]
		}), "ok"},
		{"twin: a page in the place of the page", plain05(replaced("<title>Access to this site is denied</title>By order of the ministry.")), "likely_blocked"},
		{"twin: sent to another site's notice", plain04(ledTo("http://notice.isp.example/", "<title>Access denied</title>By order.")), "likely_blocked"},
	}},
	{"ECH is cut off", []kindCase{
		{"timed out, with and without a configuration", app("echcheck", "0.3.0", echShakes("", "generic_timeout_error", "generic_timeout_error")), "likely_blocked"},
		{"reset, the configuration alone", app("echcheck", "0.3.0", echShakes("", "", "connection_reset")), "likely_blocked"},
		{"in another order, with the connections written", app("echcheck", "0.3.0", func() keys {
			k := echShakes("", "eof_error", "eof_error")
			l := k["tls_handshakes"].([]any)
			k["tls_handshakes"] = []any{l[2], l[0], l[1]}
			k["tcp_connects"] = []any{keys{"ip": "192.0.2.80", "port": 443, "status": keys{"failure": nil, "success": true}, "t": 0.1}}
			return k
		}()), "likely_blocked"},
		{"twin: all time out", app("echcheck", "0.3.0", echShakes("generic_timeout_error", "generic_timeout_error", "generic_timeout_error")), "impaired"},
		{"twin: all work", app("echcheck", "0.3.0", echShakes("", "", "")), "ok"},
		{"twin: the server refuses it", app("echcheck", "0.3.0", echShakes("", "", "ssl_failed_handshake")), "ok|impaired"},
		{"twin: what only looks like it fails", app("echcheck", "0.3.0", echShakes("", "generic_timeout_error", "")), "ok|impaired"},
	}},
	{"an address that the control never got gives nothing", []kindCase{
		{"no connection, old control", page04(misledTo("tcp", "generic_timeout_error")), "likely_blocked"},
		{"handshake reset, old control", page04(misledTo("tls", "connection_reset")), "likely_blocked"},
		{"handshake lost, written as an exchange", page04(misledTo("tls", "eof_error"), func(_, k keys) { k["tls_handshakes"] = nil }), "likely_blocked"},
		{"the page reset", plain04(misledTo("http", "connection_reset")), "likely_blocked"},
		{"handshake timed out, the control made none there", page05(misledTo("tls", "generic_timeout_error")), "likely_blocked"},
		{"twin: another address that the resolver gave is genuine, and works", page05(func(_, k keys) {
			looked(k, "system", "www.a.example", "", theirs)
			dialed(k, theirs, 443, "generic_timeout_error")["transaction_id"] = 2
			control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": true, "failure": nil}
		}), "ok"},
		{"twin: an edge near the visitor works", page04(answered("", theirs), func(_, k keys) {
			dialed(k, theirs, 443, "")
			got(k, "https://www.a.example/", "", 200, pageBody+longText)
		}), "ok"},
		{"twin: the site is down for the control too", page04(misledTo("tcp", "generic_timeout_error"), pageMissed("generic_timeout_error"), controlAt(theirs, "generic_timeout_error")), "down|impaired|insufficient"},
		{"twin: a filter that households choose", page04(misledTo("tcp", "generic_timeout_error"), func(_, k keys) {
			listOf(k, "queries")[0]["answers"].([]any)[0].(keys)["ipv4"] = "146.112.61.106"
			listOf(k, "tcp_connect")[0]["ip"] = "146.112.61.106"
		}), "impaired"},
	}},
	{"addresses of special blocks", []kindCase{
		{"Teredo", page05(answered("", "2001:0:53aa:64c::1"), sixthCut("2001:0:53aa:64c::1")), "blocked"},
		{"6to4", page05(answered("", "2002:c000:204::1"), sixthCut("2002:c000:204::1")), "blocked"},
		{"not of the global block", page04(answered("", "d0::11"), sixthCut("d0::11")), "blocked"},
		{"documentation, new", page05(answered("", "3fff::1"), sixthCut("3fff::1")), "blocked"},
		{"twin: a public one without IPv6", page05(answered("", "2606:4700::1", homeAddr), sixthCut("2606:4700::1"), func(_, k keys) {
			dialed(k, homeAddr, 443, "")["transaction_id"] = 2
			shook(k, homeAddr, "www.a.example", "")["transaction_id"] = 2
			r := got(k, "https://www.a.example/", "", 200, pageBody+longText)
			r["transaction_id"], r["address"] = 2, homeAddr+":443"
		}), "ok"},
		{"twin: Teredo beside the genuine address, which works", page05(func(_, k keys) {
			looked(k, "system", "www.a.example", "", "2001:0:53aa:64c::1")
			dialed(k, "2001:0:53aa:64c::1", 443, "network_unreachable")["transaction_id"] = 2
		}), "ok|impaired"},
	}},
	{"a forged certificate before an old control", []kindCase{
		{"signed by itself, for a block page's host", page04(refusedBy(selfSigned("notice.isp.example", when2024).der[0])), "likely_blocked"},
		{"the same, the failure is the name", page04(refusedBy(selfSigned("block.provider.example", when2024).der[0]), func(_, k keys) {
			listOf(k, "tls_handshakes")[0]["failure"] = "ssl_invalid_hostname"
			listOf(k, "requests")[0]["failure"] = "ssl_invalid_hostname"
		}), "likely_blocked"},
		{"the same, its handshakes are left out", page05(refusedBy(selfSigned("notice.isp.example", when2024).der[0]), setKey("control/tls_handshake", keys{})), "likely_blocked"},
		{"twin: the site's own, signed by itself", page04(refusedBy(selfSigned("www.a.example", when2024).der[0])), "impaired|down"},
		{"twin: a server as it was set up", page04(refusedBy(selfSigned("localhost.localdomain", when2024).der[0])), "impaired|down"},
		{"twin: the control did not get the page either", page04(refusedBy(selfSigned("notice.isp.example", when2024).der[0]), pageMissed("ssl_error")), "impaired|down"},
	}},
	{"what systems say of a name without addresses", []kindCase{
		{"Android", page04(answered("unknown_failure: lookup www.a.example: No address associated with hostname")), "likely_blocked"},
		{"Windows", page05(answered("unknown_failure: lookup www.a.example: getaddrinfow: The requested name is valid, but no data of the requested type was found.")), "likely_blocked"},
		{"a system whose words say that it does not exist", page04(answered("unknown_failure: lookup www.a.example: nodename nor servname provided, or not known")), "likely_blocked"},
		{"Android, in clear text", plain05(answered("unknown_failure: lookup www.a.example on [scrubbed]: No address associated with hostname")), "likely_blocked"},
		{"twin: the control found none either", page04(answered("unknown_failure: lookup www.a.example: No address associated with hostname"), setKey("control/dns", keys{"failure": "dns_name_error", "addrs": []any{}}),
			setKey("control/tcp_connect", keys{}), pageMissed("dns_lookup_error")), "down"},
		{"twin: the control got IPv6 alone", page04(answered("unknown_failure: lookup www.a.example: No address associated with hostname"), setKey("control/dns", keys{"failure": nil, "addrs": []any{"2001:db8::1"}})), "impaired"},
	}},
	{"an app's hosts are withheld while others work", []kindCase{
		{"signal: three of five", app("signal", "0.2.5", withheld(hosts("", nil, "chat.signal.org", "storage.signal.org"), "cdn.signal.org", "cdn2.signal.org", "sfu.voip.signal.org")), "likely_blocked"},
		{"whatsapp: its endpoints, while its page works", app("whatsapp", "0.11.1", func() keys {
			k := whatsapp("", "", "")
			k["tcp_connect"] = nil
			return withheld(k, "e1.whatsapp.net", "e2.whatsapp.net", "e3.whatsapp.net")
		}()), "likely_blocked"},
		{"messenger: two, while the others work", app("facebook_messenger", "0.2.0", func() keys {
			k := keys{}
			for _, n := range []string{"b-api.facebook.com", "b-graph.facebook.com"} {
				looked(k, "system", n, "", homeAddr)
			}
			dialed(k, homeAddr, 443, "")
			return withheld(k, "edge-mqtt.facebook.com", "star.c10r.facebook.com")
		}()), "likely_blocked"},
		{"twin: one host alone, which the service may have given up", app("signal", "0.2.5", withheld(hosts("", nil, "chat.signal.org", "storage.signal.org"), "sfu.voip.signal.org")), "impaired"},
		{"twin: a resolver that filters for those who choose it", quad9(app("signal", "0.2.5", withheld(hosts("", nil, "chat.signal.org", "storage.signal.org"), "cdn.signal.org", "cdn2.signal.org"))), "impaired"},
		{"twin: the name that tells of outages", app("signal", "0.2.5", withheld(hosts("", nil, "chat.signal.org", "storage.signal.org"), "uptime.signal.org")), "ok"},
	}},
	{"an app's host is answered with another company's address", []kindCase{
		{"signal: one of three, timed out", dated("2021-03-20", app("signal", "0.2.0", theirAddress("generic_timeout_error", "", 32934, "textsecure-service.whispersystems.org", "storage.signal.org", "cdn.signal.org"))), "likely_blocked"},
		{"signal: another's certificate", app("signal", "0.2.5", theirAddress("", "ssl_invalid_hostname", 19679, "chat.signal.org", "storage.signal.org")), "likely_blocked"},
		{"telegram: its page", app("telegram", "0.3.1", theirAddress("connection_refused", "", 13414, "web.telegram.org")), "likely_blocked"},
		{"twin: a network that hosts many", app("signal", "0.2.5", theirAddress("generic_timeout_error", "", 16509, "chat.signal.org", "storage.signal.org")), "impaired"},
		{"twin: whatsapp is of that company", app("whatsapp", "0.11.1", theirAddress("generic_timeout_error", "", 32934, "web.whatsapp.com", "v.whatsapp.net")), "impaired"},
	}},
	{"a page without a title shows another site", []kindCase{
		{"in a frame", plain05(replaced(`<html><body><iframe src="http://warning.isp.example/b.php?id=7" width="100%"></iframe></body></html>`)), "likely_blocked"},
		{"in a frame of the old kind, in capitals", plain04(replaced(`<FRAMESET ROWS="100%"><FRAME NAME=x SRC=//203.0.113.5/notice.html></FRAMESET>`)), "likely_blocked"},
		{"by a refresh", plain05(replaced(`<meta http-equiv="refresh" content="0; url=http://notice.isp.example/">`)), "likely_blocked"},
		{"by a script", plain04(replaced(`<script>window.location.href = "http://notice.isp.example/?u=1";</script>`)), "likely_blocked"},
		{"twin: the site's own other host", plain05(replaced(`<html><body><iframe src="http://home.a.example/start"></iframe></body></html>`)), "impaired"},
		{"twin: a path of its own", plain04(replaced(`<meta http-equiv="refresh" content="0; url=/en/">`)), "impaired"},
		{"twin: the control's page is the same frame", plain05(replaced(`<iframe src="http://hosting.example/a">`), setKey("control/http_request/body_length", 38), setKey("control/http_request/title", "")), "ok"},
	}},
	{"led to a sinkhole that lives", []kindCase{
		{"it has no 443, the genuine server has", plain05(sinkhole("connection_refused")), "likely_blocked"},
		{"443 is silent there", plain05(sinkhole("generic_timeout_error")), "likely_blocked"},
		{"its handshake is another's", plain05(sinkhole("tls:ssl_invalid_hostname")), "likely_blocked"},
		{"twin: an edge near the visitor with the page", plain05(answered("", theirs), func(_, k keys) {
			control(k)["tcp_connect"].(keys)[theirs+":80"] = keys{"status": true, "failure": nil}
			dialed(k, theirs, 80, "")["transaction_id"] = 2
			r := got(k, "http://www.a.example/", "", 200, pageBody+longText)
			r["transaction_id"], r["address"] = 2, theirs+":80"
		}), "ok"},
		{"twin: an edge with the page and no 443 of its own", plain05(sinkhole("connection_refused"), func(_, k keys) {
			r := listOf(k, "requests")[0]
			r["transaction_id"], r["address"] = 2, theirs+":80"
		}), "ok|impaired"},
	}},
	{"the answer leads through a block page's name", []kindCase{
		{"of the country", plain04(through("blocked.internetpositif.example.id", "ID")), "blocked"},
		{"the same, in capitals and with a final dot", page05(through("TrustPositif.ISP.example.id.", "ID")), "blocked"},
		{"a name without an address", page04(through("internet-positif.example", "ID"), func(_, k keys) {
			q := listOf(k, "queries")[0]
			q["answers"] = q["answers"].([]any)[:1]
			k["tcp_connect"], k["requests"] = nil, nil
		}), "blocked"},
		{"twin: a network of caches", page05(func(_, k keys) {
			q := listOf(k, "queries")[0]
			q["answers"] = append(q["answers"].([]any), keys{"answer_type": "CNAME", "hostname": "www.a.example.edge.cdn.example", "ttl": nil})
		}), "ok"},
		{"twin: another country's", page05(through("trustpositif.isp.example.id", "PK")), "likely_blocked"},
	}},
	{"filters at home are no proof", []kindCase{
		{"the router answers", page05(answered("", "192.168.1.1"), cutAt("192.168.1.1", "connection_refused")), "likely_blocked|impaired|insufficient"},
		{"the router answers, and other resolvers are right", page05(func(_, k keys) {
			q := listOf(k, "queries")[0]
			q["answers"].([]any)[0].(keys)["ipv4"] = "192.168.0.1"
			looked(k, "udp", "www.a.example", "", homeAddr)["resolver_address"] = "192.0.2.53:53"
		}), "likely_blocked|impaired|insufficient"},
		{"a school's resolver alone answers with a private address", page05(func(_, k keys) {
			q := listOf(k, "queries")[0]
			q["answers"].([]any)[0].(keys)["ipv4"] = "10.0.0.53"
			looked(k, "udp", "www.a.example", "", homeAddr)["resolver_address"] = "192.0.2.53:53"
		}), "likely_blocked"},
		{"a filter on the phone answers itself", page05(answered("", "127.0.0.1"), cutAt("127.0.0.1", "")), "insufficient"},
		{"the zero address for an app", app("telegram", "0.3.1", func() keys {
			k := keys{}
			looked(k, "system", "web.telegram.org", "", "0.0.0.0")
			dialed(k, "0.0.0.0", 443, "connection_refused")
			return k
		}()), "impaired"},
		{"the zero address for an app, and the filter serves it", app("whatsapp", "0.9.0", func() keys {
			k := keys{}
			looked(k, "system", "v.whatsapp.net", "", "0.0.0.0")
			looked(k, "system", "e1.whatsapp.net", "", "0.0.0.0")
			dialed(k, "0.0.0.0", 443, "")
			return k
		}()), "insufficient"},
		{"lookups of IPv6 are dropped, and the system waits for both", page05(func(_, k keys) {
			q := listOf(k, "queries")[0]
			q["failure"], q["answers"], q["query_type"], q["engine"] = "generic_timeout_error", nil, "ANY", "getaddrinfo"
			looked(k, "udp", "www.a.example", "", homeAddr)["resolver_address"] = "192.0.2.53:53"
			six := looked(k, "udp", "www.a.example", "generic_timeout_error")
			six["resolver_address"], six["query_type"] = "192.0.2.53:53", "AAAA"
		}), "impaired|ok"},
		{"twin: an address of a provider's network", page05(answered("", "10.10.34.35"), cutAt("10.10.34.35", "generic_timeout_error")), "blocked"},
		{"twin: the system's lookup alone gets no answer", page05(answered("generic_timeout_error")), "likely_blocked"},
	}},
	{"the network translates IPv4 with a prefix of its own", []kindCase{
		{"over https", page05(translatedTo("64:ff9b:1:fffe::c633:640a")), "ok"},
		{"in clear text, with another length of prefix", plain05(translatedTo("2001:67c:27e4:c633:64:a00::")), "ok"},
		{"old, with the whole prefix", plain04(translatedTo("2a00:1098:2c::c633:640a")), "ok"},
		{"and IPv4 does not reach anybody", page05(translatedTo("2a00:1098:2c::c633:640a"), func(_, k keys) {
			looked(k, "udp", "www.a.example", "", homeAddr)["resolver_address"] = "192.0.2.53:53"
			dialed(k, homeAddr, 443, "network_unreachable")["transaction_id"] = 7
		}), "ok"},
		{"twin: the handshake is reset behind it", page05(translatedTo("2a00:1098:2c::c633:640a"), ended("tls", "connection_reset")), "likely_blocked"},
		{"twin: an IPv6 address that holds no address of the site", plain05(translatedTo("2a00:1098:2c::1"), replaced("<title>Denied by order</title>")), "likely_blocked"},
	}},
	{"the probe's line dies", []kindCase{
		{"nothing but the first lookup came back", page05(ended("tcp", "generic_timeout_error"), otherResolvers("generic_timeout_error")), "impaired|insufficient"},
		{"in clear text, two addresses", plain05(func(_, k keys) {
			looked(k, "system", "www.a.example", "", otherAddr)
			dialed(k, otherAddr, 80, "generic_timeout_error")["transaction_id"] = 2
			control(k)["dns"] = keys{"failure": nil, "addrs": []any{homeAddr, otherAddr}}
			control(k)["tcp_connect"].(keys)[otherAddr+":80"] = keys{"status": true, "failure": nil}
		}, ended("tcp", "generic_timeout_error"), otherResolvers("generic_timeout_error")), "impaired|insufficient"},
		{"the resolver over IPv6 has no route either", page05(ended("tcp", "generic_timeout_error"), otherResolvers("generic_timeout_error"), func(_, k keys) {
			looked(k, "udp", "www.a.example", "network_unreachable")["resolver_address"] = "[2001:db8::53]:53"
		}), "impaired|insufficient"},
		{"twin: other resolvers answer", page05(ended("tcp", "generic_timeout_error"), otherResolvers("")), "likely_blocked"},
		{"twin: another port of it answers", page05(ended("tcp", "generic_timeout_error"), otherResolvers("generic_timeout_error"), func(_, k keys) {
			dialed(k, homeAddr, 80, "connection_refused")["transaction_id"] = 3
		}), "likely_blocked"},
	}},
}

type kindCase struct {
	name  string
	doc   keys
	truth string // states that are right
}

func TestKinds(t *testing.T) {
	for _, k := range kinds {
		for _, c := range k.cases {
			t.Run(k.kind+"/"+c.name, func(t *testing.T) {
				v, read := judgeLoose(t, encode(c.doc))
				if !read {
					t.Fatal("not read")
				}
				if !strings.Contains("|"+c.truth+"|", "|"+string(v.State)+"|") {
					t.Errorf("%s by %v, mechanisms %v, invalid %q: want %s", v.State, v.Rules, v.Mechanisms, v.Invalid, c.truth)
				}
			})
		}
		fresh, twins := 0, 0
		for _, c := range k.cases {
			if strings.HasPrefix(c.name, "twin: ") {
				twins++
			} else {
				fresh++
			}
		}
		if fresh < 3 || twins < 1 {
			t.Errorf("%s: %d cases and %d twins, want three and one", k.kind, fresh, twins)
		}
	}
}

var when2024 = time.Date(2024, 2, 17, 10, 0, 0, 0, time.UTC)

// saidFalse writes false for no failure, as probes did from 2016 to 2019.
func saidFalse(k keys) keys {
	for _, list := range []string{"tcp_connect", "requests", "queries", "tls_handshakes"} {
		for _, x := range listOf(k, list) {
			if status, ok := x["status"].(keys); ok && status["failure"] == nil {
				status["failure"] = false
			}
			if f, ok := x["failure"]; ok && f == nil {
				x["failure"] = false
			}
		}
	}
	return k
}

// refusedBy: the probe refused the server since it did not know an authority,
// and stored this certificate.
func refusedBy(der []byte) func(doc, k keys) {
	return func(doc, k keys) {
		ended("tls", "ssl_unknown_authority")(doc, k)
		listOf(k, "tls_handshakes")[0]["peer_certificates"] = []any{wrapped(der)}
	}
}

// root returns one of the roots that verdicts are given by.
func root(n int) []byte {
	for r := range bundle.Roots() {
		if _, err := x509.ParseCertificate(r.Certificate); err != nil {
			continue
		}
		if n--; n < 0 {
			return r.Certificate
		}
	}
	panic("fewer roots")
}

// crossSigned returns such a root's key, signed by an older authority.
func crossSigned(n int) []byte {
	r, _ := x509.ParseCertificate(root(n))
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	old := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Old Root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: when2024.AddDate(-20, 0, 0), NotAfter: when2024.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), RawSubject: r.RawSubject, IsCA: true, BasicConstraintsValid: true,
		NotBefore: when2024.AddDate(-3, 0, 0), NotAfter: when2024.AddDate(1, 0, 0)}, old, r.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return der
}

// authority returns the certificate of one that nobody knows.
func authority(name string) []byte {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: when2024.AddDate(-3, 0, 0), NotAfter: when2024.AddDate(9, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, a, a, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
}

func inCountry(cc string) func(doc, k keys) { return func(doc, _ keys) { doc["probe_cc"] = cc } }

// quoting: the page says this, to the control too.
func quoting(words string) func(doc, k keys) {
	return func(doc, k keys) {
		r := listOf(k, "requests")[0]["response"].(keys)
		r["body"] = r["body"].(string) + words
		r["headers"] = keys{"Content-Type": "text/html"}
		controlPage(k)["headers"] = keys{"Content-Type": "text/html"}
	}
}

// replaced: this came in the place of the page.
func replaced(body string) func(doc, k keys) {
	return func(doc, k keys) {
		r := listOf(k, "requests")[0]["response"].(keys)
		r["body"], r["headers"] = body, keys{"Content-Type": "text/html"}
	}
}

func replacedBody(body string) func(doc, k keys) {
	return func(doc, k keys) { listOf(k, "requests")[0]["response"].(keys)["body"] = body }
}

// served: the probe and the control got these headers.
func served(lines ...string) func(doc, k keys) {
	return func(doc, k keys) {
		h := keys{"Content-Type": "text/html"}
		for _, l := range lines {
			name, value, _ := strings.Cut(l, ": ")
			h[name] = value
		}
		listOf(k, "requests")[0]["response"].(keys)["headers"], controlPage(k)["headers"] = h, h
	}
}

// ledTo: in clear text the visitor is sent to another site.
func ledTo(url, body string) func(doc, k keys) {
	return func(doc, k keys) {
		r := listOf(k, "requests")[0]["response"].(keys)
		r["code"], r["body"], r["headers"] = 302, "", keys{"Location": url}
		got(k, url, "", 200, body)["response"].(keys)["headers"] = keys{"Server": "x"}
		l := k["requests"].([]any)
		l[0], l[1] = l[1], l[0]
	}
}

func pageMissed(failure string) func(doc, k keys) {
	return setKey("control/http_request", keys{"failure": failure, "status_code": -1, "body_length": -1, "title": "", "headers": keys{}})
}

// controlAt: the control cannot connect to the address.
func controlAt(ip, failure string) func(doc, k keys) {
	return func(_, k keys) {
		control(k)["tcp_connect"] = keys{ip + ":443": keys{"status": false, "failure": failure}}
		control(k)["tls_handshake"] = keys{}
	}
}

// idle443: nobody connects to 443, which the input does not name.
func idle443(failure string) func(doc, k keys) {
	return func(_, k keys) {
		dialed(k, homeAddr, 443, failure)["transaction_id"] = 5
		control(k)["tcp_connect"].(keys)[homeAddr+":443"] = keys{"status": false, "failure": failure}
		control(k)["tls_handshake"] = keys{}
	}
}

func sameCloud(_, k keys) {
	control(k)["ip_info"] = keys{theirs: keys{"asn": 64600, "flags": 1}, homeAddr: keys{"asn": 64600, "flags": 10}}
}

// nextDoor: the resolver gave another address of the site's network, where the
// handshake ends so for the probe and for the control.
func nextDoor(failure string) func(doc, k keys) {
	return func(doc, k keys) {
		answered("", theirs)(doc, k)
		sameCloud(doc, k)
		dialed(k, theirs, 443, "")["transaction_id"] = 2
		shook(k, theirs, "www.a.example", failure)["transaction_id"] = 2
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": true, "failure": nil}
		control(k)["tls_handshake"].(keys)[theirs+":443"] = keys{"server_name": "www.a.example", "status": false, "failure": failure}
	}
}

// theirAddress: the resolver gave an address of a network for the first of an
// app's hosts, where connection or handshake end so; the others work.
func theirAddress(tcp, tls string, asn int, names ...string) keys {
	k := keys{}
	for i, n := range names {
		ip := "198.51.100." + string(rune('1'+i))
		if i == 0 {
			looked(k, "system", n, "", theirs)["answers"].([]any)[0].(keys)["asn"] = asn
			dialed(k, theirs, 443, tcp)
			if tcp == "" {
				shook(k, theirs, n, tls)
			}
			continue
		}
		looked(k, "system", n, "", ip)
		dialed(k, ip, 443, "")
		shook(k, ip, n, "")
	}
	return k
}

func dated(day string, doc keys) keys {
	doc["measurement_start_time"] = day + " 10:00:00"
	return doc
}

func engine(version string, doc keys) keys {
	doc["annotations"].(keys)["engine_version"] = version
	return doc
}

func software(name, version string, doc keys) keys {
	doc["software_name"], doc["software_version"] = name, version
	return doc
}

func quad9(doc keys) keys {
	doc["resolver_asn"] = "AS19281"
	return doc
}

// echShakes are the three handshakes of echcheck 0.3: without ECH, with what
// only looks like it, and with it.
func echShakes(plain, grease, real string) keys {
	shake := func(failure, config, outer string) keys {
		h := handshake("192.0.2.80:443", "ech.example", failure, nil)
		h["echconfig"], h["outer_server_name"] = config, outer
		return h
	}
	k := keys{"queries": []any{lookup("ech.example", "192.0.2.80")}}
	k["tls_handshakes"] = []any{shake(plain, "", ""), shake(grease, "GREASE", "ech.example"), shake(real, "AEX+DQBBNQAgACAx", "public.example")}
	return k
}

// misledTo: the resolver gave another address than the control's, which the
// control connects to, and the probe's steps end at this one.
func misledTo(step, failure string) func(doc, k keys) {
	return func(doc, k keys) {
		answered("", theirs)(doc, k)
		port, url := 443, doc["input"].(string)
		if strings.HasPrefix(url, "http:") {
			port = 80
		}
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": true, "failure": nil}
		control(k)["tcp_connect"].(keys)[theirs+":80"] = keys{"status": true, "failure": nil}
		dial := ""
		if step == "tcp" {
			dial = failure
		}
		dialed(k, theirs, port, dial)
		if step == "tls" {
			shook(k, theirs, "www.a.example", failure)
		}
		if doc["test_version"] == "0.4.2" || step == "http" {
			got(k, url, failure, 0, "")
		}
	}
}

func cutAt(ip, failure string) func(doc, k keys) {
	return func(_, k keys) { dialed(k, ip, 443, failure)["transaction_id"] = 2 }
}

func sixthCut(ip string) func(doc, k keys) {
	return func(_, k keys) { dialed(k, ip, 443, "network_unreachable")["transaction_id"] = 9 }
}

func withheld(k keys, names ...string) keys {
	for _, n := range names {
		looked(k, "system", n, "dns_nxdomain_error")
	}
	return k
}

// sinkhole: the resolver gave the address of a server that listens on 80, and
// on 443 ends so; an encrypted resolver gave the genuine one, from which the
// page came.
func sinkhole(at443 string) func(doc, k keys) {
	return func(doc, k keys) {
		listOf(k, "queries")[0]["answers"].([]any)[0].(keys)["ipv4"] = theirs
		looked(k, "doh", "www.a.example", "", homeAddr)["resolver_address"] = "https://dns.example/"
		dialed(k, theirs, 80, "")["transaction_id"] = 2
		dialed(k, homeAddr, 443, "")["transaction_id"] = 4
		shook(k, homeAddr, "www.a.example", "")["transaction_id"] = 4
		control(k)["tcp_connect"].(keys)[theirs+":80"] = keys{"status": true, "failure": nil}
		if f, ok := strings.CutPrefix(at443, "tls:"); ok {
			dialed(k, theirs, 443, "")["transaction_id"] = 3
			shook(k, theirs, "www.a.example", f)["transaction_id"] = 3
			control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": true, "failure": nil}
			control(k)["tls_handshake"].(keys)[theirs+":443"] = keys{"server_name": "www.a.example", "status": false, "failure": f}
			return
		}
		dialed(k, theirs, 443, at443)["transaction_id"] = 3
		control(k)["tcp_connect"].(keys)[theirs+":443"] = keys{"status": false, "failure": at443}
	}
}

// through: the resolver led through a name to another address.
func through(name, cc string) func(doc, k keys) {
	return func(doc, k keys) {
		misledTo("tcp", "generic_timeout_error")(doc, k)
		doc["probe_cc"] = cc
		q := listOf(k, "queries")[0]
		q["answers"] = append([]any{keys{"answer_type": "CNAME", "hostname": name, "ttl": nil}}, q["answers"].([]any)...)
	}
}

// translatedTo: the network reaches the site's address through this one.
func translatedTo(ip string) func(doc, k keys) {
	return func(_, k keys) {
		q := listOf(k, "queries")[0]
		q["answers"] = []any{keys{"answer_type": "AAAA", "ipv6": ip, "ttl": nil}}
		for _, c := range listOf(k, "tcp_connect") {
			c["ip"] = ip
		}
		for _, h := range listOf(k, "tls_handshakes") {
			h["address"] = "[" + ip + "]:443"
		}
		for _, r := range listOf(k, "requests") {
			if a, ok := r["address"].(string); ok {
				r["address"] = strings.Replace(a, homeAddr, "["+ip+"]", 1)
			}
		}
	}
}

func otherResolvers(failure string) func(doc, k keys) {
	return func(_, k keys) {
		addrs := []string{homeAddr}
		if failure != "" {
			addrs = nil
		}
		looked(k, "udp", "www.a.example", failure, addrs...)["resolver_address"] = "192.0.2.53:53"
		looked(k, "doh", "www.a.example", failure, addrs...)["resolver_address"] = "https://dns.example/"
	}
}

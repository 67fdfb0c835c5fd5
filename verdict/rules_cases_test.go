package verdict_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// A ruleCase is the rows of a measurement on which a rule fires, and one
// change to them after which it must not.
type ruleCase struct {
	on  []observation.Row
	off func(rows []observation.Row)
}

const (
	ok       = observation.Done
	reset    = observation.Result("connection_reset")
	timeout  = observation.Result("generic_timeout_error")
	refused  = observation.Result("connection_refused")
	nxdomain = observation.Result("dns_nxdomain_error")
	genuine  = "198.51.100.1"
	strange  = "192.0.2.1"
)

// wholePage is a row of a measurement in which all is well.
func wholePage(url string, edit ...func(*observation.Row)) observation.Row {
	r := observation.Row{
		UID: "u", Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC), CC: "ZZ", ASN: 64512, TestName: "web_connectivity",
		Input: url, Target: observation.HostOf(url), Name: observation.HostOf(url), IP: genuine, Port: 443, Transport: "tcp",
		DNS: ok, DNSEngines: []string{"getaddrinfo"}, TCP: ok, TCPSeconds: 0.05, HTTP: ok, URL: url,
		Status: 200, BodyBytes: 5000, Title: "A title of news", Headers: []string{"x-node"},
		ControlState: ok, ControlDNS: ok, ControlAddrs: []string{genuine}, ControlASNs: []uint32{64600}, ControlTCP: ok,
		ControlHTTP: ok, ControlStatus: 200, ControlBodyBytes: 5000, ControlTitle: "A title of news", ControlHeaders: []string{"x-node"},
	}
	if strings.HasPrefix(url, "https") {
		r.TLS, r.ServerName, r.TLSSeconds, r.ControlTLS = ok, r.Name, 0.1, ok
	} else {
		r.Port = 80
	}
	for _, e := range edit {
		e(&r)
	}
	return r
}

type row = observation.Row

func rows(r ...observation.Row) []observation.Row {
	for i := range r {
		r[i].Seq = uint16(i)
	}
	return r
}

func secure(edit ...func(*row)) row { return wholePage("https://www.a.example/", edit...) }
func plain(edit ...func(*row)) row  { return wholePage("http://www.a.example/", edit...) }

// stop ends a row's steps at one that failed.
func stop(layer string, f observation.Result) func(*row) {
	return func(r *row) {
		r.Status, r.BodyBytes, r.Title, r.Headers = 0, 0, "", nil
		switch layer {
		case "dns":
			r.IP, r.Port, r.Transport, r.DNS, r.TCP, r.TLS, r.HTTP, r.URL = "", 0, "", f, "", "", "", ""
			r.ControlTCP, r.ControlTLS = "", ""
		case "tcp":
			r.TCP, r.TLS, r.HTTP = f, "", ""
		case "tls":
			r.TLS, r.HTTP = f, ""
		case "http":
			r.HTTP = f
		}
	}
}

// at puts a row at an address that the control never got.
func at(ip string) func(*row) {
	return func(r *row) { r.IP, r.IPASN, r.ControlTCP, r.ControlTLS = ip, 64700, "", "" }
}

func missed(r *row) { r.ControlTCP, r.ControlTLS = timeout, "" }

func gone(r *row) {
	r.ControlDNS, r.ControlAddrs, r.ControlHTTP, r.ControlStatus = nxdomain, nil, nxdomain, 0
}

func alone(r *row) {
	r.ControlState, r.ControlDNS, r.ControlAddrs, r.ControlTCP, r.ControlTLS, r.ControlHTTP = timeout, "", nil, "", "", ""
	r.ControlStatus = 0
}

func another(r *row) {
	r.Status, r.BodyBytes, r.Title, r.Headers = 200, 300, "Denied", []string{"content-type"}
}

// next is a row of the host that the page redirects to.
func next(scheme string, edit ...func(*row)) row {
	r := wholePage(scheme+"://www.b.example/", func(r *row) {
		r.Input, r.Hop, r.IP = "https://www.a.example/", 1, "198.51.100.9"
		r.ControlDNS, r.ControlAddrs, r.ControlASNs, r.ControlTCP, r.ControlTLS = "", nil, nil, "", ""
	})
	for _, e := range edit {
		e(&r)
	}
	return r
}

// said gives a row the resolvers' own words: CODE;ENGINE;TEXT.
func said(words ...string) func(*row) {
	return func(r *row) { r.DNSExtended = words }
}

func redirects(r *row) {
	r.Status, r.Location, r.BodyBytes, r.Title, r.Headers = 302, "https://www.b.example/", 0, "", nil
}

func aPrint(scope, location string, countries ...string) string {
	return fingerprint.Match{Name: "test", Scope: scope, Location: location, Countries: countries, Confidence: 10}.String()
}

func printed(p ...string) func(*row) { return func(r *row) { r.Fingerprints = p } }

func both(a, b func(*row)) func(*row) { return func(r *row) { a(r); b(r) } }

// slowed: the target is slow, and so is another server under its name.
func slowed(r *row) {
	r.Pace, r.PaceTrips, r.PaceReference, r.PaceNamed, r.PaceOwn = 40_000, 3000, 9e6, 41_000, 8e6
}

func overQUIC(f observation.Result) func(*row) {
	return func(r *row) { r.Transport, r.TCP, r.TLS, r.QUIC = "quic", "", "", f }
}

func overDoH(r *row) { r.DNSEngines = []string{"doh https://dns.example/"} }

func test(name string) func(*row) {
	return func(r *row) {
		r.TestName, r.Input, r.Target = name, "", name
		r.ControlState, r.ControlDNS, r.ControlAddrs, r.ControlTCP, r.ControlTLS, r.ControlHTTP, r.ControlStatus = "", "", nil, "", "", "", 0
	}
}

// part is an endpoint of an app.
func part(app, name, ip string, edit ...func(*row)) row {
	r := secure(test(app), func(r *row) {
		r.Name, r.ServerName, r.IP, r.HTTP, r.URL, r.Status = name, name, ip, "", "", 0
		r.Literal = name == ip
	})
	for _, e := range edit {
		e(&r)
	}
	return r
}

// oneAddress is a messenger all of whose hosts have the same address.
func oneAddress(asn uint32) []row {
	var all []row
	for _, name := range []string{"b-api.facebook.com", "b-graph.facebook.com", "edge-mqtt.facebook.com", "star.c10r.facebook.com"} {
		all = append(all, part("facebook_messenger", name, strange, func(r *row) { r.TLS, r.ServerName, r.IPASN = "", "", asn }))
	}
	return rows(all...)
}

func tunnel(kind, ip string, f observation.Result) row {
	return part("tor", ip, ip, func(r *row) { r.TLS, r.ServerName, r.TunnelKind, r.Tunnel = "", "", kind, f })
}

func wireguard(f observation.Result) row {
	return part("wireguard", genuine, genuine, func(r *row) {
		r.DNS, r.TCP, r.TLS, r.ServerName, r.Transport, r.TunnelKind, r.Tunnel = "", "", "", "", "udp", "wireguard", f
	})
}

func six(kind string, f observation.Result, more ...row) []row {
	var all []row
	for _, n := range "123456" {
		all = append(all, tunnel(kind, "198.51.100."+string(n), f))
	}
	return rows(append(all, more...)...)
}

func quic(name string, f, control observation.Result) row {
	return secure(func(r *row) {
		r.Name, r.ServerName, r.Transport = name, name, "quic"
		r.TCP, r.TLS, r.HTTP, r.URL, r.QUIC, r.ControlQUIC, r.ControlTCP, r.ControlTLS = "", "", "", "", f, control, "", ""
	})
}

func cert(state, issuer string) func(*row) {
	return func(r *row) { r.Cert, r.CertIssuer = state, issuer }
}

func first(edit func(*row)) func([]row) { return func(r []row) { edit(&r[0]) } }
func last(edit func(*row)) func([]row)  { return func(r []row) { edit(&r[len(r)-1]) } }

func starving(r *row) {
	r.ReadBytes, r.ReadCount, r.ReadSeconds = 60_000, 40, 10
}

var ruleCases = map[string]ruleCase{
	"instrument_trust_store":  {rows(secure(stop("tls", "ssl_unknown_authority"), cert("valid", ""))), first(cert("unknown_authority", ""))},
	"instrument_clock":        {rows(secure(stop("tls", "ssl_invalid_certificate"), cert("not_yet_valid", ""))), first(func(r *row) { r.ControlTLS = "ssl_invalid_certificate" })},
	"instrument_clock_report": {rows(secure(func(r *row) { r.ReportID = "20240101T000000Z_webconnectivity_ZZ" })), first(func(r *row) { r.ReportID = "20240216T230000Z_webconnectivity_ZZ" })},
	"instrument_interception": {rows(secure(stop("tls", "ssl_unknown_authority"), cert("unknown_authority", "CN=Kaspersky Anti-Virus Root"))), first(cert("unknown_authority", "CN=Some Authority"))},
	"instrument_interception_all": {rows(secure(stop("tls", "ssl_unknown_authority")), secure(stop("dns", "ssl_unknown_authority"), func(r *row) { r.DNSEngines = []string{"doh https://dns.example/"} })),
		last(func(r *row) { r.DNS = timeout })},
	"instrument_portal":            {rows(plain(redirects, func(r *row) { r.Location = "http://192.168.1.1/login" })), first(func(r *row) { r.Location = "http://198.51.100.7/login" })},
	"instrument_no_network":        {rows(secure(stop("tcp", "network_unreachable"), alone, func(r *row) { r.DNS, r.Literal = "", true })), first(func(r *row) { r.ControlState = ok })},
	"instrument_own_machine":       {rows(secure(at("127.0.0.1"), stop("tls", "ssl_invalid_hostname"))), first(stop("tcp", refused))},
	"instrument_login_page":        {rows(plain(another, printed(aPrint("portal", "body")))), first(func(r *row) { r.Title = "A title of news" })},
	"instrument_login_certificate": {rows(secure(stop("tls", "ssl_invalid_hostname"), func(r *row) { r.Cert, r.CertSubject = "wrong_name", "CN=hotspot.hotel.example" })), first(func(r *row) { r.CertSubject = "CN=notice.isp.example" })},
	"instrument_known_defect":      {rows(part("signal", "chat.signal.org", genuine, stop("tls", "ssl_unknown_authority"), func(r *row) { r.Defects = []string{"signal-2022-root"} })), first(func(r *row) { r.Defects = nil })},
	"instrument_vpn":               {rows(secure(func(r *row) { r.NetworkType = "vpn" })), first(func(r *row) { r.NetworkType = "wifi" })},
	"instrument_hosting":           {rows(secure(func(r *row) { r.ASN = 24940 })), first(func(r *row) { r.ASN = 64513 })},
	"instrument_no_configuration": {rows(observation.Row{UID: "u", CC: "ZZ", ASN: 64512, TestName: "psiphon", Name: "psiphon", TunnelKind: "psiphon", Tunnel: "unknown_failure: httpx: request failed"}),
		first(func(r *row) { r.Tunnel = timeout })},

	"dns_blockpage_address": {rows(secure(at(strange), stop("tcp", timeout), printed(aPrint("nat", "dns", "ZZ")))), first(printed(aPrint("nat", "dns", "IR")))},
	"dns_says_censored":     {rows(secure(at(strange), stop("tcp", timeout), said("16;udp system;by order"))), first(said("16;udp 192.0.2.53:53;by order"))},
	"dns_says_blocked":      {rows(secure(at(strange), stop("tcp", timeout), said("15;udp system;malware"))), first(said("15;udp 192.168.1.1:53;malware"))},
	"dns_bogon":             {rows(secure(at("10.1.2.3"), stop("tcp", timeout))), first(func(r *row) { r.ControlAddrs = []string{"10.1.2.3"} })},
	"dns_bogon_local":       {rows(secure(at("127.0.0.1"), stop("tcp", refused))), first(func(r *row) { r.DNSEngines = append(r.DNSEngines, "udp 192.0.2.53:53") })},
	"dns_ghost_confirmed": {rows(plain(at(strange), gone), plain(stop("dns", nxdomain), gone, func(r *row) { r.DNSEngines = []string{"doh https://dns.example/"} })),
		last(func(r *row) { r.DNS = timeout })},
	"dns_ghost":             {rows(plain(at(strange), gone)), first(func(r *row) { r.ControlDNS = timeout })},
	"dns_ghost_search_page": {rows(plain(at(strange), gone, redirects)), first(func(r *row) { r.Status, r.Location = 200, "" })},
	"dns_known_address":     {rows(secure(at(strange), stop("tcp", timeout), printed(aPrint("isp", "dns", "IR")))), first(printed())},
	"dns_wrong_server":      {rows(secure(at(strange), stop("tls", "ssl_invalid_hostname"))), first(func(r *row) { r.ControlTLS = ok })},
	"dns_wrong_neighbour": {rows(secure(at(strange), stop("tls", "ssl_invalid_hostname"), func(r *row) { r.IPASN, r.ControlTLS = 64600, "ssl_invalid_hostname" })),
		first(func(r *row) { r.ControlTLS = timeout })},
	"dns_lesser_server": {rows(plain(at(strange), another), plain(at(strange), stop("tcp", refused), func(r *row) { r.Port, r.ControlTCP = 443, refused }), secure(func(r *row) { r.Input, r.DNSEngines = "http://www.a.example/", []string{"doh https://dns.example/"} })),
		func(r []row) { r[1].ControlTCP = ok }},
	"dns_leads_nowhere":   {rows(secure(at(strange), stop("tls", reset))), first(func(r *row) { r.ControlHTTP = reset })},
	"dns_product_address": {rows(secure(at(strange), stop("tcp", timeout), printed(aPrint("prod", "dns")))), first(printed(aPrint("isp", "dns")))},
	"dns_dead_address":    {rows(secure(at(strange), stop("tcp", timeout), missed)), first(func(r *row) { r.ControlTCP = ok })},
	"dns_foreign_page":    {rows(plain(at(strange), another)), first(func(r *row) { r.IPASN = 64600 })},
	"dns_nxdomain":        {rows(secure(stop("dns", nxdomain))), first(alone)},
	"dns_refused":         {rows(secure(stop("dns", "dns_refused_error"))), first(gone)},
	"dns_refused_again": {rows(secure(stop("dns", "dns_server_misbehaving")), secure(stop("dns", "dns_refused_error"), func(r *row) { r.DNSEngines = []string{"udp 192.0.2.53:53"} })),
		last(func(r *row) { r.DNS = "dns_servfail_error" })},
	"dns_timeout":         {rows(secure(stop("dns", timeout))), first(func(r *row) { r.ResolverASN = 19281 })},
	"dns_no_data":         {rows(secure(stop("dns", "dns_no_answer"), func(r *row) { r.DNSType = "A" })), first(func(r *row) { r.ControlAddrs = []string{"2001:db8::1"} })},
	"dns_redirect_lookup": {rows(secure(redirects), next("https", stop("dns", nxdomain))), first(func(r *row) { r.Status, r.Location = 200, "" })},
	"dns_redirect_bogon":  {rows(secure(redirects), next("https", stop("tcp", timeout), func(r *row) { r.IP = "10.1.2.3" })), first(func(r *row) { r.Status, r.Location = 200, "" })},
	"dns_redirect_down":   {rows(secure(redirects, func(r *row) { r.ControlHTTP = nxdomain }), next("https", stop("dns", nxdomain))), first(func(r *row) { r.Status, r.Location = 200, "" })},
	"dns_address_down":    {rows(secure(at("127.0.0.1"), stop("tcp", refused), func(r *row) { r.ControlAddrs = []string{"127.0.0.1"} })), first(func(r *row) { r.ControlAddrs = []string{genuine} })},
	"dns_down":            {rows(secure(stop("dns", nxdomain), gone)), first(alone)},
	"dns_nxdomain_proven": {rows(secure(alone, overDoH), secure(stop("dns", nxdomain), alone)), first(stop("tls", reset))},
	"dns_bogon_proven":    {rows(secure(alone, overDoH), secure(at("10.1.2.3"), stop("tcp", timeout), alone)), last(func(r *row) { r.IP = strange })},
	"dns_found_elsewhere": {rows(secure(alone, overDoH), secure(at(strange), stop("tcp", timeout), alone)), last(func(r *row) { r.TCP, r.TLS = ok, ok })},
	"dns_filtering_resolver": {rows(secure(stop("dns", nxdomain), func(r *row) { r.ResolverASN = 19281 })),
		first(func(r *row) { r.ResolverASN = 64512 })},
	"dns_prohibited": {rows(secure(stop("dns", "dns_refused_error"), said("18;udp 192.168.1.1:53;"))),
		first(said("22;udp 192.168.1.1:53;"))},
	"dns_other_says_blocked": {rows(secure(), secure(stop("dns", nxdomain), said("15;udp 192.0.2.53:53;"), func(r *row) { r.DNSEngines = []string{"udp 192.0.2.53:53"} })),
		last(said())},
	"dns_bogon_unvouched":       {rows(part("urlgetter", "a.example", "10.1.2.3", stop("tcp", timeout))), first(func(r *row) { r.IP = strange })},
	"dns_second_resolver_bogon": {rows(secure(), secure(at("10.1.2.3"), func(r *row) { r.TCP, r.TLS, r.HTTP, r.DNSEngines = "", "", "", []string{"udp 192.0.2.53:53"} })), last(func(r *row) { r.DNSEngines = []string{"system"} })},
	"dns_failed_oddly":          {rows(secure(stop("dns", "dns_server_misbehaving"))), first(alone)},
	"dns_failed_uncontrolled":   {rows(part("urlgetter", "a.example", "", stop("dns", nxdomain))), first(func(r *row) { r.TestName = "web_connectivity" })},
	"dns_vouched":               {rows(secure()), first(both(at(strange), func(r *row) { r.TLS = reset }))},
	"dns_kin":                   {rows(plain(at(strange), func(r *row) { r.IPASN = 64600 })), first(func(r *row) { r.IPASN = 64601 })},
	"dns_open":                  {rows(plain(at(strange))), first(func(r *row) { r.IP = genuine })},
	"dns_failed":                {rows(secure(stop("dns", nxdomain), alone)), first(func(r *row) { r.ControlState, r.ControlDNS = ok, ok })},

	"tcp_contrast":      {rows(secure(stop("tcp", timeout))), first(func(r *row) { r.ControlTCP = timeout })},
	"tcp_redirect":      {rows(secure(redirects), next("https", stop("tcp", refused))), func(r []row) { r[0].ControlHTTP, r[1].ControlHTTP = timeout, timeout }},
	"tcp_down":          {rows(secure(stop("tcp", refused), func(r *row) { r.ControlTCP, r.ControlTLS = refused, "" })), first(func(r *row) { r.ControlTCP = ok })},
	"tcp_redirect_down": {rows(secure(redirects, func(r *row) { r.ControlHTTP = refused }), next("https", stop("tcp", refused))), first(func(r *row) { r.ControlHTTP = ok })},
	"tcp_ipv6":          {rows(secure(stop("tcp", "network_unreachable"), func(r *row) { r.IP = "2001:db8::1" })), first(func(r *row) { r.IP = genuine })},
	"tcp_partial":       {rows(secure(stop("tcp", timeout)), secure(func(r *row) { r.IP = "198.51.100.2" })), last(func(r *row) { r.TCP, r.TLS, r.HTTP = timeout, "", "" })},
	"tcp_other_port":    {rows(secure(), secure(stop("tcp", refused), func(r *row) { r.Port = 80 })), first(stop("http", reset))},
	"tcp_unvouched":     {rows(secure(at(strange), stop("tcp", timeout))), first(func(r *row) { r.IP = genuine })},
	"tcp_failed":        {rows(secure(stop("tcp", "connect_error"))), first(alone)},
	"tcp_failed_alone":  {rows(secure(stop("tcp", timeout), alone)), first(func(r *row) { r.ControlState = observation.Unrecorded })},
	"tcp_connected":     {rows(secure()), first(stop("tcp", timeout))},

	"tls_mitm": {rows(secure(stop("tls", "ssl_unknown_authority"), cert("self_signed", ""))), first(func(r *row) { r.ControlTLS = "ssl_unknown_authority" })},
	"tls_mitm_claimed": {rows(secure(stop("tls", "ssl_invalid_hostname"), func(r *row) { r.DNSEngines = []string{"doh https://dns.example/", "system"} })),
		first(func(r *row) { r.DNSEngines = []string{"system"} })},
	"tls_mitm_page": {rows(secure(stop("tls", "ssl_unknown_authority"), func(r *row) { r.Cert, r.CertSubject, r.ControlTLS = "self_signed", "CN=notice.isp.example,O=ISP", "" })),
		first(func(r *row) { r.CertSubject = "CN=a.example" })},
	"tls_mitm_authority": {rows(secure(stop("tls", "ssl_unknown_authority"), cert("other_authority", ""), func(r *row) { r.DNSEngines = []string{"doh https://dns.example/", "system"} })),
		first(func(r *row) { r.DNSEngines = []string{"system"} })},
	"tls_contrast": {rows(secure(stop("tls", reset))), first(func(r *row) { r.ControlTLS = "" })},
	"tls_contrast_page": {rows(secure(stop("tls", reset), func(r *row) { r.ControlTLS = "" })),
		first(func(r *row) { r.ControlHTTP = timeout })},
	"tls_redirect":      {rows(secure(redirects), next("https", stop("tls", reset))), func(r []row) { r[0].ControlHTTP, r[1].ControlHTTP = timeout, timeout }},
	"tls_name_contrast": {rows(secure(stop("tls", reset), alone), secure(alone, func(r *row) { r.ServerName, r.HTTP, r.URL = "harmless.example", "", "" })), last(stop("tls", reset))},
	"tls_throttle_name": {rows(secure(slowed)), first(func(r *row) { r.PaceNamed = 2e6 })},
	"tls_down":          {rows(secure(stop("tls", reset), func(r *row) { r.ControlTLS = reset })), first(func(r *row) { r.ControlTLS = ok })},
	"tls_partial":       {rows(secure(stop("tls", reset)), secure(func(r *row) { r.IP = "198.51.100.2" })), last(stop("tls", reset))},
	"tls_unvouched":     {rows(secure(at(strange), stop("tls", reset))), first(func(r *row) { r.IP = genuine })},
	"tls_failed":        {rows(secure(stop("tls", "ssl_failed_handshake"))), first(alone)},
	"tls_failed_alone":  {rows(secure(stop("tls", reset), alone)), first(func(r *row) { r.ControlState = ok })},
	"tls_slow":          {rows(secure(func(r *row) { r.TLSSeconds = 8 })), first(func(r *row) { r.TCPSeconds = 2 })},
	"tls_verified":      {rows(secure()), first(func(r *row) { r.NoVerify = true })},
	"tls_unverified":    {rows(secure(func(r *row) { r.NoVerify = true })), first(func(r *row) { r.NoVerify = false })},

	"quic_contrast": {rows(quic("a.example", timeout, ok), quic("b.example", ok, ok)), last(func(r *row) { r.QUIC = timeout })},
	"quic_name_contrast": {rows(part("urlgetter", "a.example", genuine, overQUIC(timeout)), part("urlgetter", "b.example", genuine, overQUIC(ok))),
		last(overQUIC(timeout))},
	"quic_down":     {rows(quic("a.example", timeout, timeout)), first(func(r *row) { r.ControlQUIC = ok })},
	"quic_failed":   {rows(quic("a.example", timeout, ok)), first(func(r *row) { r.QUIC = ok })},
	"quic_verified": {rows(quic("a.example", ok, ok)), first(func(r *row) { r.NoVerify = true })},

	"http_blockpage":          {rows(plain(another, printed(aPrint("nat", "body", "ZZ")))), first(printed(aPrint("nat", "body", "ZZ"), aPrint("fp", "body")))},
	"http_blockpage_redirect": {rows(plain(redirects, printed(aPrint("isp", "header.location", "ZZ")))), first(printed(aPrint("isp", "header.location", "RU")))},
	"http_known_page":         {rows(plain(another, printed(aPrint("isp", "body", "IR")))), first(printed(aPrint("vbw", "body")))},
	"http_other_page":         {rows(plain(another)), first(func(r *row) { r.Headers = []string{"cf-ray", "content-type"} })},
	"http_led_away":           {rows(plain(redirects), next("http", another, func(r *row) { r.Input = "http://www.a.example/" })), last(func(r *row) { r.Title = "A title of news" })},
	"http_starved":            {rows(plain(stop("http", timeout), starving, func(r *row) { r.Status = 200 })), first(func(r *row) { r.ReadBytes = 6_000_000 })},
	"http_throttle_name":      {rows(plain(slowed)), first(func(r *row) { r.PaceOwn = 60_000 })},
	"http_contrast":           {rows(plain(stop("http", reset))), first(func(r *row) { r.ControlHTTP = reset })},
	"http_down":               {rows(plain(stop("http", reset), func(r *row) { r.ControlHTTP, r.ControlStatus = reset, 0 })), first(func(r *row) { r.ControlHTTP = ok })},
	"http_error_both":         {rows(plain(func(r *row) { r.Status, r.ControlStatus = 502, 502 })), first(func(r *row) { r.ControlStatus = 200 })},
	"http_slow":               {rows(plain(starving)), first(func(r *row) { r.ReadSeconds = 0.5 })},
	"http_pace":               {rows(plain(func(r *row) { r.Pace, r.PaceTrips, r.PaceReference = 40_000, 3000, 9e6 })), first(func(r *row) { r.PaceReference = 90_000 })},
	"http_page_verified":      {rows(secure()), first(func(r *row) { r.NoVerify = true })},
	"http_server_side":        {rows(secure(func(r *row) { r.Status = 403 })), first(func(r *row) { r.Status = 200 })},
	"http_server_broken":      {rows(secure(redirects, func(r *row) { r.HTTP, r.Location = "http_invalid_redirect_location_host", "http://" })), first(func(r *row) { r.NoVerify = true })},
	"http_page_alike":         {rows(plain()), first(another)},
	"http_page_uncertain":     {rows(plain(func(r *row) { r.Status, r.Title = 403, "No" })), first(func(r *row) { r.Status, r.Title = 200, "A title of news" })},
	"http_failed":             {rows(plain(stop("http", "http_invalid_redirect_location_host"))), first(alone)},
	"http_alone":              {rows(plain(alone)), first(func(r *row) { r.ControlState, r.ControlHTTP, r.ControlStatus = ok, ok, 200 })},

	"app_forged_certificate": {rows(part("signal", "chat.signal.org", strange, stop("tls", "ssl_unknown_authority"), cert("self_signed", ""))), first(cert("unknown_authority", ""))},
	"app_bogon":              {rows(part("signal", "chat.signal.org", "10.1.2.3", stop("tcp", timeout))), first(func(r *row) { r.Name = "uptime.signal.org" })},
	"app_bogon_loopback":     {rows(part("signal", "chat.signal.org", "127.0.0.1", stop("tcp", refused))), first(func(r *row) { r.ResolverASN = 19281 })},
	"app_bogon_local":        {rows(part("signal", "chat.signal.org", "0.0.0.0", stop("tcp", refused))), first(func(r *row) { r.IP = strange })},
	"app_others_address":     {rows(part("signal", "chat.signal.org", strange, stop("tcp", timeout), func(r *row) { r.IPASN = 32934 })), first(func(r *row) { r.IPASN = 16509 })},
	"app_names_withheld": {rows(part("signal", "chat.signal.org", genuine), part("signal", "cdn.signal.org", "", stop("dns", nxdomain)), part("signal", "storage.signal.org", "", stop("dns", nxdomain))),
		last(func(r *row) { r.DNS = timeout })},
	"app_part_blocked": {rows(part("telegram", strange, strange, func(r *row) { r.TLS = "" }), part("telegram", "web.telegram.org", genuine, stop("tls", reset))),
		last(func(r *row) { r.TLS = timeout })},
	"app_all_reset": {rows(part("whatsapp", "e1.whatsapp.net", strange, stop("tcp", reset)), part("whatsapp", "e2.whatsapp.net", genuine, stop("tcp", reset)),
		part("whatsapp", "web.whatsapp.com", "198.51.100.2", stop("tls", reset))), last(stop("tls", timeout))},
	"app_failed":                {rows(part("telegram", "web.telegram.org", genuine, stop("tls", timeout))), first(func(r *row) { r.TLS = ok })},
	"app_one_address":           {oneAddress(64512), first(func(r *row) { r.IP = genuine })},
	"app_one_address_elsewhere": {oneAddress(64700), first(func(r *row) { r.IPASN = r.ASN })},
	"app_works":                 {rows(part("telegram", "web.telegram.org", genuine)), first(stop("tls", timeout))},
	"ech_blocked": {rows(part("echcheck", "a.example", genuine), part("echcheck", "a.example", genuine, stop("tls", reset), func(r *row) { r.TunnelKind, r.Tunnel = "ech", reset })),
		first(stop("tls", reset))},
	"tunnel_part_blocked": {six("or_port_dirauth", timeout, tunnel("obfs4", strange, ok)), last(func(r *row) { r.Tunnel = timeout })},
	"tunnel_failed":       {six("or_port_dirauth", timeout), func(r []row) { r[0].Tunnel, r[1].Tunnel, r[2].Tunnel = ok, ok, ok }},
	"wireguard_silent":    {rows(wireguard(timeout)), first(func(r *row) { r.Tunnel = refused })},
	"tunnel_works":        {six("or_port_dirauth", ok), func(r []row) { r[0].Tunnel, r[1].Tunnel, r[2].Tunnel, r[3].Tunnel = reset, reset, reset, reset }},
	"connection_verified": {rows(part("urlgetter", "a.example", genuine)), first(func(r *row) { r.NoVerify = true })},
}

// Each rule has measurements on which it fires, and on which it does not.
func TestEveryRuleSpeaksAndIsSilent(t *testing.T) {
	for _, r := range verdict.Rules() {
		c, given := ruleCases[r.ID]
		if !given {
			t.Errorf("%s: no case", r.ID)
			continue
		}
		v := verdict.Judge(c.on)
		if !slices.Contains(v.Rules, r.ID) {
			t.Errorf("%s does not fire: %s by %v", r.ID, v.State, v.Rules)
		}
		c.off(c.on)
		v = verdict.Judge(c.on)
		if slices.Contains(v.Rules, r.ID) {
			t.Errorf("%s fires after the change: %s by %v", r.ID, v.State, v.Rules)
		}
	}
	if len(ruleCases) != len(verdict.Rules()) {
		t.Errorf("%d cases for %d rules", len(ruleCases), len(verdict.Rules()))
	}
}

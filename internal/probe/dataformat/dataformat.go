// Package dataformat checks the structure of a measurement against OONI's data
// formats. It is written from the documents df-000-base, df-001-httpt,
// df-002-dnst, df-005-tcpconnect, df-006-tlshandshake, df-007-errors and
// df-008-netevents (github.com/ooni/spec), and knows nothing of what wrote the
// measurement. What the documents leave open and web_connectivity 0.5 always
// writes (tags with a depth, transaction ids) is asked for, too.
//
// It is for what we write ourselves. What strangers send is read by package
// measurement, which takes more than this.
package dataformat

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// formats collects what is wrong.
type formats struct {
	problems []string
	runtime  float64 // seconds
}

func (f *formats) bad(path, format string, args ...any) {
	f.problems = append(f.problems, path+": "+fmt.Sprintf(format, args...))
}

// Check returns what is not as the documents say, each with its path: none for
// a measurement that is in order.
func Check(measurement []byte) []string {
	var doc map[string]any
	if err := json.Unmarshal(measurement, &doc); err != nil {
		return []string{err.Error()}
	}
	f := new(formats)
	f.runtime, _ = doc["test_runtime"].(float64)
	f.base(doc)
	keys, ok := doc["test_keys"].(map[string]any)
	if !ok {
		f.bad("test_keys", "missing")
		return f.problems
	}
	f.list(keys, "queries", f.query)
	f.list(keys, "tcp_connect", f.connect)
	f.list(keys, "tls_handshakes", f.tls)
	f.list(keys, "network_events", f.event)
	f.list(keys, "requests", f.request)
	if _, ok := keys["quic_handshakes"]; ok {
		f.list(keys, "quic_handshakes", f.tls)
	}
	if keys["agent"] != "redirect" {
		f.bad("agent", "%v", keys["agent"])
	}
	return f.problems
}

var form = map[string]*regexp.Regexp{
	"probe_asn":              regexp.MustCompile(`^AS[0-9]+$`),
	"probe_cc":               regexp.MustCompile(`^[A-Z]{2}$`),
	"probe_ip":               regexp.MustCompile(`^127\.0\.0\.1$`),
	"test_start_time":        regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`),
	"measurement_start_time": regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`),
	"data_format_version":    regexp.MustCompile(`^0\.\d+\.\d+$`),
	"software_name":          regexp.MustCompile(`^[a-z-]+$`),
	"software_version":       regexp.MustCompile(`^\d+\.\d+\.\d+`),
	"test_name":              regexp.MustCompile(`^[a-z0-9_]+$`),
	"test_version":           regexp.MustCompile(`^\d+\.\d+\.\d+$`),
}

func (f *formats) base(doc map[string]any) {
	for key, re := range form {
		s, ok := doc[key].(string)
		if !ok || !re.MatchString(s) {
			f.bad(key, "%v is not %s", doc[key], re)
		}
	}
	for _, key := range []string{"resolver_asn", "resolver_ip", "resolver_network_name"} {
		if v, present := doc[key]; present {
			if s, ok := v.(string); !ok || key == "resolver_asn" && !form["probe_asn"].MatchString(s) {
				f.bad(key, "%v", v)
			}
		}
	}
	if n, ok := doc["test_runtime"].(float64); !ok || n < 0 {
		f.bad("test_runtime", "%v", doc["test_runtime"])
	}
	if _, ok := doc["input"].(string); !ok {
		f.bad("input", "%v", doc["input"])
	}
}

func (f *formats) list(keys map[string]any, name string, one func(path string, o map[string]any)) {
	items, ok := keys[name].([]any)
	if !ok {
		f.bad(name, "is no list: %v", keys[name])
		return
	}
	for i, item := range items {
		path := fmt.Sprintf("%s[%d]", name, i)
		o, ok := item.(map[string]any)
		if !ok {
			f.bad(path, "is no object")
			continue
		}
		f.failure(path, o)
		f.times(path, o)
		f.tags(path, o)
		one(path, o)
	}
}

// failures are the strings of df-007 that today's engines write, and those that
// OONI's engine has added since.
var failures = []string{
	"address_family_not_supported", "connection_aborted", "connection_already_closed", "connection_refused", "connection_reset",
	"dns_bogon_error", "dns_no_answer", "dns_non_recoverable_failure", "dns_nxdomain_error", "dns_refused_error",
	"dns_server_misbehaving", "dns_servfail_error", "dns_temporary_failure", "eof_error", "generic_timeout_error",
	"host_unreachable", "http_invalid_redirect_location_host", "network_unreachable", "quic_incompatible_version",
	"ssl_failed_handshake", "ssl_invalid_certificate", "ssl_invalid_hostname", "ssl_unknown_authority",
}

func (f *formats) failure(path string, o map[string]any) {
	where := o
	if status, ok := o["status"].(map[string]any); ok {
		where = status
	}
	v, present := where["failure"]
	if !present {
		f.bad(path+".failure", "missing; null says that nothing failed")
		return
	}
	s, ok := v.(string)
	if v != nil && (!ok || !slices.Contains(failures, s) && !strings.HasPrefix(s, "unknown_failure: ")) {
		f.bad(path+".failure", "%v", v)
	}
}

func (f *formats) times(path string, o map[string]any) {
	end, ok := o["t"].(float64)
	if !ok || end < 0 {
		f.bad(path+".t", "%v", o["t"])
	}
	if start, ok := o["t0"].(float64); ok && (start < 0 || start > end) {
		f.bad(path+".t0", "%v after %v", start, end)
	}
	if end > f.runtime+0.001 {
		f.bad(path+".t", "%v is after the end of the test, %v", end, f.runtime)
	}
	if n, ok := o["transaction_id"].(float64); !ok || n < 1 || n != float64(int64(n)) {
		f.bad(path+".transaction_id", "%v", o["transaction_id"])
	}
}

func (f *formats) tags(path string, o map[string]any) {
	tags, ok := o["tags"].([]any)
	depth := 0
	for _, t := range tags {
		s, isString := t.(string)
		ok = ok && isString
		if strings.HasPrefix(s, "depth=") {
			depth++
		}
	}
	if !ok || depth != 1 {
		f.bad(path+".tags", "%v", o["tags"])
	}
	if slices.Contains(tags, any("contrast")) && len(tags) < 3 {
		f.bad(path+".tags", "a contrast says what it varies: %v", tags)
	}
}

var engines = []string{"getaddrinfo", "golang_net_resolver", "udp", "tcp", "dot", "doh"}

func (f *formats) query(path string, o map[string]any) {
	engine, _ := o["engine"].(string)
	qtype, _ := o["query_type"].(string)
	if !slices.Contains(engines, engine) {
		f.bad(path+".engine", "%v", o["engine"])
	}
	if !slices.Contains([]string{"A", "AAAA", "HTTPS", "ANY"}, qtype) {
		f.bad(path+".query_type", "%v", o["query_type"])
	}
	// A lookup by the system is one query ANY, and its resolver is not known.
	system := engine == "getaddrinfo" || engine == "golang_net_resolver"
	if address, ok := o["resolver_address"].(string); !ok || system != (qtype == "ANY") || !system && address == "" {
		f.bad(path, "engine %s, query_type %s, resolver_address %v", engine, qtype, o["resolver_address"])
	}
	if h, _ := o["hostname"].(string); h == "" {
		f.bad(path+".hostname", "%v", o["hostname"])
	}
	if s, ok := o["raw_response"].(string); ok {
		raw, err := base64.StdEncoding.DecodeString(s)
		code, _ := o["rcode"].(float64)
		if err != nil || len(raw) < 12 || int(raw[3]&15) != int(code)&15 {
			f.bad(path+".raw_response", "%v, %d bytes, rcode %v", err, len(raw), o["rcode"])
		}
	}
	answers, ok := o["answers"].([]any)
	if !ok {
		f.bad(path+".answers", "%v", o["answers"])
	}
	for i, item := range answers {
		at := fmt.Sprintf("%s.answers[%d]", path, i)
		a, _ := item.(map[string]any)
		v4, is4 := a["ipv4"].(string)
		v6, is6 := a["ipv6"].(string)
		_, isName := a["hostname"].(string)
		switch a["answer_type"] {
		case "A":
			if ip, err := netip.ParseAddr(v4); err != nil || !ip.Is4() || is6 {
				f.bad(at, "%v", a)
			}
		case "AAAA":
			if ip, err := netip.ParseAddr(v6); err != nil || !ip.Is6() || is4 {
				f.bad(at, "%v", a)
			}
		case "CNAME":
			if !isName {
				f.bad(at, "%v", a)
			}
		default:
			f.bad(at, "answer_type %v", a["answer_type"])
		}
	}
}

func (f *formats) connect(path string, o map[string]any) {
	ip, _ := o["ip"].(string)
	if _, err := netip.ParseAddr(ip); err != nil {
		f.bad(path+".ip", "%v", o["ip"])
	}
	if p, ok := o["port"].(float64); !ok || p < 1 || p > 65535 {
		f.bad(path+".port", "%v", o["port"])
	}
	status, _ := o["status"].(map[string]any)
	if status["success"] != (status["failure"] == nil) {
		f.bad(path+".status", "%v", status)
	}
}

func (f *formats) endpoint(path string, v any) {
	s, _ := v.(string)
	if _, err := netip.ParseAddrPort(s); err != nil {
		f.bad(path, "%v", v)
	}
}

func (f *formats) tls(path string, o map[string]any) {
	f.endpoint(path+".address", o["address"])
	if n := o["network"]; n != "tcp" && n != "udp" {
		f.bad(path+".network", "%v", n)
	}
	version, _ := o["tls_version"].(string)
	if o["failure"] == nil && !slices.Contains([]string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}, version) {
		f.bad(path+".tls_version", "%v", o["tls_version"])
	}
	if _, ok := o["no_tls_verify"].(bool); !ok {
		f.bad(path+".no_tls_verify", "%v", o["no_tls_verify"])
	}
	certs, ok := o["peer_certificates"].([]any)
	if !ok || o["failure"] == nil && len(certs) == 0 {
		f.bad(path+".peer_certificates", "%v", o["peer_certificates"])
	}
	for _, c := range certs {
		b, _ := c.(map[string]any)
		data, _ := b["data"].(string)
		if _, err := base64.StdEncoding.DecodeString(data); err != nil || b["format"] != "base64" {
			f.bad(path+".peer_certificates", "%v", err)
		}
	}
}

// ioEvents move bytes.
var ioEvents = []string{"read", "write", "read_from", "write_to"}

func (f *formats) event(path string, o map[string]any) {
	op, _ := o["operation"].(string)
	known := []string{"connect", "read", "write", "read_from", "write_to", "tls_handshake_start", "tls_handshake_done",
		"quic_handshake_start", "quic_handshake_done", "http_transaction_start", "http_transaction_done"}
	if !slices.Contains(known, op) {
		f.bad(path+".operation", "%v", op)
	}
	if p := o["proto"]; p != "tcp" && p != "udp" {
		f.bad(path+".proto", "%v", p)
	}
	if n, ok := o["num_bytes"].(float64); ok && (n < 0 || n != float64(int64(n)) || !slices.Contains(ioEvents, op)) {
		f.bad(path+".num_bytes", "%v of %s", o["num_bytes"], op)
	}
	if op == "connect" {
		f.endpoint(path+".address", o["address"])
	}
}

// text is a string, or an object that holds bytes which are no UTF-8.
func (f *formats) text(path string, v any) {
	if _, ok := v.(string); ok {
		return
	}
	b, _ := v.(map[string]any)
	data, ok := b["data"].(string)
	if _, err := base64.StdEncoding.DecodeString(data); err != nil || !ok || b["format"] != "base64" {
		f.bad(path, "%v is neither text nor base64", v)
	}
}

// same compares two values of MaybeBinaryData.
func same(a, b any) bool {
	x, isMap := a.(map[string]any)
	y, both := b.(map[string]any)
	if isMap && both {
		return x["data"] == y["data"] && x["format"] == y["format"]
	}
	return !isMap && !both && a == b
}

func (f *formats) request(path string, o map[string]any) {
	for _, part := range []string{"request", "response"} {
		p, ok := o[part].(map[string]any)
		if !ok {
			f.bad(path+"."+part, "missing")
			continue
		}
		list, isList := p["headers_list"].([]any)
		headers, isMap := p["headers"].(map[string]any)
		if !isList || !isMap {
			f.bad(path+"."+part, "headers_list %v, headers %v", p["headers_list"], p["headers"])
		}
		first := map[string]any{}
		for _, pair := range list {
			kv, ok := pair.([]any)
			if !ok || len(kv) != 2 {
				f.bad(path+"."+part+".headers_list", "%v", pair)
				continue
			}
			if name, _ := kv[0].(string); first[name] == nil {
				first[name] = kv[1]
			}
		}
		for name, v := range headers {
			if !same(first[name], v) {
				f.bad(path+"."+part+".headers", "%s is not the first value", name)
			}
			f.text(path+"."+part+".headers."+name, v)
		}
		f.text(path+"."+part+".body", p["body"])
		if _, ok := p["body_is_truncated"].(bool); !ok {
			f.bad(path+"."+part+".body_is_truncated", "missing")
		}
	}
	req, _ := o["request"].(map[string]any)
	resp, _ := o["response"].(map[string]any)
	if code, ok := resp["code"].(float64); o["failure"] == nil && (!ok || code < 100 || code > 999 || code != float64(int(code))) {
		f.bad(path+".response.code", "%v", resp["code"])
	}
	if method, _ := req["method"].(string); method == "" || method != strings.ToUpper(method) {
		f.bad(path+".request.method", "%v", req["method"])
	}
	if u, _ := req["url"].(string); !strings.HasPrefix(u, "http") {
		f.bad(path+".request.url", "%v", req["url"])
	}
	if tor, ok := req["tor"].(map[string]any); !ok || tor["is_tor"] != false {
		f.bad(path+".request.tor", "%v", req["tor"])
	}
	f.endpoint(path+".address", o["address"])
}

package probe

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bandish/bandish/measurement"
)

// The structural check of a measurement against OONI's data formats, written
// from df-000-base, df-001-httpt, df-002-dnst, df-005-tcpconnect,
// df-006-tlshandshake, df-007-errors and df-008-netevents.

type formats struct {
	problems []string
}

func (f *formats) bad(path, format string, args ...any) {
	f.problems = append(f.problems, path+": "+fmt.Sprintf(format, args...))
}

// checkFormats fails the test for every part that is not as the documents say.
func checkFormats(t *testing.T, m *measurement.Measurement) {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range formatProblems(raw) {
		t.Error("data format: " + p)
	}
	back, err := measurement.Decode(raw)
	if err != nil {
		t.Fatalf("our own importer: %v", err)
	}
	if len(back.Defects) > 0 {
		t.Errorf("our own importer found defects: %v", back.Defects)
	}
}

func formatProblems(raw []byte) []string {
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return []string{err.Error()}
	}
	f := new(formats)
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

// failures are the strings that we may write, of df-007 and of OONI's engine.
var failures = []string{
	failTimeout, failRefused, failReset, failAborted, failEOF, failHostUnreachable, failNetUnreachable, failClosed,
	failNXDOMAIN, failServfail, failDNSRefused, failNoAnswer, failMisbehaving, failInvalidHostname, failUnknownAuthority,
	failInvalidCert, failHandshake, failQUICVersion, failRedirectHost,
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
	if e, _ := o["engine"].(string); !slices.Contains(engines, e) {
		f.bad(path+".engine", "%v", o["engine"])
	}
	if q, _ := o["query_type"].(string); !slices.Contains([]string{"A", "AAAA", "HTTPS", "ANY"}, q) {
		f.bad(path+".query_type", "%v", o["query_type"])
	}
	if s, ok := o["raw_response"].(string); ok {
		if _, err := base64.StdEncoding.DecodeString(s); err != nil {
			f.bad(path+".raw_response", "%v", err)
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
	if op == "connect" {
		f.endpoint(path+".address", o["address"])
	}
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
			if first[name] != v {
				f.bad(path+"."+part+".headers", "%s is not the first value", name)
			}
		}
		if _, ok := p["body_is_truncated"].(bool); !ok {
			f.bad(path+"."+part+".body_is_truncated", "missing")
		}
	}
	req, _ := o["request"].(map[string]any)
	if u, _ := req["url"].(string); !strings.HasPrefix(u, "http") {
		f.bad(path+".request.url", "%v", req["url"])
	}
	if tor, ok := req["tor"].(map[string]any); !ok || tor["is_tor"] != false {
		f.bad(path+".request.tor", "%v", req["tor"])
	}
	f.endpoint(path+".address", o["address"])
}

// The check finds what is wrong: a valid document and one change to it.
func TestFormatCheckSpeaks(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.hosts["open.example"] = []string{"198.51.100.10"}
	l.web("198.51.100.10:443", serving("hello"), nil, "open.example")
	raw, err := json.Marshal(measure(t, l.config(), "open.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{
		{`"AS64512"`, `"64512"`}, {`"TLSv1.3"`, `"1.3"`}, {`"failure":null`, `"failure":""`}, {`"engine":"`, `"engine":"my`},
		{`"port":443`, `"port":"443"`}, {`"success":true`, `"success":false`}, {`"depth=0"`, `"level=0"`},
		{`"operation":"read"`, `"operation":"recv"`}, {`"127.0.0.1"`, `"198.51.100.1"`}, {`"answer_type":"A"`, `"answer_type":"X"`},
		{`"is_tor":false`, `"is_tor":true`}, {`"format":"base64"`, `"format":"hex"`},
	} {
		changed := strings.Replace(string(raw), c.old, c.new, 1)
		if changed == string(raw) {
			t.Errorf("%s does not occur", c.old)
		} else if len(formatProblems([]byte(changed))) == 0 {
			t.Errorf("nothing said of %s", c.new)
		}
	}
}

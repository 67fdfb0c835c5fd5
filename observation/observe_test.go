package observation_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
)

func decode(t testing.TB, doc string) *measurement.Measurement {
	m, err := measurement.Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// head is the outer document; the keys of the test follow.
const head = `{"measurement_start_time":"2024-02-17 10:00:00","probe_cc":"ZZ","probe_asn":"AS64512","software_name":"ooniprobe","software_version":"3.20.0",
	"annotations":{"platform":"linux"},"test_name":"web_connectivity","test_version":"0.5.28","input":"http://www.a.example/","test_keys":`

const redirected = head + `{
	"queries":[
		{"engine":"getaddrinfo","hostname":"www.a.example","query_type":"ANY","failure":null,"answers":[{"answer_type":"A","ipv4":"198.51.100.1","asn":64600}],"t0":0.1,"t":0.2,"tags":["depth=0"],"transaction_id":1},
		{"engine":"udp","resolver_address":"192.0.2.53:53","hostname":"www.a.example","query_type":"A","failure":null,"answers":[{"answer_type":"A","ipv4":"10.1.2.3"}],"t":0.2,"tags":["depth=0"],"transaction_id":2},
		{"engine":"udp","resolver_address":"192.0.2.53:53","hostname":"www.a.example","query_type":"AAAA","failure":"dns_no_answer","answers":null,"t":0.2,"tags":["depth=0"],"transaction_id":2},
		{"engine":"getaddrinfo","hostname":"www.b.example","query_type":"ANY","failure":"dns_nxdomain_error","answers":null,"t":0.9,"tags":["depth=1"],"transaction_id":3}],
	"tcp_connect":[{"ip":"198.51.100.1","port":80,"status":{"failure":null,"success":true},"t0":0.30,"t":0.35,"tags":["depth=0"],"transaction_id":40001}],
	"network_events":[{"operation":"write","num_bytes":100,"t":0.4,"transaction_id":40001},{"operation":"read","num_bytes":1000,"t":1.4,"transaction_id":40001},
		{"operation":"read","num_bytes":500,"t":3.4,"transaction_id":40001},{"operation":"read","num_bytes":7,"t":9,"transaction_id":7}],
	"requests":[{"failure":null,"address":"198.51.100.1:80","network":"tcp","request":{"url":"http://www.a.example/","method":"GET"},
		"response":{"code":302,"body":"<html><TITLE >Mo\nved</TITLE> by order of ZZ","headers_list":[["Location","https://www.b.example/"],["Server","s"]]},"t0":0.36,"t":0.5,"tags":["depth=0"],"transaction_id":40001}],
	"control":{"dns":{"failure":null,"addrs":["198.51.100.1"]},"tcp_connect":{"198.51.100.1:80":{"status":true,"failure":null}},
		"http_request":{"failure":null,"status_code":200,"body_length":5,"title":"t","headers":{"X-A":"1"}},"ip_info":{"198.51.100.1":{"asn":64600,"flags":3}}}}}`

func TestObserveJoinsTheStepsOfAnEndpoint(t *testing.T) {
	set, err := fingerprint.New([]fingerprint.Fingerprint{
		{Name: "order", Scope: "nat", Location: "body", PatternType: "contains", Pattern: "by order of", Countries: []string{"ZZ"}, Confidence: 9}})
	if err != nil {
		t.Fatal(err)
	}
	o := observation.Observe(decode(t, redirected), observation.Options{Fingerprints: set,
		Target: func(host, test string, at time.Time) string { return "platform-of-" + host }})
	if !o.Known || len(o.Rows) != 3 {
		t.Fatalf("known %v, %d rows: %+v", o.Known, len(o.Rows), o.Rows)
	}
	lookup, page, lost := o.Rows[0], o.Rows[1], o.Rows[2]
	if lookup.IP != "10.1.2.3" || lookup.Transport != "" || !slices.Equal(lookup.DNSEngines, []string{"udp 192.0.2.53:53"}) {
		t.Errorf("lookup of which nothing was tried: %+v", lookup)
	}
	if lost.Name != "www.b.example" || lost.Hop != 1 || lost.DNS != "dns_nxdomain_error" || lost.IP != "" || lost.ControlDNS != "" {
		t.Errorf("lookup of the redirect: %+v", lost)
	}
	for name, pair := range map[string][2]any{
		"target":     {page.Target, "platform-of-www.a.example"},
		"name":       {page.Name, "www.a.example"},
		"dns":        {page.DNS, observation.Done},
		"engines":    {page.DNSEngines, []string{"getaddrinfo"}},
		"network":    {page.IPASN, uint32(64600)},
		"tcp":        {page.TCP, observation.Done},
		"status":     {page.Status, uint16(302)},
		"location":   {page.Location, "https://www.b.example/"},
		"title":      {page.Title, "Mo\nved"},
		"headers":    {page.Headers, []string{"location", "server"}},
		"lines":      {page.HeaderLines, []string{"location: https://www.b.example/", "server: s"}},
		"control":    {page.ControlTCP, observation.Done},
		"c. addrs":   {page.ControlAddrs, []string{"198.51.100.1"}},
		"c. headers": {page.ControlHeaders, []string{"x-a"}},
		"read":       {page.ReadBytes, int64(1500)},
		"reads":      {page.ReadCount, uint32(2)},
		"prints":     {page.Fingerprints, []string{"order;nat;body;ZZ;9"}},
		"set":        {page.FingerprintSet, set.ID()},
		"seq":        {page.Seq, uint16(1)},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %#v, want %#v", name, pair[0], pair[1])
		}
	}
	if page.MaxGap < 1.99 || page.MaxGap > 2.01 || page.ReadSeconds < 2.99 || page.ReadSeconds > 3.01 {
		t.Errorf("gap %v, read for %v", page.MaxGap, page.ReadSeconds)
	}
	if len(o.Bodies) != 1 || o.Bodies[0].SHA256 != page.BodySHA256 || !strings.Contains(o.Bodies[0].Text, "by order") {
		t.Errorf("bodies %+v", o.Bodies)
	}

	// Under another snapshot, from the row and the body alone.
	other := fingerprint.Embedded()
	again := page
	observation.Rematch(&again, func(sum string) (string, bool) { return o.Bodies[0].Text, sum == o.Bodies[0].SHA256 }, other)
	if len(again.Fingerprints) != 0 || again.FingerprintSet != other.ID() {
		t.Errorf("matched again: %v of %s", again.Fingerprints, again.FingerprintSet)
	}
	observation.Rematch(&again, func(sum string) (string, bool) { return o.Bodies[0].Text, true }, set)
	if !reflect.DeepEqual(again, page) {
		t.Errorf("matched back:\n%+v\nwas\n%+v", again, page)
	}
	kept := page
	observation.Rematch(&kept, func(string) (string, bool) { return "", false }, other)
	if !slices.Equal(kept.Fingerprints, page.Fingerprints) {
		t.Errorf("without the body, its earlier matches are lost: %v", kept.Fingerprints)
	}
}

// Old probes keep no transactions: the list of requests, last first, tells the
// redirects, and an exchange belongs to the one endpoint that fits.
func TestObserveOldShape(t *testing.T) {
	doc := strings.NewReplacer("0.5.28", "0.4.1").Replace(head) + `{
	"queries":[{"engine":"system","hostname":"www.a.example","query_type":"A","failure":null,"answers":[{"answer_type":"A","ipv4":"198.51.100.1"}],"t":0.2,"tags":null}],
	"tcp_connect":[{"ip":"198.51.100.1","port":80,"status":{"failure":null,"success":true},"t":0.3,"tags":null}],
	"requests":[
		{"failure":"connection_reset","request":{"url":"https://www.b.example/"},"response":{"code":0,"body":""},"t":0.7},
		{"failure":null,"request":{"url":"http://www.a.example/"},"response":{"code":301,"body":"","headers":{"Location":"https://www.b.example/"}},"t":0.5}]}}`
	rows := observation.Observe(decode(t, doc), observation.Options{}).Rows
	if len(rows) != 2 {
		t.Fatalf("%+v", rows)
	}
	if r := rows[0]; r.Hop != 0 || r.IP != "198.51.100.1" || r.TCP != observation.Done || r.Status != 301 {
		t.Errorf("first hop %+v", r)
	}
	if r := rows[1]; r.Hop != 1 || r.Name != "www.b.example" || r.IP != "" || r.HTTP != "connection_reset" || r.Port != 443 {
		t.Errorf("second hop %+v", r)
	}
}

func TestObserveUnknownTest(t *testing.T) {
	o := observation.Observe(decode(t, `{"test_name":"ndt","measurement_start_time":"2024-02-17 10:00:00","test_keys":{}}`), observation.Options{})
	if o.Known {
		t.Error("ndt is not read")
	}
}

// Rows share no memory with the document: the decoder's buffer may be large.
func TestRowsOutliveTheDocument(t *testing.T) {
	line := []byte(redirected)
	m, err := measurement.Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	rows := observation.Observe(m, observation.Options{}).Rows
	before, _ := json.Marshal(rows)
	for _, s := range []*string{&m.ProbeCC, &m.TestName, (*string)(&m.Input), &m.TestKeys.Queries[0].Hostname, &m.TestKeys.Requests[0].Request.URL} {
		if overlaps(rows, *s) {
			t.Errorf("a row holds the document's %q", *s)
		}
	}
	clear(line)
	after, _ := json.Marshal(rows)
	if string(before) != string(after) {
		t.Error("the rows changed with the line")
	}
}

// A document may be made to cost much: lists that no test writes are cut, and
// the measurement does not vote.
func TestHostileLists(t *testing.T) {
	m := decode(t, redirected)
	k := &m.TestKeys
	for i := range 200_000 {
		ip := netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}).String()
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: ip, Port: int64(i & 0xffff), TransactionID: int64(i)})
		k.Queries[0].Answers = append(k.Queries[0].Answers, measurement.Answer{AnswerType: "A", IPv4: ip})
		k.Requests = append(k.Requests, k.Requests[0])
	}
	start := time.Now()
	rows := observation.Observe(m, observation.Options{}).Rows
	if took := time.Since(start); took > 5*time.Second || len(rows) > 5000 {
		t.Errorf("%d rows in %s", len(rows), took)
	}
	for _, r := range rows {
		if !slices.Contains(r.Marks, observation.TooManySteps) {
			t.Fatalf("not marked: %+v", r)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"WWW.A.Example.": "www.a.example", "яндекс.рф": "xn--d1acpjx3f.xn--p1ai", "ЯНДЕКС.рф": "xn--d1acpjx3f.xn--p1ai",
		"[2001:DB8::1]": "2001:db8::1", "192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "a_b.example": "a_b.example", "": "",
	} {
		if got := observation.CanonicalName(in); got != want {
			t.Errorf("CanonicalName(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"https://www.a.example:8443/x?y": "www.a.example", "http://яндекс.рф/": "xn--d1acpjx3f.xn--p1ai", "www.a.example": "www.a.example",
		"192.0.2.1:443": "192.0.2.1", "http://[2001:db8::1]/": "2001:db8::1", "http://a.example/%zz": "a.example", "": "",
		"http://user:pw@a.example/%zz": "a.example", "vpn://openvpn.riseup/?addr=192.0.2.1:443": "openvpn.riseup",
	} {
		if got := observation.HostOf(in); got != want {
			t.Errorf("HostOf(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFromWeb(t *testing.T) {
	row := map[string]string{
		"measurement_uid": "u1", "report_id": "r1", "input": "https://t.example/", "measurement_start_time": "2024-11-02 00:14:58+00:00",
		"probe_cc": "ZZ", "probe_asn": "64512", "resolver_asn": "64513.0", "test_name": "web_connectivity", "hostname": "t.example",
		"ip": "198.51.100.1", "port": "443.0", "ip_asn": "64600.0", "dns_engine": "system", "dns_answer": "198.51.100.1",
		"tcp_success": "1.0", "tls_success": "1", "tls_failure": "connection_reset", "network_type": "unknown", "tls_is_certificate_valid": "1.0",
	}
	get := func(column string) string { return row[column] }
	r, err := observation.FromWeb(get, observation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.ASN != 64512 || r.ResolverASN != 64513 || r.Port != 443 || r.DNS != "ok" || r.TCP != "ok" || r.TLS != "connection_reset" ||
		r.HTTP != "" || r.ControlState != observation.Unrecorded || r.NetworkType != "" || r.Hop != 0 {
		t.Errorf("%+v", r)
	}
	row["tls_failure"] = ""
	row["tls_end_entity_certificate_subject"], row["tls_end_entity_certificate_issuer"] = "CN=x", "CN=y"
	row["tls_end_entity_certificate_san_list"] = "['*.t.example', 'other.example']"
	row["tls_end_entity_certificate_not_valid_after"] = "2025-01-01 00:00:00+00:00"
	if r, _ := observation.FromWeb(get, observation.Options{}); r.Cert != observation.CertWrongName || r.Verified() {
		t.Errorf("a certificate of other names, though said to be valid: %q", r.Cert)
	}
	row["tls_end_entity_certificate_san_list"] = "['t.example']"
	if r, _ := observation.FromWeb(get, observation.Options{}); !r.Verified() {
		t.Errorf("certificate %q", r.Cert)
	}
	row["tls_failure"], row["tls_end_entity_certificate_san_list"] = "ssl_unknown_authority", ""
	row["tls_end_entity_certificate_subject"] = "CN=Signal Messenger,O=Signal"
	if r, _ := observation.FromWeb(get, observation.Options{}); r.Cert != observation.CertOtherAuthority {
		t.Errorf("an authority in the place of the server's certificate: %q", r.Cert)
	}
	row["tls_end_entity_certificate_subject"], row["tls_end_entity_certificate_issuer"] = "CN=notice.example", "CN=notice.example"
	if r, _ := observation.FromWeb(get, observation.Options{}); r.Cert != observation.CertSelfSigned {
		t.Errorf("a server's own: %q", r.Cert)
	}
	row["ip"], row["dns_answer"] = "", "Block.Page.example."
	if r, _ := observation.FromWeb(get, observation.Options{}); len(r.CNAMEs) != 1 || r.CNAMEs[0] != "block.page.example" {
		t.Errorf("names led through %q", r.CNAMEs)
	}
	row["test_name"], row["test_version"], row["engine_version"] = "signal", "0.2.4", "3.19.2"
	if r, _ := observation.FromWeb(get, observation.Options{}); len(r.Defects) != 1 {
		t.Errorf("defects %q", r.Defects)
	}
	for column, bad := range map[string]string{"measurement_start_time": "yesterday"} {
		row[column] = bad
		if _, err := observation.FromWeb(get, observation.Options{}); err == nil || !strings.Contains(err.Error(), column) {
			t.Errorf("%s %q: %v", column, bad, err)
		}
	}
}

func FuzzObserve(f *testing.F) {
	f.Add([]byte(redirected))
	f.Add([]byte(`{"test_name":"tor","measurement_start_time":"2024-02-17 10:00:00","test_keys":{"targets":{"x":{"target_address":"192.0.2.1:9001","target_protocol":"or_port"}}}}`))
	f.Add([]byte(`{"test_name":"openvpn","measurement_start_time":"2024-02-17 10:00:00","test_keys":{"openvpn_handshake":[{"ip":"::1","port":-4}]}}`))
	f.Add([]byte(`{"test_name":"telegram","measurement_start_time":"2024-02-17 10:00:00","test_keys":{"requests":[{"request":{"url":"http://192.0.2.1:80/"}}]}}`))
	verifier := observation.NewVerifier()
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := measurement.Decode(line)
		if err != nil {
			return
		}
		o := observation.Observe(m, observation.Options{Verifier: verifier})
		if len(o.Rows) == 0 {
			t.Fatal("a measurement without a row")
		}
		if again := observation.Observe(m, observation.Options{Verifier: verifier}); !reflect.DeepEqual(o, again) {
			t.Fatalf("observed otherwise the second time:\n%+v\n%+v", o, again)
		}
	})
}

package measurement

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/network"
)

// sample has every archival form; the networks and addresses are for
// documentation.
const sample = `{
 "annotations":{"platform":"linux","network_type":"wifi","extra":"1"},
 "data_format_version":"0.2.0","input":"https://www.example.org/",
 "measurement_start_time":"2024-02-17 10:11:12","test_start_time":"2024-02-17 10:11:00",
 "probe_asn":"AS64500","probe_cc":"zz","probe_ip":"203.0.113.9","probe_network_name":"Example",
 "resolver_asn":"AS64501","report_id":"r1","software_name":"ooniprobe","software_version":"3.20.0",
 "test_helpers":{"backend":{"address":"https://th.example/","type":"https"}},
 "test_name":"web_connectivity","test_version":"0.5.28","test_runtime":1.5,
 "test_keys":{
  "queries":[{"answers":[{"asn":64500,"as_org_name":"Example","answer_type":"A","ipv4":"198.51.100.1","ttl":null}],
    "engine":"getaddrinfo","failure":null,"hostname":"www.example.org","query_type":"ANY","resolver_hostname":null,
    "resolver_port":null,"resolver_address":"","t0":0.1,"t":0.2,"tags":["depth=0"],"transaction_id":10001}],
  "tcp_connect":[{"ip":"198.51.100.1","port":443,"status":{"failure":null,"success":true},"t0":0.2,"t":0.3,"tags":null,"transaction_id":50001}],
  "tls_handshakes":[{"network":"tcp","address":"198.51.100.1:443","cipher_suite":"x","failure":"connection_reset","negotiated_protocol":"",
    "no_tls_verify":false,"peer_certificates":[{"data":"AAEC","format":"base64"}],"server_name":"www.example.org","t":0.4,"tags":null,"tls_version":""}],
  "network_events":[{"failure":null,"operation":"read","num_bytes":12,"t":0.3,"tags":["depth=0"],"transaction_id":50001}],
  "requests":[{"failure":null,"request":{"body":"","body_is_truncated":false,"headers_list":[["Host","www.example.org"]],
     "headers":{"Host":"www.example.org"},"method":"GET","tor":{"exit_ip":null,"exit_name":null,"is_tor":false},"url":"https://www.example.org/"},
    "response":{"body":{"format":"base64","data":"/w=="},"body_is_truncated":false,"code":200,
     "headers_list":[["X-A",{"format":"base64","data":"/w"}],["X-A","2"]],"headers":{"X-A":{"format":"base64","data":"/w"}}},"t":0.5,"tags":null}],
  "control":{"tcp_connect":{"198.51.100.1:443":{"status":true,"failure":null}},"tls_handshake":{"198.51.100.1:443":{"server_name":"www.example.org","status":true,"failure":null}},"quic_handshake":{},
    "http_request":{"body_length":-1,"discovered_h3_endpoint":"","failure":"unknown_error","title":"","headers":{},"status_code":-1},
    "http3_request":null,"dns":{"failure":null,"addrs":["198.51.100.1"]},"ip_info":{"198.51.100.1":{"asn":64500,"flags":11}}},
  "blocking":"dns","accessible":false}}`

func TestDecodeReadsWhatIsWritten(t *testing.T) {
	m, err := Decode([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Defects) > 0 {
		t.Errorf("defects %v of a sound document", m.Defects)
	}
	if want := time.Date(2024, 2, 17, 10, 11, 12, 0, time.UTC); !m.StartTime.Equal(want) {
		t.Errorf("start %v, want %v", m.StartTime, want)
	}
	k := m.TestKeys
	for name, pair := range map[string][2]any{
		"country":     {m.ProbeCC, "ZZ"},
		"network":     {m.ProbeASN, network.ASN(64500)},
		"resolver":    {m.ResolverASN, network.ASN(64501)},
		"platform":    {m.Annotations.Platform, "linux"},
		"answer":      {k.Queries[0].Answers[0].IPv4, "198.51.100.1"},
		"transaction": {k.TCPConnect[0].TransactionID, int64(50001)},
		"handshake":   {k.TLSHandshakes[0].Failure, Failure("connection_reset")},
		"body":        {k.Requests[0].Response.Body, Text("\xff")},
		"header":      {k.Requests[0].Response.HeadersList[0], Header{"X-A", "\xff"}},
		"header map":  {k.Requests[0].Response.Headers[0], Header{"X-A", "\xff"}},
		"get":         {k.Requests[0].Response.Get("x-a"), "\xff"},
		"control":     {k.Control.HTTPRequest.StatusCode, int64(-1)},
		"ip info":     {k.Control.IPInfo["198.51.100.1"].Flags, int64(11)},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: got %#v, want %#v", name, pair[0], pair[1])
		}
	}
	if cert, err := k.TLSHandshakes[0].PeerCertificates[0].Bytes(); err != nil || !bytes.Equal(cert, []byte{0, 1, 2}) {
		t.Errorf("certificate %v, %v", cert, err)
	}
}

func TestEncodeDecodesToTheSame(t *testing.T) {
	first, err := Decode([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, again) {
		t.Errorf("encoded and decoded:\n%+v\nwas\n%+v", again, first)
	}
	for _, want := range []string{
		`"probe_ip":"127.0.0.1"`, `"probe_asn":"AS64500"`, `"measurement_start_time":"2024-02-17 10:11:12"`,
		`"failure":null`, `"resolver_hostname":null`, `"ttl":null`, `"tags":null`,
		`{"data":"/w==","format":"base64"}`,
	} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("the encoding lacks %s", want)
		}
	}
	for _, never := range []string{"203.0.113.9", "blocking", "accessible"} {
		if bytes.Contains(b, []byte(never)) {
			t.Errorf("the encoding has %s", never)
		}
	}
}

// One change to a sound document: what is lost, and what is kept.
func TestDecodeKeepsWhatCanBeRead(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		defects        []string
		kept           func(*Measurement) bool
	}{
		{"number for a string", `"hostname":"www.example.org"`, `"hostname":7`,
			[]string{"test_keys.queries[0].hostname"},
			func(m *Measurement) bool { return m.TestKeys.Queries[0].Answers[0].IPv4 == "198.51.100.1" }},
		{"list for an object", `"request":{`, `"request":[],"was":{`,
			[]string{"test_keys.requests[0].request"},
			func(m *Measurement) bool { return m.TestKeys.Requests[0].Response.Code == 200 }},
		{"object for a failure", `"failure":"connection_reset"`, `"failure":{"a":1}`,
			[]string{"test_keys.tls_handshakes[0].failure"},
			func(m *Measurement) bool { return m.TestKeys.TLSHandshakes[0].Failure == Unreadable }},
		{"string for a list", `"queries":[`, `"queries":"none","was":[`,
			[]string{"test_keys.queries"},
			func(m *Measurement) bool { return len(m.TestKeys.TCPConnect) == 1 }},
		{"a null among the steps", `"tcp_connect":[`, `"tcp_connect":[7,`,
			[]string{"test_keys.tcp_connect[0]"},
			func(m *Measurement) bool {
				return len(m.TestKeys.TCPConnect) == 1 && m.TestKeys.TCPConnect[0].Port == 443
			}},
		{"a bad network number", `"AS64500","probe_cc"`, `"ASx","probe_cc"`,
			[]string{"probe_asn"}, func(m *Measurement) bool { return m.ProbeASN == 0 && m.ProbeCC == "ZZ" }},
		{"annotations of another kind", `"linux"`, `{"os":"linux"}`,
			[]string{"annotations.platform"}, func(m *Measurement) bool { return m.Annotations.NetworkType == "wifi" }},
		{"one address of the control", `"198.51.100.1":{"asn"`, `"192.0.2.1":[],"198.51.100.1":{"asn"`,
			[]string{"test_keys.control.ip_info.192.0.2.1"},
			func(m *Measurement) bool { return m.TestKeys.Control.IPInfo["198.51.100.1"].ASN == 64500 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Count(sample, c.old) == 0 {
				t.Fatalf("the sample has no %s", c.old)
			}
			m, err := Decode([]byte(strings.Replace(sample, c.old, c.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Defects, c.defects) {
				t.Errorf("defects %q, want %q", m.Defects, c.defects)
			}
			if !c.kept(m) {
				t.Errorf("lost what could be read: %+v", m)
			}
		})
	}
}

func TestDecodeOneConnectionWhereAListIsUsual(t *testing.T) {
	m, err := Decode([]byte(`{"test_name":"openvpn","measurement_start_time":"2022-11-21 17:22:49","test_keys":{
		"tcp_connect":{"ip":"192.0.2.1","port":443,"status":{"failure":"connection_refused"}},"success":true}}`))
	if err != nil || len(m.Defects) > 0 {
		t.Fatal(err, m.Defects)
	}
	if len(m.TestKeys.TCPConnect) != 1 || m.TestKeys.TCPConnect[0].Status.Failure != "connection_refused" {
		t.Errorf("got %+v", m.TestKeys.TCPConnect)
	}
}

func TestDecodeECH(t *testing.T) {
	m, err := Decode([]byte(`{"test_name":"echcheck","measurement_start_time":"2022-11-21T17:22:49Z","test_keys":{
		"control":{"address":"192.0.2.1:443","failure":null,"server_name":"a.example"},
		"target":{"address":"192.0.2.1:443","failure":"connection_reset","server_name":"a.example"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	k := m.TestKeys
	if k.Control != nil || k.ECHControl.ServerName != "a.example" || k.ECHTarget.Failure != "connection_reset" {
		t.Errorf("got %+v %+v %+v", k.Control, k.ECHControl, k.ECHTarget)
	}
}

func TestDecodeRefusesWithAReasonAndAHint(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Reason
	}{
		{"empty", ``, NotJSON},
		{"cut short", sample[:200], NotJSON},
		{"two documents", sample + sample, NotJSON},
		{"a list", `[` + sample + `]`, NotObject},
		{"null", `null`, NotObject},
		{"a string", `"x"`, NotObject},
		{"an empty object", `{}`, MissingTestName},
		{"no name", strings.Replace(sample, "test_name", "name", 1), MissingTestName},
		{"no start", strings.Replace(sample, "measurement_start_time", "start", 1), MissingStartTime},
		{"a start that is no time", strings.Replace(sample, "2024-02-17 10:11:12", "yesterday", 1), MissingStartTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.line))
			var de *DecodeError
			if !errors.As(err, &de) || de.Reason != c.want || de.Hint == "" {
				t.Errorf("got %#v, want reason %s and a hint", err, c.want)
			}
		})
	}
}

// What is there but cannot be read is not called missing.
func TestDecodeShowsWhatIsWrong(t *testing.T) {
	long := `"` + strings.Repeat("x", 500) + `"`
	for value, want := range map[string]string{
		`1708164672`:         "measurement_start_time has the wrong type: it is 1708164672, a number, and must be text",
		`["2024-02-17"]`:     `measurement_start_time has the wrong type: it is ["2024-02-17"], a list, and must be text`,
		`{"a":1}`:            `measurement_start_time has the wrong type: it is {"a":1}, an object, and must be text`,
		`true`:               "measurement_start_time has the wrong type: it is true",
		`"yesterday"`:        `measurement_start_time is "yesterday", which is no time`,
		"\"a\u009b\u202eb\"": `measurement_start_time is "a??b", which is no time`,
		long:                 `measurement_start_time is "` + strings.Repeat("x", 59) + "…, which is no time",
		`null`:               "missing measurement start time",
		`""`:                 "missing measurement start time",
	} {
		_, err := Decode([]byte(strings.Replace(sample, `"2024-02-17 10:11:12"`, value, 1)))
		var de *DecodeError
		if !errors.As(err, &de) || de.Reason != MissingStartTime || de.Hint == "" || !strings.HasPrefix(err.Error(), "decode measurement: "+want) {
			t.Errorf("%s: %v; want %s", value, err, want)
		}
	}
	_, err := Decode([]byte(strings.Replace(sample, `"test_name":"web_connectivity"`, `"test_name":7`, 1)))
	if err == nil || !strings.Contains(err.Error(), "test_name has the wrong type: it is 7, a number") {
		t.Error(err)
	}
}

// oracle decodes with encoding/json, strictly.
func oracle(line []byte) (*Measurement, error) {
	m := new(Measurement)
	if err := json.Unmarshal(line, m); err != nil {
		return nil, err
	}
	return m, nil
}

// Where encoding/json reads a real document without complaint, so do we, and
// we see the same.
func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	n := 0
	for _, path := range realDocuments(t) {
		line, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(line)
		if err != nil {
			if !strings.HasSuffix(path, ".jsonc") && !strings.Contains(path, "detector_query") {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		n++
		want, err := oracle(line)
		if err != nil {
			if len(got.Defects) == 0 && got.TestName != "openvpn" { // one connection for a list is read
				t.Errorf("%s: encoding/json says %v, we name no defect", path, err)
			}
			continue
		}
		want.ProbeCC = country(want.ProbeCC)
		want.TestKeys.ECHControl, want.TestKeys.ECHTarget = got.TestKeys.ECHControl, got.TestKeys.ECHTarget
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded otherwise than encoding/json does", path)
		}
	}
	if n == 0 {
		t.Fatal("no document was read")
	}
}

// realDocuments lists the shared measurements; the test is skipped where they
// are absent.
func realDocuments(t testing.TB) []string {
	shared := os.Getenv("BANDISH_SHARED")
	if shared == "" {
		shared = "../../shared"
	}
	var paths []string
	for _, dir := range []string{"real", "scenarios", "scenarios-full"} {
		found, _ := filepath.Glob(filepath.Join(shared, "ooni", dir, "*.json*"))
		paths = append(paths, found...)
	}
	if len(paths) == 0 {
		t.Skipf("no measurements under %s; set BANDISH_SHARED", shared)
	}
	return paths
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(strings.Replace(sample, `"queries":[`, `"queries":[1,{"failure":2},`, 1)))
	f.Add([]byte(`{"test_name":"tor","measurement_start_time":"2022-11-21 17:22:49","test_keys":{"targets":{"x":{"failure":null,"tcp_connect":[{}]}}}}`))
	f.Add([]byte(`{"test_name":"dnscheck","measurement_start_time":"2022-11-21 17:22:49","test_keys":{"lookups":{"https://a.example/":{"queries":[]}}}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := Decode(line)
		if err != nil {
			var de *DecodeError
			if !errors.As(err, &de) || de.Hint == "" {
				t.Fatalf("error without reason and hint: %v", err)
			}
			return
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatalf("decoded but does not encode: %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	line := []byte(sample)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := Decode(line); err != nil {
			b.Fatal(err)
		}
	}
}

package dataformat

import (
	"slices"
	"strings"
	"testing"
)

// inOrder is a measurement as the documents say: an example of country ZZ on a
// private network.
const inOrder = `{"probe_asn":"AS64512","probe_cc":"ZZ","probe_ip":"127.0.0.1","resolver_asn":"AS64512","test_start_time":"2024-02-17 10:00:00","measurement_start_time":"2024-02-17 10:00:01",
"data_format_version":"0.2.0","software_name":"example","software_version":"1.0.0","test_name":"web_connectivity","test_version":"0.5.28","test_runtime":2.5,"input":"https://x.com/",
"test_keys":{"agent":"redirect",
"queries":[{"engine":"udp","query_type":"A","resolver_address":"192.0.2.53:53","hostname":"x.com","rcode":3,"raw_response":"AACBgwABAAAAAAAA","failure":"dns_nxdomain_error","answers":[],"t0":0.1,"t":0.2,"transaction_id":1,"tags":["depth=0"]},
 {"engine":"getaddrinfo","query_type":"ANY","resolver_address":"","hostname":"x.com","failure":null,"answers":[{"answer_type":"A","ipv4":"192.0.2.1"},{"answer_type":"AAAA","ipv6":"2001:db8::1"},{"answer_type":"CNAME","hostname":"y.example"}],"t":0.2,"transaction_id":1,"tags":["depth=0"]}],
"tcp_connect":[{"ip":"192.0.2.1","port":443,"status":{"failure":null,"success":true},"t0":0.2,"t":0.3,"transaction_id":1,"tags":["depth=0"]}],
"tls_handshakes":[{"address":"192.0.2.1:443","network":"tcp","tls_version":"TLSv1.3","no_tls_verify":false,"peer_certificates":[{"data":"QUJD","format":"base64"}],"failure":null,"t":0.4,"transaction_id":1,"tags":["depth=0"]}],
"network_events":[{"operation":"connect","proto":"tcp","address":"192.0.2.1:443","failure":null,"t":0.3,"transaction_id":1,"tags":["depth=0"]},{"operation":"read","proto":"tcp","num_bytes":12,"failure":null,"t":0.3,"transaction_id":1,"tags":["depth=0"]}],
"requests":[{"address":"192.0.2.1:443","failure":null,"t":0.9,"transaction_id":1,"tags":["depth=0"],"request":{"method":"GET","url":"https://x.com/","tor":{"is_tor":false},"headers":{"Accept":"a"},"headers_list":[["Accept","a"],["Accept","b"]],"body":"","body_is_truncated":false},
 "response":{"code":200,"headers":{},"headers_list":[],"body":{"data":"//8=","format":"base64"},"body_is_truncated":false}}]}}`

func TestInOrder(t *testing.T) {
	if problems := Check([]byte(inOrder)); len(problems) > 0 {
		t.Error(strings.Join(problems, "\n"))
	}
}

// One change to what is in order is found, at its path.
func TestOneChange(t *testing.T) {
	for _, c := range []struct{ old, changed, path string }{
		{`"probe_ip":"127.0.0.1"`, `"probe_ip":"192.0.2.99"`, "probe_ip"},
		{`"probe_asn":"AS64512"`, `"probe_asn":"64512"`, "probe_asn"},
		{`"resolver_asn":"AS64512"`, `"resolver_asn":64512`, "resolver_asn"},
		{`"2024-02-17 10:00:01"`, `"2024-02-17T10:00:01Z"`, "measurement_start_time"},
		{`"test_runtime":2.5`, `"test_runtime":-1`, "test_runtime"},
		{`"test_runtime":2.5`, `"test_runtime":0.5`, "requests[0].t"},
		{`"input":"https://x.com/"`, `"input":null`, "input"},
		{`"agent":"redirect"`, `"agent":"other"`, "agent"},
		{`"engine":"udp"`, `"engine":"carrier pigeon"`, "queries[0].engine"},
		{`"query_type":"ANY"`, `"query_type":"A"`, "queries[1]"},
		{`"resolver_address":"192.0.2.53:53"`, `"resolver_address":""`, "queries[0]"},
		{`"rcode":3`, `"rcode":2`, "queries[0].raw_response"},
		{`dns_nxdomain_error`, `NXDOMAIN`, "queries[0].failure"},
		{`"ipv4":"192.0.2.1"`, `"ipv4":"2001:db8::2"`, "queries[1].answers[0]"},
		{`"answer_type":"CNAME","hostname"`, `"answer_type":"CNAME","name"`, "queries[1].answers[2]"},
		{`"t0":0.1`, `"t0":0.3`, "queries[0].t0"},
		{`"success":true`, `"success":false`, "tcp_connect[0].status"},
		{`"port":443`, `"port":70000`, "tcp_connect[0].port"},
		{`"TLSv1.3"`, `"TLS 1.3"`, "tls_handshakes[0].tls_version"},
		{`"data":"QUJD"`, `"data":"not base64"`, "tls_handshakes[0].peer_certificates"},
		{`[{"data":"QUJD","format":"base64"}]`, `[]`, "tls_handshakes[0].peer_certificates"},
		{`"operation":"read"`, `"operation":"connected"`, "network_events[1].operation"},
		{`"num_bytes":12`, `"num_bytes":1.5`, "network_events[1].num_bytes"},
		{`{"Accept":"a"}`, `{"Accept":"b"}`, "requests[0].request.headers"},
		{`"method":"GET"`, `"method":"get"`, "requests[0].request.method"},
		{`"is_tor":false`, `"is_tor":true`, "requests[0].request.tor"},
		{`"code":200`, `"code":20`, "requests[0].response.code"},
		{`"data":"//8="`, `"data":"?"`, "requests[0].response.body"},
		{`"requests":[`, `"requests":null,"was":[`, "requests"},
		{`"tcp_connect":[`, `"tcp_connect":[7,`, "tcp_connect[0]"},
	} {
		changed := strings.Replace(inOrder, c.old, c.changed, 1)
		if changed == inOrder {
			t.Fatalf("%s is not in the example", c.old)
		}
		problems := Check([]byte(changed))
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, c.path+": ") }) {
			t.Errorf("%s: found %q, want one at %s", c.changed, problems, c.path)
		}
	}
	for _, none := range []string{"", "[]", "{}", `{"test_keys":[]}`} {
		if len(Check([]byte(none))) == 0 {
			t.Errorf("%q is in order", none)
		}
	}
}

package observation

import (
	"net/netip"
	"testing"
)

// The examples of RFC 6052, section 2.4.
func TestEmbedded(t *testing.T) {
	want := netip.MustParseAddr("192.0.2.33")
	for text, bits := range map[string]int{
		"2001:db8:c000:221::":          32,
		"2001:db8:1c0:2:21::":          40,
		"2001:db8:122:c000:2:2100::":   48,
		"2001:db8:122:3c0:0:221::":     56,
		"2001:db8:122:344:c0:2:2100::": 64,
		"2001:db8:122:344::192.0.2.33": 96,
		"64:ff9b::c000:221":            96,
	} {
		if got := embedded(netip.MustParseAddr(text), bits); got != want {
			t.Errorf("%s with %d bits: %s", text, bits, got)
		}
	}
}

func TestTranslated(t *testing.T) {
	rows := []Row{
		{Name: "ipv4only.arpa", IP: "2a00:1098:2c::c000:aa"},
		{Name: "a.example", IP: "2a00:1098:2c::c633:640a"},
		{Name: "b.example", IP: "2a00:1098:ff::1"},
		{Name: "c.example", IP: "64:ff9b::c633:6409"},
		{Name: "d.example", IP: "198.51.100.7"},
	}
	translated(rows, nil, "")
	for i, want := range []string{"192.0.0.170", "198.51.100.10", "", "198.51.100.9", ""} {
		if rows[i].IPv4 != want {
			t.Errorf("%s at %s: %q, want %q", rows[i].Name, rows[i].IP, rows[i].IPv4, want)
		}
	}
}

func TestLeadsTo(t *testing.T) {
	for body, want := range map[string]string{
		`<iframe src="http://notice.example/x" width=1>`:               "notice.example",
		`<iframe width='1' src='https://203.0.113.5:8080/'>`:           "203.0.113.5",
		`<FRAME NAME=a SRC=//notice.example/>`:                         "notice.example",
		`<meta http-equiv=refresh content="0;URL='http://n.example'">`: "n.example",
		`<script>location.replace("http://n.example/")</script>`:       "n.example",
		`<iframe src="/frame.html">`:                                   "",
		`<iframe src="http://www.a.example/frame.html">`:               "",
		`<p>see http://notice.example/</p>`:                            "",
		`<img src="http://notice.example/">`:                           "",
	} {
		if got := leadsTo(body, "www.a.example"); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestFailureOf(t *testing.T) {
	for text, want := range map[string]Result{
		"connection_refused_error": "connection_refused",
		"unknown_failure: lookup a.example: No address associated with hostname":                                                          "android_dns_cache_no_data",
		"unknown_failure: read tcp 10.0.0.1:1->198.51.100.1:443: wsarecv: An existing connection was forcibly closed by the remote host.": "connection_reset",
		"unknown_failure: proxyconnect tcp: dial tcp: connection refused":                                                                 "",
		"unknown_failure: tls: first record does not look like a TLS handshake":                                                           "",
		"unknown_failure: x509: certificate is valid for b.example, not a.example":                                                        "ssl_invalid_hostname",
		"something else: connection refused":                                                                                              "",
	} {
		if got, known := failureOf(text); got != want || known != (want != "") {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

package verdict

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
)

// A broken address of a site that works elsewhere resets every name: failing
// contrasts there must not become a block of their own.
func TestFailingContrastsAtABrokenAddress(t *testing.T) {
	m := &measurement.Measurement{
		TestName: "web_connectivity", Input: "https://x.example/", ProbeCC: "ZZ", ProbeASN: 64512,
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)},
	}
	k := &m.TestKeys
	good, bad := "104.16.0.1", "104.16.0.2"
	k.Queries = []measurement.Query{{Engine: "getaddrinfo", Hostname: "x.example", QueryType: "ANY", TransactionID: 9, Tags: []string{"depth=0"},
		Answers: []measurement.Answer{{AnswerType: "A", IPv4: good}, {AnswerType: "A", IPv4: bad}}}}
	step := func(ip, name string, tx int64, f measurement.Failure, tags ...string) {
		tags = append([]string{"depth=0"}, tags...)
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: ip, Port: 443, Status: measurement.TCPStatus{Success: true}, TransactionID: tx, Tags: tags})
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{Network: "tcp", Address: ip + ":443", ServerName: name, Failure: f,
			NoTLSVerify: len(tags) > 2, TransactionID: tx, Tags: tags})
	}
	step(good, "x.example", 1, "")
	step(bad, "x.example", 2, "connection_reset")
	step(bad, "innocent.example", 3, "connection_reset", "contrast", "sni_contrast")
	step(bad, "", 4, "connection_reset", "contrast", "no_sni")
	k.Requests = []measurement.Transaction{{Network: "tcp", Address: good + ":443", ALPN: "h2", TransactionID: 1, Tags: []string{"depth=0"},
		Request: measurement.HTTPRequest{URL: "https://x.example/", Method: "GET"}, Response: measurement.HTTPResponse{Code: 200, Body: "<title>x</title>"}}}
	whole := *k
	for _, only := range []bool{false, true} {
		if only { // the resolver here gives the broken address alone
			whole.TCPConnect, whole.TLSHandshakes, whole.Requests = k.TCPConnect[1:], k.TLSHandshakes[1:], nil
			whole.Queries[0].Answers = whole.Queries[0].Answers[1:]
		}
		m.TestKeys = whole
		judgeBroken(t, m, good, bad)
	}
}

func judgeBroken(t *testing.T, m *measurement.Measurement, good, bad string) {
	t.Helper()
	k := &m.TestKeys
	for _, control := range []measurement.Failure{"connection_reset", ""} {
		k.Control = &measurement.Control{
			TCPConnect: map[string]measurement.ControlTCP{good + ":443": {Status: true}, bad + ":443": {Status: true}},
			TLSHandshake: map[string]measurement.ControlTLS{good + ":443": {ServerName: "x.example", Status: true},
				bad + ":443": {ServerName: "x.example", Status: control == "", Failure: control}},
			DNS:         measurement.ControlDNS{Addrs: []string{good, bad}},
			HTTPRequest: measurement.ControlHTTP{StatusCode: 200, BodyLength: 16},
		}
		v := Judge(observation.Observe(m, observation.Options{}).Rows)
		t.Logf("control %q: %s %v %v", control, v.State, v.Mechanisms, v.Rules)
		if control != "" && (v.State == Blocked || v.State == LikelyBlocked) {
			t.Errorf("a server that is broken for everybody: %s by %v", v.State, v.Rules)
		}
	}
}

// A server asked for another name, or for none, shows a certificate for its
// own: nobody stands in the middle.
func TestCertificatesOfContrastsAreNoMITM(t *testing.T) {
	der := certificateOfAnother(t)
	m := &measurement.Measurement{
		TestName: "web_connectivity", Input: "https://x.example/", ProbeCC: "ZZ", ProbeASN: 64512,
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)},
	}
	const ip = "104.16.0.1"
	step := func(name string, tx int64, f measurement.Failure, certs []measurement.Binary, tags ...string) {
		k, tags := &m.TestKeys, append([]string{"depth=0"}, tags...)
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: ip, Port: 443, Status: measurement.TCPStatus{Success: true}, TransactionID: tx, Tags: tags})
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{Network: "tcp", Address: ip + ":443", ServerName: name, Failure: f, TLSVersion: "TLSv1.3",
			NoTLSVerify: certs != nil, PeerCertificates: certs, TransactionID: tx, Tags: tags})
	}
	m.TestKeys.Queries = []measurement.Query{{Engine: "getaddrinfo", Hostname: "x.example", QueryType: "ANY", TransactionID: 9, Tags: []string{"depth=0"},
		Answers: []measurement.Answer{{AnswerType: "A", IPv4: ip}}}}
	step("x.example", 1, "generic_timeout_error", nil)
	step("innocent.example", 2, "", []measurement.Binary{measurement.NewBinary(der)}, "contrast", "sni_contrast")
	step("", 3, "", []measurement.Binary{measurement.NewBinary(der)}, "contrast", "no_sni")
	m.TestKeys.Control = &measurement.Control{
		TCPConnect:   map[string]measurement.ControlTCP{ip + ":443": {Status: true}},
		TLSHandshake: map[string]measurement.ControlTLS{ip + ":443": {ServerName: "x.example", Status: true}},
		DNS:          measurement.ControlDNS{Addrs: []string{ip}},
		HTTPRequest:  measurement.ControlHTTP{StatusCode: 200, BodyLength: 100},
	}
	v := Judge(observation.Observe(m, observation.Options{}).Rows)
	if v.State != LikelyBlocked || !slices.Equal(v.Mechanisms, []string{"tls.timeout.sni"}) {
		t.Errorf("%s %v by %v", v.State, v.Mechanisms, v.Rules)
	}
}

// certificateOfAnother is one for other.example, signed by itself.
func certificateOfAnother(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"other.example"},
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// What becomes of QUIC stands beside the state of a page, and does not move it.
func TestQUICStandsBesideThePage(t *testing.T) {
	page := observation.Row{
		UID: "u", Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC), CC: "ZZ", ASN: 64512, TestName: "web_connectivity",
		Input: "https://x.example/", Target: "x.example", Name: "x.example", IP: "104.16.0.1", Port: 443, Transport: "tcp",
		DNS: observation.Done, DNSEngines: []string{"getaddrinfo"}, TCP: observation.Done, TLS: observation.Done, ServerName: "x.example",
		HTTP: observation.Done, URL: "https://x.example/", Status: 200, BodyBytes: 900, Title: "x",
		ControlState: observation.Done, ControlDNS: observation.Done, ControlAddrs: []string{"104.16.0.1"}, ControlTCP: observation.Done,
		ControlTLS: observation.Done, ControlHTTP: observation.Done, ControlStatus: 200, ControlBodyBytes: 900, ControlTitle: "x",
	}
	over := page
	over.Seq, over.Transport, over.TCP, over.TLS, over.HTTP, over.URL, over.Status = 1, "quic", "", "", "", "", 0
	over.QUIC, over.ControlQUIC = timedOut, observation.Done
	for _, c := range []struct {
		name      string
		contrasts []string
		outcome   Outcome
		mechanism []string
	}{
		{"another name works at the address", []string{"quic_contrast quic ok"}, OutcomeBlocked, []string{"quic.timeout"}},
		{"QUIC works elsewhere", []string{"innocent_baseline quic ok"}, OutcomeBlocked, []string{"quic.timeout"}},
		{"all QUIC fails", []string{"quic_contrast quic generic_timeout_error", "innocent_baseline quic generic_timeout_error"}, OutcomeUnknown, nil},
	} {
		over.Contrasts = c.contrasts
		got := Judge([]observation.Row{page, over})
		if got.State != OK || got.QUIC.Outcome != c.outcome || !slices.Equal(got.Mechanisms, c.mechanism) {
			t.Errorf("%s: %s, layer %v, %v", c.name, got.State, got.QUIC, got.Mechanisms)
		}
	}
}

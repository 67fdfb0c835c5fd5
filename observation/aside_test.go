package observation

import (
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
)

// A contrast that fails changes no row: the same measurement with and without
// it is observed alike.
func TestContrastsAreNotTheTargets(t *testing.T) {
	m := &measurement.Measurement{
		TestName: "web_connectivity", Input: "https://x.example/",
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)},
	}
	m.TestKeys.TCPConnect = []measurement.TCPConnect{{IP: "198.51.100.1", Port: 443, Status: measurement.TCPStatus{Success: true}, TransactionID: 1, Tags: []string{"depth=0"}}}
	m.TestKeys.TLSHandshakes = []measurement.TLSHandshake{{Address: "198.51.100.1:443", ServerName: "x.example", TransactionID: 1, Tags: []string{"depth=0"}}}
	before := Observe(m, Options{})
	if len(before.Rows) != 1 {
		t.Fatalf("%d rows", len(before.Rows))
	}
	for i, tag := range []string{"contrast", "resolver"} {
		tx := int64(i + 2)
		m.TestKeys.TCPConnect = append(m.TestKeys.TCPConnect, measurement.TCPConnect{IP: "198.51.100.9", Port: 443, TransactionID: tx,
			Status: measurement.TCPStatus{Failure: "generic_timeout_error"}, Tags: []string{"depth=0", tag}})
		m.TestKeys.TLSHandshakes = append(m.TestKeys.TLSHandshakes, measurement.TLSHandshake{Address: "198.51.100.1:443", ServerName: "y.example",
			Failure: "connection_reset", TransactionID: tx, Tags: []string{"depth=0", tag}})
		m.TestKeys.Queries = append(m.TestKeys.Queries, measurement.Query{Hostname: "x.example", Engine: "udp", ResolverAddress: "198.51.100.9:53",
			Failure: "generic_timeout_error", TransactionID: tx, Tags: []string{"depth=0", tag}})
		m.TestKeys.Requests = append(m.TestKeys.Requests, measurement.Transaction{Failure: "connection_reset", TransactionID: tx,
			Request: measurement.HTTPRequest{URL: "https://x.example/"}, Tags: []string{"depth=0", tag}})
	}
	after := Observe(m, Options{})
	if len(after.Rows) != 1 || after.Rows[0].TLS != before.Rows[0].TLS || after.Rows[0].HTTP != before.Rows[0].HTTP || after.Rows[0].DNS != before.Rows[0].DNS {
		t.Errorf("rows after: %+v", after.Rows)
	}
}

// A handshake with another name at the target's address is a row of its own,
// with the name that was sent and without that other name's certificate.
func TestNameContrastsAreRows(t *testing.T) {
	own := measurement.TLSHandshake{Address: "198.51.100.1:443", ServerName: "x.example", Failure: "connection_reset", TransactionID: 1, Tags: []string{"depth=0"}}
	other := measurement.TLSHandshake{Address: "198.51.100.1:443", ServerName: "y.example", NoTLSVerify: true, TransactionID: 2,
		Tags: []string{"depth=0", "contrast", "sni_contrast"}, PeerCertificates: []measurement.Binary{{Data: "not a certificate"}}}
	m := &measurement.Measurement{
		TestName: "web_connectivity", Input: "https://x.example/",
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)},
	}
	m.TestKeys.TLSHandshakes = []measurement.TLSHandshake{own, other}
	names := map[string]Row{}
	for _, r := range Observe(m, Options{}).Rows {
		names[r.ServerName] = r
	}
	if r := names["x.example"]; r.TLS != "connection_reset" {
		t.Errorf("own: %+v", r)
	}
	if r := names["y.example"]; r.TLS != Done || r.Cert != "" || !r.NoVerify {
		t.Errorf("contrast: %+v", r)
	}
	if len(m.TestKeys.TLSHandshakes[1].PeerCertificates) != 1 {
		t.Error("the measurement was changed")
	}
}

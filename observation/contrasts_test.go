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

// What the contrasts came to stands on the rows of the input's host: those at
// an address on that address's rows, those elsewhere on all.
func TestContrastsAreNoted(t *testing.T) {
	m := &measurement.Measurement{
		TestName: "web_connectivity", Input: "https://x.example/",
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)},
	}
	k := &m.TestKeys
	for i, ip := range []string{"198.51.100.1", "198.51.100.2"} {
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: ip, Port: 443, Status: measurement.TCPStatus{Success: true}, TransactionID: int64(i + 1), Tags: []string{"depth=0"}})
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{Address: ip + ":443", ServerName: "x.example", Failure: "connection_reset", TransactionID: int64(i + 1), Tags: []string{"depth=0"}})
	}
	k.TLSHandshakes = append(k.TLSHandshakes,
		measurement.TLSHandshake{Address: "198.51.100.1:443", ServerName: "y.example", TransactionID: 3, Tags: []string{"depth=0", "contrast", "sni_contrast"}},
		measurement.TLSHandshake{Address: "198.51.100.9:443", ServerName: "x.example", Failure: "connection_reset", TransactionID: 4, Tags: []string{"depth=0", "contrast", "innocent_server"}},
		measurement.TLSHandshake{Address: "198.51.100.9:443", ServerName: "x.example", TransactionID: 5, Tags: []string{"depth=0", "contrast", "throttle", "throttle_target"}},
		measurement.TLSHandshake{Address: "198.51.100.9:443", ServerName: "r.example", TransactionID: 6, Tags: []string{"depth=0", "resolver"}},
	)
	own := 0
	for _, r := range Observe(m, Options{}).Rows {
		if r.Name != "x.example" {
			continue // of the contrast itself
		}
		own++
		want := Result("")
		if r.IP == "198.51.100.1" {
			want = Done
		}
		if r.Contrast("sni_contrast", "tls") != want || r.Contrast("innocent_server", "tls") != "connection_reset" || r.Contrast("throttle", "tls") != "" {
			t.Errorf("%s: %q", r.IP, r.Contrasts)
		}
	}
	if own != 2 {
		t.Errorf("%d rows of the target's own, want 2", own)
	}
}

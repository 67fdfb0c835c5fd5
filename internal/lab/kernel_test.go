package lab

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestKernel: the censor does to the real kernel what it does to gvisor.
func TestKernel(t *testing.T) {
	t.Parallel()
	const x = "x.test"
	l, err := NewKernel(Site{Name: x, Box: CertSelfSigned, QUIC: true}, Site{Name: "big.test", Page: bigPage(200_000)})
	if errors.Is(err, ErrNoKernel) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close) // after the parallel parts
	const ok = "200 x.test: the ordinary page"
	named := func(ports ...uint16) When { return When{Names: []string{x}, Ports: ports} }
	for _, tt := range []struct {
		name      string
		rules     []Rule
		http, tls string
	}{
		{"clean", nil, ok, ok},
		{"dns injection", []Rule{{When: named(53), Do: Forge{Addrs: []netip.Addr{bogon}, Race: true}}}, "tcp: timeout", "tcp: timeout"},
		{"dns nxdomain", []Rule{{When: named(53), Do: Forge{RCode: dns.RcodeNameError}}}, "dns: nxdomain", "dns: nxdomain"},
		{"dns drop", []Rule{{When: named(53), Do: Drop{}}}, "dns: timeout", "dns: timeout"},
		{"syn drop", []Rule{{When: When{Sites: []string{x}, Transport: "tcp"}, Do: Drop{}}}, "tcp: timeout", "tcp: timeout"},
		{"syn reset", []Rule{{When: When{Sites: []string{x}, Transport: "tcp"}, Do: Reset{}}}, "tcp: refused", "tcp: refused"},
		{"icmp", []Rule{{When: When{Sites: []string{x}, Transport: "tcp"}, Do: Unreachable{}}}, "tcp: unreachable", "tcp: unreachable"},
		{"sni reset", []Rule{{When: named(443), Do: Reset{}}}, ok, "tls: reset"},
		{"sni drop", []Rule{{When: named(443), Do: Drop{}}}, ok, "tls: timeout"},
		{"sni close", []Rule{{When: named(443), Do: Close{}}}, ok, "tls: eof"},
		{"mitm", []Rule{{When: When{Sites: []string{x}, Ports: []uint16{443}}, Do: Divert{BoxOf: x}}}, ok, "tls: certificate"},
		{"block page", []Rule{{When: named(80), Do: Answer{"HTTP/1.1 403 Forbidden\r\nContent-Length: 32\r\n\r\n<html><title>No</title></html>\r\n"}}}, "403 No", ok},
		{"host reset", []Rule{{When: named(80), Do: Reset{}}}, "http: reset", ok},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, l, Line{Rules: tt.rules})
			if got := visitFor(tt.http, c, l.RootCAs(), "http://"+x+"/"); got != tt.http {
				t.Errorf("http: got %q, want %q", got, tt.http)
			}
			if got := visitFor(tt.tls, c, l.RootCAs(), "https://"+x+"/"); got != tt.tls {
				t.Errorf("https: got %q, want %q", got, tt.tls)
			}
			if got := visit(c, l.RootCAs(), "https://"+InnocentName+"/", patience); got != "200 innocent.test: the ordinary page" {
				t.Errorf("innocent: got %q", got)
			}
		})
	}
	t.Run("throttle", func(t *testing.T) {
		t.Parallel()
		c := connect(t, l, Line{Rules: []Rule{{When: When{Names: []string{"big.test"}, Ports: []uint16{443}}, Do: Slow{Rate: 100_000, Burst: 10_000}}}})
		took := map[string]time.Duration{}
		for _, scheme := range []string{"http", "https"} {
			began := time.Now()
			if got := visit(c, l.RootCAs(), scheme+"://big.test/", 30*time.Second); got != "200 A long page" {
				t.Fatalf("%s: got %q", scheme, got)
			}
			took[scheme] = time.Since(began)
		}
		t.Log(took)
		if took["https"] < 1800*time.Millisecond || c.Censor.Struck()[0] != 1 {
			t.Errorf("took %v: the name is not slowed, or more is; the rule struck %d flows", took, c.Censor.Struck()[0])
		}
	})
	t.Run("quic", func(t *testing.T) {
		t.Parallel()
		c := connect(t, l, Line{Rules: []Rule{{When: When{Sites: []string{x}, Transport: "udp", Ports: []uint16{443}}, Do: Drop{}}}})
		if got := visitQUIC(t, c, l, x, quicPatience("timeout")); got != "timeout" {
			t.Errorf("got %q", got)
		}
		if got := visitQUIC(t, c, l, InnocentName, patience); got != "200 ok" {
			t.Errorf("innocent: got %q", got)
		}
	})
}

package verdict_test

import (
	"net"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// visited is a measurement of https://x.example/ whose control loaded the page.
func visited(k measurement.TestKeys) *measurement.Measurement {
	at := net.JoinHostPort("104.16.0.1", "443")
	k.Control = &measurement.Control{
		DNS:          measurement.ControlDNS{Addrs: []string{"104.16.0.1"}},
		TCPConnect:   map[string]measurement.ControlTCP{at: {Status: true}},
		TLSHandshake: map[string]measurement.ControlTLS{at: {ServerName: "x.example", Status: true}},
		HTTPRequest:  measurement.ControlHTTP{StatusCode: 200, BodyLength: 5000, Title: "A title of news"},
	}
	return &measurement.Measurement{TestName: "web_connectivity", Input: "https://x.example/", ProbeCC: "ZZ", ProbeASN: 64512,
		StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)}, TestKeys: k}
}

func asks(engine, kind, failure string) measurement.Query {
	return measurement.Query{Engine: engine, QueryType: kind, Failure: measurement.Failure(failure), Hostname: "x.example", Tags: []string{"depth=0"}}
}

func answers(engine string) measurement.Query {
	q := asks(engine, "A", "")
	q.Answers = []measurement.Answer{{AnswerType: "A", IPv4: "104.16.0.1"}}
	return q
}

// greeted connects to the server of x.example and sends it names in turn.
func greeted(failures ...[2]string) measurement.TestKeys {
	k := measurement.TestKeys{}
	k.Queries = []measurement.Query{answers("getaddrinfo")}
	for i, f := range failures {
		id := int64(i + 1)
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: "104.16.0.1", Port: 443, Status: measurement.TCPStatus{Success: true}, TransactionID: id, Tags: []string{"depth=0"}})
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{Address: "104.16.0.1:443", ServerName: f[0], Failure: measurement.Failure(f[1]), TransactionID: id, Tags: []string{"depth=0"}})
	}
	return k
}

func asked(q ...measurement.Query) measurement.TestKeys {
	k := measurement.TestKeys{}
	k.Queries = q
	return k
}

// What has another explanation than a block is not called one, and its
// neighbour, which has none, is.
func TestBlameOnlyWhereDue(t *testing.T) {
	const noAnswer, servfail, lost = "dns_no_answer", "dns_server_misbehaving", "android_dns_cache_no_data"
	offline := []measurement.Query{asks("getaddrinfo", "ANY", lost), asks("udp", "A", "network_unreachable"), asks("doh", "A", "host_unreachable")}
	for _, c := range []struct {
		name    string
		keys    measurement.TestKeys
		blocked bool
	}{
		{"no A", asked(asks("system", "A", noAnswer)), true},
		{"no address of any kind", asked(asks("getaddrinfo", "ANY", noAnswer)), true},
		{"no A and no AAAA", asked(asks("system", "A", noAnswer), asks("system", "AAAA", noAnswer)), true},
		{"A fails oddly, no AAAA", asked(asks("system", "A", servfail), asks("system", "AAAA", noAnswer)), false},
		{"no AAAA alone", asked(asks("system", "AAAA", noAnswer)), false},
		{"no HTTPS", asked(asks("system", "HTTPS", noAnswer)), false},
		{"no CNAME", asked(asks("system", "CNAME", noAnswer)), false},
		{"no NS", asked(asks("system", "NS", noAnswer)), false},
		{"HTTPS is dropped", asked(asks("system", "HTTPS", "generic_timeout_error")), false},
		{"only another resolver has no A", asked(asks("system", "AAAA", noAnswer), asks("udp", "A", noAnswer)), false},

		{"Android says no data", asked(offline[0]), true},
		{"and another resolver answers", asked(offline[0], answers("udp")), true},
		{"and another resolver is silent", asked(offline[0], asks("udp", "A", "generic_timeout_error")), true},
		{"offline", asked(offline...), false},
		{"offline, in other words", asked(asks("getaddrinfo", "ANY", "dns_nxdomain_error"), offline[1], offline[2]), false},
		{"online after all", asked(append([]measurement.Query{answers("doh")}, offline[:2]...)...), true},

		{"the name is reset", greeted([2]string{"x.example", "connection_reset"}), true},
		{"another name is reset", greeted([2]string{"y.example", "connection_reset"}), false},
		{"only another name is reset", greeted([2]string{"x.example", ""}, [2]string{"y.example", "connection_reset"}), false},
		{"another name is not reset", greeted([2]string{"x.example", "connection_reset"}, [2]string{"y.example", ""}), true},
	} {
		v := verdict.Judge(observation.Observe(visited(c.keys), observation.Options{}).Rows)
		if got := v.State == verdict.Blocked || v.State == verdict.LikelyBlocked; got != c.blocked {
			t.Errorf("%s: %s by %v, want blocked %t", c.name, v.State, v.Rules, c.blocked)
		}
		if !c.blocked && v.State == verdict.OK {
			t.Errorf("%s: ok by %v without a page", c.name, v.Rules)
		}
	}
}

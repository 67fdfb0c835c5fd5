package probe

import (
	"net"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
)

func TestNameservers(t *testing.T) {
	t.Parallel()
	got := nameservers("# nameserver 192.0.2.1\nnameserver 127.0.0.53\n\nsearch lan\nnameserver\tfe80::1%eth0 # router\nnameserver nonsense\nnameserver\noptions edns0\nnameserver 198.51.100.53")
	want := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.53:53"), netip.MustParseAddrPort("[fe80::1%eth0]:53"), netip.MustParseAddrPort("198.51.100.53:53")}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// stubbed is a loop that knows its resolver.
type stubbed struct {
	*loop
	at netip.AddrPort
}

func (s stubbed) SystemResolvers() []netip.AddrPort { return []netip.AddrPort{s.at} }

// TestStubTellsWhy: where the system's resolver has something to explain, it is
// asked directly, and its address stays out of the measurement. What it says of
// its answer (RFC 8914) is kept.
func TestStubTellsWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failure       error
		addrs, others []string
		asked         bool
	}{
		{failure: &net.DNSError{Err: "server misbehaving", Name: "refused.example", IsTemporary: true}, asked: true},
		{failure: &net.DNSError{Err: "no such host", Name: "refused.example", IsNotFound: true}, asked: true},
		{failure: &net.DNSError{Err: "i/o timeout", Name: "refused.example", IsTimeout: true}},
		{addrs: []string{"10.10.34.34"}, asked: true},
		{addrs: []string{"10.10.34.34"}, others: []string{"198.51.100.7"}, asked: true},
		{addrs: []string{"198.51.100.8", "198.51.100.7"}, others: []string{"198.51.100.7"}},
	} {
		l := newLoop(t)
		l.failed["refused.example"], l.hosts["refused.example"] = c.failure, c.addrs
		l.resolver("198.51.100.1:53", func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetRcode(q, dns.RcodeRefused)
			if q.IsEdns0() != nil {
				m.SetEdns0(1232, false)
				m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeCensored, ExtraText: "by an order of ZZ"})
			}
			w.WriteMsg(m)
		})
		l.resolver("198.51.100.2:53", func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(q)
			for _, a := range c.others {
				if q.Question[0].Qtype == dns.TypeA {
					m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.ParseIP(a)})
				}
			}
			w.WriteMsg(m)
		})
		cfg := l.config()
		cfg.Network = stubbed{l, netip.MustParseAddrPort("198.51.100.1:53")}
		cfg.Resolvers.UDP = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.2:53")}
		for _, passive := range []bool{false, true} {
			cfg.Passive = passive
			m := measure(t, cfg, "refused.example")
			i := slices.IndexFunc(m.TestKeys.Queries, func(q measurement.Query) bool { return slices.Contains(q.Tags, "system_resolver") })
			if (i >= 0) != (c.asked && !passive) {
				t.Errorf("%v %v, passive %v: queries %+v", c.failure, c.addrs, passive, m.TestKeys.Queries)
				continue
			}
			if i < 0 {
				continue
			}
			q := m.TestKeys.Queries[i]
			if q.Failure != failDNSRefused || q.Engine != "udp" || q.ResolverAddress != "system" || q.Rcode != dns.RcodeRefused {
				t.Errorf("query %+v", q)
			}
			rows := observation.Observe(m, observation.Options{}).Rows
			if !slices.ContainsFunc(rows, func(r observation.Row) bool {
				return slices.Contains(r.DNSExtended, "16;udp system;by an order of ZZ")
			}) {
				t.Errorf("%v: the resolver's words are not kept: %+v", c.failure, rows)
			}
		}
	}
}

// TestStubName: nothing is said of the resolver but whether it is a local one.
func TestStubName(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"198.51.100.1": "system", "2001:db8::53": "system", "192.168.1.1": "local", "10.0.0.1": "local", "127.0.0.53": "local", "fe80::1": "local", "fd00::1": "local",
	} {
		if got := stubName(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// TestResolverPlace: the network of the resolver is recorded where a database
// tells it, and its address never is.
func TestResolverPlace(t *testing.T) {
	t.Parallel()
	places := func(a netip.Addr) Place {
		if a == netip.MustParseAddr("198.51.100.99") {
			return Place{CC: "ZZ", ASN: 64520, Network: "Resolver Network"}
		}
		return Place{}
	}
	for _, c := range []struct {
		answer  string
		asn     func(netip.Addr) Place
		passive bool
		want    network.ASN
	}{
		{"198.51.100.99", places, false, 64520}, {"10.10.34.34", places, false, 0}, {"", places, false, 0},
		{"198.51.100.99", nil, false, 0}, {"198.51.100.99", places, true, 0},
	} {
		l := newLoop(t)
		if c.answer != "" {
			l.hosts[WhoAmI] = []string{c.answer}
		}
		cfg := l.config()
		cfg.ASN, cfg.Passive = c.asn, c.passive
		cfg.Resolver = cfg.ResolverPlace(t.Context())
		m := measure(t, cfg, "nowhere.example")
		if m.ResolverASN != c.want || (m.ResolverNetwork != "") != (c.want != 0) || m.ResolverIP != "" {
			t.Errorf("%+v: AS%d %q at %q", c, m.ResolverASN, m.ResolverNetwork, m.ResolverIP)
		}
	}
}

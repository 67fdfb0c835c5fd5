package probe

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

// What ParseInput takes it takes again, and it is a web page of a host.
func FuzzParseInput(f *testing.F) {
	for _, s := range []string{"x.com", "https://x.com/a?b#c", "http://[2001:db8::1]:8080/", "HTTP://EXÄMPLE.org", "x.com:443", "ftp://x", "://", "", "http://a b/", "https://user@x.com/", "http://1.2.3.4", "x.com/?q=a b #c", "x.com/?\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseInput(s)
		if err != nil {
			return
		}
		again, err := ParseInput(u.String())
		if err != nil || again.String() != u.String() || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.Errorf("%q → %q → %v, %v", s, u, again, err)
		}
	})
}

func FuzzReadWireGuard(f *testing.F) {
	f.Add("[Interface]\nPrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n[Peer]\nPublicKey = AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nEndpoint = 198.51.100.1:51820\n")
	f.Add("[Peer]\n[Peer]\nEndpoint = x\n")
	f.Add("Endpoint = 1.2.3.4:1\n")
	f.Fuzz(func(t *testing.T, s string) {
		peers, err := ReadWireGuard(strings.NewReader(s))
		for _, p := range peers {
			if err != nil || !p.Endpoint.IsValid() || p.Public == [32]byte{} {
				t.Errorf("%+v with %v", p, err)
			}
		}
	})
}

func FuzzPlaces(f *testing.F) {
	f.Add("198.51.100.0\t198.51.100.127\t64512\tZZ\tTest\n")
	f.Add("from,to,asn,cc\n2001:db8::,2001:db8::1,AS1,pk,\"a,b\"\n")
	f.Fuzz(func(t *testing.T, s string) {
		ranges, err := readRanges(strings.NewReader(s))
		if err != nil {
			return
		}
		p := &Places{ranges: ranges}
		if cc := p.Lookup(netip.MustParseAddr("198.51.100.1")).CC; len(cc) != 2 {
			t.Errorf("country %q", cc)
		}
	})
}

// Whatever a server sends back, it is no answer unless it holds our session.
func FuzzVPNReplies(f *testing.F) {
	f.Add([]byte{0x40, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9})
	f.Add(make([]byte, 92))
	f.Add([]byte{0x40, 0, 0, 0, 0, 0, 0, 0, 0, 255})
	f.Fuzz(func(t *testing.T, p []byte) {
		r := newOpenVPNReset()
		if r.answeredBy(p) && !bytes.Contains(p, r.session[:]) {
			t.Errorf("%x answers another session", p)
		}
		w := &wireGuardHello{peer: WireGuardPeer{Public: [32]byte{9}}, now: nil}
		if len(p) > 0 && p[0] == 2 && w.ephemeral == nil {
			return // no handshake was begun
		}
		w.answeredBy(p)
	})
}

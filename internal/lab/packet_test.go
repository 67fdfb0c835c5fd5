package lab

import (
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// sound reports whether a forged packet's lengths and checksums are right, as
// a kernel would check them.
func sound(t *testing.T, raw []byte) {
	t.Helper()
	p, ok := parsePacket(raw)
	if !ok {
		t.Fatalf("%x is no packet", raw)
	}
	if h := header.IPv4(raw); p.dst.Addr().Is4() && !h.IsChecksumValid() {
		t.Errorf("%x: IP checksum", raw)
	}
	body := p.transport()
	if p.proto == protoICMPv4 {
		if checksum.Checksum(body, 0) != 0xffff {
			t.Errorf("%x: ICMP checksum", raw)
		}
		return
	}
	sum := header.PseudoHeaderChecksum(header.TCPProtocolNumber, toTCPIP(p.src.Addr()), toTCPIP(p.dst.Addr()), uint16(len(body)))
	if p.proto == protoUDP {
		sum = header.PseudoHeaderChecksum(header.UDPProtocolNumber, toTCPIP(p.src.Addr()), toTCPIP(p.dst.Addr()), uint16(len(body)))
	}
	if p.proto == protoICMPv6 {
		sum = header.PseudoHeaderChecksum(header.ICMPv6ProtocolNumber, toTCPIP(p.src.Addr()), toTCPIP(p.dst.Addr()), uint16(len(body)))
	}
	if checksum.Checksum(body, sum) != 0xffff {
		t.Errorf("%x: checksum of protocol %d", raw, p.proto)
	}
}

// TestForged: whatever is forged in answer to a packet is sound and goes back
// where the packet came from.
func TestForged(t *testing.T) {
	for _, ends := range [][2]string{{"100.64.0.1:4000", "192.31.196.9:443"}, {"[2620:4f:8000::7]:4000", "[2001:4:112::9]:443"}} {
		client, server := netip.MustParseAddrPort(ends[0]), netip.MustParseAddrPort(ends[1])
		for _, raw := range [][]byte{
			tcpPacket(client, server, 7, 9, flagPSH|flagACK, []byte("odd")),
			tcpPacket(client, server, 7, 0, flagSYN, nil),
			udpPacket(client, server, []byte("even")),
		} {
			sound(t, raw)
			p, _ := parsePacket(raw)
			answers := [][]byte{p.answerUnreachable(routerAddr(server.Addr()))}
			if p.proto == protoTCP {
				answers = append(answers, p.answerTCP(flagRST|flagACK, nil), p.answerTCP(flagACK, []byte("page")))
			} else {
				answers = append(answers, p.answerUDP([]byte("answer")))
			}
			for _, a := range answers {
				sound(t, a)
				if q, _ := parsePacket(a); q.dst.Addr() != client.Addr() {
					t.Errorf("%v is answered to %v", client, q.dst)
				}
			}
			elsewhere := netip.AddrPortFrom(server.Addr().Next(), 8443)
			moved := p.redirect(p.src, elsewhere)
			sound(t, moved)
			if q, _ := parsePacket(moved); q.dst != elsewhere || q.src != client || string(q.payload) != string(p.payload) {
				t.Errorf("redirected to %v from %v with %q", q.dst, q.src, q.payload)
			}
		}
	}
}

// FuzzJudge: no packet, however broken, breaks the censor, and what it forges
// are packets.
func FuzzJudge(f *testing.F) {
	client, server := netip.MustParseAddrPort("100.64.0.1:4000"), netip.MustParseAddrPort("192.31.196.9:443")
	f.Add(true, tcpPacket(client, server, 7, 9, flagPSH|flagACK, clientHello(f, "x.test")[:600]))
	f.Add(true, udpPacket(client, netip.AddrPortFrom(server.Addr(), 53), []byte("not a question")))
	f.Add(false, tcpPacket(server, client, 7, 9, flagACK, []byte("hello")))
	f.Fuzz(func(t *testing.T, up bool, raw []byte) {
		for _, do := range []Action{Reset{}, Unreachable{}, Close{}, Forge{Race: true}, Divert{To: server}, Slow{Rate: 1000}, Lose{Probability: 0.5}, Answer{"page"}} {
			r := NewCensor(1, Rule{Do: do}).judge(up, raw)
			for _, forged := range append(r.toClient, r.toServer...) {
				if _, ok := parsePacket(forged); !ok {
					t.Fatalf("%T forged %x", do, forged)
				}
			}
		}
	})
}

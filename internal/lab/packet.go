package lab

import (
	"encoding/binary"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
)

// mtu is the greatest size of a packet on every link of the lab, in bytes. QUIC has the
// room that it needs, and a ClientHello with a post-quantum key share takes two segments,
// as on the internet.
const mtu = 1400

// The TCP flags that a censor uses.
const (
	flagFIN = uint8(header.TCPFlagFin)
	flagSYN = uint8(header.TCPFlagSyn)
	flagRST = uint8(header.TCPFlagRst)
	flagPSH = uint8(header.TCPFlagPsh)
	flagACK = uint8(header.TCPFlagAck)
)

// packet is one IP packet, version 4 or 6, with the fields that a censor reads. Extension
// headers and fragments are not understood; no host of the lab sends them.
type packet struct {
	raw      []byte
	src, dst netip.AddrPort
	proto    uint8 // 6: TCP, 17: UDP; else neither
	seq, ack uint32
	flags    uint8
	payload  []byte // of TCP or UDP; shares memory with raw
}

const (
	protoICMPv4 = uint8(header.ICMPv4ProtocolNumber)
	protoTCP    = uint8(header.TCPProtocolNumber)
	protoUDP    = uint8(header.UDPProtocolNumber)
	protoICMPv6 = uint8(header.ICMPv6ProtocolNumber)
)

// parsePacket reads an IP packet. ok is false if the bytes are none.
func parsePacket(raw []byte) (p packet, ok bool) {
	p.raw = raw
	var body []byte
	switch header.IPVersion(raw) {
	case header.IPv4Version:
		h := header.IPv4(raw)
		if !h.IsValid(len(raw)) {
			return p, false
		}
		p.proto = h.Protocol()
		p.src = netip.AddrPortFrom(fromTCPIP(h.SourceAddress()), 0)
		p.dst = netip.AddrPortFrom(fromTCPIP(h.DestinationAddress()), 0)
		p.raw = raw[:h.TotalLength()]
		body = p.raw[h.HeaderLength():]
	case header.IPv6Version:
		h := header.IPv6(raw)
		if !h.IsValid(len(raw)) {
			return p, false
		}
		p.proto = h.NextHeader()
		p.src = netip.AddrPortFrom(fromTCPIP(h.SourceAddress()), 0)
		p.dst = netip.AddrPortFrom(fromTCPIP(h.DestinationAddress()), 0)
		p.raw = raw[:header.IPv6MinimumSize+int(h.PayloadLength())]
		body = p.raw[header.IPv6MinimumSize:]
	default:
		return p, false
	}
	return p, p.parseTransport(body)
}

func (p *packet) parseTransport(body []byte) bool {
	switch p.proto {
	case protoTCP:
		if len(body) < header.TCPMinimumSize {
			return false
		}
		h := header.TCP(body)
		if int(h.DataOffset()) < header.TCPMinimumSize || int(h.DataOffset()) > len(body) {
			return false
		}
		p.setPorts(h.SourcePort(), h.DestinationPort())
		p.seq, p.ack, p.flags = h.SequenceNumber(), h.AckNumber(), uint8(h.Flags())
		p.payload = h.Payload()
	case protoUDP:
		if len(body) < header.UDPMinimumSize {
			return false
		}
		h := header.UDP(body)
		p.setPorts(h.SourcePort(), h.DestinationPort())
		p.payload = h.Payload()
	}
	return true
}

func (p *packet) setPorts(src, dst uint16) {
	p.src = netip.AddrPortFrom(p.src.Addr(), src)
	p.dst = netip.AddrPortFrom(p.dst.Addr(), dst)
}

// nextSeq returns the sequence number that follows the segment.
func (p *packet) nextSeq() uint32 {
	n := uint32(len(p.payload))
	if p.flags&(flagSYN|flagFIN) != 0 {
		n++
	}
	return p.seq + n
}

// answerTCP makes a segment that seems to come from the destination of p.
func (p *packet) answerTCP(flags uint8, payload []byte) []byte {
	return tcpPacket(p.dst, p.src, p.ack, p.nextSeq(), flags, payload)
}

// answerUDP makes a datagram that seems to come from the destination of p.
func (p *packet) answerUDP(payload []byte) []byte {
	return udpPacket(p.dst, p.src, payload)
}

// resetServer makes the reset that makes the server forget the client.
func (p *packet) resetServer() []byte {
	return tcpPacket(p.src, p.dst, p.seq, p.ack, flagRST|flagACK, nil)
}

// answerUnreachable makes the ICMP message with which a router at from says that the
// destination of p cannot be reached (host unreachable, RFC 792; no route, RFC 4443
// section 3.1).
func (p *packet) answerUnreachable(from netip.Addr) []byte {
	quoted := p.raw[:min(len(p.raw), 548)]
	const head = 8 // length of the message's header, in both versions
	body := make([]byte, head+len(quoted))
	copy(body[head:], quoted)
	if p.dst.Addr().Is4() {
		h := header.ICMPv4(body)
		h.SetType(header.ICMPv4DstUnreachable)
		h.SetCode(header.ICMPv4HostUnreachable)
		h.SetChecksum(header.ICMPv4Checksum(h[:head], checksum.Checksum(quoted, 0)))
		return ipPacket(from, p.src.Addr(), protoICMPv4, body)
	}
	h := header.ICMPv6(body)
	h.SetType(header.ICMPv6DstUnreachable)
	h.SetCode(header.ICMPv6NetworkUnreachable)
	h.SetChecksum(header.ICMPv6Checksum(header.ICMPv6ChecksumParams{
		Header: h[:head], Src: toTCPIP(from), Dst: toTCPIP(p.src.Addr()),
		PayloadCsum: checksum.Checksum(quoted, 0), PayloadLen: len(quoted),
	}))
	return ipPacket(from, p.src.Addr(), protoICMPv6, body)
}

// redirect returns a copy of a TCP or UDP packet with other ends and new checksums. It
// returns nil for other packets, which have no ports.
func (p *packet) redirect(src, dst netip.AddrPort) []byte {
	if p.proto != protoTCP && p.proto != protoUDP {
		return nil
	}
	raw := append([]byte(nil), p.raw...)
	body := raw[len(raw)-len(p.transport()):]
	binary.BigEndian.PutUint16(body[0:], src.Port())
	binary.BigEndian.PutUint16(body[2:], dst.Port())
	if src.Addr().Is4() {
		h := header.IPv4(raw)
		h.SetSourceAddress(toTCPIP(src.Addr()))
		h.SetDestinationAddress(toTCPIP(dst.Addr()))
		h.SetChecksum(0)
		h.SetChecksum(^h.CalculateChecksum())
	} else {
		h := header.IPv6(raw)
		h.SetSourceAddress(toTCPIP(src.Addr()))
		h.SetDestinationAddress(toTCPIP(dst.Addr()))
	}
	sumTransport(src.Addr(), dst.Addr(), p.proto, body)
	return raw
}

// transport returns the packet without its IP header.
func (p *packet) transport() []byte {
	if p.dst.Addr().Is4() {
		return p.raw[header.IPv4(p.raw).HeaderLength():]
	}
	return p.raw[header.IPv6MinimumSize:]
}

func tcpPacket(src, dst netip.AddrPort, seq, ack uint32, flags uint8, payload []byte) []byte {
	body := make([]byte, header.TCPMinimumSize+len(payload))
	header.TCP(body).Encode(&header.TCPFields{
		SrcPort: src.Port(), DstPort: dst.Port(), SeqNum: seq, AckNum: ack,
		DataOffset: header.TCPMinimumSize, Flags: header.TCPFlags(flags), WindowSize: 65535,
	})
	copy(body[header.TCPMinimumSize:], payload)
	sumTransport(src.Addr(), dst.Addr(), protoTCP, body)
	return ipPacket(src.Addr(), dst.Addr(), protoTCP, body)
}

func udpPacket(src, dst netip.AddrPort, payload []byte) []byte {
	body := make([]byte, header.UDPMinimumSize+len(payload))
	header.UDP(body).Encode(&header.UDPFields{SrcPort: src.Port(), DstPort: dst.Port(), Length: uint16(len(body))})
	copy(body[header.UDPMinimumSize:], payload)
	sumTransport(src.Addr(), dst.Addr(), protoUDP, body)
	return ipPacket(src.Addr(), dst.Addr(), protoUDP, body)
}

// sumTransport writes the checksum of a TCP segment or UDP datagram.
func sumTransport(src, dst netip.Addr, proto uint8, body []byte) {
	at := 16
	if proto == protoUDP {
		at = 6
	}
	binary.BigEndian.PutUint16(body[at:], 0)
	sum := header.PseudoHeaderChecksum(tcpip.TransportProtocolNumber(proto), toTCPIP(src), toTCPIP(dst), uint16(len(body)))
	binary.BigEndian.PutUint16(body[at:], ^checksum.Checksum(body, sum))
}

func ipPacket(src, dst netip.Addr, proto uint8, body []byte) []byte {
	if src.Is4() {
		raw := make([]byte, header.IPv4MinimumSize+len(body))
		h := header.IPv4(raw)
		h.Encode(&header.IPv4Fields{
			TotalLength: uint16(len(raw)), TTL: 64, Protocol: proto,
			SrcAddr: toTCPIP(src), DstAddr: toTCPIP(dst),
		})
		h.SetChecksum(^h.CalculateChecksum())
		copy(raw[header.IPv4MinimumSize:], body)
		return raw
	}
	raw := make([]byte, header.IPv6MinimumSize+len(body))
	header.IPv6(raw).Encode(&header.IPv6Fields{
		PayloadLength: uint16(len(body)), TransportProtocol: tcpip.TransportProtocolNumber(proto), HopLimit: 64,
		SrcAddr: toTCPIP(src), DstAddr: toTCPIP(dst),
	})
	copy(raw[header.IPv6MinimumSize:], body)
	return raw
}

func toTCPIP(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

func fromTCPIP(a tcpip.Address) netip.Addr {
	addr, _ := netip.AddrFromSlice(a.AsSlice())
	return addr
}

package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/bandish/bandish/measurement"
)

// OpenVPN asks an OpenVPN server for the first step of its handshake: a reset, for which
// no account is needed. The input is openvpn://192.0.2.1:1194/udp or /tcp.
//
// If the server answers, it can be reached. Silence says less: servers with tls-auth or
// tls-crypt do not answer strangers.
func OpenVPN(ctx context.Context, cfg Config, input string) (*measurement.Measurement, error) {
	addr, transport, err := ParseOpenVPN(input)
	if err != nil {
		return nil, err
	}
	start := cfg.Now()
	rec := newRecord(start, cfg)
	cfg.Watch = rec.event
	tx := rec.next(depthTag(0))
	began := cfg.Now()
	var failure error
	if transport == "tcp" {
		failure = cfg.openVPNOverTCP(ctx, rec, tx, addr)
	} else {
		failure = cfg.overUDP(ctx, tx, addr, newOpenVPNReset())
	}
	if unfinished(failure) {
		return nil, fmt.Errorf("probe %s: %w", input, context.Cause(ctx))
	}
	ended := cfg.Now()
	m := cfg.document(start, "openvpn", "0.1.5")
	m.Input = measurement.Input(input)
	k := rec.finish()
	success := failure == nil
	k.VPNProtocol, k.Provider, k.Transport, k.Remote, k.SuccessHandshake = "openvpn", "unknown", transport, addr.String(), &success
	k.OpenVPNHandshakes = []measurement.OpenVPNHandshake{{
		Endpoint: input, Failure: measurement.Failure(Failure(failure)), IP: addr.Addr().String(), Port: int64(addr.Port()), Transport: transport,
		Provider: "unknown", HandshakeTime: ended.Sub(began).Seconds(), T0: rec.since(began), T: rec.since(ended), Tags: []string{}, TransactionID: tx,
	}}
	m.TestKeys = k
	cfg.tell(Note{Step: "openvpn", What: addr.String() + " over " + transport, Failure: Failure(failure), Took: ended.Sub(began), Detail: "answers the first step of the handshake"})
	return m, nil
}

func (c *Config) tell(n Note) {
	if c.OnNote != nil && n.Failure != failInterrupted {
		c.OnNote(n)
	}
}

// ParseOpenVPN reads openvpn://ADDRESS:PORT/TRANSPORT. The transport is udp or tcp.
func ParseOpenVPN(input string) (netip.AddrPort, string, error) {
	u, err := url.Parse(input)
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("read endpoint: %w", err)
	}
	addr, err := netip.ParseAddrPort(u.Host)
	transport := strings.Trim(u.Path, "/")
	if err != nil || u.Scheme != "openvpn" || transport != "udp" && transport != "tcp" {
		return netip.AddrPort{}, "", fmt.Errorf("read endpoint %q: want openvpn://ADDRESS:PORT/udp or /tcp", input)
	}
	return addr, transport, nil
}

// exchangeUDP is the first exchange of a protocol over UDP: a packet, and a check of the
// answer.
type exchangeUDP interface {
	packet() ([]byte, error)
	answeredBy(reply []byte) bool
}

// The opcodes with which OpenVPN's control channel begins.
const (
	openVPNClientReset = 7 // P_CONTROL_HARD_RESET_CLIENT_V2
	openVPNServerReset = 8 // P_CONTROL_HARD_RESET_SERVER_V2
)

// openVPNReset opens a session: opcode, session id, no acknowledgements, packet 0.
type openVPNReset struct{ session [8]byte }

func newOpenVPNReset() *openVPNReset {
	r := new(openVPNReset)
	rand.Read(r.session[:]) // never fails (crypto/rand)
	return r
}

func (r *openVPNReset) packet() ([]byte, error) {
	p := append([]byte{openVPNClientReset << 3}, r.session[:]...)
	return append(p, 0, 0, 0, 0, 0), nil
}

// answeredBy reports whether p is the server's reset that acknowledges this session.
func (r *openVPNReset) answeredBy(p []byte) bool {
	if len(p) < 10 || p[0]>>3 != openVPNServerReset {
		return false
	}
	acks := int(p[9])
	session := 10 + 4*acks
	return acks > 0 && len(p) >= session+8 && bytes.Equal(p[session:session+8], r.session[:])
}

// overUDP sends the packet up to three times and waits for an answer.
func (c *Config) overUDP(ctx context.Context, tx int64, addr netip.AddrPort, x exchangeUDP) error {
	// A connected socket is told when a port is closed.
	conn, err := c.Network.DialContext(ctx, "udp", addr.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	watched := &watchedConn{Conn: conn, w: &c.Wire, tx: tx}
	wait := c.Timeouts.filled().TCP / 3
	buf := make([]byte, 2048)
	for range 3 {
		if ctx.Err() != nil {
			return context.Canceled
		}
		p, err := x.packet()
		if err != nil {
			return err
		}
		if _, err := watched.Write(p); err != nil {
			return err
		}
		conn.SetReadDeadline(time.Now().Add(wait))
		for {
			n, err := watched.Read(buf)
			if ctx.Err() != nil {
				return context.Canceled
			}
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				break
			}
			if err != nil {
				return err
			}
			if x.answeredBy(buf[:n]) {
				return nil
			}
		}
	}
	return context.DeadlineExceeded
}

// openVPNOverTCP is overUDP over TCP, with a length before each packet.
func (c *Config) openVPNOverTCP(ctx context.Context, rec *record, tx int64, addr netip.AddrPort) error {
	d := c.Connect(ctx, tx, addr)
	rec.dial(d, tx)
	if d.Err != nil {
		return d.Err
	}
	defer d.Conn.Close()
	inner, cancel := context.WithTimeout(ctx, c.Timeouts.filled().TLS)
	defer cancel()
	stop := context.AfterFunc(inner, func() { d.Conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r := newOpenVPNReset()
	p, err := r.packet()
	if err != nil {
		return err
	}
	if _, err := d.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...)); err != nil {
		return ended(ctx, inner, err)
	}
	var size [2]byte
	if _, err := io.ReadFull(d.Conn, size[:]); err != nil {
		return ended(ctx, inner, err)
	}
	reply := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(d.Conn, reply); err != nil {
		return ended(ctx, inner, err)
	}
	if !r.answeredBy(reply) {
		return errors.New("the server does not speak OpenVPN")
	}
	return nil
}

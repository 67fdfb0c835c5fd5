package probe

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
	"golang.org/x/crypto/chacha20poly1305"
)

// udpServer answers datagrams with what reply returns, if anything.
func (l *loop) udpServer(address string, reply func([]byte) []byte) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			if r := reply(buf[:n]); r != nil {
				c.WriteTo(r, from)
			}
		}
	}()
	l.t.Cleanup(func() { c.Close(); <-done })
	l.route(address, c.LocalAddr().String())
}

// openVPNServer is the first step of a server.
func openVPNServer(p []byte) []byte {
	if len(p) != 14 || p[0] != 0x38 {
		return nil
	}
	out := append([]byte{0x40}, "SERVERID"...)
	out = append(out, 1, 0, 0, 0, 0)
	out = append(out, p[1:9]...)
	return append(out, 0, 0, 0, 0)
}

func TestOpenVPN(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.udpServer("198.51.100.1:1194", openVPNServer)
	l.udpServer("198.51.100.2:1194", func([]byte) []byte { return []byte("something else") })
	l.udpServer("198.51.100.3:1194", func(p []byte) []byte { // another's session
		r := openVPNServer(p)
		r[14] ^= 1
		return r
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p := make([]byte, 16)
			if _, err := io.ReadFull(c, p); err == nil {
				r := openVPNServer(p[2:])
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(r))), r...))
			}
			c.Close()
		}
	}()
	l.route("198.51.100.1:443", ln.Addr().String())
	l.plain("198.51.100.4:443", serving("web"))
	for input, want := range map[string]string{
		"openvpn://198.51.100.1:1194/udp": "", "openvpn://198.51.100.1:443/tcp": "", "openvpn://198.51.100.2:1194/udp": failTimeout,
		"openvpn://198.51.100.3:1194/udp": failTimeout, "openvpn://198.51.100.9:443/tcp": failRefused,
	} {
		m, err := OpenVPN(t.Context(), l.config(), input)
		if err != nil {
			t.Fatal(err)
		}
		h := m.TestKeys.OpenVPNHandshakes[0]
		if string(h.Failure) != want || *m.TestKeys.SuccessHandshake != (want == "") {
			t.Errorf("%s: %q", input, h.Failure)
		}
		// A server that does not talk to strangers is not blocked.
		seen := observation.Observe(m, observation.Options{})
		if len(seen.Rows) == 0 {
			t.Fatalf("%s: no observations", input)
		}
		if v := verdict.Judge(seen.Rows); v.State == verdict.Blocked || v.State == verdict.LikelyBlocked || want == "" && v.State != verdict.OK {
			t.Errorf("%s: state %s", input, v.State)
		}
	}
	if m, err := OpenVPN(t.Context(), l.config(), "openvpn://198.51.100.4:443/tcp"); err != nil || m.TestKeys.OpenVPNHandshakes[0].Failure == "" {
		t.Errorf("a web server speaks OpenVPN: %v", err)
	}
	for _, bad := range []string{"openvpn://example.org:1194/udp", "openvpn://198.51.100.1:1194", "openvpn://198.51.100.1/udp", "http://198.51.100.1:80/tcp"} {
		if _, err := OpenVPN(t.Context(), l.config(), bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// wireGuardServer is the responder's side, written from the paper apart from
// the initiator's.
type wireGuardServer struct {
	t         *testing.T
	key       *ecdh.PrivateKey
	knows     []byte // the client's public key
	preshared [32]byte
}

func (s *wireGuardServer) dh(private *ecdh.PrivateKey, public []byte) []byte {
	pub, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		s.t.Error(err)
		return nil
	}
	out, err := private.ECDH(pub)
	if err != nil {
		s.t.Error(err)
	}
	return out
}

func (s *wireGuardServer) open(key [32]byte, sealed, with []byte) []byte {
	a, err := chacha20poly1305.New(key[:])
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := a.Open(nil, make([]byte, 12), sealed, with)
	if err != nil {
		return nil
	}
	return out
}

func (s *wireGuardServer) reply(p []byte) []byte {
	if len(p) != 148 || p[0] != 1 {
		return nil
	}
	pub := [32]byte(s.key.PublicKey().Bytes())
	if mac, err := wgMAC(pub, p[:116]); err != nil || !bytes.Equal(mac, p[116:132]) {
		return nil
	}
	eph, static, stamp := p[8:40], p[40:88], p[88:116]
	c := wgHash([]byte(wgConstruction))
	h := wgHash(c[:], []byte(wgIdentifier))
	h = wgHash(h[:], pub[:])
	h = wgHash(h[:], eph)
	c = wgKDF(c, eph, 1)[0]
	k := wgKDF(c, s.dh(s.key, eph), 2)
	client := s.open(k[1], static, h[:])
	if client == nil || !bytes.Equal(client, s.knows) {
		return nil
	}
	h = wgHash(h[:], static)
	k = wgKDF(k[0], s.dh(s.key, client), 2)
	if len(s.open(k[1], stamp, h[:])) != 12 {
		return nil
	}
	h = wgHash(h[:], stamp)
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	e := own.PublicKey().Bytes()
	c = wgKDF(k[0], e, 1)[0]
	h = wgHash(h[:], e)
	c = wgKDF(c, s.dh(own, eph), 1)[0]
	c = wgKDF(c, s.dh(own, client), 1)[0]
	k = wgKDF(c, s.preshared[:], 3)
	h = wgHash(h[:], k[1][:])
	empty, err := wgSeal(k[2], nil, h[:])
	if err != nil {
		s.t.Fatal(err)
	}
	out := bytes.Join([][]byte{{2, 0, 0, 0}, {9, 9, 9, 9}, p[4:8], e, empty}, nil)
	return append(out, make([]byte, 32)...)
}

func TestWireGuard(t *testing.T) {
	t.Parallel()
	key := func() *ecdh.PrivateKey {
		k, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	server, client := key(), key()
	l := newLoop(t)
	s := &wireGuardServer{t: t, key: server, knows: client.PublicKey().Bytes(), preshared: [32]byte{7}}
	l.udpServer("198.51.100.1:51820", s.reply)
	l.udpServer("198.51.100.2:51820", func(p []byte) []byte { // an injector that does not know the key
		return bytes.Join([][]byte{{2, 0, 0, 0}, {9, 9, 9, 9}, p[4:8], p[8:40], make([]byte, 48)}, nil)
	})
	text := func(k []byte) string { return base64.StdEncoding.EncodeToString(k) }
	conf := "[Interface]\nPrivateKey = " + text(client.Bytes()) + "\nAddress = 10.0.0.2/32\n" +
		"[Peer] # first\nPublicKey = " + text(server.PublicKey().Bytes()) + "\nPresharedKey = " + text(s.preshared[:]) + "\nEndpoint = 198.51.100.1:51820\n" +
		"[Peer]\nPublicKey = " + text(server.PublicKey().Bytes()) + "\nEndpoint = 198.51.100.2:51820\n"
	peers, err := ReadWireGuard(strings.NewReader(conf))
	if err != nil || len(peers) != 2 {
		t.Fatal(peers, err)
	}
	stranger := peers[0]
	stranger.Private = [32]byte{}
	for _, c := range []struct {
		name string
		peer WireGuardPeer
		want string
	}{{"known", peers[0], ""}, {"injector", peers[1], failTimeout}, {"stranger", stranger, failTimeout}} {
		m, err := WireGuard(t.Context(), l.config(), c.peer)
		if err != nil {
			t.Fatal(err)
		}
		if string(m.TestKeys.Failure) != c.want {
			t.Errorf("%s: %q, want %q", c.name, m.TestKeys.Failure, c.want)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{text(client.Bytes()), text(s.preshared[:]), text(client.PublicKey().Bytes())} {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s: a key stands in the measurement", c.name)
			}
		}
	}
	for _, bad := range []string{"", "[Peer]\nEndpoint = 198.51.100.1:1\n", "[Interface]\nPrivateKey = x\n", "[Peer]\nPublicKey = " + text(server.PublicKey().Bytes()) + "\nEndpoint = vpn.example:1\n"} {
		if _, err := ReadWireGuard(strings.NewReader(bad)); err == nil {
			t.Errorf("taken: %q", bad)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := WireGuard(ctx, l.config(), peers[1]); err == nil {
		t.Error("a handshake that was called off is a measurement")
	}
}

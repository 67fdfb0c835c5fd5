package probe

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/bandish/bandish/measurement"
	"golang.org/x/crypto/blake2s"
	"golang.org/x/crypto/chacha20poly1305"
)

// WireGuardPeer is one server of a WireGuard configuration, with the key by which it knows
// us.
type WireGuardPeer struct {
	Endpoint  netip.AddrPort
	Public    [32]byte // the server's
	Private   [32]byte // ours; zero: we are strangers
	Preshared [32]byte
}

// ReadWireGuard reads a configuration in the format of wg-quick. Endpoints must be
// addresses: names are not looked up.
func ReadWireGuard(r io.Reader) ([]WireGuardPeer, error) {
	var peers []WireGuardPeer
	var private [32]byte
	section, n := "", 0
	for lines := bufio.NewScanner(r); lines.Scan(); {
		n++
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if section = strings.ToLower(line); section == "[peer]" {
				peers = append(peers, WireGuardPeer{})
			}
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		var err error
		switch {
		case section == "[interface]" && name == "privatekey":
			private, err = wireGuardKey(value)
		case section == "[peer]" && name == "publickey":
			peers[len(peers)-1].Public, err = wireGuardKey(value)
		case section == "[peer]" && name == "presharedkey":
			peers[len(peers)-1].Preshared, err = wireGuardKey(value)
		case section == "[peer]" && name == "endpoint":
			peers[len(peers)-1].Endpoint, err = netip.ParseAddrPort(value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", n, name, err)
		}
	}
	for i := range peers {
		if !peers[i].Endpoint.IsValid() || peers[i].Public == [32]byte{} {
			return nil, fmt.Errorf("peer %d: want PublicKey and Endpoint", i+1)
		}
		peers[i].Private = private
	}
	if len(peers) == 0 {
		return nil, errors.New("no [Peer] in it")
	}
	return peers, nil
}

func wireGuardKey(s string) (key [32]byte, err error) {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(raw) != 32 {
		return key, errors.New("not a key of 32 bytes in base64") // error messages must not contain the key
	}
	return [32]byte(raw), nil
}

// WireGuard tries the handshake with a server. Only a server that knows our key answers;
// so without an account silence says nothing. The keys are not in the measurement.
func WireGuard(ctx context.Context, cfg Config, peer WireGuardPeer) (*measurement.Measurement, error) {
	start := cfg.Now()
	rec := newRecord(start, cfg)
	cfg.Watch = rec.event
	tx := rec.next(depthTag(0))
	failure := cfg.overUDP(ctx, tx, peer.Endpoint, &wireGuardHello{peer: peer, now: cfg.Now})
	if unfinished(failure) {
		return nil, fmt.Errorf("probe wireguard %s: %w", peer.Endpoint, context.Cause(ctx))
	}
	m := cfg.document(start, "wireguard", "0.1.0")
	m.Input = measurement.Input("wireguard://" + peer.Endpoint.String())
	k := rec.finish()
	success := failure == nil
	k.Failure, k.Success = measurement.Failure(Failure(failure)), &success
	if success {
		k.BootstrapTime = m.Runtime
	}
	m.TestKeys = k
	detail := "the handshake is done"
	cfg.tell(Note{Step: "wireguard", What: peer.Endpoint.String(), Failure: Failure(failure), Took: cfg.Now().Sub(start), Detail: detail})
	return m, nil
}

// wireGuardHello is the initiator's side of WireGuard's handshake (Donenfeld, WireGuard:
// Next Generation Kernel Network Tunnel, section 5.4).
type wireGuardHello struct {
	peer WireGuardPeer
	now  func() time.Time

	index     [4]byte
	ephemeral *ecdh.PrivateKey
	static    *ecdh.PrivateKey
	chain     [32]byte // C in the paper
	hash      [32]byte // H in the paper
}

const (
	wgConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"
	wgIdentifier   = "WireGuard v1 zx2c4 Jason@zx2c4.com"
	wgMAC1         = "mac1----"
)

func wgHash(parts ...[]byte) [32]byte { return blake2s.Sum256(bytes.Join(parts, nil)) }

func wgHMAC(key []byte, parts ...[]byte) []byte {
	h := hmac.New(func() hash.Hash {
		h, err := blake2s.New256(nil)
		if err != nil {
			panic(err) // only for keys that are too long
		}
		return h
	}, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// wgKDF derives n keys from a chaining key and an input.
func wgKDF(chain [32]byte, input []byte, n int) [][32]byte {
	secret := wgHMAC(chain[:], input)
	var out [][32]byte
	var last []byte
	for i := range n {
		last = wgHMAC(secret, last, []byte{byte(i + 1)})
		out = append(out, [32]byte(last))
	}
	return out
}

// wgMAC returns the first MAC of a message. It only needs the receiver's public key.
func wgMAC(public [32]byte, message []byte) ([]byte, error) {
	key := wgHash([]byte(wgMAC1), public[:])
	h, err := blake2s.New128(key[:])
	if err != nil {
		return nil, err
	}
	h.Write(message)
	return h.Sum(nil), nil
}

func wgSeal(key [32]byte, plain, with []byte) ([]byte, error) {
	a, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, make([]byte, a.NonceSize()), plain, with), nil
}

// mix adds the result of a Diffie-Hellman exchange to the chain, and returns a key.
func (w *wireGuardHello) mix(private *ecdh.PrivateKey, public []byte) ([32]byte, error) {
	pub, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return [32]byte{}, err
	}
	shared, err := private.ECDH(pub)
	if err != nil {
		return [32]byte{}, err
	}
	keys := wgKDF(w.chain, shared, 2)
	w.chain = keys[0]
	return keys[1], nil
}

// packet makes the first message of a new handshake.
func (w *wireGuardHello) packet() ([]byte, error) {
	var err error
	if w.peer.Private == [32]byte{} {
		w.static, err = ecdh.X25519().GenerateKey(rand.Reader)
	} else {
		w.static, err = ecdh.X25519().NewPrivateKey(w.peer.Private[:])
	}
	if err != nil {
		return nil, fmt.Errorf("make a WireGuard key: %w", err)
	}
	if w.ephemeral, err = ecdh.X25519().GenerateKey(rand.Reader); err != nil {
		return nil, fmt.Errorf("make a WireGuard key: %w", err)
	}
	rand.Read(w.index[:])
	eph := w.ephemeral.PublicKey().Bytes()

	w.chain = wgHash([]byte(wgConstruction))
	w.hash = wgHash(w.chain[:], []byte(wgIdentifier))
	w.hash = wgHash(w.hash[:], w.peer.Public[:])
	w.chain = wgKDF(w.chain, eph, 1)[0]
	w.hash = wgHash(w.hash[:], eph)
	key, err := w.mix(w.ephemeral, w.peer.Public[:])
	if err != nil {
		return nil, fmt.Errorf("shake hands over WireGuard: %w", err)
	}
	static, err := wgSeal(key, w.static.PublicKey().Bytes(), w.hash[:])
	if err != nil {
		return nil, fmt.Errorf("shake hands over WireGuard: %w", err)
	}
	w.hash = wgHash(w.hash[:], static)
	if key, err = w.mix(w.static, w.peer.Public[:]); err != nil {
		return nil, fmt.Errorf("shake hands over WireGuard: %w", err)
	}
	stamp, err := wgSeal(key, tai64n(w.now()), w.hash[:])
	if err != nil {
		return nil, fmt.Errorf("shake hands over WireGuard: %w", err)
	}
	w.hash = wgHash(w.hash[:], stamp)

	message := bytes.Join([][]byte{{1, 0, 0, 0}, w.index[:], eph, static, stamp}, nil)
	mac, err := wgMAC(w.peer.Public, message)
	if err != nil {
		return nil, fmt.Errorf("shake hands over WireGuard: %w", err)
	}
	return append(append(message, mac...), make([]byte, 16)...), nil
}

// tai64n writes a time as WireGuard does.
func tai64n(t time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, 1<<62+10+uint64(t.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(t.Nanosecond()))
}

// answeredBy reports whether p is an answer to this handshake. Only the holder of the
// server's key can write a response. A busy server sends a cookie instead, which we asked
// for too.
func (w *wireGuardHello) answeredBy(p []byte) bool {
	if len(p) == 64 && p[0] == 3 {
		return bytes.Equal(p[4:8], w.index[:])
	}
	if len(p) != 92 || p[0] != 2 || !bytes.Equal(p[8:12], w.index[:]) {
		return false
	}
	eph := p[12:44]
	answer := *w
	answer.chain = wgKDF(answer.chain, eph, 1)[0]
	answer.hash = wgHash(answer.hash[:], eph)
	for _, private := range []*ecdh.PrivateKey{w.ephemeral, w.static} {
		pub, err := ecdh.X25519().NewPublicKey(eph)
		if err != nil {
			return false
		}
		shared, err := private.ECDH(pub)
		if err != nil {
			return false
		}
		answer.chain = wgKDF(answer.chain, shared, 1)[0]
	}
	keys := wgKDF(answer.chain, w.peer.Preshared[:], 3)
	answer.hash = wgHash(answer.hash[:], keys[1][:])
	a, err := chacha20poly1305.New(keys[2][:])
	if err != nil {
		return false
	}
	_, err = a.Open(nil, make([]byte, a.NonceSize()), p[44:60], answer.hash[:])
	return err == nil
}

package probe

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// echConfig is an ECHConfig (draft-ietf-tls-esni, section 4) for X25519,
// HKDF-SHA256 and AES-128-GCM.
func echConfig(key *ecdh.PrivateKey, publicName string) []byte {
	var c []byte
	c = append(c, 1)                             // config_id
	c = binary.BigEndian.AppendUint16(c, 0x0020) // DHKEM(X25519, HKDF-SHA256)
	c = binary.BigEndian.AppendUint16(c, 32)     // public_key
	c = append(c, key.PublicKey().Bytes()...)    //
	c = binary.BigEndian.AppendUint16(c, 4)      // cipher_suites
	c = append(c, 0, 1, 0, 1)                    // HKDF-SHA256, AES-128-GCM
	c = append(c, 32, byte(len(publicName)))     // maximum_name_length
	c = append(c, publicName...)                 //
	c = binary.BigEndian.AppendUint16(c, 0)      // extensions
	out := binary.BigEndian.AppendUint16(nil, 0xfe0d)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(c))), c...)
}

// A censor that resets on the name does not see it inside ECH, which the zone
// offers in its HTTPS record.
func TestECHWhereItIsOffered(t *testing.T) {
	t.Parallel()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := echConfig(key, "public.example")
	l := newLoop(t)
	l.hosts["hidden.example"] = []string{"198.51.100.20"}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{
		Certificates:             []tls.Certificate{l.certificate("hidden.example", "public.example")},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{{Config: config, PrivateKey: key.Bytes()}},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			// What the path sees: the inner name only where there is no outer.
			if h.ServerName == "hidden.example" && !slices.Contains(h.Extensions, 0xfe0d) {
				reset(h.Conn)
			}
			return nil, nil
		},
	}
	l.serve("198.51.100.20:443", tls.NewListener(ln, server), ln.Addr().String(), serving("hidden"))
	l.doh("198.51.100.53:443", "dns.example", func(q dns.Question) dns.RR {
		if q.Qtype != dns.TypeHTTPS {
			return nil
		}
		list := append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
		return &dns.HTTPS{SVCB: dns.SVCB{
			Hdr:      dns.RR_Header{Name: q.Name, Rrtype: dns.TypeHTTPS, Class: dns.ClassINET, Ttl: 60},
			Priority: 1, Target: ".", Value: []dns.SVCBKeyValue{&dns.SVCBECHConfig{ECH: list}},
		}}
	})
	cfg := l.config()
	cfg.Resolvers.DoH = []SecureResolver{{Name: "dns.example", Addr: netip.MustParseAddrPort("198.51.100.53:443"), URL: "https://dns.example/dns-query"}}
	k := measure(t, cfg, "https://hidden.example/").TestKeys
	ech := tagged(k.TLSHandshakes, "ech")
	if len(ech) != 1 || ech[0].Failure != "" || ech[0].ECHConfig == "" || !slices.Contains(ech[0].Tags, "contrast") {
		t.Fatalf("ech: %+v", ech)
	}
	if o := own(k.TLSHandshakes); len(o) != 1 || o[0].Failure != failReset {
		t.Errorf("own: %+v", o)
	}
}

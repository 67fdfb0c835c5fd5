package lab

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

// Site describes a web site of the lab: what its name resolves to, and how its servers
// treat everybody. The zero value is an ordinary site: one address, ports 80 and 443, a
// valid certificate, and a page that names the site.
type Site struct {
	Name string

	Addrs  int    // number of IPv4 addresses; 0 means 1
	V6     V6     // its IPv6 addresses
	Lookup Lookup // how name servers answer for it
	Reach  Reach  // how its addresses answer to TCP

	Cert Cert
	TLS  TLS

	// Page serves requests on both ports; nil means the ordinary page. PagePlain replaces
	// it on port 80.
	Page      http.HandlerFunc
	PagePlain http.HandlerFunc

	// Raw talks with the client itself, instead of an HTTP server, after the TLS handshake
	// on port 443. It need not close the connection.
	Raw func(net.Conn)

	QUIC bool // HTTP/3 on UDP port 443 too

	// Box puts a middlebox beside the site, to which Divert can send a flow. It shows its
	// own certificate, of this kind, for the site's name, and passes other names through
	// to the site.
	Box Cert
}

// V6 says what IPv6 addresses a site has.
type V6 string

// The kinds of IPv6.
const (
	V6None  V6 = ""
	V6Works V6 = "works"
	V6Dead  V6 = "dead" // in the DNS, but nobody answers there
	V6Only  V6 = "only" // no IPv4 at all
)

// Lookup says how the authoritative servers answer for a name, and so all honest
// resolvers.
type Lookup string

// The kinds of answers.
const (
	LookupOK       Lookup = ""
	LookupNXDOMAIN Lookup = "nxdomain"
	LookupServfail Lookup = "servfail"
	LookupRefused  Lookup = "refused"
	LookupEmpty    Lookup = "no data"
	LookupSilent   Lookup = "silent"
	LookupRotate   Lookup = "rotating" // two of its addresses, other ones each time
	LookupSplit    Lookup = "split"    // one of its addresses, depending on who asks
	LookupCNAME    Lookup = "cname"    // through two aliases
	LookupSlow     Lookup = "slow"
	LookupLoopback Lookup = "loopback" // 127.0.0.1 for everybody
	LookupPrivate  Lookup = "private"  // 10.0.0.7 for everybody
)

// Reach says how the addresses of a site answer to TCP.
type Reach string

// The kinds of reach.
const (
	ReachOK      Reach = ""
	ReachRefused Reach = "refused"
	ReachSilent  Reach = "silent"
	ReachNo80    Reach = "port 80 refused"
	ReachNo443   Reach = "port 443 refused"
	ReachHalf    Reach = "second address silent"
	ReachReset   Reach = "reset after accept"
	ReachHang    Reach = "accepts and says nothing"
)

// TLS says what is odd about a site's TLS.
type TLS string

// The oddities of TLS.
const (
	TLSOK         TLS = ""
	TLSOnly12     TLS = "1.2 only"
	TLSOnly13     TLS = "1.3 only"
	TLSOld        TLS = "1.0 and 1.1 only"
	TLSHTTP1      TLS = "no ALPN"
	TLSClientCert TLS = "asks for a client certificate"
	TLSNeedsCert  TLS = "demands a client certificate"
	TLSAlert      TLS = "refuses every handshake"
	TLSPlain      TLS = "plain HTTP on port 443"
	TLSSlow       TLS = "slow handshake"
	TLSHang       TLS = "never answers the hello"
	TLSCloses     TLS = "closes after the hello"
	TLSPickyName  TLS = "refuses unknown names"
)

// slowness is how long a slow server takes for each slow step: long for a computer, and
// short against any timeout of a probe.
const slowness = 250 * time.Millisecond

// configure applies the oddity to a server's configuration.
func (t TLS) configure(c *tls.Config, site string) {
	switch t {
	case TLSOnly12:
		c.MaxVersion = tls.VersionTLS12
	case TLSOnly13:
		c.MinVersion = tls.VersionTLS13
	case TLSOld:
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	case TLSHTTP1:
		c.NextProtos = nil
	case TLSClientCert:
		c.ClientAuth = tls.RequestClientCert
	case TLSNeedsCert:
		c.ClientAuth = tls.RequireAnyClientCert
	}
	if t != TLSSlow && t != TLSAlert && t != TLSPickyName {
		return
	}
	c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if t == TLSSlow {
			time.Sleep(slowness)
		}
		if t == TLSAlert || t == TLSPickyName && h.ServerName != site {
			return nil, errUnknownName
		}
		return nil, nil
	}
}

var errUnknownName = errors.New("the server does not know the name")

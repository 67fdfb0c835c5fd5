package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"time"
)

// Cert is a kind of certificate that a site shows.
type Cert string

// The kinds of certificates. All are real ones, signed when the lab starts.
const (
	CertValid       Cert = "" // for the name, by the lab's authority, valid now
	CertExpired     Cert = "expired"
	CertNotYet      Cert = "not yet valid"
	CertOtherName   Cert = "wrong name"
	CertSelfSigned  Cert = "self-signed"
	CertUnknownCA   Cert = "unknown authority"
	CertNoSAN       Cert = "common name only" // the subject names it, but no SAN does
	CertWildcard    Cert = "wildcard"         // for *.parent, which covers the name
	CertLongChain   Cert = "intermediate"     // through an intermediate, which is sent
	CertBrokenChain Cert = "missing intermediate"
)

// authority signs the certificates of one lab.
type authority struct {
	cert         *x509.Certificate
	key          *ecdsa.PrivateKey // of the authority and of all servers
	unknown      *x509.Certificate // the same key under a name that nobody trusts
	intermediate *x509.Certificate
	serial       atomic.Int64
	now          time.Time
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the lab's key: %w", err)
	}
	a := &authority{key: key, now: now}
	for _, c := range []struct {
		to     **x509.Certificate
		name   string
		parent **x509.Certificate
	}{
		{&a.cert, "Bandish lab authority", nil},
		{&a.unknown, "Bandish lab authority that nobody trusts", nil},
		{&a.intermediate, "Bandish lab intermediate", &a.cert},
	} {
		t := a.template(c.name)
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
		parent := t
		if c.parent != nil {
			parent = *c.parent
		}
		if *c.to, err = a.sign(t, parent); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *authority) template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(a.serial.Add(1)),
		Subject:      pkix.Name{CommonName: name, Organization: []string{"Bandish lab"}},
		NotBefore:    a.now.AddDate(-2, 0, 0), // the demonstration measures in the past
		NotAfter:     a.now.AddDate(0, 2, 0),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func (a *authority) sign(t, parent *x509.Certificate) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, &a.key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the lab's certificate for %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// pool is the set of authorities that a client of the lab trusts.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// leaf makes a certificate of the given kind for a site.
func (a *authority) leaf(name string, kind Cert) (*tls.Certificate, error) {
	t := a.template(name)
	t.DNSNames = []string{name}
	parent, chain := a.cert, []*x509.Certificate(nil)
	switch kind {
	case CertExpired:
		t.NotAfter = a.now.AddDate(0, 0, -3)
	case CertNotYet:
		t.NotBefore = a.now.AddDate(0, 0, 3)
	case CertOtherName:
		t.DNSNames = []string{"other." + name}
	case CertSelfSigned:
		parent = t
	case CertUnknownCA:
		parent = a.unknown
	case CertNoSAN:
		t.DNSNames = nil
	case CertWildcard:
		t.DNSNames = []string{"*" + name[strings.IndexByte(name, '.'):]}
	case CertLongChain:
		parent, chain = a.intermediate, []*x509.Certificate{a.intermediate}
	case CertBrokenChain:
		parent = a.intermediate
	}
	cert, err := a.sign(t, parent)
	if err != nil {
		return nil, err
	}
	out := &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: a.key, Leaf: cert}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

package observation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"hash/maphash"
	"maps"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/bandish/bandish/measurement"
)

// The values of Row.Cert. CertUnknownAuthority means that name and dates fit. Where
// an authority is not known, or a certificate above the server's own is out of
// date, Go's library names that certificate, and the probe stores it in place of
// the chain. The server's own certificate is then not stored, and only the
// authority can be judged: CertRealAuthority or CertOtherAuthority.
const (
	CertValid            = "valid"
	CertExpired          = "expired"
	CertNotYetValid      = "not_yet_valid"
	CertWrongName        = "wrong_name"
	CertSelfSigned       = "self_signed"
	CertUnknownAuthority = "unknown_authority"
	CertUnreadable       = "unreadable"
	CertRealAuthority    = "real_authority"  // an authority that our roots vouch for
	CertOtherAuthority   = "other_authority" // an authority that they do not vouch for
)

// Verifier checks stored certificate chains against Mozilla's roots. These are
// compiled into the program, so that the result does not depend on the machine. It
// remembers results. Several goroutines may use it.
type Verifier struct {
	roots *x509.CertPool
	keys  map[string]bool // subject and public key of each root
	id    string

	seeds [2]maphash.Seed // random, so that nobody can prepare two chains with one key

	mu   sync.Mutex
	seen map[[2]uint64]certificate // guarded by mu
}

// certificate is the result of checking a chain, apart from the dates of its leaf.
type certificate struct {
	state             string
	sha256            string
	subject, issuer   string
	notBefore, notAft time.Time
}

// maxSeen is how many results a Verifier remembers. When it is full it forgets all.
const maxSeen = 8192

// webRoots are Mozilla's roots, parsed once because that takes some milliseconds.
var webRoots = sync.OnceValue(func() (w struct {
	pool *x509.CertPool
	keys map[string]bool
	text []byte // all of them, one after the other
}) {
	w.pool, w.keys = x509.NewCertPool(), map[string]bool{}
	for root := range bundle.Roots() {
		w.text = append(w.text, root.Certificate...)
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue // Go cannot parse some roots of the store
		}
		w.pool.AddCert(cert)
		w.keys[keyOf(cert)] = true
	}
	return w
})

// webVerifier is for callers without a Verifier of their own.
var webVerifier = sync.OnceValue(func() *Verifier { return NewVerifier() })

// NewVerifier returns a Verifier that uses Mozilla's roots and further ones, such
// as a lab's own. Further roots change its ID.
func NewVerifier(further ...*x509.Certificate) *Verifier {
	web := webRoots()
	v := &Verifier{roots: web.pool.Clone(), keys: maps.Clone(web.keys), seen: map[[2]uint64]certificate{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	hash := sha256.New()
	hash.Write(web.text)
	for _, cert := range further {
		hash.Write(cert.Raw)
		v.roots.AddCert(cert)
		v.keys[keyOf(cert)] = true
	}
	v.id = "mozilla-" + hex.EncodeToString(hash.Sum(nil)[:6])
	return v
}

// ID names the set of roots.
func (v *Verifier) ID() string { return v.id }

// check returns what a chain (leaf first) proves for a name at a time. named says
// that the chain may be a single certificate that an error named.
func (v *Verifier) check(chain []measurement.Binary, name string, at time.Time, named bool) certificate {
	day := at.UTC().Truncate(24 * time.Hour)
	named = named && len(chain) == 1
	var key [2]uint64
	for i, seed := range v.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		for _, c := range chain {
			h.WriteString(c.Data)
			h.WriteByte(0)
		}
		h.WriteString(name)
		h.WriteString(day.Format(time.DateOnly))
		h.WriteString(strconv.FormatBool(named))
		key[i] = h.Sum64()
	}

	v.mu.Lock()
	cert, known := v.seen[key]
	v.mu.Unlock()
	if !known {
		cert = v.verify(chain, name, day, named)
		v.mu.Lock()
		if len(v.seen) >= maxSeen {
			clear(v.seen)
		}
		v.seen[key] = cert
		v.mu.Unlock()
	}
	if cert.state == CertValid || cert.state == CertUnknownAuthority {
		switch {
		case at.Before(cert.notBefore):
			cert.state = CertNotYetValid
		case at.After(cert.notAft):
			cert.state = CertExpired
		}
	}
	return cert
}

func (v *Verifier) verify(chain []measurement.Binary, name string, at time.Time, named bool) certificate {
	var parsed []*x509.Certificate
	for i, c := range chain {
		cert, err := parse(c)
		if err != nil {
			if i == 0 {
				return certificate{state: CertUnreadable}
			}
			continue
		}
		parsed = append(parsed, cert)
	}
	leaf := parsed[0]
	sum := sha256.Sum256(leaf.Raw)
	c := certificate{
		sha256:    hex.EncodeToString(sum[:]),
		subject:   leaf.Subject.String(),
		issuer:    leaf.Issuer.String(),
		notBefore: leaf.NotBefore,
		notAft:    leaf.NotAfter,
	}
	switch {
	case named && authority(leaf) && (v.keys[keyOf(leaf)] || v.anchored(parsed, at)):
		c.state = CertRealAuthority
	case named && authority(leaf):
		c.state = CertOtherAuthority
	case c.subject == c.issuer && leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
		c.state = CertSelfSigned
	case !fitsName(leaf, name):
		c.state = CertWrongName
	case v.anchored(parsed, at):
		c.state = CertValid
	default:
		c.state = CertUnknownAuthority
	}
	return c
}

// keyOf identifies an authority by its name and key, whoever signed its
// certificate. Roots may also be signed by older roots.
func keyOf(c *x509.Certificate) string {
	return string(c.RawSubject) + string(c.RawSubjectPublicKeyInfo)
}

// authority reports whether a certificate belongs to an authority and not to a
// server: it may sign others and names no host.
func authority(c *x509.Certificate) bool {
	return c.IsCA && len(c.DNSNames) == 0 && len(c.IPAddresses) == 0 && !hostLike(c.Subject.CommonName)
}

// hostLike reports whether a common name looks like a host's.
func hostLike(name string) bool {
	return name == "localhost" || strings.Contains(name, ".") && !strings.ContainsAny(name, " /")
}

func parse(b measurement.Binary) (*x509.Certificate, error) {
	der, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// anchored reports whether the chain leads to one of the roots at a time when the
// leaf is valid. The dates of the leaf itself are checked elsewhere.
func (v *Verifier) anchored(chain []*x509.Certificate, at time.Time) bool {
	leaf := chain[0]
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         v.roots,
		Intermediates: between,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

// fitsName reports whether a certificate is for a name. It accepts the common name
// where there are no other names, as probes did until about 2020.
func fitsName(leaf *x509.Certificate, name string) bool {
	if name == "" || leaf.VerifyHostname(name) == nil {
		return true
	}
	if len(leaf.DNSNames) > 0 || len(leaf.IPAddresses) > 0 {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return strings.EqualFold(leaf.Subject.CommonName, name)
	}
	return strings.EqualFold(leaf.Subject.CommonName, name) || wildcard(leaf.Subject.CommonName, name)
}

func wildcard(pattern, name string) bool {
	_, parent, ok := strings.Cut(name, ".")
	return ok && strings.EqualFold(pattern, "*."+parent)
}

package ledger

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// Stamp is what a time-stamping authority (RFC 3161) says of a checkpoint: that it
// existed at Time.
type Stamp struct {
	Time      time.Time
	Authority string   // the subject of the certificate that signed
	Nonce     *big.Int // of the request; nil where the answer has none
}

// OpenStamp reads the answer of an authority (DER) and verifies that it dates this
// checkpoint: the SHA-256 of its text without signatures. The signature must be
// right for the certificate in the answer, which must be one for time stamps. With
// roots, that certificate must lead to one of them at the time of the stamp.
// Without roots (nil), nobody vouches for the authority's name.
func OpenStamp(answer []byte, c Checkpoint, roots *x509.CertPool) (Stamp, error) {
	t, err := timestamp.ParseResponse(answer)
	if err != nil {
		return Stamp{}, fmt.Errorf("time stamp: %w", err)
	}
	sum := sha256.Sum256([]byte(c.String()))
	if t.HashAlgorithm != crypto.SHA256 || !bytes.Equal(t.HashedMessage, sum[:]) {
		return Stamp{}, errors.New("time stamp: it is of something else")
	}
	token, err := pkcs7.Parse(t.RawToken)
	if err != nil {
		return Stamp{}, fmt.Errorf("time stamp: %w", err)
	}
	signer := token.GetOnlySigner()
	if signer == nil || !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return Stamp{}, errors.New("time stamp: it is not signed by one certificate that is for time stamps")
	}
	if err := token.VerifyWithChainAtTime(roots, t.Time); err != nil {
		return Stamp{}, fmt.Errorf("time stamp: %w", err)
	}
	return Stamp{Time: t.Time.UTC(), Authority: signer.Subject.String(), Nonce: t.Nonce}, nil
}

// Roots reads root certificates (PEM). Text without a certificate is an error.
func Roots(pem []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in it (PEM)")
	}
	return pool, nil
}

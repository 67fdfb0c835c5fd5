package notary

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// stampEvery is how often a time stamp is asked for.
const stampEvery = 24 * time.Hour

// Stamp asks an authority (RFC 3161) to date the present checkpoint, once a day.
// What is stamped is the SHA-256 of the checkpoint's text without signatures;
// the answer is kept as it came. roots is a file with the authority's root
// certificates; without it only the answer's form is checked.
func (l *Log) Stamp(ctx context.Context, client *http.Client, url, roots string, now time.Time) error {
	c, _, err := l.Checkpoint()
	if err != nil {
		return err
	}
	if size, at := l.Stamped(); size == c.Size || now.Sub(at) < stampEvery {
		return nil
	}
	return l.stamp(ctx, client, url, roots, c)
}

// stamp asks for one time stamp.
func (l *Log) stamp(ctx context.Context, client *http.Client, url, roots string, c ledger.Checkpoint) error {
	sum := sha256.Sum256([]byte(c.String()))
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	if err != nil {
		return err
	}
	ask := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: sum[:], Certificates: true, Nonce: nonce}
	body, err := ask.Marshal()
	if err != nil {
		return fmt.Errorf("ask for a time stamp: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask for a time stamp: %w", err)
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("ask for a time stamp: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for a time stamp: %s answers %s: %w", url, res.Status, err)
	}
	got, err := ParseStamp(answer, c, roots)
	if err != nil {
		return fmt.Errorf("ask for a time stamp: %s: %w", url, err)
	}
	if got.Nonce == nil || got.Nonce.Cmp(nonce) != 0 {
		return fmt.Errorf("ask for a time stamp: %s answers another request", url)
	}
	path := l.path(stampName(c.Size))
	if err := l.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return disk.Replace(l.disk, path, answer, 0o644, true)
}

// ParseStamp verifies that an answer of an authority dates this checkpoint: its
// signature, and with roots (a file of certificates) who made it.
func ParseStamp(answer []byte, c ledger.Checkpoint, roots string) (*timestamp.Timestamp, error) {
	t, err := timestamp.ParseResponse(answer)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.String()))
	if t.HashAlgorithm != crypto.SHA256 || !bytes.Equal(t.HashedMessage, sum[:]) {
		return nil, errors.New("the time stamp is of something else")
	}
	if roots == "" {
		return t, nil
	}
	pem, err := os.ReadFile(roots)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", roots)
	}
	token, err := pkcs7.Parse(t.RawToken)
	if err != nil {
		return nil, err
	}
	signer := token.GetOnlySigner()
	if signer == nil || !slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageTimeStamping) {
		return nil, errors.New("the time stamp is not signed by one certificate that is for time stamps")
	}
	return t, token.VerifyWithChainAtTime(pool, t.Time)
}

// Stamped is the size of the log at the last time stamp, and when that was got.
func (l *Log) Stamped() (size int64, at time.Time) {
	list, err := os.ReadDir(l.path(stampDir))
	if err != nil {
		return 0, time.Time{}
	}
	for _, f := range list {
		n, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), ".tsr"), 10, 64)
		if err != nil || n < size {
			continue
		}
		if st, err := f.Info(); err == nil {
			size, at = n, st.ModTime()
		}
	}
	return size, at
}

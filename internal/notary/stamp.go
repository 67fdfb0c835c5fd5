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
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// stampEvery is the shortest time between two time stamps.
const stampEvery = 24 * time.Hour

// Stamp asks an authority (RFC 3161) to date the present checkpoint, at most once a day
// and only if the log has grown. What is stamped is the SHA-256 of the checkpoint's text
// without signatures. The answer is kept as it came. roots is a PEM file with the
// authority's root certificates; "" checks only the form of the answer.
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
	pem, pool, err := readRoots(roots)
	if err != nil {
		return fmt.Errorf("ask for a time stamp: %w", err)
	}
	got, err := ledger.OpenStamp(answer, c, pool)
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
	if err := l.keepRoots(pem); err != nil {
		return err
	}
	return disk.Replace(l.disk, path, answer, 0o644, true)
}

// readRoots reads a PEM file of root certificates. Without a file name the pool is nil.
func readRoots(name string) ([]byte, *x509.CertPool, error) {
	if name == "" {
		return nil, nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	pool, err := ledger.Roots(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, pool, nil
}

// keepRoots keeps the roots beside the stamps that were checked against them, so that
// readers see which roots the operator trusts.
func (l *Log) keepRoots(pem []byte) error {
	if have, err := l.readFile(rootsFile); pem == nil || err == nil && bytes.Equal(have, pem) {
		return nil
	}
	return disk.Replace(l.disk, l.path(rootsFile), pem, 0o644, true)
}

// StampRoots returns the root certificates (PEM) that the time stamps were checked
// against; nil if there are none.
func (l *Log) StampRoots() ([]byte, error) {
	text, err := l.readFile(rootsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

// Stamps returns the sizes of the log for which there are time stamps, sorted.
func (l *Log) Stamps() ([]int64, error) {
	list, err := os.ReadDir(l.path(stampDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []int64
	for _, f := range list {
		if n, err := strconv.ParseInt(strings.TrimSuffix(f.Name(), ".tsr"), 10, 64); err == nil && stampName(n) == stampDir+"/"+f.Name() {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out, nil
}

// StampOf returns the time stamp of the log's first size entries, as the authority sent
// it.
func (l *Log) StampOf(size int64) ([]byte, error) { return l.readFile(stampName(size)) }

// At returns the checkpoint of the log when it had size entries. size must not be greater
// than c's.
func (l *Log) At(c ledger.Checkpoint, size int64) (ledger.Checkpoint, error) {
	if size < 0 || size > c.Size {
		return c, fmt.Errorf("the ledger at %d entries: it has %d", size, c.Size)
	}
	root, err := tlog.TreeHash(size, l.hashes(c))
	if err != nil {
		return c, fmt.Errorf("the ledger at %d entries: %w", size, err)
	}
	return ledger.Checkpoint{Origin: c.Origin, Size: size, Root: root}, nil
}

// checkStamps checks all time stamps against the log and the roots.
func (l *Log) checkStamps(c ledger.Checkpoint, say func(path, format string, args ...any)) error {
	sizes, err := l.Stamps()
	if err != nil {
		return err
	}
	var roots *x509.CertPool
	if pem, err := l.StampRoots(); err != nil {
		return err
	} else if pem != nil {
		if roots, err = ledger.Roots(pem); err != nil {
			say(Dir+"/"+rootsFile, "%v", err)
		}
	}
	for _, size := range sizes {
		name := Dir + "/" + stampName(size)
		answer, err := l.StampOf(size)
		if err != nil {
			return err
		}
		at, err := l.At(c, size)
		if err != nil {
			say(name, "%v", err)
			continue
		}
		if _, err := ledger.OpenStamp(answer, at, roots); err != nil {
			say(name, "%v", err)
		}
	}
	return nil
}

// Stamped returns the size of the log at the last time stamp, and when the stamp came;
// zeros if there is none.
func (l *Log) Stamped() (size int64, at time.Time) {
	sizes, err := l.Stamps()
	if err != nil || len(sizes) == 0 {
		return 0, time.Time{}
	}
	size = sizes[len(sizes)-1]
	if st, err := os.Stat(l.path(stampName(size))); err == nil {
		at = st.ModTime()
	}
	return size, at
}

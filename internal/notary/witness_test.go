package notary

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// station is a server with a ledger that is a witness of others.
type station struct {
	log     *Log
	witness *Witness
	server  *httptest.Server
}

func newStation(t testing.TB, data string, cosigns ...string) *station {
	t.Helper()
	w, err := OpenWitness(disk.OS{}, data, filepath.Base(filepath.Dir(data))+".example", cosigns, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := &station{log: Open(disk.OS{}, data), witness: w}
	s.server = httptest.NewServer((&Server{Log: s.log, Witness: w, Errors: slog.New(slog.DiscardHandler)}).Handler())
	t.Cleanup(s.server.Close)
	return s
}

func (s *station) asked() Asked { return Asked{s.server.URL + Prefix + "/witness", s.witness.Key()} }

// Two servers witness each other; a fork is refused by the witness, also by one
// that was started again, and the log learns of it.
func TestTwoServersWitnessEachOther(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	a, b := begun(t, one, "a.example"), begun(t, two, "b.example")
	sa, sb := newStation(t, one, verifierString(t, b)), newStation(t, two, verifierString(t, a))
	for round := range 3 {
		for _, x := range []struct {
			log  *Log
			asks Asked
		}{{sa.log, sb.asked()}, {sb.log, sa.asked()}} {
			grow(t, x.log, files(10*round, 3+round)...)
			names, err := x.log.Collect(t.Context(), http.DefaultClient, []Asked{x.asks})
			if err != nil || len(names) != 1 {
				t.Fatalf("round %d: %v, %v", round, names, err)
			}
			c, sigs, err := x.log.Opened([]string{x.asks.Key})
			if err != nil || len(sigs) != 1 || time.Since(sigs[0].Time) > time.Minute {
				t.Fatalf("round %d: %v, %v", round, sigs, err)
			}
			if now, _, err := x.log.Checkpoint(); err != nil || now != c {
				t.Errorf("round %d: it is not the present checkpoint that is signed", round)
			}
		}
	}
	early, other := copyDir(t, one), copyDir(t, one)
	grow(t, a, files(100, 5)...)
	if _, err := a.Collect(t.Context(), http.DefaultClient, []Asked{sb.asked()}); err != nil {
		t.Fatal(err)
	}
	again := newStation(t, two, verifierString(t, a)) // the same folder, a new process
	fork := Open(disk.OS{}, early)
	if _, err := fork.Collect(t.Context(), http.DefaultClient, []Asked{again.asked()}); !errors.Is(err, ErrFork) {
		t.Errorf("a rolled-back log asks: %v", err)
	}
	// It signs nothing more, nor does a process that begins later.
	for _, l := range []*Log{fork, Open(disk.OS{}, early)} {
		if _, err := l.Append([][]byte{[]byte("an entry")}); !errors.Is(err, ErrFork) || !strings.Contains(err.Error(), "bandish key new") {
			t.Errorf("a log whose witness saw another history signs: %v", err)
		}
	}
	fork = Open(disk.OS{}, other)
	grow(t, fork, files(500, 9)...)
	if names, err := fork.Collect(t.Context(), http.DefaultClient, []Asked{again.asked()}); !errors.Is(err, ErrFork) || len(names) > 0 {
		t.Errorf("a fork is signed by %v: %v", names, err)
	}
	if _, faults, err := a.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
	if _, faults, err := fork.Check(t.Context()); err != nil || len(faults) != 1 || faults[0].Path != KeyDir+"/"+forkFile {
		t.Errorf("check does not name the fork: %v, %v", faults, err)
	}
	// As long as it, with another hash.
	same := Open(disk.OS{}, copyDir(t, early))
	if err := os.Remove(same.keyPath(forkFile)); err != nil {
		t.Fatal(err)
	}
	grow(t, same, files(700, 5)...)
	if _, err := same.Collect(t.Context(), http.DefaultClient, []Asked{again.asked()}); !errors.Is(err, ErrFork) {
		t.Errorf("a fork of the same length: %v", err)
	}
	// The newest copy is brought back: the witness signs, and so does the log.
	if err := os.WriteFile(a.keyPath(forkFile), []byte(again.witness.Key()+"\nit saw more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, err := Open(disk.OS{}, one).Collect(t.Context(), http.DefaultClient, []Asked{again.asked()}); err != nil || len(names) != 1 {
		t.Errorf("the newest is not signed: %v, %v", names, err)
	}
	grow(t, a, file(900))
}

// A witness that does not answer holds up nobody.
func TestWitnessThatIsDown(t *testing.T) {
	l := begun(t, t.TempDir(), "a.example")
	up := newStation(t, t.TempDir(), verifierString(t, l))
	down := newStation(t, t.TempDir(), verifierString(t, l))
	gone := down.asked()
	down.server.Close()
	stranger := newStation(t, t.TempDir()) // knows no log
	names, err := l.Collect(t.Context(), http.DefaultClient, []Asked{gone, stranger.asked(), up.asked()})
	if len(names) != 1 || err == nil || errors.Is(err, ErrFork) {
		t.Errorf("%v, %v", names, err)
	}
	grow(t, l, file(1))
	if c, _, err := l.Checkpoint(); err != nil || c.Size != 2 {
		t.Errorf("%v, %v", c, err)
	}
	if c, sigs, err := l.Opened([]string{up.witness.Key()}); err != nil || c.Size != 1 || len(sigs) != 1 {
		t.Errorf("the last checkpoint that was signed: %v, %v, %v", c, sigs, err)
	}
}

// What the protocol refuses, with the status that it asks for.
func TestWitnessRefuses(t *testing.T) {
	l := begun(t, t.TempDir(), "a.example")
	_, signed, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	s := newStation(t, t.TempDir(), verifierString(t, l))
	for _, c := range []struct {
		body   string
		status int
	}{
		{"old 0\n\n" + strings.Replace(string(signed), "a.example", "b.example", 2), 404},
		{"old 0\n\n" + strings.Replace(string(signed), "\n1\n", "\n2\n", 1), 403},
		{"old 5\n\n" + string(signed), 400},
		{"old -1\n\n" + string(signed), 400},
		{"old 00\n\n" + string(signed), 400},
		{"old 1\n\n" + string(signed), 409},
		{"old 0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n" + string(signed), 422},
		{"hello", 400},
		{"", 400},
		{strings.Repeat("x", maxWitnessBody+1), 400},
		{"old 0\n\n" + string(signed), 200},
		{"old 0\n\n" + string(signed), 409},
		{"old 1\n\n" + string(signed), 200},
	} {
		res, err := http.Post(s.asked().URL+"/add-checkpoint", "text/plain", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%.40q: %d %s; want %d", c.body, res.StatusCode, text, c.status)
		}
		if res.StatusCode == 409 && (res.Header.Get("Content-Type") != "text/x.tlog.size" || strings.TrimSpace(string(text)) != "0" && strings.TrimSpace(string(text)) != "1") {
			t.Errorf("%s %q", res.Header.Get("Content-Type"), text)
		}
	}
}

// authority is a time-stamping authority of the test's own.
func authority(t *testing.T) (url, roots string) {
	t.Helper()
	make := func(tmpl, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			parent, by = tmpl, k
		}
		tmpl.NotBefore, tmpl.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, k.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, k
	}
	ca, caKey := make(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	cert, key := make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "stamps"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}, KeyUsage: x509.KeyUsageDigitalSignature}, ca, caKey)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		q, err := timestamp.ParseRequest(body)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		answer := timestamp.Timestamp{HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Time: time.Now(), Nonce: q.Nonce, Policy: []int{1, 3, 6, 1, 4, 1, 99999}, SerialNumber: big.NewInt(7), AddTSACertificate: q.Certificates}
		out, err := answer.CreateResponseWithOpts(cert, key, crypto.SHA256)
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		w.Write(out)
	}))
	t.Cleanup(s.Close)
	return s.URL, roots
}

// An authority dates the checkpoint; a stamp of another checkpoint, or of an
// authority that is not trusted, is refused.
func TestTimeStamps(t *testing.T) {
	l := begun(t, t.TempDir(), "a.example")
	url, roots := authority(t)
	_, others := authority(t)
	now := time.Now()
	if err := l.Stamp(t.Context(), http.DefaultClient, url, roots, now); err != nil {
		t.Fatal(err)
	}
	c, _, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := l.readFile(stampName(c.Size))
	if err != nil {
		t.Fatal(err)
	}
	pool, otherPool := rootsOf(t, roots), rootsOf(t, others)
	if got, err := ledger.OpenStamp(answer, c, pool); err != nil || time.Since(got.Time) > time.Minute {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ledger.OpenStamp(answer, c, otherPool); err == nil {
		t.Error("the stamp of an authority that is not trusted passes")
	}
	if _, err := ledger.OpenStamp(answer, ledger.Checkpoint{Origin: "a.example", Size: c.Size + 1, Root: c.Root}, pool); err == nil {
		t.Error("the stamp of another checkpoint passes")
	}
	changed := append([]byte{}, answer...)
	changed[len(changed)-10] ^= 1
	if _, err := ledger.OpenStamp(changed, c, pool); err == nil {
		t.Error("a stamp with another signature passes")
	}
	grow(t, l, file(1))
	if err := l.Stamp(t.Context(), http.DefaultClient, url, roots, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if size, _ := l.Stamped(); size != 1 {
		t.Errorf("it asks again after an hour: %d", size)
	}
	if err := l.Stamp(t.Context(), http.DefaultClient, url, roots, now.Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if size, _ := l.Stamped(); size != 2 {
		t.Errorf("it does not ask after a day: %d", size)
	}
	if _, faults, err := l.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
	if err := os.WriteFile(l.path(stampName(1)), changed, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, faults, err := l.Check(t.Context()); err != nil || len(faults) != 1 || faults[0].Path != Dir+"/"+stampName(1) {
		t.Errorf("a stamp that was altered: %v, %v", faults, err)
	}
}

func rootsOf(t *testing.T, name string) *x509.CertPool {
	t.Helper()
	_, pool, err := readRoots(name)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

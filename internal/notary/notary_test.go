package notary

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// begun is a log with its key and nothing else.
func begun(t testing.TB, data, origin string) *Log {
	t.Helper()
	l := Open(disk.OS{}, data)
	signed, err := l.Begin(origin)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, ledger.Entry{Type: ledger.TypeKey, Time: time.Now(), Key: &ledger.Key{Note: string(signed)}})
	return l
}

func grow(t testing.TB, l *Log, list ...ledger.Entry) ledger.Checkpoint {
	t.Helper()
	var texts [][]byte
	for _, e := range list {
		text, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	c, err := l.Append(texts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// file is an entry of some file.
func file(n int) ledger.Entry {
	return ledger.Entry{Type: ledger.TypeFile, Time: time.Now(), File: &ledger.File{Name: fmt.Sprint("file-", n), SHA256: strings.Repeat("0", 64)}}
}

func files(from, n int) []ledger.Entry {
	var out []ledger.Entry
	for i := range n {
		out = append(out, file(from+i))
	}
	return out
}

func verifier(t testing.TB, l *Log) note.Verifier {
	t.Helper()
	k, err := l.Key()
	if err != nil {
		t.Fatal(err)
	}
	v, err := ledger.NewLogVerifier(k)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func serve(t testing.TB, l *Log) *httptest.Server {
	t.Helper()
	s := httptest.NewServer((&Server{Log: l, Errors: slog.New(slog.DiscardHandler)}).Handler())
	t.Cleanup(s.Close)
	return s
}

// Another implementation reads the log over HTTP and verifies all of it, its
// tiles and a proof.
func TestReadByAnotherImplementation(t *testing.T) {
	l := begun(t, t.TempDir(), "log.example/ledger")
	n := 1
	rnd := rand.New(rand.NewPCG(1, 2))
	for n < 700 {
		k := 1 + rnd.IntN(90)
		grow(t, l, files(n, k)...)
		n += k
	}
	s := serve(t, l)
	base := s.URL + Prefix + "/"
	fetcher, err := client.NewHTTPFetcher(mustURL(t, base), s.Client())
	if err != nil {
		t.Fatal(err)
	}
	v := verifier(t, l)
	hashes := func(bundle []byte) ([][]byte, error) {
		var out [][]byte
		for len(bundle) > 0 {
			list, used, err := splitBundle(bundle, 1)
			if err != nil {
				return nil, err
			}
			out, bundle = append(out, rfc6962.DefaultHasher.HashLeaf(list[0])), bundle[used:]
		}
		return out, nil
	}
	if err := fsck.New(v.Name(), v, fetcher, hashes, fsck.Opts{N: 2}).Check(t.Context()); err != nil {
		t.Fatalf("tessera's fsck: %v", err)
	}
	c, _, err := l.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int64{0, 255, 256, 511, c.Size - 1} {
		p, err := l.Prove(i)
		if err != nil {
			t.Fatal(err)
		}
		e, err := l.Entry(c, i)
		if err != nil {
			t.Fatal(err)
		}
		var path [][]byte
		for _, h := range p.Hashes {
			path = append(path, h[:])
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(c.Size), rfc6962.DefaultHasher.HashLeaf(e), path, c.Root[:]); err != nil {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	for _, old := range []int64{1, 255, 256, 300, c.Size - 1} {
		list, err := l.Consistency(c, old)
		if err != nil {
			t.Fatal(err)
		}
		root, err := tlog.TreeHash(old, l.hashes(c))
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.CheckConsistency(list, c.Size, c.Root, old, root); err != nil {
			t.Error(err)
		}
	}
}

// Whoever read an older checkpoint finds its narrow tiles, which are on the disk
// no more.
func TestOlderCheckpointCanBeRead(t *testing.T) {
	l := begun(t, t.TempDir(), "log.example")
	old := grow(t, l, files(1, 9)...)
	grow(t, l, files(10, 300)...)
	for _, c := range []ledger.Checkpoint{old} {
		err := l.Entries(c, 0, func(int64, []byte) error { return nil })
		if err != nil {
			t.Error(err)
		}
	}
	if list, _ := os.ReadDir(l.path("tile/entries/000.p")); len(list) > 0 {
		t.Errorf("%d narrow bundles are left", len(list))
	}
}

// A change of any byte of the log's files is named, and none is taken for an
// entry.
func TestDamageIsNamed(t *testing.T) {
	data := t.TempDir()
	l := begun(t, data, "log.example")
	grow(t, l, files(1, 300)...)
	grow(t, l, files(301, 5)...)
	if _, faults, err := l.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Fatal(faults, err)
	}
	rounds := 300
	if os.Getenv("BANDISH_LONG") != "" {
		rounds = 3000
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	var list []string
	filepath.WalkDir(filepath.Join(data, Dir), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	list = append(list, l.keyPath(signedFile))
	for i := range rounds {
		path := list[rnd.IntN(len(list))]
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now, what := damage(rnd, was)
		if bytes.Equal(now, was) {
			continue
		}
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
		_, faults, err := l.Check(t.Context())
		if err == nil && len(faults) == 0 {
			t.Errorf("round %d: %s of %s is not named", i, what, path)
		}
		if err := os.WriteFile(path, was, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// damage changes a file in one of the ways that files are changed.
func damage(rnd *rand.Rand, b []byte) ([]byte, string) {
	out := bytes.Clone(b)
	at := rnd.IntN(len(b))
	switch rnd.IntN(5) {
	case 0:
		out[at] ^= 1 << rnd.IntN(8)
		return out, fmt.Sprint("a flip at ", at)
	case 1:
		return out[:at], fmt.Sprint("a cut at ", at)
	case 2:
		return append(out, byte(rnd.IntN(256))), "a byte more"
	case 3:
		other := rnd.IntN(len(b))
		out[at], out[other] = out[other], out[at]
		return out, fmt.Sprint("a swap of ", at, " and ", other)
	}
	return append(out[:at], b[at+1:]...), fmt.Sprint("a byte less at ", at)
}

func look(t testing.TB, m *Monitor) error {
	t.Helper()
	_, err := m.Look(t.Context())
	return err
}

func wantAlarm(t *testing.T, what string, err error, word string) {
	t.Helper()
	var a *Alarm
	if !errors.As(err, &a) || !strings.Contains(a.Reason, word) {
		t.Errorf("%s: %v; want an alarm with %q", what, err, word)
	}
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// What an operator, or a thief of the key, cannot do unseen: each is shown to a
// monitor that saw the log before.
func TestMonitorShouts(t *testing.T) {
	data := t.TempDir()
	l := begun(t, data, "log.example")
	grow(t, l, files(1, 10)...)
	early := copyDir(t, data)
	grow(t, l, files(11, 10)...)

	// shown is a server that shows one folder after another.
	var now *Log
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(&Server{Log: now, Errors: slog.New(slog.DiscardHandler)}).Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	key := verifierString(t, l)
	seen := t.TempDir()
	now = l
	m := &Monitor{URL: s.URL + Prefix, Key: key, Dir: seen, Client: s.Client(), Now: time.Now}
	if err := look(t, m); err != nil {
		t.Fatal(err)
	}
	fresh := func() *Monitor {
		return &Monitor{URL: s.URL + Prefix, Key: key, Dir: copyDir(t, seen), Client: s.Client(), Now: time.Now}
	}

	grow(t, l, files(21, 300)...)
	if err := look(t, fresh()); err != nil {
		t.Errorf("a log that only grew: %v", err)
	}

	now = Open(disk.OS{}, copyDir(t, early))
	wantAlarm(t, "a rolled-back folder, or a smaller tree that was signed again", look(t, fresh()), "went back")

	now = Open(disk.OS{}, copyDir(t, early))
	grow(t, now, files(500, 10)...)
	wantAlarm(t, "another history of the same size", look(t, fresh()), "FORK")
	grow(t, now, files(510, 30)...)
	wantAlarm(t, "another history that grew on", look(t, fresh()), "FORK")

	now = Open(disk.OS{}, copyDir(t, data))
	old := file(900)
	old.Time = time.Now().Add(-48 * time.Hour)
	grow(t, now, old)
	wantAlarm(t, "a back-dated entry", look(t, fresh()), "BACK-DATED")

	now = Open(disk.OS{}, copyDir(t, data))
	batch := ledger.Entry{Type: ledger.TypeBatch, Time: time.Now(), Batch: &ledger.Batch{SHA256: strings.Repeat("a", 64), Documents: 1, Root: strings.Repeat("b", 64), Received: time.Now().Add(-72 * time.Hour)}}
	grow(t, now, batch)
	wantAlarm(t, "a back-dated batch", look(t, fresh()), "BACK-DATED")

	now = Open(disk.OS{}, copyDir(t, data))
	path := now.path(tilePath(tlog.Tile{H: tileHeight, L: -1, N: 0, W: tileWidth}))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte("file-3"), []byte("file-9"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	wantAlarm(t, "a rewritten entry", look(t, fresh()), "REWRITTEN")

	now = begun(t, t.TempDir(), "log.example")
	grow(t, now, files(1, 400)...)
	wantAlarm(t, "another key", look(t, fresh()), "not signed")
}

func verifierString(t testing.TB, l *Log) string {
	t.Helper()
	k, err := l.Key()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A monitor goes on after a rotation: the entry is signed by both keys.
func TestMonitorFollowsARotation(t *testing.T) {
	l := begun(t, t.TempDir(), "log.example")
	s := serve(t, l)
	m := &Monitor{URL: s.URL + Prefix, Key: verifierString(t, l), Dir: t.TempDir(), Client: s.Client(), Now: time.Now}
	if err := look(t, m); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		_, err := l.Rotate(func(signed string) ([]byte, error) {
			e := ledger.Entry{Type: ledger.TypeKey, Time: time.Now(), Key: &ledger.Key{Note: signed}}
			return e.Encode()
		})
		if err != nil {
			t.Fatal(err)
		}
		grow(t, l, file(i))
	}
	if err := look(t, m); err != nil {
		t.Errorf("after two rotations: %v", err)
	}
	if _, faults, err := l.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Error(faults, err)
	}
}

// A mirror shows what the original shows.
func TestMirrorServes(t *testing.T) {
	l := begun(t, t.TempDir(), "log.example")
	grow(t, l, files(1, 300)...)
	s := serve(t, l)
	first := &Monitor{URL: s.URL + Prefix, Key: verifierString(t, l), Dir: t.TempDir(), Client: s.Client(), Now: time.Now}
	if err := look(t, first); err != nil {
		t.Fatal(err)
	}
	copied := &Log{data: first.Dir, folder: mirrorDir, disk: disk.OS{}, made: map[string]bool{}}
	s2 := serve(t, copied)
	second := &Monitor{URL: s2.URL + Prefix, Key: verifierString(t, l), Dir: t.TempDir(), Client: s2.Client(), Now: time.Now}
	seen, err := second.Look(t.Context())
	if err != nil || seen.Size != 301 {
		t.Errorf("%+v, %v", seen, err)
	}
}

// A process that is killed between any two steps of an append leaves a log that
// goes on.
func TestKilledWithinAnAppend(t *testing.T) {
	for stop := 1; ; stop++ {
		data := t.TempDir()
		l := begun(t, data, "log.example")
		grow(t, l, files(1, 254)...)
		failing := Open(&failingDisk{Disk: disk.OS{}, left: stop}, data)
		later := fmt.Appendf(nil, `{"time":%q,"type":"later"}`, time.Now().UTC().Format(time.RFC3339))
		_, err := failing.Append([][]byte{later, later})
		after := Open(disk.OS{}, data)
		c, _, e := after.Checkpoint()
		if e != nil || c.Size != 255 && c.Size != 257 || err == nil && c.Size != 257 {
			t.Fatalf("stopped at call %d: %d entries, %v", stop, c.Size, e)
		}
		grow(t, after, files(300, 3)...)
		if _, faults, err := after.Check(t.Context()); err != nil || len(faults) > 0 {
			t.Fatalf("stopped at call %d: %v, %v", stop, faults, err)
		}
		if err == nil {
			if stop < 10 {
				t.Errorf("an append makes %d calls only", stop)
			}
			return
		}
	}
}

// failingDisk fails at every call after some.
type failingDisk struct {
	disk.Disk

	mu   sync.Mutex // guards what follows
	left int
}

var errStopped = errors.New("stopped")

func (d *failingDisk) use() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left--; d.left < 0 {
		return errStopped
	}
	return nil
}

func (d *failingDisk) CreateTemp(dir, pattern string) (disk.File, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	return d.Disk.CreateTemp(dir, pattern)
}

func (d *failingDisk) MkdirAll(dir string) error {
	if err := d.use(); err != nil {
		return err
	}
	return d.Disk.MkdirAll(dir)
}

func (d *failingDisk) Rename(from, to string) error {
	if err := d.use(); err != nil {
		return err
	}
	return d.Disk.Rename(from, to)
}

func (d *failingDisk) Remove(name string) error {
	if err := d.use(); err != nil {
		return err
	}
	return d.Disk.Remove(name)
}

func (d *failingDisk) SyncDir(dir string) error {
	if err := d.use(); err != nil {
		return err
	}
	return d.Disk.SyncDir(dir)
}

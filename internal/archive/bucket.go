package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/ledger"
)

// An archive may live in a bucket. The bucket then holds the same files under the same
// names, and the folder on this machine is a working copy. A file that is named by its
// hash is fetched when it is first opened, and may be removed from the working copy at any
// time. A commit sends its new files to the bucket. Then it swaps manifest.json there, on
// the condition that it is still the one with which the commit began. The ledger's files
// follow from what the manifests name (notary.Shared): the next writer sends those that
// are missing.

// copyName is the file that makes a folder the working copy of a bucket.
const copyName = "bucket.json"

// pullLock is held while the manifest of a working copy is being replaced.
const pullLock = ".pull.lock"

// WorkingCopy says which bucket a folder is a working copy of.
type WorkingCopy struct {
	Bucket string `json:"bucket"` // s3://bucket/prefix
	// CacheBytes is how many bytes of fetched files the folder may hold. Files that were
	// used in the last ten minutes stay even beyond it.
	CacheBytes int64 `json:"cache_bytes"`
	// Keys is the folder of the ledger's key. The environment variable BANDISH_LEDGER_KEY
	// may hold the text of the key file instead.
	Keys string `json:"keys,omitempty"`
}

// Keep makes a folder the working copy of a bucket. A field of w that is zero keeps its
// earlier value, or takes the one of usual if the folder is new. It is an error if the
// folder holds an archive of its own, or is the working copy of another bucket.
func (w WorkingCopy) Keep(dir string, usual WorkingCopy) error {
	old, err := readWorkingCopy(dir)
	if err != nil {
		return err
	}
	if old != nil {
		usual = *old
	}
	w.CacheBytes, w.Keys = cmp.Or(w.CacheBytes, usual.CacheBytes), cmp.Or(w.Keys, usual.Keys)
	if old == nil {
		if there, err := Exists(dir); err != nil || there {
			return errors.Join(err, fmt.Errorf("%s is an archive of its own, and no working copy of %s: name another folder with --cache", dir, w.Bucket))
		}
	} else if old.Bucket != w.Bucket {
		return fmt.Errorf("%s is a working copy of %s, not of %s: name another folder with --cache", dir, old.Bucket, w.Bucket)
	} else if *old == w {
		return nil
	}
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return disk.Replace(osDisk{}, filepath.Join(dir, copyName), append(text, '\n'), 0o644, true)
}

// readWorkingCopy reads of which bucket a folder is a copy; nil for an archive of its own.
func readWorkingCopy(dir string) (*WorkingCopy, error) {
	text, err := os.ReadFile(filepath.Join(dir, copyName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	w := &WorkingCopy{}
	if err := json.Unmarshal(text, w); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, copyName), err)
	}
	return w, nil
}

// bucket is the state of an archive that lives in a bucket.
type bucket struct {
	store object.Store
	cache cache
	fresh time.Duration // for how long a manifest counts as the newest after it was read

	sent struct {
		sync.Mutex
		names map[string]bool // files that were sent since the last commit; perhaps no commit lists them
	}

	mu     sync.Mutex // guards what follows
	root   seenRoot   // read last
	asked  time.Time  // when it was asked for
	failed bool       // the bucket could not be reached since then
}

// seenRoot is manifest.json of the bucket as it was read, with the ledger's checkpoint.
type seenRoot struct {
	text    []byte
	version object.Version
	head    []byte // the ledger's checkpoint; nil if no ledger was begun
	size    int64  // size of the ledger at that checkpoint
	cpVer   object.Version
}

// usualFresh is how old an answer to a reader may be.
const usualFresh = time.Second

// patience is the longest time for a request that has no context of its own.
const patience = 2 * time.Minute

// openBucket makes the archive one that lives in a bucket.
func (a *Archive) openBucket(store object.Store, w WorkingCopy) {
	a.bucket = &bucket{store: store, fresh: usualFresh}
	a.bucket.cache.open(a.dir, store, w.CacheBytes)
	a.disk = fetching{a.disk, &a.bucket.cache}
	a.folders.Disk = a.disk
	a.log = notary.Open(a.disk, a.dir)
	a.log.Share(notary.Shared{Keys: w.Keys, Text: os.Getenv("BANDISH_LEDGER_KEY")})
}

// Bucket returns where the archive lives, "" if it lives in its folder.
func (a *Archive) Bucket() string {
	if a.bucket == nil {
		return ""
	}
	return a.bucket.store.String()
}

// errNoRoot is the error of a bucket without an archive.
var errNoRoot = errors.New("there is no archive in the bucket")

// inFolder returns an error if the archive lives in a bucket; what names the work that
// needs a folder.
func (a *Archive) inFolder(what string) error {
	if a.bucket == nil {
		return nil
	}
	return fmt.Errorf("%s: that cannot be done to an archive in a bucket (%s)", what, a.bucket.store)
}

// look reads manifest.json and the ledger's checkpoint so that they belong together: the
// ledger ends before the entries that the manifest names, or right after them.
func (b *bucket) look(ctx context.Context) (seenRoot, error) {
	for try := 0; ; try++ {
		var s seenRoot
		var err error
		s.head, s.cpVer, err = b.store.Read(ctx, notary.CheckpointName)
		if err != nil && !errors.Is(err, object.ErrMissing) {
			return s, err
		}
		if s.head != nil {
			c, err := ledger.ParseCheckpoint(s.head)
			if err != nil {
				return s, fmt.Errorf("read %s in %s: %w", notary.CheckpointName, b.store, err)
			}
			s.size = c.Size
		}
		if s.text, s.version, err = b.store.Read(ctx, manifestName); err != nil {
			if errors.Is(err, object.ErrMissing) {
				err = errNoRoot
			}
			return s, err
		}
		r, err := readRoot(s.text)
		if err != nil {
			return s, fmt.Errorf("%w: read %s in %s: %w", ErrManifest, manifestName, b.store, err)
		}
		if r.Ledger == nil || s.size == r.Ledger.Size || s.size == r.Ledger.Size+int64(len(r.Ledger.Entries)) || try >= 8 {
			return s, nil // others report a ledger that never fits
		}
	}
}

// readRoot reads the parts of a manifest's text for which no other file is needed.
func readRoot(text []byte) (r struct {
	Generation uint64    `json:"generation"`
	Ledger     *Unlogged `json:"ledger"`
}, err error) {
	if _, err := sealed(text); err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// pull brings the working copy up to date with the bucket, unless it was looked at just
// now.
func (a *Archive) pull() error {
	b := a.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.asked) < b.fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := a.pullNow(ctx)
	if err == nil {
		b.asked, b.failed = time.Now(), false
		return nil
	}
	if b.root.text == nil || errors.Is(err, ErrManifest) || errors.Is(err, errNoRoot) {
		return err
	}
	// What was read before is still a state that the archive had.
	b.asked = time.Now()
	if !b.failed {
		a.notice("%s cannot be read, and answers stay as they were: %v", b.store, err)
	}
	b.failed = true
	return nil
}

// forget makes the next pull ask the bucket.
func (b *bucket) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = time.Time{}
}

// pullNow is pull without a look at the clock. The caller holds b.mu.
func (a *Archive) pullNow(ctx context.Context) error {
	b := a.bucket
	unlock, err := a.pulling(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	have, err := a.generation() // before the bucket is asked: other processes here may pull too
	if err != nil {
		return err
	}
	if b.root.text != nil { // usually the manifest has not changed
		text, version, err := b.store.Read(ctx, manifestName)
		if err == nil && bytes.Equal(text, b.root.text) && settledIn(b.root) {
			if err := a.place(text); err != nil {
				return err
			}
			b.root.version = version
			return nil
		}
	}
	s, err := b.look(ctx)
	if errors.Is(err, errNoRoot) && have > 0 {
		return fmt.Errorf("%w: %s is gone from %s", ErrManifest, manifestName, b.store)
	}
	if err != nil {
		return err
	}
	r, err := readRoot(s.text)
	if err != nil {
		return err
	}
	if r.Generation < have {
		return fmt.Errorf("%w: %s in %s went back from generation %d to %d", ErrManifest, manifestName, b.store, have, r.Generation)
	}
	if err := a.place(s.text); err != nil {
		return err
	}
	if s.head != nil {
		if err := a.log.Adopt(s.head); err != nil {
			return err
		}
	}
	b.root = s
	return nil
}

// settledIn reports whether the ledger in s has all entries that the manifest in s names.
func settledIn(s seenRoot) bool {
	r, err := readRoot(s.text)
	return err == nil && (r.Ledger == nil || s.size == r.Ledger.Size+int64(len(r.Ledger.Entries)))
}

// pulling waits for the turn to replace the manifest of the working copy.
func (a *Archive) pulling(ctx context.Context) (unlock func(), err error) {
	return a.hold(ctx, pullLock, 2*time.Millisecond)
}

// generation returns the generation of the manifest in the working copy, 0 if there is
// none.
func (a *Archive) generation() (uint64, error) {
	text, err := os.ReadFile(a.manifestPath())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	r, err := readRoot(text)
	if err != nil {
		return 0, nil // it is damaged, and will be replaced
	}
	return r.Generation, nil
}

// place writes the bucket's manifest into the working copy. The caller has the turn to
// pull.
func (a *Archive) place(text []byte) error {
	if old, err := os.ReadFile(a.manifestPath()); err == nil && bytes.Equal(old, text) {
		return nil
	}
	return disk.Replace(a.disk, a.manifestPath(), text, 0o644, false)
}

// prepareBucket makes the folders of a working copy, and a first manifest in a bucket that
// has none.
func (a *Archive) prepareBucket(ctx context.Context) error {
	for _, d := range []string{rawDir, "quarantine"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			return err
		}
	}
	// This folder remembers what was signed last; the key itself is elsewhere.
	if err := os.MkdirAll(filepath.Join(a.dir, notary.KeyDir), 0o700); err != nil {
		return err
	}
	b := a.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	err := a.pullNow(ctx)
	if !errors.Is(err, errNoRoot) {
		return err
	}
	for o, err := range b.store.List(ctx, rawDir+"/") {
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: %s holds %s, and no %s", ErrManifest, b.store, o.Name, manifestName)
	}
	if err := object.Probe(ctx, b.store); err != nil {
		return err
	}
	text, err := (&Manifest{Format: formatVersion}).text0()
	if err != nil {
		return err
	}
	if _, err := b.store.Swap(ctx, manifestName, object.None, text); err != nil && !errors.Is(err, object.ErrChanged) {
		return err
	}
	return a.pullNow(ctx)
}

// text0 returns the whole text of a manifest that has no entries for the ledger.
func (m *Manifest) text0() ([]byte, error) {
	text, _, err := m.encode()
	if err != nil {
		return nil, err
	}
	return m.seal(text)
}

// begun returns the manifest with which a turn begins, and its version in the bucket.
func (a *Archive) begun(ctx context.Context) (*Manifest, object.Version, error) {
	b := a.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := a.pullNow(ctx); err != nil {
		return nil, "", err
	}
	a.manifest.Lock()
	defer a.manifest.Unlock()
	known := a.manifest.current
	if known != nil && known.whole == sha256.Sum256(b.root.text) {
		return known, b.root.version, a.agrees(known)
	}
	m, err := a.parseManifest(b.root.text, known)
	if err != nil {
		return nil, "", err
	}
	return m, b.root.version, a.agrees(m)
}

// inHistory reports whether the commit of an update that seemed lost was made after all:
// its entries stand in the ledger at their place. The caller has the turn to write.
func (a *Archive) inHistory(u *Update) (bool, error) {
	l := u.Manifest.Ledger
	c, _, err := a.log.Checkpoint()
	if errors.Is(err, notary.ErrEmpty) {
		return false, nil
	}
	if err != nil || l == nil || l.Origin != c.Origin {
		return false, err
	}
	for i, want := range l.Entries {
		at := l.Size + int64(i)
		if at >= c.Size {
			return false, nil
		}
		if got, err := a.log.Entry(c, at); err != nil || string(got) != want {
			return false, err
		}
	}
	return len(l.Entries) > 0, nil
}

// waitAgain waits before another try of a commit. The time is random and grows with each
// try and with the time that the last one took, so that processes that race do not meet
// again.
func waitAgain(ctx context.Context, try int, took time.Duration) error {
	most := min(max(took, 4*time.Millisecond)*time.Duration(1+min(try, 3)), 30*time.Second)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(rand.N(most)):
		return nil
	}
}

// errLost is the error of a commit when another process committed first.
var errLost = errors.New("another has committed meanwhile")

// push makes a commit in the bucket: it sends the files, then swaps the manifest. The
// error is errLost if another process was first.
func (a *Archive) push(ctx context.Context, u *Update, text []byte) error {
	b := a.bucket
	if u.Again || time.Since(u.began) > 100*time.Millisecond { // another process may have been first
		if _, now, err := b.store.Read(ctx, manifestName); err == nil && now != u.version {
			return errLost
		}
	}
	if err := b.send(ctx, a.dir, a.added(u)); err != nil {
		return err
	}
	v, err := b.store.Swap(ctx, manifestName, u.version, text)
	if err != nil { // the swap may have succeeded, and only the answer was lost
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		there, now, e := b.store.Read(ctx, manifestName)
		switch {
		case e == nil && bytes.Equal(there, text):
			v = now
		case errors.Is(err, object.ErrChanged):
			return errLost
		default:
			return fmt.Errorf("commit to %s: %w", b.store, err)
		}
	}
	b.sent.Lock()
	b.sent.names = nil
	b.sent.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.root.text, b.root.version = text, v
	return nil
}

// added returns the files that a commit adds: for the name of each object its place in the
// working copy.
func (a *Archive) added(u *Update) map[string]string {
	out := map[string]string{}
	add := func(p, at string) { out[filepath.ToSlash(p)] = at }
	batches, _ := compareBatches(u.Before, u.Manifest)
	for _, s := range batches {
		add(s.Path(), pendingPath(s.SHA256))
	}
	compare(u.Before.Segments, u.Manifest.Segments, func(was, is *Segment) {
		if is != nil && (was == nil || was.SHA256 != is.SHA256) {
			add(is.Path(), is.Path())
		}
	})
	old := map[string]bool{}
	for _, p := range u.Before.base().files() {
		old[p.path] = true
	}
	for _, p := range u.Manifest.base().files() {
		if !old[p.path] {
			add(p.path, p.path)
		}
	}
	return out
}

// settleBucket sends the files of the ledger that the bucket lacks. The caller has the
// turn to write.
func (a *Archive) settleBucket(ctx context.Context) error {
	c, signed, err := a.log.Checkpoint()
	if errors.Is(err, notary.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	b := a.bucket
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if b.root.size >= c.Size {
			return nil
		}
		files := map[string]string{}
		for _, name := range notary.Grown(b.root.size, c.Size) {
			files[name] = filepath.FromSlash(name)
		}
		if err := b.send(ctx, a.dir, files); err != nil {
			return err
		}
		v, err := b.store.Swap(ctx, notary.CheckpointName, b.root.cpVer, signed)
		if err == nil {
			b.root.head, b.root.size, b.root.cpVer = signed, c.Size, v
			return nil
		}
		if !errors.Is(err, object.ErrChanged) {
			return err
		}
		// Another process sent the same, or was ahead of us.
		text, v, err := b.store.Read(ctx, notary.CheckpointName)
		if err != nil {
			return err
		}
		now, err := ledger.ParseCheckpoint(text)
		if err != nil {
			return err
		}
		if now.Size == c.Size && now != c {
			return fmt.Errorf("%w: %s in %s is not what follows from the manifest", ErrManifest, notary.CheckpointName, b.store)
		}
		b.root.head, b.root.size, b.root.cpVer = text, now.Size, v
	}
}

// send puts files into the bucket. Those that are there already are left alone: their
// names are their hashes. A commit that lost a race and begins again sends nothing twice.
func (b *bucket) send(ctx context.Context, dir string, files map[string]string) error {
	g := newGroup()
	for name, at := range files {
		if b.wasSent(name) {
			continue
		}
		g.Go(func() error {
			if err := b.sendOne(ctx, dir, name, at); err != nil {
				return err
			}
			b.sent.Lock()
			defer b.sent.Unlock()
			if b.sent.names == nil {
				b.sent.names = map[string]bool{}
			}
			b.sent.names[name] = true
			return nil
		})
	}
	return g.Wait()
}

func (b *bucket) wasSent(name string) bool {
	b.sent.Lock()
	defer b.sent.Unlock()
	return b.sent.names[name]
}

func (b *bucket) sendOne(ctx context.Context, dir, name, at string) error {
	f, err := os.Open(filepath.Join(dir, at))
	if errors.Is(err, fs.ErrNotExist) { // it already has its own name
		f, err = os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	}
	if errors.Is(err, fs.ErrNotExist) && b.cache.has(name) { // another process made it, or it was evicted
		return nil
	}
	if err != nil {
		return fmt.Errorf("send %s: %w", name, err)
	}
	defer f.Close()
	if err := b.store.Create(ctx, name, f); !errors.Is(err, object.ErrExists) {
		return err
	}
	return nil
}

// inBucket hashes a file in the bucket and says what is wrong with it.
func (a *Archive) inBucket(ctx context.Context, path string, size int64) (reason string) {
	r, err := a.bucket.store.Open(ctx, filepath.ToSlash(path), 0, -1)
	if errors.Is(err, object.ErrMissing) {
		return "missing"
	}
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return "it cannot be read: " + err.Error()
	case n != size:
		return fmt.Sprintf("has %s bytes, the manifest says %d", moreOr(n, size), size)
	case hex.EncodeToString(h.Sum(nil)) != sumOf(path):
		return "its content does not have the SHA-256 of its name"
	}
	return ""
}

func moreOr(n, most int64) string {
	if n > most {
		return fmt.Sprintf("more than %d", most)
	}
	return fmt.Sprint(n)
}

// isLedgerTile reports whether a file below the data folder is a tile of the ledger.
func isLedgerTile(rel string) bool { return strings.HasPrefix(rel, notary.Dir+"/tile/") }

// Package archive keeps what was measured: raw batches (zstd JSONL) and the
// Parquet segments derived from them, each an immutable file named by the
// SHA-256 of its bytes, and one manifest that lists them.
//
// It guarantees: a commit is whole or absent, also after kill -9 or a power
// cut; a committed batch is never changed or removed; readers in other
// processes see one consistent state while a writer works. Writers in several
// processes take turns by a lock on the folder. What the rows mean is left to
// others.
package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Archive is a data folder. Its methods may be called by many goroutines.
type Archive struct {
	// Waiting is told, once a turn, when another process has held the turn to
	// write for some seconds. It may be nil; set it before first use.
	Waiting func()

	dir string

	mu       sync.Mutex // guards the in-process turn to write
	manifest struct {
		sync.Mutex
		current *Manifest
		stamp   fs.FileInfo // of the file that current was read from; nil for none
	}
}

// Open opens the archive in dir, making the folder when it is missing.
func Open(dir string) (*Archive, error) {
	for _, d := range []string{"", "tmp", "raw", "quarantine"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("open archive: %w", err)
		}
	}
	a := &Archive{dir: dir}
	if _, err := a.Manifest(); err != nil {
		return nil, err
	}
	return a, nil
}

// OpenExisting is Open for commands that only read: it makes nothing and
// fails with a hint when there is no archive.
func OpenExisting(dir string) (*Archive, error) {
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("no archive in %s: import measurements first (bandish import SOURCE --data %s)", dir, dir)
		}
		return nil, fmt.Errorf("open archive: %w", err)
	}
	a := &Archive{dir: dir}
	_, err := a.Manifest()
	return a, err
}

// Dir is the data folder.
func (a *Archive) Dir() string { return a.dir }

// Manifest returns the current manifest, read again when another process has
// replaced it. The caller must not change it.
func (a *Archive) Manifest() (*Manifest, error) {
	a.manifest.Lock()
	defer a.manifest.Unlock()
	stamp, err := os.Stat(filepath.Join(a.dir, "manifest.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if a.manifest.current != nil && sameFile(stamp, a.manifest.stamp) {
		return a.manifest.current, nil
	}
	m, err := readManifest(a.dir)
	if err != nil {
		return nil, err
	}
	a.manifest.current, a.manifest.stamp = m, stamp
	return m, nil
}

// sameFile reports whether the manifest on disk is still the one read: it is
// replaced, never written in place.
func sameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// Update is one turn to write, between the lock and the commit.
type Update struct {
	a        *Archive
	Manifest *Manifest // a copy: what the commit will write
}

// Update waits for the turn to write, runs fn, and commits what fn left in
// the update's manifest. When fn fails nothing is committed; files it wrote
// stay behind unlisted and are removed by Sweep.
func (a *Archive) Update(ctx context.Context, fn func(*Update) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	u := &Update{a: a, Manifest: m.clone()}
	if err := fn(u); err != nil {
		return err
	}
	u.Manifest.Format = formatVersion
	u.Manifest.Generation = m.Generation + 1
	u.Manifest.sort()
	if err := writeManifest(a.dir, u.Manifest); err != nil {
		return err
	}
	_, err = a.Manifest()
	return err
}

// Stage is an update whose long part is done without the turn to write:
// prepare writes files and fills the manifest of a copy, while others commit;
// finish, in its turn, takes over from that manifest what it wants and makes
// up for what was committed since. Stages take turns among themselves. Nothing
// is swept meanwhile: what prepare reads and writes stays.
func (a *Archive) Stage(ctx context.Context, prepare func(*Update) error, finish func(staged *Manifest, u *Update) error) error {
	unlock, err := a.lock(ctx, stageLock)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	s := &Update{a: a, Manifest: m.clone()}
	if err := prepare(s); err != nil {
		return err
	}
	return a.Update(ctx, func(u *Update) error { return finish(s.Manifest, u) })
}

// The locks of a folder. Whoever takes both takes the stage's first.
const (
	writeLock = "lock"
	stageLock = "stage.lock"
)

// staging reports whether a stage is under way, in whatever process.
func (a *Archive) staging() (bool, error) {
	f, err := os.OpenFile(filepath.Join(a.dir, stageLock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// lock takes a lock of the folder, which the kernel drops when the process
// ends however it ends.
func (a *Archive) lock(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, name), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock archive: %w", err)
	}
	patience := time.NewTimer(2 * time.Second)
	defer patience.Stop()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock archive %s: %w", a.dir, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another bandish that writes to %s: %w", a.dir, ctx.Err())
		case <-patience.C:
			if a.Waiting != nil {
				a.Waiting()
			}
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// blob is a file being written under a temporary name, hashed as it grows.
type blob struct {
	a    *Archive
	f    *os.File
	hash hash.Hash
	n    int64
}

func (a *Archive) newBlob() (*blob, error) {
	f, err := os.CreateTemp(filepath.Join(a.dir, "tmp"), "part-*")
	if err != nil {
		return nil, err
	}
	return &blob{a: a, f: f, hash: sha256.New()}, nil
}

func (b *blob) Write(p []byte) (int, error) {
	n, err := b.f.Write(p)
	b.hash.Write(p[:n])
	b.n += int64(n)
	return n, err
}

// discard is safe after commit.
func (b *blob) discard() {
	b.f.Close()
	os.Remove(b.f.Name())
}

func (b *blob) sum() string { return hex.EncodeToString(b.hash.Sum(nil)) }

// commit makes the file durable under path, relative to the data folder.
func (b *blob) commit(path string) error {
	if err := errors.Join(b.f.Chmod(0o444), b.f.Sync(), b.f.Close()); err != nil {
		return err
	}
	full := filepath.Join(b.a.dir, path)
	if err := b.a.makeDir(filepath.Dir(full)); err != nil {
		return err
	}
	if err := os.Rename(b.f.Name(), full); err != nil {
		return err
	}
	return syncDir(filepath.Dir(full))
}

// makeDir makes a folder below the data folder and its names durable.
func (a *Archive) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		if err := syncDir(d); err != nil || d == a.dir || d == filepath.Dir(d) {
			return err
		}
	}
}

// Open opens a listed file.
func (a *Archive) Open(path string) (*os.File, error) {
	return os.Open(filepath.Join(a.dir, path))
}

// Sweep removes what no manifest lists: files that a killed writer left
// behind and segments that compaction replaced. A segment replaced less than
// grace ago stays, for readers that still have the old manifest, and all does
// while a stage is under way. Raw batches
// that no manifest lists are removed too: they were never acknowledged.
func (a *Archive) Sweep(ctx context.Context, grace time.Duration, now time.Time) (removed int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if busy, err := a.staging(); busy || err != nil {
		return 0, err // what a stage reads and writes is nobody's orphan
	}
	orphans, err := a.orphans()
	if err != nil {
		return 0, err
	}
	for _, p := range orphans {
		full := filepath.Join(a.dir, p)
		st, err := os.Stat(full)
		if err != nil || now.Sub(st.ModTime()) < grace {
			continue
		}
		if err := os.Remove(full); err != nil {
			return removed, fmt.Errorf("sweep: %w", err)
		}
		removed++
	}
	return removed, nil
}

// orphans lists files in the archive's folders that the manifest does not.
func (a *Archive) orphans() ([]string, error) {
	m, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	for _, b := range m.Batches {
		listed[b.Path()] = true
	}
	for _, s := range m.Segments {
		listed[s.Path()] = true
	}
	var out []string
	for _, top := range []string{"tmp", "raw", Observations, Verdicts, Bodies, Cells, Layers, Counts, Hours, Findings, Events} {
		err := filepath.WalkDir(filepath.Join(a.dir, top), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(a.dir, p)
			if err == nil && !listed[rel] {
				out = append(out, rel)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", top, err)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Damage is a listed file that is not what its name says.
type Damage struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Check hashes every listed file again and names what is damaged or missing;
// orphans are files that nothing lists.
func (a *Archive) Check(ctx context.Context) (damaged []Damage, orphans []string, files int, err error) {
	m, err := a.Manifest()
	if err != nil {
		return nil, nil, 0, err
	}
	check := func(path, sum string, size int64) {
		files++
		if reason := a.verify(path, sum, size); reason != "" {
			damaged = append(damaged, Damage{path, reason})
		}
	}
	for _, b := range m.Batches {
		if ctx.Err() != nil {
			return damaged, nil, files, ctx.Err()
		}
		check(b.Path(), b.SHA256, b.Bytes)
	}
	for _, s := range m.Segments {
		if ctx.Err() != nil {
			return damaged, nil, files, ctx.Err()
		}
		check(s.Path(), s.SHA256, s.Bytes)
	}
	orphans, err = a.orphans()
	return damaged, orphans, files, err
}

// Lacks says how to mend an archive that a question failed on: it names the
// first listed segment that is not there or has another length, "" where none.
func (a *Archive) Lacks() string {
	m, err := a.Manifest()
	if err != nil {
		return ""
	}
	for _, s := range m.Segments {
		st, err := os.Stat(filepath.Join(a.dir, s.Path()))
		if err != nil || st.Size() != s.Bytes {
			return fmt.Sprintf("%s is missing or damaged: bandish archive check names all that is, bandish rebuild brings it back", s.Path())
		}
	}
	return ""
}

func (a *Archive) verify(path, sum string, size int64) (reason string) {
	f, err := a.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "missing"
		}
		return err.Error()
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return err.Error()
	}
	if n != size {
		return fmt.Sprintf("has %d bytes, the manifest says %d", n, size)
	}
	if hex.EncodeToString(h.Sum(nil)) != sum {
		return "its content does not have the SHA-256 of its name"
	}
	return ""
}

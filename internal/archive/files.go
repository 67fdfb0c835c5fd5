package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/disk"
)

// partPrefix begins the names of files that are being written.
const partPrefix = disk.Part

// blob is a file that is being written under a temporary name, and hashed at the same
// time. It lies in the folder of its kind, which may be a link to another disk.
type blob struct {
	a    *Archive
	f    File
	hash hash.Hash
	n    int64
}

func (a *Archive) newBlob(kind string) (*blob, error) {
	dir := filepath.Join(a.dir, kind)
	if kind != rawDir { // Open made rawDir; if it is gone, its disk may be gone
		if err := a.makeDir(dir); err != nil {
			return nil, err
		}
	}
	f, err := a.disk.CreateTemp(dir, partPrefix+"*")
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

// discard removes the file. After commit it does nothing.
func (b *blob) discard() {
	if b.f == nil {
		return
	}
	b.f.Close()
	b.a.disk.Remove(b.f.Name())
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
	if err := b.a.disk.Rename(b.f.Name(), full); err != nil {
		return err
	}
	b.f = nil
	if err := b.a.disk.SyncDir(filepath.Dir(full)); err != nil {
		return err
	}
	b.a.wrote(path)
	return nil
}

// Together calls fn. It makes the files that fn adds durable side by side, which takes a
// disk hardly longer than one file. When Together returns, all of them are durable.
func (u *Update) Together(fn func() error) (err error) {
	u.files = pool.New().WithErrors().WithMaxGoroutines(sideBySide)
	defer func() {
		files := u.files
		u.files = nil
		err = errors.Join(err, files.Wait())
	}()
	return fn()
}

// sideBySide is how many files are made durable at one time.
const sideBySide = 8

// commit is blob.commit. Within Together it happens later. The caller must not use the
// file any more.
func (u *Update) commit(b *blob, path string) error {
	if u.files == nil {
		return b.commit(path)
	}
	own := *b
	b.f = nil
	u.files.Go(func() error {
		defer own.discard()
		if err := own.commit(path); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	})
	return nil
}

// makeDir makes a folder below the data folder, and makes its name durable.
func (a *Archive) makeDir(dir string) error { return a.folders.Make(dir) }

// arrive gives a pending batch its own name, once the manifest lists it. The batch is
// durable under either name: after a power cut the old name may be back.
func (a *Archive) arrive(sha string) error {
	full := filepath.Join(a.dir, rawPath(sha))
	if err := a.makeDir(filepath.Dir(full)); err != nil {
		return err
	}
	return a.disk.Rename(filepath.Join(a.dir, pendingPath(sha)), full)
}

// entries lists a folder; the folder may be a link. A missing folder has no entries.
func entries(dir string) ([]fs.DirEntry, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

// filesBelow lists the files in the subfolders of a folder as paths below the data folder.
// Both may be links.
func (a *Archive) filesBelow(top string, is func(name string) bool) ([]string, error) {
	folders, err := entries(filepath.Join(a.dir, top))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range folders {
		if d.Type().IsRegular() || top == rawDir && d.Name() == unlistedDir {
			continue
		}
		files, err := entries(filepath.Join(a.dir, top, d.Name()))
		if errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if is(f.Name()) {
				out = append(out, filepath.Join(top, d.Name(), f.Name()))
			}
		}
	}
	return out, nil
}

func isRawName(name string) bool {
	sha, ok := strings.CutSuffix(name, rawSuffix)
	return ok && isSHA256(sha)
}

func isSegmentName(name string) bool {
	sha, ok := strings.CutSuffix(name, ".parquet")
	return ok && isSHA256(sha)
}

// rawFiles lists the batches that have their own names.
func (a *Archive) rawFiles() ([]string, error) { return a.filesBelow(rawDir, isRawName) }

// pending lists the SHA-256 of the batches that wait for a manifest.
func (a *Archive) pending() ([]string, error) {
	files, err := entries(filepath.Join(a.dir, rawDir))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		if sha, ok := strings.CutSuffix(f.Name(), ".pending"); ok && isSHA256(sha) {
			out = append(out, sha)
		}
	}
	return out, nil
}

// kinds are the kinds of segments. Each kind has a folder.
var kinds = []string{Observations, Verdicts, Bodies, Cells, Layers, Counts, Signals, Hours, Findings, Events}

// parts lists the files that somebody began to write. Older programs wrote them below tmp.
func (a *Archive) parts() ([]string, error) {
	var out []string
	for _, dir := range append([]string{"", "tmp", rawDir, manifestDir}, kinds...) {
		files, err := entries(filepath.Join(a.dir, dir))
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if f.Type().IsRegular() && (dir == "tmp" || strings.HasPrefix(f.Name(), partPrefix)) {
				out = append(out, filepath.Join(dir, f.Name()))
			}
		}
	}
	return out, nil
}

// finishLeft finishes what a process left undone that was killed after a commit. It does
// nothing if somebody is writing now.
func (a *Archive) finishLeft() error {
	waiting, err := a.pending()
	if err != nil || len(waiting) == 0 {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	unlock, err := a.lock(ctx, writeLock)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	return a.settlePending()
}

// settlePending gives pending batches their own names if the manifest lists them. The
// others were never committed, and nobody was told that they are kept; they are set aside.
// The caller has the turn to write.
func (a *Archive) settlePending() error {
	waiting, err := a.pending()
	if err != nil {
		return err
	}
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	for _, sha := range waiting {
		if _, listed := m.Batch(sha); listed {
			err = a.arrive(sha)
		} else {
			err = a.moveToUnlisted(pendingPath(sha), "a process that was killed had not committed it")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// moveToUnlisted moves a raw batch to raw/unlisted. Raw batches are never removed.
func (a *Archive) moveToUnlisted(path, why string) error {
	to := filepath.Join(rawDir, unlistedDir, sumOf(path)+rawSuffix)
	if err := a.makeDir(filepath.Dir(filepath.Join(a.dir, to))); err != nil {
		return err
	}
	if err := a.disk.Rename(filepath.Join(a.dir, path), filepath.Join(a.dir, to)); err != nil {
		return err
	}
	a.notice("%s was set aside as %s: %s", path, to, why)
	return a.disk.SyncDir(filepath.Join(a.dir, rawDir, unlistedDir))
}

// Sweep removes files that no manifest lists: files that a killed writer began, and
// segments that were replaced. A file that was written or replaced less than grace ago
// stays, for readers that still have the old manifest. While a stage runs, everything
// stays. Raw batches are never removed: one that was not committed is set aside. It
// returns how many files it removed.
func (a *Archive) Sweep(ctx context.Context, grace time.Duration, now time.Time) (removed int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		return 0, err
	}
	defer unlock()
	if busy, err := a.staging(); busy || err != nil {
		return 0, err // a stage may read and write unlisted files
	}
	m, err := a.newest(ctx)
	if err != nil {
		return 0, err
	}
	if err := a.settlePending(); err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	parts, err := a.parts()
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	segments, err := a.unlistedSegments(m)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	manifests, err := a.unlistedParts(m)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	kept, err := a.aside(now)
	if err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	dropped := m.dropped()
	for _, p := range slices.Concat(parts, segments, manifests) {
		full := filepath.Join(a.dir, p)
		st, err := os.Lstat(full)
		if err != nil || kept[p] || !st.Mode().IsRegular() || now.Sub(st.ModTime()) < grace || now.Sub(dropped[p]) < grace {
			continue
		}
		if err := a.disk.Remove(full); err != nil {
			return removed, fmt.Errorf("sweep: %w", err)
		}
		a.checks.forget(p)
		removed++
	}
	return removed, nil
}

// unlistedSegments lists the segments in the folders that a manifest does not list.
func (a *Archive) unlistedSegments(m *Manifest) ([]string, error) {
	listed := make(map[string]bool, len(m.Segments))
	for _, s := range m.Segments {
		listed[s.Path()] = true
	}
	var out []string
	for _, kind := range kinds {
		files, err := a.filesBelow(kind, isSegmentName)
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(files, func(p string) bool { return listed[p] })...)
	}
	return out, nil
}

// unlistedParts lists the files below manifest that no manifest rests on, neither m nor
// one that a recovery put aside.
func (a *Archive) unlistedParts(m *Manifest) ([]string, error) {
	files, err := entries(filepath.Join(a.dir, manifestDir))
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, p := range m.base().files() {
		keep[p.path] = true
	}
	aside, err := filepath.Glob(filepath.Join(a.dir, beforePrefix+"*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range aside {
		if text, err := os.ReadFile(name); err == nil {
			if old, err := a.parseManifest(text, m); err == nil { // else its parts are of no use
				for _, p := range old.base().files() {
					keep[p.path] = true
				}
			}
		}
	}
	var out []string
	for _, f := range files {
		if path := filepath.Join(manifestDir, f.Name()); isPartName(f.Name()) && !keep[path] {
			out = append(out, path)
		}
	}
	return out, nil
}

// orphans lists the files in the archive's folders that the manifest does not list.
func (a *Archive) orphans(m *Manifest) ([]string, error) {
	parts, err := a.parts()
	if err != nil {
		return nil, err
	}
	segments, err := a.unlistedSegments(m)
	if err != nil {
		return nil, err
	}
	manifests, err := a.unlistedParts(m)
	if err != nil {
		return nil, err
	}
	out := slices.Concat(parts, segments, manifests)
	waiting, err := a.pending()
	if err != nil {
		return nil, err
	}
	for _, sha := range waiting {
		if _, listed := m.Batch(sha); !listed {
			out = append(out, pendingPath(sha))
		}
	}
	aside, err := entries(filepath.Join(a.dir, rawDir, unlistedDir))
	for _, f := range aside {
		out = append(out, filepath.Join(rawDir, unlistedDir, f.Name()))
	}
	slices.Sort(out)
	return out, err
}

// Damage is a listed file that is not what its name says.
type Damage struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Check hashes every listed file again. It returns those that are damaged or missing, the
// files that nothing lists, and how many it hashed.
func (a *Archive) Check(ctx context.Context) (damaged []Damage, orphans []string, files int, err error) {
	m, err := a.Manifest()
	if err != nil {
		return nil, nil, 0, err
	}
	batches, rests := m.Batches(), m.base().files()
	all := len(rests) + len(batches) + len(m.Segments)
	check := func(path string, size int64) error {
		files++
		verify := a.verify
		if a.bucket != nil {
			verify = func(path string, size int64) string { return a.inBucket(ctx, path, size) }
		}
		if reason := verify(path, size); reason != "" {
			damaged = append(damaged, Damage{path, reason})
		}
		a.Did("file", files, all)
		return ctx.Err()
	}
	for _, p := range rests {
		if err := check(p.path, p.bytes); err != nil {
			return damaged, nil, files, err
		}
	}
	for _, b := range batches {
		if err := check(b.Path(), b.Bytes); err != nil {
			return damaged, nil, files, err
		}
	}
	for _, s := range m.Segments {
		if err := check(s.Path(), s.Bytes); err != nil {
			return damaged, nil, files, err
		}
	}
	orphans, err = a.orphans(m)
	return damaged, orphans, files, err
}

// Did calls Step if it is set.
func (a *Archive) Did(kind string, done, of int) {
	if a.Step != nil {
		a.Step(kind, done, of)
	}
}

// Lacks says how to mend an archive after a question failed. It names the first listed
// segment that is missing or has another length, "" if there is none.
func (a *Archive) Lacks() string {
	m, err := a.Manifest()
	if err != nil {
		return ""
	}
	for _, s := range m.Segments {
		st, err := os.Stat(filepath.Join(a.dir, s.Path()))
		if errors.Is(err, fs.ErrNotExist) && a.bucket != nil {
			continue // it is fetched when it is needed
		}
		if err != nil || st.Size() != s.Bytes {
			return fmt.Sprintf("%s is missing or damaged: bandish archive check names all that is, bandish rebuild brings it back", s.Path())
		}
	}
	return ""
}

// verify hashes a listed file, and ignores what is remembered of it. It returns what is
// wrong; "" for nothing.
func (a *Archive) verify(path string, size int64) (reason string) {
	f, err := a.find(path)
	var damaged *DamagedError
	if errors.As(err, &damaged) {
		return damaged.Reason
	}
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return err.Error()
	} else if st.Size() != size {
		return fmt.Sprintf("has %d bytes, the manifest says %d", st.Size(), size)
	}
	a.checks.forget(path)
	reason, err = a.reason(f, path)
	if err != nil {
		return err.Error()
	}
	return reason
}

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/notary"
)

// BackedUp counts what a backup did.
type BackedUp struct {
	Generation uint64   `json:"generation"`
	Copied     int      `json:"copied"`  // files
	Bytes      int64    `json:"bytes"`   // of the copied files
	There      int      `json:"there"`   // files that the copy already had
	Damaged    []Damage `json:"damaged"` // files that were not copied
}

// Backup copies the archive, as it is at one moment, into another folder, while others go
// on writing. The copy is an archive of its own. If the folder holds an earlier copy, only
// what is missing is added. Damaged files are left out and listed.
func (a *Archive) Backup(ctx context.Context, dir string) (BackedUp, error) {
	if err := a.inFolder("back up"); err != nil {
		return BackedUp{}, err
	}
	if err := apart(a.dir, dir); err != nil {
		return BackedUp{}, fmt.Errorf("back up: %w", err)
	}
	to, err := at(a.disk, dir)
	if err == nil {
		err = to.inFolder("back up")
	}
	if err != nil {
		return BackedUp{}, err
	}
	if err := to.makeDir(filepath.Join(dir, rawDir)); err != nil {
		return BackedUp{}, fmt.Errorf("back up: %w", err)
	}
	var out BackedUp
	// Copy the journal of sources before the manifest: it must not name a source that the
	// copy lacks.
	if err := a.backUpRest(ctx, to, &out); err != nil {
		return out, fmt.Errorf("back up: %w", err)
	}
	m, err := a.Manifest()
	if err != nil {
		return out, err
	}
	if err := a.backUpListed(ctx, m, to, &out); err != nil {
		return out, fmt.Errorf("back up: %w", err)
	}
	// Copy what came since, and the ledger, while nobody writes: both must be of one
	// moment.
	unlock, err := a.still(ctx)
	if err != nil {
		return out, fmt.Errorf("back up: %w", err)
	}
	defer unlock()
	if m, err = a.Manifest(); err != nil {
		return out, err
	}
	there := out.There
	if err := a.backUpListed(ctx, m, to, &out); err != nil {
		return out, fmt.Errorf("back up: %w", err)
	}
	out.There = there
	if err := a.backUpLedger(ctx, to, &out); err != nil {
		return out, fmt.Errorf("back up: %w", err)
	}
	out.Generation = m.Generation
	_, err = to.writeManifest(m)
	return out, err
}

// still keeps others from committing. Several readers may hold it at the same time.
func (a *Archive) still(ctx context.Context) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(a.dir, writeLock))
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil // nobody ever wrote here
	}
	if err != nil {
		return nil, err
	}
	return a.flock(ctx, f, unix.LOCK_SH, 2*time.Millisecond)
}

// backUpLedger copies the ledger without its key. With the key there would be two logs
// that sign as one.
func (a *Archive) backUpLedger(ctx context.Context, to *Archive, out *BackedUp) error {
	top := filepath.Join(a.dir, notary.Dir)
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && path == top:
			return nil
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), partPrefix):
			return nil
		}
		rel, err := filepath.Rel(a.dir, path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(to.dir, rel)); err == nil && strings.HasPrefix(rel, filepath.Join(notary.Dir, "tile")) && !strings.Contains(rel, ".p"+string(filepath.Separator)) {
			return nil // a full tile never changes
		}
		return a.backUpOther(to, path, rel, out)
	})
}

// apart returns an error if one folder lies in the other.
func apart(a, b string) error {
	a, errA := filepath.Abs(a)
	b, errB := filepath.Abs(b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	for _, p := range [][2]string{{a, b}, {b, a}} {
		if rel, err := filepath.Rel(p[0], p[1]); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return fmt.Errorf("%s and %s lie in one another: name a folder elsewhere", a, b)
		}
	}
	return nil
}

func (a *Archive) backUpListed(ctx context.Context, m *Manifest, to *Archive, out *BackedUp) error {
	out.Damaged = []Damage{}
	type file struct {
		top, path string
		size      int64
	}
	var files []file
	for _, p := range m.base().files() {
		files = append(files, file{manifestDir, p.path, p.bytes})
	}
	for _, b := range m.Batches() {
		files = append(files, file{rawDir, b.Path(), b.Bytes})
	}
	for _, s := range m.Segments {
		files = append(files, file{s.Kind, s.Path(), s.Bytes})
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if st, err := os.Stat(filepath.Join(to.dir, f.path)); err == nil && st.Size() == f.size {
			out.There++
			continue
		}
		err := a.backUpOne(to, f.top, f.path)
		var harm *DamagedError
		switch {
		case errors.As(err, &harm):
			out.Damaged = append(out.Damaged, Damage{harm.Path, harm.Reason})
		case err != nil:
			return err
		default:
			out.Copied++
			out.Bytes += f.size
		}
	}
	return nil
}

func (a *Archive) backUpOne(to *Archive, top, path string) error {
	in, err := a.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := to.newBlob(top)
	if err != nil {
		return err
	}
	defer f.discard()
	if _, err := io.Copy(f, in); err != nil {
		return err
	}
	if f.sum() != sumOf(path) {
		return &DamagedError{path, "it changed while it was copied"}
	}
	return f.commit(path)
}

// backUpRest copies what else lies in the data folder: the quarantine, copies of sources,
// the journal. Locks and files that can be derived again are not copied.
func (a *Archive) backUpRest(ctx context.Context, to *Archive, out *BackedUp) error {
	skip := append([]string{rawDir, manifestDir, "tmp", "search", notary.Dir, notary.KeyDir}, kinds...)
	return filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(a.dir, path)
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case slices.Contains(skip, rel):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !d.Type().IsRegular(), rel == manifestName, rel == writeLock, rel == stageLock, strings.HasPrefix(d.Name(), partPrefix):
			return nil
		}
		return a.backUpOther(to, path, rel, out)
	})
}

func (a *Archive) backUpOther(to *Archive, path, rel string, out *BackedUp) error {
	in, err := a.disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed meanwhile
	}
	if err != nil {
		return err
	}
	defer in.Close()
	dir := filepath.Dir(filepath.Join(to.dir, rel))
	if err := to.makeDir(dir); err != nil {
		return err
	}
	f, err := to.disk.CreateTemp(dir, partPrefix+"*")
	if err != nil {
		return err
	}
	n, err := io.Copy(f, in)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = to.disk.Rename(f.Name(), filepath.Join(to.dir, rel))
	}
	if err != nil {
		to.disk.Remove(f.Name())
		return err
	}
	out.Copied++
	out.Bytes += n
	return to.disk.SyncDir(dir)
}

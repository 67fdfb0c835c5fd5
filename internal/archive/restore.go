package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/object"
)

// Find returns the snapshot whose id begins with id, of which at least eight digits are
// needed; the newest one for "".
func (s *Snapshots) Find(id string) (Snapshot, error) {
	if len(s.List) == 0 {
		return Snapshot{}, errors.New("there is no snapshot")
	}
	if id == "" {
		return s.List[len(s.List)-1], nil
	}
	i := slices.IndexFunc(s.List, func(o Snapshot) bool { return len(id) >= 8 && strings.HasPrefix(o.ID, id) })
	if i < 0 {
		return Snapshot{}, fmt.Errorf("there is no snapshot %s", id)
	}
	return s.List[i], nil
}

// Restored says what a restore, or the check of a snapshot, found.
type Restored struct {
	Snapshot Snapshot `json:"snapshot"`
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
	Damaged  []Damage `json:"damaged"` // objects that are missing or differ from what the snapshot says
}

// restoring is a file that says which snapshot is being restored into a folder.
const restoring = partPrefix + "restore"

// Restore brings a snapshot into a folder. The folder must be new or empty, or a restore
// of the same snapshot must have been cut short in it. The manifest comes last. A file
// that is damaged in the store is left out and listed; the archive then lacks it. The
// restored archive has no key: it can be read. It can be written to with a new ledger, or
// when its key is brought back. step is called with the progress and may be nil.
func Restore(ctx context.Context, store object.Store, id, dir string, step func(done, of int)) (out Restored, err error) {
	s, files, err := find(ctx, store, id)
	if err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	out.Snapshot = s
	a, err := at(osDisk{}, dir)
	if err == nil {
		err = a.inFolder("restore")
	}
	if err != nil {
		return out, err
	}
	if err := a.readyToRestore(s); err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	last := slices.IndexFunc(files, func(f keptFile) bool { return f.Path == manifestName })
	if last < 0 {
		return out, fmt.Errorf("restore: snapshot %s has no %s", s.ID, manifestName)
	}
	manifest := files[last]
	files = slices.Delete(files, last, last+1)
	if err := each(ctx, store, files, &out, step, a.bring); err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	if err := a.bring(ctx, store, manifest); err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	out.Files++
	out.Bytes += manifest.Bytes
	if err := a.disk.Remove(filepath.Join(dir, restoring)); err != nil {
		return out, fmt.Errorf("restore: %w", err)
	}
	return out, a.agree()
}

// CheckSnapshot reads every object of a snapshot, and lists those that are missing or
// damaged.
func CheckSnapshot(ctx context.Context, store object.Store, id string, step func(done, of int)) (out Restored, err error) {
	s, files, err := find(ctx, store, id)
	if err != nil {
		return out, fmt.Errorf("check: %w", err)
	}
	out.Snapshot = s
	err = each(ctx, store, files, &out, step, func(ctx context.Context, store object.Store, f keptFile) error {
		return fetch(ctx, store, f, io.Discard)
	})
	return out, err
}

func find(ctx context.Context, store object.Store, id string) (Snapshot, []keptFile, error) {
	all, err := ReadSnapshots(ctx, store)
	if err != nil {
		return Snapshot{}, nil, err
	}
	s, err := all.Find(id)
	if err != nil {
		return s, nil, fmt.Errorf("%s: %w", store, err)
	}
	files, err := readList(ctx, store, s)
	return s, files, err
}

// each calls do for each file, several at a time, and lists those that are damaged.
func each(ctx context.Context, store object.Store, files []keptFile, out *Restored, step func(done, of int), do func(context.Context, object.Store, keptFile) error) error {
	out.Damaged = []Damage{}
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, f := range files {
		g.Go(func() error {
			err := do(ctx, store, f)
			mu.Lock()
			defer mu.Unlock()
			done++
			if step != nil {
				step(done, len(files))
			}
			var harm *DamagedError
			switch {
			case errors.As(err, &harm):
				out.Damaged = append(out.Damaged, Damage{harm.Path, harm.Reason})
			case err != nil:
				return err
			default:
				out.Files++
				out.Bytes += f.Bytes
			}
			return nil
		})
	}
	err := g.Wait()
	slices.SortFunc(out.Damaged, func(a, b Damage) int { return strings.Compare(a.Path, b.Path) })
	return err
}

// fetch writes the object of a file to w. The error is a DamagedError if the object does
// not have the hash that its name says.
func fetch(ctx context.Context, store object.Store, f keptFile, w io.Writer) error {
	in, err := store.Open(ctx, f.object(), 0, -1)
	if errors.Is(err, object.ErrMissing) {
		return &DamagedError{f.Path, "missing in " + store.String()}
	}
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(in, f.Bytes+1))
	if err != nil {
		return fmt.Errorf("read %s in %s: %w", f.object(), store, err)
	}
	if n != f.Bytes || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return &DamagedError{f.Path, fmt.Sprintf("%s in %s does not have the SHA-256 of its name", f.object(), store)}
	}
	return nil
}

// readyToRestore returns an error if the folder holds anything but what a restore of the
// same snapshot put there.
func (a *Archive) readyToRestore(s Snapshot) error {
	there, err := entries(a.dir)
	if err != nil {
		return err
	}
	marker := filepath.Join(a.dir, restoring)
	if len(there) > 0 {
		id, err := os.ReadFile(marker)
		if err != nil || string(id) != s.ID {
			return fmt.Errorf("%s is not empty: name a new folder", a.dir)
		}
		return nil
	}
	if err := a.disk.MkdirAll(a.dir); err != nil {
		return err
	}
	if err := a.disk.SyncDir(filepath.Dir(filepath.Clean(a.dir))); err != nil {
		return err
	}
	return disk.Replace(a.disk, marker, []byte(s.ID), 0o644, true)
}

// bring fetches a file, unless it is there already.
func (a *Archive) bring(ctx context.Context, store object.Store, f keptFile) error {
	full := filepath.Join(a.dir, filepath.FromSlash(f.Path))
	if a.has(full, f) {
		return nil
	}
	dir, mode := filepath.Dir(full), os.FileMode(0o644)
	if f.listed() {
		mode = 0o444
	}
	if err := a.makeDir(dir); err != nil {
		return err
	}
	w, err := a.disk.CreateTemp(dir, partPrefix+"*")
	if err != nil {
		return err
	}
	err = fetch(ctx, store, f, w)
	if err = errors.Join(err, w.Chmod(mode), w.Sync(), w.Close()); err == nil {
		err = a.disk.Rename(w.Name(), full)
	}
	if err != nil {
		a.disk.Remove(w.Name())
		return err
	}
	return a.disk.SyncDir(dir)
}

// has reports whether a file is there as the snapshot says.
func (a *Archive) has(full string, f keptFile) bool {
	st, err := os.Stat(full)
	if err != nil || st.Size() != f.Bytes {
		return false
	}
	in, err := a.disk.Open(full)
	if err != nil {
		return false
	}
	defer in.Close()
	h := sha256.New()
	_, err = io.Copy(h, in)
	return err == nil && hex.EncodeToString(h.Sum(nil)) == f.SHA256
}

package object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/disk"
)

// Folder is a store in a folder: each object is a file of the same name. Processes take
// turns, by a lock on the folder, while an object gets its name.
type Folder struct {
	dir     string
	disk    disk.Disk
	folders disk.Folders
	made    atomic.Bool
	mu      sync.Mutex // the turn within this process
}

// NewFolder returns the store in a folder. The folder is made with the first object.
func NewFolder(d disk.Disk, dir string) *Folder {
	dir = filepath.Clean(dir)
	return &Folder{dir: dir, disk: d, folders: disk.Folders{Disk: d, Top: dir}}
}

// Dir returns the folder.
func (f *Folder) Dir() string { return f.dir }

func (f *Folder) String() string { return "file://" + filepath.ToSlash(f.dir) }

func (f *Folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// makeDir makes a folder of the store, and the store's own folder.
func (f *Folder) makeDir(dir string) error {
	if !f.made.Load() {
		if err := f.disk.MkdirAll(f.dir); err != nil {
			return err
		}
		if err := f.disk.SyncDir(filepath.Dir(f.dir)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
		f.made.Store(true)
	}
	return f.folders.Make(dir)
}

// turn lets one process at a time give names. If a process dies, the kernel ends its turn.
func (f *Folder) turn() (leave func(), err error) {
	if err := f.makeDir(f.dir); err != nil {
		return nil, err
	}
	f.mu.Lock()
	lock, err := disk.Lock(filepath.Join(f.dir, ".lock"), unix.LOCK_EX)
	if err != nil {
		f.mu.Unlock()
		return nil, fmt.Errorf("lock %s: %w", f.dir, err)
	}
	return func() { disk.Unlock(lock); f.mu.Unlock() }, nil
}

func (f *Folder) Create(ctx context.Context, name string, content io.ReadSeeker) error {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return err
	}
	if err := f.create(name, content); err != nil {
		return fmt.Errorf("create %s in %s: %w", name, f, err)
	}
	return nil
}

func (f *Folder) create(name string, content io.ReadSeeker) error {
	if _, err := os.Lstat(f.path(name)); err == nil {
		return ErrExists
	}
	dir := filepath.Dir(f.path(name))
	if err := f.makeDir(dir); err != nil {
		return err
	}
	part, err := f.write(dir, content)
	if err != nil {
		return err
	}
	leave, err := f.turn()
	if err == nil {
		defer leave()
		if _, err = os.Lstat(f.path(name)); err == nil {
			err = ErrExists
		} else if errors.Is(err, fs.ErrNotExist) {
			err = f.disk.Rename(part, f.path(name))
		}
	}
	if err != nil {
		f.disk.Remove(part)
		return err
	}
	return f.disk.SyncDir(dir)
}

// write writes the content durably to a temporary file, and returns its name.
func (f *Folder) write(dir string, content io.ReadSeeker) (part string, err error) {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	w, err := f.disk.CreateTemp(dir, disk.Part+"*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(w, content)
	if err = errors.Join(err, w.Chmod(0o644), w.Sync(), w.Close()); err != nil {
		f.disk.Remove(w.Name())
		return "", err
	}
	return w.Name(), nil
}

func (f *Folder) Open(ctx context.Context, name string, from, n int64) (io.ReadCloser, error) {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	r, size, err := f.open(name)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", name, f, err)
	}
	if from < 0 || from > size || from == size && from > 0 {
		r.Close()
		return nil, behindEnd(f, name, from)
	}
	if n < 0 || n > size-from {
		n = size - from
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(r, from, n), r}, nil
}

// behindEnd is the error for an offset after the end of an object.
func behindEnd(s Store, name string, from int64) error {
	return fmt.Errorf("read %s in %s: it ends before byte %d", name, s, from)
}

func (f *Folder) open(name string) (*os.File, int64, error) {
	r, err := f.disk.Open(f.path(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil, 0, ErrMissing
	}
	if err != nil {
		return nil, 0, err
	}
	st, err := r.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = ErrMissing
	}
	if err != nil {
		r.Close()
		return nil, 0, err
	}
	return r, st.Size(), nil
}

func (f *Folder) Read(ctx context.Context, name string) ([]byte, Version, error) {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return nil, None, err
	}
	text, err := f.read(name)
	if err != nil {
		return nil, None, fmt.Errorf("read %s in %s: %w", name, f, err)
	}
	return text, versionOf(text), nil
}

func (f *Folder) read(name string) ([]byte, error) {
	r, _, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readAll(name, r)
}

// versionOf returns the version of an object in a folder.
func versionOf(text []byte) Version {
	sum := sha256.Sum256(text)
	return Version(hex.EncodeToString(sum[:]))
}

func (f *Folder) Swap(ctx context.Context, name string, old Version, content []byte) (Version, error) {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return None, err
	}
	if err := f.swap(name, old, content); err != nil {
		return None, fmt.Errorf("replace %s in %s: %w", name, f, err)
	}
	return versionOf(content), nil
}

func (f *Folder) swap(name string, old Version, content []byte) error {
	dir := filepath.Dir(f.path(name))
	if err := f.makeDir(dir); err != nil {
		return err
	}
	leave, err := f.turn()
	if err != nil {
		return err
	}
	defer leave()
	text, err := f.read(name)
	there := versionOf(text)
	if errors.Is(err, ErrMissing) {
		there, err = None, nil
	}
	if err != nil {
		return err
	}
	if there != old {
		return ErrChanged
	}
	return disk.Replace(f.disk, f.path(name), content, 0o644, true)
}

func (f *Folder) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		list, err := f.list(ctx, prefix)
		if err != nil {
			yield(Info{}, fmt.Errorf("list %s: %w", f, err))
			return
		}
		for _, i := range list {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (f *Folder) list(ctx context.Context, prefix string) ([]Info, error) {
	top := f.dir
	if dir, _ := path.Split(prefix); dir != "" {
		if !filepath.IsLocal(filepath.FromSlash(dir)) {
			return nil, nil
		}
		top = f.path(dir)
	}
	var out []Info
	err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return ctx.Err() // it was removed meanwhile, or never there
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if strings.HasPrefix(d.Name(), ".") && p != top {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(f.dir, p)
		name := filepath.ToSlash(rel)
		if err != nil || !d.Type().IsRegular() || !strings.HasPrefix(name, prefix) {
			return err
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		out = append(out, Info{Name: name, Size: st.Size(), Written: st.ModTime()})
		return nil
	})
	slices.SortFunc(out, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

func (f *Folder) Delete(ctx context.Context, name string) error {
	if err := errors.Join(CheckName(name), ctx.Err()); err != nil {
		return err
	}
	err := f.disk.Remove(f.path(name))
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil // after a loss of power it may be there again
	}
	return fmt.Errorf("delete %s in %s: %w", name, f, err)
}

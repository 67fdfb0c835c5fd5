package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/object"
)

// cache holds copies of files of a bucket. Each file is fetched when it is first opened.
// If the files are too many bytes, the least recently used are removed.
type cache struct {
	dir   string
	store object.Store
	limit int64         // greatest size in bytes; 0: no limit
	keep  time.Duration // what was used so recently stays

	mu      sync.Mutex // guards what follows
	busy    map[string]*errand
	touched map[string]time.Time // when this process last noted that it uses a file
	size    int64                // bytes of the files that can be fetched again; -1 until they were counted
}

// errand is a fetch that is under way; others wait for it.
type errand struct {
	done chan struct{}
	err  error
}

// usualKeep is longer than the time between learning the name of a file and opening it.
const usualKeep = 10 * time.Minute

func (c *cache) open(dir string, store object.Store, limit int64) {
	c.dir, c.store, c.limit, c.keep, c.size = dir, store, limit, usualKeep, -1
	c.busy, c.touched = map[string]*errand{}, map[string]time.Time{}
}

func newGroup() *pool.ErrorPool { return pool.New().WithErrors().WithMaxGoroutines(sideBySide) }

// fetching is a disk on which every file of the bucket seems to be.
type fetching struct {
	Disk
	c *cache
}

// Open opens a file, and fetches it if it is missing. The error is fs.ErrNotExist if the
// bucket does not have it either.
func (d fetching) Open(name string) (*os.File, error) {
	f, err := d.Disk.Open(name)
	if !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			d.c.touch(name)
		}
		return f, err
	}
	rel, e := filepath.Rel(d.c.dir, name)
	if e != nil || !inCache(rel) {
		return f, err
	}
	if err := d.c.fetch(filepath.ToSlash(rel)); err != nil {
		return nil, err
	}
	return d.Disk.Open(name)
}

// CreateTemp and SyncDir do not force files to the disk that can be fetched again from the
// bucket.
func (d fetching) CreateTemp(dir, pattern string) (File, error) {
	f, err := d.Disk.CreateTemp(dir, pattern)
	if err == nil && d.c.holds(dir) {
		f = unsynced{f}
	}
	return f, err
}

func (d fetching) SyncDir(dir string) error {
	if d.c.holds(dir) {
		return nil
	}
	return d.Disk.SyncDir(dir)
}

// unsynced is a file that can be fetched again.
type unsynced struct{ File }

func (unsynced) Sync() error { return nil }

// holds reports whether the files of a folder are named by their hashes.
func (c *cache) holds(dir string) bool {
	rel, err := filepath.Rel(c.dir, dir)
	top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return err == nil && (top == rawDir || top == manifestDir || slices.Contains(kinds, top))
}

// inCache reports whether a file below the data folder is one that a bucket keeps and that
// never changes.
func inCache(rel string) bool {
	top, rest, _ := strings.Cut(filepath.ToSlash(rel), "/")
	switch {
	case top == rawDir:
		_, name, ok := strings.Cut(rest, "/")
		return ok && isRawName(name)
	case top == manifestDir:
		return isPartName(rest)
	case slices.Contains(kinds, top):
		_, name, ok := strings.Cut(rest, "/")
		return ok && isSegmentName(name)
	}
	return isLedgerTile(filepath.ToSlash(rel))
}

// fetch brings a file from the bucket. Several callers who want the same file share one
// fetch.
func (c *cache) fetch(name string) error {
	c.mu.Lock()
	f := c.busy[name]
	if f != nil {
		c.mu.Unlock()
		<-f.done
		return f.err
	}
	f = &errand{done: make(chan struct{})}
	c.busy[name] = f
	c.mu.Unlock()
	n, err := c.bring(name)
	c.mu.Lock()
	delete(c.busy, name)
	if c.size >= 0 {
		c.size += n
	}
	full := c.limit > 0 && n > 0 && (c.size < 0 || c.size > c.limit)
	c.mu.Unlock()
	f.err = err
	close(f.done)
	if full {
		c.evict()
	}
	return err
}

// bring copies an object to its place if it has the hash that its name says, and returns
// its size.
func (c *cache) bring(name string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	r, err := c.store.Open(ctx, name, 0, -1)
	if errors.Is(err, object.ErrMissing) {
		return 0, fmt.Errorf("%s is not in %s: %w", name, c.store, fs.ErrNotExist)
	}
	if err != nil {
		return 0, err
	}
	defer r.Close()
	full := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return 0, err
	}
	w, err := os.CreateTemp(c.dir, partPrefix+"*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(w.Name())
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), r)
	if isLedgerTile(name) { // these are not checked again when they are opened
		err = errors.Join(err, w.Sync())
	}
	if err = errors.Join(err, w.Chmod(0o444), w.Close()); err != nil {
		return 0, fmt.Errorf("fetch %s: %w", name, err)
	}
	if !isLedgerTile(name) && hex.EncodeToString(h.Sum(nil)) != sumOf(name) {
		return 0, &DamagedError{filepath.FromSlash(name), fmt.Sprintf("its content in %s does not have the SHA-256 of its name", c.store)}
	}
	return n, os.Rename(w.Name(), full)
}

// touch notes that a file is in use, for all processes of the folder, at most once a
// minute.
func (c *cache) touch(full string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.touched[full]) < min(time.Minute, c.keep/2) {
		return
	}
	if len(c.touched) > 1<<16 {
		clear(c.touched)
	}
	c.touched[full] = time.Now()
	if st, err := os.Stat(full); err == nil {
		os.Chtimes(full, time.Now(), st.ModTime()) // on an error the file seems unused, and may have to be fetched again
	}
}

// cachedFile is a file that can be fetched again.
type cachedFile struct {
	path string
	size int64
	used time.Time
}

// held lists the raw batches and segments in the cache, and their bytes together.
func (c *cache) held() (out []cachedFile, size int64) {
	for _, top := range append([]string{rawDir}, kinds...) {
		filepath.WalkDir(filepath.Join(c.dir, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil // it was removed meanwhile, or is not ours
			}
			rel, err := filepath.Rel(c.dir, path)
			if err != nil || !inCache(rel) {
				return nil
			}
			if st, err := d.Info(); err == nil {
				out = append(out, cachedFile{path, st.Size(), usedAt(st)})
				size += st.Size()
			}
			return nil
		})
	}
	return out, size
}

func usedAt(st fs.FileInfo) time.Time {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return time.Unix(s.Atim.Unix())
	}
	return st.ModTime()
}

// evict removes the least recently used files until the size is a tenth below the limit.
// Files that the bucket lacks stay: they belong to a commit that is being made.
func (c *cache) evict() {
	files, size := c.held()
	slices.SortFunc(files, func(a, b cachedFile) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if size <= c.limit-c.limit/10 || time.Since(f.used) < c.keep {
			break
		}
		if c.gives(f) && os.Remove(f.path) == nil {
			size -= f.size
		}
	}
	c.mu.Lock()
	c.size = size
	c.mu.Unlock()
}

// gives reports whether the bucket has a file of the cache, with the same size.
func (c *cache) gives(f cachedFile) bool {
	rel, err := filepath.Rel(c.dir, f.path)
	if err != nil {
		return false
	}
	size, there := c.sizeOf(filepath.ToSlash(rel))
	return there && size == f.size
}

// has reports whether the bucket has an object with this name.
func (c *cache) has(name string) bool {
	_, there := c.sizeOf(name)
	return there
}

// sizeOf returns the size of an object in the bucket, in bytes, and whether it is there. It
// is not there if the bucket does not answer in time.
func (c *cache) sizeOf(name string) (size int64, there bool) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for o, err := range c.store.List(ctx, name) {
		return o.Size, err == nil && o.Name == name
	}
	return 0, false
}

var _ disk.Disk = fetching{}

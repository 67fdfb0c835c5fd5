package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// DamagedError is the error for a file of the archive that is missing or does not have the
// hash that its name says.
type DamagedError struct {
	Path   string // below the data folder
	Reason string
}

func (e *DamagedError) Error() string {
	remedy := "bandish rebuild brings it back"
	switch top, _, _ := strings.Cut(filepath.ToSlash(e.Path), "/"); top {
	case rawDir:
		remedy = "it comes back only from another copy"
	case manifestDir:
		remedy = "bandish archive recover writes it again"
	}
	return fmt.Sprintf("%s is damaged: %s (%s; bandish archive check names all that is damaged)", e.Path, e.Reason, remedy)
}

// identity tells whether a file is still the one that was hashed.
type identity struct {
	dev, ino       uint64
	size           int64
	changed, wrote syscall.Timespec
}

// In a working copy, noting the use of a file (cache.touch) changes the time of its inode.
// Its identity must not depend on that.
func (a *Archive) identityOf(st fs.FileInfo) identity {
	id := identityOf(st)
	if a.bucket != nil {
		id.changed = syscall.Timespec{}
	}
	return id
}

func identityOf(st fs.FileInfo) identity {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{size: st.Size(), wrote: syscall.NsecToTimespec(st.ModTime().UnixNano())}
	}
	return identity{uint64(s.Dev), s.Ino, st.Size(), s.Ctim, s.Mtim}
}

// checks remembers which files were hashed, and the results.
type checks struct {
	mu   sync.Mutex
	done map[string]checked // by path below the data folder; without raw batches
	raw  map[string]checked // raw batches, at most maxRawChecks
	busy map[string]chan struct{}
}

type checked struct {
	id     identity
	reason string // what is wrong; "" for nothing
}

// sumOf returns the SHA-256 in the name of a file.
func sumOf(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return name
}

// find opens a listed file. A raw batch that was just committed may still have its pending
// name.
func (a *Archive) find(path string) (*os.File, error) {
	f, err := a.disk.Open(filepath.Join(a.dir, path))
	if errors.Is(err, fs.ErrNotExist) && isRawPath(path) {
		if f, e := a.disk.Open(filepath.Join(a.dir, pendingPath(sumOf(path)))); e == nil {
			return f, nil
		}
		f, err = a.disk.Open(filepath.Join(a.dir, path)) // it was renamed between the two tries
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &DamagedError{path, "missing"}
	}
	return f, err
}

// Open opens a listed file. The first time, it checks that its bytes have the SHA-256 of
// its name. If they do not, the error is a *DamagedError.
func (a *Archive) Open(path string) (*os.File, error) {
	f, err := a.find(path)
	if err != nil {
		return nil, err
	}
	err = a.verified(f, path)
	if err != nil {
		f.Close()
		f = nil
	}
	var damaged *DamagedError
	if errors.As(err, &damaged) && a.bucket != nil { // the copy here is damaged
		return a.openAgain(path)
	}
	return f, err
}

// openAgain is Open for a file whose copy here was found damaged.
func (a *Archive) openAgain(path string) (*os.File, error) {
	if err := os.Remove(filepath.Join(a.dir, path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := a.find(path)
	if err != nil {
		return nil, err
	}
	if err := a.verified(f, path); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Verify checks segments that something other than this package will read.
func (a *Archive) Verify(segments []Segment) error {
	for _, s := range segments {
		if st, err := os.Stat(filepath.Join(a.dir, s.Path())); err == nil {
			if c, ok := a.checks.get(s.Path()); ok && c.reason == "" && c.id == a.identityOf(st) {
				if a.bucket != nil {
					a.bucket.cache.touch(filepath.Join(a.dir, s.Path()))
				}
				continue
			}
		}
		f, err := a.Open(s.Path())
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// maxRawChecks is for how many raw batches the result of hashing is remembered, at about
// 250 bytes each. A server that takes in several measurements a second writes one batch
// with each commit. A forgotten one is hashed again when it is needed.
const maxRawChecks = 50_000

func isRawPath(path string) bool { return strings.HasPrefix(path, rawDir+string(filepath.Separator)) }

func (c *checks) get(path string) (checked, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if isRawPath(path) {
		found, ok := c.raw[path]
		return found, ok
	}
	found, ok := c.done[path]
	return found, ok
}

func (c *checks) put(path string, v checked) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done, c.raw = map[string]checked{}, map[string]checked{}
	}
	if !isRawPath(path) {
		c.done[path] = v
		return
	}
	for old := range c.raw { // any one
		if len(c.raw) < maxRawChecks {
			break
		}
		delete(c.raw, old)
	}
	c.raw[path] = v
}

func (c *checks) forget(path string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.done, path)
	delete(c.raw, path)
}

// turn lets one goroutine at a time hash a file. The others get its result.
func (c *checks) turn(path string) (end func()) {
	for {
		c.mu.Lock()
		wait := c.busy[path]
		if wait == nil {
			if c.busy == nil {
				c.busy = map[string]chan struct{}{}
			}
			done := make(chan struct{})
			c.busy[path] = done
			c.mu.Unlock()
			return func() {
				c.mu.Lock()
				delete(c.busy, path)
				c.mu.Unlock()
				close(done)
			}
		}
		c.mu.Unlock()
		<-wait
	}
}

func (a *Archive) verified(f *os.File, path string) error {
	reason, err := a.reason(f, path)
	if err == nil && reason != "" {
		err = &DamagedError{path, reason}
	}
	return err
}

// reason returns what is wrong with an open file; "" for nothing. It hashes the file
// unless it is still the one that was hashed before.
func (a *Archive) reason(f *os.File, path string) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	id := a.identityOf(st)
	if c, ok := a.checks.get(path); ok && c.id == id {
		return c.reason, nil
	}
	defer a.checks.turn(path)()
	if c, ok := a.checks.get(path); ok && c.id == id {
		return c.reason, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, st.Size())); err != nil {
		return "it cannot be read: " + err.Error(), nil
	}
	reason := ""
	if hex.EncodeToString(h.Sum(nil)) != sumOf(path) {
		reason = "its content does not have the SHA-256 of its name"
	}
	if st, err = f.Stat(); err != nil || a.identityOf(st) != id {
		return "it changes while it is read", err
	}
	a.checks.put(path, checked{id, reason})
	return reason, nil
}

// wrote notes that this process has just hashed a file while writing it.
func (a *Archive) wrote(path string) {
	if st, err := os.Stat(filepath.Join(a.dir, path)); err == nil {
		a.checks.put(path, checked{id: a.identityOf(st)})
	}
}

// guard calls fn, which parses a file, and turns a panic into an error: the parser may
// panic on bytes that another program wrote.
func guard(path string, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &DamagedError{path, fmt.Sprintf("it cannot be parsed: %v", p)}
		}
	}()
	return fn()
}

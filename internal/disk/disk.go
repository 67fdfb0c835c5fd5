// Package disk is everything that the archive and the ledger need of a file system when
// they write. It makes nothing durable itself: whoever writes must sync. Tests replace it
// with a disk that fails, or that loses what was not synced.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Disk is a file system.
type Disk interface {
	CreateTemp(dir, pattern string) (File, error)
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Open(name string) (*os.File, error) // for reading
	MkdirAll(dir string) error
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // makes the names in a folder durable
}

// File is a file that is being written.
type File interface {
	io.Writer
	Name() string
	Chmod(fs.FileMode) error
	Sync() error
	Close() error
}

// OS is the file system of this machine.
type OS struct{}

func (OS) CreateTemp(dir, pattern string) (File, error) { return os.CreateTemp(dir, pattern) }
func (OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	return os.OpenFile(name, flag, perm)
}
func (OS) Open(name string) (*os.File, error) { return os.Open(name) }
func (OS) MkdirAll(dir string) error          { return os.MkdirAll(dir, 0o755) }
func (OS) Rename(from, to string) error       { return os.Rename(from, to) }
func (OS) Remove(name string) error           { return os.Remove(name) }

func (OS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// Part begins the names of files that are being written.
const Part = ".part-"

// Replace replaces the file at path, in an existing folder, with one with this content.
// After a crash or a loss of power the old or the new file is there, never a part. Only
// with lasting is it certainly the new one when Replace has returned.
func Replace(d Disk, path string, content []byte, perm fs.FileMode, lasting bool) error {
	f, err := d.CreateTemp(filepath.Dir(path), Part+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(perm), f.Sync(), f.Close()); err == nil {
		err = d.Rename(f.Name(), path)
	}
	if err != nil {
		d.Remove(f.Name())
		return err
	}
	if !lasting {
		return nil
	}
	return d.SyncDir(filepath.Dir(path))
}

// Folders makes folders whose names are durable. It remembers those that it has made
// durable: a folder that exists may come from a process that died before it synced.
type Folders struct {
	Disk Disk
	Top  string // known to be durable; may be ""

	mu      sync.Mutex
	durable map[string]bool
}

// Make makes a folder and those above it.
func (f *Folders) Make(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.durable == nil {
		f.durable = map[string]bool{}
		if f.Top != "" {
			f.durable[filepath.Clean(f.Top)] = true
		}
	}
	if _, err := os.Stat(dir); err == nil && f.durable[dir] {
		return nil
	}
	if err := f.Disk.MkdirAll(dir); err != nil {
		return err
	}
	for d := dir; !f.durable[d] && d != filepath.Dir(d); d = filepath.Dir(d) {
		if err := f.Disk.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	for d := dir; !f.durable[d] && d != filepath.Dir(d); d = filepath.Dir(d) {
		f.durable[d] = true
	}
	return nil
}

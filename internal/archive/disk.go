package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Disk is all that the archive asks of a file system when it writes. Tests
// put one in its place that fails, or that loses what was not synced.
type Disk interface {
	CreateTemp(dir, pattern string) (File, error)
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Open(name string) (*os.File, error) // to read
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

// osDisk is the file system of the machine.
type osDisk struct{}

func (osDisk) CreateTemp(dir, pattern string) (File, error) { return os.CreateTemp(dir, pattern) }
func (osDisk) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	return os.OpenFile(name, flag, perm)
}
func (osDisk) Open(name string) (*os.File, error) { return os.Open(name) }
func (osDisk) MkdirAll(dir string) error          { return os.MkdirAll(dir, 0o755) }
func (osDisk) Rename(from, to string) error       { return os.Rename(from, to) }
func (osDisk) Remove(name string) error           { return os.Remove(name) }

func (osDisk) SyncDir(dir string) error {
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

// notWritable reports whether an error says that this process may not write
// there, whatever it tries.
func notWritable(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission)
}

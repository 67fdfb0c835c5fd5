package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var errDisk = errors.New("the disk fails")

// failing fails at one call, and notes all.
type failing struct {
	OS
	at    string
	calls []string
}

func (d *failing) call(name string) error {
	if d.calls = append(d.calls, name); name == d.at {
		return errDisk
	}
	return nil
}

type failingFile struct {
	File
	d *failing
}

func (d *failing) CreateTemp(dir, pattern string) (File, error) {
	if err := d.call("create"); err != nil {
		return nil, err
	}
	f, err := d.OS.CreateTemp(dir, pattern)
	return failingFile{f, d}, err
}

func (d *failing) Rename(from, to string) error {
	if err := d.call("rename"); err != nil {
		return err
	}
	return d.OS.Rename(from, to)
}

func (d *failing) SyncDir(dir string) error {
	if err := d.call("sync folder"); err != nil {
		return err
	}
	return d.OS.SyncDir(dir)
}

func (f failingFile) Write(b []byte) (int, error) {
	if err := f.d.call("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f failingFile) Chmod(m fs.FileMode) error {
	return errors.Join(f.d.call("chmod"), f.File.Chmod(m))
}
func (f failingFile) Sync() error  { return errors.Join(f.d.call("sync"), f.File.Sync()) }
func (f failingFile) Close() error { return errors.Join(f.File.Close(), f.d.call("close")) }

// Whatever fails, the old file stands whole until the new one is complete, nothing is
// left beside it, and the failure is said.
func TestReplaceFailsWhole(t *testing.T) {
	for _, at := range []string{"create", "write", "chmod", "sync", "close", "rename", "sync folder", ""} {
		dir := t.TempDir()
		path := filepath.Join(dir, "file")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		d := &failing{at: at}
		err := Replace(d, path, []byte("new content"), 0o600, true)
		if (err != nil) != (at != "") || err != nil && !errors.Is(err, errDisk) {
			t.Errorf("%q: %v", at, err)
		}
		want := "old"
		if at == "" || at == "sync folder" { // after the rename
			want = "new content"
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%q: the file holds %q, want %q (%v)", at, got, want, err)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("%q: %d files are left (%v)", at, len(list), err)
		}
	}
}

// The content is durable before the name, the name before Replace returns; without
// lasting the name is not waited for.
func TestReplaceInOrder(t *testing.T) {
	steps := []string{"create", "write", "chmod", "sync", "close", "rename", "sync folder"}
	for _, lasting := range []bool{true, false} {
		d, path := &failing{}, filepath.Join(t.TempDir(), "file")
		if err := Replace(d, path, []byte("x"), 0o600, lasting); err != nil {
			t.Fatal(err)
		}
		want := steps
		if !lasting {
			want = steps[:6]
		}
		if !slices.Equal(d.calls, want) {
			t.Errorf("lasting %t: %q, want %q", lasting, d.calls, want)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", st.Mode(), err)
		}
	}
	if err := (OS{}).SyncDir(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

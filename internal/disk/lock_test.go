//go:build unix

package disk

import (
	"errors"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A lock that was given back is free, though another copy of the file is still open.
func TestUnlock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := Lock(name, unix.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := unix.Dup(int(first.Fd())) // as a process has it that is being started
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(copied)
	if _, err := Lock(name, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Fatalf("a held lock is taken: %v", err)
	}
	if err := Unlock(first); err != nil {
		t.Fatal(err)
	}
	second, err := Lock(name, unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		t.Fatalf("a lock that was given back: %v", err)
	}
	if err := Unlock(second); err != nil {
		t.Error(err)
	}
}

//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Unlock gives back the flock(2) of a file, and closes the file. Closing alone is
// not enough: a process that is being started has a copy of each open file until its
// program runs, and the lock lasts as long as a copy is open.
func Unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

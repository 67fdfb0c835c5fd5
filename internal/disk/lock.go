//go:build unix

package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock takes the flock(2) of the file with this name, and makes the file if there is
// none. how is unix.LOCK_EX for one holder, or unix.LOCK_SH for any number, with
// unix.LOCK_NB if Lock must not wait: then the error is unix.EWOULDBLOCK while another
// has the lock. The kernel drops the lock when the process ends, however it ends.
func Lock(name string, how int) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Unlock gives back the lock that Lock took, and closes the file. Closing alone is not
// enough: a process that is being started has a copy of each open file until its program
// runs, and the lock lasts as long as a copy is open.
func Unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

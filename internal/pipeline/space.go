package pipeline

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/bandish/bandish/internal/archive"
)

// ErrNoSpace is the error of a submission for which the disk has no room to spare. The
// submission was not kept.
var ErrNoSpace = errors.New("the disk is nearly full")

// space is the room on the disk, looked at once a second at most.
type space struct {
	mu    sync.Mutex // guards what follows
	asked time.Time
	err   error
}

// minFiles is for how many more files there must be room.
const minFiles = 10_000

// room returns an error that wraps ErrNoSpace if fewer than least bytes are free, or if there
// is room for fewer than minFiles files. It asks nothing if least is 0.
func (s *space) room(a *archive.Archive, least int64) error {
	if least <= 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.asked) < time.Second {
		return s.err
	}
	s.asked = time.Now()
	bytes, files, err := a.Free()
	switch {
	case err != nil: // the commit will say what is wrong
		s.err = nil
	case bytes < uint64(least):
		s.err = fmt.Errorf("%w: only %d MiB are free, and %d MiB must stay free", ErrNoSpace, bytes>>20, least>>20)
	case files < minFiles:
		s.err = fmt.Errorf("%w: there is room for only %d more files, and room for %d must stay", ErrNoSpace, files, minFiles)
	default:
		s.err = nil
	}
	return s.err
}

// full turns the error of a full disk into ErrNoSpace.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoSpace, err)
	}
	return err
}

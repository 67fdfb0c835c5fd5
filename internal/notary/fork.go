package notary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/bandish/bandish/internal/disk"
)

// ErrFork means that a witness was shown another history than this log has. From then on
// the log signs nothing: a signature would make a second history under one key.
var ErrFork = errors.New("a witness saw another history of this ledger")

// forkFile, beside the key, holds which witness saw another history, and what it said. It
// stays until that witness signs this log again, or until a person removes it.
const forkFile = keyFile + ".forked"

// fork is what a witness said that saw another history.
type fork struct {
	witness string // its verifier string
	said    string
}

// readFork reads that file; nil if no witness saw another history.
func (l *Log) readFork() (*fork, error) {
	text, err := os.ReadFile(l.keyPath(forkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what a witness said: %w", err)
	}
	witness, said, _ := strings.Cut(string(text), "\n")
	return &fork{witness, strings.TrimSpace(said)}, nil
}

// MaySign returns nil if the log may sign, else an error that wraps ErrFork.
func (l *Log) MaySign() error {
	f, err := l.readFork()
	if err != nil || f == nil {
		return err
	}
	name, _, _ := strings.Cut(f.witness, "+")
	return fmt.Errorf("%w: %s (%s). Nothing is signed until this is settled. Where an older copy of the data folder was put back, bring the newest back; where somebody else has the key, begin a new ledger (bandish key new). Only if you know that the witness is wrong, leave it out of --witness and remove %s",
		ErrFork, f.said, name, l.keyPath(forkFile))
}

// heard notes the answer of a witness. err is nil if it signed, and wraps ErrFork if it
// saw another history; all other errors change nothing.
func (l *Log) heard(w Asked, err error) error {
	f, e := l.readFork()
	switch {
	case e != nil:
		return e
	case errors.Is(err, ErrFork) && f == nil:
		said := strings.ReplaceAll(strings.TrimPrefix(err.Error(), ErrFork.Error()+": "), "\n", " ")
		return disk.Replace(l.disk, l.keyPath(forkFile), []byte(w.Key+"\n"+said+"\n"), 0o600, true)
	case err == nil && f != nil && f.witness == w.Key:
		return l.disk.Remove(l.keyPath(forkFile))
	}
	return nil
}

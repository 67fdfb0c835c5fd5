package notary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/bandish/bandish/internal/disk"
)

// ErrFork is a witness that was shown another history than this log has. From
// then on the log signs nothing: what it signed would be a second history under
// one key.
var ErrFork = errors.New("a witness saw another history of this ledger")

// forkFile says, beside the key, which witness saw another history, and what it
// said. It holds until that witness signs this log again, or a person removes it.
const forkFile = keyFile + ".forked"

// fork is what a witness said that saw another history.
type fork struct {
	witness string // its verifier string
	said    string
}

// readFork reads what a witness said; nil where none saw another history.
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

// MaySign is the reason why the log signs nothing; nil where it may.
func (l *Log) MaySign() error {
	f, err := l.readFork()
	if err != nil || f == nil {
		return err
	}
	name, _, _ := strings.Cut(f.witness, "+")
	return fmt.Errorf("%w: %s (%s). Nothing is signed until this is settled. Where an older copy of the data folder was put back, bring the newest back; where somebody else has the key, begin a new ledger (bandish key new). Only if you know that the witness is wrong, leave it out of --witness and remove %s",
		ErrFork, f.said, name, l.keyPath(forkFile))
}

// heard keeps what a witness said of this log: err is nil where it signed.
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

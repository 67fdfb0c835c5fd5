package notary

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// Shared makes a log one that several working copies share, and that several processes
// with one key may write. What is appended, and in which order, is agreed on elsewhere
// first (a manifest names it). Tiles and signatures follow from that. So it does not
// matter which process appends, nor whether several do.
type Shared struct {
	Keys string // the folder of the key; no copy has it; "" for none
	Text string // the content of the key file; "": read the file in Keys
}

// Share makes the log a shared one. Call it before the log is used.
func (l *Log) Share(s Shared) { l.shared = &s }

// readKey reads the key that all writers share.
func (s *Shared) readKey() (key, error) {
	if s.Text != "" {
		return parseKey("BANDISH_LEDGER_KEY", s.Text)
	}
	if s.Keys == "" {
		return key{}, fmt.Errorf("%w: all who write to one bucket need the same key: name the folder that holds it (--keys), or put the content of its %s into BANDISH_LEDGER_KEY", ErrNoKey, keyFile)
	}
	k, err := readKeyFile(filepath.Join(s.Keys, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return key{}, fmt.Errorf("%w: %s is missing: all who write to one bucket need the same key; bring it there from a machine that has it, name the folder that holds it (--keys), or put its content into BANDISH_LEDGER_KEY", ErrNoKey, filepath.Join(s.Keys, keyFile))
	}
	return k, err
}

// CanSign returns nil if this process can sign, else the reason. The key of a shared log
// must be the one that signed the log last. Else the mistake would show only after
// something was committed.
func (l *Log) CanSign() error {
	if l.shared == nil {
		if !l.HasKey() {
			return ErrNoKey
		}
		return nil
	}
	k, err := l.shared.readKey()
	if err != nil {
		return err
	}
	v, err := ledger.NewLogVerifier(k.public)
	if err != nil {
		return err
	}
	h, err := l.current()
	if err != nil {
		return err
	}
	if _, _, err := ledger.OpenCheckpoint(h.signed, v); err != nil {
		return fmt.Errorf("the key here (%s) is not the one of this ledger, which is of %s: all who write to one bucket need the same key: %w", k.public, h.Origin, err)
	}
	return nil
}

// firstKey stores k if there is no key yet, and returns the key that is stored then.
// Several processes may begin at the same time.
func (s *Shared) firstKey(k key) (key, error) {
	if s.Keys == "" {
		return s.readKey()
	}
	if err := os.MkdirAll(s.Keys, 0o700); err != nil {
		return key{}, err
	}
	f, err := os.CreateTemp(s.Keys, disk.Part+"*") // only its owner may read it
	if err != nil {
		return key{}, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(k.private + "\n" + k.public + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return key{}, err
	}
	if err := os.Link(f.Name(), filepath.Join(s.Keys, keyFile)); err != nil && !errors.Is(err, fs.ErrExist) {
		return key{}, err
	}
	if err := (disk.OS{}).SyncDir(s.Keys); err != nil {
		return key{}, err
	}
	return s.readKey()
}

// Adopt takes over a checkpoint that another process published. Its tiles must be readable
// by then. The error wraps ErrBehind if neither log continues the other: somebody made a
// second history.
func (l *Log) Adopt(signed []byte) error {
	next, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return fmt.Errorf("read the ledger's checkpoint: %w", err)
	}
	for _, path := range []string{l.path(checkpointFile), l.keyPath(signedFile)} {
		old, err := readHead(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := l.follows(old.Checkpoint, next); err != nil {
			return err
		}
		if path == l.path(checkpointFile) && old.Size >= next.Size {
			return nil
		}
	}
	return l.publish(&head{next, signed})
}

// follows checks that one of two checkpoints continues the other. The larger may be the
// older one, if this folder appended something that it has not sent yet.
func (l *Log) follows(a, b ledger.Checkpoint) error {
	if a.Size > b.Size {
		a, b = b, a
	}
	if a.Origin != b.Origin {
		return fmt.Errorf("%w: it is of %s, and the one here of %s", ErrBehind, b.Origin, a.Origin)
	}
	if a.Size == b.Size {
		if a.Root != b.Root {
			return fmt.Errorf("%w: there are two ledgers of %d entries", ErrBehind, a.Size)
		}
		return nil
	}
	if a.Size == 0 {
		return nil
	}
	proof, err := l.Consistency(b, a.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, b.Size, b.Root, a.Size, a.Root); err != nil {
		return fmt.Errorf("%w: the ledger of %d entries does not begin with that of %d: %w", ErrBehind, b.Size, a.Size, err)
	}
	return nil
}

// Grown returns the files that a log of size entries has and a log of old entries lacks,
// as paths below the data folder. The checkpoint is not among them.
func Grown(old, size int64) []string {
	var out []string
	add := func(t tlog.Tile) { out = append(out, Dir+"/"+tilePath(t)) }
	for n := old / tileWidth; n*tileWidth < size; n++ {
		add(bundleOf(n*tileWidth, size))
	}
	for _, t := range tlog.NewTiles(tileHeight, old, size) {
		add(t)
	}
	return out
}

// CheckpointName is the path of the checkpoint below the data folder.
const CheckpointName = Dir + "/" + checkpointFile

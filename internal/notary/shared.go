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

// Shared is what makes a log one that several folders hold: each is a working copy,
// and several who have the same key write it. What is appended, and in which steps, is
// agreed on elsewhere before anybody appends it (a manifest names it). Tiles and
// signatures follow from that, so that it does not matter who of them appends, nor
// whether several do.
type Shared struct {
	Keys string // the folder of the key, which is in no copy; "" for none
	Text string // the key itself, as its file holds it; "" for that in Keys
}

// Share makes the log a shared one. It is called before the log is used.
func (l *Log) Share(s Shared) { l.shared = &s }

// readKey reads the key that all who write share.
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

// CanSign is the reason why nothing can be signed here; nil where it can. The key of a
// shared log must be the one that signed it last: what another key signed would be found
// out only after something was committed.
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

// firstKey keeps a key where none is, and gives the one that is there then: several may
// begin at a time.
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

// Adopt takes over a checkpoint that another who shares the log has published. The
// tiles that it needs can be read by then. One that is not of the line of growth of
// what is here is an error that wraps ErrBehind: somebody made a second history.
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

// follows makes sure that two checkpoints are of one line of growth. The larger of them
// may be the older one, where this folder appended what it did not yet hand on.
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

// Grown are the files of a log of this size that one of an older size does not have, as
// paths below the data folder, without the checkpoint.
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

// CheckpointName is the checkpoint's path below the data folder.
const CheckpointName = Dir + "/" + checkpointFile

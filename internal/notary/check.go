package notary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/ledger"
)

// Fault is a file of the ledger that is wrong, or that nothing needs.
type Fault struct {
	Path   string // below the data folder
	Reason string
	// Stray is true for a file that nothing needs. A process that is killed may leave such
	// files.
	Stray bool
}

// Check reads the whole log. It verifies hashes, signatures and entries, and returns every
// file that is wrong. The Replay is the state that the entries lead to. An error means
// that the log cannot be read to its end.
func (l *Log) Check(ctx context.Context) (*ledger.Replay, []Fault, error) {
	var faults []Fault
	say := func(path, format string, args ...any) {
		faults = append(faults, Fault{Path: path, Reason: fmt.Sprintf(format, args...)})
	}
	h := ledger.NewReplay()
	c, signed, err := l.Checkpoint()
	if err != nil {
		return h, faults, err
	}
	err = l.Entries(c, 0, func(_ int64, text []byte) error {
		_, wrong := h.Apply(text)
		for _, w := range wrong {
			say(Dir, "%s", w)
		}
		return ctx.Err()
	})
	if err != nil {
		return h, faults, err
	}
	stray := func(path string) { faults = append(faults, Fault{Path: path, Stray: true}) }
	if len(h.Keys) == 0 {
		say(Dir, "its entries name no key")
		err = l.strange(c, say, stray)
		return h, faults, err
	}
	last := h.Keys[len(h.Keys)-1]
	for _, name := range []string{l.path(checkpointFile), l.keyPath(signedFile)} {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // one of the two is enough, and Checkpoint has read it
		}
		if err := l.signedBy(text, h.Keys); err != nil {
			say(l.below(name), "%v", err)
		}
	}
	if err := l.signedBy(signed, h.Keys); err != nil {
		say(Dir, "%v", err)
	}
	if err := l.MaySign(); err != nil {
		say(KeyDir+"/"+forkFile, "%v", err)
	}
	if k, err := l.readKey(); err == nil && k.public != last {
		say(KeyDir+"/"+keyFile, "the key here (%s) is not the one that the ledger names", k.public)
	} else if err == nil {
		if err := k.works(); err != nil {
			say(KeyDir+"/"+keyFile, "%v", err)
		}
	} else if !errors.Is(err, ErrNoKey) && !errors.Is(err, fs.ErrPermission) {
		say(KeyDir+"/"+keyFile, "%v", err)
	}
	if err := l.allTiles(c, say); err != nil {
		return h, faults, err
	}
	if err := l.checkStamps(c, say); err != nil {
		return h, faults, err
	}
	l.checkWitnessed(c, h.Keys, say)
	err = l.strange(c, say, stray)
	return h, faults, err
}

// checkWitnessed checks that the checkpoint that witnesses signed is an earlier state of
// this log.
func (l *Log) checkWitnessed(c ledger.Checkpoint, keys []string, say func(path, format string, args ...any)) {
	w, err := readHead(l.path(witnessedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	for n := len(keys); err == nil && n > 0; n-- { // any key will do: a witness may be long behind
		if e := l.signedBy(w.signed, keys[:n]); e == nil {
			break
		} else if n == 1 {
			err = e
		}
	}
	if err == nil {
		var at ledger.Checkpoint
		if at, err = l.At(c, w.Size); err == nil && at != w.Checkpoint {
			err = errors.New("it is not what this log was")
		}
	}
	if err != nil {
		say(Dir+"/"+witnessedFile, "%v", err)
	}
}

// signedBy checks that a checkpoint has a signature of the log's last key. One of the key
// before is accepted too: the last one may not have signed yet.
func (l *Log) signedBy(text []byte, keys []string) error {
	var err error
	for i := len(keys) - 1; i >= max(0, len(keys)-2); i-- {
		v, e := ledger.NewLogVerifier(keys[i])
		if e != nil {
			return e
		}
		if _, _, e = ledger.OpenCheckpoint(text, v); e == nil {
			return nil
		}
		err = errors.Join(err, e)
	}
	return err
}

func (l *Log) below(path string) string {
	rel, err := filepath.Rel(l.data, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(rel)
}

// allTiles checks the tiles of every level.
func (l *Log) allTiles(c ledger.Checkpoint, say func(path, format string, args ...any)) error {
	for level := 0; c.Size>>(tileHeight*level) > 0; level++ {
		size := c.Size >> (tileHeight * level)
		for n := int64(0); n*tileWidth < size; n++ {
			t := tlog.Tile{H: tileHeight, L: level, N: n, W: int(min(tileWidth, size-n*tileWidth))}
			index := tlog.StoredHashIndex(level*tileHeight, n*tileWidth)
			if _, err := l.hashes(c).ReadHashes([]int64{index}); err != nil {
				say(Dir+"/"+tilePath(t), "%v", err)
			}
		}
	}
	return nil
}

// strange reports files in the log's folder that should not be there. stray is called for
// files that no checkpoint needs; say is called for a narrow tile that differs from the
// wider tile that took its place. Equal narrow tiles are no fault.
func (l *Log) strange(c ledger.Checkpoint, say func(path, format string, args ...any), stray func(string)) error {
	top := l.path("")
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel := strings.TrimPrefix(l.below(path), Dir+"/")
		if rel == checkpointFile || known(rel) || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		t, err := parseTilePath(rel)
		if err != nil {
			stray(Dir + "/" + rel)
			return nil
		}
		size := c.Size >> (tileHeight * max(t.L, 0))
		if have := size - t.N*tileWidth; have < int64(t.W) {
			stray(Dir + "/" + rel)
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want := t
		want.W = int(min(tileWidth, size-t.N*tileWidth))
		if want.W == t.W {
			return nil // Entries has read and verified it
		}
		whole, err := l.ReadTile(want)
		if err != nil {
			return nil // it is reported already
		}
		if part, err := narrow(t, whole); err != nil || string(part) != string(data) {
			say(Dir+"/"+rel, "it is not the beginning of the tile that took its place")
		}
		return nil
	})
}

// known reports whether a file is one of the other files of the ledger's folder.
func known(name string) bool {
	size, stamp := strings.CutPrefix(strings.TrimSuffix(name, ".tsr"), stampDir+"/")
	if n, err := strconv.ParseInt(size, 10, 64); stamp && err == nil && stampName(n) == name {
		return true
	}
	return name == witnessedFile || name == rootsFile
}

// The files with what others signed.
const (
	witnessedFile = "witnessed"             // the last checkpoint that witnesses signed, with their signatures
	stampDir      = "timestamps"            // time stamps of checkpoints (RFC 3161)
	rootsFile     = stampDir + "/roots.pem" // the root certificates that they were checked against
)

// Retire renames the folders of the log and its key, so that a new log can begin. It
// deletes nothing.
func (l *Log) Retire() error {
	at := time.Now().UTC().Format("20060102T150405.000")
	moved := l.path("") + "-before-" + at
	if err := l.disk.Rename(l.path(""), moved); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{keyFile, signedFile, forkFile} {
		if err := l.disk.Rename(l.keyPath(name), l.keyPath(name+"-before-"+at)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	l.mu.Lock()
	clear(l.made)
	l.mu.Unlock()
	return l.disk.SyncDir(l.data)
}

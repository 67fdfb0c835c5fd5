// Package notary keeps the ledger on the disk, below the data folder: an append-only log
// in the files of C2SP tlog-tiles, signed with its own key.
//
// The package guarantees:
//
//   - What Append returned survives a loss of power.
//   - The log only grows. Of any two checkpoints that it signs, one continues the other, also after
//     a crash.
//   - A folder that was put back from an older copy signs nothing (ErrBehind), nor does a log after
//     a witness saw another history (ErrFork).
//
// Whoever appends must have the archive's turn to write. What entries mean is left to
// package ledger and to the archive.
package notary

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/sourcegraph/conc/pool"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// The folders of the ledger below the data folder.
const (
	Dir     = "ledger" // everybody may read it
	KeyDir  = "keys"   // the log's key and what it signed last; copies and backups never have it
	keyFile = "ledger.key"
	// signedFile is the checkpoint that was signed last. It stands beside the key, which
	// no copy has. So it shows when the log was put back from an older copy.
	signedFile     = "ledger.signed"
	checkpointFile = "checkpoint"
)

// ErrBehind means that the log is older than the last checkpoint that its key signed. If
// it signed again, there would be two histories under one key.
var ErrBehind = errors.New("the ledger lies behind the last checkpoint that its key signed")

// ErrNoKey means that the log's key is not here.
var ErrNoKey = errors.New("the ledger's key is not here")

// ErrEmpty means that no log was begun.
var ErrEmpty = errors.New("there is no ledger yet")

// Log is the ledger of a data folder. Many goroutines may call its methods. Only one may
// call Append at a time, and it must have the turn to write.
type Log struct {
	data   string
	folder string // below data
	disk   disk.Disk
	shared *Shared // nil for a log that only this folder has

	mu    sync.Mutex      // guards what follows
	made  map[string]bool // folders whose names are durable
	asked bool            // witnesses were asked since this process began
}

// head is a signed checkpoint.
type head struct {
	ledger.Checkpoint
	signed []byte
}

// Open returns the ledger of a data folder. It reads nothing yet.
func Open(d disk.Disk, data string) *Log {
	return &Log{data: data, folder: Dir, disk: d, made: map[string]bool{}}
}

func (l *Log) path(name string) string {
	return filepath.Join(l.data, l.folder, filepath.FromSlash(name))
}

func (l *Log) keyPath(name string) string { return filepath.Join(l.data, KeyDir, name) }

// Exists reports whether the log was begun.
func (l *Log) Exists() bool {
	_, err := os.Stat(l.path(checkpointFile))
	_, e := os.Stat(l.keyPath(signedFile))
	return err == nil || e == nil
}

// Checkpoint returns the newest signed checkpoint and its signed text. The error wraps
// ErrEmpty if the log was not begun, and ErrBehind if the folder is older than what its
// key signed.
func (l *Log) Checkpoint() (ledger.Checkpoint, []byte, error) {
	h, err := l.current()
	if err != nil {
		return ledger.Checkpoint{}, nil, err
	}
	return h.Checkpoint, h.signed, nil
}

// current returns the head of the log. signedFile can be one checkpoint ahead of what was
// published, if a process was killed in between.
func (l *Log) current() (*head, error) {
	published, err := readHead(l.path(checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	signed, err := readHead(l.keyPath(signedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	switch {
	case signed == nil && published == nil:
		return nil, ErrEmpty
	case signed == nil || published != nil && published.Checkpoint == signed.Checkpoint:
		return published, nil
	case published != nil && signed.Origin != published.Origin:
		return nil, fmt.Errorf("%w: the checkpoint in %s is of %s, and the key in %s of %s", ErrBehind, Dir, published.Origin, KeyDir, signed.Origin)
	case l.shared != nil && published != nil && published.Size > signed.Size:
		return published, nil // another process with the same key went on; Adopt has checked it
	case published != nil && published.Size >= signed.Size:
		return nil, fmt.Errorf("%w: %d entries with another hash, and here are %d: it is not the ledger that the key signed", ErrBehind, signed.Size, published.Size)
	}
	// Either a process was killed between signing and publishing, and the tiles are there;
	// or the folder is an older copy, and they are not.
	root, err := tlog.TreeHash(signed.Size, l.hashes(signed.Checkpoint))
	if err != nil || root != signed.Root {
		have := int64(0)
		if published != nil {
			have = published.Size
		}
		return nil, fmt.Errorf("%w: that has %d entries, here are %d; an older copy was put back: bring back the newest, or begin a new ledger (bandish key new)", ErrBehind, signed.Size, have)
	}
	return signed, nil
}

func readHead(path string) (*head, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, err := ledger.ParseCheckpoint(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &head{c, text}, nil
}

// hashes reads the hashes of a tree from the tiles, and checks that they lead to its root.
func (l *Log) hashes(c ledger.Checkpoint) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, tiles{l})
}

// tiles reads tiles for package tlog.
type tiles struct{ l *Log }

func (tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		var err error
		if out[i], err = t.l.ReadTile(tile); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTile reads a tile of hashes or, at level -1, of entries. If a wider tile has taken
// its place, the tile is cut from that. It is not verified here.
func (l *Log) ReadTile(t tlog.Tile) ([]byte, error) {
	data, err := l.readFile(tilePath(t))
	if err == nil || !errors.Is(err, fs.ErrNotExist) || t.W == tileWidth {
		return data, err
	}
	wide := t
	wide.W = tileWidth
	data, e := l.readFile(tilePath(wide))
	if errors.Is(e, fs.ErrNotExist) {
		if w := l.widest(t); w > t.W {
			wide.W = w
			data, e = l.readFile(tilePath(wide))
		}
	}
	if e != nil {
		return nil, err
	}
	return narrow(t, data)
}

// widest returns the width of the widest partial tile that is there, 0 for none.
func (l *Log) widest(t tlog.Tile) int {
	full := t
	full.W = tileWidth
	list, err := os.ReadDir(l.path(tilePath(full) + ".p"))
	if err != nil {
		return 0
	}
	w := 0
	for _, f := range list {
		if n, err := strconv.Atoi(f.Name()); err == nil {
			w = max(w, n)
		}
	}
	return w
}

func (l *Log) readFile(name string) ([]byte, error) {
	f, err := l.disk.Open(l.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// Entry returns entry i of the log at a checkpoint, byte for byte, verified against the
// tree.
func (l *Log) Entry(c ledger.Checkpoint, i int64) ([]byte, error) {
	if i < 0 || i >= c.Size {
		return nil, fmt.Errorf("entry %d of the ledger: it has %d", i, c.Size)
	}
	t := bundleOf(i, c.Size)
	data, err := l.ReadTile(t)
	if err != nil {
		return nil, fmt.Errorf("entry %d of the ledger: %w", i, err)
	}
	list, _, err := splitBundle(data, t.W)
	if err != nil {
		return nil, fmt.Errorf("entry %d of the ledger: %w", i, err)
	}
	e := list[i%tileWidth]
	h, err := l.hashes(c).ReadHashes([]int64{tlog.StoredHashIndex(0, i)})
	if err != nil {
		return nil, fmt.Errorf("entry %d of the ledger: %w", i, err)
	}
	if h[0] != ledger.LeafHash(e) {
		return nil, fmt.Errorf("entry %d of the ledger: %s is not what was signed", i, tilePath(t))
	}
	return e, nil
}

// Entries calls fn with each entry from an index on, verified against the tree. It stops
// at the first error of fn, and returns it.
func (l *Log) Entries(c ledger.Checkpoint, from int64, fn func(i int64, entry []byte) error) error {
	for i := from; i < c.Size; {
		t := bundleOf(i, c.Size)
		data, err := l.ReadTile(t)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		list, used, err := splitBundle(data, t.W)
		if err == nil && used != len(data) {
			err = errors.New("something follows its entries")
		}
		if err != nil {
			return fmt.Errorf("read the ledger: %s: %w", tilePath(t), err)
		}
		indexes := make([]int64, 0, t.W)
		for j := i; j < t.N*tileWidth+int64(t.W); j++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, j))
		}
		hashes, err := l.hashes(c).ReadHashes(indexes)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		for _, h := range hashes {
			e := list[i%tileWidth]
			if h != ledger.LeafHash(e) {
				return fmt.Errorf("read the ledger: entry %d in %s is not what was signed", i, tilePath(t))
			}
			if err := fn(i, e); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// Prove returns the proof that entry i is in the log at its present checkpoint.
func (l *Log) Prove(i int64) (ledger.Proof, error) {
	h, err := l.current()
	if err != nil {
		return ledger.Proof{}, err
	}
	return l.ProveAt(h.Checkpoint, h.signed, i)
}

// ProveAt is Prove for a given signed checkpoint of this log.
func (l *Log) ProveAt(c ledger.Checkpoint, signed []byte, i int64) (ledger.Proof, error) {
	if i < 0 || i >= c.Size {
		return ledger.Proof{}, fmt.Errorf("prove entry %d of the ledger: the checkpoint covers %d", i, c.Size)
	}
	p, err := tlog.ProveRecord(c.Size, i, l.hashes(c))
	if err != nil {
		return ledger.Proof{}, fmt.Errorf("prove entry %d of the ledger: %w", i, err)
	}
	return ledger.Proof{Index: i, Hashes: p, Checkpoint: signed}, nil
}

// Consistency returns the proof that the log at c begins with the log of `old` entries. It
// is empty if old is 0 or not smaller than c.
func (l *Log) Consistency(c ledger.Checkpoint, old int64) ([]ledger.Hash, error) {
	if old <= 0 || old >= c.Size {
		return nil, nil
	}
	p, err := tlog.ProveTree(c.Size, old, l.hashes(c))
	if err != nil {
		return nil, fmt.Errorf("prove that the ledger grew from %d to %d: %w", old, c.Size, err)
	}
	return p, nil
}

// Append adds entries to the log, signs the new checkpoint, and returns it when everything
// is durable. Without entries it only publishes the last checkpoint.
func (l *Log) Append(entries [][]byte) (ledger.Checkpoint, error) {
	signers, err := l.signers()
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: %w", err)
	}
	return l.append(entries, signers)
}

func (l *Log) append(entries [][]byte, signers []note.Signer) (ledger.Checkpoint, error) {
	h, err := l.current()
	if errors.Is(err, ErrEmpty) {
		h, err = &head{}, nil
	}
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: %w", err)
	}
	signer := signers[0]
	if h.Size > 0 && h.Origin != signer.Name() {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: it is of %s, and the key is of %s", h.Origin, signer.Name())
	}
	if len(entries) == 0 {
		return h.Checkpoint, l.publish(h)
	}
	if err := l.publish(h); err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: %w", err)
	}
	next, err := l.write(h.Checkpoint, entries)
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: %w", err)
	}
	next.Origin = signer.Name()
	signed, err := note.Sign(&note.Note{Text: next.String()}, signers...)
	if err == nil {
		// The tiles are durable. From here on the new checkpoint holds: a signature must
		// never be taken back.
		err = disk.Replace(l.disk, l.keyPath(signedFile), signed, 0o600, true)
	}
	if err == nil {
		err = l.publish(&head{next, signed})
	}
	if err != nil {
		return ledger.Checkpoint{}, fmt.Errorf("append to the ledger: %w", err)
	}
	l.sweep(h.Checkpoint, next)
	return next, nil
}

// publish puts a signed checkpoint where everybody reads it.
func (l *Log) publish(h *head) error {
	if len(h.signed) == 0 {
		return nil
	}
	if old, err := readHead(l.path(checkpointFile)); err == nil && old.Checkpoint == h.Checkpoint {
		return nil
	}
	if err := l.makeDir(l.path("")); err != nil {
		return err
	}
	return disk.Replace(l.disk, l.path(checkpointFile), h.signed, 0o644, false) // it need not be durable: signedFile holds the same
}

// write writes the tiles of the log with the new entries, and returns its unsigned
// checkpoint.
func (l *Log) write(old ledger.Checkpoint, entries [][]byte) (ledger.Checkpoint, error) {
	next := ledger.Checkpoint{Size: old.Size + int64(len(entries))}
	first := tlog.StoredHashCount(old.Size)
	var fresh []ledger.Hash // stored hashes, from index first on
	before := l.hashes(old)
	read := tlog.HashReaderFunc(func(indexes []int64) ([]ledger.Hash, error) {
		out := make([]ledger.Hash, len(indexes))
		var missing, at []int64
		for i, x := range indexes {
			if k := x - first; k >= 0 && k < int64(len(fresh)) {
				out[i] = fresh[k]
			} else {
				missing, at = append(missing, x), append(at, int64(i))
			}
		}
		if len(missing) == 0 {
			return out, nil
		}
		have, err := before.ReadHashes(missing)
		for i := range have {
			out[at[i]] = have[i]
		}
		return out, err
	})
	for i, e := range entries {
		if len(e) > ledger.MaxEntry {
			return next, fmt.Errorf("an entry of %d bytes is longer than the %d that fit", len(e), ledger.MaxEntry)
		}
		n := old.Size + int64(i)
		list, err := tlog.StoredHashesForRecordHash(n, ledger.LeafHash(e), read)
		if err != nil {
			return next, err
		}
		fresh = append(fresh, list...)
	}
	files := pool.New().WithErrors().WithMaxGoroutines(sideBySide) // a disk makes several durable at one time
	err := l.writeBundles(old, next.Size, entries, files)
	for _, t := range tlog.NewTiles(tileHeight, old.Size, next.Size) {
		if err != nil {
			break
		}
		var data []byte
		if data, err = tlog.ReadTileData(t, read); err == nil {
			files.Go(func() error { return l.writeTile(t, data) })
		}
	}
	if err = errors.Join(err, files.Wait()); err != nil {
		return next, err
	}
	next.Root, err = tlog.TreeHash(next.Size, read)
	return next, err
}

// sideBySide is how many files are written at one time.
const sideBySide = 8

// writeBundles writes the bundles that change with the new entries; files runs the writes.
func (l *Log) writeBundles(old ledger.Checkpoint, size int64, entries [][]byte, files *pool.ErrorPool) error {
	var bundle []byte
	if old.Size%tileWidth > 0 {
		var err error
		if bundle, err = l.ReadTile(bundleOf(old.Size-1, old.Size)); err != nil {
			return err
		}
	}
	for i, e := range entries {
		bundle = appendEntry(bundle, e)
		n := old.Size + int64(i)
		if (n+1)%tileWidth != 0 && n+1 < size {
			continue
		}
		t, data := bundleOf(n, n+1), bundle
		files.Go(func() error { return l.writeTile(t, data) })
		bundle = nil
	}
	return nil
}

func (l *Log) writeTile(t tlog.Tile, data []byte) error {
	path := l.path(tilePath(t))
	if err := l.makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return disk.Replace(l.disk, path, data, 0o644, true)
}

// makeDir makes a folder of the ledger, and makes its name durable.
func (l *Log) makeDir(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	dir = filepath.Clean(dir)
	if l.made[dir] {
		if _, err := os.Stat(dir); err == nil {
			return nil
		}
	}
	if err := l.disk.MkdirAll(dir); err != nil {
		return err
	}
	for d := dir; d != filepath.Clean(l.data) && d != filepath.Dir(d); d = filepath.Dir(d) {
		if err := l.disk.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
		l.made[d] = true
	}
	return nil
}

// sweep removes narrow tiles for which there are wider ones, and what a killed process
// left beside them.
func (l *Log) sweep(old, now ledger.Checkpoint) {
	var edges []tlog.Tile
	for _, c := range []ledger.Checkpoint{old, now} {
		if c.Size > 0 {
			edges = append(edges, tlog.Tile{H: tileHeight, L: -1, N: (c.Size - 1) / tileWidth, W: tileWidth})
		}
		for level := 0; c.Size>>(tileHeight*level) > 0; level++ {
			size := c.Size >> (tileHeight * level)
			edges = append(edges, tlog.Tile{H: tileHeight, L: level, N: (size - 1) / tileWidth, W: tileWidth})
		}
	}
	for _, t := range edges {
		dir := l.path(tilePath(t)) + ".p"
		size := now.Size >> (tileHeight * max(t.L, 0))
		keep := strconv.FormatInt(min(tileWidth, size-t.N*tileWidth), 10)
		list, err := os.ReadDir(dir)
		if err != nil {
			continue // it never was narrow
		}
		for _, f := range list {
			if f.Name() != keep {
				l.disk.Remove(filepath.Join(dir, f.Name()))
			}
		}
		if keep == strconv.Itoa(tileWidth) {
			l.disk.Remove(dir) // fails unless it is empty
		}
	}
}

// Witnessed returns the newest checkpoint that witnesses signed, with their signatures. If
// there is none of this log, it returns Checkpoint.
func (l *Log) Witnessed() (ledger.Checkpoint, []byte, error) {
	c, signed, err := l.Checkpoint()
	if err != nil {
		return c, nil, err
	}
	w, err := readHead(l.path(witnessedFile))
	if err != nil || w.Origin != c.Origin || w.Size > c.Size {
		return c, signed, nil
	}
	return w.Checkpoint, w.signed, nil
}

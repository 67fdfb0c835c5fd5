package archive

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/object"
)

// Snapshots is the object snapshots.json: which snapshots of an archive a store holds. It
// is the only object that is ever replaced. All others are named by the SHA-256 of their
// content. Raw batches, segments and parts of the manifest have the same names as in the
// data folder; other files are files/ab/SHA256. The list of a snapshot's files is
// snapshots/ID.json, which names its parts below parts/.
type Snapshots struct {
	Format int        `json:"format"`
	Ledger string     `json:"ledger,omitempty"` // origin of the archive's ledger
	List   []Snapshot `json:"snapshots"`        // the oldest first
	// Removals counts how often somebody began to remove objects. A snapshot that is being
	// taken fails if the count has grown meanwhile, and begins again.
	Removals int64 `json:"removals,omitempty"`
	// Removing is a removal that has not ended. While there is one, no snapshot is added.
	Removing *Removing `json:"removing,omitempty"`
}

// Removing is a removal of objects that is running, or that was cut short.
type Removing struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// Snapshot is an archive as it was at one moment.
type Snapshot struct {
	ID         string    `json:"id"` // SHA-256 of the list of its files
	Taken      time.Time `json:"taken"`
	Generation uint64    `json:"generation"` // of the manifest
	Files      int       `json:"files"`
	Bytes      int64     `json:"bytes"`
	Damaged    int       `json:"damaged,omitempty"` // files that were damaged and are not in the snapshot
}

const (
	snapshotsName  = "snapshots.json"
	snapshotFormat = 1
	snapshotDir    = "snapshots"
	partDir        = "parts"
	looseDir       = "files"
)

// keptFile is a line in the list of a snapshot.
type keptFile struct {
	Path   string `json:"path"` // below the data folder, with slashes
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`

	part string // the part of the list that has the line
}

// listed reports whether the manifest names the file or rests on it. Such a file has its
// own name in a store.
func (f keptFile) listed() bool {
	top, _, _ := strings.Cut(f.Path, "/")
	return top == rawDir || top == manifestDir || slices.Contains(kinds, top)
}

// object returns the name of the object with the file's content.
func (f keptFile) object() string {
	if f.listed() {
		return f.Path
	}
	return path.Join(looseDir, f.SHA256[:2], f.SHA256)
}

func (f keptFile) validate() error {
	top, _, _ := strings.Cut(f.Path, "/")
	if !f.listed() && f.Path != manifestName && top != notary.Dir && unnamed(top) {
		return fmt.Errorf("it names the file %q, which no snapshot has", f.Path)
	}
	if !isSHA256(f.SHA256) || object.CheckName(f.Path) != nil || f.Bytes < 0 || f.listed() && sumOf(f.Path) != f.SHA256 {
		return fmt.Errorf("it names the file %q with SHA-256 %q", f.Path, f.SHA256)
	}
	return nil
}

func (s Snapshot) object() string { return path.Join(snapshotDir, s.ID+".json") }

// parallel is how many objects are sent or fetched at one time.
const parallel = 8

// ReadSnapshots reads what a store holds. The error wraps object.ErrMissing if it holds no
// snapshots.
func ReadSnapshots(ctx context.Context, store object.Store) (*Snapshots, error) {
	text, _, err := store.Read(ctx, snapshotsName)
	if errors.Is(err, object.ErrMissing) {
		return nil, fmt.Errorf("%s holds no snapshot of an archive: %w", store, err)
	}
	if err != nil {
		return nil, err
	}
	return parseSnapshots(text, store)
}

func parseSnapshots(text []byte, store object.Store) (*Snapshots, error) {
	s := &Snapshots{}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", snapshotsName, store, err)
	}
	if s.Format != snapshotFormat {
		return nil, fmt.Errorf("%s in %s has format %d and this bandish knows %d: use a newer bandish", snapshotsName, store, s.Format, snapshotFormat)
	}
	for _, o := range s.List {
		if !isSHA256(o.ID) {
			return nil, fmt.Errorf("read %s in %s: it names the snapshot %q", snapshotsName, store, o.ID)
		}
	}
	return s, nil
}

// changeSnapshots changes snapshots.json with fn. If others change it at the same time, fn
// is called again. It returns the new content.
func changeSnapshots(ctx context.Context, store object.Store, fn func(*Snapshots) error) (now *Snapshots, err error) {
	err = object.Update(ctx, store, snapshotsName, func(old []byte) ([]byte, error) {
		now = &Snapshots{Format: snapshotFormat, List: []Snapshot{}}
		if old != nil {
			var err error
			if now, err = parseSnapshots(old, store); err != nil {
				return nil, err
			}
		}
		if err := fn(now); err != nil {
			return nil, err
		}
		text, err := json.MarshalIndent(now, "", " ")
		return append(text, '\n'), err
	})
	return now, err
}

// Snapshot keeps the archive, as it is at one moment, in a store of objects, while others
// go on writing: all files that it lists, its ledger, and what the ledger names beside it.
// It sends only what the store lacks. It does not send the key of the ledger, nor alerts
// and notes of readers, which tell of persons. A damaged file is left out and listed.
func (a *Archive) Snapshot(ctx context.Context, store object.Store, now time.Time) (Snapshot, BackedUp, error) {
	if err := a.inFolder("back up"); err != nil {
		return Snapshot{}, BackedUp{}, err
	}
	if f, ok := store.(*object.Folder); ok {
		if err := apart(a.dir, f.Dir()); err != nil {
			return Snapshot{}, BackedUp{}, fmt.Errorf("back up: %w", err)
		}
	}
	if err := object.Probe(ctx, store); err != nil {
		return Snapshot{}, BackedUp{}, fmt.Errorf("back up: %w", err)
	}
	temp, err := os.MkdirTemp("", "bandish-backup-*")
	if err != nil {
		return Snapshot{}, BackedUp{}, fmt.Errorf("back up: %w", err)
	}
	defer os.RemoveAll(temp)
	out := BackedUp{Damaged: []Damage{}}
	for range 3 {
		k := &keeper{a: a, store: store, temp: temp, seen: map[string]looseFile{}, out: &out}
		s, err := k.take(ctx, now)
		if errors.Is(err, errRemoved) {
			continue
		}
		if err != nil {
			return s, out, fmt.Errorf("back up to %s: %w", store, err)
		}
		out.Generation = s.Generation
		return s, out, nil
	}
	return Snapshot{}, out, fmt.Errorf("back up to %s: %w", store, errRemoved)
}

// errRemoved is the error of a snapshot of which objects may have been removed.
var errRemoved = errors.New("another process removes old snapshots again and again")

// keeper takes one snapshot.
type keeper struct {
	a     *Archive
	store object.Store
	temp  string // a folder for copies of files that may change

	mu    sync.Mutex // guards what follows
	there map[string]int64
	seen  map[string]looseFile
	out   *BackedUp
}

// looseFile is a file beside the archive, or of its ledger, as it was when it was looked
// at.
type looseFile struct {
	keptFile
	id   identity
	copy string // path of a copy, until it is sent; "" if the store has the content
}

func (k *keeper) take(ctx context.Context, now time.Time) (Snapshot, error) {
	begun, err := k.begin(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	// Send most of it while others write.
	if _, err := k.loose(ctx); err != nil {
		return Snapshot{}, err
	}
	if err := k.send(ctx); err != nil {
		return Snapshot{}, err
	}
	m, err := k.a.Manifest()
	if err != nil {
		return Snapshot{}, err
	}
	if _, err := k.listed(ctx, m); err != nil {
		return Snapshot{}, err
	}
	m, files, err := k.moment(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	if err := k.send(ctx); err != nil {
		return Snapshot{}, err
	}
	there := k.out.There
	listed, err := k.listed(ctx, m)
	if err != nil {
		return Snapshot{}, err
	}
	k.out.There = there
	s, err := k.writeList(ctx, append(files, listed...))
	if err != nil {
		return s, err
	}
	s.Taken, s.Generation, s.Damaged = now.UTC().Truncate(time.Second), m.Generation, len(k.out.Damaged)
	_, err = changeSnapshots(ctx, k.store, func(all *Snapshots) error {
		if slices.ContainsFunc(all.List, func(o Snapshot) bool { return o.ID == s.ID && o.Taken.Equal(s.Taken) }) {
			return object.ErrDone // the answer to an earlier try was lost
		}
		if all.Removals != begun.Removals {
			return errRemoved
		}
		if err := k.mayAdd(all); err != nil {
			return err
		}
		all.Ledger = k.origin()
		if n := len(all.List); n > 0 && all.List[n-1].ID == s.ID { // nothing has changed since the last one
			all.List = all.List[:n-1]
		}
		all.List = append(all.List, s)
		return nil
	})
	return s, err
}

// origin is the origin of the archive's ledger, "" if there is none yet.
func (k *keeper) origin() string {
	c, _, err := k.a.log.Checkpoint()
	if err != nil {
		return ""
	}
	return c.Origin
}

// mayAdd returns an error if no snapshot of this archive may be added now.
func (k *keeper) mayAdd(all *Snapshots) error {
	if r := all.Removing; r != nil {
		return fmt.Errorf("old snapshots have been under removal since %s: try again later. If that was cut short, bandish archive backup %s --keep N finishes it after an hour", r.Since.Format(time.RFC3339), k.store)
	}
	if mine := k.origin(); all.Ledger != "" && all.Ledger != mine {
		return fmt.Errorf("it holds snapshots of another archive, whose ledger is %q, and this one's is %q: name another prefix", all.Ledger, mine)
	}
	return nil
}

// begin reads what the store holds.
func (k *keeper) begin(ctx context.Context) (*Snapshots, error) {
	all, err := ReadSnapshots(ctx, k.store)
	if errors.Is(err, object.ErrMissing) {
		all, err = &Snapshots{}, nil
	}
	if err == nil {
		err = k.mayAdd(all)
	}
	if err != nil {
		return nil, err
	}
	k.there = map[string]int64{}
	for _, top := range slices.Concat([]string{rawDir, looseDir, snapshotDir, partDir, manifestDir}, kinds) {
		for o, err := range k.store.List(ctx, top+"/") {
			if err != nil {
				return nil, err
			}
			k.there[o.Name] = o.Size
		}
	}
	return all, nil
}

// moment notes the manifest and all files beside it that may change, while nobody commits,
// so that they are of one moment. The files are sent later, from copies.
func (k *keeper) moment(ctx context.Context) (*Manifest, []keptFile, error) {
	unlock, err := k.a.still(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	m, err := k.a.Manifest()
	if err != nil {
		return nil, nil, err
	}
	files, err := k.loose(ctx)
	return m, files, err
}

// loose looks at the manifest, at the files beside the archive, and at those of its
// ledger. It copies those that the store lacks. A file that has not changed since the last
// look is not read again.
func (k *keeper) loose(ctx context.Context) ([]keptFile, error) {
	names := []string{manifestName}
	err := k.a.besideFiles(ctx, func(rel string, _ fs.FileInfo) error {
		names = append(names, rel)
		return nil
	})
	if err != nil {
		return nil, err
	}
	top := filepath.Join(k.a.dir, notary.Dir)
	err = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(k.a.dir, p)
		if err == nil && d.Type().IsRegular() && !strings.HasPrefix(d.Name(), ".") {
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var files []keptFile
	for _, name := range names {
		f, err := k.look(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// look looks at one file.
func (k *keeper) look(name string) (keptFile, error) {
	if err := object.CheckName(name); err != nil {
		return keptFile{}, err
	}
	for range 5 {
		f, again, err := k.lookOnce(name)
		if !again {
			return f.keptFile, err
		}
	}
	return keptFile{}, fmt.Errorf("%s changes while it is read", name)
}

func (k *keeper) lookOnce(name string) (f looseFile, again bool, err error) {
	in, err := k.a.disk.Open(filepath.Join(k.a.dir, filepath.FromSlash(name)))
	if err != nil {
		return f, false, err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return f, false, err
	}
	if f = k.seen[name]; f.SHA256 != "" && f.id == identityOf(st) {
		return f, false, nil
	}
	content := io.NewSectionReader(in, 0, st.Size())
	h := sha256.New()
	n, err := io.Copy(h, content)
	if err != nil || n != st.Size() {
		return f, err == nil, err
	}
	f = looseFile{keptFile: keptFile{name, hex.EncodeToString(h.Sum(nil)), n, path.Dir(name)}, id: identityOf(st)}
	if size, have := k.there[f.object()]; !have || size != n {
		f.copy = filepath.Join(k.temp, f.SHA256)
		if same, err := copyOf(f.copy, content, f.SHA256); err != nil || !same {
			return f, err == nil, err
		}
	}
	k.seen[name] = f
	return f, false, nil
}

// copyOf writes a copy, and reports whether it has the SHA-256 that was read before.
func copyOf(to string, content *io.SectionReader, sum string) (same bool, err error) {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	out, err := os.Create(to)
	if err != nil {
		return false, err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), content)
	return hex.EncodeToString(h.Sum(nil)) == sum, errors.Join(err, out.Close())
}

// send sends the copies.
func (k *keeper) send(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for name, f := range maps.Clone(k.seen) {
		if f.copy == "" {
			continue
		}
		g.Go(func() error {
			in, err := os.Open(f.copy)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // another file with the same content was sent
			}
			if err != nil {
				return err
			}
			defer in.Close()
			if err := k.put(ctx, f.object(), f.Bytes, in); err != nil {
				return err
			}
			os.Remove(f.copy)
			f.copy = ""
			k.mu.Lock()
			defer k.mu.Unlock()
			k.seen[name] = f
			return nil
		})
	}
	return g.Wait()
}

// put sends an object unless the store has it.
func (k *keeper) put(ctx context.Context, name string, size int64, content io.ReadSeeker) error {
	k.mu.Lock()
	had, have := k.there[name]
	if have && had == size {
		k.out.There++
		k.mu.Unlock()
		return nil
	}
	k.mu.Unlock()
	if have { // the object is not what its name says: no snapshot can be made of it
		if err := k.store.Delete(ctx, name); err != nil {
			return err
		}
	}
	if err := k.store.Create(ctx, name, content); err != nil && !errors.Is(err, object.ErrExists) {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.there[name] = size
	k.out.Copied++
	k.out.Bytes += size
	return nil
}

// listed sends the files that a manifest lists and the store lacks. It returns all of them
// but those that are damaged here.
func (k *keeper) listed(ctx context.Context, m *Manifest) ([]keptFile, error) {
	batches, parts := m.Batches(), m.base().files()
	files := make([]keptFile, 0, len(parts)+len(batches)+len(m.Segments))
	for _, p := range parts {
		files = append(files, keptFile{filepath.ToSlash(p.path), p.sum, p.bytes, manifestDir})
	}
	for _, b := range batches {
		files = append(files, keptFile{filepath.ToSlash(b.Path()), b.SHA256, b.Bytes, rawDir + "/" + b.Added.UTC().Format(time.DateOnly)})
	}
	for _, s := range m.Segments {
		files = append(files, keptFile{filepath.ToSlash(s.Path()), s.SHA256, s.Bytes, s.Kind + "/" + s.Period[:min(len(s.Period), 7)]})
	}
	k.out.Damaged = []Damage{}
	lacks := make([]bool, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for i, f := range files {
		g.Go(func() error {
			err := k.sendListed(ctx, f)
			var harm *DamagedError
			if !errors.As(err, &harm) {
				return err
			}
			lacks[i] = true
			k.mu.Lock()
			defer k.mu.Unlock()
			k.out.Damaged = append(k.out.Damaged, Damage{harm.Path, harm.Reason})
			return nil
		})
		k.a.Did("file", i+1, len(files))
	}
	err := g.Wait()
	kept := files[:0]
	for i, f := range files {
		if !lacks[i] {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(k.out.Damaged, func(a, b Damage) int { return strings.Compare(a.Path, b.Path) })
	return kept, err
}

func (k *keeper) sendListed(ctx context.Context, f keptFile) error {
	k.mu.Lock()
	had, have := k.there[f.Path]
	if have && had == f.Bytes {
		k.out.There++
		k.mu.Unlock()
		return nil
	}
	k.mu.Unlock()
	in, err := k.a.Open(filepath.FromSlash(f.Path))
	if err != nil {
		return err
	}
	defer in.Close()
	return k.put(ctx, f.Path, f.Bytes, in)
}

// snapshotPart is a part of the list of a snapshot, as the snapshot's object names it. The
// next snapshot writes only the parts again that changed.
type snapshotPart struct {
	Part   string `json:"part"`   // what its files have in common: raw/2024-02-17, verdicts/2024-02, ledger/tile/0/x001
	SHA256 string `json:"sha256"` // of the object with the list
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"` // of the listed files
}

func (p snapshotPart) object() string {
	return path.Join(partDir, p.SHA256[:2], p.SHA256+".jsonl.zst")
}

// writeList sends the list of a snapshot.
func (k *keeper) writeList(ctx context.Context, files []keptFile) (Snapshot, error) {
	byPart := map[string][]keptFile{}
	for _, f := range files {
		byPart[f.part] = append(byPart[f.part], f)
	}
	var s Snapshot
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return s, err
	}
	parts := []snapshotPart{}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, name := range slices.Sorted(maps.Keys(byPart)) {
		p, text, err := packPart(z, name, byPart[name])
		if err != nil {
			return s, err
		}
		s.Files += p.Files
		s.Bytes += p.Bytes
		parts = append(parts, p)
		g.Go(func() error { return k.put(inner, p.object(), int64(len(text)), bytes.NewReader(text)) })
	}
	if err := g.Wait(); err != nil {
		return s, err
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return s, err
	}
	sum := sha256.Sum256(text)
	s.ID = hex.EncodeToString(sum[:])
	return s, k.put(ctx, s.object(), int64(len(text)), bytes.NewReader(text))
}

// packPart makes the object of a part: a line of JSON for each file, sorted by path,
// compressed with zstd.
func packPart(z *zstd.Encoder, name string, files []keptFile) (snapshotPart, []byte, error) {
	slices.SortFunc(files, func(a, b keptFile) int { return strings.Compare(a.Path, b.Path) })
	p := snapshotPart{Part: name, Files: len(files)}
	var text bytes.Buffer
	lines := json.NewEncoder(&text)
	for _, f := range files {
		p.Bytes += f.Bytes
		if err := lines.Encode(f); err != nil {
			return p, nil, err
		}
	}
	packed := z.EncodeAll(text.Bytes(), nil)
	sum := sha256.Sum256(packed)
	p.SHA256 = hex.EncodeToString(sum[:])
	return p, packed, nil
}

// readSummed reads an object that is named by the SHA-256 of its content, and checks it.
func readSummed(ctx context.Context, store object.Store, name, sum string) ([]byte, error) {
	text, _, err := store.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(text); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("%s in %s is damaged: its content does not have the SHA-256 of its name", name, store)
	}
	return text, nil
}

// readParts reads which parts the list of a snapshot has.
func readParts(ctx context.Context, store object.Store, s Snapshot) ([]snapshotPart, error) {
	text, err := readSummed(ctx, store, s.object(), s.ID)
	if err != nil {
		return nil, err
	}
	var parts []snapshotPart
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", s.object(), store, err)
	}
	for _, p := range parts {
		if !isSHA256(p.SHA256) {
			return nil, fmt.Errorf("read %s in %s: it names the part %q", s.object(), store, p.SHA256)
		}
	}
	return parts, nil
}

// readPart reads a part of the list of a snapshot.
func readPart(ctx context.Context, store object.Store, p snapshotPart) ([]keptFile, error) {
	text, err := readSummed(ctx, store, p.object(), p.SHA256)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(bytes.NewReader(text), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var files []keptFile
	for lines := json.NewDecoder(bufio.NewReader(z)); ; {
		var f keptFile
		err := lines.Decode(&f)
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err == nil {
			err = f.validate()
		}
		if err != nil {
			return nil, fmt.Errorf("read %s in %s: %w", p.object(), store, err)
		}
		files = append(files, f)
	}
}

// readList reads the whole list of a snapshot.
func readList(ctx context.Context, store object.Store, s Snapshot) ([]keptFile, error) {
	parts, err := readParts(ctx, store, s)
	if err != nil {
		return nil, err
	}
	var files []keptFile
	for _, p := range parts {
		some, err := readPart(ctx, store, p)
		if err != nil {
			return nil, err
		}
		files = append(files, some...)
	}
	return files, nil
}

// Removed counts what a removal removed.
type Removed struct {
	Snapshots int   `json:"snapshots"`
	Objects   int   `json:"objects"`
	Bytes     int64 `json:"bytes"`
}

// takeover is how long others leave a removal alone that may have been cut short.
const takeover = time.Hour

// RemoveSnapshots removes all snapshots from a store except the newest `keep`, and all
// objects that no remaining snapshot names. Objects with other names than an archive's
// stay.
func RemoveSnapshots(ctx context.Context, store object.Store, keep int, now time.Time) (out Removed, err error) {
	if keep < 1 {
		return out, fmt.Errorf("remove snapshots: %d are to be kept: want 1 or more", keep)
	}
	mine := Removing{ID: rand.Text(), Since: now.UTC().Truncate(time.Second)}
	all, err := changeSnapshots(ctx, store, func(s *Snapshots) error {
		r := s.Removing
		if r != nil && r.ID == mine.ID {
			return object.ErrDone
		}
		if r != nil && now.Sub(r.Since) < takeover {
			return fmt.Errorf("another process does that since %s; where it was cut short, try again an hour after that", r.Since.Format(time.RFC3339))
		}
		out.Snapshots = max(0, len(s.List)-keep)
		s.List = s.List[out.Snapshots:]
		s.Removals++
		s.Removing = &mine
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("remove snapshots: %w", err)
	}
	err = removeUnnamed(ctx, store, all, &out)
	// Nothing is removed after this, even if it failed.
	_, e := changeSnapshots(context.WithoutCancel(ctx), store, func(s *Snapshots) error {
		if s.Removing == nil || s.Removing.ID != mine.ID {
			return object.ErrDone
		}
		s.Removing = nil
		return nil
	})
	if err = errors.Join(err, e); err != nil {
		return out, fmt.Errorf("remove snapshots: %w", err)
	}
	return out, nil
}

// removeUnnamed removes the objects of an archive that no snapshot names.
func removeUnnamed(ctx context.Context, store object.Store, all *Snapshots, out *Removed) error {
	named := map[string]bool{}
	for _, s := range all.List {
		parts, err := readParts(ctx, store, s)
		if err != nil {
			return err
		}
		named[s.object()] = true
		for _, p := range parts {
			if named[p.object()] {
				continue // an earlier snapshot has it too
			}
			named[p.object()] = true
			files, err := readPart(ctx, store, p)
			if err != nil {
				return err
			}
			for _, f := range files {
				named[f.object()] = true
			}
		}
	}
	var unnamed []object.Info
	for _, top := range slices.Concat([]string{rawDir, looseDir, snapshotDir, partDir, manifestDir}, kinds) {
		for o, err := range store.List(ctx, top+"/") {
			if err != nil {
				return err
			}
			if !named[o.Name] && isSHA256(sumOf(o.Name)) {
				unnamed = append(unnamed, o)
			}
		}
	}
	for i, o := range unnamed {
		if i%100 == 0 { // another process may have taken over if this one stood still for long
			now, err := ReadSnapshots(ctx, store)
			if err != nil {
				return err
			}
			if now.Removing == nil || now.Removing.ID != all.Removing.ID {
				return errors.New("another process took this over")
			}
		}
		if err := store.Delete(ctx, o.Name); err != nil {
			return err
		}
		out.Objects++
		out.Bytes += o.Size
	}
	return nil
}

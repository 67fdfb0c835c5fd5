package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// notedName is a file that remembers which files beside the archive the ledger names. It
// saves reading the whole ledger, and can be deleted.
const notedName = "noted.json"

// noted is the content of that file.
type noted struct {
	Origin string               `json:"origin"`
	Size   int64                `json:"size"` // size of the ledger for which Files is right
	Files  map[string]notedFile `json:"files"`
}

type notedFile struct {
	ledger.File
	Time int64 `json:"time"` // time of last change, in nanoseconds since 1970
}

// unnamed reports whether a file or folder of the data folder has no entry of its own in
// the ledger. These are: what the manifest lists; what can be derived again; what has no
// lasting worth; and what tells of persons, until they or a person who keeps the archive
// decide.
func unnamed(rel string) bool {
	switch rel {
	case rawDir, "tmp", "search", "alerts", "inbox", notary.Dir, notary.KeyDir, manifestName, manifestDir, notedName, writeLock, stageLock, asideLock, worksDir, madeDir:
		return true
	}
	return slices.Contains(kinds, rel) || strings.HasPrefix(rel, beforePrefix) || strings.HasPrefix(rel, notary.Dir+"-before-") || strings.HasPrefix(filepath.Base(rel), ".")
}

// besideFiles calls fn with each file beside the archive that the ledger names or must
// name.
func (a *Archive) besideFiles(ctx context.Context, fn func(rel string, st fs.FileInfo) error) error {
	if a.bucket != nil {
		return nil // files beside a working copy belong to this machine alone
	}
	return filepath.WalkDir(a.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(a.dir, path)
		if err != nil || rel == "." {
			return err
		}
		if unnamed(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		st, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel), st)
	})
}

// typeOf returns the type of the entry that names a file.
func typeOf(name string) string {
	top, _, _ := strings.Cut(name, "/")
	switch top {
	case "sources":
		return ledger.TypeSource
	case "fingerprints", "defects", "ban-decisions.yaml":
		return ledger.TypeList
	}
	return ledger.TypeFile
}

// grows reports whether a file is only ever appended to.
func grows(name string) bool { return strings.HasSuffix(name, ".jsonl") }

// NoteFiles enters in the ledger what is new, changed or gone beside the archive: copies
// of sources, tables, the quarantine. It returns how many entries it wrote. records are
// the cases of the record, named by RecordName; give none if they were not read. If no
// ledger was begun, NoteFiles does nothing: the first commit begins it.
func (a *Archive) NoteFiles(ctx context.Context, records ...ledger.File) (int, error) {
	if a.readOnly || !a.log.Exists() {
		return 0, nil
	}
	if a.bucket != nil {
		return a.noteRecords(ctx, records)
	}
	_, leave, err := a.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	known, err := a.readNoted()
	if err != nil {
		return 0, fmt.Errorf("note files in the ledger: %w", err)
	}
	entries, err := a.changes(ctx, known, records)
	if err != nil || len(entries) == 0 {
		return 0, err
	}
	c, err := a.log.Append(entries)
	if err != nil {
		return 0, fmt.Errorf("note files: %w", err)
	}
	known.Origin, known.Size = c.Origin, c.Size
	return len(entries), a.writeNoted(known)
}

func (a *Archive) writeNoted(known *noted) error {
	text, err := json.Marshal(known)
	if err != nil {
		return err
	}
	return disk.Replace(a.disk, filepath.Join(a.dir, notedName), text, 0o644, false)
}

// noteRecords is NoteFiles for an archive in a bucket, which has no files beside it. In
// such a ledger every entry comes with a commit of the manifest.
func (a *Archive) noteRecords(ctx context.Context, records []ledger.File) (n int, err error) {
	err = a.Update(ctx, func(u *Update) error {
		u.Why, n = "note", 0
		known, err := a.readNoted()
		if err != nil {
			return err
		}
		entries, err := a.changes(ctx, known, records)
		if err != nil {
			return err
		}
		for _, text := range entries {
			e, err := ledger.Parse(text)
			if err != nil {
				return err
			}
			u.Note(e)
		}
		if n = len(entries); n == 0 {
			return cmp.Or(a.writeNoted(known), errUnchanged)
		}
		return nil
	})
	if err == errUnchanged {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("note files: %w", err)
	}
	return n, nil
}

// errUnchanged ends an update that has nothing to commit.
var errUnchanged = errors.New("nothing has changed")

// Append adds entries to the ledger, and returns the index of the first.
func (a *Archive) Append(ctx context.Context, list ...ledger.Entry) (at int64, err error) {
	if a.bucket != nil {
		var u *Update
		err := a.Update(ctx, func(now *Update) error {
			u = now
			u.Why = "note"
			for _, e := range list {
				u.Note(e)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		l := u.Manifest.Ledger // the last entry is the state; the appended ones stand before it
		return l.Size + int64(len(l.Entries)-1-len(list)), nil
	}
	_, leave, err := a.turn(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	if !a.log.Exists() {
		return 0, notary.ErrEmpty
	}
	var texts [][]byte
	for _, e := range list {
		e.Time = time.Now()
		text, err := e.Encode()
		if err != nil {
			return 0, err
		}
		texts = append(texts, text)
	}
	c, err := a.log.Append(texts)
	return c.Size - int64(len(texts)), err
}

// readNoted returns which files the ledger names, from the noted file and from the entries
// since.
func (a *Archive) readNoted() (*noted, error) {
	n := &noted{}
	if text, err := os.ReadFile(filepath.Join(a.dir, notedName)); err != nil || json.Unmarshal(text, n) != nil {
		n = &noted{}
	}
	c, _, err := a.log.Checkpoint()
	if err != nil {
		return nil, err
	}
	if n.Origin != c.Origin || n.Size > c.Size || n.Files == nil {
		n = &noted{Origin: c.Origin, Files: map[string]notedFile{}}
	}
	h := ledger.NewReplay()
	h.Next = n.Size
	err = a.log.Entries(c, n.Size, func(_ int64, text []byte) error {
		e, _ := h.Apply(text)
		if e.Type == ledger.TypeTombstone {
			delete(n.Files, e.File.Name)
		}
		return nil
	})
	for name, f := range h.Files {
		n.Files[name] = notedFile{File: f}
	}
	n.Size = c.Size
	return n, err
}

// changes makes the entries for what differs from known, and updates known.
func (a *Archive) changes(ctx context.Context, known *noted, records []ledger.File) ([][]byte, error) {
	now := time.Now()
	var out [][]byte
	add := func(kind string, f ledger.File) error {
		e := ledger.Entry{Type: kind, Time: now, File: &f}
		text, err := e.Encode()
		out = append(out, text)
		return err
	}
	there := map[string]bool{}
	err := a.besideFiles(ctx, func(name string, st fs.FileInfo) error {
		there[name] = true
		old, had := known.Files[name]
		if had && old.Bytes == st.Size() && old.Time == st.ModTime().UnixNano() {
			return nil
		}
		sum, n, err := a.sumBeside(name, -1)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		f := ledger.File{Name: name, SHA256: sum, Bytes: n, Grows: grows(name)}
		known.Files[name] = notedFile{f, st.ModTime().UnixNano()}
		if had && old.SHA256 == sum {
			return nil
		}
		f.Replaces = old.SHA256
		return add(typeOf(name), f)
	})
	if err != nil {
		return nil, err
	}
	for _, f := range records {
		there[f.Name] = true
		old := known.Files[f.Name]
		if old.SHA256 == f.SHA256 {
			continue
		}
		known.Files[f.Name] = notedFile{File: f}
		f.Replaces = old.SHA256
		if err := add(ledger.TypeRecord, f); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known.Files)) {
		if there[name] || isRecord(name) && len(records) == 0 {
			continue
		}
		if a.bucket != nil && !isRecord(name) {
			continue // it lies beside the folder from which the bucket was filled
		}
		f := known.Files[name].File
		delete(known.Files, name)
		if err := add(ledger.TypeTombstone, ledger.File{Name: name, SHA256: f.SHA256, Bytes: f.Bytes, Reason: "it is no longer there"}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sumBeside returns the SHA-256 of the first bytes of a file, or of the whole file if
// bytes is negative.
func (a *Archive) sumBeside(name string, bytes int64) (sum string, n int64, err error) {
	f, err := a.disk.Open(filepath.Join(a.dir, filepath.FromSlash(name)))
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	var r io.Reader = f
	if bytes >= 0 {
		r = io.LimitReader(f, bytes)
	}
	h := sha256.New()
	n, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), n, err
}

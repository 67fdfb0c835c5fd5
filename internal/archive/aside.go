package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/object"
)

// Several processes may share a long work. What each process makes is kept aside: as
// segments that no manifest lists, and an object that names them. In the end one process
// takes all of it into the manifest.

// The folders of the objects of shared works: who does which part, and what was made.
const (
	worksDir = "work"
	madeDir  = "made"
)

// asideKept is how long results are kept that nobody takes into the manifest.
const asideKept = 7 * 24 * time.Hour

// asideLock is the name of a lock file. Any number of processes hold it (shared) while
// they make something; files that no manifest lists are not removed then.
const asideLock = "work.lock"

// Aside is the result of one piece of a work.
type Aside struct {
	Segments []Segment       `json:"segments"`
	Note     json.RawMessage `json:"note,omitempty"` // what its maker wants to read later, as JSON
}

// Works returns the store through which the processes that share works see each other, and
// the prefix of the names of all objects there.
func (a *Archive) Works() (store object.Store, prefix string) {
	if a.bucket != nil {
		return a.bucket.store, worksDir + "/"
	}
	return object.NewFolder(a.disk, a.dir), worksDir + "/"
}

// asideName returns the name of the object with the result of a piece. key is a hash of
// everything that the result follows from.
func asideName(work, key string) string { return madeDir + "/" + work + "/" + key + ".json" }

// ReadAside reads the result of a piece of a work. It returns nil, and no error, if there
// is none or if some of its segments are missing.
func (a *Archive) ReadAside(ctx context.Context, work, key string) (*Aside, error) {
	store, _ := a.Works()
	text, _, err := store.Read(ctx, asideName(work, key))
	if errors.Is(err, object.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := &Aside{}
	if json.Unmarshal(text, out) != nil {
		return nil, nil // unreadable: it is made again
	}
	for _, s := range out.Segments {
		if a.bucket == nil && !a.lies(s) {
			return nil, nil
		}
	}
	return out, nil
}

// lies reports whether the file of a segment is in the folder, with the right size.
func (a *Archive) lies(s Segment) bool {
	st, err := os.Stat(filepath.Join(a.dir, s.Path()))
	return err == nil && st.Size() == s.Bytes
}

// MakeAside returns the result of a piece of a work, and makes it if there is none. fn
// gets an update, never committed, that lists only the segments of m. What fn leaves
// listed there is the result, with the note that fn returns. Two processes may make the
// same piece at the same time, so the result must follow from the key. The error is
// ErrReadOnly for an archive that was opened read-only.
func (a *Archive) MakeAside(ctx context.Context, work, key string, m Manifest, fn func(*Update) (note any, err error)) (*Aside, error) {
	unlock, err := a.making()
	if err != nil {
		return nil, err
	}
	defer unlock()
	had, err := a.ReadAside(ctx, work, key)
	if had != nil || err != nil {
		return had, err
	}
	given := map[string]bool{}
	for _, s := range m.Segments {
		given[s.Path()] = true
	}
	u := &Update{a: a, Manifest: &m}
	note, err := fn(u)
	if err != nil {
		return nil, err
	}
	out := &Aside{Segments: m.Segments}
	if out.Note, err = json.Marshal(note); err != nil {
		return nil, err
	}
	if a.bucket != nil {
		files := map[string]string{}
		for _, s := range out.Segments {
			if !given[s.Path()] {
				files[filepath.ToSlash(s.Path())] = s.Path()
			}
		}
		if err := a.bucket.send(ctx, a.dir, files); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	store, _ := a.Works()
	name := asideName(work, key)
	err = store.Create(ctx, name, bytes.NewReader(text))
	if errors.Is(err, object.ErrExists) { // another process made the same, or files of the old result are gone
		err = object.Update(ctx, store, name, func([]byte) ([]byte, error) { return text, nil })
	}
	return out, err
}

// making takes asideLock, so that no process removes files that no manifest lists. unlock
// releases it.
func (a *Archive) making() (unlock func(), err error) {
	if a.readOnly {
		return nil, ErrReadOnly
	}
	f, err := disk.Lock(filepath.Join(a.dir, asideLock), unix.LOCK_SH)
	if err != nil {
		return nil, fmt.Errorf("lock archive %s: %w", a.dir, err)
	}
	return func() { disk.Unlock(f) }, nil
}

// EndWork deletes all objects of a shared work, except its marks under the step except.
// Segments that were made for it and that no manifest lists can then be removed.
func (a *Archive) EndWork(ctx context.Context, work, except string) error {
	store, prefix := a.Works()
	for _, top := range []string{prefix + work + "/", madeDir + "/" + work + "/"} { // marks first: no part may count as done whose result is gone
		g := newGroup()
		var listed error
		for o, err := range store.List(ctx, top) {
			if listed = err; err == nil && !strings.HasPrefix(o.Name, prefix+work+"/"+except+"/") {
				g.Go(func() error { return store.Delete(ctx, o.Name) })
			}
		}
		if err := errors.Join(listed, g.Wait()); err != nil {
			return err
		}
	}
	return nil
}

// aside returns the paths of the segments in this folder that are results of shared works,
// and deletes objects that are older than asideKept. It returns none for a working copy,
// whose results are in the bucket.
func (a *Archive) aside(now time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	if a.bucket != nil {
		return out, nil
	}
	for _, top := range []string{worksDir, madeDir} {
		err := filepath.WalkDir(filepath.Join(a.dir, top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // another process deleted it
				return nil
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			if st, err := d.Info(); err == nil && now.Sub(st.ModTime()) > asideKept {
				return a.disk.Remove(path)
			}
			var made Aside
			if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &made) == nil {
				for _, s := range made.Segments {
					out[s.Path()] = true
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

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

	"github.com/bandish/bandish/internal/object"
)

// Several processes may share a long work. What each makes of it is kept aside, as
// segments that no manifest lists and an object that names them, until one of them puts
// all of it together.

// The objects of works that several share: who does which part, and what was made.
const (
	worksDir = "work"
	madeDir  = "made"
)

// asideKept is for how long what was made for a work is kept that nobody puts together.
const asideKept = 7 * 24 * time.Hour

// asideLock is held, by any number at a time, while something is made.
const asideLock = "work.lock"

// Aside is what was made of a piece of a work.
type Aside struct {
	Segments []Segment       `json:"segments"`
	Note     json.RawMessage `json:"note,omitempty"` // what who made it wants to know later
}

// Works is the store of what those who share works tell each other, and what begins the
// names of its objects.
func (a *Archive) Works() (store object.Store, prefix string) {
	if a.bucket != nil {
		return a.bucket.store, worksDir + "/"
	}
	return object.NewFolder(a.disk, a.dir), worksDir + "/"
}

// asideName is the object of what was made of a piece; key names the piece and all that
// what is made follows from.
func asideName(work, key string) string { return madeDir + "/" + work + "/" + key + ".json" }

// ReadAside reads what was made of a piece of a work before, nil where it was not or is
// not whole.
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
		return nil, nil // it is made again
	}
	for _, s := range out.Segments {
		if a.bucket == nil && !a.lies(s) {
			return nil, nil
		}
	}
	return out, nil
}

// lies reports whether the file of a segment is in the folder.
func (a *Archive) lies(s Segment) bool {
	st, err := os.Stat(filepath.Join(a.dir, s.Path()))
	return err == nil && st.Size() == s.Bytes
}

// MakeAside makes what a piece of a work is to give, unless it was made before: fn gets an
// update that lists only the given segments, which is not committed, and what it leaves
// listed is kept, with its note. Two may make the same at a time: it must follow from the
// key.
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
	if errors.Is(err, object.ErrExists) { // another made the same, or its files are gone
		err = object.Update(ctx, store, name, func([]byte) ([]byte, error) { return text, nil })
	}
	return out, err
}

// making holds off what removes files that no manifest lists.
func (a *Archive) making() (unlock func(), err error) {
	if a.readOnly {
		return nil, ErrReadOnly
	}
	f, err := os.OpenFile(filepath.Join(a.dir, asideLock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock archive: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_SH); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock archive %s: %w", a.dir, err)
	}
	return func() { f.Close() }, nil
}

// EndWork forgets all that those who shared a work told each other, but for what stands
// under except. The segments that were made for it are then nobody's, unless a manifest
// lists them.
func (a *Archive) EndWork(ctx context.Context, work, except string) error {
	store, prefix := a.Works()
	for _, top := range []string{prefix + work + "/", madeDir + "/" + work + "/"} { // nothing is done whose result is gone
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

// aside are the paths of the segments in this folder that were made for works. What is
// old it forgets. In a working copy there are none to be kept: the bucket has them.
func (a *Archive) aside(now time.Time) (map[string]bool, error) {
	out := map[string]bool{}
	if a.bucket != nil {
		return out, nil
	}
	for _, top := range []string{worksDir, madeDir} {
		err := filepath.WalkDir(filepath.Join(a.dir, top), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // it was just forgotten
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

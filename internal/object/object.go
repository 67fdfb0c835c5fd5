// Package object keeps objects by name: in a folder of this machine, or in a bucket of a
// server that speaks S3.
//
// Every Store guarantees the same:
//
//   - An object is there whole or not at all, also after the process or the machine died.
//   - If several create an object of one name, or swap one version for another, one succeeds, and the others learn that they did not.
//   - Whoever was told that it succeeded finds what he wrote.
//
// What the objects mean is left to others. The tests in objecttest check each Store for
// this.
package object

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	mathrand "math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/disk"
)

// Store keeps objects. Many goroutines may call its methods, and many processes may use
// one store. An object must not have a name that is a folder in the name of another (a,
// and a/b): not every store can keep both.
//
// An error other than ErrExists, ErrChanged and ErrMissing leaves open whether the thing
// was done. A client that lost an answer asks again by itself. So ErrExists and ErrChanged
// may be about what the caller has just written.
type Store interface {
	// Create stores a new object. The error is ErrExists if there is one of this name. The
	// content is read from beginning to end, perhaps twice.
	Create(ctx context.Context, name string, content io.ReadSeeker) error
	// Open reads n bytes from an offset on, or all bytes if n < 0. If the object ends
	// earlier, there are fewer. An offset after its end is an error.
	Open(ctx context.Context, name string, from, n int64) (io.ReadCloser, error)
	// Read reads a small object whole. The version is for Swap.
	Read(ctx context.Context, name string) ([]byte, Version, error)
	// Swap replaces the version that was read (None: no object) with content, and returns
	// the new version. The error is ErrChanged if another version is there by now.
	Swap(ctx context.Context, name string, old Version, content []byte) (Version, error)
	// List yields the objects whose names begin with prefix, ordered by name. It ends with
	// the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object. It is not an error if there is none.
	Delete(ctx context.Context, name string) error
	// String says where the store is, as s3://bucket/prefix.
	String() string
}

// Version names one content of an object. If the same content comes back, it may have the
// same version.
type Version string

// None is the version of an object that does not exist.
const None Version = ""

// Info is what a list says of an object.
type Info struct {
	Name    string
	Size    int64
	Written time.Time
}

// Errors of a Store, for errors.Is.
var (
	ErrMissing = errors.New("there is no such object")
	ErrExists  = errors.New("there is an object of that name")
	ErrChanged = errors.New("the object was changed meanwhile")
)

// maxRead is the greatest size that Read accepts, in bytes.
const maxRead = 1 << 30

// CheckName refuses names that some store cannot keep. The elements of a name are
// separated by single slashes, and do not begin with a dot.
func CheckName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.HasPrefix(name, ".") || strings.Contains(name, "/.") || strings.ContainsAny(name, "\\\x00") || len(name) > 900 {
		return fmt.Errorf("%q is no name of an object", name)
	}
	return nil
}

// readAll reads what fits into maxRead.
func readAll(name string, r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRead+1))
	if err == nil && len(text) > maxRead {
		err = fmt.Errorf("%s is larger than %d bytes", name, maxRead)
	}
	return text, err
}

// Update changes an object with fn. fn gets the content, nil if there is none, and returns
// the new content. If another process changed the object meanwhile, fn is called again. fn
// must find out itself whether its change is in the content already, and then return
// ErrDone.
func Update(ctx context.Context, s Store, name string, fn func(old []byte) ([]byte, error)) error {
	for try := 0; ; try++ {
		old, version, err := s.Read(ctx, name)
		if err != nil && !errors.Is(err, ErrMissing) {
			return err
		}
		text, err := fn(old)
		if errors.Is(err, ErrDone) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = s.Swap(ctx, name, version, text)
		if !errors.Is(err, ErrChanged) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// ErrDone is returned by the function of an Update if nothing needs to be changed.
var ErrDone = errors.New("nothing is to be changed")

// pause waits for a random time, longer with each try, so that processes that race do not
// meet again.
func pause(ctx context.Context, try int) error {
	most := time.Millisecond << min(try, 8)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(mathrand.N(most)):
		return nil
	}
}

// probePrefix begins the names of the objects of Probe.
const probePrefix = "probe-"

// Probe checks that a store refuses to create what exists, and to swap what has changed.
// Some S3 servers accept such requests and carry them out: two writers would then destroy
// each other's work.
func Probe(ctx context.Context, s Store) (err error) {
	name := probePrefix + rand.Text()
	defer func() { err = errors.Join(err, s.Delete(context.WithoutCancel(ctx), name)) }()
	first, err := s.Swap(ctx, name, None, []byte("1"))
	if err != nil {
		return fmt.Errorf("write to %s: %w", s, err)
	}
	if err := s.Create(ctx, name, bytes.NewReader([]byte("2"))); !errors.Is(err, ErrExists) {
		return fmt.Errorf("%s cannot be used: it lets an object be created that is there (If-None-Match): %w", s, unheeded(err))
	}
	if _, err := s.Swap(ctx, name, first, []byte("3")); err != nil {
		return fmt.Errorf("write to %s: %w", s, err)
	}
	if _, err := s.Swap(ctx, name, first, []byte("4")); !errors.Is(err, ErrChanged) {
		return fmt.Errorf("%s cannot be used: it lets an object be replaced that has changed (If-Match): %w", s, unheeded(err))
	}
	text, _, err := s.Read(ctx, name)
	if err == nil && string(text) != "3" {
		err = fmt.Errorf("%s cannot be used: it does not give back what was written", s)
	}
	return err
}

func unheeded(err error) error {
	if err == nil {
		return errors.New("the condition was not heeded")
	}
	return err
}

// At opens the store at s3://bucket/prefix or file:///folder. ok is false if at has
// neither form.
func At(at string, a Access) (s Store, ok bool, err error) {
	if dir, ok := strings.CutPrefix(at, "file://"); ok {
		if !filepath.IsAbs(dir) {
			return nil, true, fmt.Errorf("%s: want file:// and the whole path of a folder", at)
		}
		return NewFolder(disk.OS{}, dir), true, nil
	}
	if strings.HasPrefix(at, "s3://") {
		s, err := OpenS3(at, a)
		return s, true, err
	}
	return nil, false, nil
}

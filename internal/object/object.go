// Package object keeps objects by their names: in a folder of this machine, or in
// a bucket of a server that speaks S3.
//
// It guarantees, of every Store alike: an object is there whole or not at all, also
// after the process or the machine died; of several who create an object of one
// name, or who swap one version for another, one succeeds and the others learn
// that they did not; who was told that it succeeded finds what he wrote. What the
// objects mean is left to others. The suite in objecttest holds each Store to that.
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

// Store keeps objects. Its methods may be called by many goroutines, and many
// processes may use one store.
//
// An error other than ErrExists, ErrChanged and ErrMissing leaves open whether the
// thing was done. A client that lost an answer asks again by itself: so ErrExists
// and ErrChanged may be about what the caller himself has just written.
type Store interface {
	// Create puts an object where there is none of its name: ErrExists where there
	// is one. The content is read from its beginning to its end, perhaps twice.
	Create(ctx context.Context, name string, content io.ReadSeeker) error
	// Open reads n bytes from an offset on; with n < 0 all that follow. Fewer are
	// read where the object ends before; an offset behind its end is an error.
	Open(ctx context.Context, name string, from, n int64) (io.ReadCloser, error)
	// Read reads a small object whole, and its version for Swap.
	Read(ctx context.Context, name string) ([]byte, Version, error)
	// Swap puts content in the place of the version that was read, None where there
	// was no object: ErrChanged where another is there by now. It returns the version
	// of the content.
	Swap(ctx context.Context, name string, old Version, content []byte) (Version, error)
	// List gives the objects whose names begin with prefix, in the order of their
	// names. It ends with the first error.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object. One that is not there is no error.
	Delete(ctx context.Context, name string) error
	// String is where it is, as s3://bucket/prefix.
	String() string
}

// Version names one content of an object. The same content may have it again.
type Version string

// None is the version of an object that is not there.
const None Version = ""

// Info is what a listing says of an object.
type Info struct {
	Name    string
	Size    int64
	Written time.Time
}

// Errors of a Store, to be asked for with errors.Is.
var (
	ErrMissing = errors.New("there is no such object")
	ErrExists  = errors.New("there is an object of that name")
	ErrChanged = errors.New("the object was changed meanwhile")
)

// maxRead bounds what Read takes.
const maxRead = 1 << 30

// CheckName refuses names that some store could not keep: elements are separated by
// single slashes and do not begin with a stop.
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

// Update changes an object by fn, which gets its content, nil where it is not there,
// and returns the new one. Where another changed it meanwhile, fn is called again
// with what is there then: it must find by itself whether its change is in that
// already, and then return ErrDone.
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

// ErrDone is what the function of an Update returns where there is nothing to
// change.
var ErrDone = errors.New("nothing is to be changed")

// pause waits for some time by chance, longer with each try, so that those who race
// do not meet again.
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

// Probe makes sure that a store refuses to create what is there and to swap what has
// changed. There are S3 servers that take such a request and do it all the same:
// two who write at a time would then destroy each other's work.
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

// At opens the store at s3://bucket/prefix or file:///folder. ok is false where at is
// of neither form.
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

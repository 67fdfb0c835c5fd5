package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
)

// A copy that is made while others write is an archive: whole, with all that
// was acknowledged before it began, and its rebuild gives the same files.
func TestBackup(t *testing.T) {
	t.Parallel()
	p := open(t)
	copied := filepath.Join(t.TempDir(), "copy")
	acked, _ := keepWriting(t, p, func(ctx context.Context) error {
		_, err := p.Archive.Sweep(ctx, 0, time.Now().Add(24*time.Hour))
		return err
	})
	for round := range 3 {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if len(acked()) > 8*(round+1) || time.Now().After(deadline) {
				break
			}
		}
		before := acked()
		reader, err := archive.OpenExisting(p.Archive.Dir()) // another process
		if err != nil {
			t.Fatal(err)
		}
		done, err := reader.Backup(t.Context(), copied)
		if err != nil || len(done.Damaged) > 0 || done.Copied == 0 || round > 0 && done.There == 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		q, err := newPipeline(copied)
		if err != nil {
			t.Fatal(err)
		}
		if damaged, _, _, err := q.Archive.Check(t.Context()); err != nil || len(damaged) > 0 {
			t.Fatalf("the copy: %v, %v", damaged, err)
		}
		held := verdictsByUID(t, q)
		for _, uid := range before {
			if len(held[uid]) != 1 {
				t.Errorf("%s was acknowledged before the copy and is there %d times", uid, len(held[uid]))
			}
		}
		if round == 2 {
			// A copy has no key: it writes under a ledger of its own.
			if _, err := q.Rebuild(t.Context(), nil); !errors.Is(err, notary.ErrNoKey) {
				t.Errorf("the copy writes without a key: %v", err)
			}
			if err := q.Archive.NewLedger(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			sameAfter(t, q)
		}
	}
	if _, err := p.Archive.Backup(t.Context(), filepath.Join(p.Archive.Dir(), "inside")); err == nil {
		t.Error("a copy within the archive itself")
	}
}

// keepWriting hands in measurements of ZZ until end is called or the test ends; now
// and then segments come and go, and tidy is called. acked are the uids that were
// acknowledged so far.
func keepWriting(t *testing.T, p *Pipeline, tidy func(context.Context) error) (acked func() []string, end func()) {
	t.Helper()
	var mu sync.Mutex
	var uids []string
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	end = func() { stop(); wg.Wait() }
	t.Cleanup(end)
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			r, err := p.Submit(context.Background(), zz(fmt.Sprint("r", i), i%3), Sender{})
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			uids = append(uids, r.UID)
			mu.Unlock()
			if i%10 == 9 {
				_, compacted := p.Compact(context.Background())
				_, counted := p.Count(context.Background())
				if err := errors.Join(compacted, counted, tidy(context.Background())); err != nil {
					t.Error(err)
				}
			}
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(uids)
	}, end
}

// readOnlyDisk is a disk that is mounted to be read.
type readOnlyDisk struct{ archive.Disk }

var errROFS = &fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}

func (readOnlyDisk) CreateTemp(string, string) (archive.File, error) { return nil, errROFS }
func (readOnlyDisk) OpenFile(string, int, fs.FileMode) (archive.File, error) {
	return nil, errROFS
}
func (readOnlyDisk) Rename(string, string) error { return errROFS }
func (readOnlyDisk) Remove(string) error         { return errROFS }

// An archive that cannot be written to is read all the same.
func TestReadOnlyArchive(t *testing.T) {
	t.Parallel()
	p := open(t)
	bring(t, p, Want{}, corpusOf(t, 10, 1))
	a, err := archive.OpenOn(readOnlyDisk{p.Archive.Disk()}, p.Archive.Dir())
	if err != nil || !a.ReadOnly() {
		t.Fatal(err)
	}
	q := &Pipeline{Archive: a, Targets: p.Targets, Now: p.Now}
	if n := len(verdictsByUID(t, q)); n != 10 {
		t.Errorf("%d measurements are read", n)
	}
	if _, err := q.Submit(t.Context(), zz("r", 1), Sender{}); !errors.Is(err, archive.ErrReadOnly) {
		t.Errorf("a submission is answered %v", err)
	}
	if _, err := q.Count(t.Context()); !errors.Is(err, archive.ErrReadOnly) {
		t.Errorf("counting: %v", err)
	}
	if _, err := archive.OpenOn(readOnlyDisk{p.Archive.Disk()}, filepath.Join(t.TempDir(), "none")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("where there is no archive: %v", err)
	}
}

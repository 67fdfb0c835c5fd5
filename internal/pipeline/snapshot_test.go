package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
)

// keep takes a snapshot.
func keep(t *testing.T, p *Pipeline, store object.Store) (archive.Snapshot, archive.BackedUp) {
	t.Helper()
	s, done, err := p.Archive.Snapshot(t.Context(), store, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s, done
}

// restored brings a snapshot back, and makes sure that it is an archive, whole and as
// its ledger says.
func restored(t *testing.T, store object.Store, id string) *Pipeline {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	out, err := archive.Restore(t.Context(), store, id, dir, nil)
	if err != nil || len(out.Damaged) > 0 || out.Files != out.Snapshot.Files || out.Bytes != out.Snapshot.Bytes {
		t.Fatalf("%+v, %v", out, err)
	}
	q, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	if damaged, _, _, err := q.Archive.Check(t.Context()); err != nil || len(damaged) > 0 {
		t.Fatalf("the restored archive: %v, %v", damaged, err)
	}
	if h := held(t, dir); len(h.Wrong) > 0 {
		t.Fatalf("the restored archive is not as its ledger says: %v", h.Wrong)
	}
	return q
}

// settled is an archive without segments that were replaced.
func settled(t *testing.T) *Pipeline {
	t.Helper()
	p := ledgered(t)
	sweep(t, p)
	return p
}

// sweep removes what was replaced, however lately.
func sweep(t *testing.T, p *Pipeline) {
	t.Helper()
	if _, err := p.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// tree is the content of the files that a snapshot has of a data folder.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		top, _, _ := strings.Cut(rel, string(filepath.Separator))
		if err != nil || slices.Contains([]string{"keys", "alerts", "inbox", "lock", "stage.lock", "work.lock", "noted.json"}, top) {
			return err
		}
		text, err := os.ReadFile(p)
		out[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameTree(t *testing.T, want, got map[string]string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if text, there := got[name]; !there || text != want[name] {
			t.Errorf("%s is another one (there: %v)", name, there)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, there := want[name]; !there {
			t.Errorf("%s came from nowhere", name)
		}
	}
}

// What comes back is the archive, byte for byte, from a folder as from a bucket. The
// second snapshot sends what is new and no more.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	at, access := objecttest.Bucket(t)
	bucket, err := object.OpenS3(at+"/a/prefix", access)
	if err != nil {
		t.Fatal(err)
	}
	for name, store := range map[string]object.Store{"bucket": bucket, "folder": object.NewFolder(disk.OS{}, filepath.Join(t.TempDir(), "store"))} {
		t.Run(name, func(t *testing.T) {
			p := settled(t)
			for _, private := range []string{"alerts/subscribers.json", "inbox/note.json"} {
				full := filepath.Join(p.Archive.Dir(), private)
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(full, []byte("tells of persons"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			inside := object.NewFolder(disk.OS{}, filepath.Join(p.Archive.Dir(), "inside"))
			if _, _, err := p.Archive.Snapshot(t.Context(), inside, time.Now()); err == nil {
				t.Error("a store within the archive itself")
			}
			first, done := keep(t, p, store)
			before := tree(t, p.Archive.Dir())
			if first.Files != len(before) || done.Copied == 0 || len(done.Damaged) > 0 {
				t.Errorf("of %d files %+v, %+v", len(before), first, done)
			}
			if _, done := keep(t, p, store); done.Copied > 0 || done.There == 0 {
				t.Errorf("nothing is new, and %+v", done)
			}
			if _, err := p.Submit(t.Context(), zz("later", 1), Sender{}); err != nil {
				t.Fatal(err)
			}
			sweep(t, p)
			last, done := keep(t, p, store)
			if done.Copied == 0 || done.Copied > 24 { // the batch, two segments, the manifest and some of its parts, ends of the ledger, and parts of the list
				t.Errorf("a submission is new, and %+v", done)
			}
			sameTree(t, tree(t, p.Archive.Dir()), tree(t, restored(t, store, "").Archive.Dir()))
			q := restored(t, store, first.ID[:12])
			sameTree(t, before, tree(t, q.Archive.Dir()))

			// It has no key: it writes under a ledger of its own, and not to where it comes from.
			if _, err := q.Rebuild(t.Context(), nil); !errors.Is(err, notary.ErrNoKey) {
				t.Errorf("the restored archive writes without a key: %v", err)
			}
			if err := q.Archive.NewLedger(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if _, _, err := q.Archive.Snapshot(t.Context(), store, time.Now()); err == nil || !strings.Contains(err.Error(), "another archive") {
				t.Errorf("another archive in the same place: %v", err)
			}
			all, err := archive.ReadSnapshots(t.Context(), store)
			if err != nil || len(all.List) != 2 || all.List[1].ID != last.ID {
				t.Errorf("%+v, %v", all, err)
			}
			if _, err := archive.Restore(t.Context(), store, "", q.Archive.Dir(), nil); err == nil || !strings.Contains(err.Error(), "not empty") {
				t.Errorf("over another archive: %v", err)
			}
		})
	}
}

// Snapshots that are taken while others write, and while old ones are removed, hold
// what was acknowledged before they began.
func TestSnapshotsWhileOthersWrite(t *testing.T) {
	t.Parallel()
	p := open(t)
	store := &objecttest.Memory{}
	acked, end := keepWriting(t, p, func(ctx context.Context) error {
		_, swept := p.Archive.Sweep(ctx, time.Minute, time.Now())
		_, noted := p.Archive.NoteFiles(ctx)
		return errors.Join(swept, noted)
	})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() {
		for range 3 {
			if _, err := archive.RemoveSnapshots(ctx, store, 2, time.Now()); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	var ids []string
	for taken := 0; taken < 3 && !t.Failed(); {
		before := acked()
		reader, err := archive.OpenExisting(p.Archive.Dir()) // another process
		if err != nil {
			t.Fatal(err)
		}
		s, _, err := reader.Snapshot(t.Context(), store, time.Now())
		if err != nil && strings.Contains(err.Error(), "remove") { // three times at the most
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		taken++
		held := verdictsByUID(t, restored(t, store, s.ID))
		for _, uid := range before {
			if len(held[uid]) != 1 {
				t.Errorf("%s was acknowledged before and is there %d times", uid, len(held[uid]))
			}
		}
		ids = append(ids, s.ID)
		for now := len(acked()); len(acked()) == now && !t.Failed(); { // the next one has other files
			time.Sleep(time.Millisecond)
		}
	}
	end()
	stop()
	wg.Wait()
	if t.Failed() {
		return
	}
	if _, err := archive.RemoveSnapshots(t.Context(), store, 1, time.Now()); err != nil {
		t.Fatal(err)
	}
	restored(t, store, ids[len(ids)-1])
	if _, err := archive.Restore(t.Context(), store, ids[0], filepath.Join(t.TempDir(), "x"), nil); err == nil {
		t.Error("a snapshot that was removed is restored")
	}
}

// Whatever call to the store fails, before it was done or after: what the store lists
// is whole, and the work can be done again.
func TestSnapshotFaults(t *testing.T) {
	t.Parallel()
	p := settled(t)
	down := errors.New("the line is down")
	work := func(store object.Store) error {
		_, _, err := p.Archive.Snapshot(t.Context(), store, time.Now())
		_, e := archive.RemoveSnapshots(t.Context(), store, 1, time.Now())
		return errors.Join(err, e)
	}
	counting := &objecttest.Memory{}
	if err := work(counting); err != nil {
		t.Fatal(err)
	}
	calls := 0
	for _, n := range counting.Calls() {
		calls += n
	}
	step := 9
	if testing.Short() {
		step = 19
	}
	if n, err := strconv.Atoi(os.Getenv("BANDISH_FAULT_STEP")); err == nil {
		step = n
	}
	for m, after := range []bool{false, true} {
		for at := 1 + m*step/2; at <= calls; at += step {
			store := &objecttest.Memory{}
			var n atomic.Int64
			fail := func(string, string) error {
				if n.Add(1) == int64(at) {
					return down
				}
				return nil
			}
			if store.Before = fail; after {
				store.Before, store.After = nil, fail
			}
			if err := work(store); n.Load() >= int64(at) && err == nil {
				t.Fatalf("call %d of %d, after it was done %v: it is said to be done", at, calls, after)
			}
			store.Before, store.After = nil, nil
			all, err := archive.ReadSnapshots(t.Context(), store)
			if err != nil && !errors.Is(err, object.ErrMissing) {
				t.Fatal(err)
			}
			if err == nil {
				for _, s := range all.List {
					if out, err := archive.CheckSnapshot(t.Context(), store, s.ID, nil); err != nil || len(out.Damaged) > 0 {
						t.Fatalf("call %d of %d, after it was done %v: %+v, %v", at, calls, after, out, err)
					}
				}
			}
			later := time.Now().Add(2 * time.Hour) // what was cut short is taken over then
			if _, err := archive.RemoveSnapshots(t.Context(), store, 1, later); err != nil {
				t.Fatalf("call %d of %d, after it was done %v: removed again: %v", at, calls, after, err)
			}
			s, _ := keep(t, p, store)
			if out, err := archive.CheckSnapshot(t.Context(), store, s.ID, nil); err != nil || len(out.Damaged) > 0 {
				t.Fatalf("call %d of %d, after it was done %v: done again: %+v, %v", at, calls, after, out, err)
			}
		}
	}
	t.Logf("%d calls", calls)
}

// Whatever object is changed, cut or lost: the check and the restore name it, the rest
// comes back, and the next snapshot makes it good again once it is gone.
func TestDamagedStore(t *testing.T) {
	t.Parallel()
	p := settled(t)
	store := &objecttest.Memory{}
	s, _ := keep(t, p, store)
	var names []string
	for o, err := range store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	if len(names) < 10 {
		t.Fatalf("there are %d objects only", len(names))
	}
	for i, name := range names {
		text, _, err := store.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 0:
			changed := slices.Clone(text)
			changed[len(changed)/2] ^= 1
			store.Change(name, changed)
		case 1:
			store.Change(name, text[:len(text)/2])
		case 2:
			store.Lose(name)
		}
		checked, err := archive.CheckSnapshot(t.Context(), store, s.ID, nil)
		if i%4 != 0 && !strings.HasPrefix(name, "files/") && strings.Contains(name, "/") { // a restore costs a second
			if (err == nil) == (len(checked.Damaged) == 0) {
				t.Errorf("%s is damaged: %+v, %v", name, checked, err)
			}
			store.Lose(name)
			s, _ = keep(t, p, store)
			continue
		}
		dir := filepath.Join(t.TempDir(), "restored")
		out, restoreErr := archive.Restore(t.Context(), store, "", dir, nil)
		switch {
		case strings.HasPrefix(name, "snapshots"), strings.HasPrefix(name, "parts/"):
			if err == nil || restoreErr == nil {
				t.Errorf("%s is damaged: %v, %v", name, err, restoreErr)
			}
		case err != nil || len(checked.Damaged) != 1:
			t.Errorf("%s is damaged: %+v, %v", name, checked, err)
		case checked.Damaged[0].Path == "manifest.json":
			if restoreErr == nil {
				t.Errorf("%s is the manifest and is damaged, and it is restored", name)
			}
		case len(out.Damaged) != 1 || out.Files != s.Files-1:
			t.Errorf("%s is damaged: %+v, %v", name, out, restoreErr)
		}
		store.Lose(name)
		if name == "snapshots.json" { // nothing else says what it said
			store.Change(name, text)
			continue
		}
		s, _ = keep(t, p, store)
		if out, err := archive.CheckSnapshot(t.Context(), store, s.ID, nil); err != nil || len(out.Damaged) > 0 {
			t.Fatalf("%s was lost and sent again: %+v, %v", name, out, err)
		}
	}
}

// A restore that is cut short goes on where it was.
func TestRestoreGoesOn(t *testing.T) {
	t.Parallel()
	p := settled(t)
	store := &objecttest.Memory{}
	keep(t, p, store)
	dir := filepath.Join(t.TempDir(), "restored")
	down := errors.New("the line is down")
	var opened atomic.Int64
	for limit := int64(5); ; limit += 5 {
		opened.Store(0)
		store.Before = func(call, _ string) error {
			if call == "open" && opened.Add(1) > limit {
				return down
			}
			return nil
		}
		_, err := archive.Restore(t.Context(), store, "", dir, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, down) || limit > 1000 {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err == nil {
			t.Fatal("the manifest is there, and the rest is not")
		}
	}
	if opened.Load() > 20 {
		t.Errorf("at the end %d objects were read: what was there was read again", opened.Load())
	}
	sameTree(t, tree(t, p.Archive.Dir()), tree(t, dir))
}

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
	"github.com/bandish/bandish/verdict"
)

// inStore opens an archive that lives in a store, over a folder of its own, without a
// moment in which what was read is taken for the newest.
func inStore(t testing.TB, store object.Store, w WorkingCopy) *Archive {
	t.Helper()
	a, err := openInStore(store, t.TempDir(), w)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func openInStore(store object.Store, dir string, w WorkingCopy) (*Archive, error) {
	a, err := at(osDisk{}, dir)
	if err != nil {
		return nil, err
	}
	a.openBucket(store, w)
	a.bucket.fresh = 0
	return a.open()
}

// addOne commits a batch of one document of this name, unless it is there.
func addOne(a *Archive, name string) error {
	err := a.Update(context.Background(), func(u *Update) error {
		u.Why = "import"
		if u.Manifest.Ruleset == "" {
			u.Manifest.Ruleset = "r1"
		}
		line := AppendEntry(nil, &Entry{UID: name, Document: []byte(`{"name":"` + name + `"}`)})
		before := u.Manifest.Totals().Batches
		b, err := u.AddRaw(KindMeasurements, line, 1, time.Unix(1e9, 0))
		if err != nil {
			return err
		}
		if u.Manifest.Totals().Batches == before {
			return errUnchanged
		}
		_, err = AddSegment(u, Segment{Kind: Verdicts, Period: "2024-02-17", Ruleset: "r1"}, []verdict.Row{{UID: name, Raw: b.SHA256, Time: time.Unix(1.7e9, 0)}})
		return err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// names are the documents of an archive, read whole, and how often each is there.
func names(t testing.TB, a *Archive) map[string]int {
	t.Helper()
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, b := range m.Batches() {
		err := a.ReadRaw(b, func(_ uint32, e *Entry) error {
			var d struct{ Name string }
			err := json.Unmarshal(e.Document, &d)
			out[d.Name]++
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sound makes sure that nothing of an archive is damaged, and that it is what its ledger
// says.
func sound(t testing.TB, a *Archive) {
	t.Helper()
	damaged, _, _, err := a.Check(t.Context())
	if err != nil || len(damaged) > 0 {
		t.Errorf("damaged: %v, %v", damaged, err)
	}
	held, err := a.CheckLedger(t.Context())
	if err != nil || len(held.Wrong) > 0 {
		t.Errorf("the ledger: %+v, %v", held, err)
	}
}

func TestBucketKeepsWhatIsCommitted(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	keys := t.TempDir()
	a := inStore(t, store, WorkingCopy{Keys: keys})
	a.Fold = 600 // so that there are parts
	for i := range 20 {
		if err := addOne(a, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	b := inStore(t, store, WorkingCopy{Keys: keys}) // another machine
	got := names(t, b)
	if len(got) != 20 {
		t.Errorf("another machine sees %d documents, want 20", len(got))
	}
	if err := addOne(b, "more"); err != nil {
		t.Fatal(err)
	}
	if got := names(t, a); len(got) != 21 || got["more"] != 1 {
		t.Errorf("the first sees %v", got)
	}
	if err := addOne(a, "and more"); err != nil {
		t.Fatal(err)
	}
	sound(t, a)
	sound(t, b)
	sound(t, inStore(t, store, WorkingCopy{}))
	for o, err := range store.List(t.Context(), "") {
		if err != nil || strings.Contains(o.Name, "key") {
			t.Errorf("the bucket holds %s, %v", o.Name, err)
		}
	}
}

// Sixteen, each with a working copy of his own, commit at the same moment, again and
// again: nothing is lost and nothing is there twice.
func TestBucketRaces(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	keys := t.TempDir()
	const rounds, writers = 4, 16
	var all []*Archive
	for range writers {
		all = append(all, inStore(t, store, WorkingCopy{Keys: keys}))
	}
	for r := range rounds {
		var g sync.WaitGroup
		for i, a := range all {
			g.Go(func() {
				if err := addOne(a, fmt.Sprint(r, "-", i)); err != nil {
					t.Error(err)
				}
			})
		}
		g.Wait()
	}
	got := names(t, all[0])
	for name, n := range got {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
	if len(got) != rounds*writers {
		t.Errorf("there are %d documents, want %d", len(got), rounds*writers)
	}
	sound(t, all[1])
}

// A commit that lost a race, here three times, begins again and sends its batch once.
func TestLostRaceSendsNothingTwice(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	keys := t.TempDir()
	a, b := inStore(t, store, WorkingCopy{Keys: keys}), inStore(t, store, WorkingCopy{Keys: keys})
	sent, races := map[string]int{}, 0
	store.Before = func(call, name string) error {
		switch hook := store.Before; {
		case call == "create" && strings.HasPrefix(name, rawDir+"/"):
			sent[name]++
		case call == "swap" && name == manifestName && races < 3:
			races++
			store.Before = nil
			err := addOne(b, fmt.Sprint("first ", races))
			store.Before = hook
			return err
		}
		return nil
	}
	if err := addOne(a, "last"); err != nil {
		t.Fatal(err)
	}
	store.Before = nil
	if got := names(t, b); races != 3 || len(got) != 4 || len(sent) != 1 {
		t.Fatalf("%d races, %v, %v sent", races, got, sent)
	}
	for name, n := range sent {
		if n != 1 {
			t.Errorf("%s was sent %d times", name, n)
		}
	}
	sound(t, a)
}

// Whatever request fails, before it is done or after: what Update said to be done is
// done, once, and what it did not say may be.
func TestBucketFaults(t *testing.T) {
	t.Parallel()
	lost := errors.New("the line is down")
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			store := &objecttest.Memory{}
			keys := t.TempDir()
			a := inStore(t, store, WorkingCopy{Keys: keys})
			if err := addOne(a, "first"); err != nil {
				t.Fatal(err)
			}
			n := 0
			var mu sync.Mutex
			fail := func(_, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if n++; n == at {
					return lost
				}
				return nil
			}
			if after {
				store.After = fail
			} else {
				store.Before = fail
			}
			said := addOne(a, "second")
			store.After, store.Before = nil, nil
			b := inStore(t, store, WorkingCopy{Keys: keys})
			if got := names(t, b); got["first"] != 1 || said == nil && got["second"] != 1 || got["second"] > 1 {
				t.Fatalf("request %d, after %v, %v: %v", at, after, said, got)
			}
			if err := addOne(b, "third"); err != nil {
				t.Fatalf("request %d, after %v: %v", at, after, err)
			}
			if err := addOne(a, "second"); err != nil {
				t.Fatalf("request %d, after %v: once more: %v", at, after, err)
			}
			if got := names(t, a); got["first"] != 1 || got["second"] != 1 || got["third"] != 1 {
				t.Fatalf("request %d, after %v: %v", at, after, got)
			}
			sound(t, b)
			if n < at {
				if at < 8 {
					t.Fatalf("there were %d requests only", n)
				}
				break
			}
		}
	}
}

// A process that was killed at whatever request leaves an archive that the next one goes
// on with, be it with the same working copy or another.
func TestBucketKilled(t *testing.T) {
	t.Parallel()
	dead := errors.New("killed")
	for _, same := range []bool{true, false} {
		for at := 1; ; at++ {
			store := &objecttest.Memory{}
			keys, dir := t.TempDir(), t.TempDir()
			a, err := openInStore(store, dir, WorkingCopy{Keys: keys})
			if err != nil {
				t.Fatal(err)
			}
			if err := addOne(a, "first"); err != nil {
				t.Fatal(err)
			}
			n := 0
			var mu sync.Mutex
			store.Before = func(_, _ string) error {
				mu.Lock()
				defer mu.Unlock()
				if n++; n >= at {
					return dead
				}
				return nil
			}
			said := addOne(a, "second")
			store.Before = nil
			if !same {
				dir = t.TempDir()
			}
			b, err := openInStore(store, dir, WorkingCopy{Keys: keys})
			if err != nil {
				t.Fatalf("request %d, same copy %v: %v", at, same, err)
			}
			if err := addOne(b, "second"); err != nil {
				t.Fatalf("request %d, same copy %v: %v", at, same, err)
			}
			if got := names(t, b); got["first"] != 1 || got["second"] != 1 {
				t.Fatalf("request %d, same copy %v, %v: %v", at, same, said, got)
			}
			sound(t, b)
			if said == nil {
				break
			}
		}
	}
}

// What is damaged in the bucket is named, by what reads it and by the check.
func TestBucketDamage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		damage func(*objecttest.Memory, string)
		says   string
	}{
		{"other bytes", func(m *objecttest.Memory, name string) { m.Change(name, []byte("x")) }, "SHA-256"},
		{"gone", func(m *objecttest.Memory, name string) { m.Lose(name) }, "missing"},
		{"empty", func(m *objecttest.Memory, name string) { m.Change(name, nil) }, "SHA-256"},
	} {
		for _, kind := range []string{rawDir, Verdicts, manifestDir} {
			t.Run(kind+", "+c.what, func(t *testing.T) {
				store := &objecttest.Memory{}
				keys := t.TempDir()
				a := inStore(t, store, WorkingCopy{Keys: keys})
				a.Fold = 600
				for i := range 8 {
					if err := addOne(a, fmt.Sprint(i)); err != nil {
						t.Fatal(err)
					}
				}
				m, err := a.Manifest()
				if err != nil {
					t.Fatal(err)
				}
				path := map[string]string{rawDir: m.Batches()[0].Path(), Verdicts: m.Segments[0].Path(), manifestDir: m.RestsOn()[1]}[kind]
				c.damage(store, filepath.ToSlash(path))
				damaged, _, _, err := a.Check(t.Context())
				if err != nil || len(damaged) != 1 || damaged[0].Path != path {
					t.Errorf("the check says %v, %v", damaged, err)
				}
				if f, err := a.Open(path); kind != manifestDir && err != nil { // the copy here is whole
					t.Error(err)
				} else if err == nil {
					f.Close()
				}
				b, err := openInStore(store, t.TempDir(), WorkingCopy{})
				if kind == manifestDir {
					if !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), path) {
						t.Errorf("it opens: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var harm *DamagedError
				if _, err := b.Open(path); !errors.As(err, &harm) || harm.Path != path || !strings.Contains(harm.Reason, c.says) {
					t.Errorf("it reads: %v", err)
				}
			})
		}
	}
	t.Run("the root", func(t *testing.T) {
		store := &objecttest.Memory{}
		a := inStore(t, store, WorkingCopy{Keys: t.TempDir()})
		if err := addOne(a, "1"); err != nil {
			t.Fatal(err)
		}
		older, _, err := store.Read(t.Context(), manifestName)
		if err != nil {
			t.Fatal(err)
		}
		if err := addOne(a, "2"); err != nil {
			t.Fatal(err)
		}
		store.Change(manifestName, older)
		if err := addOne(a, "3"); !errors.Is(err, ErrManifest) {
			t.Errorf("an older one was put back: %v", err)
		}
		if _, err := openInStore(store, t.TempDir(), WorkingCopy{}); !errors.Is(err, ErrManifest) {
			t.Errorf("an older one was put back, and another machine: %v", err)
		}
		store.Change(manifestName, append(older[:40:40], older[50:]...))
		if _, err := openInStore(store, t.TempDir(), WorkingCopy{}); !errors.Is(err, ErrManifest) {
			t.Errorf("it is damaged: %v", err)
		}
		store.Lose(manifestName)
		if _, err := openInStore(store, t.TempDir(), WorkingCopy{}); !errors.Is(err, ErrManifest) {
			t.Errorf("it is gone: %v", err)
		}
		if _, err := a.Manifest(); !errors.Is(err, ErrManifest) {
			t.Errorf("it is gone, and one who had it says %v", err)
		}
	})
}

// A copy that was damaged on the machine is fetched again.
func TestWorkingCopyMends(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	a := inStore(t, store, WorkingCopy{Keys: t.TempDir()})
	if err := addOne(a, "1"); err != nil {
		t.Fatal(err)
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	b := inStore(t, store, WorkingCopy{})
	for _, path := range []string{m.Batches()[0].Path(), m.Segments[0].Path()} {
		for range 2 {
			f, err := b.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			full := filepath.Join(b.dir, path)
			if err := errors.Join(os.Remove(full), os.WriteFile(full, []byte("x"), 0o444)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Verify(m.Segments); err != nil {
			t.Error(err)
		}
	}
}

// The copies that a folder holds are bounded; what goes is fetched again.
func TestWorkingCopyIsBounded(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	a := inStore(t, store, WorkingCopy{Keys: t.TempDir()})
	const n = 30
	for i := range n {
		if err := addOne(a, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	_, all := a.bucket.cache.held()
	limit := all / 3
	b := inStore(t, store, WorkingCopy{CacheBytes: limit})
	read := func() {
		t.Helper()
		for _, s := range m.Segments {
			f, err := b.Open(s.Path())
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		if got := names(t, b); len(got) != n {
			t.Fatalf("%d documents", len(got))
		}
	}
	read()
	if _, size := b.bucket.cache.held(); size != all {
		t.Errorf("it holds %d bytes, and what was used just now is %d", size, all)
	}
	b.bucket.cache.keep = 0
	read()
	b.bucket.cache.evict()
	if _, size := b.bucket.cache.held(); size > limit {
		t.Errorf("it holds %d bytes, more than %d", size, limit)
	}
	read()
	sound(t, b)
	err = filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), partPrefix) {
			t.Errorf("%s was left", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who has another key than the others, or none, is told so and commits nothing.
func TestBucketKey(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	a := inStore(t, store, WorkingCopy{Keys: t.TempDir()})
	if err := addOne(a, "1"); err != nil {
		t.Fatal(err)
	}
	for _, keys := range []string{"", t.TempDir()} {
		b := inStore(t, store, WorkingCopy{Keys: keys})
		if err := addOne(b, "2"); err == nil || !strings.Contains(err.Error(), "the same key") {
			t.Errorf("without a key: %v", err)
		}
	}
	other := t.TempDir()
	c := inStore(t, &objecttest.Memory{}, WorkingCopy{Keys: other})
	if err := addOne(c, "1"); err != nil {
		t.Fatal(err)
	}
	d := inStore(t, store, WorkingCopy{Keys: other})
	if err := addOne(d, "2"); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("with another key: %v", err)
	}
	if got := names(t, a); len(got) != 1 {
		t.Errorf("it holds %v", got)
	}
	if err := addOne(a, "3"); err != nil {
		t.Errorf("after who had another key: %v", err)
	}
	sound(t, a)
}

// A bucket has the files of a folder under the same names: one that was filled from a
// folder, the manifest last, goes on where that ended.
func TestFolderMovesToABucket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	old.Fold = 600
	for i := range 12 {
		if err := addOne(old, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sources"), 0o755), os.WriteFile(filepath.Join(dir, "sources", "a"), []byte("a copy"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if n, err := old.NoteFiles(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := addOne(old, "last"); err != nil { // the ledger then ends where the manifest says
		t.Fatal(err)
	}
	store := &objecttest.Memory{}
	send := func(rel string) error {
		f, err := os.Open(filepath.Join(dir, rel))
		if err != nil {
			return err
		}
		defer f.Close()
		return store.Create(t.Context(), filepath.ToSlash(rel), f)
	}
	for _, top := range append([]string{rawDir, manifestDir, "ledger"}, kinds...) {
		err := filepath.WalkDir(filepath.Join(dir, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // this archive has none of that kind
			}
			rel, err := filepath.Rel(dir, path)
			return errors.Join(err, send(rel))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := send(manifestName); err != nil {
		t.Fatal(err)
	}
	a := inStore(t, store, WorkingCopy{Keys: filepath.Join(dir, "keys")})
	a.Fold = 600
	for i := range 5 {
		if err := addOne(a, fmt.Sprint("more-", i)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := a.NoteFiles(t.Context()); n != 0 || err != nil {
		t.Errorf("%d files noted, %v", n, err)
	}
	b := inStore(t, store, WorkingCopy{})
	if got := names(t, b); len(got) != 18 {
		t.Errorf("it holds %d documents", len(got))
	}
	sound(t, b)
}

// What a commit asks of a bucket, where nobody else commits, does not grow with what is
// there.
func TestBucketRequests(t *testing.T) {
	t.Parallel()
	store := &objecttest.Memory{}
	a := inStore(t, store, WorkingCopy{Keys: t.TempDir()})
	sum := func() (n int) {
		for _, calls := range store.Calls() {
			n += calls
		}
		return n
	}
	var first, last int
	for i := range 60 {
		before := sum()
		if err := addOne(a, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		switch last = sum() - before; {
		case i == 9:
			first = last
		case i > 9 && last > first+6: // a commit that folds, or fills a tile, sends some more
			t.Errorf("commit %d took %d requests, an early one %d", i, last, first)
		}
	}
	t.Logf("%d requests a commit, %d after 60: %v", first, last, store.Calls())
}

package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
)

// faultyDisk fails at one call: with an error, with a part of what was to be
// written, or for good as when the power goes. What was not made durable by
// then may be lost, in whatever order.
type faultyDisk struct {
	archive.Disk
	at   int // the call that fails, from 1
	mode string
	side string // for what a rename replaces

	mu    sync.Mutex // guards what follows
	calls int
	dead  bool
	undo  []undoable
}

// undoable is a change of names that a loss of power may undo.
type undoable struct {
	dir  string // durable once this was synced
	back func()
}

var errPower = errors.New("the power is gone")

// call counts a call and says what becomes of it.
func (d *faultyDisk) call() (short bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return false, errPower
	}
	if d.calls++; d.calls != d.at {
		return false, nil
	}
	switch d.mode {
	case "EIO":
		return false, syscall.EIO
	case "ENOSPC":
		return false, syscall.ENOSPC
	case "short":
		return true, syscall.ENOSPC
	}
	d.dead = true
	return true, errPower
}

func (d *faultyDisk) later(dir string, back func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.undo = append(d.undo, undoable{dir, back})
}

// losePower undoes some of what is not durable, the last first.
func (d *faultyDisk) losePower(rnd *rand.Rand) {
	for _, u := range slices.Backward(d.undo) {
		if rnd.IntN(2) == 0 {
			u.back()
		}
	}
}

func (d *faultyDisk) CreateTemp(dir, pattern string) (archive.File, error) {
	if _, err := d.call(); err != nil {
		return nil, err
	}
	f, err := d.Disk.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, d: d, name: f.Name()}, nil
}

func (d *faultyDisk) OpenFile(name string, flag int, perm fs.FileMode) (archive.File, error) {
	if _, err := d.call(); err != nil {
		return nil, err
	}
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, d: d, name: name, durable: st.Size()}, nil
}

func (d *faultyDisk) Open(name string) (*os.File, error) {
	if _, err := d.call(); err != nil {
		return nil, err
	}
	return d.Disk.Open(name)
}

func (d *faultyDisk) MkdirAll(dir string) error {
	if _, err := d.call(); err != nil {
		return err
	}
	return d.Disk.MkdirAll(dir)
}

func (d *faultyDisk) Rename(from, to string) error {
	if _, err := d.call(); err != nil {
		return err
	}
	kept := filepath.Join(d.side, fmt.Sprint(rand.Uint64()))
	had := os.Link(to, kept) == nil
	if err := d.Disk.Rename(from, to); err != nil {
		return err
	}
	d.later(filepath.Dir(to), func() {
		os.Rename(to, from)
		if had {
			os.Rename(kept, to)
		}
	})
	return nil
}

func (d *faultyDisk) Remove(name string) error {
	if _, err := d.call(); err != nil {
		return err
	}
	return d.Disk.Remove(name)
}

func (d *faultyDisk) SyncDir(dir string) error {
	if _, err := d.call(); err != nil {
		return err
	}
	d.mu.Lock()
	d.undo = slices.DeleteFunc(d.undo, func(u undoable) bool { return u.dir == dir })
	d.mu.Unlock()
	return d.Disk.SyncDir(dir)
}

type faultyFile struct {
	archive.File
	d       *faultyDisk
	name    string
	durable int64 // bytes that were there or synced
	wrote   int64
}

func (f *faultyFile) Write(p []byte) (int, error) {
	short, err := f.d.call()
	if err != nil && !short {
		return 0, err
	}
	if short {
		p = p[:len(p)/2]
	}
	n, e := f.File.Write(p)
	if f.wrote == 0 { // what was not synced is lost, of a file under whatever name by then
		inode, size := f.name, f.durable
		st, serr := os.Stat(inode)
		f.d.later("data of "+f.name, func() {
			if serr != nil {
				return
			}
			filepath.WalkDir(filepath.Dir(f.d.side), func(path string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() {
					return nil
				}
				if other, err := os.Stat(path); err == nil && os.SameFile(st, other) {
					os.Chmod(path, 0o644)
					os.Truncate(path, size)
				}
				return nil
			})
		})
	}
	f.wrote += int64(n)
	return n, errors.Join(err, e)
}

func (f *faultyFile) Chmod(m fs.FileMode) error {
	if _, err := f.d.call(); err != nil {
		return err
	}
	return f.File.Chmod(m)
}

func (f *faultyFile) Sync() error {
	if _, err := f.d.call(); err != nil {
		return err
	}
	f.d.mu.Lock()
	f.d.undo = slices.DeleteFunc(f.d.undo, func(u undoable) bool { return u.dir == "data of "+f.name })
	f.d.mu.Unlock()
	return f.File.Sync()
}

func (f *faultyFile) Close() error {
	f.File.Close() // in any case: the test must not run out of files
	_, err := f.d.call()
	return err
}

// faultStory is what a server and an import do in an archive. It goes on after
// an error, and returns the reports of what was acknowledged.
func faultStory(t *testing.T, disk archive.Disk, dir, source string) (acked []string) {
	t.Helper()
	a, err := archive.OpenOn(disk, dir)
	if err != nil {
		return nil
	}
	a.Fold = smallFold
	q, err := newPipeline(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := &Pipeline{Archive: a, Targets: q.Targets, Verifier: q.Verifier, Now: time.Now, Workers: 1}
	submit := func(report string, n int) {
		if r, err := p.Submit(t.Context(), zz(report, n), Sender{}); err == nil {
			acked = append(acked, r.UID)
		}
	}
	submit("one", 1)
	src, err := intake.List(t.Context(), source, intake.Filter{}, intake.Buckets{})
	if err != nil {
		t.Fatal(err)
	}
	p.Import(t.Context(), src, Want{}, nil)
	submit("two", 1)
	p.Compact(t.Context())
	p.Count(t.Context())
	p.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour))
	p.Rebuild(t.Context(), nil)
	submit("three", 2)
	return acked
}

// Whatever call to the disk fails, and however: the archive opens again, holds
// what was acknowledged, once, and nothing half; and the work can be done again.
func TestFaultsAtEveryCall(t *testing.T) {
	t.Parallel()
	step := 251
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		step = 13
	}
	if n, err := strconv.Atoi(os.Getenv("BANDISH_FAULT_STEP")); err == nil { // 1 takes half an hour
		step = n
	}
	source := write(t, "in.jsonl", append(append(append(zz("r", 1), '\n'), append(zz("r", 2), '\n')...), []byte("not json\n")...))
	counting := &faultyDisk{Disk: realDisk(t), side: t.TempDir()}
	if acked := faultStory(t, counting, filepath.Join(t.TempDir(), "data"), source); len(acked) != 3 {
		t.Fatalf("without a fault %d submissions are acknowledged", len(acked))
	}
	if counting.calls < 100 {
		t.Fatalf("the story makes %d calls only", counting.calls)
	}
	rnd := rand.New(rand.NewPCG(11, 12))
	for m, mode := range []string{"EIO", "ENOSPC", "short", "power"} {
		for at := 1 + m*step/4; at <= counting.calls; at += step {
			root := t.TempDir()
			dir, side := filepath.Join(root, "data"), filepath.Join(root, "side")
			if err := os.Mkdir(side, 0o755); err != nil {
				t.Fatal(err)
			}
			disk := &faultyDisk{Disk: realDisk(t), at: at, mode: mode, side: side}
			acked := faultStory(t, disk, dir, source)
			if mode == "power" {
				disk.losePower(rnd)
			}
			if t.Failed() {
				return
			}
			checkFaulty(t, fmt.Sprintf("%s at call %d of %d", mode, at, counting.calls), dir, source, acked)
			os.RemoveAll(root)
		}
	}
	t.Logf("%d calls", counting.calls)
}

func realDisk(t *testing.T) archive.Disk {
	t.Helper()
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a.Disk()
}

func checkFaulty(t *testing.T, what, dir, source string, acked []string) {
	t.Helper()
	p, err := newPipeline(dir)
	if err != nil {
		t.Fatalf("%s: it does not open again: %v", what, err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	damaged, _, _, err := p.Archive.Check(t.Context())
	if err != nil || len(damaged) > 0 {
		t.Fatalf("%s: %v, %v", what, damaged, err)
	}
	if h := held(t, dir); len(h.Wrong) > 0 {
		t.Fatalf("%s: not as the ledger says: %v", what, h.Wrong)
	}
	docs, rows := 0, int64(0)
	for _, b := range m.Batches() {
		docs += b.Documents
	}
	for _, s := range m.Select(archive.Verdicts, m.Ruleset) {
		rows += s.Rows
	}
	if int64(docs) != rows {
		t.Fatalf("%s: %d documents and %d verdicts", what, docs, rows)
	}
	held := verdictsByUID(t, p)
	for _, uid := range acked {
		if len(held[uid]) != 1 {
			t.Fatalf("%s: %s was acknowledged and is there %d times", what, uid, len(held[uid]))
		}
	}
	for _, r := range []struct {
		report string
		n      int
	}{{"one", 1}, {"two", 1}, {"three", 2}} {
		if _, err := p.Submit(t.Context(), zz(r.report, r.n), Sender{}); err != nil {
			t.Fatalf("%s: then a submission: %v", what, err)
		}
	}
	bring(t, p, Want{}, source)
	if held := verdictsByUID(t, p); len(held) != 5 {
		t.Fatalf("%s: done again there are %d measurements, want 5", what, len(held))
	}
	for uid, rows := range verdictsByUID(t, p) {
		if len(rows) != 1 {
			t.Fatalf("%s: done again %s is there %d times", what, uid, len(rows))
		}
	}
}

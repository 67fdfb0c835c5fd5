package notary

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// quickDisk syncs nothing, and counts the files that are opened to be read.
type quickDisk struct {
	disk.OS
	opened atomic.Int64
}

type quickFile struct{ disk.File }

func (quickFile) Sync() error { return nil }

func (*quickDisk) SyncDir(string) error { return nil }

func (d *quickDisk) CreateTemp(dir, pattern string) (disk.File, error) {
	f, err := d.OS.CreateTemp(dir, pattern)
	return quickFile{f}, err
}

func (d *quickDisk) Open(name string) (*os.File, error) {
	d.opened.Add(1)
	return d.OS.Open(name)
}

// A proof reads few tiles, however large the log is: in the long run it has two
// million entries, or as many as BANDISH_ENTRIES says.
func TestProofsInALargeLog(t *testing.T) {
	n := 70_000
	if os.Getenv("BANDISH_LONG") != "" {
		n = 2_000_000
	}
	if s := os.Getenv("BANDISH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	d := &quickDisk{}
	data := t.TempDir()
	begun(t, data, "log.example")
	l := Open(d, data)
	began := time.Now()
	for left := n; left > 0; {
		k := min(left, 1<<16)
		entries := make([][]byte, k)
		for i := range entries {
			entries[i] = fmt.Appendf(nil, `{"n":%d}`, left-i)
		}
		if _, err := l.Append(entries); err != nil {
			t.Fatal(err)
		}
		left -= k
	}
	built := time.Since(began)
	c, _, err := l.Checkpoint()
	if err != nil || c.Size != int64(n)+1 {
		t.Fatal(c, err)
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	var took []time.Duration
	for range 200 {
		i := rnd.Int64N(c.Size)
		d.opened.Store(0)
		began := time.Now()
		p, err := l.Prove(i)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
		if opened := d.opened.Load(); opened > 16 {
			t.Fatalf("the proof of entry %d reads %d files", i, opened)
		}
		e, err := l.Entry(c, i)
		if err != nil {
			t.Fatal(err)
		}
		if err := ledger.CheckInclusion(p.Hashes, c.Size, c.Root, i, ledger.LeafHash(e)); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	t.Logf("%d entries in %.1f s without syncs; a proof takes %v (median), %v (99 of 100)", n, built.Seconds(), took[len(took)/2], took[len(took)*99/100])
}

// Entries are appended in few steps, whatever their number: each is a file that
// is synced.
func TestAppendInFewSteps(t *testing.T) {
	data := t.TempDir()
	begun(t, data, "log.example")
	for _, k := range []int{1, 100} {
		l := Open(&failingDisk{Disk: disk.OS{}, left: 1 << 30}, data)
		grow(t, l, files(0, 1)...) // what is done once a process
		counting := &failingDisk{Disk: disk.OS{}, left: 1 << 30}
		l.disk = counting
		began := time.Now()
		const times = 10
		for range times {
			grow(t, l, files(0, k)...)
		}
		took := time.Since(began)
		steps := (1<<30 - counting.left) / times
		t.Logf("%d entries at a time: %d steps, %.0f entries/s", k, steps, float64(times*k)/took.Seconds())
		if steps > 40 {
			t.Errorf("appending %d entries takes %d steps", k, steps)
		}
	}
	if list, _ := filepath.Glob(filepath.Join(data, Dir, disk.Part+"*")); len(list) > 0 {
		t.Errorf("files that were begun are left: %v", list)
	}
}

// BenchmarkAppend appends 100 entries at a time: as long as it lasts, durable each
// time.
func BenchmarkAppend(b *testing.B) {
	data := b.TempDir()
	l := Open(disk.OS{}, data)
	if _, err := l.Begin("log.example"); err != nil {
		b.Fatal(err)
	}
	entries, n := make([][]byte, 100), 0
	for b.Loop() {
		for i := range entries {
			entries[i] = fmt.Appendf(nil, `{"n":%d}`, n)
			n++
		}
		if _, err := l.Append(entries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
}

package pipeline

import (
	"bytes"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/notary"
)

// BenchmarkSubmit lets 32 senders hand in measurements of one day, each the next
// when the one before is acknowledged: durable, and in the ledger.
func BenchmarkSubmit(b *testing.B) {
	p, err := newPipeline(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := p.Submit(b.Context(), zz("begun", 1), Sender{}); err != nil {
		b.Fatal(err)
	}
	var n atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for i := range 32 {
		all.Go(func() {
			for k := n.Add(1); k <= int64(b.N); k = n.Add(1) {
				if _, err := p.Submit(b.Context(), zz(fmt.Sprint("bench", k), 1), Sender{Key: [16]byte{byte(i)}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submissions/s")
	m, err := p.Archive.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(m.Batches())-1)/b.Elapsed().Seconds(), "commits/s")
}

// timedDisk adds up for how long the ledger's files are waited for; free does not wait.
type timedDisk struct {
	archive.Disk
	data   string
	free   bool
	ledger atomic.Int64 // nanoseconds
}

func (d *timedDisk) sync(path string, do func() error) error {
	below := strings.TrimPrefix(path, d.data+string(filepath.Separator))
	if !strings.HasPrefix(below, notary.Dir) && !strings.HasPrefix(below, notary.KeyDir) {
		return do()
	}
	if d.free {
		return nil
	}
	began := time.Now()
	defer func() { d.ledger.Add(int64(time.Since(began))) }()
	return do()
}

func (d *timedDisk) SyncDir(dir string) error {
	return d.sync(dir, func() error { return d.Disk.SyncDir(dir) })
}

func (d *timedDisk) CreateTemp(dir, pattern string) (archive.File, error) {
	f, err := d.Disk.CreateTemp(dir, pattern)
	return timedFile{f, d}, err
}

type timedFile struct {
	archive.File
	d *timedDisk
}

func (f timedFile) Sync() error { return f.d.sync(f.Name(), f.File.Sync) }

// BenchmarkLedgerOfImport imports OONI's documents twice, in turn: as it is, and with
// a ledger whose files are not waited for. It gives the sum of the waits, the
// medians of both, and of the processor time of the import the part that is the
// ledger's: all its work is done once more, alone, for the same documents.
func BenchmarkLedgerOfImport(b *testing.B) {
	src := filepath.Join(b.TempDir(), "ooni")
	ooniCorpus(b, src, benchSize(b, "BANDISH_BENCH_TIMES", 20))
	took := map[bool][]time.Duration{}
	var waits, used, ledgers time.Duration
	for b.Loop() {
		for _, free := range []bool{len(took[true])%2 == 1, len(took[true])%2 == 0} { // by turns first
			runtime.GC() // of what the one before left
			p, err := newPipeline(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			d := &timedDisk{Disk: p.Archive.Disk(), data: filepath.Join(b.TempDir(), "data"), free: free}
			if p.Archive, err = archive.OpenOn(d, d.data); err != nil {
				b.Fatal(err)
			}
			sources, err := intake.List(b.Context(), src, intake.Filter{}, intake.Buckets{})
			if err != nil {
				b.Fatal(err)
			}
			began, before := time.Now(), processorTime()
			if _, err := p.Import(b.Context(), sources, Want{}, nil); err != nil {
				b.Fatal(err)
			}
			took[free] = append(took[free], time.Since(began))
			waits += time.Duration(d.ledger.Load())
			if !free {
				used += processorTime() - before
				ledgers += ledgerAlone(b, p.Archive, d.data)
			}
		}
	}
	for free, name := range map[bool]string{false: "s/import", true: "s/without"} {
		slices.Sort(took[free])
		b.ReportMetric(took[free][len(took[free])/2].Seconds(), name)
	}
	b.ReportMetric(waits.Seconds()/float64(len(took[false])), "s-waits")
	b.ReportMetric(used.Seconds()/float64(len(took[false])), "cpu-s/import")
	b.ReportMetric(100*ledgers.Seconds()/used.Seconds(), "%ledger")
}

// ledgerAlone does the ledger's work for an archive again, and gives its processor
// time: the leaf of each document, the root over those of a batch, and a log of the
// same entries. The hash of a document is not in it: the archive knows documents by
// it, with a ledger or without.
func ledgerAlone(b *testing.B, a *archive.Archive, data string) time.Duration {
	b.Helper()
	m, err := a.Manifest()
	if err != nil {
		b.Fatal(err)
	}
	packer, err := archive.NewPacker()
	if err != nil {
		b.Fatal(err)
	}
	var heads [][]byte
	var known []archive.Entry
	for _, batch := range m.Batches() {
		err := a.ReadRaw(batch, func(_ uint32, e *archive.Entry) error {
			head, err := packer.Add(e)
			if err != nil {
				return err
			}
			e.Sum()
			heads, known = append(heads, bytes.Clone(head)), append(known, *e)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if len(known) == 0 {
		b.Fatal("the archive has no documents")
	}
	log := notary.Open(a.Disk(), data)
	c, _, err := log.Checkpoint()
	if err != nil {
		b.Fatal(err)
	}
	var entries [][]byte
	err = log.Entries(c, 1, func(_ int64, text []byte) error { // the first is of Begin
		entries = append(entries, bytes.Clone(text))
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	again := notary.Open(a.Disk(), b.TempDir())
	before := processorTime()
	var holds contents
	for i := range known {
		holds.add(&item{}, &known[i], heads[i])
	}
	holds.done()
	if _, err := again.Begin("bench.example/log"); err != nil {
		b.Fatal(err)
	}
	if _, err := again.Append(entries); err != nil {
		b.Fatal(err)
	}
	return processorTime() - before
}

package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// readsDisk syncs nothing, and counts the files that are opened to be read.
type readsDisk struct {
	disk.OS
	opened atomic.Int64
}

type unsyncedFile struct{ disk.File }

func (unsyncedFile) Sync() error { return nil }

func (*readsDisk) SyncDir(string) error { return nil }

func (d *readsDisk) CreateTemp(dir, pattern string) (disk.File, error) {
	f, err := d.OS.CreateTemp(dir, pattern)
	return unsyncedFile{f}, err
}

func (d *readsDisk) Open(name string) (*os.File, error) {
	d.opened.Add(1)
	return d.OS.Open(name)
}

func shaOf(n int) string {
	sum := sha256.Sum256(strconv.AppendInt(nil, int64(n), 10))
	return hex.EncodeToString(sum[:])
}

// commitEntries are those of commit n: a batch, a state, and sometimes a dated ban.
func commitEntries(t testing.TB, n int) [][]byte {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, n%86400, 0, time.UTC)
	list := []ledger.Entry{
		{Type: ledger.TypeBatch, Batch: &ledger.Batch{SHA256: shaOf(n), Kind: "measurements", Documents: 256, Root: shaOf(-n), Received: at, Earliest: "2026-01-01", Latest: "2026-01-01", Channels: map[string]int{"submitted": 256}}},
		{Type: ledger.TypeState, State: &ledger.State{Generation: uint64(n), Why: "submit", Ruleset: "1-00000000", Manifest: shaOf(n + 1)}},
	}
	if n%100 == 0 {
		list = append(list, ledger.Entry{Type: ledger.TypeEvent, Event: &ledger.Event{ID: fmt.Sprintf("zz-sample-%d", n/1000), Action: ledger.Revised, CC: "ZZ", Target: "sample", SHA256: shaOf(n), Generation: uint64(n)}},
			ledger.Entry{Type: ledger.TypeCorrection, Correction: &ledger.Correction{Of: fmt.Sprintf("zz-sample-%d", n/1000), Text: "an example"}})
	}
	var out [][]byte
	for _, e := range list {
		e.Time = at
		text, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}

// Whoever asks for entries by their names reads the ledger once, and then few files,
// however long it is. BANDISH_ENTRIES sets its length for figures.
func TestEntriesAreFoundByName(t *testing.T) {
	n := 20_000
	if s := os.Getenv("BANDISH_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	d := &readsDisk{}
	a := &Archive{log: notary.Open(d, t.TempDir())}
	note, err := a.log.Begin("log.example")
	if err != nil {
		t.Fatal(err)
	}
	first := ledger.Entry{Type: ledger.TypeKey, Time: time.Now(), Key: &ledger.Key{Note: string(note)}}
	text, err := first.Encode()
	if err != nil {
		t.Fatal(err)
	}
	entries, commits, total := [][]byte{text}, 0, 0
	began := time.Now()
	for total < n {
		for len(entries) < min(1<<16, n) {
			commits++
			entries = append(entries, commitEntries(t, commits)...)
		}
		c, err := a.log.Append(entries)
		if err != nil {
			t.Fatal(err)
		}
		entries, total = entries[:0], int(c.Size)
	}
	c, _, err := a.log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d entries made in %.1f s", c.Size, time.Since(began).Seconds())
	if n > 1_000_000 { // for the figures: as it was found before
		began = time.Now()
		if err := a.log.Entries(c, 0, func(_ int64, text []byte) error { _, err := ledger.Parse(text); return err }); err != nil {
			t.Fatal(err)
		}
		t.Logf("by reading all of it: %.1f s each time", time.Since(began).Seconds())
	}
	began = time.Now()
	if err := a.ReadLedger(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("the index: %.1f s once", time.Since(began).Seconds())
	began = time.Now()
	const asked = 100
	for i := range asked {
		k := 1 + i*(commits-1)/asked
		k -= k % 1000 // whose last revision is another's
		k += 7
		d.opened.Store(0)
		at, text, found, err := a.LastEntry(t.Context(), c, ledger.NameOfBatch(shaOf(k)))
		if e, perr := ledger.Parse(text); err != nil || !found || perr != nil || e.Batch.SHA256 != shaOf(k) {
			t.Fatalf("batch %d: entry %d, %t, %v", k, at, found, err)
		}
		if opened := d.opened.Load(); opened > 16 {
			t.Fatalf("an entry is found by reading %d files", opened)
		}
	}
	t.Logf("an entry: %s", (time.Since(began) / asked).Round(time.Microsecond))
	// Of several the last stands, and one that is added is found.
	id := "zz-sample-1"
	_, text, found, err := a.LastEntry(t.Context(), c, ledger.NameOfEvent(id))
	if e, perr := ledger.Parse(text); err != nil || !found || perr != nil || e.Event.Generation != 1900 {
		t.Errorf("the last revision of %s: %s, %v", id, text, err)
	}
	if list, err := a.Corrections(t.Context(), id, "nothing"); err != nil || len(list) != 10 || list[0].Entry.Correction.Of != id {
		t.Errorf("%d corrections, %v", len(list), err)
	}
	if _, _, found, err := a.LastEntry(t.Context(), c, ledger.NameOfBatch(shaOf(commits+1))); found || err != nil {
		t.Errorf("a batch that is not there is found: %v", err)
	}
	now, err := a.log.Append(commitEntries(t, commits+1))
	if err != nil {
		t.Fatal(err)
	}
	if at, _, found, err := a.LastEntry(t.Context(), now, ledger.NameOfBatch(shaOf(commits+1))); !found || at < c.Size || err != nil {
		t.Errorf("a batch that was added: %d, %t, %v", at, found, err)
	}
	if _, _, found, err := a.LastEntry(t.Context(), c, ledger.NameOfBatch(shaOf(commits+1))); found || err != nil {
		t.Errorf("an older checkpoint covers it: %v", err)
	}
}

// What the index reads out of the text of an entry is what the entry is about.
func TestNamesByText(t *testing.T) {
	for n := range 300 {
		for _, text := range commitEntries(t, n) {
			e, err := ledger.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprint(namesIn(text)), fmt.Sprint(e.Names()); got != want || ledger.TypeOf(text) != e.Type {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	}
	if got := ledger.TypeOf([]byte("nothing")); got != "" {
		t.Error(got)
	}
}

// What is remembered of raw batches is bounded; of segments, none is forgotten.
func TestChecksAreBounded(t *testing.T) {
	var c checks
	for i := range maxRawChecks + 10 {
		c.put(filepath.Join(rawDir, fmt.Sprint(i)), checked{})
		c.put(filepath.Join(Verdicts, fmt.Sprint(i)), checked{})
	}
	if _, is := c.get(filepath.Join(rawDir, fmt.Sprint(maxRawChecks+9))); len(c.raw) != maxRawChecks || !is {
		t.Errorf("%d raw batches are remembered, want %d with the newest", len(c.raw), maxRawChecks)
	}
	if len(c.done) != maxRawChecks+10 {
		t.Errorf("%d segments are remembered, want all %d", len(c.done), maxRawChecks+10)
	}
}

package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// listed adds batches to an update that are in no file: manifests are what these tests
// are about.
func (u *Update) listed(shas ...string) {
	for _, sha := range shas {
		b := Batch{SHA256: sha, Kind: KindMeasurements, Documents: 7, Bytes: 1 << 20, RawBytes: 2 << 20, Added: time.Unix(1_700_000_000, 0).UTC(), Clock: ClockEntries}
		if u.holds == nil {
			u.holds = map[string]Contents{}
		}
		u.holds[sha] = Contents{Root: sha, Earliest: "2024-02-17", Latest: "2024-02-18", Channels: map[string]int{"collector": 7}}
		u.Manifest.list(b)
	}
}

func shaOf64(n int) string {
	return fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15) + strings.Repeat("0", 48)
}

func commit(t testing.TB, a *Archive, fn func(*Update)) {
	t.Helper()
	if err := a.Update(context.Background(), func(u *Update) error { fn(u); return nil }); err != nil {
		t.Fatal(err)
	}
}

func manifestOf(t testing.TB, a *Archive) *Manifest {
	t.Helper()
	m, err := a.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// opened is an archive that folds its manifest once it holds so many bytes. It does not
// wait for the disk.
func opened(t testing.TB, dir string, fold int) *Archive {
	t.Helper()
	a, err := OpenOn(&countingDisk{Disk: osDisk{}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	a.Fold = fold
	return a
}

// asLedger fails where an archive is not as its ledger says.
func asLedger(t testing.TB, dir string) {
	t.Helper()
	a, err := OpenToCheck(dir)
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.CheckLedger(t.Context())
	if err != nil || len(h.Wrong) > 0 {
		t.Fatalf("%+v, %v", h, err)
	}
}

// Whatever commits add, replace and take away: who writes, who reads along, and who
// opens the archive afterwards see the same, and it is what was put in.
func TestPartsHoldWhatWasListed(t *testing.T) {
	t.Parallel()
	for _, fold := range []int{1, 2_000, 1 << 20} {
		t.Run(fmt.Sprint(fold), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(5, uint64(fold)))
			dir := filepath.Join(t.TempDir(), "data")
			writers := []*Archive{opened(t, dir, fold), opened(t, dir, fold)}
			reader := opened(t, dir, fold)
			var batches []string
			segments := map[string]Segment{}
			n := 0
			for i := range 40 {
				a := writers[rnd.IntN(2)]
				commit(t, a, func(u *Update) {
					for range rnd.IntN(4) {
						n++
						batches = append(batches, shaOf64(n))
						u.listed(shaOf64(n))
					}
					u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s Segment) bool {
						if rnd.IntN(10) != 0 {
							return false
						}
						delete(segments, s.key())
						return true
					})
					for range rnd.IntN(25) {
						n++
						s := Segment{Kind: []string{Verdicts, Observations, Cells}[rnd.IntN(3)], Period: fmt.Sprintf("2024-02-%02d", 1+rnd.IntN(28)), Ruleset: []string{"", "1-a"}[rnd.IntN(2)], SHA256: shaOf64(n), Rows: int64(n), Bytes: 9}
						if s.Kind == Cells {
							s.Period, s.Countries = s.Period[:7], map[string]string{"ZZ": shaOf64(n)}
						}
						segments[s.key()] = s
						u.Manifest.Segments = append(u.Manifest.Segments, s)
					}
				})
				for name, m := range map[string]*Manifest{"the writer": manifestOf(t, a), "a reader": manifestOf(t, reader), "a new reader": manifestOf(t, opened(t, dir, fold))} {
					var have []string
					for _, b := range m.Batches() {
						have = append(have, b.SHA256)
					}
					if !slices.Equal(have, batches) {
						t.Fatalf("commit %d: %s sees the batches %v, want %v", i, name, have, batches)
					}
					got := map[string]Segment{}
					for _, s := range m.Segments {
						got[s.key()] = s
					}
					if len(got) != len(m.Segments) || !maps.EqualFunc(got, segments, func(a, b Segment) bool { return a.same(&b) }) {
						t.Fatalf("commit %d: %s sees %d segments, want %d", i, name, len(m.Segments), len(segments))
					}
					if !slices.IsSortedFunc(m.Segments, func(a, b Segment) int { return compareSegments(&a, &b) }) {
						t.Fatalf("commit %d: %s sees segments out of order", i, name)
					}
					if sum := m.Totals(); sum.Batches != len(batches) || sum.Documents[KindMeasurements] != 7*len(batches) {
						t.Fatalf("commit %d: %+v", i, sum)
					}
				}
				for _, p := range manifestOf(t, a).base().segments {
					if len(p.list) == 0 || p.ref.Entries != len(p.list) {
						t.Fatalf("commit %d: a part has %d segments and says %d", i, len(p.list), p.ref.Entries)
					}
				}
				if i%10 == 9 {
					if _, err := a.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil {
						t.Fatal(err)
					}
				}
			}
			asLedger(t, dir)
			m := manifestOf(t, reader)
			if folded := len(m.RestsOn()) > 0; folded != (fold < 1<<20) {
				t.Errorf("with %d bytes in the root it rests on %v", fold, m.RestsOn())
			}
		})
	}
}

// A segment that comes and goes again and again leaves few parts, and none too large.
func TestPartsStayOfASize(t *testing.T) {
	t.Parallel()
	a := opened(t, t.TempDir(), 1)
	day := func(n int) []Segment {
		out := make([]Segment, n)
		for i := range out {
			out[i] = Segment{Kind: Verdicts, Period: "2024-02-17", Ruleset: "1-a", SHA256: shaOf64(i + 1), Rows: 1, Bytes: 9}
		}
		return out
	}
	for _, n := range []int{3, 2_000, 1_900, 40, 3, 800, 1} {
		commit(t, a, func(u *Update) { u.Manifest.Segments = day(n) })
		x := manifestOf(t, a).base()
		text, _, err := textOf(manifestOf(t, a).Segments)
		if err != nil {
			t.Fatal(err)
		}
		if most := 2 + 3*len(text)/maxMapPart; len(x.segments) > most {
			t.Errorf("%d segments stand in %d parts, want %d or fewer", n, len(x.segments), most)
		}
		for _, p := range x.segments {
			text, _, err := textOf(p.list)
			if err != nil || len(text) > maxMapPart {
				t.Errorf("a part has %d bytes (%v)", len(text), err)
			}
		}
	}
}

// A manifest of an older program is read as it is, and gets parts with the next commit.
func TestOlderManifest(t *testing.T) {
	t.Parallel()
	for _, fold := range []int{0, 1} {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.CopyFS(dir, os.DirFS("testdata/format1")); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "keys", "ledger.key"), 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("testdata/format1/manifest.json")
		if err != nil || !bytes.HasPrefix(text, []byte(`{"format":1,`)) {
			t.Fatalf("%.40s, %v", text, err)
		}
		asLedger(t, dir)
		a := opened(t, dir, fold)
		before := manifestOf(t, a)
		if len(before.Batches()) != 2 || len(before.Segments) != 8 || before.Generation != 4 || before.Format != 1 {
			t.Fatalf("%d batches, %d segments, generation %d, format %d", len(before.Batches()), len(before.Segments), before.Generation, before.Format)
		}
		if again, _, err := before.encode(); err != nil || !bytes.HasPrefix(text, again[:len(again)-1]) {
			t.Errorf("it is written otherwise than it was read: %s, %v", again, err)
		}
		commit(t, a, func(u *Update) { u.listed(shaOf64(1)) })
		asLedger(t, dir)
		now := manifestOf(t, opened(t, dir, fold))
		if now.Format != formatVersion || len(now.Batches()) != 3 || !slices.Equal(now.Batches()[:2], before.Batches()) ||
			!slices.EqualFunc(now.Segments, before.Segments, func(a, b Segment) bool { return a.same(&b) }) {
			t.Errorf("after a commit it lists %+v", now)
		}
		if parts := len(now.RestsOn()); parts > 0 != (fold == 1) {
			t.Errorf("with Fold %d it rests on %d files", fold, parts)
		}
	}
}

// Whatever happens to a part, the archive says so, and a recovery makes the manifest anew.
func TestDamagedPart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	a := opened(t, dir, 1)
	add := func(a *Archive, text string) {
		t.Helper()
		commit(t, a, func(u *Update) {
			if _, err := u.AddRaw(KindMeasurements, []byte(text+"\n"), 1, time.Unix(0, 0)); err != nil {
				t.Fatal(err)
			}
		})
	}
	for i := range 3 {
		add(a, fmt.Sprint(i))
	}
	rests := manifestOf(t, a).RestsOn()
	if len(rests) < 3 {
		t.Fatalf("it rests on %v", rests)
	}
	for _, path := range rests {
		for what, harm := range map[string]func(string, []byte) error{
			"a flip": func(p string, b []byte) error {
				b = bytes.Clone(b)
				b[len(b)/2] ^= 4
				return os.WriteFile(p, b, 0o644)
			},
			"a cut":    func(p string, b []byte) error { return os.WriteFile(p, b[:len(b)-1], 0o644) },
			"more":     func(p string, b []byte) error { return os.WriteFile(p, append(bytes.Clone(b), 0), 0o644) },
			"the loss": func(p string, _ []byte) error { return os.Remove(p) },
		} {
			full := filepath.Join(dir, path)
			was, err := os.ReadFile(full)
			if err != nil {
				t.Fatal(err)
			}
			os.Chmod(full, 0o644)
			if err := harm(full, was); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); !errors.Is(err, ErrManifest) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "archive recover") {
				t.Errorf("%s of %s: it opens: %v", what, path, err)
			}
			if bad, _, _, err := a.Check(t.Context()); err != nil || len(bad) != 1 || bad[0].Path != path {
				t.Errorf("%s of %s: a check by who has it in memory names %v, %v", what, path, bad, err)
			}
			if err := os.WriteFile(full, was, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	asLedger(t, dir)
	if err := os.Remove(filepath.Join(dir, rests[len(rests)-1])); err != nil {
		t.Fatal(err)
	}
	b, found, err := Recover(t.Context(), dir, time.Now(), func(Segment) bool { return true })
	if err != nil || found.Batches != 3 || len(found.Damaged) > 0 {
		t.Fatalf("%+v, %v", found, err)
	}
	b.Fold = 1
	add(b, "after")
	asLedger(t, dir)
}

// A recovery keeps the manifest that was there, and sweeping keeps what that rests on.
func TestManifestPutAsideStaysWhole(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	a := opened(t, dir, 1)
	commit(t, a, func(u *Update) {
		if _, err := u.AddRaw(KindMeasurements, []byte("1\n"), 1, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	})
	b, found, err := Recover(t.Context(), dir, time.Now(), func(Segment) bool { return true })
	if err != nil || found.Before == "" {
		t.Fatalf("%+v, %v", found, err)
	}
	b.Fold = 1
	commit(t, b, func(*Update) {})
	if _, err := b.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, found.Before))
	if err != nil {
		t.Fatal(err)
	}
	if old, err := b.parseManifest(text, nil); err != nil || len(old.Batches()) != 1 {
		t.Errorf("what was put aside cannot be read any more: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, found.Before)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, manifestDir))
	if rests := manifestOf(t, b).RestsOn(); err != nil || len(files) != len(rests) {
		t.Errorf("%d files are left, and the manifest rests on %d (%v)", len(files), len(rests), err)
	}
}

// What was replaced stays for those who read an older root, and goes in the end.
func TestReplacedPartsStayAWhile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	a := opened(t, dir, 1)
	commit(t, a, func(u *Update) { u.listed(shaOf64(1)) })
	old, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-30 * 24 * time.Hour)
	for _, p := range manifestOf(t, a).RestsOn() { // written long ago, replaced now
		if err := os.Chtimes(filepath.Join(dir, p), long, long); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, a, func(u *Update) { u.listed(shaOf64(2)) })
	for _, after := range []time.Duration{0, Grace / 2} {
		if _, err := a.Sweep(t.Context(), Grace, time.Now().Add(after)); err != nil {
			t.Fatal(err)
		}
		if m, err := a.parseManifest(old, nil); err != nil || len(m.Batches()) != 1 {
			t.Fatalf("%s later the root before cannot be read: %v", after, err)
		}
	}
	if _, err := a.Sweep(t.Context(), Grace, time.Now().Add(3*Grace)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.parseManifest(old, nil); err == nil {
		t.Error("what was replaced long ago is still there")
	}
	asLedger(t, dir)
}

// What an index and parts say is not trusted.
func TestHostileParts(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	a := opened(t, dir, 1)
	commit(t, a, func(u *Update) {
		u.listed(shaOf64(1))
		u.Manifest.Segments = []Segment{{Kind: Verdicts, Period: "2024-02-17", SHA256: shaOf64(2)}}
	})
	if err := a.packer.open(); err != nil {
		t.Fatal(err)
	}
	f := &folding{a: a}
	part := func(text string, n int) partRef { return f.pack([]byte(text), n, partRef.path) }
	sum := shaOf64(3)
	good := part(`{"kind":"verdicts","period":"2024-02-17","ruleset":"","sha256":"`+sum+`","rows":1,"bytes":1}`+"\n", 1)
	for name, text := range map[string]string{
		"no JSON":               "{",
		"a part of no name":     `{"batches":[{"sha256":"../../x","bytes":1,"entries":1}]}`,
		"a part that is gone":   `{"batches":[{"sha256":"` + sum + `","bytes":1,"entries":1}]}`,
		"a batch of no name":    fmt.Sprintf(`{"batches":[%s]}`, refText(part(`{"sha256":"../x"}`+"\n", 1))),
		"a segment of no kind":  fmt.Sprintf(`{"segments":[%s]}`, refText(part(`{"kind":"../x","period":"2024-02-17","sha256":"`+sum+`"}`+"\n", 1))),
		"a part with no line":   fmt.Sprintf(`{"segments":[%s]}`, refText(part("", 0))),
		"fewer than it says":    fmt.Sprintf(`{"batches":[%s]}`, refText(part(`{"sha256":"`+sum+`"}`+"\n", 2))),
		"very many, as it says": fmt.Sprintf(`{"batches":[%s]}`, refText(part(`{"sha256":"`+sum+`"}`+"\n", 1<<60))),
		"a part twice":          fmt.Sprintf(`{"segments":[%s,%s]}`, refText(good), refText(good)),
		"less than none":        fmt.Sprintf(`{"batches":[%s]}`, refText(part(`{"sha256":"`+sum+`"}`+"\n", -1))),
	} {
		r := f.pack([]byte(text), 0, partRef.indexPath)
		if err := f.write(); err != nil {
			t.Fatal(err)
		}
		if _, err := a.readIndex(r, nil); !errors.Is(err, errPart) {
			t.Errorf("%s: %v", name, err)
		}
	}
	root := fmt.Appendf(nil, `{"format":2,"generation":9,"ruleset":"","index":%s,"batches":[],"segments":[],"removed":["verdicts/2024-02-17//%s"]}`, refText(manifestOf(t, a).index.ref), sum)
	if _, err := a.parseManifest(Seal(root), nil); !errors.Is(err, errNotOurs) || !strings.Contains(err.Error(), "removes") {
		t.Errorf("a root that removes what is not there: %v", err)
	}
	if _, err := a.parseManifest(root, nil); !errors.Is(err, errNotOurs) {
		t.Errorf("a root without a seal: %v", err)
	}
}

func refText(r partRef) string {
	return fmt.Sprintf(`{"sha256":%q,"bytes":%d,"entries":%d}`, r.SHA256, r.Bytes, r.Entries)
}

// countingDisk counts what is written, and waits for nothing.
type countingDisk struct {
	Disk
	bytes, files atomic.Int64
}

func (d *countingDisk) CreateTemp(dir, pattern string) (File, error) {
	f, err := d.Disk.CreateTemp(dir, pattern)
	if strings.Contains(dir, "ledger") || strings.Contains(dir, "keys") {
		return unsyncedFile{f}, err
	}
	d.files.Add(1)
	return countingFile{f, d}, err
}

func (d *countingDisk) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	f, err := d.Disk.OpenFile(name, flag, perm)
	return unsyncedFile{f}, err
}

func (d *countingDisk) SyncDir(string) error { return nil }

type countingFile struct {
	File
	d *countingDisk
}

func (f countingFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.d.bytes.Add(int64(n))
	return n, err
}

func (countingFile) Sync() error { return nil }

// grown is an archive with so many batches, batchesADay a day, and the segments of each
// day and month.
func grown(t testing.TB, batches int) (*Archive, *countingDisk) {
	t.Helper()
	d := &countingDisk{Disk: osDisk{}}
	a, err := OpenOn(d, filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := 0; at < batches; {
		commit(t, a, func(u *Update) {
			for range min(10*batchesADay, batches-at) {
				if at%batchesADay == 0 {
					day := begin.AddDate(0, 0, at/batchesADay)
					u.Manifest.Segments = append(u.Manifest.Segments, daySegments(day, at)...)
					if day.Day() == 1 {
						u.Manifest.Segments = append(u.Manifest.Segments, monthSegments(day, at)...)
					}
				}
				u.listed(shaOf64(at))
				at++
			}
		})
	}
	return a, d
}

const benchRuleset = "6-43809bf7"

func daySegments(day time.Time, n int) []Segment {
	p := day.Format(time.DateOnly)
	return []Segment{
		{Kind: Observations, Period: p, SHA256: shaOf64(1<<40 + n), Rows: 5000, Bytes: 1 << 20},
		{Kind: Verdicts, Period: p, Ruleset: benchRuleset, SHA256: shaOf64(2<<40 + n), Rows: 500, Bytes: 1 << 18},
		{Kind: Bodies, Period: p, SHA256: shaOf64(3<<40 + n), Rows: 50, Bytes: 1 << 16},
	}
}

func monthSegments(day time.Time, n int) []Segment {
	p := day.Format("2006-01")
	countries := map[string]string{}
	for i := range 60 {
		countries[string([]byte{byte('A' + i/26), byte('A' + i%26)})] = shaOf64(n<<8 + i)
	}
	return []Segment{
		{Kind: Cells, Period: p, Ruleset: benchRuleset, SHA256: shaOf64(4<<40 + n), Rows: 500, Bytes: 1 << 18, Inputs: shaOf64(n)},
		{Kind: Layers, Period: p, Ruleset: benchRuleset, SHA256: shaOf64(5<<40 + n), Rows: 500, Bytes: 1 << 18, Inputs: shaOf64(n)},
		{Kind: Hours, Period: p, Ruleset: benchRuleset, SHA256: shaOf64(6<<40 + n), Rows: 500, Bytes: 1 << 18, Inputs: shaOf64(n), Countries: countries},
	}
}

// live is the n-th commit of a collector, after so many batches: a batch of today and its
// segments; each eighth time those are merged, each thirtieth the month is counted again.
func live(u *Update, batches, n int) {
	today := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, batches/batchesADay)
	replace := func(period string, kinds []string, by []Segment) {
		u.Manifest.Segments = slices.DeleteFunc(u.Manifest.Segments, func(s Segment) bool { return s.Period == period && slices.Contains(kinds, s.Kind) })
		u.Manifest.Segments = append(u.Manifest.Segments, by...)
	}
	u.listed(shaOf64(7<<40 + n))
	if n%8 == 7 {
		replace(today.Format(time.DateOnly), []string{Observations, Verdicts, Bodies}, daySegments(today, 8<<30+n))
	} else {
		u.Manifest.Segments = append(u.Manifest.Segments, daySegments(today, 9<<30+n)...)
	}
	if n%30 == 29 {
		replace(today.Format("2006-01"), []string{Cells, Layers, Hours}, monthSegments(today, 10<<30+n))
	}
}

// heldByGo is what Go holds after it has thrown away what nobody uses.
func heldByGo() int64 {
	runtime.GC()
	runtime.GC() // what has finalizers goes at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails for one's own
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A commit writes about as much after many batches as after few.
func TestCommitsStaySmall(t *testing.T) {
	t.Parallel()
	wrote := func(batches int) (bytes int64) {
		a, d := grown(t, batches)
		d.bytes.Store(0)
		const commits = 60
		for n := range commits {
			commit(t, a, func(u *Update) { live(u, batches, n) })
		}
		asLedger(t, a.dir)
		return d.bytes.Load() / commits
	}
	few, many := wrote(300), wrote(3_000)
	if many > 2*few || many > 100_000 {
		t.Errorf("a commit writes %d bytes after 300 batches and %d after 3,000", few, many)
	}
}

// BenchmarkCommit makes commits as a server that collects all the time does, in an archive
// of so many batches. Files are not waited for.
func BenchmarkCommit(b *testing.B) {
	for _, batches := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(batches), func(b *testing.B) {
			if batches > 100_000 && os.Getenv("BANDISH_BENCH_LARGE") == "" {
				b.Skip("set BANDISH_BENCH_LARGE")
			}
			a, d := grown(b, batches)
			commit(b, a, func(u *Update) { live(u, batches, 1<<29) })
			d.bytes.Store(0)
			d.files.Store(0)
			began := cpu()
			n := 0
			for b.Loop() {
				commit(b, a, func(u *Update) { live(u, batches, n) })
				n++
			}
			b.ReportMetric(float64(cpu()-began)/float64(n)/1e6, "cpu-ms/commit")
			b.ReportMetric(float64(d.bytes.Load())/float64(n), "B/commit")
			b.ReportMetric(float64(d.files.Load())/float64(n), "files/commit")
			b.ReportMetric(float64(len(manifestOf(b, a).Segments)), "segments")
			before := heldByGo()
			began = cpu()
			opened, err := Open(a.dir)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(cpu()-began)/1e6, "cpu-ms/open")
			b.ReportMetric(float64(heldByGo()-before)/float64(batches), "heap-B/batch")
			runtime.KeepAlive(opened)
			runtime.KeepAlive(a)
		})
	}
}

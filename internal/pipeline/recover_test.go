package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// foreign is what bandish archive recover keeps of the segments.
func foreign(s archive.Segment) bool { return s.Ruleset != "" && s.Ruleset != verdict.Ruleset }

// rawIn is the content of every raw file, by the name it has.
func rawIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"raw/??/*", "raw/unlisted/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(f)] = string(b)
		}
	}
	return out
}

// recovered makes the manifest anew and rebuilds.
func recovered(t *testing.T, dir string) *Pipeline {
	t.Helper()
	a, _, err := archive.Recover(t.Context(), dir, time.Now(), foreign)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPipeline(a.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return p
}

// A manifest that is gone, cut short, or an older one is refused by whoever
// opens the archive and by who has it open; nothing of raw is lost by any of
// what the program does then, and recovering gives the same derived files.
func TestManifestIsLost(t *testing.T) {
	t.Parallel()
	moments, perArchive := 3, 10         // each moment rebuilds the archive, so it must stay small
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		moments = 70
	}
	for i, c := range []struct {
		name string
		harm func(rnd *rand.Rand, manifest string, now, older []byte) error
	}{
		{"deleted", func(_ *rand.Rand, path string, _, _ []byte) error { return os.Remove(path) }},
		{"cut short", func(rnd *rand.Rand, path string, now, _ []byte) error {
			return os.WriteFile(path, now[:rnd.IntN(len(now)-2)], 0o644)
		}},
		{"rolled back", func(_ *rand.Rand, path string, _, older []byte) error { return os.WriteFile(path, older, 0o644) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(3, uint64(i)))
			for done := 0; done < moments; done += perArchive {
				loseManifest(t, rnd, min(perArchive, moments-done), c.harm)
			}
		})
	}
}

// loseManifest harms the manifest of a new archive at so many moments, and each
// time recovers it.
func loseManifest(t *testing.T, rnd *rand.Rand, moments int, harm func(rnd *rand.Rand, manifest string, now, older []byte) error) {
	t.Helper()
	p := open(t)
	dir := p.Archive.Dir()
	manifest := filepath.Join(dir, "manifest.json")
	server, err := newPipeline(dir) // another process
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for moment := range moments {
		older, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rnd.IntN(3) {
			n++
			if n%3 == 0 {
				bring(t, p, Want{}, write(t, fmt.Sprint(n, ".jsonl"), append(zz(fmt.Sprint("import ", n), n%5), '\n')))
			} else if _, err := server.Submit(t.Context(), zz(fmt.Sprint("submit ", n), n%5), Sender{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Count(t.Context()); err != nil {
			t.Fatal(err)
		}
		want, raw := segments(t, p), rawIn(t, dir)
		now, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		if err := harm(rnd, manifest, now, older); err != nil {
			t.Fatal(err)
		}
		// whatever runs on meanwhile
		if _, err := server.Submit(t.Context(), zz(fmt.Sprint("lost ", n), 1), Sender{}); !errors.Is(err, archive.ErrManifest) {
			t.Fatalf("a submission is answered %v", err)
		}
		for _, q := range []*Pipeline{p, server} {
			if _, err := q.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); !errors.Is(err, archive.ErrManifest) {
				t.Fatalf("a sweep: %v", err)
			}
			if _, err := q.Rebuild(t.Context(), nil); !errors.Is(err, archive.ErrManifest) {
				t.Fatalf("a rebuild: %v", err)
			}
		}
		for name, open := range map[string]func(string) (*archive.Archive, error){"writer": archive.Open, "reader": archive.OpenExisting} {
			if _, err := open(dir); !errors.Is(err, archive.ErrManifest) || !strings.Contains(err.Error(), "bandish archive recover") {
				t.Fatalf("a %s opens it: %v", name, err)
			}
		}
		p = recovered(t, dir)
		if got := segments(t, p); !slices.Equal(got, want) {
			t.Fatalf("at moment %d: recovered\n%s\nthere were\n%s", moment, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		left := rawIn(t, dir)
		for name, content := range raw {
			if left[name] != content {
				t.Fatalf("%s is lost", name)
			}
		}
	}
	if _, err := p.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	damaged, orphans, _, err := p.Archive.Check(t.Context())
	if err != nil || len(damaged)+len(orphans) > 0 {
		t.Errorf("in the end %v, %v, %v", damaged, orphans, err)
	}
}

// Folders that are links to another disk are followed, and not removed.
func TestFoldersThatAreLinks(t *testing.T) {
	t.Parallel()
	p := open(t)
	dir, disk := p.Archive.Dir(), t.TempDir()
	bring(t, p, Want{}, corpusOf(t, 40, 3))
	for _, kind := range []string{"raw", "observations", "verdicts"} {
		if err := os.Rename(filepath.Join(dir, kind), filepath.Join(disk, kind)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(disk, kind), filepath.Join(dir, kind)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := newPipeline(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Submit(t.Context(), zz("s", 1), Sender{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := segments(t, p)
	if n, err := p.Archive.Sweep(t.Context(), 0, time.Now().Add(24*time.Hour)); err != nil || n == 0 {
		t.Errorf("%d files swept, %v", n, err)
	}
	if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	p = recovered(t, dir)
	if got := segments(t, p); !slices.Equal(got, want) {
		t.Errorf("recovered\n%s\nthere were\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, kind := range []string{"raw", "observations", "verdicts"} {
		if st, err := os.Lstat(filepath.Join(dir, kind)); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", kind, err)
		}
	}
	if damaged, _, _, err := p.Archive.Check(t.Context()); err != nil || len(damaged) > 0 {
		t.Errorf("damaged %v, %v", damaged, err)
	}
}

// harmed flips a bit of a file.
func harmed(t *testing.T, path string, rnd *rand.Rand) (restore func()) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(b)
	bad[rnd.IntN(len(bad))] ^= 1 << rnd.IntN(8)
	if err := os.WriteFile(path, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// One damaged batch is named and nothing is derived from it; the others are
// rebuilt. With a good copy in its place all is as before.
func TestRebuildWithADamagedBatch(t *testing.T) {
	t.Parallel()
	p := open(t)
	for i := range 4 {
		bring(t, p, Want{}, write(t, fmt.Sprint(i, ".jsonl"), append(zz(fmt.Sprint("r", i), i), '\n')))
	}
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := segments(t, p)
	m, err := p.Archive.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	bad := m.Batches()[1]
	restore := harmed(t, filepath.Join(p.Archive.Dir(), bad.Path()), rand.New(rand.NewPCG(5, 6)))
	out, err := p.Rebuild(t.Context(), nil)
	if err != nil || len(out.Damaged) != 1 || out.Damaged[0].Path != bad.Path() || out.Documents != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	for uid, rows := range verdictsByUID(t, p) {
		if len(rows) != 1 || rows[0].Raw == bad.SHA256 {
			t.Errorf("%s is derived from %s", uid, rows[0].Raw)
		}
	}
	if _, err := p.Archive.ReadRawLine(bad.SHA256, 0); err == nil {
		t.Error("a damaged batch is read")
	}
	restore()
	if out, err := p.Rebuild(t.Context(), nil); err != nil || len(out.Damaged) > 0 || !slices.Equal(segments(t, p), want) {
		t.Errorf("with a good copy: %+v, %v", out, err)
	}
}

// Submissions, merging and counting after a bit of a segment has flipped: what
// needs the file fails and says so, the rest goes on, nothing panics.
func TestWorkOnADamagedArchive(t *testing.T) {
	t.Parallel()
	flips := 12
	if os.Getenv("BANDISH_LONG") != "" { // set by .ci/run
		flips = 300
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	p := open(t)
	dir := p.Archive.Dir()
	bring(t, p, Want{}, corpusOf(t, 60, 3))
	if _, err := p.Count(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range flips {
		m, err := p.Archive.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		path := m.Segments[rnd.IntN(len(m.Segments))].Path()
		restore := harmed(t, filepath.Join(dir, path), rnd)
		q, err := newPipeline(dir) // a process without memory of the good file
		if err != nil {
			t.Fatal(err)
		}
		for _, try := range []func() error{
			func() error { _, err := q.Submit(t.Context(), zz(fmt.Sprint("s", i), i%3), Sender{}); return err },
			func() error { _, err := q.Compact(t.Context()); return err },
			func() error { _, err := q.Count(t.Context()); return err },
		} {
			err := try()
			var harm *archive.DamagedError
			if err != nil && (!errors.As(err, &harm) || harm.Path != path) {
				t.Fatalf("with %s damaged: %v", path, err)
			}
			if err != nil {
				refused++
			}
		}
		named := false
		damaged, _, _, err := q.Archive.Check(t.Context())
		for _, d := range damaged {
			named = named || d.Path == path
		}
		if now, _ := q.Archive.Manifest(); err != nil || !named && slices.ContainsFunc(now.Segments, func(s archive.Segment) bool { return s.Path() == path }) {
			t.Fatalf("%s is damaged and check names %v, %v", path, damaged, err)
		}
		restore()
	}
	if refused == 0 {
		t.Error("no damage was ever met: the test shows nothing")
	}
	if _, err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if damaged, _, _, err := p.Archive.Check(t.Context()); err != nil || len(damaged) > 0 {
		t.Errorf("after a rebuild %v, %v", damaged, err)
	}
}

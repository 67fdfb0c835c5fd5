package casefile

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// folder writes the lab's case n times over, under n ids, to a disk, for a
// folder is what is read.
func folder(tb testing.TB, n int, text string) fs.FS {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	write("shared/all.yaml", labShared)
	for i := range n {
		id := fmt.Sprintf("zz-2024-%05d", i)
		write(id+"/case.yaml", strings.Replace(text, "zz-2024-x", id, 1))
	}
	return os.DirFS(dir)
}

// memory is n such folders without a disk.
type memory struct {
	fs.FS
	n int
}

func (m memory) ReadDir(name string) ([]fs.DirEntry, error) {
	if name != "." {
		return []fs.DirEntry{entryNamed("case.yaml")}, nil
	}
	list := []fs.DirEntry{folderNamed(sharedFolder)}
	for i := range m.n {
		list = append(list, folderNamed(fmt.Sprintf("zz-2024-%05d", i)))
	}
	return list, nil
}

func (m memory) ReadFile(name string) ([]byte, error) {
	dir := path.Dir(name)
	if dir == sharedFolder {
		return []byte(labShared), nil
	}
	return []byte(strings.Replace(labCase, "zz-2024-x", dir, 1)), nil
}

type entryNamed string

func (e entryNamed) Name() string               { return string(e) }
func (e entryNamed) IsDir() bool                { return false }
func (e entryNamed) Type() fs.FileMode          { return 0 }
func (e entryNamed) Info() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

type folderNamed string

func (f folderNamed) Name() string               { return string(f) }
func (f folderNamed) IsDir() bool                { return true }
func (f folderNamed) Type() fs.FileMode          { return fs.ModeDir }
func (f folderNamed) Info() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// 10,000 cases load in under 3 s and lint in under 15 s, on two cores with
// nothing else running; the test allows for a busy machine. With BANDISH_LONG=1
// they are read from a disk; else it is 2,000 in a fifth of the time, from
// memory: writing them takes a minute on a busy machine.
func TestTenThousandCases(t *testing.T) {
	const slack = 30
	cases, share := 2000, time.Duration(5)
	var fsys fs.FS = memory{n: cases}
	if os.Getenv("BANDISH_LONG") != "" {
		cases, share = 10_000, 1
		fsys = folder(t, cases, labCase)
	}
	start := time.Now()
	r, err := Load(fsys, "records")
	loaded := time.Since(start)
	if err != nil || len(r.Cases) != cases {
		t.Fatal(err, len(r.Cases))
	}
	start = time.Now()
	problems := r.Lint(labChecks)
	linted := time.Since(start)
	if len(problems) > 0 {
		t.Fatal(problems[0])
	}
	t.Logf("loaded in %v, linted in %v", loaded, linted)
	if loaded > slack*3*time.Second/share || linted > slack*15*time.Second/share {
		t.Errorf("loaded in %v, linted in %v", loaded, linted)
	}
}

func BenchmarkLoad10k(b *testing.B) {
	fsys := folder(b, 10_000, labCase)
	b.SetBytes(int64(10_000 * len(labCase)))
	for b.Loop() {
		r, err := Load(fsys, "records")
		if err != nil || len(r.Cases) != 10_000 {
			b.Fatal(err, len(r.Cases))
		}
	}
}

func BenchmarkLint10k(b *testing.B) {
	r, err := Load(folder(b, 10_000, labCase), "records")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if problems := r.Lint(labChecks); len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}

// Lint with a problem in every case is not much slower.
func BenchmarkLint10kWrong(b *testing.B) {
	fsys := folder(b, 10_000, strings.Replace(labCase, "docket: zz-1", "docket: zz-7", 1))
	for b.Loop() {
		b.StopTimer()
		r, err := Load(fsys, "records")
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if problems := r.Lint(labChecks); len(problems) != 10_000 {
			b.Fatal(len(problems))
		}
	}
}

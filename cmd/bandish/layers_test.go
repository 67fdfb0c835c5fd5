package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// stages are the packages in the order of the flow: a package imports only
// packages of earlier stages. A package that is not listed fails the test.
var stages = [][]string{
	{"address", "country", "country/zone", "internal/header", "ledger", "network", "targets", "records", "internal/browser", "internal/child", "internal/disk", "internal/frugal", "internal/picture", "internal/table", "internal/probe/dataformat", "internal/cost"},
	{"measurement", "fingerprint", "defect", "signal", "internal/cost/table", "internal/target", "internal/server", "internal/turns", "internal/chdb", "internal/dial", "internal/notary"},
	{"observation", "internal/object", "internal/iceberg"},
	{"verdict", "internal/object/objecttest", "internal/shard"},
	{"series", "internal/reported", "event/dating"},
	{"event/parameter", "casefile"},
	{"event/chain"},
	{"event/darkness", "event/artefact"},
	{"event", "derivation"},
	{"event/bench", "request", "draft", "exchange"},
	{"ban", "event/bench/table"},
	{"answer", "ban/list"},
	{"bundle"},
	{"internal/archive", "internal/intake", "internal/probe", "internal/lab", "internal/source", "internal/alert", "internal/inbox"},
	{"internal/history", "internal/pipeline", "internal/collect", "internal/kit", "internal/search"},
	{"internal/store", "internal/publication"},
	{"internal/inquiry"},
	{"internal/api"},
	{"internal/trial", "internal/web", "internal/ooniapi", "internal/bucket", "internal/assistant"},
	{"cmd/bandish", "cmd/bandish-probe", "cmd/bandish-verify", "cmd/bandish-verify/page"},
}

// small are the programs that stay small and static: of this module they may hold
// only what is named, and of others nothing whose path has one of the words.
var small = map[string]struct{ may, never []string }{
	"cmd/bandish-probe": { // what measures and judges
		may:   []string{"internal/kit", "internal/probe", "internal/target", "targets", "measurement", "observation", "verdict", "fingerprint", "defect", "internal/header", "address", "network", "internal/dial"},
		never: []string{"duckdb", "bleve", "parquet", "minio", "gvisor", "netem"},
	},
	"cmd/bandish-verify": { // what computes
		may: []string{"bundle", "ledger", "derivation", "measurement", "observation", "verdict", "series", "signal", "event", "event/artefact", "event/chain",
			"event/darkness", "event/dating", "event/parameter", "fingerprint", "defect", "internal/header", "address", "network", "answer", "ban", "casefile", "country", "country/zone"},
		never: []string{"duckdb", "bleve", "parquet", "minio", "gvisor", "netem", "tessera", "golang.org/x/text/language", "internal/table", "net/http"},
	},
}

// worldly are what a package that only computes must not import.
var worldly = []string{"os", "net/http", "io/ioutil", "os/exec", "database/sql", "syscall", "net/http/httptest"}

const module = "github.com/bandish/bandish/"

// sourceFile is a Go file of the module that is no test.
type sourceFile struct {
	path, pkg string // of the package "casefile", "cmd/bandish"
	name      string // as its package clause says
	imports   []string
}

// goFiles visits the Go files of the module whose names end so.
func goFiles(t *testing.T, suffix string, visit func(path, pkg string)) {
	t.Helper()
	root, n := filepath.Join("..", ".."), 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "bandish-data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, suffix) {
			return nil
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		n++
		visit(path, filepath.ToSlash(pkg))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 50 {
		t.Fatalf("only %d files were looked at", n)
	}
}

func sourceFiles(t *testing.T) (all []sourceFile) {
	t.Helper()
	goFiles(t, ".go", func(path, pkg string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		s := sourceFile{path: path, pkg: pkg, name: f.Name.Name}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			s.imports = append(s.imports, name)
		}
		all = append(all, s)
	})
	return all
}

func TestNoPackageImportsALaterStage(t *testing.T) {
	stage, there := map[string]int{}, map[string]bool{}
	for i, s := range stages {
		for _, p := range s {
			stage[p] = i
		}
	}
	for _, f := range sourceFiles(t) {
		there[f.pkg] = true
		at, known := stage[f.pkg]
		if !known {
			t.Errorf("package %s has no stage: say in this test where it stands in the flow", f.pkg)
			continue
		}
		computes := !strings.HasPrefix(f.pkg, "internal/") && f.name != "main"
		for _, i := range f.imports {
			if other, ours := strings.CutPrefix(i, module); ours && stage[other] >= at {
				t.Errorf("%s imports %s, which is not of an earlier stage", f.path, other)
			}
			if computes && slices.Contains(worldly, i) {
				t.Errorf("%s imports %s: a package at the root only computes", f.path, i)
			}
		}
	}
	for pkg := range stage {
		if !there[pkg] {
			t.Errorf("package %s has a stage, and is not there", pkg)
		}
	}
}

// TestSmallPrograms follows the imports of each program from its main package
// downwards. None needs cgo.
func TestSmallPrograms(t *testing.T) {
	files := map[string][]sourceFile{}
	for _, f := range sourceFiles(t) {
		files[f.pkg] = append(files[f.pkg], f)
	}
	for program, holds := range small {
		pending, seen := []string{program}, map[string]bool{}
		for len(pending) > 0 {
			pkg := pending[0]
			pending = pending[1:]
			if seen[pkg] {
				continue
			}
			seen[pkg] = true
			for _, f := range files[pkg] {
				for _, i := range f.imports {
					own, ours := strings.CutPrefix(i, module)
					if ours && !slices.Contains(holds.may, own) || i == "C" || slices.ContainsFunc(holds.never, func(word string) bool { return strings.Contains(i, word) }) {
						t.Errorf("%s, which is part of %s, imports %s", f.path, program, i)
					}
					if ours {
						pending = append(pending, own)
					}
				}
			}
		}
		if len(seen) != len(holds.may)+1 {
			t.Errorf("%s is made of %d packages; %d may be in it", program, len(seen)-1, len(holds.may))
		}
	}
}

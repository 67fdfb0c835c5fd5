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
	{"address", "country", "country/zone", "ledger", "targets", "records", "defect", "internal/disk", "internal/picture", "internal/table", "internal/probe/dataformat"},
	{"measurement", "fingerprint", "internal/target", "internal/server", "internal/turns", "internal/dial", "internal/notary"},
	{"observation"},
	{"verdict"},
	{"series", "internal/reported", "event/dating"},
	{"event/parameter", "casefile"},
	{"event/chain"},
	{"event/darkness", "event/artefact"},
	{"event", "derivation"},
	{"event/bench", "request", "draft", "exchange"},
	{"ban", "event/bench/table"},
	{"answer", "ban/list"},
	{"bundle"},
	{"internal/archive", "internal/intake", "internal/probe", "internal/lab", "internal/source", "internal/history", "internal/alert", "internal/inbox"},
	{"internal/pipeline", "internal/collect", "internal/kit", "internal/search"},
	{"internal/store"},
	{"internal/inquiry"},
	{"internal/api"},
	{"internal/trial", "internal/web", "internal/ooniapi", "internal/bucket", "internal/assistant"},
	{"cmd/bandish", "cmd/bandish-probe", "cmd/bandish-verify", "cmd/bandish-verify/page"},
}

// worldly are what a package that only computes must not import.
var worldly = []string{"os", "net/http", "io/ioutil", "os/exec", "database/sql", "syscall", "net/http/httptest"}

func TestNoPackageImportsALaterStage(t *testing.T) {
	const module = "github.com/bandish/bandish/"
	stage := map[string]int{}
	for i, s := range stages {
		for _, p := range s {
			stage[p] = i
		}
	}
	root := filepath.Join("..", "..")
	files, there := 0, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != root || d.Name() == "testdata" || d.Name() == "bandish-data") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files++
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		there[pkg] = true
		at, known := stage[pkg]
		if !known {
			t.Errorf("package %s has no stage: say in this test where it stands in the flow", pkg)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if other, ours := strings.CutPrefix(name, module); ours && stage[other] >= at {
				t.Errorf("%s imports %s, which is not of an earlier stage", path, other)
			}
			if computes := !strings.HasPrefix(pkg, "internal/") && f.Name.Name != "main"; computes && slices.Contains(worldly, name) {
				t.Errorf("%s imports %s: a package at the root only computes", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range stage {
		if !there[pkg] {
			t.Errorf("package %s has a stage, and is not there", pkg)
		}
	}
	if files < 50 {
		t.Fatalf("only %d files were looked at", files)
	}
}

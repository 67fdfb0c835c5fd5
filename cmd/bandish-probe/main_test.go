package main

import (
	"bytes"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/bandish/bandish/internal/kit"
)

// The program stays small and static: of this module it may hold only what
// measures and judges, and of others nothing that is large or needs cgo. The
// imports are read from the files, from this package downwards.
func TestImports(t *testing.T) {
	const module = "github.com/bandish/bandish/"
	root := filepath.Join("..", "..")
	allowed := map[string]bool{
		"internal/kit": true, "internal/probe": true, "internal/target": true, "targets": true,
		"measurement": true, "observation": true, "verdict": true, "fingerprint": true, "defect": true,
		"address": true, "internal/dial": true,
	}
	heavy := []string{"duckdb", "bleve", "parquet", "minio", "gvisor", "netem"}
	pending, seen := []string{"cmd/bandish-probe"}, map[string]bool{}
	for len(pending) > 0 {
		pkg := pending[0]
		pending = pending[1:]
		if seen[pkg] {
			continue
		}
		seen[pkg] = true
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", pkg, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				own, isOwn := strings.CutPrefix(path, module)
				if isOwn {
					if !allowed[own] {
						t.Errorf("%s imports %s", name, path)
					}
					pending = append(pending, own)
				}
				for _, h := range heavy {
					if strings.Contains(path, h) {
						t.Errorf("%s imports %s", name, path)
					}
				}
				if path == "C" {
					t.Errorf("%s needs cgo", name)
				}
			}
		}
	}
	if len(seen) < 5 {
		t.Errorf("only %d packages were read", len(seen))
	}
}

func TestRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 0, "Is it blocked from here"},
		{[]string{"version"}, 0, kit.Version},
		{[]string{"probe"}, 2, "name a platform"},
		{[]string{"watch-probe", "--every", "0s", "example.org"}, 2, "--every must be more than 0"},
		{[]string{"probe", "install", "example.org"}, 0, "watch-probe"},
		{[]string{"ftp://example.org/"}, 2, "not http or https"},
	} {
		var out bytes.Buffer
		env := &kit.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out, Getenv: os.Getenv}
		if code := run(t.Context(), env, c.args); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%q: code %d\n%s", c.args, code, &out)
		}
	}
}

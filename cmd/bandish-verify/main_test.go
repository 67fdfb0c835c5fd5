package main

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The check stays small, static and apart from all that touches the world: of
// this module it may hold only what computes, and of others nothing that is large
// or needs cgo. The imports are read from the files, from this package downwards.
func TestImports(t *testing.T) {
	const module = "github.com/bandish/bandish/"
	root := filepath.Join("..", "..")
	allowed := map[string]bool{
		"bundle": true, "ledger": true, "derivation": true, "measurement": true, "observation": true, "verdict": true, "series": true,
		"event": true, "fingerprint": true, "defect": true, "address": true, "answer": true, "ban": true, "casefile": true, "country": true, "country/zone": true,
	}
	heavy := []string{"duckdb", "bleve", "parquet", "minio", "gvisor", "netem", "tessera", "golang.org/x/text/language", "internal/table"}
	pending, seen := []string{"cmd/bandish-verify"}, map[string]bool{}
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
				if own, isOwn := strings.CutPrefix(path, module); isOwn {
					if !allowed[own] && (!strings.HasPrefix(own, "event/") || strings.HasPrefix(own, "event/bench")) {
						t.Errorf("%s imports %s", name, path)
					}
					pending = append(pending, own)
				}
				for _, h := range heavy {
					if strings.Contains(path, h) {
						t.Errorf("%s imports %s", name, path)
					}
				}
				if path == "C" || path == "net/http" {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d packages were read", len(seen))
	}
}

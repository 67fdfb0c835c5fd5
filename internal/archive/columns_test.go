package archive

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/formats/columns.md again")

// TestColumnsAreDocumented holds docs/formats/columns.md to the row types: a
// column that is added, renamed or explained otherwise shows in review.
func TestColumnsAreDocumented(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# Columns of the segments\n\nMade from the row types by `go test ./internal/archive -update`. Times are microseconds UTC. A column of type group has the fields `outcome` and `rule`.\n")
	for _, s := range []struct{ kind, dir, typ string }{
		{"observations", "observation", "Row"},
		{"verdicts", "verdict", "Row"},
		{"bodies", "observation", "Body"},
		{"counts", "derivation", "PublishedCount"},
		{"signals", "signal", "Series"},
		{"cells, layers, hours", "series", "Cell"},
		{"tallies of a cell", "series", "Tally"},
		{"events", "event", "Row"},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n| column | type | what |\n|---|---|---|\n", s.kind)
		n := 0
		for _, f := range fields(t, s.dir, s.typ) {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.column, f.typ, f.what)
			n++
		}
		if n == 0 {
			t.Fatalf("%s.%s has no columns", s.dir, s.typ)
		}
	}
	path := filepath.Join("..", "..", "docs", "formats", "columns.md")
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("docs/formats/columns.md is not what the row types say: go test ./internal/archive -update, and read the diff")
	}
}

type field struct{ column, typ, what string }

func fields(t *testing.T, dir, name string) []field {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []field
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != name {
				return true
			}
			for _, x := range spec.Type.(*ast.StructType).Fields.List {
				out = append(out, columnOf(t, dir, x)...)
			}
			return false
		})
	}
	return out
}

func columnOf(t *testing.T, dir string, x *ast.Field) []field {
	tag := ""
	if x.Tag != nil {
		tag, _, _ = strings.Cut(reflect.StructTag(strings.Trim(x.Tag.Value, "`")).Get("parquet"), ",")
	}
	if tag == "" {
		t.Errorf("%s: field %v has no parquet tag", dir, x.Names)
		return nil
	}
	what := strings.Join(strings.Fields(x.Comment.Text()), " ")
	if what == "" { // a doc comment above a field that has a remark of its own heads a group
		what = strings.Join(strings.Fields(x.Doc.Text()), " ")
	}
	typ := map[string]string{"Result": "string", "State": "string", "Kind": "string", "Layer": "group", "time.Time": "timestamp", "[]Tally": "list of group"}
	var b bytes.Buffer
	switch e := x.Type.(type) {
	case *ast.Ident:
		b.WriteString(e.Name)
	case *ast.ArrayType:
		fmt.Fprintf(&b, "[]%s", e.Elt)
	case *ast.SelectorExpr:
		fmt.Fprintf(&b, "%s.%s", e.X, e.Sel)
	}
	name := b.String()
	if s, ok := typ[name]; ok {
		name = s
	}
	name = strings.Replace(name, "[]", "list of ", 1)
	return []field{{tag, name, strings.ReplaceAll(what, "|", `\|`)}}
}

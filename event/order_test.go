package event_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// order is that of the files of the package: each uses only what is declared in
// those before it, or in itself.
var order = strings.Fields(`
	clock event interval statement hash row check revise
	history cluster reject candidates instrument date conclude phases describe assemble
	target parts schedule sound shutdown outage world detect findings`)

// empty gives packages of which nothing is known: what the files have to do with
// each other does not depend on them.
type empty struct{}

func (empty) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

func TestNoFileUsesALaterOne(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "_test.go") })
	fset := token.NewFileSet()
	var files []*ast.File
	for _, n := range names {
		if !slices.Contains(order, strings.TrimSuffix(n, ".go")) {
			t.Errorf("%s has no place in the order", n)
		}
		f, err := parser.ParseFile(fset, n, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: empty{}, Error: func(error) {}}
	pkg, _ := conf.Check("event", fset, files, &info) // the errors are of the empty packages
	arrows := 0
	for id, o := range info.Uses {
		if o.Pkg() != pkg {
			continue
		}
		from, to := fset.Position(id.Pos()).Filename, fset.Position(o.Pos()).Filename
		if from == to {
			continue
		}
		arrows++
		if slices.Index(order, strings.TrimSuffix(from, ".go")) < slices.Index(order, strings.TrimSuffix(to, ".go")) {
			t.Errorf("%s uses %s of %s, which is later", fset.Position(id.Pos()), o.Name(), to)
		}
	}
	if arrows < 300 {
		t.Errorf("only %d uses of other files were looked at", arrows)
	}
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTestsCanFail reads every test of the module, and names those that can fail in
// no way, and those that write down what they found and fail only where a step gives
// an error: such a test holds nothing.
//
// A test can fail where it, or a function of its package that it names, calls Fatal
// or the like, or hands its *testing.T to another package. A fuzz target fails by a
// panic, too, and is not looked at.
func TestTestsCanFail(t *testing.T) {
	packages := map[string]map[string]*tried{}
	var set token.FileSet
	goFiles(t, "_test.go", func(path, pkg string) {
		f, err := parser.ParseFile(&set, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range exampleOutputs(f) {
			t.Errorf("%s: %s has no output: nothing holds it", path, e)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				key := filepath.Dir(path)
				if packages[key] == nil {
					packages[key] = map[string]*tried{}
				}
				packages[key][fn.Name.Name] = try(path, fn)
			}
		}
	})
	tests := 0
	for _, functions := range packages {
		for range functions { // the longest chain of helpers
			for _, f := range functions {
				for _, name := range f.names {
					if other := functions[name]; other != nil && other != f {
						f.asserts = f.asserts || other.asserts && !other.gives
						f.fails = f.fails || other.fails
					}
				}
			}
		}
		for name, f := range functions {
			if !strings.HasPrefix(name, "Test") || name == "TestMain" {
				continue
			}
			tests++
			switch {
			case !f.fails:
				t.Errorf("%s: %s can fail in no way", f.path, name)
			case f.logs && !f.asserts:
				t.Errorf("%s: %s writes down what it found, and fails only where a step gives an error", f.path, name)
			}
		}
	}
	if tests < 500 {
		t.Fatalf("only %d tests were found", tests)
	}
}

// tried is what the body of a function does with the test that it is part of.
type tried struct {
	path    string
	fails   bool     // it can fail
	asserts bool     // not only with the error of a step
	logs    bool     // it writes down something
	gives   bool     // it has results: it sets up, and what it asserts is not what is tried
	names   []string // of what it uses
}

func try(path string, fn *ast.FuncDecl) *tried {
	f := &tried{path: path, gives: fn.Type.Results != nil}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			f.names = append(f.names, n.Name)
		case *ast.CallExpr:
			f.call(n)
		}
		return true
	})
	return f
}

// call takes note of one call.
func (f *tried) call(c *ast.CallExpr) {
	s, ok := c.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	isErr := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && strings.HasSuffix(strings.ToLower(id.Name), "err")
	}
	isCall := func(e ast.Expr) bool { _, ok := e.(*ast.CallExpr); return ok }
	isTest := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && (id.Name == "t" || id.Name == "tb")
	}
	switch s.Sel.Name {
	case "Log", "Logf":
		f.logs = f.logs || isTest(s.X)
	case "Fail", "FailNow":
		f.fails, f.asserts = true, true
	case "Error", "Fatal", "Errorf", "Fatalf":
		if len(c.Args) == 0 { // the text of an error
			return
		}
		f.fails = true
		f.asserts = f.asserts || !slices.ContainsFunc(c.Args, isErr) || slices.ContainsFunc(c.Args, isCall)
	default:
		if _, other := s.X.(*ast.Ident); other && slices.ContainsFunc(c.Args, isTest) {
			f.fails = true
		}
	}
}

// exampleOutputs names the examples of a file that have no output.
func exampleOutputs(f *ast.File) (without []string) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") || fn.Body == nil {
			continue
		}
		said := slices.ContainsFunc(f.Comments, func(c *ast.CommentGroup) bool {
			text := strings.ToLower(c.Text())
			return c.Pos() > fn.Body.Pos() && c.End() < fn.Body.End() && (strings.HasPrefix(text, "output:") || strings.HasPrefix(text, "unordered output:"))
		})
		if !said {
			without = append(without, fn.Name.Name)
		}
	}
	return without
}

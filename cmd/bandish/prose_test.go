package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every package says what it is for, and every exported name what it is: the comment of
// a function, a type or a method begins with its name. Constants, variables and fields
// may share the comment of their group, or have one behind them.
func TestExportedNamesAreDocumented(t *testing.T) {
	packages := map[string]bool{} // whether a package comment was found
	sources := parsedSources(t)
	known := interfaceMethods(sources)
	for _, f := range sources {
		if f.syntax.Doc != nil {
			first, _, _ := strings.Cut(f.syntax.Doc.Text(), " ")
			if first != "Package" && first != "Command" {
				t.Errorf("%s: the package comment begins with %q; begin with Package or Command", f.path, first)
			}
		}
		dir := filepath.Dir(f.path)
		packages[dir] = packages[dir] || f.syntax.Doc != nil
		for _, fault := range undocumented(f.syntax, known) {
			t.Errorf("%s: %s", f.files.Position(fault.at), fault.what)
		}
	}
	for dir, found := range packages {
		if !found {
			t.Errorf("%s has no package comment: say what comes in, what goes out and where it stands in the flow", dir)
		}
	}
	if len(packages) < 40 {
		t.Fatalf("read %d packages: the tree is not where the test looks", len(packages))
	}
}

// unclear matches words and phrases that a reader of English as a second language has
// to look up or to read twice. What to write instead stands beside each.
var unclear = []struct {
	form    *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(?:gainsay\w*|naught|nought|whence|whither|thence|thither|hither|herein|hereof|therein|thereof|thereto|wherein|whereof|whereby|ere|whilst|betwixt|aught)\b`), "a plain word"},
	{regexp.MustCompile(`(?i)\b(?:is|are|be) of no consequence\b`), "does not matter"},
	{regexp.MustCompile(`(?i)\bis nothing to us\b`), "say why it does not matter"},
	{regexp.MustCompile(`(?i)\b(?:of|from|for|to|in) such as (?:last|have|are|is|were|do)\b`), "name them: of the votes that last"},
	{regexp.MustCompile(`(?i)\bthat he (?:made|has made) up\b`), "that the sender invented"},
}

// Comments and documents use words that everybody knows.
func TestProseIsPlain(t *testing.T) {
	for _, f := range parsedSources(t) {
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				for _, fault := range unclearIn(c.Text) {
					t.Errorf("%s: %s", f.files.Position(c.Pos()), fault)
				}
			}
		}
	}
	documents := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skippedFolder(d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		documents++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(text), "\n") {
			for _, fault := range unclearIn(line) {
				t.Errorf("%s:%d: %s", path, n+1, fault)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if documents < 30 {
		t.Fatalf("read %d documents: the tree is not where the test looks", documents)
	}
}

// The two checks find what they are for.
func TestProseChecksFindFaults(t *testing.T) {
	const source = `package p

// A type.
type T struct{}

func F() {}

// Returns one.
func (T) M() int { return 1 }

func (T) Known() {}

const C = 1

// The states.
const (
	A = 1
	B = 2
)

type hidden struct{}

func (hidden) Exported() {}
`
	files := token.NewFileSet()
	syntax, err := parser.ParseFile(files, "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, fault := range undocumented(syntax, map[string]bool{"Known": true}) {
		got = append(got, fmt.Sprintf("%d %s", files.Position(fault.at).Line, fault.what))
	}
	want := []string{
		"4 the comment of T begins with \"A\"; begin with T",
		"6 F has no comment",
		"9 the comment of M begins with \"Returns\"; begin with M",
		"13 C has no comment",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	for text, faults := range map[string]int{
		"the evidence does not gainsay it": 1, "nought is left": 1, "the order of rows is of no consequence": 1,
		"of such as last to the end of the data": 1, "whereas this is plain": 0, "there are thresholds": 0,
	} {
		if n := len(unclearIn(text)); n != faults {
			t.Errorf("%q has %d faults, want %d", text, n, faults)
		}
	}
}

// parsedSource is a Go file of the module that is no test, with its comments.
type parsedSource struct {
	path   string
	files  *token.FileSet
	syntax *ast.File
}

func parsedSources(t *testing.T) []parsedSource {
	t.Helper()
	var out []parsedSource
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skippedFolder(d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		syntax, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		out = append(out, parsedSource{path, files, syntax})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// skippedFolder reports whether a folder holds no prose of ours.
func skippedFolder(name string) bool {
	return name == "testdata" || name == "node_modules" || name == ".git" || name == "dist" || name == "bandish-data"
}

type docFault struct {
	at   token.Pos
	what string
}

// interfaceMethods returns the names of the methods of the interfaces of some files. What
// such a method does is said once, at the interface.
func interfaceMethods(files []parsedSource) map[string]bool {
	known := map[string]bool{}
	for _, name := range []string{"Error", "Unwrap", "Is", "As", "String", "Len", "Less", "Swap"} { // of the standard library
		known[name] = true
	}
	for _, f := range files {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						known[name.Name] = true
					}
				}
			}
			return true
		})
	}
	return known
}

// undocumented returns the exported names of a file without a comment, and those whose
// comment begins with another word. Methods with a known name need no comment.
func undocumented(f *ast.File, known map[string]bool) []docFault {
	var out []docFault
	check := func(at token.Pos, name string, doc *ast.CommentGroup) {
		if doc.Text() == "" {
			out = append(out, docFault{at, name + " has no comment"})
			return
		}
		first := strings.TrimRight(strings.Fields(doc.Text())[0], ",.:;")
		if strings.TrimSuffix(first, "'s") != name {
			out = append(out, docFault{at, fmt.Sprintf("the comment of %s begins with %q; begin with %s", name, first, name)})
		}
	}
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && ofExported(d) && !(d.Recv != nil && known[d.Name.Name] && d.Doc.Text() == "") {
				check(d.Pos(), d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					switch {
					case !s.Name.IsExported() || len(d.Specs) > 1 && s.Doc.Text() == "" && d.Doc.Text() != "": // the group's comment is theirs
					default:
						check(s.Pos(), s.Name.Name, either(s.Doc, d.Doc))
					}
				case *ast.ValueSpec:
					if s.Names[0].IsExported() && either(s.Doc, s.Comment).Text() == "" && d.Doc.Text() == "" {
						out = append(out, docFault{s.Pos(), s.Names[0].Name + " has no comment"})
					}
				}
			}
		}
	}
	return out
}

// ofExported reports whether a declaration is a function, or a method of an exported type.
func ofExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	of := d.Recv.List[0].Type
	for {
		switch x := of.(type) {
		case *ast.StarExpr:
			of = x.X
		case *ast.IndexExpr:
			of = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// either returns the first comment that is there.
func either(a, b *ast.CommentGroup) *ast.CommentGroup {
	if a.Text() != "" {
		return a
	}
	return b
}

// unclearIn says what is hard to follow in a text.
func unclearIn(text string) []string {
	var out []string
	for _, u := range unclear {
		for _, found := range u.form.FindAllString(text, -1) {
			out = append(out, fmt.Sprintf("%q is hard to follow; write %s", found, u.instead))
		}
	}
	return out
}

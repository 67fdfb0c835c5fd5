// Command rooms draws the packages of a tree from their files: a diagram of which package
// imports which, and a table of their sizes. It writes Markdown.
//
//	go run ./.ci/rooms [DIR]
//
// DIR is the root of the module (default "."). Tests and testdata do not count.
package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"log"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// room is a package.
type room struct {
	name     string // its folder
	files    map[string]*ast.File
	lines    int
	imports  map[string]bool // rooms of the same module
	exported int             // exported names, and exported methods of exported types
	arrows   int             // pairs of files of which one uses what the other declares
	knots    int             // of these, those on a path that leads from a file back to itself
}

func main() {
	log.SetFlags(0)
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	rooms, err := read(root)
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(page(rooms))
}

// read parses the packages below a folder.
func read(root string) (map[string]*room, error) {
	module, err := moduleOf(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	rooms, set := map[string]*room{}, token.NewFileSet()
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, p, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		r := rooms[name]
		if r == nil {
			r = &room{name: name, files: map[string]*ast.File{}, imports: map[string]bool{}}
			rooms[name] = r
		}
		r.add(filepath.Base(p), file, bytes.Count(text, []byte("\n")), module)
		return nil
	})
	for _, r := range rooms {
		r.measure(set)
	}
	return rooms, err
}

func moduleOf(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("%s names no module", file)
}

func (r *room) add(name string, file *ast.File, lines int, module string) {
	r.files[name] = file
	r.lines += lines
	for _, i := range file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue // the parser saw it
		}
		if rest, ok := strings.CutPrefix(p, module+"/"); ok && rest != r.name {
			r.imports[rest] = true
		}
	}
}

// measure counts the exported names, and the arrows between files. It treats imported
// packages as empty: what they declare is no arrow here.
func (r *room) measure(set *token.FileSet) {
	for _, f := range r.files {
		for _, name := range declarations(f) {
			if ast.IsExported(name) {
				r.exported++
			}
		}
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: empty{}, Error: func(error) {}, FakeImportC: true}
	pkg, _ := conf.Check(r.name, set, slices.Collect(maps.Values(r.files)), &info) // errors come from the empty packages
	uses := map[string]map[string]bool{}
	for id, o := range info.Uses {
		if o.Pkg() != pkg {
			continue
		}
		if from, to := set.Position(id.Pos()).Filename, set.Position(o.Pos()).Filename; from != to {
			if uses[from] == nil {
				uses[from] = map[string]bool{}
			}
			uses[from][to] = true
		}
	}
	for from, all := range uses {
		for to := range all {
			r.arrows++
			if reaches(uses, to, from, map[string]bool{}) {
				r.knots++
			}
		}
	}
}

// empty imports packages that declare nothing.
type empty struct{}

func (empty) Import(name string) (*types.Package, error) {
	p := types.NewPackage(name, path.Base(name))
	p.MarkComplete()
	return p, nil
}

// declarations returns the names that a file declares, and its methods.
func declarations(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name.Name)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names = append(names, s.Name.Name)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

func reaches(uses map[string]map[string]bool, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	seen[from] = true
	for next := range uses[from] {
		if !seen[next] && reaches(uses, next, to, seen) {
			return true
		}
	}
	return false
}

// page writes the diagram and the table.
func page(rooms map[string]*room) []byte {
	var b bytes.Buffer
	names := slices.SortedFunc(maps.Keys(rooms), cmp.Compare[string])
	fmt.Fprint(&b, "```mermaid\nflowchart LR\n")
	id := map[string]string{}
	for i, n := range names {
		id[n] = fmt.Sprint("r", i)
		fmt.Fprintf(&b, "  %s[\"%s\"]\n", id[n], n)
	}
	shown := 0
	for _, n := range names {
		for _, to := range slices.Sorted(maps.Keys(rooms[n].imports)) {
			if rooms[to] != nil && !roundabout(rooms, n, to) {
				fmt.Fprintf(&b, "  %s --> %s\n", id[n], id[to])
				shown++
			}
		}
	}
	fmt.Fprint(&b, "```\n\n")
	total, arrows := room{}, 0
	fmt.Fprint(&b, "| package | files | lines | exported names | imports | arrows between its files | of these in a circle |\n|---|---|---|---|---|---|---|\n")
	for _, n := range names {
		r := rooms[n]
		fmt.Fprintf(&b, "| `%s` | %d | %d | %d | %d | %d | %d |\n", cmp.Or(strings.TrimPrefix(path.Clean(n), "./"), "."), len(r.files), r.lines, r.exported, len(r.imports), r.arrows, r.knots)
		total.lines += r.lines
		total.exported += r.exported
		total.arrows += r.arrows
		total.knots += r.knots
		arrows += len(r.imports)
	}
	fmt.Fprintf(&b, "| all %d | | %d | %d | %d | %d | %d |\n\n", len(names), total.lines, total.exported, arrows, total.arrows, total.knots)
	fmt.Fprintf(&b, "The diagram leaves out an import where another path leads to the same package: %d of %d are drawn.\n", shown, arrows)
	return b.Bytes()
}

// roundabout reports whether one room also leads to another through a third.
func roundabout(rooms map[string]*room, from, to string) bool {
	uses := map[string]map[string]bool{}
	for n, r := range rooms {
		uses[n] = r.imports
	}
	for by := range rooms[from].imports {
		if by != to && rooms[by] != nil && reaches(uses, by, to, map[string]bool{}) {
			return true
		}
	}
	return false
}

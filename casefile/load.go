package casefile

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

// sharedFolder holds the actors, laws, sources and bans of several cases.
const sharedFolder = "shared"

// Records is every case with what they share.
type Records struct {
	Shared Shared
	Cases  []*Case // by id

	problems []Problem // found while reading
}

// files are the files of one folder and which field stands in which.
type files struct {
	list  []file
	owner map[string]int
}

type file struct {
	name string // as a person would name it
	data []byte
}

// Load reads every folder of fsys as a case, and the folder "shared". name is
// what to call fsys in messages ("records"). What is wrong with a file is
// no error but a problem that Lint gives; a case that cannot be read in full
// is there as far as it could be read. The error is about fsys itself.
func Load(fsys fs.FS, name string) (*Records, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var dirs []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			dirs = append(dirs, e.Name())
		}
	}
	r := &Records{}
	cases := make([]*Case, len(dirs))
	problems := make([][]Problem, len(dirs))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(dirs)) {
		wg.Go(func() {
			for i := range next {
				l := loader{fsys: fsys, name: name}
				if dirs[i] == sharedFolder {
					l.folder(dirs[i], reflect.ValueOf(&r.Shared).Elem(), &r.Shared.folder)
				} else {
					cases[i] = l.loadCase(dirs[i])
				}
				problems[i] = l.problems
			}
		})
	}
	for i := range dirs {
		next <- i
	}
	close(next)
	wg.Wait()
	for i, c := range cases {
		r.problems = append(r.problems, problems[i]...)
		if c != nil {
			r.Cases = append(r.Cases, c)
		}
	}
	slices.SortStableFunc(r.Cases, func(a, b *Case) int { return cmp.Compare(a.ID, b.ID) })
	return r, nil
}

// Case gives the case of that id, nil where there is none.
func (r *Records) Case(id string) *Case {
	at, ok := slices.BinarySearchFunc(r.Cases, id, func(c *Case, id string) int { return cmp.Compare(c.ID, id) })
	if !ok {
		return nil
	}
	return r.Cases[at]
}

type loader struct {
	fsys     fs.FS
	name     string
	problems []Problem
}

func (l *loader) loadCase(dir string) *Case {
	c := &Case{}
	met := l.folder(dir, reflect.ValueOf(c).Elem(), &c.folder)
	first := Problem{File: path.Join(l.name, dir)}
	if len(c.folder.list) > 0 {
		first.File, first.Line = c.folder.list[0].name, 1
	}
	for _, f := range layouts[reflect.TypeFor[Case]()].fields {
		if f.required && !slices.Contains(met, f.name) {
			p := first
			p.Message = "missing " + f.name
			if f.nullable {
				p.Message += "; write `" + f.name + ": null` when it is not known"
			}
			l.problems = append(l.problems, p)
		}
	}
	if c.ID == "" {
		c.ID = dir // set aside under the folder's name rather than lost
	}
	if c.ID != dir {
		l.problems = append(l.problems, c.folder.problem("id", "is %q but the folder is %q; they must be the same", c.ID, dir))
	}
	zone, err := parseZone(c.UTCOffset)
	if err != nil && c.UTCOffset != "" {
		l.problems = append(l.problems, c.folder.problem("utc_offset", "%v", err))
	}
	c.zone = zone
	return c
}

// folder reads every YAML file of a folder into v and gives the fields met.
func (l *loader) folder(dir string, v reflect.Value, into *files) []string {
	into.owner = map[string]int{}
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		l.problems = append(l.problems, Problem{File: path.Join(l.name, dir), Message: err.Error()})
		return nil
	}
	var met []string
	for _, e := range entries {
		name := path.Join(l.name, dir, e.Name())
		switch path.Ext(e.Name()) {
		case ".yaml":
		case ".yml":
			l.problems = append(l.problems, Problem{File: name, Message: "is not read; name it .yaml"})
			continue
		default:
			continue
		}
		data, err := fs.ReadFile(l.fsys, path.Join(dir, e.Name()))
		if err != nil {
			l.problems = append(l.problems, Problem{File: name, Message: err.Error()})
			continue
		}
		into.list = append(into.list, file{name, data})
		met = append(met, l.file(len(into.list)-1, into, v)...)
	}
	if len(into.list) == 0 {
		l.problems = append(l.problems, Problem{File: path.Join(l.name, dir), Message: "holds no .yaml file"})
	}
	return met
}

func (l *loader) file(at int, into *files, v reflect.Value) []string {
	f := into.list[at]
	d := decoder{file: f.name}
	root := d.parse(f.data)
	if root == nil {
		l.problems = append(l.problems, d.problems...)
		return nil
	}
	// A field that an earlier file holds is not read again.
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); {
		key := root.Content[i]
		if owner, taken := into.owner[key.Value]; taken && owner != at {
			d.problem(key, key.Value, "stands already in %s; keep a field in one file", into.list[owner].name)
			root.Content = slices.Delete(root.Content, i, i+2)
			continue
		}
		into.owner[key.Value] = at
		i += 2
	}
	met := d.top(root, v)
	l.problems = append(l.problems, d.problems...)
	return met
}

func parseZone(offset string) (*time.Location, error) {
	t, err := time.Parse("-07:00", offset)
	if err != nil {
		return nil, fmt.Errorf("%q is not an offset from UTC; write \"+05:00\", in quotes", offset)
	}
	_, seconds := t.Zone()
	return time.FixedZone("UTC"+offset, seconds), nil
}

// problem makes a problem about the value at a path ("acts[2].source") and
// finds its line by reading the file again: problems are rare, and keeping
// the lines of everything would cost every load.
func (f *files) problem(at, format string, args ...any) Problem {
	p := Problem{Path: at, Message: fmt.Sprintf(format, args...)}
	top, _, _ := strings.Cut(at, ".")
	top, _, _ = strings.Cut(top, "[")
	owner, ok := f.owner[top]
	if !ok {
		if len(f.list) > 0 {
			p.File, p.Line = f.list[0].name, 1
		}
		return p
	}
	p.File = f.list[owner].name
	if n := find(f.list[owner].data, at); n != nil {
		p.Line = n.Line
	}
	return p
}

// find gives the node at a path, or the last one on the way to it.
func find(data []byte, at string) *yaml.Node {
	var doc yaml.Node
	if yaml.Unmarshal(data, &doc) != nil || len(doc.Content) == 0 {
		return nil
	}
	n := doc.Content[0]
	for _, step := range strings.FieldsFunc(at, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(n, step)
		if next == nil {
			return n
		}
		n = next
	}
	return n
}

func child(n *yaml.Node, step string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(n.Content) {
			return nil
		}
		return n.Content[i]
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == step {
			return n.Content[i+1]
		}
	}
	return nil
}

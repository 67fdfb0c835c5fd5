package casefile

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
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

// sharedFolder holds the actors, laws, sources and bans that several cases share.
const sharedFolder = "shared"

// Records holds every case, and what they share.
type Records struct {
	Shared Shared
	Cases  []*Case // sorted by id

	problems []Problem // found while reading

	// The shared entries by id.
	actors  map[string]*Actor
	laws    map[string]*Law
	sources map[string]*Source
}

// files holds the files of one folder, and which file has which field.
type files struct {
	list   []file
	owner  map[string]int
	broken bool // a file is no YAML, so nobody knows what it holds

	mu    sync.Mutex
	trees map[int]*yaml.Node // parsed for problem, by index into list; guarded by mu
}

type file struct {
	name string // the path that messages show
	data []byte
}

// Load reads each folder of fsys as a case, and the folder "shared". name is what
// messages call fsys, for instance "records". A fault in a file is not an error:
// Lint returns it as a problem, and the case holds as much as could be read. An
// error is one of fsys itself.
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
	r := &Records{Shared: Shared{folder: &files{}}}
	cases := make([]*Case, len(dirs))
	problems := make([][]Problem, len(dirs))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(dirs)) {
		wg.Go(func() {
			for i := range next {
				l := loader{fsys: fsys, name: name}
				if dirs[i] == sharedFolder {
					l.folder(dirs[i], reflect.ValueOf(&r.Shared).Elem(), r.Shared.folder)
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
	r.actors = index(r.Shared.Actors, func(a *Actor) string { return a.ID })
	r.laws = index(r.Shared.Laws, func(l *Law) string { return l.ID })
	r.sources = index(r.Shared.Sources, func(s *Source) string { return s.ID })
	r.settle()
	return r, nil
}

func index[T any](list []T, id func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for i := range list {
		if _, taken := m[id(&list[i])]; !taken {
			m[id(&list[i])] = &list[i]
		}
	}
	return m
}

func lookup[T any](list []T, id string, idOf func(*T) string) *T {
	for i := range list {
		if idOf(&list[i]) == id {
			return &list[i]
		}
	}
	return nil
}

// Actor returns an actor of the case or a shared one, nil where there is none. c
// may be nil: then only shared ones are looked up.
func (r *Records) Actor(c *Case, id string) *Actor {
	if c != nil {
		if a := lookup(c.Actors, id, func(a *Actor) string { return a.ID }); a != nil {
			return a
		}
	}
	return r.actors[id]
}

// Law returns a law of the case or a shared one, nil where there is none. c may be
// nil.
func (r *Records) Law(c *Case, id string) *Law {
	if c != nil {
		if l := lookup(c.Laws, id, func(l *Law) string { return l.ID }); l != nil {
			return l
		}
	}
	return r.laws[id]
}

// Source returns a source of the case or a shared one, nil where there is none. c
// may be nil.
func (r *Records) Source(c *Case, id string) *Source {
	if c != nil {
		if s := lookup(c.Sources, id, func(s *Source) string { return s.ID }); s != nil {
			return s
		}
	}
	return r.sources[id]
}

// Act returns the act with an id, nil where there is none.
func (c *Case) Act(id string) *Act { return lookup(c.Acts, id, func(a *Act) string { return a.ID }) }

// Sighting returns the sighting with an id, nil where there is none.
func (c *Case) Sighting(id string) *Sighting {
	return lookup(c.Sightings, id, func(s *Sighting) string { return s.ID })
}

// Claim returns the claim with an id, nil where there is none.
func (c *Case) Claim(id string) *Claim {
	return lookup(c.Claims, id, func(k *Claim) string { return k.ID })
}

// Request returns the row of requests with an id, nil where there is none.
func (c *Case) Request(id string) *Request {
	return lookup(c.Requests, id, func(r *Request) string { return r.ID })
}

// Docket returns the docket with an id, nil where there is none.
func (c *Case) Docket(id string) *Docket {
	return lookup(c.Dockets, id, func(d *Docket) string { return d.ID })
}

// Case returns the case with an id, nil where there is none.
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
	c := &Case{folder: &files{}}
	met := l.folder(dir, reflect.ValueOf(c).Elem(), c.folder)
	first := Problem{File: path.Join(l.name, dir)}
	if len(c.folder.list) > 0 {
		first.File, first.Line = c.folder.list[0].name, 1
	}
	for _, f := range layouts[reflect.TypeFor[Case]()].fields {
		if f.required && !slices.Contains(met, f.name) && !c.folder.broken {
			p := first
			p.Message = "missing " + f.name
			if f.nullable {
				p.Message += "; write `" + f.name + ": null` when it is not known"
			}
			l.problems = append(l.problems, p)
		}
	}
	if c.ID == "" {
		c.ID = dir // kept under the folder's name, not lost
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

// folder reads every YAML file of a folder into v and returns the fields that it
// found.
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
		into.broken = into.broken || len(d.problems) > 0
		l.problems = append(l.problems, d.problems...)
		return nil
	}
	// A field that an earlier file has is not read again.
	for i := 0; root.Kind == yaml.MappingNode && i+1 < len(root.Content); {
		key := root.Content[i]
		if owner, taken := into.owner[key.Value]; taken && owner != at {
			d.problem(key, key.Value, "is already in %s; keep a field in one file", into.list[owner].name)
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

// problem makes a problem about the value at a path ("acts[2].source"). It finds
// the line by parsing the file again: problems are rare, and keeping all line
// numbers would slow down every load.
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
	if n := find(f.tree(owner), at); n != nil {
		p.Line = n.Line
	}
	return p
}

// tree returns the nodes of a file, which it parses once.
func (f *files) tree(at int) *yaml.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.trees == nil {
		f.trees = map[int]*yaml.Node{}
	}
	if f.trees[at] == nil {
		f.trees[at] = &yaml.Node{}
		// What cannot be parsed was noted as a problem when it was loaded.
		_ = yaml.Unmarshal(oneLineBreak(f.list[at].data), f.trees[at])
	}
	return f.trees[at]
}

// find returns the node at a path, or the last node on the way to it.
func find(doc *yaml.Node, at string) *yaml.Node {
	if len(doc.Content) == 0 {
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

// edit makes the edit of the value at a path; nil where the value cannot be found.
func (f *files) edit(at, old, to string) *Edit {
	top, _, _ := strings.Cut(at, ".")
	top, _, _ = strings.Cut(top, "[")
	owner, ok := f.owner[top]
	if !ok {
		return nil
	}
	n := find(f.tree(owner), at)
	if n == nil || n.Value != old {
		return nil
	}
	return &Edit{Line: n.Line, Column: n.Column, Old: old, New: to}
}

// fieldsMet returns the fields that the folder has.
func (f *files) fieldsMet() []string {
	return slices.Collect(maps.Keys(f.owner))
}

// File is a file of the record.
type File struct {
	Name string // "ID/case.yaml", "shared/sources.yaml"
	Data []byte
}

// Files returns the files from which a case is read, its own and the shared ones,
// sorted by name. The caller must not change their data.
func (r *Records) Files(id string) []File {
	var out []File
	folders := []*files{r.Shared.folder}
	if c := r.Case(id); c != nil {
		folders = append(folders, c.folder)
	}
	for _, folder := range folders {
		for _, f := range folder.list {
			dir, name := path.Split(f.name)
			out = append(out, File{path.Base(dir) + "/" + name, f.data})
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Revision returns, in hexadecimal, the SHA-256 of a list of the files from which a
// case is read, its own and the shared ones. The list is what "sha256sum ID/*.yaml
// shared/*.yaml" prints in the folder of the record, sorted by name, so that a
// reader can compute it.
func (r *Records) Revision(id string) string {
	whole := sha256.New()
	for _, f := range r.Files(id) {
		fmt.Fprintf(whole, "%x  %s\n", sha256.Sum256(f.Data), f.Name)
	}
	return fmt.Sprintf("%x", whole.Sum(nil))
}

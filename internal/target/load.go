package target

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Problem is one mistake in the registry's documents.
type Problem struct {
	File string
	Line int // from 1
	Text string
}

func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Problems are all mistakes that one Load found, ordered by file and line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Load reads a registry: every .yaml file in the root of fsys is one platform. If there
// are mistakes, the error is Problems with all of them.
func Load(fsys fs.FS) (*Registry, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the target registry: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("read the target registry: no .yaml file in it")
	}
	l := &linter{ids: make(map[string]bool)}
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read target %s: %w", name, err)
		}
		l.parse(name, text)
	}
	for _, d := range l.documents {
		l.ids[d.platform.ID] = true
	}
	for _, d := range l.documents {
		l.check(d)
	}
	l.checkTogether()
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int {
			return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
		})
		return nil, l.problems
	}
	platforms := make([]*Platform, len(l.documents))
	for i, d := range l.documents {
		platforms[i] = d.platform
	}
	return index(platforms)
}

// document is one parsed file.
type document struct {
	file     string
	text     []byte
	platform *Platform
}

// root parses the file into nodes, which know their lines. Only problems need them.
func (d *document) root() (*yaml.Node, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(d.text, &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("a target file holds one mapping, beginning with `id:`")
	}
	return root.Content[0], nil
}

// line returns the line of a path of map keys and list indexes. If the path does not
// exist, it is the line of the last part that does.
func (d *document) line(steps ...any) int {
	n, err := d.root()
	if err != nil {
		return 1
	}
	line := n.Line
	for _, s := range steps {
		var next *yaml.Node
		switch s := s.(type) {
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == s {
					next = n.Content[i+1]
					line = n.Content[i].Line
				}
			}
		case int:
			if n.Kind == yaml.SequenceNode && s < len(n.Content) {
				next = n.Content[s]
				line = next.Line
			}
		}
		if next == nil {
			return line
		}
		n = next
	}
	return line
}

type linter struct {
	documents []*document
	ids       map[string]bool
	problems  Problems
}

func (l *linter) problem(d *document, line int, format string, args ...any) {
	l.problems = append(l.problems, Problem{d.file, line, fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// parse reads one file. A file that is not a platform is reported and left out.
func (l *linter) parse(file string, text []byte) {
	d := &document{file: file, text: text, platform: new(Platform)}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	err := decoder.Decode(d.platform)
	if err == nil && decoder.Decode(new(yaml.Node)) != io.EOF {
		err = errors.New("more than one YAML document in the file; one platform a file")
	}
	if err != nil || d.platform.ID == "" {
		if _, broken := d.root(); broken != nil {
			err = broken
		}
	}
	if err == nil {
		l.documents = append(l.documents, d)
		return
	}
	messages := []string{err.Error()}
	if te := new(yaml.TypeError); errors.As(err, &te) {
		messages = te.Errors
	}
	for _, m := range messages {
		line := 1
		if found := yamlLine.FindStringSubmatch(m); found != nil {
			line, _ = strconv.Atoi(found[1])
			m = strings.Replace(found[2], " not found in type target.", " is not a field of ", 1)
		}
		l.problem(d, line, "%s", m)
	}
}

var (
	idForm    = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	aliasForm = regexp.MustCompile(`^[^\sA-Z]+( [^\sA-Z]+)*$`)
	testForm  = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
)

// check reports what is wrong within one document.
func (l *linter) check(d *document) {
	p := d.platform
	if !idForm.MatchString(p.ID) {
		l.problem(d, d.line("id"), "bad id %q: lower-case letters, digits and single hyphens", p.ID)
	} else if want := p.ID + ".yaml"; path.Base(d.file) != want {
		l.problem(d, d.line("id"), "id %q in a file of another name: call the file %s", p.ID, want)
	}
	if strings.TrimSpace(p.Name) == "" {
		l.problem(d, d.line("name"), "missing name")
	}
	if strings.TrimSpace(p.Owner) == "" {
		l.problem(d, d.line("owner"), "missing owner")
	}
	if !p.Kind.known() {
		l.problem(d, d.line("kind"), "unknown kind %q: one of %s", p.Kind, kindList())
	}
	l.checkDates(d, p.Launched, p.Closed, "launched", "closed")
	for i, f := range p.Former {
		if f.Name == "" {
			l.problem(d, d.line("former_names", i), "former_names[%d]: missing name", i)
		}
		if _, _, err := f.Until.bounds(); err != nil {
			l.problem(d, d.line("former_names", i, "until"), "former_names[%d].until: %v", i, err)
		} else if i > 0 && !p.Former[i-1].Until.End().Before(f.Until.End()) {
			l.problem(d, d.line("former_names", i, "until"), "former_names[%d]: not after the one before it", i)
		}
	}
	for i, a := range p.Aliases {
		if !aliasForm.MatchString(a) {
			l.problem(d, d.line("aliases", i), "aliases[%d]: %q is not lower case words", i, a)
		}
	}
	for i, t := range p.Tests {
		if !testForm.MatchString(t) {
			l.problem(d, d.line("tests", i), "tests[%d]: %q is not an OONI test name (web_connectivity)", i, t)
		}
	}
	if len(p.Hosts) == 0 {
		l.problem(d, d.line("hosts"), "missing hosts: a platform claims at least one")
	}
	for i := range p.Hosts {
		l.checkHost(d, i)
	}
	for i := range p.Services {
		l.checkService(d, i)
	}
}

func (l *linter) checkDates(d *document, from, until Date, fromKey, untilKey string, steps ...any) {
	bad := false
	for _, end := range []struct {
		date Date
		key  string
	}{{from, fromKey}, {until, untilKey}} {
		if end.date == "" {
			continue
		}
		if _, _, err := end.date.bounds(); err != nil {
			l.problem(d, d.line(append(steps, end.key)...), "%s: %v", end.key, err)
			bad = true
		}
	}
	if !bad && from != "" && until != "" && !from.Start().Before(until.End()) {
		l.problem(d, d.line(append(steps, untilKey)...), "%s %s is before %s %s", untilKey, until, fromKey, from)
	}
}

func (l *linter) checkHost(d *document, i int) {
	h := d.platform.Hosts[i]
	wrong := func(format string, args ...any) { l.problem(d, d.line("hosts", i), format, args...) }
	switch {
	case (h.Domain == "") == (h.Exact == ""):
		wrong("hosts[%d]: give either domain (with all names under it) or host (this name alone)", i)
		return
	case hostName(h.Name()) != h.Name():
		wrong("hosts[%d]: %q is not a host name in lower case and punycode without port or final dot", i, h.Name())
	case h.Domain != "" && (isAddress(h.Domain) || !strings.Contains(h.Domain, ".")):
		wrong("hosts[%d]: %q cannot be claimed with all names under it", i, h.Domain)
	case h.Exact != "" && !isAddress(h.Exact) && !strings.Contains(h.Exact, "."):
		wrong("hosts[%d]: %q is a bare label", i, h.Exact)
	}
	for j, e := range h.Except {
		if hostName(e) != e || !strings.HasSuffix(e, "."+h.Domain) || h.Domain == "" {
			l.problem(d, d.line("hosts", i, "except", j), "hosts[%d].except[%d]: %q is not under the claimed domain", i, j, e)
		}
	}
	l.checkDates(d, h.From, h.Until, "from", "until", "hosts", i)
}

func (l *linter) checkService(d *document, i int) {
	s := d.platform.Services[i]
	if s.Name == "" {
		l.problem(d, d.line("services", i), "services[%d]: missing name", i)
	}
	for _, other := range d.platform.Services[:i] {
		if s.Name != "" && other.Name == s.Name {
			l.problem(d, d.line("services", i, "name"), "services[%d]: a second service %q", i, s.Name)
		}
	}
	if s.Need != Any && s.Need != All {
		l.problem(d, d.line("services", i, "need"), "services[%d].need: %q is neither any (of a pool) nor all (of a set)", i, s.Need)
	}
	if len(s.Endpoints) == 0 {
		l.problem(d, d.line("services", i, "endpoints"), "services[%d]: missing endpoints", i)
	}
	if s.SharedWith != "" && (!l.ids[s.SharedWith] || s.SharedWith == d.platform.ID) {
		l.problem(d, d.line("services", i, "shared_with"), "services[%d].shared_with: no other platform %q", i, s.SharedWith)
	}
	for j, e := range s.Endpoints {
		if _, err := endpointHost(e); err != nil {
			l.problem(d, d.line("services", i, "endpoints", j), "services[%d].endpoints[%d]: %v", i, j, err)
		}
	}
}

// endpointHost is the host of a service's endpoint.
func endpointHost(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", fmt.Errorf("bad endpoint: %w", err)
	}
	host := u.Hostname()
	switch {
	case !slices.Contains([]string{"https", "http", "tcp", "udp"}, u.Scheme):
		return "", fmt.Errorf("bad endpoint %q: begin with https://, http://, tcp:// or udp://", endpoint)
	case host == "" || hostName(host) != host:
		return "", fmt.Errorf("bad endpoint %q: no host name in lower case", endpoint)
	case (u.Scheme == "tcp" || u.Scheme == "udp") && u.Port() == "":
		return "", fmt.Errorf("bad endpoint %q: missing port", endpoint)
	}
	return host, nil
}

// checkTogether reports what is wrong between documents: two claims to one name, alias or
// test, and endpoints on hosts of others.
func (l *linter) checkTogether() {
	type owner struct {
		d    *document
		host Host
	}
	hosts := make(map[string][]owner)
	words := make(map[string]*document)
	tests := make(map[string]*document)
	for _, d := range l.documents {
		if other := words[d.platform.ID]; other != nil {
			l.problem(d, d.line("id"), "id %q is taken by %s", d.platform.ID, other.file)
		}
		words[d.platform.ID] = d
	}
	for _, d := range l.documents {
		for i, a := range d.platform.Aliases {
			if other := words[a]; other != nil {
				l.problem(d, d.line("aliases", i), "alias %q is taken by %s", a, other.file)
			}
			words[a] = d
		}
		for i, t := range d.platform.Tests {
			if other := tests[t]; other != nil {
				l.problem(d, d.line("tests", i), "test %q already speaks for %s", t, other.platform.ID)
			}
			tests[t] = d
		}
		for i, h := range d.platform.Hosts {
			for _, o := range hosts[h.Name()] {
				if overlap(o.host, h) {
					l.problem(d, d.line("hosts", i), "host %s is claimed already in %s:%d", h.Name(), o.d.file, o.d.line("hosts", slices.IndexFunc(o.d.platform.Hosts, func(x Host) bool { return x.Name() == h.Name() })))
				}
			}
			hosts[h.Name()] = append(hosts[h.Name()], owner{d, h})
		}
	}
	if len(l.problems) > 0 {
		return // claims cannot be looked up while they are wrong
	}
	l.checkEndpointHosts()
}

func (l *linter) checkEndpointHosts() {
	platforms := make([]*Platform, len(l.documents))
	for i, d := range l.documents {
		platforms[i] = d.platform
	}
	r, err := index(platforms)
	if err != nil {
		l.problems = append(l.problems, Problem{"", 0, err.Error()})
		return
	}
	for _, d := range l.documents {
		for i, s := range d.platform.Services {
			want := d.platform.ID
			if s.SharedWith != "" {
				want = s.SharedWith
			}
			for j, e := range s.Endpoints {
				host, err := endpointHost(e)
				if err != nil {
					continue // checkService reports it
				}
				if !slices.ContainsFunc(r.byID[want].Hosts, func(h Host) bool { return covers(h, host) }) {
					l.problem(d, d.line("services", i, "endpoints", j), "services[%d].endpoints[%d]: %s does not claim %s; add it to hosts, or say shared_with", i, j, want, host)
				}
			}
		}
	}
}

func covers(h Host, name string) bool {
	return h.Name() == name || h.Domain != "" && strings.HasSuffix(name, "."+h.Domain)
}

// overlap reports whether two claims hold on one same day. Dates that cannot be read
// overlap nothing; they are reported separately.
func overlap(a, b Host) bool {
	before := func(a, b Host) bool {
		return a.Until != "" && b.From != "" && !b.From.Start().Before(a.Until.End())
	}
	return !before(a, b) && !before(b, a)
}

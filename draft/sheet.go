package draft

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/casefile"
)

// Source is the text of a draft, as a source of the record.
type Source struct {
	Title     string
	Author    string // "" where the text names none
	Published casefile.Date
	URL       string
	SHA256    string // of the archived copy; "" where there is none
	MediaType string
}

const sheetHead = `# A draft, to be gone through line by line. Write behind each decision:
# accept (as it stands), edit (as you changed it), refuse. What is left null
# stays out. What a line says in "what" and "says" is yours to write, in your
# own words; passage only shows where it stands. Then:
#   bandish record apply THIS --case ID --records records
`

// Sheet writes a draft as YAML for a person to decide on, line by line. Each
// proposal has the form of an entry of the case file. What the text does not say is
// null; ids are suggestions.
func (d *Draft) Sheet(from Source) ([]byte, error) {
	ids := make(map[string]bool)
	root := mapping("title", text(d.Title), "published", date(d.Published), "cc", optional(d.CC))
	put(root, "source", mapping("decision", null(), "is", sourceEntry(from)))
	var actors, acts, claims []*yaml.Node
	for _, l := range d.Actors {
		if l.Is.ID == nil { // the record has the others
			actors = append(actors, proposal(l.Rule, l.At, l.Passage, actorEntry(l.Is, ids)))
		}
	}
	for _, l := range d.Acts {
		acts = append(acts, proposal(l.Rule, l.At, l.Passage, actEntry(l.Is, ids)))
	}
	for _, l := range d.Claims {
		claims = append(claims, proposal(l.Rule, l.At, l.Passage, claimEntry(l.Is, d.CC, ids)))
	}
	put(root, "actors", list(actors))
	put(root, "acts", list(acts))
	put(root, "claims", list(claims))
	var b bytes.Buffer
	b.WriteString(sheetHead)
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("write the sheet: %w", err)
	}
	return b.Bytes(), enc.Close()
}

func proposal(rule string, at casefile.Locator, passage string, is *yaml.Node) *yaml.Node {
	place := mapping()
	place.Style = yaml.FlowStyle
	if at.Page > 0 {
		put(place, "page", number(at.Page))
	}
	put(place, "paragraph", number(at.Paragraph))
	if at.Offset != nil {
		put(place, "offset", number(*at.Offset))
		put(place, "length", number(at.Length))
	}
	return mapping("decision", null(), "rule", text(rule), "at", place, "passage", text(passage), "is", is)
}

func sourceEntry(from Source) *yaml.Node {
	id := "source"
	if !from.Published.IsZero() {
		id += "-" + from.Published.String()
	}
	n := mapping("id", text(id), "publisher", null(), "title", textOrNull(from.Title), "date", date(from.Published), "url", textOrNull(from.URL),
		"type", text("press"), "language", text("en"), "reliability", null(), "reliability_reason", null())
	if from.SHA256 != "" {
		put(n, "copy", mapping("sha256", text(from.SHA256), "media_type", text(from.MediaType)))
	}
	if from.Author != "" {
		put(n, "authors", words([]string{from.Author}))
	}
	return n
}

func actorEntry(a Actor, ids map[string]bool) *yaml.Node {
	id := slug(a.Name)
	if a.CC != nil {
		id = strings.ToLower(*a.CC) + "-" + id
	}
	n := mapping("id", text(unique(id, ids)), "kind", text(string(a.Kind)), "name", text(a.Name))
	if a.CC != nil {
		put(n, "cc", text(*a.CC))
	}
	if a.Kind == "office_holder" || a.Kind == "judge" {
		put(n, "office", null())
		put(n, "of", null())
	}
	return n
}

func actEntry(a Act, ids map[string]bool) *yaml.Node {
	n := mapping("id", text(unique(dated(string(a.Kind), a.Date), ids)), "kind", text(string(a.Kind)), "date", date(a.Date))
	if a.DateText != "" {
		put(n, "date_note", text("The source says “"+a.DateText+"”."))
	}
	putSome(n, "by", words(a.By))
	putSome(n, "to", words(a.To))
	put(n, "what", null())
	if len(a.Targets) > 0 {
		put(n, "scope", &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle, Content: []*yaml.Node{text("targets"), words(a.Targets)}})
	}
	putSome(n, "effect", text(string(a.Effect)))
	if a.Term != nil {
		put(n, "term", mapping("text", text(*a.Term)))
	}
	return n
}

// putSome puts a field that is not empty.
func putSome(n *yaml.Node, name string, v *yaml.Node) {
	if v.Value != "" || len(v.Content) > 0 {
		put(n, name, v)
	}
}

func claimEntry(c Claim, cc *string, ids map[string]bool) *yaml.Node {
	n := mapping("id", text(unique(dated("claim-"+string(c.About), c.Date), ids)), "by", words(c.By), "date", date(c.Date), "about", text(string(c.About)), "says", null())
	switch {
	case c.About == "access":
		put(n, "access", mapping("target", optional(c.Target), "cc", optional(cc), "at", date(c.Date), "says", null()))
	case c.About == "law":
		put(n, "law", mapping("law", null()))
	case c.About == "number" && c.Number != nil:
		value := null()
		if c.Number.Value != nil {
			value = &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatFloat(*c.Number.Value, 'f', -1, 64)}
		}
		put(n, "figure", mapping("what", null(), "value", value, "unit", textOrNull(c.Number.Unit), "relation", text(c.Number.Relation)))
	}
	return n
}

func dated(word string, d casefile.Date) string {
	id := slug(word)
	if day := d.String(); day != "" {
		id += "-" + slug(day)
	}
	return id
}

func unique(id string, taken map[string]bool) string {
	got := id
	for n := 2; taken[got]; n++ {
		got = fmt.Sprintf("%s-%d", id, n)
	}
	taken[got] = true
	return got
}

var notID = lazy(`[^a-z0-9]+`)

// slug makes an id of a name: small Latin letters, digits and hyphens.
func slug(name string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(name))
	return cmp.Or(strings.Trim(notID().ReplaceAllString(plain, "-"), "-"), "unnamed")
}

// The nodes of a sheet.

func mapping(pairs ...any) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for i := 0; i+1 < len(pairs); i += 2 {
		put(n, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return n
}

func put(n *yaml.Node, name string, v *yaml.Node) {
	n.Content = append(n.Content, text(name), v)
}

func list(entries []*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: entries}
}

func words(list []string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
	for _, w := range list {
		n.Content = append(n.Content, text(w))
	}
	return n
}

func null() *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"} }

func text(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

func textOrNull(s string) *yaml.Node {
	if s == "" {
		return null()
	}
	return text(s)
}

func optional(s *string) *yaml.Node {
	if s == nil {
		return null()
	}
	return textOrNull(*s)
}

func number(n int64) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.FormatInt(n, 10)}
}

var plainDay = lazy(`^\d{4}-\d{2}-\d{2}$`)

func date(d casefile.Date) *yaml.Node {
	s := d.String()
	if s == "" {
		return null()
	}
	if plainDay().MatchString(s) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!timestamp", Value: s}
	}
	return text(s)
}

// Decided is what a person decided on a sheet.
type Decided struct {
	// Additions holds the accepted and edited lines as entries of the case file.
	Additions casefile.Additions
	// Lines says, by list, in which line of the sheet each of them is.
	Lines map[string][]int
	// Refused and Open count the lines that are not taken.
	Refused, Open int
}

// decisions are the words for a decision; a line without a decision is not taken.
var decisions = []string{"accept", "edit", "refuse"}

// Decide reads the decisions on a sheet. use is the id of the source that the taken
// lines cite. With "" they cite the sheet's own source, which must be accepted if
// an act or a claim is. known reports whether the record has an actor. Where there
// are problems, Decided is nil and nothing is taken.
func Decide(sheet []byte, use string, known func(actor string) bool) (*Decided, []casefile.Problem) {
	var doc yaml.Node
	if err := yaml.Unmarshal(sheet, &doc); err != nil {
		return nil, []casefile.Problem{{Message: err.Error()}}
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode || get(doc.Content[0], "source") == nil {
		return nil, []casefile.Problem{{Line: 1, Message: "is no sheet; write one with: bandish record draft FILE --sheet"}}
	}
	s := &sheetReader{root: doc.Content[0], known: known, source: use, names: make(map[string]string),
		out: &Decided{Additions: make(casefile.Additions), Lines: make(map[string][]int)}}
	s.readSource()
	s.readList("actors", s.actor)
	s.readList("acts", s.act)
	s.readList("claims", s.claim)
	if s.source == "" && len(s.out.Additions["acts"])+len(s.out.Additions["claims"]) > 0 {
		s.wrong(get(s.root, "source"), "source", "is not accepted, and accepted lines need a source to cite; accept it, or name one of the record with --source")
	}
	if len(s.problems) > 0 {
		return nil, s.problems
	}
	return s.out, nil
}

type sheetReader struct {
	root     *yaml.Node
	known    func(string) bool
	source   string            // id of the source that the lines cite
	names    map[string]string // ids of accepted actors by name
	out      *Decided
	problems []casefile.Problem
}

func (s *sheetReader) wrong(n *yaml.Node, path, format string, args ...any) {
	s.problems = append(s.problems, casefile.Problem{Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...)})
}

// decision reads the decision on a line, and what the line proposes.
func (s *sheetReader) decision(line *yaml.Node, path string) (is *yaml.Node, taken bool) {
	if line.Kind != yaml.MappingNode {
		s.wrong(line, path, "is no line of a sheet")
		return nil, false
	}
	word := get(line, "decision")
	switch {
	case word == nil || word.Tag == "!!null" || word.Value == "":
		s.out.Open++
		return nil, false
	case word.Value == "refuse":
		s.out.Refused++
		return nil, false
	case !slices.Contains(decisions, word.Value):
		s.wrong(word, path+".decision", "%q is none of %s; leave it null to keep the line out for now", word.Value, strings.Join(decisions, ", "))
		return nil, false
	}
	is = get(line, "is")
	if is == nil || is.Kind != yaml.MappingNode {
		s.wrong(line, path+".is", "is missing")
		return nil, false
	}
	return is, true
}

func (s *sheetReader) readSource() {
	line := get(s.root, "source")
	is, taken := s.decision(line, "source")
	if !taken {
		return
	}
	if s.source != "" {
		s.wrong(line, "source", "is accepted, but --source names another; refuse it or leave --source out")
		return
	}
	s.take("sources", line, is, "source.is")
	if id := get(is, "id"); id != nil {
		s.source = id.Value
	}
}

func (s *sheetReader) readList(name string, read func(line, is *yaml.Node, path string)) {
	lines := get(s.root, name)
	if lines == nil {
		return
	}
	if lines.Kind != yaml.SequenceNode {
		s.wrong(lines, name, "is no list")
		return
	}
	for i, line := range lines.Content {
		path := fmt.Sprintf("%s[%d]", name, i)
		if is, taken := s.decision(line, path); taken {
			read(line, is, path+".is")
		}
	}
}

func (s *sheetReader) actor(line, is *yaml.Node, path string) {
	s.take("actors", line, is, path)
	if id, name := get(is, "id"), get(is, "name"); id != nil && name != nil {
		s.names[name.Value] = id.Value
	}
}

func (s *sheetReader) act(line, is *yaml.Node, path string) {
	s.actorIDs(is, "by", path)
	s.actorIDs(is, "to", path)
	s.ownWords(line, is, "what", path)
	s.cite(line, is)
	s.take("acts", line, is, path)
}

func (s *sheetReader) claim(line, is *yaml.Node, path string) {
	s.actorIDs(is, "by", path)
	s.ownWords(line, is, "says", path)
	s.cite(line, is)
	s.take("claims", line, is, path)
}

// actorIDs replaces names by ids.
func (s *sheetReader) actorIDs(is *yaml.Node, name, path string) {
	list := get(is, name)
	if list == nil {
		return
	}
	for i, n := range list.Content {
		if id := s.names[n.Value]; id != "" {
			n.Value = id
		} else if !s.known(n.Value) {
			s.wrong(n, fmt.Sprintf("%s.%s[%d]", path, name, i), "%q is no actor of the record; accept its line under actors, write an id, or take it out", n.Value)
		}
	}
}

// ownWords notes a problem where a sentence is the source's own.
func (s *sheetReader) ownWords(line, is *yaml.Node, name, path string) {
	n, passage := get(is, name), get(line, "passage")
	if n != nil && passage != nil && n.Value != "" && strings.Contains(passage.Value, strings.TrimSuffix(n.Value, ".")) && len(strings.Fields(n.Value)) > 5 {
		s.wrong(n, path+"."+name, "is the source's own sentence; say it in your words")
	}
}

// cite adds the place in the source to a line without citations.
func (s *sheetReader) cite(line, is *yaml.Node) {
	if get(is, "cites") != nil {
		return
	}
	cite := mapping("source", text(s.source))
	cite.Style = yaml.FlowStyle
	if at := get(line, "at"); at != nil && at.Kind == yaml.MappingNode {
		cite.Content = append(cite.Content, at.Content...)
	}
	put(is, "cites", list([]*yaml.Node{cite}))
}

// take makes an entry of the case file from a line: its fields in their order,
// without null fields that may be left out.
func (s *sheetReader) take(section string, line, is *yaml.Node, path string) bool {
	names, required, nullable := casefile.Fields(section)
	entry := mapping()
	for i := 0; i+1 < len(is.Content); i += 2 {
		if !slices.Contains(names, is.Content[i].Value) {
			s.wrong(is.Content[i], path+"."+is.Content[i].Value, "unknown field; known fields are %s", strings.Join(names, ", "))
			return false
		}
	}
	complete := true
	for _, name := range names {
		n := get(is, name)
		missing := n == nil || n.Tag == "!!null" || n.Kind == yaml.ScalarNode && n.Value == ""
		switch {
		case missing && slices.Contains(required, name):
			at := is
			if n != nil {
				at = n
			}
			s.wrong(at, path+"."+name, "is not known yet; write it before you accept the line")
			complete = false
		case n == nil && slices.Contains(nullable, name):
			put(entry, name, null())
		case n == nil || n.Tag == "!!null" && !slices.Contains(nullable, name) || n.Kind != yaml.ScalarNode && len(n.Content) == 0:
		default:
			if hole := firstNull(n); n.Kind == yaml.MappingNode && hole != "" {
				s.wrong(n, path+"."+name+"."+hole, "is not known yet; write it, or take %s out", name)
				complete = false
			}
			put(entry, name, n)
		}
	}
	if complete {
		s.out.Additions[section] = append(s.out.Additions[section], entry)
		s.out.Lines[section] = append(s.out.Lines[section], line.Line)
	}
	return complete
}

// firstNull returns the name of the first field of a mapping that is null, "" for
// none. The time of a claim about access may be null.
func firstNull(n *yaml.Node) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i+1].Tag == "!!null" && n.Content[i].Value != "at" {
			return n.Content[i].Value
		}
	}
	return ""
}

func get(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

package casefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Binding holds what Bind changes.
type Binding struct {
	// Files holds the new texts of the files that change, by name.
	Files map[string][]byte
	// Placed is the number of citations that got a place.
	Placed int
	// Missing lists the phrases that the copy does not hold.
	Missing []string
}

// Bind connects a source of the record to a copy. It writes the copy's hash into
// the source. Into every citation with a phrase it writes the place that the
// function place returns. Nothing else in the files changes. Where place returns
// false the phrase is missing, and its citation stays as it is. An error says which
// file cannot be changed; the record itself never changes.
func (r *Records) Bind(source string, c Copy, place func(Cite) (Locator, bool)) (*Binding, error) {
	b := &Binding{Files: map[string][]byte{}}
	folders := []*files{r.Shared.folder}
	for _, c := range r.Cases {
		folders = append(folders, c.folder)
	}
	bound := false
	for _, f := range folders {
		for i := range f.list {
			tree := f.tree(i)
			if len(tree.Content) == 0 {
				continue
			}
			e := edits{lines: strings.SplitAfter(string(f.list[i].data), "\n")}
			if n := entryNode(tree.Content[0], "sources", source); n != nil {
				bound = true
				if err := e.copyOf(n, c); err != nil {
					return nil, fmt.Errorf("bind source %s in %s: %w", source, f.list[i].name, err)
				}
			}
			for _, n := range citeNodes(tree.Content[0], source) {
				cite := Cite{Source: source, Phrase: valueOf(n, "phrase"), Prefix: valueOf(n, "prefix"), Suffix: valueOf(n, "suffix")}
				at, ok := place(cite)
				if !ok {
					b.Missing = append(b.Missing, cite.Phrase)
					continue
				}
				b.Placed++
				e.place(n, at)
			}
			if text := e.apply(); text != string(f.list[i].data) {
				b.Files[f.list[i].name] = []byte(text)
			}
		}
	}
	if !bound {
		return nil, fmt.Errorf("the record has no source %q", source)
	}
	return b, nil
}

// entryNode returns the entry with an id in a top-level list, nil for none.
func entryNode(root *yaml.Node, section, id string) *yaml.Node {
	list := fieldOf(root, section)
	if list == nil {
		return nil
	}
	for _, n := range list.Content {
		if v := fieldOf(n, "id"); v != nil && v.Value == id {
			return n
		}
	}
	return nil
}

func fieldOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func valueOf(n *yaml.Node, name string) string {
	if v := fieldOf(n, name); v != nil {
		return v.Value
	}
	return ""
}

// citeNodes returns the citations of a source that have a phrase.
func citeNodes(n *yaml.Node, source string) []*yaml.Node {
	if v := fieldOf(n, "source"); v != nil && v.Value == source && fieldOf(n, "phrase") != nil {
		return []*yaml.Node{n}
	}
	var out []*yaml.Node
	for _, c := range n.Content {
		out = append(out, citeNodes(c, source)...)
	}
	return out
}

// edits collects changes to the lines of a text. They are made from the end, so
// that none moves another.
type edits struct {
	lines []string
	list  []edit
}

type edit struct {
	line, column int // its place, from 0
	cut          int // how many bytes it removes
	text         string
}

// placeFields are the fields that Bind writes, in this order.
var placeFields = []string{"page", "paragraph", "offset", "length", "extractor"}

// place writes the place directly after the citation's source.
func (e *edits) place(n *yaml.Node, at Locator) {
	e.drop(n, placeFields)
	var fields []string
	for _, f := range []struct {
		name  string
		value int64
	}{{"page", at.Page}, {"paragraph", at.Paragraph}} {
		if f.value > 0 {
			fields = append(fields, fmt.Sprintf("%s: %d", f.name, f.value))
		}
	}
	if at.Offset != nil {
		fields = append(fields, fmt.Sprintf("offset: %d", *at.Offset), fmt.Sprintf("length: %d", at.Length), "extractor: "+at.Extractor)
	}
	e.after(n, fieldOf(n, "source"), fields)
}

// copyOf writes the copy after the source's id.
func (e *edits) copyOf(n *yaml.Node, c Copy) error {
	if old := fieldOf(n, "copy"); old != nil && old.Style&yaml.FlowStyle == 0 {
		return fmt.Errorf("line %d: write copy in one line, {sha256: …}", old.Line)
	}
	e.drop(n, []string{"copy"})
	text := "copy: {sha256: " + c.SHA256
	if c.MediaType != "" {
		text += ", media_type: " + c.MediaType
	}
	if c.How != "" {
		text += ", how: " + c.How
	}
	if c.Withheld {
		text += ", withheld: true"
	}
	e.after(n, fieldOf(n, "id"), []string{text + "}"})
	return nil
}

// after writes fields after the value of a field of a mapping.
func (e *edits) after(n, value *yaml.Node, fields []string) {
	line, column := value.Line-1, value.Column-1+len(value.Value)
	if value.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		column += 2
	}
	if n.Style&yaml.FlowStyle != 0 {
		e.list = append(e.list, edit{line: line, column: column, text: ", " + strings.Join(fields, ", ")})
		return
	}
	gap := "\n" + strings.Repeat(" ", n.Content[0].Column-1)
	e.list = append(e.list, edit{line: line, column: column, text: gap + strings.Join(fields, gap)})
}

// drop removes fields that are on one line from a mapping.
func (e *edits) drop(n *yaml.Node, names []string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if !slices.Contains(names, key.Value) {
			continue
		}
		line, text := key.Line-1, e.lines[key.Line-1]
		if n.Style&yaml.FlowStyle == 0 {
			e.list = append(e.list, edit{line: line, cut: len(text)})
			continue
		}
		// In braces a field is removed with the comma before it, because source is
		// first.
		from := strings.LastIndex(text[:key.Column-1], ",")
		to := key.Column - 1 + strings.IndexAny(text[key.Column-1:], ",}\n")
		if from >= 0 && to > from {
			e.list = append(e.list, edit{line: line, column: from, cut: to - from})
		}
	}
}

func (e *edits) apply() string {
	slices.SortStableFunc(e.list, func(a, b edit) int { return cmp.Or(cmp.Compare(b.line, a.line), cmp.Compare(b.column, a.column)) })
	for _, x := range e.list {
		line := e.lines[x.line]
		e.lines[x.line] = line[:x.column] + x.text + line[x.column+x.cut:]
	}
	return strings.Join(e.lines, "")
}

package casefile

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Additions holds entries to append to the lists of a case, by the name of the
// list: "acts", "claims", "sources". Each entry is a mapping.
type Additions map[string][]*yaml.Node

// Insert appends entries to the lists in the files of a case. It returns the new
// text of each file that changes, by name. Nothing else in a file changes:
// comments, order and spelling stay. A list that is in no file yet is added at the
// end of the file that holds the case's id.
func (c *Case) Insert(adds Additions) (map[string][]byte, error) {
	changed := make(map[string][]byte)
	for _, section := range layouts[reflect.TypeFor[Case]()].names {
		entries := adds[section]
		if len(entries) == 0 {
			continue
		}
		owner, ok := c.folder.owner[section]
		if !ok {
			if owner, ok = c.folder.owner["id"]; !ok {
				return nil, fmt.Errorf("add %s to case %s: no file holds its id", section, c.ID)
			}
		}
		f := c.folder.list[owner]
		text, done := changed[f.name]
		if !done {
			text = f.data
		}
		text, err := insert(text, section, entries)
		if err != nil {
			return nil, fmt.Errorf("add %s to %s: %w", section, f.name, err)
		}
		changed[f.name] = text
	}
	for section := range adds {
		if !slices.Contains(layouts[reflect.TypeFor[Case]()].names, section) {
			return nil, fmt.Errorf("a case has no %q", section)
		}
	}
	return changed, nil
}

// insert appends entries to a top-level list in a YAML text.
func insert(text []byte, section string, entries []*yaml.Node) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(text), "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	} else {
		lines[last] += "\n"
	}
	var key, list *yaml.Node
	if len(doc.Content) > 0 && doc.Content[0].Kind == yaml.MappingNode {
		if doc.Content[0].Style&yaml.FlowStyle != 0 {
			return nil, fmt.Errorf("line %d: the file is written in braces; write it a field a line", doc.Content[0].Line)
		}
		pairs := doc.Content[0].Content
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i].Value == section {
				key, list = pairs[i], pairs[i+1]
			}
		}
	}
	switch {
	case key == nil:
		block, err := render(entries, 2)
		if err != nil {
			return nil, err
		}
		return []byte(strings.Join(lines, "") + "\n" + section + ":\n" + block), nil
	case list.Kind == yaml.SequenceNode && len(list.Content) == 0 || isNull(list):
		return beginList(lines, key, list, entries)
	case list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: %s is no list", key.Line, section)
	case list.Style&yaml.FlowStyle != 0:
		return nil, fmt.Errorf("line %d: %s is written in brackets; write it an entry a line", key.Line, section)
	}
	dash := list.Column - 1
	block, err := render(entries, dash)
	if err != nil {
		return nil, err
	}
	end := endOfList(lines, list.Content[len(list.Content)-1].Line, dash)
	gap := ""
	if spaced(lines, list) {
		gap = "\n"
		block = strings.TrimPrefix(block, "\n")
	}
	return []byte(strings.Join(lines[:end], "") + gap + block + strings.Join(lines[end:], "")), nil
}

// beginList replaces "acts: []" or "acts:" by entries, and keeps a comment on that
// line.
func beginList(lines []string, key, list *yaml.Node, entries []*yaml.Node) ([]byte, error) {
	line := key.Line - 1
	head := lines[line][:key.Column-1+len(key.Value)]
	rest := strings.TrimRight(lines[line][len(head):], "\n")
	rest = strings.TrimPrefix(strings.TrimLeft(rest, " "), ":")
	if list.Kind == yaml.SequenceNode || list.Value != "" { // [] or null, on this line
		if list.Line != key.Line {
			return nil, fmt.Errorf("line %d: write the entries of %s a line each", key.Line, key.Value)
		}
		_, comment, found := strings.Cut(rest, "#")
		rest = ""
		if found {
			rest = " #" + comment
		}
	}
	block, err := render(entries, 2)
	if err != nil {
		return nil, err
	}
	return []byte(strings.Join(lines[:line], "") + strings.TrimRight(head+":"+rest, " ") + "\n" + block + strings.Join(lines[line+1:], "")), nil
}

// endOfList returns the number of the line after the last entry of a list, from 0.
// from is the line in which the list begins, counted from 1; dash is the column of
// its dash. Comments and empty lines after the entry belong to what follows.
func endOfList(lines []string, from, dash int) int {
	end := from
	for i := from; i < len(lines); i++ {
		body := strings.TrimLeft(lines[i], " ")
		indent := len(lines[i]) - len(body)
		if strings.TrimSpace(body) == "" || strings.HasPrefix(body, "#") && indent <= dash {
			continue
		}
		if indent <= dash {
			break
		}
		end = i + 1
	}
	return end
}

// spaced reports whether an empty line separates entries of a list.
func spaced(lines []string, list *yaml.Node) bool {
	for _, n := range list.Content[1:] {
		if before := n.Line - 2; before >= 0 && strings.TrimSpace(lines[before]) == "" {
			return true
		}
	}
	return false
}

// render writes entries as a block list, with dashes in the column dash and an
// empty line between entries.
func render(entries []*yaml.Node, dash int) (string, error) {
	var out strings.Builder
	for i, e := range entries {
		var b bytes.Buffer
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := enc.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{e}}); err != nil {
			return "", err
		}
		if err := enc.Close(); err != nil {
			return "", err
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		for _, line := range strings.SplitAfter(strings.TrimSuffix(b.String(), "\n"), "\n") {
			if strings.TrimSpace(line) != "" {
				out.WriteString(strings.Repeat(" ", dash))
			}
			out.WriteString(line)
		}
		out.WriteByte('\n')
	}
	return out.String(), nil
}

// Fields returns the names of the fields of the entries of a list of the case, for
// instance "acts": all in their order, those that must have a value, and those that
// must be present but may be null. All are nil where a case has no such list.
func Fields(section string) (names, required, nullable []string) {
	l := layouts[reflect.TypeFor[Case]()]
	at, ok := l.byName[section]
	if !ok {
		return nil, nil, nil
	}
	t := reflect.TypeFor[Case]().FieldByIndex(l.fields[at].index).Type
	if t.Kind() != reflect.Slice || layouts[t.Elem()] == nil {
		return nil, nil, nil
	}
	for _, f := range layouts[t.Elem()].fields {
		names = append(names, f.name)
		switch {
		case f.nullable:
			nullable = append(nullable, f.name)
		case f.required:
			required = append(required, f.name)
		}
	}
	return names, required, nullable
}

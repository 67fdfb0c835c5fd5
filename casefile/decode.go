package casefile

import (
	"bytes"
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/network"
)

// field is one field of a struct of the record's format.
type field struct {
	name     string
	index    []int
	required bool // the key must be there
	nullable bool // the value may be null, which means "not known"
}

// layout lists the fields of a struct type, in order.
type layout struct {
	fields []field
	byName map[string]int
	names  []string
}

// layouts holds the layout of every struct of the format.
var layouts = func() map[reflect.Type]*layout {
	all := map[reflect.Type]*layout{}
	addLayout(all, reflect.TypeFor[Case]())
	addLayout(all, reflect.TypeFor[Shared]())
	return all
}()

func addLayout(all map[reflect.Type]*layout, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		addLayout(all, t.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if t == reflect.TypeFor[Date]() || all[t] != nil {
		return
	}
	l := &layout{byName: map[string]int{}}
	all[t] = l
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "computed" {
			continue
		}
		rule := f.Tag.Get("rule")
		l.byName[name] = len(l.fields)
		l.names = append(l.names, name)
		l.fields = append(l.fields, field{
			name: name, index: f.Index,
			required: strings.HasPrefix(rule, "required"),
			nullable: strings.HasSuffix(rule, "null"),
		})
		addLayout(all, f.Type)
	}
}

// decoder reads YAML nodes into the structs of the format. It notes every problem
// and does not stop at the first.
type decoder struct {
	file     string
	problems []Problem
}

func (d *decoder) problem(n *yaml.Node, path, format string, args ...any) *Problem {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: n.Line, Path: path, Message: fmt.Sprintf(format, args...),
	})
	return &d.problems[len(d.problems)-1]
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// oneLineBreak replaces by spaces the characters at which YAML breaks lines and
// editors do not, so that line numbers are those that a person sees.
func oneLineBreak(data []byte) []byte {
	if !bytes.ContainsAny(data, "\r\u0085\u2028\u2029") {
		return data
	}
	data = bytes.Clone(data)
	for i, b := range data {
		if b == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			data[i] = ' '
		}
	}
	for _, sep := range []string{"\u0085", "\u2028", "\u2029"} {
		data = bytes.ReplaceAll(data, []byte(sep), []byte("   "[:len(sep)]))
	}
	return data
}

// parse reads one YAML document; nil where there is nothing to decode.
func (d *decoder) parse(data []byte) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(oneLineBreak(data), &doc); err != nil {
		p := Problem{File: d.file, Message: err.Error()}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Message = "not YAML: " + m[2] + "; check the indentation, and quote text that holds \": \" or starts with a sign"
		}
		d.problems = append(d.problems, p)
		return nil
	}
	if len(doc.Content) == 0 {
		return nil
	}
	if bytes.Contains(data, []byte("\n---")) {
		d.problem(doc.Content[0], "", "the file holds a second YAML document (---); put it in a file of its own")
	}
	return doc.Content[0]
}

// top decodes the fields of a file into v, a pointer to Case or Shared, and returns
// the names of the fields that it found.
func (d *decoder) top(root *yaml.Node, v reflect.Value) []string {
	if root.Kind != yaml.MappingNode {
		d.problem(root, "", "want fields such as `acts:`, got %s", kindName(root))
		return nil
	}
	return d.fields(root, v, "")
}

func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.problem(n, path, "anchors and aliases (& and *) are not allowed; write the text out")
		return
	}
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.text(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Struct:
		if n.Kind == yaml.ScalarNode && shorthand[v.Type()] && !isNull(n) {
			v.Field(0).SetString(n.Value)
			return
		}
		if n.Kind != yaml.MappingNode {
			d.problem(n, path, "want fields, got %s", kindName(n))
			return
		}
		d.mandatory(n, v.Type(), d.fields(n, v, path), path)
	default:
		d.scalar(n, v, path)
	}
}

// shorthand lists the structs that may be written as the value of their first field
// alone.
var shorthand = map[reflect.Type]bool{reflect.TypeFor[Cite](): true, reflect.TypeFor[Assertion](): true}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "want a list (lines that begin with \"- \"), got %s", kindName(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		if isNull(item) {
			d.problem(item, at, "is empty; take the line out")
			continue
		}
		d.value(item, v.Index(i), at)
	}
}

// fields decodes a mapping and returns the names of the fields that it found.
func (d *decoder) fields(n *yaml.Node, v reflect.Value, path string) []string {
	l := layouts[v.Type()]
	met := make([]string, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at, ok := l.byName[key.Value]
		if !ok {
			d.unknown(key, l, path)
			continue
		}
		if slices.Contains(met, key.Value) {
			d.problem(key, join(path, key.Value), "occurs twice; keep one")
			continue
		}
		met = append(met, key.Value)
		f := l.fields[at]
		if isNull(val) && f.required && !f.nullable {
			d.problem(val, join(path, f.name), "is empty; it must be filled in")
			continue
		}
		d.value(val, v.FieldByIndex(f.index), join(path, f.name))
	}
	return met
}

func (d *decoder) unknown(key *yaml.Node, l *layout, path string) {
	like := nearest(key.Value, l.names)
	if like == "" {
		d.problem(key, join(path, key.Value), "unknown field; known fields are %s", strings.Join(l.names, ", "))
		return
	}
	p := d.problem(key, join(path, key.Value), "unknown field; did you mean %q?", like)
	if plain(key.Value) == plain(like) {
		p.Edit = &Edit{Line: key.Line, Column: key.Column, Old: key.Value, New: like}
	}
}

// mandatory notes the required fields that are not in met.
func (d *decoder) mandatory(n *yaml.Node, t reflect.Type, met []string, path string) {
	for _, f := range layouts[t].fields {
		if !f.required || slices.Contains(met, f.name) {
			continue
		}
		hint := ""
		if f.nullable {
			hint = "; write `" + f.name + ": null` when it is not known"
		}
		d.problem(n, path, "missing %s%s", f.name, hint)
	}
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.ScalarNode {
		d.problem(n, path, "want text, got %s; put it in quotes (EDTF sets are \"[A..B]\" and \"{A,B}\")", kindName(n))
		return
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value))
	if err == nil {
		return
	}
	p := d.problem(n, path, "%v", err)
	if mended := mendText(v.Type(), n.Value); mended != "" {
		p.Edit = &Edit{Line: n.Line, Column: n.Column, Old: n.Value, New: mended}
	}
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.problem(n, path, "want one value, got %s", kindName(n))
		return
	}
	if isNull(n) {
		return
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
		d.word(n, v, path)
		return
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(n.Value); err != nil {
			d.problem(n, path, "%q is not true or false", n.Value)
		}
		v.SetBool(b)
	case reflect.Int64:
		var i int64
		if i, err = strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 10, 64); err != nil {
			d.problem(n, path, "%q is not a whole number; write 41414, without commas", n.Value)
		}
		v.SetInt(i)
	case reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(strings.ReplaceAll(n.Value, "_", ""), 64); err != nil || f-f != 0 {
			d.problem(n, path, "%q is not a number; write 59.7, without commas or %%", n.Value)
			f = 0
		}
		v.SetFloat(f)
	default:
		panic("casefile: no decoding for " + v.Type().String())
	}
}

// word checks that a value is in its closed list.
func (d *decoder) word(n *yaml.Node, v reflect.Value, path string) {
	list, ok := v.Interface().(interface{ terms() []term })
	if !ok {
		return
	}
	words := make([]string, 0, 24)
	for _, t := range list.terms() {
		if t.Value == n.Value {
			return
		}
		words = append(words, t.Value)
	}
	like := nearest(n.Value, words)
	if like == "" {
		d.problem(n, path, "%q is none of %s", n.Value, strings.Join(words, ", "))
		return
	}
	p := d.problem(n, path, "%q is not in the list; did you mean %q?", n.Value, like)
	if plain(n.Value) == plain(like) {
		p.Edit = &Edit{Line: n.Line, Column: n.Column, Old: n.Value, New: like}
	}
}

// mendText returns the form that was surely meant, or "".
func mendText(t reflect.Type, s string) string {
	switch t {
	case reflect.TypeFor[network.ASN]():
		if n, err := network.ParseASN(strings.TrimSpace(s)); err == nil && n != 0 {
			return n.String()
		}
	case reflect.TypeFor[Date]():
		for _, form := range []string{"2 January 2006", "2 Jan 2006", "January 2, 2006", "Jan 2, 2006", "2006/01/02", "2006.01.02", "2006-1-2"} {
			if day, err := time.Parse(form, strings.TrimSpace(s)); err == nil {
				return day.Format(time.DateOnly)
			}
		}
	}
	return ""
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func kindName(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "fields"
	default:
		return strconv.Quote(n.Value)
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

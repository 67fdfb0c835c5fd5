// Package iceberg makes tables in the format of Apache Iceberg, version 2: the rows of a
// Go type as Parquet with field ids, manifests and lists of manifests in Avro, and the
// metadata in JSON (https://iceberg.apache.org/spec/).
//
// It guarantees that the same rows, files and moments give the same bytes, and that
// everything in a table that another program has changed stays in it. It does no I/O:
// where the bytes lie, and who may put the next version in place, is for others.
package iceberg

import (
	"encoding/json"
	"fmt"
)

// Schema holds the columns of a table.
type Schema struct {
	ID     int
	Fields []Field
}

// Field is a column, or a part of one.
type Field struct {
	ID       int
	Name     string
	Required bool
	Type     Type
}

// Type is what a field holds: a primitive type by its name, a list or a struct.
type Type struct {
	Primitive string
	Element   *Field // of a list; its name is "element"
	Fields    []Field
}

type jsonField struct {
	ID       int             `json:"id"`
	Name     string          `json:"name"`
	Required bool            `json:"required"`
	Type     json.RawMessage `json:"type"`
}

type jsonType struct {
	Type            string          `json:"type"`
	Fields          []Field         `json:"fields,omitempty"`
	ElementID       int             `json:"element-id,omitempty"`
	ElementRequired bool            `json:"element-required,omitempty"`
	Element         json.RawMessage `json:"element,omitempty"`
}

// MarshalJSON writes a field in the form of the metadata.
func (f Field) MarshalJSON() ([]byte, error) {
	t, err := json.Marshal(f.Type)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jsonField{f.ID, f.Name, f.Required, t})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Field) UnmarshalJSON(text []byte) error {
	var j jsonField
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*f = Field{ID: j.ID, Name: j.Name, Required: j.Required}
	return json.Unmarshal(j.Type, &f.Type)
}

// MarshalJSON writes a type in the form of the metadata.
func (t Type) MarshalJSON() ([]byte, error) {
	switch {
	case t.Element != nil:
		of, err := json.Marshal(t.Element.Type)
		if err != nil {
			return nil, err
		}
		return json.Marshal(jsonType{Type: "list", ElementID: t.Element.ID, ElementRequired: t.Element.Required, Element: of})
	case t.Fields != nil:
		return json.Marshal(jsonType{Type: "struct", Fields: t.Fields})
	}
	return json.Marshal(t.Primitive)
}

// UnmarshalJSON reads what MarshalJSON writes. A type that this package does not write,
// for instance a map, is an error.
func (t *Type) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &t.Primitive) == nil {
		return nil
	}
	var j jsonType
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	switch j.Type {
	case "list":
		t.Element = &Field{ID: j.ElementID, Name: "element", Required: j.ElementRequired}
		return json.Unmarshal(j.Element, &t.Element.Type)
	case "struct":
		t.Fields = j.Fields
		return nil
	}
	return fmt.Errorf("type %q is not known here", j.Type)
}

type jsonSchema struct {
	Type   string  `json:"type"`
	ID     int     `json:"schema-id"`
	Fields []Field `json:"fields"`
}

// MarshalJSON writes a schema in the form of the metadata.
func (s Schema) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonSchema{"struct", s.ID, s.Fields})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Schema) UnmarshalJSON(text []byte) error {
	var j jsonSchema
	err := json.Unmarshal(text, &j)
	*s = Schema{j.ID, j.Fields}
	return err
}

// sameColumns reports whether two schemas have the same columns with the same ids.
func (s Schema) sameColumns(o Schema) bool {
	s.ID = o.ID
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && string(a) == string(b)
}

// walk calls fn with every field and its path, for instance tallies.element.kind.
func walk(fields []Field, prefix string, fn func(path string, f *Field)) {
	for i := range fields {
		f := &fields[i]
		path := prefix + f.Name
		fn(path, f)
		walk(f.Type.Fields, path+".", fn)
		if e := f.Type.Element; e != nil {
			one := []Field{*e}
			walk(one, path+".", fn)
			*e = one[0]
		}
	}
}

// ids returns the ids of a schema's fields by their paths.
func (s *Schema) ids() map[string]int {
	out := map[string]int{}
	walk(s.Fields, "", func(path string, f *Field) { out[path] = f.ID })
	return out
}

// number gives every field an id: the one that a field with its path had before, or else
// the next one. It returns the greatest id that was ever given.
func (s *Schema) number(had map[string]int, last int) int {
	walk(s.Fields, "", func(path string, f *Field) {
		if f.ID = had[path]; f.ID == 0 {
			last++
			f.ID = last
		}
	})
	return last
}

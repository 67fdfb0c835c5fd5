package api

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// column is a column of CSV: a field of a row, or a field of an object in the row.
type column struct {
	name string
	text func(row reflect.Value) string
}

var (
	timeOf = reflect.TypeFor[time.Time]()
	jsonOf = reflect.TypeFor[json.Marshaler]()
	textOf = reflect.TypeFor[encoding.TextMarshaler]()
)

// columnsOf returns the columns for a type of row: its fields, in order, by their JSON
// names. A field of an object in the row is "object.field".
func columnsOf(t reflect.Type) []column {
	if shape, ok := shapes[t]; ok {
		columns := columnsOf(shape)
		for i, c := range columns {
			columns[i].text = func(v reflect.Value) string { return c.text(reshaped(v, shape)) }
		}
		return columns
	}
	var out []column
	for _, f := range fieldsOf(t) {
		of := func(v reflect.Value) reflect.Value { return at(v, f.index) }
		inner := f.typ
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		_, shaped := shapes[inner]
		if inner.Kind() != reflect.Struct || inner == timeOf || !shaped && (implements(inner, jsonOf) || implements(inner, textOf)) {
			out = append(out, column{f.name, func(v reflect.Value) string { return textIn(of(v)) }})
			continue
		}
		for _, c := range columnsOf(inner) {
			out = append(out, column{f.name + "." + c.name, func(v reflect.Value) string {
				x := of(v)
				if x.IsValid() && x.Kind() == reflect.Pointer {
					x = x.Elem()
				}
				if !x.IsValid() {
					return ""
				}
				return c.text(x)
			}})
		}
	}
	return out
}

func implements(t, i reflect.Type) bool { return t.Implements(i) || reflect.PointerTo(t).Implements(i) }

// reshaped turns a value into its shape: a struct with the fields of its JSON.
func reshaped(v reflect.Value, shape reflect.Type) reflect.Value {
	b, err := json.Marshal(v.Interface())
	out := reflect.New(shape)
	if err == nil {
		err = json.Unmarshal(b, out.Interface())
	}
	if err != nil {
		return reflect.Zero(shape)
	}
	return out.Elem()
}

// at returns a field by its index path; invalid if it lies in an object that is nil.
func at(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return reflect.Value{}
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

// textIn writes a value as a field of CSV; "" for an invalid, nil or empty one.
func textIn(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		return harmless(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return textIn(v.Elem())
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.Format(time.RFC3339Nano)
	case encoding.TextMarshaler:
		b, err := x.MarshalText()
		if err != nil {
			return ""
		}
		return harmless(string(b))
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32:
		return strconv.FormatFloat(v.Float(), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case reflect.Slice, reflect.Map:
		if v.Len() == 0 {
			return ""
		}
		if words, ok := wordsIn(v); ok {
			return harmless(words)
		}
	}
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return ""
	}
	var s string
	if json.Unmarshal(b, &s) == nil { // it marshals as a string, or as null
		return harmless(s)
	}
	return string(b)
}

// wordsIn joins a list of strings with spaces. It returns false for other values, and if a
// string has a space itself.
func wordsIn(v reflect.Value) (string, bool) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.String {
		return "", false
	}
	words := make([]string, v.Len())
	for i := range words {
		words[i] = v.Index(i).String()
		if strings.Contains(words[i], " ") {
			return "", false
		}
	}
	return strings.Join(words, " "), true
}

// harmless puts a "'" before a text that a spreadsheet would take for a formula. Strangers
// write these texts.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

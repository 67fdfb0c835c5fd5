package parameter

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// Entry is one parameter as docs/DETECTION.md lists it.
type Entry struct {
	Name  string // "Chain.SwitchCost"
	Value string
	Is    string // what it is
	From  string // derived, fitted or chosen, and on what
	Needs string // what changes without it
}

// List returns the parameters in their order.
func (p Parameters) List() []Entry {
	var out []Entry
	groups := reflect.ValueOf(p)
	for g := range groups.NumField() {
		group := groups.Field(g)
		for f := range group.NumField() {
			field := group.Type().Field(f)
			out = append(out, Entry{groups.Type().Field(g).Name + "." + field.Name, text(group.Field(f)),
				field.Tag.Get("is"), field.Tag.Get("from"), field.Tag.Get("needs")})
		}
	}
	return out
}

// text writes a value. A model of several numbers is described elsewhere in the
// document.
func text(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		return "see The date"
	case reflect.Array:
		return strings.Trim(fmt.Sprint(v.Interface()), "[]")
	case reflect.Float64:
		return fmt.Sprintf("%.4g", v.Float())
	}
	return fmt.Sprint(v.Interface())
}

// Markdown returns the list as a table in Markdown.
func (p Parameters) Markdown() string {
	var b strings.Builder
	b.WriteString("| parameter | value | what it is | source | changes without it |\n|---|---|---|---|---|\n")
	for _, e := range p.List() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", e.Name, e.Value, e.Is, e.From, e.Needs)
	}
	return b.String()
}

// Set changes one number, by its name in the list, for experiments and for tests of
// which cases need it. restore puts the old value back. The value must be above 0,
// and at least 1 for a whole number. Nothing may be computed with p in the
// meantime. An error means that there is no such parameter or value.
func (p *Parameters) Set(name string, value float64) (restore func(), err error) {
	group, field, _ := strings.Cut(name, ".")
	f := reflect.ValueOf(p).Elem().FieldByName(group)
	if f.Kind() == reflect.Struct {
		f = f.FieldByName(field)
	}
	if !f.IsValid() || !f.CanFloat() && !f.CanInt() && !f.CanUint() {
		return nil, fmt.Errorf("no parameter %q that is one number: docs/DETECTION.md lists them", name)
	}
	if !(value > 0) || math.IsInf(value, 0) || !f.CanFloat() && value < 1 {
		return nil, fmt.Errorf("parameter %s cannot be %v: give a number above 0, and at least 1 where it counts something", name, value)
	}
	old := reflect.ValueOf(f.Interface())
	switch {
	case f.CanFloat():
		f.SetFloat(value)
	case f.CanInt():
		f.SetInt(int64(value))
	default:
		f.SetUint(uint64(value))
	}
	return func() { f.Set(old) }, nil
}

package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/bandish/bandish/verdict"
)

// Rows that differ in one field, each field in turn, come out as they went in: none
// takes what is another's.
func TestHeldRows(t *testing.T) {
	t.Parallel()
	base := verdict.Row{UID: "uid", ReportID: "report", Sender: "sender", Time: time.Unix(1.7e9, 123000).UTC(), CC: "ZZ", ASN: 64512, Rules: []string{"a", "b"},
		TLS: verdict.Layer{Outcome: "blocked", Rule: "r"}, Raw: "raw", Line: 7, Content: 1 << 63}
	all := []verdict.Row{base}
	for _, path := range fields(reflect.TypeFor[verdict.Row](), nil) {
		v := base
		other(t, reflect.ValueOf(&v).Elem().FieldByIndex(path))
		all = append(all, v)
	}
	moved := base
	moved.Rules, moved.Marks = []string{"a"}, []string{"b"} // the same words, in other lists
	all = append(all, moved, base)
	var h heldRows
	w := newWords()
	for i := range all {
		if n := h.add(w, &all[i]); n != i {
			t.Fatalf("row %d has the number %d", i, n)
		}
	}
	for i, got := range h.between(0, len(all)) {
		if !reflect.DeepEqual(got, all[i]) {
			t.Errorf("row %d is\n%+v, want\n%+v", i, got, all[i])
		}
	}
	const own = 10 // fields of heldRow, which make no shape
	if want := len(all) - 1 - own; len(h.shapes) != want {
		t.Errorf("%d shapes of %d rows, want %d", len(h.shapes), len(all), want)
	}
}

// fields are the paths of all fields that hold no others.
func fields(of reflect.Type, at []int) (out [][]int) {
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return [][]int{at}
	}
	for i := range of.NumField() {
		out = append(out, fields(of.Field(i).Type, append(at[:len(at):len(at)], i))...)
	}
	return out
}

// other gives a field a value that it does not have.
func other(t *testing.T, f reflect.Value) {
	t.Helper()
	switch v := f.Addr().Interface().(type) {
	case *time.Time:
		*v = v.Add(time.Microsecond)
	case *[]string:
		*v = append((*v)[:len(*v):len(*v)], "another")
	default:
		switch f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "-")
		case reflect.Uint32, reflect.Uint64:
			f.SetUint(f.Uint() + 1)
		case reflect.Float32:
			f.SetFloat(f.Float() + 1)
		default:
			t.Fatal(fmt.Errorf("no other value for a %s", f.Type()))
		}
	}
}

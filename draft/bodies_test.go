package draft

import (
	"slices"
	"testing"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
)

// Every body is found by each of its names in a text of its country, and none
// by its abbreviation in a text of another.
func TestBodies(t *testing.T) {
	for _, b := range bodies {
		if !slices.Contains([]casefile.ActorKind{"government", "ministry", "regulator", "agency", "legislature", "court", "company", "civil_society", "measurer", "other"}, b.kind) {
			t.Errorf("%s: %q is no kind of actor", b.name, b.kind)
		}
		place := "Everywhere"
		if b.cc != "" {
			if !country.Valid(b.cc) {
				t.Fatalf("%s: %q is no country", b.name, b.cc)
			}
			place = country.Name(b.cc)
		}
		for _, name := range append([]string{b.name, b.short}, b.also...) {
			if name == "" {
				continue
			}
			d := read(t, "", "It happened in "+place+" and nowhere else.", "On that day the "+name+" ordered operators to block Sampler.")
			if !slices.ContainsFunc(d.Actors, func(l Line[Actor]) bool { return l.Is.Name == b.name && l.Is.Kind == b.kind }) {
				t.Errorf("%q in a text on %s gives %+v", name, place, d.Actors)
			}
		}
		if b.cc != "" && b.short != "" {
			d := read(t, "", "It happened in Iceland and nowhere else.", "On that day "+b.short+" ordered operators to block Sampler.")
			if slices.ContainsFunc(d.Actors, func(l Line[Actor]) bool { return l.Is.Name == b.name }) {
				t.Errorf("%s is found in a text on Iceland", b.short)
			}
		}
	}
}

func TestDemonyms(t *testing.T) {
	for word, cc := range demonyms {
		if !country.Valid(cc) {
			t.Errorf("%s: %q is no country", word, cc)
		}
	}
	d := read(t, "", "The Nigerian government spoke, and Nigerian operators obeyed.")
	if d.CC == nil || *d.CC != "NG" {
		t.Errorf("country %v", d.CC)
	}
}

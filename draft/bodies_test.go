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
	for _, b := range bodies() {
		if !slices.Contains([]casefile.ActorKind{"government", "ministry", "regulator", "agency", "legislature", "court", "company", "civil_society", "measurer", "other"}, b.Kind) {
			t.Errorf("%s: %q is no kind of actor", b.Name, b.Kind)
		}
		place := "Everywhere"
		if b.CC != "" {
			if !country.Valid(b.CC) {
				t.Fatalf("%s: %q is no country", b.Name, b.CC)
			}
			place = country.Name(b.CC)
		}
		for _, name := range append([]string{b.Name, b.Short}, b.Also...) {
			if name == "" {
				continue
			}
			d := read(t, "", "It happened in "+place+" and nowhere else.", "On that day the "+name+" ordered operators to block Sampler.")
			if !slices.ContainsFunc(d.Actors, func(l Line[Actor]) bool { return l.Is.Name == b.Name && l.Is.Kind == b.Kind }) {
				t.Errorf("%q in a text on %s gives %+v", name, place, d.Actors)
			}
		}
		if b.CC != "" && b.Short != "" {
			d := read(t, "", "It happened in Iceland and nowhere else.", "On that day "+b.Short+" ordered operators to block Sampler.")
			if slices.ContainsFunc(d.Actors, func(l Line[Actor]) bool { return l.Is.Name == b.Name }) {
				t.Errorf("%s is found in a text on Iceland", b.Short)
			}
		}
	}
}

func TestDemonyms(t *testing.T) {
	d := read(t, "", "The Nigerian government spoke, and Nigerian operators obeyed.")
	if d.CC == nil || *d.CC != "NG" {
		t.Errorf("country %v", d.CC)
	}
}

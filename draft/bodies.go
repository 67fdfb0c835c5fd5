package draft

import (
	_ "embed" // the table of bodies
	"sync"

	"github.com/bandish/bandish/casefile"
)

// body is a body of a state, or one that measures, with the names that newspapers
// in English use.
type body struct {
	CC    string // "" where it belongs to no country
	Kind  casefile.ActorKind
	Name  string
	Short string   // abbreviation in use, or ""
	Also  []string // other names
}

//go:embed bodies.yaml
var bodyTable []byte

// bodies are those that order, carry out, judge or measure bans.
var bodies = sync.OnceValue(func() []body {
	list, _ := readTable[body](bodyTable)
	return list
})

// knowBodies adds the bodies of the text's country and those of no country. Actors
// of the record come first: their ids are kept.
func (x *actorIndex) knowBodies() {
	for _, b := range bodies() {
		if b.CC != "" && b.CC != x.cc {
			continue
		}
		a := x.lookup(b.Name)
		for _, other := range append([]string{b.Short}, b.Also...) {
			if a == nil && other != "" {
				a = x.lookup(other)
			}
		}
		if a == nil {
			a = &Actor{Kind: b.Kind, Name: b.Name}
			if b.CC != "" {
				a.CC = new(b.CC)
			}
		}
		x.call(a, append(append(nameForms(b.Name), b.Short), b.Also...)...)
	}
}

package fingerprint

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed embedded.csv
var embedded string

// EmbeddedList returns the small table that comes with Bandish, which we wrote from
// published reports. The caller may change the slice.
func EmbeddedList() []Fingerprint {
	all, err := ReadCSV(strings.NewReader(embedded))
	if err != nil {
		panic(err) // embedded at build time, and read in a test
	}
	return all
}

// Embedded is the set of EmbeddedList.
var Embedded = sync.OnceValue(func() *Set {
	s, err := New(EmbeddedList())
	if err != nil {
		panic(err)
	}
	return s
})

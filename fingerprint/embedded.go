package fingerprint

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed embedded.csv
var embedded string

// EmbeddedList is the small table that comes with Bandish, written by us from
// published reports. The slice is the caller's.
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

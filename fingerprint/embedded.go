package fingerprint

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed embedded.csv
var embedded string

// Embedded is the small set that comes with Bandish, written by us from
// published reports.
var Embedded = sync.OnceValue(func() *Set {
	all, err := ReadCSV(strings.NewReader(embedded))
	if err != nil {
		panic(err) // embedded at build time, and read in a test
	}
	s, err := New(all)
	if err != nil {
		panic(err)
	}
	return s
})

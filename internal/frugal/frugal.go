// Package frugal lets tests take less processor time. It is no part of the program.
package frugal

import (
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// Tests lets Go collect garbage a quarter as often: tests keep little and throw much
// away, so it saves a tenth to two fifths of their time for some 200 MB of memory.
// TestMain calls it first. Benchmarks are of the program as it runs: with -bench
// nothing is changed.
func Tests() {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.bench") }) {
		return
	}
	debug.SetGCPercent(400)
}

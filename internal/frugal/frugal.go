// Package frugal lets tests take less processor time. It is no part of the program.
package frugal

import (
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// Tests makes the tests of a package cheap; TestMain calls it first. Go collects
// garbage a quarter as often: tests keep little and throw much away, so it saves a
// tenth to two fifths of their time for some 200 MB of memory. And their folders are in
// memory, if 4 GiB are free there: a third of the processor time of the archive's tests
// went to the disk. With BANDISH_LONG, as in CI, the files are on a disk. Benchmarks are
// of the program as it runs: with -bench nothing is changed.
func Tests() {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.HasPrefix(a, "-test.bench") }) {
		return
	}
	debug.SetGCPercent(400)
	if os.Getenv("BANDISH_LONG") == "" && os.Getenv("TMPDIR") == "" {
		if dir := inMemory(); dir != "" {
			os.Setenv("TMPDIR", dir) // the processes that a test starts inherit it
		}
	}
}

package main

import (
	"fmt"

	"github.com/bandish/bandish/internal/kit"
)

// The exit codes. Probes end with those of package kit.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBlocked     = kit.ExitBlocked
	exitDown        = kit.ExitDown
	exitUnclear     = kit.ExitUnclear
	exitInterrupted = 130
)

// exitMeaning is a row of the table of exit codes.
type exitMeaning struct {
	code  int
	means string // "": only probes end with this code
	probe string // what it means for a probe, if that differs
}

// exitMeanings is the only list of exit codes. Help, man pages and docs/commands.md show
// it.
var exitMeanings = []exitMeaning{
	{exitDone, "done", "everything is reachable"},
	{exitFailed, "it failed", ""},
	{exitUsage, "a mistake in the arguments; nothing was done", ""},
	{exitBlocked, "", "something is blocked"},
	{exitDown, "", "something is down, and nothing is blocked"},
	{exitUnclear, "", "unclear, and nothing is blocked"},
	{exitInterrupted, "interrupted; what was stored before stays", ""},
}

// exitError ends the process with an exit code that scripts can read. If err is nil,
// nothing more is printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError makes the error for a mistake in the arguments.
func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

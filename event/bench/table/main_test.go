package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The table of scenarios has a row for each that was asked for, and one figure
// for each column.
func TestScenarioTable(t *testing.T) {
	var out strings.Builder
	if err := run([]string{"-scenarios", "one provider", "-stories", "1", "-details"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if !strings.HasPrefix(lines[0], "| scenario | stories | found |") {
		t.Fatalf("the head is %q", lines[0])
	}
	columns, rows := strings.Count(lines[0], "|"), 0
	for _, l := range lines[2:] {
		if !strings.HasPrefix(l, "|") {
			continue
		}
		rows++
		if strings.Count(l, "|") != columns || !strings.Contains(l, "| 1.00 |") {
			t.Errorf("row %q", l)
		}
	}
	if rows != 4 {
		t.Errorf("%d rows, want 4:\n%s", rows, out.String())
	}
}

// Another version is given each story as a file, and its figures stand before
// ours; one that fails ends the run.
func TestBeside(t *testing.T) {
	blind := program(t, `grep -q measurement_uid "$4" && echo "[]"`) // reads the story and finds nothing
	var out strings.Builder
	if err := run([]string{"-scenarios", "at once, 1 network", "-stories", "1", "-beside", blind}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if want := "| at once, 1 network | 1 | 0.00 → 1.00 | - → 1.00 |"; !strings.Contains(out.String(), want) {
		t.Errorf("want %q in\n%s", want, out.String())
	}
	for name, path := range map[string]string{
		"fails":         program(t, "echo no such flag >&2; exit 2"),
		"says no JSON":  program(t, "echo hello"),
		"is not there":  filepath.Join(t.TempDir(), "none"),
		"cannot be run": t.TempDir(),
	} {
		var log strings.Builder
		if err := run([]string{"-scenarios", "at once, 1 network", "-stories", "1", "-beside", path}, io.Discard, &log); err == nil || !strings.Contains(log.String(), "at once, 1 network") {
			t.Errorf("a program that %s: %v, told %q", name, err, log.String())
		}
	}
}

// program writes a shell script and returns its path.
func program(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bandish")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestUnknownFlag(t *testing.T) {
	for _, args := range [][]string{{"-nothing"}, {"-set", "Candidate.Luck=1"}, {"-set", "Candidate.MinRise"}, {"-set", "Candidate.MinRise=0"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

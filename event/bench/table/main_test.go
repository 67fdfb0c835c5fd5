package main

import (
	"io"
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

func TestUnknownFlag(t *testing.T) {
	for _, args := range [][]string{{"-nothing"}, {"-set", "Candidate.Luck=1"}, {"-set", "Candidate.MinRise"}, {"-set", "Candidate.MinRise=0"}} {
		if err := run(args, io.Discard, io.Discard); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

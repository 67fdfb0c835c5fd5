package trial

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bandish/bandish/verdict"
)

// Matrix counts the states found by the class of the truth.
type Matrix map[string]map[verdict.State]int

// NewMatrix counts results.
func NewMatrix(results []Result) Matrix {
	m := Matrix{}
	for i := range results {
		class := results[i].Scenario.Truth.Class()
		if m[class] == nil {
			m[class] = map[verdict.State]int{}
		}
		m[class][results[i].Verdict.State]++
	}
	return m
}

// matrixColumns are the states in the order of what they claim.
var matrixColumns = []verdict.State{
	verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.OK, verdict.Insufficient,
}

// String draws the matrix: a row for each truth, a column for each state.
func (m Matrix) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "in truth\t")
	for _, s := range matrixColumns {
		fmt.Fprintf(w, "%s\t", s)
	}
	fmt.Fprintln(w)
	for _, class := range []string{"blocked", "impaired", "down", "ok", "insufficient", "not-blocked", "not-ok"} {
		row, ok := m[class]
		if !ok {
			continue
		}
		fmt.Fprintf(w, "%s\t", class)
		for _, s := range matrixColumns {
			fmt.Fprintf(w, "%d\t", row[s])
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// Accused lists the scenarios that were called blocked and are not.
func Accused(results []Result) []string {
	var names []string
	for i := range results {
		r := &results[i]
		if found := r.Verdict.State; (found == verdict.Blocked || found == verdict.LikelyBlocked) && !strings.Contains(r.Scenario.Truth.State, "blocked") {
			names = append(names, r.Scenario.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

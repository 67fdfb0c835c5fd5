package trial

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bandish/bandish/verdict"
)

// Matrix counts the states that were found, by the class of the truth.
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

// matrixColumns orders the states by how much they claim.
var matrixColumns = []verdict.State{
	verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.OK, verdict.Insufficient,
}

// String writes the matrix: a row for each truth, a column for each state.
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

// Mechanisms counts the mechanisms that were found, by those of the truth; if the truth
// demands none, by its state.
type Mechanisms map[string]map[string]int

// NewMechanisms counts results.
func NewMechanisms(results []Result) Mechanisms {
	m := Mechanisms{}
	for i := range results {
		truth := results[i].Scenario.Truth
		row := truth.Mechanism
		if row == "" {
			row = "(" + truth.State + ")"
		}
		found := strings.Join(results[i].Verdict.Mechanisms, " + ")
		if found == "" {
			found = "none"
		}
		if m[row] == nil {
			m[row] = map[string]int{}
		}
		m[row][found]++
	}
	return m
}

// String lists, for each mechanism of the truth, what was found and how often.
func (m Mechanisms) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "in truth\tfound\truns\n")
	for _, truth := range slices.Sorted(maps.Keys(m)) {
		row := m[truth]
		for _, found := range slices.SortedFunc(maps.Keys(row), func(a, b string) int {
			return cmp.Or(row[b]-row[a], strings.Compare(a, b))
		}) {
			fmt.Fprintf(w, "%s\t%s\t%d\n", truth, found, row[found])
		}
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

// Accused lists the scenarios that were called blocked although they are not.
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

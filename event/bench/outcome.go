package bench

import (
	"fmt"
	"io"
	"strings"
)

// columns are the columns of the table of scenarios.
var columns = []struct {
	head   string
	figure func(*Outcome) string
}{
	{"scenario", func(o *Outcome) string { return o.Scenario }},
	{"stories", func(o *Outcome) string { return fmt.Sprint(o.Stories) }},
	{"found", func(o *Outcome) string { return two(o.Found, o.Stories) }},
	{"precision", func(o *Outcome) string { return two(o.Right, o.Events) }},
	{"pieces", func(o *Outcome) string { return two(o.Right, o.Found) }},
	{"onset holds", func(o *Outcome) string { return of(o.OnsetIn, o.OnsetOf) }},
	{"end holds", func(o *Outcome) string { return of(o.EndIn, o.EndOf) }},
	{"told as over", func(o *Outcome) string { return two(o.Over, o.Found) }},
	{"width, h", func(o *Outcome) string {
		if len(o.Wide) == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", percentile(o.Wide, 0.5))
	}},
	{"networks, precision/recall", func(o *Outcome) string { return two(o.NetsHit, o.NetsSaid) + "/" + two(o.NetsHit, o.NetsTrue) }},
	{"grouped", func(o *Outcome) string { return two(o.Grouped, o.Found) }},
}

// two writes a share with two digits, "-" where b is 0.
func two(a, b int) string {
	if b == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", share(a, b))
}

func of(a, b int) string { return fmt.Sprintf("%s (%d/%d)", two(a, b), a, b) }

// WriteOutcomes writes a line of Markdown for every scenario. With several methods,
// each figure has one value for each method in turn, or a single one where all
// agree.
func WriteOutcomes(out io.Writer, methods ...[]*Outcome) {
	for _, c := range columns {
		fmt.Fprintf(out, "| %s ", c.head)
	}
	fmt.Fprintf(out, "|\n%s|\n", strings.Repeat("|---", len(columns)))
	for k := range methods[0] {
		for _, c := range columns {
			figures := []string{}
			alike := true
			for _, list := range methods {
				figures = append(figures, c.figure(list[k]))
				alike = alike && figures[0] == figures[len(figures)-1]
			}
			if alike {
				figures = figures[:1]
			}
			fmt.Fprintf(out, "| %s ", strings.Join(figures, " → "))
		}
		fmt.Fprintln(out, "|")
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bandish/bandish/internal/reported"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// scoreCases judges the cases in folders. It prints the cases on which the rules are
// wrong, and a summary for each folder. The exit code is 1 if there is such a case.
func scoreCases(w io.Writer, folders []string, options observation.Options) error {
	wrong := 0
	for _, folder := range folders {
		cases, err := reported.Read(os.DirFS(folder))
		if err != nil {
			return fmt.Errorf("verdict --truth %s: %w", folder, err)
		}
		if len(cases) == 0 {
			return fmt.Errorf("verdict --truth %s: no case in it; want NAME.txt, or truth.tsv and NAME.json", folder)
		}
		var s reported.Score
		for i := range cases {
			c := &cases[i]
			v, err := c.Judge(options)
			if err != nil {
				return fmt.Errorf("verdict --truth %s: %w", folder, err)
			}
			s.Add(c, v.State)
			if !c.Fits(v.State) {
				fmt.Fprintf(w, "%s is %s, right is %s (%s); rules %s\n", c.Name, v.State, joinStates(c.Right), c.Source, strings.Join(v.Rules, " "))
			}
		}
		wrong += s.Cases - s.Right
		printScore(w, folder, &s)
	}
	if wrong > 0 {
		return &exitError{code: 1}
	}
	return nil
}

func printScore(w io.Writer, folder string, s *reported.Score) {
	fmt.Fprintf(w, "%s: %d of %d cases right; accusations: %d right, %d false, %d missed: precision %.2f, recall %.2f\n",
		folder, s.Right, s.Cases, s.Accused, s.False, s.Missed, s.Precision(), s.Recall())
}

func joinStates(states []verdict.State) string {
	var b strings.Builder
	for i, s := range states {
		if i > 0 {
			b.WriteString(" or ")
		}
		b.WriteString(string(s))
	}
	return b.String()
}

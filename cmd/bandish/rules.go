package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
	"github.com/spf13/cobra"
)

func rulesCommand(env *environment) *cobra.Command {
	asJSON, asMarkdown := false, false
	c := withDefault(&cobra.Command{
		Use:   "rules",
		Short: "print the rules of verdicts, or compare what two rulesets conclude from the archive",
		RunE: doing(func(context.Context, []string) error {
			switch {
			case asMarkdown:
				_, err := env.stdout.Write(verdict.Document())
				return err
			case asJSON:
				return printJSON(env.stdout, rulesetJSON{verdict.Ruleset, verdict.Listing()})
			}
			return printRules(env.stdout)
		}),
	}, rulesDiffCommand(env))
	c.Flags().BoolVar(&asMarkdown, "markdown", false, "print the page docs/rules.md")
	jsonFlag(c, &asJSON)
	return c
}

func rulesDiffCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:         "diff OLD NEW",
		Short:       "compare what two rulesets conclude from the archive",
		Annotations: map[string]string{argumentsNote: "OLD, NEW  rulesets whose verdicts the archive has; `bandish rescore` makes those of this program"},
		RunE: doing(func(ctx context.Context, args []string) error {
			if len(args) != 2 {
				return usageError("rules diff takes two rulesets, got %s", number(len(args), "argument"))
			}
			return diffRules(ctx, env.stdout, env.data, args[0], args[1], asJSON)
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

type rulesetJSON struct {
	Ruleset string           `json:"ruleset"`
	Rules   []verdict.Listed `json:"rules"`
}

func printRules(w io.Writer) error {
	fmt.Fprintf(w, "ruleset %s\n\n", verdict.Ruleset)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "RULE\tLAYER\tARGUES\tMECHANISM\tKIND\tSAYS")
	for _, r := range verdict.Rules() {
		argues := string(r.State)
		if r.Invalid != "" {
			argues = "invalid: " + r.Invalid
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Layer, argues, r.Mechanism, r.Kind(), r.Sentence)
	}
	return tw.Flush()
}

// diffRules compares the verdicts of two rulesets in the archive, one day at a time.
func diffRules(ctx context.Context, w io.Writer, data, before, after string, asJSON bool) error {
	a, err := archive.OpenExisting(data)
	if err != nil {
		return err
	}
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	days := map[string][2][]archive.Segment{}
	for i, ruleset := range []string{before, after} {
		segments := m.Select(archive.Verdicts, ruleset)
		if len(segments) == 0 {
			return fmt.Errorf("rules diff: the archive has no verdicts of ruleset %s; it has %v, and `bandish rescore` makes those of %s", ruleset, rulesetsOf(m), verdict.Ruleset)
		}
		for _, s := range segments {
			d := days[s.Period]
			d[i] = append(d[i], s)
			days[s.Period] = d
		}
	}
	var changes verdict.Changes
	for _, day := range slices.Sorted(maps.Keys(days)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		old, errOld := verdictsOf(a, days[day][0])
		new, errNew := verdictsOf(a, days[day][1])
		if err := errors.Join(errOld, errNew); err != nil {
			return fmt.Errorf("rules diff: %s: %w", day, err)
		}
		changes.Add(old, new)
	}
	return printChanges(w, before, after, &changes, asJSON)
}

func rulesetsOf(m *archive.Manifest) []string {
	found := map[string]bool{}
	for _, s := range m.Segments {
		if s.Kind == archive.Verdicts {
			found[s.Ruleset] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func verdictsOf(a *archive.Archive, segments []archive.Segment) ([]verdict.Row, error) {
	var all []verdict.Row
	for _, s := range segments {
		err := archive.ReadSegment(a, s, func(rows []verdict.Row) error {
			for i := range rows {
				all = append(all, brief(&rows[i]))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// brief copies the parts of a row that are compared. The row itself is only valid for a
// moment.
func brief(r *verdict.Row) verdict.Row {
	return verdict.Row{
		UID: strings.Clone(r.UID), ReportID: strings.Clone(r.ReportID), Input: strings.Clone(r.Input), Time: r.Time,
		CC: strings.Clone(r.CC), Target: strings.Clone(r.Target), State: verdict.State(strings.Clone(string(r.State))),
		Raw: strings.Clone(r.Raw), Line: r.Line,
	}
}

func printChanges(w io.Writer, before, after string, c *verdict.Changes, asJSON bool) error {
	changed := c.Transitions()
	if asJSON {
		return printJSON(w, struct {
			Old     string               `json:"old"`
			New     string               `json:"new"`
			Same    int                  `json:"same"`
			Changes []verdict.Transition `json:"changes"`
		}{before, after, c.Same, changed})
	}
	n := 0
	for _, t := range changed {
		n += t.Measurements
	}
	fmt.Fprintf(w, "%s → %s: %d measurements change, %d do not\n", before, after, n, c.Same)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, t := range changed {
		fmt.Fprintf(tw, "%s\t%s\t%s → %s\t%d\n", t.CC, t.Target, stateOrNone(t.Old), stateOrNone(t.New), t.Measurements)
	}
	return tw.Flush()
}

func stateOrNone(s verdict.State) verdict.State {
	if s == "" {
		return "none"
	}
	return s
}

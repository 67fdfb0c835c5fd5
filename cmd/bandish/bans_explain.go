package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/spf13/cobra"
)

// explainedBan is what `bans explain` prints as JSON.
type explainedBan struct {
	Ban       ban.Ranked     `json:"ban"`
	Decisions []ban.Decision `json:"decisions"`
}

func banExplainCommand(env *environment) *cobra.Command {
	filter := &banFilter{env: env}
	asJSON := false
	c := &cobra.Command{
		Use:         "explain ID",
		Short:       "print every report of a ban, and why it counts as a report of this ban",
		Example:     "bandish bans explain pk-x-2024-02-17",
		Annotations: map[string]string{argumentsNote: "ID  of a ban; `bandish bans decisions` lists them"},
		Args:        oneArg("the id of a ban, pk-x-2024-02-17 (`bandish bans decisions` lists them)"),
		RunE:        doing(func(ctx context.Context, args []string) error { return explainBan(ctx, env, filter, args[0], asJSON) }),
	}
	filter.add(c)
	jsonFlag(c, &asJSON)
	return c
}

func explainBan(ctx context.Context, env *environment, filter *banFilter, id string, asJSON bool) error {
	if err := filter.read(); err != nil {
		return err
	}
	bans, decisions, err := filter.decided(ctx, true)
	if err != nil {
		return err
	}
	decisions = slices.DeleteFunc(decisions, func(d ban.Decision) bool { return d.Ban != id })
	ranked := ban.Rank(bans, filter.day)
	i := slices.IndexFunc(ranked, func(r ban.Ranked) bool { return r.ID == id })
	if i < 0 {
		return fmt.Errorf("no ban %q as of %s; `bandish bans decisions` lists the ids", id, filter.day.Format(time.DateOnly))
	}
	if asJSON {
		return printJSON(env.stdout, explainedBan{ranked[i], decisions})
	}
	return printExplained(env, ranked[i], decisions)
}

func printExplained(env *environment, r ban.Ranked, decisions []ban.Decision) error {
	w := terminal{env.stdout}
	fmt.Fprintf(w, "%s: %s in %s, %s, %s, %s days; dates by %s\n", r.ID, banTarget(&r.Ban), r.CC, banArea(&r.Ban), banMethods(&r.Ban), lengthText(r.Length), r.Basis)
	switch seen := r.Seen(); {
	case !seen.IsZero():
		fmt.Fprintf(w, "  no end was measured; measured until %s\n", seen.Format(time.DateOnly))
	case r.Length.AtLeast && r.Status != ban.Ended:
		fmt.Fprintf(w, "  no report says when it ended; last reported to hold on %s\n", r.Known.Format(time.DateOnly))
	}
	for _, d := range decisions {
		at := slices.IndexFunc(r.Reports, func(x ban.Report) bool { return x.Origin == d.Report })
		if at < 0 {
			continue
		}
		rep := r.Reports[at]
		end := string(rep.Status)
		if rep.Status == ban.Ended {
			end = "ended " + banEnded(rep.EndFrom, rep.End)
		} else if rep.Origin.Dataset == ban.Measured {
			end = "measured until " + rep.Known.Format(time.DateOnly)
		} else if rep.Known.After(rep.Start) {
			end += ", held " + rep.Known.Format(time.DateOnly)
		}
		fmt.Fprintf(w, "  %s: %s from %s, %s, %s\n", d.Report, rep.Method, startDays(rep.Start, rep.StartBy, rep.StartOpen), end, cmp.Or(rep.Area, string(rep.Scope)))
		with := ""
		if d.With != (ban.Origin{}) {
			with = ", with " + d.With.String()
		}
		fmt.Fprintf(w, "      %s%s: %s\n", d.Kind, with, d.Why)
	}
	for _, d := range r.Disputes {
		fmt.Fprintf(w, "  differs: %s\n", d)
	}
	return nil
}

// banMethods writes the methods of a ban.
func banMethods(b *ban.Ban) string {
	words := make([]string, len(b.Methods))
	for i, m := range b.Methods {
		words[i] = string(m)
	}
	return strings.Join(words, "+")
}

func banDecisionsCommand(env *environment) *cobra.Command {
	filter := &banFilter{env: env}
	kind, sample, asJSON := "", 0, false
	c := &cobra.Command{
		Use:   "decisions",
		Short: "print the decision on every report, and how many there are of each kind",
		Args:  noArgs,
		RunE: doing(func(ctx context.Context, _ []string) error {
			return listDecisions(ctx, env, filter, kind, sample, asJSON)
		}),
	}
	filter.add(c)
	c.Flags().StringVar(&kind, "kind", "", "only decisions of this `kind`")
	c.Flags().IntVar(&sample, "sample", 0, "only `N` of the decisions that put reports together, spread evenly")
	jsonFlag(c, &asJSON)
	return c
}

func listDecisions(ctx context.Context, env *environment, filter *banFilter, kind string, sample int, asJSON bool) error {
	if err := filter.read(); err != nil {
		return err
	}
	bans, decisions, err := filter.decided(ctx, true)
	if err != nil {
		return err
	}
	counts := make(map[ban.Kind]int)
	for _, d := range decisions {
		counts[d.Kind]++
	}
	shown := slices.DeleteFunc(slices.Clone(decisions), func(d ban.Decision) bool {
		return kind != "" && string(d.Kind) != kind || sample > 0 && d.Kind == ban.First
	})
	shown = spread(shown, sample)
	if asJSON {
		return printJSON(env.stdout, struct {
			Bans      int              `json:"bans"`
			Reports   int              `json:"reports"`
			Kinds     map[ban.Kind]int `json:"kinds"`
			Decisions []ban.Decision   `json:"decisions"`
		}{len(bans), len(decisions), counts, shown})
	}
	table := tabwriter.NewWriter(terminal{env.stdout}, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "BAN\tREPORT\tKIND\tWITH\tWHY")
	for _, d := range shown {
		with := "-"
		if d.With != (ban.Origin{}) {
			with = d.With.String()
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", d.Ban, d.Report, d.Kind, with, d.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	var kinds []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[k], k))
	}
	_, err = fmt.Fprintf(env.stdout, "%d reports of %d bans: %s\n", len(decisions), len(bans), strings.Join(kinds, ", "))
	return err
}

// spread returns n elements of a list, evenly spread; all of them if n is 0 or the list is
// shorter.
func spread(list []ban.Decision, n int) []ban.Decision {
	if n <= 0 || len(list) <= n {
		return list
	}
	out := make([]ban.Decision, n)
	for i := range out {
		out[i] = list[i*len(list)/n]
	}
	return out
}

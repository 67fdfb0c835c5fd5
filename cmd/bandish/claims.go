package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/spf13/cobra"
)

func claimsCommand(env *environment) *cobra.Command {
	id, day, asJSON := "", "", false
	c := &cobra.Command{
		Use:     "claims --case ID",
		Short:   "check each claim of a case against measurements, or else against what sources report",
		Example: "bandish claims --case pk-2024-x\nbandish claims --case pk-2024-x --as-of 2024-03-14",
		Args:    noArgs,
		RunE:    doing(func(ctx context.Context, _ []string) error { return answerClaims(ctx, env, id, day, asJSON) }),
	}
	f := c.Flags()
	f.StringVar(&id, "case", "", "`id` of the case")
	f.StringVar(&day, "as-of", "", "from what was known at the end of that `day`")
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func answerClaims(ctx context.Context, env *environment, id, day string, asJSON bool) error {
	if id == "" {
		return usageError("claims needs --case ID; `bandish record list` lists the cases")
	}
	asOf, err := casefile.ParseDate(day)
	if err != nil {
		return usageError("--as-of: %v", err)
	}
	r, c, err := env.openCase(id)
	if err != nil {
		return err
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	_, answers, err := desk.Case(ctx, c, asOf)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, struct {
			Case    string            `json:"case"`
			AsOf    casefile.Date     `json:"as_of"`
			Answers []casefile.Answer `json:"answers"`
		}{c.ID, asOf, answers})
	}
	for _, a := range answers {
		if err := printClaimAnswer(env.stdout, r, c, a); err != nil {
			return err
		}
	}
	return printTotals(env.stdout, answers)
}

func printClaimAnswer(w io.Writer, r *casefile.Records, c *casefile.Case, a casefile.Answer) error {
	var b strings.Builder
	who := r.Names(c, a.By)
	if !a.Date.IsZero() {
		who += ", " + a.Date.String()
	}
	if who != "" {
		who += ": "
	}
	fmt.Fprintf(&b, "%s%s\n", who, a.Says)
	fmt.Fprintf(&b, "    %s (%s)", strings.ToUpper(string(a.Verdict)), a.AnsweredFrom)
	if a.Claim != "" {
		fmt.Fprintf(&b, "  %s", a.Claim)
	}
	fmt.Fprintf(&b, "\n    %s\n", a.Reason)
	if a.Measured != nil {
		for _, n := range a.Measured.Networks {
			fmt.Fprintf(&b, "      %-10s %s: %d ok, %d blocked, %d down, %d unclear\n", n.ASN, n.Reading, n.OK, n.Blocked, n.Down, n.Unclear)
		}
	}
	for _, h := range a.Sources {
		where := h.Ref
		if h.Case != "" {
			where = h.Case + " " + where
		}
		fmt.Fprintf(&b, "      %s: %s [%s] %s\n", h.Bearing, h.Why, strings.Join(h.Publishers, "; "), where)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printTotals(w io.Writer, answers []casefile.Answer) error {
	n := map[string]int{}
	for _, a := range answers {
		n[string(a.Verdict)]++
		n["from "+string(a.AnsweredFrom)]++
	}
	_, err := fmt.Fprintf(w, "%d claims: %d supported, %d contradicted, %d mixed, %d disputed, %d untested; answered from measurements %d, from sources %d, from neither %d\n",
		len(answers), n["supported"], n["contradicted"], n["mixed"], n["disputed"], n["untested"], n["from measurements"], n["from sources"], n["from none"])
	return err
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/source"
	"github.com/spf13/cobra"
)

func recordAuditCommand(env *environment) *cobra.Command {
	replace, asJSON := "", false
	c := &cobra.Command{
		Use:               "audit ID",
		Short:             "say of each act and claim who asserts it, and whether a reader can verify it",
		Example:           "bandish record audit pk-2024-x --copy order-2024-02-17=order.pdf",
		Annotations:       map[string]string{argumentsNote: "ID  of a case; `bandish record list` lists them"},
		ValidArgsFunction: firstOf(env.caseValues),
		Args:              oneArg("the id of a case"),
		RunE:              doing(func(_ context.Context, args []string) error { return recordAudit(env, args[0], replace, asJSON) }),
	}
	c.Flags().StringVar(&replace, "copy", "", "check the citations of a source against a file, `SOURCE=FILE`")
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

// recordAudit prints, for each act and claim, who asserts it and whether a reader can
// verify it; and the totals. replace is "" or ID=FILE. Then the citations of that source
// are checked against the file, whatever its hash.
func recordAudit(env *environment, id, replace string, asJSON bool) error {
	w := env.stdout
	r, c, err := env.openCase(id)
	if err != nil {
		return err
	}
	copies := casefile.Copies(copyText(env.data))
	note := ""
	if replace != "" {
		if copies, note, err = withCopy(r, c, copies, replace); err != nil {
			return err
		}
	}
	audit := r.Audit(c, copies)
	if asJSON {
		return printJSON(w, audit)
	}
	return printAudit(terminal{w}, audit, note)
}

// withCopy puts a file in the place of a source's copy.
func withCopy(r *casefile.Records, c *casefile.Case, copies casefile.Copies, flag string) (casefile.Copies, string, error) {
	id, name, ok := strings.Cut(flag, "=")
	s := r.Source(c, id)
	if !ok || s == nil || s.Copy == nil {
		return nil, "", usageError("--copy is ID=FILE, where ID is a source of the case that is bound to a copy")
	}
	content, _, err := source.ReadFile(name, 64<<20)
	if err != nil {
		return nil, "", fmt.Errorf("audit: %w", err)
	}
	text, err := source.ReadText(content, s.Copy.MediaType, "")
	if err != nil {
		return nil, "", fmt.Errorf("audit: read %s: %w", name, err)
	}
	note := ""
	if sha := source.SHA256(content); sha != s.Copy.SHA256 {
		note = fmt.Sprintf("%s is not the copy that %s is bound to: it has SHA-256 %s", name, id, sha)
	}
	bound := s.Copy.SHA256
	return func(sha string) (string, bool) {
		if sha == bound {
			return text.Body, true
		}
		return copies(sha)
	}, note, nil
}

func printAudit(w io.Writer, a casefile.Audit, note string) error {
	verified := map[string]int{}
	total := map[string]int{}
	for _, f := range a.Facts {
		state := "not verifiable"
		if total[f.Kind]++; f.Verifiable {
			state = "verifiable"
			verified[f.Kind]++
		}
		if f.Unread {
			state += ", source not read"
		}
		fmt.Fprintf(w, "%s %s: %s\n    told by %s\n    %s; confidence %s: %s\n", f.Kind, f.ID, f.What, f.Told, state, f.Confidence, f.Why)
		for _, c := range f.Cites {
			place := ""
			if c.Place != "" {
				place = ", " + c.Place
			}
			fmt.Fprintf(w, "    [%s] %s%s\n", c.Standing, c.Source, place)
		}
	}
	if note != "" {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	n := citations{Standings: a.Citations, Verifiable: a.Citations[casefile.Verified]}
	for _, k := range a.Citations {
		n.All += k
	}
	_, err := fmt.Fprintf(w, "\n%s: %d of %d acts and %d of %d claims verifiable; acts by confidence: %d high, %d medium, %d low; %d inferred, %d without a source that was read\n%s\n",
		a.Case, verified["act"], total["act"], verified["claim"], total["claim"], a.Confidence["high"], a.Confidence["medium"], a.Confidence["low"], a.Inferred, a.Unread, n)
	return err
}

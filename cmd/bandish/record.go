package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/records"
	"github.com/spf13/cobra"
)

func recordCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{Use: "record COMMAND", Short: "read, check and begin the case record: who asked for a ban, who ordered it, what courts said"},
		recordListCommand(env),
		recordShowCommand(env),
		recordAuditCommand(env),
		recordExportCommand(env),
		recordLintCommand(env),
		recordNewCommand(env),
		recordDraftCommand(env),
		recordApplyCommand(env),
		recordCorrectCommand(env),
		recordSchemaCommand(env),
	)
}

func recordListCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "list the cases",
		Args:  noArgs,
		RunE:  doing(func(context.Context, []string) error { return recordList(env, asJSON) }),
	}
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func recordLintCommand(env *environment) *cobra.Command {
	fix, asJSON := false, false
	c := &cobra.Command{
		Use:         "lint",
		Short:       "check the record: every problem with its file and line",
		Annotations: map[string]string{failedNote: "the record has an error"},
		Args:        noArgs,
		RunE:        doing(func(context.Context, []string) error { return recordLint(env, fix, asJSON) }),
	}
	c.Flags().BoolVar(&fix, "fix", false, "correct what a machine can correct, in the files")
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func recordSchemaCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:   "schema",
		Short: "print the JSON schema of a case file",
		Args:  noArgs,
		RunE: doing(func(context.Context, []string) error {
			_, err := env.stdout.Write(records.Schema)
			return err
		}),
	}
	return c
}

// caseLine is a case in the list.
type caseLine struct {
	ID     string          `json:"id"`
	Title  string          `json:"title"`
	CC     string          `json:"cc"`
	Status casefile.Status `json:"status"`
	Start  casefile.Date   `json:"start"`
	End    casefile.Date   `json:"end"`
	Acts   int             `json:"acts"`
	Claims int             `json:"claims"`
	Source int             `json:"sources"`
}

func recordList(env *environment, asJSON bool) error {
	w := env.stdout
	r, _, err := openRecords(env.records)
	if err != nil {
		return err
	}
	lines := []caseLine{}
	for _, c := range r.Cases {
		line := caseLine{ID: c.ID, Title: c.Title, CC: c.Jurisdiction, Status: c.Status, Acts: len(c.Acts), Claims: len(c.Claims), Source: len(c.Sources)}
		if c.Start != nil {
			line.Start = c.Start.Date
		}
		if c.End != nil {
			line.End = c.End.Date
		}
		lines = append(lines, line)
	}
	if asJSON {
		return printJSON(w, lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCOUNTRY\tSTATUS\tACTS\tCLAIMS\tTITLE")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", l.ID, l.CC, l.Status, l.Acts, l.Claims, l.Title)
	}
	return table.Flush()
}

// platforms returns a function that checks the ids of platforms against the registry.
func platforms() (func(id string) bool, error) {
	registry, err := loadTargets()
	if err != nil {
		return nil, err
	}
	return func(id string) bool {
		_, ok := registry.Platform(id)
		return ok
	}, nil
}

func recordLint(env *environment, fix, asJSON bool) error {
	w := env.stdout
	known, err := platforms()
	if err != nil {
		return err
	}
	checks := casefile.Checks{Platform: known, CopyText: copyText(env.data), Today: casefile.Day(time.Now(), time.UTC)}
	r, folder, err := openRecords(env.records)
	if err != nil {
		return err
	}
	problems := r.Lint(checks)
	if len(r.Cases) == 0 && len(problems) == 0 {
		return fmt.Errorf("no case in %s; a case is a folder there, named like zz-2026-x, that holds case.yaml: `bandish record new` begins one", folder)
	}
	if fix {
		if folder == "" {
			return errors.New("--fix needs the record's files; name their folder with --records")
		}
		if err := fixRecords(w, problems); err != nil {
			return err
		}
		if r, _, err = openRecords(folder); err != nil {
			return err
		}
		problems = r.Lint(checks)
	}
	wrong := 0
	for _, p := range problems {
		if !p.Warning {
			wrong++
		}
	}
	counted := countCitations(r, checks.CopyText)
	if asJSON {
		err = printJSON(w, struct {
			Cases     int                `json:"cases"`
			Wrong     int                `json:"wrong"`
			Problems  []casefile.Problem `json:"problems"`
			Citations citations          `json:"citations"`
		}{len(r.Cases), wrong, append([]casefile.Problem{}, problems...), counted})
	} else {
		for _, p := range problems {
			if _, err = fmt.Fprintln(w, p); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(w, "%s, %s, %s\n%s\n", number(len(r.Cases), "case"), number(wrong, "error"), number(len(problems)-wrong, "warning"), counted)
	}
	if err == nil && wrong > 0 {
		return &exitError{code: 1}
	}
	return err
}

// fixRecords makes, in the files, every edit that a machine can make.
func fixRecords(w io.Writer, problems []casefile.Problem) error {
	byFile := map[string][]casefile.Problem{}
	for _, p := range problems {
		byFile[p.File] = append(byFile[p.File], p)
	}
	for name, ps := range byFile {
		path := filepath.FromSlash(name)
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue // the problem is of a folder
		}
		before, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("mend the record: %w", err)
		}
		after, made := casefile.Apply(before, ps)
		after = casefile.Tidy(after)
		if string(after) == string(before) {
			continue
		}
		if err := os.WriteFile(path, after, 0o644); err != nil {
			return fmt.Errorf("mend the record: %w", err)
		}
		fmt.Fprintf(w, "mended %s (%d edits)\n", name, made)
	}
	return nil
}

// number is "1 case", "2 cases".
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/targets"
)

func recordCommand() command {
	return command{
		name:  "record",
		usage: "list | show ID [--as-of DAY] | audit ID [--copy SOURCE=FILE] | export ID --format FORMAT [--fact act/ID] [--base URL] [--as-of DAY] | lint [--fix] | new [ID] [--cc CC] [--target x.com] | draft FILE [--published DAY] [--sheet] [--model URL] | apply SHEET --case ID [--source ID] | schema  [--json] [--records FOLDER]",
		about: "read, check and begin the case record: who asked for a ban, who ordered it, what courts said",
		run:   runRecord,
	}
}

// recordFlags are the flags of every record subcommand.
type recordFlags struct {
	json    *bool
	data    *string
	records *string
	asOf    *string
	fix     *bool
	cc      *string
	target  *string

	published *string
	sheet     *bool
	caseID    *string
	source    *string
	copy      *string
	model     *string
	modelName *string
	private   *bool
	format    *string
	base      *string
	fact      *string
}

func runRecord(ctx context.Context, env *environment, args []string) error {
	set := newFlags(env, "record")
	f := recordFlags{
		json:    set.Bool("json", false, "print JSON"),
		data:    dataFlag(set),
		records: recordsFlag(set.String),
		asOf:    set.String("as-of", "", "show only what was known at the end of that `day` (show, export)"),
		fix:     set.Bool("fix", false, "mend what a machine can (lint)"),
		cc:      set.String("cc", "", "`country` of the new case, ISO 3166-1 alpha-2 (new)"),
		target:  set.String("target", "", "`platform` of the new case, by id, name or host (new)"),

		published: set.String("published", "", "`day` on which the article was published (draft)"),
		sheet:     set.Bool("sheet", false, "write a sheet to decide on, line by line (draft)"),
		caseID:    set.String("case", "", "`id` of the case that takes the accepted lines (apply)"),
		source:    set.String("source", "", "`id` of the source that they cite, instead of the sheet's own (apply)"),
		copy:      set.String("copy", "", "hold the citations of a source against a file, `SOURCE=FILE` (audit)"),
		model:     set.String("model", "", "ask the OpenAI-compatible endpoint at this `URL` for acts and claims, and keep what stands in the text (draft)"),
		modelName: set.String("model-name", "default", "`name` of the model at that endpoint (draft)"),
		private:   privateFlag(set),
		format:    set.String("format", "", "`format`: annotations, claimreview, followthemoney or prov (export)"),
		base:      set.String("base", "urn:x-bandish:", "`address` of a site that shows the record; things are named by their pages there (export)"),
		fact:      set.String("fact", "", "only this `fact`, act/ID, sighting/ID or claim/ID (export: annotations, prov)"),
	}
	rest, err := parseFlags(set, args)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usageError("record needs one of list, show, audit, export, lint, new, draft, apply, schema")
	}
	verb, rest := rest[0], rest[1:]
	if want := map[string]int{"show": 1, "audit": 1, "export": 1, "draft": 1, "apply": 1}[verb]; len(rest) != want && !(verb == "new" && len(rest) < 2) {
		return usageError("record %s takes %d arguments, got %d", verb, want, len(rest))
	}
	switch verb {
	case "list":
		return recordList(env.stdout, f)
	case "show":
		return recordShow(ctx, env.stdout, f, rest[0])
	case "audit":
		return recordAudit(env.stdout, f, rest[0])
	case "export":
		return recordExport(ctx, env, f, rest[0])
	case "lint":
		return recordLint(env.stdout, f)
	case "new":
		return recordNew(ctx, env, f, rest)
	case "draft":
		return recordDraft(ctx, env, f, rest[0])
	case "apply":
		return recordApply(env.stdout, f, rest[0])
	case "schema":
		_, err := env.stdout.Write(records.Schema)
		return err
	default:
		return usageError("record has no %q; it has list, show, audit, export, lint, new, draft, apply, schema", verb)
	}
}

// recordsFlag is the flag that names the folder of the record.
func recordsFlag(define func(name, value, usage string) *string) *string {
	return define("records", "", "`folder` of the record; ./records where there is one, else the record built into the program")
}

// openRecords gives the record, and its folder, which is "" for the one that
// is built in.
func openRecords(folder string) (*casefile.Records, string, error) {
	if folder == "" {
		cases, _ := filepath.Glob(filepath.Join("records", "*", "*.yaml")) // the pattern is well formed
		if len(cases) > 0 {
			folder = "records"
		}
	}
	if folder == "" {
		r, err := casefile.Load(records.FS, "records")
		return r, "", err
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return nil, "", fmt.Errorf("no folder %s; name the folder that holds the cases with --records", folder)
	}
	r, err := casefile.Load(os.DirFS(folder), filepath.ToSlash(filepath.Clean(folder)))
	return r, folder, err
}

// openCase gives one case of the record.
func openCase(f *string, id string) (*casefile.Records, *casefile.Case, error) {
	r, _, err := openRecords(*f)
	if err != nil {
		return nil, nil, err
	}
	c := r.Case(id)
	if c == nil {
		var ids []string
		for _, c := range r.Cases {
			ids = append(ids, c.ID)
		}
		return nil, nil, fmt.Errorf("no case %q; the record holds %s", id, strings.Join(ids, ", "))
	}
	return r, c, nil
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

func recordList(w io.Writer, f recordFlags) error {
	r, _, err := openRecords(*f.records)
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
	if *f.json {
		return printJSON(w, lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCOUNTRY\tSTATUS\tACTS\tCLAIMS\tTITLE")
	for _, l := range lines {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\t%s\n", l.ID, l.CC, l.Status, l.Acts, l.Claims, l.Title)
	}
	return table.Flush()
}

// platforms gives the check of platform ids against the registry.
func platforms() (func(id string) bool, error) {
	registry, err := target.Load(targets.FS)
	if err != nil {
		return nil, fmt.Errorf("read the target registry: %w", err)
	}
	return func(id string) bool {
		_, ok := registry.Platform(id)
		return ok
	}, nil
}

func recordLint(w io.Writer, f recordFlags) error {
	known, err := platforms()
	if err != nil {
		return err
	}
	checks := casefile.Checks{Platform: known, CopyText: copyText(*f.data), Today: casefile.Day(time.Now(), time.UTC)}
	r, folder, err := openRecords(*f.records)
	if err != nil {
		return err
	}
	problems := r.Lint(checks)
	if len(r.Cases) == 0 && len(problems) == 0 {
		return fmt.Errorf("no case in %s; a case is a folder there, named like zz-2026-x, that holds case.yaml: `bandish record new` begins one", folder)
	}
	if *f.fix {
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
	if *f.json {
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

// fixRecords makes every edit that a machine can, in place.
func fixRecords(w io.Writer, problems []casefile.Problem) error {
	byFile := map[string][]casefile.Problem{}
	for _, p := range problems {
		byFile[p.File] = append(byFile[p.File], p)
	}
	for name, ps := range byFile {
		path := filepath.FromSlash(name)
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue // a problem of a folder
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

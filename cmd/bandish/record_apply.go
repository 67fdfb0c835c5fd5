package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/source"
	"github.com/spf13/cobra"
)

// maxSheetBytes is the greatest size of a sheet of decisions.
const maxSheetBytes = 32 << 20

// applied is what `bandish record apply` did.
type applied struct {
	Case    string         `json:"case"`
	Added   map[string]int `json:"added"` // number of entries, by list
	Files   []string       `json:"files"` // files that changed
	Refused int            `json:"refused"`
	Open    int            `json:"open"` // lines without a decision
}

// applyFlags are the flags of `bandish record apply`.
type applyFlags struct {
	caseID, source string
	asJSON         bool
}

func recordApplyCommand(env *environment) *cobra.Command {
	var o applyFlags
	c := &cobra.Command{
		Use:         "apply SHEET --case ID",
		Short:       "put the accepted and edited lines of a sheet into a case",
		Example:     "bandish record apply sheet.yaml --case pk-2024-x",
		Annotations: map[string]string{argumentsNote: "SHEET  what `bandish record draft --sheet` wrote, decided on by a person", failedNote: "the record would have errors; nothing was written"},
		Args:        oneArg("a sheet"),
		RunE:        doing(func(_ context.Context, args []string) error { return recordApply(env, &o, args[0]) }),
	}
	c.Flags().StringVar(&o.caseID, "case", "", "`id` of the case that takes the accepted lines")
	c.Flags().StringVar(&o.source, "source", "", "`id` of the source that the lines cite, instead of the sheet's own")
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

// recordApply writes everything or nothing. It lints the record as it would be first.
func recordApply(env *environment, o *applyFlags, name string) error {
	w := env.stdout
	if o.caseID == "" {
		return usageError("record apply needs --case, the id of the case that takes the lines")
	}
	record, folder, err := openRecords(env.records)
	if err != nil {
		return err
	}
	if folder == "" {
		return errors.New("record apply needs the record's files; name their folder with --records")
	}
	c := record.Case(o.caseID)
	if c == nil {
		return fmt.Errorf("no case %q in %s; begin one with: bandish record new %s --target ID", o.caseID, folder, o.caseID)
	}
	if o.source != "" && record.Source(c, o.source) == nil {
		return fmt.Errorf("there is no source %q in the case or in the shared folder", o.source)
	}
	sheet, _, err := source.ReadFile(name, maxSheetBytes)
	if err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	decided, problems := draft.Decide(sheet, o.source, func(id string) bool { return record.Actor(c, id) != nil })
	if len(problems) > 0 {
		told := make([]casefile.Problem, len(problems))
		for i, p := range problems {
			told[i] = casefile.Problem{File: name, Line: p.Line, Path: p.Path, Message: p.Message}
		}
		return refuse(w, told, o.asJSON)
	}
	done := applied{Case: c.ID, Added: make(map[string]int), Files: []string{}, Refused: decided.Refused, Open: decided.Open}
	for section, entries := range decided.Additions {
		done.Added[section] = len(entries)
	}
	if len(decided.Additions) > 0 {
		changed, err := c.Insert(decided.Additions)
		if err != nil {
			return err
		}
		if err := lintChanged(env, o.asJSON, record, c, folder, name, changed, decided); err != nil {
			return err
		}
		done.Files = slices.Sorted(maps.Keys(changed))
		for _, file := range done.Files {
			if err := replaceFile(filepath.FromSlash(file), changed[file]); err != nil {
				return fmt.Errorf("apply %s: %w", name, err)
			}
		}
	}
	if o.asJSON {
		return printJSON(w, done)
	}
	for _, section := range slices.Sorted(maps.Keys(done.Added)) {
		fmt.Fprintf(w, "%d %s added to %s\n", done.Added[section], section, c.ID)
	}
	for _, file := range done.Files {
		fmt.Fprintf(w, "changed %s\n", file)
	}
	_, err = fmt.Fprintf(w, "%d lines refused, %d without a decision stay out\n", done.Refused, done.Open)
	return err
}

// changedFS is a folder in which some files have new content.
type changedFS struct {
	fs.FS
	files map[string][]byte
}

// ReadFile returns the new content of a file, or else the one in the folder.
func (c changedFS) ReadFile(name string) ([]byte, error) {
	if data, ok := c.files[name]; ok {
		return data, nil
	}
	return fs.ReadFile(c.FS, name)
}

var indexed = regexp.MustCompile(`^([a-z]+)\[(\d+)\]`)

// lintChanged lints the record as it would be, and refuses errors that it does not have
// now. They are reported with their line in the sheet.
func lintChanged(env *environment, asJSON bool, before *casefile.Records, c *casefile.Case, folder, sheet string, changed map[string][]byte, decided *draft.Decided) error {
	w := env.stdout
	known, err := platforms()
	if err != nil {
		return err
	}
	checks := casefile.Checks{Platform: known, CopyText: copyText(env.data), Today: casefile.Day(time.Now(), time.UTC)}
	root := filepath.ToSlash(filepath.Clean(folder))
	files := make(map[string][]byte, len(changed))
	for name, data := range changed {
		files[strings.TrimPrefix(name, root+"/")] = data
	}
	after, err := casefile.Load(changedFS{os.DirFS(folder), files}, root)
	if err != nil {
		return err
	}
	old := make(map[string]bool)
	for _, p := range before.Lint(checks) {
		old[p.Path+"\x00"+p.Message] = true
	}
	had := map[string]int{"sources": len(c.Sources), "actors": len(c.Actors), "acts": len(c.Acts), "claims": len(c.Claims)}
	var told []casefile.Problem
	wrong := false
	for _, p := range after.Lint(checks) {
		if old[p.Path+"\x00"+p.Message] {
			continue
		}
		if m := indexed.FindStringSubmatch(p.Path); m != nil && changed[p.File] != nil {
			if i, err := strconv.Atoi(m[2]); err == nil && i >= had[m[1]] && i-had[m[1]] < len(decided.Lines[m[1]]) {
				p.File, p.Line = sheet, decided.Lines[m[1]][i-had[m[1]]]
				p.Path = m[1] + strings.TrimPrefix(p.Path, m[0])
			}
		}
		told = append(told, p)
		wrong = wrong || !p.Warning
	}
	if wrong {
		return refuse(w, told, asJSON)
	}
	if !asJSON {
		for _, p := range told {
			fmt.Fprintln(terminal{w}, p)
		}
	}
	return nil
}

// refuse says why nothing was written.
func refuse(w io.Writer, problems []casefile.Problem, asJSON bool) error {
	wrong := 0
	for _, p := range problems {
		if !p.Warning {
			wrong++
		}
	}
	if asJSON {
		err := printJSON(w, struct {
			Wrong    int                `json:"wrong"`
			Problems []casefile.Problem `json:"problems"`
		}{wrong, problems})
		return errors.Join(err, &exitError{code: 1})
	}
	for _, p := range problems {
		fmt.Fprintln(terminal{w}, p)
	}
	fmt.Fprintf(w, "%d errors; nothing was written\n", wrong)
	return &exitError{code: 1}
}

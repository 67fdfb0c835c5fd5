package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/table"
	"github.com/spf13/cobra"
)

// Lists that others published are imported here: lists of bans, and tables of requests. A
// file is kept as a copy, with a note of how to read it. It is read from that copy each
// time.

// listKind is a kind of such lists.
type listKind struct {
	purpose string // "bans" or "requests", as in source.Use
	guess   func(content []byte) string
	read    func(u source.Use, content []byte) (*listRead, error)
}

// listRead is what was read from one file.
type listRead struct {
	Rows     int     `json:"rows"`
	Used     int     `json:"used"`
	Reports  int     `json:"reports,omitempty"`     // reports of bans
	Requests int     `json:"ledger_rows,omitempty"` // rows of requests
	Asides   []aside `json:"asides"`
}

// aside is a row of a list that was left out.
type aside = table.Aside[fmt.Stringer]

// asidesOf returns the rows that the reader of a list set aside, with the reasons.
func asidesOf[O fmt.Stringer](list []table.Aside[O]) (out []aside) {
	for _, a := range list {
		out = append(out, aside{Origin: a.Origin, Reason: a.Reason, Text: a.Text})
	}
	return out
}

// listImport is the result of importing one file, as JSON.
type listImport struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Format string `json:"format"`
	New    bool   `json:"new"`
	*listRead
}

// maxList is the greatest size of a list in bytes. Google's table of requests has a few
// million.
const maxList = 256 << 20

// importLists imports files. u says for all of them how to read them. If it names no
// format, the format is guessed.
func importLists(env *environment, kind listKind, files []string, u source.Use, asJSON bool) error {
	for _, file := range files {
		done, err := kind.importFile(env.sources(), file, u)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(env.stdout, done)
		} else {
			err = done.print(terminal{env.stdout})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k listKind) importFile(archive *source.Archive, file string, u source.Use) (*listImport, error) {
	content, _, err := source.ReadFile(file, maxList)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", k.purpose, err)
	}
	u.Purpose, u.Name, u.Time = k.purpose, filepath.Base(file), time.Now()
	if u.Format == "" {
		u.Format = k.guess(content)
	}
	got, err := k.read(u, content)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", k.purpose, err)
	}
	if got.Used == 0 {
		reason := "it has no rows"
		if len(got.Asides) > 0 {
			reason = got.Asides[0].Reason
		}
		return nil, fmt.Errorf("import %s: none of the %d rows of %s could be used as %s; the first: %s", k.purpose, got.Rows, file, u.Format, reason)
	}
	stored, _, err := archive.Add(content, source.MediaType("", file, content), source.Fetch{Time: u.Time, How: "file", Name: u.Name})
	if err != nil {
		return nil, err
	}
	u.SHA256 = stored.SHA256
	isNew, err := archive.Use(u)
	if err != nil {
		return nil, err
	}
	return &listImport{u.Name, u.SHA256, u.Format, isNew, got}, nil
}

// print writes what was imported and, for each reason, up to three rows that were set
// aside.
func (r *listImport) print(w io.Writer) error {
	state, gave := "imported", fmt.Sprintf("%d reports", r.Reports)
	if !r.New {
		state = "imported before; nothing added"
	}
	if r.Requests > 0 {
		gave = fmt.Sprintf("%d requests", r.Requests)
	}
	_, err := fmt.Fprintf(w, "%s (%s, %s): %d rows, %d used, %d set aside, %s\n", r.File, r.Format, state, r.Rows, r.Used, len(r.Asides), gave)
	reasons := make(map[string]int)
	for _, a := range r.Asides {
		if reasons[a.Reason]++; reasons[a.Reason] <= 3 && err == nil {
			_, err = fmt.Fprintf(w, "  set aside %s: %s\n", a.Origin, a.Reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if n := reasons[reason]; n > 3 && err == nil {
			_, err = fmt.Fprintf(w, "  and %d more: %s\n", n-3, reason)
		}
	}
	return err
}

// eachList calls fn with the content of every file that was imported for a purpose.
func eachList(a *source.Archive, purpose string, fn func(u source.Use, content []byte) error) error {
	uses, err := a.Uses(purpose)
	if err != nil {
		return err
	}
	for _, u := range uses {
		_, content, err := a.Get(u.SHA256)
		if err == nil {
			err = fn(u, content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// usesCommand is the command `bandish bans list`, and `bandish requests list`: the files
// that were imported for a purpose.
func usesCommand(env *environment, purpose string) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "list the files that were imported",
		Args:  noArgs,
		RunE: doing(func(context.Context, []string) error {
			uses, err := env.sources().Uses(purpose)
			if err != nil {
				return err
			}
			return printUses(env.stdout, uses, asJSON, "bandish "+purpose+" import FILE")
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

// printUses lists imported files.
func printUses(w io.Writer, uses []source.Use, asJSON bool, how string) error {
	if asJSON {
		return printJSON(w, uses)
	}
	if len(uses) == 0 {
		_, err := fmt.Fprintf(w, "nothing imported yet: `%s`\n", how)
		return err
	}
	for _, u := range uses {
		if _, err := fmt.Fprintf(w, "%s  %s  %s  imported %s\n", u.SHA256[:12], u.Format, u.Name, u.Time.Format(time.RFC3339)); err != nil {
			return err
		}
	}
	return nil
}

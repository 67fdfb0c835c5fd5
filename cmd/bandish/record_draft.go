package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/source"
	"github.com/spf13/cobra"
)

// draftFlags are the flags of `bandish record draft`.
type draftFlags struct {
	published, model, modelName string
	sheet, private, asJSON      bool
}

func recordDraftCommand(env *environment) *cobra.Command {
	var o draftFlags
	c := &cobra.Command{
		Use:   "draft FILE",
		Short: "propose what a case file could take from an article or a document",
		Example: `bandish record draft article.html --published 2024-02-19 --sheet >sheet.yaml
bandish record apply sheet.yaml --case pk-2024-x`,
		Annotations: map[string]string{argumentsNote: "FILE  an article (HTML, PDF, text), or the SHA-256 of an archived copy"},
		Args:        oneArg("a file, or the SHA-256 of an archived copy"),
		RunE:        doing(func(ctx context.Context, args []string) error { return recordDraft(ctx, env, &o, args[0]) }),
	}
	f := c.Flags()
	f.StringVar(&o.published, "published", "", "`day` on which the article was published")
	f.BoolVar(&o.sheet, "sheet", false, "write a sheet to decide on, line by line")
	f.StringVar(&o.model, "model", "", "ask the OpenAI-compatible endpoint at this `URL` for acts and claims, and keep what stands in the text")
	f.StringVar(&o.modelName, "model-name", "default", "`name` of the model at that endpoint")
	privateFlag(c, &o.private)
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

// recordDraft prints the draft made from a file, or from the archived source with that
// SHA-256.
func recordDraft(ctx context.Context, env *environment, o *draftFlags, name string) error {
	w, data, published, asJSON, asSheet := env.stdout, env.data, o.published, o.asJSON, o.sheet
	record, _, err := openRecords(env.records)
	if err != nil {
		return err
	}
	content, stored, mediaType, err := draftSource(data, name)
	if err != nil {
		return err
	}
	address := ""
	if stored != nil {
		address = stored.URL()
	}
	read, err := source.ReadText(content, mediaType, address)
	if err != nil {
		return fmt.Errorf("draft from %s: %w", name, err)
	}
	text := &draft.Text{Title: read.Title, Published: read.Published}
	if published != "" {
		if text.Published, err = time.Parse(time.DateOnly, published); err != nil {
			return usageError("--published: %q is not a day like 2024-03-14", published)
		}
	}
	for _, s := range read.Spans {
		text.Paragraphs = append(text.Paragraphs, draft.Paragraph{Text: read.Body[s.Start:s.End], Page: s.Page, Offset: s.Start})
	}
	names, err := draftNames(record)
	if err != nil {
		return err
	}
	d := draft.Read(text, names)
	if o.model != "" {
		answer, err := askModel(ctx, o.model, o.modelName, o.private, text)
		if err != nil {
			return err
		}
		dropped, err := d.FromModel(text, names, answer)
		if err != nil {
			return err
		}
		for _, x := range dropped {
			fmt.Fprintf(terminal{env.stderr}, "bandish: not kept: %s: %s\n", x.Line, x.Why)
		}
	}
	switch {
	case asJSON:
		return printJSON(w, d)
	case asSheet:
		from := draft.Source{Title: d.Title, Author: read.Author, Published: d.Published, URL: address, MediaType: mediaType}
		if stored != nil {
			from.SHA256 = stored.SHA256
		}
		sheet, err := d.Sheet(from)
		if err != nil {
			return err
		}
		_, err = w.Write(sheet)
		return err
	}
	return printDraft(terminal{w}, d)
}

// maxDraftBytes is the greatest size of an article or a document for a draft.
const maxDraftBytes = 64 << 20

// draftSource returns the bytes of a file, or of an archived source. stored is nil for a
// file.
func draftSource(data, name string) (content []byte, stored *source.Stored, mediaType string, err error) {
	if _, err := os.Stat(name); err == nil {
		content, _, err = source.ReadFile(name, maxDraftBytes)
		if err != nil {
			return nil, nil, "", fmt.Errorf("draft from %s: %w", name, err)
		}
		return content, nil, source.MediaType("", name, content), nil
	}
	kept, content, err := source.Open(data).Get(name)
	if err != nil {
		return nil, nil, "", fmt.Errorf("draft from %s: neither a file nor a source in the archive (%w)", name, err)
	}
	return content, &kept, kept.MediaType, nil
}

func draftNames(record *casefile.Records) (draft.Names, error) {
	registry, err := loadTargets()
	if err != nil {
		return draft.Names{}, err
	}
	names := draft.Names{Platforms: make(map[string]string), Record: record}
	for _, n := range registry.Names() {
		names.Platforms[n] = registry.OfName(n)
	}
	return names, nil
}

// printDraft prints a draft for a person to go through line by line.
func printDraft(w io.Writer, d *draft.Draft) error {
	var b strings.Builder
	open := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	fmt.Fprintf(&b, "Draft: nothing here is in the record before a person accepts or edits it, line by line.\ntitle      %s\npublished  %s\ncountry    %s\ntargets    %s\n", open(d.Title), open(d.Published.String()), open(deref(d.CC)), open(strings.Join(d.Targets, ", ")))
	if d.Published.IsZero() {
		b.WriteString("The day of publication is not known: dates that hang on it stay null; give it with --published.\n")
	}
	fmt.Fprintf(&b, "\nACTORS (%d)\n", len(d.Actors))
	for _, l := range d.Actors {
		fmt.Fprintf(&b, "  [ ] ¶%d %s: %s (%s)\n", l.At.Paragraph, open(deref(l.Is.ID)), l.Is.Name, l.Is.Kind)
	}
	fmt.Fprintf(&b, "\nACTS (%d)\n", len(d.Acts))
	for _, l := range d.Acts {
		a := l.Is
		when := open(a.Date.String())
		if a.DateText != "" {
			when += fmt.Sprintf(" (%q)", a.DateText)
		}
		fmt.Fprintf(&b, "  [ ] ¶%d %s, date %s, by %s, to %s, targets %s", l.At.Paragraph, a.Kind, when, open(strings.Join(a.By, ", ")), open(strings.Join(a.To, ", ")), open(strings.Join(a.Targets, ", ")))
		if a.Term != nil {
			fmt.Fprintf(&b, ", term %q", *a.Term)
		}
		fmt.Fprintf(&b, "\n        %s: “%s”\n", l.Rule, l.Passage)
	}
	fmt.Fprintf(&b, "\nCLAIMS (%d)\n", len(d.Claims))
	for _, l := range d.Claims {
		fmt.Fprintf(&b, "  [ ] ¶%d about %s, by %s, date %s", l.At.Paragraph, l.Is.About, open(strings.Join(l.Is.By, ", ")), open(l.Is.Date.String()))
		if l.Is.Number != nil {
			fmt.Fprintf(&b, ", number %s", l.Is.Number.Text)
		}
		fmt.Fprintf(&b, "\n        “%s”\n", l.Passage)
	}
	fmt.Fprintf(&b, "\nDATES (%d)\n", len(d.Dates))
	for _, l := range d.Dates {
		fmt.Fprintf(&b, "  [ ] ¶%d %q is %s %s\n", l.At.Paragraph, l.Is.Text, open(l.Is.Date.String()), l.Is.Note)
	}
	fmt.Fprintf(&b, "\nNUMBERS (%d)\n", len(d.Numbers))
	for _, l := range d.Numbers {
		value := "null"
		if l.Is.Value != nil {
			value = strconv.FormatFloat(*l.Is.Value, 'f', -1, 64)
		}
		fmt.Fprintf(&b, "  [ ] ¶%d %q is %s %s %s\n", l.At.Paragraph, l.Is.Text, l.Is.Relation, value, l.Is.Unit)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/source"
	"github.com/spf13/cobra"
)

func sourceCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{Use: "source COMMAND", Short: "archive copies of sources, and find cited passages in them"},
		sourceAddCommand(env), sourceAttachCommand(env), sourceListCommand(env), sourceShowCommand(env), sourceCheckCommand(env), sourceExportCommand(env))
}

// copyValues returns the SHA-256 of the archived copies.
func (env *environment) copyValues() []string {
	list, err := env.sources().List()
	if err != nil {
		return nil
	}
	var out []string
	for _, s := range list {
		out = append(out, s.SHA256[:12]+"\t"+s.URL())
	}
	return out
}

// fileFlags say of a file what the file itself does not say.
type fileFlags struct{ fetched, mediaType string }

func (o *fileFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&o.fetched, "fetched", "", "when a file was fetched, an RFC 3339 `time` (default its modification time)")
	c.Flags().StringVar(&o.mediaType, "type", "", "media `type` of a file (default: found from the file)")
}

// adder makes the value that archives files and addresses.
func (o *fileFlags) adder(env *environment) (*sourceAdder, error) {
	s := &sourceAdder{archive: env.sources(), mediaType: o.mediaType, fetcher: source.NewFetcher(), stderr: env.stderr}
	if o.fetched != "" {
		var err error
		if s.fetched, err = time.Parse(time.RFC3339, o.fetched); err != nil {
			return nil, usageError("--fetched: %q is not a time like 2024-02-17T12:00:00Z", o.fetched)
		}
	}
	return s, nil
}

// addedSource is what `source add` reports of one copy.
type addedSource struct {
	source.Stored
	New   bool   `json:"new"`
	Title string `json:"title,omitempty"`
	Note  string `json:"note,omitempty"`
}

func sourceAddCommand(env *environment) *cobra.Command {
	var o fileFlags
	address, private, asJSON := "", false, false
	c := &cobra.Command{
		Use:         "add URL|FILE…",
		Short:       "archive pages and files",
		Example:     "bandish source add https://news.example/article\nbandish source add order.pdf --url https://court.example/order.pdf",
		Annotations: map[string]string{argumentsNote: "URL|FILE  an address, or a file: HTML, PDF, text, picture, .warc, .warc.gz, .wacz"},
		Args:        someArgs("a URL or a file (HTML, PDF, text, picture, .warc, .warc.gz, .wacz)"),
		RunE: noting(env, func(ctx context.Context, names []string) error {
			return addSources(ctx, env, names, &o, address, private, asJSON)
		}),
	}
	o.add(c)
	c.Flags().StringVar(&address, "url", "", "the `URL` that a file is a copy of")
	c.Flags().BoolVar(&private, "allow-private", false, "also fetch from addresses that are not on the public internet, and from unusual ports")
	jsonFlag(c, &asJSON)
	return c
}

func addSources(ctx context.Context, env *environment, rest []string, o *fileFlags, address string, private, asJSON bool) error {
	if address != "" && len(rest) > 1 {
		return usageError("source add: --url is for one file, got %d", len(rest))
	}
	adder, err := o.adder(env)
	if err != nil {
		return err
	}
	adder.url, adder.fetcher.AllowPrivate = address, private
	for _, name := range rest {
		if err := adder.add(ctx, name); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(env.stdout, adder.added)
	}
	for _, a := range adder.added {
		state := "archived"
		if !a.New {
			state = "was archived already"
		}
		if _, err := fmt.Fprintf(terminal{env.stdout}, "%s  %s  %d bytes  %s  %s\n", a.SHA256, a.MediaType, a.Bytes, state, a.Title); err != nil {
			return err
		}
		if a.Note != "" {
			fmt.Fprintf(env.stderr, "bandish: %s: %s\n", a.SHA256[:12], a.Note)
		}
	}
	return nil
}

// sourceAdder archives what it is given.
type sourceAdder struct {
	archive        *source.Archive
	fetcher        *source.Fetcher
	url, mediaType string
	fetched        time.Time
	stderr         io.Writer
	added          []addedSource
}

func (s *sourceAdder) add(ctx context.Context, name string) error {
	if strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://") {
		content, mediaType, fetch, err := s.fetcher.Fetch(ctx, name)
		if err != nil {
			return err
		}
		return s.keep(content, mediaType, fetch)
	}
	if lower := strings.ToLower(name); strings.HasSuffix(lower, ".warc") || strings.HasSuffix(lower, ".warc.gz") || strings.HasSuffix(lower, ".wacz") {
		return s.addWARC(name)
	}
	content, info, err := source.ReadFile(name, s.fetcher.MaxBytes)
	if err != nil {
		return fmt.Errorf("add source: %w", err)
	}
	if len(content) == 0 {
		return fmt.Errorf("add source: %s is empty", name)
	}
	at := s.fetched
	if at.IsZero() {
		at = info.ModTime()
	}
	mediaType := s.mediaType
	if mediaType == "" {
		mediaType = source.MediaType("", name, content)
	}
	return s.keep(content, mediaType, source.Fetch{Time: at, How: "file", Name: filepath.Base(name), URL: s.url})
}

// addWARC archives the pages of a WARC or WACZ file, which may be larger than the memory.
func (s *sourceAdder) addWARC(path string) error {
	f, info, err := source.OpenFile(path)
	if err != nil {
		return fmt.Errorf("add source: %w", err)
	}
	defer f.Close()
	name, before, odd := filepath.Base(path), len(s.added), 0
	each := func(p source.Page) error { return s.keep(p.Content, p.MediaType, p.Fetch) }
	aside := func(n int, why string) {
		odd++
		fmt.Fprintf(s.stderr, "bandish: %s, record %d set aside: %s\n", name, n, why)
	}
	var skipped int
	if strings.HasSuffix(strings.ToLower(name), ".wacz") {
		skipped, err = source.ReadWACZ(f, info.Size(), name, each, aside)
	} else {
		skipped, err = source.ReadWARC(f, name, each, aside)
	}
	if err != nil {
		return err
	}
	pages := len(s.added) - before
	if pages == 0 {
		return fmt.Errorf("add source: no page in %s (%d records set aside, %d others); the file may be cut off", path, odd, skipped)
	}
	fmt.Fprintf(s.stderr, "bandish: %s: %d pages, %d other records\n", name, pages, skipped)
	return nil
}

func (s *sourceAdder) keep(content []byte, mediaType string, fetch source.Fetch) error {
	stored, isNew, err := s.archive.Add(content, mediaType, fetch)
	if err != nil {
		return err
	}
	added := addedSource{Stored: stored, New: isNew}
	if text, err := source.ReadText(content, mediaType, stored.URL()); err != nil {
		added.Note = err.Error()
	} else {
		added.Title = text.Title
	}
	s.added = append(s.added, added)
	return nil
}

func sourceListCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "list",
		Short: "list the copies",
		Args:  noArgs,
		RunE:  doing(func(context.Context, []string) error { return listSources(env, asJSON) }),
	}
	jsonFlag(c, &asJSON)
	return c
}

func listSources(env *environment, asJSON bool) error {
	list, err := env.sources().List()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(env.stdout, "no sources archived yet: `bandish source add FILE`")
		return err
	}
	for _, s := range list {
		f := s.Fetches[0]
		where := s.URL()
		if where == "" {
			where = f.Name
		}
		if _, err := fmt.Fprintf(terminal{env.stdout}, "%s  %s  %s  %s  %s\n", s.SHA256[:12], f.Time.Format(time.DateOnly), f.How, s.MediaType, where); err != nil {
			return err
		}
	}
	return nil
}

func sourceShowCommand(env *environment) *cobra.Command {
	asText, raw, asJSON := false, false, false
	c := &cobra.Command{
		Use:               "show SHA256",
		Short:             "show a copy: what it is, its text, or its bytes",
		Annotations:       map[string]string{argumentsNote: "SHA256  of a copy, or its first digits"},
		ValidArgsFunction: firstOf(env.copyValues),
		Args:              oneArg("one SHA-256, or its first digits"),
		RunE:              doing(func(_ context.Context, args []string) error { return showSource(env, args[0], asText, raw, asJSON) }),
	}
	c.Flags().BoolVar(&asText, "text", false, "print the readable text, with paragraph numbers")
	c.Flags().BoolVar(&raw, "raw", false, "print the copy's bytes")
	jsonFlag(c, &asJSON)
	return c
}

func showSource(env *environment, name string, asText, raw, asJSON bool) error {
	stored, content, err := env.sources().Get(name)
	if err != nil {
		return err
	}
	switch {
	case raw:
		_, err := exact(env.stdout).Write(content)
		return err
	case asText:
		text, err := source.ReadText(content, stored.MediaType, stored.URL())
		if err != nil {
			return fmt.Errorf("source %s: %w", stored.SHA256[:12], err)
		}
		return printText(terminal{env.stdout}, text)
	case asJSON:
		return printJSON(env.stdout, stored)
	}
	out := terminal{env.stdout}
	fmt.Fprintf(out, "sha256      %s\nmedia type  %s\nbytes       %d\n", stored.SHA256, stored.MediaType, stored.Bytes)
	if text, err := source.ReadText(content, stored.MediaType, stored.URL()); err == nil {
		fmt.Fprintf(out, "title       %s\nauthor      %s\nparagraphs  %d\n", text.Title, text.Author, len(text.Spans))
		if !text.Published.IsZero() {
			fmt.Fprintf(out, "published   %s (as the page says)\n", text.Published.Format(time.RFC3339))
		}
	}
	for _, f := range stored.Fetches {
		fmt.Fprintf(out, "got         %s by %s %s %s\n", f.Time.Format(time.RFC3339), f.How, f.Name, f.URL)
		for _, r := range f.Redirects {
			fmt.Fprintf(out, "            redirected to %s\n", r)
		}
	}
	return nil
}

func printText(w io.Writer, text *source.Text) error {
	page := 0
	for i, s := range text.Spans {
		if s.Page != page {
			page = s.Page
			fmt.Fprintf(w, "— page %d —\n\n", page)
		}
		if _, err := fmt.Fprintf(w, "[%d] %s\n\n", i+1, text.Body[s.Start:s.End]); err != nil {
			return err
		}
	}
	return nil
}

// passageCheck is the result of looking for one cited passage.
type passageCheck struct {
	Source  string            `json:"source,omitempty"` // id of the source in the record
	SHA256  string            `json:"sha256"`
	Passage string            `json:"passage"`
	Found   bool              `json:"found"`
	At      *casefile.Locator `json:"at,omitempty"`
	// Beginning is the longest beginning of the passage that was found.
	Beginning string `json:"beginning,omitempty"`
	Problem   string `json:"problem,omitempty"`
}

// citations counts the record's citations by their state.
type citations struct {
	All        int                       `json:"all"`
	Verifiable int                       `json:"verifiable"` // verified against a copy that is here
	Standings  map[casefile.Standing]int `json:"standings"`
	// NoCopy counts the quotations of each source that has no copy.
	NoCopy map[string]int `json:"no_copy"`
}

// countCitations checks every citation of the record against the copies that are here.
func countCitations(r *casefile.Records, copies casefile.Copies) citations {
	n := citations{Standings: map[casefile.Standing]int{}, NoCopy: map[string]int{}}
	count := func(c *casefile.Case, cites []casefile.Cite) {
		for _, cite := range cites {
			s := r.Stand(c, cite, copies)
			n.All++
			if n.Standings[s]++; s == casefile.NoCopy {
				n.NoCopy[cite.Source]++
			}
		}
	}
	for _, c := range r.Cases {
		count(c, casefile.Cites(c))
	}
	count(nil, r.Shared.Cites())
	n.Verifiable = n.Standings[casefile.Verified]
	return n
}

func (n citations) String() string {
	s := fmt.Sprintf("%d of %d citations verifiable", n.Verifiable, n.All)
	for _, k := range []struct {
		standing casefile.Standing
		words    string
	}{
		{casefile.Broken, "not in their copy"}, {casefile.Moved, "at another place in it"}, {casefile.NotHere, "bound to a copy that is not here"},
		{casefile.NoCopy, "quoted from a source without a copy"}, {casefile.NoPlace, "without a quotation"},
	} {
		if n.Standings[k.standing] > 0 {
			s += fmt.Sprintf(", %d %s", n.Standings[k.standing], k.words)
		}
	}
	return s
}

func sourceCheckCommand(env *environment) *cobra.Command {
	passage, asJSON := "", false
	c := &cobra.Command{
		Use:   "check [SHA256…]",
		Short: "hash copies again, and look for every passage that the record cites",
		Example: `bandish source check
bandish source check 3f2a --passage 'until further … orders'`,
		Annotations:       map[string]string{argumentsNote: "SHA256  of a copy, or its first digits; all copies if left out", failedNote: "a copy is damaged, or a passage is not found"},
		ValidArgsFunction: firstOf(env.copyValues),
		RunE:              doing(func(_ context.Context, args []string) error { return checkSources(env, args, passage, asJSON) }),
	}
	c.Flags().StringVar(&passage, "passage", "", "the `text` to look for; … stands for words left out")
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func checkSources(env *environment, rest []string, passage string, asJSON bool) error {
	archive := env.sources()
	if passage != "" {
		if len(rest) != 1 {
			return usageError("source check --passage takes one SHA-256, or its first digits")
		}
		stored, content, err := archive.Get(rest[0])
		if err != nil {
			return err
		}
		return writeChecks(env, []passageCheck{lookFor(stored, content, passage)}, nil, nil, asJSON)
	}
	damaged, err := damagedSources(archive, rest)
	if err != nil {
		return err
	}
	record, _, err := openRecords(env.records)
	if err != nil {
		return err
	}
	checks, err := checkCitations(archive, record)
	if err != nil {
		return err
	}
	counted := countCitations(record, copyText(env.data))
	return writeChecks(env, checks, damaged, &counted, asJSON)
}

func lookFor(stored source.Stored, content []byte, passage string) passageCheck {
	c := passageCheck{SHA256: stored.SHA256, Passage: passage}
	text, err := source.ReadText(content, stored.MediaType, stored.URL())
	if err != nil {
		c.Problem = err.Error()
		return c
	}
	at, beginning, ok := text.Find(passage)
	if c.Found = ok; ok {
		c.At = &at
	} else {
		c.Beginning = beginning
	}
	return c
}

// damagedSources hashes the named copies again, or all of them, and returns those that are
// damaged.
func damagedSources(archive *source.Archive, names []string) ([]string, error) {
	if len(names) == 0 {
		list, err := archive.List()
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			names = append(names, s.SHA256)
		}
	}
	var damaged []string
	for _, name := range names {
		if _, _, err := archive.Get(name); err != nil {
			damaged = append(damaged, err.Error())
		}
	}
	return damaged, nil
}

// checkCitations looks for each phrase that the record quotes in the archived copy of its
// source. That is the copy that the record names, or else one of the same URL.
func checkCitations(archive *source.Archive, record *casefile.Records) ([]passageCheck, error) {
	list, err := archive.List()
	if err != nil {
		return nil, err
	}
	byURL := make(map[string]string)
	for _, s := range list {
		for _, f := range s.Fetches {
			if f.URL != "" {
				byURL[f.URL] = s.SHA256
			}
		}
	}
	var checks []passageCheck
	for _, c := range record.Cases {
		for _, cite := range casefile.Cites(c) {
			s := record.Source(c, cite.Source)
			if s == nil || cite.Phrase == "" {
				continue
			}
			sha := cite.SHA256
			if sha == "" && s.Copy != nil {
				sha = s.Copy.SHA256
			}
			if sha == "" && s.URL != nil {
				sha = byURL[*s.URL]
			}
			if sha == "" {
				continue // it is not archived
			}
			check := passageCheck{SHA256: sha, Passage: cite.Phrase}
			if stored, content, err := archive.Get(sha); errors.Is(err, source.ErrNotFound) {
				continue // its copy is not here: it is counted, and is no fault
			} else if err != nil {
				check.Problem = err.Error()
			} else {
				check = lookFor(stored, content, cite.Phrase)
			}
			check.Source = cite.Source
			checks = append(checks, check)
		}
	}
	return checks, nil
}

func writeChecks(env *environment, checks []passageCheck, damaged []string, counted *citations, asJSON bool) error {
	missing := 0
	if counted != nil {
		missing = counted.Standings[casefile.Moved]
	}
	for _, c := range checks {
		if !c.Found {
			missing++
		}
	}
	if asJSON {
		if err := printJSON(env.stdout, struct {
			Damaged   []string       `json:"damaged"`
			Passages  []passageCheck `json:"passages"`
			Citations *citations     `json:"citations,omitempty"`
		}{damaged, checks, counted}); err != nil {
			return err
		}
	} else {
		printChecks(terminal{env.stdout}, checks, damaged, missing)
		if counted != nil {
			for _, id := range slices.Sorted(maps.Keys(counted.NoCopy)) {
				fmt.Fprintf(terminal{env.stdout}, "warning: %s has no copy: %s\n", id, number(counted.NoCopy[id], "quotation"))
			}
			fmt.Fprintln(env.stdout, counted)
		}
	}
	if missing+len(damaged) > 0 {
		return &exitError{code: 1}
	}
	return nil
}

func printChecks(w io.Writer, checks []passageCheck, damaged []string, missing int) {
	for _, d := range damaged {
		fmt.Fprintln(w, d)
	}
	for _, c := range checks {
		name := c.SHA256[:min(12, len(c.SHA256))]
		if c.Source != "" {
			name = c.Source + " (" + name + ")"
		}
		switch {
		case c.Found:
			place := fmt.Sprintf("paragraph %d, byte %d", c.At.Paragraph, *c.At.Offset)
			if c.At.Page > 0 {
				place = fmt.Sprintf("page %d, %s", c.At.Page, place)
			}
			fmt.Fprintf(w, "%s: found at %s: %q\n", name, place, cut(c.Passage, 60))
		case c.Problem != "":
			fmt.Fprintf(w, "%s: could not be checked: %s\n", name, c.Problem)
		case c.Beginning != "":
			fmt.Fprintf(w, "%s: not found: %q; the copy has it only as far as %q\n", name, c.Passage, c.Beginning)
		default:
			fmt.Fprintf(w, "%s: not found: %q\n", name, c.Passage)
		}
	}
	fmt.Fprintf(w, "%d passages looked for, %d not found; %d copies damaged\n", len(checks), missing, len(damaged))
}

func sourceExportCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:         "export FILE.warc.gz [SHA256…]",
		Short:       "write copies as a WARC file",
		Annotations: map[string]string{argumentsNote: "FILE.warc.gz  the file to write\nSHA256        of a copy, or its first digits; all copies if left out"},
		RunE:        doing(func(_ context.Context, args []string) error { return exportSources(env, args) }),
	}
}

func exportSources(env *environment, rest []string) error {
	if len(rest) == 0 || !strings.HasSuffix(rest[0], ".warc.gz") {
		return usageError("source export needs a file to write, named something.warc.gz, and may name copies")
	}
	archive := env.sources()
	names := rest[1:]
	if len(names) == 0 {
		list, err := archive.List()
		if err != nil {
			return err
		}
		for _, s := range list {
			names = append(names, s.SHA256)
		}
	}
	if len(names) == 0 {
		return errors.New("source export: the archive holds no sources")
	}
	var pages []source.Page
	for _, name := range names {
		stored, content, err := archive.Get(name)
		if err != nil {
			return err
		}
		pages = append(pages, source.Page{Content: content, MediaType: stored.MediaType, Fetch: stored.Fetches[0]})
	}
	var out bytes.Buffer
	if err := source.WriteWARC(&out, pages); err != nil {
		return err
	}
	if err := os.WriteFile(rest[0], out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("export sources: %w", err)
	}
	_, err := fmt.Fprintf(env.stdout, "%d copies written to %s\n", len(pages), rest[0])
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/source"
	"github.com/spf13/cobra"
)

func sourceAttachCommand(env *environment) *cobra.Command {
	var o fileFlags
	withheld := false
	c := &cobra.Command{
		Use:         "attach ID FILE|SHA256",
		Short:       "tie a source of the record to a copy, and give every quotation its place in it",
		Example:     "bandish source attach order-2024-02-17 order.pdf",
		Annotations: map[string]string{argumentsNote: "ID           of a source of the record\nFILE|SHA256  a file, or a copy in the archive", failedNote: "a quotation is not in the copy"},
		RunE:        noting(env, func(ctx context.Context, args []string) error { return attachSource(ctx, env, args, &o, withheld) }),
	}
	o.add(c)
	c.Flags().BoolVar(&withheld, "withheld", false, "the copy may not be published; only its hash and the places of quotations are")
	recordsFlag(c, env)
	return c
}

// attachSource keeps the copy, ties the source of the record to it, and gives every
// quotation its place in it.
func attachSource(ctx context.Context, env *environment, rest []string, o *fileFlags, withheld bool) error {
	if len(rest) != 2 {
		return usageError("source attach takes the id of a source of the record, and a file or the SHA-256 of a copy in the archive")
	}
	record, files, err := openRecords(env.records)
	if err != nil {
		return err
	}
	if files == "" {
		return errors.New("source attach needs the record's files; name their folder with --records")
	}
	id, name := rest[0], rest[1]
	adder, err := o.adder(env)
	if err != nil {
		return err
	}
	stored, err := adder.copyFor(ctx, name, urlOf(record, id))
	if err != nil {
		return err
	}
	bound, err := bindCopy(record, adder.archive, id, stored, withheld)
	if err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(bound.Files)) {
		if err := replaceFile(filepath.FromSlash(file), bound.Files[file]); err != nil {
			return fmt.Errorf("attach %s: %w", id, err)
		}
		fmt.Fprintf(env.stdout, "changed %s\n", file)
	}
	for _, phrase := range bound.Missing {
		fmt.Fprintf(terminal{env.stdout}, "not in the copy: %q\n", phrase)
	}
	fmt.Fprintf(env.stdout, "%s is bound to %s; %s placed, %d not found\n", id, stored.SHA256, number(bound.Placed, "quotation"), len(bound.Missing))
	if len(bound.Missing) > 0 {
		return &exitError{code: 1}
	}
	return nil
}

// bindCopy ties the source to the copy. In a copy without text, quotations have no places.
func bindCopy(record *casefile.Records, archive *source.Archive, id string, stored source.Stored, withheld bool) (*casefile.Binding, error) {
	_, content, err := archive.Get(stored.SHA256)
	if err != nil {
		return nil, err
	}
	text, err := source.ReadText(content, stored.MediaType, stored.URL())
	if err != nil && !errors.Is(err, source.ErrNoText) {
		return nil, fmt.Errorf("read the copy: %w", err)
	}
	return record.Bind(id, casefile.Copy{SHA256: stored.SHA256, MediaType: stored.MediaType, Withheld: withheld}, func(c casefile.Cite) (casefile.Locator, bool) {
		if text == nil {
			return casefile.Locator{}, false
		}
		return text.Place(c)
	})
}

// urlOf returns the address of a source of the record, "" if it has none.
func urlOf(r *casefile.Records, id string) string {
	for _, c := range append([]*casefile.Case{nil}, r.Cases...) {
		if s := r.Source(c, id); s != nil && s.URL != nil {
			return *s.URL
		}
	}
	return ""
}

// copyFor returns the copy that a name means: one in the archive, or a file, which is
// archived first. If the file has several pages, it is the one with the source's address.
func (s *sourceAdder) copyFor(ctx context.Context, name, url string) (source.Stored, error) {
	if stored, _, err := s.archive.Get(name); err == nil {
		return stored, nil
	}
	s.url = url
	if err := s.add(ctx, name); err != nil {
		return source.Stored{}, err
	}
	if len(s.added) == 1 {
		return s.added[0].Stored, nil
	}
	for _, a := range s.added {
		if slices.ContainsFunc(a.Fetches, func(f source.Fetch) bool { return f.URL == url || f.Final == url }) {
			return a.Stored, nil
		}
	}
	return source.Stored{}, fmt.Errorf("attach: none of the %d pages of %s has the address of the source, %q; attach one by its SHA-256", len(s.added), name, url)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/source"
)

// attachSource is `bandish source attach ID FILE`: it keeps the copy, ties the
// source of the record to it, and gives every quotation its place in it.
func attachSource(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "source attach")
	data := dataFlag(fs)
	folder := recordsFlag(fs.String)
	mediaType := fs.String("type", "", "media `type` of the file; found out if left out")
	fetched := fs.String("fetched", "", "when the file was fetched, RFC 3339 `time`; its modification time if left out")
	withheld := fs.Bool("withheld", false, "the copy may not be published: only its hash and the places in it")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 2 {
		return usageError("source attach takes the id of a source of the record, and a file or the SHA-256 of a copy in the archive")
	}
	record, files, err := openRecords(*folder)
	if err != nil {
		return err
	}
	if files == "" {
		return errors.New("source attach needs the record's files; name their folder with --records")
	}
	id, name := rest[0], rest[1]
	adder := &sourceAdder{archive: source.Open(*data), mediaType: *mediaType, fetcher: source.NewFetcher(), stderr: env.stderr}
	if *fetched != "" {
		if adder.fetched, err = time.Parse(time.RFC3339, *fetched); err != nil {
			return usageError("--fetched: %q is not a time like 2024-02-17T12:00:00Z", *fetched)
		}
	}
	stored, err := adder.copyFor(ctx, name, urlOf(record, id))
	if err != nil {
		return err
	}
	bound, err := bindCopy(record, adder.archive, id, stored, *withheld)
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

// bindCopy ties the source to the copy. A copy without text has no places.
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

// urlOf is the address of a source of the record, "" where it has none.
func urlOf(r *casefile.Records, id string) string {
	for _, c := range append([]*casefile.Case{nil}, r.Cases...) {
		if s := r.Source(c, id); s != nil && s.URL != nil {
			return *s.URL
		}
	}
	return ""
}

// copyFor gives the copy that a name means: one in the archive, or a file,
// which is archived first. Of a file of several pages it is the one with the
// source's address.
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

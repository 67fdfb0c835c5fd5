package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

func searchCommand() command {
	return command{
		name:  "search",
		usage: "QUERY [--kind act] [--case ID] [--cc PK] [--target x] [--limit N] [--json]",
		about: "find words in the record, its sources and their archived text",
		run:   runSearch,
	}
}

func runSearch(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "search")
	data := dataFlag(fs)
	folder := recordsFlag(fs.String)
	var o search.Options
	fs.StringVar(&o.Kind, "kind", "", "only this `kind`: case, act, claim, sighting, dispute, docket, ban, law, actor, source, text, platform, country")
	fs.StringVar(&o.Case, "case", "", "only this `case`")
	fs.StringVar(&o.CC, "cc", "", "only this `country`")
	fs.StringVar(&o.Target, "target", "", "only this `platform`")
	fs.IntVar(&o.Limit, "limit", 20, "at most `N` hits, up to 200")
	asJSON := fs.Bool("json", false, "print JSON")
	words, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return usageError("search needs words; \"phrases\", -not and field:word may be among them")
	}
	o.CC = strings.ToUpper(o.CC)
	index, unread, err := openSearch(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer index.Close()
	for _, u := range unread {
		fmt.Fprintf(env.stderr, "bandish: not searched: %s\n", u)
	}
	result, err := index.Search(ctx, strings.Join(words, " "), o)
	if errors.Is(err, search.ErrQuery) {
		return usageError("search: %w", err)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.stdout, result)
	}
	switch {
	case result.Total == 0:
	case result.How == search.SimilarWords:
		fmt.Fprintln(env.stdout, "Nothing holds all of these words as they are spelt; these hold words like them:")
	case result.How == search.AnyWord:
		fmt.Fprintln(env.stdout, "Nothing holds all of these words; these hold some of them, the best first:")
	}
	for _, h := range result.Hits {
		fmt.Fprintf(terminal{env.stdout}, "%s  %s  %s\n", h.Kind, h.ID, strings.TrimSpace(strings.Join([]string{h.Date, h.CC, h.Title, h.Place, h.URL}, "  ")))
		fmt.Fprintf(terminal{env.stdout}, "    %s\n", strings.Join(strings.Fields(h.Plain()), " "))
	}
	_, err = fmt.Fprintf(terminal{env.stdout}, "%d of %d found\n", len(result.Hits), result.Total)
	return err
}

// openSearch opens the index of the record and of the archived sources.
func openSearch(ctx context.Context, data, recordFolder string) (*search.Index, []string, error) {
	record, _, err := openRecords(recordFolder)
	if err != nil {
		return nil, nil, err
	}
	registry, err := target.Load(targets.FS)
	if err != nil {
		return nil, nil, fmt.Errorf("read the target registry: %w", err)
	}
	documents := append(search.RecordDocuments(record), search.PlaceDocuments(registry)...)
	texts, unread, err := search.SourceDocuments(source.Open(data))
	if err != nil {
		return nil, nil, err
	}
	documents = append(documents, texts...)
	index, err := search.Open(ctx, filepath.Join(data, "search"), documents)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) { // the data folder is read-only
		cache, e := os.UserCacheDir()
		if e != nil {
			cache = os.TempDir()
		}
		index, err = search.Open(ctx, filepath.Join(cache, "bandish", "search"), documents)
	}
	return index, unread, err
}

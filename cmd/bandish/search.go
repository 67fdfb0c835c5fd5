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
	"github.com/spf13/cobra"
)

func searchCommand(env *environment) *cobra.Command {
	var o search.Options
	asJSON := false
	c := &cobra.Command{
		Use:         "search WORD…",
		Short:       "find words in the record, its sources and their archived text",
		Example:     "bandish search 'suspension of x' --kind act\nbandish search --case pk-2024-x -- court -adjourned",
		Annotations: map[string]string{argumentsNote: "WORD  a word, a \"phrase\", field:word, or -word for what must not be there; put -- before the first -word"},
		RunE:        doing(func(ctx context.Context, words []string) error { return searchAll(ctx, env, words, o, asJSON) }),
	}
	f := c.Flags()
	f.StringVar(&o.Kind, "kind", "", "only this `kind`: "+strings.Join(searchKinds, ", "))
	f.StringVar(&o.Case, "case", "", "only this `case`")
	f.StringVar(&o.CC, "cc", "", "only this `country`")
	f.StringVar(&o.Target, "target", "", "only this `platform`")
	f.IntVar(&o.Limit, "limit", 20, "at most `N` hits, up to 200")
	c.RegisterFlagCompletionFunc("kind", completing(words(searchKinds...)))
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

var searchKinds = []string{"case", "act", "claim", "sighting", "dispute", "docket", "ban", "law", "actor", "source", "text", "platform", "country"}

func searchAll(ctx context.Context, env *environment, words []string, o search.Options, asJSON bool) error {
	if len(words) == 0 {
		return usageError("search needs words; \"phrases\", -not and field:word may be among them")
	}
	o.CC = strings.ToUpper(o.CC)
	index, unread, err := openSearch(ctx, env)
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
	if asJSON {
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
func openSearch(ctx context.Context, env *environment) (*search.Index, []string, error) {
	record, _, err := openRecords(env.records)
	if err != nil {
		return nil, nil, err
	}
	registry, err := loadTargets()
	if err != nil {
		return nil, nil, err
	}
	documents := append(search.RecordDocuments(record), search.PlaceDocuments(registry)...)
	texts, unread, err := search.SourceDocuments(source.Open(env.data))
	if err != nil {
		return nil, nil, err
	}
	documents = append(documents, texts...)
	index, err := search.Open(ctx, filepath.Join(env.data, "search"), documents)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) { // the data folder is read-only
		cache, e := os.UserCacheDir()
		if e != nil {
			cache = os.TempDir()
		}
		index, err = search.Open(ctx, filepath.Join(cache, "bandish", "search"), documents)
	}
	return index, unread, err
}

// Package search finds words in the record and in the archived copies of its sources. The
// index is derived. It is named by what it was built from, built again when that changes,
// never changed after it was built, and may be deleted at any time.
package search

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/token/porter"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/unicode"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"
)

// version names the way of indexing. A new version makes all indexes stale.
const version = "bandish-search/3"

// analyzer is the name of the way in which text is split into words.
const analyzer = "prose"

// Document is one thing that can be found.
type Document struct {
	ID    string `json:"id"`   // unique: "pk-2024-x/acts/moi-letter", "source/<sha256>/12"
	Kind  string `json:"kind"` // case, act, claim, sighting, dispute, docket, ban, law, actor, source, text, platform, country
	Case  string `json:"case,omitempty"`
	Title string `json:"title"`
	Text  string `json:"text"`
	Date  string `json:"date,omitempty"` // EDTF
	CC    string `json:"cc,omitempty"`
	// Targets are platform ids; a query names one as target:x.
	Targets []string `json:"target,omitempty"`
	URL     string   `json:"url,omitempty"`
	Place   string   `json:"place,omitempty"` // paragraph or page of a source
}

// Hit is a document that was found.
type Hit struct {
	Document
	Score float64 `json:"score"`
	// Snippet is the passage with the words marked, as safe HTML.
	Snippet template.HTML `json:"snippet"`
}

// Plain is the snippet as plain text, with the words between « and ».
func (h *Hit) Plain() string {
	s := strings.NewReplacer("<mark>", "«", "</mark>", "»").Replace(string(h.Snippet))
	return html.UnescapeString(s)
}

// Result is one page of hits.
type Result struct {
	Query string `json:"query"`
	How   How    `json:"how"`
	Total uint64 `json:"total"`
	Hits  []Hit  `json:"hits"`
}

// How says how forgiving a search had to be to find something.
type How string

// The ways of searching, in the order in which they are tried.
const (
	AllWords     How = "all_words"     // every word, by its stem
	SimilarWords How = "similar_words" // every word, or one with almost the same spelling
	AnyWord      How = "any_word"      // any of the words, with almost the same spelling; hits with more of them come first
)

// Index is an open index. Many goroutines may use it.
type Index struct {
	index bleve.Index
}

// Open opens the index of the documents in dir. If there is none for exactly these
// documents, it is built first. Indexes of other documents in dir are removed.
func Open(ctx context.Context, dir string, documents []Document) (*Index, error) {
	if err := registerFold(); err != nil {
		return nil, fmt.Errorf("open the search index: %w", err)
	}
	name := fingerprint(documents)
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := build(ctx, dir, path, documents); err != nil {
			return nil, fmt.Errorf("build the search index: %w", err)
		}
		sweep(dir, name)
	}
	index, err := bleve.OpenUsing(path, map[string]any{"read_only": true})
	if err != nil {
		return nil, fmt.Errorf("open the search index %s (delete it, and it is built again): %w", path, err)
	}
	return &Index{index}, nil
}

// Close releases the index.
func (x *Index) Close() error { return x.index.Close() }

// fingerprint names the documents. Their order does not matter.
func fingerprint(documents []Document) string {
	sums := make([]string, len(documents))
	for i, d := range documents {
		text, _ := json.Marshal(d) // strings always marshal
		sum := sha256.Sum256(text)
		sums[i] = string(sum[:])
	}
	slices.Sort(sums)
	h := sha256.New()
	h.Write([]byte(version))
	for _, s := range sums {
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// build makes an index in a temporary folder, and renames it when it is complete.
func build(ctx context.Context, dir, path string, documents []Document) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part, err := os.MkdirTemp(dir, ".part-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	m, err := schema()
	if err != nil {
		return err
	}
	index, err := bleve.New(filepath.Join(part, "index"), m)
	if err != nil {
		return err
	}
	err = fill(ctx, index, documents)
	if err = errors.Join(err, index.Close()); err != nil {
		return err
	}
	err = os.Rename(filepath.Join(part, "index"), path)
	if _, statErr := os.Stat(path); statErr == nil {
		return nil // it is ours, or that of another process that was quicker
	}
	return err
}

func fill(ctx context.Context, index bleve.Index, documents []Document) error {
	batch := index.NewBatch()
	for i, d := range documents {
		if err := batch.Index(d.ID, d); err != nil {
			return fmt.Errorf("index %s: %w", d.ID, err)
		}
		if batch.Size() < 1000 && i < len(documents)-1 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := index.Batch(batch); err != nil {
			return err
		}
		batch.Reset()
	}
	return nil
}

// sweep removes indexes of other documents, and what a killed process left.
func sweep(dir, keep string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == keep || strings.HasPrefix(e.Name(), ".part-") && time.Since(info.ModTime()) < time.Hour {
			continue
		}
		os.RemoveAll(filepath.Join(dir, e.Name())) // readers that have it open keep their files
	}
}

// schema says how each field is indexed.
func schema() (mapping.IndexMapping, error) {
	words := bleve.NewTextFieldMapping()
	words.Analyzer = analyzer
	exact := bleve.NewTextFieldMapping()
	exact.Analyzer = keyword.Name
	exact.IncludeInAll = false
	stored := bleve.NewTextFieldMapping()
	stored.Index, stored.IncludeInAll = false, false
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("title", words)
	doc.AddFieldMappingsAt("text", words)
	doc.AddFieldMappingsAt("kind", exact)
	doc.AddFieldMappingsAt("case", exact)
	doc.AddFieldMappingsAt("cc", exact)
	doc.AddFieldMappingsAt("date", exact)
	doc.AddFieldMappingsAt("target", exact)
	doc.AddFieldMappingsAt("id", stored)
	doc.AddFieldMappingsAt("url", stored)
	doc.AddFieldMappingsAt("place", stored)
	m := bleve.NewIndexMapping()
	m.DefaultMapping = doc
	// English words by their stems, small words included: a search must find "until
	// further orders".
	err := m.AddCustomAnalyzer(analyzer, map[string]any{
		"type": custom.Name, "tokenizer": unicode.Name, "token_filters": []string{en.PossessiveName, foldFilter, lowercase.Name, porter.Name, joinFilter},
	})
	m.DefaultAnalyzer = analyzer
	return m, err
}

// Options narrow a search.
type Options struct {
	Kind, Case, CC, Target string
	Limit, Offset          int // Limit 0 means 20; at most 200
}

// maxQuery is the greatest length of a query in bytes.
const maxQuery = 500

// ErrQuery means that a query has no words, or is too long.
var ErrQuery = errors.New("the query cannot be read")

// Search answers a query. It consists of words, which must all be found, "phrases",
// -excluded words, and field:word for the fields title, text, kind, case, cc and target.
// Everything else is a word: punctuation is never an error. If no document has all words,
// words with almost the same spelling count too, and after that any of the words;
// Result.How says which. The error wraps ErrQuery for a query without words, or one that
// is too long.
func (x *Index) Search(ctx context.Context, text string, o Options) (*Result, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxQuery {
		return nil, fmt.Errorf("%w: give 1 to %d bytes", ErrQuery, maxQuery)
	}
	result := &Result{Query: text}
	for _, how := range []How{AllWords, SimilarWords, AnyWord} {
		q, err := parse(text, how)
		if err != nil {
			return nil, err
		}
		found, err := x.index.SearchInContext(ctx, o.request(q))
		if err != nil {
			return nil, fmt.Errorf("search for %q: %w", text, err)
		}
		result.How, result.Total, result.Hits = how, found.Total, []Hit{}
		for _, h := range found.Hits {
			result.Hits = append(result.Hits, hit(h.Score, h.Fields, h.Fragments))
		}
		if found.Total > 0 {
			break
		}
	}
	return result, nil
}

// request makes the request for a query with the options.
func (o Options) request(q query.Query) *bleve.SearchRequest {
	all := []query.Query{q}
	for field, value := range map[string]string{"kind": o.Kind, "case": o.Case, "cc": o.CC, "target": o.Target} {
		if value == "" {
			continue
		}
		term := bleve.NewMatchQuery(value)
		term.SetField(field)
		all = append(all, term)
	}
	request := bleve.NewSearchRequestOptions(bleve.NewConjunctionQuery(all...), min(max(o.Limit, 0), 200), max(o.Offset, 0), false)
	if o.Limit == 0 {
		request.Size = 20
	}
	request.Fields = []string{"*"}
	request.Highlight = bleve.NewHighlightWithStyle("html")
	request.SortBy([]string{"-_score", "_id"})
	return request
}

// list reads a stored field with one or several values.
func list(field any) []string {
	switch v := field.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

func hit(score float64, fields map[string]any, fragments map[string][]string) Hit {
	field := func(name string) string {
		s, _ := fields[name].(string)
		return s
	}
	h := Hit{Score: score, Document: Document{
		ID: field("id"), Kind: field("kind"), Case: field("case"), Title: field("title"), Text: field("text"), Date: field("date"),
		CC: field("cc"), Targets: list(fields["target"]), URL: field("url"), Place: field("place"),
	}}
	parts := fragments["text"]
	if len(parts) == 0 {
		parts = fragments["title"]
	}
	if len(parts) == 0 {
		text := []rune(h.Text)
		parts = []string{html.EscapeString(string(text[:min(len(text), 200)]))}
	}
	h.Snippet = template.HTML(parts[0]) // the formatter has escaped it
	return h
}

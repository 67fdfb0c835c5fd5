package main

import (
	"encoding"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/draft"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/search"
	"github.com/bandish/bandish/internal/source"
)

// Every field of what these commands print or keep stands in its page of
// docs/formats, as code. (record.md and columns.md are made from the types.)
func TestFormatsAreDocumented(t *testing.T) {
	for page, roots := range map[string][]any{
		"answer.md":   {inquiry.Answered{}},
		"bans.md":     {ban.Ranked{}, listImport{}, ban.Decision{}, explainedBan{}},
		"requests.md": {requestView{}, listImport{}},
		"draft.md":    {draft.Draft{}, applied{}},
		"sources.md":  {source.Stored{}, source.Use{}, addedSource{}, passageCheck{}},
		"search.md":   {search.Result{}},
		"record.md":   {caseLine{}, casefile.Problem{}},
	} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats", page))
		if err != nil {
			t.Fatal(err)
		}
		written := codeWords(string(text))
		fields := 0
		for _, root := range roots {
			for name, where := range fieldsOf(reflect.TypeOf(root), "", map[reflect.Type]bool{}) {
				fields++
				if !written[name] {
					t.Errorf("%s does not tell of %q (%s)", page, name, where)
				}
			}
		}
		if fields == 0 {
			t.Errorf("%s: no fields", page)
		}
	}
}

var (
	codeSpan  = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`")
	codeBlock = regexp.MustCompile(`(?m)^ {4}.*$`)
	fieldWord = regexp.MustCompile(`[A-Za-z0-9_]+`)
)

// codeWords are the words of a page that stand as code.
func codeWords(text string) map[string]bool {
	words := make(map[string]bool)
	for _, span := range append(codeSpan.FindAllString(text, -1), codeBlock.FindAllString(text, -1)...) {
		for _, w := range fieldWord.FindAllString(span, -1) {
			words[w] = true
		}
	}
	return words
}

// fieldsOf gives the names of the JSON fields of a type and of what it holds.
func fieldsOf(t reflect.Type, where string, seen map[reflect.Type]bool) map[string]string {
	out := make(map[string]string)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] || t == reflect.TypeFor[time.Time]() || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return out
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" && !f.Anonymous {
			name = f.Name
		}
		if name != "" {
			out[name] = where + t.Name()
		}
		for n, w := range fieldsOf(f.Type, where+t.Name()+".", seen) {
			out[n] = w
		}
	}
	return out
}

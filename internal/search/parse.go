package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
)

// fields are those that a query may name.
var fields = []string{"title", "text", "kind", "case", "cc", "target"}

// part is one word or phrase of a query.
type part struct {
	field  string // "" for title and text
	text   string
	phrase bool
	not    bool
}

// parts cuts a query. Whatever is not a sign, a field or a quotation that it
// knows is a word: nobody's question is an error for its punctuation.
func parts(text string) []part {
	var list []part
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		var p part
		if text[0] == '+' || text[0] == '-' {
			p.not = text[0] == '-'
			text = text[1:]
		}
		if field, rest, ok := strings.Cut(text, ":"); ok && slices.Contains(fields, field) && rest != "" && !unicode.IsSpace(rune(rest[0])) {
			p.field, text = field, rest
		}
		if strings.HasPrefix(text, `"`) {
			p.phrase = true
			p.text, text, _ = strings.Cut(text[1:], `"`)
		} else if end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '"' }); end >= 0 {
			p.text, text = text[:end], text[end:]
		} else {
			p.text, text = text, ""
		}
		if strings.ContainsFunc(p.text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			list = append(list, p)
		}
	}
	return list
}

// parse reads a query: every word and phrase must be found, and none of those
// with a minus.
func parse(text string) (query.Query, error) {
	var must, not []query.Query
	for _, p := range parts(text) {
		if p.not {
			not = append(not, p.query())
		} else {
			must = append(must, p.query())
		}
	}
	if len(must)+len(not) == 0 {
		return nil, fmt.Errorf("%w: it holds no word", ErrQuery)
	}
	return query.NewBooleanQuery(must, nil, not), nil
}

// titleBoost is how much more a word counts in a title than in a text.
const titleBoost = 2

func (p part) query() query.Query {
	if p.field == "cc" {
		p.text = strings.ToUpper(p.text)
	}
	one := func(field string, boost float64) query.Query {
		if p.phrase {
			q := bleve.NewMatchPhraseQuery(p.text)
			q.SetField(field)
			q.SetBoost(boost)
			return q
		}
		q := bleve.NewMatchQuery(p.text) // "x.com" is several words
		q.SetOperator(query.MatchQueryOperatorAnd)
		q.SetField(field)
		q.SetBoost(boost)
		return q
	}
	if p.field != "" {
		return one(p.field, 1)
	}
	return bleve.NewDisjunctionQuery(one("title", titleBoost), one("text", 1))
}

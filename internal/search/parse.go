package search

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/search/query"
)

// fields are the fields that a query may name.
var fields = []string{"title", "text", "kind", "case", "cc", "target"}

// part is one word or phrase of a query.
type part struct {
	field  string // "" for title and text
	text   string
	phrase bool
	not    bool
}

// parts splits a query. Everything that is not a known sign, field or quotation is a word:
// punctuation never makes a query an error.
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

// parse makes the query for one of the ways: all words and phrases, or any of the words.
// It always excludes what has a minus, and demands what a field names.
func parse(text string, how How) (query.Query, error) {
	var must, should, not []query.Query
	list := parts(text)
	for i, p := range list {
		q := p.query(how)
		if p.not {
			not = append(not, q)
			continue
		}
		// Two words of Arabic script may be one word in the text.
		for _, j := range []int{i - 1, i} {
			if j >= 0 && j+1 < len(list) && list[j].joins(list[j+1]) {
				q = bleve.NewDisjunctionQuery(q, part{text: list[j].text + list[j+1].text}.query(AllWords))
			}
		}
		if how == AnyWord && p.field == "" && !p.phrase {
			should = append(should, q)
		} else {
			must = append(must, q)
		}
	}
	if len(must)+len(should)+len(not) == 0 {
		return nil, fmt.Errorf("%w: it holds no word", ErrQuery)
	}
	b := query.NewBooleanQuery(must, should, not)
	if len(should) > 0 {
		b.SetMinShould(1)
	}
	return b, nil
}

// joins reports whether two words may be written as one.
func (p part) joins(next part) bool {
	plain := func(p part) bool { return p.field == "" && !p.phrase && !p.not && arabic(p.text) }
	return plain(p) && plain(next)
}

// titleBoost is how much more a word counts in a title than in a text.
const titleBoost = 2

// slack is how many letters of a word may be wrong.
func slack(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n < 4 || strings.ContainsAny(word, "0123456789"):
		return 0
	case n < 8:
		return 1
	default:
		return 2
	}
}

func (p part) query(how How) query.Query {
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
		if how != AllWords && p.field == "" {
			q.SetFuzziness(slack(p.text))
			q.SetPrefix(1)
		}
		return q
	}
	if p.field != "" {
		return one(p.field, 1)
	}
	return bleve.NewDisjunctionQuery(one("title", titleBoost), one("text", 1))
}

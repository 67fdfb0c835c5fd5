package search

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/registry"
	"golang.org/x/text/unicode/norm"
)

// foldFilter is the name of the filter that makes one of the ways in which a
// word is written.
const foldFilter = "bandish-fold"

// joinFilter is the name of the filter that adds to a word of Arabic script
// the word that it makes with the next.
const joinFilter = "bandish-join"

// registerFold makes the filters known to bleve, which finds filters by name
// when it opens an index.
var registerFold = sync.OnceValue(func() error {
	return errors.Join(
		registry.RegisterTokenFilter(foldFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) { return folder{}, nil }),
		registry.RegisterTokenFilter(joinFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) { return joiner{}, nil }))
})

// joiner adds, beside each word of Arabic script, the word that it makes with
// the next one: whether "ہائی کورٹ" is one word or two is a matter of the
// keyboard.
type joiner struct{}

func (joiner) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	out := make(analysis.TokenStream, 0, len(tokens))
	for i, t := range tokens {
		out = append(out, t)
		if i+1 == len(tokens) || !arabic(string(t.Term)) || !arabic(string(tokens[i+1].Term)) {
			continue
		}
		both := *t
		both.Term, both.End = slices.Concat(t.Term, tokens[i+1].Term), tokens[i+1].End
		out = append(out, &both)
	}
	return out
}

// arabic reports whether a word is written in Arabic script.
func arabic(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Arabic, r) && unicode.IsLetter(r) })
}

type folder struct{}

func (folder) Filter(tokens analysis.TokenStream) analysis.TokenStream {
	for _, t := range tokens {
		t.Term = []byte(fold(string(t.Term)))
	}
	return tokens
}

// letters that keyboards of one language have and those of another have not.
var letters = map[rune]rune{
	'ي': 'ی', 'ى': 'ی', 'ك': 'ک', 'ۀ': 'ہ', 'ة': 'ہ', 'ه': 'ہ', 'ۃ': 'ہ', 'أ': 'ا', 'إ': 'ا', 'ٱ': 'ا',
	'ı': 'i', 'ø': 'o', 'Ø': 'o', 'đ': 'd', 'Đ': 'd', 'ł': 'l', 'Ł': 'l', 'ß': 's',
}

// fold drops accents, vowel signs and joiners, and writes letters that look
// the same in one way: "Décision" is found as "decision", Urdu typed on an
// Arabic keyboard as Urdu.
func fold(word string) string {
	ascii := true
	for i := range len(word) {
		ascii = ascii && word[i] < 0x80
	}
	if ascii {
		return plainNumber(word)
	}
	return plainNumber(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == 0x200c || r == 0x200d || r == 0x0640 {
			return -1
		}
		if to, ok := letters[r]; ok {
			return to
		}
		switch { // the digits of Arabic and of Urdu keyboards
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, norm.NFKD.String(word)))
}

var grouped = regexp.MustCompile(`^\d{1,3}(?:,\d{2,3})+(?:\.\d+)?$`)

// plainNumber drops the commas of a number: "41,414" is 41414, and "4,13,000"
// too has one value.
func plainNumber(word string) string {
	if grouped.MatchString(word) {
		return strings.ReplaceAll(word, ",", "")
	}
	return word
}

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

// foldFilter is the name of the filter that gives a word one spelling.
const foldFilter = "bandish-fold"

// joinFilter is the name of the filter that joins words of Arabic script.
const joinFilter = "bandish-join"

// registerFold registers the filters with bleve, which finds them by name when it opens an
// index.
var registerFold = sync.OnceValue(func() error {
	return errors.Join(
		registry.RegisterTokenFilter(foldFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) { return folder{}, nil }),
		registry.RegisterTokenFilter(joinFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) { return joiner{}, nil }))
})

// joiner adds, beside each word of Arabic script, the word that it makes together with the
// next. Whether "ہائی کورٹ" is one word or two depends on the keyboard.
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

// letters maps letters of one keyboard to the letters that another keyboard has for the
// same.
var letters = map[rune]rune{
	'ي': 'ی', 'ى': 'ی', 'ك': 'ک', 'ۀ': 'ہ', 'ة': 'ہ', 'ه': 'ہ', 'ۃ': 'ہ', 'أ': 'ا', 'إ': 'ا', 'ٱ': 'ا',
	'ı': 'i', 'ø': 'o', 'Ø': 'o', 'đ': 'd', 'Đ': 'd', 'ł': 'l', 'Ł': 'l', 'ß': 's',
}

// fold drops accents, vowel signs and joiners, and gives letters that look alike one form.
// So "Décision" is found as "decision", and Urdu typed on an Arabic keyboard as Urdu.
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
		switch { // the digits of Arabic and Urdu keyboards
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		}
		return r
	}, norm.NFKD.String(word)))
}

var grouped = regexp.MustCompile(`^\d{1,3}(?:,\d{2,3})+(?:\.\d+)?$`)

// plainNumber drops the commas of a number: "41,414" is 41414, and so "4,13,000" has one
// form too.
func plainNumber(word string) string {
	if grouped.MatchString(word) {
		return strings.ReplaceAll(word, ",", "")
	}
	return word
}

package search

import (
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

// registerFold makes the filter known to bleve, which finds filters by name
// when it opens an index.
var registerFold = sync.OnceValue(func() error {
	return registry.RegisterTokenFilter(foldFilter, func(map[string]any, *registry.Cache) (analysis.TokenFilter, error) { return folder{}, nil })
})

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
		return word
	}
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || r == 0x200c || r == 0x200d || r == 0x0640 {
			return -1
		}
		if to, ok := letters[r]; ok {
			return to
		}
		return r
	}, norm.NFKD.String(word))
}

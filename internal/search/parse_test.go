package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParts(t *testing.T) {
	for text, want := range map[string]string{
		`a b`:                   "a|b",
		`-a +b`:                 "!a|b",
		`"a b" c"d`:             `"a b"|c|"d"`,
		`kind:act cc:"pk" x:y`:  `kind=act|cc="pk"|x:y`,
		`title: a`:              "title:|a",
		`- -- + "" (((`:         "",
		`-kind:claim`:           "!kind=claim",
		`https://x.com/a?b=c#d`: "https://x.com/a?b=c#d",
	} {
		var got []string
		for _, p := range parts(text) {
			s := p.text
			if p.phrase {
				s = `"` + s + `"`
			}
			if p.field != "" {
				s = p.field + "=" + s
			}
			if p.not {
				s = "!" + s
			}
			got = append(got, s)
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s: %s, want %s", text, s, want)
		}
	}
}

// A query of any bytes is read, and none of its parts is without a word.
func FuzzParse(f *testing.F) {
	f.Add(`-kind:"a b" +c`)
	f.Add("وزارتِ داخلہ \xff\"")
	f.Fuzz(func(t *testing.T, text string) {
		list := parts(text)
		if _, err := parse(text, AllWords); (err != nil) != (len(list) == 0) {
			t.Errorf("%q: %d parts and %v", text, len(list), err)
		}
		for _, p := range list {
			if strings.TrimSpace(p.text) == "" || !strings.Contains(text, p.text) {
				t.Errorf("%q has the part %q", text, p.text)
			}
		}
		if folded := fold(text); utf8.ValidString(text) && fold(folded) != folded {
			t.Errorf("%q folds to %q, which folds to %q", text, folded, fold(folded))
		}
	})
}

package casefile

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// leftOut matches the signs in a phrase that stand for omitted words.
var leftOut = regexp.MustCompile(`\[?…\]?|\[?\.\.\.\]?`)

// FindPhrase looks for a phrase in a text. Kinds of quotation marks, dashes, spaces
// and capitals make no difference; "…" or "..." in the phrase stands for any text
// between two passages. start and end are the place of the phrase in bytes. Where
// ok is false, beginning is the longest run of the phrase's first words that the
// text has.
func FindPhrase(text, phrase string) (start, end int, beginning string, ok bool) {
	body, offsets := foldPhrase(text)
	from, first, last := 0, -1, 0
	for _, part := range leftOut.Split(phrase, -1) {
		want, _ := foldPhrase(strings.Trim(part, " \t\n\"“”'‘’.,[]"))
		if want == "" {
			continue
		}
		i := strings.Index(body[from:], want)
		if i < 0 {
			return 0, 0, longestBeginning(body[from:], part), false
		}
		if first < 0 {
			first = from + i
		}
		from += i + len(want)
		last = from
	}
	if first < 0 {
		return 0, 0, "", false
	}
	return offsets[first], offsets[last], "", true
}

// Quotes reports whether FindPhrase finds the phrase in the text.
func Quotes(text, phrase string) bool {
	_, _, _, ok := FindPhrase(text, phrase)
	return ok
}

// Find looks for a citation's phrase in a text; if the citation has a prefix or a
// suffix, where these are directly around the phrase. start and end are in bytes.
func (c Cite) Find(text string) (start, end int, ok bool) {
	if c.Prefix == "" && c.Suffix == "" {
		start, end, _, ok = FindPhrase(text, c.Phrase)
		return start, end, ok
	}
	for _, before := range []string{" ", ""} {
		for _, behind := range []string{" ", ""} {
			from, to, _, found := FindPhrase(text, strings.TrimSpace(c.Prefix+before+c.Phrase+behind+c.Suffix))
			if !found {
				continue
			}
			if _, prefix, _, has := FindPhrase(text[from:to], c.Prefix); c.Prefix != "" && has {
				from += prefix
			}
			if start, end, _, ok = FindPhrase(text[from:to], c.Phrase); ok {
				return from + start, from + end, true
			}
		}
	}
	return 0, 0, false
}

// longestBeginning returns the longest run of first words of a passage that the
// folded body holds.
func longestBeginning(body, passage string) string {
	words := strings.Fields(passage)
	low, high := 0, len(words)
	for low < high {
		mid := (low + high + 1) / 2
		want, _ := foldPhrase(strings.Join(words[:mid], " "))
		if want != "" && strings.Contains(body, want) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return strings.Join(words[:low], " ")
}

// foldPhrase returns a text in lower case with plain quotation marks and dashes and
// single spaces, with accents apart from their letters. For each byte of the
// result, and for its end, offsets has the place in s.
func foldPhrase(s string) (string, []int) {
	folded := make([]byte, 0, len(s))
	offsets := make([]int, 0, len(s)+1)
	space := true // drop leading space
	for i, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u00a0':
			if !space {
				folded, offsets = append(folded, ' '), append(offsets, i)
			}
			space = true
			continue
		case r == '`':
			r = '\''
		case r < utf8.RuneSelf: // most letters; what follows changes none of these
		case r == '\u00ad' || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff':
			continue
		case strings.ContainsRune("“”„«»", r):
			r = '"'
		case strings.ContainsRune("‘’‚´", r):
			r = '\''
		case strings.ContainsRune("–—‒−‑", r):
			r = '-'
		case r == utf8.RuneError:
			r = '?'
		}
		space = false
		if r < utf8.RuneSelf {
			folded, offsets = append(folded, byte(unicode.ToLower(r))), append(offsets, i)
			continue
		}
		for _, x := range norm.NFKD.String(string(r)) {
			folded = utf8.AppendRune(folded, unicode.ToLower(x))
			for len(offsets) < len(folded) {
				offsets = append(offsets, i)
			}
		}
	}
	if bytes.HasSuffix(folded, []byte(" ")) {
		folded, offsets = folded[:len(folded)-1], offsets[:len(offsets)-1]
	}
	return string(folded), append(offsets, len(s))
}

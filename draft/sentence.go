package draft

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bandish/bandish/casefile"
)

// sentence is one sentence and what was found in it. Places are in bytes of its
// text.
type sentence struct {
	text      string
	published time.Time // when the text was published; zero when that is not known
	page      int
	paragraph int   // from 1
	offset    int   // of the sentence in the whole text, in bytes
	clauses   []int // where each clause begins
	platforms []mention
	actors    []mention
	dates     []dateMention
	numbers   []numberMention
}

// mention is a name in a sentence.
type mention struct {
	start, end int
	id         string // platform id, or the actor's id or name
	actor      *Actor // for actors
}

// reader holds what is known while a text is read.
type reader struct {
	names     Names
	text      *Text
	cc        string
	sentences []*sentence
	actors    *actorIndex
}

// subordinators end a clause: what follows has its own time and its own actor.
var subordinators = lazy(`(?i),?\s+(?:which|who|whose|after|before|following|noting|adding|saying|suggesting|arguing|claiming|while|although|because|when|where|according to)\s|;\s|,\s+(?:and|but)\s`)

// abbreviations end with a full stop that does not end a sentence.
var abbreviations = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "st": true, "no": true, "nos": true, "art": true, "sec": true, "v": true, "vs": true, "gen": true, "col": true, "lt": true, "jan": true, "feb": true, "mar": true, "apr": true,
	"jun": true, "jul": true, "aug": true, "sept": true, "sep": true, "oct": true, "nov": true, "dec": true, "inc": true, "ltd": true, "co": true, "u.s": true, "u.k": true, "u.n": true, "e.g": true, "i.e": true, "approx": true, "rs": true, "bs": true, "justice": false, "j": true, "jj": true, "cj": true, "s": true,
}

// firstPerson marks a paragraph in which the author speaks of themselves: a
// biography beside the article.
var firstPerson = lazy(`(?:^|[^"“”'\w])(?:I|My|my)\s+(?:have|am|was|got|started|journey|career|worked|did)\b`)

// boilerplate reports whether a paragraph is not part of the article.
func boilerplate(text string) bool {
	plain := strings.ToLower(strings.TrimSpace(text))
	switch plain {
	case "latest", "comments", "share", "advertisement", "read more", "subscribe", "related", "ai-generated image", "see what people are discussing":
		return true
	}
	quoted := strings.HasPrefix(plain, `"`) || strings.HasPrefix(plain, "“")
	return strings.HasPrefix(plain, "http://") || strings.HasPrefix(plain, "https://") || !quoted && firstPerson().MatchString(text)
}

// split cuts a paragraph into sentences.
func split(p Paragraph, number int) []*sentence {
	var list []*sentence
	start := 0
	add := func(end int) {
		text := p.Text[start:end]
		lead := len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
		if trimmed := strings.TrimSpace(text); trimmed != "" {
			s := &sentence{text: trimmed, page: p.Page, paragraph: number, offset: p.Offset + start + lead}
			s.clauses = clauses(trimmed)
			list = append(list, s)
		}
		start = end
	}
	for i := 0; i < len(p.Text); i++ {
		c := p.Text[i]
		if c == '\n' && !strings.ContainsAny(p.Text[max(0, i-1):i], ".!?,;:-") && startsLine(p.Text[i+1:]) {
			add(i + 1)
			continue
		}
		if c != '.' && c != '!' && c != '?' {
			continue
		}
		end := i + 1
		for end < len(p.Text) && strings.ContainsRune(`"')]`+"”’", rune0(p.Text[end:])) {
			end += utf8.RuneLen(rune0(p.Text[end:]))
		}
		if end < len(p.Text) && !unicode.IsSpace(rune0(p.Text[end:])) || c == '.' && isAbbreviation(p.Text[start:i]) {
			continue
		}
		next := strings.TrimLeftFunc(p.Text[end:], unicode.IsSpace)
		if r := rune0(next); next != "" && (unicode.IsLower(r) || r == ',') {
			continue
		}
		add(end)
	}
	add(len(p.Text))
	return list
}

func rune0(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// startsLine reports whether a new line begins something new, and is not wrapped
// text.
func startsLine(rest string) bool {
	rest = strings.TrimLeft(rest, " \t")
	return strings.HasPrefix(rest, "http") || strings.HasPrefix(rest, "- ") || strings.HasPrefix(rest, "•")
}

func isAbbreviation(before string) bool {
	word := strings.ToLower(before[strings.LastIndexFunc(before, unicode.IsSpace)+1:])
	word = strings.Trim(word, `"'(“‘`)
	return abbreviations[word] || len(word) == 1 && word != "x"
}

func clauses(text string) []int {
	list := []int{0}
	for _, m := range subordinators().FindAllStringIndex(text, -1) {
		if !forum().MatchString(text[m[0]:]) {
			list = append(list, m[0])
		}
	}
	return list
}

// forum is where something is said or brought; no clause begins there.
var forum = lazy(`^ before (?:the |a |an )?(?:\pL+ ){0,4}(?:[Cc]ourt|[Tt]ribunal|committee|parliament|bench|assembly|[Ss]enate|lawmakers)\b`)

// clause returns the bounds of the clause that holds a place.
func (s *sentence) clause(at int) (start, end int) {
	start, end = 0, len(s.text)
	for _, c := range s.clauses {
		if c <= at {
			start = c
		} else {
			return start, c
		}
	}
	return start, end
}

// newReader finds the sentences, and every name, date and number in them. Where
// text has no day of publication, it sets the one that it finds.
func newReader(text *Text, names Names) *reader {
	if text.Published.IsZero() {
		text.Published = datedLine(text.Paragraphs)
	}
	r := &reader{names: names, text: text}
	for i, p := range text.Paragraphs {
		if !boilerplate(p.Text) {
			r.sentences = append(r.sentences, split(p, i+1)...)
		}
	}
	r.cc = mainCountry(r.sentences)
	r.actors = newActorIndex(names.Record, r.cc, r.sentences)
	finder := newPlatformFinder(names.Platforms, r.sentences)
	var named described
	for _, s := range r.sentences {
		s.published = text.Published
		s.platforms = finder.find(s.text)
		s.actors = r.actors.find(s.text)
		s.numbers = findNumbers(s.text)
		named.add(s)
	}
	r.findDates()
	return r
}

// datedLine returns the day that is alone in one of the first paragraphs, as a day
// of publication is; the zero time where there is none.
func datedLine(paragraphs []Paragraph) time.Time {
	for _, p := range paragraphs[:min(len(paragraphs), 8)] {
		text := byline().ReplaceAllString(strings.TrimSpace(p.Text), "")
		text = strings.TrimSpace(publishedWords().ReplaceAllString(text, ""))
		for _, d := range findDates(text, time.Time{}) {
			if day, ok := d.Date.FirstDay(time.UTC); ok && len(d.Date.String()) == len(time.DateOnly) && d.start == 0 && len(text)-d.end <= 12 {
				return day
			}
		}
	}
	return time.Time{}
}

// byline is the name of an author before the day: "By Ada Example | 14 March 2026".
var byline = lazy(`^(?i:by) \p{Lu}[\p{L}.’' -]{2,60}\s*[|·•,–—-]\s*`)

var publishedWords = lazy(`(?i)^(?:published|posted|updated|date)?(?: on)?:?\s*(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s*)?`)

// readSentence adds to the draft what one sentence holds.
func (r *reader) readSentence(d *Draft, s *sentence) {
	for _, m := range s.dates {
		d.Dates = append(d.Dates, line("date", s, m.start, m.end, m.DateText))
	}
	for _, m := range s.numbers {
		d.Numbers = append(d.Numbers, line("number", s, m.start, m.end, m.NumberText))
	}
	if len(s.text) > 4000 {
		return // people write no such sentence, and reading it would take long
	}
	d.Acts = append(d.Acts, r.acts(s)...)
	d.Claims = append(d.Claims, r.claims(s)...)
}

// effectOf returns what an act of a kind would do to access.
func effectOf(kind casefile.ActKind, text string) casefile.Effect {
	switch kind {
	case "restoration":
		return "restore"
	case "implementation", "circumvention_restricted":
		return "restrict"
	case "recommendation", "request", "order", "interim_order":
		if restoreWords().MatchString(text) {
			return "restore"
		}
		if banWords().MatchString(text) {
			return "restrict"
		}
	}
	return ""
}

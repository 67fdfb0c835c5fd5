// Package draft reads an article or a document and proposes what a case file could
// take from it: acts, claims, actors, courts, dates and numbers, each with its
// place in the text. It works by rules and lists of names, so that the same text
// always gives the same draft. Every rule is a value with an id and an example.
//
// A Text goes in; a Draft comes out, and as a sheet (Sheet) it goes to a person. A
// draft decides nothing: the person accepts, edits or refuses each line, and writes
// what happened in words of their own. Passages of at most 25 words are quoted to
// find the place. What the text does not say stays null: a date that depends on an
// unknown day of publication stays open, with its words. The package does no I/O
// and reads no clock.
package draft

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/casefile"
)

// Text is what is read: paragraphs in order, with the places in which locators
// count.
type Text struct {
	Title      string
	Published  time.Time // zero when it is not known
	Paragraphs []Paragraph
}

// Paragraph is one paragraph of a text.
type Paragraph struct {
	Text   string
	Page   int // from 1; 0 in a text without pages
	Offset int // of the paragraph in the text, in bytes
}

// Names holds the names that a draft knows.
type Names struct {
	// Platforms maps names of platforms, in lower case, to their ids.
	Platforms map[string]string
	// Record holds the actors and laws that are already known.
	Record *casefile.Records
}

// Draft is everything that is proposed from one text.
type Draft struct {
	Title     string             `json:"title"`
	Published casefile.Date      `json:"published"`
	CC        *string            `json:"cc"`      // the country that the text is mostly about
	Targets   []string           `json:"targets"` // the platforms it names, the most frequent first
	Actors    []Line[Actor]      `json:"actors"`
	Acts      []Line[Act]        `json:"acts"`
	Claims    []Line[Claim]      `json:"claims"`
	Dates     []Line[DateText]   `json:"dates"`
	Numbers   []Line[NumberText] `json:"numbers"`
}

// Line is one proposal.
type Line[T any] struct {
	// Decision is a person's: accept, edit or refuse. Read leaves it nil.
	Decision *string          `json:"decision"`
	Rule     string           `json:"rule"`
	At       casefile.Locator `json:"at"`
	Passage  string           `json:"passage"` // at most 25 words, to find the place
	Is       T                `json:"is"`
}

// Actor is somebody whom the text names. ID is nil for one that the record does not
// have.
type Actor struct {
	ID   *string            `json:"id"`
	Kind casefile.ActorKind `json:"kind"`
	Name string             `json:"name"`
	CC   *string            `json:"cc"`
}

// Act is a step in the terms of the case file. What is nil, for a person to write.
type Act struct {
	Kind     casefile.ActKind `json:"kind"`
	Date     casefile.Date    `json:"date"`
	DateText string           `json:"date_text,omitempty"` // the words of the text, where the date is open
	By       []string         `json:"by"`                  // ids, or names where there is no id
	To       []string         `json:"to"`
	Targets  []string         `json:"targets"`
	Term     *string          `json:"term"`
	Effect   casefile.Effect  `json:"effect,omitempty"`
	What     *string          `json:"what"`
}

// Claim is a statement that somebody is said to have made.
type Claim struct {
	By     []string         `json:"by"`
	About  casefile.Subject `json:"about"`
	Date   casefile.Date    `json:"date"`
	Target *string          `json:"target"`
	Number *NumberText      `json:"number"`
	Says   *string          `json:"says"`
}

// DateText is a date in the words of the text, and the day that they mean.
type DateText struct {
	Text string        `json:"text"`
	Date casefile.Date `json:"date"` // null where it depends on what the text does not say
	Note string        `json:"note,omitempty"`
}

// NumberText is a number as the text gives it. Value is null for words such
// as "hundreds".
type NumberText struct {
	Text     string   `json:"text"`
	Value    *float64 `json:"value"`
	Of       *float64 `json:"of,omitempty"` // "41 of 69"
	Unit     string   `json:"unit"`
	Relation string   `json:"relation"` // =, <, >, ~
}

// Read proposes what a case file could take from a text. It does not change text.
func Read(text *Text, names Names) *Draft {
	copied := *text // the day of publication may be found in it
	text = &copied
	r := newReader(text, names)
	d := &Draft{Title: text.Title}
	if !text.Published.IsZero() {
		d.Published = casefile.Day(text.Published, time.UTC)
	}
	if r.cc != "" {
		d.CC = &r.cc
	}
	d.Targets = append([]string{}, r.mainTargets()...) // [] and not null in JSON
	for _, s := range r.sentences {
		r.readSentence(d, s)
	}
	d.Actors = r.actorLines()
	return d
}

// line makes a proposal for a place in a sentence.
func line[T any](rule string, s *sentence, start, end int, is T) Line[T] {
	offset := int64(s.offset + start)
	return Line[T]{
		Rule: rule, Passage: passage(s.text, start, end), Is: is,
		At: casefile.Locator{Page: int64(s.page), Paragraph: int64(s.paragraph), Offset: &offset, Length: int64(end - start)},
	}
}

// lazy compiles an expression when it is first used, because most commands draft
// nothing.
func lazy(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// wordsOf returns where each word of a text begins and ends, in bytes. It splits
// where strings.Fields does: a regular expression's \s knows fewer spaces.
func wordsOf(text string) (words [][2]int) {
	at := 0
	for w := range strings.FieldsSeq(text) {
		from := at + strings.Index(text[at:], w)
		at = from + len(w)
		words = append(words, [2]int{from, at})
	}
	return words
}

// passage returns the text around a place, cut to 25 whole words, with single
// spaces.
func passage(text string, start, end int) string {
	const limit = 25
	words := wordsOf(text)
	from, to := 0, 0 // the words of the place
	for _, w := range words {
		if w[1] <= start {
			from++
		}
		if w[0] < end {
			to++
		}
	}
	if to = max(from, to); to-from < limit {
		room := limit - (to - from)
		tail := min(len(words)-to, room-min(from, room/2))
		from, to = from-min(from, room-tail), to+tail
	}
	to = min(to, from+limit)
	if from == to {
		return ""
	}
	return strings.Join(strings.Fields(text[words[from][0]:words[to-1][1]]), " ")
}

// mainTargets returns the platforms of the text, the most frequent first.
func (r *reader) mainTargets() []string {
	count := make(map[string]int)
	for _, s := range r.sentences {
		for _, m := range s.platforms {
			count[m.id]++
		}
	}
	return mostFrequent(count)
}

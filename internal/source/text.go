package source

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	readability "github.com/go-shiori/go-readability"
	"github.com/ledongthuc/pdf"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/unicode/norm"

	"github.com/bandish/bandish/casefile"
)

// Text is what a person reads of a copy. Locators count in it.
type Text struct {
	Title     string
	Author    string
	Published time.Time // as the document says; zero when it does not
	Body      string    // paragraphs, each ended by a blank line
	Spans     []Span    // of the paragraphs, in order

	building strings.Builder // Body, while it grows
}

// Span is a paragraph's place in the body, in bytes.
type Span struct {
	Page       int // from 1; 0 in a document without pages
	Start, End int
}

// ErrNoText says that a copy is of a kind without text, such as a picture.
var ErrNoText = errors.New("no text can be read from it")

// ReadText gives the readable text of a copy. Pages of the web lose their
// menus and comments; documents keep their pages.
func ReadText(content []byte, mediaType, address string) (*Text, error) {
	t, err := readText(content, mediaType, address)
	if err != nil {
		return nil, err
	}
	t.Body = t.building.String()
	return t, nil
}

func readText(content []byte, mediaType, address string) (*Text, error) {
	switch {
	case mediaType == "text/html" || mediaType == "application/xhtml+xml":
		return htmlText(content, address)
	case mediaType == "application/pdf":
		return pdfText(content)
	case strings.HasPrefix(mediaType, "text/"), mediaType == "application/json", mediaType == "application/xml":
		if !utf8.Valid(content) {
			return nil, fmt.Errorf("%s: not UTF-8: %w", mediaType, ErrNoText)
		}
		t := &Text{}
		for _, p := range blankLines.Split(strings.ReplaceAll(string(content), "\r\n", "\n"), -1) {
			t.add(0, p)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s: %w", mediaType, ErrNoText)
}

var blankLines = regexp.MustCompile(`\n[ \t]*\n`)

// add appends a paragraph.
func (t *Text) add(page int, paragraph string) {
	paragraph = strings.TrimSpace(paragraph)
	if paragraph == "" {
		return
	}
	start := t.building.Len()
	t.building.WriteString(paragraph + "\n\n")
	t.Spans = append(t.Spans, Span{page, start, start + len(paragraph)})
}

func htmlText(content []byte, address string) (*Text, error) {
	reader, err := charset.NewReader(bytes.NewReader(content), "text/html")
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	u, err := url.Parse(address)
	if err != nil || address == "" {
		u = &url.URL{Scheme: "https", Host: "source.invalid"}
	}
	article, err := readability.FromReader(reader, u)
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	t := &Text{Title: strings.TrimSpace(article.Title), Author: strings.TrimSpace(article.Byline)}
	if article.PublishedTime != nil {
		t.Published = article.PublishedTime.UTC()
	}
	if article.Node != nil {
		t.paragraphs(article.Node)
	}
	if len(t.Spans) == 0 {
		for _, p := range strings.Split(article.TextContent, "\n") {
			t.add(0, p)
		}
	}
	return t, nil
}

// maxPages bounds the work on one document.
const maxPages = 5000

// pdfText reads a document page by page. The reader panics on some broken
// files; that is an error like any other.
func pdfText(content []byte) (t *Text, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("read PDF: broken document (%v)", r)
		}
	}()
	doc, err := pdf.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("read PDF: %w", err)
	}
	t = &Text{}
	for n := 1; n <= min(doc.NumPage(), maxPages); n++ {
		page := doc.Page(n)
		if page.V.IsNull() {
			continue
		}
		text, err := page.GetPlainText(nil)
		if err != nil {
			return nil, fmt.Errorf("read PDF page %d: %w", n, err)
		}
		for _, p := range blankLines.Split(text, -1) {
			t.add(n, p)
		}
	}
	if len(t.Spans) == 0 {
		return nil, fmt.Errorf("PDF without a text layer (a scan): %w", ErrNoText)
	}
	return t, nil
}

// Paragraph returns the number (from 1) and the span of the paragraph in
// which an offset lies.
func (t *Text) Paragraph(offset int) (int, Span) {
	for i, s := range t.Spans {
		if offset < s.End {
			return i + 1, s
		}
	}
	return 0, Span{}
}

// Find looks for a passage, in any case, spacing, quotation marks and
// dashes. "…" or "..." in it stands for words left out. It reports where the
// passage lies; when it is not there, found is the longest beginning of it
// that is.
func (t *Text) Find(passage string) (at casefile.Locator, found string, ok bool) {
	body, offsets := fold(t.Body)
	parts := ellipsis.Split(passage, -1)
	from, start, end := 0, -1, 0
	for _, part := range parts {
		want, _ := fold(strings.Trim(part, " \t\n\"“”'‘’.,[]"))
		if want == "" {
			continue
		}
		i := strings.Index(body[from:], want)
		if i < 0 {
			return casefile.Locator{}, longestBeginning(body[from:], part), false
		}
		if start < 0 {
			start = from + i
		}
		from += i + len(want)
		end = from
	}
	if start < 0 {
		return casefile.Locator{}, "", false
	}
	first, last := offsets[start], offsets[end]
	n, span := t.Paragraph(first)
	offset := int64(first)
	return casefile.Locator{Page: int64(span.Page), Paragraph: int64(n), Offset: &offset, Length: int64(last - first)}, passage, true
}

var ellipsis = regexp.MustCompile(`…|\.\.\.|\[…\]`)

// longestBeginning is the longest run of first words of a passage that the
// folded body holds.
func longestBeginning(body, passage string) string {
	words := strings.Fields(passage)
	low, high := 0, len(words)
	for low < high {
		mid := (low + high + 1) / 2
		want, _ := fold(strings.Join(words[:mid], " "))
		if want != "" && strings.Contains(body, want) {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return strings.Join(words[:low], " ")
}

// fold writes a text in lower case with plain quotes, dashes and single
// spaces, and gives for each byte of it (and its end) the byte of the
// original.
func fold(s string) (string, []int) {
	var b strings.Builder
	offsets := make([]int, 0, len(s)+1)
	space := true // drop leading space
	emit := func(r rune, at int) {
		for range utf8.RuneLen(r) {
			offsets = append(offsets, at)
		}
		b.WriteRune(r)
	}
	for i, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u00a0':
			if !space {
				emit(' ', i)
			}
			space = true
			continue
		case r == '\u00ad' || r == '\u200b' || r == '\u200c' || r == '\u200d' || r == '\ufeff':
			continue
		case strings.ContainsRune("“”„«»\"", r):
			r = '"'
		case strings.ContainsRune("‘’‚`´", r):
			r = '\''
		case strings.ContainsRune("–—‒−‑", r):
			r = '-'
		}
		space = false
		if r == utf8.RuneError {
			r = '?'
		}
		for _, x := range norm.NFKC.String(string(r)) {
			emit(unicode.ToLower(x), i)
		}
	}
	folded := b.String()
	if strings.HasSuffix(folded, " ") {
		folded = folded[:len(folded)-1]
		offsets = offsets[:len(offsets)-1]
	}
	return folded, append(offsets, len(s))
}

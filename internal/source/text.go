package source

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	readability "github.com/go-shiori/go-readability"
	"github.com/ledongthuc/pdf"
	"golang.org/x/net/html/charset"

	"github.com/bandish/bandish/casefile"
)

// Text is what a person reads of a copy. Locators count in it.
type Text struct {
	Title     string
	Author    string
	Published time.Time // as the document says; zero if it does not
	Body      string    // the paragraphs, each followed by a blank line
	Spans     []Span    // of the paragraphs, in order

	building strings.Builder // Body while it grows
}

// Extractor names the program that makes the text of a copy, and its version, since
// locators count in the text. A change that moves any byte of any text needs a new
// version.
const Extractor = "bandish-text/1"

// Span is the place of a paragraph in the body, in bytes.
type Span struct {
	Page       int // from 1; 0 if the document has no pages
	Start, End int
}

// ErrNoText means that a copy is of a kind without text, for instance a picture.
var ErrNoText = errors.New("no text can be read from it")

// ReadText returns the readable text of a copy. Web pages lose their menus and comments.
// Documents keep their pages. The error wraps ErrNoText for kinds without text.
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

// The limits for one PDF. Its reader unpacks everything that a page names, as often as
// pages name it.
const (
	maxPages    = 5000
	maxUnpacked = 512 << 20        // bytes of all its streams, uncompressed
	maxReading  = 60 * time.Second // a page that was begun is read to its end
	maxText     = 64 << 20         // bytes of text
)

// unpackedSize returns how many bytes the streams of a PDF take when uncompressed. It
// stops soon after `most`. The compressed bytes that it reads count too, since streams may
// overlap.
func unpackedSize(content []byte, most int64) int64 {
	var size int64
	for rest := content; size <= most; {
		_, after, found := bytes.Cut(rest, []byte("stream"))
		if !found {
			break
		}
		rest = after
		packed := bytes.TrimLeft(after[:min(len(after), 2)], "\r\n")
		packed = after[min(len(after), 2)-len(packed):]
		in := bytes.NewReader(packed)
		size += inflated(in, most-size+1, 2) + int64(len(packed)-in.Len())
	}
	return size
}

// inflated returns how many bytes a zlib stream uncompresses to; if these are a zlib
// stream again, how many that does. It is 0 for anything else.
func inflated(r io.Reader, most int64, depth int) int64 {
	z, err := zlib.NewReader(r)
	if err != nil || depth == 0 {
		return 0
	}
	defer z.Close()
	plain := bufio.NewReader(io.LimitReader(z, most))
	if head, _ := plain.Peek(2); depth > 1 && len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8+int(head[1]))%31 == 0 {
		return inflated(plain, most, depth-1)
	}
	n, _ := io.Copy(io.Discard, plain) // broken streams end early, here as in the reader
	return n
}

// pdfText reads a document page by page. The reader panics on some broken files; pdfText
// turns that into an error.
func pdfText(content []byte) (t *Text, err error) {
	defer func() {
		if r := recover(); r != nil {
			t, err = nil, fmt.Errorf("read PDF: broken document (%v)", r)
		}
	}()
	if unpackedSize(content, maxUnpacked) > maxUnpacked {
		return nil, fmt.Errorf("read PDF: it unpacks to more than %d bytes", maxUnpacked)
	}
	doc, err := pdf.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, fmt.Errorf("read PDF: %w", err)
	}
	t = &Text{}
	begun := time.Now()
	for n := 1; n <= min(doc.NumPage(), maxPages); n++ {
		if time.Since(begun) > maxReading || t.building.Len() > maxText {
			return nil, fmt.Errorf("read PDF page %d: the pages before it took too long or hold more than %d bytes of text", n, maxText)
		}
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

// Paragraph returns the number (from 1) and the span of the paragraph in which an offset
// lies.
func (t *Text) Paragraph(offset int) (int, Span) {
	for i, s := range t.Spans {
		if offset < s.End {
			return i + 1, s
		}
	}
	return 0, Span{}
}

// Find looks for a passage as casefile.FindPhrase does: case, spacing, quotation marks and
// dashes do not matter. It returns where the passage lies. If it is not there, ok is
// false, and found is the longest beginning of the passage that is there.
func (t *Text) Find(passage string) (at casefile.Locator, found string, ok bool) {
	first, last, beginning, ok := casefile.FindPhrase(t.Body, passage)
	if !ok {
		return casefile.Locator{}, beginning, false
	}
	return t.locate(first, last), passage, true
}

// Place returns where the phrase of a citation lies.
func (t *Text) Place(c casefile.Cite) (casefile.Locator, bool) {
	first, last, ok := c.Find(t.Body)
	if !ok {
		return casefile.Locator{}, false
	}
	return t.locate(first, last), true
}

// locate makes a locator from the first and the last byte in the body.
func (t *Text) locate(first, last int) casefile.Locator {
	n, span := t.Paragraph(first)
	offset := int64(first)
	return casefile.Locator{Page: int64(span.Page), Paragraph: int64(n), Offset: &offset, Length: int64(last - first), Extractor: Extractor}
}

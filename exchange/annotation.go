package exchange

import (
	"fmt"
	"io"

	"github.com/bandish/bandish/casefile"
)

// Anno is the JSON-LD context of Web Annotations.
const Anno = "http://www.w3.org/ns/anno.jsonld"

// The terms of the Web Annotation Data Model that are used.
type (
	annotations struct {
		Context string `json:"@context"`
		ID      string `json:"id"`
		Type    string `json:"type"`
		Label   string `json:"label"`
		Total   int    `json:"total"`
		First   any    `json:"first"`
	}
	annotationPage struct {
		ID    string       `json:"id"`
		Type  string       `json:"type"`
		Items []annotation `json:"items"`
	}
	annotation struct {
		ID         string `json:"id"`
		Type       string `json:"type"`
		Motivation string `json:"motivation"`
		Body       string `json:"body"`   // the fact
		Target     []any  `json:"target"` // a source, or places in it and in its copy
	}
	place struct {
		Type     string `json:"type"`
		Source   any    `json:"source"`
		Selector any    `json:"selector"`
	}
	selector struct {
		Type       string    `json:"type"`
		ConformsTo string    `json:"conformsTo,omitempty"`
		Value      string    `json:"value,omitempty"`
		Exact      string    `json:"exact,omitempty"`
		Prefix     string    `json:"prefix,omitempty"`
		Suffix     string    `json:"suffix,omitempty"`
		Start      *int64    `json:"start,omitempty"`
		End        *int64    `json:"end,omitempty"`
		RefinedBy  *selector `json:"refinedBy,omitempty"`
	}
)

// pdfFragment is the standard by which a page of a PDF is named.
const pdfFragment = "http://tools.ietf.org/rfc/rfc3778"

// Annotations writes each citation as a Web Annotation, which links a fact with a
// passage of its source. Offsets are bytes of the text that the named extractor
// made of the copy: they select in that text, not in the page. An error is one of
// w, or says that Fact names no entry.
func (e Edition) Annotations(w io.Writer) error {
	facts, err := e.facts()
	if err != nil {
		return err
	}
	page := annotationPage{ID: e.caseIRI() + "#annotations-1", Type: "AnnotationPage", Items: []annotation{}}
	for _, f := range facts {
		for i, cite := range f.cites {
			fact := e.factIRI(f.kind, f.id)
			page.Items = append(page.Items, annotation{ID: fmt.Sprintf("%s#cite-%d", fact, i+1), Type: "Annotation", Motivation: "linking", Body: fact, Target: e.targets(cite)})
		}
	}
	return writeJSON(w, annotations{Context: Anno, ID: e.caseIRI() + "#annotations", Type: "AnnotationCollection", Label: "Citations of " + e.Case.Title, Total: len(page.Items), First: page})
}

// targets returns the places that a citation names: the passage in the source, and
// the same bytes in the text of its copy.
func (e Edition) targets(cite casefile.Cite) []any {
	page := e.page(cite.Source)
	var at *selector
	if cite.Phrase != "" {
		at = &selector{Type: "TextQuoteSelector", Exact: cite.Phrase, Prefix: cite.Prefix, Suffix: cite.Suffix}
	}
	if cite.Page > 0 {
		at = &selector{Type: "FragmentSelector", ConformsTo: pdfFragment, Value: fmt.Sprintf("page=%d", cite.Page), RefinedBy: at}
	}
	if at == nil {
		return []any{page}
	}
	list := []any{place{"SpecificResource", page, at}}
	if copied := e.copyOf(cite); copied != nil && cite.Offset != nil && cite.Extractor != "" {
		end := *cite.Offset + cite.Length
		list = append(list, place{"SpecificResource", textIRI(copied.SHA256, cite.Extractor), &selector{Type: "DataPositionSelector", Start: cite.Offset, End: &end}})
	}
	return list
}

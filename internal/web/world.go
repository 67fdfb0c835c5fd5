package web

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/bandish/bandish/answer"
)

// worldShapes has a line a country: its code, "-" for what has none, and its
// shape as an SVG path on a plane of 720 × 282, two units a degree, from 84° north
// to 57° south. The shapes are those of Natural Earth at 1:110 million (public
// domain), as npm's world-atlas has them, rounded to whole units.
//
//go:embed world.tsv
var worldShapes string

// worldMap colours the countries of one target's answers; each links to its
// answer. A country of which nothing is known is an outline.
func worldMap(target string, answers []answer.Answer, query string) template.HTML {
	of := make(map[string]*answer.Answer, len(answers))
	for i := range answers {
		of[answers[i].CC] = &answers[i]
	}
	var b strings.Builder
	b.WriteString(`<svg class="map" viewBox="0 0 720 282" role="group" aria-label="Map of the world; the table below says the same">`)
	for line := range strings.Lines(worldShapes) {
		cc, shape, _ := strings.Cut(strings.TrimSpace(line), "\t")
		a := of[cc]
		if a == nil {
			fmt.Fprintf(&b, `<path class="unknown" d="%s"/>`, shape)
			continue
		}
		fmt.Fprintf(&b, `<a href="%s"><title>%s: %s</title><path class="s-%s" d="%s"/></a>`,
			template.HTMLEscapeString("/cc/"+cc+"/"+url.PathEscape(target)+query), template.HTMLEscapeString(a.Country), template.HTMLEscapeString(a.Headline()), a.State, shape)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // the shapes are the program's own, all else is escaped
}

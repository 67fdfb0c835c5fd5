package web

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/bandish/bandish/answer"
)

// worldShapes has one line for each country: its code ("-" if it has none) and its shape
// as an SVG path. The plane is 720 × 282 units, two units a degree, from 84° north to 57°
// south. The shapes come from Natural Earth at 1:110 million (public domain), through
// npm's world-atlas, rounded to whole units.
//
//go:embed world.tsv
var worldShapes string

// worldMap draws the world with each country in the colour of its answer about one target;
// each links to its answer. A country without an answer is an outline.
func worldMap(target string, answers []answer.Answer, query string) template.HTML {
	return drawWorld(target, answers, query, outlines(), nil)
}

// smallWorld is worldMap with coarser shapes, for a page that shows more than the map. It
// is in language lang (nil: English).
func smallWorld(target string, answers []answer.Answer, query string, lang *catalogue) template.HTML {
	return drawWorld(target, answers, query, coarse(), lang)
}

// outline is the shape of one country as an SVG path.
type outline struct{ cc, shape string }

// The shapes of the map, and coarser ones. They are made once.
var (
	outlines = sync.OnceValue(func() (out []outline) {
		for line := range strings.Lines(worldShapes) {
			cc, shape, _ := strings.Cut(strings.TrimSpace(line), "\t")
			out = append(out, outline{cc, shape})
		}
		return out
	})
	coarse = sync.OnceValue(func() (out []outline) {
		for _, o := range outlines() {
			out = append(out, outline{o.cc, coarser(o.shape, 2)})
		}
		return out
	})
)

// drawWorld draws a map.
func drawWorld(target string, answers []answer.Answer, query string, countries []outline, lang *catalogue) template.HTML {
	k := speaker{c: lang}
	of := make(map[string]*answer.Answer, len(answers))
	for i := range answers {
		of[answers[i].CC] = &answers[i]
	}
	var b strings.Builder
	b.WriteString(`<svg class="map" viewBox="0 0 720 282" role="group" aria-label="` + template.HTMLEscapeString(k.say("map.label", "Map of the world; the table below says the same")) + `">`)
	for _, o := range countries {
		a := of[o.cc]
		if a == nil {
			b.WriteString(`<path class="unknown" d="` + o.shape + `"/>`)
			continue
		}
		country, head := a.Country, a.Headline()
		if lang != nil {
			country, head = plainName(lang.country(a.CC, a.Country)), plainName(lang.head(a))
		}
		fmt.Fprintf(&b, `<a href="%s"><title>%s: %s</title><path class="s-%s" d="%s"/></a>`,
			template.HTMLEscapeString(k.own("/cc/"+o.cc+"/"+url.PathEscape(target))+query), template.HTMLEscapeString(country), template.HTMLEscapeString(head), a.State, o.shape)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // the shapes are the program's own, all else is escaped
}

var numbers = regexp.MustCompile(`-?\d+`)

// coarser moves the points of a shape onto a grid and drops those that add nothing. A
// border that two countries share stays the same in both.
func coarser(shape string, grid int) string {
	var b strings.Builder
	for ring := range strings.SplitSeq(shape, "z") {
		if points := onGrid(numbers.FindAllString(ring, -1), grid); len(points) > 2 {
			fmt.Fprintf(&b, "M%d %dl", points[0][0], points[0][1])
			for i, p := range points[1:] {
				fmt.Fprintf(&b, "%d %d ", p[0]-points[i][0], p[1]-points[i][1])
			}
			b.WriteString("z")
		}
	}
	return strings.NewReplacer(" z", "z", " -", "-").Replace(b.String())
}

// onGrid returns the points of a ring on the grid. steps are the ring's start and then the
// steps from point to point, x and y in turn.
func onGrid(steps []string, grid int) [][2]int {
	var out [][2]int
	x, y := 0, 0
	for i := 0; i+1 < len(steps); i += 2 {
		dx, _ := strconv.Atoi(steps[i]) // the shapes are the program's own
		dy, _ := strconv.Atoi(steps[i+1])
		x, y = x+dx, y+dy
		p := [2]int{(x + grid/2) / grid * grid, (y + grid/2) / grid * grid}
		for n := len(out); n > 1 && (out[n-1][0]-out[n-2][0])*(p[1]-out[n-1][1]) == (out[n-1][1]-out[n-2][1])*(p[0]-out[n-1][0]); n = len(out) {
			out = out[:n-1]
		}
		if n := len(out); n == 0 || out[n-1] != p {
			out = append(out, p)
		}
	}
	return out
}

package web

import (
	"fmt"
	"html/template"
	"strings"
)

// graphNode is somebody in a chain of authority, with the step that leads on to the next.
// The last node has no step.
type graphNode struct {
	Name string
	Step string // "order, 17 February 2024"
	Then string // days until the next step, "" if not known
	Href string // of the step
}

// graphOf returns the nodes of a chain: who acted, in the order of the steps, and at the
// end what was blocked.
func graphOf(chain []chainLink, blocked string) []graphNode {
	if len(chain) == 0 {
		return nil
	}
	var out []graphNode
	for _, l := range chain {
		n := graphNode{Name: l.Short, Step: l.Kind + ", " + l.Day, Then: l.Days, Href: l.Href}
		if n.Name == "" {
			n.Name = "not named"
		}
		out = append(out, n)
	}
	if last := chain[len(chain)-1]; last.To != "" {
		out = append(out, graphNode{Name: last.To})
	} else {
		out = append(out, graphNode{Name: blocked})
	}
	return out
}

// The measures of a graph in its own units. They are pixels if the page is as wide as the
// drawing.
const (
	boxWide, boxHigh     = 168, 56
	arrowWide, arrowHigh = 132, 64
	letterWide           = 8 // of a letter of a name, rather too wide
)

// graph draws a chain twice: from left to right for wide pages, and downwards for narrow
// ones. The style sheet shows one of the two. The list below the drawing says the same.
func graph(nodes []graphNode) template.HTML {
	if len(nodes) < 2 {
		return ""
	}
	var b strings.Builder
	n := len(nodes)
	fmt.Fprintf(&b, `<svg class="graph across" viewBox="0 0 %d %d" role="group" aria-label="Who asked whom; the list below says the same">`, n*boxWide+(n-1)*arrowWide, boxHigh+8)
	for i, node := range nodes {
		x := i * (boxWide + arrowWide)
		box(&b, x, 4, node.Name)
		if i < n-1 {
			arrow(&b, node, x+boxWide+4, 4+boxHigh/2, x+boxWide+arrowWide-4, 4+boxHigh/2)
		}
	}
	fmt.Fprintf(&b, `</svg><svg class="graph down" viewBox="0 0 300 %d" role="group" aria-label="Who asked whom; the list below says the same">`, n*boxHigh+(n-1)*arrowHigh+8)
	for i, node := range nodes {
		y := 4 + i*(boxHigh+arrowHigh)
		box(&b, 2, y, node.Name)
		if i < n-1 {
			arrow(&b, node, 2+boxWide/2, y+boxHigh+4, 2+boxWide/2, y+boxHigh+arrowHigh-4)
		}
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) // all text above is escaped
}

// box draws a name in a box, in two lines if it is long.
func box(b *strings.Builder, x, y int, name string) {
	fmt.Fprintf(b, `<g><title>%s</title><rect class="box" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, template.HTMLEscapeString(name), x, y, boxWide, boxHigh)
	lines := twoLines(name, (boxWide-16)/letterWide)
	for i, l := range lines {
		fmt.Fprintf(b, `<text class="name" x="%d" y="%d">%s</text>`, x+boxWide/2, y+boxHigh/2+5+(2*i-len(lines)+1)*9, template.HTMLEscapeString(l))
	}
	b.WriteString(`</g>`)
}

// arrow draws a step from one box to the next, with its kind and day.
func arrow(b *strings.Builder, n graphNode, x1, y1, x2, y2 int) {
	kind, day, _ := strings.Cut(n.Step, ", ")
	fmt.Fprintf(b, `<a href="%s"><line class="arrow" x1="%d" y1="%d" x2="%d" y2="%d"/>`, template.HTMLEscapeString(n.Href), x1, y1, x2, y2)
	if y1 == y2 {
		fmt.Fprintf(b, `<path class="head" d="M%d %d l-9 -5 v10 z"/>`, x2, y2)
		fmt.Fprintf(b, `<text class="step" x="%d" y="%d">%s</text><text class="day" x="%d" y="%d">%s</text>`, (x1+x2)/2, y1-8, template.HTMLEscapeString(kind), (x1+x2)/2, y1+18, template.HTMLEscapeString(day))
	} else {
		fmt.Fprintf(b, `<path class="head" d="M%d %d l-5 -9 h10 z"/>`, x2, y2)
		fmt.Fprintf(b, `<text class="beside step" x="%d" y="%d">%s</text><text class="beside day" x="%d" y="%d">%s</text>`, x1+12, (y1+y2)/2-3, template.HTMLEscapeString(kind), x1+12, (y1+y2)/2+14, template.HTMLEscapeString(day))
	}
	b.WriteString(`</a>`)
}

// twoLines breaks a name at a space into at most two lines of at most so many letters.
// What does not fit is cut, and ends in "…".
func twoLines(name string, most int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(name) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= most:
			*last += " " + word
		case len(lines) == 1:
			lines = append(lines, word)
		default:
			*last += " …"
			return cutTo(lines, most)
		}
	}
	return cutTo(lines, most)
}

func cutTo(lines []string, most int) []string {
	for i, l := range lines {
		if r := []rune(l); len(r) > most {
			lines[i] = string(r[:most-1]) + "…"
		}
	}
	return lines
}

package source

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// blocks are the elements that end a paragraph.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Li: true, atom.Ul: true, atom.Ol: true, atom.Blockquote: true, atom.Pre: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Table: true, atom.Tr: true, atom.Figure: true, atom.Figcaption: true,
	atom.Header: true, atom.Footer: true, atom.Dl: true, atom.Dt: true, atom.Dd: true, atom.Hr: true,
}

// paragraphs appends the paragraphs below a node, in the order of the page.
func (t *Text) paragraphs(root *html.Node) {
	var line strings.Builder
	flush := func() {
		t.add(0, strings.Join(strings.Fields(line.String()), " "))
		line.Reset()
	}
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		if depth > 2000 { // a hostile page
			return
		}
		switch {
		case n.Type == html.TextNode:
			line.WriteString(n.Data)
		case n.DataAtom == atom.Br || n.DataAtom == atom.Td || n.DataAtom == atom.Th:
			line.WriteByte(' ')
		case n.DataAtom == atom.Script || n.DataAtom == atom.Style:
			return
		}
		if blocks[n.DataAtom] {
			flush()
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, depth+1)
		}
		if blocks[n.DataAtom] {
			flush()
		}
	}
	walk(root, 0)
	flush()
}

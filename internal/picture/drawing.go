package picture

import (
	"image"
	"image/color"
	"math"
)

// Drawing is a drawing with its own unit of length. A card scales it to the room that the
// texts leave.
type Drawing struct {
	Wide, High float64
	Shapes     []Shape
	Labels     []Label
}

// Shape is some polygons of one colour. If Edge is greater than 0, lines of that width go
// around them. Lines are drawn over all shapes.
type Shape struct {
	Rings [][]Point
	Fill  color.RGBA
	Edge  float64
	Ink   color.RGBA // colour of the lines
}

// Point is a point in units of the drawing. Y grows downwards.
type Point struct{ X, Y float64 }

// Anchor says which part of a label stands at its X.
type Anchor int

// The anchors.
const (
	Start Anchor = iota
	Middle
	End
)

// Label is a text in one line. Y is its base line.
type Label struct {
	X, Y   float64
	Text   string
	Size   float64 // size of the letters, in units of the drawing
	Bold   bool
	Color  color.RGBA
	Anchor Anchor
}

// Ink is the colour of texts on a card.
func Ink() color.RGBA { return ink }

// Soft is the colour of less important texts.
func Soft() color.RGBA { return soft }

// Box returns a rectangle as a ring.
func Box(x, y, wide, high float64) []Point {
	return []Point{{x, y}, {x + wide, y}, {x + wide, y + high}, {x, y + high}}
}

// Line returns a line of some width as a ring. All lines turn the same way, so that lines
// that cross do not cancel each other out.
func Line(from, to Point, width float64) []Point {
	dx, dy := to.X-from.X, to.Y-from.Y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return nil
	}
	nx, ny := -dy/length*width/2, dx/length*width/2
	return []Point{{from.X + nx, from.Y + ny}, {from.X - nx, from.Y - ny}, {to.X - nx, to.Y - ny}, {to.X + nx, to.Y + ny}}
}

// drawing draws in the middle of a part of the picture, as large as possible, and returns
// the height.
func (p *page) drawing(d *Drawing, room image.Rectangle) (high int) {
	scale := min(float64(room.Dx())/d.Wide, float64(room.Dy())/d.High)
	left := float64(room.Min.X) + (float64(room.Dx())-scale*d.Wide)/2
	at := func(q Point) (float32, float32) {
		return float32(left + scale*q.X), float32(float64(room.Min.Y) + scale*q.Y)
	}
	edges := map[color.RGBA][][]Point{}
	var inks []color.RGBA // in their order
	for i := range d.Shapes {
		s := &d.Shapes[i]
		p.fill(s.Rings, s.Fill, at)
		if s.Edge <= 0 {
			continue
		}
		if edges[s.Ink] == nil {
			inks = append(inks, s.Ink)
		}
		for _, ring := range s.Rings {
			for j := range ring {
				edges[s.Ink] = append(edges[s.Ink], Line(ring[j], ring[(j+1)%len(ring)], s.Edge))
			}
		}
	}
	for _, ink := range inks { // lines of one colour together: each fill takes time
		p.fill(edges[ink], ink, at)
	}
	for _, l := range d.Labels {
		x, y := at(Point{l.X, l.Y})
		p.label(l, int(x), int(y), int(l.Size*scale+.5))
	}
	return int(scale * d.High)
}

// fill fills polygons with a colour. It looks only at the part of the picture that they
// cover.
func (p *page) fill(rings [][]Point, c color.RGBA, at func(Point) (float32, float32)) {
	if c.A == 0 {
		return
	}
	var covers image.Rectangle
	for _, ring := range rings {
		for _, q := range ring {
			x, y := at(q)
			left, top := int(math.Floor(float64(x))), int(math.Floor(float64(y)))
			covers = covers.Union(image.Rect(left, top, left+2, top+2))
		}
	}
	covers = covers.Intersect(p.img.Bounds())
	if covers.Empty() {
		return
	}
	left, top := float32(covers.Min.X), float32(covers.Min.Y)
	p.raster.Reset(covers.Dx(), covers.Dy())
	for _, ring := range rings {
		for i, q := range ring {
			x, y := at(q)
			if i == 0 {
				p.raster.MoveTo(x-left, y-top)
			} else {
				p.raster.LineTo(x-left, y-top)
			}
		}
		p.raster.ClosePath()
	}
	p.raster.Draw(p.img, covers, image.NewUniform(c), image.Point{})
}

// label draws a text in one line at a point of the picture.
func (p *page) label(l Label, x, base, size int) {
	face := p.plain
	if l.Bold {
		face = p.bold
	}
	lines := p.lines(l.Text, size, 1, face)
	if l.Text == "" || len(lines) == 0 {
		return
	}
	switch width := widthOf(lines[0]); l.Anchor {
	case Middle:
		x -= width / 2
	case End:
		x -= width
	}
	p.lineAt(lines[0], size, x, base, l.Color)
}

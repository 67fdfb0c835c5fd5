// Package picture draws an answer as a PNG of 1200 by 630 pixels, for places where a page
// is shared. It writes English and languages that are written from right to left. It knows
// texts and colours, and nothing of bans.
package picture

import (
	"bytes"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/go-text/render"
	"github.com/go-text/typesetting/di"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/shaping"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// The fonts are Source Sans 3 and Noto Nastaliq Urdu (SIL Open Font License, see OFL.txt).
//
//go:embed sans.woff
var sans []byte

//go:embed sans-bold.woff
var sansBold []byte

//go:embed nastaliq.woff
var nastaliq []byte

// The size of a picture in pixels.
const (
	Width  = 1200
	Height = 630
)

// Card is what a picture shows.
type Card struct {
	Site     string // name of the site
	Title    string // the question
	State    string // the answer in a few words
	Sentence string
	Foot     string // the day, and a note if it is a demonstration
	Color    color.RGBA
	Language string // code of the language, for instance "ur"
	RTL      bool
	Columns  []Column // one for each day; may be empty
	Ends     [2]string
	Drawing  *Drawing // shown instead of the sentence and the days; may be nil
}

// Column is one column in the drawing of days. A column of height 0 is hatched: nothing
// was measured.
type Column struct {
	Height float64 // from 0 to 1
	Color  color.RGBA
}

var (
	ink   = color.RGBA{0x15, 0x19, 0x1e, 0xff}
	soft  = color.RGBA{0x55, 0x60, 0x6b, 0xff}
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	hatch = color.RGBA{0xb4, 0xbc, 0xc4, 0xff}
)

const (
	margin = 72
	strip  = 64 // height of the drawing of days
)

// fonts returns the parsed fonts. They are parsed once.
var fonts = sync.OnceValues(func() ([3]*font.Font, error) {
	var out [3]*font.Font
	for i, b := range [][]byte{sans, sansBold, nastaliq} {
		face, err := font.ParseTTF(bytes.NewReader(b))
		if err != nil {
			return out, fmt.Errorf("read the faces of pictures: %w", err)
		}
		out[i] = face.Font
	}
	return out, nil
})

// faces chooses the font for a letter: Arabic script has its own.
type faces struct{ latin, arabic *font.Face }

func (f faces) ResolveFace(r rune) *font.Face {
	if r >= 0x600 && r < 0x700 || unicode.Is(unicode.Arabic, r) { // this includes its comma and question mark
		return f.arabic
	}
	return f.latin
}

// PNG draws the card.
func (c *Card) PNG() ([]byte, error) {
	all, err := fonts()
	if err != nil {
		return nil, err
	}
	arabic := font.NewFace(all[2])
	p := &page{card: c, img: image.NewRGBA(image.Rect(0, 0, Width, Height)), plain: faces{font.NewFace(all[0]), arabic}, bold: faces{font.NewFace(all[1]), arabic}}
	draw.Draw(p.img, p.img.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	p.edge()
	y := p.text(c.Site, 28, 40, 1, p.plain, soft)
	if c.Drawing != nil {
		y = p.text(c.Title, 48, y+8, 1, p.bold, ink)
		y = p.text(c.State, 32, y, 1, p.plain, c.Color)
		foot := Height - 24 - p.lineHeight(24)
		room := image.Rect(margin, y+16, Width-margin, foot-4)
		y += 16 + p.drawing(c.Drawing, room)
		if lines := min(5, (room.Max.Y-y)/p.lineHeight(28)); lines > 0 {
			p.text(p.whole(c.Sentence, 28, lines), 28, y, lines, p.plain, ink)
		}
		p.text(c.Foot, 24, foot, 1, p.plain, soft)
		return p.encode()
	}
	y = p.text(c.Title, 60, y+16, 2, p.bold, ink)
	y = p.text(c.State, 44, y+10, 2, p.bold, c.Color)
	bottom := Height - 66
	if len(c.Columns) > 0 {
		bottom -= strip + 34
	}
	size := 30
	lines := max(1, (bottom-y-8)/p.lineHeight(size))
	p.text(p.whole(c.Sentence, size, lines), size, y+8, lines, p.plain, ink)
	if len(c.Columns) > 0 {
		p.days(bottom + 8)
	}
	p.text(c.Foot, 24, Height-24-p.lineHeight(24), 1, p.plain, soft)
	return p.encode()
}

func (p *page) encode() ([]byte, error) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, p.img); err != nil {
		return nil, fmt.Errorf("draw a picture: %w", err)
	}
	return b.Bytes(), nil
}

// page is a picture that is being drawn.
type page struct {
	card        *Card
	img         *image.RGBA
	raster      vector.Rasterizer
	plain, bold faces
	segmenter   shaping.Segmenter
	shaper      shaping.HarfbuzzShaper
	wrapper     shaping.LineWrapper
}

func (p *page) direction() di.Direction {
	if p.card.RTL {
		return di.DirectionRTL
	}
	return di.DirectionLTR
}

// lineHeight is the height of a line for a size of letters. Nastaliq needs more.
func (p *page) lineHeight(size int) int {
	if p.card.RTL {
		return size * 21 / 10
	}
	return size * 4 / 3
}

// edge draws the bar in the state's colour, on the side where lines begin.
func (p *page) edge() {
	bar := image.Rect(0, 0, 20, Height)
	if p.card.RTL {
		bar = bar.Add(image.Pt(Width-20, 0))
	}
	draw.Draw(p.img, bar, image.NewUniform(p.card.Color), image.Point{}, draw.Src)
}

// whole cuts a text to the whole sentences that fit into `most` lines.
func (p *page) whole(text string, size, most int) string {
	for {
		cut := max(strings.LastIndex(strings.TrimRight(text, ". "), ". "), strings.LastIndex(strings.TrimRight(text, "۔ "), "۔ "))
		if _, left := p.wrapped(text, size, most, p.plain); left == 0 || cut < 0 {
			return text
		}
		text = strings.TrimRight(text[:cut], ".۔ ") + text[cut:cut+len(string([]rune(text[cut:])[0]))]
	}
}

// lines shapes a text and breaks it into at most `most` lines. If it does not fit, it ends
// with "…".
func (p *page) lines(text string, size, most int, f faces) []shaping.Line {
	lines, _ := p.wrapped(text, size, most, f)
	return lines
}

// wrapped is lines that also returns how many letters did not fit.
func (p *page) wrapped(text string, size, most int, f faces) ([]shaping.Line, int) {
	runes := []rune(text)
	in := shaping.Input{Text: runes, RunEnd: len(runes), Direction: p.direction(), Size: fixed.I(size), Language: language.NewLanguage(p.card.Language)}
	var runs []shaping.Output
	for _, run := range p.segmenter.Split(in, f) {
		runs = append(runs, p.shaper.Shape(run))
	}
	dots := []rune("…")
	cut := p.shaper.Shape(shaping.Input{Text: dots, RunEnd: 1, Direction: p.direction(), Face: f.latin, Size: fixed.I(size), Script: language.Latin, Language: in.Language})
	return p.wrapper.WrapParagraph(shaping.WrapConfig{Direction: p.direction(), TruncateAfterLines: most, Truncator: cut}, Width-2*margin, runes, shaping.NewSliceIterator(runs))
}

// text draws a text from y downwards, and returns where it ends.
func (p *page) text(text string, size, y, most int, f faces, pen color.RGBA) int {
	if text == "" {
		return y
	}
	for _, line := range p.lines(text, size, most, f) {
		p.line(line, size, y, p.card.RTL, pen)
		y += p.lineHeight(size)
	}
	return y
}

// line draws one line between the margins, aligned to the left or to the right.
func (p *page) line(line shaping.Line, size, y int, right bool, pen color.RGBA) {
	x, base := margin, y+p.lineHeight(size)*3/4
	if p.card.RTL {
		base = y + p.lineHeight(size)*6/10
	}
	if right {
		x = Width - margin - widthOf(line)
	}
	p.lineAt(line, size, x, base, pen)
}

// widthOf returns the width of a line in pixels.
func widthOf(line shaping.Line) int {
	width := fixed.Int26_6(0)
	for _, run := range line {
		width += run.Advance
	}
	return width.Ceil()
}

// lineAt draws one line from a point on.
func (p *page) lineAt(line shaping.Line, size, x, base int, pen color.RGBA) {
	line = slices.Clone(line)
	slices.SortFunc(line, func(a, b shaping.Output) int { return int(a.VisualIndex - b.VisualIndex) })
	// The renderer's time grows with its canvas, so each run of letters gets a small one.
	r := &render.Renderer{FontSize: float32(size), Color: pen}
	for _, run := range line {
		canvas := image.NewRGBA(image.Rect(0, 0, run.Advance.Ceil()+2*size, 4*size))
		r.DrawShapedRunAt(run, canvas, size, 2*size)
		draw.Draw(p.img, canvas.Bounds().Add(image.Pt(x-size, base-2*size)), canvas, image.Point{}, draw.Over)
		x += run.Advance.Ceil()
	}
}

// days draws the columns. Time runs from left to right in every language of the site.
func (p *page) days(y int) {
	width := float64(Width-2*margin) / float64(len(p.card.Columns))
	for i, c := range p.card.Columns {
		x := margin + int(float64(i)*width)
		end := max(x+1, margin+int(float64(i+1)*width)-1)
		if c.Height == 0 {
			for at := x; at < end; at++ {
				for down := y + strip - 20; down < y+strip; down++ {
					if (at+down)%7 < 2 {
						p.img.SetRGBA(at, down, hatch)
					}
				}
			}
			continue
		}
		draw.Draw(p.img, image.Rect(x, y+strip-int(strip*c.Height), end, y+strip), image.NewUniform(c.Color), image.Point{}, draw.Src)
	}
	for i, end := range p.card.Ends {
		if line := p.lines(end, 20, 1, p.plain); len(line) > 0 {
			p.line(line[0], 20, y+strip+2, i == 1, soft)
		}
	}
}

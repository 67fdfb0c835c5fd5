package web

import (
	"fmt"
	"image/color"
	"net/http"
	"strings"

	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/picture"
	"github.com/bandish/bandish/verdict"
)

// pictureColumns is how many days a picture draws at most.
const pictureColumns = 90

// answerPicture is an answer as a PNG, for places where its page is shared:
// /cc/PK/x/picture.png.
func (s *Site) answerPicture(w http.ResponseWriter, r *http.Request) error {
	ask, _, moved, err := s.askOf(w, r, "/picture.png")
	if moved || err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), ask)
	if err != nil {
		return err
	}
	c := cardOf(a)
	c.Site, c.Language = "Bandish, the open record of internet bans", "en"
	c.Title, c.State, c.Sentence = "Is "+a.Name+" blocked in "+a.Country+"?", a.Headline(), a.Sentence
	c.Foot = "Asked about the end of " + a.LastDay().Format(longDay)
	if s.Demo {
		c.Foot += ". DEMONSTRATION: measurements made in a lab"
	}
	if len(c.Columns) > 0 {
		c.Ends = [2]string{a.At.AddDate(0, 0, -len(c.Columns)).Format(longDay), a.LastDay().Format(longDay)}
	}
	return deliverPicture(w, r, &c)
}

// langPictures answers with a picture of a page in a language.
func (s *Site) langPictures(w http.ResponseWriter, r *http.Request, c *catalogue, of []string) error {
	var p *picture.Card
	var err error
	switch {
	case len(of) == 3 && of[0] == "cc":
		return s.langPicture(w, r, c, of[1], of[2])
	case len(of) == 2 && of[0] == "platforms":
		var id string
		if id, err = s.targetOf(r.Context(), of[1]); err == nil {
			p, err = s.mapCard(r, id, c)
		}
	case len(of) == 2 && of[0] == "cases":
		p, err = s.langCasePicture(r, c, of[1])
	default:
		err = notFound("There is no such picture.")
	}
	if err != nil {
		return err
	}
	return deliverPicture(w, r, p)
}

// langPicture is the picture of an answer in another language.
func (s *Site) langPicture(w http.ResponseWriter, r *http.Request, c *catalogue, code, word string) error {
	cc, id, err := s.placeOf(r.Context(), code, word)
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known})
	if err != nil {
		return err
	}
	p := cardOf(a)
	p.Site, p.Language, p.RTL = c.text("site", nil), c.code, c.Language.Dir == "rtl"
	p.Title, p.State, p.Sentence, p.Foot = c.question(&a.Answer), c.head(&a.Answer), c.sentence(&a.Answer), c.day(a.LastDay())
	if s.Demo {
		p.Foot = c.text("demo", nil)
	}
	if len(p.Columns) > 0 {
		p.Ends = [2]string{c.day(a.At.AddDate(0, 0, -len(p.Columns))), c.day(a.LastDay())}
	}
	return deliverPicture(w, r, &p)
}

// sitePicture is the picture of all pages that have none of their own.
func (s *Site) sitePicture(w http.ResponseWriter, r *http.Request) error {
	return deliverPicture(w, r, &picture.Card{Site: "Bandish", Title: "The open record of internet bans", Language: "en", Color: colorOf(""),
		Sentence: "What is blocked where, since when, on whose order, and how it was measured. Every number with its evidence."})
}

func deliverPicture(w http.ResponseWriter, r *http.Request, c *picture.Card) error {
	b, err := c.PNG()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, "image/png", b)
	return nil
}

// cardOf makes the part of a picture that has no words: its colour, and the last days as
// the page draws them.
func cardOf(a *inquiry.Answered) picture.Card {
	c := picture.Card{Color: colorOf(a.State)}
	rows := rowsOf(a, chartWords{})
	if len(rows) == 0 {
		return c
	}
	first := parseDay(a.Days[0].Date)
	n := min(pictureColumns, int(a.At.Sub(first).Hours()/24))
	measured := false
	for i := range n {
		at := a.At.AddDate(0, 0, i-n)
		d, ok := merge(rows[0].days, at, at.AddDate(0, 0, 1))
		if !ok {
			c.Columns = append(c.Columns, picture.Column{})
			continue
		}
		measured = true
		c.Columns = append(c.Columns, picture.Column{Height: float64(barHeights[d.State]) / stripHeight, Color: colorOf(d.State)})
	}
	if !measured { // a drawing of days without data says nothing
		c.Columns = nil
	}
	return c
}

// colorOf is the colour of a state, as badges have it.
func colorOf(s verdict.State) color.RGBA {
	c := color.RGBA{0x5f, 0x69, 0x73, 0xff}
	if hex, ok := badgeColors[s]; ok {
		if _, err := fmt.Sscanf(hex, "#%02x%02x%02x", &c.R, &c.G, &c.B); err != nil {
			panic(err) // the colours are constants
		}
	}
	return c
}

// pictureOf returns the full address of the picture of a page, for the day that the page
// speaks of.
func (s *Site) pictureOf(r *http.Request) string {
	whole := strings.Trim(r.URL.EscapedPath(), "/")
	prefix, rest := "/", whole
	if c := s.languageOf(r); c != nil {
		prefix, rest = "/"+c.code+"/", strings.TrimPrefix(strings.TrimPrefix(whole, c.code), "/")
	}
	parts := strings.Split(rest, "/")
	switch {
	case len(parts) >= 3 && parts[0] == "cc":
		return pictureAt(r, prefix+strings.Join(parts[:3], "/")+"/picture.png")
	case len(parts) >= 2 && (parts[0] == "platforms" || parts[0] == "cases"):
		return pictureAt(r, prefix+strings.Join(parts[:2], "/")+"/picture.png")
	case len(parts) == 2 && parts[0] == "networks":
		return pictureAt(r, "/"+rest+"/picture.png") // it has only Latin letters and colours, so all languages share it
	case rest == "bans":
		return pictureAt(r, "/bans/picture.png")
	}
	return pictureAt(r, "/picture.png")
}

package web

import (
	"fmt"
	"image/color"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/picture"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// The drawings of the pages as pictures, for places where a page is shared. They show the
// same values in the same places as the pages do.

var (
	paleInk = color.RGBA{0x8a, 0x94, 0x9e, 0xff}
	paleBox = color.RGBA{0xee, 0xf1, 0xf4, 0xff}
)

// caption is the text below the drawing of a picture: its day, and a note if the server
// shows a demonstration.
func (s *Site) caption(day time.Time) string {
	foot := "As known on " + day.UTC().Format(longDay) + " (UTC)"
	if s.Demo {
		foot += ". DEMONSTRATION: measurements made in a lab"
	}
	return foot
}

// shownOn returns the day that a picture speaks of.
func (s *Site) shownOn(t times) time.Time {
	switch {
	case !t.at.IsZero():
		return t.at.Add(-time.Second)
	case !t.known.IsZero():
		return t.known.Add(-time.Second)
	}
	return s.Now()
}

// platformPicture is the map of a platform: /platforms/x/picture.png.
func (s *Site) platformPicture(w http.ResponseWriter, r *http.Request) error {
	id, err := s.target(r)
	if err != nil {
		return err
	}
	c, err := s.mapCard(r, id, nil)
	if err != nil {
		return err
	}
	return deliverPicture(w, r, c)
}

// mapCard makes the map of a platform as a picture, in language lang (nil: English).
func (s *Site) mapCard(r *http.Request, id string, lang *catalogue) (*picture.Card, error) {
	t, err := timesOf(r)
	if err != nil {
		return nil, err
	}
	answers, err := s.Desk.OfTarget(r.Context(), id, t.at, t.known)
	if err != nil {
		return nil, err
	}
	blocked, worst := 0, verdict.Insufficient
	for i := range answers {
		if answers[i].State.Accuses() {
			if blocked++; worst != verdict.Blocked {
				worst = answers[i].State
			}
		}
	}
	c := &picture.Card{Site: "Bandish, the open record of internet bans", Language: "en", Title: "Where is " + s.name(id) + " blocked?", Color: colorOf(worst), Foot: s.caption(s.shownOn(t)), Drawing: mapDrawing(answers, chartWords{lang})}
	c.State = "Nowhere known to be blocked"
	if blocked > 0 {
		c.State = fmt.Sprintf("Blocked or likely blocked in %d of %s", blocked, count(len(answers), "country"))
	}
	if lang != nil {
		name, _ := lang.platform(id, s.name(id))
		c.Site, c.Language, c.RTL, c.Title = lang.text("site", nil), lang.code, lang.Language.Dir == "rtl", lang.text("platform.title", args{"name": name})
		c.State = lang.text("platform.count", args{"n": blocked, "total": len(answers)})
		if c.Foot = lang.day(s.shownOn(t)); s.Demo {
			c.Foot = lang.text("demo", nil)
		}
	}
	return c, nil
}

// mapDrawing draws the same map as worldMap.
func mapDrawing(answers []answer.Answer, say chartWords) *picture.Drawing {
	of := make(map[string]verdict.State, len(answers))
	for i := range answers {
		of[answers[i].CC] = answers[i].State
	}
	rings := map[color.RGBA][][]picture.Point{}
	var fills []color.RGBA // in the order of the countries: the same answers give the same bytes
	for i, shape := range worldRings() {
		fill := paleBox
		if state, known := of[outlines()[i].cc]; known {
			fill = mapColor(state)
		}
		if rings[fill] == nil {
			fills = append(fills, fill)
		}
		rings[fill] = append(rings[fill], shape...)
	}
	d := &picture.Drawing{Wide: 720, High: 300}
	for _, fill := range fills {
		d.Shapes = append(d.Shapes, picture.Shape{Rings: rings[fill], Fill: fill, Edge: .5, Ink: paleInk})
	}
	x := 4.0 // the legend: the colours that the map uses
	key := func(fill color.RGBA, words string) {
		d.Shapes = append(d.Shapes, picture.Shape{Rings: [][]picture.Point{picture.Box(x, 287, 10, 10)}, Fill: fill, Edge: .5, Ink: paleInk})
		d.Labels = append(d.Labels, picture.Label{X: x + 14, Y: 296, Text: words, Size: 12, Color: picture.Soft()})
		x += 28 + 6.2*float64(len([]rune(words)))
	}
	for _, state := range []verdict.State{verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.OK, verdict.Insufficient} {
		if rings[mapColor(state)] != nil {
			key(mapColor(state), say.state(state))
		}
	}
	key(paleBox, say.say("known.nothing", "nothing is known", nil))
	return d
}

// worldRings returns the shapes of the countries, in the order of outlines, as rings of
// points. They are made once.
var worldRings = sync.OnceValue(func() (out [][][]picture.Point) {
	for _, o := range outlines() {
		var rings [][]picture.Point
		for ring := range strings.SplitSeq(o.shape, "z") {
			var points []picture.Point
			for _, p := range onGrid(numbers.FindAllString(ring, -1), 1) {
				points = append(points, picture.Point{X: float64(p[0]), Y: float64(p[1])})
			}
			if len(points) > 2 {
				rings = append(rings, points)
			}
		}
		out = append(out, rings)
	}
	return out
})

// mapColor returns the colour of a state on a map. Too little data gets a pale colour: a
// reader should not see it first.
func mapColor(s verdict.State) color.RGBA {
	if s == verdict.Insufficient || s == "" {
		return color.RGBA{0xb4, 0xbc, 0xc4, 0xff}
	}
	return colorOf(s)
}

// casePicture is the chain of authority of a case: /cases/ID/picture.png. If the case has
// no chain, the picture shows its summary.
func (s *Site) casePicture(w http.ResponseWriter, r *http.Request) error {
	k, when, err := s.pictured(r)
	if err != nil {
		return err
	}
	line := k.line()
	c := &picture.Card{Site: "Bandish, the open record of internet bans", Language: "en", Title: k.shown.Title, Color: colorOf(""), State: line.Without, Sentence: line.Summary, Foot: s.caption(when)}
	if c.State == "" {
		c.State = capital(line.Status)
	}
	var platforms []string
	for _, t := range k.shown.Targets {
		platforms = append(platforms, s.name(t))
	}
	chain := k.chain()
	if nodes := graphOf(chain, strings.Join(platforms, ", ")); len(nodes) > 1 {
		c.Drawing, c.Sentence = chainDrawing(nodes), spelled(chain)
		for _, n := range k.shown.Summary {
			c.Sentence += n.Text + " "
		}
	}
	return deliverPicture(w, r, c)
}

// spelled writes out the abbreviations in a chain: a picture has no text around it that
// explains them.
func spelled(chain []chainLink) string {
	out, said := "", map[string]bool{}
	for _, l := range chain {
		if long, ok := strings.CutSuffix(l.Who, " ("+l.Short+")"); ok && !said[l.Short] {
			out += l.Short + ": " + long + ". "
			said[l.Short] = true
		}
	}
	return out
}

// pictured returns the case that the address names, as it was known on the day that the
// address names.
func (s *Site) pictured(r *http.Request) (speaker, time.Time, error) {
	k, _, when, err := s.caseAsked(r, r.PathValue("id"))
	day := s.Now()
	if when.Day != "" {
		day = parseDay(when.Day)
	}
	return k, day, err
}

// nodesAcross is how many boxes of a chain stand side by side in a picture. After that the
// chain turns and goes on in the line below.
const nodesAcross = 4

// chainDrawing draws the same chain as graph.
func chainDrawing(nodes []graphNode) *picture.Drawing {
	const down = boxHigh + 96
	lines := (len(nodes) + nodesAcross - 1) / nodesAcross
	across := min(len(nodes), nodesAcross)
	d := &picture.Drawing{Wide: float64(across*boxWide + (across-1)*arrowWide), High: float64((lines-1)*down+boxHigh) + 24}
	corner := func(i int) (x, y float64) { // every second line runs from the right
		at := i % nodesAcross
		if i/nodesAcross%2 == 1 {
			at = nodesAcross - 1 - at
		}
		return float64(at * (boxWide + arrowWide)), 12 + float64(i/nodesAcross*down)
	}
	arrows, boxes := picture.Shape{Fill: paleInk}, picture.Shape{Fill: paleBox, Edge: 1.5, Ink: paleInk}
	text := func(x, y, size float64, bold bool, c color.RGBA, anchor picture.Anchor, words string) {
		d.Labels = append(d.Labels, picture.Label{X: x, Y: y, Text: words, Size: size, Bold: bold, Color: c, Anchor: anchor})
	}
	for i, n := range nodes {
		x, y := corner(i)
		boxes.Rings = append(boxes.Rings, picture.Box(x, y, boxWide, boxHigh))
		names := twoLines(n.Name, (boxWide-16)/letterWide)
		for j, l := range names {
			text(x+boxWide/2, y+boxHigh/2+5+float64((2*j-len(names)+1)*9), 16, true, picture.Ink(), picture.Middle, l)
		}
		if i == len(nodes)-1 {
			break
		}
		kind, day, _ := strings.Cut(n.Step, ", ")
		nextX, nextY := corner(i + 1)
		switch {
		case nextY > y: // the chain turns into the next line
			from, to := picture.Point{X: x + boxWide/2, Y: y + boxHigh + 4}, picture.Point{X: x + boxWide/2, Y: nextY - 4}
			arrows.Rings = append(arrows.Rings, picture.Line(from, picture.Point{X: to.X, Y: to.Y - 8}, 2), []picture.Point{to, {X: to.X - 5, Y: to.Y - 9}, {X: to.X + 5, Y: to.Y - 9}})
			text(from.X-10, (from.Y+to.Y)/2-4, 14, false, picture.Ink(), picture.End, kind)
			text(from.X-10, (from.Y+to.Y)/2+14, 13, false, picture.Soft(), picture.End, day)
		default:
			from, to, head := picture.Point{X: x + boxWide + 4, Y: y + boxHigh/2}, picture.Point{X: nextX - 4, Y: y + boxHigh/2}, -9.0
			if nextX < x {
				from.X, to.X, head = x-4, nextX+boxWide+4, 9
			}
			arrows.Rings = append(arrows.Rings, picture.Line(from, picture.Point{X: to.X + head, Y: to.Y}, 2), []picture.Point{to, {X: to.X + head, Y: to.Y - 5}, {X: to.X + head, Y: to.Y + 5}})
			text((from.X+to.X)/2, from.Y-8, 14, false, picture.Ink(), picture.Middle, kind)
			text((from.X+to.X)/2, from.Y+18, 13, false, picture.Soft(), picture.Middle, day)
		}
	}
	d.Shapes = []picture.Shape{boxes, arrows}
	return d
}

// requestsPicture are the paired bars of a case: /cases/ID/requests.png.
func (s *Site) requestsPicture(w http.ResponseWriter, r *http.Request) error {
	k, when, err := s.pictured(r)
	if err != nil {
		return err
	}
	v := k.bars(k.shown.Requests)
	if v == nil {
		return notFound("The record counts no requests in this case.")
	}
	return deliverPicture(w, r, &picture.Card{Site: "Bandish, the open record of internet bans", Language: "en", Title: "Requests to the platform", State: k.shown.Title, Color: colorOf(""), Foot: s.caption(when), Drawing: pairsDrawing(v.Rows)})
}

// The measures of a row of a picture: a name and a note at the left, a bar, and numbers.
const (
	rowHigh   = 52
	rowName   = 380
	rowBar    = 430
	rowWide   = 1056
	rowsDrawn = 6
)

// pairsDrawing draws the same pairs of bars as the page.
func pairsDrawing(rows []pairRow) *picture.Drawing {
	shown := rows[:min(len(rows), rowsDrawn)]
	d := &picture.Drawing{Wide: rowWide, High: float64(len(shown)*rowHigh) + 24}
	sent, followed := picture.Shape{Fill: paleInk}, picture.Shape{Fill: colorOf(verdict.OK)}
	for i, r := range shown {
		y := float64(i * rowHigh)
		d.Labels = append(d.Labels, picture.Label{Y: y + 18, Text: cutTo([]string{r.Name}, 44)[0], Size: 18, Bold: true, Color: picture.Ink()}, picture.Label{Y: y + 38, Text: cutTo([]string{r.Note}, 58)[0], Size: 14, Color: picture.Soft()},
			picture.Label{X: rowName + rowBar + 16, Y: y + 17, Text: r.Sent, Size: 15, Color: picture.Ink()}, picture.Label{X: rowName + rowBar + 16, Y: y + 37, Text: cutTo([]string{r.Followed}, 36)[0], Size: 15, Color: picture.Ink()})
		sent.Rings = append(sent.Rings, picture.Box(rowName, y+4, max(2, rowBar*r.SentAt/100), 16))
		if r.HasEnd {
			followed.Rings = append(followed.Rings, picture.Box(rowName, y+23, max(2, rowBar*r.FollowsAt/100), 16))
		}
	}
	if more := len(rows) - len(shown); more > 0 {
		d.Labels = append(d.Labels, picture.Label{Y: d.High - 4, Text: "and " + count(more, "other row") + " on the page", Size: 15, Color: picture.Soft()})
	}
	d.Shapes = []picture.Shape{sent, followed}
	return d
}

// bansPicture are the longest bans over years: /bans/picture.png.
func (s *Site) bansPicture(w http.ResponseWriter, r *http.Request) error {
	ranked, t, err := s.allBans(r)
	if err != nil {
		return err
	}
	rows, from, to := s.longestRows(ranked, rowsDrawn, t)
	if len(rows) == 0 {
		return s.sitePicture(w, r)
	}
	c := &picture.Card{Site: "Bandish, the open record of internet bans", Language: "en", Title: "The longest bans", State: "Of platforms in whole countries. Arrow: it goes on. Pale: not certain.", Color: picture.Soft(), Foot: s.caption(s.Now())}
	d := &picture.Drawing{Wide: rowWide, High: float64(len(rows)*rowHigh) + 24}
	bars, maybe := picture.Shape{Fill: colorOf(verdict.Blocked)}, picture.Shape{Fill: color.RGBA{0xe3, 0xb4, 0xba, 0xff}}
	axis := chart{From: from, To: to}
	for i := range rows {
		b, y := &rows[i], float64(i*rowHigh)
		on := func(t time.Time) float64 { return rowName + axis.at(t)*(rowWide-rowName)/100 }
		from, to, first, last := certain(b)
		maybe.Rings = append(maybe.Rings, picture.Box(on(first), y+10, max(3, on(last)-on(first)), 20))
		x, end := on(from), max(on(from)+3, on(to))
		bars.Rings = append(bars.Rings, picture.Box(x, y+10, end-x, 20))
		if b.Length.Ongoing {
			bars.Rings = append(bars.Rings, []picture.Point{{X: end + 2, Y: y + 6}, {X: end + 14, Y: y + 20}, {X: end + 2, Y: y + 34}})
		}
		d.Labels = append(d.Labels, picture.Label{Y: y + 18, Text: cutTo([]string{inquiry.Country(b.CC) + " · " + s.name(b.Target)}, 40)[0], Size: 18, Bold: true, Color: picture.Ink()}, picture.Label{Y: y + 38, Text: rankedLength(b.Length), Size: 15, Color: picture.Soft()})
	}
	for _, year := range []time.Time{from, to.AddDate(0, 0, -1)} {
		anchor, x := picture.Start, float64(rowName)
		if !year.Equal(from) {
			anchor, x = picture.End, rowWide
		}
		d.Labels = append(d.Labels, picture.Label{X: x, Y: d.High - 4, Text: year.Format("2006"), Size: 15, Color: picture.Soft(), Anchor: anchor})
	}
	d.Shapes = []picture.Shape{maybe, bars}
	c.Drawing = d
	return deliverPicture(w, r, c)
}

// longestRows returns the n longest bans of platforms in whole countries, and the time
// that their drawing covers.
func (s *Site) longestRows(ranked []ban.Ranked, n int, t times) (rows []ban.Ranked, from, to time.Time) {
	var first time.Time
	for _, r := range ranked {
		if len(rows) == n {
			break
		}
		if r.Target == ban.Internet || r.Target == ban.Unnamed || r.Scope != ban.National {
			continue
		}
		if rows = append(rows, r); first.IsZero() || r.Start.Before(first) {
			first = r.Start
		}
	}
	from = time.Date(first.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	now := s.Now().UTC()
	if t.query() != "" {
		now = t.end()
	}
	return rows, from, now.Add(now.Sub(from) / 20) // room for an arrow
}

// networkPicture draws the days of a network: /networks/AS17557/picture.png.
func (s *Site) networkPicture(w http.ResponseWriter, r *http.Request) error {
	asn, err := asnOf(r.PathValue("asn"))
	if err != nil || asn == 0 {
		return notFound("A network is named by its number, as in /networks/AS17557.")
	}
	on, known, err := s.Desk.Network(r.Context(), asn)
	if err != nil {
		return err
	}
	if !known {
		return notFound("This archive holds no measurements from " + network.Name(asn) + ".")
	}
	shown := on.Answers[:min(len(on.Answers), rowsDrawn)]
	d := &picture.Drawing{Wide: rowWide, High: float64(len(shown)*rowHigh) + 24}
	for i := range shown {
		a, y := &shown[i], float64(i*rowHigh)
		d.Labels = append(d.Labels, picture.Label{Y: y + 18, Text: cutTo([]string{a.Name + " · " + a.Country}, 40)[0], Size: 18, Bold: true, Color: picture.Ink()},
			picture.Label{Y: y + 38, Text: stateWord(a.Network.State) + ", " + a.Last.UTC().Format(longDay), Size: 15, Color: picture.Soft()})
		days := index(a.Days)
		wide := float64(rowWide-rowName) / stripDays
		for j := range stripDays {
			at := a.At.AddDate(0, 0, j-stripDays)
			x, high, fill := rowName+float64(j)*wide, 8.0, paleBox
			if day, ok := merge(days, at, at.AddDate(0, 0, 1)); ok {
				high, fill = 36*float64(barHeights[day.State])/stripHeight, colorOf(day.State)
			}
			d.Shapes = append(d.Shapes, picture.Shape{Rings: [][]picture.Point{picture.Box(x, y+40-high, wide-2, high)}, Fill: fill})
		}
	}
	d.Shapes = oneOfEachColor(d.Shapes)
	c := &picture.Card{Site: "Bandish, the open record of internet bans", Language: "en", Title: "What does " + network.Name(asn) + " block?", State: "The 30 days up to its last measurements", Color: picture.Soft(), Sentence: "The taller a bar, the more it speaks for blocking. Pale: nothing was measured.", Foot: s.caption(s.Now()), Drawing: d}
	return deliverPicture(w, r, c)
}

// oneOfEachColor joins the shapes of one colour into one shape. Each shape takes time to
// draw.
func oneOfEachColor(shapes []picture.Shape) []picture.Shape {
	var out []picture.Shape
	at := map[color.RGBA]int{}
	for _, s := range shapes {
		i, known := at[s.Fill]
		if !known {
			at[s.Fill], out = len(out), append(out, s)
			continue
		}
		out[i].Rings = append(out[i].Rings, s.Rings...)
	}
	return out
}

// langCasePicture is the picture of a case in language c, with its summary.
func (s *Site) langCasePicture(r *http.Request, c *catalogue, id string) (*picture.Card, error) {
	whole := s.Records.Case(id)
	if whole == nil {
		return nil, notFound("The record has no case of this id.")
	}
	v := langView{c: c, Code: c.code}
	title, err := v.caseTitle(r.Context(), s, whole)
	if err != nil {
		return nil, err
	}
	shown, _, err := s.Desk.Case(r.Context(), whole, casefile.Date{})
	if err != nil {
		return nil, err
	}
	out := &picture.Card{Site: c.text("site", nil), Language: c.code, RTL: c.Language.Dir == "rtl", Title: title, State: c.text("status."+string(shown.Status), nil), Color: colorOf(""), Sentence: c.Cases[id].Summary, Foot: c.day(s.Now())}
	if s.Demo {
		out.Foot = c.text("demo", nil)
	}
	return out, nil
}

// pictureAt returns the full address of a picture of this site, for the days that the page
// speaks of.
func pictureAt(r *http.Request, path string) string {
	keep := url.Values{}
	for _, name := range []string{"at", "as-of"} {
		if day, err := time.Parse(time.DateOnly, r.URL.Query().Get(name)); err == nil {
			keep.Set(name, day.Format(time.DateOnly))
		}
	}
	if len(keep) > 0 {
		path += "?" + keep.Encode()
	}
	return "https://" + r.Host + path
}

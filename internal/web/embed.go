package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// embedCSP is the policy of cards and badges: other sites may frame them, and they load
// nothing from other sites.
const embedCSP = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"

// embedView is the answer of a page in a few words, for other sites to show.
type embedView struct {
	Title string        // the question that the page answers
	State verdict.State // gives the colour; "" gives none
	Word  string        // the answer in one or two words
	Text  string        // a sentence or two
	Page  string        // the path of the page with the whole answer
	Query string        // the query with the days that the card speaks of
	Day   string        // the day that the card is fixed to, in words; "" shows what is known when it is opened
	Demo  bool
	c     *catalogue // the language, nil for English
}

// Code is the language of the card.
func (v embedView) Code() string {
	if v.c == nil {
		return "en"
	}
	return v.c.code
}

// Dir is the direction of writing, "ltr" or "rtl".
func (v embedView) Dir() string {
	if v.c == nil {
		return "ltr"
	}
	return v.c.Language.Dir
}

// Say returns a text of the catalogue by its key, or the English text.
func (v embedView) Say(key, english string) string { return speaker{c: v.c}.say(key, english) }

// Stood says on which day the card is fixed.
func (v embedView) Stood() string {
	if v.c == nil {
		return "as it stood on " + v.Day
	}
	return v.c.text("embed.stood", args{"day": v.Day})
}

// Href is the path of the page with the whole answer, in the card's language and for the
// same day.
func (v embedView) Href() string { return speaker{c: v.c}.own(v.Page) + v.Query }

// Card is the path of the card.
func (v embedView) Card() string { return cardOn(v.c, v.Page) }

// cardOn returns the path of the card of a page, in language c (nil: English).
func cardOn(c *catalogue, page string) string {
	card := "/embed" + cardPath(page)
	if c != nil {
		card = "/" + c.code + card
	}
	return card
}

// cardPath returns the path of the card of a page, without /embed: /PK/x for /cc/PK/x. All
// other pages keep their path.
func cardPath(page string) string {
	if rest, ok := strings.CutPrefix(page, "/cc/"); ok && strings.Contains(rest, "/") {
		return "/" + rest
	}
	return page
}

// embedKinds holds the pages that have a card, by the first part of their path.
var embedKinds = map[string]func(s *Site, ctx context.Context, named []string, t times, c *catalogue) (embedView, error){
	"cc": (*Site).embedPlace, "events": (*Site).embedEvent, "bans": (*Site).embedBan, "cases": (*Site).embedCase, "networks": (*Site).embedNetwork,
}

// noCard is the failure of a page that has no card.
const noCard = notFound("There is no card of this page. Answers, countries, bans, cases and networks have one, as /embed/PK/x.")

// embedOf makes the card of a page in language c (nil: English). parts are the parts of
// the page's path.
func (s *Site) embedOf(ctx context.Context, parts []string, t times, c *catalogue) (embedView, error) {
	of := embedKinds[parts[0]]
	if of == nil || len(parts) != 2 && (parts[0] != "cc" || len(parts) != 3) {
		return embedView{}, noCard
	}
	v, err := of(s, ctx, parts[1:], t, c)
	v.Query, v.Demo, v.c = t.query(), s.Demo, c
	if v.Day == "" && t.query() != "" {
		v.Day = dayIn(c, t.end().Add(-time.Second))
	}
	return v, err
}

// dayIn is a day in words of a language, nil for English.
func dayIn(c *catalogue, day time.Time) string {
	if c == nil {
		return day.Format(longDay)
	}
	return c.day(day)
}

// embedPlace makes the card of an answer, or of all that is blocked in a country.
func (s *Site) embedPlace(ctx context.Context, named []string, t times, c *catalogue) (embedView, error) {
	if len(named) == 1 {
		return s.embedCountry(ctx, named[0], t, c)
	}
	cc, id, err := s.placeOf(ctx, named[0], named[1])
	if err != nil {
		return embedView{}, err
	}
	a, err := s.Desk.Answer(ctx, inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known})
	if err != nil {
		return embedView{}, err
	}
	v := embedView{Title: "Is " + a.Name + " blocked in " + a.Country + "?", State: a.State, Word: embedWord(a), Text: a.Headline() + ". No measurements here.", Page: "/cc/" + cc + "/" + url.PathEscape(id)}
	if a.LastMeasured != nil {
		v.Text = a.Headline() + ". Last measured on " + a.LastMeasuredDay().Format(longDay) + "."
	}
	if c != nil {
		v.Title, v.Word, v.Text = c.embedAnswer(a)
	}
	if !t.at.IsZero() {
		v.Day = dayIn(c, a.LastDay())
	}
	return v, nil
}

// embedWord is the state of an answer in one or two words. Too little data never reads as
// "not blocked".
func embedWord(a *inquiry.Answered) string {
	word := stateWord(a.State)
	if a.Partial {
		word += " on some networks"
	}
	return word
}

// embedNames is how many names a card lists at most.
const embedNames = 6

// blockedIn says how many platforms are blocked. names and states are those of the blocked
// ones; all is how many have an answer.
func (v *embedView) blockedIn(names []string, states []verdict.State, all int, c *catalogue) {
	v.State = worstOf(states)
	if c != nil {
		v.Word, v.Text = c.embedBlocked(names, states, all)
		return
	}
	v.Word, v.Text = fmt.Sprintf("%d of %s %s", len(names), count(all, "platform or site"), accusedWords[accused(states)]), strings.Join(names[:min(embedNames, len(names))], ", ")+"."
	if len(names) > embedNames {
		v.Text = strings.TrimSuffix(v.Text, ".") + " and others."
	}
	if len(names) == 0 {
		v.Word, v.Text = "nothing known to be blocked", "That does not mean that nothing is blocked: this is what was measured and reported last."
	}
}

func (s *Site) embedCountry(ctx context.Context, code string, t times, c *catalogue) (embedView, error) {
	cc, err := knownCountry(code)
	if err != nil {
		return embedView{}, err
	}
	answers, err := s.Desk.InCountry(ctx, cc, t.at, t.known)
	v := embedView{Title: "What is blocked in " + inquiry.Country(cc) + "?", Page: "/cc/" + cc}
	if c != nil {
		v.Title = c.text("questions", args{"country": c.country(cc, inquiry.Country(cc))})
	}
	var names []string
	var states []verdict.State
	for i := range answers {
		if a := &answers[i]; a.State.Accuses() {
			names, states = append(names, platformIn(c, a.Target, a.Name)), append(states, a.State)
		}
	}
	v.blockedIn(names, states, len(answers), c)
	return v, err
}

// embedNetwork makes the card of what a network blocks.
func (s *Site) embedNetwork(ctx context.Context, named []string, t times, c *catalogue) (embedView, error) {
	asn, err := asnOf(named[0])
	if err != nil || asn == 0 {
		return embedView{}, notFound("A network is named by its number, as in /embed/networks/AS17557.")
	}
	on, err := s.networkOf(ctx, asn, t, c)
	return on.Few, err
}

// platformIn is the name of a platform in language c (nil: English).
func platformIn(c *catalogue, id, english string) string {
	if c == nil {
		return english
	}
	name, _ := c.platform(id, english)
	return name
}

// few says in a few words what a network blocks. It speaks of one country: that of the
// network's first answer.
func few(on *inquiry.Network, c *catalogue) embedView {
	v := embedView{Title: "What does " + network.Name(on.ASN) + " block?", Page: "/networks/" + network.Name(on.ASN)}
	if c != nil {
		v.Title = c.text("network.title", args{"asn": foreign(network.Name(on.ASN))})
	}
	var names []string
	var states []verdict.State
	all := 0
	for i := range on.Answers {
		a := &on.Answers[i]
		if a.CC != on.Answers[0].CC {
			continue
		}
		v.Title = "What does " + network.Name(on.ASN) + " block in " + a.Country + "?"
		if c != nil {
			v.Title = c.text("network.in", args{"asn": foreign(network.Name(on.ASN)), "country": c.country(a.CC, a.Country)})
		}
		if all++; a.Network.State.Accuses() {
			names, states = append(names, platformIn(c, a.Target, a.Name)), append(states, a.Network.State)
		}
	}
	v.blockedIn(names, states, all, c)
	return v
}

// eventState gives a dated ban its colour; a ban that is over has none.
func eventState(row *eventRow) verdict.State {
	if row.Over {
		return ""
	}
	return verdict.LikelyBlocked
}

func (s *Site) embedEvent(ctx context.Context, named []string, t times, c *catalogue) (embedView, error) {
	e, err := s.eventOn(ctx, named[0], t)
	if err != nil {
		return embedView{}, err
	}
	row := s.eventRow(*e, t.at)
	v := embedView{Title: row.What + " in " + row.Country + ": a measured ban", State: eventState(&row), Word: row.Word(), Page: "/events/" + url.PathEscape(e.ID)}
	v.Text = "It began " + when(&e.Onset) + ". " + capital(row.Where()) + ", " + count(e.Counts.Measurements, "measurement") + "."
	if row.Over {
		v.Text = "It began " + when(&e.Onset) + " and ended " + when(e.End) + ". " + capital(row.Where()) + ", " + count(e.Counts.Measurements, "measurement") + "."
	}
	if c != nil {
		c.embedEvent(&v, s, &row)
	}
	return v, nil
}

func (s *Site) embedBan(ctx context.Context, named []string, t times, c *catalogue) (embedView, error) {
	v, err := s.banOn(ctx, named[0], t)
	if err != nil {
		return embedView{}, err
	}
	if c != nil {
		return c.embedBan(s, &v.Ranked), nil
	}
	return embedView{Title: v.title(), Word: v.Long, Text: v.Sentence() + " " + capital(count(len(v.Reports), "report")) + ".", Page: "/bans/" + url.PathEscape(v.ID)}, nil
}

func (s *Site) embedCase(ctx context.Context, named []string, t times, lang *catalogue) (embedView, error) {
	c := s.Records.Case(named[0])
	if c == nil {
		return embedView{}, notFound("The record has no case of this id.")
	}
	shown, _, err := s.Desk.Case(ctx, c, t.record())
	if err != nil {
		return embedView{}, err
	}
	if lang != nil {
		return lang.embedCase(ctx, s, c, shown)
	}
	line := speaker{s: s, whole: c, shown: shown}.line()
	v := embedView{Title: c.Title, Word: line.Without, Page: "/cases/" + url.PathEscape(c.ID)}
	if v.Word == "" {
		v.Word = line.Status
	}
	v.Text = strings.Join([]string{count(len(shown.Acts), "act"), count(len(shown.Dockets), "court case"), count(len(shown.Claims), "statement")}, ", ") + ", each with its sources."
	return v, nil
}

// record returns the day whose knowledge a page of the record shows, as asOf reads it; the
// zero date for now.
func (t times) record() casefile.Date {
	end := t.known
	if end.IsZero() {
		end = t.at
	}
	if end.IsZero() {
		return casefile.Date{}
	}
	return casefile.Day(end.Add(-time.Second), time.UTC)
}

// pathParts splits a path into its parts and undoes their escapes.
func pathParts(escaped string) ([]string, error) {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i := range parts {
		var err error
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return nil, notFound("This address cannot be read.")
		}
	}
	return parts, nil
}

// embedded makes the card that an address below /embed/ or /ur/embed/ shows; rest is the
// end of the address that is no part of the page's path. If the address is not in its
// proper form, embedded redirects to the one that is, and moved is true.
func (s *Site) embedded(w http.ResponseWriter, r *http.Request, rest string) (v embedView, moved bool, err error) {
	t, err := timesOf(r)
	if err != nil {
		return v, false, err
	}
	c, path := s.languageOf(r), r.URL.EscapedPath()
	if c != nil {
		path = strings.TrimPrefix(path, "/"+c.code)
	}
	parts, err := pathParts(strings.TrimSuffix(strings.TrimPrefix(path, "/embed"), rest))
	if err != nil {
		return v, false, err
	}
	if embedKinds[parts[0]] == nil {
		parts = slices.Insert(parts, 0, "cc")
	}
	if v, err = s.embedOf(r.Context(), parts, t, c); err != nil {
		return v, false, err
	}
	if proper := v.Card() + rest; r.URL.EscapedPath() != proper {
		moveTo(w, r, proper)
		return v, true, nil
	}
	w.Header().Set("Content-Security-Policy", embedCSP)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", "max-age=300")
	return v, false, nil
}

// embed answers with a card or a badge.
func (s *Site) embed(w http.ResponseWriter, r *http.Request) error {
	if strings.HasSuffix(r.URL.Path, badgeName) {
		return s.badge(w, r)
	}
	return s.card(w, r)
}

// card answers with a page that other sites may frame.
func (s *Site) card(w http.ResponseWriter, r *http.Request) error {
	v, moved, err := s.embedded(w, r, "")
	if moved || err != nil {
		return err
	}
	b, err := s.execute("embed.html", v)
	if err != nil {
		return err
	}
	deliver(w, r, "text/html; charset=utf-8", b)
	return nil
}

// badgeColors are the colours of the states on white; the style sheet names them.
var badgeColors = map[verdict.State]string{verdict.Blocked: "#a31529", verdict.LikelyBlocked: "#c2410c", verdict.Impaired: "#8f5d00", verdict.Down: "#5f4b9e", verdict.OK: "#1d6e4a"}

const badgeName = "/badge.svg"

// badge answers with a small SVG picture.
func (s *Site) badge(w http.ResponseWriter, r *http.Request) error {
	v, moved, err := s.embedded(w, r, badgeName)
	if moved || err != nil {
		return err
	}
	color, ok := badgeColors[v.State]
	if !ok {
		color = "#5f6973"
	}
	asked, said := short(v.Title), v.Word
	if v.Demo {
		asked = v.Say("embed.demo", "DEMONSTRATION:") + " " + asked
	}
	if v.Day != "" {
		said += v.Say("list.comma", ", ") + v.Day
	}
	d := badgeDrawing{Asked: asked, Said: said, Code: v.Code(), Dir: v.Dir(), Color: color, AskedWide: badgeWide(asked), SaidWide: badgeWide(said)}
	if d.Dir == "rtl" {
		d.AskedAt = d.SaidWide // in Arabic script the question stands first at the right
	} else {
		d.SaidAt = d.AskedWide
	}
	var b strings.Builder
	if err := badgeSVG.Execute(&b, d); err != nil {
		return err
	}
	deliver(w, r, "image/svg+xml", []byte(b.String()))
	return nil
}

// badgeDrawing holds the two fields of a badge, with their places in pixels.
type badgeDrawing struct {
	Asked, Said, Code, Dir, Color        string
	AskedAt, AskedWide, SaidAt, SaidWide int
}

func (d badgeDrawing) Width() int       { return d.AskedWide + d.SaidWide }
func (d badgeDrawing) AskedMiddle() int { return d.AskedAt + d.AskedWide/2 }
func (d badgeDrawing) SaidMiddle() int  { return d.SaidAt + d.SaidWide/2 }
func (d badgeDrawing) AskedRoom() int   { return d.AskedWide - badgeEdge }
func (d badgeDrawing) SaidRoom() int    { return d.SaidWide - badgeEdge }

// Faces lists fonts that a reader may have, since a picture brings none. For Urdu it
// begins with fonts that have all of its letters; DejaVu does not.
func (d badgeDrawing) Faces() string {
	if d.Dir == "rtl" {
		return "Noto Naskh Arabic,Noto Sans Arabic,Geeza Pro,Segoe UI,Tahoma,sans-serif"
	}
	return "Verdana,DejaVu Sans,sans-serif"
}

// Plain is the badge as one line of text, without the marks around foreign names.
func (d badgeDrawing) Plain() string { return plainName(d.Asked + " " + d.Said) }

const badgeEdge = 16 // pixels to the left and right of a text, together

// badgeWide estimates the width of a field in pixels at 12 px, rather too wide than too
// narrow. Marks without a width do not count. Arabic letters are narrower than Latin ones.
func badgeWide(text string) int {
	wide := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf):
		case unicode.Is(unicode.Arabic, r), r == ' ':
			wide += 6
		default:
			wide += 7
		}
	}
	return wide + badgeEdge
}

// badgeSVG draws a badge. Each text is stretched to its given width, whatever font the
// reader has.
var badgeSVG = template.Must(template.New("badge").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="24" role="img" aria-label="{{.Plain}}" lang="{{.Code}}"><title>{{.Plain}}</title><clipPath id="edge"><rect width="{{.Width}}" height="24" rx="4"/></clipPath><g clip-path="url(#edge)"><rect x="{{.AskedAt}}" width="{{.AskedWide}}" height="24" fill="#15191e"/><rect x="{{.SaidAt}}" width="{{.SaidWide}}" height="24" fill="{{.Color}}"/></g><g fill="#fff" font-family="{{.Faces}}" font-size="12" text-anchor="middle" direction="{{.Dir}}"><text x="{{.AskedMiddle}}" y="16" textLength="{{.AskedRoom}}" lengthAdjust="spacingAndGlyphs">{{.Asked}}</text><text x="{{.SaidMiddle}}" y="16" textLength="{{.SaidRoom}}" lengthAdjust="spacingAndGlyphs">{{.Said}}</text></g></svg>
`))

// oEmbed tells other sites how to show a page of this one: /oembed?url=https://…/cc/PK/x.
func (s *Site) oEmbed(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if f := q.Get("format"); f != "" && f != "json" {
		return badRequest("format: oEmbed is answered as JSON only.")
	}
	u, err := url.Parse(q.Get("url"))
	if err != nil || u.Host != r.Host {
		return notFound("url: want the address of an answer on this site, as https://" + r.Host + "/cc/PK/x.")
	}
	c, path := s.languageOf(&http.Request{URL: u}), u.EscapedPath()
	if c != nil {
		path = strings.TrimPrefix(path, "/"+c.code)
	}
	parts, err := pathParts(path)
	if err != nil {
		return err
	}
	t, err := timesOf(&http.Request{URL: u})
	if err != nil {
		return err
	}
	v, err := s.embedOf(r.Context(), parts, t, c)
	if err != nil {
		return err
	}
	title := plainName(v.Title)
	b, err := json.MarshalIndent(map[string]any{
		"version": "1.0", "type": "rich", "title": title, "provider_name": "Bandish", "provider_url": "https://" + r.Host + "/", "cache_age": 300, "width": 480, "height": 240,
		"html": frameCode("https://"+r.Host+v.Card()+v.Query, title, ` sandbox="allow-popups allow-top-navigation-by-user-activation"`),
	}, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, "application/json", append(b, '\n'))
	return nil
}

func frameCode(src, title, more string) string {
	return `<iframe src="` + template.HTMLEscapeString(src) + `" width="480" height="240" title="` + template.HTMLEscapeString(title) + `" loading="lazy"` + more + `></iframe>`
}

// embedCodes are the pieces of HTML that others paste into their pages: a card and a
// badge, of the present or of the day that is asked about.
type embedCodes struct {
	Card, Badge, CardCode, BadgeCode string
	Pinned                           bool // fixed to the day that is asked about
}

// embeddable adds to a page the codes that others paste into theirs.
func (f *frame) embeddable(r *http.Request, title, query string) {
	f.Embed = codesOf(r, nil, title, query)
	f.Alternates = append(f.Alternates, alternate{"application/json+oembed", title, oEmbedOf(r, query)})
}

// oEmbedOf is the address where other sites ask how to show a page.
func oEmbedOf(r *http.Request, query string) string {
	return "/oembed?url=" + url.QueryEscape("https://"+r.Host+r.URL.EscapedPath()+query)
}

// codesOf returns the codes of a page in language c (nil: English).
func codesOf(r *http.Request, c *catalogue, title, query string) *embedCodes {
	page, base := r.URL.EscapedPath(), "https://"+r.Host
	card := "/embed" + cardPath(page)
	if c != nil {
		card = cardOn(c, strings.TrimPrefix(page, "/"+c.code))
	}
	return &embedCodes{Card: card + query, Badge: card + badgeName + query, Pinned: query != "", CardCode: frameCode(base+card+query, title, ""),
		BadgeCode: `<a href="` + template.HTMLEscapeString(base+page+query) + `"><img src="` + template.HTMLEscapeString(base+card+badgeName+query) + `" alt="` + template.HTMLEscapeString(title) + `" height="24"></a>`}
}

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

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// embedCSP lets other sites frame what is made for it, and nothing else.
const embedCSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"

// embedView is what a page answers in a few words, for other sites.
type embedView struct {
	Title string        // what is asked
	State verdict.State // gives the colour; "" has none
	Word  string        // the answer in one or two words
	Text  string        // a sentence or two
	Page  string        // the proper path of the whole answer
	Query string        // the days that it speaks of
	Day   string        // the day that it is pinned to, in words; "" says what is known when it is shown
	Demo  bool
}

// Href is the whole answer, of the same day.
func (v embedView) Href() string { return v.Page + v.Query }

// Card is the path of the card.
func (v embedView) Card() string { return "/embed" + cardPath(v.Page) }

// cardPath is the path of a card below /embed: /cc/PK/x is shown by /embed/PK/x, all
// others by their own path.
func cardPath(page string) string {
	if rest, ok := strings.CutPrefix(page, "/cc/"); ok && strings.Contains(rest, "/") {
		return "/" + rest
	}
	return page
}

// embedKinds are the pages that have a card, by the first part of their paths.
var embedKinds = map[string]func(s *Site, ctx context.Context, named []string, t times) (embedView, error){
	"cc": (*Site).embedPlace, "events": (*Site).embedEvent, "bans": (*Site).embedBan, "cases": (*Site).embedCase, "networks": (*Site).embedNetwork,
}

// noCard is the failure of a page that cannot be embedded.
const noCard = notFound("There is no card of this page. Answers, countries, bans, cases and networks have one, as /embed/PK/x.")

// embedOf puts what a page answers into a few words. parts are those of its path.
func (s *Site) embedOf(ctx context.Context, parts []string, t times) (embedView, error) {
	of := embedKinds[parts[0]]
	if of == nil || len(parts) != 2 && (parts[0] != "cc" || len(parts) != 3) {
		return embedView{}, noCard
	}
	v, err := of(s, ctx, parts[1:], t)
	v.Query, v.Demo = t.query(), s.Demo
	if v.Day == "" && t.query() != "" {
		v.Day = t.end().Add(-time.Second).Format(longDay)
	}
	return v, err
}

// embedPlace is an answer, or what is blocked in a country.
func (s *Site) embedPlace(ctx context.Context, named []string, t times) (embedView, error) {
	if len(named) == 1 {
		return s.embedCountry(ctx, named[0], t)
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
	if !t.at.IsZero() {
		v.Day = a.LastDay().Format(longDay)
	}
	return v, nil
}

// embedWord is the state in one or two words. Too little data is no "no".
func embedWord(a *inquiry.Answered) string {
	word := stateWord(a.State)
	if a.Partial {
		word += " on some networks"
	}
	return word
}

// blockedIn says how many of some platforms are blocked, and names them.
func (v *embedView) blockedIn(names []string, state verdict.State, all int) {
	v.State, v.Word, v.Text = state, fmt.Sprintf("%d of %s blocked", len(names), count(all, "platform or site")), strings.Join(names[:min(6, len(names))], ", ")+"."
	if len(names) > 6 {
		v.Text = strings.TrimSuffix(v.Text, ".") + " and others."
	}
	if len(names) == 0 {
		v.State, v.Word, v.Text = "", "nothing known to be blocked", "That does not mean that nothing is blocked: this is what was measured and reported last."
	}
}

func (s *Site) embedCountry(ctx context.Context, code string, t times) (embedView, error) {
	cc, err := knownCountry(code)
	if err != nil {
		return embedView{}, err
	}
	answers, err := s.Desk.InCountry(ctx, cc, t.at, t.known)
	v := embedView{Title: "What is blocked in " + inquiry.Country(cc) + "?", Page: "/cc/" + cc}
	var names []string
	var worst verdict.State
	for i := range answers {
		if a := &answers[i]; a.State.Accuses() {
			if names = append(names, a.Name); worst == "" {
				worst = a.State // the worst stands first
			}
		}
	}
	v.blockedIn(names, worst, len(answers))
	return v, err
}

// embedNetwork is what a network blocks.
func (s *Site) embedNetwork(ctx context.Context, named []string, t times) (embedView, error) {
	asn, err := asnOf(named[0])
	if err != nil || asn == 0 {
		return embedView{}, notFound("A network is named by its number, as in /embed/networks/AS17557.")
	}
	on, err := s.networkOf(ctx, asn, t)
	return on.Few, err
}

// few says what a network blocks in the country in which most was measured from it.
func few(on *inquiry.Network) embedView {
	v := embedView{Title: "What does " + network.Name(on.ASN) + " block?", Page: "/networks/" + network.Name(on.ASN)}
	var names []string
	var worst verdict.State
	all := 0
	for i := range on.Answers {
		a := &on.Answers[i]
		if a.CC != on.Answers[0].CC {
			continue
		}
		v.Title = "What does " + network.Name(on.ASN) + " block in " + a.Country + "?"
		if all++; a.Network.State.Accuses() {
			if names = append(names, a.Name); worst != verdict.Blocked {
				worst = a.Network.State
			}
		}
	}
	v.blockedIn(names, worst, all)
	return v
}

func (s *Site) embedEvent(ctx context.Context, named []string, t times) (embedView, error) {
	e, err := s.eventOn(ctx, named[0], t)
	if err != nil {
		return embedView{}, err
	}
	row := s.eventRow(*e, t.at)
	v := embedView{Title: row.What + " in " + row.Country + ": a measured ban", State: verdict.LikelyBlocked, Word: row.Word(), Page: "/events/" + url.PathEscape(e.ID)}
	v.Text = "It began " + when(&e.Onset) + ". " + capital(row.Where()) + ", " + count(e.Counts.Measurements, "measurement") + "."
	if row.Over {
		v.State, v.Text = "", "It began "+when(&e.Onset)+" and ended "+when(e.End)+". "+capital(row.Where())+", "+count(e.Counts.Measurements, "measurement")+"."
	}
	return v, nil
}

func (s *Site) embedBan(ctx context.Context, named []string, t times) (embedView, error) {
	v, err := s.banOn(ctx, named[0], t)
	if err != nil {
		return embedView{}, err
	}
	return embedView{Title: v.title(), Word: v.Long, Text: v.Sentence() + " " + capital(count(len(v.Reports), "report")) + ".", Page: "/bans/" + url.PathEscape(v.ID)}, nil
}

func (s *Site) embedCase(ctx context.Context, named []string, t times) (embedView, error) {
	c := s.Records.Case(named[0])
	if c == nil {
		return embedView{}, notFound("The record has no case of this id.")
	}
	shown, _, err := s.Desk.Case(ctx, c, t.record())
	if err != nil {
		return embedView{}, err
	}
	line := speaker{s: s, whole: c, shown: shown}.line()
	v := embedView{Title: c.Title, Word: line.Without, Page: "/cases/" + url.PathEscape(c.ID)}
	if v.Word == "" {
		v.Word = line.Status
	}
	v.Text = strings.Join([]string{count(len(shown.Acts), "act"), count(len(shown.Dockets), "court case"), count(len(shown.Claims), "statement")}, ", ") + ", each with its sources."
	return v, nil
}

// record is the day whose knowledge a page of the record shows, as asOf reads it.
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

// pathParts are the parts of a path, without escapes.
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

// embedded is what an address below /embed/ shows; rest ends it.
func (s *Site) embedded(w http.ResponseWriter, r *http.Request, rest string) (v embedView, moved bool, err error) {
	t, err := timesOf(r)
	if err != nil {
		return v, false, err
	}
	parts, err := pathParts(strings.TrimSuffix(strings.TrimPrefix(r.URL.EscapedPath(), "/embed"), rest))
	if err != nil {
		return v, false, err
	}
	if embedKinds[parts[0]] == nil {
		parts = slices.Insert(parts, 0, "cc")
	}
	if v, err = s.embedOf(r.Context(), parts, t); err != nil {
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

// embed is a card or a badge of a page.
func (s *Site) embed(w http.ResponseWriter, r *http.Request) error {
	if strings.HasSuffix(r.URL.Path, badgeName) {
		return s.badge(w, r)
	}
	return s.card(w, r)
}

// card is an answer as a page that other sites may frame.
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

// badgeColors are those of the states on white; their names are in the sheet.
var badgeColors = map[verdict.State]string{verdict.Blocked: "#a31529", verdict.LikelyBlocked: "#c2410c", verdict.Impaired: "#8f5d00", verdict.Down: "#5f4b9e", verdict.OK: "#1d6e4a"}

const badgeName = "/badge.svg"

// badge is an answer as a small picture.
func (s *Site) badge(w http.ResponseWriter, r *http.Request) error {
	v, moved, err := s.embedded(w, r, badgeName)
	if moved || err != nil {
		return err
	}
	color, ok := badgeColors[v.State]
	if !ok {
		color = "#5f6973"
	}
	left, right := short(v.Title), v.Word
	if v.Demo {
		left = "DEMONSTRATION: " + left
	}
	if v.Day != "" {
		right += ", " + v.Day
	}
	const letter = 7 // wide, at 12 px, on the safe side
	x, y := len([]rune(left))*letter+16, len([]rune(right))*letter+16
	var b strings.Builder
	if err := badgeSVG.Execute(&b, map[string]any{"Left": left, "Right": right, "X": x, "Width": x + y, "MidLeft": x / 2, "MidRight": x + y/2, "Color": color, "W": x - 12, "V": y - 12}); err != nil {
		return err
	}
	deliver(w, r, "image/svg+xml", []byte(b.String()))
	return nil
}

// badgeSVG draws a badge. Texts are as wide as they are given, in whatever face
// the reader has.
var badgeSVG = template.Must(template.New("badge").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="{{.Width}}" height="24" role="img" aria-label="{{.Left}} {{.Right}}"><title>{{.Left}} {{.Right}}</title><rect width="{{.Width}}" height="24" rx="4" fill="#15191e"/><path d="M{{.X}} 0h{{.V}}a8 8 0 0 1 4 0h4a4 4 0 0 1 4 4v16a4 4 0 0 1-4 4h-4H{{.X}}z" fill="{{.Color}}"/><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="12" text-anchor="middle"><text x="{{.MidLeft}}" y="16" textLength="{{.W}}" lengthAdjust="spacingAndGlyphs">{{.Left}}</text><text x="{{.MidRight}}" y="16" textLength="{{.V}}" lengthAdjust="spacingAndGlyphs">{{.Right}}</text></g></svg>
`))

// oEmbed tells other sites how to show what a page of this one answers:
// /oembed?url=https://…/cc/PK/x.
func (s *Site) oEmbed(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if f := q.Get("format"); f != "" && f != "json" {
		return badRequest("format: oEmbed is answered as JSON only.")
	}
	u, err := url.Parse(q.Get("url"))
	if err != nil || u.Host != r.Host {
		return notFound("url: want the address of an answer on this site, as https://" + r.Host + "/cc/PK/x.")
	}
	path := u.EscapedPath()
	for _, code := range s.languageCodes { // cards are in English
		if rest, ok := strings.CutPrefix(path, "/"+code+"/"); ok {
			path = "/" + rest
		}
	}
	parts, err := pathParts(path)
	if err != nil {
		return err
	}
	t, err := timesOf(&http.Request{URL: u})
	if err != nil {
		return err
	}
	v, err := s.embedOf(r.Context(), parts, t)
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(map[string]any{
		"version": "1.0", "type": "rich", "title": v.Title, "provider_name": "Bandish", "provider_url": "https://" + r.Host + "/", "cache_age": 300, "width": 480, "height": 240,
		"html": frameCode("https://"+r.Host+v.Card()+v.Query, v.Title, ` sandbox="allow-popups allow-top-navigation-by-user-activation"`),
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

// embedCodes are what others paste into their pages: a card and a badge, of
// today or of the day that is asked about.
type embedCodes struct {
	Card, Badge, CardCode, BadgeCode string
	Pinned                           bool // to the day that is asked about
}

// embeddable adds to a page what others paste into theirs.
func (f *frame) embeddable(r *http.Request, title, query string) {
	page, base := r.URL.EscapedPath(), "https://"+r.Host
	card := "/embed" + cardPath(page)
	f.Embed = &embedCodes{Card: card + query, Badge: card + badgeName + query, Pinned: query != "", CardCode: frameCode(base+card+query, title, ""),
		BadgeCode: `<a href="` + template.HTMLEscapeString(base+page+query) + `"><img src="` + template.HTMLEscapeString(base+card+badgeName+query) + `" alt="` + template.HTMLEscapeString(title) + `" height="24"></a>`}
	f.Alternates = append(f.Alternates, alternate{"application/json+oembed", title, "/oembed?url=" + url.QueryEscape(base+page+query)})
}

package web

import (
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// embedCSP lets other sites frame what is made for it, and nothing else.
const embedCSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"

// embedView is an answer in a few words, for other sites.
type embedView struct {
	A        *inquiry.Answered
	Question string
	Word     string // the state in words
	Href     string // the whole answer, of the same day
	Pinned   bool   // it speaks of one day, and does not change with time
	Demo     bool
}

// embedded is the question that an embedded card or badge answers.
func (s *Site) embedded(w http.ResponseWriter, r *http.Request, rest string) (v embedView, moved bool, err error) {
	ask, t, moved, err := s.askAt(w, r, "/embed/", rest)
	if moved || err != nil {
		return v, moved, err
	}
	a, err := s.Desk.Answer(r.Context(), ask)
	if err != nil {
		return v, false, err
	}
	v = embedView{A: a, Question: "Is " + a.Name + " blocked in " + a.Country + "?", Word: embedWord(a), Href: "/cc/" + a.CC + "/" + url.PathEscape(a.Target) + t.asked(r).Query, Pinned: !t.at.IsZero(), Demo: s.Demo}
	w.Header().Set("Content-Security-Policy", embedCSP)
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cache-Control", "max-age=300")
	return v, false, nil
}

// embedWord is the state in one or two words. Too little data is no "no".
func embedWord(a *inquiry.Answered) string {
	word := stateWord(a.State)
	if a.Partial {
		word += " on some networks"
	}
	return word
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

// badge is an answer as a small picture.
func (s *Site) badge(w http.ResponseWriter, r *http.Request) error {
	v, moved, err := s.embedded(w, r, "/badge.svg")
	if moved || err != nil {
		return err
	}
	color, ok := badgeColors[v.A.State]
	if !ok {
		color = "#5f6973"
	}
	left, right := short(v.Question), v.Word
	if v.Demo {
		left = "DEMONSTRATION: " + left
	}
	if v.Pinned {
		right += ", " + v.A.LastDay().Format(longDay)
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

// oEmbed tells other sites how to show the answer of an address of this one:
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
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	if len(parts) != 3 || parts[0] != "cc" {
		return notFound("url: only answers can be embedded, as https://" + r.Host + "/cc/PK/x.")
	}
	word, err := url.PathUnescape(parts[2])
	if err != nil {
		return notFound("url: this address cannot be read.")
	}
	cc, id, err := s.placeOf(r.Context(), parts[1], word)
	if err != nil {
		return err
	}
	src := "https://" + r.Host + "/embed/" + cc + "/" + url.PathEscape(id)
	keep := url.Values{}
	for _, name := range []string{"at", "as-of"} {
		if v := u.Query().Get(name); v != "" {
			keep.Set(name, v)
		}
	}
	if len(keep) > 0 {
		src += "?" + keep.Encode()
	}
	title := "Is " + s.name(id) + " blocked in " + inquiry.Country(cc) + "?"
	b, err := json.MarshalIndent(map[string]any{
		"version": "1.0", "type": "rich", "title": title, "provider_name": "Bandish", "provider_url": "https://" + r.Host + "/", "cache_age": 300, "width": 480, "height": 240,
		"html": `<iframe src="` + template.HTMLEscapeString(src) + `" width="480" height="240" title="` + template.HTMLEscapeString(title) + `" loading="lazy" sandbox="allow-popups allow-top-navigation-by-user-activation"></iframe>`,
	}, "", "  ")
	if err != nil {
		return err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, "application/json", append(b, '\n'))
	return nil
}

// embedCodes are what others paste into their pages: a card and a badge, of
// today or of the day that is asked about.
type embedCodes struct{ Card, Badge, CardCode, BadgeCode string }

func embedCode(r *http.Request, a *inquiry.Answered, query string) embedCodes {
	card := "/embed/" + a.CC + "/" + url.PathEscape(a.Target)
	base, title := "https://"+r.Host, template.HTMLEscapeString("Is "+a.Name+" blocked in "+a.Country+"?")
	return embedCodes{Card: card + query, Badge: card + "/badge.svg" + query,
		CardCode:  `<iframe src="` + base + card + query + `" width="480" height="240" title="` + title + `" loading="lazy"></iframe>`,
		BadgeCode: `<a href="` + base + "/cc/" + a.CC + "/" + url.PathEscape(a.Target) + query + `"><img src="` + base + card + "/badge.svg" + query + `" alt="` + title + `" height="24"></a>`}
}

package web

import (
	"cmp"
	"context"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/verdict"
)

// langView is a page in a language other than English. The template asks for the texts of
// the catalogue by their keys.
type langView struct {
	c      *catalogue
	status int // of the answer, 0 for 200

	Code, Dir, Name string
	Title           string        // plain text, with marks around foreign names
	Heading         template.HTML // the same for the page
	English         string        // path of the same page in English
	Demo, Static    bool
	Kind            string // which part of the template shows it
	Trail           []langLink

	Choices  choices
	Answers  []langAnswer
	Answer   *langAnswer
	Networks []langNetwork
	When     whenAsked
	Cases    []langLink
	Case     *langCase
	Terms    []langTerm

	Intro, Note, Wrong template.HTML
	Facts              []langFact
	Table              *langTable
	Before, Next       string // addresses of the pages before and after this one in a list
	Find               *langFind
	Ask                *checkView
	Canonical, About   string // Canonical: the path; About: a sentence for search engines
	Feed               string // the path below which feed.atom and feed.json tell what changed
	Picture            string // the full address of the picture for places where the page is shared
	Contribute, Listed string // addresses of the form for notes, and of the measurements behind an answer
	Chart              *chart
	Days               string // address of the drawing as a table
	Measured           bool   // the drawing has at least one day with measurements
	Section            string // which entry of the top bar the page belongs to

	Prose   []proseBlock
	Item    *langItemView
	State   string        // of a measurement
	Word    template.HTML // the state
	Rules   []namedLink   // the rules that fired, in English
	Ladders []langLadder
	Raw     string // address of the document of a measurement
	Send    *contributeView
	Wrongs  []template.HTML // what is wrong with the form
	Alerts  *alertsView
	Command string // the command that checks the ledger

	days      *times // the days of the citation; nil for a page that cannot be cited
	address   string // the address in the citation, "" for that of the page
	Known     asked  // the day whose knowledge a page of the record shows
	Stood     template.HTML
	Of        []string // the ids under which corrections speak of the page
	Corrected []langCorrection
	Cite      *citation
	Changes   []langChange
	Map       template.HTML
	Few       *embedView  // the card of the page
	Embed     *embedCodes // nil for a page without a card
	HasCard   bool        // the page has a card that other sites may frame
	OEmbed    string      // the address where other sites ask for the card
}

// langCorrection is an entry of the ledger that corrects the page. Its text is in English.
type langCorrection struct {
	Head       template.HTML
	Text, Href string
}

type langLink struct {
	Name template.HTML
	Href string
}

type langAnswer struct {
	Question, Word, Sentence, Since, Until, Basis, Day template.HTML
	State, Href                                        string
	Strip                                              template.HTML // its last days
	About                                              string        // the sentence without markup
}

type langNetwork struct {
	ASN           uint32
	State         string
	Word, Counted template.HTML
}

type langCase struct {
	ID, About        string
	Summary, Country template.HTML
	Without          template.HTML // how long access was gone
	Courts           bool          // the case has court dates
	Platform, Status template.HTML
	Points           []langPoint
	Entries          []langEntry
}

type langPoint struct{ Turn, Date template.HTML }

type langEntry struct {
	Date, Kind template.HTML
	What, Href string // in English
}

// langChange is something that began, ended or was done.
type langChange struct {
	Date, Kind, Text template.HTML
	Lang, Href       string // Lang is the language of Text, if it is another one
}

type langTerm struct {
	Key  string
	Text []template.HTML
	Why  string
}

// about is one sentence of the page for search engines, "" if it has none.
func (v *langView) about() string {
	switch {
	case v.Answer != nil:
		return v.Answer.About
	case v.Case != nil:
		return v.Case.About
	case v.Kind == "home" || v.Kind == "about":
		return v.c.text("about.text", nil)
	}
	return ""
}

// T returns a text of the catalogue as HTML.
func (v langView) T(key string) template.HTML { return inPage(v.c.text(key, nil)) }

// inLanguage answers all addresses under /CODE/: the address decides the language.
func (s *Site) inLanguage(code string) handler {
	c := s.languages[code]
	return func(w http.ResponseWriter, r *http.Request) error { return s.language(w, r, c) }
}

// langPage is a page of a language: its path without the language, and the function that
// fills it in.
type langPage struct {
	path string
	show langShow
}

type langShow func(s *Site, r *http.Request, v *langView, named []string) error

// langPages lists the pages that exist in other languages. The function gets the parts of
// the path that "*" stands for.
func langPages() []langPage {
	return []langPage{
		{"", (*Site).langHome},
		{"blocked", (*Site).langBlocked},
		{"about", (*Site).langAbout},
		{"cases", (*Site).langCases},
		{"cases/*", (*Site).langCase},
		{"cc", (*Site).langCountries},
		{"cc/*", (*Site).langCountry},
		{"cc/*/*", (*Site).langAnswerPage},
		{"cc/*/*/measurements", (*Site).langMeasurements},
		{"platforms", (*Site).langPlatforms},
		{"platforms/*", (*Site).langPlatform},
		{"networks/*", (*Site).langNetworkPage},
		{"events", (*Site).langEvents},
		{"events/*", (*Site).langEvent},
		{"cc/*/*/days", (*Site).langDays},
		{"cases/*/*/*", (*Site).langItem},
		{"actors/*", langThing("found.actor", (*Site).actorOf)},
		{"laws/*", langThing("found.law", (*Site).lawOf)},
		{"sources/*", langThing("found.source", (*Site).sourceOf)},
		{"bans", (*Site).langBans},
		{"bans/*", (*Site).langBan},
		{"hours", (*Site).langHours},
		{"m/*", (*Site).langMeasurement},
		{"rules", (*Site).langRules},
		{"methods", langProse("methods")},
		{"data", langProse("data")},
		{"safety", langProse("safety")},
		{"contribute", (*Site).langContribute},
		{"alerts", (*Site).langAlerts},
		{"ledger", (*Site).langLedger},
		{"api/v1", (*Site).langAPI},
		{"check", (*Site).langCheck},
		{"search", (*Site).langSearch},
	}
}

// langPageOf finds the page of a path; show is nil if there is none.
func langPageOf(parts []string) (show langShow, named []string) {
	for _, p := range langPages() {
		want := strings.Split(p.path, "/")
		if len(want) != len(parts) {
			continue
		}
		named = nil
		for i, w := range want {
			if w == "*" && parts[i] != "" {
				named = append(named, parts[i])
			} else if w != parts[i] {
				named, want = nil, nil
				break
			}
		}
		if want != nil {
			return p.show, named
		}
	}
	return nil, nil
}

func (s *Site) language(w http.ResponseWriter, r *http.Request, c *catalogue) error {
	rest := strings.Trim(r.PathValue("rest"), "/")
	parts := strings.Split(rest, "/")
	if rest == "is" {
		return s.langAsk(w, r, c)
	}
	if parts[len(parts)-1] == "picture.png" {
		return s.langPictures(w, r, c, parts[:len(parts)-1])
	}
	if parts[0] == "embed" {
		return s.langEmbed(w, r, c)
	}
	switch last, of := parts[len(parts)-1], parts[:len(parts)-1]; last {
	case "feed.atom", "feed.json":
		return s.langFeed(w, r, c, of)
	case "courts.ics":
		return s.langCourts(w, r, c, of)
	}
	show, named := langPageOf(parts)
	if show == nil {
		return notFound("This page is not there in " + c.Language.English + ". In English it is " + englishOf(r, rest))
	}
	if parts[0] == "m" && r.URL.Query().Get("raw") != "" {
		moveTo(w, r, "/"+rest)
		return nil
	}
	return s.showLanguage(w, r, c, show, named, rest)
}

// englishOf returns the address of the same page in English.
func englishOf(r *http.Request, rest string) string {
	at := "/" + (&url.URL{Path: rest}).EscapedPath()
	if r.URL.RawQuery != "" && r.Method != http.MethodPost {
		at += "?" + r.URL.Query().Encode()
	}
	return at
}

// showLanguage answers with a page in a language; rest is its path without the language.
func (s *Site) showLanguage(w http.ResponseWriter, r *http.Request, c *catalogue, show langShow, named []string, rest string) error {
	v := langView{c: c, Code: c.code, Dir: c.Language.Dir, Name: c.Language.Name, Demo: s.Demo, Static: s.Static, English: englishOf(r, rest), Trail: []langLink{}, Section: section(rest)}
	if err := show(s, r, &v, named); err != nil {
		return err
	}
	if v.days != nil {
		one, err := s.cite(r, plainName(v.Title), *v.days)
		if err != nil {
			return err
		}
		if v.address != "" {
			one.Address = v.address
		}
		one.lang, one.marked, v.Cite = c, v.Title, &one
		if done, err := one.citedAs(w, r); done {
			return err
		}
	}
	if err := v.correct(r.Context(), s); err != nil {
		return err
	}
	v.Stood = v.stood()
	if hasFeed(strings.Split(rest, "/")) {
		v.Feed = strings.TrimSuffix("/"+c.code+"/"+rest, "/")
	}
	v.Canonical, v.Picture = r.URL.EscapedPath(), s.pictureOf(r)
	if v.About == "" {
		v.About = v.about()
	}
	if v.HasCard {
		query := cmp.Or(v.When.Query, v.Known.Query)
		v.Embed, v.OEmbed = codesOf(r, c, plainName(v.Title), query), oEmbedOf(r, query)
	}
	v.Contribute = "/" + c.code + "/contribute?about=" + url.QueryEscape(r.URL.EscapedPath())
	v.Heading = inPage(v.Title)
	b, err := s.execute("lang.html", v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Language", c.code)
	if v.status != 0 {
		w = &withStatus{w, v.status}
	}
	deliver(w, r, "text/html; charset=utf-8", b)
	return nil
}

// stood says which day the page speaks of, "" for now.
func (v *langView) stood() template.HTML {
	var out []string
	if v.When.At != "" {
		out = append(out, v.c.text("when.stood", args{"day": v.c.day(parseDay(v.When.At))}))
	}
	for _, day := range []string{v.When.Known, v.Known.Day} {
		if day != "" {
			out = append(out, v.c.text("case.known", args{"day": v.c.day(parseDay(day))}))
		}
	}
	return inPage(strings.Join(out, " "))
}

// correct adds the corrections of the page.
func (v *langView) correct(ctx context.Context, s *Site) error {
	found, err := s.correctionsOf(ctx, v.Of)
	for _, one := range found {
		v.Corrected = append(v.Corrected, langCorrection{inPage(v.c.text("corrected", args{"day": v.c.day(one.Entry.Time), "n": one.Index})), one.Entry.Correction.Text, "/ledger/entries/" + strconv.FormatInt(one.Index, 10)})
	}
	return err
}

// langAsk redirects from the form of the start page to the answer.
func (s *Site) langAsk(w http.ResponseWriter, r *http.Request, c *catalogue) error {
	cc, id, err := s.placeOf(r.Context(), r.URL.Query().Get("cc"), r.URL.Query().Get("target"))
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/"+c.code+"/cc/"+cc+"/"+url.PathEscape(id))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (s *Site) langHome(r *http.Request, v *langView, _ []string) error {
	v.Kind, v.Title, v.Choices = "home", v.c.text("home.title", nil), s.choices()
	for i := range v.Choices.Targets {
		t := &v.Choices.Targets[i]
		t.Name, _ = v.c.platform(t.Value, t.Name)
		t.Name = plainName(t.Name)
	}
	for i := range v.Choices.Countries {
		k := &v.Choices.Countries[i]
		k.Name = plainName(v.c.country(k.Value, k.Name))
	}
	blocked, t, err := s.blockedOn(r)
	if err != nil {
		return err
	}
	v.asked(r, t)
	for i := range blocked[:min(len(blocked), homeCards)] { // /blocked lists all
		one := v.answer(&blocked[i], v.When.Query)
		if a := &blocked[i]; a.LastMeasured != nil {
			full, err := s.Desk.Answer(r.Context(), inquiry.Ask{CC: a.CC, Target: a.Target, At: t.at, Known: t.known})
			if err != nil {
				return err
			}
			one.Strip = smallStrip(full, stripDays, v.c)
		}
		v.Answers = append(v.Answers, one)
	}
	changes, err := s.Desk.Changes(r.Context(), inquiry.Topic{At: t.at, Known: t.known})
	if err != nil {
		return err
	}
	for i := range changes[:min(len(changes), homeChanges)] {
		v.Changes = append(v.Changes, v.change(s, &changes[i]))
	}
	return v.cases(s, r)
}

// change is a ban that began or ended, or an act of the record. The text of an act is in
// English.
func (v *langView) change(s *Site, one *inquiry.Change) langChange {
	out := langChange{Date: inPage(v.c.interval(one.Interval)), Kind: v.T("found.ban"), Href: v.c.own(one.Path) + v.When.Query}
	if one.Kind == inquiry.BanBegins || one.Kind == inquiry.BanEnds {
		_, text := v.feedItem(s, one)
		out.Text = inPage(text)
		return out
	}
	out.Date, out.Kind, out.Text, out.Lang = inPage(v.c.date(one.Date, time.UTC)), v.T("kind."+one.Kind), template.HTML(template.HTMLEscapeString(one.Text)), "en"
	return out
}

// plainName removes the marks around foreign names, for places that cannot hold <bdi>.
func plainName(s string) string { return strings.NewReplacer(isolate, "", isolend, "").Replace(s) }

// asked gives the page the days that it speaks of.
func (v *langView) asked(r *http.Request, t times) { v.When, v.days = t.asked(r), &t }

// known gives a page of the record the day whose knowledge it shows.
func (v *langView) known(when asked) {
	v.Known, v.days = when, &times{known: when.end()}
}

// answer puts an answer into the language.
func (v *langView) answer(a *answer.Answer, query string) langAnswer {
	out := langAnswer{State: string(a.State), Href: "/" + v.Code + "/cc/" + a.CC + "/" + url.PathEscape(a.Target) + query, Word: inPage(v.c.head(a)), Day: inPage(v.c.day(a.LastDay())),
		Question: inPage(v.c.question(a)), About: plainName(v.c.sentence(a))}
	out.Sentence = inPage(v.c.sentence(a))
	if a.Since != nil {
		out.Since = inPage(v.c.interval(a.Since))
	}
	if a.Until != nil {
		out.Until = inPage(v.c.interval(a.Until))
	}
	key := "basis.none"
	if len(a.Reported) > 0 {
		key = "basis.earlier"
	}
	switch a.Basis {
	case answer.Measured:
		key = "basis.measured"
	case answer.Reported:
		key = "basis.reported"
	case answer.Both:
		key = "basis.both"
	}
	out.Basis = v.T(key)
	return out
}

func (s *Site) langCountry(r *http.Request, v *langView, named []string) error {
	cc, err := knownCountry(named[0])
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	answers, err := s.Desk.InCountry(r.Context(), cc, t.at, t.known)
	if err != nil {
		return err
	}
	v.asked(r, t)
	v.Kind = "country"
	few, err := s.embedCountry(r.Context(), cc, t, v.c)
	if err != nil {
		return err
	}
	v.Title, v.About = few.Title, plainName(few.Word+"۔ "+few.Text)
	if len(answers) > 0 {
		v.Few = &few
		v.HasCard = true
	}
	for i := range answers {
		v.Answers = append(v.Answers, v.answer(&answers[i], v.When.Query))
	}
	return nil
}

func (s *Site) langAnswerPage(r *http.Request, v *langView, named []string) error {
	cc, id, err := s.placeOf(r.Context(), named[0], named[1])
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known, Since: t.since})
	if err != nil {
		return err
	}
	v.asked(r, t)
	v.Kind, v.Of = "answer", answerNames(a)
	v.HasCard = true
	cited := times{at: a.LastDay().AddDate(0, 0, 1), known: t.known}
	v.days = &cited
	one := v.answer(&a.Answer, v.When.Query)
	place := v.c.country(cc, a.Country)
	v.Answer, v.Title = &one, v.c.question(&a.Answer)
	v.Trail = []langLink{{inPage(place), "/" + v.Code + "/cc/" + cc}}
	v.English = "/cc/" + cc + "/" + url.PathEscape(id) + v.When.Query
	if a.LastMeasured != nil {
		v.Listed = "/" + v.Code + "/cc/" + cc + "/" + url.PathEscape(id) + "/measurements"
	}
	bans, err := s.bansOf(r.Context(), a, inquiry.Ask{CC: cc, Target: id, Known: t.known})
	if err != nil {
		return err
	}
	if v.Chart, err = s.answerChart(r.Context(), a, bans, inquiry.Ask{CC: cc, Target: id, Known: t.known}, t, false, v.c, func(*casefile.Case, []casefile.Answer) {}); err != nil {
		return err
	}
	v.Measured, v.Days = len(a.Days) > 0, "/"+v.Code+"/cc/"+cc+"/"+url.PathEscape(id)+"/days"
	for _, n := range a.Concluded() {
		v.Networks = append(v.Networks, langNetwork{n.ASN, string(n.State), inPage(v.c.state(n.State)),
			inPage(v.c.text("network.of", args{"n": n.Counts.Failed, "total": v.c.counted("measurements.of", int(n.Counts.Measurements))}))})
	}
	for _, c := range a.Cases {
		link, err := v.caseLink(s, r, c.ID)
		if err != nil {
			return err
		}
		v.Cases = append(v.Cases, link)
	}
	return nil
}

// caseLink is a link to a case, with its title in the language.
func (v *langView) caseLink(s *Site, r *http.Request, id string) (langLink, error) {
	title, err := v.caseTitle(r.Context(), s, s.Records.Case(id))
	return langLink{inPage(title), "/" + v.Code + "/cases/" + url.PathEscape(id)}, err
}

// caseTitle returns the title that the catalogue has for a case. If it has none, the title
// is made of the country, the platforms and the month of the first dated turn.
func (v *langView) caseTitle(ctx context.Context, s *Site, c *casefile.Case) (string, error) {
	if own, ok := v.c.Cases[c.ID]; ok {
		return own.Title, nil
	}
	var names []string
	for _, t := range c.Targets {
		name, _ := v.c.platform(t, s.name(t))
		names = append(names, name)
	}
	about := args{"country": v.c.country(c.Jurisdiction, inquiry.Country(c.Jurisdiction)), "names": v.c.list(names)}
	shown, _, err := s.Desk.Case(ctx, c, casefile.Date{})
	if err != nil {
		return "", err
	}
	for _, p := range inOrder(shown.Computed.Clock.Points, shown) {
		if day, ok := p.Date.FirstDay(c.Zone()); ok {
			about["month"], about["y"] = v.c.text("month."+strconv.Itoa(int(day.Month())), nil), day.Year()
			return v.c.text("case.title.from", about), nil
		}
	}
	return v.c.text("case.title", about), nil
}

func (v *langView) cases(s *Site, r *http.Request) error {
	when, err := asOf(r)
	if err != nil {
		return err
	}
	for _, c := range s.Records.Cases {
		shown, _, err := s.Desk.Case(r.Context(), c, when.date)
		if err != nil {
			return err
		}
		if c.Withdrawn != nil || when.Day != "" && len(shown.Computed.Chronology) == 0 {
			continue
		}
		link, err := v.caseLink(s, r, c.ID)
		link.Href += when.Query
		if err != nil {
			return err
		}
		v.Cases = append(v.Cases, link)
	}
	return nil
}

func (s *Site) langCases(r *http.Request, v *langView, _ []string) error {
	when, err := asOf(r)
	if err != nil {
		return err
	}
	v.known(when)
	v.Kind, v.Title = "cases", v.c.text("cases.title", nil)
	return v.cases(s, r)
}

func (s *Site) langCase(r *http.Request, v *langView, named []string) error {
	id := named[0]
	k, claims, when, err := s.caseAsked(r, id)
	if err != nil {
		return err
	}
	c, shown := k.whole, k.shown
	text := func(key string) template.HTML { return v.T(key) }
	v.known(when)
	v.Kind, v.Of = "case", []string{c.ID}
	v.HasCard = true
	for i := range claims {
		v.Of = append(v.Of, c.ID+"/"+claims[i].Claim)
	}
	if v.Title, err = v.caseTitle(r.Context(), s, c); err != nil {
		return err
	}
	one := langCase{ID: c.ID, Without: inPage(v.c.without(shown)), Courts: len(shown.Dockets) > 0, Country: inPage(v.c.country(c.Jurisdiction, inquiry.Country(c.Jurisdiction))), Status: text("status." + string(shown.Status))}
	if own, ok := v.c.Cases[id]; ok && when.Day == "" { // the catalogue's summary tells the whole story, so it is shown for now only
		one.Summary, one.About = inPage(own.Summary), plainName(own.Summary)
	}
	var names []string
	for _, t := range c.Targets {
		name, _ := v.c.platform(t, s.name(t))
		names = append(names, name)
	}
	one.Platform = inPage(v.c.list(names))
	for _, p := range inOrder(shown.Computed.Clock.Points, shown) {
		date := v.c.date(p.Date, c.Zone())
		if date == "" {
			date = v.c.text("case.unknown", nil)
		}
		one.Points = append(one.Points, langPoint{text("turn." + string(p.Turn)), inPage(date)})
	}
	k.c = v.c
	for _, e := range shown.Computed.Chronology {
		key := "kind." + e.Kind
		if e.Entry != "act" {
			key = "kind." + string(e.Entry)
		}
		date := v.c.date(e.Date, c.Zone())
		if date == "" {
			date = v.c.text("case.unknown", nil)
		}
		one.Entries = append(one.Entries, langEntry{inPage(date), text(key), e.What, k.href(e.ID)})
	}
	v.Case = &one
	v.Trail = []langLink{{text("nav.record"), "/" + v.Code + "/cases"}}
	return nil
}

// langAbout says what the pages of the language rest on, and which texts no reader of the
// language has approved.
func (s *Site) langAbout(_ *http.Request, v *langView, _ []string) error {
	v.Kind, v.Title = "about", v.c.text("about.title", nil)
	for _, k := range v.c.unconfirmed() {
		term := langTerm{Key: k.key, Why: k.why}
		switch kind, id, _ := strings.Cut(k.key, "."); {
		case kind == "platform" && v.c.Platforms[id].Name != "":
			term.Text = []template.HTML{inPage(v.c.Platforms[id].Name)}
		case kind == "case" && v.c.Cases[id].Title != "":
			term.Text = []template.HTML{inPage(v.c.Cases[id].Title)}
		case kind == "page" && v.c.Pages[id].Title != "":
			term.Text = []template.HTML{inPage(v.c.Pages[id].Title)}
		default:
			for _, t := range v.c.Text[k.key].texts() {
				term.Text = append(term.Text, inPage(t))
			}
			slices.Sort(term.Text)
			term.Text = slices.Compact(term.Text)
		}
		v.Terms = append(v.Terms, term)
	}
	return nil
}

// otherLanguage is a link to the same page in another language.
type otherLanguage struct {
	Code, Name, Href string
	Dir              string
	Propose          string // proposes the page if Accept-Language puts this language first; else ""
}

// inOthers returns the other languages, each with a link to the same page or, if the
// language lacks it, to its start page.
func (s *Site) inOthers(r *http.Request) []otherLanguage {
	p := strings.Trim(r.URL.EscapedPath(), "/")
	show, _ := langPageOf(strings.Split(p, "/"))
	prefers, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	var out []otherLanguage
	for _, code := range s.languageCodes {
		o := otherLanguage{Code: code, Dir: s.languages[code].Language.Dir, Name: s.languages[code].Language.Name, Href: "/" + code}
		if show != nil {
			if o.Href = strings.TrimSuffix("/"+code+"/"+p, "/"); r.URL.RawQuery != "" {
				o.Href += "?" + r.URL.Query().Encode()
			}
		}
		if err == nil && len(prefers) > 0 {
			base, _ := prefers[0].Base()
			if base.String() == code {
				o.Propose = s.languages[code].text("propose", nil)
			}
		}
		out = append(out, o)
	}
	return out
}

// langKeys returns the keys of all texts that a catalogue needs: those of the template, of
// every remark of an answer, and of every word of the record's closed lists that is shown.
func langKeys() []string {
	keys := []string{"say.ban.likely", "say.failed.usually", "say.reported.likely", "say.reported.past", "say.reported.past.likely", "say.was_reported.ended", "say.was_reported.area",
		"say.measured.ok", "say.measured.down", "say.measured.impaired", "say.past.open", "say.dark.open", "say.disagree.blocked", "days", "networks", "measurements", "measurements.of", "at_least", "question", "questions", "network.of", "case.known", "propose", "list.and",
		"date.day", "date.between", "date.from", "date.by", "date.unknown", "date.about", "date.span", "basis.measured", "basis.reported", "basis.both", "basis.earlier", "basis.none", "kind.sighting", "kind.claim", "case.unknown", "when.stood", "corrected", "home.title", "cases.title", "about.title",
		"case.title", "case.title.from", "countries.title", "platforms.title", "platform.title", "platform.count", "network.title", "events.title", "event.title", "event.sentence", "event.open", "event.counts", "event.confidence", "list.title", "list.none", "list.network",
		"check.title", "check.about", "check.measured", "check.unmeasured", "check.wrong", "search.title", "search.found", "search.none", "search.wrong", "blocked.title", "blocked.about", "blocked.on",
		"column.country", "column.platform", "column.blocked", "column.measurements", "column.began", "column.ended", "column.networks", "column.last", "column.time", "known.nothing", "list.more", "country.zz"}
	for _, k := range answer.RemarkKeys() {
		if k != answer.SayMeasured { // it has a text for each state
			keys = append(keys, "say."+string(k))
		}
	}
	for _, k := range answer.HeadKeys() {
		keys = append(keys, "head."+string(k))
	}
	for _, k := range []answer.HeadKey{answer.HeadReported, answer.HeadBlocked, answer.HeadPartly} {
		keys = append(keys, "head."+string(k)+".past")
	}
	for _, k := range []answer.HeadKey{answer.HeadReported, answer.HeadBlocked, answer.HeadPartly} {
		keys = append(keys, "head."+string(k)+".likely", "head."+string(k)+".past.likely")
	}
	for _, s := range []string{"blocked", "likely_blocked", "impaired", "down", "ok", "insufficient"} {
		keys = append(keys, "state."+s)
	}
	for tag, label := range labels {
		if label != "" {
			keys = append(keys, "label."+tag)
		}
	}
	for _, name := range casefile.TermNames() {
		keys = append(keys, "term."+name)
	}
	for prefix, list := range map[string][]string{
		"fact.": {"unknown", "yes", "confidence"}, "relation.": {"equal", "less", "more", "about"}, "cite.": {"grade", "itself", "text", "known", "generation", "ruleset", "language"}, "list.": {"comma"}, "label.": {"code"},
		"item.":   {"by", "dated", "claim", "docket", "requests", "request", "sighting"},
		"around.": {"answered", "carried", "repeated", "contradicted", "defied", "withdrawn", "steps", "inferred", "told", "said", "evidence", "disputed"},
		"thing.":  {"did", "was_addressed", "sat", "says_so", "said", "saw", "hears", "is_a_party", "asked", "counts", "names_it", "speaks_of_it", "rests_on_it", "section"},
		"days.":   {"span", "title", "on", "blocked", "ok", "down", "unclear", "all"},
		"feed.":   {"title", "about", "began", "began.when", "ended", "ended.when"},
		"map.":    {"label"},
		"embed.":  {"evidence", "stood", "demo", "measured", "unmeasured", "partly", "nothing", "nothing.text", "by", "case", "blocked.blocked", "blocked.likely", "blocked.either"},
		"event.":  {"over", "over.long", "held", "goes"}, "network.": {"in", "strip"}, "case.": {"without"}, "courts.": {"title", "held", "put"},
		"bans.":        {"title", "about", "length", "who"},
		"ban.":         {"internet", "unnamed", "last", "measured", "held", "where", "sentence"},
		"hours.":       {"title", "about", "year", "measured", "reported"},
		"rules.":       {"title", "about", "says", "step", "argues", "strength", "kind.determinate", "kind.circumstantial", "outcome.ok", "outcome.blocked", "outcome.down", "outcome.unknown", "outcome.invalid"},
		"rules.layer.": {verdict.LayerDNS, verdict.LayerTCP, verdict.LayerTLS, verdict.LayerHTTP, verdict.LayerQUIC, verdict.LayerApp, verdict.LayerInstrument},
		"m.":           {"title", "sentence", "seen", "test", "id"},
		"step.":        {"dns", "tcp", "tls", "quic", "http", "tunnel", "worked", "failed", "untried"},
		"chart.":       {"all", "strip", "none", "some", "column", "reported", "bans", "state", "courts", "statements", "restored"}, "api.": {"title", "about", "address", "what"},
		"ledger.":     {"name", "size", "root", "key", "witnesses", "signed", "unsigned", "nobody", "stamp", "stamped", "title", "about", "none", "entry", "when", "what"},
		"alerts.":     {"title", "about", "confirm.ask", "stop.ask", "done.mail", "done.webhook", "done.confirm", "done.stop", "wrong.country", "wrong.target", "wrong.network", "wrong.case", "wrong.refused", "wrong.unknown"},
		"contribute.": {"title", "failed"}, "error.": {"400", "400.text", "404", "404.text", "405", "405.text", "500", "500.text"}, "contribute.wrong.": noteFields,
	} {
		for _, w := range list {
			keys = append(keys, prefix+w)
		}
	}
	for _, d := range []ban.Dataset{ban.Measured, ban.Record, ban.KeepItOn, ban.OONI, ban.SFLC} {
		keys = append(keys, "by."+string(d))
	}
	for _, k := range kindWords {
		keys = append(keys, "found."+k.kind)
	}
	for _, a := range casefile.Accesses() {
		keys = append(keys, "access."+a.Word)
	}
	for _, v := range []casefile.Verdict{casefile.Supported, casefile.Contradicted, casefile.Mixed, casefile.Untested, casefile.Disputed} {
		keys = append(keys, "verdict."+string(v))
	}
	for _, o := range []string{"measurements", "sources", "neither"} {
		keys = append(keys, "from."+o)
	}
	wholes, steps, endings := verdict.MechanismTerms()
	for prefix, list := range map[string][]string{"how.": wholes, "how.step.": steps, "how.end.": endings} {
		for _, w := range list {
			keys = append(keys, prefix+w)
		}
	}
	keys = append(keys, "how.sni")
	for _, m := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"} {
		keys = append(keys, "month."+m)
	}
	keys = slices.AppendSeq(keys, maps.Keys(entryTexts))
	for t := range turnWords {
		keys = append(keys, "turn."+string(t))
	}
	for _, k := range casefile.ActKinds() {
		keys = append(keys, "kind."+k)
	}
	for _, s := range []string{"ongoing", "ended", "unknown"} {
		keys = append(keys, "status."+s)
	}
	return keys
}

package web

import (
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inbox"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// langProse shows a page of nothing but text.
func langProse(name string) langShow {
	return func(_ *Site, _ *http.Request, v *langView, _ []string) error {
		p := v.c.Pages[name]
		v.Kind, v.Title, v.Prose = "prose", p.Title, p.Blocks
		for _, b := range p.Blocks {
			if b.Answer != "" {
				v.About = plainName(b.Answer)
			}
		}
		return nil
	}
}

// Say turns a text of such a page into HTML.
func (v langView) Say(text string) template.HTML { return v.c.prose(text) }

// sourceName is the title of a source with its publisher and its day.
func (v *langView) sourceName(src *casefile.Source) string {
	name := src.Publisher
	if src.Title != nil && *src.Title != "" {
		name += ": " + *src.Title
	}
	if day := v.c.date(src.Date, time.UTC); day != "" {
		return v.c.text("item.dated", args{"text": foreign(name), "day": day})
	}
	return foreign(name)
}

// langItem is the page of one part of a case.
func (s *Site) langItem(r *http.Request, v *langView, named []string) error {
	found, err := s.findItem(r, v.c, named[0], named[1], named[2])
	if err != nil {
		return err
	}
	title, err := v.caseTitle(r.Context(), s, found.say.whole)
	if err != nil {
		return err
	}
	one := found.view
	v.known(one.When)
	v.Kind, v.Title, v.About, v.Of = "item", one.Name, one.Sentence, []string{found.say.whole.ID, found.say.whole.ID + "/" + one.ID}
	v.Item = &langItemView{Sentence: one.Sentence, Told: one.Told, Withdrawn: one.Withdrawn, Facts: one.Facts, Answer: one.Answer, Links: one.Links}
	v.Trail = []langLink{{v.T("nav.record"), "/" + v.Code + "/cases"}, {inPage(title), one.Case.Href}}
	return nil
}

// langItemView is a part of a case, or an actor, a law or a source.
type langItemView struct {
	Sentence, Told, Withdrawn string // in English
	URL                       string
	Facts                     []fact
	Answer                    *claimView
	Links                     []group
}

// langThing shows the page of an actor, a law or a source. column is the key of the word
// for what it is.
func langThing(column string, of func(s *Site, id string) (thing, error)) langShow {
	return func(s *Site, r *http.Request, v *langView, named []string) error {
		t, err := of(s, named[0])
		if err != nil {
			return err
		}
		t.view, err = s.thingView(r, v.c, t)
		if err != nil {
			return err
		}
		v.known(t.view.When)
		v.Kind, v.Title = "item", foreign(t.view.Name)
		if v.c.reads(t.view.Script) {
			v.Title = t.view.Script
		}
		if src, ok := t.it.(*casefile.Source); ok {
			v.Title = v.sourceName(src)
		}
		v.Trail = []langLink{{v.T("nav.record"), "/" + v.Code + "/cases"}, {v.T(column), ""}}
		v.Item = &langItemView{URL: t.view.URL, Facts: t.view.Facts}
		for _, g := range t.view.Groups { // under the case's title in the language
			for _, c := range s.Records.Cases {
				if c.Title == g.Name {
					if g.Name, err = v.caseTitle(r.Context(), s, c); err != nil {
						return err
					}
				}
			}
			v.Item.Links = append(v.Item.Links, g)
		}
		return nil
	}
}

func (s *Site) langDays(r *http.Request, v *langView, named []string) error {
	cc, id, err := s.placeOf(r.Context(), named[0], named[1])
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	asn, err := asnOf(r.URL.Query().Get("asn"))
	if err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known, Since: t.since})
	if err != nil {
		return err
	}
	v.asked(r, t)
	days := a.Days
	if asn != 0 {
		days = a.ByASN[asn]
		v.Intro = inPage(v.c.text("days.on", args{"asn": foreign(network.Name(asn))}))
	}
	name, _ := v.c.platform(id, a.Name)
	v.Title = v.c.text("days.title", args{"name": name, "country": v.c.country(cc, a.Country)})
	v.Trail = v.answerTrail(cc, a.Country, id, a.Name)
	v.table("check.day", "network.state", "days.blocked", "days.ok", "days.down", "days.unclear", "days.all")
	for i := range days {
		d := &days[i]
		v.row(langCell{Text: inPage(v.c.day(parseDay(d.Date)))}, langCell{Text: inPage(v.c.state(d.State)), State: string(d.State)},
			count32(d.Blocked), count32(d.OK), count32(d.Down), count32(d.Inconclusive), langCell{Text: count32(d.Measurements).Text, Href: v.c.own("/cc/"+cc+"/"+url.PathEscape(id)+"/measurements") + "?day=" + url.QueryEscape(d.Date)})
	}
	return nil
}

func count32(n uint32) langCell { return number64(int64(n)) }

// answerTrail returns the links to the page of a country and to the page of an answer.
// country and name are the names in English.
func (v *langView) answerTrail(cc, country, id, name string) []langLink {
	of := "/" + v.Code + "/cc/" + cc
	return []langLink{{inPage(v.c.country(cc, country)), of}, {inPage(v.c.ask(cc, country, id, name)), of + "/" + url.PathEscape(id)}}
}

// answerLink returns the link to the page of an answer, on the day that is asked about.
func (v *langView) answerLink(s *Site, cc, id string) langLink {
	return langLink{inPage(v.c.ask(cc, inquiry.Country(cc), id, s.name(id))), "/" + v.Code + "/cc/" + cc + "/" + url.PathEscape(id) + v.When.Query}
}

// banName names what was banned.
func (v *langView) banName(s *Site, b *ban.Ranked) string {
	switch b.Target {
	case ban.Internet:
		return v.c.text("ban.internet", nil)
	case ban.Unnamed:
		if len(b.Other) > 0 {
			return foreign(strings.Join(b.Other, ", "))
		}
		return v.c.text("ban.unnamed", nil)
	}
	name, _ := v.c.platform(b.Target, s.name(b.Target))
	return name
}

// banDates returns the first and the last day of a ban, and its length, in words.
func (v *langView) banDates(b *ban.Ranked) (from, to, length string) {
	began := b.Began()
	from = v.c.interval(&began)
	switch until := b.Until(); {
	case until != nil && b.Length.Ongoing:
		to = v.c.text("ban.held", args{"until": v.c.interval(until)})
	case until != nil:
		to = v.c.interval(until)
	case !b.Seen().IsZero():
		to = v.c.text("ban.measured", args{"day": v.c.day(b.Seen())})
	default:
		to = v.c.text("ban.last", args{"day": v.c.day(b.Known)})
	}
	length = v.c.length(&answer.ReportedBan{Days: b.Length.Days, AtMost: b.Length.AtMost, AtLeast: b.Length.AtLeast})
	return from, to, length
}

func (v *langView) banTellers(b *ban.Ranked) string {
	r := answer.ReportedBan{}
	for i := range b.Reports {
		r.By = append(r.By, b.Reports[i].Origin.String())
	}
	return v.c.tellers(&r)
}

func (s *Site) langBans(r *http.Request, v *langView, _ []string) error {
	ranked, t, err := s.allBans(r)
	if err != nil {
		return err
	}
	v.asked(r, t)
	page, rows, err := partOf(r, ranked, v.When)
	if err != nil {
		return err
	}
	v.Before, v.Next = page.Before, page.After
	v.Title, v.Intro = v.c.text("bans.title", nil), v.T("bans.about")
	v.table("column.platform", "column.country", "column.began", "column.ended", "bans.length", "bans.who")
	for i := range rows {
		b := &rows[i]
		from, to, length := v.banDates(b)
		v.row(langCell{Text: inPage(v.banName(s, b)), Href: "/" + v.Code + "/bans/" + url.PathEscape(b.ID) + v.When.Query}, v.countryCell(b.CC), langCell{Text: inPage(from)}, langCell{Text: inPage(to)}, langCell{Text: inPage(length)}, langCell{Text: inPage(v.banTellers(b))})
	}
	return nil
}

func (s *Site) langBan(r *http.Request, v *langView, named []string) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	b, err := s.rankedOn(r.Context(), named[0], t)
	if err != nil {
		return err
	}
	v.asked(r, t)
	from, to, length := v.banDates(b)
	v.Kind, v.Title = "facts", v.c.text("event.title", args{"names": v.banName(s, b), "country": v.c.country(b.CC, inquiry.Country(b.CC))})
	v.Trail = []langLink{{v.T("bans.title"), "/" + v.Code + "/bans"}}
	few := v.c.embedBan(s, b)
	v.Few, v.About = &few, plainName(few.Text)
	v.HasCard = true
	v.Facts = []langFact{{v.T("column.began"), inPage(from)}, {v.T("column.ended"), inPage(to)}, {v.T("bans.length"), inPage(length)}, {v.T("bans.who"), inPage(v.banTellers(b))}}
	if b.Area != "" {
		v.Facts = append(v.Facts, langFact{v.T("ban.where"), inPage(foreign(b.Area))})
	}
	if b.Target != ban.Internet && b.Target != ban.Unnamed {
		v.Cases = append(v.Cases, v.answerLink(s, b.CC, b.Target))
	}
	for j := range b.Reports {
		if c := s.Records.Case(b.Reports[j].Case); c != nil {
			link, err := v.caseLink(s, r, c.ID)
			if err != nil {
				return err
			}
			v.Cases = append(v.Cases, link)
			break
		}
	}
	return nil
}

func (s *Site) langHours(r *http.Request, v *langView, _ []string) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	list, err := s.Desk.Hours(r.Context(), t.at, t.known)
	if err != nil {
		return err
	}
	v.asked(r, t)
	page, rows, err := partOf(r, list, v.When)
	if err != nil {
		return err
	}
	v.Before, v.Next = page.Before, page.After
	v.Title, v.Intro = v.c.text("hours.title", nil), v.T("hours.about")
	v.table("column.country", "column.platform", "hours.year", "hours.measured", "hours.reported")
	span := func(bans, least, most int) langCell {
		switch {
		case bans == 0:
			return langCell{Text: "–"}
		case least == most:
			return number64(int64(least))
		}
		return langCell{Text: inPage(foreign(thousands(strconv.Itoa(least)) + "–" + thousands(strconv.Itoa(most))))}
	}
	for i := range rows {
		y := &rows[i]
		name := v.c.text("ban.internet", nil)
		cell := langCell{Text: inPage(name)}
		if y.Target != ban.Internet {
			cell = v.linked(y.CC, y.Target, s.name(y.Target))
		}
		v.row(v.countryCell(y.CC), cell, langCell{Text: template.HTML(strconv.Itoa(y.Year))}, span(y.MeasuredBans, y.MeasuredAtLeast, y.MeasuredAtMost), span(y.ReportedBans, y.ReportedAtLeast, y.ReportedAtMost))
	}
	return nil
}

func (s *Site) langRules(_ *http.Request, v *langView, _ []string) error {
	v.Title, v.Intro = v.c.text("rules.title", nil), v.c.prose(v.c.text("rules.about", nil))
	v.table("rules.says", "rules.step", "rules.argues", "rules.strength")
	for _, r := range verdict.Listing() {
		outcome := string(r.Outcome)
		if outcome == "" {
			outcome = "invalid" // the measurement does not count
		}
		argues := langCell{Text: v.T("rules.outcome." + outcome)}
		if r.State != "" {
			argues = langCell{Text: inPage(v.c.state(r.State)), State: string(r.State)}
		}
		v.row(langCell{Text: inPage(r.Sentence), Lang: "en", ID: r.ID}, langCell{Text: v.T("rules.layer." + r.Layer)}, argues, langCell{Text: v.T("rules.kind." + r.Kind)})
	}
	return nil
}

// langMeasurement is the page of one measurement. Failures keep their English names.
func (s *Site) langMeasurement(r *http.Request, v *langView, named []string) error {
	e, ok, err := s.Desk.Measurement(r.Context(), named[0], r.URL.Query().Get("content"))
	if err != nil {
		return err
	}
	if !ok {
		return notFound("The archive has no measurement of this uid.")
	}
	d := e.Verdict
	name, _ := v.c.platform(d.Target, s.name(d.Target))
	place := v.c.country(d.CC, inquiry.Country(d.CC))
	v.Kind, v.Title = "measurement", v.c.text("m.title", args{"name": name, "country": place})
	v.Trail = v.answerTrail(d.CC, inquiry.Country(d.CC), d.Target, s.name(d.Target))
	net := v.c.text("list.network", nil)
	if d.ASN != 0 {
		net = foreign(network.Name(d.ASN))
	}
	when := v.c.day(d.Time) + "، " + foreign(d.Time.UTC().Format("15:04 UTC"))
	v.State, v.Word, v.days, v.Of = string(d.State), inPage(v.c.state(d.State)), &times{}, []string{d.UID}
	v.Intro = inPage(v.c.text("m.sentence", args{"network": net, "country": place, "name": name, "when": when}))
	var how []string
	for _, m := range d.Mechanisms {
		how = append(how, v.c.how(m))
	}
	if len(how) > 0 {
		v.Note = inPage(v.c.text("m.seen", args{"how": v.c.list(how)}))
	}
	v.Facts = []langFact{{v.T("column.country"), inPage(place)}, {v.T("network"), inPage(net)}, {v.T("m.test"), inPage(foreign(spacedWords(d.TestName)))}, {v.T("m.id"), template.HTML(`<code dir="ltr">` + template.HTMLEscapeString(d.UID) + `</code>`)}}
	for _, rule := range e.Rules {
		v.Rules = append(v.Rules, namedLink{rule.Sentence, "/" + v.Code + "/rules#" + rule.ID})
	}
	for _, l := range laddersOf(e.Observations) {
		one := langLadder{Name: strings.TrimSpace(l.Name + " " + l.Address)}
		for i := range l.Steps {
			st := &l.Steps[i]
			one.Steps = append(one.Steps, langStep{v.T("step." + st.Key), v.outcome(st.Probe), v.outcome(st.Control)})
		}
		v.Ladders = append(v.Ladders, one)
	}
	if e.Document != nil {
		v.Raw = "/m/" + url.PathEscape(d.UID) + "?raw=1&content=" + strconv.FormatUint(d.Content, 10)
	}
	return nil
}

// langLadder holds the steps at one endpoint.
type langLadder struct {
	Name  string
	Steps []langStep
}

type langStep struct {
	Name           template.HTML
	Probe, Control langOutcome
}

type langOutcome struct {
	Class string
	Text  template.HTML
}

func (v *langView) outcome(o outcome) langOutcome {
	switch {
	case o.Untried():
		return langOutcome{"untried", v.T("step.untried")}
	case o.Failed():
		return langOutcome{"bad", inPage(v.c.text("step.failed", nil)+" ") + template.HTML(`<code dir="ltr">`+template.HTMLEscapeString(string(o.Failure))+`</code>`)}
	}
	return langOutcome{"good", v.T("step.worked")}
}

// langAPI is the page of the API. The descriptions of its addresses are in English.
func (s *Site) langAPI(_ *http.Request, v *langView, _ []string) error {
	v.Title, v.Intro = v.c.text("api.title", nil), v.c.prose(v.c.text("api.about", nil))
	v.table("api.address", "api.what")
	for _, e := range s.Endpoints {
		v.row(langCell{Text: template.HTML(`<code dir="ltr">` + template.HTMLEscapeString(e.Path) + `</code>`)}, langCell{Text: inPage(e.Summary), Lang: "en"})
	}
	return nil
}

// langContribute is the form for readers who know something.
func (s *Site) langContribute(r *http.Request, v *langView, _ []string) error {
	q := r.URL.Query()
	view := contributeView{Note: inbox.Note{About: q.Get("about"), Kind: inbox.Kind(q.Get("kind"))}}
	if id := q.Get("thanks"); id != "" && s.Inbox != nil {
		if _, err := s.Inbox.Get(id); err == nil {
			view.Thanks = id
		}
	}
	v.contribute(s, view)
	return nil
}

// contribute fills in the page of the form. Each mistake is shown with its field.
func (v *langView) contribute(s *Site, view contributeView) {
	view.Closed = s.Inbox == nil
	v.Kind, v.Title, v.Send = "contribute", v.c.text("contribute.title", nil), &view
	for _, field := range noteFields {
		if view.Wrong[field] != "" {
			v.Wrongs = append(v.Wrongs, v.T("contribute.wrong."+field))
		}
	}
	if view.Failed != "" {
		v.Wrong = v.T("contribute.failed")
	}
	if len(v.Wrongs) > 0 || view.Failed != "" {
		v.status = http.StatusBadRequest
	}
}

// noteFields are the fields of a note that can have a mistake.
var noteFields = []string{"kind", "about", "text", "source", "cc", "network", "seen_day"}

// langTake keeps what a reader sends from the form in a language.
func (s *Site) langTake(w http.ResponseWriter, r *http.Request, c *catalogue) error {
	id, view, err := s.takeNote(w, r)
	if view == nil {
		return s.moveTaken(w, "/"+c.code+"/contribute", id, err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return s.showLanguage(w, r, c, func(_ *Site, _ *http.Request, v *langView, _ []string) error {
		v.contribute(s, *view)
		return nil
	}, nil, "contribute")
}

// langFail is the page of an error in a language.
func (s *Site) langFail(c *catalogue, status int) ([]byte, error) {
	v := langView{c: c, Code: c.code, Dir: c.Language.Dir, Name: c.Language.Name, Demo: s.Demo, Static: s.Static, English: "/", Trail: []langLink{}, Kind: "error"}
	key := "error." + strconv.Itoa(status)
	if _, ok := c.Text[key]; !ok {
		key = "error.500"
	}
	v.Title, v.Intro = c.text(key, nil), inPage(c.text(key+".text", nil))
	v.Heading, v.Contribute = inPage(v.Title), "/"+c.code+"/contribute"
	return s.execute("lang.html", v)
}

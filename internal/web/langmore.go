package web

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
)

// langTable is a table: its head and its rows. The first cell of a row names the row.
type langTable struct {
	Head []template.HTML
	Rows [][]langCell
}

// langCell is a text, with an address or a state if it has one.
type langCell struct {
	Text        template.HTML
	Href, State string
	Lang, ID    string        // Lang: language of the text, or of the linked page, if it is another one; ID: an anchor
	Head        template.HTML // name of the column, shown on narrow pages
	Whole       bool          // the cell takes the whole width of a narrow page
	Strip       template.HTML // a drawing above the text
}

type langFact struct{ Name, Text template.HTML }

// langFind is the search form with what was found.
type langFind struct {
	Query string
	Asked bool
	Kinds []langLink
	Hits  []langHit
}

type langHit struct {
	Kind template.HTML
	Text string // in the language of the record
	Href string
}

// table begins a table; keys are those of the texts of its head.
func (v *langView) table(keys ...string) {
	v.Kind, v.Table = "table", &langTable{}
	for _, k := range keys {
		v.Table.Head = append(v.Table.Head, v.T(k))
	}
}

func (v *langView) row(cells ...langCell) {
	for i := range cells {
		cells[i].Head = v.Table.Head[i]
	}
	v.Table.Rows = append(v.Table.Rows, cells)
}

// linked makes a cell with the name of a platform and a link to its answer in a country.
func (v *langView) linked(cc, target, english string) langCell {
	name, _ := v.c.platform(target, english)
	return langCell{Text: inPage(name), Href: "/" + v.Code + "/cc/" + cc + "/" + url.PathEscape(target) + v.When.Query}
}

func (v *langView) countryCell(cc string) langCell {
	return langCell{Text: inPage(v.c.country(cc, inquiry.Country(cc))), Href: "/" + v.Code + "/cc/" + cc + v.When.Query}
}

func number64(n int64) langCell {
	return langCell{Text: template.HTML(thousands(strconv.FormatInt(n, 10)))}
}

func (s *Site) langBlocked(r *http.Request, v *langView, _ []string) error {
	blocked, t, err := s.blockedOn(r)
	if err != nil {
		return err
	}
	v.asked(r, t)
	v.Kind, v.Title = "country", v.c.text("blocked.title", nil)
	v.Intro = v.T("blocked.about")
	if v.When.At != "" {
		v.Title, v.Intro = v.c.text("blocked.on", args{"day": v.c.day(t.at.Add(-time.Second))}), ""
	}
	for i := range blocked {
		v.Answers = append(v.Answers, v.answer(&blocked[i], v.When.Query))
	}
	return nil
}

// blockedCell lists what is blocked, or where; name gives the text for an answer. Past
// eight names it only gives their number.
func (v *langView) blockedCell(blocked []answer.Answer, name func(a *answer.Answer) string) langCell {
	var names []string
	for i := range blocked[:min(8, len(blocked))] {
		names = append(names, name(&blocked[i]))
	}
	text := v.c.list(names)
	if more := len(blocked) - len(names); more > 0 {
		text = v.c.text("list.more", args{"list": text, "n": more})
	}
	if text == "" {
		text = v.c.text("known.nothing", nil)
	}
	return langCell{Text: inPage(text), Whole: true}
}

func (s *Site) langCountries(r *http.Request, v *langView, _ []string) error {
	v.Title = v.c.text("countries.title", nil)
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	v.asked(r, t)
	list, err := s.Desk.Countries(r.Context(), t.at, t.known)
	if err != nil {
		return err
	}
	v.table("column.country", "column.blocked", "column.measurements")
	for i := range list {
		v.row(v.countryCell(list[i].ID), v.blockedCell(list[i].Blocked, func(a *answer.Answer) string {
			name, _ := v.c.platform(a.Target, a.Name)
			return name
		}), number64(list[i].Measurements))
	}
	return nil
}

func (s *Site) langPlatforms(r *http.Request, v *langView, _ []string) error {
	v.Title = v.c.text("platforms.title", nil)
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	v.asked(r, t)
	list, err := s.Desk.Platforms(r.Context(), t.at, t.known)
	if err != nil {
		return err
	}
	v.table("column.platform", "column.blocked", "column.measurements")
	for i := range list {
		name, _ := v.c.platform(list[i].ID, list[i].Name)
		v.row(langCell{Text: inPage(name), Href: "/" + v.Code + "/platforms/" + url.PathEscape(list[i].ID) + v.When.Query},
			v.blockedCell(list[i].Blocked, func(a *answer.Answer) string { return v.c.country(a.CC, a.Country) }), number64(list[i].Measurements))
	}
	return nil
}

func (s *Site) langPlatform(r *http.Request, v *langView, named []string) error {
	id, err := s.targetOf(r.Context(), named[0])
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	answers, err := s.Desk.OfTarget(r.Context(), id, t.at, t.known)
	if err != nil {
		return err
	}
	name, _ := v.c.platform(id, s.Desk.Name(id))
	v.asked(r, t)
	v.Kind, v.Title = "country", v.c.text("platform.title", args{"name": name})
	v.Trail = []langLink{{v.T("nav.platforms"), "/" + v.Code + "/platforms"}}
	blocked := 0
	for i := range answers {
		if answers[i].State.Accuses() {
			blocked++
		}
		v.Answers = append(v.Answers, v.answer(&answers[i], v.When.Query))
	}
	if len(answers) > 0 {
		v.Intro = inPage(v.c.text("platform.count", args{"n": blocked, "total": len(answers)}))
		v.Map = smallWorld(id, answers, v.When.Query, v.c)
	}
	return nil
}

func (s *Site) langNetworkPage(r *http.Request, v *langView, named []string) error {
	asn, err := asnOf(named[0])
	if err != nil || asn == 0 {
		return notFound("A network is named by its number, as in /networks/AS17557.")
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	found, err := s.networkOf(r.Context(), asn, t, v.c)
	if err != nil {
		return err
	}
	v.asked(r, t)
	v.Title = v.c.text("network.title", args{"asn": foreign(network.Name(asn))})
	v.Few, v.About = &found.Few, plainName(found.Few.Word+"۔ "+found.Few.Text)
	v.HasCard = true
	v.table("column.platform", "column.country", "network.state", "network.counts", "column.last", "network.strip")
	for i := range found.Answers {
		a := &found.Answers[i]
		counts := v.c.text("network.of", args{"n": a.Network.Counts.Failed, "total": v.c.counted("measurements.of", int(a.Network.Counts.Measurements))})
		v.row(v.linked(a.CC, a.Target, a.Name), v.countryCell(a.CC), langCell{Text: inPage(v.c.state(a.Network.State)), State: string(a.Network.State)},
			langCell{Text: inPage(counts)}, langCell{Text: inPage(v.c.day(a.Last))},
			langCell{Text: v.T("chart.table"), Href: v.c.own("/cc/"+a.CC+"/"+url.PathEscape(a.Target)+"/days") + "?asn=" + strconv.FormatUint(uint64(asn), 10), Strip: found.Strips[i], Whole: true})
	}
	for i := range found.Events {
		v.Cases = append(v.Cases, langLink{inPage(v.eventTitle(s, &found.Events[i])), "/" + v.Code + "/events/" + url.PathEscape(found.Events[i].ID) + v.When.Query})
	}
	return nil
}

// eventNames lists the platforms of a dated ban.
func (v *langView) eventNames(s *Site, e *event.Event) string {
	var names []string
	for _, t := range e.Targets {
		name, _ := v.c.platform(t, s.names([]string{t}))
		names = append(names, name)
	}
	return v.c.list(names)
}

func (v *langView) eventTitle(s *Site, e *event.Event) string {
	return v.c.text("event.title", args{"names": v.eventNames(s, e), "country": v.c.country(e.CC, inquiry.Country(e.CC))})
}

// ended says when a ban ended, as it stood on the day, or that no end was measured.
func (v *langView) ended(row *eventRow) string {
	switch {
	case row.Over:
		return v.c.interval(row.End)
	case row.End != nil:
		return v.c.text("ban.held", args{"until": v.c.interval(row.End)})
	}
	return v.c.text("event.open", nil)
}

func (s *Site) langEvents(r *http.Request, v *langView, _ []string) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	found, err := s.Desk.EventsOn(r.Context(), store.Filter{}, t.at, t.known)
	if err != nil {
		return err
	}
	v.asked(r, t)
	v.Title = v.c.text("events.title", nil)
	v.table("column.platform", "column.country", "column.began", "column.ended", "column.networks")
	for i := range found {
		e := &found[i]
		row := s.eventRow(*e, t.at)
		v.row(langCell{Text: inPage(v.eventNames(s, e)), Href: "/" + v.Code + "/events/" + url.PathEscape(e.ID) + v.When.Query}, v.countryCell(e.CC),
			langCell{Text: inPage(v.c.interval(&e.Onset))}, langCell{Text: inPage(v.ended(&row))}, number64(int64(len(e.Networks))))
	}
	return nil
}

func (s *Site) langEvent(r *http.Request, v *langView, named []string) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	e, err := s.eventOn(r.Context(), named[0], t)
	if err != nil {
		return err
	}
	v.asked(r, t)
	row := s.eventRow(*e, t.at)
	k := e.Counts
	v.Kind, v.Title, v.Of = "facts", v.eventTitle(s, e), []string{e.ID}
	v.Trail = []langLink{{v.T("events.title"), "/" + v.Code + "/events"}}
	few := embedView{State: eventState(&row)}
	v.c.embedEvent(&few, s, &row)
	v.Few, v.About = &few, plainName(few.Word+"۔ "+few.Text)
	v.HasCard = true
	if v.Chart, err = s.eventChart(r.Context(), e, t, v.c); err != nil {
		return err
	}
	v.Measured = v.Chart != nil
	if of := measuredIn(e); of != "" {
		v.Listed = v.c.own(of)
	}
	v.Note = inPage(v.c.text("event.counts", args{"networks": v.c.counted("networks", len(e.Networks)), "measurements": v.c.counted("measurements.of", int(k.Measurements)),
		"blocked": k.Blocked, "inconclusive": k.Inconclusive, "ok": k.OK, "down": k.Down}))
	v.Facts = []langFact{{v.T("column.began"), inPage(v.c.interval(&e.Onset))}, {v.T("column.ended"), inPage(v.ended(&row))},
		{v.T("column.networks"), inPage(foreign(strings.Join(e.Networks, ", ")))}, {v.T("event.confidence"), inPage(foreign(fmt.Sprintf("%.0f%%", 100*e.Confidence)))}}
	for _, t := range e.Targets {
		if t != "*" {
			v.Cases = append(v.Cases, v.answerLink(s, e.CC, t))
		}
	}
	return nil
}

func (s *Site) langMeasurements(r *http.Request, v *langView, named []string) error {
	cc, id, err := s.placeOf(r.Context(), named[0], named[1])
	if err != nil {
		return err
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	list, err := s.listOf(r, inquiry.Ask{CC: cc, Target: id}, t)
	if err != nil {
		return err
	}
	name, _ := v.c.platform(id, list.Name)
	v.Title = v.c.text("list.title", args{"name": name, "country": v.c.country(cc, list.Country)})
	v.Trail = v.answerTrail(cc, list.Country, id, list.Name)
	v.table("column.time", "network", "network.state")
	for i := range list.Rows {
		row := &list.Rows[i]
		net := langCell{Text: v.T("list.network")}
		if row.ASN != 0 {
			net = langCell{Text: inPage(foreign(network.Name(row.ASN))), Href: "/" + v.Code + "/networks/" + network.Name(row.ASN)}
		}
		v.row(langCell{Text: inPage(v.c.day(row.Time) + " " + foreign(row.Time.UTC().Format("15:04 UTC"))), Href: v.c.own("/m/" + url.PathEscape(row.UID))}, net,
			langCell{Text: inPage(v.c.state(row.State)), State: string(row.State)})
	}
	if v.Before, v.Next = list.Later, list.Earlier; len(list.Rows) == 0 {
		v.Note = v.T("list.none")
	}
	return nil
}

// langCheck asks whether a statement was true. Only the English page tells what the answer
// rests on.
func (s *Site) langCheck(r *http.Request, v *langView, _ []string) error {
	q := r.URL.Query()
	v.Kind, v.Title, v.Intro = "check", v.c.text("check.title", nil), v.T("check.about")
	form := s.checkForm(q)
	for i := range form.Platforms {
		p := &form.Platforms[i]
		name, _ := v.c.platform(p.Value, p.Name)
		p.Name = plainName(name)
	}
	for i := range form.Countries {
		k := &form.Countries[i]
		k.Name = plainName(v.c.country(k.Value, k.Name))
	}
	for i := range form.Words {
		form.Words[i].Name = v.c.text("access."+form.Words[i].Value, nil)
	}
	v.Ask = &form
	if q.Get("target") == "" && q.Get("cc") == "" {
		return nil
	}
	claim, err := s.claimAsked(q)
	if err != nil {
		v.Wrong, v.status = v.T("check.wrong"), http.StatusBadRequest
		return nil
	}
	a, err := s.Desk.Check(r.Context(), claim)
	if err != nil {
		return err
	}
	from := "from.neither"
	if a.AnsweredFrom == casefile.FromMeasurements || a.AnsweredFrom == casefile.FromSources {
		from = "from." + string(a.AnsweredFrom)
	}
	v.days, v.address = &times{}, "https://"+r.Host+r.URL.EscapedPath()+"?"+url.Values{"target": {claim.Target}, "cc": {claim.CC}, "at": {q.Get("at")}, "claim": {string(claim.Says)}}.Encode()
	v.Facts = []langFact{{v.T("verdict." + string(a.Verdict)), v.T(from)}}
	v.Note = inPage(v.c.tally(a.Measured))
	return nil
}

func (s *Site) langSearch(r *http.Request, v *langView, _ []string) error {
	v.Kind, v.Title = "search", v.c.text("search.title", nil)
	found, result, err := s.searchOf(r)
	if err != nil {
		return err
	}
	v.Find = &langFind{Query: found.Query, Asked: found.Asked}
	if found.Wrong != "" {
		v.Wrong, v.status = v.T("search.wrong"), http.StatusBadRequest
	}
	if !found.Asked {
		return nil
	}
	for i, k := range kindWords {
		v.Find.Kinds = append(v.Find.Kinds, langLink{v.T("found." + k.kind), found.Kinds[i].Href})
	}
	for i, h := range found.Hits {
		v.Find.Hits = append(v.Find.Hits, langHit{v.T("found." + result.Hits[i].Kind), h.Title, v.c.ownOf(h.Href)})
	}
	v.Before, v.Next = found.Before, found.Next
	if v.Note = v.T("search.none"); len(found.Hits) > 0 {
		v.Note = inPage(v.c.text("search.found", args{"from": found.From, "to": found.To, "total": thousands(strconv.FormatUint(found.Total, 10))}))
	}
	return nil
}

// ownOf puts the language before an address of this site, if the language has that page.
func (c *catalogue) ownOf(href string) string {
	u, err := url.Parse(href)
	if err != nil || u.Host != "" {
		return href
	}
	return c.own(href)
}

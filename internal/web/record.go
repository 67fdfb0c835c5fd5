package web

import (
	"context"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

// itemKinds are the kinds of parts of a case that have a page of their own. word stands in
// the address; section is the field of casefile.Case.
var itemKinds = []struct{ word, section, one string }{
	{"act", "Acts", "An act"}, {"claim", "Claims", "A statement"}, {"docket", "Dockets", "A case before a court"},
	{"request", "Requests", "Requests to a platform"}, {"sighting", "Sightings", "What was seen"}, {"dispute", "Disputes", "What disagrees"},
}

// itemOf finds a part of a case by the word of its kind and its id, and returns a pointer
// to it.
func itemOf(c *casefile.Case, kind, id string) (any, bool) {
	for _, k := range itemKinds {
		if k.word != kind {
			continue
		}
		list := reflect.ValueOf(c).Elem().FieldByName(k.section)
		for i := range list.Len() {
			if list.Index(i).FieldByName("ID").String() == id {
				return list.Index(i).Addr().Interface(), true
			}
		}
	}
	return nil, false
}

// itemHref returns the page of a part of a case by its id, "" if the case has no such
// part.
func itemHref(c *casefile.Case, id string) string {
	for _, k := range itemKinds {
		if _, ok := itemOf(c, k.word, id); ok {
			return "/cases/" + url.PathEscape(c.ID) + "/" + k.word + "/" + url.PathEscape(id)
		}
	}
	return ""
}

// asked is the day whose knowledge a page of the record shows.
type asked struct {
	Action string // the page's own path
	Day    string // as 2024-02-17, "" for now
	Query  string // "?as-of=2024-02-17", or ""
	date   casefile.Date
}

// asOf reads ?as-of=DAY. Pages of the record also take ?at=DAY, with the same meaning.
func asOf(r *http.Request) (asked, error) {
	q := r.URL.Query()
	a := asked{Action: r.URL.EscapedPath(), Day: q.Get("as-of")}
	if a.Day == "" {
		a.Day = q.Get("at")
	}
	if a.Day == "" {
		return a, nil
	}
	if _, err := time.Parse(time.DateOnly, a.Day); err != nil {
		return a, badRequest("as-of is " + quoted(a.Day) + ": want a day as 2024-02-17.")
	}
	a.date, a.Query = casefile.MustDate(a.Day), "?as-of="+a.Day
	return a, nil
}

// end returns the end of the day, the zero time for now.
func (a asked) end() time.Time {
	if a.Day == "" {
		return time.Time{}
	}
	return parseDay(a.Day).AddDate(0, 0, 1)
}

// quoted puts what a reader sent between quotation marks, cut to 60 letters.
func quoted(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60]) + "…"
	}
	return "“" + s + "”"
}

// itemView is the page of one part of a case.
type itemView struct {
	ID, Kind, Name string
	Case           crumb
	Sentence       string
	Facts          []fact
	Answer         *claimView // of a claim
	Bars           *pairsView // of a request
	Links          []group    // other parts of the case that refer to it
	Told           string
	Withdrawn      string
	When           asked
	Cite           citation
}

// group is a list of links under a heading.
type group struct {
	Name string  `json:"name"`
	List []dated `json:"list"`
}

// dated is a link with its date and what it is.
type dated struct {
	When   template.HTML `json:"-"`
	Date   string        `json:"date,omitempty"` // EDTF
	Kind   string        `json:"kind"`
	Text   string        `json:"text"`
	Lang   string        `json:"-"` // of Text, "" for the language of the page
	Href   string        `json:"href"`
	Phrase string        `json:"phrase,omitempty"`
	Within string        `json:"-"` // names what Phrase is, for instance "section or article"; "" for a quotation
	// PhraseLang is the language of Phrase, "" for that of the page.
	PhraseLang string `json:"-"`
}

const itemPage page[itemView] = "item.html"

// itemJSON is a part of a case for programs.
type itemJSON struct {
	Case   string           `json:"case"`
	Kind   string           `json:"kind"`
	AsOf   casefile.Date    `json:"as_of"`
	Item   any              `json:"item"`
	Answer *casefile.Answer `json:"answer,omitempty"`
}

// item is the page of one part of a case, as it is known now or was on ?as-of=DAY.
func (s *Site) item(w http.ResponseWriter, r *http.Request) error {
	found, err := s.findItem(r, nil, r.PathValue("id"), r.PathValue("kind"), r.PathValue("item"))
	if err != nil {
		return err
	}
	v, c := found.view, found.say.shown
	if v.Cite, err = s.citeRecord(r, v.Name, v.When); err != nil {
		return err
	}
	f := frame{Title: v.Name, About: v.Sentence, Trail: []crumb{{"The record", "/cases"}, {inquiry.Country(c.Jurisdiction), "/cc/" + c.Jurisdiction}, v.Case, {v.Kind, ""}}, LD: s.itemLD(r, c, found.json.Item, v, found.json.Answer)}
	f.Cite, f.Of = &v.Cite, []string{found.say.whole.ID, found.say.whole.ID + "/" + v.ID}
	if v.Bars != nil {
		f.Picture = pictureAt(r, "/cases/"+found.say.whole.ID+"/requests.png")
	}
	return itemPage.show(s, w, r, f, v, found.json)
}

// foundItem is a part of a case in the words of a language, and as JSON for programs.
type foundItem struct {
	view itemView
	json itemJSON
	say  speaker
}

// findItem puts a part of a case into words of language lang (nil: English).
func (s *Site) findItem(r *http.Request, lang *catalogue, caseID, kind, id string) (foundItem, error) {
	var out foundItem
	whole := s.Records.Case(caseID)
	if whole == nil {
		return out, notFound("The record has no case of this id.")
	}
	if _, ok := itemOf(whole, kind, id); !ok {
		return out, notFound("This case has no entry of this kind and id. Its page lists them: /cases/" + whole.ID)
	}
	when, err := asOf(r)
	if err != nil {
		return out, err
	}
	c, answers, err := s.Desk.Case(r.Context(), whole, when.date)
	if err != nil {
		return out, err
	}
	it, ok := itemOf(c, kind, id)
	if !ok {
		return out, notFound("At the end of that day no source of the record told of this.")
	}
	say := speaker{s: s, whole: whole, shown: c, query: when.Query, c: lang}
	v := itemView{ID: id, Case: crumb{whole.Title, say.own("/cases/"+whole.ID) + when.Query}, When: when}
	v.Kind, v.Name, v.Sentence = say.heading(it)
	v.Facts = say.facts(reflect.ValueOf(it).Elem())
	v.Links = say.around(id)
	out.json = itemJSON{Case: c.ID, Kind: kind, AsOf: when.date, Item: it}
	if a, ok := it.(*casefile.Act); ok {
		v.Told = s.Records.Attribution(whole, a)
		v.Facts = append(v.Facts, fact{Name: say.say("fact.confidence", "Why that confidence"), Values: []value{{Text: s.Records.Weigh(whole, a).Why, Lang: say.english()}}})
	}
	for i := range answers {
		if kind == "claim" && answers[i].Claim == id {
			one := claimOf(say, &answers[i], func(ids []string) string { return s.Records.Names(whole, ids) })
			v.Answer, out.json.Answer = &one, &answers[i]
		}
	}
	if q, ok := it.(*casefile.Request); ok {
		v.Bars = say.bars([]casefile.Request{*q})
	}
	out.view, out.say = v, say
	return out, nil
}

// heading returns the kind of a part of a case in words, a title, and the sentence that
// the part states.
func (k speaker) heading(it any) (kind, name, sentence string) {
	if k.c != nil {
		return k.headingIn(it)
	}
	names := func(ids []string) string { return k.full(ids...) }
	on := func(d casefile.Date) string {
		if d.IsZero() {
			return ""
		}
		return ", " + d.Words()
	}
	switch it := it.(type) {
	case *casefile.Act:
		kind, sentence = capital(spacedWords(string(it.Kind))), it.What
		if name = kind; len(it.By) > 0 {
			name += " by " + names(it.By)
		}
		name += on(it.Date)
	case *casefile.Claim:
		kind, sentence = "Statement", it.Says
		name = "Said by " + names(it.By) + on(it.Date)
	case *casefile.Docket:
		kind, sentence = "Case before a court", it.Relief
		if name = it.Name; name == "" {
			name = "A case before the " + names([]string{it.Court})
		}
	case *casefile.Request:
		kind = "Requests to a platform"
		name = "Requests of " + names([]string{it.Authority}) + " to " + k.s.name(it.Platform) + on(it.Period)
		sentence = it.Note
	case *casefile.Sighting:
		kind, sentence = "Seen", it.What
		name = "Seen: " + string(it.Access) + on(it.Date)
	case *casefile.Dispute:
		kind, name = "What disagrees", it.Question
	}
	return kind, name, sentence
}

// headingIn is heading in another language. The sentence stays in English, as the record
// has it.
func (k speaker) headingIn(it any) (kind, name, sentence string) {
	say := func(key string, a args) string { return k.c.text(key, a) }
	with := func(text string, d casefile.Date) string {
		if day := k.day(d); day != "" && !d.IsZero() {
			return say("item.dated", args{"text": text, "day": day})
		}
		return text
	}
	switch it := it.(type) {
	case *casefile.Act:
		kind, sentence = say("kind."+string(it.Kind), nil), it.What
		if name = kind; len(it.By) > 0 {
			name = say("item.by", args{"kind": kind, "by": k.full(it.By...)})
		}
		name = with(name, it.Date)
	case *casefile.Claim:
		kind, sentence = say("found.claim", nil), it.Says
		name = with(say("item.claim", args{"by": k.full(it.By...)}), it.Date)
	case *casefile.Docket:
		kind, sentence = say("found.docket", nil), it.Relief
		name = say("item.docket", args{"court": k.full(it.Court)})
	case *casefile.Request:
		kind, sentence = say("item.requests", nil), it.Note
		name = with(say("item.request", args{"by": k.full(it.Authority), "platform": k.platform(it.Platform)}), it.Period)
	case *casefile.Sighting:
		kind, sentence = say("kind.sighting", nil), it.What
		name = with(say("item.sighting", args{"access": say("term."+casefile.TermName(it.Access), nil)}), it.Date)
	case *casefile.Dispute:
		kind, name, sentence = say("found.dispute", nil), say("found.dispute", nil), it.Question
	}
	return kind, name, sentence
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// around returns the parts of the case that refer to the part with this id: what answers
// it, carries it out, disputes it, and so on.
func (k speaker) around(id string) []group {
	var out []group
	add := func(name string, list []dated) {
		if len(list) > 0 {
			out = append(out, group{name, list})
		}
	}
	relations := []struct {
		name string
		of   func(*casefile.Act) []string
	}{
		{k.say("around.answered", "Answered by"), func(a *casefile.Act) []string { return a.Answers }},
		{k.say("around.carried", "Carried out by"), func(a *casefile.Act) []string { return a.Implements }},
		{k.say("around.repeated", "Repeated in"), func(a *casefile.Act) []string { return a.Repeats }},
		{k.say("around.contradicted", "Contradicted by"), func(a *casefile.Act) []string { return a.Contradicts }},
		{k.say("around.defied", "Not obeyed by"), func(a *casefile.Act) []string { return a.Defies }},
		{k.say("around.withdrawn", "Withdrawn by"), func(a *casefile.Act) []string { return a.Withdraws }},
		{k.say("around.steps", "Steps of this case"), func(a *casefile.Act) []string { return []string{a.Docket} }},
		{k.say("around.inferred", "Inferred from it"), func(a *casefile.Act) []string {
			if a.Inferred == nil {
				return nil
			}
			return a.Inferred.From
		}},
		{k.say("around.told", "Told in it"), func(a *casefile.Act) []string {
			var in []string
			for _, t := range a.AssertedBy {
				in = append(in, t.In)
			}
			return in
		}},
	}
	for _, rel := range relations {
		var list []dated
		for i := range k.shown.Acts {
			if a := &k.shown.Acts[i]; slices.Contains(rel.of(a), id) {
				list = append(list, k.link(a))
			}
		}
		add(rel.name, list)
	}
	var said, against, disputes []dated
	for i := range k.shown.Claims {
		c := &k.shown.Claims[i]
		if c.Act == id {
			said = append(said, k.link(c))
		}
		if slices.ContainsFunc(c.Evidence, func(e casefile.Evidence) bool { return e.Ref == id }) {
			against = append(against, k.link(c))
		}
	}
	for i := range k.shown.Disputes {
		d := &k.shown.Disputes[i]
		if slices.ContainsFunc(d.Positions, func(p casefile.Position) bool { return slices.Contains(p.Refs, id) }) {
			disputes = append(disputes, k.link(d))
		}
	}
	add(k.say("around.said", "Said in it"), said)
	add(k.say("around.evidence", "Evidence for or against"), against)
	add(k.say("around.disputed", "Disputed"), disputes)
	return out
}

// link makes a part of the case a line of a list.
func (k speaker) link(it any) dated {
	kind, name, sentence := k.heading(it)
	v := reflect.ValueOf(it).Elem()
	d := dated{Kind: kind, Text: sentence, Lang: k.english(), Href: k.href(v.FieldByName("ID").String())}
	if sentence == "" {
		d.Text, d.Lang = name, ""
	}
	for _, name := range []string{"Date", "Filed", "Period"} {
		if f := v.FieldByName(name); f.IsValid() {
			date := f.Interface().(casefile.Date)
			d.When, d.Date = k.date(date), date.String()
			break
		}
	}
	return d
}

// each calls f with a pointer to every part of a case, in the order of itemKinds.
func each(c *casefile.Case, f func(it any)) {
	for _, k := range itemKinds {
		list := reflect.ValueOf(c).Elem().FieldByName(k.section)
		for i := range list.Len() {
			f(list.Index(i).Addr().Interface())
		}
	}
}

// shownCases returns all cases as they are known now, or were on a day.
func (s *Site) shownCases(ctx context.Context, lang *catalogue, when asked) ([]speaker, error) {
	var out []speaker
	for _, c := range s.Records.Cases {
		shown, _, err := s.Desk.Case(ctx, c, when.date)
		if err != nil {
			return nil, err
		}
		out = append(out, speaker{s: s, whole: c, shown: shown, query: when.Query, c: lang})
	}
	return out, nil
}

// thingView is the page of an actor, a law or a source.
type thingView struct {
	ID, Kind, Name, Script string
	Sentence               string
	URL                    string // of a source
	Facts                  []fact
	Groups                 []group
	When                   asked
	Cite                   citation
}

const thingPage page[thingView] = "thing.html"

// thing is an actor, a law or a source that has a page. of returns the heading under which
// a part of a case belongs on that page, "" for none, and a phrase to show with it.
type thing struct {
	it   any
	view thingView
	of   func(k speaker, it any) (heading, phrase string)
}

// showThing answers with the page of an actor, a law or a source, and what the cases say
// of it.
func (s *Site) showThing(w http.ResponseWriter, r *http.Request, t thing, err error) error {
	if err != nil {
		return err
	}
	v, err := s.thingView(r, nil, t)
	if err != nil {
		return err
	}
	if v.Cite, err = s.citeRecord(r, v.Name, v.When); err != nil {
		return err
	}
	f := frame{Title: v.Name, About: v.Sentence, Trail: []crumb{{"The record", "/cases"}, {v.Kind, ""}, {v.Name, ""}}}
	f.Cite = &v.Cite
	return thingPage.show(s, w, r, f, v, thingJSON{t.it, v.Groups})
}

// thingView puts a thing into words of language lang (nil: English).
func (s *Site) thingView(r *http.Request, lang *catalogue, t thing) (thingView, error) {
	v := t.view
	when, err := asOf(r)
	if err != nil {
		return v, err
	}
	cases, err := s.shownCases(r.Context(), lang, when)
	if err != nil {
		return v, err
	}
	home := speaker{s: s, query: when.Query, c: lang}
	for _, k := range cases {
		var found []dated
		each(k.shown, func(it any) {
			if heading, phrase := t.of(k, it); heading != "" {
				d := k.link(it)
				d.Kind, d.Phrase, d.Within = k.say("thing."+strings.ReplaceAll(heading, " ", "_"), heading)+" · "+d.Kind, phrase, ""
				if _, law := t.it.(*casefile.Law); law {
					d.Within = k.say("thing.section", "section or article")
				}
				if src, source := t.it.(*casefile.Source); source {
					d.PhraseLang = k.notOwn(src.Language)
				}
				found = append(found, d)
			}
		})
		if len(found) > 0 {
			v.Groups = append(v.Groups, group{k.whole.Title, found})
		}
		if home.whole == nil && s.stands(k.whole, t.it) {
			home.whole, home.shown = k.whole, k.shown
		}
	}
	v.Facts, v.When = home.facts(reflect.ValueOf(t.it).Elem()), when
	return v, nil
}

type thingJSON struct {
	Thing any     `json:"thing"`
	Found []group `json:"found"`
}

// stands reports whether a case itself lists the thing.
func (s *Site) stands(c *casefile.Case, thing any) bool {
	switch t := thing.(type) {
	case *casefile.Actor:
		return slices.ContainsFunc(c.Actors, func(a casefile.Actor) bool { return a.ID == t.ID })
	case *casefile.Law:
		return slices.ContainsFunc(c.Laws, func(l casefile.Law) bool { return l.ID == t.ID })
	case *casefile.Source:
		return slices.ContainsFunc(c.Sources, func(x casefile.Source) bool { return x.ID == t.ID })
	}
	return false
}

// lookUp finds an actor, a law or a source by its id: a shared one, or one of a case; nil
// if there is none.
func lookUp[T any](s *Site, id string, of func(c *casefile.Case, id string) *T) *T {
	if t := of(nil, id); t != nil {
		return t
	}
	for _, c := range s.Records.Cases {
		if t := of(c, id); t != nil {
			return t
		}
	}
	return nil
}

// actor is the page of what a body or a person in office did, said and was asked.
func (s *Site) actor(w http.ResponseWriter, r *http.Request) error {
	t, err := s.actorOf(r.PathValue("id"))
	return s.showThing(w, r, t, err)
}

func (s *Site) actorOf(id string) (thing, error) {
	a := lookUp(s, id, s.Records.Actor)
	if a == nil {
		return thing{}, notFound("The record has no actor of this id.")
	}
	v := thingView{ID: id, Kind: "Actors", Name: a.Name, Script: a.Script, Sentence: "What " + a.Name + " did, said and was asked, by the sources of the record."}
	return thing{a, v, func(k speaker, it any) (string, string) {
		switch it := it.(type) {
		case *casefile.Act:
			switch {
			case slices.Contains(it.By, id):
				return "did", ""
			case slices.Contains(it.To, id):
				return "was addressed", ""
			case slices.Contains(it.Judges, id):
				return "sat", ""
			case slices.ContainsFunc(it.AssertedBy, func(t casefile.Assertion) bool { return t.Who == id }):
				return "says so", ""
			}
		case *casefile.Claim:
			if slices.Contains(it.By, id) {
				return "said", ""
			}
		case *casefile.Sighting:
			if slices.Contains(it.By, id) {
				return "saw", ""
			}
		case *casefile.Docket:
			if it.Court == id || slices.Contains(it.Judges, id) {
				return "hears", ""
			}
			if slices.Contains(it.Respondents, id) || slices.ContainsFunc(it.Parties, func(p casefile.Party) bool { return p.Who == id }) {
				return "is a party", ""
			}
		case *casefile.Request:
			if it.Authority == id {
				return "asked", ""
			}
			if it.ReportedBy == id {
				return "counts", ""
			}
		}
		return "", ""
	}}, nil
}

// law is the page of what was done and said under a law.
func (s *Site) law(w http.ResponseWriter, r *http.Request) error {
	t, err := s.lawOf(r.PathValue("id"))
	return s.showThing(w, r, t, err)
}

func (s *Site) lawOf(id string) (thing, error) {
	l := lookUp(s, id, s.Records.Law)
	if l == nil {
		return thing{}, notFound("The record has no law of this id.")
	}
	v := thingView{ID: id, Kind: "Laws", Name: l.Name, Sentence: "What was done under " + l.Name + ", and what was said of it."}
	return thing{l, v, func(k speaker, it any) (string, string) {
		switch it := it.(type) {
		case *casefile.Act:
			for _, b := range it.Basis {
				if b.Law == id {
					return "names it", b.Section
				}
			}
		case *casefile.Claim:
			if it.Law != nil && it.Law.Law == id {
				return "speaks of it", it.Law.Section
			}
		}
		return "", ""
	}}, nil
}

// source is the page of what rests on a source, with the passages.
func (s *Site) source(w http.ResponseWriter, r *http.Request) error {
	t, err := s.sourceOf(r.PathValue("id"))
	return s.showThing(w, r, t, err)
}

func (s *Site) sourceOf(id string) (thing, error) {
	src := lookUp(s, id, s.Records.Source)
	if src == nil {
		return thing{}, notFound("The record has no source of this id.")
	}
	v := thingView{ID: id, Kind: "Sources", Name: sourceName(src), Sentence: "What rests on this source in the record."}
	if src.URL != nil && isWeb(*src.URL) {
		v.URL = *src.URL
	}
	return thing{src, v, func(k speaker, it any) (string, string) {
		var phrases []string
		found := false
		for _, c := range casefile.CitesOf(it) {
			if c.Source != id {
				continue
			}
			found = true
			if c.Phrase != "" && !slices.Contains(phrases, c.Phrase) {
				phrases = append(phrases, c.Phrase)
			}
		}
		if !found {
			return "", ""
		}
		return "rests on it", strings.Join(phrases, " … ")
	}}, nil
}

// sourceName is the title of a source with its publisher and its day.
func sourceName(src *casefile.Source) string {
	name := src.Publisher
	if src.Title != nil && *src.Title != "" {
		name += ": " + *src.Title
	}
	if !src.Date.IsZero() {
		name += ", " + src.Date.Words()
	}
	return name
}

// citeRecord makes the citation of a page of the record, with the day whose knowledge it
// shows.
func (s *Site) citeRecord(r *http.Request, title string, when asked) (citation, error) {
	return s.cite(r, title, times{known: when.end()})
}

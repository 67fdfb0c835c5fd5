package web

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

const casePageOf page[caseView] = "case.html"

// caseView is a case in words.
type caseView struct {
	ID, Title, Country, CC, Platforms string
	When                              asked
	Cite                              citation
	Chain                             []chainLink
	Graph                             template.HTML
	Bars                              *pairsView
	Status                            string
	Answer                            []crumb // pages that answer whether it is blocked
	Summary                           []noteView
	Points                            []pointView
	Spans                             []string
	Without                           string // how long access was gone
	Note                              string
	Term                              string
	Entries                           []entryView
	All                               int // entries, of which Entries may be some
	Families                          []familyView
	Disputes                          []disputeView
	Dockets                           []docketView
	Requests                          []requestRow
	Claims                            []claimView
	Questions                         []string
	Sources                           []sourceView
}

type noteView struct {
	Text  string
	Cites []cited
}

type pointView struct {
	Turn, Means, From, What, Href string
	Days                          string // until the next dated turn
	Known                         bool
	Date                          template.HTML
	Cites                         []cited
}

// entryView is one line of the chronology.
type entryView struct {
	ID, Href, Kind, Who, What, Told, Confidence, Why string
	Date                                             template.HTML
	Disputed, Inferred, Unread                       bool
	Withdrawn                                        string
	Facts                                            []factView
	Cites                                            []cited
}

// factView is one more fact about an act: its name, and a text or links to other acts of
// the case.
type factView struct {
	Name, Text string
	Acts       []crumb
	Cites      []cited
}

type disputeView struct {
	Question, Href string
	Positions      []noteView
}

type docketView struct {
	ID, Href, Court, Name, Number, Relief, Parties, Counsel, Outcome string
	Filed, Last, Next                                                template.HTML
	Acts                                                             []crumb
	Cites                                                            []cited
}

type requestRow struct {
	ID, Href, Who, Level, By, Rule, Note string
	Period                               template.HTML
	Sent, Complied, Rate                 string
	Cites                                []cited
}

type claimView struct {
	ID, Href, Who, Says, Verdict, From, Reason string
	Measured                                   string
	Date                                       template.HTML
	Event                                      []string
	Heard                                      []heardView
}

type heardView struct {
	Bearing, Why, By, Href string
}

type sourceView struct {
	ID, Href, Publisher, Title, URL, Grade, Read string
	Copy                                         bool
	Date                                         template.HTML
	Facts                                        int
}

// caseAsked returns a case and the answers that follow from it, as they were known on the
// day that the address names. An unknown id is a 404.
func (s *Site) caseAsked(r *http.Request, id string) (k speaker, answers []casefile.Answer, when asked, err error) {
	c := s.Records.Case(id)
	if c == nil {
		return k, nil, when, notFound("The record has no case of this id.")
	}
	if when, err = asOf(r); err != nil {
		return k, nil, when, err
	}
	shown, answers, err := s.Desk.Case(r.Context(), c, when.date)
	return speaker{s: s, whole: c, shown: shown, query: when.Query}, answers, when, err
}

// caseFile is the page of one case as it is known, or was on ?as-of=DAY.
func (s *Site) caseFile(w http.ResponseWriter, r *http.Request) error {
	k, answers, when, err := s.caseAsked(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	c, shown := k.whole, k.shown
	v := s.caseView(k, answers)
	v.When = when
	if err := v.narrow(r, shown); err != nil {
		return err
	}
	if v.Cite, err = s.citeRecord(r, c.Title, when); err != nil {
		return err
	}
	f := frame{Title: c.Title, About: "Who did what, when, and who says so: " + c.Title + ".",
		Trail: []crumb{{"The record", "/cases"}, {v.Country, "/cc/" + c.Jurisdiction}, {c.Title, ""}}, LD: s.caseLD(r, shown)}
	f.Cite, f.Of = &v.Cite, []string{c.ID}
	for _, a := range answers {
		f.Of = append(f.Of, c.ID+"/"+a.Claim)
	}
	f.embeddable(r, c.Title, when.Query)
	f.Alternates = append(f.Alternates, append(feedsOf("/cases/"+c.ID, c.Title), alternate{"text/calendar", "Court dates", "/cases/" + c.ID + "/courts.ics"})...)
	return casePageOf.show(s, w, r, f, v, casePage{shown, answers})
}

// caseView puts a case into words, as it is shown on the day of k.
func (s *Site) caseView(k speaker, answers []casefile.Answer) caseView {
	whole, shown := k.whole, k.shown
	cites, names := k.cites, func(ids []string) string { return s.Records.Names(whole, ids) }
	v := caseView{ID: shown.ID, Title: shown.Title, Country: inquiry.Country(shown.Jurisdiction), CC: shown.Jurisdiction,
		Status: casefile.Meaning(shown.Status), Questions: shown.OpenQuestions}
	var platforms []string
	for _, t := range shown.Targets {
		platforms = append(platforms, s.name(t))
		v.Answer = append(v.Answer, crumb{"Is " + s.name(t) + " blocked in " + v.Country + "?", "/cc/" + shown.Jurisdiction + "/" + t})
	}
	v.Platforms = strings.Join(platforms, ", ")
	for _, n := range shown.Summary {
		v.Summary = append(v.Summary, noteView{n.Text, cites(n.Cites)})
	}
	clock := shown.Computed.Clock
	points := inOrder(clock.Points, shown)
	for i, p := range points {
		one := pointView{Turn: turnWords[p.Turn], Means: casefile.Meaning(p.Turn), From: fromWords(p.From), What: p.What, Date: edtf(p.Date), Known: !p.Date.IsZero(), Cites: cites(p.Cites), Href: k.href(p.Ref)}
		if i+1 < len(points) {
			one.Days = daysTo(p.Date, points[i+1].Date, shown.Zone())
		}
		v.Points = append(v.Points, one)
	}
	v.Without = k.line().Without
	v.Chain = k.chain()
	v.Graph = graph(graphOf(v.Chain, v.Platforms))
	for _, sp := range clock.Spans {
		text := count(sp.Days, "day")
		if sp.AtMost != nil {
			text = count(sp.Days, "day") + " to " + count(*sp.AtMost, "day")
		}
		v.Spans = append(v.Spans, text+" "+sp.Means)
	}
	v.Note = clock.Note
	if clock.StatedTerm != nil {
		v.Term = clock.StatedTerm.Text
	}
	for i := range shown.Computed.Chronology {
		v.Entries = append(v.Entries, s.entryView(k, &shown.Computed.Chronology[i]))
	}
	for _, d := range shown.Disputes {
		one := disputeView{Question: d.Question, Href: k.href(d.ID)}
		for _, p := range d.Positions {
			one.Positions = append(one.Positions, noteView{p.Says, cites(p.Cites)})
		}
		v.Disputes = append(v.Disputes, one)
	}
	for i := range shown.Dockets {
		v.Dockets = append(v.Dockets, s.docketView(k, &shown.Dockets[i]))
	}
	for _, q := range shown.Requests {
		v.Requests = append(v.Requests, requestRow{ID: q.ID, Href: k.href(q.ID), Who: names([]string{q.Authority}), Level: casefile.Meaning(q.Level), By: names([]string{q.ReportedBy}),
			Rule: casefile.Meaning(q.Compliance), Note: q.Note, Period: edtf(q.Period), Sent: number(q.Sent), Complied: number(q.Complied), Rate: percentOf(q.RatePercent), Cites: cites(q.Cites)})
	}
	v.Bars = k.bars(shown.Requests)
	for i := range answers {
		one := claimOf(k, &answers[i], names)
		one.Href = k.href(one.ID)
		v.Claims = append(v.Claims, one)
	}
	v.Sources = s.sourceViews(k)
	return v
}

// entryView is one entry of the chronology in words.
func (s *Site) entryView(k speaker, e *casefile.Entry) entryView {
	whole, shown, cites := k.whole, k.shown, k.cites
	v := entryView{ID: e.ID, Href: k.href(e.ID), Kind: spacedWords(e.Kind), What: e.What, Told: e.Told, Confidence: string(e.Confidence), Why: e.Why, Date: edtf(e.Date),
		Disputed: e.Disputed, Inferred: e.Inferred, Unread: e.Unread, Cites: cites(e.Cites)}
	if e.Withdrawn != nil {
		v.Withdrawn = e.Withdrawn.Reason
	}
	a := shown.Act(e.ID)
	if a == nil {
		return v
	}
	if len(a.By) > 0 {
		v.Who = s.Records.Names(whole, a.By)
		if len(a.To) > 0 {
			v.Who += " → " + s.Records.Names(whole, a.To)
		}
	}
	add := func(name, text string) {
		if text != "" {
			v.Facts = append(v.Facts, factView{Name: name, Text: text})
		}
	}
	add("Asked", a.Asked)
	if a.Term != nil {
		add("For", a.Term.Text)
	}
	note := func(name string, notes ...casefile.Note) {
		for _, n := range notes {
			v.Facts = append(v.Facts, factView{Name: name, Text: n.Text, Cites: cites(n.Cites)})
		}
	}
	if a.Condition != nil {
		note("Condition", *a.Condition)
	}
	if a.Operative != nil {
		note("Operative words", *a.Operative)
	}
	note("Remarks", a.Remarks...)
	add("Grounds", strings.Join(a.Grounds, "; "))
	add("Legal basis", strings.Join(s.Records.LegalBasis(whole, a.Basis), "; "))
	for _, l := range []struct {
		name string
		ids  []string
	}{{"Answers", a.Answers}, {"Carries out", a.Implements}, {"Contradicts", a.Contradicts}, {"Does not obey", a.Defies}, {"Withdraws", a.Withdraws}} {
		if links := actLinks(k, l.ids); len(links) > 0 {
			v.Facts = append(v.Facts, factView{Name: l.name, Acts: links})
		}
	}
	note("More", a.Details...)
	return v
}

// familyView is a kind of entries to which the chronology can be narrowed.
type familyView struct {
	Name, Href string
	Count      int
	Chosen     bool
}

// families are the kinds of entries that readers look for. word is the value of ?only=.
var families = []struct{ word, name string }{{"state", "Acts of the state"}, {"courts", "Courts"}, {"statements", "Statements"}, {"seen", "What was seen"}, {"others", "Everything else"}}

func familyOf(e *casefile.Entry) string {
	switch e.Kind {
	case "petition", "hearing", "interim_order", "judgment", "contempt", "government_reply":
		return "courts"
	case "denial", "admission", "statement":
		return "statements"
	case "context":
		return "others"
	}
	switch e.Entry {
	case "claim":
		return "statements"
	case "sighting":
		return "seen"
	}
	return "state"
}

// narrow keeps only the entries of the family that ?only= names.
func (v *caseView) narrow(r *http.Request, shown *casefile.Case) error {
	only := r.URL.Query().Get("only")
	at := func(word string) string {
		q := url.Values{}
		if v.When.Day != "" {
			q.Set("as-of", v.When.Day)
		}
		if word != "" {
			q.Set("only", word)
		}
		if len(q) == 0 {
			return v.When.Action + "#chronology"
		}
		return "?" + q.Encode() + "#chronology"
	}
	v.All = len(v.Entries)
	v.Families = []familyView{{Name: "All", Href: at(""), Count: v.All, Chosen: only == ""}}
	known := only == ""
	for _, f := range families {
		one := familyView{Name: f.name, Href: at(f.word), Chosen: only == f.word}
		var list []entryView
		for i := range shown.Computed.Chronology {
			if familyOf(&shown.Computed.Chronology[i]) == f.word {
				list = append(list, v.Entries[i])
			}
		}
		if one.Count = len(list); one.Count > 0 {
			v.Families = append(v.Families, one)
		}
		if one.Chosen {
			known = true
			defer func() { v.Entries = list }()
		}
	}
	if !known {
		return badRequest("only is " + quoted(only) + ": want state, courts, statements, seen or others.")
	}
	return nil
}

// actLinks links to acts of the case, with a short text of what happened.
func actLinks(k speaker, ids []string) []crumb {
	c := k.shown
	var out []crumb
	for _, id := range ids {
		name := id
		if a := c.Act(id); a != nil {
			if name = a.What; len([]rune(name)) > 60 {
				name = string([]rune(name)[:57]) + "…"
			}
		}
		out = append(out, crumb{name, k.href(id)})
	}
	return out
}

func (s *Site) docketView(k speaker, d *casefile.Docket) docketView {
	whole, shown := k.whole, k.shown
	names := func(ids []string) string { return s.Records.Names(whole, ids) }
	v := docketView{ID: d.ID, Href: k.href(d.ID), Court: names([]string{d.Court}), Name: d.Name, Relief: d.Relief, Filed: edtf(d.Filed), Cites: k.cites(d.Cites)}
	if d.Number != nil {
		v.Number = strings.Join(append([]string{*d.Number}, d.Numbers...), ", ")
	}
	v.Parties = strings.Join(slices.DeleteFunc([]string{strings.Join(d.Petitioners, ", "), names(d.Respondents)}, func(s string) bool { return s == "" }), " against ")
	var counsel []string
	for _, c := range d.Counsel {
		counsel = append(counsel, c.Name+" for "+c.For)
	}
	v.Counsel = strings.Join(counsel, "; ")
	if d.Outcome != nil {
		v.Outcome = d.Outcome.Text
	}
	for _, st := range shown.Computed.Dockets {
		if st.ID == d.ID {
			v.Last, v.Next, v.Acts = edtf(st.LastHeard), edtf(st.Next), actLinks(k, st.Acts)
		}
	}
	return v
}

func claimOf(k speaker, a *casefile.Answer, names func([]string) string) claimView {
	v := claimView{ID: a.Claim, Who: names(a.By), Says: a.Says, Verdict: string(a.Verdict), From: fromWords(a.AnsweredFrom), Reason: a.Reason, Date: edtf(a.Date)}
	if a.Measured != nil {
		v.Event = a.Measured.Events
		v.Measured = tallyWords(a.Measured)
	}
	if k.c != nil {
		k.claimIn(&v, a)
	}
	for _, h := range a.Sources {
		bearing := string(h.Bearing)
		if k.c != nil {
			bearing, _ = k.term(h.Bearing)
		}
		v.Heard = append(v.Heard, heardView{bearing, h.Why, strings.Join(h.Publishers, "; "), k.href(h.Ref)})
	}
	return v
}

// claimIn fills in the verdict on a statement in the language of k.
func (k speaker) claimIn(v *claimView, a *casefile.Answer) {
	from := "from.neither"
	if a.AnsweredFrom == casefile.FromMeasurements || a.AnsweredFrom == casefile.FromSources {
		from = "from." + string(a.AnsweredFrom)
	}
	v.Verdict, v.From, v.Measured = k.c.text("verdict."+string(a.Verdict), nil), k.c.text(from, nil), k.c.tally(a.Measured)
}

// tally says what was measured at the time of a statement.
func (c *catalogue) tally(k *casefile.Tally) string {
	if k == nil || k.OK+k.Blocked+k.Down+k.Unclear == 0 {
		return c.text("check.unmeasured", nil)
	}
	return c.text("check.measured", args{"measurements": c.counted("measurements.of", int(k.OK+k.Blocked+k.Down+k.Unclear)), "ok": k.OK, "blocked": k.Blocked, "down": k.Down, "inconclusive": k.Unclear})
}

// sourceViews returns the sources of the case, those that carry most facts first.
func (s *Site) sourceViews(k speaker) []sourceView {
	whole, shown := k.whole, k.shown
	facts := map[string]int{}
	for _, e := range shown.Computed.Chronology {
		for _, c := range e.Cites {
			facts[c.Source]++
		}
	}
	var out []sourceView
	for id, n := range facts {
		src := s.Records.Source(whole, id)
		if src == nil {
			continue
		}
		v := sourceView{ID: id, Href: "/sources/" + url.PathEscape(id) + k.query, Copy: src.Copy != nil, Publisher: src.Publisher, Grade: string(src.Reliability), Read: spacedWords(string(src.Read)), Date: edtf(src.Date), Facts: n}
		if src.Title != nil {
			v.Title = *src.Title
		}
		if src.URL != nil && isWeb(*src.URL) {
			v.URL = *src.URL
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b sourceView) int {
		if a.Facts != b.Facts {
			return b.Facts - a.Facts
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// inOrder sorts the turns of a ban by date; turns without a date stand last.
func inOrder(points []casefile.Point, c *casefile.Case) []casefile.Point {
	out := slices.Clone(points)
	slices.SortStableFunc(out, func(a, b casefile.Point) int {
		x, dated := a.Date.FirstDay(c.Zone())
		y, other := b.Date.FirstDay(c.Zone())
		switch {
		case dated && other:
			return x.Compare(y)
		case dated:
			return -1
		case other:
			return 1
		}
		return 0
	})
	return out
}

// tallyWords are the counts behind an answer in words.
func tallyWords(t *casefile.Tally) string {
	all := t.OK + t.Blocked + t.Down + t.Unclear
	if all == 0 {
		return "Nobody measured it in that time."
	}
	return count(all, "measurement") + " from " + count(t.Reports, "report") + " on " + count(len(t.Networks), "network") + ": " +
		thousands(strconv.FormatInt(t.OK, 10)) + " worked, " + thousands(strconv.FormatInt(t.Blocked, 10)) + " were blocked, " +
		thousands(strconv.FormatInt(t.Down, 10)) + " were down for all, " + thousands(strconv.FormatInt(t.Unclear, 10)) + " were unclear."
}

// chainLink is one step of the chain of authority: who did what to whom, and the days
// until the next step.
type chainLink struct {
	ID, Short, Who, Kind, What, To, Told, Href, Days string
	EDTF, Day                                        string
	Date                                             template.HTML
}

// chain returns the chain of authority: the steps that ask for a restriction, order it or
// carry it out. Two steps are joined if one carries out or answers the other.
func (k speaker) chain() []chainLink {
	joined := map[string]bool{}
	for i := range k.shown.Acts {
		a := &k.shown.Acts[i]
		for _, id := range a.Implements {
			if b := k.shown.Act(id); b != nil && inChain(a) && inChain(b) {
				joined[id], joined[a.ID] = true, true
			}
		}
	}
	var acts []*casefile.Act
	for i := range k.shown.Acts {
		if a := &k.shown.Acts[i]; joined[a.ID] && a.Withdrawn == nil && !a.Date.IsZero() {
			acts = append(acts, a)
		}
	}
	day := func(a *casefile.Act) time.Time { t, _ := a.Date.FirstDay(k.whole.Zone()); return t }
	slices.SortStableFunc(acts, func(a, b *casefile.Act) int { return day(a).Compare(day(b)) })
	var out []chainLink
	for i, a := range acts {
		l := chainLink{ID: a.ID, Short: k.s.Records.Names(k.whole, a.By), EDTF: a.Date.String(), Day: a.Date.Words(), Who: k.full(a.By...), To: k.s.Records.Names(k.whole, a.To), Kind: spacedWords(string(a.Kind)), What: a.What, Told: k.s.Records.Attribution(k.whole, a), Date: edtf(a.Date), Href: k.href(a.ID)}
		if i+1 < len(acts) {
			l.Days = daysTo(a.Date, acts[i+1].Date, k.whole.Zone())
		}
		out = append(out, l)
	}
	return out
}

// daysTo counts the days between the first days of two dates; "" if one is not known.
func daysTo(from, to casefile.Date, zone *time.Location) string {
	x, known := from.FirstDay(zone)
	y, too := to.FirstDay(zone)
	switch {
	case !known || !too || from.IsZero() || to.IsZero():
		return ""
	case x.Equal(y):
		return "same day"
	}
	return count(int(y.Sub(x).Hours()/24), "day")
}

// inChain reports whether an act is of a kind that passes an order on.
func inChain(a *casefile.Act) bool {
	switch a.Kind {
	case "intelligence_report", "recommendation", "request", "order", "implementation":
		return a.Effect != "restore"
	}
	return false
}

func spacedWords(s string) string { return strings.ReplaceAll(s, "_", " ") }

// number writes a count; nil gives "not said".
func number(n *int64) string {
	if n == nil {
		return "not said"
	}
	return thousands(strconv.FormatInt(*n, 10))
}

// percentOf writes a share in percent, with as many digits as its reporter gave; "" for
// nil.
func percentOf(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64) + " %"
}

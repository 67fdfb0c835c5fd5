package web

import (
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
)

const casePageOf page[caseView] = "case.html"

// caseView is a case in words.
type caseView struct {
	ID, Title, Country, Platforms string
	AsOf                          string // EDTF, for the form; empty for now
	Status                        string
	Answer                        []crumb // pages that answer whether it is blocked
	Summary                       []noteView
	Points                        []pointView
	Spans                         []string
	Note                          string
	Term                          string
	Entries                       []entryView
	Disputes                      []disputeView
	Dockets                       []docketView
	Requests                      []requestRow
	Claims                        []claimView
	Questions                     []string
	Sources                       []sourceView
}

type noteView struct {
	Text  string
	Cites []cited
}

type pointView struct {
	Turn, From, What string
	Date             template.HTML
	Cites            []cited
}

// entryView is one line of the chronology.
type entryView struct {
	ID, Kind, Who, What, Told, Confidence, Why string
	Date                                       template.HTML
	Disputed, Inferred, Unread                 bool
	Withdrawn                                  string
	Facts                                      []factView
	Cites                                      []cited
}

// factView is one more thing that is known of an act: its name, its text, or
// links to other acts of the case.
type factView struct {
	Name, Text string
	Acts       []crumb
	Cites      []cited
}

type disputeView struct {
	Question  string
	Positions []noteView
}

type docketView struct {
	ID, Court, Name, Number, Relief, Parties, Counsel, Outcome string
	Filed, Last, Next                                          template.HTML
	Acts                                                       []crumb
	Cites                                                      []cited
}

type requestRow struct {
	ID, Who, Level, By, Rule, Note string
	Period                         template.HTML
	Sent, Complied, Rate           string
	Cites                          []cited
}

type claimView struct {
	ID, Who, Says, Verdict, From, Reason string
	Date                                 template.HTML
	Event                                []string
	Heard                                []heardView
}

type heardView struct {
	Bearing, Why, By string
}

type sourceView struct {
	ID, Publisher, Title, URL, Grade, Read string
	Date                                   template.HTML
	Facts                                  int
}

// caseFile is the page of one case as it is known, or was on ?as-of=DAY.
func (s *Site) caseFile(w http.ResponseWriter, r *http.Request) error {
	c := s.Records.Case(r.PathValue("id"))
	if c == nil {
		return notFound("The record has no case of this id.")
	}
	asOf, err := casefile.ParseDate(r.URL.Query().Get("as-of"))
	if err != nil {
		return badRequest("as-of: " + err.Error())
	}
	shown, answers, err := s.Desk.Case(r.Context(), c, asOf)
	if err != nil {
		return err
	}
	v := s.caseView(c, shown, answers)
	f := frame{Title: c.Title, About: "Who did what, when, and who says so: " + c.Title + ".",
		Trail: []crumb{{"The record", "/cases"}, {v.Country, "/cc/" + c.Jurisdiction}, {c.Title, ""}}}
	return casePageOf.show(s, w, r, f, v, casePage{shown, answers})
}

// caseView puts a case into words. whole is the case with everything that its
// sources say; shown is what is known on the day.
func (s *Site) caseView(whole, shown *casefile.Case, answers []casefile.Answer) caseView {
	cites, names := s.citation(whole), func(ids []string) string { return s.Records.Names(whole, ids) }
	v := caseView{ID: shown.ID, Title: shown.Title, Country: inquiry.Country(shown.Jurisdiction), AsOf: shown.Computed.AsOf.String(),
		Status: spacedWords(string(shown.Status)), Questions: shown.OpenQuestions}
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
	for _, p := range clock.Points {
		v.Points = append(v.Points, pointView{turnWords[p.Turn], spacedWords(string(p.From)), p.What, edtf(p.Date), cites(p.Cites)})
	}
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
		v.Entries = append(v.Entries, s.entryView(whole, shown, &shown.Computed.Chronology[i]))
	}
	for _, d := range shown.Disputes {
		one := disputeView{Question: d.Question}
		for _, p := range d.Positions {
			one.Positions = append(one.Positions, noteView{p.Says, cites(p.Cites)})
		}
		v.Disputes = append(v.Disputes, one)
	}
	for i := range shown.Dockets {
		v.Dockets = append(v.Dockets, s.docketView(whole, shown, &shown.Dockets[i]))
	}
	for _, q := range shown.Requests {
		v.Requests = append(v.Requests, requestRow{ID: q.ID, Who: names([]string{q.Authority}), Level: spacedWords(string(q.Level)), By: names([]string{q.ReportedBy}),
			Rule: spacedWords(string(q.Compliance)), Note: q.Note, Period: edtf(q.Period), Sent: number(q.Sent), Complied: number(q.Complied), Rate: percentOf(q.RatePercent), Cites: cites(q.Cites)})
	}
	for i := range answers {
		v.Claims = append(v.Claims, claimOf(&answers[i], names))
	}
	v.Sources = s.sourceViews(whole, shown)
	return v
}

// entryView is one entry of the chronology in words.
func (s *Site) entryView(whole, shown *casefile.Case, e *casefile.Entry) entryView {
	cites := s.citation(whole)
	v := entryView{ID: e.ID, Kind: spacedWords(e.Kind), What: e.What, Told: e.Told, Confidence: string(e.Confidence), Why: e.Why, Date: edtf(e.Date),
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
		if links := actLinks(shown, l.ids); len(links) > 0 {
			v.Facts = append(v.Facts, factView{Name: l.name, Acts: links})
		}
	}
	note("More", a.Details...)
	return v
}

// actLinks name acts of the case by what happened, short.
func actLinks(c *casefile.Case, ids []string) []crumb {
	var out []crumb
	for _, id := range ids {
		name := id
		if a := c.Act(id); a != nil {
			if name = a.What; len([]rune(name)) > 60 {
				name = string([]rune(name)[:57]) + "…"
			}
		}
		out = append(out, crumb{name, "#" + id})
	}
	return out
}

func (s *Site) docketView(whole, shown *casefile.Case, d *casefile.Docket) docketView {
	names := func(ids []string) string { return s.Records.Names(whole, ids) }
	v := docketView{ID: d.ID, Court: names([]string{d.Court}), Name: d.Name, Relief: d.Relief, Filed: edtf(d.Filed), Cites: s.citation(whole)(d.Cites)}
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
			v.Last, v.Next, v.Acts = edtf(st.LastHeard), edtf(st.Next), actLinks(shown, st.Acts)
		}
	}
	return v
}

func claimOf(a *casefile.Answer, names func([]string) string) claimView {
	v := claimView{ID: a.Claim, Who: names(a.By), Says: a.Says, Verdict: string(a.Verdict), From: spacedWords(string(a.AnsweredFrom)), Reason: a.Reason, Date: edtf(a.Date)}
	if a.Measured != nil {
		v.Event = a.Measured.Events
	}
	for _, h := range a.Sources {
		v.Heard = append(v.Heard, heardView{string(h.Bearing), h.Why, strings.Join(h.Publishers, "; ")})
	}
	return v
}

// sourceViews are the sources of the case, those that carry most facts first.
func (s *Site) sourceViews(whole, shown *casefile.Case) []sourceView {
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
		v := sourceView{ID: id, Publisher: src.Publisher, Grade: string(src.Reliability), Read: spacedWords(string(src.Read)), Date: edtf(src.Date), Facts: n}
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

func spacedWords(s string) string { return strings.ReplaceAll(s, "_", " ") }

// number is a count that may not be known.
func number(n *int64) string {
	if n == nil {
		return "not said"
	}
	return thousands(strconv.FormatInt(*n, 10))
}

// percentOf is a share as its reporter gives it.
func percentOf(f *float64) string {
	if f == nil {
		return ""
	}
	return strconv.FormatFloat(*f, 'f', -1, 64) + " %"
}

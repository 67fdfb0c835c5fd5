package web

import (
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
)

// name returns the name of a target as readers know it.
func (s *Site) name(id string) string { return s.Desk.Name(id) }

// answerView is the page of one target in one country.
type answerView struct {
	A        *inquiry.Answered
	Chart    *chart
	Bans     []event.Event // dated ones of the target here, the latest first
	Tellers  [][]crumb     // who reports each reported ban
	Stories  []story
	When     whenAsked
	AllRows  bool   // every network is drawn
	RowsHref string // draws them all, or some
}

// story is what the record says in one case, beside the answer.
type story struct {
	ID, Title string
	Graph     template.HTML // who asked whom
	Chain     []link
	Courts    []court
	Claims    []said // on access
	Others    []said // on anything else
}

// link is one turn of a ban, with the days until the next turn.
type link struct {
	Turn, What string
	Date       casefile.Date
	Days       string // to the next, "" where not known
}

// court is a case before a court.
type court struct {
	Name, Number, Href string
	Heard, Next        casefile.Date
	Outcome            string
}

// said is a statement, with what was measured or reported about it.
type said struct {
	By, Says, Verdict, From, Reason, Href string
	Date                                  casefile.Date
	Measured                              *casefile.Tally
}

// citation is how to cite a page.
type citation struct {
	inquiry.Citation
	Path  string
	Shown time.Time // when it was shown

	query  url.Values
	lang   *catalogue // of the page, nil for English
	marked string     // the title with marks around names of another script
}

// Text is the citation as a line in the language of the page.
func (c citation) Text() string {
	if c.lang == nil {
		return c.Citation.Text()
	}
	return c.lang.citationText(&c)
}

// In returns the address of the page in another format, for the same day.
func (c citation) In(format string) string {
	q := maps.Clone(c.query)
	if q == nil {
		q = url.Values{}
	}
	q.Set("format", format)
	return "?" + q.Encode()
}

const answerPage page[answerView] = "answer.html"

// answer is the page of one target in one country.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) error {
	ask, t, moved, err := s.askOf(w, r, "")
	if moved || err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), ask)
	if err != nil {
		return err
	}
	title := "Is " + a.Name + " blocked in " + a.Country + "?"
	f := frame{Title: title, About: a.Sentence, Trail: []crumb{{"Countries", "/cc"}, {a.Country, "/cc/" + a.CC}, {a.Name, ""}}}
	f.Of = answerNames(a)
	if wantsJSON(r) {
		return answerPage.show(s, w, r, f, answerView{}, a)
	}
	v := answerView{A: a, When: t.asked(r), AllRows: r.URL.Query().Get("networks") == "all"}
	if err := s.fillAnswer(r.Context(), &v, ask, t); err != nil {
		return err
	}
	q := r.URL.Query()
	if q.Set("networks", "all"); v.AllRows {
		q.Del("networks")
	}
	v.RowsHref = "?" + q.Encode() + "#days"
	if err := s.citeAnswer(&f, r, title, t, a); err != nil {
		return err
	}
	f.Alternates = feedsOf("/cc/"+a.CC+"/"+url.PathEscape(a.Target), a.Name+" in "+a.Country)
	f.embeddable(r, title, v.When.Query)
	return answerPage.show(s, w, r, f, v, a)
}

// answerNames returns the ids under which corrections speak of an answer.
func answerNames(a *inquiry.Answered) []string {
	return []string{a.CC + "/" + a.Target, fmt.Sprintf("%s/%s@%s", a.CC, a.Target, a.LastDay().Format(time.DateOnly))}
}

// askOf reads the question from the address of a page under /cc/. If the address is not in
// its proper form, askOf redirects the reader to the one that is, and moved is true.
func (s *Site) askOf(w http.ResponseWriter, r *http.Request, rest string) (ask inquiry.Ask, t times, moved bool, err error) {
	return s.askAt(w, r, "/cc/", rest)
}

// askAt is askOf for pages under another path than /cc/.
func (s *Site) askAt(w http.ResponseWriter, r *http.Request, under, rest string) (ask inquiry.Ask, t times, moved bool, err error) {
	cc, id, err := s.place(r)
	if err != nil {
		return ask, t, false, err
	}
	if proper := under + cc + "/" + url.PathEscape(id) + rest; r.URL.EscapedPath() != proper {
		moveTo(w, r, proper)
		return ask, t, true, nil
	}
	t, err = timesOf(r)
	return inquiry.Ask{CC: cc, Target: id, At: t.at, Known: t.known, Since: t.since}, t, false, err
}

// fillAnswer adds the bans, the record and the drawing.
func (s *Site) fillAnswer(ctx context.Context, v *answerView, ask inquiry.Ask, t times) error {
	var err error
	if v.Bans, err = s.bansOf(ctx, v.A, ask); err != nil {
		return err
	}
	for i := range v.A.Reported {
		v.Tellers = append(v.Tellers, s.tellers(v.A.Reported[i].By))
	}
	v.Chart, err = s.answerChart(ctx, v.A, v.Bans, ask, t, v.AllRows, nil, func(shown *casefile.Case, claims []casefile.Answer) {
		v.Stories = append(v.Stories, s.story(shown, claims))
	})
	return err
}

// bansOf returns the dated bans of a target in a country that had begun by a.At, the
// latest first.
func (s *Site) bansOf(ctx context.Context, a *inquiry.Answered, ask inquiry.Ask) ([]event.Event, error) {
	found, err := s.Desk.Events(ctx, store.Filter{CC: ask.CC, Target: ask.Target}, ask.Known)
	if err != nil {
		return nil, err
	}
	var out []event.Event
	for _, e := range found.Events {
		if slices.Contains(e.Targets, ask.Target) && (e.Onset.Latest == nil || e.Onset.Latest.Before(a.At)) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(a, b event.Event) int { return began(&b).Compare(began(&a)) })
	return out, nil
}

// answerChart draws what was measured and what the record says on one axis, in language
// lang (nil: English). It calls told with each case and its answered claims.
func (s *Site) answerChart(ctx context.Context, a *inquiry.Answered, bans []event.Event, ask inquiry.Ask, t times, all bool, lang *catalogue, told func(*casefile.Case, []casefile.Answer)) (*chart, error) {
	from, to := s.axisOf(a, t)
	c := chartOf(a, bans, from, to, all, lang)
	asOf := casefile.Date{}
	if !ask.Known.IsZero() {
		asOf = casefile.Day(ask.Known.Add(-time.Second), time.UTC)
	}
	var list rows
	for _, one := range a.Cases {
		shown, claims, err := s.Desk.Case(ctx, s.Records.Case(one.ID), asOf)
		if err != nil {
			return nil, err
		}
		told(shown, claims)
		list.add(speaker{s: s, whole: shown, shown: shown, c: lang}, claims)
	}
	if c != nil {
		say := c.words.say
		c.bars(say("chart.bans", "Reported bans", nil), a.Reported)
		c.marks(say("chart.state", "Acts of the state", nil), list.state)
		c.marks(say("chart.courts", "Courts", nil), list.courts)
		c.marks(say("chart.statements", "Statements", nil), list.claims)
		c.marks(say("chart.restored", "Restorations, as reported", nil), list.restored)
	}
	return c, nil
}

// began returns the latest moment at which a ban can have begun, the zero time if that is
// not known.
func began(e *event.Event) time.Time {
	if e.Onset.Latest != nil {
		return *e.Onset.Latest
	}
	return time.Time{}
}

// axisOf returns the time that the drawing covers: the days that were measured. If nothing
// was measured, it covers the main reported ban and 30 days on both sides.
func (s *Site) axisOf(a *inquiry.Answered, t times) (from, to time.Time) {
	if n := len(a.Days); n > 0 {
		from, to = parseDay(a.Days[0].Date), parseDay(a.Days[n-1].Date).AddDate(0, 0, 1)
	} else {
		if r := mainReport(a.Reported); r != nil {
			if from, to = r.Start, r.Known; r.End != nil {
				to = *r.End
			}
		}
		if !from.IsZero() {
			from, to = from.AddDate(0, 0, -30), to.AddDate(0, 0, 30)
		}
	}
	if !t.since.IsZero() {
		from = t.since
	}
	if t.at.After(to) && !from.IsZero() {
		to = t.at
	}
	return from, to
}

// mainReport chooses the reported ban that the drawing is about: the first that still
// holds or that a case describes, else the first; nil if there is none.
func mainReport(reports []answer.ReportedBan) *answer.ReportedBan {
	for i := range reports {
		if r := &reports[i]; r.Holds || r.Case != "" {
			return r
		}
	}
	if len(reports) > 0 {
		return &reports[0]
	}
	return nil
}

// rows are the marks of the record on the axis.
type rows struct{ state, courts, claims, restored []mark }

// add sorts the entries of a case into the rows.
func (l *rows) add(k speaker, claims []casefile.Answer) {
	c := k.shown
	for i := range c.Acts {
		a := &c.Acts[i]
		at, ok := a.Date.FirstDay(c.Zone())
		if !ok || a.Withdrawn != nil {
			continue
		}
		m := mark{at: at, text: k.markText(a, a.Date.Words()+": "+a.What), href: k.href(a.ID)}
		switch a.Kind {
		case "petition", "hearing", "interim_order", "judgment", "contempt", "government_reply":
			l.courts = append(l.courts, m)
		case "restoration":
			l.restored = append(l.restored, m)
		case "denial", "admission", "statement", "context": // statements stand in a row of their own
		default:
			l.state = append(l.state, m)
		}
	}
	for i := range claims {
		one := &claims[i]
		at, ok := one.Date.FirstDay(c.Zone())
		if it, found := itemOf(c, "claim", one.Claim); ok && found {
			text := one.Date.Words() + ", " + k.s.Records.Names(c, one.By) + ": " + one.Says + " (" + string(one.Verdict) + ")"
			l.claims = append(l.claims, mark{at: at, href: k.href(one.Claim), hollow: one.Verdict != casefile.Contradicted, text: k.markText(it, text)})
		}
	}
}

// markText says what a mark stands for. In English that is the entry's sentence; in
// another language it is its kind, who, and when.
func (k speaker) markText(it any, english string) string {
	if k.c == nil {
		return english
	}
	_, name, _ := k.headingIn(it)
	return plainName(name)
}

// turnWords are the turns of a ban as readers call them.
var turnWords = map[casefile.Turn]string{
	casefile.Recommended: "recommended", casefile.Ordered: "ordered", casefile.Lost: "access lost", casefile.Acknowledged: "loss acknowledged",
	casefile.Admitted: "ban admitted", casefile.RestoreOrdered: "court orders it restored", casefile.Returned: "access returned",
}

// story takes from a case what the page of an answer shows.
func (s *Site) story(c *casefile.Case, claims []casefile.Answer) story {
	out := story{ID: c.ID, Title: c.Title}
	k := speaker{s: s, whole: c, shown: c}
	out.Graph = graph(graphOf(k.chain(), s.names(c.Targets)))
	dated := slices.DeleteFunc(inOrder(c.Computed.Clock.Points, c), func(p casefile.Point) bool { return p.Date.IsZero() })
	for i, p := range dated {
		l := link{Turn: turnWords[p.Turn], What: p.What, Date: p.Date}
		if i+1 < len(dated) {
			l.Days = daysTo(p.Date, dated[i+1].Date, c.Zone())
		}
		out.Chain = append(out.Chain, l)
	}
	for _, d := range c.Computed.Dockets {
		for i := range c.Dockets {
			if k := &c.Dockets[i]; k.ID == d.ID {
				one := court{Name: (speaker{s: s, whole: c, shown: c}).full(k.Court), Href: itemHref(c, k.ID), Heard: d.LastHeard, Next: d.Next}
				if k.Number != nil {
					one.Number = *k.Number
				}
				if k.Outcome != nil {
					one.Outcome = k.Outcome.Text
				}
				out.Courts = append(out.Courts, one)
			}
		}
	}
	for i := range claims {
		k := &claims[i]
		list := &out.Others
		if k.Access != nil {
			list = &out.Claims
		}
		*list = append(*list, said{By: s.Records.Names(c, k.By), Says: k.Says, Date: k.Date, Verdict: string(k.Verdict), From: fromWords(k.AnsweredFrom), Reason: k.Reason, Href: itemHref(c, k.Claim), Measured: k.Measured})
	}
	return out
}

// fromWords says what the answer to a statement rests on.
func fromWords(o casefile.From) string {
	switch o {
	case casefile.FromMeasurements:
		return "from measurements"
	case casefile.FromSources:
		return "from sources"
	}
	return "from neither measurements nor sources"
}

// cite makes the citation of a page, for the day that the page speaks of.
func (s *Site) cite(r *http.Request, title string, t times) (citation, error) {
	c, err := s.Desk.Cite(title, "https://"+r.Host, r.URL.EscapedPath(), t.at, t.known)
	return citation{Citation: c, Path: r.URL.Path, Shown: s.Now().UTC(), query: r.URL.Query()}, err
}

// citeAnswer makes the citation of an answer. It names the answer's day even if the
// address names none.
func (s *Site) citeAnswer(f *frame, r *http.Request, title string, t times, a *inquiry.Answered) error {
	t.at = a.LastDay().AddDate(0, 0, 1)
	c, err := s.cite(r, title, t)
	f.Cite = &c
	return err
}

// answers gives a page its citation and its control of the day.
func (s *Site) answers(f *frame, r *http.Request, title string, t times) error {
	c, err := s.cite(r, title, t)
	when := t.asked(r)
	f.Cite, f.When = &c, &when
	return err
}

// daysView is the timeline as a table.
type daysView struct {
	A    *inquiry.Answered
	ASN  uint32 // 0: all networks together
	Days []answer.Day
	When whenAsked
}

// CSV is the address of the same days as a table for programs.
func (v daysView) CSV() string {
	if v.ASN == 0 {
		return v.When.With("format", "csv")
	}
	return v.When.With("format", "csv") + "&asn=" + strconv.FormatUint(uint64(v.ASN), 10)
}

const daysPage page[daysView] = "days.html"

// days is what the drawing shows, as a table and as CSV:
// /cc/PK/x/days?asn=17557.
func (s *Site) days(w http.ResponseWriter, r *http.Request) error {
	ask, t, moved, err := s.askOf(w, r, "/days")
	if moved || err != nil {
		return err
	}
	asn, err := asnOf(r.URL.Query().Get("asn"))
	if err != nil {
		return err
	}
	a, err := s.Desk.Answer(r.Context(), ask)
	if err != nil {
		return err
	}
	v := daysView{A: a, ASN: asn, Days: a.Days}
	if asn != 0 {
		v.Days = a.ByASN[asn]
	}
	if v.Days == nil {
		v.Days = []answer.Day{}
	}
	if wantsCSV(r) {
		return daysCSV(w, r, v.Days)
	}
	title := a.Name + " in " + a.Country + ", day by day"
	f := frame{Title: title, Trail: []crumb{{"Countries", "/cc"}, {a.Country, "/cc/" + a.CC}, {a.Name, "/cc/" + a.CC + "/" + url.PathEscape(a.Target)}, {"Day by day", ""}}}
	if err := s.answers(&f, r, title, t); err != nil {
		return err
	}
	v.When = t.asked(r)
	return daysPage.show(s, w, r, f, v, v.Days)
}

func daysCSV(w http.ResponseWriter, r *http.Request, days []answer.Day) error {
	rows := [][]string{{"date", "state", "blocked", "ok", "down", "inconclusive", "measurements", "reports", "event"}}
	for _, d := range days {
		n := func(x uint32) string { return strconv.FormatUint(uint64(x), 10) }
		rows = append(rows, []string{d.Date, string(d.State), n(d.Blocked), n(d.OK), n(d.Down), n(d.Inconclusive), n(d.Measurements), n(d.Reports), d.Event})
	}
	return deliverCSV(w, r, rows)
}

// asnOf reads a network, as "17557" or "AS17557"; "" is none.
func asnOf(s string) (uint32, error) {
	if s == "" {
		return 0, nil
	}
	n, err := network.ParseASN(s)
	if err != nil {
		return 0, badRequest(fmt.Sprintf("asn is %q: want a number of a network, as 17557 or AS17557.", s))
	}
	return uint32(n), nil
}

// chartDefs are the fills that the drawings share.
const chartDefs template.HTML = `<svg class="hidden" aria-hidden="true" width="0" height="0"><defs><pattern id="nodata" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect class="hatch-back" width="6" height="6"/><line class="hatch-line" x1="0" y1="0" x2="0" y2="6"/></pattern><linearGradient id="ban-in"><stop class="stop-off"/><stop offset="1" class="stop-on"/></linearGradient><linearGradient id="ban-out"><stop class="stop-on"/><stop offset="1" class="stop-off"/></linearGradient><linearGradient id="bar-out"><stop class="bar-on"/><stop offset="1" class="bar-off"/></linearGradient></defs></svg>`

package web

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/inquiry"
)

// homeView holds what is blocked now, what changed, and the longest bans.
type homeView struct {
	Blocked      []card          `json:"-"`
	All          []answer.Answer `json:"blocked"`
	Measurements int64           `json:"measurements"`
	Countries    int             `json:"countries_measured"`
	Bans         int             `json:"bans"` // measured and reported bans; two that are the same ban count once
	Changes      []change        `json:"changes"`
	Longest      *bars           `json:"-"`
	Map          *homeMap        `json:"-"`
	Cases        []caseCard      `json:"cases"`
	Choices      choices         `json:"-"`
	When         whenAsked       `json:"-"`
}

// card is one ban that holds.
type card struct {
	A     answer.Answer
	Query string // the days that the linked page should speak of
	Days  string // "23 days", "at least 283 days"
	Strip template.HTML
}

// change is something that began, ended or was done.
type change struct {
	At   time.Time     `json:"at"`
	When template.HTML `json:"-"`
	Kind string        `json:"kind"`
	Text string        `json:"text"`
	Href string        `json:"href"`
}

// caseCard is a case of the record in a few words.
type caseCard struct {
	ID    string      `json:"id"`
	Title string      `json:"title"`
	Facts string      `json:"facts"`
	Clock []pointView `json:"-"` // its dated turns
	Span  string      `json:"-"` // how long access was gone, or how the case stands
}

// homeMap is the map of the world for one platform.
type homeMap struct {
	Name, Page string
	Drawing    template.HTML
}

// choices are what the form of the start page offers.
type choices struct {
	Targets, Countries []choice
}

type choice struct {
	Value  string `json:"value"`
	Name   string `json:"name"`
	Chosen bool   `json:"chosen,omitempty"`
}

// How many of each the start page shows.
const (
	homeCards   = 9
	homeChanges = 12
	homeBars    = 10
	stripDays   = inquiry.DaysOnNetwork
)

const (
	homePage    page[homeView]    = "home.html"
	blockedPage page[blockedView] = "blocked.html"
)

// home is the start page: what is blocked now, what changed, and the longest bans.
func (s *Site) home(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	blocked, t, err := s.blockedOn(r)
	if err != nil {
		return err
	}
	v := homeView{All: blocked, Choices: s.choices(), Changes: []change{}, Cases: []caseCard{}, When: t.asked(r)}
	if v.Blocked, err = s.cards(ctx, blocked[:min(len(blocked), homeCards)], t); err != nil {
		return err
	}
	places, err := s.Desk.Countries(ctx, t.at, t.known)
	if err != nil {
		return err
	}
	for _, p := range places {
		if v.Measurements += p.Measurements; p.Measurements > 0 {
			v.Countries++
		}
	}
	if v.Changes, err = s.changes(ctx, t); err != nil {
		return err
	}
	ranked, err := s.Desk.Longest(ctx, t.at, t.known)
	if err != nil {
		return err
	}
	v.Bans, v.Longest = len(ranked), s.longest(ranked, homeBars, t)
	if v.Map, err = s.homeMap(ctx, blocked, t); err != nil {
		return err
	}
	when, err := asOf(r)
	if err != nil {
		return err
	}
	shown, err := s.shownCases(ctx, nil, when)
	if err != nil {
		return err
	}
	for _, k := range shown {
		c := k.shown
		if c.Withdrawn != nil || when.Day != "" && len(c.Computed.Chronology) == 0 {
			continue
		}
		line := k.line()
		v.Cases = append(v.Cases, caseCard{c.ID, c.Title, fmt.Sprintf("%s · %s · %s", count(len(c.Acts), "act"), count(len(c.Dockets), "court case"), count(len(c.Claims), "statement")), line.Points, cmp.Or(line.Without, capital(line.Status))})
	}
	f := frame{Title: "Bandish: the open record of internet bans", About: "What is blocked where, since when, on whose order, and how it was measured."}
	if err := s.answers(&f, r, "What is blocked where?", t); err != nil {
		return err
	}
	if v.Map != nil {
		f.Picture = pictureAt(r, v.Map.Page+"/picture.png")
	}
	return homePage.show(s, w, r, f, v, v)
}

// homeMap draws the platform that is blocked in most countries, or X if none is blocked.
func (s *Site) homeMap(ctx context.Context, blocked []answer.Answer, t times) (*homeMap, error) {
	most, in := "x", map[string]int{}
	for i := range blocked {
		in[blocked[i].Target]++
	}
	for _, id := range slices.Sorted(maps.Keys(in)) {
		if in[id] > in[most] {
			most = id
		}
	}
	answers, err := s.Desk.OfTarget(ctx, most, t.at, t.known)
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	return &homeMap{s.name(most), "/platforms/" + url.PathEscape(most), smallWorld(most, answers, t.query(), nil)}, nil
}

// blockedView is all that is blocked, now or on a day.
type blockedView struct {
	Cards []card
	When  whenAsked
}

// blockedOn returns the answers that say blocked, for the day that the address names.
func (s *Site) blockedOn(r *http.Request) ([]answer.Answer, times, error) {
	t, err := timesOf(r)
	if err != nil {
		return nil, t, err
	}
	blocked, err := s.Desk.BlockedOn(r.Context(), t.at, t.known)
	return blocked, t, err
}

// blocked lists all that is blocked now, or was on ?at=DAY.
func (s *Site) blocked(w http.ResponseWriter, r *http.Request) error {
	blocked, t, err := s.blockedOn(r)
	if err != nil {
		return err
	}
	v := blockedView{When: t.asked(r)}
	if v.Cards, err = s.cards(r.Context(), blocked, t); err != nil {
		return err
	}
	f := frame{Title: "Blocked now", About: "Every ban that holds by what was measured or reported last."}
	if v.When.At != "" {
		f.Title, f.About = "Blocked on "+parseDay(v.When.At).Format(longDay), "Every ban that held on that day by what was measured or reported."
	}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	f.Alternates = feedsOf("", "What changed")
	return blockedPage.show(s, w, r, f, v, blocked)
}

// ask redirects the reader from the two choices of the form to their page.
func (s *Site) ask(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	cc := strings.ToUpper(q.Get("cc"))
	if !casefile.KnownCountry(cc) {
		return badRequest("Choose a country.")
	}
	id, _, err := s.Targets.Resolve(q.Get("target"))
	if err != nil {
		return badRequest("Choose a platform: " + err.Error())
	}
	w.Header().Set("Location", "/cc/"+cc+"/"+url.PathEscape(id))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// choices are all platforms and countries, by name.
func (s *Site) choices() choices {
	var c choices
	for _, p := range s.Targets.Platforms() {
		c.Targets = append(c.Targets, choice{p.ID, p.Name, p.ID == "x"})
	}
	for _, cc := range country.Codes() {
		c.Countries = append(c.Countries, choice{cc, inquiry.Country(cc), cc == "PK" && !s.Demo})
	}
	if s.Demo {
		c.Countries = append(c.Countries, choice{"ZZ", inquiry.Country("ZZ"), true})
	}
	by := func(a, b choice) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) }
	slices.SortFunc(c.Targets, by)
	slices.SortFunc(c.Countries, by)
	return c
}

// cards adds to each blocked answer its length and its last days.
func (s *Site) cards(ctx context.Context, blocked []answer.Answer, t times) ([]card, error) {
	out := []card{}
	query := t.query()
	for i := range blocked {
		a := &blocked[i]
		c := card{A: *a, Days: lengthOf(a, s.Desk.DayOf(t.at, t.known)), Query: query}
		if a.LastMeasured != nil {
			full, err := s.Desk.Answer(ctx, inquiry.Ask{CC: a.CC, Target: a.Target, At: t.at, Known: t.known})
			if err != nil {
				return nil, err
			}
			c.Strip = smallStrip(full, stripDays, nil)
		}
		out = append(out, c)
	}
	return out, nil
}

// lengthOf says how long the ban of an answer has held by a day. It is "" if too little is
// known: only one day, or a report whose last word is older than the length that it
// proves. A ban of months must not be called "at least 1 day" long.
func lengthOf(a *answer.Answer, day time.Time) string {
	if a.Basis == answer.Reported {
		for i := range a.Reported {
			if r := &a.Reported[i]; r.Holds {
				if r.AtLeast && int(day.Sub(r.Known).Hours()/24) > r.Days {
					return ""
				}
				return lengthWords(ban.Length{Days: r.Days, AtMost: r.AtMost, AtLeast: r.AtLeast})
			}
		}
	}
	if a.Since == nil || a.LastMeasured == nil {
		return ""
	}
	l, _ := ban.Between(*a.Since, a.Until, *a.LastMeasured, day)
	return lengthWords(l)
}

// changes returns bans that began or ended and acts of the record, newest first.
func (s *Site) changes(ctx context.Context, t times) ([]change, error) {
	all, err := s.changesOf(ctx, inquiry.Topic{At: t.at, Known: t.known})
	all = all[:min(len(all), homeChanges)]
	for i := range all {
		all[i].Href += t.query()
	}
	return all, err
}

// names returns the names of targets as readers know them.
func (s *Site) names(ids []string) string { return s.Desk.Names(ids) }

// bars is a drawing of bans along years.
type bars struct {
	Rows []barRow
	Axis template.HTML
}

type barRow struct {
	Label, Href, Length string
	Drawing             template.HTML
}

// longest draws the n longest bans of platforms, nil if there are none. A ban that goes on
// ends in an arrow. A ban whose end nobody reports fades out.
func (s *Site) longest(ranked []ban.Ranked, n int, t times) *bars {
	rows, from, to := s.longestRows(ranked, n, t)
	if len(rows) == 0 {
		return nil
	}
	c := chart{From: from, To: to}
	b := &bars{Axis: axis(from, to, chartWords{})}
	for _, r := range rows {
		b.Rows = append(b.Rows, barRow{Label: inquiry.Country(r.CC) + " · " + s.name(r.Target), Href: "/cc/" + r.CC + "/" + url.PathEscape(r.Target) + t.query(), Length: rankedLength(r.Length), Drawing: c.bar(&r)})
	}
	return b
}

// certain returns two spans: from–to in which the ban held for certain, and first–last in
// which it can have held.
func certain(r *ban.Ranked) (from, to, first, last time.Time) {
	from = r.Start
	if r.StartBy.After(from) {
		from = r.StartBy
	}
	to = from.AddDate(0, 0, max(1, r.Length.Days))
	if last = r.Start.AddDate(0, 0, r.Length.AtMost); last.Before(to) {
		last = to
	}
	return from, to, r.Start, last
}

// bar draws one ban along the years. It is pale where it is not certain that the ban held.
func (c *chart) bar(r *ban.Ranked) template.HTML {
	from, to, first, last := certain(r)
	class, arrow, maybe := `class="s-blocked"`, "", ""
	wide := func(a, b time.Time) float64 { return max(.4, c.at(b)-c.at(a)) }
	if r.Length.AtLeast && r.End.IsZero() {
		class = `fill="url(#bar-out)"`
	}
	if first.Before(from) || last.After(to) {
		maybe = fmt.Sprintf(`<rect x="%.2f%%" width="%.2f%%" height="14" class="maybe"/>`, c.at(first), wide(first, last))
	}
	if r.Length.Ongoing {
		arrow = fmt.Sprintf(`<svg x="%.2f%%" width="10" height="14" viewBox="0 0 10 14"><path d="M0 0 L8 7 L0 14 Z" class="s-blocked"/></svg>`, c.at(from)+wide(from, to))
	}
	return template.HTML(fmt.Sprintf(`<svg height="14" aria-hidden="true"><line x1="0" x2="100%%" y1="7" y2="7" class="line"/>%s<rect x="%.2f%%" width="%.2f%%" height="14" %s/>%s</svg>`, maybe, c.at(from), wide(from, to), class, arrow))
}

// lengthWords puts a length into words, "" if nothing is known.
func lengthWords(l ban.Length) string {
	days := count(l.Days, "day")
	switch {
	case l.AtLeast && l.Days == 0:
		return ""
	case l.AtLeast:
		return "at least " + days
	case l.AtMost > l.Days:
		return fmt.Sprintf("%s to %s", thousands(fmt.Sprint(l.Days)), count(l.AtMost, "day"))
	case l.Days == 0:
		return "less than a day"
	}
	return days
}

// rankedLength is lengthWords for a list: it also says that a ban goes on, and "not known"
// instead of "".
func rankedLength(l ban.Length) string {
	words := lengthWords(l)
	if words == "" {
		return "not known"
	}
	if l.Ongoing {
		words += ", and it goes on"
	}
	return words
}

// bansView is one page of the list of all bans.
type bansView struct {
	part
	Rows []bansRow
	When whenAsked
}

// part says which rows of a list a page shows.
type part struct {
	Skip, All     int    // number of rows before these, and in the whole list
	Before, After string // addresses of the page before and after this one, "" if there is none
}

// partOf returns the rows of a list, at most pageSize, that the address asks for. ?skip= is
// the number of rows to leave out at the start; if it is not a whole number, that is a 400.
func partOf[T any](r *http.Request, list []T, when whenAsked) (p part, rows []T, err error) {
	p.All = len(list)
	if skip := r.URL.Query().Get("skip"); skip != "" {
		if p.Skip, err = strconv.Atoi(skip); err != nil || p.Skip < 0 {
			return p, nil, badRequest(fmt.Sprintf("skip is %q: want how many rows to leave out, a whole number.", skip))
		}
	}
	begin := min(p.Skip, len(list))
	end := begin + min(pageSize, len(list)-begin)
	if end < len(list) {
		p.After = when.With("skip", strconv.Itoa(end))
	}
	if p.Skip > 0 {
		p.Before = when.With("skip", strconv.Itoa(max(0, p.Skip-pageSize)))
	}
	return p, list[begin:end], nil
}

// allBans returns all bans, the longest first, as of the days that the address names.
func (s *Site) allBans(r *http.Request) ([]ban.Ranked, times, error) {
	t, err := timesOf(r)
	if err != nil {
		return nil, t, err
	}
	ranked, err := s.Desk.Longest(r.Context(), t.at, t.known)
	return ranked, t, err
}

type bansRow struct {
	ban.Ranked
	Country, Name, Href, Long, Where string
	Answer                           string // the page of the answer for its platform in its country, "" if it has none
	Tellers                          []crumb
}

const bansPage page[bansView] = "bans.html"

// To says the end of the ban, as it stood on the day that is asked about.
func (r bansRow) To() template.HTML { return endOf(&r.Ranked) }

// endOf says the end of a ban as it stood on a day.
func endOf(b *ban.Ranked) template.HTML {
	switch until := b.Until(); {
	case until != nil && b.Length.Ongoing:
		return "it held on that day; it ended " + template.HTML(template.HTMLEscapeString(answer.When(*until)))
	case until != nil:
		return dayOrSpan(until)
	case !b.Seen().IsZero():
		return "no end was measured; measured until " + date(b.Seen())
	}
	return "last reported on " + date(b.Known)
}

// bans lists all bans, measured and reported, the longest first.
func (s *Site) bans(w http.ResponseWriter, r *http.Request) error {
	ranked, t, err := s.allBans(r)
	if err != nil {
		return err
	}
	if wantsCSV(r) {
		return bansCSV(w, r, ranked)
	}
	v := bansView{Rows: []bansRow{}, When: t.asked(r)}
	page, rows, err := partOf(r, ranked, v.When)
	if err != nil {
		return err
	}
	v.part = page
	for _, b := range rows {
		v.Rows = append(v.Rows, s.bansRow(b, t.query()))
	}
	f := frame{Title: "All bans, the longest first", About: "Every ban that was measured or that the record and imported lists report."}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	return bansPage.show(s, w, r, f, v, ranked)
}

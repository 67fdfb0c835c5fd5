package web

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// pageSize is how many rows a list shows at once. A phone shows each row as a card.
const pageSize = 50

// listView lists the measurements behind a count.
type listView struct {
	CC, Country, Target, Name string
	ASN                       uint32
	From, To                  time.Time // the days asked for, To exclusive; zero: no bound
	State                     string
	Rows                      []verdict.Row
	Skip                      int
	Earlier, Later            string // addresses of the pages beside this one
}

// First is the number of the first row that is shown.
func (v listView) First() int { return v.Skip + 1 }

// Last is the number of the last row that is shown.
func (v listView) Last() int { return v.Skip + len(v.Rows) }

// LastDay is the last day that was asked for.
func (v listView) LastDay() time.Time { return v.To.Add(-time.Second) }

// listedStates maps the values of ?state= to the states that each includes.
var listedStates = map[string][]verdict.State{
	"blocked":      {verdict.Blocked, verdict.LikelyBlocked},
	"ok":           {verdict.OK},
	"down":         {verdict.Down},
	"unclear":      {verdict.Impaired},
	"inconclusive": {verdict.Impaired, verdict.Insufficient},
	"failed":       {verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired},
}

const measurementsPage page[listView] = "measurements.html"

// measurements lists the measurements behind a count:
// /cc/PK/x/measurements?asn=17557&since=2024-02-17&until=2024-02-18&state=failed. ?day=
// sets since and until to one day.
func (s *Site) measurements(w http.ResponseWriter, r *http.Request) error {
	ask, t, moved, err := s.askOf(w, r, "/measurements")
	if moved || err != nil {
		return err
	}
	v, err := s.listOf(r, ask, t)
	if err != nil {
		return err
	}
	fr := frame{Title: "Measurements of " + v.Name + " in " + v.Country, Trail: []crumb{{"Countries", "/cc"}, {v.Country, "/cc/" + v.CC}, {v.Name, "/cc/" + v.CC + "/" + url.PathEscape(v.Target)}, {"Measurements", ""}}}
	return measurementsPage.show(s, w, r, fr, v, v.Rows)
}

// listOf returns the page of the list that the address asks for.
func (s *Site) listOf(r *http.Request, ask inquiry.Ask, t times) (v listView, err error) {
	v = listView{CC: ask.CC, Country: inquiry.Country(ask.CC), Target: ask.Target, Name: s.name(ask.Target), From: t.since, To: t.at, State: r.URL.Query().Get("state"), Rows: []verdict.Row{}}
	if err := v.narrow(r.URL.Query()); err != nil {
		return v, err
	}
	f := store.Filter{CC: v.CC, Target: v.Target, Since: v.From, Until: v.To}
	if v.ASN != 0 {
		f.ASNs = []uint32{v.ASN}
	}
	more := false
	if s.Store != nil {
		var found []verdict.Row
		if found, more, err = s.Store.List(r.Context(), f, v.admits, v.Skip, pageSize); err != nil {
			return v, err
		}
		v.Rows = append(v.Rows, found...)
	}
	q := r.URL.Query()
	at := func(skip int) string {
		q.Set("skip", strconv.Itoa(skip))
		return "?" + q.Encode()
	}
	if more {
		v.Earlier = at(v.Skip + pageSize)
	}
	if v.Skip > 0 {
		v.Later = at(max(0, v.Skip-pageSize))
	}
	return v, nil
}

// narrow reads from the query to which measurements the list is narrowed.
func (v *listView) narrow(q url.Values) (err error) {
	if v.ASN, err = asnOf(q.Get("asn")); err != nil {
		return err
	}
	if day := q.Get("day"); day != "" {
		if v.From, err = time.Parse(time.DateOnly, day); err != nil {
			return badRequest(fmt.Sprintf("day is %q: want a day as 2024-02-17.", day))
		}
		v.To = v.From.AddDate(0, 0, 1)
	}
	if v.State != "" && listedStates[v.State] == nil {
		return badRequest(fmt.Sprintf("state is %q: want blocked, ok, down, unclear, inconclusive or failed.", v.State))
	}
	if skip := q.Get("skip"); skip != "" {
		if v.Skip, err = strconv.Atoi(skip); err != nil || v.Skip < 0 || v.Skip > 1_000_000 {
			return badRequest(fmt.Sprintf("skip is %q: want how many measurements to leave out.", skip))
		}
	}
	return nil
}

func (v *listView) admits(r *verdict.Row) bool {
	if v.State == "" {
		return true
	}
	for _, s := range listedStates[v.State] {
		if r.State == s {
			return true
		}
	}
	return false
}

// networkView is what one network blocks, in words and drawings.
type networkView struct {
	inquiry.Network
	Bans   []eventRow
	Few    embedView       // the same in a few words
	Strips []template.HTML // one for each answer: its last days on this network
	When   whenAsked
}

const networkPage page[networkView] = "network.html"

// network says what a network blocks.
func (s *Site) network(w http.ResponseWriter, r *http.Request) error {
	asn, err := asnOf(r.PathValue("asn"))
	if err != nil || asn == 0 {
		return notFound("A network is named by its number, as in /networks/AS17557.")
	}
	if proper := "/networks/" + network.Name(asn); r.URL.EscapedPath() != proper {
		moveTo(w, r, proper)
		return nil
	}
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	v, err := s.networkOf(r.Context(), asn, t, nil)
	if err != nil {
		return err
	}
	v.When = t.asked(r)
	if wantsCSV(r) {
		return networkCSV(w, r, v.Network)
	}
	title := "What does " + network.Name(asn) + " block?"
	f := frame{Title: title, About: "What network " + network.Name(asn) + " blocks, by measurements from it."}
	if err := s.answers(&f, r, title, t); err != nil {
		return err
	}
	f.embeddable(r, title, t.query())
	return networkPage.show(s, w, r, f, v, v.Network)
}

// networkOf returns what was measured from a network and which bans held on it, in
// language c (nil: English).
func (s *Site) networkOf(ctx context.Context, asn uint32, t times, c *catalogue) (networkView, error) {
	on, known, err := s.Desk.Network(ctx, asn)
	if known && err == nil && t.query() != "" {
		on, err = s.Desk.NetworkOn(ctx, asn, t.at, t.known)
	}
	if err != nil {
		return networkView{}, err
	}
	if !known {
		return networkView{}, notFound("This archive holds no measurements from " + network.Name(asn) + ".")
	}
	v := networkView{Network: on, Few: few(&on, c)}
	for _, one := range on.Answers {
		v.Strips = append(v.Strips, stripOf(timelineRow{label: plainName(platformIn(c, one.Target, one.Name)), asn: asn, days: index(one.Days)}, one.At, stripDays, c))
	}
	for _, e := range on.Events {
		v.Bans = append(v.Bans, s.eventRow(e, t.at))
	}
	return v, nil
}

package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// eventRow is one dated ban in a list, as it stood on a day.
type eventRow struct {
	event.Event
	Country, What, Length string
	Span                  ban.Length // of a ban that is over
	Over                  bool       // the ban had ended by the day
	Asked                 bool       // a day was asked about
}

// Word says whether the ban goes on.
func (r eventRow) Word() string {
	switch {
	case r.Over && r.Length != "":
		return "This ban is over: it lasted " + r.Length
	case r.Over:
		return "This ban is over"
	case r.Asked && r.End != nil:
		return "This ban held on that day"
	case r.Asked:
		return "This ban went on, as far as was measured"
	}
	return "This ban goes on, as far as was measured"
}

// Failed counts the measurements that were blocked or unclear.
func (r eventRow) Failed() int { return r.Counts.Blocked + r.Counts.Inconclusive }

// Where says on how many networks the ban held. Counts that others published name no
// networks.
func (r eventRow) Where() string {
	if len(r.Networks) == 0 {
		return "networks not named"
	}
	return count(len(r.Networks), "network")
}

// Ended says the end, as it stood on the day.
func (r eventRow) Ended() string {
	switch {
	case r.Over:
		return when(r.End)
	case r.End != nil:
		return "it held on that day; it ended " + when(r.End)
	}
	return "no end was measured"
}

// eventsView lists the dated bans that had begun.
type eventsView struct {
	Rows []eventRow
	When whenAsked
}

const (
	eventsPage page[eventsView] = "events.html"
	eventPage  page[eventView]  = "event.html"
)

// eventRow puts a ban into words as it stood at a moment; the zero time is now. A ban
// whose end lies after that moment still held.
func (s *Site) eventRow(e event.Event, at time.Time) eventRow {
	row := eventRow{Event: e, Country: inquiry.Country(e.CC), What: s.names(e.Targets), Asked: !at.IsZero()}
	if e.End == nil {
		return row
	}
	first := cmp.Or(e.End.Earliest, e.End.Latest)
	if row.Over = at.IsZero() || first == nil || first.Before(at); row.Over {
		day := s.Desk.DayOf(at, time.Time{})
		row.Span, _ = ban.Between(e.Onset, e.End, day.AddDate(0, 0, 1), day)
		row.Length = lengthWords(row.Span)
	}
	return row
}

// events lists the dated bans that had begun.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	list, err := s.Desk.EventsOn(r.Context(), store.Filter{}, t.at, t.known)
	if err != nil {
		return err
	}
	v := eventsView{When: t.asked(r)}
	for _, e := range list {
		v.Rows = append(v.Rows, s.eventRow(e, t.at))
	}
	f := frame{Title: "Bans that were measured", About: "Every ban that was dated from measurements, with its beginning, its end and its networks."}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	return eventsPage.show(s, w, r, f, v, list)
}

// eventView is one dated ban.
type eventView struct {
	eventRow
	Pages    []namedLink // the answers for its targets
	Chart    *chart
	Measured string // the address of the measurements that are counted
	Phases   []phaseRow
}

type namedLink struct{ Name, Href string }

// Feed tells what changes there.
func (l namedLink) Feed() string { return feedOfPage(l.Href) }

// phaseRow is one stretch of a ban in words.
type phaseRow struct {
	event.Phase
	Word      string
	ASNs      []uint32
	How, Rest string // the note; How is the mechanism that it begins with
}

// phaseWords says what changed.
var phaseWords = map[event.PhaseKind]string{
	event.PhaseBlocked: "Blocked", event.PhaseLull: "Reachable in between", event.PhaseSpread: "Spread to more networks", event.PhaseRestored: "Restored on some networks", event.PhaseMechanism: "Done by other means",
}

// Numbers are the networks of the ban by number.
func (r eventRow) Numbers() []uint32 { return network.Numbers(r.Networks) }

// event is the page of one dated ban.
func (s *Site) event(w http.ResponseWriter, r *http.Request) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	e, err := s.eventOn(r.Context(), r.PathValue("id"), t)
	if err != nil {
		return err
	}
	return s.showEvent(w, r, e, t)
}

// eventOn finds a dated ban by its id: one that had begun by the day t.at, according to
// what was known on the day t.known.
func (s *Site) eventOn(ctx context.Context, id string, t times) (*event.Event, error) {
	find := func(f store.Filter, known time.Time) (*event.Event, error) {
		list, err := s.Desk.EventsOn(ctx, f, time.Time{}, known)
		if i := slices.IndexFunc(list, func(e event.Event) bool { return e.ID == id }); i >= 0 {
			return &list[i], err
		}
		return nil, err
	}
	e, err := find(store.Filter{}, time.Time{})
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, notFound("There is no dated ban of this id. Ids of bans that were found no more are in no list.")
	case !t.known.IsZero():
		if e, err = find(store.Filter{CC: e.CC}, t.known); err != nil {
			return nil, err
		}
		if e == nil {
			return nil, notFound("By what was known at the end of that day, no ban of this id was dated.")
		}
	}
	if first := cmp.Or(e.Onset.Earliest, e.Onset.Latest); !t.at.IsZero() && first != nil && !first.Before(t.at) {
		return nil, notFound("At the end of that day this ban had not begun.")
	}
	return e, nil
}

// drawable reports whether the days of a ban can be drawn: its beginning has a latest day,
// and it has a target other than "*" (everything).
func drawable(e *event.Event) bool { return e.Onset.Latest != nil && e.Targets[0] != "*" }

// eventChart draws the days around a ban, in language lang (nil: English). It returns nil
// if there is nothing to draw.
func (s *Site) eventChart(ctx context.Context, e *event.Event, t times, lang *catalogue) (*chart, error) {
	if !drawable(e) {
		return nil, nil
	}
	from := e.Onset.Latest.AddDate(0, 0, -14).UTC().Truncate(24 * time.Hour)
	ask := inquiry.Ask{CC: e.CC, Target: e.Targets[0], Since: from, Known: t.known}
	if e.End != nil && e.End.Latest != nil {
		ask.At = e.End.Latest.AddDate(0, 0, 14).UTC().Truncate(24 * time.Hour)
	}
	a, err := s.Desk.Answer(ctx, ask)
	if err != nil || len(a.Days) == 0 {
		return nil, err
	}
	return chartOf(a, []event.Event{*e}, from, parseDay(a.Days[len(a.Days)-1].Date).AddDate(0, 0, 1), false, lang), nil
}

// measuredIn returns the address of the list of a ban's measurements, "" for a ban that
// cannot be drawn.
func measuredIn(e *event.Event) string {
	if !drawable(e) {
		return ""
	}
	q := url.Values{"since": {e.Onset.Latest.UTC().Format(time.DateOnly)}}
	if e.End != nil && e.End.Latest != nil {
		q.Set("until", e.End.Latest.UTC().Format(time.DateOnly))
	}
	return "/cc/" + e.CC + "/" + url.PathEscape(e.Targets[0]) + "/measurements?" + q.Encode()
}

func (s *Site) showEvent(w http.ResponseWriter, r *http.Request, e *event.Event, t times) error {
	v := eventView{eventRow: s.eventRow(*e, t.at)}
	for _, id := range e.Targets {
		if id != "*" {
			v.Pages = append(v.Pages, namedLink{"Is " + s.name(id) + " blocked in " + v.Country + "?", "/cc/" + e.CC + "/" + url.PathEscape(id) + t.query()})
		}
	}
	for _, p := range e.Phases {
		row := phaseRow{Phase: p, Word: phaseWords[p.Kind], ASNs: network.Numbers(p.Networks), Rest: p.Note}
		if m, rest, ok := strings.Cut(p.Note, ": "); ok && verdict.MechanismWords(m) != "" {
			row.How, row.Rest = m, rest
		}
		v.Phases = append(v.Phases, row)
	}
	title := v.What + " in " + v.Country + ": a measured ban"
	f := frame{Title: title, Trail: []crumb{{"Measured bans", "/events"}, {v.What + " in " + v.Country, ""}}, Of: []string{e.ID}}
	if wantsJSON(r) {
		return eventPage.show(s, w, r, f, v, e)
	}
	var err error
	if v.Chart, err = s.eventChart(r.Context(), e, t, nil); err != nil {
		return err
	}
	v.Measured = measuredIn(e)
	if err := s.answers(&f, r, title, t); err != nil {
		return err
	}
	f.embeddable(r, title, t.query())
	return eventPage.show(s, w, r, f, v, e)
}

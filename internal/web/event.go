package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// eventRow is one dated ban in a list.
type eventRow struct {
	event.Event
	Country, What, Length string
}

const (
	eventsPage page[[]eventRow] = "events.html"
	eventPage  page[eventView]  = "event.html"
)

func (s *Site) eventRow(e event.Event) eventRow {
	row := eventRow{Event: e, Country: inquiry.Country(e.CC), What: s.names(e.Targets)}
	if e.End != nil {
		row.Length = lengthBetween(e.Onset, *e.End)
	}
	return row
}

// events lists the dated bans.
func (s *Site) events(w http.ResponseWriter, r *http.Request) error {
	found, err := s.Desk.Events(r.Context(), store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	list, rows := found.Events, []eventRow{}
	if list == nil {
		list = []event.Event{}
	}
	for _, e := range list {
		rows = append(rows, s.eventRow(e))
	}
	return eventsPage.show(s, w, r, frame{Title: "Bans that were measured", About: "Every ban that was dated from measurements, with its beginning, its end and its networks."}, rows, list)
}

// eventView is one dated ban.
type eventView struct {
	eventRow
	Pages    []namedLink // the answers for its targets
	Chart    *chart
	Measured string // the address of the measurements that are counted
	Phases   []phaseRow
	Cite     citation
}

type namedLink struct{ Name, Href string }

// phaseRow is one stretch of a ban in words.
type phaseRow struct {
	event.Phase
	Word      string
	ASNs      []uint32
	How, Rest string // the note, with the mechanism that it begins with apart
}

// phaseWords say what changed.
var phaseWords = map[event.PhaseKind]string{
	event.PhaseBlocked: "Blocked", event.PhaseLull: "Reachable in between", event.PhaseSpread: "Spread to more networks", event.PhaseRestored: "Restored on some networks", event.PhaseMechanism: "Done by other means",
}

// Numbers are the networks of the ban by number.
func (r eventRow) Numbers() []uint32 { return network.Numbers(r.Networks) }

// event is the page of one dated ban.
func (s *Site) event(w http.ResponseWriter, r *http.Request) error {
	found, err := s.Desk.Events(r.Context(), store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	for i := range found.Events {
		if e := &found.Events[i]; e.ID == r.PathValue("id") {
			return s.showEvent(w, r, e)
		}
	}
	return notFound("There is no dated ban of this id. Ids of bans that were found no more are in no list.")
}

func (s *Site) showEvent(w http.ResponseWriter, r *http.Request, e *event.Event) error {
	v := eventView{eventRow: s.eventRow(*e)}
	for _, t := range e.Targets {
		if t != "*" {
			v.Pages = append(v.Pages, namedLink{"Is " + s.name(t) + " blocked in " + v.Country + "?", "/cc/" + e.CC + "/" + url.PathEscape(t)})
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
	if e.Onset.Latest != nil && len(v.Pages) > 0 {
		from := e.Onset.Latest.AddDate(0, 0, -14).UTC().Truncate(24 * time.Hour)
		ask := inquiry.Ask{CC: e.CC, Target: e.Targets[0], Since: from}
		if e.End != nil && e.End.Latest != nil {
			ask.At = e.End.Latest.AddDate(0, 0, 14).UTC().Truncate(24 * time.Hour)
		}
		a, err := s.Desk.Answer(r.Context(), ask)
		if err != nil {
			return err
		}
		if n := len(a.Days); n > 0 {
			v.Chart = chartOf(a, []event.Event{*e}, from, parseDay(a.Days[n-1].Date).AddDate(0, 0, 1), false, nil)
		}
		q := url.Values{"since": {e.Onset.Latest.UTC().Format(time.DateOnly)}}
		if e.End != nil && e.End.Latest != nil {
			q.Set("until", e.End.Latest.UTC().Format(time.DateOnly))
		}
		v.Measured = "/cc/" + e.CC + "/" + url.PathEscape(e.Targets[0]) + "/measurements?" + q.Encode()
	}
	var err error
	if v.Cite, err = s.cite(r, title, times{}); err != nil {
		return err
	}
	f.Cite = &v.Cite
	return eventPage.show(s, w, r, f, v, e)
}

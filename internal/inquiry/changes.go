package inquiry

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/store"
)

// Topic says which changes are wanted: all of them (the zero Topic), or those of a
// country, a target or a case.
type Topic struct {
	CC, Target, Case string
	At, Known        time.Time // as in BlockedOn: changes up to At, by what was known at Known
}

func (t Topic) covers(cc string, targets []string, caseID string) bool {
	return (t.CC == "" || t.CC == cc) && (t.Target == "" || slices.Contains(targets, t.Target)) && (t.Case == "" || t.Case == caseID)
}

// The kinds of changes that were measured. All other kinds are kinds of acts of the
// record.
const (
	BanBegins = "ban_begins"
	BanEnds   = "ban_ends"
)

// Change is something that began, ended or was done.
type Change struct {
	At       time.Time       `json:"at"`              // latest moment at which a ban began or ended; first day of an act
	Interval *event.Interval `json:"interval"`        // of a ban
	Date     casefile.Date   `json:"date,omitzero"`   // of an act, EDTF
	Kind     string          `json:"kind"`            // ban_begins, ban_ends or the kind of an act
	CC       string          `json:"probe_cc"`        // ISO 3166-1
	Targets  []string        `json:"targets"`         // ids of targets; "*" is the whole internet
	Networks []string        `json:"networks"`        // of a ban, "AS64512"
	Event    string          `json:"event,omitempty"` // id of a dated ban
	Case     string          `json:"case,omitempty"`  // ids of a case and of its act
	Act      string          `json:"act,omitempty"`   //
	Text     string          `json:"text"`            // one sentence, in English
	Path     string          `json:"path"`            // path of its page on this server
}

// Changes lists what began, ended or was done, the newest first.
func (d *Desk) Changes(ctx context.Context, t Topic) ([]Change, error) {
	found, err := d.Events(ctx, store.Filter{CC: t.CC}, t.Known)
	if err != nil {
		return nil, err
	}
	out := []Change{}
	for i := range found.Events {
		e := &found.Events[i]
		if !t.covers(e.CC, e.Targets, "") {
			continue
		}
		c := Change{CC: e.CC, Targets: e.Targets, Networks: e.Networks, Event: e.ID, Text: d.Names(e.Targets) + " in " + Country(e.CC), Path: "/events/" + url.PathEscape(e.ID)}
		switch n := len(e.Networks); n {
		case 0:
		case 1:
			c.Text += " on 1 network"
		default:
			c.Text += fmt.Sprintf(" on %d networks", n)
		}
		if e.Onset.Latest != nil {
			c.At, c.Interval, c.Kind = *e.Onset.Latest, &e.Onset, BanBegins
			out = append(out, c)
		}
		if e.End != nil && e.End.Latest != nil {
			c.At, c.Interval, c.Kind = *e.End.Latest, e.End, BanEnds
			out = append(out, c)
		}
	}
	for _, c := range d.recordsThen(t.Known).Cases {
		if c.Withdrawn != nil || !t.covers(c.Jurisdiction, c.Targets, c.ID) {
			continue
		}
		for i := range c.Acts {
			a := &c.Acts[i]
			if day, ok := a.Date.FirstDay(c.Zone()); ok && a.Withdrawn == nil {
				out = append(out, Change{At: day, Date: a.Date, Kind: string(a.Kind), CC: c.Jurisdiction, Targets: c.Targets, Networks: []string{}, Case: c.ID, Act: a.ID,
					Text: Country(c.Jurisdiction) + ": " + a.What, Path: "/cases/" + url.PathEscape(c.ID) + "/act/" + url.PathEscape(a.ID)})
			}
		}
	}
	if !t.At.IsZero() {
		out = slices.DeleteFunc(out, func(c Change) bool { return !c.At.Before(t.At) })
	}
	slices.SortStableFunc(out, func(a, b Change) int { return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Path, b.Path)) })
	return out, nil
}

// Names joins the names of targets as readers know them; of more than three it gives three
// and a number.
func (d *Desk) Names(ids []string) string {
	var names []string
	for _, id := range ids {
		if id == "*" {
			return "The internet"
		}
		names = append(names, d.Name(id))
	}
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n > 3:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n-3)
	case n > 1:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return ""
}

package inquiry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/network"
)

// Summary is what there is on one country, or on one target.
type Summary struct {
	ID           string          `json:"id"` // a country code or a target
	Name         string          `json:"name"`
	Blocked      []answer.Answer `json:"blocked"`      // what is blocked there, or where it is
	Places       int             `json:"places"`       // targets that were measured, or countries; of all time
	Measurements int64           `json:"measurements"` // of both, of all time
	Bans         int             `json:"bans"`         // dated ones that had begun
	Reported     int             `json:"reported"`     // bans that had begun, by the record and imported lists
	Cases        []answer.Case   `json:"cases"`
}

// allPlaces is more than any archive has of countries and targets.
const allPlaces = 1 << 20

// Countries sums up each country of which anything is known, those with the
// most blocked first, as BlockedOn takes at and known.
func (d *Desk) Countries(ctx context.Context, at, known time.Time) ([]Summary, error) {
	return remember(ctx, d, fmt.Sprint("countries ", at, d.then(known)), func() ([]Summary, error) {
		return d.summaries(ctx, at, known, func(cc, _ string) string { return cc }, Country)
	})
}

// Platforms sums up each target of which anything is known, and each platform
// of the registry, as BlockedOn takes at and known.
func (d *Desk) Platforms(ctx context.Context, at, known time.Time) ([]Summary, error) {
	return remember(ctx, d, fmt.Sprint("platforms ", at, d.then(known)), func() ([]Summary, error) {
		return d.summaries(ctx, at, known, func(_, target string) string { return target }, d.Name)
	})
}

// begunBy reports whether what began in an interval may have begun before a moment,
// zero for any.
func begunBy(onset *event.Interval, at time.Time) bool {
	first := cmp.Or(onset.Earliest, onset.Latest)
	return at.IsZero() || first == nil || first.Before(at)
}

// EventsOn are the dated bans that had begun at a moment (exclusive: the end of a
// day; zero: all), by what was known at another (zero: now).
func (d *Desk) EventsOn(ctx context.Context, f store.Filter, at, known time.Time) ([]event.Event, error) {
	found, err := d.Events(ctx, f, known)
	if err != nil {
		return nil, err
	}
	out := make([]event.Event, 0, len(found.Events))
	for _, e := range found.Events {
		if begunBy(&e.Onset, at) {
			out = append(out, e)
		}
	}
	return out, nil
}

// summaries adds up all that is known by country or by target.
func (d *Desk) summaries(ctx context.Context, moment, known time.Time, of func(cc, target string) string, name func(string) string) ([]Summary, error) {
	all := map[string]*Summary{}
	at := func(cc, target string) *Summary {
		id := of(cc, target)
		if all[id] == nil {
			all[id] = &Summary{ID: id, Name: name(id), Blocked: []answer.Answer{}, Cases: []answer.Case{}}
		}
		return all[id]
	}
	if of("", "target") == "target" {
		for _, p := range d.Targets.Platforms() {
			at("", p.ID)
		}
	}
	blocked, err := d.BlockedOn(ctx, moment, known)
	if err != nil {
		return nil, err
	}
	for _, a := range blocked {
		s := at(a.CC, a.Target)
		s.Blocked = append(s.Blocked, a)
	}
	places, err := d.Places(ctx, allPlaces)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		s := at(p.CC, p.Target)
		s.Places++
		s.Measurements += p.Measurements
	}
	events, err := d.EventsOn(ctx, store.Filter{}, moment, known)
	if err != nil {
		return nil, err
	}
	for i := range events {
		e := &events[i]
		seen := map[*Summary]bool{}
		for _, t := range e.Targets {
			if s := at(e.CC, t); t != "*" && !seen[s] {
				s.Bans++
				seen[s] = true
			}
		}
	}
	if err := d.sumReported(at, moment, known); err != nil {
		return nil, err
	}
	out := make([]Summary, 0, len(all))
	for _, s := range all {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b Summary) int {
		return cmp.Or(len(b.Blocked)-len(a.Blocked), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// sumReported adds the bans that are reported, and the cases.
func (d *Desk) sumReported(at func(cc, target string) *Summary, moment, known time.Time) error {
	bans, err := d.reported(known)
	if err != nil {
		return err
	}
	for _, list := range bans {
		for i := range list {
			if b := &list[i]; b.Target != ban.Internet && b.Target != ban.Unnamed && (moment.IsZero() || b.Start.Before(moment)) {
				at(b.CC, b.Target).Reported++
			}
		}
	}
	for _, c := range d.Records.Cases {
		if c.Withdrawn != nil || !d.begun(c, known) {
			continue
		}
		seen := map[*Summary]bool{}
		for _, t := range c.Targets {
			if s := at(c.Jurisdiction, t); !seen[s] {
				s.Cases = append(s.Cases, answer.Case{ID: c.ID, Title: c.Title})
				seen[s] = true
			}
		}
	}
	return nil
}

// OfTarget answers for every country in which a target was measured or reported
// blocked, those where it is blocked first, then by name.
func (d *Desk) OfTarget(ctx context.Context, target string, at, known time.Time) ([]answer.Answer, error) {
	return remember(ctx, d, fmt.Sprint("target ", target, " ", at, d.then(known)), func() ([]answer.Answer, error) { return d.ofTarget(ctx, target, at, known) })
}

func (d *Desk) ofTarget(ctx context.Context, target string, at, known time.Time) ([]answer.Answer, error) {
	countries := map[string]bool{}
	places, err := d.Places(ctx, allPlaces)
	if err != nil {
		return nil, err
	}
	for _, p := range places {
		if p.Target == target {
			countries[p.CC] = true
		}
	}
	found, err := d.Events(ctx, store.Filter{Target: target}, time.Time{})
	if err != nil {
		return nil, err
	}
	for i := range found.Events {
		countries[found.Events[i].CC] = true
	}
	bans, err := d.reported(known)
	if err != nil {
		return nil, err
	}
	for cc, list := range bans {
		if slices.ContainsFunc(list, func(b ban.Ban) bool { return b.Target == target }) {
			countries[cc] = true
		}
	}
	pairs := make([]store.Pair, 0, len(countries))
	for cc := range countries {
		pairs = append(pairs, store.Pair{CC: cc, Target: target})
	}
	evidence, err := d.evidenceOf(ctx, pairs, known)
	if err != nil {
		return nil, err
	}
	out := []answer.Answer{}
	for p, ev := range evidence {
		out = append(out, answer.Of(d.question(Ask{CC: p.CC, Target: target, At: at, Known: known}), ev))
	}
	slices.SortFunc(out, func(a, b answer.Answer) int {
		return cmp.Or(rank(&a)-rank(&b), cmp.Compare(a.Country, b.Country), cmp.Compare(a.CC, b.CC))
	})
	return out, nil
}

// EventsOnNetwork are the dated bans that name a network.
func (d *Desk) EventsOnNetwork(ctx context.Context, asn uint32, known time.Time) ([]event.Event, error) {
	found, err := d.Events(ctx, store.Filter{}, known)
	if err != nil {
		return nil, err
	}
	name, out := network.Name(asn), []event.Event{}
	for _, e := range found.Events {
		if slices.Contains(e.Networks, name) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Longest ranks all bans of platforms, measured and reported, by their length as of a
// day: that which at ends (exclusive), else that which known ends, else today. known is
// the moment whose knowledge is used, zero for now.
func (d *Desk) Longest(ctx context.Context, at, known time.Time) ([]ban.Ranked, error) {
	return remember(ctx, d, fmt.Sprint("longest ", at, d.then(known)), func() ([]ban.Ranked, error) {
		day := d.DayOf(at, known)
		all, err := d.bans(ctx, day, known)
		return ban.Rank(all, day), err
	})
}

// DayOf is the day that a question is about, as its first moment, or now.
func (d *Desk) DayOf(at, known time.Time) time.Time {
	if end := cmp.Or(at, known); !end.IsZero() {
		return end.AddDate(0, 0, -1)
	}
	return d.Now()
}

// UnknownTarget is the failure of a word that names nothing; its text is for the
// reader.
type UnknownTarget struct{ error }

// Target is the target that a word names: a platform by any of its names, a
// host, or anything that was measured under exactly this name.
func (d *Desk) Target(ctx context.Context, word string) (string, error) {
	id, _, unknown := d.Targets.Resolve(word)
	if unknown == nil {
		return id, nil
	}
	measured, err := remember(ctx, d, "targets", func() (map[string]bool, error) {
		places, err := d.Places(ctx, allPlaces)
		all := make(map[string]bool, len(places))
		for _, p := range places {
			all[p.Target] = true
		}
		return all, err
	})
	if err != nil {
		return "", err
	}
	if measured[word] {
		return word, nil
	}
	return "", UnknownTarget{unknown}
}

// Pairs are the countries and targets of which something was measured or is
// reported: those whose answer says something.
func (d *Desk) Pairs(ctx context.Context) ([]Ask, error) {
	return remember(ctx, d, "pairs", func() ([]Ask, error) {
		places, err := d.Places(ctx, allPlaces)
		if err != nil {
			return nil, err
		}
		type pair struct{ cc, target string }
		all := map[pair]bool{}
		for _, p := range places {
			all[pair{p.CC, p.Target}] = true
		}
		bans, err := d.reported(time.Time{})
		if err != nil {
			return nil, err
		}
		for _, list := range bans {
			for i := range list {
				if b := &list[i]; b.Target != ban.Internet && b.Target != ban.Unnamed {
					all[pair{b.CC, b.Target}] = true
				}
			}
		}
		out := make([]Ask, 0, len(all))
		for p := range all {
			out = append(out, Ask{CC: p.cc, Target: p.target})
		}
		slices.SortFunc(out, func(a, b Ask) int { return cmp.Or(cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target)) })
		return out, nil
	})
}

// Hours counts the hours in which each target was banned in each country and
// year, by dated bans and by reported ones, up to the day that Longest is of.
func (d *Desk) Hours(ctx context.Context, at, known time.Time) ([]ban.Year, error) {
	return remember(ctx, d, fmt.Sprint("hours ", at, d.then(known)), func() ([]ban.Year, error) {
		found, err := d.Events(ctx, store.Filter{}, known)
		if err != nil {
			return nil, err
		}
		said, err := d.reported(known)
		if err != nil {
			return nil, err
		}
		last, err := d.lastMeasured(ctx)
		if err != nil {
			return nil, err
		}
		var reported []ban.Ban
		for _, list := range said {
			reported = append(reported, list...)
		}
		until := d.Now()
		if end := cmp.Or(at, known); !end.IsZero() && end.Before(until) {
			until = end
		}
		return ban.Hours(found.Events, reported, last, until), nil
	})
}

// lastMeasured gives the end (exclusive) of the last day on which a target was
// measured in a country; of the target "*" it is that of any target.
func (d *Desk) lastMeasured(ctx context.Context) (func(cc, target string) time.Time, error) {
	places, err := d.Places(ctx, allPlaces)
	if err != nil {
		return nil, err
	}
	type pair struct{ cc, target string }
	last := make(map[pair]time.Time, len(places))
	for _, p := range places {
		end := p.Last.AddDate(0, 0, 1)
		for _, of := range []pair{{p.CC, p.Target}, {p.CC, "*"}} {
			if end.After(last[of]) {
				last[of] = end
			}
		}
	}
	return func(cc, target string) time.Time { return last[pair{cc, target}] }, nil
}

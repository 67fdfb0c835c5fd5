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

// Summary is what is known of one country, or of one target.
type Summary struct {
	ID           string          `json:"id"` // a country code, or the id of a target
	Name         string          `json:"name"`
	Blocked      []answer.Answer `json:"blocked"`      // what is blocked there, or where it is blocked
	Places       int             `json:"places"`       // how many targets or countries were measured, ever
	Measurements int64           `json:"measurements"` // how many, ever
	Bans         int             `json:"bans"`         // dated bans that had begun
	Reported     int             `json:"reported"`     // reported bans that had begun, by the record and imported lists
	Cases        []answer.Case   `json:"cases"`
}

// allPlaces is more than any archive has pairs of country and target.
const allPlaces = 1 << 20

// Countries returns a summary of each country of which anything is known, those with most
// blocked first. at and known are as in BlockedOn.
func (d *Desk) Countries(ctx context.Context, at, known time.Time) ([]Summary, error) {
	return remember(ctx, d, fmt.Sprint("countries ", at, d.then(known)), func() ([]Summary, error) {
		return d.summaries(ctx, at, known, func(cc, _ string) string { return cc }, Country)
	})
}

// Platforms returns a summary of each target of which anything is known, and of each
// platform of the registry. at and known are as in BlockedOn.
func (d *Desk) Platforms(ctx context.Context, at, known time.Time) ([]Summary, error) {
	return remember(ctx, d, fmt.Sprint("platforms ", at, d.then(known)), func() ([]Summary, error) {
		return d.summaries(ctx, at, known, func(_, target string) string { return target }, d.Name)
	})
}

// begunBy reports whether a ban with this onset may have begun before a moment; true for
// the zero moment.
func begunBy(onset *event.Interval, at time.Time) bool {
	first := cmp.Or(onset.Earliest, onset.Latest)
	return at.IsZero() || first == nil || first.Before(at)
}

// EventsOn returns the dated bans that had begun at a moment, by what was known at
// another. at is exclusive, the end of a day; zero means all. known zero is now.
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

// summaries sums up all that is known by country or by target; of says which.
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

// sumReported adds reported bans and cases to the summaries.
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

// OfTarget answers for every country in which a target was measured or is reported
// blocked. Countries where it is blocked come first, then by name.
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

// EventsOnNetwork returns the dated bans that name a network.
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

// Longest returns all bans of platforms, measured and reported, the longest first. Lengths
// count up to the day that ends at at, or else at known, or else today. known is the
// moment whose knowledge is used; zero is now.
func (d *Desk) Longest(ctx context.Context, at, known time.Time) ([]ban.Ranked, error) {
	return remember(ctx, d, fmt.Sprint("longest ", at, d.then(known)), func() ([]ban.Ranked, error) {
		day := d.DayOf(at, known)
		all, err := d.bans(ctx, day, known)
		return ban.Rank(all, day), err
	})
}

// DayOf returns the first moment of the day that a question is about, or now.
func (d *Desk) DayOf(at, known time.Time) time.Time {
	if end := cmp.Or(at, known); !end.IsZero() {
		return end.AddDate(0, 0, -1)
	}
	return d.Now()
}

// UnknownTarget is the error for a word that names no target. Its text is written for the
// reader.
type UnknownTarget struct{ error }

// Target returns the id of the target that a word names: a platform by any of its names, a
// host, or anything that was measured under exactly this name. Else the error is
// UnknownTarget.
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

// Pairs returns the pairs of country and target of which something was measured or is
// reported, sorted.
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

// Hours counts the hours in which each target was banned, by country and year, from dated
// bans and from reported ones. It counts up to the day of Longest.
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

// lastMeasured returns a function that gives the exclusive end of the last day on which a
// target was measured in a country. The target "*" means any target.
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

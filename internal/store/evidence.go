package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// Evidence returns what was measured of one target in one country: daily cells and events.
// If known is not zero, it uses only what was received before that moment.
func (s *Store) Evidence(ctx context.Context, cc, target string, known time.Time) (answer.Evidence, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return answer.Evidence{}, err
	}
	if !known.IsZero() {
		then, err := s.Known(ctx, cc, known)
		if err != nil {
			return answer.Evidence{}, err
		}
		return answer.Evidence{Days: then.Days[target], Events: then.Events, Ruleset: m.Ruleset}, nil
	}
	cells, err := s.dayCells(ctx, m, cc, target)
	if err != nil {
		return answer.Evidence{}, err
	}
	events, err := s.eventsOn(ctx, cc, target)
	return answer.Evidence{Days: cells, Events: events, Ruleset: m.Ruleset}, err
}

// eventsOn returns the events of a country that concern a target.
func (s *Store) eventsOn(ctx context.Context, cc, target string) (out []event.Event, err error) {
	found, err := s.Events(ctx, Filter{CC: cc})
	for i := range found.Events {
		if e := &found.Events[i]; e.Concerns(target) {
			out = append(out, *e)
		}
	}
	return out, err
}

// CountryEvidence returns the evidence on each target that was measured in a country. It
// is enough to answer for the moment at; if at is zero, for the end of each target's own
// last measured day.
func (s *Store) CountryEvidence(ctx context.Context, cc string, at, known time.Time) (map[string]answer.Evidence, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]answer.Evidence{}
	if !known.IsZero() {
		then, err := s.Known(ctx, cc, known)
		if err != nil {
			return nil, err
		}
		for target, days := range then.Days {
			out[target] = answer.Evidence{Days: days, Events: then.Events, Ruleset: m.Ruleset}
		}
		return out, nil
	}
	found, err := s.Events(ctx, Filter{CC: cc})
	if err != nil {
		return nil, err
	}
	recent, err := s.recentCells(ctx, m, cc, at)
	if err != nil {
		return nil, err
	}
	for len(recent) > 0 {
		n := 1
		for n < len(recent) && recent[n].Target == recent[0].Target {
			n++
		}
		out[recent[0].Target] = answer.Evidence{Days: recent[:n:n], Ruleset: m.Ruleset}
		recent = recent[n:]
	}
	if err := s.publishedTargets(ctx, cc, out); err != nil {
		return nil, err
	}
	for i := range found.Events {
		for _, target := range found.Events[i].Targets {
			ev, ok := out[target]
			if !ok || ev.Events != nil {
				continue
			}
			if ev.Days, err = s.dayCells(ctx, m, cc, target); err != nil { // a ban may be longer than the last days
				return nil, err
			}
			ev.Events = found.Events
			out[target] = ev
		}
	}
	if slices.ContainsFunc(found.Events, func(e event.Event) bool { return e.SeenDark() }) {
		for target, ev := range out {
			ev.Events = found.Events
			out[target] = ev
		}
	}
	return out, nil
}

// Pair is a target in a country.
type Pair struct{ CC, Target string }

// EvidenceOf is Evidence for many pairs at once, by all that is known now.
func (s *Store) EvidenceOf(ctx context.Context, pairs []Pair) (map[Pair]answer.Evidence, error) {
	out := make(map[Pair]answer.Evidence, len(pairs))
	if len(pairs) == 0 {
		return out, nil
	}
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range pairs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		own, err := s.lookupCells(m, Filter{CC: p.CC, Target: p.Target}, s.read.alone)
		if err != nil {
			return nil, err
		}
		rows, err := s.counts(m, p.CC, p.Target)
		if err != nil {
			return nil, err
		}
		events, err := s.eventsOn(ctx, p.CC, p.Target)
		if err != nil {
			return nil, err
		}
		out[p] = answer.Evidence{Days: derivation.Beside(own, derivation.PublishedCells(rows)), Events: events, Ruleset: m.Ruleset}
	}
	return out, nil
}

// dayCells returns the daily cells of one target in one country. On days without
// measurements in the archive they come from published counts.
func (s *Store) dayCells(ctx context.Context, m *archive.Manifest, cc, target string) ([]series.Cell, error) {
	own, err := s.Cells(ctx, Filter{CC: cc, Target: target})
	if err != nil {
		return nil, err
	}
	rows, err := s.counts(m, cc, target)
	if err != nil {
		return nil, err
	}
	return derivation.Beside(own, derivation.PublishedCells(rows)), nil
}

// recentCells returns the cells of a country's targets in the days (answer.Window) before
// at; if at is zero, before each target's own last measurement.
func (s *Store) recentCells(ctx context.Context, m *archive.Manifest, cc string, at time.Time) ([]series.Cell, error) {
	if parts, small, err := s.smallCells(m); small || err != nil {
		return recentSmall(parts, cc, at), err
	}
	window := int64(answer.Window / time.Second)
	var of map[string]stretch // by target; nil: all targets have the same stretch
	if at.IsZero() {
		var err error
		if of, err = s.lastDays(ctx, cc, window); err != nil {
			return nil, err
		}
	}
	all := stretch{at.Unix() - window, at.Unix()}
	var out []series.Cell
	for _, g := range m.Select(archive.Cells, m.Ruleset) {
		cells, err := s.recentIn(g, cc, all, of)
		if err != nil {
			return nil, err
		}
		out = append(out, cells...)
	}
	series.Sort(out)
	return out, nil
}

// stretch is a span of time in Unix seconds, [from, to).
type stretch struct{ from, to int64 }

func (s stretch) holds(t int64) bool { return t >= s.from && t < s.to }

// touches reports whether the stretch has any second of a month, "2024-02".
func (s stretch) touches(month string) bool {
	in := func(t int64) string { return time.Unix(t, 0).UTC().Format("2006-01") }
	return month >= in(s.from) && month <= in(s.to-1)
}

// fewTargets is up to how many targets are looked up one by one; of more, the whole
// country is read.
const fewTargets = 4

// recentIn returns the cells of a country in a segment that lie in the stretch of their
// target, or in all if of is nil.
func (s *Store) recentIn(g archive.Segment, cc string, all stretch, of map[string]stretch) (out []series.Cell, err error) {
	take := func(cells []series.Cell) {
		for i := range cells {
			in := all
			if of != nil {
				in = of[cells[i].Target]
			}
			if in.holds(cells[i].Start) {
				out = append(out, cells[i])
			}
		}
	}
	var targets []string
	for target, in := range of {
		if in.touches(g.Period) {
			targets = append(targets, target)
		}
	}
	if of == nil && all.touches(g.Period) || len(targets) > fewTargets {
		cells, err := s.read.country(s, g, cc)
		take(cells)
		return out, err
	}
	for _, target := range targets {
		cells, err := s.read.of(s, g, cc, target)
		if err != nil {
			return nil, err
		}
		take(cells)
	}
	return out, nil
}

// lastDays returns, for each measured target of a country, a stretch: from the window
// before its last measurement that votes to its last cell.
func (s *Store) lastDays(ctx context.Context, cc string, window int64) (map[string]stretch, error) {
	if _, err := s.refresh(ctx, "cells"); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT target, max(CASE WHEN measurements > 0 THEN start ELSE -1 END), max(start) FROM cells WHERE probe_cc = ? GROUP BY target`, cc)
	if err != nil {
		return nil, fmt.Errorf("query the last days: %w", err)
	}
	defer rows.Close()
	out := map[string]stretch{}
	for rows.Next() {
		var target string
		var measured, last int64 // measured is -1 if no measurement votes
		if err := rows.Scan(&target, &measured, &last); err != nil {
			return nil, fmt.Errorf("query the last days: %w", err)
		}
		if measured >= 0 {
			out[target] = stretch{measured - window + 1, last + 1}
		}
	}
	return out, rows.Err()
}

// publishedTargets adds to out the targets of a country that have published counts, with
// their cells.
func (s *Store) publishedTargets(ctx context.Context, cc string, out map[string]answer.Evidence) error {
	m, err := s.refresh(ctx)
	if err != nil {
		return err
	}
	targets := map[string]bool{}
	for _, g := range m.Select(archive.Counts, "") {
		rows, err := lookup[derivation.PublishedCount](s, g, archive.Key{Column: "probe_cc", Value: cc})
		if err != nil {
			return err
		}
		for i := range rows {
			targets[rows[i].Target] = true
		}
	}
	for target := range targets {
		ev := out[target]
		ev.Ruleset = m.Ruleset
		if ev.Days, err = s.dayCells(ctx, m, cc, target); err != nil {
			return err
		}
		out[target] = ev
	}
	return nil
}

// Hours returns the hourly cells of one target in one country within the filter's time.
// They are needed for claims: the day of a claim is a day of its country, daily cells are
// of UTC days.
func (s *Store) Hours(ctx context.Context, f Filter) ([]series.Cell, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	return s.lookupHours(m, f)
}

// Then is what could be known of a country at a moment.
type Then struct {
	Days   map[string][]series.Cell // both by target
	Hours  map[string][]series.Cell
	Events []event.Event
}

// knownThen keeps the results for a few moments.
type knownThen struct {
	mu    sync.Mutex // guards what follows; held while a result is made
	gen   uint64
	then  map[string]*Then
	cells int // of all kept results
}

// maxKnown is how many moments are kept; maxCells limits their cells. A result with more
// cells than that is kept alone.
const maxKnown = 16

// Known derives what could be known of a country at a moment, from the verdicts on what
// was received before it. The uid tells when a measurement was received, as OONI's uids
// do; else it is when it was made.
func (s *Store) Known(ctx context.Context, cc string, at time.Time) (*Then, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	k := &s.known
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.gen != m.Generation || len(k.then) >= maxKnown || k.then == nil {
		k.gen, k.then, k.cells = m.Generation, map[string]*Then{}, 0
	}
	name := cc + at.UTC().Format(time.RFC3339)
	if t := k.then[name]; t != nil {
		return t, nil
	}
	t, err := s.derive(ctx, Filter{CC: cc, Until: at})
	if err == nil {
		n := t.size()
		if k.cells+n > maxCells {
			k.then, k.cells = map[string]*Then{}, 0
		}
		k.then[name] = t
		k.cells += n
	}
	return t, err
}

// size returns how many cells a result has.
func (t *Then) size() (n int) {
	for _, by := range []map[string][]series.Cell{t.Days, t.Hours} {
		for _, cells := range by {
			n += len(cells)
		}
	}
	return n
}

func (s *Store) derive(ctx context.Context, f Filter) (*Then, error) {
	markers := map[string]*verdict.Marker{}
	each := func(fn func(*verdict.Row, *verdict.Marker)) error {
		for r, err := range s.Verdicts(ctx, f) {
			if err != nil {
				return err
			}
			if !received(&r).Before(f.Until) {
				continue
			}
			month := r.Time.Format("2006-01")
			if markers[month] == nil {
				markers[month] = new(verdict.Marker)
			}
			fn(&r, markers[month])
		}
		return nil
	}
	if err := each(func(r *verdict.Row, m *verdict.Marker) { m.Add(r) }); err != nil {
		return nil, err
	}
	days, hours := series.NewBuilder(series.Day), series.NewBuilder(series.Hour).WithParts()
	if err := each(func(r *verdict.Row, m *verdict.Marker) { m.Mark(r); days.Add(r); hours.Add(r) }); err != nil {
		return nil, err
	}
	cells := hours.Cells()
	whole := slices.DeleteFunc(slices.Clone(cells), func(c series.Cell) bool { return c.Layer != series.Whole })
	t := &Then{Days: byTarget(days.Cells()), Hours: byTarget(whole)}
	m, err := s.a.Manifest()
	if err != nil {
		return nil, err
	}
	signals, err := s.signalsThen(m, f.CC, f.Until)
	if err != nil {
		return nil, err
	}
	d := event.NewDetector(time.Time{})
	d.Add(event.Find(cells, signals))
	t.Events = d.Finish().Events
	return t, nil
}

// signalsThen returns the signals of a country from outside, up to a moment. Their source
// publishes them within the hour.
func (s *Store) signalsThen(m *archive.Manifest, cc string, until time.Time) ([]signal.Series, error) {
	var out []signal.Series
	for _, g := range m.Select(archive.Signals, "") {
		rows, err := lookup[signal.Series](s, g, archive.Key{Column: "probe_cc", Value: cc})
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			if n := (until.Unix() - r.From) / r.Step; n > 0 {
				r.Values = r.Values[:min(int64(len(r.Values)), n)]
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, func(a, b signal.Series) int { return signal.Compare(&a, &b) })
	return out, nil
}

func byTarget(cells []series.Cell) map[string][]series.Cell {
	out := map[string][]series.Cell{}
	for _, c := range cells {
		out[c.Target] = append(out[c.Target], c)
	}
	return out
}

// received returns when a measurement reached its collector, by its uid
// ("20240217183840.201925_PK_webconnectivity_…"), but not before it was made.
func received(r *verdict.Row) time.Time {
	stamp, _, _ := strings.Cut(r.UID, "_")
	if t, err := time.Parse("20060102150405.000000", stamp); err == nil && t.After(r.Time) {
		return t
	}
	return r.Time
}

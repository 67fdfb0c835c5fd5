package store

import (
	"context"
	"slices"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/series"
)

// Measured answers the record's questions from the archive.
type Measured struct{ Store *Store }

// hourly is the longest time that is counted by the hour: the days of a claim
// are days of its country, and those of the archive's cells are UTC's.
const hourly = 72 * time.Hour

func (m Measured) Cells(ctx context.Context, target, cc string, asns []uint32, from, to time.Time) ([]casefile.Cell, error) {
	f := Filter{CC: cc, Target: target, ASNs: asns, Since: from, Until: to}
	cells, err := m.cells(ctx, f)
	if err != nil {
		return nil, err
	}
	out := make([]casefile.Cell, 0, len(cells))
	for _, c := range cells {
		if c.Measurements > 0 {
			out = append(out, cellOf(c))
		}
	}
	return out, nil
}

func (m Measured) cells(ctx context.Context, f Filter) ([]series.Cell, error) {
	if f.Since.IsZero() || f.Until.IsZero() || f.Until.Sub(f.Since) > hourly {
		return m.Store.Cells(ctx, f)
	}
	b := series.NewBuilder(series.Hour)
	for r, err := range m.Store.Verdicts(ctx, f) {
		if err != nil {
			return nil, err
		}
		b.Add(&r)
	}
	return b.Cells(), nil
}

func cellOf(c series.Cell) casefile.Cell {
	return casefile.Cell{
		Target: c.Target, CC: c.CC, ASN: casefile.ASN(c.ASN),
		From: time.Unix(c.Start, 0).UTC(), To: time.Unix(c.End(), 0).UTC(),
		OK: int64(c.OK), Blocked: int64(c.Blocked) + int64(c.Likely), Down: int64(c.Down),
		Unclear: int64(c.Impaired) + int64(c.Insufficient), Reports: int64(c.Reports),
		Votes: casefile.Votes{OK: int64(c.VoteOK), Blocked: int64(c.VoteBlocked), Down: int64(c.VoteDown), Unclear: int64(c.VoteImpaired)},
	}
}

// Bans are the events that the detector finds among all that was measured in
// the country: other targets tell a broken probe from a ban. A country that
// fell silent is no ban of a platform.
func (m Measured) Bans(ctx context.Context, target, cc string, from, to time.Time) ([]casefile.MeasuredBan, error) {
	found, err := m.Store.Events(ctx, Filter{CC: cc}, time.Time{})
	if err != nil {
		return nil, err
	}
	var out []casefile.MeasuredBan
	for i := range found.Events {
		e := &found.Events[i]
		if e.Kind == event.Shutdown || !slices.Contains(e.Targets, target) || e.Onset.Latest == nil {
			continue
		}
		b := casefile.MeasuredBan{ID: e.ID, Start: windowOf(&e.Onset), End: windowOf(e.End)}
		if !to.IsZero() && !b.Start.Latest.Before(to) || !from.IsZero() && !b.End.Latest.IsZero() && !b.End.Latest.After(from) {
			continue
		}
		out = append(out, b)
	}
	return out, nil
}

func windowOf(i *event.Interval) casefile.Window {
	var w casefile.Window
	if i != nil && i.Earliest != nil {
		w.Earliest = *i.Earliest
	}
	if i != nil && i.Latest != nil {
		w.Latest = *i.Latest
	}
	return w
}

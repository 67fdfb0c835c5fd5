package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// List returns the verdicts on one target in one country for which keep is true, the
// newest first: at most limit of them after the first skip. more says whether there are
// others. It reads segments from the newest on, and stops as soon as it can.
func (s *Store) List(ctx context.Context, f Filter, keep func(*verdict.Row) bool, skip, limit int) (out []verdict.Row, more bool, err error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, d := range s.calendar.days(m) {
		if !f.Since.IsZero() && d.period < f.Since.UTC().Format(time.DateOnly) || !f.Until.IsZero() && d.period >= f.Until.UTC().Add(24*time.Hour-1).Format(time.DateOnly) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		rows, err := s.listDay(d.segments, f, keep)
		if err != nil {
			return nil, false, err
		}
		n := min(skip, len(rows))
		skip -= n
		for _, r := range rows[n:] {
			if len(out) == limit {
				return out, true, nil
			}
			out = append(out, *r)
		}
	}
	return out, false, nil
}

func (s *Store) listDay(segments []archive.Segment, f Filter, keep func(*verdict.Row) bool) ([]*verdict.Row, error) {
	var out []*verdict.Row
	for _, g := range segments {
		rows, err := s.verdictsOn(g, f.CC, f.Target)
		if err != nil {
			return nil, fmt.Errorf("list verdicts of %s: %w", g.Period, err)
		}
		for i := range rows {
			r := &rows[i]
			inside := (f.Since.IsZero() || !r.Time.Before(f.Since)) && (f.Until.IsZero() || r.Time.Before(f.Until))
			if inside && (len(f.ASNs) == 0 || slices.Contains(f.ASNs, r.ASN)) && keep(r) {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, newestFirst)
	return out, nil
}

// OnNetwork lists what was measured on a network, most measured first.
func (s *Store) OnNetwork(ctx context.Context, asn uint32) ([]Place, error) {
	all := places{}
	small, err := s.eachSmall(ctx, func(c *series.Cell) {
		if c.ASN == asn {
			all.add(c)
		}
	})
	if small || err != nil {
		return all.sorted(len(all)), err
	}
	return s.queryNetwork(ctx, asn)
}

func (s *Store) queryNetwork(ctx context.Context, asn uint32) ([]Place, error) {
	return s.places(ctx, "network", `SELECT probe_cc, target, sum(measurements)::BIGINT AS n, max(start) FROM cells WHERE probe_asn = ? GROUP BY probe_cc, target ORDER BY n DESC, probe_cc, target`, asn)
}

// Measured sums up what was measured on one network.
type Measured struct {
	ASN          uint32    `json:"probe_asn"` // 0: not known
	Measurements int64     `json:"measurements"`
	Countries    int64     `json:"countries"`
	Targets      int64     `json:"targets"`
	Last         time.Time `json:"last_measured"` // day of the last measurement
}

// Networks lists the networks that the archive has measurements from, sorted by number.
func (s *Store) Networks(ctx context.Context) ([]Measured, error) {
	if _, err := s.refresh(ctx, "cells"); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT probe_asn, sum(measurements)::BIGINT, count(DISTINCT probe_cc), count(DISTINCT target), max(start) FROM cells GROUP BY probe_asn ORDER BY probe_asn`)
	if err != nil {
		return nil, fmt.Errorf("query networks: %w", err)
	}
	defer rows.Close()
	out := []Measured{}
	for rows.Next() {
		var m Measured
		var last int64
		if err := rows.Scan(&m.ASN, &m.Measurements, &m.Countries, &m.Targets, &last); err != nil {
			return nil, fmt.Errorf("query networks: %w", err)
		}
		m.Last = time.Unix(last, 0).UTC()
		out = append(out, m)
	}
	return out, rows.Err()
}

package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/bandish/bandish/series"
)

// publishedRuleset is the ruleset that cells of published counts name: the
// detector so knows where somebody else's reckoning begins and ends.
const publishedRuleset = "published counts"

// beside adds the cells of published counts to those of the archive's own
// measurements, on the days and networks of which it has none: what was
// published counts the same measurements.
func beside(own, theirs []series.Cell) []series.Cell {
	if len(theirs) == 0 {
		return own
	}
	type spot struct {
		target string
		asn    uint32
		day    int64
	}
	has := map[spot]bool{}
	for i := range own {
		c := &own[i]
		day := c.Start - c.Start%86400
		has[spot{c.Target, c.ASN, day}] = true
		has[spot{c.Target, 0, day}] = true // counts of all networks hold it too
	}
	out := slices.Clone(own)
	var last series.Cell
	series.Sort(theirs) // the same cell may have been asked for twice
	for _, c := range theirs {
		same := c.Target == last.Target && c.ASN == last.ASN && c.Layer == last.Layer && c.Start == last.Start
		if last = c; !same && !has[spot{c.Target, c.ASN, c.Start}] {
			out = append(out, c)
		}
	}
	series.Sort(out)
	return out
}

// countCells makes daily cells of the counts that were published, of whole
// targets and of each of their hosts and tests, in the order of series.Compare.
// Where the same day was imported in several shapes (by country and by network,
// by domain and by input), the networks come first, and of the other shapes the
// one with the most measurements: together they would count twice.
func (s *Store) countCells(ctx context.Context, f Filter) ([]series.Cell, error) {
	if _, err := s.refresh(ctx); err != nil {
		return nil, err
	}
	out, err := s.countShapes(ctx, f, "''")
	if err != nil {
		return nil, err
	}
	parts, err := s.countShapes(ctx, f, "if(domain <> '', regexp_replace(domain, '^www\\.', ''), test_name)")
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if parts[i].Layer != series.Whole {
			out = append(out, parts[i])
		}
	}
	out = series.DropSingleParts(out)
	series.Sort(out)
	return out, nil
}

// countShapes makes the cells of published counts by the part of the target
// that an expression names.
func (s *Store) countShapes(ctx context.Context, f Filter, part string) ([]series.Cell, error) {
	w := f.ofCounts()
	rows, err := s.db.QueryContext(ctx, `
		WITH shapes AS (
			SELECT probe_cc, target, `+part+` AS part, probe_asn, epoch(measurement_start_day)::BIGINT AS start,
				(test_name <> '')::INT + 2 * (domain <> '')::INT + 4 * (input <> '')::INT + 8 * (category <> '')::INT AS shape,
				sum(ok_count)::BIGINT AS good, sum(anomaly_count)::BIGINT AS odd, sum(confirmed_count)::BIGINT AS sure,
				sum(failure_count)::BIGINT AS failed, sum(measurement_count)::BIGINT AS n,
				bool_or(probe_asn <> 0) OVER (PARTITION BY probe_cc, target, part, measurement_start_day) AS named
			FROM counts`+w.String()+`
			GROUP BY probe_cc, target, part, probe_asn, measurement_start_day, shape)
		SELECT probe_cc, target, part, probe_asn, start, good, odd, sure, failed FROM shapes
		WHERE probe_asn <> 0 OR NOT named
		QUALIFY row_number() OVER (PARTITION BY probe_cc, target, part, probe_asn, start ORDER BY n DESC, shape) = 1`, w.args...)
	if err != nil {
		return nil, fmt.Errorf("query counts: %w", err)
	}
	defer rows.Close()
	var out []series.Cell
	for rows.Next() {
		c := series.Cell{Span: 86400}
		var n [4]int64
		if err := rows.Scan(&c.CC, &c.Target, &c.Layer, &c.ASN, &c.Start, &n[0], &n[1], &n[2], &n[3]); err != nil {
			return nil, fmt.Errorf("query counts: %w", err)
		}
		if !fits(n) {
			continue // no cell holds so many; the import refuses them, too
		}
		if c.Layer != "" {
			c.Layer = series.PartPrefix + c.Layer
		}
		c.OK, c.Impaired, c.Blocked, c.Insufficient = uint32(n[0]), uint32(n[1]), uint32(n[2]), uint32(n[3])
		c.Measurements = c.OK + c.Impaired + c.Blocked + c.Insufficient
		c.VoteOK, c.VoteImpaired, c.VoteBlocked = c.OK*series.Vote, c.Impaired*series.Vote, c.Blocked*series.Vote
		c.Tallies = []series.Tally{{Kind: series.Ruleset, Name: publishedRuleset, Bad: c.VoteImpaired + c.VoteBlocked, OK: c.VoteOK}}
		out = append(out, c)
	}
	return out, rows.Err()
}

// fits reports whether the votes of so many measurements fit in a cell.
func fits(n [4]int64) bool {
	const most = (1<<32 - 1) / series.Vote
	sum := int64(0)
	for _, x := range n {
		if x < 0 || x > most {
			return false
		}
		sum += x
	}
	return sum <= most
}

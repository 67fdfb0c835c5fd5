package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/shard"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Filter narrows a query. Empty fields do not narrow.
type Filter struct {
	CC     string
	Target string
	ASNs   []uint32
	Layer  string // of cells; series.Whole: those of whole measurements
	Since  time.Time
	Until  time.Time // exclusive
	// Shard narrows events to a part of the countries.
	Shard shard.Shard
}

func (f *Filter) networks(w *where, column string) {
	if len(f.ASNs) == 0 {
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?,", len(f.ASNs)), ",")
	args := make([]any, len(f.ASNs))
	for i, a := range f.ASNs {
		args[i] = a
	}
	w.add(column+" IN ("+marks+")", args...)
}

// cellColumns are the columns of a cell without its tallies, in the order of scan.
const cellColumns = `target, probe_cc, probe_asn, layer, start, span, measurements, ok, blocked, likely_blocked, impaired, down, insufficient, aside, coalesce(informing, 0), coalesce(informing_bad, 0), reports, vote_blocked, vote_impaired, vote_ok, vote_down, first_bad, last_bad, first_ok, last_ok, first_bad_uid, last_bad_uid, first_ok_uid, last_ok_uid`

// Cells returns daily cells in the order of series.Compare.
func (s *Store) Cells(ctx context.Context, f Filter) ([]series.Cell, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	if f.CC != "" && f.Target != "" && f.Layer == series.Whole {
		return s.lookupCells(m, f, s.read.of)
	}
	return s.queryCells(ctx, f)
}

func (s *Store) queryCells(ctx context.Context, f Filter) ([]series.Cell, error) {
	table := "cells"
	if f.Layer != series.Whole {
		table = "layers"
	}
	if _, err := s.refresh(ctx, table); err != nil {
		return nil, err
	}
	w := new(where)
	if f.CC != "" {
		w.add("probe_cc = ?", f.CC)
	}
	if f.Target != "" {
		w.add("target = ?", f.Target)
	}
	if f.Layer != series.Whole {
		w.add("layer = ?", f.Layer)
	}
	f.networks(w, "probe_asn")
	if !f.Since.IsZero() {
		w.add("start >= ?", f.Since.UTC().Truncate(series.Day).Unix())
	}
	if !f.Until.IsZero() {
		w.add("start < ?", f.Until.Unix())
	}
	q := "SELECT " + cellColumns + ", talliesText(tallies), voicesText(voices) FROM " + table + w.String() + " ORDER BY probe_cc, target, probe_asn, layer, start"
	return s.cells(ctx, q, w.args...)
}

func (s *Store) cells(ctx context.Context, q string, args ...any) ([]series.Cell, error) {
	rows, err := s.db.QueryContext(ctx, q, args...)
	if err != nil {
		return nil, fmt.Errorf("query cells: %w", err)
	}
	defer rows.Close()
	var out []series.Cell
	for rows.Next() {
		var c series.Cell
		var tallies, voices sql.NullString
		if err := rows.Scan(&c.Target, &c.CC, &c.ASN, &c.Layer, &c.Start, &c.Span, &c.Measurements, &c.OK, &c.Blocked, &c.Likely, &c.Impaired, &c.Down, &c.Insufficient, &c.Aside, &c.Informing, &c.InformingBad, &c.Reports, &c.VoteBlocked, &c.VoteImpaired, &c.VoteOK, &c.VoteDown, &c.FirstBad, &c.LastBad, &c.FirstOK, &c.LastOK, &c.FirstBadUID, &c.LastBadUID, &c.FirstOKUID, &c.LastOKUID, &tallies, &voices); err != nil {
			return nil, fmt.Errorf("query cells: %w", err)
		}
		c.Tallies, c.Voices = parseTallies(tallies.String), parseVoices(voices.String)
		out = append(out, c)
	}
	return out, rows.Err()
}

func parseTallies(s string) []series.Tally {
	if s == "" {
		return nil
	}
	var out []series.Tally
	for part := range strings.SplitSeq(s, "\x1e") {
		f := strings.Split(part, "\x1f")
		if len(f) != 4 {
			continue
		}
		t := series.Tally{Kind: series.Kind(f[0]), Name: f[1]}
		fmt.Sscan(f[2], &t.Bad)
		fmt.Sscan(f[3], &t.OK)
		out = append(out, t)
	}
	return out
}

func parseVoices(s string) []series.Voice {
	if s == "" {
		return nil
	}
	var out []series.Voice
	for part := range strings.SplitSeq(s, "\x1e") {
		f := strings.Split(part, "\x1f")
		if len(f) != 3 {
			continue
		}
		var v series.Voice
		fmt.Sscan(f[0], &v.Report)
		fmt.Sscan(f[1], &v.Bad)
		fmt.Sscan(f[2], &v.OK)
		out = append(out, v)
	}
	return out
}

const verdictColumns = `measurement_uid, report_id, coalesce(sender, ''), toUnixTimestamp64Micro(measurement_start_time), probe_cc, probe_asn, resolver_asn, test_name, software, platform, input, target, domain, state, dns.outcome, dns.rule, tcp.outcome, tcp.rule, tls.outcome, tls.rule, http.outcome, http.rule, quic.outcome, quic.rule, app.outcome, app.rule, arrayStringConcat(mechanisms, chr(31)), arrayStringConcat(rules, chr(31)), ruleset, fingerprints, invalid, arrayStringConcat(marks, chr(31)), raw, line, coalesce(channel, ''), coalesce(content, 0)`

// Verdicts returns the verdicts of the current ruleset, ordered by country, target, time
// and uid.
func (s *Store) Verdicts(ctx context.Context, f Filter) iter.Seq2[verdict.Row, error] {
	return func(yield func(verdict.Row, error) bool) {
		if _, err := s.refresh(ctx, "verdicts"); err != nil {
			yield(verdict.Row{}, err)
			return
		}
		w := new(where)
		if f.CC != "" {
			w.add("probe_cc = ?", f.CC)
		}
		if f.Target != "" {
			w.add("(target = ? OR domain = ?)", f.Target, f.Target)
		}
		f.networks(w, "probe_asn")
		if !f.Since.IsZero() {
			w.add("measurement_start_time >= fromUnixTimestamp64Micro(?)", f.Since.UnixMicro())
		}
		if !f.Until.IsZero() {
			w.add("measurement_start_time < fromUnixTimestamp64Micro(?)", f.Until.UnixMicro())
		}
		s.scanVerdicts(ctx, "FROM verdicts"+w.String()+" ORDER BY probe_cc, target, measurement_start_time, measurement_uid, raw, line", w.args, yield)
	}
}

func (s *Store) scanVerdicts(ctx context.Context, from string, args []any, yield func(verdict.Row, error) bool) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+verdictColumns+" "+from, args...)
	if err != nil {
		yield(verdict.Row{}, fmt.Errorf("query verdicts: %w", err))
		return
	}
	defer rows.Close()
	for rows.Next() {
		var r verdict.Row
		var micro int64
		var mechanisms, rules, marks sql.NullString
		err := rows.Scan(&r.UID, &r.ReportID, &r.Sender, &micro, &r.CC, &r.ASN, &r.ResolverASN, &r.TestName, &r.Software, &r.Platform, &r.Input, &r.Target, &r.Domain, &r.State,
			&r.DNS.Outcome, &r.DNS.Rule, &r.TCP.Outcome, &r.TCP.Rule, &r.TLS.Outcome, &r.TLS.Rule, &r.HTTP.Outcome, &r.HTTP.Rule, &r.QUIC.Outcome, &r.QUIC.Rule, &r.App.Outcome, &r.App.Rule,
			&mechanisms, &rules, &r.Ruleset, &r.Fingerprints, &r.Invalid, &marks, &r.Raw, &r.Line, &r.Channel, &r.Content)
		if err != nil {
			yield(verdict.Row{}, fmt.Errorf("query verdicts: %w", err))
			return
		}
		r.Time = time.UnixMicro(micro).UTC()
		r.Mechanisms, r.Rules, r.Marks = split(mechanisms), split(rules), split(marks)
		if !yield(r, nil) {
			return
		}
	}
	if err := rows.Err(); err != nil {
		yield(verdict.Row{}, fmt.Errorf("query verdicts: %w", err))
	}
}

func split(s sql.NullString) []string {
	if s.String == "" {
		return nil
	}
	return strings.Split(s.String, "\x1f")
}

// Verdict returns the verdict on one measurement, and false if there is none. If several
// documents have its uid, it is the one that votes, the first of Versions.
func (s *Store) Verdict(ctx context.Context, uid string) (verdict.Row, bool, error) {
	all, err := s.Versions(ctx, uid)
	if err != nil || len(all) == 0 {
		return verdict.Row{}, false, err
	}
	return all[0], true, nil
}

// Versions returns the verdicts on all documents with one uid, since anybody may write a
// uid. Those from the most trusted source come first.
func (s *Store) Versions(ctx context.Context, uid string) ([]verdict.Row, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	segments, err := s.uids.among(s.a, m, uid) // all days: a stranger may give his document any date
	if err != nil {
		return nil, err
	}
	var out []verdict.Row
	for _, g := range segments {
		rows, err := lookup[verdict.Row](s, g, archive.Key{Column: "measurement_uid", Value: uid})
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	day := uid[:min(len(uid), len("20060102"))] // OONI's uids begin with the time
	slices.SortStableFunc(out, func(a, b verdict.Row) int {
		return cmp.Or(
			cmp.Compare(b.Provenance(), a.Provenance()),
			-boolCompare(a.Time.Format("20060102") == day, b.Time.Format("20060102") == day),
			-boolCompare(a.Votes(), b.Votes()),
			cmp.Compare(a.Raw, b.Raw), cmp.Compare(a.Line, b.Line))
	})
	return out, nil
}

// boolCompare orders false before true.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Place is one target in one country that the archive has cells of.
type Place struct {
	CC, Target   string
	Measurements int64
	Last         time.Time
}

// Places lists at most limit places with measurements, the most measured first.
func (s *Store) Places(ctx context.Context, limit int) ([]Place, error) {
	all := places{}
	if small, err := s.eachSmall(ctx, all.add); small || err != nil {
		return all.sorted(limit), err
	}
	return s.queryPlaces(ctx, limit)
}

func (s *Store) queryPlaces(ctx context.Context, limit int) ([]Place, error) {
	return s.places(ctx, "places", `SELECT probe_cc, target, sum(measurements)::BIGINT AS n, max(start) FROM cells GROUP BY probe_cc, target ORDER BY n DESC, probe_cc, target LIMIT ?`, limit)
}

// places reads the rows of a query for places; what names the query in errors.
func (s *Store) places(ctx context.Context, what, query string, args ...any) ([]Place, error) {
	if _, err := s.refresh(ctx, "cells"); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", what, err)
	}
	defer rows.Close()
	var out []Place
	for rows.Next() {
		var p Place
		var last int64
		if err := rows.Scan(&p.CC, &p.Target, &p.Measurements, &last); err != nil {
			return nil, fmt.Errorf("query %s: %w", what, err)
		}
		p.Last = time.Unix(last, 0).UTC()
		out = append(out, p)
	}
	return out, rows.Err()
}

// PublishedCounts are the counts of one day as OONI published them, without measurements.
type PublishedCounts struct {
	Day          time.Time `json:"measurement_start_day"`
	Networks     int       `json:"networks"`
	Anomaly      int64     `json:"anomaly_count"`
	Confirmed    int64     `json:"confirmed_count"`
	Failure      int64     `json:"failure_count"`
	OK           int64     `json:"ok_count"`
	Measurements int64     `json:"measurement_count"`
}

// Counts returns the published counts of a target in a country, by day. The filter must
// name both.
func (s *Store) Counts(_ context.Context, f Filter) ([]PublishedCounts, error) {
	m, err := s.a.Manifest()
	if err != nil {
		return nil, err
	}
	rows, err := s.counts(m, f.CC, f.Target)
	if err != nil {
		return nil, err
	}
	type day struct {
		PublishedCounts
		networks map[uint32]bool
	}
	since := f.Since.UTC().Truncate(series.Day)
	days := map[int64]*day{}
	for i := range rows {
		r := &rows[i]
		if r.Day.Before(since) || !f.Until.IsZero() && !r.Day.Before(f.Until) || len(f.ASNs) > 0 && !slices.Contains(f.ASNs, r.ASN) {
			continue
		}
		d := days[r.Day.Unix()]
		if d == nil {
			d = &day{PublishedCounts{Day: r.Day.UTC()}, map[uint32]bool{}}
			days[r.Day.Unix()] = d
		}
		d.networks[r.ASN] = true
		d.Networks = len(d.networks)
		d.Anomaly += int64(r.Anomaly)
		d.Confirmed += int64(r.Confirmed)
		d.Failure += int64(r.Failure)
		d.OK += int64(r.OK)
		d.Measurements += int64(r.Measurements)
	}
	var out []PublishedCounts
	for _, at := range slices.Sorted(maps.Keys(days)) {
		out = append(out, days[at].PublishedCounts)
	}
	return out, nil
}

// counts returns the rows of published counts of one target in one country.
func (s *Store) counts(m *archive.Manifest, cc, target string) ([]derivation.PublishedCount, error) {
	var rows []derivation.PublishedCount
	for _, g := range m.Select(archive.Counts, "") {
		part, err := lookup[derivation.PublishedCount](s, g, archive.Key{Column: "probe_cc", Value: cc}, archive.Key{Column: "target", Value: target})
		if err != nil {
			return nil, err
		}
		rows = append(rows, part...)
	}
	return rows, nil
}

// Observations returns the observations of one measurement, in order.
func (s *Store) Observations(_ context.Context, v verdict.Row) ([]observation.Row, error) {
	m, err := s.a.Manifest()
	if err != nil {
		return nil, err
	}
	segments := m.Select(archive.Observations, "")
	day := v.Time.UTC().Format(time.DateOnly)
	for _, only := range []bool{true, false} { // first its own day; a row whose clock is wrong stands in another
		var out []observation.Row
		for _, g := range segments {
			if only != (g.Period == day) {
				continue
			}
			rows, err := lookup[observation.Row](s, g, archive.Key{Column: "measurement_uid", Value: v.UID})
			if err != nil {
				return nil, err
			}
			out = append(out, slices.DeleteFunc(rows, func(r observation.Row) bool { return r.Raw != v.Raw || r.Content != v.Content })...)
		}
		if len(out) > 0 {
			slices.SortFunc(out, func(a, b observation.Row) int { return cmp.Compare(a.Seq, b.Seq) })
			return out, nil
		}
	}
	return nil, nil
}

// Countries lists the countries that the archive has measurements from, sorted.
func (s *Store) Countries(ctx context.Context) ([]string, error) {
	if _, err := s.refresh(ctx, "cells"); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT probe_cc FROM cells ORDER BY probe_cc`)
	if err != nil {
		return nil, fmt.Errorf("query countries: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var cc string
		if err := rows.Scan(&cc); err != nil {
			return nil, fmt.Errorf("query countries: %w", err)
		}
		out = append(out, cc)
	}
	return out, rows.Err()
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/verdict"
)

// Selection selects single measurements, as OONI's API does. Empty fields select all.
type Selection struct {
	CCs, Tests, Domains, Versions []string // Versions are those of the software
	ASNs                          []uint32
	Input, ReportID, UID          string
	Since, Until                  time.Time // Until is exclusive
	Confirmed, Anomaly, Failure   *bool     // see Judged
}

// Judged puts a verdict into OONI's three words. A measurement that does not vote, or of
// which nothing can be said, is a failure and nothing else. A blocked one is confirmed.
// One that is blocked, likely blocked or impaired is an anomaly.
func Judged(v *verdict.Row) (confirmed, anomaly, failure bool) {
	failure = !v.Votes() || v.State == verdict.Insufficient
	confirmed = !failure && v.State == verdict.Blocked
	anomaly = confirmed || !failure && (v.State == verdict.LikelyBlocked || v.State == verdict.Impaired)
	return confirmed, anomaly, failure
}

// Judged in SQL.
const (
	isFailure   = `(invalid <> '' OR arrayStringConcat(marks, '') <> '' OR state = 'insufficient')`
	isConfirmed = `(NOT ` + isFailure + ` AND state = 'blocked')`
	isAnomaly   = `(NOT ` + isFailure + ` AND state IN ('blocked', 'likely_blocked', 'impaired'))`
)

func (f *Selection) where() *where {
	w := new(where)
	in := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		args := make([]any, len(values))
		for i, v := range values {
			args[i] = v
		}
		w.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
	}
	in("probe_cc", f.CCs)
	in("test_name", f.Tests)
	in("domain", f.Domains)
	if len(f.Versions) > 0 {
		in("split_part(software, '/', 2)", f.Versions)
	}
	(&Filter{ASNs: f.ASNs}).networks(w, "probe_asn")
	for column, v := range map[string]string{"input": f.Input, "report_id": f.ReportID, "measurement_uid": f.UID} {
		if v != "" {
			w.add(column+" = ?", v)
		}
	}
	if !f.Since.IsZero() {
		w.add("measurement_start_time >= fromUnixTimestamp64Micro(?)", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		w.add("measurement_start_time < fromUnixTimestamp64Micro(?)", f.Until.UnixMicro())
	}
	for cond, want := range map[string]*bool{isConfirmed: f.Confirmed, isAnomaly: f.Anomaly, isFailure: f.Failure} {
		if want != nil {
			w.add(cond+" = ?", *want)
		}
	}
	return w
}

// Measurements returns the verdicts of a selection ordered by time, the latest first
// unless ascending. It asks first for the days at that end only, and for more of them
// while there are too few rows.
func (s *Store) Measurements(ctx context.Context, f Selection, ascending bool, offset, limit int) ([]verdict.Row, error) {
	m, err := s.refresh(ctx)
	if err != nil {
		return nil, err
	}
	rare := f.UID != "" || f.ReportID != "" || f.Input != "" // few rows, of any day
	if !ascending && !rare {
		found, ok, err := s.recent(s.calendar.days(m), &f, offset, limit)
		if err != nil || ok {
			return found, err
		}
	}
	if m, err = s.refresh(ctx, "verdicts"); err != nil {
		return nil, err
	}
	days, n := daysOf(m.Select(archive.Verdicts, m.Ruleset), ascending), 0
	for rows := int64(0); n < len(days) && rows < int64(offset+limit); n++ {
		rows += days[n].rows
	}
	if rare {
		n = len(days)
	}
	for ; 0 < n && n < len(days); n *= 4 {
		part, reached := f, false
		if last := days[n-1].day; ascending {
			part.Until = last.AddDate(0, 0, 1)
			reached = !f.Until.IsZero() && !f.Until.After(part.Until)
		} else {
			part.Since = last
			reached = !f.Since.Before(last)
		}
		if reached {
			break
		}
		found, err := s.measurements(ctx, part, ascending, offset, limit)
		if err != nil || len(found) == limit {
			return found, err
		}
	}
	return s.measurements(ctx, f, ascending, offset, limit)
}

// dayRows is how many verdicts a day has.
type dayRows struct {
	day  time.Time
	rows int64
}

// daysOf sums up segments by day, the latest day first unless ascending.
func daysOf(segments []archive.Segment, ascending bool) []dayRows {
	sums := map[string]int64{}
	for _, g := range segments {
		sums[g.Period] += g.Rows
	}
	var out []dayRows
	for _, period := range slices.Sorted(maps.Keys(sums)) {
		if day, err := time.Parse(time.DateOnly, period); err == nil {
			out = append(out, dayRows{day, sums[period]})
		}
	}
	if !ascending {
		slices.Reverse(out)
	}
	return out
}

func (s *Store) measurements(ctx context.Context, f Selection, ascending bool, offset, limit int) ([]verdict.Row, error) {
	order := " DESC"
	if ascending {
		order = ""
	}
	w := f.where()
	var out []verdict.Row
	var failed error
	from := "FROM verdicts" + w.String() + " ORDER BY measurement_start_time" + order + ", measurement_uid, raw, line LIMIT ? OFFSET ?"
	s.scanVerdicts(ctx, from, append(w.args, limit, offset), func(r verdict.Row, err error) bool {
		if failed = err; err == nil {
			out = append(out, r)
		}
		return err == nil
	})
	return out, failed
}

// axes are the columns by which measurements can be counted.
var axes = map[string]string{
	"measurement_start_day": "startOf(?, measurement_start_time)",
	"probe_cc":              "probe_cc",
	"probe_asn":             "CAST(probe_asn AS VARCHAR)",
	"test_name":             "test_name",
	"domain":                "domain",
	"input":                 "input",
	"blocking_type":         `CASE WHEN NOT ` + isAnomaly + ` OR state = 'impaired' THEN '' WHEN arrayStringConcat(mechanisms, ' ') LIKE 'dns%' THEN 'dns' WHEN arrayStringConcat(mechanisms, ' ') LIKE 'tcp%' OR arrayStringConcat(mechanisms, ' ') LIKE 'ip.%' THEN 'tcp_ip' WHEN arrayStringConcat(mechanisms, ' ') LIKE 'http.blockpage%' OR arrayStringConcat(mechanisms, ' ') LIKE 'http.redirect%' THEN 'http-diff' ELSE 'http-failure' END`,
}

// Axes lists the axes by which Aggregate can count.
func Axes() []string {
	var out []string
	for a := range axes {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// Group counts the measurements that have the same values on the axes.
type Group struct {
	Values                                        []string // on the axes, in their order
	Anomaly, Confirmed, Failure, OK, Measurements int64    // Anomaly does not count the confirmed ones
	Layers                                        [9]float64
}

// Aggregate counts a selection by the axes in by, which may be none. grain is the unit of
// measurement_start_day: hour, day, week, month or year. Group.Layers are shares, from 0
// to 1, of the measurements that are no failure: DNS blocked, down, ok; then the same for
// TCP and for TLS.
func (s *Store) Aggregate(ctx context.Context, f Selection, by []string, grain string) ([]Group, error) {
	if _, err := s.refresh(ctx, "verdicts"); err != nil {
		return nil, err
	}
	var columns, numbers []string
	var args []any
	for i, axis := range by {
		column, ok := axes[axis]
		if !ok {
			return nil, fmt.Errorf("count by %q: want one of %s", axis, strings.Join(Axes(), ", "))
		}
		if strings.Contains(column, "?") {
			args = append(args, grain)
		}
		columns, numbers = append(columns, column), append(numbers, fmt.Sprint(i+1))
	}
	columns = append(columns, "countIf("+isAnomaly+" AND NOT "+isConfirmed+")", "countIf("+isConfirmed+")", "countIf("+isFailure+")",
		"countIf(NOT "+isFailure+" AND NOT "+isAnomaly+")", "count(*)")
	for _, layer := range []string{"dns", "tcp", "tls"} {
		for _, outcome := range []string{"blocked", "down", "ok"} {
			columns = append(columns, "coalesce(avg(CASE WHEN "+isFailure+" THEN NULL WHEN "+layer+".outcome = '"+outcome+"' THEN 1.0 ELSE 0.0 END), 0)")
		}
	}
	w := f.where()
	q := "SELECT " + strings.Join(columns, ", ") + " FROM verdicts" + w.String()
	if len(by) > 0 {
		list := strings.Join(numbers, ", ")
		q += " GROUP BY " + list + " ORDER BY " + list
	}
	rows, err := s.db.QueryContext(ctx, q, append(args, w.args...)...)
	if err != nil {
		return nil, fmt.Errorf("count measurements: %w", err)
	}
	defer rows.Close()
	var out []Group
	for rows.Next() {
		g := Group{Values: make([]string, len(by))}
		var into []any
		for i := range by {
			into = append(into, &g.Values[i])
		}
		into = append(into, &g.Anomaly, &g.Confirmed, &g.Failure, &g.OK, &g.Measurements)
		for i := range g.Layers {
			into = append(into, &g.Layers[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("count measurements: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// failureAxes are the columns by which observations can be counted.
var failureAxes = map[string]string{
	"timestamp": "startOf(?, measurement_start_time)",
	"hostname":  "name",
	"probe_cc":  "probe_cc",
	"probe_asn": "CAST(probe_asn AS VARCHAR)",
	"test_name": "test_name",
	"ip":        "ip",
	"failure":   `CASE WHEN dns NOT IN ('', 'ok') THEN 'dns.' || dns WHEN tcp NOT IN ('', 'ok') THEN 'tcp.' || tcp WHEN tls NOT IN ('', 'ok') THEN 'tls.' || tls WHEN http NOT IN ('', 'ok') THEN 'http.' || http ELSE 'none' END`,
}

// Seen counts the observations that have the same values.
type Seen struct {
	Values []string
	Count  int64
}

// Failures counts the observations of the given host names, by the columns in by. Of the
// selection it applies times, countries, networks and tests.
func (s *Store) Failures(ctx context.Context, f Selection, names, by []string, grain string) ([]Seen, error) {
	m, err := s.refresh(ctx, "observations")
	if err != nil || len(m.Select(archive.Observations, "")) == 0 {
		return nil, err
	}
	var columns, numbers []string
	var args []any
	for i, axis := range by {
		column, ok := failureAxes[axis]
		if !ok {
			return nil, fmt.Errorf("count observations by %q: want one of timestamp, hostname, probe_cc, probe_asn, test_name, ip, failure", axis)
		}
		if strings.Contains(column, "?") {
			args = append(args, grain)
		}
		columns, numbers = append(columns, column), append(numbers, fmt.Sprint(i+1))
	}
	f = Selection{CCs: f.CCs, Tests: f.Tests, ASNs: f.ASNs, Since: f.Since, Until: f.Until, UID: f.UID}
	w := f.where()
	if len(names) > 0 {
		some := make([]any, len(names))
		for i, n := range names {
			some[i] = n
		}
		w.add("name IN (?"+strings.Repeat(", ?", len(names)-1)+")", some...)
	}
	list := strings.Join(numbers, ", ")
	rows, err := s.db.QueryContext(ctx, "SELECT "+strings.Join(append(columns, "count(*)"), ", ")+" FROM observations"+w.String()+" GROUP BY "+list+" ORDER BY "+list, append(args, w.args...)...)
	if err != nil {
		return nil, fmt.Errorf("count observations: %w", err)
	}
	defer rows.Close()
	var out []Seen
	for rows.Next() {
		o := Seen{Values: make([]string, len(by))}
		var into []any
		for i := range by {
			into = append(into, &o.Values[i])
		}
		if err := rows.Scan(append(into, &o.Count)...); err != nil {
			return nil, fmt.Errorf("count observations: %w", err)
		}
		out = append(out, o)
	}
	return out, rows.Err()
}

// Totals sums up an archive, or what it has of a country.
type Totals struct {
	Measurements, Networks, Countries int64
	First                             time.Time // zero if there is nothing
}

// Totals sums up a country, or the archive if cc is "".
func (s *Store) Totals(ctx context.Context, cc string) (Totals, error) {
	if _, err := s.refresh(ctx, "verdicts"); err != nil {
		return Totals{}, err
	}
	w := new(where)
	if cc != "" {
		w.add("probe_cc = ?", cc)
	}
	var t Totals
	var first sql.NullInt64
	err := s.db.QueryRowContext(ctx, "SELECT count(*), count(DISTINCT probe_asn), count(DISTINCT probe_cc), toUnixTimestamp64Micro(min(measurement_start_time)) FROM verdicts"+w.String(), w.args...).
		Scan(&t.Measurements, &t.Networks, &t.Countries, &first)
	if err != nil {
		return Totals{}, fmt.Errorf("count the archive: %w", err)
	}
	if first.Valid && t.Measurements > 0 {
		t.First = time.UnixMicro(first.Int64).UTC()
	}
	return t, nil
}

// Month sums up one month.
type Month struct {
	Start string // 2024-02-01
	Totals
}

// Months sums up each month since a time.
func (s *Store) Months(ctx context.Context, since time.Time) ([]Month, error) {
	if _, err := s.refresh(ctx, "verdicts"); err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, "SELECT startOf('month', measurement_start_time), count(*), count(DISTINCT probe_asn), count(DISTINCT probe_cc) FROM verdicts WHERE measurement_start_time >= fromUnixTimestamp64Micro(?) GROUP BY 1 ORDER BY 1", since.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("count months: %w", err)
	}
	defer rows.Close()
	var out []Month
	for rows.Next() {
		var m Month
		if err := rows.Scan(&m.Start, &m.Measurements, &m.Networks, &m.Countries); err != nil {
			return nil, fmt.Errorf("count months: %w", err)
		}
		out = append(out, m)
	}
	return out, rows.Err()
}

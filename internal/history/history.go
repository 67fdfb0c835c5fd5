// Package history reads files with histories for the event detector: verdict rows, OONI's
// obs_web observation rows, OONI's aggregation counts, OONI's lists of measurements, and
// tables of daily counts. It makes verdict rows and cells of them. Rows that make no sense
// are counted and listed, and reading goes on.
package history

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Registry returns the platform to which a host belongs or, failing that, which a test
// measures.
type Registry interface {
	Of(host, test string, at time.Time) string
}

// Judge makes the verdict of one measurement from its obs_web rows, which map columns to
// text.
type Judge func(rows []map[string]string) (verdict.Row, error)

// JudgeWith returns a Judge that applies the rules in force, as an import does.
func JudgeWith(o observation.Options) Judge {
	return func(rows []map[string]string) (verdict.Row, error) {
		out := make([]observation.Row, 0, len(rows))
		for _, v := range rows {
			r, err := observation.FromWeb(func(column string) string { return v[column] }, o)
			if err != nil {
				return verdict.Row{}, err
			}
			out = append(out, r)
		}
		observation.Number(out)
		return verdict.Judge(out), nil
	}
}

// Options say how to read a file.
type Options struct {
	Registry Registry // may be nil
	Judge    Judge    // nil: obs_web rows are refused
	CC       string   // the country of rows that do not name one
	Target   string   // the target of rows that do not name one
	// Columns maps columns that bandish knows to columns of the file. "dns+http+tls" adds
	// up the counts of several; "=PK" is a constant.
	Columns map[string]string
	Span    time.Duration // of the cells that are made
}

// Summary says what was read.
type Summary struct {
	Kind     string    `json:"kind"` // verdicts, observations, counts, measurements
	Rows     int64     `json:"rows"`
	Bad      int64     `json:"bad"`
	Problems []Problem `json:"problems"` // the first maxProblems
}

// Problem is a row that was left out.
type Problem struct {
	File   string `json:"file,omitempty"` // only in what Judged reports
	Line   int64  `json:"line"`
	Reason string `json:"reason"`
}

const maxProblems = 100

// Collector collects the cells of several files, read one after the other.
type Collector struct {
	opt     Options
	builder *series.Builder
	counts  map[countKey]*series.Cell
	seen    map[string]struct{} // rows of counts, so that a row that comes twice counts once
	files   []string
	waiting spill // obs_web rows, kept until all rows of their measurements were read
	late    Summary
	sure    bool // a row was read that needs no judging
}

type countKey struct {
	cc, target string
	layer      string // series.Whole, or the layer of a part of the target
	asn        uint32
	start      int64
	span       int64
}

// NewCollector makes a collector.
func NewCollector(opt Options) *Collector {
	if opt.Span == 0 {
		opt.Span = series.Hour
	}
	return &Collector{opt: opt, builder: series.NewBuilder(opt.Span).WithParts(), counts: map[countKey]*series.Cell{}, seen: map[string]struct{}{}}
}

// Cells returns the cells of all files, sorted. It first judges what Judged has not judged
// yet.
func (c *Collector) Cells() []series.Cell {
	c.Judged() //nolint:errcheck // whoever wants the error calls Judged before
	cells := c.builder.Cells()
	for _, cell := range c.counts {
		cells = append(cells, *cell)
	}
	cells = series.DropSingleParts(cells)
	series.Sort(cells)
	return cells
}

// Add adds a verdict row from elsewhere.
func (c *Collector) Add(r *verdict.Row) { c.builder.Add(r) }

// ReadFile reads one file. An error means that nothing of it could be read.
func (c *Collector) ReadFile(name string) (Summary, error) {
	r, err := os.Open(name)
	if err != nil {
		return Summary{}, err
	}
	defer r.Close()
	return c.read(name, r)
}

// Read reads one table.
func (c *Collector) Read(r io.Reader) (Summary, error) { return c.read("-", r) }

func (c *Collector) read(name string, r io.Reader) (Summary, error) {
	f := &file{c: c, name: name, number: len(c.files)}
	c.files = append(c.files, name)
	var full error // the error of a full disk
	last := int64(0)
	err := intake.ReadRows(r, name, func(r intake.Row) error {
		last = r.Line
		full = f.row(r)
		return full
	})
	switch {
	case full != nil:
		return f.sum, full
	case err != nil && f.sum.Rows == 0:
		return f.sum, fmt.Errorf("read %w", err)
	case err != nil: // what was read before stays valid
		f.sum.problem(Problem{Line: last + 1, Reason: fmt.Sprintf("%v; the rest was not read", err)})
	case f.sum.Rows == 0 && f.sum.Bad == 0:
		return f.sum, fmt.Errorf("read %s: it has no rows", name)
	case f.sum.Rows == 0:
		p := f.sum.Problems[0]
		return f.sum, fmt.Errorf("read %s: no row could be read; the first problem, line %d: %s", name, p.Line, p.Reason)
	}
	return f.sum, nil
}

// file is one file that is being read.
type file struct {
	c      *Collector
	name   string
	number int
	sum    Summary
}

// row reads one row. It returns an error only if the disk is full.
func (f *file) row(r intake.Row) error {
	err := r.Err
	if err == nil {
		values := f.c.rename(r.Values)
		kind := kindOf(values)
		if kind != "counts" { // in a row of counts, "none" is not a number
			values = blank(values)
		}
		switch kind {
		case "verdicts":
			err = f.verdict(values)
		case "measurements":
			err = f.measurement(values)
		case "counts":
			err = f.count(values, r.Values)
		case "observations":
			var full error
			if full, err = f.observation(values, r.Line); full != nil {
				return full
			}
		default:
			err = fmt.Errorf("the columns are none that bandish knows (%s); --map tells it what they are", strings.Join(columnNames(r.Values), ", "))
		}
		if err == nil {
			f.sum.Rows++
			f.sum.Kind = cmp.Or(f.sum.Kind, kind)
			f.c.sure = f.c.sure || kind != "observations"
			return nil
		}
	}
	reason := err.Error()
	if r.Source != f.name && !strings.HasPrefix(reason, r.Source) {
		reason = r.Source + ": " + reason
	}
	f.sum.problem(Problem{Line: r.Line, Reason: reason})
	return nil
}

// blank empties the values with which other programs say "none".
func blank(v map[string]string) map[string]string {
	for _, x := range v {
		if isNone(x) {
			v = maps.Clone(v)
			for k, x := range v {
				if isNone(x) {
					v[k] = ""
				}
			}
			return v
		}
	}
	return v
}

// isNone knows these words in Python, pandas and SQL. ("NA" is Namibia.)
func isNone(s string) bool {
	switch s {
	case "None", "none", "null", "NULL", "Null", "nan", "NaN", "NaT", `\N`, "<NA>":
		return true
	}
	return false
}

func (r *Summary) problem(p Problem) {
	r.Bad++
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, p)
	}
}

func columnNames(values map[string]string) []string {
	var out []string
	for k := range values {
		out = append(out, k)
	}
	slices.Sort(out)
	return out[:min(len(out), 12)]
}

// rename applies the caller's mapping of columns.
func (c *Collector) rename(v map[string]string) map[string]string {
	if len(c.opt.Columns) == 0 {
		return v
	}
	out := make(map[string]string, len(v))
	for k, x := range v {
		out[k] = x
	}
	for to, from := range c.opt.Columns {
		if text, ok := strings.CutPrefix(from, "="); ok {
			out[to] = text
			continue
		}
		names := strings.Split(from, "+")
		if len(names) == 1 {
			out[to] = v[from]
			continue
		}
		out[to] = addUp(v, names)
	}
	return out
}

// addUp adds up columns of counts. If one is not a count, the result is its text, so that
// the reader of the row reports it.
func addUp(v map[string]string, names []string) string {
	sum := uint64(0)
	for _, n := range names {
		x, err := measurement.ColumnCount(v[n])
		if err != nil {
			return v[n]
		}
		sum += uint64(x)
	}
	return strconv.FormatUint(sum, 10)
}

func kindOf(v map[string]string) string {
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := v[n]; ok {
				return true
			}
		}
		return false
	}
	switch {
	case has("anomaly_count", "ok_count", "confirmed_count", "measurement_count"):
		return "counts"
	case has("state", "dns.outcome", "tcp.outcome", "tls.outcome", "http.outcome", "app.outcome"):
		return "verdicts"
	case has("measurement_start_time") && has("dns", "tcp", "tls", "http"):
		return "verdicts"
	case has("hostname", "dns_engine", "dns_answer", "dns_failure", "tcp_failure", "tls_failure", "http_failure", "tcp_success", "http_request_url"):
		return "observations"
	case has("measurement_start_time") && has("anomaly", "confirmed", "failure", "scores", "probe_cc"):
		return "measurements"
	}
	return ""
}

// ParseTime reads a time as tables and people write it; without a zone it is UTC.
func ParseTime(s string) (time.Time, error) {
	t, err := measurement.ColumnTime(s)
	if y := t.Year(); err == nil && (y < 1990 || y > 2200) {
		err = fmt.Errorf("the year %d cannot be", y)
	}
	return t, err
}

// where reads what every kind of row has: country, network and target.
func (c *Collector) where(v map[string]string, at time.Time) (cc string, asn uint32, target, domain string, err error) {
	if cc, err = measurement.ColumnCountry(cmp.Or(v["probe_cc"], c.opt.CC, "ZZ")); err != nil {
		return "", 0, "", "", err
	}
	if asn, err = measurement.ColumnNetwork(v["probe_asn"]); err != nil {
		return "", 0, "", "", err
	}
	domain = strings.ToLower(cmp.Or(v["domain"], hostOf(v["input"]), v["hostname"]))
	target = cmp.Or(v["target"], c.opt.Target)
	if reg := c.opt.Registry; reg != nil {
		if target == "" {
			target = reg.Of(domain, v["test_name"], at)
		}
		if strings.Contains(target, ".") {
			target = cmp.Or(reg.Of(target, "", at), target)
		}
	}
	if target == "" {
		target = cmp.Or(strings.TrimPrefix(domain, "www."), v["test_name"], "all")
	}
	return cc, asn, target, domain, nil
}

func hostOf(input string) string {
	if u, err := url.Parse(input); err == nil && u.Host != "" {
		return u.Hostname()
	}
	if strings.Contains(input, ".") && !strings.ContainsAny(input, "/ ") {
		return input
	}
	return ""
}

// verdict reads a verdict row.
func (f *file) verdict(v map[string]string) error {
	at, err := ParseTime(v["measurement_start_time"])
	if err != nil {
		return fmt.Errorf("measurement_start_time: %w", err)
	}
	r := verdict.Row{UID: v["measurement_uid"], ReportID: v["report_id"], Time: at, TestName: v["test_name"], Input: v["input"],
		Ruleset: v["ruleset"], Fingerprints: v["fingerprints"], Invalid: v["invalid"], Software: software(v)}
	if r.CC, r.ASN, r.Target, r.Domain, err = f.c.where(v, at); err != nil {
		return err
	}
	if r.ResolverASN, err = measurement.ColumnNetwork(v["resolver_asn"]); err != nil {
		r.ResolverASN = 0
	}
	r.Mechanisms, r.Rules, r.Marks = list(v["mechanisms"]), list(v["rules"]), list(v["marks"])
	for _, l := range []struct {
		name string
		into *verdict.Layer
	}{{"dns", &r.DNS}, {"tcp", &r.TCP}, {"tls", &r.TLS}, {"http", &r.HTTP}, {"quic", &r.QUIC}, {"app", &r.App}} {
		text := strings.ToLower(cmp.Or(v[l.name], v[l.name+".outcome"]))
		switch o := verdict.Outcome(text); o {
		case "", verdict.OutcomeOK, verdict.OutcomeBlocked, verdict.OutcomeDown, verdict.OutcomeUnknown:
			*l.into = verdict.Layer{Outcome: o, Rule: v[l.name+".rule"]}
		default:
			return fmt.Errorf("%s is %.20q: it must be ok, blocked, down, unknown or empty", l.name, text)
		}
	}
	if r.State, err = stateOf(strings.ToLower(v["state"]), &r); err != nil {
		return err
	}
	r.Sender = sender(&r)
	f.c.builder.Add(&r)
	return nil
}

// stateOf reads the state. If there is none, it derives it from the layers.
func stateOf(s string, r *verdict.Row) (verdict.State, error) {
	switch st := verdict.State(s); st {
	case verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.OK, verdict.Insufficient:
		return st, nil
	case "":
	default:
		return "", fmt.Errorf("state is %.20q: it must be ok, down, blocked, likely_blocked, impaired, insufficient or empty", s)
	}
	n := map[verdict.Outcome]int{}
	for _, l := range []verdict.Layer{r.DNS, r.TCP, r.TLS, r.HTTP, r.QUIC, r.App} {
		n[l.Outcome]++
	}
	switch {
	case n[verdict.OutcomeBlocked] > 0:
		return verdict.Blocked, nil
	case n[verdict.OutcomeDown] > 0:
		return verdict.Down, nil
	case n[verdict.OutcomeUnknown] > 0:
		return verdict.Impaired, nil
	case n[verdict.OutcomeOK] > 0:
		return verdict.OK, nil
	}
	return verdict.Insufficient, nil
}

// sender names who may have sent a measurement that does not say its report.
func sender(r *verdict.Row) string {
	if r.ReportID == "" {
		return ""
	}
	o := observation.Row{UID: r.UID, ReportID: r.ReportID, Time: r.Time, CC: r.CC, ASN: r.ASN, ResolverASN: r.ResolverASN, Software: r.Software, Platform: r.Platform}
	return o.PresumedSender()
}

func software(v map[string]string) string {
	if s := v["software"]; s != "" {
		return s
	}
	name, version := v["software_name"], v["software_version"]
	if name == "" && version == "" {
		return v["test_version"]
	}
	return name + "/" + version
}

// list reads a list, sorted and each element once.
func list(s string) []string {
	if s == "" {
		return nil
	}
	out := measurement.ColumnList(s)
	slices.Sort(out)
	return slices.Compact(out)
}

// measurement reads a row of OONI's list of measurements. "anomaly" there is the probe's
// own opinion, so it only says that something was wrong.
func (f *file) measurement(v map[string]string) error {
	at, err := ParseTime(v["measurement_start_time"])
	if err != nil {
		return fmt.Errorf("measurement_start_time: %w", err)
	}
	r := verdict.Row{UID: v["measurement_uid"], ReportID: v["report_id"], Time: at, TestName: v["test_name"], Input: v["input"], Software: software(v)}
	if r.CC, r.ASN, r.Target, r.Domain, err = f.c.where(v, at); err != nil {
		return err
	}
	switch {
	case measurement.ColumnTruth(v["confirmed"]):
		r.State = verdict.Blocked
	case measurement.ColumnTruth(v["failure"]):
		r.State = verdict.Insufficient
	case measurement.ColumnTruth(v["anomaly"]):
		r.State = verdict.Impaired
		r.Mechanisms = []string{"anomaly"}
	default:
		r.State = verdict.OK
	}
	r.Sender = sender(&r)
	f.c.builder.Add(&r)
	return nil
}

// count reads a row of counts with the columns of OONI's aggregation.
func (f *file) count(v, raw map[string]string) error {
	day := cmp.Or(v["measurement_start_day"], v["measurement_start_time"], v["date"], v["day"])
	at, err := ParseTime(day)
	if err != nil {
		return fmt.Errorf("measurement_start_day: %w", err)
	}
	span := int64(86400)
	if strings.Contains(day, ":") && at.Unix()%86400 != 0 {
		span = 3600
	}
	n, err := outcomes(v)
	if err != nil {
		return err
	}
	cc, asn, target, domain, err := f.c.where(v, at)
	if err != nil {
		return err
	}
	id := fingerprint(raw)
	if _, ok := f.c.seen[id]; ok {
		return nil
	}
	k := countKey{cc, target, series.Whole, asn, at.Unix() - at.Unix()%span, span}
	sum := uint64(n[0]) + uint64(n[1]) + uint64(n[2]) + uint64(n[3])
	if c := f.c.counts[k]; c != nil {
		sum += uint64(c.Measurements)
	}
	if sum > maxCell {
		return fmt.Errorf("%d measurements of one target, network and day: more than %d cannot be", sum, maxCell)
	}
	f.c.seen[id] = struct{}{}
	f.c.addCounts(k, n)
	if part := series.PartOf(domain, v["test_name"]); part != "" {
		k.layer = series.PartPrefix + part
		f.c.addCounts(k, n)
	}
	return nil
}

// addCounts adds counts to a cell: how many measurements were ok, anomalous, confirmed and
// failed.
func (c *Collector) addCounts(k countKey, n [4]uint32) {
	cell := c.counts[k]
	if cell == nil {
		cell = &series.Cell{CC: k.cc, Target: k.target, Layer: k.layer, ASN: k.asn, Start: k.start, Span: k.span}
		c.counts[k] = cell
	}
	cell.OK += n[0]
	cell.Impaired += n[1]
	cell.Blocked += n[2]
	cell.Insufficient += n[3]
	cell.Measurements += n[0] + n[1] + n[2] + n[3]
	cell.VoteOK += n[0] * series.Vote
	cell.VoteImpaired += n[1] * series.Vote
	cell.VoteBlocked += n[2] * series.Vote
}

// maxCell is how many measurements a cell may have, so that their votes fit into its
// fields.
const maxCell = math.MaxUint32 / series.Vote

// outcomes reads how many measurements of a row were ok, anomalous, confirmed and failed.
// Together they are never more than all.
func outcomes(v map[string]string) (n [4]uint32, err error) {
	for i, name := range []string{"ok_count", "anomaly_count", "confirmed_count", "failure_count"} {
		if n[i], err = measurement.ColumnCount(v[name]); err != nil {
			return n, fmt.Errorf("%s: %w", name, err)
		}
	}
	total, err := measurement.ColumnCount(v["measurement_count"])
	if err != nil {
		return n, fmt.Errorf("measurement_count: %w", err)
	}
	sum := uint64(n[0]) + uint64(n[1]) + uint64(n[2]) + uint64(n[3])
	if v["measurement_count"] != "" && sum > uint64(total) {
		return n, fmt.Errorf("the counts add up to %d, but measurement_count is %d", sum, total)
	}
	if _, given := v["ok_count"]; !given && v["measurement_count"] != "" {
		n[0] = total - uint32(sum)
	}
	return n, nil
}

func fingerprint(v map[string]string) string {
	names := make([]string, 0, len(v))
	for k := range v {
		names = append(names, k)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, k := range names {
		fmt.Fprintf(&b, "%q=%q ", k, v[k])
	}
	return b.String()
}

// observation keeps an obs_web row until all rows of its measurement were read, which may
// stand in another file.
func (f *file) observation(v map[string]string, line int64) (full, err error) {
	if f.c.opt.Judge == nil {
		return nil, fmt.Errorf("obs_web rows cannot be judged here")
	}
	uid := v["measurement_uid"]
	if uid == "" {
		return nil, fmt.Errorf("measurement_uid is missing: rows of one measurement cannot be put together")
	}
	return f.c.waiting.add(uid, source{f.number, line}, v), nil
}

// Judged judges the measurements of all obs_web rows that were read from any file. The
// summary says how many rows counted, and which measurements were left out. An error means
// that none could be judged.
func (c *Collector) Judged() (Summary, error) {
	err := c.waiting.each(func(uid string, rows []kept) {
		if err := c.judge(uid, rows); err != nil {
			c.late.problem(Problem{c.files[rows[0].file], rows[0].line, fmt.Sprintf("measurement %s: %s", uid, err)})
			return
		}
		c.late.Rows += int64(len(rows))
	})
	slices.SortStableFunc(c.late.Problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	if err == nil && c.late.Rows == 0 && c.late.Bad > 0 && !c.sure {
		p := c.late.Problems[0]
		err = fmt.Errorf("no measurement could be judged; the first problem, %s line %d: %s", p.File, p.Line, p.Reason)
	}
	return c.late, err
}

// judge adds the verdict on one measurement. A row that two files contain counts once.
func (c *Collector) judge(uid string, rows []kept) error {
	var values []map[string]string
	from := map[string]int{}
	for _, r := range rows {
		if file, ok := from[r.packed]; ok && file != r.file {
			continue
		}
		from[r.packed] = r.file
		values = append(values, r.values())
	}
	r, err := c.opt.Judge(values)
	if err != nil {
		return err
	}
	var domain string
	if r.CC, r.ASN, r.Target, domain, err = c.where(values[0], r.Time); err != nil {
		return err
	}
	r.Domain = cmp.Or(r.Domain, domain)
	r.UID = uid
	r.ReportID = cmp.Or(r.ReportID, values[0]["report_id"])
	r.Software = cmp.Or(r.Software, software(values[0]))
	r.Sender = sender(&r)
	c.builder.Add(&r)
	return nil
}

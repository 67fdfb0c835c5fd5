package pipeline

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// indexRow is the part of a verdict row that the index reads.
type indexRow struct {
	UID      string    `parquet:"measurement_uid"`
	ReportID string    `parquet:"report_id,dict"`
	Time     time.Time `parquet:"measurement_start_time,timestamp(microsecond)"`
	CC       string    `parquet:"probe_cc,dict"`
	ASN      uint32    `parquet:"probe_asn"`
	TestName string    `parquet:"test_name,dict"`
	Input    string    `parquet:"input,dict"`
	Channel  string    `parquet:"channel,dict"`
	Content  uint64    `parquet:"content"`
}

func (r *indexRow) verdict() verdict.Row {
	return verdict.Row{UID: r.UID, ReportID: r.ReportID, Time: r.Time, CC: r.CC, ASN: r.ASN, TestName: r.TestName, Input: r.Input, Channel: r.Channel, Content: r.Content}
}

// Count is one row of OONI's aggregation API: how many measurements a day had
// of each outcome by OONI's own reckoning. It carries no measurements, and is
// kept apart from what was judged here.
type Count struct {
	Day          time.Time `json:"measurement_start_day" parquet:"measurement_start_day,timestamp(microsecond)"` // UTC midnight
	CC           string    `json:"probe_cc" parquet:"probe_cc,dict"`
	ASN          uint32    `json:"probe_asn" parquet:"probe_asn"` // 0: all networks
	TestName     string    `json:"test_name" parquet:"test_name,dict"`
	Domain       string    `json:"domain" parquet:"domain,dict"`
	Input        string    `json:"input" parquet:"input,dict"`
	Category     string    `json:"category" parquet:"category,dict"`
	Target       string    `json:"target" parquet:"target,dict"` // platform id or host; the test where neither is named
	Anomaly      uint32    `json:"anomaly_count" parquet:"anomaly_count"`
	Confirmed    uint32    `json:"confirmed_count" parquet:"confirmed_count"`
	Failure      uint32    `json:"failure_count" parquet:"failure_count"`
	OK           uint32    `json:"ok_count" parquet:"ok_count"`
	Measurements uint32    `json:"measurement_count" parquet:"measurement_count"`
}

// name tells one row of counts from another: everything but the counts.
func (c *Count) name() string {
	domain := c.Domain
	if domain == "" && c.Input == "" {
		domain = "target " + c.Target
	}
	return strings.Join([]string{c.Day.UTC().Format(time.DateOnly), c.CC, strconv.FormatUint(uint64(c.ASN), 10), c.TestName, domain, c.Input, c.Category}, "\x00")
}

// CompareCounts orders rows of counts as the archive keeps them.
func CompareCounts(a, b *Count) int {
	if c := strings.Compare(a.CC, b.CC); c != 0 {
		return c
	}
	if c := strings.Compare(a.Target, b.Target); c != 0 {
		return c
	}
	return strings.Compare(a.name(), b.name())
}

// countItem reads a row of OONI's aggregation.
func countItem(d *intake.Document, targetOf func(host, test string, at time.Time) string) (*item, *reject) {
	c, err := readCount(d.Data)
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	host := c.Domain
	if host == "" {
		host = observation.HostOf(c.Input)
	}
	if c.Target == "" {
		c.Target = targetOf(host, c.TestName, c.Day)
	}
	if c.Target == "" {
		c.Target = host
	}
	if c.Target == "" {
		c.Target = c.TestName
	}
	switch {
	case c.CC == "":
		err = errors.New("it names no country: a table without probe_cc is of one country, say which with --cc")
	case c.Target == "":
		err = errors.New("it names neither domain, input nor test: say what was measured with --target or --test")
	}
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	e := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, UID: c.name(), Document: d.Data}
	return &item{entries: []archive.Entry{e}, count: c}, nil
}

func readCount(data []byte) (*Count, error) {
	var f map[string]string
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read row of counts: %w", err)
	}
	c := &Count{CC: strings.ToUpper(f["probe_cc"]), TestName: f["test_name"], Domain: strings.ToLower(f["domain"]), Input: f["input"], Category: first(f, "category_code", "test_category"), Target: f["target"]}
	day := first(f, "measurement_start_day", "date", "day")
	t, err := time.Parse(time.DateOnly, day[:min(len(day), 10)])
	if err != nil {
		return nil, fmt.Errorf("measurement_start_day is %q: want YYYY-MM-DD", day)
	}
	c.Day = t
	if len(c.CC) != 2 && c.CC != "" {
		return nil, fmt.Errorf("probe_cc is %q: want two letters", c.CC)
	}
	if s := strings.TrimPrefix(strings.ToUpper(f["probe_asn"]), "AS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("probe_asn is %q: want AS and a number", f["probe_asn"])
		}
		c.ASN = uint32(n)
	}
	for name, to := range map[string]*uint32{"anomaly_count": &c.Anomaly, "confirmed_count": &c.Confirmed, "failure_count": &c.Failure, "ok_count": &c.OK, "measurement_count": &c.Measurements} {
		s := f[name]
		if s == "" {
			continue
		}
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s is %q: want a whole number", name, s)
		}
		*to = uint32(n)
	}
	if sum := uint64(c.Anomaly) + uint64(c.Failure) + uint64(c.OK); sum > uint64(c.Measurements) && uint64(c.Anomaly)+uint64(c.Confirmed) > 0 || uint64(c.OK) > uint64(c.Measurements) {
		return nil, fmt.Errorf("the counts do not add up: %d anomalous, %d failed and %d ok of %d", c.Anomaly, c.Failure, c.OK, c.Measurements)
	}
	return c, nil
}

func first(f map[string]string, names ...string) string {
	for _, n := range names {
		if f[n] != "" {
			return f[n]
		}
	}
	return ""
}

// webItem reads one row of obs_web; its verdict waits for the other rows of
// the measurement.
func webItem(d *intake.Document, o observation.Options, clock time.Time) (*item, *reject) {
	var fields map[string]string
	if err := json.Unmarshal(d.Data, &fields); err != nil {
		return nil, &reject{doc: *d, reason: "read row of obs_web: " + err.Error()}
	}
	row, err := observation.FromWeb(func(column string) string { return fields[column] }, o)
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	if row.UID == "" {
		row.UID = fmt.Sprintf("%s %s %s", row.ReportID, row.Time.UTC().Format("20060102150405"), row.Input)
	}
	row.ReportID = strings.TrimSpace(row.ReportID)
	nameSender(&row, d.Source)
	if len(row.UID) > maxName {
		return nil, &reject{doc: *d, reason: fmt.Sprintf("measurement_uid is longer than %d bytes", maxName)}
	}
	e := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, UID: row.UID, Document: d.Data}
	noteClock(&e, row.Time, clock)
	v := verdict.Row{ReportID: row.ReportID, CC: row.CC, TestName: row.TestName, Input: row.Input, ASN: row.ASN, Time: row.Time}
	row.Channel, row.Content = verdict.Table, headerHash(&v) // a table may hold some of its rows only
	return &item{entries: []archive.Entry{e}, rows: []observation.Row{row}, received: clock}, nil
}

// joinWeb joins the rows of each measurement into one item with a verdict, in
// the order in which the measurements first appear, and counts rows that were
// there twice. Items on their way in have entries, and their rows' lines become
// places among the item's entries; items from the archive have none, and their
// rows know their lines.
func joinWeb(rows []*item) (out []*item, repeated int64, over []*reject) {
	byUID := map[string]*item{}
	seen := map[[sha256.Size]byte]bool{} // rows, by uid and content
	for _, it := range rows {
		uid := it.rows[0].UID
		whole := byUID[uid]
		if whole == nil {
			byUID[uid] = it
			out = append(out, it)
			if len(it.entries) > 0 {
				seen[rowSum(uid, it.entries[0].Document)] = true
			}
			continue
		}
		if len(it.entries) > 0 {
			e := it.entries[0]
			sum := rowSum(uid, e.Document)
			if seen[sum] {
				repeated++
				continue
			}
			seen[sum] = true
			if len(whole.entries) >= maxRowsOfOne {
				over = append(over, &reject{
					doc:    intake.Document{Source: e.Source, Line: e.Line, Offset: e.Offset, Data: e.Document},
					reason: fmt.Sprintf("measurement %s has more than %d rows: no probe asks so many endpoints for one measurement", uid, maxRowsOfOne),
				})
				continue
			}
			it.rows[0].Line = uint32(len(whole.entries))
			whole.entries = append(whole.entries, e)
		}
		whole.rows = append(whole.rows, it.rows[0])
		whole.received = laterOf(whole.received, it.received)
	}
	for _, it := range out {
		r := &it.rows[0]
		marks := clockMarks(r.Time, time.Time{}, r.ReportID, it.received)
		for i := range it.rows {
			it.rows[i].Marks = marks
		}
		observation.Number(it.rows)
		it.verdict = verdict.Judge(it.rows)
	}
	return out, repeated, over
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// maxRowsOfOne bounds the rows of one measurement, as Observe does for those
// that come as documents: rules hold rows against each other.
const maxRowsOfOne = 4000

// rowSum tells rows of a table apart.
func rowSum(uid string, doc []byte) [sha256.Size]byte {
	h := sha256.New()
	io.WriteString(h, uid+"\x00")
	h.Write(doc)
	return [sha256.Size]byte(h.Sum(nil))
}

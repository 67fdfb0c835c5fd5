package derivation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
)

// PublishedCount is one row of OONI's aggregation API: how many measurements of a
// day had each outcome, as OONI judged them. It holds no measurements and is kept
// apart from what was judged here.
type PublishedCount struct {
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

// Name returns a text that is different for rows that count different things: every
// field but the counts.
func (c *PublishedCount) Name() string {
	domain := c.Domain
	if domain == "" && c.Input == "" {
		domain = "target " + c.Target
	}
	return strings.Join([]string{c.Day.UTC().Format(time.DateOnly), c.CC, strconv.FormatUint(uint64(c.ASN), 10), c.TestName, domain, c.Input, c.Category}, "\x00")
}

// ComparePublishedCounts orders published counts as the archive keeps them.
func ComparePublishedCounts(a, b *PublishedCount) int {
	if c := strings.Compare(a.CC, b.CC); c != 0 {
		return c
	}
	if c := strings.Compare(a.Target, b.Target); c != 0 {
		return c
	}
	return strings.Compare(a.Name(), b.Name())
}

// ReadPublishedCount reads a row of OONI's aggregation, a JSON object. targetOf
// returns the platform of a host or a test, "" for none. A row without a country,
// or without anything that names a target, is an error.
func ReadPublishedCount(data []byte, targetOf func(host, test string, at time.Time) string) (*PublishedCount, error) {
	c, err := readCount(data)
	if err != nil {
		return nil, err
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
		return nil, err
	}
	return c, nil
}

func readCount(data []byte) (*PublishedCount, error) {
	var f map[string]string
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read row of counts: %w", err)
	}
	c := &PublishedCount{TestName: f["test_name"], Domain: strings.ToLower(f["domain"]), Input: f["input"], Category: first(f, "category_code", "test_category"), Target: f["target"]}
	day := first(f, "measurement_start_day", "date", "day")
	t, err := time.Parse(time.DateOnly, day[:min(len(day), 10)])
	if err != nil {
		return nil, fmt.Errorf("measurement_start_day is %q: want YYYY-MM-DD", day)
	}
	c.Day = t
	if s := f["probe_cc"]; s != "" {
		if c.CC, err = measurement.ColumnCountry(s); err != nil {
			return nil, fmt.Errorf("probe_cc: %w", err)
		}
	}
	if c.ASN, err = measurement.ColumnNetwork(f["probe_asn"]); err != nil {
		return nil, fmt.Errorf("probe_asn: %w", err)
	}
	for name, to := range map[string]*uint32{"anomaly_count": &c.Anomaly, "confirmed_count": &c.Confirmed, "failure_count": &c.Failure, "ok_count": &c.OK, "measurement_count": &c.Measurements} {
		if *to, err = measurement.ColumnCount(f[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
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

// publishedRuleset is the ruleset of cells made from published counts. It shows the
// detector where OONI's counting begins and ends.
const publishedRuleset = "published counts"

// PublishedCells makes daily cells from published counts, for whole targets and for
// each of their hosts and tests, in the order of series.Compare. The same day may
// have been imported in several shapes: by country or by network, by domain or by
// input. Counting all shapes would count twice. So counts by network are preferred,
// and among shapes the one with the most measurements.
func PublishedCells(rows []PublishedCount) []series.Cell {
	out := countShapes(rows, func(*PublishedCount) string { return series.Whole })
	out = append(out, countShapes(rows, func(c *PublishedCount) string {
		if part := series.PartOf(c.Domain, c.TestName); part != "" {
			return series.PartPrefix + part
		}
		return series.Whole
	})...)
	series.Sort(out)
	return slices.CompactFunc(out, func(a, b series.Cell) bool { return series.Compare(a, b) == 0 }) // rows that name no part
}

// countShapes makes the cells of published counts. layer names the layer of each
// row.
func countShapes(rows []PublishedCount, layer func(*PublishedCount) string) []series.Cell {
	type place struct {
		cc, target, layer string
		day               int64
	}
	type spot struct {
		place
		asn   uint32
		shape int
	}
	sums := map[spot]*[5]int64{} // ok, anomaly, confirmed, failure, measurements
	named := map[place]bool{}
	for i := range rows {
		c := &rows[i]
		at := place{c.CC, c.Target, layer(c), c.Day.Unix()}
		named[at] = named[at] || c.ASN != 0
		k := spot{at, c.ASN, c.shape()}
		if sums[k] == nil {
			sums[k] = new([5]int64)
		}
		for j, n := range []uint32{c.OK, c.Anomaly, c.Confirmed, c.Failure, c.Measurements} {
			sums[k][j] += int64(n)
		}
	}
	best := map[spot]spot{} // without its shape → with it
	for k, n := range sums {
		bare := spot{k.place, k.asn, 0}
		b, ok := best[bare]
		if !ok || n[4] > sums[b][4] || n[4] == sums[b][4] && k.shape < b.shape {
			best[bare] = k
		}
	}
	var out []series.Cell
	for _, k := range best {
		n := sums[k]
		if k.asn == 0 && named[k.place] || !fits(n[:4]) {
			continue
		}
		c := series.Cell{CC: k.cc, Target: k.target, Layer: k.layer, ASN: k.asn, Start: k.day, Span: 86400,
			OK: uint32(n[0]), Impaired: uint32(n[1]), Blocked: uint32(n[2]), Insufficient: uint32(n[3])}
		c.Measurements = c.OK + c.Impaired + c.Blocked + c.Insufficient
		c.VoteOK, c.VoteImpaired, c.VoteBlocked = c.OK*series.Vote, c.Impaired*series.Vote, c.Blocked*series.Vote
		c.Tallies = []series.Tally{{Kind: series.Ruleset, Name: publishedRuleset, Bad: c.VoteImpaired + c.VoteBlocked, OK: c.VoteOK}}
		out = append(out, c)
	}
	return out
}

// shape returns a number that says by which fields a row was counted.
func (c *PublishedCount) shape() int {
	n := 0
	for i, s := range []string{c.TestName, c.Domain, c.Input, c.Category} {
		if s != "" {
			n |= 1 << i
		}
	}
	return n
}

// fits reports whether the votes of these numbers of measurements fit into the
// uint32 of a cell. The import refuses larger ones, too.
func fits(n []int64) bool {
	const most = (1<<32 - 1) / series.Vote
	sum := int64(0)
	for _, x := range n {
		sum += x
		if x < 0 || sum > most {
			return false
		}
	}
	return true
}

// Beside adds the cells of published counts to the cells of the archive's own
// measurements, on days and networks of which own has none. Where own has some, the
// published counts may count the same measurements and are left out.
func Beside(own, theirs []series.Cell) []series.Cell {
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
	for _, c := range theirs {
		if !has[spot{c.Target, c.ASN, c.Start}] {
			out = append(out, c)
		}
	}
	series.Sort(out)
	return out
}

package request

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
)

// Figure is what one data set of one reporter says of a group of requests. A count
// is nil where no row has it.
type Figure struct {
	Authority  string `json:"authority"` // "" for all authorities together
	CC         string `json:"cc"`
	Platform   string `json:"platform"`
	Product    string `json:"product,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Period     string `json:"period"` // EDTF; from the first to the last period where several were added
	Level      string `json:"level"`
	Counter    string `json:"counter"`
	ReportedBy string `json:"reported_by"`
	// Compliance says which requests the reporter counts as followed; figures with
	// two rules are never added.
	Compliance casefile.ComplianceRule `json:"compliance,omitempty"`
	Dataset    Dataset                 `json:"dataset"`
	Rows       int                     `json:"rows"`
	Sent       *int64                  `json:"sent"`
	Complied   *int64                  `json:"complied"`
	Partly     *int64                  `json:"partly,omitempty"`
	Rejected   *int64                  `json:"rejected,omitempty"`
	Pending    *int64                  `json:"pending,omitempty"`
	Accounts   *int64                  `json:"accounts,omitempty"`
	Other      map[string]int64        `json:"other,omitempty"`
	// Rate is Complied divided by Sent, in percent, over the rows that have both.
	// Stated is the share that the reporter states; only where the figure is one row.
	Rate   *float64 `json:"rate_percent"`
	Stated *float64 `json:"stated_rate_percent,omitempty"`
	Origin Origin   `json:"origin"` // of the first row

	from, to              time.Time
	ratedSent, ratedTaken int64
	cases                 string // keeps rows of the record apart
}

// By says which dimensions keep rows apart. Country, platform, level, counter,
// reporter and data set always do.
type By struct {
	Authority, Period, Product, Reason bool
}

// Summarise adds up the rows that By does not keep apart. Rows for all authorities
// are used for totals; a list by authority leaves them out where there are rows by
// authority. Cumulative counters are not added: the latest counts. Rows of the
// record are never added to others.
func Summarise(rows []Row, by By) []Figure {
	rows = withoutDoubles(rows, by)
	figures := make(map[string]*Figure)
	var order []string
	for i := range rows {
		r := &rows[i]
		f := newFigure(r, by)
		k := f.key()
		if held, ok := figures[k]; ok {
			held.add(f)
			continue
		}
		figures[k] = f
		order = append(order, k)
	}
	list := make([]Figure, len(order))
	for i, k := range order {
		f := figures[k]
		if f.ratedSent > 0 {
			rate := 100 * float64(f.ratedTaken) / float64(f.ratedSent)
			f.Rate = &rate
		}
		if f.Rows > 1 && f.Counter == "period" {
			f.Period = span(f.from, f.to)
			f.Stated = nil
		}
		list[i] = *f
	}
	slices.SortStableFunc(list, func(a, b Figure) int {
		return cmp.Or(strings.Compare(a.CC, b.CC), strings.Compare(a.Platform, b.Platform), a.from.Compare(b.from), a.to.Compare(b.to), strings.Compare(a.Level, b.Level), strings.Compare(a.ReportedBy, b.ReportedBy), strings.Compare(string(a.Dataset), string(b.Dataset)), strings.Compare(a.Authority, b.Authority), strings.Compare(a.Product, b.Product), strings.Compare(a.Reason, b.Reason))
	})
	return list
}

// withoutDoubles drops rows that repeat other rows of the same data set, country,
// platform, period and level: the total where authorities are listed, the parts
// where they are not.
func withoutDoubles(rows []Row, by By) []Row {
	type place struct {
		dataset                     Dataset
		file, cc, platform, period  string
		level, product, reason, who string
	}
	at := func(r *Row) place {
		p := place{r.Origin.Dataset, r.Origin.File, r.CC, r.Platform, r.Period.String(), string(r.Level), r.Product, r.Reason, r.ReportedBy}
		if r.Origin.Dataset == Record {
			p.file += ":" + r.ID
		}
		return p
	}
	total, part := make(map[place]bool), make(map[place]bool)
	for i := range rows {
		if rows[i].Authority == "" {
			total[at(&rows[i])] = true
		} else {
			part[at(&rows[i])] = true
		}
	}
	var kept []Row
	for i := range rows {
		r := &rows[i]
		p := at(r)
		if r.Authority == "" && by.Authority && part[p] || r.Authority != "" && !by.Authority && total[p] {
			continue
		}
		kept = append(kept, *r)
	}
	return kept
}

func newFigure(r *Row, by By) *Figure {
	f := &Figure{
		CC: r.CC, Platform: r.Platform, Period: r.Period.String(), Level: string(r.Level), Counter: string(r.Counter), ReportedBy: r.ReportedBy, Compliance: r.Compliance,
		Dataset: r.Origin.Dataset, Rows: 1, Sent: r.Sent, Complied: r.Complied, Partly: r.Partly, Rejected: r.Rejected, Pending: r.Pending, Accounts: r.Accounts,
		Stated: r.RatePercent, Origin: r.Origin, Other: cloneCounts(r.Other),
	}
	f.from, f.to = r.Period.Bounds(time.UTC)
	if by.Authority {
		f.Authority = r.Authority
	}
	if by.Product {
		f.Product = r.Product
	}
	if by.Reason {
		f.Reason = r.Reason
	}
	if r.Sent != nil && r.Complied != nil {
		f.ratedSent, f.ratedTaken = *r.Sent, *r.Complied
	}
	if r.Origin.Dataset == Record {
		f.Authority, f.Product, f.Reason = r.Authority, r.Product, r.Reason
		f.cases = r.Origin.Case + ":" + r.ID
	} else if by.Period {
		f.cases = f.Period
	}
	return f
}

func (f *Figure) key() string {
	return strings.Join([]string{f.CC, f.Platform, f.Authority, f.Product, f.Reason, f.Level, f.Counter, f.ReportedBy, string(f.Compliance), string(f.Dataset), f.Origin.File, f.cases}, "\x00")
}

// add adds another row's figure to f.
func (f *Figure) add(o *Figure) {
	rows := f.Rows + 1
	if f.Counter == "cumulative" {
		if o.to.After(f.to) {
			*f = *o
		}
		f.Rows = rows
		return
	}
	f.Rows = rows
	for _, pair := range [][2]**int64{{&f.Sent, &o.Sent}, {&f.Complied, &o.Complied}, {&f.Partly, &o.Partly}, {&f.Rejected, &o.Rejected}, {&f.Pending, &o.Pending}, {&f.Accounts, &o.Accounts}} {
		*pair[0] = sum(*pair[0], *pair[1])
	}
	for name, n := range o.Other {
		if f.Other == nil {
			f.Other = make(map[string]int64)
		}
		f.Other[name] += n
	}
	f.ratedSent += o.ratedSent
	f.ratedTaken += o.ratedTaken
	if o.from.Before(f.from) {
		f.from = o.from
	}
	if o.to.After(f.to) {
		f.to = o.to
	}
}

func cloneCounts(m map[string]int64) map[string]int64 {
	if len(m) == 0 {
		return nil
	}
	c := make(map[string]int64, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

func sum(a, b *int64) *int64 {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return number(*a + *b)
}

// span writes [from, to) as months in EDTF.
func span(from, to time.Time) string {
	write := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format("2006-01")
	}
	if !to.IsZero() {
		to = to.Add(-time.Nanosecond)
	}
	a, b := write(from), write(to)
	if a == b {
		return a
	}
	return a + "/" + b
}

// Conflict is two figures of different reporters or data sets on the same country
// and platform, whose times overlap and which disagree.
type Conflict struct {
	CC       string   `json:"cc"`
	Platform string   `json:"platform"`
	What     string   `json:"what"`            // what differs, with both values
	Apart    []string `json:"apart,omitempty"` // what else differs: period, level, counter or authority
	Rules    bool     `json:"rules,omitempty"` // the two use different rules for compliance, so that their shares cannot be compared
	A        Figure   `json:"a"`
	B        Figure   `json:"b"`
}

// Conflicts compares every two figures of different reporters or data sets. Counts
// are compared only where period, level and counter are the same. Rates are
// compared wherever the times overlap; Apart then says what else differs.
func Conflicts(figures []Figure) []Conflict {
	var list []Conflict
	groups := make(map[[2]string][]*Figure)
	var order [][2]string
	for i := range figures {
		k := [2]string{figures[i].CC, figures[i].Platform}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], &figures[i])
	}
	for _, k := range order {
		for i, a := range groups[k] {
			for _, b := range groups[k][i+1:] {
				if c, ok := compare(a, b); ok {
					list = append(list, c)
				}
			}
		}
	}
	return list
}

func compare(a, b *Figure) (Conflict, bool) {
	if a.ReportedBy == b.ReportedBy && a.Dataset == b.Dataset || a.Counter != b.Counter || !overlap(a, b) {
		return Conflict{}, false
	}
	c := Conflict{CC: a.CC, Platform: a.Platform, A: *a, B: *b}
	for _, d := range []struct{ name, x, y string }{{"period", a.Period, b.Period}, {"level", a.Level, b.Level}, {"authority", a.Authority, b.Authority}, {"product", a.Product, b.Product}, {"reason", a.Reason, b.Reason}} {
		if d.x != d.y {
			c.Apart = append(c.Apart, d.name)
		}
	}
	c.Rules = a.Compliance != b.Compliance
	var differ []string
	if len(c.Apart) == 0 || len(c.Apart) == 1 && c.Apart[0] == "authority" && (a.Authority == "" || b.Authority == "") {
		for _, d := range []struct {
			name string
			x, y *int64
		}{{"sent", a.Sent, b.Sent}, {"complied", a.Complied, b.Complied}, {"rejected", a.Rejected, b.Rejected}} {
			if d.x != nil && d.y != nil && *d.x != *d.y {
				differ = append(differ, fmt.Sprintf("%s %d against %d", d.name, *d.x, *d.y))
			}
		}
	}
	asked := func(f *Figure) bool { return f.Level != "information" } // such requests are about users' data, not about removal
	if x, y := a.share(), b.share(); asked(a) == asked(b) && x != nil && y != nil && math.Abs(*x-*y) >= 0.5 {
		differ = append(differ, fmt.Sprintf("share complied %s against %s", Percent(*x), Percent(*y)))
	}
	c.What = strings.Join(differ, "; ")
	return c, len(differ) > 0
}

// Percent writes a share in percent with one digit. A share above 0 is never
// written as 0.0, and one below 100 never as 100.0.
func Percent(f float64) string {
	switch {
	case f > 0 && f < 0.05:
		return "<0.1 %"
	case f < 100 && f >= 99.95:
		return ">99.9 %"
	}
	return fmt.Sprintf("%.1f %%", f)
}

// share returns the stated rate, or else the computed one.
func (f *Figure) share() *float64 {
	if f.Stated != nil {
		return f.Stated
	}
	return f.Rate
}

func overlap(a, b *Figure) bool {
	before := func(a, b *Figure) bool { return !a.to.IsZero() && !b.from.IsZero() && !a.to.After(b.from) }
	return !before(a, b) && !before(b, a)
}

// Fall is a cumulative counter that became smaller, which it should never do.
type Fall struct {
	CC         string `json:"cc"`
	Platform   string `json:"platform"`
	ReportedBy string `json:"reported_by"`
	Level      string `json:"level"`
	Counter    string `json:"counter"` // sent, complied, …
	From       int64  `json:"from"`
	To         int64  `json:"to"`
	Earlier    string `json:"earlier"` // period
	Later      string `json:"later"`
	Origin     Origin `json:"origin"` // of the later row
}

// Falls returns the cumulative counters that become smaller from one report to the
// next.
func Falls(rows []Row) []Fall {
	series := make(map[string][]*Row)
	var order []string
	for i := range rows {
		r := &rows[i]
		if r.Counter != "cumulative" {
			continue
		}
		k := strings.Join([]string{r.CC, r.Platform, r.ReportedBy, string(r.Level), r.Product, r.Reason, r.Authority}, "\x00")
		if series[k] == nil {
			order = append(order, k)
		}
		series[k] = append(series[k], r)
	}
	var falls []Fall
	for _, k := range order {
		s := series[k]
		slices.SortStableFunc(s, func(a, b *Row) int { return until(a).Compare(until(b)) })
		for i := 1; i < len(s); i++ {
			falls = append(falls, fallsBetween(s[i-1], s[i])...)
		}
	}
	return falls
}

func until(r *Row) time.Time {
	_, to := r.Period.Bounds(time.UTC)
	return to
}

func fallsBetween(a, b *Row) []Fall {
	var falls []Fall
	for _, c := range []struct {
		name string
		x, y *int64
	}{{"sent", a.Sent, b.Sent}, {"complied", a.Complied, b.Complied}, {"partly", a.Partly, b.Partly}, {"rejected", a.Rejected, b.Rejected}, {"accounts", a.Accounts, b.Accounts}} {
		if c.x != nil && c.y != nil && *c.y < *c.x { // pending may become smaller
			falls = append(falls, Fall{a.CC, a.Platform, a.ReportedBy, string(a.Level), c.name, *c.x, *c.y, a.Period.String(), b.Period.String(), b.Origin})
		}
	}
	return falls
}

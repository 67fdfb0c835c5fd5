package request

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	csv "github.com/bandish/bandish/internal/table"
)

// maxRows is how many rows a file may have.
const maxRows = 4 << 20

// table reads a CSV file row by row.
type table struct {
	im     *Import
	origin Origin
	column map[string]int // by header cell in lower case
	cells  []string
}

// cell returns the cell of a column, by the column's header, without spaces around
// it; "" where there is none.
func (t *table) cell(column string) string {
	if i, ok := t.column[column]; ok && i < len(t.cells) {
		return strings.TrimSpace(t.cells[i])
	}
	return ""
}

// read calls use for each row. use returns the requests of the row, or an error
// that says why the row is set aside. The header must have the columns in need;
// else read returns an error.
func (t *table) read(r io.Reader, need []string, use func() ([]Row, error)) (*Import, error) {
	reader := csv.NewRows(bufio.NewReader(r), ',')
	first, err := reader.Next()
	if err == nil {
		err = first.Err
	}
	if err != nil {
		return nil, fmt.Errorf("read the header of %s: %w", t.origin.File, err)
	}
	header := slices.Clone(first.Fields)
	t.column = make(map[string]int)
	for i, name := range header {
		t.column[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range need {
		if _, ok := t.column[name]; !ok {
			return nil, fmt.Errorf("read %s: no column %q; the columns are %s", t.origin.File, name, strings.Join(header, ", "))
		}
	}
	t.im = &Import{Dataset: t.origin.Dataset}
	for t.im.Rows < maxRows {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return t.im, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", t.origin.File, err)
		}
		t.im.Rows++
		t.origin.Row = int(row.Line)
		if row.Err != nil {
			t.aside([]string{string(row.Raw)}, row.Err)
			continue
		}
		cells := slices.Clone(row.Fields)
		t.cells = cells
		rows, err := use()
		if err == nil {
			err = plausible(rows)
		}
		if err != nil {
			t.aside(cells, err)
			continue
		}
		t.im.Used++
		t.im.Requests = append(t.im.Requests, rows...)
	}
	return nil, fmt.Errorf("read %s: more than %d rows", t.origin.File, maxRows)
}

// plausible returns an error where rows have more outcomes than requests: each
// request (account, item) has at most one.
func plausible(rows []Row) error {
	for i := range rows {
		r := &rows[i]
		if r.Sent == nil {
			continue
		}
		sum := int64(0)
		for _, n := range []*int64{r.Complied, r.Partly, r.Rejected} {
			if n != nil {
				sum += *n
			}
		}
		if sum > *r.Sent {
			return fmt.Errorf("more outcomes (%d complied with, in part or rejected) than %d sent", sum, *r.Sent)
		}
	}
	return nil
}

func (t *table) aside(cells []string, err error) {
	t.im.Asides = append(t.im.Asides, csv.NewAside(t.origin, err.Error(), strings.Join(cells, " | ")))
}

// counts reads the numbers of several columns.
func (t *table) counts(columns ...string) ([]*int64, error) {
	list := make([]*int64, len(columns))
	for i, c := range columns {
		n, err := count(t.cell(c))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
		list[i] = n
	}
	return list, nil
}

var (
	halfYear   = regexp.MustCompile(`(?i)^(january|july)\s*[-–]\s*(june|december)\s+(\d{4})$`)
	halfCode   = regexp.MustCompile(`(?i)^(?:(\d{4})[- ]?h([12])|h([12])[- ]?(\d{4}))$`)
	quarterYr  = regexp.MustCompile(`(?i)^(?:(\d{4})[- ]?q([1-4])|q([1-4])[- ]?(\d{4}))$`)
	yearDigits = regexp.MustCompile(`^\d{4}$`)
)

// period reads a period in the forms of the tables, or in EDTF.
func period(text string) (casefile.Date, error) {
	if m := halfYear.FindStringSubmatch(text); m != nil {
		first := strings.EqualFold(m[1], "january")
		if first != strings.EqualFold(m[2], "june") {
			return casefile.Date{}, fmt.Errorf("period %q is no half-year", text)
		}
		return half(m[3], first)
	}
	if m := halfCode.FindStringSubmatch(text); m != nil {
		return half(m[1]+m[4], m[2]+m[3] == "1")
	}
	if m := quarterYr.FindStringSubmatch(text); m != nil {
		q, _ := strconv.Atoi(m[2] + m[3])
		return casefile.ParseDate(fmt.Sprintf("%s%s-%02d/%[1]s%[2]s-%02[4]d", m[1], m[4], 3*q-2, 3*q))
	}
	d, err := casefile.ParseDate(text)
	if err == nil && d.IsZero() {
		err = errors.New("no period")
	}
	return d, err
}

func half(year string, first bool) (casefile.Date, error) {
	if !yearDigits.MatchString(year) {
		return casefile.Date{}, fmt.Errorf("bad year %q", year)
	}
	if first {
		return casefile.ParseDate(year + "-01/" + year + "-06")
	}
	return casefile.ParseDate(year + "-07/" + year + "-12")
}

// countryCode returns a country's code from its code or, where that is none, from
// its name.
func countryCode(code, name string) (string, error) {
	if code = strings.ToUpper(code); country.Valid(code) {
		return code, nil
	}
	if cc, ok := country.Code(name); ok {
		return cc, nil
	}
	return "", fmt.Errorf("no country: code %q, name %q", code, name)
}

// ReadGoogleDetailed reads Google's table (CSV) of government removal requests by
// product and reason. file is the name that rows give as their origin. platform
// returns a platform's id for a product's name. An error means that the file is no
// such table; a row that cannot be read is set aside.
func ReadGoogleDetailed(r io.Reader, file string, platform func(product string) string) (*Import, error) {
	t := &table{origin: Origin{Dataset: GoogleDetailed, File: file}}
	return t.read(r, []string{"period ending", "cldr territory code", "product", "total"}, func() ([]Row, error) {
		row, err := t.googleRow(t.cell("cldr territory code"), t.cell("country/region"), t.cell("product"), platform)
		if err != nil {
			return nil, err
		}
		end, err := time.Parse(time.DateOnly, t.cell("period ending"))
		switch {
		case err == nil && end.Month() == 6 && end.Day() == 30:
			row.Period, err = half(strconv.Itoa(end.Year()), true)
		case err == nil && end.Month() == 12 && end.Day() == 31:
			row.Period, err = half(strconv.Itoa(end.Year()), false)
		default:
			err = fmt.Errorf("period ending %q is not the end of a half-year", t.cell("period ending"))
		}
		if err != nil {
			return nil, err
		}
		if row.Sent, err = count(t.cell("total")); err != nil || row.Sent == nil {
			return nil, fmt.Errorf("total: %q is not a count", t.cell("total"))
		}
		row.Level, row.Reason = "demand", t.cell("reason")
		row.id("")
		return []Row{row}, nil
	})
}

func (t *table) googleRow(code, name, product string, platform func(string) string) (Row, error) {
	cc, err := countryCode(code, name)
	if err != nil {
		return Row{}, err
	}
	row := Row{Origin: t.origin}
	row.CC, row.Product, row.ReportedBy, row.Counter, row.Confidence = cc, product, "Google", "period", "medium"
	if row.Platform = platform(product); row.Platform == "" {
		row.Platform = "google"
	}
	return row, nil
}

// ReadGoogle reads Google's table (CSV) of government removal requests with the
// outcomes of the items. Each row gives two: the requests and the items. Parameters
// and errors are those of ReadGoogleDetailed.
func ReadGoogle(r io.Reader, file string, platform func(product string) string) (*Import, error) {
	t := &table{origin: Origin{Dataset: Google, File: file}}
	need := []string{"time_period", "cldr_territory", "requestor", "product", "number_of_requests", "items_requested_removal", "items_removed_legal", "items_removed_policy", "items_content_not_found", "items_not_enough_info", "items_no_action_taken", "items_content_already_removed"}
	return t.read(r, need, func() ([]Row, error) {
		row, err := t.googleRow(t.cell("cldr_territory"), t.cell("country"), t.cell("product"), platform)
		if err != nil {
			return nil, err
		}
		if row.Period, err = period(t.cell("time_period")); err != nil {
			return nil, err
		}
		n, err := t.counts(need[4:]...)
		if err != nil {
			return nil, err
		}
		if slices.Contains(n, nil) {
			return nil, errors.New("a count is missing")
		}
		row.Authority, row.Reason = t.cell("requestor"), t.cell("reason")
		demands, items := row, row
		demands.Level, demands.Sent = "demand", n[0]
		demands.id("requests")
		items.Compliance = "item_removed"
		items.Level, items.Sent, items.Complied, items.Rejected = "item", n[1], number(*n[2]+*n[3]), n[6]
		items.Other = map[string]int64{"content not found": *n[4], "not enough information": *n[5], "already removed": *n[7]}
		items.id("items")
		if sum := *n[2] + *n[3] + *n[4] + *n[5] + *n[6] + *n[7]; sum != *n[1] {
			items.Note = fmt.Sprintf("the outcomes add up to %d", sum)
		}
		return []Row{demands, items}, nil
	})
}

// ReadTwitter reads Twitter's table (CSV) of removal requests by country and
// half-year. Each row gives the requests of courts, those of others, both together
// with the share in which something was withheld, and the accounts. Parameters and
// errors are those of ReadGoogleDetailed.
func ReadTwitter(r io.Reader, file string) (*Import, error) {
	t := &table{origin: Origin{Dataset: Twitter, File: file}}
	need := []string{"removal_request_court", "removal_request_other", "accounts_specified", "accounts_witheld", "tweets_witheld", "accounts_witheld_tos"}
	return t.read(r, append([]string{"country", "time_period", "percent_of_witheld_content"}, need...), func() ([]Row, error) {
		cc, err := countryCode("", t.cell("country"))
		if err != nil {
			return nil, err
		}
		p, err := period(t.cell("time_period"))
		if err != nil {
			return nil, err
		}
		n, err := t.counts(need...)
		if err != nil {
			return nil, err
		}
		if n[0] == nil && n[1] == nil && n[2] == nil {
			return nil, errors.New("no figures in the row (NA)")
		}
		row := Row{Origin: t.origin}
		row.CC, row.Platform, row.ReportedBy, row.Counter, row.Confidence, row.Period, row.Level = cc, "x", "Twitter", "period", "medium", p, "demand"
		return t.twitterRows(row, n)
	})
}

func (t *table) twitterRows(row Row, n []*int64) ([]Row, error) {
	courts, others, all, accounts := row, row, row, row
	courts.Authority, courts.Sent = "Court order", n[0]
	courts.id("court")
	others.Authority, others.Sent = "Government, police and other", n[1]
	others.id("other")
	if n[0] != nil && n[1] != nil {
		all.Sent = number(*n[0] + *n[1])
	}
	all.Accounts = n[2]
	if share := t.cell("percent_of_witheld_content"); share != "" && share != "NA" {
		f, err := strconv.ParseFloat(share, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return nil, fmt.Errorf("percent_of_witheld_content: %q is not a share between 0 and 1", share)
		}
		f *= 100
		all.RatePercent = &f
	}
	all.Compliance, all.Note = "some_withheld", "rate: requests after which some content was withheld"
	if withheld := sum(n[3], n[4]); all.RatePercent != nil && *all.RatePercent == 0 && withheld != nil && *withheld > 0 {
		all.RatePercent = nil // 0 beside something withheld is a mistake of the table, or its rounding
		all.Note = fmt.Sprintf("the reporter states 0 %%, and %d accounts and posts withheld", *withheld)
	}
	all.id("all")
	accounts.Level, accounts.Sent, accounts.Complied, accounts.Compliance = "account", n[2], n[3], "account_withheld"
	accounts.Other = map[string]int64{}
	for name, v := range map[string]*int64{"tweets withheld": n[4], "accounts with content removed under the platform's own terms": n[5]} {
		if v != nil {
			accounts.Other[name] = *v
		}
	}
	accounts.id("accounts")
	return []Row{courts, others, all, accounts}, nil
}

// Mapping says how to read a table of another form: which column holds each field,
// and which fields are the same for all rows.
type Mapping struct {
	Columns map[string]string // field to header cell
	Fixed   map[string]string // field to value
}

// Fields lists the fields that a mapping may name.
var Fields = []string{"authority", "cc", "platform", "product", "reason", "period", "from", "to", "counter", "level", "reported_by", "sent", "complied", "partly", "rejected", "pending", "accounts", "rate_percent", "note"}

func (m Mapping) check() error {
	for _, fields := range []map[string]string{m.Columns, m.Fixed} {
		for f := range fields {
			if !slices.Contains(Fields, f) {
				return fmt.Errorf("no field %q; the fields are %s", f, strings.Join(Fields, ", "))
			}
		}
	}
	for _, f := range []string{"cc", "platform", "reported_by"} {
		if m.Columns[f] == "" && m.Fixed[f] == "" {
			return fmt.Errorf("nothing gives the field %q: map it to a column or set it", f)
		}
	}
	if m.Columns["period"] == "" && m.Fixed["period"] == "" && (m.Columns["from"] == "" || m.Columns["to"] == "") {
		return errors.New("nothing gives the period: map or set period, or map from and to")
	}
	return nil
}

// ReadMapped reads a table (CSV) with a mapping. platform returns a platform's id
// for its name. An error means that the mapping or the header is wrong; a row that
// cannot be read is set aside.
func ReadMapped(r io.Reader, file string, m Mapping, platform func(name string) string) (*Import, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	t := &table{origin: Origin{Dataset: Mapped, File: file}}
	var need []string
	for _, c := range m.Columns {
		need = append(need, strings.ToLower(c))
	}
	slices.Sort(need)
	field := func(name string) string {
		if c := m.Columns[name]; c != "" {
			if v := t.cell(strings.ToLower(c)); v != "" {
				return v
			}
		}
		return m.Fixed[name]
	}
	return t.read(r, need, func() ([]Row, error) {
		row := Row{Origin: t.origin}
		if err := row.mapped(field, platform); err != nil {
			return nil, err
		}
		row.id("")
		return []Row{row}, nil
	})
}

// mapped sets a row's fields. field returns the text of a field.
func (r *Row) mapped(field func(string) string, platform func(string) string) error {
	var err error
	if r.CC, err = countryCode(field("cc"), field("cc")); err != nil {
		return err
	}
	if r.Platform = platform(field("platform")); r.Platform == "" {
		return fmt.Errorf("unknown platform %q", field("platform"))
	}
	text := field("period")
	if text == "" {
		text = field("from") + "/" + field("to")
	}
	if r.Period, err = period(text); err != nil {
		return err
	}
	r.Authority, r.Product, r.Reason, r.ReportedBy, r.Note = field("authority"), field("product"), field("reason"), field("reported_by"), field("note")
	r.Counter, r.Level, r.Confidence = "period", "demand", "medium"
	if c := field("counter"); c != "" {
		if c != "period" && c != "cumulative" {
			return fmt.Errorf("counter %q is neither period nor cumulative", c)
		}
		r.Counter = casefile.Counter(c)
	}
	if l := field("level"); l != "" {
		if !slices.Contains([]string{"url", "account", "demand", "information", "item"}, l) {
			return fmt.Errorf("level %q is none of url, account, demand, information, item", l)
		}
		r.Level = casefile.Level(l)
	}
	return r.mappedCounts(field)
}

func (r *Row) mappedCounts(field func(string) string) error {
	var err error
	given := false
	for name, place := range map[string]**int64{"sent": &r.Sent, "complied": &r.Complied, "partly": &r.Partly, "rejected": &r.Rejected, "pending": &r.Pending, "accounts": &r.Accounts} {
		if *place, err = count(field(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		given = given || *place != nil
	}
	if r.RatePercent, err = percent(field("rate_percent")); err != nil {
		return fmt.Errorf("rate_percent: %w", err)
	}
	if !given && r.RatePercent == nil {
		return errors.New("no figures in the row")
	}
	return nil
}

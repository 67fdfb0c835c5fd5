package list

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

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/table"
)

// keepItOnFields maps our names of fields to the names in the header rows of the
// data set's editions since 2016, as key writes them.
var keepItOnFields = map[string][]string{
	"start":         {"start_date"},
	"start_type":    {"start_date_type"},
	"end":           {"end_date"},
	"country":       {"country"},
	"scope":         {"geo_scope"},
	"area":          {"area_name"},
	"type":          {"shutdown_type", "shutdown_type_new"},
	"extent":        {"shutdown_extent", "full_or_service_based", "shutdown_type_group"},
	"status":        {"shutdown_status"},
	"year":          {"count_year", "year"},
	"facebook":      {"facebook_affected"},
	"x":             {"twitter_affected"},
	"whatsapp":      {"whatsapp_affected"},
	"instagram":     {"instagram_affected"},
	"telegram":      {"telegram_affected"},
	"other":         {"other_affected", "other_service_details_specify", "service_details"},
	"ordered_by":    {"ordered_by"},
	"decision":      {"decision_maker"},
	"cause":         {"actual_cause"},
	"justification": {"gov_justification", "official_just"},
	"links":         {"info_source_link", "news_link"},
	"event":         {"event"},
	"networks":      {"telcos_involved"},
	"id":            {"id"},
}

// affected are the fields that say yes or no for one platform; their names are
// platform ids.
var affected = []string{"facebook", "x", "whatsapp", "instagram", "telegram"}

// maxRows is how many rows a file may have.
const maxRows = 1 << 20

// ReadKeepItOnCSV reads an edition of the KeepItOn data set as CSV. file is the
// name that reports give as their origin. An error means that there is no header or
// too many rows; a row that cannot be read is set aside.
func ReadKeepItOnCSV(r io.Reader, file string, names Names) (*Import, error) {
	reader := table.NewRows(bufio.NewReader(r), ',')
	im := &Import{Dataset: ban.KeepItOn}
	sheet := sheetReader{im: im, names: names, origin: ban.Origin{Dataset: ban.KeepItOn, File: file}}
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return im, sheet.finish()
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		if row.Err != nil {
			im.Rows++
			sheet.at(int(row.Line))
			im.aside(sheet.origin, string(row.Raw), "%v", row.Err)
			continue
		}
		if im.Rows > maxRows {
			return nil, fmt.Errorf("read %s: more than %d rows", file, maxRows)
		}
		sheet.row(int(row.Line), slices.Clone(row.Fields), time.Time{})
	}
}

// ReadKeepItOnXLSX reads the KeepItOn data set as a spreadsheet (XLSX). Each sheet
// has a header of its own.
func ReadKeepItOnXLSX(data []byte, file string, names Names) (*Import, error) {
	book, err := table.OpenXLSX(data)
	if err != nil {
		return nil, fmt.Errorf("open spreadsheet %s: %w", file, err)
	}
	im := &Import{Dataset: ban.KeepItOn}
	for _, page := range book.Sheets {
		sheet := sheetReader{im: im, names: names, origin: ban.Origin{Dataset: ban.KeepItOn, File: file, Sheet: strings.TrimSpace(page.Name)}}
		for row, err := range page.Rows() {
			if err != nil {
				im.Rows++
				sheet.at(row.Number)
				im.aside(sheet.origin, "", "unreadable row: %v", err)
				break
			}
			if im.Rows > maxRows {
				return nil, fmt.Errorf("read %s: more than %d rows", file, maxRows)
			}
			sheet.row(row.Number, row.Cells, yearOf(page.Name))
		}
		if err := sheet.finish(); err != nil {
			return nil, err
		}
	}
	return im, nil
}

// sheetReader turns the rows of one table into reports.
type sheetReader struct {
	im      *Import
	names   Names
	origin  ban.Origin
	column  map[string][]int // by field
	further map[string]int   // columns that are kept as they are
	before  []aheadRow       // rows before a header was found
}

type aheadRow struct {
	line int
	text string
}

func (s *sheetReader) at(line int) { s.origin.Row = line }

// row reads one row. The first row with a start date and a country among its cells
// is the header.
func (s *sheetReader) row(line int, cells []string, sheetYear time.Time) {
	if !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
		return // a blank line is no row
	}
	if s.column == nil {
		if s.header(cells) {
			return
		}
		s.before = append(s.before, aheadRow{line, strings.Join(cells, " | ")})
		return
	}
	s.im.Rows++
	s.at(line)
	n := len(s.im.Reports)
	if reason := s.report(cells, sheetYear); reason != "" {
		s.im.Reports = s.im.Reports[:n]
		s.im.aside(s.origin, strings.Join(cells, " | "), "%s", reason)
		return
	}
	s.im.Used++
}

// keptColumns are columns that no rule reads. They are exported as they came.
var keptColumns = strings.Fields(`affected_network actual_cause_details info_source gov_just_details gov_ack legal_just legal_method gov_ack_source
	gov_ack_quote sms_affected phonecall_affected telco_ack telco_ack_source telco_ack_quote election violence hr_abuse_reported users_targeted
	users_target_detail users_notified econ_impact an_link region`)

// kept returns the cells of keptColumns that are not empty, by column.
func (s *sheetReader) kept(cells []string) map[string]string {
	var out map[string]string
	for name, i := range s.further {
		if i < len(cells) && strings.TrimSpace(cells[i]) != "" {
			if out == nil {
				out = make(map[string]string)
			}
			out[name] = strings.TrimSpace(cells[i])
		}
	}
	return out
}

func (s *sheetReader) header(cells []string) bool {
	column := make(map[string][]int)
	further := make(map[string]int)
	for i, cell := range cells {
		if k := key(cell); slices.Contains(keptColumns, k) {
			further[k] = i
		}
	}
	for field, keys := range keepItOnFields {
		for _, want := range keys {
			for i, cell := range cells {
				if key(cell) == want {
					column[field] = append(column[field], i)
				}
			}
		}
	}
	if column["start"] == nil || column["country"] == nil {
		return false
	}
	s.column, s.further = column, further
	return true
}

// finish sets aside all rows of a table without a header.
func (s *sheetReader) finish() error {
	for _, r := range s.before {
		s.im.Rows++
		s.at(r.line)
		s.im.aside(s.origin, r.text, "no header above this row (a header has start_date and country)")
	}
	if s.column == nil && s.origin.Sheet == "" {
		return fmt.Errorf("read %s: no header row with start_date and country; this is not a KeepItOn table", s.origin.File)
	}
	return nil
}

// report reads a row. It returns the reason why the row cannot be used, or "".
func (s *sheetReader) report(cells []string, sheetYear time.Time) string {
	cell := func(field string) string {
		for _, i := range s.column[field] {
			if i < len(cells) && strings.TrimSpace(cells[i]) != "" {
				return strings.TrimSpace(cells[i])
			}
		}
		return ""
	}
	start, err := sheetDate(cell("start"))
	if err != nil {
		return "start date: " + err.Error()
	}
	r := ban.Report{
		Origin: s.origin, Start: start, Estimated: strings.EqualFold(cell("start_type"), "estimated"),
		Method: ban.Block, Area: cell("area"), Title: shorten(cell("event"), 300),
		OrderedBy: cell("ordered_by"), DecisionMaker: cell("decision"), Cause: cell("cause"), Justification: cell("justification"),
		Networks: cell("networks"), Links: splitLinks(cell("links")),
	}
	r.Origin.ID = cell("id")
	r.Columns = s.kept(cells)
	if strings.EqualFold(cell("type"), "throttle") {
		r.Method = ban.Throttle
	}
	if reason := ends(&r, cell("end"), cell("status"), yearEnd(cell("year"), sheetYear)); reason != "" {
		return reason
	}
	s.targets(&r, cell)
	return s.perCountry(r, cell("scope"), cell("country"))
}

// ends sets how the ban ended, or that it is ongoing. An ongoing ban is known to
// hold until the end of the year that the row counts for. It returns the reason why
// the end cannot be read, or "".
func ends(r *ban.Report, end, status string, counted time.Time) string {
	r.Status, r.Known = ban.Unknown, r.Start
	switch strings.ToLower(end) { // spellings found in the editions
	case "ongoing":
		end, status = "", end
	case "unknown", "unkown", "n/a", "-":
		end = ""
	}
	if end != "" {
		t, err := sheetDate(end)
		if err != nil {
			return "end date: " + err.Error()
		}
		if t.Before(r.Start) {
			return fmt.Sprintf("ends on %s, before it starts on %s", t.Format(time.DateOnly), r.Start.Format(time.DateOnly))
		}
		r.Status, r.End, r.Known = ban.Ended, t, t
		return ""
	}
	if strings.EqualFold(status, "ongoing") {
		r.Status = ban.Ongoing
		if counted.After(r.Start) {
			r.Known = counted
		}
	}
	return ""
}

// targets sets which platforms were affected, or that the whole network was.
func (s *sheetReader) targets(r *ban.Report, cell func(string) string) {
	extent := strings.ToLower(cell("extent"))
	if strings.Contains(extent, "service") {
		for _, id := range affected {
			if v := strings.ToLower(cell(id)); v == "yes" || v == "true" || v == "1" {
				r.Targets = append(r.Targets, id)
			}
		}
		for _, word := range services(cell("other")) {
			if id := serviceID(s.names, word, r.Start); id == "" {
				r.Other = append(r.Other, word)
			} else if !slices.Contains(r.Targets, id) {
				r.Targets = append(r.Targets, id)
			}
		}
	}
	if strings.Contains(extent, "full") || extent == "" || len(r.Targets)+len(r.Other) == 0 && !strings.Contains(extent, "service") {
		r.Targets = append(r.Targets, ban.Internet)
	}
	slices.Sort(r.Targets)
}

// perCountry adds one report for each country of the row. It returns the reason why
// it cannot, or "".
func (s *sheetReader) perCountry(r ban.Report, scope, countries string) string {
	for name := range strings.SplitSeq(countries, ";") {
		cc, ok := country.Code(name)
		if !ok {
			return fmt.Sprintf("unknown country %q", strings.TrimSpace(name))
		}
		r.CC, r.Scope = cc, scopeOf(scope, r.Area, cc)
		s.im.Reports = append(s.im.Reports, r)
	}
	return ""
}

// serviceID returns the platform that a word of the column "other" names or, where
// the word is a host, the host's platform on that day or the host; "" for other
// words.
func serviceID(n Names, word string, at time.Time) string {
	if id := n.OfName(word); id != "" {
		return id
	}
	if host := strings.ToLower(word); hostForm.MatchString(host) {
		return hostID(n, host, at)
	}
	plain := strings.TrimSpace(brackets.ReplaceAllString(word, ""))
	for _, suffix := range []string{" messenger", " service", " services", " app"} {
		if id := n.OfName(strings.TrimSuffix(strings.ToLower(plain), suffix)); id != "" {
			return id
		}
	}
	return ""
}

var (
	brackets  = regexp.MustCompile(`\s*\([^)]*\)`)
	separator = regexp.MustCompile(`[,;]|\s+and\s+|^and\s+`)
	hostForm  = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}$`)
	nonWord   = regexp.MustCompile(`[^a-z0-9]+`)
	yearIn    = regexp.MustCompile(`\b(19|20)\d\d\b`)
)

// services splits a list of services, as people write it, into its names.
func services(text string) []string {
	var list []string
	for _, part := range separator.Split(text, -1) {
		if word := strings.Trim(part, " .\"“”\t\n"); word != "" {
			list = append(list, word)
		}
	}
	return list
}

// key writes a header cell in the form of keepItOnFields: lower case, "_" between
// words.
func key(cell string) string {
	return strings.Trim(nonWord.ReplaceAllString(strings.ToLower(strings.TrimPrefix(cell, "\ufeff")), "_"), "_")
}

// sheetDates are the layouts in which the editions write a day.
var sheetDates = []string{"2006-01-02", "1/2/2006", "2-Jan-2006", "02 Jan 2006", "2006-01-02 15:04:05", "01-02-06"}

// sheetDate reads a day in one of sheetDates, or as a spreadsheet's serial number.
func sheetDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, errors.New("missing")
	}
	t, err := time.Time{}, error(nil)
	if serial, numErr := strconv.ParseFloat(s, 64); numErr == nil {
		if serial < 20000 || serial > 80000 { // 1954 to 2119
			return t, fmt.Errorf("%q is no date", s)
		}
		t = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(serial))
	} else {
		for _, layout := range sheetDates {
			if t, err = time.Parse(layout, s); err == nil {
				break
			}
		}
	}
	if err != nil {
		return t, fmt.Errorf("%q is not a date like 2024-02-17", s)
	}
	if t.Year() < 1990 || t.Year() > 2100 {
		return t, fmt.Errorf("%q is out of range", s)
	}
	return ban.Day(t), nil
}

// yearOf returns the first day of the year in a sheet's name, or zero where the
// name has no year or several.
func yearOf(name string) time.Time {
	if years := yearIn.FindAllString(name, -1); len(years) == 1 {
		y, _ := strconv.Atoi(years[0])
		return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Time{}
}

// yearEnd returns the last day of the year for which a row counts, or zero where no
// year is known.
func yearEnd(cell string, sheetYear time.Time) time.Time {
	y := sheetYear.Year()
	if f, err := strconv.ParseFloat(cell, 64); err == nil && f > 1990 && f < 2100 {
		y = int(f)
	} else if sheetYear.IsZero() {
		return time.Time{}
	}
	return time.Date(y, 12, 31, 0, 0, 0, 0, time.UTC)
}

// nation matches the ways in which the editions write that a ban was of the whole
// country. "Nationwide, except …" is also of the whole country.
var nation = regexp.MustCompile(`^(?:all of |the )?(?:nation(?:al|ally|wide|wde)?\b|nation wide|(?:entire|whole) (?:country|nation)|country-?wide|country wide)|(?:for|across|throughout) the (?:entire|whole) country`)

// scopeOf returns how much of a country a row is about. The column scope says only
// how many places there were. The area, or its absence, decides whether it was the
// whole country.
func scopeOf(scope, area, cc string) ban.Scope {
	s, a := strings.ToLower(scope), strings.ToLower(strings.TrimSpace(area))
	name := strings.ToLower(country.Name(cc))
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(a, "the "), "entire "), "all of ")
	wide := strings.Contains(s, "more than one state") || strings.Contains(s, "level 3") || s == "national"
	switch {
	case nation.MatchString(a), name != "" && (bare == name || strings.HasPrefix(bare, name+"/")), a == "" && (wide || s == ""):
		return ban.National
	case strings.Contains(s, "only affected one"), strings.Contains(s, "level 1"), s == "local":
		return ban.Local
	default:
		return ban.Regional
	}
}

func splitLinks(s string) []string {
	var links []string
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ';' || r == '\n' || r == '\t' }) {
		if part = strings.Trim(part, ","); strings.HasPrefix(part, "http") {
			links = append(links, part)
		}
	}
	return links
}

func shorten(s string, n int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}

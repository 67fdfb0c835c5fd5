package list

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/country"
)

// keepItOnColumns are the columns of the data set's current edition.
var keepItOnColumns = strings.Fields(`start_date_type start_date country geo_scope area_name shutdown_type affected_network
	shutdown_extent ordered_by decision_maker actual_cause actual_cause_details info_source info_source_link shutdown_status
	end_date duration gov_justification gov_just_details gov_ack legal_just legal_method gov_ack_source gov_ack_quote
	facebook_affected twitter_affected whatsapp_affected instagram_affected telegram_affected other_affected sms_affected
	phonecall_affected telcos_involved telco_ack telco_ack_source telco_ack_quote election violence hr_abuse_reported
	users_targeted users_target_detail users_notified econ_impact event an_link region count_year`)

var keepItOnScopes = map[ban.Scope]string{
	ban.National: "It affected locations in more than one state, province, or region",
	ban.Regional: "It affected more than one city in the same state, province, or region",
	ban.Local:    "It only affected one city, county, or village",
}

// keepItOnFlag maps platforms to their column, for those that have one.
var keepItOnFlag = map[string]string{
	"facebook": "facebook_affected", "x": "twitter_affected", "whatsapp": "whatsapp_affected", "instagram": "instagram_affected", "telegram": "telegram_affected",
}

// ExportKeepItOn writes bans as CSV in KeepItOn's columns. Bans with the same
// country, dates, method and area share a row, as in KeepItOn's sheets. Durations
// are in days and count the first and the last day, as the data set does. What is
// not known stays empty. name returns a platform's name for the column
// other_affected. An error is one of w.
func ExportKeepItOn(w io.Writer, bans []ban.Ban, asOf time.Time, name func(id string) string) error {
	out := csv.NewWriter(w)
	if err := out.Write(keepItOnColumns); err != nil {
		return fmt.Errorf("export bans: %w", err)
	}
	type key struct {
		cc, area   string
		method     ban.Method
		start, end time.Time
		status     ban.Status
		internet   bool
		unnamed    string // services without an id: they get a row of their own, because beside a named platform they would look like a remark on it
	}
	rows := make(map[key][]ban.Ban)
	var keys []key
	for _, b := range bans {
		k := key{b.CC, b.Area, b.Method, b.Start, b.End, b.Status, b.Target == ban.Internet, ""}
		if b.Target == ban.Unnamed {
			k.unnamed = "\x00" + strings.Join(b.Other, "\x00")
		}
		if rows[k] == nil {
			keys = append(keys, k)
		}
		rows[k] = append(rows[k], b)
	}
	slices.SortStableFunc(keys, func(a, b key) int { return cmp.Or(a.start.Compare(b.start), strings.Compare(a.cc, b.cc)) })
	for _, k := range keys {
		if err := out.Write(keepItOnRow(rows[k], asOf, name)); err != nil {
			return fmt.Errorf("export bans: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("export bans: %w", err)
	}
	return nil
}

// keepItOnRow makes one row of bans that differ only in the target.
func keepItOnRow(bans []ban.Ban, asOf time.Time, name func(id string) string) []string {
	b := bans[0]
	p := b.Reports[0]
	cell := map[string]string{
		"start_date_type": "Actual", "start_date": b.Start.Format(time.DateOnly), "country": country.Name(b.CC), "geo_scope": keepItOnScopes[b.Scope],
		"area_name": cmp.Or(b.Area, map[bool]string{true: "Nationwide"}[b.Scope == ban.National]), "shutdown_type": "Shutdown", "shutdown_extent": "Service-based",
		"ordered_by": p.OrderedBy, "decision_maker": p.DecisionMaker, "actual_cause": p.Cause, "gov_justification": p.Justification, "telcos_involved": p.Networks,
		"event": p.Title, "shutdown_status": map[ban.Status]string{ban.Ended: "Ended", ban.Ongoing: "Ongoing", ban.Unknown: "Unknown"}[b.Status], "count_year": strconv.Itoa(countYear(&b)),
	}
	if p.Estimated || p.Origin.Dataset == ban.Measured && (p.StartOpen || !p.StartBy.IsZero()) {
		cell["start_date_type"] = "Estimated"
	}
	for _, r := range b.Reports { // the preferred report comes first; the others fill in what it does not say
		for name, value := range r.Columns {
			fill(cell, name, value)
		}
		for name, value := range map[string]string{"ordered_by": r.OrderedBy, "decision_maker": r.DecisionMaker, "actual_cause": r.Cause, "gov_justification": r.Justification, "telcos_involved": r.Networks} {
			fill(cell, name, value)
		}
	}
	fill(cell, "region", region(b.CC))
	if b.Method == ban.Throttle {
		cell["shutdown_type"] = "Throttle"
	}
	if l, ok := b.LengthAt(asOf); ok && b.Status == ban.Ended && !l.Ongoing {
		cell["end_date"] = b.End.Format(time.DateOnly)
		cell["duration"] = strconv.Itoa(l.Most() + 1) // from the first day of the start to the last day of the end
	} else if b.Status == ban.Ended {
		cell["shutdown_status"] = "Ongoing" // on the day asOf
	}
	var others, links []string
	for _, column := range keepItOnFlag {
		cell[column] = "No"
	}
	for _, b := range bans {
		switch column := keepItOnFlag[b.Target]; {
		case b.Target == ban.Internet:
			cell["shutdown_extent"] = "Full network"
		case b.Target == ban.Unnamed:
			others = append(others, b.Other...)
		case column != "":
			cell[column] = "Yes"
		default:
			others = append(others, name(b.Target))
		}
		for _, r := range b.Reports {
			for _, l := range r.Links {
				if !slices.Contains(links, l) {
					links = append(links, l)
				}
			}
		}
	}
	cell["other_affected"] = strings.Join(others, ", ")
	if cell["shutdown_extent"] == "Service-based" { // this ban is of named services, not of others
		fill(cell, "sms_affected", "No")
		fill(cell, "phonecall_affected", "No")
	}
	cell["info_source_link"] = strings.Join(links, "; ")
	row := make([]string, len(keepItOnColumns))
	for i, c := range keepItOnColumns {
		row[i] = guard(cell[c])
	}
	return row
}

// fill sets a cell where it is empty.
func fill(cell map[string]string, name, value string) {
	if cell[name] == "" {
		cell[name] = value
	}
}

// regions are the regions of countries in KeepItOn's words, by the groups of the
// United Nations (M49) that hold the country.
var regions = []struct{ group, name string }{
	{"015", "MENA"}, {"145", "MENA"}, {"002", "Africa"}, {"021", "North America"}, {"419", "LAC"}, {"151", "EECA"}, {"143", "EECA"}, {"150", "Europe"}, {"142", "APAC"}, {"009", "APAC"},
}

func region(cc string) string {
	r, err := language.ParseRegion(cc)
	if err != nil {
		return ""
	}
	for _, part := range regions {
		if language.MustParseRegion(part.group).Contains(r) {
			return part.name
		}
	}
	return ""
}

// countYear returns the year of the sheet that lists a ban: the year of its start
// or, for an ongoing ban, the last year at whose end it held.
func countYear(b *ban.Ban) int {
	year := b.Start.Year()
	if b.Status != ban.Ongoing {
		return year
	}
	held := b.Known.Year()
	if !b.Known.AddDate(0, 0, 1).Equal(time.Date(held+1, 1, 1, 0, 0, 0, 0, time.UTC)) {
		held--
	}
	return max(year, held)
}

// guard keeps a spreadsheet from reading text of a stranger as a formula.
func guard(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

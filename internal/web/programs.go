package web

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/internal/api"
	"github.com/bandish/bandish/internal/inquiry"
)

const apiPage page[[]api.Endpoint] = "api.html"

// programs is the page that describes the API.
func (s *Site) programs(w http.ResponseWriter, r *http.Request) error {
	f := frame{Title: "The API", About: "What this site shows, for programs: every address with its parameters and an example.", Trail: []crumb{{"Get the data", "/data"}, {"The API", ""}}}
	return apiPage.show(s, w, r, f, s.Endpoints, nil)
}

// hoursRow is one line of the table of hours banned.
type hoursRow struct {
	ban.Year
	Country, Name, Href string
}

type hoursView struct {
	part
	Rows []hoursRow
	When whenAsked
}

const hoursPage page[hoursView] = "hours.html"

// hours lists how many hours each platform was banned, by country and year:
// /hours?format=csv has all of them.
func (s *Site) hours(w http.ResponseWriter, r *http.Request) error {
	t, err := timesOf(r)
	if err != nil {
		return err
	}
	list, err := s.Desk.Hours(r.Context(), t.at, t.known)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("format") == "csv" {
		return hoursCSV(w, r, list)
	}
	v := hoursView{Rows: []hoursRow{}, When: t.asked(r)}
	page, rows, err := partOf(r, list, v.When)
	if err != nil {
		return err
	}
	v.part = page
	for _, y := range rows {
		row := hoursRow{Year: y, Country: inquiry.Country(y.CC), Name: s.name(y.Target), Href: "/cc/" + y.CC + "/" + url.PathEscape(y.Target) + t.query()}
		if y.Target == ban.Internet {
			row.Name, row.Href = "the internet", ""
		}
		v.Rows = append(v.Rows, row)
	}
	f := frame{Title: "Hours banned", About: "How many hours each platform was banned in each country and year, measured and reported.", Trail: []crumb{{"All bans", "/bans"}, {"Hours banned", ""}}}
	if err := s.answers(&f, r, f.Title, t); err != nil {
		return err
	}
	return hoursPage.show(s, w, r, f, v, list)
}

func hoursCSV(w http.ResponseWriter, r *http.Request, list []ban.Year) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	out.Write([]string{"target", "probe_cc", "year", "measured_bans", "measured_hours_at_least", "measured_hours_at_most", "reported_bans", "reported_hours_at_least", "reported_hours_at_most", "open_ended"})
	for _, y := range list {
		n := strconv.Itoa
		out.Write([]string{y.Target, y.CC, n(y.Year), n(y.MeasuredBans), n(y.MeasuredAtLeast), n(y.MeasuredAtMost), n(y.ReportedBans), n(y.ReportedAtLeast), n(y.ReportedAtMost), strconv.FormatBool(y.Open)})
	}
	if out.Flush(); out.Error() != nil {
		return out.Error()
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, "text/csv; charset=utf-8", b.Bytes())
	return nil
}

package web

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
)

// deliverCSV answers with a table; its first row names the columns.
func deliverCSV(w http.ResponseWriter, r *http.Request, rows [][]string) error {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, "text/csv; charset=utf-8", b.Bytes())
	return nil
}

func wantsCSV(r *http.Request) bool { return r.URL.Query().Get("format") == "csv" }

func isoDay(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// answersCSV are the answers behind a map or the page of a country.
func answersCSV(w http.ResponseWriter, r *http.Request, answers []answer.Answer) error {
	rows := [][]string{{"probe_cc", "target", "state", "partial", "basis", "since_earliest", "since_latest", "failed", "measurements", "networks", "as_of"}}
	for i := range answers {
		a := &answers[i]
		since := [2]string{}
		if a.Since != nil {
			since = [2]string{isoDay(a.Since.Earliest), isoDay(a.Since.Latest)}
		}
		day := a.LastDay()
		rows = append(rows, []string{a.CC, a.Target, string(a.State), strconv.FormatBool(a.Partial), string(a.Basis), since[0], since[1],
			strconv.FormatInt(int64(a.Counts.Failed), 10), strconv.FormatInt(int64(a.Counts.Measurements), 10), strconv.Itoa(a.Counts.Networks), isoDay(&day)})
	}
	return deliverCSV(w, r, rows)
}

// bansCSV writes the bans that the drawing of the longest bans shows.
func bansCSV(w http.ResponseWriter, r *http.Request, ranked []ban.Ranked) error {
	rows := [][]string{{"country", "target", "other", "scope", "start", "start_by", "start_open", "end_from", "end", "known", "days", "at_most", "at_least", "ongoing", "reported_by"}}
	for i := range ranked {
		b := &ranked[i]
		var by []string
		for j := range b.Reports {
			by = append(by, b.Reports[j].Origin.String())
		}
		most := ""
		if b.Length.AtMost > b.Length.Days {
			most = strconv.Itoa(b.Length.AtMost)
		}
		rows = append(rows, []string{b.CC, b.Target, strings.Join(b.Other, "; "), string(b.Scope), isoDay(&b.Start), isoDay(&b.StartBy), strconv.FormatBool(b.StartOpen), isoDay(&b.EndFrom), isoDay(&b.End), isoDay(&b.Known), strconv.Itoa(b.Length.Days), most, strconv.FormatBool(b.Length.AtLeast), strconv.FormatBool(b.Length.Ongoing), strings.Join(by, "; ")})
	}
	return deliverCSV(w, r, rows)
}

// caseCSV makes the handler of a table behind a drawing of a case: its requests, or its
// chain of authority.
func (s *Site) caseCSV(table func(k speaker) [][]string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		k, _, _, err := s.caseAsked(r, r.PathValue("id"))
		if err != nil {
			return err
		}
		return deliverCSV(w, r, table(k))
	}
}

// requestTable are the requests of a case, as they were counted.
func (k speaker) requestTable() [][]string {
	rows := [][]string{{"id", "authority", "platform", "period", "level", "sent", "complied", "rate_percent", "reported_by"}}
	count := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	for i := range k.shown.Requests {
		q := &k.shown.Requests[i]
		rate := ""
		if q.RatePercent != nil {
			rate = strconv.FormatFloat(*q.RatePercent, 'f', -1, 64)
		}
		rows = append(rows, []string{q.ID, q.Authority, q.Platform, q.Period.String(), string(q.Level), count(q.Sent), count(q.Complied), rate, q.ReportedBy})
	}
	return rows
}

// chainTable returns the steps of the chain of authority.
func (k speaker) chainTable() [][]string {
	rows := [][]string{{"id", "date", "kind", "by", "to", "what", "until_next"}}
	for _, l := range k.chain() {
		rows = append(rows, []string{l.ID, l.EDTF, l.Kind, l.Who, l.To, l.What, l.Days})
	}
	return rows
}

// networkCSV writes the days behind the drawings of a network. Days without measurements
// are left out.
func networkCSV(w http.ResponseWriter, r *http.Request, on inquiry.Network) error {
	rows := [][]string{{"probe_asn", "probe_cc", "target", "date", "state", "blocked", "ok", "down", "inconclusive", "measurements", "reports"}}
	for i := range on.Answers {
		a := &on.Answers[i]
		for _, d := range a.Days {
			n := func(x uint32) string { return strconv.FormatUint(uint64(x), 10) }
			rows = append(rows, []string{network.Name(on.ASN), a.CC, a.Target, d.Date, string(d.State), n(d.Blocked), n(d.OK), n(d.Down), n(d.Inconclusive), n(d.Measurements), n(d.Reports)})
		}
	}
	return deliverCSV(w, r, rows)
}

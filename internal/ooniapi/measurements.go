package ooniapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// scores stands in the place of OONI's scores for how strong the signs are: 1 for blocked
// and likely blocked, and the verdict in our own words.
type scores struct {
	General float64 `json:"blocking_general"`
	Global  float64 `json:"blocking_global"`
	Country float64 `json:"blocking_country"`
	ISP     float64 `json:"blocking_isp"`
	Local   float64 `json:"blocking_local"`
	Message string  `json:"msg,omitempty"`
	Bandish struct {
		State      verdict.State `json:"state"`
		Mechanisms []string      `json:"mechanisms"`
		Rules      []string      `json:"rules"`
		Ruleset    string        `json:"ruleset"`
		Invalid    string        `json:"invalid,omitempty"`
		Marks      []string      `json:"marks,omitempty"`
	} `json:"bandish"`
}

func scoresOf(v *verdict.Row) scores {
	var s scores
	if _, anomaly, _ := store.Judged(v); anomaly && v.State != verdict.Impaired {
		s.General = 1
	}
	s.Bandish.State, s.Bandish.Ruleset, s.Bandish.Invalid, s.Bandish.Marks = v.State, v.Ruleset, v.Invalid, v.Marks
	s.Bandish.Mechanisms, s.Bandish.Rules = append([]string{}, v.Mechanisms...), append([]string{}, v.Rules...)
	return s
}

// measurementRow is one measurement of a list.
type measurementRow struct {
	Anomaly   bool      `json:"anomaly"`
	Confirmed bool      `json:"confirmed"`
	Failure   bool      `json:"failure"`
	Input     *string   `json:"input"`
	Start     time.Time `json:"measurement_start_time"`
	UID       string    `json:"measurement_uid"`
	URL       string    `json:"measurement_url"`
	ASN       string    `json:"probe_asn"`
	CC        string    `json:"probe_cc"`
	ReportID  string    `json:"report_id"`
	Scores    scores    `json:"scores"`
	Test      string    `json:"test_name"`
	Status    string    `json:"verification_status"`
}

func (s *Server) rowOf(v *verdict.Row) measurementRow {
	m := measurementRow{
		Start: v.Time.UTC().Truncate(time.Second), UID: v.UID, ASN: network.ASN(v.ASN).String(), CC: v.CC, ReportID: v.ReportID, Test: v.TestName,
		URL: s.BaseURL + "/api/v1/raw_measurement?measurement_uid=" + url.QueryEscape(v.UID), Scores: scoresOf(v), Status: "unverified",
	}
	m.Confirmed, m.Anomaly, m.Failure = store.Judged(v)
	if v.Input != "" {
		m.Input = &v.Input
	}
	return m
}

func (s *Server) measurements(_ http.ResponseWriter, r *http.Request) (any, error) {
	began := time.Now()
	q := r.URL.Query()
	f, err := s.selection(q)
	if err != nil {
		return nil, err
	}
	offset, err := number(q, "offset", 0, 1_000_000)
	if err != nil {
		return nil, err
	}
	limit, err := number(q, "limit", 100, maxRows)
	if err != nil {
		return nil, err
	}
	order := strings.ToLower(q.Get("order"))
	if order != "" && order != "asc" && order != "desc" {
		return nil, bad("order is %q: want asc or desc", q.Get("order"))
	}
	if by := q.Get("order_by"); by != "" && by != "measurement_start_time" {
		return nil, bad("order_by is %q: want measurement_start_time", by)
	}
	ctx, cancel := s.limited(r)
	defer cancel()
	rows, err := s.Store.Measurements(ctx, f, order == "asc", offset, limit+1)
	if err != nil {
		return nil, err
	}
	meta := map[string]any{"offset": offset, "limit": limit, "count": -1, "pages": -1, "current_page": 1, "next_url": nil}
	if limit > 0 {
		meta["current_page"] = offset/limit + 1
	}
	if len(rows) > limit {
		rows = rows[:limit]
		q.Set("offset", fmt.Sprint(offset+limit))
		q.Set("limit", fmt.Sprint(limit))
		meta["next_url"] = s.BaseURL + "/api/v1/measurements?" + q.Encode()
	} else if limit > 0 {
		meta["count"], meta["pages"] = offset+len(rows), (offset+len(rows)+limit-1)/limit
	}
	results := []measurementRow{}
	for i := range rows {
		results = append(results, s.rowOf(&rows[i]))
	}
	meta["query_time"] = time.Since(began).Seconds()
	return map[string]any{"metadata": meta, "results": results}, nil
}

// one finds the measurement that a request names, by its uid, or by its report and input.
func (s *Server) one(r *http.Request) (*verdict.Row, error) {
	q := r.URL.Query()
	uid, report := q.Get("measurement_uid"), q.Get("report_id")
	if uid == "" {
		uid = r.PathValue("uid")
	}
	if !utf8.ValidString(uid + report + q.Get("input")) {
		return nil, bad("the name of the measurement is not UTF-8")
	}
	if uid != "" {
		v, ok, err := s.Store.Verdict(r.Context(), uid)
		if err != nil || !ok {
			return nil, err
		}
		return &v, nil
	}
	if report == "" {
		return nil, bad("measurement_uid or report_id is missing")
	}
	rows, err := s.Store.Measurements(r.Context(), store.Selection{ReportID: report, Input: q.Get("input")}, false, 0, 1)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// document returns a measurement as it was received, nil if the archive has no document of
// it (rows that were imported from a table).
func (s *Server) document(v *verdict.Row) ([]byte, error) {
	if v.Raw == "" {
		return nil, nil
	}
	e, err := s.Store.Archive().ReadRawLine(v.Raw, v.Line)
	if err != nil {
		return nil, err
	}
	if !json.Valid(e.Document) {
		return nil, nil
	}
	return e.Document, nil
}

func (s *Server) meta(_ http.ResponseWriter, r *http.Request) (any, error) {
	full := r.URL.Query().Get("full") == "true" || r.URL.Query().Get("full") == "True" || r.URL.Query().Get("full") == "1"
	v, err := s.one(r)
	switch {
	case err != nil:
		return nil, err
	case v == nil && full:
		return map[string]any{"raw_measurement": ""}, nil
	case v == nil:
		return map[string]any{}, nil
	}
	doc, err := s.document(v)
	if err != nil {
		return nil, err
	}
	var times struct {
		Test measurement.Time `json:"test_start_time"`
	}
	started := v.Time
	if json.Unmarshal(doc, &times) == nil && !times.Test.IsZero() {
		started = times.Test.Time
	}
	text, err := json.Marshal(scoresOf(v))
	if err != nil {
		return nil, err
	}
	const form = "2006-01-02T15:04:05Z"
	out := map[string]any{
		"measurement_start_time": v.Time.UTC().Format(form), "test_start_time": started.UTC().Format(form), "measurement_uid": v.UID, "report_id": v.ReportID,
		"test_name": v.TestName, "probe_asn": v.ASN, "probe_cc": v.CC, "scores": string(text), "category_code": s.categoryOf(v.Domain), "verification_status": "unverified", "input": nil,
	}
	if v.Input != "" {
		out["input"] = v.Input
	}
	out["confirmed"], out["anomaly"], out["failure"] = store.Judged(v)
	if full {
		out["raw_measurement"] = string(doc)
	}
	return out, nil
}

// raw answers with the document alone, as it was received.
func (s *Server) raw(w http.ResponseWriter, r *http.Request) (any, error) {
	v, err := s.one(r)
	if err != nil {
		return nil, err
	}
	doc := []byte("{}")
	if v != nil {
		if doc, err = s.document(v); err != nil {
			return nil, err
		}
	}
	if doc == nil {
		doc = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(doc) // an error is the client's loss
	return nil, nil
}

// measurement answers with the document alone. It is an error if there is none.
func (s *Server) measurement(w http.ResponseWriter, r *http.Request) (any, error) {
	v, err := s.one(r)
	if err == nil && v == nil {
		return nil, &requestError{http.StatusNotFound, "the archive has no measurement of this uid"}
	}
	if err != nil {
		return nil, err
	}
	return s.raw(w, r)
}

package list

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
)

// shutdown is one element of SFLC's list of shutdowns in India.
type shutdown struct {
	State       string   `json:"state:name"`
	Districts   []string `json:"districts"`
	Date        string   `json:"date"`
	Duration    hours    `json:"duration"`
	Active      *bool    `json:"active"`
	Nature      string   `json:"nature"`
	Networks    string   `json:"networksAffected"`
	Description string   `json:"description"`
	Source      string   `json:"source"`
}

// hours is a number of hours, which the list writes as a number or as text.
type hours float64

func (h *hours) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `" `)
	if text == "" || text == "null" {
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f < 0 || f > 1e6 {
		return fmt.Errorf("duration %s is not a number of hours", b)
	}
	*h = hours(f)
	return nil
}

// ReadSFLC reads SFLC's list of shutdowns in India: shutdowns of the network in
// states and districts. Durations there are in hours. file is the name that reports
// give as their origin. An element that cannot be read is set aside.
func ReadSFLC(data []byte, file string) (*Import, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read shutdowns %s: %w", file, err)
	}
	im := &Import{Dataset: ban.SFLC}
	for i, raw := range list {
		im.Rows++
		o := ban.Origin{Dataset: ban.SFLC, File: file, Row: i + 1}
		var s shutdown
		if err := json.Unmarshal(raw, &s); err != nil {
			im.aside(o, string(raw), "not a shutdown: %v", err)
			continue
		}
		start, err := time.Parse(time.DateOnly, s.Date)
		switch {
		case err != nil:
			im.aside(o, string(raw), "date %q is not like 2024-02-17", s.Date)
			continue
		case s.State == "":
			im.aside(o, string(raw), "names no state")
			continue
		}
		im.Used++
		im.Reports = append(im.Reports, s.report(o, start))
	}
	return im, nil
}

func (s *shutdown) report(o ban.Origin, start time.Time) ban.Report {
	r := ban.Report{
		Origin: o, CC: "IN", Targets: []string{ban.Internet}, Method: ban.Block, Scope: ban.Regional, Area: s.State, Within: s.State,
		Start: start, Status: ban.Unknown, Known: start, Title: shorten(s.Description, 300), Cause: s.Nature, Networks: s.Networks, Links: splitLinks(s.Source),
	}
	if len(s.Districts) > 0 {
		r.Area = strings.Join(s.Districts, ", ") + ", " + s.State
	}
	if s.Duration > 0 {
		r.Status, r.End = ban.Ended, ban.Day(start.Add(time.Duration(float64(s.Duration)*float64(time.Hour))))
		r.Known = r.End
	} else if s.Active != nil && *s.Active {
		r.Status = ban.Ongoing
	}
	return r
}

package list

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/network"
)

// incident is one of OONI's published incidents, in the fields of OONI's API.
type incident struct {
	ID      string   `json:"id"`
	Title   string   `json:"title"`
	Start   string   `json:"start_time"`
	Updated string   `json:"update_time"`
	End     *string  `json:"end_time"`
	ASNs    []int64  `json:"ASNs"`
	CCs     []string `json:"CCs"`
	Tests   []string `json:"test_names"`
	Domains []string `json:"domains"`
	Links   []string `json:"links"`
}

// ReadOONIIncidents reads OONI's published incidents: {"incidents": […]} or the
// list alone. file is the name that reports give as their origin. An incident that
// cannot be read is set aside; an error means that the file is no such list.
func ReadOONIIncidents(data []byte, file string, names Names) (*Import, error) {
	var list []json.RawMessage
	var wrapped struct {
		Incidents []json.RawMessage `json:"incidents"`
	}
	if err := json.Unmarshal(data, &wrapped); err == nil {
		list = wrapped.Incidents
	} else if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("read incidents %s: %w", file, err)
	}
	im := &Import{Dataset: ban.OONI}
	for i, raw := range list {
		im.Rows++
		o := ban.Origin{Dataset: ban.OONI, File: file, Row: i + 1}
		var in incident
		if err := json.Unmarshal(raw, &in); err != nil {
			im.aside(o, string(raw), "not an incident: %v", err)
			continue
		}
		o.ID = in.ID
		reports, reason := in.reports(o, names)
		if reason != "" {
			im.aside(o, string(raw), "%s", reason)
			continue
		}
		im.Used++
		im.Reports = append(im.Reports, reports...)
	}
	return im, nil
}

func (in *incident) reports(o ban.Origin, names Names) ([]ban.Report, string) {
	start, err := time.Parse(time.RFC3339, in.Start)
	if err != nil {
		return nil, fmt.Sprintf("start_time %q is not a time", in.Start)
	}
	r := ban.Report{
		Origin: o, Method: ban.Block, Scope: ban.National, Title: strings.TrimSpace(in.Title), Links: in.Links,
		Start: ban.Day(start), Status: ban.Ongoing, Known: ban.Day(start), Networks: networkList(in.ASNs),
	}
	if strings.Contains(strings.ToLower(in.Title), "throttl") {
		r.Method = ban.Throttle
	}
	if updated, err := time.Parse(time.RFC3339, in.Updated); err == nil && updated.After(start) {
		r.Known = ban.Day(updated)
	}
	if in.End != nil && *in.End != "" {
		end, err := time.Parse(time.RFC3339, *in.End)
		if err != nil {
			return nil, fmt.Sprintf("end_time %q is not a time", *in.End)
		}
		if end.Before(start) {
			return nil, "ends before it starts"
		}
		r.Status, r.End, r.Known = ban.Ended, ban.Day(end), ban.Day(end)
	}
	if r.Targets = in.targets(names, start); len(r.Targets) == 0 {
		return nil, "names no domain and no test that speaks for a platform"
	}
	if len(in.CCs) == 0 {
		return nil, "names no country"
	}
	var reports []ban.Report
	for _, cc := range in.CCs {
		if !country.Valid(cc) {
			return nil, fmt.Sprintf("unknown country code %q", cc)
		}
		r.CC = cc
		reports = append(reports, r)
	}
	return reports, ""
}

func (in *incident) targets(names Names, at time.Time) []string {
	var ids []string
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, d := range in.Domains {
		d = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(d), "."))
		add(hostID(names, d, at))
	}
	for _, t := range in.Tests {
		add(names.OfTest(t))
	}
	slices.Sort(ids)
	return ids
}

func networkList(asns []int64) string {
	list := make([]string, len(asns))
	for i, n := range asns {
		list[i] = network.Name(uint32(n))
	}
	return strings.Join(list, ", ")
}

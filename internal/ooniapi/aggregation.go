package ooniapi

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/store"
)

// axesOf reads the axes and the unit of time.
func axesOf(q url.Values, f *store.Selection) (by []string, grain string, err error) {
	for _, name := range []string{"axis_x", "axis_y"} {
		a := q.Get(name)
		if a == "" {
			continue
		}
		if !slices.Contains(store.Axes(), a) {
			return nil, "", bad("%s is %q: want one of %s", name, a, strings.Join(store.Axes(), ", "))
		}
		if slices.Contains(by, a) {
			return nil, "", bad("axis_x and axis_y are the same")
		}
		by = append(by, a)
	}
	grain, err = grainOf(q, f)
	return by, grain, err
}

// grainOf returns the unit of time that is asked for. If none is, it is OONI's choice for
// the length of the time.
func grainOf(q url.Values, f *store.Selection) (string, error) {
	switch g := q.Get("time_grain"); g {
	case "hour", "day", "week", "month", "year":
		return g, nil
	case "", "auto":
	default:
		return "", bad("time_grain is %q: want hour, day, week, month, year or auto", g)
	}
	switch days := f.Until.Sub(f.Since).Hours() / 24; {
	case f.Since.IsZero() || days > 30:
		if !f.Since.IsZero() && days <= 365 {
			return "week", nil
		}
		return "day", nil
	case days <= 7:
		return "hour", nil
	}
	return "day", nil
}

// counts returns OONI's five numbers.
func counts(g *store.Group) map[string]any {
	return map[string]any{"anomaly_count": g.Anomaly, "confirmed_count": g.Confirmed, "failure_count": g.Failure, "ok_count": g.OK, "measurement_count": g.Measurements}
}

// valued adds the values of the axes; networks become numbers.
func valued(out map[string]any, by, values []string) (map[string]any, error) {
	for i, axis := range by {
		out[axis] = values[i]
		if axis == "probe_asn" {
			n, err := strconv.ParseInt(values[i], 10, 64)
			if err != nil {
				return nil, err
			}
			out[axis] = n
		}
	}
	return out, nil
}

// grouped counts the measurements of a selection by the axes that q names.
func (s *Server) grouped(r *http.Request, q url.Values, f *store.Selection) ([]string, []store.Group, error) {
	by, grain, err := axesOf(q, f)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := s.limited(r)
	defer cancel()
	groups, err := s.Store.Aggregate(ctx, *f, by, grain)
	return by, groups, err
}

func (s *Server) aggregation(w http.ResponseWriter, r *http.Request) (any, error) {
	began := time.Now()
	q := r.URL.Query()
	f, err := s.selection(q)
	if err != nil {
		return nil, err
	}
	if f.Until.IsZero() {
		f.Until = s.Now().UTC()
	}
	if f.Since.IsZero() {
		f.Since = f.Until.AddDate(0, 0, -180)
	}
	by, groups, err := s.grouped(r, q, &f)
	if err != nil {
		return nil, err
	}
	switch strings.ToUpper(q.Get("format")) {
	case "CSV":
		return nil, writeCSV(w, q, by, groups)
	case "", "JSON":
	default:
		return nil, bad("format is %q: want JSON or CSV", q.Get("format"))
	}
	var result any
	total := int64(0)
	list := []map[string]any{}
	for i := range groups {
		one, err := valued(counts(&groups[i]), by, groups[i].Values)
		if err != nil {
			return nil, err
		}
		total += groups[i].Measurements
		list = append(list, one)
	}
	result = list
	if len(by) == 0 {
		result = list[0] // there is always one
	}
	return map[string]any{
		"v": 0, "dimension_count": len(by), "result": result,
		"db_stats": map[string]any{"row_count": total, "bytes": 0, "total_row_count": total, "elapsed_seconds": time.Since(began).Seconds()},
	}, nil
}

// writeCSV writes the columns in OONI's order: counts and axes together, sorted by name.
func writeCSV(w http.ResponseWriter, q url.Values, by []string, groups []store.Group) error {
	columns := append([]string{"anomaly_count", "confirmed_count", "failure_count", "ok_count", "measurement_count"}, by...)
	slices.Sort(columns)
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	if err := out.Write(columns); err != nil {
		return err
	}
	for i := range groups {
		values, err := valued(counts(&groups[i]), by, groups[i].Values)
		if err != nil {
			return err
		}
		line := make([]string, len(columns))
		for j, c := range columns {
			line[j] = fmt.Sprint(values[c])
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	if q.Get("download") == "true" {
		w.Header().Set("Content-Disposition", "attachment; filename=ooni-aggregate-data.csv")
	}
	w.Write(b.Bytes()) // an error is the client's loss
	return nil
}

// analysis is the aggregation with the results of each layer, under the names of OONI's
// newer pipeline ("loni"). The numbers are shares of the measurements, not probabilities.
func (s *Server) analysis(_ http.ResponseWriter, r *http.Request) (any, error) {
	began := time.Now()
	q := r.URL.Query()
	f, err := s.selection(q)
	if err != nil {
		return nil, err
	}
	if f.UID == "" && f.Until.IsZero() {
		f.Until = s.Now().UTC()
	}
	if f.UID == "" && f.Since.IsZero() {
		f.Since = f.Until.AddDate(0, 0, -30)
	}
	if q.Get("axis_x") == "" {
		q.Set("axis_x", "measurement_start_day")
	}
	if q.Get("time_grain") == "" {
		q.Set("time_grain", "day")
	}
	by, groups, err := s.grouped(r, q, &f)
	if err != nil {
		return nil, err
	}
	results := []map[string]any{}
	total := int64(0)
	for i := range groups {
		g := &groups[i]
		one, err := valued(map[string]any{"count": g.Measurements, "loni": loniOf(g)}, by, g.Values)
		if err != nil {
			return nil, err
		}
		total += g.Measurements
		results = append(results, one)
	}
	return map[string]any{
		"dimension_count": len(by), "results": results,
		"db_stats": map[string]any{"row_count": total, "bytes": 0, "total_row_count": total, "elapsed_seconds": time.Since(began).Seconds()},
	}, nil
}

func loniOf(g *store.Group) map[string]any {
	out := map[string]any{"likely_blocked_protocols": [][2]any{}, "blocked_max": 0.0, "blocked_max_outcome": "ok"}
	likely := [][2]any{}
	most := 0.0
	for i, layer := range []string{"dns", "tcp", "tls"} {
		blocked := g.Layers[3*i]
		out[layer+"_blocked"], out[layer+"_down"], out[layer+"_ok"] = blocked, g.Layers[3*i+1], g.Layers[3*i+2]
		out[layer+"_blocked_outcome"] = ""
		if blocked > 0 {
			out[layer+"_blocked_outcome"] = layer + ".blocked"
		}
		if blocked >= 0.5 {
			likely = append(likely, [2]any{layer, blocked})
		}
		if blocked > most {
			most = blocked
			out["blocked_max"], out["blocked_max_outcome"] = blocked, layer+".blocked"
		}
	}
	out["likely_blocked_protocols"] = likely
	return out
}

// observations counts endpoints by how they ended.
func (s *Server) observations(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	names := q["hostname"]
	by := []string{}
	for _, g := range q["group_by"] {
		for _, axis := range list(g) {
			if !slices.Contains([]string{"timestamp", "failure", "hostname", "probe_cc", "probe_asn", "test_name", "ip"}, axis) {
				return nil, bad("group_by is %q: want timestamp, failure, hostname, probe_cc, probe_asn, test_name or ip", axis)
			}
			if !slices.Contains(by, axis) {
				by = append(by, axis)
			}
		}
	}
	if len(by) == 0 {
		by = []string{"timestamp", "failure"}
	}
	f, err := s.selection(q)
	if err != nil {
		return nil, err
	}
	if f.Until.IsZero() {
		f.Until = s.Now().UTC().Truncate(24 * time.Hour)
	}
	if f.Since.IsZero() {
		f.Since = f.Until.AddDate(0, 0, -30)
	}
	grain := "day"
	if g := q.Get("time_grain"); g != "" && g != "auto" {
		if grain, err = grainOf(q, &f); err != nil {
			return nil, err
		}
	}
	ctx, cancel := s.limited(r)
	defer cancel()
	seen, err := s.Store.Failures(ctx, f, names, by, grain)
	if err != nil {
		return nil, err
	}
	results := []map[string]any{}
	for _, o := range seen {
		one, err := valued(map[string]any{"observation_count": o.Count}, by, o.Values)
		if err != nil {
			return nil, err
		}
		results = append(results, one)
	}
	return map[string]any{"results": results}, nil
}

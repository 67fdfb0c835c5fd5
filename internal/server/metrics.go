package server

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// Metrics are the server's metrics for Prometheus. Labels are routes, status codes and
// words of this program. No label contains what a client sends, or who it is. A nil
// *Metrics counts nothing.
type Metrics struct{ set *metrics.Set }

// NewMetrics returns metrics that are all zero.
func NewMetrics() *Metrics { return &Metrics{metrics.NewSet()} }

// seconds are the upper bounds of the buckets for durations.
var seconds = []float64{0.005, 0.025, 0.1, 0.5, 2.5, 10, 60}

// answered counts a request by its route and by its status, or "gone" if the client went
// away before there was one.
func (c *Metrics) answered(r *http.Request, status int, took time.Duration) {
	if c == nil {
		return
	}
	route, said := cmp.Or(r.Pattern, "none"), strconv.Itoa(status)
	switch gone := r.Context().Err() != nil; {
	case gone && (status == 0 || status >= http.StatusInternalServerError):
		said = "gone" // the client went away, so there was no status
	case status == 0:
		said = "200" // the status of net/http if a handler writes nothing
	}
	c.Add("bandish_requests_total", "route", route, "status", said)
	c.Took("bandish_request_duration_seconds", took, "route", route)
}

// Panic counts a panic after which the server went on.
func (c *Metrics) Panic(where string) { c.Add("bandish_panics_total", "where", where) }

// Add adds one to a counter. labels are names and values in turn.
func (c *Metrics) Add(name string, labels ...string) {
	if c != nil {
		c.set.GetOrCreateCounter(name + inBraces(labels)).Inc()
	}
}

// Took adds a duration.
func (c *Metrics) Took(name string, took time.Duration, labels ...string) {
	if c != nil {
		c.set.GetOrCreatePrometheusHistogramExt(name+inBraces(labels), seconds).Update(took.Seconds())
	}
}

// Gauge registers a value that is read whenever the metrics are shown.
func (c *Metrics) Gauge(name string, value func() float64, labels ...string) {
	if c != nil {
		c.set.GetOrCreateGauge(name+inBraces(labels), value)
	}
}

// Show writes the metrics, and what the process uses of the machine (goroutines, memory,
// open files), in Prometheus' text format.
func (c *Metrics) Show(w io.Writer) {
	c.set.WritePrometheus(w)
	metrics.WriteProcessMetrics(w)
	metrics.WriteFDMetrics(w)
}

func inBraces(labels []string) string {
	if len(labels) == 0 {
		return ""
	}
	out := "{"
	for i := 0; i+1 < len(labels); i += 2 {
		out += fmt.Sprintf("%s=%q,", labels[i], labels[i+1])
	}
	return out[:len(out)-1] + "}"
}

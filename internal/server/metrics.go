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

// Metrics are the server's, for Prometheus. Labels are routes, status
// codes and words of this program: none is made of what a client sends, nor of
// who it is. A nil *Metrics counts nothing.
type Metrics struct{ set *metrics.Set }

// NewMetrics returns metrics at zero.
func NewMetrics() *Metrics { return &Metrics{metrics.NewSet()} }

// seconds are the upper bounds of the buckets of durations.
var seconds = []float64{0.005, 0.025, 0.1, 0.5, 2.5, 10, 60}

// answered counts a request by its route, and by its status or that the client
// went away before there was one.
func (c *Metrics) answered(r *http.Request, status int, took time.Duration) {
	if c == nil {
		return
	}
	route, said := cmp.Or(r.Pattern, "none"), strconv.Itoa(status)
	switch gone := r.Context().Err() != nil; {
	case gone && (status == 0 || status >= http.StatusInternalServerError):
		said = "gone" // it could not be made for nobody
	case status == 0:
		said = "200" // net/http answers so where a handler writes nothing
	}
	c.Add("bandish_requests_total", "route", route, "status", said)
	c.Took("bandish_request_duration_seconds", took, "route", route)
}

// Panic counts a panic that something of the server went on after.
func (c *Metrics) Panic(where string) { c.Add("bandish_panics_total", "where", where) }

// Add adds one to a counter. Labels are names and values in turn.
func (c *Metrics) Add(name string, labels ...string) {
	if c != nil {
		c.set.GetOrCreateCounter(name + inBraces(labels)).Inc()
	}
}

// Took notes a duration.
func (c *Metrics) Took(name string, took time.Duration, labels ...string) {
	if c != nil {
		c.set.GetOrCreatePrometheusHistogramExt(name+inBraces(labels), seconds).Update(took.Seconds())
	}
}

// Gauge has a value read whenever the metrics are.
func (c *Metrics) Gauge(name string, value func() float64, labels ...string) {
	if c != nil {
		c.set.GetOrCreateGauge(name+inBraces(labels), value)
	}
}

// Show writes the metrics, and what the process takes of the machine
// (goroutines, memory, open files), in Prometheus' text format.
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

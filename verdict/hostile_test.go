package verdict_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// The costliest measurement that observing lets through is judged in a moment.
func TestJudgeIsBounded(t *testing.T) {
	m := &measurement.Measurement{TestName: "web_connectivity", Input: "http://www.a.example/", StartTime: measurement.Time{Time: time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)}}
	k := &m.TestKeys
	for i := range 5000 {
		ip := fmt.Sprintf("198.51.%d.%d", 1+i>>8&0xff, i&0xff)
		k.TCPConnect = append(k.TCPConnect, measurement.TCPConnect{IP: ip, Port: 443, TransactionID: int64(i + 1), Status: measurement.TCPStatus{Failure: "connection_reset"}})
		k.TLSHandshakes = append(k.TLSHandshakes, measurement.TLSHandshake{Address: ip + ":443", ServerName: "www.a.example", TransactionID: int64(i + 10_000), Failure: "connection_reset"})
		k.Queries = append(k.Queries, measurement.Query{Hostname: fmt.Sprintf("h%d.example", i), Engine: "system", Failure: "dns_nxdomain_error"})
	}
	start := time.Now()
	rows := observation.Observe(m, observation.Options{}).Rows
	verdict.Judge(rows)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("%d rows took %s", len(rows), took)
	} else {
		t.Logf("%d rows took %s", len(rows), took)
	}
}

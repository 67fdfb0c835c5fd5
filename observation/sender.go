package observation

import (
	"fmt"
	"time"

	"github.com/bandish/bandish/network"
)

// singleReports is when OONI's probes began to submit without a report. Since
// then OONI's server gives each measurement a report of its own, so that the
// reports of one probe are as many as its measurements.
var singleReports = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// PresumedSender names who may have sent the measurement of a row where its
// report does not tell: it came without a report, or in one that a server made
// when it received it. All such measurements of a day that name the same
// country, network, resolver's network, software and platform have one name.
// They may come from several people, but nothing shows that they do. It is ""
// where the report was opened before the measurement: the report is then the
// sender.
//
// The minute of the measurement is no part of the name: a probe that repeats
// itself every five minutes has all minutes. Nor is the probe_id that OONI's
// newer engine writes: the document does not show whether OONI checked it.
func (r *Row) PresumedSender() string {
	if !r.singleReport() {
		return ""
	}
	return fmt.Sprintf("maybe one sender: %s %s %v %v %s %s", r.Time.UTC().Format(time.DateOnly), r.CC, network.ASN(r.ASN), network.ASN(r.ResolverASN), r.Software, r.Platform)
}

// singleReport reports whether nothing else was sent in the row's report.
func (r *Row) singleReport() bool {
	opened, ok := stamp(r.ReportID, "20060102T150405Z")
	if !ok {
		return r.ReportID == ""
	}
	if opened.Before(singleReports) {
		return false
	}
	if opened.After(r.Time) {
		return true
	}
	// The probe's clock may be ahead. OONI's server stamps the report and the
	// measurement with its own clock; where it does so at one moment, it made
	// the report for this measurement.
	received, ok := stamp(r.UID, "20060102150405")
	return ok && !received.Equal(r.Time.Truncate(time.Second)) && received.Sub(opened).Abs() <= time.Second
}

// stamp reads the time that a name begins with.
func stamp(name, layout string) (time.Time, bool) {
	if len(name) < len(layout) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, name[:len(layout)])
	return t, err == nil
}

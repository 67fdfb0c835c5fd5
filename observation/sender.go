package observation

import (
	"fmt"
	"time"

	"github.com/bandish/bandish/network"
)

// singleReports is when OONI's probes began to submit without a report. Since then
// OONI's server opens a report for each measurement, so that a probe has as many
// reports as measurements.
var singleReports = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// PresumedSender names who may have sent a row's measurement, where its report does
// not show it: the measurement came without a report, or in one that a server
// opened when it received the measurement. All such measurements of one day with
// the same country, network, resolver's network, software and platform get one
// name. They may be from several people, but nothing shows that. It returns ""
// where the report was opened before the measurement: the report is then the
// sender.
//
// The minute of the measurement is not part of the name, because a probe that
// repeats itself every five minutes has all minutes. Nor is the probe_id that
// OONI's newer engine writes, because the document does not show whether OONI
// checked it.
func (r *Row) PresumedSender() string {
	if !r.singleReport() {
		return ""
	}
	return fmt.Sprintf("maybe one sender: %s %s %v %v %s %s", r.Time.UTC().Format(time.DateOnly), r.CC, network.ASN(r.ASN), network.ASN(r.ResolverASN), r.Software, r.Platform)
}

// singleReport reports whether the row's report has no other measurement.
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
	// measurement with its own clock. Where both stamps are of one moment, it opened
	// the report for this measurement.
	received, ok := stamp(r.UID, "20060102150405")
	return ok && !received.Equal(r.Time.Truncate(time.Second)) && received.Sub(opened).Abs() <= time.Second
}

// stamp reads the time with which a name begins.
func stamp(name, layout string) (time.Time, bool) {
	if len(name) < len(layout) {
		return time.Time{}, false
	}
	t, err := time.Parse(layout, name[:len(layout)])
	return t, err == nil
}

package ban

import (
	"time"

	"github.com/bandish/bandish/casefile"
)

// FromMeasured gives the bans of a target in a country that the archive's
// measurements show. A measured onset and end are windows; what counts is the
// time between them, in which the ban certainly held. asOf is the last day of
// the archive for those that last.
func FromMeasured(cc, target string, bans []casefile.MeasuredBan, asOf time.Time) []Report {
	var reports []Report
	for _, b := range bans {
		start := b.Start.Latest
		if start.IsZero() || start.After(asOf) {
			continue
		}
		r := Report{
			Origin: Origin{Dataset: Measured, File: "archive", ID: b.ID}, CC: cc, Targets: []string{target}, Method: Block, Scope: National,
			Start: day(start.UTC()), Status: Ongoing, Known: later(day(start.UTC()), day(asOf)),
		}
		end := b.End.Earliest
		if end.IsZero() {
			end = b.End.Latest
		}
		if !end.IsZero() {
			r.Status, r.End = Ended, later(r.Start, day(end.UTC()))
			r.Known = r.End
		}
		reports = append(reports, r)
	}
	return reports
}

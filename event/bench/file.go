package bench

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes the story as a file that `bandish events --input` of any version
// reads: rows of verdicts or, where the source gives only counts, rows of daily
// counts (docs/formats/events.md). An error is one of w.
func (s *Story) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if s.bare {
		s.writeCounts(out)
	} else {
		s.writeVerdicts(out)
	}
	out.Flush()
	return out.Error() // holds the first error of Write, too
}

func (s *Story) writeVerdicts(out *csv.Writer) {
	out.Write([]string{"measurement_uid", "measurement_start_time", "probe_cc", "probe_asn", "resolver_asn", "test_name", "domain", "target",
		"state", "mechanisms", "report_id", "software", "ruleset"})
	for i := range s.Rows {
		r := &s.Rows[i]
		out.Write([]string{r.UID, r.Time.UTC().Format(time.RFC3339Nano), r.CC, fmt.Sprint(r.ASN), fmt.Sprint(r.ResolverASN), r.TestName, r.Domain, r.Target,
			string(r.State), strings.Join(r.Mechanisms, "|"), r.ReportID, r.Software, r.Ruleset})
	}
}

func (s *Story) writeCounts(out *csv.Writer) {
	out.Write([]string{"measurement_start_day", "probe_cc", "target", "ok_count", "confirmed_count", "anomaly_count", "failure_count", "measurement_count"})
	for _, c := range s.Cells() {
		n := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
		out.Write([]string{time.Unix(c.Start, 0).UTC().Format(time.DateOnly), c.CC, c.Target, n(c.OK), n(c.Blocked), n(c.Impaired), n(c.Insufficient), n(c.Measurements)})
	}
}

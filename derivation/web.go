package derivation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// WebRow makes the observation row of one line of OONI's table obs_web. It writes
// the uid into e. The verdict waits for the other lines of the measurement
// (JudgeWeb).
func WebRow(e *Entry, clock time.Time, o observation.Options) (observation.Row, error) {
	var fields map[string]string
	if err := json.Unmarshal(e.Document, &fields); err != nil {
		return observation.Row{}, fmt.Errorf("read row of obs_web: %w", err)
	}
	row, err := observation.FromWeb(func(column string) string { return fields[column] }, o)
	if err != nil {
		return row, err
	}
	if row.UID == "" {
		row.UID = fmt.Sprintf("%s %s %s", row.ReportID, row.Time.UTC().Format("20060102150405"), row.Input)
	}
	row.ReportID = strings.TrimSpace(row.ReportID)
	nameSender(&row, e.Source)
	if len(row.UID) > maxName {
		return row, fmt.Errorf("measurement_uid is longer than %d bytes", maxName)
	}
	e.UID = row.UID
	e.noteClock(row.Time, clock)
	v := verdict.Row{ReportID: row.ReportID, CC: row.CC, TestName: row.TestName, Input: row.Input, ASN: row.ASN, Time: row.Time}
	row.Channel, row.Content = verdict.Table, HeaderHash(&v) // a table may lack some rows of a measurement
	return row, nil
}

// JudgeWeb numbers, marks and judges the rows of one measurement from a table; rows
// must not be empty. received is the latest clock of its rows, zero for none.
func JudgeWeb(rows []observation.Row, received time.Time) verdict.Row {
	marks := ClockMarks(rows[0].Time, time.Time{}, rows[0].ReportID, received)
	for i := range rows {
		rows[i].Marks = marks
	}
	observation.Number(rows)
	return verdict.Judge(rows)
}

// HeaderHash stands for the content of a measurement whose document is not known: a
// hash of the fields that say what was measured, when and where.
func HeaderHash(r *verdict.Row) uint64 {
	var text []byte
	for _, s := range []string{r.ReportID, r.CC, r.TestName, r.Input, strconv.FormatUint(uint64(r.ASN), 10), strconv.FormatInt(r.Time.UnixMicro(), 10)} {
		text = append(append(text, s...), 0)
	}
	return contentOf(sha256.Sum256(text))
}

// contentOf returns the first eight bytes of a hash as a number. Nobody can make a
// document that is taken for another one.
func contentOf(sum ledger.Hash) uint64 { return binary.BigEndian.Uint64(sum[:8]) }

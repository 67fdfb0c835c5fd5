package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/signal"
	"github.com/bandish/bandish/verdict"
)

// indexRow is the part of a verdict row that the index reads.
type indexRow struct {
	UID      string    `parquet:"measurement_uid"`
	ReportID string    `parquet:"report_id,dict"`
	Time     time.Time `parquet:"measurement_start_time,timestamp(microsecond)"`
	CC       string    `parquet:"probe_cc,dict"`
	ASN      uint32    `parquet:"probe_asn"`
	TestName string    `parquet:"test_name,dict"`
	Input    string    `parquet:"input,dict"`
	Channel  string    `parquet:"channel,dict"`
	Content  uint64    `parquet:"content"`
}

func (r *indexRow) verdict() verdict.Row {
	return verdict.Row{UID: r.UID, ReportID: r.ReportID, Time: r.Time, CC: r.CC, ASN: r.ASN, TestName: r.TestName, Input: r.Input, Channel: r.Channel, Content: r.Content}
}

// countItem reads a row of OONI's aggregation.
func countItem(d *intake.Document, targetOf func(host, test string, at time.Time) string) (*item, *reject) {
	c, err := derivation.ReadPublishedCount(d.Data, targetOf)
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	e := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, UID: c.Name(), Document: d.Data}
	return &item{entries: []archive.Entry{e}, count: c}, nil
}

// signalItem reads an answer of IODA's API.
func signalItem(d *intake.Document) (*item, *reject) {
	e := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, Document: d.Data}
	sum := e.Sum()
	e.UID = "signals " + hex.EncodeToString(sum[:])
	of, err := signal.Read(d.Data, hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	return &item{entries: []archive.Entry{e}, signals: of}, nil
}

// begun returns when the first of an item's signals begins.
func (it *item) begun() time.Time {
	at := it.signals[0].From
	for _, s := range it.signals {
		at = min(at, s.From)
	}
	return time.Unix(at, 0).UTC()
}

// webItem reads one row of obs_web. It has no verdict yet: that needs all rows of the
// measurement.
func webItem(d *intake.Document, o observation.Options, clock time.Time) (*item, *reject) {
	e := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, Document: d.Data}
	row, err := derivation.WebRow(&e, clock, o)
	if err != nil {
		return nil, &reject{doc: *d, reason: err.Error()}
	}
	return &item{entries: []archive.Entry{e}, rows: []observation.Row{row}, received: clock}, nil
}

// joinWeb joins the rows of each measurement into one item with a verdict, in the order in
// which the measurements first appear. repeated counts rows that were there twice; over
// are rows beyond maxRowsOfOne. Items that are being imported have entries; the Line of
// their rows becomes the index among the item's entries. Items from the archive have no
// entries, and their rows already have their lines.
func joinWeb(rows []*item) (out []*item, repeated int64, over []*reject) {
	byUID := map[string]*item{}
	seen := map[[sha256.Size]byte]bool{} // rows, by uid and content
	for _, it := range rows {
		uid := it.rows[0].UID
		whole := byUID[uid]
		if whole == nil {
			byUID[uid] = it
			out = append(out, it)
			if len(it.entries) > 0 {
				seen[rowSum(uid, it.entries[0].Document)] = true
			}
			continue
		}
		if len(it.entries) > 0 {
			e := it.entries[0]
			sum := rowSum(uid, e.Document)
			if seen[sum] {
				repeated++
				continue
			}
			seen[sum] = true
			if len(whole.entries) >= maxRowsOfOne {
				over = append(over, &reject{
					doc:    intake.Document{Source: e.Source, Line: e.Line, Offset: e.Offset, Data: e.Document},
					reason: fmt.Sprintf("measurement %s has more than %d rows: no probe asks so many endpoints for one measurement", uid, maxRowsOfOne),
				})
				continue
			}
			it.rows[0].Line = uint32(len(whole.entries))
			whole.entries = append(whole.entries, e)
		}
		whole.rows = append(whole.rows, it.rows[0])
		whole.received = laterOf(whole.received, it.received)
	}
	for _, it := range out {
		it.verdict = derivation.JudgeWeb(it.rows, it.received)
	}
	return out, repeated, over
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// maxRowsOfOne is how many rows one measurement may have, as in Observe for documents: rules
// compare rows with each other.
const maxRowsOfOne = 4000

// rowSum tells rows of a table apart.
func rowSum(uid string, doc []byte) [sha256.Size]byte {
	h := sha256.New()
	io.WriteString(h, uid+"\x00")
	h.Write(doc)
	return [sha256.Size]byte(h.Sum(nil))
}

// Package derivation makes observations, verdicts and cells from documents as the
// archive keeps them. Import, collector, rebuild and the verifier of bundles all
// call it. The same document, clock and parameters give the same rows wherever they
// are derived. The package does no I/O and reads no clock.
package derivation

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// Entry is one line of a raw batch: a document as it was received, without client
// addresses, and where it came from.
type Entry struct {
	Source   string          `json:"source"`            // path, URL or bucket key; of a tar also the member's name
	Line     int64           `json:"line"`              // the document's line in its source, from 1
	Offset   int64           `json:"offset"`            // where the document begins in the decompressed source, in bytes
	Uploaded time.Time       `json:"uploaded,omitzero"` // when a collector received it; zero where that is not known
	Received time.Time       `json:"received,omitzero"` // the clock it was judged by; only where another clock could give another verdict
	UID      string          `json:"uid"`               // the document's own, or the one that it was given
	Marks    []string        `json:"marks,omitempty"`   // doubts that could be known only when it was handed in
	Document json.RawMessage `json:"document"`          // as received, without line breaks

	sum *ledger.Hash // SHA-256 of Document; nil until Sum was called
}

// Sum returns the SHA-256 of the document. It is computed once, so the document
// must not change after the first call.
func (e *Entry) Sum() ledger.Hash {
	if e.sum == nil {
		sum := ledger.Hash(sha256.Sum256(e.Document))
		e.sum = &sum
	}
	return *e.sum
}

// ParseEntry reads a line of a raw batch. The entry's document shares memory with
// line. The document is found without being parsed: it is the last member, and no
// text inside a JSON string can look like the name of that member.
func ParseEntry(line []byte) (*Entry, error) {
	marker := []byte(`,"document":`)
	i := bytes.Index(line, marker)
	if i < 0 || line[len(line)-1] != '}' {
		return nil, errors.New("not an entry of a raw batch")
	}
	e := new(Entry)
	head := append(bytes.Clone(line[:i]), '}')
	if err := json.Unmarshal(head, e); err != nil {
		return nil, err
	}
	e.Document = line[i+len(marker) : len(line)-1]
	return e, nil
}

// Derived holds all rows that were made from one document.
type Derived struct {
	Known   bool // the test is one that observation knows
	Rows    []observation.Row
	Bodies  []observation.Body
	Verdict verdict.Row
}

// Document derives the rows of a measurement in OONI's formats. clock is when the
// archive received it: a measurement that begins later than that is marked; the
// zero clock marks nothing as too late. Document writes into e the uid (the
// document's, else the entry's, else one made from the content), and the clock
// where another clock could give another verdict. An error means that the document
// is not a measurement that can be derived.
func Document(e *Entry, clock time.Time, o observation.Options) (Derived, error) {
	m, err := measurement.Decode(e.Document)
	if err != nil {
		var de *measurement.DecodeError
		if errors.As(err, &de) && de.Hint != "" {
			err = fmt.Errorf("%w (%s)", err, de.Hint)
		}
		return Derived{}, err
	}
	if !bytes.Contains(e.Document, []byte(`"test_keys"`)) {
		return Derived{}, errors.New("it has no test_keys: the header of a measurement says nothing of what was seen (a list of headers can go to bandish events --input)")
	}
	if y := m.StartTime.Year(); y < 1 || y > 9999 {
		return Derived{}, fmt.Errorf("measurement_start_time is in the year %d", y)
	}
	if m.UID == "" {
		m.UID = e.UID
	}
	if m.UID == "" {
		m.UID = makeUID(m, e.Sum())
	}
	if len(m.UID) > maxName || strings.ContainsFunc(m.UID, isControl) {
		return Derived{}, fmt.Errorf("measurement_uid is longer than %d bytes or has control characters", maxName)
	}
	e.UID = m.UID
	m.ReportID = strings.TrimSpace(m.ReportID)
	seen := observation.Observe(m, o)
	if len(seen.Rows) == 0 {
		return Derived{}, errors.New("observing it gave no row") // Observe promises at least one
	}
	e.noteClock(m.StartTime.Time, clock)
	marks := slices.Concat(ClockMarks(m.StartTime.Time, e.Uploaded, m.ReportID, clock), e.Marks)
	channel, content := ChannelOf(e.Source), contentOf(e.Sum())
	for i := range seen.Rows {
		r := &seen.Rows[i]
		r.Marks = slices.Concat(r.Marks, marks)
		r.Channel, r.Content = channel, content
		nameSender(r, e.Source)
	}
	return Derived{Known: seen.Known, Rows: seen.Rows, Bodies: seen.Bodies, Verdict: verdict.Judge(seen.Rows)}, nil
}

// noteClock writes into e the clock that a measurement was judged by, where another
// clock could give another verdict.
func (e *Entry) noteClock(start, clock time.Time) {
	if e.Received.IsZero() && WrongClock(start, clock) {
		e.Received = clock.UTC()
	}
}

// FromCollector is the Entry.Source of what was handed in at our own collector.
const FromCollector = "collector"

// ChannelOf returns the channel by which a document came, from its Entry.Source.
func ChannelOf(source string) string {
	switch {
	case source == FromCollector:
		return verdict.Submitted
	case strings.HasPrefix(source, "s3://"):
		return verdict.Bucket
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		return verdict.Web
	}
	return verdict.File
}

// nameSender names the sender of a measurement whose report does not tell senders
// apart, and names a report for a measurement without one. Our own collector sees
// the connections and needs no presumed sender: it marks what one client network
// hands in twice in a day, and counts every report as a sender of its own.
func nameSender(r *observation.Row, source string) {
	if source != FromCollector {
		r.Sender = r.PresumedSender()
	}
	if r.ReportID == "" {
		r.ReportID = "none on " + r.Time.UTC().Format(time.DateOnly)
	}
}

// maxName is how many bytes a name may have that is used as a key.
const maxName = 200

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// makeUID makes a uid in OONI's form from the content of a measurement that has
// none. The same document always gets the same uid.
func makeUID(m *measurement.Measurement, sum ledger.Hash) string {
	return fmt.Sprintf("%s_%s_%s_%s", m.StartTime.UTC().Format("20060102150405.000000"), m.ProbeCC,
		strings.ReplaceAll(m.TestName, "_", ""), hex.EncodeToString(sum[:8]))
}

// How far from the collector's clock the time of a measurement may be. A probe that
// was offline sends late; nobody sends early.
const (
	clockAhead  = 24 * time.Hour
	clockBehind = 90 * 24 * time.Hour
)

// firstMeasurements is when OONI began. No measurement is older.
var firstMeasurements = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

// ClockMarks returns the marks (verdict.Row.Marks) that say what is wrong with the
// time of a measurement that began at start. received is when the archive received
// it. uploaded is when a collector received it; where that is zero, the time at the
// beginning of the report's id is used. A zero time is not compared.
func ClockMarks(start, uploaded time.Time, reportID string, received time.Time) []string {
	var marks []string
	if !received.IsZero() && start.After(received.Add(clockAhead)) {
		marks = append(marks, "clock_future")
	}
	if start.Before(firstMeasurements) {
		marks = append(marks, "clock_before_2012")
	}
	if uploaded.IsZero() && len(reportID) >= 16 {
		if t, err := time.Parse("20060102T150405Z", reportID[:16]); err == nil {
			uploaded = t
		}
	}
	if !uploaded.IsZero() && (start.After(uploaded.Add(clockAhead)) || start.Before(uploaded.Add(-clockBehind))) {
		marks = append(marks, "clock_far_from_upload")
	}
	return marks
}

// WrongClock reports whether a measurement cannot have begun at start, by the clock
// of whoever received it: more than a day after received, or before 2012. It is
// false where received is zero.
func WrongClock(start, received time.Time) bool {
	return !received.IsZero() && (start.Before(firstMeasurements) || start.After(received.Add(clockAhead)))
}

// CompareVerdicts orders verdict rows as the archive keeps them.
func CompareVerdicts(a, b *verdict.Row) int {
	return cmp.Or(cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target), a.Time.Compare(b.Time),
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.Raw, b.Raw), cmp.Compare(a.Line, b.Line))
}

// CompareObservations orders observation rows as the archive keeps them.
func CompareObservations(a, b *observation.Row) int {
	return cmp.Or(cmp.Compare(a.CC, b.CC), cmp.Compare(a.Target, b.Target), a.Time.Compare(b.Time),
		cmp.Compare(a.UID, b.UID), cmp.Compare(a.Raw, b.Raw), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Seq, b.Seq))
}

// Package derivation makes observations, verdicts and cells from documents as
// the archive keeps them. Import, collector, rebuild and the verifier of bundles
// share it, so that the same document, the same clock and the same parameters
// give the same rows wherever they are derived. It does no I/O and reads no
// clock.
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

// Entry is one line of a raw batch: a document as it was received, scrubbed
// of client addresses, and where it came from.
type Entry struct {
	Source   string          `json:"source"`            // path, URL or bucket key, with the member of a tar
	Line     int64           `json:"line"`              // of the document in its source, from 1
	Offset   int64           `json:"offset"`            // in the decompressed source, bytes
	Uploaded time.Time       `json:"uploaded,omitzero"` // when it reached the collector, where that is known
	Received time.Time       `json:"received,omitzero"` // the clock it was judged by, where another clock could judge otherwise
	UID      string          `json:"uid"`               // the document's, or the one given to it
	Marks    []string        `json:"marks,omitempty"`   // doubts that could be had only when it was handed in
	Document json.RawMessage `json:"document"`          // as received, without line breaks

	sum *ledger.Hash // of the document, where it was needed already
}

// Sum is the SHA-256 of the document. It is worked out once: the document of an
// entry that was asked for it stays as it is.
func (e *Entry) Sum() ledger.Hash {
	if e.sum == nil {
		sum := ledger.Hash(sha256.Sum256(e.Document))
		e.sum = &sum
	}
	return *e.sum
}

// ParseEntry reads a line of a raw batch. The document is the last member, and
// no text inside a JSON string can look like the member before it, so the
// document is found without being parsed. It shares memory with line.
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

// Derived is what one document comes to.
type Derived struct {
	Known   bool // the test is one that is observed
	Rows    []observation.Row
	Bodies  []observation.Body
	Verdict verdict.Row
}

// Document derives from a measurement in OONI's formats. clock is the time by
// which it is in the future, zero where it is by none. The entry gets the uid
// that its document has, or else one made from its content, and the clock where
// another one could judge otherwise.
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

// noteClock writes the clock that a measurement was judged by into its entry,
// where another clock could judge otherwise.
func (e *Entry) noteClock(start, clock time.Time) {
	if e.Received.IsZero() && WrongClock(start, clock) {
		e.Received = clock.UTC()
	}
}

// FromCollector is the source of what was handed in at our own collector.
const FromCollector = "collector"

// ChannelOf tells from its source how a document came.
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

// nameSender names the sender of a measurement whose report does not tell, and
// gives one without a report a report's name. Our own collector sees the
// connections: it marks what comes from one client network twice in a day, and
// the reports of all others are senders of their own.
func nameSender(r *observation.Row, source string) {
	if source != FromCollector {
		r.Sender = r.PresumedSender()
	}
	if r.ReportID == "" {
		r.ReportID = "none on " + r.Time.UTC().Format(time.DateOnly)
	}
}

// maxName bounds what is used as a key.
const maxName = 200

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// makeUID names a measurement that came without a uid in OONI's form, from its
// content, so that the same document gets the same name again.
func makeUID(m *measurement.Measurement, sum ledger.Hash) string {
	return fmt.Sprintf("%s_%s_%s_%s", m.StartTime.UTC().Format("20060102150405.000000"), m.ProbeCC,
		strings.ReplaceAll(m.TestName, "_", ""), hex.EncodeToString(sum[:8]))
}

// The bounds of a sane clock. A probe that was offline sends late; nobody
// sends early.
const (
	clockAhead  = 24 * time.Hour
	clockBehind = 90 * 24 * time.Hour
)

// firstMeasurements is when OONI began: nothing was measured before.
var firstMeasurements = time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC)

// ClockMarks names what is wrong with a measurement's time. received is when
// the archive took it; uploaded is when a collector did, where that is known;
// a report's id begins with the collector's time of opening it.
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

// WrongClock reports whether a measurement cannot have begun when it says, by
// the clock of who received it. No clock is the zero time.
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

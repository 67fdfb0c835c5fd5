// Package pipeline carries documents through the stages: intake → decode →
// observe → judge → archive, and derives again from the archive what it
// derived once. Every way in (import, collector) goes through the same code,
// so that the same document has the same observations and verdict whichever
// way it came.
package pipeline

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// Pipeline joins the stages over one archive. Its fields are set before first
// use; its methods may be called by many goroutines.
type Pipeline struct {
	Archive      *archive.Archive
	Targets      *target.Registry
	Fingerprints *fingerprint.Set
	Defects      *defect.Table
	Verifier     *observation.Verifier
	Now          func() time.Time
	Workers      int // decoding goroutines; 0 means one a core

	// Patience is how long a submission waits for its turn; 0 means 30 s.
	Patience time.Duration

	// MinFree is how many bytes of the disk are left alone: with less free,
	// nothing more is taken from submitters. 0: the disk may be filled.
	MinFree int64

	decoding gate
	days     dayIndex
	queue    queue
	voices   voices
	findings findings
	space    space
}

func (p *Pipeline) workers() int {
	if p.Workers > 0 {
		return p.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (p *Pipeline) options() observation.Options {
	return observation.Options{Target: p.targetOf, Fingerprints: p.Fingerprints, Defects: p.Defects, Verifier: p.Verifier}
}

// targetOf names the platform that a host, or failing that a test, speaks for.
func (p *Pipeline) targetOf(host, test string, at time.Time) string {
	if host != "" {
		if id := p.Targets.OfHost(host, at); id != "" {
			return id
		}
	}
	return p.Targets.OfTest(test)
}

// item is one accepted measurement, or one accepted row of counts, on its way
// into a batch.
type item struct {
	entries []archive.Entry   // one; of an obs_web measurement one a row
	rows    []observation.Row // of an obs_web measurement rows[i] is of entries[i]
	bodies  []observation.Body
	verdict verdict.Row

	// received is the clock by which it is in the future, zero where it is by
	// none.
	received time.Time

	unknown bool   // the test is none that is observed: kept raw
	count   *Count // of a row of counts, which has nothing of the above but its entry
}

// reject is one document that was set aside.
type reject struct {
	doc    intake.Document
	reason string
	err    error // the decoder's, where it was the decoder that refused
	it     *item // where it was refused after that
}

// judge makes an item of one document, or says why it is set aside. added is
// the clock that "in the future" is judged by. Rows of a table come back
// without a verdict: group joins those of one measurement.
func (p *Pipeline) judge(d *intake.Document, added time.Time) (*item, *reject) {
	if d.Bad != "" {
		d.Data = measurement.ScrubText(d.Data)
		return nil, &reject{doc: *d, reason: d.Bad}
	}
	data, _ := measurement.Scrub(d.Data)
	switch d.Data = data; d.Kind {
	case intake.WebRow:
		return webItem(d, p.options(), added)
	case intake.CountsRow:
		return countItem(d, p.targetOf)
	}
	if d.Uploaded.IsZero() {
		d.Uploaded = intake.Uploaded(d.Source)
	}
	if bytes.IndexByte(data, '\n') >= 0 { // between tokens only: inside a string it is not JSON
		data = bytes.ReplaceAll(data, []byte{'\n'}, []byte{' '})
	}
	entry := archive.Entry{Source: d.Source, Line: d.Line, Offset: d.Offset, Uploaded: d.Uploaded, UID: d.UID, Document: data}
	it, err := p.judgeEntry(&entry, added)
	if err != nil {
		d.Data = measurement.ScrubText(data)
		return nil, &reject{doc: *d, reason: err.Error(), err: err}
	}
	return it, nil
}

// judgeSafely is judge for whatever strangers send: a document over which a
// parser or a rule gives up is set aside, and the process goes on.
func (p *Pipeline) judgeSafely(d *intake.Document, added time.Time) (it *item, bad *reject) {
	defer func() {
		if r := recover(); r != nil {
			doc := *d
			doc.Data = measurement.ScrubText(d.Data)
			it, bad = nil, &reject{doc: doc, reason: fmt.Sprintf("it cannot be judged, which is a defect of this program (please report it): %v", r)}
		}
	}()
	return p.judge(d, added)
}

// judgeEntry is what import, collector and rebuild share: the same entry and
// the same clock give the same item. Where another clock could give another
// one, the entry notes it.
func (p *Pipeline) judgeEntry(e *archive.Entry, clock time.Time) (*item, error) {
	m, err := measurement.Decode(e.Document)
	if err != nil {
		var de *measurement.DecodeError
		if errors.As(err, &de) && de.Hint != "" {
			err = fmt.Errorf("%w (%s)", err, de.Hint)
		}
		return nil, err
	}
	if !bytes.Contains(e.Document, []byte(`"test_keys"`)) {
		return nil, errors.New("it has no test_keys: the header of a measurement says nothing of what was seen (a list of headers can go to bandish events --input)")
	}
	if y := m.StartTime.Year(); y < 1 || y > 9999 {
		return nil, fmt.Errorf("measurement_start_time is in the year %d", y)
	}
	if m.UID == "" {
		m.UID = cmp.Or(e.UID, makeUID(m, e.Document))
	}
	if len(m.UID) > maxName || strings.ContainsFunc(m.UID, isControl) {
		return nil, fmt.Errorf("measurement_uid is longer than %d bytes or has control characters", maxName)
	}
	e.UID = m.UID
	m.ReportID = strings.TrimSpace(m.ReportID)
	o := observation.Observe(m, p.options())
	if len(o.Rows) == 0 {
		return nil, errors.New("observing it gave no row") // Observe promises at least one
	}
	noteClock(e, m.StartTime.Time, clock)
	marks := slices.Concat(clockMarks(m.StartTime.Time, e.Uploaded, m.ReportID, clock), e.Marks)
	channel, content := channelOf(e.Source), xxhash.Sum64(e.Document)
	for i := range o.Rows {
		r := &o.Rows[i]
		r.Marks = slices.Concat(r.Marks, marks)
		r.Channel, r.Content = channel, content
		nameSender(r, e.Source)
	}
	return &item{entries: []archive.Entry{*e}, rows: o.Rows, bodies: o.Bodies, verdict: verdict.Judge(o.Rows), received: clock, unknown: !o.Known}, nil
}

// noteClock writes the clock that a measurement was judged by into its entry,
// where another clock could judge otherwise.
func noteClock(e *archive.Entry, start, clock time.Time) {
	if e.Received.IsZero() && wrongClock(start, clock) {
		e.Received = clock.UTC()
	}
}

// channelOf tells from its source how a document came.
func channelOf(source string) string {
	switch {
	case source == fromCollector:
		return verdict.Submitted
	case strings.HasPrefix(source, "s3://"):
		return verdict.Bucket
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		return verdict.Web
	}
	return verdict.File
}

// fromCollector is the source of what was handed in at our own collector.
const fromCollector = "collector"

// nameSender names the sender of a measurement whose report does not tell, and
// gives one without a report a report's name. Our own collector sees the
// connections: it marks what comes from one client network twice in a day, and
// the reports of all others are senders of their own.
func nameSender(r *observation.Row, source string) {
	if source != fromCollector {
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
func makeUID(m *measurement.Measurement, doc []byte) string {
	sum := sha256.Sum256(doc)
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

// clockMarks names what is wrong with a measurement's time. received is when
// the archive took it; uploaded is when a collector did, where that is known;
// a report's id begins with the collector's time of opening it.
func clockMarks(start, uploaded time.Time, reportID string, received time.Time) []string {
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

// period is the day whose segments hold a row. A row whose clock is wrong goes
// to the day it was received, so that a stranger cannot make a segment of
// every day that a calendar has.
func period(start time.Time, received time.Time) string {
	if wrongClock(start, received) {
		return received.UTC().Format(time.DateOnly)
	}
	return start.UTC().Format(time.DateOnly)
}

// wrongClock reports whether a measurement cannot have begun when it says, by
// the clock of who received it. No clock is the zero time.
func wrongClock(start, received time.Time) bool {
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

// Package pipeline carries documents through the stages: intake → decode →
// observe → judge → archive, and derives again from the archive what it
// derived once. Every way in (import, collector) goes through the same code,
// so that the same document has the same observations and verdict whichever
// way it came.
package pipeline

import (
	"bytes"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/time/rate"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/signal"
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

	// Pace is how often submissions are committed, however few wait; enough of them are
	// committed at once. Each commit adds files and lines of the manifest that stay, so
	// that a server takes together what comes within a moment. Nil: without delay.
	Pace *rate.Limiter

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
	return observation.Options{Target: p.Targets.Of, Fingerprints: p.Fingerprints, Defects: p.Defects, Verifier: p.Verifier}
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

	unknown bool                       // the test is none that is observed: kept raw
	count   *derivation.PublishedCount // of a row of counts, which has nothing of the above but its entry
	signals []signal.Series            // of signals, the same
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
		return countItem(d, p.Targets.Of)
	case intake.Signals:
		return signalItem(d)
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
	d, err := derivation.Document(e, clock, p.options())
	if err != nil {
		return nil, err
	}
	return &item{entries: []archive.Entry{*e}, rows: d.Rows, bodies: d.Bodies, verdict: d.Verdict, received: clock, unknown: !d.Known}, nil
}

// period is the day whose segments hold a row. A row whose clock is wrong goes
// to the day it was received, so that a stranger cannot make a segment of
// every day that a calendar has.
func period(start time.Time, received time.Time) string {
	if derivation.WrongClock(start, received) {
		return received.UTC().Format(time.DateOnly)
	}
	return start.UTC().Format(time.DateOnly)
}

// Package pipeline carries documents through the stages: intake → decode → observe → judge
// → archive. It can also derive again, from the archive, everything that it derived
// before. Imports and the collector go through the same code, so a document gets the same
// observations and the same verdict whichever way it came.
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

// Pipeline joins the stages over one archive. Its fields must be set before the first use.
// Many goroutines may call its methods.
type Pipeline struct {
	Archive      *archive.Archive
	Targets      *target.Registry
	Fingerprints *fingerprint.Set
	Defects      *defect.Table
	Verifier     *observation.Verifier
	Now          func() time.Time
	Workers      int // how many goroutines decode; 0: one for each core

	// Patience is how long a submission waits for its turn; 0 means 30 seconds.
	Patience time.Duration

	// Pace is how often submissions are committed if few wait; if enough wait, they are
	// committed at once. Each commit adds files, and lines of the manifest, that stay, so
	// a server commits together what comes within a moment. Nil means without delay.
	Pace *rate.Limiter

	// MinFree is how many bytes of the disk must stay free. If fewer are free, submissions
	// are refused. 0 means that the disk may be filled.
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

// item is one accepted measurement, one accepted row of counts, or one answer with
// signals, on its way into a batch.
type item struct {
	entries []archive.Entry   // one; an obs_web measurement has one for each row
	rows    []observation.Row // of an obs_web measurement, rows[i] belongs to entries[i]
	bodies  []observation.Body
	verdict verdict.Row

	// received is the time by which the measurement is judged to be in the future; zero if
	// no time is used.
	received time.Time

	unknown bool                       // a test that is not observed: only its raw document is kept
	count   *derivation.PublishedCount // for a row of counts, which has nothing of the above except its entry
	signals []signal.Series            // for signals, which have nothing of the above except their entry
}

// reject is one document that was set aside.
type reject struct {
	doc    intake.Document
	reason string
	err    error // the decoder's error, if the decoder refused it
	it     *item // the item, if it was refused later
}

// judge makes an item of one document, or says why the document is set aside. added is the
// time by which "in the future" is judged. Rows of an obs_web table come back without a
// verdict: joinWeb joins the rows of one measurement.
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
	if bytes.IndexByte(data, '\n') >= 0 { // it stands between tokens: a string with it is not JSON
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

// judgeSafely is judge for documents of strangers. If a parser or a rule panics, the
// document is set aside, and the process goes on.
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

// judgeEntry is shared by import, collector and rebuild: the same entry and the same clock
// give the same item. If another clock could give another item, the entry notes the clock.
func (p *Pipeline) judgeEntry(e *archive.Entry, clock time.Time) (*item, error) {
	d, err := derivation.Document(e, clock, p.options())
	if err != nil {
		return nil, err
	}
	return &item{entries: []archive.Entry{*e}, rows: d.Rows, bodies: d.Bodies, verdict: d.Verdict, received: clock, unknown: !d.Known}, nil
}

// period returns the day in whose segments a row is put. A row whose clock is wrong is put
// in the day on which it was received. Else a stranger could make a segment for every day
// of the calendar.
func period(start time.Time, received time.Time) string {
	if derivation.WrongClock(start, received) {
		return received.UTC().Format(time.DateOnly)
	}
	return start.UTC().Format(time.DateOnly)
}

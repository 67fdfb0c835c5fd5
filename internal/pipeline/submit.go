package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
)

// Receipt is what a submitter gets when the measurement is durable.
type Receipt struct {
	UID    string `json:"measurement_uid"`
	SHA256 string `json:"sha256"` // of the document as archived, without client addresses
	Batch  string `json:"batch"`  // SHA-256 of the raw batch that holds it; "" if the archive had it already
	New    bool   `json:"new"`    // false if the archive had it already
	// Ledger is the origin of the ledger, Entry the index of the batch's entry in it. They
	// are "" and -1 if the archive had the measurement already.
	Ledger string `json:"ledger,omitempty"`
	Entry  int64  `json:"ledger_entry"`
}

// Rejected is the error of a document that is refused. It says what is wrong and how to
// mend it. It wraps the *measurement.DecodeError if there is one.
type Rejected struct {
	Reason string
	Err    error
}

func (r *Rejected) Error() string { return r.Reason }

func (r *Rejected) Unwrap() error { return r.Err }

// ErrOccupied is the error of a submission that waited too long for its turn, or came when
// too many waited. It was not kept.
var ErrOccupied = errors.New("others are writing to the archive")

// Submit archives one measurement that was handed in now, and returns when it is durable.
// What the measurement claims is checked against its sender. The error is a *Rejected, or
// wraps ErrOccupied or ErrNoSpace; else the measurement may have been kept.
func (p *Pipeline) Submit(ctx context.Context, doc []byte, from Sender) (Receipt, error) {
	return p.submit(ctx, doc, p.Now(), &from)
}

// SubmitAt is Submit for a measurement that the caller made itself, at a time that the
// caller chooses. It is not checked against a sender. The lab makes histories with it.
func (p *Pipeline) SubmitAt(ctx context.Context, doc []byte, at time.Time) (Receipt, error) {
	return p.submit(ctx, doc, at, nil)
}

func (p *Pipeline) submit(ctx context.Context, doc []byte, at time.Time, from *Sender) (Receipt, error) {
	if err := p.space.room(p.Archive, p.MinFree); err != nil {
		return Receipt{}, err
	}
	at = at.UTC().Truncate(time.Second)
	var client [16]byte
	if from != nil {
		client = from.Key
	}
	leave, ok := p.decoding.enter(ctx, client, cmp.Or(p.Patience, 30*time.Second), p.workers())
	if !ok {
		return Receipt{}, cmp.Or(ctx.Err(), ErrOccupied)
	}
	d := intake.Document{Source: derivation.FromCollector, Line: 1, Kind: intake.Measurement, Uploaded: at, Data: slices.Clone(doc)}
	it, bad := p.judgeSafely(&d, at)
	leave() // judgeSafely does not panic
	if bad != nil {
		return Receipt{}, &Rejected{bad.reason, bad.err}
	}
	var err error
	if from != nil {
		if it, err = p.hold(it, *from, at); err != nil {
			return Receipt{}, err
		}
	}
	sum := sha256.Sum256(it.entries[0].Document)
	s := &submission{it: it, at: at, client: client, size: len(it.entries[0].Document) + rowBytes*len(it.rows), done: make(chan struct{})}
	s.day = period(it.verdict.Time, it.received)
	s.recent = s.day >= at.Add(-onTime).Format(time.DateOnly)
	s.receipt = Receipt{UID: it.verdict.UID, SHA256: hex.EncodeToString(sum[:]), Entry: -1}
	if !p.queue.submit(ctx, p, s) {
		return Receipt{}, ErrOccupied
	}
	patience := time.NewTimer(cmp.Or(p.Patience, 30*time.Second))
	defer patience.Stop()
	for {
		select {
		case <-s.done:
			return s.receipt, s.err
		case <-ctx.Done(): // it may be archived nevertheless; the next try will find it
			p.queue.withdraw(s)
			return Receipt{}, ctx.Err()
		case <-patience.C:
			if p.queue.withdraw(s) {
				return Receipt{}, ErrOccupied
			}
			// It is being committed: nothing is left but to wait.
		}
	}
}

// hold gives a measurement the marks that its sender earns it, and judges it again with
// them.
func (p *Pipeline) hold(it *item, from Sender, at time.Time) (*item, error) {
	marks := p.voices.marks(from, &it.verdict, at)
	if len(marks) == 0 {
		return it, nil
	}
	e := it.entries[0]
	e.Marks = marks
	it, err := p.judgeEntry(&e, at)
	if err != nil { // it was judged just now
		return nil, fmt.Errorf("judge it again: %w", err)
	}
	return it, nil
}

// submission is one document on its way into a batch.
type submission struct {
	it     *item
	at     time.Time
	client [16]byte      // key of its Sender
	day    string        // the day whose segments will hold it
	recent bool          // the day is today or yesterday
	size   int           // bytes, with its rows
	done   chan struct{} // closed when the fields below are set

	receipt Receipt
	err     error
}

// commitSafely is commitWhen for a goroutine that must not end the process: it turns a
// panic into an error.
func (p *Pipeline) commitSafely(ctx context.Context, why string, make func() (*batch, time.Time)) (res result, err error) {
	defer func() {
		if r := recover(); r != nil {
			res, err = result{}, fmt.Errorf("commit: %v\n%s", r, debug.Stack())
			p.forgetDays()
		}
	}()
	return p.commitWhen(ctx, why, make)
}

// commitGroup waits for the turn to write, commits what waits as one batch, and tells each
// submission the result.
func (p *Pipeline) commitGroup(ctx context.Context) {
	var group []*submission
	res, err := p.commitSafely(ctx, "submit", func() (*batch, time.Time) {
		b := newBatch(archive.KindMeasurements)
		var at time.Time
		group = p.queue.take()
		for _, s := range group {
			b.add(s.it)
			if s.at.After(at) {
				at = s.at
			}
		}
		return b, at
	})
	if err != nil && group == nil { // the turn did not come
		group = p.queue.take()
	}
	var origin string
	var entry int64
	if err == nil && len(res.added) > 0 {
		origin, entry, err = p.Archive.EntryOf(res.batch.SHA256)
	}
	fresh := make(map[*item]bool, len(res.added))
	for _, it := range res.added {
		fresh[it] = true
	}
	refused := map[*item]string{}
	for _, r := range res.conflicts {
		refused[r.it] = r.reason
	}
	for _, s := range group {
		switch reason, no := refused[s.it]; {
		case err != nil:
			s.receipt, s.err = Receipt{}, full(err)
		case no:
			s.receipt, s.err = Receipt{}, &Rejected{Reason: reason}
		case fresh[s.it]:
			s.receipt.New, s.receipt.Batch = true, res.batch.SHA256
			s.receipt.Ledger, s.receipt.Entry = origin, entry
		}
		close(s.done)
	}
}

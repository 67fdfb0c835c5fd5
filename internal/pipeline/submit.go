package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
)

// Receipt is what a submitter gets once the measurement is durable.
type Receipt struct {
	UID    string `json:"measurement_uid"`
	SHA256 string `json:"sha256"` // of the document as archived, client addresses removed
	Batch  string `json:"batch"`  // SHA-256 of the raw batch that holds it; empty when the archive had it already
	New    bool   `json:"new"`    // false when the archive had it already
}

// Rejected is the error of a document that is not taken: what is wrong and how
// to mend it. It wraps the *measurement.DecodeError where there is one.
type Rejected struct {
	Reason string
	Err    error
}

func (r *Rejected) Error() string { return r.Reason }

func (r *Rejected) Unwrap() error { return r.Err }

// Submit archives one measurement that was handed in now and returns when it
// is durable.
func (p *Pipeline) Submit(ctx context.Context, doc []byte) (Receipt, error) {
	return p.SubmitAt(ctx, doc, p.Now())
}

// SubmitAt is Submit for a measurement that was handed in at a time of the
// caller's choosing; the lab makes histories with it.
func (p *Pipeline) SubmitAt(ctx context.Context, doc []byte, at time.Time) (Receipt, error) {
	at = at.UTC().Truncate(time.Second)
	d := intake.Document{Source: "collector", Line: 1, Kind: intake.Measurement, Uploaded: at, Data: slices.Clone(doc)}
	it, bad := p.judge(&d, at)
	if bad != nil {
		return Receipt{}, &Rejected{bad.reason, bad.err}
	}
	sum := sha256.Sum256(it.entries[0].Document)
	s := &submission{it: it, at: at, done: make(chan struct{})}
	s.receipt = Receipt{UID: it.verdict.UID, SHA256: hex.EncodeToString(sum[:])}
	p.queue.submit(ctx, p, s)
	select {
	case <-s.done:
		return s.receipt, s.err
	case <-ctx.Done(): // it may be archived all the same; the next try finds it there
		return Receipt{}, ctx.Err()
	}
}

// submission is one document on its way into a batch.
type submission struct {
	it   *item
	at   time.Time
	done chan struct{} // closed when what follows is set

	receipt Receipt
	err     error
}

// queue gathers what is submitted while a commit is under way into the next
// one: each commit costs some fsyncs, however many documents it holds.
type queue struct {
	mu      sync.Mutex
	waiting []*submission
	busy    bool // somebody is committing and will take what waits
}

// groupSize bounds what one commit takes.
const groupSize = 256

// submit adds s to what waits, and commits all of it unless somebody does.
func (q *queue) submit(ctx context.Context, p *Pipeline, s *submission) {
	q.mu.Lock()
	q.waiting = append(q.waiting, s)
	if q.busy {
		q.mu.Unlock()
		return
	}
	q.busy = true
	q.mu.Unlock()
	for {
		q.mu.Lock()
		n := min(len(q.waiting), groupSize)
		group := q.waiting[:n:n]
		q.waiting = q.waiting[n:]
		q.busy = n > 0
		q.mu.Unlock()
		if n == 0 {
			return
		}
		p.commitGroup(context.WithoutCancel(ctx), group)
	}
}

// commitGroup commits submissions as one batch and tells each what became of
// it.
func (p *Pipeline) commitGroup(ctx context.Context, group []*submission) {
	b := newBatch(archive.KindMeasurements)
	var at time.Time
	for _, s := range group {
		b.add(s.it)
		if s.at.After(at) {
			at = s.at
		}
	}
	res, err := p.commit(ctx, b, at)
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
			s.receipt, s.err = Receipt{}, err
		case no:
			s.receipt, s.err = Receipt{}, &Rejected{Reason: reason}
		case fresh[s.it]:
			s.receipt.New, s.receipt.Batch = true, res.batch.SHA256
		}
		close(s.done)
	}
}

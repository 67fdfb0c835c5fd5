package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// index remembers the place of each named entry in the ledger (ledger.Entry.Names). It
// takes 16 bytes a name, and keeps no text. It reads each entry once; each question first
// reads what was added since the last. Callers check an answer against the entry itself,
// since two names may have one hash.
type index struct {
	mu          sync.Mutex
	origin      string
	size        int64            // of the ledger that was read
	last        map[uint64]int64 // by the hash of a name: the index of its last entry
	corrections []int64          // indexes of the entries that correct something
	corrected   atomic.Int64     // how many corrections there are
}

func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return h.Sum64()
}

// fill reads the entries that came since it was called last.
func (x *index) fill(ctx context.Context, log *notary.Log, c ledger.Checkpoint) error {
	if x.origin != c.Origin || x.last == nil {
		x.forget(c.Origin)
	}
	if x.size >= c.Size {
		return nil // everything up to c was read already
	}
	return log.Entries(c, x.size, func(i int64, text []byte) error {
		for _, name := range namesIn(text) {
			x.last[nameHash(name)] = i
		}
		if ledger.TypeOf(text) == ledger.TypeCorrection {
			x.corrections = append(x.corrections, i)
			x.corrected.Store(int64(len(x.corrections)))
		}
		x.size = i + 1
		return ctx.Err()
	})
}

func (x *index) forget(origin string) {
	x.origin, x.size, x.last, x.corrections = origin, 0, map[uint64]int64{}, nil
}

// namesIn returns the names of an entry by its text. It does not check that the text is
// canonical; those who read single entries do.
func namesIn(text []byte) []string {
	switch ledger.TypeOf(text) {
	case ledger.TypeBatch, ledger.TypeSegments, ledger.TypeState, ledger.TypeRecord, ledger.TypeSource, ledger.TypeEvent:
	default:
		return nil
	}
	if sha, ok := batchIn(text); ok {
		return []string{sha}
	}
	var e ledger.Entry
	if json.Unmarshal(text, &e) != nil {
		return nil // the check of the ledger reports it
	}
	return e.Names()
}

// batchIn reads the name of a batch's entry, the most frequent kind, if its text has the
// usual form.
func batchIn(text []byte) (string, bool) {
	const member, length = `"sha256":"`, 64
	if ledger.TypeOf(text) != ledger.TypeBatch || bytes.Count(text, []byte(member)) != 1 {
		return "", false
	}
	rest := text[bytes.Index(text, []byte(member))+len(member):]
	if len(rest) < length || bytes.ContainsFunc(rest[:length], func(r rune) bool { return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f') }) {
		return "", false
	}
	return ledger.NameOfBatch(string(rest[:length])), true
}

// ReadLedger fills the index, so that the first question does not have to wait.
func (a *Archive) ReadLedger(ctx context.Context) error {
	c, _, err := a.log.Checkpoint()
	if errors.Is(err, notary.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	a.index.mu.Lock()
	defer a.index.mu.Unlock()
	return a.index.fill(ctx, a.log, c)
}

// LastEntry returns the last entry of a name in the ledger, its index and its text. c must
// be the present checkpoint or an earlier one. found is false if there is no entry of this
// name, and also if the name has an entry that is later than c.
func (a *Archive) LastEntry(ctx context.Context, c ledger.Checkpoint, name string) (at int64, text []byte, found bool, err error) {
	for range 2 {
		at, found, err = a.index.ask(ctx, a.log, c, name)
		if err != nil || !found {
			return 0, nil, false, err
		}
		if text, err = a.log.Entry(c, at); err != nil {
			return 0, nil, false, err
		}
		e, err := ledger.Parse(text)
		if err != nil {
			return 0, nil, false, fmt.Errorf("entry %d of the ledger: %w", at, err)
		}
		if slices.Contains(e.Names(), name) {
			return at, text, true, nil
		}
		a.index.begin() // another ledger has taken the place of the one that was read
	}
	return 0, nil, false, nil
}

// ask returns the index of the last entry of a name, if it stands before c.
func (x *index) ask(ctx context.Context, log *notary.Log, c ledger.Checkpoint, name string) (int64, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.fill(ctx, log, c); err != nil {
		return 0, false, err
	}
	at, found := x.last[nameHash(name)]
	return at, found && at < c.Size, nil
}

// begin forgets everything.
func (x *index) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget("")
}

// Corrected returns how many corrections were read so far. ReadLedger brings it up to
// date.
func (a *Archive) Corrected() int64 { return a.index.corrected.Load() }

// Corrections returns the entries that correct any of the given ids, oldest first.
func (a *Archive) Corrections(ctx context.Context, of ...string) ([]Correction, error) {
	c, _, err := a.log.Checkpoint()
	if errors.Is(err, notary.ErrEmpty) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	a.index.mu.Lock()
	defer a.index.mu.Unlock()
	if err := a.index.fill(ctx, a.log, c); err != nil {
		return nil, err
	}
	var out []Correction
	for _, i := range a.index.corrections {
		if i >= c.Size {
			break
		}
		text, err := a.log.Entry(c, i)
		if err != nil {
			return nil, err
		}
		e, err := ledger.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the ledger: %w", i, err)
		}
		if e.Correction != nil && slices.Contains(of, e.Correction.Of) {
			out = append(out, Correction{Index: i, Entry: e})
		}
	}
	return out, nil
}

// Correction is an entry of the ledger that corrects something.
type Correction struct {
	Index int64
	Entry ledger.Entry
}

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

// index remembers where in the ledger what stands, by the names of entries
// (ledger.Entry.Names): 16 bytes a name, and no text. It reads each entry once, and
// what was added since when it is asked again. An answer is held against the entry
// itself, so that it never depends on a hash alone.
type index struct {
	mu          sync.Mutex
	origin      string
	size        int64            // of the ledger that was read
	last        map[uint64]int64 // by the hash of a name: the last entry of it
	corrections []int64          // entries that correct something
	corrected   atomic.Int64     // how many these are
}

func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return h.Sum64()
}

// fill reads what came since it was last asked.
func (x *index) fill(ctx context.Context, log *notary.Log, c ledger.Checkpoint) error {
	if x.origin != c.Origin || x.last == nil {
		x.forget(c.Origin)
	}
	if x.size >= c.Size {
		return nil // c is older than what was read
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

// namesIn are the names of an entry by its text. That it is canonical is left to
// those who read one entry.
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
		return nil // the check of the ledger names it
	}
	return e.Names()
}

// batchIn reads the name of a batch's entry, by far the most frequent one, where its
// text has the form that it usually has.
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

// ReadLedger reads where in the ledger what stands, so that the first who asks does
// not wait for it.
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

// LastEntry is the last entry of a name in the ledger at c, and its text; found is
// false where there is none. c is the present checkpoint, or one before it; of a name
// that has a later entry than c covers there is then none.
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
		a.index.begin() // another ledger took the place of the one that was read
	}
	return 0, nil, false, nil
}

// ask gives the last entry of a name at c.
func (x *index) ask(ctx context.Context, log *notary.Log, c ledger.Checkpoint, name string) (int64, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.fill(ctx, log, c); err != nil {
		return 0, false, err
	}
	at, found := x.last[nameHash(name)]
	return at, found && at < c.Size, nil
}

// begin forgets what was read.
func (x *index) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget("")
}

// Corrected is how many corrections were read so far: it grows with ReadLedger.
func (a *Archive) Corrected() int64 { return a.index.corrected.Load() }

// Corrections are the entries that correct what was said of some things, the first
// first.
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

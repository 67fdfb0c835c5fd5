package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// Contents is what the ledger says of the documents of a batch.
type Contents struct {
	Root             string // root of the Merkle tree over their leaves, in hex
	Earliest, Latest string // first and last day on which they were measured
	Channels         map[string]int
}

// SetLeaves sets Root from the leaves.
func (c *Contents) SetLeaves(leaves []ledger.Hash) {
	root := ledger.Root(leaves)
	c.Root = hex.EncodeToString(root[:])
}

// contentsOf returns what can be learnt from the lines alone. Root is "" if a line is not
// an entry: no document of such a batch can be proved.
func contentsOf(lines []byte) Contents {
	var c Contents
	var leaves []ledger.Hash
	for line := range bytes.Lines(lines) {
		leaf, err := ledger.DocumentLeaf(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return c
		}
		leaves = append(leaves, ledger.LeafHash(leaf))
	}
	c.SetLeaves(leaves)
	return c
}

// Leaves returns the hashes of the documents of a batch, in order.
func (a *Archive) Leaves(b Batch) ([]ledger.Hash, error) {
	var out []ledger.Hash
	err := a.readRaw(b, func(n uint32, line []byte, _ *Entry) error {
		leaf, err := ledger.DocumentLeaf(line)
		out = append(out, ledger.LeafHash(leaf))
		return err
	})
	return out, err
}

// Log returns the ledger of the archive.
func (a *Archive) Log() *notary.Log { return a.log }

// sets remembers the sets of a manifest in the ledger's form, so that those of the next
// manifest can be made from the changes.
type sets struct {
	mu       sync.Mutex
	of       *Manifest
	batches  ledger.Tally
	segments ledger.Tally
}

// next returns the sets of a manifest.
func (s *sets) next(m *Manifest) (batches, segments ledger.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.of
	if old == nil {
		old = &Manifest{}
	}
	added, gone := compareBatches(old, m)
	for _, b := range gone {
		s.batches.Remove(ledger.BatchLeaf(b.SHA256))
	}
	for _, b := range added {
		s.batches.Add(ledger.BatchLeaf(b.SHA256))
	}
	compare(old.Segments, m.Segments, func(was, is *Segment) {
		if was != nil {
			s.segments.Remove(ledger.SegmentLeaf(was.logged()))
		}
		if is != nil {
			s.segments.Add(ledger.SegmentLeaf(is.logged()))
		}
	})
	s.of = m
	return s.batches.Set(), s.segments.Set()
}

// logged returns the segment as the ledger names it.
func (s *Segment) logged() ledger.Segment {
	out := ledger.Segment{Kind: s.Kind, Period: s.Period, Ruleset: s.Ruleset, SHA256: s.SHA256, Rows: s.Rows, Bytes: s.Bytes, Inputs: s.Inputs}
	if len(s.Countries) > 0 {
		text, err := ledger.Canonical(s.Countries)
		if err != nil { // words always marshal
			panic("archive: encode countries: " + err.Error())
		}
		sum := sha256.Sum256(text)
		out.Countries = hex.EncodeToString(sum[:])
	}
	return out
}

// unlogged makes the entries of a commit; text is the SHA-256 of its manifest. The caller
// has the turn to write.
func (a *Archive) unlogged(ctx context.Context, old *Manifest, u *Update, text string) (*Unlogged, error) {
	now := time.Now().UTC().Truncate(time.Second)
	out := &Unlogged{}
	add := func(e ledger.Entry) error {
		e.Time = now
		text, err := e.Encode()
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		out.Entries = append(out.Entries, string(text))
		return nil
	}
	if err := a.begin(old, out, add); err != nil {
		return nil, err
	}
	was := old
	if old.Ledger == nil { // an older program wrote it, or it was recovered
		var err error
		if was, err = a.loggedManifest(); err != nil {
			return nil, err
		}
	}
	if err := a.unloggedBatches(ctx, was, u, add); err != nil {
		return nil, err
	}
	if err := unloggedSegments(was, u, add); err != nil {
		return nil, err
	}
	for _, e := range u.notes {
		if err := add(e); err != nil {
			return nil, err
		}
	}
	m := u.Manifest
	batches, segments := a.sets.next(m)
	return out, add(ledger.Entry{Type: ledger.TypeState, State: &ledger.State{
		Generation: m.Generation, Why: u.why(), Ruleset: m.Ruleset, Detector: a.Program.Detector, Fingerprints: a.Program.Fingerprints,
		Batches: batches, Segments: segments, Manifest: text,
	}})
}

func (u *Update) why() string {
	if u.Why == "" {
		return "commit"
	}
	return u.Why
}

// begin makes the ledger if there is none, and enters which program writes.
func (a *Archive) begin(old *Manifest, out *Unlogged, add func(ledger.Entry) error) error {
	if old.Ledger != nil && !a.log.Exists() {
		return fmt.Errorf("write the ledger: it is gone, and the manifest says that it had %d entries: bring %s back, or begin a new one (bandish key new --data %s)", old.Ledger.Size+int64(len(old.Ledger.Entries)), notary.Dir, a.dir)
	}
	if a.log.Exists() {
		c, _, err := a.log.Checkpoint()
		if err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		if err := a.log.CanSign(); err != nil {
			return fmt.Errorf("write the ledger: %w", err)
		}
		if err := a.log.MaySign(); err != nil { // before anything is committed
			return fmt.Errorf("write the ledger: %w", err)
		}
		out.Origin, out.Size = c.Origin, c.Size
	} else {
		text, err := a.log.Begin("")
		if err != nil {
			return err
		}
		origin, _, _, err := ledger.OpenKeyNote(string(text))
		if err != nil {
			return err
		}
		out.Origin = origin
		if err := add(ledger.Entry{Type: ledger.TypeKey, Key: &ledger.Key{Note: string(text)}}); err != nil {
			return err
		}
	}
	program, err := ledger.Canonical(a.Program)
	if err != nil {
		return err
	}
	out.Program = string(program)
	if a.Program == (ledger.Software{}) { // the program did not say what it is
		if old.Ledger != nil {
			out.Program = old.Ledger.Program
		}
		return nil
	}
	if old.Ledger != nil && old.Ledger.Program == out.Program {
		return nil
	}
	return add(ledger.Entry{Type: ledger.TypeSoftware, Software: &a.Program})
}

// unloggedBatches makes the entries of the batches that are new to the ledger, and of
// those that were lost.
func (a *Archive) unloggedBatches(ctx context.Context, was *Manifest, u *Update, add func(ledger.Entry) error) error {
	added, gone := compareBatches(was, u.Manifest)
	for _, b := range added {
		if err := ctx.Err(); err != nil {
			return err
		}
		holds, fresh := u.holds[b.SHA256]
		if !fresh {
			holds = a.contents(b)
		}
		err := add(ledger.Entry{Type: ledger.TypeBatch, Batch: &ledger.Batch{
			SHA256: b.SHA256, Kind: b.Kind, Documents: b.Documents, Bytes: b.Bytes, RawBytes: b.RawBytes,
			Root: holds.Root, Earliest: holds.Earliest, Latest: holds.Latest, Channels: holds.Channels,
			Received: b.Added, Clock: b.Clock, Before: !fresh || u.Why == mirrorWhy,
		}})
		if err != nil {
			return err
		}
	}
	for _, b := range gone { // only a recovery that found nothing of a batch drops it
		err := add(ledger.Entry{Type: ledger.TypeTombstone, File: &ledger.File{Name: ledger.BatchName(b.SHA256), SHA256: b.SHA256, Bytes: b.Bytes, Reason: "the manifest no longer lists it (" + u.why() + ")"}})
		if err != nil {
			return err
		}
	}
	return nil
}

// contents returns what the ledger must say of a batch that it does not know yet. A
// damaged batch has no root.
func (a *Archive) contents(b Batch) Contents {
	var c Contents
	list, err := a.Leaves(b)
	if err != nil {
		a.notice("%s is entered in the ledger without the root of its documents: %v", b.Path(), err)
		return c
	}
	c.SetLeaves(list)
	return c
}

// maxSegmentsAnEntry keeps an entry smaller than ledger.MaxEntry.
const maxSegmentsAnEntry = 100

// unloggedSegments makes the entries of the segments that were added or replaced.
func unloggedSegments(was *Manifest, u *Update, add func(ledger.Entry) error) error {
	var added []ledger.Segment
	var removed []string
	compare(was.Segments, u.Manifest.Segments, func(was, is *Segment) {
		if is == nil {
			removed = append(removed, was.key())
		} else {
			added = append(added, is.logged())
		}
	})
	slices.Sort(removed)
	for len(added)+len(removed) > 0 {
		n := min(len(removed), maxSegmentsAnEntry)
		e := &ledger.Segments{Generation: u.Manifest.Generation, Why: u.why(), Removed: removed[:n]}
		removed = removed[n:]
		n = min(len(added), maxSegmentsAnEntry-n)
		e.Added, added = added[:n], added[n:]
		if err := add(ledger.Entry{Type: ledger.TypeSegments, Segments: e}); err != nil {
			return err
		}
	}
	return nil
}

// settleLedger appends the entries that the manifest keeps for the ledger, if a process
// that was killed did not append them. The caller has the turn to write.
func (a *Archive) settleLedger(ctx context.Context, m *Manifest) error {
	if m.Ledger == nil || len(m.Ledger.Entries) == 0 {
		return nil
	}
	if err := a.appendUnlogged(m); err != nil || a.bucket == nil {
		return err
	}
	if err := a.settleBucket(ctx); err != nil {
		return fmt.Errorf("what was committed is kept, and the ledger in %s lacks it until the next commit: %w", a.bucket.store, err)
	}
	return nil
}

// appendUnlogged is settleLedger for the ledger in the folder.
func (a *Archive) appendUnlogged(m *Manifest) error {
	done, err := a.inLedger(m)
	if err != nil || done {
		return err
	}
	entries := make([][]byte, len(m.Ledger.Entries))
	for i, e := range m.Ledger.Entries {
		entries[i] = []byte(e)
	}
	if _, err := a.log.Append(entries); err != nil {
		return fmt.Errorf("what was committed is kept, and the ledger lacks it until the next commit: %w", err)
	}
	return nil
}

// inLedger reports whether the ledger has the entries that the manifest keeps for it. It
// is an error if the ledger has other entries in their place, or ends before their place.
func (a *Archive) inLedger(m *Manifest) (bool, error) {
	var size int64
	c, _, err := a.log.Checkpoint()
	switch {
	case errors.Is(err, notary.ErrEmpty):
	case err != nil:
		return false, err
	case c.Origin != m.Ledger.Origin:
		return false, fmt.Errorf("%w: its ledger is %s, and the one in %s is %s: %s", ErrManifest, m.Ledger.Origin, notary.Dir, c.Origin, a.recoverHint())
	default:
		size = c.Size
	}
	switch {
	case size == m.Ledger.Size:
		return false, nil
	case size < m.Ledger.Size:
		return false, fmt.Errorf("the ledger has %d entries, and the manifest says that it had %d: an older copy of %s was put back; bring the newest back, or begin a new ledger (bandish key new --data %s)", size, m.Ledger.Size, notary.Dir, a.dir)
	}
	for i, want := range m.Ledger.Entries {
		at := m.Ledger.Size + int64(i)
		if at >= size {
			return false, fmt.Errorf("%w: the ledger ends within the manifest's commit (%d entries): %s", ErrManifest, size, a.recoverHint())
		}
		got, err := a.log.Entry(c, at)
		if err != nil {
			return false, err
		}
		if string(got) != want {
			return false, fmt.Errorf("%w: entry %d of the ledger is not the one that the manifest names: it was changed, or an older one was put back: %s", ErrManifest, at, a.recoverHint())
		}
	}
	return true, a.newestState(c, m)
}

// newestState returns an error if a commit in the ledger is newer than the manifest.
func (a *Archive) newestState(c ledger.Checkpoint, m *Manifest) error {
	return a.log.Entries(c, m.Ledger.Size+int64(len(m.Ledger.Entries)), func(i int64, text []byte) error {
		if !bytes.Contains(text, []byte(`"type":"state"`)) {
			return nil
		}
		e, err := ledger.Parse(text)
		if err == nil && e.State != nil && e.State.Generation > m.Generation {
			err = fmt.Errorf("%w: it has generation %d, and entry %d of the ledger %d: an older manifest was put back: %s", ErrManifest, m.Generation, i, e.State.Generation, a.recoverHint())
		}
		return err
	})
}

// agrees checks that the manifest lists what the ledger says was committed. A manifest of
// an older program names no ledger; it is accepted until the next commit.
func (a *Archive) agrees(m *Manifest) error {
	if m.Ledger == nil {
		return nil
	}
	var last ledger.Entry
	err := errors.New("it has none")
	if n := len(m.Ledger.Entries); n > 0 {
		last, err = ledger.Parse([]byte(m.Ledger.Entries[n-1]))
	}
	if err != nil || last.State == nil {
		return fmt.Errorf("%w: its last entry for the ledger is no state: %s", ErrManifest, a.recoverHint())
	}
	if last.State.Manifest != m.text {
		return fmt.Errorf("%w: it does not list what was committed (bandish archive check names what differs): %s", ErrManifest, a.recoverHint())
	}
	if !a.log.Exists() {
		return nil // the ledger is gone: Check reports that, and a commit refuses
	}
	_, err = a.inLedger(m)
	if errors.Is(err, ErrManifest) {
		return err
	}
	return nil // Check and a commit report what is wrong with the ledger
}

// replay returns the state that the entries of the ledger lead to.
func (a *Archive) replay() (*ledger.Replay, error) {
	c, _, err := a.log.Checkpoint()
	if err != nil {
		return nil, err
	}
	h := ledger.NewReplay()
	return h, a.log.Entries(c, 0, func(_ int64, text []byte) error {
		h.Apply(text)
		return nil
	})
}

// loggedManifest makes a manifest of what the ledger lists.
func (a *Archive) loggedManifest() (*Manifest, error) {
	h, err := a.replay()
	if errors.Is(err, notary.ErrEmpty) {
		return &Manifest{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	m := &Manifest{}
	for _, b := range h.Batches {
		m.list(batchFromLedger(b))
	}
	for _, s := range h.Segments {
		// Countries is left out: a segment that has some is entered again.
		m.Segments = append(m.Segments, Segment{Kind: s.Kind, Period: s.Period, Ruleset: s.Ruleset, SHA256: s.SHA256, Rows: s.Rows, Bytes: s.Bytes, Inputs: s.Inputs})
	}
	m.sort()
	return m, nil
}

// batchEntry returns the index and the text of the entry of a batch.
func (a *Archive) batchEntry(c ledger.Checkpoint, sha string) (int64, []byte, error) {
	at, text, found, err := a.LastEntry(context.Background(), c, ledger.NameOfBatch(sha))
	if err == nil && !found {
		err = fmt.Errorf("the ledger does not name raw batch %s: it is entered with the next commit", sha)
	}
	return at, text, err
}

// EntryOf returns the ledger's origin and the index of the entry of a batch.
func (a *Archive) EntryOf(batch string) (origin string, at int64, err error) {
	c, _, err := a.log.Checkpoint()
	if err != nil {
		return "", 0, err
	}
	at, _, err = a.batchEntry(c, batch)
	return c.Origin, at, err
}

// Receipt returns a file that proves that the document on a line of a batch is in the
// ledger: a tlog-proof.
func (a *Archive) Receipt(batch string, line int64) ([]byte, error) {
	m, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	b, ok := m.Batch(batch)
	if !ok {
		return nil, fmt.Errorf("receipt: the archive does not list raw batch %s", batch)
	}
	c, signed, err := a.log.Witnessed()
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	at, entry, err := a.batchEntry(c, batch)
	if err != nil { // the witnesses have not seen the entry yet
		if c, signed, err = a.log.Checkpoint(); err == nil {
			at, entry, err = a.batchEntry(c, batch)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	var hashes []ledger.Hash
	var leaf []byte
	err = a.readRaw(b, func(n uint32, text []byte, _ *Entry) error {
		one, err := ledger.DocumentLeaf(text)
		if int64(n) == line {
			leaf = one
		}
		hashes = append(hashes, ledger.LeafHash(one))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	r, err := ledger.NewReceipt(entry, hashes, line, leaf)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	proof, err := a.log.ProveAt(c, signed, at)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r.Marshal(proof)
}

// Mirror copies the raw batches that the ledger of another archive names and this archive
// lacks. Each is checked against its hash and the root of its documents. get opens a batch
// by its SHA-256. It returns how many it copied; those that it copied before an error
// stay.
func (a *Archive) Mirror(ctx context.Context, h *ledger.Replay, get func(sha string) (io.ReadCloser, error)) (int, error) {
	m, err := a.Manifest()
	if err != nil {
		return 0, err
	}
	n := 0
	there := m.bySHA()
	for _, sha := range sortedKeys(h.Batches) {
		if _, have := there[sha]; have {
			continue
		}
		err := a.Update(ctx, func(u *Update) error {
			u.Why = mirrorWhy
			return a.mirrorOne(u, h.Batches[sha], get)
		})
		if err != nil {
			return n, fmt.Errorf("copy raw batch %s: %w", sha, err)
		}
		n++
	}
	return n, nil
}

func (a *Archive) mirrorOne(u *Update, b ledger.Batch, get func(sha string) (io.ReadCloser, error)) error {
	in, err := get(b.SHA256)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := a.newBlob(rawDir)
	if err != nil {
		return err
	}
	defer f.discard()
	if n, err := io.Copy(f, io.LimitReader(in, b.Bytes+1)); err != nil {
		return err
	} else if n != b.Bytes || f.sum() != b.SHA256 {
		return errors.New("what was sent is not what the ledger names")
	}
	if err := f.commit(pendingPath(b.SHA256)); err != nil {
		return err
	}
	listed := batchFromLedger(b)
	u.pending = append(u.pending, listed)
	u.Manifest.list(listed)
	leaves, err := a.Leaves(listed)
	if err != nil {
		return err
	}
	holds := Contents{Earliest: b.Earliest, Latest: b.Latest, Channels: b.Channels}
	holds.SetLeaves(leaves)
	if holds.Root != b.Root && b.Root != "" {
		return errors.New("its documents do not have the root that the ledger names")
	}
	if u.holds == nil {
		u.holds = map[string]Contents{}
	}
	u.holds[b.SHA256] = holds
	return nil
}

// mirrorWhy names the copying of batches from another archive. When they were received is
// only what that archive says.
const mirrorWhy = "mirror"

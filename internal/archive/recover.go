package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// segmentKey is the key of a segment's metadata under which it says what it
// is.
const segmentKey = "bandish.segment"

// self is what a segment says of itself: what its entry in the manifest has
// and its bytes do not show.
func (s Segment) self() string {
	text, err := json.Marshal(Segment{Kind: s.Kind, Period: s.Period, Ruleset: s.Ruleset, Inputs: s.Inputs, Countries: s.Countries})
	if err != nil { // words
		panic("archive: encode segment: " + err.Error())
	}
	return string(text)
}

// Recovered is what a recovery found.
type Recovered struct {
	Batches  int      `json:"batches"`           // listed now
	Found    int      `json:"found"`             // of them, not listed before
	Segments int      `json:"segments"`          // of other rulesets, listed now
	Damaged  []Damage `json:"damaged,omitempty"` // batches that are damaged or missing
	Aside    []string `json:"aside,omitempty"`   // batches that were never committed, or that say nothing of themselves
	Before   string   `json:"before,omitempty"`  // where the manifest is kept that was there
}

// Recover writes the manifest of the archive in dir anew from its files. All
// raw batches are listed; of the segments only those that keep is true of:
// everything else is derived from the batches (pipeline.Rebuild). It removes
// nothing, and needs no manifest; what one says that can be read is kept.
func Recover(ctx context.Context, dir string, now time.Time, keep func(Segment) bool) (*Archive, Recovered, error) {
	a, err := at(osDisk{}, dir)
	if err == nil {
		err = a.inFolder("recover archive")
	}
	if err != nil {
		return nil, Recovered{}, err
	}
	there, err := Exists(dir)
	if err != nil {
		return nil, Recovered{}, fmt.Errorf("recover archive: %w", err)
	}
	if !there {
		return nil, Recovered{}, fmt.Errorf("no archive in %s: there is neither a manifest nor a raw batch", dir)
	}
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		return nil, Recovered{}, err
	}
	defer unlock()
	old, err := a.readManifest(nil)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrManifest) {
		return nil, Recovered{}, err
	}
	if old == nil {
		old = &Manifest{}
	}
	r := &recovery{a: a, old: old, listed: old.bySHA()}
	m, err := r.manifest(ctx, now, keep)
	if err != nil {
		return nil, r.out, fmt.Errorf("recover archive: %w", err)
	}
	if _, _, err := a.encodeFolded(m, now); err != nil {
		return nil, r.out, fmt.Errorf("recover archive: %w", err)
	}
	if err := r.keepOld(now); err != nil {
		return nil, r.out, fmt.Errorf("recover archive: %w", err)
	}
	if _, err := a.writeManifest(m); err != nil {
		return nil, r.out, fmt.Errorf("recover archive: %w", err)
	}
	return a, r.out, a.agree()
}

type recovery struct {
	a   *Archive
	old *Manifest // empty where it cannot be read
	out Recovered

	listed map[string]Batch // by old
}

// manifest makes the new manifest. Its generation is past any that the lost
// one can have had: those count commits, this begins with the microseconds since
// 1970.
func (r *recovery) manifest(ctx context.Context, now time.Time, keep func(Segment) bool) (*Manifest, error) {
	m := &Manifest{Format: formatVersion, Generation: max(r.old.Generation+1, uint64(now.UnixMicro())), Ruleset: r.old.Ruleset}
	if err := r.batches(ctx, m); err != nil {
		return nil, err
	}
	for _, s := range r.old.Segments {
		if keep(s) {
			m.Segments = append(m.Segments, s)
		}
	}
	if len(r.old.Segments) == 0 {
		if err := r.segments(ctx, m, keep); err != nil {
			return nil, err
		}
	}
	r.out.Batches, r.out.Segments = len(m.tail), len(m.Segments)
	slices.SortFunc(m.tail, func(a, b Batch) int {
		return cmp.Or(a.Added.Compare(b.Added), cmp.Compare(a.SHA256, b.SHA256))
	})
	m.sort()
	return m, nil
}

// batches lists the raw batches: those that lie there, and those that the old
// manifest lists, so that a missing one goes on being missed.
func (r *recovery) batches(ctx context.Context, m *Manifest) error {
	waiting, err := r.a.pending()
	if err != nil {
		return err
	}
	for _, sha := range waiting { // a commit that was cut short after the manifest
		if _, listed := r.listed[sha]; listed {
			err = r.a.arrive(sha)
		} else {
			err = r.unlisted(pendingPath(sha), "it was never committed")
		}
		if err != nil {
			return err
		}
	}
	files, err := r.a.rawFiles()
	if err != nil {
		return err
	}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.batch(m, path); err != nil {
			return err
		}
	}
	there := m.bySHA()
	for _, b := range r.old.Batches() {
		if _, have := there[b.SHA256]; !have {
			m.list(b)
			r.out.Damaged = append(r.out.Damaged, Damage{b.Path(), "missing"})
		}
	}
	return r.logged(m)
}

// logged lists the batches that only the ledger still knows, so that they go on
// being missed, and dates the others by it.
func (r *recovery) logged(m *Manifest) error {
	h, err := r.a.replay()
	if errors.Is(err, notary.ErrEmpty) {
		return nil
	}
	if err != nil {
		r.a.notice("the ledger cannot be read and says nothing of the batches: %v", err)
		return nil
	}
	there := make(map[string]int, len(m.tail)) // where each stands: m has no parts yet
	for i, b := range m.tail {
		there[b.SHA256] = i
	}
	for sha, b := range h.Batches {
		if at, have := there[sha]; have {
			m.tail[at].Added, m.tail[at].Clock = b.Received, b.Clock
			continue
		}
		listed := batchFromLedger(b)
		m.list(listed)
		r.out.Damaged = append(r.out.Damaged, Damage{listed.Path(), "missing, and only the ledger names it"})
	}
	return nil
}

// batchFromLedger is a batch as the manifest lists it.
func batchFromLedger(b ledger.Batch) Batch {
	return Batch{SHA256: b.SHA256, Kind: b.Kind, Documents: b.Documents, Bytes: b.Bytes, RawBytes: b.RawBytes, Added: b.Received, Clock: b.Clock}
}

func (r *recovery) batch(m *Manifest, path string) error {
	b, listed := r.listed[sumOf(path)]
	f, err := r.a.Open(path)
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged) && listed:
		r.out.Damaged = append(r.out.Damaged, Damage{path, damaged.Reason})
		m.list(b)
		return nil
	case errors.As(err, &damaged):
		r.out.Damaged = append(r.out.Damaged, Damage{path, damaged.Reason})
		return r.unlisted(path, damaged.Reason)
	case err != nil:
		return err
	}
	defer f.Close()
	if !listed {
		if b, err = r.a.describe(f, path); err != nil {
			return r.unlisted(path, err.Error())
		}
		r.out.Found++
	}
	m.list(b)
	return nil
}

// unlisted moves a raw batch to raw/unlisted and lists it among those left out.
func (r *recovery) unlisted(path, why string) error {
	r.out.Aside = append(r.out.Aside, path)
	return r.a.moveToUnlisted(path, why)
}

// describe makes the entry of a raw batch from its header, or where an older
// program wrote it from its lines. When it was added is when its file was
// written.
func (a *Archive) describe(f *os.File, path string) (Batch, error) {
	st, err := f.Stat()
	if err != nil {
		return Batch{}, err
	}
	b := Batch{SHA256: sumOf(path), Bytes: st.Size(), Added: st.ModTime().UTC().Truncate(time.Second)}
	h, err := readHeader(f)
	if errors.Is(err, errNoHeader) {
		err = a.describeLines(&b)
		return b, err
	}
	if err != nil {
		return b, err
	}
	b.Kind, b.Documents, b.RawBytes, b.Clock = h.Kind, h.Documents, h.RawBytes, ClockEntries
	return b, nil
}

// describeLines counts a batch, and tells its kind from its last line.
func (a *Archive) describeLines(b *Batch) error {
	return a.readRaw(*b, func(_ uint32, line []byte, e *Entry) error {
		b.Documents++
		b.RawBytes += int64(len(line)) + 1
		switch {
		case bytes.Contains(e.Document, []byte(`"test_keys"`)):
			b.Kind = KindMeasurements
		case bytes.Contains(e.Document, []byte(`"measurement_count"`)):
			b.Kind = KindAggregation
		case bytes.Contains(e.Document, []byte(`"entityType"`)):
			b.Kind = KindSignals
		default:
			b.Kind = KindWeb
		}
		return nil
	})
}

// segments lists the segments that keep is true of by what they say of
// themselves. Of several of one period a large one may have replaced small
// ones, which still lie there: it then holds all their rows.
func (r *recovery) segments(ctx context.Context, m *Manifest, keep func(Segment) bool) error {
	files, err := r.a.unlistedSegments(m)
	if err != nil {
		return err
	}
	groups := map[[3]string][]Segment{}
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := r.a.describeSegment(path)
		if err != nil || !keep(s) {
			continue // it comes back with the rebuild, or nothing can be made of it
		}
		k := [3]string{s.Kind, s.Period, s.Ruleset}
		groups[k] = append(groups[k], s)
	}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b Segment) int { return int(b.Rows - a.Rows) })
		rest := int64(0)
		for _, s := range g[1:] {
			rest += s.Rows
		}
		if len(g) > 1 && g[0].Rows >= rest {
			g = g[:1]
		}
		m.Segments = append(m.Segments, g...)
	}
	return nil
}

func (a *Archive) describeSegment(path string) (s Segment, err error) {
	f, err := a.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return s, err
	}
	err = guard(path, func() error {
		pf, err := parquet.OpenFile(f, st.Size())
		if err != nil {
			return err
		}
		text, ok := pf.Lookup(segmentKey)
		if !ok {
			return errNoHeader
		}
		s.Rows = pf.NumRows()
		return json.Unmarshal([]byte(text), &s)
	})
	s.SHA256, s.Bytes = sumOf(path), st.Size()
	if err == nil && s.Path() != path {
		err = fmt.Errorf("%s says that it is %s", path, s.Path())
	}
	return s, err
}

// beforePrefix begins the names of manifests that a recovery put aside.
const beforePrefix = "manifest-before-"

// keepOld puts the manifest that is there aside.
func (r *recovery) keepOld(now time.Time) error {
	name := beforePrefix + now.UTC().Format("20060102T150405Z") + ".json"
	err := r.a.disk.Rename(r.a.manifestPath(), filepath.Join(r.a.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.out.Before = name
	return err
}

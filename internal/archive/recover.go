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

// segmentKey is the key in a segment's metadata whose value says what the segment is.
const segmentKey = "bandish.segment"

// self returns what a segment says of itself: the fields of its manifest entry that its
// bytes do not show.
func (s Segment) self() string {
	text, err := json.Marshal(Segment{Kind: s.Kind, Period: s.Period, Ruleset: s.Ruleset, Inputs: s.Inputs, Countries: s.Countries})
	if err != nil { // words always marshal
		panic("archive: encode segment: " + err.Error())
	}
	return string(text)
}

// Recovered says what a recovery found.
type Recovered struct {
	Batches  int      `json:"batches"`           // listed after the recovery
	Found    int      `json:"found"`             // of these, not listed before it
	Segments int      `json:"segments"`          // listed after the recovery
	Damaged  []Damage `json:"damaged,omitempty"` // batches that are damaged or missing
	Aside    []string `json:"aside,omitempty"`   // batches that were never committed, or that cannot be read
	Before   string   `json:"before,omitempty"`  // where the manifest is kept that was there before
}

// Recover writes a new manifest for the archive in dir from its files. It lists all raw
// batches, and the segments for which keep returns true; pipeline.Rebuild derives the
// others again. It removes nothing and needs no manifest. If there is one that can be
// read, its entries are used.
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
	old *Manifest // empty if it cannot be read
	out Recovered

	listed map[string]Batch // what old lists
}

// manifest makes the new manifest. Its generation is higher than any that the lost
// manifest can have had: those count commits, and this one is at least the microseconds
// since 1970.
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

// batches lists the raw batches that are there, and those that the old manifest lists: a
// missing one must stay known as missing.
func (r *recovery) batches(ctx context.Context, m *Manifest) error {
	waiting, err := r.a.pending()
	if err != nil {
		return err
	}
	for _, sha := range waiting { // of a commit that was cut short after the manifest
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

// logged lists the batches that only the ledger still knows, so that they stay known as
// missing. It takes the dates of the others from the ledger.
func (r *recovery) logged(m *Manifest) error {
	h, err := r.a.replay()
	if errors.Is(err, notary.ErrEmpty) {
		return nil
	}
	if err != nil {
		r.a.notice("the ledger cannot be read and says nothing of the batches: %v", err)
		return nil
	}
	there := make(map[string]int, len(m.tail)) // the place of each in m.tail: m has no parts yet
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

// batchFromLedger returns a batch as the manifest lists it.
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

// unlisted moves a raw batch to raw/unlisted and lists it in Aside.
func (r *recovery) unlisted(path, why string) error {
	r.out.Aside = append(r.out.Aside, path)
	return r.a.moveToUnlisted(path, why)
}

// describe makes the entry of a raw batch from its header. A batch of an older program has
// none: then from its lines. The time at which its file was written stands for the time at
// which it was added.
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

// describeLines counts the lines of a batch, and tells its kind from the last one.
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

// segments lists the segments that are there and for which keep returns true, by what they
// say of themselves. Where several have one period, a large one may have replaced the
// small ones. It then holds all their rows, and the small ones are left out.
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
			continue // keep refuses it, so a rebuild makes it again; or it cannot be read
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

// keepOld puts the present manifest aside.
func (r *recovery) keepOld(now time.Time) error {
	name := beforePrefix + now.UTC().Format("20060102T150405Z") + ".json"
	err := r.a.disk.Rename(r.a.manifestPath(), filepath.Join(r.a.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.out.Before = name
	return err
}

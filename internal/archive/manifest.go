package archive

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// formatVersion is the format of the manifest. A reader refuses a newer one. A manifest of
// format 1 is whole in manifest.json; it gets parts with the next commit.
const formatVersion = 2

// The kinds of raw batches: what one line holds.
const (
	KindMeasurements = "measurements" // OONI measurement documents
	KindWeb          = "web"          // rows of OONI's obs_web table
	KindAggregation  = "aggregation"  // rows of OONI's aggregation API
	KindSignals      = "signals"      // answers of IODA's API
)

// The kinds of segment.
const (
	Observations = "observations" // observation.Row, by day
	Verdicts     = "verdicts"     // verdict.Row, by day and ruleset
	Bodies       = "bodies"       // response bodies that the path could have written, by day
	Cells        = "cells"        // daily counts of whole measurements, by month and ruleset
	Layers       = "layers"       // daily counts of each layer, by month and ruleset
	Counts       = "counts"       // daily counts without measurements, by month
	Signals      = "signals"      // signal.Series, by the month in which they begin
	Hours        = "hours"        // hourly counts of whole measurements, by month and ruleset
	Findings     = "findings"     // what a country's hours show by themselves, by country and ruleset
	Events       = "events"       // event.Row, by country and ruleset
)

// Manifest lists every file of the archive. A file that it does not list is not part of
// the archive, even if it lies in the folders.
type Manifest struct {
	Format     int
	Generation uint64    // grows with every commit
	Ruleset    string    // the ruleset whose verdicts are current
	Segments   []Segment // sorted
	// Ledger holds the entries that this commit adds to the ledger. They are written with
	// the manifest. If the process is killed before it appends them, the next writer does.
	// Nil in the manifest of an older program.
	Ledger *Unlogged

	index  *partIndex        // the index that the manifest rests on; nil for none
	tail   []Batch           // batches that are not in the index
	recent []Dropped         // dropped files that are not in the index
	text   string            // SHA-256 of the text that it was read from, without the members ledger and sha256
	whole  [sha256.Size]byte // SHA-256 of the whole text
}

// root is the content of manifest.json: the index on which the manifest rests, and all
// changes since. Ledger comes last.
type root struct {
	Format     int       `json:"format"`
	Generation uint64    `json:"generation"`
	Ruleset    string    `json:"ruleset"`
	Index      *partRef  `json:"index,omitempty"`
	Batches    []Batch   `json:"batches"`           // added since the index
	Segments   []Segment `json:"segments"`          // added or changed since the index
	Removed    []string  `json:"removed,omitempty"` // keys of segments in the index that are no longer listed
	Dropped    []Dropped `json:"dropped,omitempty"` // since the index
	Ledger     *Unlogged `json:"ledger,omitempty"`
}

// Unlogged holds what a commit adds to the ledger.
type Unlogged struct {
	Origin  string   `json:"origin"`  // of the ledger
	Size    int64    `json:"size"`    // of the ledger before these entries
	Entries []string `json:"entries"` // the last one is the state
	Program string   `json:"program"` // the last program that the ledger names, as canonical JSON
}

// Dropped is a segment, or a part of the manifest, that was listed until a short while
// ago. Readers may still have it open, or be about to open it.
type Dropped struct {
	Path string    `json:"path"` // below the data folder
	At   time.Time `json:"at"`
}

// Grace is how long a segment, or a part of the manifest, stays on the disk after it was
// replaced, for readers that began earlier.
const Grace = time.Hour

// Batch is one raw file: input that never changes and is kept for ever.
type Batch struct {
	SHA256    string    `json:"sha256"` // of the file's bytes
	Kind      string    `json:"kind"`
	Documents int       `json:"documents"`
	Bytes     int64     `json:"bytes"`     // on disk
	RawBytes  int64     `json:"raw_bytes"` // decompressed
	Added     time.Time `json:"added"`     // when it was committed
	// Clock is "entries" if each entry says at which time it was judged (Entry.Received).
	// Batches of older programs were judged by Added.
	Clock string `json:"clock,omitempty"`
}

// ClockEntries is the Clock of batches whose entries say the time.
const ClockEntries = "entries"

// Segment is one derived Parquet file.
type Segment struct {
	Kind    string `json:"kind"`
	Period  string `json:"period"` // 2006-01-02, 2006-01 for cells and hours, a country for findings and events
	Ruleset string `json:"ruleset,omitempty"`
	SHA256  string `json:"sha256"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	// Inputs is the hash of what the segment was made from. For cells and hours that is
	// the verdict segments, for findings the country's cells and the detector, for events
	// the events themselves. A segment whose inputs have changed is stale.
	Inputs string `json:"inputs,omitempty"`
	// Countries holds, for hours, the hash of each country's cells.
	Countries map[string]string `json:"countries,omitempty"`
}

// Path returns the batch's place below the data folder.
func (b Batch) Path() string { return rawPath(b.SHA256) }

const (
	manifestName = "manifest.json"
	rawDir       = "raw"
	rawSuffix    = ".jsonl.zst"
	unlistedDir  = "unlisted" // below rawDir: batches that were never committed
)

func rawPath(sha string) string { return filepath.Join(rawDir, sha[:2], sha+rawSuffix) }

// pendingPath is the place of a batch that waits for the manifest that lists it.
func pendingPath(sha string) string { return filepath.Join(rawDir, sha+".pending") }

func (a *Archive) manifestPath() string { return filepath.Join(a.dir, manifestName) }

// Path returns the segment's place below the data folder.
func (s Segment) Path() string {
	return filepath.Join(s.Kind, s.Period, s.SHA256+".parquet")
}

// Select returns the segments of one kind, in the order of their periods. For kinds that
// depend on the ruleset, it returns only those of the given ruleset.
func (m *Manifest) Select(kind, ruleset string) []Segment {
	var out []Segment
	for _, s := range m.Segments {
		if s.Kind == kind && s.Ruleset == ruleset {
			out = append(out, s)
		}
	}
	return out
}

// base returns the index on which the manifest rests; an empty one if it has none.
func (m *Manifest) base() *partIndex {
	if m.index == nil {
		return &partIndex{}
	}
	return m.index
}

// bySHA returns all raw batches by their SHA-256, for callers that look up very many.
func (m *Manifest) bySHA() map[string]Batch {
	out := make(map[string]Batch, m.Totals().Batches)
	for _, b := range m.Batches() {
		out[b.SHA256] = b
	}
	return out
}

// Batch finds a raw batch by its SHA-256.
func (m *Manifest) Batch(sha string) (Batch, bool) {
	for _, p := range m.base().batches {
		if i, ok := p.at[sha]; ok {
			return p.list[i], true
		}
	}
	for _, b := range m.tail {
		if b.SHA256 == sha {
			return b, true
		}
	}
	return Batch{}, false
}

// Batches returns the raw batches in the order of their commits. There may be very many:
// each call makes a new list.
func (m *Manifest) Batches() []Batch {
	out := make([]Batch, 0, m.Totals().Batches)
	for _, p := range m.base().batches {
		out = append(out, p.list...)
	}
	return append(out, m.tail...)
}

// Totals sums up the raw batches of a manifest.
type Totals struct {
	Batches   int
	Bytes     int64          // on disk
	Documents map[string]int // by kind
	Last      time.Time      // when the newest was committed
}

func (t *Totals) add(b *Batch) {
	t.addAll(&Totals{1, b.Bytes, map[string]int{b.Kind: b.Documents}, b.Added})
}

func (t *Totals) addAll(o *Totals) {
	t.Batches += o.Batches
	t.Bytes += o.Bytes
	if t.Documents == nil {
		t.Documents = map[string]int{}
	}
	for kind, n := range o.Documents {
		t.Documents[kind] += n
	}
	if o.Last.After(t.Last) {
		t.Last = o.Last
	}
}

// Totals sums up the raw batches without looking at each.
func (m *Manifest) Totals() Totals {
	var t Totals
	for _, p := range m.base().batches {
		t.addAll(&p.totals)
	}
	for i := range m.tail {
		t.add(&m.tail[i])
	}
	return t
}

// dropped returns the files that were listed until a short while ago, and when they were
// dropped.
func (m *Manifest) dropped() map[string]time.Time {
	out := map[string]time.Time{}
	note := func(list []Dropped) {
		for _, d := range list {
			if d.At.After(out[d.Path]) {
				out[d.Path] = d.At
			}
		}
	}
	for _, p := range m.base().dropped {
		note(p.list)
	}
	note(m.recent)
	return out
}

// RestsOn returns the paths of the index and the parts of the manifest, below the data
// folder.
func (m *Manifest) RestsOn() []string {
	var out []string
	for _, f := range m.base().files() {
		out = append(out, f.path)
	}
	return out
}

// WasListed reports whether a file was listed until a short while ago.
func (m *Manifest) WasListed(path string) bool {
	is := func(d Dropped) bool { return d.Path == path }
	return slices.ContainsFunc(m.recent, is) ||
		slices.ContainsFunc(m.base().dropped, func(p *droppedPart) bool { return slices.ContainsFunc(p.list, is) })
}

func (m *Manifest) clone() *Manifest {
	c := *m
	c.Segments = slices.Clone(m.Segments)
	c.tail = slices.Clone(m.tail)
	c.recent = slices.Clone(m.recent)
	return &c
}

// list adds a raw batch.
func (m *Manifest) list(b Batch) { m.tail = append(m.tail, b) }

// drop notes the segments of old that m no longer lists, and forgets those that were noted
// longer than Grace ago. The segments of both must be sorted.
func (m *Manifest) drop(old *Manifest, now time.Time) {
	m.recent = slices.DeleteFunc(m.recent, func(d Dropped) bool { return now.Sub(d.At) > Grace })
	at := now.UTC().Truncate(time.Second)
	compare(old.Segments, m.Segments, func(was, is *Segment) {
		if is == nil {
			m.recent = append(m.recent, Dropped{was.Path(), at})
		}
	})
}

// compare calls fn for each difference between two sorted lists of segments. was is nil
// for a segment that was added; is is nil for one that is gone.
func compare(old, now []Segment, fn func(was, is *Segment)) {
	for len(old) > 0 && len(now) > 0 {
		switch c := compareSegments(&old[0], &now[0]); {
		case c < 0:
			fn(&old[0], nil)
			old = old[1:]
		case c > 0:
			fn(nil, &now[0])
			now = now[1:]
		default:
			if !old[0].same(&now[0]) {
				fn(&old[0], &now[0])
			}
			old, now = old[1:], now[1:]
		}
	}
	for i := range old {
		fn(&old[i], nil)
	}
	for i := range now {
		fn(nil, &now[i])
	}
}

// same reports whether two entries say the same of a segment.
func (s *Segment) same(o *Segment) bool {
	return s.Kind == o.Kind && s.Period == o.Period && s.Ruleset == o.Ruleset && s.SHA256 == o.SHA256 &&
		s.Rows == o.Rows && s.Bytes == o.Bytes && s.Inputs == o.Inputs && sameMap(s.Countries, o.Countries)
}

// Same reports whether two entries say the same of a segment.
func (s Segment) Same(o Segment) bool { return s.same(&o) }

// sameMap is maps.Equal, but quick if both are one map.
func sameMap(a, b map[string]string) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer() || maps.Equal(a, b)
}

// compareBatches returns the batches that only now has, and those that only old has. It
// skips the parts that both rest on.
func compareBatches(old, now *Manifest) (added, gone []Batch) {
	a, b := old.base().batches, now.base().batches
	for len(a) > 0 && len(b) > 0 && a[0].ref.SHA256 == b[0].ref.SHA256 {
		a, b = a[1:], b[1:]
	}
	rest := func(parts []*batchPart, tail []Batch) []Batch {
		var out []Batch
		for _, p := range parts {
			out = append(out, p.list...)
		}
		return append(out, tail...)
	}
	was, is := rest(a, old.tail), rest(b, now.tail)
	known := make(map[string]bool, len(was))
	for i := range was {
		known[was[i].SHA256] = true
	}
	for _, b := range is {
		if !known[b.SHA256] {
			added = append(added, b)
		}
		delete(known, b.SHA256)
	}
	for _, b := range was {
		if known[b.SHA256] {
			gone = append(gone, b)
		}
	}
	return added, gone
}

// sort sorts the segments. Those that were added stand at the end until then. If a segment
// stands there twice, one is removed.
func (m *Manifest) sort() {
	s := m.Segments
	n := 1
	for n < len(s) && compareSegments(&s[n-1], &s[n]) < 0 {
		n++
	}
	if n >= len(s) {
		return
	}
	head, tail := s[:n], slices.Clone(s[n:])
	slices.SortFunc(tail, func(a, b Segment) int { return compareSegments(&a, &b) })
	out := make([]Segment, 0, len(s))
	for len(head)+len(tail) > 0 {
		var next Segment
		if len(tail) == 0 || len(head) > 0 && compareSegments(&head[0], &tail[0]) <= 0 {
			next, head = head[0], head[1:]
		} else {
			next, tail = tail[0], tail[1:]
		}
		if len(out) == 0 || compareSegments(&out[len(out)-1], &next) != 0 {
			out = append(out, next)
		}
	}
	m.Segments = out
}

// readManifest reads the manifest. Of its parts it reads only those that known does not
// have.
func (a *Archive) readManifest(known *Manifest) (*Manifest, error) {
	b, err := os.ReadFile(a.manifestPath())
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	m, err := a.parseManifest(b, known)
	if errors.Is(err, errNotOurs) {
		return nil, fmt.Errorf("%w: read %s: %w: %s", ErrManifest, a.manifestPath(), err, a.recoverHint())
	}
	return m, err
}

// errNotOurs is the error of a text that is no manifest.
var errNotOurs = errors.New("it is damaged")

func (a *Archive) parseManifest(text []byte, known *Manifest) (*Manifest, error) {
	whole, err := sealed(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	var r root
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	if r.Format > formatVersion {
		return nil, fmt.Errorf("the archive in %s has format %d and this bandish knows %d: use a newer bandish", a.dir, r.Format, formatVersion)
	}
	if !whole && r.Format > 1 { // format 1 may lack it: an older program, or a person, wrote some without
		return nil, fmt.Errorf("%w: it has no SHA-256 of its own", errNotOurs)
	}
	for i := range r.Batches {
		if err := r.Batches[i].validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotOurs, err)
		}
	}
	for i := range r.Segments {
		if err := r.Segments[i].validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", errNotOurs, err)
		}
	}
	m := &Manifest{Format: r.Format, Generation: r.Generation, Ruleset: r.Ruleset, Ledger: r.Ledger, tail: r.Batches, recent: r.Dropped, text: textSum(text), whole: sha256.Sum256(text)}
	if r.Index != nil {
		var err error
		if known == nil {
			known = &Manifest{}
		}
		if m.index, err = a.readIndex(*r.Index, known.index); err != nil {
			if errors.Is(err, errPart) {
				err = fmt.Errorf("%w: %w", errNotOurs, err)
			}
			return nil, err
		}
	}
	if err := m.apply(r.Segments, r.Removed); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return m, nil
}

// apply makes the list of segments from the index and the changes since.
func (m *Manifest) apply(changed []Segment, removed []string) error {
	gone := make(map[string]bool, len(removed))
	for _, k := range removed {
		gone[k] = true
	}
	now := make(map[string]bool, len(changed))
	for i := range changed {
		now[changed[i].key()] = true
	}
	for s := range m.base().allSegments() {
		if len(removed)+len(changed) > 0 {
			k := s.key()
			if gone[k] {
				delete(gone, k)
				continue
			}
			if now[k] {
				continue
			}
		}
		m.Segments = append(m.Segments, *s)
	}
	for k := range gone {
		return fmt.Errorf("it removes the segment %q, which its index does not name", k)
	}
	m.Segments = append(m.Segments, changed...)
	m.sort()
	return nil
}

// key names a segment within an archive, as in the ledger.
func (s *Segment) key() string { return s.Kind + "/" + s.Period + "/" + s.Ruleset + "/" + s.SHA256 }

// validate refuses names that would lead out of the data folder.
func (b *Batch) validate() error {
	if !isSHA256(b.SHA256) {
		return fmt.Errorf("batch %q is not a SHA-256", b.SHA256)
	}
	return nil
}

// validate refuses names that would lead out of the data folder.
func (s *Segment) validate() error {
	if !isSHA256(s.SHA256) || !s.named() {
		return fmt.Errorf("segment %q %q %q is malformed", s.Kind, s.Period, s.SHA256)
	}
	return nil
}

// named reports whether the segment's kind and period can exist.
func (s Segment) named() bool {
	switch s.Kind {
	case Observations, Verdicts, Bodies, Cells, Layers, Counts, Signals, Hours:
		_, err := time.Parse("2006-01-02"[:min(len(s.Period), 10)], s.Period)
		return err == nil
	case Findings, Events:
		return len(s.Period) == 2 && strings.Trim(s.Period, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	}
	return false
}

func isSHA256(s string) bool {
	if len(s) != 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// sealMember is the last member of the manifest's object. Its value is the SHA-256 of
// everything before it.
const sealMember = `,"sha256":"`

// Seal adds the checksum to a manifest. object is JSON without white space.
func Seal(object []byte) []byte {
	head := object[:len(object)-1]
	sum := sha256.Sum256(head)
	out := append(bytes.Clone(head), sealMember...)
	return append(hex.AppendEncode(out, sum[:]), "\"}\n"...)
}

// sealed reports whether a text has a checksum. It is an error if the checksum is wrong.
func sealed(text []byte) (bool, error) {
	n := len(text) - len(sealMember) - 2*sha256.Size - len("\"}\n")
	if n < 0 || !bytes.HasPrefix(text[n:], []byte(sealMember)) {
		return false, nil
	}
	sum := sha256.Sum256(text[:n])
	if got := text[n+len(sealMember):][:2*sha256.Size]; !bytes.Equal(got, hex.AppendEncode(nil, sum[:])) {
		return true, errors.New("it does not have the SHA-256 that it names")
	}
	return true, nil
}

// ledgerMember comes after all others but the checksum.
const ledgerMember = `,"ledger":{`

// textSum returns the SHA-256 of the text of a manifest without its members ledger and
// sha256; the ledger names this sum. No string within a member can look like the member
// ledger, since its quotes are escaped.
func textSum(text []byte) string {
	i := bytes.LastIndex(text, []byte(ledgerMember))
	if i < 0 {
		return "" // an older program wrote it
	}
	sum := sha256.Sum256(text[:i])
	return hex.EncodeToString(sum[:])
}

// encode returns the text of the manifest without its members ledger and sha256, and the
// sum that the ledger names.
func (m *Manifest) encode() (text []byte, sum string, err error) {
	r := root{Format: m.Format, Generation: m.Generation, Ruleset: m.Ruleset, Batches: m.tail, Dropped: m.recent}
	if m.index != nil {
		r.Index = &m.index.ref
	}
	if len(m.base().segments) == 0 {
		r.Segments = m.Segments
	}
	for p, now := range ranges(m.base().segments, m.Segments) {
		compare(p.list, now, func(was, is *Segment) {
			if is != nil {
				r.Segments = append(r.Segments, *is)
			} else {
				r.Removed = append(r.Removed, was.key())
			}
		})
	}
	if text, err = json.Marshal(&r); err != nil {
		return nil, "", err
	}
	head := sha256.Sum256(text[:len(text)-1])
	return text, hex.EncodeToString(head[:]), nil
}

// encodeFolded is encode; if the text is long, it folds the manifest first.
func (a *Archive) encodeFolded(m *Manifest, now time.Time) (text []byte, sum string, err error) {
	text, sum, err = m.encode()
	if err != nil || len(text) <= cmp.Or(a.Fold, usualFold) {
		return text, sum, err
	}
	if err := a.fold(m, now); err != nil {
		return nil, "", err
	}
	return m.encode()
}

// seal adds the members ledger and sha256 to the text of a manifest.
func (m *Manifest) seal(b []byte) ([]byte, error) {
	if m.Ledger != nil {
		tail, err := json.Marshal(m.Ledger)
		if err != nil {
			return nil, err
		}
		b = append(append(b[:len(b)-1], ledgerMember[:len(ledgerMember)-1]...), append(tail, '}')...)
	}
	return Seal(b), nil
}

// writeManifest replaces the manifest. After a crash either the old or the new one is
// there, never a part. committed is true if the new one is in place, even if there is an
// error that it may not last.
func (a *Archive) writeManifest(m *Manifest) (committed bool, err error) {
	b, _, err := m.encode()
	if err != nil {
		return false, err
	}
	return a.writeManifestText(m, b)
}

// writeManifestText is writeManifest for an encoded text without the members ledger and
// sha256.
func (a *Archive) writeManifestText(m *Manifest, b []byte) (committed bool, err error) {
	b, err = m.seal(b)
	if err != nil {
		return false, err
	}
	f, err := a.disk.CreateTemp(a.dir, partPrefix+"manifest-*")
	if err != nil {
		return false, fmt.Errorf("write manifest: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = a.disk.Rename(f.Name(), a.manifestPath())
	}
	if err != nil {
		a.disk.Remove(f.Name())
		return false, fmt.Errorf("write manifest: %w", err)
	}
	if err := a.disk.SyncDir(a.dir); err != nil {
		return true, fmt.Errorf("write manifest: %w", err)
	}
	return true, nil
}

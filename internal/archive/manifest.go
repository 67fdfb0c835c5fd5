package archive

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// formatVersion is the manifest's format; a reader refuses a newer one.
const formatVersion = 1

// The kinds of raw batch: what one line of it holds.
const (
	KindMeasurements = "measurements" // OONI measurement documents
	KindWeb          = "web"          // rows of OONI's obs_web table
	KindAggregation  = "aggregation"  // rows of OONI's aggregation API
)

// The kinds of segment.
const (
	Observations = "observations" // observation.Row, by day
	Verdicts     = "verdicts"     // verdict.Row, by day and ruleset
	Bodies       = "bodies"       // response bodies that the path could have written, by day
	Cells        = "cells"        // daily counts of whole measurements, by month and ruleset
	Layers       = "layers"       // daily counts of each layer, by month and ruleset
	Counts       = "counts"       // daily counts without measurements, by month
	Hours        = "hours"        // hourly counts of whole measurements, by month and ruleset
	Findings     = "findings"     // what a country's hours show by themselves, by country and ruleset
	Events       = "events"       // event.Row, by country and ruleset
)

// Manifest lists every file of the archive. What it does not list is not in
// the archive, whatever lies in the folders.
type Manifest struct {
	Format     int       `json:"format"`
	Generation uint64    `json:"generation"` // grows with every commit
	Ruleset    string    `json:"ruleset"`    // the ruleset whose verdicts are current
	Batches    []Batch   `json:"batches"`
	Segments   []Segment `json:"segments"`
	// Dropped are segments that were listed until a short while ago: readers
	// may still have them open.
	Dropped []Dropped `json:"dropped,omitempty"`
	// Ledger is what this commit adds to the ledger. It is written with the
	// manifest, so that a process that is killed in between leaves nothing out:
	// whoever writes next appends it. Nil in the manifest of an older program.
	Ledger *Unlogged `json:"ledger,omitempty"`

	text string // the SHA-256 of the text that it was read from, without Ledger and seal
}

// Unlogged is what a commit adds to the ledger.
type Unlogged struct {
	Origin  string   `json:"origin"`  // of the ledger
	Size    int64    `json:"size"`    // of the ledger before these
	Entries []string `json:"entries"` // the last is the state
	Program string   `json:"program"` // the last that the ledger names, as canonical JSON
}

// Dropped is a segment that is no longer listed.
type Dropped struct {
	Path string    `json:"path"` // below the data folder
	At   time.Time `json:"at"`
}

// Grace is how long a segment stays on the disk after it was replaced, for
// readers that began before.
const Grace = time.Hour

// Batch is one raw file: immutable input, kept for ever.
type Batch struct {
	SHA256    string    `json:"sha256"` // of the file's bytes
	Kind      string    `json:"kind"`
	Documents int       `json:"documents"`
	Bytes     int64     `json:"bytes"`     // on disk
	RawBytes  int64     `json:"raw_bytes"` // decompressed
	Added     time.Time `json:"added"`     // when it was committed
	// Clock is "entries" where an entry that was judged by a clock names it
	// (Entry.Received). Batches of older programs were judged by Added.
	Clock string `json:"clock,omitempty"`
}

// ClockEntries is the Clock of batches whose entries name it.
const ClockEntries = "entries"

// Segment is one derived Parquet file.
type Segment struct {
	Kind    string `json:"kind"`
	Period  string `json:"period"` // 2006-01-02, 2006-01 for cells and hours, a country for findings and events
	Ruleset string `json:"ruleset,omitempty"`
	SHA256  string `json:"sha256"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	// Inputs is the hash of what the segment was made from: of cells and hours
	// the verdict segments, of findings the country's cells and the detector,
	// of events the events themselves. A segment whose inputs have changed is
	// stale.
	Inputs string `json:"inputs,omitempty"`
	// Countries holds, of hours, the hash of each country's cells.
	Countries map[string]string `json:"countries,omitempty"`
}

// Path is the batch's place below the data folder.
func (b Batch) Path() string { return rawPath(b.SHA256) }

const (
	manifestName = "manifest.json"
	rawDir       = "raw"
	rawSuffix    = ".jsonl.zst"
	unlistedDir  = "unlisted" // below rawDir: batches that were never committed
)

func rawPath(sha string) string { return filepath.Join(rawDir, sha[:2], sha+rawSuffix) }

// pendingPath is where a batch waits for the manifest that lists it.
func pendingPath(sha string) string { return filepath.Join(rawDir, sha+".pending") }

func (a *Archive) manifestPath() string { return filepath.Join(a.dir, manifestName) }

// Path is the segment's place below the data folder.
func (s Segment) Path() string {
	return filepath.Join(s.Kind, s.Period, s.SHA256+".parquet")
}

// Select returns the segments of one kind, and of one ruleset where the kind
// has them, in the order of their periods.
func (m *Manifest) Select(kind, ruleset string) []Segment {
	var out []Segment
	for _, s := range m.Segments {
		if s.Kind == kind && s.Ruleset == ruleset {
			out = append(out, s)
		}
	}
	return out
}

// Batch finds a raw batch by its SHA-256.
func (m *Manifest) Batch(sha string) (Batch, bool) {
	for _, b := range m.Batches {
		if b.SHA256 == sha {
			return b, true
		}
	}
	return Batch{}, false
}

func (m *Manifest) clone() *Manifest {
	c := *m
	c.Batches = slices.Clone(m.Batches)
	c.Segments = slices.Clone(m.Segments)
	c.Dropped = slices.Clone(m.Dropped)
	return &c
}

// drop notes the segments of old that m no longer lists, and forgets those
// that were noted long ago.
func (m *Manifest) drop(old *Manifest, now time.Time) {
	listed := make(map[string]bool, len(m.Segments))
	for _, s := range m.Segments {
		listed[s.Path()] = true
	}
	m.Dropped = slices.DeleteFunc(m.Dropped, func(d Dropped) bool { return listed[d.Path] || now.Sub(d.At) > Grace })
	for _, s := range old.Segments {
		if !listed[s.Path()] {
			m.Dropped = append(m.Dropped, Dropped{s.Path(), now.UTC().Truncate(time.Second)})
		}
	}
}

func (m *Manifest) sort() {
	slices.SortFunc(m.Batches, func(a, b Batch) int {
		return cmp.Or(a.Added.Compare(b.Added), cmp.Compare(a.SHA256, b.SHA256))
	})
	slices.SortFunc(m.Segments, func(a, b Segment) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Period, b.Period),
			cmp.Compare(a.Ruleset, b.Ruleset), cmp.Compare(a.SHA256, b.SHA256))
	})
}

func (a *Archive) readManifest() (*Manifest, error) {
	b, err := os.ReadFile(a.manifestPath())
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if err := sealed(b); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w: %s", ErrManifest, a.manifestPath(), err, a.recoverHint())
	}
	m := &Manifest{text: textSum(b)}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w: %s", ErrManifest, a.manifestPath(), err, a.recoverHint())
	}
	if m.Format > formatVersion {
		return nil, fmt.Errorf("the archive in %s has format %d and this bandish knows %d: use a newer bandish", a.dir, m.Format, formatVersion)
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("%w: read %s: %w: %s", ErrManifest, a.manifestPath(), err, a.recoverHint())
	}
	return m, nil
}

// validate refuses names that would leave the data folder.
func (m *Manifest) validate() error {
	for _, b := range m.Batches {
		if !isSHA256(b.SHA256) {
			return fmt.Errorf("batch %q is not a SHA-256", b.SHA256)
		}
	}
	for _, s := range m.Segments {
		if !isSHA256(s.SHA256) || !s.named() {
			return fmt.Errorf("segment %q %q %q is malformed", s.Kind, s.Period, s.SHA256)
		}
	}
	return nil
}

// named reports whether the segment's kind and period are ones that there are.
func (s Segment) named() bool {
	switch s.Kind {
	case Observations, Verdicts, Bodies, Cells, Layers, Counts, Hours:
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

// sealMember comes last in the manifest's object, with the SHA-256 of all that
// stands before it.
const sealMember = `,"sha256":"`

// Seal adds the checksum to a manifest, an object without white space.
func Seal(object []byte) []byte {
	head := object[:len(object)-1]
	sum := sha256.Sum256(head)
	out := append(bytes.Clone(head), sealMember...)
	return append(hex.AppendEncode(out, sum[:]), "\"}\n"...)
}

// sealed makes sure of the checksum. One that was written without, by an older
// program or by hand, is taken as it is.
func sealed(text []byte) error {
	n := len(text) - len(sealMember) - 2*sha256.Size - len("\"}\n")
	if n < 0 || !bytes.HasPrefix(text[n:], []byte(sealMember)) {
		return nil
	}
	sum := sha256.Sum256(text[:n])
	if got := text[n+len(sealMember):][:2*sha256.Size]; !bytes.Equal(got, hex.AppendEncode(nil, sum[:])) {
		return errors.New("it does not have the SHA-256 that it names")
	}
	return nil
}

// ledgerMember comes after all others but the checksum.
const ledgerMember = `,"ledger":{`

// textSum is the SHA-256 of the text of a manifest without its members ledger
// and sha256, which the ledger names. No text within a member can look like the
// member ledger: quotes in strings are escaped.
func textSum(text []byte) string {
	i := bytes.LastIndex(text, []byte(ledgerMember))
	if i < 0 {
		return "" // an older program wrote it
	}
	sum := sha256.Sum256(text[:i])
	return hex.EncodeToString(sum[:])
}

// encode is the text of the manifest without its checksum, and the sum that the
// ledger names.
func (m *Manifest) encode() (text []byte, sum string, err error) {
	c := *m
	c.Ledger = nil
	if text, err = json.Marshal(&c); err != nil {
		return nil, "", err
	}
	head := sha256.Sum256(text[:len(text)-1])
	return text, hex.EncodeToString(head[:]), nil
}

// writeManifest replaces the manifest: either the old or the new one is
// found after a crash, never a part. It reports whether the new one is in
// place, which it can be although the error says that it may not last.
func (a *Archive) writeManifest(m *Manifest) (committed bool, err error) {
	b, _, err := m.encode()
	if err != nil {
		return false, err
	}
	return a.writeManifestText(m, b)
}

// writeManifestText is writeManifest for a manifest that is encoded but for its
// part of the ledger.
func (a *Archive) writeManifestText(m *Manifest, b []byte) (committed bool, err error) {
	if m.Ledger != nil {
		tail, err := json.Marshal(m.Ledger)
		if err != nil {
			return false, err
		}
		b = append(append(b[:len(b)-1], ledgerMember[:len(ledgerMember)-1]...), append(tail, '}')...)
	}
	f, err := a.disk.CreateTemp(a.dir, partPrefix+"manifest-*")
	if err != nil {
		return false, fmt.Errorf("write manifest: %w", err)
	}
	_, err = f.Write(Seal(b))
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

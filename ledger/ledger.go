// Package ledger proves what a Bandish server's record held and when. It has the
// entries of the server's append-only log, the hashes over them, signed
// checkpoints, and proofs that an entry is in the log and that the log only grew.
//
// It does no I/O, so that the same code runs in the server, in the verifier of
// somebody else and in a browser. Formats are those of C2SP (tlog-tiles,
// tlog-checkpoint, tlog-cosignature, tlog-proof, signed-note) and hashes those of
// RFC 6962, so that other tools can read them. docs/formats/ledger.md describes the
// entries. The caller decides which keys to trust.
package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The types of entry.
const (
	TypeBatch      = "batch"      // a raw batch: measurements as they were received
	TypeSegments   = "segments"   // derived files that were added or replaced, and why
	TypeState      = "state"      // what the archive held after a commit
	TypeRecord     = "record"     // a revision of a case of the record
	TypeSource     = "source"     // a copy of a source: its hash, never its content
	TypeList       = "list"       // an imported list or table
	TypeFile       = "file"       // another file of the data folder
	TypeTombstone  = "tombstone"  // a file that was removed
	TypeEvent      = "event"      // a dated ban: announced, revised or withdrawn
	TypeCorrection = "correction" // something that this server said and takes back
	TypeKey        = "key"        // the log's first key, or the key that follows
	TypeSoftware   = "software"   // the version of the program that writes from here on
)

// MaxEntry is how many bytes an entry may have (C2SP tlog-tiles).
const MaxEntry = 1<<16 - 1

// Entry is one entry of the ledger. Exactly one of its pointers is set: the one
// that belongs to Type.
type Entry struct {
	Type string `json:"type"`
	// Time is when the entry was made, UTC, in whole seconds. It is only the
	// operator's word; a cosignature or a time stamp on a later checkpoint is the
	// word of somebody else.
	Time time.Time `json:"time"`

	Batch      *Batch      `json:"batch,omitempty"`
	Segments   *Segments   `json:"segments,omitempty"`
	State      *State      `json:"state,omitempty"`
	File       *File       `json:"file,omitempty"` // for record, source, list, file and tombstone
	Event      *Event      `json:"event,omitempty"`
	Correction *Correction `json:"correction,omitempty"`
	Key        *Key        `json:"key,omitempty"`
	Software   *Software   `json:"software,omitempty"`
}

// Batch is a raw batch: an immutable file of documents, one a line.
type Batch struct {
	SHA256    string `json:"sha256"` // of the file's bytes
	Kind      string `json:"kind"`   // measurements, web, aggregation
	Documents int    `json:"documents"`
	Bytes     int64  `json:"bytes"`     // of the file
	RawBytes  int64  `json:"raw_bytes"` // of the text, decompressed
	// Root is the hash, in hexadecimal, of the Merkle tree over the leaves of its
	// documents in their order (DocumentLeaf). With it a single document can be
	// proved.
	Root string `json:"root"`
	// Earliest and Latest are the days of its first and its last measurement.
	Earliest string `json:"earliest,omitempty"`
	Latest   string `json:"latest,omitempty"`
	// Channels counts its documents by channel.
	Channels map[string]int `json:"channels,omitempty"`
	Received time.Time      `json:"received"` // when it was committed
	Clock    string         `json:"clock,omitempty"`
	// Before is true for a batch that was in the archive before the ledger began.
	// Received is then what the manifest said when the entry was made.
	Before bool `json:"before,omitempty"`
}

// Segment is one derived file, as the manifest lists it.
type Segment struct {
	Kind    string `json:"kind"`
	Period  string `json:"period"`
	Ruleset string `json:"ruleset,omitempty"`
	SHA256  string `json:"sha256"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Inputs  string `json:"inputs,omitempty"` // the hash of what it was made from
	// Countries is the SHA-256 of the canonical JSON of the manifest's member
	// countries; "" where it has none.
	Countries string `json:"countries,omitempty"`
}

// Key returns a name that no other segment of the archive has.
func (s Segment) Key() string { return s.Kind + "/" + s.Period + "/" + s.Ruleset + "/" + s.SHA256 }

// Segments says which derived files a commit added and which it removed. A commit
// of many files makes several such entries with one generation.
type Segments struct {
	Generation uint64    `json:"generation"`
	Why        string    `json:"why"` // import, submit, compact, count, rebuild, rescore, …
	Added      []Segment `json:"added,omitempty"`
	Removed    []string  `json:"removed,omitempty"` // keys of segments
}

// Set is a hash over a set: the number of its leaves, and a root over them in
// hexadecimal.
type Set struct {
	Count int    `json:"count"`
	Root  string `json:"root"`
	Form  string `json:"form,omitempty"` // how Root is made: Grouped, or "" for one tree over all leaves, sorted
}

// State is what the archive held after a commit: everything that answers rest on.
type State struct {
	Generation   uint64 `json:"generation"`
	Why          string `json:"why"`
	Ruleset      string `json:"ruleset"`                // whose verdicts are current
	Detector     string `json:"detector,omitempty"`     // of the detector that finds events
	Fingerprints string `json:"fingerprints,omitempty"` // id of the snapshot
	Batches      Set    `json:"batches"`                // leaves: the SHA-256 of each batch in hexadecimal (SetOfBatches)
	Segments     Set    `json:"segments"`               // leaves: the canonical JSON of each segment (SetOfSegments)
	// Manifest is the SHA-256 of the manifest's text without its members ledger and
	// sha256.
	Manifest string `json:"manifest"`
}

// File is a file beside the archive. Name is its path in the data folder or, for a
// record, the id of the case.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	// Replaces is the SHA-256 of the file that had the name before.
	Replaces string `json:"replaces,omitempty"`
	// Reason says, for a tombstone, why the file was removed; "" where that is not
	// known.
	Reason string `json:"reason,omitempty"`
	// Grows is true for a file that is only ever appended to: a later entry may name
	// more bytes.
	Grows bool `json:"grows,omitempty"`
}

// Event is a dated ban as it was derived.
type Event struct {
	ID     string `json:"id"`
	Action string `json:"action"` // announced, revised, withdrawn
	CC     string `json:"cc"`
	Target string `json:"target"`
	SHA256 string `json:"sha256"` // of the canonical JSON of the event
	// Replaces is the SHA256 of the event's former state.
	Replaces   string `json:"replaces,omitempty"`
	Generation uint64 `json:"generation"` // of the archive from which it was derived
}

// The actions of an event.
const (
	Announced = "announced"
	Revised   = "revised"
	Withdrawn = "withdrawn"
)

// Correction takes back something that was said.
type Correction struct {
	Of   string `json:"of"`   // the address or id of what was said
	Text string `json:"text"` // what was wrong, and what is right
}

// Key says with which key the log is signed from here on. Note is a signed note
// (KeyNote) with the signature of each key that it names.
type Key struct {
	Note string `json:"note"`
}

// Software names the program that writes from here on.
type Software struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Ruleset  string `json:"ruleset"`
	Detector string `json:"detector"`
	// Fingerprints is the id of the snapshot of known block pages.
	Fingerprints string `json:"fingerprints,omitempty"`
}

// body returns the name of the member that belongs to the entry's type, and whether
// it is set.
func (e *Entry) body() (name string, set bool) {
	switch e.Type {
	case TypeBatch:
		return "batch", e.Batch != nil
	case TypeSegments:
		return "segments", e.Segments != nil
	case TypeState:
		return "state", e.State != nil
	case TypeRecord, TypeSource, TypeList, TypeFile, TypeTombstone:
		return "file", e.File != nil
	case TypeEvent:
		return "event", e.Event != nil
	case TypeCorrection:
		return "correction", e.Correction != nil
	case TypeKey:
		return "key", e.Key != nil
	case TypeSoftware:
		return "software", e.Software != nil
	}
	return "", true
}

// Encode returns the entry's canonical JSON: the bytes of its leaf in the log. An
// entry without the member of its type is an error.
func (e *Entry) Encode() ([]byte, error) {
	if name, ok := e.body(); !ok || name == "" {
		return nil, fmt.Errorf("entry of type %q: it has no member %q", e.Type, name)
	}
	c := *e
	c.Time = c.Time.UTC().Truncate(time.Second)
	out, err := Canonical(c)
	if err == nil && len(out) > MaxEntry {
		err = fmt.Errorf("entry of type %s: %d bytes, and at most %d fit", e.Type, len(out), MaxEntry)
	}
	return out, err
}

// Parse reads an entry. An entry of a type that this program does not know is no
// error: it can be proved like any other, and only its type and time are read. Text
// that is not canonical JSON is an error, so that no two texts are the same entry.
func Parse(text []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("entry of the ledger: %w", err)
	}
	canonical, err := canonicalText(text)
	if err != nil {
		return e, fmt.Errorf("entry of the ledger: %w", err)
	}
	if !bytes.Equal(canonical, text) {
		return e, errors.New("entry of the ledger: it is not in canonical JSON")
	}
	if name, ok := e.body(); !ok {
		return e, fmt.Errorf("entry of the ledger: one of type %s has no member %q", e.Type, name)
	}
	if e.Type == "" || e.Time.IsZero() {
		return e, errors.New("entry of the ledger: it has no type or no time")
	}
	return e, nil
}

// documentMember comes before the document in a line of a raw batch. The document
// is the last member.
const documentMember = `,"document":`

// DocumentLeaf returns the leaf of a document in the tree of its batch: its line of
// the raw batch, with the SHA-256 of the document in place of the document. So the
// leaf fixes uid, source, times, marks and content, and shows no content.
func DocumentLeaf(line []byte) ([]byte, error) {
	i := bytes.Index(line, []byte(documentMember))
	if i < 0 || len(line) == 0 || line[len(line)-1] != '}' {
		return nil, errors.New("not a line of a raw batch")
	}
	return AppendDocumentLeaf(nil, line[:i], sha256.Sum256(line[i+len(documentMember):len(line)-1])), nil
}

// AppendDocumentLeaf appends the leaf of a document to buf. head is its line up to
// the member document; sum is the SHA-256 of the document.
func AppendDocumentLeaf(buf, head []byte, sum Hash) []byte {
	buf = append(buf, head...)
	buf = append(buf, `,"sha256":"`...)
	buf = hex.AppendEncode(buf, sum[:])
	return append(buf, `"}`...)
}

// Document holds what a leaf of a batch says.
type Document struct {
	Source   string    `json:"source"`
	Line     int64     `json:"line"`
	Offset   int64     `json:"offset"`
	Uploaded time.Time `json:"uploaded,omitzero"`
	Received time.Time `json:"received,omitzero"`
	UID      string    `json:"uid"`
	Marks    []string  `json:"marks,omitempty"`
	SHA256   string    `json:"sha256"` // of the document as it is archived
}

// ParseDocument reads a leaf of a batch.
func ParseDocument(leaf []byte) (Document, error) {
	var d Document
	if err := json.Unmarshal(leaf, &d); err != nil {
		return d, fmt.Errorf("leaf of a document: %w", err)
	}
	return d, nil
}

// SetOfBatches returns the set of raw batches with these SHA-256 (hexadecimal).
// form is Grouped or "".
func SetOfBatches(sums []string, form string) Set {
	leaves := make([]Hash, len(sums))
	for i, s := range slices.Sorted(slices.Values(sums)) {
		leaves[i] = BatchLeaf(s)
	}
	return setOf(leaves, form)
}

// SetOfSegments returns the set of segments. form is Grouped or "".
func SetOfSegments(segments []Segment, form string) Set {
	list := slices.Clone(segments)
	slices.SortFunc(list, func(a, b Segment) int { return strings.Compare(a.Key(), b.Key()) })
	leaves := make([]Hash, len(list))
	for i, s := range list {
		leaves[i] = SegmentLeaf(s)
	}
	return setOf(leaves, form)
}

// SegmentLeaf returns the leaf of a segment in the set of segments of a state.
func SegmentLeaf(s Segment) Hash {
	text, err := Canonical(s)
	if err != nil { // it holds only texts and numbers
		panic("ledger: encode segment: " + err.Error())
	}
	return LeafHash(text)
}

func setOf(leaves []Hash, form string) Set {
	if form == Grouped {
		var t Tally
		for _, l := range leaves {
			t.Add(l)
		}
		return t.Set()
	}
	root := Root(leaves)
	return Set{Count: len(leaves), Root: hex.EncodeToString(root[:])}
}

// Names returns the names by which others look for an entry: a batch, a state of
// the archive, a file of hourly counts, a record, a dated ban.
func (e *Entry) Names() []string {
	switch {
	case e.Batch != nil:
		return []string{NameOfBatch(e.Batch.SHA256)}
	case e.State != nil:
		return []string{NameOfState(e.State.Generation)}
	case e.Type == TypeRecord && e.File != nil:
		return []string{NameOfRecord(e.File.Name)}
	case e.Type == TypeSource && e.File != nil:
		return []string{NameOfSource(e.File.Name)}
	case e.Event != nil:
		return []string{NameOfEvent(e.Event.ID)}
	case e.Segments != nil:
		var out []string
		for _, s := range e.Segments.Added {
			if s.Kind == kindHours {
				out = append(out, NameOfSegment(s.SHA256))
			}
		}
		return out
	}
	return nil
}

// kindHours is the only kind of segments that are looked for one by one.
const kindHours = "hours"

// NameOfBatch returns the name of a raw batch, from its SHA-256 in hexadecimal.
func NameOfBatch(sha string) string { return "batch " + sha }

// NameOfState returns the name of the state of a generation of the archive.
func NameOfState(generation uint64) string { return fmt.Sprintf("state %d", generation) }

// NameOfRecord returns the name of a record, from the id of its case.
func NameOfRecord(name string) string { return "record " + name }

// NameOfSource returns the name of a copy of a source, from its path in the data folder.
func NameOfSource(name string) string { return "source " + name }

// NameOfEvent returns the name of a dated ban, from the id of its event.
func NameOfEvent(id string) string { return "event " + id }

// NameOfSegment returns the name of a segment, from its SHA-256 in hexadecimal.
func NameOfSegment(sha string) string { return "segment " + sha }

// TypeOf returns the type of an entry from its text, and "" where it cannot be
// told. Members of an entry are sorted by name, so that the type is the last one.
func TypeOf(text []byte) string {
	const member = `"type":"`
	i := bytes.LastIndex(text, []byte(member))
	if i < 0 || !bytes.HasSuffix(text, []byte(`"}`)) || len(text) < i+len(member)+len(`"}`) {
		return ""
	}
	return string(text[i+len(member) : len(text)-len(`"}`)])
}

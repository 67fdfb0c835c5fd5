package ledger

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
)

// Proof shows that an entry is in a log: a file of C2SP tlog-proof.
type Proof struct {
	Index      int64
	Hashes     []Hash
	Checkpoint []byte // signed
	Extra      []byte // not protected by the proof itself
}

// Marshal returns the text of the proof.
func (p *Proof) Marshal() []byte {
	t := proof.TLogProof{Index: uint64(p.Index), Checkpoint: p.Checkpoint, ExtraData: p.Extra}
	for _, h := range p.Hashes {
		t.Hashes = append(t.Hashes, h)
	}
	return t.Marshal()
}

// maxProof is how many bytes the text of a proof may have: 63 hashes, a checkpoint
// with some signatures, an entry and a leaf.
const maxProof = 1 << 20

// ParseProof reads the text of a proof. It checks nothing but the form.
func ParseProof(text []byte) (*Proof, error) {
	if len(text) > maxProof {
		return nil, fmt.Errorf("proof: %d bytes are more than a proof has", len(text))
	}
	var t proof.TLogProof
	if err := t.Unmarshal(text); err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	if t.Index > 1<<62 || len(t.Hashes) > 63 {
		return nil, errors.New("proof: its index or its path is longer than any log's")
	}
	p := &Proof{Index: int64(t.Index), Checkpoint: t.Checkpoint, Extra: t.ExtraData}
	for _, h := range t.Hashes {
		p.Hashes = append(p.Hashes, h)
	}
	return p, nil
}

// Check verifies the signatures of the checkpoint, and that the entry is in the log
// at the proof's index. It returns the checkpoint and the right cosignatures of the
// given witnesses.
func (p *Proof) Check(entry []byte, logKey note.Verifier, witnesses ...note.Verifier) (Checkpoint, []Signature, error) {
	c, cosigned, err := OpenCheckpoint(p.Checkpoint, logKey, witnesses...)
	if err != nil {
		return c, nil, err
	}
	return c, cosigned, CheckInclusion(p.Hashes, c.Size, c.Root, p.Index, LeafHash(entry))
}

// Receipt is what the proof of one document holds as extra data: the entry of its
// batch, and the path from the document to the root in that entry. For every tool
// that reads tlog-proof, the file is a proof of the entry.
type Receipt struct {
	UID    string   `json:"measurement_uid"`
	SHA256 string   `json:"sha256"` // of the document as it is archived
	Entry  string   `json:"entry"`  // of the batch, as it is in the log
	Line   int64    `json:"line"`   // of the document in the batch, from 0
	Leaf   string   `json:"leaf"`   // of the document (DocumentLeaf)
	Path   []string `json:"path"`   // from the leaf to the batch's root, in hexadecimal
}

// NewReceipt returns the receipt of the document on a line (from 0) of a batch with
// these leaves. leaf is the text of its leaf.
func NewReceipt(entry []byte, leaves []Hash, line int64, leaf []byte) (*Receipt, error) {
	d, err := ParseDocument(leaf)
	if err != nil {
		return nil, err
	}
	path, err := Prove(leaves, line)
	if err != nil {
		return nil, err
	}
	r := &Receipt{UID: d.UID, SHA256: d.SHA256, Entry: string(entry), Line: line, Leaf: string(leaf), Path: []string{}}
	for _, h := range path {
		r.Path = append(r.Path, hex.EncodeToString(h[:]))
	}
	return r, nil
}

// Marshal returns the file of a receipt; p proves its entry.
func (r *Receipt) Marshal(p Proof) ([]byte, error) {
	var err error
	p.Extra, err = Canonical(r)
	return p.Marshal(), err
}

// Proved is what a receipt shows when everything in it is right.
type Proved struct {
	Receipt    Receipt
	Index      int64 // of the entry
	Entry      Entry
	Document   Document
	Checkpoint Checkpoint
	Cosigned   []Signature
}

// CheckReceipt verifies a receipt, from the hash of the document to the signatures
// of the checkpoint.
func CheckReceipt(text []byte, logKey note.Verifier, witnesses ...note.Verifier) (*Proved, error) {
	p, err := ParseProof(text)
	if err != nil {
		return nil, err
	}
	out := &Proved{Index: p.Index}
	if err := json.Unmarshal(p.Extra, &out.Receipt); err != nil {
		return nil, fmt.Errorf("receipt: its extra data is none of a receipt: %w", err)
	}
	r := &out.Receipt
	if out.Checkpoint, out.Cosigned, err = p.Check([]byte(r.Entry), logKey, witnesses...); err != nil {
		return nil, err
	}
	if out.Entry, err = Parse([]byte(r.Entry)); err != nil {
		return nil, err
	}
	if out.Entry.Batch == nil {
		return nil, errors.New("receipt: its entry is of no batch")
	}
	if out.Document, err = r.check(out.Entry.Batch); err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return out, nil
}

// check verifies that the receipt's document is in the batch.
func (r *Receipt) check(b *Batch) (Document, error) {
	d, err := ParseDocument([]byte(r.Leaf))
	if err != nil {
		return d, err
	}
	if d.UID != r.UID || d.SHA256 != r.SHA256 {
		return d, errors.New("its uid or SHA-256 is not that of the leaf")
	}
	root, err := ParseHash(b.Root)
	if err != nil {
		return d, err
	}
	path := make([]Hash, len(r.Path))
	for i, h := range r.Path {
		if path[i], err = ParseHash(h); err != nil {
			return d, err
		}
	}
	if err := CheckInclusion(path, int64(b.Documents), root, r.Line, LeafHash([]byte(r.Leaf))); err != nil {
		return d, fmt.Errorf("the document in its batch: %w", err)
	}
	return d, nil
}

// ParseHash reads a hash of 64 hexadecimal digits.
func ParseHash(text string) (Hash, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(Hash{}) {
		return Hash{}, fmt.Errorf("hash %q: want 64 hexadecimal digits", text)
	}
	return Hash(b), nil
}

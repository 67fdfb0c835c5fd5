package bundle

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/bandish/bandish/ledger"
)

// Proofs connects the contents to the log of a server.
type Proofs struct {
	// Key is the verifier string of the log, as the server gives it. It proves
	// nothing by itself, because whoever made the bundle wrote it. A reader gets the
	// key elsewhere.
	Key        string
	Checkpoint []byte  // signed note (C2SP tlog-checkpoint), with cosignatures
	Entries    []Entry // sorted by index
	Documents  []DocumentProof
	Stamps     []Stamp // sorted by the size of the log
	// Roots are the root certificates (PEM) with which the operator checks time
	// stamps. As with Key, a reader gets them elsewhere.
	Roots []byte
}

// Entry is an entry of the log with its proof of inclusion.
type Entry struct {
	Index int64
	Text  []byte // canonical JSON, the bytes that are hashed
	Path  []ledger.Hash
}

// DocumentProof is the path of hashes from a line of a batch to the root that the
// batch's entry names.
type DocumentProof struct {
	Batch string        `json:"batch"`
	Line  uint32        `json:"line"`
	Path  []ledger.Hash `json:"path"`
}

// The names of files of proofs.
const (
	keyName        = "ledger/key.txt"
	checkpointName = "ledger/checkpoint"
	documentsName  = "ledger/documents.jsonl.gz"
)

func entryName(index int64) string { return fmt.Sprintf("ledger/entries/%d.json", index) }

func (e *Entry) proofName() string { return entryName(e.Index) + ".tlog-proof" }

func (p *Proofs) addTo(e *encoder) {
	e.add(keyName, []byte(p.Key+"\n"), nil)
	e.add(checkpointName, p.Checkpoint, nil)
	for i := range p.Entries {
		one := &p.Entries[i]
		proof := ledger.Proof{Index: one.Index, Hashes: one.Path, Checkpoint: p.Checkpoint}
		e.add(entryName(one.Index), one.Text, nil)
		e.add(one.proofName(), proof.Marshal(), nil)
	}
	addLines(e, documentsName, p.Documents)
	for i := range p.Stamps {
		p.Stamps[i].addTo(e)
	}
	if len(p.Roots) > 0 {
		e.add(rootsName, p.Roots, nil)
	}
}

// indexOf reads the index from the name of an entry's file; false where it is no
// such name.
func indexOf(name string) (int64, bool) {
	rest, ok := strings.CutPrefix(name, "ledger/entries/")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(rest, ".json"), 10, 64)
	return n, err == nil && entryName(n) == name
}

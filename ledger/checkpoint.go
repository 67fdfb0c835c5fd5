package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the head of a log: how many entries it has, and the hash of the
// tree over them. All checkpoints that were signed for one origin must be states of
// one growing log. Two that cannot be are proof of a fork.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// String returns the text that is signed (C2SP tlog-checkpoint).
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Signature is a verified signature under a checkpoint.
type Signature struct {
	Name string `json:"name"`
	// Time is when a cosignature was made. The log's own signature has no time: zero.
	Time time.Time `json:"time,omitzero"`
}

// NewLogVerifier reads the verifier string of a log's key, which `bandish key`
// prints: Ed25519, in the form of golang.org/x/mod/sumdb/note.
func NewLogVerifier(vkey string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("verifier string of a log %q: %w", vkey, err)
	}
	return v, nil
}

// NewCosigner reads the verifier string of a witness: Ed25519 or ML-DSA-44 (C2SP
// tlog-cosignature).
func NewCosigner(vkey string) (note.Verifier, error) {
	v, err := fnote.NewVerifierForCosignatureV1(strings.TrimSpace(vkey))
	if err != nil {
		return nil, fmt.Errorf("verifier string of a witness %q: %w", vkey, err)
	}
	return v, nil
}

// ParseCheckpoint reads the text of a checkpoint. It checks no signature.
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	var c log.Checkpoint
	if _, err := c.Unmarshal(text); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	if len(c.Hash) != len(Hash{}) || c.Size > 1<<62 {
		return Checkpoint{}, errors.New("checkpoint: its hash or size is none")
	}
	return Checkpoint{Origin: c.Origin, Size: int64(c.Size), Root: Hash(c.Hash)}, nil
}

// OpenCheckpoint reads a signed checkpoint. It verifies the log's signature, which
// must be there, and the signatures of the given witnesses. It returns the right
// cosignatures of these witnesses. A wrong signature under a known key is an error.
func OpenCheckpoint(signed []byte, logKey note.Verifier, witnesses ...note.Verifier) (Checkpoint, []Signature, error) {
	n, err := note.Open(signed, note.VerifierList(append([]note.Verifier{logKey}, witnesses...)...))
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := ParseCheckpoint([]byte(n.Text))
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if c.Origin != logKey.Name() {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: it is of %s, and the key is of %s", c.Origin, logKey.Name())
	}
	own := false
	var cosigned []Signature
	for _, s := range n.Sigs {
		if s.Name == logKey.Name() && s.Hash == logKey.KeyHash() {
			own = true
			continue
		}
		at, err := fnote.CoSigV1Timestamp(s)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: cosignature of %s: %w", s.Name, err)
		}
		cosigned = append(cosigned, Signature{Name: s.Name, Time: at.UTC()})
	}
	if !own {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: the log's own signature (%s) is missing", logKey.Name())
	}
	return c, cosigned, nil
}

// keyNoteTitle is the first line of a note about the log's key.
const keyNoteTitle = "bandish.org/ledger-key@v1"

// KeyNote returns the text of a note that both keys sign: from here on the log is
// signed with next. old is "" for the log's first key.
func KeyNote(origin, old, next string) string {
	if old == "" {
		old = "none"
	}
	return fmt.Sprintf("%s\n%s\nold %s\nnew %s\n", keyNoteTitle, origin, old, next)
}

// OpenKeyNote reads a signed note about the log's key and verifies the signature of
// each key that it names. old is "" for the log's first key. A missing or wrong
// signature is an error.
func OpenKeyNote(signed string) (origin, old, next string, err error) {
	text, _, _ := strings.Cut(signed, "\n\n")
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != keyNoteTitle || !strings.HasPrefix(lines[2], "old ") || !strings.HasPrefix(lines[3], "new ") {
		return "", "", "", errors.New("note about a key: it is malformed")
	}
	origin, old, next = lines[1], lines[2][len("old "):], lines[3][len("new "):]
	if old == "none" {
		old = ""
	}
	for _, vkey := range []string{old, next} {
		if vkey == "" {
			continue
		}
		v, err := NewLogVerifier(vkey)
		if err != nil {
			return "", "", "", fmt.Errorf("note about a key: %w", err)
		}
		if v.Name() != origin {
			return "", "", "", fmt.Errorf("note about a key: it is of %s and names a key of %s", origin, v.Name())
		}
		if _, err := note.Open([]byte(signed), note.VerifierList(v)); err != nil {
			return "", "", "", fmt.Errorf("note about a key: not signed by %s: %w", vkey, err)
		}
	}
	return origin, old, next, nil
}

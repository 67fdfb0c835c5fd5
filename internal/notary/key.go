package notary

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// key is the log's key as its file holds it: the private key, and the verifier
// string that goes with it.
type key struct{ private, public string }

// readKey reads the log's key.
func (l *Log) readKey() (key, error) {
	if l.shared != nil {
		return l.shared.readKey()
	}
	k, err := readKeyFile(l.keyPath(keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return key{}, fmt.Errorf("%w: %s is missing, as in every copy: put the key there, or begin a new ledger (bandish key new)", ErrNoKey, l.keyPath(keyFile))
	}
	return k, err
}

func readKeyFile(path string) (key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	return parseKey(path, string(text))
}

// parseKey reads the text of a file of a key; from is where it comes from.
func parseKey(from, text string) (key, error) {
	lines := strings.Fields(text)
	if len(lines) != 2 {
		return key{}, fmt.Errorf("read the ledger's key: %s is malformed", from)
	}
	return key{lines[0], lines[1]}, nil
}

// works makes sure that what is signed with the key is verified with its public
// half.
func (k key) works() error {
	s, err := note.NewSigner(k.private)
	if err != nil {
		return fmt.Errorf("the ledger's key signs nothing: %w", err)
	}
	v, err := ledger.NewLogVerifier(k.public)
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: "a try\n"}, s)
	if err != nil {
		return err
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		return errors.New("the two halves of the ledger's key do not belong together")
	}
	return nil
}

func (l *Log) writeKeyFile(name string, k key) error {
	if err := l.makeDir(l.keyPath("")); err != nil {
		return err
	}
	if err := os.Chmod(l.keyPath(""), 0o700); err != nil {
		return err
	}
	return disk.Replace(l.disk, l.keyPath(name), []byte(k.private+"\n"+k.public+"\n"), 0o600, true)
}

// newKey makes a key for a log of this origin.
func newKey(origin string) (key, error) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	return key{private, public}, err
}

// newOrigin names a log that nobody named: it stands for no host.
func newOrigin() (string, error) {
	var b [6]byte
	_, err := rand.Read(b[:])
	return "bandish-" + hex.EncodeToString(b[:]), err
}

// nextFile holds the key that follows until the log names it.
const nextFile = keyFile + ".next"

// signers sign for the log: its key, and while it is being followed by another
// that one too.
func (l *Log) signers() ([]note.Signer, error) {
	if err := l.MaySign(); err != nil {
		return nil, err
	}
	if err := l.finishRotation(); err != nil {
		return nil, err
	}
	k, err := l.readKey()
	if err != nil {
		return nil, err
	}
	s, err := note.NewSigner(k.private)
	return []note.Signer{s}, err
}

// finishRotation puts the next key in the place of the log's when the log is
// signed by it, and else forgets it: a process was killed in between.
func (l *Log) finishRotation() error {
	next, err := readKeyFile(l.keyPath(nextFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := ledger.NewLogVerifier(next.public)
	if err != nil {
		return err
	}
	_, signed, err := l.Checkpoint()
	if err != nil {
		return err
	}
	if _, _, err := ledger.OpenCheckpoint(signed, v); err != nil {
		return l.disk.Remove(l.keyPath(nextFile))
	}
	if err := l.disk.Rename(l.keyPath(nextFile), l.keyPath(keyFile)); err != nil {
		return err
	}
	return l.disk.SyncDir(l.keyPath(""))
}

// Rotate makes a new key, enters it in the log under the signatures of both,
// and signs with it from then on. The caller has the turn to write; entry makes
// the log's entry of the signed note.
func (l *Log) Rotate(entry func(signedNote string) ([]byte, error)) (public string, err error) {
	signers, err := l.signers()
	if err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	old, err := l.readKey()
	if err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	next, err := newKey(signers[0].Name())
	if err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	if err := l.writeKeyFile(nextFile, next); err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	second, err := note.NewSigner(next.private)
	if err != nil {
		return "", err
	}
	signers = append(signers, second)
	signed, err := note.Sign(&note.Note{Text: ledger.KeyNote(second.Name(), old.public, next.public)}, signers...)
	if err != nil {
		return "", err
	}
	text, err := entry(string(signed))
	if err != nil {
		return "", err
	}
	if _, err := l.append([][]byte{text}, signers); err != nil {
		return "", fmt.Errorf("rotate the ledger's key: %w", err)
	}
	return next.public, l.finishRotation()
}

// HasKey reports whether this folder can sign.
func (l *Log) HasKey() bool {
	if l.shared != nil {
		_, err := l.shared.readKey()
		return err == nil
	}
	_, err := os.Stat(l.keyPath(keyFile))
	return err == nil
}

// Key is the verifier string of the log's key, the one thing that a reader must
// get in a way that he trusts. Where the key is elsewhere it is taken from the
// log's own entries.
func (l *Log) Key() (string, error) {
	k, err := l.readKey()
	if err == nil {
		return k.public, nil
	}
	if !errors.Is(err, ErrNoKey) && !errors.Is(err, fs.ErrPermission) {
		return "", err
	}
	c, _, err := l.Checkpoint()
	if err != nil {
		return "", err
	}
	keys, err := l.keys(c)
	if err != nil {
		return "", err
	}
	return keys[len(keys)-1], nil
}

// keys are the verifier strings that the log's entries name, the first first.
func (l *Log) keys(c ledger.Checkpoint) ([]string, error) {
	var out []string
	err := l.Entries(c, 0, func(i int64, text []byte) error {
		if !bytes.Contains(text, []byte(`"type":"key"`)) {
			return nil
		}
		e, err := ledger.Parse(text)
		if err != nil || e.Key == nil {
			return err
		}
		_, old, next, err := ledger.OpenKeyNote(e.Key.Note)
		if err == nil && len(out) > 0 && old != out[len(out)-1] {
			err = fmt.Errorf("entry %d: the key that it follows is not the one before", i)
		}
		out = append(out, next)
		return err
	})
	if err == nil && len(out) == 0 {
		err = errors.New("the ledger names no key")
	}
	return out, err
}

// Begin makes the key of a log that has none, and the entry that names it. An
// empty origin is made up. It returns no entry where the log was begun.
func (l *Log) Begin(origin string) ([]byte, error) {
	k, err := l.readKey()
	switch {
	case err == nil:
	case !errors.Is(err, ErrNoKey):
		return nil, err
	case l.Exists():
		return nil, err
	default:
		if origin == "" {
			if origin, err = newOrigin(); err != nil {
				return nil, err
			}
		}
		if k, err = newKey(origin); err != nil {
			return nil, fmt.Errorf("make the ledger's key: %w", err)
		}
		if l.shared != nil {
			k, err = l.shared.firstKey(k)
		} else {
			err = l.writeKeyFile(keyFile, k)
		}
		if err != nil {
			return nil, fmt.Errorf("make the ledger's key: %w", err)
		}
	}
	if l.Exists() {
		return nil, nil
	}
	signer, err := note.NewSigner(k.private)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: ledger.KeyNote(signer.Name(), "", k.public)}, signer)
}

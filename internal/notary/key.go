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

// key is the log's key as its file holds it: the private key and the verifier string.
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

// parseKey reads the text of a key file. from names its source, for errors.
func parseKey(from, text string) (key, error) {
	lines := strings.Fields(text)
	if len(lines) != 2 {
		return key{}, fmt.Errorf("read the ledger's key: %s is malformed", from)
	}
	return key{lines[0], lines[1]}, nil
}

// works checks that the public half of the key verifies what the private half signs.
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

// newKey makes a key for a log with this origin.
func newKey(origin string) (key, error) {
	private, public, err := note.GenerateKey(rand.Reader, origin)
	return key{private, public}, err
}

// newOrigin makes up a name for a log. The name is no host name.
func newOrigin() (string, error) {
	var b [6]byte
	_, err := rand.Read(b[:])
	return "bandish-" + hex.EncodeToString(b[:]), err
}

// nextFile holds the next key until the log names it.
const nextFile = keyFile + ".next"

// signers returns what signs for the log. It refuses after a fork, and finishes a rotation
// of the key that was cut short.
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

// finishRotation ends a rotation during which a process was killed. If the next key has
// signed the log, it becomes the log's key; else it is removed.
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

// Rotate makes a new key, enters it in the log, and signs with it from then on. The note
// in the entry is signed with both keys; entry makes the log's entry of that note. It
// returns the new verifier string. The caller has the turn to write.
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

// HasKey reports whether the key is here.
func (l *Log) HasKey() bool {
	if l.shared != nil {
		_, err := l.shared.readKey()
		return err == nil
	}
	_, err := os.Stat(l.keyPath(keyFile))
	return err == nil
}

// Key returns the verifier string of the log's key. It is the one thing that a reader must
// get in a way that he trusts. If the key is not here, the string comes from the log's own
// entries.
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

// keys returns the verifier strings that the log's entries name, oldest first.
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

// Begin makes the key of a log that has none, and returns the entry that names it; nil if
// the log was begun already. If origin is "", a name is made up.
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

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
	text, err := os.ReadFile(l.keyPath(keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return key{}, fmt.Errorf("%w: %s is missing, as in every copy: put the key there, or begin a new ledger (bandish key new)", ErrNoKey, l.keyPath(keyFile))
	}
	if err != nil {
		return key{}, fmt.Errorf("read the ledger's key: %w", err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2 {
		return key{}, fmt.Errorf("read the ledger's key: %s is malformed", l.keyPath(keyFile))
	}
	return key{lines[0], lines[1]}, nil
}

func (l *Log) writeKey(k key) error {
	if err := l.makeDir(l.keyPath("")); err != nil {
		return err
	}
	if err := os.Chmod(l.keyPath(""), 0o700); err != nil {
		return err
	}
	return disk.Replace(l.disk, l.keyPath(keyFile), []byte(k.private+"\n"+k.public+"\n"), 0o600, true)
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

// signer signs for the log.
func (l *Log) signer() (note.Signer, error) {
	k, err := l.readKey()
	if err != nil {
		return nil, err
	}
	return note.NewSigner(k.private)
}

// HasKey reports whether this folder can sign.
func (l *Log) HasKey() bool {
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
		if err := l.writeKey(k); err != nil {
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

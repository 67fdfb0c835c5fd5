package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
)

// OpenToCheck opens an archive in order to look for what is wrong. It checks nothing yet.
func OpenToCheck(dir string) (*Archive, error) {
	there, err := Exists(dir)
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if !there {
		return nil, fmt.Errorf("no archive in %s", dir)
	}
	a, err := at(osDisk{}, dir)
	if err != nil {
		return nil, err
	}
	a.readOnly = true
	return a, nil
}

// Held is the result of a check of an archive against its ledger.
type Held struct {
	Origin  string   `json:"origin,omitempty"` // of the ledger; "" if there is none
	Key     string   `json:"key,omitempty"`    // verifier string of the ledger
	Entries int64    `json:"entries"`
	Wrong   []Damage `json:"wrong"`
	// Unnoted are files that the ledger does not name yet, or need not name.
	Unnoted []string `json:"unnoted"`
}

func (h *Held) say(path, format string, args ...any) {
	h.Wrong = append(h.Wrong, Damage{path, fmt.Sprintf(format, args...)})
}

// CheckLedger reads and verifies the whole ledger. It checks the manifest, and the files
// beside the archive, against it. What is wrong stands in the result; an error means that
// it could not check.
func (a *Archive) CheckLedger(ctx context.Context) (*Held, error) {
	out := &Held{Wrong: []Damage{}, Unnoted: []string{}}
	m, err := a.Manifest()
	if err != nil {
		return nil, err
	}
	if !a.log.Exists() {
		if m.Ledger == nil {
			return out, nil
		}
		if m.Ledger.Size > 0 || !a.log.HasKey() {
			out.say(notary.Dir, "the ledger is gone; the manifest says that it had %d entries", m.Ledger.Size+int64(len(m.Ledger.Entries)))
			return out, nil
		}
		// A process was killed after the first commit. The next one begins the ledger with
		// the entries that the manifest keeps for it.
		h := ledger.NewReplay()
		a.holdManifest(m, h, out)
		return out, a.holdBeside(ctx, h, out)
	}
	h, wrong, err := a.log.Check(ctx)
	for _, w := range wrong {
		if w.Stray {
			out.Unnoted = append(out.Unnoted, w.Path)
			continue
		}
		out.say(w.Path, "%s", w.Reason)
	}
	if err != nil {
		out.say(notary.Dir, "%v", err)
		return out, ctx.Err()
	}
	out.Entries = h.Next
	if len(h.Keys) > 0 {
		out.Key = h.Keys[len(h.Keys)-1]
		out.Origin, _, _ = strings.Cut(out.Key, "+")
	}
	a.holdManifest(m, h, out)
	return out, a.holdBeside(ctx, h, out)
}

// holdManifest lists where the manifest and the ledger differ.
func (a *Archive) holdManifest(m *Manifest, h *ledger.Replay, out *Held) {
	if m.Ledger == nil {
		out.say(manifestName, "it names no ledger, and there is one: an older program wrote it, or it was replaced")
	} else if h.Next == m.Ledger.Size { // a process was killed before it appended
		for _, e := range m.Ledger.Entries {
			_, wrong := h.Apply([]byte(e))
			for _, w := range wrong {
				out.say(manifestName, "%s", w)
			}
		}
	}
	if m.Ledger != nil {
		if len(m.Ledger.Entries) == 0 {
			out.say(manifestName, "it names no entry of the ledger")
		}
		if _, err := a.inLedger(m); err != nil {
			out.say(manifestName, "%v", err)
		}
		if program, err := ledger.Canonical(h.Software); err != nil || string(program) != m.Ledger.Program {
			out.say(manifestName, "the program that it names is not the one that the ledger names")
		}
	}
	before := len(out.Wrong)
	listed := map[string]bool{}
	for _, b := range m.Batches() {
		listed[b.SHA256] = true
		switch was, known := h.Batches[b.SHA256]; {
		case !known:
			out.say(manifestName, "it lists raw batch %s, which the ledger does not name", b.SHA256)
		case !batchFromLedger(was).same(b):
			out.say(manifestName, "what it says of raw batch %s is not what the ledger says: %+v and %+v", b.SHA256, b, batchFromLedger(was))
		}
	}
	for _, sha := range sortedKeys(h.Batches) {
		if !listed[sha] {
			out.say(manifestName, "it does not list raw batch %s of %d documents, which the ledger says was received on %s", sha, h.Batches[sha].Documents, h.Batches[sha].Received.Format("2006-01-02"))
		}
	}
	clear(listed)
	for i := range m.Segments {
		s := m.Segments[i].logged()
		listed[s.Key()] = true
		switch was, known := h.Segments[s.Key()]; {
		case !known:
			out.say(manifestName, "it lists %s of ruleset %q, which the ledger does not name", m.Segments[i].Path(), s.Ruleset)
		case was != s:
			out.say(manifestName, "what it says of %s is not what the ledger says: %+v and %+v", m.Segments[i].Path(), s, was)
		}
	}
	for _, k := range sortedKeys(h.Segments) {
		if !listed[k] {
			out.say(manifestName, "it does not list %s, which the ledger says is there", k)
		}
	}
	if h.State == nil {
		return
	}
	if m.Ruleset != h.State.Ruleset {
		out.say(manifestName, "its ruleset is %s, and the ledger says %s", m.Ruleset, h.State.Ruleset)
	}
	if m.Generation != h.State.Generation {
		out.say(manifestName, "its generation is %d, and the ledger says %d", m.Generation, h.State.Generation)
	}
	if len(out.Wrong) == before && m.text != h.State.Manifest {
		out.say(manifestName, "its text is not the one that was committed")
	}
	if err := h.Holds(); err != nil {
		out.say(notary.Dir, "%v", err)
	}
}

// same reports whether two entries say the same of a batch.
func (b Batch) same(o Batch) bool {
	return b.Added.Equal(o.Added) && b.SHA256 == o.SHA256 && b.Kind == o.Kind && b.Documents == o.Documents && b.Bytes == o.Bytes && b.RawBytes == o.RawBytes && b.Clock == o.Clock
}

func sortedKeys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// holdBeside lists the files beside the archive that differ from what the ledger says.
func (a *Archive) holdBeside(ctx context.Context, h *ledger.Replay, out *Held) error {
	for _, name := range sortedKeys(h.Files) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := h.Files[name]
		if isRecord(name) || !filepath.IsLocal(filepath.FromSlash(name)) || a.bucket != nil { // an archive in a bucket has no files beside it
			continue
		}
		limit := int64(-1)
		if f.Grows {
			limit = f.Bytes
		}
		sum, n, err := a.sumBeside(name, limit)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			out.say(name, "missing; the ledger names it with %d bytes", f.Bytes)
		case err != nil:
			out.say(name, "%v", err)
		case n != f.Bytes || sum != f.SHA256:
			out.say(name, "it is not the file that the ledger names: changed since, or written by a program that did not say so")
		}
	}
	return a.besideFiles(ctx, func(name string, _ fs.FileInfo) error {
		if _, named := h.Files[name]; !named {
			out.Unnoted = append(out.Unnoted, name)
		}
		return nil
	})
}

// recordPrefix begins the names of cases of the record, which are no files of the archive.
const recordPrefix = "record:"

// RecordName is the name under which the ledger enters a case of the record.
func RecordName(id string) string { return recordPrefix + id }

func isRecord(name string) bool { return strings.HasPrefix(name, recordPrefix) }

// NewLedger begins a new ledger with its own key. The old ledger is kept beside it. If
// origin is "", a name is made up.
func (a *Archive) NewLedger(ctx context.Context, origin string) error {
	if a.readOnly {
		return ErrReadOnly
	}
	if err := a.inFolder("begin a ledger"); err != nil {
		return err
	}
	if err := a.retireLedger(ctx, origin); err != nil {
		return fmt.Errorf("begin a ledger: %w", err)
	}
	return a.Update(ctx, func(u *Update) error {
		u.Why = "new ledger"
		return nil
	})
}

func (a *Archive) retireLedger(ctx context.Context, origin string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := a.lock(ctx, writeLock)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := a.Manifest()
	if err != nil {
		return err
	}
	if err := a.log.Retire(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(a.dir, notedName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if m.Ledger != nil {
		c := m.clone()
		c.Ledger = nil
		c.Generation++
		if _, err := a.writeManifest(c); err != nil {
			return err
		}
	}
	_, err = a.log.Begin(origin)
	return err
}

// RotateKey gives the ledger a new key. The entry of the new key is signed with both keys.
// It returns the new verifier string.
func (a *Archive) RotateKey(ctx context.Context) (string, error) {
	if err := a.inFolder("give the ledger a new key"); err != nil {
		return "", err
	}
	_, leave, err := a.turn(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return a.log.Rotate(func(signed string) ([]byte, error) {
		e := ledger.Entry{Type: ledger.TypeKey, Time: time.Now(), Key: &ledger.Key{Note: signed}}
		return e.Encode()
	})
}

package notary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// Monitor follows the ledger of another server. It keeps what it saw in a folder: each
// checkpoint, and the entries and tiles that it verified. If the log shows another history
// than before, the error is an *Alarm.
//
// The subfolder mirror/ is a log of tlog-tiles itself: a Server can serve it like the
// original.
type Monitor struct {
	URL       string // of the log, above "checkpoint"
	Key       string // verifier string of the log's key, from a source that is trusted; "": keep the first key that is seen
	Dir       string
	Client    *http.Client
	Now       func() time.Time
	Witnesses []string // verifier strings

	log  *Log
	hist *ledger.Replay
}

// Alarm is something that a log must never do: show two histories, rewrite, back-date or
// withdraw an entry.
type Alarm struct{ Reason string }

func (a *Alarm) Error() string { return a.Reason }

func alarm(format string, args ...any) error { return &Alarm{fmt.Sprintf(format, args...)} }

// Seen is the result of one look.
type Seen struct {
	Origin   string             `json:"origin"`
	Size     int64              `json:"size"`
	New      int64              `json:"new"` // new entries
	Root     string             `json:"root"`
	Cosigned []ledger.Signature `json:"cosigned"`
	// Notes are sentences about new entries that people may want to know of: something was
	// withdrawn, corrected or removed, or there is a new key.
	Notes []string `json:"notes"`
}

const (
	mirrorDir     = "mirror"      // the log, as its own server shows it
	seenDir       = "checkpoints" // each checkpoint that was seen; its size begins the name
	lastFile      = "last"        // when the log was last looked at, and with which key
	backDated     = time.Hour     // an entry dated longer than this before the last look is back-dated
	maxCheckpoint = 64 << 10
)

// Look fetches what is new and verifies it. An *Alarm among the errors is for people to
// look at; any other error means that nothing could be learned.
func (m *Monitor) Look(ctx context.Context) (*Seen, error) {
	if err := os.MkdirAll(filepath.Join(m.Dir, seenDir), 0o755); err != nil {
		return nil, err
	}
	m.log = &Log{data: m.Dir, disk: disk.OS{}, made: map[string]bool{}, folder: mirrorDir}
	last, key, err := m.lastLook()
	if err != nil {
		return nil, err
	}
	signed, err := m.get(ctx, "checkpoint", maxCheckpoint)
	if err != nil {
		return nil, err
	}
	if key == "" {
		k, err := m.get(ctx, "key", 4096)
		if err != nil {
			return nil, fmt.Errorf("no key was given, and the server names none: %w", err)
		}
		key = strings.TrimSpace(string(k))
	}
	c, cosigned, key, err := m.open(ctx, signed, key)
	if err != nil {
		return nil, err
	}
	out := &Seen{Origin: c.Origin, Size: c.Size, Root: fmt.Sprintf("%x", c.Root[:]), Cosigned: append([]ledger.Signature{}, cosigned...), Notes: []string{}}
	had, err := readHead(m.log.path(checkpointFile))
	if errors.Is(err, fs.ErrNotExist) {
		had, err = &head{}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.keep(had.Checkpoint, c, signed); err != nil {
		return nil, err
	}
	switch {
	case had.Size > 0 && had.Origin != c.Origin:
		return nil, alarm("the log calls itself %s, and was %s", c.Origin, had.Origin)
	case c.Size < had.Size:
		return nil, alarm("the log went back from %d to %d entries, under the same key: both checkpoints are kept in %s", had.Size, c.Size, filepath.Join(m.Dir, seenDir))
	case c.Size == had.Size && c.Root != had.Root:
		return nil, alarm("FORK: two trees of %d entries under the same key: both checkpoints are kept in %s", c.Size, filepath.Join(m.Dir, seenDir))
	}
	out.New = c.Size - had.Size
	if err := m.fetch(ctx, c, had.Checkpoint); err != nil {
		return nil, err
	}
	if err := m.read(had.Checkpoint, c, last, out); err != nil {
		return out, err
	}
	if err := m.log.makeDir(m.log.path("")); err != nil {
		return nil, err
	}
	if err := disk.Replace(m.log.disk, m.log.path(checkpointFile), signed, 0o644, true); err != nil {
		return nil, err
	}
	m.log.sweep(had.Checkpoint, c)
	return out, disk.Replace(m.log.disk, filepath.Join(m.Dir, lastFile), fmt.Appendf(nil, "%s\n%s\n", m.Now().UTC().Format(time.RFC3339), key), 0o644, true)
}

// lastLook returns when the log was last looked at, and with which key.
func (m *Monitor) lastLook() (time.Time, string, error) {
	text, err := os.ReadFile(filepath.Join(m.Dir, lastFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, m.Key, nil
	}
	if err != nil {
		return time.Time{}, "", err
	}
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return time.Time{}, "", fmt.Errorf("%s is malformed", filepath.Join(m.Dir, lastFile))
	}
	at, err := time.Parse(time.RFC3339, f[0])
	return at, f[1], err
}

// open verifies a checkpoint and returns the key that signed it. If that is no longer key,
// the log's entries must name the new key in a note that both keys signed.
func (m *Monitor) open(ctx context.Context, signed []byte, key string) (ledger.Checkpoint, []ledger.Signature, string, error) {
	v, err := ledger.NewLogVerifier(key)
	if err != nil {
		return ledger.Checkpoint{}, nil, "", err
	}
	known, err := cosigners(m.Witnesses)
	if err != nil {
		return ledger.Checkpoint{}, nil, "", err
	}
	c, sigs, err := ledger.OpenCheckpoint(signed, v, known...)
	if err == nil {
		return c, sigs, key, nil
	}
	text, e := ledger.ParseCheckpoint(signed)
	if e != nil || text.Origin != v.Name() {
		return c, nil, "", alarm("the checkpoint is not signed by %s: %v", key, err)
	}
	next, e := m.successor(ctx, text, key)
	if e != nil || next == "" {
		return c, nil, "", alarm("the checkpoint is not signed by %s, and no entry that this key signed names another: %v", key, errors.Join(err, e))
	}
	if v, err = ledger.NewLogVerifier(next); err != nil {
		return c, nil, "", err
	}
	if c, sigs, err = ledger.OpenCheckpoint(signed, v, known...); err != nil {
		return c, nil, "", alarm("the checkpoint is signed by none of the log's keys: %v", err)
	}
	return c, sigs, next, nil
}

// successor follows the rotations from key on, and returns the last key, "" if there was
// none. The tree is not trusted yet, but the note of each rotation is signed with both
// keys.
func (m *Monitor) successor(ctx context.Context, c ledger.Checkpoint, key string) (string, error) {
	found := ""
	for n := int64(0); n*tileWidth < c.Size; n++ {
		t := tlog.Tile{H: tileHeight, L: -1, N: n, W: int(min(tileWidth, c.Size-n*tileWidth))}
		data, err := m.get(ctx, tilePath(t), tileWidth*(ledger.MaxEntry+2))
		if err != nil {
			return "", err
		}
		list, _, err := splitBundle(data, t.W)
		if err != nil {
			return "", err
		}
		for _, text := range list {
			if !bytes.Contains(text, []byte(`"type":"key"`)) {
				continue
			}
			e, err := ledger.Parse(text)
			if err != nil || e.Key == nil {
				return "", err
			}
			_, old, next, err := ledger.OpenKeyNote(e.Key.Note)
			if err != nil {
				return "", err
			}
			if old == key {
				key, found = next, next
			}
		}
	}
	return found, nil
}

// keep stores a checkpoint as evidence, before it is judged.
func (m *Monitor) keep(had, c ledger.Checkpoint, signed []byte) error {
	if had == c {
		return nil
	}
	name := filepath.Join(m.Dir, seenDir, fmt.Sprintf("%d-%x", c.Size, c.Root[:8]))
	return disk.Replace(m.log.disk, name, signed, 0o644, true)
}

// fetch copies the bundles and tiles that are new, and verifies them: the tiles must lead
// to the new root, and the old tree must be the beginning of the new one.
func (m *Monitor) fetch(ctx context.Context, c, had ledger.Checkpoint) error {
	if c.Size == had.Size {
		return nil
	}
	tiles := tlog.NewTiles(tileHeight, had.Size, c.Size)
	for n := had.Size / tileWidth; n*tileWidth < c.Size; n++ {
		tiles = append(tiles, tlog.Tile{H: tileHeight, L: -1, N: n, W: int(min(tileWidth, c.Size-n*tileWidth))})
	}
	for _, t := range tiles {
		data, err := m.get(ctx, tilePath(t), tileWidth*(ledger.MaxEntry+2))
		if err != nil {
			return err
		}
		if t.L >= 0 && len(data) != t.W*tlog.HashSize {
			return alarm("%s has %d bytes", tilePath(t), len(data))
		}
		if err := m.log.writeTile(t, data); err != nil {
			return err
		}
	}
	if had.Size == 0 {
		return nil
	}
	proof, err := m.log.Consistency(c, had.Size)
	if err != nil {
		return alarm("REWRITTEN: the tiles do not lead to the checkpoint of %d entries: %v", c.Size, err)
	}
	if err := ledger.CheckConsistency(proof, c.Size, c.Root, had.Size, had.Root); err != nil {
		return alarm("FORK: what was seen before (%d entries) is not the beginning of what is shown now (%d): an entry was rewritten or withdrawn; both checkpoints are kept in %s", had.Size, c.Size, filepath.Join(m.Dir, seenDir))
	}
	return nil
}

// read replays the new entries, and collects what people should know of them.
func (m *Monitor) read(had, c ledger.Checkpoint, last time.Time, out *Seen) error {
	if m.hist == nil || m.hist.Next != had.Size {
		m.hist = ledger.NewReplay()
	}
	var wrong []string
	err := m.log.Entries(c, m.hist.Next, func(i int64, text []byte) error {
		e, bad := m.hist.Apply(text)
		if i < had.Size {
			return nil
		}
		wrong = append(wrong, bad...)
		if e.Time.Before(last.Add(-backDated)) {
			wrong = append(wrong, fmt.Sprintf("entry %d is BACK-DATED: it says %s, and was not there on %s", i, e.Time.Format(time.RFC3339), last.Format(time.RFC3339)))
		}
		if b := e.Batch; b != nil && !b.Before && b.Received.Before(last.Add(-24*time.Hour)) {
			wrong = append(wrong, fmt.Sprintf("entry %d is BACK-DATED: its batch is said to have been received on %s, and was not there on %s", i, b.Received.Format(time.RFC3339), last.Format(time.RFC3339)))
		}
		if n := remark(i, &e); n != "" {
			out.Notes = append(out.Notes, n)
		}
		return nil
	})
	if err != nil {
		return alarm("REWRITTEN: %v", err)
	}
	if err := m.hist.Holds(); err != nil {
		wrong = append(wrong, err.Error())
	}
	if len(wrong) > 0 {
		return alarm("%s", strings.Join(wrong, "; "))
	}
	return nil
}

// remark returns a sentence about an entry that people may want to know of; "" for all
// others.
func remark(i int64, e *ledger.Entry) string {
	switch {
	case e.Type == ledger.TypeTombstone:
		return fmt.Sprintf("entry %d: %s was removed: %s", i, e.File.Name, e.File.Reason)
	case e.Event != nil && e.Event.Action == ledger.Withdrawn:
		return fmt.Sprintf("entry %d: the event %s (%s in %s) was withdrawn", i, e.Event.ID, e.Event.Target, e.Event.CC)
	case e.Correction != nil:
		return fmt.Sprintf("entry %d: a correction of %s: %s", i, e.Correction.Of, e.Correction.Text)
	case e.Key != nil && i > 0:
		return fmt.Sprintf("entry %d: the log has a new key, which the old one signed", i)
	case e.Segments != nil && (e.Segments.Why == "rescore" || e.Segments.Why == "recover"):
		return fmt.Sprintf("entry %d: %d derived files were replaced (%s)", i, len(e.Segments.Removed), e.Segments.Why)
	}
	return ""
}

// Replay returns the state that the entries seen so far lead to.
func (m *Monitor) Replay() *ledger.Replay { return m.hist }

func (m *Monitor) get(ctx context.Context, name string, limit int64) ([]byte, error) {
	body, err := m.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s/%s is longer than %d bytes", m.URL, name, limit)
	}
	return data, err
}

// Get fetches a file of the log. The caller must close it.
func (m *Monitor) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(m.URL, "/")+"/"+name, nil)
	if err != nil {
		return nil, err
	}
	res, err := m.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("%s answers %s", req.URL, res.Status)
	}
	return res.Body, nil
}

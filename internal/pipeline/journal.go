package pipeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bandish/bandish/internal/intake"
)

// The journal lists the sources that were imported whole, so that a second
// import need not read them. It only saves work: a source that is read again
// adds nothing, because every measurement is recognised.

func (p *Pipeline) journalPath() string {
	return filepath.Join(p.Archive.Dir(), "sources-read.jsonl")
}

// journalKey names a source, its content and what was wanted of it.
func journalKey(s intake.Source, w Want) string {
	key, _ := json.Marshal([]string{s.Name, s.Identity, w.CC, w.Test, w.Target, w.Since.Format(time.RFC3339), w.Until.Format(time.RFC3339)})
	return string(key)
}

func (p *Pipeline) readJournal() (map[string]bool, error) {
	f, err := os.Open(p.journalPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal of sources: %w", err)
	}
	defer f.Close()
	done := map[string]bool{}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		done[sc.Text()] = true // a line cut short by a crash matches nothing
	}
	return done, sc.Err()
}

func (p *Pipeline) writeJournal(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	f, err := os.OpenFile(p.journalPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("write journal of sources: %w", err)
	}
	_, err = f.WriteString(strings.Join(keys, "\n") + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write journal of sources: %w", err)
	}
	return nil
}

// quarantine is the file of what was set aside by one import.
type quarantine struct {
	f *os.File
	w *bufio.Writer
}

// Quarantined is one line of a quarantine file.
type Quarantined struct {
	Source string `json:"source"`
	Line   int64  `json:"line"`   // from 1
	Offset int64  `json:"offset"` // in the decompressed source, bytes
	Reason string `json:"reason"`
	Data   string `json:"data"` // what was there, scrubbed of client addresses; bytes that are not UTF-8 are replaced
}

func (q *quarantine) open(dir string, at time.Time) error {
	d := filepath.Join(dir, "quarantine")
	if err := os.MkdirAll(d, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(d, at.UTC().Format("20060102T150405Z")+"-*.jsonl")
	if err != nil {
		return fmt.Errorf("open quarantine: %w", err)
	}
	q.f, q.w = f, bufio.NewWriter(f)
	return f.Chmod(0o644)
}

func (q *quarantine) add(r *reject) error {
	data := string(r.doc.Data)
	if !utf8.ValidString(data) {
		data = strings.ToValidUTF8(data, "\uFFFD")
	}
	b, err := json.Marshal(Quarantined{r.doc.Source, r.doc.Line, r.doc.Offset, r.reason, data})
	if err == nil {
		_, err = q.w.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

func (q *quarantine) close() error {
	if q.f == nil {
		return nil
	}
	if err := errors.Join(q.w.Flush(), q.f.Sync(), q.f.Close()); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

package pipeline

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
)

// The journal lists the sources that were imported completely, so that a second import
// need not read them. It only saves work: if a source is read again, nothing is added,
// because every measurement is recognised.

func (p *Pipeline) journalPath() string {
	return filepath.Join(p.Archive.Dir(), "sources-read.jsonl")
}

// journalKey names a source, its content, and what was wanted of it.
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
		done[sc.Text()] = true // a line that a crash cut short matches nothing
	}
	return done, sc.Err()
}

func (p *Pipeline) writeJournal(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	disk := p.Archive.Disk()
	_, missing := os.Stat(p.journalPath())
	f, err := disk.OpenFile(p.journalPath(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("write journal of sources: %w", err)
	}
	// An import that was cut short may have left half a line.
	_, err = f.Write([]byte("\n" + strings.Join(keys, "\n") + "\n"))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil && missing != nil {
		err = disk.SyncDir(p.Archive.Dir())
	}
	if err != nil {
		return fmt.Errorf("write journal of sources: %w", err)
	}
	return nil
}

// QuarantineSize returns the size of all quarantine files together, in bytes.
func (p *Pipeline) QuarantineSize() (size int64) {
	entries, err := os.ReadDir(filepath.Join(p.Archive.Dir(), "quarantine"))
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if st, err := e.Info(); err == nil {
			size += st.Size()
		}
	}
	return size
}

// maxQuarantine is the greatest size of one import's quarantine file, in bytes: a small
// compressed file can hold more broken lines than a disk. Beyond it each source gets one
// more line, which counts the rest. Their text can still be found in the source.
const maxQuarantine = 256 << 20

// maxCounted is for how many sources the rest is counted separately.
const maxCounted = 10_000

// quarantine is the file with what one import set aside.
type quarantine struct {
	f     archive.File
	disk  archive.Disk
	w     *bufio.Writer
	limit int64 // bytes
	size  int64
	past  map[string]*pastLimit // by source; "" for all sources beyond maxCounted
}

// pastLimit counts what was set aside of a source after the file was full.
type pastLimit struct {
	n           int64
	first, last Quarantined // without their data
}

// Quarantined is one line of a quarantine file.
type Quarantined struct {
	Source string `json:"source"`
	Line   int64  `json:"line"`   // from 1
	Offset int64  `json:"offset"` // in the uncompressed source, in bytes
	Reason string `json:"reason"`
	Data   string `json:"data"` // the text, with client addresses removed; bytes that are not UTF-8 are replaced
}

func (q *quarantine) open(disk archive.Disk, dir string, at time.Time) error {
	d := filepath.Join(dir, "quarantine")
	if err := disk.MkdirAll(d); err != nil {
		return err
	}
	f, err := disk.CreateTemp(d, at.UTC().Format("20060102T150405Z")+"-*.jsonl")
	if err != nil {
		return fmt.Errorf("open quarantine: %w", err)
	}
	q.f, q.disk, q.w, q.past = f, disk, bufio.NewWriter(f), map[string]*pastLimit{}
	q.limit = cmp.Or(q.limit, maxQuarantine)
	return f.Chmod(0o644)
}

func (q *quarantine) add(r *reject) error {
	data := string(r.doc.Data)
	if !utf8.ValidString(data) {
		data = strings.ToValidUTF8(data, "\uFFFD")
	}
	line := Quarantined{r.doc.Source, r.doc.Line, r.doc.Offset, r.reason, data}
	if q.size+int64(len(data)) > q.limit {
		q.countPast(line)
		return nil
	}
	return q.write(line)
}

func (q *quarantine) write(line Quarantined) error {
	b, err := json.Marshal(line)
	if err == nil {
		_, err = q.w.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	q.size += int64(len(b)) + 1
	return nil
}

func (q *quarantine) countPast(line Quarantined) {
	line.Data = ""
	name := line.Source
	if q.past[name] == nil && len(q.past) >= maxCounted {
		name = ""
	}
	p := q.past[name]
	if p == nil {
		p = &pastLimit{first: line}
		q.past[name] = p
	}
	p.n++
	p.last = line
}

// writePast writes one line for each source of which more was set aside than fits into the
// file.
func (q *quarantine) writePast() error {
	for _, name := range slices.Sorted(maps.Keys(q.past)) {
		p := q.past[name]
		what := fmt.Sprintf("up to line %d", p.last.Line)
		if name == "" {
			what = "and of other sources, the last " + p.last.Source
		}
		p.first.Reason = fmt.Sprintf("%d documents set aside from here on, %s, are not written out: this file holds %d bytes at most; the first: %s",
			p.n, what, q.limit, p.first.Reason)
		if err := q.write(p.first); err != nil {
			return err
		}
	}
	return nil
}

func (q *quarantine) close() error {
	if q.f == nil {
		return nil
	}
	if err := errors.Join(q.writePast(), q.w.Flush(), q.f.Sync(), q.f.Close(), q.disk.SyncDir(filepath.Dir(q.f.Name()))); err != nil {
		return fmt.Errorf("write quarantine: %w", err)
	}
	return nil
}

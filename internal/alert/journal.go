// Package alert keeps a journal of what was announced about events, and sends it to those
// who asked, by webhooks and mail.
//
// The journal is append-only. A line is one JSON object, and names the SHA-256 of the line
// before it. What is in the journal was announced, even if its delivery fails. Deliveries
// are recorded in a second file; what was not delivered is tried again. So a receiver may
// get an alert twice, and recognises it by its seq.
package alert

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/disk"
)

// Alert is a line of the journal.
type Alert struct {
	Seq  int       `json:"seq"` // from 1
	Time time.Time `json:"time"`
	Prev string    `json:"prev"` // SHA-256 of the line before, without its line end; "" for the first
	event.Revision
}

// Delivery is a line in the record of deliveries.
type Delivery struct {
	Time    time.Time `json:"time"`
	Seq     int       `json:"seq"`
	Channel string    `json:"channel"` // never contains a secret
	Attempt int       `json:"attempt"` // from 1; 0: the channel subscribed, and gets what comes after Seq
	OK      bool      `json:"ok"`
	Detail  string    `json:"detail"` // status or error
}

const subscribed = "subscribed"

// Journal is the two files of a folder. Only one process at a time may hold it.
type Journal struct {
	dir        string
	lock       *os.File
	alerts     *os.File
	deliveries *os.File
	last       string // hash of the last line
	list       []Alert
	delivered  map[string]map[int]bool // by channel, then by seq
	attempts   map[string]map[int]int
	since      map[string]int // by subscribed channel: it gets what comes after this seq
}

// errHeld means that another process holds the journal.
var errHeld = errors.New("another process holds it")

// Open opens the journal in a folder, and makes it if there is none. A line that a crash
// cut off is removed; any other damage is an error.
func Open(dir string) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	lock, err := disk.Lock(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("open journal in %s: %w; stop the other `bandish watch`", dir, errHeld)
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	l := &Journal{dir: dir, lock: lock, delivered: map[string]map[int]bool{}, attempts: map[string]map[int]int{}, since: map[string]int{}}
	if err := l.load(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Journal) load() (err error) {
	if l.alerts, err = openLines(filepath.Join(l.dir, "ledger.jsonl"), func(n int, line []byte) error {
		var a Alert
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("ledger.jsonl line %d: %w", n, err)
		}
		if a.Prev != l.last || a.Seq != len(l.list)+1 {
			return fmt.Errorf("ledger.jsonl line %d does not follow the line before it: the file was changed", n)
		}
		l.last = hashLine(line)
		l.list = append(l.list, a)
		return nil
	}); err != nil {
		return fmt.Errorf("open journal in %s: %w", l.dir, err)
	}
	if l.deliveries, err = openLines(filepath.Join(l.dir, "deliveries.jsonl"), func(n int, line []byte) error {
		var d Delivery
		if err := json.Unmarshal(line, &d); err != nil {
			return fmt.Errorf("deliveries.jsonl line %d: %w", n, err)
		}
		l.note(d)
		return nil
	}); err != nil {
		return fmt.Errorf("open journal in %s: %w", l.dir, err)
	}
	return nil
}

// openLines opens a file for appending, and calls fn with each whole line in it.
func openLines(name string, fn func(n int, line []byte) error) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	r := bufio.NewReader(f)
	whole := int64(0)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = fn(n, bytes.TrimSuffix(line, []byte("\n")))
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		whole += int64(len(line))
	}
	if err := f.Truncate(whole); err != nil {
		f.Close()
		return nil, err
	}
	if _, err := f.Seek(whole, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func hashLine(line []byte) string {
	s := sha256.Sum256(line)
	return hex.EncodeToString(s[:])
}

// Close lets other processes have the journal.
func (l *Journal) Close() error {
	var errs []error
	for _, f := range []*os.File{l.alerts, l.deliveries} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(append(errs, disk.Unlock(l.lock))...)
}

// Alerts returns all lines, oldest first. The caller must not change them.
func (l *Journal) Alerts() []Alert { return l.list }

// Announced returns what was said last of each event that was not withdrawn.
func (l *Journal) Announced() map[string]event.Event {
	out := map[string]event.Event{}
	for _, a := range l.list {
		if a.Action == event.Withdrawn {
			delete(out, a.ID)
		} else {
			out[a.ID] = a.Event
		}
	}
	return out
}

// Append announces a revision. If it returns an error, nothing was announced.
func (l *Journal) Append(now time.Time, r event.Revision) (Alert, error) {
	a := Alert{Seq: len(l.list) + 1, Time: now.UTC().Truncate(time.Second), Prev: l.last, Revision: r}
	line, err := json.Marshal(a)
	if err != nil {
		return Alert{}, fmt.Errorf("append to journal: %w", err)
	}
	if err := appendLine(l.alerts, line); err != nil {
		return Alert{}, fmt.Errorf("append to journal: %w", err)
	}
	l.last = hashLine(line)
	l.list = append(l.list, a)
	return a, nil
}

// appendLine writes a line durably. If that fails, it puts the file back as it was.
func appendLine(f *os.File, line []byte) error {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.Truncate(at)
		f.Seek(at, io.SeekStart)
	}
	return err
}

// note remembers the result of an attempt.
func (l *Journal) note(d Delivery) {
	if d.Attempt == 0 {
		l.since[d.Channel] = d.Seq
		return
	}
	if l.attempts[d.Channel] == nil {
		l.attempts[d.Channel], l.delivered[d.Channel] = map[int]int{}, map[int]bool{}
	}
	l.attempts[d.Channel][d.Seq] = max(l.attempts[d.Channel][d.Seq], d.Attempt)
	if d.OK {
		l.delivered[d.Channel][d.Seq] = true
	}
}

// Package inbox keeps what readers send without an account, until a person has looked at
// it. Other readers never see it. Nothing is kept of the sender: no address, no name, no
// time of day. A refused note stays, with the reason.
package inbox

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/renameio/v2"

	"github.com/bandish/bandish/network"
)

// Kind is what a reader sends.
type Kind string

// The kinds of notes.
const (
	Wrong   Kind = "wrong"   // something on a page is wrong
	Source  Kind = "source"  // a source for a page, or for something that is missing
	Blocked Kind = "blocked" // the reader cannot open something
)

// Note is what a reader sent.
type Note struct {
	ID      string `json:"id"`       // begins with the day; the rest is a hash of the content
	Day     string `json:"day"`      // 2024-02-17, UTC; the time of day would say too much
	Kind    Kind   `json:"kind"`     // what it is
	About   string `json:"about"`    // path of the page on this site
	Text    string `json:"text"`     // in the reader's words
	Source  string `json:"source"`   // an address with something that can be checked, or ""
	CC      string `json:"cc"`       // for Blocked: the country, or ""
	Network string `json:"network"`  // for Blocked: "AS17557", or ""
	SeenDay string `json:"seen_day"` // for Blocked: the day, or ""

	// Decided is set when a person has decided.
	Decided *Decision `json:"decided,omitempty"`
}

// Decision is what a person decided about a note.
type Decision struct {
	Accepted bool   `json:"accepted"`
	Day      string `json:"day"`
	Reason   string `json:"reason,omitempty"`
}

// The limits.
const (
	maxText    = 4000 // letters
	minText    = 10
	maxAddress = 2000
	maxPending = 2000 // notes that wait for a decision; with so many the box takes no more
	maxHour    = 120  // notes an hour, from all senders
	maxSender  = 6    // notes an hour, from one sender
)

// Wrongs says what is wrong with a note, by field, in words for the reader.
type Wrongs map[string]string

func (w Wrongs) Error() string {
	var all []string
	for field, text := range w {
		all = append(all, field+": "+text)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Errors that callers tell apart.
var (
	ErrBusy = errors.New("too many notes at the moment; try again in an hour")
	ErrFull = errors.New("the inbox is full")
	ErrNone = errors.New("there is no such note")
)

// Box is the inbox of a data folder. Many goroutines may use it.
type Box struct {
	dir string
	now func() time.Time

	mu     sync.Mutex
	key    []byte             // guarded by mu; of this hour, in memory only
	hour   time.Time          // guarded by mu
	sender map[[16]byte]int   // guarded by mu; by a hash that nobody can undo once key is gone
	total  int                // guarded by mu
	random func([]byte) error // fills with random bytes
}

// Open returns the inbox below a data folder. The folder is made with the first note.
func Open(data string, now func() time.Time) *Box {
	return &Box{dir: filepath.Join(data, "inbox"), now: now, random: func(b []byte) error { _, err := rand.Read(b); return err }}
}

var (
	ccText = regexp.MustCompile(`^[A-Z]{2}$`)
	idText = regexp.MustCompile(`^[0-9]{8}-[0-9a-f]{12}$`)
)

// Check tidies a note, and returns what is wrong with it. A note must contain something
// that can be checked: the address of a source, or the network and the day on which
// something could not be opened.
func (n *Note) Check(today time.Time) Wrongs {
	w := Wrongs{}
	n.About, n.Source = strings.TrimSpace(n.About), strings.TrimSpace(n.Source)
	n.CC, n.Network = strings.ToUpper(strings.TrimSpace(n.CC)), strings.TrimSpace(n.Network)
	n.Text = strings.TrimSpace(strings.Map(printable, n.Text))
	if !utf8.ValidString(n.About + n.Source + n.Text + n.SeenDay) {
		w["text"] = "This is not text in UTF-8."
	}
	if n.Kind != Wrong && n.Kind != Source && n.Kind != Blocked {
		w["kind"] = "Choose what you send."
	}
	if !strings.HasPrefix(n.About, "/") || strings.HasPrefix(n.About, "//") || len(n.About) > 500 || strings.ContainsFunc(n.About, control) {
		w["about"] = "Write the path of a page of this site, as /cc/PK/x."
	}
	switch letters := utf8.RuneCountInString(n.Text); {
	case letters < minText:
		w["text"] = "Write a sentence or two: what is so, and how it can be checked."
	case letters > maxText:
		w["text"] = fmt.Sprintf("This has %d letters; write %d at the most.", letters, maxText)
	}
	if n.Source != "" {
		u, err := url.Parse(n.Source)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(n.Source) > maxAddress || strings.ContainsFunc(n.Source, control) {
			w["source"] = "Write a whole address that begins with https://."
		}
	}
	if n.Kind == Blocked {
		n.checkBlocked(w, today)
		return w
	}
	n.CC, n.Network, n.SeenDay = "", "", ""
	if n.Source == "" {
		w["source"] = "Give the address of something that anyone can check: a document, a report, a measurement."
	}
	return w
}

func (n *Note) checkBlocked(w Wrongs, today time.Time) {
	if !ccText.MatchString(n.CC) {
		w["cc"] = "Write the country as two letters, as PK."
	}
	if asn, err := network.ParseASN(n.Network); err != nil || asn == 0 {
		w["network"] = "Write the number of your network, as AS17557. It names the provider, never you."
	} else {
		n.Network = asn.String()
	}
	day, err := time.Parse(time.DateOnly, n.SeenDay)
	if err != nil || day.After(today.Add(24*time.Hour)) || day.Year() < 2000 {
		w["seen_day"] = "Write the day as 2024-02-17."
	}
}

func control(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }

// printable drops characters that change how text is shown: control characters, and marks
// that change the direction of the text after them.
func printable(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\r' || r == '\t':
		return ' '
	case control(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
		return -1
	}
	return r
}

// Add keeps a note, and returns its id. sender is the address that tells senders apart for
// the limits. It is never written. What memory keeps of it cannot be traced back once the
// hour is over. The same note on the same day is kept once. The error is Wrongs, ErrBusy
// or ErrFull, or one of the disk.
func (b *Box) Add(n Note, sender string) (string, error) {
	now := b.now().UTC()
	if w := n.Check(now); len(w) > 0 {
		return "", w
	}
	n.Day, n.Decided = now.Format(time.DateOnly), nil
	sum := sha256.Sum256([]byte(strings.Join([]string{string(n.Kind), n.About, n.Text, n.Source, n.CC, n.Network, n.SeenDay}, "\x00")))
	n.ID = now.Format("20060102") + "-" + hex.EncodeToString(sum[:6])
	if _, err := b.Get(n.ID); err == nil {
		return n.ID, nil
	}
	if err := b.admit(sender, now); err != nil {
		return "", err
	}
	waiting, err := os.ReadDir(b.folder("new"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("keep a note: %w", err)
	}
	if len(waiting) >= maxPending {
		return "", ErrFull
	}
	return n.ID, b.write("new", &n)
}

// admit counts a note of a sender. The error is ErrBusy if it is too much for this hour.
func (b *Box) admit(sender string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if hour := now.Truncate(time.Hour); b.key == nil || !hour.Equal(b.hour) {
		b.key = make([]byte, 32)
		if err := b.random(b.key); err != nil {
			return fmt.Errorf("keep a note: %w", err)
		}
		b.hour, b.sender, b.total = hour, map[[16]byte]int{}, 0
	}
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte(sender))
	who := [16]byte(h.Sum(nil)[:16])
	if b.sender[who] >= maxSender || b.total >= maxHour {
		return ErrBusy
	}
	b.sender[who]++
	b.total++
	return nil
}

// folders are the folders of notes that wait, were accepted and were refused.
var folders = []string{"new", "accepted", "refused"}

func (b *Box) folder(name string) string { return filepath.Join(b.dir, name) }

// write keeps a note in one of the folders, whole or not at all.
func (b *Box) write(folder string, n *Note) error {
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.folder(folder), 0o700); err != nil {
		return fmt.Errorf("keep a note: %w", err)
	}
	err = renameio.WriteFile(filepath.Join(b.folder(folder), n.ID+".json"), append(text, '\n'), 0o600, renameio.WithTempDir(b.dir))
	if err != nil {
		return fmt.Errorf("keep note %s: %w", n.ID, err)
	}
	return nil
}

// List returns the notes of a folder (new, accepted or refused), oldest first.
func (b *Box) List(folder string) ([]Note, error) {
	if !slices.Contains(folders, folder) {
		return nil, fmt.Errorf("list the inbox: folder %q: want one of %s", folder, strings.Join(folders, ", "))
	}
	entries, err := os.ReadDir(b.folder(folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the inbox: %w", err)
	}
	var all []Note
	for _, e := range entries {
		n, err := read(filepath.Join(b.folder(folder), e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, *n)
	}
	slices.SortFunc(all, func(x, y Note) int { return cmp.Compare(x.ID, y.ID) })
	return all, nil
}

func read(name string) (*Note, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read a note: %w", err)
	}
	var n Note
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("read note %s: %w", name, err)
	}
	return &n, nil
}

// Get returns a note from any of the folders. The error is ErrNone if there is none.
func (b *Box) Get(id string) (*Note, error) {
	if !idText.MatchString(id) {
		return nil, ErrNone
	}
	for _, f := range folders {
		n, err := read(filepath.Join(b.folder(f), id+".json"))
		if err == nil {
			return n, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, ErrNone
}

// Decide moves a waiting note to the accepted or the refused ones. A refusal needs a
// reason. A note that was decided stays as it is.
func (b *Box) Decide(id string, accepted bool, reason string) (*Note, error) {
	n, err := b.Get(id)
	if err != nil {
		return nil, err
	}
	if n.Decided != nil {
		return nil, fmt.Errorf("note %s was decided on %s already", id, n.Decided.Day)
	}
	if !accepted && strings.TrimSpace(reason) == "" {
		return nil, fmt.Errorf("note %s: say why it is refused", id)
	}
	n.Decided = &Decision{Accepted: accepted, Day: b.now().UTC().Format(time.DateOnly), Reason: reason}
	folder := "refused"
	if accepted {
		folder = "accepted"
	}
	if err := b.write(folder, n); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(b.folder("new"), id+".json")); err != nil {
		return nil, fmt.Errorf("decide note %s: %w", id, err)
	}
	return n, nil
}

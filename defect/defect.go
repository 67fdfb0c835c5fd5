// Package defect knows versions of tests whose measurements fail whatever the
// network does, because a service changed and the test did not, or because a
// release was broken. A Table is a list of such windows, each with its source. The
// package concludes nothing: package verdict decides what a defect means for a
// measurement. It does no I/O.
package defect

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/header"
)

// Window says which measurements a defect spoils: those that fit all of its fields.
// An empty field fits every measurement.
type Window struct {
	ID       string // [a-z0-9-], never used again for another defect
	Test     string // test_name
	Versions Range  // of the test: test_version
	Software string // the beginning of "name/version"
	Engine   Range  // versions of the engine; a measurement that names none counts as older than any
	Platform string
	Since    time.Time // UTC, first day
	Until    time.Time // UTC, first day after the defect
	Breaks   string    // what does not work, in words for readers
	Source   string    // where this is said
}

// Range is a condition on a version: "0.2.3" for exactly this one, "<0.2.2",
// "<=0.2.3", ">=2.1.0". Several conditions with spaces between them must all hold.
// "" holds for every version.
type Range string

// Measured holds the facts of a measurement that a window looks at.
type Measured struct {
	Test, Version, Software, Engine, Platform string
	At                                        time.Time
}

var columns = []string{"id", "test", "versions", "software", "engine", "platform", "since", "until", "breaks", "source"}

// ReadCSV reads a table of windows. The columns may be in any order. The error
// names every faulty row with its line.
func ReadCSV(r io.Reader) ([]Window, error) {
	return header.Read(r, "defects", columns, fromRow)
}

func fromRow(cell func(column string) string) (Window, error) {
	get := func(column string) string { return strings.TrimSpace(cell(column)) }
	w := Window{
		ID: get("id"), Test: get("test"), Versions: Range(get("versions")), Software: get("software"),
		Engine: Range(get("engine")), Platform: get("platform"), Breaks: get("breaks"), Source: get("source"),
	}
	var sinceErr, untilErr error
	w.Since, sinceErr = day(get("since"))
	w.Until, untilErr = day(get("until"))
	return w, errors.Join(sinceErr, untilErr, w.check())
}

func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day; want YYYY-MM-DD", s)
	}
	return t, nil
}

func (w *Window) check() error {
	var faults []error
	if w.ID == "" || strings.Trim(w.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		faults = append(faults, fmt.Errorf("id %q: want letters a to z, digits and hyphens", w.ID))
	}
	if w.Test == "" {
		faults = append(faults, errors.New("test: missing"))
	}
	if w.Source == "" {
		faults = append(faults, errors.New("source: missing"))
	}
	if w.Versions == "" && w.Software == "" && w.Engine == "" && w.Platform == "" && w.Since.IsZero() {
		faults = append(faults, errors.New("want a version, a software, a platform or a day: nothing restricts it"))
	}
	if !w.Until.IsZero() && !w.Until.After(w.Since) {
		faults = append(faults, errors.New("until: is not after since"))
	}
	for name, r := range map[string]Range{"versions": w.Versions, "engine": w.Engine} {
		if err := r.check(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(faults...)
}

// holds reports whether a measurement fits the window.
func (w *Window) holds(m *Measured) bool {
	return w.Test == m.Test && w.Versions.Holds(m.Version) && w.Engine.Holds(m.Engine) &&
		strings.HasPrefix(m.Software, w.Software) && (w.Platform == "" || w.Platform == m.Platform) &&
		!m.At.Before(w.Since) && (w.Until.IsZero() || m.At.Before(w.Until))
}

func (r Range) check() error {
	for part := range strings.FieldsSeq(string(r)) {
		if _, ok := numbers(strings.TrimLeft(part, "<>=")); !ok {
			return fmt.Errorf("%q is no version; want 0.2.3, <0.2.3, <=0.2.3 or >=0.2.3", part)
		}
	}
	return nil
}

// Holds reports whether a version meets the range. A version that cannot be read
// meets only the empty range. The version "" counts as older than all others.
func (r Range) Holds(version string) bool {
	if r == "" {
		return true
	}
	have, ok := numbers(version)
	if !ok && version != "" {
		return false
	}
	for part := range strings.FieldsSeq(string(r)) {
		bare := strings.TrimLeft(part, "<>=")
		want, _ := numbers(bare)
		c := compare(have, want)
		fits := false
		switch part[:len(part)-len(bare)] {
		case "<":
			fits = c < 0
		case "<=":
			fits = c <= 0
		case ">":
			fits = c > 0
		case ">=":
			fits = c >= 0
		default:
			fits = c == 0
		}
		if !fits {
			return false
		}
	}
	return true
}

// numbers reads "3.17.0-alpha" as 3, 17, 0, without what follows the numbers; false
// where the version does not begin with a number.
func numbers(version string) ([]int, bool) {
	version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "-")
	var all []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return all, len(all) > 0 // "2.0.3.dev0"
		}
		all = append(all, n)
	}
	return all, true
}

func compare(a, b []int) int {
	for i := range max(len(a), len(b)) {
		if c := cmp.Compare(at(a, i), at(b, i)); c != 0 {
			return c
		}
	}
	return 0
}

func at(n []int, i int) int {
	if i < len(n) {
		return n[i]
	}
	return 0
}

// Table holds windows, ready to look up measurements. Several goroutines may use
// it.
type Table struct {
	byTest map[string][]Window
	size   int
}

// New makes a table. Where two windows have one id, the later one counts: so an
// update replaces what came with the program. A window that cannot be right is an
// error.
func New(windows []Window) (*Table, error) {
	last := map[string]Window{}
	var ids []string
	for _, w := range windows {
		if err := w.check(); err != nil {
			return nil, fmt.Errorf("make defect table: %s: %w", w.ID, err)
		}
		if _, ok := last[w.ID]; !ok {
			ids = append(ids, w.ID)
		}
		last[w.ID] = w
	}
	slices.Sort(ids)
	t := &Table{byTest: map[string][]Window{}, size: len(ids)}
	for _, id := range ids {
		w := last[id]
		t.byTest[w.Test] = append(t.byTest[w.Test], w)
	}
	return t, nil
}

// ID names the windows of the table: the same windows have the same id.
func (t *Table) ID() string {
	text, err := json.Marshal(t.byTest)
	if err != nil { // words and dates
		panic("defect: encode table: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Len is the number of windows.
func (t *Table) Len() int { return t.size }

// Match returns the ids of the windows that a measurement fits, sorted; nil where
// there are none, as nearly always.
func (t *Table) Match(m Measured) []string {
	var ids []string
	for i := range t.byTest[m.Test] {
		if w := &t.byTest[m.Test][i]; w.holds(&m) {
			ids = append(ids, w.ID)
		}
	}
	return ids
}

//go:embed windows.csv
var embedded string

// EmbeddedList returns the windows that come with Bandish. The caller may change
// the slice.
func EmbeddedList() []Window {
	all, err := ReadCSV(strings.NewReader(embedded))
	if err != nil {
		panic(err) // embedded at build time, and read in a test
	}
	return all
}

// Embedded is the table of EmbeddedList.
var Embedded = sync.OnceValue(func() *Table {
	t, err := New(EmbeddedList())
	if err != nil {
		panic(err)
	}
	return t
})

package inquiry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/store"
)

// memo keeps answers while nothing that they rest on changes: what was counted,
// the imported lists and the day. Names of answers that rest on each measurement
// say so (Desk.then). What it keeps is shared and must not be changed.
type memo struct {
	mu      sync.Mutex // guards what follows
	edition Edition
	kept    map[string]*kept
	bytes   int    // that they take, about
	asked   uint64 // how often anything was asked for
}

// kept is one answer, made once however many ask for it at once.
type kept struct {
	once     sync.Once
	asked    uint64 // when it was asked for last
	bytes    int    // that it takes, about; 0 while it is made
	value    any
	err      error
	canceled bool // err is of who made it, who went away
}

// The bounds of the answers that are kept: their number, and their bytes.
const (
	maxKept      = 256
	maxKeptBytes = 64 << 20
)

// weigh is about what an answer takes, in bytes: the days of years on many networks
// are what makes some large.
func weigh(answer any) int {
	const one, row, day, pair = 4 << 10, 2 << 10, 192, 192
	n := one
	switch a := answer.(type) {
	case *Answered:
		n += day * len(a.Days)
		for _, days := range a.ByASN {
			n += day * len(days)
		}
	case Network:
		for i := range a.Answers {
			n += row + day*len(a.Answers[i].Days)
		}
	case []store.Place: // of these an archive may have many
		n += pair * len(a)
	case []Ask:
		n += pair * len(a)
	case map[string]bool:
		n += pair * len(a)
	default:
		if v := reflect.ValueOf(answer); v.IsValid() && (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) {
			n += row * v.Len()
		}
	}
	return n
}

// remember gives what make made for a name before, or makes it.
func remember[T any](ctx context.Context, d *Desk, name string, make func() (T, error)) (T, error) {
	var none T
	for {
		k, err := d.keep(name)
		if err != nil {
			return none, err
		}
		mine := false
		k.once.Do(func() {
			mine = true
			defer func() {
				if k.err != nil {
					d.memo.drop(name, k) // the next one tries again
				}
			}()
			k.err = errPanicked // stays where make panics: who waits must not take nothing for an answer
			k.value, k.err = make()
			k.canceled = ctx.Err() != nil
			if k.err == nil {
				d.memo.weigh(name, k)
			}
		})
		if k.err == nil {
			return k.value.(T), nil
		}
		if mine || !k.canceled || ctx.Err() != nil {
			return none, k.err
		}
		// Who made it went away before it was made: that is no failure of ours.
	}
}

// errPanicked is the error of those who waited for an answer that panicked.
var errPanicked = errors.New("making the answer panicked")

// Edition names all that answers rest on: where it is the same, so is every
// answer.
type Edition struct {
	Generation uint64 // of the archive; 0 without one. It grows with all that comes in
	Counted    string // names what was counted; most answers rest on it and not on the generation
	Lists      int    // grows when the imported lists change; from 0 when the program starts
	Day        string // today, for what counts days
}

// Edition is the present one.
func (d *Desk) Edition() (Edition, error) {
	e := Edition{Day: d.Now().UTC().Format(time.DateOnly)}
	if d.Store != nil {
		var err error
		if e.Counted, e.Generation, err = d.Store.Edition(); err != nil {
			return e, err
		}
	}
	if _, err := d.reported(time.Time{}); err != nil { // reads the lists anew where that is due
		return e, err
	}
	d.mu.Lock()
	e.Lists = d.edition
	d.mu.Unlock()
	return e, nil
}

// then names a day whose knowledge is asked for, in the name of an answer that
// is made of each measurement that was known.
func (d *Desk) then(known time.Time) string {
	if known.IsZero() || d.Store == nil {
		return ""
	}
	_, generation, _ := d.Store.Edition() // who makes the answer meets the error, too
	return fmt.Sprint(" known ", known.UTC(), " of ", generation)
}

// keep finds the place of an answer.
func (d *Desk) keep(name string) (*kept, error) {
	now, err := d.Edition()
	if err != nil {
		return nil, err
	}
	now.Generation = 0
	m := &d.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || m.edition != now {
		m.kept, m.edition, m.bytes = map[string]*kept{}, now, 0
	}
	k := m.kept[name]
	if k == nil {
		if len(m.kept) >= maxKept {
			m.forget()
		}
		k = &kept{}
		m.kept[name] = k
	}
	m.asked++
	k.asked = m.asked
	return k, nil
}

// weigh counts an answer that was made, and lets go of others where they take too
// much.
func (m *memo) weigh(name string, k *kept) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept[name] != k {
		return // it is of an edition that is over
	}
	k.bytes = weigh(k.value)
	m.bytes += k.bytes
	for m.bytes > maxKeptBytes && len(m.kept) > 1 {
		m.forget()
	}
}

// forget lets go of the answer that was asked for longest ago. The caller holds
// mu.
func (m *memo) forget() {
	oldest := ""
	for name, k := range m.kept {
		if oldest == "" || k.asked < m.kept[oldest].asked {
			oldest = name
		}
	}
	m.remove(oldest)
}

func (m *memo) drop(name string, k *kept) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept[name] == k {
		m.remove(name)
	}
}

// remove takes an answer out. The caller holds mu.
func (m *memo) remove(name string) {
	m.bytes -= m.kept[name].bytes
	delete(m.kept, name)
}

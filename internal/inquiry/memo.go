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

// memo keeps answers as long as the data they rest on stays the same: what was counted,
// the imported lists, and the day. An answer that rests on every single measurement
// carries the archive's generation in its name (Desk.then). Answers are shared: callers
// must not change them.
type memo struct {
	mu      sync.Mutex // guards what follows
	edition Edition
	kept    map[string]*kept
	bytes   int    // size of the kept answers, an estimate
	asked   uint64 // counts the calls of keep
}

// kept is one answer. It is made once, however many ask for it at the same time.
type kept struct {
	once     sync.Once
	asked    uint64 // value of memo.asked when it was last asked for
	bytes    int    // its size, an estimate; 0 while it is being made
	value    any
	err      error
	canceled bool // the caller who made it went away, and err says so
}

// How many answers are kept, and how many bytes they may have.
const (
	maxKept      = 256
	maxKeptBytes = 64 << 20
)

// weigh estimates the size of an answer in bytes. Days of many years on many networks make
// some answers large.
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
	case []store.Place: // an archive may have many of these
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

// remember returns the answer that is kept under a name, or lets make make it.
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
					d.memo.drop(name, k) // the next caller tries again
				}
			}()
			k.err = errPanicked // it stays if make panics, so that nobody who waits takes nothing for an answer
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
		// The caller who made it went away before it was ready. That is not our failure.
	}
}

// errPanicked is the error of callers who waited for an answer whose making panicked.
var errPanicked = errors.New("making the answer panicked")

// Edition names the state of all data that answers rest on. Equal editions give equal
// answers.
type Edition struct {
	Generation uint64 // of the archive; grows with everything that comes in; 0 without an archive
	Counted    string // names what was counted; most answers rest on it and not on Generation
	Lists      int    // grows when the imported lists change; 0 when the program starts
	Day        string // today (UTC), for answers that count days
}

// Edition returns the present edition.
func (d *Desk) Edition() (Edition, error) {
	e := Edition{Day: d.Now().UTC().Format(time.DateOnly)}
	if d.Store != nil {
		var err error
		if e.Counted, e.Generation, err = d.Store.Edition(); err != nil {
			return e, err
		}
	}
	if _, err := d.reported(time.Time{}); err != nil { // reads the lists again if that is due
		return e, err
	}
	d.mu.Lock()
	e.Lists = d.edition
	d.mu.Unlock()
	return e, nil
}

// then returns the part of an answer's name for a moment whose knowledge is used, with the
// archive's generation; "" for the zero moment.
func (d *Desk) then(known time.Time) string {
	if known.IsZero() || d.Store == nil {
		return ""
	}
	_, generation, _ := d.Store.Edition() // whoever makes the answer meets this error too
	return fmt.Sprint(" known ", known.UTC(), " of ", generation)
}

// keep returns the place of an answer by its name, and makes an empty one if there is
// none.
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

// weigh adds the size of a new answer, and drops others if there is too much.
func (m *memo) weigh(name string, k *kept) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept[name] != k {
		return // it belongs to an edition that is over
	}
	k.bytes = weigh(k.value)
	m.bytes += k.bytes
	for m.bytes > maxKeptBytes && len(m.kept) > 1 {
		m.forget()
	}
}

// forget drops the answer that nobody asked for the longest time. The caller holds mu.
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

// remove drops an answer. The caller holds mu.
func (m *memo) remove(name string) {
	m.bytes -= m.kept[name].bytes
	delete(m.kept, name)
}

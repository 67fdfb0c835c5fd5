package inquiry

import (
	"context"
	"errors"
	"sync"
	"time"
)

// memo keeps answers while nothing that they rest on changes: the archive's
// generation, the imported lists and the day. What it keeps is shared and must
// not be changed.
type memo struct {
	mu    sync.Mutex // guards what follows
	gen   uint64
	lists int
	day   string
	kept  map[string]*kept
}

// kept is one answer, made once however many ask for it at once.
type kept struct {
	once     sync.Once
	value    any
	err      error
	canceled bool // err is of who made it, who went away
}

// maxKept bounds the answers that are kept.
const maxKept = 512

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

// keep finds the place of an answer.
func (d *Desk) keep(name string) (*kept, error) {
	gen := uint64(0)
	if d.Store != nil {
		m, err := d.Store.Archive().Manifest()
		if err != nil {
			return nil, err
		}
		gen = m.Generation
	}
	if _, err := d.reported(time.Time{}); err != nil { // reads the lists anew where that is due
		return nil, err
	}
	d.mu.Lock()
	lists := d.edition
	d.mu.Unlock()
	day := d.Now().UTC().Format(time.DateOnly)
	m := &d.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || m.gen != gen || m.day != day || m.lists != lists || len(m.kept) >= maxKept {
		m.kept, m.gen, m.day, m.lists = map[string]*kept{}, gen, day, lists
	}
	k := m.kept[name]
	if k == nil {
		k = &kept{}
		m.kept[name] = k
	}
	return k, nil
}

func (m *memo) drop(name string, k *kept) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept[name] == k {
		delete(m.kept, name)
	}
}

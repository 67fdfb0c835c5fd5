package inquiry

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// memo keeps answers while nothing that they rest on changes: what was counted,
// the imported lists and the day. Names of answers that rest on more say so
// (then). What it keeps is shared and must not be changed.
type memo struct {
	mu      sync.Mutex // guards what follows
	edition string
	kept    map[string]*kept
}

// kept is one answer, made once however many ask for it at once.
type kept struct {
	once  sync.Once
	value any
	err   error
}

// maxKept bounds the answers that are kept.
const maxKept = 256

// remember gives what make made for a name before, or makes it.
func remember[T any](d *Desk, name string, make func() (T, error)) (T, error) {
	var none T
	k, err := d.keep(name)
	if err != nil {
		return none, err
	}
	k.once.Do(func() { k.value, k.err = make() })
	if k.err != nil {
		d.memo.drop(name, k) // the next one tries again
		return none, k.err
	}
	return k.value.(T), nil
}

// Edition names the state of all that answers rest on; each counts every
// measurement that came in, also before they were counted.
func (d *Desk) Edition(each bool) (string, error) {
	counted, generation := "", uint64(0)
	if d.Store != nil {
		var err error
		if counted, generation, err = d.Store.Edition(); err != nil {
			return "", err
		}
	}
	if _, err := d.reported(time.Time{}); err != nil { // reads the lists anew where that is due
		return "", err
	}
	d.mu.Lock()
	lists := d.edition
	d.mu.Unlock()
	out := counted + " " + strconv.Itoa(lists) + d.Now().UTC().Format(" 2006-01-02")
	if each {
		out += " " + strconv.FormatUint(generation, 10)
	}
	return out, nil
}

// then names a day whose knowledge is asked for, in the name of an answer.
func (d *Desk) then(known time.Time) string {
	if known.IsZero() || d.Store == nil {
		return ""
	}
	_, generation, _ := d.Store.Edition() // who makes the answer meets the error, too
	return fmt.Sprint(" known ", known.UTC(), " of ", generation)
}

// keep finds the place of an answer.
func (d *Desk) keep(name string) (*kept, error) {
	edition, err := d.Edition(false)
	if err != nil {
		return nil, err
	}
	m := &d.memo
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil || m.edition != edition {
		m.kept, m.edition = map[string]*kept{}, edition
	}
	k := m.kept[name]
	if k == nil {
		for other := range m.kept {
			if len(m.kept) < maxKept {
				break
			}
			delete(m.kept, other)
		}
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

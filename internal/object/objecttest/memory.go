package objecttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/object"
)

// Memory is a store in memory. Before and After may make a call fail: Before, without
// doing it; After, when it is done and the caller does not know.
type Memory struct {
	Before, After func(call, name string) error

	mu   sync.Mutex
	held map[string]kept
	told map[string]int
}

type kept struct {
	content []byte
	version object.Version // of the content
	at      time.Time
}

func keep(content []byte) kept {
	sum := sha256.Sum256(content)
	return kept{content, object.Version(hex.EncodeToString(sum[:])), time.Now()}
}

func (m *Memory) String() string { return "memory" }

// Calls returns how many calls of each kind there were.
func (m *Memory) Calls() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.told)
}

// Change replaces the content of an object, as no client may.
func (m *Memory) Change(name string, to []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held[name] = keep(bytes.Clone(to))
}

// Lose removes an object, as no client may.
func (m *Memory) Lose(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.held, name)
}

// do does a call under the lock, or fails as Before and After say.
func (m *Memory) do(ctx context.Context, call, name string, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := object.CheckName(name); err != nil {
		return err
	}
	if m.Before != nil {
		if err := m.Before(call, name); err != nil {
			return err
		}
	}
	err := m.locked(call, fn)
	if err == nil && m.After != nil {
		err = m.After(call, name)
	}
	return err
}

func (m *Memory) locked(call string, fn func() error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.held == nil {
		m.held, m.told = map[string]kept{}, map[string]int{}
	}
	m.told[call]++
	return fn()
}

func (m *Memory) Create(ctx context.Context, name string, content io.ReadSeeker) error {
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return err
	}
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	return m.do(ctx, "create", name, func() error {
		if _, there := m.held[name]; there {
			return object.ErrExists
		}
		m.held[name] = keep(text)
		return nil
	})
}

func (m *Memory) Read(ctx context.Context, name string) (text []byte, v object.Version, err error) {
	err = m.do(ctx, "read", name, func() error {
		k, there := m.held[name]
		if !there {
			return object.ErrMissing
		}
		text, v = bytes.Clone(k.content), k.version
		return nil
	})
	return text, v, err
}

func (m *Memory) Open(ctx context.Context, name string, from, n int64) (r io.ReadCloser, err error) {
	err = m.do(ctx, "open", name, func() error {
		k, there := m.held[name]
		if !there {
			return object.ErrMissing
		}
		size := int64(len(k.content))
		if from < 0 || from > size || from == size && from > 0 {
			return errors.New("it ends before")
		}
		if n < 0 || n > size-from {
			n = size - from
		}
		r = io.NopCloser(bytes.NewReader(k.content[from : from+n]))
		return nil
	})
	return r, err
}

func (m *Memory) Swap(ctx context.Context, name string, old object.Version, content []byte) (object.Version, error) {
	var next kept
	err := m.do(ctx, "swap", name, func() error {
		there := object.None
		if k, ok := m.held[name]; ok {
			there = k.version
		}
		if there != old {
			return object.ErrChanged
		}
		next = keep(bytes.Clone(content))
		m.held[name] = next
		return nil
	})
	return next.version, err
}

func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[object.Info, error] {
	return func(yield func(object.Info, error) bool) {
		var list []object.Info
		err := m.do(ctx, "list", "x", func() error {
			for _, name := range slices.Sorted(maps.Keys(m.held)) {
				if strings.HasPrefix(name, prefix) {
					list = append(list, object.Info{Name: name, Size: int64(len(m.held[name].content)), Written: m.held[name].at})
				}
			}
			return nil
		})
		if err != nil {
			yield(object.Info{}, err)
			return
		}
		for _, i := range list {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (m *Memory) Delete(ctx context.Context, name string) error {
	return m.do(ctx, "delete", name, func() error {
		delete(m.held, name)
		return nil
	})
}

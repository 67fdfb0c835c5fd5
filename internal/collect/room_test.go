package collect

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/address"
)

// Bodies that are being read take room, and what finds none is asked to come
// again; when they are gone there is room again.
func TestRoomForSubmissions(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Archive: newDir(t), Now: time.Now, Proxies: thisMachine})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	const each, slow = 12 << 20, maxHeld / (12 << 20)
	var ends []*io.PipeWriter
	finish := func() {
		for _, w := range ends {
			w.Close()
		}
	}
	defer finish() // before the server's Close, which waits for them
	done := make(chan error, slow)
	from := func(client string, body io.Reader) (*http.Response, error) {
		req, err := http.NewRequest("POST", srv.URL+"/api/v1/measurement", body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("X-Forwarded-For", client)
		return http.DefaultClient.Do(req)
	}
	for i := range slow {
		body, w := io.Pipe()
		ends = append(ends, w)
		go func() {
			resp, err := from(fmt.Sprintf("8.8.%d.8", i), body)
			if err == nil {
				resp.Body.Close()
			}
			done <- err
		}()
		go io.Copy(w, io.LimitReader(zeros{}, each))
	}
	post := func() *http.Response {
		resp, err := from("8.9.9.8", strings.NewReader(strings.Repeat(" ", 1<<16)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	// Nothing else is sent until they fill the room to its last byte: it would
	// take their place.
	held := func() int64 {
		s.room.mu.Lock()
		defer s.room.mu.Unlock()
		return s.room.held
	}
	for deadline := time.Now().Add(time.Minute); held() < maxHeld; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are held, %d sent", held(), maxHeld)
		}
	}
	if r := post(); r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("without room the answer is %s, come again after %q", r.Status, r.Header.Get("Retry-After"))
	}
	finish()
	for range slow {
		<-done
	}
	if r := post(); r.StatusCode != http.StatusBadRequest {
		t.Errorf("with room again the answer is %s", r.Status)
	}
	if n := held(); n != 0 {
		t.Errorf("%d bytes are held by nobody", n)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// One client network holds a part of the room only.
func TestRoomIsShared(t *testing.T) {
	var m room
	one, other := address.ClientNetwork(netip.MustParseAddr("8.8.8.8")), address.ClientNetwork(netip.MustParseAddr("8.8.9.8"))
	if err := m.take(one, maxHeldByOne); err != nil {
		t.Fatal(err)
	}
	if err := m.take(one, 1); !errors.Is(err, errFull) {
		t.Errorf("past its part: %v", err)
	}
	if err := m.take(other, 1); err != nil {
		t.Errorf("another: %v", err)
	}
	m.give(one, maxHeldByOne)
	m.give(other, 1)
	if m.held != 0 || len(m.by) != 0 {
		t.Errorf("%d bytes are held by %d", m.held, len(m.by))
	}
}

// What is refused before its body is read takes no room and gives none back.
func TestRefusedBeforeItIsRead(t *testing.T) {
	var m room
	m.give(netip.MustParsePrefix("192.0.2.0/24"), 0)
	if m.held != 0 || len(m.by) != 0 {
		t.Errorf("%d bytes are held, by %v", m.held, m.by)
	}
}

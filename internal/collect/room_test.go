package collect

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Bodies that are being read take room, and what finds none is asked to come
// again; when they are gone there is room again.
func TestRoomForSubmissions(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Archive: newDir(t), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	const each, slow = 12 << 20, maxHeld / (12 << 20)
	var ends []*io.PipeWriter
	done := make(chan error, slow)
	for range slow {
		body, w := io.Pipe()
		ends = append(ends, w)
		go func() {
			resp, err := http.Post(srv.URL+"/api/v1/measurement", "application/json", body)
			if err == nil {
				resp.Body.Close()
			}
			done <- err
		}()
		go io.Copy(w, io.LimitReader(zeros{}, each))
	}
	post := func() *http.Response {
		resp, err := http.Post(srv.URL+"/api/v1/measurement", "application/json", strings.NewReader(strings.Repeat(" ", 1<<16)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		if r := post(); r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("there is always room")
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, w := range ends {
		w.Close()
	}
	for range slow {
		<-done
	}
	if r := post(); r.StatusCode != http.StatusBadRequest {
		t.Errorf("with room again the answer is %s", r.Status)
	}
	s.room.mu.Lock()
	defer s.room.mu.Unlock()
	if s.room.held != 0 {
		t.Errorf("%d bytes are held by nobody", s.room.held)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

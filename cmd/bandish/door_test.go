package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bandish/bandish/internal/archive"
)

// Until the server is ready it says so, and when to come again.
func TestDoor(t *testing.T) {
	var d door
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	d.open(http.NotFoundHandler())
	if w := ask(); w.Code != http.StatusNotFound {
		t.Errorf("%d", w.Code)
	}
}

// A server whose archive takes a while to open listens meanwhile: here somebody
// else has the turn in which what a killed one left is put right.
func TestServeListensAtOnce(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	if _, err := archive.Open(data); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(data, "raw", strings.Repeat("ab", 32)+".pending")
	if err := os.WriteFile(left, []byte("cut short"), 0o644); err != nil {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(filepath.Join(data, "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var out bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, &environment{stdin: strings.NewReader(""), stdout: io.Discard, stderr: &out, getenv: os.Getenv}, []string{"serve", "--data", data, "--listen", at})
	}()
	status := func(path string) int {
		resp, err := http.Get("http://" + at + path)
		if err != nil {
			return 0
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	until := func(path string, want int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); status(path) != want; {
			if time.Now().After(deadline) {
				t.Fatalf("%s is never %d", path, want)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	until("/", http.StatusServiceUnavailable)
	lock.Close()
	until("/", http.StatusOK)
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("it ends with %d\n%s", code, &out)
	}
}

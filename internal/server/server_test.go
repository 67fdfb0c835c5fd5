package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// book is a log that is read while it is written.
type book struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (k *book) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.Write(p)
}

func (k *book) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.b.String()
}

// wait waits until the log holds a text.
func (k *book) wait(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(k.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log does not say %q:\n%s", text, k)
		}
	}
}

// serve serves on a socket until the test ends.
func serve(t *testing.T, l net.Listener, h http.Handler, log *slog.Logger, metrics *Metrics) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, h, log, metrics) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Whatever goes wrong with a connection, nobody's address is in the log: not by
// the handler's panic, nor by net/http's own words, nor by the network's errors.
func TestLogHoldsNoAddress(t *testing.T) {
	for _, from := range []string{"127.0.0.42", "::1"} {
		t.Run(from, func(t *testing.T) {
			client := netip.MustParseAddr(from)
			l, err := net.Listen("tcp", netip.AddrPortFrom(client, 0).String())
			if err != nil {
				t.Logf("this machine has no %s: %v", from, err)
				return
			}
			certified := httptest.NewUnstartedServer(nil)
			certified.StartTLS()
			defer certified.Close()
			secure, err := net.Listen("tcp", netip.AddrPortFrom(client, 0).String())
			if err != nil {
				t.Fatal(err)
			}
			var said book
			log, metrics := Log(&said), NewMetrics()
			mux := http.NewServeMux()
			mux.HandleFunc("GET /panic", func(_ http.ResponseWriter, r *http.Request) { panic("no good from " + r.RemoteAddr) })
			mux.HandleFunc("GET /later", func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "half of an ans")
				http.NewResponseController(w).Flush()
				panic(fmt.Errorf("no more for %s", r.RemoteAddr))
			})
			mux.HandleFunc("GET /error", func(w http.ResponseWriter, r *http.Request) {
				a, _ := netip.ParseAddrPort(r.RemoteAddr)
				log.Error("a handler says", "err", &net.OpError{Op: "read", Net: "tcp", Source: net.TCPAddrFromAddrPort(a), Addr: net.TCPAddrFromAddrPort(a), Err: errors.New("broken")}, "remote", r.RemoteAddr)
				w.WriteHeader(http.StatusOK)
				w.WriteHeader(http.StatusOK) // net/http complains
			})
			serve(t, l, mux, log, metrics)
			serve(t, tls.NewListener(secure, &tls.Config{Certificates: certified.TLS.Certificates}), mux, log, metrics)

			dialer := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, 0))}
			web := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
			get := func(path string) (int, string, error) {
				resp, err := web.Get("http://" + l.Addr().String() + path)
				if err != nil {
					return 0, "", err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				return resp.StatusCode, string(body), err
			}
			if status, body, err := get("/panic"); err != nil || status != http.StatusInternalServerError || strings.Contains(body, from) {
				t.Errorf("a panic is answered %d %q %v", status, body, err)
			}
			if _, body, err := get("/later"); err == nil {
				t.Errorf("half of an answer looks whole: %q", body)
			}
			if status, _, err := get("/error"); err != nil || status != http.StatusOK {
				t.Errorf("after panics it answers %d %v", status, err)
			}
			c, err := dialer.DialContext(t.Context(), "tcp", secure.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "this is no handshake\r\n\r\n")
			said.wait(t, "TLS handshake error")
			c.Close()
			said.wait(t, "superfluous")
			said.wait(t, "a handler says")
			said.wait(t, "no more for")
			for _, address := range []string{from, l.Addr().String(), secure.Addr().String(), "127.0.0", "[::"} {
				if strings.Contains(said.String(), address) {
					t.Errorf("the log holds %s:\n%s", address, &said)
				}
			}
			if n := strings.Count(said.String(), "a handler panicked"); n != 2 || !strings.Contains(said.String(), "server_test.go") {
				t.Errorf("%d panics in the log, or where they were is not said:\n%s", n, &said)
			}
			var text bytes.Buffer
			metrics.Show(&text)
			if !strings.Contains(text.String(), `bandish_panics_total{where="handler"} 2`) {
				t.Errorf("panics are not counted:\n%s", &text)
			}
		})
	}
}

// A client that goes away is no error: nothing is logged, and no 500 counted.
func TestClientGoesAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var said book
	log, metrics := Log(&said), NewMetrics()
	asked, ended := make(chan bool), make(chan error, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		<-r.Context().Done()
		err := fmt.Errorf("query: %w", r.Context().Err())
		if !Gone(r, err) {
			log.Error("not gone", "err", err)
		}
		w.WriteHeader(http.StatusServiceUnavailable) // as who finds no turn
		ended <- err
	})
	mux.HandleFunc("GET /long", func(w http.ResponseWriter, r *http.Request) {
		asked <- true
		var err error
		for chunk := make([]byte, 1<<16); err == nil; {
			_, err = w.Write(chunk)
		}
		if !Gone(r, err) {
			log.Error("not gone", "err", err)
		}
		ended <- err
	})
	serve(t, l, mux, log, metrics)
	for _, path := range []string{"/slow", "/long"} {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
		<-asked
		c.Close()
		if err := <-ended; err == nil {
			t.Errorf("%s: the handler saw no error", path)
		}
	}
	var text bytes.Buffer
	for end := time.Now().Add(10 * time.Second); !strings.Contains(text.String(), `route="GET /slow",status="gone"`); {
		if time.Now().After(end) {
			t.Fatalf("who went away is not counted so:\n%s", &text)
		}
		text.Reset()
		metrics.Show(&text)
	}
	if said.String() != "" || strings.Contains(text.String(), `status="5`) {
		t.Errorf("clients that go away are errors:\n%s\n%s", &said, &text)
	}
}

// The server bounds what a client may send before it is known what it wants.
func TestServeLimitsHeaders(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, http.NotFoundHandler(), slog.New(slog.DiscardHandler), nil)
	for size, want := range map[int]int{1 << 10: http.StatusNotFound, 128 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequest("GET", "http://"+l.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", size))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a header of %d bytes: %d, want %d", size, resp.StatusCode, want)
		}
	}
}

// A goroutine outlives a panic of what it does.
func TestSafely(t *testing.T) {
	var said book
	metrics := NewMetrics()
	if err := Safely("the work", Log(&said), metrics, func() error { panic("at 198.51.100.7") }); err == nil {
		t.Error("a panic is no error")
	}
	if err := Safely("the work", Log(&said), metrics, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "the work panicked") || strings.Contains(said.String(), "198.51") {
		t.Errorf("the log says %s", &said)
	}
}

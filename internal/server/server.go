// Package server runs all HTTP servers of the program in one way: with limits of time and
// size, with metrics, and with a log that contains no client's address. A panic in a
// handler or a goroutine is logged, and ends nothing else.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/felixge/httpsnoop"

	"github.com/bandish/bandish/address"
)

// Log returns a logger of text lines. Every IP address in them is replaced, whether a
// handler wrote it, a library, or an error of the network, which names both ends of its
// connection.
func Log(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(addressless{w}, nil)) }

// addressless is a writer of whole lines that replaces IP addresses.
type addressless struct{ io.Writer }

func (a addressless) Write(line []byte) (int, error) {
	if _, err := io.WriteString(a.Writer, address.Scrub(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Serve serves until ctx ends, and then lets running requests finish. log should come from
// Log. metrics may be nil.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger, metrics *Metrics) error {
	srv := &http.Server{
		Handler: watched(h, log, metrics), MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 2 * time.Minute, WriteTimeout: 5 * time.Minute, IdleTimeout: time.Minute,
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// watched counts the answers of a handler, and logs its panics. After a panic the client
// gets status 500. If the answer had begun, the connection is cut: half an answer must not
// look whole.
func watched(h http.Handler, log *slog.Logger, metrics *Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, status := time.Now(), 0
		note := func(code int) {
			if status == 0 && code >= http.StatusOK {
				status = code
			}
		}
		defer func() {
			caught := recover()
			if caught != nil && caught != http.ErrAbortHandler {
				metrics.Panic("handler")
				log.Error("a handler panicked", "route", r.Pattern, "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
				if status == 0 {
					caught, status = nil, http.StatusInternalServerError
					http.Error(w, "Something broke on our side; it was logged.", status)
				}
			}
			metrics.answered(r, status, time.Since(start))
			if caught != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		h.ServeHTTP(httpsnoop.Wrap(w, httpsnoop.Hooks{
			WriteHeader: func(next httpsnoop.WriteHeaderFunc) httpsnoop.WriteHeaderFunc {
				return func(code int) { note(code); next(code) }
			},
			Write: func(next httpsnoop.WriteFunc) httpsnoop.WriteFunc {
				return func(b []byte) (int, error) { note(http.StatusOK); return next(b) }
			},
			ReadFrom: func(next httpsnoop.ReadFromFunc) httpsnoop.ReadFromFunc {
				return func(src io.Reader) (int64, error) { note(http.StatusOK); return next(src) }
			},
		}), r)
	})
}

// Gone reports whether an error of a handler only means that the client went away, or took
// the answer so slowly that it was given up. Nothing is wrong with the server then, and
// nobody is there to answer.
func Gone(r *http.Request, err error) bool {
	return r.Context().Err() != nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// Safely runs do within a goroutine of the server. It turns a panic into an error, logs it
// and counts it under what.
func Safely(what string, log *slog.Logger, metrics *Metrics, do func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			metrics.Panic(what)
			log.Error(what+" panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			err = fmt.Errorf("%s panicked: %v", what, caught)
		}
	}()
	return do()
}

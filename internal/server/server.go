// Package server runs the program's HTTP servers, all alike: within limits of
// time and size, counted, and with a log in which no client's address stands. A
// panic of a handler or of a goroutine is said in the log and ends nothing else.
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

// Log is a log of text lines. Every IP address in it is replaced, whoever put
// it there: a handler, a library, or an error of the network, which names both
// ends of its connection.
func Log(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(addressless{w}, nil)) }

// addressless is a writer of whole lines that replaces addresses.
type addressless struct{ io.Writer }

func (a addressless) Write(line []byte) (int, error) {
	if _, err := io.WriteString(a.Writer, address.Scrub(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// Serve serves until ctx ends and then lets running requests finish. log should
// be one of Log. metrics may be nil.
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

// watched counts what a handler answers, and says its panics in the log. Who
// asked gets 500 then, or a broken connection where the answer had begun: half
// of one must not look whole.
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

// Gone reports whether an error of a handler is only that its client went away,
// or took the answer so slowly that it was given up. That is no fault of this
// server, and there is nobody to answer.
func Gone(r *http.Request, err error) bool {
	return r.Context().Err() != nil || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}

// Safely runs a part of a goroutine of the server. A panic is an error that is
// said in the log, and counted under what; the goroutine goes on.
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

package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bandish/bandish/internal/dial"
)

// stall is how long a server may send nothing.
const stall = 2 * time.Minute

const maxRedirects = 5

// openWeb opens an address for reading. The length of the body is not limited here, but
// where it is read.
func openWeb(ctx context.Context, u string, private bool) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	resp, err := webClient(u, private).Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, fmt.Errorf("get %s: the server answers %s", u, resp.Status)
	}
	return resp.Body, nil
}

// webClient makes the client for one source. A server on the internet cannot redirect it
// to this machine or network: what is there would end up in the archive's quarantine, or
// would act on the request. If the user named an address inside, redirects inside are
// allowed.
func webClient(u string, private bool) *http.Client {
	t := dial.ForURL(u, private).Proxied()
	t.ResponseHeaderTimeout = stall
	t.DisableCompression = true // it is undone here, where its size is checked
	return &http.Client{CheckRedirect: checkRedirect, Transport: t}
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("sent on more than %d times", maxRedirects)
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return fmt.Errorf("sent on to %s, which is not the web", req.URL)
	}
	return nil
}

// unstalled opens a source, and ends it when nothing has come for a while.
func unstalled(ctx context.Context, after time.Duration, open func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := fmt.Errorf("nothing came for %v", after)
	s := &unstalledReader{after: after, timer: time.AfterFunc(after, func() { cancel(stop) }), cancel: cancel, ctx: ctx}
	r, err := open(ctx)
	s.timer.Stop()
	if err != nil {
		cancel(nil)
		return nil, s.why(err)
	}
	s.r = r
	return s, nil
}

type unstalledReader struct {
	r      io.ReadCloser
	after  time.Duration
	timer  *time.Timer
	ctx    context.Context // of this one read, from open to close
	cancel context.CancelCauseFunc
}

func (s *unstalledReader) Read(p []byte) (int, error) {
	s.timer.Reset(s.after) // between reads it is we who take our time
	n, err := s.r.Read(p)
	s.timer.Stop()
	return n, s.why(err)
}

// why returns an error that names the stall, if that ended the reading.
func (s *unstalledReader) why(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if cause := context.Cause(s.ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

func (s *unstalledReader) Close() error {
	s.timer.Stop()
	defer s.cancel(nil)
	return s.r.Close()
}

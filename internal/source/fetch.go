package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/dial"
)

// Fetcher fetches pages from the web, within limits.
type Fetcher struct {
	MaxBytes     int64         // greatest size of one answer
	Timeout      time.Duration // greatest time for one page, with redirects
	MaxRedirects int
	// AllowPrivate allows private, loopback and other local addresses, and every port. It
	// is for tests, and for an archive of pages within one's own network.
	AllowPrivate bool
	UserAgent    string
	Now          func() time.Time
}

// NewFetcher returns a fetcher with limits that suit articles and documents.
func NewFetcher() *Fetcher {
	return &Fetcher{MaxBytes: 32 << 20, Timeout: 60 * time.Second, MaxRedirects: 5, UserAgent: "bandish (archive of sources)", Now: time.Now}
}

// Fetch fetches one page. It never goes through a proxy, and checks the address of every
// connection. So neither a redirect nor the answer to a lookup leads into a private
// network.
func (f *Fetcher) Fetch(ctx context.Context, rawURL string) (content []byte, mediaType string, fetch Fetch, err error) {
	if err := f.checkURL(rawURL); err != nil {
		return nil, "", Fetch{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.Timeout)
	defer cancel()
	fetch = Fetch{Time: f.Now().UTC(), How: "http", URL: rawURL}
	client := f.client(&fetch)
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, "", Fetch{}, fmt.Errorf("fetch %s: %w", rawURL, err)
	}
	request.Header.Set("User-Agent", f.UserAgent)
	response, err := client.Do(request)
	if err != nil {
		return nil, "", Fetch{}, fmt.Errorf("fetch %s: %w", rawURL, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, "", Fetch{}, fmt.Errorf("fetch %s: the server answered %s; nothing was archived", rawURL, response.Status)
	}
	content, err = io.ReadAll(io.LimitReader(response.Body, f.MaxBytes+1))
	if err != nil {
		return nil, "", Fetch{}, fmt.Errorf("fetch %s: %w", rawURL, err)
	}
	if int64(len(content)) > f.MaxBytes {
		return nil, "", Fetch{}, fmt.Errorf("fetch %s: more than %d bytes; fetch it by other means and give the file", rawURL, f.MaxBytes)
	}
	fetch.Status, fetch.Final = response.StatusCode, response.Request.URL.String()
	fetch.Header = keptHeader(response.Header)
	return content, MediaType(response.Header.Get("Content-Type"), rawURL, content), fetch, nil
}

func (f *Fetcher) client(fetch *Fetch) *http.Client {
	t := (&dial.Policy{Private: f.AllowPrivate}).Transport()
	t.ResponseHeaderTimeout, t.DisableKeepAlives = 30*time.Second, true
	return &http.Client{
		Transport: t,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if len(via) > f.MaxRedirects {
				return fmt.Errorf("more than %d redirects", f.MaxRedirects)
			}
			fetch.Redirects = append(fetch.Redirects, next.URL.String())
			return f.checkURL(next.URL.String())
		},
	}
}

func (f *Fetcher) checkURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fmt.Errorf("bad URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("bad URL %q: only http and https are fetched", raw)
	case u.Hostname() == "":
		return fmt.Errorf("bad URL %q: no host", raw)
	case u.User != nil:
		return errors.New("bad URL: it carries a user name; the archive keeps no credentials")
	case !f.AllowPrivate && u.Port() != "" && u.Port() != "80" && u.Port() != "443":
		return fmt.Errorf("bad URL %q: port %s is not fetched", raw, u.Port())
	}
	return nil
}

// keptHeader drops the headers that say who fetched.
func keptHeader(h http.Header) map[string][]string {
	kept := h.Clone()
	for _, name := range []string{"Set-Cookie", "Set-Cookie2", "X-Client-Ip", "X-Forwarded-For", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"} {
		kept.Del(name)
	}
	return kept
}

// MediaType returns the type of content: what the server says, or else by the ending of
// the name, or else by the content.
func MediaType(contentType, name string, content []byte) string {
	if t, _, err := mime.ParseMediaType(contentType); err == nil && t != "" && t != "application/octet-stream" {
		return t
	}
	if u, err := url.Parse(name); err == nil {
		name = u.Path
	}
	lower := strings.ToLower(name)
	for suffix, t := range map[string]string{
		".html": "text/html", ".htm": "text/html", ".pdf": "application/pdf", ".txt": "text/plain", ".md": "text/plain", ".csv": "text/csv", ".json": "application/json",
		".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".xml": "application/xml",
	} {
		if strings.HasSuffix(lower, suffix) {
			return t
		}
	}
	t, _, err := mime.ParseMediaType(http.DetectContentType(content))
	if err != nil {
		return "application/octet-stream"
	}
	return t
}

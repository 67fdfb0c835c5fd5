package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Fetcher gets pages from the web, within limits.
type Fetcher struct {
	MaxBytes     int64         // of one answer
	Timeout      time.Duration // for all of it, redirects included
	MaxRedirects int
	// AllowPrivate permits private, loopback and other local addresses, and
	// any port. For tests and for an archive inside one's own network.
	AllowPrivate bool
	UserAgent    string
	Now          func() time.Time
}

// NewFetcher gives the limits that suit articles and documents.
func NewFetcher() *Fetcher {
	return &Fetcher{MaxBytes: 32 << 20, Timeout: 60 * time.Second, MaxRedirects: 5, UserAgent: "bandish (archive of sources)", Now: time.Now}
}

// ErrPrivate says that an address is not one of the public internet.
var ErrPrivate = errors.New("refused: not an address of the public internet")

// Fetch gets one page. It never goes through a proxy and checks the address
// of every connection, so that neither a redirect nor a name's answer leads
// into a private network.
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
	dialer := &net.Dialer{Timeout: 20 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return f.checkAddress(address) }}
	return &http.Client{
		Transport: &http.Transport{Proxy: nil, DialContext: dialer.DialContext, ResponseHeaderTimeout: 30 * time.Second, MaxResponseHeaderBytes: 1 << 20, DisableKeepAlives: true},
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

// checkAddress looks at the address of a connection that is about to be made.
func (f *Fetcher) checkAddress(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if !f.AllowPrivate && !Public(ap.Addr()) {
		return fmt.Errorf("%s: %w", ap.Addr(), ErrPrivate)
	}
	return nil
}

// notPublic are special ranges beyond those that netip knows (IANA's
// registries of special-purpose addresses).
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"), netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether an address is one of the public internet.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Zone() != "" {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// keptHeader drops what names the fetcher.
func keptHeader(h http.Header) map[string][]string {
	kept := h.Clone()
	for _, name := range []string{"Set-Cookie", "Set-Cookie2", "X-Client-Ip", "X-Forwarded-For", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"} {
		kept.Del(name)
	}
	return kept
}

// MediaType is the type of content: as the server says, else by the name's
// ending, else by the content itself.
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

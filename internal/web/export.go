package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/net/html"
)

// Exported says what Export wrote.
type Exported struct {
	Files int
	Bytes int64
}

// Export writes the site as files into a folder: every page that can be reached by links
// from the start page. Links are relative, so the copy works on any web server and from a
// USB stick. What needs a server, forms and the search, is left out. The folder must be
// empty or not exist. progress is called with the number of files so far; it may be nil.
func (s *Site) Export(ctx context.Context, dir string, progress func(int)) (Exported, error) {
	var out Exported
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return out, fmt.Errorf("export the site: %w", err)
	}
	if had, err := os.ReadDir(dir); err != nil || len(had) > 0 {
		return out, fmt.Errorf("export the site: the folder %s is not empty (%v); name a new one", dir, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return out, fmt.Errorf("export the site: %w", err)
	}
	defer root.Close()
	s.Static = true
	e := &exporter{handler: s.Handler(), seen: map[string]bool{}, files: map[string]string{}}
	e.add("/")
	for _, f := range []string{"/style.css", "/static/sans.woff2", "/static/naskh-urdu.woff2", "/static/favicon.svg", "/static/OFL.txt"} {
		e.add(f)
	}
	for len(e.queue) > 0 {
		at := e.queue[0]
		e.queue = e.queue[1:]
		if err := ctx.Err(); err != nil {
			return out, err
		}
		page, err := e.fetch(ctx, at)
		if err != nil {
			return out, err
		}
		body, err := e.relative(ctx, page)
		if err != nil {
			return out, fmt.Errorf("export %s: %w", at, err)
		}
		if err := write(root, page.file, body); err != nil {
			return out, fmt.Errorf("export %s: %w", at, err)
		}
		out.Files, out.Bytes = out.Files+1, out.Bytes+int64(len(body))
		if progress != nil {
			progress(out.Files)
		}
	}
	return out, nil
}

func write(root *os.Root, name string, body []byte) error {
	if err := root.MkdirAll(filepath.FromSlash(path.Dir(name)), 0o755); err != nil {
		return err
	}
	return root.WriteFile(filepath.FromSlash(name), body, 0o644)
}

// exporter visits pages in the order in which links lead to them.
type exporter struct {
	handler http.Handler
	queue   []string
	seen    map[string]bool
	files   map[string]string // the file of each address
}

// fetched is one answer of the site.
type fetched struct {
	at, file, mediaType string
	body                []byte
}

func (e *exporter) add(at string) {
	if !e.seen[at] {
		e.seen[at] = true
		e.queue = append(e.queue, at)
	}
}

// fetch gets a page of the site. It follows redirects.
func (e *exporter) fetch(ctx context.Context, at string) (fetched, error) {
	asked := at
	for range 3 {
		w := httptest.NewRecorder()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://site.invalid"+asked, nil)
		if err != nil {
			return fetched{}, fmt.Errorf("export %s: %w", at, err)
		}
		e.handler.ServeHTTP(w, r)
		if w.Code == http.StatusMovedPermanently || w.Code == http.StatusSeeOther {
			asked = w.Header().Get("Location")
			continue
		}
		if w.Code != http.StatusOK {
			return fetched{}, fmt.Errorf("export %s: the page answers with %d", at, w.Code)
		}
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		return fetched{at: at, file: fileOf(at, kind), mediaType: kind, body: w.Body.Bytes()}, nil
	}
	return fetched{}, fmt.Errorf("export %s: it leads in a circle", at)
}

// fileOf returns the file of an address: "/cc/PK" is cc/PK.html. A hash stands for the
// query after "?".
func fileOf(at, mediaType string) string {
	u, err := url.Parse(at)
	if err != nil {
		u = &url.URL{Path: at}
	}
	name := safeName(u.EscapedPath())
	if name == "" {
		name = "index"
	}
	if u.RawQuery != "" {
		sum := sha256.Sum256([]byte(u.RawQuery))
		name += "-" + hex.EncodeToString(sum[:4])
	}
	ending, known := map[string]string{"text/html": ".html", "application/json": ".json", "text/csv": ".csv"}[mediaType]
	if !known || strings.HasSuffix(name, ending) {
		return name
	}
	return name + ending
}

// safeName returns a path whose letters every file system takes.
func safeName(escaped string) string {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i, p := range parts {
		p = strings.Map(func(r rune) rune {
			if r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_.", r)) {
				return r
			}
			return '~'
		}, p)
		if strings.Trim(p, ".") == "" && p != "" || len(p) > 120 || strings.Contains(p, "~") { // a part with other letters, or a long one, gets a hash so that it stays unique
			sum := sha256.Sum256([]byte(parts[i]))
			p = strings.TrimLeft(p[:min(len(p), 80)], ".") + "-" + hex.EncodeToString(sum[:4])
		}
		parts[i] = p
	}
	return strings.Join(parts, "/")
}

// relative turns the links of a page into links between files, and notes where they lead.
func (e *exporter) relative(ctx context.Context, f fetched) ([]byte, error) {
	switch f.mediaType {
	case "text/css":
		return bytes.ReplaceAll(f.body, []byte(`url("/`), []byte(`url("`)), nil
	case "text/html":
	default:
		return f.body, nil
	}
	root, err := html.Parse(bytes.NewReader(f.body))
	if err != nil {
		return nil, err
	}
	withoutForms(root)
	for n := range root.Descendants() {
		for i := range n.Attr {
			a := &n.Attr[i]
			if a.Key != "href" && a.Key != "src" {
				continue
			}
			if a.Val, err = e.link(ctx, f, a.Val); err != nil {
				return nil, err
			}
		}
	}
	var b bytes.Buffer
	if err := html.Render(&b, root); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// withoutForms puts a note in the place of each form: it needs a server.
func withoutForms(root *html.Node) {
	var forms []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "form" {
			forms = append(forms, n)
		}
	}
	for _, f := range forms {
		note := &html.Node{Type: html.ElementNode, Data: "p", Attr: []html.Attribute{{Key: "class", Val: "note"}}}
		note.AppendChild(&html.Node{Type: html.TextNode, Data: "The site has a form here. It needs a server, so this copy leaves it out."})
		f.Parent.InsertBefore(note, f)
		f.Parent.RemoveChild(f)
	}
}

// link returns the link from one file to another. Links to other sites, and to a place on
// the same page, stay as they are.
func (e *exporter) link(ctx context.Context, from fetched, href string) (string, error) {
	base, err := url.Parse("http://site.invalid" + from.at)
	if err != nil {
		return "", err
	}
	u, err := base.Parse(href)
	if err != nil || u.Host != base.Host || strings.HasPrefix(href, "#") {
		return href, nil
	}
	anchor := u.EscapedFragment()
	u.Fragment, u.RawFragment = "", ""
	at := u.RequestURI()
	file, ok := e.files[at]
	if !ok {
		to, err := e.fetch(ctx, at)
		if err != nil {
			return "", fmt.Errorf("a link of it: %w", err)
		}
		file, e.files[at] = to.file, to.file
	}
	e.add(at)
	out := strings.Repeat("../", strings.Count(from.file, "/")) + (&url.URL{Path: file}).EscapedPath()
	if anchor != "" {
		out += "#" + anchor
	}
	return out, nil
}

package web

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/casefile"
)

// Every link of the exported site leads to a file of it, wherever it lies.
func TestExportedLinksLeadToFiles(t *testing.T) {
	s := serve(t)
	if os.Getenv("BANDISH_LONG") == "" { // most of the pages are of the largest case
		s.site.Records.Cases = slices.DeleteFunc(s.site.Records.Cases, func(c *casefile.Case) bool { return c.ID == "pk-2024-x" })
	}
	for range 4 {
		s.submit(17, 64512, "x.com", true)
		s.submit(17, 64513, "a+b c.example", false)
	}
	s.count()
	dir := filepath.Join(t.TempDir(), "copy")
	done, err := s.site.Export(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, there := 0, map[string]bool{}
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		if !strings.HasSuffix(name, ".html") {
			return nil
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		root, err := html.Parse(f)
		if err != nil {
			return err
		}
		for n := range root.Descendants() {
			if n.Data == "form" {
				t.Errorf("%s has a form", name)
			}
			for _, a := range n.Attr {
				u, err := url.Parse(a.Val)
				if a.Key != "href" && a.Key != "src" || err != nil || u.Host != "" || u.Path == "" {
					continue
				}
				if strings.HasPrefix(u.Path, "/") {
					t.Errorf("%s links to %s", name, a.Val)
				}
				to := filepath.Join(filepath.Dir(name), filepath.FromSlash(u.Path))
				if there[to] {
					continue
				}
				if _, err := os.Stat(to); err != nil {
					t.Errorf("%s: %v", name, err)
				} else {
					there[to] = true // most links are on each page
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files != done.Files || files < 60 {
		t.Errorf("%d files, and the export counts %d", files, done.Files)
	}
	for _, want := range []string{"index.html", "cc/PK/x.html", "cc/ZZ/x.html", "networks/AS64512.html"} {
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Error(err)
		}
	}
}

// No address leads out of the folder, and no two share a file.
func TestFileNames(t *testing.T) {
	seen := map[string]string{}
	for _, at := range []string{"/", "/cc", "/cc/PK", "/cc/PK/x", "/m/..%2F..%2Fetc%2Fpasswd", "/m/%2e%2e/x", "/m/a%2Fb", "/m/a/b", "/m/a~b", "/m/a+b", "/m/a%20b", "/cc/PK/x?a=1", "/cc/PK/x?a=2", "/m/" + strings.Repeat("a", 300), "/m/" + strings.Repeat("a", 301)} {
		f := fileOf(at, "text/html")
		if clean := path.Clean(f); clean != f || strings.HasPrefix(f, "/") || strings.HasPrefix(f, "..") || strings.Contains(f, "/../") || !strings.HasSuffix(f, ".html") {
			t.Errorf("%s goes to %s", at, f)
		}
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s share the file %s", at, other, f)
		}
		seen[f] = at
		if len(path.Base(f)) > 200 {
			t.Errorf("%s has a name of %d bytes", at, len(path.Base(f)))
		}
	}
}

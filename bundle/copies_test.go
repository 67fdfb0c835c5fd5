package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/records"
)

// Copies of sources are enclosed where the data folder has them, but for those that
// may not be given on; of the others the bundle says why they are missing.
func TestCopiesOfSources(t *testing.T) {
	x := open(t)
	content := []byte("an example of a source\n")
	sha := fmt.Sprintf("%x", sha256.Sum256(content))
	// the case, with one copy that is at hand
	files := fstest.MapFS{}
	named := regexp.MustCompile(`sha256: [0-9a-f]{64}`)
	replaced := 0
	err := fs.WalkDir(records.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(records.FS, path)
		if strings.HasPrefix(path, "pk-2024-x/") {
			text = named.ReplaceAllFunc(text, func(old []byte) []byte {
				if replaced++; replaced > 1 {
					return old
				}
				return []byte("sha256: " + sha)
			})
			text = bytes.ReplaceAll(text, []byte("withheld: true"), []byte("withheld: false"))
		}
		files[path] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil || replaced < 1 {
		t.Fatalf("%d copies are named: %v", replaced, err)
	}
	rec, err := casefile.Load(files, "records")
	if err != nil {
		t.Fatal(err)
	}
	desk := &inquiry.Desk{Store: x.desk.Store, Targets: x.desk.Targets, Records: rec, Now: x.desk.Now, Copy: func(name string) ([]byte, error) {
		if name == sha {
			return content, nil
		}
		return nil, nil
	}}
	made := func(public bool) (*bundle.Contents, []byte) {
		c, err := desk.Bundle(t.Context(), inquiry.Wanted{IDs: []string{"pk-2024-x"}, Public: public})
		if err != nil {
			t.Fatal(err)
		}
		return c, written(t, c)
	}
	c, data := made(false)
	r := check(data, bundle.Options{Key: x.key})
	if r.False() || status(t, r, "the copies of 1 sources that are enclosed") != bundle.Proved || !strings.Contains(r.Text(), "no copy was made") {
		t.Fatal(r.Text())
	}
	names, _ := bundle.Files(bytes.NewReader(data), int64(len(data)))
	if all := strings.Join(names, "\n"); !strings.Contains(all, "sources/"+sha) || !bytes.Equal(c.Copies[sha], content) {
		t.Errorf("the copy is not in the file: %s", all)
	}
	for name, change := range map[string]func(c *bundle.Contents){
		"another copy": func(c *bundle.Contents) { c.Copies[sha] = []byte("another\n") },
		"a copy that the record does not cite": func(c *bundle.Contents) {
			other := []byte("more\n")
			sum := fmt.Sprintf("%x", sha256.Sum256(other))
			c.Sources = append(c.Sources, bundle.Source{ID: "more", SHA256: sum, Enclosed: true})
			c.Copies[sum] = other
		},
		"a copy less": func(c *bundle.Contents) { delete(c.Copies, sha) },
	} {
		c, faults := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		change(c)
		if r := check(written(t, c), bundle.Options{Key: x.key}); !r.False() {
			t.Errorf("%s: %s", name, r.Text())
		}
	}
	c, data = made(true)
	if r := check(data, bundle.Options{Key: x.key}); len(c.Copies) > 0 || r.False() {
		t.Error("a bundle for strangers holds others' works", r.Text())
	}
}

package api

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write docs/formats/api.md anew")

// The page of the API is the one that the handlers make.
func TestMarkdown(t *testing.T) {
	w := newWorld(t, 1, 1)
	got, name := w.Markdown("http://127.0.0.1:8080"), filepath.Join("..", "..", "docs", "formats", "api.md")
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the handlers make (%v): go test ./internal/api -run Markdown -update", name, err)
	}
}

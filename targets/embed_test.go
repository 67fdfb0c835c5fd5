package targets

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
)

// Every document of the folder is in the program.
func TestAllIsEmbedded(t *testing.T) {
	onDisk, err := filepath.Glob("*.y*ml")
	if err != nil || len(onDisk) == 0 {
		t.Fatal(onDisk, err)
	}
	if err := fstest.TestFS(FS, onDisk...); err != nil {
		t.Error(err)
	}
	all, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if filepath.Ext(e.Name()) != ".go" && !slices.Contains(onDisk, e.Name()) {
			t.Errorf("%s is no document of a platform and would be left out", e.Name())
		}
	}
}

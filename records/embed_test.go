package records

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"testing"
)

// Every document of the folder is in the program, as it is on disk.
func TestAllIsEmbedded(t *testing.T) {
	documents := 0
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) == ".go" {
			return err
		}
		onDisk, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		inside := Schema
		if name != "casefile.schema.json" {
			documents++
			if inside, err = FS.ReadFile(name); err != nil {
				t.Errorf("%s would be left out: %v", name, err)
				return nil
			}
		}
		if !bytes.Equal(inside, onDisk) {
			t.Errorf("%s is not what is in the program", name)
		}
		return nil
	})
	if err != nil || documents == 0 {
		t.Error(documents, err)
	}
}

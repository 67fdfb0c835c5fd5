package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/store"
)

// openMeasured gives what was measured, for the record's claims: nil where
// the data folder holds no archive. The function closes it.
func openMeasured(data string) (casefile.Measured, func(), error) {
	if _, err := os.Stat(filepath.Join(data, "manifest.json")); errors.Is(err, fs.ErrNotExist) {
		return nil, func() {}, nil
	}
	a, err := archive.OpenExisting(data)
	if err != nil {
		return nil, nil, err
	}
	s, err := store.Open(a, "")
	if err != nil {
		return nil, nil, err
	}
	return store.Measured{Store: s}, func() { s.Close() }, nil
}

// copyText gives the text of archived copies in a data folder.
func copyText(data string) func(sha string) (string, bool) {
	a := source.Open(data)
	var read sync.Map // texts by SHA-256: many citations share a copy
	return func(sha string) (string, bool) {
		if text, ok := read.Load(sha); ok {
			return text.(string), true
		}
		stored, content, err := a.Get(sha)
		if err != nil {
			return "", false
		}
		text, err := source.ReadText(content, stored.MediaType, stored.URL())
		if err != nil {
			return "", false
		}
		read.Store(sha, text.Body)
		return text.Body, true
	}
}

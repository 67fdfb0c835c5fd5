package main

import (
	"sync"

	"github.com/bandish/bandish/internal/source"
)

// copyText returns a function that gives the text of an archived copy.
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

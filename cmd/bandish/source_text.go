package main

import (
	"github.com/bandish/bandish/internal/source"
)

// copyText gives the text of archived copies in a data folder.
func copyText(data string) func(sha string) (string, bool) {
	a := source.Open(data)
	return func(sha string) (string, bool) {
		stored, content, err := a.Get(sha)
		if err != nil {
			return "", false
		}
		text, err := source.ReadText(content, stored.MediaType, stored.URL())
		if err != nil {
			return "", false
		}
		return text.Body, true
	}
}

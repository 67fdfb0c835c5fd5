// Package source keeps copies of the sources that facts are cited from: pages as they were
// fetched, documents, pictures. A copy is named by the SHA-256 of its bytes, and never
// changes. Beside it stands, for each time it was got, when, from where and how. The
// package fetches only what it is told to, and never from private addresses. It also finds
// cited passages in the copies.
package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Fetch is one time that a copy was got.
type Fetch struct {
	Time time.Time `json:"time"` // UTC
	How  string    `json:"how"`  // file, http, warc
	// Name is the name of the file, or of the WARC file.
	Name string `json:"name,omitempty"`
	// URL is the address that was asked for; Final is the one that answered after
	// redirects.
	URL       string   `json:"url,omitempty"`
	Final     string   `json:"final_url,omitempty"`
	Redirects []string `json:"redirects,omitempty"`
	Status    int      `json:"status,omitempty"`
	// Header is the header of the answer, without cookies.
	Header map[string][]string `json:"header,omitempty"`
}

// Stored is a copy in the archive.
type Stored struct {
	SHA256    string  `json:"sha256"`
	MediaType string  `json:"media_type"`
	Bytes     int64   `json:"bytes"`
	Fetches   []Fetch `json:"fetches"` // oldest first
}

// URL returns the address that the copy was fetched from, "" if there is none.
func (s *Stored) URL() string {
	for _, f := range s.Fetches {
		if f.URL != "" {
			return f.URL
		}
	}
	return ""
}

// Archive is the folder of copies. Only one process may write at a time; any number may
// read.
type Archive struct {
	dir string
}

// Open returns the archive in a data folder. Nothing is made before the first Add.
func Open(dataDir string) *Archive { return &Archive{filepath.Join(dataDir, "sources")} }

// ErrNotFound means that there is no copy of this name.
var ErrNotFound = errors.New("no such source in the archive")

var shaForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (a *Archive) path(sha string) string { return filepath.Join(a.dir, sha[:2], sha) }

// SHA256 returns the name of a copy with this content, in hex.
func SHA256(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Add keeps content, and notes how it was got. isNew is false if the archive has the same
// bytes already. Then only the fetch is added, and nothing if it tells nothing new. When
// Add returns without an error, everything is on the disk.
func (a *Archive) Add(content []byte, mediaType string, f Fetch) (stored Stored, isNew bool, err error) {
	sha := SHA256(content)
	f.Time = f.Time.UTC().Truncate(time.Second)
	if stored, err = a.meta(sha); err != nil && !errors.Is(err, ErrNotFound) {
		return Stored{}, false, err
	}
	isNew = errors.Is(err, ErrNotFound)
	if isNew {
		stored = Stored{SHA256: sha, MediaType: mediaType, Bytes: int64(len(content))}
	}
	if err := os.MkdirAll(filepath.Dir(a.path(sha)), 0o755); err != nil {
		return Stored{}, false, fmt.Errorf("keep source: %w", err)
	}
	// The copy comes first: metadata without its copy would be a broken promise. A copy
	// that is missing or damaged is written again.
	if held, err := os.ReadFile(a.path(sha)); err != nil || !bytes.Equal(held, content) {
		if err := writeFile(a.path(sha), content); err != nil {
			return Stored{}, false, fmt.Errorf("keep source: %w", err)
		}
	}
	if slices.ContainsFunc(stored.Fetches, func(g Fetch) bool { return sameFetch(f, g) }) {
		return stored, false, nil
	}
	stored.Fetches = append(stored.Fetches, f)
	slices.SortStableFunc(stored.Fetches, func(a, b Fetch) int { return a.Time.Compare(b.Time) })
	text, err := json.MarshalIndent(stored, "", "  ")
	if err != nil {
		return Stored{}, false, fmt.Errorf("keep source: %w", err)
	}
	if err := writeFile(a.path(sha)+".json", append(text, '\n')); err != nil {
		return Stored{}, false, fmt.Errorf("keep source: %w", err)
	}
	return stored, isNew, nil
}

// sameFetch reports whether two fetches tell the same. A file given again is no news; a
// page fetched at another time is.
func sameFetch(f, g Fetch) bool {
	if f.How != g.How || f.URL != g.URL || f.Name != g.Name {
		return false
	}
	return f.How == "file" || f.Time.Equal(g.Time)
}

// Get returns a copy by its SHA-256, or by at least the first 6 digits of it. It is an
// error if the bytes do not have the copy's name as their hash.
func (a *Archive) Get(name string) (Stored, []byte, error) {
	sha, err := a.resolve(name)
	if err != nil {
		return Stored{}, nil, err
	}
	stored, err := a.meta(sha)
	if err != nil {
		return Stored{}, nil, err
	}
	content, err := os.ReadFile(a.path(sha))
	if err != nil {
		return stored, nil, fmt.Errorf("read source %s: %w", sha[:12], err)
	}
	if SHA256(content) != sha {
		return stored, nil, fmt.Errorf("source %s is damaged: its bytes have another SHA-256; restore %s from a backup", sha[:12], a.path(sha))
	}
	return stored, content, nil
}

func (a *Archive) resolve(name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	if shaForm.MatchString(name) {
		return name, nil
	}
	if len(name) < 6 || strings.Trim(name, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is no SHA-256, nor the first six or more digits of one", name)
	}
	matches, err := filepath.Glob(filepath.Join(a.dir, name[:2], name+"*.json"))
	if err != nil {
		return "", fmt.Errorf("find source %s: %w", name, err)
	}
	switch len(matches) {
	case 0:
		return "", fmt.Errorf("source %s: %w", name, ErrNotFound)
	case 1:
		return strings.TrimSuffix(filepath.Base(matches[0]), ".json"), nil
	}
	return "", fmt.Errorf("%d sources begin with %s; give more digits", len(matches), name)
}

func (a *Archive) meta(sha string) (Stored, error) {
	var s Stored
	text, err := os.ReadFile(a.path(sha) + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		return s, fmt.Errorf("source %s: %w", sha[:12], ErrNotFound)
	}
	if err != nil {
		return s, fmt.Errorf("read source %s: %w", sha[:12], err)
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read what is known of source %s: %w", sha[:12], err)
	}
	return s, nil
}

// List returns every copy, ordered by the time when it was first got, then by name.
func (a *Archive) List() ([]Stored, error) {
	matches, err := filepath.Glob(filepath.Join(a.dir, "*", "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	var list []Stored
	for _, m := range matches {
		sha := strings.TrimSuffix(filepath.Base(m), ".json")
		if !shaForm.MatchString(sha) {
			continue
		}
		s, err := a.meta(sha)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(x, y Stored) int {
		if len(x.Fetches) > 0 && len(y.Fetches) > 0 {
			if c := x.Fetches[0].Time.Compare(y.Fetches[0].Time); c != 0 {
				return c
			}
		}
		return strings.Compare(x.SHA256, y.SHA256)
	})
	return list, nil
}

// writeFile replaces a file. After a crash it is whole: the old one or the new one.
func writeFile(path string, data []byte) error {
	if err := renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644)); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

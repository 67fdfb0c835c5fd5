package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Use says how to read a copy as data: which reports or requests to import from it. The
// data are read from the copy each time, so they can never differ from their source.
type Use struct {
	Purpose string            `json:"purpose"` // "bans" or "requests"
	Format  string            `json:"format"`
	SHA256  string            `json:"sha256"`
	Name    string            `json:"name"`              // of the file, for people
	Columns map[string]string `json:"columns,omitempty"` // maps fields to columns, for formats that need it
	Fixed   map[string]string `json:"fixed,omitempty"`   // maps fields to values
	Time    time.Time         `json:"time"`
}

func (a *Archive) usePath(u Use) string {
	return filepath.Join(a.dir, "uses", u.Purpose+"-"+u.SHA256+".json")
}

// Use notes that a copy is used. isNew is false if that is noted already. If u reads the
// copy in another way, it replaces the old note.
func (a *Archive) Use(u Use) (isNew bool, err error) {
	u.Time = u.Time.UTC().Truncate(time.Second)
	old, err := a.readUse(a.usePath(u))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err == nil && sameReading(old, u) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Join(a.dir, "uses"), 0o755); err != nil {
		return false, fmt.Errorf("note use of source: %w", err)
	}
	text, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return false, fmt.Errorf("note use of source: %w", err)
	}
	if err := writeFile(a.usePath(u), append(text, '\n')); err != nil {
		return false, fmt.Errorf("note use of source: %w", err)
	}
	return true, nil
}

func sameReading(a, b Use) bool {
	a.Time, b.Time, a.Name, b.Name = time.Time{}, time.Time{}, "", ""
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// Uses returns which copies are used for a purpose, ordered by name and SHA-256.
func (a *Archive) Uses(purpose string) ([]Use, error) {
	matches, err := filepath.Glob(filepath.Join(a.dir, "uses", purpose+"-*.json"))
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	var uses []Use
	for _, m := range matches {
		u, err := a.readUse(m)
		if err != nil {
			return nil, err
		}
		uses = append(uses, u)
	}
	slices.SortFunc(uses, func(x, y Use) int {
		return strings.Compare(x.Name+"\x00"+x.SHA256, y.Name+"\x00"+y.SHA256)
	})
	return uses, nil
}

func (a *Archive) readUse(path string) (Use, error) {
	var u Use
	text, err := os.ReadFile(path)
	if err != nil {
		return u, fmt.Errorf("read import: %w", err)
	}
	if err := json.Unmarshal(text, &u); err != nil {
		return u, fmt.Errorf("read import %s: %w", path, err)
	}
	if !shaForm.MatchString(u.SHA256) {
		return u, fmt.Errorf("read import %s: bad SHA-256 %q", path, u.SHA256)
	}
	return u, nil
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/source"
)

func updateCommand() command {
	return command{
		name:  "update",
		usage: "fingerprints FILE|URL…",
		about: "take a new snapshot of the known block pages and addresses",
		run:   runUpdate,
	}
}

func runUpdate(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "update")
	data := dataFlag(fs)
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) < 2 || rest[0] != "fingerprints" {
		return usageError("update: want `bandish update fingerprints FILE|URL…`; several tables (HTTP, DNS) make one snapshot")
	}
	var all []fingerprint.Fingerprint
	var tables [][]byte
	for _, from := range rest[1:] {
		table, err := fetch(ctx, from)
		if err != nil {
			return fmt.Errorf("update fingerprints from %s: %w", from, err)
		}
		some, err := fingerprint.ReadCSV(bytes.NewReader(table))
		if err != nil {
			return fmt.Errorf("update fingerprints from %s: %w", from, err)
		}
		all = append(all, some...)
		tables = append(tables, table)
	}
	set, err := fingerprint.New(all)
	if err != nil {
		return fmt.Errorf("update fingerprints: %w", err)
	}
	if err := storeFingerprints(*data, tables); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d fingerprints, snapshot %s\n", set.Len(), set.ID())
	return nil
}

// maxTable bounds a table of fingerprints; the upstream ones are below 1 MB.
const maxTable = 64 << 20

func fetch(ctx context.Context, from string) ([]byte, error) {
	if !strings.HasPrefix(from, "http://") && !strings.HasPrefix(from, "https://") {
		content, _, err := source.ReadFile(from, maxTable)
		return content, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", res.Status)
	}
	content, err := io.ReadAll(io.LimitReader(res.Body, maxTable+1))
	if err == nil && len(content) > maxTable {
		err = fmt.Errorf("it has more than %d bytes, which is too large", maxTable)
	}
	return content, err
}

// storeFingerprints writes each table under the hash of its content, and then
// the list of those in force.
func storeFingerprints(data string, tables [][]byte) error {
	dir := filepath.Join(data, "fingerprints")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("store fingerprints: %w", err)
	}
	var current strings.Builder
	for _, table := range tables {
		sum := sha256.Sum256(table)
		name := hex.EncodeToString(sum[:]) + ".csv"
		if err := replaceFile(filepath.Join(dir, name), table); err != nil {
			return fmt.Errorf("store fingerprints: %w", err)
		}
		current.WriteString(name + "\n")
	}
	if err := replaceFile(filepath.Join(dir, "current"), []byte(current.String())); err != nil {
		return fmt.Errorf("store fingerprints: %w", err)
	}
	return nil
}

// replaceFile writes a file so that a reader sees the old content or the new.
func replaceFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// currentFingerprints returns the snapshot in force: the embedded set, and
// what the last update took besides.
func currentFingerprints(data string) (*fingerprint.Set, error) {
	dir := filepath.Join(data, "fingerprints")
	list, err := os.ReadFile(filepath.Join(dir, "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return fingerprint.Embedded(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read fingerprints: %w", err)
	}
	all := fingerprint.EmbeddedList()
	for name := range strings.FieldsSeq(string(list)) {
		table, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			return nil, fmt.Errorf("read fingerprints: %w; `bandish update fingerprints` mends it", err)
		}
		some, err := fingerprint.ReadCSV(bytes.NewReader(table))
		if err != nil {
			return nil, fmt.Errorf("read fingerprints: %s: %w", name, err)
		}
		all = append(all, some...)
	}
	return fingerprint.New(all)
}

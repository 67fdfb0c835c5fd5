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

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/dial"
	"github.com/bandish/bandish/internal/source"
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
)

func updateCommand(env *environment) *cobra.Command {
	of := func(what, short string) *cobra.Command {
		private := false
		c := &cobra.Command{
			Use:         what + " FILE|URL…",
			Short:       short,
			Example:     "bandish update " + what + " " + what + ".csv",
			Annotations: map[string]string{argumentsNote: "FILE|URL  a table in CSV; several make one snapshot"},
			Args:        someArgs("the tables, files or addresses"),
			RunE:        noting(env, func(ctx context.Context, from []string) error { return update(ctx, env, what, from, private) }),
		}
		privateFlag(c, &private)
		return c
	}
	return group(&cobra.Command{Use: "update COMMAND", Short: "take a new snapshot of the known block pages and addresses, or of the known defects of tests"},
		of("fingerprints", "take a new snapshot of the known block pages (HTTP) and addresses (DNS)"),
		of("defects", "take a new list of the known defects of tests"))
}

func update(ctx context.Context, env *environment, what string, sources []string, private bool) error {
	var tables [][]byte
	for _, from := range sources {
		table, err := fetch(ctx, from, private)
		if err == nil && what == "defects" {
			_, err = defect.ReadCSV(bytes.NewReader(table))
		} else if err == nil {
			_, err = fingerprint.ReadCSV(bytes.NewReader(table))
		}
		if err != nil {
			return fmt.Errorf("update %s from %s: %w", what, from, err)
		}
		tables = append(tables, table)
	}
	said, err := snapshot(what, tables)
	if err != nil {
		return fmt.Errorf("update %s: %w", what, err)
	}
	if err := storeTables(filepath.Join(env.data, what), tables); err != nil {
		return fmt.Errorf("store %s: %w", what, err)
	}
	fmt.Fprintln(env.stdout, said)
	return nil
}

// snapshot tries to make a set of the tables, so that only valid ones are stored. It says
// what the set holds.
func snapshot(what string, tables [][]byte) (string, error) {
	if what == "defects" {
		all, err := defectsIn(tables)
		if err != nil {
			return "", err
		}
		t, err := defect.New(all)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d defects", t.Len()), nil
	}
	all, err := fingerprintsIn(tables)
	if err != nil {
		return "", err
	}
	set, err := fingerprint.New(all)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d fingerprints, snapshot %s", set.Len(), set.ID()), nil
}

func defectsIn(tables [][]byte) ([]defect.Window, error) {
	var all []defect.Window
	for _, table := range tables {
		some, err := defect.ReadCSV(bytes.NewReader(table))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func fingerprintsIn(tables [][]byte) ([]fingerprint.Fingerprint, error) {
	var all []fingerprint.Fingerprint
	for _, table := range tables {
		some, err := fingerprint.ReadCSV(bytes.NewReader(table))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// maxTable is the greatest size of a table of fingerprints. The upstream tables are
// smaller than 1 MB.
const maxTable = 64 << 20

func fetch(ctx context.Context, from string, private bool) ([]byte, error) {
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
	res, err := (&http.Client{Transport: dial.ForURL(from, private).Proxied()}).Do(req)
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

// storeTables writes each table under the hash of its content, and then the list of those
// in force.
func storeTables(dir string, tables [][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var current strings.Builder
	for _, table := range tables {
		sum := sha256.Sum256(table)
		name := hex.EncodeToString(sum[:]) + ".csv"
		if err := replaceFile(filepath.Join(dir, name), table); err != nil {
			return err
		}
		current.WriteString(name + "\n")
	}
	return replaceFile(filepath.Join(dir, "current"), []byte(current.String()))
}

// tablesIn reads what storeTables wrote, nil if nothing was stored.
func tablesIn(dir string) ([][]byte, error) {
	list, err := os.ReadFile(filepath.Join(dir, "current"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var tables [][]byte
	for name := range strings.FieldsSeq(string(list)) {
		table, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			return nil, fmt.Errorf("%w; `bandish update %s` takes a new snapshot", err, filepath.Base(dir))
		}
		tables = append(tables, table)
	}
	return tables, nil
}

// replaceFile writes a file so that a reader sees either the old or the new content.
func replaceFile(path string, content []byte) error {
	return renameio.WriteFile(path, content, 0o644, renameio.WithTempDir(filepath.Dir(path)), renameio.WithStaticPermissions(0o644))
}

// currentFingerprints returns the snapshot in force: the embedded set, and what the last
// update added.
func currentFingerprints(data string) (*fingerprint.Set, error) {
	all, err := currentFingerprintList(data)
	if err != nil {
		return nil, err
	}
	if len(all) == len(fingerprint.EmbeddedList()) {
		return fingerprint.Embedded(), nil
	}
	return fingerprint.New(all)
}

// currentFingerprintList returns the fingerprints in force.
func currentFingerprintList(data string) ([]fingerprint.Fingerprint, error) {
	tables, err := tablesIn(filepath.Join(data, "fingerprints"))
	if err != nil {
		return nil, fmt.Errorf("read fingerprints: %w", err)
	}
	all, err := fingerprintsIn(tables)
	if err != nil {
		return nil, err
	}
	return append(fingerprint.EmbeddedList(), all...), nil
}

// currentDefects returns the defects in force, in the same way.
func currentDefects(data string) (*defect.Table, error) {
	all, err := currentDefectList(data)
	if err != nil {
		return nil, err
	}
	if len(all) == len(defect.EmbeddedList()) {
		return defect.Embedded(), nil
	}
	return defect.New(all)
}

// currentDefectList returns the list of defects in force.
func currentDefectList(data string) ([]defect.Window, error) {
	tables, err := tablesIn(filepath.Join(data, "defects"))
	if err != nil {
		return nil, fmt.Errorf("read defects: %w", err)
	}
	all, err := defectsIn(tables)
	if err != nil {
		return nil, err
	}
	return append(defect.EmbeddedList(), all...), nil
}

package archive

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Exported counts what an export wrote.
type Exported struct {
	Measurements int64 `json:"measurements"`
	Objects      int   `json:"objects"`
	Marked       int64 `json:"left_out"` // doubted when they were handed in, and left out: they do not vote here, and other programs could not see the doubt
}

// ExportOONI writes the archive's measurements into an empty folder, in the layout of
// OONI's bucket: raw/YYYYMMDD/HH/CC/test/YYYYMMDDHH_CC_test.n0.0.jsonl.gz. A line is one
// document with its measurement_uid. The hour is that in which a collector received the
// document or, if that is not known, in which the measurement began. The same archive
// gives the same bytes.
func (a *Archive) ExportOONI(ctx context.Context, dir string) (Exported, error) {
	var out Exported
	if err := emptyFolder(dir); err != nil {
		return out, fmt.Errorf("export to %s: %w", dir, err)
	}
	m, err := a.Manifest()
	if err != nil {
		return out, err
	}
	batches := slices.SortedFunc(slices.Values(m.Batches()), func(x, y Batch) int {
		return cmp.Or(x.Added.Compare(y.Added), strings.Compare(x.SHA256, y.SHA256))
	})
	objects := map[string]bool{}
	for _, b := range batches {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if b.Kind != KindMeasurements {
			continue
		}
		parts := map[string]*bytes.Buffer{}
		err := a.ReadRaw(b, func(_ uint32, e *Entry) error {
			if len(e.Marks) > 0 {
				out.Marked++
				return nil
			}
			key, line := ooniLine(e)
			if parts[key] == nil {
				parts[key] = new(bytes.Buffer)
			}
			parts[key].Write(line)
			out.Measurements++
			return nil
		})
		if err != nil {
			return out, err
		}
		for _, key := range slices.Sorted(maps.Keys(parts)) {
			if err := appendGzip(filepath.Join(dir, filepath.FromSlash(key)), parts[key].Bytes()); err != nil {
				return out, fmt.Errorf("export to %s: %w", dir, err)
			}
			objects[key] = true
		}
	}
	out.Objects = len(objects)
	return out, nil
}

func emptyFolder(dir string) error {
	there, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(dir, 0o755)
	case err != nil:
		return err
	case len(there) > 0:
		return errors.New("the folder is not empty: name a new one")
	}
	return nil
}

var (
	notInTests = regexp.MustCompile(`[^a-z0-9]`)
	aCountry   = regexp.MustCompile(`^[A-Z]{2}$`)
)

// ooniLine returns the name of the object that a document belongs to, and its line there.
func ooniLine(e *Entry) (key string, line []byte) {
	var head struct {
		UID   json.RawMessage `json:"measurement_uid"`
		CC    any             `json:"probe_cc"`
		Test  any             `json:"test_name"`
		Start any             `json:"measurement_start_time"`
	}
	_ = json.Unmarshal(e.Document, &head) // fields that cannot be read are left out
	at := e.Uploaded
	if start, _ := head.Start.(string); at.IsZero() {
		at, _ = time.Parse(time.DateTime, start) // the year 1 if it cannot be read
	}
	cc, _ := head.CC.(string)
	if cc = strings.ToUpper(cc); !aCountry.MatchString(cc) {
		cc = "ZZ"
	}
	test, _ := head.Test.(string)
	if test = notInTests.ReplaceAllString(strings.ToLower(test), ""); test == "" {
		test = "unknown"
	}
	test = test[:min(len(test), 40)]
	at = at.UTC()
	key = fmt.Sprintf("raw/%s/%s/%s/%s/%s_%s_%s.n0.0.jsonl.gz", at.Format("20060102"), at.Format("15"), cc, test, at.Format("2006010215"), cc, test)
	line = bytes.TrimSpace(e.Document)
	if rest, ok := bytes.CutPrefix(line, []byte("{")); ok && head.UID == nil {
		uid, err := json.Marshal(e.UID)
		if err == nil {
			sep := ","
			if bytes.HasPrefix(bytes.TrimSpace(rest), []byte("}")) {
				sep = ""
			}
			line = append(fmt.Appendf(nil, `{"measurement_uid":%s%s`, uid, sep), rest...)
		}
	}
	return key, append(bytes.Clone(line), '\n')
}

// appendGzip adds a member to a gzip file. All members of such a file unpack as one text.
func appendGzip(path string, text []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	if _, err := z.Write(text); err != nil {
		return err
	}
	return z.Close()
}

package trial

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/andybalholm/brotli"

	"github.com/bandish/bandish/measurement"
)

// The demonstration's history, as the lab measured it once: a line for each document, in
// the order of DemoVisits(PackedEnd, PackedPerDay). "go test ./internal/trial -run Packed
// -pack" makes it again. TestPackedIsWhatTheLabMeasures compares it with the lab.
//
//go:embed history.jsonl.br
var packed []byte

// PackedPerDay is how often a day each site is measured on each network.
const PackedPerDay = 2

// PackedEnd is the first day after the history.
var PackedEnd = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Packed returns the documents of the history. Their times are moved by whole days, so
// that the last day is the one before end. Nothing else is changed.
func Packed(end time.Time) ([][]byte, error) {
	text, err := io.ReadAll(brotli.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("read the packed history: %w", err)
	}
	days := int(end.UTC().Truncate(24*time.Hour).Sub(PackedEnd).Hours() / 24)
	var docs [][]byte
	for line := range bytes.Lines(text) {
		doc, err := moved(bytes.TrimSpace(line), days)
		if err != nil {
			return nil, fmt.Errorf("read the packed history: document %d: %w", len(docs)+1, err)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// finer matches a time in seconds with more digits than microseconds need.
var finer = regexp.MustCompile(`(:[0-9]+\.[0-9]{6})[0-9]+([,}\]])`)

// Pack packs documents, in the order of their visits. Times within a measurement keep
// microseconds only: finer digits are half of the size.
func Pack(docs [][]byte) ([]byte, error) {
	var b bytes.Buffer
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	for _, doc := range docs {
		if _, err := w.Write(append(finer.ReplaceAll(doc, []byte("$1$2")), '\n')); err != nil {
			return nil, fmt.Errorf("pack a history: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack a history: %w", err)
	}
	return b.Bytes(), nil
}

// moved returns a document with its times moved by some days.
func moved(doc []byte, days int) ([]byte, error) {
	var m struct {
		ReportID string           `json:"report_id"`
		Test     measurement.Time `json:"test_start_time"`
		Start    measurement.Time `json:"measurement_start_time"`
	}
	if err := json.Unmarshal(doc, &m); err != nil {
		return nil, err
	}
	for _, t := range []struct {
		key, form, rest string
		at              time.Time
	}{
		{"test_start_time", time.DateTime, `"`, m.Test.Time},
		{"measurement_start_time", time.DateTime, `"`, m.Start.Time},
		{"report_id", "20060102T150405Z", "_", m.Start.Time},
	} {
		write := func(at time.Time) []byte { return []byte(`"` + t.key + `":"` + at.Format(t.form) + t.rest) }
		if bytes.Count(doc, write(t.at)) != 1 {
			return nil, fmt.Errorf("its %s is not written once, as %s", t.key, write(t.at))
		}
		doc = bytes.Replace(doc, write(t.at), write(t.at.AddDate(0, 0, days)), 1)
	}
	return doc, nil
}

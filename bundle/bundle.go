// Package bundle makes and checks evidence bundles. A bundle is one ZIP file with
// the evidence for something that the record says. A reader can check it without
// trusting whoever made it.
//
// A bundle holds raw measurements as they were received, what was derived from
// them, the parameters of the derivation, records, and proofs that these were in
// the log of the server by a certain time. Write makes one: the same contents give
// the same bytes. Verify hashes everything again, derives everything again from the
// raw measurements, and says line by line what is proved, what is not proved and
// why, and what is false. The package does no I/O of its own and reads no clock.
// docs/formats/bundle.md describes the files.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/defect"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// Format names the form of bundles and of their texts for readers. It changes with
// every change of either.
const Format = "bandish-bundle/1"

// The names of files in a bundle.
const (
	indexName        = "bundle.json"
	crateName        = "ro-crate-metadata.json"
	reportName       = "report.html"
	howToName        = "HOW-TO-VERIFY.txt"
	sumsName         = "SHA256SUMS"
	custodyName      = "chain-of-custody.json"
	observationsName = "observations.jsonl.gz"
	verdictsName     = "verdicts.jsonl.gz"
	asidesName       = "asides.jsonl.gz"
	countsName       = "published-counts.jsonl.gz"
	findingsName     = "findings.jsonl.gz"
	daysName         = "cells/days.jsonl.gz"
	eventsName       = "events.json"
	answersName      = "answers.json"
	reportedName     = "reported.json"
	fingerprintsName = "parameters/fingerprints.json"
	defectsName      = "parameters/defects.json"
	platformsName    = "parameters/platforms.json"
	rulesName        = "parameters/rules.md"
	sourcesName      = "records/sources.json"
)

// Index says what a bundle holds and how it was derived (bundle.json).
type Index struct {
	Format   string   `json:"format"`
	Software string   `json:"software"` // that made the bundle
	About    []Item   `json:"about"`    // what the bundle is evidence for
	Example  bool     `json:"example"`  // true for country ZZ: no real network
	Origin   string   `json:"origin"`   // the name of the log that everything is proved by; "" without a log
	State    State    `json:"state"`
	Batches  []Batch  `json:"batches"`
	Pairs    []Pair   `json:"pairs"`
	Places   []Place  `json:"countries"`
	Records  []Record `json:"records"`
	// Revisions gives for each case the revision of its enclosed record.
	Revisions []Revision `json:"revisions"`
	// Left says what was asked for and is not enclosed, and why; a sentence each.
	Left []string `json:"left_out"`
}

// Item is one thing that was asked for.
type Item struct {
	Kind string `json:"kind"` // measurement, event, answer, case, claim
	ID   string `json:"id"`
	Text string `json:"text"` // in a sentence, for readers
}

// State names the rules and parameters that the archive was derived with.
type State struct {
	Generation   uint64 `json:"generation"`
	Ruleset      string `json:"ruleset"`
	Detector     string `json:"detector"`
	Answers      string `json:"answers"`      // version of the rules of answers (answer.Version)
	Fingerprints string `json:"fingerprints"` // id of the enclosed snapshot of fingerprints
	TrustStore   string `json:"trust_store"`
	Platforms    string `json:"platforms"` // SHA-256 of the registry of platforms
}

// Batch is a raw batch some of whose lines are enclosed, unchanged, in
// raw/SHA256.jsonl.gz.
type Batch struct {
	SHA256    string    `json:"sha256"` // of the file of the whole batch
	Kind      string    `json:"kind"`   // measurements, web
	Documents int       `json:"documents"`
	Added     time.Time `json:"added"`
	Clock     string    `json:"clock"`
	Lines     []uint32  `json:"lines"` // the lines that are enclosed, from 0
	// Redacted are the lines whose source is not enclosed in full, because it may
	// hold a password or the name of a folder. The proof of the log does not hold for
	// such a line.
	Redacted []uint32 `json:"redacted"`

	Text [][]byte `json:"-"` // the lines themselves, in the order of Lines
}

// Pair is a target in a country whose measurements are enclosed.
type Pair struct {
	CC           string `json:"probe_cc"`
	Target       string `json:"target"`
	Measurements int    `json:"measurements"` // in the archive
	Enclosed     int    `json:"enclosed"`
	// From and Until, in Unix seconds, bound the days whose measurements are all
	// enclosed; Until is exclusive. They are equal where there are no such days.
	From  int64 `json:"from"`
	Until int64 `json:"until"`
}

// Place is a country whose hourly cells are enclosed.
type Place struct {
	CC string `json:"probe_cc"`
	// Whole is true where the cells of all targets are enclosed, so that the detector
	// can be run again. Otherwise only the cells of the pairs are enclosed.
	Whole bool `json:"whole"`
	Cells int  `json:"cells"`
	// Others is how many other countries' findings are enclosed.
	Others int `json:"other_countries"`
	// Segments are the archive's files of hourly cells, by month, that the enclosed
	// cells are from.
	Segments []HoursSegment `json:"segments"`
}

// HoursSegment is one of the archive's files of hourly cells of a month.
type HoursSegment struct {
	Period string `json:"period"`
	SHA256 string `json:"sha256"`
	// Countries maps each country to the hash of its cells (event.HashCells), as the
	// archive's manifest has it.
	Countries map[string]string `json:"countries"`

	Hours []series.Cell `json:"-"` // the enclosed cells of the place, sorted
}

// hoursPath returns the name in the bundle of the cells from one segment.
func (p *Place) hoursPath(s *HoursSegment) string {
	return "cells/" + p.CC + "-" + s.Period + "-" + s.SHA256[:min(8, len(s.SHA256))] + ".jsonl.gz"
}

// Hours returns the enclosed hourly cells of a country, sorted.
func (p *Place) Hours() []series.Cell {
	var out []series.Cell
	for i := range p.Segments {
		out = append(out, p.Segments[i].Hours...)
	}
	series.Sort(out)
	return out
}

// Record is a file of the case record that is enclosed.
type Record struct {
	Name string `json:"name"` // below records/: "ID/case.yaml", "shared/sources.yaml"
	Text []byte `json:"-"`
}

// Revision names the state of a case: the SHA-256 of what "sha256sum ID/*.yaml
// shared/*.yaml" prints in the folder records/, sorted by name.
type Revision struct {
	Case   string `json:"case"`
	SHA256 string `json:"sha256"`
}

// Source is a source that a case cites.
type Source struct {
	ID        string   `json:"id"`
	Publisher string   `json:"publisher"`
	Title     string   `json:"title"`
	Date      string   `json:"date"`
	URL       string   `json:"url"`
	SHA256    string   `json:"sha256"`      // of the copy that citations refer to; "" for none
	Enclosed  bool     `json:"enclosed"`    // the copy is enclosed, as sources/SHA256
	Why       string   `json:"why_no_copy"` // why the copy is not enclosed
	Fetched   []string `json:"fetched"`
}

// Mark says what only many measurements together show about an enclosed
// measurement: that it does not vote, or that the network made its page slow.
type Mark struct {
	Raw       string `json:"raw"`
	Line      uint32 `json:"line"`
	UID       string `json:"measurement_uid"`
	Invalid   string `json:"invalid"`
	Throttled bool   `json:"throttled"`
}

// Platform is an answer of the registry of platforms: from a moment on, the
// measurements of a host (or of a test without a host) are of a target.
type Platform struct {
	Host   string `json:"host"`
	Test   string `json:"test_name"`
	From   int64  `json:"from"` // Unix seconds: the first enclosed measurement for which it was asked
	Target string `json:"target"`
}

// Answer is what the record answered to a question, as readers saw it.
type Answer struct {
	Kind     string   `json:"kind"` // answer, claim
	ID       string   `json:"id"`
	CC       string   `json:"probe_cc"`
	Target   string   `json:"target"`
	State    string   `json:"state"`
	Sentence string   `json:"sentence"`
	Event    string   `json:"event"`
	Evidence []string `json:"evidence"`
	Document string   `json:"document"` // the whole answer as JSON
}

// Contents is everything that a bundle is made of.
type Contents struct {
	Index
	Observations []observation.Row
	Verdicts     []verdict.Row
	Marks        []Mark
	Days         []series.Cell // daily cells of Pairs
	Counts       []derivation.PublishedCount
	Findings     []json.RawMessage // event.Findings of other countries, sorted by country
	Events       []event.Event
	Answers      []Answer
	Reported     []ReportedBan // bans that others report, of what the answers are about
	Sources      []Source
	Copies       map[string][]byte // copies of sources, by SHA-256
	Fingerprints []fingerprint.Fingerprint
	Defects      []defect.Window
	Platforms    []Platform
	Rules        []byte  // the rules in words, as Markdown
	Proofs       *Proofs // nil where no log is enclosed
}

// Write writes a bundle. It first sorts the contents and sets their Format. An
// error is one of w, or says what does not fit into a bundle.
func Write(w io.Writer, c *Contents) error {
	c.Format = Format
	c.sort()
	files, err := c.files()
	if err != nil {
		return fmt.Errorf("make bundle: %w", err)
	}
	if files, err = c.addReadings(files); err != nil {
		return fmt.Errorf("make bundle: %w", err)
	}
	return writeZIP(w, files)
}

func (c *Contents) sort() {
	slices.SortFunc(c.Batches, func(a, b Batch) int { return strings.Compare(a.SHA256, b.SHA256) })
	slices.SortFunc(c.Observations, func(a, b observation.Row) int { return derivation.CompareObservations(&a, &b) })
	slices.SortFunc(c.Verdicts, func(a, b verdict.Row) int { return derivation.CompareVerdicts(&a, &b) })
	slices.SortFunc(c.Marks, func(a, b Mark) int {
		return strings.Compare(fmt.Sprintf("%s %9d", a.Raw, a.Line), fmt.Sprintf("%s %9d", b.Raw, b.Line))
	})
	series.Sort(c.Days)
	slices.SortFunc(c.Records, func(a, b Record) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(c.Counts, func(a, b derivation.PublishedCount) int { return derivation.ComparePublishedCounts(&a, &b) })
	for i := range c.Observations {
		c.Observations[i].Time = stored(c.Observations[i].Time)
	}
	for i := range c.Verdicts {
		c.Verdicts[i].Time = stored(c.Verdicts[i].Time)
	}
}

// stored returns a time as segments keep it: UTC, in whole microseconds.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// encoder collects files and keeps the first error.
type encoder struct {
	files []file
	err   error
}

func (e *encoder) add(name string, data []byte, err error) {
	if err == nil && strings.HasSuffix(name, ".gz") {
		data, err = pack(data)
	}
	e.files, e.err = append(e.files, file{name, data}), errors.Join(e.err, err)
}

func addLines[T any](e *encoder, name string, values []T) {
	if len(values) > 0 {
		data, err := lines(values)
		e.add(name, data, err)
	}
}

func addDocument[T any](e *encoder, name string, values []T) {
	if len(values) > 0 {
		data, err := document(values)
		e.add(name, data, err)
	}
}

// files returns the files of the bundle that hold data, without those that are made
// from them (addReadings).
func (c *Contents) files() ([]file, error) {
	e := new(encoder)
	index, err := document(c.Index)
	e.add(indexName, index, err)
	for _, b := range c.Batches {
		text := bytes.Join(b.Text, []byte("\n"))
		e.add(b.path(), append(text, '\n'), nil)
	}
	addLines(e, observationsName, c.Observations)
	addLines(e, verdictsName, c.Verdicts)
	addLines(e, asidesName, c.Marks)
	for i := range c.Places {
		p := &c.Places[i]
		for k := range p.Segments {
			data, err := lines(p.Segments[k].Hours)
			e.add(p.hoursPath(&p.Segments[k]), data, err)
		}
	}
	addLines(e, daysName, c.Days)
	addLines(e, countsName, c.Counts)
	addLines(e, findingsName, c.Findings)
	addDocument(e, eventsName, c.Events)
	addDocument(e, answersName, c.Answers)
	addDocument(e, reportedName, c.Reported)
	addDocument(e, sourcesName, c.Sources)
	addDocument(e, fingerprintsName, c.Fingerprints)
	addDocument(e, defectsName, c.Defects)
	addDocument(e, platformsName, c.Platforms)
	if len(c.Rules) > 0 {
		e.add(rulesName, c.Rules, nil)
	}
	for sha, data := range c.Copies {
		e.add(copyName(sha), data, nil)
	}
	for _, r := range c.Records {
		e.add("records/"+r.Name, r.Text, nil)
	}
	if c.Proofs != nil {
		c.Proofs.addTo(e)
	}
	return e.files, e.err
}

// copyFolder holds copies of sources.
const copyFolder = "sources/"

func copyName(sha string) string { return copyFolder + sha }

// path returns the name in the bundle of a batch's lines.
func (b *Batch) path() string { return "raw/" + b.SHA256 + ".jsonl.gz" }

// addReadings adds the files that are made from the data: those for readers, and
// the list of hashes.
func (c *Contents) addReadings(files []file) ([]file, error) {
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	custody, err := document(c.custody())
	if err != nil {
		return nil, err
	}
	files = append(files, file{custodyName, custody}, file{howToName, []byte(c.howTo())}, file{reportName, c.report()})
	crate, err := c.crate(files)
	if err != nil {
		return nil, err
	}
	files = append(files, file{crateName, crate})
	return append(files, file{sumsName, sums(files)}), nil
}

// sums returns the list of hashes, in the form that sha256sum -c reads.
func sums(files []file) []byte {
	var out []string
	for _, f := range files {
		if f.name != sumsName {
			h := sha256.Sum256(f.data)
			out = append(out, hex.EncodeToString(h[:])+"  "+f.name+"\n")
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(a[66:], b[66:]) })
	return []byte(strings.Join(out, ""))
}

// Package reported reads cases: measurements for which somebody else than the authors of
// the rules has said what is right. It judges them, and counts how often the rules agree.
// It contains no truths itself.
package reported

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// Case is one measurement with its truth.
type Case struct {
	Name     string          // name of its file, without the ending
	Title    string          // what it is, in one line
	Right    []verdict.State // the states that are right; at least one
	Why      string          // why they are right
	Source   string          // who reported it
	Document []byte          // the measurement, JSON
	// Fingerprints judge the case, together with those that come with Bandish. If there
	// are none, those in force judge it.
	Fingerprints []fingerprint.Fingerprint
}

// Read reads the cases of a folder, sorted by name. A file *.txt is one case (see Parse).
// In a file truth.tsv each line is a case: name, states separated by |, source; its
// measurement is NAME.json in the same folder. The error reports all mistakes together.
func Read(folder fs.FS) ([]Case, error) {
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	var all []Case
	var faults []error
	for _, e := range entries {
		if e.IsDir() || path.Ext(e.Name()) != ".txt" && e.Name() != "truth.tsv" {
			continue
		}
		text, err := fs.ReadFile(folder, e.Name())
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if e.Name() == "truth.tsv" {
			some, err := table(folder, text)
			all, faults = append(all, some...), append(faults, err)
			continue
		}
		c, err := Parse(strings.TrimSuffix(e.Name(), ".txt"), text)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", e.Name(), err))
			continue
		}
		all = append(all, c)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	slices.SortFunc(all, func(a, b Case) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// table reads truth.tsv.
func table(folder fs.FS, text []byte) ([]Case, error) {
	var all []Case
	var faults []error
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(fields) != 3 {
			faults = append(faults, fmt.Errorf("truth.tsv:%d: %d fields, want name, states and source with tabs between them", n, len(fields)))
			continue
		}
		right, err := states(fields[1])
		if err != nil {
			faults = append(faults, fmt.Errorf("truth.tsv:%d: %w", n, err))
			continue
		}
		document, err := fs.ReadFile(folder, fields[0]+".json")
		if err != nil {
			faults = append(faults, fmt.Errorf("truth.tsv:%d: %w", n, err))
			continue
		}
		all = append(all, Case{Name: fields[0], Title: fields[0], Right: right, Source: fields[2], Document: document})
	}
	return all, errors.Join(faults...)
}

func states(list string) ([]verdict.State, error) {
	var all []verdict.State
	for s := range strings.SplitSeq(list, "|") {
		switch state := verdict.State(strings.TrimSpace(s)); state {
		case verdict.Blocked, verdict.LikelyBlocked, verdict.Impaired, verdict.Down, verdict.OK, verdict.Insufficient:
			all = append(all, state)
		default:
			return nil, fmt.Errorf("%q is no state; want blocked, likely_blocked, impaired, down, ok or insufficient, with | between several", s)
		}
	}
	return all, nil
}

// Parse reads a case from its text. First a title and the lines "right:", "why:" and
// "source:"; a value continues on indented lines. Then, in the form of txtar, the file
// measurement.json and, if the case needs it, fingerprints.csv. In the measurement, {N
// bytes} stands for N bytes of meaningless text.
func Parse(name string, text []byte) (Case, error) {
	archive := txtar.Parse(text)
	c := Case{Name: name}
	values, title, err := header(string(archive.Comment))
	if err != nil {
		return c, err
	}
	c.Title, c.Why, c.Source = title, values["why"], values["source"]
	if c.Right, err = states(values["right"]); err != nil {
		return c, fmt.Errorf("right: %w", err)
	}
	if c.Title == "" || c.Why == "" || c.Source == "" {
		return c, errors.New("want a title in the first line, and why: and source: below it")
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "measurement.json":
			c.Document = filled(f.Data)
		case "fingerprints.csv":
			if c.Fingerprints, err = fingerprint.ReadCSV(bytes.NewReader(f.Data)); err != nil {
				return c, err
			}
		default:
			return c, fmt.Errorf("file %q: want measurement.json or fingerprints.csv", f.Name)
		}
	}
	if !json.Valid(c.Document) {
		return c, errors.New("measurement.json is missing or no JSON")
	}
	return c, nil
}

func header(text string) (values map[string]string, title string, err error) {
	values = map[string]string{}
	key := ""
	for line := range strings.Lines(text) {
		name, value, isField := strings.Cut(line, ":")
		switch {
		case strings.TrimSpace(line) == "":
		case line[0] == ' ' && key != "":
			values[key] += " " + strings.TrimSpace(line)
		case title == "":
			title = strings.TrimSpace(line)
		case isField && slices.Contains([]string{"right", "why", "source"}, name):
			key, values[name] = name, strings.TrimSpace(value)
		default:
			return nil, "", fmt.Errorf("line %q: want right:, why:, source:, or an indented line that goes on", strings.TrimSpace(line))
		}
	}
	return values, title, nil
}

var space = regexp.MustCompile(`\{\d{1,7} bytes\}`)

const filler = "This text means nothing and only takes up room. "

// filled replaces each {N bytes} with so many bytes.
func filled(document []byte) []byte {
	return space.ReplaceAllFunc(document, func(mark []byte) []byte {
		n, _ := strconv.Atoi(string(mark[1:bytes.IndexByte(mark, ' ')]))
		return bytes.Repeat([]byte(filler), n/len(filler)+1)[:n]
	})
}

// Judge judges the case as an import would. The error says why the document is not a
// measurement that can be judged.
func (c *Case) Judge(o observation.Options) (verdict.Row, error) {
	rows, err := c.Observe(o)
	if err != nil {
		return verdict.Row{}, err
	}
	return verdict.Judge(rows), nil
}

// Observe returns the rows that Judge judges.
func (c *Case) Observe(o observation.Options) ([]observation.Row, error) {
	if len(c.Fingerprints) > 0 {
		set, err := fingerprint.New(append(fingerprint.EmbeddedList(), c.Fingerprints...))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		o.Fingerprints = set
	}
	m, err := measurement.Decode(c.Document)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	seen := observation.Observe(m, o)
	if !seen.Known {
		return nil, fmt.Errorf("%s: test %q is not one that is judged", c.Name, m.TestName)
	}
	return seen.Rows, nil
}

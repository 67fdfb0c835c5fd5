package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/derivation"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/series"
	"github.com/bandish/bandish/verdict"
)

// pathOfAMeasurement is the path that docs/ARCHITECTURE.md tells, in its order.
var pathOfAMeasurement = []string{
	"intake.Read", "measurement.Scrub", "derivation.Document", "measurement.Decode", "observation.Observe", "verdict.Judge", "archive.Update",
	"verdict.Marker.Mark", "series.Builder.Cells", "event.Detect", "answer.Of",
}

// A document goes through the functions that the page names, each of which gives
// the next what it needs: thirty days of two probes, the last ten of them resets.
func TestPathOfAMeasurement(t *testing.T) {
	var file bytes.Buffer
	for day := range 30 {
		for i := range 4 {
			at := time.Date(2024, 2, 1, 6*i, 0, 0, 0, time.UTC).AddDate(0, 0, day)
			file.Write(append(seen{host: "x.com", asn: 64512, at: at, report: at.Format("r20060102T150405"), who: "1", blocked: day >= 20}.json(), '\n'))
		}
	}
	a, err := archive.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var rows []verdict.Row
	err = intake.Read(&file, "documents.jsonl", func(d intake.Document) error {
		text, _ := measurement.Scrub(d.Data)
		options := observation.Options{Target: func(string, string, time.Time) string { return "x" }}
		made, err := derivation.Document(&derivation.Entry{Source: d.Source, Line: d.Line, Document: text}, time.Time{}, options)
		if err != nil {
			return err
		}
		m, err := measurement.Decode(text)
		if err != nil {
			return err
		}
		if by := verdict.Judge(observation.Observe(m, options).Rows); by.State != made.Verdict.State || !slices.Equal(by.Rules, made.Verdict.Rules) {
			t.Errorf("by its steps %s is %s, together %s", made.Verdict.UID, by.State, made.Verdict.State)
		}
		rows = append(rows, made.Verdict)
		return nil
	})
	if err != nil || len(rows) != 120 {
		t.Fatalf("%d verdicts, %v", len(rows), err)
	}
	slices.SortFunc(rows, func(a, b verdict.Row) int { return derivation.CompareVerdicts(&a, &b) })
	err = a.Update(t.Context(), func(u *archive.Update) error {
		_, err := archive.AddSegment(u, archive.Segment{Kind: archive.Verdicts, Period: "2024-02-01", Ruleset: verdict.Ruleset}, rows)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var marker verdict.Marker
	for i := range rows {
		marker.Add(&rows[i])
	}
	hours := series.NewBuilder(series.Hour).WithParts()
	days := series.NewBuilder(series.Day)
	for i := range rows {
		marker.Mark(&rows[i])
		hours.Add(&rows[i])
		days.Add(&rows[i])
	}
	found := event.Detect(hours.Cells(), time.Time{})
	if len(found.Events) != 1 {
		t.Fatalf("%d events", len(found.Events))
	}
	said := answer.Of(answer.Question{CC: "ZZ", Country: "ZZ", Target: "x", Name: "X", Now: rows[len(rows)-1].Time.AddDate(0, 0, 1)},
		answer.Evidence{Days: days.Cells(), Events: found.Events, Ruleset: verdict.Ruleset})
	if !said.State.Accuses() {
		t.Errorf("at the end X is %s", said.State)
	}
}

// The page names these functions, in the files that declare them.
func TestPathIsAsThePageSays(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## The path of a measurement")
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		named = append(named, row[1])
		if name := row[1][strings.LastIndex(row[1], ".")+1:]; !declares(t, filepath.Join("..", "..", row[2]), name) {
			t.Errorf("%s does not declare %s", row[2], name)
		}
	}
	if !slices.Equal(named, pathOfAMeasurement) {
		t.Errorf("the page names %v, the test walks %v", named, pathOfAMeasurement)
	}
}

func declares(t *testing.T, file, name string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return false
	}
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && fn.Name.Name == name
	})
}

// Every Go name in the tables of nouns is declared: `series.Cell.Reports` as a field or
// method of a type.
func TestNounsAreDeclared(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## Nouns")
	section, _, _ = strings.Cut(section, "\n## ")
	sources := map[string]string{} // all text of the packages of a name
	err = filepath.WalkDir(filepath.Join("..", ".."), func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources[filepath.Base(filepath.Dir(path))] += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`([a-z]+)\\.([A-Za-z]+)(?:\\.([A-Za-z]+))?`").FindAllStringSubmatch(section, -1)
	if len(names) < 20 {
		t.Fatalf("%d names are in the tables", len(names))
	}
	for _, n := range names {
		if n[2] == "jsonl" {
			continue // a file
		}
		if !regexp.MustCompile(`(?m)^(type|func) ` + n[2] + `\b`).MatchString(sources[n[1]]) {
			t.Errorf("package %s does not declare %s", n[1], n[2])
		}
		if n[3] != "" && !regexp.MustCompile(`(?m)^(\t|func \(\w+ \*?`+n[2]+`\) )`+n[3]+`\b`).MatchString(sources[n[1]]) {
			t.Errorf("package %s does not declare %s of %s", n[1], n[3], n[2])
		}
	}
}

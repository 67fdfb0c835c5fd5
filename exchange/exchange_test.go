package exchange_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/piprate/json-gold/ld"
	"gopkg.in/yaml.v3"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/exchange"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/records"
	"github.com/bandish/bandish/series"
)

var update = flag.Bool("update", false, "write the golden files")

// lab is the invented case, with the text of its article at hand.
func lab(t *testing.T) exchange.Edition {
	t.Helper()
	r, err := casefile.Load(os.DirFS(filepath.Join("testdata", "lab")), "lab")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join("testdata", "lab", "article.txt"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := source.ReadText(content, "text/plain", "")
	if err != nil {
		t.Fatal(err)
	}
	e := edition(t, r, "zz-2026-x")
	e.Base = "https://bandish.example/"
	e.Copies = func(sha string) (string, bool) { return text.Body, sha == source.SHA256(content) }
	return e
}

// measured is an archive of the lab alone: on 18 February 2026 X is within
// reach on an invented network.
type measured struct{}

func (measured) cells(cc, target string) []series.Cell {
	if cc != "ZZ" || target != "x" {
		return nil
	}
	day := time.Date(2026, 2, 18, 0, 0, 0, 0, time.UTC)
	return []series.Cell{{Target: "x", CC: "ZZ", ASN: 64512, Layer: series.Whole, Start: day.Unix(), Span: series.Day.Milliseconds() / 1000,
		Measurements: 9, OK: 9, Reports: 9, VoteOK: 9 * series.Vote}}
}

func (m measured) Evidence(_ context.Context, cc, target string, _ time.Time) (answer.Evidence, error) {
	return answer.Evidence{Days: m.cells(cc, target)}, nil
}

func (m measured) Cells(_ context.Context, cc, target string, _, _, _ time.Time) ([]series.Cell, error) {
	return m.cells(cc, target), nil
}

// edition is a case with the answers that its sources and the lab's
// measurements give.
func edition(t *testing.T, r *casefile.Records, id string) exchange.Edition {
	t.Helper()
	c := r.Case(id)
	if c == nil {
		t.Fatalf("no case %s", id)
	}
	answers, err := answer.Claims(context.Background(), r, c, casefile.Date{}, measured{})
	if err != nil {
		t.Fatal(err)
	}
	return exchange.Edition{Records: r, Case: c, Answers: answers, Base: "urn:x-bandish:", Revision: r.Revision(id)}
}

func write(t *testing.T, e exchange.Edition, format string) []byte {
	t.Helper()
	for _, f := range exchange.Formats {
		if f.Name == format {
			var out bytes.Buffer
			if err := f.Write(e, &out); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}
	}
	t.Fatalf("no format %s", format)
	return nil
}

func eachEdition(t *testing.T, check func(t *testing.T, e exchange.Edition)) {
	t.Helper()
	r, err := casefile.Load(records.FS, "records")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Cases) < 5 {
		t.Fatalf("only %d cases", len(r.Cases))
	}
	t.Run("lab", func(t *testing.T) { check(t, lab(t)) })
	for _, c := range r.Cases {
		t.Run(c.ID, func(t *testing.T) { check(t, edition(t, r, c.ID)) })
	}
}

// The invented case in every format, to be read.
func TestGolden(t *testing.T) {
	for _, f := range exchange.Formats {
		got := write(t, lab(t), f.Name)
		if again := write(t, lab(t), f.Name); !bytes.Equal(got, again) {
			t.Errorf("%s: written twice, it differs", f.Name)
		}
		golden := filepath.Join("testdata", "lab."+f.Name+".json")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from %s:\n%s", f.Name, golden, got)
		}
	}
}

// contexts loads the contexts of schema.org and of Web Annotations from the
// file beside this test: the words that are used, each with its meaning there.
type contexts map[string]any

func (c contexts) LoadDocument(u string) (*ld.RemoteDocument, error) {
	doc, ok := c[u]
	if !ok {
		return nil, ld.NewJsonLdError(ld.LoadingDocumentFailed, u)
	}
	return &ld.RemoteDocument{DocumentURL: u, Document: doc}, nil
}

func expand(t *testing.T, text []byte) []any {
	t.Helper()
	list, err := expandSafely(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func expandSafely(t *testing.T, text []byte) ([]any, error) {
	t.Helper()
	known, err := os.ReadFile(filepath.Join("testdata", "contexts.json"))
	if err != nil {
		t.Fatal(err)
	}
	loader := contexts{}
	if err := json.Unmarshal(known, &loader); err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	options := ld.NewJsonLdOptions("")
	options.DocumentLoader, options.SafeMode = loader, true // what has no meaning is an error
	return ld.NewJsonLdProcessor().Expand(doc, options)
}

// types counts the types of all nodes of an expanded document and calls see
// with each node.
func types(v any, count map[string]int, see func(map[string]any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			types(x, count, see)
		}
	case map[string]any:
		if list, ok := v["@type"].([]any); ok {
			for _, x := range list {
				count[x.(string)]++
			}
		}
		see(v)
		for _, x := range v {
			types(x, count, see)
		}
	}
}

// Every word of the JSON-LD has a meaning, every name is an IRI, and nothing is
// lost when a processor reads it.
func TestJSONLD(t *testing.T) {
	eachEdition(t, func(t *testing.T, e exchange.Edition) {
		for format, want := range map[string]string{
			"claimreview": "http://schema.org/Claim", "annotations": "http://www.w3.org/ns/oa#Annotation", "prov": "http://www.w3.org/ns/prov#Entity",
		} {
			if format == "claimreview" && len(e.Case.Claims) == 0 {
				continue
			}
			count := map[string]int{}
			types(expand(t, write(t, e, format)), count, func(n map[string]any) {
				if id, ok := n["@id"].(string); ok && !strings.Contains(id, ":") {
					t.Errorf("%s: %q is no IRI", format, id)
				}
			})
			if count[want] == 0 {
				t.Errorf("%s: no %s among %v", format, want, count)
			}
		}
	})
}

// A claim that was measured is rated by the measurements; one that nothing
// answers has no review.
func TestRatingIsTheAnswer(t *testing.T) {
	var doc struct {
		Graph []struct {
			Type         string `json:"@type"`
			ReviewAspect string
			ReviewBody   string
			ReviewRating struct{ AlternateName string }
		} `json:"@graph"`
	}
	if err := json.Unmarshal(write(t, lab(t), "claimreview"), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Graph) != 2 {
		t.Fatalf("%d claims", len(doc.Graph))
	}
	if r := doc.Graph[0]; r.ReviewRating.AlternateName != "supported" || r.ReviewAspect != "measurements" || !strings.Contains(r.ReviewBody, "AS64512") {
		t.Errorf("%+v", r)
	}
	if r := doc.Graph[1]; r.Type != "Claim" || r.ReviewBody != "" {
		t.Errorf("%+v", r)
	}
}

// A word without a meaning is found: the test above can fail.
func TestUnknownWordIsFound(t *testing.T) {
	text := bytes.Replace(write(t, lab(t), "claimreview"), []byte(`"reviewBody"`), []byte(`"reviewBodies"`), 1)
	if _, err := expandSafely(t, text); err == nil {
		t.Error("a word that schema.org does not have passes")
	}
}

// provTerms are the words of PROV-O that are used.
var provTerms = strings.Fields("Entity Collection Agent Organization Person SoftwareAgent Activity wasDerivedFrom wasQuotedFrom wasAttributedTo wasGeneratedBy used wasAssociatedWith hadMember atLocation value")

// From every fact a path leads to a source, and what is named is there.
func TestProvenancePaths(t *testing.T) {
	eachEdition(t, func(t *testing.T, e exchange.Edition) {
		const prov = "http://www.w3.org/ns/prov#"
		nodes := map[string]map[string]any{}
		types(expand(t, write(t, e, "prov")), map[string]int{}, func(n map[string]any) {
			if id, ok := n["@id"].(string); ok && n["@type"] != nil {
				nodes[id] = n
			}
			for word := range n {
				if term, ok := strings.CutPrefix(word, prov); ok && !slices.Contains(provTerms, term) {
					t.Errorf("PROV-O has no %s", term)
				}
			}
		})
		refs := func(n map[string]any, word string) (ids []string) {
			list, _ := n[prov+word].([]any)
			for _, x := range list {
				ids = append(ids, x.(map[string]any)["@id"].(string))
			}
			return ids
		}
		var reaches func(id string, seen map[string]bool) bool
		reaches = func(id string, seen map[string]bool) bool {
			if strings.HasPrefix(id, e.Base+"sources/") {
				return true
			}
			if seen[id] || nodes[id] == nil {
				return false
			}
			seen[id] = true
			return slices.ContainsFunc(append(refs(nodes[id], "wasDerivedFrom"), refs(nodes[id], "wasQuotedFrom")...), func(next string) bool { return reaches(next, seen) })
		}
		members := refs(nodes["urn:sha256:"+e.Revision], "hadMember")
		if want := len(e.Case.Acts) + len(e.Case.Sightings) + len(e.Case.Claims); len(members) != want {
			t.Errorf("the revision holds %d facts, want %d", len(members), want)
		}
		for _, id := range members {
			if !reaches(id, map[string]bool{}) {
				t.Errorf("no path from %s to a source", id)
			}
		}
		for id, n := range nodes {
			for _, word := range []string{"wasDerivedFrom", "wasQuotedFrom", "wasAttributedTo", "wasGeneratedBy", "used", "wasAssociatedWith"} {
				for _, to := range refs(n, word) {
					if nodes[to] == nil {
						t.Errorf("%s %s %s, which is not there", id, word, to)
					}
				}
			}
		}
	})
}

// The passage that an annotation quotes stands at the bytes that it gives, in
// the text of the copy.
func TestAnnotationsPointAtTheirPassage(t *testing.T) {
	var doc struct {
		First struct {
			Items []struct {
				Target []json.RawMessage
			}
		}
	}
	e := lab(t)
	if err := json.Unmarshal(write(t, e, "annotations"), &doc); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, item := range doc.First.Items {
		exact := ""
		for _, raw := range item.Target {
			var at struct {
				Source   string
				Selector struct {
					Type, Exact string
					Start, End  int
				}
			}
			if json.Unmarshal(raw, &at) != nil {
				continue // the whole source
			}
			switch at.Selector.Type {
			case "TextQuoteSelector":
				exact = at.Selector.Exact
			case "DataPositionSelector":
				sha, _, _ := strings.Cut(strings.TrimPrefix(at.Source, "urn:sha256:"), "#")
				text, ok := e.Copies(sha)
				if !ok || text[at.Selector.Start:at.Selector.End] != exact {
					t.Errorf("%q does not stand at %d", exact, at.Selector.Start)
				}
				checked++
			}
		}
	}
	if checked != 2 {
		t.Errorf("%d places were checked", checked)
	}
}

// schema is what is known of a schema of FollowTheMoney.
type schema struct {
	Extends, Required []string
	Abstract          bool
	Properties        map[string]string
}

// ftm are FollowTheMoney's schemata.
type ftm map[string]schema

func (f ftm) property(schema, name string) string {
	if kind := f[schema].Properties[name]; kind != "" {
		return kind
	}
	for _, parent := range f[schema].Extends {
		if kind := f.property(parent, name); kind != "" {
			return kind
		}
	}
	return ""
}

func (f ftm) is(schema, ancestor string) bool {
	return schema == ancestor || slices.ContainsFunc(f[schema].Extends, func(parent string) bool { return f.is(parent, ancestor) })
}

var (
	ftmID     = regexp.MustCompile(`^[0-9a-zA-Z]([0-9a-zA-Z.\-]*[0-9a-zA-Z])?$`)
	ftmValues = map[string]*regexp.Regexp{
		"date": regexp.MustCompile(`^\d{4}(-\d{2}(-\d{2})?)?$`), "country": regexp.MustCompile(`^[a-z]{2}$`), "language": regexp.MustCompile(`^[a-z]{3}$`),
		"url": regexp.MustCompile(`^https?://[^ ]+$`), "mimetype": regexp.MustCompile(`^\w+/[\w.+-]+$`),
	}
)

// Every entity is of a schema that FollowTheMoney has, with properties that the
// schema has, values of their types, and references to entities that are there.
func TestEntitiesAreFollowTheMoney(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "followthemoney.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	known := ftm{}
	if err := yaml.Unmarshal(text, &known); err != nil {
		t.Fatal(err)
	}
	eachEdition(t, func(t *testing.T, e exchange.Edition) {
		entities := map[string]exchange.Entity{}
		for line := range bytes.Lines(write(t, e, "followthemoney")) {
			var n exchange.Entity
			if err := json.Unmarshal(line, &n); err != nil {
				t.Fatal(err)
			}
			if _, twice := entities[n.ID]; twice || !ftmID.MatchString(n.ID) {
				t.Errorf("id %q is there twice, or none of FollowTheMoney's", n.ID)
			}
			entities[n.ID] = n
		}
		if len(entities) < 3 {
			t.Errorf("only %d entities", len(entities))
		}
		for id, n := range entities {
			s, ok := known[n.Schema]
			if !ok || s.Abstract {
				t.Errorf("%s: no schema %q", id, n.Schema)
			}
			for _, name := range s.Required {
				if len(n.Properties[name]) == 0 {
					t.Errorf("%s: %s needs %s", id, n.Schema, name)
				}
			}
			for name, values := range n.Properties {
				kind := known.property(n.Schema, name)
				if kind == "" {
					t.Errorf("%s: %s has no property %s", id, n.Schema, name)
				}
				for _, v := range values {
					if form := ftmValues[kind]; form != nil && !form.MatchString(v) {
						t.Errorf("%s: %s: %q is no %s", id, name, v, kind)
					}
					if of, ok := strings.CutPrefix(kind, "entity:"); ok && !known.is(entities[v].Schema, of) {
						t.Errorf("%s: %s refers to %q, a %q and no %s", id, name, v, entities[v].Schema, of)
					}
				}
			}
		}
	})
}

// Who is private stays out of a table of persons.
func TestPrivatePetitionersAreNoEntities(t *testing.T) {
	if out := write(t, lab(t), "followthemoney"); bytes.Contains(out, []byte("Somebody Private")) {
		t.Error("a private petitioner became an entity")
	}
}

// One fact alone can be asked for, and one that is not there is an error.
func TestOneFact(t *testing.T) {
	e := lab(t)
	e.Fact = "claim/works"
	if out := write(t, e, "annotations"); !bytes.Contains(out, []byte(`"total": 1`)) {
		t.Errorf("%s", out)
	}
	e.Fact = "act/none"
	if err := e.Provenance(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), `no fact "act/none" in zz-2026-x`) {
		t.Errorf("%v", err)
	}
}

package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/parquet-go/parquet-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/bandish/bandish/internal/inquiry"
)

// document is the OpenAPI document with its schemas compiled.
type document struct {
	*huma.OpenAPI
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

func readDocument(t *testing.T, w *world) *document {
	t.Helper()
	b := body(t, w.get(t, "/api/v1/openapi.json"))
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{OpenAPI: w.api.OpenAPI(), compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	if err := d.compiler.AddResource("openapi.json", v); err != nil {
		t.Fatal(err)
	}
	return d
}

// check holds a value against the schema of an answer.
func (d *document) check(path, status, media string, value []byte) error {
	at := "openapi.json#/paths/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(path)) + "/get/responses/" + status + "/content/" + url.PathEscape(strings.ReplaceAll(media, "/", "~1")) + "/schema"
	s := d.schemas[at]
	if s == nil {
		var err error
		if s, err = d.compiler.Compile(at); err != nil {
			return err
		}
		d.schemas[at] = s
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// requests are how many the property test makes; with BANDISH_LONG as many as
// the document must stand.
func requests() int {
	if os.Getenv("BANDISH_LONG") == "" {
		return 300
	}
	return 5000
}

// Whatever is asked, right or wrong, the answer is one that the document
// describes: a status that it names, a body that its schema admits without a
// field more, and never a failure of the server.
func TestDocumentHolds(t *testing.T) {
	w := newWorld(t, 20, 200)
	d := readDocument(t, w)
	rnd := rand.New(rand.NewPCG(18, 1))
	paths := slices.Sorted(maps.Keys(d.Paths))
	statuses := map[int]int{}
	for n := range requests() {
		path := paths[n%len(paths)]
		op := d.Paths[path].Get
		at, q := path, url.Values{}
		for _, p := range op.Parameters {
			v := valueOf(rnd, w, path, p)
			if p.In == "path" && v == "" {
				v = "-" // an empty part is another address
			}
			switch {
			case p.In == "path":
				at = strings.Replace(at, "{"+p.Name+"}", url.PathEscape(v), 1)
			case p.In == "query" && (p.Required && rnd.IntN(8) > 0 || rnd.IntN(3) == 0):
				q.Set(p.Name, v)
			}
		}
		if rnd.IntN(40) == 0 {
			q.Set("no-such-parameter", "1")
		}
		if len(q) > 0 {
			at += "?" + q.Encode()
		}
		if rnd.IntN(60) == 0 && len(q) > 0 {
			at += "&a=%zz"
		}
		var header []string
		if rnd.IntN(5) == 0 {
			header = append(header, "Accept", pick(rnd, ndjsonType, csvType, jsonType, parquetType, "*/*", "text/html;q=1, text/csv"))
		}
		resp := w.get(t, at, header...)
		statuses[resp.StatusCode]++
		d.checkAnswer(t, path, at, op, resp)
	}
	t.Logf("statuses: %v", statuses)
	for _, s := range []int{200, 404, 406, 422} {
		if statuses[s] == 0 {
			t.Errorf("no request was answered %d: the test asks too little", s)
		}
	}
}

// checkAnswer holds one answer against the document.
func (d *document) checkAnswer(t *testing.T, path, at string, op *huma.Operation, resp *http.Response) {
	t.Helper()
	b := body(t, resp)
	described := op.Responses[strconv.Itoa(resp.StatusCode)]
	if resp.StatusCode >= 500 || described == nil {
		t.Errorf("%s: %d, which the document does not name: %s", at, resp.StatusCode, b[:min(len(b), 300)])
		return
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if described.Content[media] == nil && len(described.Content) > 0 {
		t.Errorf("%s: %d is %s, which the document does not name", at, resp.StatusCode, media)
		return
	}
	var values [][]byte
	switch media {
	case jsonType, "application/problem+json":
		values = [][]byte{b}
	case ndjsonType:
		for line := range bytes.Lines(b) {
			if values = append(values, line); len(values) == 20 {
				break
			}
		}
	case csvType:
		if _, err := csv.NewReader(bytes.NewReader(b)).ReadAll(); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	case parquetType:
		if _, err := parquet.OpenFile(bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
	for _, v := range values {
		if err := d.check(path, strconv.Itoa(resp.StatusCode), media, v); err != nil {
			t.Errorf("%s: %v", at, err)
			return
		}
	}
}

func pick(rnd *rand.Rand, words ...string) string { return words[rnd.IntN(len(words))] }

// valueOf is a value for a parameter: most are right, some are wrong or hostile.
func valueOf(rnd *rand.Rand, w *world, path string, p *huma.Param) string {
	if rnd.IntN(6) == 0 {
		return pick(rnd, "", "-1", "0", "99999999999999999999", "x'; DROP TABLE cells; --", "\x00", "\xff\xfe", "٢٠٢٤-٠١-٠١", "2024-02-30", strings.Repeat("a", 600), "../../etc/passwd", "%", "null", "AS", "<script>", "2024-01-01T00:00:00Z", "9999-12-31", "0001-01-01")
	}
	switch p.Name {
	case "country":
		return pick(rnd, "ZZ", "zz", "PK", "KE", "US", "XX")
	case "target":
		return pick(rnd, "x", "twitter", "telegram", "example.com", "X")
	case "network":
		return pick(rnd, "AS64512", "64513", "AS64512,AS64513", "as64514")
	case "since":
		return pick(rnd, "2024-01-03", "2024-01-16T12:00:00Z", "2020-01-01")
	case "until", "as-of":
		return pick(rnd, "2024-01-18", "2024-01-05", "2025-12-31")
	case "at":
		return pick(rnd, "2024-01-18", "2024-03-13", "2024-03-13/2024-03-20")
	case "claim":
		return pick(rnd, "accessible", "blocked", "works")
	case "case", "id":
		if strings.Contains(path, "/events/") {
			return eventID(w)
		}
		return pick(rnd, "pk-2024-x", "ke-2024-telegram", "none")
	case "uid", "measurement_uid":
		return pick(rnd, "20240116000000.000000_ZZ_webconnectivity_0000000f00000000", "20240101000000.000000_ZZ_webconnectivity_0000000000000000")
	case "q":
		return pick(rnd, "imran khan", "\"high court\"", "-x", "twiter", "اسلام آباد", "kind:act")
	case "limit":
		return pick(rnd, "1", "7", "10000", "100")
	case "year":
		return pick(rnd, "2024", "2021")
	case "cursor":
		return pick(rnd, "", "abc", "eyJxIjoiMCJ9")
	case "kind", "period", "file":
		if p.In == "path" {
			g := segmentOf(w)
			return map[string]string{"kind": g[0], "period": g[1], "file": g[2]}[p.Name]
		}
	case "test_name":
		return pick(rnd, "web_connectivity", "telegram")
	}
	s := p.Schema
	if s != nil && s.Items != nil {
		s = s.Items
	}
	if s != nil && len(s.Enum) > 0 {
		return fmt.Sprint(s.Enum[rnd.IntN(len(s.Enum))])
	}
	return pick(rnd, "1", "a")
}

// eventID is the id of a ban of the world.
func eventID(w *world) string {
	found, err := w.Desk.Changes(context.Background(), inquiry.Topic{CC: "ZZ"})
	if err != nil || len(found) == 0 {
		return "none"
	}
	return found[0].Event
}

// segmentOf is the path of a file of the world.
func segmentOf(w *world) []string {
	m, err := w.manifest()
	if err != nil {
		return []string{"", "", ""}
	}
	return strings.Split(strings.TrimPrefix(segments(m)[0].Path, Prefix+"/segments/"), "/")
}

// Every operation of the document has an id, a summary, an example that is
// answered, and a text for each of its parameters that is not plain.
func TestEveryEndpointIsDescribed(t *testing.T) {
	w := newWorld(t, 2, 20)
	d := readDocument(t, w)
	ids := map[string]bool{}
	for path, item := range d.Paths {
		op := item.Get
		if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || ids[op.OperationID] {
			t.Errorf("%s: id %q, summary %q, tags %v", path, op.OperationID, op.Summary, op.Tags)
		}
		ids[op.OperationID] = true
		example, _ := op.Extensions["x-example"].(string)
		if resp := w.get(t, example); resp.StatusCode != http.StatusOK && !strings.Contains(path, "{") {
			t.Errorf("the example of %s, %s, is answered %d", path, example, resp.StatusCode)
		}
	}
	for _, e := range w.Endpoints() {
		if e.Summary == "" || len(e.Formats) == 0 {
			t.Errorf("%+v", e)
		}
	}
	var plain map[string]any
	if err := json.Unmarshal(body(t, w.get(t, "/api/v1/openapi.json")), &plain); err != nil || plain["openapi"] != "3.1.0" {
		t.Errorf("the document: %v, %v", plain["openapi"], err)
	}
}

package casefile

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/network"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The schema and the field tables of the document are made from the types and
// their comments, so that neither can fall behind.

// comments gives the comment of every field ("Act.Kind") and type ("Act").
func comments(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no source files: %v", err)
	}
	out := map[string]string{}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				ts := spec.(*ast.TypeSpec)
				out[ts.Name.Name] = oneLine(gen.Doc.Text())
				if st, ok := ts.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						for _, n := range f.Names {
							out[ts.Name.Name+"."+n.Name] = oneLine(f.Doc.Text())
						}
					}
				}
			}
		}
	}
	return out
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// published are the structs of the format, in the order of the document.
var published = []reflect.Type{
	reflect.TypeFor[Case](), reflect.TypeFor[Bound](), reflect.TypeFor[Term](), reflect.TypeFor[Note](), reflect.TypeFor[Withdrawal](),
	reflect.TypeFor[Act](), reflect.TypeFor[Assertion](), reflect.TypeFor[Inference](), reflect.TypeFor[Scope](), reflect.TypeFor[Basis](), reflect.TypeFor[Sighting](),
	reflect.TypeFor[Claim](), reflect.TypeFor[AccessClaim](), reflect.TypeFor[Figure](), reflect.TypeFor[Evidence](),
	reflect.TypeFor[Dispute](), reflect.TypeFor[Position](), reflect.TypeFor[Docket](), reflect.TypeFor[Party](), reflect.TypeFor[Counsel](), reflect.TypeFor[Request](),
	reflect.TypeFor[Actor](), reflect.TypeFor[Post](), reflect.TypeFor[Law](), reflect.TypeFor[Section](), reflect.TypeFor[Ban](),
	reflect.TypeFor[Source](), reflect.TypeFor[Copy](), reflect.TypeFor[Cite](),
	reflect.TypeFor[Computed](), reflect.TypeFor[Entry](), reflect.TypeFor[Clock](), reflect.TypeFor[Point](), reflect.TypeFor[Span](), reflect.TypeFor[Deed](), reflect.TypeFor[DocketState](),
	reflect.TypeFor[Answer](), reflect.TypeFor[Tally](), reflect.TypeFor[NetworkTally](), reflect.TypeFor[Heard](),
	reflect.TypeFor[Audit](), reflect.TypeFor[AuditFact](), reflect.TypeFor[AuditCite](),
}

type property struct {
	name, doc      string
	typ            reflect.Type
	required, null bool
}

// properties lists the fields of a struct as they stand in JSON.
func properties(t *testing.T, docs map[string]string, typ reflect.Type) []property {
	var out []property
	for _, f := range reflect.VisibleFields(typ) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "" {
			continue
		}
		owner := typ
		if len(f.Index) > 1 {
			owner = typ.Field(f.Index[0]).Type
		}
		doc := docs[owner.Name()+"."+f.Name]
		if doc == "" {
			t.Errorf("%s.%s has no comment", owner.Name(), f.Name)
		}
		rule := f.Tag.Get("rule")
		out = append(out, property{name: name, doc: doc, typ: f.Type,
			required: strings.HasPrefix(rule, "required"), null: strings.HasSuffix(rule, "null")})
	}
	return out
}

// schemaOf gives the JSON Schema of a type.
func schemaOf(t *testing.T, typ reflect.Type) map[string]any {
	switch {
	case typ == reflect.TypeFor[Date]():
		return map[string]any{"$ref": "#/$defs/Date"}
	case typ == reflect.TypeFor[network.ASN]():
		return map[string]any{"type": "string", "pattern": "^AS[0-9]+$"}
	case typ == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	}
	if words, ok := reflect.Zero(typ).Interface().(interface{ terms() []term }); ok {
		var values []any
		for _, w := range words.terms() {
			values = append(values, w.Value)
		}
		return map[string]any{"enum": values}
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return schemaOf(t, typ.Elem())
	case reflect.Slice:
		return map[string]any{"type": "array", "items": schemaOf(t, typ.Elem())}
	case reflect.Struct:
		return map[string]any{"$ref": "#/$defs/" + typ.Name()}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t, typ.Elem())}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	}
	t.Fatalf("no schema for %s", typ)
	return nil
}

func object(t *testing.T, docs map[string]string, typ reflect.Type) map[string]any {
	props := map[string]any{}
	var required []any
	for _, p := range properties(t, docs, typ) {
		s := schemaOf(t, p.typ)
		if p.null {
			s = map[string]any{"anyOf": []any{s, map[string]any{"type": "null"}}}
		}
		s["description"] = p.doc
		props[p.name] = s
		if p.required {
			required = append(required, p.name)
		}
	}
	o := map[string]any{"type": "object", "description": docs[typ.Name()], "properties": props, "additionalProperties": false}
	if required != nil {
		o["required"] = required
	}
	return o
}

func schema(t *testing.T) []byte {
	docs := comments(t)
	defs := map[string]any{"Date": map[string]any{
		"description": "A date in EDTF (ISO 8601-2): 2024, 2024-02, 2024-02-17, 2024-02-17T22:00:00+05:00, 2024-02~, 2024-02-17/2024-02-19, [2024-02-17..2024-02-19]. In YAML a year may stand as a number.",
		"anyOf":       []any{map[string]any{"type": "string", "minLength": 4}, map[string]any{"type": "integer", "minimum": 1000, "maximum": 9999}, map[string]any{"type": "null"}},
	}}
	for _, typ := range published {
		defs[typ.Name()] = object(t, docs, typ)
	}
	for typ := range shorthand {
		def := defs[typ.Name()].(map[string]any)
		defs[typ.Name()] = map[string]any{"description": def["description"], "anyOf": []any{map[string]any{"type": "string"}, def}}
	}
	// A file holds any part of a case, or of what cases share.
	root := object(t, docs, reflect.TypeFor[Case]())
	delete(root, "required")
	shared := object(t, docs, reflect.TypeFor[Shared]())
	root["properties"].(map[string]any)["bans"] = shared["properties"].(map[string]any)["bans"]
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Bandish case record"
	root["description"] = "One file of a case folder, or of records/shared: any part of it. A whole case, as `bandish record show --json` prints it, is #/$defs/Case; an answer to a claim is #/$defs/Answer."
	root["$defs"] = defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fieldTables is the part of the document that is made from the types.
func fieldTables(t *testing.T) string {
	docs := comments(t)
	var b strings.Builder
	for _, typ := range published {
		if typ == reflect.TypeFor[Computed]() {
			break // what follows is never written by hand: it is in the schema
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| field | type | | meaning |\n|---|---|---|---|\n", typ.Name(), docs[typ.Name()])
		for _, p := range properties(t, docs, typ) {
			need := ""
			switch {
			case p.required && p.null:
				need = "required, may be null"
			case p.required:
				need = "required"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", p.name, typeName(p.typ), need, strings.ReplaceAll(p.doc, "|", "\\|"))
		}
	}
	b.WriteString("\nWhat is worked out when a case is shown (`Computed`, `Clock`, `Answer`, `Audit` and what is in them) is never written by hand; its fields stand in the schema, `bandish record schema`.\n\n## Closed lists\n")
	for _, list := range []struct {
		name  string
		terms []term
	}{
		{"act kinds", actKinds}, {"effects", effects}, {"access", accesses}, {"subjects of claims", subjects}, {"bearings", bearings},
		{"statuses", statuses}, {"actor kinds", actorKinds}, {"roles of parties", partyRoles}, {"dispositions", dispositions}, {"source types", sourceTypes}, {"reliability", reliabilities},
		{"confidence", confidences}, {"nearness of sources", hands}, {"how much was read", sourceReads}, {"levels of requests", levels}, {"counters", counters}, {"what counts as followed", complianceRules},
		{"standings of citations", standings}, {"verdicts on claims", verdicts}, {"origins of answers", froms}, {"readings of networks", readings}, {"turning points", turns}, {"entries of the chronology", entryKinds},
	} {
		fmt.Fprintf(&b, "\n**%s**\n\n| value | meaning |\n|---|---|\n", list.name)
		for _, w := range list.terms {
			fmt.Fprintf(&b, "| `%s` | %s |\n", w.Value, w.About)
		}
	}
	return b.String()
}

func typeName(typ reflect.Type) string {
	switch {
	case typ == reflect.TypeFor[Date]():
		return "date"
	case typ == reflect.TypeFor[network.ASN]():
		return "ASN"
	case typ == reflect.TypeFor[time.Time]():
		return "time"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return typeName(typ.Elem())
	case reflect.Slice:
		return "list of " + typeName(typ.Elem())
	case reflect.Struct:
		return typ.Name()
	case reflect.Map:
		return "counts by " + strings.ToLower(typ.Key().Name())
	case reflect.Int64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "true or false"
	}
	if _, ok := reflect.Zero(typ).Interface().(interface{ terms() []term }); ok {
		return "word"
	}
	return "text"
}

const (
	schemaFile   = "../records/casefile.schema.json"
	documentFile = "../docs/formats/record.md"
	tablesBegin  = "<!-- from here to the end made by: go test ./casefile -run TestDocument -update -->\n"
)

func TestSchema(t *testing.T) {
	golden(t, schemaFile, schema(t))
}

func TestDocument(t *testing.T) {
	have, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	text, _, found := strings.Cut(string(have), tablesBegin)
	if !found {
		t.Fatalf("%s has lost the line %q", documentFile, tablesBegin)
	}
	golden(t, documentFile, []byte(text+tablesBegin+fieldTables(t)))
}

// golden compares with a file, or writes it with -update.
func golden(t *testing.T, name string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not what the types say; run go test ./casefile -update and read the difference", name)
	}
}

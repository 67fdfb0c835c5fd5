package api

import (
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
)

// shapes maps types that write their own JSON to structs with the same fields as that
// JSON.
var shapes = map[reflect.Type]reflect.Type{
	reflect.TypeFor[ban.Ranked](): reflect.TypeFor[rankedBan](),
	reflect.TypeFor[ban.Ban]():    reflect.TypeFor[reportedBan](),
	reflect.TypeFor[ban.Report](): reflect.TypeFor[banReport](),
}

// rankedBan is the shape of ban.Ranked.
type rankedBan struct {
	Rank     int         `json:"rank" doc:"By length, from 1; equal lengths share a rank."`
	Length   ban.Length  `json:"length"`
	Measured *ban.Length `json:"measured" doc:"The length by the archive's own events."`
	Shortest int         `json:"shortest_days"`
	Longest  int         `json:"longest_days"`
	Ban      reportedBan `json:"ban"`
}

// reportedBan is the shape of ban.Ban.
type reportedBan struct {
	ID        string       `json:"id" doc:"Country, target and first day: pk-x-2024-02-17."`
	CC        string       `json:"cc"`
	Target    string       `json:"target"`
	Other     []string     `json:"other,omitempty"`
	Method    ban.Method   `json:"method"`
	Methods   []ban.Method `json:"methods"`
	Scope     ban.Scope    `json:"scope"`
	Area      string       `json:"area,omitempty"`
	Start     *string      `json:"start" format:"date"`
	StartBy   *string      `json:"start_by,omitempty" format:"date"`
	StartOpen bool         `json:"start_open,omitempty" doc:"It may have begun before start."`
	End       *string      `json:"end" format:"date"`
	EndFrom   *string      `json:"end_from,omitempty" format:"date"`
	Status    ban.Status   `json:"status"`
	Known     *string      `json:"known" format:"date" doc:"The last day for which a report says that it held."`
	Basis     ban.Origin   `json:"basis"`
	Reports   []banReport  `json:"reports"`
	Disputes  []string     `json:"disputes,omitempty"`
}

// banReport is the shape of ban.Report.
type banReport struct {
	Origin        ban.Origin        `json:"origin"`
	CC            string            `json:"cc"`
	Targets       []string          `json:"targets"`
	Other         []string          `json:"other,omitempty"`
	Method        ban.Method        `json:"method"`
	Scope         ban.Scope         `json:"scope"`
	Area          string            `json:"area,omitempty"`
	Start         *string           `json:"start" format:"date"`
	StartBy       *string           `json:"start_by,omitempty" format:"date"`
	StartOpen     bool              `json:"start_open,omitempty"`
	Estimated     bool              `json:"estimated,omitempty"`
	End           *string           `json:"end" format:"date"`
	EndFrom       *string           `json:"end_from,omitempty" format:"date"`
	Status        ban.Status        `json:"status"`
	Known         *string           `json:"known" format:"date"`
	Title         string            `json:"title,omitempty"`
	OrderedBy     string            `json:"ordered_by,omitempty"`
	DecisionMaker string            `json:"decision_maker,omitempty"`
	Cause         string            `json:"cause,omitempty"`
	Justification string            `json:"justification,omitempty"`
	Networks      string            `json:"networks,omitempty"`
	Links         []string          `json:"links,omitempty"`
	Case          string            `json:"case,omitempty"`
	Columns       map[string]string `json:"columns,omitempty"`
}

func aliases(r huma.Registry) {
	for t, shape := range shapes {
		r.RegisterTypeAlias(t, shape)
	}
}

// schemaName names a type in the document. Types of two packages may have the same name,
// so it puts the package before the name.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasPrefix(t.Name(), "Page[") { // Page[github.com/…/verdict.Row]
		field, _ := t.FieldByName("Results")
		return "PageOf" + schemaName(field.Type.Elem(), "")
	}
	pkg := t.PkgPath()[strings.LastIndex(t.PkgPath(), "/")+1:]
	if t.Kind() != reflect.Struct || pkg == "" || pkg == "api" || pkg == "huma" || strings.EqualFold(pkg, name) {
		return name
	}
	return strings.ToUpper(pkg[:1]) + pkg[1:] + name
}

// field is a field of a type's JSON.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	optional bool // left out if empty
	quoted   bool // a number that is written as a string
}

// fieldsOf returns the JSON fields of a struct, in order.
func fieldsOf(t reflect.Type) []field {
	var out []field
	seen := map[string]bool{}
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct || !f.IsExported() || name == "-" || hidden(t, f) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if seen[name] {
			continue
		}
		seen[name] = true
		opts := strings.Split(options, ",")
		out = append(out, field{name, f.Index, f.Type, slices.Contains(opts, "omitempty") || slices.Contains(opts, "omitzero"), slices.Contains(opts, "string")})
	}
	return out
}

// hidden reports whether a promoted field lies in an embedded struct that has a JSON name
// of its own.
func hidden(t reflect.Type, f reflect.StructField) bool {
	for i := 1; i < len(f.Index); i++ {
		outer := t.FieldByIndex(f.Index[:i])
		if name, _, _ := strings.Cut(outer.Tag.Get("json"), ","); name != "" {
			return true
		}
	}
	return false
}

// exact makes the schemas say what encoding/json writes: null for pointers and dates that
// may be null, numbers written as strings, and unsigned numbers of more than 32 bits.
func exact(r huma.Registry) {
	date := reflect.TypeFor[casefile.Date]()
	for name, s := range r.Map() {
		t := r.TypeFromRef("#/components/schemas/" + name)
		if t == nil || t.Kind() != reflect.Struct {
			continue
		}
		for _, f := range fieldsOf(t) {
			p := s.Properties[f.name]
			if p == nil {
				continue
			}
			switch {
			case f.quoted:
				s.Properties[f.name] = &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9]+$", Description: p.Description}
			case f.typ == date:
				p.Nullable = true
				p.Description = strings.TrimSpace(p.Description + " EDTF; null if it is not known.")
			case f.typ.Kind() == reflect.Pointer && p.Ref != "" && !f.optional:
				s.Properties[f.name] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
			}
		}
		wider(s)
	}
}

// wider corrects the format of unsigned numbers: one of 32 bits does not fit an int32.
func wider(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Format == "int32" && s.Minimum != nil {
		s.Format = "int64"
	}
	for _, p := range s.Properties {
		wider(p)
	}
	wider(s.Items)
}

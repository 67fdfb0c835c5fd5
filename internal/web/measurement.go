package web

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// evidence is one measurement with what led to its verdict.
type evidence struct {
	Verdict      verdict.Row       `json:"verdict"`
	Rules        []firedRule       `json:"rules"`
	Observations []observation.Row `json:"observations"`
	Source       string            `json:"source,omitempty"` // where the raw document came from
	SourceLine   int64             `json:"source_line,omitempty"`
	Raw          string            `json:"raw_batch,omitempty"` // SHA-256
	RawLine      uint32            `json:"raw_line"`
	Example      bool              `json:"example,omitempty"`
	Others       []verdict.Row     `json:"others,omitempty"` // what else came under this uid: anyone may write one
}

// firedRule is a rule that fired, in words.
type firedRule struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
}

// measurement is the evidence page: what the probe saw beside what the
// control saw.
func (s *Site) measurement(w http.ResponseWriter, r *http.Request) error {
	uid := r.PathValue("uid")
	if !utf8.ValidString(uid) || s.Store == nil {
		return notFound("The archive has no measurement of this uid.")
	}
	versions, err := s.Store.Versions(r.Context(), uid)
	if err != nil {
		return err
	}
	at := 0
	if named := r.URL.Query().Get("content"); named != "" {
		at = slices.IndexFunc(versions, func(v verdict.Row) bool { return strconv.FormatUint(v.Content, 10) == named })
	}
	if at < 0 || len(versions) == 0 {
		return notFound("The archive has no measurement of this uid.")
	}
	v := versions[at]
	e := evidence{Others: slices.Delete(slices.Clone(versions), at, at+1), Verdict: v, Raw: v.Raw, RawLine: v.Line, Example: v.CC == "ZZ"}
	if e.Observations, err = s.Store.Observations(r.Context(), v); err != nil {
		return err
	}
	for _, id := range v.Rules {
		e.Rules = append(e.Rules, firedRule{id, verdict.Sentence(id)})
	}
	if v.Raw != "" {
		entry, err := s.Store.Archive().ReadRawLine(v.Raw, v.Line)
		if err != nil {
			return err
		}
		if r.URL.Query().Get("raw") != "" {
			deliver(w, r, "application/json", entry.Document)
			return nil
		}
		e.Source, e.SourceLine = publicName(entry.Source), entry.Line
	}
	m := measurementView{evidence: e, Country: inquiry.Country(e.Verdict.CC), Name: s.name(e.Verdict.Target), Ladders: laddersOf(e.Observations)}
	f := frame{Title: "One measurement of " + m.Name + " in " + m.Country,
		Trail: []crumb{{"Countries", "/cc"}, {m.Country, "/cc/" + e.Verdict.CC}, {m.Name, "/cc/" + e.Verdict.CC + "/" + url.PathEscape(e.Verdict.Target)}, {"One measurement", ""}}}
	return measurementPage.show(s, w, r, f, m, e)
}

// measurementView is the page of one measurement.
type measurementView struct {
	evidence
	Country, Name string
	Ladders       []ladder
}

const measurementPage page[measurementView] = "measurement.html"

// publicName is a source as strangers may see it: an address of the web or of
// a bucket without what can hold a password or a signature, of a file here its
// name without its folders.
func publicName(source string) string {
	if !strings.Contains(source, "://") {
		return path.Base(source)
	}
	address, member, _ := strings.Cut(source, " › ")
	u, err := url.Parse(address)
	if err != nil {
		return path.Base(source)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if member != "" {
		member = " › " + member
	}
	return u.String() + member
}

package inquiry

import (
	"context"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

// Measurement is one measurement with all that led to its verdict.
type Measurement struct {
	Verdict      verdict.Row       `json:"verdict"`
	Rules        []FiredRule       `json:"rules"`
	Observations []observation.Row `json:"observations"`
	Source       string            `json:"source,omitempty"` // where the document came from, as PublicName gives it
	SourceLine   int64             `json:"source_line,omitempty"`
	Raw          string            `json:"raw_batch,omitempty"` // SHA-256 of the raw batch
	RawLine      uint32            `json:"raw_line"`
	Example      bool              `json:"example,omitempty"`
	Others       []verdict.Row     `json:"others,omitempty"` // other documents under this uid: anybody may write a uid

	Uploaded time.Time `json:"-"` // when a collector received it; zero if not known
	Document []byte    `json:"-"` // the document, without client addresses; nil if the archive has none
}

// FiredRule is a rule that fired, in words.
type FiredRule struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
}

// Measurement returns what is known of one measurement, and false if the archive has none
// of this uid. If several documents have the uid, content names one by its hash; "" takes
// the one that votes.
func (d *Desk) Measurement(ctx context.Context, uid, content string) (Measurement, bool, error) {
	if d.Store == nil || !utf8.ValidString(uid) {
		return Measurement{}, false, nil
	}
	versions, err := d.Store.Versions(ctx, uid)
	if err != nil {
		return Measurement{}, false, err
	}
	at := 0
	if content != "" {
		at = slices.IndexFunc(versions, func(v verdict.Row) bool { return strconv.FormatUint(v.Content, 10) == content })
	}
	if at < 0 || len(versions) == 0 {
		return Measurement{}, false, nil
	}
	v := versions[at]
	e := Measurement{Others: slices.Delete(slices.Clone(versions), at, at+1), Verdict: v, Raw: v.Raw, RawLine: v.Line, Example: v.CC == "ZZ"}
	if e.Observations, err = d.Store.Observations(ctx, v); err != nil {
		return e, false, err
	}
	for _, id := range v.Rules {
		e.Rules = append(e.Rules, FiredRule{id, verdict.Sentence(id)})
	}
	if v.Raw != "" {
		entry, err := d.Store.Archive().ReadRawLine(v.Raw, v.Line)
		if err != nil {
			return e, false, err
		}
		e.Source, e.SourceLine, e.Uploaded, e.Document = PublicName(entry.Source), entry.Line, entry.Uploaded, entry.Document
	}
	return e, true, nil
}

// PublicName returns a source as strangers may see it. An address of the web or of a
// bucket loses what may hold a password or a signature. A local file loses its folders.
func PublicName(source string) string {
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

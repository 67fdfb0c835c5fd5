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

// Measurement is one measurement with what led to its verdict.
type Measurement struct {
	Verdict      verdict.Row       `json:"verdict"`
	Rules        []FiredRule       `json:"rules"`
	Observations []observation.Row `json:"observations"`
	Source       string            `json:"source,omitempty"` // where the raw document came from
	SourceLine   int64             `json:"source_line,omitempty"`
	Raw          string            `json:"raw_batch,omitempty"` // SHA-256
	RawLine      uint32            `json:"raw_line"`
	Example      bool              `json:"example,omitempty"`
	Others       []verdict.Row     `json:"others,omitempty"` // what else came under this uid: anyone may write one

	Uploaded time.Time `json:"-"` // when a collector received it, where that is known
	Document []byte    `json:"-"` // as it was received, client addresses removed; nil where there is none
}

// FiredRule is a rule that fired, in words.
type FiredRule struct {
	ID       string `json:"id"`
	Sentence string `json:"sentence"`
}

// Measurement finds what is known of one measurement; false where the archive
// has none of this uid. Of several documents under one uid content names one,
// by its hash; "" is the one that speaks.
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

// PublicName is a source as strangers may see it: an address of the web or of
// a bucket without what can hold a password or a signature, of a file here its
// name without its folders.
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

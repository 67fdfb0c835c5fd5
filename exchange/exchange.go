// Package exchange writes a case of the record in formats of others: claims with
// their answers as ClaimReview (schema.org), citations as Web Annotations (W3C),
// the path of each fact from its source as PROV-O (W3C), and actors, dockets,
// sources and acts as entities of FollowTheMoney. An Edition goes in, JSON comes
// out. The package adds nothing to what the record says: where a format asks for
// more, the field stays empty. It does no I/O of its own.
package exchange

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/bandish/bandish/casefile"
)

// Edition is the case to write, as it was on a day.
type Edition struct {
	Records *casefile.Records
	Case    *casefile.Case
	Answers []casefile.Answer // to the claims of the case
	// Base is put before the names of things: with "https://bandish.example/" a thing
	// is named by the address of its page.
	Base string
	// Revision is the SHA-256 of the record's files (casefile.Records.Revision).
	Revision string
	// Copies returns the texts of archived copies that are at hand; it may be nil.
	Copies casefile.Copies
	// Fact limits annotations and provenance to one entry, for instance
	// "act/moi-letter". "" means all acts, sightings and claims.
	Fact string
}

// Format is one way to write a case.
type Format struct {
	Name  string
	About string
	Write func(Edition, io.Writer) error
}

// Formats lists all ways to write a case.
var Formats = []Format{
	{"annotations", "citations as Web Annotations, JSON-LD", Edition.Annotations},
	{"claimreview", "claims with their answers as ClaimReview, JSON-LD", Edition.ClaimReviews},
	{"followthemoney", "actors, dockets, sources and acts as FollowTheMoney entities, one a line", Edition.Entities},
	{"prov", "the path of each fact: source, copy, passage, fact, revision; PROV-O as JSON-LD", Edition.Provenance},
}

// fact is an act, a sighting or a claim.
type fact struct {
	kind, id, says string
	cites          []casefile.Cite
	act            *casefile.Act // for acts
	by             []string      // for sightings and claims
}

// facts returns the entries to write. An error says that Fact names none.
func (e Edition) facts() ([]fact, error) {
	var list []fact
	c := e.Case
	for i := range c.Acts {
		a := &c.Acts[i]
		list = append(list, fact{"act", a.ID, a.What, casefile.CitesOf(a), a, nil}) // with the citations of its details
	}
	for _, s := range c.Sightings {
		list = append(list, fact{"sighting", s.ID, s.What, s.Cites, nil, s.By})
	}
	for _, k := range c.Claims {
		list = append(list, fact{"claim", k.ID, k.Says, k.Cites, nil, k.By})
	}
	if e.Fact == "" {
		return list, nil
	}
	for _, f := range list {
		if f.kind+"/"+f.id == e.Fact {
			return []fact{f}, nil
		}
	}
	return nil, fmt.Errorf("no fact %q in %s; write act/ID, sighting/ID or claim/ID", e.Fact, c.ID)
}

func (e Edition) caseIRI() string { return e.Base + "cases/" + e.Case.ID }

func (e Edition) factIRI(kind, id string) string { return e.caseIRI() + "/" + kind + "/" + id }

func (e Edition) actorIRI(id string) string { return e.Base + "actors/" + id }

func (e Edition) sourceIRI(id string) string { return e.Base + "sources/" + id }

// page returns the address of a source's page, or the source's name here where no
// address is known.
func (e Edition) page(id string) string {
	if s := e.Records.Source(e.Case, id); s != nil && s.URL != nil && strings.HasPrefix(*s.URL, "http") {
		return *s.URL
	}
	return e.sourceIRI(id)
}

// copyOf returns the archived copy in which a citation was read; nil where there is
// none.
func (e Edition) copyOf(cite casefile.Cite) *casefile.Copy {
	s := e.Records.Source(e.Case, cite.Source)
	switch {
	case cite.SHA256 != "" && (s == nil || s.Copy == nil || s.Copy.SHA256 != cite.SHA256):
		return &casefile.Copy{SHA256: cite.SHA256}
	case s != nil:
		return s.Copy
	}
	return nil
}

func copyIRI(sha string) string { return "urn:sha256:" + sha }

// textIRI names the text that an extractor made of a copy.
func textIRI(sha, extractor string) string { return copyIRI(sha) + "#" + extractor }

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	return nil
}

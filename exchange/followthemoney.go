package exchange

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/bandish/bandish/casefile"
)

// Entity is an entity of FollowTheMoney. Values of properties are texts; a property
// that refers to another entity holds its id.
type Entity struct {
	ID         string              `json:"id"`
	Schema     string              `json:"schema"`
	Properties map[string][]string `json:"properties"`
}

// put adds values that are not empty and not yet there.
func (n *Entity) put(property string, values ...string) {
	for _, v := range values {
		if v != "" && !slices.Contains(n.Properties[property], v) {
			n.Properties[property] = append(n.Properties[property], v)
		}
	}
}

// schemata maps kinds of actors to FollowTheMoney's schemata.
var schemata = map[casefile.ActorKind]string{
	"government": "PublicBody", "ministry": "PublicBody", "regulator": "PublicBody", "agency": "PublicBody", "legislature": "PublicBody", "court": "PublicBody",
	"judge": "Person", "person": "Person", "company": "Company",
	"party": "Organization", "civil_society": "Organization", "measurer": "Organization", "press": "Organization",
	"office_holder": "LegalEntity", "other": "LegalEntity",
}

// entities collects what a case is made of: each actor and source once, when
// something refers to it.
type entities struct {
	e    Edition
	list []*Entity
	by   map[string]*Entity
}

// Entities writes the case, its acts and dockets, and the actors and sources that
// these name, as entities of FollowTheMoney, one JSON object a line. A party to a
// docket is an entity only where it is an actor of the record, an office or a body.
// Private petitioners are left out.
func (e Edition) Entities(w io.Writer) error {
	x := &entities{e: e, by: map[string]*Entity{}}
	x.wholeCase()
	for i := range e.Case.Acts {
		x.act(&e.Case.Acts[i])
	}
	for i := range e.Case.Dockets {
		x.docket(&e.Case.Dockets[i])
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, n := range x.list {
		if err := enc.Encode(n); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
	}
	return nil
}

// entity returns the entity of an id; made is false when it existed before.
func (x *entities) entity(schema string, id ...string) (n *Entity, made bool) {
	name := "bandish." + strings.Join(id, ".")
	if n := x.by[name]; n != nil {
		return n, false
	}
	n = &Entity{ID: name, Schema: schema, Properties: map[string][]string{}}
	x.by[name] = n
	x.list = append(x.list, n)
	return n, true
}

// link returns the page of an entity where the base is an address, else "".
func (x *entities) link(address string) string {
	if strings.HasPrefix(address, "http") {
		return address
	}
	return ""
}

func (x *entities) wholeCase() {
	c := x.e.Case
	n, _ := x.entity("Event", "case", c.ID)
	n.put("name", c.Title)
	n.put("country", strings.ToLower(c.Jurisdiction))
	n.put("sourceUrl", x.link(x.e.caseIRI()))
	for _, s := range c.Summary {
		n.put("summary", s.Text)
	}
	for _, b := range []struct {
		property string
		bound    *casefile.Bound
	}{{"startDate", c.Start}, {"endDate", c.End}} {
		if b.bound != nil {
			n.put(b.property, prefixDate(b.bound.Date))
			n.put("proof", x.sources(b.bound.Cites)...)
		}
	}
}

func (x *entities) act(a *casefile.Act) {
	if a.Withdrawn != nil {
		return
	}
	n, _ := x.entity("Event", "act", x.e.Case.ID, a.ID)
	n.put("name", a.What)
	n.put("date", prefixDate(a.Date))
	n.put("country", strings.ToLower(x.e.Case.Jurisdiction))
	n.put("keywords", strings.ReplaceAll(string(a.Kind), "_", " "))
	n.put("notes", x.e.Records.Attribution(x.e.Case, a), "confidence "+string(a.Confidence))
	n.put("sourceUrl", x.link(x.e.factIRI("act", a.ID)))
	n.put("organizer", x.actors(a.By)...)
	n.put("involved", x.actors(a.To)...)
	n.put("proof", x.sources(a.Cites)...)
}

func (x *entities) docket(d *casefile.Docket) {
	n, _ := x.entity("CourtCase", "docket", x.e.Case.ID, d.ID)
	court := x.e.Records.Name(x.e.Case, d.Court)
	name := d.Name
	if name == "" {
		name = court + ", on " + strings.Join(x.e.Case.Targets, ", ")
	}
	n.put("name", name)
	n.put("court", court)
	if d.Number != nil {
		n.put("caseNumber", *d.Number)
	}
	n.put("caseNumber", d.Numbers...)
	n.put("fileDate", prefixDate(d.Filed))
	n.put("closeDate", prefixDate(d.Disposed))
	n.put("status", strings.ReplaceAll(string(d.Disposition), "_", " "))
	n.put("summary", d.Relief)
	if d.Outcome != nil {
		n.put("description", d.Outcome.Text)
	}
	n.put("country", strings.ToLower(x.e.Case.Jurisdiction))
	n.put("sourceUrl", x.link(x.e.factIRI("docket", d.ID)))
	n.put("proof", x.sources(d.Cites)...)
	for _, id := range d.Respondents {
		x.party(n, d, id, "respondent")
	}
	for _, p := range d.Parties {
		if p.Who != "" {
			x.party(n, d, p.Who, string(p.Role))
		}
	}
	for _, id := range d.Judges {
		x.party(n, d, id, "judge")
	}
}

func (x *entities) party(court *Entity, d *casefile.Docket, actor, role string) {
	who := x.actors([]string{actor})
	if len(who) == 0 {
		return
	}
	n, _ := x.entity("CourtCaseParty", "party", x.e.Case.ID, d.ID, role, actor)
	n.put("case", court.ID)
	n.put("party", who...)
	n.put("role", role)
}

// actors returns the ids of actors as entities, which it makes where they do not
// exist.
func (x *entities) actors(ids []string) []string {
	var list []string
	for _, id := range ids {
		a := x.e.Records.Actor(x.e.Case, id)
		if a == nil {
			continue
		}
		n, made := x.entity(schemata[a.Kind], "actor", a.ID)
		if made {
			x.describe(n, a)
		}
		list = append(list, n.ID)
	}
	return list
}

func (x *entities) describe(n *Entity, a *casefile.Actor) {
	n.put("name", a.Name)
	n.put("alias", a.Script)
	n.put("alias", a.Aliases...)
	n.put("weakAlias", a.Abbreviation)
	n.put("country", strings.ToLower(a.CC))
	n.put("wikidataId", a.Wikidata)
	n.put("sourceUrl", x.link(x.e.actorIRI(a.ID)))
	if n.Schema != "Person" {
		return
	}
	posts := a.Posts
	if len(posts) == 0 && a.Office != "" {
		posts = []casefile.Post{{Office: a.Office, Of: a.Of, From: a.From, To: a.To}}
	}
	for i, p := range posts {
		post, made := x.entity("Position", "position", p.Of, cmp.Or(slug(p.Office), "post"))
		if made {
			post.put("name", p.Office)
			post.put("country", strings.ToLower(a.CC))
			if body := x.e.Records.Actor(x.e.Case, p.Of); body != nil && slices.Contains([]string{"PublicBody", "Organization", "Company"}, schemata[body.Kind]) {
				post.put("organization", x.actors([]string{p.Of})...)
			}
		}
		held, _ := x.entity("Occupancy", "occupancy", a.ID, fmt.Sprint(i+1))
		held.put("holder", n.ID)
		held.put("post", post.ID)
		held.put("startDate", prefixDate(p.From))
		held.put("endDate", prefixDate(p.To))
	}
}

// sources returns the ids of the documents that are cited, each once.
func (x *entities) sources(cites []casefile.Cite) []string {
	var list []string
	for _, cite := range cites {
		s := x.e.Records.Source(x.e.Case, cite.Source)
		if s == nil {
			continue
		}
		schema := "Document"
		if s.Type == "press" {
			schema = "Article"
		}
		n, made := x.entity(schema, "source", s.ID)
		if made {
			x.document(n, s)
		}
		list = append(list, n.ID)
	}
	return list
}

func (x *entities) document(n *Entity, s *casefile.Source) {
	n.put("fileName", s.ID)
	if s.Title != nil {
		n.put("title", *s.Title)
	}
	n.put("author", s.Authors...)
	n.put("publisher", s.Publisher)
	n.put("publishedAt", prefixDate(s.Date))
	if s.URL != nil {
		n.put("sourceUrl", *s.URL)
	}
	if tag, err := language.Parse(s.Language); err == nil {
		base, _ := tag.Base()
		n.put("language", base.ISO3())
	}
	if s.Copy != nil { // FollowTheMoney's own checksum is a SHA-1
		n.put("notes", "SHA-256 of the archived copy: "+s.Copy.SHA256)
		n.put("mimeType", s.Copy.MediaType)
	}
}

var (
	prefix  = regexp.MustCompile(`^\d{4}(?:-(?:0[1-9]|1[0-2])(?:-\d{2})?)?$`)
	notSlug = regexp.MustCompile(`[^a-z0-9]+`)
)

// prefixDate returns a date as FollowTheMoney writes it: a year, a month or a day;
// "" where the date is doubtful or a span.
func prefixDate(d casefile.Date) string {
	day, _, _ := strings.Cut(d.String(), "T")
	if !prefix.MatchString(day) {
		return ""
	}
	return day
}

func slug(s string) string {
	return strings.Trim(notSlug.ReplaceAllString(strings.ToLower(s), "-"), "-")
}

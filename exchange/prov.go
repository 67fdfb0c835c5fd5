package exchange

import (
	"fmt"
	"io"

	"github.com/bandish/bandish/casefile"
)

// provContext is the JSON-LD context of provenance: PROV-O, with terms of Dublin
// Core and RDF Schema for titles.
var provContext = map[string]any{
	"prov": "http://www.w3.org/ns/prov#", "dcterms": "http://purl.org/dc/terms/", "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
	"label": "rdfs:label", "comment": "rdfs:comment", "title": "dcterms:title", "issued": "dcterms:issued", "format": "dcterms:format", "value": "prov:value",
	"wasDerivedFrom": iri("prov:wasDerivedFrom"), "wasQuotedFrom": iri("prov:wasQuotedFrom"), "wasAttributedTo": iri("prov:wasAttributedTo"), "wasGeneratedBy": iri("prov:wasGeneratedBy"),
	"used": iri("prov:used"), "wasAssociatedWith": iri("prov:wasAssociatedWith"), "hadMember": iri("prov:hadMember"), "atLocation": iri("prov:atLocation"),
}

func iri(term string) map[string]string { return map[string]string{"@id": term, "@type": "@id"} }

// node is an entity, an activity or an agent.
type node struct {
	ID                string   `json:"@id"`
	Type              []string `json:"@type"`
	Label             string   `json:"label,omitempty"`
	Comment           string   `json:"comment,omitempty"`
	Title             string   `json:"title,omitempty"`
	Issued            string   `json:"issued,omitempty"`
	Format            string   `json:"format,omitempty"`
	Value             string   `json:"value,omitempty"`
	AtLocation        string   `json:"atLocation,omitempty"`
	WasQuotedFrom     string   `json:"wasQuotedFrom,omitempty"`
	WasDerivedFrom    []string `json:"wasDerivedFrom,omitempty"`
	WasGeneratedBy    string   `json:"wasGeneratedBy,omitempty"`
	WasAttributedTo   []string `json:"wasAttributedTo,omitempty"`
	Used              string   `json:"used,omitempty"`
	WasAssociatedWith string   `json:"wasAssociatedWith,omitempty"`
	HadMember         []string `json:"hadMember,omitempty"`
}

// paths collects nodes, each once, in the order in which they are first named.
type paths struct {
	e     Edition
	nodes []any
	known map[string]bool
}

// Provenance writes the path of each fact as PROV-O: the source, its copy, the text
// of the copy, the passage, the fact, and the revision of the record that holds it.
func (e Edition) Provenance(w io.Writer) error {
	facts, err := e.facts()
	if err != nil {
		return err
	}
	p := paths{e: e, nodes: []any{}, known: map[string]bool{}}
	revision := node{ID: copyIRI(e.Revision), Type: []string{"prov:Entity", "prov:Collection"}, Label: "revision of the record: SHA-256 of the list of its files"}
	for _, f := range facts {
		revision.HadMember = append(revision.HadMember, p.fact(f))
	}
	p.nodes = append(p.nodes, revision)
	return writeJSON(w, ldGraph{Context: provContext, Graph: p.nodes})
}

func (p *paths) add(n node) string {
	if !p.known[n.ID] {
		p.known[n.ID] = true
		p.nodes = append(p.nodes, n)
	}
	return n.ID
}

func (p *paths) fact(f fact) string {
	n := node{ID: p.e.factIRI(f.kind, f.id), Type: []string{"prov:Entity"}, Label: f.says}
	for i, cite := range f.cites {
		n.WasDerivedFrom = append(n.WasDerivedFrom, p.passage(n.ID, i+1, cite))
	}
	for _, who := range f.by {
		n.WasAttributedTo = append(n.WasAttributedTo, p.actor(who))
	}
	if f.act != nil {
		n.Comment = p.e.Records.Attribution(p.e.Case, f.act)
		for _, a := range f.act.AssertedBy {
			n.WasAttributedTo = append(n.WasAttributedTo, p.actor(a.Who))
			if a.In != "" {
				n.WasDerivedFrom = append(n.WasDerivedFrom, p.e.factIRI("act", a.In))
			}
		}
		if f.act.Inferred != nil {
			for _, id := range f.act.Inferred.From {
				n.WasDerivedFrom = append(n.WasDerivedFrom, p.entry(id))
			}
		}
	}
	return p.add(n)
}

// entry returns the name of an act or a sighting of the case.
func (p *paths) entry(id string) string {
	if p.e.Case.Act(id) != nil {
		return p.e.factIRI("act", id)
	}
	return p.e.factIRI("sighting", id)
}

func (p *paths) actor(id string) string {
	kind := "prov:Organization"
	if a := p.e.Records.Actor(p.e.Case, id); a != nil && (a.Kind == "person" || a.Kind == "judge" || a.Kind == "office_holder") {
		kind = "prov:Person"
	}
	return p.add(node{ID: p.e.actorIRI(id), Type: []string{"prov:Agent", kind}, Label: p.e.Records.Name(p.e.Case, id)})
}

// passage adds what a citation quotes and returns its name; for a citation without
// a phrase, that of its source.
func (p *paths) passage(fact string, number int, cite casefile.Cite) string {
	from := p.source(cite.Source)
	if c := p.e.copyOf(cite); c != nil {
		from = p.copy(from, c)
		if cite.Extractor != "" {
			from = p.text(from, c.SHA256, cite.Extractor)
		}
	}
	if cite.Phrase == "" {
		return from
	}
	n := node{ID: fmt.Sprintf("%s#passage-%d", fact, number), Type: []string{"prov:Entity"}, Value: cite.Phrase, WasQuotedFrom: from,
		Comment: casefile.Meaning(p.e.Records.Stand(p.e.Case, cite, p.e.Copies))}
	if at := cite.Place(); at != "" {
		n.Label = at
	}
	return p.add(n)
}

func (p *paths) source(id string) string {
	n := node{ID: p.e.sourceIRI(id), Type: []string{"prov:Entity"}}
	if s := p.e.Records.Source(p.e.Case, id); s != nil {
		n.Issued = s.Date.String()
		if s.Title != nil {
			n.Title = *s.Title
		}
		if s.URL != nil {
			n.AtLocation = *s.URL
		}
		n.WasAttributedTo = []string{p.add(node{ID: n.ID + "#publisher", Type: []string{"prov:Agent", "prov:Organization"}, Label: s.Publisher})}
	}
	return p.add(n)
}

func (p *paths) copy(source string, c *casefile.Copy) string {
	n := node{ID: copyIRI(c.SHA256), Type: []string{"prov:Entity"}, Label: "copy", Format: c.MediaType, WasDerivedFrom: []string{source}}
	if c.Withheld {
		n.Comment = "the copy is not published"
	}
	if c.How != "" || !c.Fetched.IsZero() {
		n.WasGeneratedBy = p.add(node{ID: n.ID + "#kept", Type: []string{"prov:Activity"}, Label: "the copy was kept (" + c.How + ")", Issued: c.Fetched.String(), Used: source})
	}
	return p.add(n)
}

func (p *paths) text(from, sha, extractor string) string {
	agent := p.add(node{ID: "urn:x-bandish:extractor:" + extractor, Type: []string{"prov:Agent", "prov:SoftwareAgent"}, Label: extractor})
	id := textIRI(sha, extractor)
	made := p.add(node{ID: id + ":made", Type: []string{"prov:Activity"}, Label: "the text was read out of the copy", Used: from, WasAssociatedWith: agent})
	return p.add(node{ID: id, Type: []string{"prov:Entity"}, Label: "text of the copy", WasDerivedFrom: []string{from}, WasGeneratedBy: made})
}

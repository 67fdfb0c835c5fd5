package search

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/target"
)

// RecordDocuments returns the parts of the record that can be found.
func RecordDocuments(records *casefile.Records) []Document {
	var all []Document
	for _, c := range records.Cases {
		all = append(all, caseDocuments(records, c)...)
	}
	s := &records.Shared
	all = append(all, sources("shared", s.Sources)...)
	for _, b := range s.Bans {
		text := []string{b.By, b.Method}
		for _, n := range b.Notes {
			text = append(text, n.Text)
		}
		all = append(all, Document{
			ID: "shared/bans/" + b.ID, Kind: "ban", Case: b.Case, Title: "Ban of " + strings.Join(append(b.Targets, b.Other...), ", "),
			Text: join(text...), Date: b.Start.String(), CC: b.CC, Targets: b.Targets,
		})
	}
	for _, l := range s.Laws {
		all = append(all, law("shared", l))
	}
	for _, a := range s.Actors {
		all = append(all, actor("shared", a))
	}
	return all
}

// PlaceDocuments returns the platforms of the registry, and the countries.
func PlaceDocuments(registry *target.Registry) []Document {
	var all []Document
	for _, p := range registry.Platforms() {
		names := slices.Clone(p.Aliases)
		for _, f := range p.Former {
			names = append(names, f.Name)
		}
		var hosts []string
		for _, h := range p.Hosts {
			hosts = append(hosts, h.Name())
		}
		all = append(all, Document{ID: "platform/" + p.ID, Kind: "platform", Title: p.Name, Targets: []string{p.ID},
			Text: join(p.ID, strings.Join(names, ", "), strings.Join(hosts, ", "), string(p.Kind), p.Owner)})
	}
	for _, cc := range country.Codes() {
		all = append(all, Document{ID: "country/" + cc, Kind: "country", Title: country.Name(cc), Text: cc, CC: cc, URL: "/cc/" + cc})
	}
	return all
}

// who names the actors of an act and those addressed: short for the title, in full for the
// text.
func who(records *casefile.Records, c *casefile.Case, by, to []string) (short, full string) {
	if len(by) > 0 {
		short += " by " + records.Names(c, by)
	}
	if len(to) > 0 {
		short += " to " + records.Names(c, to)
	}
	var names []string
	for _, id := range append(slices.Clone(by), to...) {
		if a := records.Actor(c, id); a != nil && a.Abbreviation != "" {
			names = append(names, a.Name)
		}
	}
	return short, strings.Join(names, ", ")
}

// quoted returns the phrases that are cited.
func quoted(cites []casefile.Cite) []string {
	var list []string
	for _, c := range cites {
		if c.Phrase != "" {
			list = append(list, "“"+c.Phrase+"”")
		}
	}
	return list
}

func caseDocuments(records *casefile.Records, c *casefile.Case) []Document {
	var summary []string
	for _, n := range c.Summary {
		summary = append(summary, n.Text)
	}
	all := []Document{{ID: c.ID, Kind: "case", Case: c.ID, Title: c.Title, Text: join(append(summary, c.OpenQuestions...)...), CC: c.Jurisdiction, Targets: c.Targets}}
	if c.Start != nil {
		all[0].Date = c.Start.Date.String()
	}
	add := func(kind, section, id, title, date string, text ...string) {
		all = append(all, Document{ID: c.ID + "/" + section + "/" + id, Kind: kind, Case: c.ID, Title: title, Text: join(text...), Date: date, CC: c.Jurisdiction, Targets: c.Targets})
	}
	for _, a := range c.Acts {
		text := append([]string{a.What, a.Asked}, a.Grounds...)
		for _, n := range append(slices.Clone(a.Details), a.Remarks...) {
			text = append(text, n.Text)
		}
		short, full := who(records, c, a.By, a.To)
		text = append(append(text, quoted(a.Cites)...), full)
		add("act", "acts", a.ID, strings.ReplaceAll(string(a.Kind), "_", " ")+short, a.Date.String(), text...)
	}
	for _, s := range c.Sightings {
		add("sighting", "sightings", s.ID, "seen: "+string(s.Access), s.Date.String(), s.What, s.Method)
	}
	for _, k := range c.Claims {
		text := []string{k.Says}
		for _, e := range k.Evidence {
			text = append(text, e.Why)
		}
		short, full := who(records, c, k.By, nil)
		text = append(append(text, quoted(k.Cites)...), full)
		add("claim", "claims", k.ID, "claim about "+string(k.About)+short, k.Date.String(), text...)
	}
	for _, d := range c.Disputes {
		var text []string
		for _, p := range d.Positions {
			text = append(text, p.Says)
		}
		add("dispute", "disputes", d.ID, d.Question, "", text...)
	}
	for _, d := range c.Dockets {
		text := append([]string{d.Name, d.Relief}, append(d.Numbers, d.Petitioners...)...)
		if d.Number != nil {
			text = append(text, *d.Number)
		}
		for _, k := range d.Counsel {
			text = append(text, k.Name)
		}
		if d.Outcome != nil {
			text = append(text, d.Outcome.Text)
		}
		for _, n := range d.Notes {
			text = append(text, n.Text)
		}
		title := d.Name
		if title == "" {
			title = "case before the " + records.Name(c, d.Court)
		}
		add("docket", "dockets", d.ID, title, d.Filed.String(), text...)
	}
	all = append(all, sources(c.ID, c.Sources)...)
	for _, l := range c.Laws {
		all = append(all, law(c.ID, l))
	}
	for _, a := range c.Actors {
		all = append(all, actor(c.ID, a))
	}
	return all
}

func sources(folder string, list []casefile.Source) []Document {
	var all []Document
	for _, s := range list {
		d := Document{ID: folder + "/sources/" + s.ID, Kind: "source", Title: s.Publisher, Text: join(s.Note, s.ReliabilityReason), Date: s.Date.String()}
		if folder != "shared" {
			d.Case = folder
		}
		if s.Title != nil {
			d.Title += ": " + *s.Title
		}
		if s.URL != nil {
			d.URL = *s.URL
		}
		all = append(all, d)
	}
	return all
}

func law(folder string, l casefile.Law) Document {
	text := []string{l.Abbreviation}
	for _, s := range l.Sections {
		text = append(text, s.Number+" "+s.Empowers)
	}
	return Document{ID: folder + "/laws/" + l.ID, Kind: "law", Title: l.Name, Text: join(text...), Date: l.Date.String(), CC: l.CC}
}

func actor(folder string, a casefile.Actor) Document {
	text := append([]string{a.Abbreviation, a.Script, a.Office, a.Note}, a.Aliases...)
	for _, p := range a.Posts {
		text = append(text, p.Office)
	}
	return Document{ID: folder + "/actors/" + a.ID, Kind: "actor", Title: a.Name, Text: join(text...), CC: a.CC}
}

// SourceDocuments returns the paragraphs of the archived copies that have text. A copy
// that cannot be read is left out and named in unread.
func SourceDocuments(archive *source.Archive) (all []Document, unread []string, err error) {
	list, err := archive.List()
	if err != nil {
		return nil, nil, err
	}
	for _, s := range list {
		if !readable(s.MediaType) {
			continue
		}
		_, content, err := archive.Get(s.SHA256)
		if err != nil {
			unread = append(unread, err.Error())
			continue
		}
		text, err := source.ReadText(content, s.MediaType, s.URL())
		if err != nil {
			unread = append(unread, fmt.Sprintf("source %s: %v", s.SHA256[:12], err))
			continue
		}
		title := text.Title
		if title == "" && len(s.Fetches) > 0 {
			title = s.Fetches[0].Name
		}
		for i, span := range text.Spans {
			d := Document{
				ID: fmt.Sprintf("source/%s/%d", s.SHA256, i+1), Kind: "text", Title: title, Text: text.Body[span.Start:span.End],
				URL: s.URL(), Place: fmt.Sprintf("paragraph %d", i+1),
			}
			if span.Page > 0 {
				d.Place = fmt.Sprintf("page %d, %s", span.Page, d.Place)
			}
			if len(s.Fetches) > 0 {
				d.Date = s.Fetches[0].Time.Format("2006-01-02")
			}
			all = append(all, d)
		}
	}
	return all, unread, nil
}

// readable reports whether a kind of copy holds prose. Data sets have their own commands.
func readable(mediaType string) bool {
	return mediaType == "text/html" || mediaType == "application/xhtml+xml" || mediaType == "text/plain" || mediaType == "application/pdf"
}

// join joins sentences.
func join(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n")
}

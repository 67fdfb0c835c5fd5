package bundle

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// maxRows is how many measurements the report lists; the bundle encloses all of
// them.
const maxRows = 2000

// style is the style sheet of the report, for the screen and for paper.
const style = `body{font:16px/1.5 Georgia,serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}
h1,h2,h3{line-height:1.2;break-after:avoid}code{font:.85em/1.4 monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.85rem}th,td{border-bottom:1px solid #bbb;padding:.25rem .4rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
tr{break-inside:avoid}thead{display:table-header-group}.note{border-left:3px solid #888;padding-left:.8rem}
@page{margin:2cm}@media print{body{font-size:10.5pt;max-width:none;margin:0}a{color:inherit;text-decoration:none}}`

// page collects HTML. Everything that is not a tag is escaped by text.
type page struct{ bytes.Buffer }

func (p *page) raw(s string) { p.WriteString(s) }

func (p *page) text(tag, format string, args ...any) {
	open := "<" + tag + ">"
	name, _, _ := strings.Cut(tag, " ")
	p.WriteString(open + html.EscapeString(fmt.Sprintf(format, args...)) + "</" + name + ">\n")
}

// row writes a row of a table.
func (p *page) row(tag string, cells ...string) {
	p.raw("<tr>")
	for _, c := range cells {
		p.raw("<" + tag + ">" + html.EscapeString(c) + "</" + tag + ">")
	}
	p.raw("</tr>\n")
}

func (p *page) table(head []string, rows func()) {
	p.raw("<table><thead>")
	p.row("th", head...)
	p.raw("</thead><tbody>\n")
	rows()
	p.raw("</tbody></table>\n")
}

// report returns report.html, which tells readers what the bundle is evidence for.
func (c *Contents) report() []byte {
	p := new(page)
	p.raw("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" + html.EscapeString(c.title()) + "</title><style>" + style + "</style></head><body>\n")
	p.text("h1", "%s", c.title())
	for _, i := range c.About {
		p.text("p", "%s", i.Text)
	}
	if c.Example {
		p.text(`p class="note"`, "Country ZZ: made for an example. No real network was measured.")
	}
	p.text(`p class="note"`, "This page alone proves nothing. Check the bundle that it came in: %s says how.", howToName)
	c.reportAnswers(p)
	c.reportEvents(p)
	c.reportMeasurements(p)
	c.reportRecords(p)
	c.reportDerivation(p)
	c.reportCustody(p)
	c.reportProofs(p)
	if len(c.Left) > 0 {
		p.text("h2", "What is not enclosed")
		p.raw("<ul>\n")
		for _, l := range c.Left {
			p.text("li", "%s", l)
		}
		p.raw("</ul>\n")
	}
	p.raw("</body></html>\n")
	return p.Bytes()
}

func (c *Contents) reportAnswers(p *page) {
	if len(c.Answers) == 0 {
		return
	}
	p.text("h2", "What the record answered")
	for _, a := range c.Answers {
		p.text("p", "%s (%s)", a.Sentence, strings.ReplaceAll(a.State, "_", " "))
	}
}

func (c *Contents) reportEvents(p *page) {
	for i := range c.Events {
		e := &c.Events[i]
		p.text("h2", "Dated ban: %s", e.Scope)
		p.raw("<table><tbody>\n")
		p.row("td", "Id", e.ID)
		p.row("td", "Country", e.CC)
		p.row("td", "Began", e.Onset.String())
		if e.End != nil {
			p.row("td", "Ended", e.End.String())
		} else {
			p.row("td", "Ended", "no end was measured")
		}
		p.row("td", "Networks", strings.Join(e.Networks, ", "))
		p.row("td", "How", meansOf(e))
		p.row("td", "Measurements", fmt.Sprintf("%d between onset and end on these networks, of %d reports: %d blocked, %d unclear, %d worked, %d down for the control too",
			e.Counts.Measurements, e.Counts.Reports, e.Counts.Blocked, e.Counts.Inconclusive, e.Counts.OK, e.Counts.Down))
		p.row("td", "Confidence", fmt.Sprintf("%.2f", e.Confidence))
		p.raw("</tbody></table>\n")
		p.text("h3", "Why the detector says so")
		p.raw("<ul>\n")
		for _, r := range e.Reasons {
			p.text("li", "%s", r)
		}
		p.raw("</ul>\n")
	}
}

func meansOf(e *event.Event) string {
	var out []string
	for _, m := range e.Mechanisms {
		out = append(out, means(m))
	}
	return strings.Join(out, "; ")
}

// means puts a mechanism into words, followed by its name.
func means(m string) string {
	if w := verdict.MechanismWords(m); w != "" {
		return w + " (" + m + ")"
	}
	return m
}

func (c *Contents) reportMeasurements(p *page) {
	if len(c.Verdicts) == 0 {
		return
	}
	p.text("h2", "Measurements")
	n := min(len(c.Verdicts), maxRows)
	p.text("p", "%d are enclosed. A verdict is of one measurement alone; the rules that led to it stand below.", len(c.Verdicts))
	if n < len(c.Verdicts) {
		p.text("p", "The first %d are listed here; %s holds all.", n, verdictsName)
	}
	p.table([]string{"Time (UTC)", "Network", "What", "Verdict", "Rules", "Id"}, func() {
		for i := range c.Verdicts[:n] {
			v := &c.Verdicts[i]
			p.row("td", v.Time.Format(time.DateTime), v.CC+", "+network.Name(v.ASN), orElse(v.Input, v.Target), verdictWords(v), strings.Join(v.Rules, ", "), v.UID)
		}
	})
	said := map[string]bool{}
	p.text("h3", "The rules that fired")
	p.raw("<ul>\n")
	for i := range c.Verdicts[:n] {
		for _, id := range c.Verdicts[i].Rules {
			if s := verdict.Sentence(id); s != "" && !said[id] {
				said[id] = true
				p.text("li", "%s: %s", id, s)
			}
		}
	}
	p.raw("</ul>\n")
}

func orElse(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func verdictWords(v *verdict.Row) string {
	out := strings.ReplaceAll(string(v.State), "_", " ")
	for _, m := range v.Mechanisms {
		out += "; " + means(m)
	}
	if v.Invalid != "" {
		out += "; does not count: " + v.Invalid
	}
	for _, m := range v.Marks {
		out += "; does not vote: " + m
	}
	return out
}

func (c *Contents) reportRecords(p *page) {
	if len(c.Records) == 0 && len(c.Sources) == 0 {
		return
	}
	p.text("h2", "Record and sources")
	if len(c.Records) > 0 {
		p.text("p", "The case record is enclosed as it stands, in %d files below records/.", len(c.Records))
	}
	if len(c.Sources) > 0 {
		p.table([]string{"Source", "Published", "Address", "SHA-256 of the copy", "Enclosed"}, func() {
			for _, s := range c.Sources {
				where := s.Why
				if s.Enclosed {
					where = copyName(s.SHA256)
				}
				p.row("td", strings.TrimSpace(s.Publisher+": "+s.Title), s.Date, s.URL, orElse(s.SHA256, "none"), where)
			}
		})
	}
}

func (c *Contents) reportDerivation(p *page) {
	p.text("h2", "How it was derived")
	p.raw("<table><tbody>\n")
	p.row("td", "Ruleset", c.State.Ruleset)
	p.row("td", "Detector", c.State.Detector)
	p.row("td", "Fingerprints", c.State.Fingerprints)
	p.row("td", "Certificates that are trusted", c.State.TrustStore)
	p.row("td", "Registry of platforms", c.State.Platforms)
	p.row("td", "Generation of the archive", fmt.Sprint(c.State.Generation))
	p.row("td", "Program", "Bandish "+c.Software)
	p.raw("</tbody></table>\n")
	for _, x := range c.Pairs {
		p.text("p", "Of %s in %s the archive has %d measurements; %d are enclosed.", x.Target, x.CC, x.Measurements, x.Enclosed)
	}
}

func (c *Contents) reportCustody(p *page) {
	if len(c.Batches) == 0 {
		return
	}
	p.text("h2", "Chain of custody")
	p.text("p", "Custodian: %s. Measurements were received from the sources named here, were freed of their users' addresses on reception, and were kept unchanged since. %s lists every transformation.", c.speaker(), custodyName)
	p.table([]string{"Received", "Enclosed", "Collected from", "SHA-256 of the batch"}, func() {
		for _, k := range c.custody() {
			p.row("td", k.Received, k.Description, strings.Join(k.CollectedBy, ", "), k.HashSHA256)
		}
	})
}

func (c *Contents) reportProofs(p *page) {
	p.text("h2", "What vouches for it")
	if c.Proofs == nil {
		p.text("p", "By this operator's word alone: no log binds what is enclosed. That it was received when the report says, and that nothing was changed or left out before the bundle was made, is not proved.")
		return
	}
	p.text("p", "%d entries of the log %s are enclosed, with their proofs and the signed head of the log. Whether others signed the head, and when, says the check of the bundle.", len(c.Proofs.Entries), c.Origin)
	for i := range c.Proofs.Stamps {
		s := &c.Proofs.Stamps[i]
		at, err := ledger.ParseCheckpoint(s.Checkpoint)
		if err != nil {
			continue // Verify reports it
		}
		if stamp, err := ledger.OpenStamp(s.Answer, at, nil); err == nil {
			p.text("p", "The log with %d entries existed by %s UTC, says %s in a time stamp (RFC 3161).", at.Size, stamp.Time.Format(time.DateTime), stamp.Authority)
		}
	}
}

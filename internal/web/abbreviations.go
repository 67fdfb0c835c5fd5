package web

import (
	"bytes"
	"html/template"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/bandish/bandish/casefile"
)

// abbreviations maps each abbreviation that the site's own texts use to its long form. The
// abbreviations of actors and laws come from the record.
var abbreviations = map[string]string{
	"AU": "African Union", "API": "application programming interface: how programs ask", "ASN": "number of an autonomous system: a network", "CSL": "Citation Style Language", "CSV": "comma-separated values: a table for programs",
	"DNS": "Domain Name System: name lookups", "ECOWAS": "Economic Community of West African States", "EU": "European Union", "FIR": "first information report: it opens a criminal case", "FOCI": "Free and Open Communications on the Internet: a conference", "HTTP": "Hypertext Transfer Protocol", "HTTPS": "Hypertext Transfer Protocol over an encrypted connection",
	"HCCHRPET": "High Court, constitutional and human rights petition", "ICS": "a file for calendars", "ICT": "information and communication technology", "IP": "Internet Protocol", "IT": "information technology", "JSON": "JavaScript Object Notation: data for programs", "NGO": "non-governmental organisation", "OONI": "Open Observatory of Network Interference", "PDF": "Portable Document Format: a file of pages", "PTI": "Pakistan Tehreek-e-Insaf: a political party",
	"QUIC": "a transport protocol over UDP", "RBUOC": "Removal and Blocking of Unlawful Online Content", "RFC": "Request for Comments: a standard of the internet", "RIS": "Research Information Systems: a format of citations", "RSS": "a format of feeds", "SFLC": "Software Freedom Law Center", "SHA": "Secure Hash Algorithm: a fingerprint of a file", "SNI": "server name indication: the name of the site at the start of an encrypted connection",
	"SVG": "Scalable Vector Graphics: a drawing", "TCP": "Transmission Control Protocol", "TTCL": "Tanzania Telecommunications Corporation", "TLS": "Transport Layer Security: encryption", "UDP": "User Datagram Protocol", "UN": "United Nations", "URL": "address on the web", "URLS": "addresses on the web",
	"US": "United States", "USD": "United States dollars", "USENIX": "a society that holds conferences on computing", "UTC": "coordinated universal time", "VPN": "virtual private network", "XML": "Extensible Markup Language",
}

// abbreviated finds words that may be an abbreviation, with the s of a plural.
var abbreviated = regexp.MustCompile(`\b(?:[A-Z]{2,}|[A-Z][a-z]?[A-Z])s?\b`)

// expander maps abbreviations to long forms. It writes out each abbreviation at its first
// use on a page.
type expander map[string]string

// newExpander joins the abbreviations of the site's texts with those of the record. An
// abbreviation that stands for two things in the record is left out, unless the site's own
// texts have it.
func newExpander(records *casefile.Records) expander {
	e := expander{}
	twice := map[string]bool{}
	add := func(short, long string) {
		if short == "" || short == long {
			return
		}
		if e[short] != "" && e[short] != long {
			twice[short] = true
		}
		e[short] = long
	}
	of := func(actors []casefile.Actor, laws []casefile.Law) {
		for i := range actors {
			add(actors[i].Abbreviation, actors[i].Name)
		}
		for i := range laws {
			add(laws[i].Abbreviation, laws[i].Name)
		}
	}
	of(records.Shared.Actors, records.Shared.Laws)
	for _, c := range records.Cases {
		of(c.Actors, c.Laws)
	}
	for short := range twice {
		delete(e, short)
	}
	for short, long := range abbreviations {
		if e[short] == "" {
			e[short] = long
		}
	}
	return e
}

// asTheyAre lists the elements whose text is left alone: it is for programs, it is a
// quotation, or the element cannot hold an <abbr>.
var asTheyAre = []string{"code", "pre", "script", "style", "svg", "title", "option", "textarea", "blockquote", "q", "button"}

// expand puts an <abbr> around the first use of each abbreviation on a page of HTML. Where
// the long form stands directly before it, "… Authority (PTA)", no <abbr> is added.
func (e expander) expand(page []byte) []byte {
	out := bytes.NewBuffer(make([]byte, 0, len(page)+1024))
	z := html.NewTokenizer(bytes.NewReader(page))
	said := map[string]bool{}
	var within, abbr int
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return out.Bytes()
		case html.StartTagToken, html.EndTagToken:
			out.Write(z.Raw()) // before TagName, which writes into it
			name, _ := z.TagName()
			step := 1
			if kind == html.EndTagToken {
				step = -1
			}
			if slices.Contains(asTheyAre, string(name)) {
				within += step
			}
			if string(name) == "abbr" {
				abbr += step
			}
		case html.TextToken:
			raw := z.Raw()
			switch {
			case within > 0:
				out.Write(raw)
			case abbr > 0:
				said[string(bytes.TrimSpace(raw))] = true
				out.Write(raw)
			default:
				e.text(out, raw, said)
			}
		default:
			out.Write(z.Raw())
		}
	}
}

// text writes raw, a text of HTML, to out. It marks the abbreviations that are not in said
// yet, and adds them to said.
func (e expander) text(out *bytes.Buffer, raw []byte, said map[string]bool) {
	if !mayAbbreviate(raw) {
		out.Write(raw)
		return
	}
	done := 0
	for _, at := range abbreviated.FindAllIndex(raw, -1) {
		word := strings.TrimSuffix(string(raw[at[0]:at[1]]), "s")
		long := e[word]
		if long == "" || said[word] || at[0] > 0 && raw[at[0]-1] == '&' { // of "&LT;"
			continue
		}
		said[word] = true
		if before := string(raw[:at[0]]); strings.HasSuffix(before, template.HTMLEscapeString(long)+" (") {
			continue
		}
		out.Write(raw[done:at[0]])
		out.WriteString(`<abbr title="` + template.HTMLEscapeString(long) + `">` + word + `</abbr>`)
		done = at[0] + len(word)
	}
	out.Write(raw[done:])
}

// mayAbbreviate reports whether two capitals stand side by side, or with one letter
// between them. Without such a pair a text has no abbreviation; most texts have none.
func mayAbbreviate(text []byte) bool {
	last := -3
	for i, c := range text {
		if c < 'A' || c > 'Z' {
			continue
		}
		if i-last <= 2 {
			return true
		}
		last = i
	}
	return false
}

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

// abbreviations that pages use, with what they stand for. Those of actors and laws
// stand in the record.
var abbreviations = map[string]string{
	"AU": "African Union", "API": "application programming interface: how programs ask", "ASN": "number of an autonomous system: a network", "CSL": "Citation Style Language", "CSV": "comma-separated values: a table for programs",
	"DNS": "Domain Name System: name lookups", "ECOWAS": "Economic Community of West African States", "EU": "European Union", "FIR": "first information report: it opens a criminal case", "FOCI": "Free and Open Communications on the Internet: a conference", "HTTP": "Hypertext Transfer Protocol", "HTTPS": "Hypertext Transfer Protocol over an encrypted connection",
	"HCCHRPET": "High Court, constitutional and human rights petition", "ICS": "a file for calendars", "ICT": "information and communication technology", "IP": "Internet Protocol", "IT": "information technology", "JSON": "JavaScript Object Notation: data for programs", "NGO": "non-governmental organisation", "OONI": "Open Observatory of Network Interference", "PDF": "Portable Document Format: a file of pages", "PTI": "Pakistan Tehreek-e-Insaf: a political party",
	"QUIC": "a transport protocol over UDP", "RBUOC": "Removal and Blocking of Unlawful Online Content", "RFC": "Request for Comments: a standard of the internet", "RIS": "Research Information Systems: a format of citations", "RSS": "a format of feeds", "SFLC": "Software Freedom Law Center", "SHA": "Secure Hash Algorithm: a fingerprint of a file", "SNI": "server name indication: the name of the site at the start of an encrypted connection",
	"SVG": "Scalable Vector Graphics: a drawing", "TCP": "Transmission Control Protocol", "TTCL": "Tanzania Telecommunications Corporation", "TLS": "Transport Layer Security: encryption", "UDP": "User Datagram Protocol", "UN": "United Nations", "URL": "address on the web", "URLS": "addresses on the web",
	"US": "United States", "USD": "United States dollars", "USENIX": "a society that holds conferences on computing", "UTC": "coordinated universal time", "VPN": "virtual private network", "XML": "Extensible Markup Language",
}

// abbreviated is a word that may be an abbreviation, and an s of its plural.
var abbreviated = regexp.MustCompile(`\b(?:[A-Z]{2,}|[A-Z][a-z]?[A-Z])s?\b`)

// expander writes out an abbreviation where a page uses it first.
type expander map[string]string

// newExpander knows the abbreviations of pages and those of the record. One that
// stands for two things in the record is left as it is.
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

// asTheyAre are elements whose text is for programs, or which can hold no <abbr>.
var asTheyAre = []string{"code", "pre", "script", "style", "svg", "title", "option", "textarea", "blockquote", "q", "button"}

// expand puts an <abbr> around the first use of each abbreviation of a page. A
// name with its abbreviation behind it, "… Authority (PTA)", needs none.
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

// text writes a text with the abbreviations that were not said yet.
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

// mayAbbreviate reports whether a text has two capitals of which at most one letter
// stands between: without them it has no abbreviation, and most texts have none.
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

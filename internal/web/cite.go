package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// citeFormats are the formats in which a page can be cited, by the value of ?format=.
var citeFormats = map[string]struct {
	mediaType string
	write     func(c *citation) ([]byte, error)
}{
	"text":   {"text/plain; charset=utf-8", func(c *citation) ([]byte, error) { return []byte(plainName(c.Text()) + "\n"), nil }},
	"bibtex": {"application/x-bibtex; charset=utf-8", func(c *citation) ([]byte, error) { return []byte(c.bibTeX()), nil }},
	"ris":    {"application/x-research-info-systems; charset=utf-8", func(c *citation) ([]byte, error) { return []byte(c.ris()), nil }},
	"csl":    {"application/vnd.citationstyles.csl+json", func(c *citation) ([]byte, error) { return c.csl() }},
}

// citedAs answers with the citation if ?format= asks for one, and reports whether it did.
func (c *citation) citedAs(w http.ResponseWriter, r *http.Request) (bool, error) {
	f, ok := citeFormats[r.URL.Query().Get("format")]
	if !ok || c == nil {
		return false, nil
	}
	b, err := f.write(c)
	if err != nil {
		return true, err
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	deliver(w, r, f.mediaType, b)
	return true, nil
}

// known is the day whose knowledge the page shows, in words.
func (c citation) known() string { return c.Known.Format(longDay) }

// note is what a citation says besides title, date and address.
func (c citation) note() string {
	if c.lang != nil {
		return plainName(c.lang.citationNote(&c))
	}
	out := "As known on " + c.known()
	if c.Generation != 0 {
		out += fmt.Sprintf("; archive generation %d", c.Generation)
	}
	if c.Ruleset != "" {
		out += "; ruleset " + c.Ruleset
	}
	return out
}

// key is the name of the entry; it has only letters and digits.
func (c citation) key() string {
	key := "bandish" + c.Known.Format("20060102")
	for _, r := range c.Path {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			key += string(r)
		}
	}
	return key
}

// bibTeX returns the citation as an @misc entry of BibTeX, which every style knows.
func (c citation) bibTeX() string {
	clean := strings.NewReplacer("{", "", "}", "", "\\", "", "%", `\%`, "&", `\&`, "#", `\#`, "_", `\_`, "$", `\$`, "~", `\~{}`, "^", `\^{}`, "\n", " ", "\r", " ")
	address := strings.NewReplacer("{", "%7B", "}", "%7D", "\\", "%5C", "\n", "", "\r", "").Replace(c.Address)
	return fmt.Sprintf("@misc{%s,\n  author = {{Bandish}},\n  title = {{%s}},\n  year = {%d},\n  month = {%d},\n  howpublished = {\\url{%s}},\n  note = {%s},\n%s  urldate = {%s}\n}\n",
		c.key(), clean.Replace(c.Title), c.Known.Year(), int(c.Known.Month()), address, clean.Replace(c.note()), c.inLanguage("  language = {%s},\n", func(l *catalogue) string { return l.Language.English }), c.Shown.Format("2006-01-02"))
}

// inLanguage returns a line that names the language of the page, "" for English.
func (c citation) inLanguage(line string, name func(*catalogue) string) string {
	if c.lang == nil {
		return ""
	}
	return fmt.Sprintf(line, name(c.lang))
}

// ris is the citation in the RIS format.
func (c citation) ris() string {
	line := strings.NewReplacer("\n", " ", "\r", " ")
	return fmt.Sprintf("TY  - ELEC\r\nAU  - Bandish\r\nTI  - %s\r\nPY  - %d\r\nDA  - %s\r\nUR  - %s\r\nY2  - %s\r\nN1  - %s\r\n%sER  - \r\n",
		line.Replace(c.Title), c.Known.Year(), c.Known.Format("2006/01/02"), line.Replace(c.Address), c.Shown.Format("2006/01/02"), line.Replace(c.note()), c.inLanguage("LA  - %s\r\n", func(l *catalogue) string { return l.code }))
}

// csl is the citation as CSL-JSON.
func (c citation) csl() ([]byte, error) {
	type parts struct {
		Parts [][]int `json:"date-parts"`
	}
	day := func(y, m, d int) parts { return parts{[][]int{{y, m, d}}} }
	entry := map[string]any{
		"id": c.key(), "type": "webpage", "title": c.Title, "author": []map[string]string{{"literal": "Bandish"}}, "container-title": "Bandish: the open record of internet bans",
		"URL": c.Address, "issued": day(c.Known.Year(), int(c.Known.Month()), c.Known.Day()), "accessed": day(c.Shown.Year(), int(c.Shown.Month()), c.Shown.Day()), "note": c.note(),
	}
	if c.lang != nil {
		entry["language"] = c.lang.code
	}
	b, err := json.MarshalIndent([]map[string]any{entry}, "", "  ")
	return append(b, '\n'), err
}

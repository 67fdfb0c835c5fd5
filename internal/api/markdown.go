package api

import (
	"fmt"
	"strings"
)

// Markdown returns the page docs/formats/api.md: every address with its parameters and
// examples to copy. It is made from the document. base is the server that the examples
// ask.
func (s *Server) Markdown(base string) []byte {
	var b strings.Builder
	b.WriteString(apiIntro)
	b.WriteString("\n## Addresses\n\n| address | what | formats |\n|---|---|---|\n")
	formats := map[string]string{jsonType: "JSON", ndjsonType: "NDJSON", csvType: "CSV", parquetType: "Parquet", "text/plain": "text"}
	list := s.Endpoints()
	for _, e := range list {
		var kinds []string
		for _, f := range e.Formats {
			kinds = append(kinds, formats[f])
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Path, e.Summary, strings.Join(kinds, ", "))
	}
	b.WriteString("\n## Examples\n\nThey run as they stand against a server on this machine. Python needs its standard library alone, R its base.\n")
	for _, e := range list {
		if strings.Contains(e.Path, "{") {
			continue // it needs an id, which the lists give
		}
		fmt.Fprintf(&b, "\n### %s\n\n", e.Summary)
		if e.Text != "" {
			b.WriteString(e.Text + "\n\n")
		}
		var named []string
		for _, p := range e.Parameters {
			switch p.Name {
			case "format", "limit", "cursor":
			default:
				named = append(named, "`"+p.Name+"`")
			}
		}
		if len(named) > 0 {
			fmt.Fprintf(&b, "Parameters: %s.\n\n", strings.Join(named, ", "))
		}
		e.examples(&b, base)
	}
	return []byte(b.String())
}

// examples writes the examples of an endpoint for a shell, Python and R.
func (e *Endpoint) examples(b *strings.Builder, base string) {
	at := base + e.Example
	table, isList := at, strings.Contains(strings.Join(e.Formats, " "), csvType)
	if isList && !strings.Contains(at, "format=csv") {
		sep := "?"
		if strings.Contains(at, "?") {
			sep = "&"
		}
		table += sep + "format=csv"
	}
	fmt.Fprintf(b, "```sh\ncurl -fsS '%s'\n```\n\n", at)
	switch {
	case isList:
		fmt.Fprintf(b, "```python\nimport csv, io, urllib.request\n\ntext = urllib.request.urlopen('%s').read().decode()\nrows = list(csv.DictReader(io.StringIO(text)))\nprint(len(rows), 'rows of', len(rows[0]) if rows else 0, 'columns')\n```\n\n```r\nrows <- read.csv('%s')\nprint(dim(rows))\n```\n", table, table)
	case strings.Contains(strings.Join(e.Formats, " "), jsonType):
		fmt.Fprintf(b, "```python\nimport json, urllib.request\n\nvalue = json.load(urllib.request.urlopen('%s'))\nprint(sorted(value))\n```\n", at)
	}
}

const apiIntro = `# The API

Made from the handlers by ` + "`go test ./internal/api -run Markdown -update`" + `. A server answers programs under
` + "`/api/v1`" + `; ` + "`/api/v1/openapi.json`" + ` (OpenAPI 3.1) describes every field, ` + "`/api/v1`" + ` is a page of it. Every value is
the one that pages and commands show. Names are added and never change their meaning.
OONI's read API stands under the same path ([ooniapi](ooniapi.md)); the names are disjoint
([decision 0013](../decisions/0013-two-apis-under-one-path.md)).

- **Lists** come as a page of JSON (` + "`results`, `next_cursor`, `generation`" + `; ` + "`limit`" + ` rows, 100 where it is not
  given, 10,000 at the most), and whole as NDJSON, CSV or Parquet, by ` + "`format=`" + ` or ` + "`Accept`" + `. A page may hold
  fewer rows than ` + "`limit`" + `: go on while there is a ` + "`next_cursor`" + ` (also in ` + "`Link: rel=next`" + `).
- **A cursor** stays with the list as it was when it was begun, whatever is imported meanwhile: the
  rows are neither lost nor repeated. It lasts 50 minutes, and ends when the
  server starts anew after the archive has changed: the answer is 410 then.
- **CSV** has the fields of a row as columns, those of objects as ` + "`a.b`" + `; a list of words is joined by
  spaces, any other list is JSON. A text that begins like a formula has an apostrophe before it.
- **Parquet** has the columns of the archive's segments ([columns](columns.md)).
- A list that breaks off while it is written ends without the end of its transfer: a client sees an error.
- **ETag** and ` + "`If-None-Match`" + `: an answer holds until the archive changes, the day ends or the server starts anew.
- **Limits**: ` + "`RateLimit-Policy`" + ` and ` + "`RateLimit`" + ` say how many requests a client network may make in a minute
  (` + "`serve --api-limit`" + `, 600) and has left; past them the answer is 429 with ` + "`Retry-After`" + `. Four whole lists are written
  at a time; past them it is 503. No address is kept: a client is known by a hash under a key that each minute has anew.
- **Errors** are problem documents (RFC 9457); ` + "`detail`" + ` says how to put the request right. 400: the query cannot be
  read; 404; 405; 406: not in this format; 410: begin the list again; 422: a parameter is wrong; 429; 503.
- A browser's page of any site may read all of it (CORS for GET).

## Files

` + "`/api/v1/datapackage.json`" + ` is a Frictionless Data Package: each table with its schema, licence, citation, and its
Parquet files with their hashes; ` + "`/api/v1/SHA256SUMS`" + ` lists them for ` + "`sha256sum --check`" + `. A file never changes; one that
was replaced stays for an hour. Range requests are answered, so DuckDB reads only what a question needs (its
extension ` + "`httpfs`" + ` is not part of it: ` + "`INSTALL httpfs`" + ` once):

` + "```sql" + `
SELECT probe_asn, sum(blocked + likely_blocked) AS blocked, sum(ok) AS ok
FROM read_parquet('http://127.0.0.1:8080/api/v1/segments/cells/2024-11/HASH.parquet')
WHERE target = 'telegram' GROUP BY probe_asn ORDER BY blocked DESC;
` + "```" + `

## Assistants

` + "`bandish mcp`" + ` (standard input and output) and ` + "`/mcp`" + ` (streamable HTTP) speak the Model Context Protocol. Tools:
` + "`is_blocked`, `ban_history`, `check_claim`, `find_case`, `case_chronology`, `evidence_for`, `search`, `cite`" + `; resources:
` + "`bandish://rules`, `bandish://cases/ID`" + `. Every answer has ` + "`text`, `address`, `date`, `basis`" + `, counts where something was
measured, and the whole ` + "`value`" + `; too little is said as ` + "`insufficient`" + `. They only read. A page of another site cannot
make a browser ask (` + "`Sec-Fetch-Site`, `Origin`" + `).
`

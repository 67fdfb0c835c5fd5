package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/request"
	"github.com/spf13/cobra"
)

func requestsCommand(env *environment) *cobra.Command {
	return withDefault(requestsShowing(env, "requests", "what authorities asked of platforms, who counted it, and how much platforms complied with"),
		requestsShowing(env, "show", "show the figures of the record and of imported tables"), requestsImportCommand(env), usesCommand(env, "requests"))
}

// pairs collects a flag that may be given several times, in the form field=value.
type pairs map[string]string

func (p pairs) String() string { return "" }

// Type is what help calls a value.
func (p pairs) Type() string { return "field=value" }

func (p pairs) Set(text string) error {
	field, value, ok := strings.Cut(text, "=")
	if !ok || field == "" || value == "" {
		return errors.New("write field=value")
	}
	p[field] = value
	return nil
}

// readRequests reads a table of requests from its copy.
func readRequests(u source.Use, content []byte, registry *target.Registry) (*request.Import, error) {
	r := bytes.NewReader(content)
	switch request.Dataset(u.Format) {
	case request.GoogleDetailed:
		return request.ReadGoogleDetailed(r, u.Name, googleProduct(registry))
	case request.Google:
		return request.ReadGoogle(r, u.Name, googleProduct(registry))
	case request.Twitter:
		return request.ReadTwitter(r, u.Name)
	case request.Lumen:
		return request.ReadLumen(r, u.Name, u.Fixed, registry.OfName)
	case request.Mapped:
		return request.ReadMapped(r, u.Name, request.Mapping{Columns: u.Columns, Fixed: u.Fixed}, registry.OfName)
	}
	return nil, fmt.Errorf("unknown format %q: one of %s, %s, %s, %s, %s", u.Format, request.GoogleDetailed, request.Google, request.Twitter, request.Lumen, request.Mapped)
}

// googleProduct returns a function that gives the platform of one of Google's products.
func googleProduct(registry *target.Registry) func(string) string {
	names := map[string]string{"play apps": "google-play", "google play apps": "google-play", "bard": "gemini"}
	return func(product string) string {
		if id := names[strings.ToLower(product)]; id != "" {
			return id
		}
		return registry.OfName(product)
	}
}

// guessRequestFormat guesses the format from the beginning of the content.
func guessRequestFormat(content []byte) string {
	if strings.HasPrefix(strings.TrimSpace(string(content[:min(len(content), 4096)])), "{") {
		return string(request.Lumen)
	}
	header, _, _ := strings.Cut(strings.ToLower(string(content[:min(len(content), 4096)])), "\n")
	switch {
	case strings.Contains(header, "cldr territory code") && strings.Contains(header, "period ending"):
		return string(request.GoogleDetailed)
	case strings.Contains(header, "cldr_territory") && strings.Contains(header, "items_requested_removal"):
		return string(request.Google)
	case strings.Contains(header, "removal_request_court"):
		return string(request.Twitter)
	}
	return string(request.Mapped)
}

// requestLists is the kind of tables of requests.
func requestLists(registry *target.Registry) listKind {
	return listKind{"requests", guessRequestFormat, func(u source.Use, content []byte) (*listRead, error) {
		im, err := readRequests(u, content, registry)
		if err != nil {
			return nil, err
		}
		return &listRead{Rows: im.Rows, Used: im.Used, Requests: len(im.Requests), Asides: asidesOf(im.Asides)}, nil
	}}
}

func requestsImportCommand(env *environment) *cobra.Command {
	format, asJSON := "", false
	columns, fixed := make(pairs), make(pairs)
	c := &cobra.Command{
		Use:   "import FILE…",
		Short: "import tables of requests: Google's, Twitter's, notices of Lumen, other CSV",
		Example: `bandish requests import google-government-removal-requests.csv
bandish requests import table.csv --map sent=Requests --set cc=PK`,
		Annotations: map[string]string{argumentsNote: "FILE  a table, or a notice of Lumen as JSON"},
		Args:        someArgs("a file: Google's or Twitter's table, a notice of Lumen as JSON, or another CSV with --map and --set"),
		RunE: noting(env, func(_ context.Context, files []string) error {
			registry, err := loadTargets()
			if err != nil {
				return err
			}
			return importLists(env, requestLists(registry), files, source.Use{Format: format, Columns: columns, Fixed: fixed}, asJSON)
		}),
	}
	f := c.Flags()
	f.StringVar(&format, "format", "", "`format`: google, google-detailed, twitter, lumen or csv; guessed if left out")
	f.Var(columns, "map", "`field=column` of a csv table, may be repeated; fields: "+strings.Join(request.Fields, ", "))
	f.Var(fixed, "set", "`field=value` for all rows of a csv table, or for what a notice of Lumen lacks; may be repeated")
	c.RegisterFlagCompletionFunc("format", completing(words("google", "google-detailed", "twitter", "lumen", "csv")))
	jsonFlag(c, &asJSON)
	return c
}

// requestRows returns all rows: of the record and of the imported tables.
func requestRows(env *environment, registry *target.Registry) ([]request.Row, error) {
	record, _, err := openRecords(env.records)
	if err != nil {
		return nil, err
	}
	return requestsOf(env.sources(), record, registry)
}

// requestsOf returns the rows of a record and of the imported tables.
func requestsOf(archive *source.Archive, record *casefile.Records, registry *target.Registry) ([]request.Row, error) {
	rows := request.FromRecord(record)
	err := eachList(archive, "requests", func(u source.Use, content []byte) error {
		im, err := readRequests(u, content, registry)
		if err != nil {
			return err
		}
		for _, row := range im.Requests {
			row.Origin.SHA256 = u.SHA256
			rows = append(rows, row)
		}
		return nil
	})
	return rows, err
}

// requestView is what `requests show` prints.
type requestView struct {
	Figures   []request.Figure   `json:"figures"`
	Conflicts []request.Conflict `json:"conflicts"`
	Falls     []request.Fall     `json:"falls"`
}

// requestsFlags are the flags of `bandish requests show`.
type requestsFlags struct {
	windowFlags
	by     string
	limit  int
	asJSON bool
}

// requestsShowing is `bandish requests` and `bandish requests show`.
func requestsShowing(env *environment, use, short string) *cobra.Command {
	var o requestsFlags
	c := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "bandish requests show --cc PK --by authority,period",
		Args:    noArgs,
		RunE:    doing(func(context.Context, []string) error { return showRequests(env, &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.cc, "cc", "", "only this `country` (ISO 3166-1 alpha-2)")
	f.StringVar(&o.target, "target", "", "only this `platform`")
	f.StringVar(&o.by, "by", "period", "keep apart, by `dimensions`: authority, period, product, reason; \"\" adds all up")
	f.StringVar(&o.since, "since", "", "only periods that end after this `day`")
	f.StringVar(&o.until, "until", "", "only periods that begin before this `day`")
	f.IntVar(&o.limit, "limit", 60, "print at most `N` figures; 0 for all")
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

func showRequests(env *environment, o *requestsFlags) error {
	registry, err := loadTargets()
	if err != nil {
		return err
	}
	dimensions, err := readBy(o.by)
	if err != nil {
		return err
	}
	keep, err := requestFilter(registry, o.windowFlags)
	if err != nil {
		return err
	}
	rows, err := requestRows(env, registry)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r request.Row) bool { return !keep(&r) })
	view := requestView{
		Figures:   append([]request.Figure{}, request.Summarise(rows, dimensions)...), // [] in JSON, not null
		Conflicts: append([]request.Conflict{}, request.Conflicts(request.Summarise(rows, request.By{Period: true}))...),
		Falls:     append([]request.Fall{}, request.Falls(rows)...),
	}
	if o.asJSON {
		return printJSON(env.stdout, view)
	}
	return view.print(terminal{env.stdout}, o.limit)
}

func readBy(text string) (request.By, error) {
	var by request.By
	for word := range strings.SplitSeq(text, ",") {
		switch strings.TrimSpace(word) {
		case "", "platform", "country": // these are always kept apart
		case "authority":
			by.Authority = true
		case "period":
			by.Period = true
		case "product":
			by.Product = true
		case "reason":
			by.Reason = true
		default:
			return by, usageError("--by: unknown dimension %q; authority, period, product, reason", word)
		}
	}
	return by, nil
}

func requestFilter(registry *target.Registry, f windowFlags) (func(*request.Row) bool, error) {
	cc, platform, since, until := strings.ToUpper(f.cc), f.target, f.since, f.until
	if cc != "" && !country.Valid(cc) {
		return nil, usageError("--cc: %q is no country code; write PK for Pakistan", cc)
	}
	if platform != "" {
		id, _, err := registry.Resolve(platform)
		if err != nil {
			return nil, usageError("--target: %w", err)
		}
		platform = id
	}
	var after, before time.Time
	for _, f := range []struct {
		name, text string
		t          *time.Time
	}{{"--since", since, &after}, {"--until", until, &before}} {
		if f.text == "" {
			continue
		}
		t, err := time.Parse(time.DateOnly, f.text)
		if err != nil {
			return nil, usageError("%s: %q is not a day like 2024-03-14", f.name, f.text)
		}
		*f.t = t
	}
	return func(r *request.Row) bool {
		from, to := r.Period.Bounds(time.UTC)
		return (cc == "" || r.CC == cc) && (platform == "" || r.Platform == platform) &&
			(after.IsZero() || to.IsZero() || to.After(after)) && (before.IsZero() || from.Before(before))
	}, nil
}

func (v *requestView) print(w io.Writer, limit int) error {
	if len(v.Figures) == 0 {
		_, err := fmt.Fprintln(w, "no figures; `bandish requests import FILE` reads the platforms' tables")
		return err
	}
	shown := v.Figures
	if limit > 0 {
		shown = shown[:min(len(shown), limit)]
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PERIOD\tCC\tPLATFORM\tAUTHORITY\tWHAT\tSENT\tCOMPLIED\tREJECTED\tPENDING\tRATE\tSTATED\tREPORTED BY\tFROM")
	for _, f := range shown {
		what := f.Level
		if f.Product != "" {
			what += ", " + f.Product
		}
		if f.Reason != "" {
			what += ", " + f.Reason
		}
		if f.Counter == "cumulative" {
			what += " (cumulative)"
		}
		from := string(f.Dataset)
		if f.Rows > 1 {
			from += fmt.Sprintf(", %d rows", f.Rows)
		}
		authority := f.Authority
		if authority == "" {
			authority = "all"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Period, f.CC, f.Platform, cut(authority, 40), what, countText(f.Sent), countText(f.Complied), countText(f.Rejected), countText(f.Pending), rateText(f.Rate), statedText(f.Stated), cut(f.ReportedBy, 40), from)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d of %d figures; RATE is complied of sent where both are given, STATED is the reporter's own. Figures of different reporters, or of different rules, are never added.\n", len(shown), len(v.Figures))
	v.printRules(w, shown)
	return v.printDoubts(w, limit)
}

// printRules writes what each reporter counts as complied, if that is known.
func (v *requestView) printRules(w io.Writer, shown []request.Figure) {
	by := map[string]string{}
	for _, f := range shown {
		if f.Compliance != "" {
			by[f.ReportedBy+", "+f.Level] = casefile.Meaning(f.Compliance)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintf(w, "  complied, by %s: %s\n", who, by[who])
	}
}

func (v *requestView) printDoubts(w io.Writer, limit int) error {
	if n := len(v.Conflicts); n > 0 {
		fmt.Fprintf(w, "\n%d pairs of figures do not agree:\n", n)
		for i, c := range v.Conflicts {
			if limit > 0 && i == limit {
				fmt.Fprintf(w, "  and %d more (--limit 0)\n", n-i)
				break
			}
			apart := ""
			if len(c.Apart) > 0 {
				apart = " (they also differ in " + strings.Join(c.Apart, ", ") + ")"
			}
			if c.Rules {
				apart += "; each counts by its own rule what was complied with"
			}
			fmt.Fprintf(w, "  %s %s: %s%s\n    %s, %s, %s [%s]\n    %s, %s, %s [%s]\n", c.CC, c.Platform, c.What, apart, c.A.ReportedBy, c.A.Period, c.A.Level, c.A.Origin, c.B.ReportedBy, c.B.Period, c.B.Level, c.B.Origin)
		}
	}
	for _, f := range v.Falls {
		if _, err := fmt.Fprintf(w, "\ncumulative counter fell: %s %s, %s by %s: %d up to %s, but %d up to %s [%s]\n", f.CC, f.Platform, f.Counter, f.ReportedBy, f.From, strings.TrimPrefix(f.Earlier, "/"), f.To, strings.TrimPrefix(f.Later, "/"), f.Origin); err != nil {
			return err
		}
	}
	return nil
}

func countText(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprint(*n)
}

func rateText(f *float64) string {
	if f == nil {
		return "-"
	}
	return strings.Replace(request.Percent(*f), " %", "%", 1)
}

// statedText is a share with all the digits that its reporter gave.
func statedText(f *float64) string {
	if f == nil {
		return "-"
	}
	return strconv.FormatFloat(*f, 'f', -1, 64) + "%"
}

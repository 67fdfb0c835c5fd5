package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/ban/list"
	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/internal/target"
	"github.com/spf13/cobra"
)

func bansCommand(env *environment) *cobra.Command {
	filter := &banFilter{env: env}
	limit, asJSON := 0, false
	c := withDefault(&cobra.Command{
		Use:     "bans",
		Short:   "rank bans by length, measured and reported; import others' lists, export ours",
		Example: "bandish bans --target x\nbandish bans --cc PK --as-of 2024-12-31",
		RunE:    doing(func(ctx context.Context, _ []string) error { return rankBans(ctx, env, filter, limit, asJSON) }),
	}, banExplainCommand(env), banDecisionsCommand(env), banImportCommand(env), banExportCommand(env), usesCommand(env, "bans"))
	filter.add(c)
	c.Flags().IntVar(&limit, "limit", 40, "print at most `N`; 0 for all")
	jsonFlag(c, &asJSON)
	return c
}

// banFilter holds the flags that choose bans.
type banFilter struct {
	env                    *environment
	target, cc, asOf, hand string
	registry               *target.Registry
	day                    time.Time
}

func (f *banFilter) add(c *cobra.Command) {
	recordsFlag(c, f.env)
	set := c.Flags()
	set.StringVar(&f.target, "target", "", "only this `platform`, host, or \"internet\"")
	set.StringVar(&f.cc, "cc", "", "only this `country` (ISO 3166-1 alpha-2)")
	set.StringVar(&f.asOf, "as-of", "", "count as of this `day` (2024-03-14); today if left out")
	set.StringVar(&f.hand, "by-hand", "", "`file` of decisions made by people, which always win (default ban-decisions.yaml in the data folder, if it exists)")
}

// read checks the values of the flags.
func (f *banFilter) read() error {
	var err error
	if f.registry, err = loadTargets(); err != nil {
		return err
	}
	if t := f.target; t != "" && t != ban.Internet && t != ban.Unnamed {
		if f.target, _, err = f.registry.Resolve(t); err != nil {
			return usageError("--target: %w", err)
		}
	}
	f.cc = strings.ToUpper(f.cc)
	if f.cc != "" && !country.Valid(f.cc) {
		if cc, ok := country.Code(f.cc); ok {
			f.cc = cc
		} else {
			return usageError("--cc: %q is no country code; write PK for Pakistan", f.cc)
		}
	}
	f.day = time.Now().UTC()
	if f.asOf != "" {
		if f.day, err = time.Parse(time.DateOnly, f.asOf); err != nil {
			return usageError("--as-of: %q is not a day like 2024-03-14", f.asOf)
		}
	}
	return nil
}

// bans returns the bans that the filter chooses: those of the record, those dated from the
// archive's measurements and, if imported is true, those of others' data sets.
func (f *banFilter) bans(ctx context.Context, imported bool) ([]ban.Ban, error) {
	bans, _, err := f.decided(ctx, imported)
	return bans, err
}

// decided returns the chosen bans, and the decision on each of their reports.
func (f *banFilter) decided(ctx context.Context, imported bool) ([]ban.Ban, []ban.Decision, error) {
	desk, done, err := f.env.desk(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	reports, err := desk.Reports(ctx, f.day, imported)
	if err != nil {
		return nil, nil, err
	}
	hand, err := f.byHand(reports, imported)
	if err != nil {
		return nil, nil, err
	}
	bans, decisions := ban.ReconcileBy(reports, hand)
	bans = slices.DeleteFunc(bans, func(b ban.Ban) bool { return f.cc != "" && b.CC != f.cc || f.target != "" && b.Target != f.target })
	chosen := make(map[string]bool, len(bans))
	for _, b := range bans {
		chosen[b.ID] = true
	}
	return bans, slices.DeleteFunc(decisions, func(d ban.Decision) bool { return !chosen[d.Ban] }), nil
}

// handOf reads the decisions that people made from a data folder, if it has any.
func handOf(data string) (ban.Hand, error) {
	hand, err := readHand(filepath.Join(data, "ban-decisions.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return ban.Hand{}, nil
	}
	return hand, err
}

func readHand(name string) (ban.Hand, error) {
	data, _, err := source.ReadFile(name, maxHandBytes)
	if err != nil {
		return ban.Hand{}, fmt.Errorf("decisions by hand: %w", err)
	}
	hand, err := ban.ParseHand(data)
	if err != nil {
		return hand, fmt.Errorf("decisions by hand, %s: %w", name, err)
	}
	return hand, nil
}

// maxHandBytes is the greatest size of a file of decisions.
const maxHandBytes = 8 << 20

// byHand reads the decisions that people made. If the file was named by a flag, a decision
// about a report that does not exist is an error.
func (f *banFilter) byHand(reports []ban.Report, imported bool) (ban.Hand, error) {
	name := f.hand
	if name == "" {
		return handOf(f.env.data)
	}
	hand, err := readHand(name)
	if err != nil {
		return hand, err
	}
	if missing := hand.Missing(reports); len(missing) > 0 && f.hand != "" && imported {
		return hand, fmt.Errorf("decisions by hand, %s: no report is called %q; `bandish bans decisions` names them", name, missing[0])
	}
	return hand, nil
}

// importedReports reads the imported data sets from their archived copies.
func importedReports(a *source.Archive, names list.Names) (reports []ban.Report, err error) {
	err = eachList(a, "bans", func(u source.Use, content []byte) error {
		im, err := readBans(u, content, names)
		if err != nil {
			return err
		}
		for _, r := range im.Reports {
			r.Origin.SHA256, r.Imported = u.SHA256, u.Time
			reports = append(reports, r)
		}
		return nil
	})
	return reports, err
}

// The formats of reported bans.
const (
	keepItOnCSV  = "keepiton-csv"
	keepItOnXLSX = "keepiton-xlsx"
	ooniJSON     = "ooni-incidents"
	sflcJSON     = "sflc"
)

func readBans(u source.Use, content []byte, names list.Names) (*list.Import, error) {
	switch u.Format {
	case keepItOnCSV:
		return list.ReadKeepItOnCSV(bytes.NewReader(content), u.Name, names)
	case keepItOnXLSX:
		return list.ReadKeepItOnXLSX(content, u.Name, names)
	case ooniJSON:
		return list.ReadOONIIncidents(content, u.Name, names)
	case sflcJSON:
		return list.ReadSFLC(content, u.Name)
	}
	return nil, fmt.Errorf("unknown format %q: one of %s, %s, %s, %s", u.Format, keepItOnCSV, keepItOnXLSX, ooniJSON, sflcJSON)
}

// guessBanFormat guesses the format from the content.
func guessBanFormat(content []byte) string {
	head := strings.TrimSpace(strings.TrimPrefix(string(content[:min(len(content), 4096)]), "\ufeff"))
	switch {
	case strings.HasPrefix(head, "PK\x03\x04"):
		return keepItOnXLSX
	case strings.HasPrefix(head, "{") && strings.Contains(head, `"incidents"`), strings.HasPrefix(head, "[") && strings.Contains(head, `"CCs"`):
		return ooniJSON
	case strings.HasPrefix(head, "["):
		return sflcJSON
	}
	return keepItOnCSV
}

// banLists is the kind of others' lists of bans.
func banLists(names list.Names) listKind {
	return listKind{"bans", guessBanFormat, func(u source.Use, content []byte) (*listRead, error) {
		im, err := readBans(u, content, names)
		if err != nil {
			return nil, err
		}
		return &listRead{Rows: im.Rows, Used: im.Used, Reports: len(im.Reports), Asides: asidesOf(im.Asides)}, nil
	}}
}

func banImportCommand(env *environment) *cobra.Command {
	format, asJSON := "", false
	c := &cobra.Command{
		Use:         "import FILE…",
		Short:       "import others' lists of bans: KeepItOn's, OONI's incidents, SFLC's",
		Example:     "bandish bans import keepiton-2024.xlsx",
		Annotations: map[string]string{argumentsNote: "FILE  KeepItOn's spreadsheet or CSV, OONI's incidents as JSON, SFLC's list as JSON"},
		Args:        someArgs("a file: KeepItOn's spreadsheet or CSV, OONI's incidents, SFLC's list"),
		RunE: noting(env, func(_ context.Context, files []string) error {
			registry, err := loadTargets()
			if err != nil {
				return err
			}
			return importLists(env, banLists(registry), files, source.Use{Format: format}, asJSON)
		}),
	}
	formats := []string{keepItOnCSV, keepItOnXLSX, ooniJSON, sflcJSON}
	c.Flags().StringVar(&format, "format", "", "`format`: "+strings.Join(formats, ", ")+"; guessed if left out")
	c.RegisterFlagCompletionFunc("format", completing(words(formats...)))
	jsonFlag(c, &asJSON)
	return c
}

func rankBans(ctx context.Context, env *environment, filter *banFilter, limit int, asJSON bool) error {
	if err := filter.read(); err != nil {
		return err
	}
	bans, err := filter.bans(ctx, true)
	if err != nil {
		return err
	}
	ranked := ban.Rank(bans, filter.day)
	total := len(ranked)
	if limit > 0 {
		ranked = ranked[:min(len(ranked), limit)]
	}
	if asJSON {
		return printJSON(env.stdout, struct {
			AsOf  string       `json:"as_of"`
			Total int          `json:"total"`
			Bans  []ban.Ranked `json:"bans"`
		}{filter.day.Format(time.DateOnly), total, ranked})
	}
	return printRanked(env.stdout, ranked, total, filter.day)
}

func printRanked(w io.Writer, ranked []ban.Ranked, total int, asOf time.Time) error {
	fmt.Fprintf(w, "Bans by length, counted as of %s. Lengths are reported unless a measured one stands beside them;\nDays written 2024-11-06..2024-11-07: on one of them. \"≥\" where nothing says when the ban ended or that it held\nlonger; \"…\" where it held on that day.\n\n", asOf.Format(time.DateOnly))
	if total == 0 {
		_, err := fmt.Fprintln(w, "none known; `bandish bans import FILE` reads others' lists")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RANK\tDAYS\tMEASURED\tCC\tTARGET\tFROM\tTO\tMETHOD\tWHERE\tREPORTS\tDATES BY")
	for _, r := range ranked {
		measured := "-"
		if r.Measured != nil {
			measured = lengthText(*r.Measured)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", r.Rank, lengthText(r.Length), measured, r.CC, banTarget(&r.Ban), banStart(&r.Ban), banEnd(&r), banMethods(&r.Ban), banArea(&r.Ban), len(r.Reports), r.Basis)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range ranked {
		if len(r.Disputes) > 0 {
			fmt.Fprintf(w, "%s: reports differ (%d to %d days): %s\n", r.ID, r.Shortest, r.Longest, strings.Join(r.Disputes, "; "))
		}
	}
	_, err := fmt.Fprintf(w, "%d of %d bans\n", len(ranked), total)
	return err
}

func lengthText(l ban.Length) string {
	s := fmt.Sprint(l.Days)
	if l.AtMost > 0 {
		s += fmt.Sprintf("–%d", l.AtMost)
	}
	switch {
	case l.Ongoing:
		return s + "…"
	case l.AtLeast:
		return "≥" + s
	case l.Days == 0 && l.AtMost == 0:
		return "<1"
	}
	return s
}

func banTarget(b *ban.Ban) string {
	if b.Target == ban.Unnamed && len(b.Other) > 0 {
		return "other: " + cut(strings.Join(b.Other, ", "), 30)
	}
	return b.Target
}

// banStart writes the first day of a ban, or the days among which it is. "~" marks an
// estimate of the report itself.
func banStart(b *ban.Ban) string {
	text := startDays(b.Start, b.StartBy, b.StartOpen)
	if b.StartBy.IsZero() && b.Reports[0].Estimated {
		text += "~"
	}
	return text
}

// startDays writes the days among which a ban began. open: or earlier.
func startDays(from, to time.Time, open bool) string {
	switch {
	case open:
		return ".." + cmp.Or(to, from).Format(time.DateOnly)
	case to.IsZero():
		return from.Format(time.DateOnly)
	}
	return daySpan(from, to)
}

func daySpan(from, to time.Time) string {
	return from.Format(time.DateOnly) + ".." + to.Format(time.DateOnly)
}

// banEnded writes the last day of a ban, or the days among which it is.
func banEnded(from, to time.Time) string {
	if from.IsZero() {
		return to.Format(time.DateOnly)
	}
	return daySpan(from, to)
}

func banEnd(r *ban.Ranked) string {
	switch seen := r.Seen(); {
	case r.Status != ban.Ended && !seen.IsZero():
		return "? (measured until " + seen.Format(time.DateOnly) + ")"
	case r.Length.Ongoing && r.Status == ban.Ended:
		return "holds (until " + banEnded(r.EndFrom, r.End) + ")"
	case r.Length.Ongoing:
		return "holds"
	case r.Status == ban.Ended:
		return banEnded(r.EndFrom, r.End)
	case r.Known.After(r.Start):
		return "? (last reported " + r.Known.Format(time.DateOnly) + ")"
	}
	return "?"
}

func banArea(b *ban.Ban) string {
	if b.Scope == ban.National {
		return "national"
	}
	if b.Area == "" {
		return string(b.Scope)
	}
	return cut(b.Area, 32)
}

// cut shortens a text for a table.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func banExportCommand(env *environment) *cobra.Command {
	filter := &banFilter{env: env}
	format, all := "", false
	c := &cobra.Command{
		Use:     "export",
		Short:   "write bans as CSV in KeepItOn's columns",
		Example: "bandish bans export --cc PK >pakistan.csv",
		Args:    noArgs,
		RunE:    doing(func(ctx context.Context, _ []string) error { return exportBans(ctx, env, filter, format, all) }),
	}
	filter.add(c)
	c.Flags().StringVar(&format, "format", "keepiton", "`format`: keepiton")
	c.Flags().BoolVar(&all, "all", false, "also reports imported from others, not only the record and the measured bans")
	return c
}

func exportBans(ctx context.Context, env *environment, filter *banFilter, format string, all bool) error {
	if format != "keepiton" {
		return usageError("bans export: unknown format %q; keepiton is the only one", format)
	}
	if err := filter.read(); err != nil {
		return err
	}
	bans, err := filter.bans(ctx, all)
	if err != nil {
		return err
	}
	bans = slices.DeleteFunc(bans, func(b ban.Ban) bool { return b.Start.After(filter.day) })
	if len(bans) == 0 {
		return errors.New("bans export: no ban to write")
	}
	return list.ExportKeepItOn(exact(env.stdout), bans, filter.day, func(id string) string {
		if p, ok := filter.registry.Platform(id); ok {
			return p.Name
		}
		return id
	})
}

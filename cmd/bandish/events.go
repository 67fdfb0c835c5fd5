package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/internal/shard"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/series"
)

// eventsFlags are the flags of `bandish events`.
type eventsFlags struct {
	windowFlags
	shard                   string
	asJSON, days, artefacts bool
	inputs, columns         []string
}

func eventsCommand(env *environment) *cobra.Command {
	var o eventsFlags
	c := &cobra.Command{
		Use:   "events",
		Short: "date bans: from when until when, on which networks, how",
		Example: `bandish events --cc PK --target x
bandish events --input counts.csv --cc PK --map ok_count=ok`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("events takes no argument %q; a file goes with --input", args[0])
			}
			return nil
		},
		RunE: doing(func(ctx context.Context, _ []string) error { return listEvents(ctx, env, &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.cc, "cc", "", "only this `country` (ISO 3166-1 alpha-2); with --input, also the country of rows that name none")
	f.StringVar(&o.target, "target", "", "only this `platform` or host")
	f.StringVar(&o.since, "since", "", "only events that last beyond this `day`")
	f.StringVar(&o.until, "until", "", "leave out measurements after this `day`")
	f.StringVar(&o.shard, "shard", "", "only part `N/M` of the countries, for instance 3/16, so that M processes share the work")
	f.BoolVar(&o.days, "days", false, "with --input: print the days of the targets too, ok and not ok by network")
	f.BoolVar(&o.artefacts, "artefacts", false, "print the changes that were set aside as artefacts instead")
	f.StringArrayVar(&o.inputs, "input", nil, "read this `file` and not the archive (CSV, JSON, JSONL, Parquet or a tar, compressed or not; - for standard input; may be repeated)")
	f.StringArrayVar(&o.columns, "map", nil, "`column=theirs`: the input's name for a column; column=a+b adds two columns up, column==text sets a constant")
	jsonFlag(c, &o.asJSON)
	return c
}

// eventsQuery is what `bandish events` was asked for.
type eventsQuery struct {
	cc, target   string
	shard        shard.Shard // a part of the countries
	since, until time.Time
	inputs       []string
	columns      map[string]string
	days         bool
}

func listEvents(ctx context.Context, env *environment, o *eventsFlags) error {
	q := eventsQuery{cc: strings.ToUpper(o.cc), inputs: o.inputs, days: o.days && !o.asJSON}
	var err error
	if q.shard, err = shard.Parse(o.shard); err == nil && q.shard.Any() {
		err = errors.New("--shard auto: events keeps no record of the parts that are done; name the part by its number")
	}
	if err != nil {
		return usageError("events: %v", err)
	}
	if q.since, q.until, err = parseWindow(o.since, o.until); err != nil {
		return err
	}
	if q.columns, err = parseColumns(o.columns); err != nil {
		return err
	}
	registry, err := loadTargets()
	if err != nil {
		return err
	}
	if o.target != "" {
		if q.target, _, err = registry.Resolve(o.target); err != nil {
			return usageError("%v", err)
		}
	}
	var found event.Result
	if len(q.inputs) > 0 {
		found, err = eventsOfFiles(env, registry, &q)
	} else {
		found, err = eventsOfArchive(ctx, env, &q)
	}
	if err != nil {
		return err
	}
	logFlaws(env.stderr, found.Events)
	list := found.Events
	if o.artefacts {
		list = found.Artefacts
	}
	list = q.filter(list)
	if o.asJSON {
		return printJSON(env.stdout, list)
	}
	printEvents(terminal{env.stdout}, list)
	if n := len(found.Artefacts); n > 0 && !o.artefacts {
		fmt.Fprintf(env.stderr, "bandish: %d changes look like artefacts of the instrument and are left out; --artefacts shows them\n", n)
	}
	return nil
}

// logFlaws prints the events that break a law of package event.
func logFlaws(w io.Writer, events []event.Event) {
	for _, e := range events {
		for _, f := range e.Flaws {
			fmt.Fprintf(w, "bandish: a fault of the detector in %s: %s\n", e.ID, f)
		}
	}
}

func parseWindow(since, until string) (a, b time.Time, err error) {
	if since != "" {
		if a, err = history.ParseTime(since); err != nil {
			return a, b, usageError("--since: %v", err)
		}
	}
	if until != "" {
		if b, err = history.ParseTime(until); err != nil {
			return a, b, usageError("--until: %v", err)
		}
		if !strings.Contains(until, ":") {
			b = b.Add(24 * time.Hour) // the whole day
		}
	}
	return a, b, nil
}

func parseColumns(maps []string) (map[string]string, error) {
	out := map[string]string{}
	for _, m := range maps {
		to, from, ok := strings.Cut(m, "=")
		if !ok || to == "" || from == "" {
			return nil, usageError("--map %q: write column=theirs, as in --map ok_count=ok", m)
		}
		out[strings.ToLower(to)] = strings.ToLower(from)
		if strings.HasPrefix(from, "=") {
			out[strings.ToLower(to)] = from
		}
	}
	return out, nil
}

// eventsOfFiles finds the events in the input files. Rows that cannot be read are named on
// standard error, at most ten for each file.
func eventsOfFiles(env *environment, registry *target.Registry, q *eventsQuery) (event.Result, error) {
	options, err := observeOptions(env.data)
	if err != nil {
		return event.Result{}, err
	}
	c := history.NewCollector(history.Options{Registry: registry, CC: q.cc, Columns: q.columns, Judge: history.JudgeWith(options)})
	for _, name := range q.inputs {
		read := func() (history.Summary, error) { return c.ReadFile(name) }
		if name == "-" {
			read = func() (history.Summary, error) { return c.Read(env.stdin) }
		}
		report, err := read()
		for i, p := range report.Problems {
			if i == 10 && err == nil {
				fmt.Fprintf(env.stderr, "bandish: … and %d more\n", report.Bad-10)
				break
			}
			fmt.Fprintf(env.stderr, "bandish: %s: line %d left out: %s\n", name, p.Line, p.Reason)
		}
		if err != nil {
			return event.Result{}, err
		}
		if report.Bad > 0 {
			fmt.Fprintf(env.stderr, "bandish: %s: %d rows read, %d left out\n", name, report.Rows, report.Bad)
		}
	}
	judged, err := c.Judged()
	for _, p := range judged.Problems[:min(len(judged.Problems), 10)] {
		fmt.Fprintf(env.stderr, "bandish: %s: line %d left out: %s\n", p.File, p.Line, p.Reason)
	}
	if judged.Bad > 0 {
		fmt.Fprintf(env.stderr, "bandish: %d measurements could not be judged and are left out\n", judged.Bad)
	}
	if err != nil {
		return event.Result{}, err
	}
	cells := c.Cells()
	if !q.until.IsZero() {
		kept := cells[:0]
		for _, cell := range cells {
			if cell.Start < q.until.Unix() {
				kept = append(kept, cell)
			}
		}
		cells = kept
	}
	if q.days {
		defer printDays(terminal{env.stdout}, q, cells)
	}
	return event.Detect(cells, q.until), nil
}

// printDays prints how many measurements of each target and day were bad and how many ok:
// in all, and on the four networks with most bad ones.
func printDays(w io.Writer, q *eventsQuery, cells []series.Cell) {
	const networks = 4
	type pair struct{ bad, ok uint32 }
	for i := 0; i < len(cells); {
		first := &cells[i]
		days, total, bad := map[int64]map[uint32]pair{}, map[int64]pair{}, map[uint32]uint32{}
		for ; i < len(cells) && cells[i].CC == first.CC && cells[i].Target == first.Target; i++ {
			c := &cells[i]
			d := c.Start - c.Start%86400
			if days[d] == nil {
				days[d] = map[uint32]pair{}
			}
			p, t := days[d][c.ASN], total[d]
			days[d][c.ASN] = pair{p.bad + c.Bad(), p.ok + c.OK}
			total[d] = pair{t.bad + c.Bad(), t.ok + c.OK}
			bad[c.ASN] += c.Bad()
		}
		if q.cc != "" && first.CC != q.cc || q.target != "" && first.Target != q.target {
			continue
		}
		list := slices.SortedFunc(maps.Keys(bad), func(a, b uint32) int { return cmp.Or(cmp.Compare(bad[b], bad[a]), cmp.Compare(a, b)) })
		list = list[:min(len(list), networks)]
		fmt.Fprintf(w, "\n%s in %s, bad/ok by day (UTC)\nday         all     ", first.Target, first.CC)
		for _, n := range list {
			fmt.Fprintf(w, " %-9s", network.Name(n))
		}
		fmt.Fprintln(w)
		for _, d := range slices.Sorted(maps.Keys(days)) {
			fmt.Fprintf(w, "%s  %-8s", time.Unix(d, 0).UTC().Format(time.DateOnly), fmt.Sprintf("%d/%d", total[d].bad, total[d].ok))
			for _, n := range list {
				fmt.Fprintf(w, " %-9s", fmt.Sprintf("%d/%d", days[d][n].bad, days[d][n].ok))
			}
			fmt.Fprintln(w)
		}
	}
}

// filter returns the events that were asked for.
func (q *eventsQuery) filter(list []event.Event) []event.Event {
	out := []event.Event{}
	for _, e := range list {
		if !q.shard.Has(e.CC) || q.cc != "" && e.CC != q.cc || q.target != "" && !slices.Contains(e.Targets, q.target) {
			continue
		}
		if !q.since.IsZero() && e.End != nil && e.End.Latest != nil && e.End.Latest.Before(q.since) {
			continue
		}
		out = append(out, e)
	}
	return out
}

func printEvents(w io.Writer, list []event.Event) {
	if len(list) == 0 {
		fmt.Fprintln(w, "No events.")
		return
	}
	for i := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		printEvent(w, &list[i])
	}
}

func printEvent(w io.Writer, e *event.Event) {
	fmt.Fprintf(w, "%s  %s in %s: %s\n", e.ID, e.Scope, e.CC, e.State)
	fmt.Fprintf(w, "  began  %s\n", e.Onset)
	if e.End != nil {
		fmt.Fprintf(w, "  ended  %s\n", *e.End)
	}
	if len(e.Networks) > 0 {
		fmt.Fprintf(w, "  on     %s\n", strings.Join(e.Networks, ", "))
	}
	if len(e.Mechanisms) > 0 {
		fmt.Fprintf(w, "  by     %s\n", strings.Join(e.Mechanisms, ", "))
	}
	if c := e.Counts; c.Measurements > 0 || len(e.Signals) == 0 { // an event that was seen only from outside has none
		fmt.Fprintf(w, "  seen   %d blocked, %d inconclusive, %d ok, %d down of %d measurements\n", c.Blocked, c.Inconclusive, c.OK, c.Down, c.Measurements)
	}
	fmt.Fprintf(w, "  sure   %.0f %%\n", 100*e.Confidence)
	for _, r := range e.Reasons {
		fmt.Fprintf(w, "  why    %s\n", r)
	}
	for _, p := range e.Phases {
		to := "…"
		if p.To != nil {
			to = p.To.Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "  phase  %s – %s  %s %s (%s)\n", p.From.Format("2006-01-02 15:04"), to, p.Kind, strings.Join(p.Networks, " "), p.Note)
	}
	if e.Artefact != "" {
		fmt.Fprintf(w, "  not an event: %s\n", e.Artefact)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/verdict"
)

// statusFlags are the flags of `bandish status`.
type statusFlags struct {
	windowFlags
	asn, asOf string
	asJSON    bool
}

func statusCommand(env *environment) *cobra.Command {
	var o statusFlags
	c := &cobra.Command{
		Use:     "status --cc CC --target T",
		Short:   "is it blocked, since when, how, on which networks",
		Example: "bandish status --cc PK --target x\nbandish status --cc PK --target x --at 2024-03-13 --asn AS17557,AS9541",
		Args:    noArgs,
		RunE:    doing(func(ctx context.Context, _ []string) error { return status(ctx, env, &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.cc, "cc", "", "`country` (ISO 3166-1 alpha-2)")
	f.StringVar(&o.target, "target", "", "`target`: a platform's id or a host name")
	f.StringVar(&o.asn, "asn", "", "only these `networks`, as AS17557,AS9541")
	f.StringVar(&o.since, "since", "", "first `day` of the timeline (UTC)")
	f.StringVar(&o.until, "until", "", "answer for the end of this `day` (UTC; default the last day with measurements or reports)")
	f.StringVar(&o.until, "at", "", "the same `day` as --until")
	f.StringVar(&o.asOf, "as-of", "", "use what was known at the end of this `day` only")
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

func status(ctx context.Context, env *environment, o *statusFlags) error {
	if o.cc == "" || o.target == "" {
		return usageError("status: name a country and a target: bandish status --cc PK --target x")
	}
	reg, err := loadTargets()
	if err != nil {
		return err
	}
	want, err := wanted(reg, o.windowFlags, "")
	if err != nil {
		return err
	}
	asns, err := asnList(o.asn)
	if err != nil {
		return err
	}
	known, err := dayArg("--as-of", o.asOf)
	if err != nil {
		return err
	}
	if !known.IsZero() {
		known = known.AddDate(0, 0, 1)
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	answer, err := desk.Answer(ctx, inquiry.Ask{CC: want.CC, Target: want.Target, ASNs: asns, Since: want.Since, At: want.Until, Known: known})
	if err != nil {
		if desk.Store != nil {
			if hint := desk.Store.Archive().Lacks(); hint != "" {
				return errors.New(hint)
			}
		}
		return err
	}
	if o.asJSON {
		return printJSON(env.stdout, answer)
	}
	printAnswer(env.stdout, answer)
	return nil
}

// asnList reads networks, as "AS17557,AS9541".
func asnList(s string) ([]uint32, error) {
	out, err := network.ParseList(s)
	if err != nil {
		return nil, usageError("--asn: %v", err)
	}
	return out, nil
}

func printAnswer(w io.Writer, a *inquiry.Answered) {
	fmt.Fprintln(w, a.Sentence)
	for _, r := range a.Cases {
		fmt.Fprintf(w, "case: %s (bandish record show %s)\n", r.Title, r.ID)
	}
	if a.Event != "" {
		fmt.Fprintf(w, "dated ban: %s (bandish events --cc %s --target %s)\n", a.Event, a.CC, a.Target)
	}
	if len(a.Networks) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NETWORK\tSTATE\tSINCE (UTC)\tHOW\tBLOCKED\tOK\tDOWN\tINCONCL.\tOF\tREPORTS")
	line := func(name string, state verdict.State, since *event.Interval, how []string, c *answer.Counts) {
		from := ""
		if since != nil {
			from = answer.When(*since)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", name, state, from, strings.Join(how, " "), c.Blocked, c.OK, c.Down, c.Inconclusive, c.Measurements, c.Reports)
	}
	name := "all"
	if a.Partial {
		name = "banned"
	}
	line(name, a.State, a.Since, a.How, &a.Counts)
	for _, n := range a.Concluded() {
		line(networkName(n.ASN), n.State, n.Since, n.How, &n.Counts)
	}
	t.Flush()
	for _, n := range a.Thin() {
		if c := n.Counts; c.Measurements > 0 {
			fmt.Fprintf(w, "%s: %d blocked, %d ok, %d down, %d inconclusive: too little, %s\n", networkName(n.ASN), c.Blocked, c.OK, c.Down, c.Inconclusive, n.Missing)
		}
	}
	if len(a.Answer.Evidence) > 0 {
		fmt.Fprintf(w, "\nevidence: %s\n", strings.Join(a.Answer.Evidence, "\n          "))
	}
	if spark := sparkline(a.Days); spark != "" {
		fmt.Fprintf(w, "\n%s\n# blocked  + likely blocked  ? unclear  x down  . ok  - inconclusive  (space) no data\n", spark)
	}
}

func networkName(asn uint32) string {
	if asn == 0 {
		return "unknown"
	}
	return network.Name(asn)
}

// sparkline draws one character for each of the last 120 days.
func sparkline(days []answer.Day) string {
	if len(days) == 0 {
		return ""
	}
	marks := map[verdict.State]byte{verdict.Blocked: '#', verdict.LikelyBlocked: '+', verdict.Impaired: '?', verdict.Down: 'x', verdict.OK: '.', verdict.Insufficient: '-'}
	byDate := map[string]byte{}
	for _, d := range days {
		if d.Measurements > 0 {
			byDate[d.Date] = marks[d.State]
		}
	}
	last, err := time.Parse(time.DateOnly, days[len(days)-1].Date)
	first, err2 := time.Parse(time.DateOnly, days[0].Date)
	if err != nil || err2 != nil {
		return ""
	}
	if earliest := last.AddDate(0, 0, -119); first.Before(earliest) {
		first = earliest
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s |", first.Format(time.DateOnly))
	for t := first; !t.After(last); t = t.AddDate(0, 0, 1) {
		if c, ok := byDate[t.Format(time.DateOnly)]; ok {
			b.WriteByte(c)
		} else {
			b.WriteByte(' ')
		}
	}
	fmt.Fprintf(&b, "| %s", last.Format(time.DateOnly))
	return b.String()
}

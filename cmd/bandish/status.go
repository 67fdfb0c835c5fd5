package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
	"github.com/bandish/bandish/verdict"
)

func statusCommand() command {
	return command{
		name:  "status",
		usage: "--cc CC --target T [--asn AS…] [--since DAY] [--until DAY] [--json]",
		about: "is it blocked, since when, how, on which networks",
		run:   runStatus,
	}
}

func runStatus(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "status")
	data := dataFlag(fs)
	cc := fs.String("cc", "", "`country` (ISO 3166-1 alpha-2)")
	targetArg := fs.String("target", "", "`target`: a platform's id or a host name")
	asn := fs.String("asn", "", "only these `networks`, as AS17557,AS9541")
	since := fs.String("since", "", "first `day` of the timeline (UTC)")
	until := fs.String("until", "", "answer as of the end of this `day` (UTC; default the last measurement)")
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("status: unexpected %q", rest[0])
	}
	if *cc == "" || *targetArg == "" {
		return usageError("status: name a country and a target: bandish status --cc PK --target x")
	}
	reg, err := target.Load(targets.FS)
	if err != nil {
		return err
	}
	want, err := wanted(reg, *cc, *targetArg, "", *since, *until)
	if err != nil {
		return err
	}
	asns, err := asnList(*asn)
	if err != nil {
		return err
	}
	a, err := archive.OpenExisting(*data)
	if err != nil {
		return err
	}
	st, err := store.Open(a, "")
	if err != nil {
		return err
	}
	defer st.Close()
	q := store.Question{CC: want.CC, Target: want.Target, ASNs: asns, Since: want.Since, Until: want.Until, Now: time.Now()}
	if p, ok := reg.Platform(want.Target); ok {
		q.Name = p.Name
	}
	answer, err := st.Answer(ctx, q)
	if hint := a.Lacks(); err != nil && hint != "" {
		return errors.New(hint)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.stdout, answer)
	}
	printAnswer(env.stdout, answer)
	return nil
}

// asnList reads "AS17557,AS9541".
func asnList(s string) ([]uint32, error) {
	var out []uint32
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(part)), "AS")
		if part == "" {
			continue
		}
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return nil, usageError("--asn: %q is no network: want AS17557", part)
		}
		out = append(out, uint32(n))
	}
	return out, nil
}

func printAnswer(w io.Writer, a *store.Answer) {
	fmt.Fprintln(w, a.Sentence)
	if len(a.Networks) == 0 {
		return
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NETWORK\tSTATE\tSINCE (UTC)\tHOW\tBLOCKED\tOK\tDOWN\tINCONCL.\tOF\tREPORTS")
	line := func(name string, state verdict.State, since time.Time, how []string, n ...uint32) {
		from := ""
		if !since.IsZero() {
			from = since.Format("2006-01-02 15:04")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s", name, state, from, strings.Join(how, " "))
		for _, x := range n {
			fmt.Fprintf(t, "\t%d", x)
		}
		fmt.Fprintln(t)
	}
	s := a.Standing
	line("all", s.State, s.Since.Latest, s.Mechanisms, s.Blocked, s.OK, s.Down, s.Inconclusive, s.Measurements, s.Reports)
	for _, n := range a.Concluded() {
		line(networkName(n.ASN), n.State, n.Since.Latest, n.Mechanisms, n.Blocked, n.OK, n.Down, n.Inconclusive, n.Measurements, n.Reports)
	}
	t.Flush()
	for _, n := range a.Thin() {
		if n.Measurements > 0 {
			fmt.Fprintf(w, "%s: %d blocked, %d ok, %d down, %d inconclusive: too little, %s\n", networkName(n.ASN), n.Blocked, n.OK, n.Down, n.Inconclusive, n.Missing)
		}
	}
	if len(s.Evidence) > 0 {
		fmt.Fprintf(w, "\nevidence: %s\n", strings.Join(s.Evidence, "\n          "))
	}
	if spark := sparkline(a.Days); spark != "" {
		fmt.Fprintf(w, "\n%s\n# blocked  + likely blocked  ? unclear  x down  . ok  - inconclusive  (space) no data\n", spark)
	}
}

func networkName(asn uint32) string {
	if asn == 0 {
		return "unknown"
	}
	return fmt.Sprint("AS", asn)
}

// sparkline is one character a day, the last 120 days.
func sparkline(days []store.Day) string {
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

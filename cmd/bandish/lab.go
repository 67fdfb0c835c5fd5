package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/bandish/bandish/internal/kit"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/probe"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/verdict"
	"github.com/spf13/cobra"
)

func labCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{Use: "lab COMMAND", Short: "measure inside a censored network that exists only in this process"},
		labListCommand(env), labRunCommand(env), labDemoCommand(env))
}

// labScenario is a scenario as --json prints it.
type labScenario struct {
	Name  string    `json:"name"`
	About string    `json:"about"`
	Input string    `json:"input"`
	Truth lab.Truth `json:"truth"`
}

func labScenarioOf(s lab.Scenario) labScenario {
	return labScenario{s.Name, s.About, s.Input, s.Truth}
}

func labListCommand(env *environment) *cobra.Command {
	asJSON, all := false, false
	c := &cobra.Command{
		Use:   "list",
		Short: "list the scenarios and their truths",
		Args:  noArgs,
		RunE:  doing(func(context.Context, []string) error { return listScenarios(env, all, asJSON) }),
	}
	c.Flags().BoolVar(&all, "all", false, "also the awkward sites, which nobody censors")
	jsonFlag(c, &asJSON)
	return c
}

func listScenarios(env *environment, all, asJSON bool) error {
	scenarios := lab.Scenarios()
	if all {
		for _, a := range lab.Awkward() {
			scenarios = append(scenarios, a.Scenario)
		}
	}
	if asJSON {
		var out []labScenario
		for _, s := range scenarios {
			out = append(out, labScenarioOf(s))
		}
		return printJSON(env.stdout, out)
	}
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "SCENARIO\tTRUTH\tABOUT\n")
	for _, s := range scenarios {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, truthWords(s.Truth), s.About)
	}
	return w.Flush()
}

func truthWords(t lab.Truth) string {
	words := []string{t.State}
	for _, more := range []string{t.Layer, t.Mechanism} {
		if more != "" {
			words = append(words, more)
		}
	}
	return strings.Join(words, ", ")
}

func labRunCommand(env *environment) *cobra.Command {
	asJSON, kernel, seed := false, false, uint64(0)
	c := &cobra.Command{
		Use:               "run SCENARIO",
		Short:             "measure in one scenario, and compare what was found with the truth",
		Example:           "bandish lab run tls-reset",
		Annotations:       map[string]string{argumentsNote: "SCENARIO  its name, as `bandish lab list --all` has it", failedNote: "what was found differs from the truth"},
		ValidArgsFunction: firstOf(scenarioValues),
		Args:              oneArg("one scenario (`bandish lab list --all` lists them)"),
		RunE: doing(func(ctx context.Context, args []string) error {
			return runScenario(ctx, env, args[0], kernel, seed, asJSON)
		}),
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print one JSON document with the measurement")
	f.BoolVar(&kernel, "kernel", false, "between network namespaces of this machine's kernel; needs root")
	f.Uint64Var(&seed, "seed", 0, "`N` for what the censor leaves to chance")
	return c
}

func runScenario(ctx context.Context, env *environment, name string, kernel bool, seed uint64, asJSON bool) error {
	s, ok := lab.FindScenario(name)
	if !ok {
		return usageError("lab: no scenario %q; `bandish lab list --all` lists them", name)
	}
	f, err := labField(kernel)
	if err != nil {
		return err
	}
	defer f.Close()
	report := func(probe.Note) {}
	if !asJSON {
		fmt.Fprintf(env.stdout, "%s: %s\nmeasuring %s\n", s.Name, s.About, s.Input)
		report = func(n probe.Note) { fmt.Fprintln(env.stdout, "  "+noteLine(n)) }
	}
	r, err := f.Run(ctx, s, seed, serially(report))
	if err != nil {
		return err
	}
	if asJSON {
		doc, derr := kit.Document(r.Measurement, r.Verdict)
		if derr != nil {
			return derr
		}
		err = printJSON(env.stdout, labRun{labScenarioOf(s), seed, kernel, r.Verdict, r.Struck, r.Mismatch == "", r.Mismatch, doc})
	} else {
		err = showLabRun(env.stdout, &r)
	}
	if err == nil && r.Mismatch != "" {
		return &exitError{code: 1}
	}
	return err
}

// labRun is what `lab run --json` prints.
type labRun struct {
	Scenario    labScenario     `json:"scenario"`
	Seed        uint64          `json:"seed"`
	Kernel      bool            `json:"kernel"`
	Verdict     verdict.Row     `json:"verdict"`
	Struck      []int           `json:"struck,omitempty"` // how many flows each rule of the censor struck
	Right       bool            `json:"right"`
	Mismatch    string          `json:"mismatch,omitempty"`
	Measurement json.RawMessage `json:"measurement"`
}

func labField(kernel bool) (*trial.Field, error) {
	start := lab.New
	sites := lab.Sites()
	if kernel {
		start = lab.NewKernel
	}
	for _, a := range lab.Awkward() {
		sites = append(sites, a.Site)
	}
	l, err := start(sites...)
	if err != nil {
		return nil, err
	}
	return trial.NewField(l, nil)
}

// serially wraps a report so that several goroutines may call it.
func serially(report func(probe.Note)) func(probe.Note) {
	turn := make(chan struct{}, 1)
	return func(n probe.Note) {
		turn <- struct{}{}
		defer func() { <-turn }()
		report(n)
	}
}

func noteLine(n probe.Note) string {
	outcome := n.Failure
	if outcome == "" {
		outcome = "ok"
	}
	line := fmt.Sprintf("%-8s %-52s %s", n.Step, n.What, outcome)
	if n.Detail != "" {
		line += " (" + n.Detail + ")"
	}
	return line
}

// showLabRun prints probe, verdict and truth side by side.
func showLabRun(out io.Writer, r *trial.Result) error {
	v, truth := &r.Verdict, r.Scenario.Truth
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\n\tFOUND\tIN TRUTH\n")
	fmt.Fprintf(w, "state\t%s\t%s\n", v.State, truth.State)
	fmt.Fprintf(w, "mechanism\t%s\t%s\n", orNone(strings.Join(v.Mechanisms, " ")), orNone(truth.Mechanism))
	layers := trial.Finding(v).Layers
	for _, name := range []string{"dns", "tcp", "tls", "http", "quic"} {
		if layers[name] == "" {
			continue
		}
		here := ""
		if slices.Contains(strings.Split(truth.Layer, "|"), name) {
			here = "here"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, layers[name], here)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "rules: %s\n", strings.Join(v.Rules, " "))
	for i, n := range r.Struck {
		fmt.Fprintf(out, "rule %d of the censor (%T) struck %d flows\n", i+1, r.Scenario.Rules[i].Do, n)
	}
	if r.Mismatch == "" {
		fmt.Fprintln(out, "right: what was found is what is the case")
	} else {
		fmt.Fprintf(out, "WRONG: %s\n", r.Mismatch)
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

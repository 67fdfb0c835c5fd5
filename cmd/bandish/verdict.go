package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/measurement"
	"github.com/bandish/bandish/network"
	"github.com/bandish/bandish/observation"
	"github.com/bandish/bandish/verdict"
)

func verdictCommand(env *environment) *cobra.Command {
	truth, explain := false, false
	c := &cobra.Command{
		Use:   "verdict FILE…",
		Short: "judge the measurements in files or folders, one JSON line each; say why; or count how the verdicts on cases agree with their truths",
		Example: `bandish verdict measurement.json
bandish verdict --explain measurement.json
bandish verdict --truth verdict/testdata/reported`,
		Annotations: map[string]string{argumentsNote: "FILE  measurements (JSON, JSONL, tar, compressed or not) or a folder of them", failedNote: "a file could not be read, or with --truth a verdict is wrong"},
		Args:        someArgs("the files or folders to judge"),
		RunE:        doing(func(ctx context.Context, files []string) error { return judgeFiles(ctx, env, files, truth, explain) }),
	}
	c.Flags().BoolVar(&truth, "truth", false, "judge the cases in folders whose truth is known, and print precision and recall")
	c.Flags().BoolVar(&explain, "explain", false, "print instead of JSON: the steps beside those of the control, the rules that fired, and those that nearly fired")
	return c
}

func judgeFiles(ctx context.Context, env *environment, files []string, truth, explain bool) error {
	if truth && explain {
		return usageError("verdict: want --truth or --explain, not both")
	}
	options, err := observeOptions(env.data)
	if err != nil {
		return err
	}
	if truth {
		return scoreCases(env.stdout, files, options)
	}
	j := &judge{options: options, out: json.NewEncoder(lossless(env.stdout)), errs: env.stderr}
	j.out.SetEscapeHTML(false)
	if explain {
		j.explain = env.stdout
	}
	for _, name := range files {
		if err := j.all(ctx, name); err != nil {
			return err
		}
	}
	for _, l := range j.allowed.Found() {
		fmt.Fprintf(env.stderr, "bandish: on %s in %s, %s: of %d sites that nobody has a reason to block %d fail by address or name, while %d measurements work: the network seems to let through only what is approved, and %d failures say nothing of single sites\n",
			network.ASN(l.ASN), l.CC, l.From.UTC().Format(time.DateOnly), l.Innocents, l.InnocentsFailed, l.Worked, l.Failed)
	}
	if j.unread > 0 {
		return &exitError{code: 1}
	}
	return nil
}

// observeOptions returns the registry of platforms and the fingerprints in force.
func observeOptions(data string) (observation.Options, error) {
	registry, err := loadTargets()
	if err != nil {
		return observation.Options{}, err
	}
	prints, err := currentFingerprints(data)
	if err != nil {
		return observation.Options{}, err
	}
	defects, err := currentDefects(data)
	if err != nil {
		return observation.Options{}, err
	}
	return observation.Options{
		Target:       registry.Of,
		Fingerprints: prints,
		Defects:      defects,
		Verifier:     observation.NewVerifier(),
	}, nil
}

// judge writes a line for each measurement, and a message for what is not a measurement.
type judge struct {
	options observation.Options
	out     *json.Encoder
	explain io.Writer // where to write text, if that is wanted instead of JSON
	errs    io.Writer
	unread  int
	allowed verdict.AllowListFinder
}

// all judges what one argument names. It returns errors of writing. What cannot be read is
// reported and counted.
func (j *judge) all(ctx context.Context, name string) error {
	sources, err := intake.List(ctx, name, intake.Filter{}, intake.Buckets{})
	if err != nil {
		j.complain("%v", err)
		return nil
	}
	for _, s := range sources {
		if err := j.source(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (j *judge) complain(format string, args ...any) {
	j.unread++
	fmt.Fprintf(j.errs, "bandish: "+format+"\n", args...)
}

func (j *judge) source(ctx context.Context, s intake.Source) error {
	r, err := s.Open(ctx)
	if err != nil {
		j.complain("%v", err)
		return nil
	}
	defer r.Close()
	var write error
	given := 0
	err = intake.Read(r, s.Name, func(d intake.Document) error {
		given++
		write = j.document(d)
		return errors.Join(write, ctx.Err())
	})
	switch {
	case write != nil:
		return write
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		j.complain("%v", err)
	case given == 0:
		j.complain("%s: no measurement in it", s.Name)
	}
	return nil
}

func (j *judge) document(d intake.Document) error {
	if d.Bad != "" {
		j.complain("%s:%d: %s", d.Source, d.Line, d.Bad)
		return nil
	}
	if d.Kind != intake.Measurement {
		j.complain("%s:%d: a row of a table is no measurement; bandish import reads it", d.Source, d.Line)
		return nil
	}
	m, err := measurement.Decode(d.Data)
	if err != nil {
		var de *measurement.DecodeError
		hint := ""
		if errors.As(err, &de) {
			hint = "; " + de.Hint
		}
		j.complain("%s:%d: %v%s", d.Source, d.Line, err, hint)
		return nil
	}
	if m.UID == "" {
		m.UID = d.UID
	}
	seen := observation.Observe(m, j.options)
	if !seen.Known {
		j.complain("%s:%d: test %q is not one that is judged", d.Source, d.Line, m.TestName)
		return nil
	}
	v := verdict.Judge(seen.Rows)
	j.allowed.Add(&v)
	if j.explain != nil {
		return printExplanation(j.explain, d.Source, verdict.Explain(seen.Rows))
	}
	return j.out.Encode(verdictLine(d.Source, v))
}

// verdictOutput is the output of `bandish verdict`. Its fields must not change.
type verdictOutput struct {
	File       string                   `json:"file"`
	UID        string                   `json:"measurement_uid"`
	Input      string                   `json:"input"`
	Target     string                   `json:"target"`
	CC         string                   `json:"probe_cc"`
	ASN        string                   `json:"probe_asn"`
	Start      time.Time                `json:"start_time"`
	State      verdict.State            `json:"state"`
	Layers     map[string]verdict.Layer `json:"layers"`
	Mechanisms []string                 `json:"mechanisms"`
	Rules      []string                 `json:"rules"`
	Invalid    string                   `json:"invalid,omitempty"`
	Ruleset    string                   `json:"ruleset"`
}

func verdictLine(file string, v verdict.Row) verdictOutput {
	o := verdictOutput{
		File: file, UID: v.UID, Input: v.Input, Target: v.Target, CC: v.CC,
		ASN: network.ASN(v.ASN).String(), Start: v.Time.UTC(), State: v.State,
		Layers: map[string]verdict.Layer{
			"dns": v.DNS, "tcp": v.TCP, "tls": v.TLS, "http": v.HTTP,
		},
		Mechanisms: v.Mechanisms, Rules: v.Rules, Invalid: v.Invalid, Ruleset: v.Ruleset,
	}
	if v.QUIC.Rule != "" {
		o.Layers["quic"] = v.QUIC
	}
	if v.App.Rule != "" {
		o.Layers["app"] = v.App
	}
	if o.Mechanisms == nil {
		o.Mechanisms = []string{}
	}
	return o
}

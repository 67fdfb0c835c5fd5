package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/spf13/cobra"
)

func rebuildCommand(env *environment) *cobra.Command {
	asJSON := false
	var shared shardFlags
	c := &cobra.Command{
		Use:         "rebuild",
		Short:       "derive observations, verdicts, cells and events again from the raw batches",
		Example:     "bandish rebuild\nbandish rebuild --shard auto/16 --data s3://bucket/archive   # on each of some machines",
		Annotations: map[string]string{failedNote: "a batch is damaged"},
		Args:        noArgs,
		RunE:        doing(func(ctx context.Context, _ []string) error { return rebuild(ctx, env, &shared, asJSON) }),
	}
	shared.add(c, "work")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON with the hash of every segment")
	return c
}

func rebuild(ctx context.Context, env *environment, shared *shardFlags, asJSON bool) error {
	part, err := shared.parse("rebuild")
	if err != nil {
		return err
	}
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	meter := env.progress(p.Archive)
	step := func(done, of int) { meter.step("batch", done, of) }
	var out pipeline.Rebuilt
	how := pipeline.Ended{Here: true}
	if part.Of > 0 {
		out, how, err = p.RebuildShared(ctx, shared.crew(env, part), step)
	} else {
		out, err = p.Rebuild(ctx, step)
	}
	meter.end()
	if err != nil {
		return err
	}
	if !how.Here {
		return printEnded(env, "rebuild", how, asJSON)
	}
	if asJSON {
		err = printJSON(env.stdout, out)
	} else {
		fmt.Fprintf(env.stdout, "rebuilt %d segments from %d documents in %d batches; %d documents no longer decode\n", len(out.Segments), out.Documents, out.Batches, out.Failed)
	}
	return errors.Join(err, damagedBatches(out.Damaged))
}

// damagedBatches returns an error that names the damaged batches, with exit status 1; nil
// if there are none.
func damagedBatches(damaged []archive.Damage) error {
	if len(damaged) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "nothing was derived from %d damaged batches: put back good copies and run bandish rebuild again", len(damaged))
	for _, d := range damaged {
		fmt.Fprintf(&b, "\n  %s: %s", d.Path, d.Reason)
	}
	return &exitError{code: 1, err: errors.New(b.String())}
}

func rescoreCommand(env *environment) *cobra.Command {
	var shared shardFlags
	c := &cobra.Command{
		Use:   "rescore",
		Short: "judge all history again from the observations, under this program's ruleset and the current fingerprints",
		Args:  noArgs,
		RunE:  doing(func(ctx context.Context, _ []string) error { return rescore(ctx, env, &shared) }),
	}
	shared.add(c, "work")
	return c
}

func rescore(ctx context.Context, env *environment, shared *shardFlags) error {
	part, err := shared.parse("rescore")
	if err != nil {
		return err
	}
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	meter := env.progress(p.Archive)
	var out pipeline.Rescored
	how := pipeline.Ended{Here: true}
	if part.Of > 0 {
		out, how, err = p.RescoreShared(ctx, shared.crew(env, part))
	} else {
		out, err = p.Rescore(ctx)
	}
	meter.end()
	if err != nil {
		return err
	}
	if !how.Here {
		return printEnded(env, "rescore", how, false)
	}
	fmt.Fprintf(env.stdout, "%d verdicts under ruleset %s\n", out.Verdicts, out.Ruleset)
	return nil
}

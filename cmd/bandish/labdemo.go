package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/measurement"
	"github.com/spf13/cobra"
)

func labDemoCommand(env *environment) *cobra.Command {
	perDay, until := 0, ""
	c := &cobra.Command{
		Use:     "demo",
		Short:   "fill a data folder with a small history measured in the lab, country ZZ",
		Example: "bandish lab demo --data ./demo\nbandish status --cc ZZ --target x --data ./demo",
		Args:    noArgs,
		RunE:    doing(func(ctx context.Context, _ []string) error { return labDemo(ctx, env, perDay, until) }),
	}
	c.Flags().IntVar(&perDay, "per-day", demoPerDay, "`measurements` a day of each site on each network")
	c.Flags().StringVar(&until, "until", "", "the `day` before which the history ends (default: today, UTC)")
	return c
}

func labDemo(ctx context.Context, env *environment, perDay int, until string) error {
	if perDay < 1 || perDay > 24 {
		return usageError("lab demo: --per-day is %d: want 1 to 24", perDay)
	}
	end := time.Now().UTC()
	if until != "" {
		var err error
		if end, err = time.Parse(time.DateOnly, until); err != nil {
			return usageError("--until is %q: want a day, as 2024-02-17", until)
		}
	}
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	return makeDemo(ctx, env, p, end, perDay, func(int, int) {})
}

// makeDemo fills an archive with a short history, measured in the lab. report is called
// with the number of measurements made.
func makeDemo(ctx context.Context, env *environment, p *pipeline.Pipeline, end time.Time, perDay int, report func(done, of int)) error {
	visits := trial.DemoVisits(end, perDay)
	fmt.Fprintf(env.stdout, "Measuring %d times inside the lab: country ZZ, networks AS64512 to AS64514.\nThis is a demonstration. Nothing of it happened anywhere.\n", len(visits))
	began := time.Now()
	if err := demo(ctx, p, visits, report); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d measurements in %s after %v. Try:\n  bandish status --cc ZZ --target x --data %s\n",
		len(visits), env.data, time.Since(began).Round(time.Second), env.data)
	return nil
}

// demoPerDay is how often a day each site is measured on each network, unless a flag says
// otherwise. This many take about 45 s of processor time.
const demoPerDay = 2

// demoBatch is how many measurements of a demonstration are submitted together: a commit
// costs about the same for one as for hundreds.
const demoBatch = 200

// demo measures every visit, and submits it to the collector, all inside the lab.
func demo(ctx context.Context, p *pipeline.Pipeline, visits []trial.Visit, report func(done, of int)) error {
	l, err := lab.New(trial.DemoSites()...)
	if err != nil {
		return err
	}
	f, err := trial.NewField(l, &labArchive{p: p})
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	measured := make(chan *measurement.Measurement, demoBatch)
	go func() {
		defer close(measured)
		if err := f.Visits(ctx, visits, func(_ int, m *measurement.Measurement) { measured <- m }); err != nil {
			cancel(fmt.Errorf("make the demo: %w", err))
		}
	}()
	var batch []*measurement.Measurement
	done := 0
	flush := func() {
		if len(batch) == 0 || ctx.Err() != nil {
			return
		}
		err := f.Submit(ctx, batch)
		if err == nil {
			err = settle(ctx, p)
		}
		if err != nil {
			cancel(fmt.Errorf("make the demo: %w", err))
			return
		}
		done += len(batch)
		batch = batch[:0]
	}
	for m := range measured {
		batch = append(batch, m)
		report(done+len(batch), len(visits))
		if len(batch) == demoBatch {
			flush()
		}
	}
	flush()
	return context.Cause(ctx)
}

// unpackDemo submits the packed history, each measurement at the time at which it was
// taken. It returns how many they are.
func unpackDemo(ctx context.Context, p *pipeline.Pipeline, end time.Time) (int, error) {
	docs, err := trial.Packed(end)
	if err != nil {
		return 0, err
	}
	to, all := &labArchive{p: p}, errgroup.Group{}
	all.SetLimit(demoBatch) // one commit takes all that is submitted meanwhile
	for _, doc := range docs {
		all.Go(func() error {
			_, err := to.Submit(ctx, doc, collect.Sender{})
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return 0, fmt.Errorf("take in the packed history: %w", err)
	}
	return len(docs), settle(ctx, p)
}

// labArchive takes in measurements of other times than now: each is submitted at the time
// at which it was taken. Only the lab may do so.
type labArchive struct{ p *pipeline.Pipeline }

func (a *labArchive) Submit(ctx context.Context, doc []byte, _ collect.Sender) (collect.Receipt, error) {
	var taken struct {
		Start measurement.Time `json:"measurement_start_time"`
	}
	if err := json.Unmarshal(doc, &taken); err != nil {
		return collect.Receipt{}, &measurement.DecodeError{Reason: "not_json", Err: err}
	}
	r, err := a.p.SubmitAt(ctx, doc, taken.Start.Add(time.Minute))
	return receiptOf(r, err)
}

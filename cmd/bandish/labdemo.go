package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bandish/bandish/internal/collect"
	"github.com/bandish/bandish/internal/lab"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/trial"
	"github.com/bandish/bandish/measurement"
)

func runLabDemo(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "lab demo")
	data := dataFlag(fs)
	perDay := fs.Int("per-day", 3, "`measurements` a day of each site on each network")
	until := fs.String("until", "", "the `day` before which the history ends (default: today, UTC)")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 || *perDay < 1 || *perDay > 24 {
		return usageError("lab demo takes no arguments, and 1 to 24 measurements a day")
	}
	end := time.Now().UTC()
	if *until != "" {
		if end, err = time.Parse(time.DateOnly, *until); err != nil {
			return usageError("--until is %q: want a day, as 2024-02-17", *until)
		}
	}
	p, err := openPipeline(*data)
	if err != nil {
		return err
	}
	return makeDemo(ctx, env, p, *data, end, *perDay)
}

// makeDemo fills an archive with a small history made in the lab.
func makeDemo(ctx context.Context, env *environment, p *pipeline.Pipeline, data string, end time.Time, perDay int) error {
	visits := trial.History(end, perDay)
	fmt.Fprintf(env.stdout, "Measuring %d times inside the lab: country ZZ, networks AS64512 to AS64514.\nThis is a demonstration. Nothing of it happened anywhere.\n", len(visits))
	began := time.Now()
	if err := demo(ctx, p, visits); err != nil {
		return err
	}
	if err := settle(ctx, p); err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d measurements in %s after %v. Try:\n  bandish status --cc ZZ --target x --data %s\n",
		len(visits), data, time.Since(began).Round(time.Second), data)
	return nil
}

// demo measures every visit and submits it to the collector, all inside the
// lab.
func demo(ctx context.Context, p *pipeline.Pipeline, visits []trial.Visit) error {
	l, err := lab.New(trial.HistorySites()...)
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
	pace := trial.NewPace()
	defer pace.Close()
	var next atomic.Int64
	var all sync.WaitGroup
	for range 8 * runtime.GOMAXPROCS(0) { // a measurement is mostly waiting
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(visits) || ctx.Err() != nil {
					return
				}
				if err := f.Submit(ctx, visits[i], pace); err != nil {
					cancel(fmt.Errorf("make the demo: %w", err))
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// labArchive takes in what was measured at other times than now: each
// measurement is submitted when it was taken. Only the lab may do so.
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

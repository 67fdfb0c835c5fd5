package kit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/targets"
)

// Watch measures a list again and again. Results are kept first. They are sent when the
// collector can be reached, in order and each once.
func Watch(ctx context.Context, env *Env, args []string) error { return NewWatch(env).Do(ctx, args) }

// NewWatch is the command of Watch.
func NewWatch(env *Env) *Command {
	c, o := newCommand(env, "watch-probe")
	every := c.Flags.Duration("every", time.Hour, "`time` between the starts of two rounds")
	jitter := c.Flags.Duration("jitter", 0, "add up to this `time` to each wait (default: a tenth of --every)")
	rounds := c.Flags.Int("rounds", 0, "stop after `N` rounds; 0 goes on")
	c.Run = func(ctx context.Context, args []string) error {
		return o.watch(ctx, env, *every, *jitter, *rounds, args)
	}
	return c
}

func (o *options) watch(ctx context.Context, env *Env, every, jitter time.Duration, rounds int, rest []string) error {
	if every <= 0 || jitter < 0 || rounds < 0 {
		return usage("--every must be more than 0, --jitter and --rounds not less than 0")
	}
	if jitter == 0 {
		jitter = every / 10
	}
	registry, err := target.Load(targets.FS)
	if err != nil {
		return fmt.Errorf("read the target registry: %w", err)
	}
	jobs, err := o.jobs(registry, rest)
	if err != nil {
		return err
	}
	s, err := o.session(ctx, env, registry, false)
	if err != nil {
		return err
	}
	w := watch{session: s, jobs: jobs, every: every, jitter: jitter}
	for n := 1; ; n++ {
		if err := w.round(ctx, n); err != nil {
			return err
		}
		if n == rounds {
			return nil
		}
		if err := w.wait(ctx); err != nil {
			return nil // it was told to stop between two rounds
		}
	}
}

type watch struct {
	*session
	jobs   []job
	every  time.Duration
	jitter time.Duration
	began  time.Time
}

// round measures every job, and sends what it can. The order changes each time, so that no
// job is always measured at the same minute. A job that cannot be measured does not end
// the watch.
func (w *watch) round(ctx context.Context, n int) error {
	w.began, w.verdicts = time.Now(), nil
	kept := w.submit
	for _, i := range rand.Perm(len(w.jobs)) {
		j := w.jobs[i]
		w.submit = true // keep results; whether they are sent is decided later
		code, err := w.one(ctx, j)
		w.submit = kept
		if ctx.Err() != nil {
			return &ExitError{Code: exitInterrupted}
		}
		if err != nil {
			fmt.Fprintf(w.env.Stderr, "round %d, %s: %v\n", n, j, err)
			continue
		}
		w.screen.printf("round %d %s %s code %d\n", n, w.env.Now().UTC().Format(time.RFC3339), j, code)
	}
	w.submit = true
	regime, err := w.regime(ctx)
	w.submit = kept
	switch {
	case ctx.Err() != nil:
		return &ExitError{Code: exitInterrupted}
	case err != nil:
		fmt.Fprintf(w.env.Stderr, "round %d: %v\n", n, err)
	case regime != "":
		w.screen.printf("round %d: %s\n", n, regime)
	}
	if w.submit {
		if err := w.send(ctx); err != nil {
			fmt.Fprintf(w.env.Stderr, "round %d: %v\n", n, err)
		}
	}
	return nil
}

// wait sleeps until the next round. The error is the context's.
func (w *watch) wait(ctx context.Context) error {
	pause := max(0, w.every-time.Since(w.began)) + rand.N(w.jitter+1)
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

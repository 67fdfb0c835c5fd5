package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bandish/bandish/internal/archive"
)

func rebuildCommand() command {
	return command{
		name:  "rebuild",
		usage: "[--json]",
		about: "derive observations, verdicts and cells again from the raw batches",
		run:   runRebuild,
	}
}

func runRebuild(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "rebuild")
	data := dataFlag(fs)
	asJSON := fs.Bool("json", false, "print JSON with the hash of every segment")
	if _, err := parseFlags(fs, args); err != nil {
		return err
	}
	p, err := openPipeline(*data)
	if err != nil {
		return err
	}
	tellWaiting(env, p)
	out, err := p.Rebuild(ctx, func(done, of int) {
		if !*asJSON {
			fmt.Fprintf(env.stderr, "batch %d of %d\n", done, of)
		}
	})
	if err != nil {
		return err
	}
	if *asJSON {
		err = printJSON(env.stdout, out)
	} else {
		fmt.Fprintf(env.stdout, "rebuilt %d segments from %d documents in %d batches; %d documents no longer decode\n", len(out.Segments), out.Documents, out.Batches, out.Failed)
	}
	return errors.Join(err, damagedBatches(out.Damaged))
}

// damagedBatches says that nothing was derived from some batches.
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

func rescoreCommand() command {
	return command{
		name:  "rescore",
		usage: "",
		about: "judge all history again from the observations, under this program's ruleset and the current fingerprints",
		run:   runRescore,
	}
}

func runRescore(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "rescore")
	data := dataFlag(fs)
	if _, err := parseFlags(fs, args); err != nil {
		return err
	}
	p, err := openPipeline(*data)
	if err != nil {
		return err
	}
	tellWaiting(env, p)
	out, err := p.Rescore(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d verdicts under ruleset %s\n", out.Verdicts, out.Ruleset)
	return nil
}

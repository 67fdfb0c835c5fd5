package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/target"
	"github.com/bandish/bandish/observation"
	"github.com/spf13/cobra"
)

// importFlags are the flags of `bandish import`.
type importFlags struct {
	windowFlags
	bucketFlags
	shardFlags
	test    string
	asJSON  bool
	workers int
}

func importCommand(env *environment) *cobra.Command {
	var o importFlags
	c := &cobra.Command{
		Use:   "import SOURCE…",
		Short: "import measurements: a file, a folder, http(s)://, s3://bucket/prefix, or ooni",
		Example: `bandish import ooni --cc PK --target x --test web_connectivity --since 2024-02-10 --until 2024-02-24
bandish import measurements.jsonl.gz
bandish import s3://bucket/raw/ --s3-endpoint minio.example:9000 --shard 3/16`,
		Annotations: map[string]string{
			argumentsNote: "SOURCE  a file (JSON, JSONL, CSV, Parquet, tar, compressed or not), a folder, an address, a bucket, or ooni",
			failedNote:    "a source could not be read; the others are imported",
		},
		Args: someArgs("at least one source: a file, a folder, http(s)://…, s3://bucket/prefix, or ooni"),
		RunE: doing(func(ctx context.Context, sources []string) error { return importAll(ctx, env, sources, &o) }),
	}
	o.windowFlags.add(c)
	o.bucketFlags.add(c)
	f := c.Flags()
	f.StringVar(&o.test, "test", "", "only this `test`, as web_connectivity")
	o.shardFlags.add(c, "sources")
	f.IntVar(&o.workers, "workers", 0, "`N` decoding goroutines (default one a core)")
	f.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	return c
}

// bucketFlags say how a bucket is reached.
type bucketFlags struct {
	endpoint, region  string
	insecure, private bool
}

func (b *bucketFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&b.endpoint, "s3-endpoint", "", "`host[:port]` of the S3 API, for buckets elsewhere")
	f.BoolVar(&b.insecure, "s3-insecure", false, "reach the S3 endpoint over plain http")
	f.StringVar(&b.region, "s3-region", "", "`region` of the bucket")
	privateFlag(c, &b.private)
}

func (b *bucketFlags) access() object.Access {
	return object.Access{Endpoint: b.endpoint, Region: b.region, Insecure: b.insecure, Private: b.private}
}

// windowFlags choose measurements by country, target and days.
type windowFlags struct{ cc, target, since, until string }

func (w *windowFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.cc, "cc", "", "only this `country` (ISO 3166-1 alpha-2)")
	f.StringVar(&w.target, "target", "", "only this `target`: a platform's id or a host name")
	f.StringVar(&w.since, "since", "", "only measurements from this `day` on (UTC)")
	f.StringVar(&w.until, "until", "", "only measurements to the end of this `day` (UTC)")
}

func importAll(ctx context.Context, env *environment, sources []string, o *importFlags) error {
	part, err := o.parse("import")
	if err != nil {
		return err
	}
	p, err := env.pipeline()
	if err != nil {
		return err
	}
	p.Workers = o.workers
	want, err := wanted(p.Targets, o.windowFlags, o.test)
	if err != nil {
		return err
	}
	buckets := intake.Buckets{Endpoint: o.endpoint, Insecure: o.insecure, Region: o.region, Private: o.private, Today: p.Now()}
	var list []intake.Source
	for _, arg := range sources {
		s, err := intake.List(ctx, arg, want.Filter, buckets)
		if ctx.Err() != nil {
			return &exitError{code: exitInterrupted, err: errors.New("interrupted while listing: nothing was imported")}
		}
		if err != nil {
			return err
		}
		if len(s) == 0 {
			fmt.Fprintf(env.stderr, "bandish: %s holds nothing to import\n", arg)
		}
		if !part.Any() {
			s = intake.Take(s, part)
		}
		list = append(list, s...)
	}
	meter := env.progress(p.Archive)
	defer meter.end()
	var sum pipeline.Summary
	if part.Any() {
		asked := fmt.Sprint(sources, o.windowFlags, o.test)
		sum, err = p.ImportShared(ctx, o.crew(env, part), asked, list, want, meter.tell)
	} else {
		sum, err = p.Import(ctx, list, want, meter.tell)
	}
	if ctx.Err() == nil && err == nil {
		err = settle(ctx, p)
	}
	meter.end()
	printSummary(env.stdout, &sum, o.asJSON)
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted, err: errors.New("interrupted: what was committed stays; run the same command again to go on")}
	}
	if err != nil {
		return err
	}
	if sum.Unreadable > 0 {
		return &exitError{code: 1, err: fmt.Errorf("%d of %d sources could not be read:\n  %s", sum.Unreadable, sum.Sources, strings.Join(sum.Errors, "\n  "))}
	}
	return nil
}

// tellWaiting makes the archive print a line when a command waits for its turn to write.
func tellWaiting(env *environment, p *pipeline.Pipeline) {
	p.Archive.Waiting = func() {
		fmt.Fprintf(env.stderr, "waiting for another bandish that is writing to %s\n", p.Archive.Dir())
	}
}

// settle is called after something was added. It merges small segments, counts the changed
// months, and removes files that are no longer listed. Its error joins the errors of all
// of these.
func settle(ctx context.Context, p *pipeline.Pipeline) (err error) {
	defer func() {
		if r := recover(); r != nil { // a server goes on without settling
			err = fmt.Errorf("merge and count: %v\n%s", r, debug.Stack())
		}
	}()
	_, compacted := p.Tidy(ctx) // a damaged file does not stop the rest
	_, counted := p.Count(ctx)
	_, swept := p.Archive.Sweep(ctx, archive.Grace, time.Now())
	_, noted := p.Archive.NoteFiles(ctx, recordFiles()...)
	return errors.Join(compacted, counted, swept, noted)
}

// openPipeline opens the archive in a folder for writing, with the registry of targets in
// the binary.
func openPipeline(dir string) (*pipeline.Pipeline, error) {
	a, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	return pipelineOf(a)
}

// pipelineOf returns the pipeline over an open archive.
func pipelineOf(a *archive.Archive) (*pipeline.Pipeline, error) {
	reg, err := loadTargets()
	if err != nil {
		return nil, err
	}
	set, err := currentFingerprints(a.Dir())
	if err != nil {
		return nil, err
	}
	defects, err := currentDefects(a.Dir())
	if err != nil {
		return nil, err
	}
	a.Program = program(set)
	return &pipeline.Pipeline{Archive: a, Targets: reg, Fingerprints: set, Defects: defects, Verifier: observation.NewVerifier(), Now: time.Now}, nil
}

// wanted returns what the flags select, or a usage error.
func wanted(reg *target.Registry, f windowFlags, test string) (pipeline.Want, error) {
	cc, targetArg, since, until := f.cc, f.target, f.since, f.until
	var w pipeline.Want
	w.CC, w.Test = strings.ToUpper(cc), test
	if cc != "" && len(cc) != 2 {
		return w, usageError("--cc is %q: want two letters, as PK", cc)
	}
	if targetArg != "" {
		id, _, err := reg.Resolve(targetArg)
		if err != nil {
			return w, usageError("--target: %v", err)
		}
		w.Target = id
	}
	var err error
	if w.Since, err = dayArg("--since", since); err != nil {
		return w, err
	}
	if w.Until, err = dayArg("--until", until); err != nil {
		return w, err
	}
	if !w.Until.IsZero() {
		w.Until = w.Until.AddDate(0, 0, 1)
	}
	if !w.Since.IsZero() && !w.Until.IsZero() && !w.Since.Before(w.Until) {
		return w, usageError("--since %s is after --until %s", since, until)
	}
	return w, nil
}

func dayArg(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usageError("%s is %q: want a day as 2024-02-17", name, s)
	}
	return t, nil
}

func printSummary(w io.Writer, s *pipeline.Summary, asJSON bool) {
	if asJSON {
		printJSON(w, s)
		return
	}
	fmt.Fprintf(w, "sources: %d, %d unchanged since they were imported, %d unreadable\n", s.Sources, s.Skipped, s.Unreadable)
	fmt.Fprintf(w, "read: %d = %d added + %d already there + %d filtered out + %d quarantined\n", s.Read, s.Added, s.Duplicates, s.Filtered, s.Quarantined)
	if s.Added == 0 {
		fmt.Fprintln(w, "nothing was added: the archive had it all, or nothing was asked for")
	}
	if s.Unknown > 0 {
		fmt.Fprintf(w, "%d of tests that Bandish does not observe: kept raw\n", s.Unknown)
	}
	if s.Marked > 0 {
		fmt.Fprintf(w, "%d with a clock that cannot be right: kept, and do not vote\n", s.Marked)
	}
	if s.QuarantineFile != "" {
		fmt.Fprintf(w, "quarantine: %s says why of each\n", s.QuarantineFile)
	}
}

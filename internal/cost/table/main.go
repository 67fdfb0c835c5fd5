// Command table measures what an archive costs, runs the simulation of many workers, and
// prints the tables of docs/SCALE.md with what two billion measurements cost.
//
//	go run ./internal/cost/table                measures all; two minutes on two quiet cores
//	go run ./internal/cost/table -write         puts the tables into docs/SCALE.md
//	go run ./internal/cost/table -only documents,commits  measures only these; the others are taken from the document
//	go run ./internal/cost/table -only none     measures nothing, and reckons again, as after a change of the prices
//
// Run it in the root of the module: it runs benchmarks and tests there. The
// measurements documents and bucket need the path of the S3 server versitygw in
// BANDISH_VERSITYGW (build it with `go build -C .ci/s3`), at which requests are
// counted. OONI's documents are those in the folder BANDISH_SHARED.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/cost"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("table", flag.ContinueOnError)
	fs.SetOutput(log)
	path := fs.String("document", "docs/SCALE.md", "the `file` with the tables")
	write := fs.Bool("write", false, "write the tables into that file instead of printing them")
	only := fs.String("only", "", "measure these alone, by `name`, with commas between: "+strings.Join(names(), ", ")+"; none: nothing")
	if err := fs.Parse(args); err != nil {
		return err
	}
	take, err := chosen(*only)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(*path)
	if err != nil {
		return fmt.Errorf("run it in the root of the repository: %w", err)
	}
	d := cost.Document(text)
	for _, m := range take {
		began := time.Now()
		if d, err = m.put(ctx, d); err != nil {
			return err
		}
		fmt.Fprintf(log, "%s: %s\n", m.name, time.Since(began).Round(time.Second))
		if *write { // what was measured stays, even if a later step fails
			if err := os.WriteFile(*path, []byte(d), 0o644); err != nil {
				return err
			}
		}
	}
	prices, err := cost.Listed()
	if err != nil {
		return err
	}
	if d, err = cost.Reckon(d, prices); err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	if *write {
		return os.WriteFile(*path, []byte(d), 0o644)
	}
	return print(out, d)
}

// print writes all tables, each under a heading with its name.
func print(out io.Writer, d cost.Document) error {
	for _, name := range append(slices.Clone(cost.Measured), cost.Whole, cost.Bottlenecks, cost.PriceList) {
		text, err := d.Text(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "### %s\n\n%s\n", name, strings.TrimSpace(text)+"\n")
	}
	return nil
}

func names() (out []string) {
	for _, m := range measurements {
		out = append(out, m.name)
	}
	return out
}

// chosen returns the measurements in a list of names with commas; all for "", none for
// "none".
func chosen(list string) (take []measurement, err error) {
	switch list {
	case "":
		return measurements, nil
	case "none":
		return nil, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(names(), name)
		if i < 0 {
			return nil, fmt.Errorf("there is no measurement %q; want some of %s", name, strings.Join(names(), ", "))
		}
		take = append(take, measurements[i])
	}
	return take, nil
}

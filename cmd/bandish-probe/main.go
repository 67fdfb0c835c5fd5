// Command bandish-probe is only the probe of Bandish: one small static program without
// cgo, for machines that only measure. Its commands are those of bandish with the same
// names.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/bandish/bandish/internal/kit"
	"github.com/bandish/bandish/internal/probe"
)

func main() {
	log.SetOutput(io.Discard) // net/http writes complaints about servers there
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := &kit.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv,
		Network: probe.Kernel{}, Now: time.Now, Version: kit.Version,
	}
	code := run(ctx, env, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs one command line, and returns the exit code. An argument that is not a command
// is a target.
func run(ctx context.Context, env *kit.Env, args []string) int {
	if len(args) == 0 || args[0] == "help" {
		printUsage(env.Stdout)
		return 0
	}
	do := kit.Probe
	switch args[0] {
	case "probe":
		args = args[1:]
	case "watch-probe":
		do, args = kit.Watch, args[1:]
	case "version":
		fmt.Fprintln(env.Stdout, "bandish-probe", kit.Version)
		return 0
	}
	err := do(ctx, env, args)
	if err == nil {
		return 0
	}
	var exit *kit.ExitError
	if !errors.As(err, &exit) {
		exit = &kit.ExitError{Code: 1, Err: err}
	}
	if exit.Err != nil {
		fmt.Fprintf(env.Stderr, "bandish-probe: %v\n", exit.Err)
	}
	return exit.Code
}

func printUsage(w io.Writer) {
	fmt.Fprintf(w, `Is it blocked from here, and how?

  bandish-probe %[1]s [--json FILE] [--passive] [--all] [--country-list FILE] [--max-time D]
  bandish-probe watch-probe %[1]s [--every D] [--jitter D] [--rounds N] [--submit --collector URL]
  bandish-probe probe install TARGET…
  bandish-probe version

Each takes -h, which lists all its flags.

Exit codes: 0 reachable, 3 blocked, 4 down, 5 unclear, 2 a mistake in the arguments.
`, kit.Arguments)
}

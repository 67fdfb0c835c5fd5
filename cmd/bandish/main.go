// Command bandish is the open record of internet bans: it imports and takes
// measurements, judges them, dates bans, keeps the case record, and serves
// all of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// environment is what a subcommand may touch of the process.
type environment struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
}

// command is one subcommand; its file is named after it.
type command struct {
	name  string
	usage string // arguments, after "bandish name"
	about string // one line
	run   func(ctx context.Context, env *environment, args []string) error
}

// commands lists the subcommands in the order of the flow.
func commands() []command {
	return []command{
		serveCommand(),
		mcpCommand(),
		importCommand(),
		labCommand(),
		statusCommand(),
		archiveCommand(),
		keyCommand(),
		receiptCommand(),
		monitorCommand(),
		rebuildCommand(),
		rescoreCommand(),
		targetsCommand(),
		verdictCommand(),
		rulesCommand(),
		eventsCommand(),
		watchCommand(),
		updateCommand(),
		recordCommand(),
		claimsCommand(),
		checkCommand(),
		probeCommand(),
		watchProbeCommand(),
		sourceCommand(),
		searchCommand(),
		inboxCommand(),
		requestsCommand(),
		bansCommand(),
		bundleCommand(),
		exportCommand(),
	}
}

// exitError ends the process with a code that means something to scripts
// (bandish probe) and prints nothing more where err is nil.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usageError is a mistake in the arguments: exit code 2.
func usageError(format string, args ...any) error {
	return &exitError{code: 2, err: fmt.Errorf(format, args...)}
}

// newFlags makes the flag set of a subcommand; mistakes are returned, and the
// caller's usage is printed on -h.
func newFlags(env *environment, c string) *flag.FlagSet {
	fs := flag.NewFlagSet("bandish "+c, flag.ContinueOnError)
	fs.SetOutput(env.stderr)
	return fs
}

// dataFlag is the --data flag that every command takes.
func dataFlag(fs *flag.FlagSet) *string {
	return fs.String("data", "./bandish-data", "the data `folder`")
}

// privateFlag is the --allow-private flag of every command that fetches from an
// address that somebody named, or posts to it.
func privateFlag(fs *flag.FlagSet) *bool {
	return fs.Bool("allow-private", false, "let names lead to addresses that are not of the public internet, too")
}

// parseFlags parses flags that may stand before, between and after the other
// arguments, and returns the others. "--" ends the flags.
func parseFlags(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, &exitError{}
			}
			return nil, &exitError{code: 2}
		}
		n := len(args) - fs.NArg()
		if n > 0 && args[n-1] == "--" {
			return append(rest, fs.Args()...), nil
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// printJSON prints a value as indented JSON.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(lossless(w))
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := &environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	code := run(ctx, env, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, env *environment, args []string) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		printUsage(env.stdout)
		return 0
	}
	told := *env
	told.stdout, told.stderr = terminal{env.stdout}, terminal{env.stderr} // what is said of input quotes it
	env = &told
	for _, c := range commands() {
		if c.name == args[0] {
			return exitCode(env, c.run(ctx, env, args[1:]))
		}
	}
	fmt.Fprintf(env.stderr, "bandish: unknown command %q; `bandish help` lists them\n", args[0])
	return 2
}

func exitCode(env *environment, err error) int {
	if err == nil {
		return 0
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{code: 1, err: err}
	}
	if e.err != nil {
		fmt.Fprintf(env.stderr, "bandish: %v\n", e.err)
	}
	return e.code
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "Bandish: the open record of internet bans.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  bandish %s\n      %s\n", strings.TrimSpace(c.name+" "+c.usage), c.about)
	}
}

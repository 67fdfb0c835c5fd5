// Command bandish is the open record of internet bans. It imports measurements and takes
// them in, judges them, dates bans, keeps the case record, and serves everything.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// environment is what a command may touch of the process, and the folders that flags name.
type environment struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string

	data    string // --data; for a bucket, the folder of its working copy
	store   string // --store; "" means DuckDB
	records string // --records; "" if it is not given
	copied  workingCopyFlags
}

func init() { cobra.EnableCommandSorting = false } // commands are listed in the order of the flow

// rootCommand makes the whole program.
func rootCommand(env *environment) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "bandish",
		Short: "the open record of internet bans",
		Long:  "Bandish: the open record of internet bans. It measures them, dates them, and keeps what was ordered, said and decided.",
	},
		serveCommand(env),
		mcpCommand(env),
		importCommand(env),
		labCommand(env),
		statusCommand(env),
		archiveCommand(env),
		keyCommand(env),
		receiptCommand(env),
		monitorCommand(env),
		rebuildCommand(env),
		rescoreCommand(env),
		targetsCommand(env),
		verdictCommand(env),
		rulesCommand(env),
		eventsCommand(env),
		watchCommand(env),
		updateCommand(env),
		recordCommand(env),
		claimsCommand(env),
		checkCommand(env),
		probeCommand(env),
		watchProbeCommand(env),
		sourceCommand(env),
		searchCommand(env),
		inboxCommand(env),
		requestsCommand(env),
		bansCommand(env),
		bundleCommand(env),
		exportCommand(env),
		publishCommand(env),
		versionCommand(env),
		manCommand(env),
	)
	root.PersistentFlags().StringVar(&env.data, "data", defaultData, "the data `folder`, or s3://bucket/prefix")
	env.copied.add(root, env)
	root.PersistentFlags().StringVar(&env.store, "store", "", "`address` of a ClickHouse that answers questions in SQL, as clickhouse://host:9000/database (default DuckDB in this process)")
	finish(root, env)
	return root
}

const defaultData = "./bandish-data"

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

// run runs one command line, and returns the exit code.
func run(ctx context.Context, env *environment, args []string) int {
	mine := *env
	mine.stdout, mine.stderr = terminal{env.stdout}, terminal{env.stderr} // messages quote input of strangers
	return exitCode(&mine, execute(ctx, &mine, args))
}

// execute runs one command line.
func execute(ctx context.Context, env *environment, args []string) error {
	root := rootCommand(env)
	root.SetArgs(longDashes(root, args))
	return root.ExecuteContext(ctx)
}

func exitCode(env *environment, err error) int {
	if err == nil {
		return exitDone
	}
	var e *exitError
	if !errors.As(err, &e) {
		e = &exitError{code: exitFailed, err: err}
	}
	if e.err != nil {
		fmt.Fprintf(env.stderr, "bandish: %v\n", e.err)
	}
	return e.code
}

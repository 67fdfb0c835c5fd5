//go:build !js

// Command bandish-verify checks a bundle of evidence without trusting whoever made it. It
// hashes everything again, and checks proofs and signatures against a key that the reader
// brings. It derives verdicts, counts, dated bans and answers again from the enclosed raw
// measurements. It needs no network.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/bandish/bandish/bundle"
)

func main() { os.Exit(run(os.Stdout, os.Stderr, os.Args[1:])) }

const usage = `bandish-verify checks a bundle of evidence.

  bandish-verify [--key KEY] [--witness KEY]… [--timestamp-roots FILE] [--json] BUNDLE.zip…

KEY is a verifier string, or a file that holds one. Get the log's key from
somewhere else than the bundle.

The exit code is 0 where nothing is false, 1 where something is, 2 where a file
cannot be read.

`

// keys collects the values of a flag that may be given several times.
type keys []string

func (k *keys) String() string { return strings.Join(*k, " ") }

func (k *keys) Set(s string) error {
	v, err := keyOf(s)
	*k = append(*k, v)
	return err
}

// keyOf returns a verifier string, or the one in the file of that name.
func keyOf(s string) (string, error) {
	if strings.Count(s, "+") >= 2 {
		return s, nil
	}
	text, err := os.ReadFile(s)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.Count(line, "+") >= 2 && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", errors.New("it holds no verifier string")
}

func run(stdout, stderr io.Writer, args []string) int {
	fs := flag.NewFlagSet("bandish-verify", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() { fmt.Fprint(stderr, usage); fs.PrintDefaults() }
	var logKey, witnesses keys
	fs.Var(&logKey, "key", "the log's `key`, or a file that holds it")
	fs.Var(&witnesses, "witness", "the `key` of a witness whom you trust, or a file that holds it")
	roots := fs.String("timestamp-roots", "", "`file` with root certificates (PEM) of time-stamping authorities that you trust")
	asJSON := fs.Bool("json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if fs.NArg() == 0 || len(logKey) > 1 {
		fs.Usage()
		return 2
	}
	o := bundle.Options{Witnesses: witnesses}
	if len(logKey) == 1 {
		o.Key = logKey[0]
	}
	if *roots != "" {
		text, err := os.ReadFile(*roots)
		if err != nil {
			fmt.Fprintf(stderr, "bandish-verify: %v\n", err)
			return 2
		}
		o.TimestampRoots = string(text)
	}
	code := 0
	for _, name := range fs.Args() {
		report, err := verify(name, o)
		if err != nil {
			fmt.Fprintf(stderr, "bandish-verify: %v\n", err)
			return 2
		}
		if report.False() {
			code = 1
		}
		if *asJSON {
			e := json.NewEncoder(stdout)
			e.SetIndent("", "  ")
			e.Encode(report) // a reader that goes away has what it wanted
			continue
		}
		fmt.Fprint(stdout, report.Text())
	}
	return code
}

func verify(name string, o bundle.Options) (bundle.Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return bundle.Result{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return bundle.Result{}, err
	}
	if !info.Mode().IsRegular() {
		return bundle.Result{}, fmt.Errorf("%s is no regular file", name)
	}
	return bundle.Verify(f, info.Size(), o), nil
}

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bandish/bandish/internal/frugal"
	"github.com/bandish/bandish/internal/object/objecttest"

	"github.com/bandish/bandish/internal/chdb"
	"github.com/bandish/bandish/records"
)

// made is a folder for what tests make once; it is removed after the last test.
var made string

type making struct{ *testing.M }

func (m making) Run() int {
	var err error
	if made, err = os.MkdirTemp("", "bandish-test"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(made)
	return m.M.Run()
}

func TestMain(m *testing.M) {
	chdb.Main()
	frugal.Tests()
	testscript.Main(making{m}, map[string]func(){
		"bandish": func() {
			env := &environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
			os.Exit(run(context.Background(), env, os.Args[1:]))
		},
	})
}

// TestScript runs what a user could type. Scripts find the real data that the
// repository may not hold in $BANDISH_SHARED, where it is present, and a record of
// one case in $ONECASE. [long] holds with BANDISH_LONG=1.
func TestScript(t *testing.T) {
	dir, err := filepath.Abs(sharedDir())
	if err != nil {
		t.Fatal(err)
	}
	one := filepath.Join(made, "onecase")
	if err := oneCase(one); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("BANDISH_SHARED", dir)
			env.Setenv("ONECASE", one)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": codeOf, "s3": func(ts *testscript.TestScript, _ bool, _ []string) {
			_, access := objecttest.Bucket(t) // named kept
			ts.Setenv("S3", "http://"+access.Endpoint)
		}},
		Condition: func(condition string) (bool, error) {
			if condition == "long" {
				return os.Getenv("BANDISH_LONG") != "", nil
			}
			_, err := os.Stat(dir)
			return condition == "shared" && err == nil, nil
		},
	})
}

// oneCase makes a folder of the record that has one case only.
func oneCase(dir string) error {
	for _, part := range []string{"shared", "tz-2025-x"} {
		files, err := fs.Sub(records.FS, part)
		if err == nil {
			err = os.CopyFS(filepath.Join(dir, part), files)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// codeOf is "code N PROGRAM ARGUMENT…" of a script: the program ends with N.
func codeOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGUMENT…")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%v", err)
	}
	got := 0
	if exit != nil {
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("%v ended with %d, want %s", args[1:], got, args[0])
	}
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"bandish": func() {
			env := &environment{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
			os.Exit(run(context.Background(), env, os.Args[1:]))
		},
	})
}

// TestScript runs what a user could type. Scripts find the real data that the
// repository may not hold in $BANDISH_SHARED, where it is present.
func TestScript(t *testing.T) {
	dir := os.Getenv("BANDISH_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("BANDISH_SHARED", dir)
			return nil
		},
		Condition: func(condition string) (bool, error) {
			_, err := os.Stat(dir)
			return condition == "shared" && err == nil, nil
		},
	})
}

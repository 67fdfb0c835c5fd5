package main

import (
	"context"
	"errors"
	"io"
	"log"
	"time"

	"github.com/bandish/bandish/internal/kit"
	"github.com/bandish/bandish/internal/probe"
)

func probeCommand() command {
	return command{
		name:  "probe",
		usage: kit.ProbeUsage,
		about: "find out from this network whether something is blocked, and how",
		run:   fromKit(kit.Probe),
	}
}

// fromKit runs a command of the field kit as one of this program's.
func fromKit(run func(context.Context, *kit.Env, []string) error) func(context.Context, *environment, []string) error {
	return func(ctx context.Context, env *environment, args []string) error {
		log.SetOutput(io.Discard) // net/http complains there of what servers do
		err := run(ctx, &kit.Env{
			Stdin: env.stdin, Stdout: exact(env.stdout), Stderr: env.stderr, Getenv: env.getenv,
			Network: probe.Kernel{}, Now: time.Now, Version: kit.Version,
		}, args)
		var exit *kit.ExitError
		if errors.As(err, &exit) {
			return &exitError{code: exit.Code, err: exit.Err}
		}
		return err
	}
}

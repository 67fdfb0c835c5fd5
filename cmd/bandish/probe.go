package main

import (
	"context"
	"errors"
	"io"
	"log"
	"time"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/kit"
	"github.com/bandish/bandish/internal/probe"
)

const probeArguments = "TARGET|URL  a platform, a host or an address; --all and --country-list name many"

func probeCommand(env *environment) *cobra.Command {
	c := fromKit(env, kit.NewProbe, &cobra.Command{
		Use:   "probe " + kit.Arguments,
		Short: "find out from this network whether something is blocked, and how",
		Example: `bandish probe x.com
bandish probe --all --submit --collector https://bandish.example`,
		Annotations: map[string]string{argumentsNote: probeArguments, probeNote: ""},
	})
	c.AddCommand(fromKit(env, kit.NewInstall, &cobra.Command{
		Use:         "install " + kit.Arguments,
		Short:       "print a systemd unit that probes again and again",
		Example:     "bandish probe install x telegram --submit >/etc/systemd/system/bandish-probe.service",
		Annotations: map[string]string{argumentsNote: probeArguments},
	}))
	return c
}

// fromKit makes a command of package kit a command of this program.
func fromKit(env *environment, of func(*kit.Env) *kit.Command, c *cobra.Command) *cobra.Command {
	command := of(&kit.Env{
		Stdin: env.stdin, Stdout: exact(env.stdout), Stderr: env.stderr, Getenv: env.getenv,
		Network: probe.Kernel{}, Now: time.Now, Version: kit.Version,
	})
	c.Flags().AddGoFlagSet(command.Flags)
	c.Args = cobra.ArbitraryArgs
	c.ValidArgsFunction = completing(env.targetValues)
	c.RunE = doing(func(ctx context.Context, args []string) error {
		log.SetOutput(io.Discard) // net/http writes complaints about servers there
		err := command.Run(ctx, args)
		var exit *kit.ExitError
		if errors.As(err, &exit) {
			return &exitError{code: exit.Code, err: exit.Err}
		}
		return err
	})
	return c
}

package main

import (
	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/kit"
)

func watchProbeCommand(env *environment) *cobra.Command {
	return fromKit(env, kit.NewWatch, &cobra.Command{
		Use:         "watch-probe " + kit.Arguments,
		Short:       "probe a list again and again, keep the results, and submit them when that is possible",
		Example:     "bandish watch-probe x telegram --every 1h --submit --collector https://bandish.example",
		Annotations: map[string]string{argumentsNote: probeArguments, probeNote: ""},
	})
}

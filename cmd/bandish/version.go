package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/verdict"
)

// version says which program this is, and by which rules it concludes.
type version struct {
	Module   string `json:"module"`             // of the module; "(devel)" for a build without one
	Commit   string `json:"commit,omitempty"`   // "" if the build does not know it
	Time     string `json:"time,omitempty"`     // of the commit, RFC 3339
	Modified bool   `json:"modified,omitempty"` // files differed from the commit
	Ruleset  string `json:"ruleset"`
	Detector string `json:"detector"`
	Go       string `json:"go"`
}

func versionOf() version {
	v := version{Module: "(devel)", Ruleset: verdict.Ruleset, Detector: event.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Module, v.Go = cmp.Or(info.Main.Version, v.Module), info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v version) String() string {
	commit := cmp.Or(v.Commit, "unknown")
	if v.Time != "" {
		commit += " of " + v.Time
	}
	if v.Modified {
		commit += ", changed since"
	}
	return fmt.Sprintf("bandish %s\ncommit   %s\nruleset  %s\ndetector %s\n%s", v.Module, commit, v.Ruleset, v.Detector, v.Go)
}

func versionCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "version",
		Short: "print the version of the program, the ruleset and the detector",
		Args:  noArgs,
		RunE: doing(func(context.Context, []string) error {
			if asJSON {
				return printJSON(env.stdout, versionOf())
			}
			_, err := fmt.Fprintln(env.stdout, versionOf())
			return err
		}),
	}
	jsonFlag(c, &asJSON)
	return c
}

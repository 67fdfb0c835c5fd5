package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bandish/bandish/country"
	"github.com/bandish/bandish/internal/lab"
)

// values lists the possible values of a flag or an argument. After a tab, each may have an
// explanation. It is called when somebody completes, after the flags were read.
type values func() []string

// complete gives flags with the same name the same completion in all commands.
func complete(root *cobra.Command, env *environment) {
	named := map[string]values{
		"cc":     countryValues,
		"target": env.targetValues,
		"case":   env.caseValues,
	}
	folders := []string{"data", "records", "bucket"}
	for _, c := range all(root) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if list := named[f.Name]; list != nil {
				c.RegisterFlagCompletionFunc(f.Name, completing(list)) // fails only if there is no such flag
			}
			if slices.Contains(folders, f.Name) {
				c.MarkFlagDirname(f.Name)
			}
		})
	}
	root.MarkPersistentFlagDirname("data")
}

// completing offers the values of a list, and no files.
func completing(list values) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return beginning(list(), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// firstOf completes only the first argument.
func firstOf(list values) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginning(list(), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// beginning returns the values that begin with what was typed; case does not matter.
func beginning(list []string, begun string) []string {
	return slices.DeleteFunc(list, func(v string) bool {
		return len(v) < len(begun) || !strings.EqualFold(v[:len(begun)], begun)
	})
}

// words are values that never change.
func words(list ...string) values { return func() []string { return slices.Clone(list) } }

func countryValues() []string {
	var out []string
	for _, cc := range country.Codes() {
		out = append(out, cc+"\t"+country.Name(cc))
	}
	return out
}

func (env *environment) targetValues() []string {
	registry, err := loadTargets()
	if err != nil {
		return nil
	}
	var out []string
	for _, p := range registry.Platforms() {
		out = append(out, p.ID+"\t"+p.Name)
	}
	return out
}

func (env *environment) caseValues() []string {
	r, _, err := openRecords(env.records)
	if err != nil {
		return nil
	}
	var out []string
	for _, c := range r.Cases {
		out = append(out, c.ID+"\t"+c.Title)
	}
	return out
}

func scenarioValues() []string {
	scenarios := lab.Scenarios()
	for _, a := range lab.Awkward() {
		scenarios = append(scenarios, a.Scenario)
	}
	var out []string
	for _, s := range scenarios {
		out = append(out, s.Name+"\t"+strings.TrimSpace(s.About))
	}
	return out
}

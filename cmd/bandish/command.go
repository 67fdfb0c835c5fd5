package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Annotations of a command: what help says besides its sentence, examples and flags.
const (
	argumentsNote = "arguments" // a line for each argument: its name, two spaces, what it is
	failedNote    = "failed"    // when the exit code is 1, if that means more than a failure
	probeNote     = "probe"     // if present, the command ends with the exit codes of a probe
)

// group makes a command that only holds others.
func group(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	c.RunE = func(c *cobra.Command, _ []string) error {
		if !c.HasParent() {
			return c.Help()
		}
		return usageError("%s needs one of %s", nameOf(c), subcommands(c))
	}
	return withDefault(c, commands...)
}

// withDefault makes a command that does something itself if none of the others is named.
func withDefault(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		meant := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			meant = fmt.Sprintf(" Did you mean %s?", strings.Join(near, " or "))
		}
		if !c.HasParent() {
			return usageError("unknown command %q.%s `bandish help` lists the commands", args[0], meant)
		}
		return usageError("%s has no command %q.%s It has %s", nameOf(c), args[0], meant, subcommands(c))
	}
	c.AddCommand(commands...)
	return c
}

// nameOf is the name of a command without the program's name: "record show".
func nameOf(c *cobra.Command) string {
	return strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
}

func subcommands(c *cobra.Command) string {
	var names []string
	for _, s := range c.Commands() {
		if s.IsAvailableCommand() {
			names = append(names, s.Name())
		}
	}
	return strings.Join(names, ", ")
}

// noArgs demands that there are no arguments.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("%s takes no argument, got %q", nameOf(c), args[0])
	}
	return nil
}

// oneArg demands one argument. what names it in the error.
func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError("%s takes %s, got %s", nameOf(c), what, number(len(args), "argument"))
		}
		return nil
	}
}

// twoArgs demands two arguments. what names them in the error.
func twoArgs(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 2 {
			return usageError("%s takes %s, got %s", nameOf(c), what, number(len(args), "argument"))
		}
		return nil
	}
}

// someArgs demands at least one argument. what names it in the error.
func someArgs(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError("%s: name %s", nameOf(c), what)
		}
		return nil
	}
}

// doing makes the RunE of a command. do reads the flags through variables.
func doing(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error { return do(c.Context(), args) }
}

// jsonFlag adds the flag --json.
func jsonFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "json", false, "print JSON")
}

// recordsFlag adds the flag for the folder of the record.
func recordsFlag(c *cobra.Command, env *environment) {
	c.Flags().StringVar(&env.records, "records", "", "`folder` of the record (default ./records if it exists, else the record built into the program)")
}

// privateFlag adds the flag --allow-private. Every command has it that fetches from, or
// posts to, an address that somebody named.
func privateFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "allow-private", false, "also allow names whose addresses are not on the public internet")
}

// finish gives all commands the same output, errors and help.
func finish(root *cobra.Command, env *environment) {
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = versionOf().String()
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { printHelp(c.OutOrStdout(), c) })
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.Flags().BoolP("version", "v", false, "print the versions of the program, the ruleset and the detector")
	for _, c := range all(root) {
		c.SuggestionsMinimumDistance = 2
		c.Flags().BoolP("help", "h", false, "print this help")
		if nameOf(c) == "completion" {
			c.Use, c.Short = "completion COMMAND", "print a script for a shell that completes commands, flags, countries, platforms and cases"
		}
		withUsage(c)
	}
	complete(root, env)
}

// withUsage adds the usage line to errors about wrong arguments.
func withUsage(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		if err != nil && !onlyGroup(c) && c.HasParent() {
			return usageError("%w\nUsage: %s", err, c.UseLine())
		}
		return err
	}
}

// helpCommand is the command `bandish help COMMAND`.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND…]",
		Short:   "print the help of a command",
		Example: "bandish help record show",
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if c, rest, err := root.Find(args); err == nil && len(rest) == 0 {
				for _, s := range c.Commands() {
					names = append(names, s.Name()+"\t"+s.Short)
				}
			}
			return beginning(names, begun), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err == nil && len(rest) > 0 && c.HasAvailableSubCommands() {
				err = c.ValidateArgs(rest[:1])
			}
			if err != nil {
				return err
			}
			return c.Help()
		},
	}
}

// all returns a command and all commands below it.
func all(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, s := range c.Commands() {
		list = append(list, all(s)...)
	}
	return list
}

// flagError suggests which flag may be meant, and says where the flags are listed.
func flagError(c *cobra.Command, err error) error {
	meant := ""
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if near := nearestFlag(c, strings.TrimLeft(unknown.GetSpecifiedName(), "-")); near != "" {
			meant = fmt.Sprintf(". Did you mean --%s?", near)
		}
	}
	return usageError("%s: %w%s\n`%s --help` lists the flags", nameOf(c), err, meant, c.CommandPath())
}

func nearestFlag(c *cobra.Command, name string) string {
	best, least := "", 3 // least is the number of changed letters
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if d := levenshtein.ComputeDistance(name, f.Name); d < least && d < len(f.Name) {
			best, least = f.Name, d
		}
	})
	return best
}

// longFlag matches a flag of two letters or more: dashes, name, value.
var longFlag = regexp.MustCompile(`^(--?)([a-z][a-z0-9-]+)(=.*)?$`)

// longDashes turns -flag into --flag. The program has accepted both spellings since its
// first version.
func longDashes(root *cobra.Command, args []string) []string {
	c, _, err := root.Find(args)
	if err != nil {
		return args
	}
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	c.InheritedFlags() // it also adds the flags of the root to the set
	out := slices.Clone(args)
	for i := 0; i < len(out) && out[i] != "--"; i++ {
		m := longFlag.FindStringSubmatch(out[i])
		if m == nil {
			continue
		}
		if m[1] == "-" {
			out[i] = "-" + out[i]
		}
		if f := c.Flags().Lookup(m[2]); f != nil && m[3] == "" && f.NoOptDefVal == "" {
			i++ // the next argument is the flag's value
		}
	}
	return out
}

// printHelp prints what a command does, its arguments and flags, and its exit codes.
func printHelp(w io.Writer, c *cobra.Command) {
	fmt.Fprintf(w, "%s\n\nUsage:\n", strings.TrimSpace(sentenceOf(c)))
	if c.Runnable() && (c.HasParent() || !c.HasAvailableSubCommands()) && !onlyGroup(c) {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND\n\nCommands:\n", c.CommandPath())
		for _, s := range c.Commands() {
			if s.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-*s  %s\n", c.NamePadding(), s.Name(), s.Short)
			}
		}
	}
	section := func(title, text string) {
		if text = strings.Trim(text, "\n"); text != "" {
			fmt.Fprintf(w, "\n%s:\n%s\n", title, indent(text))
		}
	}
	section("Arguments", c.Annotations[argumentsNote])
	section("Examples", c.Example)
	section("Flags", c.LocalFlags().FlagUsagesWrapped(100))
	section("Flags of every command", c.InheritedFlags().FlagUsagesWrapped(100))
	section("Exit codes", exitText(c))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n`%s COMMAND --help` says more of a command.\n", c.CommandPath())
	}
}

// onlyGroup reports whether a command does nothing itself.
func onlyGroup(c *cobra.Command) bool { return strings.HasSuffix(c.Use, " COMMAND") }

// sentenceOf returns the long text of a command, or else its one sentence.
func sentenceOf(c *cobra.Command) string {
	if c.Long != "" {
		return c.Long
	}
	return strings.ToUpper(c.Short[:1]) + c.Short[1:] + "."
}

// indent puts two spaces before each line that begins without any.
func indent(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l != "" && !strings.HasPrefix(l, " ") {
			lines[i] = "  " + l
		}
	}
	return strings.Join(lines, "\n")
}

// exitText lists the exit codes of a command.
func exitText(c *cobra.Command) string {
	_, probes := c.Annotations[probeNote]
	var b strings.Builder
	for _, m := range exitMeanings {
		means := m.means
		if probes && m.probe != "" {
			means = m.probe
		}
		if also := c.Annotations[failedNote]; also != "" && m.code == exitFailed {
			means += ", or " + also
		}
		if means != "" {
			fmt.Fprintf(&b, "  %-3d  %s\n", m.code, means)
		}
	}
	return b.String()
}

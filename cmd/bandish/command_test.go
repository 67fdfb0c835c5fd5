package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var updatePage = flag.Bool("update", false, "write docs/commands.md anew")

// docs/commands.md is made from the commands.
func TestCommandsPage(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "commands.md")
	want := commandsPage(rootCommand(new(environment)))
	if *updatePage {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/commands.md is not what the commands say: go test ./cmd/bandish -run CommandsPage -update")
	}
}

func commandsPage(root *cobra.Command) []byte {
	var b bytes.Buffer
	b.WriteString("# Commands\n\nMade from the program by `go test ./cmd/bandish -run CommandsPage -update`. `bandish help COMMAND` says\nmore: arguments, flags, examples. `bandish completion` prints scripts for shells, `bandish man DIR`\nwrites man pages.\n\n## Exit codes\n\n| code | meaning | of `probe` and `watch-probe` |\n|---|---|---|\n")
	for _, m := range exitMeanings {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", m.code, m.means, m.probe)
	}
	b.WriteString("\nCode 1 also means:\n\n")
	for _, c := range all(root) {
		if also := c.Annotations[failedNote]; also != "" {
			fmt.Fprintf(&b, "- `%s`: %s\n", c.CommandPath(), also)
		}
	}
	b.WriteString("\n## Commands\n\n| command | what it does |\n|---|---|\n")
	for _, c := range all(root) {
		if c.HasParent() && !onlyGroup(c) && c.Parent().Name() != "completion" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", strings.ReplaceAll(strings.TrimSuffix(c.UseLine(), " [flags]"), "|", "\\|"), c.Short)
		}
	}
	return b.Bytes()
}

// Every command says what it does, what it takes, and what each flag is.
func TestEveryCommandIsExplained(t *testing.T) {
	for _, c := range all(rootCommand(new(environment))) {
		if strings.HasPrefix(c.CommandPath(), "bandish completion") {
			continue // by the library
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its sentence is %q", c.CommandPath(), c.Short)
		}
		_, arguments, _ := strings.Cut(strings.TrimSuffix(c.UseLine(), " [flags]"), nameOf(c))
		takes := strings.FieldsFunc(arguments, func(r rune) bool { return r == ' ' || r == '[' || r == ']' })
		if len(takes) > 0 && !strings.HasPrefix(takes[0], "--") && takes[0] != "COMMAND" && c.Name() != "help" && c.Annotations[argumentsNote] == "" {
			t.Errorf("%s takes %q, and does not say what that is", c.CommandPath(), takes)
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s: --%s is not explained", c.CommandPath(), f.Name)
			}
			if f.Value.Type() != "bool" && !strings.Contains(f.Usage, "`") {
				t.Errorf("%s: --%s does not name its value", c.CommandPath(), f.Name)
			}
		})
		for line := range strings.Lines(c.Example) {
			words := strings.Fields(line)
			if words[0] != "bandish" {
				t.Errorf("%s: the example %q is not of this program", c.CommandPath(), line)
				continue
			}
			if of, _, err := c.Root().Find(words[1:]); err != nil || of == c.Root() {
				t.Errorf("%s: the example %q runs nothing", c.CommandPath(), line)
			}
		}
	}
}

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func manCommand(env *environment) *cobra.Command {
	var c *cobra.Command
	c = &cobra.Command{
		Use:         "man DIR",
		Short:       "write a man page of each command into a folder",
		Example:     "bandish man /usr/local/share/man/man1",
		Annotations: map[string]string{argumentsNote: "DIR  the folder; it is made if it is missing"},
		Args:        oneArg("the folder for the pages"),
		RunE: doing(func(_ context.Context, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("write man pages: %w", err)
			}
			date := time.Unix(0, 0).UTC() // the same program makes the same pages
			if made, err := time.Parse(time.RFC3339, versionOf().Time); err == nil {
				date = made
			}
			pages := manTree(c.Root())
			if err := doc.GenManTree(pages, &doc.GenManHeader{Section: "1", Date: &date, Source: "Bandish", Manual: "Bandish"}, args[0]); err != nil {
				return fmt.Errorf("write man pages: %w", err)
			}
			_, err := fmt.Fprintf(env.stdout, "man pages are in %s\n", args[0])
			return err
		}),
	}
	return c
}

// manTree gives each command a long text that includes its arguments and exit codes.
func manTree(c *cobra.Command) *cobra.Command {
	c.DisableAutoGenTag = true
	var b strings.Builder
	b.WriteString(sentenceOf(c) + "\n")
	if text := c.Annotations[argumentsNote]; text != "" {
		fmt.Fprintf(&b, "\n# ARGUMENTS\n```\n%s\n```\n", text)
	}
	fmt.Fprintf(&b, "\n# EXIT CODES\n```\n%s```\n", exitText(c))
	c.Long = b.String()
	for _, s := range c.Commands() {
		manTree(s)
	}
	return c
}

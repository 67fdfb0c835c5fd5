package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/assistant"
)

func mcpCommand(env *environment) *cobra.Command {
	base := ""
	c := &cobra.Command{
		Use:   "mcp",
		Short: "answer an assistant by the Model Context Protocol on standard input and output",
		Args:  noArgs,
		RunE:  doing(func(ctx context.Context, _ []string) error { return serveAssistant(ctx, env, base) }),
	}
	c.Flags().StringVar(&base, "base-url", "http://127.0.0.1:8080", "`address` of the site to which answers link")
	recordsFlag(c, env)
	return c
}

func serveAssistant(ctx context.Context, env *environment, base string) error {
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	index, _, err := openSearch(ctx, env)
	if err != nil {
		return err
	}
	defer index.Close()
	s := &assistant.Server{Desk: desk, Records: desk.Records, Search: index, BaseURL: strings.TrimSuffix(base, "/"), Log: slog.New(slog.NewTextHandler(env.stderr, nil))}
	err = s.MCP().Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(env.stdin), Writer: unclosed{env.stdout}})
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil // the assistant went away
	}
	return err
}

// unclosed is a writer that the caller closes.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

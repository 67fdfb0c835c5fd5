package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bandish/bandish/internal/assistant"
)

func mcpCommand() command {
	return command{
		name:  "mcp",
		usage: "[--base-url https://bandish.example]",
		about: "answer an assistant by the Model Context Protocol on standard input and output",
		run:   runMCP,
	}
}

func runMCP(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "mcp")
	data := dataFlag(fs)
	folder := recordsFlag(fs.String)
	base := fs.String("base-url", "http://127.0.0.1:8080", "`address` of the site that answers point to")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("mcp: unexpected %q", rest[0])
	}
	desk, done, err := openDesk(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer done()
	index, _, err := openSearch(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer index.Close()
	s := &assistant.Server{Desk: desk, Records: desk.Records, Search: index, BaseURL: strings.TrimSuffix(*base, "/"), Log: slog.New(slog.NewTextHandler(env.stderr, nil))}
	err = s.MCP().Run(ctx, &mcp.IOTransport{Reader: io.NopCloser(env.stdin), Writer: unclosed{env.stdout}})
	if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
		return nil // the assistant went away
	}
	return err
}

// unclosed is a writer that somebody else closes.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

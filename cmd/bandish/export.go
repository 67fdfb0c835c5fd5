package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bandish/bandish/internal/web"
	"github.com/spf13/cobra"
)

func exportCommand(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:         "site DIR",
		Short:       "write the whole site as files that work from any web server or a USB stick",
		Example:     "bandish export site /srv/www/bandish",
		Annotations: map[string]string{argumentsNote: "DIR  the folder to write to"},
		Args:        oneArg("the folder to write to"),
		RunE:        doing(func(ctx context.Context, args []string) error { return exportSite(ctx, env, args[0]) }),
	}
	recordsFlag(c, env)
	return group(&cobra.Command{Use: "export COMMAND", Short: "write the whole site as files"}, c)
}

func exportSite(ctx context.Context, env *environment, dir string) error {
	desk, closeDesk, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer closeDesk()
	site := &web.Site{Desk: desk, Store: desk.Store, Targets: desk.Targets, Records: desk.Records, Now: time.Now, Log: slog.New(slog.NewTextHandler(env.stderr, nil))}
	meter := newMeter(env.stderr, time.Now)
	done, err := site.Export(ctx, dir, func(n int) { meter.step("file", n, 0) })
	meter.end()
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d files, %.1f MB in %s; open %s/index.html\n", done.Files, float64(done.Bytes)/1e6, dir, dir)
	return nil
}

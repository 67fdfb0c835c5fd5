package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bandish/bandish/internal/web"
)

func exportCommand() command {
	return command{
		name:  "export",
		usage: "site DIR [--data FOLDER] [--records FOLDER]",
		about: "write the whole site as files that work from any web server or a USB stick",
		run:   runExport,
	}
}

func runExport(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "export")
	data := dataFlag(fs)
	folder := recordsFlag(fs.String)
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) != 2 || rest[0] != "site" {
		return usageError("export needs what and where: bandish export site DIR")
	}
	desk, closeDesk, err := openDesk(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer closeDesk()
	site := &web.Site{Desk: desk, Store: desk.Store, Targets: desk.Targets, Records: desk.Records, Now: time.Now, Log: slog.New(slog.NewTextHandler(env.stderr, nil))}
	done, err := site.Export(ctx, rest[1], func(n int) {
		if n%1000 == 0 {
			fmt.Fprintf(env.stderr, "%d files\n", n)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(env.stdout, "%d files, %.1f MB in %s; open %s/index.html\n", done.Files, float64(done.Bytes)/1e6, rest[1], rest[1])
	return nil
}

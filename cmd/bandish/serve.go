package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/bandish/bandish/internal/store"
	"github.com/bandish/bandish/internal/web"
)

func serveCommand() command {
	return command{
		name:  "serve",
		usage: "[--listen 127.0.0.1:8080]",
		about: "serve the site over the archive, making the data folder on first run",
		run:   runServe,
	}
}

func runServe(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "serve")
	data := dataFlag(fs)
	listen := fs.String("listen", "127.0.0.1:8080", "`address` to serve on")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("serve: unexpected %q", rest[0])
	}
	p, err := openPipeline(*data)
	if err != nil {
		return err
	}
	st, err := store.Open(p.Archive, "")
	if err != nil {
		return err
	}
	defer st.Close()
	if _, err := p.Count(ctx); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(env.stderr, nil))
	site := &web.Site{Store: st, Targets: p.Targets, Now: time.Now, Log: log}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("serve: %w (choose another address with --listen)", err)
	}
	m, err := p.Archive.Manifest()
	if err != nil {
		return err
	}
	if len(m.Batches) == 0 {
		fmt.Fprintf(env.stdout, "%s holds no measurements yet. Import real ones:\n  bandish import ooni --cc PK --target x --test web_connectivity --since 2024-02-10 --until 2024-02-24\n", *data)
	}
	fmt.Fprintf(env.stdout, "serving %s on http://%s\n", *data, l.Addr())
	return serveUntil(ctx, l, site.Handler())
}

// serveUntil serves until ctx ends and then lets running requests finish.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := srv.Shutdown(stop)
	if serr := <-done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

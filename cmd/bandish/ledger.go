package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/server"
)

// newLedgerServer shows the ledger of an archive, and cosigns those of others
// where their keys are given.
func newLedgerServer(p *pipeline.Pipeline, desk *inquiry.Desk, data string, cosigns []string, name string, log *slog.Logger) (*notary.Server, error) {
	s := &notary.Server{Log: p.Archive.Log(), Errors: log,
		Receipt: func(ctx context.Context, uid string) ([]byte, error) {
			m, ok, err := desk.Measurement(ctx, uid, "")
			if err != nil {
				return nil, err
			}
			if !ok {
				return nil, fs.ErrNotExist
			}
			return p.Archive.Receipt(m.Raw, int64(m.RawLine))
		},
		Batch: func(sha string) (io.ReadCloser, error) {
			m, err := p.Archive.Manifest()
			if err != nil {
				return nil, err
			}
			b, ok := m.Batch(sha)
			if !ok {
				return nil, fs.ErrNotExist
			}
			return p.Archive.Open(b.Path())
		}}
	if len(cosigns) == 0 {
		return s, nil
	}
	var err error
	if s.Witness, err = notary.OpenWitness(disk.OS{}, data, name, cosigns, log); err != nil {
		return nil, fmt.Errorf("serve: --cosign: %w", err)
	}
	log.Info("this server is a witness", "key", s.Witness.Key())
	return s, nil
}

func askedOf(list []string) ([]notary.Asked, error) {
	var out []notary.Asked
	for _, s := range list {
		w, err := notary.ParseAsked(s)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func keysOfAsked(list []notary.Asked) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Key)
	}
	return out
}

// keepWitnessed asks the witnesses for their signatures as the ledger grows, and
// an authority for a time stamp once a day. One that does not answer holds up
// nothing: it is asked again.
func keepWitnessed(ctx context.Context, p *pipeline.Pipeline, asked []notary.Asked, stampURL, stampRoots string, log *slog.Logger, counts *server.Counts) {
	if len(asked) == 0 && stampURL == "" {
		return
	}
	client := &http.Client{Timeout: 30 * time.Second}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if len(asked) > 0 {
			switch _, err := p.Archive.Log().Collect(ctx, client, asked); {
			case errors.Is(err, notary.ErrFork):
				counts.Add("bandish_witness_failures_total")
				log.Error("A WITNESS SAW ANOTHER HISTORY OF THIS LEDGER: an older copy was put back, or somebody else has its key", "err", err)
			case err != nil && !errors.Is(err, notary.ErrEmpty) && ctx.Err() == nil:
				counts.Add("bandish_witness_failures_total")
				log.Warn("a witness did not sign", "err", err)
			}
		}
		if stampURL != "" {
			if err := p.Archive.Log().Stamp(ctx, client, stampURL, stampRoots, time.Now()); err != nil && !errors.Is(err, notary.ErrEmpty) && ctx.Err() == nil {
				counts.Add("bandish_timestamp_failures_total")
				log.Warn("no time stamp was got", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func monitorCommand() command {
	return command{
		name:  "monitor",
		usage: "URL [--key VERIFIER] [--dir DIR] [--mirror DIR] [--witness VERIFIER]… [--every 5m | --once] [--json]",
		about: "follow the ledger of another server and shout when it shows another history than before; keep a second copy of its measurements",
		run:   runMonitor,
	}
}

func runMonitor(ctx context.Context, env *environment, args []string) error {
	set := newFlags(env, "monitor")
	key := set.String("key", "", "`verifier string` of the ledger's key; without it the first one that is seen is kept")
	dir := set.String("dir", "./bandish-monitor", "`folder` for what was seen")
	mirror := set.String("mirror", "", "keep a second copy of the raw batches in the archive in this `folder`; bandish rebuild and serve work on it")
	every := set.Duration("every", 5*time.Minute, "look again after this `time`")
	once := set.Bool("once", false, "look once and stop")
	asJSON := set.Bool("json", false, "print JSON")
	var witnesses repeated
	set.Var(&witnesses, "witness", "`verifier string` of a witness whose signatures to verify (may be repeated)")
	rest, err := parseFlags(set, args)
	if err != nil {
		return err
	}
	if len(rest) != 1 {
		return usageError("monitor: name the address of the server's ledger, as https://bandish.example.org/ledger")
	}
	m := &notary.Monitor{URL: rest[0], Key: *key, Dir: *dir, Client: &http.Client{Timeout: time.Minute}, Now: time.Now, Witnesses: witnesses}
	for {
		err := lookOnce(ctx, env, m, *mirror, *asJSON)
		var shout *notary.Alarm
		switch {
		case errors.As(err, &shout):
			fmt.Fprintf(env.stderr, "ALARM: %s: %s\n", m.URL, shout.Reason)
			return &exitError{code: 2, err: errors.New("the ledger is not what it was: keep " + *dir + ", it holds the proof")}
		case *once || ctx.Err() != nil:
			return err
		case err != nil:
			fmt.Fprintf(env.stderr, "bandish: %s: %v; asked again in %s\n", m.URL, err, *every)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(*every):
		}
	}
}

func lookOnce(ctx context.Context, env *environment, m *notary.Monitor, mirror string, asJSON bool) error {
	seen, err := m.Look(ctx)
	if err != nil {
		return err
	}
	copied := 0
	if mirror != "" {
		if copied, err = mirrorBatches(ctx, env, m, mirror); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(env.stdout, map[string]any{"seen": seen, "copied": copied})
	}
	fmt.Fprintf(env.stdout, "%s %s: %d entries, %d of them new; it only grew\n", time.Now().UTC().Format(time.RFC3339), seen.Origin, seen.Size, seen.New)
	for _, c := range seen.Cosigned {
		fmt.Fprintf(env.stdout, "  cosigned by %s on %s\n", c.Name, c.Time.Format(time.RFC3339))
	}
	for _, n := range seen.Notes {
		fmt.Fprintf(env.stdout, "  %s\n", n)
	}
	if mirror != "" {
		fmt.Fprintf(env.stdout, "  %d batches copied to %s\n", copied, mirror)
	}
	return nil
}

// mirrorBatches copies the raw batches that the ledger names and a folder lacks
// into an archive there, and derives from them. Each is held against the ledger
// as it comes.
func mirrorBatches(ctx context.Context, env *environment, m *notary.Monitor, dir string) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	p, err := openPipeline(dir)
	if err != nil {
		return 0, err
	}
	n, err := p.Archive.Mirror(ctx, m.History(), func(sha string) (io.ReadCloser, error) { return m.Get(ctx, "raw/"+sha) })
	if err != nil || n == 0 {
		return n, err
	}
	_, err = p.Rebuild(ctx, nil)
	return n, err
}

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
	"github.com/spf13/cobra"
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

// watching are the flags of `bandish monitor`.
type watching struct {
	key, dir, mirror string
	every            time.Duration
	once, asJSON     bool
	witnesses        []string
}

func monitorCommand(env *environment) *cobra.Command {
	var o watching
	c := &cobra.Command{
		Use:         "monitor URL",
		Short:       "follow the ledger of another server and shout when it shows another history than before; keep a second copy of its measurements",
		Example:     "bandish monitor https://bandish.example/ledger --mirror ./copy",
		Args:        oneArg("the address of the server's ledger, as https://bandish.example.org/ledger"),
		Annotations: map[string]string{argumentsNote: "URL  the address of a server's ledger", failedNote: "the ledger is not what it was, or it cannot be read"},
		RunE:        doing(func(ctx context.Context, args []string) error { return monitor(ctx, env, args[0], &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.key, "key", "", "`verifier` string of the ledger's key; without it the first one that is seen is kept")
	f.StringVar(&o.dir, "dir", "./bandish-monitor", "`folder` for what was seen")
	f.StringVar(&o.mirror, "mirror", "", "keep a second copy of the raw batches in the archive in this `folder`; bandish rebuild and serve work on it")
	f.DurationVar(&o.every, "every", 5*time.Minute, "look again after this `time`")
	f.BoolVar(&o.once, "once", false, "look once and stop")
	f.StringArrayVar(&o.witnesses, "witness", nil, "`verifier` string of a witness whose signatures to verify (may be repeated)")
	jsonFlag(c, &o.asJSON)
	return c
}

func monitor(ctx context.Context, env *environment, url string, o *watching) error {
	m := &notary.Monitor{URL: url, Key: o.key, Dir: o.dir, Client: &http.Client{Timeout: time.Minute}, Now: time.Now, Witnesses: o.witnesses}
	for {
		err := lookOnce(ctx, env, m, o.mirror, o.asJSON)
		var shout *notary.Alarm
		switch {
		case errors.As(err, &shout):
			fmt.Fprintf(env.stderr, "ALARM: %s: %s\n", m.URL, shout.Reason)
			return &exitError{code: exitFailed, err: errors.New("the ledger is not what it was: keep " + o.dir + ", it holds the proof")}
		case o.once || ctx.Err() != nil:
			return err
		case err != nil:
			fmt.Fprintf(env.stderr, "bandish: %s: %v; asked again in %s\n", m.URL, err, o.every)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.every):
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

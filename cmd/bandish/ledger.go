package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/pipeline"
	"github.com/bandish/bandish/internal/server"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/records"
	"github.com/spf13/cobra"
)

// newLedgerServer makes the server of an archive's ledger. If flags give the keys of other
// ledgers, it also cosigns those.
func newLedgerServer(p *pipeline.Pipeline, desk *inquiry.Desk, data string, o *serveFlags, log *slog.Logger) (*notary.Server, error) {
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
	if len(o.cosigns) == 0 {
		return s, nil
	}
	var err error
	if s.Witness, err = notary.OpenWitness(disk.OS{}, data, o.witnessName, o.cosigns, log); err != nil {
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

// recordFiles returns the cases of the embedded record as the ledger names them. The hash
// of a case is made from the names and hashes of its files.
var recordFiles = sync.OnceValue(func() []ledger.File {
	var out []ledger.File
	cases, err := fs.ReadDir(records.FS, ".")
	if err != nil { // the record is part of the program
		panic("read the record: " + err.Error())
	}
	for _, c := range cases {
		if !c.IsDir() {
			continue
		}
		h, n := sha256.New(), int64(0)
		err := fs.WalkDir(records.FS, c.Name(), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(records.FS, path)
			n += int64(len(text))
			fmt.Fprintf(h, "%x  %s\n", sha256.Sum256(text), path)
			return err
		})
		if err != nil {
			panic("read the record: " + err.Error())
		}
		out = append(out, ledger.File{Name: archive.RecordName(c.Name()), SHA256: hex.EncodeToString(h.Sum(nil)), Bytes: n})
	}
	return out
})

// noteFiles enters in the ledger what a command put beside the archive.
func (env *environment) noteFiles(ctx context.Context) error {
	there, err := archive.Exists(env.data)
	if err != nil || !there {
		return err // the first commit enters them
	}
	a, err := archive.Open(env.data)
	if err != nil {
		return err
	}
	_, err = a.NoteFiles(ctx)
	return err
}

// noting is doing for a command that puts files beside the archive: it enters them in the
// ledger.
func noting(env *environment, do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return doing(func(ctx context.Context, args []string) error {
		if err := do(ctx, args); err != nil {
			return err
		}
		return env.noteFiles(ctx)
	})
}

func keysOfAsked(list []notary.Asked) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Key)
	}
	return out
}

// keepWitnessed asks the witnesses for their signatures as the ledger grows, and once a
// day an authority for a time stamp. One that does not answer holds up nothing: it is
// asked again.
func keepWitnessed(ctx context.Context, p *pipeline.Pipeline, asked []notary.Asked, o *serveFlags, log *slog.Logger, metrics *server.Metrics) {
	if len(asked) == 0 && o.stampURL == "" {
		return
	}
	client := &http.Client{Timeout: 30 * time.Second}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		if len(asked) > 0 {
			switch _, err := p.Archive.Log().Collect(ctx, client, asked); {
			case errors.Is(err, notary.ErrFork):
				metrics.Add("bandish_witness_failures_total")
				log.Error("A WITNESS SAW ANOTHER HISTORY OF THIS LEDGER: an older copy was put back, or somebody else has its key. Nothing is signed or taken in until this is settled", "err", err)
			case err != nil && !errors.Is(err, notary.ErrEmpty) && ctx.Err() == nil:
				metrics.Add("bandish_witness_failures_total")
				log.Warn("a witness did not sign", "err", err)
			}
		}
		if o.stampURL != "" {
			if err := p.Archive.Log().Stamp(ctx, client, o.stampURL, o.stampRoots, time.Now()); err != nil && !errors.Is(err, notary.ErrEmpty) && ctx.Err() == nil {
				metrics.Add("bandish_timestamp_failures_total")
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

// monitorFlags are the flags of `bandish monitor`.
type monitorFlags struct {
	key, dir, mirror string
	witnesses        []string
	every            time.Duration
	once, json       bool
}

func monitorCommand(env *environment) *cobra.Command {
	var o monitorFlags
	c := &cobra.Command{
		Use:         "monitor URL",
		Short:       "follow the ledger of another server, keep a copy, and raise an alarm if it shows another history than before",
		Example:     "bandish monitor https://bandish.example.org/ledger --key VERIFIER\nbandish monitor https://bandish.example.org/ledger --mirror ./copy --once",
		Annotations: map[string]string{argumentsNote: "URL  the address of the server's ledger", failedNote: "the ledger was rewritten, back-dated or split into two histories"},
		Args:        oneArg("the address of a server's ledger"),
		RunE:        doing(func(ctx context.Context, args []string) error { return monitor(ctx, env, args[0], &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.key, "key", "", "`verifier` string of the ledger's key; without it the first one that is seen is kept")
	f.StringVar(&o.dir, "dir", "./bandish-monitor", "`folder` for what was seen")
	f.StringVar(&o.mirror, "mirror", "", "keep a second copy of the raw batches in the archive in this `folder`, and derive from them: bandish serve works on it")
	f.DurationVar(&o.every, "every", 5*time.Minute, "look again after this `time`")
	f.BoolVar(&o.once, "once", false, "look once and stop")
	f.StringArrayVar(&o.witnesses, "witness", nil, "`verifier` string of a witness whose signatures to verify (may be repeated)")
	jsonFlag(c, &o.json)
	return c
}

func monitor(ctx context.Context, env *environment, url string, o *monitorFlags) error {
	m := &notary.Monitor{URL: url, Key: o.key, Dir: o.dir, Client: &http.Client{Timeout: time.Minute}, Now: time.Now, Witnesses: o.witnesses}
	for {
		err := lookOnce(ctx, env, m, o.mirror, o.json)
		var shout *notary.Alarm
		switch {
		case errors.As(err, &shout):
			fmt.Fprintf(env.stderr, "ALARM: %s: %s\n", m.URL, shout.Reason)
			return &exitError{code: exitFailed, err: fmt.Errorf("the ledger was rewritten, back-dated or split into two histories: keep %s, it holds the proof", o.dir)}
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

// mirrorBatches copies the raw batches that a ledger names, and that a folder lacks, into
// an archive in that folder, and derives from them. Each batch is checked against the
// ledger as it comes. It returns how many it copied.
func mirrorBatches(ctx context.Context, env *environment, m *notary.Monitor, dir string) (int, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, err
	}
	p, err := openPipeline(dir)
	if err != nil {
		return 0, err
	}
	n, err := p.Archive.Mirror(ctx, m.Replay(), func(sha string) (io.ReadCloser, error) { return m.Get(ctx, "raw/"+sha) })
	if err != nil || n == 0 {
		return n, err
	}
	_, err = p.Rebuild(ctx, nil)
	return n, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/verdict"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// program is what the ledger says of the program that writes.
func program(set *fingerprint.Set) ledger.Software {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version += " " + s.Value
			}
		}
	}
	if set == nil {
		set = fingerprint.Embedded()
	}
	return ledger.Software{Version: version, Go: runtime.Version(), Ruleset: verdict.Ruleset, Detector: event.Version, Fingerprints: set.ID()}
}

func keyCommand(env *environment) *cobra.Command {
	return withDefault(&cobra.Command{Use: "key", Short: "print the verifier string of the ledger's key, which a reader needs to check proofs", RunE: doing(func(context.Context, []string) error {
		a, err := archive.OpenToCheck(env.data)
		if err != nil {
			return err
		}
		key, err := a.Log().Key()
		if errors.Is(err, notary.ErrEmpty) {
			err = fmt.Errorf("%w: it begins with the next import or submission, or with bandish key new", err)
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, key)
		return nil
	})}, keyRotateCommand(env), keyNewCommand(env))
}

func keyRotateCommand(env *environment) *cobra.Command {
	return &cobra.Command{Use: "rotate", Short: "give the ledger a new key, which the old one vouches for", Args: noArgs, RunE: doing(func(ctx context.Context, _ []string) error {
		a, err := openWriting(env)
		if err != nil {
			return err
		}
		key, err := a.RotateKey(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, key)
		return nil
	})}
}

func keyNewCommand(env *environment) *cobra.Command {
	origin := ""
	c := &cobra.Command{Use: "new", Short: "begin a new ledger, where the key of the old one is lost", Args: noArgs, RunE: doing(func(ctx context.Context, _ []string) error {
		a, err := openWriting(env)
		if err != nil {
			return err
		}
		if err := a.NewLedger(ctx, origin); err != nil {
			return err
		}
		key, err := a.Log().Key()
		if err != nil {
			return err
		}
		fmt.Fprintln(env.stdout, key)
		return nil
	})}
	c.Flags().StringVar(&origin, "origin", "", "the `name` of the ledger, as example.org/ledger; made up when empty")
	return c
}

// openWriting opens an archive that is there to write to.
func openWriting(env *environment) (*archive.Archive, error) {
	if _, err := archive.OpenToCheck(env.data); err != nil {
		return nil, err
	}
	p, err := env.pipeline()
	if err != nil {
		return nil, err
	}
	return p.Archive, nil
}

func receiptCommand(env *environment) *cobra.Command {
	c := &cobra.Command{Use: "receipt UID", Short: "write the proof that a measurement is in the ledger, as a file that other tools read too; check such a file",
		Example: `bandish receipt 20240217183840.201925_ZZ_webconnectivity_0123456789abcdef > receipt.txt
bandish receipt verify receipt.txt --key "$(bandish key)"`,
		RunE: doing(func(ctx context.Context, args []string) error { return writeReceipt(ctx, env, args[0]) })}
	c.AddCommand(receiptVerifyCommand(env))
	c.Args = oneArg("the uid of a measurement, or verify FILE")
	return c
}

func receiptVerifyCommand(env *environment) *cobra.Command {
	var key, document string
	var witnesses []string
	asJSON := false
	c := &cobra.Command{Use: "verify FILE", Short: "check a receipt against the key of its ledger", Args: oneArg("a receipt"), RunE: doing(func(_ context.Context, args []string) error {
		return verifyReceipt(env, args[0], key, witnesses, document, asJSON)
	})}
	f := c.Flags()
	f.StringVar(&key, "key", "", "the `verifier` string of the ledger's key, as bandish key prints it; got in a way that you trust")
	f.StringArrayVar(&witnesses, "witness", nil, "the `verifier` string of a witness; may be repeated")
	f.StringVar(&document, "document", "", "the measurement itself, a `file`: whether it is the one of the receipt")
	jsonFlag(c, &asJSON)
	return c
}

func writeReceipt(ctx context.Context, env *environment, uid string) error {
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	m, ok, err := desk.Measurement(ctx, uid, "")
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("no measurement of uid %s is in the archive", uid)
	}
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	file, err := a.Receipt(m.Raw, int64(m.RawLine))
	if err != nil {
		return err
	}
	_, err = env.stdout.Write(file)
	return err
}

// provedReceipt is what a receipt shows, as JSON.
type provedReceipt struct {
	UID        string             `json:"measurement_uid"`
	SHA256     string             `json:"sha256"`
	Origin     string             `json:"origin"`
	Index      int64              `json:"index"`
	Size       int64              `json:"size"`
	Batch      string             `json:"batch"`
	Line       int64              `json:"line"`
	Received   string             `json:"received"`
	Cosigned   []ledger.Signature `json:"cosigned"`
	NotProved  []string           `json:"not_proved"`
	Document   bool               `json:"document"` // it was given and is the one
	Checkpoint string             `json:"root"`
}

func verifyReceipt(env *environment, file, key string, witnesses []string, document string, asJSON bool) error {
	if key == "" {
		return usageError("receipt verify needs --key: the verifier string of the ledger's key, from a source that you trust (not from the receipt)")
	}
	v, err := ledger.NewLogVerifier(key)
	if err != nil {
		return err
	}
	var known []note.Verifier
	for _, w := range witnesses {
		c, err := ledger.NewCosigner(w)
		if err != nil {
			return err
		}
		known = append(known, c)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	p, err := ledger.CheckReceipt(text, v, known...)
	if err != nil {
		return &exitError{code: 1, err: fmt.Errorf("%s proves nothing: %w", file, err)}
	}
	out := provedReceipt{UID: p.Receipt.UID, SHA256: p.Receipt.SHA256, Origin: p.Checkpoint.Origin, Index: p.Index, Size: p.Checkpoint.Size, Batch: p.Entry.Batch.SHA256,
		Line: p.Receipt.Line, Received: p.Entry.Batch.Received.Format("2006-01-02T15:04:05Z"), Cosigned: append([]ledger.Signature{}, p.Cosigned...), NotProved: []string{}, Checkpoint: fmt.Sprintf("%x", p.Checkpoint.Root[:])}
	if len(p.Cosigned) == 0 {
		out.NotProved = append(out.NotProved, "when it was received: that is by this operator's word alone; no witness that you named signed the checkpoint")
	}
	if document == "" {
		out.NotProved = append(out.NotProved, "what the measurement says: give it with --document")
	} else {
		doc, err := os.ReadFile(document)
		if err != nil {
			return err
		}
		if got := source.SHA256(doc); got != p.Receipt.SHA256 {
			return &exitError{code: 1, err: fmt.Errorf("%s has SHA-256 %s, and the receipt is of %s: it is another document, or it holds a client address that was removed before it was archived", document, got, p.Receipt.SHA256)}
		}
		out.Document = true
	}
	if asJSON {
		return printJSON(env.stdout, out)
	}
	fmt.Fprintf(env.stdout, "proved: measurement %s with SHA-256 %s is document %d of batch %s,\n  which is entry %d of the ledger %s at %d entries\n", out.UID, out.SHA256, out.Line, out.Batch, out.Index, out.Origin, out.Size)
	for _, c := range p.Cosigned {
		fmt.Fprintf(env.stdout, "proved: the ledger stood so on %s, as the witness %s signed\n", c.Time.Format("2006-01-02 15:04:05 UTC"), c.Name)
	}
	if out.Document {
		fmt.Fprintf(env.stdout, "proved: %s is that document\n", document)
	}
	for _, n := range out.NotProved {
		fmt.Fprintf(env.stdout, "not proved: %s\n", n)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/ledger"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// program returns what the ledger says of the program that writes.
func program(set *fingerprint.Set) ledger.Software {
	if set == nil {
		set = fingerprint.Embedded()
	}
	v := versionOf()
	name := v.Module
	if v.Commit != "" {
		name += " " + v.Commit
	}
	if v.Modified {
		name += ", changed since"
	}
	return ledger.Software{Version: name, Go: v.Go, Ruleset: v.Ruleset, Detector: v.Detector, Fingerprints: set.ID()}
}

func keyCommand(env *environment) *cobra.Command {
	c := withDefault(&cobra.Command{
		Use:     "key",
		Short:   "print the public half of the ledger's key, which readers need to check proofs",
		Example: "bandish key\nbandish key rotate",
		RunE:    doing(func(_ context.Context, _ []string) error { return printKey(env) }),
	}, keyRotateCommand(env), keyNewCommand(env))
	return c
}

func keyRotateCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "rotate",
		Short: "give the ledger a new key, which the old one signs",
		Args:  noArgs,
		RunE: doing(func(ctx context.Context, _ []string) error {
			a, err := openWriting(env)
			if err != nil {
				return err
			}
			key, err := a.RotateKey(ctx)
			if err == nil {
				_, err = fmt.Fprintln(env.stdout, key)
			}
			return err
		}),
	}
}

func keyNewCommand(env *environment) *cobra.Command {
	origin := ""
	c := &cobra.Command{
		Use:     "new",
		Short:   "begin a new ledger, if the key is lost or the archive is a copy; the old ledger is kept",
		Example: "bandish key new --origin bandish.example.org/ledger",
		Args:    noArgs,
		RunE: doing(func(ctx context.Context, _ []string) error {
			a, err := openWriting(env)
			if err != nil {
				return err
			}
			if err := a.NewLedger(ctx, origin); err != nil {
				return err
			}
			return printKey(env)
		}),
	}
	c.Flags().StringVar(&origin, "origin", "", "`name` of the ledger, for instance example.org/ledger; made up if empty")
	return c
}

func printKey(env *environment) error {
	a, err := archive.OpenToCheck(env.data)
	if err != nil {
		return err
	}
	key, err := a.Log().Key()
	if errors.Is(err, notary.ErrEmpty) {
		err = fmt.Errorf("%w: it begins with the next import or submission, or with bandish key new", err)
	}
	if err == nil {
		_, err = fmt.Fprintln(env.stdout, key)
	}
	return err
}

// openWriting opens an existing archive for writing.
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
	c := &cobra.Command{Use: "receipt COMMAND", Short: "proofs that a measurement is in the ledger"}
	return group(c, receiptGetCommand(env), receiptVerifyCommand(env))
}

func receiptGetCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:         "get UID",
		Short:       "write the proof that a measurement is in the ledger, as a file that other tools read too",
		Example:     "bandish receipt get UID > receipt.tlog-proof",
		Annotations: map[string]string{argumentsNote: "UID  the measurement"},
		Args:        oneArg("the uid of a measurement"),
		RunE:        doing(func(ctx context.Context, args []string) error { return writeReceipt(ctx, env, args[0]) }),
	}
}

// verifyFlags are the flags of `bandish receipt verify`.
type verifyFlags struct {
	key, document string
	witnesses     []string
	json          bool
}

func receiptVerifyCommand(env *environment) *cobra.Command {
	var o verifyFlags
	c := &cobra.Command{
		Use:         "verify FILE",
		Short:       "check such a proof; it needs no archive and no network",
		Example:     "bandish receipt verify receipt.tlog-proof --key VERIFIER --document measurement.json",
		Annotations: map[string]string{argumentsNote: "FILE  the receipt", failedNote: "the file proves nothing"},
		Args:        oneArg("the file of a receipt"),
		RunE:        doing(func(_ context.Context, args []string) error { return verifyReceipt(env, args[0], &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.key, "key", "", "`verifier` string of the ledger's key, as bandish key prints it; got in a way that you trust, not from the receipt's server")
	f.StringVar(&o.document, "document", "", "the measurement, a `file`: whether it is the one of the receipt")
	f.StringArrayVar(&o.witnesses, "witness", nil, "`verifier` string of a witness whose signature to verify (may be repeated)")
	jsonFlag(c, &o.json)
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

// provedReceipt is what a receipt proves, as JSON.
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
	Document   bool               `json:"document"` // a document was given, and it is the one in the receipt
	Checkpoint string             `json:"root"`
}

func verifyReceipt(env *environment, file string, o *verifyFlags) error {
	if o.key == "" {
		return usageError("receipt verify needs --key: the verifier string of the ledger's key, from a source that you trust (not from the receipt)")
	}
	v, err := ledger.NewLogVerifier(o.key)
	if err != nil {
		return err
	}
	var known []note.Verifier
	for _, w := range o.witnesses {
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
	if o.document == "" {
		out.NotProved = append(out.NotProved, "what the measurement says: give it with --document")
	} else {
		doc, err := os.ReadFile(o.document)
		if err != nil {
			return err
		}
		if got := source.SHA256(doc); got != p.Receipt.SHA256 {
			return &exitError{code: 1, err: fmt.Errorf("%s has SHA-256 %s, and the receipt is of %s: it is another document, or it holds a client address that was removed before it was archived", o.document, got, p.Receipt.SHA256)}
		}
		out.Document = true
	}
	if o.json {
		return printJSON(env.stdout, out)
	}
	fmt.Fprintf(env.stdout, "proved: measurement %s with SHA-256 %s is document %d of batch %s,\n  which is entry %d of the ledger %s at %d entries\n", out.UID, out.SHA256, out.Line, out.Batch, out.Index, out.Origin, out.Size)
	for _, c := range p.Cosigned {
		fmt.Fprintf(env.stdout, "proved: the ledger had this state on %s: the witness %s signed it\n", c.Time.Format("2006-01-02 15:04:05 UTC"), c.Name)
	}
	if out.Document {
		fmt.Fprintf(env.stdout, "proved: %s is that document\n", o.document)
	}
	for _, n := range out.NotProved {
		fmt.Fprintf(env.stdout, "not proved: %s\n", n)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/fingerprint"
	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/internal/source"
	"github.com/bandish/bandish/ledger"
	"github.com/bandish/bandish/verdict"
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

func keyCommand() command {
	return command{
		name:  "key",
		usage: "[rotate | new [--origin NAME]]",
		about: "print the verifier string of the ledger's key, which a reader needs to check proofs; give the ledger a new key that the old one vouches for; begin a new ledger where the key is lost",
		run:   runKey,
	}
}

func runKey(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "key")
	data := dataFlag(fs)
	origin := fs.String("origin", "", "of a new ledger: its `name`, as example.org/ledger; made up when empty")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	switch strings.Join(rest, " ") {
	case "":
		a, err := archive.OpenToCheck(*data)
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
	case "rotate":
		a, err := openWriting(*data)
		if err != nil {
			return err
		}
		key, err := a.RotateKey(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "%s\n", key)
		return nil
	case "new":
		a, err := openWriting(*data)
		if err != nil {
			return err
		}
		if err := a.NewLedger(ctx, *origin); err != nil {
			return err
		}
		key, err := a.Log().Key()
		if err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "%s\n", key)
		return nil
	}
	return usageError("key: %q is none of rotate and new", strings.Join(rest, " "))
}

// openWriting opens an archive that is there to write to.
func openWriting(dir string) (*archive.Archive, error) {
	if _, err := archive.OpenToCheck(dir); err != nil {
		return nil, err
	}
	p, err := openPipeline(dir)
	if err != nil {
		return nil, err
	}
	return p.Archive, nil
}

func receiptCommand() command {
	return command{
		name:  "receipt",
		usage: "UID | verify FILE --key VERIFIER [--witness VERIFIER]... [--document FILE] [--json]",
		about: "write the proof that a measurement is in the ledger, as a file that other tools read too; check such a file",
		run:   runReceipt,
	}
}

func runReceipt(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "receipt")
	data := dataFlag(fs)
	key := fs.String("key", "", "the `verifier string` of the ledger's key, as bandish key prints it; got in a way that you trust")
	var witnesses repeated
	fs.Var(&witnesses, "witness", "the `verifier string` of a witness; may be repeated")
	document := fs.String("document", "", "the measurement itself, a `file`: whether it is the one of the receipt")
	asJSON := fs.Bool("json", false, "print JSON")
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	switch {
	case len(rest) == 2 && rest[0] == "verify":
		return verifyReceipt(env, rest[1], *key, witnesses, *document, *asJSON)
	case len(rest) == 1:
		return writeReceipt(ctx, env, *data, rest[0])
	}
	return usageError("receipt: name the uid of a measurement, or say verify FILE")
}

func writeReceipt(ctx context.Context, env *environment, data, uid string) error {
	desk, done, err := openDesk(ctx, data, "")
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
	a, err := archive.OpenExisting(data)
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

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/kit"
	"github.com/spf13/cobra"
)

// bundleFlags are the flags of `bandish bundle`.
type bundleFlags struct {
	out    string
	most   int
	short  bool
	asJSON bool
}

func bundleCommand(env *environment) *cobra.Command {
	var o bundleFlags
	c := &cobra.Command{
		Use:   "bundle ID…",
		Short: "write the evidence for an answer, a dated ban, a case, a claim or measurements as one ZIP that anybody can check",
		Long: "Write the evidence for something that this record says as one ZIP: raw measurements, what was derived from them, the record, and proofs from the ledger. " +
			"bandish-verify checks it without trusting who made it. The same selection at the same state gives the same bytes.",
		Example:     "bandish bundle PK/x --out evidence.zip",
		Annotations: map[string]string{argumentsNote: "ID  CC/TARGET or CC/TARGET@DAY (an answer), the id of a dated ban, a case, CASE/CLAIM, or a measurement's uid"},
		Args:        someArgs("what it is to be evidence of: an answer (PK/x), or the id of a dated ban, a case, a claim (CASE/CLAIM) or a measurement"),
		RunE:        doing(func(ctx context.Context, ids []string) error { return makeBundle(ctx, env, &o, ids) }),
	}
	f := c.Flags()
	f.StringVar(&o.out, "out", "", "the `file` to write (default: named after what it is of)")
	f.IntVar(&o.most, "most", 0, "enclose no more than `N` measurements of a target in a country (default 20000)")
	f.BoolVar(&o.short, "short-sources", false, "leave folders, passwords and signatures out of the sources of documents; the ledger does not prove such documents")
	recordsFlag(c, env)
	jsonFlag(c, &o.asJSON)
	return c
}

func makeBundle(ctx context.Context, env *environment, o *bundleFlags, ids []string) error {
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	contents, err := desk.Bundle(ctx, inquiry.Wanted{IDs: ids, Public: o.short, Most: o.most})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, contents); err != nil {
		return err
	}
	name := o.out
	if name == "" {
		name = bundleFile(ids)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		return err
	}
	report := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{})
	if o.asJSON {
		err = printJSON(env.stdout, report)
	} else {
		_, err = fmt.Fprintf(env.stdout, "%s: %d bytes\n\n%s", name, b.Len(), report.Text())
	}
	if report.False() {
		return errors.Join(err, fmt.Errorf("%s was written, and its own check says that something in it is false: this archive was derived otherwise than it says (bandish rebuild), or is damaged (bandish archive check)", name))
	}
	return err
}

// bundleFile makes up a file name for a bundle.
func bundleFile(ids []string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_' {
			return r
		}
		return '-'
	}, ids[0])
	if len(ids) > 1 {
		name += fmt.Sprintf("-and-%d-more", len(ids)-1)
	}
	return "bandish-" + name + ".zip"
}

// parametersOf returns the inputs with which a data folder derives verdicts.
func parametersOf(data string) (inquiry.Parameters, error) {
	prints, err := currentFingerprintList(data)
	if err != nil {
		return inquiry.Parameters{}, err
	}
	defects, err := currentDefectList(data)
	return inquiry.Parameters{Fingerprints: prints, Defects: defects, Software: kit.Version}, err
}

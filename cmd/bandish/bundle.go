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
)

func bundleCommand() command {
	return command{
		name:  "bundle",
		usage: "CC/TARGET[@DAY]|EVENT|CASE|CASE/CLAIM|UID… [--out FILE] [--most N] [--short-sources] [--json]",
		about: "write the evidence for an answer, a dated ban, a case, a claim or measurements as one ZIP that anybody can check",
		run:   runBundle,
	}
}

func runBundle(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "bundle")
	data := dataFlag(fs)
	folder := recordsFlag(fs.String)
	out := fs.String("out", "", "the `file` to write (default: named after what it is of)")
	most := fs.Int("most", 0, "enclose no more than `N` measurements of a target in a country (default 20000)")
	short := fs.Bool("short-sources", false, "leave folders, passwords and signatures out of the sources of documents; the log does not prove such documents")
	asJSON := fs.Bool("json", false, "print the check of the bundle as JSON")
	ids, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return usageError("bundle: name what it is to be evidence of: bandish bundle PK/x, or the id of a dated ban, a case, a claim (CASE/CLAIM) or a measurement")
	}
	desk, done, err := openDesk(ctx, *data, *folder)
	if err != nil {
		return err
	}
	defer done()
	desk.Parameters = func() (inquiry.Parameters, error) { return parametersOf(*data) }
	contents, err := desk.Bundle(ctx, inquiry.Wanted{IDs: ids, Public: *short, Most: *most})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := bundle.Write(&b, contents); err != nil {
		return err
	}
	name := *out
	if name == "" {
		name = bundleFile(ids)
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		return err
	}
	report := bundle.Verify(bytes.NewReader(b.Bytes()), int64(b.Len()), bundle.Options{})
	if *asJSON {
		err = printJSON(env.stdout, report)
	} else {
		_, err = fmt.Fprintf(env.stdout, "%s: %d bytes\n\n%s", name, b.Len(), report.Text())
	}
	if report.False() {
		return errors.Join(err, fmt.Errorf("%s was written, and its own check says that something in it is false: this archive was derived otherwise than it says (bandish rebuild), or is damaged (bandish archive check)", name))
	}
	return err
}

// bundleFile names the file of a bundle.
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

// parametersOf are what the verdicts of a data folder are derived with.
func parametersOf(data string) (inquiry.Parameters, error) {
	prints, err := currentFingerprintList(data)
	if err != nil {
		return inquiry.Parameters{}, err
	}
	defects, err := currentDefectList(data)
	return inquiry.Parameters{Fingerprints: prints, Defects: defects, Software: kit.Version}, err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/notary"
	"github.com/bandish/bandish/ledger"
	"github.com/spf13/cobra"
)

// corrected is what `bandish record correct` entered.
type corrected struct {
	Of    string `json:"of"`
	Text  string `json:"text"`
	Index int64  `json:"index"` // of the entry in the ledger
}

func recordCorrectCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "correct ID TEXT",
		Short: "correct something that this record said: enter in the ledger what was wrong and what is right",
		Long: "Enter a correction in the ledger: what was wrong about an answer, a dated ban, a case, a claim or a measurement, and what is right. " +
			"The correction is shown on the page of what it corrects, and in bundles. It changes nothing else: also mend the record, or derive again. " +
			"An entry of the ledger is public and stays for ever: write nothing about persons that must not stay.",
		Example:     `bandish record correct ZZ/x@2024-02-17 "The answer of that day rested on measurements of a broken probe; it was not blocked."`,
		Annotations: map[string]string{argumentsNote: "ID    CC/TARGET or CC/TARGET@DAY (an answer), the id of a dated ban, a case, CASE/CLAIM, or a measurement's uid\nTEXT  what was wrong, and what is right"},
		Args:        twoArgs("what is corrected, and the correction in words"),
		RunE: doing(func(ctx context.Context, args []string) error {
			return recordCorrect(ctx, env, args[0], args[1], asJSON)
		}),
	}
	recordsFlag(c, env)
	jsonFlag(c, &asJSON)
	return c
}

func recordCorrect(ctx context.Context, env *environment, id, text string, asJSON bool) error {
	if text = strings.TrimSpace(text); text == "" {
		return errors.New("record correct: the correction has no words")
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return err
	}
	defer done()
	of, err := desk.Corrected(ctx, id)
	if err != nil {
		return fmt.Errorf("record correct: %w", err)
	}
	a, err := archive.Open(env.data)
	if err != nil {
		return err
	}
	at, err := a.Append(ctx, ledger.Entry{Type: ledger.TypeCorrection, Correction: &ledger.Correction{Of: of, Text: text}})
	if errors.Is(err, notary.ErrEmpty) {
		return errors.New("record correct: there is no ledger yet; it begins with the first measurement (bandish import)")
	}
	if err != nil {
		return fmt.Errorf("record correct: %w", err)
	}
	if asJSON {
		return printJSON(env.stdout, corrected{of, text, at})
	}
	_, err = fmt.Fprintf(env.stdout, "entry %d of the ledger corrects %s\n", at, of)
	return err
}

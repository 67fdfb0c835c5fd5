package main

import (
	"context"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/exchange"
	"github.com/spf13/cobra"
)

// exportFlags are the flags of `bandish record export`.
type exportFlags struct{ format, base, fact, asOf string }

func recordExportCommand(env *environment) *cobra.Command {
	var o exportFlags
	c := &cobra.Command{
		Use:   "export ID --format FORMAT",
		Short: "write a case in another format, as it was known at the end of a day",
		Example: `bandish record export pk-2024-x --format claimreview
bandish record export pk-2024-x --format annotations --fact act/letter --base https://bandish.example`,
		Annotations:       map[string]string{argumentsNote: "ID  of a case; `bandish record list` lists them"},
		ValidArgsFunction: firstOf(env.caseValues),
		Args:              oneArg("the id of a case"),
		RunE:              doing(func(ctx context.Context, args []string) error { return recordExport(ctx, env, args[0], &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "", "`format`: "+strings.Join(exchangeFormats(), ", "))
	f.StringVar(&o.base, "base", "urn:x-bandish:", "`address` of a site that shows the record; things are named by their pages there")
	f.StringVar(&o.fact, "fact", "", "only this `fact`, act/ID, sighting/ID or claim/ID (annotations, prov)")
	f.StringVar(&o.asOf, "as-of", "", "only what was known at the end of that `day`")
	c.RegisterFlagCompletionFunc("format", completing(exchangeFormats))
	recordsFlag(c, env)
	return c
}

func exchangeFormats() []string {
	var names []string
	for _, format := range exchange.Formats {
		names = append(names, format.Name)
	}
	return names
}

func recordExport(ctx context.Context, env *environment, id string, o *exportFlags) error {
	for _, format := range exchange.Formats {
		if format.Name != o.format {
			continue
		}
		edition, err := recordEdition(ctx, env, id, o)
		if err != nil {
			return err
		}
		return format.Write(edition, env.stdout)
	}
	return usageError("record export needs --format, one of %s", strings.Join(exchangeFormats(), ", "))
}

func recordEdition(ctx context.Context, env *environment, id string, o *exportFlags) (exchange.Edition, error) {
	asOf, err := casefile.ParseDate(o.asOf)
	if err != nil {
		return exchange.Edition{}, usageError("--as-of: %v", err)
	}
	r, c, err := env.openCase(id)
	if err != nil {
		return exchange.Edition{}, err
	}
	desk, done, err := env.desk(ctx)
	if err != nil {
		return exchange.Edition{}, err
	}
	defer done()
	shown, answers, err := desk.Case(ctx, c, asOf)
	if err != nil {
		return exchange.Edition{}, err
	}
	base := o.base
	if strings.HasPrefix(base, "http") && !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return exchange.Edition{Records: r, Case: shown, Answers: answers, Base: base, Revision: r.Revision(id), Copies: copyText(env.data), Fact: o.fact}, nil
}

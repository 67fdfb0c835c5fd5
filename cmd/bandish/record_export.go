package main

import (
	"context"
	"strings"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/exchange"
)

// recordExport is `bandish record export ID --format F`: a case in a format of
// others, as it was known at the end of a day.
func recordExport(ctx context.Context, env *environment, f recordFlags, id string) error {
	var names []string
	for _, format := range exchange.Formats {
		names = append(names, format.Name)
		if format.Name != *f.format {
			continue
		}
		edition, err := recordEdition(ctx, f, id)
		if err != nil {
			return err
		}
		return format.Write(edition, env.stdout)
	}
	return usageError("record export needs --format, one of %s", strings.Join(names, ", "))
}

func recordEdition(ctx context.Context, f recordFlags, id string) (exchange.Edition, error) {
	asOf, err := casefile.ParseDate(*f.asOf)
	if err != nil {
		return exchange.Edition{}, usageError("--as-of: %v", err)
	}
	r, c, err := openCase(f.records, id)
	if err != nil {
		return exchange.Edition{}, err
	}
	desk, done, err := openDesk(ctx, *f.data, *f.records)
	if err != nil {
		return exchange.Edition{}, err
	}
	defer done()
	shown, answers, err := desk.Case(ctx, c, asOf)
	if err != nil {
		return exchange.Edition{}, err
	}
	base := *f.base
	if strings.HasPrefix(base, "http") && !strings.HasSuffix(base, "/") {
		base += "/"
	}
	return exchange.Edition{Records: r, Case: shown, Answers: answers, Base: base, Revision: r.Revision(id), Copies: copyText(*f.data), Fact: *f.fact}, nil
}

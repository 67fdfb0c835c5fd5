package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/publication"
	"github.com/bandish/bandish/internal/store"
)

func publishCommand(env *environment) *cobra.Command {
	return group(&cobra.Command{Use: "publish COMMAND", Short: "let other engines ask the archive: tables of ClickHouse, or of Apache Iceberg"},
		publishClickHouseCommand(env), publishIcebergCommand(env))
}

func publishClickHouseCommand(env *environment) *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:   "clickhouse ADDRESS",
		Short: "fill the tables of a ClickHouse with the rows of the archive that it lacks",
		Example: `bandish publish clickhouse 'clickhouse://user:password@host:9000/bandish?files=/var/lib/clickhouse/user_files/bandish'
bandish status --cc ZZ --target x --store clickhouse://user:password@host:9000/bandish`,
		Annotations: map[string]string{
			argumentsNote: "ADDRESS  clickhouse://user:password@host:9000/database?files=WHERE, or http://host:8123/… for its HTTP interface; WHERE its server sees the data folder: /folder, s3://bucket/prefix or https://…",
		},
		Args: oneArg("the address of a ClickHouse"),
		RunE: doing(func(ctx context.Context, args []string) error { return publishClickHouse(ctx, env, args[0], asJSON) }),
	}
	jsonFlag(c, &asJSON)
	return c
}

func publishClickHouse(ctx context.Context, env *environment, address string, asJSON bool) error {
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	done, err := store.Publish(ctx, a, address)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, done)
	}
	fmt.Fprintf(env.stdout, "%d rows of %d segments added; %d segments were there\n", done.Rows, done.Segments, done.There)
	return nil
}

func publishIcebergCommand(env *environment) *cobra.Command {
	var at bucketFlags
	asJSON := false
	c := &cobra.Command{
		Use:   "iceberg STORE",
		Short: "keep the rows of the archive as tables of Apache Iceberg, in a folder or a bucket",
		Example: `bandish publish iceberg s3://bucket/tables
bandish publish iceberg file:///srv/tables`,
		Annotations: map[string]string{
			argumentsNote: storeArgument + "; each kind of row is a table in a folder of its name. Again after a commit it adds a snapshot; those before stay",
		},
		Args: oneArg("a store"),
		RunE: doing(func(ctx context.Context, args []string) error { return publishIceberg(ctx, env, args[0], &at, asJSON) }),
	}
	at.add(c)
	jsonFlag(c, &asJSON)
	return c
}

func publishIceberg(ctx context.Context, env *environment, to string, at *bucketFlags, asJSON bool) error {
	s, err := at.store(to)
	if err != nil {
		return err
	}
	a, err := archive.OpenExisting(env.data)
	if err != nil {
		return err
	}
	meter := env.progress(a)
	tables, err := publication.Iceberg(ctx, a, s)
	meter.end()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.stdout, tables)
	}
	if len(tables) == 0 {
		fmt.Fprintln(env.stdout, "the archive holds no rows: no table was made")
	}
	for _, t := range tables {
		fmt.Fprintf(env.stdout, "%s: %d rows in %d files, %d added, %d removed; %s\n", t.Name, t.Rows, t.Files, t.Added, t.Removed, t.Metadata)
	}
	return nil
}

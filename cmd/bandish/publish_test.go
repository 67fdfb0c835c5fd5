package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/chdb"
	"github.com/bandish/bandish/verdict"
)

// TestStatusOnClickHouse asks the lab's archive on DuckDB, and on the tables of a
// ClickHouse that the command filled.
func TestStatusOnClickHouse(t *testing.T) {
	weeks := slices.DeleteFunc(labVerdicts(), func(r verdict.Row) bool { // what the question is about: each day is a file
		return r.Time.Before(time.Date(2024, 3, 20, 0, 0, 0, 0, time.UTC)) || r.Time.After(time.Date(2024, 4, 3, 0, 0, 0, 0, time.UTC))
	})
	data, database := labData(t, weeks), "http://"+chdb.Start(t)+"/default"
	then := []string{"status", "--cc", "ZZ", "--target", "x", "--as-of", "2024-04-01", "--data", data} // from the verdicts, which only SQL reads so
	if out, code := command(t, append(then, "--store", database)...); code == 0 || !strings.Contains(out, "bandish publish clickhouse") {
		t.Errorf("before anything was published the status is %d\n%s", code, out)
	}
	out, code := command(t, "publish", "clickhouse", database+"?files="+data, "--data", data)
	if code != 0 || !strings.Contains(out, "rows of") {
		t.Fatalf("publish: %d\n%s", code, out)
	}
	want, code := command(t, then...)
	if code != 0 || !strings.Contains(want, "blocked") {
		t.Fatalf("%v: %d\n%s", then, code, want)
	}
	if got, code := command(t, append(then, "--store", database)...); code != 0 || got != want {
		t.Errorf("%v on ClickHouse: %d\n%s\non DuckDB:\n%s", then, code, got, want)
	}
}

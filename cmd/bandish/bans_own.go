package main

import (
	"context"
	"fmt"
	"time"

	"github.com/bandish/bandish/ban"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/records"
)

// ownReports are the bans of the record.
func ownReports(_ context.Context, _ string, asOf time.Time) ([]ban.Report, error) {
	record, err := casefile.Load(records.FS, "records")
	if err != nil {
		return nil, fmt.Errorf("read the record: %w", err)
	}
	return ban.FromRecord(record, asOf), nil
}

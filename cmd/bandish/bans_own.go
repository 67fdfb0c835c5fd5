package main

import (
	"context"
	"time"

	"github.com/bandish/bandish/ban"
)

// ownReports are the bans of the record and of the archive's events.
func ownReports(_ context.Context, _ string, _ time.Time) ([]ban.Report, error) {
	return nil, nil
}

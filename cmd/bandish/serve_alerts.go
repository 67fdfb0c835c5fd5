package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/alert"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/store"
)

// newSubscribers returns the store of those who asked this server for alerts.
func newSubscribers(env *environment, data, base, from, server string) (*alert.Subscribers, error) {
	s := &alert.Subscribers{Dir: filepath.Join(data, "alerts"), BaseURL: strings.TrimSuffix(base, "/"), Now: time.Now}
	if from == "" {
		return s, nil
	}
	mailTo := func(to string) (*alert.Mail, error) {
		return alert.NewMail(server, from, to, env.getenv("BANDISH_SMTP_USER"), env.getenv("BANDISH_SMTP_PASSWORD"), true, time.Now)
	}
	if _, err := mailTo(from); err != nil {
		return nil, usageError("--mail-from, --smtp: %v", err)
	}
	s.SendMail = func(ctx context.Context, to, subject, text, stop string) error {
		m, err := mailTo(to)
		if err != nil {
			return err
		}
		return m.Text(ctx, subject, text, stop)
	}
	return s, nil
}

// keepTelling announces what changed and tells those who asked. It uses the same journal
// as `bandish watch`.
func keepTelling(ctx context.Context, desk *inquiry.Desk, who *alert.Subscribers, log *slog.Logger) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		if err := tell(ctx, desk, who); err != nil && ctx.Err() == nil {
			log.Error("tell what changed", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func tell(ctx context.Context, desk *inquiry.Desk, who *alert.Subscribers) error {
	m, err := desk.Store.Archive().Manifest()
	if err != nil || undetected(m) { // an event that is not detected yet is not withdrawn
		return err
	}
	found, err := desk.Events(ctx, store.Filter{}, time.Time{})
	if err != nil {
		return err
	}
	channels, err := who.Channels()
	if err != nil {
		return err
	}
	_, _, err = alert.Round(ctx, who.Dir, found.Events, channels, false, -1, time.Now, alert.Sleep)
	return err
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/internal/alert"
	"github.com/bandish/bandish/internal/target"
	"github.com/spf13/cobra"
)

// watchFlags are the flags of `bandish watch`.
type watchFlags struct {
	cc, target           string
	every                time.Duration
	once, backlog        bool
	inputs, hooks, mails []string
	secretFile           string
	mailFrom, smtp       string
	private              bool
}

func watchCommand(env *environment) *cobra.Command {
	var o watchFlags
	c := &cobra.Command{
		Use:   "watch",
		Short: "look for events again and again; print, post and mail what is new, revised or over",
		Example: `bandish watch --cc PK --webhook https://alerts.example/bandish --secret-file secret
bandish watch --once --input counts.csv`,
		Args: noArgs,
		RunE: doing(func(ctx context.Context, _ []string) error { return watch(ctx, env, &o) }),
	}
	f := c.Flags()
	f.StringVar(&o.cc, "cc", "", "only this `country`")
	f.StringVar(&o.target, "target", "", "only this `platform` or host")
	f.DurationVar(&o.every, "every", 10*time.Minute, "look again after this `time`")
	f.BoolVar(&o.once, "once", false, "look once and stop")
	f.BoolVar(&o.backlog, "backlog", false, "bring the channels all that the ledger already holds, too")
	f.StringArrayVar(&o.inputs, "input", nil, "look at this `file` and not at the archive (may be repeated)")
	f.StringArrayVar(&o.hooks, "webhook", nil, "post alerts to this `address` (may be repeated)")
	f.StringVar(&o.secretFile, "secret-file", "", "sign what is posted with the secret in this `file`")
	f.StringArrayVar(&o.mails, "mail-to", nil, "mail alerts to this `address` (may be repeated)")
	f.StringVar(&o.mailFrom, "mail-from", "", "sender's `address`")
	f.StringVar(&o.smtp, "smtp", "localhost:25", "mail server, as `host:port`; BANDISH_SMTP_USER and BANDISH_SMTP_PASSWORD log in")
	privateFlag(c, &o.private)
	return c
}

// watcher is one watch.
type watcher struct {
	env      *environment
	registry *target.Registry
	query    eventsQuery
	last     int // number of the alert that was printed last; -1 before the first look
	channels []alert.Channel
	backlog  bool
	out      *json.Encoder
}

func watch(ctx context.Context, env *environment, o *watchFlags) error {
	if o.every < time.Second {
		return usageError("--every %s is too often: want at least a second", o.every)
	}
	w := &watcher{env: env, query: eventsQuery{cc: strings.ToUpper(o.cc), inputs: o.inputs}, out: json.NewEncoder(lossless(env.stdout))}
	w.out.SetEscapeHTML(false)
	var err error
	if w.registry, err = loadTargets(); err != nil {
		return err
	}
	if o.target != "" {
		if w.query.target, _, err = w.registry.Resolve(o.target); err != nil {
			return usageError("%v", err)
		}
	}
	if w.channels, err = alertChannels(env, o); err != nil {
		return err
	}
	w.backlog, w.last = o.backlog, -1
	for i, c := range w.channels {
		w.channels[i] = alert.About{Channel: c, Topic: w.topic()}
	}
	return w.run(ctx, o.every, o.once)
}

// folder returns the folder of this watch's journal. Watches of the archive share one with
// the server. A watch of files has its own for each country and target: an event that a
// watch does not see counts as withdrawn.
func (w *watcher) folder() string {
	if len(w.query.inputs) == 0 {
		return "alerts"
	}
	name := "alerts-input"
	for _, part := range []string{w.query.cc, w.query.target} {
		if part != "" {
			name += "-" + strings.ToLower(part)
		}
	}
	return name
}

// topic says what the watch reports.
func (w *watcher) topic() alert.Topic {
	return alert.Topic{CC: w.query.cc, Target: w.query.target}
}

func alertChannels(env *environment, o *watchFlags) ([]alert.Channel, error) {
	var out []alert.Channel
	var secret []byte
	if o.secretFile != "" {
		text, err := os.ReadFile(o.secretFile)
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		if secret = []byte(strings.TrimSpace(string(text))); len(secret) < 16 {
			return nil, usageError("the secret in %s is too short: it needs at least 16 characters", o.secretFile)
		}
	}
	for _, h := range o.hooks {
		c, err := alert.NewWebhook(h, secret, o.private, time.Now)
		if err != nil {
			return nil, usageError("%v", err)
		}
		out = append(out, c)
	}
	for _, to := range o.mails {
		c, err := alert.NewMail(o.smtp, o.mailFrom, to, env.getenv("BANDISH_SMTP_USER"), env.getenv("BANDISH_SMTP_PASSWORD"), o.private, time.Now)
		if err != nil {
			return nil, usageError("--mail-to, --mail-from, --smtp: %v", err)
		}
		out = append(out, c)
	}
	return out, nil
}

func (w *watcher) run(ctx context.Context, every time.Duration, once bool) error {
	for {
		err := w.look(ctx)
		if once || ctx.Err() != nil {
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		if err != nil { // it may work again tomorrow
			fmt.Fprintf(w.env.stderr, "bandish: %v\n", err)
		}
		if alert.Sleep(ctx, every) != nil {
			return nil
		}
	}
}

// look detects events, announces what changed, and delivers the alerts.
func (w *watcher) look(ctx context.Context) error {
	var found event.Result
	var err error
	if len(w.query.inputs) > 0 {
		found, err = eventsOfFiles(w.env, w.registry, &w.query)
	} else {
		found, err = eventsOfArchive(ctx, w.env, &eventsQuery{})
	}
	if err != nil {
		return err
	}
	list := w.query.filter(found.Events)
	if len(w.query.inputs) == 0 {
		list = found.Events
	}
	news, last, err := alert.Round(ctx, filepath.Join(w.env.data, w.folder()), list, w.channels, w.backlog, w.last, time.Now, alert.Sleep)
	w.last = last
	for _, a := range news {
		if !w.topic().Wants(&a) {
			continue
		}
		if err := w.out.Encode(a); err != nil {
			return err
		}
	}
	return err
}

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
	"github.com/bandish/bandish/targets"
)

func watchCommand() command {
	return command{
		name:  "watch",
		usage: "[--cc CC] [--target T] [--every 10m | --once] [--webhook URL]… [--mail-to ADDRESS]… [--input FILE]…",
		about: "look for events again and again; print, post and mail what is new, revised or over",
		run:   runWatch,
	}
}

// watcher is one watch.
type watcher struct {
	env      *environment
	registry *target.Registry
	query    eventsQuery
	data     string
	ledger   *alert.Ledger
	channels []alert.Channel
	out      *json.Encoder
}

func runWatch(ctx context.Context, env *environment, args []string) error {
	fs := newFlags(env, "watch")
	data := dataFlag(fs)
	cc := fs.String("cc", "", "only this `country`")
	targetName := fs.String("target", "", "only this `platform` or host")
	every := fs.Duration("every", 10*time.Minute, "look again after this `time`")
	once := fs.Bool("once", false, "look once and stop")
	backlog := fs.Bool("backlog", false, "bring the channels all that the ledger already holds, too")
	var inputs, hooks, mails repeated
	fs.Var(&inputs, "input", "look at this `file` and not at the archive (may be repeated)")
	fs.Var(&hooks, "webhook", "post alerts to this `address` (may be repeated)")
	secretFile := fs.String("secret-file", "", "sign what is posted with the secret in this `file`")
	fs.Var(&mails, "mail-to", "mail alerts to this `address` (may be repeated)")
	mailFrom := fs.String("mail-from", "", "sender's `address`")
	server := fs.String("smtp", "localhost:25", "mail server, as `host:port`; BANDISH_SMTP_USER and BANDISH_SMTP_PASSWORD log in")
	private := privateFlag(fs)
	rest, err := parseFlags(fs, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usageError("watch: unexpected %q", rest[0])
	}
	if *every < time.Second {
		return usageError("--every %s is too often: a second at least", *every)
	}
	w := &watcher{env: env, data: *data, query: eventsQuery{cc: strings.ToUpper(*cc), inputs: inputs}, out: json.NewEncoder(lossless(env.stdout))}
	w.out.SetEscapeHTML(false)
	if w.registry, err = target.Load(targets.FS); err != nil {
		return fmt.Errorf("read the target registry: %w", err)
	}
	if *targetName != "" {
		if w.query.target, _, err = w.registry.Resolve(*targetName); err != nil {
			return usageError("%v", err)
		}
	}
	if w.channels, err = alertChannels(env, hooks, *secretFile, mails, *mailFrom, *server, *private); err != nil {
		return err
	}
	if w.ledger, err = alert.Open(filepath.Join(*data, w.folder())); err != nil {
		return err
	}
	defer w.ledger.Close()
	for _, c := range w.channels {
		if err := w.ledger.Subscribe(c, *backlog, time.Now()); err != nil {
			return err
		}
	}
	return w.run(ctx, *every, *once)
}

// folder is where the ledger of this watch lies: watches of other countries or
// targets keep ledgers of their own, since each takes what it does not see for
// withdrawn.
func (w *watcher) folder() string {
	name := "alerts"
	for _, part := range []string{w.query.cc, w.query.target} {
		if part != "" {
			name += "-" + strings.ToLower(part)
		}
	}
	return name
}

func alertChannels(env *environment, hooks []string, secretFile string, mails []string, from, server string, private bool) ([]alert.Channel, error) {
	var out []alert.Channel
	var secret []byte
	if secretFile != "" {
		text, err := os.ReadFile(secretFile)
		if err != nil {
			return nil, fmt.Errorf("read the secret: %w", err)
		}
		if secret = []byte(strings.TrimSpace(string(text))); len(secret) < 16 {
			return nil, usageError("the secret in %s is too short: 16 characters at least", secretFile)
		}
	}
	for _, h := range hooks {
		c, err := alert.NewWebhook(h, secret, private, time.Now)
		if err != nil {
			return nil, usageError("%v", err)
		}
		out = append(out, c)
	}
	for _, to := range mails {
		c, err := alert.NewMail(server, from, to, env.getenv("BANDISH_SMTP_USER"), env.getenv("BANDISH_SMTP_PASSWORD"), private, time.Now)
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
		if err != nil { // tomorrow it may work again
			fmt.Fprintf(w.env.stderr, "bandish: %v\n", err)
		}
		if alert.Sleep(ctx, every) != nil {
			return nil
		}
	}
}

// look detects, announces what changed, and delivers.
func (w *watcher) look(ctx context.Context) error {
	var found event.Result
	var err error
	if len(w.query.inputs) > 0 {
		found, err = eventsOfFiles(w.env, w.registry, w.data, &w.query)
	} else {
		found, err = eventsOfArchive(ctx, w.data, &w.query)
	}
	if err != nil {
		return err
	}
	for _, r := range event.Revise(w.ledger.Announced(), w.query.filter(found.Events)) {
		a, err := w.ledger.Append(time.Now(), r)
		if err != nil {
			return err
		}
		if err := w.out.Encode(a); err != nil {
			return err
		}
	}
	return w.ledger.Deliver(ctx, w.channels, time.Now, alert.Sleep)
}

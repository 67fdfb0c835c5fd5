package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bandish/bandish/internal/dial"
	"github.com/google/renameio/v2"
)

// Subscriber is somebody who asked a server for alerts. The address is all that is kept of
// a person. It stands in one file that only the server reads, and in no log and no record
// of deliveries. It is deleted when they stop, or if they do not confirm.
type Subscriber struct {
	ID        string    `json:"id"`
	Mail      string    `json:"mail,omitempty"`    // exactly one of the two is set
	Webhook   string    `json:"webhook,omitempty"` //
	Secret    string    `json:"secret,omitempty"`  // signs what a webhook gets
	Topic     Topic     `json:"topic"`
	Confirmed bool      `json:"confirmed"`
	Asked     time.Time `json:"asked"` // the day of the request
}

// Subscribers keeps subscribers in a file. Its fields must be set before the first use.
// Many goroutines may call its methods.
type Subscribers struct {
	Dir     string // folder of the journal
	BaseURL string // address of the server, for links
	Now     func() time.Time

	// SendMail sends a text to an address. It is nil if the server sends no mail.
	SendMail func(ctx context.Context, to, subject, text, stop string) error
	// Dial says where webhooks may lead. Nil allows only the public internet: strangers
	// must not reach the server's own network.
	Dial *dial.Policy

	mu   sync.Mutex // guards the file and what follows
	sent []time.Time
}

// Limits for strangers.
const (
	maxSubscribers = 10_000
	maxMailsAnHour = 60 // mails that ask for confirmation, to all receivers together
	confirmWithin  = 48 * time.Hour
)

// ErrRefused wraps the reasons why a subscription is refused. Their text is for the
// reader.
var ErrRefused = errors.New("refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

func (s *Subscribers) file() string { return filepath.Join(s.Dir, "subscribers.json") }

// load reads all subscribers that still count. The caller holds mu.
func (s *Subscribers) load() ([]Subscriber, error) {
	b, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var list []Subscriber
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read the subscribers: %w", err)
	}
	return slices.DeleteFunc(list, func(x Subscriber) bool { return !x.Confirmed && s.Now().Sub(x.Asked) > confirmWithin+24*time.Hour }), nil
}

// save replaces the file. Nobody else may read it. The caller holds mu.
func (s *Subscribers) save(list []Subscriber) error {
	b, err := json.Marshal(list)
	if err == nil {
		err = os.MkdirAll(s.Dir, 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(s.file(), b, 0o600, renameio.WithTempDir(s.Dir))
	}
	if err != nil {
		return fmt.Errorf("keep the subscribers: %w", err)
	}
	return nil
}

// token returns the secret word in a subscriber's links. It is a hash of the id, under a
// key that only this server knows.
func (s *Subscribers) token(id string) (string, error) {
	name := filepath.Join(s.Dir, "subscribers.key")
	key, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(s.Dir, 0o755); err == nil {
			key = []byte(rand.Text())
			err = os.WriteFile(name, key, 0o600)
		}
	}
	if err != nil || len(key) == 0 {
		return "", fmt.Errorf("read the key of the subscribers: %w", err)
	}
	m := hmac.New(sha256.New, key)
	io.WriteString(m, id)
	return hex.EncodeToString(m.Sum(nil)[:20]), nil
}

// Ask takes a request for alerts. A receiver of mail gets a link to confirm it. A webhook
// is asked at once to repeat a word, which proves that it agrees; then it is confirmed.
// Ask returns the subscriber and, for a webhook, the token with which to stop. A receiver
// of mail gets that only by mail. The error wraps ErrRefused if the request cannot be
// granted.
func (s *Subscribers) Ask(ctx context.Context, to Subscriber) (Subscriber, string, error) {
	to.ID, to.Confirmed, to.Asked = rand.Text()[:16], false, s.Now().UTC().Truncate(24*time.Hour)
	s.mu.Lock()
	token, err := s.token(to.ID)
	s.mu.Unlock()
	switch {
	case err != nil:
		return to, "", err
	case (to.Mail == "") == (to.Webhook == ""):
		return to, "", refused("an address of mail or of a webhook is needed, one of the two")
	case to.Mail != "" && s.SendMail == nil:
		return to, "", refused("this server sends no mail: give a webhook, or read the feeds")
	case to.Mail != "":
		if _, err := NewMail("localhost:25", to.Mail, to.Mail, "", "", false, s.Now); err != nil || strings.ContainsAny(to.Mail, "\r\n<> ") || len(to.Mail) > 254 {
			return to, "", refused("this is no address of mail")
		}
	default:
		if u, err := url.Parse(to.Webhook); err != nil || u.Scheme != "https" && !s.dial().Private || len(to.Webhook) > 2000 {
			return to, "", refused("the address of a webhook begins with https://")
		}
		to.Secret = rand.Text()
		if err := s.verify(ctx, &to); err != nil {
			return to, "", err
		}
		to.Confirmed = true
	}
	if err := s.add(to); err != nil {
		return to, "", err
	}
	if to.Mail == "" {
		return to, token, nil
	}
	link := s.link("confirm", to.ID, token)
	text := "Somebody, we think you, asked for alerts of internet bans:" + orAll(to.Topic) + ".\n\nTo get them, open this page and press the button within two days:\n" + link +
		"\n\nIf it was not you, do nothing: your address is deleted then, and no further mail comes.\n"
	if err := s.SendMail(ctx, to.Mail, "Confirm alerts of internet bans", text, s.link("stop", to.ID, token)); err != nil {
		return to, "", errors.Join(refused("the mail could not be sent; try again later"), s.Stop(to.ID, token))
	}
	return to, "", nil
}

func orAll(t Topic) string {
	if t.String() == "" {
		return " all of them"
	}
	return t.String()
}

// link returns the address of a page of the server for a subscriber.
func (s *Subscribers) link(what, id, token string) string {
	return s.BaseURL + "/alerts/" + what + "?" + url.Values{"id": {id}, "token": {token}}.Encode()
}

// add keeps a request, within the limits for strangers.
func (s *Subscribers) add(to Subscriber) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.load()
	if err != nil {
		return err
	}
	now := s.Now()
	s.sent = slices.DeleteFunc(s.sent, func(t time.Time) bool { return now.Sub(t) > time.Hour })
	waiting := slices.ContainsFunc(list, func(x Subscriber) bool { return to.Mail != "" && x.Mail == to.Mail && !x.Confirmed })
	switch {
	case len(list) >= maxSubscribers:
		return refused("this server has as many subscribers as it takes")
	case to.Mail != "" && (len(s.sent) >= maxMailsAnHour || waiting):
		return refused("a mail to confirm was sent lately: look for it, or try again later")
	}
	if to.Mail != "" {
		s.sent = append(s.sent, now)
	}
	return s.save(append(list, to))
}

// change applies fn to the subscriber with this id and token. If fn returns nil, the
// subscriber is removed.
func (s *Subscribers) change(id, token string, fn func(Subscriber) *Subscriber) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.load()
	if err != nil {
		return err
	}
	right, err := s.token(id)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].ID != id || !hmac.Equal([]byte(right), []byte(token)) {
			continue
		}
		if x := fn(list[i]); x != nil {
			list[i] = *x
		} else {
			list = slices.Delete(list, i, i+1)
		}
		return s.save(list)
	}
	return refused("there is no such subscription: it was stopped, or was not confirmed in time")
}

// Confirm starts the alerts of a request.
func (s *Subscribers) Confirm(id, token string) error {
	return s.change(id, token, func(x Subscriber) *Subscriber { x.Confirmed = true; return &x })
}

// Stop ends the alerts and deletes the address.
func (s *Subscribers) Stop(id, token string) error {
	return s.change(id, token, func(Subscriber) *Subscriber { return nil })
}

// verify asks a webhook to repeat a word. The request is signed as alerts will be.
func (s *Subscribers) verify(ctx context.Context, to *Subscriber) error {
	word := rand.Text()
	body, err := json.Marshal(map[string]string{"type": "verify", "challenge": word, "secret": to.Secret})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.Webhook, bytes.NewReader(body))
	if err != nil {
		return refused("the address of the webhook cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "bandish")
	req.Header.Set("Bandish-Signature", Sign([]byte(to.Secret), body, s.Now()))
	resp, err := s.client().Do(req)
	if err != nil {
		return refused("the webhook did not answer")
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil || resp.StatusCode/100 != 2 || !strings.Contains(string(got), word) {
		return refused("the webhook must answer 2xx and repeat the challenge that it was sent")
	}
	return nil
}

func (s *Subscribers) dial() *dial.Policy {
	if s.Dial == nil {
		return &dial.Policy{}
	}
	return s.Dial
}

// client returns a client that follows no redirects, and that reaches only what Dial
// allows.
func (s *Subscribers) client() *http.Client {
	return &http.Client{Timeout: 15 * time.Second, Transport: s.dial().Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Channels returns a channel for each confirmed subscriber.
func (s *Subscribers) Channels() ([]Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.load()
	if err != nil {
		return nil, err
	}
	var out []Channel
	for _, x := range list {
		if !x.Confirmed {
			continue
		}
		if x.Webhook == "" {
			if s.SendMail != nil {
				out = append(out, &person{s: s, Subscriber: x})
			}
			continue
		}
		hook, err := NewWebhook(x.Webhook, []byte(x.Secret), false, s.Now)
		if err != nil {
			continue // the address was checked when it was taken
		}
		hook.client = s.client()
		out = append(out, &person{s: s, Subscriber: x, hook: hook})
	}
	return out, nil
}

// person is the channel to a subscriber. Neither its name nor the record of its deliveries
// contains an address.
type person struct {
	Subscriber
	s    *Subscribers
	hook *Webhook
}

func (p *person) Name() string { return "subscriber " + p.ID }

func (p *person) Wants(a *Alert) bool { return p.Topic.Wants(a) }

func (p *person) Send(ctx context.Context, a Alert) (string, error) {
	if p.hook != nil {
		if _, err := p.hook.Send(ctx, a); err != nil {
			return "", errors.New("the webhook did not take it")
		}
		return "taken", nil
	}
	p.s.mu.Lock()
	token, err := p.s.token(p.ID)
	p.s.mu.Unlock()
	if err != nil {
		return "", err
	}
	stop := p.s.link("stop", p.ID, token)
	if err := p.s.SendMail(ctx, p.Mail, Subject(a), Text(a)+"\nNo more of these: "+stop+"\n", stop); err != nil {
		return "", errors.New("the mail server did not take it")
	}
	return "sent", nil
}

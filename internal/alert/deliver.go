package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"net/smtp"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/dial"
)

// Channel is a way to a receiver. Name identifies it in the record of deliveries and
// contains no secret.
//
// If a channel has a method Wants(*Alert) bool, it only gets the alerts that it wants.
type Channel interface {
	Name() string
	Send(ctx context.Context, a Alert) (detail string, err error)
}

// Limits of deliveries: how often an alert is tried in one round, and in all.
const (
	attemptsARound = 4
	giveUp         = 30 // attempts in all rounds together
)

// Deliver tries, for each channel and in order, the alerts that it has not got yet, and
// records each attempt. A channel gets only what was announced after it subscribed. An
// alert that fails holds back the later ones of its channel, so that they come in order;
// after giveUp attempts it is skipped. sleep waits between attempts.
func (l *Journal) Deliver(ctx context.Context, channels []Channel, now func() time.Time, sleep func(context.Context, time.Duration) error) error {
	var errs []error
	for _, c := range channels {
		since, ok := l.since[c.Name()]
		if !ok {
			errs = append(errs, fmt.Errorf("deliver to %s: it is not subscribed", c.Name()))
			continue
		}
		picky, _ := c.(interface{ Wants(*Alert) bool })
		for _, a := range l.list {
			if picky != nil && !picky.Wants(&a) || a.Seq <= since || l.delivered[c.Name()][a.Seq] || l.attempts[c.Name()][a.Seq] >= giveUp {
				continue
			}
			if err := l.deliver(ctx, c, a, now, sleep); err != nil {
				errs = append(errs, err)
				break
			}
		}
	}
	return errors.Join(errs...)
}

// Subscribe records a new channel. It then gets everything that is announced from now on,
// also after a crash; with backlog, everything in the journal.
func (l *Journal) Subscribe(c Channel, backlog bool, now time.Time) error {
	since, known := l.since[c.Name()]
	if known && (!backlog || since == 0) {
		return nil
	}
	d := Delivery{Time: now.UTC().Truncate(time.Second), Channel: c.Name(), Seq: len(l.list), OK: true, Detail: subscribed}
	if backlog {
		d.Seq = 0
	}
	return l.record(d)
}

func (l *Journal) record(d Delivery) error {
	line, err := json.Marshal(d)
	if err == nil {
		err = appendLine(l.deliveries, line)
	}
	if err != nil {
		return fmt.Errorf("record delivery: %w", err)
	}
	l.note(d)
	return nil
}

func (l *Journal) deliver(ctx context.Context, c Channel, a Alert, now func() time.Time, sleep func(context.Context, time.Duration) error) error {
	wait := time.Second
	var err error
	for range attemptsARound {
		var detail string
		detail, err = c.Send(ctx, a)
		d := Delivery{Time: now().UTC().Truncate(time.Second), Seq: a.Seq, Channel: c.Name(), Attempt: l.attempts[c.Name()][a.Seq] + 1, OK: err == nil, Detail: detail}
		if err != nil {
			d.Detail = err.Error()
		}
		if rerr := l.record(d); rerr != nil {
			return rerr
		}
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || d.Attempt >= giveUp {
			break
		}
		if serr := sleep(ctx, wait); serr != nil {
			break
		}
		wait *= 4
	}
	return fmt.Errorf("deliver alert %d to %s: %w", a.Seq, c.Name(), err)
}

// Sleep waits for d, or until ctx is done; then it returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Webhook posts alerts as JSON.
type Webhook struct {
	url    *url.URL
	secret []byte
	client *http.Client
	now    func() time.Time
}

// NewWebhook checks the address. With a secret, requests have the header
//
//	Bandish-Signature: t=UNIX,v1=HEX
//
// HEX is the HMAC-SHA256, under the secret, of UNIX, a dot and the body. With private, the
// name may lead to an address that is not on the public internet.
func NewWebhook(address string, secret []byte, private bool, now func() time.Time) (*Webhook, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, fmt.Errorf("webhook %q: it must be an address that begins with https:// or http://", address)
	}
	client := &http.Client{Timeout: 15 * time.Second, Transport: dial.For(u.Hostname(), private).Proxied(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Webhook{url: u, secret: secret, client: client, now: now}, nil
}

// Name is the address without query and password, which may be secret. A hash tells apart
// addresses that differ only there.
func (w *Webhook) Name() string {
	u := *w.url
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if u.String() == w.url.String() {
		return "webhook " + u.String()
	}
	h := sha256.Sum256([]byte(w.url.String()))
	return "webhook " + u.String() + " #" + hex.EncodeToString(h[:4])
}

// Sign returns the value of the signature header.
func Sign(secret, body []byte, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	m := hmac.New(sha256.New, secret)
	io.WriteString(m, t+".")
	m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}

// Send posts the alert. Any status 2xx is success.
func (w *Webhook) Send(ctx context.Context, a Alert) (string, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return "", errors.New("the address cannot be used")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "bandish")
	req.Header.Set("Bandish-Alert", strconv.Itoa(a.Seq))
	if len(w.secret) > 0 {
		req.Header.Set("Bandish-Signature", Sign(w.secret, body, w.now()))
	}
	resp, err := w.client.Do(req)
	if err != nil {
		var ue *url.Error // its text contains the whole address
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "", err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("answered %s", resp.Status)
	}
	return resp.Status, nil
}

// Mail sends alerts by SMTP, with STARTTLS if the server offers it.
type Mail struct {
	server         string // host:port
	from, to       mail.Address
	user, password string
	dialer         *net.Dialer
	now            func() time.Time
}

// NewMail checks the addresses. User and password are only sent over TLS or to this
// machine. private is as in NewWebhook.
func NewMail(server, from, to, user, password string, private bool, now func() time.Time) (*Mail, error) {
	f, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", from, err)
	}
	t, err := mail.ParseAddress(to)
	if err != nil {
		return nil, fmt.Errorf("receiver %q: %w", to, err)
	}
	if _, _, err := net.SplitHostPort(server); err != nil {
		return nil, fmt.Errorf("mail server %q: write it as host:port", server)
	}
	return &Mail{server: server, from: *f, to: *t, user: user, password: password, dialer: dial.For(server, private).Dialer(), now: now}, nil
}

// Name names the receiver.
func (m *Mail) Name() string { return "mail " + m.to.Address }

// Send gives the alert to the mail server.
func (m *Mail) Send(ctx context.Context, a Alert) (string, error) {
	return m.hand(ctx, m.message(Subject(a), Text(a), fmt.Sprintf("%d.%s", a.Seq, hex.EncodeToString([]byte(a.ID))), ""))
}

// Text sends a text that is not an alert. stop is the address of a page that ends further
// mails.
func (m *Mail) Text(ctx context.Context, subject, text, stop string) error {
	_, err := m.hand(ctx, m.message(subject, text, rand.Text(), stop))
	return err
}

// hand gives a message to the mail server.
func (m *Mail) hand(ctx context.Context, message []byte) (string, error) {
	conn, err := m.dialer.DialContext(ctx, "tcp", m.server)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute)) // the network's clock, not the journal's
	host, _, _ := net.SplitHostPort(m.server)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host}); err != nil {
			return "", err
		}
	}
	if m.user != "" {
		if err := c.Auth(smtp.PlainAuth("", m.user, m.password, host)); err != nil {
			return "", err
		}
	}
	if err := c.Mail(m.from.Address); err != nil {
		return "", err
	}
	if err := c.Rcpt(m.to.Address); err != nil {
		return "", err
	}
	w, err := c.Data()
	if err != nil {
		return "", err
	}
	if _, err := w.Write(message); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	c.Quit()
	return "accepted by " + m.server, nil
}

// message writes the mail in plain text.
func (m *Mail) message(subject, text, id, stop string) []byte {
	var b bytes.Buffer
	header := func(name, value string) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, strings.NewReplacer("\r", " ", "\n", " ").Replace(value))
	}
	header("From", m.from.String())
	header("To", m.to.String())
	header("Subject", mime.QEncoding.Encode("utf-8", subject))
	header("Date", m.now().UTC().Format(time.RFC1123Z))
	header("Message-ID", "<"+id+"@bandish>")
	if stop != "" { // RFC 8058
		header("List-Unsubscribe", "<"+stop+">")
		header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "8bit")
	b.WriteString("\r\n")
	b.WriteString(strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n"))
	return b.Bytes()
}

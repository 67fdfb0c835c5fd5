package kit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// consent is what a person agreed to. It is kept so that it is asked once.
type consent struct {
	Text   int       `json:"text"` // version of the text that was shown
	Given  time.Time `json:"given"`
	Submit bool      `json:"submit"`

	// Collector is the collector that the last answer about submitting was for.
	Collector string `json:"collector,omitempty"`
}

// consentText is the version of the text below. If the text changes, people are asked
// again.
const consentText = 1

const consentWords = `This program measures whether sites can be reached from your network, and how
they are blocked. Before the first run, know what it does:

  - It connects to the sites you name, to public resolvers, and to a few
    ordinary servers, with and without the names of those sites. Whoever runs
    or watches your network can see that, and may take notice. In some places
    that carries a risk. --passive does only what a browser does.
  - It asks a test helper to look at the same site from elsewhere: the helper
    learns which site, and sees your address while it answers.
  - It may load up to 2 MiB from a site, several times, to see whether it is slowed.
  - Results hold the time, your network (AS number) and your country, and what
    servers answered. Your address is removed. They stay on this machine unless
    you agree to submit them.

`

// errNoConsent is the error of a run without consent.
var errNoConsent = errors.New("no consent: nothing was measured; answer yes, or give --yes in a script")

func (o *options) consentFile() string { return filepath.Join(o.data, "probe", "consent.json") }

// loadConsent reads the kept consent, nil if there is none.
func (o *options) loadConsent() (*consent, error) {
	raw, err := os.ReadFile(o.consentFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read consent: %w", err)
	}
	c := new(consent)
	if err := json.Unmarshal(raw, c); err != nil || c.Text != consentText {
		return nil, nil // it is asked again
	}
	return c, nil
}

// consented asks once, and returns whether results may be submitted.
func (o *options) consented(env *Env) (submit bool, err error) {
	c, err := o.loadConsent()
	if err != nil {
		return false, err
	}
	in := bufio.NewReader(env.Stdin)
	switch {
	case c != nil && (o.collector == "" || o.submit || c.Collector == o.collector):
		return o.submit || c.Submit && o.collector != "", nil
	case o.yes:
		return o.submit, nil
	case c == nil:
		fmt.Fprint(env.Stderr, consentWords)
		if !ask(env, in, "Measure? Type yes to go on: ") {
			return false, &ExitError{Code: 2, Err: errNoConsent}
		}
		c = &consent{Text: consentText, Given: env.Now().UTC()}
	}
	// A yes to one server is not a yes to another.
	c.Submit, c.Collector = o.submit, o.collector
	if o.collector != "" && !o.submit {
		c.Submit = ask(env, in, "Submit results to "+o.collector+"? Type yes to agree: ")
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return false, fmt.Errorf("keep consent: %w", err)
	}
	if err := writeDurably(o.consentFile(), append(raw, '\n')); err != nil {
		return false, fmt.Errorf("keep consent: %w", err)
	}
	return c.Submit, nil
}

func ask(env *Env, in *bufio.Reader, question string) bool {
	fmt.Fprint(env.Stderr, question)
	answer, err := in.ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(env.Stderr)
		return false
	}
	return strings.EqualFold(strings.TrimSpace(answer), "yes")
}

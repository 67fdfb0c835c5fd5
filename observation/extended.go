package observation

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/bandish/bandish/measurement"
)

// ExtendedError is what a resolver says of its own answer (RFC 8914).
type ExtendedError struct {
	Code   uint16 // in IANA's registry: 15 blocked, 16 censored, 17 filtered, 18 prohibited
	Engine string // the resolver, as in Row.DNSEngines
	Text   string // the resolver's words, for people; at most 256 bytes, often empty
}

// The codes with which a resolver says that it withholds a name.
const (
	ExtendedBlocked    = 15 // by a list of the resolver's operator
	ExtendedCensored   = 16 // by a list that somebody else makes the operator use
	ExtendedFiltered   = 17 // at the wish of its client
	ExtendedProhibited = 18 // the resolver does not serve this client
)

// String writes the form of Row.DNSExtended: CODE;ENGINE;TEXT.
func (e ExtendedError) String() string {
	return strconv.Itoa(int(e.Code)) + ";" + e.Engine + ";" + e.Text
}

// ParseExtendedError reads what String wrote; false where it cannot.
func ParseExtendedError(s string) (ExtendedError, bool) {
	code, rest, _ := strings.Cut(s, ";")
	engine, text, ok := strings.Cut(rest, ";")
	n, err := strconv.ParseUint(code, 10, 16)
	return ExtendedError{uint16(n), engine, text}, ok && err == nil
}

const (
	optionExtendedError = 15 // of EDNS0
	maxExtendedErrors   = 8  // of one message
	maxExtendedText     = 256
)

// extendedErrors reads the extended errors in a query's raw answer, in the form of
// Row.DNSExtended. A message that cannot be read has none.
func (a *assembly) extendedErrors(q *measurement.Query, engine string) []string {
	if !hasAdditional(q.RawResponse) {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(q.RawResponse)
	if err != nil {
		return nil
	}
	var p dnsmessage.Parser
	if _, err := p.Start(raw); err != nil {
		return nil
	}
	if p.SkipAllQuestions() != nil || p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return nil
	}
	var all []string
	for len(all) < maxExtendedErrors {
		h, err := p.AdditionalHeader()
		if err != nil {
			break
		}
		if h.Type != dnsmessage.TypeOPT {
			if p.SkipAdditional() != nil {
				break
			}
			continue
		}
		opt, err := p.OPTResource()
		if err != nil {
			break
		}
		for _, o := range opt.Options {
			if o.Code == optionExtendedError && len(o.Data) >= 2 && len(all) < maxExtendedErrors {
				e := ExtendedError{uint16(o.Data[0])<<8 | uint16(o.Data[1]), engine, printable(o.Data[2:])}
				all = append(all, a.keep(e.String()))
			}
		}
	}
	return all
}

// hasAdditional reports whether the header of a message, in base64, counts records
// in its additional section. Most answers have none and need not be decoded.
func hasAdditional(raw string) bool {
	const head = 16 // base64 characters, for the 12 bytes of the header
	if len(raw) <= head {
		return false
	}
	var b [12]byte
	n, err := base64.StdEncoding.Decode(b[:], []byte(raw[:head]))
	return err == nil && n == len(b) && (b[10] != 0 || b[11] != 0)
}

// printable cuts a text to its limit and replaces what cannot be shown by spaces.
func printable(text []byte) string {
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(cut(string(text), maxExtendedText), ""))
	return strings.TrimSpace(s)
}

package measurement

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Time is a moment in UTC. OONI writes it as "2006-01-02 15:04:05"; RFC 3339 is
// also read.
type Time struct{ time.Time }

var timeLayouts = []string{
	"2006-01-02 15:04:05", // fractions of a second are read too
	time.RFC3339,
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
}

// ParseTime reads the forms of time that OONI's documents hold.
func ParseTime(s string) (time.Time, error) { return parseTime(s, timeLayouts) }

func parseTime(s string, layouts []string) (time.Time, error) {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("read time %.40q: want YYYY-MM-DD hh:mm:ss in UTC", s)
}

// UnmarshalJSON reads a string; null and "" are the zero time.
func (t *Time) UnmarshalJSON(b []byte) error {
	s, err := unquote(b)
	if err != nil || s == "" {
		return err
	}
	t.Time, err = ParseTime(s)
	return err
}

// MarshalJSON writes the form of df-000; the zero time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return []byte(t.UTC().Format(`"2006-01-02 15:04:05"`)), nil
}

// Failure is a failure string of df-007-errors. It is "" where nothing failed,
// which is null in JSON.
type Failure string

// MarshalJSON writes the string; "" is null.
func (f Failure) MarshalJSON() ([]byte, error) { return nullable(string(f)) }

// Unreadable stands for a failure that is not a string. Something failed, or
// somebody wrote nonsense; in neither case did the step work.
const Unreadable Failure = "unknown_failure: unreadable"

// Input is what a test was told to measure; "" is null in JSON.
type Input string

// MarshalJSON writes the string; "" is null.
func (i Input) MarshalJSON() ([]byte, error) { return nullable(string(i)) }

func nullable(s string) ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return json.Marshal(s)
}

// Withheld stands for a client's address: it is never read, and 127.0.0.1 is
// written, as OONI does.
type Withheld struct{}

// UnmarshalJSON reads nothing.
func (Withheld) UnmarshalJSON([]byte) error { return nil }

// MarshalJSON writes 127.0.0.1.
func (Withheld) MarshalJSON() ([]byte, error) { return []byte(`"127.0.0.1"`), nil }

// Text is a body or a header value: any bytes. In JSON it is a string where the
// bytes are UTF-8, else {"format":"base64","data":…}.
type Text string

// UnmarshalJSON reads both forms; null is "".
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var wrapped Binary
		if err := quick(b, &wrapped); err != nil {
			return err
		}
		raw, err := wrapped.Bytes()
		if err != nil {
			return err
		}
		*t = Text(raw)
		return nil
	}
	s, err := unquote(b)
	*t = Text(s)
	return err
}

// MarshalJSON writes the form that loses nothing.
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(NewBinary([]byte(t)))
}

// Binary is OONI's form of bytes in JSON.
type Binary struct {
	Data   string `json:"data"`
	Format string `json:"format"`
}

// NewBinary wraps bytes as base64.
func NewBinary(b []byte) Binary {
	return Binary{Data: base64.StdEncoding.EncodeToString(b), Format: "base64"}
}

// Bytes unwraps. Missing padding is allowed, because old probes cut bodies short.
// Another format than base64, and wrong base64, are errors.
func (b Binary) Bytes() ([]byte, error) {
	if b.Format != "base64" {
		return nil, fmt.Errorf("unwrap bytes: format %q is not base64", b.Format)
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(b.Data, "="))
	if err != nil {
		return nil, fmt.Errorf("unwrap bytes: %w", err)
	}
	return raw, nil
}

// unquote reads a JSON string or null.
func unquote(b []byte) (string, error) {
	if string(b) == "null" {
		return "", nil
	}
	return unquoteString(b)
}

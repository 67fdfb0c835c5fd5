// Package network reads and writes the names of networks: numbers of autonomous
// systems (RFC 6793), written "AS17557". No other package does. It does no I/O.
package network

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// ASN is the number of a network; 0 means that the network is not known.
type ASN uint32

// Name writes the number n as a name: "AS17557".
func Name(n uint32) string { return ASN(n).String() }

// ParseASN reads "AS17557", with AS in any case, and "17557". Other text is an
// error.
func ParseASN(s string) (ASN, error) {
	digits := s
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		digits = s[2:]
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read AS number %.40q: want the form AS17557", s)
	}
	return ASN(n), nil
}

// ParseList reads numbers as ParseASN does, with commas or white space between
// them. It returns nil where s holds nothing else, and the first error.
func ParseList(s string) ([]uint32, error) {
	var out []uint32
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		n, err := ParseASN(part)
		if err != nil {
			return nil, err
		}
		out = append(out, uint32(n))
	}
	return out, nil
}

// Numbers returns the numbers of the names that ParseASN can read, and leaves the
// others out.
func Numbers(names []string) []uint32 {
	var out []uint32
	for _, s := range names {
		if n, err := ParseASN(s); err == nil {
			out = append(out, uint32(n))
		}
	}
	return out
}

// String writes "AS17557".
func (a ASN) String() string { return "AS" + strconv.FormatUint(uint64(a), 10) }

// UnmarshalJSON reads "AS17557", "17557" and 17557, the forms that measurements
// have. It reads null and "" as 0.
func (a *ASN) UnmarshalJSON(b []byte) error {
	s := string(b)
	if len(b) > 0 && (b[0] == '"' || b[0] == 'n') {
		s = ""
		if err := json.Unmarshal(b, &s); err != nil || s == "" {
			return err
		}
	}
	n, err := ParseASN(s)
	if err != nil {
		return err
	}
	*a = n
	return nil
}

// MarshalText writes "AS17557".
func (a ASN) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads "AS17557" and no other form, as people write it in the
// record. AS0 is an error.
func (a *ASN) UnmarshalText(text []byte) error {
	n, err := ParseASN(string(text))
	if err != nil || n == 0 || n.String() != string(text) {
		return fmt.Errorf("%q is not a network; write AS17557", text)
	}
	*a = n
	return nil
}

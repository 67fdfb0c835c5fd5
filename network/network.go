// Package network names the networks of the internet by their numbers (autonomous
// systems, RFC 6793). It is the only place that reads and writes "AS17557".
package network

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// ASN is the number of a network; 0 is one that is not known.
type ASN uint32

// Name writes a number that has no type of its own: "AS17557".
func Name(n uint32) string { return ASN(n).String() }

// ParseASN reads "AS17557", in any case, and "17557".
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

// ParseList reads numbers with commas or white space between them; none where
// there is nothing else.
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

// Numbers are the numbers of networks by their names; what is no name is left out.
func Numbers(names []string) []uint32 {
	var out []uint32
	for _, s := range names {
		if n, err := ParseASN(s); err == nil {
			out = append(out, uint32(n))
		}
	}
	return out
}

func (a ASN) String() string { return "AS" + strconv.FormatUint(uint64(a), 10) }

// UnmarshalJSON reads "AS17557", "17557" and 17557, as measurements have them;
// null and "" are 0.
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

// UnmarshalText reads "AS17557" alone, as people write it in the record.
func (a *ASN) UnmarshalText(text []byte) error {
	n, err := ParseASN(string(text))
	if err != nil || n == 0 || n.String() != string(text) {
		return fmt.Errorf("%q is not a network; write AS17557", text)
	}
	*a = n
	return nil
}

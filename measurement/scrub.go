package measurement

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"
)

// scrubbed is what OONI's probes write in place of their address.
const scrubbed = "127.0.0.1"

// Scrub removes client addresses from a document as it was received: the value
// of every probe_ip, and the same addresses wherever else they stand (bodies,
// headers, base64 data). Addresses known from elsewhere, such as a
// submitter's, are given in more. It returns the document, which is doc itself
// when there was nothing to remove, and how many places it changed.
//
// It works on the text, so that a document that does not decode is scrubbed
// too. It finds an address in its canonical, its upper-case and its fully
// written forms, and IPv4 also as an IPv4-mapped IPv6 address; not in other
// encodings (an address as a number, or reversed in a host name).
func Scrub(doc []byte, more ...netip.Addr) ([]byte, int) {
	doc, addrs, n := scrubValues(doc)
	addrs = append(addrs, more...)
	for i, a := range addrs {
		if !a.IsValid() || a.IsLoopback() || a.IsUnspecified() || seen(addrs[:i], a) {
			continue
		}
		for _, form := range spellings(a) {
			doc = replaceAddress(doc, form, &n)
		}
		doc = scrubBase64(doc, a, &n)
	}
	return doc, n
}

func seen(addrs []netip.Addr, a netip.Addr) bool {
	for _, b := range addrs {
		if a == b {
			return true
		}
	}
	return false
}

// scrubValues replaces the value of every probe_ip, whatever it holds, and
// returns the addresses that were there.
func scrubValues(doc []byte) ([]byte, []netip.Addr, int) {
	key := []byte(`"probe_ip"`)
	var out []byte
	var addrs []netip.Addr
	from, n := 0, 0
	for at := 0; ; {
		i := bytes.Index(doc[at:], key)
		if i < 0 {
			break
		}
		at += i + len(key)
		start, end := stringValue(doc, at)
		if start < 0 {
			continue
		}
		var s string
		if json.Unmarshal(doc[start:end], &s) != nil || s == "" || s == scrubbed {
			continue
		}
		if a, ok := parseAddress(s); ok {
			addrs = append(addrs, a)
		}
		out = append(append(out, doc[from:start]...), `"`+scrubbed+`"`...)
		from, at = end, end
		n++
	}
	if n == 0 {
		return doc, nil, 0
	}
	return append(out, doc[from:]...), addrs, n
}

// stringValue finds the JSON string that follows a key and its colon; start is
// -1 when something else does.
func stringValue(doc []byte, at int) (start, end int) {
	space := func() {
		for at < len(doc) && (doc[at] == ' ' || doc[at] == '\t' || doc[at] == '\r' || doc[at] == '\n') {
			at++
		}
	}
	space()
	if at == len(doc) || doc[at] != ':' {
		return -1, 0
	}
	at++
	space()
	if at == len(doc) || doc[at] != '"' {
		return -1, 0
	}
	for end = at + 1; end < len(doc); end++ {
		switch doc[end] {
		case '\\':
			end++
		case '"':
			return at, end + 1
		}
	}
	return -1, 0
}

func parseAddress(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().WithZone("").Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.WithZone("").Unmap(), err == nil
}

// spellings are the forms in which an address is looked for.
func spellings(a netip.Addr) []string {
	a = a.WithZone("").Unmap()
	if a.Is4() {
		return []string{a.String()}
	}
	forms := []string{a.String()}
	for _, f := range []string{strings.ToUpper(a.String()), a.StringExpanded(), strings.ToUpper(a.StringExpanded())} {
		if f != forms[0] {
			forms = append(forms, f)
		}
	}
	return forms
}

// replaceAddress replaces an address where it stands alone: 1.2.3.4 is not
// found in 11.2.3.45.
func replaceAddress(doc []byte, form string, n *int) []byte {
	needle := []byte(form)
	v6 := strings.Contains(form, ":")
	var out []byte
	from := 0
	for at := 0; ; {
		i := bytes.Index(doc[at:], needle)
		if i < 0 {
			break
		}
		i += at
		at = i + len(needle)
		if partOfMore(doc, i, at, v6) {
			continue
		}
		out = append(out, doc[from:i]...)
		out = append(out, scrubbed...)
		from = at
		*n++
	}
	if out == nil {
		return doc
	}
	return append(out, doc[from:]...)
}

// partOfMore reports whether doc[i:j] is a piece of a longer number or
// address.
func partOfMore(doc []byte, i, j int, v6 bool) bool {
	digit := func(k int) bool { return k >= 0 && k < len(doc) && doc[k] >= '0' && doc[k] <= '9' }
	if !v6 {
		return digit(i-1) || digit(j) || i > 1 && doc[i-1] == '.' && digit(i-2) || j < len(doc) && doc[j] == '.' && digit(j+1)
	}
	hex := func(k int) bool {
		return digit(k) || k >= 0 && k < len(doc) && (doc[k]|0x20 >= 'a' && doc[k]|0x20 <= 'f')
	}
	return hex(i-1) || hex(j) || i > 0 && doc[i-1] == ':' && hex(i-2) || j < len(doc) && doc[j] == ':' && hex(j+1)
}

// scrubBase64 looks into {"format":"base64","data":"…"} values, OONI's form
// of what is not UTF-8.
func scrubBase64(doc []byte, a netip.Addr, n *int) []byte {
	marker := []byte(`"data"`)
	at := 0
	for {
		i := bytes.Index(doc[at:], marker)
		if i < 0 {
			return doc
		}
		at += i + len(marker)
		rest := bytes.TrimLeft(doc[at:], " \t\r\n:")
		if len(rest) == 0 || rest[0] != '"' {
			continue
		}
		start := len(doc) - len(rest) + 1
		end := bytes.IndexByte(doc[start:], '"')
		if end < 0 {
			return doc
		}
		end += start
		text := bytes.ReplaceAll(doc[start:end], []byte(`\/`), []byte("/"))
		plain, err := base64.StdEncoding.DecodeString(string(text))
		if err != nil {
			continue
		}
		before := *n
		for _, form := range spellings(a) {
			plain = replaceAddress(plain, form, n)
		}
		if *n == before {
			continue
		}
		packed := base64.StdEncoding.EncodeToString(plain)
		doc = append(append(append([]byte(nil), doc[:start]...), packed...), doc[end:]...)
		at = start + len(packed)
	}
}

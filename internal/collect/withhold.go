package collect

import (
	"bytes"
	"encoding/json"
	"net/netip"
)

// withhold removes the client's address from a document: the value of the
// top-level key probe_ip, and the client's public address wherever it stands
// as text. All other bytes stay as they were sent. A document that is not JSON
// is left to the archive to refuse.
func withhold(doc []byte, client netip.Addr) []byte {
	doc = withoutProbeIP(doc)
	if Reserved(client) != "" {
		return doc // says nothing outside its own network
	}
	forms := [][]byte{[]byte(client.String())}
	if client.Is6() {
		forms = append(forms, []byte(client.StringExpanded()), bytes.ToUpper([]byte(client.String())))
	}
	for _, form := range forms {
		doc = replaceAddress(doc, form)
	}
	return doc
}

var (
	scrubbed   = []byte("[scrubbed]")
	noAddress  = []byte(`"127.0.0.1"`)
	probeIPKey = []byte(`"probe_ip"`)
)

// withoutProbeIP writes 127.0.0.1 for the value of probe_ip.
func withoutProbeIP(doc []byte) []byte {
	if !bytes.Contains(doc, probeIPKey) {
		return doc
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return doc
	}
	var out []byte
	done := 0
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return doc
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return doc
		}
		end := int(dec.InputOffset())
		if key != "probe_ip" || bytes.Equal(value, noAddress) || bytes.Equal(value, []byte("null")) {
			continue
		}
		out = append(out, doc[done:end-len(value)]...)
		out = append(out, noAddress...)
		done = end
	}
	if done == 0 {
		return doc
	}
	return append(out, doc[done:]...)
}

// replaceAddress replaces an address that is not part of a longer one.
func replaceAddress(doc, addr []byte) []byte {
	var out []byte
	for {
		i := bytes.Index(doc, addr)
		if i < 0 {
			return append(out, doc...)
		}
		end := i + len(addr)
		out = append(out, doc[:i]...)
		if i > 0 && partOfAddress(doc[i-1]) || end < len(doc) && partOfAddress(doc[end]) && doc[end] != ':' && doc[end] != '.' {
			out = append(out, addr...)
		} else {
			out = append(out, scrubbed...)
		}
		doc = doc[end:]
	}
}

func partOfAddress(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' || b == ':' || b == '.'
}

package measurement

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzUnquote holds that every JSON string decodes to what encoding/json makes
// of it.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"a\nb\"\\\/\t\r\b\f"`, `"\u00e9\uD83D\uDE00"`, `"\uD83Dx"`, `"\uD83D\u0041"`, "\"\xff\xfe\\n\xff\"", `"\`, `"\u12"`, `"é😀"`, `"\ud800\ud800\udc00"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := unquoteString(b)
		if len(b) == 0 || b[0] != '"' || !json.Valid(b) || strings.TrimSpace(string(b)) != string(b) {
			return
		}
		var want string
		if e := json.Unmarshal(b, &want); e != nil {
			t.Fatal(e)
		}
		if err != nil || got != want {
			t.Fatalf("%q is %q (%v), encoding/json says %q", b, got, err, want)
		}
	})
}

package target_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/internal/target"
)

func TestOfHost(t *testing.T) {
	r := registry(t)
	now := time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	for host, want := range map[string]string{
		"x.com": "x", "twitter.com": "x", "www.twitter.com": "x", "pbs.twimg.com": "x", "t.co": "x", "mobile.x.com": "x",
		"X.COM": "x", "x.com.": "x", "x.com:443": "x", "WWW.X.Com.:443": "x", " x.com ": "x",
		"notx.com": "", "x.com.evil.example": "", "com": "", ".com": "", "x.": "", "xxcom": "", "-x.com": "",
		"": "", ".": "", "..": "", ":": "", "x..com": "", "x.com..": "", ".x.com": "", "x.com:http": "", "x com": "", "x.com/": "", "[x.com": "",
		"fb.com": "facebook", "edge-mqtt.facebook.com": "facebook", "www.messenger.com": "messenger", "m.me": "messenger",
		"youtu.be": "youtube", "youtubei.googleapis.com": "youtube", "www.googleapis.com": "google", "www.google.com.pk": "google",
		"sites.google.com": "", "a.sites.google.com": "", "play.google.com": "google-play", "mail.google.com": "gmail", "storage.googleapis.com": "",
		"ur.wikipedia.org": "wikipedia", "en.m.wikipedia.org": "wikipedia", "commons.wikimedia.org": "wikimedia",
		"somebody.tumblr.com": "", "www.tumblr.com": "tumblr", "someone.bsky.social": "", "bsky.social": "bluesky", "yggdrasil-network.github.io": "", "api.github.com": "github",
		"149.154.167.51": "telegram", "149.154.167.51:443": "telegram", "1.149.154.167.51": "", "149.154.167.52": "",
		"[2001:db8::1]:443": "", "2001:db8::1": "", "mastodon.social": "mastodon", "dailysignal.com": "", "signal.org": "signal",
	} {
		if got := r.OfHost(host, now); got != want {
			t.Errorf("OfHost(%q) = %q, want %q", host, got, want)
		}
	}
}

// x.com was another's before the rename; twitter.com is the platform's to
// this day.
func TestOfHostThroughRename(t *testing.T) {
	r := registry(t)
	for _, test := range []struct {
		host, at, want string
	}{
		{"x.com", "2012-09-17", ""}, {"x.com", "2023-07-22", ""}, {"x.com", "2023-07-23", "x"}, {"x.com", "2025-05-07", "x"},
		{"twitter.com", "2012-09-17", "x"}, {"twitter.com", "2025-05-07", "x"},
	} {
		at, _ := time.Parse(time.DateOnly, test.at)
		if got := r.OfHost(test.host, at); got != test.want {
			t.Errorf("OfHost(%s, %s) = %q, want %q", test.host, test.at, got, test.want)
		}
	}
	p, _ := r.Platform("x")
	for at, want := range map[string]string{"2012-09-17": "Twitter", "2023-07-23": "Twitter", "2023-07-24": "X"} {
		when, _ := time.Parse(time.DateOnly, at)
		if got := p.NameAt(when); got != want {
			t.Errorf("NameAt(%s) = %q, want %q", at, got, want)
		}
	}
	if got := p.NameAt(time.Time{}); got != "X" {
		t.Errorf("NameAt(no time) = %q, want X", got)
	}
}

func TestOfHostPunycode(t *testing.T) {
	r, err := load(map[string]string{"b.yaml": "id: b\nname: B\nkind: news\nowner: O\nhosts:\n  - domain: xn--bcher-kva.example\n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"bücher.example", "BÜCHER.example.", "www.bücher.example:80", "xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE"} {
		if got := r.OfHost(host, time.Time{}); got != "b" {
			t.Errorf("OfHost(%q) = %q, want b", host, got)
		}
	}
}

func TestOfTest(t *testing.T) {
	r := registry(t)
	for test, want := range map[string]string{
		"whatsapp": "whatsapp", "telegram": "telegram", "signal": "signal", "facebook_messenger": "messenger", "psiphon": "psiphon",
		"tor": "tor", "vanilla_tor": "tor", "torsf": "tor", "tor_snowflake": "tor", "riseupvpn": "riseupvpn",
		"web_connectivity": "", "openvpn": "", "urlgetter": "", "dnscheck": "", "echcheck": "", "": "",
	} {
		if got := r.OfTest(test); got != want {
			t.Errorf("OfTest(%q) = %q, want %q", test, got, want)
		}
	}
}

func TestOfName(t *testing.T) {
	r := registry(t)
	for word, want := range map[string]string{
		"Twitter": "x", "X": "x", " youtube ": "youtube", "Facebook Messenger": "messenger", "Proton VPN": "protonvpn", "Bard": "gemini",
		"Facebook Livestream": "", "twitter.com": "", "": "",
	} {
		if got := r.OfName(word); got != want {
			t.Errorf("OfName(%q) = %q, want %q", word, got, want)
		}
	}
	for _, name := range r.Names() {
		if r.OfName(name) == "" {
			t.Errorf("Names has %q, which means nothing", name)
		}
	}
}

func TestResolve(t *testing.T) {
	r := registry(t)
	for _, test := range []struct {
		arg, id, host, err string
	}{
		{arg: "x", id: "x", host: "twitter.com"},
		{arg: "Twitter", id: "x", host: "x.com"},
		{arg: "mobile.twitter.com", id: "x", host: "x.com"},
		{arg: "https://x.com/someone", id: "x", host: "twitter.com"},
		{arg: "Facebook Messenger", id: "messenger", host: "messenger.com"},
		{arg: "news.example.org", id: "news.example.org", host: "news.example.org"},
		{arg: "NEWS.example.org.", id: "news.example.org", host: "news.example.org"},
		{arg: "192.0.2.1", id: "192.0.2.1", host: "192.0.2.1"},
		{arg: "2001:db8::1", id: "2001:db8::1", host: "2001:db8::1"},
		{arg: "telegrm", err: `unknown target "telegrm": neither a platform nor a host name; did you mean telegram?`},
		{arg: "insta gram", err: "did you mean instagram"},
		{arg: "proton", err: "did you mean proton-mail or protonvpn?"},
		{arg: "qqqqqqqqq", err: "`bandish targets` lists them"},
		{arg: "", err: "unknown target"},
		{arg: "..", err: "unknown target"},
	} {
		id, hosts, err := r.Resolve(test.arg)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("Resolve(%q) = %q, error %v, want %q", test.arg, id, err, test.err)
			}
			continue
		}
		if err != nil || id != test.id || !strings.Contains(" "+strings.Join(hosts, " ")+" ", " "+test.host+" ") {
			t.Errorf("Resolve(%q) = %q %v, %v, want %s with %s", test.arg, id, hosts, err, test.id, test.host)
		}
	}
}

// Laws over whatever a stranger may name.
func FuzzOfHost(f *testing.F) {
	for _, s := range []string{"x.com", "www.X.com.:443", "notx.com", "bücher.example", "[::1]:53", "a..b", "149.154.167.51", "\xff", "xn--a"} {
		f.Add(s)
	}
	r := registry(f)
	f.Fuzz(func(t *testing.T, host string) {
		id := r.OfHost(host, time.Time{})
		if id != "" {
			if _, ok := r.Platform(id); !ok {
				t.Fatalf("OfHost(%q) = %q, which is no platform", host, id)
			}
			if got := r.OfHost(strings.ToUpper(host), time.Time{}); got != id && isASCII(host) {
				t.Fatalf("OfHost(%q) = %q, in upper case %q", host, id, got)
			}
		}
		resolved, hosts, err := r.Resolve(host)
		if err == nil && (resolved == "" || len(hosts) == 0) {
			t.Fatalf("Resolve(%q) = %q, %v without error", host, resolved, hosts)
		}
		if err == nil {
			if again, _, err := r.Resolve(resolved); again != resolved || err != nil {
				t.Fatalf("Resolve(%q) = %q, which resolves to %q, %v", host, resolved, again, err)
			}
		}
	})
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }

func BenchmarkOfHost(b *testing.B) {
	r := registry(b)
	at := time.Date(2024, 2, 17, 0, 0, 0, 0, time.UTC)
	hosts := []string{"x.com", "www.facebook.com", "a.b.c.unclaimed.example", "pbs.twimg.com", "WWW.Example.ORG.", "scontent.xx.fbcdn.net"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.OfHost(hosts[i%len(hosts)], at)
	}
}

func TestReadTestList(t *testing.T) {
	const list = "url,category_code,category_description,date_added,source,notes\n" +
		"https://www.example.org/,NEWS,News Media,2024-01-02,someone,\"a note, with a comma\"\n" +
		"ftp://example.org/,NEWS,News Media,2024-01-02,someone,\n" +
		"https://example.net/,,,,,\n" +
		"https://short.example/,NEWS\n" +
		"https:///nothing,NEWS,,,,\n"
	entries, rejected, err := target.ReadTestList(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 || entries[0].Host != "www.example.org" || entries[0].Notes != "a note, with a comma" || entries[1].Line != 5 {
		t.Errorf("entries %+v", entries)
	}
	if len(rejected) != 3 || rejected[0].Line != 3 || rejected[1].Reason != "no category code" || !strings.Contains(rejected[2].Reason, "no host name") {
		t.Errorf("rejected %+v", rejected)
	}
	for _, bad := range []string{"", "a,b\n1,2\n"} {
		if _, _, err := target.ReadTestList(strings.NewReader(bad)); err == nil {
			t.Errorf("%q reads as a test list", bad)
		}
	}
}

func FuzzReadTestList(f *testing.F) {
	f.Add("url,category_code\nhttps://a.example/,NEWS\n\"x\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, _, err := target.ReadTestList(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.Host == "" || e.Category == "" || e.Line < 2 {
				t.Fatalf("entry %+v from %q", e, text)
			}
		}
	})
}

// The real lists: every row is an entry or set aside, and the host that each
// platform is tested by is known.
func TestReadRealTestLists(t *testing.T) {
	r := registry(t)
	claimed := 0
	for _, name := range []string{"global.csv", "pk.csv"} {
		path := filepath.Join(shared(t), "ooni", "testlists", name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Skipf("no real test list: %v", err)
		}
		entries, rejected, err := target.ReadTestList(strings.NewReader(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if rows := strings.Count(strings.TrimSpace(string(text)), "\n"); len(entries)+len(rejected) != rows {
			t.Errorf("%s: %d entries and %d set aside of %d rows", name, len(entries), len(rejected), rows)
		}
		for _, rej := range rejected {
			t.Logf("%s:%d: %s", name, rej.Line, rej.Reason)
		}
		for _, e := range entries {
			if r.OfHost(e.Host, time.Time{}) != "" {
				claimed++
			}
		}
	}
	if claimed < 100 {
		t.Errorf("the registry claims %d URLs of the real lists, want at least 100", claimed)
	}
}

// shared is the folder of real data that the repository may not hold.
func shared(t testing.TB) string {
	if dir := os.Getenv("BANDISH_SHARED"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "..", "shared")
}

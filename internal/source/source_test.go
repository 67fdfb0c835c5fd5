package source_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/internal/dial"
	"github.com/bandish/bandish/internal/source"
)

var noon = time.Date(2024, 2, 17, 12, 0, 0, 0, time.UTC)

const page = `<!doctype html><html><head><title>Ministry of Example blocks Sample</title></head><body>
<nav><a href="/">Home</a> <a href="/sport">Sport</a></nav>
<article><h1>Ministry of Example blocks Sample</h1>
<p>The Ministry of Example said on Monday that it had asked the regulator of Zedland to “block the platform Sample immediately”, and that the measure would hold until further orders are given.</p>
<p>The platform did not answer questions. Its users in Zedland number about two in a hundred of all who use such platforms, an official said, and many of them now use other ways to reach it.</p>
<p>A court in the capital is to hear a petition against the measure next week, and the regulator has been told to bring the letter on which it acted before the bench.</p></article>
<footer>All rights reserved. Comments</footer></body></html>`

func TestArchiveKeepsOnce(t *testing.T) {
	dir := t.TempDir()
	a := source.Open(dir)
	first, isNew, err := a.Add([]byte(page), "text/html", source.Fetch{Time: noon, How: "http", URL: "https://news.example/1"})
	if err != nil || !isNew {
		t.Fatalf("Add: new %t, %v", isNew, err)
	}
	if _, isNew, err = a.Add([]byte(page), "text/html", source.Fetch{Time: noon, How: "http", URL: "https://news.example/1"}); err != nil || isNew {
		t.Errorf("the same again: new %t, %v", isNew, err)
	}
	again, _, err := a.Add([]byte(page), "text/html", source.Fetch{Time: noon.Add(-time.Hour), How: "http", URL: "https://news.example/1"})
	if err != nil || len(again.Fetches) != 2 || !again.Fetches[0].Time.Before(again.Fetches[1].Time) {
		t.Errorf("fetched at another time: %+v, %v", again.Fetches, err)
	}
	stored, content, err := a.Get(first.SHA256[:8])
	if err != nil || string(content) != page || stored.URL() != "https://news.example/1" {
		t.Errorf("Get: %+v, %v", stored, err)
	}
	list, err := a.List()
	if err != nil || len(list) != 1 {
		t.Errorf("List: %d, %v", len(list), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "sources", "*", ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestArchiveFindsDamage(t *testing.T) {
	dir := t.TempDir()
	a := source.Open(dir)
	s, _, err := a.Add([]byte("text"), "text/plain", source.Fetch{Time: noon, How: "file", Name: "a.txt"})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "sources", s.SHA256[:2], s.SHA256)
	if err := os.WriteFile(path, []byte("tExt"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Get(s.SHA256); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Get of a damaged copy: %v", err)
	}
	if _, _, err := a.Add([]byte("text"), "text/plain", source.Fetch{Time: noon, How: "file", Name: "a.txt"}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Get(s.SHA256); err != nil {
		t.Errorf("adding the bytes again does not mend the copy: %v", err)
	}
	for _, name := range []string{"", "abc", "zzzzzz", "ffffffff", strings.Repeat("f", 64)} {
		if _, _, err := a.Get(name); err == nil {
			t.Errorf("Get(%q) finds something", name)
		}
	}
	if _, _, err := a.Get(strings.Repeat("f", 64)); !errors.Is(err, source.ErrNotFound) {
		t.Errorf("Get of nothing: %v", err)
	}
}

// A process that dies between its two writes leaves no promise, and what it
// left is taken up again; one that cannot write says so.
func TestAddFails(t *testing.T) {
	dir := t.TempDir()
	a := source.Open(dir)
	fetch := source.Fetch{Time: noon, How: "file", Name: "a.txt"}
	s, _, err := a.Add([]byte("text"), "text/plain", fetch)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "sources", s.SHA256[:2], s.SHA256)
	if err := os.Remove(copied + ".json"); err != nil { // died before the metadata
		t.Fatal(err)
	}
	if list, err := a.List(); err != nil || len(list) != 0 {
		t.Errorf("half a copy is listed: %v, %v", list, err)
	}
	if _, isNew, err := a.Add([]byte("text"), "text/plain", fetch); err != nil || !isNew {
		t.Errorf("adding again: new %t, %v", isNew, err)
	}
	if err := os.Remove(copied); err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Get(s.SHA256); err == nil {
		t.Error("a missing copy is given")
	}
	if _, _, err := a.Add([]byte("text"), "text/plain", fetch); err != nil { // the same fetch
		t.Fatal(err)
	}
	if _, content, err := a.Get(s.SHA256); err != nil || string(content) != "text" {
		t.Errorf("not mended: %v", err)
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := source.Open(blocked).Add([]byte("text"), "text/plain", fetch); err == nil {
		t.Error("a copy is kept where nothing can be written")
	}
}

func TestUses(t *testing.T) {
	a := source.Open(t.TempDir())
	s, _, err := a.Add([]byte("a,b"), "text/csv", source.Fetch{Time: noon, How: "file", Name: "a.csv"})
	if err != nil {
		t.Fatal(err)
	}
	use := source.Use{Purpose: "requests", Format: "csv", SHA256: s.SHA256, Name: "a.csv", Columns: map[string]string{"sent": "a"}, Time: noon}
	for _, test := range []struct {
		change func()
		isNew  bool
	}{{func() {}, true}, {func() { use.Time, use.Name = noon.Add(time.Hour), "b.csv" }, false}, {func() { use.Columns = map[string]string{"sent": "b"} }, true}, {func() { use.Purpose = "bans" }, true}} {
		test.change()
		if isNew, err := a.Use(use); err != nil || isNew != test.isNew {
			t.Errorf("%+v: new %t, %v", use, isNew, err)
		}
	}
	if uses, err := a.Uses("requests"); err != nil || len(uses) != 1 || uses[0].Columns["sent"] != "b" {
		t.Errorf("%+v, %v", uses, err)
	}
}

func TestTextAndPassages(t *testing.T) {
	text, err := source.ReadText([]byte(page), "text/html", "https://news.example/1")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.Title, "Ministry of Example") || strings.Contains(text.Body, "Sport") || strings.Contains(text.Body, "rights reserved") {
		t.Errorf("title %q, body:\n%s", text.Title, text.Body)
	}
	for passage, paragraph := range map[string]int64{
		`"block the platform Sample immediately"`:          1,
		"BLOCK   the platform sample\nimmediately":         1,
		"said on Monday … until further orders":            1,
		"two in a hundred of all":                          2,
		"the regulator has been told ... before the bench": 3,
	} {
		at, _, ok := text.Find(passage)
		if !ok {
			t.Errorf("Find(%q): not found", passage)
			continue
		}
		if first, _ := text.Paragraph(0); at.Paragraph < paragraph || at.Paragraph > paragraph+1 || first != 1 { // the heading may count
			t.Errorf("Find(%q): paragraph %d, want %d", passage, at.Paragraph, paragraph)
		}
		if got := text.Body[*at.Offset : *at.Offset+at.Length]; len(got) < 10 {
			t.Errorf("Find(%q) points at %q", passage, got)
		}
	}
	for passage, beginning := range map[string]string{
		"asked the regulator of Otherland to block": "asked the regulator of",
		"until further orders … said on Monday":     "said",
		"nowhere at all": "",
		"…":              "",
	} {
		if at, found, ok := text.Find(passage); ok || found != beginning {
			t.Errorf("Find(%q) = %+v, beginning %q, %t; want beginning %q", passage, at, found, ok, beginning)
		}
	}
}

func TestPlainText(t *testing.T) {
	text, err := source.ReadText([]byte("One.\r\n\r\nTwo “quoted”\ntwo.\n \nThree."), "text/plain", "")
	if err != nil || len(text.Spans) != 3 {
		t.Fatalf("%+v, %v", text, err)
	}
	if at, _, ok := text.Find(`"quoted" two`); !ok || at.Paragraph != 2 {
		t.Errorf("Find: %+v %t", at, ok)
	}
	for _, mediaType := range []string{"image/png", "application/zip"} {
		if _, err := source.ReadText([]byte("x"), mediaType, ""); !errors.Is(err, source.ErrNoText) {
			t.Errorf("text of %s: %v", mediaType, err)
		}
	}
}

func TestPDF(t *testing.T) {
	text, err := source.ReadText(pdf("The regulator of Zedland", "acted on a letter"), "application/pdf", "")
	if err != nil {
		t.Fatal(err)
	}
	at, _, ok := text.Find("acted on a letter")
	if !ok || at.Page != 2 {
		t.Errorf("Find: %+v %t in %q", at, ok, text.Body)
	}
	for _, broken := range []string{"", "%PDF-1.4", "%PDF-1.4\ntrailer\n<<>>\nstartxref\n9\n%%EOF"} {
		if _, err := source.ReadText([]byte(broken), "application/pdf", ""); err == nil {
			t.Errorf("PDF %q reads", broken)
		}
	}
}

// A document that unpacks without end is refused before it is read.
func TestPDFBomb(t *testing.T) {
	squeeze := func(in []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		w.Write(in)
		w.Close()
		return out.Bytes()
	}
	whole := pdf("one line")
	end := bytes.LastIndex(whole, []byte("startxref"))
	with := func(streams []byte) []byte { return slices.Concat(whole[:end], streams, whole[end:]) }
	much := squeeze(bytes.Repeat([]byte("(a) Tj "), 10<<20)) // 70 MiB
	once := bytes.Repeat(slices.Concat([]byte("<</Filter/FlateDecode>>\nstream\r\n"), much, []byte("\nendstream\n")), 9)
	twice := slices.Concat([]byte("<</Filter[/FlateDecode/FlateDecode]>>\nstream\n"), squeeze(squeeze(bytes.Repeat([]byte("(a) Tj "), 90<<20))), []byte("\nendstream\n"))
	for name, streams := range map[string][]byte{"many streams": once, "one in the other": twice} {
		begun := time.Now()
		_, err := source.ReadText(with(streams), "application/pdf", "")
		if err == nil || !strings.Contains(err.Error(), "it unpacks to more than") {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(begun); d > 30*time.Second {
			t.Errorf("%s: %v", name, d)
		}
	}
	if _, err := source.ReadText(with(once[:len(once)/9]), "application/pdf", ""); err != nil {
		t.Errorf("one stream of 70 MiB: %v", err)
	}
}

// pdf makes a document with one line of text a page.
func pdf(lines ...string) []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&b, format, args...)
		b.WriteString("\nendobj\n")
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	kids := ""
	for i := range lines {
		kids += fmt.Sprintf("%d 0 R ", 4+2*i)
	}
	object("<< /Type /Pages /Count %d /Kids [%s] >>", len(lines), kids)
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	for i, line := range lines {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*i)
		stream := fmt.Sprintf("BT /F1 12 Tf 20 100 Td (%s) Tj ET", line)
		object("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	return b.Bytes()
}

func TestFetch(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/page", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/gone":
			http.Error(w, "gone", http.StatusGone)
		case "/big":
			w.Write(make([]byte, 3000))
		case "/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		case "/file":
			http.Redirect(w, r, "file:///etc/hostname", http.StatusFound)
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Set-Cookie", "id=1")
			w.Write([]byte(page))
		}
	}))
	defer server.Close()
	f := source.NewFetcher()
	f.AllowPrivate, f.MaxBytes, f.Timeout, f.Now = true, 2048, 500*time.Millisecond, func() time.Time { return noon }
	content, mediaType, fetch, err := f.Fetch(t.Context(), server.URL+"/moved")
	if err != nil {
		t.Fatal(err)
	}
	if string(content) != page || mediaType != "text/html" || fetch.Final != server.URL+"/page" || len(fetch.Redirects) != 1 || fetch.Status != 200 || !fetch.Time.Equal(noon) {
		t.Errorf("fetched %s, %+v", mediaType, fetch)
	}
	if fetch.Header["Set-Cookie"] != nil || fetch.Header["Content-Type"] == nil {
		t.Errorf("header kept: %v", fetch.Header)
	}
	for path, want := range map[string]string{"/loop": "redirects", "/gone": "410", "/big": "more than 2048 bytes", "/slow": "deadline", "/file": "only http and https"} {
		if _, _, _, err := f.Fetch(t.Context(), server.URL+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("fetch %s: %v, want %q", path, err, want)
		}
	}
}

// Without the explicit option no connection to a private address is made,
// whether it is asked for, or a redirect or a name leads there.
func TestFetchRefusesPrivateAddresses(t *testing.T) {
	called := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	defer server.Close()
	f := source.NewFetcher()
	f.Timeout = time.Second
	if _, _, _, err := f.Fetch(t.Context(), server.URL); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("an odd port: %v", err)
	}
	for _, u := range []string{"http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/latest", "http://10.0.0.1/"} {
		if _, _, _, err := f.Fetch(t.Context(), u); !errors.As(err, new(*dial.RefusedError)) {
			t.Errorf("fetch %s: %v, want a refusal", u, err)
		}
	}
	for _, u := range []string{"ftp://news.example/", "file:///etc/passwd", "http://user:secret@news.example/", "http:///x", ":", "news.example"} {
		if _, _, _, err := f.Fetch(t.Context(), u); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("fetch %s: %v", u, err)
		}
	}
	if called {
		t.Error("the private server was asked")
	}
}

func TestWARCRoundTrip(t *testing.T) {
	pages := []source.Page{
		{Content: []byte(page), MediaType: "text/html", Fetch: source.Fetch{Time: noon, How: "http", URL: "https://news.example/a", Final: "https://news.example/b", Status: 200, Header: map[string][]string{"Content-Type": {"text/html"}, "Content-Encoding": {"gzip"}, "X-Odd": {"a\r\nb"}}}},
		{Content: []byte("a letter"), MediaType: "text/plain", Fetch: source.Fetch{Time: noon, How: "file", Name: "letter.txt"}},
	}
	var first, second bytes.Buffer
	if err := errors.Join(source.WriteWARC(&first, pages), source.WriteWARC(&second, pages)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same copies give different WARC files")
	}
	var got []source.Page
	skipped, err := source.ReadWARC(&first, "a.warc.gz", func(p source.Page) error { got = append(got, p); return nil }, func(n int, why string) { t.Errorf("record %d: %s", n, why) })
	if err != nil || skipped != 1 || len(got) != 2 {
		t.Fatalf("%d pages, %d skipped, %v", len(got), skipped, err)
	}
	if string(got[0].Content) != page || got[0].Fetch.URL != "https://news.example/b" || got[0].MediaType != "text/html" || !got[0].Fetch.Time.Equal(noon) {
		t.Errorf("page: %+v", got[0].Fetch)
	}
	if string(got[1].Content) != "a letter" || got[1].MediaType != "text/plain" {
		t.Errorf("resource: %+v", got[1])
	}
}

// As other tools write them: version 1.0, not compressed, chunked and gzipped
// answers, records that are no pages.
func TestReadForeignWARC(t *testing.T) {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	gz.Write([]byte("hello"))
	gz.Close()
	record := func(kind, uri, block string) string {
		return fmt.Sprintf("WARC/1.0\r\nwarc-type: %s\r\nWARC-Target-URI: %s\r\nWARC-Date: 2024-02-17T12:00:00Z\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n", kind, uri, len(block), block)
	}
	file := record("warcinfo", "", "x") + record("request", "https://a.example/", "GET / HTTP/1.1\r\n\r\n") +
		record("response", "https://a.example/", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n") +
		record("response", "https://b.example/", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n"+packed.String()) +
		record("response", "https://c.example/", "HTTP/1.1 404 Not Found\r\n\r\n") +
		record("response", "dns:a.example", "a. 1 IN A 192.0.2.1") +
		record("response", "https://d.example/", "garbage")
	var got []source.Page
	var odd []string
	skipped, err := source.ReadWARC(strings.NewReader(file), "a.warc", func(p source.Page) error { got = append(got, p); return nil }, func(n int, why string) { odd = append(odd, fmt.Sprint(n, " ", why)) })
	if err != nil || skipped != 4 || len(got) != 2 || len(odd) != 1 || !strings.HasPrefix(odd[0], "7 not an HTTP answer") {
		t.Fatalf("%d pages, %d skipped, odd %q, %v", len(got), skipped, odd, err)
	}
	for _, p := range got {
		if string(p.Content) != "hello" {
			t.Errorf("%s: %q", p.Fetch.URL, p.Content)
		}
	}
	cut := file[:len(file)-20]
	if _, err := source.ReadWARC(strings.NewReader(cut), "a.warc", func(source.Page) error { return nil }, func(int, string) {}); err == nil {
		t.Error("a file that is cut off reads without error")
	}
}

func FuzzReadWARC(f *testing.F) {
	f.Add([]byte("WARC/1.1\r\nWARC-Type: resource\r\nWARC-Date: 2024-02-17T12:00:00Z\r\nContent-Length: 1\r\n\r\nx\r\n\r\n"))
	f.Add([]byte("WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		source.ReadWARC(bytes.NewReader(data), "fuzz", func(p source.Page) error {
			if p.Fetch.Time.IsZero() {
				t.Error("a page without a time")
			}
			return nil
		}, func(int, string) {})
	})
}

// A passage cut out of a text is found in it.
func FuzzFind(f *testing.F) {
	f.Add("The “first” paragraph.\n\nThe second, with a dash – here.", 4, 20)
	f.Fuzz(func(t *testing.T, body string, from, length int) {
		text, err := source.ReadText([]byte(body), "text/plain", "")
		if err != nil || len(text.Spans) == 0 {
			return
		}
		runes := []rune(text.Body)
		if from < 0 || length < 1 || from+length > len(runes) || from+length < 0 {
			return
		}
		passage := string(runes[from : from+length])
		at, _, ok := text.Find(passage)
		if !ok && strings.Trim(passage, " \t\n\"“”'‘’.,[]…") == passage && !strings.Contains(passage, "..") && !strings.ContainsAny(passage, "\u00ad\u200b\u200c\u200d\ufeff") && strings.TrimSpace(passage) != "" {
			t.Errorf("Find(%q) in %q: not found", passage, text.Body)
		}
		if ok && (*at.Offset < 0 || int(*at.Offset+at.Length) > len(text.Body)) {
			t.Errorf("Find(%q) points outside: %+v", passage, at)
		}
	})
}

func FuzzReadHTML(f *testing.F) {
	f.Add([]byte(page))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := source.ReadText(data, "text/html", "https://news.example/")
		if err == nil {
			text.Find("the")
		}
	})
}

func FuzzReadPDF(f *testing.F) {
	f.Add(pdf("one line"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 {
			source.ReadText(data, "application/pdf", "")
		}
	})
}

// A WACZ file gives the pages of the WARC files under archive/, and of them
// alone.
func TestReadWACZ(t *testing.T) {
	var warc bytes.Buffer
	page := source.Page{Content: []byte("<p>News.</p>"), MediaType: "text/html", Fetch: source.Fetch{URL: "https://news.example/1", How: "http", Time: time.Date(2026, 2, 18, 12, 0, 0, 0, time.UTC)}}
	if err := source.WriteWARC(&warc, []source.Page{page}); err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for name, data := range map[string][]byte{"archive/data.warc.gz": warc.Bytes(), "indexes/index.cdx": []byte("x"), "other/data.warc.gz": warc.Bytes(), "datapackage.json": []byte("{}")} {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var got []source.Page
	each := func(p source.Page) error { got = append(got, p); return nil }
	odd := func(n int, why string) { t.Errorf("record %d: %s", n, why) }
	if _, err := source.ReadWACZ(bytes.NewReader(file.Bytes()), int64(file.Len()), "p.wacz", each, odd); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || string(got[0].Content) != "<p>News.</p>" || got[0].Fetch.URL != "https://news.example/1" {
		t.Errorf("pages %+v", got)
	}
	if _, err := source.ReadWACZ(strings.NewReader("no zip"), 6, "p.wacz", each, odd); err == nil || !strings.Contains(err.Error(), "p.wacz") {
		t.Errorf("no ZIP: %v", err)
	}
}

// A phrase that stands twice is placed by what stands around it.
func TestPlace(t *testing.T) {
	text, err := source.ReadText([]byte("It is closed, he said.\n\nAnd again: it is closed, she said."), "text/plain", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		cite      casefile.Cite
		paragraph int64
		ok        bool
	}{
		{casefile.Cite{Phrase: "is closed"}, 1, true},
		{casefile.Cite{Phrase: "is closed", Prefix: "And again: it"}, 2, true},
		{casefile.Cite{Phrase: "is closed", Suffix: ", she said"}, 2, true},
		{casefile.Cite{Phrase: "is open"}, 0, false},
	} {
		at, ok := text.Place(tt.cite)
		if ok != tt.ok || at.Paragraph != tt.paragraph {
			t.Errorf("%+v: paragraph %d (%t)", tt.cite, at.Paragraph, ok)
			continue
		}
		if ok && text.Body[*at.Offset:*at.Offset+at.Length] != tt.cite.Phrase {
			t.Errorf("%+v: %q", tt.cite, text.Body[*at.Offset:*at.Offset+at.Length])
		}
	}
}

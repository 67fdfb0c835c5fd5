package source

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Page is one page of a WARC file.
type Page struct {
	Content   []byte
	MediaType string
	Fetch     Fetch
}

// maxRecord is the greatest size of one record in bytes.
const maxRecord = 64 << 20

// ReadWARC reads the pages of a WARC file (ISO 28500, versions 1.0 and 1.1, plain or
// gzip): responses with status 200, and resources. Other records are skipped and counted.
// A record that cannot be read is given to odd, with its number and the reason; reading
// goes on if it can.
func ReadWARC(r io.Reader, name string, each func(Page) error, odd func(record int, reason string)) (skipped int, err error) {
	br := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		gz, err := gzip.NewReader(br) // reads one member after the other
		if err != nil {
			return 0, fmt.Errorf("read WARC %s: %w", name, err)
		}
		defer gz.Close()
		br = bufio.NewReaderSize(gz, 64<<10)
	}
	for n := 1; ; n++ {
		header, block, err := nextRecord(br)
		if errors.Is(err, io.EOF) {
			return skipped, nil
		}
		if err != nil {
			return skipped, fmt.Errorf("read WARC %s, record %d: %w", name, n, err)
		}
		page, why := header.page(block, name)
		if why == notAPage {
			skipped++
			continue
		}
		if why != "" {
			odd(n, why)
			continue
		}
		if err := each(page); err != nil {
			return skipped, err
		}
	}
}

const notAPage = "not a page"

// maxMembers is how many WARC files one WACZ file may have.
const maxMembers = 1000

// ReadWACZ reads the pages of a WACZ file (version 1.1): a ZIP archive with WARC files
// below archive/. It skips the indexes.
func ReadWACZ(r io.ReaderAt, size int64, name string, each func(Page) error, odd func(record int, reason string)) (skipped int, err error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return 0, fmt.Errorf("read WACZ %s: %w", name, err)
	}
	members := 0
	for _, m := range z.File {
		lower := strings.ToLower(m.Name)
		if !strings.HasPrefix(lower, "archive/") || !strings.HasSuffix(lower, ".warc") && !strings.HasSuffix(lower, ".warc.gz") {
			continue
		}
		if members++; members > maxMembers {
			return skipped, fmt.Errorf("read WACZ %s: more than %d WARC files", name, maxMembers)
		}
		f, err := m.Open()
		if err != nil {
			return skipped, fmt.Errorf("read WACZ %s, %s: %w", name, m.Name, err)
		}
		n, err := ReadWARC(f, name+"/"+m.Name, each, odd)
		skipped += n
		if err := errors.Join(err, f.Close()); err != nil {
			return skipped, err
		}
	}
	return skipped, nil
}

// warcHeader holds the named fields of a record.
type warcHeader textproto.MIMEHeader

func (h warcHeader) get(name string) string { return textproto.MIMEHeader(h).Get(name) }

func nextRecord(br *bufio.Reader) (warcHeader, []byte, error) {
	var version string
	for version == "" { // blank lines end the record before
		line, err := readLine(br)
		if err != nil {
			return nil, nil, err
		}
		version = line
	}
	if !strings.HasPrefix(version, "WARC/1.") {
		return nil, nil, fmt.Errorf("no WARC record begins with %.40q", version)
	}
	header := make(warcHeader)
	for {
		line, err := readLine(br)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, nil, err
		}
		if line == "" {
			break
		}
		if key, value, ok := strings.Cut(line, ":"); ok && len(header) < 100 {
			textproto.MIMEHeader(header).Add(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
	size, err := strconv.ParseInt(header.get("Content-Length"), 10, 64)
	if err != nil || size < 0 {
		return nil, nil, fmt.Errorf("bad Content-Length %q", header.get("Content-Length"))
	}
	if size > maxRecord {
		if _, err := io.CopyN(io.Discard, br, size); err != nil {
			return nil, nil, fmt.Errorf("record is cut off: %w", io.ErrUnexpectedEOF)
		}
		return header, nil, nil
	}
	var block bytes.Buffer // grows with what is there, not with the length that is claimed
	if _, err := io.CopyN(&block, br, size); err != nil {
		return nil, nil, fmt.Errorf("record is cut off: %w", io.ErrUnexpectedEOF)
	}
	return header, block.Bytes(), nil
}

// readLine reads one header line of at most 64 KiB.
func readLine(br *bufio.Reader) (string, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errors.New("header line too long")
	}
	if err != nil && len(line) == 0 {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// page makes a page from a record. If it cannot, the second result is the reason.
func (h warcHeader) page(block []byte, name string) (Page, string) {
	kind := strings.ToLower(h.get("WARC-Type"))
	if kind != "response" && kind != "resource" {
		return Page{}, notAPage
	}
	if block == nil {
		return Page{}, fmt.Sprintf("record of more than %d bytes", maxRecord)
	}
	at, err := time.Parse(time.RFC3339, h.get("WARC-Date"))
	if err != nil {
		return Page{}, fmt.Sprintf("bad WARC-Date %q", h.get("WARC-Date"))
	}
	uri := strings.Trim(h.get("WARC-Target-URI"), "<>")
	page := Page{Fetch: Fetch{Time: at.UTC(), How: "warc", Name: name, URL: uri}}
	if kind == "resource" {
		page.Content, page.MediaType = block, MediaType(h.get("Content-Type"), uri, block)
		return page, ""
	}
	if !strings.HasPrefix(uri, "http://") && !strings.HasPrefix(uri, "https://") {
		return Page{}, notAPage // DNS and the like
	}
	return page.response(block)
}

// response reads the HTTP answer in a record.
func (p Page) response(block []byte) (Page, string) {
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(block)), nil)
	if err != nil {
		return Page{}, "not an HTTP answer: " + err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return Page{}, notAPage
	}
	body := io.Reader(response.Body)
	if strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		gz, err := gzip.NewReader(body)
		if err != nil {
			return Page{}, "not gzip as it says: " + err.Error()
		}
		body = gz
	}
	p.Content, err = io.ReadAll(io.LimitReader(body, maxRecord+1))
	if err != nil {
		return Page{}, "HTTP answer is cut off: " + err.Error()
	}
	if len(p.Content) > maxRecord {
		return Page{}, fmt.Sprintf("unpacks to more than %d bytes", maxRecord)
	}
	p.Fetch.Status, p.Fetch.Final, p.Fetch.Header = response.StatusCode, p.Fetch.URL, keptHeader(response.Header)
	p.MediaType = MediaType(response.Header.Get("Content-Type"), p.Fetch.URL, p.Content)
	return p, ""
}

// WriteWARC writes copies as a WARC/1.1 file; each record is a gzip member. Fetched copies
// become response records with the header that was kept, files become resource records.
// The same copies give the same bytes.
func WriteWARC(w io.Writer, pages []Page) error {
	info := "software: bandish\r\nformat: WARC File Format 1.1\r\n"
	at := time.Unix(0, 0)
	if len(pages) > 0 {
		at = pages[0].Fetch.Time
	}
	if err := writeRecord(w, "warcinfo", "", at, "application/warc-fields", []byte(info), nil); err != nil {
		return err
	}
	for _, p := range pages {
		if p.Fetch.Status == 0 {
			uri := p.Fetch.URL
			if uri == "" {
				sum := sha256.Sum256(p.Content)
				uri = "urn:sha256:" + hex.EncodeToString(sum[:])
			}
			if err := writeRecord(w, "resource", uri, p.Fetch.Time, p.MediaType, p.Content, nil); err != nil {
				return err
			}
			continue
		}
		uri := p.Fetch.Final
		if uri == "" {
			uri = p.Fetch.URL
		}
		if err := writeRecord(w, "response", uri, p.Fetch.Time, "application/http;msgtype=response", p.http(), p.Content); err != nil {
			return err
		}
	}
	return nil
}

// http returns the answer as a WARC record holds it. It names no transfer or content
// coding, since the copy was kept without them.
func (p Page) http() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", p.Fetch.Status, http.StatusText(p.Fetch.Status))
	for _, name := range slices.Sorted(maps.Keys(p.Fetch.Header)) {
		switch http.CanonicalHeaderKey(name) {
		case "Content-Encoding", "Transfer-Encoding", "Content-Length", "Connection":
			continue
		}
		for _, v := range p.Fetch.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, strings.NewReplacer("\r", " ", "\n", " ").Replace(v))
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(p.Content))
	b.Write(p.Content)
	return b.Bytes()
}

func writeRecord(w io.Writer, kind, uri string, at time.Time, contentType string, block, payload []byte) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "WARC/1.1\r\nWARC-Type: %s\r\nWARC-Record-ID: <%s>\r\nWARC-Date: %s\r\n", kind, recordID(kind, uri, at, block), at.UTC().Format(time.RFC3339))
	if uri != "" {
		fmt.Fprintf(&b, "WARC-Target-URI: %s\r\n", strings.NewReplacer("\r", "%0D", "\n", "%0A", " ", "%20").Replace(uri))
	}
	fmt.Fprintf(&b, "WARC-Block-Digest: %s\r\n", digest(block))
	if payload != nil {
		fmt.Fprintf(&b, "WARC-Payload-Digest: %s\r\n", digest(payload))
	}
	fmt.Fprintf(&b, "Content-Type: %s\r\nContent-Length: %d\r\n\r\n", contentType, len(block))
	b.Write(block)
	b.WriteString("\r\n\r\n")
	gz := gzip.NewWriter(w)
	if _, err := gz.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write WARC record: %w", err)
	}
	if err := gz.Close(); err != nil {
		return fmt.Errorf("write WARC record: %w", err)
	}
	return nil
}

// digest returns a hash in the form, with a label, that other WARC tools expect.
func digest(b []byte) string {
	sum := sha1.Sum(b)
	return "sha1:" + base32.StdEncoding.EncodeToString(sum[:])
}

// recordID makes a UUID (version 8, RFC 9562) from what the record holds. So the same
// record always has the same id.
func recordID(kind, uri string, at time.Time, block []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", kind, uri, at.UTC().Format(time.RFC3339))
	h.Write(block)
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

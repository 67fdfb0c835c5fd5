// Package bucket serves a folder as an S3 bucket that everybody can list and read, and
// nobody can write. It has as much of S3 (ListObjectsV2, GetObject, HeadObject) as the
// clients of OONI's public bucket need.
package bucket

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/internal/server"
)

// names are the names of the bucket, the first part of its paths: a short one for people,
// and the name of OONI's bucket, which is built into OONI's tools.
var names = []string{"s3", "ooni-data-eu-fra"}

// Folder is what is served. Nothing outside of it can be reached, not even by links.
type Folder struct {
	Root *os.Root
	Log  *slog.Logger
}

// Patterns returns the patterns of [http.ServeMux] for which Handler has answers.
func (f *Folder) Patterns() []string {
	var out []string
	for _, name := range names {
		out = append(out, "GET /"+name, "GET /"+name+"/{key...}")
	}
	return out
}

// Handler answers all paths of Patterns.
func (f *Folder) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		err := error(nil)
		if key == "" {
			err = f.list(w, r, name)
		} else {
			err = f.object(w, r, key)
		}
		var known *s3Error
		switch {
		case err == nil:
			return
		case errors.As(err, &known):
		case server.Gone(r, err):
			return
		default:
			f.Log.Error("bucket", "path", r.URL.Path, "err", err)
			known = &s3Error{Code: "InternalError", Message: "something broke on our side; it was logged", status: http.StatusInternalServerError}
		}
		writeXML(w, known.status, known)
	})
}

// s3Error is an error in the form of S3.
type s3Error struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	status  int
}

func (e *s3Error) Error() string { return e.Message }

func writeXML(w http.ResponseWriter, status int, v any) {
	body, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, "encode answer", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	w.Write(append([]byte(xml.Header), body...)) // an error is the client's loss
}

func (f *Folder) object(w http.ResponseWriter, r *http.Request, key string) error {
	missing := &s3Error{Code: "NoSuchKey", Message: "there is no such object", status: http.StatusNotFound}
	if !fs.ValidPath(key) {
		return missing
	}
	file, err := f.Root.Open(key)
	if err != nil {
		return missing
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return missing
	}
	w.Header().Set("ETag", etag(key, st))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", st.ModTime(), file)
	return nil
}

// etag tells versions of an object apart, by what the file system knows of it.
func etag(key string, st fs.FileInfo) string {
	sum := sha256.Sum256(fmt.Append(nil, key, "\x00", st.Size(), "\x00", st.ModTime().UnixNano()))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// listing is the answer to ListObjectsV2.
type listing struct {
	XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name         string
	Prefix       string
	Delimiter    string `xml:",omitempty"`
	EncodingType string `xml:",omitempty"`
	StartAfter   string `xml:",omitempty"`
	KeyCount     int
	MaxKeys      int
	IsTruncated  bool
	Token        string `xml:"ContinuationToken,omitempty"`
	NextToken    string `xml:"NextContinuationToken,omitempty"`
	Contents     []object
	Common       []common `xml:"CommonPrefixes"`
}

type object struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

type common struct{ Prefix string }

const maxKeys = 1000

func (f *Folder) list(w http.ResponseWriter, r *http.Request, name string) error {
	q := r.URL.Query()
	bad := func(text string) error {
		return &s3Error{Code: "InvalidArgument", Message: text, status: http.StatusBadRequest}
	}
	if q.Get("list-type") != "2" {
		return &s3Error{Code: "NotImplemented", Message: "only objects can be read, and listed with list-type=2", status: http.StatusNotImplemented}
	}
	out := listing{Name: name, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), EncodingType: q.Get("encoding-type"), StartAfter: q.Get("start-after"), MaxKeys: maxKeys, Token: q.Get("continuation-token")}
	if out.EncodingType != "" && out.EncodingType != "url" {
		return bad("encoding-type must be url")
	}
	if v := q.Get("max-keys"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return bad("max-keys must be a whole number")
		}
		out.MaxKeys = min(n, maxKeys)
	}
	after := out.StartAfter
	if out.Token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(out.Token)
		if err != nil {
			return bad("continuation-token is not one that this server gave")
		}
		after = string(raw)
	}
	keys, err := f.keys(out.Prefix)
	if err != nil {
		return err
	}
	last := ""
	for _, key := range keys {
		name, whole := key, true
		if out.Delimiter != "" {
			if i := strings.Index(key[len(out.Prefix):], out.Delimiter); i >= 0 {
				name, whole = key[:len(out.Prefix)+i+len(out.Delimiter)], false
			}
		}
		if name <= after || !whole && name == last || !whole && strings.HasPrefix(after, name) {
			continue
		}
		if out.KeyCount == out.MaxKeys {
			out.IsTruncated, out.NextToken = true, base64.RawURLEncoding.EncodeToString([]byte(last))
			break
		}
		out.KeyCount++
		last = name
		if !whole {
			out.Common = append(out.Common, common{name})
			continue
		}
		st, err := f.Root.Stat(key)
		if err != nil {
			return err
		}
		out.Contents = append(out.Contents, object{Key: key, LastModified: st.ModTime().UTC().Format("2006-01-02T15:04:05.000Z"), ETag: etag(key, st), Size: st.Size(), StorageClass: "STANDARD"})
	}
	if out.EncodingType == "url" {
		out.encode()
	}
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	writeXML(w, http.StatusOK, out)
	return nil
}

// encode escapes keys if encoding-type=url asks for it.
func (l *listing) encode() {
	escape := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	l.Prefix, l.Delimiter, l.StartAfter = escape(l.Prefix), escape(l.Delimiter), escape(l.StartAfter)
	for i := range l.Contents {
		l.Contents[i].Key = escape(l.Contents[i].Key)
	}
	for i := range l.Common {
		l.Common[i].Prefix = escape(l.Common[i].Prefix)
	}
}

// keys returns the objects below a prefix, in the order of S3: by bytes.
func (f *Folder) keys(prefix string) ([]string, error) {
	var out []string
	from := path.Dir(prefix + "x")
	if !fs.ValidPath(from) {
		return nil, nil
	}
	err := fs.WalkDir(f.Root.FS(), from, func(p string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir():
			if p != "." && p != from && !strings.HasPrefix(p+"/", prefix) && !strings.HasPrefix(prefix, p+"/") {
				return fs.SkipDir
			}
		case d.Type().IsRegular() && strings.HasPrefix(p, prefix):
			out = append(out, p)
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

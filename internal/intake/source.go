package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bandish/bandish/internal/dial"
)

// Filter narrows an import. Empty fields narrow nothing.
type Filter struct {
	CC    string // ISO 3166-1 alpha-2, upper case
	Test  string // as OONI names it, for instance web_connectivity
	Since time.Time
	Until time.Time // exclusive
}

// Source is one file or object that holds documents.
type Source struct {
	Name     string // path, URL, or s3://bucket/key
	Size     int64  // bytes as stored; -1 if not known
	Identity string // changes when the content does; "" if not known
	Open     func(ctx context.Context) (io.ReadCloser, error)
}

// Buckets says where to reach "ooni" and s3:// sources.
type Buckets struct {
	Endpoint string // host[:port] of the S3 API; default s3.amazonaws.com
	Insecure bool   // plain http, for a server on this machine
	Region   string // default eu-central-1, where ooni-data-eu-fra is
	Private  bool   // also reach names whose addresses are not on the public internet; for http(s) sources too
	Today    time.Time
}

// ooniBucket is where OONI publishes its raw measurements.
const ooniBucket = "ooni-data-eu-fra"

// List returns the sources that arg names: a file, a folder, an http(s) URL, an s3:// URL,
// or "ooni" for OONI's public bucket. They are ordered by name.
func List(ctx context.Context, arg string, f Filter, b Buckets) ([]Source, error) {
	switch {
	case arg == "ooni":
		if f.Since.IsZero() {
			return nil, errors.New("import ooni: it holds billions of measurements: name a span with --since and --until (and best --cc and --test)")
		}
		return listBucket(ctx, ooniBucket, "", f, b)
	case strings.HasPrefix(arg, "s3://"):
		u, err := url.Parse(arg)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s: not an s3://bucket/prefix", arg)
		}
		return listBucket(ctx, u.Host, strings.TrimPrefix(u.Path, "/"), f, b)
	case strings.HasPrefix(arg, "http://"), strings.HasPrefix(arg, "https://"):
		return []Source{httpSource(arg, b.Private)}, nil
	}
	return listFiles(arg)
}

func listFiles(root string) ([]Source, error) {
	st, err := os.Stat(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file or folder (a source is a file, a folder, http(s)://…, s3://bucket/prefix or ooni)", root)
	}
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return []Source{fileSource(root, st)}, nil
	}
	var out []Source
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && p != root {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		st, err := os.Stat(p) // follows links to files
		if err != nil || !st.Mode().IsRegular() {
			return nil
		}
		out = append(out, fileSource(p, st))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", root, err)
	}
	slices.SortFunc(out, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func fileSource(p string, st fs.FileInfo) Source {
	return Source{
		Name:     p,
		Size:     st.Size(),
		Identity: fmt.Sprintf("%d %d", st.Size(), st.ModTime().UnixNano()),
		Open:     func(context.Context) (io.ReadCloser, error) { return os.Open(p) },
	}
}

func httpSource(u string, private bool) Source {
	name := u
	if p, err := url.Parse(u); err == nil && p.User != nil { // the archive must not contain a password
		p.User = nil
		name = p.String()
	}
	return Source{Name: name, Size: -1, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return unstalled(ctx, stall, func(ctx context.Context) (io.ReadCloser, error) { return openWeb(ctx, u, private) })
	}}
}

// maxObjects is how many objects one listing may name.
const maxObjects = 5_000_000

func listBucket(ctx context.Context, bucket, prefix string, f Filter, b Buckets) ([]Source, error) {
	endpoint := b.Endpoint
	if endpoint == "" {
		endpoint = "s3.amazonaws.com"
	}
	region := b.Region
	if region == "" {
		region = "eu-central-1"
	}
	client, err := minio.New(endpoint, &minio.Options{
		Creds:  credentials.NewStatic("", "", "", credentials.SignatureAnonymous),
		Secure: !b.Insecure,
		Region: region, Transport: dial.For(endpoint, b.Private).Proxied(),
	})
	if err != nil {
		return nil, fmt.Errorf("s3://%s: %w", bucket, err)
	}
	ctx, cancel := context.WithCancelCause(ctx) // ends the other listings when one fails
	defer cancel(nil)
	all := prefixes(prefix, f, b.Today)
	lists := make([][]Source, len(all))
	var wg sync.WaitGroup
	var found atomic.Int64
	free := make(chan struct{}, maxListings)
	for i, p := range all {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			var err error
			if lists[i], err = listPrefix(ctx, client, bucket, p, f, &found); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	out := slices.Concat(lists...)
	slices.SortFunc(out, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(out, func(a, b Source) bool { return a.Name == b.Name }), nil
}

// maxListings is how many prefixes are listed at one time. Two weeks of one country have
// about five hundred, and each takes a round trip.
const maxListings = 8

// listPrefix lists the wanted objects of one prefix. It adds their number to found.
func listPrefix(ctx context.Context, client *minio.Client, bucket, p string, f Filter, found *atomic.Int64) ([]Source, error) {
	ctx, cancel := context.WithCancel(ctx) // ends a listing that is not read to its end
	defer cancel()
	var out []Source
	first := ""
	for o := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Prefix: p, Recursive: true}) {
		if o.Err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", bucket, p, o.Err)
		}
		switch {
		case first == "":
			first = o.Key
		case o.Key == first:
			return nil, fmt.Errorf("list s3://%s/%s: the server lists in circles: %q came again", bucket, p, first)
		case found.Load() >= maxObjects:
			return nil, fmt.Errorf("list s3://%s/%s: more than %d objects: name a longer prefix or a shorter span", bucket, p, maxObjects)
		}
		if !wanted(o.Key, f) {
			continue
		}
		found.Add(1)
		key := o.Key
		out = append(out, Source{
			Name: "s3://" + bucket + "/" + key, Size: o.Size, Identity: o.ETag,
			Open: func(ctx context.Context) (io.ReadCloser, error) {
				return unstalled(ctx, stall, func(ctx context.Context) (io.ReadCloser, error) {
					return client.GetObject(ctx, bucket, key, minio.GetObjectOptions{})
				})
			},
		})
	}
	return out, nil
}

// uploadLag is how long after the wanted time uploads are looked for. Probes that were
// offline, as in a shutdown, send late.
const uploadLag = 7 * 24 * time.Hour

// prefixes returns the smallest set of key prefixes below which the wanted objects lie. If
// there is a time span and the user gave no prefix, it walks the layouts of the bucket by
// day, hour and country: raw/YYYYMMDD/HH/CC/testname/ and the older
// jsonl/testname/CC/YYYYMMDD/00/.
func prefixes(prefix string, f Filter, today time.Time) []string {
	if prefix != "" || f.Since.IsZero() {
		return []string{prefix}
	}
	until := f.Until.Add(uploadLag)
	if f.Until.IsZero() || !today.IsZero() && until.After(today.AddDate(0, 0, 1)) {
		until = today.AddDate(0, 0, 1)
	}
	var out []string
	for day := f.Since.UTC().Truncate(24 * time.Hour); day.Before(until); day = day.AddDate(0, 0, 1) {
		d := day.Format("20060102")
		if f.CC == "" {
			out = append(out, "raw/"+d+"/")
		} else {
			for h := range 24 {
				p := fmt.Sprintf("raw/%s/%02d/%s/", d, h, f.CC)
				if f.Test != "" {
					p += squash(f.Test) + "/"
				}
				out = append(out, p)
			}
		}
		if f.Test != "" && f.CC != "" { // the old layout begins with the test
			out = append(out, fmt.Sprintf("jsonl/%s/%s/%s/", squash(f.Test), f.CC, d))
		}
	}
	if f.Test == "" || f.CC == "" {
		out = append(out, oldPrefixes(f, until)...)
	}
	return out
}

// oldTests are the tests of the years of the older layout.
var oldTests = []string{"webconnectivity", "whatsapp", "telegram", "facebookmessenger", "signal", "tor", "psiphon", "vanillator", "torsf", "dnscheck", "urlgetter"}

// oldEnd is when the older layout ended. OONI began raw/ in October 2020.
var oldEnd = time.Date(2020, 11, 1, 0, 0, 0, 0, time.UTC)

func oldPrefixes(f Filter, until time.Time) []string {
	if f.Since.After(oldEnd) {
		return nil
	}
	tests := oldTests
	if f.Test != "" {
		tests = []string{squash(f.Test)}
	}
	var out []string
	for _, t := range tests {
		if f.CC == "" {
			out = append(out, "jsonl/"+t+"/")
			continue
		}
		for day := f.Since.UTC().Truncate(24 * time.Hour); day.Before(until) && day.Before(oldEnd); day = day.AddDate(0, 0, 1) {
			out = append(out, fmt.Sprintf("jsonl/%s/%s/%s/", t, f.CC, day.Format("20060102")))
		}
	}
	return out
}

// squash writes a test as the bucket does: web_connectivity becomes webconnectivity.
func squash(test string) string { return strings.ReplaceAll(test, "_", "") }

// wanted reports whether an object can hold what the filter asks for. Tars are not wanted:
// the JSONL beside them holds the same measurements.
func wanted(key string, f Filter) bool {
	name := path.Base(key)
	part := strings.Split(key, "/")
	known := len(part) >= 6 && (part[0] == "raw" || part[0] == "jsonl")
	if !known {
		return strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst") || strings.HasSuffix(name, ".csv") || strings.HasSuffix(name, ".parquet")
	}
	if !strings.Contains(name, ".jsonl") {
		return false
	}
	cc, test, day := part[3], part[4], part[1]
	if part[0] == "jsonl" {
		test, cc, day = part[1], part[2], part[3]
	}
	if f.CC != "" && cc != f.CC || f.Test != "" && test != squash(f.Test) {
		return false
	}
	t, err := time.Parse("20060102", day)
	if err != nil {
		return true
	}
	if !f.Since.IsZero() && t.Before(f.Since.UTC().Truncate(24*time.Hour)) {
		return false
	}
	return f.Until.IsZero() || t.Before(f.Until.Add(uploadLag))
}

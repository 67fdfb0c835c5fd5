package object

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/bandish/bandish/internal/dial"
)

// Access says how to reach a bucket. An empty field comes from the environment variables
// that other programs use: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
// AWS_DEFAULT_REGION. The key comes from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, or from ~/.aws/credentials.
type Access struct {
	Endpoint string // host[:port] of the S3 API; default s3.amazonaws.com
	Insecure bool   // plain http
	Region   string // default us-east-1
	Private  bool   // also reach names whose addresses are not on the public internet

	Key, Secret string
}

// S3 is a store below a prefix of a bucket.
type S3 struct {
	client         *minio.Client
	bucket, prefix string // the prefix is "" or ends with a slash
}

// OpenS3 returns the store at s3://bucket/prefix. It does not contact the server yet.
func OpenS3(at string, a Access) (*S3, error) {
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "s3" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%s is no bucket: want s3://bucket/prefix", at)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		if err := CheckName(prefix); err != nil {
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		prefix += "/"
	}
	a, err = a.completed()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	keys := credentials.NewStaticV4(a.Key, a.Secret, "")
	if a.Key == "" {
		keys = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}})
	}
	if v, err := keys.GetWithContext(nil); err != nil || v.AccessKeyID == "" {
		return nil, fmt.Errorf("%s: no key for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write ~/.aws/credentials", at)
	}
	client, err := minio.New(a.Endpoint, &minio.Options{
		Creds: keys, Secure: !a.Insecure, Region: a.Region, Transport: dial.For(a.Endpoint, a.Private).Proxied(), MaxRetries: 5,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return &S3{client: client, bucket: u.Host, prefix: prefix}, nil
}

// completed fills empty fields from the environment.
func (a Access) completed() (Access, error) {
	if named := cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")); a.Endpoint == "" && named != "" {
		u, err := url.Parse(named)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return a, fmt.Errorf("the environment names the endpoint %q: want https://host[:port]", named)
		}
		a.Endpoint, a.Insecure = u.Host, u.Scheme == "http"
	}
	a.Endpoint = cmp.Or(a.Endpoint, "s3.amazonaws.com")
	a.Region = cmp.Or(a.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), "us-east-1")
	return a, nil
}

func (s *S3) String() string { return strings.TrimSuffix("s3://"+s.bucket+"/"+s.prefix, "/") }

// failed turns an error of the server into one of this package. refused is the error that
// a failed condition means.
func (s *S3) failed(what, name string, err, refused error) error {
	if err == nil {
		return nil
	}
	r := minio.ToErrorResponse(err)
	switch {
	case r.Code == minio.NoSuchKey && refused != nil, r.StatusCode == http.StatusPreconditionFailed, r.Code == minio.PreconditionFailed:
		err = cmp.Or(refused, err)
	case r.Code == minio.NoSuchKey, r.StatusCode == http.StatusNotFound && r.Code != minio.NoSuchBucket:
		err = ErrMissing
	}
	return fmt.Errorf("%s %s in %s: %w", what, name, s, err)
}

// busy reports whether the server is handling another request for the same name. Then the
// condition was not tested.
func busy(err error) bool {
	return minio.ToErrorResponse(err).StatusCode == http.StatusConflict
}

// maxBusy is how often a request is repeated that met another for the same name.
const maxBusy = 20

// put sends an object in one request, on the condition that the present version is old.
func (s *S3) put(ctx context.Context, name string, content io.ReadSeeker, old Version) (Version, error) {
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		return None, err
	}
	o := minio.PutObjectOptions{DisableMultipart: true, SendContentMd5: true, ContentType: "application/octet-stream"}
	o.DisableContentSha256 = size == 0 // else the client sends empty content in chunks, which some servers refuse
	if old == None {
		o.SetMatchETagExcept("*")
	} else {
		o.SetMatchETag(string(old))
	}
	for try := 0; ; try++ {
		if _, err := content.Seek(0, io.SeekStart); err != nil {
			return None, err
		}
		done, err := s.client.PutObject(ctx, s.bucket, s.prefix+name, content, size, o)
		switch {
		case err == nil:
			return Version(done.ETag), nil
		case unanswered(err):
			return None, s.unmet(ctx, name, old, err)
		case !busy(err) || try >= maxBusy:
			return None, err
		}
		if err := pause(ctx, try); err != nil {
			return None, err
		}
	}
}

// unanswered reports whether a request ended without an answer of the server.
func unanswered(err error) bool {
	var answer minio.ErrorResponse
	return !errors.As(err, &answer)
}

// unmet returns the error for a put that got no answer in any of its tries. A server may
// refuse a condition and close the connection before it has read the content; then its
// answer is lost. So unmet looks at what is there. If that is not the version of the
// condition, it returns the refusal, else err.
func (s *S3) unmet(ctx context.Context, name string, old Version, err error) error {
	there, e := s.client.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
	missing := minio.ToErrorResponse(e).StatusCode == http.StatusNotFound
	if e != nil && !missing || Version(there.ETag) == old {
		return err
	}
	return minio.ErrorResponse{StatusCode: http.StatusPreconditionFailed, Code: minio.PreconditionFailed}
}

func (s *S3) Create(ctx context.Context, name string, content io.ReadSeeker) error {
	if err := CheckName(name); err != nil {
		return err
	}
	_, err := s.put(ctx, name, content, None)
	return s.failed("create", name, err, ErrExists)
}

func (s *S3) Swap(ctx context.Context, name string, old Version, content []byte) (Version, error) {
	if err := CheckName(name); err != nil {
		return None, err
	}
	v, err := s.put(ctx, name, bytes.NewReader(content), old)
	return v, s.failed("replace", name, err, ErrChanged)
}

func (s *S3) Open(ctx context.Context, name string, from, n int64) (io.ReadCloser, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	var o minio.GetObjectOptions
	switch {
	case from < 0:
		return nil, behindEnd(s, name, from)
	case n == 0: // S3 cannot express an empty range
		n = 1
		r, err := s.Open(ctx, name, from, n)
		if err != nil {
			return nil, err
		}
		return http.NoBody, r.Close()
	case n > 0:
		if err := o.SetRange(from, from+n-1); err != nil {
			return nil, err
		}
	case from > 0:
		if err := o.SetRange(from, 0); err != nil {
			return nil, err
		}
	}
	r, _, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.prefix+name, o)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return nil, behindEnd(s, name, from)
	}
	return r, s.failed("read", name, err, nil)
}

func (s *S3) Read(ctx context.Context, name string) ([]byte, Version, error) {
	if err := CheckName(name); err != nil {
		return nil, None, err
	}
	r, info, _, err := minio.Core{Client: s.client}.GetObject(ctx, s.bucket, s.prefix+name, minio.GetObjectOptions{})
	if err != nil {
		return nil, None, s.failed("read", name, err, nil)
	}
	defer r.Close()
	text, err := readAll(name, r)
	if err == nil && int64(len(text)) != info.Size {
		err = io.ErrUnexpectedEOF
	}
	return text, Version(info.ETag), s.failed("read", name, err, nil)
}

// maxObjects is the longest list that is read, in case a server never ends one.
const maxObjects = 100_000_000

func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends a list that is not read to its end
		defer cancel()
		n, last := 0, ""
		for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true}) {
			err := o.Err
			if n++; err == nil && (n > maxObjects || o.Key <= last) {
				err = errors.New("the server lists in circles, or out of order")
			}
			if err != nil {
				yield(Info{}, fmt.Errorf("list %s: %w", s, err))
				return
			}
			last = o.Key
			name := strings.TrimPrefix(o.Key, s.prefix)
			if CheckName(name) != nil {
				continue // it is not ours
			}
			if !yield(Info{Name: name, Size: o.Size, Written: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, fmt.Errorf("list %s: %w", s, err))
		}
	}
}

func (s *S3) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.bucket, s.prefix+name, minio.RemoveObjectOptions{})
	if err = s.failed("delete", name, err, nil); errors.Is(err, ErrMissing) {
		return nil
	}
	return err
}

package object_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bandish/bandish/internal/child"
	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/internal/object"
	"github.com/bandish/bandish/internal/object/objecttest"
)

// racer is what the environment of a child of TestProcessesRace holds: the address of
// the store, the endpoint and the number of the child.
const racer = "BANDISH_TEST_RACER"

func TestMain(m *testing.M) {
	if args := strings.Fields(os.Getenv(racer)); len(args) == 4 {
		if err := race(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// stores are all stores that there are, each as a function that opens it again.
func stores(t *testing.T) map[string]func() object.Store {
	dir := filepath.Join(t.TempDir(), "not", "yet")
	at, access := objecttest.Bucket(t)
	memory := &objecttest.Memory{}
	s3 := func(at string) func() object.Store {
		return func() object.Store {
			s, err := object.OpenS3(at, access)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	all := map[string]func() object.Store{
		"a folder":             func() object.Store { return object.NewFolder(disk.OS{}, dir) },
		"a bucket":             s3(at),
		"a prefix of a bucket": s3(at + "/of a/prefix/"),
		"memory":               func() object.Store { return memory },
	}
	if at, access, ok := objecttest.Gateway(t); ok {
		all["versitygw"] = func() object.Store {
			s, err := object.OpenS3(at+"/a/prefix", access)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	// A server of others, as s3://bucket/prefix, reached and signed for as the
	// environment says: versitygw 1.8.0 passes.
	if at := os.Getenv("BANDISH_S3"); at != "" {
		at += "/" + rand.Text()
		all["a server of others"] = func() object.Store {
			s, err := object.OpenS3(at, object.Access{Private: true})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	return all
}

func TestStores(t *testing.T) {
	t.Parallel()
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) { objecttest.Suite(t, open) })
	}
}

// race adds lines to one object, as one of many processes.
func race(args []string) error {
	var s object.Store = object.NewFolder(disk.OS{}, args[0])
	if args[1] != "-" {
		var err error
		if s, err = object.OpenS3(args[0], object.Access{Endpoint: args[1], Insecure: true, Private: true, Key: "key", Secret: "secret"}); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for round := 0; in.Scan(); round++ {
		if err := objecttest.AddLine(context.Background(), s, "part", fmt.Sprintf("%s-%d", args[2], round)); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return in.Err()
}

// Sixteen processes change one object at the same moment, again and again: nothing is
// lost and nothing is there twice.
func TestProcessesRace(t *testing.T) {
	t.Parallel()
	rounds := 20
	if n, err := strconv.Atoi(os.Getenv("BANDISH_RACE_ROUNDS")); err == nil { // 200 take 13 s of processor time
		rounds = n
	}
	at, access := objecttest.Bucket(t)
	bucket, err := object.OpenS3(at, access)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	raceProcesses(t, bucket, rounds, at+" "+access.Endpoint)
	raceProcesses(t, object.NewFolder(disk.OS{}, dir), rounds/4, dir+" -")
}

func raceProcesses(t *testing.T, s object.Store, rounds int, where string) {
	t.Helper()
	const processes = 16
	type process struct {
		in  io.WriteCloser
		out *bufio.Scanner
	}
	var all []process
	for i := range processes {
		cmd := child.Command(t.Context(), t, fmt.Sprintf("%s=%s %d x", racer, where, i))
		in, out := child.Start(t, cmd)
		p := process{in, out}
		defer func() {
			p.in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		}()
		if !p.out.Scan() {
			t.Fatalf("process %d did not start", i)
		}
		all = append(all, p)
	}
	for range rounds { // a round begins when all have ended the one before
		for _, p := range all {
			if _, err := io.WriteString(p.in, "go\n"); err != nil {
				t.Fatal(err)
			}
		}
		for i, p := range all {
			if !p.out.Scan() {
				t.Fatalf("process %d ended", i)
			}
		}
	}
	objecttest.HoldsLines(t, s, "part", processes, rounds)
}

// A server that takes conditions and does not heed them is refused.
func TestServerWithoutConditions(t *testing.T) {
	t.Parallel()
	at, access := objecttest.Bucket(t)
	for _, header := range []string{"If-None-Match", "If-Match"} {
		t.Run(header, func(t *testing.T) {
			deaf := access
			deaf.Endpoint = without(t, access.Endpoint, header)
			s, err := object.OpenS3(at, deaf)
			if err != nil {
				t.Fatal(err)
			}
			if err := object.Probe(t.Context(), s); err == nil || !strings.Contains(err.Error(), header) {
				t.Errorf("the probe says %v", err)
			}
		})
	}
}

// without is a way to a server that drops a header. A signature need not cover it for
// the server of the tests, which asks for none.
func without(t *testing.T, endpoint, header string) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(header)
		out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+endpoint+r.URL.RequestURI(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header, out.ContentLength = r.Header, r.ContentLength
		got, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer got.Body.Close()
		for k, v := range got.Header {
			w.Header()[k] = v
		}
		w.WriteHeader(got.StatusCode)
		io.Copy(w, got.Body)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// A server may refuse a condition and close the connection before it has read the
// content. Its answer is lost then, each time. The caller learns all the same that the
// object is there, or was changed; and gets the error of the line where it is not so.
func TestLostRefusals(t *testing.T) {
	t.Parallel()
	at, access := objecttest.Bucket(t)
	s, err := object.OpenS3(at, access)
	if err != nil {
		t.Fatal(err)
	}
	old, err := s.Swap(t.Context(), "here", object.None, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Swap(t.Context(), "here", old, []byte("two")); err != nil {
		t.Fatal(err)
	}
	access.Endpoint = resetting(t, access.Endpoint)
	if s, err = object.OpenS3(at, access); err != nil {
		t.Fatal(err)
	}
	large := bytes.Repeat([]byte("content "), 1<<20)
	for _, c := range []struct {
		name string
		do   func() error
		want error
	}{
		{"create what is there", func() error { return s.Create(t.Context(), "here", bytes.NewReader(large)) }, object.ErrExists},
		{"create what is not there", func() error { return s.Create(t.Context(), "gone", bytes.NewReader(large)) }, nil},
		{"swap what was changed", func() error { _, err := s.Swap(t.Context(), "here", old, large); return err }, object.ErrChanged},
		{"swap what is as it was", func() error {
			_, now, err := s.Read(t.Context(), "here")
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Swap(t.Context(), "here", now, large)
			return err
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.do()
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
			if c.want == nil && (err == nil || errors.Is(err, object.ErrExists) || errors.Is(err, object.ErrChanged)) {
				t.Errorf("the error is %v, want that of the line", err)
			}
		})
	}
}

// resetting is a way to a server that resets each connection on which a PUT comes.
func resetting(t *testing.T, endpoint string) string {
	to, err := url.Parse("http://" + endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut {
			proxy.ServeHTTP(w, r)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.(*net.TCPConn).SetLinger(0) // Close sends a reset
		conn.Close()
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// An answer that is lost is asked for again: who created an object learns then that it
// is there, and who swapped one that it was changed. Update finds by itself that the
// change is its own.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	lost := errors.New("the line is down")
	m := &objecttest.Memory{}
	n := 0
	m.After = func(call, _ string) error {
		if n++; call == "swap" && n%2 == 0 {
			return lost
		}
		return nil
	}
	for i := range 20 {
		for try := 0; ; try++ {
			err := objecttest.AddLine(t.Context(), m, "part", fmt.Sprintf("0-%d", i))
			if err == nil {
				break
			}
			if !errors.Is(err, lost) || try > 5 {
				t.Fatal(err)
			}
		}
	}
	objecttest.HoldsLines(t, m, "part", 1, 20)
}

func TestAddresses(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct{ at, wants string }{
		{"s3://", "no bucket"}, {"s3:///prefix", "no bucket"}, {"s3://bucket?x=1", "no bucket"}, {"s3://bucket/../x", "no name"},
		{"s3://bucket/prefix", "AWS_ACCESS_KEY_ID"}, {"file://folder", "whole path"},
	} {
		if _, ok, err := object.At(c.at, object.Access{}); !ok || err == nil || !strings.Contains(err.Error(), c.wants) {
			t.Errorf("%s: %v, want %q", c.at, err, c.wants)
		}
	}
	if _, ok, err := object.At("/a/folder", object.Access{}); ok || err != nil {
		t.Errorf("a folder is a store: %v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_ENDPOINT_URL", "localhost:9000")
	if _, _, err := object.At("s3://bucket", object.Access{}); err == nil || !strings.Contains(err.Error(), "https://") {
		t.Errorf("an endpoint without a scheme: %v", err)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://localhost:9000")
	for at, want := range map[string]string{"s3://bucket": "s3://bucket", "s3://bucket/a/b/": "s3://bucket/a/b", "file:///a/b/": "file:///a/b"} {
		s, ok, err := object.At(at, object.Access{})
		if err != nil || !ok || s.String() != want {
			t.Errorf("%s is %v, %v", at, s, err)
		}
	}
}

// failing is a disk of which the call of a number fails, or after which nothing goes.
type failing struct {
	disk.Disk
	at      int
	forEver bool
	mu      sync.Mutex
	n       int
}

func (f *failing) call() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n++; f.n == f.at || f.forEver && f.n > f.at {
		return syscall.EIO
	}
	return nil
}

func (f *failing) CreateTemp(dir, pattern string) (disk.File, error) {
	if err := f.call(); err != nil {
		return nil, err
	}
	w, err := f.Disk.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	return &failingFile{w, f}, nil
}

func (f *failing) MkdirAll(dir string) error { return errors.Join(f.call(), f.Disk.MkdirAll(dir)) }
func (f *failing) Rename(from, to string) error {
	if err := f.call(); err != nil {
		return err
	}
	return f.Disk.Rename(from, to)
}
func (f *failing) SyncDir(dir string) error { return errors.Join(f.call(), f.Disk.SyncDir(dir)) }
func (f *failing) Remove(name string) error {
	if err := f.call(); err != nil {
		return err
	}
	return f.Disk.Remove(name)
}

type failingFile struct {
	disk.File
	d *failing
}

func (f *failingFile) Write(p []byte) (int, error) {
	if err := f.d.call(); err != nil {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, err
	}
	return f.File.Write(p)
}
func (f *failingFile) Chmod(m fs.FileMode) error { return errors.Join(f.d.call(), f.File.Chmod(m)) }
func (f *failingFile) Sync() error               { return errors.Join(f.d.call(), f.File.Sync()) }
func (f *failingFile) Close() error              { return errors.Join(f.File.Close(), f.d.call()) }

// Whatever call to the disk fails: an object in a folder is whole or not there, and
// what was said to be done is.
func TestFolderFaults(t *testing.T) {
	t.Parallel()
	for _, forEver := range []bool{false, true} {
		for at := 1; ; at++ {
			dir := filepath.Join(t.TempDir(), "store")
			d := &failing{Disk: disk.OS{}, at: at, forEver: forEver}
			s := object.NewFolder(d, dir)
			created := s.Create(t.Context(), "a/b/c", strings.NewReader("content"))
			v, first := s.Swap(t.Context(), "root", object.None, []byte("old"))
			_, second := s.Swap(t.Context(), "root", v, []byte("new"))
			again := object.NewFolder(disk.OS{}, dir)
			for name, c := range map[string]struct {
				said  error
				wants []string
			}{"a/b/c": {created, []string{"content"}}, "root": {first, []string{"old", "new"}}} {
				text, _, err := again.Read(t.Context(), name)
				if errors.Is(err, object.ErrMissing) && c.said != nil {
					continue
				}
				if err != nil || string(text) != c.wants[0] && string(text) != c.wants[len(c.wants)-1] {
					t.Fatalf("call %d, for ever %v: %s is %q, %v", at, forEver, name, text, err)
				}
				if name == "root" && second == nil && string(text) != "new" {
					t.Fatalf("call %d, for ever %v: the swap was said to be done, and there is %q", at, forEver, text)
				}
			}
			if d.n < at {
				if at < 25 {
					t.Fatalf("there are %d calls only", d.n)
				}
				break
			}
			if err := again.Create(t.Context(), "a/b/c", strings.NewReader("content")); err != nil && !errors.Is(err, object.ErrExists) {
				t.Fatal(err)
			}
			if err := objecttest.AddLine(t.Context(), again, "root", "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

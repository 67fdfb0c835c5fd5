// Package objecttest checks every store of objects against one contract. It also has
// stores for other tests: one in memory that fails on demand, and a server that speaks S3.
package objecttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/bandish/bandish/internal/child"
	"github.com/bandish/bandish/internal/object"
)

// Bucket starts a server that speaks S3 in this process, with one bucket. at is its
// address, as s3://bucket.
func Bucket(t testing.TB) (at string, access object.Access) {
	t.Helper()
	b := s3mem.New()
	if err := b.CreateBucket("kept"); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(gofakes3.New(b).Server())
	t.Cleanup(srv.Close)
	return "s3://kept", object.Access{Endpoint: strings.TrimPrefix(srv.URL, "http://"), Insecure: true, Private: true, Key: "key", Secret: "secret"}
}

// Gateway starts versitygw, an S3 server by others that keeps objects in a folder, and
// makes a bucket on it. BANDISH_VERSITYGW names the program; ok is false if it is not set.
func Gateway(t testing.TB) (at string, access object.Access, ok bool) {
	t.Helper()
	program := os.Getenv("BANDISH_VERSITYGW")
	if program == "" {
		return "", access, false
	}
	address := child.Free(t)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "kept"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--access", "key", "--secret", "secret", "--port", address, "--quiet", "posix", dir)
	child.Serve(t, cmd, address)
	return "s3://kept", object.Access{Endpoint: address, Insecure: true, Private: true, Key: "key", Secret: "secret"}, true
}

// Suite checks a store against its contract. open returns the same store again, as another
// process would see it.
func Suite(t *testing.T, open func() object.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, func() object.Store)
	}{
		{"what was created is read", created}, {"one of many creates", oneCreates}, {"swap", swaps}, {"nobody's change is lost", races},
		{"list", lists}, {"delete", deletes}, {"names", names}, {"an end that comes early", ends}, {"probe", probes},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

func content(text string) io.ReadSeeker { return strings.NewReader(text) }

func whole(t *testing.T, s object.Store, name string, from, n int64) string {
	t.Helper()
	r, err := s.Open(t.Context(), name, from, n)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

func created(t *testing.T, open func() object.Store) {
	s, other := open(), open()
	large := strings.Repeat("0123456789abcdef", 1<<20)
	for _, text := range []string{"", "x", "two\nlines", large} {
		name := fmt.Sprintf("created/%d/a b+c%%é", len(text))
		r := content(text)
		r.Seek(0, io.SeekEnd) // the store must seek to the beginning itself
		if err := s.Create(t.Context(), name, r); err != nil {
			t.Fatal(err)
		}
		if whole(t, other, name, 0, -1) != text {
			t.Errorf("%d bytes: other ones are read", len(text))
		}
		got, v, err := other.Read(t.Context(), name)
		if err != nil || string(got) != text || v == object.None {
			t.Errorf("%d bytes: %d are read, version %q, %v", len(text), len(got), v, err)
		}
		is(t, other.Create(t.Context(), name, content("other")), object.ErrExists)
		if whole(t, s, name, 0, -1) != text {
			t.Errorf("%d bytes: who came second changed it", len(text))
		}
	}
	name := "created/9/a b+c%é"
	for _, r := range []struct {
		from, n int64
		want    string
	}{{0, 3, "two"}, {4, 2, "li"}, {4, -1, "lines"}, {4, 100, "lines"}, {0, 0, ""}, {8, 1, "s"}} {
		if got := whole(t, s, name, r.from, r.n); got != r.want {
			t.Errorf("%d bytes from %d on: %q, want %q", r.n, r.from, got, r.want)
		}
	}
	for _, from := range []int64{-1, 9, 100} {
		if r, err := s.Open(t.Context(), name, from, 5); err == nil {
			r.Close()
			t.Errorf("from %d on something is read", from)
		}
	}
	_, err := s.Open(t.Context(), "created/none", 0, -1)
	is(t, err, object.ErrMissing)
	_, _, err = s.Read(t.Context(), "created/none")
	is(t, err, object.ErrMissing)
}

func oneCreates(t *testing.T, open func() object.Store) {
	for round := range 5 {
		name := fmt.Sprint("race/", round)
		var wg sync.WaitGroup
		errs := make([]error, 16)
		for i := range errs {
			s := open()
			wg.Go(func() { errs[i] = s.Create(t.Context(), name, content(fmt.Sprint(i))) })
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Errorf("%d and %d both created %s", winner, i, name)
			case err == nil:
				winner = i
			default:
				is(t, err, object.ErrExists)
			}
		}
		if got := whole(t, open(), name, 0, -1); got != fmt.Sprint(winner) {
			t.Errorf("%d created %s, and it holds %q", winner, name, got)
		}
	}
}

func swaps(t *testing.T, open func() object.Store) {
	s, other := open(), open()
	ctx := t.Context()
	_, err := s.Swap(ctx, "root", object.Version("0123456789abcdef0123456789abcdef"), []byte("a"))
	is(t, err, object.ErrChanged)
	first, err := s.Swap(ctx, "root", object.None, []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Swap(ctx, "root", object.None, []byte("b"))
	is(t, err, object.ErrChanged)
	text, seen, err := other.Read(ctx, "root")
	if err != nil || string(text) != "a" || seen != first {
		t.Fatalf("%q, version %q and %q, %v", text, first, seen, err)
	}
	second, err := other.Swap(ctx, "root", seen, []byte("b"))
	if err != nil || second == first {
		t.Fatalf("version %q after %q, %v", second, first, err)
	}
	_, err = s.Swap(ctx, "root", first, []byte("c"))
	is(t, err, object.ErrChanged)
	if got := whole(t, s, "root", 0, -1); got != "b" {
		t.Errorf("it holds %q", got)
	}
	if err := s.Delete(ctx, "root"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Swap(ctx, "root", second, []byte("c"))
	is(t, err, object.ErrChanged)
}

// races lets sixteen goroutines add a line each, all at one time, in every round.
func races(t *testing.T, open func() object.Store) {
	const writers, rounds = 16, 8
	var wg sync.WaitGroup
	for w := range writers {
		s := open()
		wg.Go(func() {
			for round := range rounds {
				if err := AddLine(t.Context(), s, "part", fmt.Sprintf("%d-%d", w, round)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	HoldsLines(t, open(), "part", writers, rounds)
}

// AddLine adds a line to an object unless it has it.
func AddLine(ctx context.Context, s object.Store, name, line string) error {
	return object.Update(ctx, s, name, func(old []byte) ([]byte, error) {
		if bytes.HasPrefix(old, []byte(line+"\n")) || bytes.Contains(old, []byte("\n"+line+"\n")) {
			return nil, object.ErrDone
		}
		return append(bytes.Clone(old), line+"\n"...), nil
	})
}

// HoldsLines checks that an object has the lines that so many writers added in so many
// rounds, each once.
func HoldsLines(t *testing.T, s object.Store, name string, writers, rounds int) {
	t.Helper()
	text, _, err := s.Read(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(text)) {
		count[strings.TrimSuffix(line, "\n")]++
	}
	for w := range writers {
		for round := range rounds {
			if line := fmt.Sprintf("%d-%d", w, round); count[line] != 1 {
				t.Errorf("line %s is there %d times", line, count[line])
			}
		}
	}
	if len(count) != writers*rounds {
		t.Errorf("there are %d lines, want %d", len(count), writers*rounds)
	}
}

func listed(t *testing.T, s object.Store, prefix string) (out []string) {
	t.Helper()
	for i, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		if i.Size != int64(len(i.Name)) || i.Written.IsZero() {
			t.Errorf("%+v", i)
		}
		out = append(out, i.Name)
	}
	return out
}

func lists(t *testing.T, open func() object.Store) {
	s := open()
	want := []string{"list/a-b", "list/a/b-", "list/a/b/c-d", "list/a0", "list/b", "listed"}
	slices.Sort(want)
	for _, name := range slices.Backward(want) {
		if err := s.Create(t.Context(), name, content(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, prefix := range []string{"list", "list/", "list/a", "list/a/", "list/a/b", "list/c", "none/", "list/b/"} {
		var some []string
		for _, name := range want {
			if strings.HasPrefix(name, prefix) {
				some = append(some, name)
			}
		}
		if got := listed(t, open(), prefix); !slices.Equal(got, some) {
			t.Errorf("below %q: %q, want %q", prefix, got, some)
		}
	}
	for range s.List(t.Context(), "list") { // a list need not be read to its end
		break
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var failed error
	for _, err := range s.List(ended, "list") {
		failed = err
	}
	if failed == nil {
		t.Error("a listing that was broken off looks whole")
	}
}

func deletes(t *testing.T, open func() object.Store) {
	s := open()
	for range 2 {
		if err := s.Create(t.Context(), "gone/x", content("x")); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := open().Delete(t.Context(), "gone/x"); err != nil {
				t.Error(err)
			}
		}
		_, err := s.Open(t.Context(), "gone/x", 0, -1)
		is(t, err, object.ErrMissing)
		if got := listed(t, s, "gone/"); len(got) > 0 {
			t.Errorf("%q is listed", got)
		}
	}
}

func names(t *testing.T, open func() object.Store) {
	s := open()
	for _, name := range []string{"", ".", "..", "../x", "a/../b", "/a", "a/", "a//b", ".a", "a/.b", `a\b`, "a\x00", "\xff", strings.Repeat("x", 1000)} {
		_, _, readErr := s.Read(t.Context(), name)
		_, openErr := s.Open(t.Context(), name, 0, -1)
		_, swapErr := s.Swap(t.Context(), name, object.None, nil)
		for what, err := range map[string]error{"create": s.Create(t.Context(), name, content("x")), "read": readErr, "open": openErr, "swap": swapErr, "delete": s.Delete(t.Context(), name)} {
			if err == nil {
				t.Errorf("%s %q is no error", what, name)
			}
		}
	}
}

// short is a file that ends before the size that it claims.
type short struct{ io.ReadSeeker }

func (s short) Read(p []byte) (int, error) {
	n, err := s.ReadSeeker.Read(p[:min(len(p), 5)])
	if at, _ := s.Seek(0, io.SeekCurrent); at > 10 {
		return 0, errors.New("the disk does not read")
	}
	return n, err
}

func ends(t *testing.T, open func() object.Store) {
	s := open()
	if err := s.Create(t.Context(), "half", short{content("more than ten bytes")}); err == nil {
		t.Error("what could not be read was created")
	}
	_, err := s.Open(t.Context(), "half", 0, -1)
	is(t, err, object.ErrMissing)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Create(ended, "half", content("x")); err == nil {
		t.Error("what was broken off was created")
	}
	if err := s.Create(t.Context(), "half", content("whole")); err != nil {
		t.Error(err)
	}
}

func probes(t *testing.T, open func() object.Store) {
	if err := object.Probe(t.Context(), open()); err != nil {
		t.Error(err)
	}
	if got := listed(t, open(), "probe-"); len(got) > 0 {
		t.Errorf("it left %q", got)
	}
}

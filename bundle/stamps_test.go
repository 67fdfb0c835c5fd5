package bundle_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/bundle"
	"github.com/bandish/bandish/internal/inquiry"
	"github.com/bandish/bandish/internal/notary"
)

// The settings of a time-stamping authority that openssl plays.
const authoritySettings = `
[req]
distinguished_name = none
prompt = no
[none]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[tsa]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
[tsa_config]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256
ess_cert_id_alg = sha256
`

// authority makes a time-stamping authority of openssl's in a folder: its root
// certificate is root.pem. reply answers a request.
func authority(dir, name string) (reply func(query []byte) ([]byte, error), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(authoritySettings), 0o644); err != nil {
		return nil, err
	}
	openssl := func(args string) error {
		cmd := exec.Command("bash", "-c", "set -e; "+args)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	err = openssl(fmt.Sprintf(`echo 01 >serial
openssl ecparam -genkey -name prime256v1 -noout -out root.key
openssl ecparam -genkey -name prime256v1 -noout -out tsa.key
openssl req -config conf -new -x509 -days 30 -key root.key -subj "/CN=%[1]s root" -extensions ca -out root.pem
openssl req -config conf -new -key tsa.key -subj "/CN=%[1]s" -out tsa.csr
openssl x509 -req -days 30 -in tsa.csr -CA root.pem -CAkey root.key -set_serial 2 -extfile conf -extensions tsa -out tsa.pem`, name))
	return func(query []byte) ([]byte, error) {
		if err := os.WriteFile(filepath.Join(dir, "query"), query, 0o644); err != nil {
			return nil, err
		}
		if err := openssl("openssl ts -reply -config conf -section tsa_config -queryfile query -signer tsa.pem -inkey tsa.key -chain root.pem -out answer"); err != nil {
			return nil, err
		}
		return os.ReadFile(filepath.Join(dir, "answer"))
	}, err
}

// stamp lets an authority date the log of the example; its root is in roots.
func (x *example) stamp(log *notary.Log, dir string) error {
	reply, err := authority(dir, "Example Authority")
	if err != nil {
		return err
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		answer, err := reply(query)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write(answer)
	}))
	defer s.Close()
	x.roots = filepath.Join(dir, "root.pem")
	return log.Stamp(context.Background(), s.Client(), s.URL, x.roots, time.Now())
}

// uid is that of a measurement of the example.
func (x *example) uid(t testing.TB) string {
	t.Helper()
	a, err := x.desk.Answer(t.Context(), inquiry.Ask{CC: "ZZ", Target: "x"})
	if err != nil || len(a.Evidence) == 0 {
		t.Fatalf("no measurement: %v", err)
	}
	return a.Evidence[0]
}

// A time stamp shows when the log existed to a reader who brings the authority's
// root; under the operator's root, or another, it is not called proved.
func TestTimeStampOfALog(t *testing.T) {
	x := open(t)
	data := x.write(t, inquiry.Wanted{IDs: []string{x.uid(t)}})
	roots, err := os.ReadFile(x.roots)
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if _, err := authority(other, "Other"); err != nil {
		t.Fatal(err)
	}
	others, err := os.ReadFile(filepath.Join(other, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	const says = "says CN=Example Authority in a time stamp"
	for name, c := range map[string]struct {
		roots string
		want  bundle.Status
	}{"brought": {string(roots), bundle.Proved}, "enclosed": {"", bundle.NotProved}, "another": {string(others), bundle.NotProved}} {
		r := check(data, bundle.Options{Key: x.key, TimestampRoots: c.roots})
		if got := status(t, r, says); got != c.want || r.False() {
			t.Errorf("%s: %s\n%s", name, got, r.Text())
		}
	}
	if r := check(data, bundle.Options{Key: x.key, TimestampRoots: "no certificate"}); !r.False() {
		t.Error("roots that are none are taken")
	}
	fresh := func() *bundle.Contents {
		c, faults := bundle.Open(bytes.NewReader(data), int64(len(data)))
		if len(faults) > 0 || len(c.Proofs.Stamps) == 0 {
			t.Fatal(faults)
		}
		return c
	}
	for name, change := range map[string]func(p *bundle.Proofs){
		"the signature": func(p *bundle.Proofs) { a := p.Stamps[0].Answer; a[len(a)-5] ^= 1 },
		"what it dates": func(p *bundle.Proofs) {
			s := &p.Stamps[0]
			lines := strings.SplitAfter(string(s.Checkpoint), "\n")
			lines[2] = "AAAA" + lines[2][4:]
			s.Checkpoint = []byte(strings.Join(lines, ""))
		},
		"the time":                         func(p *bundle.Proofs) { replace(p.Stamps[0].Answer, time.Now().UTC().Format("2006"), "2001") },
		"the proof that it is of this log": func(p *bundle.Proofs) { p.Stamps[0].Path[0][3] ^= 1 },
		"another root":                     func(p *bundle.Proofs) { p.Roots = others },
		"no root":                          func(p *bundle.Proofs) { p.Roots = []byte("none") },
	} {
		c := fresh()
		change(c.Proofs)
		if r := check(written(t, c), bundle.Options{Key: x.key}); !r.False() {
			t.Errorf("%s: %s", name, r.Text())
		}
	}
}

// The log grows after it was dated: what was dated is tied to the head by a
// proof, and openssl says the same with the lines of HOW-TO-VERIFY.
func TestTimeStampWithOpenSSL(t *testing.T) {
	x := open(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.zip"), x.write(t, inquiry.Wanted{IDs: []string{x.uid(t)}}), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("unzip -q b.zip -d b && cp " + x.roots + " b/ROOTS.pem && mv b/* ."); err != nil {
		t.Fatal(out, err)
	}
	how, err := os.ReadFile(filepath.Join(dir, "HOW-TO-VERIFY.txt"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(how)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "openssl ts ") {
			continue
		}
		n++
		out, err := run(line)
		if err != nil || !strings.Contains(out, "Verification: OK") && !strings.Contains(out, "Time stamp: ") {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
	if n != 2 {
		t.Errorf("%d lines of openssl ts, want 2", n)
	}
	if _, err := os.Stat(filepath.Join(dir, "ledger", "timestamps")); err != nil {
		t.Error(err)
	}
}

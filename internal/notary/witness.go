package notary

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/bandish/bandish/internal/disk"
	"github.com/bandish/bandish/ledger"
)

// witnessFolder holds the last checkpoint of each log that this server cosigned, under the
// hash of the log's origin.
const witnessFolder = "witness"

// witnessKeyFile is the key with which this server cosigns. It is never the ledger's key.
const witnessKeyFile = "witness.key"

// maxWitnessBody is the greatest size of a request in bytes: enough for 63 hashes and a
// checkpoint with signatures.
const maxWitnessBody = 64 << 10

// Witness cosigns the checkpoints of other logs (C2SP tlog-witness). Its signature says
// that the log has only grown since the witness first saw it.
type Witness struct {
	data string
	disk disk.Disk
	logs map[string]note.Verifier // by origin
	key  key
	sign note.Signer
	errs *slog.Logger
	mu   sync.Mutex // one request at a time
}

// OpenWitness returns the witness of a data folder, for the logs with these verifier
// strings. If it has no key yet, one is made; name is then its name, "" makes one up.
func OpenWitness(d disk.Disk, data, name string, logs []string, errs *slog.Logger) (*Witness, error) {
	w := &Witness{data: data, disk: d, logs: map[string]note.Verifier{}, errs: errs}
	for _, k := range logs {
		v, err := ledger.NewLogVerifier(k)
		if err != nil {
			return nil, err
		}
		w.logs[v.Name()] = v
	}
	l := Open(d, data)
	k, err := readKeyFile(l.keyPath(witnessKeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		if name == "" {
			if name, err = newOrigin(); err != nil {
				return nil, err
			}
			name += "-witness"
		}
		if k, err = newKey(name); err == nil {
			k.public, err = fnote.VKeyToCosignatureV1(k.public)
		}
		if err == nil {
			err = l.writeKeyFile(witnessKeyFile, k)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the witness's key: %w", err)
	}
	w.key = k
	w.sign, err = fnote.NewSignerForCosignatureV1(k.private)
	return w, err
}

// Key returns the verifier string of the witness.
func (w *Witness) Key() string { return w.key.public }

func (w *Witness) path(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(w.data, KeyDir, witnessFolder, hex.EncodeToString(sum[:]))
}

// last returns the last checkpoint of a log that was cosigned; its size is 0 if there is
// none.
func (w *Witness) last(origin string) (head, error) {
	h, err := readHead(w.path(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return head{}, nil
	}
	if err != nil {
		return head{}, err
	}
	return *h, nil
}

// refusal is an answer of the protocol other than a signature.
type refusal struct {
	status int
	body   string
	kind   string // the content type
}

func (r *refusal) Error() string { return r.body }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, body: fmt.Sprintf(format, args...) + "\n", kind: "text/plain; charset=utf-8"}
}

func (w *Witness) addCheckpoint(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxWitnessBody))
	if err != nil {
		http.Error(out, "the request is too long", http.StatusBadRequest)
		return
	}
	line, err := w.cosign(body)
	var no *refusal
	switch {
	case errors.As(err, &no):
		out.Header().Set("Content-Type", no.kind)
		out.WriteHeader(no.status)
		io.WriteString(out, no.body)
	case err != nil:
		w.errs.Error("cosign a checkpoint", "err", err)
		http.Error(out, "the witness cannot sign just now", http.StatusInternalServerError)
	default:
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		out.Write(line)
	}
}

// cosign answers a request with the signature line. The error may be a refusal.
func (w *Witness) cosign(body []byte) ([]byte, error) {
	old, proof, signed, err := parseRequest(body)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	text, err := ledger.ParseCheckpoint(signed)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "%v", err)
	}
	v, known := w.logs[text.Origin]
	if !known {
		return nil, refuse(http.StatusNotFound, "this witness does not know the log %s", text.Origin)
	}
	c, _, err := ledger.OpenCheckpoint(signed, v)
	if err != nil {
		return nil, refuse(http.StatusForbidden, "%v", err)
	}
	if old > c.Size {
		return nil, refuse(http.StatusBadRequest, "the old size %d is larger than the checkpoint's %d", old, c.Size)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last, err := w.last(c.Origin)
	if err != nil {
		return nil, err
	}
	if old != last.Size {
		return nil, &refusal{status: http.StatusConflict, body: strconv.FormatInt(last.Size, 10) + "\n", kind: "text/x.tlog.size"}
	}
	if old == c.Size && c.Root != last.Root && old > 0 {
		w.errs.Error("A LOG SHOWS TWO HISTORIES: it was not cosigned", "origin", c.Origin, "before", string(last.signed), "now", string(signed))
		return nil, &refusal{status: http.StatusConflict, body: strconv.FormatInt(last.Size, 10) + "\n", kind: "text/x.tlog.size"}
	}
	if old == 0 && (len(proof) > 0 || c.Size == 0 && c.Root != ledger.Root(nil)) {
		return nil, refuse(http.StatusUnprocessableEntity, "from the empty log no proof is needed")
	}
	if err := ledger.CheckConsistency(proof, c.Size, c.Root, last.Size, last.Root); err != nil {
		w.errs.Error("A LOG SHOWS TWO HISTORIES: it was not cosigned", "origin", c.Origin, "before", string(last.signed), "now", string(signed), "err", err)
		return nil, refuse(http.StatusUnprocessableEntity, "%v", err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil {
		return nil, refuse(http.StatusForbidden, "%v", err)
	}
	n.UnverifiedSigs = nil
	both, err := note.Sign(n, w.sign)
	if err != nil {
		return nil, err
	}
	if err := w.keep(c.Origin, both); err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(bytes.TrimSuffix(both, []byte("\n")), []byte("\n"))
	return append(lines[len(lines)-1], '\n'), nil
}

// keep stores a checkpoint durably before its cosignature is given out.
func (w *Witness) keep(origin string, signed []byte) error {
	l := Open(w.disk, w.data)
	if err := l.makeDir(filepath.Dir(w.path(origin))); err != nil {
		return err
	}
	return disk.Replace(w.disk, w.path(origin), signed, 0o600, true)
}

// parseRequest reads the body of an add-checkpoint request.
func parseRequest(body []byte) (old int64, proof []ledger.Hash, signed []byte, err error) {
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, errors.New("the request has no empty line")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if !ok || len(lines) > 64 {
		return 0, nil, nil, errors.New("the request does not begin with the old size")
	}
	if old, err = strconv.ParseInt(size, 10, 64); err != nil || old < 0 || strconv.FormatInt(old, 10) != size {
		return 0, nil, nil, fmt.Errorf("the old size %q is no size", size)
	}
	for _, l := range lines[1:] {
		b, err := base64.StdEncoding.DecodeString(l)
		if err != nil || len(b) != len(ledger.Hash{}) {
			return 0, nil, nil, fmt.Errorf("%q is no hash", l)
		}
		proof = append(proof, ledger.Hash(b))
	}
	return old, proof, signed, nil
}

// latest shows the last checkpoint of a log that was cosigned.
func (w *Witness) latest(out http.ResponseWriter, r *http.Request) error {
	for origin := range w.logs {
		sum := sha256.Sum256([]byte(origin))
		if hex.EncodeToString(sum[:]) != r.PathValue("origin") {
			continue
		}
		body, err := os.ReadFile(w.path(origin))
		if err != nil {
			return err
		}
		return text(out, body)
	}
	return fs.ErrNotExist
}

// Asked is a witness that is asked for signatures.
type Asked struct {
	URL string // the part before "/add-checkpoint"
	Key string // its verifier string
}

// ParseAsked reads "URL VERIFIER", the form of the flag.
func ParseAsked(s string) (Asked, error) {
	f := strings.Fields(s)
	if len(f) != 2 {
		return Asked{}, fmt.Errorf("%q: write it as \"URL VERIFIER-STRING\"", s)
	}
	if _, err := ledger.NewCosigner(f[1]); err != nil {
		return Asked{}, err
	}
	return Asked{URL: strings.TrimSuffix(f[0], "/"), Key: f[1]}, nil
}

func cosigners(keys []string) ([]note.Verifier, error) {
	var out []note.Verifier
	for _, k := range keys {
		v, err := ledger.NewCosigner(k)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// Collect asks the witnesses to sign the present checkpoint, and keeps the signatures that
// it gets. A witness that does not answer holds up nothing. It returns the names of those
// that signed. If the error wraps ErrFork, a person must look into it: from then on the
// log signs nothing (MaySign).
func (l *Log) Collect(ctx context.Context, client *http.Client, witnesses []Asked) ([]string, error) {
	c, signed, err := l.Checkpoint()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	before := l.asked
	l.asked = true
	l.mu.Unlock()
	if w, _, err := l.Witnessed(); err == nil && w == c && before { // the first time they are always asked: the folder may be an older copy
		if _, sigs, err := l.Opened(keysOf(witnesses)); err == nil && len(sigs) == len(witnesses) {
			return nil, nil // all have signed it
		}
	}
	var names []string
	var errs []error
	out := bytes.Clone(signed)
	for _, w := range witnesses {
		line, err := l.ask(ctx, client, w, c, signed)
		if err := l.heard(w, err); err != nil {
			errs = append(errs, err)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("witness %s: %w", w.URL, err))
			continue
		}
		out = append(out, line...)
		name, _, _ := strings.Cut(w.Key, "+")
		names = append(names, name)
	}
	if len(names) > 0 {
		if err := disk.Replace(l.disk, l.path(witnessedFile), out, 0o644, true); err != nil {
			errs = append(errs, err)
		}
	}
	return names, errors.Join(errs...)
}

func keysOf(list []Asked) []string {
	var out []string
	for _, w := range list {
		out = append(out, w.Key)
	}
	return out
}

// ask gets one signature. If old is not what the witness saw last, its refusal says what
// it was.
func (l *Log) ask(ctx context.Context, client *http.Client, w Asked, c ledger.Checkpoint, signed []byte) ([]byte, error) {
	v, err := ledger.NewCosigner(w.Key)
	if err != nil {
		return nil, err
	}
	old := int64(0)
	for range 3 {
		proof, err := l.Consistency(c, old)
		if err != nil {
			return nil, err
		}
		var body bytes.Buffer
		fmt.Fprintf(&body, "old %d\n", old)
		for _, h := range proof {
			fmt.Fprintf(&body, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
		}
		fmt.Fprintf(&body, "\n%s", signed)
		status, answer, err := post(ctx, client, w.URL+"/add-checkpoint", body.Bytes())
		if err != nil {
			return nil, err
		}
		switch status {
		case http.StatusOK:
			return cosignature(signed, answer, v)
		case http.StatusConflict:
			size, err := strconv.ParseInt(strings.TrimSpace(string(answer)), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("it answers %q", answer)
			}
			if size > c.Size {
				if now, _, err := l.Checkpoint(); err == nil && now.Size >= size {
					return nil, fmt.Errorf("the ledger has grown while it was asked: it saw %d entries", size)
				}
				return nil, fmt.Errorf("%w: it saw %d entries, and here are %d", ErrFork, size, c.Size)
			}
			if size == old && old == c.Size {
				return nil, fmt.Errorf("%w: it saw %d entries with another hash", ErrFork, size)
			}
			old = size
		case http.StatusUnprocessableEntity:
			return nil, fmt.Errorf("%w: it refuses the proof from %d to %d entries: %s", ErrFork, old, c.Size, answer)
		default:
			return nil, fmt.Errorf("it answers %d: %.200s", status, answer)
		}
	}
	return nil, errors.New("it keeps naming other sizes")
}

// cosignature returns the line with a valid signature of v from the answer.
func cosignature(signed, answer []byte, v note.Verifier) ([]byte, error) {
	for line := range bytes.Lines(answer) {
		if n, err := note.Open(append(bytes.Clone(signed), line...), note.VerifierList(v)); err == nil && len(n.Sigs) > 0 {
			return bytes.Clone(line), nil
		}
	}
	return nil, errors.New("none of its signatures is of the key that was named")
}

func post(ctx context.Context, client *http.Client, url string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(bufio.NewReader(io.LimitReader(res.Body, maxWitnessBody)))
	return res.StatusCode, answer, err
}

package notary

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/bandish/bandish/ledger"
)

// Server serves the ledger to everybody, in the form of C2SP tlog-tiles, and the files
// that it names, so that others can keep a copy.
type Server struct {
	Log *Log
	// Receipt returns the proof for a measurement by its uid. The error is fs.ErrNotExist
	// if there is no such measurement. It may be nil.
	Receipt func(ctx context.Context, uid string) ([]byte, error)
	// Batch opens a raw batch by its SHA-256. The error is fs.ErrNotExist if the archive
	// does not list it. It may be nil.
	Batch func(sha string) (io.ReadCloser, error)
	// Witness cosigns the checkpoints of other logs. It may be nil.
	Witness *Witness
	Errors  *slog.Logger
}

// Prefix is the path of the ledger on a server.
const Prefix = "/ledger"

// Patterns returns the patterns of [http.ServeMux] for which Handler has answers.
func (s *Server) Patterns() []string {
	return []string{
		"GET " + Prefix + "/checkpoint", "GET " + Prefix + "/key", "GET " + Prefix + "/tile/",
		"GET " + Prefix + "/entries/{index}", "GET " + Prefix + "/proofs/{index}", "GET " + Prefix + "/receipts/{uid}", "GET " + Prefix + "/raw/{sha}", "GET " + Prefix + "/timestamps/{size}",
		"POST " + Prefix + "/witness/add-checkpoint", "GET " + Prefix + "/witness/{origin}/checkpoint",
	}
}

// Handler answers all paths of Patterns.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, do func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*") // pages of other sites may read it, to verify
			err := do(w, r)
			switch {
			case err == nil || r.Context().Err() != nil:
			case errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrEmpty):
				http.Error(w, "There is nothing of this name in the ledger.", http.StatusNotFound)
			default:
				s.Errors.Error("the ledger is asked for", "path", r.URL.Path, "err", err)
				http.Error(w, "The ledger cannot be read just now.", http.StatusInternalServerError)
			}
		})
	}
	on("GET "+Prefix+"/checkpoint", s.checkpoint)
	on("GET "+Prefix+"/key", s.key)
	on("GET "+Prefix+"/tile/", s.tile)
	on("GET "+Prefix+"/entries/{index}", s.entry)
	on("GET "+Prefix+"/proofs/{index}", s.proof)
	on("GET "+Prefix+"/receipts/{uid}", s.receipt)
	on("GET "+Prefix+"/raw/{sha}", s.batch)
	on("GET "+Prefix+"/timestamps/{size}", s.stamp)
	if s.Witness != nil {
		mux.HandleFunc("POST "+Prefix+"/witness/add-checkpoint", s.Witness.addCheckpoint)
		on("GET "+Prefix+"/witness/{origin}/checkpoint", s.Witness.latest)
	}
	return mux
}

// text answers with a short text that may change.
func text(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, err := w.Write(body)
	return err
}

// checkpoint shows the head of the log, with the signatures of the witnesses that signed
// it.
func (s *Server) checkpoint(w http.ResponseWriter, _ *http.Request) error {
	c, signed, err := s.Log.Checkpoint()
	if err != nil {
		return err
	}
	if old, more, err := s.Log.Witnessed(); err == nil && old == c {
		signed = more
	}
	return text(w, signed)
}

// key shows the verifier string. It is for convenience: whoever trusts it trusts this
// server.
func (s *Server) key(w http.ResponseWriter, _ *http.Request) error {
	k, err := s.Log.Key()
	if err != nil {
		return err
	}
	return text(w, []byte(k+"\n"))
}

func (s *Server) tile(w http.ResponseWriter, r *http.Request) error {
	t, err := parseTilePath(strings.TrimPrefix(r.URL.Path, Prefix+"/"))
	if err != nil {
		return fs.ErrNotExist
	}
	c, _, err := s.Log.Checkpoint()
	if err != nil {
		return err
	}
	if size := c.Size >> (tileHeight * max(t.L, 0)); size < t.N*tileWidth+int64(t.W) {
		return fs.ErrNotExist // it is not signed yet
	}
	data, err := s.Log.ReadTile(t)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err = w.Write(data)
	return err
}

// indexed returns the checkpoint to show, and the index of the entry that the path asks
// for. The error is fs.ErrNotExist if there is no such entry.
func (s *Server) indexed(r *http.Request) (c ledger.Checkpoint, signed []byte, i int64, err error) {
	if i, err = strconv.ParseInt(strings.TrimSuffix(r.PathValue("index"), ".tlog-proof"), 10, 64); err != nil {
		return c, nil, 0, fs.ErrNotExist
	}
	if c, signed, err = s.Log.Witnessed(); err == nil && i >= c.Size {
		c, signed, err = s.Log.Checkpoint() // the witnesses have not seen the entry yet
	}
	if err == nil && (i < 0 || i >= c.Size) {
		err = fs.ErrNotExist
	}
	return c, signed, i, err
}

// entry shows an entry as it stands in the log.
func (s *Server) entry(w http.ResponseWriter, r *http.Request) error {
	c, _, i, err := s.indexed(r)
	if err != nil {
		return err
	}
	e, err := s.Log.Entry(c, i)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(e)
	return err
}

// proof shows a tlog-proof that an entry is in the log.
func (s *Server) proof(w http.ResponseWriter, r *http.Request) error {
	c, signed, i, err := s.indexed(r)
	if err != nil {
		return err
	}
	p, err := s.Log.ProveAt(c, signed, i)
	if err != nil {
		return err
	}
	return text(w, p.Marshal())
}

func (s *Server) receipt(w http.ResponseWriter, r *http.Request) error {
	if s.Receipt == nil {
		return fs.ErrNotExist
	}
	uid := strings.TrimSuffix(r.PathValue("uid"), ".tlog-proof")
	file, err := s.Receipt(r.Context(), uid)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", "attachment; filename=\"receipt.tlog-proof\"")
	return text(w, file)
}

func (s *Server) batch(w http.ResponseWriter, r *http.Request) error {
	if s.Batch == nil {
		return fs.ErrNotExist
	}
	f, err := s.Batch(r.PathValue("sha"))
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/zstd")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, err = io.Copy(w, f)
	return err
}

func (s *Server) stamp(w http.ResponseWriter, r *http.Request) error {
	n, err := strconv.ParseInt(strings.TrimSuffix(r.PathValue("size"), ".tsr"), 10, 64)
	if err != nil {
		return fs.ErrNotExist
	}
	data, err := s.Log.readFile(stampName(n))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, err = w.Write(data)
	return err
}

// stampName is the file of the time stamp of the checkpoint with this size.
func stampName(size int64) string { return stampDir + "/" + strconv.FormatInt(size, 10) + ".tsr" }

// Opened returns the checkpoint of Witnessed, and which of the given witnesses signed it.
func (l *Log) Opened(witnesses []string) (ledger.Checkpoint, []ledger.Signature, error) {
	c, signed, err := l.Witnessed()
	if err != nil {
		return c, nil, err
	}
	k, err := l.Key()
	if err != nil {
		return c, nil, err
	}
	v, err := ledger.NewLogVerifier(k)
	if err != nil {
		return c, nil, err
	}
	known, err := cosigners(witnesses)
	if err != nil {
		return c, nil, err
	}
	return ledger.OpenCheckpoint(signed, v, known...)
}

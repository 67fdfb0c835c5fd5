// Package chdb is ClickHouse for tests: libchdb in a process of its own. It answers over
// HTTP as a server does, so the program's own client can ask it. The library is loaded
// without cgo. It is not part of the program.
package chdb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
	"github.com/ebitengine/purego"

	"github.com/bandish/bandish/internal/child"
)

const (
	// Library is the environment variable with the path of libchdb.so.
	Library = "BANDISH_LIBCHDB"
	folder  = "BANDISH_CHDB_CHILD" // set in the process that loads the library; its value is the folder of the database
)

// Main must be the first call in TestMain. In the process that Start began, it serves
// until its standard input ends, and never returns.
func Main() {
	dir := os.Getenv(folder)
	if dir == "" {
		return
	}
	if err := serve(os.Getenv(Library), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Start runs ClickHouse until the test ends, and returns its address, host:port. It skips
// the test if there is no library.
func Start(t *testing.T) string {
	t.Helper()
	if os.Getenv(Library) == "" {
		t.Skip("no ClickHouse at hand: " + Library + " names libchdb.so (npm install @chdb/lib-linux-x64-gnu)")
	}
	cmd := child.Command(context.Background(), t, folder+"="+t.TempDir())
	cmd.Dir = "/" // tables of Iceberg must lie below it
	cmd.Stderr = t.Output()
	in, out := child.Start(t, cmd)
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	if !out.Scan() {
		t.Fatalf("ClickHouse did not start: %v", cmp.Or(out.Err(), io.EOF))
	}
	return out.Text()
}

func serve(library, dir string) error {
	e, err := load(library, dir)
	if err != nil {
		return fmt.Errorf("load ClickHouse: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: e}
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0) // nobody needs what the library would do at its end
	}()
	fmt.Println(l.Addr())
	return srv.Serve(l)
}

// engine is a database of libchdb.
type engine struct {
	mu      sync.Mutex // guards what follows: one query at a time
	conn    uintptr
	query   func(conn uintptr, query unsafe.Pointer, size uintptr, format unsafe.Pointer, formatSize uintptr) uintptr
	buffer  func(result uintptr) unsafe.Pointer
	length  func(result uintptr) uintptr
	failure func(result uintptr) string
	destroy func(result uintptr)
}

func load(library, dir string) (*engine, error) {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	e := new(engine)
	var connect func(argc int32, argv unsafe.Pointer) *uintptr
	purego.RegisterLibFunc(&connect, lib, "chdb_connect")
	purego.RegisterLibFunc(&e.query, lib, "chdb_query_n")
	purego.RegisterLibFunc(&e.buffer, lib, "chdb_result_buffer")
	purego.RegisterLibFunc(&e.length, lib, "chdb_result_length")
	purego.RegisterLibFunc(&e.failure, lib, "chdb_result_error")
	purego.RegisterLibFunc(&e.destroy, lib, "chdb_destroy_query_result")
	args := [][]byte{[]byte("clickhouse\x00"), []byte("--path=" + dir + "\x00")}
	argv := []unsafe.Pointer{unsafe.Pointer(&args[0][0]), unsafe.Pointer(&args[1][0])}
	conn := connect(int32(len(argv)), unsafe.Pointer(&argv[0]))
	if conn == nil {
		return nil, errors.New("it gave no connection")
	}
	e.conn = *conn
	return e, nil
}

// run answers a query in a format of ClickHouse. The caller holds mu.
func (e *engine) run(query, format string) ([]byte, error) {
	r := e.query(e.conn, unsafe.Pointer(unsafe.StringData(query)), uintptr(len(query)), unsafe.Pointer(unsafe.StringData(format)), uintptr(len(format)))
	if r == 0 {
		return nil, errors.New("no answer")
	}
	defer e.destroy(r)
	if problem := e.failure(r); problem != "" {
		return nil, errors.New(problem)
	}
	n := e.length(r)
	if n == 0 {
		return nil, nil
	}
	return bytes.Clone(unsafe.Slice((*byte)(e.buffer(r)), n)), nil
}

// ServeHTTP answers as ClickHouse's own HTTP interface does, as far as its Go client
// needs: the query is the body, settings are parameters.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer, err := e.answer(r.Context(), string(query), r.URL.Query())
	if err != nil {
		w.Header().Set("X-ClickHouse-Exception-Code", "1")
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, err.Error())
		return
	}
	w.Write(answer)
}

// ours are the parameters that are not settings of a query.
var ours = []string{"database", "default_format", "client_protocol_version", "query_id", "session_id", "session_timeout", "session_check", "compress", "decompress", "wait_end_of_query"}

func (e *engine) answer(ctx context.Context, query string, params url.Values) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for name := range params {
		if !slices.Contains(ours, name) {
			if _, err := e.run("SET "+name+" = '"+strings.ReplaceAll(params.Get(name), "'", "''")+"'", "Native"); err != nil {
				return nil, err
			}
		}
	}
	if db := params.Get("database"); db != "" {
		if _, err := e.run("USE `"+db+"`", "Native"); err != nil {
			return nil, err
		}
	}
	out, err := e.run(query, "Native")
	if err != nil {
		return nil, err
	}
	version, _ := strconv.ParseUint(params.Get("client_protocol_version"), 10, 64)
	return dressed(out, version)
}

// dressed returns blocks as a server sends them to a client of a version. The library
// writes those for the oldest.
func dressed(blocks []byte, version uint64) ([]byte, error) {
	in := chproto.NewReader(bytes.NewReader(blocks))
	var out chproto.Buffer
	for {
		b := proto.NewBlock()
		if err := b.Decode(in, 0); errors.Is(err, io.EOF) {
			return out.Buf, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		if err := b.Encode(&out, version); err != nil {
			return nil, fmt.Errorf("write the answer: %w", err)
		}
	}
}

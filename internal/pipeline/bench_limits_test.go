package pipeline

import (
	"bufio"
	stdgzip "compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bytedance/sonic"
	experiment "github.com/go-json-experiment/json"
	fast "github.com/goccy/go-json"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/intake"
	"github.com/bandish/bandish/observation"
)

// limit is what an import is to approach: a source is decompressed and cut into
// lines, and each line is decoded by a library into plain types.
type limit struct {
	gunzip func(io.Reader) (io.Reader, error)
	decode func([]byte, any) error // nil where nothing is decoded
}

func klauspost(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
func standard(r io.Reader) (io.Reader, error)  { return stdgzip.NewReader(r) }

// limits are by the library that they measure: compress/gzip is the standard
// library's, the others use klauspost/compress as the import does. v2 is
// encoding/json/v2, by the module that it is developed in.
var limits = map[string]limit{
	"gunzip-standard":  {gunzip: standard},
	"gunzip-klauspost": {gunzip: klauspost},
	"plain-goccy":      {klauspost, func(b []byte, v any) error { return fast.Unmarshal(b, v) }},
	"plain-sonic":      {klauspost, sonic.ConfigStd.Unmarshal},
	"plain-v2":         {klauspost, func(b []byte, v any) error { return experiment.Unmarshal(b, v) }},
}

func (l limit) read(f io.Reader) (n int64, err error) {
	z, err := l.gunzip(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		return 0, err
	}
	sc := bufio.NewScanner(z)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	for sc.Scan() {
		if l.decode != nil {
			var m plainMeasurement
			if err := l.decode(sc.Bytes(), &m); err != nil {
				return n, err
			}
		}
		n++
	}
	return n, sc.Err()
}

// floor does what the archive's promises demand of any program, and nothing else:
// it decompresses, decodes into plain types, hashes each document for its leaf in
// the ledger, packs batches with zstd at its fastest level, hashes them, and
// writes observation rows as Parquet without packing them. It derives nothing:
// its rows are made beforehand, while the watch stands still. It scrubs nothing,
// keeps no order, knows no duplicates, judges nothing and syncs no file.
type floor struct {
	p     *Pipeline
	dir   string
	watch *watch

	enc       *zstd.Encoder
	documents int64
	lines     []byte
	packed    []byte
	rows      []observation.Row
	batches   int
}

func (f *floor) run(sources []intake.Source) (err error) {
	f.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return err
	}
	f.lines = make([]byte, 0, 2*batchBytes)
	for _, s := range sources {
		if err := f.read(s); err != nil {
			return err
		}
		f.watch.stop()
		err := f.observe(s)
		f.watch.start()
		if err != nil {
			return err
		}
		if len(f.lines) < batchBytes {
			continue
		}
		if err := f.write(); err != nil {
			return err
		}
	}
	return f.write()
}

func (f *floor) read(s intake.Source) error {
	r, err := s.Open(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	l := limits["plain-goccy"]
	n, err := limit{l.gunzip, func(b []byte, v any) error {
		sha256.Sum256(b)
		f.lines = append(append(f.lines, b...), '\n')
		return l.decode(b, v)
	}}.read(r)
	f.documents += n
	return err
}

func (f *floor) observe(s intake.Source) error {
	r, err := s.Open(context.Background())
	if err != nil {
		return err
	}
	defer r.Close()
	return intake.Read(r, s.Name, func(d intake.Document) error {
		it, err := f.p.judgeEntry(&archive.Entry{Source: d.Source, Document: d.Data}, time.Time{})
		if err == nil {
			f.rows = append(f.rows, it.rows...)
		}
		return err
	})
}

func (f *floor) write() error {
	f.packed = f.enc.EncodeAll(f.lines, f.packed[:0])
	sum := sha256.Sum256(f.packed)
	if err := os.WriteFile(filepath.Join(f.dir, fmt.Sprintf("%x", sum)), f.packed, 0o644); err != nil {
		return err
	}
	f.batches++
	out, err := os.Create(filepath.Join(f.dir, fmt.Sprint("rows", f.batches)))
	if err != nil {
		return err
	}
	defer out.Close()
	w := parquet.NewGenericWriter[observation.Row](out, parquet.Compression(&parquet.Uncompressed))
	for part := range slices.Chunk(f.rows, 512) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	f.lines, f.rows = f.lines[:0], f.rows[:0]
	return w.Close()
}

// plainMeasurement holds the fields of a measurement that rows are made of, in
// types that a library decodes by itself. Bodies and headers stay JSON.
type plainMeasurement struct {
	Annotations map[string]any `json:"annotations"`
	Input       *string        `json:"input"`
	Start       string         `json:"measurement_start_time"`
	UID         string         `json:"measurement_uid"`
	ASN         string         `json:"probe_asn"`
	CC          string         `json:"probe_cc"`
	Network     string         `json:"probe_network_name"`
	ReportID    string         `json:"report_id"`
	ResolverASN string         `json:"resolver_asn"`
	ResolverIP  string         `json:"resolver_ip"`
	Software    string         `json:"software_name"`
	Version     string         `json:"software_version"`
	TestName    string         `json:"test_name"`
	TestVersion string         `json:"test_version"`
	Runtime     float64        `json:"test_runtime"`
	TestKeys    struct {
		Failure        *string            `json:"failure"`
		ControlFailure *string            `json:"control_failure"`
		Control        *plainControl      `json:"control"`
		NetworkEvents  []plainEvent       `json:"network_events"`
		Queries        []plainQuery       `json:"queries"`
		Requests       []plainTransaction `json:"requests"`
		TCPConnect     fast.RawMessage    `json:"tcp_connect"` // openvpn's is no list
		TLSHandshakes  []plainHandshake   `json:"tls_handshakes"`
		QUIC           []plainHandshake   `json:"quic_handshakes"`
		Targets        fast.RawMessage    `json:"targets"`
	} `json:"test_keys"`
}

type plainQuery struct {
	Answers []struct {
		ASN  int64  `json:"asn"`
		Org  string `json:"as_org_name"`
		Type string `json:"answer_type"`
		Host string `json:"hostname"`
		IPv4 string `json:"ipv4"`
		IPv6 string `json:"ipv6"`
	} `json:"answers"`
	Engine        string   `json:"engine"`
	Failure       *string  `json:"failure"`
	Hostname      string   `json:"hostname"`
	QueryType     string   `json:"query_type"`
	Resolver      string   `json:"resolver_address"`
	T0            float64  `json:"t0"`
	T             float64  `json:"t"`
	Tags          []string `json:"tags"`
	TransactionID int64    `json:"transaction_id"`
}

type plainEvent struct {
	Address       string   `json:"address"`
	Failure       *string  `json:"failure"`
	Operation     string   `json:"operation"`
	Bytes         int64    `json:"num_bytes"`
	T0            float64  `json:"t0"`
	T             float64  `json:"t"`
	Tags          []string `json:"tags"`
	TransactionID int64    `json:"transaction_id"`
}

type plainHandshake struct {
	Address       string          `json:"address"`
	Failure       fast.RawMessage `json:"failure"`
	ServerName    string          `json:"server_name"`
	Version       string          `json:"tls_version"`
	Cipher        string          `json:"cipher_suite"`
	Protocol      string          `json:"negotiated_protocol"`
	NoVerify      bool            `json:"no_tls_verify"`
	Certificates  fast.RawMessage `json:"peer_certificates"`
	T0            float64         `json:"t0"`
	T             float64         `json:"t"`
	Tags          []string        `json:"tags"`
	TransactionID int64           `json:"transaction_id"`
}

type plainTransaction struct {
	Address string  `json:"address"`
	Failure *string `json:"failure"`
	Request struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
	Response struct {
		Body        fast.RawMessage `json:"body"`
		Code        int64           `json:"code"`
		Headers     fast.RawMessage `json:"headers"`
		HeadersList fast.RawMessage `json:"headers_list"`
	} `json:"response"`
	T0            float64  `json:"t0"`
	T             float64  `json:"t"`
	Tags          []string `json:"tags"`
	TransactionID int64    `json:"transaction_id"`
}

type plainControl struct {
	TCP map[string]struct {
		Status  bool    `json:"status"`
		Failure *string `json:"failure"`
	} `json:"tcp_connect"`
	TLS map[string]struct {
		Name    string  `json:"server_name"`
		Status  bool    `json:"status"`
		Failure *string `json:"failure"`
	} `json:"tls_handshake"`
	HTTP struct {
		Length  int64           `json:"body_length"`
		Failure *string         `json:"failure"`
		Title   string          `json:"title"`
		Headers fast.RawMessage `json:"headers"`
		Code    int64           `json:"status_code"`
	} `json:"http_request"`
	DNS struct {
		Failure *string  `json:"failure"`
		Addrs   []string `json:"addrs"`
	} `json:"dns"`
	IPs map[string]struct {
		ASN   int64 `json:"asn"`
		Flags int64 `json:"flags"`
	} `json:"ip_info"`
}

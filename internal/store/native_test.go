package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bandish/bandish/internal/archive"
	"github.com/bandish/bandish/internal/child"
)

// debianClickHouse starts the ClickHouse that Debian has, 18.16, and gives its address for
// the native protocol. It is too old for the program's questions, and the only server that
// can be had here; so it stands for the wire alone.
func debianClickHouse(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("clickhouse-server")
	if err != nil {
		program = "/usr/sbin/clickhouse-server"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("no server that speaks ClickHouse's native protocol: apt-get install clickhouse-server")
	}
	address := child.Free(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "config.xml")
	_, port, _ := net.SplitHostPort(address)
	text := strings.NewReplacer("DIR", dir, "PORT", port).Replace(`<yandex>
<logger><level>fatal</level><console>1</console></logger>
<listen_host>127.0.0.1</listen_host><tcp_port>PORT</tcp_port>
<path>DIR/data/</path><tmp_path>DIR/tmp/</tmp_path><users_config>DIR/config.xml</users_config>
<mark_cache_size>5368709</mark_cache_size>
<default_profile>default</default_profile><default_database>default</default_database>
<profiles><default></default></profiles><quotas><default></default></quotas>
<users><bandish><password>s3cret:/@</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></bandish></users>
</yandex>`)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config-file="+config)
	cmd.Dir = dir
	child.Serve(t, cmd, address)
	return "clickhouse://bandish:s3cret%3A%2F%40@" + address + "/default"
}

// overNative is the program's own client, without the settings that so old a server does
// not know.
func overNative(t *testing.T, where string) *clickHouse {
	t.Helper()
	c, o, err := readAddress(where)
	if err != nil {
		t.Fatal(err)
	}
	o.Settings = nil
	c.db = clickhouse.OpenDB(o)
	t.Cleanup(func() { c.Close() })
	if err := c.db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// The program's client over the native protocol: what questions ask with, and the types
// that they read.
func TestNativeProtocol(t *testing.T) {
	where := debianClickHouse(t)
	for _, packed := range []string{"", "?compress=lz4"} {
		c := overNative(t, where+packed)
		t.Run("types "+packed, func(t *testing.T) { nativeTypes(t, c) })
		t.Run("arguments "+packed, func(t *testing.T) { nativeArguments(t, c) })
		t.Run("many rows "+packed, func(t *testing.T) { nativeManyRows(t, c) })
	}
	t.Run("cancelled", func(t *testing.T) { nativeCancelled(t, overNative(t, where)) })
	t.Run("errors", func(t *testing.T) { nativeErrors(t, where) })
	t.Run("which segments are there", func(t *testing.T) { nativeMissing(t, overNative(t, where)) })
	t.Run("addresses", func(t *testing.T) { nativeAddresses(t, where) })
}

// every is a text of all bytes.
func every() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func nativeTypes(t *testing.T, c *clickHouse) {
	var (
		great        uint64
		small, large int64
		ratio        float64
		single       float32
		yes          bool
		none, some   *string
		texts        []string
		numbers      []uint32
		empty        []string
		at, day      time.Time
		text         string
	)
	err := c.db.QueryRowContext(t.Context(), `SELECT toUInt64(18446744073709551615), toInt64(-9223372036854775808), toInt64(9223372036854775807), 0.1, toFloat32(1.5), toUInt8(1),
		CAST(NULL AS Nullable(String)), CAST('there' AS Nullable(String)), ['a', '', 'بندش'], [toUInt32(4294967295), toUInt32(0)], emptyArrayString(),
		toDateTime('2024-02-17 23:59:59', 'UTC'), toDate('2024-02-29'), `+literal("it's `\\ \t\n\"?$1 {b:String} بندش")).
		Scan(&great, &small, &large, &ratio, &single, &yes, &none, &some, &texts, &numbers, &empty, &at, &day, &text)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"uint64": {great, uint64(math.MaxUint64)}, "int64": {[]int64{small, large}, []int64{math.MinInt64, math.MaxInt64}}, "floats": {[]float64{ratio, float64(single)}, []float64{0.1, 1.5}},
		"bool": {yes, true}, "null": {none == nil, true}, "not null": {*some, "there"}, "texts": {texts, []string{"a", "", "بندش"}}, "numbers": {numbers, []uint32{math.MaxUint32, 0}},
		"empty": {len(empty), 0}, "moment": {at.UTC(), time.Date(2024, 2, 17, 23, 59, 59, 0, time.UTC)}, "day": {day.Format(time.DateOnly), "2024-02-29"},
		"text": {text, "it's `\\ \t\n\"?$1 {b:String} بندش"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
}

func nativeArguments(t *testing.T, c *clickHouse) {
	for _, want := range append(slices.Clone(odd), every(), strings.Repeat("'", 1000)) {
		var got string
		var n uint64
		if err := c.db.QueryRowContext(t.Context(), "SELECT ?, length(?)", want, want).Scan(&got, &n); err != nil {
			t.Errorf("%q: %v", want, err)
		} else if got != want || n != uint64(len(want)) {
			t.Errorf("%q came back as %q, of %d bytes", want, got, n)
		}
	}
	var n, number uint64
	err := c.db.QueryRowContext(t.Context(), "SELECT count(), max(number) FROM numbers(10) WHERE has(?, toString(number)) AND number < ?", []string{"3", "5", "it's"}, uint64(1<<63)).Scan(&n, &number)
	if err != nil || n != 2 || number != 5 {
		t.Errorf("%d rows, up to %d, %v", n, number, err)
	}
}

// nativeManyRows reads a result that comes in many blocks.
func nativeManyRows(t *testing.T, c *clickHouse) {
	const rows = 300_000
	r, err := c.db.QueryContext(t.Context(), fmt.Sprintf("SELECT number, toString(number) AS text FROM system.numbers LIMIT %d", rows))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := uint64(0)
	for r.Next() {
		var number uint64
		var text string
		if err := r.Scan(&number, &text); err != nil {
			t.Fatal(err)
		}
		if number != n || text != fmt.Sprint(n) {
			t.Fatalf("row %d is %d, %q", n, number, text)
		}
		n++
	}
	if err := r.Err(); err != nil || n != rows {
		t.Errorf("%d rows, %v", n, err)
	}
}

// nativeCancelled gives up a question that has no end: its reader gets the reason at once,
// the server stops, and the next question is answered.
func nativeCancelled(t *testing.T, c *clickHouse) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	began := time.Now()
	var n uint64
	err := c.db.QueryRowContext(ctx, "SELECT count() FROM system.numbers WHERE NOT ignore(sipHash64(number))").Scan(&n)
	if !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	for running := uint64(1); running > 0; time.Sleep(50 * time.Millisecond) {
		if err := c.db.QueryRowContext(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'").Scan(&running); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > 40*time.Second {
			t.Fatal("the server goes on with a question that nobody waits for")
		}
	}
}

// nativeErrors asks what the server refuses. So old a server leaves the rest of a question
// that it refused unread, and the connection is of no use afterwards: each asks over its own.
func nativeErrors(t *testing.T, where string) {
	for query, want := range map[string]string{
		"SELECT * FROM nowhere":            "nowhere",
		"SELECT no_column FROM system.one": "no_column",
		"SELEC 1":                          "Syntax error",
		"SELECT throwIf(number = 9) FROM (SELECT number FROM system.numbers LIMIT 10)": "throwIf",
	} {
		rows, err := overNative(t, where).db.QueryContext(t.Context(), query)
		if err == nil {
			for rows.Next() {
			}
			err = rows.Err()
			rows.Close()
		}
		var e *clickhouse.Exception
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want the server's error with %q", query, err, want)
		}
	}
}

// nativeMissing asks as the store does which segments are whole in the tables.
func nativeMissing(t *testing.T, c *clickHouse) {
	all := []archive.Segment{{Kind: archive.Cells, Period: "2024-02", Ruleset: "it's", SHA256: strings.Repeat("a", 64)}, {Kind: archive.Cells, Period: "2024-03", Ruleset: "it's", SHA256: strings.Repeat("b", 64)}}
	if _, err := c.missing(t.Context(), "cells", all); err == nil || !strings.Contains(err.Error(), "bandish publish clickhouse") {
		t.Errorf("without tables: %v", err)
	}
	for _, q := range []string{"CREATE TABLE segments (view String, segment String, rows UInt64) ENGINE = Memory",
		"INSERT INTO segments SELECT 'cells', " + literal(all[1].Path()) + ", 7"} {
		if _, err := c.db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	missing, err := c.missing(t.Context(), "cells", all)
	if err != nil || !reflect.DeepEqual(missing, all[:1]) {
		t.Errorf("%v, %v", missing, err)
	}
}

// nativeAddresses opens the server as the program does: wrong passwords, other databases
// and servers that are too old are told apart, and no password is told.
func nativeAddresses(t *testing.T, where string) {
	for at, want := range map[string]string{
		where: "it is ClickHouse 18.16; questions want 25 or newer",
		strings.Replace(where, "s3cret", "s3cret-other", 1):   "Wrong password",
		strings.Replace(where, "bandish:", "nobody:", 1):      "Unknown user",
		strings.Replace(where, "/default", "/nowhere", 1):     "nowhere",
		strings.Replace(where, "clickhouse://", "http://", 1): "open ClickHouse",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := OpenOn(ctx, nil, at)
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", strings.Split(at, "@")[1], err, want)
		}
	}
}

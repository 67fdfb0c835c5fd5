package chdb

import (
	"database/sql"
	"os"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

func TestAnswers(t *testing.T) {
	db := clickhouse.OpenDB(&clickhouse.Options{Addr: []string{Start(t)}, Protocol: clickhouse.HTTP})
	defer db.Close()
	var n int64
	var s string
	var none sql.NullInt64
	err := db.QueryRowContext(t.Context(), "SELECT sum(number), ?, CAST(NULL AS Nullable(Int64)) FROM numbers(?)", `it's \ ?`, 4).Scan(&n, &s, &none)
	if err != nil || n != 6 || s != `it's \ ?` || none.Valid {
		t.Errorf("got %d, %q, %v, %v", n, s, none, err)
	}
	if err := db.QueryRowContext(t.Context(), "SELECT nothing").Scan(&n); err == nil {
		t.Error("a column that does not exist has a value")
	}
}

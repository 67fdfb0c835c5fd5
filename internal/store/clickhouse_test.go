package store

import (
	"strings"

	"github.com/parquet-go/parquet-go"
)

// clickHouseColumns are the columns of a row type as ClickHouse declares them.
func clickHouseColumns(row any) (out []string) {
	for _, f := range parquet.SchemaOf(row).Fields() {
		out = append(out, f.Name()+" "+clickHouseType(f))
	}
	return out
}

// scalars are the types of columns that are no lists and no groups.
var scalars = map[string]string{
	"STRING": "String", "BOOLEAN": "Bool", "FLOAT": "Float32", "DOUBLE": "Float64", "INT(64,true)": "Int64",
	"INT(8,false)": "UInt8", "INT(16,false)": "UInt16", "INT(32,false)": "UInt32", "INT(64,false)": "UInt64",
	"TIMESTAMP(isAdjustedToUTC=true,unit=MICROS)": "DateTime64(6, 'UTC')",
}

func clickHouseType(n parquet.Node) string {
	switch {
	case n.Repeated():
		return "Array(" + clickHouseType(parquet.Required(n)) + ")"
	case n.Leaf():
		return scalars[n.Type().String()]
	case n.Type().String() == "LIST":
		return "Array(" + clickHouseType(n.Fields()[0].Fields()[0]) + ")"
	}
	var fields []string
	for _, f := range n.Fields() {
		fields = append(fields, f.Name()+" "+clickHouseType(f))
	}
	return "Tuple(" + strings.Join(fields, ", ") + ")"
}

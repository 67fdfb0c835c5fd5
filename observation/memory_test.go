package observation_test

import (
	"reflect"
	"unsafe"

	"github.com/bandish/bandish/observation"
)

// overlaps reports whether any string of the rows lies in the memory of s.
func overlaps(rows []observation.Row, s string) bool {
	if s == "" {
		return false
	}
	from := uintptr(unsafe.Pointer(unsafe.StringData(s)))
	until := from + uintptr(len(s))
	inside := func(x string) bool {
		at := uintptr(unsafe.Pointer(unsafe.StringData(x)))
		return x != "" && at >= from && at < until
	}
	for i := range rows {
		v := reflect.ValueOf(rows[i])
		for f := range v.NumField() {
			switch x := v.Field(f).Interface().(type) {
			case string:
				if inside(x) {
					return true
				}
			case observation.Result:
				if inside(string(x)) {
					return true
				}
			case []string:
				for _, one := range x {
					if inside(one) {
						return true
					}
				}
			}
		}
	}
	return false
}

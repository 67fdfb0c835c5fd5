package zone

import (
	"testing"
	"time"

	"github.com/bandish/bandish/country"
)

// Every country has a time zone that exists.
func TestZones(t *testing.T) {
	for _, cc := range country.Codes() {
		if zones[cc] == "" {
			t.Logf("%s has no zone", cc)
		}
	}
	for cc, zone := range zones {
		if _, err := time.LoadLocation(zone); err != nil || !country.Valid(cc) {
			t.Errorf("%s: %v, or no country", cc, err)
		}
	}
	if pk, zz := Location("PK").String(), Location("ZZ"); len(zones) < 240 || pk != "Asia/Karachi" || zz != time.UTC {
		t.Errorf("%d zones, PK %s, ZZ %s", len(zones), pk, zz)
	}
}

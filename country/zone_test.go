package country

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// Every country has a time zone that exists.
func TestZones(t *testing.T) {
	for _, cc := range Codes() {
		if zones[cc] == "" {
			t.Logf("%s has no zone", cc)
		}
	}
	for cc, zone := range zones {
		if _, err := time.LoadLocation(zone); err != nil || !Valid(cc) {
			t.Errorf("%s: %v, or no country", cc, err)
		}
	}
	if len(zones) < 240 || Zone("PK") != "Asia/Karachi" || Zone("ZZ") != "" {
		t.Errorf("%d zones, PK %q", len(zones), Zone("PK"))
	}
}

package casefile

import "github.com/bandish/bandish/country"

// KnownCountry reports whether the record may use a code: one of ISO 3166-1
// alpha-2; XK, which measuring projects use for Kosovo; or ZZ, the lab.
func KnownCountry(cc string) bool { return cc == "ZZ" || cc == "XK" || country.Valid(cc) }

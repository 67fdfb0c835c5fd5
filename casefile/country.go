package casefile

import "github.com/bandish/bandish/country"

// KnownCountry reports whether the code is one that the record may use: those
// of ISO 3166-1 alpha-2, XK, which the measuring projects use for Kosovo, and
// ZZ, the lab.
func KnownCountry(cc string) bool { return cc == "ZZ" || cc == "XK" || country.Valid(cc) }

package country

import (
	"strings"
	"testing"
)

func TestDemonyms(t *testing.T) {
	for word, cc := range demonyms {
		if !Valid(cc) || word != strings.ToLower(word) {
			t.Errorf("%s: %q is no country, or the word is not in lower case", word, cc)
		}
	}
	if OfDemonym("Nigerian") != "NG" || OfDemonym("nobody") != "" {
		t.Error("words are not found whatever their case")
	}
}

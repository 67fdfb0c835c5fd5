package probe

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestPlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tsv, csv := filepath.Join(dir, "geo.tsv"), filepath.Join(dir, "geo6.csv")
	for path, text := range map[string]string{
		tsv: "198.51.100.0\t198.51.100.127\t64512\tZZ\tTest One\n198.51.100.200\t198.51.100.255\t64513\tzz\tTest \"Two\n",
		csv: "from,to,asn,cc,name\n2001:db8::,2001:db8::ffff,AS64514,ZZ,\"Test, Three\"\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenPlaces(tsv, csv)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for addr, want := range map[string]Place{
		"198.51.100.0": {"ZZ", 64512, "Test One"}, "198.51.100.127": {"ZZ", 64512, "Test One"}, "198.51.100.128": {CC: "ZZ"},
		"198.51.100.201": {"ZZ", 64513, `Test "Two`}, "::ffff:198.51.100.1": {"ZZ", 64512, "Test One"}, "1.1.1.1": {CC: "ZZ"},
		"2001:db8::5": {"ZZ", 64514, "Test, Three"}, "2001:db8:1::": {CC: "ZZ"},
	} {
		if got := p.Lookup(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %+v, want %+v", addr, got, want)
		}
	}
	if err := os.WriteFile(csv, []byte("from,to,asn,cc\n1.2.3.4,1.2.3.5,x,ZZ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPlaces(csv); err == nil {
		t.Error("a broken line was passed over in silence")
	}
	if _, err := OpenPlaces(filepath.Join(dir, "none.mmdb")); err == nil {
		t.Error("a missing database was passed over in silence")
	}
}

package signal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// An answer in the shape of IODA's API, of country ZZ: nothing in it was measured.
const example = `{"type":"signals","metadata":{"requestTime":"2024-02-17T10:00:00+00:00","responseTime":"2024-02-17T10:00:01+00:00"},
"requestParameters":{"from":"1708128000","until":"1708131600","datasource":null,"maxPoints":null,"entityCode":"ZZ","entityType":"country"},
"error":null,"perf":null,"data":[[
{"entityType":"country","entityCode":"ZZ","entityName":"Nowhere","entityFqid":"geo.netacuity.XX.ZZ","datasource":"bgp","subtype":"","from":1708128000,"until":1708131600,"step":300,"nativeStep":300,"values":[420,420,421,null,12,0]},
{"entityType":"country","entityCode":"ZZ","datasource":"ping-slash24","subtype":"","from":1708128000,"until":1708131600,"step":600,"nativeStep":600,"values":[310.5,null]},
{"entityType":"country","entityCode":"ZZ","datasource":"merit-nt","from":1708128000,"until":1708131600,"step":300,"nativeStep":60,"values":[null,null]},
{"entityType":"country","entityCode":"ZZ","datasource":"gtr","subtype":"WEB_SEARCH","from":1708128000,"step":1800,"nativeStep":1800,"values":[955040]},
{"entityType":"country","entityCode":"ZZ","datasource":"ping-slash24-loss","from":1708128000,"step":600,"values":[[{"agg_values":{"loss_pct":1}}]]}
]],"copyright":"of its makers"}`

func TestRead(t *testing.T) {
	got, err := Read([]byte(example), "sum")
	if err != nil {
		t.Fatal(err)
	}
	want := []Series{
		{CC: "ZZ", DataSource: "bgp", From: 1708128000, Step: 300, Values: []float64{420, 420, 421, None, 12, 0}, Document: "sum"},
		{CC: "ZZ", DataSource: "ping-slash24", From: 1708128000, Step: 600, Values: []float64{310.5, None}, Document: "sum"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read %v, want %v: a telescope without a value says nothing, and other sources are left aside", got, want)
	}
	if o := got[0].Observer(); o != Routes || got[0].Until() != 1708128000+6*300 {
		t.Errorf("%v until %d", o, got[0].Until())
	}
}

// of is an answer with one series, one thing changed.
func of(change string) string {
	s := `{"data":[[{"entityType":"country","entityCode":"ZZ","datasource":"bgp","from":1708128000,"step":300,"values":[1,2]}]]}`
	if old, to, ok := strings.Cut(change, "→"); ok {
		if !strings.Contains(s, old) {
			panic(change)
		}
		s = strings.Replace(s, old, to, 1)
	}
	return s
}

func TestWhatIsRefused(t *testing.T) {
	for change, want := range map[string]string{
		"":                "",
		`"ZZ"→"zz"`:       "",
		`[1,2]→[1e3,0.5]`: "",
		`"country"→"asn"`: `entityCode is "ZZ": want the number of a network`,
		`country","entityCode":"ZZ"→asn","entityCode":"64512"`: "say it with --cc",
		`{"data"→{"error":"no such entity","data"`:             "answered with an error",
		`"country"→"region"`:                                   "want country or asn",
		`"ZZ"→"Z1"`:                                            "want two letters",
		`300→0`:                                                "step is 0 s",
		`300→-300`:                                             "step is -300 s",
		`300→7`:                                                "",
		`300→172800`:                                           "step is 172800 s",
		`1708128000→12`:                                        "from is 12",
		`1708128000→99999999999`:                               "from is 99999999999",
		`[1,2]→[1,-2]`:                                         `data[0][0].values[1]: "-2" is no count`,
		`[1,2]→[1,"2"]`:                                        "is no count",
		`[1,2]→[{"agg_values":1}]`:                             "is no count",
		`[1,2]→[null]`:                                         "it has no series",
		`[1,2]→[]`:                                             "it has no series",
		`[1,2]→7`:                                              "read signals: json",
		`"bgp"→"gtr"`:                                          `none of bgp, ping-slash24, merit-nt or ucsd-nt has a value in it (it has "gtr")`,
		`[[→[`:                                                 "read signals",
	} {
		s, err := Read([]byte(of(change)), "")
		switch {
		case want == "" && (err != nil || len(s) != 1):
			t.Errorf("%s: %v, %v", change, s, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", change, err, want)
		}
	}
	if _, err := Read([]byte(`{"probe_cc":"zz",`+of(`country","entityCode":"ZZ"→asn","entityCode":"64512"`)[1:]), ""); err != nil {
		t.Errorf("a network of which the import says the country: %v", err)
	}
}

// Whatever is sent, what is read is within its bounds, and reads the same again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(of("")))
	f.Add([]byte(`{"probe_cc":"ZZ","data":[[{"entityType":"asn","entityCode":"64512","datasource":"ucsd-nt","from":1708128000,"step":86400,"values":[null,1e308]}]]}`))
	f.Add([]byte(`{"data":[[{"values":[]}],null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Read(data, "sum")
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		again, err := Read(data, "sum")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(again) {
			t.Errorf("read twice it differs: %v", err)
		}
		if !slices.IsSortedFunc(got, func(a, b Series) int { return Compare(&a, &b) }) {
			t.Error("not sorted")
		}
		for i := range got {
			s := &got[i]
			if s.Observer() == "" || len(s.CC) != 2 || s.Step <= 0 || s.From < Earliest.Unix() || s.Until() < s.From {
				t.Errorf("%+v", s)
			}
			for _, v := range s.Values {
				if v != None && !(v >= 0) {
					t.Errorf("a value is %v", v)
				}
			}
			if _, err := json.Marshal(s); err != nil {
				t.Error(err)
			}
		}
	})
}

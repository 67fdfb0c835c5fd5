package header

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	type pair struct {
		name string
		n    int
	}
	entry := func(cell func(string) string) (pair, error) {
		n, err := strconv.Atoi(cell("n"))
		return pair{cell("name"), n}, err
	}
	for name, c := range map[string]struct {
		text  string
		want  []pair
		wrong []string // parts of the error
	}{
		"any order, a byte order mark": {"\ufeffn, name\n1,a\n2,b\n", []pair{{"a", 1}, {"b", 2}}, nil},
		"a cell that is not there":     {"n,other,name\n1\n", []pair{{"", 1}}, nil},
		"no rows":                      {"n,name\n", nil, nil},
		"nothing":                      {"", nil, []string{"read pairs: header row"}},
		"a column that is not there":   {"n\n1\n", nil, []string{`no column "name"; want n, name`}},
		"faulty rows are all named":    {"n,name\nx,a\n1,b\ny,c\n", nil, []string{"read pairs: ", "line 2: ", "line 4: "}},
		"not a table":                  {"n,name\n\"1,a\n", nil, []string{"read pairs: "}},
	} {
		got, err := Read(strings.NewReader(c.text), "pairs", []string{"n", "name"}, entry)
		if !slices.Equal(got, c.want) || (err != nil) != (c.wrong != nil) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		for _, part := range c.wrong {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
	}
}

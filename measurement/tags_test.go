package measurement

import "testing"

func TestAside(t *testing.T) {
	for _, c := range []struct {
		tags []string
		want bool
	}{
		{nil, false},
		{[]string{"depth=0", "tcptls_experiment", "fetch_body=true", "control_addr"}, false},
		{[]string{"depth=0", "contrast", "sni_contrast"}, true},
		{[]string{"depth=0", "resolver"}, true},
	} {
		if got := Auxiliary(c.tags); got != c.want {
			t.Errorf("Aside(%q) = %v", c.tags, got)
		}
	}
}

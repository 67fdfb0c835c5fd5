package defect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bandish/bandish/defect"
)

func TestRange(t *testing.T) {
	for _, c := range []struct {
		r       defect.Range
		version string
		holds   bool
	}{
		{"", "", true}, {"", "1.2", true}, {"", "nonsense", true},
		{"0.2.4", "0.2.4", true}, {"0.2.4", "0.2.40", false}, {"0.2.4", "0.2.4.0", true},
		{"<0.2.2", "0.2.1", true}, {"<0.2.2", "0.2.2", false}, {"<0.2.2", "0.10.0", false}, {"<0.2.2", "0.1.99", true},
		{"<=0.2.3", "0.2.3", true}, {"<=0.2.3", "0.2.4", false},
		{">=2.1.0 <2.4", "2.3.0", true}, {">=2.1.0 <2.4", "2.4.0", false}, {">=2.1.0 <2.4", "2.0.9", false}, {">2.1", "2.1.1", true},
		{"<3.17.2", "3.17.0-alpha", true}, {"<3.17.2", "v3.17.1", true}, {"<3.0", "2.0.3.dev0", true},
		{"<3.17.2", "", true}, {">=3.17.2", "", false}, {"<3.17.2", "nonsense", false},
	} {
		if got := c.r.Holds(c.version); got != c.holds {
			t.Errorf("%q holds for %q: %v, want %v", c.r, c.version, got, c.holds)
		}
	}
}

// Each window that comes with the program: one measurement in it, and others
// that are not.
func TestEmbedded(t *testing.T) {
	cases := map[string]struct {
		in  defect.Measured
		out []defect.Measured
	}{
		"signal-2022-root": {signal("0.2.1", "3.16.4", "2022-10-30"),
			[]defect.Measured{signal("0.2.2", "3.16.5", "2022-11-18"), signal("0.2.0", "3.14.1", "2022-10-18")}},
		"signal-2023-directory": {signal("0.2.2", "3.17.1", "2023-05-30"),
			[]defect.Measured{signal("0.2.3", "3.17.2", "2023-06-10"), signal("0.2.2", "3.17.1", "2023-05-01"), signal("0.2.5", "", "2024-02-17")}},
		"signal-2023-legacy": {signal("0.2.3", "3.19.1", "2023-11-10"),
			[]defect.Measured{signal("0.2.3", "3.19.1", "2023-11-06"), signal("0.2.5", "3.20.0", "2023-12-24")}},
		"signal-2023-endpoints": {signal("0.2.4", "3.19.2", "2023-11-22"),
			[]defect.Measured{signal("0.2.5", "3.20.0", "2024-01-22")}},
		"torsf-android-383": {snowflake("0.4.0", "ooniprobe-android/3.8.3", "2023-08-17"),
			[]defect.Measured{snowflake("0.4.0", "ooniprobe-android/3.8.2", "2023-08-17"), snowflake("0.4.0", "ooniprobe-ios/3.8.3", "2023-08-17")}},
		"torsf-android-unattended-383": {snowflake("0.4.0", "ooniprobe-android-unattended/3.8.3", "2023-08-17"),
			[]defect.Measured{snowflake("0.4.0", "ooniprobe-android-unattended/3.8.5", "2023-09-17")}},
		"torsf-2023-front": {snowflake("0.4.0", "ooniprobe-cli/3.18.0", "2023-09-20"),
			[]defect.Measured{snowflake("0.4.0", "ooniprobe-cli/3.18.0", "2023-09-19"), snowflake("0.5.0", "ooniprobe-cli/3.19.0", "2023-11-01")}},
		"torsf-2024-front": {snowflake("0.5.0", "ooniprobe-cli/3.20.0", "2024-03-20"),
			[]defect.Measured{snowflake("0.5.1", "ooniprobe-cli/3.21.0", "2024-04-20"), snowflake("0.5.0", "ooniprobe-cli/3.20.0", "2024-02-28")}},
	}
	windows := defect.EmbeddedList()
	for _, w := range windows {
		c, ok := cases[w.ID]
		if !ok {
			t.Errorf("%s: no case", w.ID)
			continue
		}
		table, err := defect.New([]defect.Window{w})
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Match(c.in); len(got) != 1 || got[0] != w.ID {
			t.Errorf("%s: %v for %+v", w.ID, got, c.in)
		}
		for _, m := range c.out {
			if got := table.Match(m); got != nil {
				t.Errorf("%s: %v for %+v", w.ID, got, m)
			}
		}
		if w.Breaks == "" || !strings.HasPrefix(w.Source, "https://") {
			t.Errorf("%s: breaks %q, source %q", w.ID, w.Breaks, w.Source)
		}
	}
	if len(cases) != len(windows) || defect.Embedded().Len() != len(windows) {
		t.Errorf("%d cases, %d windows, %d in the table", len(cases), len(windows), defect.Embedded().Len())
	}
}

func signal(version, engine, day string) defect.Measured {
	return defect.Measured{Test: "signal", Version: version, Engine: engine, Software: "ooniprobe-android/3.8.0", Platform: "android", At: noon(day)}
}

func snowflake(version, software, day string) defect.Measured {
	return defect.Measured{Test: "torsf", Version: version, Software: software, At: noon(day)}
}

func noon(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t.Add(12 * time.Hour)
}

func TestReadCSV(t *testing.T) {
	const header = "id,test,versions,software,engine,platform,since,until,breaks,source\n"
	for text, fault := range map[string]string{
		"":                            "header row",
		"id,test\n":                   `no column "versions"`,
		header + ",signal,1,,,,,,b,s": "line 2: id",
		header + "a,,1,,,,,,b,s":      "test: missing",
		header + "a,x,1,,,,,,b,":      "source: missing",
		header + "a,x,,,,,,,b,s":      "nothing restricts it",
		header + "a,x,~1,,,,,,b,s":    `"~1" is no version`,
		header + "a,x,1,,,,May,,b,s":  `"May" is no day`,
		header + "a,x,1,,,,2024-02-02,2024-02-01,b,s": "until: is not after since",
	} {
		if _, err := defect.ReadCSV(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: %v, want %s", text, err, fault)
		}
	}
	windows, err := defect.ReadCSV(strings.NewReader(header + "a,x,<2,,,android,2024-02-01,2024-03-01,b,s\n"))
	if err != nil || len(windows) != 1 {
		t.Fatal(windows, err)
	}
	// A later window of the same id replaces the earlier one.
	later := windows[0]
	later.Versions = "<1"
	table, err := defect.New([]defect.Window{windows[0], later})
	if err != nil || table.Len() != 1 {
		t.Fatal(err)
	}
	m := defect.Measured{Test: "x", Version: "1.5", Platform: "android", At: noon("2024-02-10")}
	if got := table.Match(m); got != nil {
		t.Errorf("%v by the window that was replaced", got)
	}
	m.Version = "0.5"
	if got := table.Match(m); len(got) != 1 {
		t.Errorf("%v", got)
	}
	m.At = noon("2024-03-01")
	if got := table.Match(m); got != nil {
		t.Errorf("%v when it is over", got)
	}
}

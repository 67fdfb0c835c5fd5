package web

import (
	"regexp"
	"strings"
	"testing"

	"github.com/bandish/bandish/answer"
	"github.com/bandish/bandish/casefile"
	"github.com/bandish/bandish/verdict"
)

func TestWorldShapes(t *testing.T) {
	shape := regexp.MustCompile(`^(M-?\d+[ -]\d+l-?\d+[ -]\d+([ -]\d+[ -]\d+)*z)+$`)
	n := 0
	for line := range strings.Lines(worldShapes) {
		cc, path, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if n++; !ok || cc != "-" && !casefile.KnownCountry(cc) || !shape.MatchString(path) {
			t.Errorf("a line of the world is %.80q", line)
		}
	}
	if n < 170 {
		t.Errorf("the world has %d countries", n)
	}
}

// The small map has the countries of the great one, but for the smallest.
func TestSmallWorld(t *testing.T) {
	one := []answer.Answer{{CC: "PK", Country: "Pakistan", Target: "x", State: verdict.Blocked, Basis: answer.Measured}}
	great, small := string(worldMap("x", one, "")), string(smallWorld("x", one, "", nil))
	if len(small) > len(great)*3/4 || !strings.Contains(small, "/cc/PK/x") || strings.Contains(small, `d=""><`) {
		t.Errorf("the small map is %d bytes, the great one %d", len(small), len(great))
	}
	urdu := string(smallWorld("x", one, "?at=2024-03-01", loadCatalogues()["ur"]))
	if !strings.Contains(urdu, `<a href="/ur/cc/PK/x?at=2024-03-01"><title>پاکستان: بلاک`) || strings.Contains(urdu, "Pakistan") || strings.Contains(urdu, "Map of") {
		t.Errorf("the map in Urdu: %.300s", urdu)
	}
	if got := coarser("M10 10l1 0 9 0 0 10-10 0z", 2); got != "M10 10l10 0 0 10-10 0z" {
		t.Errorf("a square with a point on its side is %s", got)
	}
}

func TestWorldMapSaysWhatTheAnswersSay(t *testing.T) {
	svg := string(worldMap("x", []answer.Answer{{CC: "PK", Country: "Pakistan", Target: "x", State: verdict.Blocked, Basis: answer.Measured}}, "?at=2024-03-01"))
	if !strings.Contains(svg, `<a href="/cc/PK/x?at=2024-03-01"><title>Pakistan: It is blocked</title><path class="s-blocked"`) && !strings.Contains(svg, `<title>Pakistan: It was blocked</title><path class="s-blocked"`) {
		t.Errorf("Pakistan is not blocked on the map: %.300s", svg)
	}
	if strings.Count(svg, "<a ") != 1 || strings.Count(svg, `class="unknown"`) < 170 {
		t.Error("countries that are not known have states")
	}
}

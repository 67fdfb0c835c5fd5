package event

import (
	"fmt"
	"os"
	"testing"
	"time"

	files "github.com/bandish/bandish/internal/history"
	"github.com/bandish/bandish/series"
)

func TestDebug(t *testing.T) {
	f := os.Getenv("DBG")
	if f == "" {
		t.Skip()
	}
	c := files.NewCollector(files.Options{CC: "ZZ"})
	rep, err := c.ReadFile(f)
	fmt.Println(rep.Kind, rep.Rows, rep.Bad, err)
	cells := c.Cells()
	for cc := range byKey(cells, func(c *series.Cell) string { return c.CC + c.Target }) {
		h := newHistory(cc)
		h.segment(nil)
		fmt.Println(cc[0].CC, cc[0].Target, len(cc), "nets", len(h.nets), "base", h.pooled.base)
		show := func(n string, tr *track) {
			for _, r := range tr.runs {
				fmt.Printf("   %s %s - %s score %.1f rate %.2f soft %.2f\n", n, time.Unix(tr.obs[r.first].from, 0).UTC().Format("2006-01-02 15:04"), time.Unix(tr.obs[r.last].to, 0).UTC().Format("2006-01-02 15:04"), r.score, r.rate, r.soft)
			}
		}
		show("pool", &h.pooled)
		for i := range h.nets {
			show(fmt.Sprint(h.nets[i].asn, " ", h.nets[i].base), &h.nets[i])
		}
		for _, c := range h.clusters() {
			fmt.Println("   cluster", time.Unix(c.from, 0).UTC(), time.Unix(c.to, 0).UTC(), len(c.spans), h.reject(&c), c.joint, c.loudest)
		}
	}
}

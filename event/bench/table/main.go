// Command table prints the benchmark of the event detector beside two plain
// methods.
//
//	go run ./event/bench/table            the seeds that are reported
//	go run ./event/bench/table -calibrate other seeds, for choosing constants
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/bandish/bandish/event/bench"
)

func main() {
	calibrate := flag.Bool("calibrate", false, "use the seeds for choosing constants")
	worlds := flag.Int("worlds", 10, "how many worlds of 256 series")
	details := flag.Bool("details", false, "list what was missed and what was wrong")
	flag.Parse()
	first := uint64(1000)
	if *calibrate {
		first = 1
	}
	var seeds []uint64
	for i := range *worlds {
		seeds = append(seeds, first+uint64(i))
	}
	start := time.Now()
	scores := bench.Run(seeds, bench.Standard)
	bench.WriteTable(os.Stdout, scores)
	fmt.Fprintf(os.Stderr, "%d worlds in %s\n", *worlds, time.Since(start).Round(time.Second))
	if *details {
		for _, b := range scores[0].Missed {
			fmt.Printf("missed %+v\n", b)
		}
		for _, f := range scores[0].Wrong {
			fmt.Printf("wrong %+v\n", f)
		}
		for _, o := range scores[0].Off {
			fmt.Println("off", o)
		}
	}
}

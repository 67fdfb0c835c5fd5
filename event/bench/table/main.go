// Command table prints the benchmark of the event detector beside two plain
// methods.
//
//	go run ./event/bench/table            the seeds that are reported
//	go run ./event/bench/table -calibrate other seeds, for choosing constants
//	go run ./event/bench/table -volume    the time that fifty million cells take
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/bandish/bandish/event/bench"
)

func main() {
	calibrate := flag.Bool("calibrate", false, "use the seeds for choosing constants")
	worlds := flag.Int("worlds", 30, "how many worlds of 256 series")
	details := flag.Bool("details", false, "list what was missed, what was wrong, and what was dated wrongly")
	first := flag.Uint64("first", 1000, "the seed of the first world: 1000 is what is reported")
	volume := flag.Bool("volume", false, "measure the time and memory of fifty million cells instead")
	scenarios := flag.String("scenarios", "", "print the scenarios whose name holds this text ('all': every one) instead")
	stories := flag.Int("stories", 100, "of each scenario")
	countries := flag.Int("countries", bench.FullVolume.Countries, "countries of -volume")
	flag.Parse()
	if *volume {
		v := bench.FullVolume
		v.Countries = *countries
		l := bench.Measure(v, time.Now)
		fmt.Printf("%d cells, %d events: %s to detect, slowest country %s, %d MiB from the system\n", l.Cells, l.Events,
			l.Detect.Round(time.Millisecond), l.Slowest.Round(time.Millisecond), l.Memory>>20)
		return
	}
	if *calibrate {
		*first = 1
	}
	if *scenarios != "" {
		printScenarios(*scenarios, *first, *stories, *details)
		return
	}
	var seeds []uint64
	for i := range *worlds {
		seeds = append(seeds, *first+uint64(i))
	}
	start := time.Now()
	scores := bench.Run(seeds, bench.Standard)
	bench.WriteTable(os.Stdout, scores)
	fmt.Fprintf(os.Stderr, "%d worlds in %s\n", *worlds, time.Since(start).Round(time.Second))
	if *details {
		printDetails(scores[0])
	}
}

func printDetails(s *bench.Score) {
	for _, b := range s.Missed {
		fmt.Printf("missed %+v\n", b)
	}
	for _, f := range s.Wrong {
		fmt.Printf("wrong %+v\n", f)
	}
	for _, o := range s.Off {
		fmt.Println("off", o)
	}
}

// printScenarios tries every scenario whose name holds a text.
func printScenarios(name string, first uint64, stories int, details bool) {
	var seeds []uint64
	for i := range stories {
		seeds = append(seeds, first+uint64(i))
	}
	var list []*bench.Outcome
	for _, s := range bench.Scenarios {
		if name == "all" || strings.Contains(s.Name, name) {
			list = append(list, s.Try(seeds))
		}
	}
	bench.WriteOutcomes(os.Stdout, list)
	if !details {
		return
	}
	for _, o := range list {
		for _, line := range o.Off {
			fmt.Printf("%s: %s\n", o.Scenario, line)
		}
	}
}

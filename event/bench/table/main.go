// Command table prints the benchmark of the event detector, beside two simple
// methods.
//
//	go run ./event/bench/table            the seeds that are reported
//	go run ./event/bench/table -calibrate other seeds, for choosing constants
//	go run ./event/bench/table -scenarios all   one way of obeying or measuring at a time
//	go run ./event/bench/table -scenarios all -beside OLD   and what another build of bandish finds in the same stories
//	go run ./event/bench/table -set Candidate.MinReports=1   with another parameter
//	go run ./event/bench/table -volume    the time that fifty million cells take
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bandish/bandish/event"
	"github.com/bandish/bandish/event/bench"
	"github.com/bandish/bandish/event/parameter"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		os.Exit(2)
	}
}

func run(args []string, out, log io.Writer) error {
	fs := flag.NewFlagSet("table", flag.ContinueOnError)
	fs.SetOutput(log)
	calibrate := fs.Bool("calibrate", false, "use the seeds for choosing constants")
	worlds := fs.Int("worlds", 30, "how many worlds of 256 series")
	details := fs.Bool("details", false, "list what was missed, what was wrong, and what was dated wrongly")
	first := fs.Uint64("first", 1000, "the seed of the first world or story: 1000 is what is reported")
	volume := fs.Bool("volume", false, "measure the time and memory of fifty million cells instead")
	scenarios := fs.String("scenarios", "", "tell stories of the scenarios whose name holds this text ('all': every one) instead")
	stories := fs.Int("stories", 100, "of each scenario")
	beside := fs.String("beside", "", "with -scenarios: give the stories, as files, to this `program`, too, a bandish of another version; its figures stand first")
	fs.Func("set", "try another number: `Group.Name=value` of a parameter that docs/DETECTION.md lists", set)
	countries := fs.Int("countries", bench.FullVolume.Countries, "countries of -volume")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *calibrate {
		*first = 1
	}
	switch {
	case *volume:
		v := bench.FullVolume
		v.Countries = *countries
		l := bench.Measure(v, time.Now)
		fmt.Fprintf(out, "%d cells, %d events: %s to detect, slowest country %s, %d MiB from the system\n", l.Cells, l.Events,
			l.Detect.Round(time.Millisecond), l.Slowest.Round(time.Millisecond), l.Memory>>20)
	case *scenarios != "":
		if err := printScenarios(out, *scenarios, *beside, seeds(*first, *stories), *details); err != nil {
			fmt.Fprintln(log, err)
			return err
		}
	default:
		start := time.Now()
		scores := bench.Run(seeds(*first, *worlds), bench.Standard)
		bench.WriteTable(out, scores)
		fmt.Fprintf(log, "%d worlds in %s\n", *worlds, time.Since(start).Round(time.Second))
		if *details {
			printDetails(out, scores[0])
		}
	}
	return nil
}

// set changes a parameter of the detector for the rest of the run; arg is
// Group.Name=value.
func set(arg string) error {
	name, text, _ := strings.Cut(arg, "=")
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return fmt.Errorf("%q: write Group.Name=value: %w", arg, err)
	}
	_, err = parameter.Standard.Set(name, value)
	return err
}

func seeds(first uint64, n int) []uint64 {
	var out []uint64
	for i := range n {
		out = append(out, first+uint64(i))
	}
	return out
}

func printDetails(out io.Writer, s *bench.Score) {
	for _, b := range s.Missed {
		fmt.Fprintf(out, "missed %+v\n", b)
	}
	for _, f := range s.Wrong {
		fmt.Fprintf(out, "wrong %+v\n", f)
	}
	for _, o := range s.Off {
		fmt.Fprintln(out, "off", o)
	}
}

// printScenarios tries every scenario whose name contains a text. beside is the
// path of another version of bandish to compare with, or "".
func printScenarios(out io.Writer, name, beside string, seeds []uint64, details bool) error {
	methods := []bench.Method{bench.Detector}
	if beside != "" {
		methods = []bench.Method{build(beside), bench.Detector}
	}
	tried := make([][]*bench.Outcome, len(methods))
	for _, s := range bench.Scenarios {
		if name != "all" && !strings.Contains(s.Name, name) {
			continue
		}
		for i, m := range methods {
			o, err := s.Try(seeds, m)
			if err != nil {
				return err
			}
			tried[i] = append(tried[i], o)
		}
	}
	bench.WriteOutcomes(out, tried...)
	if !details {
		return nil
	}
	for _, o := range tried[len(tried)-1] {
		for _, line := range slices.Concat(o.Off, o.Flaws) {
			fmt.Fprintf(out, "%s: %s\n", o.Scenario, line)
		}
	}
	return nil
}

// build returns a method that runs another build of bandish: its events command
// reads the story from a file.
func build(path string) bench.Method {
	return func(s *bench.Story) (found []event.Event, err error) {
		file, err := os.CreateTemp("", "story-*.csv")
		if err != nil {
			return nil, err
		}
		defer os.Remove(file.Name())
		if err := errors.Join(s.WriteCSV(file), file.Close()); err != nil {
			return nil, fmt.Errorf("write the story: %w", err)
		}
		text, err := exec.Command(path, "events", "--json", "--input", file.Name()).Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return nil, fmt.Errorf("%s: %w: %.300s", path, err, failed.Stderr)
		} else if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &found); err != nil {
			return nil, fmt.Errorf("%s: its events: %w", path, err)
		}
		return found, nil
	}
}

package main

import "github.com/bandish/bandish/internal/kit"

func watchProbeCommand() command {
	return command{
		name:  "watch-probe",
		usage: kit.WatchUsage,
		about: "probe a list again and again, keep the results, and submit them when that is possible",
		run:   fromKit(kit.Watch),
	}
}

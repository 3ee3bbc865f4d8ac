// Command load puts load on the whole program and prints one line of JSON a scenario.
//
// Each scenario starts a private Redis (appendonly, appendfsync always, all else as it ships) and the built dogwatch with
// its default configuration: all roles, audit, history, metrics. It sends alerts as a fast Alertmanager would, then kills
// both with SIGKILL, starts them again and compares what the API says with what was sent. A figure that misses its target
// is reported and is no failure, since it depends on the machine and on who else uses it; a check that does not hold is
// one, and ends the program with exit 1.
//
//	test/load/run.sh                        all scenarios, a quarter of an hour
//	SHORT=1 test/load/run.sh                all, small; four minutes at most
//	test/load/run.sh -scenario one-new,post-50
//
// Where a built Alertmanager lies in the cache of internal/alertmanagertest, scenarios that it can play as well are played
// against it in the same run, and the line holds both and their ratio. CPU seconds are those of the measured time only;
// loader and fake chat are one process beside them. On a machine with other work, believe CPU seconds rather than rates.
//
// Everything listens on loopback, every wait has a limit, and all processes end with this one, however it ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// scenario is one kind of load. What it returns as error is a check that does not hold.
type scenario struct {
	name string
	play func(context.Context, *bench, *line) error
}

var scenarios = []scenario{
	{"one-new", intake{n: 100_000, batch: 1, reach: 16_000, times: 1.25}.play},
	{"one-repeated", intake{n: 100_000, batch: 1, unique: 1000, reach: 20_000, times: 1.6}.play},
	{"hundred-new", intake{n: 500_000, batch: 100, reach: 100_000, times: 2.2}.play},
	{"hundred-repeated", intake{n: 500_000, batch: 100, unique: 1000, reach: 130_000, times: 2.2}.play},
	{"answer-2000", intake{n: 20_000, batch: 1, rate: 2000, p99: 5}.play},
	{"post-50", post{rate: 50}.play},
	{"post-500", post{rate: 500}.play},
	{"storm-one-group", stormOneGroup},
	{"storm-500-groups", stormManyGroups},
	{"timers", timers},
	{"memory", memory},
	{"oncall", onCall},
	{"demo-start", demoStart},
}

// bench is what all scenarios share.
type bench struct {
	short   bool
	program string // the built dogwatch
	rival   string // a built Alertmanager; "" if there is none
	dir     string
	conns   int
}

// size is n, or the share of it that a short run sends.
func (b *bench) size(n, share int) int {
	if b.short {
		return n / share
	}
	return n
}

// limit bounds one scenario.
const limit = 10 * time.Minute

func main() {
	only := flag.String("scenario", "", "names, by comma; all if empty")
	program := flag.String("program", "", "a built dogwatch; otherwise ./cmd/dogwatch is built")
	conns := flag.Int("conns", 16, "connections, each with one request under way")
	flag.Parse()
	// A loader that collects garbage rarely leaves the cores to what it measures.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	good, err := run(ctx, &bench{short: os.Getenv("SHORT") == "1", program: *program, conns: *conns}, *only)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

// run plays the scenarios that were asked for and says whether all checks held.
func run(ctx context.Context, b *bench, only string) (bool, error) {
	chosen := scenarios
	if only != "" {
		chosen = nil
		for name := range strings.SplitSeq(only, ",") {
			i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
			if i < 0 {
				return false, fmt.Errorf("find scenario %s: there is none of this name", name)
			}
			chosen = append(chosen, scenarios[i])
		}
	}
	var err error
	if b.dir, err = os.MkdirTemp("", "dogwatch-load-"); err != nil {
		return false, fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(b.dir)
	if b.program == "" {
		b.program = filepath.Join(b.dir, "dogwatch")
		if _, err := output(ctx, "go", "build", "-o", b.program, "./cmd/dogwatch"); err != nil {
			return false, err
		}
	}
	b.rival = findRival()
	good := true
	for _, s := range chosen {
		l := line{Load: s.name, Short: b.short, Good: true}
		if err := b.one(ctx, s, &l); err != nil {
			l.Good, l.Failed = false, err.Error()
			good = false
			fmt.Fprintf(os.Stderr, "load: %s: %v\n", s.name, err)
		}
		text, err := json.Marshal(l)
		if err != nil {
			return false, fmt.Errorf("print %s: %w", s.name, err)
		}
		fmt.Println(string(text))
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
	}
	return good, nil
}

func (b *bench) one(ctx context.Context, s scenario, l *line) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return s.play(ctx, b, l)
}

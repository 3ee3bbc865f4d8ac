//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Armed says whether this build can be ended at failpoints.
const Armed = true

// point is one armed place: what happens there, at which hit, and how often it has been hit.
type point struct {
	signal syscall.Signal
	at     int64
	hits   atomic.Int64
}

var points = arm(os.Getenv("DOGWATCH_FAILPOINT"))

func arm(spec string) map[string]*point {
	armed := map[string]*point{}
	for item := range strings.SplitSeq(spec, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		name, p, err := parse(item)
		if err != nil {
			fmt.Fprintf(os.Stderr, "failpoint: read %q: %v\n", item, err)
			os.Exit(2)
		}
		armed[name] = p
	}
	return armed
}

func parse(item string) (string, *point, error) {
	name, what, ok := strings.Cut(item, "=")
	if !ok || name == "" {
		return "", nil, fmt.Errorf("want name=kill or name=stop")
	}
	p := &point{at: 1}
	what, nth, counted := strings.Cut(what, "@")
	if counted {
		n, err := strconv.ParseInt(nth, 10, 64)
		if err != nil || n < 1 {
			return "", nil, fmt.Errorf("want a count of at least 1 after @")
		}
		p.at = n
	}
	switch what {
	case "kill":
		p.signal = syscall.SIGKILL
	case "stop":
		p.signal = syscall.SIGSTOP
	default:
		return "", nil, fmt.Errorf("know kill and stop only")
	}
	return name, p, nil
}

// Hit ends or stops the process here if this place is armed and this is the hit it waits for.
func Hit(name string) {
	p := points[name]
	if p == nil || p.hits.Add(1) != p.at {
		return
	}
	if p.signal == syscall.SIGSTOP {
		if err := stop(); err != nil {
			panic("failpoint: " + name + ": " + err.Error())
		}
		return
	}
	if err := syscall.Kill(syscall.Getpid(), p.signal); err != nil {
		panic("failpoint: " + name + ": " + err.Error())
	}
	select {} // the signal is on its way; nothing may happen after this line
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// The journeys: testdata/journeys/*.txtar. Each is told in lines and happens in a running house over a real Redis, with the
// chat platforms played over HTTP and a clock that the journey moves. A line is one of
//
//	at 5m                                        it is five minutes after the beginning, and everything due has happened
//	alert Disk host=a team=web                   the source reports it firing; the answer must be 200
//	alert Disk host=a resolved                   … resolved; also: times=50, since=-5m, at=second, together
//	say bob on slack "ack 1"                     words, in a channel with "in C0OPS"
//	press "Acknowledge" by bob on slack in C0OPS  a button that is shown there now; stale: one that was shown before
//	press 批准 by carol on web in /requests/{request}  … on that page of the console, its form sent as a browser does
//	fill by bob on slack "Unit=nginx.service"    the form that is open
//	api bob POST /api/v1/incidents/1/resolve 409 '{"reason":"…"}'   the status is what must come
//	twenty approve 1                             twenty approvals of the first request at once: Slack, WeCom, console and API
//	told bob "…"                                 what bob was told last contains it; untold: does not
//	want incident 1 state=triggered firing=2     also request N, line KIND N=count, cards PLACE count, card PLACE "…", effects N
//	go                                           actions that wait go on
//	restart, replica, stop second                of houses
//	console                                      the house starts again with the web console, and so does who comes after it
//	clock 1ms before expiry, clock runs          the clock stands still, and runs again
//	slack down, slack up; wecom down, wecom stale (cards are not redrawn), wecom up
//
// {request} and {incident} stand for the newest one's id, {request.1} for the first one's.
func TestJourneys(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "journeys", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no journeys: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(text)
			j := &journey{world: startHouse(t), file: file}
			for _, f := range archive.Files {
				if f.Name != "journey" {
					t.Fatalf("%s holds a file %q; there is only journey", file, f.Name)
				}
				j.happen(string(f.Data))
			}
		})
	}
}

// journey is one story under way.
type journey struct {
	*world
	file string
	line int
	text string
	down bool // a platform is out of order: nothing needs to come to rest
}

// happen plays the lines.
func (j *journey) happen(text string) {
	for n, line := range strings.Split(text, "\n") {
		j.line, j.text = n+1, strings.TrimSpace(line)
		if j.text == "" || j.text[0] == '#' {
			continue
		}
		words, err := split(j.fill(j.text))
		if err != nil {
			j.wrong("%v", err)
		}
		verb, ok := journeyVerbs[words[0]]
		if !ok {
			j.wrong("there is no %q", words[0])
		}
		verb(j, words[1:])
	}
}

func (j *journey) wrong(format string, args ...any) {
	j.Helper()
	j.Fatalf("%s: line %d: %s\n\t%s", j.file, j.line, j.text, fmt.Sprintf(format, args...))
}

var journeyVerbs map[string]func(*journey, []string)

func init() {
	journeyVerbs = map[string]func(*journey, []string){
		"at": (*journey).at, "clock": (*journey).setClock, "alert": (*journey).alert, "say": (*journey).say, "press": (*journey).press,
		"fill": (*journey).submit, "api": (*journey).api, "twenty": (*journey).twenty, "told": (*journey).wasTold, "untold": (*journey).wasNotTold,
		"want": (*journey).want, "go": (*journey).letGo, "slack": (*journey).slackState, "wecom": (*journey).wecomState,
		"console": (*journey).openConsole,
		"restart": func(j *journey, _ []string) { j.restart() },
		"replica": func(j *journey, _ []string) { j.start("second", "127.0.0.1:0") },
		"stop":    func(j *journey, _ []string) { j.stop(j.houses[1]); j.houses = j.houses[:1]; j.reachedAt(j.houses[0]) },
	}
}

// split cuts a line into words; quotes, double or single, hold words together.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, inside := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inside = r, true
		case r == ' ' || r == '\t':
			if inside {
				words = append(words, word.String())
				word.Reset()
			}
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if inside {
		words = append(words, word.String())
	}
	return words, nil
}

// option takes name=value words off a line.
func option(words []string, name string) (value string, rest []string) {
	for _, w := range words {
		if v, ok := strings.CutPrefix(w, name+"="); ok {
			value = v
			continue
		}
		rest = append(rest, w)
	}
	return value, rest
}

// after takes the word behind another off a line: after(…, "on") of "say bob on slack".
func after(words []string, name string) (value string, rest []string) {
	for i := 0; i < len(words); i++ {
		if words[i] == name && i+1 < len(words) && value == "" {
			value = words[i+1]
			i++
			continue
		}
		rest = append(rest, words[i])
	}
	return value, rest
}

// flag takes a word off a line and says whether it stood there.
func flagged(words []string, name string) (bool, []string) {
	var rest []string
	found := false
	for _, w := range words {
		if w == name {
			found = true
			continue
		}
		rest = append(rest, w)
	}
	return found, rest
}

func (j *journey) at(words []string) {
	d, err := time.ParseDuration(words[0])
	if err != nil {
		j.wrong("%v", err)
	}
	j.clock.MoveTo(j.clock.began.Add(d))
	j.rest()
}

// rest waits until all that is due now has happened.
func (j *journey) rest() {
	j.Helper()
	j.eventually("everything due to be done", func() string { return sayUnless(j.quiet() || j.down, "something is still due") })
}

func sayUnless(ok bool, words string) string {
	if ok {
		return ""
	}
	return words
}

// eventually waits until what is asked for has nothing to complain about.
func (j *journey) eventually(what string, look func() string) {
	j.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		complaint := look()
		if complaint == "" {
			return
		}
		select {
		case <-tick.C:
		case <-limit.C:
			j.wrong("waited in vain for %s: %s", what, complaint)
		}
	}
}

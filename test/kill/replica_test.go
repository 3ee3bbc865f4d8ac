package kill

import (
	"bufio"
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// replica is one dogwatch process and what it leaves on its disk between its lives.
type replica struct {
	w      *world
	name   string
	dir    string
	config string

	mu   sync.Mutex
	url  string // "" while it is not up
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  *os.File
}

// replica makes a replica that reaches Redis directly; nothing runs yet.
func (w *world) replica(name string) *replica { return w.replicaOver(name, w.redis.URL()) }

// replicaOver makes one that reaches Redis at an address of the test's.
func (w *world) replicaOver(name, store string) *replica {
	w.Helper()
	r := &replica{w: w, name: name, dir: filepath.Join(w.dir, name)}
	r.config = filepath.Join(r.dir, "dogwatch.yaml")
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		w.Fatal(err)
	}
	r.write(w.config(filepath.Join(r.dir, "data"), store))
	var err error
	if r.log, err = os.OpenFile(filepath.Join(r.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { r.end(syscall.SIGKILL); r.log.Close() })
	w.replicas = append(w.replicas, r)
	return r
}

// write replaces the configuration as a whole.
func (r *replica) write(config string) {
	if err := os.WriteFile(r.config+".new", []byte(config), 0o600); err != nil {
		r.w.Fatal(err)
	}
	if err := os.Rename(r.config+".new", r.config); err != nil {
		r.w.Fatal(err)
	}
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// launch starts the process and returns when it has said where it listens.
func (r *replica) launch(failpoint string) {
	r.w.Helper()
	cmd := exec.Command(dogwatch, "serve", "--config.file", r.config)
	cmd.Env, cmd.Stderr = environment(failpoint), r.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		r.w.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		r.w.Fatal(err)
	}
	first, _ := bufio.NewReader(out).ReadString('\n')
	url := listening.FindString(first)
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is asked of its state
		r.mu.Lock()
		r.url = ""
		r.mu.Unlock()
		close(done)
	}()
	r.mu.Lock()
	r.cmd, r.done, r.url = cmd, done, url
	r.mu.Unlock()
	if url == "" {
		r.w.Fatalf("%s said %q instead of its address\n%s", r.name, first, r.said())
	}
}

// start launches the process, waits until it is ready and lets the chat platforms call it.
func (r *replica) start(failpoint string) {
	r.w.Helper()
	r.launch(failpoint)
	r.w.until(soon, r.name+" to be ready", func() bool { return r.ready() == http.StatusOK })
	r.face()
}

// face lets the chat platforms call this replica.
func (r *replica) face() {
	r.w.slack.SetTarget(r.at())
	r.w.wecom.SetTarget(r.at() + "/chat/wecom/callback")
}

// at is where it listens; an address where nobody is while it is down.
func (r *replica) at() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url == "" {
		return "http://127.0.0.1:1"
	}
	return r.url
}

func (r *replica) ready() int {
	answer, err := quick.Get(r.at() + "/-/ready")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// quick is for calls that are made again when they fail.
var quick = &http.Client{Timeout: 5 * time.Second}

func (r *replica) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		_ = r.cmd.Process.Signal(s) // it may have ended by itself, which is asked for elsewhere
	}
}

// end signals and waits for the end; nil if it never ran.
func (r *replica) end(s syscall.Signal) *os.ProcessState {
	r.mu.Lock()
	cmd, done := r.cmd, r.done
	r.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(s)
	if s == syscall.SIGTERM {
		_ = cmd.Process.Signal(syscall.SIGCONT)
	}
	<-done
	return cmd.ProcessState
}

// kill ends it with SIGKILL from outside.
func (r *replica) kill() { r.end(syscall.SIGKILL) }

// dies waits until a failpoint has killed it.
func (r *replica) dies() {
	r.w.Helper()
	select {
	case <-r.done:
	case <-time.After(soon):
		r.w.Fatalf("%s was not killed at its failpoint\n%s", r.name, r.said())
	}
	if s := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGKILL {
		r.w.Fatalf("%s ended with %v, not by its failpoint\n%s", r.name, r.cmd.ProcessState, r.said())
	}
}

// halts waits until a failpoint has stopped it.
func (r *replica) halts() {
	r.w.Helper()
	r.w.until(soon, r.name+" to be stopped", func() bool {
		stat, err := os.ReadFile(filepath.Join("/proc", pid(r.cmd.Process.Pid), "stat"))
		_, after, ok := bytes.Cut(stat, []byte(") "))
		return err == nil && ok && after[0] == 'T'
	})
}

// said is all that its lives have logged.
func (r *replica) said() string {
	body, err := os.ReadFile(r.log.Name())
	if err != nil {
		r.w.Fatal(err)
	}
	return string(body)
}

// logs says whether a line of its log holds all of some words.
func (r *replica) logs(words ...string) bool {
	for l := range strings.Lines(r.said()) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(l, word)
		}
		if all {
			return true
		}
	}
	return false
}

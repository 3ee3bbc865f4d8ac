package alertmanagertest

import (
	"bytes"
	"net/http"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// peer is one running program.
type peer struct {
	command *exec.Cmd
	log     *record
	ended   chan struct{}
}

// record keeps what a program prints.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// begin starts one program.
func begin(t testing.TB, program string, args []string, i int) *peer {
	t.Helper()
	p := &peer{command: exec.Command(program, args...), log: new(record), ended: make(chan struct{})}
	p.command.Stdout, p.command.Stderr = p.log, p.log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // its end is what matters; how it ended is in its log
	}()
	t.Cleanup(func() {
		p.stop(t, false)
		if t.Failed() {
			t.Logf("Alertmanager %d printed:\n%s", i, p.log)
		}
	})
	return p
}

// stop ends the program and waits until it has gone.
func (p *peer) stop(t testing.TB, hard bool) {
	signal := syscall.SIGTERM
	if hard {
		signal = syscall.SIGKILL
	}
	_ = p.command.Process.Signal(signal) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		t.Errorf("Alertmanager did not stop on %v", signal)
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

var listening = regexp.MustCompile(`msg="Listening on"[^\n]* address=(127\.0\.0\.1:\d+)`)

// address waits for the program to say where it listens.
func (p *peer) address(t testing.TB) string {
	t.Helper()
	address := ""
	wait(t, "Alertmanager listens", func() bool {
		select {
		case <-p.ended:
			t.Fatalf("Alertmanager ended:\n%s", p.log)
		default:
		}
		if found := listening.FindStringSubmatch(p.log.String()); found != nil {
			address = "http://" + found[1]
		}
		return address != ""
	})
	return address
}

func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// wait polls until the condition holds, for at most half a minute.
func wait(t testing.TB, what string, is func() bool) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-limit.C:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that ends with this one.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	said  *record
}

// record keeps the first and the last that a program prints.
type record struct {
	mu   sync.Mutex
	text []byte
}

// recordMax bounds a record: the first line holds the address, the last ones what went wrong.
const recordMax = 64 << 10

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, p...)
	if len(r.text) > recordMax {
		half := recordMax / 2
		r.text = append(r.text[:half], r.text[len(r.text)-half/2:]...)
	}
	return len(p), nil
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.text)
}

// start runs a program with no more in its environment than what is given.
func start(name string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{}), said: new(record)}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LANG=C.UTF-8"}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // its end is what matters; how it ended is in what it said
		close(p.ended)
	}()
	return p, nil
}

// end sends a signal and waits until the process has gone; one that does not go is killed.
func (p *process) end(signal syscall.Signal) {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(signal) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// lives is nil while the process runs, else what it said last.
func (p *process) lives() error {
	select {
	case <-p.ended:
		said := strings.TrimSpace(p.said.String())
		return fmt.Errorf("%s ended: %s", p.name, said[max(0, len(said)-2000):])
	default:
		return nil
	}
}

// usage is what a process has used so far.
type usage struct {
	cpu       float64 // seconds
	rss, peak float64 // MiB
}

func (p *process) usage() usage {
	var u usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return u
	}
	// The name, in parentheses, may hold spaces: fields count from behind it.
	f := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const utime, stime, ticks = 11, 12, 100
	for _, i := range []int{utime, stime} {
		n, _ := strconv.ParseFloat(string(f[i]), 64)
		u.cpu += n / ticks
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return u
	}
	for l := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(l, ":")
		kib, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			u.rss = round(kib / 1024)
		case "VmHWM":
			u.peak = round(kib / 1024)
		}
	}
	return u
}

// machine is what all cores together have done so far, in seconds.
type machine struct{ busy, idle float64 }

func readMachine() machine {
	var m machine
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	for i, f := range strings.Fields(first) {
		n, _ := strconv.ParseFloat(f, 64)
		switch i {
		case 4, 5: // idle, waiting for a disk
			m.idle += n / 100
		case 1, 2, 3, 6, 7:
			m.busy += n / 100
		}
	}
	return m
}

// ownCPU is what this process has used, in seconds.
func ownCPU() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// output runs a command to its end and gives what it prints.
func output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w\n%s%s", strings.Join(argv, " "), err, out.String(), errs.String())
	}
	return out.String(), nil
}

// freePort is a port of loopback that nobody holds.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// until polls for something that must become true.
func until(ctx context.Context, limit time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if good, err := ok(); good || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, errors.Join(ctx.Err(), fmt.Errorf("waited %s in vain", limit)))
		case <-tick.C:
		}
	}
}

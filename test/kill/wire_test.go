package kill

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
)

// What a wire does with a command and everything behind it on that connection.
type fate int

const (
	pass fate = iota
	mute      // it is handed on, and nothing comes back any more
	cut       // neither it nor what follows is handed on
	held      // it is handed on when the gate opens
)

// wire lies between a replica and Redis and looks at each command.
type wire struct {
	w    *world
	l    net.Listener
	hits chan fate
	gate chan struct{} // closed to let go what is held

	mu   sync.Mutex
	rule func(command []byte) fate // nil: everything passes
}

// wire starts one; it ends with the test.
func (w *world) wire() *wire {
	w.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.Fatal(err)
	}
	v := &wire{w: w, l: l, hits: make(chan fate, 64), gate: make(chan struct{})}
	w.Cleanup(func() { l.Close() })
	go v.accept()
	return v
}

func (v *wire) url() string { return "redis://" + v.l.Addr().String() + "/0" }

// obey sets the rule for commands that come from now on.
func (v *wire) obey(rule func([]byte) fate) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rule = rule
}

func (v *wire) judge(command []byte) fate {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.rule == nil {
		return pass
	}
	return v.rule(command)
}

func (v *wire) accept() {
	for {
		near, err := v.l.Accept()
		if err != nil {
			return
		}
		go v.carry(near)
	}
}

// carry joins one connection with one to Redis.
func (v *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", v.w.redis.Addr)
	if err != nil {
		return
	}
	defer far.Close()
	var silence sync.Mutex
	silent := false
	go func() {
		defer near.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := far.Read(buf)
			silence.Lock()
			quiet := silent
			silence.Unlock()
			if !quiet {
				_, _ = near.Write(buf[:n]) // a reader that has gone ends the other direction
			}
			if err != nil {
				return
			}
		}
	}()
	in := bufio.NewReader(near)
	for {
		command, err := readCommand(in)
		if err != nil {
			return
		}
		f := v.judge(command)
		if f == held {
			v.hits <- f
			<-v.gate
			f = pass
		}
		if f != pass {
			silence.Lock()
			silent = true
			silence.Unlock()
		}
		if f != cut {
			if _, err := far.Write(command); err != nil {
				return
			}
		}
		if f == pass {
			continue
		}
		v.hits <- f
		_, _ = io.Copy(io.Discard, near) // until the process is killed
		return
	}
}

// readCommand reads one command, an array of strings, as it was written.
func readCommand(in *bufio.Reader) ([]byte, error) {
	head, err := in.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(head), "*")))
	if err != nil {
		return nil, fmt.Errorf("read command: %w", err)
	}
	out := bytes.NewBuffer(head)
	for range n {
		size, err := in.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		out.Write(size)
		length, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(size), "$")))
		if err != nil {
			return nil, fmt.Errorf("read command: %w", err)
		}
		if _, err := io.CopyN(out, in, int64(length)+2); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// script says whether a command runs a script on something named so.
func script(command []byte, name string) bool {
	head := bytes.ToUpper(command[:min(len(command), 40)])
	return bytes.Contains(head, []byte("EVAL")) && bytes.Contains(command, []byte(name))
}

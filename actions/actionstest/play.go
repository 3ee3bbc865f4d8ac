package actionstest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// prefix marks an argument that asks for a behaviour.
const prefix = "actionstest:"

// Main plays a behaviour and ends the process if the arguments ask for one; otherwise it returns at once. Call it in
// TestMain, after whatever the runner itself needs there.
func Main() {
	if len(os.Args) < 2 || !strings.HasPrefix(os.Args[1], prefix) {
		return
	}
	play, ok := behaviours[strings.TrimPrefix(os.Args[1], prefix)]
	if !ok {
		fmt.Fprintln(os.Stderr, "unknown behaviour", os.Args[1])
		os.Exit(99)
	}
	syscall.Exit(play(os.Args[2:])) // at once: under the race detector os.Exit takes a second
}

// Command is the argv that plays a behaviour.
func Command(behaviour string, args ...string) []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return append([]string{self, prefix + behaviour}, args...)
}

var behaviours map[string]func(args []string) int

func init() {
	behaviours = map[string]func([]string) int{
		"say":       say,
		"both":      both,
		"exit":      exit,
		"args":      args,
		"env":       env,
		"surround":  surround,
		"hang":      hang,
		"slow":      slow,
		"flood":     flood,
		"fork":      fork,
		"daemonise": daemonise,
		"middle":    middle,
		"burst":     burst,
		"crash":     crash,
		"record":    record,
	}
}

// witness holds a shared lock on the file for the rest of this process's life and adds a line to it.
func witness(file string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH); err == nil {
			_, err = fmt.Fprintln(f, os.Getpid())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(98)
	}
	kept = append(kept, f)
}

// kept holds files open: a collected file would be closed and its lock given up.
var kept []*os.File

// forEver is longer than any test and still ends a process that a failing runner leaves behind.
func forEver() int {
	<-time.After(3 * time.Minute)
	return 97
}

func deaf() { signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT) }

// say prints its arguments, a line each.
func say(args []string) int {
	for _, a := range args {
		fmt.Println(a)
	}
	return 0
}

// both writes to stdout and stderr in turn.
func both([]string) int {
	fmt.Println("one")
	fmt.Fprintln(os.Stderr, "two")
	fmt.Println("three")
	return 0
}

func exit(args []string) int {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return 99
	}
	return n
}

// args prints what arrived, quoted, so that nothing can hide.
func args(args []string) int {
	for i, a := range args {
		fmt.Printf("%d %q\n", i, a)
	}
	return 0
}

func env([]string) int {
	for _, e := range os.Environ() {
		fmt.Println(e)
	}
	return 0
}

// surround tells what stands around the process: input, terminal, directory.
func surround([]string) int {
	input, err := io.ReadAll(os.Stdin)
	fmt.Printf("stdin %d bytes, %v\n", len(input), err)
	if tty, err := os.Open("/dev/tty"); err == nil {
		tty.Close()
		fmt.Println("terminal present")
	} else {
		fmt.Println("terminal absent")
	}
	dir, err := os.Getwd()
	if err != nil {
		return 1
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 1
	}
	fmt.Printf("dir %s\nentries %d\n", dir, len(entries))
	return 0
}

// hang ignores requests to end. With a witness file it shows that it lives.
func hang(args []string) int {
	deaf()
	if len(args) > 0 {
		witness(args[0])
	}
	fmt.Println("hanging")
	return forEver()
}

// slow prints a line and waits until somebody writes to the named pipe, then prints another.
func slow(args []string) int {
	fmt.Println("line 1")
	f, err := os.Open(args[0])
	if err != nil {
		return 1
	}
	defer f.Close()
	if _, err := bufio.NewReader(f).ReadString('\n'); err != nil {
		return 1
	}
	fmt.Println("line 2")
	return 0
}

// flood writes without end, as fast as it can.
func flood([]string) int {
	chunk := []byte(strings.Repeat("y\n", 32<<10))
	for {
		if _, err := os.Stdout.Write(chunk); err != nil {
			return 1
		}
	}
}

// start runs a behaviour as a child, in a session of its own, and does not wait.
func start(behaviour string, args ...string) {
	argv := Command(behaviour, args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(98)
	}
}

// await returns when n processes have witnessed.
func await(file string, n int) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if body, err := os.ReadFile(file); err == nil && strings.Count(string(body), "\n") >= n {
			return
		}
	}
}

// fork leaves a deaf child in the background, holding the output open, and ends well.
func fork(args []string) int {
	start("hang", args[0])
	await(args[0], 1)
	fmt.Println("leaving")
	return 0
}

// daemonise double-forks with setsid twice, as daemons do, and then ends (args[1] "leave") or hangs ("stay").
func daemonise(args []string) int {
	stay := args[1] == "stay"
	if stay {
		deaf()
	}
	witness(args[0])
	start("middle", args[0])
	await(args[0], 3)
	fmt.Println("daemon is up")
	if !stay {
		return 0
	}
	return forEver()
}

func middle(args []string) int {
	witness(args[0])
	start("hang", args[0])
	return 0
}

// burst leaves many deaf processes, each in its own session.
func burst(args []string) int {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return 99
	}
	for range n {
		start("hang", args[0])
	}
	await(args[0], n)
	return 0
}

// record witnesses and ends: a line in the file is one run.
func record(args []string) int {
	witness(args[0])
	fmt.Println("recorded")
	return 0
}

// crash ends itself by a signal.
func crash([]string) int {
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return 98
	}
	return forEver()
}

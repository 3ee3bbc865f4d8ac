//go:build linux

package command_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/actions/actionstest"
	"dogwatch/actions/command"
)

func TestMain(m *testing.M) {
	command.Main()
	actionstest.Main()
	if len(os.Args) == 3 && os.Args[1] == "host" {
		host(os.Args[2])
	}
	os.Exit(m.Run())
}

// open makes a runner with a short grace.
func open(t *testing.T, set ...func(*command.Config)) actions.Runner {
	t.Helper()
	r, err := command.Open(func(v any) error {
		c := v.(*command.Config)
		c.Grace = "200ms"
		for _, s := range set {
			s(c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConformance(t *testing.T) {
	actionstest.Runner(t, func(t *testing.T) actions.Runner { return open(t) })
}

// output runs an order that must succeed and gives its lines.
func output(t *testing.T, r actions.Runner, o actions.Order) []string {
	t.Helper()
	var out strings.Builder
	outcome, err := r.Run(t.Context(), o, func() error { return nil }, func(p []byte) { out.Write(p) })
	if err != nil || outcome.ExitCode != 0 {
		t.Fatalf("%+v, %v, output %q", outcome, err, out.String())
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

func TestEnvironmentIsAnAllowList(t *testing.T) {
	t.Setenv("CANARY_SECRET", "do-not-show")
	t.Setenv("KUBECONFIG", "/etc/kube")
	t.Setenv("LANG", "zh_CN.UTF-8")
	r := open(t, func(c *command.Config) { c.Env = []string{"KUBECONFIG", "UNSET_NAME"} })
	o := actionstest.Order(time.Minute, "env")
	o.Env = map[string]string{"REGION": "eu", "PATH": "/opt/bin"}
	got := output(t, r, o)
	var names []string
	values := map[string]string{}
	for _, e := range got {
		name, value, _ := strings.Cut(e, "=")
		names = append(names, name)
		values[name] = value
	}
	sort.Strings(names)
	if want := "DOGWATCH_ACTION DOGWATCH_RUN_ID HOME KUBECONFIG LANG PATH PWD REGION TMPDIR"; strings.Join(names, " ") != want {
		t.Fatalf("the command sees %q, want %s", names, want)
	}
	for name, want := range map[string]string{
		"DOGWATCH_RUN_ID": o.RunID, "DOGWATCH_ACTION": "play", "LANG": "zh_CN.UTF-8", "REGION": "eu",
		"KUBECONFIG": "/etc/kube", "PATH": "/opt/bin", "HOME": values["PWD"], "TMPDIR": values["PWD"],
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
}

func TestProgramIsFoundOnTheRunnersPathOnly(t *testing.T) {
	dir := t.TempDir()
	for name, body := range map[string]string{"tool": "#!/bin/sh\necho from the path\n", "local": "#!/bin/sh\npwd\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := open(t, func(c *command.Config) { c.Path = "/nowhere:" + dir })
	order := func(argv0, in string) actions.Order {
		o := actionstest.Order(time.Minute, "say")
		o.Argv, o.Dir = []string{argv0}, in
		return o
	}
	if got := output(t, r, order("tool", "")); got[0] != "from the path" {
		t.Errorf("tool said %q", got)
	}
	if got := output(t, r, order("./local", dir)); got[0] != dir {
		t.Errorf("./local said %q, want %s", got, dir)
	}
	usual := open(t)
	for _, c := range []struct {
		r     actions.Runner
		argv0 string
		dir   string
	}{
		{r, "sh", ""},         // on dogwatch's path, not on the runner's
		{r, "./tool", ""},     // relative to the private directory, which is empty
		{usual, "local", dir}, // in the working directory, which is never searched for a bare name
	} {
		_, err := c.r.Run(t.Context(), order(c.argv0, c.dir), func() error { return nil }, func([]byte) {})
		if !errors.Is(err, actions.ErrNotStarted) {
			t.Errorf("%s in %q: %v, want ErrNotStarted", c.argv0, c.dir, err)
		}
	}
}

// Only root can change users; anybody else must be told so when the configuration is read.
func TestAnotherUser(t *testing.T) {
	r, err := command.Open(func(v any) error { v.(*command.Config).User = "nobody"; return nil })
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "only root") {
			t.Fatalf("error %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	o := actionstest.Order(time.Minute, "say")
	o.Argv = []string{"sh", "-c", "id -u; id -G; touch here && echo writable"}
	want := nobody.Uid + "\n" + nobody.Gid + "\nwritable"
	if got := strings.Join(output(t, r, o), "\n"); got != want {
		t.Fatalf("the command is %q, want %q", got, want)
	}
}

func TestLimitsReachTheCommand(t *testing.T) {
	r := open(t, func(c *command.Config) { c.OpenFiles = 64; c.FileSize = 1 << 20 })
	o := actionstest.Order(time.Minute, "say")
	o.Argv = []string{"cat", "/proc/self/limits", "/proc/self/status"}
	got := strings.Join(output(t, r, o), "\n")
	for _, want := range []string{"Max core file size 0 0 bytes", "Max open files 64 64 files", "Max file size 1048576 1048576 bytes", "NoNewPrivs: 1"} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A file that the kernel refuses to execute is found out only after started; nothing ran all the same, and the error says so.
func TestWhatTheKernelRefusesDidNotRun(t *testing.T) {
	odd := filepath.Join(t.TempDir(), "odd")
	if err := os.WriteFile(odd, []byte("\x7fELF but not really"), 0o755); err != nil {
		t.Fatal(err)
	}
	o := actionstest.Order(time.Minute, "say")
	o.Argv = []string{odd}
	if _, err := open(t).Run(t.Context(), o, func() error { return nil }, func([]byte) {}); !errors.Is(err, actions.ErrNotStarted) {
		t.Fatalf("error %v, want ErrNotStarted", err)
	}
}

func TestOrderIsNotInAnyArgument(t *testing.T) {
	o := actionstest.Order(time.Minute, "hang")
	o.Env = map[string]string{"TOKEN": "canary-in-env"}
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string, 1)
	_, err := open(t).Run(ctx, o, func() error { return nil }, func([]byte) {
		cmdlines := ""
		all, err := filepath.Glob("/proc/[0-9]*/cmdline")
		if err != nil {
			t.Error(err)
		}
		for _, file := range all {
			if body, err := os.ReadFile(file); err == nil {
				cmdlines += string(body) + "\n"
			}
		}
		select {
		case seen <- cmdlines:
		default:
		}
		cancel()
	})
	if err != nil {
		t.Fatal(err)
	}
	all := <-seen
	if !strings.Contains(all, "actionstest:hang") || !strings.Contains(all, "dogwatch-supervisor") {
		t.Fatal("the processes were not seen at all")
	}
	if strings.Contains(all, "canary-in-env") {
		t.Fatal("a value of the environment is in an argument list")
	}
}

func TestConfigurationFaultsComeAtOnce(t *testing.T) {
	_, err := command.Open(func(v any) error {
		*v.(*command.Config) = command.Config{Path: "bin", Grace: "soon", Env: []string{"A B", "DOGWATCH_TOKEN"}, User: "no-such-user-here"}
		return nil
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"path: ", "grace: ", `"A B"`, `"DOGWATCH_TOKEN"`, "user: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
}

// host is a dogwatch with one run: a daemon that ignores every polite signal.
func host(file string) {
	r, err := command.Open(func(v any) error { v.(*command.Config).Grace = "200ms"; return nil })
	if err != nil {
		panic(err)
	}
	o := actionstest.Order(time.Minute, "daemonise", file, "stay")
	fmt.Println(o.RunID)
	_, err = r.Run(context.Background(), o, func() error { return nil }, func([]byte) {})
	fmt.Println("ended", err)
	os.Exit(0)
}

// startHost starts one and returns when its whole tree is up.
func startHost(t *testing.T, w actionstest.Witness) (*exec.Cmd, *bufio.Reader, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "host", string(w))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	id, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	actionstest.Until(t, "the tree is up", func() bool { return w.Lived(t) == 3 })
	return cmd, lines, strings.TrimSpace(id)
}

// supervisorOf finds the supervisor below a host.
func supervisorOf(t *testing.T, host int) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		body, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(body), fmt.Sprintf("\nPPid:\t%d\n", host)) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("no supervisor")
	return 0
}

// K13: the command is killed with the runner.
func TestKillingDogwatchLeavesNothing(t *testing.T) {
	w := actionstest.NewWitness(t)
	cmd, _, _ := startHost(t, w)
	supervisor := supervisorOf(t, cmd.Process.Pid)
	if w.Alone(t) {
		t.Fatal("nothing holds the witness while the tree is up")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as asked
	actionstest.Until(t, "the tree is gone", func() bool { return w.Alone(t) })
	actionstest.Until(t, "the supervisor is gone", func() bool { return gone(supervisor) })
}

// gone says whether a process has ended; a zombie that nobody reaps counts as ended.
func gone(pid int) bool {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	rest := string(body[strings.LastIndexByte(string(body), ')')+1:])
	return strings.HasPrefix(strings.TrimSpace(rest), "Z")
}

func TestKillingTheSupervisorLeavesNothingAndIsUnknown(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	w := actionstest.NewWitness(t)
	cmd, lines, _ := startHost(t, w)
	if all, err := os.ReadDir(temp); err != nil || len(all) != 1 {
		t.Fatalf("private directories while it runs: %v, %v", all, err)
	}
	if err := syscall.Kill(supervisorOf(t, cmd.Process.Pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	said, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said, "ended run ") || !strings.Contains(said, "without a report") || strings.Contains(said, actions.ErrNotStarted.Error()) {
		t.Fatalf("the runner said %q", said)
	}
	if !w.Alone(t) {
		t.Fatal("a process of the run is left")
	}
	if all, err := os.ReadDir(temp); err != nil || len(all) != 0 {
		t.Fatalf("private directories afterwards: %v, %v", all, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

// A service manager sends SIGTERM to every process of the service at once.
func TestSupervisorOutlivesATermOfTheWholeService(t *testing.T) {
	w := actionstest.NewWitness(t)
	cmd, lines, _ := startHost(t, w)
	if err := syscall.Kill(supervisorOf(t, cmd.Process.Pid), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if said != "ended <nil>\n" || !w.Alone(t) {
		t.Fatalf("the runner said %q, alone %v", said, w.Alone(t))
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

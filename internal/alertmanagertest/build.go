package alertmanagertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const module = "github.com/prometheus/alertmanager"

// Build gives the path of the Alertmanager program, which it builds if the cache does not have it.
func Build(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(build)

func build() (string, error) {
	source, err := download()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	cache = filepath.Join(cache, "dogwatch-test")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	name := fmt.Sprintf("alertmanager-%s-%s-%s-%s", source.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	path := filepath.Join(cache, strings.ReplaceAll(name, " ", "-"))
	release, err := lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer release()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, compile(source.Dir, path)
}

// download gives the pinned module's place in the module cache.
func download() (source struct{ Version, Dir, Error string }, err error) {
	gomod, err := run("", "go", "env", "GOMOD")
	if err != nil {
		return source, err
	}
	home := filepath.Join(filepath.Dir(strings.TrimSpace(gomod)), "test", "alertmanager")
	out, err := run(home, "go", "mod", "download", "-json", module)
	if err != nil {
		return source, err
	}
	if err := json.Unmarshal([]byte(out), &source); err != nil {
		return source, fmt.Errorf("read what go says of %s: %w", module, err)
	}
	if source.Dir == "" {
		return source, fmt.Errorf("download %s: %s", module, source.Error)
	}
	return source, nil
}

// compile builds the program in a copy of the source, since the module cache cannot be written, and puts it at
// path in one step, so that a build that was killed leaves nothing that looks finished.
func compile(source, path string) error {
	work := path + ".build"
	if err := os.RemoveAll(work); err != nil { // a build that was killed left it
		return fmt.Errorf("clear build directory: %w", err)
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, os.DirFS(source)); err != nil {
		return fmt.Errorf("copy %s: %w", source, err)
	}
	page := filepath.Join(work, "ui", "app", "dist")
	if err := os.MkdirAll(page, 0o755); err != nil {
		return fmt.Errorf("make web page: %w", err)
	}
	if err := os.WriteFile(filepath.Join(page, "index.html"), nil, 0o644); err != nil {
		return fmt.Errorf("make web page: %w", err)
	}
	command := []string{"go", "build", "-trimpath", "-ldflags=-s -w", "-o", "built", "./cmd/alertmanager"}
	if nice, err := exec.LookPath("nice"); err == nil {
		command = append([]string{nice, "-n", "19"}, command...)
	}
	if _, err := run(work, command...); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(work, "built"), path); err != nil {
		return fmt.Errorf("keep program: %w", err)
	}
	return nil
}

// run runs a command of Go's in dir and gives what it prints.
func run(dir string, argv ...string) (string, error) {
	command := exec.Command(argv[0], argv[1:]...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("run %s: %w\n%s%s", strings.Join(argv, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// lock holds a file's lock, across processes, until release is called.
func lock(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}

//go:build linux

package command

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"dogwatch/actions"
	"dogwatch/internal/text"
)

const (
	usualPath     = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	usualGrace    = 5 * time.Second
	usualFiles    = 1024
	usualFileSize = 1 << 30
)

// runner carries out orders with one configuration.
type runner struct {
	path     string
	env      []string
	grace    time.Duration
	account  *account
	newPrivs bool
	files    uint64
	fileSize uint64
	tempRoot string
}

// account is the user that commands run as.
type account struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
}

// Open makes the runner from its part of the configuration; decode may be nil for the defaults. All faults come at once.
func Open(decode func(any) error) (actions.Runner, error) {
	var c Config
	if decode != nil {
		if err := decode(&c); err != nil {
			return nil, fmt.Errorf("open command runner: %w", err)
		}
	}
	r := &runner{
		path: c.Path, env: c.Env, grace: usualGrace, newPrivs: c.NewPrivileges,
		files: c.OpenFiles, fileSize: c.FileSize, tempRoot: os.TempDir(),
	}
	if r.path == "" {
		r.path = usualPath
	}
	if r.files == 0 {
		r.files = usualFiles
	}
	if r.fileSize == 0 {
		r.fileSize = usualFileSize
	}
	if err := errors.Join(r.setGrace(c.Grace), r.setUser(c.User), r.checkPath(), checkNames(c.Env)); err != nil {
		return nil, fmt.Errorf("open command runner: %w", err)
	}
	return r, nil
}

func (r *runner) setGrace(s string) error {
	if s == "" {
		return nil
	}
	d, err := text.ParseDuration(s)
	if err != nil || d <= 0 || d > time.Minute {
		return fmt.Errorf("grace: %q is not a duration between 0 and 1m", s)
	}
	r.grace = d
	return nil
}

func (r *runner) setUser(name string) error {
	if name == "" {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("user: only root may run commands as another user")
	}
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("user: %w", err)
	}
	names, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("user %s: read groups: %w", name, err)
	}
	ids := make([]uint32, 0, len(names)+2)
	for _, s := range append([]string{u.Uid, u.Gid}, names...) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return fmt.Errorf("user %s: %w", name, err)
		}
		ids = append(ids, uint32(n))
	}
	r.account = &account{UID: ids[0], GID: ids[1], Groups: ids[2:]}
	return nil
}

func (r *runner) checkPath() error {
	for dir := range strings.SplitSeq(r.path, ":") {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("path: %q is not an absolute directory", dir)
		}
	}
	return nil
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func checkNames(names []string) error {
	var faults []error
	for _, n := range names {
		if !envName.MatchString(n) || strings.HasPrefix(n, "DOGWATCH_") {
			faults = append(faults, fmt.Errorf("env: %q cannot be let through", n))
		}
	}
	return errors.Join(faults...)
}

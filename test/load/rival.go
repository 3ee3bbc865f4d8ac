package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

// findRival is a built Alertmanager in the cache of internal/alertmanagertest, the newest; "" if there is none.
func findRival() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	found, err := filepath.Glob(filepath.Join(cache, "dogwatch-test", "alertmanager-v*"))
	if err != nil {
		return ""
	}
	newest := ""
	for _, path := range found {
		if i, err := os.Stat(path); err == nil && i.Mode().IsRegular() && i.Mode()&0o111 != 0 {
			newest = path
		}
	}
	return newest
}

// rival is a running Alertmanager.
type rival struct {
	*process
	url string
	dir string
}

var rivalListens = regexp.MustCompile(`msg="Listening on"[^\n]* address=(127\.0\.0\.1:\d+)`)

// startRival runs the Alertmanager. With a webhook it sends there at once; without ("") it keeps its own waits, and so has
// nothing to do beside taking alerts.
func (b *bench) startRival(ctx context.Context, webhook string) (*rival, error) {
	dir, err := os.MkdirTemp(b.dir, "rival-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	config := "route: {receiver: load, group_by: [alertname]}\nreceivers:\n  - name: load\n"
	if webhook != "" {
		config = "route: {receiver: load, group_by: [alertname], group_wait: 0s, group_interval: 1s}\nreceivers:\n" +
			"  - {name: load, webhook_configs: [{url: '" + webhook + "'}]}\n"
	}
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	r := &rival{dir: dir}
	r.process, err = start("alertmanager", nil, b.rival, "--config.file="+file, "--storage.path="+dir, "--web.listen-address=127.0.0.1:0",
		"--cluster.listen-address=")
	if err != nil {
		return nil, err
	}
	err = until(ctx, time.Minute, "alertmanager is ready", func() (bool, error) {
		if err := r.lives(); err != nil {
			return false, err
		}
		found := rivalListens.FindStringSubmatch(r.said.String())
		if found == nil {
			return false, nil
		}
		r.url = "http://" + found[1]
		return answers(ctx, r.url+"/-/ready"), nil
	})
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rival) close() {
	r.end(syscall.SIGKILL)
	_ = os.RemoveAll(r.dir)
}

// rivalLimit bounds what an Alertmanager may take for a load.
const rivalLimit = time.Minute

// compare plays a load against an Alertmanager, if there is one, and enters its figures. That it does not manage is a
// figure too, and no failure of ours.
func (b *bench) compare(ctx context.Context, l *line, one load) {
	if b.rival == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, rivalLimit)
	defer cancel()
	l.Rival = &line{Load: "alertmanager", N: one.n, Good: true}
	if err := b.playRival(ctx, l.Rival, one); err != nil {
		l.Rival.Good, l.Rival.Failed = false, err.Error()
	}
}

func (b *bench) playRival(ctx context.Context, l *line, one load) error {
	r, err := b.startRival(ctx, "")
	if err != nil {
		return err
	}
	defer r.close()
	one.to, one.token, one.alerts.v2 = r.url+"/api/v2/alerts", "", true
	if one.unique > 0 {
		if _, err := one.first().run(ctx); err != nil {
			return err
		}
	}
	m := measure(r.process)
	o, err := one.run(ctx)
	if err != nil {
		return err
	}
	l.enter(o, one.n)
	m.enter(l, one.n, o.took())
	return nil
}

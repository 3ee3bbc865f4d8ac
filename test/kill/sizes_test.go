package kill

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resources are goroutines and open files of every replica.
func (s *storm) resources() map[string]float64 {
	out := map[string]float64{}
	for _, r := range s.pair {
		for l := range strings.Lines(r.metrics()) {
			name, value, _ := strings.Cut(strings.TrimSpace(l), " ")
			if name == "go_goroutines" || name == "process_open_fds" {
				v, err := strconv.ParseFloat(value, 64)
				if err != nil {
					s.Fatal(err)
				}
				out[r.name+" "+name] = v
			}
		}
	}
	return out
}

func (r *replica) metrics() string {
	r.w.Helper()
	answer, err := quick.Get(r.at() + "/metrics")
	if err != nil {
		r.w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		r.w.Fatal(err)
	}
	return string(body)
}

// sizesBack is I8: goroutines and open files are what they were at the start.
func (s *storm) sizesBack() {
	quick.CloseIdleConnections()
	for name, before := range s.baseline {
		var now float64
		s.until(soon, name+" to be back at "+strconv.Itoa(int(before)), func() bool { now = s.resources()[name]; return now <= before+50 })
	}
}

// secretsKept is I9: no secret stands in a log, a ledger, an audit file, Redis' own file, the metrics or a message.
func (s *storm) secretsKept() {
	look := func(where string, body []byte) {
		for name, secret := range canaries {
			if bytes.Contains(body, []byte(secret)) {
				s.Errorf("I9: the secret %s stands in %s", name, where)
			}
		}
	}
	files := 0
	for _, dir := range []string{s.dir, s.redis.Dir} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			body, err := os.ReadFile(path)
			look(path, body)
			files++
			return err
		})
		if err != nil {
			s.Fatal(err)
		}
	}
	if files < 8 {
		s.Errorf("I9: only %d files were looked at", files)
	}
	for _, r := range s.pair {
		look("metrics", []byte(r.metrics()))
	}
	for where, v := range map[string]any{"Slack's journal": s.slack.Journal(""), "the channel": s.slack.Messages(ops), "WeCom's journal": s.wecom.Journal("")} {
		body, err := json.Marshal(v)
		if err != nil {
			s.Fatal(err)
		}
		look(where, body)
	}
}

package kill

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// verify runs the audit command on a replica's configuration.
func (r *replica) verify() {
	r.w.Helper()
	cmd := exec.Command(dogwatch, "audit", "verify", "--config.file", r.config)
	cmd.Env = environment("")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.w.Errorf("I5: audit verify of %s: %v\n%s", r.name, err, out)
	}
}

// entries are the decisions in the replica's audit file, by subject and kind.
func (r *replica) entries() map[string]int {
	r.w.Helper()
	f, err := os.Open(filepath.Join(r.dir, "data", "audit.jsonl"))
	if err != nil {
		r.w.Fatal(err)
	}
	defer f.Close()
	out := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Entry struct {
				Do       string `json:"do"`
				Incident string `json:"incident"`
				Request  string `json:"request"`
				Late     bool   `json:"late"`
			} `json:"entry"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			r.w.Fatal(err)
		}
		subject := l.Entry.Incident
		if strings.HasPrefix(l.Entry.Do, "request.") {
			subject = l.Entry.Request
		}
		if !l.Entry.Late {
			out[subject+" "+l.Entry.Do]++
		}
	}
	if err := lines.Err(); err != nil {
		r.w.Fatal(err)
	}
	return out
}

// audited is I5 (and K16): the chains hold, and each change of state has exactly one entry in both files.
func (s *storm) audited(all []incident, requests []request) {
	want := map[string]int{}
	for _, i := range all {
		for _, e := range i.Timeline {
			switch e.Kind {
			case "opened", "resolved", "reopened":
				want[i.ID+" incident."+e.Kind]++
			case "acknowledged":
				want[i.ID+" incident.acknowledge"]++
			}
		}
	}
	for _, q := range requests {
		want[q.ID+" request.create"]++
		for range q.Approvals {
			want[q.ID+" request.approve"]++
		}
	}
	for _, r := range s.pair {
		var have map[string]int
		missing := func() (out []string) {
			have = r.entries()
			for k, n := range want {
				if have[k] != n {
					out = append(out, k)
				}
			}
			return out
		}
		list := missing()
		for began := time.Now(); len(list) > 0 && time.Since(began) < soon; list = missing() {
			pause(s.Context(), 100*time.Millisecond) // the last entries are exported within a second
		}
		for _, k := range list {
			s.Errorf("I5: %s has %d entries in the file of %s, want %d", k, have[k], r.name, want[k])
		}
		r.verify()
	}
}

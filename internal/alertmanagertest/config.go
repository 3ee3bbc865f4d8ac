package alertmanagertest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Options say how to run Alertmanager. Only WebhookURL is needed.
type Options struct {
	WebhookURL string
	Token      string   // sent as Authorization: Bearer; "" sends none
	GroupBy    []string // default alertname
	Peers      int      // default 1; they all get every alert, as Prometheus sends them
	// Apart leaves several peers unconnected, as a broken network does: each of them then notifies. Connected
	// peers tell each other what they have sent.
	Apart bool
	// PeerTimeout is how long a peer waits for the one before it, times its position; default 15 s.
	PeerTimeout    time.Duration
	GroupWait      time.Duration // default 10 ms
	GroupInterval  time.Duration // default 100 ms
	RepeatInterval time.Duration // default 1 h
	MaxAlerts      int           // cuts the alerts of one body; 0: never
}

// Alert is one alert as Prometheus posts it. A zero EndsAt lets it fire until resolve_timeout, an hour here.
type Alert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	StartsAt     time.Time         `json:"startsAt,omitzero"`
	EndsAt       time.Time         `json:"endsAt,omitzero"`
	GeneratorURL string            `json:"generatorURL,omitempty"`
}

// writeConfig writes Alertmanager's configuration. JSON is YAML, and needs no quoting rules of our own.
func writeConfig(t testing.TB, o Options) string {
	t.Helper()
	type object = map[string]any
	group := o.GroupBy
	if len(group) == 0 {
		group = []string{"alertname"}
	}
	webhook := object{"url": o.WebhookURL, "send_resolved": true, "max_alerts": o.MaxAlerts}
	if o.Token != "" {
		webhook["http_config"] = object{"authorization": object{"credentials": o.Token}}
	}
	config, err := json.Marshal(object{
		"global": object{"resolve_timeout": "1h"},
		"route": object{
			"receiver": "dogwatch", "group_by": group,
			"group_wait":      duration(o.GroupWait, 10*time.Millisecond),
			"group_interval":  duration(o.GroupInterval, 100*time.Millisecond),
			"repeat_interval": duration(o.RepeatInterval, time.Hour),
		},
		"receivers": []object{{"name": "dogwatch", "webhook_configs": []object{webhook}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(path, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func duration(d, otherwise time.Duration) string {
	if d == 0 {
		d = otherwise
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

func arguments(t testing.TB, o Options, config, join string) []string {
	args := []string{
		"--config.file=" + config, "--storage.path=" + t.TempDir(), "--web.listen-address=127.0.0.1:0", "--log.level=debug",
	}
	if o.Peers < 2 || o.Apart {
		return append(args, "--cluster.listen-address=")
	}
	args = append(args, "--cluster.listen-address=127.0.0.1:0", "--cluster.gossip-interval=20ms")
	if o.PeerTimeout > 0 {
		args = append(args, "--cluster.peer-timeout="+o.PeerTimeout.String())
	}
	if join != "" {
		args = append(args, "--cluster.peer="+join)
	}
	return args
}

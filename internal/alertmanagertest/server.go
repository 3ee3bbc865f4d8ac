package alertmanagertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Server is one Alertmanager or several peers.
type Server struct {
	URLs  []string // of the peers, as http://127.0.0.1:PORT
	peers []*peer
}

// Start runs Alertmanager until the test ends. A failed test's log has what it printed.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	program := Build(t)
	s := new(Server)
	config := writeConfig(t, o)
	join := ""
	for i := range max(o.Peers, 1) {
		p := begin(t, program, arguments(t, o, config, join), i)
		s.peers = append(s.peers, p)
		s.URLs = append(s.URLs, p.address(t))
		wait(t, "Alertmanager is ready", func() bool { return answers(s.URLs[i] + "/-/ready") })
		if o.Peers > 1 && !o.Apart && i == 0 {
			wait(t, "Alertmanager has a cluster address", func() bool { join = s.status(0).address(); return join != "" })
		}
	}
	if join != "" {
		for i := range s.URLs {
			wait(t, "the cluster has settled", func() bool {
				status := s.status(i)
				return status.Cluster.Status == "ready" && len(status.Cluster.Peers) == o.Peers
			})
		}
	}
	return s
}

// Stop ends one peer now, without notice if hard.
func (s *Server) Stop(t testing.TB, i int, hard bool) {
	t.Helper()
	s.peers[i].stop(t, hard)
}

// PostAlerts sends alerts to every peer that runs, as Prometheus does.
func (s *Server) PostAlerts(t testing.TB, alerts ...Alert) {
	t.Helper()
	for i, p := range s.peers {
		select {
		case <-p.ended:
		default:
			s.PostAlertsTo(t, i, alerts...)
		}
	}
}

// PostAlertsTo sends alerts to one peer only.
func (s *Server) PostAlertsTo(t testing.TB, i int, alerts ...Alert) {
	t.Helper()
	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(s.URLs[i]+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(response.Body)
		t.Fatalf("post alerts: %s: %s", response.Status, answer)
	}
}

// Resolve sends the alerts as ended now to every peer that runs.
func (s *Server) Resolve(t testing.TB, alerts ...Alert) {
	t.Helper()
	ended, now := make([]Alert, len(alerts)), time.Now()
	for i, alert := range alerts {
		alert.EndsAt = now
		ended[i] = alert
	}
	s.PostAlerts(t, ended...)
}

// status is the part of GET /api/v2/status that is read here.
type status struct {
	Cluster struct {
		Status string
		Peers  []struct{ Address string }
	}
}

func (s status) address() string {
	if len(s.Cluster.Peers) == 0 || strings.HasSuffix(s.Cluster.Peers[0].Address, ":0") {
		return ""
	}
	return s.Cluster.Peers[0].Address
}

// status asks a peer for its view of the cluster; it is empty while there is none to be had.
func (s *Server) status(i int) (seen status) {
	response, err := http.Get(s.URLs[i] + "/api/v2/status")
	if err != nil {
		return seen
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(&seen) != nil {
		return status{}
	}
	return seen
}

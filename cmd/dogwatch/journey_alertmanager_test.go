package main

import (
	"testing"

	"dogwatch/internal/alertmanagertest"
)

// A real Alertmanager, alone, as two that know of each other, and as two that do not, sends to our door: one incident, one
// page; and the incident ends when its alerts do.
func TestAlertmanagers(t *testing.T) {
	for name, o := range map[string]alertmanagertest.Options{"one": {}, "two": {Peers: 2}, "two-apart": {Peers: 2, Apart: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startHouse(t)
			j := &journey{world: w, file: name, text: name}
			o.WebhookURL, o.Token, o.GroupBy = "http://"+w.houses[0].address+"/alerts/prom", w.env["PROM_TOKEN"], []string{"alertname", "cluster"}
			am := alertmanagertest.Start(t, o)
			fire := func(instance string) alertmanagertest.Alert {
				return alertmanagertest.Alert{Labels: map[string]string{"alertname": "Disk", "cluster": "eu", "instance": instance, "severity": "critical"},
					Annotations: map[string]string{"summary": "Disk is in trouble"}}
			}
			a, b := fire("a"), fire("b")
			am.PostAlerts(t, a)
			j.want([]string{"incidents", "1"})
			am.PostAlerts(t, a, b)
			j.want([]string{"incident", "{incident}", "state=triggered", "severity=P1", "firing=2", "total=2"})
			j.want([]string{"cards", "slack", "@bob", "1"})
			j.want([]string{"cards", "slack", "C0OPS", "1"})
			am.Resolve(t, a)
			j.want([]string{"incident", "{incident}", "state=triggered", "firing=1"})
			am.Resolve(t, b)
			j.want([]string{"incident", "{incident}", "state=resolved", "firing=0"})
			j.want([]string{"card", "slack", "C0OPS", "Resolved at"})
			j.want([]string{"line", "page", "{incident}=1"})
			j.want([]string{"incidents", "1"})
			if o.Apart {
				j.atLeastTwice()
			}
		})
	}
}

// atLeastTwice holds that both Alertmanagers did speak: an incident that heard from one alone would show nothing.
func (j *journey) atLeastTwice() {
	var got incidentWhole
	if c := j.get(j.fill("/api/v1/incidents/{incident}"), &got); c != "" {
		j.wrong("%s", c)
	}
	if got.Alerts.Received < 2*got.Alerts.Total {
		j.wrong("the twins sent %d reports of %d alerts", got.Alerts.Received, got.Alerts.Total)
	}
}

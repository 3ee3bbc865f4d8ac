package main

import (
	"strconv"
	"testing"
	"time"

	"dogwatch/bot/slack/slacktest"
	"dogwatch/internal/redistest"
)

// The metrics say what happened: alerts in, messages out, what waits, what ran.
func TestMetricsSayWhatHappened(t *testing.T) {
	t.Parallel()
	w := startHouse(t)
	j := &journey{world: w, file: "metrics"}
	j.happen(`
		alert Disk host=a cluster=eu severity=critical
		want cards slack @bob 1
		want cards slack C0OPS 1
		say bob on slack "run look unit=calm.service"
		want request 1 state=succeeded
		say vera on slack "resolve 1"`)
	number := func(series string) float64 {
		n, err := strconv.ParseFloat(w.metric(series), 64)
		if err != nil {
			return -1
		}
		return n
	}
	for series, least := range map[string]float64{
		`dogwatch_config_last_reload_successful`: 1, `dogwatch_alerts_received_total{integration="prom",result="accepted"}`: 1,
		`dogwatch_notifications_total{channel="slack",result="ok"}`: 2, `dogwatch_notifications_total{channel="wecom",result="ok"}`: 1,
		`dogwatch_notification_latency_seconds_count{channel="slack"}`: 2, `dogwatch_engine_cycle_age_seconds`: 0,
		`dogwatch_timer_lateness_seconds_count`: 1, `dogwatch_actions_total{action="look",result="succeeded"}`: 1,
		`dogwatch_chat_requests_total{kind="words"}`: 2, `dogwatch_chat_requests_total{kind="denied"}`: 1, `dogwatch_store_durable`: 1,
		`dogwatch_audit_unlinked_entries`: 0, `dogwatch_audit_breaks_total`: 0, `dogwatch_outbox_oldest_seconds{priority="P1"}`: 0,
	} {
		if got := number(series); got < least {
			t.Errorf("%s is %v, want at least %v", series, got, least)
		}
	}
	w.slack.Plan(slacktest.Fault{Kind: slacktest.ServerError})
	j.down = true
	j.happen(`alert Queue host=a cluster=eu severity=critical`)
	redistest.Until(t, 20*time.Second, "a page that waits to be seen", func() bool {
		return number(`dogwatch_outbox_oldest_seconds{priority="P1"}`) > 0 && number(`dogwatch_notifications_total{channel="slack",result="retry"}`)+
			number(`dogwatch_notifications_total{channel="slack",result="unknown"}`) > 0
	})
}

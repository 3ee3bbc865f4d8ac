package main

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"dogwatch/escalation"
	"dogwatch/incidents"
)

// metrics reads the rooms' plain counters when it is scraped. Labels come from the configuration only, never from alerts.
type metrics struct{ h *house }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dogwatch_"+name, help, labels, nil)
}

var (
	descDurable   = desc("store_durable", "1 if Redis keeps what it acknowledges (AOF, fsync always, no eviction).")
	descUp        = desc("store_up", "1 if Redis answered when it was last asked.")
	descReload    = desc("config_last_reload_successful", "1 if the configuration was good when it was last read.")
	descReloadAt  = desc("config_last_reload_success_timestamp_seconds", "When a good configuration was last put in force.")
	descHash      = desc("config_hash", "A number that differs between configurations.")
	descAlerts    = desc("alerts_received_total", "Reports taken in or turned away, by source.", "integration", "result")
	descRequests  = desc("intake_requests_total", "Requests at the doors, by source and answer.", "integration", "result")
	descWaiting   = desc("intake_queue_length", "Bodies that wait for a commit.")
	descOpen      = desc("incidents_open", "Open incidents.")
	descLate      = desc("timer_lateness_seconds", "How late escalation timers fired.")
	descFired     = desc("timers_fired_total", "Escalation timers that took effect here.")
	descLost      = desc("timers_lost_total", "Escalation timers that another replica was first to.")
	descMended    = desc("timers_mended_total", "Timers the reconcile pass had to make anew.")
	descPages     = desc("pages_total", "Pages queued by ladders.")
	descNobody    = desc("page_steps_skipped_total", "Steps that paged nobody.")
	descCycle     = desc("engine_cycle_age_seconds", "Since the escalation engine last looked at all open incidents.")
	descSent      = desc("notifications_total", "Messages sent or changed, by platform and how it took them.", "channel", "result")
	descOldest    = desc("outbox_oldest_seconds", "Since the oldest page that waits for its platform was queued; 0: none waits.", "priority")
	descActions   = desc("actions_total", "Runs that ended here, by action and end.", "action", "result")
	descChat      = desc("chat_requests_total", "What people did in chat: presses, words, and how many of these were denied.", "kind")
	descUnlinked  = desc("audit_unlinked_entries", "Audit entries that were not linked when they were last looked at.")
	descBreaks    = desc("audit_breaks_total", "Breaks that the audit writer found in the chains.")
	descAuditFail = desc("audit_failures_total", "Passes of the audit writer that the store or the disk let fail.")
	descBuild     = desc("build_info", "Always 1.", "version", "goversion")
	descRouteFail = desc("route_expression_failures_total", "Expressions of routes that failed.", "route", "expression")
)

// Describe is empty: what there is depends on the configuration.
func (m *metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads everything.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	h := m.h
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	c := h.ready.current.Load()
	gauge(descUp, truth(c != nil && c.err == nil))
	gauge(descDurable, truth(c != nil && c.err == nil && len(c.findings) == 0))
	gauge(descReload, truth(h.loaded.Load()))
	gauge(descReloadAt, float64(h.loadedAt.Load()))
	gauge(descHash, float64(h.hash.Load()))
	gauge(descWaiting, float64(h.incidents.Waiting()))
	gauge(descOpen, float64(h.open.Load()))
	gauge(descBuild, 1, version, runtime.Version())
	for _, s := range h.doors.Counters() {
		count(descAlerts, int64(s.Accepted), s.Source, "accepted")
		count(descAlerts, int64(s.Rejected), s.Source, "rejected")
		for result, n := range map[string]uint64{"taken": s.Taken, "unauthorized": s.Unauthorized, "too_large": s.TooLarge, "too_slow": s.TooSlow,
			"broken": s.Broken, "invalid": s.Invalid, "overloaded": s.Overloaded, "failed": s.Failed} {
			count(descRequests, int64(n), s.Source, result)
		}
	}
	for _, r := range h.config.Load().router.Errors() {
		count(descRouteFail, r.Match, r.Name, "match")
		count(descRouteFail, r.Severity, r.Name, "severity")
		count(descRouteFail, r.Policy, r.Name, "policy")
	}
	e := &h.engine.Counters
	count(descFired, e.Fired.Load())
	count(descLost, e.Lost.Load())
	count(descMended, e.Mended.Load())
	count(descPages, e.Pages.Load())
	count(descNobody, e.Nobody.Load())
	if at := e.LastPass.Load(); at > 0 {
		gauge(descCycle, time.Since(time.UnixMilli(at)).Seconds())
	}
	out <- lateness(&e.Lateness)
	m.talk(out, gauge, count)
	if h.worker != nil {
		for r, n := range h.worker.Ended() {
			count(descActions, n, r.Action, string(r.State))
		}
	}
	if h.audit != nil {
		s := h.audit.Stats()
		gauge(descUnlinked, float64(s.Unlinked))
		count(descBreaks, s.Breaks)
		count(descAuditFail, s.Failures)
	}
}

// talk is what platforms and people said.
func (m *metrics) talk(out chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string), count func(*prometheus.Desc, int64, ...string)) {
	h := m.h
	for name, p := range h.measured {
		for i, result := range outcomes {
			count(descSent, p.results[i].Load(), name, result)
		}
		p.taken.Collect(out)
	}
	if h.bot != nil {
		c := &h.bot.Counters
		count(descChat, c.Presses.Load(), "presses")
		count(descChat, c.Words.Load(), "words")
		count(descChat, c.Denied.Load(), "denied")
	}
	if oldest := h.oldest.Load(); oldest != nil {
		for _, severity := range incidents.Severities {
			age := 0.0
			if at, ok := (*oldest)[severity]; ok {
				age = max(0, time.Since(at).Seconds())
			}
			gauge(descOldest, age, severity)
		}
	}
}

func lateness(h *escalation.Histogram) prometheus.Metric {
	buckets := map[float64]uint64{}
	var sum uint64
	for i, b := range escalation.LatenessBounds {
		sum += uint64(h.Buckets[i].Load())
		if i < len(escalation.LatenessBounds)-1 {
			buckets[b.Seconds()] = sum
		}
	}
	return prometheus.MustNewConstHistogram(descLate, sum, float64(h.Sum.Load())/1000, buckets)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// registry is what /metrics shows.
func (h *house) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(&metrics{h}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// version is set by the linker for releases.
var version = "devel"

package kill

import (
	"fmt"
	"net/http"
	"time"
)

// rest waits until nothing is under way any more: no page queued, no card to draw, no run open.
func (s *storm) rest() {
	s.Helper()
	began := time.Now()
	for _, r := range s.pair {
		s.until(soon, r.name+" to be ready", func() bool { return r.ready() == http.StatusOK })
		r.face()
	}
	// Pages and cards in the hands of the killed wait for their leases, runs for their ledger.
	left := ""
	for left = s.underWay(); left != "" && time.Since(began) < 90*time.Second; left = s.underWay() {
		pause(s.Context(), 50*time.Millisecond)
	}
	if left != "" {
		s.Errorf("after %v there is still %s", time.Since(began), left)
	}
	s.figures.RestMS = time.Since(began).Milliseconds()
}

// underWay is what Redis still holds to be done; "" for nothing.
func (s *storm) underWay() string {
	rdb := s.redis.Client()
	defer rdb.Close()
	for _, name := range []string{"dirty", "pages", "rq:ready", "rq:runs"} {
		keys, err := rdb.Keys(s.Context(), "dogwatch:{dw:*}:"+name).Result()
		if err != nil {
			return err.Error()
		}
		for _, k := range keys {
			return fmt.Sprintf("%s %v", k, rdb.ZRangeWithScores(s.Context(), k, 0, 4).Val())
		}
	}
	return ""
}

// check compares all records.
func (s *storm) check() {
	s.Helper()
	all, requests := s.pair[0].incidents(), s.pair[1].requests()
	f := &s.figures
	f.Test, f.Seed, f.Kills, f.RedisKills = "random kills", s.seed, s.kills, s.redisKills
	f.Incidents, f.Requests, f.Runs = len(all), len(requests), len(s.lines())
	f.LookUps = len(s.slack.Journal("conversations.history"))
	if f.Lost > 0 {
		s.Errorf("%d webhooks were refused for good", f.Lost)
	}
	s.alertsKept(all)
	s.laddersWalked(all)
	s.runsOnce(requests)
	s.runsAllowed(requests)
	s.audited(all, requests)
	s.statesForward(all)
	s.cardsOnce(all)
	s.sizesBack()
	s.secretsKept()
	s.answered(all, requests)
}

// alertsKept is I1: every alert that was answered with 2xx is in exactly one incident, as it was last sent; and there is no other.
func (s *storm) alertsKept(all []incident) {
	found := map[string]int{}
	for _, i := range all {
		firing := 0
		for _, a := range i.List {
			found[a.Fingerprint]++
			want := s.last[a.Fingerprint]
			if a.Status != want.Status || !a.StartsAt.Equal(want.StartsAt) {
				s.Errorf("I1: alert %s is %s since %v, last sent as %s since %v", a.Fingerprint, a.Status, a.StartsAt, want.Status, want.StartsAt)
			}
			if a.Status == "firing" {
				firing++
			}
		}
		if i.Alerts.Total != len(i.List) || i.Alerts.Firing != firing {
			s.Errorf("I1: incident %s counts %+v, it lists %d of which %d fire", i.GroupKey, i.Alerts, len(i.List), firing)
		}
	}
	for id := range s.last {
		if found[id] != 1 {
			s.Errorf("I1: alert %s is in %d incidents", id, found[id])
		}
	}
	s.figures.Alerts = len(found)
	if len(found) != len(s.last) {
		s.Errorf("I1: %d alerts are there, %d were sent", len(found), len(s.last))
	}
}

// laddersWalked is I2: each step of an incident that nobody answered was paged, none twice, none early, none after an answer.
func (s *storm) laddersWalked(all []incident) {
	messages := s.world.posted()
	for _, i := range all {
		keys := map[string]bool{}
		steps := map[int]time.Time{} // of the ladder that is walked now
		answered, again := false, false
		for _, e := range i.Timeline {
			switch e.Kind {
			case "acknowledged", "resolved":
				answered = true
			case "reopened":
				answered, again, steps = false, true, map[int]time.Time{}
			case "page":
				s.paged(i, e, messages[e.Data.Key])
				if keys[e.Data.Key] || !steps[e.Data.Step].IsZero() || answered {
					s.Errorf("I2: incident %s: step %d was paged twice or after an answer (%v)", i.GroupKey, e.Data.Step, answered)
				}
				if first := steps[1]; e.Data.Step == 2 && e.At.Sub(first) < 2*time.Second {
					s.Errorf("I2: incident %s: step 2 came %v after step 1", i.GroupKey, e.At.Sub(first))
				}
				keys[e.Data.Key], steps[e.Data.Step] = true, e.At
				s.figures.Pages++
			}
		}
		// A reopened one waits a minute before it pages, lest a flapping alert does.
		if !answered && !again && len(steps) != 2 {
			s.Errorf("I2: incident %s was never answered, and %d of 2 steps were paged", i.GroupKey, len(steps))
		}
	}
}

// paged looks at the messages of one page.
func (s *storm) paged(i incident, e event, messages int) {
	if e.Data.State == "queued" && !skipped(i, e.Data.Key) {
		s.Errorf("I2: incident %s: the page of step %d is still queued", i.GroupKey, e.Data.Step)
	}
	// Slack can be asked what has arrived, so that not even a crash makes one too many.
	if e.Data.State == "sent" && messages < 1 || messages > 1 {
		s.Errorf("I2: incident %s: the page of step %d is %s and has %d messages", i.GroupKey, e.Data.Step, e.Data.State, messages)
	}
	s.figures.ExtraPages += max(0, messages-1)
}

// skipped says that a page was taken back, because the incident was answered first.
func skipped(i incident, key string) bool {
	for _, e := range i.events("page_skipped") {
		if e.Data.Key == key {
			return true
		}
	}
	return false
}

// runsOnce is I3: each run left at most one line, each request has at most one run, and none that is over left less than it says.
func (s *storm) runsOnce(requests []request) {
	lines := map[string]int{}
	for _, l := range s.lines() {
		if lines[l.run]++; lines[l.run] > 1 {
			s.Errorf("I3: run %s left %d lines", l.run, lines[l.run])
		}
	}
	runs := map[string]string{}
	for _, q := range requests {
		if q.RunID == "" {
			continue
		}
		if other, taken := runs[q.RunID]; taken {
			s.Errorf("I3: run %s is of %s and %s", q.RunID, q.ID, other)
		}
		runs[q.RunID] = q.ID
		switch n := lines[q.RunID]; {
		case q.State == "succeeded" && n != 1, q.Outcome == "why_not_started" && n != 0:
			s.Errorf("I3: request %s is %s (%s), its run left %d lines", q.ID, q.State, q.Outcome, n)
		case q.State == "unknown":
			s.figures.Unknown++
		}
	}
	for id := range lines {
		if runs[id] == "" {
			s.Errorf("I3: run %s belongs to no request", id)
		}
	}
}

// runsAllowed is I4: nothing ran without an approval before it, in time, by somebody else with the right.
func (s *storm) runsAllowed(requests []request) {
	for _, q := range requests {
		if !q.final() && q.State != "pending" {
			s.Errorf("request %s is still %s", q.ID, q.State)
		}
		if q.StartedAt == nil && s.runs(q.RunID) == 0 {
			continue
		}
		if len(q.Approvals) != 1 || q.StartedAt == nil {
			s.Errorf("I4: request %s ran with approvals %+v", q.ID, q.Approvals)
			continue
		}
		a := q.Approvals[0]
		if a.Person != "bob" || a.Person == q.Requester || a.At.After(*q.StartedAt) || !a.At.Before(q.ExpiresAt) {
			s.Errorf("I4: request %s of %s ran at %v, approved by %s at %v, expiring %v", q.ID, q.Requester, q.StartedAt, a.Person, a.At, q.ExpiresAt)
		}
	}
}

// statesForward is I6: an incident is acknowledged and resolved only while it is open, and reopened only when it is resolved.
func (s *storm) statesForward(all []incident) {
	for _, i := range all {
		state := ""
		for _, e := range i.Timeline {
			from := state
			good := true
			switch e.Kind {
			case "opened":
				state, good = "triggered", from == ""
			case "acknowledged":
				state, good = "acknowledged", from == "triggered"
				s.figures.Acks++
			case "resolved":
				state, good = "resolved", from == "triggered" || from == "acknowledged"
			case "reopened":
				state, good = "triggered", from == "resolved"
			}
			if !good {
				s.Errorf("I6: incident %s was %s and then %s", i.GroupKey, from, e.Kind)
			}
		}
		if state != i.State {
			s.Errorf("I6: incident %s is %s, its history ends with %s", i.GroupKey, i.State, state)
		}
	}
}

// cardsOnce is I7: each incident has one card in the channel and no other: Slack can be asked what has arrived.
func (s *storm) cardsOnce(all []incident) {
	have := map[string]int{}
	for _, m := range cards(s.slack.Messages(ops)) {
		have[incidentOf(keyOf(m.Metadata))]++
	}
	for _, i := range all {
		n := have[i.ID]
		if n != 1 {
			s.Errorf("I7: incident %s has %d cards", i.GroupKey, n)
		}
		s.figures.ExtraCards += max(0, n-1)
	}
}

// answered checks that nothing that a person was told had been done is missing.
func (s *storm) answered(all []incident, requests []request) {
	for _, i := range all {
		if s.acks[i.ID] && len(i.events("acknowledged")) == 0 {
			s.Errorf("incident %s: an acknowledgement was answered with 200 and is not there", i.GroupKey)
		}
	}
	there := map[string]bool{}
	for _, q := range requests {
		there[q.ID] = true
	}
	for id := range s.made {
		if !there[id] {
			s.Errorf("request %s was answered with 201 and is not there", id)
		}
	}
}

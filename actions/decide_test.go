package actions_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/schedules"
)

func TestRequestHoldsExactlyWhatWillRun(t *testing.T) {
	each(t, func(b *bench) {
		inc := b.incident()
		r := b.ask("restart", inc)
		if r.State != actions.Pending || strings.Join(r.Argv, " ") != "systemctl restart nginx.service" || r.Requester != "alice" ||
			r.Incident != inc || r.Target != "local" || !r.ExpiresAt.Equal(t0.Add(10*time.Minute)) || len(r.Digest) != 64 || r.Quorum != 1 || !r.FourEyes {
			b.Fatalf("%+v", r)
		}
		if r.ID.Shard() != inc.Shard() {
			b.Fatalf("the request lies in shard %d, its incident in %d", r.ID.Shard(), inc.Shard())
		}
		list, err := b.s.ListForIncident(b.Context(), inc)
		if err != nil || len(list) != 1 || list[0].ID != r.ID {
			b.Fatalf("%v, %v", list, err)
		}
		before, err := b.inc.Get(b.Context(), inc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), r.Digest); err != nil {
			b.Fatal(err)
		}
		lines, err := b.inc.History(b.Context(), inc, 1)
		if err != nil {
			b.Fatal(err)
		}
		var kinds []string
		for _, l := range lines {
			kinds = append(kinds, l.Kind)
		}
		if got := strings.Join(kinds, " "); got != "opened request_created request_approved" {
			b.Fatalf("the incident's history: %s", got)
		}
		if !strings.HasPrefix(string(lines[2].Data), `{"request":"`+string(r.ID)+`","action":"restart"`) {
			b.Fatalf("line: %s", lines[2].Data)
		}
		after, err := b.inc.Get(b.Context(), inc)
		if err != nil || after.Version != before.Version+1 {
			b.Fatalf("the incident's version went from %d to %d, %v", before.Version, after.Version, err)
		}
	})
}

func TestRepeatedRequestIsOne(t *testing.T) {
	each(t, func(b *bench) {
		ask := actions.Ask{Action: "free"}
		first, err := b.s.Request(b.Context(), by("alice", "key-1"), ask)
		if err != nil {
			b.Fatal(err)
		}
		again, err := b.s.Request(b.Context(), by("alice", "key-1"), ask)
		if err != nil || again.ID != first.ID {
			b.Fatalf("%s, then %s, %v", first.ID, again.ID, err)
		}
		other, err := b.s.Request(b.Context(), by("alice", "key-2"), ask)
		if err != nil || other.ID == first.ID {
			b.Fatalf("another key: %s, %v", other.ID, err)
		}
	})
}

func TestRequestIsRefused(t *testing.T) {
	each(t, func(b *bench) {
		ask := func(person string, a actions.Ask) error {
			_, err := b.s.Request(b.Context(), by(person, ""), a)
			return err
		}
		if err := ask("alice", actions.Ask{Action: "nothing"}); !errors.Is(err, actions.ErrNoAction) {
			b.Fatal(err)
		}
		b.denied(ask("erin", actions.Ask{Action: "free"}), actions.NoRole)
		b.denied(ask("grace", actions.Ask{Action: "free"}), actions.NoRole)
		b.denied(ask("mallory", actions.Ask{Action: "free"}), actions.NoPerson)
		b.denied(ask("", actions.Ask{Action: "free"}), actions.NoPerson)
		var wrong *actions.ParamsError
		if err := ask("alice", actions.Ask{Action: "restart", Params: map[string]any{"unit": "nginx; id"}}); !errors.As(err, &wrong) {
			b.Fatal(err)
		}
		if err := ask("alice", actions.Ask{Action: "free", Incident: incidents.NewID(3)}); !errors.Is(err, incidents.ErrUnknown) {
			b.Fatal(err)
		}
		inc := b.incident()
		if err := b.inc.Resolve(b.Context(), inc, by("alice", ""), ""); err != nil {
			b.Fatal(err)
		}
		if err := ask("alice", actions.Ask{Action: "free", Incident: inc}); !errors.Is(err, actions.ErrIncidentClosed) {
			b.Fatal(err)
		}
		if list, _, err := b.s.List(b.Context(), actions.Filter{}); err != nil || len(list) != 0 {
			b.Fatalf("kept %d requests, %v", len(list), err)
		}
	})
}

// Who may approve, reject and cancel: every person against every action.
func TestRights(t *testing.T) {
	each(t, func(b *bench) {
		const ok = actions.Denial("")
		for action, want := range map[string]map[string]actions.Denial{
			"restart": {"alice": actions.OwnRequest, "bob": ok, "carol": ok, "dave": ok, "erin": actions.NoRole, "frank": actions.NotNamed,
				"grace": actions.NoRole, "mallory": actions.NoPerson, "": actions.NoPerson},
			"own":    {"alice": ok, "bob": actions.NotNamed, "grace": actions.NoRole},
			"nobody": {"alice": actions.NotNamed, "bob": actions.NotNamed, "grace": actions.NoRole},
		} {
			for person, why := range want {
				r := b.ask(action, "")
				_, err := b.s.Approve(b.Context(), r.ID, by(person, ""), "")
				if why == ok {
					if err != nil {
						b.Errorf("%s approves %s: %v", person, action, err)
					}
					b.stands(r.ID, actions.Approved)
					continue
				}
				b.denied(err, why)
				b.stands(r.ID, actions.Pending)
			}
		}
		for person, why := range map[string]actions.Denial{"bob": ok, "alice": ok, "frank": actions.NotNamed, "erin": actions.NoRole} {
			r := b.ask("restart", "")
			if _, err := b.s.Reject(b.Context(), r.ID, by(person, ""), "no"); why != ok {
				b.denied(err, why)
			} else if b.stands(r.ID, actions.Rejected).DecidedBy != person {
				b.Errorf("rejected by %s, want %s", b.get(r.ID).DecidedBy, person)
			}
		}
		for person, may := range map[string]bool{"alice": true, "bob": true, "grace": true, "frank": false, "erin": false, "": false} {
			r := b.ask("restart", "")
			if _, err := b.s.Cancel(b.Context(), r.ID, by(person, ""), ""); may != (err == nil) {
				b.Errorf("%q cancels: %v", person, err)
			}
		}
	})
}

func TestRightIsThatOfTheMoment(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("restart", "")
		b.onCall = []string{"frank"}
		_, err := b.s.Approve(b.Context(), r.ID, by("dave", ""), "")
		b.denied(err, actions.NotNamed)
		b.people[1].Roles = schedules.Roles{schedules.Responder}
		b.use()
		_, err = b.s.Approve(b.Context(), r.ID, by("bob", ""), "")
		b.denied(err, actions.NoRole)
		if _, err = b.s.Approve(b.Context(), r.ID, by("frank", ""), ""); err != nil {
			b.Fatal(err)
		}
	})
}

func TestQuorumTakesDifferentPeople(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("two", "")
		for range 3 {
			got, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), "")
			if err != nil || got.State != actions.Pending || len(got.Approvals) != 1 {
				b.Fatalf("%+v, %v", got, err)
			}
		}
		got, err := b.s.Approve(b.Context(), r.ID, by("carol", ""), "")
		if err != nil || got.State != actions.Approved || len(got.Approvals) != 2 || got.Approvals[1].Person != "carol" || got.Approvals[1].Via != "web" {
			b.Fatalf("%+v, %v", got, err)
		}
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), ""); err != nil {
			b.Fatalf("the same person again: %v", err)
		}
		if got := b.kinds(r.ID); !slices.Equal(got, []string{"request_created", "request_approval", "request_approved"}) {
			b.Fatal(got)
		}
	})
}

func TestExpiryIsExact(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("restart", "")
		b.at(r.ExpiresAt.Add(-time.Millisecond))
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), ""); err != nil {
			b.Fatalf("one millisecond before: %v", err)
		}
		r = b.ask("restart", "")
		b.at(r.ExpiresAt)
		_, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), "")
		b.late(err, actions.Expired, "")
		b.stands(r.ID, actions.Expired)
		if got := b.kinds(r.ID); !slices.Equal(got, []string{"request_created", "request_expired"}) {
			b.Fatal(got)
		}
	})
}

func TestDigestBindsTheApproval(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("restart", "")
		if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), strings.Repeat("0", 64)); !errors.Is(err, actions.ErrDigest) {
			b.Fatal(err)
		}
		b.stands(r.ID, actions.Pending)
		other := b.ask("restart", "")
		if other.Digest != r.Digest { // everything else is the same in the same millisecond; the digest is of what runs, not of the id
			b.Fatalf("%s and %s", r.Digest, other.Digest)
		}
		b.at(t0.Add(time.Second))
		if later := b.ask("restart", ""); later.Digest == r.Digest {
			b.Fatal("another expiry, the same digest")
		}
		b.defs[0].Argv = []string{"systemctl", "stop", "{{ .params.unit }}"}
		b.use()
		_, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), r.Digest)
		b.late(err, actions.Cancelled, "")
		if r := b.stands(r.ID, actions.Cancelled); r.Outcome != actions.WhyChanged {
			b.Fatalf("%+v", r)
		}
	})
}

func TestFirstDecisionWins(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("restart", "")
		if _, err := b.s.Reject(b.Context(), r.ID, by("bob", ""), "not now"); err != nil {
			b.Fatal(err)
		}
		_, err := b.s.Approve(b.Context(), r.ID, by("carol", ""), "")
		b.late(err, actions.Rejected, "bob")
		if _, err := b.s.Reject(b.Context(), r.ID, by("bob", ""), "again"); err != nil {
			b.Fatal(err)
		}
		_, err = b.s.Cancel(b.Context(), r.ID, by("alice", ""), "")
		b.late(err, actions.Rejected, "bob")
		audit, err := b.store.Client().XRange(b.Context(), b.store.Key(r.ID.Shard(), "audit"), "-", "+").Result()
		if err != nil {
			b.Fatal(err)
		}
		var all []string
		for _, e := range audit {
			all = append(all, e.Values["e"].(string))
		}
		got := strings.Join(all, "\n")
		for _, want := range []string{`"by":"alice",`, `"by":"bob",`, `"by":"carol",`, `"do":"request.approve","late":true`} {
			if !strings.Contains(got, want) {
				b.Errorf("no %s in the audit entries:\n%s", want, got)
			}
		}
		if len(audit) != 3 {
			b.Errorf("%d entries:\n%s", len(audit), got)
		}
	})
}

func TestApproveAndRejectRace(t *testing.T) {
	b := serverClock(t)
	for range 50 {
		r := b.ask("restart", "")
		var wins atomic.Int32
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := b.s.Approve(b.Context(), r.ID, by("bob", ""), ""); err == nil {
				wins.Add(1)
			}
		})
		all.Go(func() {
			if _, err := b.s.Reject(b.Context(), r.ID, by("carol", ""), ""); err == nil {
				wins.Add(1)
			}
		})
		all.Wait()
		if st := b.get(r.ID).State; wins.Load() != 1 || st != actions.Approved && st != actions.Rejected {
			t.Fatalf("%d won, state %s", wins.Load(), st)
		}
	}
}

func TestWithdrawnWithItsIncident(t *testing.T) {
	each(t, func(b *bench) {
		inc := b.incident()
		waits, missed := b.ask("restart", inc), b.ask("two", inc)
		rejected := b.ask("restart", inc)
		if _, err := b.s.Reject(b.Context(), rejected.ID, by("bob", ""), ""); err != nil {
			b.Fatal(err)
		}
		if err := b.inc.Resolve(b.Context(), inc, by("alice", ""), ""); err != nil {
			b.Fatal(err)
		}
		_, err := b.s.Approve(b.Context(), missed.ID, by("bob", ""), "") // before anybody withdrew it
		b.late(err, actions.Cancelled, "")
		for range 2 {
			if err := b.s.Withdraw(b.Context(), inc); err != nil {
				b.Fatal(err)
			}
		}
		for _, id := range []actions.RequestID{waits.ID, missed.ID} {
			if r := b.stands(id, actions.Cancelled); r.Outcome != actions.WhyResolved {
				b.Errorf("%+v", r)
			}
			if got := b.kinds(id); !slices.Equal(got, []string{"request_created", "request_withdrawn"}) {
				b.Error(got)
			}
		}
		b.stands(rejected.ID, actions.Rejected)
	})
}

func TestRetryMakesANewRequest(t *testing.T) {
	each(t, func(b *bench) {
		r := b.ask("restart", "")
		_, err := b.s.Retry(b.Context(), r.ID, by("alice", ""))
		b.late(err, actions.Pending, "")
		if _, err := b.s.Reject(b.Context(), r.ID, by("bob", ""), ""); err != nil {
			b.Fatal(err)
		}
		again, err := b.s.Retry(b.Context(), r.ID, by("carol", ""))
		if err != nil || again.ID == r.ID || again.RetryOf != r.ID || again.State != actions.Pending || again.Requester != "carol" ||
			!slices.Equal(again.Argv, r.Argv) || len(again.Approvals) != 0 {
			b.Fatalf("%+v, %v", again, err)
		}
		b.stands(r.ID, actions.Rejected)
	})
}

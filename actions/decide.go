package actions

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dogwatch/incidents"
	"dogwatch/internal/failpoint"
	"dogwatch/internal/state"
)

// Approve gives one person's consent to exactly what the request holds; digest, if not "", must be what the person saw. With the
// last consent that is needed the request is approved and will run. The same person again: no effect and no error. Errors:
// ErrUnknown, ErrDigest, *DeniedError, *LateError.
func (s *Service) Approve(ctx context.Context, id RequestID, by By, digest string) (Request, error) {
	return s.decide(ctx, decision{"approve", id, by, digest, ""})
}

// Reject ends a request. Errors as Approve's.
func (s *Service) Reject(ctx context.Context, id RequestID, by By, reason string) (Request, error) {
	return s.decide(ctx, decision{"reject", id, by, "", words(reason, 500)})
}

// decision is one person's word on one request.
type decision struct {
	verb   string
	id     RequestID
	by     By
	digest string
	reason string
}

func (s *Service) decide(ctx context.Context, d decision) (Request, error) {
	r, err := s.Get(ctx, d.id)
	if err != nil {
		return Request{}, fmt.Errorf("%s: %w", d.verb, err)
	}
	if err := s.judge(ctx, &r, d); err != nil {
		return Request{}, err
	}
	more := map[string]any{"request": r.ID, "digest": r.Digest}
	kept, _ := entry(d.verb, d.by, more)
	more["late"] = true
	late, sum := entry(d.verb, d.by, more)
	f, err := s.store.Do(ctx, state.Call{
		Script: decideScript, Shard: r.ID.Shard(), Request: repeat(d.by, d.verb, string(r.ID)), Audit: kept,
		Keys: s.keys.told(r.ID, r.Incident),
		Args: []any{d.verb, d.by.Person, d.by.Via, data("reason", d.reason), d.digest, string(late), sum,
			s.setup.Load().seal(&r, d.by.Person)},
	})
	if err != nil {
		return Request{}, fmt.Errorf("%s request %s: %w", d.verb, r.ID, err)
	}
	failpoint.Hit("request_decided")
	if err := result(d.verb, r.ID, f); err != nil {
		return Request{}, err
	}
	if State(f[1]) == Approved {
		s.Wake()
	}
	return s.Get(ctx, r.ID)
}

// judge says whether this person may, under the configuration of now. A request whose action is no longer defined as it was when it
// was asked for is void: nobody can approve what may mean something else.
func (s *Service) judge(ctx context.Context, r *Request, d decision) error {
	setup := s.setup.Load()
	now, err := s.store.Now(ctx, r.ID.Shard())
	if err != nil {
		return fmt.Errorf("%s request %s: %w", d.verb, r.ID, err)
	}
	a, ok := setup.Catalog.Get(r.Action)
	if !ok || a.Version != r.Version {
		if _, known := setup.Directory.Person(d.by.Person); !known {
			return &DeniedError{d.verb, NoPerson}
		}
		if r.State == Pending {
			if err := s.void(ctx, r, WhyChanged); err != nil {
				return err
			}
			return &LateError{Verb: d.verb, State: Cancelled, At: now.UTC()}
		}
		return result(d.verb, r.ID, []string{"late", string(r.State), r.DecidedBy, stamp(r.DecidedAt)})
	}
	q := setup.question(a.Approval, r.Requester, d.by.Person, now)
	v := q.mayApprove()
	if d.verb == "reject" {
		v = q.mayReject()
	}
	if !v.Allowed {
		return &DeniedError{d.verb, v.Why}
	}
	return nil
}

// stamp is a time as scripts write it.
func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return fmt.Sprint(t.UnixMilli())
}

// Cancel takes a request back; a running one is asked to stop, which its state tells later. Errors as Approve's.
func (s *Service) Cancel(ctx context.Context, id RequestID, by By, reason string) (Request, error) {
	r, err := s.Get(ctx, id)
	if err != nil {
		return Request{}, fmt.Errorf("cancel: %w", err)
	}
	setup := s.setup.Load()
	now, err := s.store.Now(ctx, id.Shard())
	if err != nil {
		return Request{}, fmt.Errorf("cancel request %s: %w", id, err)
	}
	approval := Approval{}
	if a, ok := setup.Catalog.Get(r.Action); ok {
		approval = a.Approval
	}
	if v := setup.question(approval, r.Requester, by.Person, now).mayCancel(); !v.Allowed {
		return Request{}, &DeniedError{"cancel", v.Why}
	}
	if err := s.cancel(ctx, &r, by, cancellation{"request_cancelled", "cancel", "", words(reason, 500)}); err != nil {
		return Request{}, err
	}
	return s.Get(ctx, id)
}

// Withdraw takes back what waits for an incident that was resolved. Idempotent; call it when the log says "resolved". What it
// misses is refused all the same, because every decision looks at the incident in its own script.
func (s *Service) Withdraw(ctx context.Context, incident incidents.ID) error {
	list, err := s.ListForIncident(ctx, incident)
	if err != nil {
		return fmt.Errorf("withdraw requests: %w", err)
	}
	var faults []error
	for i := range list {
		if list[i].State != Pending && list[i].State != Approved {
			continue
		}
		var late *LateError
		err := s.cancel(ctx, &list[i], By{Actor: incidents.System}, cancellation{"request_withdrawn", "withdraw", WhyResolved, ""})
		if err != nil && !errors.As(err, &late) {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// void ends a request that must not run any more, whatever was approved.
func (s *Service) void(ctx context.Context, r *Request, why Why) error {
	return s.cancel(ctx, r, By{Actor: incidents.System}, cancellation{"request_void", "void", why, ""})
}

// cancellation is how a request is taken back.
type cancellation struct {
	kind, verb string
	why        Why
	reason     string
}

func (s *Service) cancel(ctx context.Context, r *Request, by By, c cancellation) error {
	kept, _ := entry(c.verb, by, map[string]any{"request": r.ID, "why": c.why})
	f, err := s.store.Do(ctx, state.Call{
		Script: cancelScript, Shard: r.ID.Shard(), Request: repeat(by, c.verb, string(r.ID)), Audit: kept,
		Keys: s.keys.told(r.ID, r.Incident),
		Args: []any{c.kind, by.Person, by.Via, data("reason", c.reason, "why", string(c.why)), string(c.why)},
	})
	if err != nil {
		return fmt.Errorf("%s request %s: %w", c.verb, r.ID, err)
	}
	return result(c.verb, r.ID, f)
}

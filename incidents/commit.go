package incidents

import (
	"context"
	"errors"
	"slices"
	"time"

	"dogwatch/internal/failpoint"
	"dogwatch/internal/state"
)

// job is one body's calls on their way through a pipeline.
type job struct {
	calls   []state.Call
	replies []state.Reply
	done    chan struct{}
}

// together is how many bodies at most share one pipeline.
const together = 256

// commit hands calls to the commit loop and waits for their replies. When ctx ends first, the calls may still have their
// effect; they are idempotent by content, so the sender's next try is absorbed.
func (s *Service) commit(ctx context.Context, calls []state.Call) ([]state.Reply, error) {
	j := &job{calls: calls, done: make(chan struct{})}
	select {
	case s.queue <- j:
	default:
		return nil, ErrBusy
	}
	select {
	case <-j.done:
		return j.replies, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// commitLoop takes what is waiting, sends it in one pipeline and answers each job with its own replies.
func (s *Service) commitLoop(ctx context.Context) {
	for {
		select {
		case j := <-s.queue:
			s.send(ctx, s.gather(j))
		case <-ctx.Done():
			for {
				select {
				case j := <-s.queue:
					s.send(ctx, s.gather(j))
				default:
					return
				}
			}
		}
	}
}

func (s *Service) gather(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < together {
		select {
		case j := <-s.queue:
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

func (s *Service) send(ctx context.Context, jobs []*job) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var m merged
	for _, j := range jobs {
		for _, c := range j.calls {
			m.add(c)
		}
	}
	failpoint.Hit("alerts_before_commit")
	replies := m.split(s.store.DoAll(ctx, m.calls))
	s.apart(ctx, jobs, replies)
	failpoint.Hit("alerts_committed")
	at := 0
	for _, j := range jobs {
		j.replies = replies[at : at+len(j.calls)]
		at += len(j.calls)
		close(j.done)
	}
}

// merged is calls of several bodies with those to one shard put together: a script call costs more than an alert in it.
type merged struct {
	calls []state.Call
	last  map[int]int // by shard, and whether it is of the overflow incident: the call that takes more
	parts []part
}

// part is where a body's call went.
type part struct{ call, from, groups int }

// The head of the arguments and the keys that the groups of one call share, and how many arguments one call may have: a
// script must stay short.
const (
	headKeys, headArgs = 7, 6
	mostArgs           = 2000
)

func (m *merged) add(c state.Call) {
	if m.last == nil {
		m.last = map[int]int{}
	}
	groups := c.Args[headArgs-1].(int)
	slot := 2 * c.Shard
	if c.Args[headArgs-2] == 0 {
		slot++
	}
	at, ok := m.last[slot]
	if !ok || len(m.calls[at].Args)+len(c.Args) > mostArgs {
		m.last[slot] = len(m.calls)
		m.parts = append(m.parts, part{call: len(m.calls), groups: groups})
		// The arguments are copied: a body may have to go alone after all.
		c.Keys, c.Args = slices.Clone(c.Keys), slices.Clone(c.Args)
		m.calls = append(m.calls, c)
		return
	}
	to := &m.calls[at]
	before := to.Args[headArgs-1].(int)
	to.Keys = append(to.Keys, c.Keys[headKeys:]...)
	to.Args = append(to.Args, c.Args[headArgs:]...)
	to.Args[headArgs-1] = before + groups
	m.parts = append(m.parts, part{call: at, from: before, groups: groups})
}

// split gives each body's call its own rows. An error is everybody's whose call it was; apart sees to that.
func (m *merged) split(replies []state.Reply) []state.Reply {
	out := make([]state.Reply, len(m.parts))
	for i, p := range m.parts {
		r := replies[p.call]
		if rows, ok := r.Value.([]any); ok && len(rows) >= p.from+p.groups {
			r.Value = rows[p.from : p.from+p.groups]
		}
		out[i] = r
	}
	return out
}

// apart sends alone what Redis refused together, so that an incident that was spoilt by hand refuses its own alerts only.
// What a broken script had kept already is kept once more, as when the sender sends again: only "received" counts twice.
func (s *Service) apart(ctx context.Context, jobs []*job, replies []state.Reply) {
	if len(jobs) == 1 {
		return
	}
	at := 0
	for _, j := range jobs {
		for _, c := range j.calls {
			var refused interface{ RedisError() }
			if errors.As(replies[at].Err, &refused) {
				replies[at] = s.store.DoAll(ctx, []state.Call{c})[0]
			}
			at++
		}
	}
}

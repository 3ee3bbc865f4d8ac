package incidents

import (
	"context"
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
	calls := jobs[0].calls
	if len(jobs) > 1 {
		calls = nil
		for _, j := range jobs {
			calls = append(calls, j.calls...)
		}
	}
	failpoint.Hit("alerts_before_commit")
	replies := s.store.DoAll(ctx, calls)
	failpoint.Hit("alerts_committed")
	at := 0
	for _, j := range jobs {
		j.replies = replies[at : at+len(j.calls)]
		at += len(j.calls)
		close(j.done)
	}
}

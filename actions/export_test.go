package actions

import (
	"context"
	"fmt"
)

// ClaimOnly claims a request and does nothing more, as a worker that dies right then.
func ClaimOnly(ctx context.Context, s *Service, r *Request, cfg WorkerConfig) error {
	if ok, err := s.claim(ctx, r, cfg); err != nil || !ok {
		return fmt.Errorf("not claimed: %v", err)
	}
	return nil
}

// GiveUp is what another worker does with a run whose lease is over.
func GiveUp(ctx context.Context, s *Service, r *Request) error {
	if ok, err := s.finish(ctx, r, ending{State: Unknown, Why: WhyLost}, false); err != nil || !ok {
		return fmt.Errorf("not given up: %v", err)
	}
	return nil
}

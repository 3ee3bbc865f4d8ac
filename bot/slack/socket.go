package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/slack-go/slack/socketmode"

	"dogwatch/bot"
)

// Run takes requests by Socket Mode until ctx ends, and is what brings them in when there is no signing secret. It returns
// nil when ctx ends, or at once without an app_token. A token that Slack refuses for good is an error only if no door is
// open besides; otherwise it is logged and the doors go on. Everything Run started has ended when it returns.
func (s *Slack) Run(ctx context.Context, inbox bot.Inbox) error {
	if s.cfg.AppToken.IsZero() {
		return nil
	}
	client := socketmode.New(s.api)
	var work sync.WaitGroup
	defer work.Wait()
	ended := make(chan error, 1)
	work.Go(func() { ended <- client.RunContext(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return s.socketEnded(ctx, err)
		case e := <-client.Events:
			if e.Type == socketmode.EventTypeConnectionError || e.Type == socketmode.EventTypeInvalidAuth {
				s.env.Log.WarnContext(ctx, "slack socket mode not connected", "event", string(e.Type))
			}
			if e.Request != nil && e.Request.EnvelopeID != "" {
				work.Go(func() { s.envelope(ctx, inbox, client, *e.Request) })
			}
		}
	}
}

// socketEnded decides what the end of the connection for good means.
func (s *Slack) socketEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	if s.cfg.SigningSecret.IsZero() {
		return fmt.Errorf("run slack socket mode: %w", withoutAddress(err))
	}
	s.env.Log.LogAttrs(ctx, slog.LevelError, "slack socket mode refused, only the HTTP doors are open",
		slog.Any("error", withoutAddress(err)))
	<-ctx.Done()
	return nil
}

// envelope handles one request and acknowledges it: with its answer in time, or empty when that takes long. A request that
// failed stays unacknowledged, so that Slack delivers it again.
func (s *Slack) envelope(ctx context.Context, inbox bot.Inbox, client *socketmode.Client, r socketmode.Request) {
	handle := map[string]handler{
		socketmode.RequestTypeSlashCommands: s.commandJSON,
		socketmode.RequestTypeInteractive:   s.interactionJSON,
		socketmode.RequestTypeEventsAPI:     s.event,
	}[r.Type]
	var once sync.Once
	acknowledge := func(body []byte) (now bool) {
		once.Do(func() {
			now = true
			var payload any
			if len(body) > 0 && r.AcceptsResponsePayload {
				payload = json.RawMessage(body)
			}
			if err := client.AckCtx(ctx, r.EnvelopeID, payload); err != nil {
				s.env.Log.WarnContext(ctx, "slack envelope not acknowledged", "error", err)
				now = false
			}
		})
		return now
	}
	if handle == nil {
		acknowledge(nil)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	timer := time.AfterFunc(s.env.Patience, func() { acknowledge(nil) })
	defer timer.Stop()
	out, err := handle(ctx, inbox, r.Payload)
	timer.Stop()
	if errors.Is(err, errMalformed) || errors.Is(err, errForeignApp) {
		acknowledge(nil)
		return
	}
	if err != nil {
		s.env.Log.WarnContext(ctx, "slack envelope failed", "type", r.Type, "error", err)
		return
	}
	inTime := acknowledge(out.body)
	first, err := s.env.Seen(ctx, "slack:envelope:"+digest(r.EnvelopeID), answeredLife)
	if err == nil && first {
		s.finish(ctx, out, inTime)
	}
}

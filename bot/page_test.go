package bot_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dogwatch/bot"
	"dogwatch/bot/bottest"
)

// A page that its platform refuses, or does not take for too long, reaches the person elsewhere, and the history says so.
func TestPageGoesElsewhere(t *testing.T) {
	for name, kind := range map[string]bot.SendKind{"down": bot.Retry, "refused": bot.Refused} {
		t.Run(name, func(t *testing.T) {
			each(t, func(w *world) {
				short(w)
				w.slack.Fail = func(_ context.Context, c bottest.Call) *bottest.Fault {
					return &bottest.Fault{Err: &bot.SendError{Kind: kind, Code: "x"}}
				}
			}, func(w *world) {
				id := w.raise(routed{severity: "P0", policy: "web"}, "db-3")
				w.until("the person to be told", func() bool { return len(w.wecom.Standing("@alice"))+len(w.web.Standing("@alice")) > 0 })
				w.until("the history", func() bool { return strings.Contains(w.kinds(id), "page_failed") })
				if n := len(w.wecom.Standing("@alice")) + len(w.web.Standing("@alice")); n != 1 {
					w.t.Fatalf("told %d times", n)
				}
			})
		})
	}
}

// A P1 among quieter pages goes elsewhere when its platform is down: they do not hold it back.
func TestLoudPageGoesElsewhereAmongQuieterOnes(t *testing.T) {
	each(t, func(w *world) {
		short(w)
		w.slack.Fail = func(_ context.Context, c bottest.Call) *bottest.Fault {
			return &bottest.Fault{Err: &bot.SendError{Kind: bot.Retry, Code: "x"}}
		}
	}, func(w *world) {
		for i := range 3 {
			w.raise(routed{severity: "P3", policy: "web"}, fmt.Sprint("quiet", i))
		}
		id := w.raise(routed{severity: "P1", policy: "web"}, "loud")
		w.until("the history to say that the loud page went elsewhere", func() bool { return strings.Contains(w.kinds(id), "page_failed") })
		if n := len(w.wecom.Standing("@alice")) + len(w.web.Standing("@alice")); n == 0 {
			w.t.Fatal("nobody was told elsewhere")
		}
	})
}

// Many pages for one person beyond their budget become one message; a P0 is always its own.
func TestPagesAreBundled(t *testing.T) {
	each(t, func(w *world) {
		w.slack.Limits = []bot.Budget{{N: 1, Per: time.Second, Burst: 5}}
	}, func(w *world) {
		for i := range 30 {
			w.raise(routed{severity: "P2", policy: "web"}, fmt.Sprint("g", i))
		}
		loud := w.raise(routed{severity: "P0", policy: "web"}, "loud")
		w.until("every page to be settled", func() bool { return w.bot.Counters.Paged.Load() == 31 })
		digests, p0 := 0, 0
		for _, s := range w.slack.Standing("U0ALICE") {
			switch c := s.Message.Card; {
			case c.Kind == bot.DigestCard:
				digests++
				if c.Severity == "P0" {
					w.t.Fatal("a P0 is in a digest")
				}
			case c.Subject == string(loud):
				p0++
			}
		}
		if n := len(w.slack.Standing("U0ALICE")); digests == 0 || p0 != 1 || n > 15 {
			w.t.Fatalf("%d digests, %d P0, %d messages", digests, p0, n)
		}
	})
}

// A page whose incident was answered before it could be sent is not sent.
func TestAnsweredPageIsDropped(t *testing.T) {
	var down atomic.Bool
	each(t, func(w *world) {
		short(w)
		w.cfg.Elsewhere = time.Hour
		down.Store(true)
		w.slack.Fail = func(context.Context, bottest.Call) *bottest.Fault {
			if down.Load() {
				return &bottest.Fault{Err: &bot.SendError{Kind: bot.Retry, Code: "503"}}
			}
			return nil
		}
	}, func(w *world) {
		id := w.raise(routed{severity: "P1", policy: "web"}, "db-3")
		w.until("a try", func() bool { return len(w.slack.Calls("send")) > 0 })
		if err := w.incidents.Acknowledge(w.ctx, id, byBob, ""); err != nil {
			w.t.Fatal(err)
		}
		down.Store(false)
		w.until("the page to be dropped", func() bool { return strings.Contains(w.kinds(id), "page_skipped") })
		if n := len(w.slack.Standing("U0ALICE")); n != 0 {
			w.t.Fatalf("%d messages", n)
		}
	})
}

// A P0 in the middle of a storm of cards and pages reaches its person at once.
func TestLoudPageInAStorm(t *testing.T) {
	each(t, func(w *world) {
		w.slack.Limits = []bot.Budget{{N: 1, Per: time.Second, Burst: 20}}
	}, func(w *world) {
		for i := range 100 {
			w.raise(routed{severity: "P2", policy: "web", channels: []string{"slack:C0OPS"}}, fmt.Sprint("g", i))
		}
		begun := time.Now()
		loud := w.raise(routed{severity: "P0", policy: "web", channels: []string{"slack:C0OPS"}}, "loud")
		shown := func(to string) bool {
			for _, s := range w.slack.Standing(to) {
				if s.Message.Card != nil && s.Message.Card.Subject == string(loud) {
					return true
				}
			}
			return false
		}
		w.until("the page", func() bool { return shown("U0ALICE") })
		if d := time.Since(begun); d > 2*time.Second {
			w.t.Fatalf("paged after %v", d)
		}
		w.until("the card", func() bool { return shown("C0OPS") })
	})
}

package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dogwatch/incidents"
)

// Threaded is a platform on which a message can have replies; there the thread is the incident's timeline.
type Threaded interface {
	Threads() bool
}

// told are the kinds of history lines that are worth a reply.
var told = []string{"acknowledged", "resolved", "reopened", "escalated", "assigned", "snoozed", "note", "severity", "merged", "page_failed"}

func isTold(kind string) bool {
	return slices.Contains(told, kind) || strings.HasPrefix(kind, "request_") || strings.HasPrefix(kind, "run_")
}

// linesInReply bounds one reply; more wait for the next.
const linesInReply = 10

// thread tells the lines that came since the card was sent, each once, in the card's thread.
func (d *drawing) thread(ctx context.Context, g *gate) {
	c := d.card
	if p, ok := g.platform.(Threaded); !ok || !p.Threads() || d.view.lastLine() <= c.Line {
		return
	}
	lines, err := d.untold(ctx)
	if err != nil {
		d.later(idle)
		return
	}
	for len(lines) > 0 {
		n := d.reply(ctx, g, lines[:min(len(lines), linesInReply)])
		if n == 0 {
			return
		}
		lines = lines[n:]
	}
	c.Line = d.view.lastLine()
}

// untold are the lines to be told, oldest first.
func (d *drawing) untold(ctx context.Context) ([]incidents.Line, error) {
	c, lines := d.card, d.view.lines
	if len(lines) > 0 && lines[0].Seq > c.Line+1 {
		all, err := d.bot.cfg.Incidents.History(ctx, d.lease.id, c.Line+1)
		if err != nil {
			return nil, err
		}
		lines = all
	}
	var out []incidents.Line
	for _, l := range lines {
		if l.Seq > c.Line && l.Seq <= d.view.lastLine() && isTold(l.Kind) {
			out = append(out, l)
		}
	}
	return out, nil
}

// reply sends one reply and says how many lines it told; 0: it waits, and due says for how long.
func (d *drawing) reply(ctx context.Context, g *gate, lines []incidents.Line) int {
	c := d.card
	if c.Saying != 0 {
		// A holder died between sending and writing it down: the same lines have the same key.
		for i, l := range lines {
			if l.Seq == c.Saying {
				lines = lines[:i+1]
				break
			}
		}
	}
	upto := lines[len(lines)-1].Seq
	key := bounded(fmt.Sprintf("t/%s/%d/%d-%d/%s", d.lease.id, c.Gen, c.Line, upto, c.field))
	if c.Saying == upto && c.Epoch != d.lease.epoch {
		_, found, err := g.platform.Find(ctx, c.to, key, time.UnixMilli(c.Sending))
		if err != nil && !errors.Is(err, ErrCannotFind) {
			d.fail(ctx, g, err)
			return 0
		}
		if found {
			d.bot.Counters.Found.Add(1)
			c.Line, c.Saying, c.Sending, c.Epoch = upto, 0, 0, 0
			return len(lines)
		}
	}
	if !d.allowed(ctx, g) {
		return 0
	}
	c.Saying, c.Sending, c.Epoch = upto, d.view.now.UnixMilli(), d.lease.epoch
	if err := d.bot.keep(ctx, d.lease, c.field, c.encode()); err != nil {
		g.ok()
		d.later(idle)
		return 0
	}
	d.before = c.encode()
	if err := d.post(ctx, g, key, lines); err != nil {
		d.fail(ctx, g, err)
		return 0
	}
	g.ok()
	d.bot.Counters.Replies.Add(1)
	c.Line, c.Saying, c.Sending, c.Epoch = upto, 0, 0, 0
	return len(lines)
}

// post sends the words of lines into the thread. A message that is surely not there leaves no mark.
func (d *drawing) post(ctx context.Context, g *gate, key string, lines []incidents.Line) error {
	c := d.card
	r := d.bot.reader(c.to)
	var words []string
	for _, l := range lines {
		words = append(words, r.line(d.bot.people(), &l))
	}
	_, err := d.call(ctx, func(ctx context.Context) (Ref, error) {
		return g.platform.Send(ctx, Message{Key: key, To: c.to, Thread: c.Ref, Text: strings.Join(words, "\n")})
	})
	if err == nil {
		return nil
	}
	var refusal *SendError
	if !errors.As(err, &refusal) || refusal.Kind == Unknown {
		c.Epoch = 0
		return err
	}
	c.Saying, c.Sending = 0, 0
	if refusal.Kind == Gone || refusal.Kind == Refused {
		return nil // the thread is gone; the card's own edit finds out
	}
	return err
}

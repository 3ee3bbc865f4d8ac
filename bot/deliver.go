package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dogwatch/actions"
	"dogwatch/incidents"
	"dogwatch/internal/failpoint"
)

// view is an incident as cards show it, read once for all of them.
type view struct {
	incident incidents.Incident
	lines    []incidents.Line // the last ones
	requests []RequestView
	now      time.Time
}

func (v *view) lastLine() int {
	if len(v.lines) == 0 {
		return 0
	}
	return v.lines[len(v.lines)-1].Seq
}

// urgent messages may use the reserve of a budget.
func (v *view) urgent() bool { return v.incident.Open() && v.incident.Severity <= "P1" }

// running says that a request of the incident runs now.
func (v *view) running() bool {
	return slices.ContainsFunc(v.requests, func(r RequestView) bool { return r.State == actions.Running })
}

// tail is how many lines of history a card looks at.
const tail = 40

// drawIncident claims an incident and brings all its cards up to what it is now. again: it is due again soon.
func (b *Bot) drawIncident(ctx context.Context, id incidents.ID) (again bool, err error) {
	begun := time.Now()
	ahead := make(chan reading, 1)
	go func(ctx context.Context) { ahead <- b.read(ctx, id) }(ctx)
	l, ok, err := b.claim(ctx, id)
	r := <-ahead
	if err != nil || !ok {
		return false, err
	}
	failpoint.Hit("cards_claimed")
	// A holder that slept must not send after its lease: the deadline is of this process' own, monotonic clock.
	ctx, cancel := context.WithDeadline(ctx, begun.Add(b.cfg.Lease-b.cfg.Lease/8))
	defer cancel()
	// What was read while the claim was under way counts if it is not older than the claim.
	if r.err != nil || r.incident.Version < l.version {
		r = b.read(ctx, id)
	}
	if r.err != nil {
		return true, r.err
	}
	v := r.view
	v.now = l.now
	return b.drawCards(ctx, &l, &v)
}

// reading is a view, or why there is none.
type reading struct {
	view
	err error
}

// read reads an incident and then its requests. In this order: a request that changes in between makes the incident's version
// another than the one read here, so it is drawn again.
func (b *Bot) read(ctx context.Context, id incidents.ID) (r reading) {
	if r.incident, r.lines, r.err = b.cfg.Incidents.Look(ctx, id, tail); r.err == nil {
		r.requests, r.err = b.requestsOf(ctx, id)
	}
	return r
}

// drawCards draws each card, several at a time, and keeps each result as soon as it is known.
func (b *Bot) drawCards(ctx context.Context, l *lease, v *view) (again bool, err error) {
	var due time.Time
	if v.running() {
		due = v.now.Add(b.cfg.Pace) // output comes without saying so
	}
	results := make(chan []*drawing, len(l.cards))
	for i := range l.cards {
		d := &drawing{bot: b, lease: l, view: v, card: &l.cards[i], before: l.cards[i].encode()}
		if len(l.cards) == 1 {
			results <- d.all(ctx)
			continue
		}
		go func() { results <- d.all(ctx) }()
	}
	// What was sent is written down also when we are told to stop.
	keep, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var last []any
	var failed error
	for n := range l.cards {
		last = nil
		for _, d := range <-results {
			if !d.due.IsZero() && (due.IsZero() || d.due.Before(due)) {
				due = d.due
			}
			last = append(last, d.change()...)
		}
		if n < len(l.cards)-1 && last != nil {
			if err := b.keep(keep, l, last...); err != nil {
				failed = err
			}
		}
	}
	failpoint.Hit("card_sent_before_record")
	if failed != nil {
		return true, failed
	}
	b.Counters.LastDraw.Store(time.Now().UnixMilli())
	again = !due.IsZero() && due.Sub(v.now) < 2*idle
	return again, b.done(keep, l, verdict{version: v.incident.Version, loud: loudness(&v.incident), due: due}, last...)
}

// drawing brings one card up to date, or the reply in its thread that shows a run's output.
type drawing struct {
	bot    *Bot
	lease  *lease
	view   *view
	card   *card
	before string
	due    time.Time // look again then; zero: when something changes
	delete bool      // the field goes
	usedUp bool      // the press's code was used
	output *output   // what a reply shows; nil: it is a card
}

// change is what must be written of it; nil: nothing.
func (d *drawing) change() []any {
	var out []any
	if now := d.card.encode(); d.delete {
		out = []any{d.card.field, ""}
	} else if now != d.before {
		out = []any{d.card.field, now}
	}
	if d.usedUp {
		out = append(out, "k:"+d.card.Ref.Task, "")
	}
	return out
}

func (d *drawing) later(after time.Duration) { d.due = d.view.now.Add(max(after, time.Millisecond)) }

func (d *drawing) run(ctx context.Context) {
	c := d.card
	g := d.bot.gates[c.to.Platform]
	if g == nil {
		return // the platform is not configured any more
	}
	if wait := g.shut(); wait > 0 {
		d.forget()
		d.later(wait)
		return
	}
	m, digest, loud := d.message()
	if c.Ref == nil && c.Sending != 0 && c.Epoch != d.lease.epoch {
		if !d.lookUp(ctx, g, m.Key) {
			return
		}
	}
	if c.Ref == nil {
		d.send(ctx, g, m, digest, loud)
	} else if c.Digest != digest {
		d.edit(ctx, g, m, digest, loud)
	}
	if c.Ref != nil && d.due.IsZero() && d.output == nil {
		d.thread(ctx, g)
	}
}

// forget takes back the mark of a claim under which nothing was sent.
func (d *drawing) forget() {
	c := d.card
	if c.Ref != nil || c.Epoch != d.lease.epoch {
		return
	}
	c.Sending, c.Epoch = 0, 0
	d.delete = c.Gen == 1 && c.Refused == 0
}

// lookUp asks whether a message whose sender died is there. false: not to be known now.
func (d *drawing) lookUp(ctx context.Context, g *gate, key string) bool {
	c := d.card
	if wait := g.enter(); wait > 0 {
		d.later(wait)
		return false
	}
	ref, found, err := g.platform.Find(ctx, c.to, key, time.UnixMilli(c.Sending))
	switch {
	case errors.Is(err, ErrCannotFind):
		// One message more after a crash is better than none.
		g.ok()
	case err != nil:
		d.fail(ctx, g, err)
		return false
	case found:
		g.ok()
		d.bot.Counters.Found.Add(1)
		c.Ref, c.Sending, c.Epoch, c.Digest = &ref, 0, 0, ""
		c.Line = max(c.Line, d.view.lastLine())
	default:
		g.ok()
	}
	return true
}

// allowed asks budget and gate; false: the card waits, and due says for how long.
func (d *drawing) allowed(ctx context.Context, g *gate) bool {
	wait, err := d.bot.budgets.take(ctx, d.card.to, d.view.urgent() && d.output == nil)
	if err != nil {
		d.bot.cfg.Log.Warn("budget not asked", "to", d.card.to.String(), "error", err)
		wait = idle
	} else if wait > 0 {
		d.bot.Counters.Limited.Add(1)
	}
	if wait == 0 {
		wait = g.enter()
	}
	if wait > 0 {
		d.later(wait)
		return false
	}
	return true
}

// refusedPause: an address that refused is not tried again sooner, or it would be tried with every change.
const refusedPause = 10 * time.Minute

func (d *drawing) send(ctx context.Context, g *gate, m Message, digest, loud string) {
	c := d.card
	if c.Refused != 0 && d.view.now.Sub(time.UnixMilli(c.Refused)) < refusedPause {
		d.forget()
		return
	}
	if !d.allowed(ctx, g) {
		d.forget()
		return
	}
	if c.Sending == 0 || c.Epoch != d.lease.epoch {
		// It is written down before it is sent: whoever comes after a crash looks it up.
		c.Sending, c.Epoch = d.view.now.UnixMilli(), d.lease.epoch
		if err := d.bot.keep(ctx, d.lease, c.field, c.encode()); err != nil {
			g.ok()
			d.later(idle)
			return
		}
		d.before = c.encode()
	}
	m.Key = c.messageKey(d.lease.id)
	failpoint.Hit("card_before_send")
	ref, err := d.call(ctx, func(ctx context.Context) (Ref, error) { return g.platform.Send(ctx, m) })
	if err != nil {
		d.fail(ctx, g, err)
		return
	}
	g.ok()
	d.bot.Counters.Sent.Add(1)
	c.Ref, c.Sending, c.Epoch, c.Refused = &ref, 0, 0, 0
	c.Line = d.view.lastLine()
	d.drawn(digest, loud)
}

// drawn notes what stands there now.
func (d *drawing) drawn(digest, loud string) {
	d.card.Digest, d.card.Loud, d.card.At = digest, loud, d.view.now.UnixMilli()
}

func (d *drawing) edit(ctx context.Context, g *gate, m Message, digest, loud string) {
	c := d.card
	quiet := c.Loud == loud && c.Digest != ""
	if wait := time.UnixMilli(c.At).Add(d.bot.cfg.Pace).Sub(d.view.now); quiet && wait > 0 && c.At != 0 {
		d.later(wait)
		return
	}
	ref := *c.Ref
	once := ref.Task != "" // a message that can be changed once for each code
	if c.code != "" {
		ref.Code = c.code
	}
	if fixed := d.fixed(); fixed || once && ref.Code == "" {
		if !quiet {
			d.repost(ctx, g, m, digest, loud)
		}
		return
	}
	if once && quiet && c.code == "" {
		return // its only code is kept for news
	}
	if !d.allowed(ctx, g) {
		return
	}
	now, err := d.call(ctx, func(ctx context.Context) (Ref, error) { return g.platform.Edit(ctx, ref, m) })
	var refusal *SendError
	if errors.As(err, &refusal) && refusal.Kind == Gone {
		g.ok()
		if !quiet || c.Reposts == 0 {
			d.repost(ctx, g, m, digest, loud)
		}
		return
	}
	if err != nil {
		c.Digest = ""
		d.fail(ctx, g, err)
		return
	}
	g.ok()
	d.bot.Counters.Edited.Add(1)
	if c.code != "" {
		now.Code, d.usedUp = c.Ref.Code, true
	}
	c.Ref, c.Refused = &now, 0
	d.drawn(digest, loud)
}

// fixed says that a message at this address can never be changed.
func (d *drawing) fixed() bool {
	p, ok := d.bot.gates[d.card.to.Platform].platform.(interface{ Editable(to string) bool })
	return ok && !p.Editable(d.card.to.To)
}

// repost sends a new message in the place of one that cannot be changed any more. Without news it does so once.
func (d *drawing) repost(ctx context.Context, g *gate, m Message, digest, loud string) {
	c := d.card
	if c.Loud == loud {
		c.Reposts++
	} else {
		c.Reposts = 0
	}
	c.Ref, c.Digest = nil, ""
	c.Gen++
	d.send(ctx, g, m, digest, loud)
}

func (d *drawing) call(ctx context.Context, f func(context.Context) (Ref, error)) (Ref, error) {
	ctx, cancel := context.WithTimeout(ctx, d.bot.cfg.SendTimeout)
	defer cancel()
	return f(ctx)
}

// fail decides what a refusal means for the card.
func (d *drawing) fail(ctx context.Context, g *gate, err error) {
	c, b := d.card, d.bot
	var refusal *SendError
	kind := Unknown
	if errors.As(err, &refusal) {
		kind = refusal.Kind
	}
	if kind != Unknown && c.Ref == nil {
		c.Sending, c.Epoch = 0, 0 // surely not arrived
	} else if c.Ref == nil {
		c.Epoch = 0 // may have arrived: whoever comes next looks it up, also we
	}
	switch kind {
	case RateLimited:
		g.ok()
		wait := refusal.RetryAfter
		if wait <= 0 {
			wait = 5 * time.Second
		}
		if err := b.budgets.hold(context.WithoutCancel(ctx), c.to, wait); err != nil {
			b.cfg.Log.Warn("hold not kept", "to", c.to.String(), "error", err)
		}
		d.later(wait)
	case Refused, Gone:
		g.ok()
		b.Counters.Refused.Add(1)
		c.Refused = d.view.now.UnixMilli()
		if d.output == nil { // a reply's thread may be gone; the card's own edit finds out
			b.refused(ctx, c.to, refusal)
		}
	default:
		b.Counters.Failed.Add(1)
		d.later(g.failed(kind == Misconfigured))
	}
	b.cfg.Log.Warn("card not delivered", "incident", d.lease.id, "to", c.to.String(), "error", fmt.Sprint(err))
}

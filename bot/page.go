package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dogwatch/escalation"
	"dogwatch/incidents"
	"dogwatch/internal/failpoint"
)

// page delivers one page, or several to one address in one message. The result is how long to wait before it is tried again; 0:
// each of them has been settled.
func (b *Bot) page(ctx context.Context, to Address, list []held) time.Duration {
	var open []call
	for _, p := range list {
		if c, ok := b.wanted(ctx, p); ok {
			open = append(open, c)
		}
	}
	if len(open) == 0 {
		return 0
	}
	g := b.gates[to.Platform]
	if g == nil {
		b.giveUp(ctx, open, "no_platform")
		return 0
	}
	if wait := g.shut(); wait > 0 {
		return b.down(ctx, open, wait)
	}
	if len(open) == 1 && !open[0].sure {
		if settled, wait := b.lookUpPage(ctx, g, &open[0]); settled || wait > 0 {
			return wait
		}
	}
	urgent := open[0].Severity <= "P1"
	wait, err := b.budgets.take(ctx, to, urgent)
	if err != nil {
		b.cfg.Log.Warn("budget not asked", "to", to.String(), "error", err)
		wait = idle
	}
	if wait > 0 {
		b.Counters.Limited.Add(1)
		return wait
	}
	if wait := g.enter(); wait > 0 {
		return b.down(ctx, open, wait)
	}
	return b.sendPage(ctx, g, to, open)
}

// call is a page with the incident it is about.
type call struct {
	held
	view view
}

// wanted reads the incident of a page and drops the page if it has been answered meanwhile.
func (b *Bot) wanted(ctx context.Context, p held) (call, bool) {
	i, lines, err := b.cfg.Incidents.Look(ctx, p.Incident, tail)
	if errors.Is(err, incidents.ErrUnknown) {
		b.ended(b.cfg.Escalation.Drop(ctx, p.Page, "gone"))
		return call{}, false
	}
	if err != nil {
		b.later(ctx, p, idle)
		return call{}, false
	}
	// Somebody who is called by a person is called also about what another has acknowledged.
	if !i.Open() || i.State == incidents.Acknowledged && p.Step >= 0 || i.SnoozedUntil != nil && p.Step >= 0 {
		b.ended(b.cfg.Escalation.Drop(ctx, p.Page, "answered"))
		return call{}, false
	}
	c := call{held: p, view: view{incident: i, lines: lines, now: time.Now()}}
	if c.view.requests, err = b.requestsOf(ctx, p.Incident); err != nil {
		b.cfg.Log.Warn("requests not read", "incident", p.Incident, "error", err)
	}
	return c, true
}

func (b *Bot) later(ctx context.Context, p held, wait time.Duration) {
	b.ended(b.cfg.Escalation.Later(context.WithoutCancel(ctx), p.Page, wait, ""))
}

// ended logs what could not be settled: the page's lease ends by itself and it comes again.
func (b *Bot) ended(err error) {
	if errors.Is(err, escalation.ErrStale) {
		b.Counters.Stale.Add(1)
	}
	if err != nil {
		b.cfg.Log.Warn("page not settled", "error", err)
	}
}

// lookUpPage asks whether a page whose sender died has arrived.
func (b *Bot) lookUpPage(ctx context.Context, g *gate, c *call) (settled bool, wait time.Duration) {
	to, _ := parseAddress(c.Address)
	// A card that stands may have been redrawn since, under a name of its own: it would not be found by the page's.
	if cards, err := b.known(ctx, c.Incident); err != nil {
		b.later(ctx, c.held, idle)
		return true, 0
	} else if slices.ContainsFunc(cards, func(k card) bool { return k.field == pageField(to, c.Key) && k.Ref != nil }) {
		b.Counters.Found.Add(1)
		b.paged(ctx, to, c, nil, "")
		return true, 0
	}
	if wait := g.enter(); wait > 0 {
		return false, wait
	}
	ref, found, err := g.platform.Find(ctx, to, bounded(c.Key), c.QueuedAt)
	if err != nil && !errors.Is(err, ErrCannotFind) {
		pause := g.failed(false)
		b.later(ctx, c.held, pause)
		return true, 0
	}
	g.ok()
	if !found {
		return false, 0
	}
	b.Counters.Found.Add(1)
	found = b.pageMessage(to, []call{*c}).Card != nil
	if !found {
		b.paged(ctx, to, c, nil, "")
		return true, 0
	}
	b.paged(ctx, to, c, &ref, "")
	return true, 0
}

// sendPage sends a message for one or several pages.
func (b *Bot) sendPage(ctx context.Context, g *gate, to Address, list []call) time.Duration {
	m := b.pageMessage(to, list)
	limited, cancel := context.WithDeadline(context.WithoutCancel(ctx), minTime(time.Now().Add(b.cfg.SendTimeout), list[0].until))
	defer cancel()
	failpoint.Hit("page_before_send")
	ref, err := g.platform.Send(limited, m)
	failpoint.Hit("page_sent_before_record")
	if err != nil {
		return b.pageFailed(ctx, g, to, list, err)
	}
	g.ok()
	b.Counters.Sent.Add(1)
	for i := range list {
		switch {
		case len(list) > 1:
			b.Counters.Bundled.Add(1)
			b.paged(ctx, to, &list[i], nil, "")
		case m.Card == nil:
			b.paged(ctx, to, &list[i], nil, "")
		default:
			b.paged(ctx, to, &list[i], &ref, digestOf(m.Card))
		}
	}
	return 0
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// pageMessage is a card for one page, a digest for several, and words for a channel that has the incident's card already.
func (b *Bot) pageMessage(to Address, list []call) Message {
	if len(list) > 1 {
		return b.digest(to, list)
	}
	c := &list[0]
	m := b.incidentMessage(&c.view, to, c.Person != "")
	m.Key = bounded(c.Key)
	if c.Person == "" && slices.Contains(c.view.incident.Channels, c.Address) {
		if c.Nobody {
			m.Text = m.Card.Headline + " · " + b.reader(to).say("nobody_paged")
		}
		m.Card = nil
	}
	return m
}

// paged ends a page that arrived, and keeps where its card stands; ref is nil where it has none of its own.
func (b *Bot) paged(ctx context.Context, to Address, c *call, ref *Ref, digest string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	b.Counters.Paged.Add(1)
	if ref != nil {
		s := standing{Ref: ref, Gen: 1, Digest: digest, Loud: c.view.news(), Line: c.view.lastLine(), Page: c.Person != "", Person: c.Person}
		if err := b.stand(ctx, c.Incident, pageField(to, c.Key), s.encode(), false); err != nil {
			b.cfg.Log.Warn("page's card not kept", "incident", c.Incident, "error", err)
		}
	}
	failpoint.Hit("page_stands")
	b.ended(b.cfg.Escalation.Sent(ctx, c.Page))
}

// pageFailed decides what a refusal means for pages.
func (b *Bot) pageFailed(ctx context.Context, g *gate, to Address, list []call, err error) time.Duration {
	var refusal *SendError
	kind := Unknown
	if errors.As(err, &refusal) {
		kind = refusal.Kind
	}
	b.cfg.Log.Warn("page not delivered", "incident", list[0].Incident, "to", to.String(), "error", fmt.Sprint(err))
	switch kind {
	case RateLimited:
		g.ok()
		wait := max(refusal.RetryAfter, time.Second)
		if err := b.budgets.hold(context.WithoutCancel(ctx), to, wait); err != nil {
			b.cfg.Log.Warn("hold not kept", "to", to.String(), "error", err)
		}
		return b.down(ctx, list, wait)
	case Refused, Gone:
		g.ok()
		b.Counters.Refused.Add(1)
		b.giveUp(ctx, list, "refused")
		return 0
	case Misconfigured:
		g.failed(true)
		b.giveUp(ctx, list, "refused")
		return 0
	case Retry:
		return b.down(ctx, list, g.failed(false))
	}
	// It may have arrived: given back without the mark that it surely did not, so that it is looked up first.
	b.Counters.Failed.Add(1)
	wait := g.failed(false)
	for _, c := range list {
		b.later(ctx, c.held, wait)
	}
	return 0
}

// horizon is how long a page waits for a platform that is down.
const horizon = 24 * time.Hour

// down is for a platform that takes nothing now: loud pages go elsewhere when they have waited long enough, the others wait.
func (b *Bot) down(ctx context.Context, list []call, wait time.Duration) time.Duration {
	now, err := b.cfg.Store.Now(ctx, list[0].Incident.Shard())
	if err != nil {
		return wait
	}
	var old []call
	rest := 0
	for _, c := range list {
		waited := now.Sub(c.QueuedAt)
		if waited >= b.cfg.Elsewhere && c.Severity <= "P1" || waited >= horizon {
			old = append(old, c)
		} else {
			rest++
		}
	}
	if rest == 0 {
		b.giveUp(ctx, old, "down")
		return 0
	}
	// A loud page is looked at again when its time to go elsewhere comes, however long the platform asks us to wait.
	if list[0].Severity <= "P1" {
		wait = min(wait, max(b.cfg.Elsewhere-now.Sub(list[0].QueuedAt), firstPause))
	}
	return wait
}

// giveUp ends pages that their platform does not take: the person is told elsewhere where that is possible, and the history says so.
func (b *Bot) giveUp(ctx context.Context, list []call, reason string) {
	for i := range list {
		c := &list[i]
		b.Counters.Failed.Add(1)
		why := reason
		if b.elsewhere(ctx, c) {
			why += "_elsewhere"
		}
		b.ended(b.cfg.Escalation.Failed(context.WithoutCancel(ctx), c.Page, why))
	}
}

// elsewhere tells the person of a page on another platform, or the fallback channel; false: nobody could be told.
func (b *Bot) elsewhere(ctx context.Context, c *call) bool {
	cards, err := b.known(ctx, c.Incident)
	if err == nil && c.Person != "" && slices.ContainsFunc(cards, func(k card) bool { return k.Person == c.Person && k.Ref != nil && k.to.String() != c.Address }) {
		return true // they hold this incident's card on another platform already
	}
	for _, to := range b.others(c) {
		g := b.gates[to.Platform]
		if wait, err := b.budgets.take(ctx, to, true); wait > 0 || err != nil || g.enter() > 0 {
			continue
		}
		m := b.incidentMessage(&c.view, to, true)
		m.Key = bounded(c.Key + "/" + to.Platform)
		limited, cancel := context.WithTimeout(ctx, b.cfg.SendTimeout)
		ref, err := g.platform.Send(limited, m)
		cancel()
		if err != nil {
			g.failed(false)
			continue
		}
		g.ok()
		b.Counters.Sent.Add(1)
		s := standing{Ref: &ref, Gen: 1, Digest: digestOf(m.Card), Loud: c.view.news(), Line: c.view.lastLine(), Page: true, Person: c.Person}
		if err := b.stand(context.WithoutCancel(ctx), c.Incident, pageField(to, m.Key), s.encode(), false); err != nil {
			b.cfg.Log.Warn("page's card not kept", "incident", c.Incident, "error", err)
		}
		return true
	}
	if b.cfg.Fallback == (Address{}) || b.cfg.Fallback.String() == c.Address {
		return false
	}
	r := b.reader(b.cfg.Fallback)
	words := r.say("fallback_page", "who", name(b.people(), c.Person), "to", c.Address, "title", headline(&c.view.incident))
	if err := b.tellFallback(ctx, c.Key+"/fallback", words); err != nil {
		b.cfg.Log.Error("nobody could be told of a page", "incident", c.Incident, "error", err)
		return false
	}
	return true
}

// others are the person's addresses on the other platforms, in a fixed order.
func (b *Bot) others(c *call) []Address {
	p, ok := b.people().Person(c.Person)
	if !ok {
		return nil
	}
	var out []Address
	for name := range b.gates {
		if to, ok := PersonAddress(p, name); ok && !strings.HasPrefix(c.Address, name+":") {
			out = append(out, to)
		}
	}
	slices.SortFunc(out, func(a, b Address) int { return strings.Compare(a.Platform, b.Platform) })
	return out
}

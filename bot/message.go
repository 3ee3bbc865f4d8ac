package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// message is the card that should stand at a place, with digests of the whole of it and of what in it is news.
func (d *drawing) message() (m Message, digest, loud string) {
	c := d.card
	if d.output != nil {
		m = d.outputMessage()
		m.Key = c.messageKey(d.lease.id)
		return m, digestOf(m.Card), string(d.output.run.State)
	}
	m = d.bot.incidentMessage(d.view, c.to, c.Page)
	m.Key = c.messageKey(d.lease.id)
	return m, digestOf(m.Card), d.view.news()
}

// incidentMessage renders an incident for a place.
func (b *Bot) incidentMessage(v *view, to Address, page bool) Message {
	s := scene{incident: &v.incident, lines: v.lines, requests: v.requests, people: b.people(), reader: b.reader(to),
		sign: b.signers[to.Platform].sign, actions: b.hasActions(), page: page}
	if webURL(b.cfg.Console) {
		s.console = strings.TrimRight(b.cfg.Console, "/")
	}
	card := s.render()
	return Message{To: to, Card: card, Text: card.Headline + " · " + card.Status}
}

// digestOf tells two cards apart by what is read on them: the version alone is no difference.
func digestOf(c *Card) string {
	plain := *c
	plain.Version = 0
	out, err := json.Marshal(plain)
	if err != nil {
		panic("bot: " + err.Error()) // texts and numbers only
	}
	sum := sha256.Sum256(out)
	return hex.EncodeToString(sum[:12])
}

// news is what in an incident is worth a new message where the old one cannot be changed: its state, and that of its requests.
func (v *view) news() string {
	var b strings.Builder
	b.WriteString(loudness(&v.incident))
	for _, r := range shown(v.requests) {
		fmt.Fprintf(&b, "|%s %s", r.ID, r.State)
	}
	return shortHash(b.String())
}

// refused tells log and fallback channel, once an hour, that a place takes nothing.
func (b *Bot) refused(ctx context.Context, to Address, why *SendError) {
	code := ""
	if why != nil {
		code = why.Code
	}
	b.cfg.Log.Error("platform refuses messages", "to", to.String(), "code", code)
	if to == b.cfg.Fallback {
		return
	}
	first, err := b.cfg.Store.First(ctx, "refused/"+shortHash(to.String()), time.Hour)
	if err != nil || !first {
		return
	}
	r := b.reader(b.cfg.Fallback)
	if err := b.tellFallback(ctx, "f/"+shortHash(to.String()+time.Now().UTC().Format("2006010215")), r.say("fallback_refused", "to", to, "code", code)); err != nil {
		b.cfg.Log.Error("fallback not told", "error", err)
	}
}

// tellFallback says a sentence in the fallback channel.
func (b *Bot) tellFallback(ctx context.Context, key, words string) error {
	g := b.gates[b.cfg.Fallback.Platform]
	if g == nil {
		return fmt.Errorf("tell fallback channel: %w", errNotHere)
	}
	if wait := g.enter(); wait > 0 {
		return fmt.Errorf("tell fallback channel %s: the platform is down", b.cfg.Fallback)
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.SendTimeout)
	defer cancel()
	_, err := g.platform.Send(ctx, Message{Key: bounded(key), To: b.cfg.Fallback, Text: words})
	if err != nil {
		g.failed(false)
		return fmt.Errorf("tell fallback channel %s: %w", b.cfg.Fallback, err)
	}
	g.ok()
	return nil
}
